"""The way out: who takes which, what every call teaches about it, and what an owner sees of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

import pytest

from grokdesk.core import egress as core
from grokdesk.core.accounts import Status
from grokdesk.core.egress import Purpose
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    EgressOutcome,
    InvalidRequest,
    NoClearance,
    NoWay,
    Overloaded,
    RateLimited,
    Stopped,
    TakenForRobot,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.core.notices import EgressChanged
from grokdesk.core.secret import Secret
from grokdesk.engine.egress import SHOWN_BOUND
from tests import make
from tests.engine.ways import ACCOUNT, ONE, OTHER, PROXIES, SITE, THREE, TWO, World

# --- which way ----------------------------------------------------------------------------------------------


async def test_without_proxies_the_way_is_direct() -> None:
    """
    Listed proxies are not used until the owner says so.
    """
    made = World(proxies=[ONE], user_agent="Mozilla/5.0 Test")

    async with made.service.lease(ACCOUNT) as way:
        egress = way.egress

    assert (egress.name, egress.proxy, egress.user_agent) == ("direct", Secret(""), "Mozilla/5.0 Test")
    assert egress.verify


async def test_an_empty_list_of_proxies_does_not_mean_direct() -> None:
    """
    Whoever wants to leave through proxies does not show their own address because the list is empty.
    """
    made = World(mode="proxies")

    with pytest.raises(NoWay, match="there is none"):
        await made.call()

    assert made.service.states() == ()


async def test_direct_may_stand_in_the_list() -> None:
    """
    As the last resort, for instance.
    """
    made = World(mode="proxies", proxies=[ONE, "direct"])
    await made.call(Unreachable("x"))

    assert await made.call() == "direct"


async def test_files_have_proxies_of_their_own() -> None:
    """
    Where they are listed, and the same as chat otherwise; the two lists do not disturb each other.
    """
    apart, same = World(**PROXIES, media_proxies=[THREE, TWO]), World(**PROXIES)

    await apart.call(Unreachable("x"), purpose=Purpose.MEDIA)

    assert [await apart.call(purpose=purpose) for purpose in Purpose] == [ONE, TWO]
    assert await same.call(purpose=Purpose.MEDIA) == ONE
    assert apart.state(TWO).purposes == (Purpose.CHAT, Purpose.MEDIA)
    assert [one.name for one in apart.service.states() if one.current] == [ONE, TWO]


async def test_all_calls_of_a_job_go_one_way() -> None:
    """
    A lease stays what it was when the pool moves on meanwhile.
    """
    made = World(**PROXIES)

    async with made.service.lease(ACCOUNT) as way:
        await made.call(Unreachable("x"))
        names = [way.egress.name, await made.call()]

    assert names == [ONE, TWO]


async def test_two_accounts_of_one_seller_are_told_apart() -> None:
    """
    Proxies that differ in the user name alone have names an owner can tell apart, without the user names.
    """
    made = World(mode="proxies", proxies=["http://session-1:x@gate:1", "http://session-2:x@gate:1"])

    assert [one.name for one in made.service.states()] == ["http://gate:1", "http://gate:1 #2"]


async def test_every_account_signs_in_under_its_own_name() -> None:
    """
    `{account}` becomes another name for each, the same each time.
    """
    made = World(mode="proxies", proxies=["http://me-{account}:pw@gate:1"])
    seen = []
    for account in (ACCOUNT, OTHER, ACCOUNT):
        async with made.service.lease(account) as way:
            seen.append(way.egress.proxy.reveal())
            name = way.egress.name

    assert seen[0] == seen[2] != seen[1]
    assert seen[0].startswith("http://me-sso_")
    assert (name, len(made.service.states())) == ("http://gate:1", 1)


# --- the system's proxy -------------------------------------------------------------------------------------


async def test_the_system_s_proxy_is_looked_up_when_it_is_needed_and_again_later() -> None:
    """
    What the environment says now and then, not what it said at start.
    """
    environment = {"https_proxy": "http://user:pw@one:1"}
    made = World(mode="system", environment=environment)
    names = [await made.call()]

    environment["https_proxy"] = "two:2"
    names.append(await made.call())
    made.clock.advance(60)
    names.append(await made.call())
    environment["no_proxy"] = "grok.com"
    made.clock.advance(60)
    names.append(await made.call())

    assert names == [ONE, ONE, TWO, "direct"]


async def test_a_system_s_proxy_that_makes_no_sense_is_named() -> None:
    """
    Nobody leaves directly because of a slip of the pen in the system's settings.
    """
    made = World(mode="system", environment={"all_proxy": "gopher://one:1"})

    with pytest.raises(NoWay, match="'gopher' is not a proxy scheme"):
        await made.call()


# --- bound accounts -----------------------------------------------------------------------------------------


async def test_a_bound_account_leaves_by_its_way_alone() -> None:
    """
    A proxy of its own, or directly, whatever the pool does.
    """
    made = World(**PROXIES)
    bound, direct = make.account("p", proxy=Secret("four:4")), make.account("d", proxy=Secret("direct"))

    names = [await made.call(account=account) for account in (bound, direct, ACCOUNT)]

    assert names == ["http://four:4", "direct", ONE]
    assert made.state("http://four:4").purposes == ()


async def test_a_bound_account_does_not_flee_a_dead_proxy() -> None:
    """
    The failure names the proxy; for a while nobody waits for it again, then it is tried again.
    """
    made = World(**PROXIES)
    bound = make.account("p", proxy=Secret("http://user:hunter2@four:4"))

    first = await made.heard(Unreachable("No connection."), bound)
    with pytest.raises(NoWay) as caught:
        await made.call(account=bound)
    made.clock.advance(30)

    assert "http://four:4" in first.message
    assert "No connection." in first.message
    assert "http://four:4" in caught.value.message
    assert caught.value.retry_after == 30
    assert "hunter2" not in f"{first.message} {caught.value.message}"
    assert await made.call(account=bound) == "http://four:4"
    assert await made.call() == ONE


async def test_a_pooled_proxy_is_the_same_for_those_bound_to_it() -> None:
    """
    What a bound account finds out about it, the pool knows.
    """
    made = World(**PROXIES)

    await made.call(Unreachable("x"), account=make.account("p", proxy=Secret("one:1")))

    assert await made.call() == TWO
    assert [one.name for one in made.service.states()] == [ONE, TWO, THREE]


async def test_an_account_bound_to_nonsense_is_told() -> None:
    """
    Something that came in with an import and is no address.
    """
    made = World()

    with pytest.raises(NoWay, match="no proxy address"):
        await made.call(account=make.account("p", proxy=Secret("%%://hunter2")))


async def test_ways_that_no_account_uses_any_more_are_forgotten() -> None:
    """
    After a day; those of the settings stay.
    """
    made = World(**PROXIES)
    await made.call(account=make.account("p", proxy=Secret("four:4")))
    await made.call(account=make.account("q", proxy=Secret("two:2")))

    made.service.look_after()
    before = len(made.service.states())
    made.clock.advance(86_401)
    made.service.look_after()

    assert (before, [one.name for one in made.service.states()]) == (4, [ONE, TWO, THREE])


# --- moving on ----------------------------------------------------------------------------------------------


async def test_a_proxy_is_kept_until_it_fails() -> None:
    """
    One proxy for everybody; a failure of the connection moves on and is told, one of upstream does not.
    """
    made = World(**PROXIES)

    names = [await made.call(), await made.call(Overloaded("busy")), await made.call(Unreachable("x"))]

    assert names == [ONE, ONE, ONE]
    assert await made.call() == TWO
    assert EgressChanged() in made.told


async def test_many_failures_on_one_proxy_move_on_once_and_count_once() -> None:
    """
    Ten requests that fail on the same proxy together do not skip nine good ones, nor make it rest for long.
    """
    made = World(**PROXIES)
    async with AsyncExitStack() as stack:
        ways = [await stack.enter_async_context(made.service.lease(ACCOUNT)) for _ in range(10)]
        for way in ways:
            way.failed(Unreachable("x"))

    state = made.state(ONE)
    assert await made.call() == TWO
    assert state.resting_until == made.clock.now() + 30
    assert state.health == pytest.approx(0.7)


async def test_a_late_failure_says_nothing_new() -> None:
    """
    A call that began before its proxy failed neither makes it rest again nor vouches for it.
    """
    made = World(**PROXIES)
    async with made.service.lease(ACCOUNT) as late, made.service.lease(OTHER):
        await made.call(Unreachable("x"))
        made.clock.advance(31)
        late.failed(Unreachable("y"))

    assert made.state(ONE).on_probation
    assert made.state(ONE).failure == "x"


async def test_a_resting_proxy_is_skipped() -> None:
    """
    After the last one comes the first again, unless it still rests.
    """
    made = World(**PROXIES)
    await made.call(Unreachable("x"))
    await made.call(Unreachable("x"))
    made.clock.advance(29)

    await made.call(Unreachable("x"))

    resting = [one.resting_until is not None for one in made.service.states()]
    assert resting == [True] * 3
    # The one that is free soonest.
    assert await made.call() == ONE


async def test_one_request_at_a_time_tries_whether_a_proxy_works_again() -> None:
    """
    Until it got through; the others take what is free.
    """
    made = World(mode="proxies", proxies=[ONE, TWO])
    await made.call(Unreachable("x"))
    made.clock.advance(1)
    await made.call(Unreachable("x"))
    made.clock.advance(30)
    async with made.service.lease(ACCOUNT) as probe:
        second = await made.call(UpstreamTimeout("nothing came"))
        names = [probe.egress.name, second]
        probe.worked()
        sound = made.state(probe.egress.name)

    assert names == [TWO, ONE]
    assert not sound.on_probation
    assert [await made.call() for _ in range(2)] == [TWO, TWO]


async def test_a_probe_that_is_given_up_makes_room_for_the_next() -> None:
    """
    A client that leaves says nothing about the proxy.
    """
    made = World(mode="proxies", proxies=[ONE])
    await made.call(Unreachable("x"))
    made.clock.advance(31)

    with pytest.raises(asyncio.CancelledError):
        async with made.service.lease(ACCOUNT):
            raise asyncio.CancelledError

    assert made.state(ONE).on_probation
    await made.call()
    assert not made.state(ONE).on_probation


@pytest.mark.parametrize(
    "answer", [RateLimited("x"), AccountRejected("x", status=Status.EXPIRED), Overloaded("x")], ids=str
)
async def test_what_upstream_refuses_shows_that_the_way_is_open(answer: UpstreamError) -> None:
    """
    It ends a probation, and is neither for nor against the proxy.
    """
    made = World(mode="proxies", proxies=[ONE])
    await made.call(Unreachable("x"))
    made.clock.advance(31)

    await made.call(answer)

    assert not made.state(ONE).on_probation
    assert made.state(ONE).health == pytest.approx(0.7)


async def test_silence_says_nothing() -> None:
    """
    Whether Grok or the proxy kept still nobody knows.
    """
    made = World(mode="proxies", proxies=[ONE])
    await made.call(Unreachable("x"))
    made.clock.advance(31)

    await made.call(UpstreamTimeout("nothing came"))

    assert made.state(ONE).on_probation


async def test_a_failure_is_heard_once() -> None:
    """
    Said inside the block and then raised out of it, it still counts once.
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
    assert made.state(ONE).health == pytest.approx(0.7)


