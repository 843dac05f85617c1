"""What is asked before something is done to accounts: a token, a date of birth, a tag, a way, a format."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.egress import DIRECT, normal_proxy, normal_way, public_name
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.secret import Secret
from grokdesk.engine.acts import Adult
from grokdesk.engine.import_export import Format
from grokdesk.engine.jobs import Job, Result
from grokdesk.engine.reading import NewAccount
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, fit, quiet, section, set_tone
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.widgets.tick import Tick

_WIDTH: Final = 460
_TOKEN_HEIGHT: Final = 84
_RESULTS: Final = (620, 420)
_LONGEST_TAG: Final = 40
_OTHER: Final = "other"


class _Asking(QDialog):
    """A title, what is asked, what is wrong with the answer, and two buttons."""

    def __init__(self, parent: QWidget | None, desk: Desk, title: str, yes: str) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        self._column.setSpacing(GAP)
        self._column.addWidget(section(title))
        self._shape = QLabel()
        dress_label(self._shape, "warning", desk.look, "error", 16)
        self._problem = Prose()
        set_tone(self._problem, "error")
        self.no: QPushButton = button(self.tr("Cancel"))
        self.yes: QPushButton = button(yes, kind="primary")
        self.yes.setDefault(True)
        self.no.clicked.connect(self.reject)
        self.yes.clicked.connect(self.accept)

    def _finish(self, first: QWidget) -> None:
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self._problem, 1)
        self._column.addLayout(said)
        self._column.addLayout(buttons_row(self.no, self.yes))
        fit(self, _WIDTH)
        first.setFocus()

    def problem(self) -> str:
        """What is wrong with the answer."""
        return self._problem.text()

    def _say(self, problem: str, *, able: bool) -> None:
        self._problem.setText(problem)
        self._shape.setVisible(bool(problem))
        self._problem.setVisible(bool(problem))
        self.yes.setEnabled(able)
        fit(self, max(_WIDTH, self.width()))


class ReplaceToken(_Asking):
    """Takes the new token of an account that was signed out. Accepting leaves it in `found`."""

    def __init__(self, parent: QWidget | None, desk: Desk, account: Account) -> None:
        super().__init__(parent, desk, self.tr("Replace the token"), self.tr("Replace token"))
        self._account = account
        self.found: NewAccount | None = None
        text = self.tr(
            "Sign in at grok.com as %1 and paste the new cookie sso here. Name, tags and history stay."
        )
        self._column.addWidget(quiet(text.replace("%1", account.name)))
        self.paste = QPlainTextEdit()
        self.paste.setAccessibleName(self.tr("New token"))
        self.paste.setFont(code_font())
        self.paste.setTabChangesFocus(True)
        self.paste.setFixedHeight(_TOKEN_HEIGHT)
        self._column.addWidget(self.paste)
        self.paste.textChanged.connect(self.check)
        self.check()
        self._finish(self.paste)

    def check(self) -> None:
        """Say at once what is wrong."""
        text = self.paste.toPlainText().strip()
        reading = self._desk.host.read_accounts(text) if text else None
        self.found = reading.found[0] if reading is not None and len(reading.found) == 1 else None
        problem = ""
        if reading is None:
            pass
        elif len(reading.found) > 1:
            problem = self.tr("These are several tokens. Paste that of this account alone.")
        elif self.found is None:
            why = reading.problems[0].why if reading.problems else ""
            problem = self.tr("This is no token: %1.").replace("%1", told(why) or "…")
        elif self.found.token == self._account.token:
            problem = self.tr("This is the token it has already.")
        else:
            other = self._owner(self.found)
            if other is not None:
                problem = self.tr("%1 has this token already.").replace("%1", other.name)
        self._say(problem, able=self.found is not None and not problem)

    def _owner(self, found: NewAccount) -> Account | None:
        return next((one for one in self._desk.host.pool.accounts() if one.token == found.token), None)


class AllowAdult(_Asking):
    """The owner's own statement. Nothing is filled in; accepting leaves it in `adult` (decision 10)."""

    def __init__(self, parent: QWidget | None, desk: Desk, count: int) -> None:
        super().__init__(
            parent,
            desk,
            self.tr("Show adult content with %n account(s)?", "", count),
            self.tr("Show with %n account(s)", "", count),
        )
        self.adult: Adult | None = None
        self._column.addWidget(
            quiet(
                self.tr(
                    "Grok asks for the date of birth of whoever the account belongs to. It is sent once, "
                    "as you give it, and is not kept here. Grok lets nobody change it afterwards."
                )
            )
        )
        asked = QLabel(self.tr("Your own date of birth (year-month-day)"))
        self.born = QLineEdit()
        self.born.setPlaceholderText(self.tr("yyyy-mm-dd"))
        self.born.setAccessibleName(asked.text())
        asked.setBuddy(self.born)
        self.confirm = Tick(self.tr("I am an adult, and these accounts are mine"), desk.look)
        self.confirm.setAccessibleName(self.confirm.text())
        self._column.addWidget(asked)
        self._column.addWidget(self.born)
        self._column.addWidget(self.confirm)
        self.born.textChanged.connect(self.check)
        self.confirm.toggled.connect(self.check)
        self.check()
        self._finish(self.born)

    def check(self, *_: object) -> None:
        """Say at once what is wrong."""
        self.adult = None
        text = self.born.text().strip()
        try:
            born = date.fromisoformat(text)
        except ValueError:
            complete = len(text) >= len("2000-01-01")
            self._say(self.tr("This is no date such as 1990-05-17.") if complete else "", able=False)
            return
        statement = Adult(born, confirmed=self.confirm.isChecked())
        try:
            # The date alone first: what is wrong with it is said before the tick is set.
            today = datetime.fromtimestamp(self._desk.host.clock.now()).date()  # noqa: DTZ006 - the owner's day
            Adult(born, confirmed=True).check(today)
        except InvalidRequest as error:
            self._say(told(error.message, error.hint), able=False)
            return
        self.adult = statement if statement.confirmed else None
        self._say("", able=statement.confirmed)


