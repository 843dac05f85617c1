"""Every row of docs/failures.md in the window: its sentence and its next step, where an owner looks for them.

The failures are caused as `tests/app` causes them, with the whole program against the simulator.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from grokdesk import app as app_module
from grokdesk.app import App
from grokdesk.core.accounts import Account, Status, Tier
from grokdesk.core.errors import EgressOutcome
from grokdesk.core.media_jobs import JobState
from grokdesk.core.options import Options
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.platform import secrets
from grokdesk.platform.paths import Paths
from grokdesk.sim import Simulator, World
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from tests.app.failure_stage import ACTS, Outcome, Watch, play
from tests.app.failures import SECTIONS, Case, Scene, Section
from tests.app.media_failures import FILM, ROWS, Row
from tests.app.test_media_failures import heard
from tests.rig import Rig, running, token
from tests.ui.conftest import application
from tests.ui.faces import settle

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@asynccontextmanager
async def shown(app: App) -> AsyncIterator[Shell]:
    """The window of a running program."""
    look = Look(application())
    look.choose("light")
    tray = Tray(look, TrayState())
    shell = Shell(app, look, tray)
    shell.window.bring_up()
    await settle()
    try:
        yield shell
    finally:
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


def seen(place: QWidget) -> str:
    """All that can be read in a place."""
    said = [
        one.text()
        for one in place.findChildren(QWidget)
        if isinstance(one, QLabel | QAbstractButton) and one.isVisibleTo(place)
    ]
    return " ".join(" ".join(said).replace("\u200b", "").split())


async def until(true: Callable[[], object]) -> None:
    """Wait until something can be seen."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what can be seen tells nobody
            await asyncio.sleep(0.02)


# --- failures of Grok and of the way there ------------------------------------------------------------------


class Reader:
    """Reads in the window what came of each case; collects what is missing there."""

    def __init__(self) -> None:
        self.missing: list[str] = []

    @asynccontextmanager
    async def reading(self, rig: Rig) -> AsyncIterator[Watch]:
        """Have a window open while cases are played."""
        async with shown(rig.app) as shell:

            async def watch(rig: Rig, case: Case, account: Account, outcome: Outcome) -> None:
                await self._read(shell, rig, case, account, outcome)

            yield watch

    async def _read(self, shell: Shell, rig: Rig, case: Case, account: Account, outcome: Outcome) -> None:
        """Look at the request, at the account, and at the way out."""
        meaning, after = case.meaning, case.meaning.account

        async def reads(where: str, pane: str, *sentences: str) -> None:
            left = 20
            missing = list(sentences)
            while missing and left:
                shell.window.go(where)
                await settle(0.05)
                said = self._plain(rig, seen(shell.window.pane))
                missing = [one for one in sentences if " ".join(one.split()) not in said]
                left -= 1
            self.missing += [f"{case.name}: {pane} does not say {one!r}, but: {said}" for one in missing]

        if case.place not in ACTS and outcome.tries:
            hint = [meaning.hint] if outcome.heard.sentence else []
            await reads(f"requests:{rig.app.runs.recent()[0].id}", "Requests", meaning.message, *hint)
        if after.noted:
            # One that is not at fault goes on; what to do is then said where the fault is.
            stands = after.status is Status.ACTIVE and not (
                after.used_up_s or after.left_alone_s or after.rests_s
            )
            hint = [] if stands else [meaning.hint]
            await reads(f"accounts:id:{account.id}", "Accounts", meaning.written or meaning.message, *hint)
        for way, name in zip(outcome.ways, rig.app.live.now.egress.proxies, strict=False):
            if way.cause is not EgressOutcome.FINE:
                await reads(f"network:{name}", "Network", meaning.message.partition(". ")[0])

    def _plain(self, rig: Rig, said: str) -> str:
        """The text with the names that differ from one start to the next replaced, as in the cases."""
        for name, way in zip(("one", "two"), rig.app.live.now.egress.proxies, strict=False):
            said = said.replace(way, name)
        return said.replace("127.0.0.1", "grok.com").replace("for 0 seconds", "for 120 seconds")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
async def test_every_failure_says_its_sentence_and_what_to_do_next(section: Section, tmp_path: Path) -> None:
    """
    In Requests with the try that met it, in Accounts with the account, in Network with the way out.
    """
    reader = Reader()
    cases = [(case, case.forms[0]) for case in section.cases if case.scene is not Scene.LEAVES]

    await play(tmp_path, cases, reader.reading)

    if reader.missing:
        pytest.fail("\n".join(reader.missing), pytrace=False)


