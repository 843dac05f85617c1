"""How every window looks, in both themes: compared with pictures of how it looked when somebody looked at it.

After a change that is meant, `make test ARGS="tests/ui/test_pictures.py --renew"` draws them anew; look at
them before they are committed. Where one differs, both are in tests/ui/failed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageDraw, ImageFilter
from PySide6.QtWidgets import QApplication

from tests.ui import fonts
from tests.ui.gallery import SHOTS, Seed, Theme, shots, staged, still
from tests.ui.pixels import difference, packed, plain

FOLDER: Final = Path(__file__).with_name("pictures")
FAILED: Final = Path(__file__).with_name("failed")

# What is installed for the tests is there where a build decides; a developer's machine may lack it.
needs_fonts = pytest.mark.skipif(
    not fonts.there() and "CI" not in os.environ,
    reason="the pictures are drawn with Noto Sans, which is not here",
)


@needs_fonts
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", Seed)
async def test_windows_look_as_they_did(
    seed: Seed, tmp_path: Path, qapp: QApplication, pytestconfig: pytest.Config
) -> None:
    """
    Every window of this state of things, light and dark.
    """
    renew = bool(pytestconfig.getoption("--renew"))
    wrong = []
    async with staged(seed, tmp_path, qapp) as stage:
        # Another theme dresses every widget anew, so there is one change and not one a window.
        for theme in Theme:
            await stage.open()
            stage.wear(theme)
            for shot in shots(seed):
                if not shot.guarded:
                    continue
                image = await still(await stage.show(shot))
                await stage.tidy()
                file = FOLDER / f"{shot.name}-{theme}.png"
                if renew:
                    file.write_bytes(packed(image))
                    continue
                now = plain(image)
                differs = difference(now, Image.open(file)) if file.exists() else "it has no picture yet"
                if differs:
                    wrong.append(f"{file.stem}: {differs}")
                    FAILED.mkdir(exist_ok=True)
                    now.save(FAILED / f"{file.stem}-now.png")
                    if file.exists():
                        (FAILED / f"{file.stem}-was.png").write_bytes(file.read_bytes())
        stage.wear(Theme.LIGHT)

    assert wrong == []


def test_every_picture_is_of_a_window() -> None:
    """
    None is left behind when a window goes, and all together stay small.
    """
    wanted = {f"{shot.name}-{theme}.png" for shot in SHOTS for theme in Theme if shot.guarded}
    there = {file.name: file.stat().st_size for file in FOLDER.iterdir()}

    assert there.keys() == wanted
    assert sum(there.values()) < 3_000_000


def test_every_shot_has_a_name_of_its_own() -> None:
    """
    Or else one picture would be kept for two.
    """
    names = [shot.name for shot in SHOTS]

    assert sorted(set(names)) == sorted(names)


# --- what counts as a difference ----------------------------------------------------------------------------

INK, GROUND, ACCENT = "#1B1C1F", "#F7F7F8", "#0B63CE"


def window(
    *, button: tuple[int, int] = (200, 100), accent: str = ACCENT, text: str = "Copy address"
) -> Image.Image:
    """A ground with a button and words on it."""
    drawn = Image.new("RGB", (400, 240), GROUND)
    pen = ImageDraw.Draw(drawn)
    left, top = button
    pen.rounded_rectangle((left, top, left + 96, top + 32), 6, fill=accent)
    pen.rounded_rectangle((20, 180, 140, 212), 6, outline="#7E828A", fill="#FFFFFF")
    pen.text((24, 24), text, fill=INK)
    return drawn


def test_the_same_picture_is_no_difference() -> None:
    """
    Also with fewer colours, as it is kept.
    """
    few = window().quantize(256, dither=Image.Dither.NONE)

    assert difference(window(), window()) == ""
    assert difference(window(), few) == ""


def test_letters_drawn_a_little_differently_are_no_difference() -> None:
    """
    As by another version of the library that draws them.
    """
    softer = window().filter(ImageFilter.GaussianBlur(0.4))

    assert difference(window(), softer) == ""


@pytest.mark.parametrize(
    "other",
    [
        window(button=(205, 100)),
        window(button=(200, 104)),
        window(accent="#0B43AE"),
        window(accent="#B3261E"),
        window(text="Copy the address of it"),
        window().resize((401, 240)),
    ],
)
def test_what_a_person_would_see_is_a_difference(other: Image.Image) -> None:
    """
    A button a few pixels off, another colour, other words, another size.
    """
    assert difference(window(), other) != ""
