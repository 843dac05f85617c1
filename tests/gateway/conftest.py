"""A gateway on a free loopback port, with a scripted engine behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import openai
import pytest

from grokdesk.core.notices import Bus, Notice
from grokdesk.core.settings import GatewaySettings, Live, Settings
from grokdesk.gateway.ports import Readiness, Services
from grokdesk.gateway.server import Gateway
from grokdesk.platform.tasks import Supervisor
from tests.gateway.fakes import KEY, FakeClock, FakeJobs, FakeLibrary, ManualDeadlines, OneKey, ScriptedEngine

PATIENCE_S = 10


@dataclass
class World:
    """The gateway and everything around it."""

    engine: ScriptedEngine
    settings: Live
    clock: FakeClock
    deadlines: ManualDeadlines
    notices: list[Notice]
    services: Services
    gateway: Gateway
    library: FakeLibrary
    jobs: FakeJobs

    @property
    def root(self) -> str:
        return f"http://{self.gateway.state.address}"

    def set_gateway(self, **changes: object) -> None:
        current = self.settings.now.gateway.model_dump()
        self.settings.set(Settings(gateway=GatewaySettings.model_validate({**current, **changes})))

    async def until_nothing_in_flight(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.engine.empty.wait()


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor() as supervisor:
        yield supervisor


@pytest.fixture
async def idle(supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A gateway that has not been started."""
    engine, clock, bus = ScriptedEngine(), FakeClock(), Bus()
    notices: list[Notice] = []
    bus.subscribe(notices.append)
    settings = Live(Settings(gateway=GatewaySettings(port=0)))
    deadlines = ManualDeadlines(clock)
    library, jobs = FakeLibrary(tmp_path_factory.mktemp("library")), FakeJobs()
    services = Services(
        engine=engine,
        keys=OneKey(),
        settings=settings,
        bus=bus,
        clock=clock,
        spawn=supervisor.spawn,
        deadlines=deadlines,
        readiness=lambda: Readiness(3, 2),
        library=library,
        media_jobs=jobs,
    )
    return World(engine, settings, clock, deadlines, notices, services, Gateway(services), library, jobs)


@pytest.fixture
async def world(idle: World) -> AsyncIterator[World]:
    """A gateway that listens."""
    await idle.gateway.start()
    yield idle
    await idle.gateway.stop(grace_s=0)


@pytest.fixture
async def client(world: World) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official client, configured as a person would."""
    async with openai.AsyncOpenAI(
        base_url=world.gateway.state.base_url, api_key=KEY, max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def http(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client that sends the key."""
    async with aiohttp.ClientSession(world.root, headers={"Authorization": f"Bearer {KEY}"}) as session:
        yield session
