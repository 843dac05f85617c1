"""Cutting a byte stream into JSON objects (protocol/grok-web-chat.md §8.1, the object rule).

Every byte up to a `{` is ignored; a frame runs to the `}` that closes it, and braces inside strings do not
count. So frames may come one a line, glued together, across lines or behind an SSE `data:`, and may be cut
anywhere.

`ObjectSplitter` is the rule. `Frames` gives the same frames already parsed, and much faster where a line is
one object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol.loose import Json, parsed

MAX_FRAME_BYTES: Final = 8 * 1024 * 1024

_OPEN: Final = ord("{")
_CLOSE: Final = ord("}")
# Up to the next brace outside a string, or to a string that does not end here. Possessive, so that nothing is
# read twice.
_TO_BRACE: Final = re.compile(rb'[^"{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}]*+)*+', re.DOTALL)
# Up to the quote that ends the string, or to a backslash that is the last byte.
_TO_QUOTE: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class ObjectSplitter:
    """Cuts bytes into objects, whatever their framing. Each byte is looked at once."""

    __slots__ = ("_depth", "_escaped", "_held", "_held_size", "_in_string", "_max_bytes")

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held: list[bytes] = []
        self._held_size = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def inside(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._depth > 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the objects that `data` completes.

        Raises `Garbled` for an object that is larger than allowed.
        """
        whole: list[bytes] = []
        at = 0
        while at < len(data):
            found, at = self.take(data, at)
            if found is not None:
                whole.append(found)
        return whole

    def end(self) -> None:
        """Say that nothing follows. Raises `Garbled` inside an object."""
        if self.inside:
            raise Garbled(
                "Grok's answer broke off in the middle.",
                hint="Ask again.",
                detail=f"the stream ended inside an object, {self._held_size} bytes after its beginning",
            )

    def take(self, data: bytes, at: int) -> tuple[bytes | None, int]:
        """Read on from `at` to the end of one object.

        Returns it, or None when `data` ends first, and where to go on.
        """
        if not self._depth:
            start = data.find(b"{", at)
            if start < 0:
                return None, len(data)
            self._depth, at = 1, start + 1
        else:
            start = at
        end = self._close(data, at)
        stop = len(data) if end is None else end
        if self._held_size + stop - start > self._max_bytes:
            raise Garbled(
                "Grok sent a piece of an answer that is too large to be one.",
                hint="Ask again.",
                detail=f"an object has more than {self._max_bytes} bytes",
            )
        piece = data[start:stop]
        if end is None:
            self._held.append(piece)
            self._held_size += len(piece)
            return None, stop
        if self._held:
            self._held.append(piece)
            piece = b"".join(self._held)
            self._held.clear()
            self._held_size = 0
        return piece, stop

    def _close(self, data: bytes, at: int) -> int | None:
        """Where the open object ends, or None when that is not in `data`."""
        size = len(data)
        if self._escaped and at < size:
            self._escaped = False
            at += 1
        while at < size:
            if self._in_string:
                at = _skip(_TO_QUOTE, data, at)
                if at < size and data[at] == _BACKSLASH:
                    self._escaped = True
                    return None
                if at < size:
                    self._in_string = False
                    at += 1
                continue
            at = _skip(_TO_BRACE, data, at)
            if at >= size:
                break
            byte = data[at]
            at += 1
            if byte == _CLOSE:
                self._depth -= 1
                if not self._depth:
                    return at
            elif byte == _OPEN:
                self._depth += 1
            else:
                self._in_string = True
        return None


_BACKSLASH: Final = ord("\\")


def _skip(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where `pattern` ends; it always matches, if only nothing."""
    match = pattern.match(data, at)
    return match.end() if match else at


class Frames:
    """Gives the objects of a stream, parsed. What is not JSON is skipped and counted in `garbage`."""

    __slots__ = ("_max_bytes", "_splitter", "garbage", "valid")

    def __init__(self, max_bytes: int = MAX_FRAME_BYTES) -> None:
        self._max_bytes = max_bytes
        self._splitter = ObjectSplitter(max_bytes)
        self.valid = 0
        self.garbage = 0

    @property
    def inside(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._splitter.inside

    def feed(self, data: bytes) -> Iterator[Json]:
        """Yield the objects that `data` completes; must be read to its end.

        Raises `Garbled` for an object that is larger than allowed.
        """
        # A stretch that parses as one object is exactly what the object rule would cut out, because in valid
        # JSON the braces match. Only a stretch that does not parse is scanned; each is tried once, so the
        # cost stays linear.
        splitter = self._splitter
        at, size, scan_until = 0, len(data), 0
        while at < size:
            if not splitter.inside:
                at = data.find(b"{", at)
                if at < 0:
                    return
                if at >= scan_until:
                    end = _stretch(data, at, size)
                    frame = parsed(data[at:end]) if end - at <= self._max_bytes else None
                    if frame is not None:
                        self.valid += 1
                        at = end
                        yield frame
                        continue
                    scan_until = end
            whole, at = splitter.take(data, at)
            if whole is not None:
                frame = parsed(whole)
                if frame is None:
                    self.garbage += 1
                else:
                    self.valid += 1
                    yield frame

    def cut(self) -> None:
        """Forget an object that has begun: what follows does not belong to it."""
        if self._splitter.inside:
            self.garbage += 1
            self._splitter = ObjectSplitter(self._max_bytes)

    def end(self) -> None:
        """Say that nothing follows. Raises `Garbled` inside an object, or when nothing but garbage came."""
        self._splitter.end()
        if self.garbage and not self.valid:
            raise Garbled(
                "Grok's answer is not in the form that is expected.",
                hint="Ask again. If it happens every time, Grok has changed; look for an update.",
                detail=f"{self.garbage} pieces, none of them JSON",
            )


def _stretch(data: bytes, at: int, size: int) -> int:
    """Where an object that begins at `at` should end: with its line, or where the next one is glued on."""
    end = data.find(b"\n", at)
    if end < 0:
        end = size
    glued = data.find(b"}{", at, end)
    return end if glued < 0 else glued + 1
