"""A program that logs requests with what was said in them until it is killed: `talker.py FOLDER`.

Says a line before each batch.
"""

import asyncio
import sys
from pathlib import Path

from grokdesk.core.runs import Talk
from grokdesk.core.usage import HourSum
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import unlock
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.hours import SqlHours
from grokdesk.store.runs import SqlRuns
from grokdesk.store.sqlite_file import SqliteFile
from grokdesk.store.talks import SqlTalks
from tests.store import make

BATCH = 100
SAID = "a very private question"


def talk(name: str) -> Talk:
    return Talk(name, 1_000.0, SAID * 50, SAID * 80)


async def main() -> None:
    paths = Paths.under(Path(sys.argv[1])).create()
    vault = unlock(paths, headless=True)
    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
        runs, talks, hours = SqlRuns(database), SqlTalks(database, vault), SqlHours(database)
        for batch in range(1_000):
            sys.stdout.write(f"{batch}\n")
            sys.stdout.flush()
            for number in range(BATCH):
                name = f"{batch}-{number}"
                runs.save(make.run(name))
                talks.save(talk(name))
            hours.save(HourSum("one", 0, "grok-4", "Editor", done=(batch + 1) * BATCH))
            await database.flush()


if __name__ == "__main__":
    asyncio.run(main())
