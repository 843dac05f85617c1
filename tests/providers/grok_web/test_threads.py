"""Which histories Grok still knows."""

from __future__ import annotations

from grokdesk.core.accounts import AccountId
from grokdesk.core.conversation import Message, Role, Text
from grokdesk.providers.grok_web.threads import Thread, Threads
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
