"""The files of the library in its database. What was asked and by whom is sealed; sizes and times are not.

Words are looked for in memory, because what is sealed cannot be searched: the texts are opened once, when
somebody first searches, and kept up to date from then on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Final

from sqlalchemy import Row, Select, delete, func, insert, select, tuple_, update
from sqlalchemy.sql.elements import ColumnElement

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import Broken, InvalidRequest
from grokdesk.core.library import PAGE, Change, Page, Placed, Sought, Used
from grokdesk.core.media import Kept, Kind, Origin, Trace
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.copying import in_parts
from grokdesk.store.database import COPIED_ROWS, Database
from grokdesk.store.library_schema import files, jobs

log = logging.getLogger(__name__)

# A prompt may have 10,000 characters; its beginning is enough to find it again.
_SEARCHED: Final = 2_000
_PLACED_ROWS: Final = 1_000
_NEWEST_FIRST: Final = (files.c.created_at.desc(), files.c.number.desc())


class SqlMedia:
    """A `MediaStore` (core/library.py)."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._texts: dict[str, str] = {}
        self._texts_known = False
        self._opening_texts = asyncio.Lock()

    async def add(self, kept: Sequence[Kept]) -> None:
        """Write new files; when it returns they are there for good."""
        records = await offload(lambda: [to_record(one, self._vault) for one in kept])
        await self._database.write(lambda connection: connection.execute(insert(files), records))
        self._texts |= {one.id: _text(one) for one in kept}

    async def get(self, file_id: str) -> Kept | None:
        """One file, also a removed one."""
        row = await self._one(select(files).where(files.c.id == file_id))
        return _kept(row, self._vault) if row is not None else None

    async def page(self, sought: Sought, *, after: str = "", limit: int = PAGE) -> Page:
        """The next files of the list, the newest first. Raises `InvalidRequest` for an unknown `after`."""
        query = (await self._sought(select(files), sought)).order_by(*_NEWEST_FIRST).limit(limit + 1)
        if after:
            query = query.where(tuple_(files.c.created_at, files.c.number) < _place(after))
        rows = await self._all(query)
        found = await offload(lambda: [_kept(row, self._vault) for row in rows[:limit]])
        more = len(rows) > limit
        last = rows[limit - 1] if more else None
        return Page(tuple(found), f"{last.created_at!r}:{last.number}" if last is not None else "")

    async def count(self, sought: Sought) -> int:
        """How many files are sought."""
        query = await self._sought(select(func.count()).select_from(files), sought)
        return int(await self._database.read(lambda connection: connection.scalar(query)) or 0)

    async def used(self) -> dict[Kind, Used]:
        """What each kind takes, removed files as well."""
        contents = (
            select(files.c.kind, func.count().label("files"), func.max(files.c.size).label("size"))
            .group_by(files.c.kind, files.c.digest)
            .subquery()
        )
        query = select(
            contents.c.kind,
            func.sum(contents.c.files).label("files"),
            func.sum(contents.c.size).label("size"),
        ).group_by(contents.c.kind)
        found = {Kind(row.kind): Used(row.files, row.size) for row in await self._all(query)}
        return {kind: found.get(kind, Used()) for kind in Kind}

    async def change(self, ids: Collection[str], change: Change) -> list[str]:
        """Change files; returns the ids of those there are."""

        async def changing(connection: AsyncConnection) -> list[tuple[str, tuple[str, ...]]]:
            rows = (await connection.execute(select(files.c.id, files.c.tags).where(_among(ids)))).all()
            if change.favourite is not None:
                await connection.execute(update(files).where(_among(ids)).values(favourite=change.favourite))
            done = []
            for row in rows:
                old = tuple(json.loads(row.tags))
                tags = _tagged(old, change)
                if tags != old:
                    await connection.execute(
                        update(files).where(files.c.id == row.id).values(tags=_listed(tags))
                    )
                done.append((row.id, tags))
            return done

        changed = await self._database.write(changing)
        if change.tag or change.untag:
            await self._learn_again([file_id for file_id, _ in changed])
        return [file_id for file_id, _ in changed]

    async def has_thumbnail(self, file_id: str, *, is_there: bool) -> None:
        """Note that there is, or is no, small picture."""
        query = update(files).where(files.c.id == file_id).values(thumbnail=is_there)
        await self._database.write(lambda connection: connection.execute(query))

    async def remove(self, ids: Collection[str], at: float) -> list[str]:
        """Mark files as removed; returns which of them were not before."""
        return await self._marked(ids, files.c.removed_at.is_(None), at)

    async def restore(self, ids: Collection[str]) -> list[str]:
        """Take removals back; returns which could be."""
        return await self._marked(ids, files.c.removed_at.is_not(None), None)

    async def rename(self, file_id: str, new_id: str) -> Kept | None:
        """Give a file a new id, also where a job names it; None when there is none."""

        async def renaming(connection: AsyncConnection) -> Kept | None:
            row = (await connection.execute(select(files).where(files.c.id == file_id))).one_or_none()
            if row is None:
                return None
            # What is sealed is sealed for the id.
            renamed = replace(_kept(row, self._vault), id=new_id)
            record = to_record(renamed, self._vault)
            await connection.execute(update(files).where(files.c.id == file_id).values(record))
            await connection.execute(
                update(jobs)
                .where(func.instr(jobs.c.files, file_id) > 0)
                .values(files=func.replace(jobs.c.files, file_id, new_id))
            )
            return renamed

        renamed = await self._database.write(renaming)
        if renamed is not None and self._texts.pop(file_id, None) is not None:
            self._texts[new_id] = _text(renamed)
        return renamed

    async def forget(self, ids: Collection[str]) -> None:
        """Delete rows for good."""
        query = delete(files).where(_among(ids))
        await self._database.write(lambda connection: connection.execute(query))
        for one in ids:
            self._texts.pop(one, None)

    async def alike(self, digest: str) -> list[Kept]:
        """Every file with this content, also removed ones."""
        rows = await self._all(select(files).where(files.c.digest == digest).order_by(files.c.number))
        return [_kept(row, self._vault) for row in rows]

    async def removed_before(self, at: float, limit: int) -> list[Kept]:
        """Files removed before `at`, the first one first."""
        query = select(files).where(files.c.removed_at < at).order_by(files.c.removed_at).limit(limit)
        return [_kept(row, None) for row in await self._all(query)]

    async def oldest(self, kind: Kind, limit: int) -> list[Kept]:
        """Files of a kind that may go, the oldest first, one of each content."""
        last = select(files.c.digest).where(files.c.kind == kind.value).order_by(files.c.number.desc())
        contents = (
            select(func.max(files.c.number).label("number"), func.max(files.c.created_at).label("at"))
            .where(files.c.kind == kind.value, files.c.digest != last.limit(1).scalar_subquery())
            .group_by(files.c.digest)
            .having(func.max(files.c.favourite) == 0)
            .subquery()
        )
        query = (
            select(files)
            .join(contents, contents.c.number == files.c.number)
            .order_by(contents.c.at, files.c.number)
            .limit(limit)
        )
        return [_kept(row, None) for row in await self._all(query)]

    async def placed(self) -> AsyncIterator[Sequence[Placed]]:
        """Where the content of every file lies, part by part, also of removed ones."""
        last = 0
        while True:
            query = (
                select(files.c.number, files.c.id, files.c.kind, files.c.digest)
                .where(files.c.number > last)
                .order_by(files.c.number)
                .limit(_PLACED_ROWS)
            )
            rows = await self._all(query)
            if not rows:
                return
            yield [Placed(row.id, Kind(row.kind), row.digest) for row in rows]
            last = rows[-1].number

    # -- reading

    async def _all(self, query: Select[Any]) -> Sequence[Row[Any]]:
        result = await self._database.read(lambda connection: connection.execute(query))
        rows: Sequence[Row[Any]] = result.all()
        return rows

    async def _one(self, query: Select[Any]) -> Row[Any] | None:
        rows = await self._all(query)
        return rows[0] if rows else None

    async def _marked(self, ids: Collection[str], which: ColumnElement[bool], at: float | None) -> list[str]:
        async def marking(connection: AsyncConnection) -> list[str]:
            found = list(await connection.scalars(select(files.c.id).where(_among(ids), which)))
            await connection.execute(update(files).where(_among(found)).values(removed_at=at))
            return found

        return await self._database.write(marking)

    async def _sought(self, query: Select[Any], sought: Sought) -> Select[Any]:
        removed = files.c.removed_at
        query = query.where(removed.is_not(None) if sought.removed else removed.is_(None))
        if sought.kind is not None:
            query = query.where(files.c.kind == sought.kind.value)
        if sought.favourite is not None:
            query = query.where(files.c.favourite == sought.favourite)
        if sought.tag:
            # Between quotes, which JSON has nowhere else unescaped: never a part of another tag.
            query = query.where(func.instr(files.c.tags, json.dumps(sought.tag)) > 0)
        if words := sought.text.casefold().split():
            texts = await self._all_texts()
            found = await offload(
                lambda: [one for one, text in list(texts.items()) if all(word in text for word in words)]
            )
            query = query.where(_among(found))
        return query

    # -- words

    async def _all_texts(self) -> dict[str, str]:
        async with self._opening_texts:
            if not self._texts_known:
                async for rows in in_parts(self._database, files.c.number, COPIED_ROWS):
                    opened = await offload(_texts, rows, self._vault)
                    # What was added or changed meanwhile is newer; what was forgotten matches no row.
                    self._texts = opened | self._texts
                self._texts_known = True
        return self._texts

    async def _learn_again(self, ids: Collection[str]) -> None:
        if not self._texts_known and not self._opening_texts.locked():
            return
        rows = await self._all(select(files).where(_among(ids)))
        self._texts |= await offload(_texts, rows, self._vault)


