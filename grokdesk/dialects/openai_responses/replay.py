"""A kept response, told again: the same frames with the same numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import orjson

from grokdesk.core.conversation import ToolCall
from grokdesk.core.events import (
    Called,
    Cited,
    Event,
    Finished,
    MediaEvent,
    Source,
    Sourced,
    SourceKind,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
    Usage,
)
from grokdesk.dialects.openai_responses import resource
from grokdesk.dialects.openai_responses.encode import ResponsesEncoder, frames_of


def written(events: Iterable[Event]) -> str:
    """Return events as JSON, which `replayed` reads."""
    # Not orjson: it refuses halves of characters, which must come back as they were.
    return json.dumps([_written(event) for event in events], separators=(",", ":"))


def replayed(answer: str, events: str) -> list[bytes]:
    """Return the frames in which the kept `answer` was told, or would have been."""
    final = orjson.loads(answer)
    moment = float(final["completed_at"] or final["created_at"])
    encoder = ResponsesEncoder(resource.blanked(final), now=lambda: moment)
    frames = encoder.queue() if final["background"] else b""
    frames += b"".join([encoder.feed(_read(one)) for one in json.loads(events)])
    if not encoder.is_over:
        frames += encoder.break_off(final["status"], final["error"])
    return frames_of(frames)


def interrupted(answer: str) -> str:
    """Return `answer` as it is when nobody works on it any more: failed, unless it has ended before."""
    kept = orjson.loads(answer)
    if kept["status"] not in {"queued", "in_progress"}:
        return answer
    error = {"code": "server_error", "message": "GrokDesk was stopped before this response was complete."}
    return orjson.dumps({**kept, "status": "failed", "error": error}).decode()


def _written(event: Event) -> list[Any]:
    match event:
        case TextPiece(text):
            return ["text", text]
        case ThoughtPiece(text):
            return ["thought", text]
        case Called(call):
            return ["call", call.id, call.name, call.arguments]
        case Cited():
            return ["cited", event.url, event.title, event.start, event.end]
        case Sourced(source):
            return ["source", source.url, source.title, source.kind.value]
        case Started():
            return ["started", event.run_id, event.model, event.created]
        case Finished(stop, usage, sequence, refusal):
            used = [usage.prompt_tokens, usage.text_tokens, usage.thinking_tokens]
            return ["finished", stop.value, used, sequence, refusal]
        case MediaEvent():
            raise AssertionError("conversations have no media events: they are shaped into text before")


def _read(members: list[Any]) -> Event:
    kind, *values = members
    match kind:
        case "text":
            return TextPiece(*values)
        case "thought":
            return ThoughtPiece(*values)
        case "call":
            return Called(ToolCall(*values))
        case "cited":
            return Cited(*values)
        case "source":
            url, title, source = values
            return Sourced(Source(url, title, SourceKind(source)))
        case "started":
            return Started(*values)
        case _:
            stop, used, sequence, refusal = values
            return Finished(Stop(stop), Usage(*used), sequence, refusal)
