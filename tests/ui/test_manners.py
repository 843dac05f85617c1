"""At home on the desktop: second starts, links and files, starting hidden, new versions."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from PySide6.QtCore import QEvent, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QFileOpenEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from grokdesk.core.notices import GatewayChanged, GatewayPhase, GatewayState, UpdatesChanged
from grokdesk.core.options import Options
from grokdesk.core.updates import Release, UpdatePhase, UpdateState
from grokdesk.platform.link_handler import LinkEntry
from grokdesk.platform.single_instance import ask
from grokdesk.ui.dialogs import Ask
from grokdesk.ui.main import Face
from grokdesk.ui.shell import ACTIVATION
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.about import About
from grokdesk.ui.windows.add_accounts import AddAccounts
from tests.rig import token
from tests.ui.faces import click, dialog, no_dialog, press, settle
from tests.ui.tray_scene import Scene, by, tray_scene

HOSTILE = (
    "grokdesk://open/cellar",
    "grokdesk://open/" + "a" * 200_000,
    "grokdesk://open/home\x00\x1b[31m",
    'grokdesk://open/home" accounts remove --all',
    "grokdesk://import?token=abc",
    "GROKDESK://quit",
)


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    async with tray_scene(tmp_path) as scene:
        yield scene


def said(scene: Scene) -> list[str]:
    heard: list[str] = []
    scene.shell.desk.said.connect(lambda toast: heard.append(toast.text))
    return heard


# --- a second start -----------------------------------------------------------------------------------------


async def test_a_second_start_raises_the_window_and_shows_the_link(scene: Scene, tmp_path: Path) -> None:
    """
    A process of its own hands its link to the running program, which shows the place; the process ends.
    """
    scene.shell.window.hide()
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "grokdesk", "--data-dir", str(tmp_path / "data")),
        *("--link", "grokdesk://open/requests"),
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )

    _, complaint = await asyncio.wait_for(second.communicate(), 30)
    await settle()

    assert (second.returncode, complaint) == (0, b"")
    assert scene.shell.window.isVisible()
    assert scene.shell.window.pane.key == "requests"


@pytest.mark.parametrize(
    ("platform", "token", "kept"),
    [
        ("wayland", "a-token_1", "a-token_1"),
        ("xcb", "a-token_1", None),
        ("wayland", "", None),
        ("wayland", "two words\n", None),
    ],
)
async def test_on_wayland_a_second_start_hands_over_the_right_to_come_to_the_front(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, token: str, kept: str | None
) -> None:
    """
    Qt looks for it in the environment, as in that of a program that was just started.
    """
    monkeypatch.setenv(ACTIVATION, "")
    monkeypatch.delenv(ACTIVATION)
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: platform)

    await ask(tmp_path / "data", {"do": "raise", "token": token})

    assert os.environ.get(ACTIVATION) == kept


async def test_a_file_is_shown_before_anything_is_done(scene: Scene, tmp_path: Path) -> None:
    """
    Accounts in a file open the dialog that says what adding them would do; nothing is added by itself.
    """
    file = tmp_path / "mine.txt"
    file.write_text(f"{token('a')}\n{token('b')}\n{token('c')}\n")
    before = len(scene.rig.app.pool)

    answer = await ask(tmp_path / "data", {"do": "raise", "open": [str(file)]})
    await settle(0.2)
    adding = dialog(AddAccounts)
    summary = adding.summary()
    here = len(scene.rig.app.pool)
    click(adding.cancel)
    await settle()

    assert answer == {"raised": True}
    assert summary == "2 new accounts, 1 already there."
    assert here == len(scene.rig.app.pool) == before
    assert no_dialog()


async def test_a_link_to_import_opens_the_dialog_and_leaves_what_was_typed(scene: Scene) -> None:
    """
    It begins empty; a second such link does not disturb it.
    """
    scene.shell.show(["grokdesk://import"])
    await settle()
    adding = dialog(AddAccounts)
    begun = adding.paste.toPlainText()
    adding.paste.setPlainText("half a token")

    scene.shell.show(["grokdesk://import"])
    await settle()

    assert begun == ""
    assert dialog(AddAccounts).paste.toPlainText() == "half a token"
    adding.reject()
    await settle()


@pytest.mark.parametrize("link", HOSTILE)
async def test_a_hostile_link_opens_nothing(scene: Scene, tmp_path: Path, link: str) -> None:
    """
    One toast says so, without a word of the link.
    """
    heard, pane = said(scene), scene.shell.window.pane

    await ask(tmp_path / "data", {"do": "raise", "open": [link]})
    await settle()

    assert heard == ["That link opens nothing in GrokDesk."]
    assert scene.shell.window.pane is pane
    assert no_dialog()
    assert len(scene.rig.app.pool) == 1
    assert not scene.rig.app.shutdown.requested


@pytest.mark.parametrize("opens", [None, "grokdesk://import", {"a": 1}, [7], [None]])
async def test_a_second_start_of_another_version_is_no_harm(
    scene: Scene, tmp_path: Path, opens: object
) -> None:
    """
    Whatever it hands over, the window comes up.
    """
    scene.shell.window.hide()

    answer = await ask(tmp_path / "data", {"do": "raise", "open": opens})
    await settle()

    assert answer == {"raised": True}
    assert scene.shell.window.isVisible()
    assert no_dialog()


async def test_files_that_hold_no_accounts_are_explained(scene: Scene, tmp_path: Path) -> None:
    """
    A picture leads to the library; a file that is gone, and a second one, are named as such.
    """
    heard = said(scene)
    first, second = tmp_path / "one.txt", tmp_path / "two.txt"
    for file in (first, second):
        file.write_text(token("b"))

    scene.shell.show([str(tmp_path / "apple.png")])
    await settle()
    scene.shell.show([str(tmp_path / "gone.txt")])
    await settle(0.2)
    scene.shell.show([str(first), str(second)])
    await settle(0.2)

    assert heard[0] == "Only files with accounts can be opened like this."
    assert "The file cannot be read." in heard[1]
    assert heard[2] == "One file at a time: only the first was opened."
    assert dialog(AddAccounts).summary() == "1 new account."
    dialog(AddAccounts).reject()
    await settle()


async def test_macos_hands_links_over_by_an_event(qapp: QApplication) -> None:
    """
    What comes before there is a window waits for it.
    """
    face = Face(qapp, Options(demo=True))
    shown: list[list[str]] = []

    QApplication.sendEvent(qapp, QFileOpenEvent(QUrl("grokdesk://open/requests")))
    waiting = list(face.opens)
    face.show = lambda opens: shown.append(list(opens))
    QApplication.sendEvent(qapp, QFileOpenEvent(QUrl("grokdesk://open/home")))

    assert waiting == ["grokdesk://open/requests"]
    assert shown == [["grokdesk://open/home"]]
    qapp.removeEventFilter(face)


async def test_the_end_of_a_session_waits_for_no_answer(qapp: QApplication) -> None:
    """
    Nobody is there to give one.
    """
    face = Face(qapp, Options(demo=True))
    done: list[str] = []
    face.end, face.quit = (lambda: done.append("end")), (lambda: done.append("ask"))

    face.session_ends()
    QApplication.sendEvent(qapp, QEvent(QEvent.Type.Quit))

    assert done == ["end"]
    qapp.removeEventFilter(face)


async def test_quitting_from_the_dock_asks_like_everywhere(qapp: QApplication) -> None:
    """
    A signal from outside does not.
    """
    face = Face(qapp, Options(demo=True))
    done: list[str] = []
    face.end, face.quit = (lambda: done.append("end")), (lambda: done.append("ask"))

    QApplication.sendEvent(qapp, QEvent(QEvent.Type.Quit))

    assert done == ["ask"]
    qapp.removeEventFilter(face)


# --- starting hidden ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hidden", "setting", "tray", "opens", "visible"),
    [
        (False, False, True, (), True),
        (True, False, True, (), False),
        (False, True, True, (), False),
        (False, True, False, (), True),
        (True, False, False, (), False),
        (True, False, True, ("grokdesk://open/requests",), True),
    ],
)
async def test_it_begins_hidden_only_where_there_is_a_tray(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    hidden: bool,
    setting: bool,
    tray: bool,
    opens: tuple[str, ...],
    visible: bool,
) -> None:
    """
    At login a tray may be late, so the window waits some seconds for it; a link is shown in any case.
    """
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: tray)
    await scene.rig.app.change({"startup.hidden": setting})
    shell = scene.shell
    shell.window.hide()
    shell.tray.show()
    # A tray that is missing brings the window up once, before the start has come to its wishes.
    shell.window.hide()
    scene.rig.app.shutdown.request()
    leave, shell.leave = shell.leave, no_leave  # type: ignore[method-assign] # seen before it is put away

    await shell.run(hidden=hidden, opens=opens)

    assert shell.window.isVisible() is visible
    shell.leave = leave  # type: ignore[method-assign] # back


async def no_leave() -> None:
    """Stay."""


async def test_without_a_tray_it_does_not_stay_hidden(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    When the patience is over, the window is there, and says that there is no icon.
    """
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    shell = scene.shell
    shell.tray.show()
    shell.window.hide()

    shell.wait_for_tray(0.05)
    shell.tray.missing.emit()
    waiting = shell.window.isVisible()
    await settle(0.1)

    assert not waiting
    assert shell.window.isVisible()
    assert any("no tray icon" in notice.text for notice in shell.window.notices())


