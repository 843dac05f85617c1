"""Files that come with a request, as addresses, as `data:` URIs and in base64 → `Media`.

Everything here raises `InvalidRequest` with the path it is given when a file cannot be read.
"""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest
from grokdesk.dialects.body import Recording
from grokdesk.dialects.reading import required

_DATA: Final = "data:"
_AUDIO_TYPES: Final = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}


def linked(text: str, path: str) -> Media:
    """Return what an address or a `data:` URI stands for."""
    return _from_uri(text, path) if _is_uri(text) else from_address(text, path)


def embedded(text: str, path: str, *, name: str = "", media_type: str = "") -> Media:
    """Return what base64 or a `data:` URI contains; a URI names its own type."""
    if _is_uri(text):
        return _from_uri(text, path, name)
    return Media(data=_from_base64(text, path), media_type=media_type, name=name)


def recording(audio: Recording | None, path: str) -> Media:
    """Return a recording of OpenAI's clients."""
    if audio is None:
        raise required(path)
    kind = audio.format.lower()
    return embedded(audio.data, f"{path}.data", media_type=_AUDIO_TYPES.get(kind, f"audio/{kind}"))


def from_address(address: str, path: str, name: str = "") -> Media:
    """Return what lies at an address."""
    if not is_address(address):
        raise InvalidRequest(f"'{path}' must be an http(s) address or a data: URI.", param=path)
    return Media(url=address, name=name)


def is_address(text: str) -> bool:
    """Whether `text` is an address that can be fetched."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def unpacked(text: str) -> bytes:
    """Return what base64 contains. Raises `ValueError` when it is none.

    Line breaks and missing padding, which clients leave to chance, do not matter.
    """
    packed = "".join(text.split())
    return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)


def _is_uri(text: str) -> bool:
    return text[: len(_DATA)].lower() == _DATA


def _from_uri(uri: str, path: str, name: str = "") -> Media:
    """Read a `data:` URI (RFC 2397)."""
    head, comma, body = uri[len(_DATA) :].partition(",")
    if not comma:
        raise InvalidRequest(f"'{path}' is not a data: URI: it has no comma before the data.", param=path)
    media_type, *more = (step.strip().lower() for step in head.split(";"))
    data = _from_base64(body, path) if "base64" in more else _filled(unquote_to_bytes(body), path)
    return Media(data=data, media_type=media_type, name=name)


def _from_base64(text: str, path: str) -> bytes:
    try:
        data = unpacked(text)
    except ValueError:
        raise InvalidRequest(f"'{path}' is not valid base64.", param=path) from None
    return _filled(data, path)


def _filled(data: bytes, path: str) -> bytes:
    if not data:
        raise InvalidRequest(f"'{path}' is empty.", param=path)
    return data
