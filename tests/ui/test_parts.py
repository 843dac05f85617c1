"""Bridge, work, reports, dialogs, memory, key questions and colours."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import Unreachable
from grokdesk.core.notices import AccountChanged, Bus, GatewayChanged, GatewayPhase, GatewayState, KeysChanged
from grokdesk.platform.secrets import KeySource
from grokdesk.ui import dialogs, report, words
from grokdesk.ui.bridge import Bridge
from grokdesk.ui.memory import Memory, Remembered
from grokdesk.ui.theme import DARK, EDGE_ON, LIGHT, TEXT_ON, Look, Tokens
from grokdesk.ui.widgets.banner import Notice, Weight, most_serious
from grokdesk.ui.windows.key_choice import ChooseKey, KeyDialog, KnownPassphrase, NewKey
from grokdesk.ui.work import Work
from tests.ui.faces import click, dialog, no_dialog, press, settle
from tests.ui.stand_in import NOON, every_state

# --- bridge
# ----------------------------------------------------------------------------------------------------------


async def test_a_burst_of_notices_is_one_signal_a_frame(qapp: QApplication) -> None:
    """
    A thousand changes within a frame are one batch; without notices no timer runs.
    """
    bus = Bus()
    bridge = Bridge(bus)
    batches: list[frozenset[AccountId]] = []
    states: list[GatewayState] = []
    bridge.accounts.connect(batches.append)
    bridge.gateway.connect(states.append)
    assert bridge.idle

    for number in range(1000):
        bus.publish(AccountChanged(frozenset({AccountId(str(number % 50))})))
    for phase in (GatewayPhase.STARTING, GatewayPhase.RUNNING):
        bus.publish(GatewayChanged(GatewayState(phase)))
    await settle(0.1)

    assert batches == [frozenset(AccountId(str(number)) for number in range(50))]
    assert [state.phase for state in states] == [GatewayPhase.RUNNING]
    assert bridge.idle


async def test_signals_are_a_frame_apart(qapp: QApplication) -> None:
    """
    However many notices come, each kind is told at most thirty times a second.
    """
    bus = Bus()
    bridge = Bridge(bus)
    told: list[int] = []
    bridge.keys.connect(lambda: told.append(1))
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.5

    while loop.time() < until:
        bus.publish(KeysChanged())
        await asyncio.sleep(0.001)

    assert 5 <= len(told) <= 16
    bridge.close()
    bus.publish(KeysChanged())
    assert bridge.idle


# --- work
# ------------------------------------------------------------------------------------------------------------


async def test_work_ends_with_its_owner() -> None:
    """
    Closing cancels what runs, and nothing starts afterwards.
    """
    left: list[str] = []
    work = Work(lambda error: left.append(str(error)))

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            left.append("cancelled")

    work.start(wait())
    await settle(0.01)
    await work.ended()

    assert left == ["cancelled"]
    assert work.running == 0
    assert work.start(wait()) is None


async def test_exclusive_work_replaces_itself() -> None:
    """
    A second search cancels the first.
    """
    heard: list[int] = []
    work = Work(lambda _: heard.append(-1))

    async def say(number: int) -> None:
        await asyncio.sleep(0.01)
        heard.append(number)

    for number in range(3):
        work.start(say(number), exclusive="search")
    await settle(0.05)

    assert heard == [2]


async def test_a_failure_is_reported_once() -> None:
    """
    What a slot started and what failed is shown.
    """
    told: list[BaseException] = []
    work = Work(told.append)

    async def fail() -> None:
        raise Unreachable("Grok cannot be reached.", hint="Check the connection.")

    work.start(fail())
    await settle(0.02)

    assert [str(error) for error in told] == ["Grok cannot be reached."]


# --- reports
# ---------------------------------------------------------------------------------------------------------


def test_our_errors_speak_for_themselves(qapp: QApplication) -> None:
    """
    Title, message and hint come from the error.
    """
    said = report.explain(Unreachable("No connection.", hint="Check the cable.", detail="curl 7"))

    assert (said.title, said.text) == ("Grok cannot be reached", "No connection. Check the cable.")


def test_other_errors_show_nothing_of_themselves(
    qapp: QApplication, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A bug is logged with its traceback and told without it.
    """
    with caplog.at_level(logging.ERROR):
        said = report.explain(KeyError("secret-token"))

    assert "secret-token" not in said.title + said.text + said.detail
    assert "unexpected failure" in caplog.text


