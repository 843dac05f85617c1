"""What a check of an account asks, and what it makes of the answers."""

from __future__ import annotations

import pytest

from grokdesk.core.accounts import (
    CREDITS_TOTAL,
    Credits,
    Mode,
    Product,
    Report,
    Status,
    Tier,
    TierSource,
    WindowSource,
    told,
)
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    Overloaded,
    Stopped,
    TakenForRobot,
    UpstreamError,
)
from grokdesk.core.settings import StatsigMode
from grokdesk.sim import (
    Credits as SimCredits,
)
from grokdesk.sim import (
    Script,
    antibot,
    block_only_in_details,
    blocked,
    challenge,
    expired,
    expired_400,
    overloaded,
    plain_forbidden,
    refused,
    server_error,
)
from tests.make import NOW
from tests.providers.grok_web.stage import EGRESS, Stage

LIMITS = "/rest/rate-limits"
CREDITS = "/grok_api_v2.GrokBuildBilling/GetGrokCreditsConfig"
MEDIA = "/rest/media/imagine/quota_info"
SESSION = "/api/auth/session"
SIGNED = "WpT1D3qBIy6BLCFUk80gW4qasqvb/EvyQBNYUSuVEFVXxFRIMhLdZoAaX5H6dEtZQMpE7lyGfAbdxMDiKvKEhzrn3+J2WQ"


def modes(stage: Stage) -> list[str]:
    """The modes that were asked, in order."""
    bodies = (seen.json for seen in stage.sim.received if seen.path == LIMITS)
    return [str(body["modelName"]) for body in bodies if isinstance(body, dict)]


def only_for(mode: Mode, stage: Stage, script: Script) -> None:
    """Let the question about one mode meet `script`; auto is asked first, then fast."""
    first = [] if mode is Mode.AUTO else [Script()]
    stage.world.next_on(LIMITS, *first, script)


async def test_a_basic_account_is_asked_four_things(stage: Stage) -> None:
    """
    Who it is, auto and fast, and what it may draw; nothing that only paid accounts have.
    """
    account, there = stage.account()
    there.quota["fast"].remaining = 12

    report = await stage.provider.probe(account, EGRESS)

    assert (report.user_id, report.email, report.tier) == (there.user_id, there.email, Tier.BASIC)
    assert {mode: (one.remaining, one.total) for mode, one in report.windows.items()} == {
        Mode.AUTO: (20, 20),
        Mode.FAST: (12, 30),
    }
    assert (report.credits, report.metered, report.partial) == (None, True, False)
    assert report.media[Product.IMAGE].remaining == 20
    assert Product.VIDEO not in report.media
    assert stage.paths() == [SESSION, LIMITS, LIMITS, MEDIA]
    assert stage.sim.violations == []


@pytest.mark.parametrize(
    ("tier", "asked"),
    [
        ("super", ["auto", "fast", "expert", "grok-420-computer-use-sa"]),
        ("heavy", ["auto", "fast", "expert", "heavy", "grok-420-computer-use-sa"]),
    ],
)
async def test_the_weekly_pool_of_a_paid_account_stands_for_its_windows(
    stage: Stage, tier: str, asked: list[str]
) -> None:
    """
    All modes of the tier are asked, and once the pool is told no window is.
    """
    account, there = stage.account(tier)  # type: ignore[arg-type] # parametrised over the literal
    assert there.credits is not None
    there.credits.used_percent = 40.0

    report = await stage.provider.probe(account, EGRESS)

    assert report.tier is Tier(tier)
    assert modes(stage) == asked
    assert report.credits is not None
    assert report.credits.remaining == 6_000
    assert (dict(report.windows), report.metered) == ({}, False)
    assert stage.sim.violations == []


