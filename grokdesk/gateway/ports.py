"""What the gateway needs of the rest of the program. `app` hands it the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from grokdesk.core.catalog import MODELS, Model
from grokdesk.core.conversation import ChatRequest
from grokdesk.core.events import Batch, Transcript
from grokdesk.core.notices import Bus
from grokdesk.core.ports import ClientKey, Clock
from grokdesk.core.settings import Live


class Run(Protocol):
    """One request being answered.

    Iterated once: the first batch begins with `Started`, the last ends with `Finished`. `transcript` is the
    fold of what was iterated so far.
    """

    @property
    def id(self) -> str:
        """Its id in the list of requests."""
        ...

    @property
    def transcript(self) -> Transcript:
        """What was said so far."""
        ...

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Return the answer, batch by batch. Raises `UpstreamError`."""
        ...


class Engine(Protocol):
    """Executes requests."""

    def run(self, request: ChatRequest, *, client: str = "") -> AbstractAsyncContextManager[Run]:
        """Execute `request` for `client`.

        Entered once upstream has begun to answer; raises `GrokDeskError` before that. Leaving the block ends
        the upstream call at once.
        """
        ...


class Keys(Protocol):
    """The client keys."""

    def check(self, presented: str) -> ClientKey | None:
        """Return the key that was presented, or None when it is unknown or revoked."""
        ...


class Spawn(Protocol):
    """Starts supervised work."""

    def __call__(self, work: Coroutine[Any, Any, None], /, *, name: str) -> asyncio.Task[None]:
        """Run `work` as a task that the program owns."""
        ...


class Deadline(Protocol):
    """One time limit."""

    def extend(self, seconds: float) -> None:
        """Be due `seconds` from now instead, also when it was due already."""
        ...

    def cancel(self) -> None:
        """Never call back."""
        ...


class Deadlines(Protocol):
    """Time limits that leave no timers behind."""

    def after(self, seconds: float, callback: Callable[[], None]) -> Deadline:
        """Call `callback` on the loop once `seconds` have passed."""
        ...


@dataclass(frozen=True, slots=True)
class Readiness:
    """How many accounts there are, and how many could answer now."""

    accounts: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the gateway uses."""

    engine: Engine
    keys: Keys
    settings: Live
    bus: Bus
    clock: Clock
    spawn: Spawn
    deadlines: Deadlines
    readiness: Callable[[], Readiness] = Readiness
    models: Callable[[], Sequence[Model]] = lambda: MODELS
