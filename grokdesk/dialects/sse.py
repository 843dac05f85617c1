"""Server-sent events: the frames that every streaming format is made of."""

from __future__ import annotations

from typing import Final

CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"
HEARTBEAT: Final = b": heartbeat\n\n"
DONE: Final = b"data: [DONE]\n\n"


def frame(data: bytes, event: str = "") -> bytes:
    """Return one frame. `data` is a single line, as compact JSON is."""
    name = b"event: %b\n" % event.encode() if event else b""
    return b"%bdata: %b\n\n" % (name, data)
