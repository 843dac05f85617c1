"""A pane in a window of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from grokdesk.ui.actions import tool_tip
from grokdesk.ui.desk import Desk
from grokdesk.ui.geometry import Placement
from grokdesk.ui.icons import dress_label
from grokdesk.ui.theme import MARGIN
from grokdesk.ui.widgets.parts import button, line
from grokdesk.ui.widgets.sidebar import Entry
from grokdesk.ui.windows.frame import Frame
from grokdesk.ui.windows.pane import Pane

_SIZE: Final = (960, 640)
_SMALLEST: Final = (560, 420)


class PaneWindow(Frame):
    """The frame around one pane. Closing it gives the pane back to the main window."""

    closing = Signal(str)
    """The name of the place whose window is being closed."""
    dropped = Signal(object)
    """`QMimeData` that was let go over it."""

    def __init__(self, desk: Desk, entry: Entry, pane: Pane) -> None:
        super().__init__(desk)
        self.entry = entry
        self._leaving = False
        self.setMinimumSize(*_SMALLEST)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.placement = Placement(self, f"pane:{entry.key}", desk.memory, _SIZE)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._content: QWidget | None = None
        self._pane = pane
        self.build(entry, pane)
        desk.actions.wear(self)
        self.placement.put_back()

    @property
    def pane(self) -> Pane:
        """The pane it shows."""
        return self._pane

    def build(self, entry: Entry, pane: Pane) -> None:
        """Show this pane, in the language and size of now."""
        self.entry, self._pane = entry, pane
        title = self.tr("%1 — GrokDesk demo") if self.desk.host.demo else self.tr("%1 — GrokDesk")
        self.setWindowTitle(title.replace("%1", entry.text))
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._build_bar())
        column.addWidget(line())
        column.addWidget(pane, 1)
        if self._content is not None:
            self._column.removeWidget(self._content)
            self._content.hide()
            self._content.deleteLater()
        self._content = content
        self._column.addWidget(content)
        pane.show()
        self.toasts.raise_()

    def release(self) -> Pane:
        """Let the pane go, to be shown elsewhere."""
        self._pane.hide()
        self._pane.setParent(None)
        return self._pane

    def regions(self) -> Sequence[QWidget]:
        """Its parts in reading order, for F6."""
        return (self.bar, *self._pane.regions())

    def leave(self) -> None:
        """Close for good."""
        self._leaving = True
        self.placement.remember()
        self.toasts.clear()
        self.close()
        self.deleteLater()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        if not self._leaving:
            self.placement.remember()
            self.closing.emit(self.entry.key)

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.dropped.emit(event.mimeData())

    def _build_bar(self) -> QWidget:
        look = self.desk.look
        self.bar = QWidget()
        self.bar.setProperty("kind", "bar")
        self.bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.bar.setAccessibleName(self.tr("Window"))
        self.dock = button(self.tr("Back into the main window"), look=look, icon="dock")
        self.dock.setToolTip(tool_tip(self.dock.text(), self.desk.actions.shown_keys("detach")))
        self.dock.clicked.connect(self.close)
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(MARGIN, 8, MARGIN, 8)
        row.setSpacing(8)
        if self.desk.host.demo:
            picture = QLabel()
            dress_label(picture, "flask", look, "warn", 16)
            row.addWidget(picture)
            row.addWidget(QLabel(self.tr("Demo — nothing here is real")))
        row.addStretch(1)
        row.addWidget(self.dock)
        return self.bar
