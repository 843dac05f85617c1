"""The frame of the window: messages, work, building anew, places on screens, contrast, and closing."""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from weakref import ref

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt, QTimer
from PySide6.QtGui import QEnterEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from grokdesk.core.notices import GatewayPhase, GatewayState, Trouble
from grokdesk.sim import Simulator, World
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Toast
from grokdesk.ui.doing import Doing, Doings, Failure, State
from grokdesk.ui.geometry import Placement, reachable, screens
from grokdesk.ui.memory import Memory
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import ALL, DARK_HIGH, EDGE_ON, LIGHT, LIGHT_HIGH, TEXT_ON, Look, Tokens
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.widgets.message_list import MessageList
from grokdesk.ui.widgets.task_strip import TaskStrip
from grokdesk.ui.windows.failures import Failures
from grokdesk.ui.windows.main_window import MainWindow
from tests.rig import Rig, basic, running, token
from tests.ui.conftest import application
from tests.ui.faces import Open, click, clipboard, dialog, no_dialog, press, settle
from tests.ui.stand_in import Still, account, every_state
from tests.ui.test_keys import until
from tests.ui.test_window import describe, stops, walk

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ACCOUNTS = 30


# --- messages
# ------------------------------------------------------------------------------------------------------


async def test_the_bell_keeps_what_was_said_and_marks_failures(open_face: Open) -> None:
    """
    The last fifty with their times; failures are unread until the list is opened.
    """
    face = await open_face()
    desk, status = face.shell.desk, face.window.status
    for number in range(60):
        desk.say(f"Word {number}")
    desk.say("It went wrong.", "error")
    name = status.bell.accessibleName()

    click(status.bell)
    await settle()
    messages = status.messages
    assert isinstance(messages, MessageList)
    texts = messages.texts()

    assert name == "Messages, 1 unread failure"
    assert status.bell.accessibleName() == "Messages"
    assert len(texts) == 50
    assert texts[0].endswith("· It went wrong.")
    assert texts[1].endswith("· Word 59")
    click(status.bell)
    await settle()
    assert status.messages is None


async def test_the_list_of_messages_works_by_keyboard(open_face: Open) -> None:
    """
    Opened from its button by Space, gone by Esc, and the keyboard is back on the button.
    """
    face = await open_face()
    face.shell.desk.say("A word.")
    bell = face.window.status.bell
    bell.setFocus()

    press(face.window, Qt.Key.Key_Space)
    await settle()
    messages = face.window.status.messages
    assert messages is not None
    inside = messages.list.hasFocus()
    press(face.window, Qt.Key.Key_Escape)
    await settle()

    assert inside
    assert face.window.status.messages is None
    assert bell.hasFocus()


async def test_a_toast_waits_under_the_pointer_and_under_the_keyboard(open_face: Open) -> None:
    """
    Its time stands still meanwhile.
    """
    face = await open_face([account(1)])
    face.shell.desk.remove_accounts([face.host.pool.accounts()[0].id])
    await settle()
    undo = face.window.toasts.undo_button()
    assert undo is not None
    slip = undo.parentWidget()
    assert slip is not None
    timer = slip.findChild(QTimer)
    assert timer is not None
    runs: list[bool] = []
    for event in (QEvent.Type.Leave, QEvent.Type.Enter, QEvent.Type.Leave):
        here = QPointF(1, 1)
        came = QEnterEvent(here, here, here) if event is QEvent.Type.Enter else QEvent(event)
        QApplication.sendEvent(slip, came)
        runs.append(timer.isActive())
    undo.setFocus()
    runs.append(timer.isActive())
    face.window.status.bell.setFocus()
    runs.append(timer.isActive())

    assert runs == [True, False, True, False, True]


async def test_a_word_about_the_same_act_takes_the_place_of_the_one_before(open_face: Open) -> None:
    """
    Text made larger three times is told once.
    """
    face = await open_face([account(1)])
    face.shell.desk.say("Something else.")
    for text in ("One.", "Two.", "Three."):
        face.shell.desk.said.emit(Toast(text, act="the same"))

    assert face.window.toasts.texts() == ["Something else.", "Three."]


