"""The SQLite file: opening it, bringing it up to date, reading, and the one writer.

What follows a request is put into a `Lane` and written within 100 ms by a task of its own, so that nobody
waits for a disk; of several changes to one row only the newest is written. What cannot be written stays and
is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from grokdesk.core.errors import Broken
from grokdesk.platform.paths import OWNER_ONLY, Paths, restrict
from grokdesk.platform.tasks import offload, owned
from grokdesk.store import migrations

log = logging.getLogger(__name__)

T = TypeVar("T")
Row_contra = TypeVar("Row_contra", contravariant=True)

# Rows that go through one statement or one thread hop: a few milliseconds each.
BATCH_ROWS: Final = 200
_GATHER_S: Final = 0.1
_BUSY_S: Final = 5.0
_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 30.0
# With a full disk the list of requests must not fill the memory as well.
_MOST_WAITING: Final = 20_000
_CONNECTIONS: Final = 4


class Spawn(Protocol):
    """Starts a task that somebody owns, such as `Supervisor.spawn`."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start it."""
        ...


# Called with a sentence and a hint when writing fails, and with two empty strings when it works again.
OnTrouble = Callable[[str, str], None]


class DatabaseTrouble(Broken):
    """The database cannot be opened, read or written."""

    title = "The database cannot be used"


class Conflict(DatabaseTrouble):
    """A row that is already there, in a place where there may be only one."""

    title = "It is already there"


class WriteRows(Protocol[Row_contra]):
    """Writes rows in a transaction. May get rows again that it has written."""

    def __call__(self, connection: AsyncConnection, rows: Sequence[Row_contra]) -> Awaitable[None]:
        """Write them."""
        ...


# `Database.write`, for work that gives nothing back.
Transaction = Callable[[Callable[[AsyncConnection], Awaitable[None]]], Awaitable[None]]


class Lane(Generic[T]):
    """Rows of one kind on their way to the disk, the newest per key."""

    def __init__(self, write: WriteRows[T], put: Callable[[], None]) -> None:
        self._write = write
        self._on_put = put
        self._waiting: dict[str, T] = {}
        self._taken: dict[str, T] = {}

    def put(self, key: str, value: T) -> None:
        """Write `value` soon, instead of what was waiting under `key`."""
        self._waiting[key] = value
        if len(self._waiting) > _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._on_put()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def take(self) -> bool:
        """Set aside what waits, to be written; tell whether that is anything."""
        self._taken, self._waiting = self._waiting, {}
        return bool(self._taken)

    async def write(self, connection: AsyncConnection) -> None:
        """Write what was taken."""
        await self._write(connection, list(self._taken.values()))

    async def write_singly(self, transaction: Transaction) -> list[str]:
        """Write what was taken, a transaction each; return why some never will be."""
        refused: list[str] = []
        for key, value in self._taken.items():
            try:
                await transaction(partial(self._write, rows=[value]))
            except _UNWRITABLE as error:
                refused.append(f"{key}: {type(error).__name__}: {getattr(error, 'detail', '') or error}")
        return refused

    def settle(self, *, written: bool) -> None:
        """Forget what was taken, or let it wait again behind anything newer."""
        if not written:
            self._waiting = self._taken | self._waiting
        self._taken = {}


class _AnyLane(Protocol):
    """A `Lane`, whatever its rows."""

    def __len__(self) -> int: ...
    def take(self) -> bool: ...
    async def write(self, connection: AsyncConnection) -> None: ...
    async def write_singly(self, transaction: Transaction) -> list[str]: ...
    def settle(self, *, written: bool) -> None: ...


# Rows that will fail again however often they are tried: duplicates, lone surrogates, numbers beyond 64 bits.
_UNWRITABLE: Final = (Conflict, ValueError, OverflowError)


