"""One agent's request at its longest, taken apart: what each stage of our own work costs."""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson

from grokdesk.core.conversation import ChatRequest
from grokdesk.core.events import Event, TextPiece
from grokdesk.core.prompt_size import glanced
from grokdesk.core.tools import ToolChoice
from grokdesk.dialects.anthropic import Anthropic
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_responses import OpenAIResponses
from grokdesk.providers.grok_web.protocol import payload
from grokdesk.providers.grok_web.rounds import block_for
from grokdesk.providers.text_tools.sieve import Sieve

_ROUNDS = 7
_TURNS = 200
_LINE = "The quick brown fox jumps over the lazy dog while def f(x): return x + 1 stands beside it. "
_SCHEMA = {
    "type": "object",
    "properties": {f"argument_{n}": {"type": "string", "description": "What it is for."} for n in range(8)},
    "required": ["argument_0"],
}


def _chat_body() -> bytes:
    # About 22 tokens a line, 25 lines a turn, 200 turns.
    turns = [{"role": "assistant" if n % 2 else "user", "content": _LINE * 25} for n in range(_TURNS)]
    tools = [
        {
            "type": "function",
            "function": {"name": f"tool_{n}", "description": _LINE * 4, "parameters": _SCHEMA},
        }
        for n in range(60)
    ]
    return orjson.dumps({"model": "grok-4.20-fast", "messages": turns, "tools": tools})


def _other_bodies() -> tuple[bytes, bytes]:
    chat = orjson.loads(_chat_body())
    functions = [tool["function"] for tool in chat["tools"]]
    responses = {
        "model": chat["model"],
        "input": chat["messages"],
        "tools": [{"type": "function", "strict": False, **function} for function in functions],
    }
    messages = {
        "model": chat["model"],
        "max_tokens": 1000,
        "messages": chat["messages"],
        "tools": [
            {"name": one["name"], "description": one["description"], "input_schema": one["parameters"]}
            for one in functions
        ],
    }
    return orjson.dumps(responses), orjson.dumps(messages)


def stages_ms() -> dict[str, list[float]]:
    """Milliseconds of each stage, several times."""
    body = _chat_body()
    responses, messages = _other_bodies()
    request: ChatRequest = OpenAIChat().decode(body, {}).request
    text = payload.flatten(request.messages, "", block_for(request))
    answer = [f"word {n} " for n in range(2000)] + [
        '<tool_calls><tool_call><tool_name>tool_1</tool_name><parameters>{"argument_0":"x"}</parameters>',
        "</tool_call></tool_calls>",
    ]

    def sift() -> list[Event]:
        sieve = Sieve(request.tools, ToolChoice(), lambda: "call_1")
        return [TextPiece(piece) for part in answer for piece in sieve.feed(part) if isinstance(piece, str)]

    stages: dict[str, Callable[[], object]] = {
        "decode, chat": lambda: OpenAIChat().decode(body, {}),
        "decode, responses": lambda: OpenAIResponses().decode(responses, {}),
        "decode, messages": lambda: Anthropic().decode(messages, {}),
        "count the prompt": lambda: glanced(request),
        "tool block": lambda: block_for(request),
        "flatten": lambda: payload.flatten(request.messages, "", block_for(request)),
        "body": lambda: payload.rest_body(message=text, mode_id="fast", temporary=True, memory=False),
        "read an answer of 2,000 pieces": sift,
    }
    taken: dict[str, list[float]] = {}
    for name, work in stages.items():
        work()
        taken[name] = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            work()
            taken[name].append((time.perf_counter() - begun) * 1000)
    return taken
