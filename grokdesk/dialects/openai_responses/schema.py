"""What a Responses body may look like.

Only what is used or must be refused is declared; every other member passes unread. Values are taken strictly:
a number in quotes is wrong, a whole number written as 2.0 is not. Most members may be null, which is the same
as absent, because clients send them so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter

from grokdesk.dialects.body import MANY, NONE, ONE, Body, Count, Metadata, NonEmpty, Recording, one_or_many
from grokdesk.dialects.wishes import Wishing


def _image_address(value: object) -> object:
    """Take the form that Chat Completions has for the address of an image as well."""
    return value.get("url") if isinstance(value, Mapping) else value


# --- items --------------------------------------------------------------------------------------------------


class Part(Body):
    """A part of a message or of a tool's output. Which members matter depends on `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Annotated[str | None, BeforeValidator(_image_address)] = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: Recording | None = None


Parts = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[Part], Tag(MANY)] | Annotated[None, Tag(NONE)],
    one_or_many("a string or an array of parts"),
]


class MessageItem(Body):
    """Something that was said."""

    role: Literal["user", "assistant", "system", "developer"]
    content: Parts


class CallItem(Body):
    """A call of a function."""

    call_id: NonEmpty
    name: NonEmpty
    arguments: str = ""


class CustomCallItem(Body):
    """A call of a tool that takes free text."""

    call_id: NonEmpty
    name: NonEmpty
    input: str = ""


class OutputItem(Body):
    """What a tool of either kind answered."""

    call_id: NonEmpty
    output: Parts


class ReasoningItem(Body):
    """Thinking of an earlier turn."""

    summary: list[Part] | None = None
    content: list[Part] | None = None
    encrypted_content: str | None = None


class ReferenceItem(Body):
    """An item of an earlier response, by its id."""

    id: NonEmpty


class CompactionItem(Body):
    """A conversation made short by `POST /v1/responses/compact`."""

    encrypted_content: NonEmpty


class OtherItem(Body):
    """An item of another type."""

    type: str | None = None


_ITEMS: Final = {
    "message": "<message>",
    "function_call": "<call>",
    "function_call_output": "<output>",
    "custom_tool_call": "<custom call>",
    "custom_tool_call_output": "<output>",
    "reasoning": "<reasoning>",
    "item_reference": "<reference>",
    "compaction": "<compaction>",
    "compaction_summary": "<compaction>",
}
_OTHER: Final = "<other>"


def _item_form(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if kind is None and "role" in value:
        return _ITEMS["message"]
    if kind is None and "id" in value:
        return _ITEMS["item_reference"]
    return _ITEMS.get(kind, _OTHER) if isinstance(kind, str) else _OTHER


Item = Annotated[
    Annotated[MessageItem, Tag("<message>")]
    | Annotated[CallItem, Tag("<call>")]
    | Annotated[CustomCallItem, Tag("<custom call>")]
    | Annotated[OutputItem, Tag("<output>")]
    | Annotated[ReasoningItem, Tag("<reasoning>")]
    | Annotated[ReferenceItem, Tag("<reference>")]
    | Annotated[CompactionItem, Tag("<compaction>")]
    | Annotated[OtherItem, Tag("<other>")],
    Discriminator(_item_form, custom_error_type="item_form", custom_error_message="must be an object"),
]
ITEMS: Final[TypeAdapter[list[Item]]] = TypeAdapter(list[Item])

Input = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[Item], Tag(MANY)] | Annotated[None, Tag(NONE)],
    one_or_many("a string or an array of items"),
]


# --- tools --------------------------------------------------------------------------------------------------


class CustomFormat(Body):
    """What the input of a custom tool must look like."""

    type: Literal["text", "grammar"]
    syntax: str = ""
    definition: str = ""


class Tool(Body):
    """A tool. Which members matter depends on `type`."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, object] | None = None
    strict: bool | None = None
    format: CustomFormat | None = None


class NamedTool(Body):
    """A tool that a choice names."""

    type: str
    name: str | None = None


class ToolChoiceObject(Body):
    """A choice that names tools."""

    type: str
    name: str | None = None
    mode: Literal["auto", "required"] = "auto"
    tools: list[NamedTool] | None = None


def _choice_form(value: object) -> str | None:
    match value:
        case str():
            return ONE
        case dict():
            return MANY
        case None:
            return NONE
        case _:
            return None


ToolChoice = Annotated[
    Annotated[Literal["auto", "none", "required"], Tag(ONE)]
    | Annotated[ToolChoiceObject, Tag(MANY)]
    | Annotated[None, Tag(NONE)],
    Discriminator(
        _choice_form,
        custom_error_type="choice_form",
        custom_error_message="must be 'auto', 'none', 'required' or an object",
    ),
]


# --- the body -----------------------------------------------------------------------------------------------


class Reasoning(Body):
    """How much thinking, and whether it is shown."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["none", "auto", "concise", "detailed"] | None = None
    generate_summary: Literal["none", "auto", "concise", "detailed"] | None = None


class Format(Body):
    """The wanted form of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    # `schema` is a method of every pydantic model.
    json_schema: Annotated[dict[str, object] | None, Field(alias="schema")] = None
    strict: bool | None = None


class TextConfig(Body):
    """How the answer is written."""

    format: Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Question(Wishing):
    """What every call that takes a conversation has: what it is, and what the model may do."""

    input: Input = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: object = None
    prompt: object = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    text: TextConfig | None = None
    truncation: Literal["auto", "disabled"] | None = None


class Create(Question):
    """The body of `POST /v1/responses`.

    `temperature`, `top_p`, `top_logprobs`, `max_tool_calls` and `service_tier` are checked and have no
    effect: upstream has no such knob. `generate` is only said in a WebSocket.
    """

    model: NonEmpty
    stream: bool | None = None
    background: bool | None = None
    store: bool | None = None
    generate: bool | None = None
    include: list[str] | None = None
    metadata: Metadata | None = None
    max_output_tokens: Annotated[Count, Field(ge=1)] | None = None
    max_tool_calls: Annotated[Count, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[Count, Field(ge=0, le=20)] | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None


class Compact(Question):
    """The body of `POST /v1/responses/compact`."""

    model: NonEmpty


class CountTokens(Question):
    """The body of `POST /v1/responses/input_tokens`."""

    model: str | None = None
