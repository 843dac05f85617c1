"""Each row of the owner's abilities (spec/ui.md §9, rows 1 to 8, 13 and 14), by mouse and by keys alone.

The real window before the whole program and the simulator. What a row asks for beyond this is in the tests of
its pane; row 14 in `test_tray`, the notice of a new version in `test_manners`.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPlainTextEdit, QWidget

from grokdesk.core.accounts import Account, AccountId, Mode, Status, Tier, TierSource
from grokdesk.core.media import Kept, Origin
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import Simulator, World, challenge, pictures, stall
from grokdesk.ui import dialogs
from grokdesk.ui.languages import CHINESE, ENGLISH, languages
from grokdesk.ui.models.accounts import FAILED, LEFT, STATE, State
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
from grokdesk.ui.windows.add_accounts import AddAccounts
from grokdesk.ui.windows.library import LibraryPane
from grokdesk.ui.windows.library_acts import TagFiles
from grokdesk.ui.windows.library_clean import Clean
from grokdesk.ui.windows.settings import SettingsPane
from tests.rig import Rig, running, token
from tests.ui.conftest import application
from tests.ui.faces import clipboard, dialog, no_dialog, press, settle
from tests.ui.hand import CTRL, Hand

NOON = 1_790_000_000.0


@dataclass
class Owner:
    """An owner before the whole program."""

    rig: Rig
    shell: Shell
    hand: Hand
    folder: Path

    @property
    def accounts(self) -> AccountsPane:
        pane = self.shell.window.pane
        assert isinstance(pane, AccountsPane)
        return pane

    @property
    def library(self) -> LibraryPane:
        pane = self.shell.window.pane
        assert isinstance(pane, LibraryPane)
        return pane

    @property
    def settings(self) -> SettingsPane:
        pane = self.shell.window.pane
        assert isinstance(pane, SettingsPane)
        return pane

    def told(self) -> str:
        """What the toasts say."""
        return "\n".join(self.shell.window.toasts.texts())

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, within_s=2)

    async def has(self, name: str, tier: str = "basic", **values: Any) -> AccountId:  # noqa: ANN401 - fields of Account
        """Give the program an account, as it may stand."""
        self.rig.world.add(
            token(name), "heavy" if tier == "heavy" else "super" if tier == "super" else "basic"
        )
        await self.rig.app.pool.add([NewAccount(token=Secret(token(name)))])
        one = self.rig.account(token(name)).id
        values = {"label": name.capitalize(), **values}

        def changed(account: Account) -> Account:
            return replace(account.with_tier(Tier(tier), TierSource.PROVEN), **values)

        self.rig.app.pool.edit([one], changed)
        await settle(0)
        return one

    async def several(self) -> None:
        """Four accounts that differ in all that can be filtered."""
        await self.has("anna", tags=("work", "eu"), note="renews in May")
        await self.has("ben", "super", tags=("work",), status=Status.EXPIRED, reason="It has ended.")
        await self.has("cleo", "super", adult_at=1.0)
        await self.has("dora", "heavy", tags=("home",))

    def of(self, name: str) -> Account:
        return self.rig.account(token(name))

    def names(self) -> list[str]:
        """Which accounts are shown, from top to bottom."""
        return [row.account.label for row in self.accounts.visible_rows()]

    async def pick(self, *names: str) -> None:
        """Select accounts in the table."""
        pane = self.accounts
        places = sorted(place for name in names if (place := pane.rows.place(self.of(name).id)) is not None)
        assert len(places) == len(names)
        await self.hand.pick(pane.table, *places)

    async def keep(self, *prompts: str) -> list[Kept]:
        """Put a picture for each prompt into the library, the first one on top."""
        kept = []
        for number, prompt in enumerate(prompts):
            origin = Origin(prompt=prompt, model="grok-imagine-image", account_name="Anna")
            data = pictures.drawn(prompt, 60, 80)
            kept.append(await self.rig.app.library.add_file(data, origin, created_at=NOON - number))
        return kept

    def prompts(self) -> list[str]:
        """Which files are shown, from top to bottom."""
        return [one.origin.prompt for one in self.library.files.files]

    def written(self) -> dict[str, Any]:
        """What the settings file says."""
        file = self.rig.app.paths.config_file
        return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}

    async def undo(self) -> None:
        """Take the last act back: by the button of its toast, or by Ctrl+Z."""
        if self.hand.mouse:
            await self.until(self.shell.window.toasts.undo_button)
            button = self.shell.window.toasts.undo_button()
            assert button is not None
            await self.hand.use(button)
        else:
            # A field would take back what was typed in it.
            if isinstance(self.shell.window.focusWidget(), QLineEdit | QPlainTextEdit):
                self.hand.reach(self.shell.window.sidebar.buttons[self.shell.window.pane.key])
            await self.hand.key(Qt.Key.Key_Z, CTRL)


@pytest.fixture(params=["mouse", "keys"])
async def owner(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Owner]:
    world = World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given
    qt = application()
    look = Look(qt)
    look.choose("light")
    # The second click of a choice is not one of a double click.
    patience = qt.doubleClickInterval()
    qt.setDoubleClickInterval(1)
    async with Simulator(world, port=0).started() as sim, running(tmp_path / "data", sim, world) as rig:
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.resize(1120, 720)
        shell.window.activateWindow()
        await settle()
        yield Owner(rig, shell, Hand(shell, mouse=request.param == "mouse"), tmp_path)
        qt.setDoubleClickInterval(patience)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)
    languages().speak(ENGLISH)
    await settle(0)


async def asked(kind: type[Any]) -> Any:  # noqa: ANN401 - of that kind
    """The dialog that is open now."""
    await settle(0.15)
    return dialog(kind)


# --- row 1: the numbers -------------------------------------------------------------------------------------


async def test_the_numbers_of_the_accounts_depend_on_the_strategy(owner: Owner) -> None:
    """
    Each state has its count and shows those it counts; what is left matters only where it decides.
    """
    hand = owner.hand
    await owner.has("anna", uses=30, failures=10)
    await owner.has("ben", status=Status.EXPIRED)
    resting = owner.rig.app.clock.now() + 500
    await owner.has("cleo", resting_until=resting, rest_reason="Grok sent an empty answer.")
    await owner.has("dora", "super", status=Status.DISABLED)
    await hand.go("accounts")
    await settle(0.3)

    line = owner.accounts.overview
    texts = line.texts()
    shown = []
    for states in ([State.READY], [State.COOLING], [State.SIGNED_OUT, State.BLOCKED], [State.OFF]):
        await hand.use(line.chip(*states))
        shown.append(owner.names())
    await hand.use(line.total)
    everybody = len(owner.names())
    await hand.go("settings")
    await hand.write(owner.settings.search, "accounts.strategy")
    box = owner.settings.rows["accounts.strategy"].control.findChild(QComboBox)
    assert box is not None
    await hand.choose(box, next(box.itemText(at) for at in range(box.count()) if "andom" in box.itemText(at)))
    await save(owner)
    await hand.go("accounts")
    await settle(0.3)

    assert texts[:5] == ["4 accounts", "1 ready", "1 cooling", "1 waiting for you", "1 switched off"]
    assert texts[5:] == ["40 calls, 75.0 % answered", "Fast 60 of 60"]
    assert shown == [["Anna"], ["Cleo"], ["Ben"], ["Dora"]]
    assert everybody == 4
    assert owner.accounts.overview.texts()[-1] == "40 calls, 75.0 % answered"


# --- row 2: finding accounts --------------------------------------------------------------------------------


async def test_accounts_are_searched_filtered_and_sorted(owner: Owner) -> None:
    """
    The counts of each filter respect the others, and what is chosen is what is shown.
    """
    hand = owner.hand
    await owner.several()
    await hand.go("accounts")
    pane, filters = owner.accounts, owner.accounts.filters

    await hand.write(pane.search, "work")
    searched = owner.names()
    await hand.write(pane.search, "")
    found, counts = {}, {}
    for name, filter_, choice in (
        ("state", filters.state, "Signed out"),
        ("tier", filters.tier, "Super"),
        ("tag", filters.tag, "home"),
        ("adult", filters.adult, "Shown"),
    ):
        await hand.use(filter_)
        counts[name] = [one.text().partition("\t")[2] for one in hand.menu().actions() if "\t" in one.text()]
        await hand.choose_line(choice)
        await hand.leave_menu()
        found[name] = owner.names()
        await hand.use(filters.clear)
    await hand.use(filters.tier)
    await hand.choose_line("Super")
    await hand.leave_menu()
    await hand.use(filters.state)
    within = [one.text() for one in hand.menu().actions() if one.text().startswith("Signed out")]
    await hand.leave_menu()
    await hand.use(filters.clear)
    if hand.mouse:
        for _ in range(2):
            await hand.sort_by(pane.table.horizontalHeader(), 0)
        if owner.names()[0] == "Anna":
            await hand.sort_by(pane.table.horizontalHeader(), 0)
    else:
        await hand.line(pane.view, "Sort by > Account")
        await hand.line(pane.view, "Sort by > Largest first")

    assert searched == ["Anna", "Ben"]
    assert found == {"state": ["Ben"], "tier": ["Ben", "Cleo"], "tag": ["Dora"], "adult": ["Cleo"]}
    assert counts["state"] == ["3", "0", "1", "0", "0"]
    assert counts["tier"] == ["0", "1", "2", "1"]
    assert counts["adult"] == ["1", "3"]
    assert within == ["Signed out\t1"]
    assert owner.names() == ["Dora", "Cleo", "Ben", "Anna"]


async def test_tags_are_given_and_taken(owner: Owner) -> None:
    """
    Of one account in its details, of several by the menu.
    """
    hand = owner.hand
    await owner.several()
    await hand.go("accounts")
    pane = owner.accounts

    await owner.pick("anna")
    await hand.write(pane.details.tags, "mine")
    await hand.key(Qt.Key.Key_Return)
    one = owner.of("anna").tags
    await owner.pick("anna", "ben")
    await hand.line(pane.act, "Tag 2 accounts…")
    dialog_ = await asked(TagAccounts)
    await hand.write(dialog_.field, "vip")
    await hand.use(dialog_.yes)
    given = (owner.of("anna").tags, owner.of("ben").tags)
    await hand.line(pane.act, "Take a tag from 2 accounts…")
    dialog_ = await asked(TagAccounts)
    await hand.choose(dialog_.choice, "vip")
    await hand.use(dialog_.yes)

    assert one == ("mine",)
    assert given == (("mine", "vip"), ("work", "vip"))
    assert (owner.of("anna").tags, owner.of("ben").tags) == (("mine",), ("work",))


# --- row 3: the table ---------------------------------------------------------------------------------------


async def test_a_row_tells_state_quota_and_failure(owner: Owner) -> None:
    """
    Never the token; the quota of each mode with the time until it is full again, and why something failed.
    """
    hand, now = owner.hand, owner.rig.app.clock.now()
    one = await owner.has(
        "anna",
        "super",
        uses=3,
        failures=1,
        last_failure="Grok sent an empty answer.",
        last_failure_at=now - 60,
        last_use_at=now - 120,
    )
    windows = dict(owner.of("anna").windows)
    windows[Mode.EXPERT] = replace(windows[Mode.EXPERT], remaining=3, reset_at=now + 3_000)
    owner.rig.app.pool.edit([one], lambda account: replace(account, windows=windows))
    await hand.go("accounts")
    pane = owner.accounts
    await owner.pick("anna")

    cells = [str(pane.rows.index(0, column).data()) for column in range(pane.rows.columnCount())]
    if hand.mouse:
        quota = await hand.tip(pane.table, pane.rows.index(0, LEFT))
        pane.columns.show_column("failed", on=True)
        failure = await hand.tip(pane.table, pane.rows.index(0, FAILED))
    else:
        quota = "\n".join(pane.details.quota.texts())
        failure = pane.details.why()
    await hand.use(pane.details.copy)
    copied = clipboard()
    owner.shell.desk.forget_key()

    assert not any(token("anna") in cell for cell in cells)
    assert cells[STATE] == "Ready"
    assert {"3", "1", "75 %"} <= set(cells)
    assert "Expert" in quota
    assert "3/50" in quota.replace(" of ", "/")
    assert "full again" in quota
    assert "Grok sent an empty answer." in failure
    assert "Failures: 1" in pane.details.facts()
    assert copied == token("anna")


async def test_the_menu_of_a_row_does_what_its_words_say(owner: Owner) -> None:
    """
    By the other button of the mouse or the key for menus; who is switched off serves nobody.
    """
    hand = owner.hand
    await owner.several()
    await hand.go("accounts")
    pane = owner.accounts

    await owner.pick("anna")
    await hand.menu_of(pane.table)
    await hand.choose_line("Switch off 1 account")
    await owner.until(lambda: owner.of("anna").status is Status.DISABLED)
    await hand.menu_of(pane.table)
    await hand.choose_line("Switch on 1 account")
    await owner.until(lambda: owner.of("anna").status is Status.ACTIVE)
    await hand.menu_of(pane.table)
    await hand.choose_line("Copy token")

    assert clipboard() == token("anna")
    owner.shell.desk.forget_key()


# --- row 4: in, out and away --------------------------------------------------------------------------------


async def test_tokens_are_added_with_a_preview(owner: Owner) -> None:
    """
    What each line would do is seen first; tier and tags are for all of them.
    """
    hand = owner.hand
    await owner.has("anna")
    owner.rig.world.add(token("new"), "super")
    await hand.go("accounts")

    await hand.use(owner.accounts.add)
    adding = await asked(AddAccounts)
    await hand.write(adding.paste, "nothing of the kind")
    QApplication.clipboard().setText(f"{token('anna')}\n{token('new')}\nwhat is this\n")
    await hand.write(adding.paste, "")
    adding.paste.paste()
    await settle(0.3)
    said = adding.summary()
    await hand.choose(adding.tier, "Super")
    await hand.write(adding.tags, "fresh")
    await hand.use(adding.add)
    await owner.until(lambda: len(owner.rig.app.pool) == 2)

    assert said == "1 new account, 1 already there, 1 line not understood."
    made = owner.of("new")
    assert (made.tier, made.tags) == (Tier.SUPER, ("fresh",))
    assert "1 account added, 1 already there." in owner.told()


@pytest.mark.parametrize("kind", ["txt", "json"])
async def test_a_file_is_imported_adding_or_replacing(owner: Owner, kind: str) -> None:
    """
    Preview first; added beside those that are here, or in their place, which Enter alone never does.
    """
    hand = owner.hand
    await owner.has("old")
    await hand.go("accounts")
    names = ["one", "two"]
    file = owner.folder / f"tokens.{kind}"
    file.write_text(
        "\n".join(map(token, names)) if kind == "txt" else json.dumps({"super": [*map(token, names)]})
    )

    await hand.use(owner.accounts.add)
    adding = await asked(AddAccounts)
    await hand.use(adding.file)
    await hand.file(file)
    await owner.until(adding.add.isEnabled)
    first = (adding.summary(), adding.add.text())
    await hand.use(adding.add)
    await owner.until(lambda: len(owner.rig.app.pool) == 3)
    await settle()
    file.write_text(token("three"))
    await hand.use(owner.accounts.add)
    adding = await asked(AddAccounts)
    await hand.use(adding.file)
    await hand.file(file)
    await owner.until(adding.add.isEnabled)
    await hand.choose(adding.how, "Update them, and remove all others")
    await settle(0.2)
    second, safe = adding.add.text(), adding.cancel.isDefault()
    await hand.use(adding.add)
    await owner.until(lambda: len(owner.rig.app.pool) == 1)

    assert first == ("2 new accounts.", "Add 2 accounts")
    assert (second, safe) == ("Add 1 account, remove 3", True)
    assert [one.token.reveal() for one in owner.rig.app.pool.accounts()] == [token("three")]
    assert no_dialog()


@pytest.mark.parametrize("form", ["GrokDesk", "Tokens"])
async def test_accounts_are_exported(owner: Owner, form: str) -> None:
    """
    All that is filtered, whole or only the tokens.
    """
    hand = owner.hand
    await owner.several()
    await hand.go("accounts")
    pane = owner.accounts
    await hand.write(pane.search, "super")
    file = owner.folder / ("all.json" if form == "GrokDesk" else "all.txt")

    await hand.line(pane.act, "Export 2 accounts…")
    asking = await asked(ExportAccounts)
    box = asking.choice
    choice = next(box.itemText(at) for at in range(box.count()) if form.lower() in box.itemText(at).lower())
    await hand.choose(box, choice)
    await hand.use(asking.yes)
    await hand.file(file)
    await owner.until(file.exists)
    await owner.until(lambda: "2 accounts exported" in owner.told())

    text = file.read_text()
    assert token("ben") in text
    assert token("cleo") in text
    assert token("anna") not in text


async def test_accounts_are_edited_switched_and_removed(owner: Owner) -> None:
    """
    One and several; each of it can be taken back, and Grok is asked with the new token.
    """
    hand = owner.hand
    await owner.several()
    await hand.go("accounts")
    pane = owner.accounts

    await owner.pick("anna")
    await hand.write(pane.details.label, "Annabel")
    await hand.key(Qt.Key.Key_Return)
    await owner.until(lambda: owner.of("anna").label == "Annabel")
    await hand.choose(pane.details.tier, "Always Heavy")
    tier = (owner.of("anna").tier, owner.of("anna").tier_source)
    owner.shell.window.toasts.clear()  # some seconds later
    await hand.use(pane.details.token)
    asking = await asked(ReplaceToken)
    owner.rig.world.add(token("anew"), "heavy")
    await hand.write(asking.paste, token("anew"))
    await hand.use(asking.yes)
    await owner.until(lambda: token("anew") in {one.token.reveal() for one in owner.rig.app.pool.accounts()})
    await hand.use(pane.details.test)
    await owner.until(lambda: pane.details.verdict().startswith("It works"))
    await hand.use(pane.details.switch)
    await owner.until(lambda: owner.of("anew").status is Status.DISABLED)
    await hand.use(pane.details.switch)
    await owner.until(lambda: owner.of("anew").status is Status.ACTIVE)
    await hand.use(pane.details.remove)
    await owner.until(lambda: len(owner.names()) == 3)
    await owner.undo()
    await owner.until(lambda: len(owner.names()) == 4)
    await owner.pick("cleo", "dora")
    await hand.use(pane.details.switch)
    await owner.until(lambda: owner.of("dora").status is owner.of("cleo").status is Status.DISABLED)
    await hand.line(pane.act, "Switch on 2 accounts")
    await owner.until(lambda: owner.of("dora").status is owner.of("cleo").status is Status.ACTIVE)
    await hand.line(pane.act, "Remove 2 accounts")
    await owner.until(lambda: len(owner.names()) == 2)
    await owner.undo()
    await owner.until(lambda: len(owner.names()) == 4)

    assert tier == (Tier.HEAVY, TierSource.FIXED)
    assert owner.of("anew").label == "Annabel"
    assert token("anew") in {one.token for one in owner.rig.world.accounts.values()}


async def test_accounts_are_bound_to_a_way_out(owner: Owner) -> None:
    """
    One in its details, several by the menu.
    """
    hand = owner.hand
    await owner.rig.app.change({"egress.proxies": ("socks5://127.0.0.1:9",)})
    await owner.several()
    await hand.go("accounts")
    pane = owner.accounts

    await owner.pick("anna")
    await hand.choose(pane.details.way, "socks5h://127.0.0.1:9")
    await owner.until(lambda: owner.of("anna").proxy.reveal() == "socks5h://127.0.0.1:9")
    await owner.pick("ben", "cleo")
    await hand.line(pane.act, "Way out of 2 accounts…")
    binding = await asked(BindAccounts)
    await hand.choose(binding.choice, "Another proxy…")
    await hand.write(binding.address, "http://127.0.0.1:7")
    await hand.use(binding.yes)

    bound = {one.label: one.proxy.reveal() for one in owner.rig.app.pool.accounts()}
    assert bound["Ben"] == bound["Cleo"] == "http://127.0.0.1:7"
    assert bound["Dora"] == ""


@pytest.mark.parametrize("owner", ["mouse"], indirect=True)
async def test_a_file_dropped_on_the_pane_opens_the_preview(owner: Owner) -> None:
    """
    By keys, a file is chosen in the preview or pasted; nothing is saved before it is confirmed.
    """
    file = owner.folder / "tokens.txt"
    file.write_text(token("dropped"))
    await owner.hand.go("accounts")
    carried = QMimeData()
    carried.setUrls([QUrl.fromLocalFile(str(file))])
    window = owner.shell.window
    spot = owner.accounts.mapTo(window, QPoint(200, 200))
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    enter = QDragEnterEvent(spot, copy, carried, left, none)
    QApplication.sendEvent(window, enter)
    QApplication.sendEvent(window, QDropEvent(QPointF(spot), copy, carried, left, none))
    adding = await asked(AddAccounts)
    await owner.until(adding.add.isEnabled)
    before = len(owner.rig.app.pool)
    await owner.hand.use(adding.add)
    await owner.until(lambda: len(owner.rig.app.pool) == 1)

    assert enter.isAccepted()
    assert before == 0


# --- row 5: acts at Grok ------------------------------------------------------------------------------------


async def test_many_are_checked_with_progress_and_an_outcome_for_each(owner: Owner) -> None:
    """
    Who failed is listed with the reason, and only they are tried again.
    """
    hand = owner.hand
    for name in ("anna", "ben", "cleo"):
        await owner.has(name)
    grok = owner.rig.world.accounts
    grok[token("ben")].always_on("/rest/rate-limits", challenge())
    await hand.go("accounts")
    pane = owner.accounts

    await hand.line(pane.act, "Check 3 accounts")
    await owner.until(lambda: pane.work.lines() and pane.work.lines()[0].job.is_over)
    await settle()
    [line] = pane.work.lines()
    said = line.text()
    await hand.use(line.details)
    outcome = await asked(Outcome)
    failed = outcome.text()
    await hand.use(outcome.only)
    everybody = outcome.text().splitlines()
    await hand.use(outcome.copy)
    copied = clipboard().splitlines()
    grok[token("ben")].always_on("/rest/rate-limits", None)
    before = len(owner.rig.app.jobs.all())
    await hand.use(outcome.retry)
    await owner.until(lambda: len(owner.rig.app.jobs.all()) > before)
    again = owner.rig.app.jobs.all()[0]
    await again.ended()
    await settle()

    assert "2 done, 1 failed" in said
    assert failed.startswith("Ben\tCloudflare stopped this request")
    assert len(everybody) == 3
    assert copied == everybody
    assert (again.total, again.ok) == (1, 1)


async def test_an_act_on_many_is_cancelled(owner: Owner) -> None:
    """
    What was done stays; nobody else is asked.
    """
    hand = owner.hand
    names = [f"n{number:02}" for number in range(20)]
    for name in names:
        owner.rig.world.add(token(name), "basic").always_on("/rest/rate-limits", stall(0.05))
    await owner.rig.add(*map(token, names))
    await owner.rig.app.change({"accounts.checks_at_once": 1})
    await hand.go("accounts")
    pane = owner.accounts

    await hand.line(pane.act, "Check 20 accounts")
    await owner.until(pane.work.lines)
    [line] = pane.work.lines()
    job = line.job
    await hand.use(line.cancel)
    await owner.until(lambda: job.is_over)
    await settle()

    assert 0 < job.done < 20
    assert f"{20 - job.done} not begun" in owner.told()


async def test_adult_content_is_shown_and_hidden_for_many(owner: Owner) -> None:
    """
    Grok hears the date as the owner gave it, for each account.
    """
    hand = owner.hand
    for name in ("anna", "ben"):
        await owner.has(name)
    grok = [owner.rig.world.accounts[token(name)] for name in ("anna", "ben")]
    await hand.go("accounts")
    pane = owner.accounts

    await hand.line(pane.act, "Show adult content with 2 accounts…")
    asking = await asked(AllowAdult)
    await hand.write(asking.born, "1990-05-17")
    await hand.use(asking.confirm)
    await hand.use(asking.yes)
    await owner.until(lambda: all(one.adult_at is not None for one in owner.rig.app.pool.accounts()))
    shown = [(one.nsfw, (one.birth_date or "")[:10]) for one in grok]
    await settle()
    await hand.line(pane.act, "Hide adult content with 2 accounts")
    await owner.until(lambda: not any(one.nsfw for one in grok))

    assert shown == [(True, "1990-05-17")] * 2


async def test_files_at_grok_are_fetched_and_cleaned_up_for_many(owner: Owner) -> None:
    """
    Fetched into the library; deleting asks first, and keeps unless it is confirmed.
    """
    hand, media = owner.hand, owner.rig.world.media
    grok = []
    for number, name in enumerate(("anna", "ben")):
        await owner.has(name, "super")
        account = owner.rig.world.accounts[token(name)]
        media.picture(account, f"{number + 1}1111111-1111-4111-8111-111111111111", (40, 40 + number))
        grok.append(account)
    await hand.go("accounts")
    pane = owner.accounts

    await hand.line(pane.act, "Fetch the files of 2 accounts")
    await owner.until(lambda: owner.rig.app.jobs.all() and owner.rig.app.jobs.all()[0].is_over)
    fetched = owner.rig.app.jobs.all()[0].counts["fetched"]
    await hand.line(pane.act, "Delete the files of 2 accounts at Grok…")
    await hand.use((await asked(dialogs.Ask)).no)
    kept = sum(len(list(media.of(one))) for one in grok)
    await hand.line(pane.act, "Delete the files of 2 accounts at Grok…")
    await hand.use((await asked(dialogs.Ask)).yes)
    await owner.until(lambda: not any(list(media.of(one)) for one in grok))

    assert (fetched, kept) == (2, 2)


# --- row 6: settings ----------------------------------------------------------------------------------------


async def save(owner: Owner) -> None:
    """Save what was changed in the settings."""
    if owner.hand.mouse:
        await owner.hand.use(owner.settings.save_button)
    else:
        owner.hand.reach(owner.settings.page_button(owner.settings.page))
        await owner.hand.key(Qt.Key.Key_S, CTRL)
    await owner.until(lambda: not owner.settings.bar.isVisible())


def entry(owner: Owner, name: str) -> Any:  # noqa: ANN401 - of the kind of the setting
    return owner.settings.rows[name].control.entry()


async def turn_to(owner: Owner, page: str) -> None:
    """Show a page of the settings."""
    pane, hand = owner.settings, owner.hand
    if hand.mouse:
        await hand.use(pane.page_button(page))
        return
    hand.reach(pane.page_button(pane.page))
    pages = [one.key for one in pane._pages]  # noqa: SLF001 - their order is what the arrows follow
    steps = pages.index(page) - pages.index(pane.page)
    for _ in range(abs(steps)):
        await hand.key(Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)
    assert pane.page == page


async def test_settings_of_every_kind_are_changed_saved_and_undone(owner: Owner) -> None:
    """
    A number, a switch, a choice, a text, a list and a secret: nothing before Save, all of it after.
    """
    hand = owner.hand
    await hand.go("settings")
    pane = owner.settings
    await turn_to(owner, "gateway")
    await hand.write(entry(owner, "gateway.heartbeat_s"), "25")
    await turn_to(owner, "chat")
    await hand.use(entry(owner, "chat.memory"))
    await hand.write(entry(owner, "chat.custom_instruction"), "Be brief.")
    marks = [pane.page_button(key).accessibleName() for key in ("gateway", "chat")]
    waiting = (pane.bar_words(), owner.written())
    await save(owner)
    await owner.until(lambda: owner.rig.app.live.now.chat.memory)
    now = owner.rig.app.live.now
    saved = (now.gateway.heartbeat_s, now.chat.memory, now.chat.custom_instruction)
    await owner.undo()
    await owner.until(lambda: not owner.rig.app.live.now.chat.memory)

    assert marks == ["Gateway, 1 unsaved change", "Chat, 2 unsaved changes"]
    assert waiting == ("3 unsaved changes", {})
    assert saved == (25, True, "Be brief.")


async def test_changes_are_discarded_and_brought_back(owner: Owner) -> None:
    """
    Nothing of it reaches the program.
    """
    hand = owner.hand
    await hand.go("settings")
    await turn_to(owner, "chat")
    pane = owner.settings
    await hand.use(entry(owner, "chat.memory"))
    await hand.use(pane.discard_button)
    gone = (pane.unsaved(), pane.bar.isVisible())
    await owner.undo()

    assert gone == (0, False)
    assert pane.unsaved() == 1
    assert owner.written() == {}


async def test_a_wrong_value_keeps_the_settings_from_being_saved(owner: Owner) -> None:
    """
    Said at the field while it is typed; Save leads there.
    """
    hand = owner.hand
    await hand.go("settings")
    pane = owner.settings
    await turn_to(owner, "gateway")
    await hand.write(entry(owner, "gateway.max_body_mb"), "99999")
    problem = pane.rows["gateway.max_body_mb"].problem()
    await turn_to(owner, "chat")
    if hand.mouse:
        await hand.use(pane.show_first if pane.show_first.isVisible() else pane.save_button)
    else:
        await hand.key(Qt.Key.Key_S, CTRL)
    await settle()

    assert problem
    assert pane.page == "gateway"
    assert entry(owner, "gateway.max_body_mb").hasFocus()
    assert owner.written() == {}


async def test_one_setting_a_page_or_all_are_put_back(owner: Owner) -> None:
    """
    What is put back is saved like any other change, and leaves the file.
    """
    hand = owner.hand
    changed = {"chat.memory": True, "gateway.heartbeat_s": 25.0, "gateway.max_body_mb": 99}
    await owner.rig.app.change(changed)
    await hand.go("settings")
    pane = owner.settings

    await turn_to(owner, "gateway")
    await hand.use(pane.rows["gateway.heartbeat_s"].reset)
    one = dict(pane.draft.edits)
    await hand.line(pane.more, "Put these back to how they come")
    page = dict(pane.draft.edits)
    await hand.line(pane.more, "Put everything back to how it comes")
    everything = set(pane.draft.edits)
    await save(owner)
    await owner.until(lambda: not owner.rig.app.live.now.chat.memory)

    assert set(one) == {"gateway.heartbeat_s"}
    assert set(page) == {"gateway.heartbeat_s", "gateway.max_body_mb"}
    assert everything >= set(changed)
    assert not any(owner.written().values())


async def test_settings_go_to_a_file_and_come_from_one(owner: Owner) -> None:
    """
    What comes is looked at before it is saved.
    """
    hand = owner.hand
    await owner.rig.app.change({"gateway.heartbeat_s": 25.0})
    await hand.go("settings")
    pane, file = owner.settings, owner.folder / "mine.toml"

    await hand.line(pane.more, "Export…")
    await hand.use((await asked(dialogs.Ask)).yes)
    await hand.file(file)
    await owner.until(file.exists)
    exported = tomllib.loads(file.read_text())
    file.write_text("[chat]\nmemory = true\n")
    await hand.line(pane.more, "Import…")
    await hand.file(file)
    await owner.until(pane.unsaved)
    await settle(0.2)
    waiting = owner.rig.app.live.now.chat.memory
    await save(owner)

    assert exported["gateway"]["heartbeat_s"] == 25
    assert not waiting
    assert owner.rig.app.live.now.chat.memory


# --- row 7: the library here --------------------------------------------------------------------------------


async def test_files_are_listed_found_and_looked_at(owner: Owner) -> None:
    """
    How many there are and how much of the limit they take; as a wall and as a list, and each by itself.
    """
    hand = owner.hand
    await owner.keep("a cat", "a dog", "a cat on a dog")
    await hand.go("library")
    pane = owner.library
    await owner.until(lambda: len(pane.files) == 3)

    limits = [text.text() for text, _ in pane._limits.values()]  # noqa: SLF001 - what stands at the top
    await hand.write(pane.search, "cat")
    await owner.until(lambda: len(pane.files) == 2)
    await hand.write(pane.search, "")
    await owner.until(lambda: len(pane.files) == 3)
    await hand.choose(pane.kind, "Films")
    await owner.until(lambda: len(pane.files) == 0)
    await hand.choose(pane.kind, "All kinds")
    await owner.until(lambda: len(pane.files) == 3)
    await hand.use(pane.as_list)
    await hand.pick(pane.table, 1)
    as_list = [one.origin.prompt for one in pane.selected()]
    await hand.use(pane.as_wall)
    await hand.pick(pane.wall, 1)
    if hand.mouse:
        await hand.menu_of(pane.wall)
        await hand.choose_line("Look at it")
    else:
        await hand.key(Qt.Key.Key_Space)
    viewer = pane.viewer
    assert viewer is not None
    shown = viewer.info_text()
    if hand.mouse:
        await hand.use(viewer.next)
    else:
        await hand.key(Qt.Key.Key_Right)
    title = viewer.windowTitle()
    await hand.key(Qt.Key.Key_Escape)

    assert limits[0].startswith("Pictures: 3, ")
    assert as_list == ["a dog"]
    assert shown.startswith("a dog\nModel: grok-imagine-image\nAccount: Anna")
    assert title == "a cat on a dog"
    assert pane.viewer is None


async def test_files_are_saved_shown_copied_marked_and_tagged(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each act on what is selected, by its button.
    """
    hand = owner.hand
    opened: list[str] = []

    def open_(page: QUrl) -> bool:
        opened.append(page.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_)
    [one, _] = await owner.keep("one", "two")
    await hand.go("library")
    pane, file = owner.library, owner.folder / "mine.jpg"
    await owner.until(lambda: len(pane.files) == 2)

    await hand.pick(pane.wall, 0)
    await hand.use(pane.save)
    await hand.file(file)
    await owner.until(file.exists)
    await hand.use(pane.folder)
    await hand.use(pane.copy)
    await owner.until(lambda: "1 file copied." in owner.told())
    await hand.use(pane.copy_link)
    await owner.until(lambda: clipboard().startswith("http"))
    await hand.use(pane.favourite)
    await owner.until(lambda: pane.files.file(0).favourite)
    await hand.use(pane.tag_them)
    tagging = await asked(TagFiles)
    await hand.write(tagging.field, "mine")
    await hand.use(tagging.apply)
    await owner.until(lambda: pane.files.file(0).tags)
    await hand.use(pane.favourites)
    await owner.until(lambda: owner.prompts() == ["one"])

    assert file.read_bytes() == await owner.rig.app.library.read(one)
    assert opened == [str(owner.rig.app.library.path(one).parent)]
    assert pane.files.file(0).tags == ("mine",)


