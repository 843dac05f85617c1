"""The pages of the first steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.egress import Tested, normal_way
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.settings import EgressMode, EgressSettings, Language, Theme
from grokdesk.core.visits import Light
from grokdesk.engine.import_export import Plan
from grokdesk.platform.tasks import offload
from grokdesk.ui import words
from grokdesk.ui.connections import Connections
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.models.clients import LIGHTS
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import Prose, button, card, quiet, section, set_tone
from grokdesk.ui.widgets.tick import Tick
from grokdesk.ui.windows.add_accounts import AddAccounts
from grokdesk.ui.windows.connect_browser import ClientBrowser

_WIDEST: Final = 720
_PASTE_HEIGHT: Final = 390


class Page(QWidget):
    """One step. `finished` says that it has done what it is for and the next may come by itself."""

    changed = Signal()
    finished = Signal()
    scrolls = True

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(MARGIN, GAP, MARGIN, GAP)
        self.column.setSpacing(GAP)

    def first(self) -> QWidget | None:
        """Where the keyboard begins; the button that leads on when there is nothing better."""
        return None

    def is_done(self) -> bool:
        """Whether it has been done."""
        return False

    def may_leave(self) -> bool:
        """Whether the next page may come; whoever says no does something instead."""
        return True

    def way_on(self) -> str:
        """The words of the button that leads on."""
        return self.tr("Next")

    def hint(self) -> str:
        """What is said beside that button."""
        return ""

    def appeared(self) -> None:
        """It can be seen."""

    def vanished(self) -> None:
        """It cannot be seen any more."""


class WelcomePage(Page):
    """What this is, in which language, how it looks, and whether it starts with the computer."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        frame, layout = card()
        frame.setMaximumWidth(_WIDEST)
        layout.addWidget(section(self.tr("Welcome to GrokDesk")))
        layout.addWidget(
            quiet(
                self.tr(
                    "It lets the apps on this computer use your own Grok accounts, through one address that "
                    "speaks the language of OpenAI and Anthropic. All it needs is an account and an app."
                )
            )
        )
        self.language = Choice(self.tr("Language"), desk.look)
        self.language.addItem(self.tr("Like the system"), Language.SYSTEM.value)
        self.language.addItem("English", Language.ENGLISH.value)
        self.language.addItem("简体中文", Language.CHINESE.value)
        self.theme = Choice(self.tr("Look"), desk.look)
        for text, theme in (
            (self.tr("Like the system"), Theme.SYSTEM),
            (self.tr("Light"), Theme.LIGHT),
            (self.tr("Dark"), Theme.DARK),
        ):
            self.theme.addItem(text, theme.value)
        self.login = Tick(self.tr("Start GrokDesk when I sign in to this computer"), desk.look)
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(2, 1)
        for number, (name, choice) in enumerate(
            ((self.tr("Language"), self.language), (self.tr("Look"), self.theme))
        ):
            label = QLabel(name)
            label.setBuddy(choice)
            grid.addWidget(label, number, 0)
            grid.addWidget(choice, number, 1)
        layout.addLayout(grid)
        layout.addWidget(self.login)
        self.demo = button(self.tr("Look at a demo first"), look=desk.look, icon="flask")
        row = QHBoxLayout()
        row.addWidget(self.demo)
        row.addStretch(1)
        layout.addLayout(row)
        self.column.addWidget(frame)
        self.column.addStretch(1)
        self.language.activated.connect(lambda: desk.choose_language(str(self.language.currentData())))
        self.theme.activated.connect(lambda: desk.choose_theme(str(self.theme.currentData())))
        self.login.clicked.connect(lambda on: desk.work.start(self._switch(on), exclusive="start at login"))
        self.demo.clicked.connect(desk.start_demo)
        desk.bridge.settings.connect(self._show)
        self._show()

    def is_done(self) -> bool:
        return bool(self.desk.memory.now.first_step not in {"", "welcome"} or self.desk.memory.now.first_done)

    def appeared(self) -> None:
        self._show()
        self.desk.work.start(self._look_at_login(), exclusive="look at start at login")

    def _show(self, *_: object) -> None:
        appearance = self.desk.host.live.now.appearance
        self.language.setCurrentIndex(self.language.findData(appearance.language.value))
        self.theme.setCurrentIndex(self.theme.findData(appearance.theme.value))
        self.login.setVisible(self.desk.host.autostart is not None)

    async def _look_at_login(self) -> None:
        autostart = self.desk.host.autostart
        if autostart is not None:
            self.login.setChecked(await offload(autostart.is_on))

    async def _switch(self, on: bool) -> None:
        autostart = self.desk.host.autostart
        if autostart is None:
            return
        try:
            await offload(lambda: autostart.switch(on=on))
        finally:
            self.login.setChecked(await offload(autostart.is_on))


