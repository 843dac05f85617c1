"""A panel over a part of a window: the palette, the list of messages, the list of work.

A child of its window and not a window, because Wayland lets nobody place windows.
"""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QWidget
from shiboken6 import isValid

from grokdesk.ui.widgets.stops import stops

_INSET: Final = 12


class Panel(QFrame):
    """Opens over its window and goes away by Esc, by a click beside it, or when the keyboard goes elsewhere.

    The keyboard returns to where it was.
    """

    closed = Signal()

    def __init__(self, over: QWidget, name: str, width: int) -> None:
        super().__init__(over)
        self.setProperty("kind", "panel")
        self.setAccessibleName(name)
        self.setAutoFillBackground(True)
        self.over = over
        self._wanted = width
        self._before: QWidget | None = over.focusWidget()
        self._is_open = False
        self.opener: QWidget | None = None
        """A button that opens and closes it: a click there is not one beside it."""
        self.hide()

    @property
    def is_open(self) -> bool:
        """Whether it is being shown."""
        return self._is_open

    def open(self) -> None:
        """Show it and take the keyboard."""
        self._is_open = True
        self.place()
        self.show()
        self.raise_()
        self.entry().setFocus(Qt.FocusReason.PopupFocusReason)
        self.window().installEventFilter(self)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._focus_moved)
            application.installEventFilter(self)

    def dismiss(self) -> None:
        """Take it away."""
        if not self._is_open:
            return
        self._is_open = False
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.disconnect(self._focus_moved)
            application.removeEventFilter(self)
        if self._holds(QApplication.focusWidget()) and self._before is not None and _is_there(self._before):
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.hide()
        self.closed.emit()
        self.deleteLater()

    def entry(self) -> QWidget:
        """Where the keyboard goes first."""
        return self

    def place(self) -> None:
        """Find its place in the window: in the middle at the top, unless told otherwise."""
        over = self.over
        width = min(self._wanted, over.width() - 2 * _INSET)
        height = min(self.wanted_height(width), over.height() - 2 * _INSET)
        top = max(_INSET, min(64, over.height() - height - _INSET))
        self.setGeometry((over.width() - width) // 2, top, width, height)

    def wanted_height(self, width: int) -> int:
        """How tall it would be without bounds."""
        layout = self.layout()
        if layout is not None and layout.hasHeightForWidth():
            return layout.totalHeightForWidth(width)
        return self.sizeHint().height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Keep Tab inside."""
        here = self.focusWidget()
        found = stops(self)
        if not found:
            return True
        at = found.index(here) if here in found else -1
        found[(at + (1 if forward else -1)) % len(found)].setFocus(
            Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        )
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self._is_open:
            return False
        if watched is self.over and event.type() is QEvent.Type.Resize:
            self.place()
        elif (
            event.type() is QEvent.Type.MouseButtonPress
            and isinstance(watched, QWidget)
            and not self._holds(watched)
            and watched is not self.opener
            and watched.window() is self.window()
        ):
            self.dismiss()
        return False

    def _focus_moved(self, _: object, now: QWidget | None) -> None:
        # Another window in front is no reason: one comes back.
        if now is None or now is self.opener or self._holds(now):
            return
        if now.window() is self.window():
            self.dismiss()

    def _holds(self, widget: QWidget | None) -> bool:
        return widget is not None and (widget is self or self.isAncestorOf(widget))


def _is_there(widget: QWidget) -> bool:
    return isValid(widget) and widget.isVisible() and widget.isEnabled()
