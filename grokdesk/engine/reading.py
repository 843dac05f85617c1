"""Accounts in whatever owners paste and other programs write. Pure.

Read are tokens, cookie strings and copied curl commands, one per line; cookie files of browsers, as text and
as JSON; tables; the JSON of grok2api 2.x and 3.x (protocol/grok-web-chat.md §20) and its 2.0.4 database; and
our own export. What cannot be read is named and the rest is taken.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, TypeVar

from grokdesk.core.accounts import Status, Tier, TierSource
from grokdesk.core.secret import Secret
from grokdesk.engine import cookies, old_database
from grokdesk.platform import sealed_file

T = TypeVar("T", Tier, TierSource, Status)

MOST_ENTRIES: Final = 50_000
_LONGEST_TOKEN: Final = 16 * 1024
_SHORTEST_TOKEN: Final = 8
_LONGEST_TEXT: Final = 200
_LONGEST_NOTE: Final = 10_000
_MOST_TAGS: Final = 50
_MOST_PARALLEL: Final = 1_000

# The terms of use that count as accepted (protocol/grok-web-chat.md §18.1).
TERMS_VERSION: Final = 5

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
_CONTROLS: Final = str.maketrans(dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " "))
_CONTROLS_OF_NOTES: Final = {code: sign for code, sign in _CONTROLS.items() if code != ord("\n")}
_COOKIE_HEADER: Final = re.compile(r"cookie:\s*", re.IGNORECASE)

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

# What a column of a table may be called, and what it holds.
_COLUMNS: Final[dict[str, str]] = {
    "token": "token",
    "sso": "token",
    "sso_token": "token",
    "cookie": "token",
    "cookies": "token",
    "name": "label",
    "label": "label",
    "email": "email",
    "user_id": "user_id",
    "tier": "tier",
    "pool": "tier",
    "tags": "tags",
    "note": "note",
}
_SEPARATORS: Final = "\t;,"
_TAG_SEPARATORS: Final = re.compile(r"[,;|，；、]")
# A spreadsheet runs what begins with one of these; our export puts an apostrophe before it.
FORMULA_SIGNS: Final = ("=", "+", "-", "@", "'")

_SECONDS_END: Final = 100_000_000_000
_MILLISECONDS: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account somebody brings; empty and None are not said.

    `cookies` are Cloudflare's, as `name=value; …`.
    """

    token: Secret
    label: str = ""
    email: str = ""
    user_id: str = ""
    tier: Tier | None = None
    cookies: Secret = Secret("")
    tier_source: TierSource = TierSource.GUESSED
    note: str = ""
    tags: tuple[str, ...] = ()
    status: Status | None = None
    reason: str = ""
    since: float | None = None
    max_parallel: int | None = None
    terms_at: float | None = None
    birth_date_at: float | None = None
    adult_at: float | None = None
    created_at: float | None = None
    uses: int = 0
    failures: int = 0
    last_use_at: float | None = None
    last_failure_at: float | None = None
    last_failure: str = ""

    @property
    def name(self) -> str:
        """What a person calls it: the label, else the mail address, else the end of the token."""
        return self.label or self.email or str(self.token)


@dataclass(frozen=True, slots=True)
class Found:
    """An account, and the line or entry where it stands."""

    where: str
    account: NewAccount


@dataclass(frozen=True, slots=True)
class Repeated:
    """A token that stood at `first` already."""

    where: str
    first: str
    name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not taken: `where` names the line or entry, `why` says the reason. Neither shows a token."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a text, in its order.

    `scope` are the tiers it speaks for; None: all. `whole` is False when more was there than is read.
    """

    entries: tuple[Found | Repeated | Problem, ...] = ()
    scope: frozenset[Tier] | None = None
    whole: bool = True

    @property
    def found(self) -> tuple[NewAccount, ...]:
        """The accounts."""
        return tuple(one.account for one in self.entries if isinstance(one, Found))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was not taken."""
        return tuple(one for one in self.entries if isinstance(one, Problem))

    @property
    def duplicates(self) -> int:
        """How many tokens occurred again in the same text."""
        return sum(isinstance(one, Repeated) for one in self.entries)

    def marked(self, tags: Iterable[str] = (), tier: Tier | None = None) -> Reading:
        """The same with these tags added to all accounts, and all of this tier unless it is None."""
        more = _tags(list(tags))
        if not more and tier is None:
            return self
        entries = tuple(
            Found(one.where, _marked(one.account, more, tier)) if isinstance(one, Found) else one
            for one in self.entries
        )
        return replace(self, entries=entries)


