"""Where windows stand: remembered for each set of screens, and never where nobody can reach them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QObject, QRect, QSize, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from grokdesk.ui.memory import Memory

_KEPT: Final = 60
_NUMBERS: Final = 5
# So much of the top edge has to be on a screen for a window to be taken hold of.
_GRIP: Final = (96, 24)
# Screens come and go in several steps.
_SETTLED_MS: Final = 300


def screens() -> str:
    """The set of screens there is, as a text."""
    return " ".join(
        sorted(
            f"{box.width()}x{box.height()}{box.x():+}{box.y():+}@{screen.devicePixelRatio():g}"
            for screen in QGuiApplication.screens()
            for box in (screen.geometry(),)
        )
    )


def reachable(wanted: QRect, areas: Sequence[QRect], *, known: bool = False) -> QRect:
    """Return where a window goes that should be at `wanted`, given the free areas of all screens.

    One that can be taken hold of stays; it is not larger than its screen, unless it was put so on these very
    screens, which are `known` then. One that is off every screen goes to the middle of the first.
    """
    if not areas:
        return wanted
    grip = QRect(wanted.x(), wanted.y(), wanted.width(), _GRIP[1])
    home = max(areas, key=lambda area: _shared(area, wanted))
    seen = max((area.intersected(grip) for area in areas), key=lambda part: part.width() * part.height())
    size = QSize(min(wanted.width(), home.width()), min(wanted.height(), home.height()))
    if seen.width() >= min(_GRIP[0], wanted.width()) and seen.height() >= _GRIP[1]:
        return wanted if known else QRect(wanted.topLeft(), size)
    if not _shared(home, wanted):
        home = areas[0]
        size = QSize(min(wanted.width(), home.width()), min(wanted.height(), home.height()))
    box = QRect(home.topLeft(), size)
    box.moveCenter(home.center())
    return box


def _shared(area: QRect, box: QRect) -> int:
    part = area.intersected(box)
    return max(0, part.width()) * max(0, part.height())


class Placement(QObject):
    """Puts a window where it was, and back into reach when screens go."""

    def __init__(self, window: QWidget, name: str, memory: Memory, size: tuple[int, int]) -> None:
        super().__init__(window)
        self._window = window
        self._name = name
        self._memory = memory
        self._size = size
        self._screens = screens()
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self.look_again)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            for change in (
                application.screenAdded,
                application.screenRemoved,
                application.primaryScreenChanged,
            ):
                change.connect(self._screens_changed)

    def put_back(self) -> None:
        """Give the window its place of the last time with these screens, or with others."""
        spots = self._memory.now.spots
        spot = spots.get(self._key())
        known = spot is not None
        if spot is None:
            spot = next(
                (spots[key] for key in reversed(list(spots)) if key.startswith(f"{self._name} ")), None
            )
        if spot is None or len(spot) != _NUMBERS:
            self._window.resize(*self._size)
            return
        x, y, width, height, maximized = spot
        areas = [screen.availableGeometry() for screen in QGuiApplication.screens()]
        box = reachable(QRect(x, y, width, height), areas, known=known)
        # Not `move`, which means the frame, whose size nobody knows before the window is shown.
        self._window.setGeometry(box)
        if maximized:
            self._window.setWindowState(Qt.WindowState.WindowMaximized)

    def remember(self) -> None:
        """Note where it is."""
        maximized = self._window.isMaximized()
        spots = dict(self._memory.now.spots)
        was = spots.pop(self._key(), None)
        box = self._window.normalGeometry() if maximized else self._window.geometry()
        if not box.isValid() and was is not None:
            spots[self._key()] = [*was[:4], int(maximized)]
        else:
            spots[self._key()] = [box.x(), box.y(), box.width(), box.height(), int(maximized)]
        self._memory.change(spots=dict(list(spots.items())[-_KEPT:]))

    def look_again(self) -> None:
        """Other screens: take the place they are known for, or at least one that can be reached."""
        self._settled.stop()
        now = screens()
        if now == self._screens:
            return
        self._screens = now
        if self._key() in self._memory.now.spots:
            self.put_back()
        elif not self._window.isMaximized():
            areas = [screen.availableGeometry() for screen in QGuiApplication.screens()]
            self._window.setGeometry(reachable(self._window.geometry(), areas))

    def _key(self) -> str:
        return f"{self._name} {self._screens}"

    def _screens_changed(self, *_: object) -> None:
        self._settled.start()