async def test_a_single_way_stays() -> None:
    """
    With nowhere to go another try on the same account makes no sense; a request is better than a refusal.
    """
    made = World()
    generation = made.service.generation

    await made.call(Unreachable("x"))

    assert await made.call() == "direct"
    assert made.service.generation == generation


async def test_a_change_of_proxies_makes_another_try_sensible() -> None:
    """
    `generation` grows with every move to a way that may work, and not when all are known to be dead.
    """
    made = World(**PROXIES)
    grown = []
    for _ in range(4):
        generation = made.service.generation
        await made.call(Unreachable("x"))
        grown.append(made.service.generation > generation)

    assert grown == [True, True, False, False]


# --- kinds of 403 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Challenged("Cloudflare."), EgressOutcome.CHALLENGED),
        (TakenForRobot("A robot."), EgressOutcome.ROBOT),
        (Stopped("For no reason."), EgressOutcome.REFUSED),
        (Unreachable("No connection."), EgressOutcome.UNREACHABLE),
    ],
)
async def test_the_last_failure_is_told_with_its_cause(error: UpstreamError, cause: EgressOutcome) -> None:
    """
    A page of Cloudflare's, Grok's own check, a 403 without a reason and a dead proxy are four things.
    """
    made = World(**PROXIES)

    await made.call(error)

    state = made.state(ONE)
    assert (state.cause, state.failure, state.failed_at) == (cause, error.message, made.clock.now())
    assert await made.call() == TWO


