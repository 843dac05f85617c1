"""Pictures of windows: small files of them, and whether two of them show the same.

Letters are not drawn alike by every version of a font, so single pixels are not compared but the mean colours
of blocks of 8 by 8. A letter that is a little fatter hardly moves the mean of its block; a button that is
elsewhere, a border that is missing or a ground of another colour moves that of many.
"""

from __future__ import annotations

from io import BytesIO
from typing import Final

from PIL import Image, ImageChops
from PySide6.QtGui import QImage

BLOCK: Final = 8
DIFFERENT: Final = 14
"""By how many of 256 steps the mean of a block may differ in one of the colours."""
MOST: Final = 4
"""How many blocks may differ by more."""


def plain(image: QImage) -> Image.Image:
    """Return what Qt has drawn, without its transparency."""
    drawn = image.convertToFormat(QImage.Format.Format_RGB888)
    size = (drawn.width(), drawn.height())
    return Image.frombytes("RGB", size, bytes(drawn.constBits()), "raw", "RGB", drawn.bytesPerLine())


def packed(image: QImage) -> bytes:
    """Return a PNG of at most 256 colours, a quarter as large and to the eye the same."""
    few = plain(image).quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    written = BytesIO()
    few.save(written, "PNG", optimize=True)
    return written.getvalue()


def difference(one: Image.Image, other: Image.Image) -> str:
    """Say what differs between two pictures; empty when they show the same."""
    if one.size != other.size:
        return f"it is {one.width} × {one.height} and was {other.width} × {other.height}"
    size = (-(-one.width // BLOCK), -(-one.height // BLOCK))
    means = [image.convert("RGB").resize(size, Image.Resampling.BOX) for image in (one, other)]
    apart = ImageChops.difference(*means)
    worst = ImageChops.lighter(
        ImageChops.lighter(apart.getchannel(0), apart.getchannel(1)), apart.getchannel(2)
    )
    marked = worst.point(lambda step: 255 if step > DIFFERENT else 0)
    count = marked.histogram()[255]
    box = marked.getbbox()
    if count <= MOST or box is None:
        return ""
    left, top, right, bottom = (edge * BLOCK for edge in box)
    return f"{count} blocks differ between ({left}, {top}) and ({right}, {bottom})"
