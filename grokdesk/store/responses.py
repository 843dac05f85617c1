"""Kept responses in the database. What a person or a model said is sealed; ids and times are not."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from grokdesk.core.errors import Broken
from grokdesk.core.responses import StoredResponse
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts, put_missing
from grokdesk.store.database import COPIED_LARGE_ROWS, Database
from grokdesk.store.schema import responses
from grokdesk.store.stores import KeptResponse

log = logging.getLogger(__name__)

_LAST_USED_FIRST: Final = (responses.c.used_at.desc(), responses.c.id.desc())
_SEALED: Final = ("previous", "asked", "answer", "events")
_TOUCH: Final = (
    update(responses).where(responses.c.id == bindparam("this")).values(used_at=bindparam("used_at"))
)


class SqlResponses:
    """A `ResponseStore` (core/responses.py)."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._lane = database.lane(self._write)

    def save(self, response: StoredResponse) -> None:
        """Write a response soon, instead of what was written of it before; returns at once."""
        self._lane.put(response.id, response)

    async def get(self, response_id: str) -> StoredResponse | None:
        """Return the response, or None when it is not there or cannot be opened any more."""
        await self._database.flush()
        query = select(responses).where(responses.c.id == response_id)
        row = (await self._database.read(lambda connection: connection.execute(query))).one_or_none()
        return await offload(_opened, row, self._vault) if row is not None else None

    async def delete(self, response_id: str) -> bool:
        """Forget a response; tell whether it was there."""
        await self._database.flush()
        query = delete(responses).where(responses.c.id == response_id)
        return (await self._database.write(lambda connection: connection.execute(query))).rowcount > 0

    async def touch(self, ids: Iterable[str], at: float) -> None:
        """Note that these were used at `at`."""
        await self._database.flush()
        marks = [{"this": one, "used_at": at} for one in ids]
        if marks:
            await self._database.write(lambda connection: connection.execute(_TOUCH, marks))

    async def trim(self, keep: int, before: float) -> None:
        """Forget what was last used before `before`, and of the rest all but the `keep` used last."""
        await self._database.flush()
        # Named once more, because MySQL does not look up in a table what it deletes there.
        extra = select(responses.c.id).order_by(*_LAST_USED_FIRST).offset(keep).subquery()
        too_many = responses.c.id.in_(select(extra.c.id))
        query = delete(responses).where((responses.c.used_at < before) | too_many)
        await self._database.write(lambda connection: connection.execute(query))

    async def batches(self) -> AsyncIterator[Sequence[KeptResponse]]:
        """Every response that can be opened."""
        await self._database.flush()
        async for rows in in_parts(self._database, responses.c.id, COPIED_LARGE_ROWS):
            found = await offload(_each_opened, rows, self._vault)
            yield [
                KeptResponse(response, row.used_at)
                for row, response in zip(rows, found, strict=True)
                if response is not None
            ]

    async def fill(self, rows: Sequence[KeptResponse]) -> int:
        """Add the responses that are not there; returns how many."""
        await self._database.flush()
        records = await offload(_records, [row.response for row in rows], self._vault)
        for record, row in zip(records, rows, strict=True):
            record["used_at"] = row.used_at
        return await self._database.write(lambda connection: put_missing(connection, responses.c.id, records))

    async def _write(self, connection: AsyncConnection, rows: Sequence[StoredResponse]) -> None:
        records = await offload(_records, rows, self._vault)
        await connection.execute(
            delete(responses).where(responses.c.id == bindparam("this")), [{"this": row.id} for row in rows]
        )
        await connection.execute(insert(responses), records)


def to_record(response: StoredResponse, vault: Vault) -> dict[str, object]:
    """The row of a response. A new or changed one has been used just now."""
    said = json.dumps([getattr(response, name) for name in _SEALED], ensure_ascii=False)
    return {
        "id": response.id,
        "created_at": response.created_at,
        "used_at": response.created_at,
        "said": vault.seal(said, table="responses", row=response.id, column="said"),
    }


def from_row(row: Row[Any], vault: Vault) -> StoredResponse:
    """The response of a row. Raises `Broken` when it cannot be opened."""
    said = json.loads(vault.open(row.said, table="responses", row=row.id, column="said"))
    return StoredResponse(row.id, row.created_at, *said)


def _records(rows: Sequence[StoredResponse], vault: Vault) -> list[dict[str, object]]:
    return [to_record(row, vault) for row in rows]


def _opened(row: Row[Any], vault: Vault) -> StoredResponse | None:
    try:
        return from_row(row, vault)
    except Broken as error:
        log.warning("response cannot be opened id=%s reason=%s", row.id, error.detail)
        return None


def _each_opened(rows: Sequence[Row[Any]], vault: Vault) -> list[StoredResponse | None]:
    return [_opened(row, vault) for row in rows]
