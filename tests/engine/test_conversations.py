"""Kept answers, their chains, and answers that are made while nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grokdesk.core.responses import StoredResponse
from grokdesk.core.settings import ChatSettings, Live, PrivacySettings, Settings
from grokdesk.engine.conversations import Conversations, Job
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.database import Database
from grokdesk.store.responses import SqlResponses
from grokdesk.store.sqlite_file import SqliteFile

DAY_S = 86_400
VAULT = Vault(bytes(range(32)), KeySource.KEY_FILE)


class FakeClock:
    def __init__(self) -> None:
        self.at = 1_790_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


class World:
    def __init__(self, database: Database, supervisor: Supervisor) -> None:
        self.clock = FakeClock()
        self.live = Live(Settings())
        self.store = SqlResponses(database, VAULT)
        self.supervisor = supervisor
        self.conversations = self.restarted()

    def restarted(self) -> Conversations:
        """The service as it is after a restart: it knows only what is on the disk."""
        return Conversations(self.store, VAULT, self.live, self.clock, self.supervisor.spawn)

    def keep(self, name: str, previous: str = "", answer: str = "{}") -> StoredResponse:
        kept = StoredResponse(f"resp_{name}", self.clock.now(), previous, "[]", answer, "[]")
        self.conversations.keep(kept)
        return kept

    def allow(self, **privacy: int) -> None:
        self.live.set(Settings(privacy=PrivacySettings.model_validate(privacy)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Supervisor() as supervisor:
        paths = Paths.under(tmp_path / "data").create()
        async with SqliteFile(paths, spawn=supervisor.spawn) as database:
            yield World(database, supervisor)
            await supervisor.cancel_all()


async def test_a_kept_answer_is_found_at_once_and_after_a_restart(world: World) -> None:
    """
    Keeping waits for nobody.
    """
    kept = world.keep("a")

    assert await world.conversations.get("resp_a") == kept
    assert await world.restarted().get("resp_a") == kept
    assert await world.restarted().get("resp_b") is None


async def test_a_long_answer_is_not_held_in_memory(world: World) -> None:
    """
    And found all the same.
    """
    world.keep("a")
    kept = world.keep("a", answer="x" * 1_000_001)

    assert await world.conversations.get("resp_a") == kept


async def test_a_chain_goes_back_to_its_beginning(world: World) -> None:
    """
    The oldest first.
    """
    chain = (world.keep("a"), world.keep("b", "resp_a"), world.keep("c", "resp_b"))

    assert await world.conversations.chain("resp_c") == chain
    assert await world.restarted().chain("resp_c") == chain


async def test_what_was_used_long_ago_is_read_from_the_disk(world: World) -> None:
    """
    Memory holds some; all are found.
    """
    kept = [world.keep(f"{at}") for at in range(70)]

    assert await world.conversations.get("resp_0") == kept[0]


async def test_a_broken_chain_is_none(world: World) -> None:
    """
    A conversation does not go on without its beginning, nor in a circle.
    """
    world.keep("a")
    world.keep("b", "resp_a")
    await world.conversations.delete("resp_a")
    world.keep("x", "resp_y")
    world.keep("y", "resp_x")

    assert await world.conversations.chain("resp_b") is None
    assert await world.conversations.chain("resp_y") is None


async def test_a_conversation_that_goes_on_keeps_its_beginning(world: World) -> None:
    """
    However old that is; what nobody comes back to is forgotten.
    """
    world.keep("a")
    world.keep("lonely")
    world.keep("b", "resp_a")
    world.clock.at += 20 * DAY_S
    await world.conversations.chain("resp_b")
    world.clock.at += 20 * DAY_S

    after = world.restarted()
    await after.load()

    assert await after.chain("resp_b") is not None
    assert await after.get("resp_lonely") is None


async def test_only_so_many_are_kept(world: World) -> None:
    """
    They are counted now and then, not each time.
    """
    world.allow(keep_responses=5)
    for at in range(60):
        world.clock.at += 1
        world.keep(f"{at}")
    for _ in range(50):
        await asyncio.sleep(0)

    after = world.restarted()
    await after.load()

    assert [at for at in range(60) if await after.get(f"resp_{at}")] == [55, 56, 57, 58, 59]


async def test_an_owner_who_keeps_nothing(world: World) -> None:
    """
    What was kept goes as soon as that is decided, and nothing new comes.
    """
    world.keep("a")
    world.allow(keep_responses=0)
    world.live.set(world.live.now.model_copy(update={"chat": ChatSettings(memory=True)}))
    await world.conversations.load()
    world.keep("b")

    assert not world.conversations.keeps
    assert await world.conversations.get("resp_a") is None
    assert await world.conversations.get("resp_b") is None


async def test_an_answer_is_forgotten_once(world: World) -> None:
    """
    And it is told whether there was one.
    """
    world.keep("a")

    assert await world.conversations.delete("resp_a")
    assert not await world.conversations.delete("resp_a")


def test_what_clients_carry_cannot_be_read_or_made(world: World) -> None:
    """
    Only what was sealed here is opened here.
    """
    carried = world.conversations.seal("a plan")

    assert "plan" not in carried
    assert world.conversations.unseal(carried) == "a plan"
    for wrong in ("", "AAAA", "ä", carried[:-8] + "AAAAAAA=", "not base64!"):
        assert world.conversations.unseal(wrong) is None


async def test_a_job_is_followed_from_anywhere(world: World) -> None:
    """
    By several at once: each hears all from where it begins, and the end.
    """
    go_on = asyncio.Event()

    async def work(job: Job) -> None:
        job.tell([b"0", b"1"])
        await go_on.wait()
        job.tell([b"2"])

    job = world.conversations.start("resp_a", lambda: b"{}", work)

    async def heard(start: int) -> list[bytes]:
        return [frame async for batch in job.follow(start) for frame in batch]

    assert world.conversations.job("resp_a") is job
    async with asyncio.TaskGroup() as group:
        followers = [group.create_task(heard(start)) for start in (0, 1, 9)]
        for _ in range(5):
            await asyncio.sleep(0)
        go_on.set()
    late = await heard(0)

    assert [follower.result() for follower in followers] == [[b"0", b"1", b"2"], [b"1", b"2"], []]
    assert late == [b"0", b"1", b"2"]
    assert world.conversations.job("resp_a") is None


async def test_a_job_is_cancelled(world: World) -> None:
    """
    It knows that a client wanted it; afterwards that changes nothing.
    """
    begun, wanted = asyncio.Event(), []

    async def work(job: Job) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            wanted.append(job.is_cancelled)

    job = world.conversations.start("resp_a", lambda: b"{}", work)
    await begun.wait()

    await job.cancel()
    await job.cancel()

    assert (job.is_over, wanted) == (True, [True])