class Database:
    """The open database. Entering opens, copies and migrates it; leaving writes what waits and closes it.

    Whoever owns the writer's task must leave this block before it cancels its tasks. Entering raises
    `DatabaseTrouble`. A lock that another program holds is waited for `busy_s`.
    """

    def __init__(
        self,
        paths: Paths,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble = lambda _message, _hint: None,
        busy_s: float = _BUSY_S,
    ) -> None:
        self._paths = paths
        self._spawn = spawn
        self._on_trouble = on_trouble
        self._engine = _engine(paths.database, busy_s)
        self._lanes: list[_AnyLane] = []
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._retry_s = 0.0
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        try:
            await offload(_make_file, self._paths.database)
            await self._migrate()
        except BaseException:
            await self._engine.dispose()
            raise
        self._writer = self._spawn(self._keep_writing(), name="database writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wake.set()
        try:
            if self._writer is not None:
                await asyncio.wait({self._writer})
            if not await self.flush():
                log.error("database closed with rows unwritten count=%d", sum(map(len, self._lanes)))
        finally:
            if self._under_way:
                await asyncio.wait(self._under_way)
            if self._timer is not None:
                self._timer.cancel()
            await self._engine.dispose()

    # --- reading and writing now ---

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Return what `work` makes of one state of the database. Raises `DatabaseTrouble`."""

        async def reading() -> T:
            with _explained():
                async with self._engine.connect() as connection:
                    return await work(connection)

        return await self._uncancelled(reading())

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Return what `work` does in a transaction. Raises `DatabaseTrouble`.

        When the caller is cancelled the transaction is rolled back, unless it is being committed at that
        moment.
        """
        left = False

        async def writing() -> T:
            with _explained():
                async with self._transaction() as connection:
                    result = await work(connection)
                    if left:
                        raise asyncio.CancelledError
                    return result

        try:
            return await self._uncancelled(writing())
        except asyncio.CancelledError:
            left = True
            raise

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection:
            await connection.execution_options(writes=True)
            async with connection.begin():
                yield connection

    async def _uncancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """Keep cancellation away from the driver.

        With SQLAlchemy 2.1 and aiosqlite 0.22 a statement that is cancelled while its thread runs it leaves a
        closed connection that still holds the lock.
        test_an_import_that_is_cancelled_leaves_a_working_database.
        """
        task = owned(work, name="database")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    # --- writing soon ---

    def lane(self, write: WriteRows[T]) -> Lane[T]:
        """A new lane, whose rows go through `write`."""
        lane = Lane(write, self._gather)
        self._lanes.append(lane)
        return lane

    async def flush(self) -> bool:
        """Write what waits, now; tell whether that succeeded. What could not be written waits on."""
        return await self._uncancelled(self._flush())

    async def _flush(self) -> bool:
        async with self._flushing:
            taken = [lane for lane in self._lanes if lane.take()]
            if not taken:
                return True
            written = False
            try:
                refused = await self._write(taken)
                written = True
            except DatabaseTrouble as error:
                self._failed(error, taken)
                return False
            finally:
                for lane in taken:
                    lane.settle(written=written)
            self._succeeded()
            if refused:
                log.error("rows cannot be written and were dropped rows=%s", "; ".join(refused))
                self._on_trouble(
                    "A change could not be saved.",
                    "It is lost when GrokDesk stops. The log says more.",
                )
            return True

    async def _write(self, lanes: Sequence[_AnyLane]) -> list[str]:
        try:
            with _explained():
                async with self._transaction() as connection:
                    for lane in lanes:
                        await lane.write(connection)
        except _UNWRITABLE as error:
            log.warning("a batch was refused, writing its rows one by one reason=%s", error)
        else:
            return []
        return [reason for lane in lanes for reason in await lane.write_singly(self.write)]

    def _gather(self) -> None:
        if self._timer is None and not self._closing:
            self._wake_in(_GATHER_S)

    def _wake_in(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake.set)

    async def _keep_writing(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            self._timer = None
            if not await self.flush() and not self._closing:
                self._wake_in(self._retry_s)

    def _failed(self, error: DatabaseTrouble, lanes: Sequence[_AnyLane]) -> None:
        if not self._retry_s:
            log.error(
                "database cannot be written, will try again rows=%d reason=%s",
                sum(map(len, lanes)),
                error.detail,
            )
            self._on_trouble(error.message, error.hint)
        self._retry_s = min(_LONGEST_RETRY_S, self._retry_s * 2 or _FIRST_RETRY_S)

    def _succeeded(self) -> None:
        if self._retry_s:
            log.info("database can be written again")
            self._on_trouble("", "")
        self._retry_s = 0.0

    # --- opening ---

    async def _migrate(self) -> None:
        done = await self.write(lambda connection: connection.run_sync(migrations.applied))
        known = {migration.__name__ for migration in migrations.ALL}
        if unknown := set(done) - known:
            raise DatabaseTrouble(
                "The database was made by a newer GrokDesk.",
                hint="Update GrokDesk, or use another data folder. Nothing was changed.",
                detail=f"unknown migrations: {', '.join(sorted(unknown))}",
            )
        pending = [migration for migration in migrations.ALL if migration.__name__ not in done]
        if pending and done:
            await self._copy(pending[0].__name__)
        for migration in pending:
            await self.write(partial(_apply, migration=migration))
            log.info("migration applied name=%s", migration.__name__)

    async def _copy(self, name: str) -> None:
        """Keep the database as it is before `name`. `VACUUM INTO` also sees what is in the log file."""
        target = self._paths.backups / f"{self._paths.database.stem}-before-{name}.db"
        unfinished = target.with_suffix(".part")
        try:
            await offload(_make_empty, unfinished)
            await self.read(partial(_copy_to, path=unfinished))
            await offload(unfinished.replace, target)
        except OSError as error:
            raise _unusable(
                error, "The database cannot be copied before it is brought up to date."
            ) from error
        log.info("database copied path=%s", target)


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


@contextmanager
def _explained() -> Iterator[None]:
    """The door through which errors of SQLAlchemy become ours."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("This is already there.", detail=str(error.orig)) from error
    except DBAPIError as error:
        # Such as SQLITE_IOERR_WRITE; the first word after the prefix is the kind.
        name = getattr(error.orig, "sqlite_errorname", "SQLITE_UNKNOWN")
        message, hint = _WORDS.get(name.split("_")[1], _UNKNOWN)
        # Not str(error): that holds the values of the statement.
        raise DatabaseTrouble(message, hint=hint, detail=f"{name}: {error.orig}") from error
    except PoolTimeout as error:
        message, hint = _BUSY
        raise DatabaseTrouble(message, hint=hint, detail=str(error)) from error
