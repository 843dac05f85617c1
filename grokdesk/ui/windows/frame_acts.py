"""What can be done from anywhere, with the keys of ux.md §6: the acts of the frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication

from grokdesk.core.settings import Language, Theme
from grokdesk.ui import dialogs
from grokdesk.ui.actions import Act, Group
from grokdesk.ui.windows import keyboard
from grokdesk.ui.windows.frame import Main

if TYPE_CHECKING:
    from grokdesk.ui.windows.keys_page import KeysPage
    from grokdesk.ui.windows.palette import Palette

PLACE_KEYS: Final = "1234567890-"
_STEP: Final = 10
_NORMAL: Final = 100


class Does:
    """Does what a key asks for, in the window that is in front."""

    def __init__(self, window: Main) -> None:
        self._window = window
        self._desk = window.desk
        self.palette: Palette | None = None
        self.keys: KeysPage | None = None

    def acts(self) -> list[Act]:
        """Everything the frame offers."""
        window = self._window
        return [
            *_places(window, self),
            *_here(window, self),
            *_gateway(window, self),
            *_windows(window, self),
            *_program(window),
        ]

    def next_region(self) -> None:
        """Move the keyboard to the next part of the window in front."""
        keyboard.go_to_region(self._window.in_use().regions(), 1)

    def previous_region(self) -> None:
        """Move the keyboard to the part before."""
        keyboard.go_to_region(self._window.in_use().regions(), -1)

    def search(self) -> None:
        """Move the keyboard into the search of the pane in front, or that of the accounts."""
        front = self._window.in_use()
        if not keyboard.go_to_search(front, front.pane):
            pane = self._window.go("accounts")
            keyboard.go_to_search(pane.window(), pane)

    def begin(self) -> None:
        """Begin something new in the pane in front, or add accounts."""
        if not self._window.in_use().pane.begin():
            self._window.add_accounts()

    def halt(self) -> None:
        """Stop what runs in the pane in front."""
        if not self._window.in_use().pane.halt():
            self._desk.say(_tr("Nothing is running here."))

    def renew(self) -> None:
        """Refresh the pane in front, or check all accounts."""
        if not self._window.in_use().pane.renew():
            self.check_accounts()

    def check_accounts(self) -> None:
        """Ask Grok about all accounts again."""
        self._desk.check_accounts([account.id for account in self._desk.host.pool.accounts()])

    def close_in_use(self) -> None:
        """Close the window in front."""
        self._window.in_use().close()

    def show_messages(self) -> None:
        """Show what was said in passing."""
        self._window.come_forward()
        if self._window.status.messages is None:
            self._window.status.toggle_messages()

    def open_palette(self) -> None:
        """Find anything by name."""
        from grokdesk.ui.windows.palette import Palette  # noqa: PLC0415 - only when it is wanted

        if self.palette is not None:
            self.palette.dismiss()
            return
        self.palette = Palette(self._desk, self._window.in_use())
        self.palette.closed.connect(self._palette_closed)
        self.palette.open()

    def _palette_closed(self) -> None:
        self.palette = None

    def open_keys(self) -> None:
        """Show all keys, to be looked up and changed."""
        if self.keys is None:
            self._desk.work.start(self._show_keys(), exclusive="keys")

    async def _show_keys(self) -> None:
        from grokdesk.ui.windows.keys_page import KeysPage  # noqa: PLC0415 - only when it is wanted

        self.keys = KeysPage(self._desk, self._window.in_use())
        try:
            await dialogs.answer(self.keys)
        finally:
            self.keys = None


def _places(window: Main, does: Does) -> Iterator[Act]:
    keys = iter(PLACE_KEYS)
    for entry in window.entries:
        yield Act(
            f"go {entry.key}",
            Group.PLACES,
            lambda entry=entry: entry.text,  # type: ignore[misc]
            lambda entry=entry: window.go_by_key(entry.key),  # type: ignore[misc]
            _place_keys(entry.key, next(keys, "")),
            icon=entry.icon,
        )
    yield Act(
        "first",
        Group.PLACES,
        lambda: _tr("First steps"),
        lambda: window.desk.pane_wanted.emit("first"),
        icon="flag",
    )
    yield Act("keys", Group.PLACES, lambda: _tr("Keys"), does.open_keys, ("F1",), icon="keyboard")
    yield Act(
        "palette", Group.PLACES, lambda: _tr("Find anything"), does.open_palette, ("Ctrl+K",), icon="command"
    )


def _place_keys(place: str, number: str) -> tuple[str, ...]:
    keys = (f"Ctrl+{number}",) if number else ()
    return ("Ctrl+,", *keys) if place == "settings" else keys


def _here(window: Main, does: Does) -> Iterator[Act]:
    yield Act(
        "find", Group.HERE, lambda: _tr("Search in what is shown"), does.search, ("Ctrl+F",), icon="search"
    )
    yield Act(
        "new",
        Group.HERE,
        lambda: _tr("Begin something new here, or add accounts"),
        does.begin,
        ("Ctrl+N",),
        icon="plus",
    )
    yield Act(
        "halt", Group.HERE, lambda: _tr("Stop what is running here"), does.halt, ("Ctrl+.",), icon="stop"
    )
    yield Act("renew", Group.HERE, lambda: _tr("Refresh what is shown"), does.renew, ("F5",), icon="refresh")
    yield Act(
        "undo", Group.HERE, lambda: _tr("Undo the last act"), window.desk.undo, ("Ctrl+Z",), icon="undo"
    )
    yield Act(
        "next region", Group.HERE, lambda: _tr("To the next part of the window"), does.next_region, ("F6",)
    )
    yield Act(
        "previous region",
        Group.HERE,
        lambda: _tr("To the part of the window before"),
        does.previous_region,
        ("Shift+F6",),
    )


def _gateway(window: Main, does: Does) -> Iterator[Act]:
    desk = window.desk
    group = Group.GATEWAY
    yield Act(
        "copy address", group, lambda: _tr("Copy address"), desk.copy_address, ("Ctrl+Shift+C",), icon="copy"
    )
    yield Act("copy key", group, lambda: _tr("Copy key"), desk.copy_key, ("Ctrl+Shift+K",), icon="key")
    yield Act(
        "toggle gateway", group, lambda: _tr("Start or stop the gateway"), desk.toggle_gateway, icon="play"
    )
    yield Act("add accounts", group, lambda: _tr("Add accounts"), window.add_accounts, icon="plus")
    yield Act(
        "check accounts", group, lambda: _tr("Check all accounts again"), does.check_accounts, icon="refresh"
    )


def _windows(window: Main, does: Does) -> Iterator[Act]:
    desk, group = window.desk, Group.WINDOW
    yield Act(
        "detach",
        group,
        lambda: _tr("Open in a window of its own, or back"),
        window.toggle_front,
        ("Ctrl+Shift+N",),
        icon="detach",
    )
    yield Act("close", group, lambda: _tr("Close the window"), does.close_in_use, ("Ctrl+W",), icon="close")
    yield Act("messages", group, lambda: _tr("Messages"), does.show_messages, icon="bell")
    yield Act(
        "larger",
        group,
        lambda: _tr("Larger text"),
        lambda: desk.choose_text_scale(desk.look.scale + _STEP),
        ("Ctrl+=", "Ctrl++"),
        icon="zoom-in",
    )
    # As soon as there is an eleventh place, Ctrl+- is its.
    taken = len(window.entries) >= len(PLACE_KEYS)
    yield Act(
        "smaller",
        group,
        lambda: _tr("Smaller text"),
        lambda: desk.choose_text_scale(desk.look.scale - _STEP),
        ("Ctrl+_", "Ctrl+Shift+-") if taken else ("Ctrl+-", "Ctrl+_"),
        icon="zoom-out",
    )
    yield Act(
        "normal text",
        group,
        lambda: _tr("Text in the size of the system"),
        lambda: desk.choose_text_scale(_NORMAL),
        ("Ctrl+Shift+0", "Ctrl+)"),
    )
    themes = (
        ("theme system", lambda: _tr("Theme like the system"), Theme.SYSTEM),
        ("theme light", lambda: _tr("Light theme"), Theme.LIGHT),
        ("theme dark", lambda: _tr("Dark theme"), Theme.DARK),
    )
    for key, text, theme in themes:
        yield Act(
            key,
            group,
            text,
            lambda theme=theme: desk.choose_theme(theme.value),  # type: ignore[misc]
            icon="theme",
        )
    # A language by its own name, so that one who cannot read the present one finds it.
    tongues = (
        ("language system", lambda: _tr("Language of the system"), Language.SYSTEM),
        ("language en", lambda: _tr("Language: %1").replace("%1", "English"), Language.ENGLISH),
        ("language zh_CN", lambda: _tr("Language: %1").replace("%1", "简体中文"), Language.CHINESE),
    )
    for key, text, language in tongues:
        yield Act(
            key,
            group,
            text,
            lambda language=language: desk.choose_language(language.value),  # type: ignore[misc]
            icon="languages",
        )


def _program(window: Main) -> Iterator[Act]:
    yield Act("demo", Group.PROGRAM, lambda: _tr("Open the demo"), window.desk.start_demo, icon="flask")
    yield Act(
        "diagnostics",
        Group.PROGRAM,
        lambda: _tr("Make a report for others"),
        lambda: _show_report(window),
        words="diagnostics bundle zip support",
        icon="save",
    )
    yield Act("quit", Group.PROGRAM, lambda: _tr("Quit"), window.ask_to_quit, ("Ctrl+Q",), icon="quit")


def _show_report(window: Main) -> None:
    from grokdesk.ui.windows.diagnostics import show_diagnostics  # noqa: PLC0415 - only when it is wanted

    show_diagnostics(window.desk, window.in_use())


def _tr(text: str) -> str:
    return QCoreApplication.translate("FrameActs", text)
