"""Checks of accounts in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from grokdesk.core.accounts import AccountId, Mode, Report, Status, Tier
from grokdesk.core.errors import AccountRejected, Broken, Unreachable
from grokdesk.engine.quota import Checks
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import Stage, stage, until

NAMES = "abcdefghij"


def ids(names: str) -> list[AccountId]:
    return [AccountId(name) for name in names]


@asynccontextmanager
async def checking(made: Stage) -> AsyncIterator[Checks]:
    async with (
        Supervisor() as tasks,
        Checks(made.provider, made.pool, made.egress, made.live, tasks) as checks,
    ):
        yield checks


async def ten(at_once: int = 3) -> Stage:
    return await stage(*(make.account(name) for name in NAMES), accounts={"checks_at_once": at_once})


async def test_every_account_is_checked_and_no_more_at_once_than_allowed() -> None:
    """
    Ten accounts, three at a time, each once, in order; what they told is in the pool.
    """
    made = await ten()
    made.provider.reports["c"] = Report("u-3", "c@example.org", Tier.SUPER)

    async with checking(made) as checks:
        failures = await checks.check(ids(NAMES))

    assert failures == dict.fromkeys(ids(NAMES))
    assert ("".join(made.provider.probed), made.provider.most_probing) == (NAMES, 3)
    assert (made.account("c").tier, made.account("c").email) == (Tier.SUPER, "c@example.org")
    assert all(one.synced_at is not None for one in made.pool.accounts())


async def test_one_that_waits_is_not_checked_twice() -> None:
    """
    Whoever asks for it again gets the same answer.
    """
    made = await ten(1)
    gate = asyncio.Event()
    made.provider.reports["a"] = gate

    async with checking(made) as checks:
        first, again = checks.start(ids("ab")), checks.start(ids("ba"))
        running = checks.running
        gate.set()
        await asyncio.gather(*first)

    assert again == [first[1], first[0]]
    assert (running, made.provider.probed) == (2, ["a", "b"])


async def test_later_ones_are_checked_beside_those_at_work() -> None:
    """
    Free places are filled at once, also while earlier checks take their time.
    """
    made = await ten(3)
    made.provider.reports |= dict.fromkeys("ab", asyncio.Event())

    async with checking(made) as checks:
        checks.start(ids("ab"))
        await until(lambda: made.provider.probing == 2)

        assert await checks.check(ids("c")) == {AccountId("c"): None}


async def test_a_failure_is_reported_and_charged_if_it_is_the_account_s() -> None:
    """
    The others are checked all the same.
    """
    made = await ten()
    out, lost = AccountRejected("out", status=Status.EXPIRED), Unreachable("no way")
    made.provider.reports |= {"a": out, "b": lost}

    async with checking(made) as checks:
        failures = await checks.check(ids("abc"))

    assert failures == {AccountId("a"): out, AccountId("b"): lost, AccountId("c"): None}
    assert [made.account(name).status for name in "abc"] == [Status.EXPIRED, Status.ACTIVE, Status.ACTIVE]
    assert made.account("b").failures == 0


async def test_a_removed_account_is_passed_over() -> None:
    """
    Nobody is asked about an account that has gone.
    """
    made = await ten()
    await made.pool.remove(ids("a"))

    async with checking(made) as checks:
        assert await checks.check(ids("a")) == {AccountId("a"): None}

    assert made.provider.probed == []


async def test_a_bug_stops_neither_the_others_nor_those_who_wait(caplog: pytest.LogCaptureFixture) -> None:
    """
    The check that broke says so, the rest of the queue goes on, and the traceback is logged.
    """
    made = await ten(1)
    made.provider.reports["a"] = ValueError("bug")

    async with checking(made) as checks:
        broken, fine = checks.start(ids("ab"))
        await asyncio.wait([broken, fine])

    assert isinstance(broken.exception(), Broken)
    assert fine.result() is None
    assert "bug" in caplog.text


async def test_the_end_leaves_nobody_waiting() -> None:
    """
    Checks at work and in the queue are cut off, and whoever waits for one hears so.
    """
    made = await ten(2)
    made.provider.reports |= dict.fromkeys(NAMES, asyncio.Event())

    async with checking(made) as checks:
        promises = checks.start(ids(NAMES))
        waiting = asyncio.get_running_loop().create_task(checks.check(ids("ab")))
        await until(lambda: made.provider.probing == 2)

    assert [type(promise.exception()) for promise in promises] == [Broken] * 10
    await asyncio.wait([waiting])
    assert isinstance(waiting.exception(), Broken)
    assert (checks.running, made.provider.probing) == (0, 0)


async def test_one_who_waits_may_leave() -> None:
    """
    The check goes on for the others.
    """
    made = await ten()
    gate = asyncio.Event()
    made.provider.reports["a"] = gate

    async with checking(made) as checks:
        loop = asyncio.get_running_loop()
        leaving, staying = (loop.create_task(checks.check(ids("a"))) for _ in range(2))
        await until(lambda: made.provider.probing)
        leaving.cancel()
        await asyncio.wait([leaving])
        gate.set()

        assert await staying == {AccountId("a"): None}


@pytest.mark.parametrize(
    ("change", "checked"),
    [
        (lambda _: None, NAMES),
        (lambda made: made.pool.enable(ids("b"), on=False), NAMES.replace("b", "")),
        (lambda made: made.pool.report(made.account("c"), Report()), NAMES.replace("c", "")),
    ],
    ids=["all new", "one switched off", "one known"],
)
async def test_accounts_never_checked_are_checked_at_the_start(
    change: Callable[[Stage], None], checked: str
) -> None:
    """
    Only active ones of which nothing is known.
    """
    made = await ten()
    change(made)

    async with checking(made) as checks:
        checks.start_unknown()
        await until(lambda: not checks.running)

    assert "".join(made.provider.probed) == checked


async def test_what_nobody_waits_for_comes_last() -> None:
    """
    The owner's own check is done before the regular ones.
    """
    made = await ten(1)
    gate = asyncio.Event()
    made.provider.reports["a"] = gate

    async with checking(made) as checks:
        for one in ids("abc"):
            checks.start_later(one)
        await until(lambda: made.provider.probing)
        checks.start(ids("j"))
        gate.set()
        await until(lambda: not checks.running)

    assert made.provider.probed == ["a", "j", "b", "c"]


@pytest.mark.parametrize("when", ["before", "while"])
async def test_who_wants_everything_gets_everything(when: str) -> None:
    """
    Also when a smaller check of the same account waits, or is under way.
    """
    made = await ten(1)
    gate = asyncio.Event()
    made.provider.reports["a"] = gate

    async with checking(made) as checks:
        if when == "before":
            checks.start_later(ids("a")[0])
            checks.start_later(ids("b")[0], (Mode.FAST,))
        else:
            checks.start_later(ids("a")[0], (Mode.FAST,))
        await until(lambda: made.provider.probing)
        wanted = ids("b" if when == "before" else "a")
        (promise,) = checks.start(wanted)
        gate.set()
        await promise
        await until(lambda: not checks.running)

    assert made.provider.asked_meters[-1] == ()
    assert made.provider.probed == (["a", "b"] if when == "before" else ["a", "a"])


async def test_a_check_that_is_stopped_on_the_way_is_tried_once_more_when_the_way_changed() -> None:
    """
    Another proxy, or a new clearance: the account says nothing about the first failure.
    """
    made = await stage(
        make.account("a"),
        egress={"mode": "proxies", "proxies": ["http://one.example.org:1", "http://two.example.org:2"]},
    )
    made.provider.reports["a"] = Unreachable("no way")

    async with checking(made) as checks:
        failures = await checks.check(ids("a"))

    assert made.provider.probed == ["a", "a"]
    assert isinstance(failures[ids("a")[0]], Unreachable)
