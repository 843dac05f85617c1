"""Connect apps, driven by mouse and keys against the whole program, the simulator and real clients' files."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp
import anthropic
import openai
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QPlainTextEdit, QScrollArea

from grokdesk.app import App
from grokdesk.core import jsonc
from grokdesk.core.client_setups import BY_ID, CLIENTS, fields
from grokdesk.core.notices import GatewayPhase, Visited
from grokdesk.core.options import Options
from grokdesk.core.visits import Light, Visit, Visits
from grokdesk.sim import Simulator, World
from grokdesk.ui import dialogs
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.connect import ConnectPane
from grokdesk.ui.windows.connect_browser import HOSTS
from grokdesk.ui.windows.connect_card import ClientCard
from grokdesk.ui.windows.connect_hosts import DOCKER, HostsCard
from grokdesk.ui.windows.connect_keys import KeysDialog
from grokdesk.ui.windows.connect_preview import Preview
from grokdesk.ui.windows.main_window import MainWindow
from tests.rig import FAST, Rig, basic, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, clipboard, dialog, no_dialog, press, settle
from tests.ui.test_window import describe, stops, walk

CTRL = Qt.KeyboardModifier.ControlModifier


@dataclass
class Scene:
    """The pane in its window, the program behind it, and a home folder that is nobody's."""

    rig: Rig
    shell: Shell
    pane: ConnectPane
    home: Path

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    def card(self, client: str) -> ClientCard:
        return self.pane.card(client)

    async def has_key(self, name: str) -> None:
        """Wait until there is a key of this name."""
        await self.until(lambda: any(key.name == name for key in self.rig.app.keys.all()))

    async def says(self, label: QLabel, words: str) -> None:
        """Wait until a label says this."""
        await self.until(lambda: words in label.text())

    async def front(self) -> None:
        """Be the active window again after a dialog; a window system does that by itself."""
        self.window.activateWindow()
        await settle()

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    home = tmp_path / "home"
    home.mkdir()
    basic(world, "a")
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        await rig.add(token("a"))
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.activateWindow()
        pane = shell.window.go("connect")
        assert isinstance(pane, ConnectPane)
        made = Scene(rig, shell, pane, home)
        await made.front()
        yield made
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


# --- addresses and keys -------------------------------------------------------------------------------------


async def test_the_real_addresses_and_the_key_are_copied(scene: Scene) -> None:
    """
    OpenAI's form ends in /v1, Anthropic's does not, and the clipboard forgets the key.
    """
    pane, rig = scene.pane, scene.rig
    copied = []
    for one in (pane.copy_openai, pane.copy_anthropic, pane.copy_key):
        click(one)
        copied.append(clipboard())

    assert copied == [f"{rig.url}/v1", rig.url, rig.key]
    assert pane.openai.text() == f"{rig.url}/v1"
    assert rig.key not in pane.key_text.text()
    scene.shell.desk.forget_key()
    assert clipboard() == ""


async def test_a_stopped_gateway_is_said_and_started_from_here(scene: Scene) -> None:
    """
    The address is that which it will have.
    """
    await scene.rig.app.gateway.stop()
    await settle()
    said = (scene.pane.closed.text(), scene.card("curl").test.isEnabled())
    click(scene.pane.start)
    await scene.until(lambda: scene.rig.app.gateway.state.phase is GatewayPhase.RUNNING)
    await settle()

    assert said == ("Apps cannot connect: the gateway is stopped.", False)
    assert not scene.pane.closed.isVisible()
    assert scene.card("curl").test.isEnabled()


