"""What a Messages body may look like.

Only what is used or must be refused is declared; every other member passes unread. Values are taken strictly.
Most members may be null, which is the same as absent. A block is told by its `type`; blocks that only
Anthropic's own tools leave behind are `OtherBlock`, and `decode` says what becomes of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from grokdesk.dialects.body import MANY, NONE, ONE, Body, Count, NonEmpty, one_or_many
from grokdesk.dialects.wishes import Wishing


def _by_type(*known: str) -> Callable[[object], str | None]:
    """Tell an object by its `type`: one of `known`, or any other."""

    def tag(value: object) -> str | None:
        match value:
            case {"type": str(kind)}:
                return f"<{kind}>" if kind in known else "<other>"
            case _:
                return None

    return tag


# --- sources of files ---------------------------------------------------------------------------------------


class Base64Source(Body):
    """A file in the body."""

    media_type: NonEmpty
    data: str


class UrlSource(Body):
    """A file somewhere on the web."""

    url: str


class TextSource(Body):
    """A document that is plain text."""

    data: str


class ContentSource(Body):
    """A document made of blocks."""

    content: NestedContent


class OtherSource(Body):
    """A file that is kept elsewhere."""

    type: str


ImageSource = Annotated[
    Annotated[Base64Source, Tag("<base64>")]
    | Annotated[UrlSource, Tag("<url>")]
    | Annotated[OtherSource, Tag("<other>")],
    Discriminator(
        _by_type("base64", "url"),
        custom_error_type="source_form",
        custom_error_message="must be an object with a type",
    ),
]
DocumentSource = Annotated[
    Annotated[Base64Source, Tag("<base64>")]
    | Annotated[UrlSource, Tag("<url>")]
    | Annotated[TextSource, Tag("<text>")]
    | Annotated[ContentSource, Tag("<content>")]
    | Annotated[OtherSource, Tag("<other>")],
    Discriminator(
        _by_type("base64", "url", "text", "content"),
        custom_error_type="source_form",
        custom_error_message="must be an object with a type",
    ),
]

# --- blocks -------------------------------------------------------------------------------------------------


class TextBlock(Body):
    """Text."""

    text: str


class ImageBlock(Body):
    """An image."""

    source: ImageSource


class DocumentBlock(Body):
    """A document, what it is called, and what it is about."""

    source: DocumentSource
    title: str | None = None
    context: str | None = None


class SearchResultBlock(Body):
    """Something the client has found: `source` is where."""

    source: str
    title: str
    content: list[TextBlock]


class ThinkingBlock(Body):
    """Thinking of an earlier turn, as it was sent."""

    thinking: str
    signature: str | None = None


class RedactedThinkingBlock(Body):
    """Thinking that only its author can read."""

    data: str


class ToolUseBlock(Body):
    """A call the model made."""

    id: NonEmpty
    name: NonEmpty
    input: dict[str, object]


class ToolResultBlock(Body):
    """What the tool said."""

    tool_use_id: NonEmpty
    content: NestedContent = None
    is_error: bool | None = None


class OtherBlock(Body):
    """Any other block. `content` and `tool_name` are read for those that carry text there."""

    type: str
    content: object = None
    tool_name: object = None


_NOT_A_BLOCK: Final = "must be an object with a type"
Nested = Annotated[
    Annotated[TextBlock, Tag("<text>")]
    | Annotated[ImageBlock, Tag("<image>")]
    | Annotated[DocumentBlock, Tag("<document>")]
    | Annotated[SearchResultBlock, Tag("<search_result>")]
    | Annotated[OtherBlock, Tag("<other>")],
    Discriminator(
        _by_type("text", "image", "document", "search_result"),
        custom_error_type="block_form",
        custom_error_message=_NOT_A_BLOCK,
    ),
]
Block = Annotated[
    Annotated[TextBlock, Tag("<text>")]
    | Annotated[ImageBlock, Tag("<image>")]
    | Annotated[DocumentBlock, Tag("<document>")]
    | Annotated[SearchResultBlock, Tag("<search_result>")]
    | Annotated[ThinkingBlock, Tag("<thinking>")]
    | Annotated[RedactedThinkingBlock, Tag("<redacted_thinking>")]
    | Annotated[ToolUseBlock, Tag("<tool_use>")]
    | Annotated[ToolResultBlock, Tag("<tool_result>")]
    | Annotated[OtherBlock, Tag("<other>")],
    Discriminator(
        _by_type(
            "text",
            "image",
            "document",
            "search_result",
            "thinking",
            "redacted_thinking",
            "tool_use",
            "tool_result",
        ),
        custom_error_type="block_form",
        custom_error_message=_NOT_A_BLOCK,
    ),
]

_CONTENT: Final = one_or_many("a string or an array of blocks")
NestedContent = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[Nested], Tag(MANY)] | Annotated[None, Tag(NONE)],
    _CONTENT,
]
Content = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[Block], Tag(MANY)],
    _CONTENT,
]
System = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[list[TextBlock], Tag(MANY)] | Annotated[None, Tag(NONE)],
    _CONTENT,
]

# --- the body -----------------------------------------------------------------------------------------------


class InputMessage(Body):
    """One turn of the history. A system message may stand between the others."""

    role: Literal["user", "assistant", "system"]
    content: Content


class ToolDefinition(Body):
    """A tool of the client (no `type`, or `custom`), or one that Anthropic defines (any other)."""

    type: str | None = None
    name: str | None = None
    description: str | None = None
    input_schema: dict[str, object] | None = None
    strict: bool | None = None


class Choice(Body):
    """How free the model is to call tools."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(Body):
    """Whether to think, and whether to show it."""

    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: Annotated[Count, Field(ge=0)] | None = None
    display: Literal["summarized", "omitted"] | None = None


class OutputFormat(Body):
    """The form of the answer: JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: dict[str, object] = Field(alias="schema")


class OutputConfig(Body):
    """The form of the answer, and how much work it is worth. The latter has no effect."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: OutputFormat | None = None


class Prompt(Wishing):
    """What the model reads: all of a body whose tokens are only counted."""

    model: NonEmpty
    messages: Annotated[list[InputMessage], Field(min_length=1)]
    system: System = None
    tools: list[ToolDefinition] | None = None
    tool_choice: Choice | None = None
    thinking: ThinkingConfig | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    mcp_servers: list[object] | None = None
    thread: object = None


class Messages(Prompt):
    """The whole body.

    `temperature`, `top_p` and `top_k` are checked and have no effect: upstream has no such knob.
    """

    max_tokens: Annotated[Count, Field(ge=1)]
    stream: bool | None = None
    stop_sequences: list[NonEmpty] | None = None
    metadata: dict[str, object] | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[Count, Field(ge=0)] | None = None
