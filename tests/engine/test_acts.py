"""What the owner does to accounts, and what is heard of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from grokdesk.core.accounts import Account, AccountId, Credits, Mode, Report, Status, Tier, TierSource
from grokdesk.core.assets import Asset, Listing, PastConversation
from grokdesk.core.egress import Egress
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    InvalidRequest,
    NotFound,
    Overloaded,
    RateLimited,
    UpstreamError,
)
from grokdesk.engine.acts import Acts, Adult
from grokdesk.engine.jobs import Job, Jobs, JobState, Result
from grokdesk.engine.quota import Checks
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import Stage, stage, until
from tests.make import NOW, Ids

BORN = date(1990, 5, 7)
ADULT = Adult(BORN, confirmed=True)
TODAY = datetime.fromtimestamp(NOW, UTC).date()
STEPS = ["account terms", "product terms", "birth date", "on"]

Step = UpstreamError | asyncio.Event | Callable[[], None]


@dataclass
class ScriptedCalls:
    """`AccountCalls` of accounts that keep things.

    `steps` is what a call by an account meets, one after the other: an error, a gate, or something that
    happens meanwhile.
    """

    asked: list[tuple[str, str]] = field(default_factory=list)
    steps: dict[str, list[Step]] = field(default_factory=dict)
    born: dict[str, date] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)
    most_listed: int = 1_000
    undeletable: dict[str, UpstreamError] = field(default_factory=dict)
    undead: set[str] = field(default_factory=set)
    at_work: dict[str, int] = field(default_factory=dict)

    def calls(self, name: str = "a") -> list[str]:
        return [call for who, call in self.asked if who == name]

    async def _met(self, account: Account, call: str) -> None:
        name = account.name
        self.asked.append((name, call))
        self.at_work[name] = self.at_work.get(name, 0) + 1
        assert self.at_work[name] == 1, "two calls for one account at the same time"
        try:
            await asyncio.sleep(0)
            steps = self.steps.get(f"{name} {call}", [])
            match steps.pop(0) if steps else None:
                case asyncio.Event() as gate:
                    await gate.wait()
                case UpstreamError() as error:
                    raise error
                case None:
                    pass
                case happening:
                    happening()
        finally:
            self.at_work[name] -= 1

    async def accept_account_terms(self, account: Account, egress: Egress) -> None:
        await self._met(account, "account terms")

    async def accept_product_terms(self, account: Account, egress: Egress) -> None:
        await self._met(account, "product terms")

    async def set_birth_date(self, account: Account, egress: Egress, born: date) -> bool:
        await self._met(account, "birth date")
        return self.born.setdefault(account.name, born) is born

    async def show_adult(self, account: Account, egress: Egress, *, on: bool) -> None:
        await self._met(account, "on" if on else "off")

    async def assets(self, account: Account, egress: Egress) -> Listing[Asset]:
        await self._met(account, "list")
        found = self.kept.get(account.name, [])
        shown = tuple(Asset(one, size_bytes=1_500) for one in found[: self.most_listed])
        return Listing(shown, complete=len(found) <= self.most_listed)

    async def delete_asset(self, account: Account, egress: Egress, asset_id: str) -> bool:
        await self._met(account, f"delete {asset_id}")
        if asset_id in self.undeletable:
            raise self.undeletable[asset_id]
        if asset_id in self.undead:
            return False
        kept = self.kept[account.name]
        was_there = asset_id in kept
        if was_there:
            kept.remove(asset_id)
        return was_there

    async def conversations(self, account: Account, egress: Egress) -> Listing[PastConversation]:
        listing = await self.assets(account, egress)
        return Listing(tuple(PastConversation(one.id) for one in listing.items))

    async def delete_conversation(self, account: Account, egress: Egress, conversation_id: str) -> bool:
        return await self.delete_asset(account, egress, conversation_id)


@dataclass
class Acting:
    """Acts on accounts, and what they work with."""

    made: Stage
    calls: ScriptedCalls
    acts: Acts
    jobs: Jobs

    async def one(self, job: Job) -> Result:
        """The only result of a job."""
        [result] = await asyncio.wait_for(job.ended(), 5)
        return result


@asynccontextmanager
async def acting(*accounts: Account, **settings: Any) -> AsyncIterator[Acting]:  # noqa: ANN401 - sections of the settings
    made = await stage(*accounts, **settings)
    calls = ScriptedCalls()
    async with (
        Supervisor() as tasks,
        Checks(made.provider, made.pool, made.egress, made.live, tasks) as checks,
        Jobs(made.pool, made.live, made.bus, made.clock, tasks, new_id=Ids("job")) as jobs,
    ):
        acts = Acts(
            calls=calls,
            pool=made.pool,
            egress=made.egress,
            checks=checks,
            jobs=jobs,
            live=made.live,
            clock=made.clock,
        )
        yield Acting(made, calls, acts, jobs)


def ids(*names: str) -> list[AccountId]:
    return [AccountId(name) for name in names]


A = ids("a")


# --- adult content ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adult", "param"),
    [
        (Adult(BORN), "confirmed"),
        (Adult(TODAY.replace(year=TODAY.year - 18, day=TODAY.day + 1), confirmed=True), "birth_date"),
        (Adult(date(TODAY.year + 1, 1, 1), confirmed=True), "birth_date"),
        (Adult(date(1, 1, 1), confirmed=True), "birth_date"),
    ],
    ids=["not confirmed", "eighteen tomorrow", "not born yet", "a slip of the key"],
)
async def test_adult_content_needs_the_owner_s_own_word(adult: Adult, param: str) -> None:
    """
    Of being of age, with a date that can be right; otherwise nothing is started.
    """
    async with acting(make.account("a")) as at:
        with pytest.raises(InvalidRequest) as caught:
            at.acts.adult_on(A, adult)

        assert (caught.value.param, at.jobs.all(), at.calls.asked) == (param, [], [])


async def test_who_is_eighteen_today_is_of_age() -> None:
    """
    Not a day later.
    """
    async with acting(make.account("a")) as at:
        job = at.acts.adult_on(A, Adult(TODAY.replace(year=TODAY.year - 18), confirmed=True))

        assert (await at.one(job)).ok


async def test_adult_content_is_three_steps_in_order() -> None:
    """
    Terms at both places, the date of birth as given, the switch; each is written down.
    """
    async with acting(make.account("a")) as at:
        result = await at.one(at.acts.adult_on(A, ADULT))

        assert at.calls.calls() == STEPS
        assert at.calls.born == {"a": BORN}
        assert result.ok
        assert result.said == "Terms accepted, date of birth told, adult content is shown."
        account = at.made.account("a")
        assert (account.terms_at, account.birth_date_at, account.adult_at) == (NOW, NOW, NOW)
        assert at.made.accounts.kept[AccountId("a")] == account


async def test_what_was_cut_off_goes_on_where_it_stopped() -> None:
    """
    A limit at the second step: started again, the first is passed over, and the result says so.
    """
    async with acting(make.account("a")) as at:
        at.calls.steps["a birth date"] = [RateLimited("Too often.", hint="Later.")]
        first = await at.one(at.acts.adult_on(A, ADULT))
        between = at.made.account("a")
        second = await at.one(at.acts.adult_on(A, ADULT))

        assert (first.ok, first.said, first.hint) == (False, "Too often.", "Later.")
        assert (between.terms_at, between.birth_date_at, between.adult_at) == (NOW, None, None)
        assert at.calls.calls() == [*STEPS[:3], *STEPS[2:]]
        assert second.said == "Date of birth told, adult content is shown. Done before: the terms."


async def test_half_of_the_terms_is_not_written_down() -> None:
    """
    Both places have to have them.
    """
    async with acting(make.account("a")) as at:
        at.calls.steps["a product terms"] = [UpstreamError("Trouble.")]
        await at.one(at.acts.adult_on(A, ADULT))

        assert at.made.account("a").terms_at is None


async def test_what_is_done_is_not_done_again() -> None:
    """
    An account that shows adult content already is not called.
    """
    async with acting(make.account("a", terms_at=1.0, birth_date_at=1.0, adult_at=1.0)) as at:
        result = await at.one(at.acts.adult_on(A, ADULT))

        assert (at.calls.asked, result.ok) == ([], True)
        assert "already" in result.said


async def test_a_date_of_birth_that_grok_has_stays() -> None:
    """
    It is done all the same, and the owner hears it.
    """
    async with acting(make.account("a")) as at:
        at.calls.born["a"] = date(1980, 1, 1)
        result = await at.one(at.acts.adult_on(A, ADULT))

        assert at.calls.born == {"a": date(1980, 1, 1)}
        assert at.made.account("a").birth_date_at == NOW
        assert "the date of birth Grok had already stays" in result.said


async def test_adult_content_is_switched_off() -> None:
    """
    What was accepted and told stays so; only the switch is turned.
    """
    async with acting(make.account("a", terms_at=1.0, birth_date_at=1.0, adult_at=1.0)) as at:
        await at.one(at.acts.adult_off(A))

        account = at.made.account("a")
        assert (account.terms_at, account.birth_date_at, account.adult_at) == (1.0, 1.0, None)
        assert at.calls.calls() == ["off"]


async def test_two_acts_on_one_account_take_turns() -> None:
    """
    On and off at once: one after the other, and what is written down is what was asked last.
    """
    async with acting(make.account("a")) as at:
        gate = asyncio.Event()
        at.calls.steps["a account terms"] = [gate]
        on = at.acts.adult_on(A, ADULT)
        await until(lambda: at.calls.asked)
        off = at.acts.adult_off(A)
        for _ in range(5):
            await asyncio.sleep(0)
        gate.set()
        await on.ended()
        await off.ended()

        assert at.calls.calls() == [*STEPS, "off"]
        assert at.made.account("a").adult_at is None


# --- what every call teaches --------------------------------------------------------------------------------


async def test_a_dead_account_is_found_out_by_any_act() -> None:
    """
    It leaves the rotation with its reason, as it does on chat; the next act asks nothing of it.
    """
    async with acting(make.account("a")) as at:
        at.calls.steps["a list"] = [AccountRejected("Signed out.", status=Status.EXPIRED)]
        first = await at.one(at.acts.list_assets(A))
        second = await at.one(at.acts.clear_assets(A))

        account = at.made.account("a")
        assert (account.status, account.reason) == (Status.EXPIRED, "Signed out.")
        assert (first.ok, first.said, second.ok, second.said) == (False, "Signed out.", False, "Signed out.")
        assert "Check it again" in second.hint
        assert at.calls.calls() == ["list"]


async def test_a_limit_of_an_act_leaves_the_questions_alone() -> None:
    """
    Who deletes too fast can still chat.
    """
    async with acting(make.account("a")) as at:
        at.calls.steps["a list"] = [RateLimited("Too often.")]
        await at.one(at.acts.list_assets(A))

        account = at.made.account("a")
        assert (account.free_at(Mode.FAST), account.last_failure) == (0.0, "Too often.")


async def test_a_busy_grok_is_asked_once_more() -> None:
    """
    And then the act has failed.
    """
    async with acting(make.account("a"), make.account("b")) as at:
        at.calls.steps["a list"] = [Overloaded("Busy.")]
        at.calls.steps["b list"] = [Overloaded("Busy."), Overloaded("Busy.")]
        results = await at.acts.list_assets(ids("a", "b")).ended()

        assert {one.name: one.ok for one in results} == {"a": True, "b": False}
        assert (at.calls.calls("a"), at.calls.calls("b")) == (["list"] * 2, ["list"] * 2)


async def test_an_act_stopped_on_a_way_that_has_changed_is_tried_on_the_new_one() -> None:
    """
    Once, with the same account; when the way stays what it was, not even that.
    """
    async with acting(make.account("a"), make.account("b")) as at:

        def change() -> None:
            at.made.egress.generation += 1
            raise Challenged("Stopped.")

        at.calls.steps["a list"] = [change]
        moved = await at.one(at.acts.list_assets(A))
        at.calls.steps["b list"] = [Challenged("Stopped.")]
        stayed = await at.one(at.acts.list_assets(ids("b")))

        assert (moved.ok, at.calls.calls("a")) == (True, ["list", "list"])
        assert (stayed.ok, stayed.said, at.calls.calls("b")) == (False, "Stopped.", ["list"])


async def test_a_removed_account_is_a_failure_of_its_own() -> None:
    """
    Before its turn or in the middle of it; the others go on.
    """
    async with acting(*(make.account(name) for name in "abc")) as at:
        at.calls.kept = {name: ["1", "2"] for name in "abc"}
        gate = asyncio.Event()
        at.calls.steps["a delete 1"] = [gate]
        job = at.acts.clear_assets([*ids("a", "b", "c"), AccountId("never was")])
        await until(lambda: "delete 1" in at.calls.calls("a"))
        await at.made.pool.remove(ids("a"))
        gate.set()
        results = {one.name: one for one in await job.ended()}

        assert (results["a"].ok, results["a"].said) == (
            False,
            "1 file deleted, then no more: This account has been removed.",
        )
        assert not results["never was"].ok
        assert results["b"].ok
        assert results["c"].ok


# --- files and conversations --------------------------------------------------------------------------------


async def test_files_are_counted() -> None:
    """
    For each account and for all of them.
    """
    async with acting(make.account("a"), make.account("b"), make.account("c")) as at:
        at.calls.kept = {"a": ["1"], "b": ["2", "3"]}
        job = at.acts.list_assets(ids("a", "b", "c"))
        results = {one.name: one.said for one in await job.ended()}

        assert results == {"a": "1 file, 1.5 KB.", "b": "2 files, 3.0 KB.", "c": "0 files, 0 bytes."}
        assert job.counts == {"files": 3, "bytes": 4_500}
        assert job.title == "List the files of 3 accounts"


async def test_a_listing_that_is_not_whole_says_so() -> None:
    """
    What was counted is the least there is.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept, at.calls.most_listed = {"a": ["1", "2", "3"]}, 2

        assert (await at.one(at.acts.list_assets(A))).said == "At least 2 files, 3.0 KB."


