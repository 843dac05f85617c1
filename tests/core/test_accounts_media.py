"""What an account has left of pictures and films, and what its uses and refusals change of that."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import (
    Account,
    Limited,
    MediaQuota,
    Mode,
    Outcome,
    Product,
    Report,
    RestPolicy,
    Status,
    Succeeded,
    after,
    told,
)
from grokdesk.core.upkeep import Intervals, due_at, meters_due
from tests import make
from tests.make import NOW

POLICY = RestPolicy()
DAY = 86_400
PRO = Product.IMAGE_PRO
EVERY = Intervals(basic_s=DAY, super_s=DAY, heavy_s=DAY, pause_s=60)


def quota(remaining: int | None = 5, **more: Any) -> MediaQuota:  # noqa: ANN401 - any field of it
    """What upstream says of a product."""
    return replace(MediaQuota(available=remaining != 0, remaining=remaining, window_s=DAY), **more)


def having(**quotas: MediaQuota) -> Account:
    """An account with these products, named as members of `Product`."""
    return make.account(media={Product[name]: one for name, one in quotas.items()})


@pytest.mark.parametrize(
    ("account", "free_at"),
    [
        (make.account(), 0.0),
        (having(IMAGE_PRO=quota(5)), 0.0),
        (having(IMAGE_PRO=quota(None)), 0.0),
        (having(IMAGE_PRO=quota(0, reset_at=NOW + 9)), NOW + 9),
        (having(IMAGE_PRO=quota(5, refused_until=NOW + 7)), NOW + 7),
        (having(IMAGE=quota(5)), inf),
        (replace(having(IMAGE_PRO=quota(5)), status=Status.EXPIRED), inf),
        (replace(having(IMAGE_PRO=quota(5)), resting_until=NOW + 3), NOW + 3),
    ],
)
def test_an_account_may_make_what_upstream_gives_it(account: Account, free_at: float) -> None:
    """
    What it did not name is not there; before it has named anything, everything is tried.
    """
    assert account.free_at(PRO) == free_at


def test_what_only_use_has_taught_does_not_rule_out_the_rest() -> None:
    """
    One refused picture says nothing about films.
    """
    account = after(make.account(), Limited("No more.", 60), PRO, NOW, POLICY)

    assert (account.free_at(PRO), account.free_at(Product.VIDEO_720P)) == (NOW + 60, 0.0)


def test_a_picture_is_spent() -> None:
    """
    The last one until the window is over; a refusal from before is forgotten.
    """
    account = having(IMAGE_PRO=quota(2, refused_at=NOW - 9, refused_until=NOW - 1))
    once = after(account, Succeeded(), PRO, NOW, POLICY)
    twice = after(once, Succeeded(), PRO, NOW, POLICY)

    assert once.media[PRO] == quota(1, used_at=NOW)
    assert twice.free_at(PRO) == NOW + DAY
    assert (twice.uses, twice.windows) == (2, account.windows)


@pytest.mark.parametrize(("said", "until"), [(90.0, NOW + 90), (None, NOW + 3_600)])
def test_a_refusal_outlives_a_check(said: float | None, until: float) -> None:
    """
    Upstream counts otherwise than it tells, now and then: one that was refused is left alone all the same.
    """
    account = after(having(IMAGE_PRO=quota(5)), Limited("No more.", said), PRO, NOW, POLICY)
    checked = told(account, Report(media={PRO: quota(4)}), NOW + 1)

    assert checked.media[PRO].remaining == 4
    assert checked.free_at(PRO) == until
    assert checked.on_probation(PRO)
    assert not checked.on_probation(Mode.FAST)


def test_a_use_is_followed_by_a_look_at_what_was_used() -> None:
    """
    Only pictures were made, so only these are asked about.
    """
    account = replace(having(IMAGE_PRO=quota(5)), checked_at=NOW - 100, synced_at=NOW - 100)
    used = after(account, Succeeded(), PRO, NOW, POLICY)
    talked = after(used, Succeeded(), Mode.FAST, NOW + 1, POLICY)

    assert due_at(used, EVERY) == NOW
    assert meters_due(used, EVERY, NOW) == (PRO,)
    assert meters_due(talked, EVERY, NOW + 1) == (PRO, Mode.FAST)


def test_a_product_that_is_used_up_is_asked_about_when_there_should_be_more() -> None:
    """
    And not before.
    """
    empty = quota(0, reset_at=NOW + 500)
    account = replace(having(IMAGE_PRO=empty), checked_at=NOW, synced_at=NOW)
    due = due_at(account, EVERY)

    assert due is not None
    assert NOW + 500 <= due <= NOW + 531
    assert meters_due(account, EVERY, due) == (PRO,)


@given(
    st.lists(st.sampled_from([Succeeded(), Limited("x"), Limited("x", 5.0)]), max_size=20),
    st.one_of(st.none(), st.integers(0, 30)),
)
def test_what_is_left_never_turns_negative(outcomes: list[Outcome], remaining: int | None) -> None:
    """
    Whatever comes of it, and whether or not upstream counts.
    """
    account = having(IMAGE_PRO=quota(remaining))
    for number, outcome in enumerate(outcomes):
        account = after(account, outcome, PRO, NOW + number, POLICY)

    left = account.media[PRO].remaining
    assert left is None if remaining is None else left is not None and 0 <= left <= remaining
    assert 0.0 <= account.left(PRO, NOW) <= 1.0
