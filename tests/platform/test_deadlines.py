"""Time limits that nobody's timer keeps: one sweeper looks after all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from grokdesk.platform import deadlines as module
from grokdesk.platform.deadlines import Deadlines
from tests.make import Clock


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper looks so often that nothing here waits for it."""
    monkeypatch.setattr(module, "SWEEP_S", 0.001)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def deadlines(clock: Clock) -> AsyncIterator[Deadlines]:
    deadlines = Deadlines(clock)
    yield deadlines
    deadlines.close()


async def swept(deadlines: Deadlines) -> None:
    """Return after a sweep that began after this was called."""
    seen = asyncio.Event()
    deadlines.after(0, seen.set)
    await seen.wait()


async def test_a_limit_calls_back_once_when_it_is_due(deadlines: Deadlines, clock: Clock) -> None:
    """
    Not before its time, at its time, and never again.
    """
    heard: list[str] = []
    deadlines.after(10, lambda: heard.append("due"))

    clock.advance(9.9)
    await swept(deadlines)
    before = list(heard)
    clock.advance(0.1)
    await swept(deadlines)
    clock.advance(100)
    await swept(deadlines)

    assert (before, heard) == ([], ["due"])


async def test_an_extended_limit_starts_anew(deadlines: Deadlines, clock: Clock) -> None:
    """
    Each sign of life counts from that moment.
    """
    heard: list[str] = []
    limit = deadlines.after(10, lambda: heard.append("due"))

    clock.advance(9)
    limit.extend(10)
    clock.advance(9)
    await swept(deadlines)

    assert heard == []
    assert not limit.expired


async def test_a_limit_may_extend_itself(deadlines: Deadlines, clock: Clock) -> None:
    """
    That is how a heartbeat is made: extended in its own callback it comes again.
    """
    heard: list[float] = []

    def beat() -> None:
        heard.append(clock.monotonic())
        limit.extend(5)

    limit = deadlines.after(5, beat)
    for _ in range(3):
        clock.advance(5)
        await swept(deadlines)

    assert heard == [5, 10, 15]


async def test_a_cancelled_limit_is_never_heard(deadlines: Deadlines, clock: Clock) -> None:
    """
    Neither when its time comes nor when somebody extends it by mistake, before or after it was due.
    """
    heard: list[str] = []
    early = deadlines.after(1, lambda: heard.append("early"))

    def cancel_late() -> None:
        late.cancel()

    late = deadlines.after(1, cancel_late)
    early.cancel()
    early.extend(1)

    clock.advance(2)
    await swept(deadlines)
    late.extend(0)
    await swept(deadlines)

    assert heard == []


async def test_callbacks_may_change_other_limits(deadlines: Deadlines, clock: Clock) -> None:
    """
    A limit cancelled or extended by another that is due at the same moment is not heard; a new one is.
    """
    heard: list[str] = []

    def first(other: int) -> None:
        heard.append("first")
        limits[other].cancel()
        deadlines.after(0, lambda: heard.append("new"))

    limits = [deadlines.after(1, lambda: first(1)), deadlines.after(1, lambda: first(0))]
    clock.advance(1)
    await swept(deadlines)
    await swept(deadlines)

    assert heard == ["first", "new"]


async def test_a_failing_callback_does_not_stop_the_sweeper(deadlines: Deadlines, clock: Clock) -> None:
    """
    What is due at the same moment is heard by the next sweep; the failure goes to the loop.
    """
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
    heard: list[str] = []

    def fail() -> None:
        raise ValueError("ouch")

    for callback in (fail, lambda: heard.append("a"), fail, lambda: heard.append("b")):
        deadlines.after(1, callback)
    clock.advance(1)
    for _ in range(3):
        await swept(deadlines)

    assert sorted(heard) == ["a", "b"]
    assert [type(failure) for failure in failures] == [ValueError, ValueError]


async def test_nothing_ticks_while_nothing_is_watched(deadlines: Deadlines, clock: Clock) -> None:
    """
    Before the first limit, after the last one, and after close no timer is armed.
    """
    timers: list[asyncio.TimerHandle] = vars(asyncio.get_running_loop())["_scheduled"]

    def armed() -> bool:
        return any(not timer.cancelled() for timer in timers)

    def never() -> None:
        raise AssertionError

    at_first = armed()
    limit = deadlines.after(10, never)
    watched = armed()
    limit.cancel()
    await asyncio.sleep(0.01)
    after_cancel = armed()
    deadlines.after(10, never)
    deadlines.close()

    assert (at_first, watched, after_cancel, armed()) == (False, True, False, False)


async def test_waiting_ends_with_the_task_or_the_limit(deadlines: Deadlines, clock: Clock) -> None:
    """
    True when the task has ended, even in failure; False when it is still running, and it goes on.
    """
    gate = asyncio.Event()

    async def work() -> None:
        await gate.wait()
        raise ValueError("ouch")

    task = asyncio.get_running_loop().create_task(work())
    deadlines.after(0, lambda: clock.advance(5))

    too_early = await deadlines.wait(task, 5)
    gate.set()
    ended = await deadlines.wait(task, 5)

    assert (too_early, ended) == (False, True)
    assert isinstance(task.exception(), ValueError)


async def test_a_cancelled_wait_leaves_the_task_alone(deadlines: Deadlines) -> None:
    """
    Whoever waits may go; the work goes on.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(asyncio.Event().wait())
    waiting = loop.create_task(deadlines.wait(task, 5))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert not task.done()
    task.cancel()


async def test_sleeping_takes_the_clock_s_time(deadlines: Deadlines, clock: Clock) -> None:
    """
    A sleep ends when the clock says so.
    """
    sleeping = asyncio.get_running_loop().create_task(deadlines.sleep(60))
    await asyncio.sleep(0)
    clock.advance(59)
    await swept(deadlines)
    too_early = sleeping.done()
    clock.advance(1)
    await sleeping

    assert not too_early
