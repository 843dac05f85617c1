"""Reading JSON that nobody promised: the value if it is what was asked for, else something empty.

Upstream frames are read with these and never indexed, so a member of an unexpected type counts as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import orjson

Json = Mapping[str, object]

_NOTHING: Final[Json] = {}


def parsed(data: bytes | str) -> Json | None:
    """The JSON object in `data`, or None when it is anything else."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def member(source: Json, *names: str) -> Json:
    """The first of `names` that holds an object; an empty one when none does."""
    for name in names:
        value = source.get(name)
        if isinstance(value, dict):
            return value
    return _NOTHING


def text(source: Json, *names: str) -> str:
    """The first of `names` that holds a non-empty string; an empty one when none does."""
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def items(source: Json, *names: str) -> list[object]:
    """The first of `names` that holds an array; an empty one when none does."""
    for name in names:
        value = source.get(name)
        if isinstance(value, list):
            return value
    return []


def objects(values: list[object]) -> list[Json]:
    """The objects among `values`."""
    return [value for value in values if isinstance(value, dict)]


def moment(source: Json, *names: str) -> float | None:
    """The first of `names` that holds text, as an RFC 3339 time in Unix seconds; UTC where it has no zone."""
    try:
        found = datetime.fromisoformat(text(source, *names))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def number(source: Json, name: str) -> float | None:
    """The number in `name`, also as text, the way protobuf's JSON writes 64-bit ones; else None."""
    value = source.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < _LONGEST:
        return int(value)
    return None


_LONGEST: Final = 20
