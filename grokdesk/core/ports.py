"""What the engine needs of the world, as protocols. `app` hands it the real ones."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol, runtime_checkable

from grokdesk.core.accounts import Account, AccountId, Meter, Report
from grokdesk.core.assets import Asset, Listing, PastConversation
from grokdesk.core.egress import Egress, SolverTested, Tested
from grokdesk.core.events import Batch
from grokdesk.core.media import Artifact, Kept, Origin, Request, Trace
from grokdesk.core.runs import Counted, Place, RunRecord, Sought, Talk
from grokdesk.core.secret import Secret
from grokdesk.core.updates import Release
from grokdesk.core.usage import HourSum
from grokdesk.core.voice import VoicePass, VoiceWish


class Clock(Protocol):
    """The time. `now` is Unix seconds; `monotonic` never goes back and means nothing by itself."""

    def now(self) -> float:
        """Unix seconds."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """An account held for one call, and what the call counts on: the mode it is asked in, or a product."""

    account: Account
    meter: Meter


class Provider(Protocol):
    """One upstream, as the engine sees it. It never chooses an account and never retries on another one."""

    key: str

    def open(
        self, request: Request, lease: Lease, egress: Egress
    ) -> AbstractAsyncContextManager[AsyncIterator[Batch]]:
        """Send `request`; yield its events in batches, ending with `Finished`.

        `Started` carries an empty run id and model; the run fills them in. Leaving the block ends the
        upstream call at once. Raises `UpstreamError`.
        """
        ...

    async def probe(self, account: Account, egress: Egress, *, meters: Collection[Meter] = ()) -> Report:
        """Ask what this account is and what it has left; with `meters`, only what is left of these.

        Raises `UpstreamError`.
        """
        ...


class AccountCalls(Protocol):
    """What can be done to an account at its upstream. Every method raises `UpstreamError`."""

    async def accept_account_terms(self, account: Account, egress: Egress) -> None:
        """Accept the terms of the account, at the accounts address: first of two steps."""
        ...

    async def accept_product_terms(self, account: Account, egress: Egress) -> None:
        """Accept the terms of the product: second of two steps."""
        ...

    async def set_birth_date(self, account: Account, egress: Egress, born: date) -> bool:
        """Tell the owner's date of birth; False when there was one already, which stays."""
        ...

    async def show_adult(self, account: Account, egress: Egress, *, on: bool) -> None:
        """Turn the showing of adult content on or off."""
        ...

    async def assets(self, account: Account, egress: Egress) -> Listing[Asset]:
        """All files the account keeps."""
        ...

    async def delete_asset(self, account: Account, egress: Egress, asset_id: str) -> bool:
        """Delete a file; False when it was gone already."""
        ...

    async def conversations(self, account: Account, egress: Egress) -> Listing[PastConversation]:
        """All conversations in the account's history."""
        ...

    async def delete_conversation(self, account: Account, egress: Egress, conversation_id: str) -> bool:
        """Delete a conversation; False when it was gone already."""
        ...


@dataclass(frozen=True, slots=True)
class Download:
    """A file on its way: its MIME type as declared, its size in bytes if that was said, and its content."""

    media_type: str
    size: int | None
    chunks: AsyncIterator[bytes]


OpenDownload = Callable[[str], AbstractAsyncContextManager[Download]]


class Downloads(Protocol):
    """Fetches the files of upstream."""

    def download(self, url: str, account: Account, egress: Egress) -> AbstractAsyncContextManager[Download]:
        """Fetch what lies at `url`, with the account that owns it, unless the place is open to all.

        Raises `UpstreamError`, also while the content is read; `InvalidRequest` for an address that is not
        one of upstream's places for files.
        """
        ...


class MediaCalls(Downloads, Protocol):
    """What else can be done with pictures and films upstream. Every method raises `UpstreamError`."""

    async def find(self, trace: Trace, account: Account, egress: Egress) -> Artifact | None:
        """Look for what a job that lost its connection has made; None when it is not there (yet)."""
        ...

    async def upscale(self, trace: Trace, account: Account, egress: Egress) -> Artifact:
        """Have a film made larger."""
        ...

    async def share(self, trace: Trace, account: Account, egress: Egress) -> str:
        """Make a film open to everybody; returns the address of its page."""
        ...


