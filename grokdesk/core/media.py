"""Pictures and films: what is asked for, what upstream made, and what is kept of it here.

Sizes of the public formats become one of `RATIOS` here, because Grok knows only ratios
(protocol/grok-web-media.md §2.3, §5.4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import log
from types import MappingProxyType
from typing import Final

from grokdesk.core.accounts import AccountId
from grokdesk.core.conversation import ChatRequest, Media
from grokdesk.core.errors import InvalidRequest

NOBODY: Final = AccountId("")

MOST_IMAGES: Final = 10
MOST_REFERENCES: Final = 7
LONGEST_FILM_S: Final = 20

# In the order in which errors list them.
RATIOS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "1:1": 1.0,
        "3:2": 3 / 2,
        "2:3": 2 / 3,
        "4:3": 4 / 3,
        "3:4": 3 / 4,
        "16:9": 16 / 9,
        "9:16": 9 / 16,
        "2:1": 2.0,
        "1:2": 1 / 2,
        "19.5:9": 19.5 / 9,
        "9:19.5": 9 / 19.5,
        "20:9": 20 / 9,
        "9:20": 9 / 20,
    }
)
AUTO: Final = "auto"
FILM_RATIOS: Final = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")

# These sizes have always stood for these ratios, which are not the nearest ones.
_IMAGE_SIZES: Final = {"1792x1024": "3:2", "1024x1792": "2:3"}
_PIXELS: Final = re.compile(r"([1-9]\d{1,4})\s*[x×*]\s*([1-9]\d{1,4})")


class Kind(StrEnum):
    """What a file is."""

    IMAGE = "image"
    VIDEO = "video"


class Preset(StrEnum):
    """How freely a film treats its prompt (§5.3)."""

    CUSTOM = "custom"
    NORMAL = "normal"
    FUN = "fun"
    SPICY = "spicy"


class Resolution(StrEnum):
    """The height of a film."""

    P480 = "480p"
    P720 = "720p"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """Pictures to be made; with `references`, from these.

    `ratio` is one of `RATIOS` or `AUTO`; empty leaves it to upstream, for an edit to the first reference.
    `previews` says that unfinished pictures are wanted too.
    """

    model: str
    prompt: str
    count: int = 1
    ratio: str = ""
    references: tuple[Media, ...] = ()
    previews: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """What upstream calls a job, as far as it has said: what a lost result can be found by.

    `parent_post_id` is the post that the job began with, `post_id` the one of the film itself.
    """

    account: AccountId = NOBODY
    conversation_id: str = ""
    response_id: str = ""
    post_id: str = ""
    parent_post_id: str = ""
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class Film:
    """A film that is to be made longer: where it is, how long, and the prompt it came from."""

    trace: Trace
    seconds: float
    prompt: str


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """A film of `seconds` to be made; with `references`, from these pictures.

    `ratio` is one of `FILM_RATIOS`, or empty: as the first reference, else 16:9. With `continues`, `seconds`
    are added to that film, by the account that made it.
    """

    model: str
    prompt: str
    seconds: int = 6
    ratio: str = ""
    resolution: Resolution = Resolution.P720
    preset: Preset = Preset.CUSTOM
    references: tuple[Media, ...] = ()
    continues: Film | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """One picture or film that upstream has made.

    `data` is the file when it came with the answer, else it is fetched from `url`, by the account that made
    it unless `public`. `prompt` is what upstream made of the prompt, if it said. `width`, `height` (pixels)
    and `seconds` are 0 when it did not say.
    """

    kind: Kind
    url: str = ""
    data: bytes = field(default=b"", repr=False)
    public: bool = False
    thumbnail_url: str = ""
    trace: Trace = Trace()
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    prompt: str = ""
    adult: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """How a file came about: what was asked of which model, by whom, and which account made it.

    `request` is the id of the request in the list of requests, or of the job.
    """

    prompt: str = ""
    model: str = ""
    account: AccountId = NOBODY
    account_name: str = ""
    client: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the library.

    `id` is 32 hex digits that nobody can guess: it names the file in links. `digest` is the SHA-256 of the
    content in hex, by which it lies on disk. `removed_at` is set while a removal can be undone.
    `thumbnail` says that there is a small JPEG beside it.
    """

    id: str
    kind: Kind
    digest: str
    media_type: str
    size: int
    created_at: float
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    origin: Origin = Origin()
    trace: Trace = Trace()
    adult: bool = False
    favourite: bool = False
    tags: tuple[str, ...] = ()
    thumbnail: bool = False
    removed_at: float | None = None

    @property
    def path(self) -> str:
        """Where the gateway serves it, as an absolute path."""
        return f"/v1/files/{self.kind.value}/{self.id}{self.suffix}"

    @property
    def suffix(self) -> str:
        """The end of its file name, with the dot."""
        return _SUFFIXES.get(self.media_type, ".bin")


_SUFFIXES: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
}


Request = ChatRequest | ImageRequest | VideoRequest


# --- sizes and lengths --------------------------------------------------------------------------------------


def image_ratio(size: str, ratio: str = "", *, param: str = "size", usual: str = "") -> str:
    """The ratio that `size` (pixels, a ratio, `auto`, or empty) or `ratio`, which wins, stands for.

    Raises `InvalidRequest` for what is neither, naming `param`.
    """
    said = (ratio or size).strip().lower()
    if not said:
        return usual
    if said == AUTO or said in RATIOS:
        return said
    if said in _IMAGE_SIZES:
        return _IMAGE_SIZES[said]
    return _nearest(said, tuple(RATIOS), param)


def film_ratio(size: str, ratio: str = "", *, param: str = "size") -> str:
    """The same for films, which know fewer ratios; empty when nothing was said."""
    said = (ratio or size).strip().lower()
    if said in {"", AUTO}:
        return ""
    return said if said in FILM_RATIOS else _nearest(said, FILM_RATIOS, param)


def _nearest(said: str, names: tuple[str, ...], param: str) -> str:
    pixels = _PIXELS.fullmatch(said)
    if pixels is None:
        raise InvalidRequest(
            f"'{param}' is {said[:40]!r}; it must be a size in pixels such as 1024x1024, "
            f"or one of {', '.join(names)}, auto.",
            param=param,
        )
    wanted = log(int(pixels[1]) / int(pixels[2]))
    return min(names, key=lambda name: abs(log(RATIOS[name]) - wanted))


def film_seconds(said: str | float | None, *, usual: int = 6, param: str = "seconds") -> int:
    """The length of a film. Raises `InvalidRequest` naming `param` for none of 1 to `LONGEST_FILM_S`."""
    if said is None or said == "":
        return usual
    try:
        seconds = float(said)
    except ValueError:
        seconds = 0.0
    if not (seconds.is_integer() and 1 <= seconds <= LONGEST_FILM_S):
        raise InvalidRequest(
            f"'{param}' is {str(said)[:40]!r}; it must be a whole number of seconds, 1 to {LONGEST_FILM_S}.",
            param=param,
        )
    return int(seconds)