async def test_the_tray_is_looked_for_again_and_again(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    After 1, 2, 5, 10 and 30 seconds, and then no more.
    """
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    tray = Tray(Look(qapp), TrayState())
    missed: list[str] = []
    tray.missing.connect(lambda: missed.append("missing"))
    waits = []

    tray.show()
    while running := [one for one in tray.findChildren(QTimer) if one.isActive()]:
        [timer] = running
        waits.append(timer.interval())
        timer.stop()
        timer.timeout.emit()

    assert waits == [1_000, 2_000, 5_000, 10_000, 30_000]
    assert len(missed) == 6


@by
async def test_without_a_tray_closing_asks_and_hides_nothing_silently(scene: Scene, by: str) -> None:
    """
    Keep running hides the window until GrokDesk is started again; Quit ends it.
    """
    window, app = scene.shell.window, scene.rig.app
    window.close()
    await settle()
    question = dialog(Ask)
    title, still_there = question.windowTitle(), window.isVisible()
    if by == "mouse":
        click(question.yes)
    else:
        press(question, Qt.Key.Key_Return)
    await settle()
    hidden = not window.isVisible()
    scene.shell.show([])
    shown = window.isVisible()
    window.close()
    await settle()
    if by == "mouse":
        click(dialog(Ask).no)
    else:
        dialog(Ask).no.setFocus()
        press(dialog(Ask), Qt.Key.Key_Space)
    await settle()

    assert title == "Keep running without an icon?"
    assert (still_there, hidden, shown) == (True, True, True)
    assert app.shutdown.requested


# --- what is registered with the system ---------------------------------------------------------------------


async def test_links_are_registered_once_the_owner_says_so(scene: Scene, tmp_path: Path) -> None:
    """
    The setting does it and takes it back.
    """
    file = tmp_path / "applications" / "grokdesk-links.desktop"
    scene.rig.app.link_handler = LinkEntry(file.parent, ("/opt/grokdesk",), lambda _: None)
    before = file.exists()

    await scene.rig.app.change({"startup.links": True})
    await scene.until(file.exists)
    await scene.rig.app.change({"startup.links": False})
    await scene.until(lambda: not file.exists())

    assert not before


async def test_a_program_that_was_moved_is_found_at_the_next_login(scene: Scene) -> None:
    """
    What the system calls is put right at the start, and only where it was switched on.
    """
    file = scene.folder / "grokdesk.desktop"
    scene.autostart.switch(on=True)
    file.write_text(file.read_text().replace("/opt/grokdesk", "/old/place/grokdesk"))

    await scene.shell.acts.settle_in()

    assert "Exec=/opt/grokdesk --hidden" in file.read_text()
    assert scene.tray.at_login.isChecked()


# --- new versions -------------------------------------------------------------------------------------------


@pytest.fixture
async def notice_url() -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """A notice of version 99 on this machine, and the headers of whoever asked."""
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        body = {"version": "99.1", "url": "https://example.org/99", "notes": "Calmer.\n\n<b>Faster</b>."}
        return web.Response(body=orjson.dumps(body), content_type="application/json")

    app = web.Application()
    app.router.add_get("/notice.json", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}/notice.json", asked
    await runner.cleanup()


@by
async def test_a_new_version_is_told_where_that_was_switched_on(
    scene: Scene,
    notice_url: tuple[str, list[dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    """
    Nobody is asked before; then the menu has a line, which leads to the notes and the page. Nothing is told.
    """
    url, asked = notice_url
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda page: opened.append(page.toString()))
    tray, app = scene.tray, scene.rig.app
    await app.change({"updates.address": url})
    await settle()
    before = (list(asked), tray.update.isVisible())

    await app.change({"updates.check": True})
    await scene.until(tray.update.isVisible)
    line = tray.update.text()
    banner = next(one for one in scene.shell.window.notices() if one.key == "update")
    await scene.choose(by, tray.update)
    await settle()
    about = dialog(About)
    words, notes = about.said.text(), about.notes.toPlainText()
    if by == "mouse":
        click(about.page)
    else:
        about.page.setFocus()
        press(about, Qt.Key.Key_Space)
    press(about, Qt.Key.Key_Escape)
    await app.change({"updates.check": False})
    await scene.until(lambda: not tray.update.isVisible())

    assert before == ([], False)
    assert line == "Update to 99.1…"
    assert banner.text == "GrokDesk 99.1 is there."
    assert words == "Version 99.1 is there."
    assert notes == "Calmer.\n\n<b>Faster</b>."
    assert opened == ["https://example.org/99"]
    assert len(asked) == 1
    assert not {"cookie", "authorization", "referer"} & {name.lower() for name in asked[0]}
    assert "GrokDesk" not in "".join(asked[0].values())


async def test_the_banner_leads_to_what_is_new_or_goes_away(scene: Scene) -> None:
    """
    Put aside, it does not come back for this version.
    """
    window, bus = scene.shell.window, scene.rig.app.bus
    known = UpdateState(UpdatePhase.NEWER, Release("99.1"), 1.0)
    scene.rig.app.updates = Known(known)  # type: ignore[assignment] # what is known is all that is asked
    bus.publish(UpdatesChanged())
    await settle()
    [shown] = [one for one in window.notices() if one.key == "update"]

    shown.acts[0][1]()
    await settle()
    words = dialog(About).said.text()
    dialog(About).reject()
    await settle()
    shown.acts[1][1]()

    assert words == "Version 99.1 is there."
    assert [one for one in window.notices() if one.key == "update"] == []


class Known:
    """Updates of which a state is known."""

    def __init__(self, state: UpdateState) -> None:
        self.state = state


async def test_about_says_how_things_are(scene: Scene) -> None:
    """
    Switched off, it offers the setting; switched on and failed, it says so and can look again.
    """
    scene.shell.acts.show_about()
    await settle()
    about = dialog(About)
    off = (about.said.text(), about.setting.isVisible(), about.look.isVisible())
    await scene.rig.app.change({"updates.check": True, "updates.address": "http://127.0.0.1:9/none.json"})
    await scene.until(lambda: about.said.text().startswith("It could not be found out"))
    failed = (about.setting.isVisible(), about.look.isVisible())
    click(about.close_button)
    await settle()

    assert off == ("GrokDesk does not look for new versions.", True, False)
    assert failed == (False, True)
    assert no_dialog()


# --- what the icon does
# ------------------------------------------------------------------------------------------------------------


async def test_a_click_on_icon_or_message_brings_the_window(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The icon shows the window as it was; a message, the place that it speaks of.
    """
    told: list[str] = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda *said: told.append(said[2]))
    window, tray, app = scene.shell.window, scene.tray, scene.rig.app
    tray.show()
    [icon] = tray.findChildren(QSystemTrayIcon)
    window.go("requests")
    window.hide()

    icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    by_icon = (window.isVisible(), window.pane.key)
    window.hide()
    app.bus.publish(GatewayChanged(app.gateway.state))
    app.gateway._become(GatewayState(GatewayPhase.FAILED, error="Port 4765 is used."))  # noqa: SLF001 - as if
    await scene.until(lambda: told)
    icon.messageClicked.emit()
    await settle()

    assert by_icon == (True, "requests")
    assert told == ["Apps cannot connect: Port 4765 is used."]
    assert (window.isVisible(), window.pane.key) == (True, "home")


# --- what the tray answers ----------------------------------------------------------------------------------


async def test_what_was_clicked_in_the_tray_is_answered_there(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While no window is seen; with one, the toast says it, and what nobody clicked is not told at all.
    """
    told: list[str] = []
    monkeypatch.setattr(scene.tray, "say", told.append)
    scene.shell.desk.say("Nobody clicked.")
    scene.tray.copy_address.trigger()
    seen = list(told)
    scene.shell.window.hide()
    scene.tray.copy_key.trigger()

    assert seen == []
    assert told == ["Key copied. The clipboard is cleared in 60 s."]
