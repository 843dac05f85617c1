"""Requests, driven by mouse and keys against the whole program and the simulator."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import shlex
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import anthropic
import openai
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QPushButton, QWidget

from grokdesk.core.accounts import Tier
from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.platform.tasks import owned
from grokdesk.sim import Simulator, World, challenge, limited, stall, text
from grokdesk.ui import dialogs
from grokdesk.ui.models.requests import PAGE, RESULT
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.main_window import MainWindow
from grokdesk.ui.windows.requests import USAGE, RequestsPane
from tests.rig import FAST, Rig, basic, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, clipboard, dialog, press, settle

CTRL = Qt.KeyboardModifier.ControlModifier
NOW = time.time()  # noqa: TID251 - the program under test has the clock of the machine


@dataclass
class Scene:
    """The pane in its window, and the program behind it."""

    rig: Rig
    shell: Shell
    pane: RequestsPane

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, within_s=5)

    def column(self, number: int) -> list[str]:
        """The texts of a column, from top to bottom."""
        rows = self.pane.rows
        return [str(rows.index(row, number).data()) for row in range(min(9, rows.rowCount()))]

    async def keep(self, *runs: RunRecord) -> None:
        """Have these in the list, as after another start."""
        for run in runs:
            self.rig.app.runs._store.save(run)  # noqa: SLF001 - requests of earlier days
        await self.rig.app.runs.load()
        self.pane.renew()
        await settle()

    async def search(self, words: str) -> None:
        """Press Ctrl+F and write."""
        press(self.window, Qt.Key.Key_F, CTRL)
        QTest.keyClicks(self.pane.search, words)
        QTest.keyClick(self.pane.search, Qt.Key.Key_Return)
        await settle()


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    async with (
        Simulator(world, port=0).started() as sim,
        running(tmp_path, sim, world) as rig,
    ):
        await rig.app.change({"privacy.keep_requests": 100_000})
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.activateWindow()
        pane = shell.window.go("requests")
        assert isinstance(pane, RequestsPane)
        await settle()
        yield Scene(rig, shell, pane)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


def run(name: str, *, ago: float = 0.0, **more: object) -> RunRecord:
    """A request that was answered some seconds ago."""
    made = RunRecord(
        id=name,
        at=NOW - 60 - ago,
        model=FAST,
        client="Editor",
        account="id-anna",
        account_name="Anna",
        egress="direct",
        state=RunState.DONE,
        first_ms=900,
        total_ms=2_000,
        prompt_tokens=10,
        completion_tokens=20,
        tries=(Try("Anna", "direct", account_id="id-anna"),),
    )
    return replace(made, **more)  # type: ignore[arg-type]  # fields of it


def many(count: int) -> list[RunRecord]:
    """The newest is `n0`; every tenth has failed."""
    return [
        run(f"n{number}", ago=float(number), state=RunState.FAILED if number % 10 == 0 else RunState.DONE)
        for number in range(count)
    ]


def button_of(widget: QWidget) -> str:
    """What a screen reader calls it."""
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


# --- what is asked ------------------------------------------------------------------------------------------


async def test_a_limited_account_gives_way_to_another_and_both_tries_are_told(scene: Scene) -> None:
    """
    One line says it at a glance; the details name both accounts, the status and what was done; links lead on.
    """
    scene.rig.world.add(token=token("a"), tier="super").always(limited())
    basic(scene.rig.world, "b").always(text("Hello"))
    # The best account is asked first.
    await scene.rig.app.pool.add([NewAccount(token=Secret(token("a")), tier=Tier.SUPER)])
    await scene.rig.add(token("b"))

    await scene.rig.say("Hello")
    await scene.until(lambda: len(scene.pane.rows) == 1 and not scene.pane.rows.running)
    QTest.mouseClick(
        scene.pane.table.viewport(),
        Qt.MouseButton.LeftButton,
        pos=scene.pane.table.visualRect(scene.pane.rows.index(0, RESULT)).center(),
    )
    await settle()

    assert scene.column(RESULT) == ["429 → other account → Answered"]
    told = scene.pane.details.text()
    first, second = scene.rig.account(token("a")), scene.rig.account(token("b"))
    [limited_, answered] = scene.rig.app.runs.recent()[0].tries
    assert (limited_.account_id, answered.account_id) == (first.id, second.id)
    spent = "429: This account has used up its questions for now."
    assert f"1. {limited_.account} (Direct connection): {spent}" in told
    assert "Then another account was asked." in told
    assert f"2. {answered.account} (Direct connection): Answered." in told
    assert "Format: OpenAI Chat Completions" in told
    assert "Streamed: no" in told
    steps = scene.pane.details._steps  # noqa: SLF001 - what its buttons lead to
    assert [one.where for one in steps] == [f"accounts:id:{first.id}"]


async def test_a_challenge_leads_to_cloudflare_of_its_way_out(scene: Scene) -> None:
    """
    The sentence, what to do, and a button that opens the right place.
    """
    basic(scene.rig.world, "a").always(challenge())
    await scene.rig.add(token("a"))
    with pytest.raises(openai.APIStatusError):
        await scene.rig.say("Hello")
    await scene.until(lambda: len(scene.pane.rows) == 1 and not scene.pane.rows.running)
    scene.pane.table.setFocus()
    press(scene.window, Qt.Key.Key_Home)
    press(scene.window, Qt.Key.Key_Down)
    await settle()
    scene.pane.table.select_row(0)
    await settle()

    told = scene.pane.details.text()
    assert "403: Cloudflare stopped this request on the way to Grok" in told
    assert "Renew the Cloudflare cookies" in told
    box = scene.pane.details._steps_box.itemAt(0)  # noqa: SLF001 - the first button
    assert box is not None
    link = box.widget()
    assert link is not None
    assert button_of(link) == "Check Cloudflare"
    click(link)
    await settle()
    assert scene.window.pane.key == "network"


@pytest.mark.parametrize("way", ["button", "key"])
@pytest.mark.parametrize("dialect", ["chat", "anthropic"])
async def test_a_request_that_the_owner_stops_ends_at_the_client_at_once(
    scene: Scene, way: str, dialect: str
) -> None:
    """
    Within 100 ms it hears that the owner stopped it; the account keeps its seat and its good name.
    """
    basic(scene.rig.world, "a").always(text("one two three") + stall(None, after=2))
    [account] = await scene.rig.add(token("a"))
    heard: list[str] = []
    ended: list[float] = []

    async def ask() -> None:
        try:
            if dialect == "chat":
                stream = await scene.rig.say("Hello", stream=True)
                heard.extend([piece.choices[0].delta.content async for piece in stream])
            else:
                async with scene.rig.claude.messages.stream(
                    model=FAST, max_tokens=99, messages=[{"role": "user", "content": "Hello"}]
                ) as told:
                    heard.extend([piece async for piece in told.text_stream])
        except (openai.APIError, anthropic.APIStatusError) as error:
            heard.append(str(error.body))
        ended.append(time.monotonic())

    asking = owned(ask(), name="a client")
    await scene.until(lambda: scene.pane.rows.running == 1)
    await scene.until(lambda: scene.rig.app.runs.running()[0].pieces >= 1)
    scene.pane.table.select_row(0)
    await settle()
    assert scene.pane.details.stop.isVisible()

    began = time.monotonic()
    if way == "button":
        click(scene.pane.details.stop)
    else:
        scene.pane.table.setFocus()
        press(scene.window, Qt.Key.Key_Period, CTRL)
    await asyncio.wait_for(asking, 2)

    assert ended[0] - began < 0.1
    assert "The owner of this gateway stopped this request." in heard[-1]
    await scene.until(lambda: not scene.pane.rows.running)
    assert scene.column(RESULT) == ["Stopped by you"]
    kept = scene.rig.app.runs.recent()[0]
    assert (kept.state, kept.cause, kept.tries[0].failure) == (RunState.STOPPED, "StoppedByOwner", "")
    now = scene.rig.app.pool.get(account.id)
    assert now is not None
    assert (now.failures, now.resting_until) == (0, 0)
    await scene.until(lambda: scene.rig.sim.turns[-1].aborted_at is not None)


async def test_what_runs_stands_on_top_and_its_time_goes_on_while_it_is_looked_at(scene: Scene) -> None:
    """
    Pieces and seconds count; out of sight no timer runs.
    """
    await scene.keep(run("old", ago=9))
    basic(scene.rig.world, "a").always(text("one two three") + stall(None, after=3))
    await scene.rig.add(token("a"))
    asking = owned(scene.rig.say("Hello"), name="a client")
    await scene.until(lambda: scene.pane.rows.running == 1)
    entry = scene.rig.app.runs
    await scene.until(lambda: entry.running()[0].pieces == 3)

    scene.pane.live._tick.timeout.emit()  # noqa: SLF001 - a second has gone by
    shown = scene.pane.rows.row(0)
    assert shown is not None
    assert (shown.pieces, scene.column(RESULT)) == (3, ["Running", "Answered"])
    assert scene.pane.live._tick.isActive()  # noqa: SLF001 - whether a timer runs
    scene.window.go("home")
    assert not scene.pane.live._tick.isActive()  # noqa: SLF001 - same
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await scene.until(lambda: not entry.in_flight)
    scene.window.go("requests")
    await settle()
    assert scene.column(RESULT) == ["The app left", "Answered"]


# --- finding ------------------------------------------------------------------------------------------------


async def test_filters_find_in_memory_and_in_the_store_alike(scene: Scene) -> None:
    """
    Failed only by mouse, a search by keys; what is older than the newest thousand is counted and found too.
    """
    old = run("old", ago=9_000, model="grok-3", failure="Very odd", state=RunState.FAILED)
    await scene.keep(*many(1_500), old)
    await scene.until(lambda: len(scene.pane.rows) == 1_501)
    assert scene.pane.counts.text() == "1501 shown · 151 failed"

    click(scene.pane.live.failed)
    await scene.until(lambda: len(scene.pane.rows) == 151)
    await scene.search("very ODD")
    await scene.until(lambda: len(scene.pane.rows) == 1)
    await scene.until(lambda: scene.pane.rows.row(0) == old)

    press(scene.window, Qt.Key.Key_Escape)
    scene.pane.live.clear_filters()
    await scene.until(lambda: len(scene.pane.rows) == 1_501)


async def test_a_hundred_thousand_are_scrolled_without_holding_them(scene: Scene) -> None:
    """
    Every place can be reached; a frame takes less than 16 ms, and some thousand are in memory.
    """
    store = scene.rig.app.runs._store  # noqa: SLF001 - the requests of a year
    await store.fill(many(100_000))  # type: ignore[attr-defined]  # stores have it
    await scene.keep()
    await scene.until(lambda: len(scene.pane.rows) == 100_000)
    table, took = scene.pane.table, []
    bar = table.verticalScrollBar()
    for step in range(120):
        began = time.thread_time()
        bar.setValue(bar.maximum() * step // 119)
        table.viewport().repaint()
        took.append(time.thread_time() - began)
        await asyncio.sleep(0)

    rows = scene.pane.rows
    await scene.until(lambda: rows.row(99_999) is not None)
    last = rows.row(99_999)
    assert last is not None
    assert last.id == "n99999"
    assert sorted(took)[-3] < 0.016
    assert rows.in_memory <= 1_000 + 24 * PAGE + PAGE


async def test_a_link_shows_one_request_wherever_it_is_or_those_that_failed(scene: Scene) -> None:
    """
    Also one of a thousand before it, with other filters set; one that is gone is said to be.
    """
    await scene.keep(*many(1_300))
    await scene.search("nothing like it")

    scene.window.go("requests:n1207")
    await scene.until(lambda: scene.pane.details.shown == "n1207")
    await scene.until(lambda: scene.pane.table.selected_keys() == ["n1207"])
    scene.window.go("requests:failed")
    await scene.until(lambda: len(scene.pane.rows) == 130)
    said: list[str] = []
    scene.shell.desk.said.connect(lambda toast: said.append(toast.text))
    scene.window.go("requests:who-knows")
    await settle()

    assert said == ["This request is not in the list any more."]


async def test_held_still_the_list_lets_nothing_in_until_it_follows_again(scene: Scene) -> None:
    """
    What comes meanwhile is counted; then all of it is there.
    """
    await scene.keep(run("old"))
    scene.pane.live.follow.setFocus()
    press(scene.window, Qt.Key.Key_Space)
    for number in range(3):
        scene.rig.app.runs.begin(f"new{number}", FAST, "").ended(RunState.DONE, None)
    await settle()
    held = (len(scene.pane.rows), scene.pane.counts.text())

    click(scene.pane.live.follow)
    await settle()

    assert held == (1, "1 shown · 0 failed · 3 new or changed")
    assert scene.pane.rows.keys() == ["new2", "new1", "new0", "old"]


async def test_who_reads_further_down_keeps_it_in_sight_while_requests_come(scene: Scene) -> None:
    """
    New ones on top do not push away what is read, nor take the selection from it.
    """
    await scene.keep(*many(300))
    table = scene.pane.table
    table.select_row(150)
    table.verticalScrollBar().setValue(145)
    top = table.rowAt(0)
    before = scene.pane.rows.row(top)

    for number in range(7):
        scene.rig.app.runs.begin(f"new{number}", FAST, "").ended(RunState.DONE, None)
    await settle()

    assert scene.pane.rows.row(table.rowAt(0)) == before
    assert table.selected_keys() == ["n150"]
    assert scene.pane.details.shown == "n150"


async def test_by_keys_alone_a_failure_is_found_read_and_followed(scene: Scene) -> None:
    """
    Filters, list, details and the way on, without the mouse.
    """
    odd = Try("Anna", "hk", "No connection.", "id-anna", cause="Unreachable", hint="Test it.")
    bad = run("bad", ago=50, state=RunState.FAILED, failure="No connection.", egress="hk", tries=(odd,))
    await scene.keep(*many(5), bad)
    live = scene.pane.live

    live.failed.setFocus()
    press(scene.window, Qt.Key.Key_Space)
    await settle()
    assert scene.pane.rows.keys() == ["n0", "bad"]
    press(scene.window, Qt.Key.Key_F6)
    while not scene.pane.table.hasFocus():
        press(scene.window, Qt.Key.Key_Tab)
    press(scene.window, Qt.Key.Key_End, CTRL)
    await settle()
    assert scene.pane.details.shown == "bad"
    here = scene.window.focusWidget()
    while not (isinstance(here, QPushButton) and here.text() == "Show this way out"):
        press(scene.window, Qt.Key.Key_Tab)
        here = scene.window.focusWidget()
    press(scene.window, Qt.Key.Key_Space)
    await settle()

    assert scene.window.pane.key == "network"


# --- taking away --------------------------------------------------------------------------------------------


def choosing(path: Path) -> Callable[..., object]:
    """A dialog in which somebody chooses `path`."""

    async def save_file(*_: object) -> Path:
        return path

    return save_file


async def test_what_is_filtered_is_exported_as_table_and_as_json(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    All of it, not only what is in sight; a text that a table program would calculate is only a text.
    """
    odd = run("odd", ago=5_000, state=RunState.FAILED, client="=cmd|'x'", failure='Stopped, "really"\n甲')
    await scene.keep(*many(1_200), odd)
    click(scene.pane.live.failed)
    await scene.until(lambda: len(scene.pane.rows) == 121)

    for name in ("out.csv", "out.json"):
        path = tmp_path / name
        monkeypatch.setattr(dialogs, "save_file", choosing(path))
        click(scene.pane.live.export)
        await scene.until(path.exists)

    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    told = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert [row["id"] for row in rows] == [row["id"] for row in told]
    assert (len(rows), rows[-1]["client"], rows[-1]["failure"]) == (121, "'=cmd|'x'", odd.failure)
    assert (told[-1]["client"], told[-1]["tries"][0]["account"]) == (odd.client, "Anna")


