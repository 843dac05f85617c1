"""Which histories Grok still knows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from grokdesk.core.accounts import AccountId
from grokdesk.core.conversation import Message, Role, Text
from grokdesk.core.events import Batch, TextPiece
from grokdesk.providers.grok_web.protocol.failures import ConversationGone, conversation_gone
from grokdesk.providers.grok_web.threads import Retold, Thread, Threads
from tests.make import Clock

A, B = AccountId("a"), AccountId("b")


def said(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def test_a_deleted_conversation_is_not_continued() -> None:
    """
    All its turns are forgotten, and those of no other conversation or account.
    """
    threads = Threads(Clock().now)
    answer, more = said(Role.ASSISTANT, "Four."), said(Role.USER, "And one?")
    histories = {name: [said(Role.USER, name)] for name in ("first", "second", "other", "bob")}
    threads.keep(histories["first"], answer, Thread(A, "c-1", "r-1"))
    threads.keep(histories["second"], answer, Thread(A, "c-1", "r-2"))
    threads.keep(histories["other"], answer, Thread(A, "c-2", "r-3"))
    threads.keep(histories["bob"], answer, Thread(B, "c-1", "r-4"))

    threads.forget(A, "c-1")

    known = {name for name, asked in histories.items() if threads.find([*asked, answer, more])}
    assert known == {"other", "bob"}


async def answer(*words: str, forgotten: bool = False) -> AsyncIterator[Batch]:
    for word in words:
        yield [TextPiece(word)]
    if forgotten:
        raise conversation_gone("kind")


async def anew() -> AsyncIterator[Batch]:
    return answer("all", "anew")


async def test_an_old_conversation_that_grok_has_forgotten_is_told_anew() -> None:
    """
    When Grok says so in place of the first word.
    """
    heard = [batch async for batch in Retold(answer(forgotten=True), anew)]

    assert heard == [[TextPiece("all")], [TextPiece("anew")]]


async def test_what_has_begun_is_not_told_again() -> None:
    """
    The words that came stand, and whoever listens hears how they end.
    """
    retold = Retold(answer("one", forgotten=True), anew)

    first = await anext(retold)

    assert first == [TextPiece("one")]
    with pytest.raises(ConversationGone):
        await anext(retold)
