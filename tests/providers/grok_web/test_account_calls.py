"""What is done to an account at Grok, over the wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from grokdesk.core.accounts import Account, Status
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    Garbled,
    Overloaded,
    Stopped,
    TakenForRobot,
    Unreachable,
    UpstreamError,
)
from grokdesk.providers.grok_web.protocol.failures import AskedTooOften
from grokdesk.providers.grok_web.provider import GrokWeb
from grokdesk.sim import (
    Script,
    antibot,
    blocked,
    challenge,
    expired,
    expired_400,
    limited,
    overloaded,
    plain_forbidden,
    refused,
    server_error,
)
from tests.providers.grok_web.stage import EGRESS, Stage

ACCOUNT_TERMS = "/auth_mgmt.AuthManagement/SetTosAcceptedVersion"
TERMS = "/rest/auth/set-tos-accepted"
BIRTH_DATE = "/rest/auth/set-birth-date"
FEATURES = "/auth_mgmt.AuthManagement/UpdateUserFeatureControls"
ASSETS = "/rest/assets"
ASSET = "/rest/assets-metadata/a"
HISTORY = "/rest/app-chat/conversations"
CONVERSATION = "/rest/app-chat/conversations/soft/a"
BORN = date(1990, 5, 7)

CALLS: dict[str, Callable[[GrokWeb, Account], Awaitable[object]]] = {
    ACCOUNT_TERMS: lambda grok, account: grok.accept_account_terms(account, EGRESS),
    TERMS: lambda grok, account: grok.accept_product_terms(account, EGRESS),
    BIRTH_DATE: lambda grok, account: grok.set_birth_date(account, EGRESS, BORN),
    FEATURES: lambda grok, account: grok.show_adult(account, EGRESS, on=True),
    ASSETS: lambda grok, account: grok.assets(account, EGRESS),
    ASSET: lambda grok, account: grok.delete_asset(account, EGRESS, "a"),
    HISTORY: lambda grok, account: grok.conversations(account, EGRESS),
    CONVERSATION: lambda grok, account: grok.delete_conversation(account, EGRESS, "a"),
}


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    ("script", "expected", "status"),
    [
        (expired(), AccountRejected, Status.EXPIRED),
        (expired_400("session-not-found"), AccountRejected, Status.EXPIRED),
        (expired_400("token-expired", status=403), AccountRejected, Status.EXPIRED),
        (blocked(), AccountRejected, Status.BLOCKED),
        (challenge(), Challenged, None),
        (plain_forbidden(), Stopped, None),
        (antibot(), TakenForRobot, None),
        (limited(), AskedTooOften, None),
        (overloaded(), Overloaded, None),
        (server_error(500), UpstreamError, None),
    ],
)
async def test_every_call_knows_whom_a_refusal_blames(
    stage: Stage, path: str, script: Script, expected: type[UpstreamError], status: Status | None
) -> None:
    """
    Dead accounts, blocked ones, ways that are stopped, limits and trouble at Grok's, on each call alike.
    """
    account, _ = stage.account()
    stage.world.always_on(path, script)

    with pytest.raises(UpstreamError) as caught:
        await CALLS[path](stage.provider, account)

    assert type(caught.value) is expected
    assert getattr(caught.value, "status", None) is status
    assert stage.paths()[-1] == path


async def test_terms_are_accepted_at_both_places(stage: Stage) -> None:
    """
    Those of the account and those of the product, each in its own manner.
    """
    account, there = stage.account()

    await stage.provider.accept_account_terms(account, EGRESS)
    await stage.provider.accept_product_terms(account, EGRESS)

    assert (there.accounts_terms, there.tos_version) == (True, 5)
    assert stage.paths() == [ACCOUNT_TERMS, TERMS]
    assert stage.sim.violations == []


async def test_the_terms_of_the_account_go_to_the_accounts_address(stage: Stage) -> None:
    """
    All else goes to Grok's own (decision 16).
    """
    account, there = stage.account()
    stage.set(api_url="http://127.0.0.1:1")

    await stage.provider.accept_account_terms(account, EGRESS)
    with pytest.raises(Unreachable):
        await stage.provider.accept_product_terms(account, EGRESS)

    assert (there.accounts_terms, there.tos_version) == (True, 0)


async def test_a_date_of_birth_is_told_once(stage: Stage) -> None:
    """
    A second one is refused by Grok, which counts as done; the first stays.
    """
    account, there = stage.account()

    first = await stage.provider.set_birth_date(account, EGRESS, BORN)
    second = await stage.provider.set_birth_date(account, EGRESS, date(1980, 1, 1))

    assert (first, second) == (True, False)
    assert there.birth_date == "1990-05-07T12:00:00.000Z"
    assert stage.sim.violations == []


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_a_date_of_birth_is_taken_with_any_success(stage: Stage, status: int) -> None:
    """
    The body is nobody's business (§18.2).
    """
    account, _ = stage.account()
    stage.world.always_on(BIRTH_DATE, refused(status))

    assert await stage.provider.set_birth_date(account, EGRESS, BORN)


async def test_adult_content_is_switched_on_and_off(stage: Stage) -> None:
    """
    By the account's own switch.
    """
    account, there = stage.account()

    await stage.provider.show_adult(account, EGRESS, on=True)
    on = there.nsfw
    await stage.provider.show_adult(account, EGRESS, on=False)

    assert (on, there.nsfw) == (True, False)
    assert stage.sim.violations == []


@pytest.mark.parametrize("place", ["trailers", "headers"])
@pytest.mark.parametrize("path", [ACCOUNT_TERMS, FEATURES])
async def test_a_grpc_status_is_a_refusal_though_http_was_fine(stage: Stage, path: str, place: str) -> None:
    """
    200 with status 16 means signed out (§18.4).
    """
    account, there = stage.account()
    there.status = "unauthenticated"
    stage.world.grpc_errors = place  # type: ignore[assignment] # parametrised over the literal

    with pytest.raises(AccountRejected) as caught:
        await CALLS[path](stage.provider, account)

    assert caught.value.status is Status.EXPIRED


@pytest.mark.parametrize("shape", ["assets", "items"])
async def test_all_files_are_listed_page_by_page(stage: Stage, shape: str) -> None:
    """
    Each once, under whatever names they are told.
    """
    account, there = stage.account()
    there.assets_shape = shape  # type: ignore[assignment] # parametrised over the literal
    kept = [stage.world.keep(there, f"{n}.txt", "text/plain", b"x" * n, "json") for n in range(120)]

    listing = await stage.provider.assets(account, EGRESS)

    assert [one.id for one in listing.items] == [upload.id for upload in kept]
    assert [one.size_bytes for one in listing.items] == list(range(120))
    assert listing.complete
    assert stage.paths() == [ASSETS] * 3
    assert stage.sim.violations == []


@pytest.mark.parametrize("path", [ASSETS, HISTORY])
async def test_a_listing_without_end_ends(stage: Stage, path: str) -> None:
    """
    A page that brings nothing new is the last, whatever token it has; the listing says that it is not whole.
    """
    account, _ = stage.account()
    entry = {"assetId": "a", "conversationId": "a"}
    body = {"assets": [entry], "conversations": [entry], "nextPageToken": "again"}
    stage.world.always_on(path, refused(200, body))

    listing = await (stage.provider.assets if path == ASSETS else stage.provider.conversations)(
        account, EGRESS
    )

    assert ([one.id for one in listing.items], listing.complete) == (["a"], False)
    assert len(stage.sim.received) == 2


async def test_an_unreadable_listing_is_no_empty_one(stage: Stage) -> None:
    """
    A page of HTML with a 200 is a failure.
    """
    account, _ = stage.account()
    stage.world.always_on(ASSETS, refused(200, "<html></html>"))

    with pytest.raises(Garbled):
        await stage.provider.assets(account, EGRESS)


async def test_a_file_is_deleted_once(stage: Stage) -> None:
    """
    The second time it is gone already, which is no failure.
    """
    account, there = stage.account()
    upload = stage.world.keep(there, "a.txt", "text/plain", b"a", "json")

    first = await stage.provider.delete_asset(account, EGRESS, upload.id)
    second = await stage.provider.delete_asset(account, EGRESS, upload.id)

    assert (first, second, stage.world.uploads) == (True, False, {})
    assert stage.sim.violations == []


async def test_conversations_are_listed_and_deleted(stage: Stage) -> None:
    """
    Those in the history; temporary ones are not in it. The second time one is gone already.
    """
    account, there = stage.account()
    stage.world.converse(there, temporary=True)
    kept = [stage.world.converse(there, temporary=False).id for _ in range(70)]

    listing = await stage.provider.conversations(account, EGRESS)
    deleted = [await stage.provider.delete_conversation(account, EGRESS, kept[0]) for _ in range(2)]

    assert [one.id for one in listing.items] == kept
    assert deleted == [True, False]
    assert kept[0] not in stage.world.conversations
    assert stage.sim.violations == []


async def test_a_listing_takes_its_limits_from_the_settings(stage: Stage) -> None:
    """
    Lists may take a minute, which is longer than a check.
    """
    account, there = stage.account()
    stage.set(probe_s=0.05)
    stage.world.keep(there, "a.txt", "text/plain", b"a", "json")

    assert len((await stage.provider.assets(account, EGRESS)).items) == 1
