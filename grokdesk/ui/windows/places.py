"""The places of the main window. Panes are made on the first visit, and their modules imported then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from grokdesk.ui.desk import Desk
from grokdesk.ui.windows.home import Home
from grokdesk.ui.windows.pane import Pane


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the sidebar. Panes are made on the first visit; one that is not `listed` has no line."""

    key: str
    text: str
    icon: str
    make: Callable[[Desk], Pane]
    listed: bool = True


def places() -> tuple[Place, ...]:
    """The sidebar from top to bottom; a new pane is a line here."""
    return (
        Place("home", _tr("Home"), "home", Home),
        Place("library", _tr("Library"), "library", _library),
        Place("accounts", _tr("Accounts"), "accounts", _accounts),
        Place("network", _tr("Network"), "network", _network),
        Place("connect", _tr("Connect apps"), "plug", _connect),
        Place("requests", _tr("Requests"), "requests", _requests),
        Place("settings", _tr("Settings"), "settings", _settings),
        Place("first", _tr("First steps"), "flag", _first, listed=False),
    )


def _library(desk: Desk) -> Pane:
    from grokdesk.ui.windows.library import LibraryPane  # noqa: PLC0415 - only when it is visited

    return LibraryPane(desk)


def _accounts(desk: Desk) -> Pane:
    from grokdesk.ui.windows.accounts import AccountsPane  # noqa: PLC0415 - only when it is visited

    return AccountsPane(desk)


def _requests(desk: Desk) -> Pane:
    from grokdesk.ui.windows.requests import RequestsPane  # noqa: PLC0415 - only when it is visited

    return RequestsPane(desk)


def _network(desk: Desk) -> Pane:
    from grokdesk.ui.windows.network import NetworkPane  # noqa: PLC0415 - only when it is visited

    return NetworkPane(desk)


def _connect(desk: Desk) -> Pane:
    from grokdesk.ui.windows.connect import ConnectPane  # noqa: PLC0415 - only when it is visited

    return ConnectPane(desk)


def _first(desk: Desk) -> Pane:
    from grokdesk.ui.windows.first_run import FirstRunPane  # noqa: PLC0415 - only when it is visited

    return FirstRunPane(desk)


def _settings(desk: Desk) -> Pane:
    from grokdesk.ui.windows.settings import SettingsPane  # noqa: PLC0415 - only when it is visited

    return SettingsPane(desk)


def _tr(text: str) -> str:
    return QCoreApplication.translate("MainWindow", text)
