"""The accounts as rows: what is shown of them, found in them, and how they are counted.

Ten thousand rows are looked through with every key that is pressed. What does not depend on the time is
worked out once for a row, and what is filtered by is a number: rows of one group differ in nothing that is
chosen.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from heapq import heapify, heappop, heappush
from math import inf
from operator import attrgetter
from typing import Final

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QIcon

from grokdesk.core.accounts import CREDITS_TOTAL, Account, AccountId, Mode, Status, Tier, TierSource, Window
from grokdesk.core.egress import public_name
from grokdesk.engine.accounts import AccountPool
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.languages import told
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import Look
from grokdesk.ui.words import StateWords

ACCOUNT, TIER, STATE, LEFT, IN_FLIGHT, LAST_USED, USED, FAILED, RATE, TAGS, VIA, ADULT, NOTE = range(13)

_TIER_ORDER: Final = {Tier.UNKNOWN: 0, Tier.BASIC: 1, Tier.SUPER: 2, Tier.HEAVY: 3}
_PERCENT: Final = 100
_NO_TAG: Final = ""
_WARMED_AT_ONCE: Final = 50
# Further apart than any two moments.
_EPOCHS: Final = 1e12


class State(StrEnum):
    """What an account can be filtered by; finer than its shape."""

    READY = "ready"
    COOLING = "cooling"
    SIGNED_OUT = "signed_out"
    BLOCKED = "blocked"
    OFF = "off"


_LASTING: Final[Mapping[Status, State | None]] = {
    Status.ACTIVE: None,
    Status.EXPIRED: State.SIGNED_OUT,
    Status.BLOCKED: State.BLOCKED,
    Status.DISABLED: State.OFF,
}
_STATE_ORDER: Final = {
    State.SIGNED_OUT: 0,
    State.BLOCKED: 1,
    State.COOLING: 2,
    State.READY: 3,
    State.OFF: 4,
}
_COOLING_RANK: Final = _STATE_ORDER[State.COOLING] * _EPOCHS
_READY_RANK: Final = _STATE_ORDER[State.READY] * _EPOCHS


@dataclass(frozen=True, slots=True)
class Bar:
    """What is left of one thing that is counted. `mode` is None for the weekly pool."""

    mode: Mode | None
    left: int
    total: int
    reset_at: float | None
    window: Window | None = None

    @property
    def share(self) -> float:
        """How much is left, 0 to 1."""
        return min(1.0, self.left / self.total) if self.total else 0.0

    @property
    def figures(self) -> str:
        """What is left, in figures."""
        return percent(self.share) if self.mode is None else f"{self.left}/{self.total}"

    @property
    def name(self) -> str:
        """What it is called."""
        return name_of(self.mode)


def name_of(mode: Mode | None) -> str:
    """What is counted: a mode, or None for the weekly pool."""
    return words.tr("This week") if mode is None else words.mode(mode)


def percent(share: float) -> str:
    """A share, as 88 %."""
    return words.tr("%1 %").replace("%1", str(round(share * _PERCENT)))


def bars(account: Account, now: float) -> tuple[Bar, ...]:
    """What is left of an account's questions at `now`: the weekly pool where there is one, else each mode."""
    credit = account.credits
    if credit is not None and now < credit.ends_at:
        return (Bar(None, credit.remaining, CREDITS_TOTAL, credit.ends_at),)
    return tuple(
        Bar(mode, current.remaining, current.total, current.reset_at, current)
        for mode, window in account.windows.items()
        for current in (window.refreshed(now),)
    )


