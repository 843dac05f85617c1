"""The way out of the whole program: proxies that die, Cloudflare before Grok, a solver that may fail."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import openai
import pytest

from grokdesk.core.egress import Purpose, Standing
from grokdesk.core.notices import Notice, Trouble
from grokdesk.core.secret import Secret
from grokdesk.sim import Simulator, World, text
from grokdesk.sim.world import Clearance, Solver
from tests import proxies
from tests.rig import Rig, basic, running, token

AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
CHECK: Clearance = {"cookie": "invented-clearance", "user_agent": AGENT}
ACCOUNTS = [f"account-{number}" for number in range(10)]


def with_solver(sim: Simulator, **more: object) -> dict[str, object]:
    return {"egress__clearance": "flaresolverr", "egress__solver_url": sim.url, **more}


async def settled(rig: Rig, names: list[str]) -> None:
    """Accounts that answer "Fine."."""
    for name in names:
        basic(rig.world, name).always(text("Fine."))
    await rig.add(*(token(name) for name in names))


def troubles(rig: Rig) -> list[str]:
    """Collect what the owner is told of lasting trouble on the way out, from now on."""
    told: list[str] = []

    def listen(notice: Notice) -> None:
        if isinstance(notice, Trouble) and notice.key == "egress":
            told.append(notice.message)

    rig.app.bus.subscribe(listen)
    return told


async def asked(rig: Rig, times: int) -> list[str]:
    """Ask so often at once; returns the answers."""
    answers = await asyncio.gather(*(rig.say() for _ in range(times)))
    return [str(answer.choices[0].message.content) for answer in answers]


# --- Cloudflare and the solver ------------------------------------------------------------------------------


async def test_fifty_challenged_requests_need_one_solve(tmp_path: Path, sim: Simulator, world: World) -> None:
    """
    All of them wait for the same clearance, and are answered with it, in the solver's browser.
    """
    world.clearance_required = CHECK
    world.solver.delay_s = 0.2
    async with running(tmp_path, sim, world, **with_solver(sim)) as rig:
        await settled(rig, ACCOUNTS)

        answers = await asked(rig, 50)
        state = rig.app.egress.states()[0]

    assert answers == ["Fine."] * 50
    assert world.solver.solved == 1
    assert (state.name, state.clearance.standing, state.clearance.count) == ("direct", Standing.CLEARED, 1)
    assert state.clearance.user_agent == AGENT
    assert world.violations == []


def erring(solver: Solver) -> None:
    solver.status = "error"


def silent(solver: Solver) -> None:
    solver.delay_s = 30


def cookieless(solver: Solver) -> None:
    solver.with_cookies = False


def nameless(solver: Solver) -> None:
    solver.with_user_agent = False


def another_browser(solver: Solver) -> None:
    solver.user_agent = AGENT.replace("142", "131")


FAILURES: dict[str, tuple[Callable[[Solver], None], str, str]] = {
    "fails": (erring, "The Cloudflare solver could not pass the check.", "Timeout after 60.0 seconds"),
    "is slow": (
        silent,
        "the solver is slow: it has not passed the check within 1 seconds",
        "waited for in vain",
    ),
    "finds no check": (cookieless, "The solver had found no check to pass.", "found no check to pass"),
    "does not say its browser": (nameless, "did not say which browser passed the check", "which browser"),
    "was another browser": (another_browser, "The solver's new clearance did not help.", "still stopped"),
}


@pytest.mark.parametrize("case", FAILURES)
async def test_when_the_solver_is_of_no_use_everybody_hears_why(
    tmp_path: Path, sim: Simulator, world: World, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The client in its answer, the owner in the window's list, and the log; and nobody waits for long.
    """
    caplog.set_level(logging.INFO)
    world.clearance_required = CHECK
    spoil, said, logged = FAILURES[case]
    spoil(world.solver)
    async with running(tmp_path, sim, world, **with_solver(sim, egress__clearance_wait_s=1)) as rig:
        told = troubles(rig)
        await settled(rig, ["a", "b", "c"])
        began = time.monotonic()

        with pytest.raises(openai.InternalServerError) as caught:
            await rig.say()
        took_s = time.monotonic() - began
        [state] = rig.app.egress.states()
        accounts, heard = rig.app.pool.accounts(), list(told)

    assert caught.value.status_code == 503
    assert said in caught.value.message
    assert took_s < 2
    assert logged in caplog.text
    assert state.clearance.problem
    assert heard == [state.clearance.problem]
    assert [account.faults for account in accounts] == [0, 0, 0]
    assert world.solver.solved <= 1