# --- pictures and films -------------------------------------------------------------------------------------


def one_of_each() -> list[Row]:
    """One row for each thing that a client is told, of pictures, of edits and of films."""
    found: dict[tuple[str, str], Row] = {}
    for row in ROWS:
        if row.told.code and "silen" not in row.name:
            found.setdefault((row.asked.model, row.told.code), row)
    return list(found.values())


@pytest.mark.parametrize("row", one_of_each(), ids=lambda row: row.name)
async def test_what_goes_wrong_with_pictures_and_films_is_told(row: Row, tmp_path: Path) -> None:
    """
    In Requests, and for a film in the Library as well, where it can be tried again.
    """
    world = World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        there = world.add(token("a"), "super")
        first, *later = row.scripts
        there.next(*([first] if row.at else row.scripts))
        if row.at:
            world.next_on(row.at, *later)
        await rig.app.pool.add([NewAccount(token=Secret(token("a")), tier=Tier.SUPER)])
        async with shown(rig.app) as shell:
            library = shell.window.go("library")
            await settle()

            told = await heard(rig, row.asked)
            await settle(0.2)

            if row.asked.model == FILM:
                [job] = await rig.app.media_jobs.list()
                assert job.state in {JobState.FAILED, JobState.INTERRUPTED}
                assert job.failure in seen(library)
                assert job.hint in seen(library)
                assert "Try again" in seen(library)
            run = rig.app.runs.recent()[0]
            shell.window.go(f"requests:{run.id}")
            await settle()
            said = seen(shell.window.pane)
            assert run.failure, told
            assert run.failure in said
            assert run.hint in said


# --- at the start -------------------------------------------------------------------------------------------


@asynccontextmanager
async def started(folder: Path, **settings: object) -> AsyncIterator[tuple[App, Shell]]:
    """The program, as it is started on a folder."""
    overrides = {name.replace("__", "."): value for name, value in settings.items()}
    options = Options(data_dir=folder, environment={"HOME": str(folder), "PATH": ""}, overrides=overrides)
    async with App.started(options) as app, shown(app) as shell:
        yield app, shell


@contextmanager
def occupied() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often at the settings file, and into nobody's keyring."""
    monkeypatch.setattr(app_module, "LOOK_S", 0.02)
    monkeypatch.setattr(app_module, "system_keyring", secrets.no_keyring)


async def test_a_port_in_use_is_told_above_every_pane_and_on_home(tmp_path: Path) -> None:
    """
    With the next free port to take, or any other.
    """
    with occupied() as port:
        file = Paths.under(tmp_path).create().config_file
        file.write_text(f"[gateway]\nport = {port}\n", "utf-8")
        async with started(tmp_path) as (app, shell):
            state = app.gateway.state
            assert re.search(rf"\b{port}\b", state.error)
            for place in ("home", "settings"):
                shell.window.go(place)
                await settle()
                said = seen(shell.window)
                assert state.error in said
                assert "Take another one, or close that program." in said
                assert f"Use {state.free_port}" in said
                assert "Choose a port…" in said
            await app.pool.add([NewAccount(token=Secret(token("a")))])
            await until(lambda: state.error in seen(shell.window.go("home")))


async def test_a_port_in_use_that_came_from_outside_is_not_offered_to_be_changed_here(tmp_path: Path) -> None:
    """
    Changing the setting would change nothing, so it says where the port comes from.
    """
    with occupied() as port:
        async with started(tmp_path, gateway__port=port) as (app, shell):
            said = seen(shell.window.go("home").window())

            assert app.gateway.state.error in said
            assert "The port comes from outside (the command line)." in said
            assert f"Use {app.gateway.state.free_port}" not in said
            assert "Try again" in said


async def test_a_settings_file_that_is_not_understood_is_told_with_its_line(tmp_path: Path) -> None:
    """
    Above every pane with the way to the settings, and there once more.
    """
    async with started(tmp_path, gateway__port=0) as (app, shell):
        app.paths.config_file.write_text('[retry]\nmore_tries = "many"\n', "utf-8")
        shell.window.go("home")

        await until(lambda: "line 2" in seen(shell.window))
        assert "Show settings" in seen(shell.window)
        await until(lambda: "line 2" in seen(shell.window.go("settings")))


async def test_a_master_key_without_a_keyring_is_told(tmp_path: Path) -> None:
    """
    Above every pane, until the owner says that it is understood.
    """
    async with started(tmp_path, gateway__port=0) as (app, shell):
        [note] = [one for one in app.notes if "master key" in one]

        assert note in seen(shell.window)
        assert "Understood" in seen(shell.window)
