"""Files sealed with a passphrase, of any length, written and read piece by piece.

A file is a header and chunks. Header: magic, version, salt, cost of scrypt, bytes of a chunk; a checksum of
that, which tells a damaged header from a wrong passphrase; and an HMAC of it all. Chunks: AES-256-GCM, each
with the header as associated data and a nonce of its number and whether it is the last, so that none can be
changed, moved, repeated or left out.

Everything here may block: a passphrase takes 64 MB and a good part of a second. Call it off the loop.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from grokdesk.core.errors import Broken, InvalidRequest
from grokdesk.core.secret import Secret
from grokdesk.platform.paths import private_file
from grokdesk.platform.secrets import COST, Cost, WrongPassphrase

MAGIC: Final = b"GDsealed"
SHORTEST_PASSPHRASE: Final = 8
_VERSION: Final = 1
_CHUNK_BYTES: Final = 1 << 20
_MOST_CHUNK_BYTES: Final = 16 << 20
# A file from elsewhere must not be able to take all memory, or an hour.
_MOST_MEMORY: Final = 512 << 20
_MOST_WORK: Final = 16 * _MOST_MEMORY

_HEAD: Final = struct.Struct(">8sB16sIIII")
_CHECKSUM_BYTES: Final = 8
_MAC_BYTES: Final = 32
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32
_COUNTER_BYTES: Final = 11


class WeakPassphrase(InvalidRequest):
    """Too short to protect anything."""

    title = "The passphrase is too short"


class NotSealed(Broken):
    """Not a sealed file, or one of a newer version."""

    title = "This is no sealed file"


class Damaged(Broken):
    """The file was changed or cut off after it was written."""

    title = "The file is damaged"


class SealedFile:
    """A sealed file that is being written."""

    def __init__(self, file: BinaryIO, cipher: AESGCM, header: bytes) -> None:
        self._file = file
        self._cipher = cipher
        self._header = header
        self._waiting = bytearray()
        self._number = 0

    def write(self, data: bytes) -> None:
        """Add `data`."""
        self._waiting += data
        # A chunk that is full stays until it is known not to be the last.
        while len(self._waiting) > _CHUNK_BYTES:
            self._seal(bytes(self._waiting[:_CHUNK_BYTES]), last=False)
            del self._waiting[:_CHUNK_BYTES]

    def finish(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last=last), chunk, self._header))
        self._number += 1


def check_passphrase(passphrase: Secret) -> None:
    """Raise `WeakPassphrase` unless a file can be sealed with it."""
    if len(_normal(passphrase).strip()) < SHORTEST_PASSPHRASE:
        raise WeakPassphrase(
            f"A passphrase needs at least {SHORTEST_PASSPHRASE} characters.",
            param="passphrase",
            hint="Several words are easier to remember than signs, and safer.",
        )


@contextmanager
def sealing(path: Path, passphrase: Secret, *, cost: Cost = COST) -> Iterator[SealedFile]:
    """Write a sealed file for its owner only; an exception in the block leaves what was there.

    Raises `WeakPassphrase`, and `Broken` when it cannot be written.
    """
    check_passphrase(passphrase)
    head = _HEAD.pack(MAGIC, _VERSION, os.urandom(16), cost.n, cost.r, cost.p, _CHUNK_BYTES)
    head += _checksum(head)
    key, mac_key = _keys(passphrase, head, cost)
    header = head + hmac.digest(mac_key, head, "sha256")
    try:
        with private_file(path) as file:
            file.write(header)
            sealed = SealedFile(file, AESGCM(key), header)
            yield sealed
            sealed.finish()
    except OSError as error:
        raise Broken(
            "The file cannot be written.",
            hint="Check that the folder can be written and the disk is not full.",
            detail=f"{path}: {error}",
        ) from error


def is_sealed(path: Path) -> bool:
    """Whether this looks like a sealed file. Raises `OSError`."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def unsealed(path: Path, passphrase: Secret) -> Iterator[bytes]:
    """The content of a sealed file, piece by piece; each piece is what was written.

    Only who reads to the end knows that nothing is missing. Raises, also between pieces, `NotSealed`,
    `WrongPassphrase`, `Damaged`, and `Broken` when the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from _chunks(file, passphrase)
    except OSError as error:
        raise Broken(
            "The file cannot be read.",
            hint="Check that it exists and that you may read it.",
            detail=f"{path}: {error}",
        ) from error


def _chunks(file: BinaryIO, passphrase: Secret) -> Iterator[bytes]:
    header, cipher, chunk_bytes = _opened(file, passphrase)
    piece, number = file.read(chunk_bytes), 0
    while True:
        following = file.read(chunk_bytes)
        last = not following
        try:
            yield cipher.decrypt(_nonce(number, last=last), piece, header)
        except InvalidTag as error:
            raise _damage(cipher, header, piece, number, cut=last and len(piece) < chunk_bytes) from error
        if last:
            return
        piece, number = following, number + 1


def _opened(file: BinaryIO, passphrase: Secret) -> tuple[bytes, AESGCM, int]:
    """The header, the cipher, and how many bytes a sealed chunk has."""
    head = file.read(_HEAD.size + _CHECKSUM_BYTES)
    if not head.startswith(MAGIC):
        raise NotSealed("This is not a sealed file of GrokDesk.", hint="Choose another file.")
    if len(head) < _HEAD.size + _CHECKSUM_BYTES:
        raise _cut_off()
    _, version, _, n, r, p, chunk_bytes = _HEAD.unpack_from(head)
    if version != _VERSION:
        raise NotSealed("The file was made by a newer GrokDesk.", hint="Update GrokDesk, then try again.")
    memory = 128 * n * r
    bounded = 0 < memory <= _MOST_MEMORY and 0 < p * memory <= _MOST_WORK and n & (n - 1) == 0 and n > 1
    if head[_HEAD.size :] != _checksum(head[: _HEAD.size]) or not bounded:
        raise Damaged(_DAMAGED, hint=_OTHER_COPY, detail="header")
    if not 0 < chunk_bytes <= _MOST_CHUNK_BYTES:
        raise Damaged(_DAMAGED, hint=_OTHER_COPY, detail=f"chunks of {chunk_bytes} bytes")
    mac = file.read(_MAC_BYTES)
    if len(mac) < _MAC_BYTES:
        raise _cut_off()
    key, mac_key = _keys(passphrase, head, Cost(n=n, r=r, p=p))
    if not hmac.compare_digest(mac, hmac.digest(mac_key, head, "sha256")):
        raise WrongPassphrase(
            "This is not the passphrase the file was sealed with.",
            hint="Try again. There is no way to recover a forgotten passphrase.",
        )
    return head + mac, AESGCM(key), chunk_bytes + _TAG_BYTES


_DAMAGED: Final = "The file is damaged: it was changed after it was written."
_OTHER_COPY: Final = "Use another copy of it. Nothing was taken from this one."


def _damage(cipher: AESGCM, header: bytes, piece: bytes, number: int, *, cut: bool) -> Damaged:
    try:
        cipher.decrypt(_nonce(number, last=False), piece, header)
    except InvalidTag:
        if cut:
            return Damaged(
                "The file is damaged or cut off near its end.", hint=_OTHER_COPY, detail=f"chunk {number}"
            )
        return Damaged(_DAMAGED, hint=_OTHER_COPY, detail=f"chunk {number}")
    return _cut_off()


def _cut_off() -> Damaged:
    return Damaged("The file is cut off: its end is missing.", hint=_OTHER_COPY)


def _keys(passphrase: Secret, head: bytes, cost: Cost) -> tuple[bytes, bytes]:
    """The key of the chunks and that of the HMAC."""
    salt = _HEAD.unpack_from(head)[2]
    made = Scrypt(salt=salt, length=2 * _KEY_BYTES, n=cost.n, r=cost.r, p=cost.p)
    both = made.derive(_normal(passphrase).encode(errors="surrogatepass"))
    return both[:_KEY_BYTES], both[_KEY_BYTES:]


def _normal(passphrase: Secret) -> str:
    # The same letters can be typed in several ways; NFC makes a passphrase portable between systems.
    return unicodedata.normalize("NFC", passphrase.reveal())


def _checksum(head: bytes) -> bytes:
    return hashlib.sha256(head).digest()[:_CHECKSUM_BYTES]


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([last])
