"""Events → the frames of a response stream, and the Response object they add up to.

A stream is: `response.created` and `response.in_progress` (with `response.queued` between them in the
background), for each item its `output_item.added`, its parts and pieces and its `output_item.done`, and one
last frame with the whole response. Frames are numbered from 0. There is no `[DONE]`.

An answer that is not streamed is the object in the last frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from grokdesk.core import errors
from grokdesk.core.conversation import ToolCall
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import (
    Called,
    Cited,
    Event,
    Finished,
    Source,
    Sourced,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
)
from grokdesk.dialects import failures, openai_answers, openai_errors, search_sources, sse
from grokdesk.dialects.blocks import Block, Blocks, Closed, Kind, Opened
from grokdesk.dialects.json_text import json_string, sound
from grokdesk.dialects.openai_responses import items, resource, wrong
from grokdesk.dialects.openai_responses.items import Item
from grokdesk.dialects.openai_responses.resource import Resource

_COMPLETED: Final = "completed"
_INCOMPLETE: Final = "incomplete"
_FAILED: Final = "failed"
_AFTER_TEXT: Final = b',"logprobs":[],"sequence_number":'
_AFTER_THOUGHT: Final = b',"sequence_number":'
_ENDED: Final = b"\n\n"
_DATA: Final = b"data: "

# What the object says of a failure; its codes are few and not those of the envelope.
_CODES: Final[Mapping[type[GrokDeskError], str]] = {
    errors.RateLimited: "rate_limit_exceeded",
    errors.NoAccount: "rate_limit_exceeded",
    errors.Refused: "invalid_prompt",
    errors.InvalidRequest: "invalid_prompt",
    GrokDeskError: "server_error",
}


class ResponsesEncoder:
    """Writes one response. `blank` is the object as it is before anything was said (see `resource`).

    `ended` is called with this encoder once the response is what it will stay, before its last frame is
    handed out; `now` tells the Unix time of that. `events` are those it was fed.

    Everything but the text and the number of a piece is the same while an item grows, so it is composed once.
    """

    def __init__(
        self,
        blank: Resource,
        *,
        now: Callable[[], float] | None = None,
        ended: Callable[[ResponsesEncoder], None] | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.is_over = False
        self._resource = blank
        self._owner = str(blank["id"]).removeprefix(items.RESPONSE)
        self._custom = resource.custom_tools(blank)
        self._wants_sources = resource.wants_sources(blank)
        self._now = now or (lambda: float(blank["created_at"]))
        self._tell_ended = ended
        self._number = 0
        self._is_created = False
        self._blocks = Blocks()
        # How many of `events` are in the blocks; the rest continues the open one.
        self._taken = 0
        self._output: list[Item] = []
        self._open: Item = {}
        self._sources: list[Source] = []
        self._sources_told = 0
        # What may follow without opening or closing anything, and what stands around its text.
        self._continues: type[Event] | None = None
        self._head = b""
        self._tail = b""

    def feed(self, event: Event, choice: int = 0) -> bytes:
        """Return the frames for the next event; there is only one answer."""
        self.events.append(event)
        if type(event) is self._continues:
            number = self._number
            self._number = number + 1
            # Only pieces continue anything.
            return b"%b%b%b%d}\n\n" % (self._head, json_string(event.text), self._tail, number)  # type: ignore[union-attr]
        return b"".join(self._written(event))

    def end(self) -> bytes:
        """Return nothing: the frame for `Finished` was the last."""
        return b""

    def fail(self, error: GrokDeskError) -> bytes:
        """Return the failed response, and the frame for which official clients raise `APIError`."""
        return self.failed(error) + self._frame("error", **_told(error))

    # -- beyond the protocol

    @property
    def response(self) -> Resource:
        """The object as it stands, with the items that are complete."""
        return self._resource if self.is_over else {**self._resource, "output": list(self._output)}

    def queue(self) -> bytes:
        """Return the first frames of a response that waits for its turn."""
        self._resource = {**self._resource, "status": "queued"}
        self._is_created = True
        return self._snapshot("response.created") + self._snapshot("response.queued")

    def failed(self, error: GrokDeskError) -> bytes:
        """Return the last frame of a response that cannot be completed."""
        told = {"code": failures.row(_CODES, error), "message": failures.sentence(error)}
        return self.break_off(_FAILED, told)

    def cancelled(self) -> bytes:
        """Return the last frame of a response that its client ended."""
        return self.break_off("cancelled", None)

    def break_off(self, status: str, error: Mapping[str, object] | None) -> bytes:
        """Return the last frame of a response that ends in the middle."""
        frames = b"" if self._is_created else b"".join(self._begin())
        self._catch_up(len(self.events))
        for change in self._blocks.close():
            self._output.append(self._filled(change.block, _INCOMPLETE))
        self._end(status, error=error)
        return frames + self._snapshot("response.failed")

    # -- events

    def _written(self, event: Event) -> Iterator[bytes]:
        self._catch_up(len(self.events) - 1)
        if isinstance(event, Started):
            yield from self._begin()
            return
        if isinstance(event, Finished):
            yield from self._finish(event)
            return
        for change in self._blocks.feed(event):
            yield from self._change(change)
        match event:
            case TextPiece(text) | ThoughtPiece(text):
                yield b"%b%b%b%d}\n\n" % (self._head, json_string(text), self._tail, self._next())
            case Cited():
                yield self._annotation(event)
            case Sourced(source):
                self._sources.append(source)
            case Called(call):
                yield from self._call(call)

    def _catch_up(self, until: int) -> None:
        """Put the pieces since the last look, up to event number `until`, into the open block, as one."""
        pieces = self.events[self._taken : until]
        self._taken = len(self.events)
        if pieces:
            text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece | ThoughtPiece))
            self._blocks.feed(TextPiece(text) if isinstance(pieces[0], TextPiece) else ThoughtPiece(text))

    def _begin(self) -> Iterator[bytes]:
        self._resource = {**self._resource, "status": "in_progress"}
        if not self._is_created:
            self._is_created = True
            yield self._snapshot("response.created")
        yield self._snapshot("response.in_progress")

    def _finish(self, event: Finished) -> Iterator[bytes]:
        is_cut = event.stop is Stop.LENGTH
        for change in self._blocks.feed(event):
            yield from self._change(change, _INCOMPLETE if is_cut else _COMPLETED)
        yield from self._search()
        if event.stop is Stop.REFUSED:
            yield from self._refusal(openai_answers.refusal(event))
        status = _INCOMPLETE if is_cut else _COMPLETED
        self._end(
            status,
            completed_at=None if is_cut else int(self._now()),
            incomplete_details={"reason": "max_output_tokens"} if is_cut else None,
            usage=resource.usage(event),
        )
        yield self._snapshot(f"response.{status}")

    def _end(self, status: str, **members: object) -> None:
        self._continues = None
        self.is_over = True
        self._resource = {**self._resource, "status": status, "output": self._output, **members}
        if self._sources:
            self._resource["search_sources"] = search_sources.told(self._sources)
        if self._tell_ended is not None:
            self._tell_ended(self)

    # -- items

    def _change(self, change: Opened | Closed, status: str = _COMPLETED) -> Iterator[bytes]:
        match change:
            case Opened(block):
                yield from self._search()
                yield from self._opened(block)
            case Closed(block):
                yield from self._closed(block, status)

    def _opened(self, block: Block) -> Iterator[bytes]:
        match block.kind:
            case Kind.THINKING:
                self._open = {"id": self._id(items.REASONING), "type": "reasoning", "summary": []}
                yield self._added()
                yield self._inside(
                    "response.reasoning_summary_part.added", summary_index=0, part=_summary("")
                )
                self._grows(
                    ThoughtPiece, "response.reasoning_summary_text.delta", "summary_index", _AFTER_THOUGHT
                )
            case Kind.TEXT:
                self._open = self._message([], "in_progress")
                yield self._added()
                yield self._inside("response.content_part.added", content_index=0, part=_text("", []))
                self._grows(TextPiece, "response.output_text.delta", "content_index", _AFTER_TEXT)
            case Kind.CALL:
                self._continues = None

    def _closed(self, block: Block, status: str) -> Iterator[bytes]:
        self._continues = None
        text = sound(block.text)
        self._open = self._filled(block, status)
        if block.kind is Kind.THINKING:
            part = _summary(text)
            yield self._inside("response.reasoning_summary_text.done", summary_index=0, text=text)
            yield self._inside("response.reasoning_summary_part.done", summary_index=0, part=part)
        else:
            (part,) = self._open["content"]
            yield self._inside("response.output_text.done", content_index=0, text=text, logprobs=[])
            yield self._inside("response.content_part.done", content_index=0, part=part)
        yield self._done()

    def _filled(self, block: Block, status: str) -> Item:
        """The open item with all that is in its block."""
        text = sound(block.text)
        if block.kind is Kind.THINKING:
            return {**self._open, "summary": [_summary(text)]}
        citations = [_citation(cited, block.begins) for cited in block.citations]
        return {**self._open, "status": status, "content": [_text(text, citations)]}

    def _call(self, call: ToolCall) -> Iterator[bytes]:
        """A call is an item that opens and closes at once."""
        self._blocks.close()
        is_custom = call.name in self._custom
        prefix, kind, name, event = (
            (items.CUSTOM_CALL, "custom_tool_call", "input", "response.custom_tool_call_input")
            if is_custom
            else (items.CALL, "function_call", "arguments", "response.function_call_arguments")
        )
        text = sound(call.arguments)
        self._open = {
            "id": self._id(prefix),
            "type": kind,
            "status": "in_progress",
            "call_id": openai_answers.call_id(call),
            "name": sound(call.name),
            name: "",
        }
        yield self._added()
        if text:
            yield self._inside(f"{event}.delta", delta=text)
        yield self._inside(f"{event}.done", **{name: text})
        self._open = {**self._open, "status": _COMPLETED, name: text}
        yield self._done()

    def _search(self) -> Iterator[bytes]:
        """What was consulted since the last item, as one search, for clients that know of searches."""
        fresh = self._sources[self._sources_told :]
        self._sources_told = len(self._sources)
        if not fresh or not self._wants_sources:
            return
        action = {"type": "search", "query": "", "queries": []}
        self._open = {
            "id": self._id(items.SEARCH),
            "type": "web_search_call",
            "status": "in_progress",
            "action": {**action, "sources": []},
        }
        yield self._added()
        for step in ("in_progress", "searching", "completed"):
            yield self._inside(f"response.web_search_call.{step}")
        sources = [{"type": "url", "url": source.url} for source in fresh]
        self._open = {**self._open, "status": _COMPLETED, "action": {**action, "sources": sources}}
        yield self._done()

    def _refusal(self, refusal: str) -> Iterator[bytes]:
        self._open = self._message([], "in_progress")
        part = {"type": "refusal", "refusal": refusal}
        yield self._added()
        yield self._inside("response.content_part.added", content_index=0, part={**part, "refusal": ""})
        yield self._inside("response.refusal.delta", content_index=0, delta=refusal)
        yield self._inside("response.refusal.done", content_index=0, refusal=refusal)
        yield self._inside("response.content_part.done", content_index=0, part=part)
        self._open = {**self._open, "status": _COMPLETED, "content": [part]}
        yield self._done()

    def _annotation(self, cited: Cited) -> bytes:
        block = self._blocks.open
        assert block is not None, "a citation opens a block where there is none"
        return self._inside(
            "response.output_text.annotation.added",
            content_index=0,
            annotation_index=len(block.citations) - 1,
            annotation=_citation(cited, block.begins),
        )

    def _message(self, content: list[Item], status: str) -> Item:
        return {
            "id": self._id(items.MESSAGE),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    # -- frames

    def _grows(self, piece: type[Event], name: str, index: str, tail: bytes) -> None:
        self._continues = piece
        self._tail = tail
        head = {"type": name, "item_id": self._open["id"], "output_index": len(self._output), index: 0}
        self._head = b"event: %b\ndata: %b" % (name.encode(), orjson.dumps(head)[:-1]) + b',"delta":'

    def _id(self, prefix: str) -> str:
        return items.item_id(prefix, self._owner, len(self._output))

    def _added(self) -> bytes:
        return self._frame("response.output_item.added", output_index=len(self._output), item=self._open)

    def _done(self) -> bytes:
        frame = self._frame("response.output_item.done", output_index=len(self._output), item=self._open)
        self._output.append(self._open)
        return frame

    def _inside(self, name: str, **members: object) -> bytes:
        """A frame about the open item."""
        return self._frame(name, item_id=self._open["id"], output_index=len(self._output), **members)

    def _snapshot(self, name: str) -> bytes:
        return self._frame(name, response=self._resource)

    def _frame(self, name: str, **members: object) -> bytes:
        data = {"type": name, **members, "sequence_number": self._next()}
        return sse.frame(orjson.dumps(data), name)

    def _next(self) -> int:
        number = self._number
        self._number = number + 1
        return number


def told(transcript: Transcript) -> Iterator[Event]:
    """Return a folded run as events again: what was thought, consulted, said, cited and called."""
    if transcript.started is not None:
        yield transcript.started
    if transcript.thinking:
        yield ThoughtPiece(transcript.thinking)
    yield from (Sourced(source) for source in transcript.sources)
    if transcript.text:
        yield TextPiece(transcript.text)
    yield from transcript.citations
    yield from (Called(call) for call in transcript.calls)
    yield transcript.finished or Finished()


def whole(encoder: ResponsesEncoder, events: Iterable[Event]) -> bytes:
    """Return the object that `events` add up to."""
    for event in events:
        encoder.feed(event)
    return orjson.dumps(encoder.response)


def frames_of(written: bytes) -> list[bytes]:
    """Return the frames that were written in one go, one by one."""
    return [frame + _ENDED for frame in written.split(_ENDED) if frame]


def payloads_of(written: bytes) -> list[bytes]:
    """Return the JSON of each frame."""
    return [frame.partition(_DATA)[2] for frame in written.split(_ENDED) if frame]


def socket_error(error: GrokDeskError, stream_id: str = "") -> bytes:
    """Return the message that tells of `error` in a WebSocket."""
    told = {"type": "error", "status": openai_errors.wording(error).status, "error": wrong.envelope(error)}
    return orjson.dumps({**told, "stream_id": stream_id} if stream_id else told)


def steer_refused(steer: Mapping[str, Any]) -> bytes:
    """Return the message for a client that wants to change the course of an answer."""
    return orjson.dumps(
        {
            "type": "response.steer.failed",
            "sequence_number": 0,
            "error": {
                "type": "invalid_request_error",
                "code": "steering_not_supported",
                "message": "An answer cannot be steered; wait for its end and continue from it.",
            },
            "steer": {name: steer.get(name) for name in ("input", "previous_response_id")},
        }
    )


def _told(error: GrokDeskError) -> dict[str, Any]:
    """The members of an error frame: flat as the reference has them, and together, so that clients raise."""
    envelope = wrong.envelope(error)
    return {
        "code": envelope["code"],
        "message": envelope["message"],
        "param": envelope["param"],
        "error": envelope,
    }


def _text(text: str, annotations: list[dict[str, object]]) -> Item:
    return {"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}


def _summary(text: str) -> Item:
    return {"type": "summary_text", "text": text}


def _citation(cited: Cited, begins: int) -> dict[str, object]:
    return {
        "type": "url_citation",
        "url": sound(cited.url),
        "title": sound(cited.title),
        "start_index": cited.start - begins,
        "end_index": cited.end - begins,
    }
