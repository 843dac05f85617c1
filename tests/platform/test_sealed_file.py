"""Files sealed with a passphrase."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.platform import sealed_file
from grokdesk.platform.sealed_file import (
    MAGIC,
    Damaged,
    NotSealed,
    WeakPassphrase,
    is_sealed,
    sealing,
    unsealed,
)
from grokdesk.platform.secrets import COST, Cost, WrongPassphrase

WORDS = Secret("correct horse")
# Guessing is not what these tests are about.
CHEAP = Cost(n=16, r=1, p=1)
HEADER_BYTES = 81
CHUNK_BYTES = (1 << 20) + 16


def sealed(path: Path, *pieces: bytes, passphrase: Secret = WORDS, cost: Cost = CHEAP) -> Path:
    """A sealed file with this content."""
    with sealing(path, passphrase, cost=cost) as file:
        for piece in pieces:
            file.write(piece)
    return path


def content(path: Path, passphrase: Secret = WORDS) -> bytes:
    return b"".join(unsealed(path, passphrase))


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_what_was_sealed_comes_back(tmp_path: Path, size: int) -> None:
    """
    Of any length, also where chunks end, and nobody else may read the file.
    """
    data = os.urandom(size)

    path = sealed(tmp_path / "backup", data)

    assert content(path) == data
    assert is_sealed(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == HEADER_BYTES + size + 16 * max(1, -(-size // (1 << 20)))
    assert list(tmp_path.iterdir()) == [path]


@given(pieces=st.lists(st.integers(0, 700_000), max_size=6))
def test_it_does_not_matter_how_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[int]
) -> None:
    """
    In one piece or in many.
    """
    path = tmp_path_factory.mktemp("sealed") / "backup"

    sealed(path, *(bytes([number]) * size for number, size in enumerate(pieces)))

    assert content(path) == b"".join(bytes([number]) * size for number, size in enumerate(pieces))


def test_a_passphrase_costs_what_the_master_key_costs(tmp_path: Path) -> None:
    """
    A backup may be guessed at by whoever finds it.
    """
    path = tmp_path / "backup"
    with sealing(path, WORDS) as file:
        file.write(b"all")

    _, _, _, n, r, p, _ = sealed_file._HEAD.unpack_from(path.read_bytes())  # noqa: SLF001 - what is on the disk

    assert (Cost(n, r, p), content(path)) == (COST, b"all")


def test_a_wrong_passphrase_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    """
    The owner tries again, and does not throw the file away.
    """
    path = sealed(tmp_path / "backup", b"all")

    with pytest.raises(WrongPassphrase):
        content(path, Secret("correct horsf"))


def test_a_passphrase_is_the_same_on_every_keyboard(tmp_path: Path) -> None:
    """
    Composed or not, the letters are the same.
    """
    typed = "pässwörter"
    path = sealed(tmp_path / "backup", b"all", passphrase=Secret(unicodedata.normalize("NFD", typed)))

    assert content(path, Secret(unicodedata.normalize("NFC", typed))) == b"all"


@pytest.mark.parametrize("words", ["", "short", "1234567", "         ", " a \t\n      "])
def test_a_weak_passphrase_is_refused_before_anything_is_written(tmp_path: Path, words: str) -> None:
    """
    Spaces around it do not count.
    """
    with pytest.raises(WeakPassphrase):
        sealed(tmp_path / "backup", b"all", passphrase=Secret(words))

    assert not any(tmp_path.iterdir())


DATA = b"x" * ((2 << 20) + 100)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (HEADER_BYTES + 2 * CHUNK_BYTES, "cut off: its end is missing"),
        (HEADER_BYTES + CHUNK_BYTES, "cut off: its end is missing"),
        (HEADER_BYTES + 2 * CHUNK_BYTES + 50, "damaged or cut off"),
        (HEADER_BYTES, "cut off"),
        (HEADER_BYTES - 1, "cut off"),
        (20, "cut off"),
    ],
)
def test_a_file_that_is_cut_off_says_so(tmp_path: Path, left: int, words: str) -> None:
    """
    Also where it was cut between two chunks.
    """
    path = sealed(tmp_path / "backup", DATA)
    path.write_bytes(path.read_bytes()[:left])

    with pytest.raises(Damaged, match=words):
        content(path)


@pytest.mark.parametrize("place", [10, 30, 45, 60, HEADER_BYTES + 5, HEADER_BYTES + CHUNK_BYTES + 5, -1])
def test_a_changed_byte_is_noticed(tmp_path: Path, place: int) -> None:
    """
    In the header or in any chunk; only one in the HMAC cannot be told from a wrong passphrase.
    """
    path = sealed(tmp_path / "backup", DATA)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)

    with pytest.raises(WrongPassphrase if 49 <= place < HEADER_BYTES else Damaged):
        content(path)


def test_chunks_cannot_change_places(tmp_path: Path) -> None:
    """
    Nor be repeated, left out, or come from another file.
    """
    path = sealed(tmp_path / "backup", DATA)
    other = sealed(tmp_path / "other", DATA).read_bytes()
    whole = path.read_bytes()
    head, first, second, last = (
        whole[:HEADER_BYTES],
        whole[HEADER_BYTES : HEADER_BYTES + CHUNK_BYTES],
        whole[HEADER_BYTES + CHUNK_BYTES : HEADER_BYTES + 2 * CHUNK_BYTES],
        whole[HEADER_BYTES + 2 * CHUNK_BYTES :],
    )

    for wrong in (
        head + second + first + last,
        head + first + last,
        head + first + first + second + last,
        whole + last,
        whole + b"x",
        head + other[HEADER_BYTES:],
    ):
        path.write_bytes(wrong)
        with pytest.raises(Damaged):
            content(path)


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0" * 20, b"GDsealee" + b"\0" * 200])
def test_another_file_is_not_taken_for_a_sealed_one(tmp_path: Path, data: bytes) -> None:
    """
    It has nothing to do with the passphrase.
    """
    path = tmp_path / "other"
    path.write_bytes(data)

    assert not is_sealed(path)
    with pytest.raises(NotSealed, match="not a sealed file"):
        content(path)


def test_a_newer_form_is_told(tmp_path: Path) -> None:
    """
    An older program says that it is the older one.
    """
    path = sealed(tmp_path / "backup", b"all")
    data = bytearray(path.read_bytes())
    data[len(MAGIC)] = 2
    path.write_bytes(data)

    with pytest.raises(NotSealed, match="newer"):
        content(path)


@pytest.mark.parametrize(
    "cost",
    [(1 << 24, 8, 1), (1 << 20, 8, 1), (16, 1 << 24, 1), (16, 1, 0), (15, 1, 1), (16, 1, 1 << 31), (0, 0, 0)],
)
def test_a_file_cannot_ask_for_all_memory(tmp_path: Path, cost: tuple[int, int, int]) -> None:
    """
    What scrypt is to cost stands in the file, and the file may be anybody's.
    """
    head = sealed_file._HEAD.pack(MAGIC, 1, b"s" * 16, *cost, 1 << 20)  # noqa: SLF001 - what is on the disk
    path = tmp_path / "hostile"
    path.write_bytes(head + sealed_file._checksum(head) + b"m" * 100)  # noqa: SLF001 - same

    with pytest.raises(Damaged):
        content(path)


def test_a_failure_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    """
    The old file, and no unfinished one beside it.
    """
    path = sealed(tmp_path / "backup", b"old")

    def cut_short() -> None:
        with sealing(path, WORDS, cost=CHEAP) as file:
            file.write(b"x" * (3 << 20))
            raise KeyError

    with pytest.raises(KeyError):
        cut_short()

    assert (content(path), list(tmp_path.iterdir())) == (b"old", [path])


def test_what_cannot_be_read_or_written_is_explained(tmp_path: Path) -> None:
    """
    In words, without the path in the message.
    """
    with pytest.raises(Broken, match="cannot be written"):
        sealed(tmp_path / "none" / "backup", b"all")
    with pytest.raises(Broken, match="cannot be read"):
        content(tmp_path / "none")
