"""Coroutines that widgets start: owned, cancelled with their owner, their errors shown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from grokdesk.platform.tasks import owned

log = logging.getLogger(__name__)

# What PySide6 says of a widget that is no more.
_GONE: Final = "already deleted"

Report = Callable[[BaseException], None]


class Work:
    """The running coroutines of one owner.

    `report` is told what failed. `close` cancels what still runs; after it nothing new starts.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._closed = False

    @property
    def running(self) -> int:
        """How many coroutines have not ended."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, object], *, exclusive: str = "") -> asyncio.Task[object] | None:
        """Run `work`. A new one replaces the running one of the same `exclusive` name."""
        if self._closed:
            work.close()
            return None
        if exclusive:
            for task, name in self._tasks.items():
                if name == exclusive:
                    task.cancel()
        task = owned(work, name=exclusive or getattr(work, "__qualname__", "work"))
        self._tasks[task] = exclusive
        task.add_done_callback(self._ended)
        return task

    def close(self) -> None:
        """Cancel everything."""
        self._closed = True
        for task in tuple(self._tasks):
            task.cancel()

    async def ended(self) -> None:
        """Cancel everything and return when it has ended."""
        self.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if isinstance(error, RuntimeError) and _GONE in str(error):
            # Its pane was built anew, as for another language, while it waited.
            log.info("work ended with its window name=%s", task.get_name())
            return
        self._report(error)
