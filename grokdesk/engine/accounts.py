"""The pool's shell: who is there, who is asked, and what came of it.

Between choosing a seat and taking it there is no `await`, so nothing needs a lock. Leaving a lease never
waits for a disk: changed rows go to the store's writer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Final

from grokdesk.core.accounts import (
    Abandoned,
    Account,
    AccountId,
    Meter,
    Mode,
    Noted,
    Outcome,
    Product,
    Rejected,
    Report,
    RestPolicy,
    Status,
    Tier,
    after,
    refused,
    told,
    untold,
)
from grokdesk.core.errors import (
    AccountRejected,
    GrokDeskError,
    InvalidRequest,
    NoAccount,
    RateLimited,
    UpstreamError,
)
from grokdesk.core.notices import AccountChanged, Bus
from grokdesk.core.pool import Choice, Lack, Need, Seat, Seats, Shortage, choose
from grokdesk.core.ports import AccountStore, Clock, Lease, News, Removed, Shared
from grokdesk.core.retry import RetryPolicy, Tries
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live
from grokdesk.engine.census import Census
from grokdesk.engine.import_export import Fate, Plan, seated, updated
from grokdesk.engine.reading import NewAccount

log = logging.getLogger(__name__)

_NEVER_SOON_S = 60.0
_FILMS: Final = frozenset({Product.VIDEO, Product.VIDEO_720P})
# What does not pass by itself.
_LASTING: Final = frozenset({Lack.NO_ACCOUNTS, Lack.NONE_FIT, Lack.NONE_USABLE})
# Updates of an import between which others have their turn.
_CHANGES_AT_ONCE = 100


# A wait for a free seat looks again so often by itself: rests and windows end without a word.
_LOOK_AGAIN_S = 1.0


class _AllBusy(Exception):
    """All that could answer serve others at this moment; `error` says so."""

    def __init__(self, error: GrokDeskError) -> None:
        super().__init__()
        self.error = error


class Held:
    """A lease in use.

    `settle` says how the call ended; unsaid, it was abandoned and costs the account nothing.
    """

    __slots__ = ("lease", "outcome")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.outcome: Outcome = Abandoned()

    def settle(self, outcome: Outcome) -> None:
        """Say how the call ended."""
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class PoolCounts:
    """The pool at a glance. `cooling` wait for quota or rest; `need_owner` are signed out or blocked."""

    total: int = 0
    ready: int = 0
    cooling: int = 0
    need_owner: int = 0
    disabled: int = 0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    """What an import did: the new accounts, and how many were there already."""

    accounts: tuple[Account, ...]
    known: int


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import did, by account; those of `renewed`, which have a new token, are among `updated`.

    `known` is how many were there already and stayed as they are.
    """

    added: tuple[AccountId, ...] = ()
    updated: tuple[AccountId, ...] = ()
    renewed: tuple[AccountId, ...] = ()
    removed: tuple[AccountId, ...] = ()
    known: int = 0


