"""Clearances: the solver is asked once, everybody shares what came of it, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from grokdesk.core.egress import Standing
from grokdesk.core.errors import Challenged, NoClearance, NotFound, Stopped, TakenForRobot, UpstreamError
from grokdesk.core.notices import EgressChanged, Trouble
from grokdesk.core.ports import Clearance
from grokdesk.core.secret import Secret
from tests import make
from tests.engine.stage import ScriptedSolver, until
from tests.engine.ways import ACCOUNT, ONE, OTHER, PROXIES, SITE, TWO, World

SOLVER: dict[str, Any] = {"clearance": "flaresolverr", "solver_url": "http://solver:8191"}
FIRST = Clearance(Secret("cf_clearance=first"), "Agent/1")
SECOND = Clearance(Secret("cf_clearance=second"), "Agent/2")
NO_CHECK = Clearance(Secret(""), "Agent/1")


def solving(made: World) -> ScriptedSolver:
    assert made.solver is not None
    return made.solver


def calls(made: World, count: int, **more: Any) -> list[asyncio.Task[str]]:  # noqa: ANN401 - of a call
    loop = asyncio.get_running_loop()
    return [loop.create_task(made.call(**more)) for _ in range(count)]


# --- solving once -------------------------------------------------------------------------------------------


async def test_a_challenge_is_solved_before_the_next_call() -> None:
    """
    Nobody is asked before a challenge; then cookies and user agent come together, for this proxy, and stay.
    """
    made = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER)
    before = await made.call(Challenged("x"))

    async with made.service.lease(make.account("own", cookies=Secret("cf_clearance=stale"))) as way:
        egress = way.egress

    assert (before, await made.call()) == (ONE, f"{ONE} cf_clearance=first")
    assert (egress.user_agent, egress.cookies.reveal()) == ("Agent/1", "cf_clearance=first")
    assert solving(made).asked == [(SITE, ONE)]
    assert EgressChanged() in made.told


@pytest.mark.parametrize("error", [TakenForRobot("x"), Stopped("x")], ids=lambda error: type(error).__name__)
async def test_a_vague_refusal_is_treated_like_a_challenge(error: UpstreamError) -> None:
    """
    Unless others get through: then a whole pool would wait for the solver because of one account.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(error)
    alone = await made.call()

    await made.call(account=OTHER)
    made.clock.advance(31)
    await made.call(account=OTHER)
    await made.call(error)

    assert alone == "direct cf_clearance=first"
    assert made.state("direct").clearance.standing is Standing.CLEARED
    assert len(solving(made).asked) == 1


async def test_the_solver_is_asked_once_for_all_who_wait() -> None:
    """
    Fifty challenged requests that come back together wait for one answer, and stay on their proxy.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **PROXIES, **SOLVER)
    async with AsyncExitStack() as stack:
        ways = [await stack.enter_async_context(made.service.lease(ACCOUNT)) for _ in range(50)]
        for way in ways:
            way.failed(Challenged("x"))
    tasks = calls(made, 50)
    await until(lambda: solving(made).asked)
    during = made.state(ONE).clearance

    gate.set()
    names = await asyncio.gather(*tasks)

    assert set(names) == {f"{ONE} cf_clearance=first"}
    assert len(solving(made).asked) == 1
    assert (during.standing, during.solving) == (Standing.NEEDED, True)


async def test_a_site_of_its_own_has_its_own_check() -> None:
    """
    A clearance is for one host.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    other = "https://accounts.example.org"

    async def stopped() -> None:
        async with made.service.lease(ACCOUNT, site=other):
            raise Challenged("x")

    with pytest.raises(Challenged):
        await stopped()

    assert await made.call() == "direct"
    async with made.service.lease(ACCOUNT, site=other) as way:
        assert way.egress.cookies.reveal() == "cf_clearance=first"
    assert solving(made).asked == [(other, "")]


async def test_where_each_account_has_its_own_way_it_has_its_own_clearance() -> None:
    """
    The solver goes by the account's own name at the proxy, and the clearance is nobody else's.
    """
    made = World(
        ScriptedSolver(FIRST, SECOND), mode="proxies", proxies=["http://me-{account}:pw@gate:1"], **SOLVER
    )
    await made.call(Challenged("x"))

    names = [await made.call(), await made.call(account=OTHER)]

    assert names == ["http://gate:1 cf_clearance=first", "http://gate:1"]
    [(_, proxy)] = solving(made).asked
    assert proxy.startswith("http://me-sso_")
    assert made.state("http://gate:1").clearance.count == 1


