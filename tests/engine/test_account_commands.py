"""Which accounts a wish is about, and what may be written about them."""

from __future__ import annotations

from typing import Any

import pytest

from grokdesk.core.accounts import AccountId, Status, Tier
from grokdesk.core.errors import GrokDeskError, InvalidRequest, NotFound
from grokdesk.engine.account_commands import AccountCommands, account_json, chosen, named
from grokdesk.engine.acts import Acts
from grokdesk.engine.jobs import Jobs
from grokdesk.engine.quota import Checks
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import Stage, stage
from tests.make import Ids

ADA = make.account("ada", label="Ada", email="ada@example.org", tags=("work",))
BOB = make.account("bob", label="Bob", tier=Tier.SUPER, status=Status.EXPIRED)
EVE = make.account("eve", label="Ada", tags=("Work", "old"))
ALL = [ADA, BOB, EVE]


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({"accounts": ["bob"]}, ["bob"]),
        ({"accounts": ["BOB", "ada@example.org"]}, ["bob", "ada"]),
        ({"accounts": [f"…{BOB.token.tail}"]}, ["bob"]),
        ({"all": True}, ["ada", "bob", "eve"]),
        ({"status": "expired"}, ["bob"]),
        ({"only_tier": "basic"}, ["ada", "eve"]),
        ({"only_tags": ["work"]}, ["ada", "eve"]),
        ({"only_tags": ["old", "new"]}, ["eve"]),
        ({"accounts": ["ada", "bob"], "only_tier": "super"}, ["bob"]),
    ],
)
def test_accounts_are_named_or_filtered(wish: dict[str, Any], names: list[str]) -> None:
    """
    By id, label, address or end of the token; by state, tier and tags, whatever their case.
    """
    assert [one.id for one in chosen(ALL, wish)] == names


@pytest.mark.parametrize(
    ("wish", "kind", "why"),
    [
        ({}, InvalidRequest, "not said"),
        ({"accounts": []}, InvalidRequest, "not said"),
        ({"accounts": ["nobody"]}, NotFound, "no account 'nobody'"),
        ({"accounts": ["Ada"]}, InvalidRequest, "2 accounts are called 'Ada'"),
        ({"accounts": [""]}, NotFound, "no account ''"),
        ({"status": "blocked"}, NotFound, "No account is meant"),
    ],
)
def test_who_is_meant_must_be_clear(wish: dict[str, Any], kind: type[GrokDeskError], why: str) -> None:
    """
    Nobody, several, or nothing said: an error, before anything happens.
    """
    with pytest.raises(kind, match=why):
        chosen(ALL, wish)


def test_an_id_is_stronger_than_a_label() -> None:
    """
    Somebody may call an account like the id of another.
    """
    other = make.account("eve-2", label="eve")

    assert named([other, EVE], "eve") is EVE


class Office:
    """Wishes about accounts, without Grok."""

    def __init__(self, made: Stage, tasks: Supervisor) -> None:
        jobs = Jobs(made.pool, made.live, made.bus, made.clock, tasks, new_id=Ids("job"))
        checks = Checks(made.provider, made.pool, made.egress, made.live, tasks)
        acts = Acts(
            calls=made.provider,  # type: ignore[arg-type] # nothing here asks Grok
            pool=made.pool,
            egress=made.egress,
            checks=checks,
            jobs=jobs,
            live=made.live,
            clock=made.clock,
        )
        self.table = AccountCommands(made.pool, acts, jobs).table()

    async def do(self, name: str, **wish: Any) -> dict[str, Any]:  # noqa: ANN401 - members of any wish
        return await self.table[name](wish)


@pytest.fixture
async def made() -> Stage:
    return await stage(ADA, BOB, EVE)


async def test_edits_reach_the_accounts(made: Stage) -> None:
    """
    Label, note, limit and way out; what is not said stays.
    """
    async with Supervisor() as tasks:
        office = Office(made, tasks)
        answer = await office.do(
            "accounts.edit", accounts=["ada"], note=" renews in May ", max_parallel="2", proxy="socks5://h:1"
        )
        await office.do("accounts.edit", accounts=["ada"], max_parallel="auto")

    ada = made.account("ada")
    assert (answer["ok"], answer["failed"]) == (1, 0)
    assert (ada.label, ada.note, ada.max_parallel, ada.proxy.reveal()) == (
        "Ada",
        "renews in May",
        None,
        "socks5h://h:1",
    )


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({}, "Nothing was said"),
        ({"proxy": "ftp://h:1"}, "The proxy cannot be used"),
        ({"proxy": "http://name:password-of-it@"}, "The proxy cannot be used"),
        ({"max_parallel": "0"}, "not a number from 1 to 100"),
        ({"max_parallel": "many"}, "not a number from 1 to 100"),
        ({"label": "x" * 201}, "longer than 200"),
    ],
)
async def test_an_edit_that_cannot_be_is_refused(made: Stage, wish: dict[str, Any], why: str) -> None:
    """
    The error says what was wrong, shows no password, and nothing changes.
    """
    async with Supervisor() as tasks:
        with pytest.raises(InvalidRequest, match=why) as caught:
            await Office(made, tasks).do("accounts.edit", accounts=["ada"], **wish)

    assert "password-of-it" not in f"{caught.value.message}{caught.value.hint}"
    assert made.account("ada") == ADA


async def test_what_was_removed_comes_back(made: Stage) -> None:
    """
    The list says when; an id that is not in it is told apart.
    """
    async with Supervisor() as tasks:
        office = Office(made, tasks)
        await office.do("accounts.remove", accounts=["bob"])
        listed = await office.do("accounts.removed")
        answer = await office.do("accounts.restore", ids=["bob", "nobody"])

    assert [(one["id"], one["removed_at"]) for one in listed["accounts"]] == [("bob", make.NOW)]
    assert [(one["id"], one["ok"]) for one in answer["results"]] == [("bob", True), ("nobody", False)]
    assert made.account("bob").status is Status.EXPIRED


async def test_adult_content_needs_the_owner_s_own_date(made: Stage) -> None:
    """
    Nothing is filled in.
    """
    async with Supervisor() as tasks:
        with pytest.raises(InvalidRequest, match="your own date of birth"):
            await Office(made, tasks).do("accounts.adult", word="on", accounts=["ada"], confirmed=True)


async def test_an_account_as_scripts_see_it_shows_no_secret(made: Stage) -> None:
    """
    Neither the token nor the password of its proxy.
    """
    async with Supervisor() as tasks:
        await Office(made, tasks).do("accounts.edit", accounts=["ada"], proxy="http://name:secret-word@h:1")

    shown = account_json(made.account("ada"), made.pool)

    assert shown["proxy"] == "http://h:1"
    assert "secret-word" not in repr(shown)
    assert ADA.token.reveal() not in repr(shown)
    assert made.pool.get(AccountId("ada")) is not None
