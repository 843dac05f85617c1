"""The events of an answer as they come in, in either form of chat."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from grokdesk.core.errors import Garbled, Unreachable, UpstreamTimeout
from grokdesk.core.events import Batch, Event
from grokdesk.core.ports import Clock
from grokdesk.platform.deadlines import Deadline, Deadlines
from grokdesk.platform.wire import Reply, Socket
from grokdesk.providers.grok_web.protocol import payload
from grokdesk.providers.grok_web.protocol.message_gateway import GatewayDecoder
from grokdesk.providers.grok_web.protocol.stream import RestDecoder

_PING_S: Final = 25.0  # protocol/grok-web-chat.md §9.1
_LAST_WORDS_S: Final = 2.0


class RestEvents:
    """The events of a REST answer, everything that has arrived at a time.

    After the soft stop the answer is whole, and the body only has a little more to tell (§8.8): it gets a
    moment for that, and a break then is not a failure.
    """

    def __init__(self, reply: Reply, decoder: RestDecoder) -> None:
        self._reply = reply
        self._decoder = decoder
        self._hurried = False
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._decoder.done or not (data := await self._data()):
                self._over = True
                return self._decoder.end()
            events = self._decoder.feed(data)
            if self._decoder.complete and not self._hurried:
                self._hurried = True
                self._reply.patience(_LAST_WORDS_S)
            if events:
                return events
        raise StopAsyncIteration

    async def _data(self) -> bytes:
        try:
            return await self._reply.chunk()
        except (Unreachable, UpstreamTimeout):
            if self._decoder.complete:
                return b""
            raise


class GatewayEvents:
    """The events of a gateway turn, everything that has arrived at a time."""

    def __init__(self, socket: Socket, decoder: GatewayDecoder, deadlines: Deadlines, clock: Clock) -> None:
        self._socket = socket
        self._decoder = decoder
        self._deadlines = deadlines
        self._clock = clock
        self._messages: deque[bytes] = deque()
        self._ping: Deadline | None = None
        self.over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self.over:
            if self._decoder.done or not await self._has_message():
                self.over = True
                return self._decoder.end()
            events: list[Event] = []
            # What came in one go with a failure is not told: before the first piece another account can then
            # answer in full.
            while self._messages and not self._decoder.done:
                events += self._decoder.feed(self._messages.popleft())
            if events:
                return events
        raise StopAsyncIteration

    async def until_ready(self) -> None:
        """Wait for both acknowledgements (§9.6).

        Raises what `GatewayDecoder` raises when the turn ends before them.
        """
        while not self._decoder.ready:
            if self._decoder.done or not await self._has_message():
                self.over = True
                self._decoder.end()
                raise Garbled("Grok ended the conversation before it began.", detail="no acknowledgement")
            self._decoder.feed(self._messages.popleft())

    @contextmanager
    def pinging(self) -> Iterator[None]:
        """Send the browser's heartbeat while inside (§9.1)."""
        self._ping = self._deadlines.after(_PING_S, self._beat)
        try:
            yield
        finally:
            self._ping.cancel()

    def _beat(self) -> None:
        now_ms = int(self._clock.now() * 1000)
        self._socket.send(payload.ping(f"evt_hb_{now_ms}"))
        if self._ping is not None:
            self._ping.extend(_PING_S)

    async def _has_message(self) -> bool:
        if not self._messages:
            self._messages.extend(await self._socket.messages())
        return bool(self._messages)
