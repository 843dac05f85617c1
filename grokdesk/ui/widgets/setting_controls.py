"""What a setting is edited with: a switch, a number, a choice, a text, several lines, or a hidden secret."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QLocale, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.egress import DIRECT, public_name
from grokdesk.core.setting_fields import Kind, SettingField
from grokdesk.ui import settings_words
from grokdesk.ui.icons import dress
from grokdesk.ui.theme import Look
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import Elided, button, rename

_TRACK: Final = (36, 20)
_KNOB: Final = 12
_RING: Final = 3
_NUMBER_WIDTH: Final = 104
_FEWEST_LINES: Final = 2
_FEWEST_PROSE: Final = 4
_MOST_LINES: Final = 8
_TAIL: Final = 4
_LONG_ENOUGH: Final = 12
_PAGE: Final = 10


class Control(QWidget):
    """Edits one value. `edited` tells each change that a person makes, and nothing else."""

    edited = Signal(object)

    wide = False
    """Whether it stands below its words, over the whole width."""

    def __init__(self, field: SettingField) -> None:
        super().__init__()
        self.field = field
        self._showing = False

    def show_value(self, value: object) -> None:
        """Show `value`; what is being typed is left alone when it means the same."""
        self._showing = True
        try:
            self._show(value)
        finally:
            self._showing = False

    def entry(self) -> QWidget:
        """Where the keyboard goes."""
        raise NotImplementedError

    def describe(self, text: str) -> None:
        """What a screen reader adds to the name."""
        self.entry().setAccessibleDescription(text)

    def hide_secret(self) -> None:
        """Show no secret any more."""

    def _show(self, value: object) -> None:
        raise NotImplementedError

    def _tell(self, value: object) -> None:
        if not self._showing:
            self.edited.emit(value)


def control(field: SettingField, look: Look) -> Control:
    """The control for `field`."""
    if field.is_secret:
        return SecretControl(field, look)
    match field.kind:
        case Kind.SWITCH:
            return SwitchControl(field, look)
        case Kind.CHOICE:
            return ChoiceControl(field, look)
        case Kind.WHOLE | Kind.NUMBER:
            return NumberControl(field)
        case Kind.LINES | Kind.LONG_TEXT:
            return LinesControl(field)
        case Kind.TEXT | Kind.ADDRESS:
            return TextControl(field)


def _name(field: SettingField) -> str:
    return settings_words.of_model(field.title)


# --- switch


class Switch(QCheckBox):
    """A check box drawn as a switch, with the word for its state."""

    def __init__(self, name: str, look: Look) -> None:
        super().__init__()
        self._look = look
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self.update)
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        width, height = _TRACK
        metrics = self.fontMetrics()
        words = max(metrics.horizontalAdvance(settings_words.switch(on=on)) for on in (True, False))
        return QSize(2 * _RING + width + 8 + words + 2, max(height + 2 * _RING, metrics.height(), 28))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        width, height = _TRACK
        on, able = self.isChecked(), self.isEnabled()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(_RING, (self.height() - height) / 2, width, height)
        if on:
            ground, edge, knob = (
                ("accent", "accent", "on_accent") if able else ("border", "border", "surface")
            )
        else:
            ground, edge, knob = ("surface", "control", "control") if able else ("bg", "border", "border")
        painter.setPen(QPen(self._look.color(edge), 1.5))
        painter.setBrush(self._look.color(ground))
        painter.drawRoundedRect(track.adjusted(0.75, 0.75, -0.75, -0.75), height / 2, height / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._look.color(knob))
        inset = (height - _KNOB) / 2
        left = track.right() - inset - _KNOB if on else track.left() + inset
        painter.drawEllipse(QRectF(left, track.top() + inset, _KNOB, _KNOB))
        painter.setPen(self._look.color("text" if able else "disabled"))
        words = QRectF(track.right() + 8, 0, self.width() - track.right() - 8, self.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, settings_words.switch(on=on))
        if self.hasFocus():
            painter.setPen(QPen(self._look.color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            ring = track.adjusted(1 - _RING, 1 - _RING, _RING - 1, _RING - 1)
            painter.drawRoundedRect(ring, ring.height() / 2, ring.height() / 2)
        painter.end()


class SwitchControl(Control):
    """On or off."""

    def __init__(self, field: SettingField, look: Look) -> None:
        super().__init__(field)
        self.switch = Switch(_name(field), look)
        _alone(self, self.switch).addStretch(1)
        self.switch.toggled.connect(self._tell)

    def entry(self) -> Switch:
        return self.switch

    def _show(self, value: object) -> None:
        self.switch.setChecked(bool(value))


# --- choice


class _StillChoice(Choice):
    """Leaves the wheel to the page, which would otherwise change a setting on its way."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class ChoiceControl(Control):
    """One of several words."""

    def __init__(self, field: SettingField, look: Look) -> None:
        super().__init__(field)
        self.box = _StillChoice(_name(field), look)
        for value in field.choices:
            self.box.addItem(settings_words.choice(field, value), value)
        self.box.setSizeAdjustPolicy(Choice.SizeAdjustPolicy.AdjustToContents)
        _alone(self, self.box)
        self.box.currentIndexChanged.connect(lambda _: self._tell(self.box.currentData()))

    def entry(self) -> Choice:
        return self.box

    def _show(self, value: object) -> None:
        place = self.box.findData(value)
        if place < 0:
            # A file that was imported may say anything; the row tells what is wrong with it.
            self.box.addItem(str(value), value)
            place = self.box.count() - 1
        self.box.setCurrentIndex(place)


