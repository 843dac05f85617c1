"""The current form of a chat answer: events of the message gateway (protocol/grok-web-chat.md §9)."""

from __future__ import annotations

from typing import Final

from grokdesk.core.errors import Garbled, Unreachable, UpstreamError
from grokdesk.core.events import Event
from grokdesk.providers.grok_web.protocol.answer import ASSETS_URL, Answer
from grokdesk.providers.grok_web.protocol.failures import broke_off, stream_failure
from grokdesk.providers.grok_web.protocol.frames import Frames
from grokdesk.providers.grok_web.protocol.loose import Json, items, member, text

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024

_COMPLETED: Final = "completed"
_THINKING_CHANNELS: Final = ("REASONING", "ANALYSIS", "THINKING")
_LINE_CHANNELS: Final = ("NOTETAKER_HEADER", "NOTETAKER_SUMMARY")
_TEXT_CHUNK: Final = frozenset({"text", "metadata"})
_ANSWER_CHANNELS: Final = {"", "CHANNEL_ASSISTANT_RESPONSE"}


class GatewayDecoder:
    """One turn on the gateway WebSocket, without the socket.

    After sending `session.create` with `event_init_id`, feed it every text message. When it is `ready`, send
    the item and `response.create` to `session_id`; go on until it is `done` or the socket closes, then call
    `end`. Afterwards `conversation_id` and `response_id` (the parent of the next turn) tell where to
    continue.

    `conversation_id` is given when an existing conversation is continued; another one being attached is then
    a failure.
    """

    __slots__ = (
        "_answer",
        "_attached",
        "_created",
        "_delivery",
        "_event_init_id",
        "_expected",
        "_failure",
        "_frames",
        "_response_error",
        "_terminal",
        "response_id",
        "session_id",
    )

    def __init__(
        self,
        *,
        event_init_id: str,
        conversation_id: str = "",
        assets_url: str = ASSETS_URL,
        drawing: bool = False,
    ) -> None:
        self._answer = Answer(assets_url, drawing=drawing)
        self._frames = Frames(MAX_MESSAGE_BYTES)
        self._event_init_id = event_init_id
        self._expected = conversation_id
        self._created = False
        self._attached = ""
        self._delivery = ""
        self._failure: UpstreamError | None = None
        self._response_error: object = None
        self._terminal = False
        self.session_id = ""
        self.response_id = ""

    @property
    def ready(self) -> bool:
        """Whether both acknowledgements have come, so that the item and `response.create` may be sent."""
        return self._created and bool(self._attached)

    @property
    def conversation_id(self) -> str:
        """The conversation that is attached, or an empty text before that."""
        return self._attached

    @property
    def done(self) -> bool:
        """Whether the turn is over: no more messages are wanted."""
        return self._terminal or self._failure is not None

    def feed(self, message: bytes) -> list[Event]:
        """Decode one text message, which may hold several objects one behind the other.

        Raises `UpstreamError` for a failure (§9.6, §15.2). One that comes behind events of the same message
        is raised by the next call.
        """
        if self._failure is not None:
            raise self._failure
        out: list[Event] = []
        try:
            for frame in self._frames.feed(message):
                if not self._terminal:
                    self._event(text(frame, "session_id"), member(frame, "event"), out)
            self._frames.cut()
        except UpstreamError as failure:
            self._failure = failure
            if not out:
                raise
        return out

    def end(self) -> list[Event]:
        """The socket has closed, or is no longer wanted. Returns the last events.

        Raises `Unreachable` when it closed before the turn was over, `EmptyAnswer` when nothing was said.
        """
        if self._failure is not None:
            raise self._failure
        if not self._terminal:
            self._frames.end()
            raise Unreachable(
                "The connection to Grok broke before the answer was complete.",
                hint="Try again.",
                detail=f"the gateway closed without a last event; ready={self.ready}",
            )
        out: list[Event] = []
        self._answer.finish(out)
        return out

    # --- events ---

    def _event(self, session_id: str, event: Json, out: list[Event]) -> None:
        kind = text(event, "type")
        match kind:
            case "session.created":
                self._on_created(session_id, event)
            case "conversation.attached":
                self._on_attached(event)
            case "error":
                raise stream_failure(event.get("error") or event)
            case "session.ended":
                raise broke_off("the session ended before the answer")
            case _ if self.ready:
                self._on_response(kind, event, out)
            case _:
                # Nothing was asked yet, so it is not about our question.
                pass

    def _on_created(self, session_id: str, event: Json) -> None:
        ours = text(event, "client_event_id") in {"", self._event_init_id}
        if ours and not self._created:
            self._created = True
            self.session_id = session_id
            self._check_attached()

    def _on_attached(self, event: Json) -> None:
        attached = text(member(event, "conversation"), "id")
        if not attached or (self._expected and attached != self._expected):
            raise self._wrong(attached)
        self._attached = attached
        self._check_attached()

    def _check_attached(self) -> None:
        if self.ready and self._attached != self.session_id:
            raise self._wrong(self._attached)

    def _wrong(self, attached: str) -> Garbled:
        return Garbled(
            "Grok opened another conversation than the one that was asked for.",
            hint="Ask again.",
            detail=f"session={self.session_id} expected={self._expected} attached={attached}",
        )

    def _on_response(self, kind: str, event: Json, out: list[Event]) -> None:
        match kind:
            case "response.chunk":
                self._on_chunk(member(event, "chunk"), out)
            case "response.output_text.delta":
                self._text(text(event, "delta", "text"), kind, out)
            case "response.output_text.done":
                if not self._answer.has_text:
                    self._answer.text(text(event, "text", "delta"), out)
            case "response.search.result":
                self._answer.web_results([member(event, "result", "search_result")], out)
            case "response.grok.output":
                self._on_output(member(event, "output"), out)
            case "response.created":
                self.response_id = text(member(event, "response"), "id") or self.response_id
            case "response.error":
                self._response_error = event.get("error") or event.get("message")
            case "response.done":
                self._on_done(member(event, "response"))
            case _:
                pass

    def _on_output(self, output: Json, out: list[Event]) -> None:
        error = output.get("stream_error") or output.get("streamError")
        if error and isinstance(error, (dict, str)):
            raise stream_failure(error)
        card = output.get("card_attachment") or output.get("cardAttachment")
        self._answer.card(card, out)

    def _on_done(self, response: Json) -> None:
        self.response_id = text(response, "id") or self.response_id
        if text(response, "status") not in {"", _COMPLETED}:
            raise stream_failure(self._response_error or response)
        self._terminal = True

    # --- chunks ---

    def _on_chunk(self, chunk: Json, out: list[Event]) -> None:
        """One chunk, in the order of §9.5: a call, its result, then a citation or text."""
        if not _TEXT_CHUNK.issuperset(chunk):
            self._answer.agents(items(member(chunk, "ui_layout"), "rollout_ids"))
            call = member(chunk, "tool_usage_card")
            if call:
                self._answer.tool(call, "", "", _agent(chunk), out)
            found = member(chunk, "tool_result")
            self._answer.web_results(items(member(found, "web_search"), "webpages"), out)
            self._answer.posts(items(member(found, "x_post", "x_search"), "posts"), out)
            citation = member(chunk, "render_citation")
            if citation:
                self._answer.cite(text(citation, "url"), out, text(citation, "title"))
                return
        said = member(chunk, "text")
        self._on_text(text(said, "text"), text(said, "channel"), _agent(chunk), out)

    def _on_text(self, piece: str, channel: str, agent: str, out: list[Event]) -> None:
        if not piece:
            return
        channel = channel.strip().upper()
        if channel in _ANSWER_CHANNELS:
            self._text(piece, "response.chunk", out)
        elif any(name in channel for name in _LINE_CHANNELS):
            self._answer.thought_line(piece, agent, out)
        elif any(name in channel for name in _THINKING_CHANNELS):
            self._answer.thought(piece, agent, out)

    def _text(self, piece: str, delivery: str, out: list[Event]) -> None:
        """Text of the answer. It may come twice, as chunk and as delta; what comes first counts (§9.5)."""
        if piece:
            self._delivery = self._delivery or delivery
            if delivery == self._delivery:
                self._answer.text(piece, out)


def _agent(chunk: Json) -> str:
    return text(member(chunk, "metadata"), "rollout_id", "rolloutId")