class TagAccounts(_Asking):
    """Tags to give, or one to take away. Accepting leaves them in `tags`."""

    def __init__(
        self, parent: QWidget | None, desk: Desk, count: int, known: Sequence[str], *, away: bool
    ) -> None:
        if away:
            title = self.tr("Take a tag from %n account(s)", "", count)
            yes = self.tr("Take away")
        else:
            title = self.tr("Tag %n account(s)", "", count)
            yes = self.tr("Tag")
        super().__init__(parent, desk, title, yes)
        self.choice = Choice(self.tr("Tag"), desk.look)
        self.field = QLineEdit()
        self.field.setAccessibleName(self.tr("Tags, parted by commas"))
        self.field.setPlaceholderText(self.tr("Tags, parted by commas"))
        self._away = away
        if away:
            for tag in known:
                self.choice.addItem(tag, tag)
            self._column.addWidget(self.choice)
        else:
            self._column.addWidget(self.field)
            if known:
                used = self.tr("In use: %1").replace("%1", ", ".join(known[:12]))
                self._column.addWidget(quiet(used))
        self.field.textChanged.connect(self.check)
        self.check()
        self._finish(self.choice if away else self.field)

    @property
    def tags(self) -> list[str]:
        """What was chosen or typed."""
        if self._away:
            return [str(self.choice.currentData())]
        return split_tags(self.field.text())

    def check(self, *_: object) -> None:
        """Say at once what is wrong."""
        long = any(len(tag) > _LONGEST_TAG for tag in self.tags)
        problem = self.tr("A tag has at most %1 characters.").replace("%1", str(_LONGEST_TAG)) if long else ""
        self._say(problem, able=bool(self.tags) and not problem)


