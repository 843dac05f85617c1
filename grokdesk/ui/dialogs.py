"""Asking people, without nested loops: a dialog is opened and its answer awaited."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QCheckBox, QDialog, QFileDialog, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from grokdesk.ui.report import Explained
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import button, buttons_row, fit, quiet, section

_WIDTH: Final = 440


class Answer(IntEnum):
    """How a dialog ended. DISMISSED is Esc or the window's own cross: nothing was decided."""

    DISMISSED = QDialog.DialogCode.Rejected.value
    YES = QDialog.DialogCode.Accepted.value
    NO = 2


async def answer(dialog: QDialog) -> Answer:
    """Open `dialog` and return how it ended. Being cancelled closes it."""
    finished: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def ended(result: int) -> None:
        if not finished.done():
            finished.set_result(result)

    dialog.finished.connect(ended)
    # The window it belongs to may be built anew.
    dialog.destroyed.connect(lambda: ended(Answer.DISMISSED))
    dialog.open()
    try:
        return Answer(await finished)
    finally:
        if isValid(dialog):
            dialog.close()
            dialog.deleteLater()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    `yes` and `no` are verbs that repeat the question; Enter means `no` when it is `risky`.
    """

    title: str
    text: str
    yes: str
    no: str
    risky: bool = False
    remember: str = ""


class Ask(QDialog):
    """A question with two buttons."""

    def __init__(self, parent: QWidget | None, question: Question) -> None:
        super().__init__(parent)
        self.setWindowTitle(question.title)
        self.setAccessibleName(question.title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumWidth(_WIDTH)
        title = section(question.title)
        text = quiet(question.text)
        self.no = button(question.no)
        self.yes = button(question.yes, kind="" if question.risky else "primary")
        self.no.clicked.connect(lambda: self.done(Answer.NO))
        self.yes.clicked.connect(self.accept)
        self.remember = QCheckBox(question.remember)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(title)
        layout.addWidget(text)
        layout.addWidget(self.remember)
        self.remember.setVisible(bool(question.remember))
        layout.addSpacing(4)
        layout.addLayout(buttons_row(self.no, self.yes))
        safe = self.no if question.risky else self.yes
        safe.setDefault(True)
        safe.setFocus()
        fit(self, _WIDTH)


async def ask(parent: QWidget | None, question: Question) -> Answer:
    """Ask and return the answer."""
    return await answer(Ask(parent, question))


async def ask_remembering(parent: QWidget | None, question: Question) -> tuple[Answer, bool]:
    """Ask; returns the answer and whether it is to be remembered."""
    dialog = Ask(parent, question)
    ticked = False

    def note(on: bool) -> None:
        nonlocal ticked
        ticked = on

    dialog.remember.toggled.connect(note)
    said = await answer(dialog)
    return said, ticked


async def tell(parent: QWidget | None, explained: Explained) -> None:
    """Show what cannot be shown anywhere else, because there is no window yet."""
    dialog = QDialog(parent)
    dialog.setWindowTitle("GrokDesk")
    dialog.setMinimumWidth(_WIDTH)
    title = section(explained.title)
    close: QPushButton = button(QCoreApplication.translate("Dialogs", "Close"), kind="primary")
    close.clicked.connect(dialog.accept)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
    layout.setSpacing(GAP)
    layout.addWidget(title)
    layout.addWidget(quiet(explained.text))
    layout.addSpacing(4)
    layout.addLayout(buttons_row(close))
    close.setDefault(True)
    fit(dialog, _WIDTH)
    await answer(dialog)


async def open_file(parent: QWidget, title: str, kinds: str) -> Path | None:
    """Let a person choose a file to read; None when they change their mind."""
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    dialog.setNameFilter(kinds)
    chosen: list[str] = []
    dialog.fileSelected.connect(chosen.append)
    said = await answer(dialog)
    return Path(chosen[0]) if said is Answer.YES and chosen else None


async def save_file(parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
    """Let a person choose where a file is written; None when they change their mind.

    `name` is proposed; a name without an ending gets the one of `name`.
    """
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilter(kinds)
    dialog.setDefaultSuffix(Path(name).suffix.removeprefix("."))
    dialog.selectFile(name)
    chosen: list[str] = []
    dialog.fileSelected.connect(chosen.append)
    said = await answer(dialog)
    return Path(chosen[0]) if said is Answer.YES and chosen else None
