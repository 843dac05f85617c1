"""Messages → the conversation so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from grokdesk.core.conversation import Media, Message, Part, Role, Text, ToolCall, ToolResult
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.dialects.history import answerable, says_something
from grokdesk.dialects.openai_chat import media, schema
from grokdesk.dialects.reading import quoted, required

_ROLES: Final = {
    "developer": Role.SYSTEM,
    "system": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.USER,
    "function": Role.USER,
}
_TEXT_PARTS: Final = {"text", "input_text", "output_text", "refusal"}
# Of other formats, and understood well enough to say so.
_FOREIGN_PARTS: Final = {"input_file": "'input_file' parts", "video_url": "Videos in messages"}


def messages(said: Iterable[schema.ChatMessage]) -> tuple[Message, ...]:
    """Return what was said, without messages that say nothing.

    Raises `InvalidRequest` when nothing is left, and for what cannot be understood.
    """
    pairs = _Pairs()
    return answerable(_message(message, f"messages.{at}", at, pairs) for at, message in enumerate(said))


class _Pairs:
    """Ids for calls of the older form, which had none: a result belongs to the last call of its function."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def call(self, name: str, at: int) -> str:
        self._last[name] = f"call_{at}"
        return self._last[name]

    def result(self, name: str) -> str:
        return self._last.get(name, f"call_{name}")


def _message(message: schema.ChatMessage, path: str, at: int, pairs: _Pairs) -> Message:
    parts: Iterable[Part]
    match message.role:
        case "assistant":
            parts = _turn(message, path, at, pairs)
        case "tool":
            if not message.tool_call_id:
                raise required(f"{path}.tool_call_id")
            parts = (ToolResult(message.tool_call_id, tuple(_content(message, path))),)
        case "function":
            if not message.name:
                raise required(f"{path}.name")
            parts = (ToolResult(pairs.result(message.name), tuple(_content(message, path))),)
        case _:
            if message.content is None:
                raise InvalidRequest(
                    f"'{path}.content' is required: a string or an array of parts.", param=f"{path}.content"
                )
            parts = _content(message, path)
    return Message(_ROLES[message.role], tuple(parts))


def _turn(message: schema.ChatMessage, path: str, at: int, pairs: _Pairs) -> Iterator[Part]:
    """What the model said, then what it called."""
    said = list(_content(message, path))
    if message.content is None and message.refusal:
        said = [Text(message.refusal)]
    calls = [_call(call, f"{path}.tool_calls.{which}") for which, call in enumerate(message.tool_calls or ())]
    if message.function_call is not None:
        called = message.function_call
        calls.append(ToolCall(pairs.call(called.name, at), called.name, called.arguments or ""))
    if message.audio is not None and not said and not calls:
        raise Unsupported("Spoken answers are not kept by this gateway.", param=f"{path}.audio")
    yield from (part for part in said if says_something(part) or not calls)
    yield from calls


def _call(call: schema.Call, path: str) -> ToolCall:
    if call.custom is not None:
        return ToolCall(call.id, call.custom.name, call.custom.input or "")
    if call.function is None:
        raise required(f"{path}.function")
    return ToolCall(call.id, call.function.name, call.function.arguments or "")


def _content(message: schema.ChatMessage, path: str) -> Iterator[Text | Media]:
    match message.content:
        case None:
            return
        case str(text):
            yield Text(text)
        case parts:
            for at, part in enumerate(parts):
                yield _part(part, f"{path}.content.{at}")


def _part(part: schema.Part, path: str) -> Text | Media:
    if part.type in media.KINDS:
        return media.media(part, path)
    if part.type in _FOREIGN_PARTS:
        raise Unsupported(
            f"{_FOREIGN_PARTS[part.type]} are not supported by this version of the gateway.",
            param=f"{path}.type",
        )
    if part.type not in _TEXT_PARTS:
        raise InvalidRequest(
            f"'{path}.type' must be 'text', 'image_url', 'input_audio' or 'file', not {quoted(part.type)}.",
            param=f"{path}.type",
        )
    name, text = ("refusal", part.refusal) if part.type == "refusal" else ("text", part.text)
    if text is None:
        raise required(f"{path}.{name}")
    return Text(text)
