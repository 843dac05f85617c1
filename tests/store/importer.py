"""A program that imports accounts until it is killed: `importer.py FOLDER`. Says a line before each batch."""

import asyncio
import sys
from pathlib import Path

from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import unlock
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.accounts import SqlAccounts
from grokdesk.store.sqlite_file import SqliteFile
from tests.store import make

BATCH = 1_000


async def main() -> None:
    paths = Paths.under(Path(sys.argv[1])).create()
    vault = unlock(paths, headless=True)
    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
        accounts = SqlAccounts(database, vault)
        for batch in range(1_000):
            sys.stdout.write(f"{batch}\n")
            sys.stdout.flush()
            await accounts.add([make.account(f"{batch}-{number}") for number in range(BATCH)])


if __name__ == "__main__":
    asyncio.run(main())
