"""The main window: sidebar, status bar, one banner, a pane, and the corner for toasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.notices import GatewayPhase, Trouble
from grokdesk.core.settings import Theme
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk, Toast
from grokdesk.ui.icons import dress, dress_label
from grokdesk.ui.theme import MARGIN
from grokdesk.ui.widgets.banner import Banner, Notice, Weight, most_serious
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import button, line
from grokdesk.ui.widgets.status_bar import StatusBar
from grokdesk.ui.widgets.toasts import Toasts
from grokdesk.ui.windows.accounts import AccountsPane
from grokdesk.ui.windows.add_accounts import AddAccounts, can_take, dropped, read_file
from grokdesk.ui.windows.home import Home
from grokdesk.ui.windows.pane import Pane
from grokdesk.ui.windows.requests import RequestsPane
from grokdesk.ui.words import Kind

_SIZE: Final = (1120, 720)
_SMALLEST: Final = (800, 560)
_NARROW: Final = 960
_WIDE_BAR: Final = 184
_NARROW_BAR: Final = 60


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the sidebar. Panes are made on the first visit."""

    key: str
    text: str
    icon: str
    make: Callable[[Desk], Pane]


def places() -> tuple[Place, ...]:
    """The sidebar from top to bottom; a new pane is a line here."""
    return (
        Place("home", _tr("Home"), "home", Home),
        Place("library", _tr("Library"), "library", _library),
        Place("accounts", _tr("Accounts"), "accounts", AccountsPane),
        Place("network", _tr("Network"), "network", _network),
        Place("requests", _tr("Requests"), "requests", RequestsPane),
        Place("settings", _tr("Settings"), "settings", _settings),
    )


def _library(desk: Desk) -> Pane:
    from grokdesk.ui.windows.library import LibraryPane  # noqa: PLC0415 - only when it is visited

    return LibraryPane(desk)


def _network(desk: Desk) -> Pane:
    from grokdesk.ui.windows.network import NetworkPane  # noqa: PLC0415 - only when it is visited

    return NetworkPane(desk)


def _settings(desk: Desk) -> Pane:
    from grokdesk.ui.windows.settings import SettingsPane  # noqa: PLC0415 - only when it is visited

    return SettingsPane(desk)


