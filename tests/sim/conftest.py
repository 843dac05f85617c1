"""A world with a clock of its own, a simulator on a free port, and a client."""

import random
from collections.abc import AsyncIterator

import aiohttp
import pytest

from grokdesk.sim import Account, Simulator, World
from tests.sim.caller import Caller


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_392_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(clock, random.Random(1))


@pytest.fixture
def ada(world: World) -> Account:
    """A heavy account: every mode is hers."""
    return world.add("tok-ada", "heavy")


@pytest.fixture
async def sim(world: World) -> AsyncIterator[Simulator]:
    async with Simulator(world).started() as simulator:
        yield simulator


@pytest.fixture
async def caller(sim: Simulator) -> AsyncIterator[Caller]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Caller(sim, http)
