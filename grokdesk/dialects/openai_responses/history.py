"""Items → the conversation so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from grokdesk.core.conversation import Media, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from grokdesk.core.errors import InvalidRequest, NotFound
from grokdesk.dialects.history import telling
from grokdesk.dialects.openai_responses import media, schema
from grokdesk.dialects.openai_responses.items import Item
from grokdesk.dialects.reading import quoted, required

_ROLES: Final = {
    "developer": Role.SYSTEM,
    "system": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_TEXT_PARTS: Final = {"input_text", "output_text", "text", "summary_text", "reasoning_text"}
# What the hosted tools of other services leave in a conversation. The model's words about it are kept; what
# such a tool did cannot be told to another model.
_HOSTED: Final = frozenset(
    {
        "additional_tools",
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction_trigger",
        "computer_call",
        "computer_call_output",
        "configuration_update",
        "file_search_call",
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "program",
        "program_output",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
        "x_search_call",
    }
)
_SUMMARY: Final = "What was said before, in short:\n\n"


def _nothing_unsealed(_carried: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Known:
    """What a request refers to and does not hold, looked up for it.

    `history` are arrays of items, oldest first, that come before its own; `items` are those it names by their
    id; `unseal` opens compacted conversations. `keeps` is whether answers can be kept at all.
    """

    history: tuple[str, ...] = ()
    items: Mapping[str, Item] = field(default_factory=dict)
    unseal: Callable[[str], str | None] = _nothing_unsealed
    keeps: bool = True


def messages(question: schema.Question, known: Known) -> tuple[Message, ...]:
    """Return the conversation that is to be continued; messages that say nothing are left out.

    Raises `InvalidRequest` with the path of what cannot be understood, `Unsupported` for content that cannot
    be passed on, and `NotFound` for an item that is not known.
    """
    turns = _Turns(known)
    if question.instructions:
        turns.say(Role.SYSTEM, [Text(question.instructions)])
    for at, text in enumerate(known.history):
        for number, item in enumerate(schema.ITEMS.validate_json(text)):
            turns.take(item, f"previous_response.{at}.{number}")
    match question.input:
        case None:
            pass
        case str(text):
            turns.say(Role.USER, [Text(text)])
        case given:
            for at, item in enumerate(given):
                turns.take(item, f"input.{at}")
    return turns.messages()


class _Turns:
    """Puts items together to messages.

    What the model thought, said and called in one go is one message, and so are results that came together.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._messages: list[tuple[Role, list[Part]]] = []
        self._calls: set[str] = set()
        # Calls before that are not known any more.
        self._is_compacted = False

    def messages(self) -> tuple[Message, ...]:
        return telling(Message(role, tuple(parts)) for role, parts in self._messages)

    def say(self, role: Role, parts: list[Part]) -> None:
        last = self._last(role)
        if role is Role.ASSISTANT and last is not None and all(isinstance(one, Thought) for one in last):
            last.extend(parts)
        else:
            self._messages.append((role, parts))

    def take(self, item: schema.Item, path: str) -> None:
        match item:
            case schema.MessageItem():
                self.say(_ROLES[item.role], list(_parts(item.content, f"{path}.content")))
            case schema.CallItem():
                self._call(ToolCall(item.call_id, item.name, item.arguments))
            case schema.CustomCallItem():
                self._call(ToolCall(item.call_id, item.name, item.input))
            case schema.OutputItem():
                self._result(item, path)
            case schema.ReasoningItem():
                self._think(item, path)
            case schema.ReferenceItem():
                self._refer(item, path)
            case schema.CompactionItem():
                self._recall(item, path)
            case schema.OtherItem() if item.type not in _HOSTED:
                raise InvalidRequest(
                    f"'{path}.type' is {quoted(item.type)}, which is not known.", param=f"{path}.type"
                )

    def _call(self, call: ToolCall) -> None:
        self._calls.add(call.id)
        last = self._last(Role.ASSISTANT)
        if last is None:
            self._messages.append((Role.ASSISTANT, [call]))
        else:
            last.append(call)

    def _result(self, item: schema.OutputItem, path: str) -> None:
        if item.call_id not in self._calls and not self._is_compacted:
            raise InvalidRequest(
                f"No tool call found for function call output with call_id {quoted(item.call_id)}.",
                param=f"{path}.call_id",
            )
        result = ToolResult(item.call_id, tuple(_parts(item.output, f"{path}.output")))
        last = self._last(Role.USER)
        if last is not None and all(isinstance(part, ToolResult) for part in last):
            last.append(result)
        else:
            self._messages.append((Role.USER, [result]))

    def _think(self, item: schema.ReasoningItem, path: str) -> None:
        shown = item.summary or item.content or []
        pieces = [_text(part, f"{path}.summary.{at}") for at, part in enumerate(shown)]
        thought = Thought("\n\n".join(piece.text for piece in pieces), item.encrypted_content or "")
        last = self._last(Role.ASSISTANT)
        if last is not None and all(isinstance(part, Thought) for part in last):
            last.append(thought)
        else:
            self._messages.append((Role.ASSISTANT, [thought]))

    def _refer(self, item: schema.ReferenceItem, path: str) -> None:
        found = self._known.items.get(item.id)
        if found is None:
            raise NotFound(
                f"Item with id {quoted(item.id)} not found.",
                param=f"{path}.id",
                hint="Items are kept only with responses that were stored. Send the item itself.",
            )
        (whole,) = schema.ITEMS.validate_python([found])
        self.take(whole, path)

    def _recall(self, item: schema.CompactionItem, path: str) -> None:
        summary = self._known.unseal(item.encrypted_content)
        if summary is None:
            path = f"{path}.encrypted_content"
            raise InvalidRequest(f"'{path}' was not made by this gateway, or was changed.", param=path)
        self._is_compacted = True
        self._messages.append((Role.USER, [Text(_SUMMARY + summary)]))

    def _last(self, role: Role) -> list[Part] | None:
        if not self._messages or self._messages[-1][0] is not role:
            return None
        return self._messages[-1][1]


def _parts(content: str | Iterable[schema.Part] | None, path: str) -> Iterator[Text | Media]:
    match content:
        case None:
            return
        case str(text):
            yield Text(text)
        case parts:
            for at, part in enumerate(parts):
                yield (
                    media.media(part, f"{path}.{at}")
                    if part.type in media.KINDS
                    else _text(part, f"{path}.{at}")
                )


def _text(part: schema.Part, path: str) -> Text:
    if part.type != "refusal" and part.type not in _TEXT_PARTS:
        raise InvalidRequest(
            f"'{path}.type' must be 'input_text', 'input_image', 'input_file' or 'input_audio', not "
            f"{quoted(part.type)}.",
            param=f"{path}.type",
        )
    name, text = ("refusal", part.refusal) if part.type == "refusal" else ("text", part.text)
    if text is None:
        raise required(f"{path}.{name}")
    return Text(text)
