"""What a walk through a window finds wrong: cut texts, nameless controls, traps of the keyboard, faint inks.

Every finding is a sentence that names the widget. Nothing here knows any of our windows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, cast

from PIL import ImageChops
from PySide6.QtCore import QAbstractItemModel, QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QColor, QHelpEvent, QImage, QPixmap, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QTabBar,
    QTableView,
    QToolButton,
    QToolTip,
    QWidget,
)

from grokdesk.ui.widgets.parts import Elided
from tests.ui.pixels import plain

TARGET: Final = 28
"""The least width and height of what is clicked, in px."""
TEXT: Final = 4.5
LARGE: Final = 3.0
_LARGE_PX: Final = 24
_LARGE_STRONG_PX: Final = 18.6
_SHARP: Final = 2
"""Contrast is measured on a drawing so many times as large, where a stroke is wider than a pixel."""
_RING: Final = 12
"""A mark of the keyboard is at least so wide and so high; the cursor of a field is not."""
_TAG: Final = re.compile(r"<(?:a|b|i|p|br|span|code)\b[^>]*>")
_STROKE: Final = 6
_ROWS: Final = 12
_MARGIN: Final = 2


def visible(window: QWidget) -> list[QWidget]:
    """Every widget that can be seen in a window."""
    return [
        one
        for one in window.findChildren(QWidget)
        if one.window() is window and one.isVisibleTo(window) and not one.visibleRegion().isEmpty()
    ]


def called(widget: QWidget) -> str:
    """Name a widget to a person who looks for it."""
    text = getattr(widget, "text", None)
    said = str(text()) if callable(text) else ""
    said = said or widget.accessibleName() or widget.objectName()
    parents: list[str] = []
    above = widget.parentWidget()
    while above is not None and len(parents) < 3:
        if type(above).__module__.startswith("grokdesk"):
            parents.append(type(above).__name__)
        above = above.parentWidget()
    return f"{type(widget).__name__} {said[:60]!r} in {' < '.join(parents) or '?'}"


# --- texts --------------------------------------------------------------------------------------------------


def clipped(window: QWidget) -> list[str]:
    """Texts that are not wholly there, and not told in a tooltip either."""
    found = []
    for one in visible(window):
        why = _cut(one)
        if why:
            found.append(f"{called(one)}: {why}")
    return [*found, *_overlapping(window), *_too_wide(window)]


def _cut(one: QWidget) -> str:
    match one:
        case Elided():
            return _short(one, one.text(), one.contentsRect().width())
        case QLabel():
            return _cut_label(one)
        case QPushButton() | QToolButton():
            return _cut_button(one)
        case QCheckBox() | QRadioButton():
            room = one.width() - one.fontMetrics().height() - 8
            return _short(one, one.text(), room)
        case QComboBox():
            margins = 8 + 20
            return _short(one, one.currentText(), one.width() - margins)
        case QLineEdit():
            if one.text() or not one.placeholderText():
                return ""
            return _short(one, one.placeholderText(), one.width() - 2 * 9)
        case QTabBar():
            cut = [one.tabText(tab) for tab in range(one.count()) if one.tabRect(tab).right() > one.width()]
            return f"the tabs {cut} are out of sight" if cut else ""
        case QHeaderView():
            return _cut_header(one)
        case QTableView():
            return _cut_cells(one)
        case _:
            return ""


def _plain(text: str) -> str:
    return text.replace("&&", "\0").replace("&", "").replace("\0", "&")


def _short(one: QWidget, text: str, room: int) -> str:
    needs = max((one.fontMetrics().horizontalAdvance(line) for line in _plain(text).split("\n")), default=0)
    if needs <= room + 1 or _plain(text) in _told(one, one.rect().center()):
        return ""
    return f"the text needs {needs} px and has {room}, without it in a tooltip"


def _cut_label(label: QLabel) -> str:
    text = label.text()
    if not text or pictured(label):
        return ""
    if label.textFormat() is Qt.TextFormat.RichText or _TAG.search(text):
        document = QTextDocument()
        document.setHtml(text)
        text = document.toPlainText()
    room = label.contentsRect()
    if not label.wordWrap():
        return _short(label, text, room.width())
    needs = label.heightForWidth(label.width())
    if label.height() < needs - 1:
        return f"the text needs {needs} px of height and has {label.height()}"
    words = [word for word in re.split(r"[\s\u200b]+", text) if word]
    longest = max(words, key=label.fontMetrics().horizontalAdvance, default="")
    if not _breaks_anywhere(longest) and label.fontMetrics().horizontalAdvance(longest) > room.width() + 1:
        return f"the word {longest!r} is wider than the label"
    return ""


def pictured(label: QLabel) -> bool:
    """Whether a label shows a picture instead of a text."""
    return not label.pixmap().isNull()


def _breaks_anywhere(word: str) -> bool:
    """Whether lines may break inside a word, as in Chinese."""
    return any("\u2e80" <= sign <= "\uffef" for sign in word)


def _cut_button(one: QPushButton | QToolButton) -> str:
    if not one.text() or (isinstance(one, QToolButton) and one.toolButtonStyle() is _ONLY_ICON):
        return ""
    icon = 0 if one.icon().isNull() else one.iconSize().width() + 4
    arrow = 12 if isinstance(one, QPushButton) and one.menu() is not None else 0
    return _short(one, one.text(), one.width() - icon - arrow - 2 * 6)


_ONLY_ICON: Final = Qt.ToolButtonStyle.ToolButtonIconOnly


def _cut_header(header: QHeaderView) -> str:
    model = header.model()
    # None as well, whatever the stub says.
    if model is None or header.orientation() is not Qt.Orientation.Horizontal:  # type: ignore[redundant-expr]
        return ""
    cut = []
    for section in range(header.count()):
        text = str(model.headerData(section, header.orientation()) or "")
        sorted_by = header.isSortIndicatorShown() and header.sortIndicatorSection() == section
        room = header.sectionSize(section) - 2 * 8 - (16 if sorted_by else 0)
        at = QPoint(header.sectionViewportPosition(section) + 4, header.height() // 2)
        if (
            not header.isSectionHidden(section)
            and header.fontMetrics().horizontalAdvance(text) > room + 1
            and text not in _told(header.viewport(), at)
        ):
            cut.append(text)
    return f"the headings {cut} are cut off, without it in a tooltip" if cut else ""


def _cut_cells(table: QTableView) -> str:
    """Say which texts of the rows in sight are shortened and told nowhere."""
    model: QAbstractItemModel | None = table.model()
    if model is None:
        return ""
    cut = []
    for row in range(min(model.rowCount(), _ROWS)):
        for column in range(model.columnCount()):
            index = model.index(row, column)
            place = table.visualRect(index)
            if table.isColumnHidden(column) or not table.viewport().rect().contains(place.center()):
                continue
            text = str(index.data() or "")
            icon = 24 if index.data(Qt.ItemDataRole.DecorationRole) is not None else 0
            room = table.columnWidth(column) - icon - 2 * 3
            if table.fontMetrics().horizontalAdvance(text) > room + 1 and not _told(
                table.viewport(), place.center()
            ):
                cut.append(text)
    return f"the cells {cut[:4]} are cut off, without it in a tooltip" if cut else ""


def _told(viewport: QWidget, at: QPoint) -> str:
    """What a widget tells under the pointer."""
    QToolTip.hideText()
    QApplication.sendEvent(viewport, QHelpEvent(QEvent.Type.ToolTip, at, viewport.mapToGlobal(at)))
    told = QToolTip.text()
    QToolTip.hideText()
    return told


def _overlapping(window: QWidget) -> list[str]:
    """Texts that stand on one another."""
    by_parent: dict[QWidget, list[QWidget]] = {}
    for one in visible(window):
        above = one.parentWidget()
        if isinstance(one, QLabel | QAbstractButton | QLineEdit | QComboBox) and above is not None:
            by_parent.setdefault(above, []).append(one)
    found = []
    for group in by_parent.values():
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                both = one.geometry().intersected(other.geometry())
                if both.width() > _MARGIN and both.height() > _MARGIN:
                    found.append(f"{called(one)} and {called(other)} stand on one another")
    return found


def _too_wide(window: QWidget) -> list[str]:
    """What is wider than the place where it is shown, and cannot be scrolled to."""
    found = []
    for one in visible(window):
        inside = one.widget() if isinstance(one, QScrollArea) else None
        if isinstance(one, QScrollArea) and inside is not None:
            hidden = one.horizontalScrollBarPolicy() is Qt.ScrollBarPolicy.ScrollBarAlwaysOff
            if hidden and inside.width() > one.viewport().width() + _MARGIN:
                found.append(f"{called(one)}: {inside.width()} px wide in {one.viewport().width()}")
        elif isinstance(one, QLabel | QAbstractButton | QLineEdit | QComboBox) and not _scrolls(one, window):
            place = QRect(one.mapTo(window, QPoint(0, 0)), one.size())
            if not window.rect().adjusted(-1, -1, 1, 1).contains(place):
                found.append(f"{called(one)} reaches out of the window")
    return found


def _scrolls(one: QWidget, window: QWidget) -> bool:
    above = one.parentWidget()
    while above is not None and above is not window:
        if isinstance(above, QAbstractScrollArea):
            return True
        above = above.parentWidget()
    return False


# --- names, targets -----------------------------------------------------------------------------------------


def stops(window: QWidget) -> list[QWidget]:
    """The widgets Tab has to reach."""
    return [
        one
        for one in window.findChildren(QWidget)
        if one.isVisibleTo(window)
        and one.isEnabled()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one.focusProxy() is None
        and one.window() is window
        and not _follows(one)
    ]


def _follows(one: QWidget) -> bool:
    """Whether the arrows lead here, from the button of the group that is chosen."""
    if not isinstance(one, QRadioButton) or one.isChecked() or not one.autoExclusive():
        return False
    above = one.parentWidget()
    return above is not None and any(
        other.isChecked() and other.parentWidget() is above for other in above.findChildren(QRadioButton)
    )


def nameless(window: QWidget) -> list[str]:
    """What can be used, but a screen reader has nothing to say about."""
    found = []
    for one in stops(window):
        face = QAccessible.queryAccessibleInterface(one)
        # None as well, whatever the stub says.
        if face is None or not face.text(QAccessible.Text.Name).strip():  # type: ignore[redundant-expr]
            found.append(f"{called(one)} has no name")
        elif isinstance(one, QAbstractButton) and not (one.text() or one.icon().isNull() or one.toolTip()):
            found.append(f"{called(one)} is only an icon, without it in a tooltip")
    return found


def small(window: QWidget) -> list[str]:
    """What is clicked and too small to be hit."""
    return [
        f"{called(one)} is {one.width()} × {one.height()}"
        for one in stops(window)
        if isinstance(one, QAbstractButton | QComboBox | QLineEdit | QTabBar)
        and min(one.height(), one.width()) < TARGET
    ]


# --- the keyboard -------------------------------------------------------------------------------------------


def walk(window: QWidget) -> list[str]:
    """Press Tab until the keyboard is back where it began; what is wrong on the way."""
    wanted = stops(window)
    if not wanted:
        return []
    window.activateWindow()
    start = wanted[0]
    start.setFocus(Qt.FocusReason.TabFocusReason)
    if not start.hasFocus():
        return [f"{called(start)} does not take the keyboard"]
    seen, found, here = [start], [], start
    for _ in range(len(wanted) + 5):
        with_focus = here.grab().toImage()
        QTest.keyClick(here, Qt.Key.Key_Tab)
        after = window.focusWidget()
        if after is here or after is None:
            found.append(f"{called(here)} keeps the keyboard")
            break
        if not ringed(here.grab().toImage(), with_focus):
            found.append(f"{called(here)} does not show that it has the keyboard")
        here = after
        if here is start:
            break
        if here in seen:
            found.append(f"{called(here)} is reached twice")
            break
        seen.append(here)
    else:
        found.append("Tab does not come back to where it began")
    found += [f"{called(one)} is out of reach of Tab" for one in wanted if one not in seen]
    return [*found, *_out_of_order(seen)]


def ringed(without: QImage, with_focus: QImage) -> bool:
    """Whether the keyboard can be seen on a widget: more has changed than the cursor of a field."""
    if without.size() != with_focus.size():
        return True
    box = ImageChops.difference(plain(without), plain(with_focus)).getbbox()
    return box is not None and box[2] - box[0] >= _RING and box[3] - box[1] >= _RING


def _out_of_order(seen: list[QWidget]) -> list[str]:
    """Steps that lead back: up, or to the left in the same line, among the parts of one place."""
    found = []
    for one, after in pairwise(seen):
        if one.parentWidget() is not after.parentWidget():
            continue
        was, now = one.geometry(), after.geometry()
        same_line = now.top() < was.bottom() and now.bottom() > was.top()
        if now.bottom() <= was.top() and now.left() < was.right():
            found.append(f"Tab goes up from {called(one)} to {called(after)}")
        elif same_line and now.right() <= was.left():
            found.append(f"Tab goes back from {called(one)} to {called(after)}")
    return found


# --- colours ------------------------------------------------------------------------------------------------


def luminance(colour: QColor) -> float:
    """Relative luminance, as WCAG 2 defines it."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


