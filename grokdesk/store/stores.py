"""What a store gives, wherever it is: a file, a database server or Redis.

The repositories are those of the ports, and each can be copied whole (`Copyable`), which is what moving to
another store and full backups are made of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from grokdesk.core.accounts import Account, AccountId
from grokdesk.core.completions import CompletionStore, KeptCompletion
from grokdesk.core.ports import (
    AccountStore,
    ClientKey,
    HourStore,
    KeyStore,
    News,
    RunStore,
    Shared,
    TalkStore,
)
from grokdesk.core.responses import ResponseStore, StoredResponse
from grokdesk.core.runs import RunRecord, Talk
from grokdesk.core.usage import HourSum

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptAccount:
    """An account as a store holds it; `removed_at` is None unless it was removed and can be restored."""

    account: Account
    removed_at: float | None = None


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """A response as a store holds it, last used at `used_at`."""

    response: StoredResponse
    used_at: float


class Copyable(Protocol[T]):
    """A repository that can be read and filled whole, while it is in use."""

    def batches(self) -> AsyncIterator[Sequence[T]]:
        """All of it, in parts small enough to be held, in the order in which they are to be put back.

        What cannot be opened is left out and logged.
        """
        ...

    async def fill(self, rows: Sequence[T]) -> int:
        """Add the rows that are missing, in one transaction; returns how many. Doing it again adds none."""
        ...


class Accounts(AccountStore, Copyable[KeptAccount], Protocol):
    """Removed ones are copied too. One whose id, or whose token, is there already is not missing."""


class Keys(KeyStore, Copyable[ClientKey], Protocol):
    """Revoked ones are copied too."""


class Runs(RunStore, Copyable[RunRecord], Protocol):
    """The list of past requests."""


class Hours(HourStore, Copyable[HourSum], Protocol):
    """The sums of each hour."""


class Talks(TalkStore, Copyable[Talk], Protocol):
    """What was said in requests."""


class Responses(ResponseStore, Copyable[KeptResponse], Protocol):
    """Answers that clients may come back to."""


class Completions(CompletionStore, Copyable[KeptCompletion], Protocol):
    """Chat completions that clients asked to keep, also those that are too old to be listed."""


@dataclass(frozen=True, slots=True)
class Stores:
    """An open store.

    `copy_to` writes a copy of the file, which the master key still seals; None where there is no file.
    """

    accounts: Accounts
    keys: Keys
    runs: Runs
    hours: Hours
    talks: Talks
    responses: Responses
    completions: Completions
    shared: Shared
    copy_to: Callable[[Path], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """How gateways of one store keep in touch, in seconds.

    A gateway says every `beat_s` that it lives and counts as dead `expire_s` after it last did: then its
    leases are free and another one leads. Changes are looked for every `look_s` at least. A lease that was
    given back is told within `gather_s`; asking for one takes at most `lease_s`, then the server counts as
    away. `connect_s` and `answer_s` bound everything else.
    """

    expire_s: float = 25.0
    beat_s: float = 6.0
    look_s: float = 1.5
    gather_s: float = 0.1
    lease_s: float = 1.0
    connect_s: float = 5.0
    answer_s: float = 10.0


class Alone:
    """A `Shared` (core/ports.py) for the one gateway of a store: it leads, and nobody else holds anything."""

    leads = True

    async def acquire(self, account: AccountId, most: int) -> int | None:
        """Grant it."""
        return None

    def release(self, account: AccountId) -> None:
        """Do nothing."""

    async def news(self) -> News:
        """Wait for ever: there is nobody who could change anything."""
        never: asyncio.Future[News] = asyncio.get_running_loop().create_future()
        return await never