async def test_a_coarse_period_is_no_weekly_pool(stage: Stage) -> None:
    """
    A paid tier whose pool is that of a free account is metered by its windows (§16.5).
    """
    account, there = stage.account("super")
    assert there.credits is not None
    there.credits = SimCredits(there.credits.start, there.credits.end, paid=False)

    report = await stage.provider.probe(account, EGRESS)

    assert (report.credits, report.metered) == (None, True)
    assert report.windows[Mode.EXPERT].source is WindowSource.REAL
    assert report.windows[Mode.EXPERT].total == 50


@pytest.mark.parametrize("grpc_errors", ["http", "trailers", "headers"])
async def test_a_pool_that_is_not_told_is_neither_there_nor_gone(stage: Stage, grpc_errors: str) -> None:
    """
    The stored one stays, and the windows count meanwhile.
    """
    account, there = stage.account("super")
    there.credits = None
    if grpc_errors == "http":
        stage.world.always_on(CREDITS, server_error(500))

    report = await stage.provider.probe(account, EGRESS)

    assert (report.credits, report.metered) == (None, False)
    assert Mode.EXPERT in report.windows


async def test_a_challenge_of_the_pool_call_ends_the_check(stage: Stage) -> None:
    """
    It says something about the way, like on any other call.
    """
    account, _ = stage.account("super")
    stage.world.always_on(CREDITS, challenge())

    with pytest.raises(Challenged):
        await stage.provider.probe(account, EGRESS)

    assert stage.paths()[-1] == CREDITS


@pytest.mark.parametrize(
    ("mode", "sent"), [(StatsigMode.MANUAL, SIGNED), (StatsigMode.OFF, None), (StatsigMode.SIGNER, None)]
)
async def test_a_fingerprint_is_what_the_owner_chose(
    stage: Stage, mode: StatsigMode, sent: str | None
) -> None:
    """
    A fixed one, none, or none because there is no signer (decision 13).
    """
    account, _ = stage.account()
    stage.set(statsig=mode, statsig_value=SIGNED)
    stage.world.statsig = "optional"

    await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))

    assert stage.sim.received[-1].headers.get("x-statsig-id") == sent
    assert stage.sim.violations == []


async def test_the_owner_s_tier_decides_what_is_asked(stage: Stage) -> None:
    """
    An account that was fixed as heavy is asked about heavy, whatever its totals look like.
    """
    account, _ = stage.account("basic", tier=Tier.HEAVY, tier_source=TierSource.FIXED)

    report = await stage.provider.probe(account, EGRESS)

    assert modes(stage) == ["auto", "fast", "expert", "heavy", "grok-420-computer-use-sa"]
    assert CREDITS in stage.paths()
    # Modes it does not have are told as none, and left out.
    assert set(report.windows) == {Mode.AUTO, Mode.FAST}
    assert told(account, report, NOW).tier is Tier.HEAVY


async def test_a_paid_account_fixed_as_basic_still_tells_its_pool(stage: Stage) -> None:
    """
    The pool is a fact about the account and not about its tier.
    """
    account, _ = stage.account("super", tier_source=TierSource.FIXED)

    report = await stage.provider.probe(account, EGRESS)

    assert modes(stage) == ["auto", "fast"]
    assert report.credits is not None
    assert told(account, report, NOW).tier is Tier.BASIC


async def test_auto_failing_while_fast_works_demotes_nobody(stage: Stage) -> None:
    """
    The total of fast tells the tier as well; the mode that failed keeps its stored window.
    """
    account, there = stage.account("super", tier=Tier.SUPER, tier_source=TierSource.PROVEN)
    there.credits = None
    only_for(Mode.AUTO, stage, server_error(500))

    report = await stage.provider.probe(account, EGRESS)
    after = told(account, report, NOW)

    assert Mode.AUTO not in report.windows
    assert (after.tier, after.windows[Mode.AUTO]) == (Tier.SUPER, account.windows[Mode.AUTO])