class Speaks(Protocol):
    """Lets clients into voice sessions."""

    async def open_voice(self, wish: VoiceWish, account: Account, egress: Egress) -> VoicePass:
        """Get a token for one session. Raises `UpstreamError`."""
        ...


class Keeps(Protocol):
    """Keeps what was made."""

    async def keep(self, artifact: Artifact, origin: Origin, download: OpenDownload) -> Kept:
        """Put `artifact` into the library, fetching what did not come with the answer by `download`.

        A failed download is tried again twice. Raises `Undelivered` when the file cannot be had, `Broken`
        when it cannot be stored.
        """
        ...

    def read(self, kept: Kept) -> Awaitable[bytes]:
        """The content of a file."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A provider that knows conversations of its accounts: a further turn is best asked of the same one."""

    def account_for(self, request: Request) -> AccountId | None:
        """The account that has the conversation which `request` continues; None when there is none."""
        ...


class AccountStore(Protocol):
    """Accounts that survive a restart."""

    async def all(self) -> list[Account]:
        """Every account that has not been removed, oldest first."""
        ...

    async def add(self, accounts: Sequence[Account]) -> None:
        """Write new accounts in one transaction: all of them or none."""
        ...

    def save(self, account: Account) -> None:
        """Write a changed account soon; returns at once."""
        ...

    async def remove(self, ids: Iterable[AccountId], at: float) -> None:
        """Mark accounts as removed at `at`; `restore` undoes it."""
        ...

    async def restore(self, ids: Iterable[AccountId]) -> list[Account]:
        """Take back a removal; returns the accounts."""
        ...

    async def removed(self) -> list[Removed]:
        """Every account that has been removed and can be restored, the last one first."""
        ...

    async def purge(self, before: float) -> int:
        """Forget for good what was removed before `before`; returns how many that were."""
        ...


@dataclass(frozen=True, slots=True)
class Removed:
    """An account that was removed at `at`, in Unix seconds."""

    account: Account
    at: float


@dataclass(frozen=True, slots=True)
class News:
    """What other gateways of a shared pool have changed.

    `accounts` are new or changed, as they are now; `removed` are gone. `elsewhere` is how many requests
    others have in flight, by account, for every account where that changed. `keys` says that client keys
    changed.
    """

    accounts: tuple[Account, ...] = ()
    removed: frozenset[AccountId] = frozenset()
    elsewhere: Mapping[AccountId, int] = field(default_factory=dict)
    keys: bool = False


