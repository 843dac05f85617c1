"""What the owner does to accounts, one or ten thousand.

Acts that call upstream are jobs; those that only change the pool happen at once and tell the same kind of
result. Every call leases a way out and lets the pool learn from its failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from grokdesk.core.accounts import Account, AccountId, Status, Tier, TierSource
from grokdesk.core.assets import Asset, Listing, PastConversation
from grokdesk.core.egress import Egress
from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    GrokDeskError,
    InvalidRequest,
    NotFound,
    Overloaded,
    RateLimited,
    Unreachable,
    UpstreamError,
)
from grokdesk.core.ports import AccountCalls, Clock
from grokdesk.core.retry import RetryPolicy, Tries
from grokdesk.core.settings import Live
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.egress import EgressService
from grokdesk.engine.jobs import Act, Done, Job, Jobs, PartlyDone, Result, Turn
from grokdesk.engine.quota import Checks

T = TypeVar("T")

_ADULT_YEARS: Final = 18
_OLDEST_YEARS: Final = 130
_LONGEST: Final = {"label": 200, "note": 10_000}
_LONGEST_TAG: Final = 40
_MOST_TAGS: Final = 20
# So many accounts are changed before others get the loop.
_CHANGES_AT_ONCE: Final = 200
# So many things in a row that cannot be deleted, each for a reason of its own, end the attempt.
_MISSES: Final = 5
# An account that fills up as fast as it is cleared is looked at so often.
_ROUNDS: Final = 20
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Adult:
    """The owner's own statement: their date of birth, and that they are an adult (decision 10)."""

    birth_date: date
    confirmed: bool = False

    def check(self, today: date) -> None:
        """Raise `InvalidRequest` unless it says that the owner is of age. Nothing is ever filled in."""
        if not self.confirmed:
            raise InvalidRequest(
                "Showing adult content needs your word that you are an adult.",
                param="confirmed",
                hint="Confirm it together with your own date of birth.",
            )
        born = self.birth_date
        years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        if years < _ADULT_YEARS:
            raise InvalidRequest(
                f"Adult content is only for people of {_ADULT_YEARS} years and older.", param="birth_date"
            )
        if years > _OLDEST_YEARS:
            raise InvalidRequest(
                "That date of birth cannot be right.",
                param="birth_date",
                hint="Give it as year, month and day, such as 1990-05-17.",
            )


