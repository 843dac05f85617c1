"""A simulated Grok, and the real way to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest

from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Wire
from grokdesk.sim import Simulator, World
from tests.make import Clock


@pytest.fixture
def clock() -> Clock:
    """The time of day; limits of calls keep real time."""
    return Clock()


@pytest.fixture
async def world(clock: Clock) -> World:
    return World(clock.now, Random(1))


@pytest.fixture
async def sim(world: World) -> AsyncIterator[Simulator]:
    async with Simulator(world, port=0).started() as sim:
        yield sim


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    deadlines = Deadlines(SystemClock())
    async with Wire(deadlines) as wire:
        yield wire
    deadlines.close()
