"""The pool's shell: accounts come and go, are leased, and change; the store and everybody else hear of it."""

from __future__ import annotations

import asyncio
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
from grokdesk.core.retry import RetryPolicy, Tries
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.accounts import AccountPool, PoolCounts
from grokdesk.engine.import_export import NewAccount
from tests import make
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

    made.pool.report(A, Report("u-1", "io@example.org", Tier.SUPER, {}))
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
    A check that failed on the way says nothing about the account.
    """
    made = await world(make.account("a"), make.account("b"))

    made.pool.failed_check(A, Unreachable("no way"))
    made.pool.failed_check(B, AccountRejected("out", status=Status.EXPIRED))

    assert made.account("a") == make.account("a")
    assert (made.account("b").status, made.account("b").reason) == (Status.EXPIRED, "out")


async def test_news_of_the_departed_changes_nothing() -> None:
    """
    Reports and failures that arrive after a removal are ignored.
    """
    made = await world()

    made.pool.report(A, Report())
    made.pool.learn(A, "u", "e")
    made.pool.failed_check(A, AccountRejected("out", status=Status.EXPIRED))

    assert (made.pool.get(A), made.pool.in_flight(A), made.told) == (None, 0, [])


# --- leasing ------------------------------------------------------------------------------------------------


async def test_a_lease_holds_a_place() -> None:
    """
    In flight while held, free after it; a full account is passed over.
    """
    made = await world(make.account("a", left=30), accounts={"max_in_flight": 1})

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
            made.pool.report(AccountId("out"), Report())

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
