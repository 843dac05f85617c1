"""What the engine needs of the world, as protocols. `app` hands it the real ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from grokdesk.core.accounts import Account, AccountId, Mode, Report
from grokdesk.core.conversation import Request
from grokdesk.core.egress import Egress
from grokdesk.core.events import Batch
from grokdesk.core.runs import RunRecord
from grokdesk.core.secret import Secret


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
    """An account held for one call, and the mode it is asked in."""

    account: Account
    mode: Mode


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

    async def probe(self, account: Account, egress: Egress) -> Report:
        """Ask what this account is and what it has left. Raises `UpstreamError`."""
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

    async def trim(self, keep: int) -> None:
        """Forget all but the newest `keep`."""
        ...


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a solver brought back: the Cloudflare cookies (empty: none were needed) and its user agent."""

    cookies: Secret
    user_agent: str


class Solver(Protocol):
    """Passes a Cloudflare check for a way out, in a browser the owner runs."""

    async def solve(self, url: str, proxy: Secret) -> Clearance:
        """Return what passed the check of `url` through `proxy`. Raises `Challenged` or `Unreachable`."""
        ...
