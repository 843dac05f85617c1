"""What was said in requests, in the database. All of it is sealed; ids and times are not."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, select

from grokdesk.core.errors import Broken
from grokdesk.core.runs import Talk
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts, put_missing
from grokdesk.store.database import COPIED_LARGE_ROWS, MOST_LARGE_WAITING, Database
from grokdesk.store.schema import talks

log = logging.getLogger(__name__)

SAID: Final = ("asked", "answer", "cut")


class SqlTalks:
    """A `TalkStore` (core/ports.py)."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._lane = database.lane(self._write, most=MOST_LARGE_WAITING)

    def save(self, talk: Talk) -> None:
        """Write it soon; returns at once."""
        self._lane.put(talk.id, talk)

    async def get(self, run_id: str) -> Talk | None:
        """What was said in a run, or None when that is not kept or cannot be opened any more."""
        await self._database.flush()
        query = select(talks).where(talks.c.id == run_id)
        row = (await self._database.read(lambda connection: connection.execute(query))).one_or_none()
        return await offload(_opened, row, self._vault) if row is not None else None

    async def count(self) -> int:
        """Of how many runs it is kept."""
        await self._database.flush()
        query = select(func.count()).select_from(talks)
        return int((await self._database.read(lambda connection: connection.execute(query))).scalar_one())

    async def forget(self, before: float | None = None) -> int:
        """Forget all of it, or what is of runs that came before `before`; returns of how many."""
        await self._database.flush()
        query = delete(talks) if before is None else delete(talks).where(talks.c.at < before)
        return int((await self._database.write(lambda connection: connection.execute(query))).rowcount)

    async def batches(self) -> AsyncIterator[Sequence[Talk]]:
        """Everything that can be opened."""
        await self._database.flush()
        async for rows in in_parts(self._database, talks.c.id, COPIED_LARGE_ROWS):
            yield await offload(_each_opened, rows, self._vault)

    async def fill(self, rows: Sequence[Talk]) -> int:
        """Add what is not there; returns how many."""
        await self._database.flush()
        records = await offload(_records, rows, self._vault)
        return await self._database.write(lambda connection: put_missing(connection, talks.c.id, records))

    async def _write(self, connection: AsyncConnection, rows: Sequence[Talk]) -> None:
        records = await offload(_records, rows, self._vault)
        await connection.execute(
            delete(talks).where(talks.c.id == bindparam("this")), [{"this": talk.id} for talk in rows]
        )
        await connection.execute(insert(talks), records)


def sealed(talk: Talk, vault: Vault) -> bytes:
    """What was said, as it is stored."""
    said = json.dumps([getattr(talk, name) for name in SAID], ensure_ascii=False)
    return vault.seal(said, table="talks", row=talk.id, column="said")


def unsealed(talk_id: str, at: float, said: bytes, vault: Vault) -> Talk | None:
    """The talk that `sealed` stored; None, which is logged, when it cannot be opened."""
    try:
        asked, answer, cut = json.loads(vault.open(said, table="talks", row=talk_id, column="said"))
    except Broken as error:
        log.warning("what was said cannot be opened id=%s reason=%s", talk_id, error.detail)
        return None
    return Talk(talk_id, at, asked, answer, cut)


def _records(rows: Sequence[Talk], vault: Vault) -> list[dict[str, object]]:
    return [{"id": talk.id, "at": talk.at, "said": sealed(talk, vault)} for talk in rows]


def _opened(row: Row[Any], vault: Vault) -> Talk | None:
    return unsealed(row.id, row.at, row.said, vault)


def _each_opened(rows: Sequence[Row[Any]], vault: Vault) -> list[Talk]:
    found = (_opened(row, vault) for row in rows)
    return [talk for talk in found if talk is not None]
