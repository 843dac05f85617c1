"""Backups of a real data folder: sealed ones brought to another computer, daily ones put back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from grokdesk.core.accounts import Account, Status, Tier, TierSource
from grokdesk.core.completions import Keep
from grokdesk.core.notices import Bus
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.backups import Backups, Daily
from grokdesk.platform.database_file import restore_database
from grokdesk.platform.ids import new_id
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import Cost, KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.contents import StoreContents
from grokdesk.store.opening import opened
from grokdesk.store.stores import Stores
from tests import make

WORDS = Secret("correct horse")
HOME, AWAY = Vault(bytes(range(32)), KeySource.KEY_FILE), Vault(bytes(range(1, 33)), KeySource.KEY_FILE)


@asynccontextmanager
async def store(paths: Paths, vault: Vault) -> AsyncIterator[Stores]:
    """The store of a data folder."""
    async with (
        Supervisor() as tasks,
        opened(
            Settings().storage,
            paths,
            vault,
            spawn=tasks.spawn,
            on_trouble=lambda _message, _hint: None,
            clock=make.Clock(),
            keep=lambda: Keep(100, 30),
            new_id=new_id,
        ) as stores,
    ):
        yield stores


def backups(stores: Stores) -> Backups:
    async def nothing(*_: object) -> None:
        return None

    return Backups(
        StoreContents(stores),
        make.Clock(),
        program="1",
        settings=dict,
        change=nothing,
        restored=nothing,
        cost=Cost(n=16, r=1, p=1),
    )


def everything() -> Account:
    """An account with something in every place."""
    return make.account(
        "a",
        tier=Tier.SUPER,
        tier_source=TierSource.FIXED,
        note="two\nlines",
        tags=("主力",),
        status=Status.EXPIRED,
        reason="ended",
        since=5.5,
        cookies=Secret("cf_clearance=x"),
        proxy=Secret("socks5://me:geheim@proxy:1080"),
        max_parallel=3,
        uses=7,
        created_at=1.25,
        adult_at=9.0,
    )


async def test_a_sealed_backup_restores_everything_on_another_computer(tmp_path: Path) -> None:
    """
    Under another master key: accounts as they were, removed ones still restorable, keys and requests.
    """
    path = tmp_path / "all.backup"
    kept, gone, key = everything(), make.account("b"), make.key("editor")
    async with store(Paths.under(tmp_path / "home").create(), HOME) as home:
        await home.accounts.add([kept, gone])
        await home.accounts.remove([gone.id], make.NOW)
        await home.keys.add(key)
        home.runs.save(make.run("r-1"))
        await backups(home).write(path, WORDS)

    async with store(Paths.under(tmp_path / "away").create(), AWAY) as away:
        first = await backups(away).restore(path, WORDS)
        second = await backups(away).restore(path, WORDS)
        accounts, keys, runs = await away.accounts.all(), await away.keys.all(), await away.runs.latest(5)
        removed = await away.accounts.removed()

    assert (accounts, [one.account for one in removed]) == ([kept], [gone])
    assert (keys, [run.id for run in runs]) == ([key], ["r-1"])
    assert first.added == {"accounts": 2, "keys": 1, "runs": 1}
    assert (second.added, second.known) == ({}, first.added)


async def test_a_daily_copy_brings_back_the_day(tmp_path: Path) -> None:
    """
    What was added since is in the copy that is kept of the database it replaces.
    """
    paths = Paths.under(tmp_path / "home").create()
    async with store(paths, HOME) as home:
        await home.accounts.add([everything()])
        assert home.copy_to is not None
        copy = await Daily(home.copy_to, paths.backups, Live(Settings()), Bus(), make.Clock()).look()
        await home.accounts.add([make.account("later")])
    assert copy is not None

    kept = restore_database(copy, paths, make.NOW)
    async with store(paths, HOME) as home:
        yesterday = await home.accounts.all()
    assert kept is not None
    restore_database(kept, paths, make.NOW + 1)
    async with store(paths, HOME) as home:
        present = await home.accounts.all()

    assert yesterday == [everything()]
    assert [account.name for account in present] == ["a", "later"]