class MainWindow(QWidget):
    """The one window."""

    close_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.setWindowTitle(self.tr("GrokDesk — demo") if desk.host.demo else "GrokDesk")
        self.setMinimumSize(*_SMALLEST)
        self.setAcceptDrops(True)
        self._leaving = False
        self._tray_missing = False
        self._adding: AddAccounts | None = None
        self._troubles: dict[str, Trouble] = {}
        self._places = places()
        self._panes: dict[str, Pane] = {}
        self._buttons: dict[str, QPushButton] = {}
        self._build()
        self.toasts = Toasts(self)
        self._actions()
        self._connect()
        self._put_back()
        self.go(desk.memory.now.pane if desk.memory.now.pane in self._buttons else "home")
        self._show_banner()

    # -- going places

    def bring_up(self) -> None:
        """Show the window in front of others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def go(self, where: str) -> Pane:
        """Show a pane.

        `accounts:owner` shows the accounts that need their owner, `settings:gateway.port` one setting,
        `network:` with the name of a way out that one, `network:cloudflare` the other page.
        """
        key, _, kind = where.partition(":")
        pane = self._panes.get(key)
        if pane is None:
            place = next(one for one in self._places if one.key == key)
            pane = self._panes[key] = place.make(self.desk)
            self.stack.addWidget(pane)
        self.stack.setCurrentWidget(pane)
        self._buttons[key].setChecked(True)
        if kind and isinstance(pane, AccountsPane):
            pane.show_kind(Kind(kind))
        elif kind:
            pane.open_at(kind)
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

    def show_needy(self) -> None:
        """Show the accounts that need their owner."""
        self.go(f"accounts:{Kind.OWNER}")

    # -- adding accounts

    def add_accounts(self, begin: str | bytes = "") -> None:
        """Open the dialog, or hand it what came."""
        if self._adding is None:
            self.desk.work.start(self._add_accounts(begin), exclusive="add accounts")
        elif isinstance(begin, bytes):
            self._adding.take_file(begin, "")

    async def _add_accounts(self, begin: str | bytes) -> None:
        dialog = self._adding = AddAccounts(self, self.desk, begin)
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

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if can_take(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        what = dropped(event.mimeData())
        event.acceptProposedAction()
        self.desk.work.start(self._take_drop(what), exclusive="drop")

    async def _take_drop(self, what: object) -> None:
        self.add_accounts(what if isinstance(what, str) else await read_file(what))  # type: ignore[arg-type]

    # -- closing

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._leaving:
            event.accept()
            return
        event.ignore()
        self.close_wanted.emit()

    def leave(self) -> None:
        """Close for good."""
        self._leaving = True
        self.toasts.clear()
        self.close()

    def remember_place(self) -> None:
        """Note place, size and pane for the next start."""
        memory = self.desk.memory
        memory.change(maximized=self.isMaximized(), pane=self.pane.key)
        if not self.isMaximized():
            box = self.geometry()
            memory.change(x=box.x(), y=box.y(), width=box.width(), height=box.height())

    def _put_back(self) -> None:
        """Where it was; a window off every screen is brought back."""
        was = self.desk.memory.now
        self.resize(was.width or _SIZE[0], was.height or _SIZE[1])
        if not was.width:
            return
        box = QRect(was.x, was.y, was.width, was.height)
        if any(screen.availableGeometry().intersects(box) for screen in QGuiApplication.screens()):
            self.move(box.topLeft())
        if was.maximized:
            self.setWindowState(Qt.WindowState.WindowMaximized)

    # -- banner

    def set_tray_hint(self, *, missing: bool) -> None:
        """Whether this desktop shows no tray icon."""
        self._tray_missing = missing
        self._show_banner()

    def notices(self) -> list[Notice]:
        """Everything lasting that the owner should know."""
        desk = self.desk
        found: list[Notice] = []
        state = desk.gateway
        if state.phase is GatewayPhase.FAILED:
            acts: list[tuple[str, Callable[[], None]]] = []
            if state.free_port:
                port = state.free_port
                acts.append((self.tr("Use %1").replace("%1", str(port)), lambda: desk.use_port(port)))
            acts.append((self.tr("Try again"), desk.toggle_gateway))
            text = f"{state.error} {state.hint}".strip()
            found.append(Notice("gateway", Weight.ERROR, text, tuple(acts)))
        for trouble in self._troubles.values():
            text = f"{trouble.message} {trouble.hint}".strip()
            show: tuple[tuple[str, Callable[[], None]], ...] = ()
            if trouble.key == "settings":
                show = ((self.tr("Show settings"), lambda: desk.pane_wanted.emit("settings")),)
            elif trouble.key == "egress":
                show = ((self.tr("Show clearances"), lambda: desk.pane_wanted.emit("network:cloudflare")),)
            found.append(Notice(f"trouble:{trouble.key}", Weight.ERROR, text, show))
        counts = desk.host.pool.counts()
        if counts.total and counts.need_owner == counts.total:
            found.append(
                Notice(
                    "signed out",
                    Weight.ERROR,
                    self.tr("No account works: all are signed out or blocked."),
                    ((self.tr("Show them"), self.show_needy),),
                )
            )
        read = desk.memory.now.notes_read
        found += [
            Notice(
                f"note:{note}",
                Weight.INFO,
                note,
                ((self.tr("Understood"), lambda note=note: self._read_note(note)),),  # type: ignore[misc]
            )
            for note in desk.host.notes
            if note not in read
        ]
        if self._tray_missing:
            found.append(
                Notice(
                    "tray",
                    Weight.INFO,
                    self.tr("This desktop shows no tray icon, so closing this window asks what to do."),
                )
            )
        return found

    def _read_note(self, note: str) -> None:
        memory = self.desk.memory
        memory.change(notes_read=(*memory.now.notes_read, note))
        self._show_banner()

    def _show_banner(self, *_: object) -> None:
        self.banner.show_notice(most_serious(self.notices()))

    def _heard_troubles(self, troubles: tuple[Trouble, ...]) -> None:
        for trouble in troubles:
            if trouble.message:
                self._troubles[trouble.key] = trouble
            else:
                self._troubles.pop(trouble.key, None)
        self._show_banner()

    # -- building

    def _build(self) -> None:
        self.sidebar = self._build_sidebar()
        self.status = StatusBar(self.desk)
        self.banner = Banner(self.desk.look)
        self.stack = QStackedWidget()
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.status)
        right.addWidget(line())
        right.addWidget(self.banner)
        right.addWidget(self.stack, 1)
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.sidebar)
        body.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        if self.desk.host.demo:
            column.addWidget(self._demo_strip())
        column.addLayout(body, 1)

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

    def _build_sidebar(self) -> QWidget:
        bar = QWidget()
        bar.setProperty("kind", "sidebar")
        bar.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        bar.setAccessibleName(self.tr("Places"))
        column = QVBoxLayout(bar)
        column.setContentsMargins(8, 12, 8, 12)
        column.setSpacing(4)
        group = QButtonGroup(self)
        for number, place in enumerate(self._places, 1):
            one = QPushButton(place.text)
            one.setProperty("kind", "place")
            one.setCheckable(True)
            one.setAutoDefault(False)
            one.setAccessibleName(place.text)
            one.setToolTip(f"{place.text} (Ctrl+{number})")
            dress(one, place.icon, self.desk.look)
            one.clicked.connect(lambda _=False, key=place.key: self.go(key))
            group.addButton(one)
            column.addWidget(one)
            self._buttons[place.key] = one
        column.addStretch(1)
        self.theme = Choice(self.tr("Theme"), self.desk.look)
        for text, choice in (
            (self.tr("Like the system"), Theme.SYSTEM),
            (self.tr("Light"), Theme.LIGHT),
            (self.tr("Dark"), Theme.DARK),
        ):
            self.theme.addItem(text, choice.value)
        self.theme.setCurrentIndex(self.theme.findData(self.desk.host.live.now.appearance.theme.value))
        self.theme.setToolTip(self.tr("Theme"))
        self.theme.setMinimumContentsLength(1)
        self.theme_icon = button("", look=self.desk.look, icon="theme", name=self.tr("Change the theme"))
        self.theme_icon.setProperty("kind", "place")
        self.theme_icon.setProperty("narrow", "true")
        column.addWidget(self.theme)
        column.addWidget(self.theme_icon)
        return bar

    def _actions(self) -> None:
        """The keys. One action each; menus and a palette are built from the same ones."""
        desk = self.desk
        self.acts: dict[str, QAction] = {}
        for key, text, shortcut, act in (
            ("find", self.tr("Search"), QKeySequence("Ctrl+F"), self._find),
            ("add", self.tr("Add accounts"), QKeySequence("Ctrl+N"), self.add_accounts),
            ("copy address", self.tr("Copy address"), QKeySequence("Ctrl+Shift+C"), desk.copy_address),
            ("copy key", self.tr("Copy key"), QKeySequence("Ctrl+Shift+K"), desk.copy_key),
            ("undo", self.tr("Undo"), QKeySequence("Ctrl+Z"), desk.undo),
            ("refresh", self.tr("Check accounts again"), QKeySequence("F5"), self._refresh),
            ("settings", self.tr("Settings"), QKeySequence("Ctrl+,"), lambda: self._go_by_key("settings")),
            ("close", self.tr("Close window"), QKeySequence("Ctrl+W"), self.close),
            ("quit", self.tr("Quit"), QKeySequence("Ctrl+Q"), self.quit_wanted.emit),
        ):
            self._action(key, text, shortcut, act)
        for number, place in enumerate(self._places, 1):
            self._action(
                f"go {place.key}",
                place.text,
                QKeySequence(f"Ctrl+{number}"),
                lambda key=place.key: self._go_by_key(key),  # type: ignore[misc]
            )

    def _action(self, key: str, text: str, shortcut: QKeySequence, act: Callable[[], object]) -> None:
        made = QAction(text, self)
        made.setShortcut(shortcut)
        made.triggered.connect(lambda _=False: act())
        self.addAction(made)
        self.acts[key] = made

    def _connect(self) -> None:
        desk, bridge = self.desk, self.desk.bridge
        desk.said.connect(self._say)
        desk.pane_wanted.connect(self.go)
        desk.add_wanted.connect(self.add_accounts)
        bridge.gateway.connect(self._show_banner)
        bridge.accounts.connect(self._show_banner)
        bridge.troubles.connect(self._heard_troubles)
        bridge.settings.connect(self._show_theme)
        self.theme.activated.connect(lambda: desk.choose_theme(str(self.theme.currentData())))
        self.theme_icon.clicked.connect(self._next_theme)

    def running_timers(self) -> list[QTimer]:
        """The timers that run in this window."""
        return [one for one in self.findChildren(QTimer) if one.isActive()]

    # -- small acts

    def _say(self, toast: Toast) -> None:
        if self.isVisible():
            self.toasts.say(toast)

    def _find(self) -> None:
        field = self.pane.search_field()
        if field is None:
            field = self.go("accounts").search_field()
        if field is not None:
            field.setFocus(Qt.FocusReason.ShortcutFocusReason)
            field.selectAll()

    def _go_by_key(self, key: str) -> None:
        self.go(key)
        self._buttons[key].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _refresh(self) -> None:
        self.desk.check_accounts([account.id for account in self.desk.host.pool.accounts()])

    def _next_theme(self) -> None:
        place = (self.theme.currentIndex() + 1) % self.theme.count()
        self.theme.setCurrentIndex(place)
        self.desk.choose_theme(str(self.theme.currentData()))
        self.desk.say(self.tr("Theme: %1").replace("%1", self.theme.currentText()))

    def _show_theme(self, *_: object) -> None:
        self.theme.setCurrentIndex(self.theme.findData(self.desk.host.live.now.appearance.theme.value))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW
        self.sidebar.setFixedWidth(_NARROW_BAR if narrow else _WIDE_BAR)
        self.theme.setVisible(not narrow)
        self.theme_icon.setVisible(narrow)
        for place in self._places:
            one = self._buttons[place.key]
            one.setText("" if narrow else place.text)
            if str(one.property("narrow")) != str(narrow).lower():
                one.setProperty("narrow", str(narrow).lower())
                style = QApplication.style() if one.style() is None else one.style()
                style.unpolish(one)
                style.polish(one)


def _tr(text: str) -> str:
    return QCoreApplication.translate("MainWindow", text)
