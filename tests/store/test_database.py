"""The file, its versions, and what happens when it cannot be written."""

import asyncio
import os
import sqlite3

import pytest
import sqlalchemy

from grokdesk.core.errors import Broken
from grokdesk.core.runs import Sought, Talk, Try
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store import migrations, schema
from grokdesk.store.database import MOST_LARGE_WAITING, Database, DatabaseTrouble
from grokdesk.store.runs import SqlRuns
from grokdesk.store.sqlite_file import SqliteFile
from grokdesk.store.talks import SqlTalks
from tests.store import make

Column = tuple[str, str, int, int]


def tables(connection: sqlite3.Connection) -> dict[str, list[Column] | str]:
    """Return the columns of every table (name, type, not null, key), and the definition of every index."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'migrations'"
    found: dict[str, list[Column] | str] = {}
    for kind, name, definition in connection.execute(query).fetchall():
        if kind == "table":
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            found[name] = sorted((column[1], column[2], column[3], column[5]) for column in columns)
        else:
            found[name] = definition
    return found


def made_by(paths: Paths, *applied: migrations.Migration) -> None:
    """Leave a database that an earlier version made."""
    engine = sqlalchemy.create_engine(f"sqlite:///{paths.database}")
    with engine.begin() as connection:
        migrations.applied(connection)
        for migration in applied:
            migrations.apply(connection, migration)
    engine.dispose()


def m999_of_the_future(connection: sqlalchemy.Connection) -> None:
    """Something this version does not know."""


def m900_that_fails(connection: sqlalchemy.Connection) -> None:
    """Half a migration."""
    connection.execute(sqlalchemy.text("CREATE TABLE half (id INTEGER)"))
    raise Broken("not today")


async def opened(paths: Paths) -> None:
    """Open the database and close it again."""
    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn):
        pass


async def test_the_migrations_lead_to_the_schema(paths: Paths) -> None:
    """
    A database that grew is the same as one that would be made today.
    """
    await opened(paths)
    today = paths.data / "today.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{today}")
    schema.metadata.create_all(engine)
    engine.dispose()

    with sqlite3.connect(paths.database) as grown, sqlite3.connect(today) as made:
        found, wanted = tables(grown), tables(made)
    grown.close()
    made.close()

    assert found == wanted


async def test_an_older_database_is_copied_and_brought_up_to_date(paths: Paths) -> None:
    """
    Whatever a new version does to the file, the owner can go back.
    """
    made_by(paths, migrations.m001_accounts)

    await opened(paths)

    copy = paths.backups / "grokdesk-before-m002_client_keys.db"
    with sqlite3.connect(paths.database) as now, sqlite3.connect(copy) as before:
        found = {"now": "runs" in tables(now), "before": "runs" in tables(before)}
        was = before.execute("SELECT name FROM migrations").fetchall()
    now.close()
    before.close()
    assert found == {"now": True, "before": False}
    assert was == [("m001_accounts",)]


async def test_requests_of_an_older_version_are_listed_and_found(paths: Paths) -> None:
    """
    With what was known of them then; a search finds them as it finds new ones.
    """
    made_by(paths, *migrations.ALL[:7])
    with sqlite3.connect(paths.database) as old:
        old.execute(
            "INSERT INTO runs VALUES ('r', 5.0, 'grok-4', 'Редактор', 'fast', 'id-a', 'Anna', 'direct',"
            " 'failed', '', 'Very ODD', NULL, 9, 0, 0, 0, ?)",
            ('[["Anna", "direct", "Very ODD"]]',),
        )
    old.close()

    async with Supervisor() as supervisor, SqliteFile(paths, spawn=supervisor.spawn) as database:
        runs = SqlRuns(database)
        found = await runs.page(Sought(failed=True, text="very odd"), limit=9)
        named = await runs.page(Sought(text="РЕДАКТОР"), limit=9)
        others = await runs.page(Sought(text="somebody else"), limit=9)

    assert [(run.id, run.failure, run.tries) for run in found] == [
        ("r", "Very ODD", (Try("Anna", "direct", "Very ODD"),))
    ]
    assert (named, others) == (found, [])


async def test_a_new_database_is_not_copied(paths: Paths) -> None:
    """
    There is nothing to go back to, at the first start and at the second.
    """
    await opened(paths)
    await opened(paths)

    assert list(paths.backups.iterdir()) == []


async def test_a_newer_database_is_refused(paths: Paths) -> None:
    """
    A version that does not understand the file leaves it alone and says what to do.
    """
    made_by(paths, *migrations.ALL, m999_of_the_future)

    with pytest.raises(DatabaseTrouble, match="newer GrokDesk") as refused:
        await opened(paths)

    assert "Update GrokDesk" in refused.value.hint


async def test_a_migration_that_fails_leaves_no_trace(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The next start finds the database as it was.
    """
    await opened(paths)
    monkeypatch.setattr(migrations, "ALL", (*migrations.ALL, m900_that_fails))

    with pytest.raises(Broken, match="not today"):
        await opened(paths)

    with sqlite3.connect(paths.database) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM migrations")]
        assert ("half" in tables(connection), m900_that_fails.__name__ in names) == (False, False)
    connection.close()


