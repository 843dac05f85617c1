"""The demo world."""

import random

import aiohttp

from grokdesk.sim import Simulator, demo_tokens, demo_world
from tests.sim.caller import Caller, tokens
from tests.sim.conftest import Clock
from tests.sim.media_caller import draw, finals


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


def test_some_may_still_draw_and_some_may_not(clock: Clock) -> None:
    """
    Every quota of pictures and films goes with what is left of the account.
    """
    world = demo_world(clock, random.Random(1))

    left = [world.media.has_left(account, "imagePro") for account in world.accounts.values()]
    assert set(left) == {True}
    films = [world.media.has_left(account, "video720p") for account in world.accounts.values()]
    assert set(films) == {True, False}


async def test_the_demo_draws(clock: Clock) -> None:
    """
    A picture of a megapixel for anybody who asks.
    """
    world = demo_world(clock, random.Random(1))
    world.media.pace_s = 0
    account = next(iter(world.accounts.values()))

    async with (
        Simulator(world).started() as sim,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        [final] = finals(await draw(Caller(sim, http), account, count=1))

    assert (final["width"], final["height"]) == (784, 1168)
    assert world.violations == []