async def test_everything_is_deleted_though_a_listing_tells_only_a_part() -> None:
    """
    It is listed again until nothing new comes.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept, at.calls.most_listed = {"a": [str(number) for number in range(25)]}, 10
        job = at.acts.clear_assets(A)
        result = await at.one(job)

        assert (result.ok, result.said) == (True, "25 files deleted.")
        assert job.counts == {"deleted": 25, "gone": 0, "failed": 0}
        assert at.calls.kept == {"a": []}
        assert at.calls.calls().count("list") == 4


async def test_nothing_to_delete_is_a_success() -> None:
    """
    Also the second time.
    """
    async with acting(make.account("a")) as at:
        result = await at.one(at.acts.clear_conversations(A))

        assert (result.ok, result.said) == (True, "There was no conversation left.")


async def test_one_that_cannot_be_deleted_stops_no_other() -> None:
    """
    The result counts both and says why; it is tried again by the next start.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["1", "2", "3"]}
        at.calls.undeletable["2"] = UpstreamError("Grok has trouble.")
        first = await at.one(at.acts.clear_assets(A))
        at.calls.undeletable.clear()
        second = await at.one(at.acts.clear_assets(A))

        assert (first.ok, first.said) == (False, "2 files deleted, 1 could not be: Grok has trouble.")
        assert first.counts == {"deleted": 2, "gone": 0, "failed": 1}
        assert (second.ok, second.said) == (True, "1 file deleted.")


