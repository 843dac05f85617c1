"""What only database servers have: tables that grow, rows that are changed by hand, gateways that sleep."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

import pytest

from grokdesk.core.accounts import AccountId, Status
from grokdesk.core.errors import Broken
from grokdesk.store import schema
from grokdesk.store.database import DatabaseTrouble
from tests.store import make
from tests.store.contract.places import Place, eventually
from tests.store.contract.servers import MySql, PostgreSql
from tests.store.contract.test_repositories import FULL, response

pytestmark = pytest.mark.shared("postgresql", "mysql")

A = AccountId("id-a")


def server_of(place: Place) -> PostgreSql | MySql:
    assert isinstance(place.running, PostgreSql | MySql), "it is a database server"
    return place.running


async def columns(server: PostgreSql | MySql) -> set[tuple[object, ...]]:
    """Table, column, and whether it may be empty."""
    here = "'public'" if server.kind == "postgresql" else "DATABASE()"
    rows = await server.do(
        f"SELECT table_name, column_name, is_nullable FROM information_schema.columns WHERE table_schema = {here}"  # noqa: S608, E501 - our own words
    )
    return {row for row in rows if row[0] != "migrations" and row[1] != "present"}


async def test_the_migrations_lead_to_the_schema(place: Place) -> None:
    """
    A store that grew has what the statements expect.
    """
    await place.open()

    wanted = {
        (table.name, column.name, "YES" if column.nullable else "NO")
        for tables in (schema.metadata, schema.sharing)
        for table in tables.sorted_tables
        for column in table.columns
    }
    assert await columns(server_of(place)) == wanted


async def test_migrations_that_were_cut_short_are_applied_again(place: Place) -> None:
    """
    Only what is missing is made; what is there stays.
    """
    await place.running.empty()
    stores = await place.open()
    await stores.accounts.add([FULL])
    await place.close(stores)
    server = server_of(place)
    before = await columns(server)
    index = "DROP INDEX runs_by_time" + ("" if place.kind == "postgresql" else " ON runs")
    await server.do("DROP TABLE leases", "DROP TABLE gateways", index)
    await server.do("DELETE FROM lease_slots", "DELETE FROM migrations WHERE name <> 'm002_client_keys'")

    stores = await place.open()

    assert await columns(server) == before
    assert await stores.accounts.all() == [FULL]
    assert await stores.shared.acquire(A, 1) is None
    with pytest.raises(DatabaseTrouble):
        await stores.accounts.add([replace(make.account("twin"), token=FULL.token)])


async def test_a_newer_store_is_refused(place: Place) -> None:
    """
    A version that does not understand it leaves it alone and says what to do.
    """
    await place.close(await place.open())
    server = server_of(place)
    await server.do("INSERT INTO migrations (name) VALUES ('m999_of_the_future')")

    try:
        with pytest.raises(DatabaseTrouble, match="newer GrokDesk") as refused:
            await place.open()
    finally:
        await server.do("DELETE FROM migrations WHERE name = 'm999_of_the_future'")

    assert "Update GrokDesk" in refused.value.hint


async def test_a_damaged_note_of_the_team_key_is_explained(place: Place) -> None:
    """
    No key is made in its place: what is there would be lost.
    """
    await place.close(await place.open())
    await server_of(place).do("UPDATE facts SET value = '{}'")

    with pytest.raises(Broken, match="team key cannot be read"):
        await place.open()


async def test_a_row_that_was_tampered_with_is_switched_off_and_kept(place: Place) -> None:
    """
    For the gateway that starts and for one that runs; a new label does not cost what is sealed.
    """
    one, other = await place.open("one"), await place.open("other")
    await one.accounts.add([make.account("a"), make.account("b")])
    await other.accounts.all()
    server = server_of(place)
    moved = (
        "UPDATE accounts SET token = (SELECT token FROM (SELECT token FROM accounts WHERE id = 'id-b') AS b)"
        " WHERE id = 'id-a'"
    )
    await server.do(moved)

    (broken, _) = await one.accounts.all()
    one.accounts.save(replace(broken, label="renamed"))
    await one.accounts.all()

    news = await other.shared.news()
    sealed = await server.do("SELECT label, token FROM accounts ORDER BY number")
    assert [(account.label, account.status, bool(account.token)) for account in news.accounts] == [
        ("renamed", Status.DISABLED, False)
    ]
    assert [label for label, _ in sealed] == ["renamed", "b"]
    assert sealed[0][1] == sealed[1][1]


@pytest.mark.shared("mysql")
async def test_what_is_larger_than_the_server_takes_holds_nothing_up(place: Place) -> None:
    """
    It is dropped with a word to the owner, and everything else is written.
    """
    await server_of(place).do("SET GLOBAL max_allowed_packet = 1048576")
    stores = await place.open()

    stores.responses.save(replace(response("large"), answer="x" * 2_000_000))
    stores.responses.save(response("small"))
    stores.runs.save(make.run("r"))

    assert await stores.responses.get("resp_small") == response("small")
    assert await stores.responses.get("resp_large") is None
    assert await stores.runs.latest(9) == [make.run("r")]
    assert place.told == ["A change could not be saved."]
    await server_of(place).do("SET GLOBAL max_allowed_packet = 16777216")


async def test_a_gateway_that_was_asleep_joins_again(place: Place) -> None:
    """
    It counted as dead; what it holds counts again, and it does not take back the lead.
    """
    sleeper, other = await place.open("sleeper"), await place.open("other")
    await sleeper.shared.acquire(A, 9)
    first = (sleeper.shared.leads, other.shared.leads)

    await server_of(place).do("UPDATE gateways SET beat_at = 0 WHERE joined = 1")

    async def other_leads() -> bool:
        return other.shared.leads and not sleeper.shared.leads

    async def counts_again() -> bool:
        held = await other.shared.acquire(A, 1)
        if held is None:
            other.shared.release(A)
        return held == 1

    await eventually(other_leads)
    await eventually(counts_again)
    assert first == (True, False)
    assert await other_leads()


async def test_many_requests_at_once_are_not_taken_for_an_outage(place: Place) -> None:
    """
    They wait for each other, and the limit holds.
    """
    one, other = await place.open("one"), await place.open("other")
    await other.shared.acquire(A, 99)

    async def ask() -> bool:
        return await one.shared.acquire(A, 31) is None

    results = [task.result() for task in await all_of(ask, 300)]

    assert results.count(True) == 30
    assert place.told == []


async def all_of(work: Callable[[], Coroutine[None, None, bool]], times: int) -> list[asyncio.Task[bool]]:
    async with asyncio.TaskGroup() as group:
        return [group.create_task(work()) for _ in range(times)]