def to_record(kept: Kept, vault: Vault) -> dict[str, object]:
    """The row of a file."""
    told = json.dumps({"origin": asdict(kept.origin), "trace": asdict(kept.trace)})
    return {
        "id": kept.id,
        "kind": kept.kind.value,
        "digest": kept.digest,
        "media_type": kept.media_type,
        "size": kept.size,
        "created_at": kept.created_at,
        "width": kept.width,
        "height": kept.height,
        "seconds": kept.seconds,
        "adult": kept.adult,
        "favourite": kept.favourite,
        "tags": _listed(kept.tags),
        "thumbnail": kept.thumbnail,
        "removed_at": kept.removed_at,
        "told": vault.seal(told, table="files", row=kept.id, column="told"),
    }


def _kept(row: Row[Any], vault: Vault | None) -> Kept:
    """The file of a row; without a vault, what is sealed is left out.

    A file whose origin cannot be opened any more is a file all the same.
    """
    origin, trace = Origin(), Trace()
    if vault is not None:
        try:
            told = json.loads(vault.open(row.told, table="files", row=row.id, column="told"))
            origin, trace = _origin(told["origin"]), trace_of(told["trace"])
        except Broken as error:
            log.warning("origin of a file cannot be opened id=%s reason=%s", row.id, error.detail)
    return Kept(
        id=row.id,
        kind=Kind(row.kind),
        digest=row.digest,
        media_type=row.media_type,
        size=row.size,
        created_at=row.created_at,
        width=row.width,
        height=row.height,
        seconds=row.seconds,
        origin=origin,
        trace=trace,
        adult=row.adult,
        favourite=row.favourite,
        tags=tuple(json.loads(row.tags)),
        thumbnail=row.thumbnail,
        removed_at=row.removed_at,
    )


