"""Acts on many accounts: a few at a time, with progress, cancel, and what became of each account.

A job lives as long as the program. One that was cut off is not taken up by itself; its act, started again,
passes over what is done (`engine/acts.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Self

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import Broken, GrokDeskError
from grokdesk.core.notices import Bus, JobChanged
from grokdesk.core.ports import Clock
from grokdesk.core.settings import Live
from grokdesk.engine.accounts import AccountPool
from grokdesk.platform.tasks import Supervisor

log = logging.getLogger(__name__)

_KEPT: Final = 20
_TELL_EVERY_S: Final = 0.1
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


class JobState(StrEnum):
    """Where a job stands. CANCELLED: some accounts were left out, or cut off in their turn."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Done:
    """What an act did to an account, as a sentence, and in numbers where there are any to add up."""

    said: str
    counts: Mapping[str, int] = field(default_factory=dict)


class PartlyDone(GrokDeskError):
    """An act did a part of its work. `counts` says how much."""

    title = "Only a part was done"

    def __init__(
        self, message: str, *, counts: Mapping[str, int] = _NOTHING, hint: str = "", detail: str = ""
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.counts = counts


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one account: what was done, or why not and what to do about it."""

    account: AccountId
    name: str
    ok: bool
    said: str
    hint: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


class Turn:
    """One account's turn in a job, as its act sees it."""

    __slots__ = ("_job", "account")

    def __init__(self, account: AccountId, job: Job) -> None:
        self.account = account
        self._job = job

    @property
    def should_stop(self) -> bool:
        """Whether the owner has cancelled: an act of many steps ends after the one it is at."""
        return self._job.state is not JobState.RUNNING

    def doing(self, said: str) -> None:
        """Say what is being done at the moment, such as "120 of 900 files deleted"."""
        self._job.note(self.account, said)


Act = Callable[[Turn], Awaitable[Done]]


class Job:
    """One act on a number of accounts. What it says is as of now; `JobChanged` tells when to look again.

    `results` are in the order of their end; `doing` is what those at work say they are at. Unix seconds:
    `started_at`, `ended_at`.
    """

    def __init__(
        self,
        job_id: str,
        kind: str,
        title: str,
        names: Mapping[AccountId, str],
        act: Act,
        *,
        started_at: float,
        changed: Callable[[Job], None],
    ) -> None:
        self.id = job_id
        self.kind = kind
        self.title = title
        self.total = len(names)
        self.state = JobState.RUNNING
        self.started_at = started_at
        self.ended_at: float | None = None
        self.ok = 0
        self.results: list[Result] = []
        self.doing: dict[AccountId, str] = {}
        self.act = act
        self._names = names
        self._changed = changed
        self._waiting = deque(names)
        self._counts: Counter[str] = Counter()
        self._over = asyncio.Event()

    @property
    def done(self) -> int:
        """How many accounts had their turn."""
        return len(self.results)

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return len(self.results) - self.ok

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in {JobState.DONE, JobState.CANCELLED}

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of all results, added up."""
        return dict(self._counts)

    async def ended(self) -> Sequence[Result]:
        """Wait for the end, whatever it is; returns the results."""
        await self._over.wait()
        return self.results

    # -- what `Jobs` does with it

    @property
    def has_more(self) -> bool:
        """Whether an account waits for its turn."""
        return bool(self._waiting)

    def next(self) -> AccountId:
        """Take the account whose turn it is."""
        account_id = self._waiting.popleft()
        self.doing[account_id] = ""
        return account_id

    def note(self, account_id: AccountId, said: str) -> None:
        """Take in what an account's act is at."""
        if account_id in self.doing:
            self.doing[account_id] = said
            self._changed(self)

    def settle(self, account_id: AccountId, outcome: Done | GrokDeskError) -> None:
        """Take in how an account's turn ended."""
        self.doing.pop(account_id, None)
        name = self._names[account_id]
        if isinstance(outcome, Done):
            self.ok += 1
            result = Result(account_id, name, ok=True, said=outcome.said, counts=outcome.counts)
        else:
            result = failed(account_id, name, outcome)
        self.results.append(result)
        self._counts.update(result.counts)
        self._changed(self)

    def cancel(self) -> None:
        """Hand out no more accounts."""
        if self.state is JobState.RUNNING:
            self.state = JobState.CANCELLING
            self._waiting.clear()
            self._changed(self)

    def end(self, now: float, *, cut_off: bool) -> None:
        """Nobody works for it any more."""
        self._waiting.clear()
        whole = self.done == self.total and not cut_off
        self.state = JobState.DONE if whole else JobState.CANCELLED
        self.ended_at = now
        self._over.set()
        self._changed(self)


def failed(account_id: AccountId, name: str, error: GrokDeskError) -> Result:
    """What became of an account whose act failed."""
    counts = error.counts if isinstance(error, PartlyDone) else _NOTHING
    return Result(account_id, name, ok=False, said=error.message, hint=error.hint, counts=counts)


@dataclass(slots=True)
class _Crew:
    """Who works for a job, and whether listeners have heard of all its changes."""

    job: Job
    workers: set[asyncio.Task[None]] = field(default_factory=set)
    cut_off: bool = False
    timer: asyncio.TimerHandle | None = None
    untold: bool = False


class Jobs:
    """Runs jobs and keeps the last ones.

    Leaving the block cuts off those that run; what they have done stays done.
    """

    def __init__(
        self,
        pool: AccountPool,
        live: Live,
        bus: Bus,
        clock: Clock,
        tasks: Supervisor,
        *,
        new_id: Callable[[], str],
    ) -> None:
        self._pool = pool
        self._live = live
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._new_id = new_id
        self._crews: dict[str, _Crew] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        workers = [worker for crew in self._crews.values() for worker in crew.workers]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for crew in self._crews.values():
            if crew.timer is not None:
                crew.timer.cancel()

    # -- looking

    def all(self) -> list[Job]:
        """Jobs that run and the last that ended, the newest first."""
        return [crew.job for crew in reversed(self._crews.values())]

    def get(self, job_id: str) -> Job | None:
        """The job with this id, unless it ended long ago."""
        crew = self._crews.get(job_id)
        return crew.job if crew else None

    # -- doing

    def start(
        self, kind: str, title: str, ids: Iterable[AccountId], act: Act, *, at_once: int | None = None
    ) -> Job:
        """Do `act` to each of the accounts, each once, at most `at_once` at a time.

        `at_once` is `accounts.checks_at_once` unless given. `title` is what a person reads, such as
        "Delete the files of 12 accounts".
        """
        names = {}
        for one in ids:
            account = self._pool.get(one)
            names[one] = account.name if account else str(one)
        job = Job(
            self._new_id(), kind, title, names, act, started_at=self._clock.now(), changed=self._job_changed
        )
        crew = self._crews[job.id] = _Crew(job)
        log.info("job started id=%s kind=%s accounts=%d", job.id, kind, job.total)
        self._job_changed(job)
        for _ in range(min(job.total, at_once or self._live.now.accounts.checks_at_once)):
            self._hire(crew)
        if not crew.workers:
            self._end(crew)
        return job

    def cancel(self, job_id: str) -> None:
        """Hand out no more accounts; those at work come to the end of their step."""
        crew = self._crews.get(job_id)
        if crew is not None and not crew.job.is_over:
            crew.job.cancel()

    # -- working

    def _hire(self, crew: _Crew) -> None:
        worker = self._tasks.spawn(self._work(crew.job), name=f"job {crew.job.kind}")
        crew.workers.add(worker)
        worker.add_done_callback(lambda gone: self._left(crew, gone))

    def _left(self, crew: _Crew, worker: asyncio.Task[None]) -> None:
        crew.workers.discard(worker)
        crew.cut_off |= worker.cancelled()
        if crew.job.has_more and not worker.cancelled():
            self._hire(crew)  # a mistake of ours ended it; the others still get their turn
        elif not crew.workers:
            self._end(crew)

    async def _work(self, job: Job) -> None:
        while job.has_more:
            account_id = job.next()
            outcome: Done | GrokDeskError = _CUT_OFF
            try:
                outcome = await job.act(Turn(account_id, job))
            except GrokDeskError as error:
                log.info(
                    "act failed job=%s account=%s why=%s detail=%s",
                    job.id,
                    account_id,
                    error.message,
                    error.detail,
                )
                outcome = error
            finally:
                job.settle(account_id, outcome)
            # An act that has nothing to do does not wait for anything: let others have the loop.
            await asyncio.sleep(0)

    def _end(self, crew: _Crew) -> None:
        job = crew.job
        job.end(self._clock.now(), cut_off=crew.cut_off)
        log.info(
            "job ended id=%s kind=%s state=%s ok=%d failed=%d left_out=%d",
            job.id,
            job.kind,
            job.state,
            job.ok,
            job.failed,
            job.total - job.done,
        )
        self._forget()

    def _forget(self) -> None:
        over = [job_id for job_id, crew in self._crews.items() if crew.job.is_over]
        for job_id in over[: max(0, len(over) - _KEPT)]:
            del self._crews[job_id]

    # -- telling

    def _job_changed(self, job: Job) -> None:
        """Tell at once, and then again at most ten times a second; the end is always told at once."""
        crew = self._crews.get(job.id)
        if crew is None:
            return
        if crew.timer is not None and not job.is_over:
            crew.untold = True
            return
        self._tell(crew)

    def _tell(self, crew: _Crew) -> None:
        if crew.timer is not None:
            crew.timer.cancel()
        crew.untold = False
        crew.timer = (
            None
            if crew.job.is_over
            else asyncio.get_running_loop().call_later(_TELL_EVERY_S, self._tell_again, crew)
        )
        self._bus.publish(JobChanged(crew.job.id))

    def _tell_again(self, crew: _Crew) -> None:
        crew.timer = None
        if crew.untold:
            self._tell(crew)


_CUT_OFF: Final = Broken("The work on this account was cut off.", hint="Start it again for this account.")
