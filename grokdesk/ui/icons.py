"""Icons: small SVG files of our own, drawn in the colours of the palette at the device's scale."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar
from weakref import ref

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QAction, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel
from shiboken6 import isValid

from grokdesk.ui.theme import Look, resources

TRAY_SIZES: Final = (16, 20, 22, 24, 32, 48, 64)
_SIZES: Final = (16, 20, 24, 32)
_SCALES: Final = (1.0, 2.0, 3.0)

T = TypeVar("T")


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return (resources() / f"{name}.svg").read_text("utf-8")


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str, size: int, scale: float = 1.0) -> QPixmap:
    """The picture `name` in `colour`, `size` logical pixels wide on a display of `scale`."""
    edge = round(size * scale)
    made = QPixmap(edge, edge)
    made.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    painter = QPainter(made)
    renderer.render(painter, QRectF(0, 0, edge, edge))
    painter.end()
    made.setDevicePixelRatio(scale)
    return made


@lru_cache(maxsize=256)
def icon(name: str, colour: str, disabled: str = "") -> QIcon:
    """The icon `name`, with a picture for every size and scale in use."""
    made = QIcon()
    for size in _SIZES:
        for scale in _SCALES:
            plain = pixmap(f"icons/{name}", colour, size, scale)
            made.addPixmap(plain)
            # Qt would dim the icon of a selected row.
            made.addPixmap(plain, QIcon.Mode.Selected)
            if disabled:
                made.addPixmap(pixmap(f"icons/{name}", disabled, size, scale), QIcon.Mode.Disabled)
    return made


def dress(target: QAbstractButton | QAction, name: str, look: Look, token: str = "text") -> None:  # noqa: S107 - the name of a colour
    """Give `target` the icon `name` in the colour of `token`, now and after each change of theme.

    Calling it again replaces the icon.
    """

    def wear(worn: QAbstractButton | QAction) -> None:
        drawn, of = str(worn.property("drawn")).split()
        worn.setIcon(icon(drawn, getattr(look.tokens, of), look.tokens.disabled))

    first = target.property("drawn") is None
    target.setProperty("drawn", f"{name} {token}")
    if first:
        _keep(target, wear, look)
    else:
        wear(target)


def dress_label(target: QLabel, name: str, look: Look, token: str = "text", size: int = 16) -> None:  # noqa: S107 - same
    """Show the icon `name` in a label, now and after each change of theme.

    Calling it again replaces the icon.
    """
    first = target.property("drawn") is None
    target.setProperty("drawn", f"{name} {token} {size}")

    def wear(worn: QLabel) -> None:
        drawn, of, edge = str(worn.property("drawn")).split()
        worn.setPixmap(
            pixmap(f"icons/{drawn}", getattr(look.tokens, of), int(edge), worn.devicePixelRatioF())
        )

    if first:
        _keep(target, wear, look)
    else:
        wear(target)


def _keep(target: T, wear: Callable[[T], None], look: Look) -> None:
    held = ref(target)

    def again() -> None:
        worn = held()
        if worn is None or not isValid(worn):
            look.changed.disconnect(again)
            return
        wear(worn)

    wear(target)
    look.changed.connect(again)


def tray_icon(shape: str, colour: str, *, demo: bool) -> QIcon:
    """The tray's icon. Shapes differ without colour: a badge stands in a gap cut out of the mark."""
    made = QIcon()
    for size in TRAY_SIZES:
        made.addPixmap(_tray_pixmap(shape, colour, size, demo=demo))
    return made


def _tray_pixmap(shape: str, colour: str, size: int, *, demo: bool) -> QPixmap:
    made = QPixmap(size, size)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    for name in (shape, "demo") if demo else (shape,):
        renderer = QSvgRenderer(QByteArray(_source(f"tray/{name}").replace("currentColor", colour).encode()))
        for part in ("mark", "gap", "badge"):
            if not renderer.elementExists(part):
                continue
            mode = QPainter.CompositionMode
            painter.setCompositionMode(
                mode.CompositionMode_DestinationOut if part == "gap" else mode.CompositionMode_SourceOver
            )
            place = renderer.transformForElement(part).mapRect(renderer.boundsOnElement(part))
            box = renderer.viewBoxF()
            factor = size / box.width()
            renderer.render(
                painter,
                part,
                QRectF(
                    place.x() * factor, place.y() * factor, place.width() * factor, place.height() * factor
                ),
            )
    painter.end()
    return made
