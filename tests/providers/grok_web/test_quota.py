"""What an account has left."""

from __future__ import annotations

import struct

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.accounts import (
    CREDITS_TOTAL,
    MediaQuota,
    Mode,
    Product,
    Tier,
    Window,
    WindowSource,
)
from grokdesk.core.errors import (
    Garbled,
    UpstreamError,
)
from grokdesk.providers.grok_web.protocol import quota

NOW = 1_795_392_000.0
OK_TRAILER = bytes.fromhex("800000000f677270632d7374617475733a300d0a")
# §16.5, period 2026-11-16 … 2026-11-23 UTC.
USED = (
    "00000000370a350d00001642220b08808fe9d7061080e59a772a0b0880848ed8061080e59a773a070804150000f0413a07080515"
    "0000f0403a020802800000000f677270632d7374617475733a300d0a"
)
UNUSED = (
    "000000001c0a1a220b08808fe9d7061080e59a772a0b0880848ed8061080e59a77"
    "800000000f677270632d7374617475733a300d0a"
)
FREE = "00000000120a10220608808fe9d7062a060880848ed806800000000f677270632d7374617475733a300d0a"


def limits(**members: object) -> bytes:
    return orjson.dumps(members)


# --- windows ---


def test_the_question_names_the_mode() -> None:
    """
    The member is called modelName.
    """
    assert quota.rate_limits_body(Mode.EXPERT) == b'{"modelName":"expert"}'


@pytest.mark.parametrize(
    ("body", "mode", "expected"),
    [
        (
            limits(windowSizeSeconds=7200, remainingQueries=48, totalQueries=50),
            Mode.AUTO,
            (50, 48, 7200, NOW + 7200),
        ),
        (
            limits(windowSizeSeconds=7200, remainingQueries=50, totalQueries=50),
            Mode.AUTO,
            (50, 50, 7200, None),
        ),
        (limits(remainingQueries=3), Mode.FAST, (3, 3, 86_400, None)),
        (limits(remainingQueries=0, totalQueries=3), Mode.EXPERT, (3, 0, 7200, NOW + 7200)),
        (
            limits(remainingQueries=-4, totalQueries="20", windowSizeSeconds=0),
            Mode.AUTO,
            (20, 0, 7200, NOW + 7200),
        ),
        (limits(remainingQueries=60, totalQueries=50), Mode.AUTO, (60, 60, 7200, None)),
    ],
)
def test_a_window_is_read_with_its_defaults(
    body: bytes, mode: Mode, expected: tuple[int, int, int, float | None]
) -> None:
    """
    A begun window ends one length from now, because upstream gives no time.
    """
    total, remaining, window_s, reset_at = expected

    assert quota.window(body, mode, NOW) == Window(
        total, remaining, window_s, reset_at, NOW, WindowSource.REAL
    )


def test_a_mode_without_questions_is_none() -> None:
    """
    Zero of zero means that the account does not have the mode.
    """
    assert quota.window(limits(remainingQueries=0, totalQueries=0), Mode.HEAVY, NOW) is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", limits(remainingQueries=None), limits(remainingQueries=True)]
)
def test_a_window_without_its_number_is_garbled(body: bytes) -> None:
    """
    Nothing is guessed from half an answer.
    """
    with pytest.raises(Garbled):
        quota.window(body, Mode.AUTO, NOW)


@pytest.mark.parametrize(
    ("totals", "expected"),
    [
        ({}, None),
        ({Mode.AUTO: 99, Mode.FAST: 1}, None),
        ({Mode.AUTO: 7}, Tier.BASIC),
        ({Mode.AUTO: 20, Mode.FAST: 30}, Tier.BASIC),
        ({Mode.AUTO: 50}, Tier.SUPER),
        ({Mode.FAST: 140}, Tier.SUPER),
        ({Mode.FAST: 400, Mode.AUTO: 150}, Tier.HEAVY),
        ({Mode.HEAVY: 20}, Tier.HEAVY),
        ({Mode.HEAVY: 20, Mode.AUTO: 50}, Tier.SUPER),
        ({Mode.AUTO: 99, Mode.FAST: 30}, Tier.BASIC),
        ({Mode.EXPERT: 50}, None),
    ],
)
def test_the_totals_tell_the_tier(totals: dict[Mode, int], expected: Tier | None) -> None:
    """
    The lowest when they disagree, nothing when they are unknown.
    """
    windows = {mode: Window(total, total, 7200) for mode, total in totals.items()}

    assert quota.infer_tier(windows) is expected


# --- credits ---


def test_used_credits_are_read() -> None:
    """
    37.5 % used, with the products that used them.
    """
    read = quota.weekly_credits(bytes.fromhex(USED))

    assert read is not None
    assert read.remaining == 6250
    assert read.products == {4: 30.0, 5: 7.5, 2: 0.0}
    assert read.ends_at - read.starts_at == 7 * 86_400
    assert int(read.starts_at) == 1_794_787_200


