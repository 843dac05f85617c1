"""Proxy addresses, and which one comes next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.egress import Egress, Route, next_route, normal_proxy, public_name
from grokdesk.core.secret import Secret

ROUTES = [Route(name, Secret(f"http://{name}:1")) for name in "abc"]


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("http://proxy:8080", "http://proxy:8080"),
        ("https://proxy", "https://proxy"),
        ("proxy:8080", "http://proxy:8080"),
        (" socks5://u:p@proxy:1080 ", "socks5h://u:p@proxy:1080"),
        ("socks://proxy", "socks5h://proxy"),
        ("socks5h://proxy", "socks5h://proxy"),
        ("SOCKS4://proxy", "socks4a://proxy"),
        ("socks4a://proxy", "socks4a://proxy"),
        ("http://u:p%40ss@proxy:1/", "http://u:p%40ss@proxy:1/"),
    ],
)
def test_a_proxy_resolves_names_itself(address: str, normal: str) -> None:
    """
    Every accepted form becomes the one that leaves name resolution to the proxy.
    """
    assert normal_proxy(address) == normal


@pytest.mark.parametrize(
    "address", ["ftp://proxy", "http://", "", "http://user:pass@", "vmess://abc", "http:///"]
)
def test_what_is_no_proxy_is_refused(address: str) -> None:
    """
    Another scheme or a missing host is named, not guessed.
    """
    with pytest.raises(ValueError, match="proxy"):
        normal_proxy(address)


@pytest.mark.parametrize(
    ("proxy", "name"),
    [
        ("http://user:secret@proxy:8080", "http://proxy:8080"),
        ("socks5h://proxy:1080", "socks5h://proxy:1080"),
        ("http://user:se@cret@proxy", "http://proxy"),
    ],
)
def test_a_proxy_is_named_without_its_password(proxy: str, name: str) -> None:
    """
    Lists and logs show scheme, host and port alone.
    """
    assert public_name(proxy) == name


@given(st.integers(0, 2), st.integers(0, 2))
def test_only_the_failing_route_is_left(current: int, failing: int) -> None:
    """
    The pool moves on by one when the failing route is the current one, and stays otherwise.
    """
    then = next_route(ROUTES, current, ROUTES[failing])

    assert then == ((current + 1) % 3 if current == failing else current)


def test_without_an_alternative_nothing_moves() -> None:
    """
    One route stays, and no route at all is no error.
    """
    assert next_route(ROUTES[:1], 0, ROUTES[0]) == 0
    assert next_route([], 0, ROUTES[0]) == 0


def test_an_egress_does_not_print_its_secrets() -> None:
    """
    Neither the password of the proxy nor the clearance appears in its text.
    """
    egress = Egress(proxy=Secret("http://user:hunter2@proxy:1"), cookies=Secret("cf_clearance=0123456789"))

    assert "hunter2" not in repr(egress)
    assert "0123456" not in repr(egress)
