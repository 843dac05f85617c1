"""The main window: sidebar, status bar, one banner, a pane, the strip of work, and the corner for toasts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDropEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk, Toast
from grokdesk.ui.doing import Doing
from grokdesk.ui.geometry import Placement
from grokdesk.ui.icons import dress_label
from grokdesk.ui.theme import MARGIN
from grokdesk.ui.widgets.banner import Banner, Notice, most_serious
from grokdesk.ui.widgets.panel import Panel
from grokdesk.ui.widgets.parts import line
from grokdesk.ui.widgets.sidebar import Entry, Sidebar
from grokdesk.ui.widgets.status_bar import StatusBar
from grokdesk.ui.widgets.task_strip import TaskStrip
from grokdesk.ui.windows import frame_acts
from grokdesk.ui.windows.add_accounts import AddAccounts, dropped, read_file
from grokdesk.ui.windows.apart import Apart
from grokdesk.ui.windows.failures import show_failures
from grokdesk.ui.windows.frame import Frame
from grokdesk.ui.windows.notices import Notices
from grokdesk.ui.windows.pane import Pane
from grokdesk.ui.windows.pane_window import PaneWindow
from grokdesk.ui.windows.places import places
from grokdesk.ui.words import Kind

_SIZE: Final = (1120, 720)
_SMALLEST: Final = (800, 560)
_NARROW: Final = 960
# Whoever holds Ctrl+= down waits for one new window, not for ten.
_AGAIN_MS: Final = 80
# Pages that are asked for as if they were places.
_PAGES: Final = {"models": "settings", "logs": "settings"}


class MainWindow(Frame):
    """The window, and the windows of panes that were taken out of it."""

    close_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.setWindowTitle(self.tr("GrokDesk — demo") if desk.host.demo else "GrokDesk")
        self.setMinimumSize(*_SMALLEST)
        self._leaving = False
        self._adding: AddAccounts | None = None
        self._content: QWidget | None = None
        self._places = places()
        self._panes: dict[str, Pane] = {}
        self._kept: dict[str, Mapping[str, Any]] = {}
        self.apart = Apart(self)
        self._visited: list[str] = []
        self.notices_of = Notices(desk)
        self.placement = Placement(self, "main", desk.memory, _SIZE)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self.rebuild)
        self.does = frame_acts.Does(self)
        desk.actions.offer(self.does.acts())
        desk.actions.wear(self)
        self._build()
        self._connect()
        self.placement.put_back()
        self.go(desk.memory.now.pane if desk.memory.now.pane in self.sidebar.buttons else "home")
        self._show_banner()
        if sys.platform == "darwin":
            from grokdesk.ui.menu_bar import menu_bar  # noqa: PLC0415 - only there

            self.menu_bar = menu_bar(desk.actions)

    # -- going places

    @property
    def entries(self) -> list[Entry]:
        """The lines of the sidebar."""
        return [Entry(place.key, place.text, place.icon) for place in self._places if place.listed]

    def go(self, where: str) -> Pane:
        """Show a pane, or raise the window it has.

        `accounts:owner` shows the accounts that need their owner, `settings:gateway.port` one setting,
        `network:` with the name of a way out that one, `network:cloudflare` the other page, `models` and
        `logs` pages of the settings. An unknown place changes nothing.
        """
        key, _, kind = where.partition(":")
        if key in _PAGES:
            key, kind = _PAGES[key], where
        if key == "keys":
            self.does.open_keys()
        if all(place.key != key for place in self._places):
            return self.pane
        pane = self.made(key)
        if key in self.apart.windows:
            self.apart.windows[key].bring_up()
        else:
            self.stack.setCurrentWidget(pane)
            self.toasts.place()
            # The first steps are reached from Home, and belong to it.
            self.sidebar.mark("home" if key == "first" else key)
            if key in self._visited:
                self._visited.remove(key)
            self._visited.append(key)
            self.status.detach.setEnabled(self.apart.can_detach(key))
        if kind:
            pane.open_at(kind)
        return pane

    def go_by_key(self, key: str) -> None:
        """Show a pane because a key was pressed: bring its window to the front, with the keyboard."""
        self.go(key)
        if key not in self.apart.windows:
            self.come_forward()
            self.sidebar.buttons[key].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _go_from_anywhere(self, where: str) -> None:
        """Follow a link, which may lie in a window of another pane."""
        self.go(where)
        if where.partition(":")[0] not in self.apart.windows:
            self.come_forward()

    def come_forward(self) -> None:
        """Be in front of the windows of panes."""
        if self.in_use() is not self:
            self.bring_up()

    def made(self, key: str) -> Pane:
        """The pane of a place, made now if it was never visited."""
        pane = self._panes.get(key)
        if pane is None:
            place = next(one for one in self._places if one.key == key)
            pane = self._panes[key] = place.make(self.desk)
            kept = self._kept.pop(key, None)
            if kept is not None:
                pane.put_back(kept)
            self.stack.addWidget(pane)
        return pane

    def unsaved(self) -> int:
        """How many changes would be lost if the program ended now."""
        return sum(pane.unsaved() for pane in self._panes.values())

    @property
    def pane(self) -> Pane:
        """The pane in sight."""
        shown = self.stack.currentWidget()
        assert isinstance(shown, Pane)
        return shown

    def before(self, key: str) -> str:
        """The place that was in sight before this one, or else the first that has no window of its own."""
        listed = [entry.key for entry in self.entries]
        found = (one for one in (*reversed(self._visited), *listed) if one != key)
        return next(one for one in found if one not in self.apart.windows)

    def show_needy(self) -> None:
        """Show the accounts that need their owner."""
        self.go(f"accounts:{Kind.OWNER}")

    # -- windows of panes

    def in_use(self) -> Frame:
        """The window of ours that is in front: this one, or that of a pane."""
        active = QApplication.activeWindow()
        while active is not None:
            if isinstance(active, PaneWindow) and active in self.apart.windows.values():
                return active
            if active is self:
                return self
            active = active.parentWidget()
        shown = [one for one in self.apart.windows.values() if one.isVisible()]
        return self if self.isVisible() or not shown else shown[-1]

    def windows_of_panes(self) -> Mapping[str, PaneWindow]:
        """The windows that panes have of their own, by place."""
        return self.apart.windows

    def toggle_front(self) -> None:
        """Give the pane in front a window, or take it back."""
        self.apart.toggle_front()

    def detach(self, key: str) -> PaneWindow | None:
        """Give a pane a window of its own; None when it is the last one here."""
        return self.apart.detach(key)

    # -- adding accounts

    def add_accounts(self, begin: str | bytes = "") -> None:
        """Open the dialog, or hand it what came."""
        if self._adding is None:
            self.desk.work.start(self._add_accounts(begin), exclusive="add accounts")
        elif isinstance(begin, bytes):
            self._adding.take_file(begin, "")

    async def _add_accounts(self, begin: str | bytes) -> None:
        dialog = self._adding = AddAccounts(self.in_use(), self.desk, begin)
        try:
            said = await dialogs.answer(dialog)
        finally:
            self._adding = None
        if said is dialogs.Answer.YES:
            self.desk.add_accounts(dialog.plan)

    @property
    def adding(self) -> AddAccounts | None:
        """The dialog, while it is open."""
        return self._adding

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.take(event.mimeData())

    def take(self, data: Any) -> None:  # noqa: ANN401 - QMimeData, through a signal
        """Look at what was dropped: it may hold accounts."""
        self.desk.work.start(self._take_drop(dropped(data)), exclusive="drop")

    async def _take_drop(self, what: object) -> None:
        self.add_accounts(what if isinstance(what, str) else await read_file(what))  # type: ignore[arg-type]

    # -- closing

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._leaving:
            event.accept()
            return
        event.ignore()
        self.close_wanted.emit()

    def ask_to_quit(self) -> None:
        """Quit, after asking where something would be lost."""
        self.quit_wanted.emit()

    def floor(self) -> int:
        return super().floor() + (0 if self.strip.isHidden() else self.strip.height())

    def leave(self) -> None:
        """Close for good, with every window."""
        self._leaving = True
        self._again.stop()
        self.toasts.clear()
        for window in self.apart.windows.values():
            window.leave()
        self.apart.windows.clear()
        self.close()

    def remember_place(self) -> None:
        """Note the places of all windows and the pane for the next start."""
        self.desk.memory.change(pane=self.pane.key)
        self.placement.remember()
        for window in self.apart.windows.values():
            window.placement.remember()

    # -- banner

    def set_tray_hint(self, *, missing: bool) -> None:
        """Whether this desktop shows no tray icon."""
        self.notices_of.set_tray_hint(missing=missing)

    def notices(self) -> list[Notice]:
        """Everything lasting that the owner should know."""
        return self.notices_of.all()

    def _show_banner(self, *_: object) -> None:
        self.banner.show_notice(most_serious(self.notices()))

    # -- what keys do

    @property
    def acts(self) -> Mapping[str, QAction]:
        """The actions by name."""
        return {act.key: self.desk.actions.action(act.key) for act in self.desk.actions.all()}

    def regions(self) -> list[QWidget]:
        return [self.sidebar, self.status, self.banner, *self.pane.regions(), self.strip]

    # -- building

    def rebuild(self) -> None:
        """Build everything anew, in the language and text size of now.

        What panes have to keep goes from the old one to the new one; each is made when it is visited, those
        in sight and those with unsaved changes at once.
        """
        self._again.stop()
        if self._leaving:
            return
        for window in (self, *self.apart.windows.values()):
            for panel in window.findChildren(Panel):
                panel.dismiss()
        shown = self.pane.key
        had_keyboard = self.isActiveWindow()
        old, self._panes = self._panes, {}
        self._kept.update((key, pane.keepsake()) for key, pane in old.items())
        unsaved = [key for key, pane in old.items() if pane.unsaved()]
        self._places = places()
        self.desk.actions.offer(self.does.acts())
        self.desk.actions.retell()
        self.setWindowTitle(self.tr("GrokDesk — demo") if self.desk.host.demo else "GrokDesk")
        self._build()
        entries = {entry.key: entry for entry in self.entries}
        for key, window in self.apart.windows.items():
            pane = self.made(key)
            self.stack.removeWidget(pane)
            window.build(entries[key], pane)
            self.sidebar.buttons[key].show_apart(apart=True)
        for key in unsaved:
            self.made(key)
        self.go(shown)
        self._show_banner()
        self._fit()
        self.toasts.raise_()
        if had_keyboard:
            self.sidebar.buttons.get(shown, self.sidebar).setFocus(Qt.FocusReason.OtherFocusReason)

    def _build(self) -> None:
        self.sidebar = Sidebar(self.entries, self.desk)
        self.sidebar.place_wanted.connect(self.go)
        self.sidebar.window_wanted.connect(self.apart.toggle)
        self.theme, self.theme_icon = self.sidebar.theme, self.sidebar.theme_icon
        self.status = StatusBar(self.desk)
        self.status.detach.clicked.connect(self.apart.toggle_front)
        self.banner = Banner(self.desk.look)
        self.stack = QStackedWidget()
        self.strip = TaskStrip(self.desk)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.status)
        right.addWidget(line())
        right.addWidget(self.banner)
        right.addWidget(self.stack, 1)
        right.addWidget(self.strip)
        content = QWidget()
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.sidebar)
        body.addLayout(right, 1)
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        if self.desk.host.demo:
            column.addWidget(self._demo_strip())
        column.addLayout(body, 1)
        if self._content is not None:
            self._column.removeWidget(self._content)
            self._content.hide()
            self._content.deleteLater()
        self._content = content
        self._column.addWidget(content)

    def _demo_strip(self) -> QFrame:
        strip = QFrame()
        strip.setProperty("kind", "banner")
        strip.setProperty("tone", "warn")
        picture = QLabel()
        dress_label(picture, "flask", self.desk.look, "warn", 16)
        self.demo_words = QLabel(self.tr("Demo — nothing here is real"))
        layout = QHBoxLayout(strip)
        layout.setContentsMargins(MARGIN, 6, MARGIN, 6)
        layout.setSpacing(8)
        layout.addStretch(1)
        layout.addWidget(picture)
        layout.addWidget(self.demo_words)
        layout.addStretch(1)
        return strip

    def _connect(self) -> None:
        desk = self.desk
        desk.said.connect(self._say)
        desk.pane_wanted.connect(self._go_from_anywhere)
        desk.add_wanted.connect(self.add_accounts)
        self.notices_of.changed.connect(self._show_banner)
        # Not at once: whoever turns a control that changes the size is in the middle of it.
        desk.look.scaled.connect(self._again.start)
        desk.doing.job_ended_well.connect(self._tell_of_job)
        desk.doing.failures_wanted.connect(self._show_failures)

    def running_timers(self) -> list[QTimer]:
        """The timers that run in this window."""
        return [one for one in self.findChildren(QTimer) if one.isActive()]

    def _tell_of_job(self, doing: Doing) -> None:
        """Say that a long job has ended; the accounts do so themselves while they are in sight."""
        accounts = self._panes.get("accounts")
        if accounts is None or not accounts.isVisible():
            text = self.tr("%1: %2").replace("%1", doing.title).replace("%2", doing.result)
            self.desk.say(text, "ok")

    def _show_failures(self, doing: Doing) -> None:
        self.desk.work.start(show_failures(doing, self.desk, self.in_use()), exclusive="failures")

    def _say(self, toast: Toast) -> None:
        front = self.in_use()
        if front.isVisible():
            front.toasts.say(toast)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.sidebar.show_narrow(narrow=self.width() < _NARROW)
