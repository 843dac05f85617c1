"""Whether the arguments of a call are what its tool takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from grokdesk.core.conversation import ToolCall
from grokdesk.core.tools import Tool, ToolKind
from grokdesk.providers.text_tools import repair
from grokdesk.providers.text_tools.schema import Misfit, fit

_FREE_TEXT: Final = '{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}'


def fitted(arguments_json: str, tool: Tool) -> str | Misfit:
    """The arguments as compact JSON that fits the tool's schema, gently repaired (`schema.fit`), or why not.

    The result is always a JSON object, and so is `Misfit.best`; required values are never invented.
    """
    try:
        value = repair.loads(arguments_json) if arguments_json.strip() else {}
        if isinstance(value, str):
            value = repair.loads(value)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return Misfit("$", "a JSON object", "{}")
    fits = fit(value, _FREE_TEXT if tool.kind is ToolKind.CUSTOM else tool.schema)
    if isinstance(fits, str):
        return fits if fits.startswith("{") else Misfit("$", "a JSON object", "{}")
    return fits if fits.best.startswith("{") else replace(fits, best="{}")


def accepted(call: ToolCall, tools: Sequence[Tool]) -> ToolCall | Misfit:
    """The call with arguments that fit, or a misfit about which the model is to be asked again.

    Only a strict tool refuses. For the others the arguments go out as far as they could be repaired; agents
    answer a bad call with an error that the model reads. They are JSON in any case.
    """
    tool = next((tool for tool in tools if tool.name == call.name), Tool(call.name))
    fits = fitted(call.arguments, tool)
    if isinstance(fits, str):
        return replace(call, arguments=fits)
    return fits if tool.strict else replace(call, arguments=fits.best)
