"""What every pane has in common."""

from __future__ import annotations

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from grokdesk.ui.desk import Desk


class Pane(QWidget):
    """A place in the window. It works only while it can be seen: `appeared` and `vanished` say when."""

    key = ""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def search_field(self) -> QLineEdit | None:
        """Where Ctrl+F goes, if anywhere."""
        return None

    def open_at(self, where: str) -> None:
        """Show a certain thing in it, such as one setting by its name."""

    def unsaved(self) -> int:
        """How many changes would be lost if the program ended now."""
        return 0

    def appeared(self) -> None:
        """It can be seen from now on: take in what happened meanwhile."""

    def vanished(self) -> None:
        """It cannot be seen any more: let no timer run."""

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.appeared()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.vanished()