def contrast(one: QColor, other: QColor) -> float:
    """How far two colours stand apart, from 1 to 21."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def faint(window: QWidget) -> list[str]:
    """Texts that stand out too little from what they are drawn on. What is disabled may be faint."""
    sharp = QPixmap(window.size() * _SHARP)
    sharp.setDevicePixelRatio(_SHARP)
    window.render(sharp)
    drawn = sharp.toImage()
    found = []
    for one in visible(window):
        text = _text_of(one)
        if not text.strip() or not one.isEnabled():
            continue
        shown = one.visibleRegion().boundingRect()
        place = QRect(one.mapTo(window, shown.topLeft()), shown.size()).adjusted(3, 3, -3, -3)
        over = window.childAt(place.center())
        # What is half scrolled away or lies under something else is measured where it is in sight.
        if shown.height() < one.height() or place.width() < 4 or place.height() < 8:
            continue
        if over not in {one, *one.findChildren(QWidget)}:
            continue
        measured = _measured(drawn, QRect(place.topLeft() * _SHARP, place.size() * _SHARP))
        font = one.fontInfo()
        large = font.pixelSize() >= _LARGE_PX or (font.bold() and font.pixelSize() >= _LARGE_STRONG_PX)
        if measured < (LARGE if large else TEXT):
            found.append(f"{called(one)} stands out by {measured:.1f}")
    return found


def _text_of(one: QWidget) -> str:
    if isinstance(one, QLabel):
        return "" if pictured(one) else one.text()
    if isinstance(one, QAbstractButton):
        return one.text()
    if isinstance(one, QLineEdit):
        return one.text() or one.placeholderText()
    return one.currentText() if isinstance(one, QComboBox) else ""


def _measured(drawn: QImage, place: QRect) -> float:
    """The contrast of the ink furthest from the ground, which is the most frequent colour."""
    part = plain(drawn.copy(place))
    seen = cast("list[tuple[int, tuple[int, int, int]]]", part.getcolors(part.width * part.height))
    ground = QColor(*max(seen)[1])
    # A handful of pixels may be the corner of a border.
    inks = [QColor(*colour) for count, colour in seen if count >= _STROKE]
    return max((contrast(ground, ink) for ink in inks), default=21.0)


# --- languages ----------------------------------------------------------------------------------------------

_SENTENCE: Final = re.compile(r"\b[A-Za-z]*[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")
"""Three English words in a row are a text that nobody translated."""


def said(window: QWidget) -> list[str]:
    """Every text that a person can see or hear in a window, and of its tables the headings."""
    found: list[str] = []
    for one in window.findChildren(QWidget):
        if not one.isVisible():
            continue
        found += [one.toolTip(), one.accessibleName()]
        if isinstance(one, QLabel | QAbstractButton):
            found.append(one.text())
        if isinstance(one, QLineEdit):
            found.append(one.placeholderText())
        if isinstance(one, QComboBox):
            found += [one.itemText(at) for at in range(one.count())]
        if isinstance(one, QTableView) and (model := one.model()) is not None:
            role = Qt.ItemDataRole.DisplayRole
            found += [
                str(model.headerData(at, Qt.Orientation.Horizontal, role) or "")
                for at in range(model.columnCount())
            ]
    return [_TAG.sub(" ", text) for text in found if text]


def english_left(window: QWidget, invented: Iterable[str] = ()) -> list[str]:
    """What is still English in a window of another language; `invented` is data, which may be."""
    longest_first = sorted(invented, key=len, reverse=True)
    data = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    texts = dict.fromkeys(said(window))
    return [f"‘{text}’ is English" for text in texts if _SENTENCE.search(data.sub("", text))]