class AccountPool:
    """All accounts of the owner, as they are now."""

    def __init__(
        self,
        store: AccountStore,
        live: Live,
        bus: Bus,
        clock: Clock,
        *,
        new_id: Callable[[], str],
        rng: Random,
        shared: Shared | None = None,
    ) -> None:
        self._store = store
        self._shared = shared
        self._live = live
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        self._rng = rng
        self._seats: dict[AccountId, Seat] = {}
        self._tiers: dict[Tier, list[Seat]] = {tier: [] for tier in Tier}
        self._tokens: dict[Secret, AccountId] = {}
        # Looking through ten thousand seats in vain takes milliseconds, and gives the same until one changes.
        self._shortages: dict[Need, Shortage] = {}
        self._in_flight = 0
        # Requests that wait for a seat to be free.
        self._queue: set[asyncio.Future[None]] = set()
        self._census = Census()

    async def load(self) -> None:
        """Read the accounts of earlier sessions."""
        for account in await self._store.all():
            self._seat(account)

    # -- looking

    def __len__(self) -> int:
        return len(self._seats)

    def accounts(self) -> list[Account]:
        """All accounts, oldest first."""
        return [seat.account for seat in self._seats.values()]

    def get(self, account_id: AccountId) -> Account | None:
        """The account as it is now."""
        seat = self._seats.get(account_id)
        return seat.account if seat else None

    def in_flight(self, account_id: AccountId) -> int:
        """How many requests the account serves at this moment."""
        seat = self._seats.get(account_id)
        return seat.in_flight if seat else 0

    def counts(self) -> PoolCounts:
        """The pool at a glance."""
        return PoolCounts(len(self._seats), *self._census.counts(self._clock.now()), self._in_flight)

    # -- changing

    async def add(self, found: Sequence[NewAccount]) -> Added:
        """Take accounts in, all or none. Tokens that are here already are counted, not touched."""
        brought = await self.bring(Plan(new=tuple(found)))
        return Added(tuple(self._seats[one].account for one in brought.added), brought.known)

    async def bring(self, plan: Plan) -> Brought:
        """Carry out an import: the new accounts all or none, then the updates, then the removals.

        What has come in, changed or gone since it was planned is not touched against the plan's intent: a
        token that is here by now is known, an account that is gone stays gone.
        """
        now = self._clock.now()
        # Taken before each wait, so that an import at the same time finds them known.
        taken: dict[Secret, AccountId] = {}
        try:
            fresh = await self._made(plan.new, taken, now)
            for account_id, one in plan.changes:
                if account_id in self._seats and one.token not in self._tokens:
                    taken[one.token] = self._tokens[one.token] = account_id
            if fresh:
                await self._store.add(fresh)
                await self._seat_all(fresh)
            changed = await self._update(plan.changes, now)
        finally:
            for token, account_id in taken.items():
                seat = self._seats.get(account_id)
                if (seat is None or seat.account.token != token) and self._tokens.get(token) == account_id:
                    del self._tokens[token]
        known = (
            plan.counts.get(Fate.KNOWN, 0) + plan.counts.get(Fate.RENEWABLE, 0) + len(plan.new) - len(fresh)
        )
        gone = await self.remove(plan.gone) if plan.gone else []
        brought = Brought(
            tuple(account.id for account in fresh),
            tuple(changed),
            tuple(one for one, renewed in changed.items() if renewed),
            tuple(account.id for account in gone),
            known,
        )
        if fresh or changed or gone:
            log.info(
                "accounts imported added=%d updated=%d renewed=%d removed=%d known=%d",
                len(fresh),
                len(changed),
                len(brought.renewed),
                len(gone),
                known,
            )
        return brought

    async def _made(
        self, founds: Sequence[NewAccount], taken: dict[Secret, AccountId], now: float
    ) -> list[Account]:
        """New accounts for the tokens that are not here; takes these."""
        fresh: list[Account] = []
        for number, found in enumerate(founds, 1):
            if found.token not in self._tokens:
                account = seated(found, AccountId(self._new_id()), now)
                taken[found.token] = self._tokens[found.token] = account.id
                fresh.append(account)
            if number % _CHANGES_AT_ONCE == 0:
                await asyncio.sleep(0)
        return fresh

    async def _seat_all(self, fresh: Sequence[Account]) -> None:
        """Seat accounts that the store has; all of them, also when this is cancelled."""
        start = 0
        try:
            while start < len(fresh):
                start = self._seat_part(fresh, start, start + _CHANGES_AT_ONCE)
                await asyncio.sleep(0)
        finally:
            self._seat_part(fresh, start, len(fresh))

    def _seat_part(self, fresh: Sequence[Account], start: int, end: int) -> int:
        part = fresh[start:end]
        if part:
            for account in part:
                self._seat(account)
            self._tell(account.id for account in part)
            self._wake()
        return end

    async def _update(
        self, changes: Sequence[tuple[AccountId, NewAccount]], now: float
    ) -> dict[AccountId, bool]:
        """Give accounts what a file says more; tells which changed, and whether they have a new token."""
        changed: dict[AccountId, bool] = {}
        for number, (account_id, found) in enumerate(changes, 1):
            if number % _CHANGES_AT_ONCE == 0:
                await asyncio.sleep(0)
            seat = self._seats.get(account_id)
            if seat is None or self._tokens.get(found.token) != account_id:
                continue
            old = seat.account
            new = updated(old, found, now)
            if new != old:
                self._change(seat, new)
                changed[account_id] = new.token != old.token
        return changed

    async def remove(self, ids: Iterable[AccountId]) -> list[Account]:
        """Take accounts out; `restore` brings them back. Requests they serve come to their end."""
        gone = [self._seats[one] for one in ids if one in self._seats]
        names = [seat.account.id for seat in gone]
        await self._store.remove(names, self._clock.now())
        self._unseat(names)
        self._tell(names)
        return [seat.account for seat in gone]

    async def restore(self, ids: Iterable[AccountId]) -> list[Account]:
        """Bring removed accounts back as they were, except those whose token has come in again meanwhile."""
        wanted = list(ids)
        back = [one for one in await self._store.restore(wanted) if one.token not in self._tokens]
        for account in back:
            self._seat(account)
        self._tell(account.id for account in back)
        return back

    def enable(self, ids: Iterable[AccountId], *, on: bool) -> None:
        """Let accounts serve, or keep them out. Switching on also forgives what expired or blocked them."""
        now = self._clock.now()
        status, reason = (Status.ACTIVE, "") if on else (Status.DISABLED, "Switched off by you.")
        for one in ids:
            seat = self._seats.get(one)
            if seat is not None:
                account = seat.account.with_status(status, reason, now)
                self._change(seat, replace(account, faults=0, resting_until=0.0, rest_reason=""))

    def edit(self, ids: Iterable[AccountId], change: Callable[[Account], Account]) -> list[Account]:
        """Change accounts as the owner says; returns those that are there, as they are now."""
        edited = []
        for one in ids:
            seat = self._seats.get(one)
            if seat is not None:
                account = change(seat.account)
                if account != seat.account:
                    self._change(seat, account)
                edited.append(account)
        return edited

    async def removed(self) -> list[Removed]:
        """Accounts that were removed and can be brought back, the last one first."""
        return await self._store.removed()

    async def purge(self, before: float) -> int:
        """Forget for good what was removed before `before`; returns how many that were."""
        return await self._store.purge(before)

    def report(self, asked: Account, report: Report) -> None:
        """Take in what upstream told about an account, which was `asked` when the question was put."""
        seat = self._seats.get(asked.id)
        if seat is not None:
            now = seat.account
            # Not one that has been refused since: that is newer than this answer.
            revives = (now.status, now.since) == (asked.status, asked.since)
            self._change(seat, told(now, report, self._clock.now(), revives=revives))

    def learn(self, account_id: AccountId, user_id: str, email: str) -> None:
        """Take in whose account it is."""
        seat = self._seats.get(account_id)
        if seat is not None:
            account = seat.account
            self._change(
                seat, replace(account, user_id=user_id or account.user_id, email=email or account.email)
            )

    def learned(self, account_id: AccountId, error: UpstreamError) -> None:
        """Take in how a call that was no chat failed.

        Only a refusal of the account itself changes what it may do: a limit of such calls says nothing about
        questions.
        """
        seat = self._seats.get(account_id)
        if seat is not None:
            outcome = error.outcome if isinstance(error, AccountRejected) else Noted(error.message)
            self._settle(seat, outcome, Mode.FAST)

    def failed_check(self, asked: Account, error: UpstreamError) -> None:
        """Take in that an account could not be checked; a refusal of the account itself ends its service."""
        seat = self._seats.get(asked.id)
        if seat is None:
            return
        now, account = self._clock.now(), seat.account
        outcome = _of_token(error.outcome, asked, account) if isinstance(error, AccountRejected) else None
        if isinstance(outcome, Rejected):
            # A check is no call: how often an account answers is not told by it.
            account = refused(account, outcome, now)
            self._tell_rotation(seat.account, account)
        self._change(seat, untold(account, error.message, now))

    def heard(self, news: News) -> None:
        """Take in what other gateways of a shared pool have changed."""
        self._unseat(news.removed)
        for account in news.accounts:
            seat = self._seats.get(account.id)
            if seat is None:
                self._seat(account)
            else:
                self._replace(seat, account)
        for one, count in news.elsewhere.items():
            seat = self._seats.get(one)
            if seat is not None:
                seat.elsewhere = count
        self._wake()
        self._tell({*news.removed, *news.elsewhere, *(account.id for account in news.accounts)})

    # -- leasing

    @asynccontextmanager
    async def lease(self, need: Need, tries: Tries, *, wait_s: float | None = None) -> AsyncIterator[Held]:
        """Hold an account for one call.

        When all are busy it waits for one, for `wait_s` or as long as the settings say. Raises the last
        failure of `tries` when accounts run out after one, `NoAccount` when there is none at all.
        """
        choice = await self._taken(need, tries, self._live.now.accounts.wait_s if wait_s is None else wait_s)
        seat, meter = choice.seat, choice.meter
        seat.last_leased_at = self._clock.now()
        held = Held(Lease(seat.account, meter))
        try:
            yield held
        except UpstreamError as error:
            held.settle(error.outcome)
            raise
        finally:
            self._leave(seat)
            if self._shared is not None:
                self._shared.release(seat.account.id)
            self._settle(seat, _of_token(held.outcome, held.lease.account, seat.account), meter)
            self._wake()

    async def _taken(self, need: Need, tries: Tries, wait_s: float) -> Choice:
        """A seat, taken. Between choosing and taking there is no `await`."""
        give_up_at = self._clock.monotonic() + wait_s
        denied: set[AccountId] = set()
        while True:
            try:
                choice = self._choose(need, tries, denied)
            except _AllBusy as busy:
                left_s = give_up_at - self._clock.monotonic()
                if left_s <= 0:
                    raise busy.error from None
                await self._until_free(left_s)
                denied.clear()
                continue
            if await self._granted(choice):
                return choice
            denied.add(choice.seat.account.id)

    async def _granted(self, choice: Choice) -> bool:
        """Take the seat; tells whether the other gateways of a shared pool leave room for that."""
        seat = choice.seat
        seat.in_flight += 1
        self._in_flight += 1
        if self._shared is None:
            return True
        most = seat.most(choice.meter, self._live.now.accounts.max_in_flight)
        try:
            others = await self._shared.acquire(seat.account.id, most)
        except BaseException:
            self._leave(seat)
            raise
        if others is None:
            return True
        self._leave(seat)
        seat.elsewhere = others
        return False

    def _leave(self, seat: Seat) -> None:
        seat.in_flight -= 1
        self._in_flight -= 1

    async def _until_free(self, seconds: float) -> None:
        """Return when a seat has been left or changed, or after `seconds`."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.add(turn)
        try:
            await asyncio.wait([turn], timeout=min(seconds, _LOOK_AGAIN_S))
        finally:
            self._queue.discard(turn)

    def _wake(self) -> None:
        for turn in self._queue:
            if not turn.done():
                turn.set_result(None)

    def _choose(self, need: Need, tries: Tries, denied: set[AccountId]) -> Choice:
        now = self._clock.now()
        settings = self._live.now.accounts
        tried = tries.accounts | denied
        if tries.again_with is not None and tries.again_with not in denied:
            seat = self._seats.get(tries.again_with)
            fits = seat is not None and (
                seat.account.tier in need.tiers
                or (seat.account.tier is Tier.UNKNOWN and Tier.BASIC in need.tiers)
            )
            if seat is not None and fits:
                for meter in need.meters:
                    if seat.free(meter) <= now and seat.room(meter, settings.max_in_flight):
                        return Choice(seat, meter)
        known = self._shortages.get(need)
        if known is not None and not tried and now < (known.free_at or inf):
            raise _shortage(known, need, tries, now)
        found = choose(
            self._tiers if need.only is None else self._alone(need.only),
            need,
            strategy=settings.strategy,
            max_in_flight=settings.max_in_flight,
            tried=tried,
            now=now,
            rng=self._rng,
        )
        if isinstance(found, Choice):
            return found
        if found.lack is Lack.ALL_BUSY or (denied and found.lack is Lack.ALL_TRIED):
            busy = replace(found, lack=Lack.ALL_BUSY, free_at=now + 1)
            raise _AllBusy(_shortage(busy, need, tries, now))
        if not tried:
            self._shortages[need] = found
        raise _shortage(found, need, tries, now)

    def _alone(self, account_id: AccountId) -> Seats:
        seat = self._seats.get(account_id)
        if seat is None:
            raise NoAccount(
                "The account that made this is not here any more, and no other one can go on from it.",
                retry_after=_NEVER_SOON_S,
                hint="Bring the account back, or begin anew.",
            )
        return {seat.account.tier: (seat,)}

    def lacks(self, need: Need) -> GrokDeskError | None:
        """Why no account could serve `need` now or later, as things stand; None when one could."""
        settings, now = self._live.now.accounts, self._clock.now()
        found = choose(
            self._tiers if need.only is None else self._alone(need.only),
            need,
            strategy=settings.strategy,
            max_in_flight=settings.max_in_flight,
            tried=(),
            now=now,
            rng=self._rng,
        )
        if isinstance(found, Choice) or found.lack not in _LASTING:
            return None
        return _shortage(found, need, Tries(RetryPolicy()), now)

    def _settle(self, seat: Seat, outcome: Outcome, meter: Meter) -> None:
        changed = after(seat.account, outcome, meter, self._clock.now(), RestPolicy())
        if changed is seat.account:
            if seat.account.id in self._seats:
                self._tell((seat.account.id,))
            return
        self._tell_rotation(seat.account, changed)
        self._change(seat, changed)

    def _tell_rotation(self, before: Account, after: Account) -> None:
        if after.status is not before.status:
            log.warning(
                "account left rotation id=%s status=%s reason=%s", after.id, after.status, after.reason
            )

    # -- bookkeeping

    def _seat(self, account: Account) -> None:
        seat = Seat(account)
        self._seats[account.id] = seat
        self._tiers[account.tier].append(seat)
        self._tokens[account.token] = account.id
        self._census.take(account.id, account.status, _first_free(seat))

    def _unseat(self, ids: Iterable[AccountId]) -> None:
        doomed = set(ids)
        if not doomed:
            return
        for one in doomed:
            self._census.forget(one)
            seat = self._seats.pop(one, None)
            if seat is not None:
                self._tokens.pop(seat.account.token, None)
        for tier, seats in self._tiers.items():
            self._tiers[tier] = [seat for seat in seats if seat.account.id not in doomed]

    def _change(self, seat: Seat, account: Account) -> None:
        """Take a changed account, keep it and tell."""
        if self._replace(seat, account):
            self._store.save(account)
            self._tell((account.id,))
            self._wake()

    def _replace(self, seat: Seat, account: Account) -> bool:
        """Let `seat` be that of the changed account; tells whether the account is still here."""
        old = seat.account
        seat.update(account)
        if self._seats.get(old.id) is not seat:
            return False  # removed meanwhile, and perhaps back on another seat
        self._census.take(account.id, account.status, _first_free(seat))
        if old.tier is not account.tier:
            self._tiers[old.tier].remove(seat)
            self._tiers[account.tier].append(seat)
        if old.token != account.token:
            self._tokens.pop(old.token, None)
            self._tokens[account.token] = account.id
        return True

    def _tell(self, ids: Iterable[AccountId]) -> None:
        self._shortages.clear()
        self._bus.publish(AccountChanged(frozenset(ids)))


def _of_token(outcome: Outcome, asked: Account, now: Account) -> Outcome:
    """`outcome` of a call with the token that `asked` had: refusing an old one says nothing of the new."""
    if isinstance(outcome, Rejected) and asked.token != now.token:
        return Noted(outcome.reason)
    return outcome


def _shortage(shortage: Shortage, need: Need, tries: Tries, now: float) -> GrokDeskError:
    wait = None if shortage.free_at is None else max(1.0, shortage.free_at - now)
    last = tries.last
    if last is not None:
        if isinstance(last, RateLimited) and last.retry_after is None:
            last.retry_after = wait or _NEVER_SOON_S
        return last
    tiers = " or ".join(tier.value for tier in need.tiers)
    count = shortage.total
    makes = next((meter for meter in need.meters if isinstance(meter, Product)), None)
    what = "questions" if makes is None else "films" if makes in _FILMS else "pictures"
    match shortage.lack:
        case Lack.NO_ACCOUNTS:
            return NoAccount(
                "There is no Grok account yet.",
                retry_after=_NEVER_SOON_S,
                hint="Add an account in GrokDesk, then try again.",
            )
        case Lack.NONE_FIT if need.because and not count:
            # Not a shortage that passes: what is asked for is what nobody here may have.
            return InvalidRequest(
                f"Grok gives films of this length or resolution to {tiers} accounts only, "
                "and there is none here.",
                param=need.because,
                hint="Ask for at most 6 seconds in 720p, or add such an account.",
            )
        case Lack.NONE_FIT if makes:
            return NoAccount(
                "Grok does not offer this to any of the accounts.",
                retry_after=_NEVER_SOON_S,
                hint="Add an account that may have it; Accounts in GrokDesk shows what each has.",
            )
        case Lack.NONE_FIT:
            return NoAccount(
                f"None of the accounts can serve this model: it needs a {tiers} account.",
                retry_after=_NEVER_SOON_S,
                hint=(
                    "Add such an account, or choose a model that a basic account serves, "
                    "such as grok-4.20-fast."
                ),
            )
        case Lack.NONE_USABLE:
            return NoAccount(
                f"All {count} accounts for this model are signed out, blocked or switched off.",
                retry_after=_NEVER_SOON_S,
                hint="Open Accounts in GrokDesk to see why and what to do.",
            )
        case Lack.ALL_LIMITED:
            return NoAccount(
                f"All {count} accounts for this model are out of {what} or resting; "
                f"the next is ready in {_words(wait)}.",
                retry_after=wait,
                hint="Wait, or add another account.",
            )
        case Lack.ALL_BUSY:
            return NoAccount(
                f"All {count} accounts for this model are busy with other requests.",
                retry_after=wait,
                hint="Try again in a moment, or raise accounts.max_in_flight.",
            )
        case Lack.ALL_TRIED:
            return NoAccount("No account could answer.", retry_after=wait or _NEVER_SOON_S)


def _words(seconds: float | None) -> str:
    if seconds is None:
        return "a while"
    if seconds < 90:  # noqa: PLR2004 - minutes read better above
        return f"{seconds:.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"  # noqa: PLR2004 - same


def _first_free(seat: Seat) -> float:
    return min(seat.free_at.values(), default=inf)
