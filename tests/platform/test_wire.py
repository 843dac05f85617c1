"""The promises of the wire: status first, immediate abort, bounded memory, a refusal with its body."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMsgType, web

from grokdesk.core.errors import Garbled, Unreachable, UpstreamTimeout
from grokdesk.platform import wire as wire_module
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Call, Limits, Wire

SOON_S = 0.1


class Server:
    """A loopback server that notes when its clients leave."""

    def __init__(self) -> None:
        self.url = ""
        self.left_at: float | None = None
        self.sent = 0
        self.heard: list[str] = []
        self.headers: dict[str, str] = {}

    async def hold(self, request: web.Request) -> web.StreamResponse:
        """Never answers."""
        await self._until_left(request)
        return web.Response()

    async def drip(self, request: web.Request) -> web.StreamResponse:
        """Sends one piece, then nothing."""
        self.headers = dict(request.headers)
        response = web.StreamResponse(headers={"X-One": "1"})
        await response.prepare(request)
        await response.write(b"first")
        await self._until_left(request)
        return response

    async def flood(self, request: web.Request) -> web.StreamResponse:
        """Sends 64 MB as fast as it is taken."""
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1024):
            await response.write(b"x" * 65536)
            self.sent += 65536
        return response

    async def refuse(self, _request: web.Request) -> web.StreamResponse:
        """Says no, with reasons."""
        return web.Response(status=403, text="Just a moment" * 1000, headers={"cf-mitigated": "challenge"})

    async def decline(self, request: web.Request) -> web.StreamResponse:
        """Answers with the status in the query and keeps the connection."""
        return web.Response(status=int(request.query["status"]), text="no")

    async def cut(self, request: web.Request) -> web.StreamResponse:
        """Breaks off in the middle."""
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"half")
        await asyncio.sleep(0.01)
        assert request.transport is not None
        request.transport.abort()
        return response

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Repeats what it hears, twice, with a ping and a binary message between."""
        socket = web.WebSocketResponse(autoping=False, max_msg_size=64 << 20)
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type == WSMsgType.PONG:
                    self.heard.append("pong")
                    continue
                self.heard.append(message.data)
                await socket.send_str(message.data)
                await socket.send_bytes(b"\x00binary")
                await socket.ping(b"are you there")
                await socket.send_str("again")
        finally:
            self.left_at = time.monotonic()
        return socket

    async def _until_left(self, request: web.Request) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            self.left_at = time.monotonic()

    async def left(self) -> float:
        for _ in range(200):
            if self.left_at is not None:
                return self.left_at
            await asyncio.sleep(0.005)
        raise AssertionError("the server never saw the client leave")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    for name in ("hold", "drip", "flood", "refuse", "decline", "cut", "socket"):
        app.router.add_route("*", f"/{name}", getattr(server, name))
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None  # noqa: SLF001 - aiohttp has no public way to the port
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined] # noqa: SLF001 - same
    server.url = f"http://127.0.0.1:{port}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    deadlines = Deadlines(SystemClock())
    async with Wire(deadlines) as wire:
        yield wire
    deadlines.close()


async def test_leaving_before_the_first_byte_ends_the_request_at_once(server: Server, wire: Wire) -> None:
    """
    A cancelled call whose upstream has not answered is gone from the upstream within 100 ms.
    """

    async def call() -> None:
        async with wire.stream(Call("POST", f"{server.url}/hold", body=b"{}")):
            raise AssertionError("it must not answer")

    async with asyncio.TaskGroup() as group:
        task = group.create_task(call())
        await asyncio.sleep(0.1)
        left_at = time.monotonic()
        task.cancel()

    assert await server.left() - left_at < SOON_S


async def test_leaving_in_the_middle_ends_the_request_at_once(server: Server, wire: Wire) -> None:
    """
    Leaving the block after the first piece is seen by the upstream within 100 ms.
    """
    async with wire.stream(Call("GET", f"{server.url}/drip")) as reply:
        piece = await reply.chunk()
        left_at = time.monotonic()

    assert (reply.status, reply.headers["x-one"], piece) == (200, "1", b"first")
    assert await server.left() - left_at < SOON_S


async def test_a_slow_reader_pauses_the_transfer(server: Server, wire: Wire) -> None:
    """
    Nobody reads: at most a few megabytes are taken from 64; reading on gets all of them.
    """
    async with wire.stream(Call("GET", f"{server.url}/flood")) as reply:
        await asyncio.sleep(0.5)
        taken_unread = server.sent
        total = 0
        while piece := await reply.chunk():
            total += len(piece)

    assert taken_unread < 16 * wire_module.HIGH_WATER
    assert total == 1024 * 65536


async def test_a_refusal_keeps_its_body(server: Server, wire: Wire) -> None:
    """
    Status, headers and body of a refusal arrive, also when it refuses a WebSocket.
    """
    async with wire.stream(Call("GET", f"{server.url}/refuse")) as plain:
        plain_body = await plain.body()
    async with wire.connect(Call("GET", f"{server.url.replace('http', 'ws')}/refuse")) as socket:
        socket_body = await socket.body()

    assert (plain.status, socket.status, socket.is_open) == (403, 403, False)
    assert plain.headers["cf-mitigated"] == socket.headers["cf-mitigated"] == "challenge"
    assert plain_body == socket_body == b"Just a moment" * 1000


