"""What an import would do, and accounts as text. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar, assert_never

from grokdesk.core.accounts import Account, AccountId, Status, Tier, TierSource
from grokdesk.engine.reading import (
    FORMULA_SIGNS,
    TERMS_VERSION,
    Found,
    NewAccount,
    Problem,
    Reading,
    Repeated,
)

T = TypeVar("T")

# --- planning -----------------------------------------------------------------------------------------------


class How(StrEnum):
    """What an import does with accounts that are here already.

    ADD leaves them as they are. UPDATE gives them what the file says more; nothing is erased by silence.
    REPLACE also removes those that are not in the file, restorably.
    """

    ADD = "add"
    UPDATE = "update"
    REPLACE = "replace"


class Fate(StrEnum):
    """What becomes of a line or entry. GONE is an account that is not in the file.

    RENEWABLE is a new token of an account that is here, which only UPDATE takes.
    """

    NEW = "new"
    KNOWN = "already there"
    UPDATED = "updated"
    RENEWABLE = "new token"
    REPEATED = "named twice"
    UNREADABLE = "not understood"
    GONE = "removed"


class What(StrEnum):
    """What an update changes."""

    TOKEN = "new token"  # noqa: S105 - the name of a change
    NAME = "name"
    MAIL = "mail address"
    USER = "user id"
    TIER = "tier"
    TAGS = "tags"
    NOTE = "note"
    COOKIES = "Cloudflare cookies"
    PARALLEL = "requests at once"
    STEPS = "steps done for adult content"


_CHANGED: Final[Mapping[str, What]] = {
    "token": What.TOKEN,
    "label": What.NAME,
    "email": What.MAIL,
    "user_id": What.USER,
    "tier": What.TIER,
    "tier_source": What.TIER,
    "tags": What.TAGS,
    "note": What.NOTE,
    "cookies": What.COOKIES,
    "max_parallel": What.PARALLEL,
    "terms_at": What.STEPS,
    "birth_date_at": What.STEPS,
    "adult_at": What.STEPS,
}


@dataclass(frozen=True, slots=True)
class Line:
    """What would become of one line or entry. `where` is empty for an account that is not in the file.

    `name` is what a person calls the account, and empty for what is not understood; `other` is the line or
    the account it is the same as.
    """

    where: str
    fate: Fate
    name: str = ""
    why: str = ""
    what: tuple[What, ...] = ()
    other: str = ""

    @property
    def words(self) -> str:
        """The fate in a phrase."""
        match self.fate:
            case Fate.UPDATED:
                return f"updated: {', '.join(self.what)}"
            case Fate.RENEWABLE:
                return f"looks like {self.other} with a new token; use update to replace it"
            case Fate.REPEATED:
                return f"the same account as {self.other}"
            case Fate.UNREADABLE:
                return self.why
            case Fate.NEW | Fate.KNOWN | Fate.GONE:
                return self.fate.value
        assert_never(self.fate)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do: a line for every entry, and what `AccountPool.bring` needs to do it."""

    how: How = How.ADD
    lines: tuple[Line, ...] = ()
    new: tuple[NewAccount, ...] = ()
    changes: tuple[tuple[AccountId, NewAccount], ...] = ()
    gone: tuple[AccountId, ...] = ()
    counts: Mapping[Fate, int] = field(default_factory=Counter)

    @property
    def changes_something(self) -> bool:
        """Whether carrying it out would change anything."""
        return bool(self.new or self.changes or self.gone)


def planned(reading: Reading, accounts: Iterable[Account], how: How = How.ADD) -> Plan:
    """Return what an import of `reading` would do to `accounts`. After doing it, the same does nothing.

    One person has one account: of two sign-ins with one user id or mail address the first counts. With
    REPLACE those accounts go whose tier the file speaks for; none goes when nothing in it was readable, or
    when it was too long to be read to its end.
    """
    here = [account for account in accounts if account.token]
    return _Planning(reading, here, how).plan()


