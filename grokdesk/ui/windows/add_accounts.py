"""Adding accounts: paste, choose or drop; see what was understood; only then save."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from grokdesk.core.errors import Broken
from grokdesk.engine.import_export import Reading
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, quiet, rename, set_tone, title

MOST_BYTES: Final = 64 << 20
_TYPING_MS: Final = 150
_PROBLEMS_SHOWN: Final = 50
_PROBLEM_LINES: Final = 5


class AddAccounts(QDialog):
    """Shows what an import would do while it is being typed or chosen.

    Accepting hands `reading` to the desk.
    """

    def __init__(self, parent: QWidget | None, desk: Desk, begin: str | bytes = "") -> None:
        super().__init__(parent)
        self._desk = desk
        self._data: str | bytes = ""
        self.reading = Reading()
        self.setWindowTitle(self.tr("Add accounts"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAcceptDrops(True)
        self.resize(620, 480)
        self.setMinimumSize(440, 380)
        self._build()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.read)
        self.paste.textChanged.connect(self._typing.start)
        if isinstance(begin, bytes):
            self.take_file(begin, "")
        elif begin:
            self.paste.setPlainText(begin)
            self.read()
        else:
            self._show()
        self.paste.setFocus()

    def _build(self) -> None:
        look = self._desk.look
        self.paste = QPlainTextEdit()
        self.paste.setPlaceholderText(
            self.tr("Paste tokens here, one on a line. Cookies and exported files work too.")
        )
        self.paste.setAccessibleName(self.tr("Tokens"))
        self.paste.setTabChangesFocus(True)
        self.paste.setFont(code_font())
        self.file = button(self.tr("Choose file…"), look=look, icon="file")
        self._from = quiet(self.tr("Or drop a file anywhere on this window."))
        self._shape = QLabel()
        self._summary = Prose()
        self.problems = QPlainTextEdit()
        self.problems.setReadOnly(True)
        self.problems.setTabChangesFocus(True)
        self.problems.setAccessibleName(self.tr("What was not understood"))
        self.cancel = button(self.tr("Cancel"))
        self.add = button(self.tr("Add"), kind="primary", look=look, icon="plus")
        self.add.setDefault(True)

        files = QHBoxLayout()
        files.setSpacing(GAP)
        files.addWidget(self.file)
        files.addWidget(self._from, 1)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self._summary, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(title(self.tr("Add accounts"), 1.3))
        column.addWidget(
            quiet(self.tr("Tokens stay on this computer, encrypted. Nothing is saved before you press Add."))
        )
        column.addWidget(self.paste, 1)
        column.addLayout(files)
        column.addLayout(said)
        column.addWidget(self.problems)
        column.addLayout(buttons_row(self.cancel, self.add))
        self.cancel.clicked.connect(self.reject)
        self.add.clicked.connect(self.accept)
        self.file.clicked.connect(lambda: self._desk.work.start(self._choose_file(), exclusive="choose file"))

    # -- taking in

    def read(self) -> None:
        """Understand what was pasted."""
        self._typing.stop()
        self._take(self.paste.toPlainText())

    def take_file(self, data: bytes, name: str) -> None:
        """Understand a file. It replaces what was pasted."""
        self.paste.blockSignals(True)
        self.paste.clear()
        self.paste.blockSignals(False)
        if name:
            self._from.setText(self.tr("From %1").replace("%1", name))
        self._take(data)

    def _take(self, data: str | bytes) -> None:
        self._data = data
        self.reading = self._desk.host.read_accounts(data) if data else Reading()
        self._show()

    def summary(self) -> str:
        """What it says was understood."""
        return self._summary.text()

    def new_count(self) -> int:
        """How many accounts would be added."""
        here = {account.token for account in self._desk.host.pool.accounts()}
        return sum(one.token not in here for one in self.reading.found)

    def _show(self) -> None:
        reading = self.reading
        new = self.new_count()
        known = len(reading.found) - new
        parts = [self.tr("%n new account(s)", "", new)]
        if known:
            parts.append(self.tr("%n already there", "", known))
        if reading.duplicates:
            parts.append(self.tr("%n named twice", "", reading.duplicates))
        if reading.problems:
            parts.append(self.tr("%n line(s) not understood", "", len(reading.problems)))
        nothing = not reading.found and not reading.problems
        self._summary.setText(self.tr("Nothing to add yet.") if nothing else ", ".join(parts) + ".")
        icon, token, tone = ("check", "ok", "ok") if new else ("info", "text2", "quiet")
        if reading.problems:
            icon, token, tone = "warning", "warn", "warn"
        dress_label(self._shape, icon, self._desk.look, token, 16)
        set_tone(self._summary, tone)
        lines = [f"{one.where}: {one.why}" for one in reading.problems[:_PROBLEMS_SHOWN]]
        if len(reading.problems) > _PROBLEMS_SHOWN:
            lines.append(self.tr("and %n more", "", len(reading.problems) - _PROBLEMS_SHOWN))
        self.problems.setPlainText("\n".join(lines))
        shown = min(len(lines), _PROBLEM_LINES)
        self.problems.setFixedHeight(shown * self.problems.fontMetrics().lineSpacing() + 24)
        self.problems.setVisible(bool(reading.problems))
        self.add.setEnabled(new > 0)
        rename(self.add, self.tr("Add %n account(s)", "", new) if new else self.tr("Add"))

    # -- files

    async def _choose_file(self) -> None:
        path = await dialogs.open_file(
            self,
            self.tr("Accounts to add"),
            self.tr("Text and JSON (*.txt *.json *.jsonl *.csv);;All files (*)"),
        )
        if path is not None:
            await self.load(path)

    async def load(self, path: Path) -> None:
        """Read a file. Raises `Broken` when that is not possible."""
        self.take_file(await read_file(path), path.name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if can_take(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        begin = dropped(event.mimeData())
        event.acceptProposedAction()
        if isinstance(begin, Path):
            self._desk.work.start(self.load(begin), exclusive="choose file")
        elif begin:
            self.paste.setPlainText(begin)
            self.read()


def can_take(mime: QMimeData) -> bool:
    """Whether something dropped may hold accounts: one local file, or text."""
    urls = mime.urls()
    return (len(urls) == 1 and urls[0].isLocalFile()) or (not urls and mime.hasText())


def dropped(mime: QMimeData) -> Path | str:
    """The file or the text that was dropped."""
    urls = mime.urls()
    return Path(urls[0].toLocalFile()) if urls else mime.text()


async def read_file(path: Path) -> bytes:
    """Read a file off the loop. Raises `Broken` when it is too large or cannot be read."""

    def read() -> bytes:
        if path.stat().st_size > MOST_BYTES:
            raise Broken("The file is too large.", hint="Split it into files of less than 64 MB.")
        return path.read_bytes()

    try:
        return await offload(read)
    except OSError as error:
        raise Broken(
            "The file cannot be read.",
            hint="Check that it exists and that you may read it.",
            detail=str(error),
        ) from error
