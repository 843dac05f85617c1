"""What a person can do, whatever was clicked: tray, window, keys and panes all call this."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, QProcess, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from grokdesk.core.accounts import AccountId
from grokdesk.core.client_setups import is_own_key
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.notices import GatewayPhase, GatewayState
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Settings
from grokdesk.engine.import_export import Plan
from grokdesk.ui import report, words
from grokdesk.ui.actions import Actions
from grokdesk.ui.bridge import Bridge
from grokdesk.ui.doing import Doing, Doings
from grokdesk.ui.host import Host
from grokdesk.ui.languages import joined, told
from grokdesk.ui.memory import Memory
from grokdesk.ui.messages import Messages
from grokdesk.ui.models.settings import InForce
from grokdesk.ui.theme import Look
from grokdesk.ui.work import Work

KEY_IN_CLIPBOARD_S: Final = 60
_TOAST_S: Final = 6
_UNDO_S: Final = 10
_LOOKED_AT: Final = 16 << 10


@dataclass(frozen=True, slots=True)
class Toast:
    """A passing word about something done, which `act` stands for: the next word about it takes its place.

    `undo` is offered with it.
    """

    text: str
    tone: str = ""
    undo: Callable[[], None] | None = None
    seconds: int = _TOAST_S
    act: object = None


class Desk(QObject):
    """The acts of the face, and what they need."""

    said = Signal(object)
    """`Toast`"""
    taken_back = Signal(object)
    """The `act` of a toast, from wherever it was taken back"""
    pane_wanted = Signal(str)
    add_wanted = Signal(str)
    """Accounts are to be added; with the text to begin with, or nothing."""
    accounts_added = Signal(object)
    """frozenset of `AccountId`"""

    def __init__(self, host: Host, look: Look, bridge: Bridge, memory: Memory) -> None:
        super().__init__()
        self.host = host
        self.look = look
        self.bridge = bridge
        self.memory = memory
        self.in_force = InForce(host, bridge)
        self.actions = Actions()
        self.doing = Doings(host.clock)
        self.messages = Messages(host.clock)
        self.adding: Doing | None = None
        """The last import of accounts."""
        self.work = Work(lambda error: report.show(self._say_failure, error))
        self._undos: list[Callable[[], Awaitable[None]]] = []
        self._copied: Secret | None = None
        self._forget = QTimer(self)
        self._forget.setSingleShot(True)
        self._forget.timeout.connect(self.forget_key)
        self._follow(host.live.now)
        bridge.settings.connect(self._follow)
        bridge.jobs.connect(lambda ids: self.doing.follow(host.jobs, ids))
        self.said.connect(lambda toast: self.messages.note(toast.text, toast.tone))

    def _follow(self, settings: Settings) -> None:
        """Look, and hear keys, as the settings say."""
        appearance = settings.appearance
        self.look.choose(appearance.theme.value)
        self.look.choose_contrast(high=appearance.high_contrast)
        self.look.choose_scale(appearance.text_scale)
        self.actions.follow(settings)

    # -- telling

    def say(self, text: str, tone: str = "") -> None:
        """Tell what was done."""
        self.said.emit(Toast(text, tone))

    def _say_failure(self, explained: report.Explained) -> None:
        text = joined(words.sentence([explained.title]), explained.text)
        self.said.emit(Toast(text, "error", seconds=2 * _TOAST_S))

    # -- gateway

    @property
    def gateway(self) -> GatewayState:
        """Where the gateway stands."""
        return self.host.gateway.state

    @property
    def port_from_outside(self) -> str:
        """What set the port at the start, such as the command line; empty when the settings do."""
        return self.host.settings_file.outside.get("gateway.port", "")

    def gateway_trouble(self) -> str:
        """Why the gateway failed, and what can be done about it here."""
        state = self.gateway
        if not state.free_port:
            return told(state.error, state.hint)
        if self.port_from_outside:
            hint = self.tr("The port comes from outside (%1). Close that program, or change the port there.")
            return joined(told(state.error), hint.replace("%1", told(self.port_from_outside)))
        return joined(told(state.error), self.tr("Take another one, or close that program."))

    def toggle_gateway(self) -> None:
        """Start the gateway, or stop it."""
        match self.gateway.phase:
            case GatewayPhase.RUNNING:
                self.work.start(self.host.gateway.stop(), exclusive="gateway")
            case GatewayPhase.STOPPED | GatewayPhase.FAILED:
                self.work.start(self._start_gateway(), exclusive="gateway")
            case GatewayPhase.STARTING | GatewayPhase.STOPPING:
                pass

    async def _start_gateway(self) -> None:
        try:
            await self.host.gateway.start()
        except GrokDeskError:
            # The banner says it, and stays until it is solved.
            if self.gateway.phase is not GatewayPhase.FAILED:
                raise

    def restart_gateway(self) -> None:
        """Stop the gateway and start it as it is set now."""
        self.work.start(self._restart_gateway(), exclusive="gateway")

    async def _restart_gateway(self) -> None:
        await self.host.gateway.stop()
        await self._start_gateway()
        if self.gateway.phase is GatewayPhase.RUNNING:
            self.say(self.tr("The address is now %1.").replace("%1", self.gateway.address))

    def use_port(self, port: int) -> None:
        """Listen on another port from now on."""
        self.work.start(self._use_port(port), exclusive="gateway")

    async def _use_port(self, port: int) -> None:
        await self.host.change({"gateway.port": port})
        if self.gateway.phase is not GatewayPhase.RUNNING:
            await self._start_gateway()
        if self.gateway.phase is GatewayPhase.RUNNING:
            self.say(self.tr("The address is now %1.").replace("%1", self.gateway.address))

    def copy_address(self) -> None:
        """Put the address into the clipboard."""
        self.copy(self.gateway.base_url, self.tr("Address copied."))

    # -- keys

    def key(self) -> Secret | None:
        """The key that apps use: the newest valid one that is not a program's own, if there is such a one."""
        keys = self.host.keys.all()
        shared = [key for key in keys if not is_own_key(key.name)] or keys
        return shared[-1].value if shared else None

    def masked_key(self) -> str:
        """The key as it may be shown."""
        key = self.key()
        return f"gd-…{key.tail}" if key is not None else "–"

    def copy_key(self) -> None:
        """Put the key into the clipboard for a minute."""
        key = self.key()
        if key is None:
            self.say(self.tr("There is no key. Make one on Home."), "error")
            return
        self.copy_secret(key.reveal(), self.tr("Key copied. The clipboard is cleared in 60 s."))

    def new_key(self) -> None:
        """Make a key beside the others."""
        self.work.start(self._new_key(revoke_old=False), exclusive="key")

    def replace_key(self) -> None:
        """Make a key and revoke the others but those of single programs; whoever asked has been asked."""
        self.work.start(self._new_key(revoke_old=True), exclusive="key")

    async def _new_key(self, *, revoke_old: bool) -> None:
        old = [key for key in self.host.keys.all() if not is_own_key(key.name)]
        await self.host.keys.make(self.tr("Key %1").replace("%1", str(len(old) + 1)))
        if revoke_old:
            for key in old:
                await self.host.keys.revoke(key.id)
            self.say(self.tr("New key made. The old one no longer works."))
        else:
            self.say(self.tr("New key made. The old one still works."))

    # -- clipboard

    def copy(self, text: str, told: str) -> None:
        """Put `text` into the clipboard and say so."""
        QGuiApplication.clipboard().setText(text)
        self.say(told, "ok")

    def copy_secret(self, text: str, told: str) -> None:
        """Put a secret into the clipboard for a minute; something else copied since then stays."""
        self.copy(text, told)
        self._copied = Secret(text)
        self._forget.start(KEY_IN_CLIPBOARD_S * 1000)

    def forget_key(self) -> None:
        """Clear the clipboard if our secret is still in it."""
        self._forget.stop()
        copied, self._copied = self._copied, None
        clipboard = QGuiApplication.clipboard()
        if copied is not None and clipboard.text() == copied.reveal():
            clipboard.clear()

    # -- accounts

    def add_accounts(self, plan: Plan) -> None:
        """Carry out an import. Goes on when the window is closed."""
        self.work.start(self._add_accounts(plan))

    async def _add_accounts(self, plan: Plan) -> None:
        before, count = len(self.host.pool), len(plan.new)
        adding = self.adding = self.doing.begin(self.tr("Add %n account(s)", "", count), count)

        def heard(_: object) -> None:
            adding.update(min(count, max(0, len(self.host.pool) - before)))

        self.bridge.accounts.connect(heard)
        adding.update(0)
        try:
            brought = await self.host.import_accounts(plan)
        finally:
            self.bridge.accounts.disconnect(heard)
            adding.finish()
        parts = [self.tr("%n account(s) added", "", len(brought.added))]
        if brought.updated:
            parts.append(self.tr("%n updated", "", len(brought.updated)))
        if brought.removed:
            parts.append(self.tr("%n removed", "", len(brought.removed)))
        if brought.known:
            parts.append(self.tr("%n already there", "", brought.known))
        ids = frozenset((*brought.added, *brought.updated))
        if ids:
            self.accounts_added.emit(ids)
        text = words.sentence(parts)
        if not brought.removed:
            self.said.emit(Toast(text, "ok"))
            return
        back = self._back(brought.removed)
        self._offer(text, back, "ok")

    def paste_accounts(self) -> bool:
        """Begin to add the accounts in the clipboard; returns whether there are any."""
        text = QGuiApplication.clipboard().text()
        # What is longer is read beside the window, which then says what it is.
        if not text.strip() or (len(text) < _LOOKED_AT and not self.host.read_accounts(text).found):
            return False
        self.add_wanted.emit(text)
        return True

    def remove_accounts(self, ids: Iterable[AccountId]) -> None:
        """Take accounts out, with a way back."""
        self.work.start(self._remove_accounts(list(ids)))

    async def _remove_accounts(self, ids: list[AccountId]) -> None:
        gone = await self.host.pool.remove(ids)
        if not gone:
            return

        back = self._back(account.id for account in gone)
        text = self.tr("%n account(s) removed from this computer.", "", len(gone))
        self._offer(text, back)

    def _back(self, ids: Iterable[AccountId]) -> Callable[[], Awaitable[None]]:
        """Remember how to bring accounts back that were just removed."""
        gone = list(ids)

        async def back() -> None:
            restored = await self.host.pool.restore(gone)
            self.say(self.tr("%n account(s) brought back.", "", len(restored)))

        self._undos.append(back)
        return back

    def enable_accounts(self, ids: Iterable[AccountId], *, on: bool) -> None:
        """Let accounts serve, or keep them out."""
        self.host.pool.enable(list(ids), on=on)

    def check_accounts(self, ids: Iterable[AccountId]) -> None:
        """Ask Grok about accounts again: a job that can be followed and cancelled."""
        wanted = list(ids)
        if wanted:
            self.host.acts.refresh(wanted)
            self.say(self.tr("Checking %n account(s)…", "", len(wanted)))

    def did(self, text: str, back: Callable[[], Awaitable[None]]) -> None:
        """Tell what was done, and offer to take it back by `back`."""
        self._undos.append(back)
        self._offer(text, back)

    def _offer(self, text: str, back: Callable[[], Awaitable[None]], tone: str = "") -> None:
        self.said.emit(Toast(text, tone, undo=lambda: self._undo(back), seconds=_UNDO_S, act=back))

    def undo(self) -> None:
        """Take the last act back."""
        if self._undos:
            self._undo(self._undos[-1])
        else:
            self.say(self.tr("There is nothing to undo."))

    def _undo(self, back: Callable[[], Awaitable[None]]) -> None:
        if back in self._undos:
            self._undos.remove(back)
            self.taken_back.emit(back)
            self.work.start(_done(back))

    # -- the rest

    def choose_theme(self, choice: str) -> None:
        """Be light, dark, or like the system."""
        self.look.choose(choice)
        self.work.start(self.host.change({"appearance.theme": choice}), exclusive="theme")

    def choose_text_scale(self, percent: int) -> None:
        """Write larger or smaller; within what the settings allow."""
        percent = min(200, max(80, percent))
        if percent != self.look.scale:
            # At once: whoever presses the keys quickly counts from what they see.
            self.look.choose_scale(percent)
            self.work.start(self._choose_text_scale(percent), exclusive="text size")

    async def _choose_text_scale(self, percent: int) -> None:
        await self.host.change({"appearance.text_scale": percent})
        text = self.tr("Text size: %1 %").replace("%1", str(percent))
        self.said.emit(Toast(text, act="text size"))

    def choose_language(self, choice: str) -> None:
        """Speak another language, or that of the system."""
        self.work.start(self.host.change({"appearance.language": choice}), exclusive="language")

    def start_demo(self) -> None:
        """Open a second GrokDesk on demo data, independent of this one."""
        arguments = ["--demo"] if getattr(sys, "frozen", False) else ["-m", "grokdesk", "--demo"]
        if QProcess.startDetached(sys.executable, arguments)[0]:
            self.say(self.tr("The demo opens in a window of its own."))
        else:
            self.say(self.tr("The demo could not be started."), "error")


async def _done(back: Callable[[], Awaitable[None]]) -> None:
    await back()
