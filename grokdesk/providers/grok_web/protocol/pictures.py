"""What the files of pictures tell about themselves, and where finished ones lie."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from enum import Enum
from math import log
from typing import Final
from urllib.parse import urlsplit

from grokdesk.core.file_types import sniffed
from grokdesk.core.media import FILM_RATIOS, RATIOS, Artifact, Kind, Trace

MAX_BLOB: Final = 32 << 20
PUBLIC_COPIES: Final = "https://imgen.x.ai"

_DATA_URI: Final = re.compile(r"data:[^,]{0,200},")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_PREVIEW: Final = re.compile(r"-part-\d")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")
_IMAGE_URL: Final = re.compile(r"/images/([a-f0-9-]{8,64})\.(?:png|jpe?g)", re.IGNORECASE)
_LONGEST: Final = 8_192


class Place(Enum):
    """Who may fetch what lies at an address."""

    OWNER = "owner"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class Places:
    """The addresses where files lie: those of accounts, and public copies of pictures."""

    assets_url: str
    public_url: str

    def of(self, url: str) -> Place | None:
        """What kind of place `url` is at; None for anywhere else (grok-web-media.md §1.1)."""
        if len(url) > _LONGEST or _CONTROL.search(url) or "\\" in url:
            return None
        asked = _origin(url)
        if asked is None:
            return None
        if asked == _origin(self.assets_url):
            return Place.OWNER
        if asked in {_origin(self.public_url), _origin(PUBLIC_COPIES)}:
            return Place.EVERYBODY
        return None

    def absolute(self, url: str) -> str:
        """`url` in full; relative ones are at the account's files (§1.5). Empty for anywhere else."""
        if not url:
            return ""
        if _SCHEME.match(url) is None:
            url = f"{self.assets_url.rstrip('/')}/{url.lstrip('/')}"
        return url if self.of(url) is not None else ""

    def picture(self, url: str, *, trace: Trace | None = None) -> Artifact:
        """The finished picture at `url`, which is absolute."""
        public = self.of(url) is Place.EVERYBODY
        return Artifact(Kind.IMAGE, url, public=public, trace=trace or Trace(asset_id=asset_in(url)))


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname.lower(), port or (443 if parts.scheme == "https" else 80)


def is_preview(url: str) -> bool:
    """Whether `url` is that of an unfinished picture, which is never a result (§6.6)."""
    return _PREVIEW.search(url) is not None


def asset_in(url: str) -> str:
    """The id of the file in its address, `…/generated/<id>/…` or `…/<id>/content`; else empty (§6.6)."""
    parts = [part for part in url.partition("?")[0].split("/") if part]
    for at, part in enumerate(parts[:-1]):
        if part == "generated" or (part == "users" and parts[-1] == "content"):
            found = parts[at + 1] if part == "generated" else parts[-2]
            return "" if is_preview(found) else found
    return ""


def image_id_in(url: str) -> str:
    """The id in the public address of a picture, which is that of its slot (§1.5)."""
    found = _IMAGE_URL.search(url)
    return found[1].lower() if found else ""


def decoded(blob: str) -> bytes:
    """The picture in `blob`: base64, also without its padding or as a data URI (§2.4).

    Empty when it is none, or larger than `MAX_BLOB`.
    """
    prefix = _DATA_URI.match(blob[:256])
    text = blob[prefix.end() :] if prefix else blob
    if not text or len(text) > MAX_BLOB * 4 // 3 + 4:
        return b""
    try:
        data = b64decode(_padded(text), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if sniffed(data).startswith("image/") else b""


def _padded(text: str) -> str:
    if any(blank in text for blank in "\r\n\t "):
        text = "".join(text.split())
    return text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)


# --- sizes --------------------------------------------------------------------------------------------------

_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in pixels of a PNG, GIF, JPEG or WebP; zeros when that cannot be seen."""
    kind = sniffed(data)
    match kind:
        case "image/png":
            return _big(data, 16, 4), _big(data, 20, 4)
        case "image/gif":
            return _little(data, 6, 2), _little(data, 8, 2)
        case "image/webp":
            return _webp(data)
        case "image/jpeg":
            return _jpeg(data)
        case _:
            return 0, 0


def film_ratio_of(data: bytes) -> str:
    """The ratio of a film that fits the picture `data` best; empty when its size cannot be seen."""
    width, height = size_of(data)
    if not width or not height:
        return ""
    return min(FILM_RATIOS, key=lambda ratio: abs(log(RATIOS[ratio]) - log(width / height)))


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:  # noqa: PLR2004 - a marker
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        at += 2 + max(2, _big(data, at + 2, 2))
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case _:
            return 0, 0


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")
