"""What a second process may ask of the running one."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from grokdesk.core.accounts import AccountId, Status, Tier, TierSource
from grokdesk.core.errors import InvalidRequest, NotFound
from grokdesk.core.notices import GatewayPhase, GatewayState
from grokdesk.engine.account_commands import AccountCommands
from grokdesk.engine.commands import Commands
from grokdesk.engine.import_export import Format
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.quota import Checks
from grokdesk.engine.reading import read_accounts
from grokdesk.platform.ids import client_key
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import Stage, stage, until
from tests.make import Ids, KeysInMemory


@dataclass
class World:
    """Commands on a stage, and what they set off."""

    stage: Stage
    checks: Checks
    check_imports: bool = True
    state: GatewayState = field(default_factory=GatewayState)
    done: list[str] = field(default_factory=list)
    commands: Commands = field(init=False)

    def raised(self, opens: Sequence[str], token: str) -> bool:
        """Note that the window was asked for, and with what; there is one."""
        self.done.append(" ".join(["raise", *opens, token]).rstrip())
        return True


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = await stage(make.account("a"), make.account("b", status=Status.EXPIRED, reason="signed out"))
    keys = ClientKeys(KeysInMemory(), made.bus, made.clock, new_id=Ids("key"), new_key=client_key)
    await keys.load()
    async with (
        Supervisor() as tasks,
        Checks(made.provider, made.pool, made.egress, made.live, tasks) as checks,
    ):
        world = World(made, checks)
        world.commands = Commands(
            pool=made.pool,
            keys=keys,
            runs=made.runs,
            checks=checks,
            gateway=lambda: world.state,
            about=lambda: {"version": "1.2.3"},
            quit_=lambda: world.done.append("quit"),
            raise_window=world.raised,
            check_imports=lambda: world.check_imports,
            more=AccountCommands(made.pool, None, None).table(),  # type: ignore[arg-type] # only looked at
        )
        yield world


@pytest.mark.parametrize("check", [True, False])
async def test_an_import_says_what_it_did(world: World, check: bool) -> None:
    """
    Added, known, doubled and unreadable entries are counted; new accounts are checked if so configured.
    """
    world.check_imports = check
    old, new = make.token("a").reveal(), "invented-token-0123456789"

    answer = await world.commands.do(
        {"do": "accounts.import", "text": f"{old}\n{new}\n{new}\nnot a token!\n"}
    )
    await until(lambda: not world.checks.running)

    assert {name: answer[name] for name in ("added", "already_there", "duplicates")} == {
        "added": 1,
        "already_there": 1,
        "duplicates": 1,
    }
    assert [problem["where"] for problem in answer["problems"]] == ["line 4"]
    assert len(world.stage.provider.probed) == check


async def test_an_import_can_be_asked_for_without_being_done(world: World) -> None:
    """
    It says line by line what would happen, and nothing does.
    """
    text = f"{make.token('a').reveal()}\ninvented-token-0123456789\nnot a token!\n"
    wish = {"do": "accounts.import", "text": text, "how": "replace", "tags": ["vip"], "tier": "super"}

    answer = await world.commands.do({**wish, "dry_run": True})
    before = [account.id for account in world.stage.pool.accounts()]
    done = await world.commands.do(wish)
    await until(lambda: not world.checks.running)

    assert [(line["where"], line["fate"], line["words"]) for line in answer["lines"]] == [
        ("line 1", "updated", "updated: tier, tags"),
        ("line 2", "new", "new"),
        ("line 3", "unreadable", "a token has no spaces"),
        ("", "gone", "removed"),
    ]
    assert before == ["a", "b"]
    assert answer == {**done, "dry_run": True}
    assert (done["added"], done["updated"], done["removed"]) == (1, 1, 1)
    there = world.stage.pool.accounts()
    assert [(one.tags, one.tier, one.tier_source) for one in there] == [
        (("vip",), Tier.SUPER, TierSource.GUESSED),
        (("vip",), Tier.SUPER, TierSource.GUESSED),
    ]
    assert not any(one.token.reveal() in json.dumps(answer) for one in there)


async def test_a_file_of_bytes_is_imported(world: World) -> None:
    """
    As Base64, because a wish is JSON; not every file is text.
    """
    data = base64.b64encode("invented-token-0123456789\n".encode("utf-16")).decode()

    assert (await world.commands.do({"do": "accounts.import", "data": data}))["added"] == 1
    with pytest.raises(InvalidRequest, match="whole"):
        await world.commands.do({"do": "accounts.import", "data": data + "!"})


async def test_a_renewed_account_is_checked(world: World) -> None:
    """
    Like a new one: only Grok knows whether the new token works.
    """
    world.stage.pool.learn(AccountId("b"), "u-1", "")
    entry = json.dumps([{"token": "invented-token-0123456789", "user_id": "u-1"}])

    offered = await world.commands.do({"do": "accounts.import", "text": entry})
    renewed = await world.commands.do({"do": "accounts.import", "text": entry, "how": "update"})
    await until(lambda: not world.checks.running)

    assert (offered["added"], offered["already_there"]) == (0, 1)
    assert "use update" in offered["lines"][0]["words"]
    assert (renewed["updated"], world.stage.provider.probed) == (1, ["b"])
    assert world.stage.account("b").status is Status.ACTIVE


@pytest.mark.parametrize("wish", [{"how": "merge"}, {"tier": "gold"}, {"how": ["add"]}])
async def test_an_import_that_cannot_be_understood_does_nothing(
    world: World, wish: dict[str, object]
) -> None:
    """
    What is possible is named.
    """
    with pytest.raises(InvalidRequest, match="is not one of"):
        await world.commands.do({"do": "accounts.import", "text": "invented-token-0123456789", **wish})

    assert len(world.stage.pool) == 2


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ({}, "ab"),
        ({"ids": ["b"]}, "b"),
        ({"ids": []}, ""),
        ({"tags": ["vip", "other"]}, "a"),
        ({"status": "expired"}, "b"),
        ({"tier": "basic", "status": "active"}, "a"),
        ({"tier": "heavy"}, ""),
    ],
)
async def test_an_export_can_be_of_some_accounts(world: World, wish: dict[str, object], names: str) -> None:
    """
    Those with these ids, with any of these tags, of this tier and in this status.
    """
    world.stage.pool.edit([AccountId("a")], lambda account: replace(account, tags=("vip",)))

    answer = await world.commands.do({"do": "accounts.export", **wish})

    assert answer == {
        "text": "".join(f"{make.token(name).reveal()}\n" for name in names),
        "count": len(names),
    }


@pytest.mark.parametrize("form", Format)
async def test_every_form_can_be_exported(world: World, form: Format) -> None:
    """
    And read again.
    """
    answer = await world.commands.do({"do": "accounts.export", "format": form.value})

    assert [one.token for one in read_accounts(answer["text"]).found] == [make.token("a"), make.token("b")]


async def test_lists_and_exports_do_not_mix(world: World) -> None:
    """
    A list never holds a token; an export is nothing else.
    """
    listed = await world.commands.do({"do": "accounts.list"})
    lines = await world.commands.do({"do": "accounts.export", "format": "txt"})
    whole = await world.commands.do({"do": "accounts.export", "format": "json"})

    tokens = [make.token(name).reveal() for name in "ab"]
    assert [(one["name"], one["status"], one["reason"]) for one in listed["accounts"]] == [
        ("a", "active", ""),
        ("b", "expired", "signed out"),
    ]
    assert not any(token in json.dumps(listed) for token in tokens)
    assert (lines["text"].split(), lines["count"]) == (tokens, 2)
    assert all(token in whole["text"] for token in tokens)


async def test_keys_are_made_listed_and_revoked(world: World) -> None:
    """
    The value is told once, when the key is made.
    """
    made = await world.commands.do({"do": "keys.new", "name": "Editor"})
    listed = await world.commands.do({"do": "keys.list"})
    await world.commands.do({"do": "keys.revoke", "key": "Editor"})
    left = await world.commands.do({"do": "keys.list"})

    assert made["key"].startswith("gd-")
    assert made["key"] not in json.dumps(listed)
    assert [key["name"] for key in listed["keys"]] == ["First key", "Editor"]
    assert [key["name"] for key in left["keys"]] == ["First key"]
    with pytest.raises(NotFound):
        await world.commands.do({"do": "keys.revoke"})


async def test_status_tells_how_things_are(world: World) -> None:
    """
    Gateway, accounts and requests, as one JSON document.
    """
    stopped = await world.commands.do({"do": "status"})
    world.state = GatewayState(GatewayPhase.RUNNING, port=4765)
    running = await world.commands.do({"do": "status"})

    assert stopped["gateway"] == {"state": "stopped", "base_url": "", "error": "", "hint": ""}
    assert running["gateway"]["base_url"] == "http://127.0.0.1:4765/v1"
    assert running["accounts"] == {"total": 2, "ready": 1, "cooling": 0, "need_owner": 1, "disabled": 0}
    assert (running["version"], running["running"], running["requests_in_flight"]) == ("1.2.3", True, 0)
    assert json.loads(json.dumps(running)) == running


async def test_window_and_end_can_be_asked_for(world: World) -> None:
    """
    Both are answered at once and done by whoever runs the program.
    """
    wishes: list[dict[str, object]] = [
        {"do": "raise"},
        {"do": "raise", "open": ["a link"], "token": "t"},
        {"do": "quit"},
    ]
    answers = [await world.commands.do(wish) for wish in wishes]

    assert answers == [{"raised": True}, {"raised": True}, {}]
    assert world.done == ["raise", "raise a link t", "quit"]


@pytest.mark.parametrize("wish", [{}, {"do": "dance"}, {"do": None}])
async def test_an_unknown_wish_is_refused(world: World, wish: dict[str, object]) -> None:
    """
    A newer command is told that this program is older.
    """
    with pytest.raises(InvalidRequest, match="does not know") as caught:
        await world.commands.do(wish)

    assert "start this version" in caught.value.hint