async def test_few_browsers_work_at_once() -> None:
    """
    A hundred ways that are challenged together do not start a hundred browsers.
    """
    gate = asyncio.Event()
    made = World(
        ScriptedSolver(FIRST, gate=gate), mode="proxies", proxies=["http://{account}@gate:1"], **SOLVER
    )
    accounts = [make.account(str(number)) for number in range(10)]
    for account in accounts:
        await made.call(Challenged("x"), account=account)

    tasks = [task for account in accounts for task in calls(made, 1, account=account)]
    await until(lambda: len(solving(made).asked) == 2)
    for _ in range(20):
        await asyncio.sleep(0)
    at_once = len(solving(made).asked)
    gate.set()

    assert set(await asyncio.gather(*tasks)) == {"http://gate:1 cf_clearance=first"}
    assert (at_once, len(solving(made).asked)) == (2, 10)


# --- what a clearance is worth ------------------------------------------------------------------------------


async def test_late_challenges_of_the_old_clearance_are_old_news() -> None:
    """
    A request that was sent before the new clearance says nothing about it.
    """
    made = World(ScriptedSolver(FIRST, SECOND), **PROXIES, **SOLVER)

    async with made.service.lease(ACCOUNT) as slow:
        await made.call(Challenged("x"))
        await made.call()
        slow.failed(Challenged("x"))
    name = await made.call()

    assert name == f"{ONE} cf_clearance=first"
    assert len(solving(made).asked) == 1


async def test_a_clearance_that_worked_is_renewed() -> None:
    """
    When it is refused the solver is asked again for the same proxy.
    """
    made = World(ScriptedSolver(FIRST, SECOND), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    await made.call(Challenged("x"))

    assert await made.call() == f"{ONE} cf_clearance=second"


async def test_a_clearance_that_never_worked_moves_on() -> None:
    """
    The solver is not asked again and again for a proxy that stays challenged; with one way only it is asked
    again after a while, and a longer while after that.
    """
    many, single = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER), World(ScriptedSolver(FIRST), **SOLVER)
    for made in (many, single):
        await made.call(Challenged("x"))
        await made.call(Challenged("x"))

    asked = []
    for pause in (0, 30, 30, 30):
        single.clock.advance(pause)
        await single.call(Challenged("x"))
        await single.call(Challenged("x"))
        asked.append(len(solving(single).asked))

    assert await many.call() == TWO
    assert asked == [1, 2, 2, 3]


async def test_the_client_hears_that_a_new_clearance_did_not_help(caplog: pytest.LogCaptureFixture) -> None:
    """
    So do the list, the log and the owner, until a call gets through.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(Challenged("x"))

    heard = await made.heard(Challenged("Stopped."))
    state = made.state("direct").clearance
    await made.call()

    assert heard.message == "Stopped. The solver's new clearance did not help."
    assert isinstance(heard, Challenged)
    assert "passed a check for direct, but requests are still stopped" in state.problem
    assert made.troubles == [state.problem, ""]
    assert made.state("direct").clearance.problem == ""
    assert "clearance did not help egress=direct" in caplog.text


async def test_an_answer_without_cookies_is_an_answer() -> None:
    """
    No check was needed: the call goes out without a clearance, with the solver's browser, for a while.
    """
    made = World(ScriptedSolver(NO_CHECK), **SOLVER)
    await made.call(Challenged("x"))

    async with made.service.lease(ACCOUNT) as way:
        egress = way.egress
    standing = made.state("direct").clearance.standing
    made.clock.advance(601)
    async with made.service.lease(ACCOUNT) as way:
        later = way.egress

    assert (egress.cookies, egress.user_agent) == (Secret(""), "Agent/1")
    assert standing is Standing.NO_CHECK
    assert later.user_agent == made.live.now.egress.user_agent
    assert len(solving(made).asked) == 1


async def test_requests_that_are_stopped_where_no_check_was_found_say_so() -> None:
    """
    They do not pay for a new question each; the reason reaches the client.
    """
    made = World(ScriptedSolver(NO_CHECK), **SOLVER)
    await made.call(Challenged("x"))

    heard = [await made.heard(Challenged("Stopped.")) for _ in range(5)]

    assert {error.message for error in heard} == {"Stopped. The solver had found no check to pass."}
    assert len(solving(made).asked) == 1
    assert "found no check to pass" in made.state("direct").clearance.problem


async def test_a_bot_score_inside_an_answer_does_not_ask_the_solver_each_time() -> None:
    """
    The clearance let the call through; that Grok then takes it for a robot's is not the clearance's fault.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    for _ in range(6):
        async with made.service.lease(ACCOUNT) as way:
            way.worked()
            way.failed(TakenForRobot("x"))

    assert len(solving(made).asked) == 1


