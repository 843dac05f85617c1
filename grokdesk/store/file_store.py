"""The store of a desktop installation: the SQLite file in the data folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from grokdesk.core.completions import Keep
from grokdesk.core.ports import Clock
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import Vault
from grokdesk.store.accounts import SqlAccounts
from grokdesk.store.completions import SqlCompletions
from grokdesk.store.database import OnTrouble, Spawn
from grokdesk.store.hours import SqlHours
from grokdesk.store.keys import SqlKeys
from grokdesk.store.responses import SqlResponses
from grokdesk.store.runs import SqlRuns
from grokdesk.store.sqlite_file import SqliteFile
from grokdesk.store.stores import Alone, Stores
from grokdesk.store.talks import SqlTalks


@asynccontextmanager
async def opened_file(
    paths: Paths,
    vault: Vault,
    *,
    spawn: Spawn,
    on_trouble: OnTrouble,
    clock: Clock,
    keep: Callable[[], Keep],
) -> AsyncIterator[Stores]:
    """Open the file; leaving the block writes what waits and closes it. Raises `DatabaseTrouble`."""
    async with SqliteFile(paths, spawn=spawn, on_trouble=on_trouble) as database:
        yield Stores(
            accounts=SqlAccounts(database, vault),
            keys=SqlKeys(database, vault),
            runs=SqlRuns(database),
            hours=SqlHours(database),
            talks=SqlTalks(database, vault),
            responses=SqlResponses(database, vault),
            completions=SqlCompletions(database, vault, clock, keep),
            shared=Alone(),
            copy_to=database.copy_to,
        )
