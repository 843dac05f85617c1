"""What stands around the gateway in its tests: a scripted engine, a clock, limits that wait for a word."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from grokdesk.core.conversation import ChatRequest
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Batch, Event, Finished, Started, TextPiece, Transcript, Usage
from grokdesk.core.media import ImageRequest, Kept, Kind, Request, VideoRequest
from grokdesk.core.media_jobs import MediaJob
from grokdesk.core.ports import ClientKey
from grokdesk.core.runs import NOBODY, Caller
from grokdesk.core.secret import Secret
from grokdesk.core.voice import VoicePass, VoiceWish
from grokdesk.gateway.ports import Form

CREATED = 1_790_000_000
KEY = "gd-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

Step = Sequence[Event] | BaseException | asyncio.Event


def started(model: str = "grok-4.20-fast") -> Started:
    return Started("run_1", model, CREATED)


def finished() -> Finished:
    return Finished(usage=Usage(7, 3, 0))


async def settle() -> None:
    """Let everything happen that can happen without waiting."""
    for _ in range(200):
        await asyncio.sleep(0)


class FakeClock:
    def __init__(self) -> None:
        self._at = 0.0

    def now(self) -> float:
        return CREATED + self._at

    def monotonic(self) -> float:
        return self._at

    def advance(self, seconds: float) -> None:
        self._at += seconds


class ManualDeadline:
    def __init__(self, owner: ManualDeadlines, seconds: float, callback: Callable[[], None]) -> None:
        self.owner = owner
        self.due = owner.clock.monotonic() + seconds
        self.callback = callback
        owner.armed.add(self)

    def extend(self, seconds: float) -> None:
        self.due = self.owner.clock.monotonic() + seconds
        self.owner.armed.add(self)

    def cancel(self) -> None:
        self.owner.armed.discard(self)


class ManualDeadlines:
    """Limits that come when the test says so."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.armed: set[ManualDeadline] = set()

    def after(self, seconds: float, callback: Callable[[], None]) -> ManualDeadline:
        return ManualDeadline(self, seconds, callback)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for deadline in [one for one in self.armed if one.due <= self.clock.monotonic()]:
            self.armed.discard(deadline)
            deadline.callback()


class ScriptedRun:
    def __init__(self, steps: Iterable[Step]) -> None:
        self.id = "run_1"
        self.mode = "fast"
        self.transcript = Transcript()
        self._steps = steps

    async def __aiter__(self) -> AsyncIterator[Batch]:
        for step in self._steps:
            match step:
                case asyncio.Event():
                    await step.wait()
                case BaseException():
                    raise step
                case batch:
                    for event in batch:
                        self.transcript.add(event)
                    yield batch


class ScriptedEngine:
    """Runs `before` until a run is entered and `steps` inside it; counts what is in flight.

    A step is a batch to yield, an error to raise, or an event to wait for. `per_run`, when given, makes the
    two scripts for each run by its number.
    """

    def __init__(self) -> None:
        self.before: Iterable[Step] = []
        self.steps: Iterable[Step] = [[started()], [TextPiece("Hello")], [finished()]]
        self.per_run: Callable[[int], tuple[Iterable[Step], Iterable[Step]]] | None = None
        self.requests: list[ChatRequest] = []
        self.pictures: list[ImageRequest] = []
        self.links: list[Callable[[Kept], str] | None] = []
        self.refusal: GrokDeskError | None = None
        self.clients: list[str] = []
        self.callers: list[Caller] = []
        self.wishes: list[VoiceWish] = []
        self.in_flight = 0
        self.entered = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()

    def says(self, *steps: Step) -> None:
        self.steps = list(steps)

    def check(self, request: Request) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def voice(self, wish: VoiceWish, *, client: str = "") -> VoicePass:
        self.clients.append(client)
        self.wishes.append(wish)
        if self.refusal is not None:
            raise self.refusal
        return VoicePass(Secret("pass"), "wss://livekit.example", "user-1", "room-1")

    @asynccontextmanager
    async def run(
        self,
        request: Request,
        *,
        client: str = "",
        link: Callable[[Kept], str] | None = None,
        caller: Caller = NOBODY,
    ) -> AsyncIterator[ScriptedRun]:
        number = len(self.links)
        if isinstance(request, ChatRequest):
            self.requests.append(request)
        elif isinstance(request, ImageRequest):
            self.pictures.append(request)
        self.links.append(link)
        self.clients.append(client)
        self.callers.append(caller)
        before, steps = self.per_run(number) if self.per_run else (self.before, self.steps)
        self.in_flight += 1
        self.empty.clear()
        self.entered.set()
        try:
            async for _ in ScriptedRun(before):
                pass
            yield ScriptedRun(steps)
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self.empty.set()


class OneKey:
    def check(self, presented: str) -> ClientKey | None:
        if presented != KEY:
            return None
        return ClientKey("key_1", "Editor", Secret(KEY), "", created_at=0.0)


class FakeLibrary:
    """Files in a folder; `thumbnails` by their id. A converted picture is its content behind its form."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Kept] = {}
        self.thumbnails: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.being_read: list[str] = []

    def add(self, content: bytes, **more: Any) -> Kept:  # noqa: ANN401 - any field of it
        number = len(self.files) + 1
        known: dict[str, Any] = {"kind": Kind.IMAGE, "media_type": "image/jpeg", "width": 784, "height": 1168}
        digest = hashlib.sha256(content).hexdigest()
        kept = Kept(
            f"{number:032x}", digest=digest, size=len(content), created_at=CREATED, **{**known, **more}
        )
        (self.folder / kept.id).write_bytes(content)
        self.files[kept.id] = kept
        return kept

    async def find(self, file_id: str) -> Kept | None:
        self.asked.append(file_id)
        return self.files.get(file_id)

    async def read(self, kept: Kept) -> bytes:
        return (self.folder / kept.id).read_bytes()

    @contextmanager
    def reading(self, kept: Kept) -> Iterator[Path]:
        self.being_read.append(kept.id)
        try:
            yield self.folder / kept.id
        finally:
            self.being_read.remove(kept.id)

    async def thumbnail(self, kept: Kept) -> bytes | None:
        return self.thumbnails.get(kept.id)

    async def converted(self, data: bytes, kind: Form, *, quality: int) -> bytes:
        return f"{kind} {quality} ".encode() + data


class FakeJobs:
    """Jobs that stay as they are until the test changes them."""

    def __init__(self) -> None:
        self.jobs: dict[str, MediaJob] = {}

    async def start(self, request: VideoRequest, *, client: str = "", remix_of: str = "") -> MediaJob:
        number = len(self.jobs) + 1
        job = MediaJob(f"{number:032x}", Kind.VIDEO, request, CREATED + number, client, remix_of=remix_of)
        self.jobs[job.id] = job
        return job

    async def get(self, job_id: str) -> MediaJob | None:
        return self.jobs.get(job_id)

    async def list(self, *, kind: Kind, after: str, limit: int, newest_first: bool) -> Sequence[MediaJob]:
        found = [job for job in self.jobs.values() if job.kind is kind]
        if newest_first:
            found.reverse()
        ids = [job.id for job in found]
        return found[ids.index(after) + 1 if after else 0 :][:limit]

    async def delete(self, job_id: str) -> bool:
        return self.jobs.pop(job_id, None) is not None

    def becomes(self, job_id: str, **changes: Any) -> MediaJob:  # noqa: ANN401 - any field of it
        self.jobs[job_id] = replace(self.jobs[job_id], **changes)
        return self.jobs[job_id]
