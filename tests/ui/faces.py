"""What tests of windows share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from grokdesk.ui.shell import Shell
from grokdesk.ui.tray import Tray
from grokdesk.ui.windows.accounts import AccountsPane
from grokdesk.ui.windows.main_window import MainWindow
from tests.ui.stand_in import StandIn

P = TypeVar("P", bound=QWidget)


@dataclass
class Face:
    """A window, a tray and the program behind them."""

    host: StandIn
    shell: Shell

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    @property
    def tray(self) -> Tray:
        return self.shell.tray

    def accounts(self) -> AccountsPane:
        """The pane with the accounts, in sight."""
        pane = self.window.go("accounts")
        assert isinstance(pane, AccountsPane)
        return pane


Open = Callable[..., Awaitable[Face]]


async def settle(seconds: float = 0.08) -> None:
    """Let notices, frames and layouts have their turn."""
    await asyncio.sleep(seconds)


def dialog(kind: type[P]) -> P:
    """The open dialog of this kind."""
    found = [one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()]
    assert len(found) == 1, found
    return found[0]


def no_dialog() -> bool:
    """Whether no dialog is open."""
    return not any(isinstance(one, QDialog) and one.isVisible() for one in QApplication.topLevelWidgets())


def click(widget: QWidget) -> None:
    """Click in the middle of a widget."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def press(widget: QWidget, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    """Press a key where the keyboard is, in the window of `widget`."""
    held = Qt.KeyboardModifier.NoModifier
    for one in modifiers:
        held |= one
    here: QWidget | None = widget.window().focusWidget()  # None as well, whatever the stub says
    QTest.keyClick(widget if here is None else here, key, held)


def clipboard() -> str:
    """What is in the clipboard."""
    return QApplication.clipboard().text()
