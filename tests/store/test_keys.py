"""Client keys that survive a restart."""

import sqlite3
from dataclasses import replace

import pytest

from grokdesk.core.secret import Secret
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import Vault
from grokdesk.store.database import Conflict, Database
from grokdesk.store.keys import SqlKeys
from tests.store import make


@pytest.fixture
def keys(database: Database, vault: Vault) -> SqlKeys:
    return SqlKeys(database, vault)


async def test_a_key_comes_back_whole(keys: SqlKeys) -> None:
    """
    Its value can still be copied after a restart.
    """
    first, second = make.key("一"), make.key("b")

    await keys.add(first)
    await keys.add(second)

    assert await keys.all() == [first, second]


async def test_a_revoked_key_stays_in_the_list_with_its_first_time(keys: SqlKeys) -> None:
    """
    The owner sees when it was revoked, also after doing so twice.
    """
    await keys.add(make.key("a"))

    await keys.revoke("id-a", at=5.0)
    await keys.revoke("id-a", at=9.0)

    assert await keys.all() == [replace(make.key("a"), revoked_at=5.0)]


async def test_the_same_key_is_not_added_twice(keys: SqlKeys) -> None:
    """
    A digest belongs to one key.
    """
    await keys.add(make.key("a"))

    with pytest.raises(Conflict):
        await keys.add(replace(make.key("b"), digest="digest-a"))


async def test_a_key_that_cannot_be_opened_still_works(keys: SqlKeys, paths: Paths) -> None:
    """
    Checking a key takes its digest only; what is lost is showing it.
    """
    await keys.add(make.key("a"))
    connection = sqlite3.connect(paths.database)
    with connection:
        connection.execute("UPDATE client_keys SET value = x'00'")
    connection.close()

    assert await keys.all() == [replace(make.key("a"), value=Secret(""))]
