"""Rows: their order and filter, row by row, and how fast ten thousand are."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from grokdesk.core.accounts import Account, Status, Tier
from grokdesk.ui.models.accounts import NO_SIEVE, STATE, Accounts, Sieve, State
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
    warm = timed(lambda: crowd.warm_up(10))
    first = timed(lambda: crowd.sift(Sieve("77")))
    again = timed(lambda: crowd.sift(Sieve("7")))
    clear = timed(lambda: crowd.sift(NO_SIEVE))
    chosen = timed(lambda: crowd.sift(Sieve(states=frozenset({State.READY}), tiers=frozenset({Tier.SUPER}))))
    crowd.sift(NO_SIEVE)
    crowd.overview()
    counts = timed(crowd.facets) + timed(crowd.overview)
    name = timed(lambda: crowd.sort(0))
    state = timed(lambda: crowd.sort(STATE))
    changed = frozenset(crowd.row(place).id for place in range(0, 9_000, 30))
    crowd._pool.edit(changed, lambda account: replace(account, uses=account.uses + 1))  # noqa: SLF001 - its own
    many = timed(lambda: crowd.changed(changed))
    table.selectAll()
    selected = timed(lambda: crowd.sort(0, Qt.SortOrder.DescendingOrder))
    all_of_them = table.selected_count()
    table.scrollToBottom()
    scrolled = timed(table.grab)

    with capsys.disabled():
        print(  # noqa: T201 - the numbers are the point
            f"\n10,000 accounts, ms: load {load:.0f}, first paint {show:.0f}, warm up {warm:.0f} in parts, "
            f"search {first:.1f}, again {again:.1f}, clear {clear:.1f}, filter {chosen:.1f}, "
            f"counts {counts:.1f}, sort by name {name:.1f}, by state {state:.1f}, "
            f"all selected {selected:.1f}, 300 changes {many:.1f}, scroll to the end {scrolled:.0f}"
        )
    assert len(crowd) == all_of_them == 10_000
    assert load < 500
    assert scrolled < 150  # with all of them selected
    # Ten times what was measured: others work on this machine as well.
    assert max(first, again, clear, chosen, counts, name, state, many) < 120


TAGS = st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=2).map(tuple)
SOME = st.builds(
    lambda number, tier, tags, adult, status, rests, label: account(
        number,
        tier,
        tags=tags,
        adult_at=NOON if adult else None,
        status=status,
        resting_until=NOON + 10 if rests else 0.0,
        label=label,
    ),
    st.integers(0, 10_000),
    st.sampled_from(Tier),
    TAGS,
    st.booleans(),
    st.sampled_from(Status),
    st.booleans(),
    st.sampled_from(["Anna", "Ben", "anna two"]),
)
SIEVES = st.builds(
    Sieve,
    st.sampled_from(["", "anna", "anna two", "super"]),
    st.frozensets(st.sampled_from(State)),
    st.frozensets(st.sampled_from(Tier)),
    st.frozensets(st.sampled_from(["", "a", "b"])),
    st.frozensets(st.booleans()),
)


@given(accounts=st.lists(SOME, unique_by=lambda one: one.id, max_size=12), sieve=SIEVES)
def test_a_count_is_how_many_its_choice_shows(
    qapp: QApplication, accounts: list[Account], sieve: Sieve
) -> None:
    """
    Whatever else is chosen: choosing that one value alone of its filter shows as many rows.
    """
    model = Accounts(_Pool(accounts), lambda: NOON, Look(qapp))  # type: ignore[arg-type]  # what it asks of a pool
    model.load()
    model.sift(sieve)
    facets = model.facets()

    counted = [
        *((replace(sieve, states=frozenset({one})), facets.states[one]) for one in State),
        *((replace(sieve, tiers=frozenset({one})), facets.tiers[one]) for one in Tier),
        *((replace(sieve, tags=frozenset({one})), facets.tags[one]) for one in ("", "a", "b")),
        *((replace(sieve, adult=frozenset({one})), facets.adult[one]) for one in (True, False)),
    ]
    shown = []
    for narrowed, _ in counted:
        model.sift(narrowed)
        shown.append(len(model))

    assert shown == [count for _, count in counted]
    assert sum(model.overview().states.values()) == len(accounts)


class _Pool:
    """What the model asks of a pool."""

    def __init__(self, accounts: list[Account]) -> None:
        self._accounts = accounts

    def accounts(self) -> list[Account]:
        return self._accounts

    def in_flight(self, _: str) -> int:
        return 0


@given(steps=st.lists(st.lists(SOME, max_size=4), max_size=4))
def test_the_sums_follow_every_change(qapp: QApplication, steps: list[list[Account]]) -> None:
    """
    Kept along, they are what counting anew gives.
    """
    known: dict[str, Account] = {}

    class Pool(_Pool):
        def get(self, one: str) -> Account | None:
            return known.get(one)

        def accounts(self) -> list[Account]:
            return list(known.values())

    model = Accounts(Pool([]), lambda: NOON, Look(qapp))  # type: ignore[arg-type]  # what it asks of a pool
    model.load()
    model.overview()

    for step in steps:
        touched = {one.id for one in step}
        for one in step:
            if known.pop(one.id, None) is None:
                known[one.id] = replace(one, uses=3, failures=1)
        model.changed(frozenset(touched))

    kept = model.overview()
    again = Accounts(Pool([]), lambda: NOON, Look(qapp))  # type: ignore[arg-type]  # what it asks of a pool
    again.load()
    assert again.overview() == kept
