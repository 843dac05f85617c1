"""Copies of the database file, and putting one back. Whoever calls holds the data folder: nobody serves it.

A copy is the whole database, its secrets sealed with the master key of the data folder it was made in.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from grokdesk.core.errors import Broken
from grokdesk.platform.paths import Paths, private_file
from grokdesk.platform.sealed_file import is_sealed

log = logging.getLogger(__name__)

_MAGIC: Final = b"SQLite format 3\0"
_PIECE: Final = 1 << 20
_COMPANIONS: Final = ("-wal", "-shm", "-journal")
# What every database of ours has had from the start.
_TABLES: Final = frozenset({"accounts", "client_keys"})


class Kind(StrEnum):
    """How a copy came to be. SEALED is no copy but a backup with a passphrase."""

    DAILY = "daily"
    BEFORE_UPDATE = "before an update"
    BEFORE_RESTORE = "before a restore"
    SEALED = "sealed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that can be restored. `made_at` in Unix seconds."""

    path: Path
    kind: Kind
    made_at: float
    size_bytes: int


def copies(folder: Path) -> list[Copy]:
    """What can be restored from `folder`, the newest first. Raises `Broken` when it cannot be read."""
    try:
        found = [_copy(path) for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise _unreadable(folder, error) from error
    return sorted((one for one in found if one is not None), key=lambda one: one.made_at, reverse=True)


def kind_of(path: Path) -> Kind | None:
    """What kind of copy a file is; None when it is none. Raises `Broken` when it cannot be read."""
    try:
        if is_sealed(path):
            return Kind.SEALED
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return None
    except OSError as error:
        raise _unreadable(path, error) from error
    name = path.name
    if name.startswith("daily-"):
        return Kind.DAILY
    if "-before-restore-" in name:
        return Kind.BEFORE_RESTORE
    return Kind.BEFORE_UPDATE if "-before-" in name else Kind.OTHER


def restore_database(copy: Path, paths: Paths, now: float) -> Path | None:
    """Put `copy` in the place of the database; returns where the present one is kept, None if there was none.

    The present one is kept whole, also when it is damaged, and at every moment either it or the copy is in
    place. Raises `Broken`; then nothing has changed.
    """
    if kind_of(copy) in {None, Kind.SEALED}:
        raise Broken("This is not a copy of a database.", hint="Choose a file of the folder `backups`.")
    _check(copy)
    try:
        kept = _keep(paths, now) if paths.database.exists() else None
        with copy.open("rb") as source, private_file(paths.database) as target:
            shutil.copyfileobj(source, target, _PIECE)
            # A log that belongs to the old file must be gone before the new one stands there.
            for end in _COMPANIONS:
                _with(paths.database, end).unlink(missing_ok=True)
        _copy_file(_with(copy, "-wal"), _with(paths.database, "-wal"))
    except OSError as error:
        raise Broken(
            "The database cannot be replaced.",
            hint="Check that the data folder can be written and the disk is not full.",
            detail=f"{copy}: {error}",
        ) from error
    log.info("database restored copy=%s kept=%s", copy.name, kept and kept.name)
    return kept


def _copy(path: Path) -> Copy | None:
    kind = kind_of(path)
    said = path.stat()
    return Copy(path, kind, said.st_mtime, said.st_size) if kind is not None else None


def _check(copy: Path) -> None:
    """Raise `Broken` unless the file is whole and ours."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as file:
            whole = file.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error as error:
        raise _damaged(copy, str(error)) from error
    if not whole:
        raise _damaged(copy, "quick_check")
    if not tables >= _TABLES:
        raise Broken("This is a database, but not one of GrokDesk.", hint="Choose another file.")


def _keep(paths: Paths, now: float) -> Path:
    """Copy the present database and what a crash left beside it into the folder of backups."""
    moment = datetime.fromtimestamp(now).astimezone().strftime("%Y%m%d-%H%M%S")
    kept = paths.backups / f"{paths.database.stem}-before-restore-{moment}.db"
    for end in ("", "-wal", "-journal"):
        _copy_file(_with(paths.database, end), _with(kept, end))
    # Only now: of a damaged one SQLite throws the log away. What is taken into the file is not missed.
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(paths.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return kept


def _copy_file(source: Path, target: Path) -> None:
    if source.exists():
        with source.open("rb") as old, private_file(target) as new:
            shutil.copyfileobj(old, new, _PIECE)


def _with(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _damaged(copy: Path, detail: str) -> Broken:
    return Broken(
        "This copy of the database is damaged.",
        hint="Choose another one. Nothing was changed.",
        detail=f"{copy}: {detail}",
    )


def _unreadable(path: Path, error: OSError) -> Broken:
    return Broken(
        "The copies cannot be read.",
        hint="Check that the folder exists and that you may read it.",
        detail=f"{path}: {error}",
    )