def _origin(told: dict[str, Any]) -> Origin:
    known = _known(Origin, told)
    return Origin(**{**known, "account": AccountId(known.get("account", ""))})


def trace_of(told: dict[str, Any]) -> Trace:
    """A trace as `asdict` told it, also by another version."""
    known = _known(Trace, told)
    return Trace(**{**known, "account": AccountId(known.get("account", ""))})


def _known(of: type[Origin | Trace], told: dict[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(of)}
    return {name: value for name, value in told.items() if name in names}


def _texts(rows: Sequence[Row[Any]], vault: Vault) -> dict[str, str]:
    return {row.id: _text(_kept(row, vault)) for row in rows}


def _text(kept: Kept) -> str:
    origin = kept.origin
    said = (origin.prompt[:_SEARCHED], origin.model, origin.account_name, *kept.tags)
    return "\n".join(said).casefold()


def _tagged(tags: tuple[str, ...], change: Change) -> tuple[str, ...]:
    kept = [tag for tag in tags if tag not in change.untag]
    return (*kept, *(tag for tag in dict.fromkeys(change.tag) if tag not in kept))


def _listed(texts: Sequence[str]) -> str:
    return json.dumps(texts)


def _among(ids: Collection[str]) -> ColumnElement[bool]:
    # As one value: a list may be longer than what SQLite takes as parameters.
    return files.c.id.in_(select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value))


def _place(after: str) -> tuple[float, int]:
    at, _, number = after.partition(":")
    try:
        return float(at), int(number)
    except ValueError:
        raise InvalidRequest(
            "This place in the list is not known.", param="after", hint="Begin at the start of the list."
        ) from None
