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
from grokdesk.store.hours import SqlHours
from grokdesk.store.runs import SqlRuns
from grokdesk.store.sqlite_file import SqliteFile
from grokdesk.store.talks import SqlTalks
from tests.store import importer, talker

ROOT = Path(__file__).resolve().parents[2]


def work_until_killed(program: str, folder: Path, *, batches: int, later_s: float) -> None:
    """Kill the program `later_s` after it began its batch number `batches`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    child = subprocess.Popen(
        [sys.executable, program, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    with child:
        assert child.stdout is not None
        while child.stdout.readline().strip() != str(batches).encode():
            assert child.poll() is None, "it ended by itself"
        threading.Event().wait(later_s)
        child.kill()


@pytest.mark.parametrize(("batches", "later_s"), [(0, 0.0), (0, 0.015), (0, 0.03), (1, 0.02), (2, 0.04)])
async def test_a_killed_import_leaves_whole_batches(tmp_path: Path, batches: int, later_s: float) -> None:
    """
    After `kill -9` in the middle of an import the database opens, with all or none of each thousand.
    """
    work_until_killed(importer.__file__, tmp_path, batches=batches, later_s=later_s)

    paths = Paths.under(tmp_path)
    vault = unlock(paths, headless=True, keyring_backend=no_keyring)
    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
        accounts = await SqlAccounts(database, vault).all()
    assert len(accounts) % importer.BATCH == 0
    assert len(accounts) >= batches * importer.BATCH
    assert all(account.token for account in accounts)


def in_clear(folder: Path) -> list[str]:
    """The files in which something stands that was said."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert "grokdesk.db" in {path.name for path in files}
    return [path.name for path in files if talker.SAID.encode() in path.read_bytes()]


@pytest.mark.parametrize(("batches", "later_s"), [(0, 0.01), (1, 0.0), (3, 0.02)])
async def test_what_was_said_is_whole_or_not_there_after_a_kill(
    tmp_path: Path, batches: int, later_s: float
) -> None:
    """
    Requests, what was said in them and their sums are written together; no word of it is ever in clear.
    """
    work_until_killed(talker.__file__, tmp_path, batches=batches, later_s=later_s)

    clear = in_clear(tmp_path)
    paths = Paths.under(tmp_path)
    vault = unlock(paths, headless=True, keyring_backend=no_keyring)
    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
        runs = await SqlRuns(database).latest(10_000)
        talks = [one async for part in SqlTalks(database, vault).batches() for one in part]
        hours = await SqlHours(database).between(0, 1)
    assert clear == []
    assert len(talks) >= batches * talker.BATCH
    assert all(talk == talker.talk(talk.id) for talk in talks)
    assert {talk.id for talk in talks} == {run.id for run in runs}
    assert sum(hour.done for hour in hours) == len(runs)