@pytest.mark.parametrize("error", [TakenForRobot("x"), Stopped("x")], ids=lambda error: type(error).__name__)
async def test_one_refused_account_does_not_spoil_a_way_that_works_for_others(error: UpstreamError) -> None:
    """
    A 403 without a clear cause is the account's affair while others get through; Cloudflare's page is not.
    """
    made = World(**PROXIES)
    await made.call(account=OTHER)

    await made.call(error)
    after_refusal = await made.call(account=OTHER)
    await made.call(Challenged("x"))

    assert after_refusal == ONE
    assert made.state(ONE).cause is EgressOutcome.CHALLENGED
    assert await made.call() == TWO


# --- cookies ------------------------------------------------------------------------------------------------

PASTED = "cf_clearance=pasted-abcdefghijklmnopqrstuvwxyz"


async def test_pasted_cookies_are_used_when_they_are_switched_on() -> None:
    """
    In manual mode only; cookies that came with an account go before them.
    """
    manual, off = World(clearance="manual", cookies=PASTED), World(cookies=PASTED)

    own = await manual.call(account=make.account("own", cookies=Secret("cf_clearance=own")))

    assert (await manual.call(), await off.call()) == (f"direct {PASTED}", "direct")
    assert own == "direct cf_clearance=own"


async def test_pasted_cookies_that_are_refused_move_on() -> None:
    """
    Without a solver a challenge is the proxy's failure.
    """
    made = World(clearance="manual", cookies=PASTED, **PROXIES)

    await made.call(Challenged("x"))

    assert await made.call() == f"{TWO} {PASTED}"


