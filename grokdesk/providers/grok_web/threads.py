"""Conversations that Grok still knows, so that a further turn sends only what is new (grok-web-chat.md §9.7).

Clients send the whole history every time. A history that equals one that was answered here goes on in the
same conversation, on the same account; any other is told from the beginning. Nothing is stored: after a
restart every conversation is told once in full.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from grokdesk.core.accounts import AccountId
from grokdesk.core.conversation import Message, Part, Role, Text, ToolCall
from grokdesk.core.events import Batch, Called, Finished, Made, TextPiece
from grokdesk.providers.grok_web.protocol import payload
from grokdesk.providers.grok_web.protocol.failures import ConversationGone

_MOST: Final = 2_000
_AGE_S: Final = 3_600.0
# A picture in an answer. Its address is given out here, so that Grok's side of the history has none.
_PICTURE: Final = re.compile(r"!\[image\]\([^()\s]*\)")
_DRAWN: Final = "\n\n![image]()"


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a conversation stands: whose it is, and the ids that continue it."""

    account: AccountId
    conversation_id: str
    response_id: str


@dataclass(frozen=True, slots=True)
class Further:
    """A turn that continues `thread` with the messages from number `start` on."""

    thread: Thread
    start: int


class Threads:
    """The conversations of the last hour. `refused` switches them off for an hour, when Grok forgets them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        # Without a thread: several conversations differ only in their pictures.
        self._known: OrderedDict[bytes, tuple[float, Thread | None]] = OrderedDict()
        self._off_until = 0.0

    def find(self, messages: Sequence[Message]) -> Further | None:
        """The conversation that `messages` continue, if Grok still knows it."""
        last = max((at for at, one in enumerate(messages) if one.role is Role.ASSISTANT), default=-1)
        if not self._known or last < 0 or last == len(messages) - 1 or self._now() < self._off_until:
            return None
        found = self._known.get(_digest(messages[: last + 1]))
        if found is None or found[1] is None or self._now() - found[0] > _AGE_S:
            return None
        return Further(found[1], last + 1)

    def keep(self, messages: Sequence[Message], answer: Message, thread: Thread) -> None:
        """Remember where `messages` and their `answer` can be continued."""
        if not (thread.conversation_id and thread.response_id):
            return
        digest, now = _digest([*messages, answer]), self._now()
        self._known[digest] = (
            now,
            thread if self._is_told_apart(digest, [*messages, answer], thread) else None,
        )
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _is_told_apart(self, digest: bytes, messages: Sequence[Message], thread: Thread) -> bool:
        """Whether no other conversation reads the same but for its pictures."""
        at, known = self._known.get(digest, (float("-inf"), None))
        if self._now() - at > _AGE_S or not any(_has_picture(message) for message in messages):
            return True
        return known is not None and known.conversation_id == thread.conversation_id

    def forget(self, account: AccountId, conversation_id: str) -> None:
        """A conversation was deleted: what it answered is told in full from now on."""
        gone = [
            digest
            for digest, (_, thread) in self._known.items()
            if thread is not None and (thread.account, thread.conversation_id) == (account, conversation_id)
        ]
        for digest in gone:
            del self._known[digest]

    def refused(self) -> None:
        """Grok did not continue one. Tell everything in full for a while."""
        self._known.clear()
        self._off_until = self._now() + _AGE_S


def _digest(messages: Sequence[Message]) -> bytes:
    """What tells one history from another: all that Grok would be told of it, and every file."""
    text = payload.flatten([_plain(message) for message in messages], has_files=True)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for media in payload.files_of(messages):
        digest.update(hashlib.sha256(media.data or media.url.encode()).digest())
    return digest.digest()


def _plain(message: Message) -> Message:
    """An answer as clients send it back.

    Blanks at its ends, the order of text and calls, and where its pictures lie do not count.
    """
    if message.role is not Role.ASSISTANT:
        return message
    said = _PICTURE.sub("", _text_of(message)).strip()
    calls = (part for part in message.parts if isinstance(part, ToolCall))
    return Message(message.role, (Text(said), *calls))


def _has_picture(message: Message) -> bool:
    return message.role is Role.ASSISTANT and _PICTURE.search(_text_of(message)) is not None


def _text_of(message: Message) -> str:
    return "".join(part.text for part in message.parts if isinstance(part, Text))


class Kept:
    """The events of an answer on their way, which is remembered once it is whole."""

    def __init__(self, events: AsyncIterator[Batch], done: Callable[[Message], None]) -> None:
        self._events = events
        self._done = done
        self._text: list[str] = []
        self._calls: list[ToolCall] = []

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        batch = await anext(self._events)
        for event in batch:
            # Nearly every event is a piece of text: it is asked for first, and cheap.
            if type(event) is TextPiece:
                self._text.append(event.text)
            elif isinstance(event, Called):
                self._calls.append(event.call)
            elif isinstance(event, Made):
                self._text.append(_DRAWN)
            elif isinstance(event, Finished):
                parts: tuple[Part, ...] = (Text("".join(self._text)), *self._calls)
                self._done(Message(Role.ASSISTANT, parts))
        return batch


class Retold:
    """The events of an answer in an old conversation, which is told anew when Grok has forgotten it.

    Grok may say so only when it is asked; `anew` asks with the whole history.
    """

    def __init__(
        self, events: AsyncIterator[Batch], anew: Callable[[], Awaitable[AsyncIterator[Batch]]]
    ) -> None:
        self._events = events
        self._anew = anew
        self._begun = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        try:
            batch = await anext(self._events)
        except ConversationGone:
            if self._begun:
                raise
            self._events = await self._anew()
            batch = await anext(self._events)
        self._begun = True
        return batch
