"""What a client asks for, in no vendor's words.

A `ChatRequest` is a tuple of `Message`s. A message has a role and parts. A result of a tool is a part of a
USER message, because that form keeps text beside results; `developer` is SYSTEM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from grokdesk.core.tools import Tool, ToolChoice


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """A file that travels with a message: its bytes, or the address it can be fetched from; never both.

    `media_type` is a MIME type, empty when the client did not say.
    """

    data: bytes = b""
    url: str = ""
    media_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """Thinking of an earlier turn. `seal` goes back unchanged to the upstream that issued it."""

    text: str
    seal: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for a tool. `arguments` is JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered."""

    call_id: str
    parts: tuple[Text | Media, ...]
    is_error: bool = False


Part = Text | Media | Thought | ToolCall | ToolResult


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Parts keep the client's order."""

    role: Role
    parts: tuple[Part, ...]


class Thinking(StrEnum):
    """Whether the client wants to see thinking. DEFAULT leaves it to the owner's setting."""

    DEFAULT = "default"
    SHOWN = "shown"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an answer ends. `max_tokens` counts estimated tokens of the answer text; None is no limit."""

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """What the answer must be: free text, or (`json`) one JSON value.

    `schema` is a JSON schema as text, or empty; `name` is what the client calls it.
    """

    json: bool = False
    schema: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ImageWishes:
    """`image_config` of a chat-like request. None and empty: not said."""

    count: int = 1
    size: str = ""
    ratio: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class VideoWishes:
    """`video_config` of a chat-like request. None and empty: not said."""

    seconds: int | None = None
    size: str = ""
    ratio: str = ""
    resolution: str = ""
    preset: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to be continued by one assistant turn. `model` is the name the client used.

    `image` and `video` are what it says about pictures and films, which count only with such a model.
    """

    model: str
    messages: tuple[Message, ...]
    thinking: Thinking = Thinking.DEFAULT
    limits: Limits = Limits()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = field(default_factory=ToolChoice)
    answer: AnswerForm = field(default_factory=AnswerForm)
    image: ImageWishes = field(default_factory=ImageWishes)
    video: VideoWishes = field(default_factory=VideoWishes)
