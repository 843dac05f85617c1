"""The accounts in an `accounts.db` of grok2api 2.0.4 (spec/accounts.md §11), read in memory.

The file may be anything: it is never written, its schema is not trusted, and looking through it ends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from grokdesk.core.accounts import Status

MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
# Both bytes are 2 in a database with a write-ahead log, which one in memory cannot have.
_JOURNAL: Final = slice(18, 20)
_NO_JOURNAL: Final = b"\1\1"
_STEPS: Final = 100_000
_MOST_STEPS: Final = 2_000
_MS: Final = 1_000.0

_TIMES: Final = ("created_at", "last_use_at", "last_fail_at")
_COLUMNS: Final = (
    "token",
    "pool",
    "status",
    "tags",
    "usage_use_count",
    "usage_fail_count",
    "last_fail_reason",
    "updated_at",
    *_TIMES,
)
_STATUS: Final = {
    "expired": (Status.EXPIRED, "Grok had ended this sign-in when it came from grok2api."),
    "disabled": (Status.DISABLED, "It was switched off in grok2api."),
}


class NotThis(Exception):
    """Why the accounts cannot be read."""


def records(data: bytes) -> Iterator[dict[str, object]]:
    """The accounts that were not deleted, with the members of our own export; times in Unix seconds.

    Raises `NotThis`, at the first record or later.
    """
    import sqlite3  # noqa: PLC0415 - only who brings such a file needs it

    if len(data) < _HEADER_BYTES:
        raise NotThis("the database is damaged")
    content = bytearray(data)
    content[_JOURNAL] = _NO_JOURNAL
    steps = iter(range(_MOST_STEPS))
    try:
        connection = sqlite3.connect(":memory:")
        try:
            connection.text_factory = lambda text: text.decode("utf-8", "replace")
            connection.deserialize(bytes(content))
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            connection.set_progress_handler(lambda: next(steps, None) is None, _STEPS)
            yield from (_record(row) for row in _rows(connection))
        finally:
            connection.close()
    except (sqlite3.Error, OverflowError) as error:
        raise NotThis("the database is damaged") from error


def _rows(connection: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - sqlite3 is imported late
    # A view could be made of anything.
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'accounts'")
    known = {name for _, name, *_ in connection.execute("PRAGMA table_info(accounts)")}
    if found.fetchone() is None or not {"token", "pool", "deleted_at"} <= known:
        raise NotThis("this is a database, but not the accounts.db of grok2api 2")
    names = [name for name in _COLUMNS if name in known]
    listed = ", ".join(names)
    query = f"SELECT {listed} FROM accounts WHERE deleted_at IS NULL"  # noqa: S608 - our own names
    for row in connection.execute(query):
        yield dict(zip(names, row, strict=True))


def _record(row: dict[str, Any]) -> dict[str, object]:
    record: dict[str, object] = {
        "token": row["token"],
        "tier": row["pool"],
        "tags": _tags(row.get("tags")),
        "uses": row.get("usage_use_count"),
        "failures": row.get("usage_fail_count"),
        "created_at": _seconds(row.get("created_at")),
        "last_use_at": _seconds(row.get("last_use_at")),
        "last_failure_at": _seconds(row.get("last_fail_at")),
        "last_failure": row.get("last_fail_reason"),
    }
    status = _STATUS.get(row.get("status") or "")
    if status is not None:
        record |= {"status": status[0].value, "reason": status[1], "since": _seconds(row.get("updated_at"))}
    return record


def _seconds(value: object) -> float | None:
    return value / _MS if isinstance(value, int | float) else None


def _tags(text: object) -> object:
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
