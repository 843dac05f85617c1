"""Accounts that several gateways write at the same time.

For every account it is known what the rest of this program goes on from (`told`), and which state of the row
that is. When the row has moved on, a change is merged into it (core/merging.py) and not written over it, and
what came of that is handed out with the next news. News are merged with what has been saved here and is not
written yet, at the moment they are handed out; so the program can take them as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Row, Select, and_, select, update

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.merging import merged
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.accounts import SqlAccounts, opened, parts
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import BATCH_ROWS, Database
from grokdesk.store.journal import ACCOUNT, SharedJournal, current
from grokdesk.store.schema import accounts, changes, gateways

log = logging.getLogger(__name__)

# Taking in more at once would hold the loop.
_MOST_NEWS: Final = 200
_NO_REVISION: Final = -1

_JOINED: Final = accounts.outerjoin(changes, and_(changes.c.kind == ACCOUNT, changes.c.id == accounts.c.id))


@dataclass(slots=True)
class _Known:
    """What is known of an account.

    `told` is what this program goes on from, and is what the row was at `told_revision`, or no state of it
    (-1). `row` is the newest state that was seen. `ours` is what was saved here and is not known to be
    written.
    """

    told: Account
    told_revision: int
    row: Account
    revision: int
    is_removed: bool = False
    ours: Account | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What was written, in a transaction of which it is not known yet how it ended."""

    ours: Account
    result: Account
    revision: int


