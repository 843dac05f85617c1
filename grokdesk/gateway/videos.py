"""The Videos API: jobs that make films."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from aiohttp import web

from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest, NotFound, NotReady, Unsupported
from grokdesk.core.media import Kept, Kind
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.dialects import openai_videos
from grokdesk.gateway.converse import read_body
from grokdesk.gateway.exchange import EXCHANGE
from grokdesk.gateway.files import known_file, library_of, resolved, send_file, send_thumbnail
from grokdesk.gateway.form import read_asked
from grokdesk.gateway.models import offered
from grokdesk.gateway.paging import newest_first, page_limit
from grokdesk.gateway.ports import MediaJobs, Services

# A film takes a minute or so.
_POLL_MS: Final = 2_000


async def create(request: web.Request, services: Services) -> web.StreamResponse:
    """Begin to make a film. Raises `GrokDeskError`."""
    jobs = _jobs(services)
    decode = partial(openai_videos.creation, offer=offered(services))
    asked = await read_asked(request, services, decode)
    order = replace(asked.request, references=await resolved(request, services, asked.sources))
    services.engine.check(order)
    job = await jobs.start(order, client=request[EXCHANGE].client(request))
    return await _told(services, job)


async def list_videos(request: web.Request, services: Services) -> web.StreamResponse:
    """List the jobs, a page at a time, the newest first unless asked otherwise. Raises `InvalidRequest`."""
    jobs, limit = _jobs(services), page_limit(request)
    is_newest_first = newest_first(request, usual="desc")
    after = request.query.get("after", "")
    if after:
        after = (await _job(services, after)).id
    found = await jobs.list(kind=Kind.VIDEO, after=after, limit=limit + 1, newest_first=is_newest_first)
    shown = [(job, await _film(services, job)) for job in found[:limit]]
    return _json(openai_videos.listed(shown, more=len(found) > limit))


async def show_video(request: web.Request, services: Services) -> web.StreamResponse:
    """Tell how a job stands. Raises `NotFound`."""
    return await _told(services, await _job(services, request.match_info["id"]))


async def send_content(request: web.Request, services: Services) -> web.StreamResponse:
    """Send the film that a job has made, or a small picture of it.

    Raises `NotReady` while it is being made, the failure when it was not made, and `NotFound` when it is
    gone.
    """
    variant = request.query.get("variant", "video")
    if variant == "spritesheet":
        raise Unsupported(
            "There are no sprite sheets of films here.", param="variant", hint="Use thumbnail or video."
        )
    if variant not in {"video", "thumbnail"}:
        raise InvalidRequest("'variant' must be 'video' or 'thumbnail'.", param="variant")
    job, kept = await _finished(services, request.match_info["id"])
    name = openai_videos.PREFIX + job.id
    if variant == "thumbnail":
        if not kept.thumbnail:
            raise NotFound("There is no thumbnail of this film.")
        return await send_thumbnail(request, services, kept, name=f"{name}.jpg")
    return await send_file(request, services, kept, name=name + kept.suffix, attached=True)


async def delete_video(request: web.Request, services: Services) -> web.StreamResponse:
    """Forget a job and its film; one that is being made is ended. Raises `NotFound`."""
    job = await _job(services, request.match_info["id"])
    if not await _jobs(services).delete(job.id):
        raise _unknown(request.match_info["id"])
    return _json(openai_videos.deleted(openai_videos.PREFIX + job.id))


async def remix(request: web.Request, services: Services) -> web.StreamResponse:
    """Begin to make a film that starts from a picture of another one. Raises `GrokDeskError`."""
    job, kept = await _finished(services, request.match_info["id"])
    thumbnail = await library_of(services).thumbnail(kept)
    if thumbnail is None:
        raise Unsupported(
            "This film cannot be made anew: there is no picture of it to begin with.",
            hint="Ask for a new one, with a picture in 'input_reference'.",
        )
    picture = Media(data=thumbnail, media_type="image/jpeg", name=f"{kept.id}.jpg")
    order = openai_videos.remix(await read_body(request, services), job, picture)
    services.engine.check(order)
    client = request[EXCHANGE].client(request)
    return await _told(services, await _jobs(services).start(order, client=client, remix_of=job.id))


async def refuse(request: web.Request, _services: Services) -> web.StreamResponse:
    """Say that a film cannot be worked on. Raises `Unsupported`."""
    raise Unsupported(
        f"{request.path[:100]} is not supported by this version of the gateway.",
        hint="POST /v1/videos makes a film, also from pictures; …/remix makes one like another.",
    )


# --- looking up ---------------------------------------------------------------------------------------------


def _jobs(services: Services) -> MediaJobs:
    if services.media_jobs is None:
        raise Unsupported("This gateway makes no films.")
    return services.media_jobs


async def _job(services: Services, name: str) -> MediaJob:
    jobs, job_id = _jobs(services), openai_videos.job_id(name)
    job = await jobs.get(job_id) if job_id else None
    if job is None or job.kind is not Kind.VIDEO:
        raise _unknown(name)
    return job


async def _finished(services: Services, name: str) -> tuple[MediaJob, Kept]:
    """A job that is done, and its film."""
    job = await _job(services, name)
    if not job.state.is_over:
        raise NotReady("The film is not finished.", hint=f"GET /v1/videos/{name[:50]} tells how far it is.")
    if job.state is not JobState.DONE:
        raise openai_videos.failure(job)
    kept = await _film(services, job)
    if kept is None:
        raise NotFound("The film is not kept any more.", hint="It was deleted, or made room for newer ones.")
    return job, kept


async def _film(services: Services, job: MediaJob) -> Kept | None:
    return await known_file(services, job.files[0]) if job.files else None


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no video '{name[:100]}'.", hint="GET /v1/videos lists those that are there.")


# --- telling ------------------------------------------------------------------------------------------------


async def _told(services: Services, job: MediaJob) -> web.Response:
    response = _json(openai_videos.shown(job, await _film(services, job)))
    if not job.state.is_over:
        response.headers["openai-poll-after-ms"] = str(_POLL_MS)
    return response


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
