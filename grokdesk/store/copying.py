"""Reading a table part by part, and adding the rows that are missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Column, Row, insert, select

from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import BATCH_ROWS, Database


async def in_parts(database: Database, key: Column[Any], size: int) -> AsyncIterator[Sequence[Row[Any]]]:
    """Yield every row of the table of `key`, `size` at a time, in the order of that unique column.

    Nothing is held between two parts, so whoever takes them may be slow.
    """
    query = select(key.table).order_by(key).limit(size)
    last: Row[Any] | None = None
    while True:
        rest = query if last is None else query.where(key > getattr(last, key.name))
        rows = (await database.read(lambda connection, rest=rest: connection.execute(rest))).all()  # type: ignore[misc]
        if not rows:
            return
        yield rows
        last = rows[-1]


async def put_missing(
    connection: AsyncConnection, key: Column[Any], records: Sequence[dict[str, Any]]
) -> int:
    """Insert the records whose `key` is not in its table; returns how many."""
    added = 0
    for start in range(0, len(records), BATCH_ROWS):
        part = records[start : start + BATCH_ROWS]
        there = set(
            await connection.scalars(select(key).where(key.in_([record[key.name] for record in part])))
        )
        missing = [record for record in part if record[key.name] not in there]
        if missing:
            await connection.execute(insert(key.table), missing)
        added += len(missing)
    return added
