"""Proxy addresses, how ways out fare, which one comes next, and what makes a clearance."""

from __future__ import annotations

from math import inf
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import AccountId
from grokdesk.core.egress import (
    DEFAULT_USER_AGENT,
    Egress,
    Footing,
    Health,
    answered,
    blames_account,
    check_manual,
    choose,
    failed,
    footing,
    identity,
    listed,
    needs_refresh,
    normal_proxy,
    normal_way,
    public_name,
    rest_s,
    route_of,
    worked,
)
from grokdesk.core.errors import EgressOutcome
from grokdesk.core.secret import Secret

A, B = AccountId("a"), AccountId("b")
UNREACHABLE = EgressOutcome.UNREACHABLE


# --- addresses ----------------------------------------------------------------------------------------------


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
        ("http://u:p%40ss@proxy:1/", "http://u:p%40ss@proxy:1"),
        ("http://u:p@ss/w?rd#1@proxy:1", "http://u:p%40ss%2Fw%3Frd%231@proxy:1"),
        ("http://u:100%@proxy", "http://u:100%25@proxy"),
        ("http://only-name@proxy:1", "http://only-name@proxy:1"),
        ("http://@proxy:1", "http://proxy:1"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
        ("http://bücher.example:1", "http://xn--bcher-kva.example:1"),
        ("gate.example:7000:user-1:hunter2", "http://user-1:hunter2@gate.example:7000"),
        ("socks5://gate.example:7000:user:p:w", "socks5h://user:p%3Aw@gate.example:7000"),
        ("http://me-{account}:pw@gate:1", "http://me-{account}:pw@gate:1"),
        ("http://me:{account}@gate:1", "http://me:%7Baccount%7D@gate:1"),
    ],
)
def test_a_proxy_address_is_understood_in_every_usual_form(address: str, normal: str) -> None:
    """
    Each becomes the one that the wire takes: names are resolved at the proxy, what is odd is escaped.
    """
    assert normal_proxy(address) == normal
    assert normal_proxy(normal) == normal


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("ftp://user:hunter2@proxy", "'ftp' is not a proxy scheme"),
        ("vmess://abc", "'vmess' is not a proxy scheme"),
        ("user:hunter2://x@proxy:1", "this is no proxy address"),
        ("http://", "no host"),
        ("", "no host"),
        ("http://user:hunter2@", "no host"),
        ("http:///", "no host"),
        ("http://user:hunter2@proxy:port", "port must be a number"),
        ("http://user:hunter2@proxy:70000", "port must be a number"),
        ("http://user:hunter2@proxy:0", "port must be a number"),
        ("http://user:hunter2@proxy:1/path", "goes on after its host and port"),
        ("http://user:hunter2@pro xy:1", "a space"),
        ("http://user:hunter2@pro(xy:1", "not a name or an address"),
        ("http://[::zz]:1", "not a name or an address"),
        ("http://user:hunter2@{account}.gate:1", "only stand in the user name"),
    ],
)
def test_what_is_no_proxy_is_named_without_its_password(address: str, problem: str) -> None:
    """
    The reason says what is wrong; a password typed in the wrong place does not show.
    """
    with pytest.raises(ValueError, match="proxy") as caught:
        normal_proxy(address)

    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_and_password_can_be_written(user: str, password: str) -> None:
    """
    Escaped by hand or by us, they reach the proxy as they are.
    """
    quoted = normal_proxy(f"http://{_escaped(user)}:{_escaped(password)}@proxy:1")

    parts = urlsplit(quoted)
    assert (unquote(parts.username or ""), unquote(parts.password or "")) == (user, password)
    assert (parts.hostname, parts.port) == ("proxy", 1)


def _escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))


@given(st.text())
def test_any_text_is_an_address_or_a_reason(text: str) -> None:
    """
    Nothing that an owner pastes ends in another error, and what is accepted stays as it is.
    """
    try:
        normal = normal_way(text)
    except ValueError:
        return

    assert normal_way(normal) == normal


def test_a_way_out_may_be_any_or_direct() -> None:
    """
    What an account can be bound to, besides a proxy.
    """
    assert [normal_way(text) for text in ("", " Direct ", "proxy:1")] == ["", "direct", "http://proxy:1"]


