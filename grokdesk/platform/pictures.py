"""The door to Pillow: what a picture is, a small one of it, and the same in another format.

Everything here takes its time and belongs into a thread. Pillow is loaded with the first picture.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final, Literal

from grokdesk.core.errors import InvalidRequest

if TYPE_CHECKING:
    from PIL.Image import Image

Form = Literal["png", "jpeg", "webp"]

MOST_PIXELS: Final = 64_000_000
THUMBNAIL_SIDE: Final = 320
_THUMBNAIL_QUALITY: Final = 82
_TYPES: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
_MOST_SIDE: Final = 65_500


class NotAPicture(InvalidRequest):
    """The bytes are no picture of a known format, or a damaged one, or too large to be opened."""

    title = "This is not a picture"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture is: its MIME type, its size in pixels as shown, and a small JPEG of it."""

    media_type: str
    width: int
    height: int
    thumbnail: bytes


def describe(data: bytes) -> tuple[str, int, int]:
    """MIME type, width and height in pixels, by the head of the file alone. Raises `NotAPicture`."""
    with _opened(data) as image:
        return _TYPES[str(image.format)], image.width, image.height


def thumbnail(data: bytes) -> bytes:
    """A JPEG of at most `THUMBNAIL_SIDE` pixels. Raises `NotAPicture`, also for one that ends early."""
    return examined(data).thumbnail


def examined(data: bytes) -> Picture:
    """Read a picture to its end. Raises `NotAPicture`, also for one that ends early."""
    with _opened(data) as image:
        media_type, width, height = _TYPES[str(image.format)], image.width, image.height
        # For JPEG this decodes at an eighth to a half of the size, reading the file to its end all the same.
        image.draft("RGB", (THUMBNAIL_SIDE * 2, THUMBNAIL_SIDE * 2))
        shown = _shown(image)
        if _is_turned(image):
            width, height = height, width
        shown.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        return Picture(media_type, width, height, _saved(_on_white(shown), "jpeg", _THUMBNAIL_QUALITY))


def converted(data: bytes, form: Form, quality: int = 90) -> bytes:
    """The same picture as PNG, JPEG or WebP; `quality` is 1 to 100. Raises `NotAPicture`."""
    with _opened(data) as image:
        shown = _shown(image)
        if form == "jpeg":
            shown = _on_white(shown)
        elif shown.mode not in {"RGB", "RGBA", "L"}:
            shown = shown.convert("RGBA" if _has_transparency(shown) else "RGB")
        return _saved(shown, form, quality)


def _opened(data: bytes) -> Image:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - some 50 ms, and not every run has pictures

    # Pillow would only warn of what is too large; the limit here is ours, and checked before anything is
    # decoded.
    Image.MAX_IMAGE_PIXELS = None
    try:
        image = Image.open(BytesIO(data), formats=tuple(_TYPES))
    except UnidentifiedImageError as error:
        raise _unknown("unknown format") from error
    except _DAMAGED as error:
        raise _unknown(f"{type(error).__name__}: {error}") from error
    if image.width * image.height > MOST_PIXELS or max(image.size) > _MOST_SIDE:
        image.close()
        raise NotAPicture(
            f"The picture is too large to be opened: {image.width} by {image.height} pixels.",
            hint=f"Use one of at most {MOST_PIXELS // 1_000_000} million pixels.",
        )
    return image


# What Pillow raises for files that are cut off, garbled or made to hurt.
_DAMAGED: Final = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, struct.error)


def _shown(image: Image) -> Image:
    """The decoded picture, turned as its EXIF says. Raises `NotAPicture` when it ends early."""
    from PIL import ImageOps  # noqa: PLC0415 - loaded with Pillow

    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except (*_DAMAGED, MemoryError, OverflowError) as error:
        raise NotAPicture(
            "The picture is damaged.", hint="Use another one.", detail=f"{type(error).__name__}: {error}"
        ) from error


def _is_turned(image: Image) -> bool:
    """Whether its EXIF turns it by a quarter."""
    orientation_tag, first_quarter_turn = 0x0112, 5
    try:
        return int(image.getexif().get(orientation_tag, 1)) >= first_quarter_turn
    except _DAMAGED:
        return False


def _has_transparency(image: Image) -> bool:
    return image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info


def _on_white(image: Image) -> Image:
    """What JPEG can hold: no transparency."""
    from PIL import Image as Images  # noqa: PLC0415 - loaded with Pillow

    if not _has_transparency(image):
        return image if image.mode == "RGB" else image.convert("RGB")
    above = image.convert("RGBA")
    ground = Images.new("RGB", above.size, "white")
    ground.paste(above, mask=above.getchannel("A"))
    return ground


def _saved(image: Image, form: Form, quality: int) -> bytes:
    out = BytesIO()
    if form == "png":
        image.save(out, "PNG")
    else:
        image.save(out, form.upper(), quality=quality)
    return out.getvalue()


def _unknown(detail: str) -> NotAPicture:
    return NotAPicture(
        "This is no picture that can be read.", hint="Use a PNG, JPEG, WebP or GIF file.", detail=detail
    )