async def test_a_file_that_is_no_database_is_explained(paths: Paths) -> None:
    """
    The owner learns that it is damaged and where copies are; the file is not touched.
    """
    paths.database.write_bytes(b"this is a letter to my aunt" * 100)

    with pytest.raises(DatabaseTrouble, match="damaged") as told:
        await opened(paths)

    assert "backups" in told.value.hint
    assert paths.database.read_bytes().startswith(b"this is a letter")


@pytest.mark.skipif(os.name != "posix", reason="rights work differently elsewhere")
async def test_only_the_owner_can_read_the_database(paths: Paths, database: Database) -> None:
    """
    The file and those SQLite puts beside it are closed to everybody else, whatever the umask.
    """
    SqlRuns(database).save(make.run("a"))
    await database.flush()

    rights = {path.name: path.stat().st_mode & 0o777 for path in paths.data.glob("grokdesk.db*")}
    assert rights == {"grokdesk.db": 0o600, "grokdesk.db-wal": 0o600, "grokdesk.db-shm": 0o600}


async def test_what_waits_is_written_when_the_database_closes(paths: Paths) -> None:
    """
    Quitting right after a request loses nothing.
    """
    async with Supervisor() as supervisor:
        async with SqliteFile(paths, spawn=supervisor.spawn) as database:
            SqlRuns(database).save(make.run("a"))
        async with SqliteFile(paths, spawn=supervisor.spawn) as database:
            assert await SqlRuns(database).latest(10) == [make.run("a")]


async def test_what_waits_is_written_even_when_the_writer_is_gone(paths: Paths) -> None:
    """
    An owner who cancels the writer first does not lose what it had not written.
    """
    async with Supervisor() as supervisor:
        async with SqliteFile(paths, spawn=supervisor.spawn) as database:
            await supervisor.cancel_all()
            SqlRuns(database).save(make.run("a"))
        async with SqliteFile(paths, spawn=supervisor.spawn) as database:
            assert await SqlRuns(database).latest(10) == [make.run("a")]


async def test_a_locked_database_is_told_and_written_later(
    paths: Paths, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    """
    What cannot be written is kept and tried again, and the owner hears of both.
    """
    told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    async with SqliteFile(
        paths,
        spawn=supervisor.spawn,
        on_trouble=lambda message, hint: told.put_nowait((message, hint)),
        busy_s=0.05,
    ) as database:
        other = sqlite3.connect(paths.database)
        other.execute("BEGIN IMMEDIATE")

        SqlRuns(database).save(make.run("a"))
        message, hint = await told.get()
        other.rollback()
        better = await told.get()

        rows = other.execute("SELECT id FROM runs").fetchall()
        other.close()
    assert (message, hint) == (
        "Another program holds the database.",
        "Close other programs that use the data folder.",
    )
    assert better == ("", "")
    assert rows == [("a",)]
    assert [record.levelname for record in caplog.records if "cannot be written" in record.message] == [
        "ERROR"
    ]


async def test_while_nothing_can_be_written_what_was_said_does_not_fill_the_memory(
    paths: Paths, supervisor: Supervisor, vault: Vault
) -> None:
    """
    Each may have megabytes: the newest wait, the oldest are forgotten.
    """
    told = asyncio.Event()
    async with SqliteFile(
        paths, spawn=supervisor.spawn, on_trouble=lambda *_: told.set(), busy_s=0.05
    ) as database:
        talks = SqlTalks(database, vault)
        other = sqlite3.connect(paths.database)
        other.execute("BEGIN IMMEDIATE")
        for number in range(MOST_LARGE_WAITING + 50):
            if number == MOST_LARGE_WAITING:
                await told.wait()
            talks.save(Talk(f"r{number}", float(number), "asked", "answer"))
        other.rollback()
        other.close()

        assert await talks.count() == MOST_LARGE_WAITING
        assert await talks.get("r49") is None
        assert await talks.get(f"r{MOST_LARGE_WAITING + 49}") is not None


async def test_many_readers_and_writers_get_along(database: Database) -> None:
    """
    More work at once than there are connections is done all the same.
    """
    runs = SqlRuns(database)

    async def work(number: int) -> None:
        runs.save(make.run(f"r{number}", at=float(number)))
        await runs.latest(5)
        await runs.trim(1_000)

    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(work(number))

    assert len(await runs.latest(100)) == 30