def test_a_failing_report_is_only_logged(qapp: QApplication, caplog: pytest.LogCaptureFixture) -> None:
    """
    Nobody above could hear it.
    """

    def broken(_: report.Explained) -> None:
        raise RuntimeError("no window")

    report.show(broken, ValueError("x"))

    assert "could not show an error" in caplog.text


# --- dialogs
# ---------------------------------------------------------------------------------------------------------


async def test_a_question_is_awaited_while_the_loop_goes_on(qapp: QApplication) -> None:
    """
    A dialog is opened, not run: other tasks work while it waits.
    """
    asking = asyncio.get_running_loop().create_task(
        dialogs.ask(None, dialogs.Question("Sure?", "Text", "Yes", "No"))
    )
    await settle()
    assert not asking.done()

    click(dialog(dialogs.Ask).yes)

    assert await asyncio.wait_for(asking, 1) is dialogs.Answer.YES


async def test_a_risky_question_defaults_to_the_safe_answer(qapp: QApplication) -> None:
    """
    Enter never does harm.
    """
    question = dialogs.Question("Sure?", "Text", "Revoke", "Keep", risky=True)
    asking = asyncio.get_running_loop().create_task(dialogs.ask(None, question))
    await settle()

    press(dialog(dialogs.Ask), Qt.Key.Key_Return)

    assert await asyncio.wait_for(asking, 1) is dialogs.Answer.NO


async def test_cancelling_closes_the_dialog(qapp: QApplication) -> None:
    """
    No dialog outlives the work that asked.
    """
    asking = asyncio.get_running_loop().create_task(
        dialogs.ask(None, dialogs.Question("Sure?", "Text", "Yes", "No"))
    )
    await settle()
    assert not no_dialog()

    asking.cancel()
    await settle()

    assert asking.cancelled()
    assert no_dialog()


# --- the master key
# --------------------------------------------------------------------------------------------------


async def answer_key(
    qt: QApplication, source: KeySource | None, kind: type[KeyDialog], act: object
) -> object:
    asking = asyncio.get_running_loop().create_task(ChooseKey(Look(qt)).ask(source))
    await settle()
    act(dialog(kind))  # type: ignore[operator]  # what the test does to the dialog
    await settle(0.02)
    return await asyncio.wait_for(asking, 1)


async def test_a_key_file_is_chosen_in_the_open(qapp: QApplication) -> None:
    """
    Without a keyring the owner decides; a key file is one of two answers.
    """

    def choose(shown: NewKey) -> None:
        shown.by_file.setChecked(True)
        click(shown.yes)

    choice = await answer_key(qapp, None, NewKey, choose)

    assert choice is not None
    assert getattr(choice, "passphrase", "missing") is None


async def test_a_passphrase_has_to_be_typed_twice_and_long_enough(qapp: QApplication) -> None:
    """
    A slip is told at the field, and nothing is decided.
    """
    said: list[str] = []

    def choose(shown: NewKey) -> None:
        shown.first.setText("short")
        click(shown.yes)
        said.append(shown.problem.text())
        shown.first.setText("long enough")
        shown.second.setText("long enouhg")
        click(shown.yes)
        said.append(shown.problem.text())
        shown.second.setText("long enough")
        click(shown.yes)

    choice = await answer_key(qapp, None, NewKey, choose)

    assert said == ["The passphrase needs at least 8 characters.", "The two are not the same."]
    assert getattr(choice, "passphrase").reveal() == "long enough"  # noqa: B009 - an object to mypy


