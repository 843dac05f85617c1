"""Client keys on a Redis server: a hash each, `keys` in the order they came, `keys/digests` to find one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from grokdesk.core.errors import Broken
from grokdesk.core.ports import ClientKey
from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.database import COPIED_ROWS, Conflict
from grokdesk.store.redis_server import Script, Server, framed, unframed

log = logging.getLogger(__name__)

# ARGV: `all` or `missing`, then a frame for each key, of id, name, value, digest, created_at, revoked_at.
# Gives their revisions. With `all`, one whose id or digest is there already means that none is added, and its
# id is given; with `missing`, 0 stands for its revision.
_ADD: Final = Script("""
local taken, new, revisions = {}, {}, {}
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  revisions[i - 2] = 0
  if taken['i' .. one[1]] or taken['d' .. one[4]] or redis.call('EXISTS', P .. 'key/' .. one[1]) == 1
      or redis.call('HEXISTS', P .. 'keys/digests', one[4]) == 1 then
    if ARGV[2] == 'all' then return one[1] end
  else
    taken['i' .. one[1]], taken['d' .. one[4]] = true, true
    new[#new + 1] = {i - 2, one}
  end
end
for _, found in ipairs(new) do
  local i, one = found[1], found[2]
  local key = P .. 'key/' .. one[1]
  redis.call('HSET', key, 'name', one[2], 'value', one[3], 'digest', one[4], 'created_at', one[5])
  if one[6] ~= '' then redis.call('HSET', key, 'revoked_at', one[6]) end
  redis.call('ZADD', P .. 'keys', redis.call('INCR', P .. 'number'), one[1])
  redis.call('HSET', P .. 'keys/digests', one[4], one[1])
  revisions[i] = changed('key/' .. one[1])
end
if #new > 0 then redis.call('PUBLISH', P .. 'news', GATEWAY) end
return revisions
""")

# ARGV: id, when. Gives the revision, or 0 when nothing was changed.
_REVOKE: Final = Script("""
local key = P .. 'key/' .. ARGV[2]
if redis.call('EXISTS', key) == 0 or redis.call('HSETNX', key, 'revoked_at', ARGV[3]) == 0 then return 0 end
redis.call('PUBLISH', P .. 'news', GATEWAY)
return changed('key/' .. ARGV[2])
""")

# Gives a frame for each key, of id, name, value, digest, created_at, revoked_at.
_ALL: Final = Script("""
local rows = {}
for i, id in ipairs(redis.call('ZRANGE', P .. 'keys', 0, -1)) do
  local one = redis.call('HMGET', P .. 'key/' .. id, 'name', 'value', 'digest', 'created_at', 'revoked_at')
  table.insert(one, 1, id)
  rows[i] = framed(one)
end
return framed(rows)
""")


class RedisKeys:
    """A `KeyStore` (core/ports.py)."""

    def __init__(self, server: Server, vault: Vault) -> None:
        self._server = server
        self._vault = vault
        # What the program around the store knows of; another revision is somebody else's change.
        self._revisions: dict[str, int] = {}
        self._untold = False
        self.on_untold: Callable[[], None] = lambda: None

    async def all(self) -> list[ClientKey]:
        """Every key, revoked ones too, oldest first. One that cannot be opened still has its digest."""
        return await offload(_keys, await self._server.run(_ALL), self._vault)

    async def add(self, key: ClientKey) -> None:
        """Write a new key. Raises `Conflict` for one that is there."""
        await self._add("all", [key])

    async def revoke(self, key_id: str, at: float) -> None:
        """Mark a key as revoked. One that is revoked already keeps its time."""

        async def revoking() -> None:
            revision = await self._server.run(_REVOKE, key_id, repr(float(at)))
            if revision:
                self._revisions[key_id] = revision

        await self._server.uncancelled(revoking())

    async def fill(self, rows: Sequence[ClientKey]) -> int:
        """Add the keys that are missing; returns how many."""
        return await self._add("missing", rows)

    async def batches(self) -> AsyncIterator[Sequence[ClientKey]]:
        """Every key, oldest first. One that cannot be opened is left out: its value is lost anyway."""
        found = [key for key in await self.all() if key.value]
        for start in range(0, len(found), COPIED_ROWS):
            yield found[start : start + COPIED_ROWS]

    async def _add(self, which: str, keys: Sequence[ClientKey]) -> int:
        async def adding() -> int:
            frames = await offload(_frames, keys, self._vault)
            answer = await self._server.run(_ADD, which, *frames)
            if isinstance(answer, bytes):
                raise Conflict("This is already there.", detail=f"key={answer.decode(errors='replace')}")
            added = {key.id: revision for key, revision in zip(keys, answer, strict=True) if revision}
            if which == "missing":
                self.take_note(added)  # a copy is news here, too
            else:
                self._revisions |= added
            return len(added)

        return await self._server.uncancelled(adding()) if keys else 0

    # --- what other gateways do ---

    def take_note(self, revisions: Mapping[str, int]) -> None:
        """Take in the revisions of keys that have changed."""
        others = {
            one: revision for one, revision in revisions.items() if self._revisions.get(one) != revision
        }
        if others:
            self._revisions |= others
            self._untold = True
            self.on_untold()

    def take_untold(self) -> bool:
        """Whether others have changed keys since this was asked last."""
        untold, self._untold = self._untold, False
        return untold


def _frames(keys: Sequence[ClientKey], vault: Vault) -> list[bytes]:
    return [
        framed(
            [
                key.id,
                key.name,
                vault.seal(key.value.reveal(), table="client_keys", row=key.id, column="value"),
                key.digest,
                repr(float(key.created_at)),
                "" if key.revoked_at is None else repr(float(key.revoked_at)),
            ]
        )
        for key in keys
    ]


def _keys(rows: bytes, vault: Vault) -> list[ClientKey]:
    return [_key(unframed(row), vault) for row in unframed(rows)]


def _key(row: Sequence[bytes], vault: Vault) -> ClientKey:
    key_id, name, digest = row[0].decode(), row[1].decode(), row[3].decode()
    try:
        value = vault.open(row[2], table="client_keys", row=key_id, column="value")
    except Broken as error:
        log.warning("client key cannot be shown id=%s reason=%s", key_id, error.detail)
        value = ""
    revoked_at = float(row[5]) if row[5] else None
    return ClientKey(key_id, name, Secret(value), digest, float(row[4]), revoked_at)
