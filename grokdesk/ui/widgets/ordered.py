"""A table whose rows have an order that a person chooses: by dragging, or with Alt and the arrow keys."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QApplication

from grokdesk.ui.models.rows import Rows
from grokdesk.ui.theme import Look
from grokdesk.ui.widgets.table import Table


class OrderedTable(Table):
    """Its rows are not sorted by a click.

    Qt's own drag would run a loop inside the loop, so the mouse is followed here.
    """

    moved = Signal(object, int)
    """Keys of rows, and the number of the row before which they are to stand."""
    stepped = Signal(int)
    """The selected rows are to go up (-1) or down (1) by one."""
    opened = Signal()
    """Enter or a double click."""

    def __init__(self, rows: Rows[Any], name: str, widths: Sequence[int], stretch: int, look: Look) -> None:
        super().__init__(rows, name, widths, stretch)
        self._look = look
        self._pressed: QPoint | None = None
        self._gap: int | None = None
        header = self.horizontalHeader()
        header.setSectionsClickable(False)
        header.setSortIndicatorShown(False)
        self.doubleClicked.connect(lambda _: self.opened.emit())

    @property
    def dragging(self) -> bool:
        """Whether rows are being dragged."""
        return self._gap is not None

    def _is_movable(self, point: QPoint) -> bool:
        index = self.indexAt(point)
        return index.isValid() and bool(index.flags() & Qt.ItemFlag.ItemIsDragEnabled)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        point = event.position().toPoint()
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if event.button() is Qt.MouseButton.LeftButton and plain and self._is_movable(point):
            self._pressed = point

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        point = event.position().toPoint()
        if self._gap is None and (point - self._pressed).manhattanLength() < QApplication.startDragDistance():
            return
        self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        self._set_gap(self._gap_at(point.y()))
        row = self.rowAt(point.y())
        if row >= 0:
            self.scrollTo(self.model().index(row, 0))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        gap, self._pressed = self._gap, None
        self._stop()
        if gap is None:
            super().mouseReleaseEvent(event)
        else:
            self.moved.emit(self.movable_keys(), gap)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.dragging:
            self._pressed = None
            self._stop()
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in {
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
        }:
            self.stepped.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def movable_keys(self) -> list[Hashable]:
        """The keys of the selected rows that have a place in an order."""
        model, rows = self.model(), self._rows
        keys = [(rows.place(key), key) for key in self.selected_keys()]
        return [
            key
            for place, key in keys
            if place is not None and model.index(place, 0).flags() & Qt.ItemFlag.ItemIsDragEnabled
        ]

    def _gap_at(self, y: int) -> int:
        """The row before which something dropped at `y` would stand."""
        row = self.rowAt(y)
        if row < 0:
            return 0 if y < 0 else self.model().rowCount()
        middle = self.rowViewportPosition(row) + self.rowHeight(row) // 2
        return row if y < middle else row + 1

    def _set_gap(self, gap: int) -> None:
        if gap != self._gap:
            self._gap = gap
            self.viewport().update()

    def _stop(self) -> None:
        if self._gap is not None:
            self._gap = None
            self.viewport().unsetCursor()
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._gap is None:
            return
        last = self.model().rowCount() - 1
        below = self._gap > last
        y = self.rowViewportPosition(min(self._gap, last)) + (self.rowHeight(last) if below else 0)
        painter = QPainter(self.viewport())
        painter.setPen(QPen(self._look.color("accent"), 2))
        painter.drawLine(0, max(1, y), self.viewport().width(), max(1, y))
        painter.end()