class AccountRow:
    """An account as it is shown. `group` stands for all that can be chosen of it but the time.

    `ready_at` is when it can be asked again: 0 for at once. `due` is when it looks different by itself.
    """

    def __init__(self, account: Account, in_flight: int, group: int, tier_name: str, now: float) -> None:
        self.id = account.id
        self.account = account
        self.in_flight = in_flight
        self.group = group
        self.tier_name = tier_name
        self.ready_at = _ready_at(account)
        self._now = now

    @property
    def title(self) -> str:
        """Its name, and the end of its token when the name is another."""
        account = self.account
        named = account.label or account.email
        return f"{named} · {account.token}" if named else str(account.token)

    @cached_property
    def fold(self) -> str:
        """Its name, for sorting."""
        return self.title.casefold()

    @cached_property
    def haystack(self) -> str:
        """What the search looks through."""
        one = self.account
        said = "\n".join(map(told, (one.reason, one.rest_reason, one.last_failure, one.check_failure)))
        return (
            f"{one.label}\n{one.email}\n{one.token.tail}\n{self.tier_name}\n{' '.join(one.tags)}\n"
            f"{one.note}\n{said}\n{self.via}"
        ).casefold()

    @property
    def tier(self) -> str:
        """Its tier, and whether that is certain."""
        account = self.account
        name = self.tier_name
        if account.tier_source is TierSource.GUESSED:
            return words.aside(name, words.tier_source(account.tier_source))
        return name

    @cached_property
    def bars(self) -> tuple[Bar, ...]:
        """What is left, thing by thing."""
        return bars(self.account, self._now)

    @cached_property
    def left_sum(self) -> int:
        """What is left of all modes together."""
        return sum(bar.left for bar in self.bars)

    def left(self) -> str:
        """What is left of each mode, in words."""
        return words.listed(f"{bar.name} {bar.figures}" for bar in self.bars)

    def left_tip(self, now: float) -> str:
        """Each mode on a line, with its reset and where the figures come from."""
        return "\n".join(_bar_line(bar, now) for bar in self.bars)

    @property
    def calls(self) -> int:
        """How often it was asked."""
        return self.account.uses + self.account.failures

    @property
    def rate(self) -> float:
        """The share of calls that were answered; below 0 when there was none."""
        return self.account.uses / self.calls if self.calls else -1.0

    @cached_property
    def via(self) -> str:
        """The way out it is bound to, without its password."""
        proxy = self.account.proxy
        return public_name(proxy.reveal()) if proxy else ""

    def warm_up(self) -> None:
        """Work out what is kept."""
        _ = self.fold, self.haystack, self.left_sum

    @property
    def due(self) -> float:
        """When it looks different by itself; infinity for never."""
        moments = [
            *(window.reset_at for window in self.account.windows.values() if window.reset_at is not None),
            self.ready_at,
            self.account.credits.ends_at if self.account.credits is not None else inf,
        ]
        return min((moment for moment in moments if moment > self._now), default=inf)


def _ready_at(account: Account) -> float:
    if account.status is not Status.ACTIVE:
        return 0.0
    if not account.resting_until and account.credits is None:
        for window in account.windows.values():
            if window.remaining and window.refused_until is None:
                return 0.0
    return min((account.free_at(mode) for mode in account.windows), default=inf)


def _bar_line(bar: Bar, now: float) -> str:
    parts = [f"{bar.name}: {bar.figures}"]
    if bar.reset_at is not None and bar.reset_at > now:
        parts.append(words.tr("full again at %1").replace("%1", words.at(bar.reset_at, now)))
    if bar.window is not None:
        parts.append(words.window_source(bar.window.source))
    return " · ".join(parts)


# --- what is chosen and counted -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sieve:
    """What an account must be to be shown; an empty choice stands for all. No tag is written as ""."""

    text: str = ""
    states: frozenset[State] = frozenset()
    tiers: frozenset[Tier] = frozenset()
    tags: frozenset[str] = frozenset()
    adult: frozenset[bool] = frozenset()

    @property
    def chooses(self) -> bool:
        """Whether it leaves anything out."""
        return self != NO_SIEVE


NO_SIEVE: Final = Sieve()


@dataclass(slots=True)
class Facets:
    """How many accounts each choice would show, given all other choices."""

    states: Counter[State] = field(default_factory=Counter)
    tiers: Counter[Tier] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    adult: Counter[bool] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Overview:
    """All accounts at a glance.

    `left` is what those that are in use have left of each mode, and how much they have when it is full; None
    stands for the weekly pools of paid accounts.
    """

    total: int
    states: Mapping[State, int]
    uses: int
    failures: int
    left: Mapping[Mode | None, tuple[int, int]]

    @property
    def need_owner(self) -> int:
        """How many wait for their owner."""
        return self.states.get(State.SIGNED_OUT, 0) + self.states.get(State.BLOCKED, 0)


