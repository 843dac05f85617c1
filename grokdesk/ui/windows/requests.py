"""Requests: the last ones, how they went, and why one failed. Never what was said."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
)

from grokdesk.core.runs import RunRecord, RunState
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models.requests import TIME, Requests
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import Prose, breakable, card, quiet, section, title
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.windows.pane import Pane

_TYPING_MS: Final = 120
_WIDTHS: Final = (98, 118, 80, 160, 72, 58, 56)
_NARROW: Final = 760
_FIRST_WORD, _TOKENS = 4, 6
_RESULT: Final = 3


class RequestsPane(Pane):
    """The table, its search, and the details of one request."""

    key = "requests"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.rows = Requests(desk.host.clock.now, desk.look, self)
        self.rows.fill(desk.host.runs.recent())
        self.table = Table(self.rows, self.tr("Requests"), _WIDTHS, stretch=_RESULT)
        self.table.horizontalHeader().setSortIndicator(TIME, Qt.SortOrder.DescendingOrder)
        self.details = RequestDetails(desk)
        self._missed = False
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._build()
        self._connect()
        self._show_counts()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A narrow window leaves to the details what they show anyway.
        for column in (_FIRST_WORD, _TOKENS):
            self.table.setColumnHidden(column, self.width() < _NARROW)

    def search_field(self) -> QLineEdit:
        return self.search

    def _start_typing(self, _: str) -> None:
        self._typing.start()

    def appeared(self) -> None:
        if self._missed:
            self._missed = False
            self.rows.heard(tuple(self.desk.host.runs.recent()))
        self._show_counts()

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search by model, account, app or failure"))
        self.search.setAccessibleName(self.tr("Search requests"))
        self.search.setClearButtonEnabled(True)
        self.counts = quiet()
        self.counts.setWordWrap(False)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(title(self.tr("Requests")))
        head.addWidget(self.counts, 1, Qt.AlignmentFlag.AlignBottom)
        self.empty = StateView(self.desk.look)
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
        column.addWidget(self.search)
        column.addWidget(split, 1)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._start_typing)
        self._typing.timeout.connect(self.apply_filter)
        self.empty.button.clicked.connect(self._empty_act)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.desk.bridge.runs.connect(self._heard)
        self.desk.look.changed.connect(self.table.viewport().update)

    def apply_filter(self) -> None:
        """Show what the search asks for."""
        self._typing.stop()
        text = self.search.text().strip().casefold()
        self.rows.filter(lambda run: not text or text in _haystack(run))
        self._show_counts()

    def _empty_act(self) -> None:
        if self.rows.total:
            self.search.clear()
            self.apply_filter()
        else:
            self.desk.pane_wanted.emit("home")

    def _heard(self, records: tuple[RunRecord, ...]) -> None:
        if not self.isVisible():
            self._missed = True
            return
        self.rows.heard(records)
        self._show_counts()
        shown = self.details.shown
        if shown is not None and any(record.id == shown for record in records):
            self._show_details()

    def _show_counts(self) -> None:
        failed = sum(self.rows.row(place).state is RunState.FAILED for place in range(len(self.rows)))
        parts = [self.tr("%n shown", "", len(self.rows)), self.tr("%n failed", "", failed)]
        self.counts.setText(" · ".join(parts) if self.rows.total else "")
        if len(self.rows):
            self._lists.setCurrentIndex(0)
            self.details.setVisible(True)
            return
        if self.rows.total:
            self.empty.show_state(
                "search",
                self.tr("No request matches"),
                self.tr("Nothing fits the search above."),
                self.tr("Clear the search"),
            )
        else:
            self.empty.show_state(
                "requests",
                self.tr("Waiting for the first request"),
                self.tr(
                    "Connect an app with the address and key on Home. Its requests appear here as they come."
                ),
                self.tr("Show address and key"),
            )
        self._lists.setCurrentIndex(1)
        self.details.setVisible(False)

    def _show_details(self, *_: object) -> None:
        keys = self.table.selected_keys()
        place = self.rows.place(keys[0]) if len(keys) == 1 else None
        self.details.show_run(None if place is None else self.rows.row(place))


class RequestDetails(QScrollArea):
    """One request: the result, its cause, and every try."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.shown: str | None = None
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(240)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frame, layout = card()
        self.setWidget(frame)
        self._title = section("")
        self._shape = QLabel()
        self._result = Prose()
        self._text = quiet()
        self._tries = quiet()
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._result, 1)
        layout.addWidget(self._title)
        layout.addLayout(state)
        layout.addWidget(self._text)
        self._tries_title = section(self.tr("Tries"))
        layout.addWidget(self._tries_title)
        layout.addWidget(self._tries)
        layout.addStretch(1)
        self.show_run(None)

    def text(self) -> str:
        """Everything it says."""
        parts = (self._title, self._result, self._text, self._tries)
        return "\n".join(part.text() for part in parts).replace("\u200b", "")

    def show_run(self, run: RunRecord | None) -> None:
        """Show this request, or a hint."""
        self.shown = run.id if run is not None else None
        for part in (self._shape, self._result, self._tries_title, self._tries):
            part.setVisible(run is not None)
        if run is None:
            self._title.setText(self.tr("Details"))
            self._text.setText(self.tr("Select a request to see how it went and every try."))
            return
        icon, token, result = words.run_result(run)
        dress_label(self._shape, icon, self._desk.look, token, 16)
        self._title.setText(run.model)
        self._result.setText(f"{result}. {run.failure}".strip() if run.failure else result)
        fact = self.tr("%1: %2")
        self._text.setText(
            "\n".join(
                fact.replace("%1", name).replace("%2", value) for name, value in self._facts(run) if value
            )
        )
        tries = [self._try_words(number, run) for number in range(len(run.tries))]
        self._tries.setText("\n".join(tries) or self.tr("No account was asked."))

    def _facts(self, run: RunRecord) -> list[tuple[str, str]]:
        return [
            (self.tr("Time"), words.exact(run.at)),
            (self.tr("App"), run.client),
            (self.tr("Account"), breakable(run.account_name)),
            (self.tr("Mode"), run.mode),
            (self.tr("Way out"), breakable(run.egress)),
            (self.tr("First word"), words.milliseconds(run.first_ms)),
            (self.tr("Total"), words.milliseconds(run.total_ms)),
            (
                self.tr("Tokens"),
                self.tr("%1 in, %2 out")
                .replace("%1", words.number(run.prompt_tokens))
                .replace("%2", words.number(run.completion_tokens)),
            ),
        ]

    def _try_words(self, number: int, run: RunRecord) -> str:
        one = run.tries[number]
        if one.failure:
            said = one.failure
        elif run.state is RunState.DONE:
            said = self.tr("answered")
        elif run.state is RunState.RUNNING:
            said = self.tr("running")
        else:
            said = "–"
        return f"{number + 1}. {breakable(one.account)} ({breakable(one.egress)}): {said}"


def _haystack(run: RunRecord) -> str:
    return f"{run.model} {run.account_name} {run.client} {run.failure} {words.run_result(run)[2]}".casefold()
