"""Takes calls out of an answer that is complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grokdesk.core.tools import Tool
from grokdesk.providers.text_tools.grammar import Found, Piece, Reader, Unheard


@dataclass(frozen=True, slots=True)
class Parsed:
    """An answer in parts.

    `text_after` is what stood between and behind the calls, `unheard` what came behind a complete
    `<tool_calls>` element and is not for the client (protocol/grok-web-chat.md §13.3).
    """

    calls: tuple[Found, ...]
    text_before: str
    text_after: str = ""
    unheard: str = ""

    @property
    def text(self) -> str:
        """What a person reads."""
        return self.text_before + self.text_after


def parse_calls(text: str, tools: Sequence[Tool]) -> Parsed:
    """The calls of `tools` in `text`, and what stands around them; without calls, all is `text_before`.

    Finds what a `Sieve` finds. When that is nothing, JSON in the middle of prose counts, too: a stream could
    not have waited for it, a second look can. Names that are not in `tools` are not calls. Never raises.
    """
    parsed = _parsed(text, Reader(tools))
    return parsed if parsed.calls else _parsed(text, Reader(tools, anywhere=True))


def _parsed(text: str, reader: Reader) -> Parsed:
    calls: list[Found] = []
    before: list[str] = []
    after: list[str] = []
    unheard: list[str] = []
    pieces: list[Piece] = [*reader.feed(text), *reader.end()]
    for piece in pieces:
        match piece:
            case Found():
                calls.append(piece)
            case Unheard():
                unheard.append(piece.text)
            case str() if calls:
                after.append(piece)
            case str():
                before.append(piece)
    return Parsed(tuple(calls), "".join(before), "".join(after), "".join(unheard))
