"""Writing to Redis soon: whoever saves something goes on at once, and it is on the server 100 ms later.

Of several changes to one thing only the newest is written. What cannot be written, because the server is
away, waits and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from grokdesk.store.database import (
    BATCH_ROWS,
    MOST_WAITING,
    Conflict,
    DatabaseTrouble,
    OnTrouble,
    Spawn,
    Waiting,
    refusal,
)
from grokdesk.store.redis_server import Server

log = logging.getLogger(__name__)

T = TypeVar("T")

_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 30.0

# Writes things by their id, and may get again what it has written. Raises `ValueError` or `Conflict` for what
# can never be written.
Write = Callable[[Mapping[str, T]], Awaitable[None]]

_UNWRITABLE: Final = (Conflict, ValueError, OverflowError)


class Lane(Waiting[T]):
    """Things of one kind on their way to the server, by their id."""

    def __init__(self, write: Write[T], put: Callable[[], None], most: int = MOST_WAITING) -> None:
        super().__init__(put, most)
        self._write = write

    def waiting(self, key: str) -> T | None:
        """What waits under `key`, unless it is being written."""
        return self._waiting.get(key)

    def is_writing(self, key: str) -> bool:
        """Whether something under `key` is being written at this moment."""
        return key in self._taken

    async def write(self) -> list[str]:
        """Write what waits; return why some never will be. Raises `DatabaseTrouble`; the rest waits on."""
        refused: list[str] = []
        while self.take(BATCH_ROWS):
            written = False
            try:
                refused += await self._batch(self._taken)
                written = True
            finally:
                self.settle(written=written)
        return refused

    async def _batch(self, rows: Mapping[str, T]) -> list[str]:
        try:
            await self._write(rows)
        except _UNWRITABLE as error:
            log.warning("a batch was refused, writing one by one reason=%s", error)
        else:
            return []
        refused: list[str] = []
        for key, value in rows.items():
            try:
                await self._write({key: value})
            except _UNWRITABLE as error:
                refused.append(refusal(key, error))
        return refused


class _AnyLane(Protocol):
    """A `Lane`, whatever is in it."""

    def __len__(self) -> int: ...
    async def write(self) -> list[str]: ...


class Troubles:
    """What the owner is told, when several may have the same to say, or one of them still has.

    `lasting` is said while there is nothing worse; both texts are empty when there is nothing at all.
    """

    def __init__(self, on_trouble: OnTrouble, lasting: tuple[str, str] = ("", "")) -> None:
        self.once: Final = on_trouble
        self._lasting = lasting
        self._told: dict[str, tuple[str, str]] = {}
        self._said = ("", "")
        self._say()

    def tell(self, who: str, error: DatabaseTrouble) -> None:
        """`who` cannot go on because of `error`."""
        self._told[who] = (error.message, error.hint)
        self._say()

    def clear(self, who: str) -> None:
        """`who` goes on."""
        self._told.pop(who, None)
        self._say()

    def _say(self) -> None:
        words = next(iter(self._told.values()), self._lasting)
        if words != self._said:
            self._said = words
            self.once(*words)


class Writer:
    """The one task that writes. Leaving the block writes what waits."""

    def __init__(self, server: Server, troubles: Troubles, *, spawn: Spawn) -> None:
        self._server = server
        self._troubles = troubles
        self._spawn = spawn
        self._lanes: list[_AnyLane] = []
        self._flushing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._retry_s = 0.0
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._server.on_back.append(self._wake.set)
        self._task = self._spawn(self._keep_writing(), name="redis writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wake.set()
        try:
            if self._task is not None:
                await asyncio.wait({self._task})
            # Nobody looks for it any more, and it may be back.
            self._server.away = False
            if not await self.flush():
                log.error("redis closed with changes unwritten count=%d", sum(map(len, self._lanes)))
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def lane(self, write: Write[T], *, most: int = MOST_WAITING) -> Lane[T]:
        """A new lane, whose things go through `write`; at most `most` wait in it."""
        lane = Lane(write, self._gather, most)
        self._lanes.append(lane)
        return lane

    async def flush(self) -> bool:
        """Write what waits, now; tell whether that succeeded. What could not be written waits on."""
        if not any(map(len, self._lanes)):
            return True
        return await self._server.uncancelled(self._flush())

    async def _flush(self) -> bool:
        async with self._flushing:
            refused: list[str] = []
            try:
                for lane in self._lanes:
                    refused += await lane.write()
            except DatabaseTrouble as error:
                self._failed(error)
                return False
            self._succeeded()
            if refused:
                log.error("changes cannot be written and were dropped rows=%s", "; ".join(refused))
                self._troubles.once(
                    "A change could not be saved.",
                    "It is lost when GrokDesk stops. The log says more.",
                )
            return True

    def _gather(self) -> None:
        if self._timer is None and not self._closing:
            self._wake_in(self._server.timing.gather_s)

    def _wake_in(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake.set)

    async def _keep_writing(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            if not await self.flush() and not self._closing:
                self._wake_in(self._retry_s)

    def _failed(self, error: DatabaseTrouble) -> None:
        if not self._retry_s:
            log.error(
                "redis cannot be written, will try again changes=%d reason=%s",
                sum(map(len, self._lanes)),
                error.detail,
            )
        self._troubles.tell("writer", error)
        self._retry_s = min(_LONGEST_RETRY_S, self._retry_s * 2 or _FIRST_RETRY_S)

    def _succeeded(self) -> None:
        if self._retry_s:
            log.info("redis can be written again")
            self._troubles.clear("writer")
        self._retry_s = 0.0
