"""The sums of each hour on a Redis server: `hours` by time, `hours/rows` what was counted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from grokdesk.core.usage import HourSum
from grokdesk.platform.tasks import offload
from grokdesk.store.database import BATCH_ROWS
from grokdesk.store.redis_server import Script, Server, framed, unframed
from grokdesk.store.redis_writer import Writer

_NAMES: Final = tuple(field.name for field in fields(HourSum))

# ARGV: `all`, or `missing` to leave those alone that are there; then a frame for each hour, of id, when, row.
# Gives how many were not there.
_SAVE: Final = Script("""
local new = 0
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local known = redis.call('HEXISTS', P .. 'hours/rows', one[1])
  if known == 0 or ARGV[2] == 'all' then
    redis.call('ZADD', P .. 'hours', one[2], one[1])
    redis.call('HSET', P .. 'hours/rows', one[1], one[3])
  end
  new = new + 1 - known
end
return new
""")

# ARGV: from when, to when, how many to pass over, how many to give. Gives rows, the oldest first.
_BETWEEN: Final = Script("""
local rows = {}
local ids = redis.call('ZRANGEBYSCORE', P .. 'hours', ARGV[2], '(' .. ARGV[3], 'LIMIT', ARGV[4], ARGV[5])
for i, id in ipairs(ids) do
  rows[i] = redis.call('HGET', P .. 'hours/rows', id)
end
return framed(rows)
""")

# ARGV: when.
_TRIM: Final = Script("""
local ids = redis.call('ZRANGEBYSCORE', P .. 'hours', '-inf', '(' .. ARGV[2])
for _, id in ipairs(ids) do
  redis.call('ZREM', P .. 'hours', id)
  redis.call('HDEL', P .. 'hours/rows', id)
end
return #ids
""")


class RedisHours:
    """An `HourStore` (core/ports.py)."""

    def __init__(self, server: Server, writer: Writer) -> None:
        self._server = server
        self._writer = writer
        self._lane = writer.lane(self._write)

    def save(self, hour: HourSum) -> None:
        """Write an hour soon, instead of what was written of it before; returns at once."""
        self._lane.put(hour.id, hour)

    async def between(self, start: int, end: int) -> list[HourSum]:
        """The hours from `start` on that begin before `end`, in Unix seconds."""
        return [hour async for part in self._parts(str(start), str(end)) for hour in part]

    async def trim(self, before: int) -> None:
        """Forget the hours that began before `before`."""
        await self._server.run(_TRIM, before)

    async def batches(self) -> AsyncIterator[Sequence[HourSum]]:
        """Every hour, the oldest first."""
        async for part in self._parts("-inf", "inf"):
            yield part

    async def fill(self, rows: Sequence[HourSum]) -> int:
        """Add the hours that are missing; returns how many."""
        return int(await self._server.run(_SAVE, "missing", *await offload(_frames, rows)))

    async def _parts(self, start: str, end: str) -> AsyncIterator[Sequence[HourSum]]:
        await self._writer.flush()
        first = 0
        while part := await offload(_hours, await self._server.run(_BETWEEN, start, end, first, BATCH_ROWS)):
            yield part
            first += len(part)

    async def _write(self, rows: Mapping[str, HourSum]) -> None:
        await self._server.run(_SAVE, "all", *await offload(_frames, list(rows.values())))


def _frames(rows: Sequence[HourSum]) -> list[bytes]:
    return [framed([hour.id, str(hour.hour), _row(hour)]) for hour in rows]


def _row(hour: HourSum) -> bytes:
    return json.dumps(
        {name: getattr(hour, name) for name in _NAMES} | {"firsts": f"{hour.firsts:x}"}, ensure_ascii=False
    ).encode()


def _hours(rows: bytes) -> list[HourSum]:
    return [_hour(json.loads(row)) for row in unframed(rows)]


def _hour(members: dict[str, Any]) -> HourSum:  # JSON that `_row` made
    return HourSum(**{**members, "firsts": int(members["firsts"], 16)})