# --- work
# ------------------------------------------------------------------------------------------------------


def test_the_time_left_is_said_once_the_pace_is_steady() -> None:
    """
    Not from one step, and not for what has no number.
    """
    clock = Still()
    doing = Doing("Work", 100, None, clock)
    said: list[float | None] = []
    for step in range(1, 6):
        clock.time += 1
        doing.update(step)
        said.append(doing.left_s())
    clock.time += 10

    assert said == [None, None, 97, 96, 95]
    assert doing.left_s() == 85
    assert Doing("Endless", 0, None, clock).left_s() is None


def test_cancel_asks_once_and_says_so_at_once() -> None:
    """
    The work goes on to the end of its step.
    """
    asked: list[bool] = []
    doing = Doing("Work", 3, lambda: asked.append(True), Still())

    doing.cancel()
    doing.cancel()

    assert asked == [True]
    assert (doing.state, doing.can_cancel) == (State.CANCELLING, False)


async def test_short_work_shows_nothing_and_long_work_the_strip(open_face: Open) -> None:
    """
    With its number and what happens; it goes with the work.
    """
    face = await open_face()
    strip, doings = face.window.strip, face.shell.desk.doing
    doings.long_ms = 60_000
    short = doings.begin("Quick", 2)
    await settle()
    before = strip.said()
    short.finish("2 done.")
    doings.long_ms = 0
    long = doings.begin("Read 3 files", 3)
    long.update(1, said="one.txt")
    await until(strip.isVisible)
    shown = (strip.said(), strip.isVisible())
    long.finish("3 done.")
    await until(strip.isHidden)

    assert before == ""
    assert shown == ("Read 3 files · 1 of 3 · one.txt", True)
    assert (strip.said(), strip.isVisible()) == ("", False)
    assert face.window.running_timers() == []


async def test_several_at_once_are_one_line_and_a_list(open_face: Open) -> None:
    """
    The line counts them; the list has a row with its own buttons for each, and is worked by keyboard.
    """
    face = await open_face()
    doings, strip = face.shell.desk.doing, face.window.strip
    doings.long_ms = 0
    asked: list[str] = []
    first = doings.begin("First", 5, lambda: asked.append("first"))
    second = doings.begin("Second", 5, lambda: asked.append("second"))
    await until(lambda: strip.said() == "2 tasks running")
    said = strip.said()

    strip.show_all.setFocus()
    press(face.window, Qt.Key.Key_Space)
    await settle()
    listed = strip.all_work
    assert listed is not None
    press(face.window, Qt.Key.Key_Tab)
    press(face.window, Qt.Key.Key_Space)
    await settle()
    rows = [row.said() for row in listed.rows]
    press(face.window, Qt.Key.Key_Escape)
    first.finish()
    second.finish()
    await until(strip.isHidden)

    assert said == "2 tasks running"
    assert asked == ["second"]
    assert rows == ["First · 0 of 5", "Second · 0 of 5 · stopping, what is done stays done"]
    assert strip.isHidden()


async def test_failures_are_listed_copied_and_tried_again(open_face: Open) -> None:
    """
    What ended with failures stays until it was looked at.
    """
    face = await open_face()
    doings, strip = face.shell.desk.doing, face.window.strip
    again: list[bool] = []
    doing = doings.begin("Delete the files of 2 accounts", 2)
    failure = Failure("Anna", "Grok cannot be reached.", "Check the connection.")
    doing.finish("1 done, 1 failed.", [failure], retry=lambda: again.append(True))
    await settle()
    assert strip.row is not None
    said = strip.said()

    click(strip.row.show_failures)
    await settle()
    shown = dialog(Failures)
    click(shown.copy)
    copied = clipboard()
    click(shown.retry)
    await settle()

    assert said == "Delete the files of 2 accounts: 1 done, 1 failed."
    assert copied == "Anna\tGrok cannot be reached. Check the connection."
    assert again == [True]
    assert strip.isHidden()
    assert no_dialog()


