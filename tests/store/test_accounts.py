"""Accounts that survive a restart."""

import asyncio
import sqlite3
import sys
import time
from dataclasses import replace

import pytest

from grokdesk.core.accounts import Mode, Status, Tier, TierSource, Window, WindowSource
from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.accounts import SqlAccounts
from grokdesk.store.database import Conflict, Database
from grokdesk.store.sqlite_file import SqliteFile
from tests.store import make


@pytest.fixture
def accounts(database: Database, vault: Vault) -> SqlAccounts:
    return SqlAccounts(database, vault)


def rows(paths: Paths, query: str) -> list[tuple[object, ...]]:
    """Return what another program sees in the file."""
    connection = sqlite3.connect(paths.database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def change(paths: Paths, statement: str) -> None:
    """Change the file as another program would."""
    connection = sqlite3.connect(paths.database)
    with connection:
        connection.execute(statement)
    connection.close()


async def test_an_account_comes_back_with_every_field(accounts: SqlAccounts) -> None:
    """
    What was written is what is read, whatever it holds.
    """
    written = replace(
        make.account("甲", cookies="cf_clearance=abc"),
        tier=Tier.SUPER,
        tier_source=TierSource.FIXED,
        status=Status.BLOCKED,
        reason="blocked by Grok",
        since=5.5,
        windows={
            Mode.AUTO: Window(50, 7, 7_200, reset_at=9.25, synced_at=8.0, source=WindowSource.REAL),
            Mode.GROK_4_3: Window(50, 50, 7_200),
        },
        resting_until=7.0,
        rest_reason="empty answers",
        faults=3,
        user_id="u-1",
        email="a@example.org",
        synced_at=6.0,
        uses=12,
        failures=2,
        last_use_at=4.0,
        last_failure_at=3.0,
        last_failure="rate_limited",
    )

    await accounts.add([written])

    assert await accounts.all() == [written]


async def test_accounts_come_back_in_the_order_they_were_added(accounts: SqlAccounts) -> None:
    """
    The oldest comes first, also among those of one import.
    """
    added = [make.account(name) for name in "zayb"]

    await accounts.add(added[:3])
    await accounts.add(added[3:])

    assert await accounts.all() == added


async def test_an_import_with_one_known_token_adds_nothing(accounts: SqlAccounts) -> None:
    """
    All of an import are written, or none.
    """
    await accounts.add([make.account("a")])
    twin = replace(make.account("b"), token=Secret(make.token("a")))

    with pytest.raises(Conflict, match="already there"):
        await accounts.add([make.account("c"), twin])

    assert [account.id for account in await accounts.all()] == ["id-a"]


async def test_a_saved_change_is_seen_by_the_next_reader(accounts: SqlAccounts) -> None:
    """
    Saving returns at once, and yet nobody reads what was before.
    """
    account = make.account("a")
    await accounts.add([account])

    accounts.save(replace(account, uses=1))
    accounts.save(replace(account, uses=2, token=Secret("a-new-token-of-a")))

    (read,) = await accounts.all()
    assert (read.uses, read.token.reveal()) == (2, "a-new-token-of-a")


async def test_changes_are_written_without_anybody_asking(
    accounts: SqlAccounts, database: Database, paths: Paths
) -> None:
    """
    The writer has the row on disk a moment later.
    """
    account = make.account("a")
    await accounts.add([account])

    accounts.save(replace(account, uses=7))

    async with asyncio.timeout(5):
        while rows(paths, "SELECT uses FROM accounts") != [(7,)]:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)


async def test_a_removed_account_stays_removed_when_it_is_saved(accounts: SqlAccounts) -> None:
    """
    A request that ends after the removal brings nothing back.
    """
    account = make.account("a")
    await accounts.add([account])

    await accounts.remove([account.id], at=2_000.0)
    accounts.save(replace(account, uses=1))

    assert await accounts.all() == []


async def test_a_removal_can_be_taken_back(accounts: SqlAccounts) -> None:
    """
    The account returns as it was.
    """
    kept, gone = make.account("a"), make.account("b")
    await accounts.add([kept, gone])
    await accounts.remove([gone.id], at=2_000.0)

    restored = await accounts.restore([gone.id])

    assert (restored, await accounts.all()) == ([gone], [kept, gone])


async def test_an_account_whose_token_came_back_is_not_restored(accounts: SqlAccounts) -> None:
    """
    There is never a second account with the same token.
    """
    old = make.account("a")
    await accounts.add([old])
    await accounts.remove([old.id], at=2_000.0)
    new = replace(make.account("b"), token=old.token)
    await accounts.add([new])

    assert await accounts.restore([old.id]) == []
    assert await accounts.all() == [new]


