"""The Responses API in a WebSocket: turn after turn on one connection, each sending only what is new.

A turn is a `response.create`; the events of its answer come back one a message. Turns with the same
`stream_id` (or none) wait for each other, those of different ones do not. Answers that are not to be stored
are remembered as long as the connection lasts.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from typing import Any, Final

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from grokdesk.core.errors import GrokDeskError, InvalidRequest
from grokdesk.core.runs import Caller, kept_of
from grokdesk.dialects.openai_responses import resource
from grokdesk.dialects.openai_responses.encode import (
    ResponsesEncoder,
    payloads_of,
    socket_error,
    steer_refused,
)
from grokdesk.gateway.exchange import EXCHANGE
from grokdesk.gateway.files import links_for
from grokdesk.gateway.ports import Services
from grokdesk.gateway.pump import Pump
from grokdesk.gateway.responses import DIALECT, Turn, tell, tell_nothing, understood

_MEGABYTE: Final = 1024 * 1024
_REMEMBERED: Final = 16
_MOST_STREAMS: Final = 16
_MOST_WAITING: Final = 32
_CONTINUES: Final = frozenset({"completed", "incomplete"})
# Members that only HTTP has.
_TRANSPORT: Final = frozenset({"type", "stream", "stream_options", "stream_id"})


async def connect(request: web.Request, services: Services) -> web.StreamResponse:
    """Hold a connection until the client closes it."""
    limit = services.settings.now.gateway.max_body_mb * _MEGABYTE
    # Packing every piece costs more than it saves on the way to a program of this machine.
    socket = web.WebSocketResponse(max_msg_size=limit, compress=False)
    if not socket.can_prepare(request):
        raise web.HTTPMethodNotAllowed("GET", ["POST"])
    await socket.prepare(request)
    session = Session(request, services, socket)
    sessions = request.app[SESSIONS]
    sessions.add(session)
    try:
        await session.listen()
    finally:
        sessions.discard(session)
    return socket


class Session:
    """One connection."""

    def __init__(self, request: web.Request, services: Services, socket: web.WebSocketResponse) -> None:
        exchange = request[EXCHANGE]
        self._services = services
        self._socket = socket
        self._client = exchange.client(request)
        self._link = links_for(request, services)
        self._memory: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._streams: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._turns = 0
        self._is_retiring = False
        # A fault of ours is told through it.
        exchange.pump = _SocketPump(socket, services)

    async def listen(self) -> None:
        """Take messages until the client closes the connection; turns that are being answered then end."""
        async with asyncio.TaskGroup() as group:
            tasks: list[asyncio.Task[None]] = []
            async for message in self._socket:
                if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    continue
                try:
                    said = _message(message.data)
                    if said.get("type") == "response.steer":
                        await self._say(steer_refused(said))
                        continue
                    stream = self._accept(said)
                except GrokDeskError as error:
                    await self._say(socket_error(error))
                    continue
                if stream is not None:
                    tasks.append(group.create_task(self._answer(stream)))
            for task in tasks:
                task.cancel()

    def retire(self) -> None:
        """Close the connection as soon as nothing is being answered."""
        self._is_retiring = True
        if not self._turns:
            self._services.spawn(self._leave(), name="close socket")

    async def _leave(self) -> None:
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"The gateway is stopping.")

    # -- messages

    def _accept(self, message: dict[str, Any]) -> str | None:
        """Put a turn into the queue of its stream; return the stream when it is new.

        Raises `InvalidRequest`.
        """
        if message.get("type") != "response.create":
            raise InvalidRequest("'type' must be 'response.create'.", param="type")
        stream = message.get("stream_id") or ""
        if not isinstance(stream, str):
            raise InvalidRequest("'stream_id' must be a string.", param="stream_id")
        is_new = stream not in self._streams
        if is_new and len(self._streams) >= _MOST_STREAMS:
            raise InvalidRequest(
                f"At most {_MOST_STREAMS} streams fit into one connection.", param="stream_id"
            )
        queue = self._streams.setdefault(stream, asyncio.Queue())
        if queue.qsize() >= _MOST_WAITING:
            raise InvalidRequest("Too many turns are waiting in this stream.", param="stream_id")
        queue.put_nowait(message)
        self._turns += 1
        return stream if is_new else None

    async def _answer(self, stream: str) -> None:
        """Answer the turns of one stream, one after the other."""
        queue = self._streams[stream]
        while True:
            message = await queue.get()
            try:
                await self._turn(message, stream)
            except ConnectionError:
                return  # the handler is being cancelled for the same reason
            finally:
                self._turns -= 1
            if self._is_retiring:
                self.retire()

    async def _turn(self, message: dict[str, Any], stream: str) -> None:
        encoder: ResponsesEncoder | None = None
        is_warm_up = message.get("generate") is False

        async def send(frames: bytes) -> None:
            for payload in payloads_of(frames):
                await self._say(_in_stream(payload, stream))

        try:
            turn = await self._understood(message, may_be_empty=is_warm_up)
            encoder = turn.encoder(self._services, lambda ended: self._remember(turn, ended))
            if is_warm_up:
                await tell_nothing(turn, encoder, send)
            else:
                keeps = self._services.settings.now.privacy.keep_prompts
                body = kept_of(orjson.dumps(_asked(message))) if keeps else b""
                caller = Caller("responses", stream=True, request_id=f"req_{turn.stamp.id}", body=body)
                await tell(self._services, turn, encoder, self._client, self._link, send, caller)
        except GrokDeskError as error:
            # What a turn that failed continued from is in doubt; the client starts again with all of it.
            self._memory.pop(str(message.get("previous_response_id")), None)
            if encoder is not None and encoder.events:
                await send(encoder.failed(error))
            else:
                await self._say(socket_error(error, stream))

    async def _understood(self, message: dict[str, Any], *, may_be_empty: bool) -> Turn:
        if message.get("background"):
            raise InvalidRequest("There is no background in a WebSocket.", param="background")
        body = orjson.dumps(_asked(message))
        owner = secrets.token_hex(16)
        return await understood(body, owner, self._services, memory=self._memory, may_be_empty=may_be_empty)

    def _remember(self, turn: Turn, encoder: ResponsesEncoder) -> None:
        if turn.is_kept or encoder.response["status"] not in _CONTINUES:
            return
        output = orjson.dumps(encoder.response["output"]).decode()
        # `listed` holds what came before when that is only remembered here.
        before = turn.before if turn.continues else ()
        self._memory[turn.id] = (*before, turn.listed, output)
        while len(self._memory) > _REMEMBERED:
            self._memory.popitem(last=False)

    async def _say(self, payload: bytes) -> None:
        await self._socket.send_str(payload.decode())


# `app[SESSIONS]`; those that are open, so that stopping need not wait for idle ones.
SESSIONS: Final[web.AppKey[set[Session]]] = web.AppKey("SESSIONS", set[Session])


class _SocketPump(Pump):
    """Stands where the pump of a stream would: the middleware tells failures through it."""

    def __init__(self, socket: web.WebSocketResponse, services: Services) -> None:
        heartbeat_s = services.settings.now.gateway.heartbeat_s
        encoder = ResponsesEncoder(resource.unknown())
        super().__init__(encoder, DIALECT.heartbeat, heartbeat_s, services.deadlines, services.spawn)
        self.response = socket
        self._socket = socket

    async def fail(self, error: GrokDeskError) -> None:
        """Send the message that tells the client of `error`."""
        if not self._socket.closed:
            await self._socket.send_str(socket_error(error).decode())


def _message(data: str | bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The message is not valid JSON: {error}.") from None
    if not isinstance(message, dict):
        raise InvalidRequest("The message must be a JSON object.")
    return message


def _asked(message: dict[str, Any]) -> dict[str, Any]:
    """What a request of its own would have in its body."""
    return {name: value for name, value in message.items() if name not in _TRANSPORT}


def _in_stream(payload: bytes, stream: str) -> bytes:
    return payload[:-1] + b',"stream_id":' + orjson.dumps(stream) + b"}" if stream else payload
