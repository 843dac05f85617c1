"""What the tests of the library are made of: small real pictures and films, downloads, and a library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.media import Artifact, Kind, Origin
from grokdesk.core.notices import Bus, Notice
from grokdesk.core.ports import Download
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.library import Library
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.media_files import MediaFiles
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.sim import films, pictures
from grokdesk.store.library_file import LibraryStores, opened_library
from tests.make import Clock

VAULT = Vault(bytes(range(32)), KeySource.KEY_FILE)


@lru_cache(maxsize=512)
def picture(seed: str = "a", width: int = 48, height: int = 32) -> bytes:
    return pictures.frame(seed, width, height, 0.5, 40)


@lru_cache(maxsize=64)
def film(seed: str = "a", width: int = 64, height: int = 48, seconds: float = 6.0) -> bytes:
    return films.filmed(seed, width, height, seconds)


class Upstream:
    """Files by address. An error is raised, a list of pieces is sent as it is, the first of several once."""

    def __init__(self) -> None:
        self.files: dict[str, list[bytes | GrokDeskError | Sequence[bytes]]] = {}
        self.declared: dict[str, int | None] = {}
        self.asked: list[str] = []

    def has(self, url: str, *answers: bytes | GrokDeskError | Sequence[bytes]) -> None:
        self.files[url] = list(answers)

    @asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[Download]:
        self.asked.append(url)
        answers = self.files[url]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, GrokDeskError):
            raise answer
        whole = isinstance(answer, bytes)
        pieces = [answer[at : at + 1_000] for at in range(0, len(answer), 1_000)] if whole else answer

        async def chunks() -> AsyncIterator[bytes]:
            for piece in pieces:
                if isinstance(piece, GrokDeskError):
                    raise piece
                assert isinstance(piece, bytes)
                yield piece

        size = self.declared.get(url, len(answer) if whole else None)
        yield Download("application/octet-stream", size, chunks())


@dataclass
class Shelf:
    """A library in a folder, and what came of it."""

    library: Library
    stores: LibraryStores
    live: Live
    clock: Clock
    bus: Bus
    folder: Path
    deadlines: Deadlines
    tasks: Supervisor
    notices: list[Notice] = field(default_factory=list)

    def limit(self, **media: float) -> None:
        current = self.live.now.model_dump()
        current["media"].update(media)
        self.live.set(Settings.model_validate(current))

    def lying(self) -> set[str]:
        """What lies in the folder, as paths under it."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@asynccontextmanager
async def shelf(data: Path, *, clock: Clock | None = None) -> AsyncIterator[Shelf]:
    """Open the library of a data folder."""
    paths = Paths.under(data).create()
    live, bus, turned = Live(Settings()), Bus(), clock or Clock()
    deadlines = Deadlines(turned)
    files = MediaFiles(paths.data / "media")
    async with (
        Supervisor() as supervisor,
        opened_library(paths, VAULT, spawn=supervisor.spawn, on_trouble=lambda _m, _h: None) as stores,
        Library(stores.files, files, live, bus, turned, deadlines, pauses_s=(0, 0)) as library,
    ):
        made = Shelf(library, stores, live, turned, bus, files.folder, deadlines, supervisor)
        bus.subscribe(made.notices.append)
        try:
            yield made
        finally:
            deadlines.close()


def drawn(seed: str = "a") -> Artifact:
    """A picture that came with the answer."""
    return Artifact(Kind.IMAGE, data=picture(seed))


def asked(prompt: str = "a cat") -> Origin:
    return Origin(prompt=prompt, model="grok-imagine-image", account_name="mine", request="run-1")
