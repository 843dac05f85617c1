"""How many accounts are in which state, kept up with every change: counting 10,000 would be noticed."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from grokdesk.core.accounts import AccountId, Status

_WAITING: Final = frozenset({Status.EXPIRED, Status.BLOCKED})


class Census:
    """Counts accounts by their state.

    An account that may serve is ready from the moment on that it was `take`n with, in Unix seconds; infinity
    is never.
    """

    def __init__(self) -> None:
        self._status: dict[AccountId, Status] = {}
        # Those that may serve, by when: all of them, and the ones that have to wait in order of time. What is
        # in the heap and not in the table any more is passed over.
        self._free_from: dict[AccountId, float] = {}
        self._later: list[tuple[float, AccountId]] = []
        self._ready: set[AccountId] = set()
        self._disabled = 0
        self._need_owner = 0
        self._counted_at = -inf

    def __len__(self) -> int:
        return len(self._status)

    def take(self, account_id: AccountId, status: Status, free_from: float) -> None:
        """Take in an account as it is from now on."""
        if self._status.get(account_id) is status and self._free_from.get(account_id, inf) == free_from:
            return
        self.forget(account_id)
        self._status[account_id] = status
        if status is Status.DISABLED:
            self._disabled += 1
        elif status in _WAITING:
            self._need_owner += 1
        else:
            self._free_from[account_id] = free_from
            self._place(account_id, free_from)

    def forget(self, account_id: AccountId) -> None:
        """Leave out an account, if it is in."""
        status = self._status.pop(account_id, None)
        if status is Status.DISABLED:
            self._disabled -= 1
        elif status in _WAITING:
            self._need_owner -= 1
        self._free_from.pop(account_id, None)
        self._ready.discard(account_id)

    def counts(self, now: float) -> tuple[int, int, int, int]:
        """How many are ready, have to wait, need their owner, and are switched off."""
        if now < self._counted_at:
            self._begin_anew(now)
        self._counted_at = now
        while self._later and self._later[0][0] <= now:
            free_from, account_id = heappop(self._later)
            if self._free_from.get(account_id) == free_from:
                self._ready.add(account_id)
        ready = len(self._ready)
        return ready, len(self._free_from) - ready, self._need_owner, self._disabled

    def _place(self, account_id: AccountId, free_from: float) -> None:
        if free_from <= self._counted_at:
            self._ready.add(account_id)
        elif free_from < inf:
            heappush(self._later, (free_from, account_id))
            # Also when nobody asks for counts, as without a window.
            if len(self._later) > 2 * len(self._free_from) + 1_000:
                self._begin_anew(self._counted_at)

    def _begin_anew(self, now: float) -> None:
        """The clock was put back, or the heap is full of what is over."""
        self._counted_at = now
        self._ready = {one for one, free_from in self._free_from.items() if free_from <= now}
        self._later = [(at, one) for one, at in self._free_from.items() if now < at < inf]
        heapify(self._later)
