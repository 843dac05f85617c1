"""What the gateways of one database keep together: who is there, who leads, who holds what, what is new.

A gateway says that it lives by the clock of the server; one that has been silent too long counts for nothing.
The first of those that live leads. Leases are counts by account and gateway, changed under the lock of the
account's slot and always written as what this program really has in flight: so nothing leaks when a
connection breaks or a statement runs twice.

While the server cannot be reached leases are granted without asking, and when it is back the real counts are
written. A task looks at the server every now and then, at once when somebody rings, and finds out about that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Self
from zlib import crc32

from sqlalchemy import ColumnElement, and_, delete, func, insert, select, update

from grokdesk.core.accounts import AccountId
from grokdesk.core.ports import Clock, News
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import BATCH_ROWS, DatabaseTrouble, InTheWay, Spawn
from grokdesk.store.journal import KEY, current
from grokdesk.store.schema import LEASE_SLOTS, changes, counters, gateways, lease_slots, leases
from grokdesk.store.shared_accounts import SharedAccounts
from grokdesk.store.sql_server import SqlServer
from grokdesk.store.stores import Timing

log = logging.getLogger(__name__)

# A gateway leads no longer well before the others think it dead.
_LEADS_FOR: Final = 0.8
# Rows of gateways that have been dead for so many expiries are of no use to anybody.
_FORGET_AFTER: Final = 200
_LISTEN_AGAIN_S: Final = 15.0
# However often somebody rings.
_PAUSE_S: Final = 0.2
_LEAVING_S: Final = 2.0
_ASKING: Final = 5


@dataclass(slots=True)
class _Ticket:
    """One `acquire` under way. `is_counted` once it is among the held; `is_left` when nobody waits for it."""

    is_counted: bool = False
    is_left: bool = False


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a look at the server showed."""

    revision: int
    keys: bool
    elsewhere: dict[AccountId, int]
    is_first: bool


