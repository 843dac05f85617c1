"""Playing frames to a connection: pace, silence, cuts; for both chat forms.

A delay is counted from the moment the frame before was due, so that many slow streams keep their rate on a
busy loop. Frames without delay are collected and written together.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from aiohttp import WSMsgType, web

from grokdesk.sim.frames import Out, Pause, Play, Stop
from grokdesk.sim.world import Outcome, Turn

_SHORTEST_SLEEP_S = 0.001
_WRITE_AT_BYTES = 32_768


class CutOff(Exception):
    """The script ends the connection here."""

    def __init__(self, *, politely: bool) -> None:
        super().__init__(politely)
        self.politely = politely


Watch = Callable[[Turn], AbstractContextManager[None]]
"""A block in which a turn is played; it tells how the turn ended when nobody did."""


class Stage(Protocol):
    """A place to play to."""

    async def show(self, out: Out) -> None:
        """Send, or keep to send with what follows; `CutOff` when the script's last byte is out."""

    async def flush(self) -> None:
        """Send what was kept."""


async def play(plays: Iterable[Play], stage: Stage, turn: Turn) -> bool:
    """Play everything; whether it came to its regular end. Raises `CutOff` where the script cuts."""
    due = turn.monotonic()
    for item in plays:
        match item:
            case Out():
                if item.delay_s > 0:
                    await stage.flush()
                    due += item.delay_s
                    await rest_until(due, turn)
                await stage.show(item)
                turn.pieces_sent += item.is_piece
            case Pause():
                await stage.flush()
                await silence(item.seconds)
                due = turn.monotonic()
            case Stop(failed=True):
                await stage.flush()
                return False
            case Stop():
                await stage.flush()
                raise CutOff(politely=item.politely)
    await stage.flush()
    return True


async def rest_until(due: float, turn: Turn) -> None:
    """Sleep until `due`, or not at all when that is less than a millisecond away."""
    left = due - turn.monotonic()
    if left >= _SHORTEST_SLEEP_S:
        await asyncio.sleep(left)


async def silence(seconds: float | None) -> None:
    """Say nothing for so long; for ever when `None`."""
    if seconds is None:
        # No timer: a cancelled one would stay armed in a Qt loop.
        await asyncio.Event().wait()
    elif seconds > 0:
        await asyncio.sleep(max(seconds, _SHORTEST_SLEEP_S))


class BodyStage:
    """The body of an older-form answer."""

    def __init__(
        self, response: web.StreamResponse, turn: Turn, *, chunk_bytes: int | None, cut_bytes: int | None
    ) -> None:
        self._response = response
        self._turn = turn
        self._chunk_bytes = chunk_bytes
        self._cut_bytes = cut_bytes
        self._kept = bytearray()
        self._end: tuple[int, Outcome] | None = None
        """The byte with which the answer is complete, and what it then is."""

    async def show(self, out: Out) -> None:
        self._kept += out.data
        if out.ends and not self._end:
            self._end = (self._turn.bytes_sent + len(self._kept), out.ends)
        if len(self._kept) >= _WRITE_AT_BYTES:
            await self.flush()

    async def flush(self) -> None:
        if not self._kept:
            return
        data, self._kept = bytes(self._kept), bytearray()
        room = None if self._cut_bytes is None else self._cut_bytes - self._turn.bytes_sent
        if room is not None and len(data) >= room:
            await self._write(data[:room])
            raise CutOff(politely=False)
        await self._write(data)

    async def _write(self, data: bytes) -> None:
        size = self._chunk_bytes or len(data)
        for start in range(0, len(data), max(size, 1)):
            part = data[start : start + size]
            await self._response.write(part)
            self._turn.bytes_sent += len(part)
            if self._end and self._turn.bytes_sent >= self._end[0]:
                self._turn.finish(self._end[1])
            if self._chunk_bytes:
                await asyncio.sleep(0)


class SocketStage:
    """The messages of a gateway answer."""

    def __init__(self, socket: web.WebSocketResponse, turn: Turn, *, cut_bytes: int | None) -> None:
        self._socket = socket
        self._turn = turn
        self._cut_bytes = cut_bytes

    async def show(self, out: Out) -> None:
        kind = WSMsgType.BINARY if out.is_binary else WSMsgType.TEXT
        await self._socket.send_frame(out.data, kind)
        self._turn.bytes_sent += len(out.data)
        if out.ends:
            self._turn.finish(out.ends)
        if self._cut_bytes is not None and self._turn.bytes_sent >= self._cut_bytes:
            raise CutOff(politely=False)

    async def flush(self) -> None:
        """Messages are written as they are shown."""
