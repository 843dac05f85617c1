"""The program with a face, as a process of its own: what is on the screen first, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from grokdesk.core.options import Options
from grokdesk.ui.main import Face

HEAVY = ("sqlalchemy", "aiohttp", "curl_cffi", "pydantic", "cryptography", "qasync", "livekit")

START = """
import sys, time
from pathlib import Path
from PySide6.QtCore import QTimer
from grokdesk.core.options import Options
from grokdesk.ui import main
from grokdesk.ui.tray import Tray

show = Tray.show

def shown(self):
    show(self)
    heavy = [name for name in sys.argv[2].split() if name in sys.modules]
    print("tray", time.time(), *heavy, flush=True)
    QTimer.singleShot(100, look)

def look():
    if "grokdesk.ui.windows.main_window" in sys.modules:
        for window in main.QApplication.topLevelWidgets():
            if type(window).__name__ == "MainWindow" and window.isVisible():
                print("window", time.time(), flush=True)
                return
    QTimer.singleShot(20, look)

Tray.show = shown
environment = {"GROKDESK__GATEWAY__PORT": "0"}
sys.exit(main.run(Options(data_dir=Path(sys.argv[1]), demo=True, environment=environment)))
"""


async def started(folder: Path) -> asyncio.subprocess.Process:
    # A child of the shared loop would need its child watcher, which the program never uses.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        START,
        str(folder),
        " ".join(HEAVY),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )


async def line(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().split()


@pytest.mark.skipif(os.name != "posix", reason="ends the process by a signal")
async def test_the_icon_comes_first_and_a_signal_ends_it_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Nothing slow is imported before the icon; a second start raises the first; SIGTERM leaves with 0.
    """
    born = time.time()  # noqa: TID251 - compared with the clock of another process
    first = await started(tmp_path)

    tray = await line(first)
    window = await line(first)
    with capsys.disabled():
        print(  # noqa: T201 - the numbers are the point
            f"\nstart to icon {float(tray[1]) - born:.2f} s, to window {float(window[1]) - born:.2f} s"
        )
    second = await started(tmp_path)
    second_ended = await asyncio.wait_for(second.wait(), 30)
    first.send_signal(signal.SIGTERM)
    first_ended = await asyncio.wait_for(first.wait(), 30)

    assert tray[0] == "tray"
    assert tray[2:] == []
    assert float(tray[1]) - born < 2
    assert window[0] == "window"
    assert second_ended == 0
    assert first_ended == 0


async def test_the_systems_wish_to_quit_is_a_request(qapp: QApplication) -> None:
    """
    Quit from the dock, or the end of the session, does not stop the loop: it asks for the end.
    """
    face = Face(qapp, Options(demo=True))
    asked: list[str] = []
    face.end = lambda: asked.append("end")

    QApplication.sendEvent(qapp, QEvent(QEvent.Type.Quit))

    assert asked == ["end"]
    qapp.removeEventFilter(face)
