"""A script as the frames of either chat form, encoded before the first one is sent.

`rest` gives the body of `POST /rest/app-chat/conversations/new` (protocol chapter 8), `gateway` the
messages after `response.create` (chapter 9). Both are lists of `Out`, `Pause` and `Stop`, which a stage
plays (`stage.play`). Pieces, as counted by `cut_after(3)` and friends, are tokens: of the visible text and
of the thinking.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from grokdesk.sim.script import (
    Cite,
    CodeRun,
    Cut,
    Ended,
    FoundImage,
    HangUp,
    ImageChunk,
    ImageProgress,
    ImageTag,
    Incident,
    Json,
    Pages,
    Posts,
    Raw,
    Say,
    Script,
    Stall,
    Step,
    StreamError,
    Think,
    ToolOutput,
    ToolUse,
    Transcript,
    Wire,
)


@dataclass(frozen=True, slots=True)
class Out:
    """One frame, `delay_s` after the one before it."""

    data: bytes
    delay_s: float = 0.0
    is_piece: bool = False
    is_binary: bool = False
    ends: Literal["", "answered", "failed"] = ""
    """With this frame the answer is complete for a client, which may leave now."""


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream ends here: in good order, or by dropping the connection."""

    politely: bool
    failed: bool = False
    """Whether an error was told first."""


