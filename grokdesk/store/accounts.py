"""Accounts in the database."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Row, Select, bindparam, delete, insert, select, update

from grokdesk.core.accounts import (
    Account,
    AccountId,
    Credits,
    MediaQuota,
    Mode,
    Product,
    Status,
    Tier,
    TierSource,
    Window,
    WindowSource,
)
from grokdesk.core.errors import Broken
from grokdesk.core.ports import Removed
from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts
from grokdesk.store.database import BATCH_ROWS, COPIED_ROWS, Conflict, Database
from grokdesk.store.journal import ACCOUNT, Journal
from grokdesk.store.schema import accounts
from grokdesk.store.stores import KeptAccount

log = logging.getLogger(__name__)

T = TypeVar("T")
Record = dict[str, object]

_NO_SECRET: Final = Secret("")
_NULL: Final = "null"

_SECRETS: Final = ("token", "cookies", "proxy")
_SEALED: Final = (*_SECRETS, "fingerprint")
_PLAIN: Final = tuple(
    column.name for column in accounts.c if column.name not in {*_SEALED, "number", "id", "removed_at"}
)


def _changed(columns: Iterable[str]) -> Any:  # noqa: ANN401 - SQLAlchemy's Update is generic over nothing useful
    return (
        update(accounts)
        .where(accounts.c.id == bindparam("this"))
        .values({name: bindparam(name) for name in columns})
    )


_UPDATE: Final = _changed((*_PLAIN, *_SEALED))
_UPDATE_PLAIN: Final = _changed(_PLAIN)


class SqlAccounts:
    """An `AccountStore` (core/ports.py). Two accounts with the same token cannot both be there."""

    def __init__(self, database: Database, vault: Vault, journal: Journal | None = None) -> None:
        self._database = database
        self._vault = vault
        self._journal = journal or Journal()
        self._lane = database.lane(self._write, self._written)

    async def all(self) -> list[Account]:
        """Every account that has not been removed, oldest first.

        One whose token cannot be opened is disabled and says so; its row is not touched. Raises `Broken`
        when that is true of every one: then the vault is the wrong one.
        """
        await self._database.flush()
        query = self._select().where(accounts.c.removed_at.is_(None)).order_by(accounts.c.number)

        async def collect(connection: AsyncConnection) -> list[Account]:
            found: list[Account] = []
            async for rows in (await connection.stream(query)).partitions(BATCH_ROWS):
                part = await offload(opened, rows, self._vault)
                self._handed_out(rows, part)
                found += part
            return found

        found = await self._database.read(collect, bulk=True)
        if found and not any(account.token for account in found):
            raise Broken(
                "None of the stored accounts can be opened with this master key.",
                hint="Restore the master key that belongs to this data folder. Nothing was changed.",
            )
        return found

    async def add(self, new: Sequence[Account]) -> None:
        """Write new accounts in one transaction: all or none. Raises `Conflict` for a token that is there."""
        # A token that was renewed a moment ago may be in the way.
        await self._database.flush()
        records = await self._records(new)

        async def insert_all(connection: AsyncConnection) -> None:
            await self._journal.turn(connection)
            for batch in parts(records):
                await connection.execute(insert(accounts), batch)
            await self._journal.note(connection, ACCOUNT, [account.id for account in new])

        try:
            await self._database.write(insert_all, bulk=True)
        except Conflict as error:
            raise Conflict(
                "One of these accounts is already there.", hint="None was added.", detail=error.detail
            ) from error

    def save(self, account: Account) -> None:
        """Write a changed account soon; returns at once. An account that was removed stays removed."""
        self._lane.put(account.id, account)

    async def remove(self, ids: Iterable[AccountId], at: float) -> None:
        """Mark accounts as removed at `at`; `restore` undoes it."""
        gone = list(dict.fromkeys(ids))
        await self._database.write(lambda connection: self._mark(connection, gone, at), bulk=True)

    async def restore(self, ids: Iterable[AccountId]) -> list[Account]:
        """Take back a removal; returns the accounts.

        Leaves out those that were not removed, and those whose token has come back with another account
        since.
        """
        await self._database.flush()
        wanted = list(ids)
        other = accounts.alias()
        taken = select(other.c.fingerprint).where(other.c.removed_at.is_(None))
        query = self._select().where(accounts.c.removed_at.is_not(None), accounts.c.fingerprint.not_in(taken))

        async def take_back(connection: AsyncConnection) -> list[Row[Any]]:
            await self._journal.turn(connection)
            # By token: of two removed accounts with the same one, the later comes back.
            back: dict[str, Row[Any]] = {}
            for part in parts(wanted):
                rows = await connection.execute(
                    query.where(accounts.c.id.in_(part)).order_by(accounts.c.number)
                )
                back.update((row.fingerprint, row) for row in rows)
            await self._mark(connection, [row.id for row in back.values()], None)
            return list(back.values())

        back = await self._database.write(take_back, bulk=True)
        restored: list[Account] = []
        for batch in parts(back):
            part = await offload(opened, batch, self._vault)
            self._handed_out(batch, part)
            restored += part
        return restored

    async def removed(self) -> list[Removed]:
        """Every account that has been removed and can be restored, the last one first."""
        await self._database.flush()
        query = select(accounts).where(accounts.c.removed_at.is_not(None))
        query = query.order_by(accounts.c.removed_at.desc(), accounts.c.number.desc())
        rows = (await self._database.read(lambda connection: connection.execute(query), bulk=True)).all()
        found: list[Removed] = []
        for batch in parts(rows):
            part = await offload(opened, batch, self._vault)
            found += [Removed(one, row.removed_at) for one, row in zip(part, batch, strict=True)]
        return found

    async def purge(self, before: float) -> int:
        """Forget for good what was removed before `before`; returns how many that were."""

        async def forget(connection: AsyncConnection) -> int:
            await self._journal.turn(connection)
            gone = list(await connection.scalars(select(accounts.c.id).where(accounts.c.removed_at < before)))
            for part in parts(gone):
                await connection.execute(delete(accounts).where(accounts.c.id.in_(part)))
            await self._journal.forget(connection, ACCOUNT, gone)
            return len(gone)

        return await self._database.write(forget, bulk=True)

    async def batches(self) -> AsyncIterator[Sequence[KeptAccount]]:
        """Every account, removed ones too, oldest first. One that cannot be opened is left out."""
        await self._database.flush()
        async for rows in in_parts(self._database, accounts.c.number, COPIED_ROWS):
            found = await offload(opened, rows, self._vault)
            yield [
                KeptAccount(one, row.removed_at) for one, row in zip(found, rows, strict=True) if one.token
            ]

    async def fill(self, rows: Sequence[KeptAccount]) -> int:
        """Add the accounts whose id and token are not there; returns how many."""
        await self._database.flush()
        records = await self._records([row.account for row in rows])
        for record, row in zip(records, rows, strict=True):
            record["removed_at"] = row.removed_at

        async def add(connection: AsyncConnection) -> int:
            await self._journal.turn(connection)
            missing: list[Record] = []
            for part in parts(records):
                missing += await _missing(connection, part)
            for part in parts(missing):
                await connection.execute(insert(accounts), part)
            await self._journal.note(
                connection, ACCOUNT, [str(record["id"]) for record in missing], tell_all=True
            )
            return len(missing)

        return await self._database.write(add, bulk=True)

    # -- what a store that others write too has to know

    def _select(self) -> Select[Any]:
        """Reads rows that are handed out."""
        return select(accounts)

    def _handed_out(self, rows: Sequence[Row[Any]], found: Sequence[Account]) -> None:
        """The caller goes on from what it is given now."""

    def _written(self) -> None:
        """What `_write` was given last is there for good."""

    async def _write(self, connection: AsyncConnection, rows: Sequence[Account]) -> None:
        for part in parts(rows):
            await self._overwrite(connection, part)

    # -- rows

    async def _overwrite(self, connection: AsyncConnection, part: Sequence[Account]) -> None:
        # No token: it could not be opened, and what is sealed in the row must not be lost.
        whole = [account for account in part if account.token]
        plain = [_plain(account) for account in part if not account.token]
        records = await offload(_records, whole, self._vault)
        for statement, changes in ((_UPDATE, records), (_UPDATE_PLAIN, plain)):
            if changes:
                await connection.execute(statement, [{**row, "this": row["id"]} for row in changes])

    async def _records(self, rows: Sequence[Account]) -> list[Record]:
        records: list[Record] = []
        for part in parts(rows):
            records += await offload(_records, part, self._vault)
        return records

    async def _mark(self, connection: AsyncConnection, ids: Sequence[str], at: float | None) -> None:
        await self._journal.turn(connection)
        for part in parts(ids):
            mark = update(accounts).where(accounts.c.id.in_(part)).values(removed_at=at)
            await connection.execute(mark)
        await self._journal.note(connection, ACCOUNT, ids)


async def _missing(connection: AsyncConnection, records: Sequence[Record]) -> list[Record]:
    """Those whose id and token are not there, of several with one token the first."""
    ids = select(accounts.c.id).where(accounts.c.id.in_([record["id"] for record in records]))
    tokens = select(accounts.c.fingerprint).where(
        accounts.c.removed_at.is_(None),
        accounts.c.fingerprint.in_([record["fingerprint"] for record in records]),
    )
    known_ids = set(await connection.scalars(ids))
    taken = set(await connection.scalars(tokens))
    missing: list[Record] = []
    for record in records:
        if record["id"] in known_ids or record["fingerprint"] in taken:
            continue
        missing.append(record)
        known_ids.add(str(record["id"]))
        if record["removed_at"] is None:
            taken.add(str(record["fingerprint"]))
    return missing


# --- rows ---------------------------------------------------------------------------------------------------


def to_record(account: Account, vault: Vault) -> Record:
    """The row of an account, its secrets sealed."""
    token = account.token.reveal()
    return {
        **_plain(account),
        "token": vault.seal(token, table="accounts", row=account.id, column="token"),
        "cookies": _sealed(account.cookies, account.id, "cookies", vault),
        "proxy": _sealed(account.proxy, account.id, "proxy", vault),
        "fingerprint": vault.fingerprint(token),
    }


def _sealed(secret: Secret, row: str, column: str, vault: Vault) -> bytes | None:
    return vault.seal(secret.reveal(), table="accounts", row=row, column=column) if secret else None


def _opened(sealed: bytes | None, row: str, column: str, vault: Vault) -> Secret:
    return Secret(vault.open(sealed, table="accounts", row=row, column=column)) if sealed else _NO_SECRET


def _plain(account: Account) -> Record:
    return {
        "id": account.id,
        "label": account.label,
        "tier": account.tier.value,
        "tier_source": account.tier_source.value,
        "status": account.status.value,
        "reason": account.reason,
        "since": account.since,
        "windows": json.dumps({mode.value: _window(window) for mode, window in account.windows.items()}),
        "resting_until": account.resting_until,
        "rest_reason": account.rest_reason,
        "faults": account.faults,
        "user_id": account.user_id,
        "email": account.email,
        "created_at": account.created_at,
        "synced_at": account.synced_at,
        "uses": account.uses,
        "failures": account.failures,
        "last_use_at": account.last_use_at,
        "last_failure_at": account.last_failure_at,
        "last_failure": account.last_failure,
        "note": account.note,
        "tags": json.dumps(account.tags),
        "credits": json.dumps(account.credits and _credits(account.credits)),
        "media": json.dumps({product.value: _media(quota) for product, quota in account.media.items()}),
        "max_parallel": account.max_parallel,
        "checked_at": account.checked_at,
        "check_failures": account.check_failures,
        "check_failure": account.check_failure,
        "terms_at": account.terms_at,
        "birth_date_at": account.birth_date_at,
        "adult_at": account.adult_at,
        "syncs": account.syncs,
    }


def _window(window: Window) -> Record:
    return {
        "total": window.total,
        "remaining": window.remaining,
        "window_s": window.window_s,
        "reset_at": window.reset_at,
        "synced_at": window.synced_at,
        "source": window.source.value,
        "refused_at": window.refused_at,
        "refused_until": window.refused_until,
    }


# Accounts of which little is known have the same; none of these values is ever changed in place.
@lru_cache(maxsize=1_000)
def _windows_of(text: str) -> Mapping[Mode, Window]:
    return {Mode(name): _window_of(members) for name, members in json.loads(text).items()}


@lru_cache(maxsize=1_000)
def _tags_of(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


@lru_cache(maxsize=1_000)
def _media_of(text: str) -> Mapping[Product, MediaQuota]:
    return {Product(name): MediaQuota(**quota) for name, quota in json.loads(text).items()}


def _window_of(members: dict[str, Any]) -> Window:  # JSON that `_window` made
    return Window(**{**members, "source": WindowSource(members["source"])})


def _credits(credit: Credits) -> Record:
    return {
        "remaining": credit.remaining,
        "starts_at": credit.starts_at,
        "ends_at": credit.ends_at,
        "products": credit.products,
    }


def _credits_of(text: str) -> Credits | None:  # JSON that `_credits` made
    if text == _NULL:
        return None
    members = json.loads(text)
    products = {int(number): percent for number, percent in members["products"].items()}
    return Credits(**{**members, "products": products})


def _media(quota: MediaQuota) -> Record:
    return {
        "available": quota.available,
        "remaining": quota.remaining,
        "window_s": quota.window_s,
        "reset_at": quota.reset_at,
        "used_at": quota.used_at,
        "refused_at": quota.refused_at,
        "refused_until": quota.refused_until,
        "known": quota.known,
    }


def _records(part: Sequence[Account], vault: Vault) -> list[Record]:
    return [to_record(account, vault) for account in part]


def opened(rows: Sequence[Row[Any]], vault: Vault) -> list[Account]:
    """The accounts of rows; one whose secrets cannot be opened is disabled and says so."""
    if not rows:
        return []
    # By place: with forty members by name, ten thousand accounts take four times as long.
    names = rows[0]._fields
    return opened_members(map(itemgetter(*(names.index(member) for member in MEMBERS)), rows), vault)


def opened_members(rows: Iterable[Sequence[Any]], vault: Vault) -> list[Account]:
    """The same for what columns called `MEMBERS` hold."""
    found: list[Account] = []
    for row in rows:
        values = list(row)
        for place, understood in _UNDERSTOOD:
            values[place] = understood(values[place])
        row_id = values[_ID]
        try:
            for place, column in _SEALED_PLACES:
                values[place] = _opened(values[place], row_id, column, vault)
        except Broken as error:
            log.error("account cannot be opened id=%s reason=%s", row_id, error.detail)  # noqa: TRY400 - one line
            found.append(_shut(values))
        else:
            found.append(Account(*values))
    return found


def _shut(values: Sequence[Any]) -> Account:
    """The account of a row whose secrets cannot be opened."""
    members = {**dict(zip(MEMBERS, values, strict=True)), **dict.fromkeys(_SECRETS, _NO_SECRET)}
    reason = "Its token cannot be opened. Enter it again, or remove the account."
    return Account(**{**members, "status": Status.DISABLED, "reason": reason})


# Of an account, in their order.
MEMBERS: Final = tuple(member.name for member in fields(Account))
_ID: Final = MEMBERS.index("id")
_SEALED_PLACES: Final = tuple((MEMBERS.index(column), column) for column in _SECRETS)
# How the value of a column is understood, where it is not the member itself; by the place of the member.
_UNDERSTOOD: Final[tuple[tuple[int, Callable[[str], object]], ...]] = tuple(
    (MEMBERS.index(column), understood)
    for column, understood in (
        ("tier", {one.value: one for one in Tier}.__getitem__),
        ("tier_source", {one.value: one for one in TierSource}.__getitem__),
        ("status", {one.value: one for one in Status}.__getitem__),
        ("windows", _windows_of),
        ("tags", _tags_of),
        ("credits", _credits_of),
        ("media", _media_of),
    )
)


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """`values` in parts that go through one statement."""
    return (values[start : start + BATCH_ROWS] for start in range(0, len(values), BATCH_ROWS))
