"""The way out: proxy, clearance and browser as one unit, and which one comes next.

Browser profile, user agent, client hints, TLS impersonation and clearance cookie change together (decision
14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grokdesk.core.secret import Secret

# The current default of protocol/grok-web-chat.md §6.1; the TLS profile is chosen from it, never beside it.
DEFAULT_USER_AGENT: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/146.0.0.0 Safari/537.36"
)
DIRECT: Final = "direct"


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


@dataclass(frozen=True, slots=True)
class Route:
    """A proxy of the owner's list; an empty address is the direct way."""

    name: str
    proxy: Secret


def next_route(routes: Sequence[Route], current: int, failing: Route) -> int:
    """The index of the route to use after `failing` failed.

    Moves on only if the failing one is still current: several requests that fail on the same proxy move the
    pool by one (spec/public-api.md D25).
    """
    if not routes or routes[current % len(routes)] != failing:
        return current
    return (current + 1) % len(routes)


def normal_proxy(address: str) -> str:
    """Return `address` in the form the wire wants.

    Names are resolved at the proxy (protocol/grok-web-chat.md §21.1).

    Raises `ValueError` for another scheme or an address without host.
    """
    text = address.strip()
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    known = {"http": "http", "https": "https", "socks": "socks5h", "socks5": "socks5h", "socks5h": "socks5h"}
    known |= {"socks4": "socks4a", "socks4a": "socks4a"}
    normal = known.get(scheme.lower())
    if normal is None:
        raise ValueError(f"'{scheme}' is not a proxy scheme; use http, https, socks4 or socks5")
    if not rest.rpartition("@")[2].strip("/"):
        raise ValueError("the proxy address has no host")
    return f"{normal}://{rest}"


def public_name(proxy: str) -> str:
    """The address without user name and password, for lists and logs."""
    scheme, _, rest = proxy.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
