"""Tasks with an owner, and work off the loop."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from grokdesk.platform.tasks import Supervisor, Uncancelled, offload, owned


async def forever(ended: list[str], name: str = "forever") -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def test_a_failure_is_logged_and_siblings_live_on(caplog: pytest.LogCaptureFixture) -> None:
    """
    One line with name and traceback; nothing else stops.
    """

    async def fail() -> None:
        raise ValueError("ouch")

    async with Supervisor() as tasks:
        sibling = tasks.spawn(forever([]), name="sibling")
        failed = tasks.spawn(fail(), name="unlucky")
        await asyncio.wait([failed])
        await asyncio.sleep(0)

        assert not sibling.done()

    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [
        (logging.ERROR, "background work failed name=unlucky")
    ]
    assert "ouch" in caplog.text


async def test_leaving_the_block_ends_what_still_runs(caplog: pytest.LogCaptureFixture) -> None:
    """
    Every task has run its clean-up before the block is left, also one that another started while it ended.
    """
    ended: list[str] = []

    async def last_words() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tasks.spawn(forever(ended, "late"), name="late")
            await asyncio.sleep(0)

    async with Supervisor() as tasks:
        tasks.spawn(forever(ended), name="forever")
        tasks.spawn(last_words(), name="last words")
        await asyncio.sleep(0)

    assert sorted(ended) == ["forever", "late"]
    assert caplog.records == []


async def test_work_during_a_block_ends_with_it() -> None:
    """
    Leaving the block cancels the work and waits for its clean-up; the supervisor lives on.
    """
    ended: list[str] = []

    async with Supervisor() as tasks:
        async with tasks.during(forever(ended), name="forever"):
            await asyncio.sleep(0)
            before = list(ended)
        after = list(ended)

        assert (before, after) == ([], ["forever"])
        assert await tasks.spawn(asyncio.sleep(0, "alive"), name="next") == "alive"


async def test_work_off_the_loop_returns_or_raises_here() -> None:
    """
    The result and the error of a thread come back to whoever waits, with arguments by position and name.
    """

    def work(a: int, *, b: int) -> tuple[str, int]:
        if b == 0:
            raise ZeroDivisionError
        return threading.current_thread().name, a // b

    async with Supervisor():
        name, result = await offload(work, 6, b=3)
        with pytest.raises(ZeroDivisionError):
            await offload(work, 1, b=0)

    assert name.startswith("offload")
    assert result == 2


async def test_an_owned_task_tells_its_caller() -> None:
    """
    Nobody else hears of its failure.
    """

    async def fail() -> None:
        raise ValueError("ouch")

    task = owned(fail(), name="mine")

    with pytest.raises(ValueError, match="ouch"):
        await task
    assert task.get_name() == "mine"


async def test_uncancelled_work_ends_although_its_caller_left() -> None:
    """
    Who closes what it needs waits for it; a failure that nobody waits for any more is dropped.
    """
    go, noted = asyncio.Event(), list[str]()
    work = Uncancelled("mine")

    async def note_and_fail() -> None:
        await go.wait()
        noted.append("done")
        raise ValueError("ouch")

    caller = owned(work.done(note_and_fail()), name="caller")
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await work.ended()

    assert noted == ["done"]


async def test_uncancelled_work_tells_a_caller_who_waits() -> None:
    """
    What it returns and what it raises.
    """

    async def add(one: int) -> int:
        if not one:
            raise ValueError("ouch")
        return one + 1

    work = Uncancelled("mine")

    assert await work.done(add(1)) == 2
    with pytest.raises(ValueError, match="ouch"):
        await work.done(add(0))
