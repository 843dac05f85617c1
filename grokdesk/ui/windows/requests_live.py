"""The list of requests: running ones first, filters, and the details of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.runs import EVERY, Counted, RunRecord, Sought
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress
from grokdesk.ui.models.requests import (
    ACCOUNT,
    CLIENT,
    MODEL,
    PAGE,
    PIECES,
    RESULT,
    TIME,
    TOKENS,
    TOTAL,
    Requests,
)
from grokdesk.ui.theme import GAP, Look
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.parts import button, hint, rename
from grokdesk.ui.widgets.table import by_rows
from grokdesk.ui.widgets.telling import Telling
from grokdesk.ui.widgets.tick import Tick
from grokdesk.ui.windows.requests_details import RequestDetails
from grokdesk.ui.windows.requests_export import export

_TYPING_MS: Final = 120
_TICK_MS: Final = 1_000
# What has to fit into each column.
_SAMPLES: Final = {
    MODEL: "grok-4.20-expert",
    CLIENT: "Claude Code",
    ACCOUNT: "Anna Smith",
    RESULT: "Failed: Cloudflare",
    PIECES: "1,234",
    TOKENS: "12.3k",
}
# Where there is not room for all, those at the end go; the details show them anyway.
_MATTER: Final = (RESULT, TIME, MODEL, TOTAL, ACCOUNT, PIECES, TOKENS, CLIENT)
_BESIDE: Final = 20
_LATE_NOVEMBER: Final = 28_800_000.0
_LEAST: Final = 200
# More than these are not counted while the list stands still.
_COUNTED: Final = 10_000


class RequestTable(QTableView):
    """The list, in its own order, one row selected at a time."""

    def __init__(self, rows: Requests, name: str) -> None:
        super().__init__()
        self._rows = rows
        self.setModel(rows)
        self._telling = Telling(self)
        by_rows(self, name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(44)
        header.setSectionResizeMode(RESULT, QHeaderView.ResizeMode.Stretch)
        self._fit()

    def selected_keys(self) -> list[Hashable]:
        """The id of the selected request, if one is and it is here."""
        run = self.selected()
        return [] if run is None else [run.id]

    def selected(self) -> RunRecord | None:
        """The selected request, if it is here."""
        selection = self.selectionModel().selection()
        return self._rows.row(selection.at(0).top()) if selection.count() else None

    def select(self, chosen: Sequence[Hashable]) -> None:
        """Select the request of this id, if it is here, and show it."""
        place = self._rows.place(str(chosen[0])) if chosen else None
        if place is None:
            self.clearSelection()
        else:
            self.select_row(place)

    def select_row(self, place: int) -> None:
        """Select a row and show it."""
        index = self._rows.index(place, 0)
        selection = QItemSelection(index, self._rows.index(place, self._rows.columnCount() - 1))
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        self.selectionModel().setCurrentIndex(index, flag.NoUpdate)
        self.scrollTo(index)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        """Give each column the room it needs, and let go of those for which there is none."""
        header, metrics, room = self.horizontalHeader(), self.fontMetrics(), self.viewport().width()
        for column in _MATTER:
            title = str(self._rows.headerData(column, Qt.Orientation.Horizontal))
            needed = max(map(metrics.horizontalAdvance, (title, *_samples(column)))) + _BESIDE
            needed += 2 * _BESIDE if column == RESULT else 0
            room -= needed
            self.setColumnHidden(column, room < 0 and column not in {RESULT, TIME})
            if column != RESULT:
                header.resizeSection(column, needed)


def _samples(column: int) -> Sequence[str]:
    """The longest that stands in a column, in the language of the window."""
    if column == TIME:
        return (words.at(_LATE_NOVEMBER, 0.0),)
    if column == TOTAL:
        return (words.milliseconds(888), words.milliseconds(123_400))
    return (_SAMPLES[column],)


class _Offer(Choice):
    """A choice among what there is when it is opened."""

    def __init__(self, name: str, look: Look, fill: Callable[[], None]) -> None:
        super().__init__(name, look)
        self._fill = fill

    def showPopup(self) -> None:
        self._fill()
        super().showPopup()


class LivePage(QWidget):
    """Filters, the list, and the details. `say_counts` shows how many requests are listed."""

    def __init__(self, desk: Desk, say_counts: Callable[[str], None]) -> None:
        super().__init__()
        self.desk = desk
        self._say_counts = say_counts
        self._log = desk.host.runs
        self.rows = Requests(desk.host.clock.now, desk.look, self)
        self.table = RequestTable(self.rows, self.tr("Requests"))
        self.details = RequestDetails(desk)
        self._older = Counted()
        self._fresh: set[str] = set()
        self._is_visible = False
        self._is_stale = True
        self._is_fetching = False
        self._shown: str | None = None
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._build()
        self._connect()
        self.rows.begin(self._log.recent(), EVERY)

    # -- filters

    @property
    def sought(self) -> Sought:
        """What the filters ask for."""
        return Sought(
            failed=self.failed.isChecked(),
            model=self.model.currentData() or "",
            client=self.client.currentData() or "",
            account=self.account.currentData() or "",
            text=self.search.text(),
        )

    def clear_filters(self) -> None:
        """Show every request."""
        self._set_filters(EVERY)

    def show_failed(self) -> None:
        """Show those that failed."""
        self._set_filters(replace(EVERY, failed=True))

    def show_run(self, run_id: str) -> None:
        """Select one request, wherever it is in the list."""
        self.clear_filters()
        self.desk.work.start(self._show_run(run_id), exclusive="show request")

    async def _show_run(self, run_id: str) -> None:
        run = await self._log.find(run_id)
        if run is None:
            self.desk.say(self.tr("This request is not in the list any more."))
            return
        self._shown = run.id
        place = self.rows.place(run_id)
        if place is None:
            # As many rows stand below it as there are older ones.
            await self._count_older()
            below = await self._log.count(before=run.place)
            place = len(self.rows) - below.total - 1
        if 0 <= place < len(self.rows):
            self.table.select_row(place)
        self.details.show_run(run)

    def apply_filter(self) -> None:
        """Show what the filters ask for."""
        self._typing.stop()
        self.start_anew()

    def start_anew(self) -> None:
        """Begin the list again, as the log is now."""
        self._fresh.clear()
        self._is_stale = False
        self._older = Counted()
        self._fill_choices()
        self.rows.begin(self._log.recent(), self.sought)
        self._restore()
        self._show_state()
        if self.rows.before is not None:
            self.desk.work.start(self._count_older(), exclusive="count requests")

    async def _count_older(self) -> None:
        if self.rows.before is None:
            return
        age, before = self.rows.age, self.rows.before
        counted = await self._log.count(self.rows.sought, before=before)
        if age == self.rows.age and before == self.rows.before:
            self._older = counted
            self.rows.set_older(counted.total)
            self._show_state()

    # -- acts

    def stop_one(self) -> bool:
        """Stop the selected request, or the only one that runs."""
        running = [run for run in self._log.running() if self.rows.sought.fits(run)]
        if not running:
            return False
        chosen = [run for run in running if run.id == self._shown]
        if chosen or len(running) == 1:
            self.details.stop_run((chosen or running)[0].id)
        else:
            self.desk.say(self.tr("Select the request to stop."))
        return True

    def save(self) -> None:
        """Write what is filtered into a file."""
        self.desk.work.start(self._save(), exclusive="export requests")

    async def _save(self) -> None:
        kinds = ";;".join((self.tr("Table (*.csv)"), self.tr("JSON (*.json)")))
        path = await dialogs.save_file(self.window(), self.tr("Export requests"), "requests.csv", kinds)
        if path is None:
            return
        sought, total = self.sought, len(self.rows)
        task: asyncio.Task[object] | None = None

        def cancel() -> None:
            if task is not None:
                task.cancel()

        doing = self.desk.doing.begin(self.tr("Exporting requests"), total, cancel)
        task = self.desk.work.start(export(self._log, sought, path, doing.update))
        if task is None:
            doing.finish(cancelled=True)
            return

        def ended(done: asyncio.Task[object]) -> None:
            if done.cancelled() or done.exception() is not None:
                doing.finish(cancelled=True)
                return
            said = self.tr("%n request(s) written to %1.", "", int(str(done.result())))
            said = said.replace("%1", path.name)
            doing.finish(said)
            self.desk.say(said, "ok")

        task.add_done_callback(ended)

    def hold(self, held: bool) -> None:
        """Let the list stand still, or follow what comes."""
        rename(self.follow, self.tr("Follow") if held else self.tr("Hold"))
        dress(self.follow, "play" if held else "pause", self.desk.look)
        if not held:
            self.start_anew()
            self.table.scrollToTop()

    # -- life

    def regions(self) -> Sequence[QWidget]:
        """The parts in reading order."""
        found = (self.search, self.table, self.details)
        return tuple(one for one in found if one.isVisible())

    def keepsake(self) -> Mapping[str, Any]:
        """What outlives the widgets."""
        sought = self.sought
        return {
            "failed": sought.failed,
            "model": sought.model,
            "client": sought.client,
            "account": sought.account,
            "text": sought.text,
            "shown": self._shown,
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Take what `keepsake` returned."""
        texts = {name: str(kept.get(name, "")) for name in ("model", "client", "account", "text")}
        self._shown = kept.get("shown")
        self._set_filters(Sought(failed=bool(kept.get("failed")), **texts))

    def appeared(self) -> None:
        """Take in what happened meanwhile."""
        self._is_visible = True
        if self._is_stale:
            self.start_anew()
        self._keep_time()

    def vanished(self) -> None:
        """Let no timer run."""
        self._is_visible = False
        self._tick.stop()

    # -- inside

    def _build(self) -> None:
        look = self.desk.look
        self.search = QLineEdit()
        hint(self.search, self.tr("Search by model, account, app, status or failure"))
        self.search.setAccessibleName(self.tr("Search requests"))
        self.search.setClearButtonEnabled(True)
        self.follow = button(self.tr("Hold"), look=look, icon="pause")
        self.follow.setCheckable(True)
        self.follow.setToolTip(self.tr("Let the list stand still while requests come in"))
        self.export = button(self.tr("Export…"), look=look, icon="save")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.search, 1)
        top.addWidget(self.follow)
        top.addWidget(self.export)
        self.failed = Tick(self.tr("Failed only"), look)
        self.model = _Offer(self.tr("Model"), look, self._fill_choices)
        self.client = _Offer(self.tr("App"), look, self._fill_choices)
        self.account = _Offer(self.tr("Account"), look, self._fill_choices)
        filters = Flow(gap=8, line_gap=8)
        for one in (self.failed, self.model, self.client, self.account):
            filters.addWidget(one)
        for choice in (self.model, self.client, self.account):
            choice.setMaximumWidth(190)
            choice.setMinimumContentsLength(9)
            choice.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self._fill_choices()
        self.empty = StateView(look)
        self._lists = QStackedWidget()
        self._lists.setMinimumWidth(_LEAST)
        self._lists.addWidget(self.table)
        self._lists.addWidget(self.empty)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(GAP)
        split.addWidget(self._lists)
        split.addWidget(self.details)
        split.setStretchFactor(0, 1)
        split.setStretchFactor(1, 0)
        split.setSizes([600, 300])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(top)
        column.addLayout(filters)
        column.addWidget(split, 1)

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _: self._typing.start())
        self.search.returnPressed.connect(self.apply_filter)
        self._typing.timeout.connect(self.apply_filter)
        self.failed.toggled.connect(self.apply_filter)
        for choice in (self.model, self.client, self.account):
            choice.activated.connect(self.apply_filter)
        self.follow.toggled.connect(self.hold)
        self.export.clicked.connect(self.save)
        self.empty.button.clicked.connect(self._empty_act)
        self.rows.wanted.connect(self._fetch)
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self.rows.dataChanged.connect(self._look_again)
        self._tick.timeout.connect(self._time_went_on)
        self.desk.bridge.runs.connect(self._heard)
        self.desk.look.changed.connect(self.table.viewport().update)

    def _set_filters(self, sought: Sought) -> None:
        for widget in (self.failed, self.search):
            widget.blockSignals(True)
        self.failed.setChecked(sought.failed)
        self.search.setText(sought.text)
        for widget in (self.failed, self.search):
            widget.blockSignals(False)
        for choice, value in (
            (self.model, sought.model),
            (self.client, sought.client),
            (self.account, sought.account),
        ):
            _choose(choice, value)
        self.apply_filter()

    def _fill_choices(self) -> None:
        """Offer what the newest requests have, and what is chosen."""
        runs = self._log.recent()
        for choice, every, found in (
            (self.model, self.tr("All models"), {run.model: run.model for run in runs}),
            (self.client, self.tr("All apps"), {run.client: run.client for run in runs if run.client}),
            (
                self.account,
                self.tr("All accounts"),
                {run.account: run.account_name for run in runs if run.account},
            ),
        ):
            value = choice.currentData() or ""
            if value:
                found.setdefault(value, choice.currentText())
            wanted = [("", every), *sorted(found.items(), key=lambda item: item[1].casefold())]
            if [(choice.itemData(at), choice.itemText(at)) for at in range(choice.count())] == wanted:
                continue
            choice.clear()
            for key, text in wanted:
                choice.addItem(text, key)
            _choose(choice, value)

    def _heard(self, records: tuple[RunRecord, ...]) -> None:
        if self.follow.isChecked():
            if len(self._fresh) < _COUNTED:
                self._fresh.update(run.id for run in records)
            if self._is_visible:
                self._show_state()
        elif not self._is_visible:
            self._is_stale = True
        else:
            self._take_in(records)
        if self._is_visible and any(run.id == self._shown for run in records):
            self.details.show_run(next(run for run in records if run.id == self._shown))

    def _take_in(self, records: Sequence[RunRecord]) -> None:
        bar = self.table.verticalScrollBar()
        at, count = bar.value(), len(self.rows)
        if not self.rows.heard(records):
            self.desk.work.start(self._count_older(), exclusive="count requests")
        if at and len(self.rows) > count:
            # Whoever reads further down keeps what is being read in sight.
            bar.setValue(at + len(self.rows) - count)
        self._show_state()
        self._keep_time()

    def _fetch(self) -> None:
        if not self._is_fetching:
            self._is_fetching = True
            self.desk.work.start(self._fetch_pages())

    async def _fetch_pages(self) -> None:
        try:
            while (asked := self.rows.next_page()) is not None:
                skip = asked.number * PAGE
                runs = await self._log.page(self.rows.sought, before=asked.before, skip=skip, limit=PAGE)
                self.rows.take(asked, runs)
        finally:
            self._is_fetching = False

    def _keep_time(self) -> None:
        if self._is_visible and self.rows.running:
            if not self._tick.isActive():
                self._tick.start()
        else:
            self._tick.stop()

    def _time_went_on(self) -> None:
        running = self._log.running()
        self.rows.refresh_running(running)
        for run in running:
            if run.id == self._shown:
                self.details.show_run(run)
        self._keep_time()

    def _show_state(self) -> None:
        failed = self.rows.failed() + self._older.failed
        parts = [self.tr("%n shown", "", len(self.rows)), self.tr("%n failed", "", failed)]
        if self.rows.running:
            parts.insert(1, self.tr("%n running", "", self.rows.running))
        if self.follow.isChecked():
            parts.append(self.tr("%n new or changed", "", len(self._fresh)))
        self._say_counts(" · ".join(parts) if len(self.rows) else "")
        self.export.setEnabled(len(self.rows) > self.rows.running)
        if len(self.rows):
            self._lists.setCurrentIndex(0)
            self.details.setVisible(True)
            return
        if self.sought != EVERY:
            self.empty.show_state(
                "search",
                self.tr("No request matches"),
                self.tr("Nothing fits the search and the filters above."),
                self.tr("Clear the filters"),
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

    def _empty_act(self) -> None:
        if self.sought != EVERY:
            self.clear_filters()
            self.search.setFocus()
        else:
            self.desk.pane_wanted.emit("home")

    def _chosen(self, *_: object) -> None:
        if not self.table.selectionModel().selection().count():
            return
        run = self.table.selected()
        if run is not None:
            self._shown = run.id
            self.details.show_run(run)
        else:
            # It is on its way.
            self._shown = None

    def _look_again(self, *_: object) -> None:
        if self._shown is None and self.table.selectionModel().selection().count():
            self._chosen()

    def _restore(self) -> None:
        """Select what was selected, if it is still here."""
        place = self.rows.place(self._shown) if self._shown is not None else None
        if place is not None:
            self.table.select_row(place)
        elif self._shown is not None:
            self._shown = None
            self.details.show_run(None)


def _choose(choice: Choice, value: str) -> None:
    at = max(0, choice.findData(value))
    if not at and value:
        choice.addItem(value, value)
        at = choice.count() - 1
    choice.setCurrentIndex(at)