Play = Out | Pause | Stop
Told = Callable[[StreamError | Ended], list[Out]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose answer this is."""

    conversation_id: str
    request_id: str
    """Id of the user's message."""
    response_id: str
    prompt: str
    mode: str
    temporary: bool
    parent_response_id: str
    stamp: str
    pace_s: float = 0.0
    client_event_id: str = ""
    file_ids: tuple[str, ...] = ()


# ----------------------------------------------------------------------------------- any chat stream


def body(
    head: Sequence[Json],
    pieces: Sequence[Json],
    tail: Sequence[Json],
    script: Script,
    scene: Scene,
    *,
    last_delay_s: float = 0.0,
) -> list[Play]:
    """The body of a stream whose content is not text (media §4.3, §5.8): each of `pieces` counts as one.

    Errors stand where they stand in a chat; the last frame of `pieces` completes the answer and comes at
    least `last_delay_s` after the one before it.
    """
    delay = _pace(script.wire, scene)
    shown = [Out(step.data, delay) for step in script.steps if isinstance(step, Raw)]
    if not script.bare:
        shown += [Out(orjson.dumps(piece), delay, is_piece=True) for piece in pieces]
        if pieces:
            shown[-1] = replace(shown[-1], ends="answered", delay_s=max(delay, last_delay_s))
    plays = list(_woven(shown, script.incidents, lambda error: _rest_error(error, scene)))
    if not (script.bare or _fails_at_once(script.incidents)):
        plays = [*(_json(frame) for frame in head), *plays]
        if not (plays and isinstance(plays[-1], Stop)):
            plays += [_json(frame) for frame in tail]
    return framed(plays, script.wire)


def messages(pieces: Sequence[Json], script: Script, scene: Scene) -> list[Play]:
    """The frames of one batch of the imagine socket (media §2.4), each one a piece.

    An error of the script is the socket's own `error` frame.
    """
    delay = _pace(script.wire, scene)
    shown = [
        Out(step.data, delay, is_binary=not _is_text(step.data))
        for step in script.steps
        if isinstance(step, Raw)
    ]
    if not script.bare:
        for number, piece in enumerate(pieces):
            if script.wire.unknown:
                shown.append(_UNHEARD_OF[number % len(_UNHEARD_OF)])
            shown.append(Out(orjson.dumps(piece), delay, is_piece=True))
        if shown:
            shown[-1] = replace(shown[-1], ends="answered")
    return list(_woven(shown, script.incidents, _socket_error))


_UNHEARD_OF = (
    Out(b'{"type":"session.notice","session":{"id":"s-1"}}'),
    Out(b'{"type":"json","current_status":"upsampling","percentage_complete":25.0,"job_id":""}'),
    Out(b"this is no JSON"),
    Out(bytes((0, 255, 254)), is_binary=True),
    Out(b'["not","an","object"]'),
)


def _socket_error(error: StreamError | Ended) -> list[Out]:
    if isinstance(error, Ended):
        return []
    return [_json({"type": "error", "err_code": error.code, "err_msg": error.message})]


# ----------------------------------------------------------------------------------- the older form


def rest(script: Script, scene: Scene) -> list[Play]:
    """The body of an older-form answer."""
    if script.transcript:
        shown = [_recorded(frame, script, scene) for frame in script.transcript.frames]
        plays = list(_woven(shown, script.incidents, lambda error: _rest_error(error, scene)))
    else:
        plays = _Rest(script, scene).plays()
    return framed(plays, script.wire)


class _Rest:
    def __init__(self, script: Script, scene: Scene) -> None:
        self.script = script
        self.wire = script.wire
        self.scene = scene
        self.delay_s = _pace(script.wire, scene)
        self.said: list[str] = []
        self.images: list[str] = []
        self.tools: dict[str, int] = {}
        tag = b',"messageTag":"final"' if self.wire.message_tag else b""
        new = b',"xNovelty":{"level":[1,null]}' if self.wire.unknown else b""
        self._suffix = (
            b',"isThinking":false,"isSoftStop":false,"responseId":"%b"%b,"messageStepId":3%b}}}'
            % (scene.response_id.encode(), tag, new)
        )

    def plays(self) -> list[Play]:
        if _fails_at_once(self.script.incidents):
            return list(_woven([], self.script.incidents, self._error))
        content = [out for step in _interrupted(self.script) for out in self._step(step)]
        if self.script.bare:
            return list(_woven(content, self.script.incidents, self._error))
        plays: list[Play] = [_json(frame) for frame in self._head()]
        plays += _woven(content, self.script.incidents, self._error)
        if not isinstance(plays[-1], Stop):
            plays += [_closing(frame) for frame in self._tail()]
        return plays

    def _error(self, error: StreamError | Ended) -> list[Out]:
        return _rest_error(error, self.scene)

    def _head(self) -> Iterator[Json]:
        scene = self.scene
        yield {
            "result": {
                "conversation": {
                    "conversationId": scene.conversation_id,
                    "title": "New conversation",
                    "starred": False,
                    "createTime": scene.stamp,
                    "modifyTime": scene.stamp,
                    "systemPromptName": "",
                    "temporary": scene.temporary,
                    "mediaTypes": [],
                }
            }
        }
        yield {
            "result": {
                "response": {
                    "userResponse": {
                        "responseId": scene.request_id,
                        "message": scene.prompt,
                        "sender": "human",
                        "createTime": scene.stamp,
                        "parentResponseId": scene.parent_response_id,
                        "fileAttachments": list(scene.file_ids),
                        "imageAttachments": [],
                        "metadata": {"requestModeId": scene.mode},
                    },
                    "isThinking": False,
                    "isSoftStop": False,
                    "responseId": scene.request_id,
                }
            }
        }
        long = scene.mode in {"expert", "heavy"}
        layout = {
            "reasoningUiLayout": "UNIFIED" if long else "FUNCTION_CALL",
            "willThinkLong": long,
            "effort": "HIGH" if long else "LOW",
        }
        yield self._response({"uiLayout": layout, "isThinking": long, "isSoftStop": False})
        if self.wire.unknown:
            yield self._response({"auroraHint": {"phase": 3, "tags": ["a", None]}})
            yield {"result": {"sideChannel": {"kind": "novel"}}}
            yield {"heartbeat": 1}

    def _tail(self) -> Iterator[Json]:
        stop = self._response({"token": "", "isThinking": False, "isSoftStop": True})
        if self.wire.soft_stop == "first":
            yield stop
        if self.wire.model_response != "missing":
            yield self._response({"modelResponse": self._whole(), "isThinking": False, "isSoftStop": False})
        if self.wire.final_metadata:
            closing = {
                "followUpSuggestions": [{"label": "Tell me more"}],
                "feedbackLabels": [],
                "toolsUsed": self.tools,
                "disclaimer": "",
            }
            yield self._response({"finalMetadata": closing, "isThinking": False, "isSoftStop": False})
        if self.wire.soft_stop == "last":
            yield stop
        yield {"result": {"title": {"newTitle": "Sample"}}}

    def _whole(self) -> Json:
        message = "".join(self.said)
        match self.wire.model_response:
            case "extends":
                message += " (and a last word)"
            case "contradicts":
                message = f"Something else: {message[::-1]}"
            case _:
                pass
        return _model_response(self.scene, message, self.images)

    def _step(self, step: Step) -> Iterator[Out]:
        match step:
            case Say():
                yield self._token(step.text, step.delay_s)
            case Think():
                tag = {} if step.kind == "raw" else {"messageTag": step.kind}
                thought = {"token": step.text, "isThinking": True, "isSoftStop": False, **tag}
                yield self._out(thought | _who(step), is_piece=True, delay_s=step.delay_s)
            case ToolUse():
                yield self._tool(step)
            case ToolOutput():
                output = {"token": step.text, "messageTag": "raw_function_result", "toolUsageCardId": step.id}
                yield self._out(output | _THOUGHT | _who(step))
            case Pages():
                found = [
                    {"url": page.url, "title": page.title, "preview": page.preview} for page in step.pages
                ]
                results = {"toolUsageCardId": step.id, "webSearchResults": {"results": found}}
                yield self._out(results | _THOUGHT | _who(step))
            case Posts():
                seen = [
                    {"postId": post.id, "username": post.username, "name": post.name, "text": post.text}
                    for post in step.posts
                ]
                results = {"toolUsageCardId": step.id, "xSearchResults": {"results": seen}}
                yield self._out(results | _THOUGHT | _who(step))
            case CodeRun():
                ran = {"stdout": step.stdout, "stderr": step.stderr, "exitCode": step.exit_code}
                yield self._out(
                    {"toolUsageCardId": step.id, "codeExecutionResult": ran} | _THOUGHT | _who(step)
                )
            case Cite():
                card: Json = {
                    "id": step.card_id,
                    "type": "render_inline_citation",
                    "cardType": "citation_card",
                }
                argument = f'<argument name="citation_id">{step.citation_id}</argument>'
                yield from self._carded(card | {"url": step.url}, argument)
            case FoundImage():
                image = {
                    "title": step.title,
                    "thumbnail": step.thumbnail,
                    "original": step.original,
                    "link": step.link,
                }
                card = {"id": step.card_id, "type": "render_searched_image", "cardType": "image_card"}
                yield from self._carded(card | {"image": image}, '<argument name="size">"LARGE"</argument>')
            case ImageChunk():
                if step.progress == _DONE and step.url and not step.moderated:
                    self.images.append(step.url)
                yield self._card(_image_card(step))
            case ImageTag():
                yield self._token(
                    _tag(step.card_id, "generated_image_card", "render_generated_image", ""), None
                )
            case ImageProgress():
                if step.url:
                    self.images.append(step.url)
                progress = {
                    "imageId": step.uuid,
                    "imageUrl": step.url,
                    "imageIndex": 0,
                    "progress": step.progress,
                    "isFinal": step.is_final,
                    "moderated": step.moderated,
                }
                yield self._out({"streamingImageGenerationResponse": progress, "isThinking": False})
            case Raw():
                yield Out(step.data, self.delay_s)

    def _token(self, text: str, delay_s: float | None) -> Out:
        self.said.append(text)
        data = b'{"result":{"response":{"token":' + orjson.dumps(text) + self._suffix
        return Out(data, self.delay_s if delay_s is None else delay_s, is_piece=True)

    def _tool(self, step: ToolUse) -> Out:
        self.tools[step.name] = self.tools.get(step.name, 0) + 1
        card: Json = {"toolUsageCardId": step.id, step.name: {"args": dict(step.args)}}
        if step.intent:
            card["intent"] = step.intent
        frame = {
            "token": _tool_xml(step),
            "messageTag": "tool_usage_card",
            "toolUsageCardId": step.id,
            "toolUsageCard": card,
        }
        return self._out(frame | _THOUGHT | _who(step))

    def _carded(self, card: Json, inner: str) -> Iterator[Out]:
        tag = _tag(str(card["id"]), str(card["cardType"]), str(card["type"]), inner)
        if self.wire.card_after_tag:
            yield self._token(tag, None)
            yield self._card(card)
        else:
            yield self._card(card)
            yield self._token(tag, None)

    def _card(self, card: Json) -> Out:
        attachment = {"jsonData": orjson.dumps(card).decode()}
        return self._out({"cardAttachment": attachment, "isThinking": False, "isSoftStop": False})

    def _out(self, response: Json, *, is_piece: bool = False, delay_s: float | None = None) -> Out:
        delay = self.delay_s if delay_s is None else delay_s
        return Out(orjson.dumps(self._response(response)), delay, is_piece)

    def _response(self, response: Json) -> Json:
        return {"result": {"response": {**response, "responseId": self.scene.response_id}}}


_THOUGHT: Json = {"isThinking": True, "isSoftStop": False}
_DONE = 100


def _model_response(scene: Scene, message: str, images: Sequence[str], errors: Sequence[Json] = ()) -> Json:
    return {
        "responseId": scene.response_id,
        "message": message,
        "sender": "assistant",
        "createTime": scene.stamp,
        "parentResponseId": scene.request_id,
        "partial": False,
        "webSearchResults": [],
        "citedWebSearchResults": [],
        "xpostIds": [],
        "xposts": [],
        "citedXposts": [],
        "generatedImageUrls": list(images),
        "imageAttachments": [],
        "fileAttachments": [],
        "cardAttachmentsJson": [],
        "streamErrors": list(errors),
        "isControl": False,
        "steps": [],
    }


def _rest_error(error: StreamError | Ended, scene: Scene) -> list[Out]:
    if isinstance(error, Ended):
        return []
    told = _told(error)
    match error.place:
        case "top":
            return [_json({"error": {**told, "details": told.get("details", [])}})]
        case "response":
            response: Json = {"error": told}
        case "model_response":
            response = {"modelResponse": _model_response(scene, "", (), [told])}
    return [_json({"result": {"response": {**response, "responseId": scene.response_id}}})]


def framed(plays: Sequence[Play], wire: Wire) -> list[Play]:
    """`plays` with the bytes between frames (§8.1)."""
    before, after = {"lines": (b"", b"\n"), "glued": (b"", b"")}.get(wire.framing, (b"data: ", b"\n\n"))
    framed: list[Play] = [
        replace(play, data=before + play.data + after) if isinstance(play, Out) else play for play in plays
    ]
    if wire.framing == "sse_done":
        framed.insert(0, Out(b"event: message\n"))
        if not isinstance(framed[-1], Stop):
            framed.append(Out(b"data: [DONE]\n\n"))
    return framed


# -------------------------------------------------------------------------------------- the gateway


def acknowledge(script: Script, scene: Scene) -> list[Play]:
    """What the gateway says to `session.create`: *created* and *attached*, in the order the wire wants."""
    if script.transcript:
        return [_recorded(frame, script, scene) for frame in _acknowledging(script.transcript)]
    wire, session = script.wire, scene.conversation_id
    attached_id = f"{session[:-1]}{'0' if session[-1] != '0' else '1'}" if script.wrong_attached else session
    created: Json = {"type": "session.created", "event_id": "ev-1", "client_event_id": scene.client_event_id}
    attached: Json = {
        "type": "conversation.attached",
        "event_id": "ev-2",
        "conversation": {"id": attached_id},
    }
    events = [attached, created] if wire.attached_first else [created, attached]
    if wire.foreign_created:
        foreign = "evt_init_6f877ca9-8a42-427f-b0d3-79d72f8cbeb2"
        events.insert(0, {"type": "session.created", "event_id": "ev-0", "client_event_id": foreign})
    return [
        replace(_json({"session_id": session, "event": event}), delay_s=wire.ack_delay_s) for event in events
    ]


def gateway(script: Script, scene: Scene) -> list[Play]:
    """The messages that answer `response.create`."""
    if script.transcript:
        answer = script.transcript.frames[len(_acknowledging(script.transcript)) :]
        shown = [_recorded(frame, script, scene) for frame in answer]
        plays = list(_woven(shown, script.incidents, lambda error: _gateway_error(error, scene)))
        if not any(kind_of(frame) in TERMINAL for frame in answer):
            plays.append(Stop(politely=True))
    else:
        plays = _Gateway(script, scene).plays()
    return _messages(plays, script.wire)


def _acknowledging(transcript: Transcript) -> tuple[Json, ...]:
    """The recorded frames up to the second acknowledgement; a `session.created` for somebody else is none."""
    created = attached = False
    for number, frame in enumerate(transcript.frames, 1):
        match kind_of(frame):
            case "conversation.attached":
                attached = True
            case "session.created":
                echo = _echo(frame)
                created = created or not echo or echo in transcript.client_ids
            case _:
                pass
        if created and attached:
            return transcript.frames[:number]
    return transcript.frames


class _Gateway:
    def __init__(self, script: Script, scene: Scene) -> None:
        self.script = script
        self.wire = script.wire
        self.scene = scene
        self.delay_s = _pace(script.wire, scene)
        self.said: list[str] = []
        self.count = 2
        self._session = scene.conversation_id.encode()
        self._response_id = scene.response_id.encode()

    def plays(self) -> list[Play]:
        if _fails_at_once(self.script.incidents):
            return list(_woven([], self.script.incidents, self._error))
        if self.script.bare:
            content = [out for step in self.script.steps for out in self._step(step)]
            return [*_woven(content, self.script.incidents, self._error), Stop(politely=True)]
        plays: list[Play] = [self._event(event) for event in self._head()]
        content = [out for step in _interrupted(self.script) for out in self._step(step)]
        plays += _woven(content, self.script.incidents, self._error)
        if not isinstance(plays[-1], Stop):
            plays += [replace(self._event(event), ends=_ends(event)) for event in self._tail()]
        return plays

    def _error(self, error: StreamError | Ended) -> list[Out]:
        return _gateway_error(error, self.scene)

    def _head(self) -> Iterator[Json]:
        response = self.scene.response_id
        yield {"type": "conversation.queue.updated"}
        yield {"type": "conversation.item.added", "item": {"id": self.scene.request_id}}
        yield {
            "type": "response.created",
            "client_event_id": self.scene.client_event_id,
            "response": {"id": response, "status": "in_progress"},
        }
        yield {"type": "response.output_item.added", "response_id": response}
        yield {"type": "response.content_part.added", "response_id": response}
        long = self.scene.mode in {"expert", "heavy"}
        yield self._chunk({"ui_layout": {"reasoning_ui_layout": "UNIFIED", "will_think_long": long}})
        if self.wire.unknown:
            yield {"type": "response.aurora.hint", "response_id": response, "phase": 3}
            yield self._chunk({"novelty": {"level": [1, None]}})
        yield self._chunk(
            {"phase_marker": {"kind": "KIND_THINKING_START" if long else "KIND_RESPONSE_START"}}
        )

    def _tail(self) -> Iterator[Json]:
        response = self.scene.response_id
        if self.said or self.wire.delivery == "done_only":
            yield {"type": "response.output_text.done", "response_id": response, "text": "".join(self.said)}
        yield {"type": "response.content_part.done", "response_id": response}
        yield {"type": "response.output_item.done", "response_id": response}
        yield {"type": "response.done", "response": {"id": response, "status": "completed"}}
        yield {"type": "response.persisted", "response_id": response}
        yield {"type": "conversation.title.updated", "title": "Sample"}

    def _step(self, step: Step) -> Iterator[Out]:
        match step:
            case Say():
                yield from self._say(step)
            case Think():
                channel = _CHANNELS.get(step.kind, self.wire.reasoning_channel)
                meta = {"rollout_id": step.rollout, "step_id": step.step}
                chunk: Json = {"metadata": meta, "text": {"text": step.text, "channel": channel}}
                yield self._event(self._chunk(chunk), step.delay_s, is_piece=True)
            case ToolUse():
                card: Json = {"tool_usage_card_id": step.id, _snake(step.name): {"args": dict(step.args)}}
                if step.intent:
                    card["intent"] = step.intent
                meta = {"rollout_id": step.rollout, "step_id": step.step}
                yield self._event(self._chunk({"metadata": meta, "tool_usage_card": card}), self.delay_s)
            case Pages():
                found = [
                    {"url": page.url, "title": page.title, "snippet": page.preview} for page in step.pages
                ]
                result = {"tool_call_id": step.id, "web_search": {"webpages": found}}
                yield self._event(self._chunk({"tool_result": result}), self.delay_s)
                if self.wire.search_events:
                    for page in step.pages:
                        yield self._event(self._found({"url": page.url, "title": page.title}))
            case Posts():
                posts = [
                    {"userhandle": post.username, "name": post.name, "text": post.text, "post_id": post.id}
                    for post in step.posts
                ]
                result = {"tool_call_id": step.id, "x_post": {"posts": posts}}
                yield self._event(self._chunk({"tool_result": result}), self.delay_s)
            case CodeRun():
                ran = {"stdout": step.stdout, "stderr": step.stderr, "exit_code": step.exit_code}
                result = {"tool_call_id": step.id, "code_execution": ran}
                yield self._event(self._chunk({"tool_result": result}), self.delay_s)
            case Cite():
                on_x = step.url.startswith("https://x.com/")
                citation = {
                    "id": step.card_id,
                    "kind": "CITATION_KIND_X_POST" if on_x else "CITATION_KIND_WEB_PAGE",
                    "url": step.url,
                    "citation_id": step.citation_id,
                }
                yield self._event(self._chunk({"render_citation": citation}), self.delay_s)
            case FoundImage():
                image = {
                    "id": step.card_id,
                    "title": step.title,
                    "thumbnail": step.thumbnail,
                    "original": step.original,
                    "link": step.link,
                }
                yield self._event(self._chunk({"render_searched_image": image}), self.delay_s)
            case ImageChunk():
                data = {"jsonData": orjson.dumps(_image_card(step)).decode()}
                output = {"output": {"card_attachment": data}, "response_id": self.scene.response_id}
                yield self._event({"type": "response.grok.output", **output}, self.delay_s)
            case ToolOutput() | ImageTag() | ImageProgress():
                return
            case Raw():
                yield Out(step.data, self.delay_s, is_binary=not _is_text(step.data))

    def _say(self, step: Say) -> Iterator[Out]:
        self.said.append(step.text)
        delay = self.delay_s if step.delay_s is None else step.delay_s
        if self.wire.delivery in {"chunk", "both"}:
            yield self._quick(_CHUNK, step.text, _CHUNK_END, delay)
        if self.wire.delivery in {"delta", "both"}:
            yield self._quick(_DELTA, step.text, _DELTA_END, delay if self.wire.delivery == "delta" else 0.0)

    def _quick(self, before: bytes, text: str, after: bytes, delay_s: float) -> Out:
        self.count += 1
        head = before % (self._session, self.count, self._response_id)
        is_piece = before is _CHUNK or self.wire.delivery == "delta"
        return Out(head + orjson.dumps(text) + after, delay_s, is_piece)

    def _found(self, result: Json) -> Json:
        return {"type": "response.search.result", "response_id": self.scene.response_id, "result": result}

    def _chunk(self, chunk: Json) -> Json:
        return {"type": "response.chunk", "response_id": self.scene.response_id, "chunk": chunk}

    def _event(self, event: Json, delay_s: float | None = 0.0, *, is_piece: bool = False) -> Out:
        self.count += 1
        named = {"type": event["type"], "event_id": f"ev-{self.count}", **event}
        data = orjson.dumps({"session_id": self.scene.conversation_id, "event": named})
        return Out(data, self.delay_s if delay_s is None else delay_s, is_piece)


_CHANNELS = {
    "header": "CHANNEL_ASSISTANT_NOTETAKER_HEADER",
    "summary": "CHANNEL_ASSISTANT_NOTETAKER_SUMMARY",
}
_CHUNK = (
    b'{"session_id":"%b","event":{"type":"response.chunk","event_id":"ev-%d","response_id":"%b",'
    b'"chunk":{"metadata":{"step_id":3,"phase_index":1},"text":{"text":'
)
_CHUNK_END = b',"channel":"CHANNEL_ASSISTANT_RESPONSE"}}}}'
_DELTA = (
    b'{"session_id":"%b","event":{"type":"response.output_text.delta","event_id":"ev-%d",'
    b'"response_id":"%b","delta":'
)
_DELTA_END = b"}}"


def _gateway_error(error: StreamError | Ended, scene: Scene) -> list[Out]:
    if isinstance(error, Ended):
        return [_json({"session_id": scene.conversation_id, "event": {"type": "session.ended"}})]
    told = _told(error)
    failed: Json = {
        "id": scene.response_id,
        "status": "failed",
        "status_details": {"reason": str(error.message)},
    }
    done: Json = {"type": "response.done", "response": failed}
    match error.place:
        case "top":
            events: list[Json] = [{"type": "error", "error": told}]
        case "response":
            output: Json = {"type": "response.grok.output", "response_id": scene.response_id}
            events = [output | {"output": {"stream_error": told}}, done]
        case "model_response":
            events = [done]
    return [_json({"session_id": scene.conversation_id, "event": event}) for event in events]


def _messages(plays: Sequence[Play], wire: Wire) -> list[Play]:
    """The same, as WebSocket messages: several objects in one, binary ones, binary noise in between."""
    out: list[Play] = []
    for play in plays:
        last = out[-1] if out else None
        if not isinstance(play, Out) or play.is_binary:
            out.append(play)
            continue
        if wire.binary == "noise" and play.is_piece:
            out.append(Out(b"\x00\xff\xfe noise", is_binary=True))
            last = None
        fits = isinstance(last, Out) and not last.is_binary and last.data.count(b'{"session_id"') < wire.glue
        if wire.glue > 1 and fits and isinstance(last, Out):
            out[-1] = replace(
                last,
                data=last.data + play.data,
                is_piece=last.is_piece or play.is_piece,
                ends=last.ends or play.ends,
            )
        else:
            out.append(play)
    if wire.binary == "always":
        return [replace(play, is_binary=True) if isinstance(play, Out) else play for play in out]
    return out


# --------------------------------------------------------------------------------------- both forms


def _woven(content: Sequence[Out], incidents: Sequence[Incident], told: Told) -> Iterator[Play]:
    """`content` with what happens to it; nothing follows an incident that ends the stream."""
    coming = sorted((incident for incident in incidents if _is_woven(incident)), key=_when)
    sent = 0
    for out in content:
        while coming and _when(coming[0]) <= sent:
            incident = coming.pop(0)
            yield from _happen(incident, told)
            if not isinstance(incident, Stall):
                return
        yield out
        sent += out.is_piece
    for incident in coming:
        yield from _happen(incident, told)
        if not isinstance(incident, Stall):
            return


def _happen(incident: Incident, told: Told) -> Iterator[Play]:
    match incident:
        case Stall():
            yield Pause(incident.seconds)
        case Cut():
            yield Stop(politely=incident.politely)
        case StreamError():
            yield from told(incident)
            yield Stop(politely=True, failed=True)
        case Ended():
            yield from told(incident)
            yield Stop(politely=True, failed=True)
        case HangUp():
            return


def _is_woven(incident: Incident) -> bool:
    match incident:
        case Stall():
            return incident.after > 0
        case Cut():
            return incident.after is not None
        case HangUp():
            return False
        case _:
            return True


_AT_THE_END = 1 << 60


def _when(incident: Incident) -> int:
    assert not isinstance(incident, HangUp), "there is no stream to happen in"
    return _AT_THE_END if incident.after is None else incident.after


def _fails_at_once(incidents: Sequence[Incident]) -> bool:
    return any(_is_woven(incident) and _when(incident) == 0 for incident in incidents)


def _interrupted(script: Script) -> list[Step]:
    """The steps, with the thought and the tool that come too late in the middle of the text (§11.3)."""
    steps = list(script.steps)
    late: list[Step] = []
    if script.wire.late_thinking:
        late.append(Think(script.wire.late_thinking, "summary", 4))
    if script.wire.late_tool:
        late.append(ToolUse("tc-late", "chatroomSend", {"message": "Done, thanks.", "to": "All"}))
    said = [number for number, step in enumerate(steps) if isinstance(step, Say)]
    at = said[-1] if said else len(steps)
    return steps[:at] + late + steps[at:]


def _told(error: StreamError) -> Json:
    return {"code": error.code, "message": error.message, **(error.extra or {})}


def _pace(wire: Wire, scene: Scene) -> float:
    return scene.pace_s if wire.delay_s is None else wire.delay_s


def _closing(frame: Json) -> Out:
    return replace(_json(frame), ends="answered" if _is_closing(frame) else "")


def _is_closing(frame: Json) -> bool:
    """Whether an older client takes this frame for the end (§8.8)."""
    result = frame.get("result")
    response = result.get("response") if isinstance(result, dict) else None
    return isinstance(response, dict) and (response.get("isSoftStop") is True or "finalMetadata" in response)


def _ends(event: Json) -> Literal["", "answered", "failed"]:
    if event.get("type") not in TERMINAL:
        return ""
    response = event.get("response")
    completed = isinstance(response, dict) and response.get("status") in {None, "", "completed"}
    return "answered" if completed else "failed"


def _json(value: Json) -> Out:
    return Out(orjson.dumps(value))


def kind_of(frame: Json) -> str:
    """The type of a gateway event, nothing for other frames."""
    event = frame.get("event")
    return str(event.get("type", "")) if isinstance(event, dict) else ""


TERMINAL = frozenset({"response.done", "error", "session.ended"})


def _recorded(frame: Json, script: Script, scene: Scene) -> Out:
    assert script.transcript
    shown = frame
    event = frame.get("event")
    if isinstance(event, dict) and _echo(frame) in script.transcript.client_ids:
        shown = {**frame, "event": {**event, "client_event_id": scene.client_event_id}}
    ends: Literal["", "answered", "failed"] = "answered" if _is_closing(frame) else ""
    if isinstance(event, dict):
        ends = _ends(event)
    return Out(orjson.dumps(shown), _pace(script.wire, scene), _is_piece(frame), ends=ends)


def _echo(frame: Json) -> str:
    event = frame.get("event")
    return str(event.get("client_event_id", "")) if isinstance(event, dict) else ""


def _is_piece(frame: Json) -> bool:
    result, event = frame.get("result"), frame.get("event")
    if isinstance(result, dict):
        response = result.get("response")
        return (
            isinstance(response, dict) and bool(response.get("token")) and "toolUsageCardId" not in response
        )
    if isinstance(event, dict):
        chunk = event.get("chunk")
        return "delta" in event or (isinstance(chunk, dict) and "text" in chunk)
    return False


def _who(step: Think | ToolUse | ToolOutput | Pages | Posts | CodeRun) -> Json:
    return {"messageStepId": step.step, "rolloutId": step.rollout}


def _tag(card_id: str, card_type: str, kind: str, inner: str) -> str:
    body = f"\n{inner}\n" if inner else ""
    return f'<grok:render card_id="{card_id}" card_type="{card_type}" type="{kind}">{body}</grok:render>'


def _tool_xml(step: ToolUse) -> str:
    arguments = orjson.dumps(dict(step.args)).decode()
    return (
        "<xai:tool_usage_card>\n"
        f"  <xai:tool_usage_card_id>{step.id}</xai:tool_usage_card_id>\n"
        f"  <xai:tool_name>{_snake(step.name)}</xai:tool_name>\n"
        f"  <xai:tool_args><![CDATA[{arguments}]]></xai:tool_args>\n"
        "</xai:tool_usage_card>"
    )


def _image_card(step: ImageChunk) -> Json:
    chunk: Json = {
        "imageUuid": step.uuid,
        "imageUrl": step.url,
        "seq": step.seq,
        "progress": step.progress,
        "moderated": step.moderated,
        "imageIndex": step.index,
        "imageModel": "imagine",
    }
    if step.error:
        chunk["systemErrCode"] = step.error
    return {
        "id": step.card_id,
        "type": "render_generated_image",
        "cardType": "generated_image_card",
        "image_chunk": chunk,
    }


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
