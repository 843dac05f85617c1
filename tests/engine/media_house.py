"""Jobs that make pictures and films, on an engine that plays what it is told, and a real library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.conversation import Media
from grokdesk.core.egress import Egress
from grokdesk.core.errors import GrokDeskError, MayBeMade, Unreachable
from grokdesk.core.events import Batch, Event, Finished, Started
from grokdesk.core.media import Artifact, ImageRequest, Kept, Trace, VideoRequest
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.core.notices import MediaJobChanged
from grokdesk.core.runs import NOBODY, Caller
from grokdesk.engine.media_jobs import MediaJobs
from tests.engine.libraries import Shelf, Upstream, asked, film, shelf
from tests.engine.stage import Stage, stage
from tests.make import Ids, account

FILM = VideoRequest("grok-imagine-video", "a dog", references=(Media(data=b"bytes", name="a.png"),))
TRACE = Trace(AccountId("a"), post_id="post-1")
LOST = MayBeMade(Unreachable("The connection broke."))

Step = Event | GrokDeskError | asyncio.Event | Callable[[], Any]


@dataclass
class FakeAnswer:
    """A run that plays its steps."""

    steps: Sequence[Step]
    id: str = "run-1"

    async def __aiter__(self) -> AsyncIterator[Batch]:
        yield [Started("run-1", "m", 0)]
        for step in self.steps:
            match step:
                case asyncio.Event():
                    await step.wait()
                case GrokDeskError():
                    raise step
                case _ if callable(step):
                    made = await step()
                    yield [made]
                case _:
                    yield [step]
        yield [Finished()]


@dataclass
class FakeEngine:
    """Plays one list of steps for each request, the last one again and again."""

    plays: list[Sequence[Step]] = field(default_factory=lambda: [[]])
    asked: list[tuple[ImageRequest | VideoRequest, str]] = field(default_factory=list)
    open: int = 0
    most: int = 0
    patience_s: list[float | None] = field(default_factory=list)
    busy: asyncio.Event | None = None

    @asynccontextmanager
    async def run(
        self,
        request: ImageRequest | VideoRequest,
        *,
        client: str = "",
        wait_s: float | None = None,
        caller: Caller = NOBODY,
    ) -> AsyncIterator[FakeAnswer]:
        self.asked.append((request, client))
        self.patience_s.append(wait_s)
        if self.busy is not None:
            await self.busy.wait()
        steps = self.plays.pop(0) if len(self.plays) > 1 else self.plays[0]
        if steps and isinstance(steps[0], GrokDeskError):
            raise steps[0]
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            yield FakeAnswer(steps)
        finally:
            self.open -= 1


@dataclass
class FakeCalls:
    """What an account is asked besides: each answer once, the last one again and again."""

    answers: list[Artifact | GrokDeskError | None] = field(default_factory=lambda: [None])
    asked: list[Trace] = field(default_factory=list)
    upstream: Upstream = field(default_factory=Upstream)

    async def find(self, trace: Trace, account: Account, egress: Egress) -> Artifact | None:
        self.asked.append(trace)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, GrokDeskError):
            raise answer
        return answer

    def download(self, url: str, account: Account, egress: Egress) -> Any:  # noqa: ANN401 - a context of a Download
        return self.upstream(url)

    async def upscale(self, trace: Trace, account: Account, egress: Egress) -> Artifact:
        raise NotImplementedError

    async def share(self, trace: Trace, account: Account, egress: Egress) -> str:
        raise NotImplementedError


@dataclass
class House:
    """Jobs, and everything around them."""

    jobs: MediaJobs
    engine: FakeEngine
    calls: FakeCalls
    shelf: Shelf
    stage: Stage

    def told(self) -> list[MediaJob]:
        return [one.job for one in self.shelf.notices if isinstance(one, MediaJobChanged)]

    async def when(self, job: MediaJob, true: Callable[[MediaJob], bool]) -> MediaJob:
        """Wait until something holds for a job; returns it as it is then."""
        async with asyncio.timeout(10):
            while True:
                now = await self.jobs.get(job.id)
                assert now is not None
                if true(now):
                    return now
                await asyncio.sleep(0.001)

    async def over(self, job: MediaJob, state: JobState | None = None) -> MediaJob:
        """Wait until a job has ended, in this state if one is given."""
        return await self.when(job, lambda now: now.state.is_over and state in {None, now.state})

    async def film(self, data: bytes | None = None) -> Kept:
        return await self.shelf.library.add_file(data or film(), asked())


@asynccontextmanager
async def house(
    folder: Path,
    *,
    at_once: int = 20,
    looks_s: Sequence[float] = (0, 0, 0),
    new_id: Callable[[], str] | None = None,
) -> AsyncIterator[House]:
    """Open them in a data folder, with one account, `a`."""
    engine, calls = FakeEngine(), FakeCalls()
    made = await stage(account("a"))
    async with (
        shelf(folder, clock=made.clock) as here,
        MediaJobs(
            engine=engine,
            store=here.stores.jobs,
            library=here.library,
            calls=calls,
            pool=made.pool,
            egress=made.egress,
            bus=here.bus,
            clock=made.clock,
            deadlines=here.deadlines,
            tasks=here.tasks,
            new_id=new_id or Ids("job"),
            code=lambda error: type(error).__name__,
            looks_s=looks_s,
            at_once=at_once,
        ) as jobs,
    ):
        yield House(jobs, engine, calls, here, made)
