"""Addresses of Redis servers."""

from pathlib import Path

import pytest

from grokdesk.store.database import DatabaseTrouble
from grokdesk.store.redis_server import Address, framed, unframed


@pytest.mark.parametrize(
    ("url", "where", "user", "password", "number", "prefix"),
    [
        ("redis://example.org", "example.org:6379", "", "", 0, "grokdesk:"),
        ("redis://:s%40cret@example.org:7000/3", "example.org:7000", "", "s@cret", 3, "grokdesk:"),
        ("redis://anna:pw@[::1]/2?prefix=team%3A", "[::1]:6379", "anna", "pw", 2, "team:"),
        ("rediss://anna:pw@example.org/?db=4", "example.org:6379", "anna", "pw", 4, "grokdesk:"),
        ("unix:///run/redis/redis.sock?db=5", "/run/redis/redis.sock", "", "", 5, "grokdesk:"),
        ("unix://anna:pw@/run/redis.sock", "/run/redis.sock", "anna", "pw", 0, "grokdesk:"),
    ],
)
def test_an_address_says_everything(
    url: str, where: str, user: str, password: str, number: int, prefix: str
) -> None:
    """
    Server, name, password, number of the database and prefix of the keys; a password is shown nowhere.
    """
    address = Address.parsed(url)

    assert (address.where, address.user, address.password.reveal()) == (where, user, password)
    assert (address.number, address.prefix) == (number, prefix)
    assert not password or password not in repr(address)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://:pass-word@example.org", "redis://"),
        ("redis://:pass-word@example.org:port", "not an address"),
        ("redis://:pass-word@example.org/first", "not the number"),
        ("redis://:pass-word@example.org/0?timeout=5", "timeout"),
        ("redis://:pass-word@example.org/0?ssl_ca_certs=/x", "rediss://"),
        ("redis://:pass-word@example.org/0?prefix=", "prefix"),
        ("redis://:pass-word@example.org/0?db=1&db=2", "twice"),
        ("rediss://:pass-word@example.org/?ssl_cert_reqs=maybe", "ssl_cert_reqs"),
        ("rediss://:pass-word@example.org/?ssl_check_hostname=maybe", "ssl_check_hostname"),
        ("rediss://:pass-word@example.org/?ssl_cert_reqs=none&ssl_check_hostname=1", "ssl_cert_reqs"),
        ("rediss://:pass-word@example.org/?ssl_ca_certs=/not/there", "ssl_ca_certs"),
        ("rediss://:pass-word@example.org/?ssl_keyfile=/not/there", "ssl_keyfile"),
        ("unix://", "socket"),
    ],
)
def test_a_wrong_address_is_explained(url: str, why: str) -> None:
    """
    With what is wrong about it, and without the password.
    """
    with pytest.raises(DatabaseTrouble) as refused:
        Address.parsed(url)

    told = refused.value.message + refused.value.hint + refused.value.detail
    assert why in told
    assert "pass-word" not in told


def test_tls_asks_for_a_certificate_unless_told_otherwise(tmp_path: Path) -> None:
    """
    Leaving that out takes an option of its own.
    """
    bundle = tmp_path / "ca.pem"
    bundle.touch()

    usual = Address.parsed("rediss://example.org")
    own = Address.parsed(f"rediss://example.org?ssl_ca_certs={bundle}&ssl_check_hostname=no")
    none = Address.parsed("rediss://example.org?ssl_cert_reqs=none")

    assert usual.tls == {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert own.tls == {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": False,
        "ssl_ca_certs": str(bundle),
    }
    assert none.tls == {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
    assert Address.parsed("redis://example.org").tls is None


def test_frames_hold_anything() -> None:
    """
    What goes in comes out, also when it looks like a frame.
    """
    values: list[str | bytes] = ["", "3:abc", "ü\n甲", b"\x00:\xff", "x" * 70_000]

    out = unframed(framed(values))

    assert out == [value.encode() if isinstance(value, str) else value for value in values]
    assert unframed(b"") == []
