"""Frames of gRPC-web: one message there, one message and a status back (protocol/grok-web-chat.md §18.4)."""

from __future__ import annotations

import struct
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol.failures import stream_failure
from grokdesk.providers.grok_web.protocol.headers import Call

_MESSAGE: Final = 0x00
_TRAILERS: Final = 0x80
_HEAD: Final = struct.Struct(">BI")


def framed(payload: bytes) -> bytes:
    """`payload` as the one message of a request."""
    return _HEAD.pack(_MESSAGE, len(payload)) + payload


EMPTY: Final = framed(b"")


def message(body: bytes, headers: Mapping[str, str] | None = None, *, call: Call) -> bytes:
    """The message in an answer to `call`; empty when there is none. `headers` have lower-case names.

    Raises the failure that the status in trailers or headers means, `Garbled` for a broken or compressed
    frame. No status at all is success.
    """
    headers = headers or {}
    if "grpc-web-text" in headers.get("content-type", ""):
        body = _from_base64(body)
    found = b""
    trailers = {name: value for name, value in headers.items() if name.startswith("grpc-")}
    for flag, payload in _frames(body):
        if flag == _TRAILERS:
            trailers |= _lines(payload)
        elif flag == _MESSAGE:
            found += payload
        else:
            raise _garbled(f"gRPC frame with flag {flag:#04x}")
    status = trailers.get("grpc-status", "").strip()
    if status not in {"", "0"}:
        said = unquote(trailers.get("grpc-message", ""))
        raise stream_failure({"code": status, "message": said}, call=call)
    return found


def _frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        start = at + _HEAD.size
        if start > len(body):
            raise _garbled("gRPC frame cut in its head")
        flag, size = _HEAD.unpack_from(body, at)
        at = start + size
        if at > len(body):
            raise _garbled("gRPC frame cut in its payload")
        yield flag, body[start:at]


def _lines(payload: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in payload.decode("latin-1").split("\r\n"))
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


def _from_base64(body: bytes) -> bytes:
    try:
        return b64decode(body, validate=True)
    except NotBase64:
        raise _garbled("gRPC text that is not base64") from None


def _garbled(what: str) -> Garbled:
    return Garbled("Grok's answer about this account cannot be read.", hint="Try again later.", detail=what)
