"""Owned tasks, and work off the loop.

`asyncio.create_task` is banned everywhere else: a task nobody owns vanishes or outlives the app.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_WORKERS: Final = 8


class Supervisor:
    """Owns background tasks.

    A failure is logged and its siblings live on; leaving the block cancels what still runs.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._executor: ThreadPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        # qasync's own executor starts ten Qt threads and cannot be shut down twice.
        self._executor = ThreadPoolExecutor(_WORKERS, thread_name_prefix="offload")
        asyncio.get_running_loop().set_default_executor(self._executor)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cancel_all()
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    async def cancel_all(self) -> None:
        """Cancel everything and wait until it has ended."""
        while self._tasks:
            running = tuple(self._tasks)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run `work` on its own. A failure is logged once, with its traceback."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    @asynccontextmanager
    async def during(self, work: Coroutine[Any, Any, None], *, name: str) -> AsyncIterator[None]:
        """Run `work` while inside the block; leaving it cancels `work` and waits until it has ended."""
        task = self.spawn(work, name=name)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("background work failed name=%s", task.get_name(), exc_info=error)


class Uncancelled:
    """Work that comes to its end also when whoever waits for it is cancelled.

    Whoever has one must await `ended` before what the work needs is closed.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    async def done(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns."""
        task = owned(work, name=self._name)
        self._tasks.add(task)
        task.add_done_callback(self._left)
        return await asyncio.shield(task)

    async def ended(self) -> None:
        """Wait until nothing is under way."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _left(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits gets it; when nobody does, it is not missed


def owned(work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Run `work` as a task whose result the caller collects: it must await or cancel it before it leaves."""
    return asyncio.get_running_loop().create_task(work, name=name)


async def offload(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread and return what it returns. For files, keyring, hashing, large JSON."""
    call: Callable[[], T] = lambda: work(*args, **kwargs)  # noqa: E731 - partial loses the types
    return await asyncio.get_running_loop().run_in_executor(None, call)
