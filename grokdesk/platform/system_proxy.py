"""Which proxy this machine wants programs to use: by its environment, else by its own settings."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

# What Windows and macOS have of their own; Python has these functions only there. A list of addresses to be
# reached directly goes with each. Automatic configuration scripts are not read.
_SYSTEMS: Final = (
    ("getproxies_registry", "proxy_bypass_registry"),
    ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"),
)


def system_proxy(url: str, environment: Mapping[str, str]) -> str:
    """Return the address of the proxy for `url`, empty for a direct connection.

    The variables http_proxy, https_proxy, all_proxy and no_proxy, in small letters or else in capitals, go
    before the system's own settings. May take a while on Windows, which looks names up: call it off the loop.
    """
    parts = urlsplit(url)
    host, place = parts.hostname or "", parts.netloc.rpartition("@")[2]
    said = _from_environment(environment)
    if said:
        if any(_covers(rule.strip(), host, parts.port) for rule in said.get("no", "").split(",")):
            return ""
        return said.get(parts.scheme) or said.get("all", "")
    for read, bypass in _SYSTEMS:
        proxies = getattr(urllib.request, read, dict[str, str])()
        if proxies:
            if getattr(urllib.request, bypass)(place):
                return ""
            return proxies.get(parts.scheme) or _socks(proxies.get("socks", ""))
    return ""


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    said: dict[str, str] = {}
    for name in ("http", "https", "all", "no"):
        small, capital = f"{name}_proxy", f"{name}_PROXY".upper()
        value = environment.get(small, environment.get(capital, "")).strip()
        if value:
            said[name] = value
    return said if said.keys() - {"no"} else {}


def _covers(rule: str, host: str, port: int | None) -> bool:
    """Whether a part of no_proxy means this host: a name and what is below it, an address or network, `*`."""
    try:
        return ip_address(host) in ip_network(rule.strip("[]"), strict=False)
    except ValueError:
        name, colon, wanted = rule.lower().rpartition(":")
        if not (colon and wanted.isdecimal()):
            name, wanted = rule.lower(), ""
        name = name.removeprefix("*").removeprefix(".")
        fits = rule == "*" or (bool(name) and (host == name or host.endswith(f".{name}")))
        return fits and wanted in {"", str(port)}


def _socks(address: str) -> str:
    """MacOS tells a SOCKS proxy as if it spoke HTTP."""
    return address.replace("http://", "socks5://", 1) if address else ""
