"""Events → the frames of a Messages stream, and a folded run → one message.

A stream is: `message_start`; blocks of thinking, text and calls, each with its own number, opened, filled and
closed before the next opens; `message_delta` with the reason and the usage; `message_stop`. Consulted pages
travel as `search_sources`, which the official format does not have.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final, assert_never

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
from grokdesk.core.prompt_size import glanced
from grokdesk.dialects import search_sources, sse
from grokdesk.dialects.anthropic import errors
from grokdesk.dialects.anthropic.ids import tool_use_id
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.blocks import Block, Blocks, Change, Closed, Kind
from grokdesk.dialects.json_text import json_string, sound

_PREFIX: Final = "msg_"
_REASONS: Final = {
    Stop.DONE: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.STOP_SEQUENCE: "stop_sequence",
    Stop.CALLS: "tool_use",
    Stop.REFUSED: "refusal",
}
_PIECES: Final = {
    Kind.THINKING: (b"thinking_delta", b"thinking"),
    Kind.TEXT: (b"text_delta", b"text"),
    Kind.CALL: (b"input_json_delta", b"partial_json"),
}
# What only Anthropic's own servers could tell; the published format has these members always.
_NO_SUCH_USAGE: Final = dict.fromkeys(("cache_creation", "inference_geo", "server_tool_use", "service_tier"))
_AFTER_PIECE: Final = b"}}\n\n"
_STOP: Final = sse.frame(b'{"type":"message_stop"}', "message_stop")


class MessageEncoder:
    """Writes the frames of one answer.

    Everything but the text of a piece is the same in every delta of a block, so it is composed when the block
    opens: a piece costs one JSON string and one concatenation.
    """

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self._asked = asked
        self._stamp = stamp
        self._blocks = Blocks()
        self._before_piece = b""
        self._sources: list[Source] = []

    def feed(self, event: Event, choice: int = 0) -> bytes:
        """Return the frames for the next event of the one answer; none for what the end will carry."""
        changes = self._blocks.feed(event)
        if isinstance(event, (TextPiece, ThoughtPiece)):
            frames = self._changed(changes) if changes else b""
            return frames + self._before_piece + json_string(event.text) + _AFTER_PIECE
        frames = self._changed(changes)
        match event:
            case Called(call):
                # Nothing follows in this block, so the client need not wait to use it.
                arguments = self._before_piece + json_string(_arguments(call)) + _AFTER_PIECE
                return frames + arguments + self._changed(self._blocks.close())
            case Cited():
                assert self._blocks.open is not None
                return frames + _cited(self._blocks.open, event)
            case Sourced(source):
                self._sources.append(source)
                return b""
            case Started():
                return _frame({"type": "message_start", "message": self._begun()})
            case Finished():
                return frames + self._finish(event)
            case MediaEvent():  # shaped into text before
                return frames
        assert_never(event)

    def end(self) -> bytes:
        """Return the end of the stream."""
        return _STOP

    def fail(self, error: GrokDeskError) -> bytes:
        """Return the frame for which official clients raise `APIStatusError`. No `message_stop` follows."""
        return sse.frame(errors.envelope(error, request_id(self._stamp)), "error")

    def _begun(self) -> dict[str, object]:
        # The exact count comes with the end; clients show this one while the answer is written.
        usage = Usage(glanced(self._asked.request))
        return _message(self._asked, self._stamp, [], _ending(None), usage)

    def _changed(self, changes: Iterable[Change]) -> bytes:
        return b"".join(
            _closed(change.block) if isinstance(change, Closed) else self._opened(change.block)
            for change in changes
        )

    def _opened(self, block: Block) -> bytes:
        self._before_piece = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
            b'"delta":{"type":"%b","%b":' % (block.index, *_PIECES[block.kind])
        )
        return _frame({"type": "content_block_start", "index": block.index, "content_block": _empty(block)})

    def _finish(self, event: Finished) -> bytes:
        frames = b""
        if event.refusal or not self._blocks.count:
            # An answer has at least one block, and a refusal is something to read.
            frames = self.feed(TextPiece(event.refusal)) + self._changed(self._blocks.close())
        delta = _ending(event)
        if self._sources:
            delta["search_sources"] = search_sources.told(self._sources)
        return frames + _frame({"type": "message_delta", "delta": delta, "usage": _usage(event.usage)})


def render(asked: Asked, stamp: Stamp, transcript: Transcript) -> bytes:
    """Return the message that a folded run is."""
    finished = transcript.finished or Finished()
    message = _message(asked, stamp, _content(transcript, finished), _ending(finished), finished.usage)
    if transcript.sources:
        message["search_sources"] = search_sources.told(transcript.sources)
    return orjson.dumps(message)


def request_id(stamp: Stamp) -> str:
    """Return what headers and the log call the request (`Exchange.request_id`)."""
    return f"req_{stamp.id}"


# --- the message --------------------------------------------------------------------------------------------


def _message(
    asked: Asked, stamp: Stamp, content: list[dict[str, object]], ending: dict[str, object], usage: Usage
) -> dict[str, object]:
    return {
        "id": _PREFIX + stamp.id,
        "type": "message",
        "role": "assistant",
        "model": asked.request.model,
        "content": content,
        **ending,
        "container": None,
        "usage": {**_usage(usage), **_NO_SUCH_USAGE},
    }


def _content(transcript: Transcript, finished: Finished) -> list[dict[str, object]]:
    content: list[dict[str, object]] = []
    thinking = sound(transcript.thinking)
    if thinking:
        content.append({"type": "thinking", "thinking": thinking, "signature": _seal(thinking)})
    text = sound(transcript.text or finished.refusal)
    if text or transcript.citations or not (content or transcript.calls):
        citations = [_citation(cited) for cited in transcript.citations] or None
        content.append({"type": "text", "text": text, "citations": citations})
    content.extend(_call(call, orjson.Fragment(_arguments(call))) for call in transcript.calls)
    return content


def _ending(finished: Finished | None) -> dict[str, object]:
    """Why the answer ended; all members are there, also while it has not."""
    details = None
    if finished is not None and finished.stop is Stop.REFUSED:
        details = {"type": "refusal", "category": None, "explanation": sound(finished.refusal) or None}
    return {
        "stop_reason": _REASONS[finished.stop] if finished else None,
        "stop_sequence": (sound(finished.stop_sequence) or None) if finished else None,
        "stop_details": details,
    }


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.prompt_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"thinking_tokens": usage.thinking_tokens},
    }


def _citation(cited: Cited) -> dict[str, object]:
    """A citation.

    What the page says is not known. Which characters of the answer rest on it is, and goes where clients keep
    what they send back unread.
    """
    return {
        "type": "web_search_result_location",
        "url": sound(cited.url),
        "title": sound(cited.title),
        "cited_text": "",
        "encrypted_index": f"{cited.start}:{cited.end}",
    }


def _call(call: ToolCall, arguments: object) -> dict[str, object]:
    return {
        "type": "tool_use",
        "id": sound(tool_use_id(call.id)),
        "name": sound(call.name),
        "input": arguments,
        "caller": {"type": "direct"},
    }


def _arguments(call: ToolCall) -> str:
    """The arguments as the text of a JSON object, which is all that clients can read."""
    written = sound(call.arguments)
    try:
        value = orjson.loads(written or "{}")
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict):
        return written or "{}"
    return orjson.dumps({"input": written}).decode()


def _seal(thinking: str) -> str:
    """The signature without which clients do not send thinking back: a digest, opaque to everybody."""
    digest = hashlib.blake2b(thinking.encode(), digest_size=24, person=b"grokdesk")
    return base64.b64encode(digest.digest()).decode()


# --- frames of blocks ---------------------------------------------------------------------------------------


def _empty(block: Block) -> dict[str, object]:
    """A block as it is announced."""
    match block.kind:
        case Kind.THINKING:
            return {"type": "thinking", "thinking": "", "signature": ""}
        case Kind.TEXT:
            return {"type": "text", "text": ""}
        case Kind.CALL:
            assert block.call is not None
            return _call(block.call, {})
    assert_never(block.kind)


def _cited(block: Block, cited: Cited) -> bytes:
    return _delta(block, {"type": "citations_delta", "citation": _citation(cited)})


def _closed(block: Block) -> bytes:
    stop = _frame({"type": "content_block_stop", "index": block.index})
    if block.kind is not Kind.THINKING:
        return stop
    return _delta(block, {"type": "signature_delta", "signature": _seal(sound(block.text))}) + stop


def _delta(block: Block, delta: dict[str, object]) -> bytes:
    return _frame({"type": "content_block_delta", "index": block.index, "delta": delta})


def _frame(event: dict[str, object]) -> bytes:
    return sse.frame(orjson.dumps(event), str(event["type"]))
