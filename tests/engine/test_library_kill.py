"""What is left of the library when the program is killed, again and again, on the same folder."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from grokdesk.core.library import Sought
from grokdesk.core.media import Kept
from grokdesk.core.media_jobs import JobState
from tests.engine import library_worker
from tests.engine.libraries import Shelf
from tests.engine.media_house import House, house

ROOT = Path(__file__).resolve().parents[2]
# All fifty take half a minute: `GROKDESK_KILLS=50`.
KILLS = int(os.environ.get("GROKDESK_KILLS", "15"))


class Worker:
    """The program that is killed."""

    def __init__(self, folder: Path) -> None:
        self._running = subprocess.Popen(
            [sys.executable, library_worker.__file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def killed(self, seed: int, after_s: float) -> None:
        """Let it work, and kill it `after_s` seconds after it has begun."""
        out, into = self._running.stdout, self._running.stdin
        assert out is not None
        assert into is not None
        into.write(f"{seed}\n")
        into.flush()
        # The process and the one that started it may speak in either order.
        said = {out.readline().strip() for _ in range(2)}
        assert "at work" in said, said
        (child,) = said - {"at work"}
        threading.Event().wait(after_s)
        os.kill(int(child), signal.SIGKILL)
        assert out.readline() == "ended\n"

    def end(self) -> None:
        self._running.communicate(timeout=10)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path)
    yield worker
    worker.end()


async def listed(here: Shelf) -> list[Kept]:
    """Every file, also the removed ones."""
    found: list[Kept] = []
    for removed in (False, True):
        found += [kept async for kept in here.library.each(Sought(removed=removed))]
    return found


async def check(here: House) -> Counter[JobState]:
    """Fail unless every listed file is whole, every file is listed, and no job is stuck."""
    await here.shelf.library.put_right()
    files = await listed(here.shelf)
    for one in files:
        content = here.shelf.library.path(one).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (one.digest, one.size)
    named = {f"{one.kind.value}s/{one.digest[:2]}/{one.digest}{one.suffix}" for one in files}
    small = {f"thumbnails/{one.digest[:2]}/{one.digest}.jpg" for one in files}
    lying = here.shelf.lying()
    assert named <= lying
    assert lying - named <= small
    jobs = await here.jobs.list(limit=100_000)
    states = Counter(job.state for job in jobs)
    assert not states.keys() & {JobState.QUEUED, JobState.RUNNING}
    return states


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork, and no SIGKILL")
@pytest.mark.timeout(300)
async def test_kills_at_any_moment_leave_a_whole_library(tmp_path: Path, worker: Worker) -> None:
    """
    Whatever it was at, after `kill -9` the library opens, every listed file is whole, nothing lies about
    without a row, and no job is stuck.
    """
    rng = Random(5)
    states: Counter[JobState] = Counter()
    for number in range(KILLS):
        worker.killed(number, rng.random() * 0.4)

        async with house(tmp_path, looks_s=()) as here:
            states = await check(here)

    assert states[JobState.DONE]
    assert states[JobState.INTERRUPTED]
