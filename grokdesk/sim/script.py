"""What one turn does: its content, how it is put on the wire, and what goes wrong on the way.

Everything here is a value. `answers` and `faults` build scripts, `frames` turns them into bytes, `world`
hands them to turns. Scripts add up: `thinking(summary="…") + text("…") + cut_after(3)` is one script.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, TypedDict

Form = Literal["rest", "gateway", "imagine"]
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


# ------------------------------------------------------------------------------ pictures and films

Slots = tuple[int, ...] | Literal["all"]
"""Which pictures of a batch, counted from 0."""


class MediaOptions(TypedDict, total=False):
    """The members of `Media` as keyword arguments of `faults.media`."""

    count: int | None
    previews: int
    moderated: Slots
    echoes_moderated: bool
    completed_first: Slots
    no_final: Slots
    no_completed: Slots
    blob: Literal["base64", "unpadded", "data_uri", "garbage", "empty", "missing"]
    url: Literal["absolute", "relative", "missing"]
    url_on_completed: bool
    no_percentage: bool
    null_image_id: bool
    closes: bool
    lingers_s: float | None
    lost: bool
    video_url: Literal["videoUrl", "contentUrl", "assetUrl", "fileUri", "missing"]
    upload: Literal["", "terminal_error", "id_only", "no_uri", "no_id"]
    content_type: str | None
    declared_bytes: int | None


@dataclass(frozen=True, slots=True)
class Media:
    """How pictures and films come out and how they are told. The defaults are the document's usual course."""

    count: int | None = None
    """Pictures in the batch, whatever was wanted."""
    previews: int = 1
    """Previews of each picture of the imagine socket."""
    moderated: Slots = ()
    """These are withheld (§2.6, §4.3); a film is number 0."""
    echoes_moderated: bool = True
    """Edits: the addresses of withheld pictures come back in `generatedImageUrls` (§4.3)."""
    completed_first: Slots = ()
    """`completed` comes before the final picture (§2.5)."""
    no_final: Slots = ()
    """`completed` comes and the final picture never does."""
    no_completed: Slots = ()
    """The final picture comes and `completed` never does."""
    blob: Literal["base64", "unpadded", "data_uri", "garbage", "empty", "missing"] = "base64"
    """The `blob` of final pictures."""
    url: Literal["absolute", "relative", "missing"] = "absolute"
    """The `url` of final pictures; *relative* is the path of the owner's own file."""
    url_on_completed: bool = False
    """The final picture is told by `completed` alone (§2.4)."""
    no_percentage: bool = False
    """Final pictures without `percentage_complete`."""
    null_image_id: bool = False
    """`start_stage` names the slot by `job_id` only."""
    closes: bool = False
    """The imagine socket is closed after the batch."""
    lingers_s: float | None = 0.0
    """How long a stream stays open after its last frame; `None`: until the client leaves (§5.8)."""
    lost: bool = False
    """What was made cannot be fetched: 404."""
    video_url: Literal["videoUrl", "contentUrl", "assetUrl", "fileUri", "missing"] = "videoUrl"
    """Under which key the finished film's address stands (§5.8)."""
    upload: Literal["", "terminal_error", "id_only", "no_uri", "no_id"] = ""
    """What the reply to an upload lacks (§6.1, §6.2)."""
    content_type: str | None = None
    """Downloads: the type told instead of the real one; empty: *application/octet-stream*."""
    declared_bytes: int | None = None
    """Downloads: the length told instead of the real one. The connection drops after the real end."""

    def over(self, below: "Media") -> "Media":
        """These deviations on top of the ones of `below`."""
        changed = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }
        return replace(below, **changed)


def chosen(slots: Slots, count: int) -> frozenset[int]:
    """The numbers of a batch of `count` that `slots` means."""
    return frozenset(range(count)) if slots == "all" else frozenset(one for one in slots if one < count)


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


@dataclass(frozen=True, slots=True)
class HangUp:
    """The connection drops in place of any answer. `accepted`: the work has begun all the same."""

    accepted: bool = False


Incident = Stall | Cut | StreamError | Ended | HangUp


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
    media: Media = Media()
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
            media=other.media.over(self.media),
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

    @property
    def hang_up(self) -> HangUp | None:
        """How the connection drops in place of an answer, if it does."""
        return next((incident for incident in self.incidents if isinstance(incident, HangUp)), None)

    @property
    def cut_bytes(self) -> int | None:
        """After how many bytes the connection drops, if it does."""
        return next(
            (one.size_bytes for one in self.incidents if isinstance(one, Cut) and one.size_bytes), None
        )

    def stalls_before(self, *places: str) -> tuple[Stall, ...]:
        """The silences before the first piece at the named places."""
        return tuple(
            incident
            for incident in self.incidents
            if isinstance(incident, Stall) and incident.after == 0 and incident.at in places
        )
