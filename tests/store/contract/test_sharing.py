"""Several gateways on one store: what each does reaches the others, and nobody undoes another's work."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from grokdesk.core.accounts import (
    Account,
    AccountId,
    Mode,
    Rejected,
    RestPolicy,
    Status,
    Succeeded,
    Window,
    after,
)
from grokdesk.core.ports import News
from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import WrongTeamKey
from grokdesk.store.database import Conflict
from grokdesk.store.stores import Stores
from tests.store import make
from tests.store.contract.places import Place, eventually

pytestmark = pytest.mark.shared

A = AccountId("id-a")


class Pool:
    """What a gateway goes on from: as the engine does, it takes news as they are and saves what it makes."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.accounts: dict[AccountId, Account] = {}
        self.elsewhere: dict[AccountId, int] = {}
        self.heard: list[News] = []

    async def load(self) -> None:
        self.accounts = {account.id: account for account in await self.stores.accounts.all()}

    def change(self, account: Account) -> None:
        self.accounts[account.id] = account
        self.stores.accounts.save(account)

    def use(self, account_id: AccountId = A, *, at: float) -> None:
        self.change(after(self.accounts[account_id], Succeeded(), Mode.FAST, at, RestPolicy()))

    async def until(self, is_so: Callable[["Pool"], bool], *, within_s: float = 3.0) -> None:
        """Take in news until `is_so`."""
        async with asyncio.timeout(within_s):
            while not is_so(self):
                self.take(await self.stores.shared.news())

    def take(self, news: News) -> None:
        self.heard.append(news)
        self.accounts.update((account.id, account) for account in news.accounts)
        for one in news.removed:
            self.accounts.pop(one, None)
        self.elsewhere.update(news.elsewhere)

    async def written(self) -> Account:
        """Account a as it is in the store, once everything that waits here is written."""
        await self.stores.runs.latest(1)
        (kept,) = [row.account async for rows in self.stores.accounts.batches() for row in rows][:1]
        return kept


async def two(place: Place, *accounts: Account) -> tuple[Pool, Pool]:
    """Two gateways that know the same accounts."""
    one, other = Pool(await place.open("one")), Pool(await place.open("other"))
    await one.stores.accounts.add(accounts or [make.account("a")])
    for pool in (one, other):
        await pool.load()
    return one, other


# --- accounts -----------------------------------------------------------------------------------------------


async def test_an_import_reaches_the_other_gateway(place: Place) -> None:
    """
    Within three seconds, and in whole; the gateway that did it is not told of its own.
    """
    one, other = await two(place)
    new = [make.account(f"n{number}", cookies="cf_clearance=x") for number in range(450)]

    await one.stores.accounts.add(new)

    await other.until(lambda pool: len(pool.accounts) == 451)
    assert [other.accounts[account.id] for account in new] == new
    assert one.stores.shared.leads
    await nothing_is_heard(one)


async def nothing_is_heard(pool: Pool, *, for_s: float = 0.3) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(for_s):
            pool.take(await pool.stores.shared.news())


async def test_a_change_reaches_the_other_gateway(place: Place) -> None:
    """
    As it was made.
    """
    one, other = await two(place)

    changed = replace(one.accounts[A], label="renamed", token=Secret("another-token"), uses=3)
    one.change(changed)

    await other.until(lambda pool: pool.accounts[A].label == "renamed")
    assert other.accounts[A] == changed


async def test_a_removal_and_its_undoing_reach_the_other_gateway(place: Place) -> None:
    """
    The account goes there, and comes back as it was.
    """
    one, other = await two(place)

    await one.stores.accounts.remove([A], at=1.0)
    await other.until(lambda pool: A not in pool.accounts)
    await one.stores.accounts.restore([A])

    await other.until(lambda pool: A in pool.accounts)
    assert other.accounts[A] == make.account("a")


