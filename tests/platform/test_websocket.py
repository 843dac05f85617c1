"""WebSocket frames, whole and in pieces, good and bad."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.platform.websocket import Frame, FrameReader, Opcode, WebSocketFault, accept_value, encode

LIMIT = 1 << 20
MASK = b"\x01\x02\x03\x04"


def frame(opcode: int, payload: bytes, *, final: bool = True, flags: int = 0) -> bytes:
    """A frame as a server sends it: unmasked."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = bytes([126]) + size.to_bytes(2, "big")
    else:
        length = bytes([127]) + size.to_bytes(8, "big")
    return bytes([(0x80 if final else 0) | flags | opcode]) + length + payload


def read(data: bytes, cuts: list[int], limit: int = LIMIT) -> list[Frame]:
    reader = FrameReader(max_message=limit)
    ends = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [one for a, b in pairwise(ends) for one in reader.feed(data[a:b])]


controls = st.builds(
    Frame, st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.binary(max_size=125)
)
payloads = st.binary(max_size=300) | st.integers(65_530, 65_540).map(bytes)
messages = st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY]), payloads)
cuts = st.lists(st.integers(0, 1 << 17), max_size=8)


@given(st.lists(messages | controls, max_size=5), st.data(), cuts)
def test_messages_survive_any_chunking(sent: list[Frame], data: st.DataObject, ends: list[int]) -> None:
    """
    However the sender splits messages into frames, and the network frames into pieces, the messages arrive
    whole, with control frames between the fragments where they were sent.
    """
    wire, expected = b"", []
    for one in sent:
        if one.opcode >= Opcode.CLOSE or not data.draw(st.booleans()):
            wire += frame(one.opcode, one.payload)
        else:
            half = len(one.payload) // 2
            wire += frame(one.opcode, one.payload[:half], final=False)
            wire += frame(Opcode.PING, b"between")
            wire += frame(Opcode.CONTINUATION, one.payload[half:])
            expected.append(Frame(Opcode.PING, b"between"))
        expected.append(one)

    assert read(wire, ends) == expected


@given(st.binary(max_size=300) | st.integers(65_530, 65_540).map(bytes), st.binary(min_size=4, max_size=4))
def test_what_we_send_is_masked_and_readable(payload: bytes, mask: bytes) -> None:
    """
    Taking the mask off as RFC 6455 §5.3 says gives back the payload, at every length form.
    """
    sent = encode(Opcode.TEXT, payload, mask)

    head = len(sent) - len(payload)
    unmasked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(sent[head:]))
    assert sent[1] & 0x80
    assert sent[head - 4 : head] == mask
    assert read(bytes([sent[0], sent[1] & 0x7F]) + sent[2 : head - 4] + unmasked, []) == [
        Frame(Opcode.TEXT, payload)
    ]


@given(st.binary(max_size=200), cuts)
def test_any_bytes_give_frames_or_a_fault(noise: bytes, ends: list[int]) -> None:
    """
    Nothing a peer sends raises anything but `WebSocketFault`.
    """
    try:
        frames = read(noise, ends, limit=1_000)
    except WebSocketFault:
        return
    assert all(len(one.payload) <= 1_000 for one in frames)


FAULTS = {
    "reserved bits": frame(1, b"a", flags=0x40),
    "unknown opcode": frame(3, b"a"),
    "masked by the server": encode(Opcode.TEXT, b"a", MASK),
    "control frame too long": frame(9, bytes(126)),
    "control frame in pieces": frame(9, b"a", final=False),
    "continuation of nothing": frame(0, b"a"),
    "beginning inside a message": frame(1, b"a", final=False) + frame(1, b"b"),
    "frame above the limit": frame(1, bytes(101)),
    "message above the limit": frame(1, bytes(60), final=False) + frame(0, bytes(60)),
    "length beyond any limit": b"\x81\x7f" + b"\xff" * 8,
}


@pytest.mark.parametrize("case", FAULTS)
def test_broken_framing_is_a_fault(case: str) -> None:
    """
    Each way to break the framing is noticed, as early as it can be.
    """
    with pytest.raises(WebSocketFault):
        read(FAULTS[case], [], limit=100)


def test_what_came_before_a_fault_is_delivered() -> None:
    """
    Good messages in the same piece are not lost.
    """
    reader = FrameReader(max_message=100)
    frames = reader.feed(frame(1, b"good") + FAULTS["unknown opcode"])

    assert next(frames) == Frame(Opcode.TEXT, b"good")
    with pytest.raises(WebSocketFault):
        next(frames)


def test_a_reader_that_stops_early_loses_nothing() -> None:
    """
    What was not taken from one piece comes with the next.
    """
    reader = FrameReader(max_message=100)
    frames = reader.feed(frame(1, b"one") + frame(1, b"two"))
    first = next(frames)
    frames.close()  # type: ignore[attr-defined] # a generator, which the signature does not promise

    assert [first, *reader.feed(b"")] == [Frame(Opcode.TEXT, b"one"), Frame(Opcode.TEXT, b"two")]


def test_the_handshake_answer_is_that_of_the_standard() -> None:
    """
    The example of RFC 6455 §1.3.
    """
    assert accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
