"""Messages body → request.

What a body says about *content* is understood or refused by name; what it says about *tuning* that upstream
does not have is checked where Anthropic checks it, and otherwise ignored. So are tools that Anthropic's own
servers would run, where Grok does the same by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from grokdesk.core.conversation import (
    AnswerForm,
    ChatRequest,
    Limits,
    Media,
    Message,
    Part,
    Role,
    Text,
    Thinking,
    Thought,
    ToolCall,
    ToolResult,
)
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.tools import Must, Tool, ToolChoice
from grokdesk.dialects import wishes
from grokdesk.dialects.anthropic import schema
from grokdesk.dialects.anthropic.ids import neutral_call_id
from grokdesk.dialects.base import Asked
from grokdesk.dialects.history import answerable, telling
from grokdesk.dialects.json_text import json_text
from grokdesk.dialects.media import is_address, unpacked
from grokdesk.dialects.reading import quoted, read, required

# What Anthropic's servers would do and Grok does by itself: it searches, it opens pages, and it sees all
# tools at once, so that none has to be searched for.
_BY_ITSELF: Final = re.compile(r"(web_search|web_fetch|tool_search_tool_(regex|bm25))(_\d{8})?")
# What those tools leave in the history. The text around it says what came of it.
_TRACES: Final = re.compile(
    r"server_tool_use|mcp_tool_(use|result|listing)|advisor_tool_result|fallback|compaction"
    r"|(web_search|web_fetch|(bash_|text_editor_)?code_execution|tool_search)_tool_result"
)
_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def decode(body: bytes) -> Asked:
    """Read a body.

    Raises `InvalidRequest` with the dotted path of the first wrong member, as in `messages.0.role`, and
    `Unsupported` for content that cannot be passed on.
    """
    asked = read(schema.Messages, body)
    limits = Limits(max_tokens=asked.max_tokens, stop=tuple(asked.stop_sequences or ()))
    return Asked(request=_request(asked, limits), stream=bool(asked.stream))


def decode_prompt(body: bytes) -> ChatRequest:
    """Read a body whose tokens are only to be counted. Raises what `decode` raises."""
    return _request(read(schema.Prompt, body), Limits())


def _request(prompt: schema.Prompt, limits: Limits) -> ChatRequest:
    for name, value in (("mcp_servers", prompt.mcp_servers), ("thread", prompt.thread)):
        if value:
            raise Unsupported(f"'{name}' is not supported by this gateway.", param=name)
    tools = tuple(_tools(prompt.tools or ()))
    return ChatRequest(
        model=prompt.model,
        messages=_messages(prompt),
        thinking=_thinking(prompt.thinking),
        limits=limits,
        tools=tools,
        tool_choice=_tool_choice(prompt, tools),
        answer=_answer(prompt),
        image=wishes.image(prompt),
        video=wishes.video(prompt),
    )


def _thinking(config: schema.ThinkingConfig | None) -> Thinking:
    # As at Anthropic: who does not ask for thinking gets none. Some clients mix up what they did not ask for.
    if config is None or config.type == "disabled" or config.display == "omitted":
        return Thinking.HIDDEN
    return Thinking.SHOWN


def _answer(prompt: schema.Prompt) -> AnswerForm:
    # `output_format` is the older place of `output_config.format`.
    for form, path in (
        (prompt.output_config and prompt.output_config.format, "output_config.format"),
        (prompt.output_format, "output_format"),
    ):
        if form:
            return AnswerForm(json=True, schema=json_text(form.json_schema, f"{path}.schema"))
    return AnswerForm()


# --- tools --------------------------------------------------------------------------------------------------


def _tools(definitions: Iterable[schema.ToolDefinition]) -> Iterator[Tool]:
    names: set[str] = set()
    for at, definition in enumerate(definitions):
        path = f"tools.{at}"
        if definition.type not in (None, "custom"):
            _check_by_itself(definition.type, f"{path}.type")
            continue
        name = definition.name or ""
        if not _TOOL_NAME.fullmatch(name):
            raise InvalidRequest(
                f"'{path}.name' must be 1 to 128 letters, digits, '_' or '-'.", param=f"{path}.name"
            )
        if name in names:
            raise InvalidRequest(
                f"'{path}.name' must be unique; {quoted(name)} is there twice.", param=f"{path}.name"
            )
        if definition.input_schema is None:
            raise required(f"{path}.input_schema")
        names.add(name)
        yield Tool(
            name,
            definition.description or "",
            json_text(definition.input_schema, f"{path}.input_schema"),
            strict=bool(definition.strict),
        )


def _check_by_itself(kind: str, path: str) -> None:
    if not _BY_ITSELF.fullmatch(kind):
        raise Unsupported(
            f"Tools of the type {quoted(kind)} are not supported.",
            param=path,
            hint="Define it as a tool of your own, with a name and an input_schema.",
        )


def _tool_choice(prompt: schema.Prompt, tools: tuple[Tool, ...]) -> ToolChoice:
    choice = prompt.tool_choice
    if choice is None:
        return ToolChoice()
    parallel = not choice.disable_parallel_tool_use
    match choice.type:
        case "auto":
            return ToolChoice(parallel=parallel)
        case "none":
            return ToolChoice(Must.NOT)
        case "any":
            if not prompt.tools:
                raise InvalidRequest("'tool_choice' asks for a tool, but there is none.", param="tool_choice")
            # When only Grok's own tools are left there is nothing to force.
            return ToolChoice(Must.CALL if tools else Must.MAY, parallel=parallel)
        case "tool":
            return _forced(prompt, tools, choice.name or "", parallel=parallel)


def _forced(prompt: schema.Prompt, tools: tuple[Tool, ...], name: str, *, parallel: bool) -> ToolChoice:
    if any(tool.name == name for tool in tools):
        return ToolChoice(Must.CALL, (name,), parallel)
    if any(definition.name == name for definition in prompt.tools or ()):
        return ToolChoice(parallel=parallel)  # one that Grok runs by itself
    raise InvalidRequest(
        f"'tool_choice.name' must be the name of a tool, not {quoted(name)}.", param="tool_choice.name"
    )


# --- messages -----------------------------------------------------------------------------------------------


def _messages(prompt: schema.Prompt) -> tuple[Message, ...]:
    said = answerable(
        Message(Role(message.role), tuple(_parts(message.content, f"messages.{at}.content")))
        for at, message in enumerate(prompt.messages)
    )
    return (*telling([Message(Role.SYSTEM, tuple(_system(prompt.system)))]), *said)


def _system(content: str | list[schema.TextBlock] | None) -> Iterator[Text]:
    if isinstance(content, str):
        yield Text(content)
    else:
        yield from (Text(block.text) for block in content or ())


def _parts(content: str | list[schema.Block], path: str) -> Iterator[Part]:
    if isinstance(content, str):
        yield Text(content)
        return
    for at, block in enumerate(content):
        yield from _part(block, f"{path}.{at}")


def _part(block: schema.Block, path: str) -> Iterator[Part]:
    match block:
        case schema.ThinkingBlock():
            yield Thought(block.thinking, block.signature or "")
        case schema.RedactedThinkingBlock():
            yield Thought("", block.data)
        case schema.ToolUseBlock():
            yield ToolCall(neutral_call_id(block.id), block.name, json_text(block.input, f"{path}.input"))
        case schema.ToolResultBlock():
            parts = tuple(_nested(block.content, f"{path}.content"))
            yield ToolResult(neutral_call_id(block.tool_use_id), parts, bool(block.is_error))
        case _:
            yield from _shown(block, path)


def _nested(content: str | list[schema.Nested] | None, path: str) -> Iterator[Text | Media]:
    if isinstance(content, str):
        yield Text(content)
        return
    for at, block in enumerate(content or ()):
        yield from _shown(block, f"{path}.{at}")


def _shown(block: schema.Nested, path: str) -> Iterator[Text | Media]:
    """What may also stand in the result of a tool: something to read or to look at."""
    match block:
        case schema.TextBlock():
            yield Text(block.text)
        case schema.ImageBlock():
            yield _file(block.source, f"{path}.source", "")
        case schema.DocumentBlock():
            yield from _document(block, f"{path}.source")
        case schema.SearchResultBlock():
            said = "\n".join(one.text for one in block.content)
            yield Text(f"{block.title}\n{block.source}\n\n{said}")
        case schema.OtherBlock(type="tool_reference", tool_name=str(name)):
            yield Text(name)
        # A summary that stands for all that came before it. Without text it stands for nothing.
        case schema.OtherBlock(type="compaction", content=str(summary)):
            yield Text(summary)
        case schema.OtherBlock(type=kind):
            if not _TRACES.fullmatch(kind):
                raise Unsupported(
                    f"'{path}.type': blocks of the type {quoted(kind)} are not supported.",
                    param=f"{path}.type",
                )


def _document(block: schema.DocumentBlock, path: str) -> Iterator[Text | Media]:
    """A document. One that is text already is read as text, under its title."""
    about = "\n".join(line for line in (block.title, block.context) if line)
    match block.source:
        case schema.TextSource(data=text):
            yield Text(f"{about}\n\n{text}" if about else text)
        case schema.ContentSource(content=content):
            if about:
                yield Text(about)
            yield from _nested(content, f"{path}.content")
        case source:
            if block.context:
                yield Text(block.context)
            yield _file(source, path, "application/pdf", block.title or "")


def _file(
    source: schema.Base64Source | schema.UrlSource | schema.OtherSource, path: str, kind: str, name: str = ""
) -> Media:
    """A file: its bytes, or its address with the `kind` it has there if that is known."""
    match source:
        case schema.Base64Source(media_type=media_type, data=data):
            return Media(data=_bytes(data, f"{path}.data"), media_type=media_type, name=name)
        case schema.UrlSource(url=url):
            if not is_address(url):
                raise InvalidRequest(f"'{path}.url' must be an http or https address.", param=f"{path}.url")
            return Media(url=url, media_type=kind, name=name)
        case schema.OtherSource(type=stored):
            raise Unsupported(
                f"'{path}.type': sources of the type {quoted(stored)} are not supported.",
                param=f"{path}.type",
                hint="Send the file itself as base64.",
            )


def _bytes(data: str, path: str) -> bytes:
    try:
        found = unpacked(data)
    except ValueError:
        found = b""
    if not found:
        raise InvalidRequest(f"'{path}' must be a file in base64.", param=path)
    return found