class BindAccounts(_Asking):
    """The way out that accounts always take. Accepting leaves it in `way`, as `Account.proxy` has it."""

    def __init__(self, parent: QWidget | None, desk: Desk, count: int, now: Secret) -> None:
        super().__init__(
            parent, desk, self.tr("Way out of %n account(s)", "", count), self.tr("Use this way")
        )
        self.way = now
        self._column.addWidget(
            quiet(
                self.tr(
                    "A bound account always leaves by its own way, and rests while that one does not work."
                )
            )
        )
        self.choice = Choice(self.tr("Way out"), desk.look)
        for text, way in ways(desk):
            self.choice.addItem(text, way)
        self.choice.addItem(self.tr("Another proxy…"), _OTHER)
        self.address = QLineEdit()
        self.address.setAccessibleName(self.tr("Address of the proxy"))
        self.address.setPlaceholderText(self.tr("socks5://name:password@host:1080"))
        self.address.setFont(code_font())
        self._column.addWidget(self.choice)
        self._column.addWidget(self.address)
        place = self.choice.findData(now.reveal())
        self.choice.setCurrentIndex(place if place >= 0 else self.choice.count() - 1)
        if place < 0:
            self.address.setPlaceholderText(public_name(now.reveal()))
        self.choice.currentIndexChanged.connect(self.check)
        self.address.textChanged.connect(self.check)
        self.check()
        self._finish(self.choice)

    def check(self, *_: object) -> None:
        """Say at once what is wrong."""
        chosen = str(self.choice.currentData())
        self.address.setVisible(chosen == _OTHER)
        if chosen != _OTHER:
            self.way = Secret(chosen)
            self._say("", able=True)
            return
        typed = self.address.text().strip()
        problem = ""
        if typed:
            try:
                self.way = Secret(normal_proxy(typed))
            except ValueError as error:
                text = told(str(error))
                problem = self.tr("%1.").replace("%1", f"{text[:1].upper()}{text[1:]}")
        self._say(problem, able=bool(typed) and not problem)


class ExportAccounts(_Asking):
    """How accounts are written to a file. Says that whoever has the file can use them."""

    def __init__(self, parent: QWidget | None, desk: Desk, count: int) -> None:
        super().__init__(
            parent,
            desk,
            self.tr("Export %n account(s)", "", count),
            self.tr("Export %n account(s)…", "", count),
        )
        self.choice = Choice(self.tr("Format"), desk.look)
        for text, form in (
            (self.tr("Everything, for GrokDesk (JSON)"), Format.GROKDESK),
            (self.tr("Only the tokens, one on a line (TXT)"), Format.TXT),
            (self.tr("Table for a spreadsheet (CSV)"), Format.CSV),
            (self.tr("For grok2api 2.x (JSON)"), Format.GROK2API_2),
            (self.tr("For grok2api 3.x (JSON)"), Format.GROK2API_3),
        ):
            self.choice.addItem(text, form.value)
        warned = QHBoxLayout()
        warned.setSpacing(8)
        shape = QLabel()
        dress_label(shape, "warning", desk.look, "warn", 16)
        warning = Prose(
            self.tr("The file holds the tokens themselves: whoever has it can use these accounts as you do.")
        )
        set_tone(warning, "warn")
        warned.addWidget(shape, 0, Qt.AlignmentFlag.AlignTop)
        warned.addWidget(warning, 1)
        self._column.addWidget(self.choice)
        self._column.addLayout(warned)
        self._say("", able=True)
        self._finish(self.choice)

    @property
    def form(self) -> Format:
        """The format that was chosen."""
        return Format(self.choice.currentData())


