"""The report for others: shown before it is saved, and without anything secret in any of its bytes."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import openai
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from grokdesk.__main__ import main
from grokdesk.app import App
from grokdesk.core.options import Options
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.engine.scrubbing import Scrubber, shortened
from grokdesk.sim import Simulator, World, blocked, text
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.diagnostics import DiagnosticsDialog
from grokdesk.ui.windows.logs_page import LogsPage
from grokdesk.ui.windows.settings import SettingsPane
from tests.rig import FAST, Rig, basic, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, dialog, press, settle

PROMPT = "Where did Anneliese bury the silver spoons?\nUnder the old pear tree?"
PICTURE = "A portrait of my neighbour Wenzel in his pyjamas"
ANSWER = "She buried them in the cellar of the mill."
INSTRUCTION = "Call me Captain Nemo and never mention the whale."
MAIL = "anna.lind@post.example.org"
LABEL, TAG, NOTE, KEY_NAME = "Annas Konto", "familie", "Passwort liegt im Safe", "Schreibtisch Wien"
PASSPHRASE = "correct horse battery staple"
COOKIE, ACCOUNT_COOKIE = "invented-clearance-value-77", "invented-account-cookie-88"
PROXY_PASSWORD, TEAM_KEY, STATSIG = (
    "invented-proxy-password",
    "invented-team-key-99",
    "aW52ZW50ZWQtc3RhdHNpZw",
)
USER_ID = "8b1d6f7e-0a55-4a51-8f0c-2f6b1c0f9d11"


@dataclass
class Scene:
    """The program with secrets in every corner, and its window on the log."""

    rig: Rig
    shell: Shell
    page: LogsPage
    folder: Path

    @property
    def app(self) -> App:
        return self.rig.app

    def secrets(self) -> list[str]:
        """Everything that nobody else may see."""
        accounts = self.app.pool.accounts()
        return [
            *(one.token.reveal() for one in accounts),
            *(key.value.reveal() for key in self.app.keys.all()),
            *(line for line in PROMPT.splitlines()),
            *(one.id for one in accounts),
            PICTURE,
            ANSWER,
            INSTRUCTION,
            MAIL,
            LABEL,
            TAG,
            NOTE,
            KEY_NAME,
            PASSPHRASE,
            COOKIE,
            ACCOUNT_COOKIE,
            PROXY_PASSWORD,
            TEAM_KEY,
            STATSIG,
            USER_ID,
        ]

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    def options(**given: Any) -> Options:  # noqa: ANN401 - the fields of Options
        return Options(**{**given, "environment": {"GROKDESK_PASSPHRASE": PASSPHRASE}})

    monkeypatch.setattr("tests.rig.Options", options)
    world = World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given
    folder = tmp_path / "data"
    async with (
        Simulator(world, port=0).started() as sim,
        running(folder, sim, world) as rig,
    ):
        await _filled(rig, world)
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.activateWindow()
        pane = shell.window.go("settings:logs")
        assert isinstance(pane, SettingsPane)
        page = pane.made_page
        assert isinstance(page, LogsPage)
        await settle()
        yield Scene(rig, shell, page, tmp_path)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


async def _filled(rig: Rig, world: World) -> None:
    """Put something secret wherever there is room for it."""
    app = rig.app
    good = world.add(token=token("good"), tier="super")
    basic(world, "gone").always(blocked())
    await app.change({"privacy.keep_prompts": True, "logging.level": "debug"})
    await app.pool.add(
        [
            NewAccount(
                token=Secret(token("good")),
                label=LABEL,
                tags=(TAG,),
                note=NOTE,
                cookies=Secret(f"x-challenge={ACCOUNT_COOKIE}"),
            ),
            NewAccount(token=Secret(token("gone")), email=MAIL),
        ]
    )
    made = await app.keys.make(KEY_NAME)
    async with rig.client_with(made.value.reveal()) as client:
        await client.images.generate(model="grok-imagine-image", prompt=PICTURE)
        good.always(text(ANSWER))
        for _ in range(3):
            await client.chat.completions.create(model=FAST, messages=[{"role": "user", "content": PROMPT}])
    async with rig.client_with("gd-nobody-has-this-key-but-it-looks-like-one") as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()
    await app.change(
        {
            "egress.proxies": [f"http://anna:{PROXY_PASSWORD}@127.0.0.1:9"],
            "egress.mode": "proxies",
            "egress.cookies": f"cf_clearance={COOKIE}; __cf_bm={COOKIE}-2",
            "chat.custom_instruction": INSTRUCTION,
            "storage.team_key": TEAM_KEY,
            "grok_web.statsig_value": STATSIG,
        }
    )
    with pytest.raises(openai.APIStatusError):
        await rig.say(PROMPT)
    app.pool.learn(app.pool.accounts()[0].id, USER_ID, MAIL)
    log = logging.getLogger("grokdesk.somewhere")
    theirs = logging.getLogger("aiohttp.something")
    key = app.keys.all()[0].value.reveal()
    for secret in (
        token("good"), key, MAIL, LABEL, NOTE, KEY_NAME, PASSPHRASE, COOKIE, ACCOUNT_COOKIE, USER_ID,
        TEAM_KEY, PROXY_PASSWORD, STATSIG, INSTRUCTION, PROMPT, PICTURE, ANSWER, app.pool.accounts()[0].id,
    ):  # fmt: skip
        log.warning("went wrong value=%s", secret)
        log.warning("went wrong %r in a dict %s", secret, {"a": secret})
        log.warning("address https://example.org/?q=%s json=%s", quote(secret, safe=""), json.dumps([secret]))
        theirs.error("a library complains about '%s'", secret)
        try:
            raise ValueError(f"bad: {secret}\nand {secret} again")  # noqa: TRY301 - a traceback is wanted
        except ValueError:
            log.exception("failed")
    log.warning("prompt=What nobody but me has ever asked")
    theirs.warning('{"content": "What nobody but me has ever answered"}')
    await asyncio.sleep(0.1)


def found(data: bytes, secrets: list[str]) -> list[str]:
    """Which secrets are in it, in any form."""
    forms = {one: (one, quote(one, safe=""), json.dumps(one)[1:-1], repr(one)[1:-1]) for one in secrets}
    return [one for one, ways in forms.items() if any(way.encode() in data for way in ways)]


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def answer_files(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Choose `path` in the next dialog of files."""

    def opened(self: QFileDialog) -> None:
        self.fileSelected.emit(str(path))
        self.accept()

    monkeypatch.setattr(QFileDialog, "open", opened)


