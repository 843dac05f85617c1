"""OpenAI's Videos API: films are made by jobs, which clients ask about until they are done.

`creation` and `remix` say what a request means, `shown` and `listed` what clients hear of a job.

Beyond the official format a request may name any length from 1 to 20 seconds, `aspect_ratio`,
`resolution_name`, `preset`, and up to 7 pictures in `input_reference`. Grok knows ratios, not sizes, and
rounds some lengths up: how large and long a film has become is told once it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import orjson
from pydantic import Field as Checked

from grokdesk.core.commissions import preset, resolution
from grokdesk.core.conversation import Media
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.media import (
    AUTO,
    RATIOS,
    ImageRequest,
    Kept,
    Resolution,
    VideoRequest,
    film_ratio,
    film_seconds,
)
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.core.offer import EVERYTHING, Offer
from grokdesk.dialects import form_fields, openai_media
from grokdesk.dialects.body import Body, NonEmpty, Seconds
from grokdesk.dialects.form_fields import Field
from grokdesk.dialects.json_text import sound
from grokdesk.dialects.reading import checked, read
from grokdesk.dialects.references import Source, sources

USUAL_MODEL: Final = "grok-imagine-video"
PREFIX: Final = "video_"

_USUAL_RATIO: Final = "16:9"
_SHORT_SIDES: Final = {Resolution.P480: 480, Resolution.P720: 720}
_STATES: Final = {
    JobState.QUEUED: "queued",
    JobState.RUNNING: "in_progress",
    JobState.DONE: "completed",
}
_ENDS: Final = {
    JobState.FAILED: ("video_generation_failed", "The film was not made."),
    JobState.INTERRUPTED: ("interrupted", "GrokDesk was closed before the film was finished."),
    JobState.CANCELLED: ("cancelled", "The job was cancelled."),
}
_ALMOST: Final = 99


class _Prompted(Body):
    """What every request says."""

    prompt: Annotated[str, Checked(max_length=32_000)] | None = None


class _Creation(_Prompted):
    """A request for a film."""

    model: NonEmpty | None = None
    seconds: Seconds = None
    size: str | None = None
    aspect_ratio: str | None = None
    resolution_name: str | None = None
    preset: str | None = None
    input_reference: object = None


@dataclass(frozen=True, slots=True)
class VideoAsked:
    """What a client wants. The pictures to begin with are `sources`, and not yet in `request`."""

    request: VideoRequest
    sources: tuple[Source, ...] = ()


# --- reading ------------------------------------------------------------------------------------------------


def creation(body: bytes | Sequence[Field], *, offer: Offer = EVERYTHING) -> VideoAsked:
    """Read a request for a film: JSON, or fields of a form.

    Raises `InvalidRequest` with the path of the first wrong member.
    """
    wanted = read(_Creation, body) if isinstance(body, bytes) else _of_form(body)
    prompt = openai_media.said(wanted.prompt)
    request = VideoRequest(
        openai_media.model_for(wanted.model, USUAL_MODEL, offer).name,
        prompt,
        seconds=film_seconds(wanted.seconds),
        ratio=film_ratio(
            wanted.size or "",
            wanted.aspect_ratio or "",
            param="aspect_ratio" if wanted.aspect_ratio else "size",
        ),
        resolution=resolution(wanted.resolution_name or "", param="resolution_name"),
        preset=preset(wanted.preset or "", param="preset"),
    )
    return VideoAsked(request, sources(wanted.input_reference, "input_reference"))


def remix(body: bytes, job: MediaJob, thumbnail: Media) -> VideoRequest:
    """Read a request for a film like that of `job`, which begins with a picture of it.

    Raises `InvalidRequest`.
    """
    prompt = openai_media.said(read(_Prompted, body).prompt)
    before = job.request
    if isinstance(before, ImageRequest):
        raise InvalidRequest("Only films can be made anew.")
    return VideoRequest(
        before.model,
        prompt,
        before.seconds,
        before.ratio,
        before.resolution,
        before.preset,
        references=(thumbnail,),
    )


def job_id(name: str) -> str:
    """Return the id of the job that clients call `name`, or nothing when no job is called so."""
    return name.removeprefix(PREFIX) if name.startswith(PREFIX) else ""


def _of_form(fields: Sequence[Field]) -> _Creation:
    return checked(_Creation, form_fields.members(fields))


# --- telling ------------------------------------------------------------------------------------------------


def shown(job: MediaJob, kept: Kept | None = None) -> bytes:
    """Return the body that describes a job; `kept` is the film it has made."""
    return orjson.dumps(_resource(job, kept))


def listed(jobs: Sequence[tuple[MediaJob, Kept | None]], *, more: bool) -> bytes:
    """Return a page of jobs with the films they have made; `more` says that others follow."""
    data = [_resource(job, kept) for job, kept in jobs]
    return orjson.dumps(
        {
            "object": "list",
            "data": data,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
            "has_more": more,
        }
    )


def deleted(name: str) -> bytes:
    """Return the body that says that a job is gone."""
    return orjson.dumps({"id": name, "object": "video.deleted", "deleted": True})


def failure(job: MediaJob) -> openai_media.NotMade:
    """Return the failure of a job that has ended without a film."""
    code, message = _end(job)
    return openai_media.NotMade(message, code=code)


def _resource(job: MediaJob, kept: Kept | None) -> dict[str, object]:
    return {
        "id": PREFIX + job.id,
        "object": "video",
        "created_at": int(job.created_at),
        "completed_at": int(job.ended_at) if job.state is JobState.DONE and job.ended_at else None,
        "expires_at": None,
        "status": _STATES.get(job.state, "failed"),
        "progress": _progress(job),
        "model": job.request.model,
        "prompt": sound(job.request.prompt),
        "seconds": _seconds(job, kept),
        "size": _size(job, kept),
        "quality": "standard",
        "error": None if job.state in _STATES else _error(job),
        "remixed_from_video_id": PREFIX + job.remix_of if job.remix_of else None,
    }


def _progress(job: MediaJob) -> int:
    percent = min(_ALMOST, int(job.fraction * 100))
    match job.state:
        case JobState.DONE:
            return 100
        case JobState.RUNNING:
            return max(1, percent)
        case _:
            return percent


def _error(job: MediaJob) -> dict[str, str]:
    code, message = _end(job)
    return {"code": code, "message": message}


def _end(job: MediaJob) -> tuple[str, str]:
    code, message = _ENDS.get(job.state, _ENDS[JobState.FAILED])
    told = " ".join(part for part in (job.failure, job.hint) if part)
    return job.code or code, sound(told) or message


def _seconds(job: MediaJob, kept: Kept | None) -> str:
    if kept is not None and kept.seconds:
        return f"{kept.seconds:.1f}".removesuffix(".0")
    return str(job.request.seconds) if isinstance(job.request, VideoRequest) else ""


def _size(job: MediaJob, kept: Kept | None) -> str:
    """The size of the film, as far as it can be told before it is there."""
    if kept is not None and kept.width and kept.height:
        return f"{kept.width}x{kept.height}"
    request = job.request
    if isinstance(request, ImageRequest) or not (request.ratio or not request.references):
        return AUTO
    short = _SHORT_SIDES[request.resolution]
    ratio = RATIOS[request.ratio or _USUAL_RATIO]
    width, height = (short * ratio, short) if ratio >= 1 else (short, short / ratio)
    # Films have even sides.
    return f"{round(width / 2) * 2}x{round(height / 2) * 2}"