# --- number


class NumberEdit(QLineEdit):
    """A number; the arrow keys count, and what is no number stays as it was typed."""

    counted = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: _PAGE,
            Qt.Key.Key_PageDown: -_PAGE,
        }
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.counted.emit(step)


class NumberControl(Control):
    """A number, its unit, and a large one once more in words."""

    def __init__(self, field: SettingField) -> None:
        super().__init__(field)
        self.edit = NumberEdit()
        self.edit.setFixedWidth(_NUMBER_WIDTH)
        self.edit.setAlignment(Qt.AlignmentFlag.AlignRight)
        words = settings_words.unit(field.unit)
        self.edit.setAccessibleName(f"{_name(field)}, {words}" if words else _name(field))
        self.edit.setToolTip(settings_words.bounds(field))
        self._unit = QLabel(words)
        self._unit.setProperty("tone", "quiet")
        self._more = Elided()
        self._more.setProperty("tone", "quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.edit)
        row.addWidget(self._unit)
        row.addWidget(self._more, 1)
        # Takes the room only while nothing stands there, so that the number keeps to the left.
        row.addStretch(0)
        self._unit.setVisible(bool(words))
        self.edit.textChanged.connect(self._typed)
        self.edit.counted.connect(self._count)

    def entry(self) -> QLineEdit:
        return self.edit

    def _show(self, value: object) -> None:
        if number_in(self.edit.text()) != value:
            self.edit.setText(_written(value))
        self._show_more()

    def _typed(self, text: str) -> None:
        self._show_more()
        self._tell(number_in(text))

    def _show_more(self) -> None:
        text = settings_words.in_larger_units(self.field.unit, number_in(self.edit.text()))
        self._more.setText(text)
        self._more.setVisible(bool(text))

    def _count(self, step: int) -> None:
        value = number_in(self.edit.text())
        if isinstance(value, str):
            return
        low, high = self.field.low, self.field.high
        value += step
        value = value if low is None else max(value, low)
        value = value if high is None else min(value, high)
        self.edit.setText(_written(value))


def number_in(text: str) -> int | float | str:
    """The number somebody typed, or the text when it is none."""
    bare = re.sub(r"[\s\u00a0\u202f]", "", text)
    if re.fullmatch(r"[+-]?[0-9]{1,15}", bare):
        return int(bare)
    if re.fullmatch(r"[+-]?[0-9]{0,15}\.[0-9]{1,15}", bare):
        value = float(bare)
    else:
        value, ok = QLocale().toDouble(bare)
        if not ok or not abs(value) < 1e15:  # noqa: PLR2004 - exact up to there, and no `inf` or `nan`
            return text
    return int(value) if value == int(value) else value


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


# --- text


class TextControl(Control):
    """One line."""

    wide = True

    def __init__(self, field: SettingField) -> None:
        super().__init__(field)
        self.edit = QLineEdit()
        self.edit.setAccessibleName(_name(field))
        if field.kind is Kind.ADDRESS and not field.default:
            self.edit.setPlaceholderText(self.tr("None"))
        _alone(self, self.edit)
        self.edit.textChanged.connect(lambda text: self._tell(text.strip()))

    def entry(self) -> QLineEdit:
        return self.edit

    def _show(self, value: object) -> None:
        if self.edit.text().strip() != value:
            self.edit.setText(str(value))
            self.edit.setCursorPosition(0)


class LinesControl(Control):
    """A long text, or a list with one entry a line."""

    wide = True

    def __init__(self, field: SettingField) -> None:
        super().__init__(field)
        self._is_list = field.kind is Kind.LINES
        self.edit = QPlainTextEdit()
        self.edit.setAccessibleName(_name(field))
        self.edit.setTabChangesFocus(True)
        self.edit.setPlaceholderText(self.tr("None. One a line.") if self._is_list else self.tr("None"))
        if self._is_list:
            self.edit.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        _alone(self, self.edit)
        self.edit.textChanged.connect(self._typed)
        self._fit()

    def entry(self) -> QPlainTextEdit:
        return self.edit

    def _value(self) -> object:
        text = self.edit.toPlainText()
        if not self._is_list:
            return text
        return tuple(line for one in text.splitlines() if (line := one.strip()))

    def _show(self, value: object) -> None:
        if self._value() != value:
            lines = value if isinstance(value, tuple) else (value,)
            self.edit.setPlainText("\n".join(map(str, lines)))

    def _typed(self) -> None:
        self._fit()
        self._tell(self._value())

    def _fit(self) -> None:
        fewest = _FEWEST_LINES if self._is_list else _FEWEST_PROSE
        lines = min(max(self.edit.blockCount(), fewest), _MOST_LINES)
        margins = 2 * round(self.edit.document().documentMargin()) + 14
        # Chinese lines are taller than the font says.
        self.edit.setFixedHeight(round(lines * self.edit.fontMetrics().lineSpacing() * 1.15) + margins)


# --- secret


class SecretControl(Control):
    """A secret: only its end is told until somebody asks to see it, or replaces it."""

    wide = True

    def __init__(self, field: SettingField, look: Look) -> None:
        super().__init__(field)
        self._look = look
        self._value: object = field.default
        self._may_tell = False
        self.inner: Control = LinesControl(field) if field.kind is Kind.LINES else TextControl(field)
        self._told = Elided()
        self._told.setProperty("tone", "quiet")
        self._told.setMinimumHeight(self.fontMetrics().lineSpacing())
        self.reveal = button(self.tr("Show"), look=look, icon="eye")
        self.replace = button(self.tr("Replace"))
        self._stack = QStackedWidget()
        self._stack.addWidget(self._told)
        self._stack.addWidget(self.inner)
        acts = QVBoxLayout()
        acts.setContentsMargins(0, 0, 0, 0)
        acts.addWidget(self.reveal)
        acts.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._stack, 1)
        row.addWidget(self.replace, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(acts)
        self.inner.edited.connect(self._edited)
        self.reveal.clicked.connect(lambda: self.hide_secret() if self.is_shown else self._open(tell=True))
        self.replace.clicked.connect(lambda: self._open(tell=False))
        self._show_closed()

    @property
    def is_shown(self) -> bool:
        """Whether the secret can be read and edited."""
        return self._stack.currentWidget() is self.inner

    @property
    def told(self) -> str:
        """What it says while it is hidden."""
        return self._told.text()

    def entry(self) -> QWidget:
        return self.inner.entry() if self.is_shown else self.replace

    def describe(self, text: str) -> None:
        for one in (self.inner.entry(), self.replace, self.reveal):
            one.setAccessibleDescription(text)

    def hide_secret(self) -> None:
        if self.is_shown:
            here = self.inner.entry().hasFocus()
            self._show_closed()
            # Emptied, so that nothing of it stays in the field, its undo included.
            self.inner.show_value(self.field.default)
            if here:
                self.replace.setFocus()

    def _show(self, value: object) -> None:
        was, self._value = self._value, value
        if self.is_shown and self._may_tell:
            self.inner.show_value(value)
        elif not self.is_shown:
            self._show_closed()
        elif value != was:
            # What was typed instead of it has been taken back, and nobody asked to see the old one.
            self.hide_secret()

    def _open(self, *, tell: bool) -> None:
        """Open the field: with the secret, or empty for another one, which replaces it once it is typed."""
        self._may_tell = tell
        self.inner.show_value(self._value if tell else self.field.default)
        self._stack.setCurrentWidget(self.inner)
        self._fit()
        self.replace.setVisible(False)
        rename(self.reveal, self.tr("Hide"))
        self.reveal.setAccessibleName(self.tr("Hide %1").replace("%1", _name(self.field)))
        dress(self.reveal, "eye-off", self._look)
        self.reveal.setVisible(True)
        self.inner.entry().setFocus()

    def _show_closed(self) -> None:
        is_set = bool(self._value)
        self._told.setText(_ending(self._value) if is_set else self.tr("Not set"))
        self._stack.setCurrentWidget(self._told)
        self._fit()
        self.reveal.setVisible(is_set)
        rename(self.reveal, self.tr("Show"))
        self.reveal.setAccessibleName(self.tr("Show %1").replace("%1", _name(self.field)))
        dress(self.reveal, "eye", self._look)
        self.replace.setVisible(True)
        rename(self.replace, self.tr("Replace") if is_set else self.tr("Enter"))
        said = self.tr("Replace %1") if is_set else self.tr("Enter %1")
        self.replace.setAccessibleName(said.replace("%1", _name(self.field)))

    def _edited(self, value: object) -> None:
        self._value = value
        self._fit()
        self._tell(value)

    def _fit(self) -> None:
        # A stack is as tall as its tallest page; this one as the page in sight.
        shown = self.inner if self.is_shown else self._told
        self._stack.setFixedHeight(max(shown.sizeHint().height(), 32))


def _ending(value: object) -> str:
    """What may be told of a secret: of an address all but the password, of the rest the last four signs."""
    if isinstance(value, tuple):
        return ", ".join(_ending(one) for one in value)
    text = str(value)
    if text == DIRECT or "://" in text:
        return public_name(text)
    tail = text[-_TAIL:] if len(text) >= _LONG_ENOUGH else ""
    return f"••••••••{tail}"


def _alone(around: Control, entry: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout(around)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(entry)
    return layout