class Acts:
    """Everything that is done to many accounts at once."""

    def __init__(
        self,
        *,
        calls: AccountCalls,
        pool: AccountPool,
        egress: EgressService,
        checks: Checks,
        jobs: Jobs,
        live: Live,
        clock: Clock,
    ) -> None:
        self._calls = calls
        self._pool = pool
        self._egress = egress
        self._checks = checks
        self._jobs = jobs
        self._live = live
        self._clock = clock
        self._turns: WeakValueDictionary[AccountId, asyncio.Lock] = WeakValueDictionary()

    # -- jobs

    def refresh(self, ids: Iterable[AccountId]) -> Job:
        """Ask Grok what accounts are and have left; also those that were signed out or blocked."""
        return self._start("refresh", "Check {}", ids, self._refresh)

    def adult_on(self, ids: Iterable[AccountId], adult: Adult) -> Job:
        """Show adult content. Of terms, date of birth and switch, what was done before is passed over.

        Raises `InvalidRequest` when `adult` does not say that the owner is of age.
        """
        adult.check(datetime.fromtimestamp(self._clock.now(), UTC).date())
        return self._start(
            "adult_on", "Show adult content with {}", ids, lambda turn: self._adult_on(turn, adult.birth_date)
        )

    def adult_off(self, ids: Iterable[AccountId]) -> Job:
        """Show adult content no more."""
        return self._start("adult_off", "Hide adult content with {}", ids, self._adult_off)

    def list_assets(self, ids: Iterable[AccountId]) -> Job:
        """Count what accounts keep at Grok: `files` and `bytes` in the counts."""
        return self._start("list_assets", "List the files of {}", ids, self._list_assets)

    def clear_assets(self, ids: Iterable[AccountId]) -> Job:
        """Delete every file that accounts keep at Grok: `deleted`, `gone` and `failed` in the counts."""
        return self._start("clear_assets", "Delete the files of {}", ids, self._clear_assets)

    def list_conversations(self, ids: Iterable[AccountId]) -> Job:
        """Count what accounts have in their history at Grok: `conversations` in the counts."""
        return self._start(
            "list_conversations", "List the conversations of {}", ids, self._list_conversations
        )

    def clear_conversations(self, ids: Iterable[AccountId]) -> Job:
        """Delete every conversation in the history of accounts; counts as for files."""
        return self._start(
            "clear_conversations", "Delete the conversations of {}", ids, self._clear_conversations
        )

    def _start(self, kind: str, title: str, ids: Iterable[AccountId], act: Act) -> Job:
        wanted = list(dict.fromkeys(ids))
        return self._jobs.start(kind, title.format(_number(len(wanted), "account")), wanted, act)

    # -- one account

    async def assets(self, account_id: AccountId) -> Listing[Asset]:
        """All files an account keeps at Grok. Raises `GrokDeskError`."""
        return await self._upstream(account_id, self._calls.assets)

    async def delete_asset(self, account_id: AccountId, asset_id: str) -> bool:
        """Delete one file; False when it was gone already. Raises `GrokDeskError`."""
        return await self._upstream(
            account_id, lambda account, egress: self._calls.delete_asset(account, egress, asset_id)
        )

    async def conversations(self, account_id: AccountId) -> Listing[PastConversation]:
        """All conversations in an account's history. Raises `GrokDeskError`."""
        return await self._upstream(account_id, self._calls.conversations)

    # -- at once

    async def enable(self, ids: Iterable[AccountId], *, on: bool) -> list[Result]:
        """Let accounts serve, or keep them out."""
        wanted = list(dict.fromkeys(ids))
        results = self._results(wanted, "Switched on." if on else "Switched off.")
        for part in _parts(wanted):
            self._pool.enable(part, on=on)
            await asyncio.sleep(0)
        return results

    async def tag(self, ids: Iterable[AccountId], tags: Iterable[str]) -> list[Result]:
        """Give accounts tags. Raises `InvalidRequest` for one that is empty or too long."""
        fresh = _tags(tags)

        def tagged(account: Account) -> Account:
            known = {tag.casefold() for tag in account.tags}
            more = tuple(tag for tag in fresh if tag.casefold() not in known)
            return replace(account, tags=(*account.tags, *more))

        wanted = list(dict.fromkeys(ids))
        for part in _parts(wanted):
            for one in part:
                account = self._pool.get(one)
                if account is not None and len(tagged(account).tags) > _MOST_TAGS:
                    raise InvalidRequest(
                        f"An account can have {_MOST_TAGS} tags: {account.name} would have more."
                    )
            await asyncio.sleep(0)
        return await self._edited(wanted, tagged, f"Tagged {_listed(fresh)}.")

    async def untag(self, ids: Iterable[AccountId], tags: Iterable[str]) -> list[Result]:
        """Take tags from accounts. Raises `InvalidRequest` for one that is empty or too long."""
        gone = _tags(tags)
        unwanted = {tag.casefold() for tag in gone}

        def untagged(account: Account) -> Account:
            kept = tuple(tag for tag in account.tags if tag.casefold() not in unwanted)
            return replace(account, tags=kept)

        return await self._edited(ids, untagged, f"No longer tagged {_listed(gone)}.")

    async def set_tier(self, ids: Iterable[AccountId], tier: Tier | None) -> list[Result]:
        """Fix the tier of accounts, whatever Grok says; None, or unknown, leaves it to Grok again."""
        if tier in {None, Tier.UNKNOWN}:
            return await self._edited(ids, _free_tier, "The tier is what Grok says.")
        fixed = tier or Tier.UNKNOWN
        return await self._edited(
            ids, lambda account: account.with_tier(fixed, TierSource.FIXED), f"The tier is {fixed.value}."
        )

    async def remove(self, ids: Iterable[AccountId]) -> list[Result]:
        """Take accounts out; for 30 days they can be brought back."""
        wanted = list(dict.fromkeys(ids))
        results = self._results(wanted, "Removed.")
        await self._pool.remove(wanted)
        return results

    async def put_back(
        self, before: Iterable[Account], *names: str, only: Callable[[Account], bool] | None = None
    ) -> list[Result]:
        """Give accounts the values that these fields had `before`, as an undo does.

        With `only`, those alone for which it holds now: what has happened to the others since is not undone.
        A tier comes back with the windows it had.
        """
        were = {one.id: one for one in before}

        def back(account: Account) -> Account:
            if only is not None and not only(account):
                return account
            old = were[account.id]
            if "tier" in names and old.tier is not account.tier:
                account = replace(account, windows={**old.windows, **account.windows})
                account = account.with_tier(old.tier, old.tier_source)
            return replace(account, **{name: getattr(old, name) for name in names})

        return await self._edited(were, back, "As it was before.")

    async def edit(self, ids: Iterable[AccountId], **values: object) -> list[Result]:
        """Give fields of accounts new values: label, note, tags, proxy, max_parallel.

        Raises `InvalidRequest` for a text or a tag that is too long.
        """
        for name, longest in _LONGEST.items():
            if len(str(values.get(name, ""))) > longest:
                raise InvalidRequest(f"The {name} is longer than {longest:,} characters.", param=name)
        if values.get("tags"):
            values["tags"] = tags = tuple(_tags(values["tags"]))  # type: ignore[arg-type]  # texts
            if len(tags) > _MOST_TAGS:
                raise InvalidRequest(f"An account can have {_MOST_TAGS} tags.", param="tags")
        return await self._edited(ids, lambda account: replace(account, **values), "Changed.")  # type: ignore[arg-type]  # of its fields

    async def _edited(
        self, ids: Iterable[AccountId], change: Callable[[Account], Account], said: str
    ) -> list[Result]:
        wanted = list(dict.fromkeys(ids))
        results = self._results(wanted, said)
        for part in _parts(wanted):
            self._pool.edit(part, change)
            await asyncio.sleep(0)
        return results

    def _results(self, ids: Iterable[AccountId], said: str) -> list[Result]:
        results = []
        for one in ids:
            account = self._pool.get(one)
            if account is None:
                results.append(Result(one, str(one), ok=False, said=_GONE, hint=_GONE_HINT))
            else:
                results.append(Result(one, account.name, ok=True, said=said))
        return results

    # -- acts

    async def _refresh(self, turn: Turn) -> Done:
        account_id = turn.account
        self._account(account_id)
        failure = (await self._checks.check([account_id]))[account_id]
        if failure is not None:
            raise failure
        account = self._account(account_id)
        now = self._clock.now()
        tier = (
            "An account of unknown tier"
            if account.tier is Tier.UNKNOWN
            else f"A {account.tier.value} account"
        )
        if account.credits is not None and now < account.credits.ends_at:
            return Done(f"{tier} with {account.credits.remaining / _PERCENT:.0f} % of its week left.")
        windows = [(mode, window.refreshed(now)) for mode, window in account.windows.items()]
        left = [f"{window.remaining} of {window.total} {mode.name.lower()}" for mode, window in windows]
        return Done(f"{tier} with {_listed(left)} left.")

    async def _adult_on(self, turn: Turn, born: date) -> Done:
        async with self._alone(turn.account):
            return await self._adult_steps(turn, born)

    async def _adult_steps(self, turn: Turn, born: date) -> Done:
        account_id, calls = turn.account, self._calls
        account = self._usable(account_id)
        if account.adult_at is not None:
            return Done("Adult content was shown already; nothing was done.")
        done, before = [], []
        if account.terms_at is None:
            turn.doing("accepting the terms")
            site = self._live.now.grok_web.accounts_url
            await self._upstream(account_id, calls.accept_account_terms, site=site)
            await self._upstream(account_id, calls.accept_product_terms)
            self._note(account_id, lambda one, now: replace(one, terms_at=now))
            done.append("terms accepted")
        else:
            before.append("the terms")
        if account.birth_date_at is None:
            turn.doing("telling the date of birth")
            fresh = await self._upstream(
                account_id, lambda one, egress: calls.set_birth_date(one, egress, born)
            )
            self._note(account_id, lambda one, now: replace(one, birth_date_at=now))
            done.append("date of birth told" if fresh else "the date of birth Grok had already stays")
        else:
            before.append("the date of birth")
        turn.doing("switching adult content on")
        await self._upstream(account_id, lambda one, egress: calls.show_adult(one, egress, on=True))
        self._note(account_id, lambda one, now: replace(one, adult_at=now))
        done.append("adult content is shown")
        said = _sentence(", ".join(done))
        return Done(f"{said} Done before: {_listed(before)}." if before else said)

    async def _adult_off(self, turn: Turn) -> Done:
        async with self._alone(turn.account):
            self._usable(turn.account)
            await self._upstream(
                turn.account, lambda one, egress: self._calls.show_adult(one, egress, on=False)
            )
            self._note(turn.account, lambda one, _: replace(one, adult_at=None))
        return Done("Adult content is no longer shown.")

    async def _list_assets(self, turn: Turn) -> Done:
        listing = await self._upstream(turn.account, self._calls.assets)
        files, size = len(listing.items), sum(one.size_bytes for one in listing.items)
        least = "" if listing.complete else "At least "
        return Done(f"{least}{_number(files, 'file')}, {_size(size)}.", {"files": files, "bytes": size})

    async def _list_conversations(self, turn: Turn) -> Done:
        listing = await self._upstream(turn.account, self._calls.conversations)
        count = len(listing.items)
        least = "" if listing.complete else "At least "
        return Done(f"{least}{_number(count, 'conversation')}.", {"conversations": count})

    async def _clear_assets(self, turn: Turn) -> Done:
        async with self._alone(turn.account):
            clearing = _Clearing(turn, "file", self._assets_of, self.delete_asset)
            return await clearing.run()

    async def _clear_conversations(self, turn: Turn) -> Done:
        async with self._alone(turn.account):
            clearing = _Clearing(turn, "conversation", self._conversations_of, self._conversation_deleted)
            return await clearing.run()

    async def _assets_of(self, account_id: AccountId) -> list[str]:
        return [one.id for one in (await self._upstream(account_id, self._calls.assets)).items]

    async def _conversations_of(self, account_id: AccountId) -> list[str]:
        return [one.id for one in (await self._upstream(account_id, self._calls.conversations)).items]

    async def _conversation_deleted(self, account_id: AccountId, conversation_id: str) -> bool:
        return await self._upstream(
            account_id,
            lambda one, egress: self._calls.delete_conversation(one, egress, conversation_id),
        )

    # -- calling upstream

    async def _upstream(
        self, account_id: AccountId, call: Callable[[Account, Egress], Awaitable[T]], *, site: str = ""
    ) -> T:
        """Make a call for an account on its way out; `site` is where to, unless to Grok's own address.

        Once more when Grok was overloaded, or when the call was stopped on a way that has changed since.
        """
        tries = Tries(RetryPolicy(more_tries=1))
        while True:
            account = self._usable(account_id)
            generation = self._egress.generation
            try:
                async with self._egress.lease(account, site=site) as way:
                    return await call(account, way.egress)
            except UpstreamError as error:
                self._pool.learned(account_id, error)
                tries.failed(error, account_id, egress_changed=self._egress.generation != generation)
                if tries.again_with != account_id:
                    raise

    def _account(self, account_id: AccountId) -> Account:
        account = self._pool.get(account_id)
        if account is None:
            raise NotFound(_GONE, hint=_GONE_HINT)
        return account

    def _usable(self, account_id: AccountId) -> Account:
        """The account, unless Grok has refused it: nothing more is asked of it before a check."""
        account = self._account(account_id)
        if account.status in {Status.EXPIRED, Status.BLOCKED}:
            raise AccountRejected(
                account.reason or "Grok refuses this account.",
                status=account.status,
                hint="Check it again, or add its new token, and then repeat this.",
            )
        return account

    def _note(self, account_id: AccountId, change: Callable[[Account, float], Account]) -> None:
        now = self._clock.now()
        self._pool.edit([account_id], lambda account: change(account, now))

    @asynccontextmanager
    async def _alone(self, account_id: AccountId) -> AsyncIterator[None]:
        """Let no two jobs change the same account at Grok at the same time."""
        turn = self._turns.get(account_id)
        if turn is None:
            turn = self._turns[account_id] = asyncio.Lock()
        async with turn:
            yield


