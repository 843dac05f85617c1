"""Rows: their order and filter, row by row, and how fast ten thousand are."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from grokdesk.core.accounts import Tier
from grokdesk.ui.models.accounts import STATE, Accounts
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import Look
from grokdesk.ui.widgets.table import Table
from tests.ui.stand_in import NOON, StandIn, account

Pair = tuple[str, int]


def rows(*pairs: Pair) -> Rows[Pair]:
    made: Rows[Pair] = Rows(
        (
            Column("Name", lambda row: row[0], lambda row: row[0]),
            Column("Worth", lambda row: str(row[1]), lambda row: row[1], right=True),
        ),
        key=lambda row: row[0],
    )
    made.fill(pairs)
    return made


def shown(model: Rows[Pair]) -> list[str]:
    return [str(model.index(place, 0).data()) for place in range(model.rowCount())]


def heard(model: Rows[Pair]) -> list[str]:
    told: list[str] = []
    model.modelReset.connect(lambda: told.append("reset"))
    model.dataChanged.connect(lambda *_: told.append("changed"))
    model.rowsInserted.connect(lambda *_: told.append("inserted"))
    model.rowsRemoved.connect(lambda *_: told.append("removed"))
    return told


def test_changes_touch_only_their_rows(qapp: QApplication) -> None:
    """
    A notice never resets the model: views keep their place and selection.
    """
    model = rows(("a", 1), ("b", 2), ("c", 3))
    told = heard(model)

    model.apply({"b": ("b", 20), "c": None, "d": ("d", 4)})

    assert shown(model) == ["a", "b", "d"]
    assert model.index(1, 1).data() == "20"
    assert told == ["changed", "removed", "inserted"]


def test_a_new_row_comes_in_at_its_place(qapp: QApplication) -> None:
    """
    In a sorted list, newcomers are where they belong.
    """
    model = rows(("a", 1), ("c", 3))
    model.sort(1, Qt.SortOrder.DescendingOrder)

    model.apply({"b": ("b", 2)})

    assert shown(model) == ["c", "b", "a"]


def test_rows_that_no_longer_pass_leave_and_come_back(qapp: QApplication) -> None:
    """
    The filter holds for changes too.
    """
    model = rows(("a", 1), ("b", 2))
    model.filter(lambda row: row[1] < 10)

    model.apply({"a": ("a", 11)})
    gone = shown(model)
    model.apply({"a": ("a", 2)})

    assert gone == ["b"]
    assert sorted(shown(model)) == ["a", "b"]


def test_sorting_takes_the_selection_along(qapp: QApplication) -> None:
    """
    What was selected stays selected, wherever it goes.
    """
    model = rows(("a", 3), ("b", 1), ("c", 2))
    table = Table(model, "Pairs", (100, 100), stretch=0)
    table.select(["c"])

    model.sort(1, Qt.SortOrder.AscendingOrder)

    assert shown(model) == ["b", "c", "a"]
    assert table.selected_keys() == ["c"]


CHANGES = st.dictionaries(
    st.integers(0, 30).map(str), st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=40
)


@given(steps=st.lists(CHANGES, max_size=6), descending=st.booleans(), least=st.integers(0, 9))
def test_any_changes_keep_order_filter_and_promises(
    qapp: QApplication, steps: list[dict[str, int | None]], descending: bool, least: int
) -> None:
    """
    After any changes exactly the rows that pass are shown, and Qt's own tester finds nothing to object to.
    """
    model = rows(*((str(number), number % 10) for number in range(15)))
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
    model.sort(1, order)
    model.filter(lambda row: row[1] >= least)
    expected: dict[str, int] = {str(number): number % 10 for number in range(15)}
    held = QPersistentModelIndex(model.index(0, 0)) if model.rowCount() else None

    for step in steps:
        model.apply({key: None if worth is None else (key, worth) for key, worth in step.items()})
        for key, worth in step.items():
            if worth is None:
                expected.pop(key, None)
            else:
                expected[key] = worth

    assert sorted(shown(model)) == sorted(key for key, worth in expected.items() if worth >= least)
    assert all(model.place(key) == place for place, key in enumerate(model.keys()))
    assert held is None or not held.isValid() or held.row() < model.rowCount()
    assert tester.model() is model


def test_the_screen_reader_hears_column_and_value(qapp: QApplication) -> None:
    """
    A cell names itself.
    """
    model = rows(("a", 1))

    assert model.index(0, 1).data(Qt.ItemDataRole.AccessibleTextRole) == "Worth: 1"


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


@pytest.fixture
async def crowd(tmp_path: object, qapp: QApplication) -> Accounts:
    chance = Random(7)
    tiers = list(Tier)
    accounts = [
        account(
            number,
            chance.choice(tiers),
            label=f"Account {chance.randrange(100_000)}",
            last_use_at=NOON - chance.randrange(90_000),
        )
        for number in range(10_000)
    ]
    host = await StandIn.started(tmp_path, accounts)  # type: ignore[arg-type]  # pytest's path
    return Accounts(host.pool, host.clock.now, Look(qapp))


async def test_ten_thousand_accounts_are_quick(crowd: Accounts, capsys: pytest.CaptureFixture[str]) -> None:
    """
    Loading, searching and sorting stay below what a person notices.
    """
    load = timed(crowd.load)
    table = Table(crowd, "Accounts", (200, 100, 160, 100, 60, 80), stretch=0)
    table.resize(900, 600)
    show = timed(table.grab)
    first = timed(lambda: crowd.filter(lambda row: "77" in row.haystack))
    again = timed(lambda: crowd.filter(lambda row: "7" in row.haystack))
    clear = timed(lambda: crowd.filter(lambda _: True))
    name = timed(lambda: crowd.sort(0))
    state = timed(lambda: crowd.sort(STATE))
    one = timed(lambda: crowd.changed(frozenset({crowd.row(5_000).account.id})))
    table.scrollToBottom()
    scrolled = timed(table.grab)

    with capsys.disabled():
        print(  # noqa: T201 - the numbers are the point
            f"\n10,000 accounts: load {load:.0f} ms, first paint {show:.0f}, search "
            f"{first:.0f}, again {again:.0f}, clear {clear:.0f}, sort by "
            f"name {name:.0f}, by state {state:.0f}, one change {one:.2f}, scroll to the end {scrolled:.0f}"
        )
    assert len(crowd) == 10_000
    assert max(load, first, again, clear, name) < 500
    assert state < 1_000
    assert one < 50
