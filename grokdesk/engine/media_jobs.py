"""Jobs that make pictures and films: they outlive the request, and their rows outlive the program.

A job is a row before anything is asked of anybody. What was under way when the program ended is marked as
interrupted at the next start, and looked for at the account that made it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, Self

from grokdesk.core.accounts import Status
from grokdesk.core.egress import Purpose
from grokdesk.core.errors import (
    Broken,
    GrokDeskError,
    MayBeMade,
    NoAccount,
    NotFound,
    Overloaded,
    Undelivered,
    UpstreamError,
)
from grokdesk.core.events import Batch, Event, Made, Progressed, Submitted
from grokdesk.core.library import JobStore
from grokdesk.core.media import ImageRequest, Kept, Kind, Origin, VideoRequest
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.core.notices import Bus, MediaJobChanged
from grokdesk.core.ports import Clock, MediaCalls
from grokdesk.core.runs import NOBODY, Caller
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.egress import EgressService
from grokdesk.engine.library import Library
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.tasks import Supervisor

log = logging.getLogger(__name__)

RUNNING_AT_ONCE: Final = 20
MOST_WAITING: Final = 500
# What the pictures to begin with may take in memory, of all jobs together.
_MOST_BYTES: Final = 512 << 20
# When a lost result is looked for, in seconds from one time to the next.
LOOKS_S: Final = (2.0, 15.0, 30.0, 60.0, 120.0, 240.0)
_SAID_EVERY_S: Final = 0.5
_KEPT_S: Final = 30 * 86_400
_SWEEP_S: Final = 3_600.0
_STILL_LOOKED_FOR_S: Final = 86_400.0
# While accounts are only busy, or rest for less than `_SOON_S`, a job waits for one so long.
_PATIENCE_S: Final = 1_800.0
_SOON_S: Final = 60.0

_OUR_FAULT: Final = Broken("GrokDesk made a mistake.", hint="The log says more.")
_ENDED: Final = "GrokDesk ended before this was done."
_CANCELLED: Final = "It was stopped."


class Answer(Protocol):
    """What a request brings, batch by batch: a `Run` of the engine."""

    @property
    def id(self) -> str:
        """By which the list of requests names it."""
        ...

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Read it, once."""
        ...


class Runs(Protocol):
    """Executes requests: the engine."""

    def run(
        self,
        request: ImageRequest | VideoRequest,
        *,
        client: str = "",
        wait_s: float | None = None,
        caller: Caller = NOBODY,
    ) -> AbstractAsyncContextManager[Answer]:
        """Execute `request`, waiting up to `wait_s` for an account while all are busy.

        Leaving the block ends the call upstream. Raises `GrokDeskError`.
        """
        ...


@dataclass(slots=True)
class _Work:
    """A job that is under way."""

    job: MediaJob
    request: ImageRequest | VideoRequest
    """With the bytes of its references."""
    task: asyncio.Task[None] | None = None
    cancelled: bool = False
    said_at: float = -_SAID_EVERY_S
    fractions: dict[int, float] = field(default_factory=dict)


