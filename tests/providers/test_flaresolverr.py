"""A solver is asked as its own API wants it, and what it says is understood."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
import pytest
from aiohttp import web

from grokdesk.core.errors import Challenged, Unreachable
from grokdesk.core.ports import Clearance
from grokdesk.core.secret import Secret
from grokdesk.platform.wire import Wire
from grokdesk.providers.flaresolverr import FlareSolverr
from grokdesk.sim import Simulator, World

GROK = "https://grok.com"
NO_PROXY = Secret("")


@pytest.mark.parametrize("ending", ["", "/", "/v1"])
async def test_a_clearance_comes_with_its_browser(
    sim: Simulator, world: World, wire: Wire, ending: str
) -> None:
    """
    The solver's cookies and user agent come back as one; its address may be given in any usual form.
    """
    world.solver.cookie, world.solver.user_agent = "solved", "Agent/9"

    clearance = await FlareSolverr(wire, sim.url + ending, 60).solve(GROK, NO_PROXY)

    assert clearance == Clearance(Secret("cf_clearance=solved; __cf_bm=demoBm"), "Agent/9")
    assert world.received[-1].json == {"cmd": "request.get", "url": GROK, "maxTimeout": 60_000}
    assert world.violations == []


async def test_the_solver_goes_through_the_same_proxy(sim: Simulator, world: World, wire: Wire) -> None:
    """
    A clearance is worth something only for the way it was made on.
    """
    await FlareSolverr(wire, sim.url, 10).solve(GROK, Secret("http://user:pass@proxy:1"))

    assert world.received[-1].json == {
        "cmd": "request.get",
        "url": GROK,
        "maxTimeout": 10_000,
        "proxy": {"url": "http://user:pass@proxy:1"},
    }
    assert world.violations == []


async def test_no_cookies_are_an_answer(sim: Simulator, world: World, wire: Wire) -> None:
    """
    Where no check is needed the clearance is empty.
    """
    world.solver.with_cookies, world.solver.user_agent = False, "Agent/9"

    assert await FlareSolverr(wire, sim.url, 60).solve(GROK, NO_PROXY) == Clearance(Secret(""), "Agent/9")


async def test_a_check_that_was_not_passed_is_a_challenge(sim: Simulator, world: World, wire: Wire) -> None:
    """
    What the solver says about it goes to the log, a hint to the owner.
    """
    world.solver.status = "error"

    with pytest.raises(Challenged, match="could not pass") as caught:
        await FlareSolverr(wire, sim.url, 60).solve(GROK, NO_PROXY)

    assert "Timeout after" in caught.value.detail
    assert caught.value.hint


async def test_a_solver_that_is_not_there_is_unreachable(wire: Wire) -> None:
    """
    The owner reads that the solver is missing, not that Grok is.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(Unreachable, match="solver does not answer"):
            await FlareSolverr(wire, address, 60).solve(GROK, NO_PROXY)


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


@pytest.mark.parametrize("answer", [b"", b"<html>proxy error</html>", b"{"])
async def test_an_answer_that_is_not_json_is_named(strange: Strange, wire: Wire, answer: bytes) -> None:
    """
    Something else answers at the solver's address.
    """
    strange.answer = answer

    with pytest.raises(Unreachable, match="cannot be read"):
        await FlareSolverr(wire, strange.url, 60).solve(GROK, NO_PROXY)


@pytest.mark.parametrize(
    "answer", [[], {}, {"status": "ok"}, {"status": "ok", "solution": []}, {"message": 3}], ids=str
)
async def test_an_answer_without_a_solution_is_a_challenge(
    strange: Strange, wire: Wire, answer: object
) -> None:
    """
    Whatever its form: there is nothing to go on with.
    """
    strange.answer = orjson.dumps(answer)

    with pytest.raises(Challenged):
        await FlareSolverr(wire, strange.url, 60).solve(GROK, NO_PROXY)


@pytest.mark.parametrize(
    ("cookie", "kept"),
    [
        ({"domain": ".grok.com"}, True),
        ({"domain": "grok.com"}, True),
        ({}, True),
        ({"domain": ".example.org"}, False),
        ({"domain": "notgrok.com"}, False),
        ({"domain": "www.grok.com"}, False),
        ({"value": 3}, False),
    ],
    ids=str,
)
async def test_only_cookies_for_grok_are_kept(
    strange: Strange, wire: Wire, cookie: Mapping[str, object], kept: bool
) -> None:
    """
    Those of other sites, and what is no cookie, stay out of the header.
    """
    strange.solved(cookies=[{"name": "cf_clearance", "value": "x", **cookie}, "nonsense"])

    clearance = await FlareSolverr(wire, strange.url, 60).solve(GROK, NO_PROXY)

    assert clearance == Clearance(Secret("cf_clearance=x" if kept else ""), "")
