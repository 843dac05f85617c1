"""What can be done to an account at Grok: terms, birth date, adult content, files, conversations.

Chapters 18 and 19 of protocol/grok-web-chat.md; files are §6.3 and §6.4 of grok-web-media.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Final, TypeVar

from grokdesk.core.assets import Asset, Listing, Page, PastConversation
from grokdesk.providers.grok_web.protocol import adult, grpc_web, listings
from grokdesk.providers.grok_web.protocol.failures import BirthDateSet, Gone
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.session import SMALL_BYTES, Session

log = logging.getLogger(__name__)

_PAGE_BYTES: Final = 16 << 20
_MOST_PAGES: Final = 400

Item = TypeVar("Item", Asset, PastConversation)


async def accept_account_terms(session: Session) -> None:
    """Accept the terms of the account; those of the product have to follow (§18.1)."""
    await _switched(session, Call.ACCOUNT_TERMS, adult.ACCOUNT_TERMS_PATH, adult.ACCOUNT_TERMS)


async def accept_product_terms(session: Session) -> None:
    """Accept the terms of the product (§18.1)."""
    path, body = adult.PRODUCT_TERMS_PATH, adult.PRODUCT_TERMS
    async with session.request("POST", Call.PRODUCT_TERMS, path, body):
        pass


async def set_birth_date(session: Session, born: date) -> bool:
    """Tell the owner's date of birth; False when there was one already, which stays (§18.2)."""
    path, body = adult.BIRTH_DATE_PATH, adult.birth_date(born)
    try:
        async with session.request("POST", Call.BIRTH_DATE, path, body):
            return True
    except BirthDateSet:
        return False


async def show_adult(session: Session, *, on: bool) -> None:
    """Turn the showing of adult content on or off (§18.3)."""
    await _switched(session, Call.FEATURES, adult.FEATURES_PATH, adult.switch(on=on))


async def _switched(session: Session, call: Call, path: str, body: bytes) -> None:
    async with session.request("POST", call, path, body) as reply:
        grpc_web.message(await reply.body(SMALL_BYTES), reply.headers, call=call)


async def assets(session: Session) -> Listing[Asset]:
    """All files of the account."""
    path = listings.ASSETS_PATH
    return await _all(session, Call.ASSETS, path, listings.assets_query, listings.assets)


async def delete_asset(session: Session, asset_id: str) -> bool:
    """Delete a file; False when it was gone already."""
    return await _deleted(session, Call.DELETE_ASSET, listings.asset_path(asset_id))


async def conversations(session: Session) -> Listing[PastConversation]:
    """All conversations in the account's history."""
    path = listings.CONVERSATIONS_PATH
    query, read = listings.conversations_query, listings.conversations
    return await _all(session, Call.CONVERSATIONS, path, query, read)


async def delete_conversation(session: Session, conversation_id: str) -> bool:
    """Delete a conversation; False when it was gone already."""
    return await _deleted(session, Call.DELETE_CONVERSATION, listings.conversation_path(conversation_id))


async def _deleted(session: Session, call: Call, path: str) -> bool:
    try:
        async with session.request("DELETE", call, path):
            return True
    except Gone:
        return False


async def _all(
    session: Session,
    call: Call,
    path: str,
    query: Callable[[str], str],
    read: Callable[[bytes], Page[Item]],
) -> Listing[Item]:
    """Read page after page. One that brings nothing new ends it, so that it ends whatever upstream says."""
    found: dict[str, Item] = {}
    page = ""
    for _ in range(_MOST_PAGES):
        async with session.request("GET", call, path, query=query(page)) as reply:
            told = read(await reply.body(_PAGE_BYTES))
        before = len(found)
        found.update((item.id, item) for item in told.items)
        if not told.next:
            return Listing(tuple(found.values()))
        if len(found) == before:
            break
        page = told.next
    log.warning("listing broken off account=%s call=%s found=%d", session.account.id, call.value, len(found))
    return Listing(tuple(found.values()), complete=False)
