"""A data folder, a vault and an open database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.database import Database
from grokdesk.store.sqlite_file import SqliteFile


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path / "data").create()


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)), KeySource.KEY_FILE)


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor() as supervisor:
        yield supervisor


@pytest.fixture
async def database(paths: Paths, supervisor: Supervisor) -> AsyncIterator[Database]:
    async with SqliteFile(paths, spawn=supervisor.spawn) as database:
        yield database
