"""The way out: proxy, clearance and browser as one unit, how each has fared, and which one comes next.

Browser profile, user agent, client hints, TLS impersonation and clearance cookie change together (decision
14). Times in `Health` are seconds of one steady clock; those that are shown or that Cloudflare tells are Unix
seconds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from hashlib import sha256
from ipaddress import ip_address
from math import inf
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from grokdesk.core.accounts import AccountId
from grokdesk.core.errors import EgressOutcome
from grokdesk.core.secret import Secret

# The current default of protocol/grok-web-chat.md §6.1; the TLS profile is chosen from it, never beside it.
DEFAULT_USER_AGENT: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/146.0.0.0 Safari/537.36"
)
DIRECT: Final = "direct"
# What in a proxy's user name stands for a name of each account's own (protocol/grok-web-chat.md §21.2).
ACCOUNT: Final = "{account}"

FIRST_REST_S: Final = 30.0
_LONGEST_REST_S: Final = 600.0
# A way that served somebody else so lately is not to blame when one account is refused.
_VOUCHED_S: Final = 60.0
# An answer "no check was needed" is believed so long.
NO_CHECK_S: Final = 600.0
_BEFORE_END_S: Final = 300.0
_LEAST_AGE_S: Final = 60.0


class Purpose(StrEnum):
    """What a way out is wanted for; pictures, videos and uploads may have proxies of their own."""

    CHAT = "chat"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Egress:
    """One way out.

    `proxy` is empty for a direct connection; `cookies` is the Cloudflare part of the Cookie header. `name` is
    for people and logs and holds no password. `verify` False skips certificate checks of the proxy.
    """

    name: str = DIRECT
    proxy: Secret = Secret("")
    user_agent: str = DEFAULT_USER_AGENT
    cookies: Secret = Secret("")
    verify: bool = True


# --- addresses ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """A proxy of the owner's list; an empty address is the direct way. `name` holds no password."""

    name: str
    proxy: Secret

    @property
    def per_account(self) -> bool:
        """Whether every account signs in at the proxy under a name of its own."""
        return ACCOUNT in self.proxy.reveal()

    @property
    def kind(self) -> str:
        """One of direct, http, https, socks4 and socks5."""
        scheme, separator, _ = self.proxy.reveal().partition("://")
        return _KINDS.get(scheme, scheme) if separator else DIRECT

    def address(self, identity: str) -> Secret:
        """The proxy for the account that `identity` stands for; without `{account}` the same for all."""
        return Secret(self.proxy.reveal().replace(ACCOUNT, identity)) if self.per_account else self.proxy


def identity(token: Secret) -> str:
    """The name of an account at a proxy that has `{account}` in its user name (§21.2)."""
    return f"sso_{sha256(token.reveal().encode()).hexdigest()[:32]}"


_SCHEMES: Final = {
    "http": "http",
    "https": "https",
    "socks": "socks5h",
    "socks5": "socks5h",
    "socks5h": "socks5h",
    "socks4": "socks4a",
    "socks4a": "socks4a",
}
_KINDS: Final = {"socks5h": "socks5", "socks4a": "socks4"}
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,11}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+")
_PLACE: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>.*))?")
_LAST_PORT: Final = 65_535


def normal_proxy(address: str) -> str:
    """Return `address` in the form the wire wants: scheme, escaped user name and password, host, port.

    Names are resolved at the proxy (protocol/grok-web-chat.md §21.1). The form `host:port:user:password`, in
    which proxies are often sold, is understood too.

    Raises `ValueError`, which says what is wrong and shows no password.
    """
    text = address.strip()
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError("the proxy address has a space or a line break in it")
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    normal = _SCHEMES.get(scheme.lower())
    if normal is None:
        named = (
            f"'{scheme}' is not a proxy scheme" if _SCHEME.fullmatch(scheme) else "this is no proxy address"
        )
        raise ValueError(f"{named}; use http, https, socks4 or socks5, such as socks5://host:1080")
    userinfo, signed_in, place = _sold(rest).rpartition("@")
    place, path = re.fullmatch(r"([^/?#]*)(.*)", place, re.DOTALL).groups()  # type: ignore[union-attr] # matches any text
    if path not in {"", "/"}:
        raise ValueError("the proxy address goes on after its host and port")
    user, has_password, password = userinfo.partition(":")
    names = ACCOUNT.join(_quoted(part) for part in user.split(ACCOUNT))
    login = f"{names}{has_password}{_quoted(password)}@" if signed_in and userinfo else ""
    return f"{normal}://{login}{_normal_place(place)}"


def _sold(rest: str) -> str:
    """Turn `host:port:user:password` round."""
    parts = rest.split(":", 3)
    if "@" in rest or len(parts) != 4 or not parts[1].isdecimal():  # noqa: PLR2004 - the four of the form
        return rest
    return f"{parts[2]}:{parts[3]}@{parts[0]}:{parts[1]}"


def _quoted(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="")