# What says something about the account or the way there: deleting further things would end the same.
_ENDING: Final = (AccountRejected, RateLimited, Challenged, Unreachable, Overloaded)


@dataclass(slots=True)
class _Clearing:
    """The deletion of everything of one kind that an account keeps.

    Upstream can only delete one thing at a time. What is left after an end before its time is what the next
    start finds, so nothing has to be remembered.
    """

    turn: Turn
    what: str
    listed: Callable[[AccountId], Awaitable[list[str]]]
    delete: Callable[[AccountId, str], Awaitable[bool]]
    deleted: int = 0
    gone: set[str] = field(default_factory=set)
    missed: dict[str, UpstreamError] = field(default_factory=dict)
    missed_in_a_row: int = 0

    async def run(self) -> Done:
        try:
            await self._clear()
        except GrokDeskError as error:
            if not self.deleted:
                raise
            raise PartlyDone(
                f"{self._said}, then no more: {error.message}",
                counts=self._counts,
                hint=error.hint,
                detail=error.detail,
            ) from error
        if self.missed:
            why = next(reversed(self.missed.values()))
            raise PartlyDone(
                f"{self._said}, {len(self.missed)} could not be: {why.message}",
                counts=self._counts,
                hint="Start it again later to delete the rest.",
                detail=why.detail,
            )
        return Done(f"{self._said}." if self.deleted else f"There was no {self.what} left.", self._counts)

    async def _clear(self) -> None:
        """Delete what is listed until nothing new is: a listing need not be whole."""
        tried: set[str] = set()
        for _ in range(_ROUNDS):
            listed = await self.listed(self.turn.account)
            fresh = [one for one in listed if one not in tried]
            if not fresh:
                self._doubt(self.gone.intersection(listed))
                return
            total = _number(len(tried) + len(fresh), self.what)
            for one in fresh:
                if self.turn.should_stop:
                    raise _Stopped("it was stopped.", hint="Start it again to go on.")
                tried.add(one)
                await self._delete(one)
                self.turn.doing(f"{len(tried)} of {total}")
        raise _Stopped("new ones keep coming.", hint="Stop what makes them, then start it again.")

    async def _delete(self, one: str) -> None:
        try:
            if await self.delete(self.turn.account, one):
                self.deleted += 1
            else:
                self.gone.add(one)
            self.missed_in_a_row = 0
        except _ENDING:
            raise
        except UpstreamError as error:
            self.missed[one] = error
            self.missed_in_a_row += 1
            if self.missed_in_a_row == _MISSES:
                raise

    def _doubt(self, still: set[str]) -> None:
        """What is said to be gone and listed all the same was not deleted."""
        self.gone -= still
        self.missed |= dict.fromkeys(
            still, UpstreamError(f"Grok says that the {self.what} is gone, and lists it all the same.")
        )

    @property
    def _said(self) -> str:
        return f"{_number(self.deleted, self.what)} deleted"

    @property
    def _counts(self) -> dict[str, int]:
        return {"deleted": self.deleted, "gone": len(self.gone), "failed": len(self.missed)}


