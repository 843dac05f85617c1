"""Long work on the library, such as an export: begun by a wish, asked after until it is over, and stopped.

An errand lives as long as the program. Begun again, it passes over what is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from grokdesk.core.errors import Broken, GrokDeskError
from grokdesk.core.ports import Clock
from grokdesk.platform.tasks import Supervisor

log = logging.getLogger(__name__)

_KEPT: Final = 20
_OUR_FAULT: Final = Broken("GrokDesk made a mistake.", hint="The log says more.")


class ErrandState(StrEnum):
    """Where an errand stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True)
class Errand:
    """One piece of work, as of now. Times are Unix seconds.

    `total` is 0 until it is known. `counts` say what became of the files, by a word each. `failure` is why it
    ended early.
    """

    id: str
    title: str
    started_at: float
    ended_at: float | None = None
    state: ErrandState = ErrandState.RUNNING
    total: int = 0
    done: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    failure: GrokDeskError | None = None


Work = Callable[[Errand], Awaitable[None]]


class Errands:
    """Runs errands and keeps the last ones. Leaving it stops what runs, before what it works on is closed."""

    def __init__(self, clock: Clock, tasks: Supervisor, *, new_id: Callable[[], str]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._new_id = new_id
        self._errands: dict[str, Errand] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(self.stop(errand_id) for errand_id in list(self._running)))

    def start(self, title: str, work: Work) -> Errand:
        """Begin `work`, which says in the errand how far it is."""
        errand = Errand(self._new_id(), title, self._clock.now())
        self._errands[errand.id] = errand
        task = self._running[errand.id] = self._tasks.spawn(_done(errand, work), name=f"errand {title}")
        task.add_done_callback(lambda gone: self._ended(errand, gone))
        return errand

    def get(self, errand_id: str) -> Errand | None:
        """The errand with this id, unless it ended long ago."""
        return self._errands.get(errand_id)

    async def stop(self, errand_id: str) -> None:
        """End an errand; what it has done stays done. Returns when it has ended."""
        if errand_id in self._running:
            self._running[errand_id].cancel()
        await self.ended(errand_id)

    async def ended(self, errand_id: str) -> None:
        """Wait for the end of an errand, whatever it is."""
        if errand_id in self._running:
            await asyncio.wait([self._running[errand_id]])

    def _ended(self, errand: Errand, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            errand.state = ErrandState.STOPPED
        elif task.exception() is not None:
            errand.failure = _OUR_FAULT
        if errand.failure is not None:
            errand.state = ErrandState.FAILED
        elif errand.state is ErrandState.RUNNING:
            errand.state = ErrandState.DONE
        errand.ended_at = self._clock.now()
        del self._running[errand.id]
        log.info("errand ended title=%s state=%s counts=%s", errand.title, errand.state, dict(errand.counts))
        over = [one for one in self._errands if one not in self._running]
        for errand_id in over[: max(0, len(over) - _KEPT)]:
            del self._errands[errand_id]


async def _done(errand: Errand, work: Work) -> None:
    try:
        await work(errand)
    except GrokDeskError as error:
        log.warning("errand failed title=%s why=%s detail=%s", errand.title, error.message, error.detail)
        errand.failure = error