class SharedAccounts(SqlAccounts):
    """An `AccountStore` (core/ports.py) for one of several gateways, the one named `gateway`."""

    def __init__(self, database: Database, vault: Vault, journal: SharedJournal, gateway: str) -> None:
        super().__init__(database, vault, journal)
        self._gateway = gateway
        self._known: dict[AccountId, _Known] = {}
        # Accounts that may have to be handed out.
        self._fresh: dict[AccountId, None] = {}
        self._attempts: dict[AccountId, _Attempt] = {}
        # The number of the batch that was last written, or tried.
        self._batch = 0
        self.on_news: Callable[[], None] = _nothing

    async def add(self, new: Sequence[Account]) -> None:
        """Write new accounts in one transaction: all or none. Raises `Conflict` for a token that is there."""
        await super().add(new)
        for account in new:
            known = self._known.get(account.id)
            if known is None:
                # Which revision that was is not known; merging with the same changes nothing.
                self._known[account.id] = _Known(account, _NO_REVISION, account, _NO_REVISION)
            else:
                # Others were so quick that their change of it is here already.
                known.told, known.told_revision = account, _NO_REVISION
                self._fresh[account.id] = None

    def save(self, account: Account) -> None:
        """Write a changed account soon; returns at once. An account that was removed stays removed."""
        known = self._known.get(account.id)
        if known is not None:
            known.ours = account
        super().save(account)

    # -- news

    @property
    def has_news(self) -> bool:
        """Whether there is something to hand out."""
        return any(self._is_due(account_id) for account_id in self._fresh)

    def news(self) -> tuple[list[Account], frozenset[AccountId]]:
        """What others have changed, and which accounts they removed. The caller goes on from these at once.

        At most 200; `has_news` tells whether there is more.
        """
        changed: list[Account] = []
        removed: set[AccountId] = set()
        due = islice((one for one in self._fresh if self._is_due(one)), _MOST_NEWS)
        for account_id in list(due):
            del self._fresh[account_id]
            known = self._known[account_id]
            if known.is_removed:
                removed.add(account_id)
            else:
                changed.append(self._caught_up(known))
        return changed, frozenset(removed)

    async def look(self, connection: AsyncConnection, seen: int) -> int:
        """Take in what others have changed since the revision `seen`; return the newest revision.

        Committed in order: what is not there yet will have a higher one.
        """
        newest = await current(connection)
        if newest <= seen:
            return seen
        query = self._select().where(changes.c.revision > seen, changes.c.gateway != self._gateway)
        async for rows in (await connection.stream(query)).partitions(BATCH_ROWS):
            found = await offload(opened, rows, self._vault)
            for row, account in zip(rows, found, strict=True):
                self._seen(row, account)
        return newest

    def _seen(self, row: Row[Any], account: Account) -> None:
        known = self._known.get(account.id)
        is_removed = row.removed_at is not None
        if known is None:
            # Nobody goes on from anything yet.
            known = self._known[account.id] = _Known(account, _NO_REVISION, account, _NO_REVISION)
        if row.revision > known.revision:
            known.row, known.revision, known.is_removed = account, row.revision, is_removed
            self._fresh[account.id] = None

    def _is_due(self, account_id: AccountId) -> bool:
        """Whether its news can be handed out: not while it is open whether they hold what was saved here."""
        return account_id not in self._attempts

    def _caught_up(self, known: _Known) -> Account:
        """The account as this program is to go on from it."""
        result = known.row
        if known.ours is not None:
            result = _merged(known.told, known.ours, known.row)
            known.ours = result
            self._lane.put(result.id, result)
        known.told, known.told_revision = known.row, known.revision
        return result

    # -- reading

    def _select(self) -> Select[Any]:
        return select(accounts, changes.c.revision).select_from(_JOINED)

    def _handed_out(self, rows: Sequence[Row[Any]], found: Sequence[Account]) -> None:
        for row, account in zip(rows, found, strict=True):
            revision = _revision(row)
            known = self._known.get(account.id)
            if known is None:
                self._known[account.id] = _Known(account, revision, account, revision)
            elif known.ours is None and account.id not in self._attempts:
                known.told, known.told_revision = account, revision
                if revision >= known.revision:
                    known.row, known.revision, known.is_removed = account, revision, False
                    self._fresh.pop(account.id, None)

    # -- writing

    async def _write(self, connection: AsyncConnection, rows: Sequence[Account]) -> None:
        await self._journal.turn(connection)
        await self._settle_attempts(connection)
        self._batch += 1
        try:
            await self._write_batch(connection, [account.id for account in rows], rows)
        except BaseException:
            # Nothing was committed.
            self._attempts.clear()
            raise

    async def _write_batch(
        self, connection: AsyncConnection, ids: Sequence[AccountId], rows: Sequence[Account]
    ) -> None:
        revision = await current(connection)
        wanted = {account.id: account for account in rows}
        for part in parts(ids):
            attempts = await self._merge(connection, [wanted[one] for one in part], revision)
            await self._overwrite(connection, [attempt.result for attempt in attempts.values()])
            await self._journal.note(connection, ACCOUNT, list(attempts))
        # Last, because until the end nobody else can say that this gateway lives.
        await connection.execute(
            update(gateways).where(gateways.c.id == self._gateway).values(wrote=self._batch)
        )

    async def _merge(
        self, connection: AsyncConnection, part: Sequence[Account], revision: int
    ) -> Mapping[AccountId, _Attempt]:
        """What is to be written of `part`."""
        query = select(accounts.c.id, changes.c.revision).select_from(_JOINED)
        ids = [account.id for account in part]
        there = {
            AccountId(row.id): _revision(row)
            for row in await connection.execute(query.where(accounts.c.id.in_(ids)))
        }
        moved = [one for one, at in there.items() if one in self._known and at != self._told_revision(one)]
        theirs = await self._rows(connection, moved)
        attempts: dict[AccountId, _Attempt] = {}
        for account in part:
            known = self._known.get(account.id)
            # Removed for good, or written the last time although the connection broke then.
            if account.id not in there or (known is not None and known.ours is None):
                continue
            ours = result = known.ours if known is not None and known.ours is not None else account
            if known is not None and account.id in theirs:
                result = _merged(known.told, ours, theirs[account.id])
            attempts[account.id] = _Attempt(ours, result, revision)
        self._attempts |= attempts
        return attempts

    def _told_revision(self, account_id: AccountId) -> int:
        return self._known[account_id].told_revision

    async def _rows(
        self, connection: AsyncConnection, ids: Sequence[AccountId]
    ) -> Mapping[AccountId, Account]:
        if not ids:
            return {}
        query = select(accounts).where(accounts.c.id.in_(ids))
        rows = (await connection.execute(query)).all()
        return {account.id: account for account in await offload(opened, rows, self._vault)}

    async def _settle_attempts(self, connection: AsyncConnection) -> None:
        """Find out whether the last batch was written, if the connection broke while it was committed."""
        if not self._attempts:
            return
        wrote = await connection.scalar(
            select(gateways.c.wrote).where(gateways.c.id == self._gateway).with_for_update()
        )
        if wrote == self._batch:
            log.info("a batch of accounts had been written all the same batch=%d", wrote)
            self._written()
        self._attempts.clear()

    def _written(self) -> None:
        for account_id, attempt in self._attempts.items():
            known = self._known.get(account_id)
            if known is None:
                self._known[account_id] = _Known(
                    attempt.result, attempt.revision, attempt.result, attempt.revision
                )
                continue
            if known.ours is attempt.ours:
                known.ours = None
            known.told = attempt.ours
            if attempt.result == attempt.ours:
                known.told_revision = attempt.revision
            else:
                known.told_revision = _NO_REVISION
                self._fresh[account_id] = None
            if attempt.revision >= known.revision:
                known.row, known.revision = attempt.result, attempt.revision
        self._attempts = {}
        if self._fresh:
            self.on_news()


def _nothing() -> None:
    """Do nothing."""


def _revision(row: Row[*tuple[Any, ...]]) -> int:
    """That of a row; one without, which a tool may have written by hand, is older than all."""
    return 0 if row.revision is None else int(row.revision)


def _merged(told: Account, ours: Account, theirs: Account) -> Account:
    """The three merged; a row that cannot be opened here has nothing to add."""
    return merged(told, ours, theirs) if theirs.token or not ours.token else ours
