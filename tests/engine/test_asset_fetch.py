"""Fetching what accounts keep at Grok."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from grokdesk.core.accounts import Account, AccountId, Status
from grokdesk.core.assets import Asset, Listing
from grokdesk.core.egress import Egress
from grokdesk.core.errors import AccountRejected, GrokDeskError, NotFound, Undelivered
from grokdesk.core.ports import Download
from grokdesk.engine.asset_fetch import AssetFetch
from grokdesk.engine.jobs import Jobs, Result
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.libraries import Shelf, Upstream, film, picture, shelf
from tests.engine.stage import Stage, stage
from tests.make import Ids

PLACE = "https://assets.grok.com/"


class Grok:
    """What accounts keep, and the files of that."""

    def __init__(self) -> None:
        self.listed: list[Asset] = []
        self.upstream = Upstream()

    def keeps(
        self, name: str, content: bytes | GrokDeskError, media_type: str, at: float | None = None
    ) -> None:
        path = f"users/u/{name}/content"
        self.listed.append(Asset(name, media_type=media_type, created_at=at, path=path))
        self.upstream.has(PLACE + path, content)

    async def assets(self, account_id: AccountId) -> Listing[Asset]:
        return Listing(tuple(self.listed))

    def download(self, url: str, account: Account, egress: Egress) -> AbstractAsyncContextManager[Download]:
        return self.upstream(url)

    @property
    def asked(self) -> list[str]:
        return [url.split("/")[-2] for url in self.upstream.asked]


@dataclass
class World:
    """One account, what it keeps, and the library."""

    made: Stage
    shelf: Shelf
    jobs: Jobs
    grok: Grok
    fetch: AssetFetch

    async def fetched(self) -> Result:
        [result] = await self.fetch.start([AccountId("a")]).ended()
        return result


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    made = await stage(make.account("a"))
    grok = Grok()
    async with (
        Supervisor() as tasks,
        shelf(folder) as there,
        Jobs(made.pool, made.live, made.bus, made.clock, tasks, new_id=Ids("job")) as jobs,
    ):
        fetch = AssetFetch(
            lists=grok,
            downloads=grok,
            library=there.library,
            pool=made.pool,
            egress=made.egress,
            jobs=jobs,
            live=made.live,
            clock=made.clock,
        )
        yield World(made, there, jobs, grok, fetch)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as made:
        yield made


async def test_pictures_and_films_come_into_the_library(world: World) -> None:
    """
    With the account and the time they were made; what is neither is left where it is.
    """
    world.grok.keeps("p", picture("p"), "image/jpeg", at=1_000.0)
    world.grok.keeps("f", film("f"), "video/mp4", at=2_000.0)
    world.grok.keeps("d", b"%PDF-", "application/pdf")

    result = await world.fetched()

    files = (await world.shelf.library.page()).files
    assert (result.ok, result.counts) == (True, {"fetched": 2, "known": 0, "failed": 0})
    assert [(one.created_at, one.origin.account_name, one.trace.asset_id) for one in files] == [
        (2_000.0, "a", "f"),
        (1_000.0, "a", "p"),
    ]
    assert world.grok.asked == ["p", "f"]


async def test_what_is_here_is_passed_over(world: World) -> None:
    """
    By its id without a download, also when it was removed here; by its content when only that is known.
    """
    world.grok.keeps("p", picture("p"), "image/jpeg")
    world.grok.keeps("q", picture("q"), "image/jpeg")
    await world.fetched()
    (first, _) = (await world.shelf.library.page()).files
    await world.shelf.library.remove([first.id])
    world.grok.keeps("again", picture("p"), "image/jpeg")

    result = await world.fetched()

    assert result.counts == {"fetched": 0, "known": 3, "failed": 0}
    assert world.grok.asked == ["p", "q", "again"]


async def test_one_that_cannot_be_had_does_not_end_it(world: World) -> None:
    """
    The others are fetched, and the result says how many could not be, and why.
    """
    world.grok.keeps("lost", Undelivered("The file is gone."), "image/jpeg")
    world.grok.keeps("p", picture("p"), "image/jpeg")

    result = await world.fetched()

    assert (result.ok, result.counts) == (False, {"fetched": 1, "known": 0, "failed": 1})
    assert "The file is gone." in result.said


async def test_five_misses_in_a_row_end_it(world: World) -> None:
    """
    A place that gives nothing is not asked for thousands of files.
    """
    for number in range(9):
        world.grok.keeps(f"lost{number}", Undelivered("The file is gone."), "image/jpeg")

    result = await world.fetched()

    assert result.counts["failed"] == 5
    assert len(set(world.grok.asked)) == 5


async def test_an_account_that_is_refused_is_asked_no_more(world: World) -> None:
    """
    The pool learns of it, and nothing further is fetched.
    """
    world.grok.keeps("p", AccountRejected("Signed out.", status=Status.EXPIRED), "image/jpeg")
    world.grok.keeps("q", picture("q"), "image/jpeg")

    result = await world.fetched()

    account = world.made.pool.get(AccountId("a"))
    assert (result.ok, world.grok.asked) == (False, ["p"])
    assert account is not None
    assert account.status is Status.EXPIRED


async def test_a_wish_names_the_accounts(world: World) -> None:
    """
    The answer names the job; without accounts nothing begins.
    """
    wish = world.fetch.table()["accounts.fetch"]

    answer = await wish({"accounts": ["a"]})

    assert (answer["job"]["kind"], answer["job"]["total"]) == ("fetch_assets", 1)
    with pytest.raises(NotFound):
        await wish({"accounts": ["nobody"]})