def test_credits_of_a_paid_account_that_used_none() -> None:
    """
    The percentage is left out; the exact period tells that there is a pool.
    """
    read = quota.weekly_credits(bytes.fromhex(UNUSED))

    assert read is not None
    assert read.remaining == CREDITS_TOTAL


@pytest.mark.parametrize("body", [bytes.fromhex(FREE), OK_TRAILER, b"\x00\x00\x00\x00\x02\x0a\x00"])
def test_a_free_account_has_no_credits(body: bytes) -> None:
    """
    A coarse period, or none, is no weekly pool.
    """
    assert quota.weekly_credits(body) is None


def config(inner: bytes) -> bytes:
    message = b"\x0a" + bytes([len(inner)]) + inner
    return struct.pack(">BI", 0, len(message)) + message


@pytest.mark.parametrize(
    "inner",
    [
        b"\x0d\x00\x00\x16\x42",  # percent without a period
        b"\x0d\x00\x00\x96\x43",  # 300 %
        b"\x0d\x00\x00\xc0\x7f",  # not a number
        b"\x09\x00\x00\x00\x00\x00\x00\x00\x00",  # eight bytes for a float
        b"\x08\x05",  # a whole number for a float
        b"\x0d\x00",  # cut
        b"\x22\x7f",  # cut
        b"\x22\x02\x0a\x00",  # seconds that are no number
        b"\x22\x02\x12\x00",  # nanoseconds that are no number
        b"\x0b",  # a group
        b"\x80",  # a number without end
        b"\x80" * 11,  # a number too long
        bytes.fromhex(UNUSED)[7:33] + b"\x3a\x00",  # a product without its number
        bytes.fromhex(UNUSED)[7:33] + b"\x38\x01",  # a product that is no message
        bytes.fromhex(UNUSED)[7:33]
        + b"\x3a\x07\x08\x04\x15\x00\x00\xc0\x7f",  # a product that is not a number
    ],
)
def test_credits_that_cannot_be_are_garbled(inner: bytes) -> None:
    """
    Nothing is stored from a message that makes no sense.
    """
    with pytest.raises(Garbled):
        quota.weekly_credits(config(inner))


@given(st.binary(max_size=60))
def test_any_bytes_are_credits_or_a_failure(data: bytes) -> None:
    """
    The reader of protobuf never raises anything else.
    """
    for body in (data, config(data)):
        try:
            quota.weekly_credits(body)
        except UpstreamError:
            continue


# --- images and videos ---

IMAGINE = {
    "image": {"available": True, "remainingQueries": 10, "windowSizeSeconds": 86400},
    "imageEdit": {"available": True, "remainingQueries": "4", "windowSizeSeconds": 3600},
    "imagePro": None,
    "video": {"available": False, "nextAvailableAt": "2026-11-24T06:00:00Z"},
    "video720p": {"available": False, "remainingQueries": 0, "nextAvailableAt": ""},
}


def test_image_quotas_are_read() -> None:
    """
    Each kind by itself; an unavailable one says when, or one window from now.
    """
    read = quota.imagine_quotas(orjson.dumps(IMAGINE), NOW)

    assert read == {
        Product.IMAGE: MediaQuota(True, 10, 86_400, None),
        Product.IMAGE_EDIT: MediaQuota(True, 4, 3600, None),
        Product.VIDEO: MediaQuota(False, 0, 86_400, 1_795_500_000.0),
        Product.VIDEO_720P: MediaQuota(False, 0, 86_400, NOW + 86_400),
    }


def test_a_paid_account_may_be_told_no_number() -> None:
    """
    `available` without a count is seen with paid accounts (protocol/grok-web-media.md §11.2).
    """
    body = orjson.dumps(IMAGINE | {"image": {"available": True, "windowSizeSeconds": 64_800}})

    assert quota.imagine_quotas(body, NOW)[Product.IMAGE] == MediaQuota(True, None, 64_800, None)


def test_a_time_without_zone_is_utc() -> None:
    """
    RFC 3339 wants a zone; without one nothing else is likely.
    """
    body = orjson.dumps(IMAGINE | {"video": {"available": False, "nextAvailableAt": "2026-11-24T06:00:00"}})

    read = quota.imagine_quotas(body, NOW)

    assert read[Product.VIDEO].reset_at == 1_795_500_000.0


@pytest.mark.parametrize(
    "change",
    [
        {"video": {}},
        {"video": 7},
        {"video": {"available": 1, "remainingQueries": 1, "windowSizeSeconds": 1}},
    ],
)
def test_half_an_answer_about_images_is_garbled(change: dict[str, object]) -> None:
    """
    So that it erases nothing.
    """
    with pytest.raises(Garbled):
        quota.imagine_quotas(orjson.dumps(IMAGINE | change), NOW)


@pytest.mark.parametrize("missing", IMAGINE)
def test_all_five_kinds_must_be_there(missing: str) -> None:
    """
    A kind that is missing voids the answer.
    """
    body = orjson.dumps({kind: value for kind, value in IMAGINE.items() if kind != missing})

    with pytest.raises(Garbled):
        quota.imagine_quotas(body, NOW)
