"""Jobs that make pictures and films: they run, end, are stopped, and survive the program."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grokdesk.core.accounts import AccountId, Status
from grokdesk.core.conversation import Media
from grokdesk.core.errors import (
    AccountRejected,
    GrokDeskError,
    NoAccount,
    NotFound,
    Overloaded,
    RateLimited,
    Unreachable,
    Withdrawn,
)
from grokdesk.core.events import Event, Made, Progressed, Submitted
from grokdesk.core.media import Artifact, ImageRequest, Kept, Kind
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.engine import media_jobs
from tests.engine.libraries import asked, film, picture, shelf
from tests.engine.media_house import FILM, LOST, TRACE, House, Step, house
from tests.engine.stage import until

BARE = replace(FILM, references=(Media(name="a.png"),))


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


def made(kept: Kept, slot: int = 0) -> Made:
    return Made(Artifact(kept.kind), slot, kept)


# --- running ------------------------------------------------------------------------------------------------


async def test_a_job_is_a_row_before_anything_is_asked(here: House) -> None:
    """
    When `start` returns, the row is there, and the engine has not been called.
    """
    job = await here.jobs.start(FILM, client="editor", remix_of="other")

    assert here.engine.asked == []
    assert (job.state, job.kind, job.client, job.remix_of) == (JobState.QUEUED, Kind.VIDEO, "editor", "other")
    row = await here.shelf.stores.jobs.get(job.id)
    assert row is not None
    assert (row.client, row.remix_of, row.request.prompt) == ("editor", "other", "a dog")


async def test_a_job_that_is_done_names_its_files(here: House) -> None:
    """
    The engine is asked for what was asked, and what it made is in the row, with where upstream has it.
    """
    kept = await here.film()
    here.engine.plays = [[Submitted(TRACE), Progressed(0.4), made(kept)]]

    job = await here.over(await here.jobs.start(FILM, client="editor"))

    assert here.engine.asked == [(FILM, "editor")]
    assert (job.state, job.fraction, job.files, job.trace) == (JobState.DONE, 1.0, (kept.id,), TRACE)
    assert job.ended_at is not None
    await until(lambda: not here.jobs._works)  # noqa: SLF001 - from now on it is read from its row
    row = await here.jobs.get(job.id)
    assert row == replace(job, request=BARE)


async def test_the_trace_is_written_at_once(here: House) -> None:
    """
    As soon as upstream has taken the job, the row says what to look for.
    """
    gate = asyncio.Event()
    here.engine.plays = [[Submitted(TRACE), gate]]
    job = await here.jobs.start(FILM)

    row = await here.when(job, lambda now: now.trace == TRACE)
    assert await here.shelf.stores.jobs.get(job.id) == replace(row, request=BARE)
    assert row.state is JobState.RUNNING


async def test_progress_of_several_pictures_is_their_mean(here: House) -> None:
    """
    Of four pictures one made and one half done is three eighths; it never goes back.
    """
    gate = asyncio.Event()
    kept = await here.film(picture())
    here.engine.plays = [[Progressed(0.5, 1), Progressed(0.2, 1), made(kept, 0), gate]]
    job = await here.jobs.start(ImageRequest("grok-imagine-image", "cats", 4))

    now = await here.when(job, lambda now: bool(now.files))

    assert now.fraction == pytest.approx(3 / 8)


async def test_progress_is_told_at_most_twice_a_second(here: House) -> None:
    """
    A hundred steps in one moment are one notice; the state is told each time it changes.
    """
    here.engine.plays = [[Progressed(number / 100) for number in range(1, 100)]]

    await here.over(await here.jobs.start(FILM))

    assert [(one.state.value, one.fraction) for one in here.told()] == [
        ("queued", 0.0),
        ("running", 0.0),
        ("running", 0.01),
        ("done", 1.0),
    ]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (Withdrawn("Grok withheld the film.", hint="Change the prompt."), "Withdrawn"),
        (RateLimited("The account is out of films.", hint="Wait."), "RateLimited"),
        (NoAccount("There is no account.", retry_after=60.0, hint="Add one."), "NoAccount"),
    ],
)
async def test_a_failure_says_why_and_what_to_do(here: House, failure: GrokDeskError, code: str) -> None:
    """
    Sentence, hint and code are those of the failure.
    """
    here.engine.plays = [[Progressed(0.3), failure]]

    job = await here.over(await here.jobs.start(FILM))

    assert job.state is JobState.FAILED
    assert (job.failure, job.hint, job.code) == (failure.message, failure.hint, code)


async def test_a_mistake_of_ours_ends_the_job(here: House, caplog: pytest.LogCaptureFixture) -> None:
    """
    A job never stays running because of a bug.
    """

    async def broken() -> Event:
        raise ZeroDivisionError

    here.engine.plays = [[broken]]

    job = await here.over(await here.jobs.start(FILM))

    assert (job.state, job.failure) == (JobState.FAILED, "GrokDesk made a mistake.")
    assert "ZeroDivisionError" in caplog.text


async def test_jobs_above_the_limit_wait_in_line(tmp_path: Path) -> None:
    """
    Of five jobs two run at a time, in the order of their start.
    """
    async with house(tmp_path, at_once=2) as here:
        gates = [asyncio.Event() for _ in range(5)]
        here.engine.plays = [[gate] for gate in gates]
        jobs = [await here.jobs.start(replace(FILM, prompt=str(number))) for number in range(5)]
        await until(lambda: here.engine.open == 2)
        states = [one.state for one in [await here.jobs.get(job.id) for job in jobs] if one is not None]
        for gate in gates:
            gate.set()
        for job in jobs:
            await here.over(job)

    assert states == [JobState.RUNNING] * 2 + [JobState.QUEUED] * 3
    assert here.engine.most == 2
    assert [request.prompt for request, _ in here.engine.asked] == list("01234")


async def test_a_job_waits_in_one_request_while_accounts_are_busy(here: House) -> None:
    """
    It has half an hour of patience; until an account has taken it, it has not begun.
    """
    gate = asyncio.Event()
    here.engine.busy = gate
    job = await here.jobs.start(FILM)
    await until(lambda: here.engine.asked)

    waiting = await here.jobs.get(job.id)
    assert waiting is not None
    assert (waiting.state, waiting.started_at, here.engine.patience_s) == (JobState.QUEUED, None, [1_800])
    gate.set()

    assert (await here.over(job)).started_at is not None
    assert len(here.engine.asked) == 1


async def test_a_job_waits_while_accounts_rest_for_a_moment(here: House) -> None:
    """
    When the next account is ready soon, it is asked then.
    """
    here.engine.plays = [[NoAccount("All rest; the next is ready in 0 seconds.", retry_after=0.0)], []]

    assert (await here.over(await here.jobs.start(FILM))).state is JobState.DONE
    assert len(here.engine.asked) == 2


@pytest.mark.parametrize("retry_after", [None, 60.0])
async def test_a_job_does_not_wait_for_what_does_not_come_soon(
    here: House, retry_after: float | None
) -> None:
    """
    Accounts that are signed out, or out of films for hours, are told at once, whatever else is made.
    """
    gate = asyncio.Event()
    here.engine.plays = [[gate], [NoAccount("There is none.", retry_after=retry_after)]]
    await here.jobs.start(FILM)
    await until(lambda: here.engine.open == 1)

    assert (await here.over(await here.jobs.start(FILM))).failure == "There is none."


async def test_a_start_that_nobody_waits_for_leaves_no_job(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A row that was written in the moment in which its asker left is taken back: nobody would carry it out.
    """
    add, delete = here.shelf.stores.jobs.add, here.shelf.stores.jobs.delete
    written, deleted = asyncio.Event(), asyncio.Event()

    async def added(job: MediaJob) -> None:
        await add(job)
        written.set()
        await asyncio.Event().wait()

    async def gone(job_id: str) -> bool:
        was_there = await delete(job_id)
        deleted.set()
        return was_there

    monkeypatch.setattr(here.shelf.stores.jobs, "add", added)
    monkeypatch.setattr(here.shelf.stores.jobs, "delete", gone)
    starting = asyncio.get_running_loop().create_task(here.jobs.start(FILM))
    await written.wait()

    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)

    async with asyncio.timeout(10):
        await deleted.wait()
    assert await here.jobs.list() == []
    assert here.engine.asked == []


