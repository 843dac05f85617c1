"""What every store does, wherever it is: the methods of the repositories, one by one."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from grokdesk.core.accounts import (
    Account,
    Credits,
    MediaQuota,
    Mode,
    Product,
    Status,
    Tier,
    TierSource,
    Window,
    WindowSource,
)
from grokdesk.core.completions import Keep, KeptCompletion, Wanted
from grokdesk.core.ports import ClientKey
from grokdesk.core.responses import StoredResponse
from grokdesk.core.runs import Counted, RunRecord, RunState, Sought, Talk, Try
from grokdesk.core.secret import Secret
from grokdesk.core.usage import HourSum
from grokdesk.store.database import Conflict
from tests.store import make
from tests.store.contract.places import Place

TIME = 1_790_000_000.123456

# Every kind of character, and what looks like syntax to somebody.
DIFFICULT = "甲 ü 😀 '; DROP TABLE accounts; -- \" \\ % \t\n\x7f"

# Each field other than it is in a new account.
FULL = Account(
    id=make.account("full").id,
    token=Secret(make.token("full")),
    label=DIFFICULT,
    note="line one\nline two",
    tags=("team", "甲"),
    tier=Tier.SUPER,
    tier_source=TierSource.FIXED,
    status=Status.BLOCKED,
    reason="blocked by Grok",
    since=TIME,
    windows={
        Mode.AUTO: Window(50, 7, 7_200, reset_at=TIME, synced_at=TIME - 1, source=WindowSource.REAL),
        Mode.GROK_4_3: Window(50, 0, 7_200, refused_at=TIME - 2, refused_until=TIME + 3),
    },
    credits=Credits(9_000, TIME, TIME + 604_800, {4: 12.5}),
    media={Product.VIDEO: MediaQuota(available=True, remaining=None, window_s=86_400, reset_at=TIME)},
    resting_until=TIME + 7,
    rest_reason="empty answers",
    faults=3,
    user_id="u-1",
    email="a@example.org",
    cookies=Secret("cf_clearance=abc"),
    proxy=Secret("socks5://name:word@proxy:1080"),
    max_parallel=4,
    created_at=TIME - 9,
    synced_at=TIME - 8,
    checked_at=TIME - 7,
    check_failures=2,
    check_failure="no answer",
    terms_at=TIME - 6,
    birth_date_at=TIME - 5,
    adult_at=TIME - 4,
    uses=12,
    failures=2,
    syncs=5,
    last_use_at=TIME - 3,
    last_failure_at=TIME - 2,
    last_failure="rate_limited",
)


def response(name: str, *, created_at: float = TIME) -> StoredResponse:
    return StoredResponse(
        id=f"resp_{name}",
        created_at=created_at,
        previous="resp_0",
        asked='[{"text":"你好 😀"}]',
        answer=f'{{"secret":"said in {name}"}}',
        events="[]",
    )


def completion(name: str, *, created_at: float = TIME, **metadata: str) -> KeptCompletion:
    return KeptCompletion(
        id=f"chatcmpl-{name}",
        created_at=created_at,
        model=f"grok-{name}",
        answer=f'"the answer of {name}"',
        messages=f'["the question of {name}"]',
        metadata=metadata,
    )


class Still:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.at = TIME + 1

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


# --- accounts -----------------------------------------------------------------------------------------------


async def test_an_account_comes_back_with_every_field(place: Place) -> None:
    """
    What was written is what is read, whatever it holds, by the same gateway and after a restart.
    """
    stores = await place.open()
    await stores.accounts.add([FULL])
    at_once = await stores.accounts.all()
    await place.close(stores)

    stores = await place.open()

    assert at_once == [FULL]
    assert await stores.accounts.all() == [FULL]


async def test_a_changed_account_comes_back_with_every_field(place: Place) -> None:
    """
    Saving writes as much as adding.
    """
    stores = await place.open()
    plain = replace(make.account("full"), id=FULL.id)
    await stores.accounts.add([plain])

    stores.accounts.save(FULL)

    assert await stores.accounts.all() == [FULL]


async def test_accounts_come_back_in_the_order_they_were_added(place: Place) -> None:
    """
    The oldest comes first, also among those of one import.
    """
    stores = await place.open()
    added = [make.account(name) for name in "zayb"]

    await stores.accounts.add(added[:3])
    await stores.accounts.add(added[3:])

    assert await stores.accounts.all() == added


async def test_accounts_whose_ids_look_alike_are_two(place: Place) -> None:
    """
    Ids compare byte by byte, capitals, accents and spaces included.
    """
    stores = await place.open()
    added = [make.account(name) for name in ("a", "A", "á", "a ")]

    await stores.accounts.add(added)
    stores.accounts.save(replace(added[1], uses=3))

    assert [account.uses for account in await stores.accounts.all()] == [0, 3, 0, 0]


async def test_an_import_with_one_known_token_adds_nothing(place: Place) -> None:
    """
    All of an import are written, or none.
    """
    stores = await place.open()
    await stores.accounts.add([make.account("a")])
    twin = replace(make.account("b"), token=Secret(make.token("a")))

    with pytest.raises(Conflict, match="already there"):
        await stores.accounts.add([make.account("c"), twin])

    assert [account.id for account in await stores.accounts.all()] == ["id-a"]


async def test_of_several_changes_the_last_is_read(place: Place) -> None:
    """
    Saving returns at once, and yet nobody reads what was before.
    """
    stores = await place.open()
    account = make.account("a")
    await stores.accounts.add([account])

    stores.accounts.save(replace(account, uses=1))
    stores.accounts.save(replace(account, uses=2, token=Secret("a-new-token-of-a")))

    (read,) = await stores.accounts.all()
    assert (read.uses, read.token.reveal()) == (2, "a-new-token-of-a")


async def test_a_removed_account_stays_removed_when_it_is_saved(place: Place) -> None:
    """
    A request that ends after the removal brings nothing back, and counts when the account comes back.
    """
    stores = await place.open()
    account = make.account("a")
    await stores.accounts.add([account])

    await stores.accounts.remove([account.id], at=2_000.0)
    stores.accounts.save(replace(account, uses=1))

    assert await stores.accounts.all() == []
    assert [one.uses for one in await stores.accounts.restore([account.id])] == [1]


async def test_a_removal_can_be_taken_back(place: Place) -> None:
    """
    The account returns as it was, to its place; one that was not removed is not named.
    """
    stores = await place.open()
    gone, kept = make.account("a"), make.account("b")
    await stores.accounts.add([gone, kept])
    await stores.accounts.remove([gone.id], at=2_000.0)

    restored = await stores.accounts.restore([gone.id, kept.id])

    assert (restored, await stores.accounts.all()) == ([gone], [gone, kept])


async def test_an_account_whose_token_came_back_is_not_restored(place: Place) -> None:
    """
    There is never a second account with the same token.
    """
    stores = await place.open()
    old = make.account("a")
    await stores.accounts.add([old])
    await stores.accounts.remove([old.id], at=2_000.0)
    new = replace(make.account("b"), token=old.token)
    await stores.accounts.add([new])

    assert await stores.accounts.restore([old.id]) == []
    assert await stores.accounts.all() == [new]


async def test_of_two_removed_accounts_with_one_token_the_later_is_restored(place: Place) -> None:
    """
    Even when both are asked for.
    """
    stores = await place.open()
    old, new = make.account("a"), replace(make.account("b"), token=make.account("a").token)
    for account in (old, new):
        await stores.accounts.add([account])
        await stores.accounts.remove([account.id], at=2_000.0)

    assert await stores.accounts.restore([old.id, new.id]) == [new]


async def test_removed_accounts_are_listed_the_last_one_first(place: Place) -> None:
    """
    With the time of their removal.
    """
    stores = await place.open()
    await stores.accounts.add([make.account(name) for name in "abcd"])
    await stores.accounts.remove([make.account("a").id], at=300.5)
    await stores.accounts.remove([make.account("b").id, make.account("c").id], at=200.0)

    removed = await stores.accounts.removed()

    assert [(one.account.label, one.at) for one in removed] == [("a", 300.5), ("c", 200.0), ("b", 200.0)]


async def test_purging_forgets_what_was_removed_long_ago(place: Place) -> None:
    """
    Only what was removed before the given time goes for good; its token may come in again.
    """
    stores = await place.open()
    await stores.accounts.add([make.account(name) for name in "abc"])
    await stores.accounts.remove([make.account("a").id], at=100.0)
    await stores.accounts.remove([make.account("b").id], at=300.0)

    purged = await stores.accounts.purge(before=200.0)
    await stores.accounts.add([make.account("a")])

    assert purged == 1
    assert [account.label for account in await stores.accounts.all()] == ["c", "a"]
    assert [one.account.label for one in await stores.accounts.removed()] == ["b"]


async def test_a_thousand_accounts_come_and_go(place: Place) -> None:
    """
    More than go through one statement.
    """
    stores = await place.open()
    many = [make.account(f"n{number}") for number in range(1_000)]

    await stores.accounts.add(many)
    for account in many:
        stores.accounts.save(replace(account, uses=1))
    read = await stores.accounts.all()
    await stores.accounts.remove([account.id for account in many], at=1.0)

    assert read == [replace(account, uses=1) for account in many]
    assert await stores.accounts.purge(before=2.0) == 1_000


async def test_a_change_that_cannot_be_written_does_not_hold_up_the_others(place: Place) -> None:
    """
    A token that is another account's is dropped with a word to the owner; the rest is written.
    """
    stores = await place.open()
    a, b = make.account("a"), make.account("b")
    await stores.accounts.add([a, b])

    stores.accounts.save(replace(a, token=b.token))
    stores.accounts.save(replace(b, uses=5))

    assert await stores.accounts.all() == [a, replace(b, uses=5)]
    assert place.told == ["A change could not be saved."]


async def test_half_a_character_costs_no_other_change(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """
    What an upstream said may hold anything; whatever becomes of it, other accounts are written.
    """
    stores = await place.open()
    a, b = make.account("a"), make.account("b")
    await stores.accounts.add([a, b])

    stores.accounts.save(replace(a, last_failure="\ud83d"))
    stores.accounts.save(replace(b, last_failure="with \0 in it", uses=5))

    assert [account.uses for account in await stores.accounts.all()] == [0, 5]


# --- keys ---------------------------------------------------------------------------------------------------


async def test_keys_come_back_whole_and_in_order(place: Place) -> None:
    """
    Revoked ones too; a key that is revoked twice keeps its first time.
    """
    stores = await place.open()
    keys = [replace(make.key(name), name=f"{name} {DIFFICULT}", created_at=TIME) for name in "zab"]
    for key in keys:
        await stores.keys.add(key)

    await stores.keys.revoke(keys[1].id, at=TIME + 0.5)
    await stores.keys.revoke(keys[1].id, at=TIME + 9)

    assert await stores.keys.all() == [keys[0], replace(keys[1], revoked_at=TIME + 0.5), keys[2]]


@pytest.mark.parametrize(
    "twin", [replace(make.key("b"), id="id-a"), replace(make.key("b"), digest="digest-a")]
)
async def test_a_key_that_is_there_is_refused(place: Place, twin: ClientKey) -> None:
    """
    Neither an id nor a digest is there twice.
    """
    stores = await place.open()
    await stores.keys.add(make.key("a"))

    with pytest.raises(Conflict):
        await stores.keys.add(twin)

    assert await stores.keys.all() == [make.key("a")]


# --- runs ---------------------------------------------------------------------------------------------------


async def test_a_run_comes_back_with_every_field(place: Place) -> None:
    """
    The list after a restart is the list before it; a run that is saved again is replaced.
    """
    stores = await place.open()
    record = RunRecord(
        id="r-1",
        at=TIME,
        model="grok-4",
        client=DIFFICULT,
        mode="expert",
        account="id-a",
        account_name="a",
        egress="socks5h://proxy:1080",
        state=RunState.FAILED,
        stop="error",
        failure="Grok sent an empty answer",
        first_ms=120,
        total_ms=900,
        pieces=3,
        prompt_tokens=10,
        completion_tokens=20,
        tries=(Try("a", "direct", "empty", "id-a", 429, "RateLimited", "Wait."), Try("b", "direct")),
        dialect="chat",
        stream=True,
        answered="grok-4-heavy",
        request_id="req_1",
        cause="EmptyAnswer",
        hint=DIFFICULT,
    )
    stores.runs.save(RunRecord(id="r-1", at=TIME, model="grok-4"))
    await stores.runs.latest(9)

    stores.runs.save(record)
    await place.close(stores)

    stores = await place.open()
    assert await stores.runs.latest(9) == [record]


async def test_the_newest_runs_come_first_and_the_others_are_forgotten(place: Place) -> None:
    """
    Of two at the same time the one with the later name is the newer.
    """
    stores = await place.open()
    for name, at in (("b", 2.0), ("d", 3.0), ("a", 1.0), ("c", 2.0)):
        stores.runs.save(make.run(name, at=at))

    newest = [run.id for run in await stores.runs.latest(3)]
    await stores.runs.trim(2)

    assert newest == ["d", "c", "b"]
    assert [run.id for run in await stores.runs.latest(9)] == ["d", "c"]


# Each is alone in something that can be looked for.
SOUGHT = (
    replace(make.run("a", at=1.0), state=RunState.FAILED, failure="Cloudflare stopped it"),
    replace(
        make.run("b", at=2.0, model="grok-3"), client="Édi 100%_\\", tries=(Try("Anna", "hk", status=429),)
    ),
    replace(make.run("c", at=2.0), account="id-a", account_name="甲 Ärger"),
    replace(make.run("d", at=3.0), state=RunState.DONE, request_id="req_D", egress="socks5h://hk:1080"),
    replace(make.run("e", at=4.0), state=RunState.STOPPED),
)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought(), "edcba"),
        (Sought(failed=True), "a"),
        (Sought(model="grok-3"), "b"),
        (Sought(client="Édi 100%_\\"), "b"),
        (Sought(account="id-a"), "c"),
        (Sought(text="CLOUDFLARE  Stopped"), "a"),
        (Sought(text="édi 100%_\\"), "b"),
        (Sought(text="%"), "b"),
        (Sought(text="_\\"), "b"),
        (Sought(text="429"), "b"),
        (Sought(text="ärger"), "c"),
        (Sought(text="arger"), ""),
        (Sought(text="REQ_d"), "d"),
        (Sought(text="stopped"), "ea"),
        (Sought(text="stopped", failed=True), "a"),
        (Sought(text="'; --"), ""),
    ],
)
async def test_runs_are_found_in_a_store_as_they_are_in_memory(
    place: Place, sought: Sought, found: str
) -> None:
    """
    Whatever is looked for: the same runs, in the same order, as many as are counted.
    """
    stores = await place.open()
    for run in SOUGHT:
        stores.runs.save(run)

    page = await stores.runs.page(sought, limit=9)
    counted = await stores.runs.count(sought)

    assert "".join(run.id for run in page) == found
    assert {run.id for run in SOUGHT if sought.fits(run)} == set(found)
    assert counted == Counted(len(found), found.count("a"))


async def test_the_list_is_read_page_by_page(place: Place) -> None:
    """
    From any place in it downwards, also when that very run is not there any more; a run is found by its id.
    """
    stores = await place.open()
    for run in SOUGHT:
        stores.runs.save(run)

    async def page(before: tuple[float, str] | None, skip: int, limit: int, model: str = "") -> str:
        runs = await stores.runs.page(Sought(model=model), before=before, skip=skip, limit=limit)
        return "".join(run.id for run in runs)

    assert await page(None, 1, 2) == "dc"
    assert await page((2.0, "c"), 0, 9) == "ba"
    assert await page((2.0, "c"), 1, 9) == "a"
    assert await page((2.5, "nobody"), 0, 2) == "cb"
    assert await page((3.0, "d"), 1, 1, model="grok-4") == "a"
    assert await page((0.5, ""), 0, 9) == ""
    assert await stores.runs.count(Sought(), before=(2.0, "c")) == Counted(2, 1)
    assert await stores.runs.get("b") == SOUGHT[1]
    assert await stores.runs.get("nobody") is None


# --- hours --------------------------------------------------------------------------------------------------


def hour(name: str, at: int = 7_200, **more: Any) -> HourSum:  # noqa: ANN401 - any field of it
    return HourSum(id=name, hour=at, model="grok-4", client=DIFFICULT, **more)


async def test_sums_of_an_hour_come_back_and_the_newest_counts(place: Place) -> None:
    """
    All of them whole, those of other hours left out; what is too old is forgotten.
    """
    stores = await place.open()
    whole = hour(
        "a", done=3, failed=2, left=1, prompt_tokens=10**11, completion_tokens=5, firsts=1 + (3 << 32 * 99)
    )
    stores.hours.save(hour("a", done=1))
    await stores.hours.between(0, 1)
    stores.hours.save(whole)
    for name, at in (("b", 3_600), ("c", 10_800)):
        stores.hours.save(hour(name, at))

    found = await stores.hours.between(3_600, 10_800)
    await stores.hours.trim(7_200)

    assert found == [hour("b", 3_600), whole]
    assert [one.id for one in await stores.hours.between(0, 99_999)] == ["a", "c"]


# --- talks --------------------------------------------------------------------------------------------------


def talk(name: str, *, at: float = TIME) -> Talk:
    return Talk(name, at, f"the prompt of {name} {DIFFICULT}", f"told to {name}", cut=True)


async def test_what_was_said_comes_back_until_it_is_too_old(place: Place) -> None:
    """
    Also after a restart; then what is older than some time is forgotten, or all of it.
    """
    stores = await place.open()
    for name, at in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        stores.talks.save(talk(name, at=at))
    await place.close(stores)
    stores = await place.open()

    found = await stores.talks.get("b")
    old = await stores.talks.forget(2.0)
    left = await stores.talks.count()
    gone = await stores.talks.get("a")
    rest = await stores.talks.forget()

    assert found == talk("b", at=2.0)
    assert (old, left, gone, rest) == (1, 2, None, 2)
    assert await stores.talks.count() == 0


# --- responses ----------------------------------------------------------------------------------------------


async def test_a_response_comes_back_and_can_be_replaced(place: Place) -> None:
    """
    Also a large one; one that nobody kept is not there, whatever its name.
    """
    stores = await place.open()
    kept = replace(response("a"), answer='"' + "x" * 3_000_000 + '"')
    stores.responses.save(response("a"))
    await stores.responses.get("resp_a")

    stores.responses.save(kept)

    assert await stores.responses.get("resp_a") == kept
    for other in ("resp_b", "RESP_A", "resp_a ", "resp_\0", "resp_%", ""):
        assert await stores.responses.get(other) is None, other


async def test_a_response_is_forgotten_once(place: Place) -> None:
    """
    And does not come back.
    """
    stores = await place.open()
    stores.responses.save(response("a"))

    assert [await stores.responses.delete("resp_a"), await stores.responses.delete("resp_a")] == [True, False]
    assert await stores.responses.get("resp_a") is None


@pytest.mark.parametrize(
    ("keep", "before", "left"), [(9, 0.0, "abcd"), (2, 0.0, "ad"), (9, 2.5, "acd"), (0, 0.0, "")]
)
async def test_trimming_keeps_the_responses_used_last(
    place: Place, keep: int, before: float, left: str
) -> None:
    """
    Up to a number, and nothing that was last used before a time.
    """
    stores = await place.open()
    for at, name in enumerate("abcd", 1):
        stores.responses.save(response(name, created_at=float(at)))
    await stores.responses.touch(["resp_a", "resp_nobody"], 9.0)
    await stores.responses.touch([], 9.0)

    await stores.responses.trim(keep, before)

    assert [name for name in "abcd" if await stores.responses.get(f"resp_{name}")] == list(left)


# --- completions --------------------------------------------------------------------------------------------


async def test_a_completion_comes_back_and_can_be_replaced(place: Place) -> None:
    """
    Right after it was saved, and in the list.
    """
    place.clock = Still()
    stores = await place.open()
    kept = completion("a", topic="gärtnern")
    stores.completions.save(kept)
    at_once = await stores.completions.get(kept.id)

    stores.completions.save(replace(kept, answer='"another"'))

    assert at_once == kept
    assert await stores.completions.page(Wanted(), after="", limit=9) == [replace(kept, answer='"another"')]
    assert await stores.completions.get("chatcmpl-b") is None


async def test_completions_are_listed_page_by_page(place: Place) -> None:
    """
    In the order they were saved or the other way round, those of one model, those with some metadata.
    """
    place.clock = Still()
    stores = await place.open()
    for name in "abcd":
        stores.completions.save(completion(name, kind="vowel" if name == "a" else "other"))
    page = stores.completions.page

    async def listed(wanted: Wanted, after: str = "", limit: int = 9) -> str:
        found = await page(wanted, after=after and f"chatcmpl-{after}", limit=limit)
        return "".join(one.id.removeprefix("chatcmpl-") for one in found)

    assert await listed(Wanted()) == "abcd"
    assert await listed(Wanted(), after="b", limit=1) == "c"
    assert await listed(Wanted(newest_first=True), after="d", limit=2) == "cb"
    assert await listed(Wanted(model="grok-b")) == "b"
    assert await listed(Wanted(metadata={"kind": "other"}), limit=2) == "bc"
    assert await listed(Wanted(metadata={"kind": "none"})) == ""
    assert await listed(Wanted(), after="nobody") == ""


async def test_a_completion_is_described_and_forgotten(place: Place) -> None:
    """
    Neither works on one that is not there.
    """
    place.clock = Still()
    stores = await place.open()
    stores.completions.save(completion("a"))

    described = await stores.completions.describe("chatcmpl-a", {"topic": "x"})
    missing = await stores.completions.describe("chatcmpl-b", {})
    deleted = [await stores.completions.delete("chatcmpl-a") for _ in range(2)]

    assert described == completion("a", topic="x")
    assert (missing, deleted) == (None, [True, False])


async def test_completions_that_are_too_old_or_too_many_are_forgotten(place: Place) -> None:
    """
    By age they go although nothing new comes; by number when something does.
    """
    clock = Still()
    place.clock = clock
    place.keep = Keep(most=2, days=30)
    stores = await place.open()
    for name in "abc":
        stores.completions.save(completion(name))
        await stores.completions.get("")

    found = [one.id for one in await stores.completions.page(Wanted(), after="", limit=9)]
    clock.at += 31 * 86_400

    assert found == ["chatcmpl-b", "chatcmpl-c"]
    assert await stores.completions.get("chatcmpl-c") is None
    assert await stores.completions.delete("chatcmpl-c") is False
    assert await stores.completions.page(Wanted(), after="", limit=9) == []


@pytest.mark.parametrize("keep", [Keep(0, 30), Keep(30, 0)])
async def test_nothing_is_kept_where_none_are_wanted(place: Place, keep: Keep) -> None:
    """
    Neither by number nor by age.
    """
    place.keep = keep
    stores = await place.open()

    stores.completions.save(completion("a"))

    assert await stores.completions.get("chatcmpl-a") is None


# --- what outsiders see -------------------------------------------------------------------------------------


async def test_nothing_secret_stands_in_clear(place: Place) -> None:
    """
    A search of every byte the store keeps finds no token, cookie, proxy password, key or word that was said.
    """
    place.clock = Still()
    stores = await place.open()
    removed = make.account("removed")
    await stores.accounts.add([FULL, removed])
    await stores.accounts.remove([removed.id], at=1.0)
    await stores.keys.add(make.key("mine"))
    stores.runs.save(make.run("r"))
    stores.responses.save(response("a"))
    stores.completions.save(completion("a", topic="gardening"))
    stores.talks.save(talk("talk-of-a"))
    await stores.talks.count()
    await stores.completions.get("")
    await stores.runs.latest(1)
    await stores.responses.get("")
    await place.close(stores)

    kept = await place.contents()

    assert [
        one
        for one in (b"id-full", b"a@example.org", b"resp_a", b"chatcmpl-a", b"talk-of-a")
        if one not in kept
    ] == []
    secret = (
        make.token("full").encode(),
        make.token("removed").encode(),
        b"cf_clearance",
        b"name:word",
        b"gd-key-of-mine",
        b"said in",
        b"resp_0",
        b"answer of",
        b"question of",
        b"gardening",
        b"the prompt of",
        b"told to",
        b"team's own passphrase",
    )
    assert [one for one in secret if one in kept] == []


async def test_a_cancelled_import_adds_all_or_nothing(place: Place) -> None:
    """
    Quitting in the middle of an import costs nothing but the import, and the store works on.
    """
    stores = await place.open()
    many = [make.account(f"n{number}") for number in range(300)]
    for turns in (1, 4, 12, 30):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(stores.accounts.add(many))
            for _ in range(turns):
                await asyncio.sleep(0.001)
            task.cancel()

        # Whether it had been in time to be taken back.
        assert len(await stores.accounts.all()) in {0, 300}
        await stores.accounts.remove([account.id for account in many], at=1.0)
        await stores.accounts.purge(before=2.0)

    await stores.accounts.add(many)
    assert len(await stores.accounts.all()) == 300


async def test_readers_and_writers_get_along(place: Place) -> None:
    """
    More work at once than there are connections is done all the same.
    """
    stores = await place.open()

    async def work(number: int) -> None:
        stores.runs.save(make.run(f"r{number}", at=float(number)))
        await stores.runs.latest(5)
        await stores.runs.trim(1_000)
        await stores.accounts.add([make.account(f"n{number}")])

    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(work(number))

    assert len(await stores.runs.latest(100)) == 30
    assert len(await stores.accounts.all()) == 30
