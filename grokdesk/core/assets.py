"""What an account keeps at Grok: its files and its conversations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored file. `path` is its place under the files address; what was not told is empty.

    `created_at` is Unix seconds; `generated` says that Grok made it, rather than the owner uploading it.
    """

    id: str
    name: str = ""
    media_type: str = ""
    size_bytes: int = 0
    created_at: float | None = None
    path: str = ""
    generated: bool = False


@dataclass(frozen=True, slots=True)
class PastConversation:
    """One conversation in an account's history. `changed_at` is Unix seconds."""

    id: str
    title: str = ""
    changed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a listing. `next` asks for the page after it; empty on the last."""

    items: Sequence[Item]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """What an account keeps, each thing once. `complete` says that upstream told the list to its end."""

    items: Sequence[Item]
    complete: bool = True
