"""The program on a fresh folder, with a world that has one good account."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from grokdesk.sim import Simulator, World
from tests.rig import Rig, running


@pytest.fixture
async def world() -> World:
    return World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given


@pytest.fixture
async def sim(world: World) -> AsyncIterator[Simulator]:
    async with Simulator(world, port=0).started() as sim:
        yield sim


@pytest.fixture(params=["gateway", "rest"])
def form(request: pytest.FixtureRequest) -> str:
    """Both forms of chat."""
    return str(request.param)


@pytest.fixture
async def rig(tmp_path: Path, sim: Simulator, world: World, form: str) -> AsyncIterator[Rig]:
    async with running(tmp_path / "data", sim, world, grok_web__chat_form=form) as rig:
        yield rig
