"""When an account is to be asked again what it has left, and which dead ones are put away. Pure.

Times are Unix seconds. Nothing here is a herd: every account has its own small delay, made from its id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from grokdesk.core.accounts import (
    Account,
    AccountId,
    MediaQuota,
    Meter,
    Status,
    Tier,
    Window,
    WindowSource,
)

_DAY_S: Final = 86_400.0
# Intervals are up to a tenth longer, and a reset is waited for up to half a minute longer.
_SPREAD: Final = 0.1
_RESET_SPREAD_S: Final = 30.0
_MOST_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two checks by tier, and the shortest pause between any two of one account."""

    basic_s: float
    super_s: float
    heavy_s: float
    pause_s: float

    def of(self, tier: Tier) -> float:
        """The interval of `tier`; an unknown one is looked after like a basic one."""
        match tier:
            case Tier.SUPER:
                return self.super_s
            case Tier.HEAVY:
                return self.heavy_s
            case Tier.BASIC | Tier.UNKNOWN:
                return self.basic_s


def due_at(account: Account, intervals: Intervals) -> float | None:
    """When `account` is to be checked by itself; None for one that the owner has to bring back.

    That is a tier's interval after the last check that succeeded, or after a use, a refusal or a reset; never
    sooner than the pause after the last one, which doubles with each failed check in a row.
    """
    if account.status is not Status.ACTIVE:
        return None
    if account.checked_at is None:
        return 0.0
    interval = intervals.of(account.tier)
    pause = intervals.pause_s * 2.0 ** min(max(0, account.check_failures - 1), _MOST_DOUBLINGS)
    earliest = account.checked_at + max(intervals.pause_s, min(interval, pause))
    return max(earliest, min(_regular(account, interval), _changed(account), _reset(account)))


def meters_due(account: Account, intervals: Intervals, now: float) -> tuple[Meter, ...]:
    """What to ask when it is due: nothing in particular, or only what was used when the rest is recent."""
    if account.check_failures or now >= _regular(account, intervals.of(account.tier)):
        return ()
    checked_at = account.checked_at or 0.0
    used = [
        product
        for product, quota in account.media.items()
        if _used(quota) > checked_at or checked_at < (quota.reset_at or 0.0) <= now
    ]
    # A use that no product knows of was a conversation.
    asked = max((_used(quota) for quota in account.media.values()), default=0.0)
    talked = (account.last_use_at or 0.0) > max(checked_at, asked) or any(
        _moved(window, checked_at, now) for window in account.windows.values()
    )
    return (*used, *account.windows) if talked or not used else tuple(used)


def _moved(window: Window, checked_at: float, now: float) -> bool:
    """Whether a window was asked or refused since, or begins anew: what is known of it is a guess then."""
    begun_anew = window.remaining == 0 and checked_at < (window.reset_at or 0.0) <= now
    guessed = window.source is WindowSource.ESTIMATED and window.synced_at is not None
    return begun_anew or guessed or (window.refused_at or 0.0) > checked_at


def _used(quota: MediaQuota) -> float:
    return max(quota.used_at or 0.0, quota.refused_at or 0.0)


def _regular(account: Account, interval: float) -> float:
    if account.synced_at is None:
        return 0.0
    return account.synced_at + interval * (1.0 + _SPREAD * _share(account.id))


def _changed(account: Account) -> float:
    """When it was used or refused since the last check: then its numbers are only estimates."""
    times = [window.refused_at for window in account.windows.values()]
    for quota in account.media.values():
        times += [quota.refused_at, quota.used_at]
    times.append(account.last_use_at)
    checked_at = account.checked_at or 0.0
    return min((at for at in times if at is not None and at > checked_at), default=float("inf"))


def _reset(account: Account) -> float:
    """When a window that was used up begins anew."""
    delay = _RESET_SPREAD_S * _share(account.id)
    checked_at = account.checked_at or 0.0
    resets = [window.reset_at for window in account.windows.values() if window.remaining == 0]
    resets += [quota.reset_at for quota in account.media.values() if quota.remaining == 0]
    return min((at + delay for at in resets if at is not None and at > checked_at), default=float("inf"))


def _share(account_id: AccountId) -> float:
    """A number from 0 to 1 that is always the same for this account."""
    return crc32(account_id.encode()) / 0xFFFF_FFFF


def long_dead(accounts: Iterable[Account], now: float, days: float) -> list[Account]:
    """Those that have been signed out or blocked for `days` or longer."""
    return [
        account
        for account in accounts
        if account.status in {Status.EXPIRED, Status.BLOCKED} and account.since <= now - days * _DAY_S
    ]
