"""Listening: where the gateway stands, busy ports, and how it stops."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from grokdesk.core.events import TextPiece
from grokdesk.core.notices import GatewayChanged, GatewayPhase
from grokdesk.gateway.server import CannotListen
from tests.gateway.conftest import World
from tests.gateway.fakes import KEY, finished, settle, started

ASK = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def phases(world: World) -> list[GatewayPhase]:
    return [notice.state.phase for notice in world.notices if isinstance(notice, GatewayChanged)]


async def test_starting_and_stopping_is_told(idle: World) -> None:
    """
    Observers hear each step; the address is the real one while it listens.
    """
    await idle.gateway.start()
    running = idle.gateway.state
    await idle.gateway.stop()

    assert running.port > 0
    assert running.base_url == f"http://127.0.0.1:{running.port}/v1"
    assert phases(idle) == [
        GatewayPhase.STARTING,
        GatewayPhase.RUNNING,
        GatewayPhase.STOPPING,
        GatewayPhase.STOPPED,
    ]


async def test_starting_and_stopping_may_be_repeated(idle: World) -> None:
    """
    Twice changes nothing; afterwards it can start again.
    """
    await idle.gateway.start()
    await idle.gateway.start()
    await idle.gateway.stop()
    await idle.gateway.stop()
    await idle.gateway.start()

    async with aiohttp.ClientSession() as http, http.get(idle.root + "/healthz") as response:
        assert response.status == 200
    await idle.gateway.stop()


async def test_a_busy_port_is_not_changed_but_told(idle: World, taken: int) -> None:
    """
    The sentence names the port, and the program when the system tells; a free port is offered.
    """
    idle.set_gateway(port=taken)

    with pytest.raises(CannotListen, match=f"Port {taken} is in use by ") as caught:
        await idle.gateway.start()

    state = idle.gateway.state
    assert state.phase is GatewayPhase.FAILED
    assert (state.error, state.hint) == (caught.value.message, caught.value.hint)
    assert state.port == taken
    assert taken < state.free_port <= 65535
    assert str(state.free_port) in state.hint
    if sys.platform == "linux":
        assert "(process " in state.error


async def test_the_offered_port_can_be_taken(idle: World, taken: int) -> None:
    """
    A failed start leaves nothing behind that is in the way.
    """
    idle.set_gateway(port=taken)
    with pytest.raises(CannotListen):
        await idle.gateway.start()

    idle.set_gateway(port=idle.gateway.state.free_port)
    await idle.gateway.start()

    assert idle.gateway.state.phase is GatewayPhase.RUNNING
    assert idle.gateway.state.error == ""
    await idle.gateway.stop()


@pytest.mark.parametrize("host", ["203.0.113.7", "no..name"])
async def test_an_address_this_machine_does_not_have_is_refused_in_words(idle: World, host: str) -> None:
    """
    The hint names the setting.
    """
    idle.set_gateway(host=host)

    with pytest.raises(CannotListen) as caught:
        await idle.gateway.start()

    assert host in caught.value.message
    assert "gateway.host" in caught.value.hint


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_clients_may_say_localhost(idle: World, host: str) -> None:
    """
    Whichever of the two the gateway was told to listen on.
    """
    idle.set_gateway(host=host)
    await idle.gateway.start()
    port = idle.gateway.state.port

    async with aiohttp.ClientSession() as http:
        for name in ("localhost", "127.0.0.1"):
            async with http.get(f"http://{name}:{port}/healthz") as response:
                assert response.status == 200

    await idle.gateway.stop()


async def test_stopping_waits_for_what_is_being_answered(world: World, http: aiohttp.ClientSession) -> None:
    """
    A stream that ends in time is complete; whoever comes meanwhile on an open connection is turned away.
    """
    go_on = asyncio.Event()
    world.engine.says([started(), TextPiece("Hel")], go_on, [TextPiece("lo"), finished()])
    async with http.get("/healthz") as response:
        await response.read()

    async with http.post("/v1/chat/completions", json=ASK) as stream:
        await stream.content.readuntil(b"Hel")
        async with aiohttp.ClientSession(world.root) as other:
            async with other.get("/healthz") as response:
                await response.read()
            stopping = asyncio.get_running_loop().create_task(world.gateway.stop())
            await settle()
            async with other.get("/healthz") as response:
                turned_away = response.status, response.headers["Connection"]
        go_on.set()
        rest = await stream.content.read()
    await stopping

    assert turned_away == (503, "close")
    assert rest.endswith(b"data: [DONE]\n\n")
    assert world.gateway.state.phase is GatewayPhase.STOPPED


async def test_stopping_ends_what_takes_too_long(world: World, http: aiohttp.ClientSession) -> None:
    """
    After the grace the run is left, and its upstream with it.
    """
    world.engine.says([started(), TextPiece("Hel")], asyncio.Event())

    async with http.post("/v1/chat/completions", json=ASK) as stream:
        await stream.content.readuntil(b"Hel")
        stopping = asyncio.get_running_loop().create_task(world.gateway.stop(grace_s=5))
        await settle()
        world.deadlines.advance(5)
        await stopping
        with pytest.raises(aiohttp.ClientError):
            await stream.content.read()

    assert world.engine.in_flight == 0
    assert world.gateway.in_flight == 0
    assert world.deadlines.armed == set()


async def test_noise_on_the_port_is_survived(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """
    Something that is not HTTP gets an answer and does no harm.
    """
    caplog.set_level(logging.CRITICAL, "aiohttp.server")
    reader, writer = await asyncio.open_connection("127.0.0.1", world.gateway.state.port)
    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")

    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.0 400")
    async with aiohttp.ClientSession() as http, http.get(world.root + "/healthz") as response:
        assert response.status == 200


async def test_an_expectation_nobody_has_is_refused(world: World, http: aiohttp.ClientSession) -> None:
    """
    Before the gateway has a say in it.
    """
    async with http.get("/healthz", headers={"Expect": "magic"}) as response:
        assert response.status == 417


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_the_other_loopback_address_can_be_listened_on(idle: World) -> None:
    """
    Its address is written in brackets, and clients may name it so.
    """
    idle.set_gateway(host="[::1]")
    try:
        await idle.gateway.start()
    except CannotListen:
        pytest.skip("this machine has no ::1")

    state = idle.gateway.state
    assert state.base_url == f"http://[::1]:{state.port}/v1"
    async with aiohttp.ClientSession() as http, http.get(idle.root + "/healthz") as response:
        assert response.status == 200
    await idle.gateway.stop()
