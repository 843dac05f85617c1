"""A check box whose edge and mark have the colours of the theme; Fusion's own is lost on a dark ground."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox

from grokdesk.ui.icons import pixmap
from grokdesk.ui.theme import Look

_BOX: Final = 16
_MARK: Final = 12
_GAP: Final = 8
_INSET: Final = 4
_HEIGHT: Final = 28
_RADIUS: Final = 3


class Tick(QCheckBox):
    """Yes or no, with the question beside it."""

    def __init__(self, text: str, look: Look) -> None:
        super().__init__(text)
        self._look = look
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        width = 2 * _INSET + _BOX + _GAP + metrics.horizontalAdvance(self.text())
        return QSize(width, max(_HEIGHT, metrics.height() + 2 * _INSET))

    def minimumSizeHint(self) -> QSize:
        return QSize(2 * _INSET + _BOX + _GAP, self.sizeHint().height())

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        able, on = self.isEnabled(), self.isChecked()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(_INSET, (self.height() - _BOX) / 2, _BOX, _BOX)
        edge, ground = ("accent", "accent") if on else ("control", "surface")
        painter.setPen(QPen(self._look.color(edge if able else "border"), 1.5))
        painter.setBrush(self._look.color(ground if able else "bg"))
        painter.drawRoundedRect(box.adjusted(0.75, 0.75, -0.75, -0.75), _RADIUS, _RADIUS)
        if on:
            tokens = self._look.tokens
            colour = tokens.on_accent if able else tokens.disabled
            inset = (_BOX - _MARK) / 2
            mark = pixmap("icons/check", colour, _MARK, self.devicePixelRatioF())
            painter.drawPixmap(box.topLeft().toPoint() + QPoint(round(inset), round(inset)), mark)
        left = _INSET + _BOX + _GAP
        room = QRect(left, 0, self.width() - left, self.height())
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.setPen(self._look.color("text" if able else "disabled"))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        if self.hasFocus():
            painter.setPen(QPen(self._look.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(-3, -3, 3, 3), _RADIUS + 2, _RADIUS + 2)
        painter.end()
