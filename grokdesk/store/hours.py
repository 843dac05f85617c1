"""The sums of each hour in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, delete, insert, or_, select

from grokdesk.core.usage import HourSum
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts, put_missing
from grokdesk.store.database import COPIED_ROWS, Database
from grokdesk.store.schema import hours

_SAME: Final = ("id", "hour", "model", "client", "done", "failed", "prompt_tokens", "completion_tokens")


class SqlHours:
    """An `HourStore` (core/ports.py)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lane = database.lane(_write)

    def save(self, hour: HourSum) -> None:
        """Write an hour soon, instead of what was written of it before; returns at once."""
        self._lane.put(hour.id, hour)

    async def between(self, start: int, end: int) -> list[HourSum]:
        """The hours from `start` on that begin before `end`, in Unix seconds."""
        await self._database.flush()
        query = select(hours).where(hours.c.hour < end).order_by(hours.c.hour, hours.c.id).limit(COPIED_ROWS)
        rest = query.where(hours.c.hour >= start)
        found: list[HourSum] = []
        while True:
            # Part by part: rows are made on the loop, and a year has thousands.
            answer = await self._database.read(lambda connection, rest=rest: connection.execute(rest))  # type: ignore[misc]
            rows = answer.all()
            found += await offload(_hours, rows)
            if len(rows) < COPIED_ROWS:
                return found
            last = rows[-1]
            after = or_(hours.c.hour > last.hour, and_(hours.c.hour == last.hour, hours.c.id > last.id))
            rest = query.where(hours.c.hour >= last.hour, after)

    async def trim(self, before: int) -> None:
        """Forget the hours that began before `before`."""
        query = delete(hours).where(hours.c.hour < before)
        await self._database.write(lambda connection: connection.execute(query))

    async def batches(self) -> AsyncIterator[Sequence[HourSum]]:
        """Every hour."""
        await self._database.flush()
        async for rows in in_parts(self._database, hours.c.id, COPIED_ROWS):
            yield await offload(_hours, rows)

    async def fill(self, rows: Sequence[HourSum]) -> int:
        """Add the hours that are not there; returns how many."""
        await self._database.flush()
        records = [_record(hour) for hour in rows]
        return await self._database.write(lambda connection: put_missing(connection, hours.c.id, records))


async def _write(connection: AsyncConnection, rows: Sequence[HourSum]) -> None:
    await connection.execute(
        delete(hours).where(hours.c.id == bindparam("this")), [{"this": hour.id} for hour in rows]
    )
    await connection.execute(insert(hours), [_record(hour) for hour in rows])


def _record(hour: HourSum) -> dict[str, object]:
    return {name: getattr(hour, name) for name in _SAME} | {
        "left_early": hour.left,
        "firsts": f"{hour.firsts:x}",
    }


def _hours(rows: Sequence[Row[Any]]) -> list[HourSum]:
    return [
        HourSum(
            **{name: getattr(row, name) for name in _SAME},
            left=row.left_early,
            firsts=int(row.firsts, 16),
        )
        for row in rows
    ]
