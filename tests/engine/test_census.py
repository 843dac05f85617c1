"""Accounts are counted by state without looking at all of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import AccountId, Status
from grokdesk.engine.census import Census

ACTIVE = AccountId("active")
Step = tuple[str, int, Status, float, float]

steps = st.lists(
    st.tuples(
        st.sampled_from(("take", "take", "forget", "count")),
        st.integers(0, 5),
        st.sampled_from(Status),
        st.sampled_from((0.0, 5.0, 10.0, 15.0, inf)),
        st.sampled_from((-4.0, 0.0, 3.0, 6.0)),
    ),
    max_size=60,
)


@given(steps)
def test_it_agrees_with_counting_one_by_one(taken: Sequence[Step]) -> None:
    """
    Whatever comes, changes, goes and becomes free, also when the clock is put back.
    """
    census, really, now = Census(), dict[AccountId, tuple[Status, float]](), 1.0
    for act, number, status, free_from, later in taken:
        one = AccountId(f"a{number}")
        now += later
        if act == "take":
            census.take(one, status, free_from)
            really[one] = (status, free_from)
        elif act == "forget":
            census.forget(one)
            really.pop(one, None)
        states = list(really.values())
        active = [at for status, at in states if status is Status.ACTIVE]
        assert len(census) == len(really)
        assert census.counts(now) == (
            sum(at <= now for at in active),
            sum(at > now for at in active),
            sum(status in {Status.EXPIRED, Status.BLOCKED} for status, _ in states),
            sum(status is Status.DISABLED for status, _ in states),
        )


def test_many_changes_of_one_account_leave_no_trail() -> None:
    """
    An account that rests again and again is remembered once.
    """
    census = Census()
    for number in range(5_000):
        census.take(ACTIVE, Status.ACTIVE, 10.0 + number)

    assert len(census._later) <= 1_002  # noqa: SLF001 - without a window nobody asks
    assert census.counts(5.0) == (0, 1, 0, 0)
    assert census.counts(10_000.0) == (1, 0, 0, 0)
    assert len(census._later) <= 1_002  # noqa: SLF001 - what it must not do is grow
