"""The fold of a run."""

from __future__ import annotations

from grokdesk.core.events import (
    Cited,
    Event,
    Finished,
    Source,
    Sourced,
    SourceKind,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Usage,
)


def test_a_transcript_keeps_everything_that_was_said() -> None:
    """
    Text and thinking are joined, citations and sources listed in order, beginning and end kept.
    """
    transcript = Transcript()
    cited = Cited("https://example.org", "Example", 0, 2)
    source = Source("https://x.com/1", "A post", SourceKind.X_POST)
    started, finished = Started("run-1", "grok", 1), Finished(Stop.LENGTH, Usage(1, 2, 3))
    events: list[Event] = [
        started,
        ThoughtPiece("let me "),
        ThoughtPiece("think"),
        TextPiece("It "),
        Sourced(source),
        cited,
        TextPiece("is."),
        finished,
    ]

    for event in events:
        transcript.add(event)

    assert (transcript.text, transcript.thinking, transcript.pieces) == ("It is.", "let me think", 4)
    assert (transcript.citations, transcript.sources) == ([cited], [source])
    assert (transcript.started, transcript.finished) == (started, finished)


def test_a_transcript_of_nothing_is_empty() -> None:
    """
    A run that was left before it said anything has no text, no beginning and no end.
    """
    transcript = Transcript()

    assert (transcript.text, transcript.thinking, transcript.pieces) == ("", "", 0)
    assert (transcript.started, transcript.finished) == (None, None)


def test_usage_adds_up() -> None:
    """
    Completion is text and thinking; the total adds the prompt.
    """
    usage = Usage(10, 5, 2)

    assert (usage.completion_tokens, usage.total_tokens) == (7, 17)
