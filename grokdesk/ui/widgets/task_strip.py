"""The strip at the bottom of the window: work that takes long, and what ended with failures."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.doing import Doing, State
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.theme import MARGIN
from grokdesk.ui.widgets.panel import Panel
from grokdesk.ui.widgets.parts import Elided, button, line, section

_FRAME_MS: Final = 33
_TICK_MS: Final = 1_000
_BAR: Final = (120, 6)
_LIST_WIDTH: Final = 620
_DIALOG: Final = (640, 420)
_NAME_WIDTH: Final = 200
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class TaskRow(QWidget):
    """One piece of work: what, how far, what happens, how long still, and how to end it."""

    def __init__(self, doing: Doing, desk: Desk) -> None:
        super().__init__()
        self.doing = doing
        self._desk = desk
        self._picture = QLabel()
        self._words = Elided()
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(*_BAR)
        self._bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.cancel = button(self.tr("Cancel"))
        self.show_failures = button(self.tr("Show"))
        self.retry = button(self.tr("Retry these"))
        self.close_button = button("", look=desk.look, icon="close", name=self.tr("Put away"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._picture)
        row.addWidget(self._words, 1)
        row.addWidget(self._bar)
        for one in (self.cancel, self.show_failures, self.retry, self.close_button):
            row.addWidget(one)
        self.cancel.clicked.connect(self._cancel)
        self.show_failures.clicked.connect(self._show)
        self.retry.clicked.connect(self._retry)
        self.close_button.clicked.connect(self._put_away)
        self.look_again()

    def said(self) -> str:
        """What the row says."""
        return self._words.text()

    def look_again(self) -> None:
        """Show how far it is."""
        doing = self.doing
        self._words.setText(self._sentence())
        self.setAccessibleName(self._words.text())
        running = not doing.is_over
        # Without a number it would be a bar that runs to and fro for nothing.
        self._bar.setVisible(running and doing.total > 0)
        if running and doing.total:
            self._bar.setRange(0, doing.total)
            self._bar.setValue(doing.done)
            self._bar.setAccessibleName(self._words.text())
        failed = bool(doing.failures)
        shape, token = ("state-cooling", "accent") if running else ("warning", "warn")
        dress_label(self._picture, shape, self._desk.look, token, 16)
        self.cancel.setVisible(running)
        self.cancel.setEnabled(doing.can_cancel)
        self.show_failures.setVisible(failed)
        self.retry.setVisible(doing.can_retry)
        self.close_button.setVisible(not running)

    def _sentence(self) -> str:
        doing = self.doing
        if doing.is_over:
            return self.tr("%1: %2").replace("%1", doing.title).replace("%2", doing.result)
        parts = [doing.title]
        if doing.total:
            count = self.tr("%1 of %2").replace("%1", words.number(doing.done))
            parts.append(count.replace("%2", words.number(doing.total)))
        if doing.state is State.CANCELLING:
            parts.append(self.tr("stopping, what is done stays done"))
        else:
            if doing.said:
                parts.append(told(doing.said))
            left = doing.left_s()
            if left is not None:
                parts.append(self.tr("about %1 left").replace("%1", words.span(left)))
        return " · ".join(parts)

    def _cancel(self) -> None:
        self.doing.cancel()
        # Not with the next frame: whoever cancels wants an answer.
        self.look_again()

    def _show(self) -> None:
        self._desk.doing.failures_wanted.emit(self.doing)

    def _retry(self) -> None:
        self._desk.doing.retry(self.doing)

    def _put_away(self) -> None:
        self._desk.doing.put_away(self.doing)


class TaskList(Panel):
    """All pieces of work, one below the other."""

    def __init__(self, desk: Desk, over: QWidget, opener: QWidget) -> None:
        super().__init__(over, self.tr("Work"), _LIST_WIDTH)
        self._desk = desk
        self.opener = opener
        self.rows: list[TaskRow] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(section(self.tr("Work")))
        self._column = QVBoxLayout()
        self._column.setSpacing(8)
        column.addLayout(self._column)
        column.addStretch(1)
        self.look_again()

    def entry(self) -> QWidget:
        if not self.rows:
            return self
        row = self.rows[0]
        found = [row.cancel, row.show_failures, row.close_button]
        return next((one for one in found if not one.isHidden() and one.isEnabled()), self)

    def look_again(self) -> None:
        """Show how far everything is; goes away with the last piece."""
        shown = self._desk.doing.shown()
        if [row.doing for row in self.rows] != shown:
            here = QApplication.focusWidget()
            had = here is not None and self.isAncestorOf(here)
            for old in self.rows:
                self._column.removeWidget(old)
                old.hide()
                old.deleteLater()
            self.rows = [TaskRow(doing, self._desk) for doing in shown]
            for row in self.rows:
                self._column.addWidget(row)
                row.show()
            if self.is_open:
                self.place()
                if had or not shown:
                    self.entry().setFocus()
        for row in self.rows:
            row.look_again()
        if not shown:
            self.dismiss()

    def place(self) -> None:
        super().place()
        over = self.over
        if self.opener is not None and isValid(self.opener):
            bottom = self.opener.mapTo(over, self.opener.rect().topRight())
            left = max(12, min(bottom.x() - self.width(), over.width() - self.width() - 12))
            self.move(left, max(12, bottom.y() - self.height() - 12))


class TaskStrip(QFrame):
    """One line for what is being done: the piece itself, or how many there are and the way to their list."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._list: TaskList | None = None
        self.row: TaskRow | None = None
        self.setProperty("kind", "bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Work"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(_FRAME_MS)
        self._frame.timeout.connect(self.look_again)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self.look_again)
        self._many = QWidget()
        self._many_words = Elided()
        self.show_all = button(self.tr("Show all"))
        many = QHBoxLayout(self._many)
        many.setContentsMargins(0, 0, 0, 0)
        many.setSpacing(10)
        many.addWidget(self._many_words, 1)
        many.addWidget(self.show_all)
        self._one = QWidget()
        self._one_place = QVBoxLayout(self._one)
        self._one_place.setContentsMargins(0, 0, 0, 0)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._one)
        self._stack.addWidget(self._many)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(line())
        inside = QVBoxLayout()
        inside.setContentsMargins(MARGIN, 6, MARGIN, 6)
        inside.addWidget(self._stack)
        column.addLayout(inside)
        self.show_all.clicked.connect(self._toggle_list)
        desk.doing.changed.connect(self._soon)
        self.look_again()

    def said(self) -> str:
        """What the strip says; empty while it is not shown."""
        if self.isHidden():
            return ""
        return self._many_words.text() if self.row is None else self.row.said()

    @property
    def all_work(self) -> TaskList | None:
        """The list of all work, while it is open."""
        return self._list

    def look_again(self) -> None:
        """Show how far everything is."""
        self._frame.stop()
        shown = self._desk.doing.shown()
        self._show_row(shown[0] if len(shown) == 1 else None)
        if len(shown) > 1:
            self._many_words.setText(self._count(shown))
            self._stack.setCurrentWidget(self._many)
        self.setVisible(bool(shown))
        if self._list is not None:
            self._list.look_again()
        ticking = any(not doing.is_over for doing in shown) and self.isVisible()
        if ticking != self._tick.isActive():
            (self._tick.start if ticking else self._tick.stop)()

    def _show_row(self, doing: Doing | None) -> None:
        if self.row is not None and self.row.doing is not doing:
            old, self.row = self.row, None
            self._one_place.removeWidget(old)
            old.hide()
            old.deleteLater()
        if doing is not None and self.row is None:
            self.row = TaskRow(doing, self._desk)
            self._one_place.addWidget(self.row)
        if self.row is not None:
            self.row.look_again()
            self._stack.setCurrentWidget(self._one)

    def _count(self, shown: list[Doing]) -> str:
        running = [doing for doing in shown if not doing.is_over]
        failed = len(shown) - len(running)
        parts = []
        if running:
            parts.append(self.tr("%n task(s) running", "", len(running)))
        if failed:
            parts.append(self.tr("%n ended with failures", "", failed))
        return " · ".join(parts)

    def _toggle_list(self) -> None:
        if self._list is not None:
            self._list.dismiss()
            return
        self._list = TaskList(self._desk, self.window(), self.show_all)
        self._list.closed.connect(self._list_closed)
        self._list.open()

    def _list_closed(self) -> None:
        self._list = None

    def _soon(self) -> None:
        if not self._frame.isActive():
            self._frame.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._soon()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._tick.stop()
