"""Requests that come as JSON or as forms, with their files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from aiohttp import BodyPartReader, web
from aiohttp.hdrs import CONTENT_TYPE
from aiohttp.http import HttpProcessingError

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest
from grokdesk.dialects.form_fields import Field
from grokdesk.gateway.converse import apart, body_limit, read_body, too_large
from grokdesk.gateway.ports import Services

T = TypeVar("T")

_MULTIPART: Final = "multipart/form-data"
_ENCODED: Final = "application/x-www-form-urlencoded"
# What texts are never called; some clients name no file.
_FILE_TYPES: Final = ("image/", "application/octet-stream")
_MOST_FIELDS: Final = 100
_CHUNK: Final = 256 * 1024


async def read_asked(
    request: web.Request, services: Services, decode: Callable[[bytes | Sequence[Field]], T]
) -> T:
    """Return what `decode` makes of a request: the fields of a form, or else JSON, whatever it is called.

    All of it together may be as large as the owner allows. Raises `InvalidRequest`.
    """
    if request.content_type == _MULTIPART:
        fields = await _fields(request, services)
        # Files are taken as they are; a text may be a picture in base64.
        size = sum(len(field.value) for field in fields if isinstance(field.value, str))
        return await apart(size, decode, fields)
    body = await read_body(request, services)
    if request.content_type == _ENCODED:
        return await apart(len(body), lambda: decode(_encoded(body)))
    return await apart(len(body), decode, body)


async def _fields(request: web.Request, services: Services) -> list[Field]:
    limit = body_limit(request, services)
    fields: list[Field] = []
    read = 0
    try:
        async for part in _parts(request):
            data = await _content(part, limit, read)
            read += len(data)
            if part.name:
                fields.append(await apart(len(data), _field, part, data))
    # What aiohttp says of a form that is none, or of a part whose encoding or headers are.
    except (
        ValueError,
        LookupError,
        AssertionError,
        RuntimeError,
        HttpProcessingError,
        web.RequestPayloadError,
    ) as error:
        raise InvalidRequest(
            "The form in the request body cannot be read; check its boundary.", detail=str(error)
        ) from error
    return fields


async def _parts(request: web.Request) -> AsyncIterator[BodyPartReader]:
    reader = await request.multipart()
    for _ in range(_MOST_FIELDS):
        part = await reader.next()
        if part is None:
            return
        if not isinstance(part, BodyPartReader):
            raise InvalidRequest("The form in the request body must not contain another one.")
        yield part
    raise InvalidRequest(f"The form has more than {_MOST_FIELDS} fields.")


async def _content(part: BodyPartReader, limit: int, size: int) -> bytes:
    """The content of a part; `size` is how much there was before it."""
    pieces: list[bytes] = []
    before = size
    while not part.at_eof():
        piece = await part.read_chunk(_CHUNK)
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
    return await apart(size - before, lambda: bytes(part.decode(b"".join(pieces))))


def _field(part: BodyPartReader, data: bytes) -> Field:
    name, filename = part.name or "", part.filename or ""
    media_type = part.headers.get(CONTENT_TYPE, "")
    # A browser sends a file without name and content for one that nobody has chosen.
    if filename or (data and media_type.startswith(_FILE_TYPES)):
        return Field(name, Media(data=data, media_type=media_type, name=filename))
    return Field(name, data.decode("utf-8", "replace"))


def _encoded(body: bytes) -> list[Field]:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise InvalidRequest(f"The form has more than {_MOST_FIELDS} fields.") from error
    return [Field(name, value) for name, value in pairs]
