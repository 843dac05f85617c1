"""Every asynchronous test here runs on the loop that Qt and asyncio share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from grokdesk.core.accounts import Account
from grokdesk.core.runs import RunRecord
from grokdesk.ui.languages import ENGLISH, languages
from grokdesk.ui.loop import new_loop, qasync_loop
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from tests.ui.faces import Face, Open, settle
from tests.ui.stand_in import StandIn

# A wrapper nobody holds is collected, and with it what it overrides.
_KEPT: list[QObject] = []


def application() -> QApplication:
    """Return the one application of this process, dressed as the program dresses it."""
    running = QApplication.instance()
    qt = running if isinstance(running, QApplication) else QApplication(["grokdesk"])
    if not _KEPT:
        qt.setQuitOnLastWindowClosed(False)
        _KEPT.append(qt)
        languages().speak(ENGLISH)
    return qt


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests on our loop; those about loops ask for the fallback as well."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "shared": lambda: new_loop(application())
    }
    if "test_loop" in item.nodeid:
        factories["qasync"] = lambda: qasync_loop(application())
    return factories


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    return application()


# The offscreen platform says these whenever a window is raised or a menu pops up; they mean nothing.
SILLY = (
    "This plugin does not support raise",
    "This plugin does not support grabbing the keyboard",
    # Qt looks for a tray of X11, whatever the platform.
    "systemTrayWindowChanged",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.qt_log_ignore(*SILLY, extend=True))


@pytest.fixture
async def open_face(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Open]:
    """Open a face on a stand-in; closed after the test, with nothing left running."""
    opened: list[Face] = []
    look = Look(qapp)

    async def start(accounts: Sequence[Account] = (), runs: Sequence[RunRecord] = (), **options: Any) -> Face:  # noqa: ANN401 - of StandIn.started
        look.choose("light")
        host = await StandIn.started(tmp_path, accounts, runs, **options)
        await host.tasks.__aenter__()
        await host.gateway.start()
        face = Face(host, Shell(host, look, Tray(look, TrayState(demo=host.demo))))
        face.shell.refresh_tray()
        face.window.bring_up()
        opened.append(face)
        await settle()
        return face

    yield start
    for face in opened:
        await face.shell.leave()
        face.tray.hide()
        face.window.deleteLater()
        await face.host.tasks.__aexit__(None, None, None)
    await settle(0)
