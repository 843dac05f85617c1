"""Write every window and dialog as a picture: `make screenshots`.

    python packaging/screenshots.py [WORD …]

Into build/screenshots, in light and dark, at 1x and 2x, in every language; words narrow it to the windows
whose names contain one of them. Those that the pages in docs/windows show are renewed in docs/pictures.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "screenshots"
DOCS = ROOT / "docs" / "pictures"

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication


def main(words: list[str]) -> None:
    """Draw at both scales, each in a process of its own: Qt decides about the scale once."""
    running = [
        subprocess.Popen(
            [sys.executable, __file__, *words],
            env={**os.environ, "QT_SCALE_FACTOR": scale, "GROKDESK_SCREENSHOTS": scale},
            cwd=ROOT,
        )
        for scale in ("1", "2")
    ]
    failed = [one.wait() for one in running]
    if any(failed):
        sys.exit("not every window could be drawn; the reason stands above")
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(ROOT)}")


def draw(words: list[str], scale: str) -> None:
    """Draw at one scale."""
    sys.path.insert(0, str(ROOT))
    from tests.ui import fonts  # noqa: PLC0415 - after the path is set

    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    fonts.fix()

    from grokdesk.ui.loop import new_loop  # noqa: PLC0415 - Qt, after the fonts are fixed
    from tests.ui.conftest import application  # noqa: PLC0415 - same

    qt = application()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with asyncio.Runner(loop_factory=lambda: new_loop(qt)) as runner:
        runner.run(_drawn(words, scale, qt))


async def _drawn(words: list[str], scale: str, qt: QApplication) -> None:
    from tests.ui.gallery import Language, Seed, Theme, shots, spoken, staged, still  # noqa: PLC0415 - same
    from tests.ui.pixels import packed  # noqa: PLC0415 - same

    for seed in Seed:
        wanted = [one for one in shots(seed) if not words or any(word in one.name for word in words)]
        if not wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            async with staged(seed, Path(folder), qt) as stage:
                for language, theme in product(spoken(), Theme):
                    await stage.open(language)
                    stage.wear(theme)
                    for shot in wanted:
                        data = packed(await still(await stage.show(shot)))
                        await stage.tidy()
                        (FOLDER / f"{shot.name}-{theme}-{scale}x-{language}.png").write_bytes(data)
                        if shot.page and (theme, scale, language) == (Theme.LIGHT, "1", Language.ENGLISH):
                            DOCS.mkdir(parents=True, exist_ok=True)
                            (DOCS / f"{shot.page}.png").write_bytes(data)


if __name__ == "__main__":
    wanted = sys.argv[1:]
    at_scale = os.environ.get("GROKDESK_SCREENSHOTS", "")
    if at_scale:
        draw(wanted, at_scale)
    else:
        main(wanted)
