"""Answers that outlive their request: kept so that a client can come back, and made while nobody listens.

What is kept is opaque here (`core.responses`); the gateway knows the format.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from grokdesk.core.errors import Broken
from grokdesk.core.ports import Clock
from grokdesk.core.responses import ResponseStore, StoredResponse
from grokdesk.core.settings import Live, Settings

_DAY_S: Final = 86_400
_TRIM_EVERY: Final = 50
# Conversations go on with what was said last; so many are found without the disk, unless they are long.
_AT_HAND: Final = 64
_LONGEST_AT_HAND: Final = 1_000_000
# A chain longer than this is a loop or a mistake.
_LONGEST_CHAIN: Final = 10_000


class Spawn(Protocol):
    """Starts a task that somebody owns, such as `Supervisor.spawn`."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start it."""
        ...


class Sealer(Protocol):
    """Makes texts unreadable to others, such as `Vault`."""

    def seal(self, text: str, *, table: str, row: str, column: str) -> bytes:
        """Return `text` sealed for one place."""
        ...

    def open(self, sealed: bytes, *, table: str, row: str, column: str) -> str:
        """Return what was sealed for this place. Raises `Broken` for anything else."""
        ...


class Job:
    """An answer in the making that does not depend on a listener.

    `frames` is what was told so far; whoever follows hears the rest. `answer` gives the answer as it stands.
    """

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self.answer = answer
        self.frames: list[bytes] = []
        self.is_over = False
        self.is_cancelled = False
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    def tell(self, frames: Sequence[bytes]) -> None:
        """Take the next frames."""
        self.frames.extend(frames)
        self._tell_news()

    async def follow(self, start: int = 0) -> AsyncIterator[Sequence[bytes]]:
        """Yield the frames from number `start` on, in batches, until there will be no more."""
        while True:
            news = self._news
            if start < len(self.frames):
                batch = self.frames[start:]
                start += len(batch)
                yield batch
            elif self.is_over:
                return
            else:
                await news.wait()

    async def cancel(self) -> None:
        """End it; returns when it has ended."""
        if not self.is_over:
            assert self._task is not None, "a job that can be found has been started"
            self.is_cancelled = True
            self._task.cancel()
            await self.ended()

    async def ended(self) -> None:
        """Return when it is over."""
        while not self.is_over:
            await self._news.wait()

    # -- for the service

    def runs_as(self, task: asyncio.Task[None]) -> None:
        """Know the task that makes the answer."""
        self._task = task
        task.add_done_callback(self._done)

    def _done(self, _task: asyncio.Task[None]) -> None:
        self.is_over = True
        self._tell_news()

    def _tell_news(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


class Conversations:
    """The kept answers, and the jobs that make some of them."""

    def __init__(self, store: ResponseStore, sealer: Sealer, live: Live, clock: Clock, spawn: Spawn) -> None:
        self._store = store
        self._sealer = sealer
        self._live = live
        self._clock = clock
        self._spawn = spawn
        self._at_hand: OrderedDict[str, StoredResponse] = OrderedDict()
        self._jobs: dict[str, Job] = {}
        self._since_trim = 0
        live.subscribe(self._changed)

    async def load(self) -> None:
        """Forget what need not be kept any longer."""
        privacy = self._live.now.privacy
        if not privacy.keep_responses:
            self._at_hand.clear()
        await self._store.trim(
            privacy.keep_responses, self._clock.now() - privacy.keep_responses_days * _DAY_S
        )

    # -- kept answers

    @property
    def keeps(self) -> bool:
        """Whether the owner lets answers be kept."""
        return self._live.now.privacy.keep_responses > 0

    def keep(self, response: StoredResponse) -> None:
        """Keep a new or changed response; returns at once. Does nothing when the owner keeps none."""
        if not self.keeps:
            return
        self._take(response)
        self._store.save(response)
        self._since_trim += 1
        if self._since_trim >= _TRIM_EVERY:
            self._since_trim = 0
            self._spawn(self.load(), name="trim responses")

    async def get(self, response_id: str) -> StoredResponse | None:
        """Return a kept response, or None."""
        found = self._at_hand.get(response_id) or await self._store.get(response_id)
        if found is not None:
            self._take(found)
        return found

    async def chain(self, response_id: str) -> tuple[StoredResponse, ...] | None:
        """Return a kept response and all it continues, oldest first; None when one of them is gone.

        All of them count as used now, so that a conversation that goes on does not lose its beginning.
        """
        found: list[StoredResponse] = []
        wanted = response_id
        while wanted:
            response = await self.get(wanted)
            if response is None or len(found) >= _LONGEST_CHAIN:
                return None
            found.append(response)
            wanted = response.previous
        await self._store.touch([one.id for one in found], self._clock.now())
        return tuple(reversed(found))

    async def delete(self, response_id: str) -> bool:
        """Forget a response, and end the job that makes it; tell whether it was there."""
        job = self._jobs.get(response_id)
        if job is not None:
            await job.cancel()
        at_hand = self._at_hand.pop(response_id, None) is not None
        return await self._store.delete(response_id) or at_hand or job is not None

    def _changed(self, old: Settings, new: Settings) -> None:
        if old.privacy != new.privacy:
            self._spawn(self.load(), name="trim responses")

    def _take(self, response: StoredResponse) -> None:
        if len(response.asked) + len(response.answer) + len(response.events) > _LONGEST_AT_HAND:
            self._at_hand.pop(response.id, None)
            return
        self._at_hand[response.id] = response
        self._at_hand.move_to_end(response.id)
        while len(self._at_hand) > _AT_HAND:
            self._at_hand.popitem(last=False)

    # -- jobs

    def start(
        self, response_id: str, answer: Callable[[], bytes], work: Callable[[Job], Coroutine[Any, Any, None]]
    ) -> Job:
        """Let `work` make the answer called `response_id`, and tell the job, until it is over."""
        job = self._jobs[response_id] = Job(answer)
        task = self._spawn(work(job), name=f"response {response_id}")
        job.runs_as(task)
        task.add_done_callback(lambda _: self._jobs.pop(response_id, None))
        return job

    def job(self, response_id: str) -> Job | None:
        """Return the job that makes this response now, if any."""
        return self._jobs.get(response_id)

    # -- texts that clients carry for us

    def seal(self, text: str) -> str:
        """Return `text` in a form that a client can carry and not read."""
        sealed = self._sealer.seal(text, table="responses", row="", column="carried")
        return base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, carried: str) -> str | None:
        """Return what `seal` was given, or None when this is not from here."""
        try:
            sealed = base64.b64decode(carried.encode(), altchars=b"-_", validate=True)
            return self._sealer.open(sealed, table="responses", row="", column="carried")
        except (binascii.Error, ValueError, Broken):
            return None
