"""How much is left, as bars: in a cell of a table, and on their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionViewItem, QWidget

from grokdesk.ui.models.accounts import AccountRow, Bar
from grokdesk.ui.models.rows import Rows
from grokdesk.ui.theme import Look, scaled
from grokdesk.ui.widgets.table import INSET, WholeRows

_BAR: Final = 6
_THIN: Final = 5
_GAP: Final = 6
_EACH: Final = 30
_SMALL: Final = 0.85
_WIDEST: Final = 64
_FEW: Final = 0.2


def paint_bar(painter: QPainter, room: QRect, share: float, look: Look) -> None:
    """A bar of which `share` is filled; what is nearly used up has another colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.color("border"))
    radius = room.height() / 2
    painter.drawRoundedRect(room, radius, radius)
    share = min(1.0, share)
    if share > 0:
        painter.setBrush(look.color("warn" if share < _FEW else "accent"))
        filled = QRect(room.topLeft(), QSize(max(room.height(), round(room.width() * share)), room.height()))
        painter.drawRoundedRect(filled, radius, radius)
    painter.restore()


class LeftCells(WholeRows):
    """Paints what is left of each mode: its letter and a bar; figures where there is only one."""

    def __init__(self, parent: QWidget, rows: Rows[Any], look: Look) -> None:
        super().__init__(parent)
        self._rows = rows
        self._look = look

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row = self._rows.row(index.row())
        if not isinstance(row, AccountRow):
            super().paint(painter, option, index)
            return
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, self._look.color("selection"))
        room = QRect(option.rect).adjusted(2 * INSET, 0, -2 * INSET, 0)
        if row.bars:
            painter.setFont(option.font)
            self._paint(painter, room, row.bars)

    def _paint(self, painter: QPainter, room: QRect, bars: Sequence[Bar]) -> None:
        if len(bars) == 1:
            self._paint_one(painter, room, bars[0])
            return
        each = min(_EACH, (room.width() - (len(bars) - 1) * _GAP) // len(bars))
        font = painter.font()
        painter.setFont(scaled(font, _SMALL))
        middle = room.center().y()
        for number, bar in enumerate(bars):
            left = room.left() + number * (each + _GAP)
            painter.setPen(self._look.color("text2" if bar.left else "disabled"))
            above = QRect(left, room.top(), each + _GAP, middle - room.top() + 2)
            painter.drawText(above, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, letter(bar))
            paint_bar(painter, QRect(left, middle + 4, each, _THIN), bar.share, self._look)
        painter.setFont(font)

    def _paint_one(self, painter: QPainter, room: QRect, bar: Bar) -> None:
        width = painter.fontMetrics().horizontalAdvance(bar.figures) + 2
        painter.setPen(self._look.color("text" if bar.left else "text2"))
        place = QRect(room.left(), room.top(), width, room.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, bar.figures)
        long = min(_WIDEST, room.width() - width - _GAP)
        if long > 0:
            top = room.center().y() - _BAR // 2
            paint_bar(painter, QRect(room.left() + width + _GAP, top, long, _BAR), bar.share, self._look)


def letter(bar: Bar) -> str:
    """The sign of a mode where there is no room for its name."""
    name = bar.name
    figure = next((sign for sign in name.split() if sign[:1].isdecimal()), "")
    return figure or name[:1]


class Gauge(QWidget):
    """One bar."""

    def __init__(self, look: Look, *, width: int = _WIDEST) -> None:
        super().__init__()
        self._look = look
        self._share = 0.0
        self._width = width
        self.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def show_share(self, share: float, said: str) -> None:
        """Show how much is left; `said` is what a screen reader says."""
        self.setAccessibleName(said)
        if share != self._share:
            self._share = share
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._width, _BAR + 8)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, _BAR + 8)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        room = QRect(QPoint(0, (self.height() - _BAR) // 2), QSize(self.width(), _BAR))
        paint_bar(painter, room, self._share, self._look)
        painter.end()
