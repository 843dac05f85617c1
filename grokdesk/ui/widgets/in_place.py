"""What is changed where it stands: a line, a note, a choice."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from grokdesk.ui.widgets.choice import Choice

_HEIGHT: Final = 72


class Field(QLineEdit):
    """A line that is changed in place: Enter or leaving it keeps the change, Esc takes it back."""

    settled = Signal(str)

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self._kept = ""
        self.editingFinished.connect(self._settle)

    def show_text(self, text: str) -> None:
        """Show what is so; what is being typed stays."""
        if not self.is_changed:
            if self.text() != text:
                self.setText(text)
                self.setCursorPosition(0)
            self._kept = text

    @property
    def is_changed(self) -> bool:
        """Whether something was typed that is not kept yet."""
        return self.text() != self._kept

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.is_changed:
            self.setText(self._kept)
        else:
            super().keyPressEvent(event)

    def _settle(self) -> None:
        if self.is_changed:
            self._kept = self.text()
            self.settled.emit(self._kept)


class Notes(QPlainTextEdit):
    """Lines that are changed in place: leaving them, or Ctrl+Enter, keeps the change, Esc takes it back."""

    settled = Signal(str)

    def __init__(self, name: str, placeholder: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self.setTabChangesFocus(True)
        self.setFixedHeight(_HEIGHT)
        self._kept = ""

    def show_text(self, text: str) -> None:
        """Show what is so; what is being typed stays."""
        if not self.is_changed:
            if self.toPlainText() != text:
                self.setPlainText(text)
            self._kept = text

    @property
    def is_changed(self) -> bool:
        """Whether something was typed that is not kept yet."""
        return self.toPlainText() != self._kept

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if event.key() == Qt.Key.Key_Escape and self.is_changed:
            self.setPlainText(self._kept)
        elif enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.settle()
        else:
            super().keyPressEvent(event)

    def settle(self) -> None:
        """Keep what was typed."""
        if self.is_changed:
            self._kept = self.toPlainText()
            self.settled.emit(self._kept)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.settle()


class Decision(Choice):
    """A choice that acts when it is made: keys open its list rather than go through all of it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = event.key() in {
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
            Qt.Key.Key_Home,
            Qt.Key.Key_End,
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
        }
        if moves or (event.text().isprintable() and event.text()):
            self.showPopup()
        else:
            super().keyPressEvent(event)