def _normal_place(place: str) -> str:
    match = _PLACE.fullmatch(place)
    host, port = (match["host"], match["port"]) if match else ("", None)
    if not host:
        raise ValueError("the proxy address has no host")
    if ACCOUNT in place:
        raise ValueError("{account} may only stand in the user name of a proxy")
    if port is not None and not (port.isdecimal() and 0 < int(port[:6]) <= _LAST_PORT):
        raise ValueError(f"the proxy's port must be a number from 1 to {_LAST_PORT}")
    return _normal_host(host) + ("" if port is None else f":{int(port)}")


def _normal_host(host: str) -> str:
    try:
        if host.startswith("["):
            return f"[{ip_address(host[1:-1])}]"
        plain = host.encode("idna").decode("ascii")
    except ValueError:
        plain = ""
    if not _HOST.fullmatch(plain):
        raise ValueError("the proxy's host is not a name or an address")
    return plain


def normal_way(text: str) -> str:
    """Return what a way out may be written as: nothing (any), `direct`, or the address of a proxy.

    Raises `ValueError` as `normal_proxy` does.
    """
    plain = text.strip()
    return plain.lower() if plain.lower() in {"", DIRECT} else normal_proxy(plain)


def listed(text: str) -> tuple[str, ...]:
    """The addresses in a text: one a line, or parted by commas."""
    return tuple(part for part in re.split(r"[\s,]+", text) if part)


def public_name(proxy: str) -> str:
    """The address without user name and password, for lists and logs."""
    scheme, separator, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if separator else DIRECT


def route_of(way: str, number: int = 1) -> Route:
    """The route for a way out as `normal_way` writes it.

    Ways that differ only in user name or password have one public name; the second is called `… #2`.
    """
    name = public_name(way)
    return Route(name if number == 1 else f"{name} #{number}", proxy_of(way))


def proxy_of(way: str) -> Secret:
    """The proxy of a way out as `normal_way` writes it; empty for the direct one."""
    return Secret("" if way in {"", DIRECT} else way)


# --- how a way has fared ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Health:
    """How a way out has fared.

    `score` is 0 to 1. After `strikes` failures in a row it rests until `resting_until`, and then has to show
    with one request that it works again. `cause`, `failure` (a sentence) and `failed_at` tell of the last
    failure, also when all is well since. `served` was the last account that got through, at `served_at`;
    another one did at `others_at`.
    """

    score: float = 1.0
    strikes: int = 0
    resting_until: float = 0.0
    cause: EgressOutcome = EgressOutcome.FINE
    failure: str = ""
    failed_at: float = -inf
    served: AccountId | None = None
    served_at: float = -inf
    others_at: float = -inf


class Footing(Enum):
    """Whether a way out may be used."""

    SOUND = "sound"
    PROBATION = "probation"
    RESTING = "resting"


def footing(health: Health, now: float) -> Footing:
    """Where a way out stands at `now`."""
    if not health.strikes:
        return Footing.SOUND
    return Footing.RESTING if now < health.resting_until else Footing.PROBATION


def rest_s(strikes: int) -> float:
    """How long to rest after so many failures in a row: 30 s, doubling, at most 10 minutes (§21.2)."""
    return min(_LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(max(strikes, 1) - 1, 16))


def worked(health: Health, account: AccountId, now: float) -> Health:
    """Return `health` after a call of `account` got through."""
    others_at = health.served_at if health.served not in {None, account} else health.others_at
    return replace(
        health,
        score=min(1.0, health.score + 0.1),
        strikes=0,
        resting_until=0.0,
        served=account,
        served_at=now,
        others_at=others_at,
    )


def answered(health: Health) -> Health:
    """Return `health` after upstream refused a call: the way is open, which is all that this says (§21.2)."""
    return replace(health, strikes=0, resting_until=0.0) if health.strikes else health


def failed(health: Health, cause: EgressOutcome, failure: str, now: float, *, rests: bool) -> Health:
    """Return `health` after a call was lost on the way; `rests`: the way is left alone for a while."""
    strikes = health.strikes + 1 if rests else health.strikes
    return replace(
        health,
        score=health.score * 0.7,
        strikes=strikes,
        resting_until=now + rest_s(strikes) if rests else health.resting_until,
        cause=cause,
        failure=failure,
        failed_at=now,
    )


def blames_account(health: Health, account: AccountId, now: float, within_s: float | None = None) -> bool:
    """Whether a refusal is rather the account's affair: others got through within `within_s`.

    None stands for a minute, which is enough for a refusal that names no cause.
    """
    last = health.others_at if health.served == account else health.served_at
    return now - last < (_VOUCHED_S if within_s is None else min(within_s, _VOUCHED_S))


def choose(healths: Sequence[Health], probed: Collection[int], current: int, now: float) -> int:
    """Return the index of the way to take: the current one while it is sound, else the next that is.

    Failing that, one on probation that nobody tries at this moment (`probed` are being tried); and failing
    that, the one that is free soonest: a request is better than a refusal.
    """
    ring = [(current + step) % len(healths) for step in range(len(healths))]
    stand = {index: footing(healths[index], now) for index in ring}
    for index in ring:
        if stand[index] is Footing.SOUND:
            return index
    for index in ring:
        if stand[index] is Footing.PROBATION and index not in probed:
            return index
    return min(ring, key=lambda index: max(now, healths[index].resting_until))


