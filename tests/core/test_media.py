"""Sizes, lengths and names of pictures and films."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import InvalidRequest
from grokdesk.core.media import FILM_RATIOS, RATIOS, Kept, Kind, film_ratio, film_seconds, image_ratio


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        # protocol/grok-web-media.md §2.3
        ("1024x1024", "1:1"),
        ("1280x720", "16:9"),
        ("720x1280", "9:16"),
        ("1792x1024", "3:2"),
        ("1024x1792", "2:3"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        # what OpenAI's clients ask for
        ("512x512", "1:1"),
        ("256x256", "1:1"),
        ("auto", "auto"),
        ("", ""),
        # anything else is the nearest
        ("1920x1080", "16:9"),
        ("1000x999", "1:1"),
        (" 19.5:9 ", "19.5:9"),
        ("640X480", "4:3"),
        ("100x10000", "9:20"),
    ],
)
def test_a_size_becomes_a_ratio(size: str, ratio: str) -> None:
    """
    Those that have always stood for a ratio keep it; others become the nearest.
    """
    assert image_ratio(size) == ratio


def test_a_ratio_that_is_said_wins_over_a_size() -> None:
    """
    As in the current form.
    """
    assert image_ratio("1024x1024", "16:9") == "16:9"


@pytest.mark.parametrize("size", ["big", "1024", "0x0", "1:7", "x", "1024x1024x3", "-5x5"])
def test_what_is_no_size_is_refused(size: str) -> None:
    """
    With the member that is wrong and what would be right.
    """
    with pytest.raises(InvalidRequest, match="1024x1024") as caught:
        image_ratio(size, param="size")

    assert caught.value.param == "size"


@given(st.integers(10, 99_999), st.integers(10, 99_999))
def test_any_size_in_pixels_has_a_ratio(width: int, height: int) -> None:
    """
    One that upstream knows, and the other way round for the other way up.
    """
    ratio, turned = image_ratio(f"{width}x{height}"), image_ratio(f"{height}x{width}")

    assert ratio in RATIOS
    assert abs(RATIOS[ratio] * RATIOS[turned] - 1) < 0.2
    assert film_ratio(f"{width}x{height}") in FILM_RATIOS


@pytest.mark.parametrize(
    ("said", "seconds"), [(None, 6), ("", 6), ("4", 4), ("8", 8), (12, 12), (20, 20), ("12.0", 12)]
)
def test_a_length_is_read(said: str | float | None, seconds: int) -> None:
    """
    As the text that OpenAI's clients send, or as a number.
    """
    assert film_seconds(said) == seconds


@pytest.mark.parametrize("said", ["0", "21", "six", 6.5, "nan", "inf", -1])
def test_what_is_no_length_is_refused(said: str | float) -> None:
    """
    With the limits.
    """
    with pytest.raises(InvalidRequest, match="1 to 20"):
        film_seconds(said)


def test_a_file_is_named_by_what_nobody_can_guess() -> None:
    """
    The end says what it is.
    """
    kept = Kept("ab" * 16, Kind.VIDEO, "d" * 64, "video/mp4", 10, 0.0)

    assert kept.path == f"/v1/files/video/{'ab' * 16}.mp4"
