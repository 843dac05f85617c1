"""The door to Pillow."""

from io import BytesIO

import pytest
from PIL import Image

from grokdesk.platform import pictures
from grokdesk.platform.pictures import NotAPicture


def drawn(form: str, size: tuple[int, int] = (640, 200), mode: str = "RGB", **more: object) -> bytes:
    out = BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(out, form, **more)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_a_picture_is_known_by_its_bytes(form: str, media_type: str) -> None:
    """
    Format and size are what the bytes say, and the small picture is a JPEG that fits into 320 pixels.
    """
    data = drawn(form)

    found = pictures.examined(data)

    assert pictures.describe(data) == (media_type, 640, 200)
    assert (found.media_type, found.width, found.height) == (media_type, 640, 200)
    assert pictures.describe(found.thumbnail) == ("image/jpeg", 320, 100)


def test_a_small_picture_is_not_made_larger() -> None:
    """
    What is smaller than a thumbnail keeps its size.
    """
    assert pictures.describe(pictures.thumbnail(drawn("PNG", (40, 30)))) == ("image/jpeg", 40, 30)


def test_a_picture_on_its_side_is_shown_upright() -> None:
    """
    Size and small picture follow what EXIF says of how the camera was held.
    """
    exif = Image.Exif()
    exif[0x0112] = 6

    found = pictures.examined(drawn("JPEG", exif=exif))

    assert (found.width, found.height) == (200, 640)
    assert pictures.describe(found.thumbnail) == ("image/jpeg", 100, 320)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_picture_that_ends_early_is_refused(form: str, share: float) -> None:
    """
    Wherever it was cut off, it is not taken for a whole one.
    """
    data = drawn(form)

    with pytest.raises(NotAPicture):
        pictures.examined(data[: int(len(data) * share)])


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"BM" + bytes(60), b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    """
    Pages, other formats and mere beginnings are refused in a sentence.
    """
    with pytest.raises(NotAPicture, match="picture"):
        pictures.examined(data)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    """
    A few bytes that say they are 90 million pixels are not unpacked.
    """
    out = BytesIO()
    Image.new("1", (10_000, 9_000)).save(out, "PNG")

    with pytest.raises(NotAPicture, match="too large"):
        pictures.examined(out.getvalue())


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA"])
def test_every_picture_becomes_every_format(form: pictures.Form, mode: str) -> None:
    """
    Palettes, greys and transparency are brought into what the format can hold.
    """
    made = pictures.converted(drawn("PNG", (30, 20), mode), form, 80)

    assert pictures.describe(made) == (f"image/{form}", 30, 20)


def test_transparency_becomes_white() -> None:
    """
    What is transparent is white in a JPEG, not black.
    """
    out = BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")

    made = Image.open(BytesIO(pictures.converted(out.getvalue(), "jpeg")))

    assert made.getpixel((4, 4)) == (255, 255, 255)


def test_a_better_quality_takes_more_room() -> None:
    """
    The quality that was asked for counts.
    """
    data = drawn("PNG")

    assert len(pictures.converted(data, "jpeg", 20)) < len(pictures.converted(data, "jpeg", 95))
