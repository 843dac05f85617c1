"""Acts on many accounts: a few at a time, with progress, cancel and a result for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import InvalidRequest
from grokdesk.core.notices import JobChanged
from grokdesk.engine.jobs import Act, Done, Job, Jobs, JobState, PartlyDone, Turn
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import Stage, stage, until
from tests.make import Ids

NAMES = "abcdefghij"


def ids(names: str = NAMES) -> list[AccountId]:
    return [AccountId(name) for name in names]


@asynccontextmanager
async def working(made: Stage) -> AsyncIterator[Jobs]:
    async with (
        Supervisor() as tasks,
        Jobs(made.pool, made.live, made.bus, made.clock, tasks, new_id=Ids("job")) as jobs,
    ):
        yield jobs


async def ten(at_once: int = 3) -> Stage:
    return await stage(*(make.account(name) for name in NAMES), accounts={"checks_at_once": at_once})


class Work:
    """An act that waits at its gates, and knows who was at work, and how many at once."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.begun: list[str] = []
        self.turns: dict[str, Turn] = {}
        self.at_work = 0
        self.most = 0

    def hold(self, names: str) -> None:
        self.gates |= {name: asyncio.Event() for name in names}

    def release(self, names: str) -> None:
        for name in names:
            self.gates[name].set()

    async def __call__(self, turn: Turn) -> Done:
        self.begun.append(turn.account)
        self.turns[turn.account] = turn
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            await asyncio.sleep(0)
            if turn.account in self.gates:
                await self.gates[turn.account].wait()
        finally:
            self.at_work -= 1
        return Done(f"{turn.account} done.", {"things": 2})


def told(made: Stage) -> int:
    """How often listeners heard of a job."""
    return sum(isinstance(notice, JobChanged) for notice in made.notices)


async def test_each_account_has_one_turn_and_no_more_at_once_than_allowed() -> None:
    """
    Ten accounts named twice each: ten turns in order, three at a time, a result for each.
    """
    made, work = await ten(3), Work()

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", [*ids(), *ids()], work)
        results = await job.ended()

    assert ("".join(work.begun), work.most) == (NAMES, 3)
    assert [(one.account, one.name, one.ok, one.said) for one in results] == [
        (name, name, True, f"{name} done.") for name in NAMES
    ]
    assert (job.total, job.done, job.ok, job.failed, job.state) == (10, 10, 10, 0, JobState.DONE)
    assert job.counts == {"things": 20}
    assert job.ended_at is not None


async def test_how_many_at_once_may_be_said() -> None:
    """
    Some acts are heavier than a check.
    """
    made, work = await ten(3), Work()

    async with working(made) as jobs:
        await jobs.start("test", "Do it", ids(), work, at_once=1).ended()

    assert work.most == 1


async def test_that_a_job_has_begun_is_told_at_once() -> None:
    """
    However long its first account takes.
    """
    made, work = await ten(1), Work()
    work.gates[ids()[0]] = asyncio.Event()

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids(), work)

        assert told(made) == 1
        assert job.done == 0


async def test_a_failure_is_one_account_s_own() -> None:
    """
    Its result says why and what to do; what it had done by then is counted.
    """
    made = await ten()

    async def work(turn: Turn) -> Done:
        match turn.account:
            case "a":
                raise InvalidRequest("Not this one.", hint="Another.")
            case "b":
                raise PartlyDone("Half of it.", counts={"things": 1})
            case _:
                return Done("Done.", {"things": 2})

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids("abc"), work)
        results = await job.ended()

    assert [(one.ok, one.said, one.hint) for one in results] == [
        (False, "Not this one.", "Another."),
        (False, "Half of it.", ""),
        (True, "Done.", ""),
    ]
    assert (job.ok, job.failed, job.state, job.counts) == (1, 2, JobState.DONE, {"things": 3})


async def test_a_bug_in_one_turn_leaves_the_others_theirs(caplog: pytest.LogCaptureFixture) -> None:
    """
    Also when there is only one worker; the traceback is logged.
    """
    made = await ten()

    async def work(turn: Turn) -> Done:
        if turn.account == "b":
            raise ValueError("bug")
        return Done("Done.")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids("abc"), work, at_once=1)
        results = await job.ended()

    assert [one.ok for one in results] == [True, False, True]
    assert results[1].said == "The work on this account was cut off."
    assert "bug" in caplog.text


async def test_cancel_lets_those_at_work_finish_and_leaves_out_the_others() -> None:
    """
    Acts of many steps hear of it; the state tells both phases.
    """
    made, work = await ten(2), Work()
    work.hold("ab")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids(), work)
        await until(lambda: work.at_work == 2)
        before = work.turns["a"].should_stop
        jobs.cancel(job.id)
        cancelling, heard = job.state, work.turns["a"].should_stop
        work.release("ab")
        results = await job.ended()

    assert (before, heard) == (False, True)
    assert (cancelling, job.state) == (JobState.CANCELLING, JobState.CANCELLED)
    assert [one.account for one in results] == ids("ab")
    assert work.begun == ids("ab")


