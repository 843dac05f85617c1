"""What tests are made of: plain values, a clock to turn, stores that live in memory.

A test names only what matters to its claim: `make.account("a", left=0)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Final

from grokdesk.core.accounts import DEFAULT_WINDOWS, Account, AccountId, Mode, Tier, Window
from grokdesk.core.conversation import ChatRequest, Message, Role, Text
from grokdesk.core.pool import Seat
from grokdesk.core.ports import ClientKey, Removed
from grokdesk.core.runs import Counted, Place, RunRecord, RunState, Sought
from grokdesk.core.secret import Secret

NOW: Final = 1_790_000_000.0
FAST: Final = "grok-4.20-fast"


class Clock:
    """A `Clock` that stands still until it is turned."""

    def __init__(self, at: float = NOW) -> None:
        self._began = self._at = at

    def now(self) -> float:
        return self._at

    def monotonic(self) -> float:
        return self._at - self._began

    def advance(self, seconds: float) -> None:
        self._at += seconds


class Ids:
    """New ids that tell their order."""

    def __init__(self, prefix: str = "id") -> None:
        self._numbers = (f"{prefix}-{number}" for number in count(1))

    def __call__(self) -> str:
        return next(self._numbers)


def token(name: str) -> Secret:
    return Secret(f"invented-sso-token-of-{name}")


def window(left: int = 30, total: int = 30, **more: Any) -> Window:  # noqa: ANN401 - any field of it
    """A window of one day."""
    return Window(total=total, remaining=left, window_s=more.pop("window_s", 86_400), **more)


def account(name: str = "a", *, left: int | None = None, tier: Tier = Tier.BASIC, **more: Any) -> Account:  # noqa: ANN401 - any field of it
    """An account with the windows of its tier; `left` of each is left, for an hour when that is nothing."""
    windows = dict(DEFAULT_WINDOWS[tier])
    if left is not None:
        until = NOW + 3_600 if left == 0 else None
        windows = {mode: replace(one, remaining=left, reset_at=until) for mode, one in windows.items()}
    plain = Account(id=AccountId(name), token=token(name), label=name, tier=tier, windows=windows)
    return replace(plain, **more)


def seat(name: str = "a", *, in_flight: int = 0, leased_at: float | None = None, **more: Any) -> Seat:  # noqa: ANN401 - any field of it
    """A seat of such an account."""
    made = Seat(account(name, **more))
    made.in_flight = in_flight
    if leased_at is not None:
        made.last_leased_at = leased_at
    return made


def seats(*all_: Seat) -> dict[Tier, list[Seat]]:
    """Seats by tier, as the pool keeps them."""
    groups: dict[Tier, list[Seat]] = {tier: [] for tier in Tier}
    for one in all_:
        groups[one.account.tier].append(one)
    return groups


def request(text: str = "Hello", model: str = FAST, **more: Any) -> ChatRequest:  # noqa: ANN401 - any field of it
    """One question of a user."""
    return ChatRequest(model, (Message(Role.USER, (Text(text),)),), **more)


def key(name: str) -> ClientKey:
    value = f"gd-invented-key-of-{name}"
    digest = hashlib.sha256(value.encode()).hexdigest()
    return ClientKey(f"id-{name}", name, Secret(value), digest, created_at=NOW)


def run(name: str, **more: Any) -> RunRecord:  # noqa: ANN401 - any field of it
    return RunRecord(id=name, at=NOW, model=FAST, **more)


MODES: Final = tuple(Mode)


class AccountsInMemory:
    """An `AccountStore`. `fail` is raised by the next `add`."""

    def __init__(self, *known: Account) -> None:
        self.kept: dict[AccountId, Account] = {one.id: one for one in known}
        self.gone: dict[AccountId, Removed] = {}
        self.fail: BaseException | None = None

    async def all(self) -> list[Account]:
        return list(self.kept.values())

    async def add(self, accounts: Sequence[Account]) -> None:
        failure, self.fail = self.fail, None
        if failure is not None:
            raise failure
        self.kept.update((one.id, one) for one in accounts)

    def save(self, account: Account) -> None:
        if account.id in self.kept:
            self.kept[account.id] = account

    async def remove(self, ids: Iterable[AccountId], at: float) -> None:
        self.gone.update((one, Removed(self.kept.pop(one), at)) for one in ids if one in self.kept)

    async def restore(self, ids: Iterable[AccountId]) -> list[Account]:
        back = [self.gone.pop(one).account for one in ids if one in self.gone]
        self.kept.update((one.id, one) for one in back)
        return back

    async def removed(self) -> list[Removed]:
        return sorted(self.gone.values(), key=lambda one: -one.at)

    async def purge(self, before: float) -> int:
        old = [one for one, removed in self.gone.items() if removed.at < before]
        for one in old:
            del self.gone[one]
        return len(old)


class KeysInMemory:
    """A `KeyStore`."""

    def __init__(self, *known: ClientKey) -> None:
        self.kept: dict[str, ClientKey] = {one.id: one for one in known}

    async def all(self) -> list[ClientKey]:
        return list(self.kept.values())

    async def add(self, key: ClientKey) -> None:
        self.kept[key.id] = key

    async def revoke(self, key_id: str, at: float) -> None:
        self.kept[key_id] = replace(self.kept[key_id], revoked_at=at)


class RunsInMemory:
    """A `RunStore`, oldest first."""

    def __init__(self, *known: RunRecord) -> None:
        self.kept: list[RunRecord] = list(known)

    def save(self, record: RunRecord) -> None:
        self.kept.append(record)

    async def latest(self, limit: int) -> list[RunRecord]:
        return self.kept[::-1][:limit]

    async def get(self, run_id: str) -> RunRecord | None:
        return next((run for run in self.kept if run.id == run_id), None)

    async def page(
        self, sought: Sought, *, before: Place | None = None, skip: int = 0, limit: int
    ) -> list[RunRecord]:
        fit = [run for run in self.kept if sought.fits(run) and (before is None or run.place < before)]
        return sorted(fit, key=lambda run: run.place, reverse=True)[skip : skip + limit]

    async def count(self, sought: Sought, *, before: Place | None = None) -> Counted:
        fit = await self.page(sought, before=before, limit=len(self.kept))
        return Counted(len(fit), sum(run.state is RunState.FAILED for run in fit))

    async def trim(self, keep: int) -> None:
        self.kept = self.kept[-keep:] if keep else []
