"""An open database, wherever it is: reading, and the one writer.

What follows a request is put into a `Lane` and written within 100 ms by a task of its own, so that nobody
waits for a disk; of several changes to one row only the newest is written. What cannot be written stays and
is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from grokdesk.core.errors import Broken
from grokdesk.platform.tasks import Uncancelled
from grokdesk.store import migrations
from grokdesk.store.async_engine import AsyncConnection, AsyncEngine

log = logging.getLogger(__name__)

T = TypeVar("T")
Row_contra = TypeVar("Row_contra", contravariant=True)

# Rows that go through one statement or one thread hop: a few milliseconds each.
BATCH_ROWS: Final = 200
# Rows of a part when everything is copied; fewer where each may hold megabytes.
COPIED_ROWS: Final = 500
COPIED_LARGE_ROWS: Final = 20
_GATHER_S: Final = 0.1
_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 30.0
# With a full disk, or the server away, the list of requests must not fill the memory as well.
MOST_WAITING: Final = 20_000
# Of rows that may hold megabytes each, and that nobody misses.
MOST_LARGE_WAITING: Final = 300
# Work on everything at once may take so many times longer than the rest.
_BULK: Final = 12
# How often work is tried that others were in the way of, or whose connection was lost before the commit.
_TRIES: Final = 3


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


class Unfit(DatabaseTrouble):
    """A row that this database will never take: too large, or with characters it does not have."""

    title = "It cannot be stored"


class InTheWay(DatabaseTrouble):
    """Somebody else was writing the same rows; nothing was done, and trying again helps."""

    title = "The database is busy"


class Away(DatabaseTrouble):
    """The server cannot be reached, or does not answer."""

    title = "The shared store cannot be reached"


class Lost(Away):
    """The connection to the server broke while it was in use; another one may work."""


class WriteRows(Protocol[Row_contra]):
    """Writes rows in a transaction. May get rows again that it has written."""

    def __call__(self, connection: AsyncConnection, rows: Sequence[Row_contra]) -> Awaitable[None]:
        """Write them."""
        ...


# `Database.write`, for work that gives nothing back.
Transaction = Callable[[Callable[[AsyncConnection], Awaitable[None]]], Awaitable[None]]


def _nothing() -> None:
    """Do nothing."""


class Waiting(Generic[T]):
    """What waits to be written, the newest per key, and what of it is being written.

    Of more than `most` that wait the oldest are forgotten.
    """

    def __init__(self, put: Callable[[], None], most: int = MOST_WAITING) -> None:
        self._on_put = put
        self._most = most
        self._waiting: dict[str, T] = {}
        self._taken: dict[str, T] = {}

    def put(self, key: str, value: T) -> None:
        """Write `value` soon, instead of what was waiting under `key`."""
        self._waiting[key] = value
        if len(self._waiting) > self._most:
            del self._waiting[next(iter(self._waiting))]
        self._on_put()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._taken)

    def take(self, most: int | None) -> bool:
        """Set aside what waits, of very much the first `most`; tell whether that is anything."""
        self._taken = dict(islice(self._waiting.items(), most))
        self._waiting = dict(islice(self._waiting.items(), len(self._taken), None))
        return bool(self._taken)

    def settle(self, *, written: bool) -> None:
        """Forget what was taken, or let it wait again behind anything newer."""
        if not written:
            all_of_it = self._taken | self._waiting
            self._waiting = dict(islice(all_of_it.items(), max(0, len(all_of_it) - self._most), None))
        self._taken = {}


class Lane(Waiting[T]):
    """Rows of one kind on their way to the disk.

    `on_written` is called when what `write` was given last is there for good.
    """

    def __init__(
        self,
        write: WriteRows[T],
        put: Callable[[], None],
        on_written: Callable[[], None] = _nothing,
        most: int = MOST_WAITING,
    ) -> None:
        super().__init__(put, most)
        self._write = write
        self._on_written = on_written

    async def write(self, connection: AsyncConnection) -> None:
        """Write what was taken."""
        await self._write(connection, list(self._taken.values()))

    async def write_singly(self, transaction: Transaction) -> list[str]:
        """Write what was taken, a transaction each; return why some never will be."""
        refused: list[str] = []
        for key, value in self._taken.items():
            try:
                await transaction(partial(self._write, rows=[value]))
                self._on_written()
            except _UNWRITABLE as error:
                refused.append(refusal(key, error))
        return refused

    def written(self) -> None:
        """What was taken is there for good."""
        self._on_written()


def refusal(key: str, error: Exception) -> str:
    """Why what waited under `key` is dropped, for the log."""
    return f"{key}: {type(error).__name__}: {getattr(error, 'detail', '') or error}"


class _AnyLane(Protocol):
    """A `Lane`, whatever its rows."""

    def __len__(self) -> int: ...
    def take(self, most: int | None) -> bool: ...
    async def write(self, connection: AsyncConnection) -> None: ...
    async def write_singly(self, transaction: Transaction) -> list[str]: ...
    def settle(self, *, written: bool) -> None: ...
    def written(self) -> None: ...


# Rows that will fail again however often they are tried: duplicates, lone surrogates, numbers beyond 64 bits.
_UNWRITABLE: Final = (Conflict, Unfit, ValueError, OverflowError)


class Database(ABC):
    """An open database. Entering opens it and brings it up to date; leaving writes what waits and closes it.

    Whoever owns the writer's task must leave this block before it cancels its tasks. Entering raises
    `DatabaseTrouble`. Nothing takes longer than `answer_s`, where that is not None; one transaction of the
    writer has at most `rows_at_once` rows of a lane, where that is not None.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble,
        answer_s: float | None = None,
        rows_at_once: int | None = None,
    ) -> None:
        self._engine = engine
        self._spawn = spawn
        self._on_trouble = on_trouble
        self._answer_s = answer_s
        self._rows_at_once = rows_at_once
        self._lanes: list[_AnyLane] = []
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._retry_s = 0.0
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self._work = Uncancelled("database")

    @abstractmethod
    async def _open(self) -> None:
        """Make the database what this version expects. Raises `DatabaseTrouble`."""

    @abstractmethod
    def _explain(self, error: DBAPIError) -> DatabaseTrouble:
        """What an error of the driver means."""

    @abstractmethod
    def _silent(self, error: TimeoutError | PoolTimeout) -> DatabaseTrouble:
        """What it means that there was no answer, or no connection, in time."""

    async def __aenter__(self) -> Self:
        try:
            await self._open()
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
            await self._work.ended()
            if self._timer is not None:
                self._timer.cancel()
            await self._engine.dispose()

    # --- reading and writing now ---

    async def read(self, work: Callable[[AsyncConnection], Awaitable[T]], *, bulk: bool = False) -> T:
        """Return what `work` makes of one state of the database. Raises `DatabaseTrouble`.

        `work` may be begun again when the connection is lost. `bulk` gives it time to read everything.
        """

        async def reading() -> T:
            async with self._engine.connect() as connection:
                return await work(connection)

        return await self._uncancelled(self._tried(reading, lambda: True, self._limit_s(bulk=bulk)))

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]], *, bulk: bool = False) -> T:
        """Return what `work` does in a transaction. Raises `DatabaseTrouble`.

        `work` may be begun again when it was rolled back; `bulk` gives it time to write everything. When the
        caller is cancelled the transaction is rolled back, unless it is being committed at that moment.
        """
        left = committing = False

        async def writing() -> T:
            nonlocal committing
            async with self._transaction() as connection:
                result = await work(connection)
                if left:
                    raise asyncio.CancelledError
                committing = True
                return result

        tried = self._tried(writing, lambda: not (committing or left), self._limit_s(bulk=bulk))
        try:
            return await self._uncancelled(tried)
        except asyncio.CancelledError:
            left = True
            raise

    def _limit_s(self, *, bulk: bool) -> float | None:
        return self._answer_s if self._answer_s is None or not bulk else self._answer_s * _BULK

    async def _tried(
        self, work: Callable[[], Awaitable[T]], is_harmless: Callable[[], bool], answer_s: float | None
    ) -> T:
        """Return what `work` returns, beginning it again when it failed by chance and that `is_harmless`."""
        left = _TRIES
        while True:
            left -= 1
            try:
                with self._explained():
                    async with asyncio.timeout(answer_s):
                        return await work()
            except InTheWay:
                if not left:
                    raise
            except Lost:
                # A pool of connections that a restart of the server has cut goes at the first of them.
                if not left or not is_harmless():
                    raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """The door through which errors of SQLAlchemy become ours."""
        try:
            yield
        except IntegrityError as error:
            raise Conflict("This is already there.", detail=str(error.orig)) from error
        except DBAPIError as error:
            raise self._explain(error) from error
        except (TimeoutError, PoolTimeout) as error:
            raise self._silent(error) from error

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
        return await self._work.done(work)

    # --- writing soon ---

    def lane(
        self,
        write: WriteRows[T],
        on_written: Callable[[], None] = _nothing,
        *,
        most: int = MOST_WAITING,
    ) -> Lane[T]:
        """A new lane, whose rows go through `write`; `on_written` hears when they are there for good.

        At most `most` rows wait in it.
        """
        lane = Lane(write, self._gather, on_written, most)
        self._lanes.append(lane)
        return lane

    async def flush(self) -> bool:
        """Write what waits, now; tell whether that succeeded. What could not be written waits on."""
        return await self._uncancelled(self._flush())

    def tell(self, message: str, hint: str) -> None:
        """Tell the owner of a trouble with this database; empty when it is over."""
        self._on_trouble(message, hint)

    def try_again(self) -> None:
        """Write what waits now, not when it would be tried next: the database is back."""
        if self._retry_s and not self._closing:
            self._wake_in(0)

    async def _flush(self) -> bool:
        async with self._flushing:
            most = self._rows_at_once
            rounds = 1 if most is None else max(map(len, self._lanes), default=0) // most + 1
            for _ in range(rounds):
                if not await self._flush_some(most):
                    return False
            return True

    async def _flush_some(self, most: int | None) -> bool:
        taken = [lane for lane in self._lanes if lane.take(most)]
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
        async def write_all() -> None:
            async with self._transaction() as connection:
                for lane in lanes:
                    await lane.write(connection)

        try:
            # Also after a commit that nobody heard of: lanes may be given again what they have written.
            await self._tried(write_all, lambda: True, self._answer_s)
        except _UNWRITABLE as error:
            log.warning("a batch was refused, writing its rows one by one reason=%s", error)
        else:
            for lane in lanes:
                lane.written()
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


def pending(
    done: Sequence[str], where: str, known: Sequence[migrations.Migration] | None = None
) -> list[migrations.Migration]:
    """The migrations that are missing. Raises `DatabaseTrouble` for a database this version does not know."""
    known = migrations.ALL if known is None else known
    if unknown := set(done) - {migration.__name__ for migration in known}:
        raise DatabaseTrouble(
            "The database was made by a newer GrokDesk.",
            hint=f"Update GrokDesk, or use another {where}. Nothing was changed.",
            detail=f"unknown migrations: {', '.join(sorted(unknown))}",
        )
    return [migration for migration in known if migration.__name__ not in done]
