"""The first steps on the whole program: from nothing to an app that gets answers."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import openai
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QScrollArea

from grokdesk.core.settings import EgressMode, Theme
from grokdesk.core.visits import Light
from grokdesk.sim import Simulator, World
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.connect_preview import Preview
from grokdesk.ui.windows.first_run import ACCOUNTS, APP, WAY, WELCOME, FirstRunPane
from grokdesk.ui.windows.home import Home
from tests.rig import FAST, Rig, basic, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, clipboard, dialog, no_dialog, press, settle
from tests.ui.test_window import describe, stops, walk

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier


@dataclass
class Scene:
    """The window as at a first start, and the program behind it."""

    rig: Rig
    shell: Shell
    home: Path

    @property
    def pane(self) -> FirstRunPane:
        pane = self.shell.window.pane
        assert isinstance(pane, FirstRunPane)
        return pane

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)

    async def front(self) -> None:
        """Be the active window again after a dialog; a window system does that by itself."""
        self.shell.window.activateWindow()
        await settle()

    async def ask(self, key: str) -> None:
        """What an app does when it is used."""
        async with self.rig.client_with(key) as client:
            await client.chat.completions.create(model=FAST, messages=[{"role": "user", "content": "Hello"}])


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    home = tmp_path / "home"
    home.mkdir()
    for name in ("a", "b"):
        basic(world, name)
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        running_shell = rig.app.tasks.spawn(shell.run(), name="shell")
        await settle()
        made = Scene(rig, shell, home)
        await made.front()
        yield made
        rig.app.shutdown.request()
        await running_shell
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


async def test_from_the_first_start_to_a_working_app_by_mouse(scene: Scene) -> None:
    """
    Six clicks: on, add what was pasted, on, the app, set up, yes. The app then asks with what is in its file.
    """
    clicks = 0
    pane = scene.pane
    assert scene.rig.app.gateway.state.port
    assert pane.step == WELCOME

    click(pane.next)
    clicks += 1
    await settle()
    QApplication.clipboard().setText(token("a"))
    press(scene.shell.window, Qt.Key.Key_V, CTRL)
    await scene.until(lambda: pane.next.text() == "Add them and go on")
    shown = pane.accounts.paste.summary()
    before = len(scene.rig.app.pool)
    click(pane.next)
    clicks += 1
    await scene.until(lambda: pane.step == WAY)
    await scene.until(lambda: "Grok can be reached" in pane.way.result.text())
    click(pane.next)
    clicks += 1
    await settle()
    waiting = pane.app.waiting.text()
    pane.app.browser.list.scrollTo(pane.app.browser.rows.index(0))
    card = pane.app.browser.card("claude-code")
    click(card.set_up)
    clicks += 1
    await scene.until(lambda: not no_dialog())
    click(dialog(Preview).yes)
    clicks += 1
    file = scene.home / ".claude" / "settings.json"
    await scene.until(file.exists)
    env = json.loads(file.read_text())["env"]
    await scene.ask(env["ANTHROPIC_AUTH_TOKEN"])
    await scene.until(lambda: pane.app.waiting.text().startswith("It works"))

    assert shown == "1 new account."
    assert (before, len(scene.rig.app.pool)) == (0, 1)
    assert waiting == "Waiting for the first request…"
    assert pane.app.connections.newest().light is Light.GREEN
    assert clicks <= 6
    click(pane.next)
    await settle()
    assert isinstance(scene.shell.window.pane, Home)


async def test_from_the_first_start_to_a_working_app_by_keyboard_alone(scene: Scene) -> None:
    """
    Return, paste, Alt+Right, Alt+Right, and the key copied from the last page goes into OpenAI's client.
    """
    window, pane = scene.shell.window, scene.pane
    press(window, Qt.Key.Key_Right, ALT)
    await settle()
    QTest.keyClicks(window.focusWidget(), token("a"))
    await scene.until(lambda: pane.accounts.paste.plan.changes_something)
    press(window, Qt.Key.Key_Right, ALT)
    await scene.until(lambda: pane.step == WAY)
    await scene.until(lambda: "Grok can be reached" in pane.way.result.text())
    press(window, Qt.Key.Key_Right, ALT)
    await settle()
    pane.app.copy_address.setFocus()
    press(window, Qt.Key.Key_Space)
    address = clipboard()
    press(window, Qt.Key.Key_Tab)
    press(window, Qt.Key.Key_Space)
    key = clipboard()
    async with openai.AsyncOpenAI(base_url=address, api_key=key, max_retries=0) as client:
        answer = await client.chat.completions.create(
            model=FAST, messages=[{"role": "user", "content": "Hello"}]
        )
    await scene.until(lambda: pane.app.waiting.text().startswith("It works"))
    press(window, Qt.Key.Key_Right, ALT)
    await settle()

    assert answer.choices[0].message.content
    assert isinstance(window.pane, Home)
    assert scene.shell.memory.now.first_done


async def test_a_failed_first_request_is_told_and_leads_to_it(scene: Scene) -> None:
    """
    Without an account the app gets an error, and here is the same sentence.
    """
    scene.pane.turn(APP)
    await settle()
    wanted: list[str] = []
    scene.shell.desk.pane_wanted.connect(wanted.append)
    with pytest.raises(openai.APIStatusError):
        await scene.ask(scene.rig.key)
    pane = scene.pane
    await scene.until(lambda: "it failed" in pane.app.waiting.text())
    run = scene.rig.app.runs.recent()[0]
    click(pane.app.show_run)
    await settle()

    assert run.failure in pane.app.waiting.text()
    assert wanted == [f"requests:{run.id}"]


async def test_nothing_is_saved_before_it_is_shown_and_esc_loses_nothing(scene: Scene) -> None:
    """
    A dropped file is shown line by line; Esc leaves text and page as they are.
    """
    pane = scene.pane
    pane.turn(ACCOUNTS)
    await settle()
    file = scene.home / "tokens.txt"
    file.write_text(f"{token('a')}\n{token('b')}\nnot a token at all\n")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), Qt.DropAction.CopyAction, mime, left, none)
    QApplication.sendEvent(pane.accounts.paste, enter)
    drop = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, mime, left, none)
    QApplication.sendEvent(pane.accounts.paste, drop)
    await scene.until(pane.accounts.paste.table.isVisible)
    summary = pane.accounts.paste.summary()
    press(scene.shell.window, Qt.Key.Key_Escape)
    pane.accounts.paste.paste.setPlainText("half a tok")
    press(scene.shell.window, Qt.Key.Key_Escape)
    await settle()

    assert summary == "2 new accounts, 1 line not understood."
    assert pane.step == ACCOUNTS
    assert pane.accounts.paste.isVisible()
    assert pane.accounts.text() == "half a tok"
    assert len(scene.rig.app.pool) == 0


async def test_a_file_is_added_by_the_button_of_the_page(scene: Scene) -> None:
    """
    Adding turns the page; what is here is counted when one comes back.
    """
    pane = scene.pane
    pane.turn(ACCOUNTS)
    pane.accounts.paste.take_file(f"{token('a')}\n{token('b')}\n".encode(), "tokens.txt")
    await settle()
    click(pane.next)
    await scene.until(lambda: pane.step == WAY)
    click(pane.back)
    await settle()

    assert pane.accounts.here.text().startswith("2 accounts here:")
    assert pane.next.text() == "Next"
    assert not pane.accounts.paste.table.isVisible()


async def test_the_way_is_checked_and_a_proxy_is_used_or_refused_in_words(scene: Scene) -> None:
    """
    What is no address is said at the field; one that does not answer is said with what to do.
    """
    pane = scene.pane
    pane.turn(WAY)
    await scene.until(lambda: "Grok can be reached" in pane.way.result.text())
    way = pane.way
    way.mode.setFocus()
    press(scene.shell.window, Qt.Key.Key_End)
    await settle()
    QTest.keyClicks(way.proxy, "ftp://nowhere")
    press(scene.shell.window, Qt.Key.Key_Return)
    refused = way.result.text()
    way.proxy.setText("http://127.0.0.1:9")
    click(way.use)
    await scene.until(lambda: "cannot be reached" in way.result.text())
    await settle()
    wanted: list[str] = []
    scene.shell.desk.pane_wanted.connect(wanted.append)
    egress = scene.rig.app.live.now.egress
    click(way.more)
    await settle()

    assert refused.startswith("This is no address of a proxy:")
    assert (egress.mode, egress.proxies) == (EgressMode.PROXIES, ("http://127.0.0.1:9",))
    assert wanted == ["network"]


async def test_welcome_changes_the_look_and_starting_with_the_computer(scene: Scene) -> None:
    """
    At once; the tick shows what the system has.
    """
    page = scene.pane.welcome
    page.theme.setFocus()
    press(scene.shell.window, Qt.Key.Key_End)
    await scene.until(lambda: scene.rig.app.live.now.appearance.theme is Theme.DARK)
    page.login.setFocus()
    press(scene.shell.window, Qt.Key.Key_Space)
    entry = scene.home / ".config" / "autostart" / "grokdesk.desktop"
    await scene.until(entry.exists)
    await settle()
    ticked = page.login.isChecked()
    press(scene.shell.window, Qt.Key.Key_Space)
    await scene.until(lambda: not entry.exists())
    await settle()

    assert ticked
    assert not page.login.isChecked()


async def test_it_is_remembered_where_it_was_left_and_that_it_was_skipped(scene: Scene) -> None:
    """
    Skipping is for good; Home and the palette have the way back.
    """
    window = scene.shell.window
    scene.pane.turn(WAY)
    left = scene.shell.memory.now.first_step
    again = FirstRunPane(scene.shell.desk)
    click(scene.pane.skip)
    await settle()
    home = window.pane
    assert isinstance(home, Home)
    skipped = (scene.shell.memory.now.first_done, scene.shell.memory.now.first_step)
    click(home.first_run.steps)
    await settle()
    back = scene.pane.step
    window.go("home")
    scene.shell.desk.actions.action("first").trigger()
    await settle()

    assert (left, again.step) == ("way", WAY)
    assert skipped == (True, "")
    assert back == WELCOME
    assert scene.pane.isVisible()
    again.deleteLater()


async def test_it_does_not_open_by_itself_once_there_is_an_account(
    tmp_path: Path, qapp: QApplication
) -> None:
    """
    Nor after it was skipped.
    """
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        await rig.add(token("a"))
        look = Look(application())
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        ran = rig.app.tasks.spawn(shell.run(), name="shell")
        await settle()
        shown = shell.window.pane
        rig.app.shutdown.request()
        await ran
        tray.hide()
        shell.window.deleteLater()
        await settle(0)

    assert isinstance(shown, Home)


async def test_text_and_step_outlive_the_widgets(scene: Scene) -> None:
    """
    As when the language changes in the middle.
    """
    scene.pane.turn(ACCOUNTS)
    scene.pane.accounts.paste.paste.setPlainText(token("a"))
    scene.shell.window.rebuild()
    await settle(0.3)

    assert scene.pane.step == ACCOUNTS
    assert scene.pane.accounts.text() == token("a")
    assert scene.pane.next.text() == "Add them and go on"


@pytest.mark.parametrize("step", [WELCOME, ACCOUNTS, WAY, APP])
async def test_every_control_has_a_name_and_tab_reaches_it_once(scene: Scene, step: int) -> None:
    """
    On each page, in reading order, without a trap.
    """
    scene.pane.turn(step)
    await settle(0.2)

    # Of the places only the one in sight is a stop, from the first time the keyboard is there.
    seen = walk(scene.shell.window, 2 * len(stops(scene.shell.window)))
    wanted = stops(scene.shell.window)

    nameless = [
        describe(one)
        for one in wanted
        if not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    assert nameless == []
    assert {describe(one) for one in seen} == {describe(one) for one in wanted}
    assert len(seen) == len(set(map(id, seen)))


@pytest.mark.parametrize("step", [WELCOME, ACCOUNTS, WAY])
async def test_nothing_is_wider_than_a_small_window(scene: Scene, step: int) -> None:
    """
    At 800 by 560 nothing is cut off at its side.
    """
    scene.shell.window.resize(800, 560)
    scene.pane.turn(step)
    await settle()
    area = scene.pane.stack.currentWidget()
    assert isinstance(area, QScrollArea)
    inner = area.widget()
    assert inner is not None

    assert inner.minimumSizeHint().width() <= area.viewport().width()


async def test_what_is_told_does_not_cover_the_next_step(scene: Scene) -> None:
    """
    A toast stays above the row with *Back* and *Next*; elsewhere it goes down to the edge again.
    """
    window = scene.shell.window
    scene.shell.desk.say("Heard.")
    await settle()

    toasts, button = window.toasts, scene.pane.next
    assert toasts.texts() == ["Heard."]
    assert toasts.geometry().bottom() < button.mapTo(window, QPoint(0, 0)).y()
    above = toasts.y()
    window.go("accounts")
    await settle()
    assert toasts.y() > above
