"""Passing words in a corner of the window: six seconds, longer under the pointer, some with an undo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from grokdesk.ui.desk import Toast
from grokdesk.ui.theme import MARGIN
from grokdesk.ui.widgets.parts import Prose, button

_MOST: Final = 3
_WIDTH: Final = 420


class _Slip(QFrame):
    """One toast."""

    def __init__(self, toast: Toast) -> None:
        super().__init__()
        self.gone = False
        self.act = toast.act
        self.setProperty("kind", "toast")
        self.setAccessibleName(toast.text)
        text = Prose(toast.text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 10, 12, 10)
        layout.setSpacing(12)
        layout.addWidget(text, 1)
        self.undo = button(self.tr("Undo"))
        # A click leaves the keyboard where it was: this button is gone a moment later.
        self.undo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout.addWidget(self.undo)
        # Only now: shown without a parent it would be a window for a moment and take the keyboard.
        self.undo.setVisible(toast.undo is not None)
        self._left = QTimer(self)
        self._left.setSingleShot(True)
        self._left.setInterval(toast.seconds * 1000)
        self._left.timeout.connect(self.go)
        if toast.undo is not None:
            self.undo.clicked.connect(toast.undo)
            self.undo.clicked.connect(self.go)
        self.undo.installEventFilter(self)
        self._left.start()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._left.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._go_on()
        super().leaveEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay as well while the keyboard is on the button."""
        if event.type() is QEvent.Type.FocusIn:
            self._left.stop()
        elif event.type() is QEvent.Type.FocusOut:
            self._go_on()
        return False

    def _go_on(self) -> None:
        if not self.gone and not self.underMouse() and not self.undo.hasFocus():
            self._left.start()

    def go(self) -> None:
        """Disappear."""
        self._left.stop()
        self.gone = True
        self.hide()
        self.deleteLater()


class Toasts(QWidget):
    """The corner where toasts stack up, the newest at the bottom."""

    def __init__(self, over: QWidget, floor: Callable[[], int] = lambda: 0) -> None:
        """`floor` says how much of the lower edge of `over` is to be kept free."""
        super().__init__(over)
        self._floor = floor
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self.hide()
        over.installEventFilter(self)

    def say(self, toast: Toast) -> None:
        """Show a toast, in place of one about the same act, and announce it to a screen reader."""
        self.forget(toast.act)
        slips = self._slips()
        while len(slips) >= _MOST:
            slips.pop(0).go()
        slip = _Slip(toast)
        slip.destroyed.connect(self._place)
        self._layout.addWidget(slip)
        self.show()
        self.raise_()
        self._place()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, toast.text))

    def forget(self, act: object) -> None:
        """Take away what offers to take `act` back: that has been done."""
        for slip in self._slips():
            if slip.act is not None and slip.act == act:
                slip.go()

    def texts(self) -> list[str]:
        """What is being shown."""
        return [slip.accessibleName() for slip in self._slips()]

    def undo_button(self) -> QWidget | None:
        """The undo of the newest toast that has one."""
        return next((slip.undo for slip in reversed(self._slips()) if not slip.undo.isHidden()), None)

    def clear(self) -> None:
        """Take all away."""
        for slip in self._slips():
            slip.go()
        self.hide()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.LayoutRequest:
            # Only now does every slip know how tall its words are.
            self._place()
        return super().event(event)

    def place(self) -> None:
        """Find the corner again, when what is to be kept free has changed."""
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self._place()
        return False

    def _slips(self) -> list[_Slip]:
        return [one for one in self.children() if isinstance(one, _Slip) and not one.gone]

    def _place(self, *_: object) -> None:
        over = self.parentWidget()
        if over is None or not self._slips():
            self.hide()
            return
        width = min(_WIDTH, over.width() - 2 * MARGIN)
        self.setFixedWidth(width)
        self._layout.invalidate()
        height = max(self._layout.totalHeightForWidth(width), self._layout.minimumSize().height())
        self.setFixedHeight(height)
        self.move(over.width() - width - MARGIN, over.height() - height - MARGIN - self._floor())
