"""The SQLite file in the data folder: opening it, bringing it up to date, copying it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from grokdesk.platform.paths import OWNER_ONLY, Paths, restrict
from grokdesk.platform.tasks import offload
from grokdesk.store import migrations
from grokdesk.store.async_engine import AsyncConnection, AsyncEngine, create_async_engine
from grokdesk.store.database import Database, DatabaseTrouble, OnTrouble, Spawn, pending

log = logging.getLogger(__name__)

_BUSY_S: Final = 5.0
_CONNECTIONS: Final = 4


class SqliteFile(Database):
    """The database of one gateway. Entering copies it before it is brought up to date.

    A lock that another program holds is waited for `busy_s`. `known` are the migrations, where it is not the
    database of accounts.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble = lambda _message, _hint: None,
        busy_s: float = _BUSY_S,
        known: Sequence[migrations.Migration] | None = None,
    ) -> None:
        super().__init__(_engine(paths.database, busy_s), spawn=spawn, on_trouble=on_trouble)
        self._paths = paths
        self._known = migrations.ALL if known is None else known

    async def copy_to(self, path: Path) -> None:
        """Write a copy of the database as it is now. Raises `DatabaseTrouble`.

        The copy is there whole or not at all. `VACUUM INTO` also sees what is in the log file.
        """
        unfinished = path.with_suffix(".part")
        try:
            await offload(_make_empty, unfinished)
            await self.read(partial(_copy_to, path=unfinished))
            await offload(unfinished.replace, path)
        except OSError as error:
            raise _unusable(error, "The database cannot be copied.") from error
        log.info("database copied path=%s", path)

    async def _open(self) -> None:
        await offload(_make_file, self._paths.database)
        done = await self.write(lambda connection: connection.run_sync(migrations.applied))
        missing = pending(done, "data folder", self._known)
        if missing and done:
            name = f"{self._paths.database.stem}-before-{missing[0].__name__}.db"
            await self.copy_to(self._paths.backups / name)
        for migration in missing:
            await self.write(partial(_apply, migration=migration))
            log.info("migration applied name=%s", migration.__name__)

    def _explain(self, error: DBAPIError) -> DatabaseTrouble:
        # Such as SQLITE_IOERR_WRITE; the first word after the prefix is the kind.
        name = getattr(error.orig, "sqlite_errorname", "SQLITE_UNKNOWN")
        message, hint = _WORDS.get(name.split("_")[1], _UNKNOWN)
        # Not str(error): that holds the values of the statement.
        return DatabaseTrouble(message, hint=hint, detail=f"{name}: {error.orig}")

    def _silent(self, error: TimeoutError | PoolTimeout) -> DatabaseTrouble:
        message, hint = _BUSY
        return DatabaseTrouble(message, hint=hint, detail=str(error))


def _engine(path: Path, busy_s: float) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        # None: sqlite3 begins no transactions by itself; `_begin` does, and so covers DDL as well.
        connect_args={"isolation_level": None, "timeout": busy_s},
        pool_size=_CONNECTIONS,
        max_overflow=0,
    )
    event.listen(engine.sync_engine, "connect", _connected)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _connected(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that starts by reading cannot wait for another writer later on; it fails at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _apply(connection: AsyncConnection, migration: migrations.Migration) -> None:
    await connection.run_sync(migrations.apply, migration)


async def _copy_to(connection: AsyncConnection, path: Path) -> None:
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    # Not through SQLAlchemy, which would begin a transaction; VACUUM cannot run in one.
    await raw.driver_connection.execute("VACUUM INTO ?", (str(path),))


def _make_file(path: Path) -> None:
    try:
        # SQLite would make it readable by everybody; its other files take over the rights of this one.
        path.touch(OWNER_ONLY)
        restrict(path)
    except OSError as error:
        raise _unusable(error, "The database cannot be opened.") from error


def _make_empty(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.touch(OWNER_ONLY)


def _unusable(error: OSError, message: str) -> DatabaseTrouble:
    return DatabaseTrouble(
        message,
        hint="Check that the data folder can be written and the disk is not full.",
        detail=f"{type(error).__name__} errno={error.errno} path={error.filename}",
    )


# --- what SQLite says, in words -----------------------------------------------------------------------------

_FULL: Final = ("The disk is full.", "Make room on the disk that holds the data folder.")
_BUSY: Final = ("Another program holds the database.", "Close other programs that use the data folder.")
_READ_ONLY: Final = ("The database cannot be written.", "Check the rights of the data folder.")
_DAMAGED: Final = (
    "The database is damaged.",
    "Restore it from the folder `backups`, or from a backup of yours.",
)
_UNREACHABLE: Final = ("The disk with the database does not answer.", "Check the disk and the data folder.")
_WORDS: Final = {
    "FULL": _FULL,
    "BUSY": _BUSY,
    "LOCKED": _BUSY,
    "READONLY": _READ_ONLY,
    "PERM": _READ_ONLY,
    "CORRUPT": _DAMAGED,
    "NOTADB": _DAMAGED,
    "CANTOPEN": _UNREACHABLE,
    "IOERR": _UNREACHABLE,
}
_UNKNOWN: Final = ("The database cannot be used.", "The log says more.")