async def test_files_are_deleted_brought_back_and_cleared(owner: Owner) -> None:
    """
    Some, with a way back, also later; and all of a kind, which says first what goes.
    """
    hand = owner.hand
    await owner.keep("one", "two", "three")
    await hand.go("library")
    pane = owner.library
    await owner.until(lambda: len(pane.files) == 3)

    await hand.pick(pane.wall, 0, 1)
    await hand.use(pane.delete)
    await owner.until(lambda: owner.prompts() == ["three"])
    told = owner.told()
    await owner.undo()
    await owner.until(lambda: len(pane.files) == 3)
    await hand.pick(pane.wall, 1)
    await hand.use(pane.delete)
    await owner.until(lambda: len(pane.files) == 2)
    await hand.use(pane.deleted)
    await owner.until(lambda: owner.prompts() == ["two"])
    await hand.pick(pane.wall, 0)
    await hand.use(pane.restore)
    await owner.until(lambda: len(pane.files) == 0)
    await hand.use(pane.deleted)
    await owner.until(lambda: len(pane.files) == 3)
    await hand.use(pane.clean)
    cleaning = await asked(Clean)
    for box in cleaning.boxes.values():
        if box.isVisible() and box.isEnabled():
            await hand.use(box)
    await hand.use(cleaning.clean)
    await owner.until(lambda: len(pane.files) == 0)
    await owner.undo()
    await owner.until(lambda: len(pane.files) == 3)

    assert told == "2 files deleted."


