"""Fetching what a client names by address, like a stranger: no cookie, public places only (decision 15)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

from grokdesk.core.errors import InvalidRequest, TooLarge, UpstreamError
from grokdesk.platform.wire import Call, Limits, Wire

MAX_BYTES: Final = 50 << 20
_LIMITS: Final = Limits(connect_s=10, first_s=20, idle_s=20, total_s=20)
_REDIRECTS: Final = 5
_LONGEST: Final = 8_192
_HEADERS: Final = (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate, br"), ("User-Agent", "Mozilla/5.0"))
_PARAM: Final = "messages"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was at an address: bytes, the declared MIME type, and the last part of its path as a name."""

    data: bytes
    media_type: str
    name: str


async def fetch(wire: Wire, url: str, *, allow_private: bool) -> Fetched:
    """Return what is at `url`; redirects are followed, each checked anew.

    The address that was checked is the one connected to. Raises `InvalidRequest` for one that may not be
    fetched or does not answer, `TooLarge` above `MAX_BYTES`.
    """
    for _ in range(_REDIRECTS + 1):
        address = await _allowed(url, allow_private=allow_private)
        call = Call("GET", url, _HEADERS, limits=_LIMITS, resolve=address)
        try:
            async with wire.stream(call) as reply:
                target = reply.headers.get("location", "")
                if 300 <= reply.status < 400 and target:  # noqa: PLR2004 - the class of redirects
                    url = urljoin(url, target)
                    continue
                if reply.status != 200:  # noqa: PLR2004 - there it is, or not
                    raise _unfetched(url, f"the server answered {reply.status}")
                data = await reply.body(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    raise TooLarge(f"The attachment at {_shown(url)} is larger than 50 MB.", param=_PARAM)
                return Fetched(data, reply.headers.get("content-type", ""), _name(url))
        except UpstreamError as error:
            raise _unfetched(url, "it could not be reached in time", detail=error.detail) from error
    raise _unfetched(url, "it redirects too often")


async def _allowed(url: str, *, allow_private: bool) -> str:
    """The network address to connect to for `url`."""
    if len(url) > _LONGEST:
        raise InvalidRequest("The address of an attachment is too long.", param=_PARAM)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _unfetched(url, "the address is not valid") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _unfetched(url, "only http and https addresses can be fetched")
    if parts.username is not None or parts.password is not None:
        raise _unfetched(url, "it holds a user name or password")
    default = 443 if parts.scheme == "https" else 80
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, port or default, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _unfetched(url, "the name is unknown") from error
    addresses = [str(where[0]) for *_, where in found]
    if not allow_private and not all(_is_public(one) for one in addresses):
        raise _unfetched(url, "it points into a private network")
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None)
    return bool((inner or parsed).is_global) and not (inner or parsed).is_multicast


def _unfetched(url: str, why: str, *, detail: str = "") -> InvalidRequest:
    return InvalidRequest(
        f"The attachment at {_shown(url)} cannot be fetched: {why}.",
        param=_PARAM,
        hint="Send the file itself as a data URI.",
        detail=detail,
    )


def _shown(url: str) -> str:
    scheme, _, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"[:120]


def _name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])
