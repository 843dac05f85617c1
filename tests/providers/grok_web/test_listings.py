"""Files and conversations of an account, however they are told."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.assets import Asset, PastConversation
from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol import listings
from tests.providers.grok_web.transcripts import JSON_VALUES

VIDEO = {
    "assetId": "f00d0000-0000-4000-8000-000000000001",
    "mimeType": "video/mp4",
    "name": "generated_video.mp4",
    "sizeBytes": "1843200",
    "createTime": "2026-01-01T00:02:00.000Z",
    "key": "users/9d0e/generated/f00d/generated_video.mp4",
    "isDeleted": False,
    "isModelGenerated": True,
}
OLDER = {
    "id": "f00d0000-0000-4000-8000-000000000001",
    "contentType": "video/mp4",
    "fileName": "generated_video.mp4",
    "size": 1843200,
    "createdAt": "2026-01-01T00:02:00Z",
    "filePath": "users/9d0e/generated/f00d/generated_video.mp4",
    "isModelGenerated": True,
}


def told(**members: object) -> bytes:
    return orjson.dumps(members)


@pytest.mark.parametrize(
    "body", [told(assets=[VIDEO], nextPageToken="p"), told(items=[OLDER], nextCursor="p")]
)
def test_a_file_is_read_under_all_its_names(body: bytes) -> None:
    """
    The list under `assets` or `items`, each member under any name it was seen with.
    """
    page = listings.assets(body)

    assert page.next == "p"
    assert page.items == (
        Asset(
            "f00d0000-0000-4000-8000-000000000001",
            "generated_video.mp4",
            "video/mp4",
            1_843_200,
            1_767_225_720.0,
            "users/9d0e/generated/f00d/generated_video.mp4",
            generated=True,
        ),
    )


def test_a_conversation_is_read() -> None:
    """
    With the time of its last change.
    """
    entry = {
        "conversationId": "c-1",
        "title": "Tea",
        "createTime": "2025-01-01T00:00:00Z",
        "modifyTime": "2026-01-01T00:02:00Z",
    }

    page = listings.conversations(told(conversations=[entry], nextPageToken=""))

    assert (page.items, page.next) == ((PastConversation("c-1", "Tea", 1_767_225_720.0),), "")


@pytest.mark.parametrize(
    "asset",
    [{}, {"assetId": ""}, {"assetId": 7}, {"assetId": ".."}, {"assetId": "a", "isDeleted": True}, "a", None],
)
def test_what_cannot_be_deleted_is_not_listed(asset: object) -> None:
    """
    Without an id that can stand in an address, or deleted already.
    """
    assert listings.assets(told(assets=[asset])).items == ()
    assert listings.conversations(told(conversations=[asset])).items == ()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
def test_what_is_no_listing_is_garbled(body: bytes) -> None:
    """
    An answer that cannot be read must not look like an empty account.
    """
    with pytest.raises(Garbled):
        listings.assets(body)


def test_an_id_cannot_leave_its_place_in_the_address() -> None:
    """
    Whatever upstream calls its things.
    """
    assert listings.asset_path("a/../b?c#d") == "/rest/assets-metadata/a%2F..%2Fb%3Fc%23d"
    assert listings.conversation_path("é").endswith("/soft/%C3%A9")


def test_a_further_page_is_asked_for_with_its_token() -> None:
    """
    Escaped; the first page has none.
    """
    assert "pageToken" not in listings.assets_query()
    assert listings.assets_query("a=&b").endswith("pageToken=a%3D%26b")
    assert listings.conversations_query() == "pageSize=60"


def test_a_token_of_absurd_length_is_no_token() -> None:
    """
    It would not fit into an address.
    """
    assert listings.assets(told(assets=[], nextPageToken="x" * 5_000)).next == ""


@given(st.dictionaries(st.sampled_from(["assets", "items", "nextPageToken"]), JSON_VALUES))
def test_any_json_is_a_page(members: dict[str, object]) -> None:
    """
    Members of an unexpected type count as absent.
    """
    assert all(asset.id for asset in listings.assets(orjson.dumps(members)).items)
