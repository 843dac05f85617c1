"""What the model is told: which tools there are, how to call them, and when; or what JSON is wanted.

The parts and their literals are those of protocol/grok-web-chat.md §13.1, the form of a call is §13.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from grokdesk.core.conversation import ToolCall
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from grokdesk.providers.text_tools import repair
from grokdesk.providers.text_tools.grammar import Found
from grokdesk.providers.text_tools.names import offered

# From here on schemas lose what only documents them; descriptions stay whole, agents keep their rules in
# them.
_COMPACT_FROM: Final = 24_000
_NO_SCHEMA: Final = '{"type":"object","properties":{}}'
_FREE_TEXT: Final = '{"input": "<text>"}'
_DOCUMENTING: Final = frozenset({"$schema", "$id", "$comment", "title", "examples"})
# Members of these are named by the client, so a "title" among them is not the keyword.
_NAMED_BY_CLIENT: Final = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)
_DATA: Final = frozenset({"enum", "const", "default"})
_BLANK_LINES: Final = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")


def tool_block(tools: Sequence[Tool], choice: ToolChoice) -> str:
    """The instruction that gives the model `tools`; empty when none may be called.

    Only tools that `choice` allows are named. Schemas stand on one line; long lists are shortened, never
    their descriptions.
    """
    tools = offered(tools, choice)
    if not tools:
        return ""
    is_long = sum(len(tool.schema) + len(tool.description) for tool in tools) > _COMPACT_FROM
    return "\n\n".join(
        [
            _INTRODUCTION,
            "AVAILABLE TOOLS:",
            *(_described(tool, is_long=is_long) for tool in tools),
            _format(tools, choice),
            "WHEN TO CALL: " + _when(choice, tools),
        ]
    )


def must_call_reminder(choice: ToolChoice) -> str:
    """What to add when the model should have called a tool and did not."""
    which = f"the tool {choice.allowed[0]}" if len(choice.allowed) == 1 else "a tool"
    return (
        f"Your last answer did not call {which}, but a call is required now. Answer again with nothing but "
        f"the <tool_calls> block, in the form that TOOL CALL FORMAT describes. {_GUESS}"
    )


def written(calls: Iterable[ToolCall | Found]) -> str:
    r"""Calls in the form the model is asked for; `parse_calls` reads exactly these calls back.

    Arguments that look escaped for XML get `\u0026` for `&`, so that nobody unescapes them
    (`repair.is_escaped`).
    """
    lines = ["<tool_calls>"]
    for call in calls:
        arguments = _on_one_line(call.arguments) or "{}"
        if repair.is_escaped(arguments):
            arguments = arguments.replace("&", "\\u0026")
        lines += [
            "  <tool_call>",
            f"    <tool_name>{call.name}</tool_name>",
            f"    <parameters>{arguments}</parameters>",
            "  </tool_call>",
        ]
    return "\n".join([*lines, "</tool_calls>"])


def json_block(schema: str | None) -> str:
    """The instruction that asks for JSON and nothing else; for any object when there is no schema."""
    if schema is None:
        return f"{_JSON_ONLY} The top level is one JSON object."
    return (
        f"{_JSON_ONLY} It must be valid against this JSON schema:\n\n{_on_one_line(schema)}\n\n{_JSON_RULES}"
    )


def json_repair_message(problem: str) -> str:
    """What to ask after an answer that was not the wanted JSON; `problem` says what was wrong."""
    return (
        f"Your last answer is not the JSON that was asked for. {problem.strip()}\n"
        "Answer again with the complete, corrected JSON and nothing else: no explanation, no Markdown fence."
    )


_INTRODUCTION: Final = (
    "You can use the tools listed below. They run on the user's side, not here: the only way to use one is "
    "to write a call as described, and the result comes back to you in the next message. Your own built-in "
    "tools cannot reach the user's files, programs or machine."
)
_GUESS: Final = "If a value is uncertain, use the most likely one."
_JSON_ONLY: Final = (
    "Answer with JSON and nothing else: no text before or after it, no Markdown fence, no comments, no "
    "trailing commas."
)
_JSON_RULES: Final = (
    "Give every required property, use the names and the types of the schema exactly, and add no property "
    "that it does not have."
)


def _described(tool: Tool, *, is_long: bool) -> str:
    lines = [f"Tool: {tool.name}"]
    description = tool.description.strip()
    if description:
        lines.append("Description: " + (_BLANK_LINES.sub("\n", description) if is_long else description))
    if tool.kind is ToolKind.CUSTOM:
        lines.append(f"Parameters: free text, given as {_FREE_TEXT}")
    else:
        lines.append(f"Parameters: {_on_one_line(tool.schema, is_short=is_long) or _NO_SCHEMA}")
    return "\n".join(lines)


def _format(tools: Sequence[Tool], choice: ToolChoice) -> str:
    rules = [
        "To call a tool, answer with nothing but one XML block of exactly this form:",
        "<parameters> holds one valid JSON object, on a single line, that fits the tool's parameters.",
        "Inside JSON strings, escape quotes, backslashes and line breaks as JSON does.",
        "Write <, > and & as they are, also inside the JSON; do not use XML entities or CDATA.",
        "Put several calls into the same <tool_calls> block, one <tool_call> each."
        if choice.parallel
        else "Make at most one call: exactly one <tool_call> in the block.",
        "Use tool names exactly as listed. Give every required parameter; do not make up others.",
        "No Markdown fence around the block, and no thoughts, comments or other text beside it.",
        "End your answer with </tool_calls> and wait for the results. Never write a result yourself.",
    ]
    if any(tool.kind is ToolKind.CUSTOM for tool in tools):
        rules.insert(
            2, f"For a tool with free text, <parameters> holds {_FREE_TEXT}: all of it as one JSON string."
        )
    head, *rest = rules
    template = written([Found("TOOL_NAME", '{"parameter":"value"}')])
    listed = "\n".join(f"- {rule}" for rule in rest)
    return f"TOOL CALL FORMAT\n\n{head}\n\n{template}\n\n{listed}"


def _when(choice: ToolChoice, tools: Sequence[Tool]) -> str:
    if choice.must is Must.MAY:
        return (
            "call a tool when it is needed to do what was asked, for instance to read, search, run or change "
            "something. Otherwise answer in plain text and do not write the block."
        )
    which = f"the tool {tools[0].name}" if len(tools) == 1 else "at least one tool"
    return f"you must call {which} now, without any other text. {_GUESS}"


def _on_one_line(text: str, *, is_short: bool = False) -> str:
    """JSON without needless blanks; text that is no JSON at least on one line."""
    if not text.strip():
        return ""
    try:
        value = repair.loads(text)
    except ValueError:
        return " ".join(text.split())
    return repair.compact(_short(value) if is_short else value)


def _short(schema: object) -> object:
    """A schema without what only documents it."""
    if isinstance(schema, list):
        return [_short(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value if key in _DATA else _short_members(value) if key in _NAMED_BY_CLIENT else _short(value)
        for key, value in schema.items()
        if key not in _DOCUMENTING
    }


def _short_members(members: object) -> object:
    if not isinstance(members, dict):
        return members
    return {name: _short(schema) for name, schema in members.items()}
