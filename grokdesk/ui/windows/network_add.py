"""Adding proxies, one or many, with a preview of every line; and changing one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.egress import DIRECT, Purpose, normal_way, public_name
from grokdesk.core.settings import EgressMode
from grokdesk.platform.tasks import offload
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import joined, told
from grokdesk.ui.models.ways import WayFate, WayLine, WayLines, understood
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, fit, quiet, rename, set_tone, title
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.widgets.tick import Tick

_TYPING_MS: Final = 120
# More than this is understood off the loop.
_AT_ONCE: Final = 8 << 10
_SIZE: Final = (640, 540)
_SMALLEST: Final = (460, 440)
_WIDTHS: Final = (64, 200, 200)
_WIDTH: Final = 460


class _UsedFor(Choice):
    """The two lists."""

    def __init__(self, desk: Desk, chosen: Purpose) -> None:
        super().__init__(_tr("Used for"), desk.look)
        self.addItem(_tr("Everything, or chat if files have proxies of their own"), Purpose.CHAT.value)
        self.addItem(_tr("Only files: pictures, videos, uploads"), Purpose.MEDIA.value)
        self.setCurrentIndex(self.findData(chosen.value))

    @property
    def purpose(self) -> Purpose:
        """The list that was chosen."""
        return Purpose(self.currentData())


class AddWays(QDialog):
    """Shows what adding would do while it is being typed. Accepting leaves it in `ways` and `purpose`."""

    def __init__(self, parent: QWidget | None, desk: Desk, purpose: Purpose = Purpose.CHAT) -> None:
        super().__init__(parent)
        self._desk = desk
        self._task: asyncio.Task[object] | None = None
        self.found: list[WayLine] = []
        self.setWindowTitle(self.tr("Add proxies"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(*_SIZE)
        self.setMinimumSize(*_SMALLEST)
        self._build(purpose)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.read)
        self.paste.textChanged.connect(self._wait)
        self.used_for.currentIndexChanged.connect(self.read)
        self.cancel.clicked.connect(self.reject)
        self.add.clicked.connect(self.accept)
        self._show([])
        self.paste.setFocus()

    def _build(self, purpose: Purpose) -> None:
        look = self._desk.look
        self.paste = QPlainTextEdit()
        self.paste.setPlaceholderText(
            self.tr("socks5://name:password@host:1080\nhost:8080:name:password\nhttp://host:8080\ndirect")
        )
        self.paste.setAccessibleName(self.tr("Addresses of proxies"))
        self.paste.setTabChangesFocus(True)
        self.paste.setFont(code_font())
        self.used_for = _UsedFor(self._desk, purpose)
        asked = QLabel(self.tr("Used for:"))
        asked.setBuddy(self.used_for)
        self.use = Tick(self.tr("Leave through proxies from now on"), look)
        self.use.setChecked(True)
        self.use.setVisible(self._desk.host.live.now.egress.mode is not EgressMode.PROXIES)
        self._shape = QLabel()
        self._summary = Prose()
        self.lines = WayLines(look, self)
        self.table = Table(self.lines, self.tr("What would happen"), _WIDTHS, stretch=2)
        self.cancel = button(self.tr("Cancel"))
        self.add = button(self.tr("Add"), kind="primary", look=look, icon="plus")
        self.add.setDefault(True)
        used = QHBoxLayout()
        used.setSpacing(GAP)
        used.addWidget(asked)
        used.addWidget(self.used_for, 1)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self._summary, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(title(self.tr("Add proxies"), 1.3))
        column.addWidget(
            quiet(
                self.tr(
                    "One on a line, or parted by commas; http, https, socks4 and socks5. "
                    "Passwords stay on this computer, encrypted."
                )
            )
        )
        column.addWidget(self.paste, 2)
        column.addLayout(used)
        column.addWidget(self.use)
        column.addLayout(said)
        column.addWidget(self.table, 3)
        column.addLayout(buttons_row(self.cancel, self.add))

    # -- understanding

    @property
    def purpose(self) -> Purpose:
        """The list they are for."""
        return self.used_for.purpose

    @property
    def ways(self) -> list[str]:
        """The new addresses, as they came."""
        return [line.way.reveal() for line in self.found if line.fate is WayFate.NEW]

    def summary(self) -> str:
        """What it says would happen."""
        return self._summary.text()

    def _wait(self) -> None:
        # What the button would add is not what stands there any more.
        self.add.setEnabled(False)
        self._typing.start()

    def read(self, *_: object) -> None:
        """Understand what was pasted: at once, or off the loop if it is much."""
        self._typing.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None
        text, known = self.paste.toPlainText(), _listed(self._desk, self.purpose)
        if len(text) > _AT_ONCE:
            self.add.setEnabled(False)
            self._say(self.tr("Reading…"), "info", "text2", "quiet")
            self._task = self._desk.work.start(self._understand(text, known))
        else:
            self._show(understood(text, known))

    async def _understand(self, text: str, known: tuple[str, ...]) -> None:
        found = await offload(understood, text, known)
        self._task = None
        self._show(found)

    def done(self, result: int) -> None:
        if self._task is not None:
            self._task.cancel()
        super().done(result)

    # -- showing

    def _show(self, found: list[WayLine]) -> None:
        self.found = found
        self.lines.fill(found)
        self.table.setVisible(bool(found))
        new = len(self.ways)
        counts = {fate: sum(line.fate is fate for line in found) for fate in WayFate}
        parts = [self.tr("%n new", "", new)]
        if counts[WayFate.KNOWN]:
            parts.append(self.tr("%n already in the list", "", counts[WayFate.KNOWN]))
        if counts[WayFate.REPEATED]:
            parts.append(self.tr("%n named twice", "", counts[WayFate.REPEATED]))
        if counts[WayFate.WRONG]:
            parts.append(self.tr("%n not understood", "", counts[WayFate.WRONG]))
        text = words.sentence(parts)
        if not found:
            self._say(self.tr("Nothing to add yet."), "info", "text2", "quiet")
        elif counts[WayFate.WRONG]:
            first = next(line for line in found if line.fate is WayFate.WRONG)
            why = self.tr("Line %1: %2.").replace("%1", str(first.line)).replace("%2", told(first.why))
            self._say(joined(text, why), "warning", "warn", "warn")
        elif new:
            self._say(text, "check", "ok", "ok")
        else:
            self._say(text, "info", "text2", "quiet")
        self.add.setEnabled(bool(new))
        rename(self.add, self.tr("Add %n way(s) out", "", new) if new else self.tr("Add"))
        layout = self.layout()
        if layout is not None:
            layout.activate()

    def _say(self, text: str, icon: str, token: str, tone: str) -> None:
        self._summary.setText(text)
        dress_label(self._shape, icon, self._desk.look, token, 16)
        set_tone(self._summary, tone)


class EditWay(QDialog):
    """Changes one entry. Its password is not shown; an empty field keeps it."""

    def __init__(self, parent: QWidget | None, desk: Desk, way: str, purpose: Purpose) -> None:
        super().__init__(parent)
        self._desk = desk
        self._old = way
        self._old_purpose = purpose
        self.way = way
        self.setWindowTitle(self.tr("Change the way out"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        parts = urlsplit(way) if way != DIRECT else urlsplit("")
        self._password = unquote(parts.password or "")
        look = desk.look
        self.address = QLineEdit(public_name(way))
        self.address.setAccessibleName(self.tr("Address"))
        self.address.setFont(code_font())
        self.user = QLineEdit(unquote(parts.username or ""))
        self.user.setAccessibleName(self.tr("User name"))
        self.password = QLineEdit()
        self.password.setAccessibleName(self.tr("Password"))
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        if self._password:
            self.password.setPlaceholderText(self.tr("Kept as it is"))
        self.used_for = _UsedFor(desk, purpose)
        self._shape = QLabel()
        self._problem = Prose()
        set_tone(self._problem, "error")
        dress_label(self._shape, "warning", look, "error", 16)
        self.cancel = button(self.tr("Cancel"))
        self.save = button(self.tr("Save"), kind="primary", look=look, icon="check")
        self.save.setDefault(True)
        form = QFormLayout()
        form.setHorizontalSpacing(GAP)
        form.setVerticalSpacing(8)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for text, field in (
            (self.tr("Address"), self.address),
            (self.tr("User name"), self.user),
            (self.tr("Password"), self.password),
            (self.tr("Used for"), self.used_for),
        ):
            form.addRow(text, field)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self._problem, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(title(self.tr("Change the way out"), 1.3))
        column.addLayout(form)
        column.addLayout(said)
        column.addLayout(buttons_row(self.cancel, self.save))
        for field in (self.address, self.user, self.password):
            field.textChanged.connect(self.check)
        self.used_for.currentIndexChanged.connect(self.check)
        self.cancel.clicked.connect(self.reject)
        self.save.clicked.connect(self.accept)
        self.check()
        fit(self, _WIDTH)
        self.address.setFocus()

    @property
    def purpose(self) -> Purpose:
        """The list it is for."""
        return self.used_for.purpose

    def problem(self) -> str:
        """What is wrong with what stands in the fields."""
        return self._problem.text()

    def check(self, *_: object) -> None:
        """Say at once what is wrong."""
        problem = ""
        try:
            self.way = with_login(
                self.address.text(), self.user.text(), self.password.text() or self._password
            )
        except ValueError as error:
            text = told(str(error))
            problem = self.tr("%1.").replace("%1", f"{text[:1].upper()}{text[1:]}")
        others: Iterable[str] = _listed(self._desk, self.purpose)
        is_itself = self.way == self._old and self.purpose is self._old_purpose
        if not problem and self.way in others and not is_itself:
            problem = self.tr("This one is in the list already.")
        self._problem.setText(problem)
        self._shape.setVisible(bool(problem))
        self.save.setEnabled(not problem)
        direct = self.address.text().strip().lower() == DIRECT
        self.user.setEnabled(not direct)
        self.password.setEnabled(not direct)


def with_login(address: str, user: str, password: str) -> str:
    """The way out of these fields, as `normal_way` writes it. A login inside the address goes first.

    Raises `ValueError` as `normal_way` does, and for no address at all.
    """
    way = normal_way(address)
    if not way:
        raise ValueError("the proxy address has no host")
    scheme, _, place = way.partition("://")
    if way == DIRECT or "@" in place or not user:
        return way
    # `{account}` keeps its meaning.
    login = quote(user, safe="{}")
    if password:
        login += f":{quote(password, safe='')}"
    return normal_way(f"{scheme}://{login}@{place}")


def _listed(desk: Desk, purpose: Purpose) -> tuple[str, ...]:
    egress = desk.host.live.now.egress
    return egress.media_proxies if purpose is Purpose.MEDIA else egress.proxies


def _tr(text: str) -> str:
    return QCoreApplication.translate("UsedFor", text)
