"""Events → Chat Completions chunks, and folded runs → one completion.

A stream is: a chunk that names the role, chunks of `content`, `reasoning_content` and `tool_calls`, one chunk
with the finish reason (and `annotations` and `search_sources`, when there are any) for each choice, the usage
when it was asked for, `[DONE]`. A call is a chunk with its id and name and one with its arguments. A refusal
is a chunk of its own before the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from grokdesk.core.conversation import ToolCall
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import (
    Called,
    Cited,
    Event,
    Finished,
    MediaEvent,
    Source,
    Sourced,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Usage,
)
from grokdesk.core.tools import ToolKind
from grokdesk.dialects import openai_answers, openai_errors, search_sources, sse
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.json_text import json_string, sound
from grokdesk.dialects.openai_chat.asked import ChatAsked

PREFIX: Final = "chatcmpl-"

_FINISH: Final = {
    Stop.DONE: "stop",
    Stop.STOP_SEQUENCE: "stop",
    Stop.LENGTH: "length",
    Stop.CALLS: "tool_calls",
    # As at OpenAI: `content_filter` makes the helpers of official clients raise, and hides the refusal.
    Stop.REFUSED: "stop",
}


class ChatEncoder:
    """Writes the chunks of one answer.

    Everything but the text of a piece is the same in every chunk, so it is composed once: a piece costs one
    JSON string and one concatenation.
    """

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self._include_usage = asked.include_usage
        self._form = _CallForm(asked)
        head = {
            "id": PREFIX + stamp.id,
            "object": "chat.completion.chunk",
            "created": stamp.created,
            "model": asked.request.model,
        }
        self._head = b"data: " + orjson.dumps(head)[:-1]
        self._usage = b',"usage":null}\n\n' if asked.include_usage else b"}\n\n"
        self._choices = [
            _Choice(self._head + b',"choices":[{"index":%d,"delta":' % index)
            for index in range(asked.choices)
        ]
        self._after_text = b'},"logprobs":null,"finish_reason":null}]' + self._usage

    def feed(self, event: Event, choice: int = 0) -> bytes:
        """Return the chunk for the next event of answer `choice`; none for what its last chunk will carry."""
        state = self._choices[choice]
        match event:
            case TextPiece(text):
                return state.text + json_string(text) + self._after_text
            case ThoughtPiece(text):
                return state.thinking + json_string(text) + self._after_text
            case Started():
                return state.head + b'{"role":"assistant","content":""' + self._after_text
            case Cited():
                state.citations.append(event)
            case Sourced(source):
                state.sources.append(source)
            case Called(call):
                return self._call(state, call)
            case Finished():
                state.finished = event
                return self._finish(state, event)
            case MediaEvent():  # shaped into text before
                pass
        return b""

    def end(self) -> bytes:
        """Return the usage of all answers together when it was asked for, and the end of the stream."""
        if not self._include_usage:
            return sse.DONE
        told = orjson.dumps(usage(state.finished for state in self._choices))
        return self._head + b',"choices":[],"usage":' + told + b"}\n\n" + sse.DONE

    def fail(self, error: GrokDeskError) -> bytes:
        """Return the frame for which official clients raise `APIError`. No `[DONE]`: this is not an end."""
        return sse.frame(openai_errors.envelope(error))

    def _call(self, state: _Choice, call: ToolCall) -> bytes:
        index, state.calls = state.calls, state.calls + 1
        deltas = self._form.deltas(call, index)
        return b"".join(state.head + orjson.dumps(delta)[:-1] + self._after_text for delta in deltas)

    def _finish(self, state: _Choice, event: Finished) -> bytes:
        refusal = b""
        if event.stop is Stop.REFUSED:
            text = json_string(openai_answers.refusal(event))
            refusal = state.head + b'{"content":null,"refusal":' + text + self._after_text
        delta = {"annotations": _annotations(state.citations)} if state.citations else {}
        reason = self._form.finish(event.stop).encode()
        sources = (
            b',"search_sources":' + orjson.dumps(search_sources.told(state.sources)) if state.sources else b""
        )
        return (
            refusal
            + state.head
            + orjson.dumps(delta)
            + b',"logprobs":null,"finish_reason":"'
            + reason
            + b'"}]'
            + sources
            + self._usage
        )


class _Choice:
    """One answer of a stream, and what its last chunk will carry. `head` ends where the delta begins."""

    __slots__ = ("calls", "citations", "finished", "head", "sources", "text", "thinking")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.text = head + b'{"content":'
        self.thinking = head + b'{"reasoning_content":'
        self.calls = 0
        self.citations: list[Cited] = []
        self.sources: list[Source] = []
        self.finished: Finished | None = None


class _CallForm:
    """How calls are told to one client: as tool calls, or as the one function call of older clients."""

    def __init__(self, asked: Asked) -> None:
        self._as_function = isinstance(asked, ChatAsked) and asked.as_function
        self._custom = {tool.name for tool in asked.request.tools if tool.kind is ToolKind.CUSTOM}

    def finish(self, stop: Stop) -> str:
        """The finish reason."""
        return "function_call" if stop is Stop.CALLS and self._as_function else _FINISH[stop]

    def deltas(self, call: ToolCall, index: int) -> list[dict[str, object]]:
        """What a stream says of call number `index`: first its name, then its arguments."""
        if self._as_function:
            return (
                [{"function_call": part} for part in _in_two(_function(call), "arguments")]
                if not index
                else []
            )
        kind, body, text = self._told(call)
        name, arguments = _in_two(body, text)
        return [
            {"tool_calls": [{"index": index, "id": openai_answers.call_id(call), "type": kind, kind: name}]},
            {"tool_calls": [{"index": index, kind: arguments}]},
        ]

    def members(self, calls: Sequence[ToolCall]) -> dict[str, object]:
        """What a message says of its calls."""
        if not calls:
            return {}
        if self._as_function:
            return {"function_call": _function(calls[0])}
        told = [(call, *self._told(call)) for call in calls]
        return {
            "tool_calls": [
                {"id": openai_answers.call_id(call), "type": kind, kind: body} for call, kind, body, _ in told
            ]
        }

    def _told(self, call: ToolCall) -> tuple[str, dict[str, str], str]:
        """The type of a call, its body, and which member of the body is the model's text."""
        if call.name in self._custom:
            return "custom", {"name": sound(call.name), "input": sound(call.arguments)}, "input"
        return "function", _function(call), "arguments"


