"""Accounts on a Redis server that several gateways may share.

An account is a hash: what is plain as JSON, what is sealed as it is, and its revision, a number that grows
with every change of anything. `accounts` has those that are here in the order they came, `accounts/removed`
the others by the time they went, `accounts/tokens` the fingerprints of the tokens that are here.

Nobody overwrites what another gateway wrote: a row is written only while it has the revision that was known,
otherwise it is read, merged (core/merging.py) and written again. A `_Copy` is what is known of a row.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.errors import Broken
from grokdesk.core.merging import merged
from grokdesk.core.ports import Removed
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import offload
from grokdesk.store.accounts import MEMBERS, opened_members, parts, to_record
from grokdesk.store.database import BATCH_ROWS, COPIED_ROWS, Conflict, DatabaseTrouble
from grokdesk.store.redis_server import Script, Server, framed, unframed
from grokdesk.store.redis_writer import Writer
from grokdesk.store.stores import KeptAccount

log = logging.getLogger(__name__)

_SEALED: Final = ("token", "cookies", "proxy")
# How often others may get in between before it is left for later.
_TRIES: Final = 20
# Taking in more at once would hold the loop.
_MOST_NEWS: Final = 200

# A row: id, revision, removed_at, number, the batch in which this data folder wrote it last, plain, token,
# cookies, proxy.
ROW: Final = """
local BY = 'by/' .. string.match(GATEWAY, '^[^/]*')
local function row(id)
  local found = redis.call('HMGET', P .. 'account/' .. id,
    'revision', 'removed_at', 'number', BY, 'plain', 'token', 'cookies', 'proxy')
  if not found[1] then return nil end
  table.insert(found, 1, id)
  return framed(found)
