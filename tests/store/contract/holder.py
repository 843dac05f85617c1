"""A gateway in a process of its own: `holder.py WHAT ADDRESS TEAM_KEY FOLDER`, with WHAT one of

`compete` take and give back leases of one account until enough were granted, and write down how many are held
          at once by all who do so;
`hold`    take five leases, say so, and wait to be killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from grokdesk.core.accounts import AccountId
from grokdesk.core.settings import StorageSettings
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.stores import Stores
from tests.store.contract.places import QUICK, Place

ACCOUNT: Final = AccountId("id-of-the-contested")
MOST: Final = 8
HELD: Final = 5
_TASKS: Final = 4
_TURNS: Final = 6
_USED_S: Final = 0.03


def tally(path: Path, change: int) -> tuple[int, int]:
    """Change how many are held at once; return that, and the most that ever were."""
    with path.open("r+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        now, most = map(int, file.read().split())
        now += change
        most = max(most, now)
        file.seek(0)
        file.truncate()
        file.write(f"{now} {most}")
        file.flush()
        return now, most


async def compete(stores: Stores, path: Path) -> None:
    async def work() -> None:
        for _ in range(_TURNS):
            while await stores.shared.acquire(ACCOUNT, MOST) is not None:  # noqa: ASYNC110 - others tell nobody
                await asyncio.sleep(_USED_S / 3)
            tally(path, +1)
            await asyncio.sleep(_USED_S)
            tally(path, -1)
            stores.shared.release(ACCOUNT)

    async with asyncio.TaskGroup() as group:
        for _ in range(_TASKS):
            group.create_task(work())


async def hold(stores: Stores) -> None:
    for _ in range(HELD):
        assert await stores.shared.acquire(ACCOUNT, MOST) is None, "they are free"
    sys.stdout.write(f"holds, leads={stores.shared.leads}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


async def main(what: str, address: str, team_key: str, folder: Path) -> None:
    storage = StorageSettings(url=address, team_key=team_key)
    async with Supervisor() as supervisor, AsyncExitStack() as stack:
        place = Place("server", folder, None, supervisor, stack)
        stores = await place.open(folder.name, storage=storage, timing=QUICK)
        if what == "compete":
            await compete(stores, folder.parent / "tally")
        else:
            await hold(stores)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4])))
