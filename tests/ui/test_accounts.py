"""The pane of accounts on the whole program against the simulator, driven by mouse and keys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import openai
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QMenu, QWidget

from grokdesk.core.accounts import Account, AccountId, Mode, Status, Tier, TierSource
from grokdesk.core.secret import Secret
from grokdesk.engine.import_export import Fate
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import Simulator, World, challenge, empty, expired, stall
from grokdesk.ui import dialogs
from grokdesk.ui.models.account_advice import advice
from grokdesk.ui.models.accounts import ADULT, State
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.accounts import AccountsPane
from grokdesk.ui.windows.accounts_dialogs import (
    AllowAdult,
    BindAccounts,
    ExportAccounts,
    Outcome,
    ReplaceToken,
    TagAccounts,
)
from grokdesk.ui.windows.accounts_filters import FilterButton
from grokdesk.ui.windows.add_accounts import AddAccounts
from tests.app.failures import SECTIONS
from tests.rig import Rig, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, clipboard, dialog, no_dialog, press, settle

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@dataclass
class Desk:
    """The whole program with its window, the accounts in sight."""

    rig: Rig
    shell: Shell

    @property
    def pane(self) -> AccountsPane:
        pane = self.shell.window.go("accounts")
        assert isinstance(pane, AccountsPane)
        return pane

    def told(self) -> str:
        """What the toasts say."""
        return "\n".join(self.shell.window.toasts.texts())

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, within_s=5)

    async def has(self, name: str, tier: str = "basic", *, at_grok: bool = True, **values: Any) -> AccountId:  # noqa: ANN401 - fields of Account
        """Give the program an account, as it may stand."""
        if at_grok:
            self.rig.world.add(
                token(name), "heavy" if tier == "heavy" else "super" if tier == "super" else "basic"
            )
        await self.rig.app.pool.add([NewAccount(token=Secret(token(name)))])
        one = self.rig.account(token(name)).id
        values = {"label": name.capitalize(), **values}

        def changed(account: Account) -> Account:
            made = account.with_tier(Tier(tier), TierSource.PROVEN)
            return replace(made, **values)

        self.rig.app.pool.edit([one], changed)
        await self.until(lambda: self.pane.rows.find(one) is not None)
        await settle()
        return one

    def of(self, name: str) -> Account:
        return self.rig.account(token(name))

    def names(self) -> list[str]:
        """Who is shown, from top to bottom."""
        return [row.account.label for row in self.pane.visible_rows()]

    def pick(self, *names: str) -> None:
        """Click rows, the further ones with Ctrl held."""
        table = self.pane.table
        for number, name in enumerate(names):
            place = self.pane.rows.place(self.of(name).id)
            assert place is not None
            middle = table.visualRect(self.pane.rows.index(place, 0)).center()
            held = CTRL if number else Qt.KeyboardModifier.NoModifier
            QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, held, middle)

    def menu(self) -> QMenu:
        """The open menu."""
        found = QApplication.activePopupWidget()
        assert isinstance(found, QMenu), found
        return found

    async def act(self, text: str) -> None:
        """Choose a line of the menu of acts by mouse; of a menu inside it after `>`."""
        click(self.pane.act)
        await settle()
        menu = self.menu()
        for part in text.split(" > "):
            action = next(one for one in menu.actions() if one.text() == part)
            if action.menu() is not None:
                menu.setActiveAction(action)
                QTest.keyClick(menu, Qt.Key.Key_Right)
                await settle()
                menu = self.menu()
                continue
            QTest.mouseClick(
                menu,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
                menu.actionGeometry(action).center(),
            )
        await settle()

    async def act_by_keys(self, text: str) -> None:
        """Go to the button of acts by keys, and in its menu to a line."""
        tab_to(self.pane, self.pane.act)
        QTest.keyClick(self.pane.act, Qt.Key.Key_Space)
        await settle()
        await choose_by_keys(self.menu(), text)


async def choose_by_keys(menu: QMenu, text: str, then: Qt.Key = Qt.Key.Key_Return) -> None:
    """Go down in a menu to a line, and press Enter."""
    for _ in menu.actions():
        active = menu.activeAction()
        if active is not None and active.text().partition("\t")[0] == text:  # type: ignore[redundant-expr]  # None as well, whatever the stub says
            break
        QTest.keyClick(menu, Qt.Key.Key_Down)
    else:
        pytest.fail(f"{text} is not in the menu: {[one.text() for one in menu.actions()]}")
    QTest.keyClick(menu, then)
    await settle()


def tab_to(inside: QWidget, wanted: QWidget) -> None:
    """Press Tab until the keyboard is where it is wanted."""
    window = inside.window()
    for _ in range(80):
        if window.focusWidget() is wanted:
            return
        press(inside, Qt.Key.Key_Tab)
    pytest.fail(f"Tab does not reach {wanted.accessibleName()!r}")


async def opened(kind: type[QDialog]) -> Any:  # noqa: ANN401 - of that kind
    await settle()
    return dialog(kind)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    look = Look(application())
    look.choose("light")
    async with Simulator(world, port=0).started() as sim, running(tmp_path / "data", sim, world) as rig:
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.resize(1120, 720)
        made = Desk(rig, shell)
        shell.window.activateWindow()
        made.pane.search.setFocus()
        await settle()
        yield made
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)
    await settle(0)


# --- row 1: the numbers -------------------------------------------------------------------------------------


async def test_the_overview_counts_and_narrows_by_mouse_and_keys(desk: Desk) -> None:
    """
    Each number is a way to those it counts; a second press takes it back.
    """
    await desk.has("anna", uses=30, failures=10)
    await desk.has("ben", status=Status.EXPIRED, reason="Grok no longer accepts this account's sign-in.")
    await desk.has(
        "cleo", resting_until=desk.rig.app.clock.now() + 500, rest_reason="Grok sent an empty answer."
    )
    await desk.has("dora", "super", status=Status.DISABLED)
    pane, line = desk.pane, desk.pane.overview
    await settle(0.3)

    texts = line.texts()
    click(line.chip(State.SIGNED_OUT, State.BLOCKED))
    await settle()
    needy = desk.names()
    click(line.chip(State.SIGNED_OUT, State.BLOCKED))
    await settle()
    everybody = len(desk.names())
    tab_to(pane, line.chip(State.COOLING))
    press(pane, Qt.Key.Key_Space)
    await settle()

    assert texts == [
        "4 accounts",
        "1 ready",
        "1 cooling",
        "1 waiting for you",
        "1 switched off",
        "40 calls, 75.0 % answered",
        "Fast 60 of 60",
    ]
    assert needy == ["Ben"]
    assert everybody == 4
    assert desk.names() == ["Cleo"]


async def test_by_chance_the_sums_say_nothing_and_are_left_out(desk: Desk) -> None:
    """
    What is left matters only where accounts are chosen by it.
    """
    await desk.has("anna")
    await settle(0.3)
    before = desk.pane.overview.left.isVisible()

    await desk.rig.app.change({"accounts.strategy": "random"})
    await settle()

    assert before
    assert not desk.pane.overview.left.isVisible()


# --- row 2: search, filters, order --------------------------------------------------------------------------


async def several(desk: Desk) -> None:
    await desk.has("anna", tags=("work", "eu"), note="renews in May")
    await desk.has("ben", "super", tags=("work",), status=Status.EXPIRED)
    await desk.has("cleo", "super", adult_at=1.0)
    await desk.has("dora", "heavy", tags=("home",))


def offered(filter_: FilterButton) -> dict[str, int]:
    """The lines of a filter's menu with their counts."""
    lines = (one.text().split("\t") for one in filter_.list.actions() if "\t" in one.text())
    return {text: int(count) for text, count in lines}


