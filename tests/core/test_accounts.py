"""What an outcome means for an account, as a table, and what no outcome can do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import (
    DEFAULT_WINDOWS,
    Abandoned,
    Account,
    Credits,
    Faulted,
    Limited,
    Mode,
    Noted,
    Outcome,
    Rejected,
    Report,
    RestPolicy,
    Status,
    Succeeded,
    Tier,
    TierSource,
    Window,
    WindowSource,
    after,
    told,
)
from grokdesk.core.secret import Secret
from tests import make
from tests.make import NOW

POLICY = RestPolicy(first_s=30, longest_s=1_800)
DAY = 86_400

FRESH = make.account(left=30)
EMPTY = make.account(left=0)
TIRED = make.account(left=30, faults=3, resting_until=NOW - 1, rest_reason="empty answer")
WITHOUT = make.account(windows={})
DISABLED = make.account(status=Status.DISABLED, reason="Switched off by you.")
EXPIRED = make.account(status=Status.EXPIRED, reason="signed out", since=NOW - 100)
BLOCKED = make.account(status=Status.BLOCKED, reason="blocked", since=NOW - 100)


def failed(why: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of it
    """The fields that every failure sets, and `more`."""
    return {"failures": 1, "last_failure": why, "last_failure_at": NOW, **more}


def left(remaining: int, reset_at: float, total: int = 30) -> dict[Mode, Window]:
    return {Mode.FAST: Window(total, remaining, DAY, reset_at, source=WindowSource.ESTIMATED)}


def refused(reset_at: float, until: float) -> dict[Mode, Window]:
    """The window after a refusal that holds until then."""
    return {Mode.FAST: replace(left(0, reset_at)[Mode.FAST], refused_at=NOW, refused_until=until)}


SERVED: dict[str, Any] = {"uses": 1, "last_use_at": NOW}
AT_REST: dict[str, Any] = {"resting_until": NOW + 30, "rest_reason": "empty", "faults": 1}

CASES: list[tuple[str, Account, Outcome, dict[str, Any]]] = [
    ("served", FRESH, Succeeded(), {**SERVED, "windows": left(29, NOW + DAY)}),
    (
        "served although the window looked empty",
        EMPTY,
        Succeeded(),
        {**SERVED, "windows": left(0, NOW + 3_600)},
    ),
    (
        "served after faults",
        TIRED,
        Succeeded(),
        {**SERVED, "windows": left(29, NOW + DAY), "faults": 0, "resting_until": 0.0, "rest_reason": ""},
    ),
    ("served in a mode without a window", WITHOUT, Succeeded(), SERVED),
    ("served while being signed out", EXPIRED, Succeeded(), {**SERVED, "windows": left(29, NOW + DAY)}),
    (
        "limited, upstream says until when",
        FRESH,
        Limited("slow", 60),
        failed("slow", windows=refused(NOW + 60, NOW + 60)),
    ),
    (
        "limited, nobody knows until when",
        FRESH,
        Limited("slow"),
        failed("slow", windows=refused(NOW + DAY, NOW + 30)),
    ),
    (
        "limited, the reset is known",
        EMPTY,
        Limited("slow"),
        failed("slow", windows=refused(NOW + 3_600, NOW + 30)),
    ),
    (
        "limited for no time at all",
        FRESH,
        Limited("slow", 0),
        failed("slow", windows=refused(NOW + DAY, NOW)),
    ),
    ("limited in a mode without a window", WITHOUT, Limited("slow", 60), failed("slow")),
    (
        "signed out",
        FRESH,
        Rejected(Status.EXPIRED, "sign in"),
        failed("sign in", status=Status.EXPIRED, reason="sign in", since=NOW),
    ),
    (
        "blocked after being signed out",
        EXPIRED,
        Rejected(Status.BLOCKED, "gone"),
        failed("gone", status=Status.BLOCKED, reason="gone", since=NOW),
    ),
    (
        "signed out again, for the same reason",
        EXPIRED,
        Rejected(Status.EXPIRED, "signed out"),
        failed("signed out"),
    ),
    ("signed out while switched off", DISABLED, Rejected(Status.EXPIRED, "sign in"), failed("sign in")),
    ("first fault", FRESH, Faulted("empty"), failed("empty", **AT_REST)),
    (
        "fourth fault in a row",
        TIRED,
        Faulted("empty"),
        failed("empty", resting_until=NOW + 240, rest_reason="empty", faults=4),
    ),
    (
        "hundredth fault in a row",
        replace(FRESH, faults=99),
        Faulted("empty"),
        failed("empty", resting_until=NOW + 1_800, rest_reason="empty", faults=100),
    ),
    ("fault while blocked", BLOCKED, Faulted("empty"), failed("empty", **AT_REST)),
    ("not its fault", FRESH, Noted("challenged"), failed("challenged")),
    ("not its fault, while switched off", DISABLED, Noted("challenged"), failed("challenged")),
    ("nobody waited", FRESH, Abandoned(), {}),
    ("nobody waited for one that rests", TIRED, Abandoned(), {}),
]


@pytest.mark.parametrize(
    ("account", "outcome", "changes"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_an_outcome_changes_just_this(account: Account, outcome: Outcome, changes: dict[str, Any]) -> None:
    """
    Each outcome changes the named fields and nothing else.
    """
    assert after(account, outcome, Mode.FAST, NOW, POLICY) == replace(account, **changes)


def test_another_mode_keeps_its_window() -> None:
    """
    A limit in one mode says nothing about the others.
    """
    account = make.account(tier=Tier.SUPER)

    limited = after(account, Limited("slow", 60), Mode.EXPERT, NOW, POLICY)

    assert limited.windows[Mode.EXPERT].remaining == 0
    assert {**limited.windows, Mode.EXPERT: None} == {**account.windows, Mode.EXPERT: None}


# --- properties ---------------------------------------------------------------------------------------------

times = st.floats(NOW - 2 * DAY, NOW + 2 * DAY)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    total = draw(st.integers(0, 400))
    return Window(
        total,
        draw(st.integers(0, total)),
        draw(st.integers(60, DAY)),
        draw(st.none() | times),
        draw(st.none() | times),
        draw(st.sampled_from(WindowSource)),
    )


accounts = st.builds(
    make.account,
    tier=st.sampled_from(Tier),
    status=st.sampled_from(Status),
    reason=st.sampled_from(["", "signed out"]),
    windows=st.dictionaries(st.sampled_from(Mode), windows()),
    faults=st.integers(0, 40),
    resting_until=st.just(0.0) | times,
)
reasons = st.sampled_from(["", "signed out", "slow"])
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Succeeded),
    st.builds(Limited, reasons, st.none() | st.floats(0, 1e6)),
    st.builds(Rejected, st.sampled_from([Status.EXPIRED, Status.BLOCKED]), reasons),
    st.builds(Faulted, reasons),
    st.builds(Noted, reasons),
    st.builds(Abandoned),
)
modes = st.sampled_from(Mode)


@given(accounts, outcomes, modes)
def test_no_outcome_makes_an_account_active(account: Account, outcome: Outcome, mode: Mode) -> None:
    """
    What is expired, blocked or switched off stays out of the rotation whatever a call comes to.
    """
    changed = after(account, outcome, mode, NOW, POLICY)

    assert account.status is Status.ACTIVE or changed.status is not Status.ACTIVE
    assert account.status is not Status.DISABLED or changed.status is Status.DISABLED


@given(accounts, outcomes, modes)
def test_an_outcome_counts_once_at_most(account: Account, outcome: Outcome, mode: Mode) -> None:
    """
    A call is a use, a failure, or nothing.
    """
    changed = after(account, outcome, mode, NOW, POLICY)

    grown = (changed.uses - account.uses) + (changed.failures - account.failures)
    assert grown == (0 if isinstance(outcome, Abandoned) else 1)


@given(accounts, outcomes, modes)
def test_quota_stays_within_its_bounds(account: Account, outcome: Outcome, mode: Mode) -> None:
    """
    No window ever holds less than nothing or more than its total, and no mode appears or disappears.
    """
    changed = after(account, outcome, mode, NOW, POLICY)

    assert changed.windows.keys() == account.windows.keys()
    assert all(0 <= one.remaining <= one.total for one in changed.windows.values())


@given(accounts, st.none() | st.floats(0, 1e6), modes)
def test_a_limited_mode_is_not_free_now(account: Account, retry_after: float | None, mode: Mode) -> None:
    """
    Whatever upstream says about the time, the mode is not asked again at once.
    """
    limited = after(account, Limited("slow", retry_after), mode, NOW, POLICY)

    assert limited.free_at(mode) > NOW


@given(accounts, st.integers(1, 30), modes)
def test_rest_grows_and_has_an_end(account: Account, faults: int, mode: Mode) -> None:
    """
    Each fault in a row makes the rest longer or leaves it at the longest, and a success forgets them all.
    """
    rests = []
    account = replace(account, faults=0, resting_until=0.0)
    for _ in range(faults):
        account = after(account, Faulted("empty"), mode, NOW, POLICY)
        rests.append(account.resting_until - NOW)

    assert rests == sorted(rests)
    assert rests[-1] <= POLICY.longest_s
    assert after(account, Succeeded(), mode, NOW, POLICY).resting_until == 0


# --- windows ------------------------------------------------------------------------------------------------


def test_a_first_question_starts_the_window() -> None:
    """
    A full window has no reset until somebody asks.
    """
    spent = make.window(30).spent(NOW)

    assert (spent.remaining, spent.reset_at) == (29, NOW + DAY)


def test_later_questions_keep_the_reset() -> None:
    """
    The window does not slide.
    """
    spent = make.window(30).spent(NOW).spent(NOW + 100)

    assert (spent.remaining, spent.reset_at) == (28, NOW + DAY)


def test_a_window_is_full_again_at_its_reset() -> None:
    """
    At the very second of the reset everything is back, and the next question starts a new window.
    """
    used = make.window(3, reset_at=NOW)

    assert used.refreshed(NOW - 0.1) == used
    assert used.refreshed(NOW).remaining == 30
    assert used.spent(NOW).reset_at == NOW + DAY


def test_a_window_tells_when_it_is_free() -> None:
    """
    Something left: at once. Nothing left: at the reset. Nothing known about a reset: at once, to find out.
    """
    assert make.window(1, reset_at=NOW).free_at() == 0
    assert make.window(0, reset_at=NOW).free_at() == NOW
    assert make.window(0).free_at() == 0


@given(windows(), st.none() | times)
def test_an_exhausted_window_ends_in_the_future(window: Window, until: float | None) -> None:
    """
    A refusal empties the window until a time that is still to come.
    """
    empty = window.exhausted(NOW, until)

    assert empty.remaining == 0
    assert empty.reset_at is not None
    assert empty.reset_at > NOW


# --- accounts -----------------------------------------------------------------------------------------------


def test_an_account_is_free_when_window_and_rest_allow() -> None:
    """
    The later of quota and rest counts; never for a mode it does not have or while it is not active.
    """
    resting = make.account(left=0, resting_until=NOW + 9_000)

    assert make.account(left=1).free_at(Mode.FAST) == 0
    assert make.account(left=0).free_at(Mode.FAST) == NOW + 3_600
    assert resting.free_at(Mode.FAST) == NOW + 9_000
    assert make.account().free_at(Mode.HEAVY) == float("inf")
    assert DISABLED.free_at(Mode.FAST) == float("inf")


def test_an_account_is_called_by_what_its_owner_knows() -> None:
    """
    The label, else the mail address, else the end of the token; never the token.
    """
    account = make.account("x", email="io@example.org")

    assert account.name == "x"
    assert replace(account, label="").name == "io@example.org"
    assert replace(account, label="", email="").name == "…of-x"


def test_a_new_tier_keeps_what_is_known_of_common_modes() -> None:
    """
    Modes of both tiers keep their windows, others come with defaults or go.
    """
    basic = make.account(left=3)

    raised = basic.with_tier(Tier.HEAVY, TierSource.PROVEN)

    assert raised.windows.keys() == DEFAULT_WINDOWS[Tier.HEAVY].keys()
    assert raised.windows[Mode.FAST] == basic.windows[Mode.FAST]
    assert raised.with_tier(Tier.BASIC, TierSource.PROVEN).windows == basic.windows


# --- reports ------------------------------------------------------------------------------------------------

REAL = Window(140, 12, 7_200, NOW + 60, NOW, WindowSource.REAL)


def test_a_report_replaces_windows_and_proves_the_tier() -> None:
    """
    What upstream tells wins over estimates; modes it did not tell about keep theirs.
    """
    account = make.account(left=30)

    checked = told(account, Report("u-1", "io@example.org", Tier.SUPER, {Mode.FAST: REAL}), NOW)

    assert (checked.tier, checked.tier_source) == (Tier.SUPER, TierSource.PROVEN)
    assert checked.windows == {**DEFAULT_WINDOWS[Tier.SUPER], Mode.FAST: REAL}
    assert (checked.user_id, checked.email, checked.synced_at) == ("u-1", "io@example.org", NOW)


def test_a_silent_report_changes_only_when_it_was_asked() -> None:
    """
    Silence demotes nobody and forgets nothing.
    """
    account = make.account(tier=Tier.HEAVY, user_id="u-1", email="io@example.org")

    asked = replace(account, synced_at=NOW, checked_at=NOW, syncs=1)
    assert told(account, Report(), NOW) == asked


def test_a_fixed_tier_is_never_overruled() -> None:
    """
    The owner's word about the tier stands, and modes it does not have are left out.
    """
    account = make.account(tier=Tier.BASIC, tier_source=TierSource.FIXED)

    checked = told(account, Report(tier=Tier.HEAVY, windows={Mode.HEAVY: REAL, Mode.FAST: REAL}), NOW)

    assert (checked.tier, checked.tier_source) == (Tier.BASIC, TierSource.FIXED)
    assert checked.windows == {Mode.FAST: REAL}


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (Status.ACTIVE, Status.ACTIVE),
        (Status.EXPIRED, Status.ACTIVE),
        (Status.BLOCKED, Status.ACTIVE),
        (Status.DISABLED, Status.DISABLED),
    ],
)
def test_an_answered_check_brings_back_who_was_refused(status: Status, then: Status) -> None:
    """
    A token that answers is signed in and not blocked; switched off is the owner's decision.
    """
    account = make.account(status=status, reason="" if status is Status.ACTIVE else "why")

    checked = told(account, Report(), NOW)

    assert checked.status is then
    assert checked.reason == ("" if then is Status.ACTIVE else "why")


def test_an_account_does_not_print_its_token() -> None:
    """
    Neither in full nor inside a longer text.
    """
    account = make.account(token=Secret("0123456789abcdef"), cookies=Secret("cf_clearance=0123456789"))

    assert "0123456789" not in repr(account)
    assert "cdef" in repr(account)


def test_a_refusal_outlives_what_a_check_tells() -> None:
    """
    Upstream said to come back in an hour: numbers that look fine do not shorten that.
    """
    limited = after(FRESH, Limited("slow", 3_600), Mode.FAST, NOW, POLICY)

    checked = told(limited, Report(windows={Mode.FAST: REAL}), NOW + 10)

    assert checked.windows[Mode.FAST].remaining == REAL.remaining
    assert checked.free_at(Mode.FAST) == NOW + 3_600


def test_a_refusal_without_a_time_ends_with_the_next_check() -> None:
    """
    It may have been asked too fast: half a minute, then one request shows whether it works again.
    """
    limited = after(FRESH, Limited("slow"), Mode.FAST, NOW, POLICY)

    checked = told(limited, Report(windows={Mode.FAST: REAL}), NOW + 10)
    served = after(checked, Succeeded(), Mode.FAST, NOW + 40, POLICY)

    assert checked.free_at(Mode.FAST) == NOW + 30
    assert checked.on_probation(Mode.FAST)
    assert not served.on_probation(Mode.FAST)


POOL = Credits(remaining=2_500, starts_at=NOW - DAY, ends_at=NOW + DAY)


def test_a_weekly_pool_stands_for_all_windows() -> None:
    """
    Windows that were used up count no longer, and answers do not use them up.
    """
    account = make.account(tier=Tier.SUPER).with_window(Mode.FAST, make.window(left=0, reset_at=NOW + 60))

    pooled = told(account, Report(credits=POOL), NOW)
    served = after(pooled, Succeeded(), Mode.FAST, NOW, POLICY)

    assert pooled.free_at(Mode.FAST) == 0
    assert (pooled.left(Mode.EXPERT, NOW), served.left(Mode.FAST, NOW)) == (0.25, 0.25)
    assert served.windows == pooled.windows


def test_an_empty_weekly_pool_rests_all_modes_until_it_ends() -> None:
    """
    Nothing left of it: the account is free again when the period is over.
    """
    account = told(make.account(tier=Tier.SUPER), Report(credits=replace(POOL, remaining=0)), NOW)

    assert {account.free_at(mode) for mode in account.windows} == {POOL.ends_at}


def test_a_pool_goes_only_when_upstream_says_so() -> None:
    """
    Silence about the pool keeps it, "no pool" ends it.
    """
    account = told(make.account(tier=Tier.SUPER), Report(credits=POOL), NOW)

    assert told(account, Report(), NOW).credits == POOL
    assert told(account, Report(metered=True), NOW).credits is None


def test_a_partial_report_is_a_check_but_no_sync() -> None:
    """
    The whole check comes when it would have come anyway.
    """
    account = make.account(synced_at=NOW - 500)

    checked = told(account, Report(windows={Mode.FAST: REAL}, partial=True), NOW)

    assert (checked.synced_at, checked.checked_at) == (NOW - 500, NOW)


def test_an_older_answer_revives_nobody() -> None:
    """
    Who was refused while the check was under way stays out.
    """
    assert told(EXPIRED, Report(), NOW, revives=False).status is Status.EXPIRED