async def test_keys_are_listed_made_and_revoked_by_keyboard(scene: Scene) -> None:
    """
    Revoking asks, because it cannot be undone; the gateway then refuses the key.
    """
    scene.window.setFocus()
    assert scene.pane.begin()
    await settle()
    keys = dialog(KeysDialog)
    keys.name.setFocus()
    QTest.keyClicks(keys.name, "Laptop")
    press(keys, Qt.Key.Key_Return)
    await scene.until(lambda: keys.rows.rowCount() == 2)
    await settle()
    made = keys.selected()
    assert made is not None
    async with scene.rig.client_with(made.value.reveal()) as client:
        await client.models.list()
        await settle()
        used = [str(keys.rows.index(row, 3).data()) for row in range(2)]
        keys.revoke.setFocus()
        press(keys, Qt.Key.Key_Space)
        await settle()
        asked = dialog(dialogs.Ask)
        asked.yes.setFocus()
        press(asked, Qt.Key.Key_Space)
        await scene.until(lambda: len(scene.rig.app.keys.all()) == 1)
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    await settle()
    press(keys, Qt.Key.Key_Escape)
    await settle()

    assert made.name == "Laptop"
    assert used == ["Never", "Just now"]
    assert no_dialog()


async def test_a_program_s_own_key_is_not_the_one_everybody_is_shown(scene: Scene) -> None:
    """
    Home and tray go on showing the shared key, and replacing that leaves programs alone.
    """
    own = await scene.rig.app.keys.make("Claude Code")
    shared = scene.rig.key
    shown = scene.shell.desk.key()
    scene.shell.desk.replace_key()
    await scene.until(lambda: scene.rig.app.keys.check(shared) is None)

    assert shown is not None
    assert shown.reveal() == shared
    assert scene.rig.app.keys.check(own.value.reveal()) is not None


# --- what each needs ----------------------------------------------------------------------------------------


async def test_each_card_has_the_real_address_and_its_own_key(scene: Scene) -> None:
    """
    A text is copied whole; the key in it is made for this program, and hidden on the screen.
    """
    for client in CLIENTS:
        card = scene.card(client.id)
        await settle(0.01)
        if card.copy_all.isVisible() and client.id != "zed":
            click(card.copy_all)
        else:
            shown_fields = fields(client, scene.pane.connections.values(client, FAST))
            click(next(one for one, field in zip(card.copies, shown_fields, strict=True) if field.secret))
        await scene.has_key(client.name)
        await settle(0.01)
        own = next(key for key in scene.rig.app.keys.all() if key.name == client.name)
        assert own.value.reveal() in clipboard(), client.id
        await settle()
        shown = " ".join(label.text() for label in card.findChildren(QLabel)) + card.code.toPlainText()
        assert own.value.reveal() not in shown, client.id
        assert f"gd-…{own.value.tail}" in shown.replace("\u200b", ""), client.id
    assert scene.rig.url in scene.card("claude-code").code.toPlainText()


async def test_only_models_that_can_be_answered_come_first(scene: Scene) -> None:
    """
    A basic account cannot do everything; what it cannot is said in the list, and a choice fills the text.
    """
    card = scene.card("codex")
    texts = {card.model.itemData(at): card.model.itemText(at) for at in range(card.model.count())}
    begun = card.model_name()
    card.model.setFocus()
    press(scene.window, Qt.Key.Key_Home)
    await settle()

    assert begun == "grok-4.20-fast"
    assert texts["grok-4.20-heavy"] == "grok-4.20-heavy (no account can answer it now)"
    assert texts["grok-4.20-fast"] == "grok-4.20-fast"
    assert card.model_name() == card.model.itemData(0)
    assert f'model = "{card.model_name()}"' in card.code.toPlainText()


async def test_cursor_s_card_says_that_it_does_not_work(scene: Scene) -> None:
    """
    Honestly, before anything else.
    """
    card = scene.card("cursor")

    assert card.warning.isVisible()
    assert card.warning.text().startswith("Cursor cannot use an address on this computer.")


# --- set up for me ------------------------------------------------------------------------------------------


def claude(scene: Scene, text: str | None = None) -> Path:
    file = scene.home / ".claude" / "settings.json"
    if text is not None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return file


