"""What an MP4 says of itself."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.mp4 import Mp4, described
from grokdesk.sim import films


def read_of(data: bytes) -> Mp4 | None:
    return described(lambda at, most: data[at : at + most], len(data))


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def track(width: int, height: int, matrix: tuple[int, ...], *, version: int = 0) -> bytes:
    times = bytes(32 if version else 20)
    said = struct.pack(">I", version << 24) + times + bytes(16) + struct.pack(">9i", *matrix)
    return box(b"trak", box(b"tkhd", said, struct.pack(">II", width << 16, height << 16)))


UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
TURNED = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
HEAD = box(b"ftyp", b"isom", bytes(4))


@pytest.mark.parametrize(
    ("width", "height", "seconds"), [(1280, 720, 6.0), (464, 688, 10.0), (480, 480, 20.0)]
)
def test_a_film_tells_its_size_and_length(width: int, height: int, seconds: float) -> None:
    """
    Width, height and seconds are those the film was made with, and it is whole.
    """
    said = read_of(films.filmed("a", width, height, seconds))

    assert said == Mp4("video/mp4", width, height, seconds, whole=True)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_film_that_ends_early_is_not_whole(share: float) -> None:
    """
    Wherever it is cut off, it does not pass for a whole film.
    """
    data = films.filmed("a", 64, 48, 6.0)

    said = read_of(data[: int(len(data) * share)])

    assert said is None or not said.whole


def test_a_description_at_the_end_is_found() -> None:
    """
    The description may stand behind the pictures, and the pictures may have a length of eight bytes.
    """
    pictures = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + b"12345"
    movie = box(b"moov", track(320, 240, UPRIGHT))

    assert read_of(HEAD + pictures + movie) == Mp4("video/mp4", 320, 240, 0.0, whole=True)


@pytest.mark.parametrize("version", [0, 1])
def test_a_turned_film_tells_its_size_as_shown(version: int) -> None:
    """
    A film of a phone held upright lies on its side and says so in its matrix.
    """
    movie = box(b"moov", track(1920, 1080, TURNED, version=version))

    said = read_of(HEAD + movie + box(b"mdat", b"x"))

    assert said is not None
    assert (said.width, said.height) == (1080, 1920)


def test_the_length_may_have_eight_bytes() -> None:
    """
    The second version of the header has times and length of eight bytes.
    """
    header = box(b"mvhd", struct.pack(">IQQIQ", 1 << 24, 0, 0, 600, 600 * 7))

    said = read_of(HEAD + box(b"moov", header) + box(b"mdat", b"x"))

    assert said is not None
    assert said.seconds == 7.0


def test_a_quicktime_film_is_told_by_its_brand() -> None:
    """
    Its MIME type is its own.
    """
    said = read_of(box(b"ftyp", b"qt  ", bytes(4)) + box(b"moov") + box(b"mdat"))

    assert said == Mp4("video/quicktime", whole=True)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0", b"<html>....</html>", b"\0\0\0\x08free" * 3])
def test_anything_else_is_no_film(data: bytes) -> None:
    """
    Pictures, pages and boxes that hold nothing are told from films.
    """
    assert read_of(data) is None


def test_a_scale_of_nothing_tells_no_length() -> None:
    """
    A film that says that its seconds have no parts says nothing of its length.
    """
    header = box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, 0, 600))

    said = read_of(HEAD + box(b"moov", header) + box(b"mdat", b"x"))

    assert said is not None
    assert said.seconds == 0.0


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_make_it_fail(noise: bytes, at: int) -> None:
    """
    Whatever is written over a film, wherever, reading it ends with an answer.
    """
    data = bytearray(films.filmed("a", 64, 48, 1.0)[:900])
    data[at : at + len(noise)] = noise

    said = read_of(bytes(data))

    assert said is None or said.seconds >= 0
