"""One request being answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from grokdesk.core.accounts import Account, Mode, Outcome, Succeeded
from grokdesk.core.egress import Egress
from grokdesk.core.errors import EmptyAnswer, Undelivered, UpstreamError
from grokdesk.core.events import Batch, Event, Finished, Made, MediaEvent, Started, Submitted, Transcript
from grokdesk.core.shaping import Shape, shaped
from grokdesk.core.shaping_media import AllMade, MediaAsText
from grokdesk.engine.accounts import Held
from grokdesk.engine.egress import Way
from grokdesk.engine.runs import RunEntry
from grokdesk.platform.tasks import owned

_MEDIA: Final = frozenset(MediaEvent.__subclasses__())

# Puts what was made into the library, with the account and the way out that made it.
Keep = Callable[[Made, Account, Egress], Awaitable[Made]]


@dataclass(slots=True)
class Opened:
    """An upstream call that has been accepted: who holds it and what it yields."""

    held: Held
    way: Way
    events: AsyncIterator[Batch]


class Run:
    """The answer of one request: iterate it once, inside the block of `Engine.run`.

    Yields shaped batches, the first beginning with `Started`, the last ending with `Finished`. Raises
    `UpstreamError` when upstream breaks off. `transcript` is the fold of what was yielded; `mode` is how the
    account was asked to think, empty where it was not. With `keep`, every picture and film is kept before it
    is handed on.
    """

    def __init__(
        self,
        started: Started,
        shapes: Sequence[Shape],
        transcript: Transcript,
        entry: RunEntry,
        keep: Keep | None = None,
    ) -> None:
        self.id = started.run_id
        self.transcript = transcript
        self.mode = ""
        self.outcome: Outcome | None = None
        self.error: UpstreamError | None = None
        self._started = started
        # Hardly any conversation has pictures; until one comes, its pieces need not pass what puts them in.
        self._shapes: Sequence[Shape] = [shape for shape in shapes if not isinstance(shape, MediaAsText)]
        self._all_shapes = shapes
        self._all_made = next((shape for shape in shapes if isinstance(shape, AllMade)), None)
        self._early: list[Event] = []
        self._entry = entry
        self._keep = keep
        self._opened: Opened | None = None
        self._first: asyncio.Task[list[Event]] | None = None
        self._announced = False
        self._end: Event | None = None
        self._over = False

    # -- for the engine

    def attach(self, opened: Opened) -> asyncio.Task[list[Event]]:
        """Take an accepted call; the returned task ends with the first batch that tells something."""
        self._opened = opened
        meter = opened.held.lease.meter
        self.mode = meter.value if isinstance(meter, Mode) else ""
        self._first = owned(self._pull(), name=f"first {self.id}")
        return self._first

    async def detach(self) -> None:
        """Let go of the call: ends the task of `attach`, and tells the lease how it went."""
        first, self._first = self._first, None
        opened, self._opened = self._opened, None
        try:
            if first is not None:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)
        finally:
            if opened is not None and self.outcome is not None:
                opened.held.settle(self.outcome)
            if opened is not None and self.error is not None:
                opened.way.failed(self.error)

    # -- for whoever listens

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        if not self._announced:
            self._announced = True
            self.transcript.add(self._started)
            early, self._early = self._shaped(self._early), []
            if self._first is None or not self._first.done():
                return (self._started, *early)
            return (self._started, *early, *await self._take())
        if self._over and self._first is None:
            raise StopAsyncIteration
        return await self._take()

    async def _take(self) -> list[Event]:
        first, self._first = self._first, None
        if first is None:
            return await self._pull()
        # Cancelling the reader cancels `first` as well, and waits for it.
        return await first

    async def _pull(self) -> list[Event]:
        """The next batch with something in it, shaped."""
        opened = self._opened
        assert opened is not None, "a run is read inside its block"
        try:
            if ending := self._ending():
                return ending
            async for batch in opened.events:
                kinds = set(map(type, batch))
                events = [event for event in batch if type(event) is not Started]
                if not kinds.isdisjoint(_MEDIA):
                    self._shapes = self._all_shapes
                if not self._announced and all(type(event) is Submitted for event in events):
                    # Ids alone are no answer: a refusal behind them still leads to another account.
                    self._early += events
                    continue
                if Made in kinds:
                    events = await self._kept(events, opened)
                if out := self._shaped(events) or self._ending():
                    return out
            raise EmptyAnswer(
                "Grok's answer ended without an end.",
                hint="Try again.",
                detail="provider stopped without Finished",
            )
        except UpstreamError as failure:
            error = failure if self._all_made is None else self._all_made.cut_short(failure)
            self._over = True
            self.error = error
            self.outcome = error.outcome
            if error is not failure:
                raise error from failure
            raise

    def _ending(self) -> list[Event]:
        """The end that waited until what came with it was handed on, shaped; nothing when there is none."""
        return [] if self._end is None else self._shaped([self._end])

    def _shaped(self, events: list[Event]) -> list[Event]:
        out = shaped(self._shapes, events)
        if out:
            self._entry.first_piece()
            if isinstance(out[-1], Finished):
                self._over = True
                self.outcome = Succeeded()
        return out

    async def _kept(self, events: list[Event], opened: Opened) -> list[Event]:
        """The same events, what was made being in the library.

        An end among them waits: should something be missing, what has come is handed on before.
        """
        if isinstance(events[-1], Finished):
            self._end = events.pop()
        keep, account, egress = self._keep, opened.held.lease.account, opened.way.egress
        if keep is None:
            return events
        out: list[Event] = []
        for event in events:
            if not isinstance(event, Made):
                out.append(event)
                continue
            try:
                out.append(await keep(event, account, egress))
            except Undelivered as lost:
                if self._all_made is None:
                    raise
                # The others are handed on; the end says that this one is missing.
                self._all_made.lost(lost)
        return out