# --- solvers that fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize("everywhere", [False, True], ids=["this way", "the solver"])
async def test_all_who_wait_share_a_failure(everywhere: bool, caplog: pytest.LogCaptureFixture) -> None:
    """
    Everybody hears it after one question, also the log and the owner; for a while nobody asks again.
    """
    gate = asyncio.Event()
    failure = NoClearance("The solver is down.", hint="Start it.", detail="refused", everywhere=everywhere)
    made = World(ScriptedSolver(failure, FIRST, gate=gate), **SOLVER)
    await made.call(Challenged("x"))
    tasks = calls(made, 5)
    await until(lambda: solving(made).asked)

    gate.set()
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    with pytest.raises(NoClearance) as caught:
        await made.call()
    asked, state = len(solving(made).asked), made.state("direct").clearance
    made.clock.advance(30)
    name = await made.call()

    assert [str(error) for error in (*failures, caught.value)] == ["The solver is down."] * 6
    assert (caught.value.hint, caught.value.retry_after) == ("Start it.", 30)
    assert (asked, name) == (1, "direct cf_clearance=first")
    assert (state.standing, state.problem) == (Standing.NEEDED, "The solver is down.")
    assert "why=The solver is down. detail=refused" in caplog.text
    assert [one for one in made.told if isinstance(one, Trouble)] == [
        Trouble("egress", "The solver is down.", "Start it."),
        Trouble("egress", ""),
    ]


async def test_a_solver_that_is_down_is_not_asked_for_every_way() -> None:
    """
    One question tells for all; after a while, one again.
    """
    made = World(ScriptedSolver(NoClearance("Down.", everywhere=True)), **PROXIES, **SOLVER)
    for _ in range(3):
        await made.call(Challenged("x"))
        with pytest.raises(NoClearance):
            await made.call()
    asked = len(solving(made).asked)
    made.clock.advance(30)
    with pytest.raises(NoClearance):
        await made.call()

    assert (asked, len(solving(made).asked)) == (1, 2)


async def test_a_failed_solver_makes_room_for_the_next_proxy() -> None:
    """
    Where there is another way, it is taken.
    """
    made = World(ScriptedSolver(NoClearance("not passed")), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    generation = made.service.generation

    with pytest.raises(NoClearance):
        await made.call()

    assert await made.call() == TWO
    assert made.service.generation > generation
    assert made.state(ONE).failure == "not passed"


async def test_a_mistake_of_ours_is_not_shared_for_ever() -> None:
    """
    Who waits hears it; the next one asks again.
    """
    made = World(ScriptedSolver(ValueError("bug"), FIRST), **SOLVER)
    await made.call(Challenged("x"))

    with pytest.raises(ValueError, match="bug"):
        await made.call()

    assert await made.call() == "direct cf_clearance=first"


# --- waiting ------------------------------------------------------------------------------------------------


async def test_who_waits_leaves_alone() -> None:
    """
    A client that goes while the solver works cancels nobody, whether it asked first or not.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER)
    await made.call(Challenged("x"))
    first, second, *others = calls(made, 4)
    await until(lambda: solving(made).asked)

    first.cancel()
    second.cancel()
    await asyncio.wait([first, second])
    gate.set()

    assert await asyncio.gather(*others) == ["direct cf_clearance=first"] * 2
    assert (first.cancelled(), second.cancelled()) == (True, True)
    assert len(solving(made).asked) == 1


async def test_patience_has_an_end_and_the_solver_goes_on() -> None:
    """
    Who has waited long enough hears that the solver is slow; what it brings later is used.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER, clearance_wait_s=5)
    await made.call(Challenged("x"))
    [waiting] = calls(made, 1)
    await until(lambda: solving(made).asked)

    made.clock.advance(5)
    with pytest.raises(NoClearance, match="slow: it has not passed the check within 5 seconds"):
        await waiting
    gate.set()

    assert await made.call() == "direct cf_clearance=first"
    assert len(solving(made).asked) == 1