async def test_too_many_jobs_are_refused(here: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A queue that would never end is not made longer.
    """
    monkeypatch.setattr(here.jobs, "_most", 1)
    here.engine.plays = [[asyncio.Event()]]
    await here.jobs.start(FILM)

    with pytest.raises(Overloaded):
        await here.jobs.start(FILM)


async def test_pictures_to_begin_with_do_not_fill_the_memory(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Jobs that wait hold theirs; one more is refused when all together are too large, a large one alone is not.
    """
    monkeypatch.setattr(media_jobs, "_MOST_BYTES", 10)
    large = replace(FILM, references=(Media(data=b"x" * 11),))
    gate = asyncio.Event()
    here.engine.plays = [[gate]]
    first = await here.jobs.start(large)

    with pytest.raises(Overloaded):
        await here.jobs.start(large)
    await here.jobs.start(replace(FILM, references=()))

    gate.set()
    await here.over(first)
    await until(lambda: not here.jobs._works)  # noqa: SLF001 - what it held is gone
    await here.jobs.start(large)


# --- stopping -----------------------------------------------------------------------------------------------


async def test_cancelling_ends_the_call_upstream(here: House) -> None:
    """
    When `cancel` returns, nothing is open any more and the row says so.
    """
    here.engine.plays = [[asyncio.Event()]]
    job = await here.jobs.start(FILM)
    await until(lambda: here.engine.open == 1)

    assert await here.jobs.cancel(job.id)

    assert here.engine.open == 0
    now = await here.jobs.get(job.id)
    assert now is not None
    assert (now.state, now.code) == (JobState.CANCELLED, "cancelled")
    assert not await here.jobs.cancel(job.id)


async def test_a_job_can_be_cancelled_before_it_began(here: House) -> None:
    """
    At once after its start, or while it waits in line.
    """
    job = await here.jobs.start(FILM)

    assert await here.jobs.cancel(job.id)

    assert (await here.over(job)).state is JobState.CANCELLED
    assert here.engine.asked == []


async def test_cancelling_nothing_is_told(here: House) -> None:
    """
    There is nothing to end.
    """
    assert not await here.jobs.cancel("nobody")


async def test_deleting_a_job_removes_its_files_and_can_be_undone(here: House) -> None:
    """
    The row goes for good, the file as any that is removed.
    """
    kept = await here.film()
    here.engine.plays = [[made(kept)]]
    job = await here.over(await here.jobs.start(FILM))

    assert await here.jobs.delete(job.id)

    assert await here.jobs.get(job.id) is None
    assert await here.shelf.library.find(kept.id) is None
    assert await here.shelf.library.restore([kept.id]) == [kept.id]
    assert not await here.jobs.delete(job.id)


async def test_deleting_ends_a_job_that_runs(here: House) -> None:
    """
    And nothing of it comes back.
    """
    here.engine.plays = [[asyncio.Event()]]
    job = await here.jobs.start(FILM)
    await until(lambda: here.engine.open == 1)

    assert await here.jobs.delete(job.id)

    assert here.engine.open == 0
    assert await here.jobs.list() == []


# --- listing ------------------------------------------------------------------------------------------------


async def test_jobs_are_listed_as_they_are_now(here: House) -> None:
    """
    The newest first, those that run with their present state, from behind any of them.
    """
    done = await here.over(await here.jobs.start(FILM))
    here.engine.plays = [[asyncio.Event()]]
    running = await here.jobs.start(FILM)
    await until(lambda: here.engine.open == 1)

    assert [(one.id, one.state) for one in await here.jobs.list(kind=Kind.VIDEO)] == [
        (running.id, JobState.RUNNING),
        (done.id, JobState.DONE),
    ]
    assert [one.id for one in await here.jobs.list(after=running.id)] == [done.id]
    with pytest.raises(NotFound):
        await here.jobs.list(after="nobody")


async def test_jobs_are_forgotten_after_thirty_days(here: House) -> None:
    """
    What they made stays.
    """
    kept = await here.film()
    here.engine.plays = [[made(kept)], []]
    old = await here.over(await here.jobs.start(FILM))
    await until(lambda: not here.jobs._works)  # noqa: SLF001 - from now on it is read from its row

    here.stage.clock.advance(31 * 86_400)
    await here.jobs.start(FILM)

    assert await here.jobs.get(old.id) is None
    assert await here.shelf.library.find(kept.id) == kept


# --- what was lost ------------------------------------------------------------------------------------------


async def left_behind(folder: Path, *steps: Step) -> MediaJob:
    """A job that runs when the program ends."""
    async with house(folder) as here:
        here.engine.plays = [[*steps, asyncio.Event()]]
        job = await here.jobs.start(FILM)
        await until(lambda: here.engine.open == 1)
        for _ in range(50):
            await asyncio.sleep(0.001)
    return job


async def test_a_job_that_runs_when_the_program_ends_is_interrupted(tmp_path: Path) -> None:
    """
    Ending closes the call upstream, and the row says that it was cut off.
    """
    job = await left_behind(tmp_path, Progressed(0.5))

    async with house(tmp_path) as here:
        now = await here.jobs.get(job.id)

    assert now is not None
    assert (now.state, now.code, now.hint) == (JobState.INTERRUPTED, "interrupted", "Start it again.")
    assert here.calls.asked == []


async def killed_with(folder: Path, **fields: Any) -> MediaJob:  # noqa: ANN401 - any field of a job
    """The row of a job as a kill leaves it."""
    async with shelf(folder) as here:
        job = MediaJob("left", Kind.VIDEO, FILM, here.clock.now(), state=JobState.RUNNING, **fields)
        await here.stores.jobs.add(job)
        return job


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
async def test_a_job_that_was_killed_is_interrupted_at_the_next_start(
    tmp_path: Path, state: JobState
) -> None:
    """
    Without anything to look for it says to start again; nothing is asked of Grok.
    """
    async with shelf(tmp_path) as before:
        job = MediaJob("left", Kind.VIDEO, FILM, before.clock.now(), state=state)
        await before.stores.jobs.add(job)

    async with house(tmp_path) as here:
        now = await here.jobs.get(job.id)
        asked_for = here.calls.asked

    assert now is not None
    assert (now.state, now.code) == (JobState.INTERRUPTED, "interrupted")
    assert asked_for == []


async def test_a_lost_film_is_found_and_kept(tmp_path: Path) -> None:
    """
    Looked for at the account that made it until it is there; then the job is done.
    """
    job = await killed_with(tmp_path, trace=TRACE, fraction=0.7)

    async with house(tmp_path) as here:
        here.calls.upstream.has("film", film())
        here.calls.answers = [None, Unreachable("Not now."), Artifact(Kind.VIDEO, url="film", trace=TRACE)]
        now = await here.over(job, JobState.DONE)
        kept = await here.shelf.library.find(now.files[0])

    assert (now.fraction, now.failure, now.code) == (1.0, "", "")
    assert here.calls.asked == [TRACE] * 3
    assert kept is not None
    assert (kept.origin.prompt, kept.origin.request, kept.trace) == ("a dog", job.id, TRACE)


async def test_a_lost_film_that_is_nowhere_is_given_up(tmp_path: Path) -> None:
    """
    After some looks the job says to start again.
    """
    job = await killed_with(tmp_path, trace=TRACE)

    async with house(tmp_path) as here:
        now = await here.when(job, lambda now: now.hint == "Start it again.")

    assert now.state is JobState.INTERRUPTED
    assert len(here.calls.asked) == 3


async def test_a_job_that_is_looked_for_again_does_not_say_to_start_it_again(tmp_path: Path) -> None:
    """
    At the next start it is looked for once more, and starting it meanwhile might make it twice.
    """
    job = await killed_with(tmp_path, trace=TRACE)
    async with house(tmp_path) as here:
        await here.when(job, lambda now: now.hint == "Start it again.")
        await until(lambda: not here.jobs.looks_for(job.id))

    async with house(tmp_path, looks_s=(60,)) as here:
        now = await here.jobs.get(job.id)

        assert here.jobs.looks_for(job.id)
        assert now is not None
        assert "looked for at Grok" in now.hint


async def test_an_account_that_is_gone_is_not_asked(tmp_path: Path) -> None:
    """
    Neither is any other one: only the account that made a film has it.
    """
    job = await killed_with(tmp_path, trace=replace(TRACE, account=AccountId("gone")))

    async with house(tmp_path) as here:
        await here.when(job, lambda now: now.hint == "Start it again.")

    assert here.calls.asked == []


async def test_a_film_that_was_kept_before_the_kill_makes_its_job_done(tmp_path: Path) -> None:
    """
    When all that was wanted is in the library, nothing is looked for.
    """
    job = await killed_with(tmp_path, trace=TRACE, files=("f" * 32,))

    async with house(tmp_path) as here:
        now = await here.jobs.get(job.id)

    assert now is not None
    assert now.state is JobState.DONE
    assert here.calls.asked == []


async def test_a_lost_connection_is_looked_for_at_once(here: House) -> None:
    """
    A job whose call broke after upstream had taken it is interrupted, and done when its film is found.
    """
    here.calls.upstream.has("film", film())
    here.calls.answers = [Artifact(Kind.VIDEO, url="film")]
    here.engine.plays = [[Submitted(TRACE), LOST]]

    job = await here.over(await here.jobs.start(FILM), JobState.DONE)

    assert len(job.files) == 1
    assert JobState.INTERRUPTED in {one.state for one in here.told()}


async def test_a_film_that_the_full_disk_did_not_take_is_fetched_when_there_is_room(
    here: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Until then the job says what to do; each time it is found and does not fit, it is looked for once more.
    """
    fsync, fulls = os.fsync, [1, 1]

    def full_twice(handle: int) -> None:
        if fulls:
            fulls.pop()
            raise OSError(28, "No space left on device")
        fsync(handle)

    here.calls.upstream.has("film", film())
    artifact = Artifact(Kind.VIDEO, url="film", trace=TRACE)

    async def keep() -> Event:
        kept = await here.shelf.library.keep(artifact, asked(), here.calls.upstream)
        return made(kept)

    here.calls.answers = [artifact]
    here.engine.plays = [[Submitted(TRACE), keep]]
    monkeypatch.setattr(os, "fsync", full_twice)

    job = await here.over(await here.jobs.start(FILM), JobState.DONE)

    lost, *_ = [one for one in here.told() if one.state is JobState.INTERRUPTED]
    assert (lost.failure, lost.hint[:21]) == ("The disk is full.", "Make room on the disk")
    assert "looked for at Grok" in lost.hint
    assert (len(job.files), len(here.calls.asked)) == (1, 2)


async def test_one_found_picture_of_several_does_not_make_a_job_done(tmp_path: Path) -> None:
    """
    It is kept, and the job stays interrupted: not all that were asked for are there.
    """
    async with shelf(tmp_path) as before:
        request = ImageRequest("grok-imagine-image-edit", "cats", 2)
        left = MediaJob("left", Kind.IMAGE, request, before.clock.now(), state=JobState.RUNNING, trace=TRACE)
        await before.stores.jobs.add(left)

    async with house(tmp_path) as here:
        here.calls.upstream.has("picture", picture())
        here.calls.answers = [Artifact(Kind.IMAGE, url="picture", trace=TRACE)]
        job = await here.when(left, lambda now: now.hint == "Start it again.")

    assert (job.state, len(job.files)) == (JobState.INTERRUPTED, 1)


async def test_a_search_can_be_stopped(tmp_path: Path) -> None:
    """
    Cancelling a job that is looked for ends the search.
    """
    job = await killed_with(tmp_path, trace=TRACE)

    async with house(tmp_path, looks_s=(1_000,)) as here:
        assert await here.jobs.cancel(job.id)
        now = await here.jobs.get(job.id)

    assert now is not None
    assert now.state is JobState.CANCELLED
    assert here.calls.asked == []


async def test_a_refused_account_is_learned_of_and_asked_no_more(tmp_path: Path) -> None:
    """
    The search tells the pool what it heard, and ends.
    """
    job = await killed_with(tmp_path, trace=TRACE)

    async with house(tmp_path) as here:
        here.calls.answers = [AccountRejected("Signed out.", status=Status.EXPIRED)]
        await here.when(job, lambda now: now.hint == "Start it again.")

    assert here.stage.account("a").status is Status.EXPIRED
    assert len(here.calls.asked) == 1
