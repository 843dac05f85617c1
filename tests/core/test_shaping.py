"""Where an answer ends, what of it is shown, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.events import (
    Cited,
    Event,
    Finished,
    Made,
    Source,
    Sourced,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Usage,
)
from grokdesk.core.media import Artifact, Kind
from grokdesk.core.shaping import EndAfter, HideThinking, Shape, StopAt, Tally, shaped
from grokdesk.core.tokens import estimate


def fed(shapes: Sequence[Shape], *events: Event) -> list[Event]:
    """What goes on when the events come one at a time, until the answer is over."""
    out: list[Event] = []
    for event in events:
        out += shaped(shapes, [event])
        if out and isinstance(out[-1], Finished):
            break
    return out


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextPiece))


def pieces(text: str, cuts: Sequence[int]) -> list[Event]:
    """`text` in pieces that end at `cuts`."""
    ends = [0, *sorted({cut % (len(text) + 1) for cut in cuts} - {0}), len(text)]
    return [TextPiece(text[a:b]) for a, b in pairwise(ends) if a < b]


# --- stop sequences -----------------------------------------------------------------------------------------

few = st.text("ab \n", max_size=30)
cuts = st.lists(st.integers(0, 30))


@given(few, st.text("ab \n", min_size=1, max_size=4), cuts)
def test_a_stop_sequence_cuts_where_find_finds_it(text: str, sequence: str, ends: list[int]) -> None:
    """
    However the answer comes in pieces, it ends right before the sequence, or not at all.
    """
    events = fed([StopAt([sequence])], *pieces(text, ends), Finished())

    at = text.find(sequence)
    assert said(events) == (text[:at] if at >= 0 else text)
    assert events[-1] == (Finished(Stop.STOP_SEQUENCE, stop_sequence=sequence) if at >= 0 else Finished())
    assert all(event.text for event in events if isinstance(event, TextPiece))


@given(few, st.lists(st.text("ab \n", min_size=1, max_size=4), max_size=4), cuts)
def test_of_several_the_one_that_is_complete_first_cuts(
    text: str, sequences: list[str], ends: list[int]
) -> None:
    """
    Pieces never decide which of several sequences ends the answer.
    """
    events = fed([StopAt(sequences)], *pieces(text, ends), Finished())

    whole = [text.find(one) + len(one) for one in sequences if one in text]
    longest = max(
        (one for one in sequences if text[: min(whole, default=0)].endswith(one)), key=len, default=""
    )
    assert said(events) == (text[: min(whole) - len(longest)] if whole else text)
    assert isinstance(last := events[-1], Finished)
    assert last.stop_sequence == longest


def test_only_what_may_be_a_beginning_is_held_back() -> None:
    """
    Text goes on at once unless its end could begin the sequence.
    """
    shape = StopAt(["stop"])

    assert shape.feed(TextPiece("please st")) == (TextPiece("please "),)
    assert shape.feed(TextPiece("ay")) == (TextPiece("stay"),)


def test_a_citation_never_precedes_the_text_it_marks() -> None:
    """
    While text is held back, citations wait for it.
    """
    cited = Cited("https://example.org", "", 0, 2)

    events = fed([StopAt(["stop"])], TextPiece("so"), TextPiece(" st"), cited, TextPiece("ay"), Finished())

    assert events == [TextPiece("so"), TextPiece(" "), TextPiece("stay"), cited, Finished()]


def test_a_citation_of_what_was_cut_off_goes_with_it() -> None:
    """
    Citations of text that is shown stay, those of text behind the cut do not.
    """
    shown, hidden = Cited("https://example.org/1", "", 0, 3), Cited("https://example.org/2", "", 0, 5)

    events = fed([StopAt(["stop"])], TextPiece("so st"), shown, hidden, TextPiece("op now"), Finished())

    assert events == [TextPiece("so "), shown, Finished(Stop.STOP_SEQUENCE, stop_sequence="stop")]


def test_what_waits_at_the_end_comes_out() -> None:
    """
    Held text and citations are part of an answer that ends by itself.
    """
    cited = Cited("https://example.org", "", 0, 2)

    events = fed([StopAt(["stop"])], TextPiece("st"), cited, Finished())

    assert events == [TextPiece("st"), cited, Finished()]


def test_thinking_is_not_searched_for_stop_sequences() -> None:
    """
    Only the answer's text can end the answer, and other events pass while text is held.
    """
    others: list[Event] = [ThoughtPiece("stop"), Sourced(Source("https://example.org"))]

    assert fed([StopAt(["stop"])], TextPiece("st"), *others, Finished())[:2] == others


def test_no_sequence_stops_nothing() -> None:
    """
    Empty sequences are no sequences.
    """
    events: list[Event] = [TextPiece("stop"), Finished()]

    assert fed([StopAt(["", ""])], *events) == events


# --- length -------------------------------------------------------------------------------------------------

prose = st.text("abcdefgh ,.\n12345 Ωж漢字", max_size=60)


@given(prose, st.integers(0, 20), cuts)
def test_a_limit_cuts_at_the_same_place_however_the_pieces_fall(
    text: str, limit: int, ends: list[int]
) -> None:
    """
    The answer is the longest beginning that the limit allows, and says LENGTH only when something is missing.
    """
    events = fed([EndAfter(limit)], *pieces(text, ends), Finished())

    longest = max(size for size in range(len(text) + 1) if estimate(text[:size]) <= limit)
    assert said(events) == text[:longest]
    assert events[-1] == Finished(Stop.DONE if longest == len(text) else Stop.LENGTH)
    assert all(event.text for event in events if isinstance(event, TextPiece))


def test_a_limit_counts_text_alone() -> None:
    """
    Thinking and sources are free.
    """
    events: list[Event] = [
        ThoughtPiece("a long and winding thought"),
        Sourced(Source("https://example.org")),
        TextPiece("a"),
    ]

    assert fed([EndAfter(1)], *events) == events


# --- thinking and cost --------------------------------------------------------------------------------------


def test_hidden_thinking_is_gone_and_nothing_else() -> None:
    """
    Text, citations, sources and the end stay in order.
    """
    rest: list[Event] = [
        TextPiece("a"),
        Cited("https://example.org", "", 0, 1),
        Sourced(Source("https://x.com")),
        Finished(),
    ]

    assert fed([HideThinking()], ThoughtPiece("hm"), *rest) == rest


def test_the_tally_puts_usage_into_the_end() -> None:
    """
    The last event carries what prompt, text and thinking cost; the fold is the same run.
    """
    transcript = Transcript()

    events = fed(
        [Tally(7, transcript)],
        ThoughtPiece("hm"),
        TextPiece("one two"),
        Finished(Stop.STOP_SEQUENCE, stop_sequence="x"),
    )

    assert events[-1] == Finished(Stop.STOP_SEQUENCE, Usage(7, 2, 1), "x")
    assert (transcript.text, transcript.thinking, transcript.finished) == ("one two", "hm", events[-1])


def test_a_picture_never_precedes_the_text_before_it() -> None:
    """
    What was held as a possible stop sequence goes on first: no sequence reaches over a picture.
    """
    picture = Made(Artifact(Kind.IMAGE), 0)

    events = fed([StopAt(["stop"])], TextPiece("Here: st"), picture, TextPiece("op"), Finished())

    assert events == [TextPiece("Here: "), TextPiece("st"), picture, TextPiece("op"), Finished()]


def test_filters_work_one_after_another() -> None:
    """
    What one filter drops or ends, the next never sees; the tally counts what is really shown.
    """
    transcript = Transcript()
    shapes: list[Shape] = [HideThinking(), StopAt(["four"]), EndAfter(100), Tally(1, transcript)]

    events = fed(
        shapes, ThoughtPiece("hm"), TextPiece("one two "), TextPiece("fo"), TextPiece("ur five"), Finished()
    )

    assert said(events) == "one two "
    assert events[-1] == Finished(Stop.STOP_SEQUENCE, Usage(1, 2, 0), "four")


@given(prose, st.integers(1, 20), cuts)
def test_one_batch_or_many_makes_no_difference(text: str, limit: int, ends: list[int]) -> None:
    """
    Boundaries of batches mean nothing.
    """
    events: list[Event] = [*pieces(text, ends), Finished()]

    def shapes() -> list[Shape]:
        return [StopAt(["ab", "2"]), EndAfter(limit), Tally(0, Transcript())]

    assert shaped(shapes(), events) == fed(shapes(), *events)


@pytest.mark.parametrize("events", [[], [TextPiece("a")], [ThoughtPiece("hm"), TextPiece("a"), Finished()]])
def test_no_filter_changes_nothing(events: list[Event]) -> None:
    """
    Without filters what comes in goes out.
    """
    assert shaped([], events) == events
