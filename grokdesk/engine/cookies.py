"""Cookies as browsers and their extensions write them down, and the sign-ins of Grok among them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

# Cloudflare's cookies belong to a host (protocol/grok-web-chat.md §3.2), and questions go to this one.
_ASKED: Final = "grok.com"
_SIGNS_IN: Final = ("grok.com", "x.ai")
_TOKEN: Final = "sso"  # noqa: S105 - the name of a cookie
_SPARE_TOKEN: Final = "sso-rw"  # noqa: S105 - same

_CLOUDFLARE: Final = re.compile(r"(cf_|__cf|_cfuvid)[A-Za-z0-9_]*")
_VALUE: Final = re.compile(r"[!#-+\--:<-\[\]-~]+")

# Domain, whether for its subdomains, path, whether only by https, end, name, value; tabs become spaces on
# their way through a chat.
_NETSCAPE: Final = re.compile(
    r"(\S+)[ \t]+(?:TRUE|FALSE)[ \t]+(\S+)[ \t]+(?:TRUE|FALSE)[ \t]+-?\d+(?:\.\d+)?"
    r"[ \t]+(\S+)(?:[ \t]+(.*))?",
    re.IGNORECASE,
)
_HTTP_ONLY: Final = re.compile(r"#HttpOnly_", re.IGNORECASE)

_CURL: Final = re.compile(r"(?:\$\s*)?curl(?:\.exe)?\s", re.IGNORECASE)
_CURL_GOES_ON: Final = re.compile(r"(?:-[A-Za-z]|--[a-z][a-z-]+)[\s=]")
_CURL_COOKIES: Final = re.compile(r"\s(?:-b|--cookie)[\s=]|['\"]\s*cookie:", re.IGNORECASE)
_PAIR: Final = re.compile(r"(?<![^\s;'\":=])([\w-]+)=([^\s;'\"\\]+)")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie and the place where it stands. `domain` is empty when that is not said."""

    where: str
    domain: str
    path: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """The token of an account, and Cloudflare's cookies that came with it, as `name=value; …`."""

    where: str
    token: str
    cloudflare: str


def of_header(text: str) -> dict[str, str]:
    """The cookies of a Cookie header by their names in lower case; of a name that recurs, the first."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if value.strip():
            found.setdefault(name.strip().lower(), value.strip())
    return found


def token_in(cookies: Mapping[str, str]) -> str:
    """The token among cookies by name, or nothing."""
    return cookies.get(_TOKEN) or cookies.get(_SPARE_TOKEN) or ""


def cloudflare(cookies: Mapping[str, str]) -> str:
    """Those of Cloudflare among cookies by name, as `name=value; …`."""
    return "; ".join(
        f"{name}={value}"
        for name, value in cookies.items()
        if _CLOUDFLARE.fullmatch(name) and _VALUE.fullmatch(value)
    )


def netscape(line: str, where: str) -> Cookie | None:
    """The cookie in a line of a `cookies.txt`; None when it is no such line."""
    found = _NETSCAPE.fullmatch(_HTTP_ONLY.sub("", line.strip(), count=1))
    if found is None or found[1].startswith("#"):
        return None
    return Cookie(where, found[1], found[2], found[3], (found[4] or "").strip())


def of_object(value: object, where: str) -> Cookie | None:
    """The cookie in an object of a JSON export; None when it is no such object."""
    if not isinstance(value, dict):
        return None
    name, text = value.get("name"), value.get("value")
    if not isinstance(name, str) or not isinstance(text, str) or "token" in value or "sso_token" in value:
        return None
    domain = value.get("domain") or value.get("host") or value.get("url") or ""
    path = value.get("path")
    return Cookie(
        where,
        re.sub(r"^\w+://|[:/].*$", "", domain.strip()) if isinstance(domain, str) else "?",
        path if isinstance(path, str) else "",
        name.strip(),
        text.strip().strip('"'),
    )


def sign_ins(cookies: Iterable[Cookie]) -> Iterator[SignIn]:
    """The accounts in the cookies of one or several browsers, one after another.

    A cookie that comes again with another value begins the next browser. `sso-rw`, which has the same value
    as `sso`, counts where there is no `sso` (protocol/grok-web-chat.md §3.2).
    """
    jar: dict[tuple[str, str, str], Cookie] = {}
    for cookie in cookies:
        name = cookie.name.lower()
        if not _of_grok(cookie.domain) or not (
            name in {_TOKEN, _SPARE_TOKEN} or _CLOUDFLARE.fullmatch(cookie.name)
        ):
            continue
        key = (cookie.domain.lower().lstrip("."), cookie.path, name)
        if key in jar and jar[key].value != cookie.value:
            yield from _signed_in(jar.values())
            jar = {}
        jar.setdefault(key, cookie)
    yield from _signed_in(jar.values())


def _signed_in(jar: Iterable[Cookie]) -> Iterator[SignIn]:
    cookies = list(jar)
    passed = cloudflare(
        {one.name: one.value for one in cookies if not one.domain or _within(one.domain, _ASKED)}
    )
    for name in (_TOKEN, _SPARE_TOKEN):
        found = {one.value: one.where for one in reversed(cookies) if one.name.lower() == name and one.value}
        if found:
            yield from (SignIn(where, token, passed) for token, where in reversed(found.items()))
            return


def _of_grok(domain: str) -> bool:
    return not domain or any(_within(domain, one) for one in _SIGNS_IN)


def _within(domain: str, parent: str) -> bool:
    name = domain.strip().lower().lstrip(".")
    return name == parent or name.endswith(f".{parent}")


# --- curl ---------------------------------------------------------------------------------------------------


def begins_curl(line: str) -> bool:
    """Whether a command begins here that a browser's developer tools wrote ("copy as cURL")."""
    return _CURL.match(line.lstrip()) is not None


def curl_goes_on(line: str, following: str) -> bool:
    """Whether the command of `line` goes on in the line after it."""
    return line.rstrip().endswith(("\\", "^", "`")) or _CURL_GOES_ON.match(following.lstrip()) is not None


def of_curl(command: str) -> str | None:
    """The cookies a command sends, as a Cookie header; None when it sends none.

    Written for a Unix shell, with the quotes of one, or for that of Windows, where `^` stands before signs.
    """
    plain = command.replace("^", "") if '^"' in command or "^\n" in command else command
    start = _CURL_COOKIES.search(plain)
    if start is None:
        return None
    return "; ".join(f"{name}={value}" for name, value in _PAIR.findall(plain, start.end()))