async def test_a_cancel_that_comes_too_late_leaves_nobody_out() -> None:
    """
    When all have had their turn, it is done and not cancelled.
    """
    made, work = await ten(2), Work()
    work.hold("ab")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids("ab"), work)
        await until(lambda: work.at_work == 2)
        jobs.cancel(job.id)
        work.release("ab")
        await job.ended()
        jobs.cancel(job.id)

    assert (job.state, job.done) == (JobState.DONE, 2)


async def test_the_end_of_the_program_cuts_work_off() -> None:
    """
    Whoever waits for the job is told, and the accounts at work have a result that says so.
    """
    made, work = await ten(2), Work()
    work.hold("ab")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids(), work)
        await until(lambda: work.at_work == 2)

    results = await asyncio.wait_for(job.ended(), 1)
    assert (job.state, work.at_work) == (JobState.CANCELLED, 0)
    assert [(one.ok, one.said) for one in results] == [(False, "The work on this account was cut off.")] * 2


async def test_an_account_that_was_cut_off_has_not_had_its_turn() -> None:
    """
    Nobody was left out, and yet the job is not done.
    """
    made, work = await ten(2), Work()
    work.hold("a")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids("ab"), work)
        await until(lambda: work.at_work == 1 and job.done == 1)

    assert (job.state, job.done, job.failed) == (JobState.CANCELLED, 2, 1)


async def test_a_job_for_nobody_is_over_at_once() -> None:
    """
    It is not left running.
    """
    made = await ten()

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", [], Work())

        assert (job.state, list(await job.ended())) == (JobState.DONE, [])


async def test_progress_is_told_seldom_and_the_end_at_once() -> None:
    """
    Thousands of quick turns are a handful of notices, the last of them after the end.
    """
    made = await stage(*(make.account(f"n{number}") for number in range(2_000)))
    states: list[JobState] = []

    async def work(turn: Turn) -> Done:
        return Done("Done.")

    async with working(made) as jobs:
        made.bus.subscribe(lambda notice: _note(jobs, notice, states))
        started = made.pool.accounts()
        job = jobs.start("test", "Do it", [one.id for one in started], work)
        await job.ended()

    assert job.done == 2_000
    assert len(states) < 50
    assert states[-1] is JobState.DONE


def _note(jobs: Jobs, notice: object, states: list[JobState]) -> None:
    if isinstance(notice, JobChanged):
        job = jobs.get(notice.id)
        assert job is not None
        states.append(job.state)


async def test_the_last_change_before_a_long_wait_is_told() -> None:
    """
    What came too soon after another notice is told a tenth of a second later, though nothing more happens.
    """
    made, work = await ten(1), Work()
    work.hold("a")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", ids("a"), work)
        await until(lambda: work.at_work == 1)
        work.turns["a"].doing("1 of 3")
        work.turns["a"].doing("2 of 3")
        first = told(made)
        await asyncio.wait_for(_heard(made, first + 1), 2)

        assert (first, job.doing) == (1, {"a": "2 of 3"})
        work.release("a")
        await job.ended()

    assert job.doing == {}


async def _heard(made: Stage, count: int) -> None:
    heard = asyncio.Event()
    leave = made.bus.subscribe(lambda _: heard.set())
    while told(made) < count:
        await heard.wait()
        heard.clear()
    leave()


async def test_work_that_waits_for_nothing_does_not_hold_the_loop() -> None:
    """
    Others have their turns between any two.
    """
    made = await stage(*(make.account(f"n{number}") for number in range(500)), accounts={"checks_at_once": 5})
    turns = 0

    async def work(turn: Turn) -> Done:
        return Done("Nothing to do.")

    async with working(made) as jobs:
        job = jobs.start("test", "Do it", [one.id for one in made.pool.accounts()], work)
        while not job.is_over:
            turns += 1
            await asyncio.sleep(0)

    assert turns >= 100


async def test_the_last_twenty_are_kept_and_all_that_run() -> None:
    """
    The newest first; a running one is never forgotten.
    """
    made, work = await ten(), Work()
    work.hold("a")
    quick: Act = Work()
    made_jobs: list[Job] = []

    async with working(made) as jobs:
        running = jobs.start("test", "Long", ids("a"), work)
        for _ in range(25):
            made_jobs.append(jobs.start("test", "Do it", ids("b"), quick))
            await made_jobs[-1].ended()
        kept = jobs.all()
        forgotten = jobs.get(made_jobs[0].id)
        work.release("a")
        await running.ended()

    assert kept == [*reversed(made_jobs[5:]), running]
    assert forgotten is None
