"""YAML files of people, changed line by line where that is certain to be right, and left alone otherwise.

Only two things are done: a text at the top level (`model: x`), and an entry of a list at the top level
(`models:` and lines that begin with `- `). Lines at the top level cannot belong to a value above them,
because those are indented, so that finding them needs no parser. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from grokdesk.core.jsonc import MISSING, BadText, InTheWay, Missing

_KEY: Final = re.compile(r"""(?:"([^"\\]+)"|'([^']+)'|([A-Za-z_][\w.-]*))[ \t]*:(?=[ \t]|$)""")
_PLAIN: Final = re.compile(r"[A-Za-z][\w./-]*(?::(?! )[\w./-]+)*")
_RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_COMMENT: Final = re.compile(r"[ \t]+#.*$")
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
# YAML takes some of these for ends of lines; nobody types them.
_ODD: Final = re.compile("[\x00-\x08\x0b-\x0c\x0e-\x1f\x85\u2028\u2029]")
_EMPTY_LIST: Final = re.compile(r"\[[ \t]*\]")


def check(text: str) -> None:
    """Raise `BadText` unless this is one document whose top level is lines such as `name: value`."""
    for number, line in enumerate(_lines(text), 1):
        bare = line.strip()
        # A carriage return by itself ends a line for YAML and not for us.
        if _ODD.search(line) or "\r" in line:
            raise BadText(number, "there is a control character in it")
        if not bare or bare.startswith("#"):
            continue
        if line.startswith("\t"):
            raise BadText(number, "a line begins with a tab, which YAML does not allow")
        if line.startswith((" ", "- ", "}", "]")) or bare in {"-", "---"}:
            continue
        if bare.startswith(("---", "...", "%", "{", "[", "&", "*", "!", "|", ">", "?")):
            raise BadText(number, "this way of writing YAML is not changed by GrokDesk")
        if not _KEY.match(line):
            raise BadText(number, "a name with a colon is missing")
    lines = _lines(text)
    first = next(
        (at for at, line in enumerate(lines) if _says_something(line) and line.strip() != "---"), None
    )
    if first is not None and not _KEY.match(lines[first]):
        # All of it may be indented, or a list.
        raise BadText(first + 1, "the first name does not stand at the beginning of its line")
    marks = [number for number, line in enumerate(_lines(text), 1) if line.strip() == "---"]
    if len(marks) > 1 or any(_content_before(text, number) for number in marks):
        raise BadText(marks[-1], "there is more than one document in it")


def text_at(text: str, name: str) -> str | Missing:
    """The text of a member of the top level. Raises `BadText` for a name that is there twice."""
    place = _place(text, name)
    if place is None:
        return MISSING
    lines = _lines(text)
    source = _value_source(lines[place])
    if _goes_on(lines, place):
        raise InTheWay(place + 1, name)
    return _understood(source)


def line_at(text: str, name: str) -> str | None:
    """The whole line of a member, as it is typed; None when there is none."""
    place = _place(text, name)
    return None if place is None else _lines(text)[place]


def put_text(text: str, name: str, value: str) -> str:
    """Let a text stand at the top level. Raises `BadText`, and `InTheWay` when it is no text there."""
    check(text)
    place = _place(text, name)
    if place is None:
        return _appended(text, [f"{name}: {scalar(value)}"])
    lines = _lines(text)
    if _goes_on(lines, place):
        raise InTheWay(place + 1, name)
    found = _KEY.match(lines[place])
    assert found is not None
    behind = lines[place][found.end() :]
    comment = _COMMENT.search(behind) if not behind.lstrip().startswith(("'", '"')) else None
    return _with_line(text, place, f"{found.group()} {scalar(value)}{comment.group() if comment else ''}")


def put_line(text: str, name: str, line: str) -> str:
    """Let the line of a member be as it was typed once."""
    place = _place(text, name)
    return text if place is None else _with_line(text, place, line)


def take_out(text: str, name: str) -> str:
    """Remove the line of a member of the top level, if it is there and its value is a text or nothing."""
    place = _place(text, name)
    if place is None or (_goes_on(_lines(text), place) and not is_empty_list(text, name)):
        return text
    kept = _kept(text)
    del kept[place]
    return "".join(kept)


def entry_at(text: str, name: str, first: str) -> list[str] | Missing:
    """The lines of the entry of a list that begins with `- ` and `first`, without indentation."""
    span = _entry(text, name, first)
    if span is None:
        return MISSING
    start, end = span
    return [line.strip() for line in _lines(text)[start:end]]


