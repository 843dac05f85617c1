"""What the gateway needs of the rest of the program. `app` hands it the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from grokdesk.core.completions import CompletionStore
from grokdesk.core.events import Batch, Transcript
from grokdesk.core.media import Kept, Kind, Request, VideoRequest
from grokdesk.core.media_jobs import MediaJob
from grokdesk.core.notices import Bus
from grokdesk.core.ports import ClientKey, Clock
from grokdesk.core.responses import StoredResponse
from grokdesk.core.runs import NOBODY, Caller
from grokdesk.core.settings import Live
from grokdesk.core.voice import VoicePass, VoiceWish

Form = Literal["png", "jpeg", "webp"]
"""What a picture can be made into."""


class Run(Protocol):
    """One request being answered.

    Iterated once: the first batch begins with `Started`, the last ends with `Finished`. `transcript` is the
    fold of what was iterated so far.
    """

    @property
    def mode(self) -> str:
        """How Grok was asked to think, in its own word."""
        ...

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

    def run(
        self,
        request: Request,
        *,
        client: str = "",
        link: Callable[[Kept], str] | None = None,
        caller: Caller = NOBODY,
    ) -> AbstractAsyncContextManager[Run]:
        """Execute `request` for `client`, which came as `caller` says.

        Entered once upstream has begun to answer; raises `GrokDeskError` before that. Leaving the block ends
        the upstream call at once. `link` gives the address by which the client reaches a file of the library.
        """
        ...

    async def voice(self, wish: VoiceWish, *, client: str = "") -> VoicePass:
        """Get what lets a client into a voice session. Raises `GrokDeskError`."""
        ...

    def check(self, request: Request) -> None:
        """Raise what `run` would say of `request` without asking anybody, if it is bound to fail."""
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


class Job(Protocol):
    """An answer in the making that does not depend on a listener."""

    @property
    def answer(self) -> Callable[[], bytes]:
        """Gives the answer as it stands."""
        ...

    @property
    def is_cancelled(self) -> bool:
        """Whether a client ended it."""
        ...

    def tell(self, frames: Sequence[bytes]) -> None:
        """Take the next frames."""
        ...

    def follow(self, start: int = 0) -> AsyncIterator[Sequence[bytes]]:
        """Return the frames from number `start` on, in batches, until there will be no more."""
        ...

    async def cancel(self) -> None:
        """End it; returns when it has ended."""
        ...


class Conversations(Protocol):
    """Kept answers, and those that are made while nobody listens."""

    @property
    def keeps(self) -> bool:
        """Whether the owner lets answers be kept."""
        ...

    def keep(self, response: StoredResponse) -> None:
        """Keep a new or changed response; returns at once."""
        ...

    async def get(self, response_id: str) -> StoredResponse | None:
        """Return a kept response, or None."""
        ...

    async def chain(self, response_id: str) -> Sequence[StoredResponse] | None:
        """Return a kept response and all it continues, oldest first; None when one of them is gone."""
        ...

    async def delete(self, response_id: str) -> bool:
        """Forget a response, and end the job that makes it; tell whether it was there."""
        ...

    def start(
        self, response_id: str, answer: Callable[[], bytes], work: Callable[[Job], Coroutine[Any, Any, None]]
    ) -> Job:
        """Let `work` make the answer called `response_id`, and tell the job, until it is over."""
        ...

    def job(self, response_id: str) -> Job | None:
        """Return the job that makes this response now, if any."""
        ...

    def seal(self, text: str) -> str:
        """Return `text` in a form that a client can carry and not read."""
        ...

    def unseal(self, carried: str) -> str | None:
        """Return what `seal` was given, or None when this is not from here."""
        ...


class Library(Protocol):
    """The pictures and films that are kept."""

    async def find(self, file_id: str) -> Kept | None:
        """Return the file with this id, or None; also one that was removed and can be restored."""
        ...

    def read(self, kept: Kept) -> Awaitable[bytes]:
        """Return the content of a file. Raises `GrokDeskError` when it is gone."""
        ...

    def reading(self, kept: Kept) -> AbstractContextManager[Path]:
        """Give where a file lies; inside the block it is not taken away to make room."""
        ...

    async def thumbnail(self, kept: Kept) -> bytes | None:
        """Return the small JPEG of a file, or None when it has none."""
        ...

    async def converted(self, data: bytes, kind: Form, *, quality: int) -> bytes:
        """Return a picture as `png`, `jpeg` or `webp`, the latter two of a quality from 1 to 100.

        Raises `GrokDeskError` when it cannot be read.
        """
        ...


class MediaJobs(Protocol):
    """The jobs that make films, and those that have made them."""

    async def start(self, request: VideoRequest, *, client: str = "", remix_of: str = "") -> MediaJob:
        """Write down a job and begin with it."""
        ...

    async def get(self, job_id: str) -> MediaJob | None:
        """Return a job, or None."""
        ...

    async def list(self, *, kind: Kind, after: str, limit: int, newest_first: bool) -> Sequence[MediaJob]:
        """Return up to `limit` jobs of a kind by their age, those behind the job `after` unless empty."""
        ...

    async def delete(self, job_id: str) -> bool:
        """Forget a job and what it made, ending it first; tell whether it was there."""
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
    # None keeps nothing, whatever clients ask for.
    completions: CompletionStore | None = None
    conversations: Conversations | None = None
    # None keeps no files, and makes no films.
    library: Library | None = None
    media_jobs: MediaJobs | None = None