async def test_a_cut_is_unreachable_after_what_came(server: Server, wire: Wire) -> None:
    """
    What arrived before a break is read, then the break is an error.
    """
    async with wire.stream(Call("GET", f"{server.url}/cut")) as reply:
        piece = await reply.chunk()
        with pytest.raises(Unreachable, match="broke in the middle"):
            await reply.chunk()

    assert piece == b"half"


@pytest.mark.parametrize("size", [1, 125, 126, 65_535, 65_536, 3_000_000])
async def test_a_socket_carries_messages_of_any_size_both_ways(server: Server, wire: Wire, size: int) -> None:
    """
    Text of every frame length comes back whole; binary is skipped, pings are answered.
    """
    text = "ü" * (size // 2) + "x" * (size % 2)
    got: list[bytes] = []

    async with wire.connect(Call("GET", f"{server.url.replace('http', 'ws')}/socket")) as socket:
        socket.send(text.encode())
        while len(got) < 2:
            got += await socket.messages()
        await asyncio.sleep(0.05)
        socket.close()

    await server.left()
    assert got == [text.encode(), b"again"]
    assert server.heard == [text, "pong"]


async def test_leaving_a_socket_is_seen_at_once(server: Server, wire: Wire) -> None:
    """
    The upstream sees a WebSocket end within 100 ms of leaving the block, without a goodbye.
    """
    async with wire.connect(Call("GET", f"{server.url.replace('http', 'ws')}/socket")) as socket:
        assert socket.is_open
        left_at = time.monotonic()

    assert await server.left() - left_at < SOON_S


async def test_headers_go_out_in_order_and_as_they_are(server: Server, wire: Wire) -> None:
    """
    Nothing is added to the headers of a call but what HTTP needs, and empty values survive.
    """
    wanted = [("User-Agent", "Test/1"), ("Sec-Ch-Ua-Model", ""), ("X-B", "2"), ("X-A", "1")]

    async with wire.stream(Call("GET", f"{server.url}/drip", wanted)) as reply:
        await reply.chunk()

    assert [(name, value) for name, value in server.headers.items() if name != "Host"] == wanted


@pytest.mark.parametrize(
    ("limits", "path", "message"),
    [
        (Limits(first_s=0.2), "hold", "did not begin"),
        (Limits(idle_s=0.2), "drip", "middle of its answer"),
        (Limits(total_s=0.3), "drip", "longer than"),
    ],
)
async def test_silence_ends_in_a_timeout_that_says_which(
    server: Server, wire: Wire, limits: Limits, path: str, message: str
) -> None:
    """
    No beginning, a pause, and an answer without end are told apart.
    """

    async def read() -> None:
        async with wire.stream(Call("GET", f"{server.url}/{path}", limits=limits)) as reply:
            while await reply.chunk():
                pass

    with pytest.raises(UpstreamTimeout, match=message):
        await read()


@asynccontextmanager
async def raw_server(answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """A server that answers each connection's first bytes with `answer` and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(head))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_handshake_answered_with_a_wrong_proof_is_garbled(wire: Wire) -> None:
    """
    A 101 whose Sec-WebSocket-Accept does not fit is not taken for a WebSocket.
    """
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n"

    async with raw_server(lambda _: head) as port:
        with pytest.raises(Garbled):
            async with wire.connect(Call("GET", f"ws://127.0.0.1:{port}/")):
                pass


@pytest.mark.parametrize("status", [200, 204, 302, 404, 503])
async def test_a_handshake_that_is_not_answered_with_101_comes_to_an_end(
    server: Server, wire: Wire, status: int
) -> None:
    """
    On a connection that stays open, and with success too, when libcurl would go on with our endless upload.
    """
    limits = Limits(first_s=5, idle_s=5)

    async with (
        asyncio.timeout(2),
        wire.connect(Call("GET", f"{server.url}/decline?status={status}", limits=limits)) as socket,
    ):
        body = await socket.body()

    assert (socket.is_open, socket.status, body) == (False, status, b"" if status == 204 else b"no")


async def test_interim_answers_are_not_the_answer(wire: Wire) -> None:
    """
    103 Early Hints before the real status is skipped.
    """
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    async with (
        raw_server(lambda _: answer) as port,
        wire.stream(Call("GET", f"http://127.0.0.1:{port}/")) as reply,
    ):
        body = await reply.body()

    assert (reply.status, body, "link" in reply.headers) == (200, b"ok", False)


async def test_nothing_listening_is_unreachable_and_names_the_host(wire: Wire) -> None:
    """
    A refused connection says which host and which way.
    """
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached directly"):
        async with wire.stream(Call("GET", "http://127.0.0.1:9/")):
            pass