class _Stopped(GrokDeskError):
    """The owner cancelled."""

    title = "Stopped"


# --- words --------------------------------------------------------------------------------------------------

_GONE: Final = "This account has been removed."
_GONE_HINT: Final = "A removed account can be brought back for 30 days."
_KB: Final = 1_000


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _size(size_bytes: int) -> str:
    size, unit = float(size_bytes), "bytes"
    for bigger in ("KB", "MB", "GB", "TB"):
        if size < _KB:
            break
        size, unit = size / _KB, bigger
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


# --- changes ------------------------------------------------------------------------------------------------


def _free_tier(account: Account) -> Account:
    """The tier stays until upstream tells another."""
    known = TierSource.UNKNOWN if account.tier is Tier.UNKNOWN else TierSource.GUESSED
    return replace(account, tier_source=known) if account.tier_source is TierSource.FIXED else account


def _tags(tags: Iterable[str]) -> list[str]:
    """Tags without blanks around them, each once whatever its case."""
    found: dict[str, str] = {}
    for tag in tags:
        plain = " ".join(tag.split())
        if not plain or len(plain) > _LONGEST_TAG or not plain.isprintable() or "," in plain:
            raise InvalidRequest(
                f"A tag has 1 to {_LONGEST_TAG} characters and no comma.",
                param="tags",
                hint="Give several tags one by one.",
            )
        found.setdefault(plain.casefold(), plain)
    if not found:
        raise InvalidRequest("There is no tag to set.", param="tags")
    return list(found.values())


def _parts(ids: Sequence[AccountId]) -> Iterator[Sequence[AccountId]]:
    return (ids[at : at + _CHANGES_AT_ONCE] for at in range(0, len(ids), _CHANGES_AT_ONCE))