class _Planning:
    """The state of one look through a reading."""

    def __init__(self, reading: Reading, here: list[Account], how: How) -> None:
        self._reading = reading
        self._here = here
        self._how = how
        self._by_token = {account.token: account for account in here}
        self._places = {one.account.token: one.where for one in reading.entries if isinstance(one, Found)}
        # Matched are the accounts as they will be: a mail address that the file corrects says nothing more.
        founds = {one.account.token: one.account for one in reading.entries if isinstance(one, Found)}
        self._after = {one.id: self._result(one, founds[one.token]) for one in here if one.token in founds}
        self._people: _People[Account] = _People()
        # Those who are signed out first: a new sign-in is most likely theirs.
        for account in sorted(here, key=lambda one: one.status is not Status.EXPIRED):
            self._people.note(self._after.get(account.id, account), account)
        self._seen: _People[str] = _People()
        self._taken: dict[AccountId, str] = {}
        self._new: list[NewAccount] = []
        self._changes: list[tuple[AccountId, NewAccount]] = []

    def plan(self) -> Plan:
        lines = [self._line(entry) for entry in self._reading.entries]
        gone = self._gone()
        lines += [Line("", Fate.GONE, account.name) for account in gone]
        return Plan(
            self._how,
            tuple(lines),
            tuple(self._new),
            tuple(self._changes),
            tuple(account.id for account in gone),
            Counter(line.fate for line in lines),
        )

    def _line(self, entry: Found | Repeated | Problem) -> Line:
        match entry:
            case Problem(where, why):
                return Line(where, Fate.UNREADABLE, why=why)
            case Repeated(where, first, name):
                return Line(where, Fate.REPEATED, name, other=first)
            case Found(where, found):
                return self._found(where, found)
        assert_never(entry)

    def _found(self, where: str, found: NewAccount) -> Line:
        account = self._by_token.get(found.token)
        if account is not None:
            return self._known(where, account, found)
        account = self._people.find(found)
        first = self._seen.find(found) or (account and self._place_of(account))
        if first or account is None or self._how is How.ADD:
            self._seen.note(found, first or where)
        if first:
            return Line(where, Fate.REPEATED, found.name, other=first)
        if account is None:
            self._new.append(found)
            return Line(where, Fate.NEW, found.name)
        if self._how is How.ADD:
            self._taken[account.id] = where
            return Line(where, Fate.RENEWABLE, found.name, other=account.name)
        self._people.forget(account, account)
        return self._known(where, account, found)

    def _place_of(self, account: Account) -> str | None:
        """Where in the file this account stands, if it does, or another sign-in of it was."""
        return self._places.get(account.token) or self._taken.get(account.id)

    def _known(self, where: str, account: Account, found: NewAccount) -> Line:
        after = self._after.get(account.id) or self._result(account, found)
        self._taken[account.id] = where
        self._seen.note(after, where)
        self._people.note(after, account)
        what = differences(account, after)
        if not what:
            return Line(where, Fate.KNOWN, account.name)
        self._changes.append((account.id, found))
        return Line(where, Fate.UPDATED, account.name, what=what)

    def _result(self, account: Account, found: NewAccount) -> Account:
        return account if self._how is How.ADD else updated(account, found, account.since)

    def _gone(self) -> list[Account]:
        if self._how is not How.REPLACE or not self._places or not self._reading.whole:
            return []
        scope = self._reading.scope
        return [
            account
            for account in self._here
            if account.id not in self._taken and (scope is None or account.tier in scope)
        ]


class _Person(Protocol):
    """Who is known by a user id, a mail address, or both."""

    @property
    def user_id(self) -> str: ...
    @property
    def email(self) -> str: ...


