"""What the list of accounts is narrowed by: menus of choices with live counts, and the numbers above."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Final

from PySide6.QtCore import QCoreApplication, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from grokdesk.core.accounts import Tier
from grokdesk.core.pool import Strategy
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models.accounts import (
    NO_SIEVE,
    Facets,
    Overview,
    Sieve,
    State,
    name_of,
    percent,
    state_name,
)
from grokdesk.ui.theme import GAP
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.parts import button, quiet, title
from grokdesk.ui.widgets.quota import Gauge

_NO_TAG: Final = ""
# More tags than this make a menu nobody can use; the search finds the others.
_MOST_TAGS: Final = 40

NEEDS_OWNER: Final = frozenset({State.SIGNED_OUT, State.BLOCKED})


@dataclass(frozen=True, slots=True)
class Option:
    """One line of a filter: what it stands for, its words, and how many it would show."""

    value: Hashable
    text: str
    count: int


class _StayingMenu(QMenu):
    """A menu in which several things are ticked before it is closed."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._tick(self.actionAt(event.position().toPoint())):
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ticks = event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if not (ticks and self._tick(self.activeAction())):
            super().keyPressEvent(event)

    @staticmethod
    def _tick(action: QAction | None) -> bool:
        if action is None or not action.isCheckable() or not action.isEnabled():
            return False
        action.trigger()
        return True