async def test_counts_of_two_gateways_add_up(place: Place) -> None:
    """
    Whoever answers, every answer is counted and every question is taken from the window.
    """
    one, other = await two(place, replace(make.account("a"), windows={Mode.FAST: Window(200, 200, 86_400)}))

    for at in range(30):
        one.use(at=2_000.0 + at)
        if at % 3 == 0:
            other.use(at=2_000.5 + at)
        await asyncio.sleep(0.01)

    await one.until(lambda pool: pool.accounts[A].uses == 40, within_s=6)
    await other.until(lambda pool: pool.accounts[A].uses == 40, within_s=6)
    for pool in (one, other):
        assert pool.accounts[A].windows[Mode.FAST].remaining == 160
        assert pool.accounts[A].last_use_at == 2_029.0
    assert (await one.written()).uses == 40


async def test_an_answer_elsewhere_does_not_revive_an_expired_account(place: Place) -> None:
    """
    One gateway learns that it is signed out while another still gets an answer: it stays expired for both.
    """
    one, other = await two(place)

    expired = after(one.accounts[A], Rejected(Status.EXPIRED, "signed out"), Mode.FAST, 2_000.0, RestPolicy())
    one.change(expired)
    other.use(at=2_001.0)

    await other.until(lambda pool: pool.accounts[A].status is Status.EXPIRED)
    await one.until(lambda pool: pool.accounts[A].uses == 1)
    both = await one.written()
    assert (both.status, both.reason, both.uses, both.failures) == (Status.EXPIRED, "signed out", 1, 1)
    assert one.accounts[A] == other.accounts[A] == both


async def test_two_gateways_change_different_things(place: Place) -> None:
    """
    A new label here and a new note there are both kept.
    """
    one, other = await two(place)

    one.change(replace(one.accounts[A], label="renamed"))
    other.change(replace(other.accounts[A], note="noted"))

    for pool in (one, other):
        await pool.until(lambda pool: (pool.accounts[A].label, pool.accounts[A].note) == ("renamed", "noted"))
    both = await one.written()
    assert (both.label, both.note) == ("renamed", "noted")


async def test_a_change_that_waits_is_not_lost_to_news(place: Place) -> None:
    """
    What was saved a moment before news came in is in what they bring.
    """
    one, other = await two(place)
    one.change(replace(one.accounts[A], label="renamed"))
    await one.written()
    await other.stores.accounts.all()
    await other.load()

    for number in range(1, 21):
        one.change(replace(one.accounts[A], note=f"{number}"))
        other.use(at=2_000.0 + number)
        await asyncio.sleep(0.015)
        await other.until(lambda pool, number=number: pool.accounts[A].uses == number)  # type: ignore[misc]

    await other.until(lambda pool: pool.accounts[A].note == "20")
    await one.until(lambda pool: pool.accounts[A].uses == 20)
    both = await other.written()
    assert (both.note, both.uses) == ("20", 20)


async def test_the_same_token_comes_in_at_two_gateways_once(place: Place) -> None:
    """
    The second import is refused, even in the same moment.
    """
    one, other = await two(place)
    twins = [replace(make.account(name), token=Secret("the-same-token")) for name in "xy"]

    results = await asyncio.gather(
        one.stores.accounts.add(twins[:1]), other.stores.accounts.add(twins[1:]), return_exceptions=True
    )

    assert [type(result) for result in results if result is not None] == [Conflict]
    assert len(await one.stores.accounts.all()) == 2


async def test_a_change_of_a_key_reaches_the_other_gateway(place: Place) -> None:
    """
    It is told that there is something to read; the one that made it is not.
    """
    one, other = await two(place)

    await one.stores.keys.add(make.key("k"))
    await other.until(lambda pool: any(news.keys for news in pool.heard))
    other.heard.clear()
    await one.stores.keys.revoke(make.key("k").id, at=5.0)

    await other.until(lambda pool: any(news.keys for news in pool.heard))
    assert [key.revoked_at for key in await other.stores.keys.all()] == [5.0]
    await nothing_is_heard(one)


async def test_what_the_other_wrote_is_read(place: Place) -> None:
    """
    Runs, answers and completions are those of all gateways.
    """
    one, other = await two(place)
    one.stores.runs.save(make.run("r1"))
    other.stores.runs.save(make.run("r2"))
    await one.stores.runs.latest(1)

    found = [run.id for run in await other.stores.runs.latest(9)]

    assert found == ["r2", "r1"]


# --- the team key -------------------------------------------------------------------------------------------