async def test_a_folder_is_imported_and_everything_exported(owner: Owner) -> None:
    """
    Pictures of a folder come in, and all of them go out.
    """
    hand = owner.hand
    folder, out = owner.folder / "old", owner.folder / "out"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.jpg").write_bytes(pictures.drawn(name, 40, 40))
    await hand.go("library")
    pane = owner.library

    await hand.use(pane.import_)
    await hand.file(folder)
    await owner.until(lambda: len(pane.files) == 2)
    await settle()
    out.mkdir()
    await hand.use(pane.export)
    await hand.file(out)
    await owner.until(lambda: out.exists() and len(list(out.rglob("*.jpg"))) == 2)
    await settle(0.2)


# --- row 8: files at Grok -----------------------------------------------------------------------------------


async def test_files_at_grok_are_listed_opened_deleted_and_cleared(owner: Owner) -> None:
    """
    Nothing is asked unasked; of one account or of all, one file or everything.
    """
    hand, world = owner.hand, owner.rig.world
    for name, ids in (("anna", "12"), ("ben", "3")):
        await owner.has(name, "super")
        for one in ids:
            file = f"{one * 8}-1111-4111-8111-111111111111"
            world.media.picture(world.accounts[token(name)], file, (40, 40))
    anna, ben = (world.accounts[token(name)] for name in ("anna", "ben"))
    await hand.go("library")
    pane, grok = owner.library, owner.library.grok
    calls = len(world.received)

    await hand.turn(pane.tabs, 1)
    await settle()
    unasked = len(world.received) - calls
    await hand.use(grok.look)
    await owner.until(lambda: sum(grok.keepers.row(at).files or 0 for at in range(2)) == 3)
    await settle()
    summary = grok.summary.text()
    await hand.pick(grok.accounts, 0)
    if grok.state.isVisible():
        await hand.use(grok.state.button)
    await owner.until(lambda: len(grok.assets) == 2)
    await hand.use(grok.fetch)
    await owner.until(lambda: len(pane.files) == 2)
    await hand.pick(grok.files, 0)
    await hand.use(grok.delete_button)
    question = await asked(dialogs.Ask)
    one = question.windowTitle()
    await hand.use(question.no)
    kept = len(list(world.media.of(anna)))
    await hand.use(grok.delete_button)
    await hand.use((await asked(dialogs.Ask)).yes)
    await owner.until(lambda: len(list(world.media.of(anna))) == 1)
    await settle()
    await hand.pick(grok.accounts, 0, 1)
    await hand.use(grok.delete_button)
    question = await asked(dialogs.Ask)
    everything = question.windowTitle()
    await hand.use(question.yes)
    await owner.until(lambda: not list(world.media.of(anna)) and not list(world.media.of(ben)))

    assert unasked == 0
    assert summary.startswith("2 accounts asked · 3 files · ")
    assert (one, kept) == ("Delete 1 file at Grok?", 2)
    assert everything == "Delete all files of 2 accounts at Grok?"
    assert len(pane.files) == 2


