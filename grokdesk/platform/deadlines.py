"""Time limits through one sweeper.

A cancelled `call_later` stays armed in qasync 0.28 until its time comes, so limits of requests do not use
timers of their own: one sweeper looks four times a second while anything is watched, and sleeps for good when
nothing is. Limits are therefore late by up to a quarter of a second, never early.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from grokdesk.core.ports import Clock

T = TypeVar("T")

SWEEP_S: Final = 0.25


class Deadline:
    """One limit. `callback` runs on the loop when it is due; once, unless it is extended again."""

    __slots__ = ("_callback", "_cancelled", "_due", "_keeper", "expired")

    def __init__(self, keeper: Deadlines, due: float, callback: Callable[[], None]) -> None:
        self._keeper = keeper
        self._due = due
        self._callback = callback
        self._cancelled = False
        self.expired = False

    def extend(self, seconds: float) -> None:
        """Be due `seconds` from now instead, also once more after it was due; not after `cancel`.

        Cheap: called for every piece of a stream.
        """
        self._due = self._keeper.monotonic() + seconds
        if self.expired and not self._cancelled:
            self.expired = False
            self._keeper.watch(self)

    def cancel(self) -> None:
        """Never call back."""
        self._cancelled = True
        self._keeper.forget(self)

    def due_by(self, now: float) -> bool:
        """Whether the time has come."""
        return now >= self._due

    def expire(self) -> None:
        """Call back."""
        self.expired = True
        self._callback()


class Deadlines:
    """Keeps limits and calls those that are due."""

    def __init__(self, clock: Clock) -> None:
        self.monotonic = clock.monotonic
        self._watched: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None

    def after(self, seconds: float, callback: Callable[[], None]) -> Deadline:
        """Call `callback` when `seconds` have passed, unless extended or cancelled before."""
        deadline = Deadline(self, self.monotonic() + seconds, callback)
        self.watch(deadline)
        return deadline

    def watch(self, deadline: Deadline) -> None:
        """Keep an eye on `deadline`."""
        self._watched.add(deadline)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def forget(self, deadline: Deadline) -> None:
        """Stop watching `deadline`."""
        self._watched.discard(deadline)

    def close(self) -> None:
        """Forget everything."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        self._timer = None
        now = self.monotonic()
        try:
            for deadline in [one for one in self._watched if one.due_by(now)]:
                # Those before it may have cancelled or extended this one.
                if deadline in self._watched and deadline.due_by(now):
                    self._watched.discard(deadline)
                    deadline.expire()
        finally:
            if self._watched and self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    async def wait(self, task: asyncio.Task[T], seconds: float) -> bool:
        """Wait for `task` at most `seconds`; returns whether it has ended.

        Neither cancels it nor raises its error.
        """
        patience: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting: set[asyncio.Future[Any]] = {task, patience}
        deadline = self.after(seconds, lambda: None if patience.done() else patience.set_result(None))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            deadline.cancel()
        return task.done()

    async def sleep(self, seconds: float) -> None:
        """Wait without arming a timer of one's own."""
        due = asyncio.get_running_loop().create_future()
        deadline = self.after(seconds, lambda: None if due.done() else due.set_result(None))
        try:
            await due
        finally:
            deadline.cancel()
