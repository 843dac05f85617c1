"""The tray icon: what it shows is one pure function of a frozen state, and its one menu is changed in place.

Imports nothing that is slow to import: the icon is on the screen before the rest of the program is read.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, QObject, QSettings, QTimer, Signal, SignalInstance
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from grokdesk.ui.icons import dress, tray_icon
from grokdesk.ui.theme import DARK, LIGHT, Look

# When the desktop has no tray yet, look again after so many seconds.
_LOOK_AGAIN_S: Final = (1, 2, 5, 10, 30)
# GNOME and macOS dislike menus that change all the time.
_REPAINT_MS: Final = 1_000


class Shape(StrEnum):
    """The five icons, told apart by shape and not by colour; also the names of their files."""

    STOPPED = "stopped"
    BUSY = "busy"
    RUNNING = "running"
    ATTENTION = "attention"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TrayState:
    """What the tray knows.

    `phase` is the value of a `GatewayPhase`; `awake` once there is something behind the icon.
    """

    phase: str = "starting"
    address: str = ""
    error: str = ""
    total: int = 0
    ready: int = 0
    need_owner: int = 0
    requests: int = 0
    has_key: bool = False
    demo: bool = False
    awake: bool = False
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """How one line of the menu looks."""

    text: str
    enabled: bool = True
    shown: bool = True


@dataclass(frozen=True, slots=True)
class TrayView:
    """Everything the tray shows."""

    shape: Shape
    tooltip: str
    status: Item
    accounts: Item
    needs_you: Item
    toggle: Item
    copy_address: Item
    copy_key: Item
    open: Item
    quit: Item


def _tr(text: str, count: int = -1) -> str:
    return QCoreApplication.translate("Tray", text, "", count)


def view(state: TrayState) -> TrayView:
    """Return what the tray shows in `state`."""
    running = state.phase == "running"
    words = _status_words(state)
    accounts = _account_words(state)
    quit_text = _tr("Quit")
    if state.requests:
        quit_text = _tr("Quit — %n request(s) running…", state.requests)
    usable = state.awake and not state.leaving
    lines = [f"GrokDesk: {words}", *([accounts] if state.total else [])]
    if state.demo:
        lines.insert(0, _tr("Demo — nothing here is real"))
    return TrayView(
        shape=_shape(state),
        tooltip="\n".join(lines),
        status=Item(_mark(state) + " " + words, enabled=False),
        accounts=Item(accounts, enabled=False, shown=usable),
        needs_you=Item(
            "▲ " + _tr("%n account(s) waiting for you…", state.need_owner),
            shown=usable and state.need_owner > 0,
        ),
        toggle=Item(_toggle_text(state), enabled=usable and state.phase in {"stopped", "failed", "running"}),
        copy_address=Item(_tr("Copy address"), enabled=usable and running),
        copy_key=Item(_tr("Copy API key"), enabled=usable and state.has_key),
        open=Item(_tr("Open GrokDesk"), enabled=usable),
        quit=Item(_tr("Quitting…") if state.leaving else quit_text, enabled=not state.leaving),
    )


def _shape(state: TrayState) -> Shape:
    if state.leaving:
        return Shape.BUSY
    match state.phase:
        case "failed":
            return Shape.FAILED
        case "starting" | "stopping":
            return Shape.BUSY
        case "running":
            return Shape.ATTENTION if state.need_owner else Shape.RUNNING
        case _:
            return Shape.STOPPED


def _mark(state: TrayState) -> str:
    return {"running": "●", "starting": "◐", "stopping": "◐", "failed": "✕"}.get(state.phase, "○")


def _status_words(state: TrayState) -> str:
    if state.leaving:
        return _tr("Quitting…")
    match state.phase:
        case "starting":
            return _tr("Starting…")
        case "stopping":
            return _tr("Gateway stopping…")
        case "running":
            return _tr("Gateway running · %1").replace("%1", state.address)
        case "failed":
            return _tr("Gateway failed: %1").replace("%1", state.error)
        case _:
            return _tr("Gateway stopped")


def _account_words(state: TrayState) -> str:
    if not state.total:
        return _tr("No accounts yet")
    words = _tr("%1 of %2 accounts ready").replace("%1", str(state.ready)).replace("%2", str(state.total))
    if state.requests:
        words += " · " + _tr("%n request(s)", state.requests)
    return words


def _toggle_text(state: TrayState) -> str:
    match state.phase:
        case "running":
            return _tr("Stop gateway")
        case "starting":
            return _tr("Starting…")
        case "stopping":
            return _tr("Stopping…")
        case _:
            return _tr("Start gateway")


def panel_is_dark(look: Look) -> bool:
    """Guess the colour of the panel, which few systems tell: dark on most Linux desktops."""
    if sys.platform == "win32":
        themes = QSettings(
            r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize",
            QSettings.Format.NativeFormat,
        )
        return str(themes.value("SystemUsesLightTheme", "0")) == "0"
    desktop = os.environ.get("XDG_CURRENT_DESKTOP", "").lower()
    if any(name in desktop for name in ("gnome", "unity", "xfce", "pop")):
        return True
    return look.system_dark


class Tray(QObject):
    """The icon and its menu. Everything a person does here is a signal."""

    toggle_wanted = Signal()
    copy_address_wanted = Signal()
    copy_key_wanted = Signal()
    open_wanted = Signal()
    needs_you_wanted = Signal()
    quit_wanted = Signal()
    appeared = Signal()
    missing = Signal()

    def __init__(self, look: Look, state: TrayState) -> None:
        super().__init__()
        self._look = look
        self.state = state
        self._shown: TrayView | None = None
        self._dressed: tuple[Shape, bool] | None = None
        self._icon: QSystemTrayIcon | None = None
        self._looks = iter(_LOOK_AGAIN_S)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._look_for_tray)
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.timeout.connect(self._show_state)

        self.menu = QMenu()
        self.menu.setAccessibleName(_tr("GrokDesk"))
        self.status = self._line()
        self.accounts = self._line()
        self.needs_you = self._line(self.needs_you_wanted)
        self.menu.addSeparator()
        self.toggle = self._line(self.toggle_wanted)
        self.copy_address = self._line(self.copy_address_wanted)
        self.copy_key = self._line(self.copy_key_wanted)
        self.menu.addSeparator()
        self.open = self._line(self.open_wanted)
        self.quit = self._line(self.quit_wanted)
        for line, name in (
            (self.toggle, "stop"),
            (self.copy_address, "copy"),
            (self.copy_key, "key"),
            (self.open, "home"),
            (self.quit, "quit"),
        ):
            dress(line, name, look)
        self._show_state()
        look.changed.connect(self._dress)

    # -- showing

    @property
    def visible(self) -> bool:
        """Whether there is an icon somebody can click."""
        return self._icon is not None and QSystemTrayIcon.isSystemTrayAvailable()

    def show(self) -> None:
        """Put the icon into the tray, or look for a tray until there is one."""
        self._look_for_tray()

    def hide(self) -> None:
        """Take the icon away."""
        self._again.stop()
        self._repaint.stop()
        if self._icon is not None:
            self._icon.hide()

    def update_state(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of TrayState
        """Take in what changed; the menu shows it within a second."""
        state = replace(self.state, **changes)
        if state == self.state:
            return
        urgent = (state.phase, state.leaving, state.awake) != (
            self.state.phase,
            self.state.leaving,
            self.state.awake,
        )
        self.state = state
        if urgent:
            self._repaint.stop()
            self._show_state()
        elif not self._repaint.isActive():
            self._repaint.start(_REPAINT_MS)

    def say(self, text: str) -> None:
        """Show a notification of the desktop, for what happened while no window was visible."""
        if self._icon is not None:
            self._icon.showMessage("GrokDesk", text, self._icon.icon(), 4_000)

    # -- inside

    def _line(self, wanted: SignalInstance | None = None) -> QAction:
        action = QAction(self.menu)
        if wanted is not None:
            action.triggered.connect(lambda _=False: wanted.emit())
        self.menu.addAction(action)
        return action

    def _look_for_tray(self) -> None:
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._make_icon()
            self.appeared.emit()
            return
        self.missing.emit()
        wait = next(self._looks, None)
        if wait is not None:
            self._again.start(wait * 1000)

    def _make_icon(self) -> None:
        self._icon = QSystemTrayIcon(self)
        self._icon.setContextMenu(self.menu)
        self._icon.activated.connect(self._activated)
        self._dressed = None
        self._show_state()
        self._icon.show()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        # macOS shows the menu on every click by itself.
        if reason is QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self.open_wanted.emit()

    def _show_state(self) -> None:
        shown = view(self.state)
        if shown == self._shown and self._dressed is not None:
            return
        self._shown = shown
        for line, item in (
            (self.status, shown.status),
            (self.accounts, shown.accounts),
            (self.needs_you, shown.needs_you),
            (self.toggle, shown.toggle),
            (self.copy_address, shown.copy_address),
            (self.copy_key, shown.copy_key),
            (self.open, shown.open),
            (self.quit, shown.quit),
        ):
            line.setText(item.text.replace("&", "&&"))
            line.setEnabled(item.enabled)
            line.setVisible(item.shown)
        dress(self.toggle, "stop" if self.state.phase in {"running", "stopping"} else "play", self._look)
        self._dress()

    def _dress(self) -> None:
        shown = self._shown
        if self._icon is None or shown is None:
            return
        self._icon.setToolTip(shown.tooltip)
        light = panel_is_dark(self._look)
        if self._dressed == (shown.shape, light):
            return
        self._dressed = (shown.shape, light)
        self._icon.setIcon(self.icon_for(shown.shape, on_dark=light))

    def icon_for(self, shape: Shape, *, on_dark: bool) -> QIcon:
        """The icon of a shape for a dark or a light panel."""
        made = tray_icon(shape.value, (DARK if on_dark else LIGHT).text, demo=self.state.demo)
        if sys.platform == "darwin":
            made.setIsMask(True)
        return made

    def retranslate(self) -> None:
        """Take the texts of another language."""
        self._shown = None
        self._show_state()
