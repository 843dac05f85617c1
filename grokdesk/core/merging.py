"""What an account is after two gateways have changed it at the same time.

A three-way merge: `base` is what both started from. A field that only one side changed is taken from that
side; what this file says is what happens when both did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Final, TypeVar

from grokdesk.core.accounts import Account, Credits, MediaQuota, Mode, Status, TierSource, Window

K = TypeVar("K")
V = TypeVar("V")

# Fields that mean something only together.
_STATUS: Final = ("status", "reason", "since")
_TIER: Final = ("tier", "tier_source")
_REST: Final = ("faults", "resting_until", "rest_reason")
_CHECK: Final = ("checked_at", "check_failures", "check_failure")
_FAILURE: Final = ("last_failure_at", "last_failure")

_COUNTERS: Final = ("uses", "failures", "syncs")
_NEWEST: Final = ("last_use_at", "synced_at", "terms_at", "birth_date_at", "adult_at")
_MAPPED: Final = ("windows", "credits", "media")

_SINGLE: Final = tuple(
    one.name
    for one in fields(Account)
    if one.name not in {*_STATUS, *_TIER, *_REST, *_CHECK, *_FAILURE, *_COUNTERS, *_NEWEST, *_MAPPED}
)

# Of two ways to know a tier the later in this order counts.
_CERTAINTY: Final = (TierSource.UNKNOWN, TierSource.GUESSED, TierSource.PROVEN, TierSource.FIXED)


def merged(base: Account, ours: Account, theirs: Account) -> Account:
    """The account with what `ours` and `theirs` have changed of `base`.

    Counts add up. Of two changes of the status the newer counts, and one that ends service when they are
    equally new; so an account that was found expired is not revived by an answer that came in elsewhere. Of a
    window both have spent, both questions count; a newer sync overrules what was estimated.
    """
    if ours == base:
        return theirs
    if theirs == base:
        return ours
    taken: dict[str, object] = {}
    for name in _SINGLE:
        taken[name] = _changed(getattr(base, name), getattr(ours, name), getattr(theirs, name), _ours)
    for name in _COUNTERS:
        taken[name] = max(0, getattr(theirs, name) + getattr(ours, name) - getattr(base, name))
    for name in _NEWEST:
        taken[name] = _changed(getattr(base, name), getattr(ours, name), getattr(theirs, name), _later)
    for names, better in (
        (_STATUS, _newer_status),
        (_REST, _last_active),
        (_CHECK, _last_checked),
        (_FAILURE, _last_failed),
    ):
        taken |= _group(names, base, ours, theirs, better)
    tier = _side(_TIER, base, ours, theirs, _surer_tier)
    taken |= {name: getattr(tier, name) for name in _TIER}
    synced_by_us = _at(ours.synced_at) >= _at(theirs.synced_at)
    taken["windows"] = _windows(base, ours, theirs, tier)
    taken["credits"] = _changed(base.credits, ours.credits, theirs.credits, _credits(ours_newer=synced_by_us))
    taken["media"] = _media(base.media, ours.media, theirs.media, ours_newer=synced_by_us)
    return replace(theirs, **taken)  # type: ignore[arg-type] # the names and types of Account's own fields


# --- fields -------------------------------------------------------------------------------------------------


def _changed(base: V, ours: V, theirs: V, both: Callable[[V, V], V]) -> V:
    """What is left of a value that one side, or `both`, have changed."""
    if ours == base:
        return theirs
    if theirs == base:
        return ours
    return both(ours, theirs)


def _ours(ours: V, _theirs: V) -> V:
    return ours


def _later(ours: float | None, theirs: float | None) -> float | None:
    return ours if _at(ours) >= _at(theirs) else theirs


def _at(time: float | None) -> float:
    return float("-inf") if time is None else time


# --- fields that belong together ----------------------------------------------------------------------------


def _group(
    names: tuple[str, ...],
    base: Account,
    ours: Account,
    theirs: Account,
    both: Callable[[Account, Account], Account],
) -> dict[str, object]:
    side = _side(names, base, ours, theirs, both)
    return {name: getattr(side, name) for name in names}


def _side(
    names: tuple[str, ...],
    base: Account,
    ours: Account,
    theirs: Account,
    both: Callable[[Account, Account], Account],
) -> Account:
    """The side whose fields `names` count."""

    def of(account: Account) -> tuple[object, ...]:
        return tuple(getattr(account, name) for name in names)

    if of(ours) == of(base):
        return theirs
    if of(theirs) == of(base):
        return ours
    return both(ours, theirs)


def _newer_status(ours: Account, theirs: Account) -> Account:
    if ours.since != theirs.since:
        return ours if ours.since > theirs.since else theirs
    return theirs if ours.status is Status.ACTIVE else ours


def _surer_tier(ours: Account, theirs: Account) -> Account:
    mine, other = _CERTAINTY.index(ours.tier_source), _CERTAINTY.index(theirs.tier_source)
    if mine != other:
        return ours if mine > other else theirs
    return ours if _at(ours.synced_at) >= _at(theirs.synced_at) else theirs


def _last_active(ours: Account, theirs: Account) -> Account:
    """Faults count up and are forgiven by an answer; what happened last says where they stand."""

    def active(account: Account) -> float:
        return max(_at(account.last_use_at), _at(account.last_failure_at))

    if active(ours) != active(theirs):
        return ours if active(ours) > active(theirs) else theirs
    return ours if ours.resting_until >= theirs.resting_until else theirs


def _last_checked(ours: Account, theirs: Account) -> Account:
    return ours if _at(ours.checked_at) >= _at(theirs.checked_at) else theirs


def _last_failed(ours: Account, theirs: Account) -> Account:
    return ours if _at(ours.last_failure_at) >= _at(theirs.last_failure_at) else theirs


# --- quotas -------------------------------------------------------------------------------------------------


def _windows(base: Account, ours: Account, theirs: Account, tier: Account) -> dict[Mode, Window]:
    """The windows of the modes that the side with the right `tier` has."""
    if (ours.tier, ours.tier_source) == (theirs.tier, theirs.tier_source):
        modes = _keys(base.windows, ours.windows, theirs.windows)
    else:
        modes = [*tier.windows]
    found: dict[Mode, Window] = {}
    for mode in modes:
        before, mine, other = base.windows.get(mode), ours.windows.get(mode), theirs.windows.get(mode)
        if mine is None or other is None:
            if (one := mine or other) is not None:
                found[mode] = one
        elif before is None:
            found[mode] = mine if _at(mine.synced_at) >= _at(other.synced_at) else other
        else:
            found[mode] = _changed(before, mine, other, _window_after(before))
    return found


def _keys(base: Mapping[K, V], ours: Mapping[K, V], theirs: Mapping[K, V]) -> list[K]:
    """Keys that are there unless one side has taken them away."""
    gone = {key for key in base if key not in ours or key not in theirs}
    return [key for key in {**theirs, **ours} if key not in gone]


def _window_after(base: Window) -> Callable[[Window, Window], Window]:
    """What is left of the window `base` when both have changed it."""

    def both(ours: Window, theirs: Window) -> Window:
        refused = _refusal(base, ours, theirs)
        if ours.synced_at != theirs.synced_at:
            newer = ours if _at(ours.synced_at) > _at(theirs.synced_at) else theirs
            return replace(newer, refused_at=refused.refused_at, refused_until=refused.refused_until)
        left, reset_at = _left(base, ours, theirs)
        return replace(
            ours if ours.total != base.total or ours.window_s != base.window_s else theirs,
            remaining=left,
            reset_at=reset_at,
            source=ours.source if ours.source != base.source else theirs.source,
            refused_at=refused.refused_at,
            refused_until=refused.refused_until,
        )

    return both


def _left(base: Window, ours: Window, theirs: Window) -> tuple[int, float | None]:
    """How many questions are left, until when, after both sides asked some."""
    empty = [one for one in (ours, theirs) if one.remaining == 0]
    renewed = [one for one in (ours, theirs) if _is_renewed(base, one)]
    if len(renewed) == 1 and not any(_at(one.reset_at) > _at(base.reset_at) for one in empty):
        # The other side asked before the reset, or was empty until then.
        return renewed[0].remaining, renewed[0].reset_at
    if empty:
        return 0, max((one.reset_at for one in empty), key=_at)
    # A window begins with its first question, so of two ends the earlier is the real one.
    ends = [one.reset_at for one in (ours, theirs) if one.reset_at is not None]
    had = theirs.total if len(renewed) == 2 else base.remaining  # noqa: PLR2004 - both sides
    return max(0, ours.remaining + theirs.remaining - had), min(ends, default=None)


def _is_renewed(base: Window, window: Window) -> bool:
    """Whether its reset has passed since `base`, and questions are left in the new one."""
    begun_anew = base.reset_at is not None and _at(window.reset_at) > base.reset_at
    return window.remaining > 0 and (begun_anew or window.remaining > base.remaining)


def _refusal(base: Window, ours: Window, theirs: Window) -> Window:
    """The side that knows best whether upstream refuses this mode: the one that was refused last."""

    def of(window: Window) -> tuple[float | None, float | None]:
        return window.refused_at, window.refused_until

    if of(ours) == of(base):
        return theirs
    if of(theirs) == of(base):
        return ours
    return ours if _at(ours.refused_at) >= _at(theirs.refused_at) else theirs


def _credits(*, ours_newer: bool) -> Callable[[Credits | None, Credits | None], Credits | None]:
    def both(ours: Credits | None, theirs: Credits | None) -> Credits | None:
        return ours if ours_newer else theirs

    return both


def _media(
    base: Mapping[K, MediaQuota],
    ours: Mapping[K, MediaQuota],
    theirs: Mapping[K, MediaQuota],
    *,
    ours_newer: bool,
) -> dict[K, MediaQuota]:
    def of(key: K) -> MediaQuota | None:
        return _changed(
            base.get(key), ours.get(key), theirs.get(key), lambda mine, other: mine if ours_newer else other
        )

    return {key: quota for key in {**theirs, **ours} if (quota := of(key)) is not None}