@dataclass
class Scene:
    """A window on the whole program, with accounts that Grok knows."""

    rig: Rig
    shell: Shell

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    @property
    def strip(self) -> TaskStrip:
        return self.window.strip

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        names = [f"n{number:02}" for number in range(ACCOUNTS)]
        for name in names:
            basic(world, name)
        await rig.add(*map(token, names))
        look = Look(application())
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.desk.doing.long_ms = 0
        shell.window.bring_up()
        shell.window.activateWindow()
        await settle()
        yield Scene(rig, shell)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


async def test_a_job_of_thirty_accounts_is_followed_and_cancelled(scene: Scene) -> None:
    """
    The strip counts; Cancel answers within a tenth of a second, and what was done stays done.
    """
    app = scene.rig.app
    await app.change({"accounts.checks_at_once": 1})
    job = app.acts.refresh([one.id for one in app.pool.accounts()])
    await scene.until(lambda: scene.strip.row is not None and f" of {ACCOUNTS}" in scene.strip.said())
    row = scene.strip.row
    assert row is not None
    await scene.until(lambda: job.done >= 2)

    start = time.monotonic()
    click(row.cancel)
    answered = (job.state.value, row.said(), row.cancel.isEnabled(), time.monotonic() - start)
    await job.ended()
    await scene.until(lambda: not scene.shell.desk.doing.running())

    assert answered[0] == "cancelling"
    assert answered[1].endswith("stopping, what is done stays done")
    assert answered[2] is False
    assert answered[3] < 0.1
    assert 2 <= job.ok < ACCOUNTS
    await scene.until(scene.strip.isHidden)


async def test_failed_accounts_are_named_and_tried_again(scene: Scene) -> None:
    """
    Two of thirty were signed out at Grok: their reasons are listed, and only they are asked again.
    """
    app, world = scene.rig.app, scene.rig.world
    refused = [token("n03"), token("n07")]
    for one in refused:
        world.accounts[one].status = "unauthenticated"
    app.acts.refresh([one.id for one in app.pool.accounts()])
    await scene.until(lambda: scene.strip.row is not None and scene.strip.row.retry.isVisible())
    row = scene.strip.row
    assert row is not None
    said = row.said()
    row.show_failures.setFocus()
    press(scene.window, Qt.Key.Key_Space)
    await settle()
    shown = dialog(Failures)
    listed = shown.table.rowCount()
    for one in refused:
        world.accounts[one].status = "ok"
    shown.retry.setFocus()
    press(shown, Qt.Key.Key_Space)
    await settle()
    await scene.until(lambda: len(app.jobs.all()) == 2 and app.jobs.all()[0].is_over)
    await scene.until(scene.strip.isHidden)

    assert said == f"Check {ACCOUNTS} accounts: {ACCOUNTS - 2} done, 2 failed."
    assert listed == 2
    again = app.jobs.all()[0]
    assert (again.total, again.ok) == (2, 2)
    assert {app.pool.get(one.account).token.reveal() for one in again.results} == set(refused)  # type: ignore[union-attr]


async def test_quitting_asks_while_work_runs(scene: Scene) -> None:
    """
    From the close dialog as well as by key; keeping on keeps the work.
    """
    app = scene.rig.app
    await app.change({"accounts.checks_at_once": 1})
    job = app.acts.refresh([one.id for one in app.pool.accounts()])
    await scene.until(scene.shell.desk.doing.running)

    press(scene.window, Qt.Key.Key_Q, CTRL)
    await settle()
    asked = dialog(dialogs.Ask)
    title = asked.windowTitle()
    click(asked.no)
    await settle()

    assert title == "Quit with 1 task running?"
    assert not app.shutdown.requested
    job.cancel()
    await job.ended()


# --- building anew
# ------------------------------------------------------------------------------------------------------


