"""Recorded streams and the two ways of reading one: by its events, and by what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import orjson
from hypothesis import strategies as st

from grokdesk.core.errors import UpstreamError
from grokdesk.core.events import Event, Finished, Started, Transcript

SAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "protocol" / "samples" / "chat"
INIT = "evt_init_b21b1c2e-1f61-41bc-acb7-0dd842762334"


class Decoder(Protocol):
    def feed(self, data: bytes, /) -> Sequence[Event]: ...

    def end(self) -> Sequence[Event]: ...


def lines(name: str) -> list[bytes]:
    """The lines of a sample."""
    path = SAMPLES / name
    assert path.is_file(), f"{path} is missing; the samples lie in the folder `shared` beside the checkout"
    return path.read_bytes().splitlines()


def named(pattern: str) -> list[str]:
    """The names of the samples that match; at least one, or the folder is missing."""
    found = sorted(path.name for path in SAMPLES.glob(pattern))
    assert found, f"{SAMPLES} has no {pattern}; the samples lie in the folder `shared` beside the checkout"
    return found


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> tuple[list[Event], UpstreamError | None]:
    """Feed every piece, then the end; return the events and the failure that stopped them, if one did."""
    events: list[Event] = []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.end()
    except UpstreamError as failure:
        return events, failure
    return events, None


def outcome(decoder: Decoder, pieces: Iterable[bytes]) -> tuple[list[Event], type[UpstreamError] | None, str]:
    """What `decode` gives, in a form that can be compared."""
    events, failure = decode(decoder, pieces)
    return events, type(failure) if failure else None, failure.message if failure else ""


def folded(events: Iterable[Event]) -> Transcript:
    """What events add up to."""
    transcript = Transcript()
    for event in events:
        transcript.add(event)
    return transcript


def grammatical(events: Sequence[Event], *, finished: bool) -> bool:
    """Whether events are a run: `Started` first and once, `Finished` last and once if it finished."""
    starts = [at for at, event in enumerate(events) if isinstance(event, Started)]
    ends = [at for at, event in enumerate(events) if isinstance(event, Finished)]
    return starts == ([0] if events else []) and ends == ([len(events) - 1] if finished else [])


def words(text: str) -> list[str]:
    """The words of `text`."""
    return text.split()


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """`data` in pieces, cut at `places` (each taken modulo its length)."""
    edges = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(edges)]


def frame(**members: object) -> bytes:
    """A frame of the older form with these members in `result.response`."""
    return orjson.dumps({"result": {"response": members}}) + b"\n"


def event(kind: str, **members: object) -> bytes:
    """A message of the gateway."""
    return orjson.dumps({"session_id": "c-1", "event": {"type": kind, **members}})


def chunk(**members: object) -> bytes:
    """A `response.chunk` of the gateway."""
    return event("response.chunk", chunk=members)


ACKNOWLEDGED = [
    event("session.created", client_event_id=INIT),
    event("conversation.attached", conversation={"id": "c-1"}),
]
DONE = event("response.done", response={"id": "r-1", "status": "completed"})

PLACES = st.lists(st.integers(0, 1 << 20), max_size=30)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def media_lines(name: str) -> list[dict[str, object]]:
    """The lines of a sample of pictures and films, as objects."""
    path = SAMPLES.parent / "media" / name
    assert path.is_file(), f"{path} is missing; the samples lie in the folder `shared` beside the checkout"
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def media_frames(name: str, kind: str) -> list[bytes]:
    """What upstream sends in a sample: the messages of a socket (`ws.text`) or frames (`http.chunk`)."""
    return [
        orjson.dumps(line["json"])
        for line in media_lines(name)
        if line["dir"] == "s2c" and line["kind"] == kind and "json" in line
    ]


def media_bodies(name: str, path: str) -> list[object]:
    """The JSON bodies that a sample sends to `path`, in order."""
    return [
        line["json"]
        for line in media_lines(name)
        if line["kind"] == "http.request" and str(line["url"]).endswith(path) and "json" in line
    ]
