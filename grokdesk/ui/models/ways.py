"""The ways out as rows, their words, and what a pasted list of proxies comes down to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf
from typing import Final, assert_never

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QIcon

from grokdesk.core.accounts import Account
from grokdesk.core.egress import (
    DIRECT,
    Purpose,
    Standing,
    Tested,
    WayState,
    listed,
    normal_way,
    public_name,
    route_of,
)
from grokdesk.core.secret import Secret
from grokdesk.core.settings import EgressMode, EgressSettings
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.languages import told
from grokdesk.ui.models.rows import Column, Index, Rows
from grokdesk.ui.theme import Look
from grokdesk.ui.words import ICON_OF, Kind, StateWords

WAY, FOR, STATE, EXIT, SPEED, REQUESTS, ACCOUNTS = range(7)
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class WayKey:
    """Which row: an entry of the list for `purpose`, or (None) a way out that is in no list, by its name."""

    purpose: Purpose | None
    way: Secret


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of the last test of a way out. `at` is in Unix seconds; None for one that is under way."""

    found: Tested | None = None
    at: float | None = None


NO_TRIAL: Final = Trial()


@dataclass(frozen=True, slots=True)
class WayRow:
    """A way out as it is shown.

    `place` counts from 1 in its list, 0 for one that is in none. `state` is None while requests do not leave
    by it. `shared` says that files take the list for chat. `bound` is how many accounts are bound to it.
    """

    key: WayKey
    name: str
    kind: str
    place: int = 0
    state: WayState | None = None
    shared: bool = False
    bound: int = 0
    trial: Trial = NO_TRIAL
    testing: bool = False

    @property
    def title(self) -> str:
        """Its name for people."""
        return _tr("Direct connection") if self.name == DIRECT else self.name

    @property
    def target(self) -> str:
        """What a test is asked for: the address of an entry, the name of any other."""
        return self.key.way.reveal()

    @property
    def is_listed(self) -> bool:
        """Whether it is an entry of a list, which has an order and can be edited."""
        return self.place > 0

    @property
    def is_current(self) -> bool:
        """Whether requests of its kind take it now."""
        if self.state is None:
            return False
        return self.key.purpose in self.state.current if self.key.purpose else bool(self.state.current)


# --- which rows there are -----------------------------------------------------------------------------------


def rows_of(
    settings: EgressSettings,
    states: Sequence[WayState],
    name_of: Callable[[str], str],
    bound: Mapping[str, int],
) -> list[WayRow]:
    """The entries of both lists in their order, then the ways out that are in none of them.

    `name_of` tells under which name an address is in use, `bound` how many accounts are bound to an address.
    """
    by_name = {state.name: state for state in states}
    used: set[str] = set()
    rows: list[WayRow] = []
    in_force = settings.mode is EgressMode.PROXIES
    for purpose, ways in ((Purpose.CHAT, settings.proxies), (Purpose.MEDIA, settings.media_proxies)):
        for place, way in enumerate(ways, 1):
            route = route_of(way)
            name = name_of(way) or route.name
            state = by_name.get(name) if in_force else None
            if state is not None:
                used.add(name)
            rows.append(
                WayRow(
                    WayKey(purpose, Secret(way)),
                    name,
                    route.kind,
                    place,
                    state,
                    shared=purpose is Purpose.CHAT and not settings.media_proxies,
                    bound=bound.get(way, 0),
                )
            )
    named = {name_of(way): count for way, count in bound.items()}
    rows += [
        WayRow(
            WayKey(None, Secret(state.name)),
            state.name,
            state.kind,
            state=state,
            shared=True,
            bound=named.get(state.name, 0),
        )
        for state in states
        if state.name not in used
    ]
    # What requests take stands before entries that are not in force.
    return rows if in_force else sorted(rows, key=lambda row: row.state is None)


def bindings(accounts: Iterable[Account]) -> dict[str, int]:
    """How many accounts are bound to each way out, by its address as `normal_way` writes it."""
    counted = Counter(account.proxy for account in accounts if account.proxy)
    found: dict[str, int] = {}
    for proxy, count in counted.items():
        try:
            way = normal_way(proxy.reveal())
        except ValueError:
            continue
        found[way] = found.get(way, 0) + count
    return found