@dataclass(slots=True)
class _Sums:
    """What `Overview` needs of all rows; kept as rows come and go."""

    uses: int = 0
    failures: int = 0
    left: Counter[Mode | None] = field(default_factory=Counter)
    total: Counter[Mode | None] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Group:
    """What the accounts of a group have in common. `lasting` is None for those that time makes ready."""

    lasting: State | None
    tier: Tier
    adult: bool
    tags: tuple[str, ...]

    def state(self, *, waits: bool) -> State:
        return self.lasting or (State.COOLING if waits else State.READY)


# --- the model ----------------------------------------------------------------------------------------------


class Accounts(Rows[AccountRow]):
    """All accounts of the pool."""

    def __init__(
        self, pool: AccountPool, now: Callable[[], float], look: Look, parent: QObject | None = None
    ) -> None:
        self._pool = pool
        self._now = now
        self._look = look
        self._moment = now()
        # Asking the translator ten thousand times would take longer than the search.
        self._tier_names = {tier: words.tier(tier) for tier in Tier}
        self._groups: list[_Group] = []
        self._ranks: list[float | None] = []
        self._cold: list[AccountRow] = []
        self._sums: _Sums | None = None
        self._group_of: dict[tuple[object, ...], int] = {}
        self._due: list[tuple[float, AccountId]] = []
        self.sieve = NO_SIEVE
        super().__init__(self._made_columns(), key=attrgetter("id"), parent=parent)

    def _made_columns(self) -> tuple[Column[AccountRow], ...]:
        text = _tr
        return (
            Column(
                text("Account"),
                lambda row: row.title,
                lambda row: row.fold,
                tip=lambda row: row.account.note or row.title,
                name="account",
            ),
            Column(
                text("Tier"),
                lambda row: row.tier,
                lambda row: _TIER_ORDER[row.account.tier],
                tip=lambda row: words.tier_source(row.account.tier_source),
                name="tier",
            ),
            Column(
                text("State"),
                lambda row: self.state(row).text,
                self._state_order,
                tip=lambda row: self.state(row).why,
                icon=self._state_icon,
                name="state",
            ),
            Column(
                text("Left"),
                lambda row: row.left(),
                lambda row: row.left_sum,
                tip=lambda row: row.left_tip(self._now()),
                name="left",
            ),
            Column(
                text("Running"),
                lambda row: str(row.in_flight) if row.in_flight else "–",
                lambda row: row.in_flight,
                right=True,
                name="running",
            ),
            Column(
                text("Last used"),
                lambda row: words.ago(row.account.last_use_at, self._now()),
                lambda row: row.account.last_use_at or -inf,
                tip=lambda row: words.exact(row.account.last_use_at) if row.account.last_use_at else "",
                right=True,
                name="last_used",
            ),
            Column(
                text("Answers"),
                lambda row: words.number(row.account.uses),
                lambda row: row.account.uses,
                right=True,
                name="used",
            ),
            Column(
                text("Failures"),
                lambda row: words.number(row.account.failures),
                lambda row: row.account.failures,
                tip=lambda row: told(row.account.last_failure),
                right=True,
                name="failed",
            ),
            Column(text("Success"), _rate, lambda row: row.rate, right=True, name="rate"),
            Column(
                text("Tags"),
                lambda row: ", ".join(row.account.tags),
                lambda row: ", ".join(row.account.tags).casefold(),
                tip=lambda row: ", ".join(row.account.tags),
                name="tags",
            ),
            Column(
                text("Via"),
                lambda row: row.via or "–",
                lambda row: row.via,
                tip=lambda row: row.via or _tr("Any way out"),
                name="via",
            ),
            Column(
                text("Adult"),
                lambda row: _tr("On") if row.account.adult_at is not None else "–",
                lambda row: row.account.adult_at or 0.0,
                name="adult",
            ),
            Column(
                text("Note"),
                lambda row: row.account.note.partition("\n")[0],
                lambda row: row.account.note.casefold(),
                tip=lambda row: row.account.note,
                name="note",
            ),
        )

    # -- taking in

    def load(self) -> None:
        """Read the whole pool."""
        self._moment = self._now()
        rows = [self._row(one) for one in self._pool.accounts()]
        self._due = [(due, row.id) for row in rows if (due := row.due) != inf]
        heapify(self._due)
        self._cold = rows[::-1]
        self._sums = None
        self.fill(rows)

    def warm_up(self, seconds: float) -> bool:
        """Work out for a moment what searching and sorting will need; returns whether more is to be done."""
        end = time.perf_counter() + seconds
        while self._cold and time.perf_counter() < end:
            for row in self._cold[-_WARMED_AT_ONCE:]:
                row.warm_up()
            del self._cold[-_WARMED_AT_ONCE:]
        return bool(self._cold)

    def changed(self, ids: frozenset[AccountId]) -> None:
        """Read these accounts again."""
        self._read(ids)

    def _read(self, ids: Iterable[AccountId], *, anew: bool = False) -> None:
        """Take in accounts; those that are as they were only when they look different all the same."""
        self._moment = self._now()
        rows: dict[Hashable, AccountRow | None] = {}
        fresh = 0
        for one in ids:
            account, known = self._pool.get(one), self.find(one)
            if known is not None:
                running = self._pool.in_flight(one)
                if known.account is account and known.in_flight == running and not anew:
                    continue
                self._tally(known, -1)
            if account is None:
                rows[one] = None
                continue
            fresh += known is None
            row = rows[one] = self._row(account)
            self._tally(row, 1)
            if (due := row.due) != inf:
                heappush(self._due, (due, one))
        if fresh > 1:
            # A set has no order; new accounts are shown as the pool has them: as they came.
            order = {one.id: place for place, one in enumerate(self._pool.accounts())}
            rows = dict(sorted(rows.items(), key=lambda item: order.get(AccountId(str(item[0])), 0)))
        self.apply(rows)

    def time_went_on(self) -> frozenset[AccountId]:
        """Take in what changes by itself, such as a rest that ends; returns whom that concerns."""
        self._moment = self._now()
        due: set[AccountId] = set()
        while self._due and self._due[0][0] <= self._moment:
            due.add(heappop(self._due)[1])
        if due:
            self._read(due, anew=True)
        self.repaint_columns(STATE, LAST_USED)
        return frozenset(due)

    def _row(self, account: Account) -> AccountRow:
        group = self._group(account)
        name = self._tier_names[account.tier]
        return AccountRow(account, self._pool.in_flight(account.id), group, name, self._moment)

    def _group(self, account: Account) -> int:
        # Its parts as Python hashes them fastest: an enum computes its hash anew each time.
        key = (
            account.status.value,
            account.tier.value,
            account.adult_at is None,
            account.tags,
        )
        number = self._group_of.get(key)
        if number is None:
            number = self._group_of[key] = len(self._groups)
            lasting = _LASTING[account.status]
            self._groups.append(_Group(lasting, account.tier, account.adult_at is not None, account.tags))
            self._ranks.append(None if lasting is None else _STATE_ORDER[lasting] * _EPOCHS)
        return number

    # -- choosing

    def sift(self, sieve: Sieve) -> None:
        """Show only what passes."""
        self.sieve = sieve
        self._moment = self._now()
        wanted = sieve.text.casefold().split()
        known: dict[int, tuple[bool, bool]] = {}

        def passes(row: AccountRow) -> bool:
            verdict = known.get(row.group)
            if verdict is None:
                group = self._groups[row.group]
                verdict = known[row.group] = (
                    _passes(sieve, group, waits=False),
                    _passes(sieve, group, waits=True),
                )
            if not verdict[row.ready_at > self._moment]:
                return False
            for word in wanted:  # noqa: SIM110 - `all` of a generator takes three times as long
                if word not in row.haystack:
                    return False
            return True

        self.filter(passes)

    def facets(self) -> Facets:
        """Count what each choice would show."""
        wanted, moment = self.sieve.text.casefold().split(), self._now()
        rows = list(self.everything())
        for word in wanted:
            rows = [row for row in rows if word in row.haystack]
        counts = Counter([row.group * 2 + (row.ready_at > moment) for row in rows])
        found = Facets()
        for coded, count in counts.items():
            group, waits = self._groups[coded // 2], bool(coded % 2)
            self._count(found, group, waits=waits, count=count)
        return found

    def _count(self, found: Facets, group: _Group, *, waits: bool, count: int) -> None:
        sieve, state = self.sieve, group.state(waits=waits)
        in_state = not sieve.states or state in sieve.states
        in_tier = not sieve.tiers or group.tier in sieve.tiers
        in_adult = not sieve.adult or group.adult in sieve.adult
        tags = group.tags or (_NO_TAG,)
        in_tags = not sieve.tags or not sieve.tags.isdisjoint(tags)
        if in_tier and in_adult and in_tags:
            found.states[state] += count
        if in_state and in_adult and in_tags:
            found.tiers[group.tier] += count
        if in_state and in_tier and in_tags:
            found.adult[group.adult] += count
        if in_state and in_tier and in_adult:
            for tag in tags:
                found.tags[tag] += count

    def overview(self) -> Overview:
        """Sum up all accounts, whatever is chosen."""
        if self._sums is None:
            self._sums = _Sums()
            for row in self.everything():
                self._tally(row, 1)
        moment = self._now()
        states: Counter[State] = Counter()
        coded = Counter([row.group * 2 + (row.ready_at > moment) for row in self.everything()])
        for one, count in coded.items():
            states[self._groups[one // 2].state(waits=bool(one % 2))] += count
        sums = self._sums
        left = {one: (sums.left[one], sums.total[one]) for one in (None, *Mode) if sums.total[one]}
        return Overview(self.total, states, sums.uses, sums.failures, left)

    def _tally(self, row: AccountRow, sign: int) -> None:
        """Count a row, or no longer."""
        sums = self._sums
        if sums is None:
            return
        sums.uses += sign * row.account.uses
        sums.failures += sign * row.account.failures
        if self._groups[row.group].lasting is None:
            for bar in row.bars:
                sums.left[bar.mode] += sign * bar.left
                sums.total[bar.mode] += sign * bar.total

    # -- telling

    def state(self, row: AccountRow) -> StateWords:
        """The state of a row at this moment."""
        return words.account_state(row.account, self._now())

    def state_of(self, row: AccountRow) -> State:
        """What a row is filtered by at this moment."""
        return self._groups[row.group].state(waits=row.ready_at > self._now())

    def _state_order(self, row: AccountRow) -> float:
        rank = self._ranks[row.group]
        if rank is not None:
            return rank
        if row.ready_at > self._moment:
            return _COOLING_RANK + min(row.ready_at, _EPOCHS - 1)
        return _READY_RANK

    def _state_icon(self, row: AccountRow) -> QIcon:
        name, token = words.ICON_OF[self.state(row).kind]
        return icon(name, getattr(self._look.tokens, token))


def _passes(sieve: Sieve, group: _Group, *, waits: bool) -> bool:
    return (
        (not sieve.states or group.state(waits=waits) in sieve.states)
        and (not sieve.tiers or group.tier in sieve.tiers)
        and (not sieve.adult or group.adult in sieve.adult)
        and (not sieve.tags or not sieve.tags.isdisjoint(group.tags or (_NO_TAG,)))
    )


def _rate(row: AccountRow) -> str:
    return percent(row.rate) if row.calls else "–"


def state_name(state: State) -> str:
    """What a state is called where it is chosen."""
    return {
        State.READY: _tr("Ready"),
        State.COOLING: _tr("Cooling"),
        State.SIGNED_OUT: _tr("Signed out"),
        State.BLOCKED: _tr("Blocked by Grok"),
        State.OFF: _tr("Switched off"),
    }[state]


def _tr(text: str) -> str:
    return QCoreApplication.translate("Accounts", text)
