"""Flat events → numbered blocks, for formats whose answer is a list of items.

A run says thinking, text and calls in any order; a list of items wants each stretch of one kind as a block of
its own, with a number, opened before its first piece and closed before the next block opens. `Blocks` decides
where blocks begin and end; what is said inside one is the event itself:

```
for change in blocks.feed(event):        # Closed, Opened, both in this order, or nothing
    ...                                  # write them
                                         # now `event` is content of `blocks.open`: write it
```

* A piece of thinking or text continues the open block of its kind, or opens one.
* A call is a block of its own; nothing is added to it, so the caller may `close()` it at once.
* A citation belongs to a text block: to the open one, or to one that is opened for it and may stay empty.
* A source belongs to the whole answer; neither it nor `Started` opens or closes anything.
* `Finished` closes what is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from grokdesk.core.conversation import ToolCall
from grokdesk.core.events import Called, Cited, Event, Finished, TextPiece, ThoughtPiece


class Kind(Enum):
    """What a block holds."""

    THINKING = "thinking"
    TEXT = "text"
    CALL = "call"


@dataclass(eq=False, slots=True)
class Block:
    """One stretch of an answer. It fills while it is open.

    `index` counts from 0 without gaps. `begins` is how many characters of the answer's text came before it;
    offsets of citations count from the start of the answer. `call` is there for CALL only.
    """

    index: int
    kind: Kind
    begins: int
    call: ToolCall | None = None
    pieces: list[str] = field(default_factory=list)
    citations: list[Cited] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was said in it so far; empty for a call."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Opened:
    """A block begins. None other is open."""

    block: Block


@dataclass(frozen=True, slots=True)
class Closed:
    """The open block is complete."""

    block: Block


Change = Opened | Closed


class Blocks:
    """The blocks of one answer. `open` is the one that is being filled, `count` how many there were."""

    __slots__ = ("_length", "count", "open")

    def __init__(self) -> None:
        self.open: Block | None = None
        self.count = 0
        self._length = 0

    def feed(self, event: Event) -> Sequence[Change]:
        """Return what closes and opens before `event`, and take it into the block that is then open."""
        # Nearly every event is a piece that continues the open block: it is asked for first, and cheap.
        if type(event) is TextPiece or type(event) is ThoughtPiece:
            kind = Kind.TEXT if type(event) is TextPiece else Kind.THINKING
            block = self.open
            if block is not None and block.kind is kind:
                block.pieces.append(event.text)
                return ()
            block, changes = self._begin(kind)
            block.pieces.append(event.text)
            return changes
        match event:
            case Cited():
                block, changes = self._text()
                block.citations.append(event)
                return changes
            case Called(call):
                return self._begin(Kind.CALL, call)[1]
            case Finished():
                return self.close()
            case _:
                return ()

    def close(self) -> Sequence[Change]:
        """Return that the open block is complete; nothing when none is open."""
        block, self.open = self.open, None
        if block is None:
            return ()
        if block.kind is Kind.TEXT:
            self._length += sum(map(len, block.pieces))
        return (Closed(block),)

    def _text(self) -> tuple[Block, Sequence[Change]]:
        block = self.open
        return (block, ()) if block is not None and block.kind is Kind.TEXT else self._begin(Kind.TEXT)

    def _begin(self, kind: Kind, call: ToolCall | None = None) -> tuple[Block, Sequence[Change]]:
        closed = self.close()
        block = self.open = Block(self.count, kind, self._length, call)
        self.count += 1
        return block, (*closed, Opened(block))