async def test_five_misses_in_a_row_end_the_attempt() -> None:
    """
    Something is wrong with more than one file.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": [str(number) for number in range(20)]}
        at.calls.undeletable = dict.fromkeys(map(str, range(1, 20)), UpstreamError("Grok has trouble."))
        result = await at.one(at.acts.clear_assets(A))

        assert result.said == "1 file deleted, then no more: Grok has trouble."
        assert len([call for call in at.calls.calls() if call.startswith("delete")]) == 6


async def test_misses_with_others_between_them_end_nothing() -> None:
    """
    However many they are.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": [str(number) for number in range(20)]}
        at.calls.undeletable = dict.fromkeys(map(str, range(0, 20, 2)), UpstreamError("Grok has trouble."))
        result = await at.one(at.acts.clear_assets(A))

        assert result.said == "10 files deleted, 10 could not be: Grok has trouble."


async def test_a_limit_ends_the_attempt() -> None:
    """
    The rest waits for the next start.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["1", "2", "3"]}
        at.calls.undeletable["2"] = RateLimited("Too often.", hint="Later.")
        result = await at.one(at.acts.clear_assets(A))

        assert (result.said, result.hint) == ("1 file deleted, then no more: Too often.", "Later.")
        assert at.calls.kept == {"a": ["2", "3"]}


async def test_what_is_gone_already_counts_as_gone() -> None:
    """
    Unless it is listed all the same: then it was not deleted.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["1", "2"]}
        at.calls.steps["a delete 1"] = [lambda: at.calls.kept["a"].remove("2")]
        fine = await at.one(at.acts.clear_assets(A))
        at.calls.kept, at.calls.undead = {"a": ["3"]}, {"3"}
        doubtful = await at.one(at.acts.clear_assets(A))

        assert (fine.ok, fine.counts) == (True, {"deleted": 1, "gone": 1, "failed": 0})
        assert (doubtful.ok, doubtful.counts) == (False, {"deleted": 0, "gone": 0, "failed": 1})
        assert "lists it all the same" in doubtful.said


