"""Which account answers: a pure choice among seats.

A `Seat` is an account plus what is true only now. `choose` never returns a seat without room. Seats are
grouped by tier so that a choice among 10,000 touches few of them: it starts at a random place, stops after
`SAMPLE` ready seats and scores only those.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from random import Random
from typing import Final

from grokdesk.core.accounts import Account, AccountId, Meter, Mode, Product, Status, Tier

SAMPLE: Final = 64
_RECENT_S: Final = 15.0


class Strategy(StrEnum):
    """BY_QUOTA prefers the account with most left; RANDOM spreads evenly."""

    BY_QUOTA = "quota"
    RANDOM = "random"


class Seat:
    """An account and its present: requests in flight, and when each mode is free (infinity: never).

    `elsewhere` counts those that other gateways of a shared pool have in flight.
    """

    __slots__ = ("account", "elsewhere", "free_at", "in_flight", "last_leased_at")

    def __init__(self, account: Account) -> None:
        self.in_flight = 0
        self.elsewhere = 0
        self.last_leased_at = -inf
        self.update(account)

    def room(self, meter: Meter, most: int) -> bool:
        """Whether one more request on `meter` may be given to it; `most` is what the settings allow.

        After faults, or once a refused one should be free again, one request at a time tries it.
        """
        return self.in_flight + self.elsewhere < self.most(meter, most)

    def most(self, meter: Meter, most: int) -> int:
        """How many requests on `meter` it may serve at once."""
        if self.account.on_probation(meter):
            return 1
        return most if self.account.max_parallel is None else self.account.max_parallel

    def free(self, meter: Meter) -> float:
        """When `meter` is free: infinity for never."""
        # Hardly ever a product: these are not worth a table for each of 10,000 seats.
        if isinstance(meter, Product):
            return self.account.free_at(meter)
        return self.free_at.get(meter, inf)

    def update(self, account: Account) -> None:
        """Take a changed account."""
        self.account = account
        self.free_at: dict[Mode, float] = {mode: account.free_at(mode) for mode in account.windows}


@dataclass(frozen=True, slots=True)
class Need:
    """What a request asks of an account: tiers and meters, each in order of preference.

    With `only`, no other account will do: it has what the request goes on from. `because` is the dotted path
    of the member of the request that leaves other tiers out, or empty when the model does.
    """

    tiers: tuple[Tier, ...]
    meters: tuple[Meter, ...]
    only: AccountId | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A seat with room, and the meter the request counts on."""

    seat: Seat
    meter: Meter


class Lack(StrEnum):
    """Why no seat was found."""

    NO_ACCOUNTS = "no_accounts"
    NONE_FIT = "none_fit"
    NONE_USABLE = "none_usable"
    ALL_LIMITED = "all_limited"
    ALL_BUSY = "all_busy"
    ALL_TRIED = "all_tried"


@dataclass(frozen=True, slots=True)
class Shortage:
    """No seat.

    `free_at` is when the first will be ready, as far as known; `total` counts accounts of the right tiers.
    """

    lack: Lack
    free_at: float | None = None
    total: int = 0


Seats = Mapping[Tier, Sequence[Seat]]


def seats_in(seats: Seats, tier: Tier) -> tuple[Sequence[Seat], ...]:
    """The groups that serve `tier`: an account of unknown tier serves like a basic one."""
    if tier is Tier.BASIC:
        return (seats.get(Tier.BASIC, ()), seats.get(Tier.UNKNOWN, ()))
    return (seats.get(tier, ()),)


def choose(
    seats: Seats,
    need: Need,
    *,
    strategy: Strategy,
    max_in_flight: int,
    tried: Collection[AccountId],
    now: float,
    rng: Random,
) -> Choice | Shortage:
    """Return the seat that is to serve `need`, or why there is none.

    Meters come before tiers: every tier is asked for the first mode before any for the second
    (spec/accounts.md §5.1).
    """
    for meter in need.meters:
        for tier in need.tiers:
            ready: list[Seat] = []
            for group in seats_in(seats, tier):
                ready += _ready(group, meter, max_in_flight, tried, now, rng)
            if ready:
                return Choice(_best(ready, meter, strategy, now, rng), meter)
    return _shortage(seats, need, max_in_flight, tried, now)


def _ready(
    group: Sequence[Seat],
    meter: Meter,
    max_in_flight: int,
    tried: Collection[AccountId],
    now: float,
    rng: Random,
) -> list[Seat]:
    if not group:
        return []
    start = rng.randrange(len(group))
    found: list[Seat] = []
    for part in (range(start, len(group)), range(start)):
        for index in part:
            seat = group[index]
            if seat.free(meter) <= now and seat.room(meter, max_in_flight) and seat.account.id not in tried:
                found.append(seat)
                if len(found) == SAMPLE:
                    return found
    return found


def _best(ready: list[Seat], meter: Meter, strategy: Strategy, now: float, rng: Random) -> Seat:
    match strategy:
        case Strategy.RANDOM:
            return rng.choice(ready)
        case Strategy.BY_QUOTA:
            return max(ready, key=lambda seat: _score(seat, meter, now))


def _score(seat: Seat, meter: Meter, now: float) -> float:
    """Most left first, as a share of the window so that tiers compare; busy, recent, failing seats later."""
    left = seat.account.left(meter, now)
    recent = max(0.0, 1.0 - (now - seat.last_leased_at) / _RECENT_S)
    return (
        left * 100 - (seat.in_flight + seat.elsewhere) * 20 - recent * 15 - min(seat.account.faults, 10) * 4
    )


def _shortage(
    seats: Seats, need: Need, max_in_flight: int, tried: Collection[AccountId], now: float
) -> Shortage:
    if not any(seats.values()):
        return Shortage(Lack.NO_ACCOUNTS)
    fitting = [seat for tier in need.tiers for group in seats_in(seats, tier) for seat in group]
    total = len(fitting)
    if not fitting:
        return Shortage(Lack.NONE_FIT)
    usable = [seat for seat in fitting if seat.account.status is Status.ACTIVE]
    if not usable:
        return Shortage(Lack.NONE_USABLE, total=total)
    times = [(min((seat.free(meter) for meter in need.meters), default=inf), seat) for seat in usable]
    times = [(at, seat) for at, seat in times if at < inf]
    if not times:
        return Shortage(Lack.NONE_FIT, total=total)
    soonest = min(at for at, _ in times)
    if soonest > now:
        return Shortage(Lack.ALL_LIMITED, free_at=soonest, total=total)
    if any(at <= now and _full(seat, need, max_in_flight, now) for at, seat in times):
        return Shortage(Lack.ALL_BUSY, free_at=now + 1, total=total)
    later = [at for at, seat in times if seat.account.id not in tried]
    return Shortage(Lack.ALL_TRIED, free_at=min(later) if later else None, total=total)


def _full(seat: Seat, need: Need, max_in_flight: int, now: float) -> bool:
    free = [meter for meter in need.meters if seat.free(meter) <= now]
    return not any(seat.room(meter, max_in_flight) for meter in free)