class SqlShared:
    """A `Shared` (core/ports.py) of the gateway named `gateway`, which works in the data folder `home`.

    Entering joins the others; leaving the block gives back everything it holds.
    """

    def __init__(
        self,
        server: SqlServer,
        accounts: SharedAccounts,
        gateway: str,
        home: str,
        *,
        spawn: Spawn,
        clock: Clock,
        timing: Timing,
    ) -> None:
        self._server = server
        self._accounts = accounts
        self._gateway = gateway
        self._home = home
        self._spawn = spawn
        self._clock = clock
        self._timing = timing
        self._tasks: list[asyncio.Task[None]] = []
        self._seen = 0
        self._keys_changed = False
        # How many requests of an account this program has in flight, and of which that has to be written.
        self._held: dict[AccountId, int] = {}
        self._unwritten: set[AccountId] = set()
        # So many ask at once: waiting for a connection says nothing about the server, and others need some.
        self._asking = asyncio.Semaphore(_ASKING)
        self._something_unwritten = asyncio.Event()
        # What others hold, as it was last told.
        self._elsewhere: dict[AccountId, int] = {}
        self._elsewhere_told: dict[AccountId, int] = {}
        self._is_away = False
        self._is_first = False
        # When it last said that it lives, on its own monotonic clock.
        self._beat_at = float("-inf")
        self._look_now = asyncio.Event()
        self._news = asyncio.Event()
        accounts.on_news = self._news.set

    async def __aenter__(self) -> Self:
        self._seen = await self._server.write(self._join)
        self._beat_at = self._clock.monotonic()
        self._take(await self._server.read(self._look, bulk=True))
        self._tasks = [
            self._spawn(self._keep_looking(), name="shared store"),
            self._spawn(self._keep_writing(), name="leases"),
            self._spawn(self._keep_listening(), name="shared store news"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._is_away:
            return
        await self._server.flush()
        with suppress(DatabaseTrouble, TimeoutError):
            async with asyncio.timeout(_LEAVING_S):
                await self._server.write(partial(_forget, ids=[self._gateway]))

    # -- the port

    @property
    def leads(self) -> bool:
        """Whether this gateway is the one that runs the schedules: only while it is sure of that."""
        sure_until = self._beat_at + self._timing.expire_s * _LEADS_FOR
        return self._is_first and self._clock.monotonic() < sure_until

    async def acquire(self, account: AccountId, most: int) -> int | None:
        """Count one more request of `account` for all gateways, of at most `most`.

        Returns None when it was granted, else how many the others hold. Grants it when the server is away.
        """
        ticket = _Ticket()
        others: int | None = None
        try:
            async with self._asking:
                if not self._is_away:
                    async with asyncio.timeout(self._timing.lease_s):
                        others = await self._server.write(partial(self._count, account, most, ticket))
        except InTheWay:
            ticket.is_left = True
        except (DatabaseTrouble, TimeoutError) as error:
            ticket.is_left = True
            self._lost(error)
        except BaseException:
            ticket.is_left = True
            if ticket.is_counted:
                self.release(account)
            raise
        if others is not None:
            self._elsewhere[account] = self._elsewhere_told[account] = others
        elif self._is_away or ticket.is_left:
            # Granted without being asked for, or without an answer.
            self._hold(account, ticket)
            self._to_write(account)
        return others

    def release(self, account: AccountId) -> None:
        """Take back one `acquire` soon; returns at once."""
        self._drop(account)
        self._to_write(account)

    async def news(self) -> News:
        """Wait until other gateways have changed something; returns what.

        The caller goes on from the accounts it is given as they are, before it waits for anything else.
        """
        # Much at once comes in parts, and others have their turn in between.
        await asyncio.sleep(0)
        while True:
            await self._news.wait()
            elsewhere = self._new_elsewhere()
            keys, self._keys_changed = self._keys_changed, False
            accounts, removed = self._accounts.news()
            if not self._accounts.has_news:
                self._news.clear()
            if accounts or removed or elsewhere or keys:
                return News(tuple(accounts), removed, elsewhere, keys)

    # -- leases

    async def _count(
        self, account: AccountId, most: int, ticket: _Ticket, connection: AsyncConnection
    ) -> int | None:
        """Count one more, unless that is too much: then return how many others hold."""
        await _hold_slots(connection, [account])
        rows = await connection.execute(
            select(leases.c.gateway, leases.c.held, self._lives().label("lives"))
            .outerjoin_from(leases, gateways, gateways.c.id == leases.c.gateway)
            .where(leases.c.account == account)
        )
        held = {row.gateway: row.held if row.lives else 0 for row in rows}
        if ticket.is_left:
            return None  # nobody hears it; the transaction is taken back
        if ticket.is_counted:
            # The transaction is run again.
            self._drop(account)
            ticket.is_counted = False
        is_there = held.pop(self._gateway, None) is not None
        others = sum(held.values())
        if self._held.get(account, 0) + others >= most:
            return others
        self._hold(account, ticket)
        try:
            await self._write_held(connection, account, is_there=is_there)
        except BaseException:
            self._to_write(account)
            raise
        return None

    def _hold(self, account: AccountId, ticket: _Ticket) -> None:
        if not ticket.is_counted:
            ticket.is_counted = True
            self._held[account] = self._held.get(account, 0) + 1

    def _drop(self, account: AccountId) -> None:
        left = self._held.get(account, 0) - 1
        if left > 0:
            self._held[account] = left
        else:
            self._held.pop(account, None)

    def _to_write(self, account: AccountId) -> None:
        self._unwritten.add(account)
        self._something_unwritten.set()

    async def _write_held(self, connection: AsyncConnection, account: AccountId, *, is_there: bool) -> None:
        """Write what is held of `account`. The caller holds its slot."""
        held = self._held.get(account, 0)
        if is_there:
            mine = and_(leases.c.account == account, leases.c.gateway == self._gateway)
            await connection.execute(update(leases).where(mine).values(held=held))
        else:
            row = {"account": account, "gateway": self._gateway, "held": held}
            await connection.execute(insert(leases), [row])

    async def _write_all_held(self, connection: AsyncConnection, some: Iterable[AccountId]) -> None:
        """Write what is held of `some` accounts, as it is once nobody else counts them."""
        some = list(some)
        await _hold_slots(connection, some)
        for start in range(0, len(some), BATCH_ROWS):
            part = some[start : start + BATCH_ROWS]
            await connection.execute(
                delete(leases).where(leases.c.gateway == self._gateway, leases.c.account.in_(part))
            )
            rows = [
                {"account": one, "gateway": self._gateway, "held": self._held[one]}
                for one in part
                if one in self._held
            ]
            if rows:
                await connection.execute(insert(leases), rows)

    async def _keep_writing(self) -> None:
        """Write what was given back, a moment later."""
        while True:
            await self._something_unwritten.wait()
            await asyncio.sleep(self._timing.gather_s)
            self._something_unwritten.clear()
            if self._is_away:
                continue  # all of it is written when the server is back
            some, self._unwritten = self._unwritten, set()
            try:
                await self._server.write(partial(self._write_all_held, some=some))
            except InTheWay:
                self._unwritten |= some
                self._something_unwritten.set()
            except DatabaseTrouble as error:
                self._unwritten |= some
                self._lost(error)

    # -- looking

    async def _keep_looking(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.look_s):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                if self._is_away:
                    await self._said(self._return)
                    self._found()
                elif self._clock.monotonic() >= self._beat_at + self._timing.beat_s:
                    await self._said(self._beat)
                self._take(await self._server.read(self._look, bulk=True))
            except InTheWay:
                self._look_now.set()
            except DatabaseTrouble as error:
                self._lost(error)
            await asyncio.sleep(min(_PAUSE_S, self._timing.look_s))

    async def _keep_listening(self) -> None:
        """Look at once when somebody rings."""
        while True:
            with suppress(DatabaseTrouble):
                async with self._server.listening(self._rung) as lost:
                    await lost.wait()
            await asyncio.sleep(_LISTEN_AGAIN_S)

    def _rung(self, gateway: str) -> None:
        if gateway != self._gateway:
            self._look_now.set()

    async def _look(self, connection: AsyncConnection) -> _Sight:
        """See what is new."""
        newest = await self._accounts.look(connection, self._seen)
        keys = newest > self._seen and await self._has_new_keys(connection)
        first = await connection.scalar(
            select(gateways.c.id).where(self._lives()).order_by(gateways.c.joined).limit(1)
        )
        rows = await connection.execute(
            select(leases.c.account, func.sum(leases.c.held).label("held"))
            .join(gateways, gateways.c.id == leases.c.gateway)
            .where(leases.c.gateway != self._gateway, self._lives())
            .group_by(leases.c.account)
        )
        elsewhere = {AccountId(row.account): int(row.held) for row in rows}
        return _Sight(newest, keys, elsewhere, first == self._gateway)

    async def _has_new_keys(self, connection: AsyncConnection) -> bool:
        newer = (
            select(func.count())
            .select_from(changes)
            .where(changes.c.kind == KEY, changes.c.revision > self._seen, changes.c.gateway != self._gateway)
        )
        return bool(await connection.scalar(newer))

    def _take(self, sight: _Sight) -> None:
        if sight.is_first is not self._is_first:
            log.info("gateway leads=%s gateway=%s", sight.is_first, self._gateway)
        self._seen = sight.revision
        self._keys_changed = self._keys_changed or sight.keys
        self._elsewhere = sight.elsewhere
        self._is_first = sight.is_first
        if self._accounts.has_news or self._keys_changed or self._elsewhere != self._elsewhere_told:
            self._news.set()

    def _new_elsewhere(self) -> dict[AccountId, int]:
        now, told = self._elsewhere, self._elsewhere_told
        self._elsewhere_told = dict(now)
        return {
            account: now.get(account, 0)
            for account in {**told, **now}
            if now.get(account, 0) != told.get(account, 0)
        }

    # -- being there

    def _lives(self) -> ColumnElement[bool]:
        return gateways.c.beat_at > self._server.now() - self._timing.expire_s

    async def _join(self, connection: AsyncConnection) -> int:
        """Take the last place among the gateways; return the newest revision."""
        before = select(gateways.c.id).where(gateways.c.home == self._home)
        dead = select(gateways.c.id).where(
            gateways.c.beat_at < self._server.now() - self._timing.expire_s * _FORGET_AFTER
        )
        old = {*await connection.scalars(before), *await connection.scalars(dead)}
        await _forget(connection, sorted(old))
        await self._take_place(connection)
        return await current(connection)

    async def _take_place(self, connection: AsyncConnection) -> None:
        joined = counters.c.name == "joined"
        await connection.execute(update(counters).where(joined).values(value=counters.c.value + 1))
        number = await connection.scalar(select(counters.c.value).where(joined))
        mine = update(gateways).where(gateways.c.id == self._gateway)
        changed = await connection.execute(mine.values(joined=number, beat_at=self._server.now()))
        if not changed.rowcount:
            row = {"id": self._gateway, "home": self._home, "joined": number, "wrote": 0}
            await connection.execute(insert(gateways).values(beat_at=self._server.now(), **row))

    async def _said(self, how: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        """Say that this gateway lives, and remember when that was."""
        at = self._clock.monotonic()
        await self._server.write(how)
        self._beat_at = at

    async def _beat(self, connection: AsyncConnection) -> None:
        """Say that this gateway lives.

        One that counted as dead meanwhile, as after a sleep of the machine, joins again.
        """
        mine = update(gateways).where(gateways.c.id == self._gateway, self._lives())
        changed = await connection.execute(mine.values(beat_at=self._server.now()))
        if not changed.rowcount:
            log.warning("gateway counted as dead and joins again gateway=%s", self._gateway)
            await self._take_place(connection)
            await self._write_everything(connection)

    async def _write_everything(self, connection: AsyncConnection) -> None:
        """Write all that is held, and nothing else."""
        await _hold_all_slots(connection)
        await connection.execute(delete(leases).where(leases.c.gateway == self._gateway))
        self._unwritten = set()
        rows = [
            {"account": account, "gateway": self._gateway, "held": held}
            for account, held in self._held.items()
        ]
        if rows:
            await connection.execute(insert(leases), rows)

    async def _return(self, connection: AsyncConnection) -> None:
        """Tell a server that is back what has happened meanwhile."""
        await self._take_place(connection)
        await self._write_everything(connection)

    def _lost(self, error: BaseException) -> None:
        if self._is_away:
            return
        self._is_away = True
        reason = error.detail if isinstance(error, DatabaseTrouble) else type(error).__name__
        log.warning("shared store is away, leases are granted without asking reason=%s", reason)
        self._server.tell(
            "The shared store cannot be reached.", "Requests go on; changes are written when it is back."
        )

    def _found(self) -> None:
        self._is_away = False
        log.info("shared store is back")
        self._server.tell("", "")
        self._server.try_again()
        if self._unwritten:
            self._something_unwritten.set()


async def _forget(connection: AsyncConnection, ids: Sequence[str]) -> None:
    if ids:
        await connection.execute(delete(leases).where(leases.c.gateway.in_(ids)))
        await connection.execute(delete(gateways).where(gateways.c.id.in_(ids)))


async def _hold_slots(connection: AsyncConnection, accounts: Iterable[AccountId]) -> None:
    """Hold the slots of accounts to the end of the transaction, in an order that all follow."""
    numbers = {crc32(account.encode()) % LEASE_SLOTS for account in accounts}
    query = select(lease_slots.c.number).where(lease_slots.c.number.in_(numbers))
    await connection.execute(query.order_by(lease_slots.c.number).with_for_update())


async def _hold_all_slots(connection: AsyncConnection) -> None:
    await connection.execute(select(lease_slots.c.number).order_by(lease_slots.c.number).with_for_update())
