"""gRPC-web frames and the few protobuf messages of the account calls (protocol §16.5, §18)."""

import struct
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

ACCEPT_TERMS = bytes.fromhex("00000000021001")
_FEATURE = b"always_show_nsfw_content"
NSFW_ON = bytes.fromhex("00000000200a021001121a0a18") + _FEATURE
NSFW_OFF = bytes.fromhex("00000000200a021000121a0a18") + _FEATURE
EMPTY_MESSAGE = bytes(5)
CONTENT_TYPE = "application/grpc-web+proto"

_TRAILERS = 0x80
_CONTINUES = 0x80
_LOW_BITS = 0x7F
_VARINT, _LENGTH, _FIXED32 = 0, 2, 5
_NANOS = 250_000_000


def message(payload: bytes) -> bytes:
    """One message frame."""
    return struct.pack(">BI", 0, len(payload)) + payload


def trailers(status: int = 0, text: str = "") -> bytes:
    """The trailer frame, `grpc-status` and, unless all is well, `grpc-message`."""
    lines = f"grpc-status:{status}\r\n"
    if text:
        lines += f"grpc-message:{quote(text)}\r\n"
    return struct.pack(">BI", _TRAILERS, len(lines)) + lines.encode()


def credits_message(
    *,
    used_percent: float,
    start: datetime,
    end: datetime,
    products: Mapping[int, float],
    paid: bool,
) -> bytes:
    """The weekly credit pool (§16.5).

    Zero percent is left out, as the service does; whether an account pays then shows only in the
    nanoseconds of the period. A product of zero percent keeps its number.
    """
    config = b""
    if used_percent:
        config += _float(1, used_percent)
    config += _field(4, _timestamp(start, paid=paid)) + _field(5, _timestamp(end, paid=paid))
    for product, percent in products.items():
        share = _key(1, _VARINT) + _varint(product)
        config += _field(7, share + (_float(2, percent) if percent else b""))
    return message(_field(1, config)) + trailers()


def _timestamp(moment: datetime, *, paid: bool) -> bytes:
    seconds = _key(1, _VARINT) + _varint(int(moment.timestamp()))
    return seconds + (_key(2, _VARINT) + _varint(_NANOS) if paid else b"")


def _field(number: int, payload: bytes) -> bytes:
    return _key(number, _LENGTH) + _varint(len(payload)) + payload


def _float(number: int, value: float) -> bytes:
    return _key(number, _FIXED32) + struct.pack("<f", value)


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _LOW_BITS:
        out.append(value & _LOW_BITS | _CONTINUES)
        value >>= 7
    out.append(value)
    return bytes(out)
