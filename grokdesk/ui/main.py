"""The program with a face: icon first, everything else after it."""

from __future__ import annotations

import asyncio
import contextlib
import linecache
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QFileOpenEvent, QIcon
from PySide6.QtWidgets import QApplication

from grokdesk.core.options import Options
from grokdesk.ui.icons import tray_icon
from grokdesk.ui.languages import chosen, languages
from grokdesk.ui.loop import new_loop
from grokdesk.ui.theme import LIGHT, Look
from grokdesk.ui.tray import Tray, TrayState

# What is slow to import: all that stands behind the icon, in portions (see `_bring_in`).
_BEHIND = (
    "pydantic",
    "aiohttp.web",
    "grokdesk.platform.wire",
    "grokdesk.platform.secrets",
    "grokdesk.core.settings",
    "grokdesk.app",
    "sqlalchemy",
    "grokdesk.store.async_engine",
    "grokdesk.store.file_store",
)


def run(options: Options) -> int:
    """Run GrokDesk with tray and window until it is asked to end; returns the exit code."""
    qt = application()
    with asyncio.Runner(loop_factory=lambda: new_loop(qt)) as runner:
        return runner.run(Face(qt, options).run())


def application() -> QApplication:
    """Make the application object: named, and not ended by closing windows."""
    qt = QApplication(sys.argv[:1])
    qt.setApplicationName("GrokDesk")
    qt.setDesktopFileName("grokdesk")
    qt.setQuitOnLastWindowClosed(False)
    return qt


class Face(QObject):
    """One run of the program: the icon, then the services, then the window."""

    def __init__(self, qt: QApplication, options: Options) -> None:
        super().__init__()
        self._qt = qt
        self._options = options
        languages().speak(_first_language(options))
        self._look = Look(qt)
        self._main: asyncio.Task[int] | None = None
        self._left_early = False
        self._session_is_over = False
        self.end: Callable[[], None] = self._leave_early
        self.quit: Callable[[], None] | None = None
        """Asks first while requests run; the end from outside does not."""
        self.show: Callable[[Sequence[str]], None] | None = None
        self.opens: list[str] = []
        """What was handed over before there was a window."""
        self.tray = Tray(self._look, TrayState(demo=options.demo))
        qt.setWindowIcon(_window_icon(demo=options.demo))
        qt.installEventFilter(self)
        qt.commitDataRequest.connect(self.session_ends)

    async def run(self) -> int:
        """Show the icon, start everything behind it, and stay until the end is requested."""
        self._main = asyncio.current_task()
        if await self._raised_elsewhere():
            return 0
        self.tray.quit_wanted.connect(self._leave_early)
        self.tray.show()
        # Where loops know no signals, the runner makes Ctrl+C a cancellation by itself.
        with contextlib.suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._ended_from_outside)
        try:
            await self._bring_in()
            return await self._serve()
        except asyncio.CancelledError:
            if self._left_early:
                return 0
            raise
        finally:
            self.tray.hide()
            self._qt.removeEventFilter(self)

    async def _raised_elsewhere(self) -> bool:
        """Tell a running GrokDesk of this data folder to show its window."""
        if self._options.demo and self._options.data_dir is None:
            return False
        # Light, but not needed by the demo.
        from grokdesk.core.errors import GrokDeskError  # noqa: PLC0415
        from grokdesk.platform.paths import Paths  # noqa: PLC0415
        from grokdesk.platform.single_instance import ask, let_others_raise  # noqa: PLC0415

        folder = self._options.data_dir
        paths = Paths.under(folder) if folder is not None else Paths.default()
        try:
            let_others_raise()
            answer = await ask(
                paths.data,
                {
                    "do": "raise",
                    "open": list(self._options.opens),
                    "token": self._options.environment.get("XDG_ACTIVATION_TOKEN", ""),
                },
            )
        except GrokDeskError:
            return False
        if answer is not None and not answer.get("raised", True):
            sys.stderr.write("GrokDesk is already running here without a window; `grokdesk quit` ends it.\n")
        return answer is not None

    async def _bring_in(self) -> None:
        """Import the rest in a thread, so that the icon answers meanwhile.

        PySide6 6.11 reads the source of every module imported after it, looking for its own name, and Python
        keeps what it read: 25 MB by the end, unless it is thrown away in between. `make bench start` shows
        it.
        """
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="import") as importer:
            for name in _BEHIND:
                await loop.run_in_executor(importer, import_module, name)
                linecache.clearcache()

    async def _serve(self) -> int:
        # Read by `_bring_in` while the icon was on the screen already.
        from grokdesk.app import Abandoned, App  # noqa: PLC0415
        from grokdesk.core.errors import GrokDeskError  # noqa: PLC0415
        from grokdesk.platform.single_instance import AlreadyRunning  # noqa: PLC0415
        from grokdesk.ui import dialogs, report  # noqa: PLC0415
        from grokdesk.ui.shell import Shell  # noqa: PLC0415
        from grokdesk.ui.windows.key_choice import ChooseKey  # noqa: PLC0415

        try:
            async with App.started(self._options, choose_key=ChooseKey(self._look).ask) as app:
                self.tray.quit_wanted.disconnect(self._leave_early)
                self.end = app.shutdown.request
                if languages().speak(app.live.now.appearance.language.value):
                    self.tray.retranslate()
                shell = Shell(app, self._look, self.tray)
                self.quit = shell.quit
                self.show = shell.show
                await shell.run(hidden=self._options.hidden, opens=(*self._options.opens, *self.opens))
                self.end, self.quit, self.show = self._nothing, None, None
            return 0
        except AlreadyRunning:
            return 0
        except GrokDeskError as error:
            if not self._left_early and not isinstance(error, Abandoned):
                await dialogs.tell(None, report.explain(error))
            return 1

    def _leave_early(self) -> None:
        """Quit before there is anything to shut down in order."""
        self._left_early = True
        if self._main is not None:
            self._main.cancel()

    def session_ends(self, *_: object) -> None:
        """The system signs its owner out: quit without asking."""
        self._session_is_over = True

    def _asked_to_open(self, what: str) -> None:
        """Show what macOS hands over: a link or a file."""
        if self.show is not None:
            self.show([what])
        else:
            self.opens.append(what)

    def _nothing(self) -> None:
        """Already on the way out."""

    def _ended_from_outside(self) -> None:
        self.end()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The system asks the program to quit (dock, end of session): do it in order."""
        if event.type() is QEvent.Type.Quit and watched is self._qt:
            # The end of a session waits for no answer.
            (self.end if self._session_is_over else self.quit or self.end)()
            event.ignore()
            return True
        if isinstance(event, QFileOpenEvent):
            self._asked_to_open(
                event.url().toString() if event.url().scheme() == "grokdesk" else event.file()
            )
            return True
        return False


def _first_language(options: Options) -> str:
    """The language to begin with, before the settings are read: the icon has words."""
    if options.demo and options.data_dir is None:
        return chosen(None, options.environment)
    # Light, but not needed by the demo.
    from grokdesk.platform.paths import Paths  # noqa: PLC0415

    folder = options.data_dir
    paths = Paths.under(folder) if folder is not None else Paths.default()
    return chosen(paths.config_file, options.environment)


def _window_icon(*, demo: bool) -> QIcon:
    return tray_icon("running", LIGHT.accent, demo=demo)


__all__ = ["Face", "application", "run"]
