"""What a way out is worth: does it lead to Grok, by which address, and past whom."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from grokdesk.core import egress
from grokdesk.core.secret import Secret
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.wire import Wire
from grokdesk.providers.reach import Reach
from grokdesk.sim import Simulator, World
from tests import proxies

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


@pytest.fixture
def reach(wire: Wire) -> Reach:
    return Reach(wire, SystemClock())


async def test_upstream_says_how_it_sees_us(reach: Reach, sim: Simulator, world: World) -> None:
    """
    Address, country, time; nobody's cookies are sent.
    """
    found = await reach.test(sim.url, egress.Egress())

    assert (found.reachable, found.address, found.country) == (True, "127.0.0.1", "DE")
    assert found.challenged is False
    assert found.latency_ms is not None
    assert 0 <= found.latency_ms < 2_000
    assert [(seen.path, seen.cookie_names) for seen in world.received] == [("/cdn-cgi/trace", ()), ("/", ())]
    assert world.violations == []


async def test_a_check_in_front_of_grok_is_seen(reach: Reach, sim: Simulator, world: World) -> None:
    """
    Without a clearance; with one, and the browser it was made in, the door is open.
    """
    world.clearance_required = {"cookie": "invented", "user_agent": AGENT}

    without = await reach.test(sim.url, egress.Egress())
    cleared = egress.Egress(user_agent=AGENT, cookies=Secret("sso=never; cf_clearance=invented"))
    with_it = await reach.test(sim.url, cleared)

    assert (without.reachable, without.challenged) == (True, True)
    assert (with_it.reachable, with_it.challenged) == (True, False)
    assert world.received[-1].cookies == {"cf_clearance": "invented"}
    assert world.received[-1].headers["Sec-Ch-Ua-Platform"] == '"Linux"'


async def test_it_goes_by_the_proxy(reach: Reach, sim: Simulator) -> None:
    """
    And by nothing else.
    """
    async with proxies.running("socks5") as proxy:
        address = Secret(f"socks5h://127.0.0.1:{proxy.port}")
        found = await reach.test(sim.url, egress.Egress(name="it", proxy=address))

    assert found.reachable
    assert {visit.port for visit in proxy.visits} == {sim.port}


async def test_a_dead_proxy_is_named(reach: Reach, sim: Simulator, world: World) -> None:
    """
    With what to do, and Grok hears nothing.
    """
    async with proxies.running("http") as proxy:
        pass

    found = await reach.test(sim.url, egress.Egress(proxy=Secret(proxy.address)))

    assert (found.reachable, found.failure) == (False, "The proxy cannot be reached.")
    assert found.hint
    assert world.received == []


@pytest.fixture
async def mirror() -> AsyncIterator[str]:
    """A site that Cloudflare does not front."""

    async def door(_: web.Request) -> web.Response:
        return web.Response(text="Welcome.")

    app = web.Application()
    app.router.add_get("/", door)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_site_that_tells_nothing_is_reachable_all_the_same(reach: Reach, mirror: str) -> None:
    """
    The address is then unknown.
    """
    found = await reach.test(mirror, egress.Egress())

    assert (found.reachable, found.address, found.challenged) == (True, "", False)
