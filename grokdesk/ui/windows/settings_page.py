"""A page of Settings that is more than rows of a form: what it changes is saved at once, with an undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from grokdesk.ui.desk import Desk


class SettingsPage(QWidget):
    """Stands in the place of the rows; works only while it can be seen, as `appeared` and `vanished` say."""

    form_wanted = Signal()
    """The settings of the page are wanted as rows of the form."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def search_field(self) -> QLineEdit | None:
        """Where Ctrl+F goes, if anywhere in the page."""
        return None

    def open_at(self, where: str) -> None:
        """Show a certain thing in it."""

    def regions(self) -> Sequence[QWidget]:
        """Its parts in reading order."""
        return (self,)

    def renew(self) -> bool:
        """Read again what is shown (F5)."""
        return False

    def keepsake(self) -> Mapping[str, Any]:
        """Return what is to outlive the widgets."""
        return {}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Take what `keepsake` returned."""

    def appeared(self) -> None:
        """It can be seen from now on: take in what happened meanwhile."""

    def vanished(self) -> None:
        """It cannot be seen any more: let no timer run."""
