"""One loop for Qt and asyncio; the only import of qasync.

`SharedLoop` is asyncio's own selector loop with its own ready queue, timer heap and selector. Qt gets two
things: one socket notifier on the selector's own descriptor (epoll and kqueue descriptors are themselves
pollable) and one precise timer for the next deadline. When either fires, asyncio takes its own turn without
waiting. Compared with qasync, which makes a Qt timer of every callback, nothing is translated, so nothing can
behave differently.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import selectors
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextvars import Context
from math import ceil
from time import perf_counter
from types import TracebackType
from typing import Final, TypeVarTuple, Unpack

from PySide6.QtCore import QSocketNotifier, Qt, QTimer
from PySide6.QtWidgets import QApplication

Ts = TypeVarTuple("Ts")

# Turns follow one another without going through Qt for this long; then windows have their turn.
_STRETCH_S: Final = 0.004
_LONGEST_WAIT_S: Final = 86_400.0
_DISPLAY_GONE: Final = 1

_YOUNG: Final = 2_000
_GENERATIONS: Final = 10
_FULL_EVERY_S: Final = 20.0
_LOOK_EVERY_MS: Final = 500


def new_loop(qt: QApplication) -> asyncio.AbstractEventLoop:
    """Return a loop that runs asyncio and `qt` on this thread."""
    if hasattr(selectors.DefaultSelector, "fileno"):
        return SharedLoop(qt)
    return qasync_loop(qt)


def qasync_loop(qt: QApplication) -> asyncio.AbstractEventLoop:
    """The way for Windows, whose selector has no descriptor.

    The selector variant: curl_cffi needs `add_reader`.
    """
    # Costs 15 ms and is not needed where a selector can be polled.
    import qasync  # noqa: PLC0415

    class Loop(qasync.QSelectorEventLoop):  # type: ignore[misc]  # ships no types
        def __init__(self) -> None:
            super().__init__(qt)

        def run_forever(self) -> None:
            garbage = _Garbage()
            timer = QTimer()
            timer.timeout.connect(garbage.look)
            timer.start(_LOOK_EVERY_MS)
            with garbage:
                super().run_forever()
            timer.stop()

    loop: asyncio.AbstractEventLoop = Loop()
    return loop


class _Garbage:
    """Collects garbage on the loop's thread alone.

    Python collects in whichever thread allocates. A Qt object that is part of a cycle would then die in a
    worker thread, and its timers and children with it: Qt warns, or the process ends.
    """

    def __init__(self) -> None:
        self._was_enabled = False
        self._full_at = perf_counter()

    def __enter__(self) -> None:
        self._was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._was_enabled:
            gc.enable()

    def look(self) -> None:
        """Collect when enough has gathered, as the interpreter would have."""
        young, middle, old = gc.get_count()
        if young < _YOUNG:
            return
        if middle < _GENERATIONS:
            gc.collect(0)
        elif old < _GENERATIONS or perf_counter() - self._full_at < _FULL_EVERY_S:
            gc.collect(1)
        else:
            gc.collect()
            self._full_at = perf_counter()


class _Polled(selectors.DefaultSelector):
    """A selector that does not wait: Qt waits on its descriptor instead, as long as there is a Qt."""

    waits = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if self.waits else 0)


class SharedLoop(asyncio.SelectorEventLoop):
    """asyncio's selector loop, woken by Qt.

    `run_forever` of the base class calls `_run_once` until the loop is stopped. Here that call runs Qt until
    then, and the base's `_run_once` is what Qt wakes. Inside a nested Qt loop that a task has opened nothing
    of asyncio runs: it waits, and goes on afterwards.

    Qt gives up by itself when the display is gone, as at the end of a session. `SystemExit` then ends the
    program in order: what is cleaned up meanwhile runs without Qt.

    Builds on `_run_once`, `_ready`, `_scheduled`, `_stopping` and `_csock` of CPython 3.11 to 3.14.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool

    def __init__(self, qt: QApplication) -> None:
        self._qt = qt
        self._polled = _Polled()
        self._turning = False
        self._running_qt = False
        self._asked_to_end = False
        self._armed = 0.0
        self._escaped: BaseException | None = None
        self._garbage = _Garbage()
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._timed)
        self._notifier = QSocketNotifier(self._polled.fileno(), QSocketNotifier.Type.Read)
        self._notifier.setEnabled(False)
        self._notifier.activated.connect(self._turn)
        super().__init__(self._polled)

    # -- Qt's side

    def _run_once(self) -> None:
        """Run Qt until the loop is stopped."""
        if self._polled.waits:
            super()._run_once()  # type: ignore[misc]  # typeshed leaves private methods out
            return
        self._asked_to_end = False
        spin = self._qt.exec  # the one loop of the program: every other is nested, which a test forbids
        self._running_qt = True
        with self._woken_by_signals(), self._garbage:
            self._notifier.setEnabled(True)
            self._arm()
            try:
                spin()
            finally:
                self._running_qt = False
                self._notifier.setEnabled(False)
                self._disarm()
        if self._escaped is not None:
            escaped, self._escaped = self._escaped, None
            raise escaped
        if not self._asked_to_end:
            # It would return at once for ever.
            self._polled.waits = True
            raise SystemExit(_DISPLAY_GONE)

    def _timed(self) -> None:
        self._armed = 0.0
        self._turn()

    def _turn(self) -> None:
        """Take asyncio's own turns, as long as there is something to do and Qt has not waited too long."""
        if self._turning:
            # A task has opened a nested Qt loop. A second task cannot run inside the first one, so all wait.
            self._notifier.setEnabled(False)
            return
        self._turning = True
        try:
            until = perf_counter() + _STRETCH_S
            while True:
                super()._run_once()  # type: ignore[misc]  # typeshed leaves private methods out
                if self._stopping or not self._ready or perf_counter() > until:
                    break
        except BaseException as error:  # noqa: BLE001 - a slot would print it; `_run_once` raises it again
            self._escaped = error
        finally:
            self._turning = False
        if self._stopping or self._escaped is not None:
            self._asked_to_end = True
            self._qt.exit()
            return
        self._garbage.look()
        if not self._notifier.isEnabled():
            self._notifier.setEnabled(True)
        self._arm()

    def _arm(self) -> None:
        """Set the timer to the next deadline, or to now when something is ready."""
        if self._ready or self._stopping:
            due = -1.0
        elif self._scheduled:
            due = self._scheduled[0].when()
        else:
            if self._armed:
                self._disarm()
            return
        if due == self._armed:
            return
        self._armed = due
        wait_s = 0.0 if due < 0 else min(max(0.0, due - self.time()), _LONGEST_WAIT_S)
        self._timer.start(ceil(wait_s * 1000))

    def _disarm(self) -> None:
        self._timer.stop()
        self._armed = 0.0

    @contextlib.contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        """Let a signal end Qt's wait, so that Python's handler runs; asyncio does so only for its own."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    # -- asyncio's side: what is scheduled from a Qt slot must wake the timer. Within a turn `_turn` does it
    # at the end.

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        if not self._turning and self._running_qt and self._armed >= 0:
            self._arm()
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        if not self._turning and self._running_qt:
            self._arm()
        return handle

    def stop(self) -> None:
        super().stop()
        if not self._turning and self._running_qt:
            self._arm()

    def close(self) -> None:
        if not self.is_running() and not self.is_closed():
            self._timer.timeout.disconnect(self._timed)
            self._notifier.activated.disconnect(self._turn)
            self._timer.deleteLater()
            self._notifier.deleteLater()
        super().close()