class _People(Generic[T]):
    """Something for each person."""

    def __init__(self) -> None:
        self._users: dict[str, T] = {}
        self._mails: dict[str, dict[str, T]] = {}

    def note(self, person: _Person, what: T) -> None:
        """Keep `what`, unless there is something for this person."""
        if person.user_id:
            self._users.setdefault(person.user_id, what)
        if person.email:
            self._mails.setdefault(person.email.casefold(), {}).setdefault(person.user_id, what)

    def forget(self, person: _Person, what: T) -> None:
        """Keep it no longer."""
        if self._users.get(person.user_id) is what:
            del self._users[person.user_id]
        by_user = self._mails.get(person.email.casefold(), {})
        if by_user.get(person.user_id) is what:
            del by_user[person.user_id]

    def find(self, person: _Person) -> T | None:
        """What is kept for this person. With one mail address, two user ids are two persons."""
        if person.user_id in self._users:
            return self._users[person.user_id]
        by_user = self._mails.get(person.email.casefold(), {})
        return by_user.get("") if person.user_id else next(iter(by_user.values()), None)


def updated(account: Account, found: NewAccount, now: float) -> Account:
    """Return `account` with what a file says more about it; what it does not say stays.

    A fixed tier stays, and a proven one yields only to a fixed one. With a new token it can be used again if
    it was signed out.
    """
    same_mail = found.email.casefold() == account.email.casefold()
    made = replace(
        account,
        token=found.token,
        label=found.label or account.label,
        note=found.note or account.note,
        email=account.email if same_mail else found.email or account.email,
        user_id=found.user_id or account.user_id,
        tags=tuple(dict.fromkeys((*account.tags, *found.tags))),
        cookies=found.cookies or account.cookies,
        max_parallel=found.max_parallel or account.max_parallel,
        terms_at=account.terms_at or found.terms_at,
        birth_date_at=account.birth_date_at or found.birth_date_at,
        adult_at=account.adult_at or found.adult_at,
    )
    if found.tier is not None and (
        account.tier_source in {TierSource.UNKNOWN, TierSource.GUESSED}
        or (account.tier_source is TierSource.PROVEN and found.tier_source is TierSource.FIXED)
    ):
        made = made.with_tier(found.tier, found.tier_source)
    if found.token == account.token:
        return made
    made = replace(
        made, faults=0, resting_until=0.0, rest_reason="", checked_at=None, check_failures=0, check_failure=""
    )
    return made.with_status(Status.ACTIVE, "", now) if made.status is Status.EXPIRED else made


def differences(before: Account, after: Account) -> tuple[What, ...]:
    """What an update has changed."""
    changed = {what for name, what in _CHANGED.items() if getattr(before, name) != getattr(after, name)}
    return tuple(what for what in What if what in changed)


def seated(found: NewAccount, account_id: AccountId, now: float) -> Account:
    """Return the new account somebody brings."""
    account = Account(
        id=account_id,
        token=found.token,
        label=found.label,
        note=found.note,
        tags=found.tags,
        status=found.status or Status.ACTIVE,
        reason=found.reason,
        since=found.since or now,
        user_id=found.user_id,
        email=found.email,
        cookies=found.cookies,
        max_parallel=found.max_parallel,
        created_at=found.created_at or now,
        terms_at=found.terms_at,
        birth_date_at=found.birth_date_at,
        adult_at=found.adult_at,
        uses=found.uses,
        failures=found.failures,
        last_use_at=found.last_use_at,
        last_failure_at=found.last_failure_at,
        last_failure=found.last_failure,
    )
    return account if found.tier is None else account.with_tier(found.tier, found.tier_source)


# --- export -------------------------------------------------------------------------------------------------


class Format(StrEnum):
    """A form in which accounts leave. Whoever has the text can use the accounts.

    TXT: a token per line. GROK2API_2 and GROK2API_3: the JSON of these programs (spec/accounts.md §8.3,
    protocol/grok-web-chat.md §20). CSV: a table. GROKDESK: all that is known of an account and not of this
    computer: no proxy, no quota.
    """

    TXT = "txt"
    GROK2API_2 = "grok2api-2"
    GROK2API_3 = "grok2api-3"
    CSV = "csv"
    GROKDESK = "grokdesk"