# --- their order --------------------------------------------------------------------------------------------


def put_before(ways: Sequence[str], chosen: Collection[str], place: int) -> list[str]:
    """Return `ways` with the chosen ones, in their order, before what stood at `place` (counted from 0)."""
    before = [way for way in ways[:place] if way not in chosen]
    after = [way for way in ways[place:] if way not in chosen]
    return [*before, *(way for way in ways if way in chosen), *after]


def stepped(ways: Sequence[str], chosen: Collection[str], step: int) -> list[str]:
    """Return `ways` with each of the chosen ones a place further up (-1) or down (1), as far as it goes."""
    order = list(ways) if step < 0 else list(reversed(ways))
    for place in range(1, len(order)):
        if order[place] in chosen and order[place - 1] not in chosen:
            order[place - 1], order[place] = order[place], order[place - 1]
    return order if step < 0 else order[::-1]


def replaced(ways: Sequence[str], old: str, new: str) -> list[str]:
    """Return `ways` with `new` in the place of `old`; at the end if that has gone meanwhile."""
    return [new if way == old else way for way in ways] if old in ways else [*ways, new]


def brought_back(ways: Sequence[str], before: Sequence[str], removed: Collection[str]) -> list[str]:
    """Return `ways` with those that were removed where they stood in `before`, as far as that can be told."""
    found = list(ways)
    for place, way in enumerate(before):
        if way in removed and way not in found:
            ahead = [found.index(one) for one in before[:place] if one in found]
            found.insert(ahead[-1] + 1 if ahead else 0, way)
    return found


# --- words --------------------------------------------------------------------------------------------------


def way_state(row: WayRow, now: float) -> StateWords:
    """Say how a way out fares at `now`, and why."""
    if row.testing:
        return StateWords(Kind.COOLING, _tr("Testing…"))
    return _health(row, now) or _cloudflare(row) or _tried(row) or _fine(row)


def _health(row: WayRow, now: float) -> StateWords | None:
    state = row.state
    if state is None:
        return None
    if state.resting_until is not None and state.resting_until > now:
        text = _tr("Resting, %1").replace("%1", words.span(state.resting_until - now))
        why = _tr("%1 It is left alone until %2.")
        why = why.replace("%2", words.at(state.resting_until, now)).replace("%1", told(state.failure))
        return StateWords(Kind.COOLING, text, why.strip())
    if state.on_probation:
        why = _tr("%1 Its rest is over; the next request shows whether it works again.")
        return StateWords(Kind.COOLING, _tr("On trial"), why.replace("%1", told(state.failure)).strip())
    return None


def _cloudflare(row: WayRow) -> StateWords | None:
    clearance = row.state.clearance if row.state is not None else None
    if clearance is None:
        return None
    if clearance.solving and clearance.standing is Standing.NEEDED:
        return StateWords(
            Kind.COOLING, _tr("Passing Cloudflare…"), _tr("Requests wait for the solver's clearance.")
        )
    if clearance.problem and not clearance.is_proven:
        return StateWords(Kind.OWNER, _tr("Stopped by Cloudflare"), clearance.problem)
    if clearance.standing is Standing.NEEDED:
        why = _tr("Cloudflare's check has to be passed first. See the page Cloudflare.")
        return StateWords(Kind.OWNER, _tr("Stopped by Cloudflare"), why)
    return None


def _tried(row: WayRow) -> StateWords | None:
    found, state = row.trial.found, row.state
    if found is None:
        return None
    # What is in use and does not rest has worked since.
    if not found.reachable and state is None:
        return StateWords(Kind.OWNER, _tr("Not reachable"), told(found.failure, found.hint))
    solved_at = state.clearance.solved_at if state is not None else None
    if found.challenged and (row.trial.at or 0.0) >= (solved_at or 0.0):
        why = _tr(
            "Cloudflare wants to see a browser first. If requests are stopped, see the page Cloudflare; "
            "the accounts are fine."
        )
        return StateWords(Kind.OWNER, _tr("Challenged"), why)
    return None


