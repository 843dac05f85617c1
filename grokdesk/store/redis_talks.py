"""What was said in requests, on a Redis server: `talks` by time, `talks/rows` what was said, sealed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from grokdesk.core.runs import Talk
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.database import MOST_LARGE_WAITING
from grokdesk.store.redis_server import Script, Server, framed, unframed
from grokdesk.store.redis_writer import Writer
from grokdesk.store.talks import sealed, unsealed

# Each may hold megabytes.
_PART: Final = 20

# ARGV: `all`, or `missing` to leave those alone that are there; then a frame for each, of id, when, what was
# said. Gives how many were not there.
_SAVE: Final = Script("""
local new = 0
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local known = redis.call('HEXISTS', P .. 'talks/rows', one[1])
  if known == 0 or ARGV[2] == 'all' then
    redis.call('ZADD', P .. 'talks', one[2], one[1])
    redis.call('HSET', P .. 'talks/rows', one[1], one[3])
  end
  new = new + 1 - known
end
return new
""")

# ARGV: ids. Gives for each that is there id, when, what was said.
_GET: Final = Script("""
local found = {}
for i = 2, #ARGV do
  local row = redis.call('HGET', P .. 'talks/rows', ARGV[i])
  if row then
    found[#found + 1] = ARGV[i]
    found[#found + 1] = redis.call('ZSCORE', P .. 'talks', ARGV[i]) or '0'
    found[#found + 1] = row
  end
end
return framed(found)
""")

# Gives ids, the oldest first.
_IDS: Final = Script("""
return framed(redis.call('ZRANGE', P .. 'talks', 0, -1))
""")

# ARGV: before when, as the end of a range.
_FORGET: Final = Script("""
local ids = redis.call('ZRANGEBYSCORE', P .. 'talks', '-inf', ARGV[2])
for _, id in ipairs(ids) do
  redis.call('ZREM', P .. 'talks', id)
  redis.call('HDEL', P .. 'talks/rows', id)
end
return #ids
""")

_COUNT: Final = Script("""
return redis.call('ZCARD', P .. 'talks')
""")


class RedisTalks:
    """A `TalkStore` (core/ports.py)."""

    def __init__(self, server: Server, writer: Writer, vault: Vault) -> None:
        self._server = server
        self._writer = writer
        self._vault = vault
        self._lane = writer.lane(self._write, most=MOST_LARGE_WAITING)

    def save(self, talk: Talk) -> None:
        """Write it soon; returns at once."""
        self._lane.put(talk.id, talk)

    async def get(self, run_id: str) -> Talk | None:
        """What was said in a run, or None when that is not kept or cannot be opened any more."""
        await self._writer.flush()
        found = await offload(_opened, await self._server.run(_GET, run_id), self._vault)
        return found[0] if found else None

    async def count(self) -> int:
        """Of how many runs it is kept."""
        await self._writer.flush()
        return int(await self._server.run(_COUNT))

    async def forget(self, before: float | None = None) -> int:
        """Forget all of it, or what is of runs that came before `before`; returns of how many."""
        await self._writer.flush()
        return int(await self._server.run(_FORGET, "+inf" if before is None else f"({before!r}"))

    async def batches(self) -> AsyncIterator[Sequence[Talk]]:
        """Everything that can be opened, the oldest first."""
        await self._writer.flush()
        ids = unframed(await self._server.run(_IDS))
        for start in range(0, len(ids), _PART):
            answer = await self._server.run(_GET, *ids[start : start + _PART])
            yield await offload(_opened, answer, self._vault)

    async def fill(self, rows: Sequence[Talk]) -> int:
        """Add what is missing; returns how many."""
        return int(await self._server.run(_SAVE, "missing", *await offload(_frames, rows, self._vault)))

    async def _write(self, rows: Mapping[str, Talk]) -> None:
        talks = list(rows.values())
        for start in range(0, len(talks), _PART):
            frames = await offload(_frames, talks[start : start + _PART], self._vault)
            await self._server.run(_SAVE, "all", *frames)


def _frames(rows: Sequence[Talk], vault: Vault) -> list[bytes]:
    return [framed([talk.id, repr(float(talk.at)), sealed(talk, vault)]) for talk in rows]


def _opened(answer: bytes, vault: Vault) -> list[Talk]:
    parts = iter(unframed(answer))
    found = (
        unsealed(name.decode(), float(at), said, vault)
        for name, at, said in zip(parts, parts, parts, strict=True)
    )
    return [talk for talk in found if talk is not None]
