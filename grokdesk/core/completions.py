"""Answers that a client asked to keep, and where they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeptCompletion:
    """A chat completion. `answer` and `messages` are JSON: what the client heard, and what it had said."""

    id: str
    created_at: float
    model: str
    answer: str
    messages: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Keep:
    """How many are kept, and for how long; none at all when either is 0."""

    most: int
    days: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of them are listed: those of `model` unless it is empty, with at least this `metadata`."""

    model: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    newest_first: bool = False


class CompletionStore(Protocol):
    """Completions that survive a restart, up to a number and an age."""

    def save(self, completion: KeptCompletion) -> None:
        """Write a completion soon; returns at once. Every other method sees it."""
        ...

    async def get(self, completion_id: str) -> KeptCompletion | None:
        """Return it, or None when it is not kept or cannot be opened any more."""
        ...

    async def page(self, wanted: Wanted, *, after: str, limit: int) -> Sequence[KeptCompletion]:
        """Return up to `limit` of those that are wanted, the ones behind `after` unless that is empty."""
        ...

    async def describe(self, completion_id: str, metadata: Mapping[str, str]) -> KeptCompletion | None:
        """Give a completion other metadata; return it, or None when it is not kept."""
        ...

    async def delete(self, completion_id: str) -> bool:
        """Forget a completion; tell whether it was kept."""
        ...
