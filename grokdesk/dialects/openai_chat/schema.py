"""What a Chat Completions body may look like.

Only what is used or must be refused is declared; every other member passes unread. Values are taken strictly:
a number in quotes is wrong, a whole number written as 2.0 is not. Most members may be null, which is the same
as absent, because clients send them so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

# Names of the alternatives of a member that may be text or a list. Pydantic puts them into the path of an
# error, where `decode` takes them out again; no member is called like this.
ONE: Final = "<one>"
MANY: Final = "<many>"
NONE: Final = "<none>"


def _form(value: object) -> str | None:
    match value:
        case str():
            return ONE
        case list():
            return MANY
        case None:
            return NONE
        case _:
            return None


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Body(BaseModel):
    """A JSON object of which unknown members are of no interest."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Effort(StrEnum):
    """How much thinking a client asks for."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class Part(Body):
    """A part of a message. Which members matter depends on `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None


Content = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[Part], Tag(MANY)] | Annotated[None, Tag(NONE)],
    Discriminator(
        _form,
        custom_error_type="content_form",
        custom_error_message="must be a string or an array of parts",
    ),
]
NonEmpty = Annotated[str, Field(min_length=1)]
StopWords = Annotated[
    Annotated[NonEmpty, Tag(ONE)]
    | Annotated[list[NonEmpty], Field(max_length=4), Tag(MANY)]
    | Annotated[None, Tag(NONE)],
    Discriminator(
        _form,
        custom_error_type="stop_form",
        custom_error_message="must be a string or an array of up to 4 strings",
    ),
]
Count = Annotated[int, BeforeValidator(_whole)]


class ChatMessage(Body):
    """One message of the history."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: Content = None
    refusal: str | None = None
    tool_calls: list[object] | None = None
    function_call: object = None


class Reasoning(Body):
    """The nested form of `reasoning_effort` that some clients send."""

    effort: Effort | None = None


class StreamOptions(Body):
    """How a stream is to be sent."""

    include_usage: bool | None = None


class ResponseFormat(Body):
    """The wanted form of the answer."""

    type: Literal["text", "json_object", "json_schema"]


class Completion(Body):
    """The whole body. `temperature` and `top_p` are checked and have no effect: upstream has no such knob."""

    model: NonEmpty
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[Count, Field(ge=1, le=8)] | None = None
    stop: StopWords = None
    max_tokens: Annotated[Count, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[Count, Field(ge=1)] | None = None
    reasoning_effort: Effort | None = None
    reasoning: Reasoning | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    tools: list[object] | None = None
    functions: list[object] | None = None
    tool_choice: object = None
    function_call: object = None
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = None
    audio: object = None
