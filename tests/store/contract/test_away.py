"""A server that goes away and comes back: requests go on, nothing is lost, no lease is left behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import Broken
from grokdesk.core.settings import StorageSettings
from grokdesk.store.database import DatabaseTrouble
from grokdesk.store.stores import Stores
from tests.store import make
from tests.store.contract.places import Place, eventually
from tests.store.contract.servers import PASSWORD, TEAM_KEY

pytestmark = pytest.mark.shared

A = AccountId("id-a")
B = AccountId("id-b")


async def free(stores: Stores, account: AccountId, *, most: int) -> bool:
    """Whether a lease can be had where there may be `most`; gives it back."""
    if await stores.shared.acquire(account, most) is not None:
        return False
    stores.shared.release(account)
    return True


async def test_gateways_go_on_without_the_server(place: Place) -> None:
    """
    Leases are granted at once, changes wait; when the server is back all of it is there and nothing more.
    """
    one, other = await place.open("one"), await place.open("other")
    account = make.account("a")
    await one.accounts.add([account, make.account("b")])
    await other.accounts.all()
    await one.shared.acquire(A, 9)
    await one.shared.acquire(A, 9)
    await other.shared.acquire(B, 1)

    await place.running.stop()
    began = time.monotonic()
    granted = [await one.shared.acquire(A, 3) for _ in range(50)]
    took_s = time.monotonic() - began
    for _ in range(51):
        one.shared.release(A)
    one.accounts.save(replace(account, uses=50))
    one.runs.save(make.run("r"))
    other.accounts.save(replace(account, failures=3))
    other.shared.release(B)
    with pytest.raises(DatabaseTrouble, match="cannot be reached"):
        await one.runs.latest(1)
    await place.running.start()

    async def all_there() -> bool:
        try:
            kept = [row.account async for rows in one.accounts.batches() for row in rows]
            return (kept[0].uses, kept[0].failures) == (50, 3) and len(await one.runs.latest(9)) == 1
        except DatabaseTrouble:
            return False

    async def one_is_held() -> bool:
        return not await free(other, A, most=1) and await free(other, A, most=2)

    await eventually(all_there)
    await eventually(one_is_held)
    one.shared.release(A)
    await eventually(lambda: free(other, A, most=1))
    await eventually(lambda: free(one, B, most=1))
    assert granted == [None] * 50
    assert took_s < 1.5
    assert "The shared store cannot be reached." in place.told
    assert place.told[-1] == ""


async def test_a_server_that_says_nothing_holds_nobody_up(place: Place) -> None:
    """
    The first request waits a moment, the next ones not at all.
    """
    stores = await place.open()
    await stores.shared.acquire(A, 5)
    place.running.freeze()
    try:
        began = time.monotonic()
        first = await stores.shared.acquire(A, 1)
        waited_s = time.monotonic() - began
        again = [await stores.shared.acquire(A, 1) for _ in range(20)]
        more_s = time.monotonic() - began - waited_s
    finally:
        place.running.thaw()

    for _ in range(22):
        stores.shared.release(A)
    other = await place.open("other")
    await eventually(lambda: free(other, A, most=1))
    assert (first, again) == (None, [None] * 20)
    assert waited_s < 2.0
    assert more_s < 0.1


async def test_a_change_whose_answer_is_lost_counts_once(place: Place) -> None:
    """
    The connection breaks between the writing and the word of it, again and again: every use counts, and once.
    """
    async with cutting(place) as cut:
        storage = StorageSettings(url=cut.url, team_key=TEAM_KEY.reveal())
        stores, other = await place.open("one", storage=storage), await place.open("other")
        account = make.account("a")
        await stores.accounts.add([account])
        await other.accounts.all()
        for number in range(1, 4):
            cut.is_on = True
            account = replace(account, uses=number)
            stores.accounts.save(account)
            other.accounts.save(replace(account, uses=0, failures=number))
            await cut.happened()
            cut.is_on = False
            await asyncio.sleep(0.3)

        async def all_there() -> bool:
            kept = [row.account async for rows in other.accounts.batches() for row in rows]
            return (kept[0].uses, kept[0].failures) == (3, 3)

        await eventually(all_there)
        await place.close(stores)
        kept = [row.account async for rows in other.accounts.batches() for row in rows]

    assert (kept[0].uses, kept[0].failures) == (3, 3)


class Cut:
    """A way to the server that loses answers. While it `is_on`, a connection ends when it has written."""

    # What a client sends when it writes for good.
    WRITES = (b"COMMIT", b"EVAL", b"FCALL", b"EXEC")

    def __init__(self, url: str, port: int) -> None:
        self.url = url
        self.is_on = False
        self._port = port
        self._happened = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def happened(self) -> None:
        """Return when the next answer has been lost."""
        self._happened.clear()
        async with asyncio.timeout(5):
            await self._happened.wait()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "it is a task"
        self._tasks.add(task)
        there_reader, there = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forth(reader, there, there_reader))
                group.create_task(self._back(there_reader, writer))
        except* (ConnectionError, EOFError):
            pass
        finally:
            self._tasks.discard(task)
            there.close()
            writer.close()

    async def _forth(
        self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, answers: asyncio.StreamReader
    ) -> None:
        while data := await reader.read(65_536):
            lost = self.is_on and any(word in data for word in self.WRITES)
            there.write(data)
            await there.drain()
            if lost:
                # Long enough for the server to have done it.
                await asyncio.sleep(0.05)
                self._happened.set()
                raise ConnectionResetError
        raise EOFError

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        raise EOFError

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def cutting(place: Place) -> AsyncIterator[Cut]:
    port = place.running.port
    cut = Cut("", port)
    server = await asyncio.start_server(cut.pass_on, "127.0.0.1", 0)
    try:
        here = server.sockets[0].getsockname()[1]
        cut.url = place.running.url.replace(f":{port}/", f":{here}/")
        yield cut
    finally:
        server.close()
        cut.close()
        await asyncio.sleep(0)


# --- at the start -------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_named(place: Place) -> None:
    """
    Soon, with host and port, and without the password.
    """
    await place.running.stop()
    began = time.monotonic()
    try:
        with pytest.raises(Broken, match="cannot be reached") as refused:
            await place.open()
    finally:
        await place.running.start()

    assert f"127.0.0.1:{place.running.port}" in refused.value.hint + refused.value.message
    assert PASSWORD not in f"{refused.value.message} {refused.value.hint} {refused.value.detail}"
    assert time.monotonic() - began < 8


async def test_a_wrong_password_is_explained(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """
    And neither the right one nor the wrong one is told or logged.
    """
    wrong = place.running.url.replace(PASSWORD, "guessed-password")

    with pytest.raises(Broken) as refused:
        await place.open(storage=StorageSettings(url=wrong, team_key=TEAM_KEY.reveal()))

    told = f"{refused.value.message} {refused.value.hint} {refused.value.detail} {caplog.text}"
    assert "password" in refused.value.message + refused.value.hint
    assert "guessed-password" not in told
    assert TEAM_KEY.reveal() not in told
