"""The way out: proxies move once, the solver is asked once, everybody shares what came of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from grokdesk.core.errors import Challenged, Overloaded, Unreachable, UpstreamError
from grokdesk.core.notices import Bus, EgressChanged, Notice
from grokdesk.core.ports import Clearance
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.egress import EgressService
from tests import make
from tests.engine.stage import ScriptedSolver, until
from tests.make import Clock

ONE, TWO, THREE = "http://one:1", "http://two:2", "http://three:3"
PROXIES: dict[str, Any] = {"mode": "proxies", "proxies": [ONE, TWO, THREE]}
SOLVER: dict[str, Any] = {"clearance": "flaresolverr", "solver_url": "http://solver:8191"}
FIRST = Clearance(Secret("cf_clearance=first"), "Agent/1")
SECOND = Clearance(Secret("cf_clearance=second"), "Agent/2")
ACCOUNT = make.account("a")


class World:
    """The service, what it told, and its solver."""

    def __init__(self, solver: ScriptedSolver | None = None, **egress: Any) -> None:  # noqa: ANN401 - settings
        self.live = Live(Settings.model_validate({"egress": egress}))
        self.told: list[Notice] = []
        self.clock = Clock()
        self.solver = solver
        bus = Bus()
        bus.subscribe(self.told.append)
        self.service = EgressService(self.live, bus, self.clock, lambda: self.solver)

    def change(self, section: str, **values: Any) -> None:  # noqa: ANN401 - settings
        current = self.live.now.model_dump()
        current[section].update(values)
        self.live.set(Settings.model_validate(current))

    async def call(self, failure: UpstreamError | None = None) -> str:
        """One call; returns the name of its way out and its cookies."""
        try:
            async with self.service.lease(ACCOUNT) as way:
                if failure is not None:
                    raise failure
        except UpstreamError as error:
            if error is not failure:
                raise
        return f"{way.egress.name} {way.egress.cookies.reveal()}".strip()


# --- proxies ------------------------------------------------------------------------------------------------


async def test_without_proxies_the_way_is_direct() -> None:
    """
    Listed proxies are not used until the owner says so.
    """
    made = World(proxies=[ONE], user_agent="Mozilla/5.0 Test")

    async with made.service.lease(ACCOUNT) as way:
        egress = way.egress

    assert (egress.name, egress.proxy, egress.user_agent) == ("direct", Secret(""), "Mozilla/5.0 Test")
    assert egress.verify


async def test_a_proxy_is_kept_until_it_fails() -> None:
    """
    One proxy for everybody; a failure of the connection moves on and is told, one of upstream does not.
    """
    made = World(**PROXIES)

    names = [await made.call(), await made.call(Overloaded("busy")), await made.call(Unreachable("x"))]

    assert names == [ONE, ONE, ONE]
    assert await made.call() == TWO
    assert made.told == [EgressChanged()]


async def test_many_failures_on_one_proxy_move_on_once() -> None:
    """
    Ten requests that fail on the same proxy together do not skip nine good ones.
    """
    made = World(**PROXIES)
    gate = asyncio.Event()

    async def fail() -> None:
        async with made.service.lease(ACCOUNT):
            await gate.wait()
            raise Unreachable("x")

    tasks = [asyncio.get_running_loop().create_task(fail()) for _ in range(10)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert await made.call() == TWO
    assert len(made.told) == 1


async def test_after_the_last_proxy_comes_the_first() -> None:
    """
    The list is a ring.
    """
    made = World(**PROXIES)

    assert [await made.call(Unreachable("x")) for _ in range(4)] == [ONE, TWO, THREE, ONE]


async def test_a_failure_is_heard_once() -> None:
    """
    Said inside the block and then raised out of it, it still moves on by one.
    """
    made = World(**PROXIES)

    async def fail() -> None:
        async with made.service.lease(ACCOUNT) as way:
            error = Unreachable("x")
            way.failed(error)
            raise error

    with pytest.raises(Unreachable):
        await fail()

    assert await made.call() == TWO


async def test_a_single_way_stays() -> None:
    """
    With nowhere to go a failure changes nothing, and another try on the same account makes no sense.
    """
    made = World()
    generation = made.service.generation

    await made.call(Unreachable("x"))

    assert await made.call() == "direct"
    assert (made.service.generation, made.told) == (generation, [])


async def test_a_change_of_proxies_makes_another_try_sensible() -> None:
    """
    `generation` grows with every move.
    """
    made = World(**PROXIES)
    generation = made.service.generation

    await made.call(Unreachable("x"))

    assert made.service.generation > generation


# --- cookies ------------------------------------------------------------------------------------------------


async def test_pasted_cookies_are_used_when_they_are_switched_on() -> None:
    """
    In manual mode only; cookies that came with an account go before them.
    """
    manual, off = (
        World(clearance="manual", cookies="cf_clearance=pasted"),
        World(cookies="cf_clearance=pasted"),
    )

    async with manual.service.lease(make.account("own", cookies=Secret("cf_clearance=own"))) as way:
        own = way.egress.cookies.reveal()

    assert (await manual.call(), await off.call()) == ("direct cf_clearance=pasted", "direct")
    assert own == "cf_clearance=own"


async def test_pasted_cookies_that_are_refused_move_on() -> None:
    """
    Without a solver a challenge is the proxy's failure.
    """
    made = World(clearance="manual", cookies="cf_clearance=pasted", **PROXIES)

    await made.call(Challenged("x"))

    assert await made.call() == f"{TWO} cf_clearance=pasted"


# --- solver -------------------------------------------------------------------------------------------------


async def test_a_challenge_is_solved_before_the_next_call() -> None:
    """
    Nobody is asked before a challenge; then cookies and user agent come together, for this proxy, and stay.
    """
    made = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER)
    assert made.solver is not None
    before = await made.call(Challenged("x"))

    async with made.service.lease(make.account("own", cookies=Secret("cf_clearance=stale"))) as way:
        egress = way.egress

    assert (before, await made.call()) == (ONE, f"{ONE} cf_clearance=first")
    assert (egress.user_agent, egress.cookies.reveal()) == ("Agent/1", "cf_clearance=first")
    assert made.solver.asked == [("https://grok.com", ONE)]
    assert made.told == [EgressChanged()]


async def test_the_solver_is_asked_once_for_all_who_wait() -> None:
    """
    Ten challenged requests that come back together wait for one answer, and stay on their proxy.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **PROXIES, **SOLVER)
    assert made.solver is not None
    async with AsyncExitStack() as stack:
        ways = [await stack.enter_async_context(made.service.lease(ACCOUNT)) for _ in range(10)]
        for way in ways:
            way.failed(Challenged("x"))
    tasks = [asyncio.get_running_loop().create_task(made.call()) for _ in range(10)]
    await until(lambda: made.solver and made.solver.asked)

    gate.set()
    names = await asyncio.gather(*tasks)

    assert set(names) == {f"{ONE} cf_clearance=first"}
    assert len(made.solver.asked) == 1


