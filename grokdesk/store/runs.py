"""The list of past requests in the database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import astuple, fields
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, bindparam, case, delete, func, insert, or_, select, true

from grokdesk.core.runs import Counted, Place, RunRecord, RunState, Sought, Try, words_of
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts, put_missing
from grokdesk.store.database import COPIED_ROWS, Database
from grokdesk.store.schema import runs

_COLUMNS: Final = tuple(field.name for field in fields(RunRecord))
_NEWEST_FIRST: Final = (runs.c.at.desc(), runs.c.id.desc())


class SqlRuns:
    """A `RunStore` (core/ports.py)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lane = database.lane(_write)

    def save(self, record: RunRecord) -> None:
        """Write a run soon, instead of what was written of it before; returns at once."""
        self._lane.put(record.id, record)

    async def latest(self, limit: int) -> list[RunRecord]:
        """The newest `limit` runs, newest first."""
        await self._database.flush()
        query = select(runs).order_by(*_NEWEST_FIRST).limit(limit)
        rows = (await self._database.read(lambda connection: connection.execute(query))).all()
        return await offload(_runs, rows)

    async def get(self, run_id: str) -> RunRecord | None:
        """One run, or None when it is not listed any more."""
        await self._database.flush()
        query = select(runs).where(runs.c.id == run_id)
        row = (await self._database.read(lambda connection: connection.execute(query))).one_or_none()
        return from_row(row) if row is not None else None

    async def page(
        self, sought: Sought, *, before: Place | None = None, skip: int = 0, limit: int
    ) -> list[RunRecord]:
        """Runs that fit, newest first: `limit` of those older than `before`, after the first `skip`."""
        await self._database.flush()
        # First only which: to pass over many whole rows would read all of each.
        places = select(runs.c.id).where(_fits(sought, before)).order_by(*_NEWEST_FIRST)
        which = places.offset(skip).limit(limit).subquery()
        query = select(runs).join(which, which.c.id == runs.c.id).order_by(*_NEWEST_FIRST)
        rows = (await self._database.read(lambda connection: connection.execute(query))).all()
        return await offload(_runs, rows)

    async def count(self, sought: Sought, *, before: Place | None = None) -> Counted:
        """How many runs fit and are older than `before`."""
        await self._database.flush()
        failed = func.sum(case((runs.c.state == RunState.FAILED.value, 1), else_=0))
        query = select(func.count(), failed).select_from(runs).where(_fits(sought, before))
        row = (await self._database.read(lambda connection: connection.execute(query))).one()
        return Counted(int(row[0]), int(row[1] or 0))

    async def trim(self, keep: int) -> None:
        """Forget all but the newest `keep`."""
        await self._database.flush()
        # Named once more, because MySQL does not look up in a table what it deletes there.
        older = select(runs.c.id).order_by(*_NEWEST_FIRST).offset(keep).subquery()
        query = delete(runs).where(runs.c.id.in_(select(older.c.id)))
        await self._database.write(lambda connection: connection.execute(query))

    async def batches(self) -> AsyncIterator[Sequence[RunRecord]]:
        """Every run."""
        await self._database.flush()
        async for rows in in_parts(self._database, runs.c.id, COPIED_ROWS):
            yield await offload(_runs, rows)

    async def fill(self, rows: Sequence[RunRecord]) -> int:
        """Add the runs that are not there; returns how many."""
        await self._database.flush()
        records = [to_record(run) for run in rows]
        return await self._database.write(lambda connection: put_missing(connection, runs.c.id, records))


async def _write(connection: AsyncConnection, rows: Sequence[RunRecord]) -> None:
    # Every database has these two; "insert or replace" has another name in each.
    await connection.execute(
        delete(runs).where(runs.c.id == bindparam("this")), [{"this": run.id} for run in rows]
    )
    await connection.execute(insert(runs), [to_record(run) for run in rows])


def _fits(sought: Sought, before: Place | None) -> ColumnElement[bool]:
    """`Sought.fits` as a condition."""
    wanted: list[ColumnElement[bool]] = [true()]
    if before is not None:
        at, run_id = before
        wanted.append(or_(runs.c.at < at, and_(runs.c.at == at, runs.c.id < run_id)))
        # Says the same of the time alone, which is what the index is read by.
        wanted.append(runs.c.at <= at)
    if sought.failed:
        wanted.append(runs.c.state == RunState.FAILED.value)
    for column, value in (
        (runs.c.model, sought.model),
        (runs.c.client, sought.client),
        (runs.c.account, sought.account),
    ):
        if value:
            wanted.append(column == value)
    if sought.needle:
        wanted.append(runs.c.words.contains(sought.needle, autoescape=True))
    return and_(*wanted)


def to_record(run: RunRecord) -> dict[str, object]:
    """The row of a run."""
    return {name: getattr(run, name) for name in _COLUMNS} | {
        "state": run.state.value,
        "stream": int(run.stream),
        "tries": json.dumps([astuple(one) for one in run.tries], ensure_ascii=False),
        "words": words_of(run),
    }


def from_row(row: Row[Any]) -> RunRecord:
    """The run of a row."""
    members = {name: getattr(row, name) for name in _COLUMNS}
    members["state"] = RunState(row.state)
    members["stream"] = bool(row.stream)
    members["tries"] = tuple(Try(*one) for one in json.loads(row.tries))
    return RunRecord(**members)


def _runs(rows: Sequence[Row[Any]]) -> list[RunRecord]:
    return [from_row(row) for row in rows]
