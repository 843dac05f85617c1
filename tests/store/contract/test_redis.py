"""What only a Redis server does: it forgets, it lets others in with little, it is reached in several ways."""

import asyncio
import datetime as dt
import ipaddress
import shutil
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from redis.asyncio import Redis

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.core.settings import StorageSettings
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.database import DatabaseTrouble
from grokdesk.store.stores import Stores
from tests.store import make
from tests.store.contract.conftest import Running
from tests.store.contract.places import QUICK, Place, eventually
from tests.store.contract.servers import PASSWORD, TEAM_KEY, RedisServer, Server

A = AccountId("id-a")


@pytest.fixture
def redis_server(running: Running) -> Server:
    server = running.get("redis")
    assert server is not None, "it is one"
    return server


@pytest.fixture
async def place(redis_server: Server, tmp_path: Path) -> AsyncIterator[Place]:
    async with Supervisor() as supervisor, AsyncExitStack() as stack:
        await redis_server.clean()
        yield Place("redis", tmp_path, redis_server, supervisor, stack)


async def ask(place: Place, *command: str | float) -> Any:  # noqa: ANN401 - whatever Redis answers
    """Run a command, as another program would."""
    async with Redis(host="127.0.0.1", port=place.running.port, password=PASSWORD) as client:
        return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no types


def at(url: str) -> StorageSettings:
    return StorageSettings(url=url, team_key=TEAM_KEY.reveal())


async def kept(stores: Stores) -> list[Account]:
    """The accounts as they are on the server."""
    return [row.account async for rows in stores.accounts.batches() for row in rows]


async def nothing_is_wrong(place: Place) -> bool:
    """Whether the last trouble was taken back."""
    return place.told[-1] == ""


# --- a server that forgets ----------------------------------------------------------------------------------


async def test_a_server_that_lost_everything_takes_no_account_away(place: Place) -> None:
    """
    An empty server is not an order to forget: the owner is told, and when the data is back all goes on.
    """
    stores = await place.open()
    account = make.account("a")
    await stores.accounts.add([account])
    await stores.accounts.all()
    dump = {key: await ask(place, "DUMP", key) for key in await ask(place, "KEYS", "*")}

    await ask(place, "FLUSHALL")
    stores.accounts.save(replace(account, uses=1))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.6):
            await stores.shared.news()
    told_meanwhile = list(place.told)
    await ask(place, "FLUSHALL")
    for key, value in dump.items():
        await ask(place, "RESTORE", key, 0, value)

    async def written() -> bool:
        try:
            return [one.uses for one in await kept(stores)] == [1]
        except DatabaseTrouble:
            return False

    await eventually(written)
    await eventually(lambda: nothing_is_wrong(place))
    assert "has lost the accounts" in told_meanwhile[-1]


async def test_what_a_killed_server_forgot_is_written_again(place: Place) -> None:
    """
    Its last second is not on its disk: a change, a new account. The gateway that knows them writes them.
    """
    one, other = await place.open("one"), await place.open("other")
    a = make.account("a")
    await one.accounts.add([a, make.account("b")])
    for stores in (one, other):
        await stores.accounts.all()
    await one.accounts.remove([AccountId("id-b")], at=1.0)
    data, before = place.running.folder / "data", place.folder / "before"
    await place.running.stop()
    shutil.copytree(data, before)
    await place.running.start()
    changed, new = replace(a, uses=5, label="later"), make.account("new")
    one.accounts.save(changed)

    async def added() -> bool:
        try:
            await one.accounts.add([new])
        except DatabaseTrouble:
            return False
        return True

    await eventually(added)
    await place.running.stop()
    shutil.rmtree(data)
    shutil.copytree(before, data)
    await place.running.start()

    async def all_there() -> bool:
        try:
            return await kept(other) == [changed, make.account("b"), new]
        except DatabaseTrouble:
            return False

    await eventually(all_there)
    assert await other.accounts.all() == [changed, new]


