"""Who may ask: the host name, the web origin and the key of a request (decisions 5 and 6).

Every page in a browser can send requests to this machine, and a name server can make any name point at it. A
key keeps the first out, the list of host names the second; pages see answers only when their origin is on the
owner's list.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from grokdesk.core.errors import ForbiddenOrigin, NotAllowed
from grokdesk.core.ports import ClientKey
from grokdesk.core.settings import GatewaySettings
from grokdesk.gateway.ports import Keys

_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_EXPOSED: Final = (
    "x-request-id, request-id, openai-processing-ms, retry-after, retry-after-ms, x-should-retry, "
    "x-grokdesk-mode, openai-poll-after-ms, content-range, etag"
)
_PREFLIGHT_S: Final = 600
# A name, or an address (of IPv6 in brackets), perhaps with a port; nothing else that a URL can have there.
_HOST: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::[0-9]{1,5})?", re.IGNORECASE)


def check_host(request: web.Request, settings: GatewaySettings) -> None:
    """Raise `ForbiddenOrigin` unless the client used a name of this machine that the owner knows of."""
    host = request.headers.get("Host", "")
    name = _named(host)
    if name in _LOOPBACK_NAMES or _is_listed(name, settings):
        return
    if name and name == _host_name(settings.host):
        return
    if _is_any(settings.host) and name and name == _arrived_at(request):
        return
    raise ForbiddenOrigin(
        f"The host name '{(name or host)[:100]}' is not allowed.",
        hint="Use 127.0.0.1 or localhost, or add the name to the setting gateway.allowed_hosts.",
    )


def reached_at(request: web.Request, settings: GatewaySettings) -> str:
    """Return the address of this gateway as the client sees it, such as `https://desk.example:8443`.

    A proxy in front tells in X-Forwarded-Host and X-Forwarded-Proto how it was reached itself. That is
    believed only of names on the owner's list, so that no request can put any other into a link.
    """
    host, scheme = request.host, request.scheme
    forwarded = _first(request, "X-Forwarded-Host")
    if _is_listed(_named(forwarded), settings):
        host = forwarded
    proto = _first(request, "X-Forwarded-Proto").lower()
    if proto in {"http", "https"} and _is_listed(_named(host), settings):
        scheme = proto
    return f"{scheme}://{host}"


def check_origin(request: web.Request, settings: GatewaySettings) -> None:
    """Raise `ForbiddenOrigin` when a web page asks that is not on the owner's list."""
    origin = request.headers.get("Origin")
    if origin is None or _is_allowed(origin, settings):
        return
    raise ForbiddenOrigin(
        f"Web pages from '{origin[:100]}' may not use this gateway.",
        hint="Add the origin to the setting gateway.allowed_origins if you trust the page.",
    )


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks for permission before the request itself."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def preflight(request: web.Request) -> web.Response:
    """Give a page whose origin was checked the permission it asks for."""
    asked = request.headers
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": asked.get("Access-Control-Request-Headers", "*"),
        "Access-Control-Max-Age": str(_PREFLIGHT_S),
    }
    if asked.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)


def cors_headers(request: web.BaseRequest, settings: GatewaySettings) -> Mapping[str, str]:
    """Return what lets an allowed page read the answer; nothing for anybody else."""
    origin = request.headers.get("Origin")
    if origin is None or not _is_allowed(origin, settings):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": "Origin",
    }


def check_key(request: web.Request, settings: GatewaySettings, keys: Keys) -> ClientKey | None:
    """Return the key of the client; None only when keys are not asked for. Raises `NotAllowed`."""
    presented = _presented(request)
    key = keys.check(presented) if presented else None
    if key is not None or not settings.require_key:
        return key
    if presented:
        raise NotAllowed(
            "The API key is not valid.", hint="Copy a key of this gateway from the GrokDesk window."
        )
    raise NotAllowed(
        "An API key is required.",
        hint="Send a key of this gateway as 'Authorization: Bearer …' or 'x-api-key'.",
    )


def known_key(request: web.Request, keys: Keys) -> ClientKey | None:
    """Return the key that a request shows, also where none is asked for; None when it is not a valid one."""
    presented = _presented(request)
    return keys.check(presented) if presented else None


def _presented(request: web.Request) -> str:
    scheme, _, value = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("x-api-key", "").strip()


def _first(request: web.Request, header: str) -> str:
    """What the outermost proxy has written."""
    return request.headers.get(header, "").partition(",")[0].strip()


def _named(host: str) -> str:
    """The name in a Host header, in lower case; nothing when it is more than a name and a port."""
    match = _HOST.fullmatch(host.strip())
    return (match[1] or match[2]).lower().rstrip(".") if match else ""


def _is_listed(name: str, settings: GatewaySettings) -> bool:
    return bool(name) and name in {_host_name(allowed) for allowed in settings.allowed_hosts}


def _host_name(host: str) -> str:
    """The name in `host` without port and brackets, in lower case: `[::1]:4765` → `::1`."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name = host if host.count(":") > 1 else host.partition(":")[0]
    return name.rstrip(".")


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(_host_name(host)).is_unspecified
    except ValueError:
        return False


def _arrived_at(request: web.Request) -> str:
    """The address of this machine that the client connected to: no name server can have a say in that."""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    return str(sockname[0]).lower().removeprefix("::ffff:") if isinstance(sockname, tuple) else ""


def _is_allowed(origin: str, settings: GatewaySettings) -> bool:
    return _origin(origin) in {_origin(allowed) for allowed in settings.allowed_origins}


def _origin(value: str) -> str:
    parts = urlsplit(value.strip().lower())
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else value.strip().lower()
