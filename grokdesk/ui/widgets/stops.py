"""What Tab reaches inside a widget."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

# Controls of one line differ a little in height.
_LINE: Final = 12


def stops(inside: QWidget) -> list[QWidget]:
    """The controls that take the keyboard, `inside` itself first if it does, in reading order.

    Not by `nextInFocusChain`: PySide6 6.11 takes what it returns for the owner of what it was asked of, and
    with the end of any widget of the chain, actions elsewhere lose their wrappers
    (`test_actions_outlive_a_panel`).
    """
    found = [one for one in inside.findChildren(QWidget) if takes_keyboard(one)]
    found.sort(key=lambda one: _place(one, inside))
    return [inside, *found] if takes_keyboard(inside) else found


def takes_keyboard(one: QWidget) -> bool:
    """Whether Tab stops here."""
    return (
        one.isVisible()
        and one.isEnabled()
        and bool(one.focusPolicy() & Qt.FocusPolicy.TabFocus)
        and one.focusProxy() is None
    )


def _place(one: QWidget, inside: QWidget) -> tuple[int, int]:
    corner = one.mapTo(inside, QPoint(0, one.height() // 2))
    return corner.y() // _LINE, corner.x()
