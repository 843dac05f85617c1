"""Jobs that make pictures and films: rows that outlive the request, and the program."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from grokdesk.core.media import ImageRequest, Kind, Trace, VideoRequest


class JobState(StrEnum):
    """Where a job stands. INTERRUPTED: the program ended, or lost the connection, before it did."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is going to happen by itself."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


@dataclass(frozen=True, slots=True)
class MediaJob:
    """One job. `id` is 32 hex digits; times are Unix seconds; `fraction` is 0 to 1.

    `request` is what was asked, its references without their bytes once the job is a row again. `files` are
    the ids of what the library keeps of it. `failure` is one sentence, `hint` what to do, `code` the word by
    which clients tell failures apart. `remix_of` is the job whose film this one began with. `trace` is what
    upstream calls it.
    """

    id: str
    kind: Kind
    request: ImageRequest | VideoRequest
    created_at: float
    client: str = ""
    state: JobState = JobState.QUEUED
    fraction: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    failure: str = ""
    hint: str = ""
    code: str = ""
    files: tuple[str, ...] = ()
    trace: Trace = field(default_factory=Trace)
    remix_of: str = ""
