"""The files and conversations an account keeps, page by page, and the paths that delete them.

Files are grok-web-media.md §6.3 and §6.4, conversations grok-web-chat.md §19.3. Members are read under all
the names they have been seen with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from grokdesk.core.assets import Asset, Page, PastConversation
from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.loose import Json

ASSETS_PATH: Final = "/rest/assets"
CONVERSATIONS_PATH: Final = "/rest/app-chat/conversations"
_PAGE_SIZE: Final = 50
_CONVERSATIONS_PAGE_SIZE: Final = 60
_LONGEST_NAME: Final = 300
_LONGEST_TOKEN: Final = 4_096

Item = TypeVar("Item", Asset, PastConversation)


def assets_query(page: str = "") -> str:
    """The query of one page of files; `page` is what the page before it named as the next."""
    query = {
        "pageSize": str(_PAGE_SIZE),
        "orderBy": "ORDER_BY_CREATE_TIME",
        "source": "SOURCE_ANY",
        "isLatest": "true",
    }
    return urlencode(query | ({"pageToken": page} if page else {}))


def conversations_query(page: str = "") -> str:
    """The query of one page of conversations."""
    query = {"pageSize": str(_CONVERSATIONS_PAGE_SIZE)}
    return urlencode(query | ({"pageToken": page} if page else {}))


def asset_path(asset_id: str) -> str:
    """Where a file is deleted."""
    return f"/rest/assets-metadata/{quote(asset_id, safe='')}"


def conversation_path(conversation_id: str) -> str:
    """Where a conversation is deleted."""
    return f"{CONVERSATIONS_PATH}/soft/{quote(conversation_id, safe='')}"


def assets(body: bytes) -> Page[Asset]:
    """Read a page of files; what is deleted already, or has no usable id, is left out.

    Raises `Garbled` when it is no listing.
    """
    return _page(body, ("assets", "items"), _asset)


def conversations(body: bytes) -> Page[PastConversation]:
    """Read a page of conversations. Raises `Garbled` when it is no listing."""
    return _page(body, ("conversations", "items"), _conversation)


def _page(body: bytes, names: tuple[str, ...], read: Callable[[Json], Item | None]) -> Page[Item]:
    answer = loose.parsed(body)
    if answer is None:
        raise Garbled(
            "Grok's list of what this account keeps cannot be read.",
            hint="Try again later.",
            detail=f"no {names[0]} in {len(body)} bytes",
        )
    found = (read(one) for one in loose.objects(loose.items(answer, *names)))
    following = loose.text(answer, "nextPageToken", "nextCursor")
    return Page(
        tuple(one for one in found if one is not None), following if len(following) <= _LONGEST_TOKEN else ""
    )


def _asset(source: Json) -> Asset | None:
    asset_id = _id(source, "assetId", "id")
    if not asset_id or source.get("isDeleted") is True:
        return None
    sizes = (loose.number(source, name) for name in ("sizeBytes", "fileSize", "size"))
    return Asset(
        id=asset_id,
        name=loose.text(source, "fileName", "name")[:_LONGEST_NAME],
        media_type=loose.text(source, "mimeType", "contentType"),
        size_bytes=max(0, int(next((size for size in sizes if size is not None), 0))),
        created_at=loose.moment(source, "createTime", "createdAt"),
        path=loose.text(source, "key", "filePath"),
        generated=source.get("isModelGenerated") is True,
    )


def _conversation(source: Json) -> PastConversation | None:
    conversation_id = _id(source, "conversationId", "id")
    if not conversation_id:
        return None
    return PastConversation(
        conversation_id,
        loose.text(source, "title")[:_LONGEST_NAME],
        loose.moment(source, "modifyTime", "createTime"),
    )


def _id(source: Json, *names: str) -> str:
    """An id that can stand in a path: dots alone would lead somewhere else."""
    found = loose.text(source, *names)
    return found if found.strip(".") else ""
