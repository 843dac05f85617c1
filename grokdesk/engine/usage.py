"""Counts what is asked, hour by hour, and keeps the sums."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from grokdesk.core.ports import Clock, HourStore
from grokdesk.core.runs import RunRecord
from grokdesk.core.usage import HOUR_S, HourSum, hour_of

# How long sums are kept, and how often the oldest are forgotten.
KEPT_S: Final = 400 * 24 * HOUR_S
_TRIM_EVERY_S: Final = 24 * HOUR_S


class UsageLog:
    """The sums of this and earlier hours.

    Each start of the program has rows of its own, so nothing has to be read before something is counted, and
    gateways that share a store do not count over one another.
    """

    def __init__(self, store: HourStore, clock: Clock, *, name: str = "") -> None:
        self._store = store
        self._clock = clock
        self._name = name or secrets.token_hex(8)
        self._counted: dict[tuple[int, str, str], HourSum] = {}
        self._unsaved: set[tuple[int, str, str]] = set()
        self._rows = 0
        self._trimmed_at = float("-inf")

    def count(self, run: RunRecord) -> None:
        """Take in a run that has ended, in the hour in which it came."""
        which = (hour_of(run.at), run.model, run.client)
        row = self._counted.get(which)
        if row is None:
            self._rows += 1
            row = HourSum(f"{self._name}/{self._rows}", *which)
        self._counted[which] = row.with_run(run)
        self._unsaved.add(which)

    def save(self) -> None:
        """Have written what was counted since the last time; returns at once."""
        for which in self._unsaved:
            self._store.save(self._counted[which])
        self._unsaved.clear()
        # A run that took longer than this begins a new row, which is added up all the same.
        over = hour_of(self._clock.now()) - HOUR_S
        for which in [one for one in self._counted if one[0] < over]:
            del self._counted[which]

    async def forget_old(self) -> None:
        """Forget what is too old to be shown; looks once a day."""
        now = self._clock.now()
        if now - self._trimmed_at >= _TRIM_EVERY_S:
            await self._store.trim(hour_of(now - KEPT_S))
            self._trimmed_at = now

    async def between(self, start: int, end: int) -> Sequence[HourSum]:
        """The hours from `start` on that begin before `end`, in Unix seconds; whole ones of several rows."""
        self.save()
        return await self._store.between(start, end)