class _Paste(AddAccounts):
    """The dialog for new accounts as a part of a page: it takes accounts, and does not close."""

    taken = Signal(object)
    """`Plan`"""

    def __init__(self, desk: Desk) -> None:
        super().__init__(None, desk)
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setWindowModality(Qt.WindowModality.NonModal)
        self.setMinimumSize(0, _PASTE_HEIGHT)
        self.cancel.hide()
        self.add.hide()
        self.lines.modelReset.connect(self._show_add)

    def accept(self) -> None:
        plan = self.plan
        if plan.changes_something:
            self.take_file(b"", "")
            self.taken.emit(plan)

    def reject(self) -> None:
        """Esc loses nothing."""

    def _show_add(self) -> None:
        # The page has a button that adds and goes on; what removes accounts is done by its own.
        self.add.setVisible(bool(self.plan.gone))


class PastePage(Page):
    """Accounts: pasted, dropped or from a file; shown before they are saved."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.paste = _Paste(desk)
        self.here = Prose()
        self._shape = QLabel()
        said = QHBoxLayout()
        said.setContentsMargins(MARGIN, 0, MARGIN, GAP)
        said.setSpacing(8)
        said.addWidget(self._shape)
        said.addWidget(self.here, 1)
        self.column.addWidget(self.paste, 1)
        self.column.addLayout(said)
        self.paste.taken.connect(self._take)
        self.paste.paste.textChanged.connect(self.changed)
        self.paste.lines.modelReset.connect(self.changed)
        desk.bridge.accounts.connect(self._heard)
        desk.accounts_added.connect(self._added)
        self._show()

    def first(self) -> QWidget:
        return self.paste.paste

    def text(self) -> str:
        """What was pasted and is not added yet."""
        return self.paste.paste.toPlainText()

    def put_text(self, text: str) -> None:
        """Paste it again."""
        if text:
            self.paste.paste.setPlainText(text)
            self.paste.read()

    def is_done(self) -> bool:
        return len(self.desk.host.pool) > 0

    def may_leave(self) -> bool:
        """What was pasted is added first: nobody pastes to leave it there."""
        if self.text():
            self.paste.read()
        if self._can_add():
            self.paste.accept()
            return False
        return True

    def _can_add(self) -> bool:
        plan = self.paste.plan
        return plan.changes_something and not plan.gone

    def way_on(self) -> str:
        if self._can_add():
            return self.tr("Add them and go on")
        return self.tr("Next") if self.is_done() else self.tr("Later")

    def hint(self) -> str:
        return (
            "" if self.is_done() or self.text().strip() else self.tr("Without an account apps get an error.")
        )

    def appeared(self) -> None:
        self._show()

    def _take(self, plan: Plan) -> None:
        self.desk.add_accounts(plan)

    def _added(self, _: object) -> None:
        self._show()
        self.finished.emit()

    def _heard(self, *_: object) -> None:
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        counts, checking = self.desk.host.pool.counts(), self.desk.host.checks.running
        if not counts.total:
            text, icon, token = self.tr("No account is here yet."), "info", "text2"
        else:
            text = self.tr("%n account(s) here", "", counts.total) + ": "
            text += self.tr("%n ready", "", counts.ready)
            if checking:
                text += ", " + self.tr("%n being checked", "", checking)
            text += "."
            icon, token = ("tick-on", "ok") if counts.ready else ("info", "text2")
        self.here.setText(text)
        dress_label(self._shape, icon, self.desk.look, token, 16)
        self.changed.emit()


class WayPage(Page):
    """Whether Grok can be reached, and a proxy where that is the way."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._found: Tested | None = None
        self._checked: EgressSettings | None = None
        self._problem = ""
        self._checking = False
        frame, layout = card()
        frame.setMaximumWidth(_WIDEST)
        layout.addWidget(section(self.tr("Can this computer reach Grok?")))
        self.mode = Choice(self.tr("Which way requests leave"), desk.look)
        for text, mode in (
            (self.tr("Directly"), EgressMode.DIRECT),
            (self.tr("As this computer is set"), EgressMode.SYSTEM),
            (self.tr("Through a proxy"), EgressMode.PROXIES),
        ):
            self.mode.addItem(text, mode.value)
        asked = QLabel(self.tr("Connect:"))
        asked.setBuddy(self.mode)
        self.check = button(self.tr("Check again"), look=desk.look, icon="test")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(asked)
        row.addWidget(self.mode)
        row.addStretch(1)
        row.addWidget(self.check)
        layout.addLayout(row)
        self.proxy = QLineEdit()
        self.proxy.setPlaceholderText("socks5://127.0.0.1:1080")
        self.proxy.setAccessibleName(self.tr("Address of the proxy"))
        self.use = button(self.tr("Use it"), look=desk.look, name=self.tr("Use this proxy"))
        self.asked = QWidget()
        line = QHBoxLayout(self.asked)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.proxy, 1)
        line.addWidget(self.use)
        layout.addWidget(self.asked)
        self._shape = QLabel()
        self.result = Prose()
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self.result, 1)
        layout.addLayout(said)
        self.more = button("", look=desk.look, icon="network")
        more = QHBoxLayout()
        more.addWidget(self.more)
        more.addStretch(1)
        layout.addLayout(more)
        self.column.addWidget(frame)
        self.column.addStretch(1)
        self.mode.activated.connect(self._choose)
        self.check.clicked.connect(self.begin)
        self.use.clicked.connect(self._use)
        self.proxy.returnPressed.connect(self._use)
        self.more.clicked.connect(self._go)
        self._show()

    def is_done(self) -> bool:
        return self._found is not None and self._found.reachable

    def appeared(self) -> None:
        egress = self.desk.host.live.now.egress
        self.mode.setCurrentIndex(self.mode.findData(egress.mode.value))
        self._show()
        if self._found is None or self._checked != egress:
            self.begin()

    def begin(self) -> None:
        """Check the way."""
        self.desk.work.start(self._check(), exclusive="check the way")

    def _choose(self) -> None:
        mode = EgressMode(self.mode.currentData())
        egress = self.desk.host.live.now.egress
        self._found, self._problem = None, ""
        self._show()
        if mode is EgressMode.PROXIES and not egress.proxies:
            self.proxy.setFocus()
        else:
            self.desk.work.start(self._change({"egress.mode": mode.value}), exclusive="check the way")

    def _use(self) -> None:
        self._problem = ""
        try:
            way = normal_way(self.proxy.text().strip())
        except ValueError as error:
            self._problem = self.tr("This is no address of a proxy: %1.").replace("%1", told(str(error)))
            self._show()
            return
        if not way:
            self.proxy.setFocus()
            return
        old = self.desk.host.live.now.egress.proxies
        changes = {
            "egress.mode": EgressMode.PROXIES.value,
            "egress.proxies": [way, *(one for one in old if one != way)],
        }
        self.desk.work.start(self._change(changes), exclusive="check the way")

    async def _change(self, changes: Mapping[str, Any]) -> None:
        await self.desk.host.change(changes)
        await self._check()

    async def _check(self) -> None:
        self._checking, self._problem = True, ""
        self._checked = self.desk.host.live.now.egress
        self._show()
        try:
            found = await self.desk.host.egress.test()
            self._found = next(iter(found.values()), None)
            if self._found is None:
                self._problem = self.tr("There is no way out yet. Type the address of a proxy.")
        except GrokDeskError as error:
            self._problem = told(error.message, error.hint)
        finally:
            self._checking = False
            self._show()

    def _go(self) -> None:
        challenged = self._found is not None and self._found.challenged
        self.desk.pane_wanted.emit("network:cloudflare" if challenged else "network")

    def _show(self) -> None:
        text, icon, token, tone = self._words()
        self.result.setText(text)
        set_tone(self.result, tone)
        dress_label(self._shape, icon, self.desk.look, token, 20)
        self.check.setEnabled(not self._checking)
        by_proxy = self.mode.currentData() == EgressMode.PROXIES.value
        self.asked.setVisible(by_proxy)
        found = self._found
        troubled = not self._checking and (
            bool(self._problem) or (found is not None and (found.challenged or not found.reachable))
        )
        self.more.setVisible(troubled)
        challenged = found is not None and found.challenged
        self.more.setText(self.tr("Pass Cloudflare…") if challenged else self.tr("Proxies and more…"))
        self.more.setAccessibleName(self.more.text())
        self.changed.emit()

    def _words(self) -> tuple[str, str, str, str]:
        found = self._found
        if self._checking:
            return self.tr("Checking…"), "state-busy", "accent", "quiet"
        if self._problem:
            return self._problem, "state-failed", "error", "error"
        if found is None:
            return self.tr("Not checked yet."), "state-off", "text2", "quiet"
        if not found.reachable:
            text = self.tr("Grok cannot be reached this way: %1").replace(
                "%1", told(found.failure, found.hint)
            )
            return text, "state-failed", "error", "error"
        if found.challenged:
            text = self.tr(
                "Grok can be reached, but Cloudflare wants to see a browser first. Your accounts are "
                "fine; requests may "
                "be stopped until it is passed."
            )
            return text, "state-owner", "warn", "warn"
        seen = " ".join(part for part in (found.address, found.country) if part)
        text = self.tr("Grok can be reached: %1.").replace("%1", words.milliseconds(found.latency_ms))
        if seen:
            text = f"{text} {self.tr('It sees you at %1.').replace('%1', seen)}"
        return text, "tick-on", "ok", "ok"