def _marked(account: NewAccount, tags: tuple[str, ...], tier: Tier | None) -> NewAccount:
    made = replace(account, tags=tuple(dict.fromkeys((*account.tags, *tags))))
    return made if tier is None else replace(made, tier=tier, tier_source=TierSource.GUESSED)


class _Unreadable(Exception):
    """Why an entry is not taken."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A place in the text and what stands there: a token or an object. `tier` is that of its pool."""

    where: str
    what: object
    tier: Tier | None = None


_Entries = Iterator[_Entry | Problem]


def read_accounts(data: bytes | str) -> Reading:
    """Return the accounts in `data`, whatever its form. Never raises; 50,000 entries take about a second."""
    scope: frozenset[Tier] | None = None
    if isinstance(data, bytes) and data.startswith(old_database.MAGIC):
        entries = _from_database(data)
    elif isinstance(data, bytes) and data.startswith(sealed_file.MAGIC):
        why = "this is a backup of GrokDesk, sealed with a passphrase; restore it instead"
        entries = iter([Problem("the file", why)])
    else:
        text = (data if isinstance(data, str) else _decoded(data)).replace("\r\n", "\n").replace("\r", "\n")
        entries, scope = _form(text.removeprefix("\ufeff"))
    return _reading(entries, scope)


def _reading(entries: _Entries, scope: frozenset[Tier] | None) -> Reading:
    read: list[Found | Repeated | Problem] = []
    places: dict[str, str] = {}
    for number, entry in enumerate(entries):
        if number == MOST_ENTRIES:
            read.append(Problem(entry.where, f"only the first {MOST_ENTRIES:,} entries are read"))
            return Reading(tuple(read), scope, whole=False)
        if isinstance(entry, Problem):
            read.append(entry)
            continue
        try:
            account = _account(entry)
        except _Unreadable as error:
            read.append(Problem(entry.where, str(error)))
            continue
        token = account.token.reveal()
        if token in places:
            read.append(Repeated(entry.where, places[token], account.name))
        else:
            places[token] = entry.where
            read.append(Found(entry.where, account))
    return Reading(tuple(read), scope)


# --- forms --------------------------------------------------------------------------------------------------


def _decoded(data: bytes) -> str:
    # Windows' Notepad calls UTF-16 "Unicode".
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    # A Chinese Excel writes tables in GBK.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8-sig", errors="replace")


def _form(text: str) -> tuple[_Entries, frozenset[Tier] | None]:
    """What stands in a text, and for which tiers it speaks."""
    if not text.lstrip().startswith(("{", "[")):
        return _from_table(text) or _from_lines(text), None
    try:
        value = json.loads(text)
    except RecursionError:
        return iter([Problem("the file", "it is nested too deeply")]), None
    except ValueError as error:
        first = text.lstrip().split("\n", 1)[0]
        if _is_json(first):
            return _from_json_lines(text), None
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        return iter([Problem(f"line {line}", "this is not valid JSON")]), None
    return _from_json(value), _scope(value)


def _from_database(data: bytes) -> _Entries:
    number = 0
    try:
        for number, record in enumerate(old_database.records(data), 1):
            yield _Entry(f"row {number}", record)
    except old_database.NotThis as error:
        yield Problem(f"row {number + 1}" if number else "the file", str(error))


def _from_lines(text: str) -> _Entries:
    """Tokens, cookie strings and curl commands, and the lines of a `cookies.txt`, which belong together."""
    jar: list[cookies.Cookie] = []
    lines = text.split("\n")
    end = 0
    for number, line in enumerate(lines, 1):
        content = line.translate(_CLEAN).strip()
        where = f"line {number}"
        if number <= end or not content:
            continue
        if cookies.begins_curl(content):
            end = number
            while end < len(lines) and cookies.curl_goes_on(lines[end - 1], lines[end]):
                end += 1
            yield _curl(where, "\n".join(lines[number - 1 : end]).translate(_CLEAN))
        elif cookie := cookies.netscape(content, where):
            jar.append(cookie)
        elif not content.startswith("#"):
            yield _Entry(where, content)
    yield from _from_cookies(jar, "the file")


def _curl(where: str, command: str) -> _Entry | Problem:
    header = cookies.of_curl(command)
    if header is None:
        return Problem(where, "this command sends no cookies")
    if not cookies.token_in(cookies.of_header(header)):
        return Problem(where, "the cookies of this command hold no sign-in of Grok (sso)")
    return _Entry(where, header)


def _from_cookies(jar: list[cookies.Cookie], where: str) -> _Entries:
    found = False
    for one in cookies.sign_ins(jar):
        found = True
        yield _Entry(one.where, {"token": one.token, "cloudflare_cookies": one.cloudflare})
    if jar and not found:
        yield Problem(where, "these cookies hold no sign-in of Grok (sso of grok.com or x.ai)")