async def test_a_window_without_known_totals_demotes_nobody(stage: Stage) -> None:
    """
    Totals that are new to us say nothing about the tier.
    """
    account, there = stage.account("super", tier=Tier.SUPER, tier_source=TierSource.PROVEN)
    there.credits = None
    for quota in there.quota.values():
        quota.total = quota.remaining = 25

    report = await stage.provider.probe(account, EGRESS)

    assert report.tier is None
    assert modes(stage) == ["auto", "fast", "expert", "grok-420-computer-use-sa"]
    assert told(account, report, NOW).tier is Tier.SUPER


async def test_picture_quotas_that_are_not_told_stay_as_they_were(stage: Stage) -> None:
    """
    Half an answer is none (§16.6).
    """
    account, _ = stage.account()
    before = told(account, await stage.provider.probe(account, EGRESS), NOW)
    stage.world.always_on(MEDIA, refused(200, {"image": None}))

    report = await stage.provider.probe(before, EGRESS)

    assert report.media == {}
    assert report.windows
    assert told(before, report, NOW).media == before.media


async def test_an_identity_that_is_not_told_ends_no_check(stage: Stage) -> None:
    """
    What is left is worth knowing without it.
    """
    account, _ = stage.account()
    stage.world.always_on(SESSION, refused(200, {"status": "authenticated"}))

    report = await stage.provider.probe(account, EGRESS)

    assert (report.user_id, report.email) == ("", "")
    assert report.tier is Tier.BASIC


async def test_silence_about_everything_is_a_failed_check(stage: Stage) -> None:
    """
    An account of which nothing was told has not been checked.
    """
    account, _ = stage.account()
    stage.world.always_on(LIMITS, server_error(500))

    with pytest.raises(UpstreamError, match="servers have a problem"):
        await stage.provider.probe(account, EGRESS)


@pytest.mark.parametrize("path", [SESSION, LIMITS, MEDIA])
@pytest.mark.parametrize(
    ("script", "expected", "status"),
    [
        (expired(), AccountRejected, Status.EXPIRED),
        (expired_400("session-not-found"), AccountRejected, Status.EXPIRED),
        (expired_400("token-revoked", status=403), AccountRejected, Status.EXPIRED),
        (expired_400("bad-credentials", status=401), AccountRejected, Status.EXPIRED),
        (blocked(), AccountRejected, Status.BLOCKED),
        (blocked(string_code=True), AccountRejected, Status.BLOCKED),
        (expired_400("account-suspended", status=403), AccountRejected, Status.BLOCKED),
        (challenge(), Challenged, None),
        (plain_forbidden(), Stopped, None),
        (plain_forbidden(empty_body=True), Challenged, None),
        (block_only_in_details(), Stopped, None),
        (antibot(), TakenForRobot, None),
        (overloaded(), Overloaded, None),
    ],
)
async def test_what_says_something_of_account_or_way_ends_the_check(
    stage: Stage, path: str, script: Script, expected: type[UpstreamError], status: Status | None
) -> None:
    """
    On whichever call it is heard, with its reason; nothing is asked after it.
    """
    account, _ = stage.account()
    stage.world.always_on(path, script)

    with pytest.raises(UpstreamError) as caught:
        await stage.provider.probe(account, EGRESS)

    assert type(caught.value) is expected
    assert getattr(caught.value, "status", None) is status
    assert stage.paths()[-1] == path


@pytest.mark.parametrize(
    ("state", "expected"), [("unauthenticated", Status.EXPIRED), ("blocked", Status.BLOCKED)]
)
async def test_a_session_that_is_gone_is_heard_first(stage: Stage, state: str, expected: Status) -> None:
    """
    It answers with 200 and says so (§17.1).
    """
    account, there = stage.account()
    there.status = state  # type: ignore[assignment] # parametrised over the literal

    with pytest.raises(AccountRejected) as caught:
        await stage.provider.probe(account, EGRESS)

    assert (caught.value.status, stage.paths()) == (expected, [SESSION])