def test_a_list_is_read_by_lines_and_commas() -> None:
    """
    However an owner pastes it.
    """
    assert listed("http://a:1, b:2\r\n\n  socks5://c ,") == ("http://a:1", "b:2", "socks5://c")


@pytest.mark.parametrize(
    ("proxy", "name"),
    [
        ("http://user:secret@proxy:8080", "http://proxy:8080"),
        ("socks5h://proxy:1080", "socks5h://proxy:1080"),
        ("http://user:se@cret@proxy", "http://proxy"),
        ("direct", "direct"),
        ("", "direct"),
    ],
)
def test_a_proxy_is_named_without_its_password(proxy: str, name: str) -> None:
    """
    Lists and logs show scheme, host and port alone.
    """
    assert public_name(proxy) == name


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("direct", "direct"),
        ("http://a", "http"),
        ("https://a", "https"),
        ("socks5h://a", "socks5"),
        ("socks4a://a", "socks4"),
    ],
)
def test_a_route_says_its_kind_as_owners_know_it(way: str, kind: str) -> None:
    """
    Where names are resolved is our affair.
    """
    assert route_of(way).kind == kind


def test_an_account_has_its_own_name_at_the_proxy() -> None:
    """
    In the user name alone: `sso_` and half of the token's SHA-256, other for each account, same for ever.
    """
    route = route_of("http://me-{account}:pw@gate:1")
    who = identity(Secret("abc"))

    assert who == "sso_ba7816bf8f01cfea414140de5dae2223"
    assert route.per_account
    assert route.address(who).reveal() == f"http://me-{who}:pw@gate:1"
    assert not route_of("http://me:pw@gate:1").per_account
    assert route_of("http://me:pw@gate:1").address(who).reveal() == "http://me:pw@gate:1"


def test_an_egress_does_not_print_its_secrets() -> None:
    """
    Neither the password of the proxy nor the clearance appears in its text.
    """
    egress = Egress(proxy=Secret("http://user:hunter2@proxy:1"), cookies=Secret("cf_clearance=0123456789"))

    assert "hunter2" not in repr(egress)
    assert "0123456" not in repr(egress)


# --- health -------------------------------------------------------------------------------------------------


def lost(health: Health, now: float) -> Health:
    return failed(health, UNREACHABLE, "no way", now, rests=True)


def test_rests_double_and_end() -> None:
    """
    30 s after the first failure in a row, twice as long after each further one, never over 10 minutes.
    """
    assert [rest_s(strikes) for strikes in (0, 1, 2, 3, 4, 5, 6, 99)] == [30, 30, 60, 120, 240, 480, 600, 600]


def test_a_failed_way_rests_and_then_has_to_prove_itself() -> None:
    """
    Resting, on probation, and sound again with the first call that gets through.
    """
    health = lost(lost(Health(), 0), 100)

    stands = [footing(one, 170) for one in (Health(), health, worked(health, A, 170))]
    assert footing(health, 159) is Footing.RESTING
    assert stands == [Footing.SOUND, Footing.PROBATION, Footing.SOUND]
    assert (health.strikes, health.resting_until, health.cause) == (2, 160, UNREACHABLE)
    assert (health.failure, health.failed_at) == ("no way", 100)


def test_a_stop_that_can_be_solved_lowers_and_does_not_rest() -> None:
    """
    The score falls, the way stays in use.
    """
    health = failed(Health(), EgressOutcome.CHALLENGED, "a page", 5, rests=False)

    assert footing(health, 5) is Footing.SOUND
    assert health.score == pytest.approx(0.7)


def test_a_refusal_by_upstream_shows_that_the_way_is_open() -> None:
    """
    It ends a probation and says nothing else, neither good nor bad.
    """
    health = lost(Health(), 0)

    assert footing(answered(health), 31) is Footing.SOUND
    assert answered(health).score == health.score
    assert answered(Health()) == Health()


@pytest.mark.parametrize(
    ("served", "account", "now", "blamed"),
    [
        ([], A, 0, False),
        ([(A, 0)], A, 1, False),
        ([(B, 0)], A, 1, True),
        ([(B, 0)], A, 60, False),
        ([(B, 0), (A, 1)], A, 2, True),
        ([(B, 0), (A, 1), (A, 2)], A, 3, True),
        ([(A, 0), (B, 1)], A, 2, True),
    ],
)
def test_an_account_is_blamed_when_others_get_through(
    served: list[tuple[AccountId, float]], account: AccountId, now: float, blamed: bool
) -> None:
    """
    A refusal that names no cause is the account's affair if another one was served within the last minute.
    """
    health = Health()
    for who, at in served:
        health = worked(health, who, at)

    assert blames_account(health, account, now) is blamed


