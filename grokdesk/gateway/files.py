"""The pictures and films that are kept, for whoever has the link (decision 8).

A link needs no key: its name is what nobody can guess. Whatever is wrong with a name, the answer is the same.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from grokdesk.core.conversation import ChatRequest, Media, Part
from grokdesk.core.errors import InvalidRequest, NotFound, Unsupported
from grokdesk.core.media import Kept, Kind
from grokdesk.dialects.references import Source, file_id
from grokdesk.gateway.auth import reached_at
from grokdesk.gateway.ports import Form, Library, Services
from grokdesk.platform.tasks import offload

log = logging.getLogger(__name__)

Read = Callable[[int, int], Awaitable[bytes]]
"""Gives the bytes from the first number on, at most as many as the second; fewer only at the end."""

_NAME: Final = re.compile(r"([0-9a-f]{32})(\.[a-z0-9]{3,4})?")
_NOBODY: Final = "0" * 32
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_PIECE: Final = 256 * 1024
_FOREVER: Final = "private, max-age=31536000, immutable"
_FORMATS: Final[Mapping[str, Form]] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_SUFFIXES: Final[Mapping[Form, str]] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_FORMS: Final[Mapping[str, Form]] = {f"image/{form}": form for form in _SUFFIXES}
# What Pillow's own default would be is too coarse for pictures that will be looked at.
USUAL_QUALITY: Final = 92
_BEST_QUALITY: Final = 100


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent. `tag` names its content; `changed_at` is Unix seconds."""

    name: str
    media_type: str
    size: int
    tag: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class Converted:
    """The form a picture is wanted in: `png`, `jpeg` or `webp`, and its quality from 1 to 100."""

    kind: Form
    quality: int = USUAL_QUALITY

    @property
    def media_type(self) -> str:
        """Its MIME type."""
        return f"image/{self.kind}"


def conversion(kept: Kept, kind: Form | None, compression: int | None) -> Converted | None:
    """Return how a picture becomes what is wanted; None when it is that already.

    Without `kind` it stays of its own. `compression` is a quality in percent, which PNG has not.
    """
    current = _FORMS.get(kept.media_type)
    wanted = kind or current
    if wanted is None:
        return None
    is_smaller = compression is not None and compression < _BEST_QUALITY and wanted != "png"
    if wanted == current and not is_smaller:
        return None
    return Converted(wanted, USUAL_QUALITY if compression is None else max(1, compression))


def link(root: str, kept: Kept, form: Converted | None = None) -> str:
    """Return the address of a file, also of a picture in another form, at a gateway that is at `root`."""
    if form is None:
        return root + kept.path
    stem = root + kept.path.removesuffix(kept.suffix)
    coarser = f"?compression={form.quality}" if form.quality != USUAL_QUALITY else ""
    return stem + _SUFFIXES[form.kind] + coarser


def root_of(request: web.Request, services: Services) -> str:
    """Return the address of this gateway, under the name by which this client reaches it."""
    return reached_at(request, services.settings.now.gateway)


def links_for(request: web.Request, services: Services) -> Callable[[Kept], str]:
    """Return what gives the addresses of files to this client, also after its request is over."""
    root = root_of(request, services)
    return lambda kept: link(root, kept)


def library_of(services: Services) -> Library:
    """Return the library. Raises `Unsupported` when this gateway has none."""
    if services.library is None:
        raise Unsupported("This gateway keeps no pictures and films.")
    return services.library


async def known_file(services: Services, name: str) -> Kept | None:
    """Return the file with this id, unless it was removed."""
    kept = await services.library.find(name) if services.library is not None else None
    return kept if kept is not None and kept.removed_at is None else None


# --- the pictures a request begins with ---------------------------------------------------------------------


async def resolved(request: web.Request, services: Services, given: Sequence[Source]) -> tuple[Media, ...]:
    """Return the pictures that `given` names; files of this gateway are read here and not fetched.

    Raises `InvalidRequest` for one that is not there.
    """
    return tuple([await _resolved(request, services, source) for source in given])