class MediaJobs:
    """Runs jobs, at most `RUNNING_AT_ONCE`; the others wait in line.

    Entering marks as interrupted what an earlier start left unfinished; leaving interrupts what is under way.
    `code` gives the word by which clients tell failures apart.
    """

    def __init__(
        self,
        *,
        engine: Runs,
        store: JobStore,
        library: Library,
        calls: MediaCalls,
        pool: AccountPool,
        egress: EgressService,
        bus: Bus,
        clock: Clock,
        deadlines: Deadlines,
        tasks: Supervisor,
        new_id: Callable[[], str],
        code: Callable[[GrokDeskError], str],
        looks_s: Sequence[float] = LOOKS_S,
        at_once: int = RUNNING_AT_ONCE,
    ) -> None:
        self._engine = engine
        self._store = store
        self._library = library
        self._calls = calls
        self._pool = pool
        self._egress = egress
        self._bus = bus
        self._clock = clock
        self._deadlines = deadlines
        self._tasks = tasks
        self._new_id = new_id
        self._code = code
        self._looks_s = looks_s
        self._room = asyncio.Semaphore(at_once)
        self._most = MOST_WAITING + at_once
        self._works: dict[str, _Work] = {}
        self._swept_at: float | None = None

    async def __aenter__(self) -> Self:
        await self._sweep()
        now = self._clock.now()
        for job in await self._store.unfinished(now - _STILL_LOOKED_FOR_S):
            lost = job if job.state.is_over else self._left_behind(job, now)
            if lost is not job:
                await self._store.write(lost)
                log.info("job of before id=%s kind=%s state=%s", job.id, job.kind, lost.state)
            if lost.state is JobState.INTERRUPTED and _can_be_found(lost):
                lost = replace(lost, hint=_LOOKING)
                work = self._works[lost.id] = _Work(lost, lost.request)
                self._begin(work, self._look(work), "lost job")
        return self

    async def __aexit__(self, *_: object) -> None:
        tasks = [work.task for work in self._works.values() if work.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _left_behind(self, job: MediaJob, now: float) -> MediaJob:
        """A job that was under way when the program was killed."""
        if len(job.files) >= _wanted(job.request):
            return replace(job, state=JobState.DONE, fraction=1.0, ended_at=now)
        hint = _LOOKING if _can_be_found(job) else _AGAIN
        state = JobState.INTERRUPTED
        return replace(job, state=state, ended_at=now, failure=_ENDED, hint=hint, code=state.value)

    # -- looking

    async def get(self, job_id: str) -> MediaJob | None:
        """The job as it is now."""
        work = self._works.get(job_id)
        return work.job if work is not None else await self._store.get(job_id)

    async def list(
        self, *, kind: Kind | None = None, after: str = "", limit: int = 20, newest_first: bool = True
    ) -> Sequence[MediaJob]:
        """Jobs in the order of their start, from behind the one with the id `after`.

        Raises `NotFound` when there is none with that id.
        """
        found = await self._store.page(kind=kind, after=after, limit=limit, newest_first=newest_first)
        return [work.job if (work := self._works.get(job.id)) else job for job in found]

    def looks_for(self, job_id: str) -> bool:
        """Whether this job was interrupted and is being looked for at Grok."""
        work = self._works.get(job_id)
        return work is not None and work.job.state is JobState.INTERRUPTED and _can_be_found(work.job)

    # -- doing

    async def start(
        self, request: ImageRequest | VideoRequest, *, client: str = "", remix_of: str = ""
    ) -> MediaJob:
        """Begin a job; it is a row when this returns. Raises `Overloaded` when too many wait."""
        held, more = sum(_weight(work.request) for work in self._works.values()), _weight(request)
        if len(self._works) >= self._most or (held and more and held + more > _MOST_BYTES):
            raise Overloaded(
                f"{len(self._works)} pictures and films are being made or wait for it.",
                hint="Try again when some of them are done.",
                retry_after=30,
            )
        await self._sweep()
        job = MediaJob(
            id=self._new_id(),
            kind=Kind.VIDEO if isinstance(request, VideoRequest) else Kind.IMAGE,
            request=request,
            created_at=self._clock.now(),
            client=client,
            remix_of=remix_of,
        )
        try:
            await self._store.add(job)
        except asyncio.CancelledError:
            # It may be there all the same, and nobody would ever carry it out.
            self._tasks.spawn(self._taken_back(job.id), name="a job that nobody waits for")
            raise
        work = self._works[job.id] = _Work(job, request)
        self._begin(work, self._carry_out(work), "media job")
        self._bus.publish(MediaJobChanged(job))
        log.info("job accepted id=%s kind=%s model=%s", job.id, job.kind, request.model)
        return job

    async def _taken_back(self, job_id: str) -> None:
        try:
            await self._store.delete(job_id)
        except Broken as error:  # then it is interrupted at the next start
            log.warning("job not taken back id=%s why=%s", job_id, error.message)

    async def cancel(self, job_id: str) -> bool:
        """End a job, and with it the call upstream; tells whether there was anything to end."""
        work = self._works.get(job_id)
        if work is None or work.task is None:
            return False
        work.cancelled = True
        work.task.cancel()
        await asyncio.wait({work.task})
        return work.job.state is JobState.CANCELLED

    async def delete(self, job_id: str) -> bool:
        """Forget a job, ending it first, and remove its files, which can be undone; tell if it was there."""
        await self.cancel(job_id)
        job = await self.get(job_id)
        if job is None:
            return False
        await self._store.delete(job_id)
        await self._library.remove(job.files)
        return True

    # -- working

    def _begin(self, work: _Work, doing: Coroutine[Any, Any, None], name: str) -> None:
        work.task = self._tasks.spawn(doing, name=name)
        # A task that is cancelled before its first step never gets to its end by itself.
        work.task.add_done_callback(lambda _: self._over(work))

    def _over(self, work: _Work) -> None:
        if self._works.pop(work.job.id, None) is None:
            return
        if not work.job.state.is_over or (work.cancelled and work.job.state is JobState.INTERRUPTED):
            self._ended(work, *self._cut_off(work))

    async def _carry_out(self, work: _Work) -> None:
        await self._answered(work)
        if work.job.state is JobState.INTERRUPTED and _can_be_found(work.job):
            bare = tuple(replace(one, data=b"") for one in work.request.references)
            work.request = replace(work.request, references=bare)
            work.job = replace(work.job, request=work.request)
            await self._look(work)

    async def _answered(self, work: _Work) -> None:
        """Carry out a job up to its end, whatever that is."""
        failure: GrokDeskError | None = _OUR_FAULT
        try:
            async with self._room:
                await self._patiently(work)
            failure = None
        except asyncio.CancelledError:
            failure = None
            self._ended(work, *self._cut_off(work))
            raise
        except GrokDeskError as error:
            failure = error
        finally:
            if failure is not None:
                state = JobState.INTERRUPTED if _may_exist(failure, work.job) else JobState.FAILED
                self._ended(work, state, failure)
            elif not work.job.state.is_over:
                self._ended(work, JobState.DONE)

    async def _patiently(self, work: _Work) -> None:
        """Ask, when an account has room; again, when all that could answer rest and one is ready soon."""
        patient_until = self._clock.monotonic() + _PATIENCE_S
        while True:
            left_s = patient_until - self._clock.monotonic()
            try:
                await self._asked(work, left_s)
            except NoAccount as error:
                rests_s = error.retry_after
                if rests_s is None or rests_s >= min(_SOON_S, left_s):
                    raise
            else:
                return
            await self._deadlines.sleep(rests_s)

    async def _asked(self, work: _Work, wait_s: float) -> None:
        running = self._engine.run(work.request, client=work.job.client, wait_s=wait_s, caller=_caller(work))
        async with running as answer:
            self._change(work, state=JobState.RUNNING, started_at=self._clock.now())
            async for batch in answer:
                for event in batch:
                    await self._take(work, event)

    async def _take(self, work: _Work, event: Event) -> None:
        match event:
            case Submitted(trace):
                # At once: by this the result is found if the program is killed in the next moment.
                self._change(work, trace=trace)
                await self._store.write(work.job)
            case Progressed(fraction, slot):
                self._advance(work, slot, fraction)
            case Made(_, slot, kept):
                self._advance(work, slot, 1.0)
                if kept is not None:
                    self._change(work, files=(*work.job.files, kept.id))
                    await self._store.write(work.job)
            case _:
                pass

    def _advance(self, work: _Work, slot: int, fraction: float) -> None:
        work.fractions[slot] = max(work.fractions.get(slot, 0.0), min(fraction, 1.0))
        whole = min(1.0, sum(work.fractions.values()) / _wanted(work.request))
        if whole <= work.job.fraction:
            return
        work.job = replace(work.job, fraction=whole)
        now = self._clock.monotonic()
        if now - work.said_at >= _SAID_EVERY_S:
            work.said_at = now
            self._say(work)

    def _change(self, work: _Work, **changes: Any) -> None:  # noqa: ANN401 - fields of the job
        work.job = replace(work.job, **changes)
        self._say(work)

    def _say(self, work: _Work) -> None:
        self._store.save(work.job)
        self._bus.publish(MediaJobChanged(work.job))

    def _ended(self, work: _Work, state: JobState, failure: GrokDeskError | None = None) -> None:
        job = work.job
        if failure is not None and state is JobState.INTERRUPTED and _can_be_found(job):
            # What keeps it from being stored is the owner's to mend; the rest is done for them.
            what_to_do = f"{failure.hint} " if isinstance(failure, Broken) and failure.hint != _AGAIN else ""
            failure = Broken(failure.message, hint=f"{what_to_do}{_LOOKING}")
        self._change(
            work,
            state=state,
            fraction=1.0 if state is JobState.DONE else job.fraction,
            ended_at=self._clock.now(),
            failure=failure.message if failure is not None else "",
            hint=failure.hint if failure is not None else "",
            code=self._code_of(state, failure),
        )
        log.info(
            "job ended id=%s kind=%s state=%s files=%d code=%s why=%s",
            job.id,
            job.kind,
            state,
            len(work.job.files),
            work.job.code,
            work.job.failure,
        )

    def _code_of(self, state: JobState, failure: GrokDeskError | None) -> str:
        if state in {JobState.CANCELLED, JobState.INTERRUPTED}:
            return state.value
        return self._code(failure) if failure is not None else ""

    def _cut_off(self, work: _Work) -> tuple[JobState, GrokDeskError]:
        if work.cancelled:
            return JobState.CANCELLED, Broken(_CANCELLED)
        return JobState.INTERRUPTED, Broken(_ENDED, hint=_AGAIN)

    # -- finding what was lost

    async def _look(self, work: _Work) -> None:
        """Ask a few times, over some minutes. Whatever comes of it, the job is over already."""
        job = work.job
        try:
            for pause_s in self._looks_s:
                await self._deadlines.sleep(pause_s)
                kept = await self._fetched(job)
                if kept is not None:
                    self._change(work, files=(*work.job.files, kept.id))
                    if len(work.job.files) < _wanted(job.request):
                        break  # upstream tells one of several
                    self._ended(work, JobState.DONE)
                    return
        except (UpstreamError, NotFound) as error:
            log.info("job not found upstream id=%s why=%s detail=%s", job.id, error.message, error.detail)
        self._change(work, hint=_AGAIN)

    async def _fetched(self, job: MediaJob) -> Kept | None:
        """What upstream has of a job by now, kept; None when it is not there, or just cannot be asked."""
        try:
            account = self._pool.get(job.trace.account)
            if account is None or account.status in {Status.EXPIRED, Status.BLOCKED}:
                raise NotFound("The account that made it is gone, or Grok refuses it.")
            async with self._egress.lease(account, Purpose.MEDIA) as way:
                artifact = await self._calls.find(job.trace, account, way.egress)
                if artifact is None:
                    return None
                return await self._library.keep(
                    artifact,
                    _origin(job, account.name),
                    lambda url: self._calls.download(url, account, way.egress),
                )
        except (Undelivered, Broken) as error:
            # Such as a disk that is full: its owner may make room meanwhile.
            log.info("job found, but not kept id=%s why=%s", job.id, error.message)
            return None
        except UpstreamError as error:
            self._pool.learned(job.trace.account, error)
            log.info("job cannot be looked for id=%s why=%s", job.id, error.message)
            return None

    # -- order

    async def _sweep(self) -> None:
        """Forget jobs of long ago, now and then."""
        now = self._clock.monotonic()
        if self._swept_at is None or now - self._swept_at >= _SWEEP_S:
            self._swept_at = now
            await self._store.forget_before(self._clock.now() - _KEPT_S)


_AGAIN: Final = "Start it again."
_LOOKING: Final = "It is being looked for at Grok; if it was made, it appears here within minutes."


def _caller(work: _Work) -> Caller:
    """How a job came, in the words of the list of requests."""
    request = work.request
    said = json.dumps({"model": request.model, "prompt": request.prompt}, ensure_ascii=False)
    dialect = "videos" if isinstance(request, VideoRequest) else "images"
    return Caller(dialect, body=said.encode("utf-8", "replace"))


def _wanted(request: ImageRequest | VideoRequest) -> int:
    return max(1, request.count) if isinstance(request, ImageRequest) else 1


def _weight(request: ImageRequest | VideoRequest) -> int:
    """Bytes of the references."""
    return sum(len(one.data) + len(one.url) for one in request.references)


def _can_be_found(job: MediaJob) -> bool:
    trace = job.trace
    known = trace.conversation_id or trace.response_id or trace.post_id or trace.asset_id
    return bool(trace.account and known)


def _may_exist(failure: GrokDeskError, job: MediaJob) -> bool:
    """Whether upstream may have finished what we lost sight of, or could not store."""
    return isinstance(failure, (MayBeMade, Undelivered, Broken)) and _can_be_found(job)


def _origin(job: MediaJob, account_name: str) -> Origin:
    return Origin(
        prompt=job.request.prompt,
        model=job.request.model,
        account=job.trace.account,
        account_name=account_name,
        client=job.client,
        request=job.id,
    )
