"""Chat completions that clients asked to keep, on a Redis server. What was said is sealed.

A completion is a hash; `completions` has them in the order they came, `completions/made` by their time.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from grokdesk.core.completions import Keep, KeptCompletion, Wanted
from grokdesk.core.errors import Broken
from grokdesk.core.ports import Clock
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.redis_server import Script, Server, framed, unframed
from grokdesk.store.redis_writer import Writer

log = logging.getLogger(__name__)

_DAY_S: Final = 86_400.0
_TABLE: Final = "completions"
# Each may hold megabytes.
_PART: Final = 20

# A row: id, created_at, model, answer, messages, metadata.
_ROW: Final = """
local function row(id)
  local one = redis.call('HMGET', P .. 'completion/' .. id,
    'created_at', 'model', 'answer', 'messages', 'metadata')
  if not one[1] then return nil end
  table.insert(one, 1, id)
  return framed(one)
end
"""

_FORGET: Final = """
local function forget(id)
  redis.call('ZREM', P .. 'completions', id)
  redis.call('ZREM', P .. 'completions/made', id)
  return redis.call('UNLINK', P .. 'completion/' .. id)
end
"""

# ARGV: `all`, or `missing` to leave those alone that are there; then rows. Gives how many were not there.
_SAVE: Final = Script("""
local new = 0
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local key = P .. 'completion/' .. one[1]
  local known = redis.call('EXISTS', key)
  if known == 0 or ARGV[2] == 'all' then
    redis.call('HSET', key, 'created_at', one[2], 'model', one[3], 'answer', one[4], 'messages', one[5],
      'metadata', one[6])
    redis.call('ZADD', P .. 'completions', redis.call('INCR', P .. 'number'), one[1])
    redis.call('ZADD', P .. 'completions/made', one[2], one[1])
  end
  new = new + 1 - known
end
return new
""")

# ARGV: what was made until when goes, and how many of the rest stay.
_TRIM: Final = Script(
    _FORGET
    + """
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'completions/made', '-inf', ARGV[2])) do forget(id) end
for _, id in ipairs(redis.call('ZREVRANGE', P .. 'completions', ARGV[3], -1)) do forget(id) end
"""
)

# ARGV: made after when, model or empty, behind which id or empty, `newest` or `oldest` first, how many or -1,
# `rows`, or `metadata` for id and metadata alone.
_LIST: Final = Script(
    _ROW
    + """
local last = nil
if ARGV[4] ~= '' then
  last = redis.call('ZSCORE', P .. 'completions', ARGV[4])
  if not last then return '' end
end
local ids
if ARGV[5] == 'newest' then
  ids = redis.call('ZREVRANGEBYSCORE', P .. 'completions', last and '(' .. last or '+inf', '-inf')
else
  ids = redis.call('ZRANGEBYSCORE', P .. 'completions', last and '(' .. last or '-inf', '+inf')
