"""What is asked: a conversation as one text, and the bodies of both forms that carry it.

Grok's web chat takes one message, so a whole conversation is flattened into it (protocol/grok-web-chat.md
§12).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

import orjson

from grokdesk.core.conversation import Media, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from grokdesk.core.errors import InvalidRequest
from grokdesk.providers.text_tools.prompt import written

# Of chat in its older form, and of edits and films in both.
CHAT_PATH: Final = "/rest/app-chat/conversations/new"

_TOOL: Final = "tool"


def flatten(
    messages: Sequence[Message], instruction: str = "", block: str = "", *, has_files: bool = False
) -> str:
    """The conversation as one text: `[role]`, a line break and what was said, pieces parted by a blank line.

    After §12 [cur]. `block` (the tools, §13.1) goes first as a `[system]` piece, then `instruction`, which is
    for the gateway, where there is no other place for it. Thinking of earlier turns is left out; files travel
    beside the text.

    Raises `InvalidRequest` when nothing is said, unless `has_files`.
    """
    system = [(Role.SYSTEM.value, text.strip()) for text in (block, instruction)]
    said = [(role, text) for message in messages for role, text in _pieces(message) if text.strip()]
    if not said and not has_files:
        raise InvalidRequest(
            "The conversation has no text.", param="messages", hint="Send at least one message with text."
        )
    pieces = [(role, text) for role, text in system if text] + said
    return _without_halves("\n\n".join(f"[{role}]\n{text}" for role, text in pieces).strip())


def files_of(messages: Sequence[Message]) -> list[Media]:
    """Every file of the conversation in order, those in results of tools too."""
    found: list[Media] = []
    for message in messages:
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            found += [one for one in inner if isinstance(one, Media)]
    return found


def _pieces(message: Message) -> Iterator[tuple[str, str]]:
    """A message as pieces: results of tools each by itself, the rest joined, in the client's order."""
    for is_result, parts in groupby(message.parts, key=lambda part: isinstance(part, ToolResult)):
        if is_result:
            yield from ((_TOOL, _result(part)) for part in parts if isinstance(part, ToolResult))
        else:
            yield message.role.value, _said(list(parts))


def _said(parts: list[Part]) -> str:
    texts = [_text_of(part) for part in parts if not isinstance(part, (Thought, ToolCall))]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        texts.append(written(calls))
    return "\n".join(text for text in texts if text)


def _text_of(part: Part) -> str:
    return part.text if isinstance(part, Text) else ""


def _result(result: ToolResult) -> str:
    text = "\n".join(text for part in result.parts if (text := _text_of(part)))
    name = "Tool error" if result.is_error else "Tool result"
    return f"{name} ({result.call_id}): {text}" if result.call_id else f"{name}: {text}"


def _without_halves(text: str) -> str:
    """`text` with halves of surrogate pairs replaced; JSON can carry them, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


# --- older form ---------------------------------------------------------------------------------------------

_DEVICE: Final = {
    "darkModeEnabled": False,
    "devicePixelRatio": 2,
    "screenHeight": 1329,
    "screenWidth": 2056,
    "viewportHeight": 1083,
    "viewportWidth": 2056,
}
_TOOLS_OFF: Final = {
    "gmailSearch": False,
    "googleCalendarSearch": False,
    "outlookSearch": False,
    "outlookCalendarSearch": False,
    "googleDriveSearch": False,
}


def rest_body(
    *,
    message: str,
    mode_id: str,
    temporary: bool,
    memory: bool,
    custom_instruction: str = "",
    file_ids: Sequence[str] = (),
) -> bytes:
    """The body of `POST /rest/app-chat/conversations/new` (§7.1)."""
    body: dict[str, object] = {
        "collectionIds": [],
        "connectors": [],
        "deviceEnvInfo": _DEVICE,
        "disableMemory": not memory,
        "disableSearch": False,
        "disableSelfHarmShortCircuit": False,
        "disableTextFollowUps": False,
        "enableImageGeneration": True,
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "fileAttachments": list(file_ids),
        "forceConcise": False,
        "forceSideBySide": False,
        "imageAttachments": [],
        "imageGenerationCount": 2,
        "isAsyncChat": False,
        "message": message,
        "modeId": mode_id,
        "responseMetadata": {},
        "returnImageBytes": False,
        "returnRawGrokInXaiRequest": False,
        "searchAllConnectors": False,
        "sendFinalMetadata": True,
        "temporary": temporary,
        "toolOverrides": _TOOLS_OFF,
    }
    if custom_instruction.strip():
        body["customPersonality"] = custom_instruction
    return orjson.dumps(body)


# --- message gateway ----------------------------------------------------------------------------------------


def session_create(
    *, event_id: str, mode_id: str, temporary: bool, memory: bool, conversation_id: str = ""
) -> bytes:
    """The first event: open a conversation, new or `conversation_id` (§9.3). Ids: `evt_init_<uuid>`."""
    x_grok: dict[str, object] = {
        "protocol_capabilities": ["conversation_attached", "custom_methods_v1"],
        "use_chunk": True,
        "enable_side_by_side": True,
        "force_side_by_side": False,
        "enable_image_generation": True,
        "image_generation_count": 2,
        "disable_text_follow_ups": False,
        "disable_artifact": True,
        "force_concise": False,
    }
    if conversation_id:
        x_grok |= {"conversation_id": conversation_id, "load_existing": True, "needs_history": False}
    else:
        x_grok |= {"keep_context": False, "is_temporary": temporary, "disable_memory": not memory}
    session = {"model": mode_id, "x_grok": x_grok}
    return _event(conversation_id, {"type": "session.create", "event_id": event_id, "session": session})


def item_create(
    *,
    session_id: str,
    event_id: str,
    message_id: str,
    text: str,
    parent_response_id: str | None = None,
    file_ids: Sequence[str] = (),
) -> bytes:
    """The second event: the message, `text` being the flattened conversation. Ids: `evt_msg_<ms>`, a UUID."""
    chunks: list[object] = [
        {"mention": {"target": {"file_mention": {"file_id": file_id}}}} for file_id in file_ids
    ]
    chunks.append({"text": {"text": text}})
    item: dict[str, object] = {
        "type": "message",
        "role": Role.USER.value,
        "x_grok": {"client_message_id": message_id, "input_chunks": chunks},
    }
    event: dict[str, object] = {"type": "conversation.item.create", "event_id": event_id, "item": item}
    if parent_response_id:
        event["parent_response_id"] = parent_response_id
    if file_ids:
        item["file_attachment_ids"] = event["file_attachment_ids"] = list(file_ids)
    return _event(session_id, event)


def response_create(*, session_id: str, event_id: str) -> bytes:
    """The third event, sent right after the second: answer. Ids: `evt_resp_<ms>`, the same milliseconds."""
    return _event(session_id, {"type": "response.create", "event_id": event_id})


def ping(event_id: str) -> bytes:
    """The heartbeat, every 25 s (§9.1). Ids: `evt_hb_<ms>`."""
    return _event("", {"type": "ping", "event_id": event_id})


def _event(session_id: str, event: dict[str, object]) -> bytes:
    envelope: dict[str, object] = {"session_id": session_id} if session_id else {}
    return orjson.dumps(envelope | {"event": event})