async def test_it_is_shown_then_saved_without_what_was_switched_off_by_mouse(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A click on a file shows its text, a click on its tick leaves it out; no byte of the zip is secret.
    """
    path = scene.folder / "report.zip"
    answer_files(monkeypatch, path)
    secrets = scene.secrets()
    on_disk = (scene.app.paths.logs / "grokdesk.log").read_bytes()
    click(scene.page.report)
    await scene.until(
        lambda: any(isinstance(one, DiagnosticsDialog) for one in QApplication.topLevelWidgets())
    )
    await settle()
    shown = dialog(DiagnosticsDialog)
    texts = {}
    for place in range(shown.tree.topLevelItemCount()):
        item = shown.tree.topLevelItem(place)
        assert item is not None
        box = shown.tree.visualItemRect(item)
        QTest.mouseClick(
            shown.tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(box.right() - 4, box.center().y())
        )
        texts[item.text(0)] = shown.text.toPlainText()
    shown.look_at(4)
    click(shown.inside)
    total = shown.total.text()
    click(shown.save)
    await scene.until(path.exists)
    await scene.until(lambda: "The report is saved as report.zip." in scene.shell.window.toasts.texts())

    held = contents(path)
    assert found(on_disk, [PROMPT.splitlines()[0], LABEL]), "the test has put them where they could leak"
    assert set(texts) == {*held, "ways.json"}
    assert all(texts[name].strip() == held[name].decode().strip() for name in held)
    assert total.startswith("8 files, ")
    assert {name: found(data, secrets) for name, data in held.items()} == {name: [] for name in held}
    assert found(path.read_bytes(), secrets) == []
    assert b"nobody but me" not in b"".join(held.values())
    assert b"nobody-has-this-key" not in b"".join(held.values())


async def test_keys_alone_show_leave_out_and_save(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Arrows, Space, Tab and Enter.
    """
    path = scene.folder / "report.zip"
    answer_files(monkeypatch, path)
    scene.page.report.setFocus()
    press(scene.shell.window, Qt.Key.Key_Space)
    await scene.until(
        lambda: any(isinstance(one, DiagnosticsDialog) for one in QApplication.topLevelWidgets())
    )
    await settle()
    shown = dialog(DiagnosticsDialog)
    press(shown, Qt.Key.Key_Down)
    press(shown, Qt.Key.Key_Space)
    second = shown.about.text()
    press(shown, Qt.Key.Key_Return)
    await scene.until(path.exists)

    assert second == "All settings; of secrets only whether they are set."
    assert "settings.toml" not in contents(path)
    assert len(contents(path)) == 8


async def test_what_remains_still_helps(scene: Scene) -> None:
    """
    Versions, what is set, counts, causes, and lines of the log that say what happened.
    """
    sheets = {one.name: one.text for one in await scene.app.diagnostics.sheets()}
    about = json.loads(sheets["about.json"])
    accounts = json.loads(sheets["accounts.json"])
    requests = json.loads(sheets["requests.json"])
    ways = json.loads(sheets["ways.json"])
    figures = json.loads(sheets["figures.json"])
    settings, log = sheets["settings.toml"], sheets["log.txt"]

    assert about["libraries"]["aiohttp"]
    assert about["openssl"].startswith("OpenSSL")
    assert 'cookies = "(set)"' in settings
    assert "keep_prompts = true  # changed" in settings
    assert f'custom_instruction = "(set)"  # {len(INSTRUCTION)} characters' in settings
    assert accounts["total"] == 2
    assert ways["ways"][0]["name"] == "http://127.0.0.1:9"
    assert [one["state"] for one in requests[:2]] == ["failed", "done"]
    assert requests[0]["cause"]
    assert requests[1]["account"] == shortened(scene.app.pool.accounts()[0].id)
    assert figures["memory_mb"] is None or figures["memory_mb"] > 10
    assert figures["loop_late_ms"]["most"] >= figures["loop_late_ms"]["middle"]
    assert "ValueError: (left out)" in log
    assert "gateway running address=127.0.0.1:" in log
    assert len(log.splitlines()) <= 2_000


async def test_the_palette_finds_it(scene: Scene) -> None:
    """
    By its name or by what others call it.
    """
    press(scene.shell.window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    await settle()
    palette = scene.shell.window.does.palette
    assert palette is not None
    field = palette.focusWidget()
    assert field is not None
    QTest.keyClicks(field, "diagnostics")
    await settle(0.2)
    QTest.keyClick(field, Qt.Key.Key_Return)
    await scene.until(
        lambda: any(isinstance(one, DiagnosticsDialog) for one in QApplication.topLevelWidgets())
    )
    dialog(DiagnosticsDialog).reject()
    await settle()


async def test_every_control_is_named(scene: Scene) -> None:
    """
    And Esc leaves without a file.
    """
    scene.page.show_report()
    await scene.until(
        lambda: any(isinstance(one, DiagnosticsDialog) for one in QApplication.topLevelWidgets())
    )
    shown = dialog(DiagnosticsDialog)
    unnamed = [
        one
        for one in (shown.tree, shown.text, shown.inside, shown.cancel, shown.save)
        if not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    press(shown, Qt.Key.Key_Escape)
    await settle()

    assert unnamed == []
    assert list(scene.folder.glob("*.zip")) == []


async def test_the_running_program_writes_it_for_the_command_line(scene: Scene) -> None:
    """
    The same report; a part can be left out, and one that there is not is named.
    """
    path = scene.folder / "by-command.zip"
    answer = await scene.app.commands.do({"do": "diagnostics", "file": str(path), "without": ["log.txt"]})

    held = contents(path)
    assert [one["name"] for one in answer["sheets"]] == list(held)
    assert "log.txt" not in held
    assert {name: found(data, scene.secrets()) for name, data in held.items()} == {name: [] for name in held}


def test_the_command_line_shows_it_and_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Without a file it goes to the terminal, also while nobody runs.
    """
    folder = ["--data-dir", str(tmp_path / "data")]
    shown = main([*folder, "diagnostics"])
    text_shown = capsys.readouterr().out
    written = main([*folder, "diagnostics", str(tmp_path / "it.zip")])
    listed = capsys.readouterr()
    wrong = main([*folder, "diagnostics", "--without", "nothing"])

    assert (shown, written, wrong) == (0, 0, 1)
    assert "===== settings.toml: All settings" in text_shown
    assert "log.txt\t" in listed.out
    assert "Look at it before you hand it on." in listed.err
    assert "It has about.json" in capsys.readouterr().err
    assert "accounts.json" in contents(tmp_path / "it.zip")


# --- taking out ---------------------------------------------------------------------------------------------


def test_ten_thousand_secrets_are_taken_out_in_time() -> None:
    """
    The longest first, so that nothing is left of one that has another in it.
    """
    secrets = [f"invented-token-number-{number}" for number in range(10_000)]
    text_with = "\n".join(f"line {number} has {secrets[number]} in it" for number in range(0, 10_000, 7))
    began = time.perf_counter()

    cleaned = Scrubber(secrets).clean(text_with)

    assert "invented" not in cleaned
    assert "line 7 has … in it" in cleaned
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (
            "2026-08-12 10:00:00,123 INFO    grokdesk.engine.runs: run finished id=7 total_ms=12",
            "2026-08-12 10:00:00,123 INFO    grokdesk.engine.runs: run finished id=7 total_ms=12",
        ),
        (
            "2026-08-12 10:00:00,123 ERROR   aiohttp.server: Error handling 'secret words'",
            "2026-08-12 10:00:00,123 ERROR   aiohttp.server: Error handling (left out)",
        ),
        (
            "2026-08-12 10:00:00,123 INFO    grokdesk.gateway: request answered client=Old desk failure=-",
            "2026-08-12 10:00:00,123 INFO    grokdesk.gateway: request answered client=… failure=-",
        ),
        ('  File "/x/y.py", line 7, in go', '  File "/x/y.py", line 7, in go'),
        ("ValueError: what was said", "ValueError: (left out)"),
        ("grokdesk.core.errors.Broken: The disk is full.", "grokdesk.core.errors.Broken: The disk is full."),
        ("and it goes on", "(left out)"),
        ("account 0123456789abcdef0123456789abcdef left", "(left out)"),
    ],
)
def test_lines_of_the_log_keep_what_is_ours(line: str, kept: str) -> None:
    """
    What libraries and exceptions quote may be what somebody said.
    """
    assert Scrubber(()).clean_log(line) == kept