class FilterButton(QPushButton):
    """Opens a menu of choices; several may be chosen. Says in its words what is."""

    chosen = Signal(object)
    """frozenset of the values that are chosen now."""
    opening = Signal()
    """The menu is about to be seen: what it offers should be as things are."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._name = name
        self._options: Sequence[Option] = ()
        self._values: frozenset[Hashable] = frozenset()
        self._actions: dict[Hashable, QAction] = {}
        self.setProperty("kind", "switch")
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setAccessibleName(name)
        self.list = _StayingMenu(self)
        self.list.setAccessibleName(name)
        self.list.aboutToShow.connect(self._fill)
        self.clicked.connect(self._open)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._open()
        else:
            super().keyPressEvent(event)

    def offer(self, options: Sequence[Option], values: Collection[Hashable]) -> None:
        """Show other counts, and what is chosen."""
        self._options, self._values = options, frozenset(values)
        names = [option.text for option in options if option.value in self._values]
        named = QCoreApplication.translate("AccountFilters", "%1: %2").replace("%1", self._name)
        if len(names) == 1:
            text = named.replace("%2", names[0])
        elif self._values:
            count = len(self._values)
            some = QCoreApplication.translate("AccountFilters", "%n chosen", "", count)
            text = named.replace("%2", some)
        else:
            text = self._name
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)
        self.setChecked(bool(self._values))
        if self.list.isVisible():
            self._recount()

    def _open(self) -> None:
        self.setChecked(bool(self._values))
        self.list.popup(self.mapToGlobal(QPoint(0, self.height())))
        first = next((one for one in self.list.actions() if one.isEnabled()), None)
        if first is not None:
            self.list.setActiveAction(first)

    def _fill(self) -> None:
        self.opening.emit()
        self.list.clear()
        self._actions.clear()
        for option in self._options:
            action = self._actions[option.value] = QAction(self.list)
            action.setCheckable(True)
            action.triggered.connect(lambda on, value=option.value: self._ticked(value, on))
            self.list.addAction(action)
        if not self._options:
            nothing = self.list.addAction(QCoreApplication.translate("AccountFilters", "Nothing to choose"))
            nothing.setEnabled(False)
        elif self._values:
            self.list.addSeparator()
            away = self.list.addAction(QCoreApplication.translate("AccountFilters", "All of them"))
            away.triggered.connect(lambda: self.chosen.emit(frozenset()))
        self._recount()

    def _recount(self) -> None:
        for option in self._options:
            action = self._actions.get(option.value)
            if action is not None:
                action.setText(f"{option.text.replace('&', '&&')}\t{words.number(option.count)}")
                action.setChecked(option.value in self._values)

    def _ticked(self, value: Hashable, on: bool) -> None:
        self.chosen.emit(self._values | {value} if on else self._values - {value})


class Filters(QWidget):
    """State, tier, tag and adult content. `chosen` tells the sieve without the text of the search."""

    chosen = Signal(object)
    opening = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._sieve = NO_SIEVE
        self.state = FilterButton(self.tr("State"))
        self.tier = FilterButton(self.tr("Tier"))
        self.tag = FilterButton(self.tr("Tag"))
        self.adult = FilterButton(self.tr("Adult content"))
        self.clear = button(self.tr("Clear filters"), kind="plain")
        layout = Flow(self)
        for one in (self.state, self.tier, self.tag, self.adult, self.clear):
            layout.addWidget(one)
        for one in (self.state, self.tier, self.tag, self.adult):
            one.opening.connect(self.opening)
        self.clear.hide()
        self.state.chosen.connect(lambda values: self._choose(states=values))
        self.tier.chosen.connect(lambda values: self._choose(tiers=values))
        self.tag.chosen.connect(lambda values: self._choose(tags=values))
        self.adult.chosen.connect(lambda values: self._choose(adult=values))

    def _choose(self, **values: frozenset[Hashable]) -> None:
        self.chosen.emit(replace(self._sieve, **values))  # type: ignore[arg-type]  # of the menu of that name

    def offer(self, sieve: Sieve, facets: Facets) -> None:
        """Show what is chosen, and how many each choice would show."""
        self._sieve = sieve
        self.state.offer([Option(one, state_name(one), facets.states[one]) for one in State], sieve.states)
        self.tier.offer([Option(one, words.tier(one), facets.tiers[one]) for one in Tier], sieve.tiers)
        self.tag.offer(self._tags(sieve, facets), sieve.tags)
        self.adult.offer(
            [
                Option(True, self.tr("Shown"), facets.adult[True]),
                Option(False, self.tr("Hidden"), facets.adult[False]),
            ],
            sieve.adult,
        )
        self.clear.setVisible(sieve.chooses)

    def _tags(self, sieve: Sieve, facets: Facets) -> list[Option]:
        counted = [(tag, count) for tag, count in facets.tags.most_common() if tag][:_MOST_TAGS]
        tags = {tag for tag, _ in counted} | (sieve.tags - {_NO_TAG})
        if not tags:
            return []
        options = [Option(tag, tag, facets.tags[tag]) for tag in sorted(tags, key=str.casefold)]
        return [*options, Option(_NO_TAG, self.tr("Without a tag"), facets.tags[_NO_TAG])]


class Chip(QPushButton):
    """A number with its word; a click shows only those."""

    def __init__(self, desk: Desk, icon: str, token: str) -> None:
        super().__init__()
        self.setProperty("kind", "chip")
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._shape = QLabel()
        self._shape.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._said = QLabel()
        self._said.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.setSpacing(6)
        if icon:
            dress_label(self._shape, icon, desk.look, token, 14)
            row.addWidget(self._shape)
        row.addWidget(self._said)

    def sizeHint(self) -> QSize:
        layout = self.layout()
        wanted = QSize(0, 0) if layout is None else layout.sizeHint()
        return QSize(wanted.width(), max(28, wanted.height()))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def say(self, text: str) -> None:
        """Show another number."""
        if text != self._said.text():
            self._said.setText(text)
            self.setAccessibleName(text)
            self.updateGeometry()


class OverviewLine(QWidget):
    """How many accounts there are in each state, how often they answered, and what they have left."""

    wanted = Signal(object)
    """frozenset of `State` to be shown; empty for all."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._low = False
        self._has_left = False
        self._gauges: dict[Hashable, tuple[QWidget, QLabel, Gauge, QLabel]] = {}
        heading = title(self.tr("Accounts"))
        heading.setWordWrap(False)
        self.total = Chip(desk, "", "")
        self._states: dict[frozenset[State], tuple[Chip, Callable[[int], str], bool]] = {}
        chips = QWidget()
        self._chips = Flow(chips)
        self._chips.addWidget(self.total)
        self.total.clicked.connect(lambda: self._clicked(frozenset()))
        for states, icon, token, say, always in (
            (frozenset({State.READY}), "state-ready", "ok", lambda n: self.tr("%n ready", "", n), True),
            (
                frozenset({State.COOLING}),
                "state-cooling",
                "warn",
                lambda n: self.tr("%n cooling", "", n),
                True,
            ),
            (NEEDS_OWNER, "state-owner", "error", lambda n: self.tr("%n waiting for you", "", n), False),
            (
                frozenset({State.OFF}),
                "state-off",
                "text2",
                lambda n: self.tr("%n switched off", "", n),
                False,
            ),
        ):
            chip = Chip(desk, icon, token)
            chip.clicked.connect(lambda _=False, states=states: self._clicked(states))
            self._states[states] = (chip, say, always)
            self._chips.addWidget(chip)
        self.calls = quiet()
        self.calls.setWordWrap(False)
        self.calls.setMinimumHeight(28)
        self._chips.addWidget(self.calls)
        self.left = QWidget()
        self._left = Flow(self.left, gap=16)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(heading, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(chips, 1)
        self._numbers = chips
        column.addLayout(head)
        column.addWidget(self.left)

    def chip(self, *states: State) -> Chip:
        """The number of these states."""
        return self._states[frozenset(states)][0]

    def texts(self) -> list[str]:
        """The numbers in sight."""
        found = [self.total, *(chip for chip, _, _ in self._states.values())]
        said = [chip.accessibleName() for chip in found if not chip.isHidden()]
        said.append(self.calls.text())
        if not self.left.isHidden():
            said += [
                f"{name.text()} {figures.text()}"
                for holder, name, _, figures in self._gauges.values()
                if not holder.isHidden()
            ]
        return said

    def be_low(self, low: bool) -> None:
        """Leave out what is left, in a window that is not tall: each account tells it."""
        if low is not self._low:
            self._low = low
            self.left.setVisible(self._has_left and not low)

    def show_overview(self, overview: Overview, states: frozenset[State]) -> None:
        """Show these numbers; `states` are those that are chosen."""
        self._numbers.setVisible(overview.total > 0)
        self.total.say(self.tr("%n account(s)", "", overview.total))
        self.total.setChecked(False)
        for wanted, (chip, say, always) in self._states.items():
            count = sum(overview.states.get(one, 0) for one in wanted)
            chip.say(say(count))
            chip.setVisible(always or count > 0)
            chip.setChecked(wanted == states)
        self._show_calls(overview)
        self._show_left(overview)

    def _show_calls(self, overview: Overview) -> None:
        calls = overview.uses + overview.failures
        if not calls:
            self.calls.setText(self.tr("Not asked yet"))
            return
        # 99.97 is not all of them.
        rate = f"{floor(1000 * overview.uses / calls) / 10:.1f}"
        text = self.tr("%1 calls, %2 % answered").replace("%1", words.number(calls))
        self.calls.setText(text.replace("%2", rate))

    def _show_left(self, overview: Overview) -> None:
        by_quota = self._desk.host.live.now.accounts.strategy is Strategy.BY_QUOTA
        self._has_left = by_quota and bool(overview.left)
        self.left.setVisible(self._has_left and not self._low)
        if not by_quota:
            return
        for mode in [mode for mode in self._gauges if mode not in overview.left]:
            self._gauges[mode][0].setVisible(False)
        for mode, (left, total) in overview.left.items():
            holder, name, gauge, figures = self._gauges.get(mode) or self._gauge(mode)
            share = left / total if total else 0.0
            said = self.tr("%1 of %2").replace("%1", words.number(left)).replace("%2", words.number(total))
            said = percent(share) if mode is None else said
            name.setText(name_of(mode))
            if said != figures.text():
                figures.setText(said)
                holder.updateGeometry()
            gauge.show_share(share, f"{name_of(mode)} {said}")
            holder.setVisible(True)

    def _gauge(self, mode: Hashable) -> tuple[QWidget, QLabel, Gauge, QLabel]:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        name, gauge, figures = QLabel(), Gauge(self._desk.look), quiet()
        figures.setWordWrap(False)
        row.addWidget(name)
        row.addWidget(gauge)
        row.addWidget(figures)
        self._left.addWidget(holder)
        made = self._gauges[mode] = (holder, name, gauge, figures)
        return made

    def _clicked(self, states: frozenset[State]) -> None:
        chip = self.total if not states else self._states[states][0]
        # A second click takes the choice back.
        self.wanted.emit(states if chip.isChecked() else frozenset())


def states_of(kept: Mapping[str, object]) -> frozenset[State]:
    """The states among what was kept; unknown ones are passed over."""
    found = kept.get("states")
    known = set(State)
    return frozenset(State(one) for one in found if one in known) if isinstance(found, list) else frozenset()
