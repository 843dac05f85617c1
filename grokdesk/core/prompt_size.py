"""How many tokens a request has: clients ask before they send it, and see it in the usage of the answer.

Estimates, like all token counts here (`core.tokens`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from grokdesk.core.conversation import ChatRequest, Media, Message, Part, Text, ToolCall, ToolResult
from grokdesk.core.tokens import estimate

# A part is set off from its neighbours.
_AROUND: Final = 2
# About what Anthropic counts for a picture of a megapixel; nothing here opens files to measure them.
_PER_FILE: Final = 1500
# How many characters are looked at when an estimate must not cost time: about a millisecond.
_GLANCE: Final = 16_384


def counted(request: ChatRequest) -> int:
    """Return about how many tokens `request` has: messages, tools and the wanted form."""
    return sum(estimate(text) + _AROUND for text in _texts(request)) + _files(request)


def glanced(request: ChatRequest) -> int:
    """Return the same, for a long request extrapolated from the beginning of each of its texts."""
    texts = list(_texts(request))
    length = sum(map(len, texts))
    if length <= _GLANCE:
        return counted(request)
    seen = sum(estimate(text[: len(text) * _GLANCE // length]) for text in texts)
    return seen * length // _GLANCE + len(texts) * _AROUND + _files(request)


def _texts(request: ChatRequest) -> Iterator[str]:
    for part in _parts(request.messages):
        match part:
            case Text(text):
                yield text
            case ToolCall():
                yield f"{part.name} {part.arguments}"
            case _:
                pass  # thinking of earlier turns is not read again
    for tool in request.tools:
        yield f"{tool.name} {tool.description} {tool.schema}"
    if request.answer.schema:
        yield request.answer.schema


def _files(request: ChatRequest) -> int:
    return _PER_FILE * sum(isinstance(part, Media) for part in _parts(request.messages))


def _parts(messages: tuple[Message, ...]) -> Iterator[Part]:
    """Every part, those of results of tools in their place."""
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                yield from part.parts
            else:
                yield part
