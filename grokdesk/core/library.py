"""What the library needs of a store: rows of files and of the jobs that made them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from grokdesk.core.media import Kept, Kind
from grokdesk.core.media_jobs import JobState, MediaJob

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Sought:
    """Which files are wanted; None and empty leave it open.

    `text` are words that all stand in the prompt, the model, the tags or the name of the account. `removed`
    asks for those whose removal can be undone, instead of the others.
    """

    kind: Kind | None = None
    favourite: bool | None = None
    tag: str = ""
    text: str = ""
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list, the newest first. `after` continues it; empty at the end."""

    files: tuple[Kept, ...]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """Which content a file has."""

    id: str
    kind: Kind
    digest: str


@dataclass(frozen=True, slots=True)
class Used:
    """How many files of a kind there are, and how many bytes they take. A content counts once."""

    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What an owner changes about files: None and empty leave it as it is."""

    favourite: bool | None = None
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()


class MediaStore(Protocol):
    """The files of the library. Several may have the same content: `digest` names that. Raises `Broken`."""

    async def add(self, files: Sequence[Kept]) -> None:
        """Write new files; when it returns they are there for good."""
        ...

    async def get(self, file_id: str) -> Kept | None:
        """One file, also a removed one."""
        ...

    async def page(self, sought: Sought, *, after: str = "", limit: int = PAGE) -> Page:
        """The next files of the list, the newest first.

        Raises `InvalidRequest` for an `after` that no page has named.
        """
        ...

    async def count(self, sought: Sought) -> int:
        """How many files are sought."""
        ...

    async def used(self) -> dict[Kind, Used]:
        """What each kind takes, removed files as well."""
        ...

    async def change(self, ids: Collection[str], change: Change) -> list[str]:
        """Change files; returns the ids of those there are."""
        ...

    async def has_thumbnail(self, file_id: str, *, is_there: bool) -> None:
        """Note that there is, or is no, small picture."""
        ...

    async def remove(self, ids: Collection[str], at: float) -> list[str]:
        """Mark files as removed; returns which of them were not before."""
        ...

    async def restore(self, ids: Collection[str]) -> list[str]:
        """Take removals back; returns which could be."""
        ...

    async def rename(self, file_id: str, new_id: str) -> Kept | None:
        """Give a file a new id, also where a job names it; None when there is none."""
        ...

    async def forget(self, ids: Collection[str]) -> None:
        """Delete rows for good."""
        ...

    async def alike(self, digest: str) -> list[Kept]:
        """Every file with this content, also removed ones."""
        ...

    async def removed_before(self, at: float, limit: int) -> list[Kept]:
        """Files removed before `at`, the first one first."""
        ...

    async def oldest(self, kind: Kind, limit: int) -> list[Kept]:
        """Files of a kind that may go, the oldest first, one of each content.

        None whose content a favourite has, and not the one that was added last.
        """
        ...

    def placed(self) -> AsyncIterator[Sequence[Placed]]:
        """Where the content of every file lies, part by part, also of removed ones."""
        ...


class JobStore(Protocol):
    """Jobs that make pictures and films. References come back without their bytes. Raises `Broken`."""

    async def add(self, job: MediaJob) -> None:
        """Write a new job; when it returns it is there for good."""
        ...

    async def write(self, job: MediaJob) -> None:
        """Write a changed job now. One that was deleted stays deleted."""
        ...

    def save(self, job: MediaJob) -> None:
        """The same soon; returns at once."""
        ...

    async def get(self, job_id: str) -> MediaJob | None:
        """One job."""
        ...

    async def page(
        self, *, kind: Kind | None = None, after: str = "", limit: int = 20, newest_first: bool = True
    ) -> list[MediaJob]:
        """Jobs in the order of their start, from behind the one with the id `after`.

        Raises `NotFound` when there is none with that id.
        """
        ...

    async def unfinished(self, interrupted_since: float) -> list[MediaJob]:
        """Jobs that are queued or running, or were interrupted since."""
        ...

    async def delete(self, job_id: str) -> bool:
        """Forget a job; tell whether it was there."""
        ...

    async def forget_before(self, at: float) -> int:
        """Forget jobs that were started before `at` and are over; returns how many."""
        ...


OVER: Final = tuple(state for state in JobState if state.is_over)
