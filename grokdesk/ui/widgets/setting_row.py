"""One setting in a form: its title and help, its control, what is wrong with it, and the way back."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QWidget

from grokdesk.core.setting_fields import SettingField
from grokdesk.ui import settings_words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models.settings import Draft
from grokdesk.ui.theme import scaled
from grokdesk.ui.widgets.parts import Prose, button, quiet
from grokdesk.ui.widgets.setting_controls import Control, SecretControl, control

_CONTROL_WIDTH: Final = 248
_ENDING: Final = re.compile(r"(?<=[a-z]{3})(ies|y|s)$")


class SettingRow(QWidget):
    """Shows what the draft holds of one setting."""

    edited = Signal(str, object)
    reset_wanted = Signal(str)

    def __init__(self, field: SettingField, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._words: tuple[str, ...] = ()
        self.field = field
        self._title_text = settings_words.of_model(field.title)
        self._help_text = settings_words.of_model(field.help)
        self._build(control(field, desk.look))
        self.control.edited.connect(lambda value: self.edited.emit(field.name, value))
        self.reset.clicked.connect(lambda: self.reset_wanted.emit(field.name))
        desk.look.changed.connect(self._mark_words)

    def problem(self) -> str:
        """What it says is wrong."""
        return self._problem.text() if not self._problem_line.isHidden() else ""

    def note(self) -> str:
        """What else it says below the control."""
        return self._note.text() if not self._note.isHidden() else ""

    def state(self) -> str:
        """Whether it says that it is changed, or not saved."""
        return self._state.text() if not self._state_line.isHidden() else ""

    def show_draft(self, draft: Draft, decided_by: str) -> None:
        """Show the value, where it comes from, and what is wrong with it."""
        field, name = self.field, self.field.name
        value = draft.value(name)
        self.control.show_value(value)
        self.control.setEnabled(not decided_by)
        if decided_by:
            self._show_state("lock", "text2", self.tr("Fixed"))
        elif draft.is_edited(name):
            self._show_state("state-cooling", "warn", self.tr("Not saved"))
        elif not draft.is_default(name):
            self._show_state("dot", "accent", self.tr("Changed"))
        else:
            self._state_line.setVisible(False)
        can_reset = not decided_by and not draft.is_default(name)
        if not can_reset and self.reset.hasFocus():
            self.control.entry().setFocus()
        self.reset.setVisible(can_reset)
        wrong = draft.wrong.get(name)
        problem = settings_words.problem(field, wrong) if wrong is not None else ""
        self._problem.setText(problem)
        self._problem_line.setVisible(bool(problem))
        note = self._note_for(draft, decided_by)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self.control.describe(" ".join(part for part in (problem, note, self._help_text) if part))

    def _note_for(self, draft: Draft, decided_by: str) -> str:
        if decided_by:
            return self.tr("Set by %1, which comes before the file. It cannot be changed here.").replace(
                "%1", decided_by
            )
        if not draft.is_moved(self.field.name):
            return ""
        if self.field.is_secret:
            return self.tr("It was changed elsewhere meanwhile. Saving puts yours in its place.")
        return self.tr("It was changed to %1 elsewhere meanwhile. Saving puts yours in its place.").replace(
            "%1", _said(self.field, draft.saved_value(self.field.name))
        )

    def mark(self, words: tuple[str, ...]) -> None:
        """Mark the words that were searched for."""
        if words != self._words:
            self._words = words
            self._mark_words()

    # -- building

    def _build(self, made: Control) -> None:
        look = self._desk.look
        self.control = made
        self._title = Prose(self._title_text)
        self._title.setFont(scaled(self.font(), 1.0, strong=True))
        self._help = quiet(self._help_text)
        self._restart = Prose(self.tr("Needs a restart"))
        self._restart.setProperty("tone", "quiet")
        self._shape = QLabel()
        self._state = QLabel()
        self._state_line = _line(self._shape, self._state)
        self.reset = button("", look=look, icon="reset", kind="plain", name=self._reset_name())
        self.reset.setFixedWidth(32)
        keep = self.reset.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(keep)
        picture = QLabel()
        dress_label(picture, "warning", look, "error", 16)
        self._problem = Prose()
        self._problem.setProperty("tone", "error")
        self._problem_line = _line(picture, self._problem)
        self._note = quiet()
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(self._title, 1)
        head.addWidget(self._restart)
        head.addWidget(self._state_line)
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 12, 8, 12)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        top = Qt.AlignmentFlag.AlignTop
        grid.addLayout(head, 0, 0)
        grid.addWidget(self._help, 1, 0)
        if made.wide:
            grid.addWidget(self.control, 2, 0, 1, 2)
            grid.addWidget(self.reset, 2, 2, top)
        else:
            self.control.setFixedWidth(_CONTROL_WIDTH)
            grid.addWidget(self.control, 0, 1, 2, 1, top)
            grid.addWidget(self.reset, 0, 2, 2, 1, top)
        grid.addWidget(self._problem_line, 3, 0, 1, 2)
        grid.addWidget(self._note, 4, 0, 1, 2)
        # Only now: shown without a parent they would be windows for a moment and take the keyboard.
        self._help.setVisible(bool(self._help_text))
        self._restart.setVisible(self.field.needs_restart)
        # Reading order: what is set, then the way back.
        last: QWidget = made.reveal if isinstance(made, SecretControl) else made.entry()
        QWidget.setTabOrder(last, self.reset)

    def _reset_name(self) -> str:
        default = self.field.default
        said = _said(self.field, default)
        text = (
            self.tr("Put “%1” back to %2")
            if said
            else self.tr("Put “%1” back to how it comes, which is empty")
        )
        return text.replace("%1", self._title_text).replace("%2", said)

    def _show_state(self, icon: str, token: str, text: str) -> None:
        dress_label(self._shape, icon, self._desk.look, token, 14)
        self._state.setText(text)
        self._state_line.setVisible(True)

    def _mark_words(self) -> None:
        colour = self._desk.look.tokens.selection
        for label, text in ((self._title, self._title_text), (self._help, self._help_text)):
            marked = highlighted(text, self._words, colour)
            label.setTextFormat(Qt.TextFormat.RichText if marked else Qt.TextFormat.PlainText)
            label.setText(marked or text)


def haystack(field: SettingField) -> str:
    """What a search looks into: title, help, place in the file and choices."""
    words = [field.title, field.help, field.name, settings_words.of_model(field.title)]
    words.append(settings_words.of_model(field.help))
    words += [f"{one} {settings_words.choice(field, one)}" for one in field.choices]
    return "\n".join(words).casefold()


def searched_words(text: str) -> tuple[str, ...]:
    """The words of a search, without the ending of an English plural: `proxy` finds proxies as well."""
    return tuple(dict.fromkeys(_ENDING.sub("", word) for word in text.casefold().split()))


def highlighted(text: str, words: tuple[str, ...], colour: str) -> str:
    """`text` as HTML with `words` on a ground of `colour`; empty when it has none of them."""
    if not words:
        return ""
    longest_first = sorted(words, key=len, reverse=True)
    pattern = re.compile(f"({'|'.join(map(re.escape, longest_first))})[a-z]*", re.IGNORECASE)
    parts: list[str] = []
    end = 0
    for found in pattern.finditer(text):
        parts += [escape(text[end : found.start()])]
        parts += [f'<span style="background-color:{colour}">{escape(found[0])}</span>']
        end = found.end()
    return "".join([*parts, escape(text[end:])]) if end else ""


def _said(field: SettingField, value: object) -> str:
    if isinstance(value, bool):
        return settings_words.switch(on=value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if field.choices:
        return settings_words.choice(field, str(value))
    if isinstance(value, int | float):
        return settings_words.number(value)
    return str(value)


def _line(picture: QLabel, words: QLabel) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    row.addWidget(
        picture, 0, Qt.AlignmentFlag.AlignTop if words.wordWrap() else Qt.AlignmentFlag.AlignVCenter
    )
    row.addWidget(words, 1)
    return made
