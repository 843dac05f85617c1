"""Accounts: who is there, in which state and why, and what to do about it."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.accounts import Account, AccountId, Status
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models.accounts import LEFT, STATE, USED, AccountRow, Accounts
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import Prose, breakable, button, card, quiet, rename, section, title
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.windows.pane import Pane
from grokdesk.ui.words import Kind

_TICK_MS: Final = 1_000
_TYPING_MS: Final = 120
_WIDTHS: Final = (160, 104, 152, 116, 62, 76)
_NARROW: Final = 760
_ACCOUNT: Final = 0


class AccountsPane(Pane):
    """The table, its filter, and the details of what is selected."""

    key = "accounts"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        now = desk.host.clock.now
        self.rows = Accounts(desk.host.pool, now, desk.look, self)
        self.rows.load()
        self.table = Table(self.rows, self.tr("Accounts"), _WIDTHS, stretch=_ACCOUNT)
        self.details = Details(desk)
        self._missed: set[AccountId] = set()
        self._build()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._connect()
        self._show_counts()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A narrow window leaves to the details what they show anyway.
        for column in (LEFT, USED):
            self.table.setColumnHidden(column, self.width() < _NARROW)

    def search_field(self) -> QLineEdit:
        return self.search

    def _start_typing(self, _: str) -> None:
        self._typing.start()

    def appeared(self) -> None:
        missed, self._missed = frozenset(self._missed), set()
        if missed:
            self._changed(missed)
        self._tick.start()
        self._show_counts()

    def vanished(self) -> None:
        self._tick.stop()

    def show_kind(self, kind: Kind | None) -> None:
        """Show only accounts in this state."""
        self.kind.setCurrentIndex(0 if kind is None else self.kind.findData(kind.value))

    def selected(self) -> list[AccountId]:
        """The ids of the selected accounts."""
        return [AccountId(str(key)) for key in self.table.selected_keys()]

    def remove_selected(self) -> None:
        """Remove what is selected; there is an undo."""
        self.desk.remove_accounts(self.selected())

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search by name, token end, tier or reason"))
        self.search.setAccessibleName(self.tr("Search accounts"))
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(120)
        self.kind = Choice(self.tr("State"), look)
        for text, kind in (
            (self.tr("All states"), None),
            (self.tr("Ready"), Kind.READY),
            (self.tr("Resting"), Kind.COOLING),
            (self.tr("Waiting for you"), Kind.OWNER),
            (self.tr("Switched off"), Kind.OFF),
        ):
            # Qt keeps the text of an enum, not the enum.
            self.kind.addItem(text, None if kind is None else kind.value)
        self.check_all = button(self.tr("Check all"), look=look, icon="refresh")
        self.add = button(self.tr("Add accounts…"), kind="primary", look=look, icon="plus")
        self.counts = quiet()
        self.counts.setWordWrap(False)

        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(title(self.tr("Accounts")))
        head.addWidget(self.counts, 1, Qt.AlignmentFlag.AlignBottom)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        tools.addWidget(self.kind)
        tools.addWidget(self.check_all)
        tools.addWidget(self.add)

        self.empty = StateView(look)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.table)
        self._lists.addWidget(self.empty)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(GAP)
        split.addWidget(self._lists)
        split.addWidget(self.details)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(head)
        column.addLayout(tools)
        column.addWidget(split, 1)

        self.delete = QAction(self.tr("Remove"), self)
        self.delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.delete.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.table.addAction(self.delete)

    def _connect(self) -> None:
        desk = self.desk
        self.search.textChanged.connect(self._start_typing)
        self._typing.timeout.connect(self.apply_filter)
        self.kind.currentIndexChanged.connect(self.apply_filter)
        self.add.clicked.connect(lambda: desk.add_wanted.emit(""))
        self.check_all.clicked.connect(
            lambda: desk.check_accounts([row.account.id for row in self.visible_rows()])
        )
        self.delete.triggered.connect(self.remove_selected)
        self.empty.button.clicked.connect(self._clear_or_add)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.details.remove.clicked.connect(self.remove_selected)
        self.details.check.clicked.connect(lambda: desk.check_accounts(self.selected()))
        self.details.switch.clicked.connect(self._switch)
        self._tick.timeout.connect(self._time_went_on)
        desk.bridge.accounts.connect(self._heard)
        desk.accounts_added.connect(self._added)
        desk.look.changed.connect(self.table.viewport().update)

    # -- acting

    def _switch(self) -> None:
        ids = self.selected()
        off = [
            one
            for one in ids
            if (account := self.desk.host.pool.get(one)) and account.status is Status.DISABLED
        ]
        self.desk.enable_accounts(ids, on=bool(off))

    def _clear_or_add(self) -> None:
        if self.rows.total:
            self.search.clear()
            self.kind.setCurrentIndex(0)
            self.apply_filter()
        else:
            self.desk.add_wanted.emit("")

    def apply_filter(self, *_: object) -> None:
        """Show what the search and the state ask for."""
        self._typing.stop()
        text = self.search.text().strip().casefold()
        chosen = self.kind.currentData()
        kind = None if chosen is None else Kind(chosen)
        self.rows.filter(partial(self._passes, text, kind))
        self._show_counts()

    def _passes(self, text: str, kind: Kind | None, row: AccountRow) -> bool:
        if text and text not in row.haystack:
            return False
        return kind is None or self.rows.state(row).kind is kind

    # -- showing

    def visible_rows(self) -> list[AccountRow]:
        """The rows that pass the filter, in order."""
        return [self.rows.row(place) for place in range(len(self.rows))]

    def _heard(self, ids: frozenset[AccountId]) -> None:
        if self.isVisible():
            self._changed(ids)
        else:
            self._missed |= ids

    def _changed(self, ids: frozenset[AccountId]) -> None:
        self.rows.changed(ids)
        self._show_counts()
        if not ids.isdisjoint(self.selected()[:1]) or not self.selected():
            self._show_details()

    def _added(self, ids: frozenset[AccountId]) -> None:
        if self.isVisible():
            self.rows.changed(ids)
            self._show_counts()
            self.table.select(sorted(ids)[:1])

    def _time_went_on(self) -> None:
        self.rows.repaint_columns(STATE, USED)
        if len(self.selected()) == 1:
            self._show_details()

    def _show_counts(self) -> None:
        counts = self.desk.host.pool.counts()
        parts = [
            self.tr("%n in all", "", counts.total),
            self.tr("%n ready", "", counts.ready),
            self.tr("%n resting", "", counts.cooling),
            self.tr("%n waiting for you", "", counts.need_owner),
        ]
        if len(self.rows) != self.rows.total:
            parts.insert(0, self.tr("%n shown", "", len(self.rows)))
        self.counts.setText(" · ".join(parts) if counts.total else "")
        self.check_all.setEnabled(len(self.rows) > 0)
        if len(self.rows):
            self._lists.setCurrentIndex(0)
            self.details.setVisible(True)
            return
        if self.rows.total:
            self.empty.show_state(
                "search",
                self.tr("No account matches"),
                self.tr("Nothing fits the search and the state chosen above."),
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
        self.details.setVisible(False)

    def _show_details(self, *_: object) -> None:
        ids = self.selected()
        pool = self.desk.host.pool
        chosen = [account for one in ids if (account := pool.get(one)) is not None]
        self.details.show_accounts(chosen)


class Details(QScrollArea):
    """One account in full, or what can be done with several."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(240)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frame, layout = card()
        self.setWidget(frame)
        look = desk.look
        self._name = section("")
        self._hint = quiet(self.tr("Select an account to see its quota and why it is in its state."))
        self._shape = QLabel()
        self._state = Prose()
        self._why = quiet()
        self._quota = QWidget()
        self._grid = QGridLayout(self._quota)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GAP)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(2, 1)
        self._facts = quiet()
        self.check = button(self.tr("Check again"), look=look, icon="refresh")
        self.switch = button(self.tr("Switch off"), look=look, icon="state-off")
        self.remove = button(self.tr("Remove"), look=look, icon="remove")
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._state, 1)
        layout.addWidget(self._name)
        layout.addWidget(self._hint)
        layout.addLayout(state)
        layout.addWidget(self._why)
        layout.addWidget(self._quota)
        layout.addWidget(self._facts)
        layout.addStretch(1)
        for one in (self.check, self.switch, self.remove):
            layout.addWidget(one)
        self._windows: tuple[object, ...] = ()
        self.show_accounts([])

    def why(self) -> str:
        """The reason it gives."""
        return self._why.text()

    def show_accounts(self, accounts: list[Account]) -> None:
        """Show these."""
        one = accounts[0] if len(accounts) == 1 else None
        self._hint.setVisible(not accounts)
        for part in (self._shape, self._state, self._quota, self._facts):
            part.setVisible(one is not None)
        self._why.setVisible(False)
        for act in (self.check, self.switch, self.remove):
            act.setVisible(bool(accounts))
        off = any(account.status is Status.DISABLED for account in accounts)
        rename(self.switch, self.tr("Switch on") if off else self.tr("Switch off"))
        if one is None:
            count = len(accounts)
            self._name.setText(self.tr("%n account(s) selected", "", count) if count else self.tr("Details"))
            return
        self._show(one)

    def _show(self, account: Account) -> None:
        now = self._desk.host.clock.now()
        said = words.account_state(account, now)
        self._name.setText(breakable(account.name))
        icon, token = words.ICON_OF[said.kind]
        dress_label(self._shape, icon, self._desk.look, token, 16)
        self._state.setText(said.text)
        why = " ".join(part for part in (said.why, words.what_to_do(account)) if part)
        self._why.setText(why)
        self._why.setVisible(bool(why))
        self._show_windows(account, now)
        self._facts.setText("\n".join(self._fact_lines(account, now)))

    def _fact_lines(self, account: Account, now: float) -> list[str]:
        fact = self.tr("%1: %2")
        facts = [
            (self.tr("Token"), str(account.token)),
            (self.tr("Tier"), f"{words.tier(account.tier)}, {words.tier_source(account.tier_source)}"),
            (self.tr("Answers"), words.number(account.uses)),
            (self.tr("Failures"), words.number(account.failures)),
            (self.tr("Last used"), words.ago(account.last_use_at, now)),
            (self.tr("Last checked"), words.ago(account.synced_at, now)),
        ]
        if account.email and account.email != account.name:
            facts.insert(1, (self.tr("Mail"), breakable(account.email)))
        if account.last_failure:
            when = words.ago(account.last_failure_at, now)
            facts.append((self.tr("Last failure"), f"{account.last_failure} ({when})"))
        return [fact.replace("%1", name).replace("%2", value) for name, value in facts]

    def _show_windows(self, account: Account, now: float) -> None:
        lines = tuple(
            (
                words.mode(mode),
                f"{window.remaining} / {window.total}",
                self.tr("full again at %1").replace("%1", words.at(window.reset_at))
                if window.reset_at is not None and window.reset_at > now
                else words.window_source(window.source),
            )
            for mode, window in account.windows.items()
        )
        if lines == self._windows:
            return
        self._windows = lines
        while (item := self._grid.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        for row, (mode, left, note) in enumerate(lines):
            self._grid.addWidget(QLabel(mode), row, 0)
            self._grid.addWidget(QLabel(left), row, 1)
            self._grid.addWidget(quiet(note), row, 2)