end
"""

# ARGV: `all` or `missing`, then a frame for each account, of id, removed_at, plain, token, cookies, proxy,
# fingerprint. Gives their revisions. With `all`, one whose id or token is there already means that none is
# added, and its id is given; with `missing`, 0 stands for its revision.
_ADD: Final = Script("""
local ids, tokens, new, revisions = {}, {}, {}, {}
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local id, fingerprint = one[1], one[7]
  revisions[i - 2] = 0
  if ids[id] or redis.call('EXISTS', P .. 'account/' .. id) == 1
      or tokens[fingerprint] or redis.call('HEXISTS', P .. 'accounts/tokens', fingerprint) == 1 then
    if ARGV[2] == 'all' then return id end
  else
    ids[id] = true
    if one[2] == '' then tokens[fingerprint] = true end
    new[#new + 1] = {i - 2, one}
  end
end
for _, found in ipairs(new) do
  local i, one = found[1], found[2]
  local id, at = one[1], one[2]
  local number = redis.call('INCR', P .. 'number')
  revisions[i] = changed('account/' .. id)
  redis.call('HSET', P .. 'account/' .. id, 'number', number, 'revision', revisions[i], 'plain', one[3],
    'token', one[4], 'cookies', one[5], 'proxy', one[6], 'fingerprint', one[7])
  if at == '' then
    redis.call('ZADD', P .. 'accounts', number, id)
    redis.call('HSET', P .. 'accounts/tokens', one[7], id)
  else
    redis.call('HSET', P .. 'account/' .. id, 'removed_at', at)
    redis.call('ZADD', P .. 'accounts/removed', at, id)
  end
end
if #new > 0 then redis.call('PUBLISH', P .. 'news', GATEWAY) end
return revisions
""")

# ARGV: the name of this batch, then a frame for each account, of id, the revision it has to have, plain,
# token, cookies, proxy and fingerprint; with an empty fingerprint what is sealed stays. Gives for each the
# new revision, or 0 when it is not there, or -1 when its token is another account's, or the row when it has
# another revision.
_SAVE: Final = Script(
    ROW
    + """
local results = {}
for i = 3, #ARGV do
  local one = fields(ARGV[i])
  local id, key, fingerprint = one[1], P .. 'account/' .. one[1], one[7]
  local known = redis.call('HMGET', key, 'revision', 'removed_at', 'fingerprint')
  local owner = redis.call('HGET', P .. 'accounts/tokens', fingerprint)
  if not known[1] then
    results[i - 2] = 0
  elseif known[1] ~= one[2] then
    results[i - 2] = row(id)
  elseif fingerprint ~= '' and not known[2] and owner and owner ~= id then
    results[i - 2] = -1
  else
    local revision = changed('account/' .. id)
    redis.call('HSET', key, 'plain', one[3], 'revision', revision, BY, ARGV[2])
    if fingerprint ~= '' then
      redis.call('HSET', key, 'token', one[4], 'cookies', one[5], 'proxy', one[6], 'fingerprint', fingerprint)
      if not known[2] and known[3] ~= fingerprint then
        redis.call('HDEL', P .. 'accounts/tokens', known[3])
        redis.call('HSET', P .. 'accounts/tokens', fingerprint, id)
      end
    end
    results[i - 2] = revision
  end
end
redis.call('PUBLISH', P .. 'news', GATEWAY)
return results
"""
)

# ARGV: when, then ids. Gives their revisions, 0 for one that is not there.
_REMOVE: Final = Script("""
local revisions = {}
for i = 3, #ARGV do
  local id, key = ARGV[i], P .. 'account/' .. ARGV[i]
  local fingerprint = redis.call('HGET', key, 'fingerprint')
  if fingerprint then
    revisions[i - 2] = changed('account/' .. id)
    redis.call('HSET', key, 'removed_at', ARGV[2], 'revision', revisions[i - 2])
    redis.call('ZREM', P .. 'accounts', id)
    redis.call('ZADD', P .. 'accounts/removed', ARGV[2], id)
    if redis.call('HGET', P .. 'accounts/tokens', fingerprint) == id then
      redis.call('HDEL', P .. 'accounts/tokens', fingerprint)
    end
  else
    revisions[i - 2] = 0
  end
end
redis.call('PUBLISH', P .. 'news', GATEWAY)
return revisions
""")

# ARGV: ids. Gives the rows of those that are back. Of two with one token, the one that came later.
_RESTORE: Final = Script(
    ROW
    + """
local numbers, by_token, ids = {}, {}, {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local found = redis.call('HMGET', P .. 'account/' .. id, 'removed_at', 'fingerprint', 'number')
  if found[1] and redis.call('HEXISTS', P .. 'accounts/tokens', found[2]) == 0 then
    local other = by_token[found[2]]
    numbers[id] = tonumber(found[3])
    if not other or numbers[other] < numbers[id] then by_token[found[2]] = id end
  end
end
for _, id in pairs(by_token) do ids[#ids + 1] = id end
table.sort(ids, function(a, b) return numbers[a] < numbers[b] end)
local rows = {}
for i, id in ipairs(ids) do
  local key = P .. 'account/' .. id
  redis.call('HDEL', key, 'removed_at')
  redis.call('HSET', key, 'revision', changed('account/' .. id))
  redis.call('ZREM', P .. 'accounts/removed', id)
  redis.call('ZADD', P .. 'accounts', numbers[id], id)
  redis.call('HSET', P .. 'accounts/tokens', redis.call('HGET', key, 'fingerprint'), id)
  rows[i] = row(id)
end
redis.call('PUBLISH', P .. 'news', GATEWAY)
return framed(rows)
"""
)

# ARGV: before when, how many at once. Gives how many are gone for good.
_PURGE: Final = Script("""
local ids = redis.call('ZRANGEBYSCORE', P .. 'accounts/removed', '-inf', '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
for _, id in ipairs(ids) do
  redis.call('UNLINK', P .. 'account/' .. id)
  redis.call('ZREM', P .. 'accounts/removed', id)
  redis.call('ZREM', P .. 'revisions', 'account/' .. id)
end
return #ids
""")

# ARGV: which list. Gives its ids in order.
_IDS: Final = Script("return framed(redis.call('ZRANGE', P .. ARGV[2], 0, -1))")

# Gives the ids of all, removed ones too, in the order they came.
_ORDER: Final = Script("""
local numbers, ids = {}, {}
for _, name in ipairs({'accounts', 'accounts/removed'}) do
  for _, id in ipairs(redis.call('ZRANGE', P .. name, 0, -1)) do
    numbers[id] = tonumber(redis.call('HGET', P .. 'account/' .. id, 'number'))
    ids[#ids + 1] = id
  end
end
table.sort(ids, function(a, b) return numbers[a] < numbers[b] end)
return framed(ids)
""")

# ARGV: ids. Gives the rows of those that are there.
_ROWS: Final = Script(
    ROW
    + """
local rows = {}
for i = 2, #ARGV do rows[#rows + 1] = row(ARGV[i]) end
return framed(rows)
"""
)


class _Row(NamedTuple):
    """A row that was read, its secrets opened."""

    account: Account
    revision: int
    removed_at: float | None
    number: int
    batch: str = ""


@dataclass(slots=True)
class _Copy:
    """What this gateway knows of a row: `shared` is the row at `revision`, removed unless it is `here`.

    `is_mine` says that this gateway wrote that revision.

    `base` is the account as the program around the store last had it and `shared` contains it, so whatever is
    saved next differs from it by what happened here alone.
    """

    base: Account
    shared: Account
    revision: int
    here: bool
    is_mine: bool = False


class RedisAccounts:
    """An `AccountStore` (core/ports.py). Two accounts with the same token cannot both be there."""

    def __init__(self, server: Server, writer: Writer, vault: Vault) -> None:
        self._server = server
        self._writer = writer
        self._vault = vault
        self._lane = writer.lane(self._write)
        self._copies: dict[AccountId, _Copy] = {}
        self._loaded = False
        self._batches = 0
        # What was sent and not answered, by batch: it may be in the row or not.
        self._attempts: defaultdict[AccountId, dict[str, Account]] = defaultdict(dict)
        # Accounts that the program around the store knows otherwise than they are.
        self._untold: dict[AccountId, None] = {}
        # One exchange about accounts at a time: what comes back is noted before anything else is asked.
        self.exchange: Final = asyncio.Lock()
        self.on_untold: Callable[[], None] = lambda: None

    async def all(self) -> list[Account]:
        """Every account that has not been removed, oldest first.

        One whose token cannot be opened is disabled and says so; its row is not touched. Raises `Broken`
        when that is true of every one: then the vault is the wrong one.
        """
        await self._writer.flush()
        async with self.exchange:
            found = await self._listed("accounts")
            accounts = [row.account for row in found]
            if accounts and not any(account.token for account in accounts):
                raise Broken(
                    "None of the stored accounts can be opened with this team key.",
                    hint="Enter the team key that the store was made with. Nothing was changed.",
                )
            if not self._loaded:
                self._loaded = True
                for row in found:
                    self._know(row)
        return accounts

    async def add(self, new: Sequence[Account]) -> None:
        """Write new accounts at once: all or none. Raises `Conflict` for a token that is there."""
        await self._add("all", [KeptAccount(account) for account in new])

    async def fill(self, rows: Sequence[KeptAccount]) -> int:
        """Add the accounts that are missing, removed ones too; returns how many."""
        return await self._add("missing", rows)

    async def batches(self) -> AsyncIterator[Sequence[KeptAccount]]:
        """All accounts, removed ones too, in the order they came. What cannot be opened is left out."""
        await self._writer.flush()
        ids = unframed(await self._server.run(_ORDER))
        for start in range(0, len(ids), COPIED_ROWS):
            rows = await self._read(_ROWS, *ids[start : start + COPIED_ROWS])
            yield [KeptAccount(row.account, row.removed_at) for row in rows if row.account.token]

    async def _add(self, which: str, new: Sequence[KeptAccount]) -> int:
        left = asyncio.Event()

        async def adding() -> int:
            frames: list[bytes] = []
            for part in parts(new):
                frames += await offload(_new_frames, part, self._vault)
            async with self.exchange:
                if left.is_set() or not frames:
                    return 0
                answer = await self._server.run(_ADD, which, *frames)
                if isinstance(answer, bytes):
                    raise Conflict(
                        "One of these accounts is already there.",
                        hint="None was added.",
                        detail=f"id={answer.decode(errors='replace')}",
                    )
                for one, revision in zip(new, answer, strict=True):
                    if revision:
                        self._know(_Row(one.account, revision, one.removed_at, 0), is_mine=True)
                        # A copy is news here, too; and so is what is there though whoever asked has gone.
                        if one.removed_at is None and (which == "missing" or left.is_set()):
                            self._tell(one.account.id)
                return sum(revision > 0 for revision in answer)

        try:
            return await self._server.uncancelled(adding())
        except asyncio.CancelledError:
            left.set()
            raise

    def save(self, account: Account) -> None:
        """Write a changed account soon; returns at once. An account that was removed stays removed."""
        self._lane.put(account.id, account)

    async def remove(self, ids: Iterable[AccountId], at: float) -> None:
        """Mark accounts as removed at `at`; `restore` undoes it."""
        gone = list(ids)

        async def removing() -> None:
            async with self.exchange:
                revisions = await self._server.run(_REMOVE, repr(float(at)), *gone)
                for one, revision in zip(gone, revisions, strict=True):
                    copy = self._copies.get(one)
                    self._untold.pop(one, None)
                    if copy is not None:
                        copy.revision, copy.here, copy.is_mine = revision, False, True

        if gone:
            await self._server.uncancelled(removing())

    async def restore(self, ids: Iterable[AccountId]) -> list[Account]:
        """Take back a removal; returns the accounts.

        Leaves out those that were not removed, and those whose token has come back with another account
        since.
        """
        await self._writer.flush()
        left = asyncio.Event()

        async def restoring() -> list[Account]:
            async with self.exchange:
                back = await self._read(_RESTORE, *ids)
                for row in back:
                    self._know(row)
                    self._untold.pop(row.account.id, None)
                    if left.is_set():
                        self._tell(row.account.id)
            return [row.account for row in back]

        try:
            return await self._server.uncancelled(restoring())
        except asyncio.CancelledError:
            left.set()
            raise

    async def removed(self) -> list[Removed]:
        """Every account that has been removed and can be restored, the last one first."""
        await self._writer.flush()
        found = [
            (row.removed_at, row.number, row.account)
            for row in await self._listed("accounts/removed")
            if row.removed_at is not None
        ]
        found.sort(key=lambda one: one[:2], reverse=True)
        return [Removed(account, at) for at, _, account in found]

    async def purge(self, before: float) -> int:
        """Forget for good what was removed before `before`; returns how many that were."""
        count = 0
        while gone := int(await self._server.run(_PURGE, repr(float(before)), BATCH_ROWS)):
            count += gone
        self._copies = {one: copy for one, copy in self._copies.items() if copy.here or one in self._untold}
        return count

    # --- what other gateways do ---

    def take_untold(self) -> tuple[tuple[Account, ...], frozenset[AccountId]]:
        """Hand out accounts that others have changed, as they are now, and the ids of those that are gone.

        At most 200; asking again gives the next. What was saved here and is not written yet is in them. The
        caller has to take them in before anything else is saved. An account that is being written at this
        moment is left for the next time.
        """
        changed: list[Account] = []
        gone: set[AccountId] = set()
        due = [one for one in self._untold if not self._lane.is_writing(one)]
        for one in due[:_MOST_NEWS]:
            del self._untold[one]
            copy = self._copies[one]
            if not copy.here:
                gone.add(one)
                continue
            unwritten = self._lane.waiting(one)
            account = copy.shared
            if unwritten is not None:
                account = merged(copy.base, unwritten, copy.shared)
                self._lane.put(one, account)
            copy.base = copy.shared
            changed.append(account)
        if len(due) > _MOST_NEWS:
            self.on_untold()
        return tuple(changed), frozenset(gone)

    async def take_note(self, frames: Sequence[bytes]) -> None:
        """Take in rows that have changed. The caller holds `exchange` since before it asked for them."""
        if self._loaded:
            for row in await self._opened([frame for frame in frames if self._is_newer(frame)]):
                self._note(row)

    async def compare(self, frames: Sequence[bytes], newest: int) -> None:
        """Take in all rows of a server that may have been restarted, at revision `newest` before that.

        A server that was killed may have forgotten the last second; what this gateway wrote in it is written
        again, by nobody else. The caller holds `exchange` since before it asked for the rows.
        """
        if not self._loaded:
            return
        missing = {one for one, copy in self._copies.items() if copy.here}
        for row in await self._opened(frames):
            one = row.account.id
            missing.discard(one)
            copy = self._copies.get(one)
            is_forgotten = copy is not None and copy.is_mine and row.revision < copy.revision
            if copy is not None and is_forgotten and copy.here and row.removed_at is None:
                log.warning("account was forgotten by the redis server, writing it again id=%s", one)
                ours = self._latest(copy)
                self._know(row)
                self._lane.put(one, ours)
                self._tell(one)
            elif copy is None or copy.shared != row.account or copy.here is (row.removed_at is not None):
                self._note(row)
        for one in missing:
            copy = self._copies[one]
            if copy.is_mine and copy.revision > newest:
                await self._put_back(copy)
            else:
                copy.here = False
                self._tell(one)

    def _is_newer(self, frame: bytes) -> bool:
        name, revision, *_ = unframed(frame)
        copy = self._copies.get(AccountId(name.decode()))
        return copy is None or copy.revision < int(revision)

    def _note(self, row: _Row) -> None:
        one, here = row.account.id, row.removed_at is None
        copy = self._copies.get(one)
        if copy is None:
            if here:
                self._know(row)
                self._tell(one)
            return
        # If it was written and the answer was lost: what it changed must not be added once more.
        copy.base = self._attempts.pop(one, {}).get(row.batch, copy.base)
        if here or copy.here:
            self._tell(one)
        copy.shared, copy.revision, copy.here, copy.is_mine = row.account, row.revision, here, False

    async def _put_back(self, copy: _Copy) -> None:
        """Add an account again that the server has forgotten."""
        account = self._latest(copy)
        (frame,) = await offload(_new_frames, [KeptAccount(account)], self._vault)
        answer = await self._server.run(_ADD, "all", frame)
        if isinstance(answer, bytes):
            copy.here = False
        else:
            log.warning("account was forgotten by the redis server, added again id=%s", account.id)
            copy.base, copy.shared, copy.revision = account, account, answer[0]
            copy.is_mine = True
        self._tell(account.id)

    def _latest(self, copy: _Copy) -> Account:
        unwritten = self._lane.waiting(copy.base.id)
        return copy.shared if unwritten is None else merged(copy.base, unwritten, copy.shared)

    def _know(self, row: _Row, *, is_mine: bool = False) -> None:
        here = row.removed_at is None
        self._copies[row.account.id] = _Copy(row.account, row.account, row.revision, here, is_mine)

    def _tell(self, one: AccountId) -> None:
        if not self._loaded:
            return  # nobody has asked for any yet
        self._untold[one] = None
        self.on_untold()

    # --- writing ---

    async def _write(self, rows: Mapping[str, Account]) -> None:
        async with self.exchange:
            left = {AccountId(one): account for one, account in rows.items()}
            strangers = [one for one in left if one not in self._copies]
            if strangers:
                for row in await self._read(_ROWS, *strangers):
                    self._know(row)
            refused = ""
            for _ in range(_TRIES):
                left = {one: account for one, account in left.items() if one in self._copies}
                if not left:
                    break
                left, refused = await self._write_once(left, refused)
            else:
                raise DatabaseTrouble(
                    "The accounts are changed by too many others at once.", detail=f"{len(left)} left"
                )
        if self._untold:
            self.on_untold()
        if refused:
            raise Conflict("This is already there.", detail=f"the token of {refused} is another account's")

    async def _write_once(
        self, rows: Mapping[AccountId, Account], refused: str
    ) -> tuple[dict[AccountId, Account], str]:
        """Write what can be written; return what has to be tried again, and an account that never can be."""
        self._batches += 1
        batch = f"{self._server.gateway}:{self._batches}"
        changes = []
        for one, account in rows.items():
            copy = self._copies[one]
            new = account if copy.base == copy.shared else merged(copy.base, account, copy.shared)
            changes.append((new, copy.revision))
        frames = await offload(_changed_frames, changes, self._vault)
        for one, account in rows.items():
            self._attempts[one][batch] = account
        results = await self._server.run(_SAVE, batch, *frames)
        again: dict[AccountId, Account] = {}
        moved: list[bytes] = []
        for (new, _), (one, account), result in zip(changes, rows.items(), results, strict=True):
            copy = self._copies[one]
            if isinstance(result, bytes):
                # Not in this batch; what is open is whether it was written in one before.
                del self._attempts[one][batch]
                moved.append(result)
                again[one] = account
                continue
            del self._attempts[one]
            if result > 0:
                copy.base, copy.shared, copy.revision, copy.is_mine = account, new, result, True
                if copy.here and new != account:
                    self._untold[one] = None
            elif result == 0:
                log.info("account is not there any more, not saved id=%s", one)
                del self._copies[one]
                self._untold.pop(one, None)
            else:
                refused = one
        for row in await self._opened(moved):
            self._note(row)
        return again, refused

    # --- reading ---

    async def _listed(self, name: str) -> list[_Row]:
        ids = unframed(await self._server.run(_IDS, name))
        found: list[_Row] = []
        for part in parts(ids):
            found += await self._read(_ROWS, *part)
        # Between the list and the rows one may have been removed or restored.
        gone = name != "accounts"
        return [row for row in found if (row.removed_at is not None) is gone]

    async def _read(self, script: Script, *ids: str | bytes) -> list[_Row]:
        return await self._opened(await offload(unframed, await self._server.run(script, *ids)))

    async def _opened(self, frames: Sequence[bytes]) -> list[_Row]:
        found: list[_Row] = []
        for part in parts(frames):
            found += await offload(_rows, part, self._vault)
        return found


# --- rows ---------------------------------------------------------------------------------------------------


def _fields(account: Account, vault: Vault) -> list[str | bytes]:
    """Plain, token, cookies, proxy, fingerprint; the last is empty when there is no token to seal."""
    record = to_record(account, vault)
    sealed = [record.pop(name) for name in _SEALED]
    fingerprint = str(record.pop("fingerprint"))
    for name in ("id", "number", "removed_at", "revision"):
        record.pop(name, None)
    # Not ASCII: half a character is to be refused here, as everywhere.
    plain = json.dumps(record, ensure_ascii=False).encode()
    if not account.token:
        # It could not be opened, and what is sealed in the row must not be lost.
        return [plain, b"", b"", b"", b""]
    return [plain, *(one if isinstance(one, bytes) else b"" for one in sealed), fingerprint]


def _new_frames(part: Sequence[KeptAccount], vault: Vault) -> list[bytes]:
    return [
        framed(
            [
                one.account.id,
                "" if one.removed_at is None else repr(float(one.removed_at)),
                *_fields(one.account, vault),
            ]
        )
        for one in part
    ]


def _changed_frames(part: Sequence[tuple[Account, int]], vault: Vault) -> list[bytes]:
    return [framed([account.id, str(revision), *_fields(account, vault)]) for account, revision in part]


def _rows(frames: Sequence[bytes], vault: Vault) -> list[_Row]:
    rows = [_row(frame) for frame in frames]
    accounts = opened_members(map(itemgetter(*MEMBERS), rows), vault)
    return [
        _Row(
            account=account,
            revision=int(row["revision"]),
            removed_at=float(row["removed_at"]) if row["removed_at"] else None,
            number=int(row["number"]),
            batch=row["batch"].decode(),
        )
        for row, account in zip(rows, accounts, strict=True)
    ]


def _row(frame: bytes) -> dict[str, Any]:
    name, revision, removed_at, number, batch, plain, *sealed = unframed(frame)
    return {
        **json.loads(plain),
        **{column: content or None for column, content in zip(_SEALED, sealed, strict=True)},
        "id": name.decode(),
        "revision": revision,
        "removed_at": removed_at,
        "number": number,
        "batch": batch,
    }
