"""OpenAI's Images API: pictures from words, and from other pictures.

A request is JSON or a form; `generation`, `edit` and `variation` say what it means, `render` and
`ImagesEncoder` what clients hear.

Accepted, and without effect because upstream has nothing like it: `moderation`, `style`, `user`,
`safety_identifier`, `input_fidelity`, `complexity`. Refused by name: transparent backgrounds, masks. Beyond
the official format, events of a stream carry the `index` of their picture, and the address of a finished one.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, TypeVar

import orjson
from pydantic import Field as Checked

from grokdesk.core.catalog import MODELS, Does
from grokdesk.core.errors import GrokDeskError, InvalidRequest, Unsupported
from grokdesk.core.media import AUTO, MOST_IMAGES, ImageRequest, image_ratio
from grokdesk.core.offer import EVERYTHING, Offer
from grokdesk.core.tokens import estimate
from grokdesk.dialects import form_fields, openai_media, sse
from grokdesk.dialects.body import Body, Count, NonEmpty
from grokdesk.dialects.form_fields import Field
from grokdesk.dialects.json_text import sound
from grokdesk.dialects.reading import checked, read, required
from grokdesk.dialects.references import Source, sources

USUAL_MODEL: Final = "grok-imagine-image"
USUAL_EDIT_MODEL: Final = "grok-imagine-image-edit"

_WHOLE: Final = frozenset({"n", "partial_images", "output_compression"})
_FLAGS: Final = frozenset({"stream"})
_FINE: Final = frozenset({"high", "hd", "xhigh", "max"})
_PREVIEWS: Final = 3
# As far as one can say what a model gives, in the words of this API.
_QUALITIES: Final = {Does.SKETCH: "low", Does.QUALITY: "high"}
_VARIATION: Final = (
    "Make a variation of this picture: the same subject, style and mood, with another arrangement and other "
    "details."
)


class _Wanted(Body):
    """What all three kinds of requests say."""

    model: NonEmpty | None = None
    n: Annotated[Count, Checked(ge=1, le=MOST_IMAGES)] | None = None
    size: str | None = None
    aspect_ratio: str | None = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = None
    partial_images: Annotated[Count, Checked(ge=0, le=_PREVIEWS)] | None = None
    output_format: Literal["png", "jpeg", "jpg", "webp"] | None = None
    output_compression: Annotated[Count, Checked(ge=0, le=100)] | None = None
    quality: Literal["auto", "standard", "low", "medium", "high", "hd", "xhigh", "max"] | None = None
    background: Literal["auto", "opaque", "transparent"] | None = None


class _Worded(_Wanted):
    """A request with a prompt."""

    prompt: Annotated[str, Checked(max_length=32_000)] | None = None


class _Edit(_Worded):
    """A request to change pictures."""

    image: object = None
    images: object = None
    mask: object = None


class _Variation(_Wanted):
    """A request for more of the same."""

    image: object = None


Kind = TypeVar("Kind", bound=_Wanted)
Format = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class ImagesAsked:
    """What a client wants: pictures, and how it wants to have them.

    The pictures to begin with are `sources`, and not yet in `request`. `embedded`: in the answer itself,
    which in a stream they always are. `format` is None for what they are anyway;
    `compression` is a quality in percent. `previews` is how many are sent of each picture at most.
    """

    request: ImageRequest
    sources: tuple[Source, ...] = ()
    stream: bool = False
    previews: int = 0
    embedded: bool = False
    format: Format | None = None
    compression: int | None = None

    @property
    def quality(self) -> str:
        """What the answer says of the quality."""
        return _QUALITIES.get(EVERYTHING.named(self.request.model).does, "medium")

    @property
    def usage(self) -> dict[str, object]:
        """The members that clients rely on. Of pictures Grok tells no tokens; words are estimated."""
        words = estimate(self.request.prompt)
        return {
            "input_tokens": words,
            "input_tokens_details": {"text_tokens": words, "image_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 0},
            "total_tokens": words,
        }


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture. `data` is empty when only its address is told; `prompt` is what Grok made of it."""

    media_type: str
    width: int
    height: int
    url: str
    data: bytes = b""
    prompt: str = ""


# --- reading ------------------------------------------------------------------------------------------------


def generation(body: bytes | Sequence[Field], *, offer: Offer = EVERYTHING) -> ImagesAsked:
    """Read a request for pictures from words: JSON, or fields of a form.

    Raises `InvalidRequest` with the path of the first wrong member, `Unsupported` for what Grok cannot do.
    """
    wanted = _read(_Worded, body)
    model = openai_media.model_for(wanted.model, USUAL_MODEL, offer)
    if model.does is Does.IMAGE and wanted.quality in _FINE:
        model = next(one for one in MODELS if one.does is Does.QUALITY)
    request = ImageRequest(model.name, openai_media.said(wanted.prompt), ratio=_ratio(wanted, AUTO))
    return _asked(wanted, request)


def edit(body: bytes | Sequence[Field], *, offer: Offer = EVERYTHING) -> ImagesAsked:
    """Read a request to change pictures. Raises as `generation` does."""
    wanted = _read(_Edit, body)
    if wanted.mask is not None:
        raise Unsupported(
            "Grok changes whole pictures and takes no mask.",
            param="mask",
            hint="Say in the prompt what is to change and what is to stay.",
        )
    prompt = openai_media.said(wanted.prompt)
    given = [*sources(wanted.image, "image"), *sources(wanted.images, "images")]
    return _changed(wanted, prompt, given, offer)


