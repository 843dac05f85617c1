"""Films that play: an MP4 with one track of JPEG frames, written box by box.

The sample entry is `mp4v` with an `esds` that names JPEG (object type 0x6C, ISO/IEC 14496-1 table 5), which
the common players decode. A few different frames come again and again, so that a long film is no larger
than a short one: the table of chunks names the same bytes many times.
"""

import struct
from collections.abc import Iterable
from functools import lru_cache

from grokdesk.sim import pictures

_TIMESCALE = 600
_FRAMES_A_SECOND = 4
_DISTINCT_FRAMES = 6
_QUALITY = 40
_JPEG = 0x6C
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)

SHORTER_SIDE = {"480p": 480, "720p": 720, "1080p": 1080}
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")


def size_of(ratio: str, resolution: str) -> tuple[int, int]:
    """Pixels of a film, always even: the resolution is its shorter side."""
    across, down = (int(part) for part in ratio.split(":"))
    side = SHORTER_SIDE[resolution]
    if across >= down:
        return 2 * round(side * across / down / 2), side
    return side, 2 * round(side * down / across / 2)


@lru_cache(maxsize=64)
def filmed(seed: str, width: int, height: int, seconds: float) -> bytes:
    """The film of `seed`."""
    frames = [
        pictures.frame(seed, width, height, 0.1 + 0.8 * number / (_DISTINCT_FRAMES - 1), _QUALITY)
        for number in range(_DISTINCT_FRAMES)
    ]
    there_and_back = [*range(_DISTINCT_FRAMES), *range(_DISTINCT_FRAMES - 2, 0, -1)]
    count = max(1, round(seconds * _FRAMES_A_SECOND))
    shown = [there_and_back[number % len(there_and_back)] for number in range(count)]
    head = _box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2mp41")
    # The offsets have a fixed width, so the length of the second box is known before its content is.
    start = len(head) + len(_movie(frames, shown, [0] * len(frames), width, height)) + 8
    offsets, at = [], start
    for one in frames:
        offsets.append(at)
        at += len(one)
    return head + _movie(frames, shown, offsets, width, height) + _box(b"mdat", *frames)


def _movie(frames: list[bytes], shown: list[int], offsets: list[int], width: int, height: int) -> bytes:
    """The `moov` box of a film that shows the numbered frames one after another."""
    step = _TIMESCALE // _FRAMES_A_SECOND
    length = step * len(shown)
    movie = _full(
        b"mvhd",
        0,
        struct.pack(">IIIIIH10x", 0, 0, _TIMESCALE, length, 0x10000, 0x100),
        _MATRIX,
        struct.pack(">24xI", 2),
    )
    track = _full(
        b"tkhd",
        3,
        struct.pack(">III4xI8xhhH2x", 0, 0, 1, length, 0, 0, 0),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )
    media = _full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, _TIMESCALE, length, 0x55C4, 0))
    handler = _full(b"hdlr", 0, struct.pack(">4x4s12x", b"vide"), b"Film\0")
    table = _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), _entry(width, height)),
        _full(b"stts", 0, struct.pack(">III", 1, len(shown), step)),
        _full(b"stsc", 0, struct.pack(">IIII", 1, 1, 1, 1)),
        _full(b"stsz", 0, struct.pack(">II", 0, len(shown)), _words(len(frames[one]) for one in shown)),
        _full(b"stco", 0, struct.pack(">I", len(shown)), _words(offsets[one] for one in shown)),
    )
    here = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    info = _box(b"minf", _full(b"vmhd", 1, bytes(8)), here, table)
    return _box(b"moov", movie, _box(b"trak", track, _box(b"mdia", media, handler, info)))


def _entry(width: int, height: int) -> bytes:
    """The sample entry: what a frame is, and how large."""
    video = struct.pack(">6xH16xHHII4xH32xHh", 1, width, height, 0x480000, 0x480000, 1, 24, -1)
    decoder = _descriptor(4, struct.pack(">BB3xII", _JPEG, 0x11, 0, 0))
    stream = _descriptor(3, struct.pack(">HB", 1, 0) + decoder + _descriptor(6, b"\x02"))
    return _box(b"mp4v", video, _full(b"esds", 0, stream))


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def _full(kind: bytes, flags: int, *content: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *content)


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _words(values: Iterable[int]) -> bytes:
    listed = list(values)
    return struct.pack(f">{len(listed)}I", *listed)