async def _resolved(request: web.Request, services: Services, source: Source) -> Media:
    if not source.file_id:
        return source.media
    kept = await known_file(services, source.file_id)
    if kept is None:
        here = urlsplit(root_of(request, services)).netloc.lower()
        if source.media.url and urlsplit(source.media.url).netloc.lower() != here:
            return source.media  # a file of another gateway
        raise InvalidRequest(
            f"'{source.path}' names a file that is not kept here.",
            param=source.path,
            hint="Send the picture itself.",
        )
    if kept.kind is not Kind.IMAGE:
        raise InvalidRequest(f"'{source.path}' names a film; it must be a picture.", param=source.path)
    return await _read(services, kept)


async def with_own_pictures(services: Services, asked: ChatRequest) -> ChatRequest:
    """Return a conversation in which links to pictures of this gateway are the pictures themselves.

    They are at an address that nobody fetches: that of this machine.
    """
    if services.library is None or not any(_own_id(part) for one in asked.messages for part in one.parts):
        return asked
    messages = [
        replace(message, parts=tuple([await _own(services, part) for part in message.parts]))
        for message in asked.messages
    ]
    return replace(asked, messages=tuple(messages))


async def _own(services: Services, part: Part) -> Part:
    name = _own_id(part)
    kept = await known_file(services, name) if name else None
    return part if kept is None or kept.kind is not Kind.IMAGE else await _read(services, kept)


def _own_id(part: Part) -> str:
    return file_id(part.url) if isinstance(part, Media) and part.url else ""


async def _read(services: Services, kept: Kept) -> Media:
    data = await library_of(services).read(kept)
    return Media(data=data, media_type=kept.media_type, name=f"{kept.id}{kept.suffix}")


# --- sending ------------------------------------------------------------------------------------------------


async def show_image(request: web.Request, services: Services) -> web.StreamResponse:
    """Send a picture. Raises `NotFound`."""
    return await _show(request, services, Kind.IMAGE)


async def show_video(request: web.Request, services: Services) -> web.StreamResponse:
    """Send a film. Raises `NotFound`."""
    return await _show(request, services, Kind.VIDEO)


async def _show(request: web.Request, services: Services, kind: Kind) -> web.StreamResponse:
    name = request.match_info.get("name") or request.query.get("id", "")
    match = _NAME.fullmatch(name)
    # Also for a name that cannot be one, so that nobody learns from the time it takes.
    kept = await known_file(services, match[1] if match else _NOBODY)
    if match is None or kept is None or kept.kind is not kind:
        raise _no_file()
    if request.query.get("thumbnail", "") in {"1", "true"}:
        return await send_thumbnail(request, services, kept)
    form = _wanted(request, kept, match[2] or "")
    if form is None:
        return await send_file(request, services, kept)
    return await _convert(request, services, kept, form)


def _wanted(request: web.Request, kept: Kept, suffix: str) -> Converted | None:
    """The form that a link asks for by its suffix. Raises `NotFound` for one that cannot be had."""
    if suffix in {"", kept.suffix} and "compression" not in request.query:
        return None
    compression = request.query.get("compression", str(_BEST_QUALITY))
    if kept.kind is not Kind.IMAGE or not re.fullmatch(r"[0-9]{1,3}", compression):
        raise _no_file()
    kind = _FORMATS.get(suffix)
    if (suffix and kind is None) or int(compression) > _BEST_QUALITY:
        raise _no_file()
    return conversion(kept, kind, int(compression) if "compression" in request.query else None)


async def send_file(
    request: web.Request, services: Services, kept: Kept, *, name: str = "", attached: bool = False
) -> web.StreamResponse:
    """Send a file, or the part of it that is asked for, as `name`. Raises `NotFound` when it is gone."""
    about = File(name or kept.id + kept.suffix, kept.media_type, kept.size, kept.digest, kept.created_at)
    with ExitStack() as held:
        path = held.enter_context(library_of(services).reading(kept))
        try:
            file = held.enter_context(await offload(path.open, "rb"))
            is_whole = (await offload(os.fstat, file.fileno())).st_size == kept.size
        except FileNotFoundError:
            is_whole = False
        if not is_whole:
            raise _no_file()

        def read(start: int, size: int) -> bytes:
            file.seek(start)
            return file.read(size)

        async def piece(start: int, size: int) -> bytes:
            return await offload(read, start, size)

        return await _send(request, about, piece, attached=attached)


