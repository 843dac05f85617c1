"""What a Chat Completions body may look like.

Only what is used or must be refused is declared; every other member passes unread. Values are taken strictly:
a number in quotes is wrong, a whole number written as 2.0 is not. Most members may be null, which is the same
as absent, because clients send them so.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, Tag

from grokdesk.dialects.body import MANY, NONE, ONE, Body, Count, Metadata, NonEmpty, Recording, one_or_many
from grokdesk.dialects.wishes import Wishing

MOST_TOOLS: Final = 128


class Effort(StrEnum):
    """How much thinking a client asks for."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


def _addressed(value: object) -> object:
    return {"url": value} if isinstance(value, str) else value


class ImageUrl(Body):
    """Where an image is: an address, or the image itself as a `data:` URI. Its `detail` has no effect."""

    url: str


class File(Body):
    """A file in base64 or as a `data:` URI, or the id of one that was uploaded before."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(Body):
    """A part of a message. Which members matter depends on `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    # The address alone is what Responses has and some clients send.
    image_url: Annotated[ImageUrl, BeforeValidator(_addressed)] | None = None
    input_audio: Recording | None = None
    file: File | None = None


Content = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[Part], Tag(MANY)] | Annotated[None, Tag(NONE)],
    one_or_many("a string or an array of parts"),
]
StopWords = Annotated[
    Annotated[NonEmpty, Tag(ONE)]
    | Annotated[list[NonEmpty], Field(max_length=4), Tag(MANY)]
    | Annotated[None, Tag(NONE)],
    one_or_many("a string or an array of up to 4 strings"),
]


class CalledFunction(Body):
    """A function and the arguments the model gave it, as JSON text."""

    name: NonEmpty
    arguments: str | None = None


class CalledCustom(Body):
    """A custom tool and the text the model gave it."""

    name: NonEmpty
    input: str | None = None


class Call(Body):
    """A call in the history. Its type is told by the member it has."""

    id: NonEmpty
    function: CalledFunction | None = None
    custom: CalledCustom | None = None


class ChatMessage(Body):
    """One message of the history."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: Content = None
    refusal: str | None = None
    audio: object = None
    tool_calls: list[Call] | None = None
    function_call: CalledFunction | None = None
    tool_call_id: str | None = None
    name: str | None = None


class Reasoning(Body):
    """The nested form of `reasoning_effort` that some clients send."""

    effort: Effort | None = None


class StreamOptions(Body):
    """How a stream is to be sent."""

    include_usage: bool | None = None


class Function(Body):
    """A function that the client can run. `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None


class Grammar(Body):
    """What the input of a custom tool must match."""

    definition: str
    syntax: str


class CustomFormat(Body):
    """The form of the input of a custom tool."""

    type: Literal["text", "grammar"]
    grammar: Grammar | None = None


class Custom(Body):
    """A tool of the client's that takes text."""

    name: str
    description: str | None = None
    format: CustomFormat | None = None


class Tool(Body):
    """A tool. Which members matter depends on `type`."""

    type: str
    function: Function | None = None
    custom: Custom | None = None


class Named(Body):
    """A tool by its name."""

    name: str


class NamedTool(Body):
    """A tool by its type and name."""

    type: str
    function: Named | None = None
    custom: Named | None = None


class Allowed(Body):
    """The tools the model may call out of those that are offered."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1)]


class ToolChoice(NamedTool):
    """How free the model is to call tools; a bare word is the type."""

    allowed_tools: Allowed | None = None


def _typed(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class FunctionChoice(Body):
    """The older form of `tool_choice`: a word, or the name of a function."""

    word: str | None = None
    name: str | None = None


def _worded(value: object) -> object:
    return {"word": value} if isinstance(value, str) else value


class JsonSchema(Body):
    """The schema an answer must fit."""

    name: str
    # `schema` is a method of pydantic's models.
    definition: Annotated[dict[str, object] | None, Field(alias="schema")] = None


class ResponseFormat(Body):
    """The wanted form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class Keeping(Body):
    """The body that changes a completion that is kept."""

    metadata: Metadata | None


class Completion(Wishing):
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
    tools: Annotated[list[Tool], Field(max_length=MOST_TOOLS)] | None = None
    functions: Annotated[list[Function], Field(max_length=MOST_TOOLS)] | None = None
    tool_choice: Annotated[ToolChoice, BeforeValidator(_typed)] | None = None
    function_call: Annotated[FunctionChoice, BeforeValidator(_worded)] | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    store: bool | None = None
    # Checked only when the answer is kept: without that, clients put their own things here.
    metadata: object = None
    modalities: list[str] | None = None
    audio: object = None