async def test_claude_code_is_set_up_by_mouse_used_and_undone(scene: Scene) -> None:
    """
    The preview shows the lines, the file gets them, Anthropic's client works with what is in it, the light
    turns green, and Undo puts the file back.
    """
    before = '{\n  // mine\n  "model": "opus"\n}\n'
    file = claude(scene, before)
    card = scene.card("claude-code")
    click(card.set_up)
    await scene.until(lambda: not no_dialog())
    preview = dialog(Preview)
    lines = preview.texts()
    untouched = file.read_text()
    click(preview.yes)
    await scene.until(lambda: "ANTHROPIC_BASE_URL" in file.read_text())
    await settle()
    grey = card.light.text()
    env = jsonc.value_at(file.read_text(), ("env",))
    assert isinstance(env, dict)
    async with anthropic.AsyncAnthropic(
        base_url=str(env["ANTHROPIC_BASE_URL"]),
        auth_token=str(env["ANTHROPIC_AUTH_TOKEN"]),
        api_key=None,
        max_retries=0,
    ) as client:
        await client.messages.create(
            model=str(env["ANTHROPIC_MODEL"]), max_tokens=50, messages=[{"role": "user", "content": "Hello"}]
        )
    await scene.says(card.light, "It works")
    green, state = card.light.text(), card.state.text()
    click(card.undo)
    await scene.until(lambda: file.read_text() == before)
    await scene.until(lambda: scene.window.toasts.texts()[-1].startswith("Taken out"))

    assert untouched == before
    assert '+     "ANTHROPIC_AUTH_TOKEN": "gd-…",' in lines
    assert "    // mine" in lines
    assert "  // mine" in file.read_text()
    assert grey == "Waiting for its first request."
    assert green == "It works. Last request: Just now."
    assert state.startswith("Set up just now.")
    assert [run.client for run in scene.rig.app.runs.recent()] == ["Claude Code"]
    assert scene.window.toasts.texts()[-1] == "Taken out of settings.json. Nothing else was changed."


async def test_codex_is_set_up_by_keyboard_alone(scene: Scene) -> None:
    """
    From the list to the button, through the preview, and back by Ctrl+Z.
    """
    file = scene.home / ".codex" / "config.toml"
    scene.pane.browser.list.setFocus()
    press(scene.window, Qt.Key.Key_Home)
    press(scene.window, Qt.Key.Key_Down)
    await settle()
    card = scene.card("codex")
    for _ in range(20):
        if scene.window.focusWidget() is card.set_up:
            break
        press(scene.window, Qt.Key.Key_Tab)
    press(scene.window, Qt.Key.Key_Space)
    await scene.until(lambda: not no_dialog())
    press(dialog(Preview), Qt.Key.Key_Return)
    await scene.until(file.exists)
    await scene.front()
    told = tomllib.loads(file.read_text())
    press(scene.window, Qt.Key.Key_Z, CTRL)
    await scene.until(lambda: not file.exists())
    await settle()

    provider = told["model_providers"]["grokdesk"]
    own = next(key for key in scene.rig.app.keys.all() if key.name == "Codex")
    assert (provider["base_url"], provider["wire_api"]) == (f"{scene.rig.url}/v1", "responses")
    assert provider["experimental_bearer_token"] == own.value.reveal()
    assert list(scene.home.iterdir()) == []


async def test_a_wrapped_line_of_the_preview_has_colour_to_its_end(scene: Scene) -> None:
    """
    A file may be one long line.
    """
    claude(scene, '{"env": {"A": "b"}}\n')
    click(scene.card("claude-code").set_up)
    await scene.until(lambda: not no_dialog())
    preview = dialog(Preview)
    [code] = preview.findChildren(QPlainTextEdit)
    marked = [mark.cursor.selectedText() for mark in code.extraSelections()]
    lines = code.toPlainText().splitlines()
    press(preview, Qt.Key.Key_Escape)
    await settle()

    assert marked == [line for line in lines if line[:1] in {"-", "+"}]
    assert len(marked) == 2


