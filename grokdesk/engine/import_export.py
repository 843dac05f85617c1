"""Accounts in and out of text: what owners paste, and the files other programs write. Pure.

Read are one token per line, whole cookie strings, and the JSON files of grok2api 2.x and 3.x
(protocol/grok-web-chat.md §20). What cannot be read is named and the rest is taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from grokdesk.core.accounts import Account, Tier
from grokdesk.core.secret import Secret

MOST_ENTRIES: Final = 50_000
_LONGEST_TOKEN: Final = 16 * 1024
_SHORTEST_TOKEN: Final = 8
_LONGEST_TEXT: Final = 200

# The alphabets of Base64, URLs and JWTs, "=" only at the end. Narrower than what a cookie may hold, so that
# prose, "name=value" and JSON never pass for a token.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/%-]+=*")
# Whatever a web page, an editor or a chat put in the place of a plain character.
_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SPACES: Final = "\u00a0\u2007\u202f\u3000"
_NOTHING: Final = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\0"
_CLEAN: Final = str.maketrans(
    dict.fromkeys(_DASHES, "-") | dict.fromkeys(_SPACES, " ") | dict.fromkeys(_NOTHING, "")
)
_COOKIE_HEADER: Final = re.compile(r"cookie:\s*", re.IGNORECASE)
_CLOUDFLARE: Final = re.compile(r"(cf_|__cf|_cfuvid)[A-Za-z0-9_]*")
_COOKIE_VALUE: Final = re.compile(r"[!#-+\--:<-\[\]-~]+")

# Names of pools in grok2api 2.x and of tiers in 3.x; None leaves it to the first check.
_TIERS: Final[dict[str, Tier | None]] = {
    "": None,
    "auto": None,
    "basic": Tier.BASIC,
    "ssobasic": Tier.BASIC,
    "super": Tier.SUPER,
    "ssosuper": Tier.SUPER,
    "heavy": Tier.HEAVY,
}
_POOLS: Final = {Tier.UNKNOWN: "auto", Tier.BASIC: "basic", Tier.SUPER: "super", Tier.HEAVY: "heavy"}


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account somebody brings. `tier` None: not said. `cookies` are Cloudflare's, as `name=value; …`."""

    token: Secret
    label: str = ""
    email: str = ""
    user_id: str = ""
    tier: Tier | None = None
    cookies: Secret = Secret("")


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not taken: `where` names the line or entry, `why` says the reason. Neither shows a token."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a text. `duplicates` counts tokens that occurred again in the same text."""

    found: tuple[NewAccount, ...] = ()
    problems: tuple[Problem, ...] = ()
    duplicates: int = 0


class _Unreadable(Exception):
    """Why an entry is not taken."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A place in the text and what stands there: a token or an object. `tier` is that of its pool."""

    where: str
    what: object
    tier: Tier | None = None


def read_accounts(data: bytes | str) -> Reading:
    """Return the accounts in `data`, whatever its form. Never raises; 50,000 entries take about a second."""
    text = (data if isinstance(data, str) else _decoded(data)).replace("\r\n", "\n").replace("\r", "\n")
    text = text.removeprefix("\ufeff")
    found: dict[str, NewAccount] = {}
    problems: list[Problem] = []
    duplicates = 0
    for number, entry in enumerate(_entries(text)):
        if number == MOST_ENTRIES:
            problems.append(Problem(entry.where, f"only the first {MOST_ENTRIES:,} entries are read"))
            break
        if isinstance(entry, Problem):
            problems.append(entry)
            continue
        try:
            account = _account(entry)
        except _Unreadable as error:
            problems.append(Problem(entry.where, str(error)))
            continue
        token = account.token.reveal()
        duplicates += token in found
        found.setdefault(token, account)
    return Reading(tuple(found.values()), tuple(problems), duplicates)


def export_lines(accounts: Iterable[Account]) -> str:
    """Return one token per line."""
    return "".join(f"{account.token.reveal()}\n" for account in accounts if account.token)


def export_json(accounts: Iterable[Account]) -> str:
    """Return the JSON that grok2api 2.x exports: pools of tokens (spec/accounts.md §8.3)."""
    pools: dict[str, list[dict[str, object]]] = {}
    for account in accounts:
        if account.token:
            pools.setdefault(_POOLS[account.tier], []).append({"token": account.token.reveal(), "tags": []})
    return json.dumps(pools, indent=2) + "\n"


# --- forms --------------------------------------------------------------------------------------------------


def _decoded(data: bytes) -> str:
    # Windows' Notepad calls UTF-16 "Unicode".
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _entries(text: str) -> Iterator[_Entry | Problem]:
    if not text.lstrip().startswith(("{", "[")):
        return _from_lines(text)
    try:
        return _from_json(json.loads(text))
    except RecursionError:
        return iter([Problem("the file", "it is nested too deeply")])
    except ValueError as error:
        first = text.lstrip().split("\n", 1)[0]
        if _is_json(first):
            return _from_json_lines(text)
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        return iter([Problem(f"line {line}", "this is not valid JSON")])