async def test_not_deciding_quits(qapp: QApplication) -> None:
    """
    Closing the question starts nothing.
    """
    assert (
        await answer_key(qapp, KeySource.PASSPHRASE, KnownPassphrase, lambda shown: click(shown.no)) is None
    )


# --- memory
# ----------------------------------------------------------------------------------------------------------


def test_the_window_is_remembered(tmp_path: Path) -> None:
    """
    What was saved is there at the next start.
    """
    memory = Memory(tmp_path)
    memory.change(spots={"main 1x1": [1, 2, 900, 600, 0]}, notes_read=("a",))
    memory.save()

    assert Memory(tmp_path).now == memory.now


@pytest.mark.parametrize("text", ["", "[]", "{", '{"spots": {"a": "wide"}}', '{"notes_read": 5}'])
def test_a_broken_memory_is_like_none(tmp_path: Path, text: str) -> None:
    """
    A file that somebody damaged does not stop the program.
    """
    (tmp_path / "window.json").write_text(text)

    assert Memory(tmp_path).now == Remembered()


def test_memory_from_a_newer_version_is_read(tmp_path: Path) -> None:
    """
    What is not known is ignored.
    """
    (tmp_path / "window.json").write_text(json.dumps({"pane": "requests", "zoom": 3}))

    assert Memory(tmp_path).now.pane == "requests"


# --- looks and words
# -------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    def part(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    made = QColor(colour)
    return 0.2126 * part(made.redF()) + 0.7152 * part(made.greenF()) + 0.0722 * part(made.blueF())


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("token", "ground", "least"),
    [(token, ground, 4.5) for token, grounds in TEXT_ON.items() for ground in grounds]
    + [(token, ground, 3.0) for token, grounds in EDGE_ON.items() for ground in grounds],
)
def test_text_and_edges_stand_out(tokens: Tokens, token: str, ground: str, least: float) -> None:
    """
    Every pair of colours in use can be read.
    """
    assert contrast(getattr(tokens, token), getattr(tokens, ground)) >= least


def test_the_style_sheet_names_only_known_colours(qapp: QApplication) -> None:
    """
    No token is left unreplaced.
    """
    Look(qapp).choose("dark")

    assert "@" not in qapp.styleSheet()
    assert DARK.accent in qapp.styleSheet()


def test_the_heaviest_notice_wins() -> None:
    """
    One banner at a time: errors before notes, the first among equals.
    """
    note, first, second = (
        Notice("a", Weight.INFO, "note"),
        Notice("b", Weight.ERROR, "first"),
        Notice("c", Weight.ERROR, "second"),
    )

    assert most_serious([note, first, second]) is first
    assert most_serious([]) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (44.1, "45 s"), (57, "1 min"), (700, "12 min"), (3_600, "1 h"), (90_000, "1 d")],
)
def test_spans_are_rough_and_short(qapp: QApplication, seconds: float, said: str) -> None:
    """
    A person wants to know roughly.
    """
    assert words.span(seconds) == said


def test_what_is_due_another_day_is_told_with_its_date(qapp: QApplication) -> None:
    """
    At 17:25, a quota that is full again after a day is not "free at 17:25".
    """
    assert words.due(NOON + 60, NOON) == words.at(NOON + 60)
    tomorrow = words.due(NOON + 86_400, NOON)
    assert tomorrow == words.at(NOON + 86_400, NOON) != words.at(NOON + 86_400)


def test_no_text_shows_a_token(qapp: QApplication) -> None:
    """
    Names end in the last four characters at most.
    """
    for one in every_state():
        said = words.account_state(one, NOON)
        assert one.token.reveal() not in f"{one.name}{said.text}{said.why}"


def test_widgets_are_not_left_behind(qapp: QApplication) -> None:
    """
    Guards this file: no dialog of a test is still open.
    """
    assert [one for one in QApplication.topLevelWidgets() if one.isVisible()] == []
