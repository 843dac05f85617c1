"""A library of 20,000 files: what it adds to the start, and how soon a page of it can be shown."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from grokdesk.core.library import PAGE, Sought
from grokdesk.core.media import Kept, Kind, Origin
from grokdesk.core.notices import Bus
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.library import Library
from grokdesk.platform import pictures
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.media_files import MediaFiles
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor, owned
from grokdesk.sim import pictures as drawn
from grokdesk.store.library_file import LibraryStores, opened_library

_WORDS = [
    "cat",
    "dog",
    "under",
    "the",
    "roof",
    "red",
    "car",
    "rain",
    "night",
    "sea",
    "photo",
    "old",
    "man",
    "hat",
]
_LOOK_MS = 5


@dataclass(slots=True)
class Figures:
    """What was measured, in ms."""

    opened: float = 0.0
    put_right: float = 0.0
    longest_hold: float = 0.0
    pages: list[float] = field(default_factory=list)
    first_search: float = 0.0
    searches: list[float] = field(default_factory=list)


async def fill(folder: Path, count: int) -> None:
    """Put `count` pictures into a data folder, each with a small one of its own."""
    paths = Paths.under(folder).create()
    async with opened(paths) as (stores, library):
        whole = drawn.frame("bench", 320, 320, 0.5, 70)
        small = pictures.thumbnail(whole)
        rng = Random(1)
        files: list[Kept] = []
        for number in range(count):
            # What follows the end of a JPEG is no part of it, but of its hash.
            content = whole + number.to_bytes(4)
            kept = Kept(
                id=secrets.token_hex(16),
                kind=Kind.IMAGE,
                digest=hashlib.sha256(content).hexdigest(),
                media_type="image/jpeg",
                size=len(content),
                created_at=1_790_000_000.0 + number,
                width=320,
                height=320,
                origin=Origin(" ".join(rng.choices(_WORDS, k=25)), "grok-imagine-image", account_name="mine"),
                thumbnail=True,
            )
            files.append(kept)
            thumbnail = library.path(kept).parents[2] / "thumbnails" / kept.digest[:2] / f"{kept.digest}.jpg"
            for path, data in ((library.path(kept), content), (thumbnail, small)):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        for start in range(0, count, 1_000):
            await stores.files.add(files[start : start + 1_000])


async def measured(folder: Path, count: int) -> Figures:
    """Open the library of a folder and use it."""
    found = Figures()
    began = time.perf_counter()
    async with opened(Paths.under(folder).create()) as (_, library):
        found.opened = _since(began)
        async with _watched() as holds:
            began = time.perf_counter()
            await library.put_right()
            found.put_right = _since(began)
        found.longest_hold = max(holds, default=0.0)
        rng = Random(2)
        for _ in range(30 if count else 0):
            after = f"{1_790_000_000.0 + rng.randrange(PAGE, count)!r}:{count}"
            began = time.perf_counter()
            page = await library.page(after=after)
            small = await library.thumbnails(page.files)
            found.pages.append(_since(began))
            assert len(page.files) == PAGE
            assert all(small.values())
        began = time.perf_counter()
        await library.page(Sought(text="red cat"))
        found.first_search = _since(began)
        for _ in range(10):
            began = time.perf_counter()
            await library.page(Sought(text=" ".join(rng.choices(_WORDS, k=2))))
            found.searches.append(_since(began))
    return found


@asynccontextmanager
async def opened(paths: Paths) -> AsyncIterator[tuple[LibraryStores, Library]]:
    """The library of a data folder, without the rest of the program."""
    clock = SystemClock()
    deadlines = Deadlines(clock)
    vault = Vault(bytes(32), KeySource.KEY_FILE)
    async with (
        Supervisor() as tasks,
        opened_library(paths, vault, spawn=tasks.spawn, on_trouble=lambda _message, _hint: None) as stores,
        Library(
            stores.files, MediaFiles(paths.data / "media"), Live(Settings()), Bus(), clock, deadlines
        ) as library,
    ):
        yield stores, library
    deadlines.close()


@asynccontextmanager
async def _watched() -> AsyncIterator[list[float]]:
    """How much later than wanted the loop came back, in ms."""
    holds: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_LOOK_MS / 1_000)
            holds.append(_since(began) - _LOOK_MS)

    watching = owned(watch(), name="watch")
    try:
        yield holds
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000