async def test_the_preview_shows_nobody_s_secrets(scene: Scene) -> None:
    """
    Those that are in the file already are shortened as well; the file keeps them.
    """
    secret = "sk-ant-of-somebody-else-9876"
    file = claude(
        scene, f'{{\n  "env": {{"MY_API_KEY": "{secret}", "PATH_TO": "/usr/share/something"}}\n}}\n'
    )
    click(scene.card("claude-code").set_up)
    await scene.until(lambda: not no_dialog())
    preview = dialog(Preview)
    shown = "\n".join(preview.texts())
    click(preview.yes)
    await scene.until(lambda: "ANTHROPIC_BASE_URL" in file.read_text())

    assert secret not in shown
    assert "…9876" in shown
    assert "/usr/share/something" in shown
    assert secret in file.read_text()


async def test_what_programs_call_themselves_is_never_taken_for_html(scene: Scene) -> None:
    """
    Anybody who reaches the port can send a name.
    """
    headers = {"User-Agent": "<img/src=x><b>bold</b>", "Authorization": "Bearer gd-wrong"}
    async with aiohttp.ClientSession() as session, session.get(f"{scene.rig.url}/v1/models", headers=headers):
        pass
    await scene.says(scene.pane.closed, "was refused")

    assert scene.pane.closed.textFormat() is Qt.TextFormat.PlainText
    assert "<img/src=x><b>bold</b>" in scene.pane.closed.text()


async def test_a_second_click_comes_too_early_to_do_harm(scene: Scene) -> None:
    """
    One key, one undo, and no word of an error.
    """
    file = claude(scene, "{}\n")
    card = scene.card("claude-code")
    for _ in range(3):
        click(card.copy_all)
    await scene.has_key("Claude Code")
    await settle()
    click(card.set_up)
    await scene.until(lambda: not no_dialog())
    click(dialog(Preview).yes)
    await scene.until(card.undo.isVisible)
    for _ in range(3):
        click(card.undo)
    await scene.until(lambda: file.read_text() == "{}\n")
    await settle(0.2)

    assert [key.name for key in scene.rig.app.keys.all()] == ["First key", "Claude Code"]
    assert not card.problem.isVisible()


async def test_another_address_is_said_in_the_list(scene: Scene) -> None:
    """
    Programs that were set up for the one before cannot connect.
    """
    claude(scene, "{}\n")
    card = scene.card("claude-code")
    click(card.set_up)
    await scene.until(lambda: not no_dialog())
    click(dialog(Preview).yes)
    await scene.until(card.undo.isVisible)
    rows = scene.pane.browser.rows
    before = rows.row(rows.place("claude-code")).second
    await scene.rig.app.gateway.stop()
    await scene.rig.app.gateway.start()
    await scene.until(lambda: rows.row(rows.place("claude-code")).second != before)

    assert before == "Set up"
    assert rows.row(rows.place("claude-code")).second == "Set up, with another address"
    assert card.set_up.text() == "Set up again…"


async def test_cancelling_the_preview_changes_nothing(scene: Scene) -> None:
    """
    Not the file, and no key is made.
    """
    file = claude(scene, "{}\n")
    click(scene.card("claude-code").set_up)
    await scene.until(lambda: not no_dialog())
    press(dialog(Preview), Qt.Key.Key_Escape)
    await settle()

    assert file.read_text() == "{}\n"
    assert [key.name for key in scene.rig.app.keys.all()] == ["First key"]


async def test_a_file_that_does_not_parse_is_named_with_its_line(scene: Scene) -> None:
    """
    At the card, and the file stays as it is.
    """
    file = claude(scene, '{\n  "a": 1\n  "b": 2\n}\n')
    card = scene.card("claude-code")
    click(card.set_up)
    await scene.until(card.problem.isVisible)

    assert card.problem.text().startswith("settings.json, line 3: a comma or } is missing.")
    assert no_dialog()
    assert file.read_text() == '{\n  "a": 1\n  "b": 2\n}\n'