async def test_a_gateway_that_slept_says_again_what_it_holds(place: Place) -> None:
    """
    The others believed it dead. Its requests are still under way, and count again.
    """
    one, other = await place.open("one"), await place.open("other")
    assert await one.shared.acquire(A, 1) is None

    for key in await ask(place, "KEYS", "grokdesk:holds/*"):
        await ask(place, "DEL", key)

    async def counts() -> bool:
        return await other.shared.acquire(A, 1) == 1

    async def counts_or_gives_back() -> bool:
        if await counts():
            return True
        other.shared.release(A)
        return False

    await eventually(counts_or_gives_back)


async def test_a_full_server_is_told_and_gone_on_with(place: Place) -> None:
    """
    Requests are served, changes wait; with memory again they are written and the owner hears nothing more.
    """
    stores = await place.open()
    account = make.account("a")
    await stores.accounts.add([account])
    await ask(place, "CONFIG", "SET", "maxmemory", "1")
    try:
        stores.accounts.save(replace(account, uses=1))

        async def told() -> bool:
            return "The Redis server has no memory left." in place.told

        await eventually(told)
        granted = await stores.shared.acquire(A, 1)
    finally:
        await ask(place, "CONFIG", "SET", "maxmemory", "0")

    async def written() -> bool:
        await stores.runs.latest(1)
        return [one.uses for one in await kept(stores)] == [1]

    await eventually(written)
    await eventually(lambda: nothing_is_wrong(place))
    assert granted is None


# --- opening ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "bad", "good", "word"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction", "throws"),
        ("appendonly", "no", "yes", "keeps nothing"),
    ],
)
async def test_a_server_that_may_lose_accounts_is_pointed_out(
    place: Place, option: str, bad: str, good: str, word: str
) -> None:
    """
    It works, and the owner is told what to change.
    """
    await ask(place, "CONFIG", "SET", option, bad, "maxmemory", "1gb")
    try:
        stores = await place.open()
        await stores.accounts.add([make.account("a")])
    finally:
        await ask(place, "CONFIG", "SET", option, good, "maxmemory", "0")

    assert len(place.told) == 1
    assert word in place.told[0]


async def test_a_store_of_a_newer_version_is_left_alone(place: Place) -> None:
    """
    It says so, and nothing of it is changed.
    """
    await place.close(await place.open())
    await ask(place, "SET", "grokdesk:schema", "2")

    with pytest.raises(DatabaseTrouble, match="newer GrokDesk"):
        await place.open()


@pytest.mark.parametrize("value", ["a word of somebody else", "-1"])
async def test_what_is_somebody_elses_is_left_alone(place: Place, value: str) -> None:
    """
    A key with the same name is not taken for a store.
    """
    await ask(place, "SET", "grokdesk:schema", value)

    with pytest.raises(DatabaseTrouble, match="not a store"):
        await place.open()


async def test_stores_with_other_prefixes_do_not_meet(place: Place) -> None:
    """
    One server holds several, and one database or another.
    """
    usual = await place.open("a")
    url = place.running.url
    await ask(place, "HSET", "team:facts", "team", await ask(place, "HGET", "grokdesk:facts", "team"))
    prefixed = await place.open("b", storage=at(f"{url}?prefix=team:"))
    await usual.accounts.add([make.account("a")])
    await prefixed.accounts.add([make.account("b")])

    assert [account.label for account in await usual.accounts.all()] == ["a"]
    assert [account.label for account in await prefixed.accounts.all()] == ["b"]
    with pytest.raises(DatabaseTrouble, match="no database with this number"):
        await place.open("c", storage=at(url.replace("/0", "/4711")))


