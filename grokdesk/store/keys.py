"""Client keys in the database."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from grokdesk.core.errors import Broken
from grokdesk.core.ports import ClientKey
from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import COPIED_ROWS, Database
from grokdesk.store.journal import KEY, Journal
from grokdesk.store.schema import client_keys

log = logging.getLogger(__name__)


class SqlKeys:
    """A `KeyStore` (core/ports.py)."""

    def __init__(self, database: Database, vault: Vault, journal: Journal | None = None) -> None:
        self._database = database
        self._vault = vault
        self._journal = journal or Journal()

    async def all(self) -> list[ClientKey]:
        """Every key, revoked ones too, oldest first. One that cannot be opened still has its digest."""
        query = select(client_keys).order_by(client_keys.c.number)
        rows = (await self._database.read(lambda connection: connection.execute(query))).all()
        return await offload(_keys, rows, self._vault)

    async def add(self, key: ClientKey) -> None:
        """Write a new key. Raises `Conflict` for one that is there."""
        query = insert(client_keys).values(to_record(key, self._vault))

        async def put(connection: AsyncConnection) -> None:
            await self._journal.turn(connection)
            await connection.execute(query)
            await self._journal.note(connection, KEY, [key.id])

        await self._database.write(put)

    async def revoke(self, key_id: str, at: float) -> None:
        """Mark a key as revoked. One that is revoked already keeps its time."""
        still_valid = (client_keys.c.id == key_id, client_keys.c.revoked_at.is_(None))
        query = update(client_keys).where(*still_valid).values(revoked_at=at)

        async def mark(connection: AsyncConnection) -> None:
            await self._journal.turn(connection)
            await connection.execute(query)
            await self._journal.note(connection, KEY, [key_id])

        await self._database.write(mark)

    async def batches(self) -> AsyncIterator[Sequence[ClientKey]]:
        """Every key, oldest first. One that cannot be opened is left out: its value is lost anyway."""
        found = [key for key in await self.all() if key.value]
        for start in range(0, len(found), COPIED_ROWS):
            yield found[start : start + COPIED_ROWS]

    async def fill(self, rows: Sequence[ClientKey]) -> int:
        """Add the keys that are not there; returns how many."""
        records = await offload(_records, rows, self._vault)
        there = select(client_keys.c.id, client_keys.c.digest).where(
            or_(
                client_keys.c.id.in_([key.id for key in rows]),
                client_keys.c.digest.in_([key.digest for key in rows]),
            )
        )

        async def put(connection: AsyncConnection) -> int:
            await self._journal.turn(connection)
            known = {value for row in await connection.execute(there) for value in row}
            missing = [
                record for record in records if record["id"] not in known and record["digest"] not in known
            ]
            if missing:
                await connection.execute(insert(client_keys), missing)
            await self._journal.note(
                connection, KEY, [str(record["id"]) for record in missing], tell_all=True
            )
            return len(missing)

        return await self._database.write(put)


def to_record(key: ClientKey, vault: Vault) -> dict[str, object]:
    """The row of a key, its value sealed."""
    return {
        "id": key.id,
        "name": key.name,
        "value": vault.seal(key.value.reveal(), table="client_keys", row=key.id, column="value"),
        "digest": key.digest,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def from_row(row: Row[Any], vault: Vault) -> ClientKey:
    """The key of a row; its value is empty when it cannot be opened."""
    try:
        value = vault.open(row.value, table="client_keys", row=row.id, column="value")
    except Broken as error:
        log.warning("client key cannot be shown id=%s reason=%s", row.id, error.detail)
        value = ""
    return ClientKey(row.id, row.name, Secret(value), row.digest, row.created_at, row.revoked_at)


def _keys(rows: Sequence[Row[Any]], vault: Vault) -> list[ClientKey]:
    return [from_row(row, vault) for row in rows]


def _records(keys: Sequence[ClientKey], vault: Vault) -> list[dict[str, object]]:
    return [to_record(key, vault) for key in keys]
