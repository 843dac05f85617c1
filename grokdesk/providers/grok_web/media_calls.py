"""Files of pictures and films, and what else can be done with these (grok-web-media.md §5.6, §5.9, §6)."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    Garbled,
    InvalidRequest,
    Overloaded,
    Stopped,
    Undelivered,
    Unsupported,
    UpstreamError,
)
from grokdesk.core.media import Artifact, Kind, Trace
from grokdesk.core.ports import Download
from grokdesk.platform.wire import Reply
from grokdesk.providers.grok_web.protocol import failures, listings, loose, media_payload, render
from grokdesk.providers.grok_web.protocol.failures import Gone, NotAccepted
from grokdesk.providers.grok_web.protocol.generation import made_in
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.pictures import Place
from grokdesk.providers.grok_web.session import SMALL_BYTES, Session
from grokdesk.providers.grok_web.submitting import sent

log = logging.getLogger(__name__)

MOST_IMAGE_BYTES: Final = 64 << 20
MOST_FILM_BYTES: Final = 1 << 30

_RESPONSES: Final = "/rest/app-chat/conversations/{}/responses"
_RESPONSES_QUERY: Final = "conversationKind=CONVERSATION_KIND_IMAGINE"
_LISTING_BYTES: Final = 16 << 20
_MOST_PAGES: Final = 3
_MOST_HOPS: Final = 3
_LATER: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_PAGES: Final = ("text/html", "application/json", "application/xhtml")
_REDIRECTS: Final = {301, 302, 303, 307, 308}


# --- files --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def download(session: Session, url: str) -> AsyncIterator[Download]:
    """Fetch the file at `url`, which is at one of Grok's places for files; enter when it begins to arrive.

    Raises `InvalidRequest` for any other place. `Undelivered` means that it cannot be had, or is not a
    picture or film at all; every other `UpstreamError` that asking again may help.
    """
    for _ in range(_MOST_HOPS):
        place = session.places.of(url)
        if place is None:
            raise InvalidRequest(
                "This is not the address of a file at Grok.",
                param="url",
                detail=f"host={urlsplit(url).netloc[:200]!r}" if "\\" not in url else "",
            )
        async with session.fetch(url, owned=place is Place.OWNER) as reply:
            target = reply.headers.get("location", "")
            if reply.status in _REDIRECTS and target:
                url = urljoin(url, target)
                continue
            if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
                raise await _refusal(reply, session)
            yield await _arriving(reply, url)
            return
    raise Undelivered("Grok sends from one address of this file to the next.", hint="Try again later.")


async def _arriving(reply: Reply, url: str) -> Download:
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    first = await reply.chunk()
    if not first:
        raise Overloaded("Grok sent this file without any content.", hint="Try again in a minute.")
    if media_type.startswith(_PAGES) or first.lstrip()[:1] in {b"<", b"{"}:
        raise Undelivered(
            "Grok sent a page instead of the file.",
            hint="Try again later. If it stays like this, the file is gone.",
            detail=f"type={media_type[:100]}",
        )
    is_film = media_type.startswith("video/") or urlsplit(url).path.lower().endswith(".mp4")
    most = MOST_FILM_BYTES if is_film else MOST_IMAGE_BYTES
    length = reply.headers.get("content-length", "")
    size = int(length) if length.isdecimal() and "content-encoding" not in reply.headers else None
    if size is not None and size > most:
        raise _too_large(size)
    return Download(media_type, size, _chunks(reply, first, most))


async def _chunks(reply: Reply, first: bytes, most: int) -> AsyncIterator[bytes]:
    got, data = 0, first
    while data:
        got += len(data)
        if got > most:
            raise _too_large(got)
        yield data
        data = await reply.chunk()


def _too_large(size: int) -> Undelivered:
    return Undelivered(
        f"The file is too large to be a picture or film: {size >> 20} MB.", hint="Open it at grok.com."
    )


async def _refusal(reply: Reply, session: Session) -> UpstreamError:
    """What it means that a file was not sent (§6.5, §12.1)."""
    status = reply.status
    body = await reply.body(SMALL_BYTES)
    detail = f"file status={status}"
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Overloaded(
            "Grok's servers of files are too busy to send this one.",
            hint="Try again in a minute.",
            detail=detail,
        )
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        meant = failures.http_failure(
            status, reply.headers, body, call=Call.ASSETS, now=session.means.clock.now()
        )
        if isinstance(meant, (Challenged, AccountRejected)) and not isinstance(meant, Stopped):
            return meant
        return Undelivered(
            "Grok does not give this file to this account.",
            hint="Only the account that made it may fetch it.",
            detail=detail,
        )
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return Undelivered(
            "Grok does not have this file any more.", hint="It may have been deleted.", detail=detail
        )
    return Undelivered("Grok does not send this file.", hint="Open it at grok.com.", detail=detail)


# --- looking for what was lost ------------------------------------------------------------------------------


async def find(session: Session, trace: Trace, *, only_listed: bool = False) -> Artifact | None:
    """What the job `trace` has made: by the answers of its conversation, else among the account's files.

    `only_listed` leaves the files out. None when it is not there (yet).
    """
    places = session.places
    if trace.conversation_id:
        path = _RESPONSES.format(quote(trace.conversation_id, safe=""))
        try:
            async with session.request("GET", Call.RESPONSES, path, query=_RESPONSES_QUERY) as reply:
                found = made_in(await reply.body(_LISTING_BYTES), places, trace, own=True)
        except (NotAccepted, Gone):
            found = None
        if found is not None:
            return found
    if only_listed or not (trace.conversation_id or trace.response_id or trace.asset_id):
        return None
    page = ""
    for _ in range(_MOST_PAGES):
        query = listings.assets_query(page)
        async with session.request("GET", Call.ASSETS, listings.ASSETS_PATH, query=query) as reply:
            body = await reply.body(_LISTING_BYTES)
        found = made_in(body, places, trace)
        page = listings.assets(body).next
        if found is not None or not page:
            return found
    return None


# --- larger, and open to everybody --------------------------------------------------------------------------


async def upscale(session: Session, trace: Trace) -> Artifact:
    """Have a film made larger. Raises `Unsupported` when it is not known which, `Garbled` for no answer."""
    video_id = trace.asset_id or trace.post_id
    if not video_id:
        raise _unknown_film()
    body = media_payload.upscale_body(video_id)
    with sent():
        async with session.request("POST", Call.UPSCALE, media_payload.UPSCALE_PATH, body) as reply:
            answer = loose.parsed(await reply.body(SMALL_BYTES)) or {}
        url = session.places.absolute(loose.text(answer, "hdMediaUrl"))
        if not url:
            raise Garbled("Grok did not say where it put the larger film.", detail="no hdMediaUrl")
    return Artifact(Kind.VIDEO, url, trace=trace)


async def share(session: Session, trace: Trace) -> str:
    """Make a film open to everybody; returns the address of its page. Raises like `upscale`."""
    post_id = trace.post_id or trace.asset_id
    if not post_id:
        raise _unknown_film()
    body = media_payload.share_body(post_id)
    async with session.request("POST", Call.SHARE, media_payload.SHARE_PATH, body) as reply:
        answer = loose.parsed(await reply.body(SMALL_BYTES)) or {}
    link = render.normal_url(loose.text(answer, "shareLink"))
    if not link:
        raise Garbled("Grok did not say where the film can be seen.", detail="no shareLink")
    return link


def _unknown_film() -> Unsupported:
    return Unsupported(
        "This film is not known at Grok any more.", hint="Only films that were made here can be used."
    )
