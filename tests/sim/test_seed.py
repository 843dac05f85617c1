"""The demo world."""

import random

import aiohttp

from grokdesk.sim import Simulator, demo_tokens, demo_world
from tests.sim.caller import Caller, tokens
from tests.sim.conftest import Clock


def test_every_state_is_there(clock: Clock) -> None:
    """
    Each tier, a dead account, a blocked one, and one without quota; tokens nobody takes for real ones.
    """
    world = demo_world(clock, random.Random(1))

    accounts = list(world.accounts.values())
    assert [account.token for account in accounts] == [token for token, _ in demo_tokens()]
    assert {account.tier for account in accounts} == {"basic", "super", "heavy"}
    assert {account.status for account in accounts} == {"ok", "blocked", "unauthenticated"}
    assert any(account.quota["fast"].remaining == 0 for account in accounts)
    assert all("not-a-real-token" in account.token for account in accounts)


def test_the_demo_is_always_the_same(clock: Clock) -> None:
    """
    The same seed gives the same ids, so that screenshots stay.
    """
    first, second = (demo_world(clock, random.Random(7)) for _ in range(2))

    assert [one.user_id for one in first.accounts.values()] == [
        one.user_id for one in second.accounts.values()
    ]


async def test_the_demo_answers(clock: Clock) -> None:
    """
    At a reader's pace, to the question that was asked.
    """
    world = demo_world(clock, random.Random(1))
    world.pace_s = 0.001
    token = demo_tokens()[8].token
    async with Simulator(world).started() as sim, aiohttp.ClientSession() as http:
        _, raw = await Caller(sim, http).chat(token, message="[user]: How do tides work?", mode="expert")

    assert "> How do tides work?" in tokens(raw)
    assert world.violations == []
