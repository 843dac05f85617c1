"""The log of requests: what was asked, who answered, how it went. Never what was said."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import islice
from typing import Final

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Transcript
from grokdesk.core.notices import Bus, RunFinished, RunStarted
from grokdesk.core.ports import Clock, Lease, RunStore
from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.core.settings import Live

SHOWN: Final = 500
_TRIM_EVERY: Final = 200


class RunEntry:
    """One request being logged."""

    def __init__(self, log: RunLog, record: RunRecord, started: float) -> None:
        self._log = log
        self._started = started
        self.record = record

    def trying(self, lease: Lease, egress: str) -> None:
        """An account is asked."""
        account = lease.account
        attempt = Try(account=account.name, egress=egress)
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
            last = replace(self.record.tries[-1], failure=error.message)
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
            changes = replace(changes, failure=error.message)
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
        self._log.finished(self)

    def _elapsed_ms(self) -> int:
        return round((self._log.monotonic() - self._started) * 1000)


class RunLog:
    """The last requests, newest first, and those still running."""

    def __init__(self, store: RunStore, live: Live, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._bus = bus
        self._clock = clock
        self.monotonic = clock.monotonic
        self._recent: deque[RunRecord] = deque(maxlen=SHOWN)
        self._running: dict[str, RunEntry] = {}
        self._since_trim = 0
        self._kept = 0

    async def load(self) -> None:
        """Read the newest requests of earlier sessions."""
        self._recent.extend(await self._store.latest(SHOWN))
        await self._trim()

    async def tidy(self) -> None:
        """Forget what is more than the settings allow. Call it now and then; mostly it has nothing to do."""
        if self._since_trim >= _TRIM_EVERY or self._kept != self._live.now.privacy.keep_requests:
            await self._trim()

    async def _trim(self) -> None:
        self._kept = self._live.now.privacy.keep_requests
        self._since_trim = 0
        await self._store.trim(self._kept)

    def recent(self) -> list[RunRecord]:
        """Running requests, then past ones, newest first."""
        running = [entry.record for entry in reversed(self._running.values())]
        return [*running, *islice(self._recent, self._live.now.privacy.keep_requests)]

    @property
    def in_flight(self) -> int:
        """How many requests are running."""
        return len(self._running)

    def begin(self, run_id: str, model: str, client: str) -> RunEntry:
        """A request has come."""
        record = RunRecord(id=run_id, at=self._clock.now(), model=model, client=client)
        entry = RunEntry(self, record, self.monotonic())
        self._running[run_id] = entry
        self._bus.publish(RunStarted(record))
        return entry

    def finished(self, entry: RunEntry) -> None:
        """A request has ended."""
        self._running.pop(entry.record.id, None)
        self._recent.appendleft(entry.record)
        if self._live.now.privacy.keep_requests:
            self._store.save(entry.record)
            self._since_trim += 1
        self._bus.publish(RunFinished(entry.record))
