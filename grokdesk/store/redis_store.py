"""Opens a store on a Redis server, version 6.2 or newer.

Every key begins with a prefix, `grokdesk:` unless the address says otherwise. `schema` is the version of all
the others, `store` names this store and changes when it is made anew, `facts` has what belongs to the team
key. A change of the layout gets a new version, and a script that brings an older store up to it and sets
`schema`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from grokdesk.core.completions import Keep
from grokdesk.core.ports import Clock
from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import Vault, new_team_note, team_vault
from grokdesk.platform.tasks import offload
from grokdesk.store.database import DatabaseTrouble, OnTrouble, Spawn
from grokdesk.store.redis_accounts import RedisAccounts
from grokdesk.store.redis_completions import RedisCompletions
from grokdesk.store.redis_hours import RedisHours
from grokdesk.store.redis_keys import RedisKeys
from grokdesk.store.redis_responses import RedisResponses
from grokdesk.store.redis_runs import RedisRuns
from grokdesk.store.redis_server import Address, Script, Server, checked
from grokdesk.store.redis_shared import RedisShared
from grokdesk.store.redis_talks import RedisTalks
from grokdesk.store.redis_writer import Troubles, Writer
from grokdesk.store.stores import Stores, Timing

log = logging.getLogger(__name__)

VERSION: Final = 1
_HOME_CHARACTERS: Final = 16

# Gives version, name, and the note for the team key, each empty when it is not there.
_READ: Final = Script("""
local found = redis.call('MGET', P .. 'schema', P .. 'store')
return {found[1] or '', found[2] or '', redis.call('HGET', P .. 'facts', 'team') or ''}
""")

# ARGV: a note for the team key. Gives the one that counts: the first.
_AGREE: Final = Script("""
redis.call('HSETNX', P .. 'facts', 'team', ARGV[2])
return redis.call('HGET', P .. 'facts', 'team')
""")

# ARGV: version, a new name. Gives the name that counts: the first.
_MAKE: Final = Script("""
redis.call('MSETNX', P .. 'schema', ARGV[2], P .. 'store', ARGV[3])
return redis.call('GET', P .. 'store')
""")


@asynccontextmanager
async def opened_redis(
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
    """Open the store at `url`; leaving the block writes what waits and closes it (store/opening.py)."""
    home = home[:_HOME_CHARACTERS]
    async with Server(Address.parsed(url.reveal()), f"{home}/{new_id()}", timing) as server:
        warning, hint = await checked(server)
        vault = await _unlocked(server, team_key, new_id)
        if warning:
            log.warning("redis server is not safe where=%s: %s", server.address.where, warning)
        troubles = Troubles(on_trouble, (warning, hint))
        async with Writer(server, troubles, spawn=spawn) as writer:
            accounts = RedisAccounts(server, writer, vault)
            keys = RedisKeys(server, vault)
            async with RedisShared(server, accounts, keys, troubles, home=home, spawn=spawn) as shared:
                yield Stores(
                    accounts=accounts,
                    keys=keys,
                    runs=RedisRuns(server, writer),
                    hours=RedisHours(server, writer),
                    talks=RedisTalks(server, writer, vault),
                    responses=RedisResponses(server, writer, vault),
                    completions=RedisCompletions(server, writer, vault, clock, keep),
                    shared=shared,
                )


async def _unlocked(server: Server, team_key: Secret, new_id: Callable[[], str]) -> Vault:
    """Make the store when there is none; return its vault. Nothing is changed when the team key is wrong."""
    schema, name, note = await server.run(_READ)
    if bool(schema) is not bool(name) or (schema and not (schema.isdigit() and note)):
        raise DatabaseTrouble(
            f"What is at {server.address.where} below {server.address.prefix!r} is not a store of GrokDesk.",
            hint="Use another database, or another ?prefix=, in the setting `storage.url`.",
            detail=f"schema {schema[:20]!r}",
        )
    if schema and int(schema) > VERSION:
        raise DatabaseTrouble(
            "The shared store was made by a newer GrokDesk.",
            hint="Update GrokDesk, or use another store. Nothing was changed.",
            detail=f"schema {int(schema)}, known is {VERSION}",
        )
    if not note:
        # Two gateways may do this at the same time.
        note = await server.run(_AGREE, await offload(new_team_note, team_key))
    vault = await offload(team_vault, team_key, note.decode(errors="replace"))
    if not name:
        name = await server.run(_MAKE, VERSION, new_id())
    server.store = name.decode()
    return vault
