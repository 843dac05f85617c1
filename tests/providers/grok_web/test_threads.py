"""Which histories Grok still knows."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from grokdesk.core.accounts import AccountId
from grokdesk.core.conversation import Message, Role, Text
from grokdesk.core.events import Batch, Finished, Made, TextPiece
from grokdesk.core.media import Artifact, Kind
from grokdesk.providers.grok_web.protocol.failures import ConversationGone, conversation_gone
from grokdesk.providers.grok_web.threads import Kept, Retold, Thread, Threads
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


def shown(number: int) -> Message:
    """An answer as a client sends it back, with the address of its picture here."""
    return said(
        Role.ASSISTANT, f"Here it is.\n\n![image](http://127.0.0.1:8000/v1/files/image/{number:032x}.jpg)"
    )


async def kept(threads: Threads, asked: list[Message], thread: Thread) -> None:
    """Let an answer with a picture come, and remember it."""
    picture = Made(Artifact(Kind.IMAGE, "https://assets.grok.com/users/u/generated/i/image.jpg"))

    async def events() -> AsyncIterator[Batch]:
        yield [TextPiece("Here it is."), picture, Finished()]

    async for _ in Kept(events(), lambda answer: threads.keep(asked, answer, thread)):
        pass


async def test_a_conversation_goes_on_behind_a_picture() -> None:
    """
    Its address is ours, and Grok knows the picture without.
    """
    threads, asked = Threads(Clock().now), [said(Role.USER, "Draw a cat")]

    await kept(threads, asked, Thread(A, "c-1", "r-1"))
    bluer = [*asked, shown(1), said(Role.USER, "Make it blue")]
    await kept(threads, bluer, Thread(A, "c-1", "r-2"))

    further = threads.find(bluer)
    assert further is not None
    assert (further.thread.response_id, further.start) == ("r-1", 2)
    further = threads.find([*bluer, shown(2), said(Role.USER, "Bluer")])
    assert further is not None
    assert further.thread.response_id == "r-2"


async def test_conversations_that_differ_in_their_pictures_only_are_told_in_full() -> None:
    """
    Nobody can tell from the words which cat is meant; an hour later there is only one again.
    """
    clock = Clock()
    threads, asked = Threads(clock.now), [said(Role.USER, "Draw a cat")]
    more = [*asked, shown(1), said(Role.USER, "Make it blue")]

    await kept(threads, asked, Thread(A, "c-1", "r-1"))
    await kept(threads, asked, Thread(B, "c-2", "r-2"))
    assert threads.find(more) is None

    await kept(threads, asked, Thread(A, "c-1", "r-3"))
    assert threads.find(more) is None

    clock.advance(3_601)
    await kept(threads, asked, Thread(B, "c-4", "r-4"))
    further = threads.find(more)
    assert further is not None
    assert further.thread.conversation_id == "c-4"


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
