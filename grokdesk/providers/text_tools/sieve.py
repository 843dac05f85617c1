"""Takes calls out of an answer while it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from grokdesk.core.conversation import ToolCall
from grokdesk.core.tools import Tool, ToolChoice
from grokdesk.providers.text_tools.grammar import Found, Piece, Reader, Unheard
from grokdesk.providers.text_tools.names import offered


class Sieve:
    """Splits the text of an answer into what a person reads and the calls.

    A call is given as soon as it is complete, so parallel calls come one by one; `new_id` makes its id. Text
    passes at once, except for what may still become a call: the first letters of a marker, blanks at the very
    beginning and behind a call, and a block that began like one. A block that turns out to be none comes out
    as text, unchanged and in its place. Text behind a complete `<tool_calls>` element is dropped
    (protocol/grok-web-chat.md §13.3), blanks next to calls are, too. All texts joined do not depend on how
    the answer was cut into pieces, and without a call they are the answer.

    With `choice.parallel` off the first call is the only one and further ones vanish. With `Must.NOT`, and
    for names outside `choice.allowed`, everything is text.

    Thinking is another text: give it a Sieve of its own with the same tools, and ask that one only when the
    answer came without a call. A model that thinks its call aloud usually writes it again; if `called` stays
    false for the answer, use the calls from its thinking, and the texts of both as thinking and text.
    """

    def __init__(self, tools: Sequence[Tool], choice: ToolChoice, new_id: Callable[[], str]) -> None:
        callable_tools = offered(tools, choice)
        self._reader = Reader(callable_tools) if callable_tools else None
        self._parallel = choice.parallel
        self._new_id = new_id
        self._called = False

    @property
    def called(self) -> bool:
        """Whether there was a call so far."""
        return self._called

    def feed(self, text: str) -> list[str | ToolCall]:
        """What is certain with the next piece. Never raises; no text is empty, no two stand side by side."""
        if self._reader is None:
            return [text] if text else []
        return self._sifted(self._reader.feed(text))

    def end(self) -> list[str | ToolCall]:
        """What was held back. To be called once, when the answer is complete."""
        return self._sifted(self._reader.end()) if self._reader else []

    def _sifted(self, pieces: Iterable[Piece]) -> list[str | ToolCall]:
        out: list[str | ToolCall] = []
        texts: list[str] = []
        for piece in pieces:
            match piece:
                case str():
                    texts.append(piece)
                case Found(name, arguments) if self._parallel or not self._called:
                    self._called = True
                    if texts:
                        out.append("".join(texts))
                        texts = []
                    out.append(ToolCall(self._new_id(), name, arguments))
                case Found() | Unheard():
                    pass
        if texts:
            out.append("".join(texts))
        return out