def _fine(row: WayRow) -> StateWords:
    if row.state is None:
        if row.trial.found is not None:
            return StateWords(Kind.OFF, _tr("Works, not used"), _tr("Requests leave by another way."))
        return StateWords(Kind.OFF, _tr("Not used"), _tr("Requests leave by another way."))
    if row.is_current:
        return StateWords(Kind.READY, _tr("In use"))
    if not row.state.purposes:
        return StateWords(Kind.READY, _tr("Works"), _tr("Only accounts that are bound to it leave by it."))
    return StateWords(Kind.READY, _tr("Stands by"), _tr("It takes over when those before it fail."))


def last_failure(row: WayRow, now: float) -> str:
    """The last failure as a sentence with its age, when all is well since; empty without one."""
    state = row.state
    if state is None or not state.failure or state.failed_at is None or _health(row, now) is not None:
        return ""
    text = _tr("Last failure, %1: %2").replace("%1", words.ago(state.failed_at, now))
    return text.replace("%2", told(state.failure))


def serves(row: WayRow) -> str:
    """What it is used for."""
    if row.key.purpose is Purpose.MEDIA:
        return _tr("Files")
    if row.key.purpose is Purpose.CHAT:
        return _tr("Everything") if row.shared else _tr("Chat")
    if row.state is not None and row.state.purposes:
        return _tr("Everything")
    return _tr("Bound accounts")


def kind_of(row: WayRow) -> str:
    """What kind of proxy it is."""
    return {
        DIRECT: _tr("no proxy"),
        "http": _tr("HTTP proxy"),
        "https": _tr("HTTP proxy over TLS"),
        "socks4": _tr("SOCKS4 proxy"),
        "socks5": _tr("SOCKS5 proxy"),
    }.get(row.kind, row.kind)


def exit_of(row: WayRow) -> str:
    """By which address Grok sees us, with the country."""
    found = row.trial.found
    return f"{found.address} {found.country}".strip() if found is not None else ""


def speed_of(row: WayRow) -> str:
    """How long the first answer took."""
    found = row.trial.found
    return words.milliseconds(found.latency_ms) if found is not None and found.reachable else "–"


def health_of(row: WayRow) -> str:
    """How well it has fared, in percent."""
    return f"{round(row.state.health * _PERCENT)} %" if row.state is not None else "–"


# --- the table ----------------------------------------------------------------------------------------------


