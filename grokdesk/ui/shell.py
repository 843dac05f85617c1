"""Tray and window around a running program, until its end is requested."""

from __future__ import annotations

from PySide6.QtCore import QObject

from grokdesk.core.notices import GatewayState
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs
from grokdesk.ui.bridge import Bridge
from grokdesk.ui.desk import Desk, Toast
from grokdesk.ui.host import Host
from grokdesk.ui.memory import Memory
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray
from grokdesk.ui.windows.main_window import MainWindow


class Shell(QObject):
    """Connects tray, window and program; decides what closing and quitting mean."""

    def __init__(self, host: Host, look: Look, tray: Tray) -> None:
        super().__init__()
        self._host = host
        self.tray = tray
        self.bridge = Bridge(host.bus)
        self.memory = Memory(host.paths.data)
        self.desk = Desk(host, look, self.bridge, self.memory)
        self.window = MainWindow(self.desk)
        self._asking = False
        self._connect()

    async def run(self) -> None:
        """Show the face until the end is requested."""
        self.refresh_tray()
        if not (self._host.live.now.startup.hidden and self.tray.visible):
            self.window.bring_up()
        await self._host.shutdown.wait()
        await self.leave()

    def quit(self) -> None:
        """Ask first while requests run or changes are not saved, then request the end."""
        running, unsaved = self._host.runs.in_flight, self.window.unsaved()
        if not running and not unsaved:
            self._host.shutdown.request()
        elif not self._asking:
            self.desk.work.start(self._ask_to_quit(running, unsaved), exclusive="quit")

    def refresh_tray(self, *_: object) -> None:
        """Show in the tray how things are."""
        host, state = self._host, self._host.gateway.state
        counts = host.pool.counts()
        self.tray.update_state(
            awake=True,
            phase=state.phase.value,
            address=state.address,
            error=state.error,
            total=counts.total,
            ready=counts.ready,
            need_owner=counts.need_owner,
            requests=host.runs.in_flight,
            has_key=bool(host.keys.all()),
        )

    async def leave(self) -> None:
        """Put everything away."""
        self.tray.update_state(leaving=True)
        self.window.remember_place()
        self.window.leave()
        self.desk.forget_key()
        await self.desk.work.ended()
        self.bridge.close()
        await offload(self.memory.save)

    # -- inside

    def _connect(self) -> None:
        desk, tray, bridge, window = self.desk, self.tray, self.bridge, self.window
        tray.toggle_wanted.connect(desk.toggle_gateway)
        tray.copy_address_wanted.connect(desk.copy_address)
        tray.copy_key_wanted.connect(desk.copy_key)
        tray.open_wanted.connect(window.bring_up)
        tray.needs_you_wanted.connect(self._show_needy)
        tray.quit_wanted.connect(self.quit)
        tray.missing.connect(self._tray_missing)
        tray.appeared.connect(lambda: window.set_tray_hint(missing=False))
        bridge.gateway.connect(self._gateway_changed)
        bridge.accounts.connect(self.refresh_tray)
        bridge.runs.connect(self.refresh_tray)
        bridge.keys.connect(self.refresh_tray)
        desk.said.connect(self._said)
        window.close_wanted.connect(self._close_wanted)
        window.quit_wanted.connect(self.quit)
        self._host.on_raise(window.bring_up)
        window.set_tray_hint(missing=not tray.visible)

    def _gateway_changed(self, _: GatewayState) -> None:
        self.refresh_tray()

    def _show_needy(self) -> None:
        self.window.bring_up()
        self.window.show_needy()

    def _said(self, toast: Toast) -> None:
        if not self.window.isVisible():
            self.tray.say(toast.text)

    def _tray_missing(self) -> None:
        self.window.set_tray_hint(missing=True)
        if not self.window.isVisible():
            self.window.bring_up()

    def _close_wanted(self) -> None:
        if self.memory.now.keep_running and self.tray.visible:
            self._hide()
        elif not self._asking:
            self.desk.work.start(self._ask_to_close(), exclusive="close")

    async def _ask_to_close(self) -> None:
        self._asking = True
        try:
            if self.tray.visible:
                said, remember = await dialogs.ask_remembering(
                    self.window,
                    dialogs.Question(
                        self.tr("Keep the gateway running in the tray?"),
                        self.tr(
                            "Apps can go on using your accounts. The icon in the tray brings the window back."
                        ),
                        self.tr("Keep running"),
                        self.tr("Quit"),
                        remember=self.tr("Don't ask again"),
                    ),
                )
                if said is dialogs.Answer.YES and remember:
                    self.memory.change(keep_running=True)
            else:
                said = await dialogs.ask(
                    self.window,
                    dialogs.Question(
                        self.tr("Keep running without an icon?"),
                        self.tr(
                            "This desktop shows no tray icon. GrokDesk would go on out of sight; "
                            "start it again to see it."
                        ),
                        self.tr("Keep running"),
                        self.tr("Quit"),
                    ),
                )
        finally:
            self._asking = False
        if said is dialogs.Answer.YES:
            self._hide()
        elif said is dialogs.Answer.NO:
            self._host.shutdown.request()

    async def _ask_to_quit(self, running: int, unsaved: int) -> None:
        if running:
            title = self.tr("Quit with %n request(s) running?", "", running)
            text = self.tr("The apps that wait for them will see a broken answer.")
            if unsaved:
                text = f"{text} {self.tr('%n unsaved change(s) of the settings are lost.', '', unsaved)}"
        else:
            title = self.tr("Quit with %n unsaved change(s)?", "", unsaved)
            text = self.tr("They are under Settings, where they can be saved.")
        self._asking = True
        try:
            self.window.bring_up()
            said = await dialogs.ask(
                self.window,
                dialogs.Question(
                    title,
                    text,
                    self.tr("Quit"),
                    self.tr("Keep running"),
                    risky=True,
                ),
            )
        finally:
            self._asking = False
        if said is dialogs.Answer.YES:
            self._host.shutdown.request()

    def _hide(self) -> None:
        self.window.remember_place()
        self.window.hide()
        self._host.tasks.spawn(offload(self.memory.save), name="remember window")
