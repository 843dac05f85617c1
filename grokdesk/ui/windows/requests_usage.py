"""Usage: how much is asked, what fails, how long it takes and what it costs, as charts or as a table."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from grokdesk.core.usage import MEDIAN, P95
from grokdesk.platform.tasks import offload
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.models.usage import DAYS, HOURS_UP_TO_DAYS, By, Lines, Shown, percent, shown, span
from grokdesk.ui.theme import GAP
from grokdesk.ui.widgets.chart import Chart, Series
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.parts import button, card, quiet, rename
from grokdesk.ui.widgets.table import Table

# What comes in is taken in so often while it is looked at.
_RENEW_MS: Final = 5_000
_TWO_COLUMNS: Final = 620
_WIDTHS: Final = (150, 80, 80, 64, 70, 90, 90, 84, 84)


class UsagePage(QWidget):
    """Charts of what was counted hour by hour."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.lines = Lines(self)
        self.table = Table(self.lines, self.tr("Usage as a table"), _WIDTHS, stretch=0)
        self.bars = 0
        self._is_stale = True
        self._is_visible = False
        self._renewing = QTimer(self)
        self._renewing.setSingleShot(True)
        self._renewing.setInterval(_RENEW_MS)
        self._build()
        self._connect()

    def renew(self) -> None:
        """Read the sums again."""
        self.desk.work.start(self._renew(), exclusive="usage")

    def appeared(self) -> None:
        """Show how it is now."""
        self._is_visible = True
        self.renew()

    def vanished(self) -> None:
        """Let no timer run."""
        self._is_visible = False
        self._renewing.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    # -- inside

    def _build(self) -> None:
        look = self.desk.look
        self.range = Choice(self.tr("Time"), look)
        for days, text in zip(
            DAYS,
            (
                self.tr("Last 24 hours"),
                self.tr("Last 7 days"),
                self.tr("Last 30 days"),
                self.tr("Last 90 days"),
            ),
            strict=True,
        ):
            self.range.addItem(text, days)
        self.by = Choice(self.tr("A bar for each"), look)
        for by, text in (
            (By.HOUR, self.tr("By hour")),
            (By.DAY, self.tr("By day")),
            (By.MODEL, self.tr("By model")),
            (By.CLIENT, self.tr("By app or key")),
        ):
            self.by.addItem(text, by)
        self.as_table = button(self.tr("Show as table"), look=look, icon="list")
        self.as_table.setCheckable(True)
        top = Flow(gap=8, line_gap=8)
        for one in (self.range, self.by, self.as_table):
            top.addWidget(one)
        self.summary = quiet()
        self.requests = Chart(self.tr("Requests"), look)
        self.first = Chart(self.tr("Time to the first word"), look, lines=True)
        self.tokens = Chart(self.tr("Tokens"), look)
        self.success = Chart(self.tr("Success"), look, lines=True)
        self.charts = (self.requests, self.first, self.tokens, self.success)
        inner = QWidget()
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP)
        self._cards: list[QWidget] = []
        for chart in self.charts:
            frame, layout = card()
            layout.setContentsMargins(12, 10, 12, 8)
            layout.addWidget(chart)
            self._cards.append(frame)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        self.empty = StateView(look)
        self.views = QStackedWidget()
        for view in (area, self.table, self.empty):
            self.views.addWidget(view)
        self._charts_view = area
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addWidget(self.summary)
        column.addWidget(self.views, 1)
        self._columns = 0
        self._arrange()

    def _connect(self) -> None:
        self.range.activated.connect(self.renew)
        self.by.activated.connect(self.renew)
        self.as_table.toggled.connect(self._turn)
        self.empty.button.clicked.connect(lambda: self.desk.pane_wanted.emit("home"))
        self.desk.bridge.runs.connect(self._heard)
        self._renewing.timeout.connect(self.renew)

    def _arrange(self) -> None:
        columns = 2 if self.width() >= _TWO_COLUMNS else 1
        if columns == self._columns:
            return
        self._columns = columns
        for number, frame in enumerate(self._cards):
            self._grid.addWidget(frame, number // columns, number % columns)

    def _heard(self, _: object) -> None:
        if self._is_visible and not self._renewing.isActive():
            self._renewing.start()

    async def _renew(self) -> None:
        usage = self.desk.host.runs.usage
        if usage is None:
            return
        now, days, by = self.desk.host.clock.now(), int(self.range.currentData()), By(self.by.currentData())
        if by is By.HOUR and days > HOURS_UP_TO_DAYS:
            by = By.DAY
            self.by.setCurrentIndex(self.by.findData(by))
        hours = await usage.between(*span(now, days))
        self._show(await offload(shown, hours, now, days, by))

    def _show(self, what: Shown) -> None:
        bars, whole = what.bars, what.whole
        self.bars = len(bars)
        self.lines.fill(bars)
        if not whole.requests:
            self.summary.setText("")
            self.empty.show_state(
                "requests",
                self.tr("Nothing was asked in this time"),
                self.tr(
                    "Requests are counted from the first one on, and stay counted when the list forgets them."
                ),
                self.tr("Show address and key"),
            )
            self.views.setCurrentWidget(self.empty)
            return
        self._turn(self.as_table.isChecked())
        said = self.tr("%1 requests · %2 success · first word %3 (median), %4 (95 %) · %5 tokens")
        for sign, value in (
            ("%1", words.number(whole.requests)),
            ("%2", percent(whole.success)),
            ("%3", words.milliseconds(whole.first_ms(MEDIAN))),
            ("%4", words.milliseconds(whole.first_ms(P95))),
            ("%5", words.number(whole.tokens)),
        ):
            said = said.replace(sign, value)
        self.summary.setText(said)
        labels, names = [bar.label for bar in bars], [bar.name for bar in bars]
        if By(self.by.currentData()) in {By.MODEL, By.CLIENT}:
            labels = names
        figures = [bar.figures for bar in bars]
        self.requests.show_values(
            labels,
            names,
            (
                Series(self.tr("answered"), [one.done for one in figures], "accent"),
                Series(self.tr("failed"), [one.failed for one in figures], "error"),
                Series(self.tr("ended early"), [one.left for one in figures], "control"),
            ),
            _count,
            self.tr("%1 requests, %2 failed")
            .replace("%1", words.number(whole.requests))
            .replace("%2", words.number(whole.failed)),
        )
        self.first.show_values(
            labels,
            names,
            (
                Series(self.tr("median"), [one.first_ms(MEDIAN) for one in figures], "accent"),
                Series(self.tr("95 %"), [one.first_ms(P95) for one in figures], "warn"),
            ),
            _time,
            self.tr("%1 in the middle, 95 of 100 within %2")
            .replace("%1", words.milliseconds(whole.first_ms(MEDIAN)))
            .replace("%2", words.milliseconds(whole.first_ms(P95))),
        )
        self.tokens.show_values(
            labels,
            names,
            (
                Series(self.tr("in"), [one.prompt_tokens for one in figures], "control"),
                Series(self.tr("out"), [one.completion_tokens for one in figures], "accent"),
            ),
            _count,
            self.tr("%1 in, %2 out")
            .replace("%1", words.number(whole.prompt_tokens))
            .replace("%2", words.number(whole.completion_tokens)),
        )
        self.success.show_values(
            labels,
            names,
            (
                Series(
                    self.tr("answered"),
                    [None if one.success is None else 100 * one.success for one in figures],
                    "ok",
                ),
            ),
            lambda value: percent(value / 100, 0),
            self.tr("%1 were answered").replace("%1", percent(whole.success)),
            top=100,
        )

    def _turn(self, as_table: bool) -> None:
        rename(self.as_table, self.tr("Show as charts") if as_table else self.tr("Show as table"))
        self.views.setCurrentWidget(self.table if as_table else self._charts_view)


def _count(value: float) -> str:
    return words.number(round(value))


def _time(value: float) -> str:
    return words.milliseconds(round(value))
