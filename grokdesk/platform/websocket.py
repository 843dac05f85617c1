"""WebSocket frames (RFC 6455), client side, without input or output.

libcurl's own WebSocket drops the body of a refused handshake, which is where Grok says why, so `wire` speaks
HTTP up to the 101 and hands the bytes after it to this codec.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LONGEST_SHORT: Final = 125
_LEN_16: Final = 126
_LEN_64: Final = 127
_MAX_CONTROL: Final = 125


class Opcode(IntEnum):
    """What a frame carries."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class WebSocketFault(Exception):
    """The peer broke the framing, or sent a message above the limit."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole message (TEXT or BINARY, reassembled) or control frame."""

    opcode: Opcode
    payload: bytes


def accept_value(key: str) -> str:
    """The Sec-WebSocket-Accept that answers the Sec-WebSocket-Key `key`."""
    digest = hashlib.sha1(key.encode() + _ACCEPT_GUID, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def encode(opcode: Opcode, payload: bytes, mask: bytes) -> bytes:
    """One unfragmented masked frame. `mask` is four random bytes."""
    size = len(payload)
    if size <= _LONGEST_SHORT:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | _LEN_16)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | _LEN_64)) + size.to_bytes(8, "big")
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    pad = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(size, "big")


class FrameReader:
    """Takes bytes as they come and gives whole messages.

    Raises `WebSocketFault` for reserved bits (no extension was offered), a bad opcode, a masked or oversized
    frame.
    """

    def __init__(self, *, max_message: int) -> None:
        self._max = max_message
        self._buffer = bytearray()
        self._message = bytearray()
        self._message_opcode: Opcode | None = None

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the messages and control frames completed by `data`."""
        self._buffer += data
        position = 0
        try:
            while (parsed := self._next(position)) is not None:
                final, opcode, payload, position = parsed
                frame = self._assembled(final, opcode, payload)
                if frame is not None:
                    yield frame
        finally:
            del self._buffer[:position]

    def _next(self, at: int) -> tuple[bool, Opcode, bytes, int] | None:
        buffer = self._buffer
        available = len(buffer) - at
        if available < 2:  # noqa: PLR2004 - the shortest frame
            return None
        first, second = buffer[at], buffer[at + 1]
        if first & 0x70:
            raise WebSocketFault("reserved bits are set")
        if second & 0x80:
            raise WebSocketFault("a server frame is masked")
        try:
            opcode = Opcode(first & 0x0F)
        except ValueError as error:
            raise WebSocketFault(f"unknown opcode {first & 0x0F}") from error
        size, start = second, at + 2
        if size >= _LEN_16:
            width = 2 if size == _LEN_16 else 8
            if available < 2 + width:
                return None
            size = int.from_bytes(buffer[start : start + width], "big")
            start += width
        if opcode >= Opcode.CLOSE and (size > _MAX_CONTROL or not first & 0x80):
            raise WebSocketFault("a control frame is too long or in pieces")
        if size > self._max:
            raise WebSocketFault(f"a frame of {size} bytes is above the limit of {self._max}")
        if len(buffer) < start + size:
            return None
        return bool(first & 0x80), opcode, bytes(buffer[start : start + size]), start + size

    def _assembled(self, final: bool, opcode: Opcode, payload: bytes) -> Frame | None:  # noqa: FBT001 - a bit
        if opcode >= Opcode.CLOSE:
            return Frame(opcode, payload)
        if (opcode is Opcode.CONTINUATION) == (self._message_opcode is None):
            raise WebSocketFault("a continuation without a beginning, or a beginning inside a message")
        if final and self._message_opcode is None:
            return Frame(opcode, payload)
        if self._message_opcode is None:
            self._message_opcode = opcode
        self._message += payload
        if len(self._message) > self._max:
            raise WebSocketFault(f"a message is above the limit of {self._max} bytes")
        if not final:
            return None
        frame = Frame(self._message_opcode, bytes(self._message))
        self._message.clear()
        self._message_opcode = None
        return frame