async def test_another_team_key_is_refused(place: Place) -> None:
    """
    Before anything is read or written, and in words.
    """
    await two(place)

    with pytest.raises(WrongTeamKey, match="team key") as refused:
        await place.open("third", storage=place.storage(team_key="guessed"))

    assert "storage.team_key" in refused.value.hint


async def test_two_gateways_make_a_new_store_at_the_same_time(place: Place) -> None:
    """
    Nobody stumbles over the other, and they end up with the same key.
    """
    await place.running.empty()

    stores: Sequence[Stores] = await asyncio.gather(*(place.open(f"g{number}") for number in range(3)))
    await stores[0].accounts.add([make.account("a")])

    assert [await one.accounts.all() for one in stores] == [[make.account("a")]] * 3


# --- leases -------------------------------------------------------------------------------------------------


async def test_a_lease_counts_for_all_gateways(place: Place) -> None:
    """
    Up to the limit; then it is told how many the others hold. One that is given back is free for both.
    """
    one, other = await two(place)
    granted = [
        await one.stores.shared.acquire(A, 3),
        await other.stores.shared.acquire(A, 3),
        await one.stores.shared.acquire(A, 3),
    ]
    refused = [await one.stores.shared.acquire(A, 3), await other.stores.shared.acquire(A, 3)]

    one.stores.shared.release(A)
    await eventually(lambda: granted_to(other))

    assert (granted, refused) == ([None] * 3, [1, 2])
    assert await other.stores.shared.acquire(A, 3) == 1


async def granted_to(pool: Pool, *, most: int = 3) -> bool:
    return await pool.stores.shared.acquire(A, most) is None


async def test_leases_of_different_accounts_do_not_meet(place: Place) -> None:
    """
    Also of very many at the same time.
    """
    one, other = await two(place)
    names = [AccountId(f"n{number}") for number in range(60)]

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(pool.stores.shared.acquire(name, 2)) for name in names for pool in (one, other)
        ]
    again = [await one.stores.shared.acquire(name, 2) for name in names[:5]]

    assert [task.result() for task in tasks] == [None] * 120
    assert again == [1] * 5


async def test_what_others_hold_is_news(place: Place) -> None:
    """
    Each time it changes, down to nothing.
    """
    one, other = await two(place)

    await one.stores.shared.acquire(A, 8)
    await one.stores.shared.acquire(A, 8)
    await other.until(lambda pool: pool.elsewhere.get(A) == 2)
    one.stores.shared.release(A)
    one.stores.shared.release(A)

    await other.until(lambda pool: pool.elsewhere.get(A) == 0)
    await nothing_is_heard(one)


async def test_a_gateway_that_leaves_gives_everything_back(place: Place) -> None:
    """
    At once, whatever it still held.
    """
    one, other = await two(place)
    await one.stores.shared.acquire(A, 1)

    await place.close(one.stores)

    assert await other.stores.shared.acquire(A, 1) is None


async def test_a_cancelled_lease_is_given_back(place: Place) -> None:
    """
    A client that leaves while its lease is asked for holds nothing, whenever that was.
    """
    one, other = await two(place)

    for turns in range(24):
        task = asyncio.get_running_loop().create_task(one.stores.shared.acquire(A, 50))
        for _ in range(turns):
            await asyncio.sleep(0)
        if turns % 3 == 0:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            one.stores.shared.release(A)

    await eventually(lambda: granted_to(other, most=1))


async def test_a_second_start_of_a_gateway_frees_what_its_first_held(place: Place) -> None:
    """
    One that was killed and starts again does not wait until its own leases expire.
    """
    _, other = await two(place)
    killed = Pool(await place.open("killed"))
    assert await killed.stores.shared.acquire(A, 1) is None

    await place.open("killed")

    assert await other.stores.shared.acquire(A, 1) is None


# --- leading ------------------------------------------------------------------------------------------------


async def test_one_gateway_leads_and_another_takes_over(place: Place) -> None:
    """
    Never two; when the first leaves, the next.
    """
    one, other = await two(place)
    third = await place.open("third")
    first = [one.stores.shared.leads, other.stores.shared.leads, third.shared.leads]

    await place.close(one.stores)

    async def moved() -> bool:
        return other.stores.shared.leads

    await eventually(moved)
    assert first == [True, False, False]
    assert not third.shared.leads
