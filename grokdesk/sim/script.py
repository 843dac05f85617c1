"""What one turn does: its content, how it is put on the wire, and what goes wrong on the way.

Everything here is a value. `answers` and `faults` build scripts, `frames` turns them into bytes, `world`
hands them to turns. Scripts add up: `thinking(summary="…") + text("…") + cut_after(3)` is one script.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, TypedDict

Form = Literal["rest", "gateway"]
Framing = Literal["lines", "glued", "sse", "sse_done"]
Json = dict[str, object]


# ------------------------------------------------------------------------------------------ content


@dataclass(frozen=True, slots=True)
class Say:
    """A piece of the visible answer. `delay_s` replaces the pace of the turn for this piece."""

    text: str
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class Think:
    """A piece of reasoning: the notetaker's *header* or *summary*, or the model's own words (§9.5, §11.1)."""

    text: str
    kind: Literal["header", "summary", "raw"] = "summary"
    step: int = 1
    rollout: str = "Grok"
    delay_s: float | None = None


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool Grok used by itself. `name` is camelCase; the gateway gets it in snake_case."""

    id: str
    name: str
    args: Mapping[str, object]
    rollout: str = "Grok"
    step: int = 1
    intent: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The raw result of a tool, which no client may show. The gateway form has no such frame."""

    id: str
    text: str
    rollout: str = "Grok"
    step: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    url: str
    title: str
    preview: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    id: str
    username: str
    text: str
    name: str = ""

    @property
    def url(self) -> str:
        return f"https://x.com/{self.username}/status/{self.id}"


@dataclass(frozen=True, slots=True)
class Pages:
    """What a web search found."""

    id: str
    pages: tuple[Page, ...]
    rollout: str = "Grok"
    step: int = 1


@dataclass(frozen=True, slots=True)
class Posts:
    """What an X search found."""

    id: str
    posts: tuple[Post, ...]
    rollout: str = "Grok"
    step: int = 1


@dataclass(frozen=True, slots=True)
class CodeRun:
    """What a program printed."""

    id: str
    stdout: str
    stderr: str = ""
    exit_code: int = 0
    rollout: str = "Grok"
    step: int = 1


@dataclass(frozen=True, slots=True)
class Cite:
    """A source named at this place of the text: a card and a tag, or a `render_citation` chunk (§10)."""

    url: str
    card_id: str
    citation_id: int = 0


@dataclass(frozen=True, slots=True)
class FoundImage:
    """A picture from the web, shown at this place of the text."""

    card_id: str
    title: str
    thumbnail: str
    original: str
    link: str


@dataclass(frozen=True, slots=True)
class ImageChunk:
    """The state of one generated picture. `url` is relative to the assets host (§10.1)."""

    card_id: str
    uuid: str
    url: str
    progress: int
    seq: int = 0
    index: int = 0
    moderated: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class ImageTag:
    """The place of a generated picture in the text. Only the older form has it."""

    card_id: str


@dataclass(frozen=True, slots=True)
class ImageProgress:
    """A `streamingImageGenerationResponse`. Only the older form has it."""

    uuid: str
    url: str
    progress: int
    is_final: bool = False
    moderated: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes sent as they are: a line of the stream, or a gateway message (binary when not UTF-8)."""

    data: bytes


