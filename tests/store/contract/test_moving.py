"""Everything of one store in another: portions, putting them, and moving."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grokdesk.core.completions import Wanted
from grokdesk.core.errors import Broken
from grokdesk.core.ports import Portion, Put
from grokdesk.core.secret import Secret
from grokdesk.store.contents import Moved, StoreContents, move, portions, put
from grokdesk.store.stores import Stores
from tests.store import make
from tests.store.contract.conftest import Running, place_of
from tests.store.contract.places import KINDS, Place
from tests.store.contract.test_repositories import FULL, TIME, Still, completion, hour, response, talk

PAIRS = [(source, target) for source in KINDS for target in KINDS if source != target]


async def filled(stores: Stores) -> None:
    """Put a little of everything into a store."""
    removed, back = make.account("removed"), make.account("back")
    await stores.accounts.add([FULL, removed, *(make.account(f"n{number}") for number in range(510))])
    await stores.accounts.remove([removed.id], at=TIME)
    await stores.accounts.add([replace(back, token=removed.token)])
    await stores.keys.add(make.key("valid"))
    await stores.keys.add(make.key("revoked"))
    await stores.keys.revoke(make.key("revoked").id, at=TIME)
    for name in "abc":
        stores.runs.save(make.run(name, at=TIME))
        stores.responses.save(response(name))
        stores.hours.save(hour(name, firsts=1 << 96))
        stores.talks.save(talk(name))
        stores.completions.save(completion(name, topic="gärtnern"))
    await stores.responses.touch(["resp_a"], TIME + 5)


async def everything(stores: Stores) -> list[Portion]:
    return [portion async for portion in portions(stores)]


def sorted_rows(contents: list[Portion]) -> dict[str, list[str]]:
    """The rows of each kind; accounts, keys and completions in the order they are in."""
    found: dict[str, list[str]] = {}
    for portion in contents:
        found.setdefault(portion.kind, []).extend(
            json.dumps(row, ensure_ascii=False, sort_keys=True) for row in portion.rows
        )
    return {
        kind: sorted(rows) if kind in {"runs", "hours", "talks", "responses"} else rows
        for kind, rows in found.items()
    }


async def test_portions_are_plain_and_small(place: Place) -> None:
    """
    They survive JSON, hold at most 500 rows, and name every kind.
    """
    place.clock = Still()
    stores = await place.open()
    await filled(stores)

    contents = await everything(stores)

    assert [json.loads(json.dumps(portion.rows)) for portion in contents] == [one.rows for one in contents]
    assert max(len(portion.rows) for portion in contents) <= 500
    assert list(dict.fromkeys(portion.kind for portion in contents)) == [
        "accounts",
        "keys",
        "runs",
        "hours",
        "talks",
        "responses",
        "completions",
    ]


async def test_putting_the_same_again_changes_nothing(place: Place) -> None:
    """
    All of it is known the second time, in the store it came from as well.
    """
    place.clock = Still()
    stores = await place.open()
    await filled(stores)
    contents = StoreContents(stores)
    before = await everything(stores)

    again = [await contents.put(portion) async for portion in contents.portions()]

    assert {one.added for one in again} == {0}
    assert await everything(stores) == before


async def test_an_account_is_known_by_its_token_too(place: Place) -> None:
    """
    A backup of before an account was imported anew does not bring it twice, nor does one with twins in it.
    """
    stores = await place.open()
    await stores.accounts.add([make.account("a")])
    ours = (await everything(stores))[0].rows[0]
    twins = [
        {**ours, "id": f"id-{name}", "token": token} for name, token in (("b", ours["token"]), ("c", "x"))
    ]

    done = await put(stores, Portion("accounts", [*twins, {**twins[1], "id": "id-d"}]))

    assert done == Put(added=1, known=2)
    assert [account.id for account in await stores.accounts.all()] == ["id-a", "id-c"]
    stores.accounts.save(replace(make.account("a"), token=Secret("y")))


@pytest.mark.parametrize(
    "portion",
    [
        Portion("dreams", [{}]),
        Portion("accounts", [{"id": "a"}]),
        Portion("keys", [{"id": "a", "value": "gd-secret", "from the future": 1}]),
        Portion("runs", [{"id": "r", "at": 1.0, "model": "m", "state": "dreaming", "tries": []}]),
    ],
)
async def test_a_portion_nobody_wrote_is_refused(place: Place, portion: Portion) -> None:
    """
    Whole, and without repeating what is in it.
    """
    stores = await place.open()

    with pytest.raises(Broken, match="what GrokDesk writes") as refused:
        await put(stores, portion)

    assert "gd-secret" not in refused.value.detail
    assert await everything(stores) == []


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=lambda kind: kind)
async def test_a_store_moves_whole(tmp_path: Path, running: Running, source: str, target: str) -> None:
    """
    All of it is in the other one, sealed anew; the first stays as it is, and doing it again adds nothing.
    """
    told: list[Moved] = []
    async for from_ in place_of(running.get(source), tmp_path / "from"):
        async for to in place_of(running.get(target), tmp_path / "to"):
            from_.clock = to.clock = Still()
            ours, theirs = await from_.open(), await to.open()
            await filled(ours)
            before = await everything(ours)

            first = await move(ours, theirs, told.append)
            again = await move(ours, theirs, told.append)

            moved = await everything(theirs)
            assert sorted_rows(moved) == sorted_rows(before)
            assert await everything(ours) == before
            counts = {
                "accounts": 513,
                "keys": 2,
                "runs": 3,
                "hours": 3,
                "talks": 3,
                "responses": 3,
                "completions": 3,
            }
            assert first == [Moved(kind, count, 0) for kind, count in counts.items()]
            assert again == [Moved(kind, 0, count) for kind, count in counts.items()]
            assert set(first) | set(again) <= set(told)
            assert await theirs.accounts.all() == await ours.accounts.all()
            assert await theirs.completions.page(Wanted(), after="", limit=9) == [
                completion(name, topic="gärtnern") for name in "abc"
            ]
            kept = await to.contents()
            assert make.token("full").encode() not in kept
            assert b"said in" not in kept
