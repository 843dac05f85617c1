"""The pool's shell: accounts come and go, are leased, and change; the store and everybody else hear of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from grokdesk.core.accounts import (
    Account,
    AccountId,
    Limited,
    Mode,
    Report,
    Status,
    Succeeded,
    Tier,
    TierSource,
)
from grokdesk.core.errors import (
    AccountRejected,
    Broken,
    GrokDeskError,
    NoAccount,
    RateLimited,
    Unreachable,
)
from grokdesk.core.notices import AccountChanged, Bus, Notice
from grokdesk.core.pool import Need
from grokdesk.core.ports import News
from grokdesk.core.retry import RetryPolicy, Tries
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.accounts import AccountPool, Brought, PoolCounts
from grokdesk.engine.import_export import How, planned
from grokdesk.engine.reading import Found, NewAccount, Reading
from tests import make
from tests.engine.stage import until
from tests.make import AccountsInMemory, Clock, Ids

NEED = Need((Tier.BASIC, Tier.SUPER), (Mode.FAST,))
A, B = AccountId("a"), AccountId("b")


class World:
    """A pool with its store, and what it told."""

    def __init__(self, *accounts: Account, **settings: Any) -> None:  # noqa: ANN401 - sections of the settings
        self.store = AccountsInMemory(*accounts)
        self.clock = Clock()
        self.told: list[Notice] = []
        bus = Bus()
        bus.subscribe(self.told.append)
        live = Live(Settings.model_validate(settings))
        self.pool = AccountPool(self.store, live, bus, self.clock, new_id=Ids("new"), rng=Random(1))

    def account(self, name: str) -> Account:
        account = self.pool.get(AccountId(name))
        assert account is not None
        return account

    async def leased(self, *failures: Exception, need: Need = NEED) -> str:
        """Who is leased after these failures of a request."""
        async with self.pool.lease(need, tries(*failures)) as held:
            return held.lease.account.name


def tries(*failures: Exception) -> Tries:
    return Tries(RetryPolicy(), failures=list(failures))  # type: ignore[arg-type] # upstream errors, all of them


async def world(*accounts: Account, **settings: Any) -> World:  # noqa: ANN401 - sections of the settings
    made = World(*accounts, **settings)
    await made.pool.load()
    return made


def new(name: str, **more: Any) -> NewAccount:  # noqa: ANN401 - any field of it
    return NewAccount(make.token(name), **more)


# --- coming and going ---------------------------------------------------------------------------------------


async def test_new_accounts_are_kept_seated_and_told() -> None:
    """
    They are in the store and in the pool with what the import said, and one notice names them.
    """
    made = await world(make.account("old"))

    added = await made.pool.add([new("x", label="X", tier=Tier.SUPER), new("y")])

    x, y = added.accounts
    assert (x.label, x.tier, x.tier_source, x.created_at) == ("X", Tier.SUPER, TierSource.GUESSED, make.NOW)
    assert (y.tier, y.tier_source) == (Tier.UNKNOWN, TierSource.UNKNOWN)
    assert made.store.kept.keys() == {"old", "new-1", "new-2"}
    assert [account.id for account in made.pool.accounts()] == ["old", "new-1", "new-2"]
    assert made.told == [AccountChanged(frozenset({x.id, y.id}))]


async def test_known_tokens_are_counted_and_left_alone() -> None:
    """
    Neither what is here already nor what stands twice in one import becomes a second account.
    """
    made = await world(make.account("a", label="mine"))

    added = await made.pool.add([new("a", label="theirs"), new("b"), new("b")])

    assert (len(added.accounts), added.known) == (1, 2)
    assert made.account("a").label == "mine"


async def test_the_same_import_twice_at_once_adds_once() -> None:
    """
    While one import is being written, another finds its accounts known.
    """
    made = await world()

    first, second = await asyncio.gather(made.pool.add([new("a")]), made.pool.add([new("a")]))

    assert (len(first.accounts), len(second.accounts), second.known) == (1, 0, 1)
    assert len(made.pool) == len(made.store.kept) == 1


async def test_an_import_that_is_not_written_never_was() -> None:
    """
    When the store fails nobody is seated, and the same import works later.
    """
    made = await world()
    made.store.fail = Broken("The disk is full.")

    with pytest.raises(Broken):
        await made.pool.add([new("a")])
    added = await made.pool.add([new("a")])

    assert (len(added.accounts), added.known, len(made.pool)) == (1, 0, 1)


def file(*founds: NewAccount) -> Reading:
    """A file with these accounts, an entry each."""
    return Reading(tuple(Found(f"line {number}", one) for number, one in enumerate(founds, 1)))


async def test_an_import_adds_updates_and_removes_as_planned() -> None:
    """
    In the pool and in the store; everybody hears of all of it.
    """
    made = await world(make.account("a"), make.account("b"), make.account("c", user_id="u"))
    reading = file(new("a", tags=("vip",)), new("fresh", user_id="u"), new("d", tier=Tier.SUPER))

    brought = await made.pool.bring(planned(reading, made.pool.accounts(), How.REPLACE))

    assert brought == Brought(("new-1",), ("a", "c"), ("c",), ("b",), 0)  # type: ignore[arg-type] # ids
    assert [one.id for one in made.pool.accounts()] == ["a", "c", "new-1"]
    assert made.account("a").tags == ("vip",)
    assert made.account("c").token == make.token("fresh")
    assert made.store.kept == {one.id: one for one in made.pool.accounts()}
    told = [notice.ids for notice in made.told if isinstance(notice, AccountChanged)]
    assert frozenset().union(*told) == {"a", "b", "c", "new-1"}
    again = planned(reading, made.pool.accounts(), How.REPLACE)
    assert await made.pool.bring(again) == Brought(known=3)


async def test_a_renewed_account_is_found_by_its_new_token_only() -> None:
    """
    The old one may come in as another account, the new one may not.
    """
    made = await world(make.account("a", user_id="u", status=Status.EXPIRED, reason="ended"))

    await made.pool.bring(planned(file(new("fresh", user_id="u")), made.pool.accounts(), How.UPDATE))
    twice = await made.pool.add([new("fresh")])
    other = await made.pool.add([new("a")])

    assert (len(twice.accounts), len(other.accounts)) == (0, 1)
    assert await made.leased() == "a"


async def test_what_happened_since_the_plan_is_respected() -> None:
    """
    A token that came in is known, an account that left stays away, one that was edited keeps its edit.
    """
    made = await world(
        make.account("a"), make.account("b"), make.account("c", user_id="u"), make.account("d")
    )
    reading = file(new("a", tags=("vip",)), new("b", tags=("vip",)), new("x"), new("y", user_id="u"))
    plan = planned(reading, made.pool.accounts(), How.REPLACE)

    await made.pool.add([new("x"), new("y")])
    await made.pool.remove([A, AccountId("d")])
    made.pool.edit([B], lambda account: replace(account, note="mine"))
    brought = await made.pool.bring(plan)

    assert brought == Brought((), (B,), (), (), 1)
    assert (made.account("b").tags, made.account("b").note) == (("vip",), "mine")
    assert made.account("c").token == make.token("c")
    assert {one.token for one in made.pool.accounts()} == {make.token(name) for name in "bcxy"}


@pytest.mark.parametrize("failure", [Broken("The disk is full."), asyncio.CancelledError()])
async def test_an_import_that_fails_changes_nothing(failure: BaseException) -> None:
    """
    Nobody is added, updated or removed, no token stays reserved, and the same works later.
    """
    before = [make.account("a"), make.account("b", user_id="u")]
    made = await world(*before)
    reading = file(new("a", tags=("vip",)), new("fresh", user_id="u"), new("d"))
    plan = planned(reading, made.pool.accounts(), How.REPLACE)
    made.store.fail = failure

    with pytest.raises(type(failure)):
        await made.pool.bring(plan)

    assert (made.pool.accounts(), made.told) == (before, [])
    brought = await made.pool.bring(plan)
    assert (len(brought.added), brought.updated, brought.known) == (1, (A, B), 0)


async def test_an_import_that_is_cancelled_late_seats_all_that_the_store_has() -> None:
    """
    What is written is also there; only what came after it is left undone.
    """
    made = await world(make.account("a"))
    reading = file(new("a", tags=("vip",)), *(new(f"b{number}") for number in range(1_000)))
    plan = planned(reading, made.pool.accounts(), How.UPDATE)
    task = asyncio.get_running_loop().create_task(made.pool.bring(plan))
    await until(lambda: len(made.store.kept) > 1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(made.pool) == len(made.store.kept) == 1_001
    assert made.account("a").tags == ()
    assert len((await made.pool.add([new("b999")])).accounts) == 0


async def test_two_imports_at_once_do_not_share_a_token() -> None:
    """
    One renews an account with a token, the other brings the same token as a new account.
    """
    made = await world(make.account("a", user_id="u"))
    renewing = planned(file(new("fresh", user_id="u"), new("z")), made.pool.accounts(), How.UPDATE)
    adding = planned(file(new("fresh")), made.pool.accounts())

    first, second = await asyncio.gather(made.pool.bring(renewing), made.pool.bring(adding))

    assert (first.renewed, second.added, second.known) == ((A,), (), 1)


async def test_a_large_update_lets_others_have_their_turn() -> None:
    """
    Requests go on while thousands of accounts are updated.
    """
    made = await world(*(make.account(f"a{number}") for number in range(1_000)))
    reading = file(*(new(f"a{number}", tags=("vip",)) for number in range(1_000)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.get_running_loop().create_task(others())
    brought = await made.pool.bring(planned(reading, made.pool.accounts(), How.UPDATE))
    counting.cancel()

    assert len(brought.updated) == 1_000
    assert turns >= 9


async def test_a_removed_account_serves_nobody_and_can_come_back() -> None:
    """
    Removing and restoring are each one notice, and the account is as it was.
    """
    made = await world(make.account("a", uses=7), make.account("b"))

    gone = await made.pool.remove([A, AccountId("nobody")])
    names = [await made.leased() for _ in range(3)]
    back = await made.pool.restore([A])

    assert [account.id for account in gone] == [account.id for account in back] == [A]
    assert names == ["b", "b", "b"]
    assert made.account("a") == make.account("a", uses=7)
    assert made.told[0] == made.told[-1] == AccountChanged(frozenset({A}))


async def test_a_token_that_came_in_again_is_not_restored_over_it() -> None:
    """
    The newcomer keeps the token.
    """
    made = await world(make.account("a"))
    await made.pool.remove([A])
    await made.pool.add([new("a")])

    assert await made.pool.restore([A]) == []
    assert len(made.pool) == 1


async def test_removing_an_account_lets_its_requests_end() -> None:
    """
    A lease of a removed account ends quietly, also when the account has come back meanwhile.
    """
    made = await world(make.account("a", left=30))

    async with made.pool.lease(NEED, tries()) as first:
        await made.pool.remove([A])
        first.settle(Succeeded())
    await made.pool.restore([A])
    async with made.pool.lease(NEED, tries()) as second:
        await made.pool.remove([A])
        await made.pool.restore([A])
        second.settle(Succeeded())

    assert made.account("a").uses == 0
    assert made.pool.counts().in_flight == 0


# --- changing -----------------------------------------------------------------------------------------------


async def test_switching_on_forgives() -> None:
    """
    Off keeps an account out and says who did it; on brings back also what was signed out, blocked or resting.
    """
    made = await world(
        make.account("a", status=Status.BLOCKED, reason="blocked"),
        make.account("b", faults=3, resting_until=make.NOW + 600, rest_reason="empty"),
    )

    made.pool.enable([A, B, AccountId("nobody")], on=False)
    off = [(one.status, one.reason) for one in made.pool.accounts()]
    made.pool.enable([A, B], on=True)

    assert off == [(Status.DISABLED, "Switched off by you.")] * 2
    assert [(one.status, one.reason, one.faults) for one in made.pool.accounts()] == [
        (Status.ACTIVE, "", 0)
    ] * 2
    assert made.account("b").free_at(Mode.FAST) == 0
    assert made.store.kept[A].status is Status.ACTIVE


async def test_a_report_moves_an_account_to_its_tier() -> None:
    """
    What a check told holds for the next choice, and is kept.
    """
    made = await world(make.account("a"))

    made.pool.report(made.account("a"), Report("u-1", "io@example.org", Tier.SUPER, {}))
    name = await made.leased(need=Need((Tier.SUPER,), (Mode.EXPERT,)))

    assert name == "a"
    assert (made.store.kept[A].tier, made.store.kept[A].user_id) == (Tier.SUPER, "u-1")


async def test_what_is_learnt_by_the_way_fills_gaps() -> None:
    """
    User id and address are taken in; silence forgets nothing.
    """
    made = await world(make.account("a", email="io@example.org"))

    made.pool.learn(A, "u-1", "")
    made.pool.learn(A, "", "")

    assert (made.account("a").user_id, made.account("a").email) == ("u-1", "io@example.org")


async def test_only_a_refusal_of_the_account_counts_against_it() -> None:
    """
    A check that failed on the way says nothing about the account, only that there was one.
    """
    made = await world(make.account("a"), make.account("b"))

    made.pool.failed_check(make.account("a"), Unreachable("no way"))
    made.pool.failed_check(make.account("b"), AccountRejected("out", status=Status.EXPIRED))

    assert made.account("a") == make.account(
        "a", checked_at=make.NOW, check_failures=1, check_failure="no way"
    )
    assert (made.account("b").status, made.account("b").reason) == (Status.EXPIRED, "out")
    # Nobody has asked it anything: a check is not a call that it left unanswered.
    assert (made.account("b").failures, made.account("b").check_failure) == (0, "out")


async def test_news_of_the_departed_changes_nothing() -> None:
    """
    Reports and failures that arrive after a removal are ignored.
    """
    made = await world()

    made.pool.report(make.account("a"), Report())
    made.pool.learn(A, "u", "e")
    made.pool.failed_check(make.account("a"), AccountRejected("out", status=Status.EXPIRED))

    assert (made.pool.get(A), made.pool.in_flight(A), made.told) == (None, 0, [])


async def test_a_call_that_was_no_chat_costs_no_questions() -> None:
    """
    A limit of files says nothing about questions; a dead session says everything.
    """
    made = await world(make.account("a", left=30), make.account("b"))

    made.pool.learned(A, RateLimited("too fast"))
    made.pool.learned(B, AccountRejected("out", status=Status.EXPIRED))

    assert (made.account("a").windows, made.account("a").last_failure) == (
        make.account("a", left=30).windows,
        "too fast",
    )
    assert made.account("b").status is Status.EXPIRED


async def test_an_edit_is_kept_and_told() -> None:
    """
    What the owner changes is in the store, and a new token finds the account again.
    """
    made = await world(make.account("a"))

    edited = made.pool.edit([A, B], lambda one: replace(one, note="mine", token=make.token("new")))
    again = await made.pool.add([NewAccount(make.token("new"))])

    assert [one.note for one in edited] == ["mine"]
    assert made.store.kept[A].note == "mine"
    assert (again.accounts, again.known) == ((), 1)


async def test_an_edit_that_changes_nothing_is_not_told() -> None:
    """
    Nothing is written for it either.
    """
    made = await world(make.account("a"))

    made.pool.edit([A], lambda one: replace(one, note=one.note))

    assert made.told == []


async def test_an_answer_from_before_a_refusal_revives_nobody() -> None:
    """
    A check that was under way while a chat found the account signed out.
    """
    made = await world(make.account("a"))
    asked = made.account("a")

    made.clock.advance(1)
    made.pool.learned(A, AccountRejected("out", status=Status.EXPIRED))
    made.pool.report(asked, Report())

    assert made.account("a").status is Status.EXPIRED


# --- leasing ------------------------------------------------------------------------------------------------


async def test_a_lease_holds_a_place() -> None:
    """
    In flight while held, free after it; a full account is passed over.
    """
    made = await world(make.account("a", left=30), accounts={"max_in_flight": 1, "wait_s": 0})

    async with made.pool.lease(NEED, tries()):
        inside = made.pool.in_flight(A)
        with pytest.raises(NoAccount, match="busy"):
            await made.leased()

    assert (inside, made.pool.in_flight(A)) == (1, 0)
    assert await made.leased() == "a"


@pytest.mark.parametrize("how", ["unsaid", "left", "our fault"])
async def test_what_nobody_judged_costs_nothing(how: str) -> None:
    """
    Leaving without a word, cancellation and faults of ours leave the account as it was.
    """
    made = await world(make.account("a"))
    error = {"unsaid": None, "left": asyncio.CancelledError(), "our fault": ValueError()}[how]

    async def hold() -> None:
        async with made.pool.lease(NEED, tries()):
            if error is not None:
                raise error

    if error is None:
        await hold()
    else:
        with pytest.raises(type(error)):
            await hold()

    assert made.account("a") == make.account("a")
    assert made.pool.counts().in_flight == 0


async def test_the_last_word_about_a_call_counts() -> None:
    """
    An error that leaves the block overrules what was said before, and is charged once.
    """
    made = await world(make.account("a", left=30))

    async def hold() -> None:
        async with made.pool.lease(NEED, tries()) as held:
            held.settle(Succeeded())
            raise RateLimited("limited", retry_after=60)

    with pytest.raises(RateLimited):
        await hold()

    assert (made.account("a").uses, made.account("a").failures) == (0, 1)
    assert made.account("a").free_at(Mode.FAST) == make.NOW + 60
    assert made.store.kept[A] == made.account("a")


async def test_the_account_to_stay_with_is_asked_again() -> None:
    """
    Unless its quota has gone meanwhile.
    """
    made = await world(make.account("a", left=1), make.account("b", left=30))
    stay = Tries(RetryPolicy(), again_with=A)

    async with made.pool.lease(NEED, stay) as held:
        first = held.lease.account.name
        held.settle(Limited("limited", 60))
    async with made.pool.lease(NEED, stay) as held:
        second = held.lease.account.name

    assert (first, second) == ("a", "b")


async def test_counts_tell_the_pool_at_a_glance() -> None:
    """
    Each account is counted once: ready, waiting, in need of its owner, or switched off.
    """
    made = await world(
        make.account("a"),
        make.account("b", left=0),
        make.account("c", resting_until=make.NOW + 1),
        make.account("d", status=Status.EXPIRED),
        make.account("e", status=Status.BLOCKED),
        make.account("f", status=Status.DISABLED),
    )

    async with made.pool.lease(NEED, tries()):
        counts = made.pool.counts()
    made.clock.advance(3_600)

    assert counts == PoolCounts(6, 1, 2, 2, 1, 1)
    assert made.pool.counts() == PoolCounts(6, 3, 0, 2, 1, 0)


OUT: dict[str, Any] = {"status": Status.EXPIRED, "reason": "out"}
SHORTAGES: list[tuple[str, list[Account], Need, str]] = [
    ("nobody", [], NEED, "There is no Grok account yet"),
    ("wrong tier", [make.account("a")], Need((Tier.HEAVY,), (Mode.HEAVY,)), "needs a heavy account"),
    ("signed out", [make.account("a", **OUT)], NEED, "All 1 accounts .* signed out"),
    ("limited", [make.account("a", left=0)], NEED, "ready in 60 minutes"),
    ("resting", [make.account("a", resting_until=make.NOW + 30)], NEED, "ready in 30 seconds"),
    ("resting long", [make.account("a", resting_until=make.NOW + 9_000)], NEED, "ready in 2.5 hours"),
]


@pytest.mark.parametrize(
    ("accounts", "need", "words"), [case[1:] for case in SHORTAGES], ids=[case[0] for case in SHORTAGES]
)
async def test_a_shortage_is_explained(accounts: list[Account], need: Need, words: str) -> None:
    """
    The client reads what is missing and when to come back; a person reads what to do.
    """
    made = await world(*accounts)

    with pytest.raises(NoAccount, match=words) as caught:
        await made.leased(need=need)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 1
    assert caught.value.hint.endswith(".")


@pytest.mark.parametrize("failure", [RateLimited("limited"), Unreachable("no way")])
async def test_when_accounts_run_out_the_failure_is_heard(failure: GrokDeskError) -> None:
    """
    A request that failed somewhere hears that, not that nobody is left.
    """
    made = await world(make.account("a", left=0))

    with pytest.raises(type(failure)) as caught:
        await made.leased(failure)

    assert caught.value is failure


@pytest.mark.parametrize("how", ["time", "import", "switched on", "brought back", "checked"])
async def test_a_shortage_is_over_as_soon_as_somebody_can_serve(how: str) -> None:
    """
    What was said to one request is not held against the next, whatever changed between them.
    """
    made = await world(
        make.account("limited", left=0),
        make.account("off", status=Status.DISABLED),
        make.account("gone"),
        make.account("out", status=Status.EXPIRED),
    )
    await made.pool.remove([AccountId("gone")])
    for _ in range(2):
        with pytest.raises(NoAccount):
            await made.leased()

    match how:
        case "time":
            made.clock.advance(3_600)
        case "import":
            await made.pool.add([new("fresh", label="fresh", tier=Tier.BASIC)])
        case "switched on":
            made.pool.enable([AccountId("off")], on=True)
        case "brought back":
            await made.pool.restore([AccountId("gone")])
        case "checked":
            made.pool.report(made.account("out"), Report())

    assert (
        await made.leased()
        == {
            "time": "limited",
            "import": "fresh",
            "switched on": "off",
            "brought back": "gone",
            "checked": "out",
        }[how]
    )


# --- waiting ------------------------------------------------------------------------------------------------


async def test_a_request_waits_for_a_busy_account() -> None:
    """
    It is served as soon as the account is left.
    """
    made = await world(make.account("a", left=30), accounts={"max_in_flight": 1, "wait_s": 10})

    async with made.pool.lease(NEED, tries()):
        waiting = asyncio.get_running_loop().create_task(made.leased())
        await asyncio.sleep(0)
        waited = not waiting.done()

    assert waited
    assert await waiting == "a"
    assert made.pool.in_flight(A) == 0


async def test_a_request_that_waits_may_leave() -> None:
    """
    It holds nothing, and the account serves the next.
    """
    made = await world(make.account("a", left=30), accounts={"max_in_flight": 1, "wait_s": 10})

    async with made.pool.lease(NEED, tries()):
        waiting = asyncio.get_running_loop().create_task(made.leased())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])

    assert await made.leased() == "a"


# --- shared pools -------------------------------------------------------------------------------------------


class Others:
    """A `Shared` with other gateways that hold `held` requests of each account."""

    leads = True

    def __init__(self, **held: int) -> None:
        self.held = held
        self.ours: list[str] = []
        self.gate: asyncio.Event | None = None

    async def acquire(self, account: AccountId, most: int) -> int | None:
        if self.gate is not None:
            await self.gate.wait()
        others = self.held.get(account, 0)
        if others + self.ours.count(account) >= most:
            return others
        self.ours.append(account)
        return None

    def release(self, account: AccountId) -> None:
        self.ours.remove(account)

    async def news(self) -> News:
        raise AssertionError("nobody asks")


async def shared(others: Others, *accounts: Account, **settings: Any) -> World:  # noqa: ANN401 - as above
    made = await world(*accounts, **settings)
    bus = Bus()
    bus.subscribe(made.told.append)
    live = Live(Settings.model_validate(settings))
    made.pool = AccountPool(
        made.store, live, bus, made.clock, new_id=Ids("new"), rng=Random(1), shared=others
    )
    await made.pool.load()
    return made


async def test_an_account_that_others_use_up_is_passed_over() -> None:
    """
    A lease counts for all gateways, and is given back to all.
    """
    others = Others(a=2)
    made = await shared(
        others, make.account("a", left=30), make.account("b", left=1), accounts={"max_in_flight": 2}
    )

    assert await made.leased() == "b"
    assert (others.ours, made.pool.in_flight(A), made.pool.in_flight(B)) == ([], 0, 0)


async def test_all_accounts_used_up_by_others_is_busy() -> None:
    """
    The client hears that it may try again, not that there is no account.
    """
    made = await shared(Others(a=8), make.account("a"), accounts={"wait_s": 0})

    with pytest.raises(NoAccount, match="busy"):
        await made.leased()


async def test_news_make_room_for_who_waits() -> None:
    """
    Others have given back what they held.
    """
    others = Others(a=8)
    made = await shared(others, make.account("a"), accounts={"wait_s": 10})

    waiting = asyncio.get_running_loop().create_task(made.leased())
    await asyncio.sleep(0)
    others.held["a"] = 0
    made.pool.heard(News(elsewhere={A: 0}))

    assert await waiting == "a"


async def test_a_request_that_is_cancelled_while_asking_the_others_holds_nothing() -> None:
    """
    The place is given back.
    """
    others = Others()
    others.gate = asyncio.Event()
    made = await shared(others, make.account("a"))

    leasing = asyncio.get_running_loop().create_task(made.leased())
    await asyncio.sleep(0)
    asked = made.pool.in_flight(A)
    leasing.cancel()
    await asyncio.wait([leasing])

    assert (asked, made.pool.in_flight(A)) == (1, 0)


async def test_what_others_changed_is_taken_in_and_not_written_again() -> None:
    """
    New ones are here, changed ones are as they are now, removed ones are gone.
    """
    made = await world(make.account("a"), make.account("b"))
    kept = dict(made.store.kept)

    made.pool.heard(News((make.account("a", note="theirs"), make.account("c")), removed=frozenset({B})))

    assert [(one.name, one.note) for one in made.pool.accounts()] == [("a", "theirs"), ("c", "")]
    assert made.store.kept == kept
    assert made.told == [AccountChanged(frozenset({A, B, AccountId("c")}))]


async def test_a_refused_old_token_says_nothing_of_the_new_one() -> None:
    """
    The owner brought a new one while a request with the old one was under way.
    """
    made = await world(make.account("a", left=30))

    async with made.pool.lease(NEED, tries()) as held:
        made.pool.edit([A], lambda one: replace(one, token=make.token("renewed")))
        held.settle(AccountRejected("out", status=Status.EXPIRED).outcome)

    assert made.account("a").status is Status.ACTIVE
    assert made.account("a").last_failure == "out"
