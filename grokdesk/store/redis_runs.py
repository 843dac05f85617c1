"""The list of past requests on a Redis server: `runs` by time, `runs/rows` what is known of each."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any, Final

from grokdesk.core.runs import EVERY, Counted, Place, RunRecord, RunState, Sought, Try
from grokdesk.platform.tasks import offload
from grokdesk.store.database import BATCH_ROWS
from grokdesk.store.redis_server import Script, Server, framed, unframed
from grokdesk.store.redis_writer import Writer

_COLUMNS: Final = tuple(field.name for field in fields(RunRecord))

# ARGV: `all`, or `missing` to leave those alone that are there; then a frame for each run, of id, when, row.
# Gives how many were not there.
_SAVE: Final = Script("""
local new = 0
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local known = redis.call('HEXISTS', P .. 'runs/rows', one[1])
  if known == 0 or ARGV[2] == 'all' then
    redis.call('ZADD', P .. 'runs', one[2], one[1])
    redis.call('HSET', P .. 'runs/rows', one[1], one[3])
  end
  new = new + 1 - known
end
return new
""")

# ARGV: how many newer ones to pass over, how many to give. Gives rows, newest first.
_LATEST: Final = Script("""
local rows, first, count = {}, tonumber(ARGV[2]), tonumber(ARGV[3])
if count > 0 then
  for i, id in ipairs(redis.call('ZREVRANGE', P .. 'runs', first, first + count - 1)) do
    rows[i] = redis.call('HGET', P .. 'runs/rows', id)
  end
end
return framed(rows)
""")

# ARGV: how many are kept.
_TRIM: Final = Script("""
local ids = redis.call('ZREVRANGE', P .. 'runs', ARGV[2], -1)
for _, id in ipairs(ids) do
  redis.call('ZREM', P .. 'runs', id)
  redis.call('HDEL', P .. 'runs/rows', id)
end
return #ids
""")


# ARGV: id. Gives its row, or nothing.
_GET: Final = Script("""
return redis.call('HGET', P .. 'runs/rows', ARGV[2]) or ''
""")

# ARGV: when, id. Gives how many are newer than that, or are it.
_NEWER: Final = Script("""
local rank = redis.call('ZREVRANK', P .. 'runs', ARGV[3])
if rank and tonumber(redis.call('ZSCORE', P .. 'runs', ARGV[3])) == tonumber(ARGV[2]) then
  return rank + 1
end
return redis.call('ZCOUNT', P .. 'runs', ARGV[2], '+inf')
""")


class RedisRuns:
    """A `RunStore` (core/ports.py)."""

    def __init__(self, server: Server, writer: Writer) -> None:
        self._server = server
        self._writer = writer
        self._lane = writer.lane(self._write)

    def save(self, record: RunRecord) -> None:
        """Write a run soon, instead of what was written of it before; returns at once."""
        self._lane.put(record.id, record)

    async def latest(self, limit: int) -> list[RunRecord]:
        """The newest `limit` runs, newest first."""
        await self._writer.flush()
        return await offload(_runs, await self._server.run(_LATEST, 0, limit))

    async def get(self, run_id: str) -> RunRecord | None:
        """One run, or None when it is not listed any more."""
        await self._writer.flush()
        row = await self._server.run(_GET, run_id)
        return _run(json.loads(row)) if row else None

    async def page(
        self, sought: Sought, *, before: Place | None = None, skip: int = 0, limit: int
    ) -> list[RunRecord]:
        """Runs that fit, newest first: `limit` of those older than `before`, after the first `skip`."""
        await self._writer.flush()
        first = await self._newer(before)
        if sought == EVERY:
            return await offload(_runs, await self._server.run(_LATEST, first + skip, limit))
        found: list[RunRecord] = []
        async for part in self._from(first):
            found += filter(sought.fits, part)
            if len(found) >= skip + limit:
                break
        return found[skip : skip + limit]

    async def count(self, sought: Sought, *, before: Place | None = None) -> Counted:
        """How many runs fit and are older than `before`."""
        await self._writer.flush()
        total = failed = 0
        async for part in self._from(await self._newer(before)):
            fit = [run for run in part if sought.fits(run)]
            total += len(fit)
            failed += sum(run.state is RunState.FAILED for run in fit)
        return Counted(total, failed)

    async def _newer(self, before: Place | None) -> int:
        return 0 if before is None else int(await self._server.run(_NEWER, repr(before[0]), before[1]))

    async def _from(self, first: int) -> AsyncIterator[Sequence[RunRecord]]:
        """Those after the `first` newest, part by part."""
        while part := await offload(_runs, await self._server.run(_LATEST, first, BATCH_ROWS)):
            yield part
            first += len(part)

    async def trim(self, keep: int) -> None:
        """Forget all but the newest `keep`."""
        await self._writer.flush()
        await self._server.run(_TRIM, keep)

    async def fill(self, rows: Sequence[RunRecord]) -> int:
        """Add the runs that are missing; returns how many."""
        return int(await self._server.run(_SAVE, "missing", *await offload(_frames, rows)))

    async def batches(self) -> AsyncIterator[Sequence[RunRecord]]:
        """All runs, newest first."""
        await self._writer.flush()
        async for part in self._from(0):
            yield part

    async def _write(self, rows: Mapping[str, RunRecord]) -> None:
        await self._server.run(_SAVE, "all", *await offload(_frames, list(rows.values())))


def _frames(runs: Sequence[RunRecord]) -> list[bytes]:
    return [framed([run.id, repr(float(run.at)), _row(run)]) for run in runs]


def _row(run: RunRecord) -> bytes:
    members = {name: getattr(run, name) for name in _COLUMNS}
    members["state"] = run.state.value
    members["tries"] = [astuple(one) for one in run.tries]
    return json.dumps(members, ensure_ascii=False).encode()


def _runs(rows: bytes) -> list[RunRecord]:
    return [_run(json.loads(row)) for row in unframed(rows)]


def _run(members: dict[str, Any]) -> RunRecord:  # JSON that `_row` made
    tries = tuple(Try(*one) for one in members["tries"])
    return RunRecord(**{**members, "state": RunState(members["state"]), "tries": tries})
