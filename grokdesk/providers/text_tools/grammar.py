"""Every way in which models write calls, recognised while the text arrives.

The form that is asked for is `<tool_calls>` (protocol/grok-web-chat.md §13.2). Models bend it, or fall back
to what they were trained on. Read are

* the wrappers `<tool_calls>` and `<function_calls>` around elements or JSON;
* the elements `<tool_call>`, `<function_call>`, `<invoke>`, `<tool_use>`, also without a wrapper: the name as
  an element, an attribute or `<function=name>`; the arguments as JSON, in CDATA, in a fence, as a JSON
  string, or as `<parameter name="x">` children; or one JSON object with both;
* `{"tool_calls": […]}`, a list of calls and a single call as JSON, at the beginning of the answer or of a
  fence;
* Markdown fences around any of these.

Three decisions need saying. *Order*: forms are taken as they come, because a stream cannot know what will
follow; §13.3 ranks them only where two would match the same text, which here none do. *A string that holds
markup* is read by the rules of JSON first; only when the JSON breaks is the next closing tag taken for the
end. *Doubt* ends early: at the first character that no call can have, what was held is text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Final, NamedTuple

from grokdesk.core.tools import Tool, ToolKind
from grokdesk.providers.text_tools import repair
from grokdesk.providers.text_tools.names import Names
from grokdesk.providers.text_tools.repair import Scan, Scanned
from grokdesk.providers.text_tools.source import Reading, Source, Tag


@dataclass(frozen=True, slots=True)
class Found:
    """A call of a declared tool. `arguments` is a JSON object on one line, whatever the model wrote."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """Text behind a complete `<tool_calls>` element: the model went on without waiting (§13.3)."""

    text: str


Piece = str | Found | Unheard

_WRAPPERS: Final = frozenset({"tool_calls", "function_calls"})
_CALLS: Final = frozenset({"tool_call", "function_call", "invoke", "tool_use", "function", "call"})
_NAMES: Final = frozenset({"tool_name", "name", "tool", "function_name"})
_PARAMETERS: Final = frozenset({"parameter", "param", "argument", "arg"})
_NAME_KEYS: Final = ("name", "tool_name", "tool", "function_name", "function")
_ARGUMENT_KEYS: Final = ("arguments", "parameters", "input", "args", "params", "tool_input", "tool_arguments")
_ARGUMENTS: Final = frozenset(_ARGUMENT_KEYS)
_INNER: Final = _CALLS | _NAMES | _ARGUMENTS | _PARAMETERS

_MARKERS: Final = tuple(
    f"<{space}{name}"
    for space in ("", "xai:", "antml:")
    for name in ("tool_calls", "tool_call", "function_calls", "function_call", "tool_use", "invoke")
)
_BEGIN: Final = rf"(?:{'|'.join(_MARKERS)})(?=[\s>])"
_AT_BEGIN: Final = re.compile(_BEGIN, re.IGNORECASE | re.ASCII)
_NEXT: Final = re.compile(f"{_BEGIN}|```", re.IGNORECASE | re.ASCII)
_NEXT_ANYWHERE: Final = re.compile(rf'{_BEGIN}|```|[\[{{](?=\s*[{{"])', re.IGNORECASE | re.ASCII)
# What may still become a marker; a whole one waits for the character behind it.
_BEGUN: Final = frozenset(marker[:size] for marker in (*_MARKERS, "``") for size in range(1, len(marker) + 1))
_LONGEST: Final = max(map(len, _BEGUN))

_LANGUAGES: Final = (
    "xml",
    "json",
    "html",
    "text",
    "txt",
    "plaintext",
    "tool_calls",
    "tool_code",
    "tool_use",
    "function_calls",
)
_WORD: Final = re.compile(r"\w*")
_LIST: Final = re.compile(r'\{\s*"tool_calls"\s*:\s*\[')
_FENCE: Final = re.compile("```")
_LONGEST_NAME: Final = 160
_DATA: Final = "<![cdata["
_FENCED: Final = re.compile(r"```\w*\s(.*?)(?:```)?", re.DOTALL)
_SET_APART: Final = re.compile(r"[ \t]*\r?\n(.*?)\r?\n[ \t]*", re.DOTALL)
_CHILD: Final = re.compile(r"\s*<([\w.-]+)>(.*?)</\1>\s*", re.DOTALL)
_FREE_TEXT: Final = re.compile(r'\{\s*"?input\b')


class _End(Enum):
    """How a block ended. WHOLE: as it should. BROKEN: with something no call has. CUT: with the text."""

    WHOLE = auto()
    BROKEN = auto()
    CUT = auto()


class _Value(NamedTuple):
    """What stood where arguments stand. `cut`: nothing marked its end."""

    text: str
    cut: bool = False


class Reader:
    """Splits an answer into text and calls.

    `anywhere` also takes JSON in the middle of prose for a call; that is for complete texts, because every
    brace would have to be held back.
    """

    def __init__(self, tools: Sequence[Tool], *, anywhere: bool = False) -> None:
        self._names = Names(tools)
        self._next = _NEXT_ANYWHERE if anywhere else _NEXT
        self._source = Source()
        self._out: list[Piece] = []
        self._found = 0
        # Blanks at the beginning and behind a call, which are shown only with the text that follows them.
        self._blanks: list[str] | None = []
        self._wraps_up = False
        self._is_over = False
        self._in_fence = False
        self._in_code = False
        self._reading = self._read()

    def feed(self, text: str) -> list[Piece]:
        """What is certain now. Text is never empty; neighbours may both be text."""
        self._source.feed(text)
        return self._go_on()

    def end(self) -> list[Piece]:
        """The rest. To be called once, at the end."""
        self._source.ended = True
        return self._go_on()

    def _go_on(self) -> list[Piece]:
        next(self._reading, None)
        out, self._out = self._out, []
        return out

    # --- between calls --------------------------------------------------------------------------------------

    def _read(self) -> Reading[None]:
        source = self._source
        char = yield from source.next_char()
        self._say(source.since(0))
        if char and char in "{[":
            yield from self._block(source.position, self._json(), step=0)
        while True:
            yield from self._pass_on()
            if self._is_over or source.at == len(source.text):
                break
            yield from self._candidate()
        self._say(source.rest())
        while (yield from source.more()):
            source.mark()
            self._say(source.rest())
        if self._blanks and not self._found:
            self._out.append("".join(self._blanks))

    def _pass_on(self) -> Reading[None]:
        """Say all that cannot be the beginning of a call; stop before what may be one, or at the end."""
        source = self._source
        while True:
            source.mark()
            found = self._next.search(source.text, source.at)
            if found:
                self._say_until(found.start())
                return
            self._say_until(source.at + _certain(source.text[source.at :]))
            if not (yield from source.more()):
                self._say_until(len(source.text))
                return

    def _candidate(self) -> Reading[None]:
        source = self._source
        source.mark()
        char = source.text[source.at]
        if char == "<":
            yield from self._block(source.position, self._element(), step=1)
        elif char == "`":
            yield from self._fence()
        else:
            yield from self._block(source.position, self._json(), step=1)

    def _fence(self) -> Reading[None]:
        """A fence: of a call that follows it, the end of such a one, or of something else."""
        source = self._source
        start = source.position
        source.at += 3
        if self._in_fence and self._blanks is not None:
            self._in_fence = False
            return
        if (yield from self._opens_call()):
            block = self._json() if source.text[source.at] in "{[" else self._element()
            self._in_fence = yield from self._block(start, block, step=3)
        else:
            source.rewind(start + 3)
            self._say("```")
            self._in_code = not self._in_code

    def _opens_call(self) -> Reading[bool]:
        """Read the rest of a fence; whether what follows it may be a call."""
        source = self._source
        language = yield from self._language()
        if language is None or (self._in_code and not language):
            return False
        start = source.position
        char = yield from source.next_char()
        if "\n" not in source.since(start):
            return False
        if char and char in "{[":
            return True
        while not _AT_BEGIN.match(source.text, source.at):
            if source.text[source.at : source.at + _LONGEST].lower() not in _BEGUN:
                return False
            if not (yield from source.more()):
                return False
        return True

    def _language(self) -> Reading[str | None]:
        """Read the language of a fence; None when calls are not written in it."""
        source = self._source
        while True:
            match = _WORD.match(source.text, source.at)
            word = match[0].lower() if match else ""
            if source.at + len(word) < len(source.text):
                source.at += len(word)
                return word if word in ("", *_LANGUAGES) else None
            if not any(language.startswith(word) for language in _LANGUAGES):
                return None
            if not (yield from source.more()):
                return None

    def _block(self, start: int, block: Reading[_End], *, step: int) -> Reading[bool]:
        """Read a block that began at `start` and give back whether it held a call; if not, its text is said.

        What broke off is searched again, `step` characters later.
        """
        source = self._source
        before = self._found
        end = yield from block
        if self._found > before:
            if end is _End.CUT:
                source.rest()
            return True
        if end is not _End.WHOLE and (source.is_patient or source.position < start + step):
            source.rewind(start + step)
        self._say(source.since(start))
        return False

    def _say_until(self, at: int) -> None:
        text = self._source.text[self._source.at : at]
        self._source.at = at
        self._say(text)

    def _say(self, text: str) -> None:
        if self._blanks is not None:
            if not text.strip():
                self._blanks += [text] if text else []
                return
            text = "".join([*self._blanks, text])
            self._blanks = None
            self._is_over = self._is_over or self._wraps_up
        if text:
            self._out.append(Unheard(text) if self._is_over else text)

    def _give(self, found: Found | None) -> None:
        if found:
            self._out.append(found)
            self._found += 1
            self._blanks = []

    # --- elements -------------------------------------------------------------------------------------------

    def _element(self) -> Reading[_End]:
        before = self._found
        tag = yield from self._source.tag()
        if tag is None or tag.is_empty:
            return _End.BROKEN
        if tag.name not in _WRAPPERS:
            return (yield from self._call(tag))
        end = yield from self._wrapped()
        self._wraps_up = self._wraps_up or (end is _End.WHOLE and self._found > before)
        return end

    def _wrapped(self) -> Reading[_End]:
        """The inside of a wrapper and its closing tag."""
        source = self._source
        while True:
            char = yield from source.next_char()
            if not char:
                return _End.CUT
            if char == "<":
                start = source.position
                tag = yield from source.tag()
                if tag is None:
                    return _End.CUT if source.breaks_off() else _End.BROKEN
                if tag.closes and tag.name in _WRAPPERS:
                    return _End.WHOLE
                if tag.closes and tag.name in _INNER:
                    continue
                if tag.closes or tag.is_empty or tag.name not in _CALLS:
                    source.rewind(start)
                    return _End.BROKEN
                end = yield from self._call(tag)
                if end is not _End.WHOLE:
                    return end
            elif char == "{":
                value = yield from self._json_or_text(_closing(""))
                for item in _items(value):
                    self._give(self._from_json(item, is_firm=not value.cut))
                if value.cut:
                    return _End.CUT
            elif char in "[],":
                source.at += 1
            elif not (yield from self._skipped_fence()):
                return _End.BROKEN

    def _call(self, opening: Tag) -> Reading[_End]:
        """The inside of one call and its closing tag; gives the call if it is one."""
        draft = _Draft(opening.named)
        end = yield from self._filled(draft, opening)
        if draft.name or draft.value is None:
            self._give(self._from_draft(draft, whole=end is _End.WHOLE))
        else:
            for item in _items(draft.value):
                self._give(self._from_json(item, is_firm=not draft.value.cut))
        return end

    def _filled(self, draft: _Draft, opening: Tag) -> Reading[_End]:
        """Read into `draft` up to the end of the call."""
        source = self._source
        while True:
            char = yield from source.next_char()
            if not char:
                return _End.CUT
            if char == "<" and not (yield from source.skipped(_DATA)):
                start = source.position
                tag = yield from source.tag()
                if tag is None:
                    return _End.CUT if source.breaks_off() else _End.BROKEN
                if tag.closes and tag.name == opening.name:
                    return _End.WHOLE
                if tag.closes and tag.name in _INNER:
                    continue
                if tag.closes or not (yield from self._member(draft, tag)):
                    source.rewind(start)
                    forgotten = tag.name in (_WRAPPERS if tag.closes else _CALLS)
                    return _End.WHOLE if forgotten else _End.BROKEN
            elif draft.value is None and (char in "<{[" or self._is_free(draft)):
                draft.value = yield from self._arguments(_closing(""))
            elif not (yield from source.skipped("]]>")) and not (yield from self._skipped_fence()):
                return _End.BROKEN

    def _member(self, draft: _Draft, tag: Tag) -> Reading[bool]:
        """Read the element that `tag` opens; False when it is none of a call's."""
        if tag.name in _NAMES and not draft.name and not tag.is_empty:
            draft.name = (yield from self._text(_closing(tag.name))).text
        elif tag.name in _CALLS and tag.named and not draft.name:
            draft.name = tag.named
        elif tag.name in _PARAMETERS and tag.named:
            value = _Value("") if tag.is_empty else (yield from self._text(_closing(tag.name)))
            draft.children[tag.named] = _plain(value.text)
            draft.is_cut = draft.is_cut or value.cut
        elif tag.name in _ARGUMENTS and draft.value is None:
            if not tag.is_empty:
                draft.value = yield from self._arguments(_closing(tag.name))
            # Without text, children follow: `<parameters><parameter name="x">`.
        else:
            return False
        return True

    def _is_free(self, draft: _Draft) -> bool:
        tool = self._names.meant(draft.name)
        return tool is not None and tool.kind is ToolKind.CUSTOM

    def _arguments(self, closing: re.Pattern[str]) -> Reading[_Value | None]:
        """What stands between two tags where arguments are expected; None when there are elements."""
        source = self._source
        start = source.position
        char = yield from source.next_char()
        if char == "<":
            in_data = yield from source.skipped(_DATA)
            if not in_data and not (yield from source.skipped("</")):
                tag = yield from source.tag()
                source.rewind(start)
                if tag and tag.name in _PARAMETERS and tag.named:
                    return None
            else:
                source.rewind(start)
        return (yield from self._json_or_text(closing))

    def _json_or_text(self, closing: re.Pattern[str]) -> Reading[_Value]:
        """JSON as long as it is JSON and a tag follows, else all up to `closing`."""
        source = self._source
        if source.is_patient:
            start = source.position
            text = yield from self._balanced()
            if text is not None:
                return _Value(text)
            source.rewind(start)
        return (yield from self._text(closing))

    def _balanced(self) -> Reading[str | None]:
        """JSON with what may be around it; None when there is none, or when no tag stands behind it."""
        source = self._source
        yield from source.next_char()
        in_data = yield from source.skipped(_DATA)
        yield from source.next_char()
        in_fence = yield from self._skipped_fence()
        if (yield from source.next_char()) not in ("{", "["):
            return None
        text = yield from self._container()
        if text is None:
            return None
        yield from source.next_char()
        if in_fence:
            yield from source.skipped("```")
            yield from source.next_char()
        if in_data and not (yield from source.skipped("]]>")):
            return None
        char = yield from source.next_char()
        if char not in ("", "<", ",", "{", "]", "`"):
            return None
        return f"<![CDATA[{text}]]>" if in_data else text

    def _container(self, opened: str = "") -> Reading[str | None]:
        """The JSON container that begins here, or None."""
        source = self._source
        start = source.position
        scan = Scan(opened)
        while True:
            source.at = scan.advance(source.text, source.at)
            if scan.state is Scanned.CLOSED:
                return source.since(start)
            if scan.state is Scanned.BROKEN or not (yield from source.more()):
                return None

    def _text(self, closing: re.Pattern[str]) -> Reading[_Value]:
        """All up to `closing`, which stays, or up to the end."""
        source = self._source
        start = source.position
        while True:
            match = closing.search(source.text, source.at)
            if match:
                source.at = match.start()
                return _Value(source.since(start))
            tail = source.text.rfind("<", max(source.at, len(source.text) - 2 * _LONGEST))
            source.at = tail if tail >= 0 else max(source.at, len(source.text) - 2)
            if not (yield from source.more()):
                source.at = len(source.text)
                return _Value(source.since(start), cut=True)

    def _skipped_fence(self) -> Reading[bool]:
        """Read a fence inside a block, with its language."""
        source = self._source
        if not (yield from source.skipped("```")):
            return False
        while True:
            match = _WORD.match(source.text, source.at)
            source.at = match.end() if match else source.at
            if source.at < len(source.text) or not (yield from source.more()):
                return True

    # --- JSON -----------------------------------------------------------------------------------------------

    def _json(self) -> Reading[_End]:
        """Calls as JSON without any markup, each given as soon as it is complete."""
        source = self._source
        start = source.position
        is_call = yield from self._begins_call()
        source.rewind(start)
        if not is_call:
            return _End.BROKEN
        in_object = _LIST.match(source.text, source.at)
        is_list = in_object is not None or source.text[source.at] == "["
        source.at = in_object.end() if in_object else source.at + is_list
        while True:
            char = yield from source.next_char()
            if not char:
                return _End.CUT
            if char == "{":
                start = source.position
                text = yield from self._container()
                if text is None:
                    source.rewind(start)
                    return (yield from self._rest_of_list(alone=not is_list))
                for item in _items(_Value(text)):
                    self._give(self._from_json(item, alone=not is_list))
                if not is_list:
                    return _End.WHOLE
            elif char == ",":
                source.at += 1
            elif char == "]":
                source.at += 1
                break
            else:
                return _End.BROKEN
        if in_object and (yield from self._container("{")) is None:
            return _End.CUT if source.at == len(source.text) else _End.BROKEN
        return _End.WHOLE

    def _rest_of_list(self, *, alone: bool) -> Reading[_End]:
        """Calls that broke or broke off: all up to the end of the fence or of the text, repaired."""
        value = yield from self._text(_FENCE)
        for item in _items(_Value("[" + value.text, value.cut)):
            self._give(self._from_json(item, alone=alone, is_firm=not value.cut))
        return _End.CUT if value.cut else _End.BROKEN

    def _begins_call(self) -> Reading[bool]:
        """Whether JSON begins like a call; decided by its first member, so that little is held back."""
        source = self._source
        is_list = yield from source.skipped("[")
        if is_list and (yield from source.next_char()) != "{":
            return False
        source.at += 1
        key = yield from self._short_string()
        if key is None or (yield from source.next_char()) != ":":
            return False
        source.at += 1
        char = yield from source.next_char()
        if key == "tool_calls":
            return char == "[" and not is_list
        if key == "function" and char == "{":
            return True
        value = yield from self._short_string()
        if value is None:
            return False
        if key == "type":
            return value in ("function", "tool_use", "tool_call", "function_call")
        if key in ("id", "call_id"):
            return value.startswith(("call", "tool", "fc_"))
        return key in _NAME_KEYS and self._names.meant(value) is not None

    def _short_string(self) -> Reading[str | None]:
        """Read a string without escapes, as names are; else None."""
        source = self._source
        if (yield from source.next_char()) != '"':
            return None
        source.at += 1
        while True:
            end = source.text.find('"', source.at, source.at + _LONGEST_NAME)
            if end >= 0:
                value = source.text[source.at : end]
                source.at = end + 1
                return value
            if len(source.text) - source.at >= _LONGEST_NAME or not (yield from source.more()):
                return None

    # --- calls ----------------------------------------------------------------------------------------------

    def _from_draft(self, draft: _Draft, *, whole: bool) -> Found | None:
        tool = self._names.meant(draft.name)
        if tool is None or draft.is_cut:
            return None
        arguments: dict[str, object] | None = None
        if draft.value is not None:
            arguments = _arguments_in(draft.value, tool)
            whole = whole or not draft.value.cut
        elif draft.children:
            arguments = dict(draft.children)
        elif whole:
            arguments = {}
        return _call(tool, arguments, is_firm=whole)

    def _from_json(self, item: object, *, alone: bool = False, is_firm: bool = True) -> Found | None:
        """The call in a JSON object. `alone`: it must have arguments, or any object with a name would do."""
        if not isinstance(item, dict):
            return None
        function = item.get("function")
        parts = {**item, **function} if isinstance(function, dict) else item
        names = [name for key in _NAME_KEYS if isinstance(name := parts.get(key), str)]
        tool = self._names.meant(names[0]) if names else None
        values = [parts[key] for key in _ARGUMENT_KEYS if key in parts]
        if tool is None or (alone and not values):
            return None
        match values[0] if values else None:
            case str() as text:
                arguments = _arguments_in(_Value(text), tool)
            case dict() as arguments:
                pass
            case None:
                arguments = {}
            case _:
                return None
        return _call(tool, arguments, is_firm=is_firm)


