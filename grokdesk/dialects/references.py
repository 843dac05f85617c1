"""The pictures that a request for pictures or a film begins with: files, addresses, and files kept here.

Everything here raises `InvalidRequest` with the path of the picture that cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qs, urlsplit

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.file_types import sniffed
from grokdesk.core.media import MOST_REFERENCES
from grokdesk.dialects.media import linked

_FILE_ID: Final = re.compile(r"[0-9a-f]{32}")
_LINK: Final = re.compile(r"/v1/files/(?:image|video)(?:/([0-9a-f]{32})(?:\.[a-z0-9]{1,5})?)?")


@dataclass(frozen=True, slots=True)
class Source:
    """One such picture. `path` is where the request has it.

    With `file_id` it may be a file that is kept here; then `media` is at most the address the client wrote.
    """

    path: str
    media: Media = field(default_factory=Media)
    file_id: str = ""


def sources(value: object, path: str) -> tuple[Source, ...]:
    """Return the pictures in `value`: nothing, one, or a list.

    Each is a file, an address, a `data:` URI, or an object with `image_url` or `file_id`.
    """
    if isinstance(value, list):
        found = tuple(source for at, one in enumerate(value) for source in _read(one, f"{path}.{at}"))
    else:
        found = tuple(_read(value, path))
    if len(found) > MOST_REFERENCES:
        raise InvalidRequest(
            f"'{path}' has {len(found)} pictures; Grok takes at most {MOST_REFERENCES}.", param=path
        )
    return found


def file_id(address: str) -> str:
    """Return the id in a link to a file of a gateway, or nothing when it is no such link."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    match = _LINK.fullmatch(parts.path) if parts.scheme in {"http", "https"} else None
    if match is None:
        return ""
    found = match[1] or parse_qs(parts.query).get("id", [""])[0]
    return found if _FILE_ID.fullmatch(found) else ""


def picture(media: Media, path: str) -> Media:
    """Return a file with the type that its content shows, when it is a picture that Grok can read."""
    if not media.data:
        raise InvalidRequest(f"'{path}' is empty.", param=path)
    kind = picture_type(media.data)
    if not kind:
        raise InvalidRequest(
            f"'{path}' is not a picture that Grok can read.",
            param=path,
            hint="Send a PNG, JPEG, WebP or GIF file.",
        )
    return replace(media, media_type=kind)


def picture_type(data: bytes) -> str:
    """Return the MIME type of a picture by its first bytes, or nothing for anything else."""
    kind = sniffed(data)
    return kind if kind.startswith("image/") else ""


def _read(value: object, path: str) -> Iterator[Source]:
    match value:
        case None:
            return
        case Media():
            yield Source(path, picture(value, path))
        case str():
            yield _addressed(value, path)
        case {"file_id": str(name)} if name:
            yield Source(f"{path}.file_id", file_id=name.removeprefix("file-").removeprefix("file_"))
        case {"image_url": {"url": str(address)}} | {"image_url": str(address)}:
            yield _addressed(address, f"{path}.image_url")
        case {"url": str(address)}:
            yield _addressed(address, f"{path}.url")
        case _:
            raise InvalidRequest(
                f"'{path}' must be a picture: a file, an https address, a data: URI, "
                "or an object with 'image_url'.",
                param=path,
            )


def _addressed(address: str, path: str) -> Source:
    media = linked(address, path)
    return Source(path, picture(media, path) if media.data else media, file_id(address))