async def test_pasted_cookies_that_cannot_work_are_named() -> None:
    """
    In the list and to whoever was stopped.
    """
    made = World(clearance="manual", cookies="__cf_bm=x")

    heard = await made.heard(Challenged("Stopped."))

    problem = made.state("direct").clearance.problem
    assert "no cf_clearance" in problem
    assert heard.message == f"Stopped. {problem}"


# --- settings and secrets -----------------------------------------------------------------------------------


async def test_new_settings_begin_anew() -> None:
    """
    Another browser: no failures of before, and another try on the same account makes sense.
    """
    made = World(**PROXIES)
    await made.call(Unreachable("x"))
    generation = made.service.generation

    made.change("egress", user_agent="Mozilla/5.0 Another")

    assert await made.call() == ONE
    assert made.service.generation > generation
    assert made.told[-1] == EgressChanged()
    assert made.state(ONE).health == 1


async def test_ways_that_stay_in_the_list_go_on_as_they_were() -> None:
    """
    One that rests goes on resting, whatever comes, goes or moves beside it; one that comes back begins anew.
    """
    made = World(**PROXIES)
    await made.call(Unreachable("It broke."))
    generation = made.service.generation
    four = "http://four:4"

    made.change("egress", proxies=[ONE, four, TWO])
    beside = await made.call()
    rests, grew = made.state(ONE), made.service.generation > generation
    made.change("egress", proxies=[four])
    made.change("egress", proxies=[ONE, four])

    assert (beside, rests.failure, grew) == (four, "It broke.", True)
    assert rests.resting_until is not None
    assert made.state(ONE).failure == ""
    assert await made.call() == ONE


async def test_another_password_is_another_way_of_the_same_name() -> None:
    """
    Names are given again once their way has gone; of two that are alike each keeps its own.
    """
    made = World(mode="proxies", proxies=["http://a:x@gate:1", "http://b:x@gate:1"])
    await made.call(Unreachable("x"))

    made.change("egress", proxies=["http://b:x@gate:1", "http://c:x@gate:1"])

    assert [one.name for one in made.service.states()] == ["http://gate:1 #2", "http://gate:1"]
    assert [one.failure for one in made.service.states()] == ["", ""]


async def test_a_bound_way_goes_on_when_the_list_changes() -> None:
    """
    Nobody has touched it.
    """
    made = World(**PROXIES)
    bound = make.account("bound", proxy=Secret("http://own:9"))
    await made.call(Unreachable("x"), account=bound)

    made.change("egress", proxies=[TWO], mode="proxies")

    with pytest.raises(NoWay, match="did not work just now"):
        await made.call(account=bound)


@pytest.mark.parametrize(
    ("section", "values"),
    [("chat", {"memory": True}), ("egress", {"clearance_wait_s": 5}), ("egress", {"solver_sessions": True})],
    ids=["chat", "waiting", "sessions"],
)
async def test_other_settings_disturb_nothing(section: str, values: dict[str, Any]) -> None:
    """
    What was learned stays.
    """
    made = World(**PROXIES)
    await made.call(Unreachable("x"))

    made.change(section, **values)

    assert await made.call() == TWO


