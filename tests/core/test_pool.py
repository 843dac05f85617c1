"""Which account answers, and why none does."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import AccountId, Meter, Mode, Status, Tier
from grokdesk.core.pool import Choice, Lack, Need, Seat, Shortage, Strategy, choose, seats_in
from tests import make
from tests.make import NOW

log = logging.getLogger(__name__)

BASIC = Need((Tier.BASIC, Tier.SUPER, Tier.HEAVY), (Mode.FAST,))
BEST = Need((Tier.HEAVY, Tier.SUPER, Tier.BASIC), (Mode.FAST,))
AUTO = Need((Tier.BASIC, Tier.SUPER), (Mode.AUTO, Mode.FAST, Mode.EXPERT))


def chosen(
    *seats: Seat,
    need: Need = BASIC,
    strategy: Strategy = Strategy.BY_QUOTA,
    tried: Collection[AccountId] = (),
    max_in_flight: int = 2,
    rng: Random | None = None,
) -> Choice | Shortage:
    return choose(
        make.seats(*seats),
        need,
        strategy=strategy,
        max_in_flight=max_in_flight,
        tried=tried,
        now=NOW,
        rng=rng or Random(1),
    )


def name(found: Choice | Shortage) -> str:
    return found.seat.account.name if isinstance(found, Choice) else found.lack.value


# --- preference ---------------------------------------------------------------------------------------------


def test_tiers_are_asked_in_the_order_of_the_need() -> None:
    """
    The same three accounts: the cheapest first, or the best first.
    """
    seats = [make.seat(tier.value, tier=tier) for tier in (Tier.SUPER, Tier.BASIC, Tier.HEAVY)]

    assert name(chosen(*seats, need=BASIC)) == "basic"
    assert name(chosen(*seats, need=BEST)) == "heavy"


def test_the_next_tier_serves_when_the_first_has_no_room() -> None:
    """
    A busy or used-up tier is passed over.
    """
    seats = [make.seat("basic", left=0), make.seat("super", tier=Tier.SUPER)]

    assert name(chosen(*seats)) == "super"


def test_an_account_of_unknown_tier_serves_like_a_basic_one() -> None:
    """
    It is asked where basic is, in the same breath and not elsewhere.
    """
    unknown = make.seat("unknown", tier=Tier.UNKNOWN, left=30)

    assert name(chosen(unknown, make.seat("basic", left=1))) == "unknown"
    assert name(chosen(unknown, need=Need((Tier.SUPER,), (Mode.FAST,)))) == "none_fit"
    assert seats_in(make.seats(unknown), Tier.SUPER) == ([],)


def test_every_tier_is_asked_for_the_first_mode_before_any_for_the_second() -> None:
    """
    Auto of a dear account comes before fast of a cheap one.
    """
    seats = [make.seat("basic"), make.seat("super", tier=Tier.SUPER)]

    found = chosen(*seats, need=AUTO)

    assert isinstance(found, Choice)
    assert (found.seat.account.name, found.meter) == ("super", Mode.AUTO)


def test_auto_is_answered_by_fast_then_expert() -> None:
    """
    When auto is used up, fast answers; when that is used up too, expert.
    """
    seat = make.seat("super", tier=Tier.SUPER)
    order = []

    for mode in (Mode.AUTO, Mode.FAST, Mode.EXPERT):
        found = chosen(seat, need=AUTO)
        order.append(found.meter if isinstance(found, Choice) else found)
        seat.update(seat.account.with_window(mode, make.window(0, reset_at=NOW + 60)))

    assert order == [Mode.AUTO, Mode.FAST, Mode.EXPERT]


def test_the_fullest_account_is_asked_first() -> None:
    """
    By quota: the largest share left, whatever the sizes of the windows.
    """
    seats = [make.seat("a", left=10), make.seat("b", left=29), make.seat("c", left=20)]

    assert name(chosen(*seats)) == "b"


@pytest.mark.parametrize(
    "worse",
    [{"in_flight": 1}, {"leased_at": NOW - 1}, {"faults": 3}, {"left": 20}],
    ids=["busy", "just asked", "failing", "less left"],
)
def test_otherwise_equal_accounts_take_turns(worse: dict[str, Any]) -> None:
    """
    Busy, recent and failing accounts come later.
    """
    assert name(chosen(make.seat("a", **{"left": 30, **worse}), make.seat("b", left=30))) == "b"


def test_a_window_past_its_reset_counts_as_full() -> None:
    """
    The reset does not have to be noticed by anybody first.
    """
    reset = make.seat("a", windows={Mode.FAST: make.window(0, reset_at=NOW - 1)})

    assert name(chosen(reset, make.seat("b", left=10))) == "a"


def test_random_spreads_evenly() -> None:
    """
    With the random strategy every account is asked about as often, however much each has left.
    """
    rng = Random(7)
    seats = [make.seat("a", left=1), make.seat("b", left=30), make.seat("c", left=15)]

    names = [name(chosen(*seats, strategy=Strategy.RANDOM, rng=rng)) for _ in range(300)]

    assert all(60 < names.count(one) < 140 for one in "abc")


# --- shortage -----------------------------------------------------------------------------------------------

LACKS: list[tuple[str, list[Seat], dict[str, Any], Shortage]] = [
    ("nobody at all", [], {}, Shortage(Lack.NO_ACCOUNTS)),
    (
        "only other tiers",
        [make.seat("a")],
        {"need": Need((Tier.HEAVY,), (Mode.HEAVY,))},
        Shortage(Lack.NONE_FIT),
    ),
    (
        "the mode is missing",
        [make.seat("a")],
        {"need": Need((Tier.BASIC,), (Mode.HEAVY,))},
        Shortage(Lack.NONE_FIT, total=1),
    ),
    (
        "signed out, blocked, switched off",
        [make.seat(status.value, status=status) for status in Status if status is not Status.ACTIVE],
        {},
        Shortage(Lack.NONE_USABLE, total=3),
    ),
    (
        "used up or resting",
        [make.seat("a", left=0), make.seat("b", resting_until=NOW + 60)],
        {},
        Shortage(Lack.ALL_LIMITED, free_at=NOW + 60, total=2),
    ),
    (
        "busy",
        [make.seat("a", in_flight=2), make.seat("b", left=0)],
        {},
        Shortage(Lack.ALL_BUSY, free_at=NOW + 1, total=2),
    ),
    ("tried", [make.seat("a")], {"tried": {AccountId("a")}}, Shortage(Lack.ALL_TRIED, total=1)),
    (
        "tried, and the other is used up",
        [make.seat("a"), make.seat("b", left=0)],
        {"tried": {AccountId("a")}},
        Shortage(Lack.ALL_TRIED, free_at=NOW + 3_600, total=2),
    ),
]


@pytest.mark.parametrize(
    ("seats", "more", "lack"), [case[1:] for case in LACKS], ids=[case[0] for case in LACKS]
)
def test_a_shortage_says_what_is_missing(seats: list[Seat], more: dict[str, Any], lack: Shortage) -> None:
    """
    Each reason why nobody can answer has its own name, and says when somebody can.
    """
    assert chosen(*seats, **more) == lack


# --- properties ---------------------------------------------------------------------------------------------


@st.composite
def crowds(draw: st.DrawFn) -> list[Seat]:
    states = st.tuples(
        st.sampled_from(Tier),
        st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.ACTIVE, *Status]),
        st.integers(0, 3),
        st.sampled_from([0.0, NOW + 60]),
        st.integers(0, 3),
    )
    return [
        make.seat(str(number), tier=tier, status=status, left=left, resting_until=rest, in_flight=in_flight)
        for number, (tier, status, left, rest, in_flight) in enumerate(draw(st.lists(states, max_size=12)))
    ]


needs = st.builds(
    Need,
    st.permutations([Tier.BASIC, Tier.SUPER, Tier.HEAVY]).map(tuple),
    st.lists(st.sampled_from(Mode), min_size=1, max_size=3, unique=True).map(tuple),
)


def free_now(seat: Seat, meter: Meter, max_in_flight: int, tried: Collection[AccountId]) -> bool:
    """Whether it may serve, said from the account alone."""
    account = seat.account
    return account.free_at(meter) <= NOW and seat.in_flight < max_in_flight and account.id not in tried


@given(
    crowds(),
    needs,
    st.sampled_from(Strategy),
    st.sets(st.integers(0, 11).map(lambda number: AccountId(str(number)))),
    st.integers(1, 3),
    st.randoms(use_true_random=False),
)
def test_a_choice_has_room_and_a_shortage_is_true(
    crowd: list[Seat], need: Need, strategy: Strategy, tried: set[AccountId], max_in_flight: int, rng: Random
) -> None:
    """
    Never a seat that is busy, limited, tried or not active; never "nobody" while somebody could serve.
    """
    found = chosen(*crowd, need=need, strategy=strategy, tried=tried, max_in_flight=max_in_flight, rng=rng)

    able = [
        (seat, mode)
        for mode in need.meters
        for tier in need.tiers
        for group in seats_in(make.seats(*crowd), tier)
        for seat in group
        if free_now(seat, mode, max_in_flight, tried)
    ]
    if isinstance(found, Choice):
        assert (found.seat, found.meter) in able
        assert found.meter == able[0][1]
    else:
        assert able == []


@pytest.mark.parametrize("free", [1, 10_000])
def test_ten_thousand_accounts_are_no_burden(free: int) -> None:
    """
    A choice among 10,000 finds the only free one, and needs to look at few when all are.
    """
    seats = [make.seat(str(number), left=1 if number < free else 0) for number in range(10_000)]
    groups = make.seats(*seats)
    rng = Random(3)

    began = time.perf_counter()
    found = choose(groups, BASIC, strategy=Strategy.BY_QUOTA, max_in_flight=8, tried=(), now=NOW, rng=rng)
    log.info("chose among=10000 free=%d ms=%.3f", free, (time.perf_counter() - began) * 1000)

    assert isinstance(found, Choice)
    assert free_now(found.seat, found.meter, 8, ())


# --- room ---------------------------------------------------------------------------------------------------


def test_an_account_may_have_a_limit_of_its_own() -> None:
    """
    Lower or higher than what the settings say.
    """
    narrow, wide = make.seat("narrow", max_parallel=1), make.seat("wide", max_parallel=3)
    narrow.in_flight, wide.in_flight = 1, 2

    assert name(chosen(narrow, max_in_flight=2)) == "all_busy"
    assert name(chosen(wide, max_in_flight=2)) == "wide"


@pytest.mark.parametrize(
    "how",
    [
        {"faults": 1},
        {"windows": {Mode.FAST: make.window(0, refused_at=NOW - 60, refused_until=NOW - 30)}},
    ],
    ids=["after faults", "after a refusal"],
)
def test_one_request_at_a_time_tries_whether_it_works_again(how: dict[str, Any]) -> None:
    """
    Half open: nothing more is risked until an answer came.
    """
    seat = make.seat("a", **how)

    first = chosen(seat)
    seat.in_flight = 1
    second = chosen(seat)

    assert (name(first), name(second)) == ("a", "all_busy")


def test_what_other_gateways_hold_takes_room() -> None:
    """
    The limit is that of the account, whoever asks.
    """
    seat = make.seat("a")
    seat.in_flight, seat.elsewhere = 1, 1

    assert name(chosen(seat, max_in_flight=2)) == "all_busy"
