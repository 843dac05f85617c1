"""Event filters between engine and encoder: where an answer ends, what of it is shown, what it cost.

Each takes one event and returns the events that go on. They are composed per request by `shaped`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from grokdesk.core.events import (
    Cited,
    Event,
    Finished,
    Made,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Usage,
)
from grokdesk.core.tokens import estimate, last_word, without_pictures


class Shape(Protocol):
    """A filter. After it has returned a `Finished` it is fed nothing more."""

    def feed(self, event: Event) -> Sequence[Event]:
        """Return what goes on instead of `event`."""
        ...


class HideThinking:
    """Drops thinking."""

    def feed(self, event: Event) -> Sequence[Event]:
        """Return `event` unless it is thinking."""
        return () if isinstance(event, ThoughtPiece) else (event,)


class StopAt:
    """Ends the answer before the sequence that is complete first; holds back only what may be a beginning."""

    def __init__(self, sequences: Iterable[str]) -> None:
        self._sequences = tuple(sequence for sequence in sequences if sequence)
        self._held = ""
        self._said = 0
        self._waiting: list[Cited] = []

    def feed(self, event: Event) -> Sequence[Event]:
        """Return text that can no longer be part of a sequence, or the end when one is complete.

        Citations that come while text is held wait for it, so that they never precede the text they mark;
        those of text that is cut off go with it.
        """
        match event:
            case TextPiece(text):
                return self._text(text)
            case Finished():
                return (*self._release(), event)
            case Cited() if self._held:
                self._waiting.append(event)
                return ()
            case Made():
                # No sequence goes on behind a picture.
                return (*self._release(), event)
            case _:
                return (event,)

    def _text(self, text: str) -> Sequence[Event]:
        window = self._held + text
        found = [(at, seq) for seq in self._sequences if (at := window.find(seq)) >= 0]
        if found:
            # The one that is complete first, not the one that begins first: otherwise the cut would depend on
            # where the pieces of the answer end.
            at, sequence = min(found, key=lambda hit: (hit[0] + len(hit[1]), hit[0]))
            before: tuple[Event, ...] = (TextPiece(window[:at]),) if at else ()
            said = self._said + at
            marks = [cited for cited in self._waiting if cited.end <= said]
            self._held = ""
            self._waiting.clear()
            return (*before, *marks, Finished(Stop.STOP_SEQUENCE, stop_sequence=sequence))
        keep = max((_overlap(window, sequence) for sequence in self._sequences), default=0)
        out = window[: len(window) - keep]
        self._held = window[len(window) - keep :]
        if not out:
            return ()
        self._said += len(out)
        waiting, self._waiting = self._waiting, []
        return (TextPiece(out), *waiting)

    def _release(self) -> Sequence[Event]:
        held, self._held = self._held, ""
        self._said += len(held)
        waiting, self._waiting = self._waiting, []
        return (TextPiece(held), *waiting) if held else waiting


def _overlap(text: str, sequence: str) -> int:
    """The length of the longest end of `text` that is a proper beginning of `sequence`."""
    for size in range(min(len(text), len(sequence) - 1), 0, -1):
        if sequence.startswith(text[-size:]):
            return size
    return 0


class EndAfter:
    """Ends the answer once its text has `max_tokens` estimated tokens, wherever its pieces end."""

    def __init__(self, max_tokens: int) -> None:
        self._left = max_tokens
        # Text that has passed and is not counted yet.
        self._passed: list[str] = []
        self._size = 0

    def feed(self, event: Event) -> Sequence[Event]:
        """Return `event`, or its allowed part and the end."""
        if not isinstance(event, TextPiece):
            return (event,)
        self._passed.append(event.text)
        self._size += len(event.text)
        # No text has more tokens than characters, so counting can wait until that no longer tells enough.
        if self._size <= self._left:
            return (event,)
        text = "".join(self._passed)
        if estimate(text) <= self._left:
            # A word may be split over pieces: its beginning is counted again with what follows.
            at = last_word(text)
            self._left -= estimate(text[:at])
            self._passed = [text[at:]]
            self._size = len(text) - at
            return (event,)
        kept = _cut(text, self._left)[self._size - len(event.text) :]
        end = Finished(Stop.LENGTH)
        return (TextPiece(kept), end) if kept else (end,)


def _cut(text: str, tokens: int) -> str:
    """The longest beginning of `text` that costs at most `tokens`. Estimates only grow: halving finds it."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if estimate(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    return text[:low]


class Tally:
    """Folds the run and puts the estimated usage into `Finished`."""

    def __init__(self, prompt_tokens: int, transcript: Transcript) -> None:
        self._prompt_tokens = prompt_tokens
        self._transcript = transcript

    def feed(self, event: Event) -> Sequence[Event]:
        """Return `event`, the last one with what the run has cost."""
        if isinstance(event, Finished):
            event = replace(event, usage=self._usage())
        self._transcript.add(event)
        return (event,)

    def _usage(self) -> Usage:
        transcript = self._transcript
        calls = sum(estimate(f"{call.name} {call.arguments}") for call in transcript.calls)
        said = estimate(without_pictures(transcript.text))
        return Usage(self._prompt_tokens, said + calls, estimate(transcript.thinking))


def shaped(shapes: Sequence[Shape], events: Iterable[Event]) -> list[Event]:
    """Send `events` through `shapes` in order. Stops after a `Finished`."""
    current = list(events)
    for shape in shapes:
        following: list[Event] = []
        for event in current:
            following.extend(shape.feed(event))
            if following and isinstance(following[-1], Finished):
                break
        current = following
    return current
