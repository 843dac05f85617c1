"""Looking after accounts by itself: checks when they are due, and putting dead ones away.

What is due is known from a heap that follows the notices of the pool, so that ten thousand accounts cost
nothing while nothing changes.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from grokdesk.core.accounts import Account, AccountId, Status
from grokdesk.core.errors import Broken
from grokdesk.core.notices import AccountChanged, Bus, CleanedUp, Notice, SettingsChanged
from grokdesk.core.ports import Clock
from grokdesk.core.settings import AccountsSettings, CleanUp, Live
from grokdesk.core.upkeep import Intervals, due_at, long_dead, meters_due
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.quota import Checks

log = logging.getLogger(__name__)

# Changes are gathered for so long, and so often the clock is looked at when nothing changes.
_GATHER_S: Final = 1.0
_LOOK_S: Final = 60.0
_PART: Final = 500
_CLEAN_EVERY_S: Final = 3_600.0
# How long a removed account can be brought back.
_REMOVED_KEPT_S: Final = 30 * 86_400.0


class Upkeep:
    """Starts checks when they are due, evenly spread, and applies the owner's rule for dead accounts.

    `leads` tells whether this gateway is the one that does so for a shared pool.
    """

    def __init__(
        self,
        pool: AccountPool,
        checks: Checks,
        live: Live,
        bus: Bus,
        clock: Clock,
        *,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._pool = pool
        self._checks = checks
        self._live = live
        self._bus = bus
        self._clock = clock
        self._leads = leads
        self._heap: list[tuple[float, AccountId]] = []
        self._due: dict[AccountId, float] = {}
        self._changed: set[AccountId] = set()
        self._woken: asyncio.Future[None] | None = None
        self._start_at = 0.0

    async def run(self) -> None:
        """Look after the accounts until cancelled."""
        with self._listening():
            self._look_at_all()
            clean_at = float("-inf")
            while True:
                await self._take_in()
                if self._leads():
                    self._start_due()
                    if self._clock.monotonic() >= clean_at:
                        clean_at = self._clock.monotonic() + await self._cleaned_up()
                await self._wait()

    async def _cleaned_up(self) -> float:
        """Clean up; returns after how many seconds to do so again."""
        try:
            await self.clean_up()
        except Broken as error:
            log.warning("accounts not cleaned up, will try again reason=%s", error.detail)
            return _LOOK_S
        return _CLEAN_EVERY_S

    async def clean_up(self) -> None:
        """Put away what has been dead for as long as the owner's rule says, and forget what was removed."""
        await self._pool.purge(self._clock.now() - _REMOVED_KEPT_S)
        settings = self._live.now.accounts
        if settings.clean_up is CleanUp.OFF:
            return
        dead = long_dead(self._pool.accounts(), self._clock.now(), settings.clean_up_days)
        if not dead:
            return
        ids = [account.id for account in dead]
        if settings.clean_up is CleanUp.REMOVE:
            await self._pool.remove(ids)
        else:
            self._pool.edit(ids, self._put_away)
        log.warning("accounts cleaned up count=%d rule=%s", len(ids), settings.clean_up.value)
        self._bus.publish(CleanedUp(frozenset(ids), removed=settings.clean_up is CleanUp.REMOVE))

    def _put_away(self, account: Account) -> Account:
        days = self._live.now.accounts.clean_up_days
        reason = f"Switched off by your rule after {days} days. {account.reason}".rstrip()
        return account.with_status(Status.DISABLED, reason, self._clock.now())

    # -- what is due

    def next_due(self) -> float | None:
        """When the next check is due, in Unix seconds; None when none is."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _start_due(self) -> None:
        settings = self._live.now.accounts
        if not settings.check_regularly:
            return
        intervals, now = intervals_of(settings), self._clock.now()
        self._start_at = max(self._start_at, self._clock.monotonic() - _GATHER_S)
        while (due := self.next_due()) is not None and due <= now and self._may_start(settings):
            _, account_id = heapq.heappop(self._heap)
            # Comes back when its check, or whatever happens to it, changes it.
            del self._due[account_id]
            account = self._pool.get(account_id)
            if account is not None:
                self._start_at += 60.0 / settings.checks_per_minute
                self._checks.start_later(account_id, meters_due(account, intervals, now))

    def _may_start(self, settings: AccountsSettings) -> bool:
        waiting = self._checks.running >= 2 * settings.checks_at_once
        return not waiting and self._start_at <= self._clock.monotonic()

    # -- what changes

    @contextmanager
    def _listening(self) -> Iterator[None]:
        leave = self._bus.subscribe(self._hear)
        try:
            yield
        finally:
            leave()

    def _hear(self, notice: Notice) -> None:
        match notice:
            case AccountChanged(ids):
                self._changed |= ids
                self._wake()
            case SettingsChanged(old, new) if old.accounts != new.accounts:
                self._look_at_all()
                self._wake()
            case _:
                pass

    def _look_at_all(self) -> None:
        self._changed.update(account.id for account in self._pool.accounts())

    async def _take_in(self) -> None:
        """Work out anew when the accounts that changed are due, a part at a time."""
        intervals = intervals_of(self._live.now.accounts)
        while self._changed:
            for _ in range(min(_PART, len(self._changed))):
                self._schedule(self._changed.pop(), intervals)
            await asyncio.sleep(0)

    def _schedule(self, account_id: AccountId, intervals: Intervals) -> None:
        account = self._pool.get(account_id)
        due = None if account is None else due_at(account, intervals)
        if due is None:
            self._due.pop(account_id, None)
        elif self._due.get(account_id) != due:
            self._due[account_id] = due
            heapq.heappush(self._heap, (due, account_id))
        if len(self._heap) > _PART + 4 * len(self._due):
            self._heap = [(at, one) for one, at in self._due.items()]
            heapq.heapify(self._heap)

    async def _wait(self) -> None:
        """Return when something may have to be done: after a change, or when the next check is due."""
        due = self.next_due() if self._live.now.accounts.check_regularly else None
        wait_s = _LOOK_S if due is None else min(_LOOK_S, due - self._clock.now())
        if wait_s > _GATHER_S and not self._changed:
            self._woken = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._woken], timeout=wait_s)
        await asyncio.sleep(_GATHER_S)

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)


def intervals_of(settings: AccountsSettings) -> Intervals:
    """What the settings say about regular checks."""
    return Intervals(
        basic_s=settings.basic_interval_s,
        super_s=settings.super_interval_s,
        heavy_s=settings.heavy_interval_s,
        pause_s=settings.check_pause_s,
    )