async def test_purging_forgets_what_was_removed_long_ago(accounts: SqlAccounts, paths: Paths) -> None:
    """
    Only what was removed before the given time goes for good.
    """
    await accounts.add([make.account(name) for name in "abc"])
    await accounts.remove([make.account("a").id], at=100.0)
    await accounts.remove([make.account("b").id], at=300.0)

    purged = await accounts.purge(before=200.0)

    assert purged == 1
    assert rows(paths, "SELECT id FROM accounts ORDER BY id") == [("id-b",), ("id-c",)]


async def test_a_row_cannot_lend_its_token_to_another(accounts: SqlAccounts, paths: Paths) -> None:
    """
    A sealed token that was moved is not used; its account is switched off and says why, the others work.
    """
    await accounts.add([make.account("a"), make.account("b")])
    change(
        paths,
        "UPDATE accounts SET token = (SELECT token FROM accounts WHERE id = 'id-a') WHERE id = 'id-b'",
    )

    good, moved = await accounts.all()

    assert good == make.account("a")
    assert (moved.label, moved.status, moved.token) == ("b", Status.DISABLED, Secret(""))
    assert "cannot be opened" in moved.reason


async def test_saving_an_account_that_could_not_be_opened_keeps_what_is_sealed(
    accounts: SqlAccounts, paths: Paths
) -> None:
    """
    A new label does not cost the owner a token that a restored backup could still open.
    """
    await accounts.add([make.account("a"), make.account("b")])
    change(paths, "UPDATE accounts SET token = x'0102' WHERE id = 'id-a'")
    broken, _ = await accounts.all()

    accounts.save(replace(broken, label="renamed"))
    await accounts.all()

    query = "SELECT label, hex(token) FROM accounts WHERE id = 'id-a'"
    assert rows(paths, query) == [("renamed", "0102")]


async def test_another_master_key_opens_nothing_and_says_so(
    accounts: SqlAccounts, database: Database
) -> None:
    """
    A list of useless accounts would look like a disaster; a sentence tells what to do.
    """
    await accounts.add([make.account("a")])

    with pytest.raises(Broken, match="master key"):
        await SqlAccounts(database, Vault(bytes(32), KeySource.KEY_FILE)).all()


async def test_a_change_that_cannot_be_written_does_not_hold_up_the_others(
    paths: Paths, vault: Vault, supervisor: Supervisor
) -> None:
    """
    One row the database refuses for ever is dropped with a word to the owner; the rest is written.
    """
    told: list[str] = []
    async with SqliteFile(
        paths, spawn=supervisor.spawn, on_trouble=lambda text, _: told.append(text)
    ) as database:
        accounts = SqlAccounts(database, vault)
        a, b, c = (make.account(name) for name in "abc")
        await accounts.add([a, b, c])

        accounts.save(replace(a, token=b.token))
        accounts.save(replace(b, last_failure="half a character: \ud83d"))
        accounts.save(replace(c, uses=5))

        assert await accounts.all() == [a, b, replace(c, uses=5)]
    assert told == ["A change could not be saved."]


async def test_an_import_that_is_cancelled_leaves_a_working_database(accounts: SqlAccounts) -> None:
    """
    Quitting in the middle of an import costs nothing but the import.
    """
    many = [make.account(f"n{number}") for number in range(2_000)]
    for turns in range(1, 90, 6):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(accounts.add(many))
            for _ in range(turns):
                await asyncio.sleep(0.001)
            task.cancel()

        assert len(await accounts.all()) in {0, 2_000}
        await accounts.remove([account.id for account in many], at=1.0)
        await accounts.purge(before=2.0)

    await accounts.add(many)
    assert len(await accounts.all()) == 2_000


async def test_ten_thousand_accounts_come_and_go(
    accounts: SqlAccounts, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    A large owner's list is imported, and read at the next start, whole; the times are only told.
    """
    many = [make.account(f"n{number}", cookies="cf_clearance=abc") for number in range(10_000)]

    start = time.perf_counter()
    await accounts.add(many)
    added = time.perf_counter()
    read = await accounts.all()
    loaded = time.perf_counter()

    assert read == many
    with capsys.disabled():
        sys.stdout.write(
            f"[10,000 accounts: added in {added - start:.2f} s, read in {loaded - added:.2f} s]\n"
        )
