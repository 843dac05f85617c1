"""Moving the keyboard through a window: from region to region, into the search of a pane and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary, ref

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from grokdesk.ui.widgets.stops import stops
from grokdesk.ui.windows.pane import Pane

_BEFORE: Final[WeakKeyDictionary[QWidget, ref[QWidget]]] = WeakKeyDictionary()


def go_to_region(regions: Sequence[QWidget], step: int) -> None:
    """Move the keyboard to the next region that can take it, or with a `step` of -1 to the one before."""
    here = QApplication.focusWidget()
    open_ones = [one for one in regions if one.isVisible() and stops(one)]
    if not open_ones:
        return
    # A region may lie within another: the innermost is where one is.
    inside = [one for one in open_ones if _holds(one, here)]
    outside = 0 if step > 0 else -1
    place = open_ones.index(inside[-1]) + step if inside else outside
    region = open_ones[place % len(open_ones)]
    inside_it = stops(region)
    checked = next((one for one in inside_it if getattr(one, "isChecked", bool)()), None)
    (checked or inside_it[0]).setFocus(Qt.FocusReason.OtherFocusReason)


def enter(region: QWidget) -> None:
    """Move the keyboard to the first control of a region."""
    inside_it = stops(region)
    if inside_it:
        inside_it[0].setFocus(Qt.FocusReason.OtherFocusReason)


def go_to_search(window: QWidget, pane: Pane) -> bool:
    """Move the keyboard into the search of a pane; False when it has none."""
    field = pane.search_field()
    if field is None:
        return False
    before: QWidget | None = window.focusWidget()  # None as well, whatever the stub says
    if before is not None and before is not field:
        _BEFORE[window] = ref(before)
    field.setFocus(Qt.FocusReason.ShortcutFocusReason)
    field.selectAll()
    return True


def leave_search(window: QWidget, pane: Pane) -> bool:
    """Empty the search the keyboard is in, or leave an empty one; False when it is in none."""
    field = pane.search_field()
    if field is None or not field.hasFocus():
        return False
    if field.text():
        field.clear()
        return True
    known = _BEFORE.pop(window, None)
    before = known() if known is not None else None
    if before is not None and isValid(before) and before.isVisible():
        before.setFocus(Qt.FocusReason.OtherFocusReason)
    else:
        field.focusNextChild()
    return True


def _holds(region: QWidget, one: QWidget | None) -> bool:
    return one is not None and (one is region or region.isAncestorOf(one))
