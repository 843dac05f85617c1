"""Frames of server-sent events."""

from __future__ import annotations

from grokdesk.dialects import sse


def test_a_frame_may_have_a_name() -> None:
    """
    The name stands before the data, and an empty line ends both.
    """
    assert sse.frame(b"{}") == b"data: {}\n\n"
    assert sse.frame(b"{}", "ping") == b"event: ping\ndata: {}\n\n"