async def test_a_user_needs_only_what_is_written_in_the_manual(place: Place) -> None:
    """
    The keys and the channel of the prefix. Without the channel, changes are still found by looking.
    """
    url = place.running.url.replace(f":{PASSWORD}@", "anna:anna-password@")
    await ask(
        place,
        "ACL",
        "SETUSER",
        "anna",
        "on",
        ">anna-password",
        "+@all",
        "-@admin",
        "~grokdesk:*",
        "resetchannels",
    )
    try:
        await ask(place, "ACL", "SETUSER", "anna", "-evalsha", "-eval")
        with pytest.raises(DatabaseTrouble, match="does not allow") as refused:
            await place.open("anna", storage=at(url))
        await ask(place, "ACL", "SETUSER", "anna", "+@all", "-@admin", "&grokdesk:*")
        anna, other = await place.open("anna", storage=at(url)), await place.open("other")
        await anna.accounts.all()
        await other.accounts.add([make.account("a")])
        async with asyncio.timeout(3):
            news = await anna.shared.news()
    finally:
        await ask(place, "ACL", "DELUSER", "anna")

    assert [account.label for account in news.accounts] == ["a"]
    assert "anna-password" not in refused.value.message + refused.value.hint + refused.value.detail


async def test_a_store_can_be_closed_right_after_it_was_opened(place: Place) -> None:
    """
    Whatever it is doing at that moment; a cancellation that redis-py swallows holds nothing up.
    """
    async with asyncio.timeout(20):
        for turn in range(25):
            stores = await place.open()
            await asyncio.sleep(0.0005 * turn)
            began = time.monotonic()
            await place.close(stores)
            assert time.monotonic() - began < 1.5


# --- ways to reach it ---------------------------------------------------------------------------------------


class Reachable(RedisServer):
    """A server that is reached by TLS and by a socket as well."""

    def __init__(self) -> None:
        super().__init__()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.tls_port: int = probe.getsockname()[1]

    def set_up(self) -> None:
        super().set_up()
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server of a test")])
        day = dt.timedelta(days=1)
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def path(self) -> Path:
        return self.folder / "socket"

    def command(self) -> list[str]:
        return [
            *super().command(),
            *("--unixsocket", str(self.path), "--tls-port", str(self.tls_port)),
            *("--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.folder / "key.pem")),
            *("--tls-ca-cert-file", str(self.certificate), "--tls-auth-clients", "no"),
        ]


@pytest.fixture(scope="module")
def reachable(running: Running) -> Iterator[Reachable]:
    running.get("redis")  # skips where it is not installed
    with Reachable() as server:
        yield server


async def test_a_server_is_reached_by_tls_and_by_a_socket(place: Place, reachable: Reachable) -> None:
    """
    And it is the same store.
    """
    await reachable.clean()
    tls = f"rediss://:{PASSWORD}@127.0.0.1:{reachable.tls_port}/0?ssl_ca_certs={reachable.certificate}"
    by_tls = await place.open("a", storage=at(tls))
    by_socket = await place.open("b", storage=at(f"unix://:{PASSWORD}@{reachable.path}?db=0"))
    await by_tls.accounts.add([make.account("a")])

    assert await by_socket.accounts.all() == [make.account("a")]


@pytest.mark.parametrize("options", ["", "?ssl_check_hostname=false"])
async def test_a_certificate_nobody_knows_is_refused(
    place: Place, reachable: Reachable, options: str
) -> None:
    """
    Before the password is sent.
    """
    url = f"rediss://:{PASSWORD}@127.0.0.1:{reachable.tls_port}/0{options}"

    with pytest.raises(Broken) as refused:
        await place.open("a", storage=at(url))

    assert "CERTIFICATE_VERIFY_FAILED" in refused.value.detail.upper()


# --- size ---------------------------------------------------------------------------------------------------


async def test_ten_thousand_accounts_come_and_go(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A large owner's list is imported, and read at the next start, whole; the times are only told.
    """
    many = [make.account(f"n{number}", cookies="cf_clearance=abc") for number in range(10_000)]
    stores = await place.open("a", timing=replace(QUICK, answer_s=20.0))

    start = time.perf_counter()
    await stores.accounts.add(many)
    added = time.perf_counter()
    read = await stores.accounts.all()
    loaded = time.perf_counter()

    assert read == many
    assert read[0].cookies == Secret("cf_clearance=abc")
    with capsys.disabled():
        sys.stdout.write(
            f"[Redis, 10,000 accounts: added in {added - start:.2f} s, read in {loaded - added:.2f} s]\n"
        )
