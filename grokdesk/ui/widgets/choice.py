"""A combo box whose arrow has the colour of the theme; a style sheet could only name a picture file."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QRect
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QToolTip

from grokdesk.ui.icons import pixmap
from grokdesk.ui.theme import Look

_ARROW: Final = 16
_SIDES: Final = 34


class Choice(QComboBox):
    """One of several words."""

    def __init__(self, name: str, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setAccessibleName(name)

    def event(self, event: QEvent) -> bool:
        """Tell the whole text under the pointer where the box is too narrow for it."""
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.currentText()
            if self.fontMetrics().horizontalAdvance(text) > self.width() - _SIDES:
                QToolTip.showText(event.globalPos(), "\n".join(filter(None, (text, self.toolTip()))), self)
                return True
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # Whoever scrolls past it does not mean to choose.
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        arrow = pixmap("icons/down", self._look.tokens.text2, _ARROW, self.devicePixelRatioF())
        place = QRect(self.width() - _ARROW - 6, (self.height() - _ARROW) // 2, _ARROW, _ARROW)
        painter = QPainter(self)
        painter.drawPixmap(place, arrow)
        painter.end()
