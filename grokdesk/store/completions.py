"""Chat completions that clients asked to keep, in the database. What was said is sealed."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Row, Select, delete, insert, select, update

from grokdesk.core.completions import Keep, KeptCompletion, Wanted
from grokdesk.core.errors import Broken
from grokdesk.core.ports import Clock
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts, put_missing
from grokdesk.store.database import COPIED_LARGE_ROWS, Database
from grokdesk.store.schema import completions

log = logging.getLogger(__name__)

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]

_DAY_S: Final = 86_400.0
_TABLE: Final = "completions"


class SqlCompletions:
    """A `CompletionStore` (core/completions.py). `keep` is asked whenever something is written or read."""

    def __init__(self, database: Database, vault: Vault, clock: Clock, keep: Callable[[], Keep]) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._keep = keep
        self._lane = database.lane(self._write)

    def save(self, completion: KeptCompletion) -> None:
        """Write a completion soon; returns at once. Nothing is written where none are kept."""
        keep = self._keep()
        if keep.most and keep.days:
            self._lane.put(completion.id, completion)

    async def get(self, completion_id: str) -> KeptCompletion | None:
        """Return it, or None when it is not kept or cannot be opened any more."""
        await self._database.flush()
        query = select(completions).where(completions.c.id == completion_id, self._fresh())
        rows = (await self._database.read(lambda connection: connection.execute(query))).all()
        return next(iter(await offload(_opened, rows, self._vault)), None)

    async def page(self, wanted: Wanted, *, after: str, limit: int) -> Sequence[KeptCompletion]:
        """Return up to `limit` of those that are wanted, the ones behind `after` unless that is empty.

        One that cannot be opened is left out.
        """
        await self._database.flush()
        query = self._wanted(wanted, after)

        async def collect(connection: AsyncConnection) -> Sequence[AnyRow]:
            chosen = query
            if wanted.metadata:
                # It is sealed, so the database cannot look for it. Of the others nothing else is read.
                described = query.with_only_columns(completions.c.id, completions.c.metadata)
                has: Sequence[AnyRow] = (await connection.execute(described)).all()
                ids = await offload(_matching, has, self._vault, wanted.metadata, limit)
                chosen = query.where(completions.c.id.in_(ids))
            found: Sequence[AnyRow] = (await connection.execute(chosen.limit(limit))).all()
            return found

        rows = await self._database.read(collect)
        return await offload(_opened, rows, self._vault)

    async def describe(self, completion_id: str, metadata: Mapping[str, str]) -> KeptCompletion | None:
        """Give a completion other metadata; return it, or None when it is not kept."""
        await self._database.flush()
        sealed = await offload(_sealed, json.dumps(dict(metadata)), completion_id, "metadata", self._vault)
        change = update(completions).where(completions.c.id == completion_id).values(metadata=sealed)
        await self._database.write(lambda connection: connection.execute(change))
        return await self.get(completion_id)

    async def delete(self, completion_id: str) -> bool:
        """Forget a completion; tell whether it was kept."""
        await self._database.flush()
        query = delete(completions).where(completions.c.id == completion_id, self._fresh())
        return bool((await self._database.write(lambda connection: connection.execute(query))).rowcount)

    async def trim(self) -> None:
        """Forget what is older, or more, than is kept now. Writing does so by itself."""
        await self._database.flush()
        await self._database.write(self._forget)

    async def batches(self) -> AsyncIterator[Sequence[KeptCompletion]]:
        """Every completion that can be opened, oldest first."""
        await self._database.flush()
        async for rows in in_parts(self._database, completions.c.number, COPIED_LARGE_ROWS):
            yield await offload(_opened, rows, self._vault)

    async def fill(self, rows: Sequence[KeptCompletion]) -> int:
        """Add the completions that are not there; returns how many."""
        await self._database.flush()
        records = await offload(_records, rows, self._vault)
        return await self._database.write(
            lambda connection: put_missing(connection, completions.c.id, records)
        )

    def _fresh(self) -> ColumnElement[bool]:
        return completions.c.created_at > self._clock.now() - self._keep().days * _DAY_S

    def _wanted(self, wanted: Wanted, after: str) -> Select[Any]:
        number = completions.c.number
        query = select(completions).where(self._fresh())
        query = query.order_by(number.desc() if wanted.newest_first else number)
        if wanted.model:
            query = query.where(completions.c.model == wanted.model)
        if after:
            last = select(number).where(completions.c.id == after).scalar_subquery()
            query = query.where(number < last if wanted.newest_first else number > last)
        return query

    async def _write(self, connection: AsyncConnection, rows: Sequence[KeptCompletion]) -> None:
        for row in rows:
            # One at a time: each may hold megabytes.
            record = await offload(to_record, row, self._vault)
            await connection.execute(delete(completions).where(completions.c.id == row.id))
            await connection.execute(insert(completions), record)
        await self._forget(connection)

    async def _forget(self, connection: AsyncConnection) -> None:
        newest = select(completions.c.number).order_by(completions.c.number.desc()).limit(self._keep().most)
        # Named once more, because MySQL does not look up in a table what it deletes there.
        kept = select(newest.subquery().c.number)
        await connection.execute(
            delete(completions).where(completions.c.number.not_in(kept) | ~self._fresh())
        )


# --- rows ---------------------------------------------------------------------------------------------------


def to_record(completion: KeptCompletion, vault: Vault) -> dict[str, object]:
    """The row of a completion, what was said in it sealed."""
    seal = partial(_sealed, row=completion.id, vault=vault)
    return {
        "id": completion.id,
        "created_at": completion.created_at,
        "model": completion.model,
        "answer": seal(completion.answer, column="answer"),
        "messages": seal(completion.messages, column="messages"),
        "metadata": seal(json.dumps(dict(completion.metadata)), column="metadata"),
    }


def from_row(row: AnyRow, vault: Vault) -> KeptCompletion:
    """The completion of a row. Raises `Broken` when it cannot be opened."""
    return KeptCompletion(
        id=row.id,
        created_at=row.created_at,
        model=row.model,
        answer=vault.open(row.answer, table=_TABLE, row=row.id, column="answer"),
        messages=vault.open(row.messages, table=_TABLE, row=row.id, column="messages"),
        metadata=_metadata(row, vault),
    )


def _metadata(row: AnyRow, vault: Vault) -> dict[str, str]:
    opened = vault.open(row.metadata, table=_TABLE, row=row.id, column="metadata")
    metadata: dict[str, str] = json.loads(opened)
    return metadata


def _sealed(text: str, row: str, column: str, vault: Vault) -> bytes:
    return vault.seal(text, table=_TABLE, row=row, column=column)


def _matching(rows: Iterable[AnyRow], vault: Vault, metadata: Mapping[str, str], most: int) -> list[str]:
    """The ids of the first `most` that have `metadata`."""
    found = (
        row.id
        for row, has in _each(rows, lambda row: _metadata(row, vault))
        if metadata.items() <= has.items()
    )
    return list(islice(found, most))


def _records(rows: Iterable[KeptCompletion], vault: Vault) -> list[dict[str, object]]:
    return [to_record(row, vault) for row in rows]


def _opened(rows: Iterable[AnyRow], vault: Vault) -> list[KeptCompletion]:
    return [completion for _, completion in _each(rows, lambda row: from_row(row, vault))]


def _each(rows: Iterable[AnyRow], opening: Callable[[AnyRow], T]) -> Iterator[tuple[AnyRow, T]]:
    """Every row with what `opening` makes of it, without those that cannot be opened."""
    for row in rows:
        try:
            yield row, opening(row)
        except Broken as error:
            log.error("completion cannot be opened id=%s reason=%s", row.id, error.detail)  # noqa: TRY400 - one line
