"""How a run falls into blocks."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import ToolCall
from grokdesk.core.events import (
    Called,
    Cited,
    Event,
    Finished,
    Source,
    Sourced,
    Started,
    TextPiece,
    ThoughtPiece,
)
from grokdesk.dialects.blocks import Block, Blocks, Change, Closed, Kind, Opened

STARTED = Started("run", "grok", 1)
CALL = ToolCall("call_1", "now", "{}")
CITED = Cited("https://a.example", "A", 0, 2)
SOURCED = Sourced(Source("https://a.example"))


def changes(events: Iterable[Event]) -> list[str]:
    """What opens and closes, as `+0 text` and `-0 text`."""
    blocks = Blocks()
    return [shown(change) for event in events for change in blocks.feed(event)]


def shown(change: Change) -> str:
    return f"{'+' if isinstance(change, Opened) else '-'}{change.block.index} {change.block.kind.value}"


def blocks_of(events: Iterable[Event]) -> list[Block]:
    blocks = Blocks()
    return [change.block for event in events for change in blocks.feed(event) if isinstance(change, Closed)]


def test_pieces_of_one_kind_share_a_block() -> None:
    """
    Its text is all of them; it ends with the answer.
    """
    events: list[Event] = [STARTED, TextPiece("a"), TextPiece("b"), Finished()]

    (block,) = blocks_of(events)

    assert (block.kind, block.text, block.begins) == (Kind.TEXT, "ab", 0)
    assert changes(events) == ["+0 text", "-0 text"]


def test_another_kind_is_another_block() -> None:
    """
    Closed before the next opens, and numbered on.
    """
    events: list[Event] = [ThoughtPiece("a"), TextPiece("b"), ThoughtPiece("c"), Finished()]

    assert changes(events) == [
        "+0 thinking",
        "-0 thinking",
        "+1 text",
        "-1 text",
        "+2 thinking",
        "-2 thinking",
    ]


def test_every_call_is_a_block() -> None:
    """
    Also one that follows another.
    """
    events: list[Event] = [Called(CALL), Called(CALL), TextPiece("a"), Finished()]

    first, second, _ = blocks_of(events)

    assert (first.call, second.call) == (CALL, CALL)
    assert first.text == ""
    assert changes(events) == ["+0 call", "-0 call", "+1 call", "-1 call", "+2 text", "-2 text"]


def test_a_block_may_be_closed_early() -> None:
    """
    What is said next opens another, and nothing is closed twice.
    """
    blocks = Blocks()
    blocks.feed(Called(CALL))

    assert [shown(change) for change in blocks.close()] == ["-0 call"]
    assert blocks.close() == ()
    assert [shown(change) for change in blocks.feed(TextPiece("a"))] == ["+1 text"]
    assert blocks.count == 2


def test_a_citation_joins_the_text_that_is_open() -> None:
    """
    Without opening anything.
    """
    events: list[Event] = [TextPiece("ab"), CITED, TextPiece("c"), Finished()]

    (block,) = blocks_of(events)

    assert block.citations == [CITED]


def test_a_late_citation_gets_a_text_of_its_own() -> None:
    """
    Text that follows joins it.
    """
    events: list[Event] = [TextPiece("ab"), Called(CALL), CITED, TextPiece("c"), Finished()]

    last = blocks_of(events)[-1]

    assert (last.kind, last.text, last.citations) == (Kind.TEXT, "c", [CITED])
    assert changes([CITED, Finished()]) == ["+0 text", "-0 text"]


def test_text_knows_where_it_begins() -> None:
    """
    In characters of the whole answer's text, as citations count.
    """
    events: list[Event] = [TextPiece("a😀"), TextPiece("b"), ThoughtPiece("xyz"), TextPiece("c"), Finished()]

    assert [block.begins for block in blocks_of(events)] == [0, 3, 3]


def test_sources_change_nothing() -> None:
    """
    They belong to the whole answer.
    """
    assert changes([STARTED, TextPiece("a"), SOURCED, TextPiece("b")]) == ["+0 text"]
    assert changes([SOURCED, Finished()]) == []


said_events = st.sampled_from(
    [STARTED, TextPiece("a"), TextPiece("bc"), ThoughtPiece("d"), CITED, SOURCED, Called(CALL)]
)


@given(st.lists(said_events))
def test_blocks_never_overlap_and_nothing_is_lost(said: list[Event]) -> None:
    """
    Whatever is said in whatever order: opened, closed, opened, with numbers that grow by one.
    """
    run = [*said, Finished()]

    heard = changes(run)
    found = blocks_of(run)

    assert [one[0] for one in heard] == ["+", "-"] * len(found)
    assert [block.index for block in found] == list(range(len(found)))
    texts = [event.text for event in said if isinstance(event, TextPiece)]
    assert "".join(block.text for block in found if block.kind is Kind.TEXT) == "".join(texts)
    assert sum(len(block.citations) for block in found) == said.count(CITED)
    assert [block.call for block in found if block.call] == [CALL] * said.count(Called(CALL))
