"""What an account has left: mode windows, tier, credits, image quotas (protocol/grok-web-chat.md §16)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from typing import Final

import orjson

from grokdesk.core.accounts import (
    CREDITS_TOTAL,
    Credits,
    MediaQuota,
    Mode,
    Product,
    Tier,
    Window,
    WindowSource,
)
from grokdesk.core.errors import Garbled
from grokdesk.providers.grok_web.protocol import grpc_web, loose
from grokdesk.providers.grok_web.protocol.headers import Call
from grokdesk.providers.grok_web.protocol.loose import Json

_DAY_S: Final = 86_400
_PAID_S: Final = 7_200


def _garbled(what: str) -> Garbled:
    return Garbled(
        "Grok's answer about what this account has left cannot be read.", hint="Try again later.", detail=what
    )


# --- windows ------------------------------------------------------------------------------------------------


def rate_limits_body(mode: Mode) -> bytes:
    """The body of `POST /rest/rate-limits`; the member is called modelName but takes the mode (§16.1)."""
    return orjson.dumps({"modelName": mode.value})


def window(body: bytes, mode: Mode, now: float) -> Window | None:
    """Read the answer of `POST /rest/rate-limits`; None when the account has no questions in this mode.

    Upstream gives no reset time: a window that was begun is taken to end one length from `now`.

    Raises `Garbled` when it does not say how many are left.
    """
    answer = loose.parsed(body) or {}
    left = loose.number(answer, "remainingQueries")
    if left is None:
        raise _garbled(f"rate limits of {mode.value}: no remainingQueries in {len(body)} bytes")
    remaining = max(0, int(left))
    total = loose.number(answer, "totalQueries")
    total = remaining if total is None else max(remaining, int(total))
    if total <= 0:
        return None
    window_s = int(loose.number(answer, "windowSizeSeconds") or 0)
    if window_s <= 0:
        window_s = _DAY_S if mode is Mode.FAST else _PAID_S
    return Window(
        total=total,
        remaining=remaining,
        window_s=window_s,
        reset_at=now + window_s if remaining < total else None,
        synced_at=now,
        source=WindowSource.REAL,
    )


# What the totals give away (§16.3 [cur]).
_TIER_OF: Final[Mapping[Mode, Mapping[int, Tier]]] = {
    Mode.AUTO: {7: Tier.BASIC, 20: Tier.BASIC, 50: Tier.SUPER, 150: Tier.HEAVY},
    Mode.FAST: {30: Tier.BASIC, 140: Tier.SUPER, 400: Tier.HEAVY},
}
_RANKED: Final = (Tier.BASIC, Tier.SUPER, Tier.HEAVY)


def infer_tier(windows: Mapping[Mode, Window]) -> Tier | None:
    """The tier that the totals tell; the lowest when they disagree, None when they tell nothing."""
    told = {tiers.get(windows[mode].total) for mode, tiers in _TIER_OF.items() if mode in windows}
    heavy = windows.get(Mode.HEAVY)
    if heavy is not None and heavy.total > 0:
        told.add(Tier.HEAVY)
    return next((tier for tier in _RANKED if tier in told), None)


# --- protobuf, as much as is needed -------------------------------------------------------------------------

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_FLOAT: Final = struct.Struct("<f")
_VARINT_BITS: Final = 64

_Value = int | bytes


def _fields(data: bytes) -> Iterator[tuple[int, _Value]]:
    """The fields of a message: number and value, fixed-size ones as their bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, at = _varint(data, at)
        elif wire_type in {_FIXED32, _FIXED64}:
            size = 4 if wire_type == _FIXED32 else 8
        else:
            raise _garbled(f"protobuf wire type {wire_type}")
        if at + size > len(data):
            raise _garbled("protobuf message cut")
        yield number, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _VARINT_BITS + 6, 7):
        if at >= len(data):
            raise _garbled("protobuf number cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 — the top bit says whether more follows
            return value, at
    raise _garbled("protobuf number too long")


def _last(data: bytes, number: int) -> _Value | None:
    """The last field `number`, which is the one that counts; None when there is none."""
    found: _Value | None = None
    for name, value in _fields(data):
        if name == number:
            found = value
    return found


def _float(value: _Value) -> float:
    if not isinstance(value, bytes) or len(value) != _FLOAT.size:
        raise _garbled("protobuf field that is not a float")
    (number,) = _FLOAT.unpack(value)
    return float(number)


# --- weekly credits -----------------------------------------------------------------------------------------

_PERCENT: Final = 100
_SHORTEST_S: Final = _DAY_S
_LONGEST_S: Final = 31 * _DAY_S


def weekly_credits(body: bytes, headers: Mapping[str, str] | None = None) -> Credits | None:
    """Read the answer of `GetGrokCreditsConfig`; None for an account without a weekly pool (§16.5).

    Raises as `grpc_web.message` does, and `Garbled` for numbers that cannot be.
    """
    config = _last(grpc_web.message(body, headers, call=Call.CREDITS), 1)
    if not isinstance(config, bytes):
        return None
    used = _last(config, 1)
    (starts_at, start_nanos), (ends_at, end_nanos) = _moment(_last(config, 4)), _moment(_last(config, 5))
    if used is None and not start_nanos and not end_nanos:
        # A percentage of zero is left out, so only the exactness of the period tells a paid account from a
        # free one.
        return None
    percent = 0.0 if used is None else _float(used)
    if not 0 <= percent <= _PERCENT:
        raise _garbled(f"credits used: {percent} %")
    if not _SHORTEST_S <= ends_at - starts_at <= _LONGEST_S:
        raise _garbled(f"credits period from {starts_at} to {ends_at}")
    products = dict(_product(value) for number, value in _fields(config) if number == _PRODUCTS)
    return Credits(CREDITS_TOTAL - round(percent * _PERCENT), starts_at, ends_at, products)


_PRODUCTS: Final = 7


def _moment(value: _Value | None) -> tuple[float, int]:
    """A Timestamp as Unix seconds, and its nanoseconds by themselves."""
    if not isinstance(value, bytes):
        return 0.0, 0
    seconds, nanos = _whole(_last(value, 1)), _whole(_last(value, 2))
    return seconds + nanos / 1e9, nanos


def _whole(value: _Value | None) -> int:
    if isinstance(value, bytes):
        raise _garbled("protobuf field that is not a whole number")
    return value or 0


def _product(value: _Value) -> tuple[int, float]:
    product = _last(value, 1) if isinstance(value, bytes) else None
    if not isinstance(value, bytes) or not isinstance(product, int):
        raise _garbled("credits of no product")
    percent = _last(value, 2)
    number = 0.0 if percent is None else _float(percent)
    if not math.isfinite(number):
        raise _garbled("credits of a product that are no number")
    return product, number


# --- image and video quotas ---------------------------------------------------------------------------------

IMAGINE_QUOTA_BODY: Final = b"{}"


def imagine_quotas(body: bytes, now: float) -> dict[Product, MediaQuota]:
    """Read the answer of `POST /rest/media/imagine/quota_info`; leaves out what the account does not have.

    Raises `Garbled` unless all five are there and readable, so that stored values are not erased by half an
    answer. A paid account may be told `available` without a count (protocol/grok-web-media.md §11.2).
    """
    answer = loose.parsed(body) or {}
    found = {product: _imagine_quota(answer, product.value, now) for product in Product}
    return {product: told for product, told in found.items() if told is not None}


def _imagine_quota(answer: Json, kind: str, now: float) -> MediaQuota | None:
    if kind not in answer:
        raise _garbled(f"imagine quota without {kind}")
    if answer[kind] is None:
        return None
    quota = loose.member(answer, kind)
    available = quota.get("available")
    remaining, window_s = loose.number(quota, "remainingQueries"), loose.number(quota, "windowSizeSeconds")
    if not isinstance(available, bool):
        raise _garbled(f"imagine quota of {kind} does not say whether it is available")
    length = int(window_s or _DAY_S)
    free_at = loose.moment(quota, "nextAvailableAt")
    if free_at is None and not available:
        free_at = now + length
    if remaining is None:
        return MediaQuota(available, None if available else 0, length, free_at)
    return MediaQuota(available, max(0, int(remaining)), length, free_at)