def _function(call: ToolCall) -> dict[str, str]:
    return {"name": sound(call.name), "arguments": sound(call.arguments)}


def _in_two(body: dict[str, str], text: str) -> tuple[dict[str, str], dict[str, str]]:
    """`body` with `text` still empty, and what follows."""
    return {**body, text: ""}, {text: body[text]}


def render(asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
    """Return the completion with one choice for each folded run."""
    form = _CallForm(asked)
    completion: dict[str, object] = {
        "id": PREFIX + stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": asked.request.model,
        "choices": [_choice(index, transcript, form) for index, transcript in enumerate(transcripts)],
        "usage": usage(transcript.finished for transcript in transcripts),
    }
    sources = {source.url: source for transcript in transcripts for source in transcript.sources}
    if sources:
        completion["search_sources"] = search_sources.told(sources.values())
    if isinstance(asked, ChatAsked) and asked.keep is not None:
        completion["metadata"] = asked.keep
    return orjson.dumps(completion)


def _choice(index: int, transcript: Transcript, form: _CallForm) -> dict[str, object]:
    finished = transcript.finished or Finished()
    refused = finished.stop is Stop.REFUSED
    text = sound(transcript.text)
    message: dict[str, object] = {
        "role": "assistant",
        "content": None if not text and (refused or transcript.calls) else text,
        "refusal": openai_answers.refusal(finished) if refused else None,
        "annotations": _annotations(transcript.citations),
        **form.members(transcript.calls),
    }
    thinking = sound(transcript.thinking)
    if thinking:
        message["reasoning_content"] = thinking
    return {"index": index, "message": message, "logprobs": None, "finish_reason": form.finish(finished.stop)}


def _annotations(citations: Iterable[Cited]) -> list[dict[str, object]]:
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": sound(cited.url),
                "title": sound(cited.title),
                "start_index": cited.start,
                "end_index": cited.end,
            },
        }
        for cited in citations
    ]


def usage(ends: Iterable[Finished | None]) -> dict[str, object]:
    """Return the usage of all choices: they share one prompt, so it counts once."""
    usages = [end.usage for end in ends if end is not None] or [Usage()]
    prompt = usages[0].prompt_tokens
    text = sum(one.text_tokens for one in usages)
    thinking = sum(one.thinking_tokens for one in usages)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": text + thinking,
        "total_tokens": prompt + text + thinking,
        "prompt_tokens_details": {
            "cached_tokens": 0,
            "text_tokens": prompt,
            "audio_tokens": 0,
            "image_tokens": 0,
        },
        "completion_tokens_details": {
            "text_tokens": text,
            "audio_tokens": 0,
            "reasoning_tokens": thinking,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