def _from_table(text: str) -> _Entries | None:
    """The rows of a table; None when the first line does not name columns, one of them that of the token."""
    lines = text.split("\n")
    skipped = 0
    while skipped < len(lines) and (not lines[skipped].strip() or lines[skipped].lstrip().startswith("#")):
        skipped += 1
    head = lines[skipped].translate(_CLEAN) if skipped < len(lines) else ""
    separator = max(_SEPARATORS, key=head.count)
    columns = [_COLUMNS.get(cell.strip().strip("\"'").lower(), "") for cell in head.split(separator)]
    if cookies.netscape(head, ""):
        return None
    if "token" in columns:
        return _from_rows(lines, skipped + 1, separator, columns)
    if sum(map(bool, columns)) > 1:
        return iter(
            [Problem(f"line {skipped + 1}", "the table has no column token, sso, sso_token or cookie")]
        )
    return None


def _from_rows(lines: list[str], start: int, separator: str, columns: list[str]) -> _Entries:
    rows = csv.reader((f"{line}\n" for line in lines[start:]), delimiter=separator)
    while True:
        where = f"line {start + rows.line_num + 1}"
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Problem(where, "this is not a row of a table")
            continue
        cells: dict[str, str] = {}
        for column, cell in zip(columns, map(str.strip, row), strict=False):
            if column and cell:
                cells.setdefault(column, cell if column == "token" else _unquoted(cell))
        if cells:
            yield _Entry(where, cells)


def _unquoted(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_SIGNS) else cell


