"""What a file is, by its first bytes: more to be trusted than what its sender says."""

from __future__ import annotations

from typing import Final

_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"WEBP", 8, "image/webp"),
    (b"%PDF-", 0, "application/pdf"),
    (b"WAVE", 8, "audio/wav"),
    (b"ID3", 0, "audio/mpeg"),
    (b"fLaC", 0, "audio/flac"),
    (b"OggS", 0, "audio/ogg"),
)


def sniffed(data: bytes) -> str:
    """The MIME type that the first bytes tell, or an empty text."""
    return next((kind for begins, at, kind in _BEGINNINGS if data.startswith(begins, at)), "")
