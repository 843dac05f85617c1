"""The tray icon and its one menu, which is changed in place.

Imports nothing that is slow to import: the icon is on the screen before the rest of the program is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, QObject, QSettings, Qt, QTimer, Signal, SignalInstance
from PySide6.QtGui import QAction, QIcon, QKeySequence
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from grokdesk.ui.icons import dress, tray_icon
from grokdesk.ui.theme import DARK, LIGHT, TRAY, Look
from grokdesk.ui.tray_view import (
    MOST_MODELS,
    MOST_PLACES,
    SNIPPETS,
    Item,
    ModelLine,
    Pause,
    PlaceLine,
    Shape,
    TrayState,
    TrayView,
    view,
)

# When the desktop has no tray yet, look again after so many seconds.
_LOOK_AGAIN_S: Final = (1, 2, 5, 10, 30)
# GNOME and macOS dislike menus that change all the time.
_REPAINT_MS: Final = 1_000
_SHOWN_MS: Final = 8_000


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
    """The icon and its menu. Everything a person does here is a signal.

    A mark in the menu shows how things are: clicking a line with one says what is wanted, and leaves the
    mark as it is until the state says otherwise.
    """

    toggle_wanted = Signal()
    copy_address_wanted = Signal()
    copy_key_wanted = Signal()
    snippet_wanted = Signal(str)
    model_wanted = Signal(str, bool)
    adult_wanted = Signal(bool)
    lan_wanted = Signal(bool)
    open_wanted = Signal()
    place_wanted = Signal(str)
    """A pane, or `models`."""
    needs_you_wanted = Signal()
    pause_wanted = Signal(str)
    """The value of a `Pause`."""
    at_login_wanted = Signal(bool)
    update_wanted = Signal()
    quit_wanted = Signal()
    opened = Signal()
    """The menu is about to be seen."""
    message_clicked = Signal()
    appeared = Signal()
    missing = Signal()

    def __init__(self, look: Look, state: TrayState) -> None:
        super().__init__()
        self._look = look
        self.state = state
        self._shown: TrayView | None = None
        self._dressed: object = None
        self._icon: QSystemTrayIcon | None = None
        self._looks = iter(_LOOK_AGAIN_S)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.timeout.connect(self._look_for_tray)
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.timeout.connect(self._show_state)
        self._build()
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
        urgent = _urgent(state) != _urgent(self.state)
        self.state = state
        if urgent:
            self._repaint.stop()
            self._show_state()
        elif not self._repaint.isActive():
            self._repaint.start(_REPAINT_MS)

    def say(self, text: str, title: str = "GrokDesk") -> bool:
        """Show a message of the desktop; tells whether there is an icon to show it at."""
        if self._icon is None:
            return False
        self._icon.showMessage(title, text, self._icon.icon(), _SHOWN_MS)
        return True

    def retranslate(self) -> None:
        """Take the texts of another language."""
        self._shown = None
        self._name_menus()
        self._show_state()

    # -- building

    def _build(self) -> None:
        self.menu = QMenu()
        self.menu.aboutToShow.connect(self.opened)
        self.status = self._line(self.menu)
        self.accounts = self._line(self.menu)
        self.needs_you = self._line(self.menu, self.needs_you_wanted)
        self.menu.addSeparator()
        self.toggle = self._line(self.menu, self.toggle_wanted, icon="stop")
        self.copy_address = self._line(self.menu, self.copy_address_wanted, icon="copy")
        self.copy_key = self._line(self.menu, self.copy_key_wanted, icon="key")
        self.snippet_menu = self._sub(self.menu)
        self.snippets = [self._calling(self.snippet_menu, self._want_snippet, key) for key, _ in SNIPPETS]
        for line, (_, name) in zip(self.snippets, SNIPPETS, strict=True):
            line.setText(name)
        self.menu.addSeparator()
        self.model_menu = self._sub(self.menu)
        self.models = [
            self._calling(self.model_menu, self._want_model, place, marked=True)
            for place in range(MOST_MODELS)
        ]
        self.model_menu.addSeparator()
        self.all_models = self._calling(self.model_menu, self.place_wanted.emit, "models")
        self.adult = self._line(self.menu, self.adult_wanted, marked=True)
        self.lan = self._line(self.menu, self.lan_wanted, marked=True)
        self.menu.addSeparator()
        self.open = self._sub(self.menu)
        self.places = [self._calling(self.open, self._want_place, place) for place in range(MOST_PLACES)]
        for line in self.places:
            # Shown beside the name; the key itself belongs to the window.
            line.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            line.setShortcutVisibleInContextMenu(True)
        self.notifications = self._sub(self.menu)
        self.paused = self._line(self.notifications)
        self.pauses = [
            self._calling(self.notifications, self.pause_wanted.emit, one.value, marked=one is Pause.NONE)
            for one in Pause
        ]
        self.at_login = self._line(self.menu, self.at_login_wanted, marked=True)
        self.update = self._line(self.menu, self.update_wanted)
        self.quit = self._line(self.menu, self.quit_wanted, icon="quit")
        self._name_menus()

    def _line(
        self, menu: QMenu, wanted: SignalInstance | None = None, *, marked: bool = False, icon: str = ""
    ) -> QAction:
        action = QAction(menu)
        action.setCheckable(marked)
        if marked:
            _leave_mark(action)
        if wanted is not None:
            action.triggered.connect(lambda on: wanted.emit(on) if marked else wanted.emit())
        if icon:
            dress(action, icon, self._look)
        menu.addAction(action)
        return action

    def _calling(
        self, menu: QMenu, act: Callable[..., object], what: object, *, marked: bool = False
    ) -> QAction:
        """A line of a pool, which calls `act` with what it stands for."""
        action = QAction(menu)
        action.setCheckable(marked)
        if marked:
            _leave_mark(action)
        action.triggered.connect(lambda _=False: act(what))
        menu.addAction(action)
        return action

    @staticmethod
    def _sub(menu: QMenu) -> QMenu:
        made = QMenu(menu)
        menu.addMenu(made)
        return made

    def _name_menus(self) -> None:
        self.menu.setAccessibleName("GrokDesk")
        for menu, name in (
            (self.snippet_menu, _tr("Copy snippet")),
            (self.model_menu, _tr("Models")),
            (self.open, _tr("Open")),
            (self.notifications, _tr("Notifications")),
        ):
            menu.setAccessibleName(name)

    # -- what was clicked

    def _want_snippet(self, client: str) -> None:
        self.snippet_wanted.emit(client)

    def _want_model(self, place: int) -> None:
        one = self.state.models[place]
        self.model_wanted.emit(one.name, not one.on)

    def _want_place(self, place: int) -> None:
        self.place_wanted.emit(self.state.places[place].key)

    # -- icon

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
        self._icon.messageClicked.connect(self.message_clicked)
        self._dressed = None
        self._show_state()
        self._icon.show()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        # macOS shows the menu on every click by itself.
        if reason is QSystemTrayIcon.ActivationReason.Trigger and sys.platform != "darwin":
            self.open_wanted.emit()

    def _dress(self) -> None:
        shown = self._shown
        if self._icon is None or shown is None:
            return
        self._icon.setToolTip(shown.tooltip)
        dressed = (shown.shape, self.state.icon, self.state.demo, panel_is_dark(self._look))
        if self._dressed == dressed:
            return
        self._dressed = dressed
        self._icon.setIcon(self.icon_for(shown.shape, on_dark=dressed[-1]))

    def icon_for(self, shape: Shape, *, on_dark: bool) -> QIcon:
        """The icon of a shape for a dark or a light panel, unless the settings say how it is drawn."""
        choice = self.state.icon
        if choice == "colour":
            return tray_icon(shape.value, TRAY[shape.value], demo=self.state.demo)
        light = choice == "light" or (choice == "auto" and on_dark)
        made = tray_icon(shape.value, (DARK if light else LIGHT).text, demo=self.state.demo)
        if sys.platform == "darwin" and choice == "auto":
            made.setIsMask(True)
        return made

    # -- the menu as the state says

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
            (self.snippet_menu.menuAction(), shown.snippets),
            (self.model_menu.menuAction(), shown.model_menu),
            (self.all_models, shown.all_models),
            (self.adult, shown.adult),
            (self.lan, shown.lan),
            (self.open.menuAction(), shown.open),
            (self.notifications.menuAction(), shown.notifications),
            (self.paused, shown.paused),
            (self.at_login, shown.at_login),
            (self.update, shown.update),
            (self.quit, shown.quit),
        ):
            _show(line, item)
        _show_all(self.models, shown.models)
        _show_all(self.places, shown.places)
        _show_all(self.pauses, shown.pauses)
        for line, place in zip(self.places, self.state.places, strict=False):
            keys = QKeySequence(place.keys)
            if line.shortcut() != keys:
                line.setShortcut(keys)
        dress(self.toggle, "stop" if self.state.phase in {"running", "stopping"} else "play", self._look)
        self._dress()


def _urgent(state: TrayState) -> tuple[object, ...]:
    """What is shown at once: where things stand, and what somebody has just changed by hand."""
    return (
        state.phase,
        state.leaving,
        state.awake,
        state.models,
        state.adult,
        state.lan,
        state.at_login,
        state.paused_until,
        state.icon,
    )


def _leave_mark(line: QAction) -> None:
    """Take back what Qt does to the mark of a line that is clicked."""
    line.triggered.connect(lambda on: line.setChecked(not on))


def _show(line: QAction, item: Item) -> None:
    line.setText(item.text.replace("&", "&&"))
    line.setEnabled(item.enabled)
    line.setVisible(item.shown)
    if item.checked is not None:
        line.setChecked(item.checked)


def _show_all(lines: Iterable[QAction], items: tuple[Item, ...]) -> None:
    """Show items in the lines of a pool; lines that are left over stay out of sight."""
    for place, line in enumerate(lines):
        if place < len(items):
            _show(line, items[place])
        else:
            line.setVisible(False)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Tray", text)


__all__ = [
    "Item",
    "ModelLine",
    "Pause",
    "PlaceLine",
    "Shape",
    "Tray",
    "TrayState",
    "TrayView",
    "panel_is_dark",
    "view",
]
