"""Kept responses on a Redis server: `responses` by last use, `responses/rows` what was said, sealed."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Final

from grokdesk.core.errors import Broken
from grokdesk.core.responses import StoredResponse
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.redis_server import Script, Server, framed, unframed
from grokdesk.store.redis_writer import Writer
from grokdesk.store.stores import KeptResponse

log = logging.getLogger(__name__)

_SAID: Final = ("previous", "asked", "answer", "events")
# Each may hold megabytes.
_PART: Final = 20

# ARGV: `all`, or `missing` to leave those alone that are there; then a frame for each response, of id,
# used_at, created_at, said. Gives how many were not there.
_SAVE: Final = Script("""
local new = 0
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local known = redis.call('HEXISTS', P .. 'responses/rows', one[1])
  if known == 0 or ARGV[2] == 'all' then
    redis.call('ZADD', P .. 'responses', one[2], one[1])
    redis.call('HSET', P .. 'responses/rows', one[1], framed({one[3], one[4]}))
  end
  new = new + 1 - known
end
return new
""")

# ARGV: ids. Gives for each that is there id, used_at, and the frame of created_at and said.
_GET: Final = Script("""
local found = {}
for i = 2, #ARGV do
  local row = redis.call('HGET', P .. 'responses/rows', ARGV[i])
  if row then
    found[#found + 1] = ARGV[i]
    found[#found + 1] = redis.call('ZSCORE', P .. 'responses', ARGV[i]) or '0'
    found[#found + 1] = row
  end
end
return framed(found)
""")

_DELETE: Final = Script("""
redis.call('ZREM', P .. 'responses', ARGV[2])
return redis.call('HDEL', P .. 'responses/rows', ARGV[2])
""")

# ARGV: when, then ids.
_TOUCH: Final = Script("""
for i = 3, #ARGV do redis.call('ZADD', P .. 'responses', 'XX', ARGV[2], ARGV[i]) end
""")

# ARGV: how many are kept, and what was used before when is not.
_TRIM: Final = Script("""
local function forget(ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', P .. 'responses', id)
    redis.call('HDEL', P .. 'responses/rows', id)
  end
end
forget(redis.call('ZRANGEBYSCORE', P .. 'responses', '-inf', '(' .. ARGV[3]))
forget(redis.call('ZREVRANGE', P .. 'responses', ARGV[2], -1))
""")

_IDS: Final = Script("return framed(redis.call('ZRANGE', P .. 'responses', 0, -1))")


class RedisResponses:
    """A `ResponseStore` (core/responses.py)."""

    def __init__(self, server: Server, writer: Writer, vault: Vault) -> None:
        self._server = server
        self._writer = writer
        self._vault = vault
        self._lane = writer.lane(self._write)

    def save(self, response: StoredResponse) -> None:
        """Write a response soon, instead of what was written of it before; returns at once."""
        self._lane.put(response.id, response)

    async def get(self, response_id: str) -> StoredResponse | None:
        """Return the response, or None when it is not there or cannot be opened any more."""
        await self._writer.flush()
        found = await offload(_opened, await self._server.run(_GET, response_id), self._vault)
        return found[0].response if found else None

    async def delete(self, response_id: str) -> bool:
        """Forget a response; tell whether it was there."""
        await self._writer.flush()
        return bool(await self._server.run(_DELETE, response_id))

    async def touch(self, ids: Iterable[str], at: float) -> None:
        """Note that these were used at `at`."""
        await self._writer.flush()
        if wanted := list(ids):
            await self._server.run(_TOUCH, repr(float(at)), *wanted)

    async def trim(self, keep: int, before: float) -> None:
        """Forget what was last used before `before`, and of the rest all but the `keep` used last."""
        await self._writer.flush()
        await self._server.run(_TRIM, keep, repr(float(before)))

    async def fill(self, rows: Sequence[KeptResponse]) -> int:
        """Add the responses that are missing; returns how many."""
        frames = await offload(_frames, rows, self._vault)
        return int(await self._server.run(_SAVE, "missing", *frames))

    async def batches(self) -> AsyncIterator[Sequence[KeptResponse]]:
        """All responses, the last used one last."""
        await self._writer.flush()
        ids = unframed(await self._server.run(_IDS))
        for start in range(0, len(ids), _PART):
            answer = await self._server.run(_GET, *ids[start : start + _PART])
            yield await offload(_opened, answer, self._vault)

    async def _write(self, rows: Mapping[str, StoredResponse]) -> None:
        # A new or changed one has been used just now.
        used = [KeptResponse(response, response.created_at) for response in rows.values()]
        for start in range(0, len(used), _PART):
            frames = await offload(_frames, used[start : start + _PART], self._vault)
            await self._server.run(_SAVE, "all", *frames)


def _frames(rows: Sequence[KeptResponse], vault: Vault) -> list[bytes]:
    return [
        framed(
            [
                row.response.id,
                repr(float(row.used_at)),
                repr(float(row.response.created_at)),
                vault.seal(_said(row.response), table="responses", row=row.response.id, column="said"),
            ]
        )
        for row in rows
    ]


def _said(response: StoredResponse) -> str:
    return json.dumps([getattr(response, name) for name in _SAID], ensure_ascii=False)


def _opened(answer: bytes, vault: Vault) -> list[KeptResponse]:
    found: list[KeptResponse] = []
    parts = iter(unframed(answer))
    for name, used_at, row in zip(parts, parts, parts, strict=True):
        response_id = name.decode()
        created_at, sealed = unframed(row)
        try:
            said = json.loads(vault.open(sealed, table="responses", row=response_id, column="said"))
        except Broken as error:
            log.warning("response cannot be opened id=%s reason=%s", response_id, error.detail)
            continue
        found.append(KeptResponse(StoredResponse(response_id, float(created_at), *said), float(used_at)))
    return found