async def test_filters_count_within_each_other_and_are_combined_by_mouse(desk: Desk) -> None:
    """
    Several values of one filter add up, several filters narrow; every count respects the other filters.
    """
    await several(desk)
    filters = desk.pane.filters

    click(filters.tag)
    await settle()
    menu = desk.menu()
    for wanted in ("work", "home"):
        action = next(one for one in menu.actions() if one.text().startswith(f"{wanted}\t"))
        spot = menu.actionGeometry(action).center()
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)
    stays_open = menu.isVisible()
    tagged = desk.names()
    menu.close()
    click(filters.tier)
    await settle()
    tiers = offered(filters.tier)
    filters.tier.list.close()
    click(filters.state)
    await settle()
    states = offered(filters.state)
    filters.state.list.close()
    button = filters.tag.text()
    click(filters.clear)
    await settle()

    assert stays_open
    assert tagged == ["Anna", "Ben", "Dora"]
    assert tiers == {"Not known yet": 0, "Basic": 1, "Super": 1, "Heavy": 1}
    assert states == {"Ready": 2, "Cooling": 0, "Signed out": 1, "Blocked by Grok": 0, "Switched off": 0}
    assert button == "Tag: 2 chosen"
    assert len(desk.names()) == 4


async def test_filters_are_reached_and_set_by_keys(desk: Desk) -> None:
    """
    Tab, Enter, arrows, Space and Esc are enough.
    """
    await several(desk)
    filters = desk.pane.filters

    tab_to(desk.pane, filters.tier)
    press(desk.pane, Qt.Key.Key_Return)
    await settle()
    menu = desk.menu()
    await choose_by_keys(menu, "Super")
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    tab_to(desk.pane, filters.adult)
    press(desk.pane, Qt.Key.Key_Return)
    await settle()
    menu = desk.menu()
    await choose_by_keys(menu, "Shown")
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    await settle()
    both = desk.names()
    tab_to(desk.pane, filters.clear)
    press(desk.pane, Qt.Key.Key_Space)
    await settle()

    assert both == ["Cleo"]
    assert len(desk.names()) == 4


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("anna", ["Anna"]),
        ("of-ben", []),
        ("-ben", ["Ben"]),
        ("home", ["Dora"]),
        ("may", ["Anna"]),
        ("super work", ["Ben"]),
    ],
)
async def test_the_search_looks_everywhere_but_into_the_token(
    desk: Desk, typed: str, found: list[str]
) -> None:
    """
    Name, tier, tags, note and the last four characters; several words narrow further.
    """
    await several(desk)
    press(desk.pane, Qt.Key.Key_F, CTRL)

    QTest.keyClicks(desk.pane.search, typed)
    await settle(0.2)

    assert desk.names() == found


