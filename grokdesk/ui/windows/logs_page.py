"""The page Logs of Settings: what the program has written down, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QFontMetrics, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from grokdesk.core.settings import LogLevel
from grokdesk.platform.logs import FILE, Level, LogFile, log_files
from grokdesk.platform.tasks import offload
from grokdesk.ui.desk import Desk
from grokdesk.ui.models import logs
from grokdesk.ui.models.logs import Found, LogLines, Wanted, looked, whole
from grokdesk.ui.theme import GAP, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import Elided, button, hint
from grokdesk.ui.widgets.table import by_rows
from grokdesk.ui.widgets.tick import Tick
from grokdesk.ui.windows.settings_page import SettingsPage

_LOOK_S: Final = 0.5
_TYPING_MS: Final = 150
_ROW: Final = 26
_FOR_PART: Final = 760
_FOR_WORDS: Final = 560
# More lines than these are shown and copied one at a time.
_MOST_CHOSEN: Final = 5_000
_LEVEL: Final = "logging.level"


class LogsPage(SettingsPage):
    """The lines of one file, what narrows them, and the lines in full below."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.lines = LogLines(desk.look, self)
        self.table = LogTable(self.lines, self.tr("Lines of the log"))
        self._files: list[LogFile] = []
        self._busy = False
        self._again = False
        self._problem = ""
        self._watching: asyncio.Task[object] | None = None
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._build()
        self._connect()

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        self.file = Choice(self.tr("File of the log"), look)
        self.file.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        self.level = Choice(self.tr("Show from level"), look)
        for text, least in (
            (self.tr("Everything"), Level.DEBUG),
            (self.tr("Info and worse"), Level.INFO),
            (self.tr("Warnings and errors"), Level.WARNING),
            (self.tr("Errors"), Level.ERROR),
        ):
            self.level.addItem(text, least.value)
        self.search = QLineEdit()
        hint(self.search, self.tr("Find in the log"))
        self.search.setAccessibleName(self.tr("Find in the log"))
        self.search.setClearButtonEnabled(True)
        self.follow = Tick(self.tr("Follow"), look)
        self.follow.setChecked(True)
        self.follow.setToolTip(self.tr("Stay at the newest line as long as you are there"))
        self.more = button("", look=look, icon="more", name=self.tr("More for the log"))
        self.written = Choice(self.tr("Write down"), look)
        for text, level in (
            (self.tr("Writes everything"), LogLevel.DEBUG),
            (self.tr("Writes the usual"), LogLevel.INFO),
            (self.tr("Writes warnings"), LogLevel.WARNING),
            (self.tr("Writes errors only"), LogLevel.ERROR),
        ):
            self.written.addItem(text, level.value)
        self.said = Elided()
        self.said.setProperty("tone", "quiet")
        self.report = button(self.tr("Diagnostics…"), look=look, icon="save")
        self.copy = button(self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the selected lines"))
        self.menu = QMenu(self)
        for text, act in (
            (self.tr("Open the folder"), self.open_folder),
            (self.tr("Show as in the settings file"), self.form_wanted.emit),
        ):
            self.menu.addAction(text).triggered.connect(lambda _=False, act=act: act())
        self.full = QPlainTextEdit()
        self.full.setReadOnly(True)
        self.full.setTabChangesFocus(True)
        self.full.setFont(code_font())
        self.full.setProperty("kind", "code")
        self.full.setAccessibleName(self.tr("The selected lines in full"))
        self.full.setVisible(False)
        self.empty = StateView(look)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.table)
        self._lists.addWidget(self.empty)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(GAP)
        self.split.addWidget(self._lists)
        self.split.addWidget(self.full)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 1)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        tools.addWidget(self.level)
        tools.addWidget(self.file)
        tools.addWidget(self.more)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.follow)
        below.addWidget(self.said, 1)
        below.addWidget(self.written)
        below.addWidget(self.copy)
        below.addWidget(self.report)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        column.addLayout(tools)
        column.addLayout(below)
        column.addWidget(self.split, 1)
        self.copy_lines = QAction(self.tr("Copy"), self)
        self.copy_lines.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        self.copy_lines.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.table.addAction(self.copy_lines)

    def _connect(self) -> None:
        self.search.textChanged.connect(lambda _: self._typing.start())
        self._typing.timeout.connect(self.apply)
        self.level.activated.connect(self.apply)
        self.file.activated.connect(self._choose_file)
        self.follow.toggled.connect(lambda on: self.table.scrollToBottom() if on else None)
        self.written.activated.connect(self._choose_level)
        self.copy_lines.triggered.connect(self.copy_selected)
        self.copy.clicked.connect(self.copy_selected)
        self.report.clicked.connect(self.show_report)
        self.more.clicked.connect(
            lambda: self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))
        )
        self.empty.button.clicked.connect(self._leave_empty)
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self.desk.bridge.settings.connect(self._show_written)
        self.desk.look.changed.connect(self.table.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(logs.PART, self.width() < _FOR_PART)
        worded = self.width() >= _FOR_WORDS
        for one, words in ((self.copy, self.tr("Copy")), (self.report, self.tr("Diagnostics…"))):
            one.setText(words if worded else "")
            one.setToolTip("" if worded else one.accessibleName())

    # -- what Settings calls

    def search_field(self) -> QLineEdit:
        return self.search

    def regions(self) -> Sequence[QWidget]:
        return (self.search, self.table, self.full) if self.full.isVisible() else (self.search, self.table)

    def renew(self) -> bool:
        self.look()
        return True

    def keepsake(self) -> Mapping[str, Any]:
        return {
            "search": self.search.text(),
            "level": self.level.currentIndex(),
            "follow": self.follow.isChecked(),
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.search.setText(str(kept.get("search", "")))
        self.level.setCurrentIndex(int(kept.get("level", 0)))
        self.follow.setChecked(bool(kept.get("follow", True)))
        self.apply()

    def appeared(self) -> None:
        self._show_written()
        self.desk.work.start(self._list_files(), exclusive="log files")
        self.vanished()
        self._watching = self.desk.work.start(self._watch())

    def vanished(self) -> None:
        self._typing.stop()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    # -- reading

    def _path(self) -> Path:
        place = max(0, self.file.currentIndex())
        return self._files[place].path if self._files else self.desk.host.paths.logs / FILE

    async def _list_files(self) -> None:
        try:
            found = await offload(log_files, self.desk.host.paths.logs)
        except OSError:
            found = []
        if found == self._files or not isValid(self):
            return
        chosen = self._path()
        self._files = found
        self.file.clear()
        for one in found:
            self.file.addItem(one.day or self.tr("Today"))
        paths = [one.path for one in found]
        self.file.setCurrentIndex(paths.index(chosen) if chosen in paths else 0)
        if self._path() != self.lines.path:
            self.look()

    def _wanted(self) -> Wanted:
        return Wanted(Level(int(self.level.currentData())), tuple(self.search.text().casefold().split()))

    def apply(self, *_: object) -> None:
        """Show the lines that are wanted now."""
        self._typing.stop()
        self.look()

    def _choose_file(self, *_: object) -> None:
        self.look()

    async def _watch(self) -> None:
        """Look for new lines as long as the page can be seen."""
        while isValid(self):
            if not self._busy:
                self._busy = True
                await self._look()
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Look for new lines, and for those that are wanted when that has changed."""
        if self._busy:
            self._again = True
            return
        self._busy = True
        self.desk.work.start(self._look())

    async def _look(self) -> None:
        path, wanted, lines = self._path(), self._wanted(), self.lines
        same = path == lines.path
        known = lines.known if same else None
        anew = not same or wanted != lines.wanted
        found: Found | None
        try:
            found = await offload(
                looked, path, wanted, known, lines.offsets, lines.levels if same else b"", anew=anew
            )
        except OSError as error:
            found, problem = None, error.strerror or type(error).__name__
        else:
            problem = ""
        finally:
            self._busy = False
        if not isValid(self):
            return  # the window has been built anew meanwhile
        changed = problem != self._problem
        self._problem = problem
        if found is not None:
            changed |= self._take(found, anew=anew)
        elif changed:
            lines.clear()
        if changed:
            self._show()
        if self._again:
            self._again = False
            self.look()

    def _take(self, found: Found, *, anew: bool) -> bool:
        """Take in what a look brought; tells whether that was anything."""
        lines = self.lines
        nothing = lines.known is not None and not found.scan.offsets and found.scan.end == lines.known.end
        if nothing and not anew and found.scan.identity == lines.known.identity:  # type: ignore[union-attr] # said above
            return False
        turned = lines.known is not None and not anew and found.scan.identity != lines.known.identity
        bar = self.table.verticalScrollBar()
        stays = self.follow.isChecked() and (anew or turned or bar.value() >= bar.maximum())
        lines.take(found)
        if stays:
            self.table.scrollToBottom()
        if turned:
            # It was turned over at midnight: the one before has a name of its own now.
            self.desk.work.start(self._list_files(), exclusive="log files")
        return True

    # -- showing

    def _show(self) -> None:
        lines, wanted = self.lines, self._wanted()
        count = lines.rowCount()
        if self._problem:
            text = self.tr("The log cannot be read: %1.").replace("%1", self._problem)
            self.empty.show_state("file", self.tr("No log"), text, self.tr("Try again"))
        elif not count and lines.total:
            self.empty.show_state(
                "search",
                self.tr("No line matches"),
                self.tr("The file has %n line(s), none of them like that.", "", lines.total),
                self.tr("Show everything"),
            )
        elif not count:
            self.empty.show_state(
                "file", self.tr("Nothing yet"), self.tr("Nothing was written down here."), ""
            )
        self._lists.setCurrentIndex(0 if count else 1)
        if wanted == Wanted():
            said = self.tr("%n line(s)", "", count)
        else:
            said = self.tr("%1 of %n line(s)", "", lines.total).replace("%1", self.locale().toString(count))
        self.said.setText(said)
        self._chosen()

    def _show_written(self, *_: object) -> None:
        host = self.desk.host
        self.written.setCurrentIndex(self.written.findData(host.live.now.logging.level.value))
        self.written.setEnabled(_LEVEL not in host.settings_file.outside)

    def _leave_empty(self) -> None:
        self.search.clear()
        self.level.setCurrentIndex(0)
        self.apply()
        self.search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
            self.apply()
        else:
            super().keyPressEvent(event)

    # -- the chosen lines

    def selected(self) -> list[int]:
        """The selected rows, from top to bottom."""
        rows: set[int] = set()
        selection = self.table.selectionModel().selection()
        for number in range(selection.count()):
            part = selection.at(number)
            rows.update(range(part.top(), part.bottom() + 1))
        return sorted(rows)

    def _chosen(self, *_: object) -> None:
        rows = self.selected()
        self.copy.setEnabled(bool(rows))
        if not rows or len(rows) > _MOST_CHOSEN:
            self._show_panel(shown=False)
            return
        self.desk.work.start(self._show_full(rows), exclusive="log lines in full")

    async def _show_full(self, rows: list[int]) -> None:
        text = await self._whole(rows)
        if not isValid(self):
            return
        if text != self.full.toPlainText():
            self.full.setPlainText(text)
        self._show_panel(shown=bool(text))

    def _show_panel(self, *, shown: bool) -> None:
        """Show the lines in full, or not; who was at the end stays there, and what was chosen in sight."""
        if shown == self.full.isVisibleTo(self):
            return
        bar = self.table.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        self.full.setMinimumHeight(3 * QFontMetrics(self.full.font()).lineSpacing())
        self.full.setVisible(shown)

        def look() -> None:
            if at_end:
                self.table.scrollToBottom()
            elif shown and self.table.currentIndex().isValid():
                self.table.scrollTo(self.table.currentIndex())

        # The table has its new size only after the layout had its turn.
        QTimer.singleShot(0, self, look)

    async def _whole(self, rows: Sequence[int]) -> str:
        lines = self.lines
        if lines.path is None or lines.known is None:
            return ""
        spans = [lines.lies_at(row) for row in rows if row < lines.rowCount()]
        try:
            return await offload(whole, lines.path, lines.known.identity, spans)
        except OSError:
            return ""

    def copy_selected(self) -> None:
        """Put the selected lines into the clipboard, in full."""
        rows = self.selected()
        if rows:
            self.desk.work.start(self._copy(rows), exclusive="copy log")

    async def _copy(self, rows: list[int]) -> None:
        text = await self._whole(rows)
        self.desk.copy(text, self.tr("%n line(s) copied.", "", len(rows)))

    # -- acting

    def _choose_level(self, *_: object) -> None:
        level, old = str(self.written.currentData()), self.desk.host.live.now.logging.level.value
        if level != old:
            self.desk.work.start(self._set_level(level, old), exclusive="log level")

    async def _set_level(self, level: str, old: str) -> None:
        try:
            await self.desk.host.change({_LEVEL: level})
        finally:
            self._show_written()

        async def back() -> None:
            await self.desk.host.change({_LEVEL: old})

        self.desk.did(self.tr("From now on: %1.").replace("%1", self.written.currentText()), back)

    def open_folder(self) -> None:
        """Show the folder of the log in the system's own program."""
        folder = self.desk.host.paths.logs
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self.desk.copy(str(folder), self.tr("No program opens it. Its place is in the clipboard now."))

    def show_report(self) -> None:
        """Show what a report for others would hold."""
        from grokdesk.ui.windows.diagnostics import show_diagnostics  # noqa: PLC0415 - only when it is wanted

        show_diagnostics(self.desk, self.window())


class LogTable(QTableView):
    """Lines of one height; any number of them."""

    def __init__(self, lines: LogLines, name: str) -> None:
        super().__init__()
        self.setModel(lines)
        by_rows(self, name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.verticalHeader().setDefaultSectionSize(max(_ROW, self.fontMetrics().height() + 8))
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setStretchLastSection(True)
        metrics = self.fontMetrics()
        header.resizeSection(logs.TIME, metrics.horizontalAdvance("00:00:00") + 28)
        words = max(metrics.horizontalAdvance(logs.level_word(level)) for level in Level)
        header.resizeSection(logs.LEVEL, words + 52)
        header.resizeSection(logs.PART, 132)

    def resizeEvent(self, event: QResizeEvent) -> None:
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum()
        super().resizeEvent(event)
        if at_end:
            self.scrollToBottom()
