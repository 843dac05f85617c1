"""Tests of ways out: several at once, with progress, cancelled at any moment, the results kept by row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from PySide6.QtCore import QObject, Signal

from grokdesk.core.egress import Tested
from grokdesk.core.errors import GrokDeskError
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.models.ways import NO_TRIAL, Trial, WayKey, WayRow

_AT_ONCE: Final = 10


class Trials(QObject):
    """What was tested and what is being tested. Goes on while the pane is hidden."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._found: dict[WayKey, Trial] = {}
        # The task of each row: one that was cancelled does not speak for the next.
        self._pending: dict[WayKey, asyncio.Task[object]] = {}
        self._batch: set[WayKey] = set()
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    @property
    def total(self) -> int:
        """How many are tested in one go, with those that were added meanwhile."""
        return len(self._batch)

    @property
    def running(self) -> bool:
        """Whether any test is under way."""
        return bool(self._pending)

    @property
    def done(self) -> int:
        """How many of `total` have ended."""
        return self.total - len(self._pending)

    def of(self, key: WayKey) -> Trial:
        """What came of the last test of a row."""
        return self._found.get(key, NO_TRIAL)

    def is_testing(self, key: WayKey) -> bool:
        """Whether a row is being tested, or waits for it."""
        return key in self._pending

    def start(self, rows: Iterable[WayRow]) -> None:
        """Test these, each on its own; those under way are left alone."""
        fresh = [row for row in rows if row.key not in self._pending]
        if not self._pending:
            self._batch.clear()
        for row in fresh:
            task = self._desk.work.start(self._test(row.key, row.target))
            if task is None:
                return
            self._pending[row.key] = task
            self._batch.add(row.key)
        if fresh:
            self.changed.emit()

    def cancel(self) -> None:
        """Stop; what was found out stays."""
        pending, self._pending = self._pending, {}
        for task in pending.values():
            task.cancel()
        self.changed.emit()

    def keep_only(self, keys: Iterable[WayKey]) -> None:
        """Forget what was found out about rows that are gone."""
        kept = frozenset(keys)
        self._found = {key: trial for key, trial in self._found.items() if key in kept}

    def keepsake(self) -> Mapping[WayKey, Trial]:
        """What was found out, for a pane in another language. What is still being tested is not among it."""
        return dict(self._found)

    def put_back(self, found: Mapping[WayKey, Trial]) -> None:
        """Take what `keepsake` returned."""
        self._found = {**found, **self._found}

    async def _test(self, key: WayKey, target: str) -> None:
        async with self._at_once:
            host = self._desk.host
            try:
                found = next(iter((await host.egress.test([target])).values()))
            except GrokDeskError as error:
                found = Tested(reachable=False, failure=error.message, hint=error.hint)
            finally:
                if self._pending.get(key) is asyncio.current_task():
                    del self._pending[key]
            self._found[key] = Trial(found, host.clock.now())
        self.changed.emit()
        if not self._pending and self.total > 1:
            self._sum_up()

    def _sum_up(self) -> None:
        """Say how many of those tested together are of use."""
        found = [trial.found for trial in map(self.of, self._batch) if trial.found is not None]
        lost = sum(not one.reachable for one in found)
        stopped = sum(one.challenged for one in found)
        parts = [self.tr("%n way(s) out tested", "", len(found))]
        if lost:
            parts.append(self.tr("%n not reachable", "", lost))
        if stopped:
            parts.append(self.tr("%n challenged by Cloudflare", "", stopped))
        self._desk.say(words.sentence(parts), "" if lost or stopped else "ok")
