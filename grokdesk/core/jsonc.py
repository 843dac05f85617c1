"""JSON as people keep it in settings files, with comments and trailing commas: read, and changed in place.

A change touches the characters of one member and the commas beside it; everything else stays as it was typed.
Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Path: TypeAlias = Sequence[str]

_DEEPEST: Final = 100
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LINE_COMMENT: Final = re.compile(r"//[^\r\n]*")
_BLOCK_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_PLAIN: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_INDENTED: Final = re.compile(r"^([ \t]+)\S", re.MULTILINE)
# What may stand between the end of a value and the end of its line.
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/[ \t]*(?=[\r\n]|$))?")


class BadText(ValueError):
    """A text that is not what it should be. `line` counts from 1."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


class InTheWay(ValueError):
    """Something else stands where a member should go. `line` counts from 1."""

    def __init__(self, line: int, name: str) -> None:
        super().__init__(f"line {line}: {name}")
        self.line = line
        self.name = name


class Missing:
    """Nothing is there; None is a value."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class _Node:
    start: int
    end: int
    value: Json
    members: tuple[_Member, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    start: int
    node: _Node
    comma: int
    """Where the comma behind it is; -1 when there is none."""


def check(text: str) -> None:
    """Raise `BadText` unless `text` is blank or an object."""
    _root(text)


def value_at(text: str, path: Path) -> Json | Missing:
    """What stands at `path`. Raises `BadText`."""
    node = _find(text, path)
    return MISSING if node is None else node.value


def source_at(text: str, path: Path) -> str | None:
    """How it is typed there; None when there is nothing. Raises `BadText`."""
    node = _find(text, path)
    return None if node is None else text[node.start : node.end]


def put(text: str, path: Path, value: Json) -> str:
    """Let `value` stand at `path`, with the objects around it. Raises `BadText` and `InTheWay`."""
    root = _root(text)
    if root is None:
        begun = text if not text.strip() or text.endswith("\n") else text + _newline(text)
        text = f"{begun}{{}}{_newline(text)}"
        root = _root(text)
        assert root is not None
    node = root
    for depth, name in enumerate(path):
        if node.members is None:
            raise InTheWay(_line(text, node.start), ".".join(path[:depth]))
        member = _member(text, node, name)
        if member is None:
            nested: Json = value
            for inner in reversed(path[depth + 1 :]):
                nested = {inner: nested}
            return _inserted(text, node, name, nested)
        node = member.node
    return text[: node.start] + _written(text, value, _indent_at(text, node.start)) + text[node.end :]


def put_source(text: str, path: Path, source: str) -> str:
    """Let what is at `path` be typed as `source` again. Nothing happens where nothing is."""
    node = _find(text, path)
    return text if node is None else text[: node.start] + source + text[node.end :]


def take_out(text: str, path: Path) -> str:
    """Remove the member at `path`, if there is one, with its comma and a line it had for itself."""
    parent = _find(text, path[:-1])
    if parent is None or parent.members is None:
        return text
    member = _member(text, parent, path[-1])
    if member is None:
        return text
    place = parent.members.index(member)
    cuts: list[tuple[int, int]] = []
    if member.comma >= 0:
        cuts.append((member.start, member.comma + 1))
    else:
        cuts.append((member.start, member.node.end))
        if place and parent.members[place - 1].comma >= 0:
            comma = parent.members[place - 1].comma
            cuts.append((comma, comma + 1))
    start, end = cuts[0]
    before = start - len(text[:start]) + len(text[:start].rstrip(" \t"))
    after = end + len(text[end:]) - len(text[end:].lstrip(" \t"))
    at_line_start = before == 0 or text[before - 1] in "\r\n"
    at_line_end = after == len(text) or text[after] in "\r\n"
    if at_line_start and at_line_end:
        cuts[0] = (before, after + len(_break_at(text, after)))
    elif at_line_end or member.comma < 0:
        cuts[0] = (before, end)
    else:
        cuts[0] = (start, after)
    for cut_start, cut_end in sorted(cuts, reverse=True):
        text = text[:cut_start] + text[cut_end:]
    if len(parent.members) == 1 and is_bare(text, path[:-1]):
        text = put_source(text, path[:-1], "{}")
    return text


def is_bare(text: str, path: Path) -> bool:
    """Whether an object without members and without comments stands at `path`."""
    node = _find(text, path)
    if node is None or node.members is None or node.members:
        return False
    return not text[node.start + 1 : node.end - 1].strip()


# --- writing ------------------------------------------------------------------------------------------------


def _inserted(text: str, parent: _Node, name: str, value: Json) -> str:
    assert parent.members is not None
    key = json.dumps(name, ensure_ascii=False)
    inside = text[parent.start + 1 : parent.end - 1]
    if parent.members and "\n" not in inside and "\r" not in inside:
        last = parent.members[-1]
        place = last.comma + 1 if last.comma >= 0 else last.node.end
        comma = "" if last.comma >= 0 else ","
        more = f"{comma} {key}: {json.dumps(value, ensure_ascii=False)}" + ("," if last.comma >= 0 else "")
        return text[:place] + more + text[place:]
    newline = _newline(text)
    outer = _indent_at(text, parent.start)
    if not parent.members:
        indent = outer + _unit(text)
        line = f"{newline}{indent}{key}: {_written(text, value, indent)}"
        if not inside.strip():
            return f"{text[: parent.start + 1]}{line}{newline}{outer}{text[parent.end - 1 :]}"
        # Only comments: behind them.
        end = parent.start + 1 + len(inside.rstrip())
        return f"{text[:end]}{line}{newline}{outer}{text[parent.end - 1 :]}"
    last = parent.members[-1]
    begins = text[: last.start].rpartition("\n")[2]
    indent = begins if not begins.strip() else outer + _unit(text)
    end = last.comma + 1 if last.comma >= 0 else last.node.end
    rest = _REST_OF_LINE.match(text, end)
    tail = rest.end() if rest is not None and rest.group().strip() else end
    trailing = "," if last.comma >= 0 else ""
    line = f"{newline}{indent}{key}: {_written(text, value, indent)}{trailing}"
    comma = "" if last.comma >= 0 else ","
    return text[:end] + comma + text[end:tail] + line + text[tail:]


def _written(text: str, value: Json, indent: str) -> str:
    made = json.dumps(value, ensure_ascii=False, indent=_unit(text))
    return made.replace("\n", _newline(text) + indent)


def _unit(text: str) -> str:
    """What one step of indentation is in this text."""
    found = _INDENTED.search(text)
    if found is None:
        return "  "
    return "\t" if found[1].startswith("\t") else found[1]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _break_at(text: str, place: int) -> str:
    if text.startswith("\r\n", place):
        return "\r\n"
    return text[place : place + 1]


def _indent_at(text: str, place: int) -> str:
    """The indentation of the line in which `place` is."""
    line = text[:place].rpartition("\n")[2]
    return line[: len(line) - len(line.lstrip(" \t"))]


# --- reading ------------------------------------------------------------------------------------------------


def _find(text: str, path: Path) -> _Node | None:
    node = _root(text)
    for name in path:
        if node is None or node.members is None:
            return None
        member = _member(text, node, name)
        node = None if member is None else member.node
    return node


def _member(text: str, node: _Node, name: str) -> _Member | None:
    assert node.members is not None
    found = [one for one in node.members if one.name == name]
    if len(found) > 1:
        raise BadText(_line(text, found[1].start), f"{json.dumps(name)} is there twice")
    return found[0] if found else None


def _root(text: str) -> _Node | None:
    """The object; None when there is nothing but space and comments."""
    reader = _Reader(text)
    reader.skip()
    if reader.place == len(text):
        return None
    if text[reader.place] != "{":
        raise reader.bad("this is not an object: { is missing")
    node = reader.value(0)
    reader.skip()
    if reader.place < len(text):
        raise reader.bad("there is something behind the end")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.place = 0

    def bad(self, what: str) -> BadText:
        return BadText(_line(self._text, self.place), what)

    def skip(self) -> None:
        text = self._text
        while True:
            space = _SPACE.match(text, self.place)
            assert space is not None
            self.place = space.end()
            if not text.startswith("/", self.place):
                return
            comment = _LINE_COMMENT.match(text, self.place) or _BLOCK_COMMENT.match(text, self.place)
            if comment is None:
                raise self.bad(
                    "a comment has no end" if text.startswith("/*", self.place) else "/ is unexpected"
                )
            self.place = comment.end()

    def value(self, depth: int) -> _Node:
        if depth > _DEEPEST:
            raise self.bad("it is nested too deeply")
        first = self._text[self.place : self.place + 1]
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._array(depth)
        start = self.place
        if first == '"':
            text = self._string()
            return _Node(start, self.place, text)
        found = _PLAIN.match(self._text, start)
        if found is None or self._text[found.end() : found.end() + 1].isalnum():
            raise self.bad("a value is missing or not one of JSON")
        self.place = found.end()
        return _Node(start, self.place, json.loads(found.group()))

    def _string(self) -> str:
        found = _STRING.match(self._text, self.place)
        if found is None:
            raise self.bad("a text has no closing quotation mark")
        try:
            value = json.loads(found.group())
        except ValueError:
            raise self.bad("a text has an unknown escape") from None
        self.place = found.end()
        assert isinstance(value, str)
        return value

    def _object(self, depth: int) -> _Node:
        start = self.place
        self.place += 1
        members: list[_Member] = []
        while True:
            self.skip()
            if self._at("}"):
                self.place += 1
                values = {one.name: one.node.value for one in members}
                return _Node(start, self.place, values, tuple(members))
            if members and members[-1].comma < 0:
                raise self.bad("a comma or } is missing")
            began = self.place
            if not self._at('"'):
                raise self.bad('a name in "…" or } is missing')
            name = self._string()
            self.skip()
            if not self._at(":"):
                raise self.bad("a colon is missing")
            self.place += 1
            self.skip()
            node = self.value(depth + 1)
            members.append(_Member(name, began, node, self._comma()))

    def _array(self, depth: int) -> _Node:
        start = self.place
        self.place += 1
        items: list[Json] = []
        comma = 0
        while True:
            self.skip()
            if self._at("]"):
                self.place += 1
                return _Node(start, self.place, items)
            if items and comma < 0:
                raise self.bad("a comma or ] is missing")
            items.append(self.value(depth + 1).value)
            comma = self._comma()

    def _comma(self) -> int:
        """Where the comma is that comes next; -1 when something else comes. Goes behind it."""
        behind = self.place
        self.skip()
        if self._at(","):
            self.place += 1
            return self.place - 1
        self.place = behind
        return -1

    def _at(self, sign: str) -> bool:
        return self._text.startswith(sign, self.place)


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