def _from_lines(text: str) -> Iterator[_Entry]:
    for number, line in enumerate(text.split("\n"), 1):
        content = line.translate(_CLEAN).strip()
        if content and not content.startswith("#"):
            yield _Entry(f"line {number}", content)


def _from_json_lines(text: str) -> Iterator[_Entry | Problem]:
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        if _is_json(content):
            yield _Entry(f"line {number}", json.loads(content))
        else:
            yield Problem(f"line {number}", "this is not valid JSON")


def _from_json(value: object) -> Iterator[_Entry | Problem]:
    if isinstance(value, list):
        yield from _listed(value, "entry")
    elif not isinstance(value, dict):
        yield Problem("the file", "it holds no accounts")
    elif isinstance(value.get("accounts"), list):
        yield from _listed(value["accounts"], "entry")
    elif "token" in value or "sso_token" in value:
        yield _Entry("entry 1", value)
    else:
        for pool, entries in value.items():
            name = _shown(pool)
            if not isinstance(entries, list):
                yield Problem(f"'{name}'", "it is not a list of accounts")
            elif pool.strip().lower() not in _TIERS:
                yield Problem(f"pool '{name}'", "this is not a pool: basic, super, heavy or auto")
            else:
                yield from _listed(entries, f"pool '{name}', entry", _TIERS[pool.strip().lower()])


def _listed(values: list[object], name: str, tier: Tier | None = None) -> Iterator[_Entry]:
    return (_Entry(f"{name} {number}", value, tier) for number, value in enumerate(values, 1))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# --- one entry ----------------------------------------------------------------------------------------------


def _account(entry: _Entry) -> NewAccount:
    if isinstance(entry.what, str):
        token, cookies = _token(entry.what)
        return NewAccount(token=Secret(token), tier=entry.tier, cookies=Secret(cookies))
    if not isinstance(entry.what, dict):
        raise _Unreadable("it is neither a token nor an object with one")
    members: dict[str, object] = entry.what
    written = members.get("sso_token") or members.get("token")
    if not isinstance(written, str):
        raise _Unreadable("it has no token")
    token, cookies = _token(written)
    given = members.get("cloudflare_cookies")
    return NewAccount(
        token=Secret(token),
        label=_text(members.get("name")),
        email=_text(members.get("email")),
        user_id=_text(members.get("user_id")),
        tier=_tier(members.get("tier")) if members.get("tier") else entry.tier,
        cookies=Secret(_cloudflare(given) if isinstance(given, str) and given.strip() else cookies),
    )


def _token(written: str) -> tuple[str, str]:
    """The token in a line, and the Cloudflare cookies beside it."""
    content = _COOKIE_HEADER.sub("", written.translate(_CLEAN).strip(), count=1).strip().strip("\"',")
    pairs = [part.strip() for part in content.split(";")]
    cookies = dict(part.split("=", 1) for part in reversed(pairs) if "=" in part)
    names = {name.strip().lower(): value.strip() for name, value in cookies.items()}
    token = names.get("sso") or names.get("sso-rw") or pairs[0]
    while token.lower().startswith("sso="):
        token = token[len("sso=") :].strip()
    _check(token)
    return token, _cloudflare(content)


def _check(token: str) -> None:
    if not token:
        raise _Unreadable("there is no token")
    if len(token) > _LONGEST_TOKEN:
        raise _Unreadable("it is too long for a token")
    if not token.isascii():
        raise _Unreadable("a token has only Latin letters, digits and a few signs")
    if any(character.isspace() for character in token):
        raise _Unreadable("a token has no spaces")
    if not _TOKEN.fullmatch(token):
        raise _Unreadable("this is not a token: it has characters that a token cannot have")
    if len(token) < _SHORTEST_TOKEN:
        raise _Unreadable("it is too short for a token")


def _cloudflare(cookies: str) -> str:
    """The cookies of a Cookie header that belong to Cloudflare."""
    kept: dict[str, str] = {}
    for part in cookies.translate(_CLEAN).split(";"):
        name, _, value = (one.strip() for one in part.partition("="))
        if _CLOUDFLARE.fullmatch(name) and _COOKIE_VALUE.fullmatch(value):
            kept[name] = value
    return "; ".join(f"{name}={value}" for name, value in kept.items())


def _tier(value: object) -> Tier | None:
    name = value.strip().lower() if isinstance(value, str) else "?"
    if name not in _TIERS:
        raise _Unreadable("its tier is not one of auto, basic, super and heavy")
    return _TIERS[name]


def _text(value: object) -> str:
    """A name or address as it can be stored and shown: one line, no lone surrogates, not endless."""
    if not isinstance(value, str):
        return ""
    return _shown(value, _LONGEST_TEXT)


def _shown(value: str, longest: int = 40) -> str:
    line = " ".join(value.translate(_CLEAN).split())
    return line.encode("utf-8", errors="replace").decode()[:longest]
