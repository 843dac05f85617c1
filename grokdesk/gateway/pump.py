"""Events → socket: writes one stream, keeps it alive in silence, and says so when it cannot be completed.

The client's absence is not handled here: aiohttp cancels the handler, the run's block is left, and upstream
ends.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web

from grokdesk.core.errors import GrokDeskError
from grokdesk.dialects import sse
from grokdesk.dialects.base import Fails
from grokdesk.gateway.ports import Deadline, Deadlines, Spawn


class Pump:
    """The stream to one client. Inside its block, silence of `heartbeat_s` is filled with `heartbeat`.

    A slow client holds up `send`, and with it whoever reads from upstream.
    """

    def __init__(
        self, encoder: Fails, heartbeat: bytes, heartbeat_s: float, deadlines: Deadlines, spawn: Spawn
    ) -> None:
        self.response = web.StreamResponse(
            headers={
                "Content-Type": sse.CONTENT_TYPE,
                "Cache-Control": "no-cache",
                # nginx and its likes would otherwise collect the stream and deliver it in one piece.
                "X-Accel-Buffering": "no",
            }
        )
        self._encoder = encoder
        self._heartbeat = heartbeat
        self._heartbeat_s = heartbeat_s
        self._deadlines = deadlines
        self._spawn = spawn
        self._silence: Deadline | None = None
        self._beating: asyncio.Task[None] | None = None
        self._writing = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if self._beating is not None:
            self._beating.cancel()

    async def begin(self, request: web.Request) -> None:
        """Send the headers. From here on a failure is told inside the stream."""
        await self.response.prepare(request)
        self._silence = self._deadlines.after(self._heartbeat_s, self._silent)

    async def send(self, frames: bytes) -> None:
        """Write `frames`, if any, in one piece. Raises `ConnectionError` when the client has gone."""
        if not frames:
            return
        self._writing += 1
        try:
            await self.response.write(frames)
        finally:
            self._writing -= 1
        if self._silence is not None:
            self._silence.extend(self._heartbeat_s)

    async def fail(self, error: GrokDeskError) -> None:
        """Write the frame that tells the client of `error`. Nothing may follow."""
        await self.send(self._encoder.fail(error))

    def _silent(self) -> None:
        if self._silence is None:
            return
        self._silence.extend(self._heartbeat_s)
        # While a write waits for a slow client, another one would only queue up behind it.
        if not self._writing:
            self._beating = self._spawn(self._beat(), name="heartbeat")

    async def _beat(self) -> None:
        try:
            await self.send(self._heartbeat)
        except ConnectionError:
            return  # the handler is being cancelled for the same reason
