"""The log of requests: what was asked, who answered, how it went.

What was said is kept beside it only if the owner wants that, sealed and for some days.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Final

from grokdesk.core.errors import Broken, GrokDeskError, StoppedByOwner, UpstreamError
from grokdesk.core.events import Transcript
from grokdesk.core.notices import Bus, RunFinished, RunStarted
from grokdesk.core.ports import Clock, Lease, RunStore, TalkStore
from grokdesk.core.runs import (
    EVERY,
    LONGEST_TALK,
    NOBODY,
    Caller,
    Counted,
    Place,
    RunRecord,
    RunState,
    Sought,
    Talk,
    Try,
)
from grokdesk.core.settings import Live
from grokdesk.engine.usage import UsageLog

log = logging.getLogger(__name__)

# So many are in memory, whatever the owner keeps; older ones are read from the store.
SHOWN: Final = 1_000
_TRIM_EVERY: Final = 200
_DAY_S: Final = 86_400.0
_FORGET_EVERY_S: Final = 3_600.0
_RETRY_S: Final = 60.0


class RunEntry:
    """One request being logged."""

    def __init__(self, log_: RunLog, record: RunRecord, started: float, caller: Caller) -> None:
        self._log = log_
        self._started = started
        self._transcript: Transcript | None = None
        self._task: asyncio.Task[object] | None = None
        self._stopped = False
        self.asked = caller.body
        self.record = record

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """What is done inside, by the current task, ends with `StoppedByOwner` when the owner wants that."""
        task = asyncio.current_task()
        assert task is not None, "requests are answered in tasks"
        self._task, before = task, task.cancelling()
        try:
            yield
        except asyncio.CancelledError as error:
            self._task = None
            # Somebody else may have cancelled it as well, such as the gateway that stops; that goes on.
            if self._stopped and task.uncancel() <= before:
                raise StoppedByOwner from error
            raise
        finally:
            if self._task is not None:
                self._task = None
                if self._stopped:
                    # It ended by itself in the same moment.
                    task.uncancel()

    def stop(self) -> bool:
        """End it for its owner; tell whether there was anything to end."""
        if self._task is None or self._stopped:
            return False
        self._stopped = True
        self._task.cancel()
        return True

    def answered_with(self, transcript: Transcript) -> None:
        """What is said from now on goes into `transcript`."""
        self._transcript = transcript

    def trying(self, lease: Lease, egress: str) -> None:
        """An account is asked."""
        account = lease.account
        attempt = Try(account=account.name, egress=egress, account_id=account.id)
        self.record = replace(
            self.record,
            account=account.id,
            account_name=account.name,
            mode=lease.meter.value,
            egress=egress,
            tries=(*self.record.tries, attempt),
        )

    def try_failed(self, error: GrokDeskError) -> None:
        """The account just asked, or the search for one, failed."""
        if self.record.tries and not self.record.tries[-1].failure:
            last = replace(
                self.record.tries[-1],
                failure=error.message,
                status=error.http_status if isinstance(error, UpstreamError) else 0,
                cause=type(error).__name__,
                hint=error.hint,
            )
            self.record = replace(self.record, tries=(*self.record.tries[:-1], last))

    def first_piece(self) -> None:
        """The first piece was handed on."""
        if self.record.first_ms is None:
            self.record = replace(self.record, first_ms=self._elapsed_ms())

    def ended(
        self, state: RunState, transcript: Transcript | None, error: GrokDeskError | None = None
    ) -> None:
        """The request is over. Idempotent."""
        if self.record.state is not RunState.RUNNING:
            return
        changes = replace(self.record, state=state, total_ms=self._elapsed_ms())
        if error is not None:
            changes = replace(changes, failure=error.message, cause=type(error).__name__, hint=error.hint)
        if transcript is not None:
            finished = transcript.finished
            changes = replace(
                changes,
                pieces=transcript.pieces,
                stop=finished.stop.value if finished else "",
                prompt_tokens=finished.usage.prompt_tokens if finished else 0,
                completion_tokens=finished.usage.completion_tokens if finished else 0,
            )
        self.record = changes
        self._transcript = transcript
        self._log.finished(self)

    @property
    def now(self) -> RunRecord:
        """The record with as many pieces as have come so far."""
        if self._transcript is None:
            return self.record
        return replace(self.record, pieces=self._transcript.pieces)

    def talk(self) -> Talk:
        """What was said in it."""
        asked = self.asked[:LONGEST_TALK].decode("utf-8", "replace")
        answer = "" if self._transcript is None else self._transcript.text[:LONGEST_TALK]
        return Talk(self.record.id, self.record.at, asked, answer, cut=len(self.asked) > LONGEST_TALK)

    def _elapsed_ms(self) -> int:
        return round((self._log.monotonic() - self._started) * 1000)


class RunLog:
    """The last requests, newest first, and those still running.

    `usage` counts them, `talks` keeps what was said if the owner wants that; without them nothing is counted
    or kept.
    """

    def __init__(
        self,
        store: RunStore,
        live: Live,
        bus: Bus,
        clock: Clock,
        *,
        usage: UsageLog | None = None,
        talks: TalkStore | None = None,
    ) -> None:
        self._store = store
        self._live = live
        self._bus = bus
        self._clock = clock
        self.usage = usage
        self._talks = talks
        self.monotonic = clock.monotonic
        self._recent: list[RunRecord] = []
        self._running: dict[str, RunEntry] = {}
        self._since_trim = 0
        self._kept = 0
        self._forgot = (float("-inf"), 0)
        self._not_before = float("-inf")

    async def load(self) -> None:
        """Read the newest requests of earlier sessions."""
        self._recent = await self._store.latest(SHOWN)
        await self._trim()

    async def tidy(self) -> None:
        """Forget what is more than the settings allow. Call it now and then; mostly it has nothing to do.

        While the store does not take that, it is tried again once a minute.
        """
        if self.usage is not None:
            self.usage.save()
        if self.monotonic() < self._not_before:
            return
        try:
            if self._since_trim >= _TRIM_EVERY or self._kept != self._live.now.privacy.keep_requests:
                await self._trim()
            await self._forget_old_talks()
            if self.usage is not None:
                await self.usage.forget_old()
        except Broken as error:
            self._not_before = self.monotonic() + _RETRY_S
            log.warning("old requests are still there, will try again reason=%s", error.detail)

    def close(self) -> None:
        """Have written what was counted; the stores are still open."""
        if self.usage is not None:
            self.usage.save()

    async def _trim(self) -> None:
        keep, more = self._live.now.privacy.keep_requests, self._since_trim
        await self._store.trim(keep)
        if self._talks is not None:
            # What was said in a request that is not listed any more could not even be deleted by hand.
            oldest = await self._store.page(EVERY, skip=keep - 1, limit=1) if keep else []
            if oldest or not keep:
                await self._talks.forget(oldest[0].at if oldest else None)
        self._kept = keep
        self._since_trim -= more

    async def _forget_old_talks(self) -> None:
        now, days = self._clock.now(), self._live.now.privacy.keep_prompts_days
        last, then = self._forgot
        if self._talks is None or (now - last < _FORGET_EVERY_S and days == then):
            return
        count = await self._talks.forget(now - days * _DAY_S)
        self._forgot = (now, days)
        if count:
            log.info("kept prompts forgotten count=%d days=%d", count, days)

    # -- what is known of requests

    def recent(self) -> list[RunRecord]:
        """Running requests, then past ones, newest first."""
        return [*self.running(), *islice(self._recent, self._live.now.privacy.keep_requests)]

    def running(self) -> list[RunRecord]:
        """Those that are answered, as they are now, newest first."""
        return [entry.now for entry in reversed(self._running.values())]

    @property
    def in_flight(self) -> int:
        """How many requests are running."""
        return len(self._running)

    async def page(
        self, sought: Sought, *, before: Place | None = None, skip: int = 0, limit: int
    ) -> list[RunRecord]:
        """Past requests that fit, newest first: `limit` older than `before`, after the first `skip`."""
        return await self._store.page(sought, before=before, skip=skip, limit=limit)

    async def count(self, sought: Sought = EVERY, *, before: Place | None = None) -> Counted:
        """How many past requests fit and are older than `before`."""
        return await self._store.count(sought, before=before)

    async def find(self, run_id: str) -> RunRecord | None:
        """One request, running or past; None when it is not listed any more."""
        entry = self._running.get(run_id)
        if entry is not None:
            return entry.now
        return next((run for run in self._recent if run.id == run_id), None) or await self._store.get(run_id)

    # -- what was said

    async def talk(self, run_id: str) -> Talk | None:
        """What was said in a request, or None when that is not kept."""
        return None if self._talks is None else await self._talks.get(run_id)

    async def talks_kept(self) -> int:
        """Of how many requests it is kept."""
        return 0 if self._talks is None else await self._talks.count()

    async def forget_talks(self) -> int:
        """Forget what was said in all requests; returns in how many."""
        return 0 if self._talks is None else await self._talks.forget()

    # -- while requests come and go

    def begin(
        self, run_id: str, model: str, client: str, caller: Caller = NOBODY, *, answered: str = ""
    ) -> RunEntry:
        """A request has come. `answered` is the model that `model` stands for."""
        record = RunRecord(
            id=run_id,
            at=self._clock.now(),
            model=model,
            client=client,
            dialect=caller.dialect,
            stream=caller.stream,
            answered=answered,
            request_id=caller.request_id,
        )
        if caller.body and not self._keeps_talks:
            caller = replace(caller, body=b"")
        entry = RunEntry(self, record, self.monotonic(), caller)
        self._running[run_id] = entry
        self._bus.publish(RunStarted(record))
        return entry

    def stop(self, run_id: str) -> bool:
        """End a running request for its owner; its client hears so. Tells whether it was running."""
        entry = self._running.get(run_id)
        return entry is not None and entry.stop()

    def finished(self, entry: RunEntry) -> None:
        """A request has ended."""
        self._running.pop(entry.record.id, None)
        self._take_in(entry.record)
        if self._live.now.privacy.keep_requests:
            self._store.save(entry.record)
            self._since_trim += 1
            if self._talks is not None and self._keeps_talks:
                self._talks.save(entry.talk())
        if self.usage is not None:
            self.usage.count(entry.record)
        self._bus.publish(RunFinished(entry.record))

    @property
    def _keeps_talks(self) -> bool:
        return self._talks is not None and self._live.now.privacy.keep_prompts

    def _take_in(self, record: RunRecord) -> None:
        """Put it where it belongs by the time it came; the oldest makes room."""
        recent = self._recent
        place = next((at for at, run in enumerate(recent) if run.at <= record.at), len(recent))
        recent.insert(place, record)
        del recent[SHOWN:]