class Ways(Rows[WayRow]):
    """The ways out in the order in which they are tried."""

    def __init__(self, now: Callable[[], float], look: Look, parent: QObject | None = None) -> None:
        self._now = now
        self._look = look
        text = _tr
        super().__init__(
            (
                Column(text("Way out"), lambda row: row.title, lambda row: row.title, tip=_name_tip),
                Column(text("Used for"), serves, serves),
                Column(
                    text("State"),
                    lambda row: way_state(row, self._now()).text,
                    lambda row: way_state(row, self._now()).text,
                    tip=lambda row: way_state(row, self._now()).why,
                    icon=self._state_icon,
                ),
                Column(text("Exit"), lambda row: exit_of(row) or "–", exit_of, tip=self._test_tip),
                Column(text("Speed"), speed_of, _latency, tip=self._test_tip, right=True),
                Column(
                    text("Requests"),
                    lambda row: str(row.state.in_use) if row.state and row.state.in_use else "–",
                    lambda row: row.state.in_use if row.state else 0,
                    right=True,
                ),
                Column(
                    text("Accounts"),
                    lambda row: words.number(row.bound) if row.bound else "–",
                    lambda row: row.bound,
                    tip=lambda row: text("Accounts that leave only by this way") if row.bound else "",
                    right=True,
                ),
            ),
            key=lambda row: row.key,
            parent=parent,
        )

    def show(self, rows: Sequence[WayRow]) -> bool:
        """Show these; returns whether there are other ones than before, or in another order."""
        keys = [row.key for row in rows]
        if keys != self.keys():
            self.fill(rows)
            return True
        self.apply({row.key: row for row in rows if row != self._all[row.key]})
        return False

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Say that a row can be moved: a screen reader tells it."""
        flags = super().flags(index)
        if index.isValid() and self.row(index.row()).is_listed:
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def _state_icon(self, row: WayRow) -> QIcon:
        name, token = ICON_OF[way_state(row, self._now()).kind]
        return icon("state-busy" if row.testing else name, getattr(self._look.tokens, token))

    def _test_tip(self, row: WayRow) -> str:
        if row.trial.at is None:
            return _tr("Test it to find out.")
        return _tr("Tested at %1").replace("%1", words.exact(row.trial.at))


def _name_tip(row: WayRow) -> str:
    return f"{row.title} · {kind_of(row)}"


def _latency(row: WayRow) -> float:
    found = row.trial.found
    return inf if found is None or found.latency_ms is None else found.latency_ms


# --- pasting ------------------------------------------------------------------------------------------------


class WayFate(Enum):
    """What becomes of an address that was pasted."""

    WRONG = "wrong"
    NEW = "new"
    KNOWN = "known"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class WayLine:
    """One pasted address: where it stands, its name without password, what becomes of it and why not."""

    number: int
    line: int
    fate: WayFate
    way: Secret
    name: str = ""
    why: str = ""


def understood(text: str, known: Iterable[str]) -> list[WayLine]:
    """Say of each address in `text` what adding it to a list that has `known` would do (docs/egress.md).

    What cannot be understood is never shown: there may be a password in it.
    """
    here = set(known)
    seen: dict[str, int] = {}
    lines: list[WayLine] = []
    for line, part in enumerate(text.splitlines(), 1):
        for address in listed(part):
            lines.append(_understood(len(lines), line, address, here, seen))
    return lines


def _understood(number: int, line: int, address: str, here: set[str], seen: dict[str, int]) -> WayLine:
    try:
        way = normal_way(address)
    except ValueError as error:
        return WayLine(number, line, WayFate.WRONG, Secret(""), why=str(error))
    name = _tr("Direct connection") if way == DIRECT else public_name(way)
    if way in here:
        return WayLine(number, line, WayFate.KNOWN, Secret(way), name)
    if way in seen:
        return WayLine(number, line, WayFate.REPEATED, Secret(way), name, why=str(seen[way]))
    seen[way] = line
    return WayLine(number, line, WayFate.NEW, Secret(way), name)


# With icon and colour; what needs a look first.
_FATES: Final = {
    WayFate.WRONG: ("warning", "warn"),
    WayFate.NEW: ("plus", "ok"),
    WayFate.KNOWN: ("check", "text2"),
    WayFate.REPEATED: ("copy", "text2"),
}
_RANK: Final = {fate: rank for rank, fate in enumerate(_FATES)}


def fate_of(line: WayLine) -> str:
    """What becomes of a pasted address, in a phrase."""
    match line.fate:
        case WayFate.WRONG:
            return _tr("Not understood: %1").replace("%1", told(line.why))
        case WayFate.NEW:
            return _tr("New")
        case WayFate.KNOWN:
            return _tr("Already in the list")
        case WayFate.REPEATED:
            return _tr("The same as line %1").replace("%1", line.why)
    assert_never(line.fate)


class WayLines(Rows[WayLine]):
    """What was pasted, line by line."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        self._look = look
        super().__init__(
            (
                Column(_tr("Line"), lambda row: words.number(row.line), lambda row: row.number, right=True),
                Column(
                    _tr("Way out"),
                    lambda row: row.name or "–",
                    lambda row: row.name,
                    tip=lambda row: row.name,
                ),
                Column(
                    _tr("What happens"),
                    fate_of,
                    lambda row: (_RANK[row.fate], row.number),
                    tip=fate_of,
                    icon=self._icon,
                ),
            ),
            key=lambda row: row.number,
            parent=parent,
        )
        self.sort(2, Qt.SortOrder.AscendingOrder)

    def _icon(self, row: WayLine) -> QIcon:
        name, token = _FATES[row.fate]
        return icon(name, getattr(self._look.tokens, token))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Ways", text)
