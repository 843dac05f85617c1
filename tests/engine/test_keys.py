"""Client keys."""

from __future__ import annotations

import pytest

from grokdesk.core.errors import NotFound
from grokdesk.core.notices import Bus, KeysChanged, Notice
from grokdesk.engine.keys import ClientKeys
from grokdesk.platform.ids import client_key
from tests import make
from tests.make import Clock, Ids, KeysInMemory


class World:
    def __init__(self, *known: str) -> None:
        self.store = KeysInMemory(*(make.key(name) for name in known))
        self.told: list[Notice] = []
        bus = Bus()
        bus.subscribe(self.told.append)
        self.keys = ClientKeys(self.store, bus, Clock(), new_id=Ids("key"), new_key=client_key)

    def names(self) -> list[str]:
        return [key.name for key in self.keys.all()]


async def test_the_first_start_makes_a_key() -> None:
    """
    One key that works, of the announced form, kept and told.
    """
    made = World()

    await made.keys.load()

    [key] = made.keys.all()
    assert key.value.reveal().startswith("gd-")
    assert len(key.value.reveal()) == 46
    assert made.keys.check(key.value.reveal()) == made.store.kept[key.id] == key
    assert made.told == [KeysChanged()]


async def test_an_owner_without_keys_is_not_given_one() -> None:
    """
    Whoever revoked the last key meant it: the next start makes none.
    """
    made = World("a")
    await made.keys.load()
    await made.keys.revoke("a")

    await made.keys.load()

    assert made.keys.all() == []


async def test_only_valid_keys_get_in() -> None:
    """
    A revoked key, a stranger's, a beginning of one, and nothing are all refused.
    """
    made = World("a", "b")
    await made.keys.load()
    value = make.key("a").value.reveal()
    before = made.keys.check(value)

    await made.keys.revoke("a")

    assert before == make.key("a")
    assert [made.keys.check(one) for one in (value, "gd-stranger", value[:-1], "", "ä\ud800"[:1])] == [
        None
    ] * 5
    assert made.store.kept["id-a"].revoked_at == make.NOW


@pytest.mark.parametrize("wanted", ["id-a", "a"])
async def test_a_key_is_revoked_by_id_or_name(wanted: str) -> None:
    """
    The other one stays.
    """
    made = World("a", "b")
    await made.keys.load()

    gone = await made.keys.revoke(wanted)

    assert (gone.name, made.names()) == ("a", ["b"])


async def test_what_is_not_there_cannot_be_revoked() -> None:
    """
    An unknown name is named, and nothing changes.
    """
    made = World("a")
    await made.keys.load()

    with pytest.raises(NotFound, match="'z'"):
        await made.keys.revoke("z")

    assert made.names() == ["a"]


async def test_every_key_has_a_name_and_is_different() -> None:
    """
    Blank names get one; no two keys are the same.
    """
    made = World("a")
    await made.keys.load()

    keys = [await made.keys.make(name) for name in ("Editor", "  ", " Phone ")]

    assert made.names() == ["a", "Editor", "Key", "Phone"]
    assert len({key.value for key in keys}) == len({key.id for key in keys}) == 3
