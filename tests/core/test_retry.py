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
    Overloaded,
    RateLimited,
    Refused,
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
        tries.failed(RateLimited(str(number)), AccountId(str(number)), egress_changed=False)

    with pytest.raises(RateLimited, match="the last"):
        tries.failed(RateLimited("the last"), A, egress_changed=False)

    assert str(tries.last) == "the last"


def test_before_the_first_failure_there_is_none() -> None:
    """
    Without a failure nothing is told.
    """
    assert Tries(RetryPolicy()).last is None