@pytest.mark.parametrize("grpc_errors", ["http", "trailers", "headers"])
async def test_an_account_refused_by_the_pool_call_is_refused(stage: Stage, grpc_errors: str) -> None:
    """
    As an HTTP status, or as a gRPC status of a 200.
    """
    account, there = stage.account("super", credits=Credits(CREDITS_TOTAL, NOW - 86_400, NOW + 86_400))
    there.status = "unauthenticated"
    stage.world.grpc_errors = grpc_errors  # type: ignore[assignment] # parametrised over the literal

    with pytest.raises(AccountRejected) as caught:
        await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))

    assert (caught.value.status, stage.paths()) == (Status.EXPIRED, [CREDITS])


async def test_one_mode_is_one_question(stage: Stage) -> None:
    """
    After its use only the mode that was used is asked.
    """
    account, there = stage.account()
    there.quota["fast"].remaining = 3

    report = await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))

    assert report == Report(windows=report.windows, partial=True)
    assert {mode: one.remaining for mode, one in report.windows.items()} == {Mode.FAST: 3}
    assert stage.paths() == [LIMITS]


async def test_one_mode_of_an_account_with_a_pool_is_its_pool(stage: Stage) -> None:
    """
    Whatever was used, it came out of the week.
    """
    account, _ = stage.account("super", credits=Credits(CREDITS_TOTAL, NOW - 86_400, NOW + 86_400))

    report = await stage.provider.probe(account, EGRESS, meters=(Mode.EXPERT,))

    assert report.credits is not None
    assert report.credits.remaining == 8_750
    assert (report.partial, stage.paths()) == (True, [CREDITS])


async def test_one_mode_of_an_account_whose_pool_has_ended_is_its_window(stage: Stage) -> None:
    """
    The stored pool is given up.
    """
    account, there = stage.account("super", credits=Credits(CREDITS_TOTAL, NOW - 86_400, NOW + 86_400))
    assert there.credits is not None
    there.credits = SimCredits(there.credits.start, there.credits.end, paid=False)

    report = await stage.provider.probe(account, EGRESS, meters=(Mode.EXPERT,))

    assert (report.credits, report.metered, set(report.windows)) == (None, True, {Mode.EXPERT})


@pytest.mark.parametrize("pool", [True, False])
async def test_a_mode_that_is_not_told_is_a_failed_check(stage: Stage, *, pool: bool) -> None:
    """
    Nothing is reported that was not heard.
    """
    credit = Credits(CREDITS_TOTAL, NOW - 86_400, NOW + 86_400) if pool else None
    account, there = stage.account("super", credits=credit)
    there.credits = None
    stage.world.always_on(LIMITS, server_error(500))

    with pytest.raises(UpstreamError):
        await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))


async def test_a_signature_made_earlier_is_made_anew_when_it_is_refused(stage: Stage) -> None:
    """
    Once, on the same call, and not with every refusal (§16.1, §18.4).
    """
    account, _ = stage.account()
    stage.set(statsig=StatsigMode.SIGNER, signer_url=f"{stage.sim.url}/sign")
    await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))
    stage.world.next_on(LIMITS, antibot())

    report = await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))

    assert report.windows
    assert stage.paths() == ["/index", "/sign", LIMITS, LIMITS, "/index", "/sign", LIMITS]
    assert stage.sim.violations == []


async def test_a_fresh_signature_that_is_refused_is_not_made_again(stage: Stage) -> None:
    """
    Another one would fare no better.
    """
    account, _ = stage.account()
    stage.set(statsig=StatsigMode.SIGNER, signer_url=f"{stage.sim.url}/sign")
    stage.world.always_on(LIMITS, antibot())

    with pytest.raises(TakenForRobot):
        await stage.provider.probe(account, EGRESS, meters=(Mode.FAST,))

    assert stage.paths() == ["/index", "/sign", LIMITS]
