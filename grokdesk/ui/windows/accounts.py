"""Accounts: who is there, in which state and why, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, cast

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import (
    QAction,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from grokdesk.core.accounts import AccountId, Tier
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.models.accounts import ACCOUNT, LEFT, NO_SIEVE, AccountRow, Accounts, Sieve, State
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.columns import Columns
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import button, hint, quiet, rename
from grokdesk.ui.widgets.quota import LeftCells
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.windows.accounts_acts import AccountActs
from grokdesk.ui.windows.accounts_details import Details
from grokdesk.ui.windows.accounts_filters import NEEDS_OWNER, Filters, OverviewLine, states_of
from grokdesk.ui.windows.accounts_work import WorkBar
from grokdesk.ui.windows.pane import Pane
from grokdesk.ui.words import Kind

_TICK_MS: Final = 1_000
_TYPING_MS: Final = 120
# Counts follow the accounts, but not with every one of three hundred notices a second.
_COUNT_MS: Final = 250
_WARM_MS: Final = 15
_WARM_S: Final = 0.004
# More accounts than this are taken in part by part, as after an import of ten thousand.
_AT_ONCE: Final = 400
_PART_MS: Final = 5
_WIDTHS: Final = (170, 72, 176, 140, 62, 84, 72, 72, 66, 100, 100, 60, 120)
_USUAL: Final = (
    "account",
    "state",
    "left",
    "tier",
    "last_used",
    "used",
    "rate",
    "failed",
    "tags",
    "via",
    "adult",
)
_LEAST_NAME: Final = 130
_SPLIT: Final = (620, 300)
_LOW: Final = 560

_KINDS: Final[Mapping[Kind, frozenset[State]]] = {
    Kind.READY: frozenset({State.READY}),
    Kind.COOLING: frozenset({State.COOLING}),
    Kind.OWNER: NEEDS_OWNER,
    Kind.OFF: frozenset({State.OFF}),
}


class AccountsPane(Pane):
    """The numbers, the filters, the table, and the details of what is selected."""

    key = "accounts"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        now = desk.host.clock.now
        self.rows = Accounts(desk.host.pool, now, desk.look, self)
        self.rows.load()
        self.acts = AccountActs(desk, self.window, self)
        self.table = Table(self.rows, self.tr("Accounts"), _WIDTHS, stretch=ACCOUNT)
        self.table.setItemDelegateForColumn(LEFT, LeftCells(self.table, self.rows, desk.look))
        self.columns = Columns(self.table, self.rows, desk.memory, self.key, _USUAL, least=_LEAST_NAME)
        self.details = Details(desk, self.acts)
        self.work = WorkBar(desk)
        self.details.test_started = self.work.keep_quiet
        self._missed: set[AccountId] = set()
        self._parts: dict[AccountId, None] = {}
        self._to_show: frozenset[AccountId] = frozenset()
        # What is selected, also while a filter hides it.
        self._picked: set[AccountId] = set()
        self._arranging = 0
        self._build()
        self._timers()
        self._connect()
        self._recount()

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        self.overview = OverviewLine(self.desk)
        self.search = QLineEdit()
        hint(self.search, self.tr("Search by name, mail, token end, tag, note or reason"))
        self.search.setAccessibleName(self.tr("Search accounts"))
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(120)
        self.act = button(self.tr("Act on accounts"), look=look, icon="more")
        self.add = button(self.tr("Add accounts…"), kind="primary", look=look, icon="plus")
        self.view = button("", look=look, icon="list", name=self.tr("Columns and order"))
        self.filters = Filters()
        self.shown = quiet()
        self.shown.setWordWrap(False)

        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        tools.addWidget(self.act)
        tools.addWidget(self.add)
        narrowing = QHBoxLayout()
        narrowing.setSpacing(8)
        narrowing.addWidget(self.filters, 1)
        narrowing.addWidget(self.shown, 0, Qt.AlignmentFlag.AlignRight)
        narrowing.addWidget(self.view, 0, Qt.AlignmentFlag.AlignTop)

        self.empty = StateView(look)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(GAP)
        self.split.addWidget(self.table)
        self.split.addWidget(self.details)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 0)
        self.split.setSizes(_SPLIT)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.split)
        self._lists.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addWidget(self.overview)
        column.addLayout(tools)
        column.addLayout(narrowing)
        column.addWidget(self.work)
        column.addWidget(self._lists, 1)

        self.delete = QAction(self.tr("Remove"), self)
        self.delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.delete.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.table.addAction(self.delete)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def _timers(self) -> None:
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._typing, self._counting = QTimer(self), QTimer(self)
        self._warming, self._taking = QTimer(self), QTimer(self)
        for timer, wait in (
            (self._taking, _PART_MS),
            (self._typing, _TYPING_MS),
            (self._counting, _COUNT_MS),
            (self._warming, _WARM_MS),
        ):
            timer.setSingleShot(True)
            timer.setInterval(wait)

    def _connect(self) -> None:
        desk = self.desk
        self.search.textChanged.connect(lambda _: self._typing.start())
        self._typing.timeout.connect(self.apply_filter)
        self._counting.timeout.connect(self._recount)
        self._warming.timeout.connect(self._warm_up)
        self._taking.timeout.connect(self._take_part)
        self._tick.timeout.connect(self._time_went_on)
        self.filters.chosen.connect(self._choose)
        self.filters.opening.connect(self._recount)
        self.filters.clear.clicked.connect(self.clear_filters)
        self.overview.wanted.connect(lambda states: self._choose(replace(self.rows.sieve, states=states)))
        self.add.clicked.connect(lambda: desk.add_wanted.emit(""))
        self.act.clicked.connect(self.open_acts)
        self.view.clicked.connect(self._open_view)
        self.delete.triggered.connect(self.remove_selected)
        self.empty.button.clicked.connect(self._clear_or_add)
        self.table.selectionModel().selectionChanged.connect(self._selected)
        self.table.customContextMenuRequested.connect(self._open_here)
        self.rows.rearranging.connect(self._begin_arranging)
        self.rows.rearranged.connect(self._end_arranging)
        desk.bridge.accounts.connect(self._heard)
        desk.bridge.jobs.connect(self._heard_jobs)
        desk.bridge.runs.connect(self._heard_runs)
        desk.bridge.settings.connect(self._heard_settings)
        desk.accounts_added.connect(self._added)
        desk.look.changed.connect(self.table.viewport().update)

    # -- as a pane

    def search_field(self) -> QLineEdit:
        return self.search

    def regions(self) -> Sequence[QWidget]:
        list_ = self.table if len(self.rows) else self.empty.button
        parts: list[QWidget] = [self.search, list_]
        return [*parts, self.details] if self.details.isVisible() else parts

    def foot(self) -> int:
        return self.details.foot() if self.details.isVisible() else 0

    def renew(self) -> bool:
        """Check what is selected, or all that is shown."""
        ids = self.acted_on()
        self.acts.check(ids)
        return bool(ids)

    def begin(self) -> bool:
        self.desk.add_wanted.emit("")
        return True

    def halt(self) -> bool:
        return self.work.halt()

    def open_at(self, where: str) -> None:
        """Show one account by `id:` and its id, or those in a state such as `owner`."""
        what, _, name = where.partition(":")
        if what == "id":
            self.show_account(AccountId(name))
        elif what in set(Kind):
            self.show_kind(Kind(what))

    def show_account(self, account_id: AccountId) -> bool:
        """Select one account, whatever is filtered; returns whether there is one."""
        if self.rows.find(account_id) is None:
            return False
        if self.rows.place(account_id) is None:
            self.clear_filters()
        self.table.select([account_id])
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def show_kind(self, kind: Kind | None) -> None:
        """Show only accounts in this state."""
        self._choose(replace(self.rows.sieve, states=frozenset() if kind is None else _KINDS[kind]))

    def keepsake(self) -> Mapping[str, Any]:
        sieve = self.rows.sieve
        return {
            "search": self.search.text(),
            "states": [one.value for one in sieve.states],
            "tiers": [one.value for one in sieve.tiers],
            "tags": list(sieve.tags),
            "adult": list(sieve.adult),
            "selected": [*self.selected()],
            "split": self.split.sizes(),
            "typed": self.details.keepsake(),
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        tiers = set(Tier)
        self.search.setText(str(kept.get("search", "")))
        self._typing.stop()
        self._choose(
            Sieve(
                self.search.text(),
                states_of(kept),
                frozenset(Tier(one) for one in kept.get("tiers", ()) if one in tiers),
                frozenset(map(str, kept.get("tags", ()))),
                frozenset(map(bool, kept.get("adult", ()))),
            )
        )
        self.table.select([AccountId(str(one)) for one in kept.get("selected", ())])
        sizes = kept.get("split")
        if isinstance(sizes, list) and len(sizes) == len(self.split.sizes()):
            self.split.setSizes(sizes)
        self.details.put_back(kept.get("typed", {}))

    def unsaved(self) -> int:
        return self.details.unsaved()

    def appeared(self) -> None:
        missed, self._missed = frozenset(self._missed), set()
        if missed:
            self._change(missed)
        self._tick.start()
        self._warming.start()
        self._time_went_on()
        self.work.appeared()
        self._recount()
        self._show_details()

    def vanished(self) -> None:
        self.details.settle()
        self._missed |= self._parts.keys()
        self._parts.clear()
        for timer in (self._tick, self._typing, self._counting, self._warming, self._taking):
            timer.stop()
        self.work.vanished()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.overview.be_low(self.height() < _LOW)

    # -- bringing accounts

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Paste tokens anywhere; fields have taken what is theirs before. Enter goes to the details."""
        if event.matches(QKeySequence.StandardKey.Paste):
            if not self.desk.paste_accounts():
                self.desk.say(self.tr("There is no token in the clipboard."))
            return
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if enter and self.table.hasFocus() and len(self._picked) == 1:
            self.details.test.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        super().keyPressEvent(event)

    # -- what is chosen

    def selected(self) -> list[AccountId]:
        """The ids of the selected accounts."""
        return cast("list[AccountId]", self.table.selected_keys())  # the keys of these rows

    def visible_rows(self) -> list[AccountRow]:
        """The rows that pass the filter, in order."""
        return [self.rows.row(place) for place in range(len(self.rows))]

    def acted_on(self) -> list[AccountId]:
        """Whom an act is about: what is selected, or else all that is shown."""
        return self.selected() or [row.id for row in self.visible_rows()]

    def remove_selected(self) -> None:
        """Remove what is selected; there is an undo."""
        self.acts.remove(self.selected())

    def clear_filters(self) -> None:
        """Show all accounts."""
        self.search.clear()
        self._choose(NO_SIEVE)

    def apply_filter(self, *_: object) -> None:
        """Show what the search and the choices ask for."""
        self._choose(self.rows.sieve)

    def _choose(self, sieve: Sieve) -> None:
        self._typing.stop()
        self._begin_arranging()
        self.rows.sift(replace(sieve, text=self.search.text().strip()))
        self._end_arranging()
        self._recount()

    def _clear_or_add(self) -> None:
        if self.rows.total:
            self.clear_filters()
        else:
            self.desk.add_wanted.emit("")

    def _begin_arranging(self) -> None:
        self._arranging += 1

    def _end_arranging(self) -> None:
        """Select again what was selected before a filter hid it."""
        if self._arranging == 1:
            if any(self.rows.place(one) is not None for one in self._picked.difference(self.selected())):
                self.table.select(self._picked, show=False)
            self._show_details()
            self._show_acts()
        self._arranging -= 1

    def _selected(self, *_: object) -> None:
        if self._arranging:
            return
        self._picked = set(self.selected())
        self._show_details()
        self._show_acts()

    # -- menus

    def open_acts(self) -> None:
        """Open the menu of what can be done, below its button."""
        self._open(self.acts.menu(self.acted_on(), self), self.act)

    def _open_here(self, point: QPoint) -> None:
        ids = self.selected()
        if ids:
            menu = self.acts.menu(ids, self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.table.viewport().mapToGlobal(point))

    def _open_view(self) -> None:
        self._open(self.columns.menu(), self.view)

    @staticmethod
    def _open(menu: QMenu, below: QWidget) -> None:
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(below.mapToGlobal(QPoint(0, below.height())))
        # Not one that opens another menu: that would open at once, and take the keys.
        able = (one for one in menu.actions() if one.isEnabled() and not one.isSeparator())
        first = next((one for one in able if one.menu() is None), None)
        if first is not None:
            menu.setActiveAction(first)

    # -- hearing

    def _heard(self, ids: frozenset[AccountId]) -> None:
        if self.isVisible():
            self._change(ids)
        else:
            self._missed |= ids

    def _change(self, ids: frozenset[AccountId]) -> None:
        if len(ids) > _AT_ONCE or self._parts:
            # In the order of the pool, which is that of the list.
            known = [one.id for one in self.desk.host.pool.accounts() if one.id in ids]
            self._parts |= dict.fromkeys([*known, *ids.difference(known)])
            self._taking.start()
        else:
            self._take(ids)

    def _take_part(self) -> None:
        part = list(islice(self._parts, _AT_ONCE))
        for one in part:
            del self._parts[one]
        self._take(frozenset(part))
        if self._parts:
            self._taking.start()
        elif self._to_show:
            self._show_added()

    def _take(self, ids: frozenset[AccountId]) -> None:
        before = len(self.rows)
        self._arranging += 1
        self.rows.changed(ids)
        self._arranging -= 1
        gone = {one for one in ids & self._picked if self.rows.find(one) is None}
        self._picked -= gone
        if (before == 0) is not (len(self.rows) == 0):
            self._recount()
        elif not self._counting.isActive():
            self._counting.start()
        if gone or not ids.isdisjoint(self._picked):
            self._show_details()
        if gone or before != len(self.rows):
            self._show_acts()

    def _added(self, ids: frozenset[AccountId]) -> None:
        if self.isVisible():
            self._to_show = ids
            self._change(ids)
            if not self._parts:
                self._show_added()

    def _show_added(self) -> None:
        """Select the first of those that were added."""
        ids, self._to_show = self._to_show, frozenset()
        shown = next((row.id for row in self.visible_rows() if row.id in ids), None)
        if shown is not None:
            self.table.select([shown])

    def _heard_jobs(self, ids: frozenset[str]) -> None:
        if self.isVisible():
            self.work.heard(ids)

    def _heard_runs(self, _: object) -> None:
        if self.isVisible() and len(self._picked) == 1:
            self._show_details()

    def _time_went_on(self) -> None:
        if self.rows.time_went_on():
            self._recount()
        if len(self._picked) == 1:
            self._show_details()

    def _warm_up(self) -> None:
        if self.rows.warm_up(_WARM_S):
            self._warming.start()

    # -- showing

    def _heard_settings(self, _: object) -> None:
        if self.isVisible():
            self._recount()

    def _recount(self) -> None:
        self._counting.stop()
        sieve = self.rows.sieve
        self.overview.show_overview(self.rows.overview(), sieve.states)
        self.filters.offer(sieve, self.rows.facets())
        self._show_acts()
        total, shown = self.rows.total, len(self.rows)
        self.filters.setVisible(total > 0)
        self.view.setVisible(total > 0)
        if shown:
            self._lists.setCurrentIndex(0)
            return
        if total:
            self.empty.show_state(
                "search",
                self.tr("No account matches"),
                self.tr("Nothing fits the search and the filters chosen above."),
                self.tr("Clear filters"),
            )
        else:
            self.empty.show_state(
                "accounts",
                self.tr("No accounts yet"),
                self.tr("Paste tokens or drop a file. Tokens are stored encrypted on this computer."),
                self.tr("Add accounts…"),
            )
        self._lists.setCurrentIndex(1)

    def _show_acts(self) -> None:
        chosen, shown, total = self.table.selected_count(), len(self.rows), self.rows.total
        if chosen:
            rename(self.act, self.tr("Act on %n selected", "", chosen))
        elif shown < total:
            rename(self.act, self.tr("Act on %n shown", "", shown))
        else:
            rename(self.act, self.tr("Act on all %n", "", shown))
        self.act.setEnabled(shown > 0)
        text = self.tr("%1 of %2 shown").replace("%1", words.number(shown)).replace("%2", words.number(total))
        self.shown.setText(text if shown < total else "")

    def _show_details(self, *_: object) -> None:
        ids = self.selected()
        if len(ids) > 1:
            rows = [row for one in ids if (row := self.rows.find(one)) is not None]
            self.details.show_many(ids, Counter(map(self.rows.state_of, rows)))
        else:
            found = [one for key in ids if (one := self.desk.host.pool.get(key)) is not None]
            self.details.show_account(found[0] if found else None)