# --- clearances ---------------------------------------------------------------------------------------------


def needs_refresh(
    solved_at: float, expires_at: float | None, used_at: float, now: float, every_s: float
) -> bool:
    """Whether a clearance is to be renewed before anybody is stopped: it is in use, and old or about to end.

    `every_s` is the owner's interval; 0 leaves every clearance until it is refused. Times are Unix seconds.
    """
    if every_s <= 0 or now - used_at >= every_s:
        return False
    due_at = solved_at + every_s
    if expires_at is not None:
        due_at = min(due_at, max(solved_at + _LEAST_AGE_S, expires_at - _BEFORE_END_S))
    return now >= due_at


_CLEARANCE: Final = re.compile(r"(?:^|[;\s])cf_clearance=([^;\s]*)", re.IGNORECASE)
_BROWSER: Final = re.compile(r"\b(?:chrome|chromium|crios|edg|edga|edgios|firefox|fxios|version)/\d{2,3}")
_SHORTEST_CLEARANCE: Final = 20


def check_manual(cookies: str, user_agent: str) -> str | None:
    """Say in a sentence why pasted cookies and user agent cannot pass Cloudflare; None when nothing is wrong.

    They belong together: a clearance is good only for the browser and the address that earned it.
    """
    found = _CLEARANCE.search(cookies)
    if not cookies.strip():
        return "Paste the cookies of grok.com from the browser that passed the check."
    if found is None:
        return "There is no cf_clearance among these cookies, and without it Cloudflare lets nobody pass."
    if len(found[1]) < _SHORTEST_CLEARANCE:
        return "The value of cf_clearance is cut off; copy the whole cookie."
    agent = user_agent.strip().lower()
    if not agent.startswith("mozilla/5.0 ("):
        return "This is no browser's user agent; copy it from the browser that the cookies came from."
    if "headless" in agent:
        return "This user agent says that its browser is headless, which Cloudflare does not let pass."
    if not _BROWSER.search(agent):
        return (
            "GrokDesk cannot speak like this browser; use Chrome, Edge, Firefox or Safari to pass the check."
        )
    return None


# --- what is shown ------------------------------------------------------------------------------------------


class Standing(StrEnum):
    """How a way out stands with Cloudflare."""

    OPEN = "open"
    PASTED = "pasted"
    NEEDED = "needed"
    CLEARED = "cleared"
    NO_CHECK = "no_check"


@dataclass(frozen=True, slots=True)
class ClearanceState:
    """The clearance of a way out, for people.

    `count` is how many there are: one, or one for each account. The rest tells of the newest. `solved_at` and
    `expires_at` are Unix seconds. `problem` says why there is none, or why it does not help; `is_proven` that
    a request got through with it.
    """

    standing: Standing = Standing.OPEN
    solving: bool = False
    count: int = 0
    solved_at: float | None = None
    expires_at: float | None = None
    user_agent: str = ""
    problem: str = ""
    is_proven: bool = False


@dataclass(frozen=True, slots=True)
class CheckState:
    """How one site's check stands on the way out named `way`, for people. `host` is the site's."""

    way: str
    host: str
    clearance: ClearanceState


@dataclass(frozen=True, slots=True)
class WayState:
    """A way out, for people. Times are Unix seconds.

    `purposes` is empty for one that only bound accounts use; `current` are those it serves at this moment.
    `health` is 0 to 1. `resting_until` is set while it is left alone; `on_probation` says that one request
    has to show that it works again. `failure`, with `cause` and `failed_at`, is the last one, also when all
    is well since.
    """

    name: str
    kind: str = DIRECT
    purposes: tuple[Purpose, ...] = ()
    current: tuple[Purpose, ...] = ()
    health: float = 1.0
    resting_until: float | None = None
    on_probation: bool = False
    cause: EgressOutcome = EgressOutcome.FINE
    failure: str = ""
    failed_at: float | None = None
    in_use: int = 0
    clearance: ClearanceState = ClearanceState()


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of testing a way out.

    `address` and `country` are how upstream sees us, empty when it does not tell. `latency_ms` is the time to
    the first answer, connection included. `challenged` says that Cloudflare wants to see a browser first.
    `failure` says why it is not reachable, `hint` what to do.
    """

    reachable: bool
    address: str = ""
    country: str = ""
    latency_ms: int | None = None
    challenged: bool = False
    failure: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class SolverTested:
    """What came of asking a solver how it is.

    `browsers` are those it keeps open, `ours` how many of them for us. `failure` says why it is of no use,
    `hint` what to do.
    """

    reachable: bool
    version: str = ""
    latency_ms: int | None = None
    browsers: int = 0
    ours: int = 0
    failure: str = ""
    hint: str = ""
