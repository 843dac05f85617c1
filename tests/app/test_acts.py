"""Acts on accounts by the whole program: what Grok is told, what the owner hears, what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from grokdesk.core.accounts import Account, AccountId, Mode, Status
from grokdesk.core.notices import JobChanged
from grokdesk.engine.acts import Adult
from grokdesk.engine.jobs import JobState, Result
from grokdesk.sim import Simulator, World, expired_400, limited, server_error, stall
from grokdesk.sim import world as sim_world
from tests.rig import Rig, basic, running, token

BORN = date(1990, 5, 7)
ADULT = Adult(BORN, confirmed=True)
ACCOUNT_TERMS = "/auth_mgmt.AuthManagement/SetTosAcceptedVersion"
TERMS = "/rest/auth/set-tos-accepted"
BIRTH_DATE = "/rest/auth/set-birth-date"
FEATURES = "/auth_mgmt.AuthManagement/UpdateUserFeatureControls"


@pytest.fixture
async def rig(tmp_path: Path, sim: Simulator, world: World) -> AsyncIterator[Rig]:
    async with running(tmp_path / "data", sim, world) as rig:
        yield rig


def ids(accounts: list[Account]) -> list[AccountId]:
    return [account.id for account in accounts]


def calls(rig: Rig, name: str) -> list[str]:
    """What Grok was asked by an account."""
    there = rig.world.accounts[token(name)]
    return [seen.path for seen in rig.sim.received if seen.account is there]


def by_name(results: list[Result] | tuple[Result, ...], accounts: list[Account]) -> dict[str, Result]:
    names = {account.id: account.token.reveal().rpartition("-")[2] for account in accounts}
    return {names[result.account]: result for result in results}


def files(rig: Rig, name: str, count: int) -> list[sim_world.Upload]:
    there = rig.world.accounts[token(name)]
    return [rig.world.keep(there, f"{number}.txt", "text/plain", b"text", "json") for number in range(count)]


async def test_adult_content_for_three_accounts_of_which_one_is_dead(rig: Rig) -> None:
    """
    One new, one whose date of birth is set already, one signed out: two show it, the third has left the
    rotation and says why.
    """
    ada, bob, eve = (basic(rig.world, name) for name in ("ada", "bob", "eve"))
    bob.birth_date = "1985-01-01T12:00:00.000Z"
    eve.always_on(TERMS, expired_400("token-revoked"))
    accounts = await rig.add(token("ada"), token("bob"), token("eve"))
    heard: list[str] = []
    rig.app.bus.subscribe(lambda notice: heard.append(notice.id) if isinstance(notice, JobChanged) else None)

    job = rig.app.acts.adult_on(ids(accounts), ADULT)
    results = by_name(list(await job.ended()), accounts)

    assert (job.state, job.ok, job.failed) == (JobState.DONE, 2, 1)
    assert heard[0] == heard[-1] == job.id
    assert (ada.nsfw, bob.nsfw, eve.nsfw) == (True, True, False)
    assert (ada.accounts_terms, ada.tos_version) == (True, 5)
    assert ada.birth_date == "1990-05-07T12:00:00.000Z"
    assert bob.birth_date == "1985-01-01T12:00:00.000Z"
    assert calls(rig, "ada") == [ACCOUNT_TERMS, TERMS, BIRTH_DATE, FEATURES]
    assert "stays" in results["bob"].said
    assert "no longer accepts" in results["eve"].said
    dead = rig.account(token("eve"))
    assert (dead.status, dead.reason, dead.adult_at) == (Status.EXPIRED, results["eve"].said, None)
    assert rig.sim.violations == []


async def test_what_a_stopped_program_had_begun_goes_on_after_its_next_start(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    Steps that were done are not done again, in another process too: they are in the database.
    """
    for name in ("ada", "bob"):
        basic(world, name)
    world.accounts[token("ada")].next_on(BIRTH_DATE, limited(), stall(30))
    async with running(tmp_path, sim, world) as rig:
        accounts = await rig.add(token("ada"), token("bob"))
        first = by_name(list(await rig.app.acts.adult_on(ids(accounts), ADULT).ended()), accounts)
        job = rig.app.acts.adult_on(ids(accounts), ADULT)
        await rig.until(lambda: calls(rig, "ada").count(BIRTH_DATE) == 2)

    async with running(tmp_path, sim, world) as rig:
        again = by_name(list(await rig.app.acts.adult_on(ids(accounts), ADULT).ended()), accounts)
        there = world.accounts[token("ada")]

        assert (first["ada"].ok, first["bob"].ok, job.state) == (False, True, JobState.CANCELLED)
        assert calls(rig, "ada") == [ACCOUNT_TERMS, TERMS, BIRTH_DATE, BIRTH_DATE, BIRTH_DATE, FEATURES]
        assert calls(rig, "bob") == [ACCOUNT_TERMS, TERMS, BIRTH_DATE, FEATURES]
        assert (there.nsfw, there.birth_date) == (True, "1990-05-07T12:00:00.000Z")
        assert again["ada"].said.endswith("Done before: the terms.")
        assert "already" in again["bob"].said


