"""What windows that show a pane have in common, and what others may ask of the main one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QStackedWidget, QWidget

from grokdesk.ui.desk import Desk
from grokdesk.ui.widgets.sidebar import Entry, Sidebar
from grokdesk.ui.widgets.status_bar import StatusBar
from grokdesk.ui.widgets.toasts import Toasts
from grokdesk.ui.windows import keyboard
from grokdesk.ui.windows.add_accounts import can_take
from grokdesk.ui.windows.pane import Pane


class Frame(QWidget):
    """A window around a pane: the main one, or that of a pane that was taken out."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setAcceptDrops(True)
        self.toasts = Toasts(self, self.floor)
        desk.taken_back.connect(self.toasts.forget)

    @property
    def pane(self) -> Pane:
        """The pane in sight."""
        raise NotImplementedError

    def regions(self) -> Sequence[QWidget]:
        """The parts of the window in reading order, for F6."""
        raise NotImplementedError

    def floor(self) -> int:
        """How much of the lower edge toasts keep free."""
        return self.pane.foot()

    def bring_up(self) -> None:
        """Show the window in front of others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Fields and panes have taken before what they can paste themselves.
        if event.matches(QKeySequence.StandardKey.Paste) and self.desk.paste_accounts():
            return
        if event.key() != Qt.Key.Key_Escape or not keyboard.leave_search(self, self.pane):
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if can_take(event.mimeData()):
            event.acceptProposedAction()


class Main(Protocol):
    """The main window, as its parts see it."""

    desk: Desk
    stack: QStackedWidget
    sidebar: Sidebar
    status: StatusBar

    @property
    def entries(self) -> list[Entry]:
        """The lines of the sidebar."""
        ...

    @property
    def pane(self) -> Pane:
        """The pane in sight."""
        ...

    def in_use(self) -> Frame:
        """The window of ours that is in front."""
        ...

    def go(self, where: str) -> Pane:
        """Show a pane, or raise the window it has."""
        ...

    def go_by_key(self, key: str) -> None:
        """Show a pane because a key was pressed."""
        ...

    def made(self, key: str) -> Pane:
        """The pane of a place."""
        ...

    def before(self, key: str) -> str:
        """The place that was in sight before this one."""
        ...

    def come_forward(self) -> None:
        """Be in front of the windows of panes."""
        ...

    def bring_up(self) -> None:
        """Show the window in front of others."""
        ...

    def isVisible(self) -> bool:
        """Whether it can be seen."""
        ...

    def add_accounts(self, begin: str | bytes = "") -> None:
        """Open the dialog, or hand it what came."""
        ...

    def take(self, data: Any) -> None:  # noqa: ANN401 - QMimeData, through a signal
        """Look at what was dropped."""
        ...

    def toggle_front(self) -> None:
        """Give the pane in front a window, or take it back."""
        ...

    def ask_to_quit(self) -> None:
        """Quit, after asking where something would be lost."""
        ...
