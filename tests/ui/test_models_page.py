"""The page Models, driven by mouse and keys; what clients of the real gateway then find."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import openai
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from grokdesk.core.accounts import AccountId, Status, Tier
from grokdesk.core.catalog import MODELS
from grokdesk.core.settings import ModelsSettings
from grokdesk.sim import Simulator, World, text
from grokdesk.ui.models import models
from grokdesk.ui.models.models import Key, Served, Tally
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.main_window import MainWindow
from grokdesk.ui.windows.models_page import ModelsPage
from grokdesk.ui.windows.settings import SettingsPane
from tests import make
from tests.rig import FAST, Rig, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, press, settle
from tests.ui.test_window import describe, stops, walk

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
NOW = 1_786_500_000.0
FIRST, SECOND, THIRD = (model.name for model in MODELS[:3])


@dataclass
class Scene:
    """The page in its window, and the program behind it."""

    rig: Rig
    shell: Shell
    pane: SettingsPane
    page: ModelsPage

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    @property
    def settings(self) -> ModelsSettings:
        return self.rig.app.live.now.models

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)

    async def listed(self) -> list[str]:
        """What `/v1/models` lists."""
        return [model.id async for model in self.rig.client.models.list()]

    def names(self) -> list[str]:
        rows = self.page.rows
        return [rows.row(place).name for place in range(len(rows))]

    def cell(self, name: str, column: int) -> str:
        rows = self.page.rows
        return str(rows.index(self.names().index(name), column).data())

    def select(self, *names: str) -> None:
        aliases = self.settings.renamed()
        self.page.table.select([Key(name, name in aliases) for name in names])
        self.page.table.setFocus()

    def point(self, name: str, column: int, part: float = 0.5) -> QPoint:
        """A point in the cell of a model, `part` of its height from its top."""
        table = self.page.table
        place = self.names().index(name)
        left = table.columnViewportPosition(column) + 20
        return QPoint(left, table.rowViewportPosition(place) + round(table.rowHeight(place) * part))

    def click_cell(self, name: str, column: int) -> None:
        QTest.mouseClick(
            self.page.table.viewport(), Qt.MouseButton.LeftButton, NONE, self.point(name, column)
        )

    async def undo(self) -> None:
        press(self.window, Qt.Key.Key_Z, CTRL)
        await settle()


@pytest.fixture
def overrides() -> dict[str, object]:
    """What the program is started with."""
    return {}


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication, overrides: dict[str, object]) -> AsyncIterator[Scene]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    async with (
        Simulator(world, port=0).started() as sim,
        running(tmp_path, sim, world, **overrides) as rig,
    ):
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.activateWindow()
        pane = shell.window.go("settings:models")
        assert isinstance(pane, SettingsPane)
        page = pane.made_page
        assert isinstance(page, ModelsPage)
        await settle()
        yield Scene(rig, shell, pane, page)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


async def test_every_model_is_there_with_what_it_makes_and_needs(scene: Scene) -> None:
    """
    In the order of `/v1/models`, all of them offered at first.
    """
    assert scene.names() == await scene.listed() == [model.name for model in MODELS]
    assert {scene.cell(name, models.OFFERED) for name in scene.names()} == {"On"}
    assert scene.cell("grok-imagine-video", models.MAKES) == "Films"
    assert scene.cell("grok-4.20-heavy", models.NEEDS) == "Heavy"
    assert scene.cell("grok-4.3-beta", models.NEEDS) == "Super or Heavy"
    assert scene.page.said.text().startswith(f"{len(MODELS)} of {len(MODELS)} models are offered.")


async def test_a_click_on_the_tick_switches_a_model_off_and_the_undo_on(scene: Scene) -> None:
    """
    Saved at once: it leaves the list, asking for it says that it is switched off, and nobody asks Grok.
    """
    await scene.rig.grok(text("Hi."))
    scene.click_cell(FAST, models.OFFERED)
    await scene.until(lambda: scene.settings.off == (FAST,))
    await settle()
    off = scene.cell(FAST, models.OFFERED)
    listed = await scene.listed()
    with pytest.raises(openai.NotFoundError, match="switched off in GrokDesk"):
        await scene.rig.say("Hello", model=FAST)
    unsaved = scene.pane.unsaved()

    button = scene.window.toasts.undo_button()
    assert button is not None
    click(button)
    await scene.until(lambda: scene.settings.off == ())
    answer = await scene.rig.say("Hello", model=FAST)

    assert off == "Off"
    assert FAST not in listed
    assert unsaved == 0
    assert answer.choices[0].message.content == "Hi."
    assert len(scene.rig.sim.turns) == 1


async def test_keys_alone_switch_several_models(scene: Scene) -> None:
    """
    Arrows and Shift choose, Space switches them off, once more on, and Ctrl+Z takes that back.
    """
    scene.select(FIRST)
    press(scene.window, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    press(scene.window, Qt.Key.Key_Space)
    await scene.until(lambda: set(scene.settings.off) == {FIRST, SECOND})
    listed = await scene.listed()
    press(scene.window, Qt.Key.Key_Space)
    await scene.until(lambda: scene.settings.off == ())
    await scene.undo()
    await scene.until(lambda: set(scene.settings.off) == {FIRST, SECOND})

    assert {FIRST, SECOND}.isdisjoint(listed)


async def test_another_name_is_given_checked_and_taken_away_by_mouse(scene: Scene) -> None:
    """
    It answers under that name; the button with the name removes it, and the undo brings it back.
    """
    await scene.rig.grok(text("Hi."), text("Hi."))
    details = scene.page.details
    scene.click_cell(FAST, models.NAME)
    await settle()
    faults = []
    for typed in (FIRST, "two words", "-x", "a=b"):
        details.field.setText(typed)
        faults.append((details.fault(), details.add.isEnabled()))
    details.field.setText("openai/gpt-4o")
    click(details.add)
    await scene.until(lambda: scene.settings.renamed() == {"openai/gpt-4o": FAST})
    await settle()
    answer = await scene.rig.say("Hello", model="openai/gpt-4o")
    shown = await scene.rig.client.models.retrieve("openai/gpt-4o")
    listed = await scene.listed()
    details.field.setText("openai/gpt-4o")
    taken = details.fault()
    click(details.alias_buttons()[0])
    await scene.until(lambda: scene.settings.aliases == ())
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        await scene.rig.say("Hello", model="openai/gpt-4o")
    await scene.undo()
    await scene.until(lambda: scene.settings.renamed() == {"openai/gpt-4o": FAST})

    signs = "Letters, digits and . _ - : / @ + only, and first a letter or a digit."
    assert faults == [
        ("A model is called so already.", False),
        (signs, False),
        (signs, False),
        (signs, False),
    ]
    assert (answer.model, shown.id, listed[-1]) == ("openai/gpt-4o",) * 3
    assert taken == f"It already stands for {FAST}."


async def test_another_name_by_keys_alone_and_its_model_switched_off(scene: Scene) -> None:
    """
    Enter goes to the field, Enter adds; a name whose model is off says so to clients; Delete removes it.
    """
    scene.select(FAST)
    press(scene.window, Qt.Key.Key_Return)
    QTest.keyClicks(scene.page.details.field, "gpt-4o")
    press(scene.window, Qt.Key.Key_Return)
    await scene.until(lambda: "gpt-4o" in scene.names())
    scene.select(FAST)
    press(scene.window, Qt.Key.Key_Space)
    await scene.until(lambda: scene.settings.off == (FAST,))
    await settle()
    with pytest.raises(openai.NotFoundError, match="'gpt-4o' is switched off"):
        await scene.rig.say("Hello", model="gpt-4o")
    off = scene.cell("gpt-4o", models.OFFERED)
    scene.select("gpt-4o")
    press(scene.window, Qt.Key.Key_Delete)
    await scene.until(lambda: scene.settings.aliases == ())

    assert off == "Off"


async def test_dragging_a_model_changes_the_order_of_the_list(scene: Scene) -> None:
    """
    The third before the first; `/v1/models` says the same, and the undo puts it back.
    """
    view = scene.page.table.viewport()
    start, end = scene.point(THIRD, models.NAME), scene.point(FIRST, models.NAME, 0.2)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, NONE, start)
    for step in range(1, 6):
        QTest.mouseMove(view, start + (end - start) * step / 5)
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, NONE, end)
    await scene.until(lambda: scene.settings.order == (THIRD,))
    await settle()
    listed = await scene.listed()
    names = scene.names()
    await scene.undo()
    await scene.until(lambda: scene.settings.order == ())

    assert listed[:3] == names[:3] == [THIRD, FIRST, SECOND]


async def test_alt_and_the_arrows_change_the_order(scene: Scene) -> None:
    """
    The line stays selected, so that it can go on; the buttons do the same.
    """
    scene.select(THIRD)
    press(scene.window, Qt.Key.Key_Up, ALT)
    await scene.until(lambda: scene.names()[:3] == [FIRST, THIRD, SECOND])
    press(scene.window, Qt.Key.Key_Up, ALT)
    await scene.until(lambda: scene.names()[:3] == [THIRD, FIRST, SECOND])
    click(scene.page.details.down)
    await scene.until(lambda: scene.names()[:3] == [FIRST, THIRD, SECOND])

    assert (await scene.listed())[:3] == [FIRST, THIRD, SECOND]


async def test_who_can_serve_is_counted_live_and_why_nobody_can_is_said(scene: Scene) -> None:
    """
    Without accounts, with a basic one, and with that one switched off; the button leads to the accounts.
    """
    details = scene.page.details
    scene.select("grok-4.20-heavy")
    await scene.until(lambda: "no account yet" in details.state())
    [one] = await scene.rig.add(token("a"))
    await scene.until(lambda: scene.cell(FAST, models.READY) == "1 / 1")
    heavy = details.state()
    scene.select(FAST)
    ready = details.state()
    scene.rig.app.pool.enable([one.id], on=False)
    await scene.until(lambda: scene.cell(FAST, models.READY) == "0 / 1")
    off = details.state()
    click(details.link)
    await settle()

    assert heavy == "There is no such account here: it needs Heavy."
    assert ready == "1 of 1 accounts can serve it now."
    assert off == "All that could serve it are signed out, blocked or switched off."
    assert scene.window.pane.key == "accounts"


async def test_the_way_of_an_answer_is_explained(scene: Scene) -> None:
    """
    The mode, what it counts on, and what comes when that is used up.
    """
    scene.select("grok-4.20-auto")
    auto = scene.page.details.about()
    await scene.rig.app.change({"chat.mode_fallback": False})
    await settle()
    only = scene.page.details.about()
    scene.select("grok-imagine-image-lite")
    sketch = scene.page.details.about()

    assert "in the mode Auto; when that is used up, in Fast, then in Expert." in auto
    assert "in the mode Auto, and a question is counted there." in only
    assert "Drawn within a conversation" in sketch


async def test_a_search_narrows_the_list_and_can_be_left(scene: Scene) -> None:
    """
    Ctrl+F, words for what it makes; Esc; nothing found offers the way out.
    """
    press(scene.window, Qt.Key.Key_F, CTRL)
    QTest.keyClicks(scene.page.search, "imagine films")
    await scene.until(lambda: scene.names() == ["grok-imagine-video"])
    press(scene.window, Qt.Key.Key_Escape)
    await settle()
    everything = len(scene.names())
    QTest.keyClicks(scene.page.search, "zebra")
    await scene.until(scene.page.empty.isVisible)
    click(scene.page.empty.button)
    await settle()
    press(scene.window, Qt.Key.Key_F, CTRL)

    assert everything == len(MODELS)
    assert scene.page.table.isVisible()
    assert scene.pane.search.hasFocus()


async def test_one_or_all_can_be_put_back_with_an_undo(scene: Scene) -> None:
    """
    Offered again, no other names, the usual place.
    """
    changed = {
        "models.off": [FIRST, SECOND],
        "models.aliases": [f"x = {FIRST}", f"y = {SECOND}"],
        "models.order": [THIRD, FIRST],
    }
    await scene.rig.app.change(changed)
    await settle()
    scene.select(FIRST)
    scene.page.reset_selected()
    await scene.until(lambda: scene.settings.off == (SECOND,))
    one = (scene.settings.aliases, scene.settings.order)
    scene.page.reset_all()
    await scene.until(lambda: scene.settings == ModelsSettings())
    await scene.undo()
    await scene.until(lambda: scene.settings.off == (SECOND,))

    assert one == ((f"y = {SECOND}",), (THIRD,))


async def test_a_change_by_hand_shows_at_once_and_rows_of_the_form_are_a_step_away(scene: Scene) -> None:
    """
    The same settings as text, found by the menu, with the bar for what is not saved.
    """
    scene.page.form_wanted.emit()
    await settle()
    rows = scene.pane.shown()
    press(scene.window, Qt.Key.Key_Escape)
    await scene.rig.app.change({"models.off": [FIRST]})
    await scene.until(lambda: scene.cell(FIRST, models.OFFERED) == "Off")

    assert rows == ["models.off", "models.aliases", "models.order"]
    assert scene.pane.made_page is scene.page


@pytest.mark.parametrize("overrides", [{"models__off": (SECOND,)}])
async def test_what_the_command_line_has_decided_cannot_be_changed(scene: Scene) -> None:
    """
    It says by what.
    """
    scene.select(FIRST)
    scene.page.toggle([Key(FIRST)])
    await settle()

    assert scene.settings.off == (SECOND,)
    assert "set by the command line" in scene.window.toasts.texts()[-1]
    assert not scene.page.details.switch.isEnabled()


async def test_the_page_survives_a_new_window(scene: Scene) -> None:
    """
    Search, selection and a half typed name, as when the language changes.
    """
    scene.page.search.setText("fast")
    scene.page.apply_search()
    scene.select(FAST)
    scene.page.details.field.setText("gpt")
    kept = scene.pane.keepsake()
    other = SettingsPane(scene.shell.desk)
    other.put_back(kept)
    page = other.made_page
    assert isinstance(page, ModelsPage)

    assert (page.search.text(), page.details.field.text()) == ("fast", "gpt")
    assert page.selected_keys() == [Key(FAST)]
    other.deleteLater()


async def test_every_control_is_named_and_within_reach_of_tab(scene: Scene) -> None:
    """
    Tab passes each once, and nothing asks for more room than the smallest window has.
    """
    await scene.rig.app.change({"models.aliases": [f"gpt-4o = {FAST}"]})
    await settle()
    scene.select(FAST)
    await settle()
    scene.window.status.copy_key.setFocus()
    seen = walk(scene.window, 80)
    reached, wanted = {describe(one) for one in seen}, {describe(one) for one in stops(scene.window)}
    unnamed = [
        one
        for one in stops(scene.pane)
        if not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    scene.window.resize(800, 560)
    await settle()

    assert len(seen) == len(set(seen))
    assert reached == wanted
    assert unnamed == []
    assert (scene.window.width(), scene.window.height()) == (800, 560)


async def test_a_hidden_page_does_nothing(scene: Scene) -> None:
    """
    No timer runs; coming back shows what happened.
    """
    scene.window.go("home")
    await scene.rig.add(token("a"))
    await scene.rig.app.change({"models.off": [FIRST]})
    await settle()
    timers = [one for one in scene.window.running_timers() if one.parent() is scene.page]
    before = scene.page.rows.row(0).is_on
    scene.window.go("settings")
    await scene.until(lambda: scene.cell(FAST, models.READY) == "1 / 1")

    assert timers == []
    assert before
    assert scene.cell(FIRST, models.OFFERED) == "Off"


# --- decisions ----------------------------------------------------------------------------------------------


def test_the_order_is_written_as_short_as_it_can_be() -> None:
    """
    Only what stands before its usual place; everything in its place is no setting at all.
    """
    settings = ModelsSettings()
    usual = models.natural(settings)

    assert models.ordered(settings, usual) == {"models.order": ()}
    assert models.ordered(settings, [usual[2], *usual[:2], *usual[3:]]) == {"models.order": (usual[2],)}


def test_accounts_are_counted_by_what_they_can_do_now() -> None:
    """
    Ready, resting, of the wrong tier, signed out; an account of unknown tier serves like a basic one.
    """
    tally = Tally()
    for one in (
        make.account("a"),
        make.account("b", resting_until=NOW + 60),
        make.account("c", status=Status.EXPIRED),
        make.account("d", tier=Tier.UNKNOWN),
        make.account("e", tier=Tier.HEAVY),
    ):
        tally.take(one.id, one, NOW)
    by_name = tally.all_served(NOW, fallback=True)
    later = tally.all_served(NOW + 61, fallback=True)
    tally.take(AccountId("a"), None, NOW)

    assert by_name[FAST] == Served(5, 5, 4, 4, 3, NOW + 60)
    assert by_name["grok-4.20-heavy"].ready == 1
    assert later[FAST].ready == 4
    assert tally.next_change(NOW) == NOW + 60
    assert tally.all_served(NOW, fallback=True)[FAST].total == 4


def test_ten_thousand_accounts_that_stand_alike_cost_one_look() -> None:
    """
    What is counted together is looked at once, whoever they are.
    """
    tally = Tally()
    one = make.account("a")
    for number in range(10_000):
        tally.take(AccountId(f"a{number}"), replace(one, id=AccountId(f"a{number}")), NOW)

    assert tally.all_served(NOW, fallback=True)[FAST].ready == 10_000
    assert len(tally._alike) == 1  # noqa: SLF001 - the claim itself