async def test_an_account_that_is_filled_all_the_time_is_left_at_last() -> None:
    """
    The attempt ends, and says so.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["0"]}

        def refill(number: int) -> Callable[[], None]:
            return lambda: at.calls.kept["a"].append(str(number + 1))

        for number in range(100):
            at.calls.steps[f"a delete {number}"] = [refill(number)]
        result = await at.one(at.acts.clear_assets(A))

        assert (result.ok, result.said) == (False, "20 files deleted, then no more: new ones keep coming.")


async def test_cancel_ends_a_long_clearing_at_its_next_step() -> None:
    """
    With what it had done by then; the next start deletes the rest.
    """
    async with acting(make.account("a"), make.account("b"), accounts={"checks_at_once": 1}) as at:
        at.calls.kept = {name: [str(number) for number in range(9)] for name in "ab"}
        gate = asyncio.Event()
        at.calls.steps["a delete 3"] = [gate]
        job = at.acts.clear_assets(ids("a", "b"))
        await until(lambda: "delete 3" in at.calls.calls())
        doing = dict(job.doing)
        at.jobs.cancel(job.id)
        gate.set()
        [result] = await job.ended()
        again = at.acts.clear_assets(ids("a", "b"))
        results = await again.ended()

        assert doing == {"a": "3 of 9 files"}
        assert (job.state, job.done) == (JobState.CANCELLED, 1)
        assert result.said == "4 files deleted, then no more: it was stopped."
        assert [one.said for one in results] == ["5 files deleted.", "9 files deleted."]


async def test_conversations_are_deleted_like_files() -> None:
    """
    One by one, until none is left.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["1", "2"]}
        job = at.acts.clear_conversations(A)

        assert (await at.one(job)).said == "2 conversations deleted."
        assert job.title == "Delete the conversations of 1 account"