async def test_all_files_are_deleted_but_the_one_that_cannot_be(rig: Rig) -> None:
    """
    Over several pages; the one failure is told, and the next start finds only that one.
    """
    there = basic(rig.world, "ada")
    kept = files(rig, "ada", 120)
    bad = f"/rest/assets-metadata/{kept[70].id}"
    there.always_on(bad, server_error(500))
    accounts = await rig.add(token("ada"))

    listed = rig.app.acts.list_assets(ids(accounts))
    await listed.ended()
    job = rig.app.acts.clear_assets(ids(accounts))
    [first] = await job.ended()
    left = set(rig.world.uploads)
    there.always_on(bad, None)
    [second] = await rig.app.acts.clear_assets(ids(accounts)).ended()

    assert listed.counts == {"files": 120, "bytes": 480}
    assert (first.ok, first.counts) == (False, {"deleted": 119, "gone": 0, "failed": 1})
    assert first.said.startswith("119 files deleted, 1 could not be: Grok's servers")
    assert left == {kept[70].id}
    assert (second.ok, second.said, rig.world.uploads) == (True, "1 file deleted.", {})
    assert rig.account(token("ada")).status is Status.ACTIVE
    assert rig.sim.violations == []


async def test_a_cancelled_job_ends_soon_and_is_taken_up_again(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    The account at work stops between two files, the others are not begun; a new start does the rest.
    """
    for name in ("ada", "bob"):
        basic(world, name)
    async with running(tmp_path, sim, world, accounts__checks_at_once=1) as rig:
        kept = [files(rig, name, 8) for name in ("ada", "bob")]
        accounts = await rig.add(token("ada"), token("bob"))
        slow = f"/rest/assets-metadata/{kept[0][3].id}"
        world.next_on(slow, stall(0.2))

        job = rig.app.acts.clear_assets(ids(accounts))
        await rig.until(lambda: slow in calls(rig, "ada"))
        rig.app.jobs.cancel(job.id)
        [stopped] = await asyncio.wait_for(job.ended(), 5)
        begun = calls(rig, "bob")
        results = await rig.app.acts.clear_assets(ids(accounts)).ended()

        assert (job.state, stopped.counts["deleted"], begun) == (JobState.CANCELLED, 4, [])
        assert [one.said for one in results] == ["4 files deleted.", "8 files deleted."]
        assert world.uploads == {}


async def test_a_limit_while_deleting_leaves_the_account_in_rotation(rig: Rig) -> None:
    """
    It may still be asked questions; the act says what to do.
    """
    there = basic(rig.world, "ada")
    files(rig, "ada", 3)
    accounts = await rig.add(token("ada"))
    there.always_on("/rest/assets", limited())

    [result] = await rig.app.acts.clear_assets(ids(accounts)).ended()

    assert (result.ok, result.hint) == (False, "Try again in a few minutes.")
    account = rig.account(token("ada"))
    assert (account.status, account.free_at(Mode.FAST)) == (Status.ACTIVE, 0.0)


async def test_conversations_are_deleted_and_not_continued(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    What was deleted is gone from the history, and the next question tells everything anew.
    """
    there = basic(world, "ada")
    async with running(tmp_path, sim, world, grok_web__chat_form="gateway", chat__temporary=False) as rig:
        accounts = await rig.add(token("ada"))
        answer = await rig.say("Two and two?")
        job = rig.app.acts.clear_conversations(ids(accounts))
        [result] = await job.ended()
        left = [one for one in world.conversations.values() if one.account is there]
        said = answer.choices[0].message.content
        await rig.client.chat.completions.create(
            model="grok-4.20-fast",
            messages=[
                {"role": "user", "content": "Two and two?"},
                {"role": "assistant", "content": said},
                {"role": "user", "content": "And one more?"},
            ],
        )

        assert (result.said, left) == ("1 conversation deleted.", [])
        assert "Two and two?" in rig.prompts[-1]
        assert len(rig.sim.turns) == 2
        assert rig.sim.violations == []


async def test_a_refresh_asks_grok_and_tells_what_is_left(rig: Rig) -> None:
    """
    Also of an account that was refused before: that is how it comes back.
    """
    there = basic(rig.world, "ada")
    there.quota["fast"].remaining = 12
    accounts = await rig.add(token("ada"))
    there.status = "unauthenticated"
    [dead] = await rig.app.acts.refresh(ids(accounts)).ended()
    there.status = "ok"
    [alive] = await rig.app.acts.refresh(ids(accounts)).ended()

    assert (dead.ok, alive.ok) == (False, True)
    assert alive.said == "A basic account with 12 of 30 fast left."
    assert rig.account(token("ada")).status is Status.ACTIVE
