"""Scrolling the library's wall: what a frame of it costs, with and without pictures to decode.

The method of design/ux.md §13: offscreen, 1280 × 800, 60 px a frame, plain raster. A frame is the move of the
scroll bar, the repaint, and what the loop has to do meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

TILES = 10_000
# Different ones; more than pass by while it is measured.
PICTURES = 1_200
FRAMES = 400
_STEP_PX = 60
_FRAME_S = 1 / 60
_SIZE = (1280, 800)


@dataclass(slots=True)
class Figures:
    """Frames in ms; `first` is the first showing, `resized` the first right frame after a change of size."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    first: float = 0.0
    resized: list[float] = field(default_factory=list)
    cache_mb: float = 0.0


def measured(scale: int) -> Figures:
    """Measure in a process of its own, on a display of this scale."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(scale)}
    done = subprocess.run(
        [sys.executable, "-m", "bench.wall"], env=environment, capture_output=True, text=True, check=True
    )
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


async def _scrolled(folder: Path) -> Figures:
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - only in the process that measures

    from bench.library import fill, opened  # noqa: PLC0415 - same
    from grokdesk.platform.paths import Paths  # noqa: PLC0415 - same
    from grokdesk.ui.models.library import Files  # noqa: PLC0415 - same
    from grokdesk.ui.theme import Look  # noqa: PLC0415 - same
    from grokdesk.ui.widgets.thumbnails import Thumbnails  # noqa: PLC0415 - same
    from grokdesk.ui.widgets.wall import Wall  # noqa: PLC0415 - same
    from grokdesk.ui.work import Work  # noqa: PLC0415 - same

    qt = QApplication.instance()
    assert isinstance(qt, QApplication)
    found = Figures()
    await fill(folder, PICTURES)
    async with opened(Paths.under(folder)) as (_, library):
        files = Files(time.monotonic)
        kept = (await library.page(limit=PICTURES)).files
        files.begin(
            replace(kept[number % len(kept)], id=f"{number:032x}", created_at=1_790_000_000.0 - number)
            for number in range(TILES)
        )
        work = Work(_report)
        thumbnails = Thumbnails(library, work)
        wall = Wall(files, thumbnails, Look(qt), time.monotonic, "Wall")
        wall.resize(*_SIZE)
        began = time.perf_counter()
        wall.show()
        wall.viewport().repaint()
        found.first = _since(began)
        await asyncio.sleep(0.5)
        for frames in (found.cold, found.warm):
            wall.verticalScrollBar().setValue(0)
            await asyncio.sleep(0.5)
            for number in range(1, FRAMES + 1):
                began = time.perf_counter()
                wall.verticalScrollBar().setValue(number * _STEP_PX)
                wall.viewport().repaint()
                await asyncio.sleep(0)
                taken = _since(began)
                frames.append(taken)
                await asyncio.sleep(max(0.0, _FRAME_S - taken / 1_000))
        for width in (1000, 1400, 900, 1280):
            began = time.perf_counter()
            wall.resize(width, _SIZE[1])
            wall.viewport().repaint()
            found.resized.append(_since(began))
        found.cache_mb = thumbnails.size_bytes / (1 << 20)
        wall.close()
        await work.ended()
    return found


def _report(error: BaseException) -> None:
    raise error


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000


def _main() -> None:
    from grokdesk.ui.loop import new_loop  # noqa: PLC0415 - only in the process that measures
    from grokdesk.ui.main import application  # noqa: PLC0415 - same

    qt = application()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=lambda: new_loop(qt)) as runner:
        found = runner.run(_scrolled(Path(folder)))
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    _main()