async def test_building_anew_keeps_what_matters(open_face: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The pane in sight, unsaved changes, the banner, the messages, and what panes want to keep.
    """
    face = await open_face(every_state())
    window = face.window
    pane = window.go("settings")
    await settle()
    draft = {"edits": {"gateway.port": 4999}}
    kept: list[Mapping[str, Any]] = []
    monkeypatch.setattr(type(pane), "keepsake", lambda _: draft)
    monkeypatch.setattr(type(pane), "put_back", lambda _, got: kept.append(got))
    face.host.gateway.set(GatewayState(GatewayPhase.FAILED, error="Port 4765 is used.", free_port=4766))
    face.shell.desk.say("Before.")
    await settle()
    old = ref(window.status)

    window.rebuild()
    await settle()
    gc.collect()

    assert kept == [draft]
    assert window.pane.key == "settings"
    assert window.pane is not pane
    assert window.banner.text.startswith("Port 4765 is used.")
    assert window.status.words() == "Gateway failed"
    assert [one.text for one in face.shell.desk.messages.all()] == ["Before."]
    assert old() is None


async def test_nothing_of_the_old_window_hears_any_more(open_face: Open) -> None:
    """
    Notices after building anew reach only what is there, and nothing is left behind by many times.
    """
    face = await open_face(every_state())
    window = face.window
    for pane in ("home", "settings"):
        window.go(pane)
        await settle()
    window.rebuild()
    await settle()
    before = len(window.findChildren(QWidget))

    for _ in range(3):
        window.rebuild()
        await settle()
    desk = face.shell.desk
    face.host.bus.publish(Trouble("settings", "A line is wrong.", "Correct it."))
    face.host.gateway.set(GatewayState(GatewayPhase.STOPPED))
    await face.host.change({"chat.memory": True, "appearance.theme": "dark"})
    await face.host.keys.make("Another")
    face.host.pool.enable([account.id for account in face.host.pool.accounts()], on=False)
    desk.actions.retell()
    desk.say("Heard.")
    await settle(0.15)

    assert len(window.findChildren(QWidget)) <= before + 20
    assert window.toasts.texts() == ["Heard."]
    face.shell.desk.choose_theme("light")
    await settle()


async def test_a_larger_text_builds_anew_once(open_face: Open) -> None:
    """
    Sidebar and status bar cut nothing off at 200 percent, in a window of usual and of smallest size.
    """
    face = await open_face(every_state())
    window = face.window
    try:
        before = window.status
        face.shell.desk.look.choose_scale(200)
        await until(lambda: window.status is not before)
        window.resize(1120, 720)
        await settle()
        cut = [
            one.text()
            for one in window.sidebar.buttons.values()
            if one.text() and one.width() < one.sizeHint().width()
        ]
        sidebar = window.sidebar.width()
        for size in ((1120, 720), (800, 560)):
            window.resize(*size)
            await settle()
            cut += [
                one.accessibleName()
                for one in window.status.findChildren(type(window.status.bell))
                if one.width() < one.sizeHint().width() or one.height() < one.sizeHint().height()
            ]
    finally:
        face.shell.desk.look.choose_scale(100)
        await settle(0.3)

    assert cut == []
    assert sidebar > window.sidebar.width()


# --- places
# ------------------------------------------------------------------------------------------------------

LEFT, RIGHT = QRect(0, 0, 1920, 1040), QRect(1920, 0, 1280, 984)


@pytest.mark.parametrize(
    ("wanted", "areas", "becomes"),
    [
        (QRect(100, 100, 1120, 720), [LEFT], QRect(100, 100, 1120, 720)),
        (QRect(2000, 100, 1120, 720), [LEFT, RIGHT], QRect(2000, 100, 1120, 720)),
        (QRect(2000, 100, 1120, 720), [LEFT], QRect(400, 160, 1120, 720)),
        (QRect(100, -700, 1120, 720), [LEFT], QRect(400, 160, 1120, 720)),
        (QRect(1850, 1000, 1120, 720), [LEFT], QRect(400, 160, 1120, 720)),
        (QRect(10, 10, 3000, 2000), [LEFT], QRect(10, 10, 1920, 1040)),
        (QRect(-400, 10, 1120, 720), [LEFT], QRect(-400, 10, 1120, 720)),
        (QRect(5, 5, 10, 10), [], QRect(5, 5, 10, 10)),
    ],
)
def test_a_window_off_every_screen_comes_back(wanted: QRect, areas: list[QRect], becomes: QRect) -> None:
    """
    One whose upper edge can be taken hold of stays; others go to the middle. None outgrows its screen.
    """
    box = reachable(wanted, areas)

    assert abs(box.center().x() - becomes.center().x()) <= 1
    assert abs(box.center().y() - becomes.center().y()) <= 1
    assert box.size() == becomes.size()


def test_each_set_of_screens_has_its_place(tmp_path: Path, qapp: QApplication) -> None:
    """
    What was remembered with another set is used where nothing else is known, but brought into reach.
    """
    memory = Memory(tmp_path)
    memory.change(spots={"main elsewhere": [5_000, 5_000, 640, 480, 0]})
    window = QWidget()
    place = Placement(window, "main", memory, (500, 400))

    place.put_back()
    screen = QGuiApplication.primaryScreen().availableGeometry()
    elsewhere = (window.width(), screen.contains(window.geometry()))
    window.setGeometry(20, 30, 600, 450)
    place.remember()
    window.setGeometry(0, 0, 10, 10)
    place.put_back()

    assert elsewhere == (640, True)
    assert window.geometry() == QRect(20, 30, 600, 450)
    assert set(memory.now.spots) == {"main elsewhere", f"main {screens()}"}
    window.deleteLater()


def test_a_window_nobody_placed_has_its_usual_size(tmp_path: Path, qapp: QApplication) -> None:
    """
    The system puts it where it likes.
    """
    window = QWidget()
    Placement(window, "main", Memory(tmp_path), (500, 400)).put_back()

    assert (window.width(), window.height()) == (500, 400)
    window.deleteLater()


def test_a_screen_that_goes_takes_no_window_with_it(tmp_path: Path, qapp: QApplication) -> None:
    """
    After the screens have changed, a window out of reach is brought back.
    """
    window = QWidget()
    place = Placement(window, "main", Memory(tmp_path), (500, 400))
    window.setGeometry(9_000, 9_000, 500, 400)
    place._screens = "another set"  # noqa: SLF001 - offscreen has one screen for ever

    place.look_again()

    assert QGuiApplication.primaryScreen().availableGeometry().intersects(window.geometry())
    window.deleteLater()


# --- looks
# ------------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast of WCAG 2."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT_HIGH, DARK_HIGH], ids=["light", "dark"])
def test_high_contrast_is_high(tokens: Tokens) -> None:
    """
    Text stands at 7, edges of controls at 4.5.
    """
    for text, grounds in TEXT_ON.items():
        for ground in grounds:
            found = contrast(getattr(tokens, text), getattr(tokens, ground))
            assert found >= 7, (text, ground, found)
    for edge, grounds in EDGE_ON.items():
        for ground in grounds:
            assert contrast(getattr(tokens, edge), getattr(tokens, ground)) >= 4.5, (edge, ground)


async def test_high_contrast_and_theme_follow_the_settings_live(open_face: Open) -> None:
    """
    By choice; the other way round it goes with the choice as well.
    """
    face = await open_face()
    look = face.shell.desk.look
    seen = []
    for changes in (
        {"appearance.high_contrast": True},
        {"appearance.theme": "dark"},
        {"appearance.high_contrast": False},
        {"appearance.theme": "light"},
    ):
        await face.host.change(changes)
        await settle()
        seen.append(next(name for name, tokens in ALL.items() if tokens is look.tokens))

    assert seen == ["light, high", "dark, high", "dark", "light"]
    assert QApplication.palette().window().color().name() == LIGHT.bg.lower()


def test_the_system_is_followed_while_it_is_chosen(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Dark and high contrast of the system come through at once, and not while something else is chosen.
    """
    look = Look(qapp)
    changes: list[str] = []
    look.changed.connect(lambda: changes.append("changed"))
    monkeypatch.setattr(Look, "system_dark", property(lambda _: True))
    monkeypatch.setattr(Look, "system_high_contrast", property(lambda _: True))

    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    followed = look.tokens
    look.choose("light")
    chosen = look.tokens
    monkeypatch.undo()
    look.choose("system")

    assert (followed, chosen, look.tokens) == (DARK_HIGH, LIGHT_HIGH, LIGHT)
    assert len(changes) == 3


async def test_the_sidebar_draws_one_ring(open_face: Open) -> None:
    """
    The ring of the style sheet and no dotted one inside: around the words nothing changes with the keyboard.
    """
    face = await open_face()
    button = face.window.sidebar.buttons["home"]
    face.window.activateWindow()
    await settle()
    face.window.status.bell.setFocus()
    await settle()
    inner = button.rect().adjusted(4, 4, -4, -4)
    without = button.grab(inner).toImage()

    button.setFocus(Qt.FocusReason.TabFocusReason)
    await settle()

    assert button.hasFocus()
    assert button.grab(inner).toImage() == without
    assert button.grab().toImage() != without


# --- the frame by keyboard, and closing
# ------------------------------------------------------------------------------------------------------


async def test_tab_walks_the_whole_frame(open_face: Open) -> None:
    """
    Sidebar, status bar, banner, pane and strip: each control once.
    """
    face = await open_face(every_state())
    face.shell.desk.doing.long_ms = 0
    doing = face.shell.desk.doing.begin("Check 3 accounts", 3, lambda: None)
    face.host.gateway.set(GatewayState(GatewayPhase.FAILED, error="Port 4765 is used.", free_port=4766))
    window = face.window
    window.activateWindow()
    await until(lambda: window.strip.isVisible() and window.banner.isVisible() and window.isActiveWindow())
    window.sidebar.buttons["home"].setFocus()

    seen = walk(window, 60)

    assert len(seen) == len(set(seen))
    assert {describe(one) for one in seen} == {describe(one) for one in stops(window)}
    order = [window.sidebar, window.status, window.banner, window.pane, window.strip]
    regions = [next(place for place, one in enumerate(order) if one.isAncestorOf(here)) for here in seen]
    assert regions == sorted(regions)
    doing.finish()


@pytest.mark.parametrize("tray", [True, False])
async def test_quit_in_the_close_dialog_warns_of_unsaved_changes(
    open_face: Open, monkeypatch: pytest.MonkeyPatch, tray: bool
) -> None:
    """
    As quitting by key does; keeping on loses nothing.
    """
    face = await open_face()
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: tray))
    monkeypatch.setattr(type(face.tray), "visible", property(lambda _: tray))
    pane = face.window.go("settings")
    monkeypatch.setattr(type(pane), "unsaved", lambda _: 2)
    face.window.close()
    await settle()

    click(dialog(dialogs.Ask).no)
    await settle()
    asked = dialog(dialogs.Ask)
    title = asked.windowTitle()
    click(asked.no)
    await settle()
    kept = not face.host.shutdown.requested
    face.window.close()
    await settle()
    click(dialog(dialogs.Ask).no)
    await settle()
    click(dialog(dialogs.Ask).yes)
    await settle()

    assert title == "Quit with 2 unsaved changes?"
    assert kept
    assert face.host.shutdown.requested