end
local found, most = {}, tonumber(ARGV[6])
for _, id in ipairs(ids) do
  if most >= 0 and #found >= most then break end
  local one = redis.call('HMGET', P .. 'completion/' .. id, 'created_at', 'model')
  if one[1] and tonumber(one[1]) > tonumber(ARGV[2]) and (ARGV[3] == '' or ARGV[3] == one[2]) then
    if ARGV[7] == 'rows' then
      found[#found + 1] = row(id)
    else
      found[#found + 1] = framed({id, redis.call('HGET', P .. 'completion/' .. id, 'metadata')})
    end
  end
end
return framed(found)
"""
)

# ARGV: ids. Gives the rows of those that are there.
_ROWS: Final = Script(
    _ROW
    + """
local rows = {}
for i = 2, #ARGV do rows[#rows + 1] = row(ARGV[i]) end
return framed(rows)
"""
)

# ARGV: id, metadata.
_DESCRIBE: Final = Script("""
local key = P .. 'completion/' .. ARGV[2]
if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'metadata', ARGV[3]) end
""")

# ARGV: id, made after when.
_DELETE: Final = Script(
    _FORGET
    + """
local made = redis.call('ZSCORE', P .. 'completions/made', ARGV[2])
if not made or tonumber(made) <= tonumber(ARGV[3]) then return 0 end
return forget(ARGV[2])
"""
)

_IDS: Final = Script("return framed(redis.call('ZRANGE', P .. 'completions', 0, -1))")


class RedisCompletions:
    """A `CompletionStore` (core/completions.py). `keep` is asked whenever something is written or read."""

    def __init__(
        self, server: Server, writer: Writer, vault: Vault, clock: Clock, keep: Callable[[], Keep]
    ) -> None:
        self._server = server
        self._writer = writer
        self._vault = vault
        self._clock = clock
        self._keep = keep
        self._lane = writer.lane(self._write)

    def save(self, completion: KeptCompletion) -> None:
        """Write a completion soon; returns at once. Nothing is written where none are kept."""
        keep = self._keep()
        if keep.most and keep.days:
            self._lane.put(completion.id, completion)

    async def get(self, completion_id: str) -> KeptCompletion | None:
        """Return it, or None when it is not kept or cannot be opened any more."""
        await self._writer.flush()
        found = await offload(_opened, await self._server.run(_ROWS, completion_id), self._vault)
        return next((one for one in found if one.created_at > self._oldest()), None)

    async def page(self, wanted: Wanted, *, after: str, limit: int) -> Sequence[KeptCompletion]:
        """Return up to `limit` of those that are wanted, the ones behind `after` unless that is empty.

        One that cannot be opened is left out.
        """
        await self._writer.flush()
        order = "newest" if wanted.newest_first else "oldest"
        listed = partial(self._server.run, _LIST, repr(self._oldest()), wanted.model, after, order)
        if wanted.metadata:
            # It is sealed, so the server cannot look for it. Of the others nothing else is read.
            described = await listed(-1, "metadata")
            ids = await offload(_matching, described, self._vault, wanted.metadata, limit)
            rows = await self._server.run(_ROWS, *ids)
        else:
            rows = await listed(limit, "rows")
        return await offload(_opened, rows, self._vault)

    async def describe(self, completion_id: str, metadata: Mapping[str, str]) -> KeptCompletion | None:
        """Give a completion other metadata; return it, or None when it is not kept."""
        await self._writer.flush()
        sealed = await offload(_sealed, json.dumps(dict(metadata)), completion_id, "metadata", self._vault)
        await self._server.run(_DESCRIBE, completion_id, sealed)
        return await self.get(completion_id)

    async def delete(self, completion_id: str) -> bool:
        """Forget a completion; tell whether it was kept."""
        await self._writer.flush()
        return bool(await self._server.run(_DELETE, completion_id, repr(self._oldest())))

    async def trim(self) -> None:
        """Forget what is older, or more, than is kept now. Writing does so by itself."""
        await self._writer.flush()
        await self._forget()

    async def fill(self, rows: Sequence[KeptCompletion]) -> int:
        """Add the completions that are missing; returns how many."""
        return int(await self._server.run(_SAVE, "missing", *await offload(_frames, rows, self._vault)))

    async def batches(self) -> AsyncIterator[Sequence[KeptCompletion]]:
        """All completions, also those that are too old to be listed, in the order they came."""
        await self._writer.flush()
        ids = unframed(await self._server.run(_IDS))
        for start in range(0, len(ids), _PART):
            rows = await self._server.run(_ROWS, *ids[start : start + _PART])
            yield await offload(_opened, rows, self._vault)

    def _oldest(self) -> float:
        return self._clock.now() - self._keep().days * _DAY_S

    async def _write(self, rows: Mapping[str, KeptCompletion]) -> None:
        kept = list(rows.values())
        for start in range(0, len(kept), _PART):
            frames = await offload(_frames, kept[start : start + _PART], self._vault)
            await self._server.run(_SAVE, "all", *frames)
        await self._forget()

    async def _forget(self) -> None:
        await self._server.run(_TRIM, repr(self._oldest()), self._keep().most)


# --- rows ---------------------------------------------------------------------------------------------------


def _frames(rows: Sequence[KeptCompletion], vault: Vault) -> list[bytes]:
    return [_frame(row, vault) for row in rows]


def _frame(completion: KeptCompletion, vault: Vault) -> bytes:
    seal = partial(_sealed, row=completion.id, vault=vault)
    return framed(
        [
            completion.id,
            repr(float(completion.created_at)),
            completion.model,
            seal(completion.answer, column="answer"),
            seal(completion.messages, column="messages"),
            seal(json.dumps(dict(completion.metadata)), column="metadata"),
        ]
    )


def _sealed(text: str, row: str, column: str, vault: Vault) -> bytes:
    return vault.seal(text, table=_TABLE, row=row, column=column)


def _completion(row: Sequence[bytes], vault: Vault) -> KeptCompletion:
    """The completion of a row. Raises `Broken` when it cannot be opened."""
    completion_id = row[0].decode()
    return KeptCompletion(
        id=completion_id,
        created_at=float(row[1]),
        model=row[2].decode(),
        answer=vault.open(row[3], table=_TABLE, row=completion_id, column="answer"),
        messages=vault.open(row[4], table=_TABLE, row=completion_id, column="messages"),
        metadata=_metadata(completion_id, row[5], vault),
    )


def _metadata(completion_id: str, sealed: bytes, vault: Vault) -> dict[str, str]:
    metadata: dict[str, str] = json.loads(
        vault.open(sealed, table=_TABLE, row=completion_id, column="metadata")
    )
    return metadata


def _opened(rows: bytes, vault: Vault) -> list[KeptCompletion]:
    found: list[KeptCompletion] = []
    for row in unframed(rows):
        parts = unframed(row)
        try:
            found.append(_completion(parts, vault))
        except Broken as error:
            _unopened(parts[0], error)
    return found


def _matching(rows: bytes, vault: Vault, metadata: Mapping[str, str], most: int) -> list[str]:
    """The ids of the first `most` that have `metadata`."""

    def matching() -> Iterator[str]:
        for row in unframed(rows):
            name, sealed = unframed(row)
            try:
                has = _metadata(name.decode(), sealed, vault)
            except Broken as error:
                _unopened(name, error)
                continue
            if metadata.items() <= has.items():
                yield name.decode()

    return list(islice(matching(), most))


def _unopened(name: bytes, error: Broken) -> None:
    log.error("completion cannot be opened id=%s reason=%s", name.decode(), error.detail)