# --- row 13: languages and what is told ---------------------------------------------------------------------


async def test_the_language_is_chosen_and_everything_speaks_it(owner: Owner) -> None:
    """
    From the settings, and back again in the other language.
    """
    hand = owner.hand
    for text, language in (("简体中文", CHINESE), ("English", ENGLISH)):
        await hand.go("settings")
        await hand.write(owner.settings.search, "appearance.language")
        box = owner.settings.rows["appearance.language"].control.findChild(QComboBox)
        assert box is not None
        await hand.choose(box, text)
        if hand.mouse:
            await hand.use(owner.settings.save_button)
        else:
            await hand.key(Qt.Key.Key_S, CTRL)
        await owner.until(lambda language=language: languages().now == language)  # type: ignore[misc]
        await settle(0.2)
        owner.shell.window.activateWindow()
        await hand.go("accounts")
        said = owner.shell.window.sidebar.buttons["settings"].accessibleName()
        assert said == ("设置" if language == CHINESE else "Settings")


async def test_what_was_told_is_read_again_in_the_list_of_messages(owner: Owner) -> None:
    """
    A toast goes; the bell keeps what it said.
    """
    hand = owner.hand
    await owner.several()
    await hand.go("accounts")
    await owner.pick("anna")
    await hand.use(owner.accounts.details.switch)
    await owner.until(lambda: "1 account switched off." in owner.told())
    owner.shell.window.toasts.clear()

    await hand.use(owner.shell.window.status.bell)
    messages = owner.shell.window.status.messages
    assert messages is not None
    said = [messages.list.item(at).text() for at in range(messages.list.count())]
    await hand.key(Qt.Key.Key_Escape)

    assert any("1 account switched off." in one for one in said)


