"""What every pane has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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

    def regions(self) -> Sequence[QWidget]:
        """Its parts in reading order; F6 goes from one to the next."""
        return (self,)

    def foot(self) -> int:
        """How much of its lower edge holds what a person is about to press; toasts do not cover that."""
        return 0

    def renew(self) -> bool:
        """Read or ask again what is shown (F5). False when there is nothing to renew."""
        return False

    def begin(self) -> bool:
        """Begin something new (Ctrl+N). False when nothing can be begun here."""
        return False

    def halt(self) -> bool:
        """Stop what runs here (Ctrl+.). False when nothing runs."""
        return False

    def keepsake(self) -> Mapping[str, Any]:
        """Return what is to outlive the widgets when the window is built anew, as for another language.

        Such as filters, what is selected and what was typed but not saved.
        """
        return {}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Take what `keepsake` returned; unknown or missing members are no error."""

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
