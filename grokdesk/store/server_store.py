"""The store of several gateways: a database on a server, and what they keep together there."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from grokdesk.core.completions import Keep
from grokdesk.core.ports import Clock
from grokdesk.core.secret import Secret
from grokdesk.store.completions import SqlCompletions
from grokdesk.store.database import OnTrouble, Spawn
from grokdesk.store.gateways import SqlShared
from grokdesk.store.hours import SqlHours
from grokdesk.store.journal import SharedJournal
from grokdesk.store.keys import SqlKeys
from grokdesk.store.responses import SqlResponses
from grokdesk.store.runs import SqlRuns
from grokdesk.store.shared_accounts import SharedAccounts
from grokdesk.store.sql_server import SqlServer
from grokdesk.store.stores import Stores, Timing
from grokdesk.store.talks import SqlTalks

log = logging.getLogger(__name__)


class Reach(Protocol):
    """Makes the server of an address, ready to be entered."""

    async def __call__(
        self, url: Secret, team_key: Secret, *, spawn: Spawn, on_trouble: OnTrouble, timing: Timing
    ) -> SqlServer:
        """Make it. Raises `BadAddress`."""
        ...


@asynccontextmanager
async def opened_server(
    reach: Reach,
    url: Secret,
    team_key: Secret,
    home: str,
    *,
    spawn: Spawn,
    on_trouble: OnTrouble,
    clock: Clock,
    keep: Callable[[], Keep],
    new_id: Callable[[], str],
    timing: Timing,
) -> AsyncIterator[Stores]:
    """Open the database at `url` and join the gateways that share it. See `opening.OpenServer`.

    Raises `BadAddress`, `DatabaseTrouble`, `WrongTeamKey`.
    """
    server = await reach(url, team_key, spawn=spawn, on_trouble=on_trouble, timing=timing)
    gateway = new_id()
    async with server:
        journal = SharedJournal(gateway, server.ring)
        vault = server.vault
        runs = SqlRuns(server)
        hours = SqlHours(server)
        talks = SqlTalks(server, vault)
        responses = SqlResponses(server, vault)
        completions = SqlCompletions(server, vault, clock, keep)
        # The last lane: nobody else writes accounts from its turn to the end of the transaction.
        accounts = SharedAccounts(server, vault, journal, gateway)
        shared = SqlShared(server, accounts, gateway, home, spawn=spawn, clock=clock, timing=timing)
        async with shared:
            log.info("shared store opened server=%s gateway=%s", server.where, gateway)
            yield Stores(
                accounts=accounts,
                keys=SqlKeys(server, vault, journal),
                runs=runs,
                hours=hours,
                talks=talks,
                responses=responses,
                completions=completions,
                shared=shared,
            )