class _Draft:
    """A call that is being read."""

    __slots__ = ("children", "is_cut", "name", "value")

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: dict[str, str] = {}
        self.value: _Value | None = None
        self.is_cut = False


def _certain(text: str) -> int:
    """How much of `text` is certainly not the beginning of a marker."""
    at = text.rfind("<", max(0, len(text) - _LONGEST))
    if at >= 0 and text[at:].lower() in _BEGUN:
        return at
    return max(len(text.rstrip("`")), len(text) - 2)


@cache
def _closing(name: str) -> re.Pattern[str]:
    """The closing tags that end a value: of its own element, or of those around it."""
    names = "|".join(sorted({name, *_CALLS, *_WRAPPERS} - {""}, key=len, reverse=True))
    return re.compile(rf"</(?:[a-z]{{1,16}}:)?(?:{names})[ \t\r\n]{{0,8}}>", re.IGNORECASE | re.ASCII)


def _items(value: _Value) -> list[object]:
    """What may be calls in JSON: the object itself, the items of a list or of `tool_calls`."""
    text = _stripped(value.text)[0]
    loaded = _loaded(text, cut=value.cut)
    if isinstance(loaded, dict) and isinstance(loaded.get("tool_calls"), list):
        loaded = loaded["tool_calls"]
    return loaded if isinstance(loaded, list) else [loaded]


