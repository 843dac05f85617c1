"""A solver is asked as its own API wants it, and what it says is understood."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from aiohttp import web

from grokdesk.core.errors import NoClearance
from grokdesk.core.ports import Clearance
from grokdesk.core.secret import Secret
from grokdesk.platform.wire import IMPERSONATIONS, Wire
from grokdesk.providers.flaresolverr import FlareSolverr, SolverOptions
from grokdesk.providers.grok_web.protocol import headers
from grokdesk.sim import Simulator, World
from tests.make import NOW, Ids

GROK = "https://grok.com"
NO_PROXY = Secret("")
PROXY = Secret("http://user:p%40ss@proxy:8080")


def solver(wire: Wire, address: str, timeout_s: float = 60, *, sessions: bool = False) -> FlareSolverr:
    options = SolverOptions(address, timeout_s, sessions)
    return FlareSolverr(wire, lambda: options, new_id=Ids("id"))


def asked(world: World) -> list[Any]:  # what the wire brought
    return [seen.json for seen in world.received]


@pytest.mark.parametrize("ending", ["", "/", "/v1"])
async def test_a_clearance_comes_with_its_browser(
    sim: Simulator, world: World, wire: Wire, ending: str
) -> None:
    """
    Cookies, their end and the user agent come back as one; the solver's address may have any usual form.
    """
    world.solver.cookie, world.solver.user_agent, world.solver.lasts_s = "solved", "Agent/9", 1_800

    clearance = await solver(wire, sim.url + ending).solve(GROK, NO_PROXY)

    assert clearance == Clearance(Secret("cf_clearance=solved; __cf_bm=demoBm"), "Agent/9", NOW + 1_800)
    assert asked(world) == [{"cmd": "request.get", "url": GROK, "maxTimeout": 60_000}]
    assert world.violations == []


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("http://proxy:1", {"url": "http://proxy:1"}),
        ("http://proxy", {"url": "http://proxy:1080"}),
        ("https://proxy", {"url": "https://proxy:443"}),
        ("socks5h://proxy:1", {"url": "socks5://proxy:1"}),
        ("socks4a://[2001:db8::1]:1", {"url": "socks4://[2001:db8::1]:1"}),
        (PROXY.reveal(), {"url": "http://proxy:8080", "username": "user", "password": "p@ss"}),
        ("http://user@proxy:1", {"url": "http://proxy:1", "username": "user", "password": ""}),
    ],
)
async def test_the_solver_goes_through_the_same_proxy(
    sim: Simulator, world: World, wire: Wire, proxy: str, told: Mapping[str, str]
) -> None:
    """
    Written as a browser takes it: its own schemes, a port, name and password apart from the address.
    """
    await solver(wire, sim.url, 10).solve(GROK, Secret(proxy))

    assert asked(world) == [{"cmd": "request.get", "url": GROK, "maxTimeout": 10_000, "proxy": told}]
    assert world.violations == []


async def test_no_cookies_are_an_answer(sim: Simulator, world: World, wire: Wire) -> None:
    """
    Where no check is needed the clearance is empty.
    """
    world.solver.with_cookies, world.solver.user_agent = False, "Agent/9"

    assert await solver(wire, sim.url).solve(GROK, NO_PROXY) == Clearance(Secret(""), "Agent/9")


async def test_the_solver_s_browser_is_one_we_can_speak_like(
    sim: Simulator, world: World, wire: Wire
) -> None:
    """
    TLS and client hints follow its user agent, on Linux as on any system.
    """
    agent = (await solver(wire, sim.url).solve(GROK, NO_PROXY)).user_agent

    assert headers.impersonation(agent, IMPERSONATIONS) == "chrome142"
    hints = dict(headers.client_hints(agent))
    assert (hints["Sec-Ch-Ua-Platform"], hints["Sec-Ch-Ua-Arch"]) == ('"Linux"', "x86")
    assert '"Google Chrome";v="142"' in hints["Sec-Ch-Ua"]


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "proxy", "message", "hint"),
    [
        ("Error solving the challenge. Timeout after 60.0 seconds.", "", "could not pass", "Try another"),
        (
            "Cloudflare has blocked this request. Probably your IP is banned for this site.",
            "",
            "does not let this address pass",
            "Try another",
        ),
        ("net::ERR_SOCKS", "socks5h://user:p%40ss@proxy:1", "could not pass", "cannot sign in at a SOCKS"),
    ],
)
async def test_a_check_that_was_not_passed_says_what_the_solver_says(
    sim: Simulator, world: World, wire: Wire, said: str, proxy: str, message: str, hint: str
) -> None:
    """
    Its words go to the log, a hint to the owner, and no password anywhere; another way may fare better.
    """
    world.solver.status, world.solver.message = "error", f"{said} at http://user:p%40ss@proxy p@ss"

    with pytest.raises(NoClearance, match=message) as caught:
        await solver(wire, sim.url).solve(GROK, Secret(proxy))

    error = caught.value
    assert said in error.detail
    assert hint in error.hint
    assert not error.everywhere
    assert not proxy or ("p@ss" not in error.detail and "p%40ss" not in error.detail)


async def test_a_solver_that_is_not_there_is_named(wire: Wire) -> None:
    """
    The owner reads that the solver is missing, not that Grok is.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(NoClearance, match="solver does not answer") as caught:
            await solver(wire, address).solve(GROK, NO_PROXY)

    assert caught.value.everywhere


