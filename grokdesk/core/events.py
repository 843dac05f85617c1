"""What happens while a request is executed.

Grammar: `Started (ThoughtPiece | TextPiece | Cited | Sourced | Called | Submitted | Progressed | Previewed |
Made | Withheld)* Finished`, or an exception. One thing per event: text never shares an event with a stop
reason, usage is only in `Finished`. Failures are exceptions, never events. A slot (one wanted picture or
film, from 0) is `Made` or `Withheld` at most once, and its progress never goes back.

Events travel in *batches*: everything decoded from one piece of network data stays together, so that one
piece costs one write to the client. A batch is never empty and its boundaries mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grokdesk.core.conversation import ToolCall
from grokdesk.core.media import Artifact, Kept, Trace


class Stop(StrEnum):
    """Why an answer ended."""

    DONE = "done"
    LENGTH = "length"
    STOP_SEQUENCE = "stop_sequence"
    CALLS = "calls"
    REFUSED = "refused"


class SourceKind(StrEnum):
    """What was consulted."""

    WEB = "web"
    X_POST = "x_post"


@dataclass(frozen=True, slots=True)
class Source:
    """A page or post that was consulted. `title` may be empty."""

    url: str
    title: str = ""
    kind: SourceKind = SourceKind.WEB


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one run, estimated here because Grok's web chat reports none."""

    prompt_tokens: int = 0
    text_tokens: int = 0
    thinking_tokens: int = 0

    @property
    def completion_tokens(self) -> int:
        """Answer and thinking together."""
        return self.text_tokens + self.thinking_tokens

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Started:
    """Upstream has begun to answer. Always first, exactly once. `created` is Unix seconds."""

    run_id: str
    model: str
    created: int


@dataclass(frozen=True, slots=True)
class ThoughtPiece:
    """The next piece of thinking. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class TextPiece:
    """The next piece of the answer. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation in the text so far; `start` and `end` count code points of the answer, end exclusive."""

    url: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sourced:
    """A source was consulted. Each address once."""

    source: Source


@dataclass(frozen=True, slots=True)
class Called:
    """The model calls a tool; the arguments are complete. Those of a custom tool are its input text."""

    call: ToolCall


class MediaEvent:
    """Something about pictures and films. Conversations get it as text (core/shaping.py)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Submitted(MediaEvent):
    """Upstream has taken a job: from here on it may be made, whatever becomes of the connection."""

    trace: Trace


@dataclass(frozen=True, slots=True)
class Progressed(MediaEvent):
    """The work on a slot advances; `fraction` is 0 to 1."""

    fraction: float
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Previewed(MediaEvent):
    """How a picture looks before it is finished. Only when previews were asked for."""

    data: bytes
    media_type: str
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Made(MediaEvent):
    """One picture or film is ready. `kept` is its file in the library, once it is there."""

    artifact: Artifact
    slot: int = 0
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Withheld(MediaEvent):
    """Moderation kept a slot back. `reason` is one sentence."""

    slot: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete. Always last, exactly once.

    `stop_sequence` is the one that matched, if any. With REFUSED, `refusal` says in a sentence what could not
    be given; no text came before it.
    """

    stop: Stop = Stop.DONE
    usage: Usage = Usage()
    stop_sequence: str = ""
    refusal: str = ""


Event = ThoughtPiece | TextPiece | Cited | Sourced | Called | MediaEvent | Started | Finished
Batch = Sequence[Event]


class Transcript:
    """The fold of a run: what a non-streaming answer, the run log and usage are made from."""

    __slots__ = (
        "_text",
        "_thinking",
        "calls",
        "citations",
        "finished",
        "made",
        "sources",
        "started",
        "withheld",
    )

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self.started: Started | None = None
        self.finished: Finished | None = None
        self.calls: list[ToolCall] = []
        self.citations: list[Cited] = []
        self.sources: list[Source] = []
        self.made: list[Made] = []
        self.withheld: list[Withheld] = []

    def add(self, event: Event) -> None:
        """Take the next event of the run."""
        match event:
            case TextPiece(text):
                self._text.append(text)
            case ThoughtPiece(text):
                self._thinking.append(text)
            case Cited():
                self.citations.append(event)
            case Sourced(source):
                self.sources.append(source)
            case Called(call):
                self.calls.append(call)
            case Made():
                self.made.append(event)
            case Withheld():
                self.withheld.append(event)
            case Started():
                self.started = event
            case Finished():
                self.finished = event

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._text)

    @property
    def thinking(self) -> str:
        """The thinking so far."""
        return "".join(self._thinking)

    @property
    def pieces(self) -> int:
        """How many pieces of text and thinking, pictures and films arrived."""
        return len(self._text) + len(self._thinking) + len(self.made)
