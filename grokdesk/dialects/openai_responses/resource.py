"""The Response object: every member that clients may expect, with what was asked or its usual value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from grokdesk.core.events import Finished, Usage
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.openai_responses import items, schema, tools
from grokdesk.dialects.openai_responses.items import Item

Resource = dict[str, Any]  # the JSON that clients receive

_USUAL: Final[Mapping[str, object]] = {
    "id": "",
    "object": "response",
    "created_at": 0,
    "status": "in_progress",
    "background": False,
    "completed_at": None,
    "conversation": None,
    "error": None,
    "frequency_penalty": 0.0,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": "",
    "output": [],
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
}
_AS_WRITTEN: Final = (
    "background",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "temperature",
    "tool_choice",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
)


def echo(create: schema.Create, raw: Mapping[str, Any], *, keeps: bool) -> dict[str, object]:
    """Return the members that repeat what was asked, as the client wrote them."""
    told: dict[str, object] = {name: raw[name] for name in _AS_WRITTEN if raw.get(name) is not None}
    told["store"] = keeps and create.store is not False
    if told.get("service_tier") == "auto":
        told["service_tier"] = "default"
    if create.reasoning is not None:
        summary = create.reasoning.summary or create.reasoning.generate_summary
        told["reasoning"] = {"effort": create.reasoning.effort, "summary": summary}
    if create.text is not None:
        told["text"] = {"format": _form(raw["text"]), "verbosity": create.text.verbosity or "medium"}
    if create.tools:
        told["tools"] = [_tool(one) for one in raw["tools"]]
    return told


def blank(asked: Asked, stamp: Stamp) -> Resource:
    """Return the response as it is before anything was said."""
    return {
        **_USUAL,
        **asked.echo,
        "id": items.RESPONSE + stamp.id,
        "created_at": stamp.created,
        "model": asked.request.model,
    }


def unknown() -> Resource:
    """Return the object for a stream whose response is not known."""
    return dict(_USUAL)


def blanked(resource: Mapping[str, Any]) -> Resource:
    """Return a kept response as it was before anything was said."""
    changing = ("status", "completed_at", "error", "incomplete_details", "output", "usage")
    kept = {name: value for name, value in resource.items() if name != "search_sources"}
    return {**kept, **{name: _USUAL[name] for name in changing}}


def custom_tools(resource: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the tools that take free text."""
    return frozenset(tool["name"] for tool in resource["tools"] if tool["type"] == "custom")


def wants_sources(resource: Mapping[str, Any]) -> bool:
    """Whether the client knows of searches: they are items only to those who asked for them."""
    return any(tools.is_search(tool["type"]) for tool in resource["tools"])


def usage(finished: Finished) -> dict[str, object]:
    """Return what the answer cost."""
    return _usage(finished.usage)


def deleted(response_id: str) -> dict[str, object]:
    """Return what a client hears of a response it has deleted."""
    return {"id": response_id, "object": "response", "deleted": True}


def compacted(stamp: Stamp, kept: list[Item], carried: str, finished: Finished | None) -> dict[str, object]:
    """Return a compacted conversation: what a person said word by word, and the rest sealed in short."""
    short = {"id": f"{items.COMPACTION}{stamp.id}", "type": "compaction", "encrypted_content": carried}
    return {
        "id": items.RESPONSE + stamp.id,
        "object": "response.compaction",
        "created_at": stamp.created,
        "output": [*kept, short],
        "usage": _usage(finished.usage if finished else Usage()),
    }


def _usage(used: Usage) -> dict[str, object]:
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": used.thinking_tokens},
        "total_tokens": used.total_tokens,
    }


def _form(text: Mapping[str, Any]) -> dict[str, object]:
    form: Mapping[str, Any] = text.get("format") or {"type": "text"}
    if form["type"] != "json_schema":
        return {"type": form["type"]}
    return {"description": None, "strict": False, **form}


def _tool(tool: Mapping[str, Any]) -> dict[str, object]:
    if tool["type"] != "function":
        return dict(tool)
    told = {"type": "function", "name": "", "description": None, "parameters": None, **tool}
    return {**told, "strict": tool.get("strict") is not False}