Step = (
    Say
    | Think
    | ToolUse
    | ToolOutput
    | Pages
    | Posts
    | CodeRun
    | Cite
    | FoundImage
    | ImageChunk
    | ImageTag
    | ImageProgress
    | Raw
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """Recorded frames to be played as they are.

    `client_ids` are the event ids the recorded client sent; their echoes become echoes of the real client's
    ids, so that a dialogue can be replayed.
    """

    form: Form
    frames: tuple[Json, ...]
    client_ids: frozenset[str] = frozenset()


# ----------------------------------------------------------------------------------------- the wire


class WireOptions(TypedDict, total=False):
    """The members of `Wire` as keyword arguments of every builder."""

    delay_s: float | None
    framing: Framing
    chunk_bytes: int | None
    content_type: str
    soft_stop: Literal["first", "last", "missing"]
    final_metadata: bool
    model_response: Literal["same", "extends", "contradicts", "missing"]
    message_tag: bool
    card_after_tag: bool
    late_thinking: str
    late_tool: bool
    unknown: bool
    delivery: Literal["chunk", "delta", "both", "done_only"]
    reasoning_channel: str
    search_events: bool
    glue: int
    binary: Literal["never", "noise", "always"]
    foreign_created: bool
    attached_first: bool
    ack_delay_s: float
    pong: bool


@dataclass(frozen=True, slots=True)
class Wire:
    """How content is put on the wire. Every member has a document's default; tests turn them one by one."""

    delay_s: float | None = None
    """Seconds before each piece; `None` takes the pace of the world."""

    # Older form (§8.1, §8.8)
    framing: Framing = "lines"
    chunk_bytes: int | None = None
    """Cut the body into writes of this many bytes, wherever that falls."""
    content_type: str = "application/json"
    soft_stop: Literal["first", "last", "missing"] = "first"
    """Where `isSoftStop` stands among the closing frames."""
    final_metadata: bool = True
    model_response: Literal["same", "extends", "contradicts", "missing"] = "same"
    message_tag: bool = True
    card_after_tag: bool = False

    # Both forms
    late_thinking: str = ""
    """A thought that arrives in the middle of the text."""
    late_tool: bool = False
    """A tool card that arrives in the middle of the text."""
    unknown: bool = False
    """Sprinkle frames and members nobody has heard of."""

    # Gateway (§9)
    delivery: Literal["chunk", "delta", "both", "done_only"] = "chunk"
    reasoning_channel: str = "CHANNEL_ASSISTANT_REASONING"
    search_events: bool = False
    """Also announce found pages as `response.search.result`."""
    glue: int = 1
    """So many JSON objects in one WebSocket message."""
    binary: Literal["never", "noise", "always"] = "never"
    """*noise*: binary messages in between; *always*: every event is a binary message."""
    foreign_created: bool = False
    """First a `session.created` that answers somebody else."""
    attached_first: bool = False
    ack_delay_s: float = 0.0
    """Seconds before `session.created` and again before `conversation.attached`."""
    pong: bool = True

    def over(self, below: "Wire") -> "Wire":
        """This wire's deviations on top of the ones of `below`."""
        changed = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return replace(below, **changed)


# ---------------------------------------------------------------------------------------- incidents


@dataclass(frozen=True, slots=True)
class Stall:
    """Silence after `after` pieces; `seconds=None` lasts until the client leaves.

    Before the first piece, `at` says where: *open* before any answer to the request, *acks* after the
    status line (the 101) but before the first frame, *first_byte* before the status line in the older form
    and after `response.create` in the gateway.
    """

    seconds: float | None
    after: int = 0
    at: Literal["open", "acks", "first_byte"] = "first_byte"


@dataclass(frozen=True, slots=True)
class Cut:
    """The stream stops after so many pieces or bytes. Not `politely`: the connection drops in mid-stream."""

    after: int | None = None
    size_bytes: int | None = None
    politely: bool = False


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error inside a running stream (§15.2). `after=None`: when all content has been sent.

    top: `{"error":…}` / `error` event; response: `result.response.error` / `response.grok.output`;
    model_response: `modelResponse.streamErrors` / `response.done` with status *failed*.
    """

    code: int | str
    message: str
    place: Literal["top", "response", "model_response"] = "top"
    after: int | None = None
    extra: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """`session.ended` before the answer was complete; in the older form the body simply ends."""

    after: int = 0


Incident = Stall | Cut | StreamError | Ended


@dataclass(frozen=True, slots=True)
class Refusal:
    """A complete HTTP answer in place of the expected one."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One turn. Empty `steps` mean: the ordinary answer, with this script's wire and incidents."""

    steps: tuple[Step, ...] = ()
    wire: Wire = Wire()
    incidents: tuple[Incident, ...] = ()
    refusal: Refusal | None = None
    transcript: Transcript | None = None
    silent: bool = False
    """Nothing is said, and nothing is put in its place."""
    bare: bool = False
    """Only the steps, without the frames that open and close a stream."""
    wrong_attached: bool = False

    def __add__(self, other: "Script") -> "Script":
        return Script(
            steps=self.steps + other.steps,
            wire=other.wire.over(self.wire),
            incidents=self.incidents + other.incidents,
            refusal=other.refusal or self.refusal,
            transcript=other.transcript or self.transcript,
            silent=self.silent or other.silent,
            bare=self.bare and other.bare,
            wrong_attached=self.wrong_attached or other.wrong_attached,
        )

    def on_wire(self, wire: Wire) -> "Script":
        """The same content, put on the wire as `wire` says where it differs from the default."""
        return replace(self, wire=wire.over(self.wire))

    @property
    def needs_content(self) -> bool:
        return not (self.steps or self.transcript or self.silent)

    def stalls_before(self, *places: str) -> tuple[Stall, ...]:
        """The silences before the first piece at the named places."""
        return tuple(
            incident
            for incident in self.incidents
            if isinstance(incident, Stall) and incident.after == 0 and incident.at in places
        )
