"""Accounts are looked after by themselves: checks when due, evenly spread, and dead ones put away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from grokdesk.core.accounts import AccountId, Mode, Report, Status, Tier
from grokdesk.core.errors import Broken, Unreachable
from grokdesk.core.notices import AccountChanged, CleanedUp, SettingsChanged
from grokdesk.core.ports import Removed
from grokdesk.engine import upkeep
from grokdesk.engine.quota import Checks
from grokdesk.engine.upkeep import Upkeep
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import Stage, stage, until
from tests.make import NOW

DAY = 86_400


@pytest.fixture(autouse=True)
def _no_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns of the loop take no time here; the clock is turned by hand."""
    monkeypatch.setattr(upkeep, "_GATHER_S", 0.0)


@asynccontextmanager
async def kept_up(made: Stage, *, leads: bool = True) -> AsyncIterator[Upkeep]:
    async with (
        Supervisor() as tasks,
        Checks(made.provider, made.pool, made.egress, made.live, tasks) as checks,
    ):
        keeper = Upkeep(made.pool, checks, made.live, made.bus, made.clock, leads=lambda: leads)
        async with tasks.during(keeper.run(), name="upkeep"):
            yield keeper


async def turns(count: int = 60) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_stale_is_checked_at_the_start() -> None:
    """
    Never checked, and checked too long ago; not what is fresh, and not what is dead.
    """
    made = await stage(
        make.account("never"),
        make.account("stale", synced_at=NOW - 2 * DAY, checked_at=NOW - 2 * DAY),
        make.account("fresh", synced_at=NOW - 60, checked_at=NOW - 60),
        make.account("signed out", status=Status.EXPIRED),
    )

    async with kept_up(made):
        await until(lambda: len(made.provider.probed) == 1)
        made.clock.advance(1)
        await until(lambda: len(made.provider.probed) == 2)
        made.clock.advance(10)
        await turns()

    assert sorted(made.provider.probed) == ["never", "stale"]


async def test_many_that_are_due_come_one_after_another() -> None:
    """
    A hundred stale accounts at sixty a minute: one a second, whatever the number of places.
    """
    made = await stage(
        *(make.account(f"n{number}") for number in range(100)),
        accounts={"checks_per_minute": 60, "checks_at_once": 50},
    )

    async with kept_up(made):
        await until(lambda: made.provider.probed)
        await turns()
        at_once = len(made.provider.probed)
        for _ in range(10):
            made.clock.advance(1)
            await turns()

    assert at_once <= 2
    assert 10 <= len(made.provider.probed) <= 12


async def test_a_use_is_followed_by_a_check_after_the_pause() -> None:
    """
    Only the windows are asked, and not before the pause is over.
    """
    made = await stage(make.account("a", synced_at=NOW, checked_at=NOW))

    async with kept_up(made):
        made.clock.advance(10)
        made.pool.edit([AccountId("a")], lambda one: replace(one, last_use_at=NOW + 10))
        await turns()
        too_soon = list(made.provider.probed)
        made.clock.advance(290)
        made.pool.learn(AccountId("a"), "u-1", "")
        await until(lambda: made.provider.probed)

    assert too_soon == []
    assert made.provider.asked_meters == [(Mode.FAST,)]


async def test_a_failed_check_is_tried_again_later() -> None:
    """
    After the pause, then twice that.
    """
    made = await stage(make.account("a"))
    made.provider.reports["a"] = Unreachable("no way")

    async with kept_up(made):
        await until(lambda: made.account("a").check_failures == 1)
        made.clock.advance(299)
        await turns()
        early = len(made.provider.probed)
        made.clock.advance(1)
        made.pool.learn(AccountId("a"), "u-1", "")
        await until(lambda: made.account("a").check_failures == 2)

    assert early == 1


async def test_the_owner_may_switch_it_off() -> None:
    """
    Then nothing is asked by itself, and on again everything that was due is.
    """
    made = await stage(make.account("a"), accounts={"check_regularly": False})

    async with kept_up(made):
        await turns()
        off = list(made.provider.probed)
        old = made.live.now
        made.change("accounts", check_regularly=True)
        made.bus.publish(SettingsChanged(old, made.live.now))
        await until(lambda: made.provider.probed)

    assert (off, made.provider.probed) == ([], ["a"])


async def test_only_the_one_that_leads_looks_after_a_shared_pool() -> None:
    """
    The others leave it alone.
    """
    made = await stage(make.account("a"))

    async with kept_up(made, leads=False):
        await turns()

    assert made.provider.probed == []


@pytest.mark.parametrize("rule", ["off", "disable", "remove"])
async def test_the_owner_s_rule_puts_dead_accounts_away(rule: str) -> None:
    """
    As it says, with a notice that names them, and so that it can be undone.
    """
    dead = make.account("dead", status=Status.EXPIRED, reason="Signed out.", since=NOW - 8 * DAY)
    made = await stage(
        dead,
        make.account("alive", synced_at=NOW, checked_at=NOW),
        accounts={"clean_up": rule, "clean_up_days": 7},
    )

    async with kept_up(made):
        await turns()

    told = [notice for notice in made.notices if isinstance(notice, CleanedUp)]
    match rule:
        case "off":
            assert (made.account("dead"), told) == (dead, [])
        case "disable":
            assert told == [CleanedUp(frozenset({dead.id}), removed=False)]
            assert made.account("dead").status is Status.DISABLED
            assert made.account("dead").reason == "Switched off by your rule after 7 days. Signed out."
        case _:
            assert told == [CleanedUp(frozenset({dead.id}), removed=True)]
            assert [one.account for one in await made.pool.removed()] == [dead]
            assert await made.pool.restore([dead.id]) == [dead]


async def test_a_tier_that_was_proven_moves_the_next_check() -> None:
    """
    What a check tells decides when the next one comes.
    """
    made = await stage(make.account("a"))
    made.provider.reports["a"] = Report(tier=Tier.SUPER)

    async with kept_up(made) as keeper:
        await until(lambda: made.account("a").tier is Tier.SUPER)
        await turns()
        due = keeper.next_due()

    assert due is not None
    assert NOW + 7_200 <= due <= NOW + 7_920


async def test_a_store_that_is_away_does_not_end_the_upkeep(caplog: pytest.LogCaptureFixture) -> None:
    """
    What could not be cleaned up is a minute later.
    """
    old, fresh = make.account("old"), make.account("fresh", synced_at=NOW, checked_at=NOW)
    made = await stage(fresh)
    made.accounts.gone[old.id] = Removed(old, NOW - 31 * DAY)
    forget, away = made.accounts.purge, True

    async def purge(before: float) -> int:
        if away:
            raise Broken("The store is away.", detail="away")
        return await forget(before)

    made.accounts.purge = purge  # type: ignore[method-assign]  # a server that cannot be reached
    async with kept_up(made):
        await until(lambda: caplog.records)
        away = False
        made.bus.publish(AccountChanged(frozenset({fresh.id})))
        await turns()
        early = set(made.accounts.gone)
        made.clock.advance(60)
        made.bus.publish(AccountChanged(frozenset({fresh.id})))
        await until(lambda: not made.accounts.gone)

    assert early == {old.id}
    assert [one.levelname for one in caplog.records] == ["WARNING"]
