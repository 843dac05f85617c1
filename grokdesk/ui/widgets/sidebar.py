"""The sidebar: every place, which one is in sight, which have a window of their own, and the theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QMenu, QPushButton, QScrollArea, QVBoxLayout, QWidget

from grokdesk.core.settings import Theme
from grokdesk.ui.actions import tool_tip
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress, pixmap
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import button

_WIDE: Final = 184
_NARROW: Final = 60
_SMALL: Final = 12
_EDGE: Final = 8
# Margins of the sidebar, and within the choice its padding, its edges and the arrow.
_AROUND_CHOICE: Final = 2 * 8 + 8 + 24 + 2 * 2 + 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the sidebar."""

    key: str
    text: str
    icon: str


class PlaceButton(QPushButton):
    """The way to one place. A middle click or its menu opens the place in a window of its own."""

    window_wanted = Signal()

    def __init__(self, entry: Entry, desk: Desk) -> None:
        super().__init__(entry.text)
        self.entry = entry
        self._desk = desk
        self._apart = False
        self.setProperty("kind", "place")
        self.setCheckable(True)
        self.setAutoDefault(False)
        self.setAccessibleName(entry.text)
        dress(self, entry.icon, desk.look)
        self.menu_of_place = QMenu(self)
        self.open_window = self.menu_of_place.addAction("")
        self.open_window.triggered.connect(lambda _=False: self.window_wanted.emit())
        self.show_apart(apart=False)

    def show_apart(self, *, apart: bool) -> None:
        """Say whether the place has a window of its own."""
        self._apart = apart
        self.open_window.setText(
            self.tr("Back into the main window") if apart else self.tr("Open in a window of its own")
        )
        dress(self.open_window, "dock" if apart else "detach", self._desk.look)
        self.setAccessibleDescription(self.tr("In a window of its own") if apart else "")
        self.tell_keys()
        self.update()

    def tell_keys(self) -> None:
        """Name place and keys in the tooltip."""
        tip = tool_tip(self.entry.text, self._desk.actions.shown_keys(f"go {self.entry.key}"))
        if self._apart:
            tip = self.tr("%1, in a window of its own").replace("%1", tip)
        self.setToolTip(tip)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.MiddleButton and self.rect().contains(event.position().toPoint()):
            self.window_wanted.emit()
        else:
            super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() is QContextMenuEvent.Reason.Keyboard
        here = self.mapToGlobal(QPoint(self.width() // 2, self.height())) if by_key else event.globalPos()
        self.menu_of_place.popup(here)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._apart:
            return
        mark = pixmap("icons/detach", self._desk.look.tokens.text2, _SMALL, self.devicePixelRatioF())
        painter = QPainter(self)
        top = (self.height() - _SMALL) // 2 if self.text() else 4
        painter.drawPixmap(self.width() - _SMALL - (_EDGE if self.text() else 4), top, mark)
        painter.end()


class Sidebar(QWidget):
    """All places in a column; only their icons where the window is narrow."""

    place_wanted = Signal(str)
    window_wanted = Signal(str)
    """A place is wanted in a window of its own, or back from it."""

    def __init__(self, entries: Sequence[Entry], desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setProperty("kind", "sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Places"))
        self.buttons: dict[str, PlaceButton] = {}
        inside = QWidget()
        places = QVBoxLayout(inside)
        places.setContentsMargins(8, 12, 8, 4)
        places.setSpacing(4)
        self._group = QButtonGroup(self)
        for entry in entries:
            one = PlaceButton(entry, desk)
            one.clicked.connect(lambda _=False, key=entry.key: self.place_wanted.emit(key))
            one.window_wanted.connect(lambda key=entry.key: self.window_wanted.emit(key))
            self._group.addButton(one)
            places.addWidget(one)
            self.buttons[entry.key] = one
        places.addStretch(1)
        # With large text, eleven places are taller than a small window.
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inside)
        self._area.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        self._build_theme()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 12)
        column.setSpacing(4)
        column.addWidget(self._area, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(8, 0, 8, 0)
        foot.addWidget(self.theme)
        foot.addWidget(self.theme_icon)
        column.addLayout(foot)
        metrics = self.theme.fontMetrics()
        themes = (self.theme.itemText(place) for place in range(self.theme.count()))
        choice = max(map(metrics.horizontalAdvance, themes)) + _AROUND_CHOICE
        self._wide = max(_WIDE, inside.sizeHint().width(), choice)
        self.show_narrow(narrow=False)
        desk.bridge.settings.connect(self._show_theme)
        desk.actions.changed.connect(self._tell_keys)

    def mark(self, key: str) -> None:
        """Mark the place in sight."""
        if key in self.buttons:
            self.buttons[key].setChecked(True)
            self._area.ensureWidgetVisible(self.buttons[key], 0, 8)
        else:
            self._group.setExclusive(False)
            for one in self.buttons.values():
                one.setChecked(False)
            self._group.setExclusive(True)

    def show_narrow(self, *, narrow: bool) -> None:
        """Show only icons, or the words beside them."""
        self.setFixedWidth(_NARROW if narrow else self._wide)
        self.theme.setVisible(not narrow)
        self.theme_icon.setVisible(narrow)
        for one in self.buttons.values():
            one.setText("" if narrow else one.entry.text)
            if str(one.property("narrow")) != str(narrow).lower():
                one.setProperty("narrow", str(narrow).lower())
                style = one.style()
                style.unpolish(one)
                style.polish(one)

    def _build_theme(self) -> None:
        self.theme = Choice(self.tr("Theme"), self._desk.look)
        for text, choice in (
            (self.tr("Like the system"), Theme.SYSTEM),
            (self.tr("Light"), Theme.LIGHT),
            (self.tr("Dark"), Theme.DARK),
        ):
            self.theme.addItem(text, choice.value)
        self.theme.setToolTip(self.tr("Theme"))
        self.theme.setMinimumContentsLength(1)
        self.theme_icon = button("", look=self._desk.look, icon="theme", name=self.tr("Change the theme"))
        self.theme_icon.setProperty("kind", "place")
        self.theme_icon.setProperty("narrow", "true")
        self._show_theme()
        self.theme.activated.connect(self._choose_theme)
        self.theme_icon.clicked.connect(self._next_theme)

    def _choose_theme(self, _: int = 0) -> None:
        self._desk.choose_theme(str(self.theme.currentData()))

    def _next_theme(self, _: object = None) -> None:
        self.theme.setCurrentIndex((self.theme.currentIndex() + 1) % self.theme.count())
        self._choose_theme()
        self._desk.say(self.tr("Theme: %1").replace("%1", self.theme.currentText()))

    def _show_theme(self, *_: object) -> None:
        self.theme.setCurrentIndex(self.theme.findData(self._desk.host.live.now.appearance.theme.value))

    def _tell_keys(self) -> None:
        for one in self.buttons.values():
            one.tell_keys()