# --- without a mouse ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", ["keys"], indirect=True)
async def test_the_main_acts_of_every_place_are_within_reach_of_keys(owner: Owner) -> None:
    """
    From a fresh start: the number of the place, then Tab; each act is met, and Tab comes round again.
    """
    window = owner.shell.window
    await owner.several()
    await owner.keep("one")
    wanted = {
        "home": ["Copy address", "Copy key"],
        "library": [
            "Search files",
            "Kind",
            "As a list",
            "Import…",
            "Export…",
            "Clean…",
            "Where the files are",
        ],
        "accounts": ["Search accounts", "Add accounts…", "Act on all 4", "State", "Tier", "Tag", "Accounts"],
        "network": ["Add proxies…", "Test all"],
        "settings": ["Find a setting", "Open the file", "More"],
    }
    for place in [entry.key for entry in window.entries]:
        await owner.hand.go(place)
        await settle(0.2)
        met: list[QWidget | None] = []
        for _ in range(200):
            here: QWidget | None = window.focusWidget()
            if here in met[1:]:
                break
            met.append(here)
            press(window, Qt.Key.Key_Tab)
        names = {one.accessibleName() for one in met if one is not None}
        missing = [name for name in wanted.get(place, []) if name not in names]
        assert missing == [], (place, sorted(names))
        assert any(window.pane.isAncestorOf(one) for one in met if one is not None), place
