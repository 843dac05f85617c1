"""What is left when the program is killed."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import no_keyring, unlock
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.accounts import SqlAccounts
from grokdesk.store.sqlite_file import SqliteFile
from tests.store import importer

ROOT = Path(__file__).resolve().parents[2]


def import_until_killed(folder: Path, *, batches: int, later_s: float) -> None:
    """Kill the importer `later_s` after it began its batch number `batches`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    child = subprocess.Popen(
        [sys.executable, importer.__file__, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    with child:
        assert child.stdout is not None
        while child.stdout.readline().strip() != str(batches).encode():
            assert child.poll() is None, "the importer ended by itself"
        threading.Event().wait(later_s)
        child.kill()


@pytest.mark.parametrize(("batches", "later_s"), [(0, 0.0), (0, 0.015), (0, 0.03), (1, 0.02), (2, 0.04)])
async def test_a_killed_import_leaves_whole_batches(tmp_path: Path, batches: int, later_s: float) -> None:
    """
    After `kill -9` in the middle of an import the database opens, with all or none of each thousand.
    """
    import_until_killed(tmp_path, batches=batches, later_s=later_s)

    paths = Paths.under(tmp_path)
    vault = unlock(paths, headless=True, keyring_backend=no_keyring)
    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
        accounts = await SqlAccounts(database, vault).all()
    assert len(accounts) % importer.BATCH == 0
    assert len(accounts) >= batches * importer.BATCH
    assert all(account.token for account in accounts)