healths = st.lists(st.one_of(st.none(), st.floats(0, 200)), min_size=1, max_size=6).map(
    lambda failures: [Health() if at is None else lost(Health(), at) for at in failures]
)


@given(healths, st.sets(st.integers(0, 5)), st.integers(0, 5), st.floats(0, 300))
def test_a_resting_way_is_taken_only_when_all_others_are_worse(
    ways: list[Health], probed: set[int], current: int, now: float
) -> None:
    """
    Sound ways go first and the current one before the others, then one probe at a time, then the soonest.
    """
    current %= len(ways)

    chosen = choose(ways, probed, current, now)

    stands = [footing(way, now) for way in ways]
    free = [n for n, stand in enumerate(stands) if stand is Footing.PROBATION and n not in probed]
    if stands[current] is Footing.SOUND:
        assert chosen == current
    elif Footing.SOUND in stands:
        assert stands[chosen] is Footing.SOUND
    elif free:
        assert chosen in free
    else:
        assert max(now, ways[chosen].resting_until) == min(max(now, way.resting_until) for way in ways)


@given(st.lists(st.sampled_from(["worked", "answered", "lost", "stopped"])))
def test_a_score_is_a_share(events: list[str]) -> None:
    """
    Between 0 and 1 whatever happens, and one success makes any way sound.
    """
    health = Health()
    for now, event in enumerate(events):
        match event:
            case "worked":
                health = worked(health, A, now)
            case "answered":
                health = answered(health)
            case _:
                health = failed(health, UNREACHABLE, "x", now, rests=event == "lost")

    assert 0 <= health.score <= 1
    assert footing(worked(health, A, len(events)), len(events)) is Footing.SOUND


# --- clearances ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires_at", "used_at", "now", "every_s", "due"),
    [
        (None, 3_000, 3_599, 3_600, False),
        (None, 3_000, 3_600, 3_600, True),
        (None, 0, 7_200, 3_600, False),
        (2_000, 1_500, 1_699, 3_600, False),
        (2_000, 1_500, 1_700, 3_600, True),
        (100, 50, 59, 3_600, False),
        (100, 50, 60, 3_600, True),
        (inf, 3_000, 3_600, 3_600, True),
        (100, 50, 99, 0, False),
    ],
)
def test_a_clearance_in_use_is_renewed_before_it_ends(
    expires_at: float | None, used_at: float, now: float, every_s: float, due: bool
) -> None:
    """
    After the owner's interval or five minutes before its end, not within a minute, and not while nobody asks.
    """
    assert needs_refresh(0, expires_at, used_at, now, every_s) is due


GOOD = "cf_clearance=abcdefghijklmnopqrstuvwxyz-1795392000-1.2.1.1"


@pytest.mark.parametrize(
    ("cookies", "user_agent", "problem"),
    [
        (GOOD, DEFAULT_USER_AGENT, None),
        (f"sso=x; {GOOD}; __cf_bm=y", DEFAULT_USER_AGENT, None),
        ("Cookie: " + GOOD, "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", None),
        ("", DEFAULT_USER_AGENT, "Paste the cookies"),
        ("__cf_bm=x", DEFAULT_USER_AGENT, "no cf_clearance"),
        ("not_cf_clearance=abcdefghijklmnopqrstuvwxyz", DEFAULT_USER_AGENT, "no cf_clearance"),
        ("cf_clearance=abc", DEFAULT_USER_AGENT, "cut off"),
        (GOOD, "curl/8.5.0", "no browser's user agent"),
        (GOOD, DEFAULT_USER_AGENT.replace("Chrome", "HeadlessChrome"), "headless"),
        (GOOD, "Mozilla/5.0 (X11; Linux x86_64) Konqueror", "cannot speak like this browser"),
    ],
)
def test_pasted_cookies_and_user_agent_have_to_match(
    cookies: str, user_agent: str, problem: str | None
) -> None:
    """
    A sentence says what is missing; None that nothing is.
    """
    said = check_manual(cookies, user_agent)

    assert (said is None) is (problem is None)
    assert problem is None or problem in (said or "")