async def test_a_setup_is_remembered_and_what_changed_since_is_said(scene: Scene) -> None:
    """
    Another model here is offered as a new setup; a hand in the file is told; only what is ours goes.
    """
    file = claude(scene, "{}\n")
    card = scene.card("claude-code")
    click(card.set_up)
    await scene.until(lambda: not no_dialog())
    click(dialog(Preview).yes)
    await scene.until(card.undo.isVisible)
    await scene.front()
    first = (card.set_up.isVisible(), card.state.text().split(".")[0])
    card.model.setFocus()
    press(scene.window, Qt.Key.Key_Home)
    await settle()
    other = (card.set_up.text(), card.state.text())
    file.write_text(file.read_text().replace("{", '{\n  "mine": true,', 1).replace("grok-4.20-fast", "x", 1))
    press(scene.window, Qt.Key.Key_F5)
    await scene.until(lambda: "changed since" in card.state.text())
    click(card.undo)
    await scene.until(lambda: "ANTHROPIC_BASE_URL" not in file.read_text())
    await scene.until(lambda: scene.window.toasts.texts()[-1].startswith("Taken out"))

    assert first == (False, "Set up just now")
    assert other == (
        "Set up again…",
        "Set up, but with another address, key or model than what is shown here.",
    )
    assert json.loads(file.read_text()) == {"mine": True, "env": {"ANTHROPIC_MODEL": "x"}}
    assert "env.ANTHROPIC_MODEL" in scene.window.toasts.texts()[-1]


async def test_the_file_as_it_was_can_be_saved(scene: Scene, tmp_path: Path) -> None:
    """
    The copy that was made first, to wherever its owner wants it.
    """
    claude(scene, '{"was": 1}\n')
    card = scene.card("claude-code")
    click(card.set_up)
    await scene.until(lambda: not no_dialog())
    click(dialog(Preview).yes)
    await scene.until(card.save_copy.isVisible)
    click(card.save_copy)
    await settle()
    chooser = dialog(QFileDialog)
    chooser.fileSelected.emit(str(tmp_path / "was.json"))
    chooser.done(dialogs.Answer.YES)
    await scene.until((tmp_path / "was.json").exists)

    assert (tmp_path / "was.json").read_text() == '{"was": 1}\n'


async def test_the_demo_writes_into_nobody_s_files(tmp_path: Path, qapp: QApplication) -> None:
    """
    Instead of the button there are words.
    """
    home = tmp_path / "home"
    home.mkdir()
    options = Options(
        data_dir=tmp_path / "data",
        demo=True,
        environment={"HOME": str(home)},
        overrides={"gateway.port": 0},
    )
    async with App.started(options) as app:
        shell = Shell(app, Look(application()), Tray(Look(application()), TrayState()))
        shell.window.bring_up()
        pane = shell.window.go("connect")
        assert isinstance(pane, ConnectPane)
        card = pane.card("claude-code")
        await settle()
        said, offered = card.state.text(), card.set_up.isVisible()
        below = card.state.mapTo(card, QPoint()).y() < card.code.mapTo(card, QPoint()).y()
        await shell.leave()
        shell.tray.hide()
        shell.window.deleteLater()
        await settle(0)

    assert said == "The demo does not touch the files of your programs. Copy what is below instead."
    assert below
    assert not offered
    assert app.client_files is None
    assert list(home.iterdir()) == []


# --- did it work --------------------------------------------------------------------------------------------


