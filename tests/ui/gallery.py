"""Every window, page and dialog in its states, on the real program: one table, and the stage it is shown on.

`tests/ui/test_pictures.py` guards how they look, `tests/ui/test_walk.py` walks through them, and
`make screenshots` writes them all as pictures. A new window is a line of `SHOTS`.

The stage is the whole program on a data folder of invented data, with a clock that stands still. Nothing is
served and nobody is asked, so no port, no name and no time differs from one run to the next.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final, TypeVar, cast
from unittest import mock

from PySide6.QtGui import QFont, QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QTableView, QWidget

from grokdesk import app as app_module
from grokdesk.app import App
from grokdesk.core.accounts import Account, Mode, Status, Tier, WindowSource
from grokdesk.core.errors import Broken
from grokdesk.core.media import Kind, Origin, VideoRequest
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.core.notices import MediaJobChanged, RunStarted, Trouble
from grokdesk.core.options import Options
from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.core.secret import Secret
from grokdesk.gateway.server import Gateway
from grokdesk.platform import secrets
from grokdesk.sim import films, pictures
from grokdesk.ui import dialogs
from grokdesk.ui.languages import CHINESE, ENGLISH, FOLDER, english, languages
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.main_window import MainWindow
from grokdesk.ui.windows.pane import Pane
from tests.ui.faces import settle
from tests.ui.stand_in import NOON, Door, Still, account, every_state, some_runs, token

SIZE: Final = (1120, 720)
SMALL: Final = (800, 560)
_PATIENCE_S: Final = 4.0

P = TypeVar("P", bound=QWidget)


class Seed(StrEnum):
    """What the owner has, and how things are."""

    EMPTY = "empty"
    NORMAL = "normal"
    BUSY = "busy"
    ERROR = "error"


class Language(StrEnum):
    """What the texts are in. LONG is for tests: English, four tenths longer."""

    ENGLISH = "en"
    CHINESE = "zh"
    LONG = "long"


class Theme(StrEnum):
    LIGHT = "light"
    DARK = "dark"


# --- the stage ----------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """The program of one seed, and the window on it."""

    seed: Seed
    app: App
    look: Look
    clock: Still
    language: Language = Language.ENGLISH
    theme: Theme = Theme.LIGHT
    undo: list[Callable[[], object]] = field(default_factory=list)
    _shell: Shell | None = None

    @property
    def shell(self) -> Shell:
        assert self._shell is not None, "no window is open"
        return self._shell

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    def pane(self, where: str, kind: type[P]) -> P:
        """Go somewhere."""
        there = self.window.go(where)
        assert isinstance(there, kind), there
        return there

    async def open(self, language: Language = Language.ENGLISH, size: tuple[int, int] = SIZE) -> None:
        """Build the window anew, in a language."""
        await self.close()
        self.language = language
        speak(language)
        tray = Tray(self.look, TrayState(demo=self.app.demo))
        shell = self._shell = Shell(self.app, self.look, tray)
        shell.refresh_tray()
        shell.window.set_tray_hint(missing=False)
        shell.window.bring_up()
        shell.window.resize(*size)
        shell.window.activateWindow()
        await settle()

    async def close(self) -> None:
        """Put the window away."""
        if self._shell is not None:
            await self.tidy()
            shell, self._shell = self._shell, None
            await shell.leave()
            shell.tray.hide()
            shell.window.deleteLater()
            await settle(0)
        speak(Language.ENGLISH)

    async def show(self, shot: Shot) -> QWidget:
        """Show a shot and return what is to be looked at."""
        self.unfocus()
        try:
            shown = await shot.show(self)
        except BaseException as error:
            error.add_note(f"while {shot.name} was to be shown")
            raise
        await settle()
        here = self.window.focusWidget()
        # A window that is activated late gives the keyboard to its first line, and nobody has pressed Tab.
        if isinstance(here, QAbstractButton) and here.property("kind") == "place":
            here.clearFocus()
        # Whatever changes a setting brings back the theme that is set.
        self.look.choose(self.theme.value)
        return shown

    def unfocus(self) -> None:
        """Take the keyboard away from where the shot before left it."""
        here = self.window.focusWidget()
        # None as well, whatever the stub says.
        if here is not None:
            here.clearFocus()

    async def tidy(self) -> None:
        """Take back what a shot did, and close what it opened."""
        while self.undo:
            self.undo.pop()()
        for one in QApplication.topLevelWidgets():
            if isinstance(one, QDialog) and one.isVisible():
                one.reject()
            elif one.isVisible() and one is not self.window:
                one.close()
        self.window.toasts.clear()
        self.window.activateWindow()
        await settle(0.02)

    def wear(self, theme: Theme) -> None:
        """Be light or dark."""
        self.theme = theme
        self.look.choose(theme.value)

    def tell(self, trouble: Trouble) -> None:
        """Say that something lasting is wrong, until the shot is over."""
        self.app.bus.publish(trouble)
        self.undo.append(lambda: self.app.bus.publish(Trouble(trouble.key, "")))


def speak(language: Language) -> None:
    """Say everything in a language from now on."""
    if language is Language.LONG:
        languages().say("long", long_english, {})
    else:
        languages().speak(CHINESE if language is Language.CHINESE else ENGLISH)


@asynccontextmanager
async def staged(seed: Seed, folder: Path, qt: QApplication) -> AsyncIterator[Stage]:
    """Run the program on the data of a seed. Close the window in it before leaving."""
    clock = Still()
    with _standing_still(clock), _fixed_face(qt):
        await _fill(seed, folder, clock)
        look = Look(qt)
        look.choose(Theme.LIGHT.value)
        async with AsyncExitStack() as stack:
            app = await stack.enter_async_context(App.started(_options(folder)))
            app.notes.clear()
            door = Door(app.bus, app.live)
            app.gateway = cast("Gateway", door)
            if seed is Seed.ERROR:
                door.taken = frozenset({app.live.now.gateway.port})
            with suppress(Broken):
                await door.start()
            stage = Stage(seed, app, look, clock)
            _begin(stage)
            try:
                yield stage
            finally:
                await stage.close()
    await settle(0)


@contextmanager
def _standing_still(clock: Still) -> Iterator[None]:
    """Give the program a clock, ids and keys that are the same every time."""
    numbers = itertools.count(1)
    with (
        mock.patch.object(app_module, "SystemClock", return_value=clock),
        mock.patch.object(app_module, "new_id", side_effect=lambda: f"{next(numbers):032x}"),
        mock.patch.object(
            app_module, "client_key", side_effect=lambda: Secret(f"gd-{next(numbers):039}k3x9")
        ),
        mock.patch.object(app_module, "system_keyring", secrets.no_keyring),
    ):
        zone = os.environ.get("TZ")
        os.environ["TZ"] = "UTC"
        time.tzset()
        try:
            yield
        finally:
            os.environ.pop("TZ")
            if zone is not None:
                os.environ["TZ"] = zone
            time.tzset()


@contextmanager
def _fixed_face(qt: QApplication) -> Iterator[None]:
    """Text of 13 px, as most systems have it, and no blinking."""
    font, flash = qt.font(), qt.cursorFlashTime()
    thirteen = QFont(font)
    thirteen.setPixelSize(13)
    thirteen.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    qt.setFont(thirteen)
    qt.setCursorFlashTime(0)
    try:
        yield
    finally:
        qt.setFont(font)
        qt.setCursorFlashTime(flash)


async def still(shown: QWidget) -> QImage:
    """Return the picture of a widget once it does not change any more."""
    end = time.monotonic() + _PATIENCE_S
    last = shown.grab().toImage()
    while time.monotonic() < end:
        await settle(0.05)
        now = shown.grab().toImage()
        if now == last:
            return now
        last = now
    return last


def long_english(context: str, text: str, count: int) -> str:
    """English, four tenths longer: it finds what would be cut off in other languages."""
    return longer(english(context, text, count) or text)


def longer(text: str) -> str:
    """Return a text with four tenths more letters, in words as long as its own."""
    letters = len(text)
    if not text.strip():
        return text
    words = text.split(" ")
    average = max(2, round(sum(map(len, words)) / len(words)))
    more = max(1, round(letters * 0.4))
    filler = []
    while more > 0:
        filler.append("mn"[: min(2, more)] + "o" * (min(average, more) - 2))
        more -= average + 1
    return text + (" " if len(words) > 1 else "") + " ".join(filler)


def spoken() -> list[Language]:
    """The languages that the program has texts in."""
    there = (FOLDER / f"grokdesk_{CHINESE}.ts").exists()
    return [Language.ENGLISH, *([Language.CHINESE] if there else [])]


# --- invented data ------------------------------------------------------------------------------------------

_LONG_NAME: Final = "The account of the laptop that stands in the kitchen behind the bread bin"
_PROXIES: Final = (
    "direct",
    "socks5h://hk-01.example.net:1080",
    "http://anna:invented@proxy.example.org:8080",
)
_PROMPTS: Final = (
    "a paper boat on a green river",
    "京都 in the rain, seen from a tram",
    "a lighthouse at dawn, long exposure, with the lamp still lit and two gulls on the railing",
    "an old bicycle against a yellow wall",
    "three pears on a blue cloth",
    "雪の朝",
    "the harbour at night",
    "a fox asleep in the heather",
    "a map of an island that is not there",
    "窗边的猫",
    "a red car in the desert",
    "glass bottles in evening light",
)


INVENTED: Final = (_LONG_NAME, *_PROMPTS, "the harbour at night, boats coming in")
"""What is said here in words and belongs to nobody: it is the same in every language."""


def _accounts(seed: Seed) -> list[Account]:
    if seed is Seed.EMPTY:
        return []
    signed_out = "Grok no longer accepts this account's sign-in."
    if seed is Seed.ERROR:
        return [
            account(
                number,
                label=name,
                status=Status.EXPIRED if number % 3 else Status.BLOCKED,
                reason=signed_out if number % 3 else "Grok has blocked this account.",
                since=NOON - 9_000 * number,
                last_failure=signed_out,
                last_failure_at=NOON - 9_000 * number,
                failures=number,
            )
            for number, name in enumerate(("Anna", "Studio", "小明的账号", _LONG_NAME, "Lab"), 1)
        ]
    more = [
        account(
            10, Tier.SUPER, label="小明的账号", email="xiaoming@example.cn", uses=88, tags=("工作", "cn")
        ),
        account(11, label=_LONG_NAME, email="a.very.long.address.indeed@mail.sub.example.org", uses=3),
        account(12, Tier.SUPER, label="Team", tags=("shared", "work", "team-blue"), uses=12_345),
        account(13, Tier.HEAVY, label="Render box", uses=640, last_use_at=NOON - 300),
    ]
    fast = more[0].windows[Mode.FAST]
    more[0] = replace(
        more[0],
        windows={
            **more[0].windows,
            Mode.FAST: replace(
                fast, remaining=fast.total // 3, reset_at=NOON + 5_000, source=WindowSource.REAL
            ),
        },
    )
    return [*every_state(), *more]


def _runs(seed: Seed) -> list[RunRecord]:
    if seed is Seed.EMPTY:
        return []
    rng = Random(3)
    clients = ("claude-cli/2.1", "OpenAI/Python 3.54", "Cursor", "curl/8", "Zed/0.210")
    models = ("grok-4.20-fast", "grok-4.20-expert", "grok-4.20-heavy", "grok-imagine-image")
    made = some_runs()
    for number in range(40):
        failed = seed is Seed.ERROR or rng.random() < 0.12
        name = rng.choice(("Anna", "Studio", "小明的账号", _LONG_NAME))
        way = rng.choice(("direct", "socks5h://hk-01.example.net:1080"))
        said = "Cloudflare stopped this request on the way to Grok; the account is fine."
        made.append(
            RunRecord(
                id=f"run{number + 10}",
                at=NOON - 200 - 1_900 * number,
                model=rng.choice(models),
                client=rng.choice(clients),
                mode="fast",
                account="acc00001",
                account_name=name,
                egress=way,
                state=RunState.FAILED if failed else RunState.DONE,
                failure=said if failed else "",
                stop="" if failed else "stop",
                first_ms=None if failed else rng.randrange(400, 3_000),
                total_ms=rng.randrange(3_000, 30_000),
                pieces=0 if failed else rng.randrange(20, 900),
                prompt_tokens=rng.randrange(40, 9_000),
                completion_tokens=0 if failed else rng.randrange(40, 2_000),
                tries=(Try(name, way, said if failed else ""),),
            )
        )
    return made


async def _fill(seed: Seed, folder: Path, clock: Still) -> None:
    """Write what the owner has into the data folder."""
    (folder / "config.toml").write_text(_settings(seed), "utf-8")
    async with App.started(_options(folder)) as app:
        await app.pool._store.add(_accounts(seed))  # noqa: SLF001 - states that only time and Grok bring about
        for run in sorted(_runs(seed), key=lambda one: one.at):
            clock.time = run.at
            entry = app.runs.begin(run.id, run.model, run.client)
            entry.record = run
            app.runs.finished(entry)
        clock.time = NOON
        if seed is not Seed.EMPTY:
            await _hang(app)


def _options(folder: Path) -> Options:
    """Nothing is served, and the programs of whoever runs this are not looked at."""
    return Options(data_dir=folder, environment={"HOME": str(folder / "home"), "PATH": ""}, serve=False)


def _settings(seed: Seed) -> str:
    if seed is Seed.EMPTY:
        return ""
    ways = ", ".join(f'"{way}"' for way in _PROXIES)
    return f'[egress]\nmode = "proxies"\nproxies = [{ways}]\n'


async def _hang(app: App) -> None:
    """Hang pictures and a film into the library."""
    for number, prompt in enumerate(_PROMPTS):
        width, height = ((320, 480), (480, 320), (360, 360))[number % 3]
        origin = Origin(prompt=prompt, model="grok-imagine-image", account_name="Anna", client="curl/8")
        await app.library.add_file(
            pictures.drawn(prompt, width, height), origin, created_at=NOON - 3_600 - 20_000 * number
        )
    await app.library.add_file(
        films.filmed("waves at dawn", 64, 36, 6.0), Origin(prompt="waves at dawn"), created_at=NOON - 9_000
    )


def _begin(stage: Stage) -> None:
    """Begin what is under way in this seed."""
    if stage.seed is not Seed.BUSY:
        return
    bus = stage.app.bus
    for number, (model, client) in enumerate(
        (("grok-4.20-expert", "claude-cli/2.1"), ("grok-imagine-video", "OpenAI/Python 3.54"))
    ):
        entry = stage.app.runs.begin(f"running{number}", model, client)
        entry.record = replace(
            entry.record, at=NOON - 12 - 40 * number, account_name="Studio", egress="direct"
        )
        bus.publish(RunStarted(entry.record))


def _job(**changes: object) -> MediaJob:
    request = VideoRequest(model="grok-imagine-video", prompt="the harbour at night, boats coming in")
    made = MediaJob("a" * 32, Kind.VIDEO, request, NOON - 60, state=JobState.RUNNING, fraction=0.62)
    return replace(made, **changes)  # type: ignore[arg-type] # of a job


# --- what is shown ------------------------------------------------------------------------------------------

Show = Callable[[Stage], Awaitable[QWidget]]


@dataclass(frozen=True, slots=True)
class Shot:
    """A window, page or dialog in the state that the seed brings about.

    `window` says which window it is, `state` which of its states; `guarded` ones have a reference picture, in
    `walked` ones Tab goes around the whole window.
    `page` is the picture's name in docs/pictures, if it has one there.
    """

    window: str
    seed: Seed
    show: Show
    state: str = ""
    guarded: bool = True
    page: str = ""
    walked: bool = True

    @property
    def name(self) -> str:
        """Its name as part of a file's name."""
        return f"{self.window}-{self.state or self.seed.value}"


