"""What every public format can do, so that one handler serves them all.

Nothing here knows a format: a dialect is added as a folder beside this file and a row in the gateway's route
table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from grokdesk.core.conversation import ChatRequest
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Event, Transcript


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client wants: the request, and how it wants to hear the answer.

    `choices` is how many answers it wants to the same request. `echo` holds members of the body that the
    answer must repeat, as the client wrote them; empty for formats that repeat nothing.
    """

    request: ChatRequest
    stream: bool = False
    choices: int = 1
    include_usage: bool = False
    echo: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What all parts of one answer share: an id, to which a format adds its prefix, and its Unix second."""

    id: str
    created: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure before the first byte, as the client hears it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Fails(Protocol):
    """Ends a stream that cannot be completed."""

    def fail(self, error: GrokDeskError) -> bytes:
        """Return its last frames."""
        ...


class Encoder(Fails, Protocol):
    """Turns the events of one answer into frames. Fed in order, and never after `end` or `fail`."""

    def feed(self, event: Event, choice: int = 0) -> bytes:
        """Return the frames for the next event of answer number `choice`; may be empty."""
        ...

    def end(self) -> bytes:
        """Return what comes after every answer has finished."""
        ...


class Dialect(Protocol):
    """One public format."""

    @property
    def heartbeat(self) -> bytes:
        """The frame that says in silence that the stream is alive."""
        ...

    def headers(self, request_id: str, elapsed_ms: int) -> Mapping[str, str]:
        """Return what this format's servers put on every answer."""
        ...

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked:
        """Read a request body. Raises `InvalidRequest` with the path of the field that is wrong."""
        ...

    def encoder(self, asked: Asked, stamp: Stamp) -> Encoder:
        """Return what writes a streamed answer."""
        ...

    def render(self, asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
        """Return the body of an answer that is not streamed: one folded run for each choice."""
        ...

    def failure(self, error: GrokDeskError, request_id: str) -> Failure:
        """Return how a client hears `error` before the first byte of an answer."""
        ...
