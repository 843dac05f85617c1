"""Text to copy: read-only, in the font for code, as tall as its lines."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QPlainTextEdit

from grokdesk.ui.theme import code_font

_FRAME: Final = 28


class Code(QPlainTextEdit):
    """Read-only code that Tab leaves and Esc passes on."""

    def __init__(self, name: str, most_lines: int = 14) -> None:
        super().__init__()
        self._most = most_lines
        self.setProperty("kind", "code")
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setFont(code_font())
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setAccessibleName(name)
        # By keyboard it can be read and copied as well as by mouse.
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )

    def show_text(self, text: str) -> None:
        """Show another text; the same one leaves cursor and selection alone."""
        if text != self.toPlainText():
            self.setPlainText(text)
        lines = min(self._most, text.count("\n") + 1)
        # Room for the bar of lines that are too long.
        self.setFixedHeight(lines * self.fontMetrics().lineSpacing() + _FRAME + 8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        # What is seen whole does not keep the page from scrolling.
        if self.verticalScrollBar().maximum() == 0:
            event.ignore()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()
            return
        super().keyPressEvent(event)
