"""The program with a Grok that understands questions, for the suites of others."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from grokdesk.sim import Simulator, World
from tests.compliance import clever
from tests.rig import Rig, basic, running, token

# An environment from before it was locked has no llm-comply; the next `make` brings it.
collect_ignore = [] if find_spec("llm_comply") else ["test_llm_comply.py"]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    world.improvise = clever.answer
    basic(world, "a").quota["fast"].remaining = 10_000
    async with Simulator(world).started() as sim, running(tmp_path, sim, world) as rig:
        await rig.add(token("a"))
        yield rig
