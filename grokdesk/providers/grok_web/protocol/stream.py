"""The older form of a chat answer: a long body of JSON frames (protocol/grok-web-chat.md §8)."""

from __future__ import annotations

from typing import Final

from grokdesk.core.errors import UpstreamError
from grokdesk.core.events import Event
from grokdesk.providers.grok_web.protocol.answer import ASSETS_URL, Answer
from grokdesk.providers.grok_web.protocol.failures import stream_failure
from grokdesk.providers.grok_web.protocol.frames import Frames
from grokdesk.providers.grok_web.protocol.loose import Json, items, member, text
from grokdesk.providers.grok_web.protocol.render import results_in

# A frame of `result.response` with nothing but these is a token.
_TOKEN_MEMBERS: Final = frozenset(
    {"token", "isThinking", "isSoftStop", "responseId", "messageTag", "messageStepId", "rolloutId"}
)
# A tuple, because a tag may be anything, also something that cannot be looked up in a set.
_TEXT_TAGS: Final = ("final", "")
_LINES: Final = {"header", "summary"}
_MACHINE_TAGS: Final = {"tool_usage_card", "raw_function_result", "function_call"}


class RestDecoder:
    """Decodes the body of `POST /rest/app-chat/conversations/new`.

    Feed it the body as it arrives until the body ends or it is `done`, then call `end`. `assets_url` is where
    relative addresses of images begin; a `drawing` was asked for to get these.
    """

    __slots__ = (
        "_answer",
        "_failure",
        "_final",
        "_frames",
        "_whole_seen",
        "complete",
        "conversation_id",
        "response_id",
    )

    def __init__(self, *, assets_url: str = ASSETS_URL, drawing: bool = False) -> None:
        self._answer = Answer(assets_url, drawing=drawing)
        self._frames = Frames()
        self._failure: UpstreamError | None = None
        self._final = False
        self._whole_seen = False
        # Soft stop seen: all text has come; sources and images may follow, and the body is about to end.
        self.complete = False
        self.conversation_id = ""
        self.response_id = ""

    @property
    def done(self) -> bool:
        """Whether no more bytes are wanted: the closing frame came, or a failure the next call raises."""
        return self._failure is not None or (self._final and (self._whole_seen or self._answer.has_text))

    def feed(self, data: bytes) -> list[Event]:
        """Decode the next piece of the body; it may end anywhere.

        Raises `UpstreamError` for an error in the stream (§15.2). One that comes behind events of the same
        piece is raised by the next call, so that nothing is lost.
        """
        if self._failure is not None:
            raise self._failure
        out: list[Event] = []
        try:
            for frame in self._frames.feed(data):
                self._frame(frame, out)
        except UpstreamError as failure:
            self._failure = failure
            if not out:
                raise
        return out

    def end(self) -> list[Event]:
        """The body has ended, or is no longer wanted. Returns the last events.

        Raises `Garbled` when it broke off or was not JSON, `EmptyAnswer` when nothing was said, `Refused`
        when the only thing made was withheld.
        """
        if self._failure is not None:
            raise self._failure
        if not (self.complete and self._frames.inside):
            self._frames.end()
        out: list[Event] = []
        self._answer.finish(out)
        return out

    def _frame(self, frame: Json, out: list[Event]) -> None:
        """One frame, in the order of §8.7 [cur]."""
        result = frame.get("result")
        if isinstance(result, dict):
            response = result.get("response")
            if isinstance(response, dict):
                # The path of nearly every frame: text, and nothing else to look at.
                token = response.get("token")
                if (
                    token
                    and type(token) is str
                    and len(frame) == 1
                    and not response.get("isThinking")
                    and not response.get("isSoftStop")
                    and response.get("messageTag", "") in _TEXT_TAGS
                    and _TOKEN_MEMBERS.issuperset(response)
                ):
                    self._answer.text(token, out)
                    return
                self._raise_for(frame, result, response)
                self._response(response, out)
            else:
                self._raise_for(frame, result)
            self.conversation_id = (
                text(member(result, "conversation"), "conversationId") or self.conversation_id
            )
        elif "code" in frame and "message" in frame:
            self._raise_for({"error": frame})
        else:
            self._raise_for(frame)

    def _raise_for(self, *places: Json) -> None:
        """Raise what an `error` in one of `places` means. After the closing frame the answer stands."""
        for place in places:
            error = place.get("error")
            if error and isinstance(error, (dict, str)) and not self._final:
                raise stream_failure(error)

    def _response(self, response: Json, out: list[Event]) -> None:
        answer = self._answer
        answer.agents(items(member(response, "uiLayout"), "rolloutIds"))
        if "cardAttachment" in response:
            answer.card(response["cardAttachment"], out)
        for card in items(response, "cardAttachments"):
            answer.card(card, out)
        answer.web_results(results_in(response.get("webSearchResults")), out)
        answer.posts(results_in(response.get("xSearchResults")), out)
        self._token(response, out)
        whole = response.get("modelResponse")
        if isinstance(whole, dict):
            self._whole(whole, out)
        answer.image(member(response, "streamingImageGenerationResponse"), out)
        if "userResponse" not in response:
            self.response_id = text(response, "responseId") or self.response_id
        if response.get("isSoftStop") is True:
            self.complete = True
        if response.get("finalMetadata") is not None:
            self.complete = self._final = True

    def _token(self, response: Json, out: list[Event]) -> None:
        token = text(response, "token")
        tag = text(response, "messageTag")
        agent = text(response, "rolloutId")
        card_id = text(response, "toolUsageCardId")
        card = member(response, "toolUsageCard")
        if card or tag == "tool_usage_card":
            self._answer.tool(card, token, card_id, agent, out)
        elif not token or tag in _MACHINE_TAGS:
            return
        elif response.get("isThinking") is True:
            if tag in _LINES:
                self._answer.thought_line(token, agent, out)
            elif not card_id:
                # With the id of a call it is what the tool said, not what the agent thinks (§8.7 [old] 7).
                self._answer.thought(token, agent, out)
        elif tag in _TEXT_TAGS:
            self._answer.text(token, out)

    def _whole(self, whole: Json, out: list[Event]) -> None:
        """`modelResponse`: the whole answer once more, with what the stream may have left out (§8.5)."""
        for error in items(whole, "streamErrors"):
            inner = member(error, "error") if isinstance(error, dict) else error
            self._raise_for({"error": inner or error})
        answer = self._answer
        answer.web_results(items(whole, "webSearchResults"), out)
        answer.web_results(items(whole, "citedWebSearchResults"), out)
        answer.posts(items(whole, "xposts"), out)
        answer.posts(items(whole, "citedXposts"), out)
        for card in items(whole, "cardAttachmentsJson"):
            answer.card(card, out)
        answer.whole_text(text(whole, "message"), out)
        for url in items(whole, "generatedImageUrls"):
            answer.image_url(url, out)
        self.response_id = text(whole, "responseId") or self.response_id
        self._whole_seen = True