async def test_a_failed_request_is_red_with_its_sentence_and_leads_to_it(scene: Scene) -> None:
    """
    A model that no account can answer is said in the words the client got; the next success turns it green.
    """
    own = await scene.rig.app.keys.make("aider")
    card = scene.card("aider")
    wanted: list[str] = []
    scene.shell.desk.pane_wanted.connect(wanted.append)
    async with scene.rig.client_with(own.value.reveal()) as client:
        with pytest.raises(openai.APIStatusError):
            await client.chat.completions.create(
                model="grok-4.20-heavy", messages=[{"role": "user", "content": "Hello"}]
            )
        await scene.until(lambda: "failed" in card.light.text())
        await settle()
        red, row = card.light.text(), scene.pane.browser.rows.row(scene.pane.browser.rows.place("aider"))
        click(card.show_run)
        scene.pane = scene.window.go("connect")  # type: ignore[assignment]
        await client.chat.completions.create(model=FAST, messages=[{"role": "user", "content": "Hello"}])
    await scene.until(lambda: "It works" in card.light.text())

    failed = next(run for run in scene.rig.app.runs.recent() if run.failure)
    assert failed.failure in red
    assert row.light is Light.RED
    assert wanted == [f"requests:{failed.id}"]
    assert not card.show_run.isVisible()


async def test_a_wrong_key_and_a_missing_v1_are_seen_by_the_program_s_name(scene: Scene) -> None:
    """
    Such requests reach no account and no list; the light tells of them all the same.
    """
    card = scene.card("claude-code")
    agent = {"User-Agent": "claude-cli/2.1.304 (external, cli)"}
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{scene.rig.url}/v1/messages", headers={**agent, "x-api-key": "gd-wrong"}, json={}
        ) as answer:
            assert answer.status == 401
        await scene.until(lambda: "The API key is not valid." in card.light.text())
        top = scene.pane.closed.text()
        async with session.post(
            f"{scene.rig.url}/messages", headers={**agent, "x-api-key": scene.rig.key}, json={}
        ) as answer:
            assert answer.status == 404
        await scene.until(lambda: "Did you mean" in card.light.text() or "/v1" in card.light.text())

    assert top.startswith("“claude-cli/2.1.304” was refused just now: The API key is not valid.")


async def test_the_test_asks_for_real_and_counts_as_ours(scene: Scene) -> None:
    """
    In the program's own format; the light stays grey, and the list of requests names GrokDesk.
    """
    for client in ("claude-code", "codex", "aider"):
        card = scene.card(client)
        click(card.test)
        await scene.says(card.result, "The test works")
        assert card.light.text() == "Waiting for its first request."
    runs = scene.rig.app.runs.recent()

    assert [run.client for run in runs] == ["GrokDesk test"] * 3
    assert sorted(run.dialect for run in runs) == ["anthropic", "chat", "responses"]


async def test_a_test_that_fails_says_why(scene: Scene) -> None:
    """
    With the sentence a program would get.
    """
    for account in scene.rig.app.pool.accounts():
        scene.rig.app.pool.enable([account.id], on=False)
    card = scene.card("curl")
    click(card.test)
    await scene.until(lambda: "The test failed" in card.result.text())

    assert "account" in card.result.text()


async def test_lights_of_before_are_known_after_a_restart(scene: Scene) -> None:
    """
    The list of requests remembers under whose key it was.
    """
    own = await scene.rig.app.keys.make("Cline")
    async with scene.rig.client_with(own.value.reveal()) as client:
        await client.chat.completions.create(model=FAST, messages=[{"role": "user", "content": "Hello"}])
    scene.rig.app.visits = Visits()
    await settle()
    sign = scene.pane.connections.sign(BY_ID["cline"])

    assert sign.light is Light.GREEN


async def test_many_visits_repaint_once_and_none_while_hidden(scene: Scene) -> None:
    """
    A hidden pane does nothing.
    """
    told: list[None] = []
    scene.pane.connections.changed.connect(lambda: told.append(None))
    for number in range(300):
        scene.rig.app.bus.publish(Visited(Visit(0, number, "/v1/models", f"agent/{number}")))
    await settle()
    seen = len(told)
    scene.window.go("home")
    scene.rig.app.bus.publish(Visited(Visit(0, 1, "/v1/models", "agent")))
    await settle()

    assert seen <= 3
    assert len(told) == seen


# --- other names, search, and the rest ----------------------------------------------------------------------


