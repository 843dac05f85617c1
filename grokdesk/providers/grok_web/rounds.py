"""Tools and JSON for an upstream that has neither: what is asked, how it is read, and asking once more.

A first answer that breaks the request's rules (no call where one is required, arguments that do not fit a
strict tool, not the JSON that was asked for) is asked for once more, on the same account. A second one is
told as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Self

import orjson

from grokdesk.core.conversation import ChatRequest, Message, Part, Role, Text, ToolCall
from grokdesk.core.errors import EmptyAnswer
from grokdesk.core.events import (
    Batch,
    Called,
    Cited,
    Event,
    Finished,
    MediaEvent,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
)
from grokdesk.core.tools import Must, ToolKind
from grokdesk.providers.grok_web.protocol import payload
from grokdesk.providers.grok_web.protocol.uploads import File
from grokdesk.providers.grok_web.threads import Thread
from grokdesk.providers.text_tools.arguments import accepted
from grokdesk.providers.text_tools.prompt import (
    json_block,
    json_repair_message,
    must_call_reminder,
    tool_block,
)
from grokdesk.providers.text_tools.schema import Misfit
from grokdesk.providers.text_tools.sieve import Sieve
from grokdesk.providers.text_tools.structured import conform

_ROUNDS: Final = 2
_NO_CALL: Final = "\n\n(A tool call was required, but the model answered with text instead, twice.)"
_REFUSAL: Final = "The model did not give the JSON that was asked for, also when asked again."


@dataclass(frozen=True, slots=True)
class Asking:
    """What one upstream turn asks: the conversation, the block in front of it, and the files beside it.

    With a `thread`, `messages` and `files` are only what is new in that conversation. `literal` is asked
    instead of the messages, word for word.
    """

    messages: tuple[Message, ...]
    block: str = ""
    files: tuple[File, ...] = ()
    thread: Thread | None = None
    literal: str = ""

    def text(self, instruction: str = "") -> str:
        """Everything as one text. Raises `InvalidRequest` when there is nothing to ask."""
        if self.literal:
            return self.literal
        return payload.flatten(self.messages, instruction, self.block, has_files=bool(self.files))

    def again(self, answer: str, objection: str, thread: Thread | None = None) -> Asking:
        """The same once more, with what came and what is wrong about it.

        A turn that continued a conversation knows only what was new; it goes on in it, at `thread`.
        """
        objected = Message(Role.USER, (Text(objection),))
        if thread is not None:
            return Asking((objected,), self.block, thread=thread)
        return replace(self, messages=(*self.messages, Message(Role.ASSISTANT, (Text(answer),)), objected))


def needs_rounds(request: ChatRequest) -> bool:
    """Whether the answer has to be read for calls or JSON."""
    return bool(request.tools and request.tool_choice.must is not Must.NOT) or request.answer.json


def block_for(request: ChatRequest) -> str:
    """The instruction in front of the conversation; empty for a plain request."""
    blocks = [tool_block(request.tools, request.tool_choice)] if request.tools else []
    if request.answer.json:
        blocks.append(json_block(request.answer.schema or None))
    return "\n\n".join(block for block in blocks if block)


def messages_for(request: ChatRequest) -> tuple[Message, ...]:
    """The conversation with past calls of free-text tools in the form the model knows them."""
    custom = {tool.name for tool in request.tools if tool.kind is ToolKind.CUSTOM}
    if not custom:
        return request.messages

    def known(part: Part) -> Part:
        if isinstance(part, ToolCall) and part.name in custom:
            return replace(part, arguments=orjson.dumps({"input": part.arguments}).decode())
        return part

    return tuple(replace(one, parts=tuple(known(part) for part in one.parts)) for one in request.messages)


class Rounds:
    """The events of a request with tools or a JSON answer, asked up to twice."""

    def __init__(
        self,
        request: ChatRequest,
        asking: Asking,
        ask: Callable[[Asking], Awaitable[AsyncIterator[Batch]]],
        events: AsyncIterator[Batch],
        thread: Callable[[], Thread | None] = lambda: None,
    ) -> None:
        self._thread = thread
        self._request = request
        self._asking = asking
        self._ask = ask
        self._events = events
        self._round = _Round(request, is_last=False)
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            out: list[Event] = []
            for event in await self._next():
                out += self._round.feed(event)
            if self._round.objection:
                thread = self._thread() if self._asking.thread is not None else None
                asking = self._asking.again(self._round.said, self._round.objection, thread)
                self._events = await self._ask(asking)
                self._round = _Round(self._request, is_last=True)
            elif out and isinstance(out[-1], Finished):
                self._over = True
            if out:
                return out
        raise StopAsyncIteration

    async def _next(self) -> Batch:
        try:
            return await anext(self._events)
        except EmptyAnswer:
            # An answer that only thinks is empty, unless it thought its call aloud.
            if not self._round.thought_of_calls:
                raise
            return (Finished(),)


class _Round:
    """One answer being read. `objection` is what to say when it is asked for again, `said` what it was."""

    def __init__(self, request: ChatRequest, *, is_last: bool) -> None:
        choice = request.tool_choice
        self._request = request
        self._is_last = is_last
        self._must_call = bool(request.tools) and choice.must is Must.CALL
        # Where text may have to be taken back, it is not given out before the end.
        self._holds = self._must_call or request.answer.json
        self._answer = Sieve(request.tools, choice, _new_id)
        self._thinking = Sieve(request.tools, choice, _new_id)
        self._thought_calls: list[ToolCall] = []
        self._misfits: list[str] = []
        self._held: list[str] = []
        self._shown: list[Event] = []
        self._whole: list[str] = []
        self._called = False
        self.objection = ""

    @property
    def said(self) -> str:
        """The answer as the model wrote it."""
        return "".join(self._whole).strip() or "(nothing)"

    @property
    def thought_of_calls(self) -> bool:
        """Whether there was a call in the thinking."""
        return bool(self._thought_calls)

    def feed(self, event: Event) -> list[Event]:
        match event:
            case TextPiece(text):
                self._whole.append(text)
                return self._read(self._answer.feed(text))
            case ThoughtPiece(text):
                return self._think(self._thinking.feed(text))
            case Cited() if self._holds:
                return []
            case MediaEvent() if self._holds:
                self._shown.append(event)
                return []
            case Started():
                return []
            case Finished():
                return self._finish(event)
            case _:
                return [event]

    def _read(self, pieces: Iterable[str | ToolCall]) -> list[Event]:
        out: list[Event] = []
        for piece in pieces:
            if isinstance(piece, ToolCall):
                out += self._call(piece)
            elif self._holds and not self._called:
                self._held.append(piece)
            else:
                out.append(TextPiece(piece))
        return out

    def _think(self, pieces: Iterable[str | ToolCall]) -> list[Event]:
        out: list[Event] = []
        for piece in pieces:
            if isinstance(piece, ToolCall):
                self._thought_calls.append(piece)
            else:
                out.append(ThoughtPiece(piece))
        return out

    def _call(self, call: ToolCall) -> list[Event]:
        fits = accepted(call, self._request.tools)
        if isinstance(fits, Misfit):
            self._misfits.append(f"The arguments of your call of {call.name} do not fit: {fits.problem}")
            if not self._is_last:
                return []
            fits = replace(call, arguments=fits.best)
        self._called = True
        before: list[Event] = [TextPiece("".join(self._held))] if "".join(self._held).strip() else []
        self._held.clear()
        return [*before, Called(self._as_declared(fits))]

    def _as_declared(self, call: ToolCall) -> ToolCall:
        """For a free-text tool the arguments are the text itself."""
        kinds = {tool.name: tool.kind for tool in self._request.tools}
        if kinds.get(call.name) is not ToolKind.CUSTOM:
            return call
        value = orjson.loads(call.arguments).get("input", "")
        return replace(call, arguments=value if isinstance(value, str) else orjson.dumps(value).decode())

    def _finish(self, finished: Finished) -> list[Event]:
        out = [*self._think(self._thinking.end()), *self._read(self._answer.end())]
        if not self._called and not self._misfits and not "".join(self._whole).strip():
            for call in self._thought_calls:
                out += self._call(call)
        if self._called:
            return [*out, *self._shown, replace(finished, stop=Stop.CALLS)]
        if self._misfits and not self._is_last:
            self.objection = "\n".join((*self._misfits, "Call again with arguments that fit."))
            return out
        text = "".join(self._held)
        if self._must_call and not self._request.answer.json:
            if not self._is_last:
                self.objection = must_call_reminder(self._request.tool_choice)
                return out
            return [*out, TextPiece((text + _NO_CALL).strip()), *self._shown, finished]
        if self._request.answer.json:
            return [*out, *self._structured(text, finished)]
        return [*out, finished]

    def _structured(self, text: str, finished: Finished) -> list[Event]:
        # A picture beside it would not be JSON.
        found = conform(text, self._request.answer.schema or None)
        if not isinstance(found, Misfit):
            return [TextPiece(found.json_text), finished]
        if not self._is_last:
            self.objection = json_repair_message(found.problem)
            return []
        return [replace(finished, stop=Stop.REFUSED, refusal=f"{_REFUSAL} {found.problem}".strip())]


def _new_id() -> str:
    return f"call_{uuid.uuid4().hex}"