async def test_an_unknown_place_changes_nothing(open_face: Open) -> None:
    """
    Links come from outside as well.
    """
    face = await open_face()

    for where in ("nowhere", "", ":", "nowhere:accounts", "settings:no.such.setting"):
        face.window.go(where)

    assert face.window.pane.key == "settings"


async def test_a_narrow_window_keeps_words_for_a_screen_reader(open_face: Open) -> None:
    """
    Icons alone, with names and tooltips that tell the keys.
    """
    face = await open_face()
    window = face.window
    window.resize(800, 560)
    await settle()

    entry = window.sidebar.buttons["settings"]

    assert (entry.text(), entry.accessibleName()) == ("", "Settings")
    assert entry.toolTip() == "Settings (Ctrl+,)"
    assert window.status.copy_key.accessibleName() == "Copy key"
    assert window.status.copy_key.toolTip() == "Copy key (Ctrl+Shift+K)"
    place = window.status.mapTo(window, QPoint(window.status.width(), 0)).x()
    assert place <= 800


def test_follows_only_jobs_that_are_there(qapp: QApplication) -> None:
    """
    A notice of a job that was forgotten meanwhile is passed over.
    """
    doings = Doings(Still())

    class Nobody:
        def get(self, _: str) -> None:
            return None

    doings.follow(Nobody(), ["gone"])  # type: ignore[arg-type]

    assert doings.running() == []
