"""Kept responses that survive a restart."""

import sqlite3
from dataclasses import replace

import pytest

from grokdesk.core.responses import StoredResponse
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.database import Database
from grokdesk.store.responses import SqlResponses
from grokdesk.store.sqlite_file import SqliteFile


@pytest.fixture
def responses(database: Database, vault: Vault) -> SqlResponses:
    return SqlResponses(database, vault)


def response(name: str, *, created_at: float = 1_000.0) -> StoredResponse:
    return StoredResponse(
        id=f"resp_{name}",
        created_at=created_at,
        previous="",
        asked='[{"text":"你好 😀"}]',
        answer=f'{{"secret":"said in {name}"}}',
        events="[]",
    )


async def test_a_response_comes_back_with_every_field(responses: SqlResponses) -> None:
    """
    What was written is what is read.
    """
    kept = replace(response("a"), previous="resp_0")

    responses.save(kept)

    assert await responses.get("resp_a") == kept
    assert await responses.get("resp_b") is None


async def test_a_changed_response_replaces_what_was_there(responses: SqlResponses) -> None:
    """
    Whether or not the first was on the disk already.
    """
    responses.save(response("a"))
    await responses.get("resp_a")

    responses.save(replace(response("a"), answer="{}"))

    assert await responses.get("resp_a") == replace(response("a"), answer="{}")


async def test_a_response_is_forgotten_once(responses: SqlResponses) -> None:
    """
    And does not come back.
    """
    responses.save(response("a"))

    assert [await responses.delete("resp_a"), await responses.delete("resp_a")] == [True, False]
    assert await responses.get("resp_a") is None


@pytest.mark.parametrize(
    ("keep", "before", "left"),
    [(9, 0.0, "abcd"), (2, 0.0, "ad"), (9, 2.5, "acd"), (0, 0.0, "")],
)
async def test_trimming_keeps_what_was_used_last(
    responses: SqlResponses, keep: int, before: float, left: str
) -> None:
    """
    Up to a number, and nothing that was last used before a time.
    """
    for at, name in enumerate("abcd", 1):
        responses.save(response(name, created_at=float(at)))
    await responses.get("resp_a")
    await responses.touch(["resp_a"], 9.0)
    await responses.touch([], 9.0)

    await responses.trim(keep, before)

    assert [name for name in "abcd" if await responses.get(f"resp_{name}")] == list(left)


async def test_nothing_that_was_said_stands_in_clear(
    responses: SqlResponses, database: Database, paths: Paths
) -> None:
    """
    Not in the file, and not in its log.
    """
    responses.save(replace(response("a"), previous="resp_of_mine", asked='["a plan"]', events='["a word"]'))
    await database.flush()

    content = b"".join(path.read_bytes() for path in paths.data.rglob("*") if path.is_file())

    assert b"resp_a" in content
    assert [word for word in (b"said in", b"a plan", b"a word", b"resp_of_mine") if word in content] == []


async def test_what_cannot_be_opened_is_not_there(
    responses: SqlResponses, database: Database, paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    """
    With another master key, or moved to another row.
    """
    responses.save(response("a"))
    responses.save(response("b"))
    await database.flush()
    connection = sqlite3.connect(paths.database)
    with connection:
        connection.execute(
            "UPDATE responses SET said = (SELECT said FROM responses WHERE id = 'resp_a') WHERE id = 'resp_b'"
        )
    connection.close()

    assert await responses.get("resp_b") is None
    assert await SqlResponses(database, Vault(bytes(32), KeySource.KEY_FILE)).get("resp_a") is None
    assert "cannot be opened" in caplog.text


async def test_responses_survive_a_restart(paths: Paths, vault: Vault, supervisor: Supervisor) -> None:
    """
    Without anybody having waited for the disk.
    """
    async with SqliteFile(paths, spawn=supervisor.spawn) as database:
        SqlResponses(database, vault).save(response("a"))

    async with SqliteFile(paths, spawn=supervisor.spawn) as database:
        assert await SqlResponses(database, vault).get("resp_a") == response("a")