async def test_late_challenges_of_the_old_clearance_are_old_news() -> None:
    """
    A request that was sent before the new clearance says nothing about it.
    """
    made = World(ScriptedSolver(FIRST, SECOND), **PROXIES, **SOLVER)
    assert made.solver is not None

    async with made.service.lease(ACCOUNT) as slow:
        await made.call(Challenged("x"))
        await made.call()
        slow.failed(Challenged("x"))
    name = await made.call()

    assert name == f"{ONE} cf_clearance=first"
    assert len(made.solver.asked) == 1


async def test_a_clearance_that_worked_is_renewed() -> None:
    """
    When it runs out the solver is asked again for the same proxy.
    """
    made = World(ScriptedSolver(FIRST, SECOND), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    await made.call(Challenged("x"))

    assert await made.call() == f"{ONE} cf_clearance=second"


async def test_a_clearance_that_never_worked_moves_on() -> None:
    """
    The solver is not asked again and again for a proxy that stays challenged; with one way only it is asked
    again after a while.
    """
    many, single = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER), World(ScriptedSolver(FIRST), **SOLVER)
    assert single.solver is not None
    for made in (many, single):
        await made.call(Challenged("x"))
        await made.call(Challenged("x"))

    await single.call(Challenged("x"))
    at_once = len(single.solver.asked)
    single.clock.advance(30)
    await single.call(Challenged("x"))
    await single.call()

    assert await many.call() == TWO
    assert (at_once, len(single.solver.asked)) == (1, 2)


