"""Tray and window around a running program, until its end is requested."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication

from grokdesk.core.links import PREFIX, AddAccounts, OpenPlace, read_link
from grokdesk.core.settings import Settings
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs
from grokdesk.ui.bridge import Bridge
from grokdesk.ui.desk import Desk, Toast
from grokdesk.ui.host import Host
from grokdesk.ui.languages import joined, languages
from grokdesk.ui.memory import Memory
from grokdesk.ui.notifications import Notifier
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray
from grokdesk.ui.tray_acts import TrayActs
from grokdesk.ui.windows.add_accounts import read_file
from grokdesk.ui.windows.main_window import MainWindow

# A tray may be late at login: the first looks for it come after 1, 3 and 8 seconds.
_PATIENCE_S: Final = 9.0
ACTIVATION: Final = "XDG_ACTIVATION_TOKEN"
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,200}")
_MEDIA: Final = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".mp4", ".webm", ".mov"))


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
        self.notifier = Notifier(self.desk, tray.say, self._sight)
        self.acts = TrayActs(self.desk, tray, self.window, self.notifier)
        self._asking = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._tray_missing)
        self._language = host.live.now.appearance.language
        self._connect()

    async def run(self, *, hidden: bool = False, opens: Sequence[str] = ()) -> None:
        """Show the face until the end is requested.

        `hidden` begins with the icon only, as at login, where a tray may be late; without one the window
        comes up after some seconds. `opens` are links and files to show.
        """
        self.refresh_tray()
        wanted_hidden = (hidden or self._host.live.now.startup.hidden) and not opens
        if not wanted_hidden or not (self.tray.visible or hidden):
            self.show(opens)
        elif not self.tray.visible:
            self.wait_for_tray(_PATIENCE_S)
        if self._is_first_time() and not opens:
            self.window.go("first")
        self.notifier.begin()
        self.desk.work.start(self.acts.settle_in())
        await self._host.shutdown.wait()
        await self.leave()

    def quit(self) -> None:
        """Ask first while requests or work run or changes are not saved, then request the end."""
        question = self._what_would_be_lost()
        if question is None:
            self._host.shutdown.request()
        elif not self._asking:
            self.desk.work.start(self._ask_to_quit(question), exclusive="quit")

    def refresh_tray(self) -> None:
        """Show in the tray how things are."""
        self.acts.refresh()

    def show(self, opens: Sequence[str], token: str = "") -> None:
        """Bring the window up, and show in it what somebody clicked elsewhere: links and files.

        Nothing is done beyond showing: a file with accounts is shown with what adding it would do. `token` is
        what Wayland gave the start that asks: only with it a window may come to the front.
        """
        if _TOKEN.fullmatch(token) and QGuiApplication.platformName().startswith("wayland"):
            # Qt looks for it there when a window is raised, and takes it away.
            os.environ[ACTIVATION] = token
        self.window.bring_up()
        files = [one for one in opens if not one.lower().startswith(PREFIX)]
        for one in opens:
            if one not in files:
                self._follow(one)
        if files:
            self.desk.work.start(self._take_file(Path(files[0])), exclusive="open file")
        if len(files) > 1:
            self.desk.say(self.tr("One file at a time: only the first was opened."), "error")

    def _is_first_time(self) -> bool:
        """Whether the first steps come by themselves: nothing is here, and nobody has left them behind."""
        return not (self._host.demo or self.memory.now.first_done or len(self._host.pool))

    def wait_for_tray(self, seconds: float) -> None:
        """Stay hidden for so long although there is no tray yet; after that the window comes up."""
        self._patience.start(round(seconds * 1000))

    async def leave(self) -> None:
        """Put everything away."""
        self.tray.update_state(leaving=True)
        self.window.remember_place()
        self.window.leave()
        self.desk.forget_key()
        self.notifier.close()
        self.acts.close()
        self._patience.stop()
        await self.desk.work.ended()
        self.bridge.close()
        await offload(self.memory.save)

    # -- inside

    def _connect(self) -> None:
        desk, tray, bridge, window = self.desk, self.tray, self.bridge, self.window
        tray.quit_wanted.connect(self.quit)
        tray.missing.connect(self._tray_missing)
        tray.appeared.connect(self._tray_appeared)
        bridge.settings.connect(self._speak)
        desk.said.connect(self._said)
        window.close_wanted.connect(self._close_wanted)
        window.quit_wanted.connect(self.quit)
        self._host.on_raise(self.show)
        window.set_tray_hint(missing=not tray.visible)

    def _speak(self, settings: Settings) -> None:
        """Say everything anew when another language was chosen."""
        if settings.appearance.language is self._language:
            return
        self._language = settings.appearance.language
        if languages().speak(self._language.value):
            self.window.rebuild()
            # With the names of places as the window has them now.
            self.refresh_tray()
            self.tray.retranslate()

    def _sight(self) -> tuple[bool, bool]:
        """Whether a window of ours is in front, and whether one is on a screen."""
        windows = [self.window, *self.window.windows_of_panes().values()]
        seen = [one for one in windows if one.isVisible() and not one.isMinimized()]
        return any(one.isActiveWindow() for one in seen), bool(seen)

    def _said(self, toast: Toast) -> None:
        """Answer where the click was: what was wanted in the tray is told there while no window is seen."""
        if not self._sight()[1] and self.acts.is_answer():
            self.tray.say(toast.text)

    def _follow(self, link: str) -> None:
        places = {entry.key for entry in self.window.entries} | {"models", "logs"}
        match read_link(link, places):
            case OpenPlace(place):
                self.desk.pane_wanted.emit(place)
            case AddAccounts():
                self.window.add_accounts()
            case None:
                # Not shown: whoever wrote it could write anything into the window.
                self.desk.say(self.tr("That link opens nothing in GrokDesk."), "error")

    async def _take_file(self, path: Path) -> None:
        if path.suffix.lower() in _MEDIA:
            self.desk.pane_wanted.emit("library")
            self.desk.say(self.tr("Only files with accounts can be opened like this."), "error")
            return
        self.window.add_accounts(await read_file(path))

    def _tray_missing(self) -> None:
        self.window.set_tray_hint(missing=True)
        if not self._patience.isActive() and not self._sight()[1]:
            self.window.bring_up()

    def _tray_appeared(self) -> None:
        self._patience.stop()
        self.window.set_tray_hint(missing=False)

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
            self.quit()

    def _what_would_be_lost(self) -> dialogs.Question | None:
        """What to ask before the end; None when nothing would be lost by it."""
        requests = self._host.runs.in_flight
        works = self.desk.doing.running()
        unsaved = self.window.unsaved()
        lost: list[str] = []
        if requests:
            lost.append(self.tr("The apps that wait for them will see a broken answer."))
        if works and requests:
            lost.append(self.tr("%n task(s) would be cut off; what is done stays done.", "", len(works)))
        elif works:
            lost.append(
                self.tr("“%1” would be cut off; what is done stays done.").replace("%1", works[0].title)
            )
        if unsaved and (requests or works):
            lost.append(self.tr("%n unsaved change(s) of the settings are lost.", "", unsaved))
        elif unsaved:
            lost.append(self.tr("They are under Settings, where they can be saved."))
        if requests:
            title = self.tr("Quit with %n request(s) running?", "", requests)
        elif works:
            title = self.tr("Quit with %n task(s) running?", "", len(works))
        elif unsaved:
            title = self.tr("Quit with %n unsaved change(s)?", "", unsaved)
        else:
            return None
        text = joined(*lost)
        return dialogs.Question(title, text, self.tr("Quit"), self.tr("Keep running"), risky=True)

    async def _ask_to_quit(self, question: dialogs.Question) -> None:
        self._asking = True
        try:
            self.window.bring_up()
            said = await dialogs.ask(self.window, question)
        finally:
            self._asking = False
        if said is dialogs.Answer.YES:
            self._host.shutdown.request()

    def _hide(self) -> None:
        self.window.remember_place()
        self.window.hide()
        self._host.tasks.spawn(offload(self.memory.save), name="remember window")
