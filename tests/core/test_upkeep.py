"""When accounts are checked by themselves, and which are put away."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import (
    Account,
    AccountId,
    MediaQuota,
    Mode,
    Noted,
    Product,
    RestPolicy,
    Status,
    Tier,
    Window,
    WindowSource,
    after,
)
from grokdesk.core.upkeep import Intervals, due_at, long_dead, meters_due
from tests import make
from tests.make import NOW

DAY = 86_400
EVERY = Intervals(basic_s=DAY, super_s=7_200, heavy_s=3_600, pause_s=300)


QUOTA = MediaQuota(available=True, remaining=3, window_s=DAY)


def synced(ago: float = 1_000, **more: object) -> Account:
    """An account that was checked `ago` seconds before now."""
    account = make.account(synced_at=NOW - ago, checked_at=NOW - ago)
    return replace(account, **more)  # type: ignore[arg-type] # any field of it


def test_one_that_was_never_checked_is_due_at_once() -> None:
    """
    Also when everything else about it is unknown.
    """
    assert due_at(make.account(), EVERY) == 0


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.BLOCKED, Status.DISABLED])
def test_what_only_the_owner_can_bring_back_is_never_due(status: Status) -> None:
    """
    Signed out, blocked and switched off accounts are not asked by themselves.
    """
    assert due_at(make.account(status=status), EVERY) is None


@pytest.mark.parametrize(
    ("tier", "interval"),
    [(Tier.UNKNOWN, DAY), (Tier.BASIC, DAY), (Tier.SUPER, 7_200), (Tier.HEAVY, 3_600)],
)
def test_an_unused_account_is_checked_by_the_interval_of_its_tier(tier: Tier, interval: float) -> None:
    """
    Up to a tenth later, so that accounts of one import drift apart.
    """
    due = due_at(make.account(tier=tier, synced_at=NOW, checked_at=NOW), EVERY)

    assert due is not None
    assert NOW + interval <= due <= NOW + 1.1 * interval


def test_accounts_of_one_import_come_at_different_times() -> None:
    """
    A hundred of them, a hundred times.
    """
    accounts = [replace(synced(), id=AccountId(f"account-{number}")) for number in range(100)]

    assert len({due_at(one, EVERY) for one in accounts}) == 100


def test_a_use_is_followed_by_a_check_of_the_windows() -> None:
    """
    After the pause, and only what may have changed is asked.
    """
    used = synced(100, last_use_at=NOW)

    assert due_at(used, EVERY) == NOW - 100 + EVERY.pause_s
    assert meters_due(used, EVERY, NOW + 200) == (Mode.FAST,)


def drawn(ago: float) -> dict[Product, MediaQuota]:
    """A picture that was made `ago` seconds before now."""
    return {Product.IMAGE_PRO: replace(QUOTA, used_at=NOW - ago)}


def test_a_picture_is_followed_by_a_check_of_its_quota_only() -> None:
    """
    The windows of questions have not changed.
    """
    used = synced(100, last_use_at=NOW, media=drawn(0))

    assert due_at(used, EVERY) == NOW - 100 + EVERY.pause_s
    assert meters_due(used, EVERY, NOW + 200) == (Product.IMAGE_PRO,)


def test_what_may_have_been_made_is_asked_about() -> None:
    """
    The use of it is not known, only that there may have been one.
    """
    quota = {Product.IMAGE_PRO: QUOTA}
    unsure = after(
        synced(1_000, media=quota), Noted("Lost.", unsure=True), Product.IMAGE_PRO, NOW, RestPolicy()
    )

    assert due_at(unsure, EVERY) == NOW
    assert meters_due(unsure, EVERY, NOW) == (Product.IMAGE_PRO,)
    assert unsure.media[Product.IMAGE_PRO].remaining == QUOTA.remaining


@pytest.mark.parametrize(
    "window",
    [
        replace(make.window(3), source=WindowSource.ESTIMATED, synced_at=NOW - 400),
        replace(make.window(0), refused_at=NOW - 50, refused_until=NOW - 20),
        make.window(0, reset_at=NOW - 20),
    ],
)
def test_a_picture_does_not_hide_a_question_before_it(window: Window) -> None:
    """
    Asked, refused, or possible again since the last check: both are asked about.
    """
    used = synced(100, last_use_at=NOW, media=drawn(0), windows={Mode.FAST: window})

    assert meters_due(used, EVERY, NOW) == (Product.IMAGE_PRO, Mode.FAST)


def test_a_use_long_after_the_last_check_is_due_when_it_happens() -> None:
    """
    The pause is over already.
    """
    assert due_at(synced(1_000, last_use_at=NOW), EVERY) == NOW


def test_a_refusal_is_followed_by_a_check() -> None:
    """
    Of this account, and not of others.
    """
    window = replace(make.window(0), refused_at=NOW, refused_until=NOW + 30)

    assert due_at(synced(1_000, windows={Mode.FAST: window}), EVERY) == NOW


def test_a_window_that_begins_anew_is_followed_by_a_check() -> None:
    """
    At most half a minute after its reset.
    """
    due = due_at(synced(windows={Mode.FAST: make.window(0, reset_at=NOW + 500)}), EVERY)

    assert due is not None
    assert NOW + 500 <= due <= NOW + 530


@pytest.mark.parametrize(
    ("failures", "pause"), [(1, 300), (2, 600), (3, 1_200), (4, 2_400), (50, DAY), (1_000, DAY)]
)
def test_failed_checks_become_rarer(failures: int, pause: float) -> None:
    """
    Twice the pause each time, never more than the interval of the tier.
    """
    account = make.account(checked_at=NOW, check_failures=failures)

    assert due_at(account, EVERY) == NOW + pause
    assert meters_due(account, EVERY, NOW + pause) == ()


def test_the_regular_check_asks_everything() -> None:
    """
    Tier, identity and pictures change as well.
    """
    assert meters_due(synced(2 * DAY), EVERY, NOW) == ()


times = st.none() | st.floats(NOW - 2 * DAY, NOW)


@given(
    st.builds(
        make.account,
        tier=st.sampled_from(Tier),
        checked_at=st.floats(NOW - 2 * DAY, NOW),
        synced_at=times,
        last_use_at=times,
        check_failures=st.integers(0, 100),
        media=st.dictionaries(
            st.sampled_from(Product),
            st.builds(
                replace,
                st.just(QUOTA),
                remaining=st.none() | st.integers(0, 3),
                reset_at=times,
                used_at=times,
                refused_at=times,
                refused_until=times,
            ),
        ),
    )
)
def test_no_account_is_checked_more_often_than_the_pause_allows(account: Account) -> None:
    """
    Whatever happened to it.
    """
    due = due_at(account, EVERY)

    assert due is not None
    assert account.checked_at is not None
    assert due >= account.checked_at + EVERY.pause_s


def test_only_what_is_dead_for_long_is_put_away() -> None:
    """
    Signed out or blocked, and for as many days as the rule says.
    """
    accounts = [
        make.account("long signed out", status=Status.EXPIRED, since=NOW - 7 * DAY),
        make.account("long blocked", status=Status.BLOCKED, since=NOW - 8 * DAY),
        make.account("just signed out", status=Status.EXPIRED, since=NOW - 6 * DAY),
        make.account("switched off", status=Status.DISABLED, since=NOW - 99 * DAY),
        make.account("at work", since=NOW - 99 * DAY),
    ]

    assert [one.name for one in long_dead(accounts, NOW, 7)] == ["long signed out", "long blocked"]
