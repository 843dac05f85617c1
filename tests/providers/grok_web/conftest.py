"""The provider against a simulated Grok."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grokdesk.platform.wire import Wire
from grokdesk.sim import Simulator, World
from tests.make import Clock
from tests.providers.grok_web.stage import Stage


@pytest.fixture
def stage(sim: Simulator, world: World, wire: Wire, clock: Clock) -> Iterator[Stage]:
    made = Stage(sim, world, wire, clock)
    yield made
    made.deadlines.close()