class Shared(Protocol):
    """What several gateways on one store keep together; with a store of one's own it does nothing.

    When the server cannot be reached every gateway goes on with what it knows: a lease is granted, and the
    numbers are put right when the server is back.
    """

    @property
    def leads(self) -> bool:
        """Whether this gateway is the one that runs the schedules."""
        ...

    async def acquire(self, account: AccountId, most: int) -> int | None:
        """Count one more request of `account` for all gateways, of at most `most`.

        Returns None when it was granted, else how many the other gateways hold.
        """
        ...

    def release(self, account: AccountId) -> None:
        """Take back one `acquire` soon; returns at once."""
        ...

    async def news(self) -> News:
        """Wait until other gateways have changed something, at most 3 s after they did; returns what."""
        ...


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key that clients present. `digest` is the SHA-256 of the value in hex."""

    id: str
    name: str
    value: Secret
    digest: str
    created_at: float
    revoked_at: float | None = None


class KeyStore(Protocol):
    """Client keys that survive a restart."""

    async def all(self) -> list[ClientKey]:
        """Every key, revoked ones too, oldest first."""
        ...

    async def add(self, key: ClientKey) -> None:
        """Write a new key."""
        ...

    async def revoke(self, key_id: str, at: float) -> None:
        """Mark a key as revoked."""
        ...


class RunStore(Protocol):
    """The list of past requests."""

    def save(self, record: RunRecord) -> None:
        """Write a finished run soon; returns at once."""
        ...

    async def latest(self, limit: int) -> list[RunRecord]:
        """The newest `limit` runs, newest first."""
        ...

    async def get(self, run_id: str) -> RunRecord | None:
        """One run, or None when it is not listed any more."""
        ...

    async def page(
        self, sought: Sought, *, before: Place | None = None, skip: int = 0, limit: int
    ) -> list[RunRecord]:
        """Runs that fit, newest first: `limit` of those older than `before`, after the first `skip`."""
        ...

    async def count(self, sought: Sought, *, before: Place | None = None) -> Counted:
        """How many runs fit and are older than `before`."""
        ...

    async def trim(self, keep: int) -> None:
        """Forget all but the newest `keep`."""
        ...


class HourStore(Protocol):
    """The sums of each hour."""

    def save(self, hour: HourSum) -> None:
        """Write an hour soon, instead of what was written of it before; returns at once."""
        ...

    async def between(self, start: int, end: int) -> list[HourSum]:
        """The hours from `start` on that begin before `end`, in Unix seconds."""
        ...

    async def trim(self, before: int) -> None:
        """Forget the hours that began before `before`."""
        ...


class TalkStore(Protocol):
    """What was said in runs, sealed."""

    def save(self, talk: Talk) -> None:
        """Write it soon; returns at once."""
        ...

    async def get(self, run_id: str) -> Talk | None:
        """What was said in a run, or None when that is not kept or cannot be opened any more."""
        ...

    async def count(self) -> int:
        """Of how many runs it is kept."""
        ...

    async def forget(self, before: float | None = None) -> int:
        """Forget all of it, or what is of runs that came before `before`; returns of how many."""
        ...


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a solver brought back: the Cloudflare cookies (empty: none were needed) and its user agent.

    `expires_at` is when `cf_clearance` ends, in Unix seconds; None when that was not said.
    """

    cookies: Secret
    user_agent: str
    expires_at: float | None = None


class Solver(Protocol):
    """Passes a Cloudflare check for a way out, in a browser the owner runs."""

    async def solve(self, url: str, proxy: Secret) -> Clearance:
        """Return what passed the check of `url` through `proxy`.

        Raises `NoClearance`, whose sentence tells a solver that is down, slow, unreadable or unsuccessful.
        """
        ...

    async def keep_only(self, proxies: Collection[Secret]) -> None:
        """Close the browsers it keeps open for any other way out. Does not fail."""
        ...


class SolverTester(Protocol):
    """Finds out whether a solver is there."""

    async def look(self, address: str) -> SolverTested:
        """Ask the solver at `address` how it is; no check is passed. Does not raise `UpstreamError`."""
        ...


class Tester(Protocol):
    """Finds out what a way out is worth."""

    async def test(self, url: str, egress: Egress) -> Tested:
        """Ask the site at `url` how it sees us. No account is involved. Does not raise `UpstreamError`."""
        ...


class ReleaseSource(Protocol):
    """Knows which version of this program is the newest."""

    async def latest(self, url: str, proxy: str) -> Release:
        """Ask the address `url`, through `proxy` unless that is empty. Raises `UpstreamError`."""
        ...


@dataclass(frozen=True, slots=True)
class Portion:
    """A part of what a store holds, as plain data that JSON can hold. `rows` has secrets in clear.

    `kind` is `accounts`, `keys`, `runs` and so on; at most 500 rows.
    """

    kind: str
    rows: list[dict[str, Any]]  # what a store writes and reads back, whatever that is


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a portion: how many rows were added, and how many were there already."""

    added: int
    known: int


class Contents(Protocol):
    """Everything a store holds, to be copied."""

    def portions(self) -> AsyncIterator[Portion]:
        """Read all of it, part by part, kind by kind."""
        ...

    async def put(self, portion: Portion) -> Put:
        """Add the rows that are missing; those that are there stay as they are."""
        ...