def _loaded(text: str, *, cut: bool = False, as_is: bool = False) -> object:
    """The value of JSON, unless `as_is` also of JSON that was escaped for XML; None when there is none."""
    try:
        value = repair.loads(text, cut=cut)
    except ValueError:
        if as_is or "&" not in text:
            return None
    else:
        return value if as_is or not repair.is_escaped(text) else repair.all_unescaped(value)
    try:
        return repair.loads(repair.unescaped(text), cut=cut)
    except ValueError:
        return None


def _stripped(text: str) -> tuple[str, bool]:
    """`text` without blanks, CDATA and fence around it, and whether it was CDATA."""
    text = text.strip()
    data = _data_in(text)
    if data is not None:
        text = data.strip()
    fenced = _FENCED.fullmatch(text)
    return (fenced[1].strip() if fenced else text), data is not None


def _data_in(text: str) -> str | None:
    """What a CDATA section holds, also one without its end; None when `text` is no such section."""
    text = text.strip()
    return text[len(_DATA) :].removesuffix("]]>") if text[: len(_DATA)].lower() == _DATA else None


def _plain(text: str) -> str:
    """The text of an element, without CDATA and without line breaks that only set it apart from its tags."""
    data = _data_in(text)
    if data is not None:
        return data
    apart = _SET_APART.fullmatch(text)
    text = apart[1] if apart else text
    return repair.unescaped(text) if repair.is_escaped(text) else text