async def test_settings_that_change_under_a_lease_disturb_nobody() -> None:
    """
    What a call on a way of before teaches is lost, and harms no way of now.
    """
    made = World(**PROXIES)

    async with made.service.lease(ACCOUNT) as way:
        made.change("egress", proxies=[TWO, THREE])
        way.failed(Unreachable("x"))

    assert await made.call() == TWO
    assert [one.in_use for one in made.service.states()] == [0, 0]


async def test_the_service_prints_no_password(caplog: pytest.LogCaptureFixture) -> None:
    """
    What it holds, logs and tells of a proxy is its public name alone.
    """
    caplog.set_level(logging.DEBUG)
    made = World(mode="proxies", proxies=["http://user:hunter2@one:1", TWO])
    bound = make.account("p", proxy=Secret("http://me:hunter2@four:4"))

    for account in (ACCOUNT, bound):
        await made.call(Unreachable("x"), account=account)

    assert "hunter2" not in f"{vars(made.service)} {made.service.states()} {made.told} {caplog.text}"


# --- for the owner ------------------------------------------------------------------------------------------


async def test_requests_on_their_way_are_counted() -> None:
    """
    As long as they hold it.
    """
    made = World(**PROXIES)

    async with made.service.lease(ACCOUNT), made.service.lease(OTHER):
        during = made.state(ONE).in_use

    assert (during, made.state(ONE).in_use) == (2, 0)


async def test_a_list_of_ten_thousand_ways_stays_short() -> None:
    """
    Of the ways that only bound accounts use, those in trouble and those used last.
    """
    made = World(**PROXIES)
    for number in range(SHOWN_BOUND + 10):
        made.clock.advance(1)
        await made.call(account=make.account("p", proxy=Secret(f"p{number}:1")))
    await made.call(Unreachable("x"), account=make.account("q", proxy=Secret("p0:1")))

    names = [one.name for one in made.service.states()]

    assert names[:4] == [ONE, TWO, THREE, "http://p0:1"]
    assert names[4] == f"http://p{SHOWN_BOUND + 9}:1"
    assert len(names) == 3 + SHOWN_BOUND


async def test_ways_are_tested_by_name_by_address_or_all() -> None:
    """
    Each with what it would send, but nothing of an account.
    """
    made = World(**PROXIES, clearance="manual", cookies=PASTED)

    everything = await made.service.test()
    some = await made.service.test([TWO, "socks5://me:pw@new:1"])

    assert list(everything) == [ONE, TWO, THREE]
    assert list(some) == [TWO, "socks5h://new:1"]
    assert {url for url, _ in made.tester.asked} == {SITE}
    assert made.tester.asked[-1][1].proxy.reveal() == "socks5h://me:pw@new:1"
    assert made.tester.asked[0][1].cookies.reveal() == PASTED
    assert len(made.service.states()) == 3


async def test_what_a_test_finds_is_learned() -> None:
    """
    A dead proxy rests, one that works again is sound.
    """
    made = World(**PROXIES)
    made.tester.results[ONE] = core.Tested(reachable=False, failure="It is dead.")
    await made.call(Unreachable("x"), account=make.account("p", proxy=Secret(TWO)))

    await made.service.test()

    assert made.state(ONE).failure == "It is dead."
    assert made.state(ONE).resting_until is not None
    assert made.state(TWO).resting_until is None


async def test_what_is_no_way_out_cannot_be_tested() -> None:
    """
    The reason is told.
    """
    made = World()

    with pytest.raises(InvalidRequest, match="not a proxy scheme"):
        await made.service.test(["ftp://one"])


async def test_without_a_solver_nothing_can_be_solved() -> None:
    """
    The owner's button says so.
    """
    made = World()

    with pytest.raises(NoClearance, match="No Cloudflare solver"):
        await made.service.solve_now("direct")


async def test_an_address_is_found_under_the_name_it_is_used_by() -> None:
    """
    Two that differ only in the password have two names; one that is not used has none.
    """
    made = World(mode="proxies", proxies=["http://a:x@one:1", "http://a:y@one:1"])

    assert made.service.name_of("http://a:y@one:1") == "http://one:1 #2"
    assert made.service.name_of("http://a:z@one:1") == ""


async def test_the_system_s_setting_can_be_looked_up_before_anybody_needs_it() -> None:
    """
    Otherwise the list would be empty until the first request.
    """
    made = World(mode="system", environment={"https_proxy": ONE})
    before = made.service.states()

    await made.service.look_up_system()

    assert before == ()
    assert [state.name for state in made.service.states()] == [ONE]
