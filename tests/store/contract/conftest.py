"""Places for stores: a file, and servers that are started when the first test wants them."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from grokdesk.platform.tasks import Supervisor
from tests.store.contract.places import KINDS, SHARED, Place
from tests.store.contract.servers import SERVERS, Server


class Running:
    """The servers that have been started."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._servers: dict[str, Server] = {}

    def get(self, kind: str) -> Server | None:
        if kind == "sqlite":
            return None
        program = SERVERS[kind].programs[0]
        if SERVERS[kind].program() is None:
            if os.environ.get("CI") == "true":
                pytest.fail(f"{program} is not installed; .ci/run installs it", pytrace=False)
            pytest.skip(f"{program} is not installed")
        if kind not in self._servers:
            self._servers[kind] = self._stack.enter_context(SERVERS[kind]())
        return self._servers[kind]


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(stack)


@pytest.fixture
def server(request: pytest.FixtureRequest, running: Running) -> Server | None:
    """The server of the kind that the test is parametrised with."""
    return running.get(request.param)


async def place_of(server: Server | None, folder: Path) -> AsyncIterator[Place]:
    async with Supervisor() as supervisor, AsyncExitStack() as stack:
        kind = "sqlite" if server is None else server.kind
        if server is not None:
            await server.clean()
        yield Place(kind, folder, server, supervisor, stack)


@pytest.fixture
async def place(server: Server | None, tmp_path: Path) -> AsyncIterator[Place]:
    async for place in place_of(server, tmp_path):
        yield place


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that has a place with each kind; one marked `shared` with those it names, or that share."""
    if "server" in metafunc.fixturenames:
        shared = metafunc.definition.get_closest_marker("shared")
        kinds = KINDS if shared is None else shared.args or SHARED
        metafunc.parametrize("server", kinds, indirect=True, ids=kinds)