async def test_a_request_is_patient_once() -> None:
    """
    However often it tries: the time it waits for clearances is counted together.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER, clearance_wait_s=5)
    await made.call(Challenged("x"))
    patience = made.service.patience()

    async def ask() -> None:
        async with made.service.lease(ACCOUNT, patience=patience):
            pass

    first = asyncio.get_running_loop().create_task(ask())
    await until(lambda: solving(made).asked)
    made.clock.advance(5)
    with pytest.raises(NoClearance, match="slow"):
        await first

    with pytest.raises(NoClearance, match="slow"):
        await asyncio.wait_for(ask(), 0.1)
    gate.set()
    await made.service.close()


# --- upkeep -------------------------------------------------------------------------------------------------


async def test_a_clearance_in_use_is_renewed_before_it_ends() -> None:
    """
    The new one is made first, and then taken; nobody waits for it.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, SECOND), **SOLVER, clearance_refresh_s=100)
    await made.call(Challenged("x"))
    await made.call()
    solving(made).gate = gate
    made.clock.advance(99)
    await made.call()
    made.service.look_after()
    early = len(solving(made).asked)
    made.clock.advance(1)

    made.service.look_after()
    made.service.look_after()
    await until(lambda: len(solving(made).asked) == 2)
    meanwhile = await made.call()
    gate.set()
    await until(lambda: not made.state("direct").clearance.solving)

    assert (early, meanwhile) == (1, "direct cf_clearance=first")
    assert await made.call() == "direct cf_clearance=second"
    assert len(solving(made).asked) == 2


async def test_a_clearance_nobody_uses_is_left_alone_and_then_forgotten() -> None:
    """
    A browser is not started for nothing.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER, clearance_refresh_s=100)
    await made.call(Challenged("x"))
    await made.call()

    made.clock.advance(200)
    made.service.look_after()
    standing = made.state("direct").clearance.standing
    made.clock.advance(86_400)
    made.service.look_after()

    assert len(solving(made).asked) == 1
    assert (standing, made.state("direct").clearance.standing) == (Standing.CLEARED, Standing.OPEN)


async def test_a_renewal_that_fails_keeps_the_clearance() -> None:
    """
    The one in use is good until it is refused; the owner hears, and it is tried again later.
    """
    made = World(ScriptedSolver(FIRST, NoClearance("Down."), SECOND), **SOLVER, clearance_refresh_s=100)
    await made.call(Challenged("x"))
    await made.call()
    made.clock.advance(90)
    await made.call()
    made.clock.advance(10)

    made.service.look_after()
    await until(lambda: made.troubles)
    made.service.look_after()
    name, state = await made.call(), made.state("direct")
    made.clock.advance(30)
    made.service.look_after()
    await until(lambda: not made.state("direct").clearance.solving)

    assert name == "direct cf_clearance=first"
    assert (state.resting_until, state.clearance.problem) == (None, "Down.")
    assert await made.call() == "direct cf_clearance=second"
    assert made.troubles == ["Down.", ""]


async def test_an_owner_can_have_a_new_clearance_now() -> None:
    """
    Whatever the one in use is worth, and however lately the solver failed.
    """
    made = World(ScriptedSolver(NoClearance("Down."), FIRST, SECOND), **SOLVER)

    with pytest.raises(NoClearance, match=r"Down\."):
        await made.service.solve_now("direct")
    await made.service.solve_now("direct")
    first = await made.call()
    await made.service.solve_now("direct")

    assert (first, await made.call()) == ("direct cf_clearance=first", "direct cf_clearance=second")


# --- settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("egress", {"user_agent": "Mozilla/5.0 Other"}),
        ("egress", {"solver_url": "http://other:8191"}),
        ("grok_web", {"api_url": "https://mirror.example.org"}),
    ],
    ids=["browser", "solver", "site"],
)
async def test_new_settings_forget_clearances(section: str, values: dict[str, Any]) -> None:
    """
    Another site, browser or solver needs its own.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    made.change(section, **values)

    assert await made.call() == "direct"


