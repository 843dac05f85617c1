"""What a notice of a new version says, and whether it is newer than this one (decision 9)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Final
from urllib.parse import urlsplit

from grokdesk.core.errors import Garbled

MOST_BYTES: Final = 64 << 10
EVERY_S: Final = 86_400.0
_LONGEST_NOTES: Final = 4_000
_LONGEST_URL: Final = 500
_VERSION: Final = re.compile(
    r"v?([0-9]{1,6}(?:\.[0-9]{1,6}){0,3})(?:[-.]?(a|b|rc|alpha|beta|dev)\.?([0-9]{0,6}))?"
)
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Release:
    """A version that can be had. `url` is the page about it, `notes` plain text; either may be empty."""

    version: str
    url: str = ""
    notes: str = ""


class UpdatePhase(StrEnum):
    """Where looking for a new version stands."""

    OFF = "off"
    NOT_YET = "not yet"
    LOOKING = "looking"
    CURRENT = "current"
    NEWER = "newer"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UpdateState:
    """What is known of new versions. `at` is when it was last looked for, in Unix seconds."""

    phase: UpdatePhase = UpdatePhase.OFF
    release: Release | None = None
    """The newer version, if there is one."""
    at: float | None = None
    failure: str = ""


def read_release(data: bytes) -> Release:
    """Read `{"version": …, "url": …, "notes": …}`. Raises `Garbled`.

    Whoever can write there could write anything, so text is plain, short, and without what cannot be seen.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Garbled("The notice of new versions is not JSON.", detail=str(error)[:200]) from error
    version = found.get("version") if isinstance(found, dict) else None
    if not isinstance(version, str) or not _VERSION.fullmatch(version.strip()):
        raise Garbled("The notice of new versions names no version.")
    return Release(version.strip().removeprefix("v"), _page(found.get("url")), _text(found.get("notes")))


def is_newer(version: str, than: str) -> bool:
    """Whether `version` comes after `than`; `1.2.0rc1` comes before `1.2`. What is no version does not."""
    one, other = _VERSION.fullmatch(version), _VERSION.fullmatch(than)
    if one is None or other is None:
        return False
    pairs = zip_longest(map(int, one[1].split(".")), map(int, other[1].split(".")), fillvalue=0)
    for mine, theirs in pairs:
        if mine != theirs:
            return mine > theirs
    return _stage(one) > _stage(other)


def _stage(version: re.Match[str]) -> tuple[int, int]:
    order = {"dev": 0, "a": 1, "alpha": 1, "b": 2, "beta": 2, "rc": 3}
    return (order[version[2]], int(version[3] or 0)) if version[2] else (4, 0)


def _page(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_URL or _UNSEEN.search(value):
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    return value if parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc else ""


def _text(value: object) -> str:
    return _UNSEEN.sub("", value).strip()[:_LONGEST_NOTES] if isinstance(value, str) else ""
