"""Tools that a client offers, and how free the model is to call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from grokdesk.dialects.json_text import json_text
from grokdesk.dialects.openai_responses import schema
from grokdesk.dialects.openai_tools import KINDS, WORDS, nothing_to_call, unknown, unsupported, with_rule
from grokdesk.dialects.reading import quoted, required

# What Grok does by itself whenever it helps: asking for it changes nothing, and nothing is lost without it.
_OWN: Final = re.compile(r"(web_search|x_search|live_search)(_.+)?")


def is_search(kind: str) -> bool:
    """Whether tools of this type search the web, which Grok does by itself."""
    return _OWN.fullmatch(kind) is not None


def offered(tools: Iterable[schema.Tool]) -> tuple[Tool, ...]:
    """Return the tools that the client can run. Raises `InvalidRequest` and `Unsupported`."""
    found: dict[str, Tool] = {}
    for at, one in enumerate(tools):
        if is_search(one.type):
            continue
        path = f"tools.{at}"
        tool = _tool(one, path)
        if tool.name in found:
            raise InvalidRequest(
                f"'{path}.name': there is already a tool called {quoted(tool.name)}.", param=f"{path}.name"
            )
        found[tool.name] = tool
    return tuple(found.values())


def choice(question: schema.Question, tools: Sequence[Tool]) -> ToolChoice:
    """Return how free the model is. Raises `InvalidRequest` for a choice that `tools` cannot fulfil."""
    parallel = question.parallel_tool_calls is not False
    match question.tool_choice:
        case None:
            return ToolChoice(parallel=parallel)
        case str(word):
            return ToolChoice(_possible(WORDS[word], question, tools), parallel=parallel)
        case chosen if chosen.type == "allowed_tools":
            return _allowed(chosen, tools, parallel=parallel)
        case chosen if chosen.type in KINDS:
            named = schema.NamedTool(type=chosen.type, name=chosen.name)
            return ToolChoice(Must.CALL, (_known(named, tools, "tool_choice"),), parallel)
        case chosen if is_search(chosen.type):
            return ToolChoice(parallel=parallel)
        case chosen:
            raise Unsupported(
                f"The tool {quoted(chosen.type)} is not supported: this gateway runs none itself.",
                param="tool_choice.type",
            )


def _tool(tool: schema.Tool, path: str) -> Tool:
    if tool.type not in KINDS:
        raise unsupported(tool.type, f"{path}.type")
    if not tool.name:
        raise required(f"{path}.name")
    if tool.type == ToolKind.CUSTOM:
        return Tool(tool.name, _described(tool), kind=ToolKind.CUSTOM)
    parameters = tool.parameters
    return Tool(
        tool.name,
        tool.description or "",
        json_text(parameters, f"{path}.parameters") if parameters is not None else "",
        # The Responses API is strict unless told otherwise.
        strict=tool.strict is not False,
    )


def _described(tool: schema.Tool) -> str:
    description = tool.description or ""
    if tool.format is None or tool.format.type != "grammar":
        return description
    return with_rule(description, tool.format.syntax, tool.format.definition)


def _possible(must: Must, question: schema.Question, tools: Sequence[Tool]) -> Must:
    if must is not Must.CALL or tools:
        return must
    if question.tools:
        # All of them search the web; that Grok decides by itself.
        return Must.MAY
    raise nothing_to_call()


def _allowed(chosen: schema.ToolChoiceObject, tools: Sequence[Tool], *, parallel: bool) -> ToolChoice:
    path = "tool_choice.tools"
    if not chosen.tools:
        raise required(path)
    names = [
        _known(one, tools, f"{path}.{at}") for at, one in enumerate(chosen.tools) if not is_search(one.type)
    ]
    if not names:
        # No names would mean all of them.
        return ToolChoice(Must.NOT, parallel=parallel)
    return ToolChoice(WORDS[chosen.mode], tuple(dict.fromkeys(names)), parallel)


def _known(named: schema.NamedTool, tools: Sequence[Tool], path: str) -> str:
    """The name that `named` gives, if there is such a tool of that type."""
    if not named.name:
        raise required(f"{path}.name")
    if all((tool.name, tool.kind) != (named.name, named.type) for tool in tools):
        raise unknown(named.name, f"{path}.name")
    return named.name
