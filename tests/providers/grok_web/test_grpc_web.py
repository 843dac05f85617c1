"""Frames of gRPC-web, and the status in them."""

from __future__ import annotations

import pytest

from grokdesk.core.errors import (
    AccountRejected,
    Garbled,
    Overloaded,
    TakenForRobot,
    UpstreamError,
)
from grokdesk.providers.grok_web.protocol import grpc_web
from grokdesk.providers.grok_web.protocol.failures import AskedTooOften
from grokdesk.providers.grok_web.protocol.headers import Call

OK_TRAILER = bytes.fromhex("800000000f677270632d7374617475733a300d0a")
EXPIRED_TRAILER = bytes.fromhex(
    "8000000030677270632d7374617475733a31360d0a677270632d6d6573736167653a53657373696f6e253230657870697265640d0a"
)


def message(body: bytes, headers: dict[str, str] | None = None) -> bytes:
    return grpc_web.message(body, headers, call=Call.CREDITS)


def test_a_message_is_taken_out_of_its_frames() -> None:
    """
    Also base64-encoded; no status at all is success.
    """
    framed = grpc_web.framed(b"abc")

    assert message(framed) == b"abc"
    assert message(framed + OK_TRAILER) == b"abc"
    assert message(b"AAAAAANhYmM=", {"content-type": "application/grpc-web-text"}) == b"abc"
    assert message(grpc_web.EMPTY + OK_TRAILER) == b""


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (EXPIRED_TRAILER, {}, AccountRejected),
        (b"", {"grpc-status": "16"}, AccountRejected),
        (b"", {"grpc-status": "7"}, TakenForRobot),
        (b"", {"grpc-status": "8", "grpc-message": "Too%20many"}, AskedTooOften),
        (b"", {"grpc-status": "14"}, Overloaded),
        (b"", {"grpc-status": "x"}, UpstreamError),
        (b"\x01\x00\x00\x00\x00", {}, Garbled),
        (b"\x00\x00", {}, Garbled),
        (b"\x00\x00\x00\x00\x05abc", {}, Garbled),
        (b"\xff", {"content-type": "application/grpc-web-text"}, Garbled),
    ],
)
def test_a_status_is_a_failure_though_http_was_fine(
    body: bytes, headers: dict[str, str], expected: type[UpstreamError]
) -> None:
    """
    In trailers or headers; broken and compressed frames are garbled.
    """
    with pytest.raises(UpstreamError) as caught:
        grpc_web.message(body, headers, call=Call.FEATURES)

    assert type(caught.value) is expected