def variation(body: bytes | Sequence[Field], *, offer: Offer = EVERYTHING) -> ImagesAsked:
    """Read a request for variations of a picture. Raises as `generation` does."""
    wanted = _read(_Variation, body)
    return _changed(wanted, _VARIATION, sources(wanted.image, "image"), offer)


def _read(kind: type[Kind], body: bytes | Sequence[Field]) -> Kind:
    if isinstance(body, bytes):
        return read(kind, body)
    return checked(kind, form_fields.members(body, whole=_WHOLE, flags=_FLAGS))


def _changed(wanted: _Wanted, prompt: str, given: Sequence[Source], offer: Offer) -> ImagesAsked:
    if not given:
        raise required("image")
    model = openai_media.model_for(wanted.model, USUAL_EDIT_MODEL, offer)
    if model.does is not Does.EDIT:
        raise InvalidRequest(
            f"The model '{model.name}' does not change pictures.",
            param="model",
            hint=f"Use {USUAL_EDIT_MODEL}, or leave the model out.",
        )
    # An edit is as its first picture unless the client says otherwise.
    ratio = _ratio(wanted, "")
    request = ImageRequest(model.name, prompt, ratio="" if ratio == AUTO else ratio)
    return replace(_asked(wanted, request), sources=tuple(given))


def _asked(wanted: _Wanted, request: ImageRequest) -> ImagesAsked:
    if wanted.background == "transparent":
        raise Unsupported(
            "Grok makes no transparent backgrounds.", param="background", hint="Leave it out, or say opaque."
        )
    previews = (wanted.partial_images or 0) if wanted.stream else 0
    return ImagesAsked(
        replace(request, count=wanted.n or 1, previews=previews > 0),
        stream=bool(wanted.stream),
        previews=previews,
        embedded=wanted.response_format == "b64_json" or bool(wanted.stream),
        format="jpeg" if wanted.output_format == "jpg" else wanted.output_format,
        compression=wanted.output_compression,
    )


def _ratio(wanted: _Wanted, usual: str) -> str:
    param = "aspect_ratio" if wanted.aspect_ratio else "size"
    return image_ratio(wanted.size or "", wanted.aspect_ratio or "", param=param, usual=usual)


# --- telling ------------------------------------------------------------------------------------------------


def render(asked: ImagesAsked, created: int, pictures: Sequence[Picture]) -> bytes:
    """Return the body of an answer that is not streamed."""
    return orjson.dumps(
        {
            "created": created,
            "background": "opaque",
            **({**_look(pictures[0])} if pictures else {}),
            "quality": asked.quality,
            "data": [_entry(picture) for picture in pictures],
            "usage": asked.usage,
        }
    )


class ImagesEncoder:
    """Writes a streamed answer: `event` is `image_generation` or `image_edit`, `created` Unix seconds."""

    def __init__(self, asked: ImagesAsked, event: str, created: int) -> None:
        self._asked = asked
        self._event = event
        self._created = created
        self._previews: dict[int, int] = {}

    def wants_preview(self, slot: int) -> bool:
        """Whether one more unfinished picture of this slot is told."""
        return self._previews.get(slot, 0) < self._asked.previews

    def preview(self, data: bytes, media_type: str, slot: int) -> bytes:
        """Return the frame of an unfinished picture."""
        index = self._previews.get(slot, 0)
        self._previews[slot] = index + 1
        return self._frame(
            "partial_image",
            {
                "b64_json": b64encode(data).decode(),
                "partial_image_index": index,
                "index": slot,
                "size": AUTO,
                "output_format": _format(media_type),
            },
        )

    def completed(self, picture: Picture, slot: int) -> bytes:
        """Return the frame of a finished picture."""
        return self._frame(
            "completed",
            {
                **_entry(picture),
                "url": picture.url,
                "index": slot,
                **_look(picture),
                "usage": self._asked.usage,
            },
        )

    def fail(self, error: GrokDeskError) -> bytes:
        """Return the frame for which official clients raise `APIError`."""
        return sse.frame(openai_media.envelope(error), "error")

    def _frame(self, what: str, members: Mapping[str, object]) -> bytes:
        name = f"{self._event}.{what}"
        about = {
            "type": name,
            "created_at": self._created,
            "background": "opaque",
            "quality": self._asked.quality,
        }
        return sse.frame(orjson.dumps({**about, **members}), name)


def _entry(picture: Picture) -> dict[str, object]:
    entry: dict[str, object] = (
        {"b64_json": b64encode(picture.data).decode()} if picture.data else {"url": picture.url}
    )
    if picture.prompt:
        entry["revised_prompt"] = sound(picture.prompt)
    return entry


def _look(picture: Picture) -> dict[str, object]:
    # What is not known is said to be as it came.
    size = f"{picture.width}x{picture.height}" if picture.width and picture.height else AUTO
    return {"size": size, "output_format": _format(picture.media_type)}


def _format(media_type: str) -> str:
    return media_type.removeprefix("image/")