def _arguments_in(value: _Value, tool: Tool) -> dict[str, object] | None:
    """The arguments that `value` means, or None."""
    text, in_data = _stripped(value.text)
    if tool.kind is ToolKind.CUSTOM:
        free = _free_text(value, text)
        return None if free is None else {"input": free}
    if not text:
        return None if value.cut else {}
    loaded = _loaded(text, cut=value.cut, as_is=in_data)
    if isinstance(loaded, str):
        loaded = _loaded(loaded)
    if loaded is None and not value.cut:
        return _children_in(text)
    return loaded if isinstance(loaded, dict) else None


def _free_text(value: _Value, text: str) -> str | None:
    """What a custom tool is given: `{"input": …}` as it was asked to, or the text itself."""
    if value.cut:
        return None
    loaded = _loaded(text) if text[:1] in ("{", '"') else None
    if isinstance(loaded, dict) and isinstance(loaded.get("input"), str):
        return str(loaded["input"])
    if isinstance(loaded, str):
        return loaded
    return None if _FREE_TEXT.match(text) else _plain(value.text)


def _children_in(text: str) -> dict[str, object] | None:
    """Arguments written as elements: `<city>Oslo</city>`."""
    children: dict[str, object] = {}
    at = 0
    while at < len(text):
        child = _CHILD.match(text, at)
        if not child:
            return None
        children[child[1]] = _plain(child[2])
        at = child.end()
    return children


def _call(tool: Tool, arguments: dict[str, object] | None, *, is_firm: bool) -> Found | None:
    """The call, if `arguments` are any; those that broke off must have all that is required."""
    if arguments is None or not (is_firm or _required(tool) <= arguments.keys()):
        return None
    return Found(tool.name, repair.compact(arguments))


def _required(tool: Tool) -> set[object]:
    schema = _loaded(tool.schema)
    names = schema.get("required") if isinstance(schema, dict) else None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()
