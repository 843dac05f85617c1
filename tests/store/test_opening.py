"""The address of the store: which store it names, and what is said of one that cannot be used."""

import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import Broken
from grokdesk.core.secret import Secret
from grokdesk.core.settings import StorageSettings
from grokdesk.platform.paths import Paths
from grokdesk.platform.tasks import Supervisor
from grokdesk.store import mysql, postgresql
from grokdesk.store.address import Address, BadAddress, address_of
from tests.store import make
from tests.store.contract.places import Place

ROOT = Path(__file__).resolve().parents[2]
DRIVERS = {"asyncpg", "aiomysql", "pymysql", "redis", "sqlalchemy.dialects.mysql"}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with Supervisor() as supervisor, AsyncExitStack() as stack:
        yield Place("sqlite", tmp_path, None, supervisor, stack)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of nobody, with its key in the same file."""
    path = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody"),
            *("-keyout", str(path), "-out", str(tmp_path / "alone.pem")),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + (tmp_path / "alone.pem").read_text())
    return path


def of(url: str) -> Address:
    return address_of(Secret(url), port=5432, socket="host")


# --- which store --------------------------------------------------------------------------------------------


async def test_without_an_address_it_is_the_file_and_nobody_else_is_there(place: Place, paths: Paths) -> None:
    """
    Its gateway leads and is granted everything, and there is a file to copy.
    """
    stores = await place.open()
    await stores.accounts.add([make.account("a")])

    granted = [await stores.shared.acquire(AccountId("id-a"), 1) for _ in range(3)]
    stores.shared.release(AccountId("id-a"))
    assert stores.copy_to is not None
    await stores.copy_to(paths.data / "copy.db")

    assert (stores.shared.leads, granted) == (True, [None] * 3)
    assert b"id-a" in (paths.data / "copy.db").read_bytes()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle://name:secret-word@host/db", "cannot be understood"),
        ("secret-word", "cannot be understood"),
        ("postgresql://name:secret-word@host:port/db", "cannot be read"),
        ("postgresql://name:secret-word@[host/db", "cannot be read"),
        ("postgresql://name:secret-word@host/db?sslmode", "cannot be read"),
        ("postgresql://name:secret-word@host/db?sslmode=maybe", "unknown sslmode"),
        ("postgresql://name:secret-word@host/db?ssl=true", "unknown option: ssl"),
        ("postgresql://name:secret-word@host/db?sslrootcert=ca.pem", "would not be used"),
        ("postgresql://name:secret-word@host/db?sslmode=verify-ca&sslrootcert=no.pem", "certificates"),
        ("postgresql:///db?host=elsewhere", "that is no path"),
        ("mysql://name:secret-word@host/db?ssl-mode=preferred", "unknown ssl-mode"),
        ("mysql://name:secret-word@host/db?ssl-ca=ca.pem", "no ssl-mode"),
        ("mariadb://name:secret-word@host/db?ssl_mode=verify_ca&ssl_ca=no.pem", "certificates"),
        ("mysql://name:secret-word@host/db?charset=latin1", "unknown option: charset"),
    ],
)
async def test_an_address_that_cannot_be_used_is_explained(place: Place, url: str, words: str) -> None:
    """
    Before anything is connected, and without repeating the password.
    """
    with pytest.raises(Broken, match=words) as refused:
        await place.open(storage=StorageSettings(url=url, team_key="of the team"))

    told = refused.value
    assert told.hint
    assert "secret-word" not in told.message + told.hint + told.detail


@pytest.mark.parametrize("url", ["postgresql://host/db", "mysql://host/db", "redis://host/0"])
async def test_a_shared_store_needs_a_team_key(place: Place, url: str) -> None:
    """
    There is none to fall back to.
    """
    with pytest.raises(Broken, match="team key") as refused:
        await place.open(storage=StorageSettings(url=url))

    assert "storage.team_key" in refused.value.hint


@pytest.mark.parametrize(
    ("url", "driver", "hint"),
    [
        ("postgres://host/db", "asyncpg", "pip install 'grokdesk[postgres]'"),
        ("mariadb://host/db", "aiomysql", "pip install 'grokdesk[mysql]'"),
        ("rediss://host/0", "redis", "pip install 'grokdesk[redis]'"),
    ],
)
async def test_a_driver_that_is_not_installed_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch, url: str, driver: str, hint: str
) -> None:
    """
    With the command that installs it.
    """
    for name in list(sys.modules):
        if name.split(".")[0] == driver or name.startswith(
            ("grokdesk.store.redis", "grokdesk.store.mysql", "grokdesk.store.postgresql")
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(Broken, match="cannot speak to") as refused:
        await place.open(storage=StorageSettings(url=url, team_key="of the team"))

    assert refused.value.hint.endswith(hint)


def test_no_driver_is_imported_unless_its_server_is_used() -> None:
    """
    A desktop pays nothing for what teams use.
    """
    program = f"""