async def test_a_clearance_stays_while_its_way_stays_in_the_list() -> None:
    """
    Also one that is being had at this moment; that of a way that has gone is forgotten.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    [task] = calls(made, 1)
    await until(lambda: solving(made).asked)

    made.change("egress", proxies=[ONE, "http://four:4"])
    gate.set()
    kept = [await task, await made.call()]
    made.change("egress", proxies=["http://four:4", ONE])
    moved = made.state(ONE).clearance.standing
    made.change("egress", proxies=["http://four:4"])
    made.change("egress", proxies=[ONE])

    assert kept == [f"{ONE} cf_clearance=first"] * 2
    assert moved is Standing.CLEARED
    assert made.state(ONE).clearance.standing is Standing.OPEN
    assert solving(made).asked == [(SITE, ONE)]


async def test_a_solver_at_work_for_old_settings_works_for_nobody() -> None:
    """
    Who waits goes on at once by the new settings; its answer does not come into effect.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER)
    await made.call(Challenged("x"))
    [task] = calls(made, 1)
    await until(lambda: solving(made).asked)

    made.change("egress", mode="proxies", proxies=[ONE])

    assert await task == ONE
    gate.set()
    assert await made.call() == ONE


async def test_a_solver_that_was_switched_off_is_not_waited_for() -> None:
    """
    What was due is forgotten.
    """
    made = World(ScriptedSolver(FIRST), **SOLVER)
    await made.call(Challenged("x"))

    made.solver = None

    assert await made.call() == "direct"


async def test_the_solver_s_browsers_are_closed_when_ways_vanish() -> None:
    """
    With a change of the list those that are gone, at the end all.
    """
    solver = ScriptedSolver(FIRST)
    made = World(solver, **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    made.change("egress", proxies=[TWO])
    await until(lambda: solver.kept is not None)
    after_change = solver.kept
    await made.service.close()

    assert (after_change, solver.kept) == ({TWO}, set())


# --- for the owner: each check, and forgetting it -----------------------------------------------------------


async def test_each_way_and_site_has_a_line_of_its_own() -> None:
    """
    A way without a check has one for Grok's own site.
    """
    made = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    await made.call()
    async with made.service.lease(ACCOUNT, site="https://files.example") as way:
        way.failed(Challenged("x"))

    found = [(check.way, check.host, check.clearance.standing) for check in made.service.checks()]

    assert found == [
        (ONE, "grok.com", Standing.CLEARED),
        (ONE, "files.example", Standing.NEEDED),
        (TWO, "grok.com", Standing.OPEN),
        ("http://three:3", "grok.com", Standing.OPEN),
    ]
    assert made.service.checks()[0].clearance.is_proven


async def test_a_forgotten_clearance_is_not_sent_any_more_and_comes_back() -> None:
    """
    Of this way only; what takes it back does nothing once the settings are others.
    """
    made = World(ScriptedSolver(FIRST), **PROXIES, **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    back = made.service.forget_clearances(ONE)
    without = await made.call()
    back()
    again = await made.call()
    late = made.service.forget_clearances(ONE)
    made.change("egress", user_agent="Mozilla/5.0 (another)")
    late()

    assert (without, again) == (ONE, f"{ONE} cf_clearance=first")
    assert await made.call() == ONE


async def test_who_waits_for_a_clearance_that_is_forgotten_goes_on_without() -> None:
    """
    And a solver's late answer is not taken.
    """
    gate = asyncio.Event()
    made = World(ScriptedSolver(FIRST, gate=gate), **SOLVER)
    await made.call(Challenged("x"))
    [task] = calls(made, 1)
    await until(lambda: solving(made).asked)

    made.service.forget_clearances("direct")

    assert await task == "direct"
    gate.set()
    assert await made.call() == "direct"


async def test_a_newer_clearance_is_not_replaced_by_a_forgotten_one() -> None:
    """
    Taking back brings only what is missing.
    """
    made = World(ScriptedSolver(FIRST, SECOND), **SOLVER)
    await made.call(Challenged("x"))
    await made.call()

    back = made.service.forget_clearances("direct")
    await made.call(Challenged("x"))
    await made.call()
    back()

    assert await made.call() == "direct cf_clearance=second"


async def test_only_a_way_in_the_list_has_clearances_to_forget() -> None:
    """
    A slip of the pen is told.
    """
    with pytest.raises(NotFound):
        World().service.forget_clearances("nowhere")