async def test_a_solver_that_is_down_is_named_and_taken_back_when_it_is_up(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    The owner's next look: it runs again, and the button brings a clearance.
    """
    world.clearance_required = CHECK
    async with proxies.running("http") as nobody:
        pass
    overrides = with_solver(sim, egress__solver_url=f"http://127.0.0.1:{nobody.port}")
    async with running(tmp_path, sim, world, **overrides) as rig:
        told = troubles(rig)
        await settled(rig, ["a"])

        with pytest.raises(openai.InternalServerError, match="The Cloudflare solver does not answer"):
            await rig.say()
        before = list(told)
        live = rig.app.live
        live.set(
            live.now.model_copy(update={"egress": live.now.egress.model_copy(update={"solver_url": sim.url})})
        )
        await rig.app.egress.solve_now("direct")
        [answer] = await asked(rig, 1)

    assert answer == "Fine."
    assert before == ["The Cloudflare solver does not answer."]
    assert told == [*before, ""]


async def test_a_solver_that_needs_long_is_waited_for_only_so_long(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    Twenty requests give up together and say why; what the solver brings at last serves the next ones.
    """
    world.clearance_required = CHECK
    world.solver.delay_s = 1.6
    async with running(tmp_path, sim, world, **with_solver(sim, egress__clearance_wait_s=1)) as rig:
        await settled(rig, ACCOUNTS)
        began = time.monotonic()

        results = await asyncio.gather(*(rig.say() for _ in range(20)), return_exceptions=True)
        took_s = time.monotonic() - began
        await rig.until(lambda: rig.app.egress.states()[0].clearance.standing is Standing.CLEARED)
        answers = await asked(rig, 5)

    assert all(isinstance(result, openai.InternalServerError) for result in results)
    assert took_s < 2
    assert answers == ["Fine."] * 5
    assert world.solver.solved == 1


async def test_pasted_cookies_pass_with_their_browser(tmp_path: Path, sim: Simulator, world: World) -> None:
    """
    Both together; cookies that cannot work are explained to whoever was stopped.
    """
    world.clearance_required = {"cookie": "invented-clearance-by-hand", "user_agent": AGENT}
    pasted = {"egress__clearance": "manual", "egress__user_agent": AGENT}
    good = {**pasted, "egress__cookies": "cf_clearance=invented-clearance-by-hand"}
    async with running(tmp_path / "good", sim, world, **good) as rig:
        await settled(rig, ["a"])
        answers = await asked(rig, 1)
    async with running(tmp_path / "bad", sim, world, **pasted, egress__cookies="__cf_bm=x") as rig:
        await settled(rig, ["b"])
        with pytest.raises(openai.InternalServerError, match="no cf_clearance among these cookies"):
            await rig.say()

    assert answers == ["Fine."]


# --- proxies ------------------------------------------------------------------------------------------------


async def test_two_of_five_proxies_die_and_no_client_notices(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    Fifty requests at a time: every one is answered, and no account is blamed.
    """
    async with AsyncExitStack() as stack:
        five = [await stack.enter_async_context(proxies.running("http")) for _ in range(5)]
        overrides = {"egress__mode": "proxies", "egress__proxies": [one.address for one in five]}
        rig = await stack.enter_async_context(
            running(tmp_path, sim, world, accounts__max_in_flight=50, **overrides)
        )
        await settled(rig, ACCOUNTS[:6])
        answers = await asked(rig, 50)
        five[0].die()
        answers += await asked(rig, 50)
        five[1].die()
        five[2].dead = True
        answers += await asked(rig, 50)
        accounts = rig.app.pool.accounts()
        states = rig.app.egress.states()

    assert answers == ["Fine."] * 150
    assert [account.faults for account in accounts] == [0] * 6
    assert [state.resting_until is not None for state in states] == [True, True, True, False, False]
    assert states[3].current == (Purpose.CHAT, Purpose.MEDIA)


async def test_a_bound_account_s_dead_proxy_is_named_and_another_account_answers(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    The bound one never leaves by another way.
    """
    async with proxies.running("socks5") as proxy, running(tmp_path, sim, world) as rig:
        await settled(rig, ["bound"])
        [account] = rig.app.pool.accounts()
        rig.app.pool.edit([account.id], lambda one: replace(one, proxy=Secret(proxy.address)))
        through = await asked(rig, 1)
        proxy.die()

        with pytest.raises(openai.InternalServerError) as caught:
            await rig.say()
        await settled(rig, ["free"])
        answers = await asked(rig, 3)
        failure = rig.account(account.token.reveal()).last_failure

    host = f"socks5h://127.0.0.1:{proxy.port}"
    assert host in caught.value.message
    assert host in failure
    assert through + answers == ["Fine."] * 4
    assert {visit.host for visit in proxy.visits} == {"127.0.0.1"}


async def test_proxies_are_tested(tmp_path: Path, sim: Simulator, world: World) -> None:
    """
    As upstream sees them, with what stands in front of it.
    """
    world.clearance_required = CHECK
    async with proxies.running("http") as good, proxies.running("socks4") as dead:
        dead.die()
        overrides = {"egress__mode": "proxies", "egress__proxies": f"{good.address}\n{dead.address}"}
        async with running(tmp_path, sim, world, **overrides) as rig:
            found = await rig.app.egress.test()

    first, second = found.values()
    assert (first.reachable, first.address, first.challenged) == (True, "127.0.0.1", True)
    assert (second.reachable, bool(second.failure)) == (False, True)
    assert list(found) == [good.address, dead.address.replace("socks4", "socks4a")]
