"""Adding accounts: paste, choose or drop; see line by line what would happen; only then save."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from grokdesk.core.accounts import Tier, TierSource
from grokdesk.core.errors import Broken
from grokdesk.engine.import_export import Fate, How, Plan, planned
from grokdesk.engine.reading import Found, Reading
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models.plan import WHAT, PlanLines
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, hint, quiet, rename, set_tone, title
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.windows.accounts_dialogs import split_tags

MOST_BYTES: Final = 64 << 20
_TYPING_MS: Final = 150
# More than this is understood off the loop.
_AT_ONCE: Final = 16 << 10
_ACCOUNTS_AT_ONCE: Final = 500
_SIZE: Final = (700, 600)
_SMALLEST: Final = (480, 520)
_WIDTHS: Final = (90, 180, 200)
_SHORT_PASTE: Final = 76
_TALL: Final = 16_777_215


class AddAccounts(QDialog):
    """Shows what an import would do while it is being typed or chosen.

    Accepting hands `plan` to the desk.
    """

    def __init__(self, parent: QWidget | None, desk: Desk, begin: str | bytes = "") -> None:
        super().__init__(parent)
        self._desk = desk
        self._task: asyncio.Task[object] | None = None
        self._is_file = False
        self._reading = Reading()
        self.plan = Plan()
        self.setWindowTitle(self.tr("Add accounts"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAcceptDrops(True)
        self.resize(*_SIZE)
        self.setMinimumSize(*_SMALLEST)
        self._tagging = QTimer(self)
        self._tagging.setSingleShot(True)
        self._tagging.setInterval(_TYPING_MS)
        self._build()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.read)
        self.paste.textChanged.connect(lambda: self._wait(self._typing))
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
            self.tr("Paste tokens here, one on a line. Cookies, curl commands, tables and exports work too.")
        )
        self.paste.setAccessibleName(self.tr("Tokens"))
        self.paste.setTabChangesFocus(True)
        self.paste.setFont(code_font())
        self.file = button(self.tr("Choose file…"), look=look, icon="file")
        self._from = quiet(self.tr("Or drop a file anywhere on this window."))
        self._shape = QLabel()
        self._summary = Prose()
        self.how = Choice(self.tr("Accounts that are here already"), look)
        for how, text in (
            (How.ADD, self.tr("Leave them as they are")),
            (How.UPDATE, self.tr("Update them with what is said here")),
            (How.REPLACE, self.tr("Update them, and remove all others")),
        ):
            self.how.addItem(text, how)
        self.question = QLabel(self.tr("Accounts that are here already:"))
        self.question.setBuddy(self.how)
        self.tier = Choice(self.tr("Tier of these accounts"), look)
        self.tier.addItem(self.tr("Found out by itself"), "")
        for tier in (Tier.BASIC, Tier.SUPER, Tier.HEAVY):
            self.tier.addItem(words.tier(tier), tier.value)
        self.tags = QLineEdit()
        hint(self.tags, self.tr("Tags for all of them, parted by commas"))
        self.tags.setAccessibleName(self.tr("Tags for all of them"))
        self.tags.setClearButtonEnabled(True)
        self.extras = QWidget()
        self.lines = PlanLines(look, self)
        self.table = Table(self.lines, self.tr("What would happen"), _WIDTHS, stretch=WHAT)
        self.table.horizontalHeader().setSortIndicator(WHAT, Qt.SortOrder.AscendingOrder)
        look.changed.connect(self._repaint)
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
        asked = QHBoxLayout()
        asked.setSpacing(GAP)
        asked.addWidget(self.question)
        asked.addWidget(self.how, 1)
        extras = QHBoxLayout(self.extras)
        extras.setContentsMargins(0, 0, 0, 0)
        extras.setSpacing(GAP)
        tier_asked = QLabel(self.tr("Tier:"))
        tier_asked.setBuddy(self.tier)
        extras.addWidget(tier_asked)
        extras.addWidget(self.tier)
        extras.addWidget(self.tags, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(title(self.tr("Add accounts"), 1.3))
        column.addWidget(
            quiet(self.tr("Tokens stay on this computer, encrypted. Nothing is saved before you press Add."))
        )
        column.addWidget(self.paste, 1)
        column.addLayout(files)
        column.addWidget(self.extras)
        column.addLayout(asked)
        column.addLayout(said)
        column.addWidget(self.table, 3)
        column.addLayout(buttons_row(self.cancel, self.add))
        self.cancel.clicked.connect(self.reject)
        self.add.clicked.connect(self.accept)
        self.how.currentIndexChanged.connect(lambda _: self._start(None))
        self.tier.currentIndexChanged.connect(lambda _: self._start(None))
        self.tags.textChanged.connect(lambda _: self._wait(self._tagging))
        self._tagging.timeout.connect(lambda: self._start(None))
        self.file.clicked.connect(lambda: self._desk.work.start(self._choose_file(), exclusive="choose file"))

    # -- taking in

    def _wait(self, timer: QTimer) -> None:
        """Look at it when nothing was typed for a moment; until then there is nothing to press."""
        self.add.setEnabled(False)
        timer.start()

    def read(self) -> None:
        """Understand what was pasted."""
        self._typing.stop()
        if self._is_file:
            self._is_file = False
            self._from.setText(self.tr("Or drop a file anywhere on this window."))
            self._ask_anew()
        self._start(self.paste.toPlainText())

    def take_file(self, data: bytes, name: str) -> None:
        """Understand a file. It replaces what was pasted."""
        self.paste.blockSignals(True)
        self.paste.clear()
        self.paste.blockSignals(False)
        self._typing.stop()
        if name:
            self._from.setText(self.tr("From %1").replace("%1", name))
        self._is_file = True
        self._ask_anew()
        self._start(data)

    def _ask_anew(self) -> None:
        """Take back what was chosen for something else."""
        self.how.blockSignals(True)
        self.how.setCurrentIndex(0)
        self.how.blockSignals(False)

    def _start(self, data: str | bytes | None) -> None:
        """Understand `data`, or look again at what was read; at once, or off the loop if it is much."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        much = len(data) if data is not None else len(self._reading.entries) * 100
        if much > _AT_ONCE or len(self._desk.host.pool) > _ACCOUNTS_AT_ONCE:
            self.add.setEnabled(False)
            self._say(self.tr("Reading…"), "info", "text2", "quiet")
            self._task = self._desk.work.start(self._understand(data))
            return
        if data is not None:
            self._reading = self._desk.host.read_accounts(data)
        self.plan = planned(self._mark(self._reading), self._desk.host.pool.accounts(), self.chosen)
        self._show()

    async def _understand(self, data: str | bytes | None) -> None:
        if data is not None:
            self._reading = await offload(self._desk.host.read_accounts, data)
        mark, accounts, how = self._mark, self._desk.host.pool.accounts(), self.chosen
        self.plan = await offload(lambda: planned(mark(self._reading), accounts, how))
        self._task = None
        self._show()

    def done(self, result: int) -> None:
        self._tagging.stop()
        if self._task is not None:
            self._task.cancel()
        super().done(result)

    # -- showing

    @property
    def _mark(self) -> Callable[[Reading], Reading]:
        """What gives a reading the tier and the tags that are chosen for all of it; for any thread."""
        tier, tags = str(self.tier.currentData()), split_tags(self.tags.text())
        return lambda reading: _marked(reading, Tier(tier) if tier else None, tags)

    @property
    def chosen(self) -> How:
        """What is to happen to accounts that are here already."""
        return How(self.how.currentData())

    def summary(self) -> str:
        """What it says would happen."""
        return self._summary.text()

    def _show(self) -> None:
        plan, counts = self.plan, self.plan.counts
        asks = bool(self._reading.found and len(self._desk.host.pool)) and (
            self._is_file
            or self.chosen is not How.ADD
            or bool(counts.get(Fate.KNOWN) or counts.get(Fate.RENEWABLE))
        )
        self.extras.setVisible(bool(self._reading.found))
        self.question.setVisible(asks)
        self.how.setVisible(asks)
        self.lines.show_plan(plan)
        self.table.setVisible(bool(plan.lines))
        self.paste.setMaximumHeight(_SHORT_PASTE if plan.lines else _TALL)
        self._sum_up()
        self.add.setEnabled(plan.changes_something)
        rename(self.add, self._act())
        # Enter does not remove anything.
        self.add.setDefault(not plan.gone)
        self.cancel.setDefault(bool(plan.gone))
        # With Qt 6.11 the button keeps its old width otherwise, when the table has appeared at the same time.
        # test_the_button_has_room_for_its_words.
        layout = self.layout()
        if layout is not None:
            layout.activate()

    def _sum_up(self) -> None:
        counts = self.plan.counts
        parts = [self.tr("%n new account(s)", "", counts.get(Fate.NEW, 0))]
        for fate, text in (
            (Fate.UPDATED, self.tr("%n updated", "", counts.get(Fate.UPDATED, 0))),
            (Fate.GONE, self.tr("%n removed", "", counts.get(Fate.GONE, 0))),
            (Fate.KNOWN, self.tr("%n already there", "", counts.get(Fate.KNOWN, 0))),
            (Fate.RENEWABLE, self.tr("%n with a new token", "", counts.get(Fate.RENEWABLE, 0))),
            (Fate.REPEATED, self.tr("%n named twice", "", counts.get(Fate.REPEATED, 0))),
            (Fate.UNREADABLE, self.tr("%n line(s) not understood", "", counts.get(Fate.UNREADABLE, 0))),
        ):
            if counts.get(fate):
                parts.append(text)
        if not self.plan.lines:
            self._say(self.tr("Nothing to add yet."), "info", "text2", "quiet")
        elif counts.get(Fate.UNREADABLE) or counts.get(Fate.RENEWABLE) or counts.get(Fate.GONE):
            self._say(words.sentence(parts), "warning", "warn", "warn")
        elif self.plan.changes_something:
            self._say(words.sentence(parts), "check", "ok", "ok")
        else:
            self._say(words.sentence(parts), "info", "text2", "quiet")

    def _say(self, text: str, icon: str, token: str, tone: str) -> None:
        self._summary.setText(text)
        dress_label(self._shape, icon, self._desk.look, token, 16)
        set_tone(self._summary, tone)

    def _act(self) -> str:
        """The words of the button: all that pressing it does."""
        new, changed, gone = len(self.plan.new), len(self.plan.changes), len(self.plan.gone)
        parts = []
        if new:
            parts.append(self.tr("Add %n account(s)", "", new))
        if changed:
            parts.append(self.tr("Update %n", "", changed) if not new else self.tr("update %n", "", changed))
        if gone:
            parts.append(self.tr("Remove %n", "", gone) if not parts else self.tr("remove %n", "", gone))
        return words.listed(parts) or self.tr("Add")

    def _repaint(self) -> None:
        self.lines.repaint_columns(WHAT, WHAT)

    # -- files

    async def _choose_file(self) -> None:
        path = await dialogs.open_file(
            self,
            self.tr("Accounts to add"),
            self.tr("Accounts (*.txt *.json *.jsonl *.csv *.tsv *.db);;All files (*)"),
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


def _marked(reading: Reading, tier: Tier | None, tags: Sequence[str]) -> Reading:
    made = reading.marked(tags, tier)
    if tier is None:
        return made
    # Chosen by the owner: no check overrules it.
    entries = (
        Found(one.where, replace(one.account, tier_source=TierSource.FIXED))
        if isinstance(one, Found)
        else one
        for one in made.entries
    )
    return replace(made, entries=tuple(entries))


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
