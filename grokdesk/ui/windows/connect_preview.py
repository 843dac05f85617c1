"""What a setup would change, line by line, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor, QTextFormat, QTextOption
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget

from grokdesk.core.file_edits import DiffLine
from grokdesk.platform.client_files import Plan
from grokdesk.ui import client_words
from grokdesk.ui.theme import GAP, MARGIN, Look
from grokdesk.ui.widgets.code import Code
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, quiet, set_tone, title

_SIZE: Final = (680, 520)
_SMALLEST: Final = (440, 360)
_MANY: Final = 10_000
_GROUNDS: Final = {"+": "ok_fill", "-": "error_fill"}


class Preview(QDialog):
    """One file, as it is and as it would be."""

    def __init__(self, parent: QWidget | None, look: Look, plan: Plan, lines: Sequence[DiffLine]) -> None:
        super().__init__(parent)
        self._look = look
        name = client_words.name(plan.client)
        self.setWindowTitle(self.tr("Set up %1").replace("%1", name))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(*_SIZE)
        self.setMinimumSize(*_SMALLEST)
        self.file = Prose(str(plan.path))
        self.file.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.file.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.said = quiet(self._says(plan))
        self.warning = Prose(self._warns(plan))
        set_tone(self.warning, "warn")
        self.warning.setVisible(bool(plan.beside))
        self.code = Code(self.tr("What would change"), _MANY)
        # A whole file may stand in one line, and what is to be agreed to must be seen.
        self.code.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.code.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.code.setPlainText("\n".join(_typed(line) for line in lines))
        self._lines = lines
        self._colour()
        look.changed.connect(self._colour)
        self.cancel = button(self.tr("Cancel"))
        self.yes = button(self.tr("Set up %1").replace("%1", name), kind="primary")
        self.yes.setEnabled(plan.changes)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(title(self.tr("This would change"), 1.3))
        column.addWidget(self.file)
        column.addWidget(self.said)
        column.addWidget(self.warning)
        column.addWidget(self.code, 1)
        column.addLayout(buttons_row(self.cancel, self.yes))
        self.cancel.clicked.connect(self.reject)
        self.yes.clicked.connect(self.accept)
        self.yes.setDefault(True)
        (self.yes if plan.changes else self.cancel).setFocus()

    def texts(self) -> list[str]:
        """The lines of the comparison, as they are shown."""
        return self.code.toPlainText().split("\n")

    def _says(self, plan: Plan) -> str:
        if not plan.changes:
            return self.tr("Everything is in the file already. Nothing would be changed.")
        if plan.is_new:
            text = self.tr("The file is made new. Undo removes it again.")
        else:
            text = self.tr(
                "Only these lines change. A copy of the file is kept first, and Undo takes out only "
                "what is added here."
            )
        if plan.target != plan.path and not plan.is_new:
            real = self.tr("It is a link; the file itself is %1.").replace("%1", str(plan.target))
            text = f"{text} {real}"
        return text

    def _warns(self, plan: Plan) -> str:
        return self.tr(
            "The file also sets %1, which may be used instead. Remove it yourself if it does not work."
        ).replace("%1", ", ".join(plan.beside))

    def _colour(self) -> None:
        marks: list[QTextEdit.ExtraSelection] = []
        document = self.code.document()
        for number, line in enumerate(self._lines):
            ground = _GROUNDS.get(line.sign)
            if ground is None:
                continue
            mark = QTextEdit.ExtraSelection()
            form = QTextCharFormat()
            form.setBackground(QColor(getattr(self._look.tokens, ground)))
            form.setProperty(QTextFormat.Property.FullWidthSelection, True)
            mark.format = form
            # All of it: a line that is wrapped has colour as far as it goes.
            mark.cursor = QTextCursor(document.findBlockByNumber(number))
            mark.cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            marks.append(mark)
        self.code.setExtraSelections(marks)


def _typed(line: DiffLine) -> str:
    return "  …" if line.sign == "…" else f"{line.sign} {line.text}"


def shortened(path: Path | None, home: Path | None) -> str:
    """A path with ~ for the home folder."""
    if path is None:
        return ""
    if home is not None and path.is_relative_to(home):
        return str(Path("~") / path.relative_to(home))
    return str(path)