async def test_a_solver_that_never_answers_is_slow(
    sim: Simulator, world: World, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It is given its own time and a little more.
    """
    monkeypatch.setattr("grokdesk.providers.flaresolverr._GRACE_S", 0.05)
    world.solver.delay_s = 30

    with pytest.raises(NoClearance, match=r"slow: it did not answer within \d+ seconds") as caught:
        await solver(wire, sim.url, 0.05).solve(GROK, NO_PROXY)

    assert caught.value.everywhere


# --- browsers kept open -------------------------------------------------------------------------------------


async def test_a_browser_is_kept_for_each_way(sim: Simulator, world: World, wire: Wire) -> None:
    """
    Made with the proxy, used without naming it again, and closed when its way is gone.
    """
    made = solver(wire, sim.url, sessions=True)
    await made.solve(GROK, PROXY)
    await made.solve(GROK, NO_PROXY)
    open_ = dict(world.solver.sessions)

    await made.keep_only({NO_PROXY})
    left = list(world.solver.sessions)
    await made.keep_only(())

    told = {"url": "http://proxy:8080", "username": "user", "password": "p@ss"}
    assert open_ == {"grokdesk-id-1": told, "grokdesk-id-2": None}
    assert [wish["cmd"] for wish in asked(world)] == [
        "sessions.create",
        "request.get",
        "sessions.create",
        "request.get",
        "sessions.destroy",
        "sessions.destroy",
    ]
    assert (left, world.solver.sessions) == (["grokdesk-id-2"], {})
    assert world.violations == []


async def test_a_browser_that_was_lost_gets_its_proxy_again(sim: Simulator, world: World, wire: Wire) -> None:
    """
    A solver that was restarted would otherwise open one without it, and the clearance be worth nothing.
    """
    made = solver(wire, sim.url, sessions=True)
    await made.solve(GROK, PROXY)
    world.solver.sessions.clear()
    world.solver.cookie = "another"

    await made.solve(GROK, PROXY)

    assert world.solver.sessions["grokdesk-id-1"] is not None


async def test_a_browser_that_shows_old_cookies_is_opened_anew(
    sim: Simulator, world: World, wire: Wire
) -> None:
    """
    Who asks again has a reason: the same clearance would be refused again.
    """
    made = solver(wire, sim.url, sessions=True)
    await made.solve(GROK, NO_PROXY)
    before = len(asked(world))

    await made.solve(GROK, NO_PROXY)

    assert [wish["cmd"] for wish in asked(world)[before:]] == [
        "sessions.create",
        "request.get",
        "sessions.destroy",
        "sessions.create",
        "request.get",
    ]


async def test_only_few_browsers_are_kept(sim: Simulator, world: World, wire: Wire) -> None:
    """
    Those used last.
    """
    made = solver(wire, sim.url, sessions=True)

    for number in range(10):
        await made.solve(GROK, Secret(f"http://proxy:{number + 1}"))

    assert len(world.solver.sessions) == 8
    assert "grokdesk-id-1" not in world.solver.sessions


async def test_a_solver_that_is_gone_does_not_hold_up_the_end(
    sim: Simulator, world: World, wire: Wire
) -> None:
    """
    Its browsers cannot be closed, and that is nobody's failure.
    """
    made = solver(wire, sim.url, sessions=True)
    await made.solve(GROK, NO_PROXY)
    await sim.stop()

    await asyncio.wait_for(made.keep_only(()), 2)


# --- solvers that answer strangely --------------------------------------------------------------------------


class Strange:
    """A solver that answers with whatever it holds."""

    def __init__(self) -> None:
        self.answer: bytes = b""
        self.url = ""

    async def answered(self, _: web.Request) -> web.Response:
        return web.Response(body=self.answer)

    def solved(self, **solution: Any) -> None:  # noqa: ANN401 - JSON
        self.answer = orjson.dumps({"status": "ok", "solution": solution})


@pytest.fixture
async def strange() -> AsyncIterator[Strange]:
    strange = Strange()
    app = web.Application()
    app.router.add_post("/v1", strange.answered)
    runner = web.AppRunner(app)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    strange.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield strange
    await runner.cleanup()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>proxy error</html>",
        b"{",
        b"[]",
        b"{}",
        b'{"status":"ok"}',
        b'{"message":3}',
        b"9" * 2_200_000,
    ],
    ids=lambda answer: answer[:20].decode(),
)
async def test_an_answer_that_cannot_be_read_is_named(strange: Strange, wire: Wire, answer: bytes) -> None:
    """
    Something else answers at the solver's address, or it says nothing to go on with, or says it without end.
    """
    strange.answer = answer

    with pytest.raises(NoClearance, match="cannot be read") as caught:
        await solver(wire, strange.url).solve(GROK, NO_PROXY)

    assert caught.value.everywhere


@pytest.mark.parametrize("agent", [None, "", " ", 3, "A" * 513], ids=str)
async def test_an_answer_without_a_user_agent_is_of_no_use(
    strange: Strange, wire: Wire, agent: object
) -> None:
    """
    Cookies are good only for the browser that earned them.
    """
    strange.solved(cookies=[], **({} if agent is None else {"userAgent": agent}))

    with pytest.raises(NoClearance, match="did not say which browser"):
        await solver(wire, strange.url).solve(GROK, NO_PROXY)


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        ({"domain": ".grok.com"}, True),
        ({"domain": "grok.com"}, True),
        ({}, True),
        ({"name": "CF_clearance"}, True),
        ({"name": "_cfuvid"}, True),
        ({"name": "cf_chl_rc_i"}, True),
        ({"name": "sso"}, False),
        ({"name": "i18nextLng"}, False),
        ({"domain": ".example.org"}, False),
        ({"domain": "notgrok.com"}, False),
        ({"domain": "www.grok.com"}, False),
        ({"value": 3}, False),
    ],
    ids=str,
)
async def test_only_cloudflare_s_cookies_for_grok_are_kept(
    strange: Strange, wire: Wire, cookie: Mapping[str, object], kept: bool
) -> None:
    """
    Those of other sites, all that is not Cloudflare's, and what is no cookie stay out of the header.
    """
    one = {"name": "cf_clearance", "value": "x", **cookie}
    strange.solved(userAgent="Agent/9", cookies=[one, "nonsense"])

    clearance = await solver(wire, strange.url).solve(GROK, NO_PROXY)

    assert clearance == Clearance(Secret(f"{one['name']}=x" if kept else ""), "Agent/9")


@pytest.mark.parametrize(
    ("ends", "expires_at"),
    [({"expires": 9.5}, 9.5), ({"expiry": 9}, 9.0), ({"expires": -1}, None), ({"expires": "soon"}, None)],
    ids=str,
)
async def test_the_end_of_a_clearance_is_read(
    strange: Strange, wire: Wire, ends: Mapping[str, object], expires_at: float | None
) -> None:
    """
    Under either of the names solvers use; of the clearance itself, not of what else came with it.
    """
    clearance = {"name": "cf_clearance", "value": "x", **ends}
    strange.solved(userAgent="A", cookies=[{"name": "__cf_bm", "value": "y", "expires": 5}, clearance])

    assert (await solver(wire, strange.url).solve(GROK, NO_PROXY)).expires_at == expires_at


async def test_a_solver_that_is_there_says_so(sim: Simulator, world: World, wire: Wire) -> None:
    """
    Its version, and how many browsers it keeps open; no check is passed for that.
    """
    world.solver.sessions = {"grokdesk-id1": None, "somebody's": None}

    found = await solver(wire, "").look(f"{sim.url}/v1/")

    assert (found.reachable, found.version, found.browsers, found.ours) == (True, "3.3.21", 2, 1)
    assert found.latency_ms is not None
    assert asked(world) == [{"cmd": "sessions.list"}]
    assert world.solver.solved == 0
    assert world.violations == []


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"message": "no"}'])
async def test_something_else_at_the_solver_s_address_is_told(
    strange: Strange, wire: Wire, answer: bytes
) -> None:
    """
    It is not taken for a solver.
    """
    strange.answer = answer

    found = await solver(wire, "").look(strange.url)

    assert (found.reachable, found.failure) == (False, "The Cloudflare solver's answer cannot be read.")
    assert found.hint


async def test_a_solver_without_a_list_of_browsers_is_there_all_the_same(
    strange: Strange, wire: Wire
) -> None:
    """
    It passes checks, which is what it is for.
    """
    strange.answer = b'{"status": "error", "message": "unknown command", "version": 3}'

    found = await solver(wire, "").look(strange.url)

    assert (found.reachable, found.version, found.browsers) == (True, "3", 0)


async def test_where_nothing_answers_there_is_no_solver(wire: Wire) -> None:
    """
    The reason is a sentence, not an error.
    """
    found = await solver(wire, "").look("http://127.0.0.1:9")

    assert (found.reachable, found.failure) == (False, "The Cloudflare solver does not answer.")