async def test_nothing_found_offers_the_way_out(desk: Desk) -> None:
    """
    By key: the button clears search and filters.
    """
    await several(desk)
    pane = desk.pane
    QTest.keyClicks(pane.search, "nobody")
    await settle(0.2)
    empty = pane.empty.isVisible()

    tab_to(pane, pane.empty.button)
    press(pane, Qt.Key.Key_Space)
    await settle()

    assert empty
    assert pane.search.text() == ""
    assert len(desk.names()) == 4


async def test_the_selection_survives_filters_order_and_changes(desk: Desk) -> None:
    """
    Whoever was selected is selected again when a filter shows them; hidden ones are never acted on.
    """
    await several(desk)
    pane = desk.pane
    desk.pick("anna", "cleo")

    pane.search.setText("cleo")
    pane.apply_filter()
    narrowed, button = pane.selected(), pane.act.text()
    pane.clear_filters()
    back = set(pane.selected())
    pane.columns.sort("account", descending=True)
    desk.rig.app.pool.edit([desk.of("anna").id], lambda one: replace(one, note="x"))
    await settle()

    assert narrowed == [desk.of("cleo").id]
    assert button == "Act on 1 selected"
    assert back == {desk.of("anna").id, desk.of("cleo").id}
    assert set(pane.selected()) == back
    assert desk.names() == ["Dora", "Cleo", "Ben", "Anna"]


async def test_where_there_is_little_room_what_matters_less_gives_way_first(desk: Desk) -> None:
    """
    A narrow column that says little is not shown while a wide one that says more has no room.
    """
    await several(desk)
    pane = desk.pane
    table = pane.table
    wide = pane.columns.shown()

    table.setFixedWidth(390)
    await settle()

    assert {"account", "state", "left"} < set(wide)
    assert pane.columns.shown() == ("account", "state")


async def test_order_and_columns_are_chosen_by_keys_and_remembered(desk: Desk) -> None:
    """
    The menu of columns sorts and shows; a new window has them again.
    """
    await several(desk)
    pane = desk.pane
    tab_to(pane, pane.view)
    press(pane, Qt.Key.Key_Space)
    await settle()
    menu = desk.menu()
    await choose_by_keys(menu, "Sort by", Qt.Key.Key_Right)
    await choose_by_keys(desk.menu(), "Tier")
    tab_to(pane, pane.view)
    press(pane, Qt.Key.Key_Space)
    await settle()
    await choose_by_keys(desk.menu(), "Note")
    shown = pane.columns.shown()

    again = AccountsPane(desk.shell.desk)

    assert [row.account.label for row in again.visible_rows()] == ["Anna", "Ben", "Cleo", "Dora"]
    assert "note" in shown
    assert again.columns.shown() == shown
    assert desk.shell.memory.now.tables["accounts"]["sort"] == ["tier", False]
    again.deleteLater()


