"""Every kind of proxy that an owner may write down is spoken to as it wants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import web

from grokdesk.core.egress import normal_proxy
from grokdesk.core.errors import Unreachable
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Call, Limits, Wire
from tests import proxies
from tests.proxies import Kind, Visit

KINDS: list[Kind] = ["http", "https", "socks4", "socks5"]
# No such name: only who leaves the look-up to the proxy gets anywhere.
HOST = "somewhere.invalid"
USER, PASSWORD = "me@home:%{x}", "p/w@?#:ü"
HOW = {"http": "GET", "https": "GET", "socks4": "SOCKS4A", "socks5": "SOCKS5H"}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def hello(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade") == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("hello")
            await socket.close()
            return socket
        return web.Response(text=f"hello {request.host}")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    deadlines = Deadlines(SystemClock())
    async with Wire(deadlines) as wire:
        yield wire
    deadlines.close()


async def said(wire: Wire, port: int, proxy: str, *, verify: bool = False) -> str:
    limits = Limits(connect_s=5, first_s=5, idle_s=5, total_s=5)
    call = Call("GET", f"http://{HOST}:{port}/", proxy=proxy, verify_proxy=verify, limits=limits)
    async with wire.stream(call) as reply:
        return f"{reply.status} {(await reply.body()).decode()}"


def as_written(proxy: proxies.Proxy, user: str, password: str) -> str:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return normal_proxy(f"{proxy.kind}://{login}127.0.0.1:{proxy.port}")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_proxy_is_used_and_looks_names_up(kind: Kind, wire: Wire, port: int, tmp_path: Path) -> None:
    """
    The call arrives, and it was the proxy who was told the name.
    """
    async with proxies.running(kind, folder=tmp_path) as proxy:
        answer = await said(wire, port, as_written(proxy, "", ""))

    assert answer == f"200 hello {HOST}:{port}"
    assert proxy.visits == [Visit(HOW[kind], HOST, port)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_websocket_goes_through_as_well(kind: Kind, wire: Wire, port: int, tmp_path: Path) -> None:
    """
    By a tunnel, where a proxy would otherwise read along.
    """
    async with proxies.running(kind, folder=tmp_path) as proxy:
        call = Call("GET", f"ws://{HOST}:{port}/", proxy=as_written(proxy, "", ""), verify_proxy=False)
        async with wire.connect(call) as socket:
            messages = await socket.messages()

    assert messages == (b"hello",)
    assert proxy.visits == [Visit("CONNECT" if kind in {"http", "https"} else HOW[kind], HOST, port)]


@pytest.mark.parametrize("kind", KINDS)
async def test_name_and_password_arrive_as_they_are(
    kind: Kind, wire: Wire, port: int, tmp_path: Path
) -> None:
    """
    Whatever characters they are made of. SOCKS4 knows names alone.
    """
    password = "" if kind == "socks4" else PASSWORD
    user = "me-home" if kind == "socks4" else USER.replace(":", "-")
    async with proxies.running(kind, folder=tmp_path) as proxy:
        proxy.user, proxy.password = user, password
        answer = await said(wire, port, as_written(proxy, user, password))

    assert answer.startswith("200")
    assert (proxy.visits[-1].user, proxy.visits[-1].password) == (user, password)


@pytest.mark.parametrize("kind", ["socks4", "socks5"])
async def test_a_proxy_that_lets_nobody_in_is_unreachable(kind: Kind, wire: Wire, port: int) -> None:
    """
    The password is in nothing that is told.
    """
    async with proxies.running(kind, user="me", password="right") as proxy:
        match = "user name and password" if kind == "socks5" else None
        with pytest.raises(Unreachable, match=match) as caught:
            await said(wire, port, as_written(proxy, "you", "hunter2"))

    error = caught.value
    assert "hunter2" not in f"{error.message} {error.hint} {error.detail}"


async def test_a_tunnel_that_is_refused_says_that_the_password_is_wrong(wire: Wire, port: int) -> None:
    """
    As every call to Grok, which is encrypted, hears it.
    """
    async with proxies.running("http", user="me", password="right") as proxy:
        call = Call("GET", f"https://{HOST}:{port}/", proxy=as_written(proxy, "me", "hunter2"))
        with pytest.raises(Unreachable, match="user name and password") as caught:
            async with wire.stream(call):
                raise AssertionError("it must not answer")

    assert "hunter2" not in f"{caught.value.message} {caught.value.hint} {caught.value.detail}"


async def test_the_certificate_of_a_proxy_is_checked_unless_the_owner_says_not(
    wire: Wire, port: int, tmp_path: Path
) -> None:
    """
    One that made its own certificate is refused, and used when it is trusted.
    """
    async with proxies.running("https", folder=tmp_path) as proxy:
        with pytest.raises(Unreachable):
            await said(wire, port, proxy.address, verify=True)
        answer = await said(wire, port, proxy.address, verify=False)

    assert answer.startswith("200")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_dead_proxy_is_unreachable(kind: Kind, wire: Wire, port: int, tmp_path: Path) -> None:
    """
    Whether nobody listens there, or it breaks the connection.
    """
    async with proxies.running(kind, folder=tmp_path) as proxy:
        proxy.die()
        with pytest.raises(Unreachable):
            await said(wire, port, as_written(proxy, "", ""))
    with pytest.raises(Unreachable, match="proxy cannot be reached"):
        await said(wire, port, as_written(proxy, "", ""))