@pytest.mark.parametrize("dialect", ["chat", "anthropic", "responses", "completions"])
async def test_a_request_copied_as_curl_works_against_this_gateway(scene: Scene, dialect: str) -> None:
    """
    With the key in the variable it says, and nothing else to fill in.
    """
    basic(scene.rig.world, "a").always(text("Hello from Grok"))
    await scene.rig.add(token("a"))
    if dialect == "anthropic":
        await scene.rig.claude.messages.create(
            model=FAST, max_tokens=9, messages=[{"role": "user", "content": "Hi 'there'"}]
        )
    elif dialect == "chat":
        await scene.rig.say("Hi 'there'")
    elif dialect == "responses":
        await scene.rig.client.responses.create(model=FAST, input="Hi 'there'")
    else:
        await scene.rig.client.completions.create(model=FAST, prompt="Hi 'there'")
    await scene.until(lambda: len(scene.pane.rows) == 1 and not scene.pane.rows.running)
    scene.pane.table.select_row(0)
    await settle()

    click(scene.pane.details.copy_curl)
    command = clipboard()
    assert scene.rig.key not in command
    assert "$GROKDESK_KEY" in command
    done = await asyncio.create_subprocess_shell(
        f"{command} -s",
        env={**os.environ, "GROKDESK_KEY": scene.rig.key},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await done.communicate()

    assert b"Hello from Grok" in output
    assert "there" not in command, "prompts are not kept"
    assert shlex.split(command.replace("\\\n", ""))[0] == "curl"


# --- what was said ------------------------------------------------------------------------------------------

PROMPT, ANSWER = "a very private question", "a very private answer"


async def test_before_one_is_selected_the_details_ask_for_it_and_show_no_empty_fields(scene: Scene) -> None:
    """
    Fields for prompt and answer, and words about their length, are there only with something in them.
    """
    await scene.keep(run("a"))
    seen = [one.text() for one in scene.pane.details.findChildren(QLabel) if one.isVisible() and one.text()]
    assert seen == ["Details", "Select a request to see how it went and every try."]
    assert not any(one.isVisible() for one in scene.pane.details.findChildren(QPlainTextEdit))


async def test_prompts_are_shown_only_if_they_are_kept_and_are_deleted_after_asking(scene: Scene) -> None:
    """
    Off by default; with the setting on the details show both, curl has the body, and one act deletes all.
    """
    basic(scene.rig.world, "a").always(text(ANSWER))
    await scene.rig.add(token("a"))
    await scene.rig.say(PROMPT)
    await scene.rig.app.change({"privacy.keep_prompts": True})
    await scene.rig.say(PROMPT)
    await scene.until(lambda: len(scene.pane.rows) == 2 and not scene.pane.rows.running)

    scene.pane.table.select_row(1)
    await settle()
    assert not scene.pane.details.forget.isVisible()
    scene.pane.table.select_row(0)
    await scene.until(scene.pane.details.forget.isVisible)
    assert PROMPT in scene.pane.details._prompt.toPlainText()  # noqa: SLF001 - what is read there
    assert scene.pane.details._answer.toPlainText() == ANSWER  # noqa: SLF001 - same
    click(scene.pane.details.copy_curl)
    assert PROMPT in clipboard()

    click(scene.pane.details.forget)
    await settle()
    asked = dialog(dialogs.Ask)
    assert asked.windowTitle() == "Delete the prompts and answers of 1 request?"
    press(asked, Qt.Key.Key_Escape)
    await settle()
    assert await scene.rig.app.runs.talks_kept() == 1
    scene.pane.details.forget.setFocus()
    press(scene.window, Qt.Key.Key_Space)
    await settle()
    click(dialog(dialogs.Ask).yes)
    await scene.until(lambda: not scene.pane.details.forget.isVisible())
    assert await scene.rig.app.runs.talks_kept() == 0


# --- usage --------------------------------------------------------------------------------------------------


async def test_usage_shows_the_same_numbers_as_charts_and_as_a_table(scene: Scene) -> None:
    """
    What was just asked is in it; a bar is read by keys and by a screen reader; the table says the same.
    """
    basic(scene.rig.world, "a").always(text("Hello"))
    await scene.rig.add(token("a"))
    for _ in range(3):
        await scene.rig.say("Hello")
    scene.pane.tabs.setFocus()
    press(scene.window, Qt.Key.Key_Right)
    await scene.until(lambda: scene.pane.usage is not None and scene.pane.usage.bars == 24)
    usage = scene.pane.usage
    assert usage is not None
    assert usage.summary.text().startswith("3 requests · 100.0 % success · first word ")

    usage.requests.setFocus()
    press(scene.window, Qt.Key.Key_End)
    said = QAccessible.queryAccessibleInterface(usage.requests).text(QAccessible.Text.Description)
    assert said == usage.requests.reading()
    assert "answered 3, failed 0" in said
    click(usage.as_table)
    last = usage.lines.row(23).figures
    assert (usage.table.isVisible(), last.requests, last.done) == (True, 3, 3)

    usage.by.setCurrentIndex(2)
    usage.by.activated.emit(2)
    await scene.until(lambda: usage.bars == 1)
    assert usage.lines.row(0).name == FAST


async def test_sums_outlive_the_list_of_requests(scene: Scene) -> None:
    """
    With the list emptied the charts are as they were.
    """
    for number in range(4):
        state = RunState.FAILED if number == 0 else RunState.DONE
        scene.rig.app.runs.begin(f"r{number}", FAST, "Editor").ended(state, None)
    await scene.rig.app.change({"privacy.keep_requests": 0})
    await scene.rig.app.runs.tidy()

    scene.pane.tabs.setCurrentIndex(USAGE)
    await scene.until(lambda: scene.pane.usage is not None and scene.pane.usage.bars == 24)

    assert scene.pane.usage is not None
    assert (await scene.rig.app.runs.count()).total == 0
    assert scene.pane.usage.summary.text().startswith("4 requests · 75.0 % success")


def regions(pane: RequestsPane) -> Sequence[str]:
    return [button_of(one) for one in pane.regions()]


async def test_every_part_is_reached_by_keys_and_has_a_name(scene: Scene) -> None:
    """
    F6 goes from tabs to search, list and details.
    """
    await scene.keep(run("a"))

    assert regions(scene.pane) == ["Live", "Search requests", "Requests", "Details of the request"]
