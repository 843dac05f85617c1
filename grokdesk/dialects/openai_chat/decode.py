"""Chat Completions body → request.

What a body says about *content* is understood or refused by name; what it says about *tuning* that upstream
does not have is checked where OpenAI checks it, and otherwise ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from grokdesk.core.conversation import ChatRequest, Limits, Message, Role, Text, Thinking
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.dialects.base import Asked
from grokdesk.dialects.openai_chat import schema

_ROLES: Final = {
    "developer": Role.SYSTEM,
    "system": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_TEXT_PARTS: Final = {"text", "input_text", "output_text", "refusal"}
_MEDIA_PARTS: Final = {
    "image_url": "Images in messages are",
    "input_image": "Images in messages are",
    "input_audio": "Audio in messages is",
    "file": "Files in messages are",
    "input_file": "Files in messages are",
    "video_url": "Videos in messages are",
}
_FORMS: Final = {schema.ONE, schema.MANY, schema.NONE}
_SHOWN_CHARACTERS: Final = 40


def decode(body: bytes) -> Asked:
    """Read a body.

    Raises `InvalidRequest` with the dotted path of the first wrong member, as in `messages.0.role`, and
    `Unsupported` for content that cannot be passed on.
    """
    if not body.strip():
        raise InvalidRequest("The request body is empty; it must be a JSON object.")
    try:
        completion = schema.Completion.model_validate_json(body)
    except ValidationError as error:
        raise _wrong(error.errors(include_url=False)[0]) from None
    _refuse_unsupported(completion)
    return Asked(
        request=ChatRequest(
            model=completion.model,
            messages=_messages(completion.messages),
            thinking=_thinking(completion),
            limits=Limits(max_tokens=_max_tokens(completion), stop=_stop(completion)),
        ),
        stream=bool(completion.stream),
        choices=completion.n or 1,
        include_usage=bool(completion.stream_options and completion.stream_options.include_usage),
    )


def _messages(messages: Iterable[schema.ChatMessage]) -> tuple[Message, ...]:
    found = [_message(message, f"messages.{at}") for at, message in enumerate(messages)]
    kept = tuple(message for message in found if message.parts)
    if not kept:
        raise InvalidRequest("There is nothing to answer: every message is empty.", param="messages")
    return kept


def _message(message: schema.ChatMessage, path: str) -> Message:
    if message.role not in _ROLES:
        raise _unsupported(f"Messages with the role '{message.role}' are", f"{path}.role")
    for name, called in (("tool_calls", message.tool_calls), ("function_call", message.function_call)):
        if called:
            raise _unsupported("Tool calls in the history are", f"{path}.{name}")
    parts = tuple(_parts(message, path))
    return Message(_ROLES[message.role], parts if any(part.text.strip() for part in parts) else ())


def _parts(message: schema.ChatMessage, path: str) -> Iterator[Text]:
    match message.content:
        case str(text):
            yield Text(text)
        case None if message.role == "assistant":
            yield Text(message.refusal or "")
        case None:
            raise InvalidRequest(
                f"'{path}.content' is required: a string or an array of parts.", param=f"{path}.content"
            )
        case parts:
            for at, part in enumerate(parts):
                yield _part(part, f"{path}.content.{at}")


def _part(part: schema.Part, path: str) -> Text:
    if part.type in _MEDIA_PARTS:
        raise _unsupported(_MEDIA_PARTS[part.type], f"{path}.type")
    if part.type not in _TEXT_PARTS:
        raise InvalidRequest(f"'{path}.type' must be 'text', not {_quoted(part.type)}.", param=f"{path}.type")
    name, text = ("refusal", part.refusal) if part.type == "refusal" else ("text", part.text)
    if text is None:
        raise InvalidRequest(f"'{path}.{name}' is required.", param=f"{path}.{name}")
    return Text(text)


def _thinking(completion: schema.Completion) -> Thinking:
    nested = completion.reasoning.effort if completion.reasoning else None
    match completion.reasoning_effort or nested:
        case None:
            return Thinking.DEFAULT
        case schema.Effort.NONE:
            return Thinking.HIDDEN
        case _:
            return Thinking.SHOWN


def _max_tokens(completion: schema.Completion) -> int | None:
    newer = completion.max_completion_tokens
    return completion.max_tokens if newer is None else newer


def _stop(completion: schema.Completion) -> tuple[str, ...]:
    if isinstance(completion.stop, str):
        return (completion.stop,)
    return tuple(completion.stop or ())


# --- what cannot be passed on -------------------------------------------------------------------------------


def _refuse_unsupported(completion: schema.Completion) -> None:
    if completion.tools:
        raise _unsupported("Tools are", "tools")
    if completion.functions:
        raise _unsupported("Functions are", "functions")
    for name, choice in (
        ("tool_choice", completion.tool_choice),
        ("function_call", completion.function_call),
    ):
        if choice not in (None, "auto", "none"):
            raise _unsupported("Forcing a tool is", name)
    if completion.response_format and completion.response_format.type != "text":
        raise _unsupported(f"The form '{completion.response_format.type}' is", "response_format")
    if "audio" in (completion.modalities or ()):
        raise _unsupported("Spoken answers are", "modalities")
    if completion.audio is not None:
        raise _unsupported("Spoken answers are", "audio")


def _unsupported(what: str, param: str) -> Unsupported:
    return Unsupported(f"{what} not supported by this version of the gateway.", param=param)


# --- what is wrong ------------------------------------------------------------------------------------------


def _wrong(detail: ErrorDetails) -> InvalidRequest:
    """Say in a sentence what is wrong, and where."""
    if detail["type"] == "json_invalid":
        reason = detail.get("ctx", {}).get("error", "it cannot be read")
        return InvalidRequest(f"The request body is not valid JSON: {reason}.")
    if not detail["loc"]:
        return InvalidRequest("The request body must be a JSON object.")
    path = ".".join(str(step) for step in detail["loc"] if step not in _FORMS)
    return InvalidRequest(f"'{path}' {_expected(detail)}.", param=path)


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "too_long":
            return f"must have at most {context['max_length']} items"
        case "literal_error" | "enum":
            return f"must be {context['expected']}, not {_quoted(detail['input'])}"
        case _:
            return detail["msg"].replace("Input should", "must")


def _quoted(value: object) -> str:
    """A wrong value as it may be shown: briefly, and only when it is a plain one."""
    if not isinstance(value, str | int | float):
        return "an array or an object" if value is not None else "null"
    shown = str(value)
    return f"'{shown[:_SHOWN_CHARACTERS]}…'" if len(shown) > _SHOWN_CHARACTERS else f"'{shown}'"