async def send_thumbnail(
    request: web.Request, services: Services, kept: Kept, *, name: str = ""
) -> web.StreamResponse:
    """Send the small picture of a file. Raises `NotFound` when there is none."""
    data = await library_of(services).thumbnail(kept)
    if data is None:
        raise _no_file()
    about = File(
        name or f"{kept.id}.jpg", "image/jpeg", len(data), f"{kept.digest}-thumbnail", kept.created_at
    )
    return await _send(request, about, _slices(data))


async def _convert(
    request: web.Request, services: Services, kept: Kept, form: Converted
) -> web.StreamResponse:
    library = library_of(services)
    tag = f"{kept.digest}-{form.kind}-{form.quality}"
    about = File(kept.id + _SUFFIXES[form.kind], form.media_type, 0, tag, kept.created_at)
    if _is_known(request, about):
        return await _send(request, about, _slices(b""))
    data = await library.converted(await library.read(kept), form.kind, quality=form.quality)
    return await _send(request, replace(about, size=len(data)), _slices(data))


def _slices(data: bytes) -> Read:
    async def piece(start: int, size: int) -> bytes:
        return data[start : start + size]

    return piece


async def _send(
    request: web.Request, file: File, read: Read, *, attached: bool = False
) -> web.StreamResponse:
    headers = _headers(request, file, attached=attached)
    if _is_known(request, file):
        return web.Response(status=304, headers=headers)
    span = range(file.size)
    status = 200
    if request.method == "GET" and _is_range_meant(request, file):
        asked = _span(request.headers.get("Range", ""), file.size)
        if asked is not None and not asked:
            headers = {"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes"}
            return web.Response(status=416, headers=headers)
        if asked is not None:
            span, status = asked, 206
            headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{file.size}"
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(span)
    await response.prepare(request)
    if request.method != "HEAD":
        await _write(request, response, read, span)
    await response.write_eof()
    return response


async def _write(request: web.Request, response: web.StreamResponse, read: Read, span: range) -> None:
    at = span.start
    while at < span.stop:
        try:
            piece = await read(at, min(_PIECE, span.stop - at))
        except OSError as error:
            log.warning("file broke off at=%d reason=%s", at, error.strerror)
            piece = b""
        if not piece:
            # The headers have promised more. All that is left is to let the client see that it did not come.
            if request.transport is not None:
                request.transport.abort()
            return
        await response.write(piece)
        at += len(piece)


def _headers(request: web.Request, file: File, *, attached: bool) -> dict[str, str]:
    is_download = attached or request.query.get("download", "") in {"1", "true"}
    return {
        "Content-Type": file.media_type,
        "Content-Disposition": f'{"attachment" if is_download else "inline"}; filename="{file.name}"',
        "ETag": f'"{file.tag}"',
        "Last-Modified": formatdate(int(file.changed_at), usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": _FOREVER,
        "X-Content-Type-Options": "nosniff",
    }


def _is_known(request: web.Request, file: File) -> bool:
    """Whether the client has this content already (RFC 9110 §13.1)."""
    tags = request.if_none_match
    if tags is not None:
        return any(tag.value in {"*", file.tag} for tag in tags)
    since = request.if_modified_since
    return since is not None and int(file.changed_at) <= since.timestamp()


def _is_range_meant(request: web.Request, file: File) -> bool:
    """Whether a part is wanted of the very content that is here (RFC 9110 §13.1.5)."""
    given = request.headers.get("If-Range", "").strip()
    if not given or given == f'"{file.tag}"':
        return True
    since = request.if_range
    return since is not None and int(file.changed_at) == since.timestamp()


def _span(asked: str, size: int) -> range | None:
    """The part that is asked for: None for all of it, nothing when there is no such part.

    Several parts at once, and what is no such request, are answered with all of it (RFC 9110 §14.2).
    """
    match = _RANGE.fullmatch(asked.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return range(max(0, size - int(match[2])), size)
    first, last = int(match[1]), int(match[2] or size)
    if first > last:
        return None
    return range(min(first, size), min(last + 1, size))


def _no_file() -> NotFound:
    return NotFound("There is no such file.")
