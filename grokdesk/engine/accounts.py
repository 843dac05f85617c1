"""The pool's shell: who is there, who is asked, and what came of it.

Between choosing a seat and taking it there is no `await`, so nothing needs a lock. Leaving a lease never
waits for a disk: changed rows go to the store's writer.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import inf
from random import Random

from grokdesk.core.accounts import (
    Abandoned,
    Account,
    AccountId,
    Mode,
    Outcome,
    Report,
    RestPolicy,
    Status,
    Tier,
    TierSource,
    after,
    told,
)
from grokdesk.core.errors import AccountRejected, GrokDeskError, NoAccount, RateLimited, UpstreamError
from grokdesk.core.notices import AccountChanged, Bus
from grokdesk.core.pool import Choice, Lack, Need, Seat, Shortage, choose
from grokdesk.core.ports import AccountStore, Clock, Lease
from grokdesk.core.retry import Tries
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live
from grokdesk.engine.import_export import NewAccount

log = logging.getLogger(__name__)

_NEVER_SOON_S = 60.0
_COUNTS_AGE_S = 1.0


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
    ) -> None:
        self._store = store
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
        self._counted: PoolCounts | None = None
        self._counted_at = 0.0

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
        """The pool at a glance. What only time changes (who is ready again) may be up to a second old."""
        now = self._clock.now()
        if self._counted is None or not self._counted_at <= now < self._counted_at + _COUNTS_AGE_S:
            self._counted, self._counted_at = self._count(now), now
        return replace(self._counted, in_flight=self._in_flight)

    def _count(self, now: float) -> PoolCounts:
        ready = cooling = need_owner = disabled = 0
        for seat in self._seats.values():
            match seat.account.status:
                case Status.DISABLED:
                    disabled += 1
                case Status.EXPIRED | Status.BLOCKED:
                    need_owner += 1
                case Status.ACTIVE:
                    free = min(seat.free_at.values(), default=inf) <= now
                    ready, cooling = (ready + 1, cooling) if free else (ready, cooling + 1)
        return PoolCounts(len(self._seats), ready, cooling, need_owner, disabled)

    # -- changing

    async def add(self, found: Sequence[NewAccount]) -> Added:
        """Take accounts in, all or none. Tokens that are here already are counted, not touched."""
        now = self._clock.now()
        fresh: dict[Secret, Account] = {}
        known = 0
        for one in found:
            if one.token in self._tokens or one.token in fresh:
                known += 1
                continue
            account = Account(
                id=AccountId(self._new_id()),
                token=one.token,
                label=one.label,
                email=one.email,
                user_id=one.user_id,
                cookies=one.cookies,
                created_at=now,
                since=now,
            )
            if one.tier is not None:
                account = account.with_tier(one.tier, TierSource.GUESSED)
            fresh[one.token] = account
        accounts = tuple(fresh.values())
        if accounts:
            # Taken before the wait, so that an import at the same time finds them known.
            self._tokens.update((account.token, account.id) for account in accounts)
            try:
                await self._store.add(accounts)
            except BaseException:
                for account in accounts:
                    del self._tokens[account.token]
                raise
            for account in accounts:
                self._seat(account)
            self._tell(account.id for account in accounts)
            log.info("accounts added count=%d known=%d", len(accounts), known)
        return Added(accounts, known)

    async def remove(self, ids: Iterable[AccountId]) -> list[Account]:
        """Take accounts out; `restore` brings them back. Requests they serve come to their end."""
        gone = [self._seats[one] for one in ids if one in self._seats]
        names = [seat.account.id for seat in gone]
        await self._store.remove(names, self._clock.now())
        doomed = set(names)
        self._counted = None
        for seat in gone:
            self._seats.pop(seat.account.id, None)
            self._tokens.pop(seat.account.token, None)
        for tier, seats in self._tiers.items():
            self._tiers[tier] = [seat for seat in seats if seat.account.id not in doomed]
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

    def report(self, account_id: AccountId, report: Report) -> None:
        """Take in what upstream told about an account."""
        seat = self._seats.get(account_id)
        if seat is not None:
            self._change(seat, told(seat.account, report, self._clock.now()))

    def learn(self, account_id: AccountId, user_id: str, email: str) -> None:
        """Take in whose account it is."""
        seat = self._seats.get(account_id)
        if seat is not None:
            account = seat.account
            self._change(
                seat, replace(account, user_id=user_id or account.user_id, email=email or account.email)
            )

    def failed_check(self, account_id: AccountId, error: UpstreamError) -> None:
        """Take in that an account could not be checked: only a refusal of the account itself changes it."""
        seat = self._seats.get(account_id)
        if seat is not None and isinstance(error, AccountRejected):
            self._settle(seat, error.outcome, Mode.FAST)

    # -- leasing

    @asynccontextmanager
    async def lease(self, need: Need, tries: Tries) -> AsyncIterator[Held]:
        """Hold an account for one call.

        Raises the last failure of `tries` when accounts run out after one, `NoAccount` when there is none at
        all.
        """
        choice = self._choose(need, tries)
        seat, mode = choice.seat, choice.mode
        seat.in_flight += 1
        self._in_flight += 1
        seat.last_leased_at = self._clock.now()
        held = Held(Lease(seat.account, mode))
        try:
            yield held
        except UpstreamError as error:
            held.settle(error.outcome)
            raise
        finally:
            seat.in_flight -= 1
            self._in_flight -= 1
            self._settle(seat, held.outcome, mode)

    def _choose(self, need: Need, tries: Tries) -> Choice:
        now = self._clock.now()
        settings = self._live.now.accounts
        if tries.again_with is not None:
            seat = self._seats.get(tries.again_with)
            fits = seat is not None and (
                seat.account.tier in need.tiers
                or (seat.account.tier is Tier.UNKNOWN and Tier.BASIC in need.tiers)
            )
            if seat is not None and fits and seat.in_flight < settings.max_in_flight:
                for mode in need.modes:
                    if seat.free_at.get(mode, inf) <= now:
                        return Choice(seat, mode)
        known = self._shortages.get(need)
        if known is not None and not tries.accounts and now < (known.free_at or inf):
            raise _shortage(known, need, tries, now)
        found = choose(
            self._tiers,
            need,
            strategy=settings.strategy,
            max_in_flight=settings.max_in_flight,
            tried=tries.accounts,
            now=now,
            rng=self._rng,
        )
        if isinstance(found, Choice):
            return found
        if not tries.accounts and found.lack is not Lack.ALL_BUSY:
            self._shortages[need] = found
        raise _shortage(found, need, tries, now)

    def _settle(self, seat: Seat, outcome: Outcome, mode: Mode) -> None:
        changed = after(seat.account, outcome, mode, self._clock.now(), RestPolicy())
        if changed is seat.account:
            if seat.account.id in self._seats:
                self._tell((seat.account.id,))
            return
        if changed.status is not seat.account.status:
            log.warning(
                "account left rotation id=%s status=%s reason=%s", changed.id, changed.status, changed.reason
            )
        self._change(seat, changed)

    # -- bookkeeping

    def _seat(self, account: Account) -> None:
        seat = Seat(account)
        self._seats[account.id] = seat
        self._tiers[account.tier].append(seat)
        self._tokens[account.token] = account.id
        self._counted = None

    def _change(self, seat: Seat, account: Account) -> None:
        old = seat.account
        was_ready = min(seat.free_at.values(), default=inf) <= self._clock.now()
        seat.update(account)
        is_ready = min(seat.free_at.values(), default=inf) <= self._clock.now()
        if old.status is not account.status or was_ready is not is_ready:
            self._counted = None
        if self._seats.get(old.id) is not seat:
            return  # removed meanwhile, and perhaps back on another seat
        if old.tier is not account.tier:
            self._tiers[old.tier].remove(seat)
            self._tiers[account.tier].append(seat)
        self._store.save(account)
        self._tell((account.id,))

    def _tell(self, ids: Iterable[AccountId]) -> None:
        self._shortages.clear()
        self._bus.publish(AccountChanged(frozenset(ids)))


def _shortage(shortage: Shortage, need: Need, tries: Tries, now: float) -> GrokDeskError:
    wait = None if shortage.free_at is None else max(1.0, shortage.free_at - now)
    last = tries.last
    if last is not None:
        if isinstance(last, RateLimited) and last.retry_after is None:
            last.retry_after = wait or _NEVER_SOON_S
        return last
    tiers = " or ".join(tier.value for tier in need.tiers)
    count = shortage.total
    match shortage.lack:
        case Lack.NO_ACCOUNTS:
            return NoAccount(
                "There is no Grok account yet.",
                retry_after=_NEVER_SOON_S,
                hint="Add an account in GrokDesk, then try again.",
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
                f"All {count} accounts for this model are out of questions or resting; "
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
