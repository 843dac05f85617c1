"""The list of past requests."""

from dataclasses import replace

import pytest

from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.store.database import Database
from grokdesk.store.runs import SqlRuns
from tests.store import make


@pytest.fixture
def runs(database: Database) -> SqlRuns:
    return SqlRuns(database)


async def test_a_run_comes_back_with_every_field(runs: SqlRuns) -> None:
    """
    The list after a restart is the list before it.
    """
    record = RunRecord(
        id="r-1",
        at=12.5,
        model="grok-4",
        client="编辑器",
        mode="expert",
        account="id-a",
        account_name="a",
        egress="socks5h://proxy:1080",
        state=RunState.FAILED,
        stop="error",
        failure="Grok sent an empty answer",
        first_ms=120,
        total_ms=900,
        pieces=3,
        prompt_tokens=10,
        completion_tokens=20,
        tries=(Try("id-a", "direct", "empty"), Try("id-b", "direct")),
    )

    runs.save(record)

    assert await runs.latest(10) == [record]


async def test_saving_a_run_again_replaces_it(runs: SqlRuns) -> None:
    """
    A run has one row, whether its versions met on the way to the disk or not.
    """
    runs.save(make.run("a"))
    await runs.latest(1)
    runs.save(replace(make.run("a"), pieces=1))
    runs.save(replace(make.run("a"), pieces=2))

    assert await runs.latest(10) == [replace(make.run("a"), pieces=2)]


async def test_the_newest_runs_come_first(runs: SqlRuns) -> None:
    """
    As many as asked for, the newest on top.
    """
    for at in (2.0, 4.0, 1.0, 3.0):
        runs.save(make.run(f"at-{at}", at=at))

    assert [run.at for run in await runs.latest(3)] == [4.0, 3.0, 2.0]


@pytest.mark.parametrize(("keep", "left"), [(0, []), (2, [4.0, 3.0]), (9, [4.0, 3.0, 2.0, 1.0])])
async def test_trimming_keeps_the_newest(runs: SqlRuns, keep: int, left: list[float]) -> None:
    """
    What the owner does not want to keep is gone.
    """
    for at in (2.0, 4.0, 1.0, 3.0):
        runs.save(make.run(f"at-{at}", at=at))

    await runs.trim(keep)

    assert [run.at for run in await runs.latest(10)] == left