_POOLS: Final = {Tier.UNKNOWN: "auto", Tier.BASIC: "basic", Tier.SUPER: "super", Tier.HEAVY: "heavy"}
_FORMAT: Final = "grokdesk-accounts"
_TABLE: Final = ("token", "name", "email", "user_id", "tier", "tags", "note")
_BREAKS_TAGS: Final = frozenset(",;|，；、")
# Excel takes a table without it for one in the encoding of the country.
_BYTE_ORDER_MARK: Final = "\ufeff"


def exported(accounts: Iterable[Account], form: Format) -> str:
    """Return the accounts that have a token as text in `form`; reading it gives them back."""
    kept = [account for account in accounts if account.token]
    match form:
        case Format.TXT:
            return "".join(f"{account.token.reveal()}\n" for account in kept)
        case Format.GROK2API_2:
            return _json(_pools(kept))
        case Format.GROK2API_3:
            return _json({"provider": "grok_web", "accounts": [_of_grok2api_3(one) for one in kept]})
        case Format.CSV:
            return _table(kept)
        case Format.GROKDESK:
            return _json({"format": _FORMAT, "version": 1, "accounts": [_whole(one) for one in kept]})
    assert_never(form)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _pools(accounts: list[Account]) -> dict[str, list[dict[str, object]]]:
    pools: dict[str, list[dict[str, object]]] = {}
    for account in accounts:
        entry: dict[str, object] = {"token": account.token.reveal(), "tags": list(account.tags)}
        pools.setdefault(_POOLS[account.tier], []).append(entry)
    return pools


def _of_grok2api_3(account: Account) -> dict[str, object]:
    return _said(
        {
            "name": account.label,
            "email": account.email,
            "user_id": account.user_id,
            "sso_token": account.token.reveal(),
            "tier": _POOLS[account.tier],
            "cloudflare_cookies": account.cookies.reveal(),
            "nsfw_enabled_at": _moment(account.adult_at),
            "tos_accepted_at": _moment(account.terms_at),
            "tos_version": TERMS_VERSION if account.terms_at else None,
            "birth_date_set_at": _moment(account.birth_date_at),
        }
    )


def _whole(account: Account) -> dict[str, object]:
    known = account.tier is not Tier.UNKNOWN
    return _said(
        {
            "token": account.token.reveal(),
            "label": account.label,
            "note": account.note,
            "tags": list(account.tags),
            "tier": account.tier.value if known else None,
            "tier_source": account.tier_source.value if known else None,
            "status": account.status.value,
            "reason": account.reason,
            "since": account.since,
            "email": account.email,
            "user_id": account.user_id,
            "cloudflare_cookies": account.cookies.reveal(),
            "max_parallel": account.max_parallel,
            "terms_at": account.terms_at,
            "birth_date_at": account.birth_date_at,
            "adult_at": account.adult_at,
            "created_at": account.created_at,
            "uses": account.uses,
            "failures": account.failures,
            "last_use_at": account.last_use_at,
            "last_failure_at": account.last_failure_at,
            "last_failure": account.last_failure,
        }
    )


def _said(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value}


def _table(accounts: list[Account]) -> str:
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(_TABLE)
    for account in accounts:
        cells = (account.label, account.email, account.user_id, _POOLS[account.tier], _tags(account.tags))
        rows.writerow((account.token.reveal(), *map(_harmless, cells), _harmless(account.note)))
    return _BYTE_ORDER_MARK + text.getvalue()


def _tags(tags: tuple[str, ...]) -> str:
    plain = not any(tag.startswith("[") or _BREAKS_TAGS & set(tag) for tag in tags)
    return ", ".join(tags) if plain else json.dumps(tags, ensure_ascii=False)


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; `read_accounts` takes the apostrophe away."""
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell


def _moment(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