import sys, grokdesk.store.opening, grokdesk.store.file_store, grokdesk.app
print(sorted({DRIVERS} & set(sys.modules)))
"""
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, cwd=ROOT, text=True
    )

    assert told.stdout == "[]\n"


# --- reading addresses --------------------------------------------------------------------------------------


def test_an_address_is_taken_apart() -> None:
    """
    Percent signs stand for what an address cannot hold; what is missing is filled in.
    """
    full = of("postgresql://na%40me:p%3Aw%2F@db.example:6000/team?sslmode=require")
    bare = of("postgres://")

    assert (full.host, full.port, full.user, full.database) == ("db.example", 6000, "na@me", "team")
    assert full.password.reveal() == "p:w/"
    assert (bare.host, bare.port, bare.user, bare.database) == ("localhost", 5432, "", "grokdesk")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://name:hush-hush@db/x", "db:5432"),
        ("postgresql://name:hush-hush@[::1]:6000/x", "[::1]:6000"),
        ("postgresql:///x?host=/run/postgresql", "/run/postgresql"),
    ],
)
def test_where_a_server_is_can_be_shown(url: str, where: str) -> None:
    """
    Without name and password.
    """
    assert of(url).where == where
    assert "hush-hush" not in repr(of(url))


# --- TLS ----------------------------------------------------------------------------------------------------

Tls = ssl.SSLContext | str | bool | None


@pytest.mark.parametrize(
    ("url", "tls"),
    [
        ("postgresql://h/d", "prefer"),
        ("postgresql://h/d?sslmode=allow", "allow"),
        ("postgresql://h/d?sslmode=disable", False),
        ("mysql://h/d", None),
        ("mysql://h/d?ssl-mode=DISABLED", None),
    ],
)
def test_modes_without_a_check_need_no_certificates(url: str, tls: Tls) -> None:
    """
    PostgreSQL's usual one takes what it gets, as its own tools do; MySQL's is none.
    """
    assert read(url) == tls


def read(url: str) -> Tls:
    door: Callable[[Address], Tls] = postgresql.tls_of if url.startswith("postgres") else mysql.tls_of
    socket = "host" if url.startswith("postgres") else "unix-socket"
    return door(address_of(Secret(url), port=1, socket=socket))


@pytest.mark.parametrize(
    ("url", "verify", "names"),
    [
        ("postgresql://h/d?sslmode=require", ssl.CERT_NONE, False),
        ("postgresql://h/d?sslmode=require&sslrootcert=CERT", ssl.CERT_REQUIRED, False),
        ("postgresql://h/d?sslmode=verify-ca", ssl.CERT_REQUIRED, False),
        ("postgresql://h/d?sslmode=verify-full&sslrootcert=CERT", ssl.CERT_REQUIRED, True),
        ("postgresql://h/d?sslmode=verify-full&sslcert=CERT&sslkey=CERT", ssl.CERT_REQUIRED, True),
        ("mysql://h/d?ssl-mode=required", ssl.CERT_NONE, False),
        ("mysql://h/d?ssl-mode=VERIFY_CA&ssl-ca=CERT", ssl.CERT_REQUIRED, False),
        ("mysql://h/d?ssl_mode=verify_ca&ssl_check_hostname=true", ssl.CERT_REQUIRED, True),
        ("mysql://h/d?ssl-mode=verify_identity&ssl-cert=CERT", ssl.CERT_REQUIRED, True),
        ("mysql://h/d?ssl-mode=verify_identity&ssl-cipher=ECDHE%2BAESGCM", ssl.CERT_REQUIRED, True),
    ],
)
def test_modes_with_a_check_check_what_they_say(
    certificate: Path, url: str, verify: ssl.VerifyMode, *, names: bool
) -> None:
    """
    Who signed the certificate, and whether it is that of this host.
    """
    context = read(url.replace("CERT", str(certificate)))

    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (verify, names)


def test_ciphers_nobody_has_are_refused() -> None:
    """
    In words, not with an error of OpenSSL.
    """
    with pytest.raises(BadAddress, match="certificates"):
        read("mysql://h/d?ssl-mode=required&ssl-cipher=ROT13")
