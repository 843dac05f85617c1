"""Completions that clients asked to keep."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from grokdesk.core.completions import Keep, KeptCompletion, Wanted
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.store.completions import SqlCompletions
from grokdesk.store.database import Database

DAY_S = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits() -> list[Keep]:
    return [Keep(most=100, days=30)]


@pytest.fixture
def completions(database: Database, vault: Vault, clock: Clock, limits: list[Keep]) -> SqlCompletions:
    return SqlCompletions(database, vault, clock, lambda: limits[-1])


def completion(name: str, *, of: str = "") -> KeptCompletion:
    return KeptCompletion(
        id=f"chatcmpl-{name}",
        created_at=1_000_000.0,
        model="grok-4",
        answer=f'"the answer of {name}"',
        messages=f'["the question of {name}"]',
        metadata={"secret topic": of} if of else {},
    )


async def test_a_completion_comes_back_with_every_field(completions: SqlCompletions) -> None:
    """
    Right after it was saved, and in the list.
    """
    kept = completion("a", of="ü")

    completions.save(kept)

    assert await completions.get(kept.id) == kept
    assert await completions.page(Wanted(), after="", limit=9) == [kept]
    assert await completions.get("chatcmpl-b") is None


async def test_saving_a_completion_again_replaces_it(completions: SqlCompletions) -> None:
    """
    A batch may be written twice.
    """
    completions.save(completion("a"))
    await completions.get("")
    completions.save(replace(completion("a"), model="grok-5"))

    assert await completions.page(Wanted(), after="", limit=9) == [replace(completion("a"), model="grok-5")]


async def test_what_was_said_is_sealed(completions: SqlCompletions, database: Database, paths: Paths) -> None:
    """
    No file of the data folder has it in clear.
    """
    completions.save(completion("a", of="gardening"))
    await database.flush()

    written = b"".join(path.read_bytes() for path in paths.data.rglob("*") if path.is_file())

    assert b"chatcmpl-a" in written
    assert [
        word for word in (b"answer of", b"question of", b"secret topic", b"gardening") if word in written
    ] == []


async def test_one_that_cannot_be_opened_is_left_out(
    database: Database, clock: Clock, completions: SqlCompletions, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The others are still there.
    """
    strange = SqlCompletions(
        database, Vault(b"x" * 32, KeySource.KEY_FILE), clock, lambda: Keep(most=9, days=9)
    )
    caplog.set_level(logging.CRITICAL, "grokdesk.store.completions")
    strange.save(completion("a", of="x"))
    completions.save(completion("b", of="x"))

    assert await completions.get("chatcmpl-a") is None
    for wanted in (Wanted(), Wanted(metadata={"secret topic": "x"})):
        assert [one.id for one in await completions.page(wanted, after="", limit=9)] == ["chatcmpl-b"]


async def test_what_is_too_old_or_too_much_is_forgotten(
    completions: SqlCompletions, clock: Clock, limits: list[Keep]
) -> None:
    """
    Also when the owner wants less than before and nothing new comes.
    """
    for name in "abc":
        completions.save(completion(name))

    limits.append(Keep(most=2, days=30))
    await completions.trim()
    fewer = [one.id for one in await completions.page(Wanted(), after="", limit=9)]
    clock.at += 31 * DAY_S
    await completions.trim()
    clock.at -= 31 * DAY_S

    assert fewer == ["chatcmpl-b", "chatcmpl-c"]
    assert await completions.page(Wanted(), after="", limit=9) == []
