"""Pictures and films are real: what is told of them is what a reader of their bytes finds."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from grokdesk.sim import films, pictures

Boxes = dict[bytes, bytes]
HOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every box of an MP4 with its content, also the ones inside others."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + size]
        yield kind, content
        if kind in HOLDERS:
            yield from boxes(content)
        at += size


@pytest.mark.parametrize(("form", "name"), [("jpeg", "JPEG"), ("png", "PNG")])
@pytest.mark.parametrize("size", [(784, 1168), (2, 2), (131, 57)])
def test_a_picture_has_the_size_it_was_drawn_in(
    form: pictures.Format, name: str, size: tuple[int, int]
) -> None:
    """
    In both formats, down to the smallest.
    """
    with Image.open(BytesIO(pictures.drawn("a", *size, form))) as image:
        image.load()

        assert (image.format, image.size) == (name, size)


def test_pictures_are_told_apart_by_their_id() -> None:
    """
    The same id is the same picture, another id another one.
    """
    first, again, other = (pictures.drawn(name, 78, 116) for name in ("a", "a", "b"))

    assert first == again != other


@pytest.mark.parametrize(
    ("size", "like"), [((1, 1), (960, 960)), ((3, 2), (1168, 784)), ((1000, 10), (9600, 96))]
)
def test_a_size_like_another_keeps_its_proportions(size: tuple[int, int], like: tuple[int, int]) -> None:
    """
    At about one megapixel, in steps of 16.
    """
    assert pictures.like(*size) == like


def test_what_is_no_picture_has_no_size() -> None:
    """
    Nor does a truncated one fail.
    """
    assert pictures.size_of(b"no picture") is None
    assert pictures.size_of(b"\x89PNG\r\n\x1a\n\r\r\n\x00") is None


@pytest.mark.parametrize(
    ("data", "declared", "type_"),
    [
        (b"\xff\xd8\xff\xe0", "image/png", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "", "image/png"),
        (b"GIF89a", "", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "", "image/webp"),
        (b"\0\0\0\x18ftypisom", "", "video/mp4"),
        (b"plain", "text/plain", "text/plain"),
        (b"plain", "", "application/octet-stream"),
    ],
)
def test_the_beginning_of_a_file_tells_its_type(data: bytes, declared: str, type_: str) -> None:
    """
    What it was said to be counts only where its bytes are silent.
    """
    assert pictures.type_of(data, declared) == type_


@pytest.mark.parametrize("seconds", [1, 6, 16])
def test_a_film_is_as_large_and_as_long_as_it_says(seconds: int) -> None:
    """
    In the header of the movie, of the track, of the medium and of the sample entry.
    """
    found: Boxes = dict(boxes(films.filmed("a", 128, 72, seconds)))

    scale, length = struct.unpack_from(">II", found[b"mvhd"], 12)
    assert length / scale == seconds
    scale, length = struct.unpack_from(">II", found[b"mdhd"], 12)
    assert length / scale == seconds
    assert struct.unpack_from(">I", found[b"tkhd"], 20)[0] / scale == seconds
    assert [side >> 16 for side in struct.unpack_from(">II", found[b"tkhd"], 76)] == [128, 72]
    assert struct.unpack_from(">HH", found[b"stsd"], 8 + 8 + 24) == (128, 72)
    count, samples, step = struct.unpack_from(">III", found[b"stts"], 4)
    assert (count, samples * step / scale) == (1, seconds)


def test_every_frame_of_a_film_is_a_jpeg_of_its_size() -> None:
    """
    Where the tables say it is, and it is of the object type JPEG.
    """
    data = films.filmed("a", 128, 72, 3)
    found: Boxes = dict(boxes(data))
    count = struct.unpack_from(">I", found[b"stco"], 4)[0]
    offsets = struct.unpack_from(f">{count}I", found[b"stco"], 8)
    sizes = struct.unpack_from(f">{count}I", found[b"stsz"], 12)

    shown = [data[at : at + size] for at, size in zip(offsets, sizes, strict=True)]

    assert len(shown) == 12
    assert len(set(shown)) > 3
    assert {pictures.size_of(one) for one in shown} == {(128, 72)}
    assert b"\x04\x0d\x6c\x11" in found[b"stsd"]


def test_a_film_in_full_size_is_small() -> None:
    """
    Six seconds in 720p stay under 200 kB.
    """
    assert len(films.filmed("a", 1280, 720, 6)) < 200_000


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ("16:9", "720p", (1280, 720)),
        ("9:16", "720p", (720, 1280)),
        ("16:9", "480p", (854, 480)),
        ("1:1", "1080p", (1080, 1080)),
    ],
)
def test_the_resolution_is_the_shorter_side(ratio: str, resolution: str, size: tuple[int, int]) -> None:
    """
    And all sides are even.
    """
    assert films.size_of(ratio, resolution) == size


def test_starting_loads_nothing_that_draws() -> None:
    """
    The library that draws is loaded with the first picture.
    """
    code = "import sys, grokdesk.sim; print('PIL' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
