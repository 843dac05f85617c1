"""Charts: what they say, and how a bar is chosen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from grokdesk.core.usage import HOUR_S, HourSum
from grokdesk.ui.models.usage import By, Shown, shown, span
from grokdesk.ui.theme import Look
from grokdesk.ui.widgets.chart import Chart, Series, rounded_up
from tests.ui.faces import settle

NOON = 1_786_500_000.0


@pytest.fixture
def chart(qapp: QApplication) -> Iterator[Chart]:
    made = Chart("Requests", Look(qapp))
    made.resize(400, 200)
    series = (Series("answered", [4, None, 2], "accent"), Series("failed", [1, 0, 0], "error"))
    made.show_values(["1", "2", "3"], ["one", "two", "three"], series, lambda value: f"{value:g}", "7 in all")
    made.show()
    yield made
    made.deleteLater()


def said(chart: Chart) -> str:
    """What a screen reader tells of it."""
    return QAccessible.queryAccessibleInterface(chart).text(QAccessible.Text.Description)


async def test_a_chart_tells_all_of_it_and_each_place_by_keys(chart: Chart) -> None:
    """
    The whole first; arrows go from place to place and stay inside; Esc goes back to the whole.
    """
    told = [said(chart)]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Escape):
        QTest.keyClick(chart, key)
        told.append(said(chart))

    assert told == [
        "7 in all",
        "one: answered 4, failed 1",
        "two: failed 0",
        "three: answered 2, failed 0",
        "three: answered 2, failed 0",
        "7 in all",
    ]


async def test_the_pointer_reads_the_place_it_is_over(chart: Chart) -> None:
    """
    From the left to the right; beside the bars it is the whole again.
    """
    await settle()
    for x, text in ((60, "one"), (210, "two"), (380, "three"), (2, "7 in all")):
        QTest.mouseMove(chart, QPoint(x, 100))
        await settle(0.01)
        assert chart.reading().startswith(text)


@pytest.mark.parametrize("lines", [False, True])
async def test_a_chart_without_values_paints(qapp: QApplication, lines: bool) -> None:
    """
    Nothing to show is no error, nor is a single value of nothing.
    """
    made = Chart("Empty", Look(qapp), lines=lines)
    made.resize(300, 200)
    first = made.grab()
    made.show_values(["a"], ["a"], (Series("x", [None], "ok"),), str, "nothing")

    assert not first.isNull()
    assert not made.grab().isNull()
    made.deleteLater()


@pytest.mark.parametrize(
    ("value", "top"), [(0, 4), (4, 4), (5, 8), (9, 10), (11, 20), (85, 100), (101, 200), (9_000, 10_000)]
)
def test_the_top_of_a_chart_is_round(value: float, top: float) -> None:
    """
    Not below the highest value, and four even steps high.
    """
    assert rounded_up(value) == top


# --- what is shown ------------------------------------------------------------------------------------------


def found(days: int, by: By, *hours: HourSum) -> Shown:
    return shown(hours, NOON, days, by)


def test_a_day_has_24_hours_and_a_week_seven_days() -> None:
    """
    Also those in which nothing was asked; the present one is the last.
    """
    start, end = span(NOON, 1)
    last = HourSum("a", end - HOUR_S, "m", "c", done=2)
    early = HourSum("b", start, "m", "c", failed=1)

    day = found(1, By.HOUR, last, early)
    week = found(7, By.DAY, last, early)

    assert [len(day.bars), len(week.bars)] == [24, 7]
    assert (day.bars[0].figures.failed, day.bars[-1].figures.done) == (1, 2)
    assert week.bars[-1].figures.done == 2
    assert (day.whole.requests, week.whole.requests) == (3, 3)


def test_of_many_models_the_least_used_are_one_bar() -> None:
    """
    What is asked most comes first, and nothing is lost.
    """
    hours = [HourSum(str(n), int(NOON), f"m{n:02}", "", done=40 - n) for n in range(20)]

    models, clients = found(1, By.MODEL, *hours), found(1, By.CLIENT, *hours)

    assert [bar.name for bar in models.bars] == [*(f"m{n:02}" for n in range(11)), "Others"]
    assert models.whole.requests == clients.whole.requests == sum(40 - n for n in range(20))
    assert [bar.name for bar in clients.bars] == ["not named"]
