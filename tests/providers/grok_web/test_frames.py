"""Cutting a byte stream into objects."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol.frames import MAX_FRAME_BYTES, Frames, ObjectSplitter
from tests.providers.grok_web.transcripts import JSON_VALUES, PLACES, cut

# Bytes that matter to the rule, far more often than chance would have them.
TRICKY = st.lists(
    st.sampled_from(
        [b"{", b"}", b'"', b"\\", b"\n", b"\r", b" ", b"data: ", b"[DONE]", b"a", b":", b"\xff", b"\xc3"]
    )
    | st.sampled_from(
        [b'{"a":1}', b'{"a":"}{"}', b'{"a":"\\""}', b'{"b":{"c":[{}]}}', b"{not json}", b'"a":', b"1"]
    ),
    max_size=40,
).map(b"".join)
GLUE = st.sampled_from(
    [b"", b"\n", b"\r\n", b"\n\n", b" ", b"\ndata: ", b"\nevent: x\ndata:", b"\ndata: [DONE]\n", b"]"]
)
STREAMS = st.lists(
    st.tuples(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3).map(orjson.dumps), GLUE),
    max_size=8,
).map(lambda frames: b"".join(data + glue for data, glue in frames))


def reference(data: bytes) -> tuple[list[bytes], bool]:
    """The object rule of §8.1 [cur], byte by byte: the objects, and whether one was left open."""
    found: list[bytes] = []
    start, depth, in_string, escaped = 0, 0, False, False
    for at, byte in enumerate(data):
        char = chr(byte)
        if not depth:
            if char == "{":
                start, depth = at, 1
        elif escaped:
            escaped = False
        elif in_string:
            escaped = char == "\\"
            in_string = char != '"'
        elif char == '"':
            in_string = True
        elif char in "{}":
            depth += 1 if char == "{" else -1
            if not depth:
                found.append(data[start : at + 1])
    return found, depth > 0


def valid(objects: list[bytes]) -> list[object]:
    parsed: list[object] = []
    for data in objects:
        try:
            parsed.append(orjson.loads(data))
        except orjson.JSONDecodeError:
            continue
    return parsed


@given(TRICKY | STREAMS | st.binary(max_size=200), PLACES)
@example(b'{"a":"\\', [])
@example(b'{"a":"\\\\"}{}', [5, 6, 7, 8])
def test_objects_are_cut_out_by_the_rule_however_the_bytes_arrive(data: bytes, places: list[int]) -> None:
    """
    The splitter gives what a reading byte by byte gives, whatever pieces the bytes come in.
    """
    splitter = ObjectSplitter()

    found = [whole for piece in cut(data, places) for whole in splitter.feed(piece)]

    assert (found, splitter.inside) == reference(data)


@given(TRICKY | STREAMS | st.binary(max_size=200), PLACES)
def test_the_fast_way_gives_the_same_frames_as_the_rule(data: bytes, places: list[int]) -> None:
    """
    Parsing line by line finds the very frames that the object rule cuts out, minus those that are not JSON.
    """
    frames = Frames()

    found = [frame for piece in cut(data, places) for frame in frames.feed(piece)]

    objects, is_open = reference(data)
    assert found == valid(objects)
    assert (frames.valid, frames.garbage) == (len(found), len(objects) - len(found))
    assert frames.inside == is_open


def test_a_stream_that_ends_inside_an_object_is_garbled() -> None:
    """
    Half an object means that the stream broke.
    """
    frames = Frames()
    list(frames.feed(b'{"a":1}\n{"b":'))

    with pytest.raises(Garbled, match="broke off"):
        frames.end()


def test_a_stream_of_nothing_but_garbage_is_garbled() -> None:
    """
    A page with braces in it is not an answer.
    """
    frames = Frames()
    list(frames.feed(b"<style>body { color: red }</style>"))

    with pytest.raises(Garbled, match="not in the form"):
        frames.end()


@pytest.mark.parametrize("data", [b"", b"\n\ndata: [DONE]\n", b'{"a":1} {broken}'])
def test_silence_and_single_garbage_are_a_normal_end(data: bytes) -> None:
    """
    One frame that is not JSON is skipped, and nothing at all is for the answer to judge.
    """
    frames = Frames()
    list(frames.feed(data))

    frames.end()


@pytest.mark.parametrize("size", [1 << 14, 1 << 24])
def test_a_frame_beyond_the_limit_is_garbled(size: int) -> None:
    """
    Eight megabytes without an end are no frame, in one piece or in many.
    """
    data = b'{"token":"' + b"a" * MAX_FRAME_BYTES + b'"}\n'
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    frames = Frames()

    with pytest.raises(Garbled, match="too large"):
        [list(frames.feed(piece)) for piece in pieces]


def test_a_frame_at_the_limit_is_read() -> None:
    """
    The limit itself is allowed.
    """
    data = b'{"token":"' + b"a" * (MAX_FRAME_BYTES - 12) + b'"}'

    assert len(data) == MAX_FRAME_BYTES
    assert len(list(Frames().feed(data + b"\n"))) == 1


def test_what_follows_a_cut_is_read_afresh() -> None:
    """
    A message that broke off takes nothing of the next one with it.
    """
    frames = Frames()
    list(frames.feed(b'{"a":"'))

    frames.cut()

    assert list(frames.feed(b'{"b":2}')) == [{"b": 2}]
    assert frames.garbage == 1
