"""Which failures deserve another try, and on what."""

from __future__ import annotations

import pytest

from grokdesk.core.accounts import AccountId, Status
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    EmptyAnswer,
    FormGone,
    Garbled,
    NoClearance,
    NoWay,
    Overloaded,
    RateLimited,
    Refused,
    SingledOut,
    Stopped,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.core.retry import RetryPolicy, Tries

A, B = AccountId("a"), AccountId("b")

NEVER, OTHER, SAME = "never", "another account", "the same account"
CASES: list[tuple[UpstreamError, bool, str]] = [
    (RateLimited("x"), False, OTHER),
    (RateLimited("x"), True, OTHER),
    (AccountRejected("x", status=Status.EXPIRED), False, OTHER),
    (EmptyAnswer("x"), False, OTHER),
    (Garbled("x"), False, OTHER),
    (UpstreamTimeout("x"), False, OTHER),
    (Overloaded("x"), False, SAME),
    (Challenged("x"), True, SAME),
    (Challenged("x"), False, OTHER),
    (Unreachable("x"), True, SAME),
    (Unreachable("x"), False, OTHER),
    (Refused("x"), True, NEVER),
    (FormGone("x"), True, NEVER),
]


@pytest.mark.parametrize(
    ("error", "egress_changed", "then"), CASES, ids=lambda value: type(value).__name__ if value else None
)
def test_a_failure_leads_to_the_right_next_try(error: UpstreamError, egress_changed: bool, then: str) -> None:
    """
    The table of architecture §17: never, on another account, or once more on the same.
    """
    tries = Tries(RetryPolicy(4))

    if then == NEVER:
        with pytest.raises(type(error)):
            tries.failed(error, A, egress_changed=egress_changed)
        return
    tries.failed(error, A, egress_changed=egress_changed)

    assert tries.again_with == (A if then == SAME else None)
    assert tries.accounts == (set() if then == SAME else {A})


def test_a_second_chance_comes_once() -> None:
    """
    After another overload the next account is asked, and gets its own second chance.
    """
    tries = Tries(RetryPolicy(4))
    stayed = []

    for account in (A, A, B, B):
        tries.failed(Overloaded("busy"), account, egress_changed=False)
        stayed.append(tries.again_with)

    assert stayed == [A, None, B, None]
    assert tries.accounts == {A, B}


@pytest.mark.parametrize("more", [0, 1, 4])
def test_a_request_is_tried_so_often_and_no_more(more: int) -> None:
    """
    `more_tries` further tries, then the client hears the last failure.
    """
    tries = Tries(RetryPolicy(more))
    for number in range(more):
        tries.failed(Garbled(str(number)), AccountId(str(number)), egress_changed=False)

    with pytest.raises(Garbled, match="the last"):
        tries.failed(Garbled("the last"), A, egress_changed=False)

    assert str(tries.last) == "the last"


@pytest.mark.parametrize(
    "error",
    [RateLimited("x"), AccountRejected("x", status=Status.EXPIRED), SingledOut("x")],
    ids=lambda error: type(error).__name__,
)
def test_accounts_out_of_service_cost_little(error: UpstreamError) -> None:
    """
    Five for each try: nobody meets them again, and a pool full of them must not fail a request.
    """
    tries = Tries(RetryPolicy(more_tries=2))
    for number in range(10):
        tries.failed(error, AccountId(str(number)), egress_changed=False)
    for number in range(10, 12):
        tries.failed(error, AccountId(str(number)), egress_changed=False)

    with pytest.raises(type(error)):
        tries.failed(error, A, egress_changed=False)
    assert len(tries.accounts) == 12


def test_before_the_first_failure_there_is_none() -> None:
    """
    Without a failure nothing is told.
    """
    assert Tries(RetryPolicy()).last is None


@pytest.mark.parametrize(
    "error", [Unreachable("x"), NoClearance("x")], ids=lambda error: type(error).__name__
)
def test_dead_ways_cost_no_account(error: UpstreamError) -> None:
    """
    A request moves through several proxies that turn out to be dead with one account, but not without end.
    """
    tries = Tries(RetryPolicy(more_tries=2, more_ways=3))
    stayed = []
    for _ in range(4):
        tries.failed(error, A, egress_changed=True)
        stayed.append(tries.again_with)

    tries.failed(error, A, egress_changed=True)

    assert stayed == [A, A, A, A]
    assert (tries.again_with, tries.accounts) == (None, {A})
    with pytest.raises(type(error)):
        tries.failed(error, B, egress_changed=True)


def test_a_stopped_request_stays_once() -> None:
    """
    Where upstream itself said no, the same account by another way is asked once and not by every way.
    """
    tries = Tries(RetryPolicy(4))

    for _ in range(2):
        tries.failed(Stopped("x"), A, egress_changed=True)

    assert (tries.again_with, tries.accounts) == (None, {A})


def test_an_account_bound_to_a_dead_way_is_left() -> None:
    """
    Whatever changed elsewhere: it may take no other way.
    """
    tries = Tries(RetryPolicy(4))

    tries.failed(NoWay("x"), A, egress_changed=True)

    assert (tries.again_with, tries.accounts) == (None, {A})