def at(where: str) -> Show:
    """Show a place of the main window."""

    async def show(stage: Stage) -> QWidget:
        stage.window.go(where)
        await settle(0.15)
        return stage.window

    return show


def first_step(step: int) -> Show:
    """Show a step of the first run."""

    async def show(stage: Stage) -> QWidget:
        from grokdesk.ui.windows.first_run import FirstRunPane  # noqa: PLC0415 - only when it is visited

        pane = stage.pane("first", FirstRunPane)
        pane.turn(step)
        await settle(0.15)
        return stage.window

    return show


def dialog_of(make: Callable[[Stage], QDialog]) -> Show:
    """Show a dialog that is made of what is on the stage."""

    async def show(stage: Stage) -> QWidget:
        return _opened(make(stage))

    return show


async def accounts_chosen(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.accounts import AccountsPane  # noqa: PLC0415 - a pane is imported when it is visited

    pane = stage.pane("accounts", AccountsPane)
    await settle()
    await _select(pane, 3)
    return stage.window


async def accounts_no_match(stage: Stage) -> QWidget:
    pane = stage.window.go("accounts")
    return await _searched(stage, pane, "nobody is called this")


async def accounts_small(stage: Stage) -> QWidget:
    stage.window.resize(*SMALL)
    stage.undo.append(lambda: stage.window.resize(*SIZE))
    return await accounts_chosen(stage)


async def adding(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.add_accounts import AddAccounts  # noqa: PLC0415 - same

    text = "\n".join([token(1), token(40), token(41), token(41), "not a token at all", token(42)])
    stage.window.add_accounts(text)
    return await opened(AddAccounts)


async def requests_chosen(stage: Stage) -> QWidget:
    pane = stage.window.go("requests")
    await settle()
    await _select(pane, 1)
    return stage.window


async def requests_no_match(stage: Stage) -> QWidget:
    return await _searched(stage, stage.window.go("requests"), "no model is called this")


async def library_chosen(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.library import LibraryPane  # noqa: PLC0415 - same

    pane = stage.pane("library", LibraryPane)
    await _until(lambda: len(pane.files) > len(_PROMPTS))
    pane.wall.setCurrentIndex(pane.files.index(1, 0))
    stage.undo.append(pane.wall.clearSelection)
    return stage.window


async def library_busy(stage: Stage) -> QWidget:
    await library_chosen(stage)
    bus = stage.app.bus
    failed = _job(
        id="b" * 32,
        state=JobState.FAILED,
        failure="Grok refuses this content; the account is fine.",
        hint="Ask for something else.",
        ended_at=NOON - 20,
    )
    bus.publish(MediaJobChanged(failed))
    bus.publish(MediaJobChanged(_job()))
    return stage.window


async def library_at_grok(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.library import LibraryPane  # noqa: PLC0415 - same

    pane = stage.pane("library", LibraryPane)
    pane.tabs.setCurrentIndex(1)
    stage.undo.append(lambda: pane.tabs.setCurrentIndex(0))
    return stage.window


async def library_list(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.library import LibraryPane  # noqa: PLC0415 - same

    pane = stage.pane("library", LibraryPane)
    await _until(lambda: len(pane.files) > len(_PROMPTS))
    pane.as_list.click()
    stage.undo.append(pane.as_wall.click)
    return stage.window


async def viewer(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.library import LibraryPane  # noqa: PLC0415 - same

    pane = stage.pane("library", LibraryPane)
    await _until(lambda: len(pane.files) > len(_PROMPTS))
    pane.look_at(2)
    assert pane.viewer is not None
    pane.viewer.resize(960, 640)
    await settle(0.15)
    return pane.viewer


async def tagging(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.library_acts import TagFiles  # noqa: PLC0415 - same

    page = await stage.app.library.page()
    return _opened(TagFiles(stage.window, page.files[:2]))


async def cleaning(stage: Stage) -> QWidget:
    from grokdesk.core.library import Used  # noqa: PLC0415 - same
    from grokdesk.ui.windows.library_clean import Clean, Dirt  # noqa: PLC0415 - same

    dirt = Dirt(
        {Kind.IMAGE: Used(40, 200_000_000), Kind.VIDEO: Used(2, 90_000_000)},
        {Kind.IMAGE: 812, Kind.VIDEO: 46},
        3,
    )
    return _opened(Clean(stage.window, dirt))


async def ways_chosen(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.network import NetworkPane  # noqa: PLC0415 - same

    pane = stage.pane("network", NetworkPane)
    pane.tabs.setCurrentIndex(0)
    await settle()
    await _select(pane.proxies, 1)
    return stage.window


def cloudflare(how: str) -> Show:
    """Show how Cloudflare is passed."""

    async def show(stage: Stage) -> QWidget:
        before = stage.app.live.now.egress.clearance.value
        await stage.app.change({"egress.clearance": how})
        stage.undo.append(
            lambda: stage.shell.desk.work.start(stage.app.change({"egress.clearance": before})) and None
        )
        stage.window.go("network:cloudflare")
        await settle()
        return stage.window

    return show


async def adding_ways(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.network_add import AddWays  # noqa: PLC0415 - same

    dialog = AddWays(stage.window, stage.shell.desk)
    dialog.paste.setPlainText("two:2:name:hush\nftp://x\nsocks5://three:3\n" + _PROXIES[1])
    dialog.read()
    return _opened(dialog)


async def editing_way(stage: Stage) -> QWidget:
    from grokdesk.core.egress import Purpose  # noqa: PLC0415 - same
    from grokdesk.ui.windows.network_add import EditWay  # noqa: PLC0415 - same

    return _opened(EditWay(stage.window, stage.shell.desk, _PROXIES[2], Purpose.CHAT))


def settings(page: str) -> Show:
    """Show a page of the settings."""

    async def show(stage: Stage) -> QWidget:
        from grokdesk.ui.windows.settings import SettingsPane  # noqa: PLC0415 - same

        pane = stage.pane("settings", SettingsPane)
        pane.show_page(page)
        return stage.window

    return show


async def settings_edited(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.settings import SettingsPane  # noqa: PLC0415 - same

    pane = stage.pane("settings", SettingsPane)
    pane.show_setting("gateway.port")
    entry = pane.rows["gateway.port"].control.entry()
    assert hasattr(entry, "setText")
    entry.setText("70000")
    stage.undo.append(pane.discard)
    return stage.window


async def settings_found(stage: Stage) -> QWidget:
    return await _searched(stage, stage.window.go("settings"), "port")


async def settings_broken(stage: Stage) -> QWidget:
    stage.tell(
        Trouble(
            "settings",
            "config.toml: line 3 is not understood: gateway.port has to be a number.",
            "Until it is corrected the settings from before are used.",
        )
    )
    return await settings("general")(stage)


async def new_master_key(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.key_choice import NewKey  # noqa: PLC0415 - same

    return _opened(NewKey())


async def known_passphrase(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.key_choice import KnownPassphrase  # noqa: PLC0415 - same

    return _opened(KnownPassphrase(wrong=True))


async def closing(stage: Stage) -> QWidget:
    stage.window.close_wanted.emit()
    return await opened(dialogs.Ask)


async def quitting(stage: Stage) -> QWidget:
    stage.shell.quit()
    return await opened(dialogs.Ask)


async def tray(stage: Stage) -> QWidget:
    stage.shell.refresh_tray()
    stage.shell.tray.retranslate()
    menu = stage.shell.tray.menu
    menu.adjustSize()
    return menu


async def toasts(stage: Stage) -> QWidget:
    stage.window.go("home")
    desk = stage.shell.desk
    desk.copy_address()

    async def back() -> None:
        """Nothing was done."""

    desk.did(desk.tr("%n account(s) removed from this computer.", "", 2), back)
    return stage.window


async def palette(stage: Stage) -> QWidget:
    stage.window.go("home")
    does = stage.window.does
    does.open_palette()
    assert does.palette is not None
    does.palette.field.setText("pro")
    stage.undo.append(does.palette.dismiss)
    await settle(0.15)
    return stage.window


async def keys_page(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.keys_page import KeysPage  # noqa: PLC0415 - same

    return _opened(KeysPage(stage.shell.desk, stage.window))


async def messages(stage: Stage) -> QWidget:
    stage.window.go("home")
    desk = stage.shell.desk
    desk.copy_address()
    desk.say(desk.tr("There is nothing to undo."), "error")
    stage.window.toasts.clear()
    stage.window.status.toggle_messages()
    stage.undo.append(stage.window.status.toggle_messages)
    await settle(0.15)
    return stage.window


async def working(stage: Stage) -> QWidget:
    """Show the strip with what takes long."""
    desk = stage.shell.desk
    desk.doing.long_ms = 0
    stage.window.go("home")
    doing = desk.doing.begin("Checking accounts", total=120, cancel=lambda: None)
    doing.update(34, said="Studio")
    stage.undo.append(doing.finish)
    await settle(0.15)
    return stage.window


async def detached(stage: Stage) -> QWidget:
    own = stage.window.detach("network")
    assert own is not None
    stage.undo.append(lambda: stage.window.apart.dock("network"))
    own.resize(900, 600)
    await settle(0.15)
    return own


async def previewing(stage: Stage) -> QWidget:
    """Show what would be written into the file of a program."""
    from grokdesk.ui.windows.connect import ConnectPane  # noqa: PLC0415 - same
    from grokdesk.ui.windows.connect_card import ClientCard  # noqa: PLC0415 - same
    from grokdesk.ui.windows.connect_preview import Preview  # noqa: PLC0415 - same

    pane = stage.pane("connect", ConnectPane)
    pane.choose("claude-code")
    await settle(0.15)
    card = next(one for one in pane.findChildren(ClientCard) if one.isVisible())
    card.set_up.click()
    return await opened(Preview)


async def diagnostics(stage: Stage) -> QWidget:
    from grokdesk.ui.windows.diagnostics import DiagnosticsDialog, show_diagnostics  # noqa: PLC0415 - same

    show_diagnostics(stage.shell.desk, stage.window)
    return await opened(DiagnosticsDialog)


def about(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.about import About  # noqa: PLC0415 - same

    return About(stage.window, stage.shell.desk)


def let_others(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.lan import LetOthers  # noqa: PLC0415 - same

    return LetOthers(stage.window, ["192.168.178.20", "10.0.0.7"], 4765, 2)


def client_keys(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.connect_keys import KeysDialog  # noqa: PLC0415 - same

    return KeysDialog(stage.window, stage.shell.desk)


def replacing_token(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.accounts_dialogs import ReplaceToken  # noqa: PLC0415 - same

    return ReplaceToken(stage.window, stage.shell.desk, stage.app.pool.accounts()[4])


def allowing_adult(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.accounts_dialogs import AllowAdult  # noqa: PLC0415 - same

    return AllowAdult(stage.window, stage.shell.desk, 3)


def tagging_accounts(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.accounts_dialogs import TagAccounts  # noqa: PLC0415 - same

    return TagAccounts(stage.window, stage.shell.desk, 3, ["shared", "work", "工作"], away=False)


def binding(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.accounts_dialogs import BindAccounts  # noqa: PLC0415 - same

    return BindAccounts(stage.window, stage.shell.desk, 3, Secret(""))


def exporting(stage: Stage) -> QDialog:
    from grokdesk.ui.windows.accounts_dialogs import ExportAccounts  # noqa: PLC0415 - same

    return ExportAccounts(stage.window, stage.shell.desk, 13)


def _opened(dialog: P) -> P:
    dialog.show()
    return dialog


async def opened(kind: type[P]) -> P:
    """Return the dialog that has just been opened."""
    await _until(
        lambda: any(isinstance(one, kind) and one.isVisible() for one in QApplication.topLevelWidgets())
    )
    await settle(0.15)
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible())


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not true():  # noqa: ASYNC110 - what can be seen tells nobody
            await asyncio.sleep(0.01)


async def _select(pane: QWidget, place: int) -> None:
    """Select a row of the table in a pane, as soon as it has one."""

    def shown() -> list[QTableView]:
        return [
            one for one in pane.findChildren(QTableView) if one.isVisible() and one.model().rowCount() > place
        ]

    await _until(shown)
    table = shown()[0]
    table.selectRow(place)
    table.setFocus()


async def _searched(stage: Stage, pane: Pane, text: str) -> QWidget:
    field = pane.search_field()
    assert field is not None
    field.setText(text)
    stage.undo.append(field.clear)
    await settle(0.3)
    return stage.window


# Those of the settings that have a picture in docs/windows.
PAGES: Final = {"general": "settings", "models": "models", "logs": "logs"}
SETTINGS: Final = (
    "general",
    "gateway",
    "models",
    "chat",
    "media",
    "accounts",
    "network",
    "limits",
    "grok",
    "privacy",
    "storage",
    "logs",
)

SHOTS: Final = (
    Shot("home", Seed.EMPTY, at("home")),
    Shot("first", Seed.EMPTY, first_step(0), "welcome", page="first-run"),
    Shot("first", Seed.EMPTY, first_step(1), "accounts"),
    Shot("first", Seed.EMPTY, first_step(2), "way", guarded=False),
    Shot("first", Seed.EMPTY, first_step(3), "app", guarded=False),
    Shot("home", Seed.NORMAL, at("home"), page="home"),
    Shot("home", Seed.BUSY, at("home"), guarded=False),
    Shot("home", Seed.ERROR, at("home")),
    Shot("library", Seed.EMPTY, at("library")),
    Shot("library", Seed.NORMAL, library_chosen, page="library"),
    Shot("library", Seed.BUSY, library_busy),
    Shot("library", Seed.NORMAL, library_list, "list", guarded=False),
    Shot("library-at-grok", Seed.NORMAL, library_at_grok),
    Shot("library-at-grok", Seed.EMPTY, library_at_grok, guarded=False),
    Shot("viewer", Seed.NORMAL, viewer),
    Shot("tag-files", Seed.NORMAL, tagging),
    Shot("clean-library", Seed.NORMAL, cleaning),
    Shot("accounts", Seed.EMPTY, at("accounts")),
    Shot("accounts", Seed.NORMAL, accounts_chosen, page="accounts"),
    Shot("accounts", Seed.NORMAL, accounts_no_match, "no-match", guarded=False),
    Shot("accounts", Seed.NORMAL, accounts_small, "small", guarded=False),
    Shot("accounts", Seed.ERROR, accounts_chosen, guarded=False),
    Shot("add-accounts", Seed.NORMAL, adding, page="add-accounts"),
    Shot("network", Seed.EMPTY, at("network"), guarded=False),
    Shot("network", Seed.NORMAL, ways_chosen, page="network"),
    Shot("cloudflare-none", Seed.NORMAL, cloudflare("none"), guarded=False),
    Shot("cloudflare-paste", Seed.NORMAL, cloudflare("manual")),
    Shot("cloudflare-solver", Seed.NORMAL, cloudflare("flaresolverr"), page="cloudflare"),
    Shot("add-proxies", Seed.NORMAL, adding_ways),
    Shot("edit-proxy", Seed.NORMAL, editing_way),
    Shot("requests", Seed.EMPTY, at("requests")),
    Shot("requests", Seed.NORMAL, requests_chosen, page="requests"),
    Shot("requests", Seed.NORMAL, requests_no_match, "no-match", guarded=False),
    Shot("requests", Seed.BUSY, at("requests"), guarded=False),
    Shot("requests", Seed.ERROR, requests_chosen, guarded=False),
    *(
        Shot(
            f"settings-{key}",
            Seed.NORMAL,
            settings(key),
            guarded=key in PAGES and key != "logs",
            page=PAGES.get(key, ""),
        )
        for key in SETTINGS
    ),
    Shot("connect", Seed.NORMAL, at("connect:claude-code"), page="connect"),
    Shot("connect", Seed.EMPTY, at("connect:cursor"), guarded=False),
    Shot("connect-hosts", Seed.NORMAL, at("connect:hosts"), guarded=False),
    Shot("connect-preview", Seed.NORMAL, previewing, guarded=False),
    Shot("client-keys", Seed.NORMAL, dialog_of(client_keys)),
    Shot("usage", Seed.NORMAL, at("requests:usage"), page="usage"),
    Shot("usage", Seed.EMPTY, at("requests:usage"), guarded=False),
    Shot("replace-token", Seed.NORMAL, dialog_of(replacing_token), guarded=False),
    Shot("allow-adult", Seed.NORMAL, dialog_of(allowing_adult)),
    Shot("tag-accounts", Seed.NORMAL, dialog_of(tagging_accounts), guarded=False),
    Shot("bind-accounts", Seed.NORMAL, dialog_of(binding), guarded=False),
    Shot("export-accounts", Seed.NORMAL, dialog_of(exporting), guarded=False),
    Shot("let-others", Seed.NORMAL, dialog_of(let_others)),
    Shot("about", Seed.NORMAL, dialog_of(about), guarded=False),
    Shot("palette", Seed.NORMAL, palette, page="palette", walked=False),
    Shot("keys", Seed.NORMAL, keys_page, page="keys"),
    Shot("messages", Seed.NORMAL, messages, guarded=False, walked=False),
    Shot("strip", Seed.BUSY, working),
    Shot("detached", Seed.NORMAL, detached, guarded=False),
    Shot("diagnostics", Seed.NORMAL, diagnostics, guarded=False),
    Shot("settings", Seed.NORMAL, settings_edited, "wrong-value"),
    Shot("settings", Seed.NORMAL, settings_found, "found", guarded=False),
    Shot("settings", Seed.ERROR, settings_broken),
    Shot("master-key", Seed.EMPTY, new_master_key),
    Shot("passphrase", Seed.EMPTY, known_passphrase),
    Shot("close", Seed.NORMAL, closing),
    Shot("quit", Seed.BUSY, quitting),
    Shot("tray", Seed.NORMAL, tray, page="tray"),
    Shot("tray", Seed.EMPTY, tray, guarded=False),
    Shot("tray", Seed.ERROR, tray, guarded=False),
    Shot("toasts", Seed.NORMAL, toasts, guarded=False),
)


def shots(seed: Seed) -> tuple[Shot, ...]:
    """The shots of one seed."""
    return tuple(shot for shot in SHOTS if shot.seed is seed)
