"""What an MP4 says about itself: size, length, and whether it is whole (ISO/IEC 14496-12).

Only the boxes that tell this are read, wherever they stand; the film itself is never decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

# Gives the bytes of the file from an offset on, at most so many; fewer at its end.
Read = Callable[[int, int], bytes]

_HEAD: Final = 8
_LARGE_HEAD: Final = 16
# What may stand at the very beginning; anything else is no film.
_FIRST: Final = frozenset({b"ftyp", b"styp", b"moov", b"wide", b"free", b"skip", b"mdat"})
# Real films have a few dozen boxes; a hostile one could have millions of empty ones.
_MOST_BOXES: Final = 2_000
_LONGEST_TABLE: Final = 256
_FIXED_POINT: Final = 1 << 16
_QUICKTIME: Final = b"qt  "


@dataclass(frozen=True, slots=True)
class Mp4:
    """A film. `width` and `height` in pixels as shown, and `seconds`, are 0 where it does not say.

    `whole` says that it has a description and pictures, and that no box ends after the file does.
    """

    media_type: str
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    whole: bool = False


def described(read: Read, size: int) -> Mp4 | None:
    """What the film of `size` bytes says of itself; None when it is no MP4. Never fails."""
    head = read(0, _LARGE_HEAD)
    if len(head) < _HEAD or head[4:8] not in _FIRST:
        return None
    boxes = list(_boxes(read, 0, size))
    if not boxes:
        return None
    movie = next((box for box in boxes if box.kind == b"moov"), None)
    if movie is None and head[4:8] != b"ftyp":
        return None  # any bytes may happen to have one of the other names at their beginning
    media_type = "video/quicktime" if head[4:12] == b"ftyp" + _QUICKTIME else "video/mp4"
    whole = (
        movie is not None
        and any(box.kind == b"mdat" for box in boxes)
        and boxes[-1].end == size
        and all(box.end <= size for box in boxes)
    )
    if movie is None or movie.end > size:
        return Mp4(media_type)
    width, height, seconds = _movie(read, movie)
    return Mp4(media_type, width, height, seconds, whole)


class _Box(NamedTuple):
    kind: bytes
    start: int
    """Where its content begins."""
    end: int


def _boxes(read: Read, at: int, end: int) -> Iterator[_Box]:
    for _ in range(_MOST_BOXES):
        if at >= end:
            return
        head = read(at, min(_LARGE_HEAD, end - at))
        if len(head) < _HEAD:
            yield _Box(b"", at, at + _HEAD)  # a head that is cut off
            return
        length, kind = struct.unpack(">I4s", head[:_HEAD])
        start = at + _HEAD
        if length == 1:
            if len(head) < _LARGE_HEAD:
                yield _Box(kind, at, at + _LARGE_HEAD)
                return
            (length,) = struct.unpack(">Q", head[_HEAD:])
            start = at + _LARGE_HEAD
        elif length == 0:  # to the end of the file
            length = end - at
        if at + length < start:
            yield _Box(b"", at, end + 1)  # nothing that follows can be trusted
            return
        yield _Box(kind, start, at + length)
        at += length


def _movie(read: Read, movie: _Box) -> tuple[int, int, float]:
    width = height = 0
    seconds = 0.0
    for box in _boxes(read, movie.start, movie.end):
        if box.kind == b"mvhd":
            seconds = _seconds(_table(read, box))
        elif box.kind == b"trak" and not width:
            width, height = _track(read, box)
    return width, height, seconds


def _track(read: Read, track: _Box) -> tuple[int, int]:
    """The size of a track as shown; sound has none."""
    for box in _boxes(read, track.start, track.end):
        if box.kind == b"tkhd":
            table = _table(read, box)
            # Version 1 has times of eight bytes. The last six numbers are half of the matrix, width, height.
            matrix_at = 52 if table[:1] == b"\x01" else 40
            if len(table) < matrix_at + 44:
                return 0, 0
            across, down = struct.unpack_from(">II", table, matrix_at + 36)
            a, b = struct.unpack_from(">ii", table, matrix_at)
            size = across // _FIXED_POINT, down // _FIXED_POINT
            # A film that is turned by a quarter has nothing on the diagonal.
            return (size[1], size[0]) if a == 0 and b else size
    return 0, 0


def _seconds(table: bytes) -> float:
    form, at = (">IQ", 20) if table[:1] == b"\x01" else (">II", 12)
    if len(table) < at + struct.calcsize(form):
        return 0.0
    scale, length = struct.unpack_from(form, table, at)
    return round(length / scale, 3) if scale else 0.0


def _table(read: Read, box: _Box) -> bytes:
    return read(box.start, min(_LONGEST_TABLE, max(0, box.end - box.start)))