def put_entry(text: str, name: str, entry: Sequence[str]) -> str:
    """Put an entry at the head of a list at the top level, in the place of one with the same first line.

    `entry` are lines such as `name: x`, without indentation. Raises `BadText` and `InTheWay`.
    """
    check(text)
    newline = _newline(text)
    span = _entry(text, name, entry[0])
    kept = _kept(text)
    if span is not None:
        start, end = span
        indent = kept[start][: len(kept[start]) - len(kept[start].lstrip())]
        ends = kept[end - 1].endswith("\n")
        block = newline.join(_block(entry, indent)) + (newline if ends else "")
        return "".join([*kept[:start], block, *kept[end:]])
    place = _place(text, name)
    if place is None:
        return _appended(text, [f"{name}:", *_block(entry, "  ")])
    lines = _lines(text)
    source = _value_source(lines[place])
    if _EMPTY_LIST.fullmatch(source):
        head = lines[place]
        opened = head.index("[")
        closed = head.index("]", opened)
        line = (head[:opened].rstrip() + head[closed + 1 :]).rstrip()
        made = newline.join([line, *_block(entry, "  ")])
        return _with_line(text, place, made)
    follow = next((number for number in range(place + 1, len(lines)) if _says_something(lines[number])), None)
    if source or follow is None or not re.match(r" *- ", lines[follow]):
        if not source and (follow is None or not lines[follow].startswith(" ")):
            return _with_line(text, place, newline.join([lines[place], *_block(entry, "  ")]))
        raise InTheWay(place + 1, name)
    indent = lines[follow][: len(lines[follow]) - len(lines[follow].lstrip())]
    block = newline.join(_block(entry, indent)) + newline
    return "".join([*kept[:follow], block, *kept[follow:]])


def take_out_entry(text: str, name: str, first: str) -> str:
    """Remove an entry of a list, if it is there. A list without entries is written as `[]`."""
    span = _entry(text, name, first)
    if span is None:
        return text
    kept = _kept(text)
    left = "".join([*kept[: span[0]], *kept[span[1] :]])
    place = _place(left, name)
    if place is None or _goes_on(_lines(left), place):
        return left
    return _with_line(left, place, f"{_lines(left)[place].rstrip()} []")


def is_empty_list(text: str, name: str) -> bool:
    """Whether a list without entries stands there."""
    line = line_at(text, name)
    return line is not None and bool(_EMPTY_LIST.fullmatch(_value_source(line)))


def scalar(value: str) -> str:
    """A text as YAML writes it."""
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)


# --- inside -------------------------------------------------------------------------------------------------


def _block(entry: Sequence[str], indent: str) -> list[str]:
    return [f"{indent}- {entry[0]}", *(f"{indent}  {line}" for line in entry[1:])]


def _entry(text: str, name: str, first: str) -> tuple[int, int] | None:
    """The lines of an entry: its first, and the one behind its last."""
    place = _place(text, name)
    if place is None:
        return None
    lines = _lines(text)
    for number in range(place + 1, len(lines)):
        line = lines[number]
        if _says_something(line) and not line.startswith((" ", "- ")):
            return None
        if line.strip() != f"- {first}":
            continue
        inner = len(line) - len(line.lstrip()) + 2
        end = number + 1
        while end < len(lines) and lines[end].strip() and lines[end].startswith(" " * inner):
            end += 1
        return number, end
    return None


def _place(text: str, name: str) -> int | None:
    """The number of the line of a member of the top level, from 0."""
    found = [
        number
        for number, line in enumerate(_lines(text))
        if (match := _KEY.match(line)) and name in (match[1], match[2], match[3])
    ]
    if len(found) > 1:
        raise BadText(found[1] + 1, f"{name} is there twice")
    return found[0] if found else None


def _goes_on(lines: Sequence[str], place: int) -> bool:
    """Whether the value of a line is more than what stands in it."""
    source = _value_source(lines[place])
    if source.startswith(("|", ">", "[", "{", "&", "*", "!")):
        return True
    for line in lines[place + 1 :]:
        if _says_something(line):
            return line.startswith((" ", "- ")) or line.strip() == "-"
    return False


def _value_source(line: str) -> str:
    found = _KEY.match(line)
    assert found is not None
    source = line[found.end() :].strip()
    if source.startswith("#"):
        return ""
    return source if source.startswith(("'", '"')) else _COMMENT.sub("", source).strip()


def _understood(source: str) -> str:
    quoted = re.match(r'"(?:[^"\\]|\\.)*"', source)
    if quoted:
        try:
            return str(json.loads(quoted.group()))
        except ValueError:
            return source
    single = re.match(r"'((?:[^']|'')*)'", source)
    return single[1].replace("''", "'") if single else source


def _says_something(line: str) -> bool:
    bare = line.strip()
    return bool(bare) and not bare.startswith("#")


def _content_before(text: str, number: int) -> bool:
    return any(_says_something(line) for line in _lines(text)[: number - 1])


def _with_line(text: str, place: int, line: str) -> str:
    kept = _kept(text)
    old = kept[place]
    kept[place] = line + old[len(old.rstrip("\r\n")) :]
    return "".join(kept)


def _appended(text: str, lines: Sequence[str]) -> str:
    newline = _newline(text)
    made = newline.join(lines) + newline
    if not text or text.endswith("\n"):
        return text + made
    kept = _kept(text)
    last = max((number for number, line in enumerate(kept) if _KEY.match(line)), default=None)
    if last is None or not kept[-1].startswith(" "):
        return text + newline + made
    # The end of the file may be that of a text, which must not get another one: in front of it, and of what
    # is said about it.
    while last and kept[last - 1].startswith("#"):
        last -= 1
    return "".join([*kept[:last], made, *kept[last:]])


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r\n") for line in _kept(text)]


def _kept(text: str) -> list[str]:
    """The lines with their ends. Unlike `splitlines` it knows only one end of a line, with or without CR."""
    return _LINE.findall(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
