"""What is left of an account that two gateways have changed at the same time."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import (
    DEFAULT_WINDOWS,
    Abandoned,
    Account,
    AccountId,
    Credits,
    Faulted,
    Limited,
    MediaQuota,
    Mode,
    Noted,
    Outcome,
    Product,
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
    untold,
)
from grokdesk.core.merging import merged
from grokdesk.core.secret import Secret

POLICY = RestPolicy()

times = st.integers(1_000, 9_000).map(float)
maybe = st.none() | times
counts = st.integers(0, 9)
texts = st.sampled_from(["", "x", "y"])
windows = st.builds(
    Window,
    total=st.just(50),
    remaining=st.integers(0, 50),
    window_s=st.just(86_400),
    reset_at=maybe,
    synced_at=maybe,
    source=st.sampled_from(WindowSource),
    refused_at=maybe,
    refused_until=maybe,
)
accounts = st.builds(
    Account,
    id=st.just(AccountId("a")),
    token=texts.map(Secret),
    label=texts,
    note=texts,
    tags=st.tuples() | st.tuples(texts),
    tier=st.sampled_from(Tier),
    tier_source=st.sampled_from(TierSource),
    status=st.sampled_from(Status),
    reason=texts,
    since=times,
    windows=st.dictionaries(st.sampled_from([Mode.FAST, Mode.AUTO]), windows),
    credits=st.none() | st.builds(Credits, st.integers(0, 10_000), times, times),
    media=st.dictionaries(
        st.sampled_from(Product), st.builds(MediaQuota, st.booleans(), st.none() | counts, counts, maybe)
    ),
    resting_until=times,
    rest_reason=texts,
    faults=counts,
    max_parallel=st.none() | counts,
    synced_at=maybe,
    checked_at=maybe,
    check_failures=counts,
    check_failure=texts,
    terms_at=maybe,
    uses=counts,
    failures=counts,
    syncs=counts,
    last_use_at=maybe,
    last_failure_at=maybe,
    last_failure=texts,
)

outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.just(Succeeded()),
    st.just(Abandoned()),
    st.builds(Limited, texts, st.none() | st.floats(1, 90_000)),
    st.builds(Rejected, st.sampled_from([Status.EXPIRED, Status.BLOCKED]), texts),
    st.builds(Faulted, texts),
    st.builds(Noted, texts),
)
FRESH = Account(id=AccountId("a"), token=Secret("t"), windows=dict(DEFAULT_WINDOWS[Tier.SUPER]))


def acted(account: Account, done: Sequence[tuple[Outcome, float]]) -> Account:
    for outcome, at in sorted(done, key=lambda one: one[1]):
        account = after(account, outcome, Mode.FAST, at, POLICY)
    return account


histories = st.lists(st.tuples(outcomes, times), max_size=5)


@given(accounts, accounts)
def test_a_side_that_changed_nothing_changes_nothing(base: Account, changed: Account) -> None:
    """
    Then the other side is the answer, whatever it is.
    """
    assert merged(base, changed, base) == changed
    assert merged(base, base, changed) == changed


@given(accounts, accounts, accounts)
def test_no_count_is_lost(base: Account, ours: Account, theirs: Account) -> None:
    """
    What each side has added since is in the sum, and no count is below nothing.
    """
    both = merged(base, ours, theirs)

    for name in ("uses", "failures", "syncs"):
        of = {side: getattr(account, name) for side, account in zip("bot", (base, ours, theirs), strict=True)}
        assert getattr(both, name) == max(0, of["o"] + of["t"] - of["b"])


@given(accounts, accounts, accounts)
def test_nothing_is_made_up(base: Account, ours: Account, theirs: Account) -> None:
    """
    Each field but counts and windows is that of one of the sides.
    """
    both = merged(base, ours, theirs)

    added = {"uses", "failures", "syncs", "windows", "media"}
    for one in fields(Account):
        if one.name not in added:
            assert getattr(both, one.name) in [getattr(side, one.name) for side in (ours, theirs)]


@given(accounts, accounts, accounts)
def test_it_does_not_matter_much_who_merges(base: Account, ours: Account, theirs: Account) -> None:
    """
    Two gateways that merge the same come to the same status, counts and questions left.
    """
    one, other = merged(base, ours, theirs), merged(base, theirs, ours)

    assert (one.uses, one.failures, one.syncs) == (other.uses, other.failures, other.syncs)
    if ours.since != theirs.since:
        assert (one.status, one.reason, one.since) == (other.status, other.reason, other.since)
    if ours.tier_source is not theirs.tier_source:
        assert one.tier == other.tier


@given(histories, histories, histories)
def test_an_account_that_ended_service_is_not_revived_by_answers(
    before: list[tuple[Outcome, float]],
    ours: list[tuple[Outcome, float]],
    theirs: list[tuple[Outcome, float]],
) -> None:
    """
    Whatever calls came in on both sides: one that either found expired or blocked is not active.
    """
    base = acted(FRESH, before)
    one, other = acted(base, ours), acted(base, theirs)

    both = merged(base, one, other)

    if Status.ACTIVE not in {one.status, other.status} or base.status is Status.ACTIVE:
        ended = {side.status for side in (one, other)} - {Status.ACTIVE}
        assert not ended or both.status in ended


@given(histories, histories)
def test_every_question_is_taken_from_the_window(
    ours: list[tuple[Outcome, float]], theirs: list[tuple[Outcome, float]]
) -> None:
    """
    As long as nothing was refused and no window ended, what is left is what both sides left.
    """
    answered = [(one, at / 100) for one, at in ours if isinstance(one, Succeeded)]
    elsewhere = [(one, at / 100) for one, at in theirs if isinstance(one, Succeeded)]
    base = after(FRESH, Succeeded(), Mode.FAST, 0.5, POLICY)
    if any(at >= base.windows[Mode.FAST].window_s / 24 for _, at in answered + elsewhere):
        answered, elsewhere = answered[:0], elsewhere[:0]

    both = merged(base, acted(base, answered), acted(base, elsewhere))

    window = both.windows[Mode.FAST]
    assert window.remaining == window.total - 1 - len(answered) - len(elsewhere)


@given(accounts, accounts, accounts)
def test_a_window_never_has_more_than_a_side_has(base: Account, ours: Account, theirs: Account) -> None:
    """
    Nobody asks in the belief that there is more than both know of.
    """
    both = merged(base, ours, theirs)

    for mode, window in both.windows.items():
        sides = [side.windows[mode].remaining for side in (ours, theirs) if mode in side.windows]
        assert 0 <= window.remaining <= max(sides)


# --- single cases -------------------------------------------------------------------------------------------


def window(remaining: int, **more: Any) -> Window:  # noqa: ANN401 - any field of it
    return Window(30, remaining, 86_400, **more)


def fast(*sides: Window) -> Window:
    """Merge three windows of one mode: base, ours, theirs."""
    base, ours, theirs = (replace(FRESH, windows={Mode.FAST: side}) for side in sides)
    return merged(base, ours, theirs).windows[Mode.FAST]


@pytest.mark.parametrize(
    ("sides", "left", "reset_at"),
    [
        ((window(30), window(29, reset_at=90.0), window(27, reset_at=80.0)), 26, 80.0),
        ((window(5, reset_at=90.0), window(4, reset_at=90.0), window(3, reset_at=90.0)), 2, 90.0),
        ((window(1, reset_at=90.0), window(0, reset_at=90.0), window(0, reset_at=90.0)), 0, 90.0),
        ((window(9, reset_at=90.0), window(0, reset_at=500.0), window(8, reset_at=90.0)), 0, 500.0),
        ((window(9, reset_at=90.0), window(0, reset_at=500.0), window(0, reset_at=700.0)), 0, 700.0),
        ((window(3, reset_at=90.0), window(29, reset_at=900.0), window(2, reset_at=90.0)), 29, 900.0),
        ((window(3, reset_at=90.0), window(29, reset_at=900.0), window(27, reset_at=800.0)), 26, 800.0),
        ((window(3, reset_at=90.0), window(29, reset_at=900.0), window(0, reset_at=90.0)), 29, 900.0),
        ((window(3, reset_at=90.0), window(29, reset_at=900.0), window(0, reset_at=950.0)), 0, 950.0),
    ],
    ids=[
        "both asked in a full window",
        "both asked in a known window",
        "both asked the last question",
        "one was refused",
        "both were refused",
        "one asked after the reset",
        "both asked after the reset",
        "one was empty before the reset, the other asked after it",
        "one was refused after the reset",
    ],
)
def test_what_is_left_of_a_window(sides: tuple[Window, Window, Window], left: int, reset_at: float) -> None:
    """
    Questions of both sides count, a refusal is believed, and a reset begins anew.
    """
    found = fast(*sides)

    assert (found.remaining, found.reset_at) == (left, reset_at)


def test_a_newer_sync_overrules_an_estimate() -> None:
    """
    Upstream knows what was asked elsewhere.
    """
    synced = window(12, reset_at=95.0, synced_at=50.0, source=WindowSource.REAL)

    assert fast(window(20), window(18, reset_at=99.0), synced) == synced
    assert fast(window(20), synced, window(18, reset_at=99.0)) == synced


def test_a_refusal_is_not_forgotten_over_a_sync() -> None:
    """
    One side was refused while the other heard that there is something left.
    """
    refused = window(0, reset_at=80.0, refused_at=50.0, refused_until=80.0)
    synced = window(12, reset_at=95.0, synced_at=55.0, source=WindowSource.REAL)

    assert fast(window(20), refused, synced).free_at() == 80.0


def since(status: Status, at: float, reason: str = "") -> Account:
    return replace(FRESH, status=status, since=at, reason=reason)


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [
        (since(Status.EXPIRED, 20), since(Status.DISABLED, 30), Status.DISABLED),
        (since(Status.EXPIRED, 30), since(Status.DISABLED, 20), Status.EXPIRED),
        (since(Status.ACTIVE, 40, "again"), since(Status.EXPIRED, 30), Status.ACTIVE),
        (since(Status.ACTIVE, 30, "again"), since(Status.EXPIRED, 30), Status.EXPIRED),
        (since(Status.BLOCKED, 30), since(Status.ACTIVE, 30, "again"), Status.BLOCKED),
    ],
)
def test_of_two_changes_of_the_status_the_newer_counts(
    ours: Account, theirs: Account, status: Status
) -> None:
    """
    And one that ends service when they are equally new.
    """
    assert merged(since(Status.ACTIVE, 10), ours, theirs).status is status


def test_switching_on_again_is_not_undone() -> None:
    """
    The owner revives an account on one gateway while another only counts a failure.
    """
    base = since(Status.EXPIRED, 10)
    ours = since(Status.ACTIVE, 50)
    theirs = after(base, Noted("slow"), Mode.FAST, 60.0, POLICY)

    both = merged(base, ours, theirs)

    assert (both.status, both.failures) == (Status.ACTIVE, 1)


@pytest.mark.parametrize(
    ("ours", "theirs", "tier"),
    [
        ((Tier.HEAVY, TierSource.FIXED), (Tier.BASIC, TierSource.PROVEN), Tier.HEAVY),
        ((Tier.BASIC, TierSource.GUESSED), (Tier.SUPER, TierSource.PROVEN), Tier.SUPER),
        ((Tier.BASIC, TierSource.PROVEN), (Tier.SUPER, TierSource.PROVEN), Tier.BASIC),
    ],
)
def test_of_two_tiers_the_surer_counts(
    ours: tuple[Tier, TierSource], theirs: tuple[Tier, TierSource], tier: Tier
) -> None:
    """
    With the windows that belong to it.
    """
    base = replace(FRESH, tier=Tier.UNKNOWN, windows=dict(DEFAULT_WINDOWS[Tier.UNKNOWN]))

    both = merged(base, base.with_tier(*ours), base.with_tier(*theirs))

    assert (both.tier, set(both.windows)) == (tier, set(DEFAULT_WINDOWS[tier]))


def test_an_answer_after_a_fault_ends_the_rest() -> None:
    """
    Of two ways an account stands, the one that was seen last counts.
    """
    base = after(FRESH, Faulted("empty"), Mode.FAST, 10.0, POLICY)
    faulted = after(base, Faulted("empty"), Mode.FAST, 20.0, POLICY)
    answered = after(base, Succeeded(), Mode.FAST, 30.0, POLICY)

    for both in (merged(base, faulted, answered), merged(base, answered, faulted)):
        assert (both.faults, both.resting_until, both.uses, both.failures) == (0, 0.0, 1, 2)


def test_the_newer_of_two_syncs_counts() -> None:
    """
    For what upstream tells of the whole account.
    """
    older, newer = (
        Report(credits=Credits(500, 1.0, 90.0)),
        Report(credits=Credits(400, 1.0, 90.0), media={Product.IMAGE: MediaQuota(True, 3, 60)}),
    )
    base = FRESH
    ours, theirs = told(base, older, 10.0), told(base, newer, 20.0)

    for both in (merged(base, ours, theirs), merged(base, theirs, ours)):
        assert both.credits == newer.credits
        assert both.media == newer.media
        assert (both.synced_at, both.syncs) == (20.0, 2)


def test_a_failed_check_is_not_forgotten_over_an_older_good_one() -> None:
    """
    And the other way round.
    """
    ours = told(FRESH, Report(), 10.0)
    theirs = untold(FRESH, "no answer", 20.0)

    both = merged(FRESH, ours, theirs)

    assert (both.checked_at, both.check_failures, both.synced_at) == (20.0, 1, 10.0)


def test_a_product_that_only_one_side_knows_is_kept() -> None:
    """
    Both sides have learned something else.
    """
    ours = replace(FRESH, media={Product.IMAGE: MediaQuota(True, 3, 60)})
    theirs = replace(FRESH, media={Product.VIDEO: MediaQuota(False, 0, 60)})

    assert merged(FRESH, ours, theirs).media == {**ours.media, **theirs.media}
