"""What stands between a client and Grok: Cloudflare's door and its trace, and a solver that opens it."""

from __future__ import annotations

import pytest

from grokdesk.sim import World
from tests.sim.caller import Caller

JSON_HEADERS = {"Content-Type": "application/json"}
ASK = {"cmd": "request.get", "url": "https://grok.com", "maxTimeout": 60000}


async def test_anybody_is_told_about_their_connection(caller: Caller, world: World) -> None:
    """
    Check or no check: lines of name and value, the address among them.
    """
    world.clearance_required = {"cookie": "x", "user_agent": "y"}

    status, told = await caller.get("/cdn-cgi/trace", {"User-Agent": "Mozilla/5.0 Test"})

    lines = dict(line.split("=", 1) for line in told.decode().splitlines())
    assert status == 200
    assert (lines["ip"], lines["uag"]) == ("127.0.0.1", "Mozilla/5.0 Test")
    assert world.violations == []


async def test_a_visitor_meets_the_check_and_nothing_else(caller: Caller, world: World) -> None:
    """
    The front page needs no account.
    """
    open_, _ = await caller.get("/", {})
    world.clearance_required = {"cookie": "x", "user_agent": "y"}
    closed, page = await caller.get("/", {})

    assert (open_, closed) == (200, 403)
    assert b"challenge-platform" in page
    assert world.violations == []


async def test_the_solver_keeps_browsers_open(caller: Caller, world: World) -> None:
    """
    Each with the proxy it was made with; one that is only named is made without.
    """
    proxy = {"url": "socks5://proxy:1080", "username": "me", "password": "p"}
    wishes = [
        {"cmd": "sessions.create", "session": "one", "proxy": proxy},
        {"cmd": "sessions.create", "session": "one"},
        {**ASK, "session": "one"},
        {**ASK, "session": "two"},
    ]

    answers = [await caller.post("/v1", JSON_HEADERS, wish) for wish in wishes]
    open_ = dict(world.solver.sessions)
    _, told = await caller.post("/v1", JSON_HEADERS, {"cmd": "sessions.list"})
    gone = [
        (await caller.post("/v1", JSON_HEADERS, {"cmd": "sessions.destroy", "session": "one"}))[0]
        for _ in range(2)
    ]

    assert [status for status, _ in answers] == [200] * 4
    assert [answer["message"] for _, answer in answers[:2]] == [
        "Session created successfully.",
        "Session already exists.",
    ]
    assert (open_, gone) == ({"one": proxy, "two": None}, [200, 500])
    assert (told["sessions"], told["version"]) == (["one", "two"], "3.3.21")
    assert world.violations == []


@pytest.mark.parametrize(
    "wish",
    [
        {**ASK, "cmd": "request.put"},
        {**ASK, "proxy": {"url": "http://me:p@proxy:1"}},
        {**ASK, "proxy": {"url": "http://proxy"}},
        {**ASK, "proxy": {"url": "socks5h://proxy:1"}},
        {**ASK, "session": "one", "proxy": {"url": "http://proxy:1"}},
        {"cmd": "sessions.destroy"},
        [],
    ],
    ids=str,
)
async def test_a_question_the_solver_would_not_understand_is_a_violation(
    caller: Caller, world: World, wish: object
) -> None:
    """
    Other commands; proxies that a browser does not take, or takes for nothing.
    """
    status, answer = await caller.post("/v1", JSON_HEADERS, wish)

    assert (status, answer["status"]) == (500, "error")
    assert world.violations