async def test_a_click_on_the_header_sorts_both_ways(desk: Desk) -> None:
    """
    As in any table, and who is selected stays selected.
    """
    await several(desk)
    desk.pick("ben")
    header = desk.pane.table.horizontalHeader()
    spot = QPoint(header.sectionViewportPosition(1) + 10, header.height() // 2)
    plain, left = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton

    QTest.mouseClick(header.viewport(), left, plain, spot)
    up = desk.names()
    QTest.mouseClick(header.viewport(), left, plain, spot)

    assert up[0] == "Anna"
    assert desk.names()[0] == "Dora"
    assert desk.pane.selected() == [desk.of("ben").id]


async def test_a_rest_that_ends_leaves_the_filter_by_itself(desk: Desk) -> None:
    """
    What only time changes is seen with the next tick.
    """
    await desk.has("anna", resting_until=desk.rig.app.clock.now() + 0.7)
    pane = desk.pane
    await settle(0.3)

    click(pane.overview.chip(State.COOLING))
    before = desk.names()
    await desk.until(pane.empty.isVisible)

    assert before == ["Anna"]
    assert desk.names() == []
    assert pane.overview.chip(State.READY).accessibleName() == "1 ready"


# --- row 3: the details -------------------------------------------------------------------------------------


async def test_the_details_tell_quota_reset_source_and_history(desk: Desk) -> None:
    """
    What is left of each mode, in words, and the last requests with their way to the log.
    """
    now = desk.rig.app.clock.now()
    one = await desk.has("anna", "super", uses=2, failures=1)
    desk.rig.world.accounts[token("anna")].next(empty())
    with pytest.raises(openai.APIError):
        await desk.rig.say(model="grok-4.20-fast")
    desk.rig.app.pool.edit([one], lambda account: replace(account, resting_until=0.0, faults=0))
    await desk.rig.say(model="grok-4.20-fast")
    windows = dict(desk.of("anna").windows)
    windows[Mode.EXPERT] = replace(windows[Mode.EXPERT], remaining=3, reset_at=now + 3_000)
    desk.rig.app.pool.edit([one], lambda account: replace(account, windows=windows, uses=3, failures=1))
    await settle()
    failed = desk.rig.app.runs.recent()[1].id
    wanted: list[str] = []
    desk.shell.desk.pane_wanted.connect(wanted.append)

    desk.pick("anna")
    details = desk.pane.details
    quota = details.quota.texts()
    lines = [line.accessibleName() for line in details.requests()]
    tab_to(desk.pane, details.requests()[1])
    press(desk.pane, Qt.Key.Key_Space)

    assert quota[0] == "Auto 50/50: every 2 h · assumed"
    assert quota[2].startswith("Expert 3/50: every 2 h · full again in 50 min")
    assert "Answers: 3" in details.facts()
    assert "Answered: 75 %" in details.facts()
    assert lines[0].endswith("grok-4.20-fast · Answered")
    assert lines[1].endswith("grok-4.20-fast · Grok sent an empty answer.")
    assert wanted == [f"requests:{failed}"]


async def test_an_account_is_tested_and_says_here_how_that_went(desk: Desk) -> None:
    """
    A real check: what Grok says of it stands in the details, well or not.
    """
    await desk.has("anna")
    await desk.has("ben")
    desk.rig.world.accounts[token("ben")].always_on("/rest/rate-limits", expired())
    details = desk.pane.details

    desk.pick("anna")
    click(details.test)
    asking = details.verdict()
    await desk.until(lambda: details.verdict() != asking)
    well = details.verdict()
    desk.pick("ben")
    tab_to(desk.pane, details.test)
    press(desk.pane, Qt.Key.Key_Space)
    await desk.until(lambda: details.verdict() not in {"", asking})

    assert asking == "Asking Grok…"
    assert well.startswith("It works: A basic account with ")
    assert details.verdict().startswith("Grok no longer accepts this account's sign-in.")
    assert desk.of("ben").status is Status.EXPIRED
    assert details.next.text() == "Replace token…"


async def test_name_tags_and_note_are_edited_in_place_and_undone(desk: Desk) -> None:
    """
    Enter keeps, Esc takes back what was typed, Ctrl+Z what was kept.
    """
    await desk.has("anna", tags=("work",))
    desk.pick("anna")
    pane, details = desk.pane, desk.pane.details
    tab_to(pane, details.label)
    details.label.selectAll()
    QTest.keyClicks(details.label, "Annabel")
    press(pane, Qt.Key.Key_Return)
    await settle()
    tab_to(pane, details.tags)
    details.tags.selectAll()
    QTest.keyClicks(details.tags, "home, eu, home")
    press(pane, Qt.Key.Key_Tab)
    await settle()
    QTest.keyClicks(details.note, "renews")
    press(pane, Qt.Key.Key_Escape)
    dropped = details.note.toPlainText()
    QTest.keyClicks(details.note, "renews in May")
    press(pane, Qt.Key.Key_Return, CTRL)
    await settle()
    kept = desk.of("anna")

    pane.table.setFocus()
    for _ in range(3):
        press(pane, Qt.Key.Key_Z, CTRL)
        await settle()

    assert (kept.label, kept.tags, kept.note) == ("Annabel", ("home", "eu"), "renews in May")
    assert dropped == ""
    back = desk.of("anna")
    assert (back.label, back.tags, back.note) == ("Anna", ("work",), "")
    assert details.label.text() == "Anna"


async def test_leaving_keeps_what_was_typed_for_the_right_account(desk: Desk) -> None:
    """
    Another row, clicked in the middle of typing, does not get the words.
    """
    await desk.has("anna")
    await desk.has("ben")
    desk.pick("anna")
    details = desk.pane.details
    details.note.setFocus()
    QTest.keyClicks(details.note, "of Anna")

    desk.pick("ben")
    await settle()

    assert desk.of("anna").note == "of Anna"
    assert desk.of("ben").note == ""
    assert details.note.toPlainText() == ""


async def test_tier_and_way_out_are_fixed_for_one_account(desk: Desk) -> None:
    """
    The choices of the details act at once, and each can be undone.
    """
    await desk.rig.app.change({"egress.proxies": ("socks5://user:word@127.0.0.1:9",)})
    one = await desk.has("anna")
    desk.pick("anna")
    pane, details = desk.pane, desk.pane.details
    tab_to(pane, details.tier)
    press(pane, Qt.Key.Key_Down)
    await settle()
    untouched = desk.of("anna").tier_source
    QTest.keyClick(details.tier.view(), Qt.Key.Key_End)
    QTest.keyClick(details.tier.view(), Qt.Key.Key_Return)
    await settle()
    tier = desk.of("anna")
    ways = [details.way.itemText(place) for place in range(details.way.count())]
    tab_to(pane, details.way)
    press(pane, Qt.Key.Key_Down)
    await settle()
    for _ in range(2):
        QTest.keyClick(details.way.view(), Qt.Key.Key_Down)
    QTest.keyClick(details.way.view(), Qt.Key.Key_Return)
    await settle()
    bound = desk.of("anna").proxy

    desk.shell.desk.undo()
    desk.shell.desk.undo()
    await settle()

    assert untouched is TierSource.PROVEN
    assert (tier.tier, tier.tier_source) == (Tier.HEAVY, TierSource.FIXED)
    assert ways[2] == "socks5h://127.0.0.1:9"
    assert not any("word" in way for way in ways)
    assert bound.reveal() == "socks5h://user:word@127.0.0.1:9"
    back = desk.rig.app.pool.get(one)
    assert back is not None
    assert (back.tier, back.tier_source, back.proxy) == (Tier.BASIC, TierSource.PROVEN, Secret(""))


async def test_a_token_is_copied_for_a_minute_and_replaced(desk: Desk) -> None:
    """
    A wrong paste says why; with the new token the account serves again and keeps its name.
    """
    await desk.has("anna", status=Status.EXPIRED, reason="Grok no longer accepts this account's sign-in.")
    await desk.has("ben")
    desk.pick("anna")
    details = desk.pane.details
    click(details.copy)
    copied = clipboard()
    desk.shell.desk.forget_key()
    cleared = clipboard()

    click(details.next)
    asking = await opened(ReplaceToken)
    problems = []
    for text in ("no token at all", token("anna"), token("ben"), f"{token('x')}\n{token('y')}"):
        asking.paste.setPlainText(text)
        problems.append((asking.problem(), asking.yes.isEnabled()))
    asking.paste.setPlainText("invented-sso-token-anew")
    click(asking.yes)
    await desk.until(lambda: any(one.token.reveal().endswith("anew") for one in desk.rig.app.pool.accounts()))
    renewed = desk.rig.account("invented-sso-token-anew")
    await settle()
    desk.shell.desk.undo()
    await settle()

    assert (copied, cleared) == (token("anna"), "")
    assert [able for _, able in problems] == [False] * 4
    assert problems[1][0] == "This is the token it has already."
    assert problems[2][0] == "Ben has this token already."
    assert (renewed.label, renewed.status) == ("Anna", Status.ACTIVE)
    assert desk.of("anna").status is Status.EXPIRED


async def test_adult_content_needs_the_owners_word_and_date(desk: Desk) -> None:
    """
    Nothing is filled in; Grok is told the date as it was given (decision 10).
    """
    await desk.has("anna")
    desk.pick("anna")
    pane = desk.pane
    tab_to(pane, pane.details.adult)
    press(pane, Qt.Key.Key_Space)
    asking = await opened(AllowAdult)
    empty = (asking.born.text(), asking.confirm.isChecked(), asking.yes.isEnabled())
    QTest.keyClicks(asking.born, "2020-01-01")
    child = asking.problem()
    asking.born.clear()
    QTest.keyClicks(asking.born, "1990-05-17")
    unsaid = asking.yes.isEnabled()
    QTest.keyClick(asking.born, Qt.Key.Key_Tab)
    QTest.keyClick(asking.confirm, Qt.Key.Key_Space)
    QTest.keyClick(asking, Qt.Key.Key_Return)
    await desk.until(lambda: desk.of("anna").adult_at is not None)
    await settle()
    grok = desk.rig.world.accounts[token("anna")]
    shown = (grok.nsfw, (grok.birth_date or "")[:10], pane.details.adult.text())
    cell = pane.rows.index(0, ADULT).data()
    click(pane.details.adult)
    await desk.until(lambda: desk.of("anna").adult_at is None)

    assert empty == ("", False, False)
    assert child == "Adult content is only for people of 18 years and older."
    assert not unsaid
    assert shown == (True, "1990-05-17", "Hide adult content")
    assert cell == "On"
    assert not grok.nsfw


NOTED = {
    case.meaning.message: case.meaning.hint
    for section in reversed(SECTIONS)
    for case in reversed(section.cases)
    if case.meaning.account.noted and case.meaning.hint and not case.meaning.written
}


@pytest.mark.parametrize("sentence", NOTED)
def test_every_failure_that_is_noted_has_its_next_step(qapp: QApplication, sentence: str) -> None:
    """
    The sentence of docs/failures.md leads to what its last column says.
    """
    found = advice(sentence)

    assert found is not None
    assert found.text in OTHERWISE.get(sentence, (NOTED[sentence],))


# One sentence, said in two places with other hints.
OTHERWISE = {
    "Cloudflare stopped this request on the way to Grok; the account is fine.": (
        "Renew the Cloudflare cookies together with their user agent, or use another proxy.",
    )
}


async def test_a_failure_on_the_way_leads_to_the_network(desk: Desk) -> None:
    """
    The account is fine, and says so; the button goes where the cause is.
    """
    said = "Cloudflare stopped this request on the way to Grok; the account is fine."
    await desk.has("anna", last_failure=said, last_failure_at=desk.rig.app.clock.now())
    wanted: list[str] = []
    desk.shell.desk.pane_wanted.connect(wanted.append)

    desk.pick("anna")
    details = desk.pane.details
    why = details.why()
    click(details.next)

    assert said in why
    assert why.endswith("Renew the Cloudflare cookies together with their user agent, or use another proxy.")
    assert details.next.text() == "Test the connection"
    assert wanted == ["network:cloudflare"]


# --- row 4: add, import, export, edit, delete ---------------------------------------------------------------


async def test_tokens_are_pasted_anywhere_with_tier_and_tags(desk: Desk) -> None:
    """
    By keys alone: paste on the pane, look at the preview, choose tier and tags, Enter.
    """
    await desk.has("anna")
    QApplication.clipboard().setText(f"{token('anna')}\n{token('new')}\nwhat is this\n")
    desk.pane.table.setFocus()
    press(desk.pane, Qt.Key.Key_V, CTRL)
    adding = await opened(AddAccounts)
    fates = {line.fate: line.where for line in adding.plan.lines}
    tab_to(adding, adding.tags)
    QTest.keyClicks(adding.tags, "fresh, eu")
    adding.tier.setFocus()
    press(adding, Qt.Key.Key_End)
    await settle(0.25)
    button = adding.add.text()
    QTest.keyClick(adding, Qt.Key.Key_Return)
    await desk.until(lambda: len(desk.rig.app.pool) == 2)
    await settle()

    made = desk.of("new")
    assert fates == {Fate.KNOWN: "line 1", Fate.NEW: "line 2", Fate.UNREADABLE: "line 3"}
    assert button == "Add 1 account"
    assert made.tags == ("fresh", "eu")
    assert (made.tier, made.tier_source) == (Tier.HEAVY, TierSource.FIXED)
    assert "1 account added, 1 already there." in desk.told()


async def test_a_paste_on_another_pane_counts_only_when_it_is_tokens(desk: Desk) -> None:
    """
    Prose in the clipboard opens nothing; tokens open the preview, wherever one is.
    """
    window = desk.shell.window
    window.go("network")
    window.status.copy_key.setFocus()
    opened_by = []
    for text in ("a sentence about nothing", token("anna")):
        QApplication.clipboard().setText(text)
        press(window, Qt.Key.Key_V, CTRL)
        await settle()
        opened_by.append(not no_dialog())

    dialog(AddAccounts).reject()
    await settle()
    assert opened_by == [False, True]


async def test_ten_thousand_lines_are_added_with_progress(desk: Desk) -> None:
    """
    Reading and adding leave the loop to others, and how far it is can be seen.
    """
    many = "\n".join(f"invented-sso-token-number-{number:05}" for number in range(10_000))
    desk.shell.window.add_accounts(many.encode())
    adding = await opened(AddAccounts)
    await desk.until(adding.add.isEnabled)
    seen: set[str] = set()
    late = [0.0]

    async def watch() -> None:
        before = time.perf_counter()
        while len(desk.rig.app.pool) < 10_000:
            await asyncio.sleep(0.005)
            now = time.perf_counter()
            late.append(now - before)
            before = now
            if desk.pane.work.isVisible():
                seen.add(desk.pane.work.adding_words.text())

    watching = asyncio.create_task(watch())  # noqa: TID251 - a test awaits it below
    click(adding.add)
    await watching
    await desk.until(lambda: len(desk.pane.rows) == 10_000)
    await settle(0.3)

    assert any(text.startswith("Add 10000 accounts: ") for text in seen)
    assert max(late) < 0.5
    assert not desk.pane.work.isVisible()


async def test_an_export_says_how_many_and_warns(desk: Desk, tmp_path: Path) -> None:
    """
    What is filtered is written, all of it or only tokens, readable by its owner alone.
    """
    await several(desk)
    desk.pane.search.setText("super")
    desk.pane.apply_filter()
    files = [tmp_path / "all.json", tmp_path / "tokens.txt"]
    titles = []
    for file, form in zip(files, ("grokdesk", "txt"), strict=True):
        await desk.act("Export 2 accounts…")
        asking = await opened(ExportAccounts)
        titles.append(asking.windowTitle())
        asking.choice.setCurrentIndex(asking.choice.findData(form))
        QTest.keyClick(asking, Qt.Key.Key_Return)
        await settle()
        box = dialog(QFileDialog)
        box.fileSelected.emit(str(file))
        box.done(dialogs.Answer.YES)
        await desk.until(file.exists)
    await settle()

    whole = json.loads(files[0].read_text())
    assert titles == ["Export 2 accounts"] * 2
    assert [one["label"] for one in whole["accounts"]] == ["Ben", "Cleo"]
    assert files[1].read_text().split() == [token("ben"), token("cleo")]
    assert files[1].stat().st_mode & 0o077 == 0
    assert "2 accounts exported to tokens.txt." in desk.told()


async def test_acts_on_many_say_to_how_many_and_can_be_undone(desk: Desk) -> None:
    """
    Tags, tier, switch and removal: each line of the menu names its number, and Ctrl+Z goes back step by step.
    """
    await several(desk)
    before = {one.id: one for one in desk.rig.app.pool.accounts()}
    pane = desk.pane
    desk.pick("anna", "cleo")

    await desk.act_by_keys("Tag 2 accounts…")
    asking = await opened(TagAccounts)
    QTest.keyClicks(asking.field, "vip")
    QTest.keyClick(asking, Qt.Key.Key_Return)
    await settle()
    tagged = {one.label: one.tags for one in desk.rig.app.pool.accounts()}
    await desk.act("Tier of 2 accounts > Heavy")
    tiers = {one.label: one.tier for one in desk.rig.app.pool.accounts()}
    await desk.act("Switch off 2 accounts")
    off = {one.label for one in desk.rig.app.pool.accounts() if one.status is Status.DISABLED}
    desk.shell.window.activateWindow()
    pane.table.setFocus()
    await settle()
    press(pane, Qt.Key.Key_Delete)
    await desk.until(lambda: len(pane.rows) == 2)
    left = set(desk.names())
    undos: list[Callable[[], object]] = [
        lambda: len(pane.rows) == 4,
        lambda: desk.of("cleo").status is Status.ACTIVE,
        lambda: desk.of("cleo").tier is Tier.SUPER,
        lambda: desk.of("cleo").tags == (),
    ]
    for undone in undos:
        assert not undone()
        press(pane, Qt.Key.Key_Z, CTRL)
        await desk.until(undone)

    assert tagged == {"Anna": ("work", "eu", "vip"), "Ben": ("work",), "Cleo": ("vip",), "Dora": ("home",)}
    assert tiers["Anna"] is tiers["Cleo"] is Tier.HEAVY
    assert tiers["Ben"] is Tier.SUPER
    assert off == {"Anna", "Cleo"}
    assert left == {"Ben", "Dora"}
    now = {one.id: one for one in desk.rig.app.pool.accounts()}
    assert {one: (was.tags, was.tier, was.status) for one, was in before.items()} == {
        one: (is_.tags, is_.tier, is_.status) for one, is_ in now.items()
    }


async def test_a_tag_is_taken_and_a_way_bound_for_many(desk: Desk) -> None:
    """
    Without a selection, an act is about all that is shown, and says so.
    """
    await several(desk)
    button = desk.pane.act.text()

    await desk.act("Take a tag from 4 accounts…")
    asking = await opened(TagAccounts)
    offered_tag = asking.choice.currentData()
    click(asking.yes)
    await settle()
    tags = {one.label: one.tags for one in desk.rig.app.pool.accounts()}
    await desk.act("Way out of 4 accounts…")
    binding = await opened(BindAccounts)
    binding.choice.setCurrentIndex(binding.choice.count() - 1)
    QTest.keyClicks(binding.address, "nonsense://x")
    wrong = (binding.problem(), binding.yes.isEnabled())
    binding.address.setText("socks5://u:p@127.0.0.1:9")
    click(binding.yes)
    await settle()

    assert button == "Act on all 4"
    assert offered_tag == "work"
    assert tags["Anna"] == ("eu",)
    assert wrong[0].startswith("'nonsense' is not a proxy scheme")
    assert not wrong[1]
    assert {one.proxy.reveal() for one in desk.rig.app.pool.accounts()} == {"socks5h://u:p@127.0.0.1:9"}
    assert "u:p" not in str(desk.pane.rows.row(0).via)


# --- row 5: acts at Grok with progress ----------------------------------------------------------------------


async def test_a_long_act_shows_progress_and_ends_by_key(desk: Desk) -> None:
    """
    Cancel answers at once; what was done stays done, and nobody else is asked.
    """
    for number in range(30):
        desk.rig.world.add(token(f"n{number:02}"), "basic")
    await desk.rig.add(*(token(f"n{number:02}") for number in range(30)))
    await desk.rig.app.change({"accounts.checks_at_once": 1})
    for one in desk.rig.world.accounts.values():
        one.always_on("/rest/rate-limits", stall(0.05))
    await settle()
    pane = desk.pane

    await desk.act_by_keys("Check 30 accounts")
    await desk.until(pane.work.lines)
    [line] = pane.work.lines()
    job, title = line.job, line.title.text()
    began = time.perf_counter()
    press(pane, Qt.Key.Key_Period, CTRL)
    said = line.text()
    took = time.perf_counter() - began
    await desk.until(lambda: job.is_over)
    await settle()

    assert title == "Check 30 accounts"
    assert took < 0.1
    assert "Stopping after the step it is at" in said
    assert job.done < 30
    assert f"{30 - job.done} not begun" in desk.told()
    assert pane.work.lines() == []


async def test_who_failed_and_why_is_listed_and_only_they_are_tried_again(desk: Desk) -> None:
    """
    The list names each with its reason, can be copied, and *Retry* asks for those alone.
    """
    for name in ("anna", "ben", "cleo"):
        await desk.has(name)
    desk.rig.world.accounts[token("ben")].always_on("/rest/rate-limits", challenge())
    pane = desk.pane
    await desk.act("Check 3 accounts")
    await desk.until(lambda: pane.work.lines() and pane.work.lines()[0].job.is_over)
    await settle()
    [line] = pane.work.lines()
    said = line.text()
    tab_to(pane, line.details)
    press(pane, Qt.Key.Key_Space)
    outcome = await opened(Outcome)
    failed = outcome.text()
    outcome.only.setChecked(False)
    everybody = outcome.text().splitlines()
    click(outcome.copy)
    copied = clipboard()
    desk.rig.world.accounts[token("ben")].always_on("/rest/rate-limits", None)
    before = len(desk.rig.app.jobs.all())
    QTest.keyClick(outcome, Qt.Key.Key_Return)
    await desk.until(lambda: len(desk.rig.app.jobs.all()) > before)
    again = desk.rig.app.jobs.all()[0]
    await again.ended()
    await settle()

    assert "2 done, 1 failed" in said
    assert failed.startswith("Ben\tCloudflare stopped this request on the way to Grok; the account is fine.")
    assert len(failed.splitlines()) == 1
    assert len(everybody) == 3
    assert copied.splitlines() == everybody
    assert (again.total, again.ok) == (1, 1)
    assert no_dialog()


async def test_files_at_grok_are_fetched_and_deleted_for_many(desk: Desk) -> None:
    """
    Deleting asks first, with the safe answer under Enter; fetching does not.
    """
    await desk.has("anna", "super")
    owner = desk.rig.world.accounts[token("anna")]
    desk.rig.world.media.picture(owner, "11111111-1111-4111-8111-111111111111", (40, 40))
    await desk.act_by_keys("Fetch the files of 1 account")
    await desk.until(lambda: desk.rig.app.jobs.all() and desk.rig.app.jobs.all()[0].is_over)
    fetched = desk.rig.app.jobs.all()[0].counts["fetched"]
    await desk.act("Delete the files of 1 account at Grok…")
    QTest.keyClick(await opened(dialogs.Ask), Qt.Key.Key_Return)
    await settle()
    kept = len(list(desk.rig.world.media.of(owner)))
    await desk.act("Delete the files of 1 account at Grok…")
    click((await opened(dialogs.Ask)).yes)
    await desk.until(lambda: not list(desk.rig.world.media.of(owner)))

    assert fetched == 1
    assert kept == 1


# --- the pane -----------------------------------------------------------------------------------------------


async def test_links_lead_to_one_account_and_to_those_in_a_state(desk: Desk) -> None:
    """
    A filter that would hide the account is cleared; an unknown one changes nothing.
    """
    await several(desk)
    window, pane = desk.shell.window, desk.pane
    window.go("accounts:owner")
    needy = desk.names()

    window.go(f"accounts:id:{desk.of('dora').id}")
    window.go("accounts:id:nobody")

    assert needy == ["Ben"]
    assert pane.selected() == [desk.of("dora").id]
    assert len(desk.names()) == 4


async def test_a_window_built_anew_has_filters_selection_and_what_was_typed(desk: Desk) -> None:
    """
    As when the language changes.
    """
    await several(desk)
    pane = desk.pane
    pane.search.setText("super")
    click(pane.overview.chip(State.READY))
    await settle()
    desk.pick("cleo")
    pane.details.note.setFocus()
    QTest.keyClicks(pane.details.note, "not kept yet")
    kept = pane.keepsake()

    again = AccountsPane(desk.shell.desk)
    again.put_back(kept)

    assert pane.unsaved() == 1
    assert again.search.text() == "super"
    assert [row.account.label for row in again.visible_rows()] == ["Cleo"]
    assert again.selected() == [desk.of("cleo").id]
    assert again.details.note.toPlainText() == "not kept yet"
    again.deleteLater()


async def test_the_regions_lead_from_the_search_to_the_details(desk: Desk) -> None:
    """
    F6 goes round; Enter in the list goes to what can be done with the account.
    """
    await desk.has("anna")
    pane = desk.pane
    desk.pick("anna")
    search, table, details = pane.regions()

    pane.table.setFocus()
    press(pane, Qt.Key.Key_Return)

    assert (search, table, details) == (pane.search, pane.table, pane.details)
    assert pane.details.test.hasFocus()
    assert pane.renew()
    assert not pane.halt()


async def test_a_hidden_pane_lets_no_timer_run_and_hears_nothing(desk: Desk) -> None:
    """
    Out of sight it costs nothing; on return it shows what happened.
    """
    one = await desk.has("anna")
    pane = desk.pane
    desk.shell.window.go("home")
    await settle()
    timers = [timer for timer in pane.findChildren(QTimer) if timer.isActive()]
    desk.rig.app.pool.enable([one], on=False)
    await settle()
    unheard = pane.rows.row(0).account.status

    desk.shell.window.go("accounts")
    await settle()

    assert timers == []
    assert unheard is Status.ACTIVE
    assert pane.rows.row(0).account.status is Status.DISABLED