async def test_an_answer_without_cookies_is_an_answer() -> None:
    """
    No check was needed: the call goes out without a clearance, with the solver's browser.
    """
    made = World(ScriptedSolver(Clearance(Secret(""), "Agent/1")), **SOLVER)
    await made.call(Challenged("x"))

    async with made.service.lease(ACCOUNT) as way:
        egress = way.egress

    assert (egress.cookies, egress.user_agent) == (Secret(""), "Agent/1")


@pytest.mark.parametrize("failure", [Challenged("not passed"), Unreachable("no solver")])
async def test_all_who_wait_share_a_failure(failure: UpstreamError) -> None:
    """
    Everybody hears the failure after one question; for a while nobody asks again, then somebody does.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(failure, FIRST, gate=gate), **SOLVER)
    assert made.solver is not None
    await made.call(Challenged("x"))
    tasks = [asyncio.get_running_loop().create_task(made.call()) for _ in range(5)]
    await until(lambda: made.solver and made.solver.asked)

    gate.set()
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    with pytest.raises(type(failure)):
        await made.call()
    asked = len(made.solver.asked)
    made.clock.advance(30)

    assert failures == [failure] * 5
    assert asked == 1
    assert await made.call() == "direct cf_clearance=first"


async def test_a_failed_solver_makes_room_for_the_next_proxy() -> None:
    """
    Where there is another way, it is taken.
    """
    made = World(ScriptedSolver(Challenged("not passed")), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))

    with pytest.raises(Challenged):
        await made.call()

    assert await made.call() == TWO


async def test_when_the_first_asker_leaves_the_next_one_asks() -> None:
    """
    A client that goes while the solver works cancels nobody else.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER)
    assert made.solver is not None
    await made.call(Challenged("x"))
    loop = asyncio.get_running_loop()
    first, *others = [loop.create_task(made.call()) for _ in range(3)]
    await until(lambda: made.solver and made.solver.asked)

    first.cancel()
    gate.set()
    names = await asyncio.gather(*others)

    assert first.cancelled()
    assert names == ["direct cf_clearance=first"] * 2
    assert len(made.solver.asked) == 2


async def test_one_who_waits_may_leave_alone() -> None:
    """
    The question goes on for the others.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER)
    await made.call(Challenged("x"))
    loop = asyncio.get_running_loop()
    first, second = [loop.create_task(made.call()) for _ in range(2)]
    await until(lambda: made.solver and made.solver.asked)

    second.cancel()
    gate.set()

    assert await first == "direct cf_clearance=first"
    await asyncio.wait([second])
    assert second.cancelled()


# --- settings -----------------------------------------------------------------------------------------------


async def test_new_settings_begin_anew() -> None:
    """
    Other proxies, no clearance of before, and another try on the same account makes sense.
    """
    made = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    await made.call()
    generation = made.service.generation

    made.change("egress", proxies=[TWO])

    assert await made.call() == TWO
    assert made.service.generation > generation
    assert made.told[-1] == EgressChanged()


@pytest.mark.parametrize(
    ("section", "values"),
    [("chat", {"memory": True}), ("appearance", {"theme": "dark"})],
    ids=["chat", "theme"],
)
async def test_other_settings_disturb_nothing(section: str, values: dict[str, Any]) -> None:
    """
    The clearance stays.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    made.change(section, **values)

    assert await made.call() == "direct cf_clearance=first"


async def test_a_clearance_is_for_one_host() -> None:
    """
    Another address of Grok needs its own.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    made.change("grok_web", api_url="https://mirror.example.org")

    assert await made.call() == "direct"


async def test_a_solver_at_work_for_old_settings_works_for_nobody() -> None:
    """
    Its answer does not come into effect after the owner has decided otherwise.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER)
    await made.call(Challenged("x"))
    task = asyncio.get_running_loop().create_task(made.call())
    await until(lambda: made.solver and made.solver.asked)

    made.solver = None
    made.change("egress", clearance="none")
    gate.set()

    assert await task == "direct"
    assert await made.call() == "direct"


async def test_a_solver_that_was_switched_off_is_not_waited_for() -> None:
    """
    What was due is forgotten.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(Challenged("x"))

    made.solver = None

    assert await made.call() == "direct"


def test_the_service_prints_no_password() -> None:
    """
    What it holds of a proxy shows its public name alone.
    """
    made = World(mode="proxies", proxies=["http://user:hunter2@one:1"])

    assert "hunter2" not in repr(vars(made.service))