async def test_conversations_are_counted() -> None:
    """
    Like files, without their size.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["1", "2"]}
        job = at.acts.list_conversations(A)

        assert (await at.one(job)).said == "2 conversations."
        assert job.counts == {"conversations": 2}


async def test_one_account_s_files_can_be_looked_at_and_deleted_singly() -> None:
    """
    For a window that shows them.
    """
    async with acting(make.account("a")) as at:
        at.calls.kept = {"a": ["1", "2"]}
        listing = await at.acts.assets(A[0])
        deleted = [await at.acts.delete_asset(A[0], "1") for _ in range(2)]

        assert [one.id for one in listing.items] == ["1", "2"]
        assert (deleted, at.calls.kept) == ([True, False], {"a": ["2"]})
        assert [one.id for one in (await at.acts.conversations(A[0])).items] == ["2"]
        with pytest.raises(NotFound):
            await at.acts.assets(AccountId("z"))


# --- checks -------------------------------------------------------------------------------------------------


async def test_a_refresh_tells_what_is_left() -> None:
    """
    In a sentence for each account; a failed one says why.
    """
    week = Credits(6_250, NOW - 1, NOW + 86_400)
    async with acting(
        make.account("a"), make.account("b", tier=Tier.SUPER), make.account("c"), make.account("d")
    ) as at:
        reports = at.made.provider.reports
        reports["a"] = Report(windows={Mode.FAST: make.window(12)})
        reports["b"] = Report(credits=week)
        reports["c"] = RateLimited("Too often.")
        reports["d"] = AccountRejected("Signed out.", status=Status.EXPIRED)
        results = {one.name: one for one in await at.acts.refresh(ids("a", "b", "c", "d")).ended()}

        assert results["a"].said == "A basic account with 12 of 30 fast left."
        assert results["b"].said == "A super account with 62 % of its week left."
        assert [(results[name].ok, results[name].said) for name in "cd"] == [
            (False, "Too often."),
            (False, "Signed out."),
        ]


async def test_a_refresh_is_the_way_back_for_a_dead_account() -> None:
    """
    Unlike other acts it asks those that were refused.
    """
    dead = make.account("a", status=Status.EXPIRED, reason="Signed out.", tier=Tier.UNKNOWN)
    async with acting(dead) as at:
        result = await at.one(at.acts.refresh(A))

        assert result.said == "An account of unknown tier with 30 of 30 fast left."
        assert at.made.account("a").status is Status.ACTIVE


# --- at once ------------------------------------------------------------------------------------------------


async def test_accounts_are_switched_off_and_on() -> None:
    """
    At once, with a result for each; one that is not there is a failure of its own.
    """
    async with acting(make.account("a"), make.account("b")) as at:
        off = await at.acts.enable([*ids("a", "b", "a"), AccountId("z")], on=False)
        between = at.made.account("a").status
        on = await at.acts.enable(A, on=True)

        assert [(one.name, one.ok, one.said) for one in off] == [
            ("a", True, "Switched off."),
            ("b", True, "Switched off."),
            ("z", False, "This account has been removed."),
        ]
        assert [one.said for one in on] == ["Switched on."]
        assert (between, at.made.account("a").status) == (Status.DISABLED, Status.ACTIVE)
        assert at.made.account("b").status is Status.DISABLED


async def test_tags_are_added_and_taken_off() -> None:
    """
    Each once whatever its case, in the order they came.
    """
    async with acting(make.account("a", tags=("Work",))) as at:
        added = await at.acts.tag(A, [" work ", "two  words", "Two Words", "x"])
        tagged = at.made.account("a").tags
        await at.acts.untag(A, ["WORK", "y"])

        assert tagged == ("Work", "two words", "x")
        assert at.made.account("a").tags == ("two words", "x")
        assert [one.said for one in added] == ["Tagged work, two words and x."]


@pytest.mark.parametrize("tags", [[], [""], ["a,b"], ["x" * 41], ["a\x00b"], [f"t{n}" for n in range(21)]])
async def test_tags_that_cannot_be_are_refused(tags: list[str]) -> None:
    """
    And no account is changed.
    """
    async with acting(make.account("a", tags=("Work",))) as at:
        with pytest.raises(InvalidRequest):
            await at.acts.tag(A, tags)

        assert at.made.account("a").tags == ("Work",)


async def test_a_tier_is_fixed_and_let_go() -> None:
    """
    The owner's word stands until it is taken back.
    """
    async with acting(make.account("a"), make.account("b", tier=Tier.UNKNOWN)) as at:
        await at.acts.set_tier(ids("a", "b"), Tier.HEAVY)
        fixed = at.made.account("a")
        await at.acts.set_tier(A, None)
        await at.acts.set_tier(ids("b"), Tier.UNKNOWN)

        assert (fixed.tier, fixed.tier_source) == (Tier.HEAVY, TierSource.FIXED)
        assert Mode.HEAVY in fixed.windows
        assert {(at.made.account(name).tier, at.made.account(name).tier_source) for name in "ab"} == {
            (Tier.HEAVY, TierSource.GUESSED)
        }


async def test_accounts_are_removed() -> None:
    """
    They can be brought back as long as the pool keeps them.
    """
    async with acting(make.account("a"), make.account("b")) as at:
        results = await at.acts.remove(ids("a", "z"))
        gone = at.made.pool.get(A[0])
        await at.made.pool.restore(A)

        assert [(one.name, one.ok) for one in results] == [("a", True), ("z", False)]
        assert gone is None
        assert at.made.account("a").label == "a"


async def test_ten_thousand_accounts_do_not_hold_the_loop() -> None:
    """
    Others have their turns while all of them are changed.
    """
    async with acting(*(make.account(f"n{number}") for number in range(2_000))) as at:
        turns = 0
        work = asyncio.get_running_loop().create_task(
            at.acts.tag([one.id for one in at.made.pool.accounts()], ["x"])
        )
        while not work.done():
            turns += 1
            await asyncio.sleep(0)

        assert turns >= 10
        assert all(one.tags == ("x",) for one in at.made.pool.accounts())


async def test_what_was_edited_is_put_back() -> None:
    """
    Only the named fields, only where it still makes sense, and a tier with the questions it had.
    """
    before = make.account("a", tier=Tier.SUPER, left=7, tags=("work",), note="old")
    async with acting(before, make.account("b")) as at:
        await at.acts.edit(ids("a", "b"), note="new", tags=("x", "X", "y"))
        await at.acts.set_tier(A, Tier.BASIC)
        at.made.pool.edit(A, lambda account: replace(account, uses=9))
        edited = at.made.account("a")
        untouched = await at.acts.put_back([before], "note", only=lambda account: account.uses == 0)
        still = at.made.account("a").note
        await at.acts.put_back([before], "note", "tags", "tier", "tier_source")

        back = at.made.account("a")
        assert (edited.note, edited.tags, edited.tier) == ("new", ("x", "y"), Tier.BASIC)
        assert still == "new"
        assert [one.ok for one in untouched] == [True]
        assert (back.note, back.tags, back.tier, back.uses) == ("old", ("work",), Tier.SUPER, 9)
        assert {mode: window.remaining for mode, window in back.windows.items()} == dict.fromkeys(
            before.windows, 7
        )
        assert at.made.account("b").note == "new"


@pytest.mark.parametrize(
    "values", [{"label": "x" * 201}, {"note": "x" * 10_001}, {"tags": ("x" * 41,)}, {"tags": ("a,b",)}]
)
async def test_texts_that_are_too_long_are_refused(values: dict[str, Any]) -> None:
    """
    And the account stays as it was.
    """
    async with acting(make.account("a")) as at:
        before = at.made.account("a")

        with pytest.raises(InvalidRequest):
            await at.acts.edit(A, **values)

        assert at.made.account("a") == before
