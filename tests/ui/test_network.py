"""Network, driven by mouse and keys against the whole program and the simulator."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from grokdesk.core import egress
from grokdesk.core.egress import ClearanceState, Purpose, Standing, WayState
from grokdesk.core.errors import EgressOutcome
from grokdesk.core.notices import Trouble
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ClearanceMode, EgressMode, EgressSettings
from grokdesk.sim import Simulator, World
from grokdesk.ui.models import clearances as clearance_models
from grokdesk.ui.models import ways as models
from grokdesk.ui.models.ways import Trial, WayFate, WayKey, WayRow, understood
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.main_window import MainWindow
from grokdesk.ui.windows.network import CLOUDFLARE, PROXIES, NetworkPane
from grokdesk.ui.windows.network_add import AddWays, EditWay, with_login
from grokdesk.ui.words import Kind
from tests import make
from tests.rig import Rig, running
from tests.ui.conftest import application
from tests.ui.faces import click, dialog, no_dialog, press, settle
from tests.ui.test_window import describe, stops, walk

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
COOKIES = "cf_clearance=an-invented-clearance-1234; __cf_bm=x"
ONE, TWO, THREE = "http://127.0.0.1:9", "http://name:hush@two:2", "socks5h://three:3"
NOW = 1_786_500_000.0


@dataclass
class Scene:
    """The pane in its window, and the program behind it."""

    rig: Rig
    shell: Shell
    pane: NetworkPane

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    @property
    def egress(self) -> EgressSettings:
        return self.rig.app.live.now.egress

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)

    async def proxies(self, *ways: str, **more: object) -> None:
        """Leave through these."""
        await self.rig.app.change({"egress.mode": "proxies", "egress.proxies": list(ways), **more})
        await self.until(lambda: self.ways() == list(self.egress.proxies + self.egress.media_proxies))

    def ways(self) -> list[str]:
        """The addresses of the entries in the table, from top to bottom."""
        rows = self.pane.proxies.rows
        return [row.target for row in map(rows.row, range(len(rows))) if row.is_listed]

    def texts(self, column: int) -> list[str]:
        model = self.pane.proxies.rows
        return [str(model.index(row, column).data()) for row in range(model.rowCount())]

    def select(self, *places: int) -> None:
        page = self.pane.proxies
        page.table.select([page.rows.row(place).key for place in places])
        page.table.setFocus()

    def point(self, place: int, part: float = 0.5) -> QPoint:
        """A point in a row, `part` of its height from its top."""
        table = self.pane.proxies.table
        return QPoint(30, table.rowViewportPosition(place) + round(table.rowHeight(place) * part))


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    async with Simulator(world, port=0).started() as sim, running(tmp_path, sim, world) as rig:
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.activateWindow()
        pane = shell.window.go("network")
        assert isinstance(pane, NetworkPane)
        await settle()
        yield Scene(rig, shell, pane)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


async def pick(choice: QWidget, *keys: Qt.Key) -> None:
    """Choose with the keyboard."""
    choice.setFocus()
    for key in keys:
        QTest.keyClick(choice, key)
    await settle()


# --- proxies ------------------------------------------------------------------------------------------------


async def test_at_first_requests_leave_directly_and_the_pane_says_so(scene: Scene) -> None:
    """
    One line, in use, and what that means.
    """
    page = scene.pane.proxies

    assert scene.texts(models.WAY) == ["Direct connection"]
    assert scene.texts(models.STATE) == ["In use"]
    assert page.meaning.text().startswith("Grok sees the address of this computer.")


async def test_ctrl_n_adds_ways_out_and_f6_finds_the_list_and_its_details(scene: Scene) -> None:
    """
    The keys that add accounts elsewhere mean ways out here, from either page.
    """
    await scene.proxies(ONE)
    scene.pane.tabs.setCurrentIndex(CLOUDFLARE)
    press(scene.window, Qt.Key.Key_N, CTRL)
    await settle()
    asked = dialog(AddWays)
    press(asked, Qt.Key.Key_Escape)
    await settle()

    page = scene.pane.proxies
    assert scene.pane.tabs.currentIndex() == PROXIES
    scene.window.activateWindow()
    await settle()
    page.mode.setFocus()
    press(scene.window, Qt.Key.Key_F6)
    assert QApplication.focusWidget() is page.table
    scene.select(0)
    await settle()
    press(scene.window, Qt.Key.Key_F6)
    assert page.details.isAncestorOf(scene.window.focusWidget()) or page.details.hasFocus()


async def test_f5_tests_what_is_selected_and_ctrl_dot_ends_the_tests(scene: Scene) -> None:
    """
    They speak of ways out here, and accounts are left alone.
    """
    await scene.proxies(ONE, TWO)
    scene.select(0)
    page = scene.pane.proxies
    chosen, other = (page.rows.row(place).key for place in (0, 1))

    press(scene.window, Qt.Key.Key_F5)
    assert (scene.pane.trials.is_testing(chosen), scene.pane.trials.is_testing(other)) == (True, False)
    press(scene.window, Qt.Key.Key_Period, CTRL)
    await settle()

    assert not scene.pane.trials.running
    assert "Nothing is running here." not in scene.window.toasts.texts()


async def test_the_mode_is_chosen_by_keyboard_and_an_empty_list_is_explained(scene: Scene) -> None:
    """
    The setting changes at once; nothing leaves through an empty list, and the way on is a button.
    """
    page = scene.pane.proxies

    await pick(page.mode, Qt.Key.Key_End)
    await scene.until(lambda: scene.egress.mode is EgressMode.PROXIES)
    await settle()

    assert "nothing leaves" in page.meaning.text()
    assert page.empty.isVisible()
    click(page.empty.button)
    await settle()
    dialog(AddWays).reject()
    await settle()


async def test_the_system_s_setting_is_looked_up_when_it_is_chosen(scene: Scene) -> None:
    """
    Nobody waits a minute for the first line.
    """
    await pick(scene.pane.proxies.mode, Qt.Key.Key_Down)
    await scene.until(
        lambda: scene.egress.mode is EgressMode.SYSTEM and scene.texts(models.STATE) == ["In use"]
    )

    assert scene.texts(models.WAY) == ["Direct connection"]


async def test_many_are_pasted_with_a_preview_and_their_passwords_are_not_shown(
    scene: Scene, tmp_path: Path
) -> None:
    """
    Each line says what would happen; passwords go sealed into the file and are nowhere on the screen.
    """
    click(scene.pane.proxies.add)
    await settle()
    adding = dialog(AddWays)
    QTest.keyClicks(adding.paste, "two:2:name:hush")
    QTest.keyClick(adding.paste, Qt.Key.Key_Return)
    QTest.keyClicks(adding.paste, "ftp://x, socks5://three:3, two:2:name:hush")
    adding.read()

    assert adding.summary() == (
        "2 new, 1 named twice, 1 not understood. Line 2: 'ftp' is not a proxy scheme; "
        "use http, https, socks4 or socks5, such as socks5://host:1080."
    )
    model = adding.table.model()
    shown = [[str(model.index(row, column).data()) for column in range(3)] for row in range(4)]
    assert shown[0][0::2] == [
        "2",
        "Not understood: 'ftp' is not a proxy scheme; use http, https, socks4 or socks5, such as socks5://host:1080",
    ]
    assert shown[1:] == [
        ["1", "http://two:2", "New"],
        ["2", "socks5h://three:3", "New"],
        ["2", "http://two:2", "The same as line 1"],
    ]
    assert adding.add.text() == "Add 2 ways out"
    press(adding, Qt.Key.Key_Tab)
    click(adding.add)
    await scene.until(lambda: scene.ways() == [TWO, THREE])
    await settle()

    assert no_dialog()
    assert (scene.egress.mode, scene.egress.proxies) == (EgressMode.PROXIES, (TWO, THREE))
    assert scene.texts(models.WAY) == ["http://two:2", "socks5h://three:3"]
    assert scene.texts(models.STATE) == ["In use", "Stands by"]
    assert scene.window.toasts.texts() == ["2 ways out added."]
    assert "hush" not in (tmp_path / "config.toml").read_text()


async def test_files_can_have_a_list_of_their_own(scene: Scene) -> None:
    """
    Then the other list is for chat.
    """
    await scene.proxies(ONE)
    before = scene.texts(models.FOR)
    scene.pane.proxies.add_ways()
    await settle()
    adding = dialog(AddWays)
    adding.used_for.setCurrentIndex(1)
    adding.paste.setPlainText(THREE)
    adding.read()
    adding.accept()
    await scene.until(lambda: scene.egress.media_proxies == (THREE,))
    await settle()

    assert before == ["Everything"]
    assert scene.texts(models.FOR) == ["Chat", "Files"]
    assert scene.texts(models.STATE) == ["In use", "In use"]


async def test_an_entry_is_changed_without_its_password_being_shown(scene: Scene) -> None:
    """
    An empty field keeps the password; a mistake is said at once, and Enter in the table opens the dialog.
    """
    await scene.proxies(ONE, TWO)
    scene.select(1)
    press(scene.window, Qt.Key.Key_Return)
    await settle()
    changing = dialog(EditWay)
    shown = [changing.address.text(), changing.user.text(), changing.password.text()]
    changing.address.setText("two")
    QTest.keyClicks(changing.address, ":99999")
    problem, may_save = changing.problem(), changing.save.isEnabled()
    changing.address.setText("http://two:22")
    press(changing, Qt.Key.Key_Return)
    await scene.until(lambda: scene.egress.proxies == (ONE, "http://name:hush@two:22"))

    assert shown == ["http://two:2", "name", ""]
    assert (problem, may_save) == ("The proxy's port must be a number from 1 to 65535.", False)


async def test_an_entry_can_move_to_the_list_of_files(scene: Scene) -> None:
    """
    One change of the settings, so that it is never in neither.
    """
    await scene.proxies(ONE, TWO)
    scene.select(0)
    click(scene.pane.proxies.details.edit)
    await settle()
    changing = dialog(EditWay)
    changing.used_for.setCurrentIndex(1)
    click(changing.save)
    await scene.until(lambda: scene.egress.media_proxies == (ONE,))

    assert scene.egress.proxies == (TWO,)


async def test_the_order_is_changed_with_alt_and_the_arrows(scene: Scene) -> None:
    """
    As far as it goes; what is selected stays selected.
    """
    await scene.proxies(ONE, TWO, THREE)
    scene.select(2)

    for _ in range(3):
        press(scene.window, Qt.Key.Key_Up, ALT)
    await scene.until(lambda: scene.egress.proxies == (THREE, ONE, TWO))
    await settle()
    chosen = [row.target for row in scene.pane.proxies.selected()]
    press(scene.window, Qt.Key.Key_Down, ALT)
    await scene.until(lambda: scene.ways() == [ONE, THREE, TWO])

    assert chosen == [THREE]


async def test_the_order_is_changed_by_dragging(scene: Scene) -> None:
    """
    A row goes where it is dropped; Esc leaves everything as it was.
    """
    await scene.proxies(ONE, TWO, THREE)
    table = scene.pane.proxies.table
    view = table.viewport()

    def drag(place: int, to: QPoint) -> None:
        QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=scene.point(place))
        QTest.mouseMove(view, scene.point(place) + QPoint(2, 14))
        QTest.mouseMove(view, to)

    drag(0, scene.point(2, 0.9))
    was_dragging = table.dragging
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=scene.point(2, 0.9))
    await scene.until(lambda: scene.ways() == [TWO, THREE, ONE])
    drag(0, scene.point(2, 0.9))
    QTest.keyClick(table, Qt.Key.Key_Escape)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=scene.point(2, 0.9))
    await settle()

    assert was_dragging
    assert scene.egress.proxies == (TWO, THREE, ONE)


async def test_what_was_removed_comes_back_where_it_was(scene: Scene) -> None:
    """
    Delete asks nothing; Ctrl+Z undoes it, and keeps what was changed since.
    """
    await scene.proxies(ONE, TWO, THREE)
    scene.select(1)

    press(scene.window, Qt.Key.Key_Delete)
    await scene.until(lambda: scene.egress.proxies == (ONE, THREE))
    await settle()
    told = scene.window.toasts.texts()
    await scene.proxies(THREE, ONE)
    press(scene.window, Qt.Key.Key_Z, CTRL)
    await scene.until(lambda: len(scene.egress.proxies) == 3)

    assert told == ["1 way out removed."]
    assert scene.egress.proxies == (THREE, ONE, TWO)


async def test_a_test_says_what_each_way_is_worth(scene: Scene) -> None:
    """
    Exit address and time of the one that works; why the other does not, and how long it is left alone.
    """
    await scene.proxies(ONE, "direct")

    click(scene.pane.proxies.test_all)
    progress = scene.pane.proxies.progress.text()
    await scene.until(lambda: not scene.pane.trials.running)
    await settle()

    assert progress == "Tested 0 of 2"
    assert scene.window.toasts.texts() == ["2 ways out tested, 1 not reachable."]
    assert scene.texts(models.STATE)[0].startswith("Resting, ")
    assert scene.texts(models.STATE)[1] == "In use"
    assert scene.texts(models.EXIT) == ["–", "127.0.0.1 DE"]
    assert scene.texts(models.SPEED)[1].endswith(" ms")
    scene.select(0)
    assert scene.pane.proxies.details.why().startswith("The proxy cannot be reached. It is left alone until ")
    scene.select(1)
    assert "Grok sees: 127.0.0.1 DE" in scene.pane.proxies.details.facts()


async def test_a_challenge_is_told_apart_from_being_unreachable(scene: Scene) -> None:
    """
    It is reachable, and the words lead to the page that helps.
    """
    scene.rig.world.clearance_required = {"cookie": "x", "user_agent": AGENT}
    scene.select(0)

    click(scene.pane.proxies.details.test)
    await scene.until(lambda: scene.texts(models.STATE) == ["Challenged"])
    click(scene.pane.proxies.details.cloudflare)
    await settle()

    assert scene.pane.tabs.currentIndex() == CLOUDFLARE
    assert [row.way for row in scene.pane.cloudflare.selected()] == ["direct"]
    assert "Cloudflare wants to see a browser first (127.0.0.1 DE" in scene.pane.cloudflare.why.text()


async def test_tests_are_cancelled_at_once_and_keep_what_they_found(scene: Scene) -> None:
    """
    A proxy that never answers does not hold anybody up.
    """
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    await scene.proxies("direct", f"http://127.0.0.1:{port}")
    page = scene.pane.proxies

    click(page.test_all)
    await scene.until(lambda: scene.pane.trials.done == 1)
    await settle()
    during = (page.progress.text(), scene.texts(models.STATE)[1])
    began = time.monotonic()
    click(page.stop)
    took_s = time.monotonic() - began
    await settle()

    assert during == ("Tested 1 of 2", "Testing…")
    assert took_s < 0.1
    assert not page.stop.isVisible()
    assert scene.texts(models.STATE)[1] == "Stands by"
    assert scene.texts(models.EXIT) == ["127.0.0.1 DE", "–"]
    silent.close()


async def test_a_test_begun_after_a_cancel_is_not_taken_for_ended(scene: Scene) -> None:
    """
    What was cancelled says nothing about the next one.
    """
    silent = socket.create_server(("127.0.0.1", 0))
    await scene.proxies(f"http://127.0.0.1:{silent.getsockname()[1]}")
    scene.select(0)

    scene.pane.proxies.details.test.click()
    await settle()
    scene.pane.proxies.stop.click()
    scene.pane.proxies.details.test.click()
    await settle()

    assert scene.pane.trials.running
    assert scene.texts(models.STATE) == ["Testing…"]
    silent.close()


async def test_scrolling_over_the_mode_does_not_change_it(scene: Scene) -> None:
    """
    Only a field that has the keyboard follows the wheel.
    """
    mode = scene.pane.proxies.mode
    middle = QPointF(mode.rect().center())

    def wheel() -> None:
        spot = QPointF(mode.mapToGlobal(mode.rect().center()))
        event = QWheelEvent(
            middle,
            spot,
            QPoint(),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(mode, event)

    scene.pane.proxies.add.setFocus()
    wheel()
    await settle()
    passing = (mode.currentIndex(), scene.egress.mode)
    mode.setFocus()
    wheel()

    assert passing == (0, EgressMode.DIRECT)
    await scene.until(lambda: scene.egress.mode is EgressMode.SYSTEM)


async def test_a_way_out_can_be_shown_from_elsewhere(scene: Scene) -> None:
    """
    A refusal in another pane leads to the line it is about; a name that is gone selects nothing.
    """
    await scene.proxies(ONE, TWO)
    scene.window.go("home")

    scene.shell.desk.pane_wanted.emit("network:http://two:2")
    await settle()
    shown = [row.target for row in scene.pane.proxies.selected()]

    assert scene.window.pane is scene.pane
    assert scene.pane.tabs.currentIndex() == PROXIES
    assert shown == [TWO]
    assert not scene.pane.show_way("http://gone:1")
    assert scene.pane.show_clearance("http://two:2")


async def test_trouble_on_the_way_leads_here(scene: Scene) -> None:
    """
    The banner about the solver has a button to the page.
    """
    scene.window.go("home")
    scene.rig.app.bus.publish(Trouble("egress", "The Cloudflare solver does not answer.", "Start it."))
    await settle()

    button = scene.window.banner.buttons[0]
    click(button)
    await settle()

    assert scene.window.pane is scene.pane
    assert scene.pane.tabs.currentIndex() == CLOUDFLARE


async def test_a_hidden_pane_does_nothing_and_catches_up(scene: Scene) -> None:
    """
    No timer runs, no line changes; coming back shows what happened.
    """
    await scene.proxies(ONE)
    scene.window.go("home")
    await scene.rig.app.change({"egress.proxies": [ONE, THREE]})
    await settle()
    hidden = (
        scene.ways(),
        [timer for timer in scene.window.running_timers() if timer.parent() is scene.pane],
    )

    scene.window.go("network")
    await settle()

    assert hidden == ([ONE], [])
    assert scene.ways() == [ONE, THREE]


# --- Cloudflare ---------------------------------------------------------------------------------------------


async def cloudflare(scene: Scene, **settings: object) -> None:
    await scene.rig.app.change({f"egress.{name}": value for name, value in settings.items()})
    scene.window.go("network:cloudflare")
    await settle()


async def test_pasted_cookies_are_checked_while_they_are_typed(scene: Scene) -> None:
    """
    Cookie and browser have to fit; then they are saved, never shown again, and forgetting can be undone.
    """
    await cloudflare(scene)
    page = scene.pane.cloudflare
    await pick(page.how, Qt.Key.Key_Down)
    await scene.until(lambda: scene.egress.clearance is ClearanceMode.MANUAL)
    await settle()
    said = [page.fits.text()]
    page.cookies.setFocus()
    for text in ("session=1; ", COOKIES):
        QTest.keyClicks(page.cookies, text)
        said.append(page.fits.text())
    QTest.keyClicks(page.agent, "curl/8")
    said.append(page.fits.text())
    could_save = page.save_pasted.isEnabled()
    page.agent.setText(AGENT)
    said.append(page.fits.text())
    QTest.keyClick(page.agent, Qt.Key.Key_Return)
    await scene.until(lambda: scene.egress.user_agent == AGENT)
    await settle()
    table = page.table.model()

    assert said == [
        "Paste the cookies of grok.com from the browser that passed the check.",
        "There is no cf_clearance among these cookies, and without it Cloudflare lets nobody pass.",
        "This is no browser's user agent; copy it from the browser that the cookies came from.",
        "This is no browser's user agent; copy it from the browser that the cookies came from.",
        "Cookie and browser fit together: Chrome 142, Linux.",
    ]
    assert not could_save
    assert page.cookies.toPlainText() == ""
    assert page.fits.text().startswith("Saved: cf_clearance …1234, Chrome 142, Linux.")
    assert table.index(0, clearance_models.STATE).data() == "Pasted cookies"
    assert table.index(0, clearance_models.BROWSER).data() == "Chrome 142, Linux: fits"
    click(page.forget)
    await scene.until(lambda: not scene.egress.cookies)
    scene.shell.desk.undo()
    await scene.until(lambda: "1234" in scene.egress.cookies)


async def test_the_solver_is_tested_before_it_is_saved(scene: Scene) -> None:
    """
    Version, time and its open browsers; where nothing answers it says so, and a wrong address is not saved.
    """
    scene.rig.world.solver.sessions = {"grokdesk-1": None, "other": None}
    await cloudflare(scene, clearance="flaresolverr")
    page = scene.pane.cloudflare
    first = page.solver_says.text()

    page.address.setText(scene.rig.sim.url)
    click(page.test_solver)
    await scene.until(lambda: page.solver_says.text().startswith("The solver answers: version 3.3.21, in "))
    answered = page.solver_says.text()
    unsaved = scene.egress.solver_url
    click(page.save_solver)
    await scene.until(lambda: scene.egress.solver_url == scene.rig.sim.url)
    page.address.setText("http://127.0.0.1:9")
    click(page.test_solver)
    await scene.until(lambda: "does not answer" in page.solver_says.text())
    page.address.setText("ftp://solver")
    QTest.keyClick(page.address, Qt.Key.Key_Return)
    await scene.until(lambda: "must be an address" in page.solver_says.text())

    assert first == "No solver is set: requests that are stopped stay so."
    assert answered.endswith("2 browsers open, 1 for GrokDesk.")
    assert unsaved == ""
    assert scene.egress.solver_url == scene.rig.sim.url
    assert scene.rig.world.violations == []


async def test_a_clearance_is_renewed_shown_and_forgotten_with_an_undo(scene: Scene) -> None:
    """
    Age, end and browser are told; after a test it is clear that nobody is stopped.
    """
    scene.rig.world.clearance_required = {"cookie": "an-invented-clearance", "user_agent": AGENT}
    scene.rig.world.solver.lasts_s = 3_500
    await cloudflare(scene, clearance="flaresolverr", solver_url=scene.rig.sim.url)
    page = scene.pane.cloudflare
    model = page.table.model()

    def shown() -> list[str]:
        return [str(model.index(0, column).data()) for column in range(model.columnCount())]

    before = shown()
    click(page.renew)
    await scene.until(lambda: shown()[clearance_models.STATE] == "Check passed")
    passed = shown()
    click(page.test)
    await scene.until(lambda: "not stopped (127.0.0.1 DE" in page.why.text())
    page.table.setFocus()
    press(scene.window, Qt.Key.Key_Delete)
    await scene.until(lambda: shown() == before)
    scene.shell.desk.undo()
    await scene.until(lambda: shown()[clearance_models.STATE] == "Check passed")

    assert before == ["Direct connection", "127.0.0.1", "No check met", "–", "–", "–"]
    assert passed[clearance_models.AGE].endswith(" old")
    assert passed[clearance_models.ENDS] == "in 59 min"
    assert passed[clearance_models.BROWSER] == "Chrome 142, Linux: fits"
    assert scene.rig.world.solver.solved == 1


async def test_a_solver_that_fails_is_told_at_the_line(scene: Scene) -> None:
    """
    What went wrong and what to do, once.
    """
    scene.rig.world.solver.status = "error"
    await cloudflare(scene, clearance="flaresolverr", solver_url=scene.rig.sim.url)
    page = scene.pane.cloudflare

    click(page.renew)
    await scene.until(lambda: "could not pass" in page.why.text())
    await settle()

    assert page.why.text() == (
        "The Cloudflare solver could not pass the check. "
        "Try another proxy, or paste cookies from your browser under Network."
    )
    assert page.rows.row(0).clearance.problem == "The Cloudflare solver could not pass the check."


# --- by keyboard, at any size -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["proxies", "cloudflare", "manual"])
async def test_every_control_is_named_and_within_reach_of_tab(scene: Scene, page: str) -> None:
    """
    Tab passes each once, and a screen reader has something to say about it.
    """
    await scene.proxies(ONE, TWO)
    if page != "proxies":
        await cloudflare(scene, clearance="flaresolverr" if page == "cloudflare" else "manual")
    else:
        scene.select(0)
    await settle()
    scene.window.status.copy_key.setFocus()

    seen = walk(scene.window, 60)

    reached, wanted = {describe(one) for one in seen}, {describe(one) for one in stops(scene.window)}
    assert len(seen) == len(set(seen))
    assert reached == wanted
    assert [
        one
        for one in stops(scene.pane)
        if not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ] == []


async def test_the_pane_has_a_key_and_its_pages_turn_by_keyboard(scene: Scene) -> None:
    """
    Ctrl and its number in the sidebar; the arrows on the tabs.
    """
    scene.window.go("home")
    QTest.keySequence(scene.window, scene.window.acts["go network"].shortcut())
    await settle()
    scene.pane.tabs.setFocus()
    press(scene.window, Qt.Key.Key_Right)
    await settle()

    assert scene.window.pane is scene.pane
    assert scene.pane.cloudflare.isVisible()


async def test_the_smallest_window_keeps_everything_in_reach(scene: Scene) -> None:
    """
    Nothing asks for more room than there is.
    """
    await scene.proxies(ONE, TWO)
    scene.select(0)
    scene.window.resize(800, 560)

    for where in ("network", "network:cloudflare"):
        scene.window.go(where)
        await settle()
        assert (scene.window.width(), scene.window.height()) == (800, 560)
        assert scene.pane.minimumSizeHint().width() <= scene.pane.width()


# --- words and decisions ------------------------------------------------------------------------------------


def row(state: WayState | None = None, trial: Trial = models.NO_TRIAL, **more: bool) -> WayRow:
    key = WayKey(Purpose.CHAT, Secret("direct"))
    return WayRow(key, "direct", "direct", 1, state, trial=trial, **more)


CHAT = (Purpose.CHAT,)
LOST = {"cause": EgressOutcome.UNREACHABLE, "failure": "It broke.", "failed_at": NOW - 5}
STATES: dict[str, tuple[WayRow, Kind, str, str]] = {
    "current": (row(WayState("direct", purposes=CHAT, current=CHAT)), Kind.READY, "In use", ""),
    "spare": (row(WayState("direct", purposes=CHAT)), Kind.READY, "Stands by", "takes over"),
    "bound only": (row(WayState("direct")), Kind.READY, "Works", "bound"),
    "resting": (
        row(WayState("direct", resting_until=NOW + 30, **LOST)),  # type: ignore[arg-type] # of a state
        Kind.COOLING,
        "Resting, 30 s",
        "It broke. It is left alone until",
    ),
    "on trial": (
        row(WayState("direct", on_probation=True, **LOST)),  # type: ignore[arg-type] # of a state
        Kind.COOLING,
        "On trial",
        "It broke. Its rest is over",
    ),
    "being passed": (
        row(WayState("direct", clearance=ClearanceState(Standing.NEEDED, solving=True))),
        Kind.COOLING,
        "Passing Cloudflare…",
        "wait",
    ),
    "stopped": (
        row(WayState("direct", clearance=ClearanceState(Standing.NEEDED, problem="No."))),
        Kind.OWNER,
        "Stopped by Cloudflare",
        "No.",
    ),
    "unused": (row(), Kind.OFF, "Not used", "another way"),
    "unused and broken": (
        row(trial=Trial(egress.Tested(reachable=False, failure="Dead.", hint="Ask."), NOW)),
        Kind.OWNER,
        "Not reachable",
        "Dead. Ask.",
    ),
    "being tested": (row(testing=True), Kind.COOLING, "Testing…", ""),
}


@pytest.mark.parametrize("case", STATES)
def test_every_state_has_words_and_a_reason(case: str) -> None:
    """
    What is wrong outweighs what is usual.
    """
    shown, kind, text, why = STATES[case]

    said = models.way_state(shown, NOW)

    assert (said.kind, said.text) == (kind, text)
    assert why in said.why


def test_a_challenge_before_the_clearance_says_nothing_any_more() -> None:
    """
    The test is older than the cookie.
    """
    challenged = Trial(egress.Tested(reachable=True, challenged=True), NOW)
    cleared = WayState(
        "direct", purposes=CHAT, current=CHAT, clearance=ClearanceState(Standing.CLEARED, solved_at=NOW + 1)
    )

    assert models.way_state(row(cleared, challenged), NOW + 2).text == "In use"
    assert models.way_state(row(cleared, Trial(challenged.found, NOW + 2)), NOW + 2).text == "Challenged"


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("host:8080", "http://host:8080"),
        ("https://host:443", "https://host:443"),
        ("socks5://host:1080", "socks5h://host:1080"),
        ("socks4://host:1080", "socks4a://host:1080"),
        ("http://name:p@ss@host:8080", "http://name:p%40ss@host:8080"),
        ("host:8080:name:pass", "http://name:pass@host:8080"),
        ("http://user-{account}:pw@host:1", "http://user-{account}:pw@host:1"),
        ("Direct", "direct"),
    ],
)
def test_every_form_of_the_manual_is_understood(text: str, way: str) -> None:
    """
    As docs/egress.md writes them.
    """
    [line] = understood(text, ())

    assert (line.fate, line.way.reveal()) == (WayFate.NEW, way)
    assert "pass" not in line.name


def test_what_is_not_understood_is_not_repeated() -> None:
    """
    There may be a password in it.
    """
    [line] = understood("name:hush@host:port", ())

    assert line.fate is WayFate.WRONG
    assert "hush" not in line.why + line.name + repr(line)


@pytest.mark.parametrize(
    ("address", "user", "password", "way"),
    [
        ("http://host:1", "", "", "http://host:1"),
        ("http://host:1", "na me", "p:w@%", "http://na%20me:p%3Aw%40%25@host:1"),
        ("http://host:1", "s-{account}", "pw", "http://s-{account}:pw@host:1"),
        ("http://host:1", "name", "", "http://name@host:1"),
        ("http://own:login@host:1", "name", "pw", "http://own:login@host:1"),
        ("direct", "name", "pw", "direct"),
    ],
)
def test_a_login_may_hold_any_character(address: str, user: str, password: str, way: str) -> None:
    """
    In fields of their own nothing has to be escaped; a login inside the address goes first.
    """
    assert with_login(address, user, password) == way


def test_several_move_together_and_stop_at_the_end() -> None:
    """
    They keep their order among themselves.
    """
    assert models.stepped(["a", "b", "c", "d"], ["b", "d"], -1) == ["b", "a", "d", "c"]
    assert models.stepped(["a", "b", "c"], ["a", "b"], -1) == ["a", "b", "c"]
    assert models.stepped(["a", "b", "c"], ["a", "b"], 1) == ["c", "a", "b"]
    assert models.put_before(["a", "b", "c", "d"], ["a", "d"], 2) == ["b", "a", "d", "c"]


def test_a_change_of_what_has_gone_meanwhile_is_not_lost() -> None:
    """
    It goes to the end.
    """
    assert models.replaced(["a", "b"], "a", "c") == ["c", "b"]
    assert models.replaced(["b"], "a", "c") == ["b", "c"]


def test_removed_ones_go_back_between_their_old_neighbours() -> None:
    """
    Also when the order has changed since, and never twice.
    """
    assert models.brought_back(["a", "d"], ["a", "b", "c", "d"], ["b", "c"]) == ["a", "b", "c", "d"]
    assert models.brought_back(["x"], ["a", "b"], ["a"]) == ["a", "x"]
    assert models.brought_back(["a"], ["a", "b"], ["a"]) == ["a"]


def test_accounts_are_counted_by_the_way_they_are_bound_to() -> None:
    """
    However it is written; what cannot be understood is not counted.
    """
    bound = [
        make.account(name, proxy=Secret(proxy))
        for name, proxy in (("a", "host:1"), ("b", "http://host:1"), ("c", ""), ("d", "ftp://x"))
    ]

    assert models.bindings(bound) == {"http://host:1": 2}


@pytest.mark.parametrize(
    ("agent", "browser"),
    [
        (AGENT, "Chrome 142, Linux"),
        (AGENT + " Edg/141.0", "Edge 141, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox 130, Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Version/18.1 Safari/605",
            "Safari 18, macOS",
        ),
        ("curl/8", ""),
    ],
)
def test_a_user_agent_is_told_as_a_browser(agent: str, browser: str) -> None:
    """
    Edge calls itself Chrome, and Chrome calls itself Safari.
    """
    assert clearance_models.browser_of(agent) == browser
