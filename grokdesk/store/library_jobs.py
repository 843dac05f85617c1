"""Jobs that make pictures and films, in the database of the library. What was asked for is sealed."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from grokdesk.core.conversation import Media
from grokdesk.core.errors import Broken, NotFound
from grokdesk.core.library import OVER
from grokdesk.core.media import Film, ImageRequest, Kind, Preset, Resolution, Trace, VideoRequest
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import Database
from grokdesk.store.library_files import trace_of
from grokdesk.store.library_schema import jobs

log = logging.getLogger(__name__)

_CHANGING: Final = (
    "state",
    "fraction",
    "started_at",
    "ended_at",
    "failure",
    "hint",
    "code",
    "files",
    "told",
)
# Only an update: what was deleted meanwhile must not come back.
_UPDATE: Final = (
    update(jobs).where(jobs.c.id == bindparam("this")).values({name: bindparam(name) for name in _CHANGING})
)
_WAITING: Final = jobs.c.state.not_in([state.value for state in OVER])


class SqlJobs:
    """A `JobStore` (core/library.py)."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._lane = database.lane(self._write)

    async def add(self, job: MediaJob) -> None:
        """Write a new job; when it returns it is there for good."""
        record = await offload(to_record, job, self._vault)
        await self._database.write(lambda connection: connection.execute(insert(jobs), record))

    async def write(self, job: MediaJob) -> None:
        """Write a changed job now. One that was deleted stays deleted."""
        self._lane.put(job.id, job)
        await self._database.flush()

    def save(self, job: MediaJob) -> None:
        """The same soon; returns at once."""
        self._lane.put(job.id, job)

    async def get(self, job_id: str) -> MediaJob | None:
        """One job."""
        await self._database.flush()
        query = select(jobs).where(jobs.c.id == job_id)
        row = (await self._database.read(lambda connection: connection.execute(query))).one_or_none()
        return _job(row, self._vault) if row is not None else None

    async def page(
        self, *, kind: Kind | None = None, after: str = "", limit: int = 20, newest_first: bool = True
    ) -> list[MediaJob]:
        """Jobs in the order of their start. Raises `NotFound` when there is none with the id `after`."""
        await self._database.flush()
        number = jobs.c.number
        query = select(jobs).order_by(number.desc() if newest_first else number).limit(limit)
        if kind is not None:
            query = query.where(jobs.c.kind == kind.value)
        if after:
            place = select(number).where(jobs.c.id == after)
            last = await self._database.read(lambda connection: connection.scalar(place))
            if last is None:
                raise NotFound("There is no job with this id to continue from.", param="after")
            query = query.where(number < last if newest_first else number > last)
        rows = (await self._database.read(lambda connection: connection.execute(query))).all()
        return await offload(_each, rows, self._vault)

    async def unfinished(self, interrupted_since: float) -> list[MediaJob]:
        """Jobs that are queued or running, or were interrupted since."""
        await self._database.flush()
        lately = (jobs.c.state == JobState.INTERRUPTED.value) & (jobs.c.ended_at >= interrupted_since)
        query = select(jobs).where(_WAITING | lately).order_by(jobs.c.number)
        rows = (await self._database.read(lambda connection: connection.execute(query))).all()
        return await offload(_each, rows, self._vault)

    async def delete(self, job_id: str) -> bool:
        """Forget a job; tell whether it was there."""
        await self._database.flush()
        query = delete(jobs).where(jobs.c.id == job_id)
        return (await self._database.write(lambda connection: connection.execute(query))).rowcount > 0

    async def forget_before(self, at: float) -> int:
        """Forget jobs that were started before `at` and are over; returns how many."""
        await self._database.flush()
        query = delete(jobs).where(jobs.c.created_at < at, ~_WAITING)
        return (await self._database.write(lambda connection: connection.execute(query))).rowcount

    async def _write(self, connection: AsyncConnection, rows: Sequence[MediaJob]) -> None:
        records = await offload(lambda: [to_record(job, self._vault) for job in rows])
        changes = [{"this": record["id"]} | {name: record[name] for name in _CHANGING} for record in records]
        await connection.execute(_UPDATE, changes)


def to_record(job: MediaJob, vault: Vault) -> dict[str, object]:
    """The row of a job. References lose their bytes: what they are for is over when the row is read."""
    told = json.dumps({"request": _told(job.request), "trace": asdict(job.trace)})
    return {
        "id": job.id,
        "kind": job.kind.value,
        "created_at": job.created_at,
        "client": job.client,
        "state": job.state.value,
        "fraction": job.fraction,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "failure": job.failure,
        "hint": job.hint,
        "code": job.code,
        "files": json.dumps(job.files),
        "remix_of": job.remix_of,
        "told": vault.seal(told, table="jobs", row=job.id, column="told"),
    }


def _job(row: Row[Any], vault: Vault) -> MediaJob:
    kind = Kind(row.kind)
    request: ImageRequest | VideoRequest
    try:
        told = json.loads(vault.open(row.told, table="jobs", row=row.id, column="told"))
        request, trace = _request(kind, told["request"]), trace_of(told["trace"])
    except Broken as error:
        log.warning("job cannot be opened id=%s reason=%s", row.id, error.detail)
        request = ImageRequest("", "") if kind is Kind.IMAGE else VideoRequest("", "")
        trace = Trace()
    return MediaJob(
        id=row.id,
        kind=kind,
        request=request,
        created_at=row.created_at,
        client=row.client,
        state=JobState(row.state),
        fraction=row.fraction,
        started_at=row.started_at,
        ended_at=row.ended_at,
        failure=row.failure,
        hint=row.hint,
        code=row.code,
        files=tuple(json.loads(row.files)),
        trace=trace,
        remix_of=row.remix_of,
    )


def _each(rows: Sequence[Row[Any]], vault: Vault) -> list[MediaJob]:
    return [_job(row, vault) for row in rows]


def _told(request: ImageRequest | VideoRequest) -> dict[str, Any]:
    bare = replace(request, references=tuple(_without_bytes(one) for one in request.references))
    told = asdict(bare)
    for one in told["references"]:
        del one["data"]
    return told


def _without_bytes(reference: Media) -> Media:
    # An address may hold the whole file.
    return replace(reference, data=b"", url="" if reference.url.startswith("data:") else reference.url)


def _request(kind: Kind, told: dict[str, Any]) -> ImageRequest | VideoRequest:
    references = tuple(Media(**one) for one in told["references"])
    if kind is Kind.IMAGE:
        return ImageRequest(**{**told, "references": references})
    film = told["continues"]
    return VideoRequest(
        **{
            **told,
            "references": references,
            "resolution": Resolution(told["resolution"]),
            "preset": Preset(told["preset"]),
            "continues": film and Film(**{**film, "trace": trace_of(film["trace"])}),
        }
    )