class Outcome(QDialog):
    """What became of each account, the failed ones first. `Retry these` accepts."""

    def __init__(self, parent: QWidget | None, desk: Desk, job: Job, title: str) -> None:
        super().__init__(parent)
        self._desk = desk
        self._results: Sequence[Result] = tuple(job.results)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.rows: Rows[Result] = Rows(
            (
                Column(self.tr("Account"), lambda one: one.name, lambda one: one.name.casefold()),
                Column(
                    self.tr("Outcome"),
                    lambda one: self.tr("Done") if one.ok else self.tr("Failed"),
                    lambda one: one.ok,
                ),
                Column(self.tr("What happened"), _said, lambda one: one.said, tip=_said),
            ),
            key=lambda one: one.account,
            parent=self,
        )
        self.rows.fill(self._results)
        self.rows.sort(1)
        self.table = Table(self.rows, self.tr("Outcome of each account"), (170, 80, 260), stretch=2)
        self.only = Tick(self.tr("Only what failed"), desk.look)
        self.only.setAccessibleName(self.only.text())
        self.copy = button(self.tr("Copy list"), look=desk.look, icon="copy")
        self.close_ = button(self.tr("Close"))
        self.retry = button(self.tr("Retry %n account(s)", "", job.failed), kind="primary")
        self.retry.setVisible(bool(job.failed) and job.is_over)
        self.close_.setDefault(not job.failed)
        self.retry.setDefault(bool(job.failed))
        said = self.tr("%1 done, %2 failed, %3 left out.")
        for sign, number in (("%1", job.ok), ("%2", job.failed), ("%3", job.total - job.done)):
            said = said.replace(sign, str(number))
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(section(title))
        column.addWidget(quiet(said))
        column.addWidget(self.table, 1)
        low = QHBoxLayout()
        low.setSpacing(8)
        low.addWidget(self.only)
        low.addWidget(self.copy)
        low.addStretch(1)
        low.addWidget(self.close_)
        low.addWidget(self.retry)
        column.addLayout(low)
        self.resize(*_RESULTS)
        self.only.toggled.connect(self._narrow)
        self.copy.clicked.connect(self._copy)
        self.close_.clicked.connect(self.reject)
        self.retry.clicked.connect(self.accept)
        copied = QAction(self.tr("Copy"), self)
        copied.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copied.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copied.triggered.connect(self._copy)
        self.table.addAction(copied)
        self.only.setChecked(bool(job.failed))
        self.table.setFocus()

    def failed(self) -> list[AccountId]:
        """Whom a retry is about."""
        return [one.account for one in self._results if not one.ok]

    def text(self) -> str:
        """What is shown, a line for each account."""
        shown = [self.rows.row(place) for place in range(len(self.rows))]
        return "\n".join(f"{one.name}\t{_said(one)}" for one in shown)

    def _narrow(self, on: bool) -> None:
        self.rows.filter(lambda one: not (on and one.ok))

    def _copy(self) -> None:
        self._desk.copy(self.text(), self.tr("List copied."))


def ways(desk: Desk) -> list[tuple[str, str]]:
    """The ways out there are, with their names: any, direct, and the proxies of the settings."""
    found = [(_tr("Any way out, as the settings say"), ""), (_tr("Directly, without a proxy"), DIRECT)]
    egress = desk.host.live.now.egress
    seen: set[str] = {DIRECT}
    for entry in (*egress.proxies, *egress.media_proxies):
        try:
            way = normal_way(entry)
        except ValueError:
            continue
        if way and way not in seen:
            seen.add(way)
            found.append((desk.host.egress.name_of(way) or public_name(way), way))
    return found


def split_tags(text: str) -> list[str]:
    """Tags as they are typed: parted by commas of any script, each once."""
    plain = text
    for sign in "，、;；\n":
        plain = plain.replace(sign, ",")
    return list(dict.fromkeys(" ".join(part.split()) for part in plain.split(",") if part.strip()))


def _said(one: Result) -> str:
    return told(one.said, one.hint)


def _tr(text: str) -> str:
    return QCoreApplication.translate("AccountDialogs", text)
