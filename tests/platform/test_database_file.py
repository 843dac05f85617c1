"""Copies of the database, and putting one back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.platform.database_file import Kind, copies, kind_of, restore_database
from grokdesk.platform.paths import Paths
from grokdesk.platform.sealed_file import sealing
from grokdesk.platform.secrets import Cost
from tests import make


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.under(tmp_path / "data").create()


def database(path: Path, word: str, *, tables: tuple[str, ...] = ("accounts", "client_keys")) -> Path:
    """A database like ours that holds one word."""
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        for table in tables:
            made.execute(f"CREATE TABLE {table} (word TEXT)")
        made.execute(f"INSERT INTO {tables[0]} VALUES (?)", (word,))  # noqa: S608 - our own names
        made.commit()
    return path


def word_in(path: Path) -> str:
    """What such a database holds."""
    with closing(sqlite3.connect(path)) as file:
        return str(file.execute("SELECT word FROM accounts").fetchone()[0])


def test_a_copy_is_put_back_and_the_present_one_is_kept(paths: Paths) -> None:
    """
    For its owner only; and what was kept can be put back in turn.
    """
    database(paths.database, "present")
    copy = database(paths.backups / "daily-2026-09-20.db", "yesterday")

    kept = restore_database(copy, paths, make.NOW)

    assert kept is not None
    assert (word_in(paths.database), word_in(kept), kind_of(kept)) == (
        "yesterday",
        "present",
        Kind.BEFORE_RESTORE,
    )
    assert (paths.database.stat().st_mode & 0o777, kept.stat().st_mode & 0o777) == (0o600, 0o600)
    restore_database(kept, paths, make.NOW + 1)
    assert word_in(paths.database) == "present"


def test_a_database_that_is_gone_is_put_back(paths: Paths) -> None:
    """
    There is nothing to keep then.
    """
    copy = database(paths.backups / "daily-2026-09-20.db", "yesterday")

    assert restore_database(copy, paths, make.NOW) is None
    assert word_in(paths.database) == "yesterday"


def test_the_log_of_a_killed_program_is_not_applied_to_the_copy(paths: Paths) -> None:
    """
    It belongs to the present database, and is kept with it.
    """
    database(paths.database, "old")
    killed = sqlite3.connect(paths.database)
    killed.execute("UPDATE accounts SET word = 'in the log'")
    killed.commit()
    log = Path(f"{paths.database}-wal").read_bytes()
    main = paths.database.read_bytes()
    killed.close()
    paths.database.write_bytes(main)
    Path(f"{paths.database}-wal").write_bytes(log)
    copy = database(paths.backups / "daily-2026-09-20.db", "yesterday")

    kept = restore_database(copy, paths, make.NOW)

    assert kept is not None
    assert (word_in(paths.database), word_in(kept)) == ("yesterday", "in the log")


def test_a_damaged_database_is_kept_and_replaced(paths: Paths) -> None:
    """
    That it is damaged is why somebody restores.
    """
    paths.database.write_bytes(b"garbage" * 1_000)
    Path(f"{paths.database}-wal").write_bytes(b"more garbage")
    copy = database(paths.backups / "daily-2026-09-20.db", "yesterday")

    kept = restore_database(copy, paths, make.NOW)

    assert kept is not None
    assert (word_in(paths.database), kept.read_bytes()) == ("yesterday", b"garbage" * 1_000)
    assert Path(f"{kept}-wal").read_bytes() == b"more garbage"


def test_a_copy_that_is_damaged_or_foreign_changes_nothing(paths: Paths, tmp_path: Path) -> None:
    """
    It is looked through before anything is touched.
    """
    database(paths.database, "present")
    cut = database(tmp_path / "cut.db", "x" * 20_000)
    cut.write_bytes(cut.read_bytes()[:-9_000])
    foreign = database(tmp_path / "foreign.db", "x", tables=("people",))
    text = tmp_path / "text.db"
    text.write_text("no database")
    before = sorted(one.name for one in paths.backups.iterdir())

    for copy, words in ((cut, "damaged"), (foreign, "not one of GrokDesk"), (text, "not a copy")):
        with pytest.raises(Broken, match=words):
            restore_database(copy, paths, make.NOW)
    with pytest.raises(Broken, match="cannot be read"):
        restore_database(tmp_path / "none.db", paths, make.NOW)

    assert word_in(paths.database) == "present"
    assert sorted(one.name for one in paths.backups.iterdir()) == before


def test_a_full_disk_changes_nothing(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The present database stays where it is.
    """
    database(paths.database, "present")
    copy = database(paths.backups / "daily-2026-09-20.db", "yesterday")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(Broken, match="cannot be replaced"):
        restore_database(copy, paths, make.NOW)

    assert word_in(paths.database) == "present"


def test_the_copies_are_listed_newest_first(paths: Paths) -> None:
    """
    With what they are; other files do not count.
    """
    made = [
        database(paths.backups / "grokdesk-before-m002_keys.db", "a"),
        database(paths.backups / "daily-2026-09-19.db", "b"),
        paths.backups / "mine.backup",
        database(paths.backups / "own copy.db", "c"),
    ]
    with sealing(made[2], Secret("correct horse"), cost=Cost(n=16, r=1, p=1)) as file:
        file.write(b"all")
    (paths.backups / "notes.txt").write_text("x")
    (paths.backups / "daily-2026-09-18.part").write_bytes(b"")
    for age, path in enumerate(made):
        os.utime(path, (make.NOW - age, make.NOW - age))

    found = copies(paths.backups)

    assert [(one.path, one.made_at) for one in found] == [
        (path, make.NOW - age) for age, path in enumerate(made)
    ]
    assert [one.kind for one in found] == [Kind.BEFORE_UPDATE, Kind.DAILY, Kind.SEALED, Kind.OTHER]
    assert found[0].size_bytes == made[0].stat().st_size
    with pytest.raises(Broken, match="cannot be read"):
        copies(paths.backups / "none")
