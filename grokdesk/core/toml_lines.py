"""TOML files of people, changed line by line; every other byte stays.

Only texts are put in: at the top level, and into tables named by a header such as `[a.b]`. Whoever calls this
compares what the text means before and after (`meaning`), so that a file written in another way, with dotted
or inline tables, is left alone instead of being spoiled. Pure.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Final

from grokdesk.core.jsonc import MISSING, BadText, InTheWay, Json, Missing, Path

_HEADER: Final = re.compile(r"[ \t]*\[(?!\[)([^\[\]\r\n]+)\][ \t]*(?:#.*)?")
_ANY_HEADER: Final = re.compile(r"[ \t]*\[")
_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")
_VALUE: Final = re.compile(r"""=[ \t]*("(?!"")(?:[^"\\]|\\.)*"|'(?!'')[^']*'|[^\s"'\[{#][^\s#]*)""")
# What matters for where a value ends: texts, brackets, comments, and escapes, which hide a quotation mark.
_PARTS: Final = re.compile(r"""\\.|\"{3}|'{3}|"(?:[^"\\\r\n]|\\.)*"|'[^'\r\n]*'|[\[\]{}]|\#[^\r\n]*""")
_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")


def check(text: str) -> None:
    """Raise `BadText` unless this is TOML."""
    meaning(text)


def meaning(text: str) -> dict[str, Json]:
    """What a text says. Raises `BadText`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        what = _AT_LINE.sub("", str(error)).removesuffix(" (at end of document)")
        raise BadText(line, what[:1].lower() + what[1:]) from error


def value_at(text: str, path: Path) -> Json | Missing:
    """What stands at `path`. Raises `BadText`."""
    place: Json = meaning(text)
    for name in path:
        if not isinstance(place, dict) or name not in place:
            return MISSING
        place = place[name]
    return place


def line_at(text: str, path: Path) -> str | None:
    """The line that gives the value at `path`, as it is typed; None when none does."""
    lines = _lines(text)
    place = _place(lines, path)
    return None if place is None else _bare(lines[place])


def put(text: str, path: Path, value: str) -> str:
    """Let a text stand at `path`. Raises `InTheWay` when what stands there is no single text."""
    lines = _lines(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    place = _place(lines, path)
    made = json.dumps(value, ensure_ascii=False)
    if place is not None:
        line = lines[place]
        found = _VALUE.search(line)
        if found is None:
            raise InTheWay(place + 1, ".".join(path))
        lines[place] = line[: found.start(1)] + made + line[found.end(1) :]
        return "".join(lines)
    span = _section(lines, path[:-1])
    fresh = f"{path[-1]} = {made}{newline}"
    if span is None:
        end = "" if not text or text.endswith("\n") else newline
        gap = newline if text.strip() else ""
        return f"{text}{end}{gap}[{'.'.join(path[:-1])}]{newline}{fresh}"
    start, end_of = span
    last = max((number for number in range(start, end_of) if _says_something(lines[number])), default=None)
    at = start if last is None else last + 1
    if last is None and not path[:-1]:
        at = _behind_the_head(lines)
    if at and not lines[at - 1].endswith("\n"):
        lines[at - 1] += newline
    lines.insert(at, fresh)
    return "".join(lines)


def put_line(text: str, path: Path, line: str) -> str:
    """Let the line of `path` be as it was typed once."""
    lines = _lines(text)
    place = _place(lines, path)
    if place is not None:
        old = lines[place]
        lines[place] = line + old[len(_bare(old)) :]
    return "".join(lines)


def take_out(text: str, path: Path) -> str:
    """Remove the line that gives the value at `path`, if there is one."""
    lines = _lines(text)
    place = _place(lines, path)
    if place is not None:
        del lines[place]
    return "".join(lines)


def is_bare(text: str, path: Path) -> bool:
    """Whether the table at `path` has a header and nothing else."""
    lines = _lines(text)
    span = _section(lines, path)
    return span is not None and bool(path) and not any(line.strip() for line in lines[span[0] : span[1]])


def take_out_table(text: str, path: Path) -> str:
    """Remove the header of a table, and the empty line in front of it."""
    lines = _lines(text)
    span = _section(lines, path)
    if span is None or not path:
        return text
    start = span[0] - 1
    end = span[0]
    if start and not lines[start - 1].strip():
        start -= 1
    return "".join([*lines[:start], *lines[end:]])


# --- inside -------------------------------------------------------------------------------------------------


def _section(lines: list[str], path: Path) -> tuple[int, int] | None:
    """The lines below the header of a table; for the top level, those before the first header."""
    start = 0 if not path else None
    begins = _beginnings(lines)
    for number, line in enumerate(lines):
        if number not in begins or not _ANY_HEADER.match(line):
            continue
        if start is not None:
            return start, number
        header = _HEADER.fullmatch(_bare(line))
        if header and [part.strip().strip("\"'") for part in header[1].split(".")] == list(path):
            start = number + 1
    return None if start is None else (start, len(lines))


def _place(lines: list[str], path: Path) -> int | None:
    span = _section(lines, path[:-1])
    if span is None:
        return None
    name = re.escape(path[-1])
    key = re.compile(rf"""[ \t]*(?:{name}|"{name}"|'{name}')[ \t]*=""")
    begins = _beginnings(lines)
    return next((number for number in range(*span) if number in begins and key.match(lines[number])), None)


def _beginnings(lines: list[str]) -> frozenset[int]:
    """The lines that do not go on with a text or a list of the line before. The text is TOML."""
    begins: set[int] = set()
    depth = 0
    inside = ""
    for number, line in enumerate(lines):
        if not inside and not depth:
            begins.add(number)
        for part in _PARTS.findall(line):
            if inside:
                inside = "" if part == inside else inside
            elif part in {'"""', "'''"}:
                inside = part
            elif part in "[]{}":
                depth += 1 if part in "[{" else -1
            elif part.startswith("#"):
                break
    return frozenset(begins)


def _behind_the_head(lines: list[str]) -> int:
    """Behind the comment a file begins with, if an empty line follows that."""
    number = 0
    while number < len(lines) and lines[number].lstrip().startswith("#"):
        number += 1
    return number if number == len(lines) or not lines[number].strip() else 0


def _says_something(line: str) -> bool:
    bare = line.strip()
    return bool(bare) and not bare.startswith("#")


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)


def _bare(line: str) -> str:
    return line.rstrip("\r\n")


__all__ = [
    "MISSING",
    "check",
    "is_bare",
    "line_at",
    "meaning",
    "put",
    "put_line",
    "take_out",
    "take_out_table",
    "value_at",
]