def _from_json_lines(text: str) -> _Entries:
    for number, line in enumerate(text.split("\n"), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        if _is_json(content):
            yield from _listed([json.loads(content)], "line", number)
        else:
            yield Problem(f"line {number}", "this is not valid JSON")


def _from_json(value: object) -> _Entries:
    if isinstance(value, list):
        yield from _listed(value, "entry")
    elif not isinstance(value, dict):
        yield Problem("the file", "it holds no accounts")
    elif isinstance(value.get("accounts"), list):
        yield from _listed(value["accounts"], "entry")
    elif _is_one(value):
        yield from _listed([value], "entry")
    elif not value:
        yield Problem("the file", "it holds no accounts")
    else:
        for pool, entries in value.items():
            name = _shown(pool)
            if not isinstance(entries, list):
                yield Problem(f"'{name}'", "it is not a list of accounts")
            elif pool.strip().lower() not in _TIERS:
                yield Problem(f"pool '{name}'", "this is not a pool: basic, super, heavy or auto")
            else:
                yield from _listed(entries, f"pool '{name}', entry", tier=_TIERS[pool.strip().lower()])


def _is_one(value: dict[str, object]) -> bool:
    """Whether this is one account, one cookie or what one browser remembers."""
    return (
        isinstance(value.get("cookies"), list)
        or "token" in value
        or "sso_token" in value
        or cookies.of_object(value, "") is not None
    )


def _scope(value: object) -> frozenset[Tier] | None:
    """The tiers a file with pools speaks for: those of pools that hold something (spec/accounts.md §8.1)."""
    if not isinstance(value, dict) or isinstance(value.get("accounts"), list) or _is_one(value):
        return None
    pools = {pool.strip().lower() for pool, entries in value.items() if isinstance(entries, list) and entries}
    return frozenset(_TIERS[pool] or Tier.UNKNOWN for pool in pools & _TIERS.keys())


def _listed(values: list[object], name: str, first: int = 1, tier: Tier | None = None) -> _Entries:
    """Accounts, cookies, or what browsers remember. Cookies that follow one another are of one browser."""
    jar: list[cookies.Cookie] = []
    for number, value in enumerate(values, first):
        where = f"{name} {number}"
        if cookie := cookies.of_object(value, where):
            jar.append(cookie)
            continue
        if jar:
            yield from _from_cookies(jar, jar[0].where)
            jar = []
        if isinstance(value, dict) and isinstance(value.get("cookies"), list):
            kept = [cookies.of_object(one, where) for one in value["cookies"]]
            yield from _state([one for one in kept if one], where)
        else:
            yield _Entry(where, value, tier)
    if jar:
        yield from _from_cookies(jar, jar[0].where if len(jar) < len(values) else "the file")


def _state(jar: list[cookies.Cookie], where: str) -> _Entries:
    if jar:
        yield from _from_cookies(jar, where)
    else:
        yield Problem(where, "it holds no cookies")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# --- one entry ----------------------------------------------------------------------------------------------


def _account(entry: _Entry) -> NewAccount:
    if isinstance(entry.what, str):
        token, passed = _token(entry.what)
        return NewAccount(token=Secret(token), tier=entry.tier, cookies=Secret(passed))
    if not isinstance(entry.what, dict):
        raise _Unreadable("it is neither a token nor an object with one")
    members: Mapping[str, object] = entry.what
    written = members.get("sso_token") or members.get("token")
    if not isinstance(written, str):
        raise _Unreadable("it has no token")
    token, passed = _token(written)
    given = members.get("cloudflare_cookies")
    tier = _tier(members.get("tier")) if members.get("tier") else entry.tier
    source = _one_of(TierSource, members.get("tier_source"))
    status = _one_of(Status, members.get("status"))
    return NewAccount(
        token=Secret(token),
        label=_text(members.get("label") or members.get("name")),
        email=_text(members.get("email")),
        user_id=_text(members.get("user_id")),
        tier=tier,
        cookies=Secret(_cloudflare(given) if isinstance(given, str) and given.strip() else passed),
        tier_source=source if tier is not None and source is not None else TierSource.GUESSED,
        note=_note(members.get("note")),
        tags=_tags(members.get("tags")),
        status=status,
        reason=_text(members.get("reason")) if status is not None else "",
        since=_time(members.get("since")) if status is not None else None,
        max_parallel=_count(members.get("max_parallel"), _MOST_PARALLEL) or None,
        terms_at=_time(members.get("terms_at")) or _accepted(members),
        birth_date_at=_time(members.get("birth_date_at") or members.get("birth_date_set_at")),
        adult_at=_time(members.get("adult_at") or members.get("nsfw_enabled_at")),
        created_at=_time(members.get("created_at")),
        uses=_count(members.get("uses")),
        failures=_count(members.get("failures")),
        last_use_at=_time(members.get("last_use_at")),
        last_failure_at=_time(members.get("last_failure_at")),
        last_failure=_text(members.get("last_failure")),
    )


def _token(written: str) -> tuple[str, str]:
    """The token in a line, and the Cloudflare cookies beside it."""
    content = _COOKIE_HEADER.sub("", written.translate(_CLEAN).strip(), count=1).strip().strip("\"',")
    token = cookies.token_in(cookies.of_header(content))
    beside = content
    if not token:
        token, _, beside = (part.strip() for part in content.partition(";"))
    while token.lower().startswith("sso="):
        token = token[len("sso=") :].strip()
    _check(token)
    return token, _cloudflare(beside)


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


def _cloudflare(header: str) -> str:
    """The cookies of a Cookie header that belong to Cloudflare."""
    parts = (part.partition("=") for part in header.translate(_CLEAN).split(";"))
    return cookies.cloudflare({name.strip(): value.strip() for name, _, value in parts})


def _tier(value: object) -> Tier | None:
    name = value.strip().lower() if isinstance(value, str) else "?"
    if name not in _TIERS:
        raise _Unreadable("its tier is not one of auto, basic, super and heavy")
    return _TIERS[name]


def _one_of(kind: type[T], value: object) -> T | None:
    return next((one for one in kind if one.value == value), None)


def _accepted(members: Mapping[str, object]) -> float | None:
    """When the terms of use were accepted; older ones are asked for again (§18.1)."""
    accepted = _count(members.get("tos_version")) >= TERMS_VERSION
    return _time(members.get("tos_accepted_at")) if accepted else None


def _count(value: object, most: int = 1 << 53) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    return min(value, most) if value > 0 else 0


def _time(value: object) -> float | None:
    """Unix seconds of a moment since 1970, told in these, in milliseconds or as RFC 3339."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
            value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 < value < _SECONDS_END * _MILLISECONDS:
        return None
    return float(value) if value < _SECONDS_END else value / _MILLISECONDS


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = _parsed(value) if value.startswith("[") else _TAG_SEPARATORS.split(value)
    tags = (_text(one) for one in value) if isinstance(value, list) else ()
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:_MOST_TAGS]


def _parsed(text: str) -> object:
    return json.loads(text) if _is_json(text) else [text]


def _text(value: object) -> str:
    """A name or address as it can be stored and shown: one line, no lone surrogates, not endless."""
    if not isinstance(value, str):
        return ""
    return _storable(" ".join(value.translate(_CONTROLS).split())[:_LONGEST_TEXT].rstrip())


def _note(value: object) -> str:
    """The same for a text of several lines."""
    if not isinstance(value, str):
        return ""
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return _storable(lines.translate(_CONTROLS_OF_NOTES).strip()[:_LONGEST_NOTE].rstrip())


def _storable(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode()


def _shown(value: str, longest: int = 40) -> str:
    return _storable(" ".join(value.translate(_CLEAN).split()))[:longest]
