"""The database of the library: `library.db` in the data folder, also where accounts are on a shared server.

Its files lie in the same data folder, so it must never say anything about those of another gateway.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.database import DatabaseTrouble, OnTrouble, Spawn
from grokdesk.store.library_files import SqlMedia
from grokdesk.store.library_jobs import SqlJobs
from grokdesk.store.library_schema import MIGRATIONS
from grokdesk.store.sqlite_file import SqliteFile

log = logging.getLogger(__name__)

_COMPANIONS: Final = ("-wal", "-shm", "-journal")
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


@dataclass(frozen=True, slots=True)
class LibraryStores:
    """What lies in `library.db`."""

    files: SqlMedia
    jobs: SqlJobs


@asynccontextmanager
async def opened_library(
    paths: Paths, vault: Vault, *, spawn: Spawn, on_trouble: OnTrouble
) -> AsyncIterator[LibraryStores]:
    """Open the database; leaving the block writes what waits and closes it. Raises `DatabaseTrouble`.

    A damaged one is put aside and a new one begun, which the files themselves fill again: a list that can be
    made again must not keep the program from starting.
    """
    ours = replace(paths, database=paths.data / "library.db")

    def file() -> SqliteFile:
        return SqliteFile(ours, spawn=spawn, on_trouble=on_trouble, known=MIGRATIONS)

    async with AsyncExitStack() as stack:
        damage = ""
        try:
            database = await stack.enter_async_context(file())
        except DatabaseTrouble as error:
            if not error.detail.startswith(_DAMAGED):
                raise
            damage = error.detail
        if damage:
            log.error("the list of the library is damaged and is made again reason=%s", damage)
            await offload(_put_aside, ours.database)
            database = await stack.enter_async_context(file())
        yield LibraryStores(SqlMedia(database, vault), SqlJobs(database, vault))


def _put_aside(path: Path) -> None:
    for end in ("", *_COMPANIONS):
        companion = path.with_name(path.name + end)
        if companion.exists():
            companion.replace(path.with_name(f"{path.stem}-damaged{path.suffix}{end}"))
