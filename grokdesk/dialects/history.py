"""Which messages of a conversation say something; the others are left out of every request."""

from __future__ import annotations

from collections.abc import Iterable

from grokdesk.core.conversation import Message, Part, Text, Thought
from grokdesk.core.errors import InvalidRequest


def telling(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages that say something."""
    return tuple(message for message in messages if any(map(says_something, message.parts)))


def answerable(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the same. Raises `InvalidRequest` when there is none."""
    told = telling(messages)
    if not told:
        raise InvalidRequest("There is nothing to answer: every message is empty.", param="messages")
    return told


def says_something(part: Part) -> bool:
    """Whether a part is more than empty words."""
    match part:
        case Text(text):
            return bool(text.strip())
        case Thought(text, seal):
            return bool(text.strip() or seal)
        case _:
            return True
