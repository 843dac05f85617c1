"""Pictures of any size, told apart by the id they are made from: a soft gradient, a sun, a hill.

Real JPEG and PNG bytes, always the same for the same arguments and kept for the next time. Drawing takes
milliseconds; whoever serves them does it off the loop.
"""

import random
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image

Format = Literal["jpeg", "png"]

SIZES = {
    "1:1": (960, 960),
    "2:3": (784, 1168),
    "3:2": (1168, 784),
    "3:4": (832, 1104),
    "4:3": (1104, 832),
    "9:16": (720, 1280),
    "16:9": (1280, 720),
    "1:2": (672, 1344),
    "2:1": (1344, 672),
    "9:19.5": (656, 1424),
    "19.5:9": (1424, 656),
    "9:20": (640, 1424),
    "20:9": (1424, 640),
}
"""Pixels by ratio: all near one megapixel, all multiples of 16. The real ones are not known (media §2.3)."""

USUAL_RATIO = "2:3"

_QUALITY = 72
_COLOURS = 64
_STEP = 16
_PIXELS = 960 * 960


def drawn(seed: str, width: int, height: int, form: Format = "jpeg", *, at: float = 0.5) -> bytes:
    """The picture of `seed`. `at`, 0 to 1, is where its sun stands: the frames of a film."""
    return _encoded(seed, width, height, form, round(at, 4), _QUALITY)


def frame(seed: str, width: int, height: int, at: float, quality: int) -> bytes:
    """One JPEG frame of a film."""
    return _encoded(seed, width, height, "jpeg", round(at, 4), quality)


def like(width: int, height: int) -> tuple[int, int]:
    """The size of a picture with the proportions of another one."""
    scale = (_PIXELS / max(width * height, 1)) ** 0.5
    return _stepped(width * scale), _stepped(height * scale)


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """`size` in another scale, never less than two pixels and always even."""
    width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
    return width, height


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of any picture, nothing for what is none."""
    # Loading it takes longer than starting without it.
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        with Image.open(BytesIO(data)) as image:
            return image.size
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None


_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
)


def type_of(data: bytes, declared: str) -> str:
    """What the bytes are; for what their beginning does not tell, what they were said to be."""
    for signature, mime in _SIGNATURES:
        if data.startswith(signature):
            return mime
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return declared or "application/octet-stream"


@lru_cache(maxsize=256)
def _encoded(seed: str, width: int, height: int, form: Format, at: float, quality: int) -> bytes:
    # Same reason as in size_of.
    from PIL import Image  # noqa: PLC0415

    image = _painted(seed, width, height, at)
    data = BytesIO()
    if form == "png":
        image.quantize(_COLOURS, Image.Quantize.FASTOCTREE).save(data, "PNG", compress_level=1)
    else:
        image.save(data, "JPEG", quality=quality)
    return data.getvalue()


def _painted(seed: str, width: int, height: int, at: float) -> "Image.Image":
    # Same reason as in size_of.
    from PIL import Image, ImageDraw  # noqa: PLC0415

    rng = random.Random(seed)
    corners = bytes(rng.randrange(40, 230) for _ in range(3 * 4))
    sky = Image.frombytes("RGB", (2, 2), corners).resize((width, height), Image.Resampling.BILINEAR)
    brush = ImageDraw.Draw(sky)
    radius = min(width, height) * rng.uniform(0.08, 0.16)
    x, y = width * at, height * (0.2 + 0.8 * (at - 0.5) ** 2)
    brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng, 200, 255))
    left, top, right = (height * rng.uniform(0.55, 0.8) for _ in range(3))
    hill = [(0, left), (width * rng.uniform(0.3, 0.7), top), (width, right), (width, height), (0, height)]
    brush.polygon(hill, fill=_colour(rng, 20, 120))
    return sky


def _colour(rng: random.Random, low: int, high: int) -> tuple[int, int, int]:
    return rng.randrange(low, high), rng.randrange(low, high), rng.randrange(low, high)


def _stepped(side: float) -> int:
    return max(_STEP, _STEP * round(side / _STEP))
