"""Answers that are kept, so that a client can come back to them and continue from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One answer and what was asked for it.

    `previous` is the id of the answer it continues, or empty. The rest is JSON of the format that made it and
    opaque to everybody else: `asked` is a list of what was new in the request, `answer` what the client was
    told, `events` what happened, in order. `created_at` is Unix seconds.
    """

    id: str
    created_at: float
    previous: str
    asked: str
    answer: str
    events: str


class ResponseStore(Protocol):
    """Responses that survive a restart."""

    def save(self, response: StoredResponse) -> None:
        """Write a new or changed response soon; returns at once."""
        ...

    async def get(self, response_id: str) -> StoredResponse | None:
        """Return it, or None when it is not there or cannot be opened any more."""
        ...

    async def delete(self, response_id: str) -> bool:
        """Forget it; tell whether it was there."""
        ...

    async def touch(self, ids: Iterable[str], at: float) -> None:
        """Note that these were used at `at`."""
        ...

    async def trim(self, keep: int, before: float) -> None:
        """Forget what was last used before `before`, and of the rest all but the `keep` used last."""
        ...
