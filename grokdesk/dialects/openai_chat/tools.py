"""Tools and functions that a client offers, and how free the model is to call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from grokdesk.core.errors import InvalidRequest
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from grokdesk.dialects.json_text import json_text
from grokdesk.dialects.openai_chat import schema
from grokdesk.dialects.openai_tools import KINDS, WORDS, nothing_to_call, unknown, unsupported, with_rule
from grokdesk.dialects.reading import quoted, required

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What Grok does by itself whenever it helps: asking for it changes nothing, and nothing is lost without it.
_OWN: Final = re.compile(r"(web_search|x_search|live_search|image_generation)(_.+)?")


def offered(completion: schema.Completion) -> tuple[Tool, ...]:
    """Return the tools that the client can run, of either form. Raises `InvalidRequest` and `Unsupported`."""
    if completion.tools and completion.functions:
        raise InvalidRequest("'functions' cannot be used together with 'tools'.", param="functions")
    if completion.functions:
        named = [
            (_function(one, f"functions.{at}"), f"functions.{at}.name")
            for at, one in enumerate(completion.functions)
        ]
    else:
        named = [
            (_tool(one, f"tools.{at}"), f"tools.{at}.{one.type}.name")
            for at, one in enumerate(completion.tools or ())
            if not _OWN.fullmatch(one.type)
        ]
    _check_names(named)
    return tuple(tool for tool, _ in named)


def choice(completion: schema.Completion, tools: Sequence[Tool]) -> ToolChoice:
    """Return how free the model is. Raises `InvalidRequest` for a choice that `tools` cannot fulfil."""
    if completion.functions:
        # A message of that form has room for one call.
        return _function_choice(completion.function_call, tools)
    if completion.tool_choice is None:
        _function_choice(completion.function_call, tools)
        return ToolChoice(parallel=completion.parallel_tool_calls is not False)
    return _tool_choice(completion.tool_choice, tools, parallel=completion.parallel_tool_calls is not False)


def check_name(name: str, path: str) -> None:
    """Raise `InvalidRequest` unless a tool or schema may be called `name`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"'{path}' must be 1 to 64 letters (a-z), digits, underscores or dashes, not {quoted(name)}.",
            param=path,
        )


# --- tools --------------------------------------------------------------------------------------------------


def _tool(tool: schema.Tool, path: str) -> Tool:
    match tool.type:
        case "function":
            if tool.function is None:
                raise required(f"{path}.function")
            return _function(tool.function, f"{path}.function")
        case "custom":
            if tool.custom is None:
                raise required(f"{path}.custom")
            return _custom(tool.custom, f"{path}.custom")
        case other:
            raise unsupported(other, f"{path}.type")


def _function(function: schema.Function, path: str) -> Tool:
    parameters = function.parameters
    return Tool(
        function.name,
        function.description or "",
        json_text(parameters, f"{path}.parameters") if parameters is not None else "",
        strict=bool(function.strict),
    )


def _custom(custom: schema.Custom, path: str) -> Tool:
    description = custom.description or ""
    if custom.format is not None and custom.format.type == "grammar":
        if custom.format.grammar is None:
            raise required(f"{path}.format.grammar")
        description = with_rule(description, custom.format.grammar.syntax, custom.format.grammar.definition)
    return Tool(custom.name, description, kind=ToolKind.CUSTOM)


def _check_names(named: Iterable[tuple[Tool, str]]) -> None:
    seen: set[str] = set()
    for tool, path in named:
        check_name(tool.name, path)
        if tool.name in seen:
            raise InvalidRequest(f"'{path}': there is already a tool called '{tool.name}'.", param=path)
        seen.add(tool.name)


# --- choice -------------------------------------------------------------------------------------------------


def _tool_choice(chosen: schema.ToolChoice, tools: Sequence[Tool], *, parallel: bool) -> ToolChoice:
    if chosen.type in WORDS:
        must = WORDS[chosen.type]
        if must is Must.CALL:
            _check_any(tools)
        return ToolChoice(must, parallel=parallel)
    if chosen.type == "allowed_tools":
        return _allowed(chosen.allowed_tools, tools, parallel=parallel)
    if chosen.type not in KINDS:
        raise InvalidRequest(
            "'tool_choice' must be 'none', 'auto' or 'required', or name a function, a custom tool or "
            f"allowed tools; not {quoted(chosen.type)}.",
            param="tool_choice",
        )
    _check_any(tools)
    return ToolChoice(Must.CALL, (_named(chosen, tools, "tool_choice"),), parallel)


def _allowed(allowed: schema.Allowed | None, tools: Sequence[Tool], *, parallel: bool) -> ToolChoice:
    path = "tool_choice.allowed_tools"
    if allowed is None:
        raise required(path)
    names = [
        _named(one, tools, f"{path}.tools.{at}")
        for at, one in enumerate(allowed.tools)
        if not _OWN.fullmatch(one.type)
    ]
    must = WORDS[allowed.mode]
    if not names:
        if must is Must.CALL:
            raise InvalidRequest(
                f"'{path}.tools' names no tool that your program runs.", param=f"{path}.tools"
            )
        # No names would mean all of them.
        must = Must.NOT
    return ToolChoice(must, tuple(dict.fromkeys(names)), parallel)


def _named(one: schema.NamedTool, tools: Sequence[Tool], path: str) -> str:
    """The name that `one` gives, if there is such a tool of that type."""
    named = one.custom if one.type == "custom" else one.function
    path = f"{path}.{'custom' if one.type == 'custom' else 'function'}"
    if named is None:
        raise required(path)
    return _known(named.name, [tool for tool in tools if tool.kind == one.type], f"{path}.name", "tools")


def _function_choice(chosen: schema.FunctionChoice | None, functions: Sequence[Tool]) -> ToolChoice:
    """The older form."""
    if chosen is None or chosen.word == "auto":
        return ToolChoice(parallel=False)
    if chosen.word == "none":
        return ToolChoice(Must.NOT, parallel=False)
    if chosen.word is not None:
        raise InvalidRequest(
            f"'function_call' must be 'none', 'auto' or name a function, not {quoted(chosen.word)}.",
            param="function_call",
        )
    if chosen.name is None:
        raise required("function_call.name")
    name = _known(chosen.name, functions, "function_call.name", "functions")
    return ToolChoice(Must.CALL, (name,), parallel=False)


def _known(name: str, tools: Iterable[Tool], path: str, where: str) -> str:
    if all(tool.name != name for tool in tools):
        raise unknown(name, path, where)
    return name


def _check_any(tools: Sequence[Tool]) -> None:
    if not tools:
        raise nothing_to_call()
