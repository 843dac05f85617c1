"""What several gateways on one Redis server keep together: leases, news, and who runs the schedules.

`holds/<gateway>` counts the requests a gateway has in flight, by account; it vanishes when the gateway has
not said for a while that it lives. So what a killed gateway held is free again without anybody clearing it
away. One task carries everything about leases, one message at a time: what is asked and given back while it
is under way goes with the next. `leader` is the gateway that runs the schedules, and vanishes the same way.

Changes are announced on the channel `news`, and looked for every now and then all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Final, Self

from grokdesk.core.accounts import AccountId
from grokdesk.core.ports import News
from grokdesk.store.database import DatabaseTrouble, Spawn
from grokdesk.store.redis_accounts import ROW, RedisAccounts
from grokdesk.store.redis_keys import RedisKeys
from grokdesk.store.redis_server import DataGone, Script, Server, explained, framed, unframed
from grokdesk.store.redis_writer import Troubles

log = logging.getLogger(__name__)

# Rows that one look brings.
_PAGE: Final = 500
# Many small changes are looked at together.
_PAUSE_S: Final = 0.1
_PROBE_S: Final = 1.0
_AGAIN_S: Final = 0.1
# The word on the channel when a gateway has left: its work is free at once.
_LEFT: Final = b"left"
# How often in a row looking fails before the owner hears of it.
_PATIENCE: Final = 2

# ARGV: the data folder this gateway belongs to. What an earlier gateway of the same folder left is cleared.
_ENTER: Final = Script("""
local home = ARGV[2] .. '/'
for _, other in ipairs(redis.call('SMEMBERS', P .. 'gateways')) do
  if other ~= GATEWAY and string.sub(other, 1, #home) == home then
    redis.call('DEL', P .. 'holds/' .. other)
    redis.call('SREM', P .. 'gateways', other)
    if redis.call('GET', P .. 'leader') == other then redis.call('DEL', P .. 'leader') end
  end
end
""")

_LEAVE: Final = Script("""
redis.call('DEL', P .. 'holds/' .. GATEWAY)
redis.call('SREM', P .. 'gateways', GATEWAY)
if redis.call('GET', P .. 'leader') == GATEWAY then redis.call('DEL', P .. 'leader') end
redis.call('PUBLISH', P .. 'news', 'left')
""")

# ARGV: for how many ms this gateway counts as alive, and for how many it leads; `anew` when the frames are
# all it holds; then a frame for each account, of id, how many it holds, and `most` when one more is asked
# for. Gives whether it still counted as alive, whether it leads (-1: was not asked), and for each account
# that was asked for how many others hold, or -1 when it was granted.
_LEASES: Final = Script("""
local key = P .. 'holds/' .. GATEWAY
local existed, leads, others = redis.call('EXISTS', key), -1, {}
for _, other in ipairs(redis.call('SMEMBERS', P .. 'gateways')) do
  if other ~= GATEWAY then others[#others + 1] = other end
end
if ARGV[4] == 'anew' then
  redis.call('DEL', key)
  redis.call('SADD', P .. 'gateways', GATEWAY)
  for _, other in ipairs(others) do
    if redis.call('EXISTS', P .. 'holds/' .. other) == 0 then redis.call('SREM', P .. 'gateways', other) end
  end
  local leader = redis.call('GET', P .. 'leader')
  leads = 0
  if not leader or leader == GATEWAY then
    redis.call('SET', P .. 'leader', GATEWAY, 'PX', ARGV[3])
    leads = 1
  end
end
local held, answers = {}, {}
for i = 5, #ARGV do
  local one = fields(ARGV[i])
  local account = one[1]
  local mine = held[account] or tonumber(one[2])
  if one[3] ~= '' then
    local theirs = 0
    for _, other in ipairs(others) do
      theirs = theirs + tonumber(redis.call('HGET', P .. 'holds/' .. other, account) or '0')
    end
    if mine + theirs < tonumber(one[3]) then
      mine = mine + 1
      answers[#answers + 1] = -1
    else
      answers[#answers + 1] = theirs
    end
  end
  held[account] = mine
end
local said = false
for account, mine in pairs(held) do
  local before = tonumber(redis.call('HGET', key, account) or '0')
  if mine > 0 then redis.call('HSET', key, account, mine) else redis.call('HDEL', key, account) end
  said = said or mine ~= before
end
redis.call('HSET', key, '', '0')
redis.call('PEXPIRE', key, ARGV[2])
if said and #others > 0 and ARGV[4] ~= 'anew' then redis.call('PUBLISH', P .. 'news', GATEWAY) end
return {existed, leads, answers}
""")

# ARGV: behind which revision, how many rows. Gives the newest revision of all, how many were found and the
# last of their revisions, the rows of accounts, ids and revisions of keys, accounts and what others hold.
_LOOK: Final = Script(
    ROW
    + """
local newest = tonumber(redis.call('GET', P .. 'revision') or '0')
local found = redis.call('ZRANGEBYSCORE', P .. 'revisions', '(' .. ARGV[2], '+inf', 'WITHSCORES',
  'LIMIT', 0, ARGV[3])
local rows, keys, last = {}, {}, tonumber(ARGV[2])
for i = 1, #found, 2 do
  last = tonumber(found[i + 1])
  if string.sub(found[i], 1, 8) == 'account/' then
    rows[#rows + 1] = row(string.sub(found[i], 9))
  else
    keys[#keys + 1] = string.sub(found[i], 5)
    keys[#keys + 1] = found[i + 1]
  end
end
local held, holds = {}, {}
for _, other in ipairs(redis.call('SMEMBERS', P .. 'gateways')) do
  if other ~= GATEWAY then
    local all = redis.call('HGETALL', P .. 'holds/' .. other)
    for i = 1, #all, 2 do held[all[i]] = (held[all[i]] or 0) + tonumber(all[i + 1]) end
  end
end
for account, count in pairs(held) do
  if count > 0 then
    holds[#holds + 1] = account
    holds[#holds + 1] = tostring(count)
  end
end
return {newest, #found / 2, last, framed(rows), framed(keys), framed(holds)}
"""
)


@dataclass(frozen=True, slots=True, eq=False)
class _Ask:
    """One `acquire` on its way; `answer` is what that returns."""

    account: AccountId
    most: int
    answer: asyncio.Future[int | None]


class RedisShared:
    """A `Shared` (core/ports.py). Entering makes this gateway known; leaving frees all it holds.

    While the server does not answer every lease is granted at once. The caller of `news` has to take in what
    it returns before it saves anything.
    """

    def __init__(
        self,
        server: Server,
        accounts: RedisAccounts,
        keys: RedisKeys,
        troubles: Troubles,
        *,
        home: str,
        spawn: Spawn,
    ) -> None:
        self._server = server
        self._accounts = accounts
        self._keys = keys
        self._troubles = troubles
        self._home = home
        self._spawn = spawn
        self._timing = server.timing
        self._tasks: list[asyncio.Task[None]] = []
        # Leases: what this gateway really holds, what the server does not know yet, what is asked for.
        self._held: Counter[AccountId] = Counter()
        self._unsaid: set[AccountId] = set()
        self._asks: list[_Ask] = []
        self._work = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._away = False
        self._is_known = False
        self._beat_at = 0.0
        self._leads_until = 0.0
        # News: up to which revision everything was seen, and what others hold.
        self._seen = 0
        self._compare = False
        # None: has not been tried yet.
        self._is_listening: bool | None = None
        self._elsewhere: dict[AccountId, int] = {}
        self._told_elsewhere: dict[AccountId, int] = {}
        self._out_of_touch_since: float | None = None
        self._heard = asyncio.Event()
        self._anything = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._server.run(_ENTER, self._home)
        await self._carry()
        await self._look()
        for source in (self._accounts, self._keys):
            source.on_untold = self._anything.set
        self._server.on_back.append(self._heard.set)
        self._tasks = [
            self._spawn(self._keep_carrying(), name="redis leases"),
            self._spawn(self._keep_looking(), name="redis news"),
            self._spawn(self._keep_listening(), name="redis channel"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _ended(self._tasks)
        self._leads_until = 0.0
        self._away = True
        self._grant_all(self._asks)
        if self._timer is not None:
            self._timer.cancel()
        with suppress(DatabaseTrouble):
            await self._server.run_fast(_LEAVE, patient=False)

    @property
    def leads(self) -> bool:
        """Whether this gateway is the one that runs the schedules."""
        return monotonic() < self._leads_until

    async def acquire(self, account: AccountId, most: int) -> int | None:
        """Count one more request of `account` for all gateways, of at most `most`.

        Returns None when it was granted, else how many the other gateways hold.
        """
        if self._away:
            self._held[account] += 1
            return None
        ask = _Ask(account, most, asyncio.get_running_loop().create_future())
        self._asks.append(ask)
        self._work.set()
        try:
            return await ask.answer
        except asyncio.CancelledError:
            if not ask.answer.cancelled() and ask.answer.done() and ask.answer.result() is None:
                self.release(account)
            raise

    def release(self, account: AccountId) -> None:
        """Take back one `acquire` soon; returns at once."""
        self._held[account] -= 1
        if self._held[account] <= 0:
            del self._held[account]
        self._unsaid.add(account)
        if self._timer is None and not self._away:
            self._timer = asyncio.get_running_loop().call_later(self._timing.gather_s, self._work.set)

    async def news(self) -> News:
        """Wait until other gateways have changed something; returns what."""
        while True:
            self._anything.clear()
            accounts, removed = self._accounts.take_untold()
            elsewhere = {
                one: self._elsewhere.get(one, 0)
                for one in self._elsewhere.keys() | self._told_elsewhere.keys()
                if self._elsewhere.get(one, 0) != self._told_elsewhere.get(one, 0)
            }
            self._told_elsewhere = self._elsewhere
            keys = self._keys.take_untold()
            if accounts or removed or elsewhere or keys:
                return News(accounts, removed, elsewhere, keys)
            await self._anything.wait()

    # --- leases ---

    async def _keep_carrying(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._until_beat()):
                    await self._work.wait()
            try:
                await self._carry()
            except DatabaseTrouble as error:
                if not self._away:
                    log.warning("leases are granted without asking reason=%s", error.detail or error)
                self._away = True
                self._grant_all(self._asks)
                self._work.clear()
                await asyncio.sleep(min(_PROBE_S, self._timing.beat_s))

    def _until_beat(self) -> float:
        return 0.0 if self._away or not self._is_known else self._beat_at - monotonic()

    async def _carry(self) -> None:
        """Tell the server what is held and ask for more, in one message. Raises `DatabaseTrouble`."""
        self._work.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        anew = self._until_beat() <= 0
        asks, self._asks = [ask for ask in self._asks if not ask.answer.done()], []
        said, self._unsaid = self._held if anew else self._unsaid, set()
        frames = [framed((one, str(self._held[one]), "")) for one in said]
        frames += [framed((ask.account, str(self._held[ask.account]), str(ask.most))) for ask in asks]
        sent_at = monotonic()
        timing = self._timing
        leads_s = max(timing.expire_s - timing.beat_s, timing.expire_s / 2)
        try:
            existed, leads, answers = await self._server.run_fast(
                _LEASES,
                round(timing.expire_s * 1_000),
                round(leads_s * 1_000),
                "anew" if anew else "",
                *frames,
                patient=not self._is_known,
            )
        except BaseException:
            # It may have been done or not: say everything once more when the server is back.
            self._is_known = False
            self._grant_all(asks)
            raise
        for ask, others in zip(asks, answers, strict=True):
            self._answer(ask, None if others < 0 else others)
        if self._away:
            log.info("leases are asked for again held=%d", self._held.total())
        self._away = False
        if anew:
            self._is_known = True
            self._beat_at = sent_at + timing.beat_s
            self._leads_until = sent_at + leads_s if leads else 0.0
        elif not existed:
            # This computer slept, and the others believed it dead.
            self._is_known = False

    def _answer(self, ask: _Ask, others: int | None) -> None:
        if others is None and ask.answer.done():
            self._unsaid.add(ask.account)  # whoever asked has left meanwhile
            self._work.set()
        elif not ask.answer.done():
            if others is None:
                self._held[ask.account] += 1
            ask.answer.set_result(others)

    def _grant_all(self, asks: list[_Ask]) -> None:
        for ask in asks:
            if not ask.answer.done():
                self._held[ask.account] += 1
                ask.answer.set_result(None)
        asks.clear()

    # --- news ---

    async def _keep_listening(self) -> None:
        """Hear at once what is announced. Without this everything is still found by looking."""
        while True:
            try:
                await self._listen()
            except DatabaseTrouble as error:
                if self._is_listening is not False:
                    log.info("the channel for news is closed reason=%s", error.detail or error)
                # A server that was restarted so quickly that nobody looked meanwhile.
                self._compare = self._compare or self._is_listening is True
                self._is_listening = False
            await asyncio.sleep(self._timing.look_s)

    async def _listen(self) -> None:
        with explained(self._server.address.where):
            async with self._server.pubsub() as channel:
                await channel.subscribe(self._server.key("news"))
                self._is_listening = True
                # What was announced before that was not heard.
                self._heard.set()
                while True:
                    message = await channel.get_message(timeout=self._timing.answer_s / 2)
                    word = message["data"] if message else self._server.gateway.encode()
                    if word == _LEFT:
                        self._beat_at = 0.0
                        self._work.set()
                    if word != self._server.gateway.encode():
                        self._heard.set()

    async def _keep_looking(self) -> None:
        failures = 0
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.look_s):
                    await self._heard.wait()
            self._heard.clear()
            try:
                await self._look()
            except DatabaseTrouble as error:
                failures += 1
                self._compare = True
                if failures >= _PATIENCE or isinstance(error, DataGone):
                    self._troubles.tell("news", error)
                self._forget_elsewhere()
            else:
                failures = 0
                self._out_of_touch_since = None
                self._troubles.clear("news")
            await asyncio.sleep(_PAUSE_S)

    async def _look(self) -> None:
        """Take in what has changed since the last look. Raises `DatabaseTrouble`."""
        async with self._accounts.exchange:
            compare = self._compare
            seen = 0 if compare else self._seen
            newest, count, last, rows, keys, holds = await self._server.run(_LOOK, seen, _PAGE)
            if newest < seen:
                self._compare = True
                raise DatabaseTrouble(
                    "The shared store is older than it was.", detail=f"{newest} after {seen}"
                )
            frames, revisions = unframed(rows), unframed(keys)
            while count == _PAGE:
                _, count, last, rows, keys, holds = await self._server.run(_LOOK, last, _PAGE)
                frames += unframed(rows)
                revisions += unframed(keys)
            if compare:
                await self._accounts.compare(frames, newest)
            else:
                await self._accounts.take_note(frames)
            self._compare, self._seen = False, last
        names = iter(revisions)
        self._keys.take_note(
            {one.decode(): int(revision) for one, revision in zip(names, names, strict=True)}
        )
        names = iter(unframed(holds))
        self._hear_of({AccountId(one.decode()): int(count) for one, count in zip(names, names, strict=True)})

    def _hear_of(self, elsewhere: dict[AccountId, int]) -> None:
        self._elsewhere = elsewhere
        if elsewhere != self._told_elsewhere:
            self._anything.set()

    def _forget_elsewhere(self) -> None:
        """After so long nobody knows what the others hold; what they held is over."""
        now = monotonic()
        if self._out_of_touch_since is None:
            self._out_of_touch_since = now
        if now - self._out_of_touch_since > self._timing.expire_s:
            self._hear_of({})


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have ended."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        # redis-py 8.1 loses a cancellation that comes while it connects.
        # test_a_store_can_be_closed_right_after_it_was_opened.
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
