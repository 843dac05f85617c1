"""Work a person waits for: how far it is, how long it will take, and how to end it.

Every pane says here what it has begun; the strip at the bottom of the window shows what takes long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from grokdesk.core.ports import Clock
from grokdesk.ui.languages import told

if TYPE_CHECKING:
    from grokdesk.engine.jobs import Job, Jobs

_LONG_MS: Final = 2_000
_KEPT: Final = 20
# The pace counts over the last moments, and is believed after so many seconds and steps.
_PACE_OVER: Final = 40
_STEADY_S: Final = 3.0
_STEADY_STEPS: Final = 3

Cancel = Callable[[], object]
Retry = Callable[[], object]


class State(Enum):
    """Where a piece of work stands."""

    RUNNING = auto()
    CANCELLING = auto()
    DONE = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """What of it failed, why, and what to do about it."""

    name: str
    reason: str
    hint: str = ""


class Doing(QObject):
    """One piece of work. `changed` tells when to look again; `total` of 0 means that nobody knows."""

    changed = Signal()
    ended = Signal()

    def __init__(self, title: str, total: int, cancel: Cancel | None, clock: Clock) -> None:
        super().__init__()
        self.title = title
        self.total = total
        self.done = 0
        self.said = ""
        self.state = State.RUNNING
        self.failures: tuple[Failure, ...] = ()
        self.result = ""
        self.is_long = False
        self._cancel = cancel
        self._retry: Retry | None = None
        self._clock = clock
        self._pace: deque[tuple[float, int]] = deque([(clock.monotonic(), 0)], maxlen=_PACE_OVER)

    # -- asking

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in {State.DONE, State.CANCELLED}

    @property
    def can_cancel(self) -> bool:
        """Whether it can be ended before its end."""
        return self._cancel is not None and self.state is State.RUNNING

    @property
    def can_retry(self) -> bool:
        """Whether what failed can be tried again."""
        return self.is_over and bool(self.failures) and self._retry is not None

    def left_s(self) -> float | None:
        """The seconds it will still take, once the pace is steady."""
        since, before = self._pace[0]
        at, now = self._pace[-1]
        spent, steps = at - since, now - before
        if self.is_over or not self.total or spent < _STEADY_S or steps < _STEADY_STEPS:
            return None
        return max(0.0, (self.total - now) * spent / steps - (self._clock.monotonic() - at))

    # -- telling

    def update(self, done: int, total: int | None = None, said: str = "") -> None:
        """Say how far it is. `said` is what happens at the moment."""
        if self.is_over:
            return
        if done != self.done:
            self._pace.append((self._clock.monotonic(), done))
        self.done, self.said = done, said
        if total is not None:
            self.total = total
        self.changed.emit()

    def cancel(self) -> None:
        """Ask it to end soon; what is done stays done."""
        if self.can_cancel and self._cancel is not None:
            self.state = State.CANCELLING
            self.changed.emit()
            self._cancel()

    def finish(
        self,
        said: str = "",
        failures: Iterable[Failure] = (),
        *,
        retry: Retry | None = None,
        cancelled: bool = False,
    ) -> None:
        """Say that it is over, how it ended, what failed, and how to try that again."""
        if self.is_over:
            return
        self.state = State.CANCELLED if cancelled else State.DONE
        self.result = said
        self.failures = tuple(failures)
        self._retry = retry
        self.changed.emit()
        self.ended.emit()

    def retry(self) -> None:
        """Try again what failed."""
        if self.can_retry and self._retry is not None:
            again, self._retry = self._retry, None
            again()
            self.changed.emit()


class Doings(QObject):
    """What is being done for the owner at the moment, and what ended with something to look at."""

    changed = Signal()
    failures_wanted = Signal(object)
    """A `Doing` whose failures are to be shown."""
    job_ended_well = Signal(object)
    """A `Doing` that mirrored a job of the engine, took long, and ended without a failure."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.long_ms = _LONG_MS
        self._clock = clock
        self._all: list[Doing] = []
        self._jobs: dict[str, Doing] = {}

    def begin(self, title: str, total: int = 0, cancel: Cancel | None = None) -> Doing:
        """Begin a piece of work. Who begins it calls `finish`, whatever happens.

        `cancel` asks the work to end soon and returns at once.
        """
        doing = Doing(title, total, cancel, self._clock)
        doing.setParent(self)
        self._all.append(doing)
        timer = QTimer(doing)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: self._has_become_long(doing))
        timer.start(self.long_ms)
        doing.changed.connect(self.changed)
        doing.ended.connect(timer.stop)
        doing.ended.connect(lambda: self._ended(doing))
        return doing

    # -- asking

    def running(self) -> list[Doing]:
        """What goes on, the oldest first."""
        return [doing for doing in self._all if not doing.is_over]

    def shown(self) -> list[Doing]:
        """What the strip shows: what takes long, and what ended with failures, the oldest first."""
        return [doing for doing in self._all if doing.is_long or (doing.is_over and doing.failures)]

    def of_job(self, job_id: str) -> Doing | None:
        """The work that mirrors a job of the engine."""
        return self._jobs.get(job_id)

    def retry(self, doing: Doing) -> None:
        """Try again what failed; what ended is put away."""
        doing.retry()
        self.put_away(doing)

    def put_away(self, doing: Doing) -> None:
        """Show it no more; for one that is over."""
        if doing.is_over and doing in self._all:
            self._all.remove(doing)
            self._jobs = {job_id: one for job_id, one in self._jobs.items() if one is not doing}
            # Not deleted: a row that still shows it may ask once more.
            doing.setParent(None)
            self.changed.emit()

    # -- the engine's jobs

    def follow(self, jobs: Jobs, ids: Iterable[str]) -> None:
        """Take in how jobs of the engine went on."""
        for job_id in ids:
            job = jobs.get(job_id)
            if job is not None:
                self._follow(jobs, job)

    def _follow(self, jobs: Jobs, job: Job) -> None:
        doing = self._jobs.get(job.id)
        if doing is None:
            # What is over before anybody heard of it is shown only when something of it failed.
            if job.is_over and not job.failed:
                return
            doing = self.begin(self.job_title(job), job.total, lambda: jobs.cancel(job.id))
            self._jobs[job.id] = doing
        if doing.is_over:
            return
        at_work = next((said for said in job.doing.values() if said), "")
        doing.update(job.done, job.total, at_work)
        if job.is_over:
            was_long = doing.is_long
            failed = [one for one in job.results if not one.ok]
            doing.finish(
                self.summary(job.ok, job.failed, job.total - job.done),
                (Failure(one.name, one.said, one.hint) for one in failed),
                retry=lambda: jobs.start(job.kind, job.title, [one.account for one in failed], job.act),
                cancelled=job.done < job.total,
            )
            if was_long and not failed:
                self.job_ended_well.emit(doing)

    def job_title(self, job: Job) -> str:
        """What a job of the engine does, in the language of the window."""
        match job.kind:
            case "refresh":
                return self.tr("Check %n account(s)", "", job.total)
            case "adult_on":
                return self.tr("Show adult content with %n account(s)", "", job.total)
            case "adult_off":
                return self.tr("Hide adult content with %n account(s)", "", job.total)
            case "list_assets":
                return self.tr("List the files of %n account(s)", "", job.total)
            case "clear_assets":
                return self.tr("Delete the files of %n account(s)", "", job.total)
            case "fetch_assets":
                return self.tr("Fetch the files of %n account(s)", "", job.total)
            case "list_conversations":
                return self.tr("List the conversations of %n account(s)", "", job.total)
            case "clear_conversations":
                return self.tr("Delete the conversations of %n account(s)", "", job.total)
            case _:
                return job.title

    def summary(self, ok: int, failed: int, left_out: int) -> str:
        """How a batch ended, as a sentence."""
        parts = [self.tr("%n done", "", ok)]
        if failed:
            parts.append(self.tr("%n failed", "", failed))
        if left_out:
            parts.append(self.tr("%n not begun", "", left_out))
        return self.tr("%1.").replace("%1", self.tr(", ").join(parts))

    # -- inside

    def _has_become_long(self, doing: Doing) -> None:
        if not doing.is_over:
            doing.is_long = True
            self.changed.emit()

    def _ended(self, doing: Doing) -> None:
        if not doing.failures:
            # Whoever began it says how it went; there is nothing to look at here.
            doing.is_long = False
            self.put_away(doing)
            return
        over = [one for one in self._all if one.is_over]
        for old in over[: max(0, len(over) - _KEPT)]:
            self.put_away(old)


def copy_of(failures: Sequence[Failure]) -> str:
    """The failures as lines to be pasted elsewhere."""
    return "\n".join(f"{one.name}\t{told(one.reason, one.hint)}".rstrip() for one in failures)