class AppPage(Page):
    """Address, key, the programs, and the light that waits for the first request."""

    scrolls = False

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        look = desk.look
        self.connections = Connections(desk, self)
        self._failed = ""
        self.address, self.key_text = QLabel(), QLabel()
        self.copy_address = button(self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the address"))
        self.copy_key = button(self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the key"))
        frame, layout = card()
        layout.setContentsMargins(16, 8, 16, 8)
        layout.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, value, copy in (
            (self.tr("Address"), self.address, self.copy_address),
            (self.tr("API key"), self.key_text, self.copy_key),
        ):
            label = quiet(name)
            label.setWordWrap(False)
            value.setFont(code_font())
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            row.addWidget(label)
            row.addWidget(value)
            row.addWidget(copy)
            row.addSpacing(GAP)
        row.addStretch(1)
        layout.addLayout(row)
        self._shape = QLabel()
        self.waiting = Prose()
        self.show_run = button(
            self.tr("Show it"), look=look, icon="requests", name=self.tr("Show the failed request")
        )
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._shape)
        said.addWidget(self.waiting, 1)
        said.addWidget(self.show_run)
        layout.addLayout(said)
        self.browser = ClientBrowser(self.connections)
        self.column.addWidget(frame)
        self.column.addWidget(self.browser, 1)
        self.copy_address.clicked.connect(
            lambda: desk.copy(self.connections.address.base_url, self.tr("Address copied."))
        )
        self.copy_key.clicked.connect(desk.copy_key)
        self.show_run.clicked.connect(self._show_run)
        self.connections.changed.connect(self._show)
        self._show()

    def first(self) -> QWidget:
        return self.browser.list

    def is_done(self) -> bool:
        return self.connections.newest().light is Light.GREEN

    def hint(self) -> str:
        return "" if self.is_done() else self.tr("You can finish now; the light stays under Connect apps.")

    def keepsake(self) -> dict[str, Any]:
        """What is to outlive the widgets."""
        return self.browser.keepsake()

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Take what `keepsake` returned."""
        self.browser.put_back(kept)

    def appeared(self) -> None:
        self.connections.watch()

    def vanished(self) -> None:
        self.connections.rest()

    def _show(self, *_: object) -> None:
        desk, sign = self.desk, self.connections.newest()
        self.address.setText(self.connections.address.base_url)
        self.key_text.setText(desk.masked_key())
        self.copy_key.setEnabled(desk.key() is not None)
        icon, token = LIGHTS[sign.light]
        now = desk.host.clock.now()
        match sign.light:
            case Light.GREY:
                text, tone, icon = self.tr("Waiting for the first request…"), "", "state-busy"
                token = "accent"  # noqa: S105 - a colour
            case Light.GREEN:
                text = self.tr("It works: an app asked, and was answered (%1).").replace(
                    "%1", words.ago(sign.at, now)
                )
                tone, icon = "ok", "tick-on"
            case Light.RED:
                text = self.tr("An app asked, and it failed: %1").replace("%1", told(sign.message, sign.hint))
                tone = "error"
        self.waiting.setText(text)
        set_tone(self.waiting, tone)
        dress_label(self._shape, icon, desk.look, token, 20)
        self._failed = sign.run_id if sign.light is Light.RED else ""
        self.show_run.setVisible(bool(self._failed))
        self.changed.emit()

    def _show_run(self) -> None:
        if self._failed:
            self.desk.pane_wanted.emit(f"requests:{self._failed}")
