"""What stands around the gateway in its tests: a scripted engine, a clock, limits that wait for a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from grokdesk.core.conversation import ChatRequest
from grokdesk.core.events import Batch, Event, Finished, Started, TextPiece, Transcript, Usage
from grokdesk.core.ports import ClientKey
from grokdesk.core.secret import Secret

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
        self.clients: list[str] = []
        self.in_flight = 0
        self.entered = asyncio.Event()
        self.empty = asyncio.Event()
        self.empty.set()

    def says(self, *steps: Step) -> None:
        self.steps = list(steps)

    @asynccontextmanager
    async def run(self, request: ChatRequest, *, client: str = "") -> AsyncIterator[ScriptedRun]:
        number = len(self.requests)
        self.requests.append(request)
        self.clients.append(client)
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