async def test_a_refused_host_name_is_explained_and_allowed(scene: Scene) -> None:
    """
    The container is turned away, the card says so, one click allows it, and Ctrl+Z takes that back.
    """
    address = scene.rig.url.rpartition(":")[2]
    headers = {"Host": f"{DOCKER}:{address}", "Authorization": f"Bearer {scene.rig.key}"}
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{scene.rig.url}/v1/models", headers=headers) as answer:
            assert answer.status == 403
        scene.pane.choose(HOSTS)
        await settle()
        card = scene.pane.findChild(HostsCard)
        assert isinstance(card, HostsCard)
        said = card.refused.text()
        click(card.allow)
        await scene.until(lambda: scene.rig.app.live.now.gateway.allowed_hosts == (DOCKER,))
        async with session.get(f"{scene.rig.url}/v1/models", headers=headers) as answer:
            assert answer.status == 200
        await settle()
        press(scene.window, Qt.Key.Key_Z, CTRL)
        await scene.until(lambda: scene.rig.app.live.now.gateway.allowed_hosts == ())

    assert f"The host name '{DOCKER}' is not allowed." in said


async def test_search_and_kind_narrow_the_list(scene: Scene) -> None:
    """
    Ctrl+F, some letters, and what fits; a way out when nothing does.
    """
    press(scene.window, Qt.Key.Key_F, CTRL)
    QTest.keyClicks(scene.window.focusWidget(), "web")
    await settle()
    first = [scene.pane.browser.rows.row(at).name for at in range(scene.pane.browser.rows.rowCount())]
    QTest.keyClicks(scene.window.focusWidget(), "qq")
    await settle()
    nothing = (scene.pane.browser.rows.rowCount(), scene.pane.browser.empty.isVisible())
    click(scene.pane.browser.empty.button)
    await settle()
    scene.pane.browser.kind.setCurrentIndex(scene.pane.browser.kind.findData("editor"))
    await settle()
    editors = [scene.pane.browser.rows.row(at).id for at in range(scene.pane.browser.rows.rowCount())]

    assert first == ["Open WebUI"]
    assert nothing == (0, True)
    assert editors == ["cline", "continue", "cursor", "zed", "jetbrains"]


async def test_a_link_opens_the_card_and_what_was_chosen_outlives_the_widgets(scene: Scene) -> None:
    """
    As when the language changes.
    """
    scene.window.go("connect:zed")
    card = scene.card("zed")
    card.model.setCurrentIndex(card.model.findData("grok-chat-fast"))
    card.model.activated.emit(card.model.currentIndex())
    scene.pane.search.setText("z")
    kept = scene.pane.keepsake()
    again = ConnectPane(scene.shell.desk)
    again.put_back(kept)

    assert again.search.text() == "z"
    assert again.card("zed").model_name() == "grok-chat-fast"
    again.deleteLater()


@pytest.mark.parametrize("client", ["claude-code", "cline", "openai", HOSTS])
async def test_every_control_has_a_name_and_tab_reaches_it_once(scene: Scene, client: str) -> None:
    """
    In reading order, without a trap.
    """
    scene.pane.choose(client)
    await settle()
    scene.pane.search.setFocus()

    wanted = stops(scene.window)
    seen = walk(scene.window, 2 * len(wanted))

    nameless = [
        one for one in wanted if not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    assert nameless == []
    assert {describe(one) for one in seen} == {describe(one) for one in wanted}
    assert len(seen) == len(set(map(id, seen)))


@pytest.mark.parametrize("client", [client.id for client in CLIENTS] + [HOSTS])
async def test_nothing_is_wider_than_a_small_window(scene: Scene, client: str) -> None:
    """
    At 800 by 560 no card is cut off at its side.
    """
    scene.window.resize(800, 560)
    scene.pane.choose(client)
    await settle()
    area = scene.pane.browser.cards.currentWidget()
    assert isinstance(area, QScrollArea)

    inner = area.widget()
    assert inner is not None
    assert inner.minimumSizeHint().width() <= area.viewport().width()
