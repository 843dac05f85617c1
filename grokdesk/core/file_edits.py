"""Changes to settings files of other programs: put in what is ours, and take out exactly that later. Pure.

The three kinds of files behave alike here. A text with CR LF keeps it; a mark of the byte order is handled by
whoever reads the file.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from grokdesk.core import jsonc, toml_lines, yaml_lines
from grokdesk.core.client_setups import FileKind, Path, Put
from grokdesk.core.jsonc import MISSING, BadText, InTheWay, Json, Missing

_CONTEXT: Final = 3


@dataclass(frozen=True, slots=True)
class Written:
    """One value we put in. `before` is how what stood there was typed; None when nothing did."""

    path: Path
    value: Json
    entry: bool = False
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """A text with our values in it. `made` are the objects or tables around them that were not there."""

    text: str
    written: tuple[Written, ...]
    made: tuple[Path, ...]


class Unsafe(ValueError):
    """The change would touch more than what is ours."""


def check(kind: FileKind, text: str) -> None:
    """Raise `BadText` for a text that is not of this kind."""
    {FileKind.JSON: jsonc.check, FileKind.TOML: toml_lines.check, FileKind.YAML: yaml_lines.check}[kind](text)


def is_blank(kind: FileKind, text: str) -> bool:
    """Whether there is nothing in it but comments."""
    if kind is FileKind.JSON:
        return jsonc.value_at(text, ()) in (MISSING, {})
    return all(not line.strip() or line.strip().startswith("#") for line in text.split("\n"))


def value_at(kind: FileKind, text: str, path: Path, *, entry: bool = False) -> Json | Missing:
    """What stands at a place. Raises `BadText`, and `InTheWay` when it cannot be said."""
    match kind:
        case FileKind.JSON:
            return jsonc.value_at(text, path)
        case FileKind.TOML:
            return toml_lines.value_at(text, path)
        case FileKind.YAML:
            if not entry:
                return yaml_lines.text_at(text, path[0])
            found = yaml_lines.entry_at(text, path[0], path[1])
            if isinstance(found, Missing):
                return found
            first, *rest = found
            return [first.removeprefix("- "), *rest]


def edited(kind: FileKind, text: str, puts: Sequence[Put], before: Sequence[Written] = ()) -> Edited:
    """Put values into a text.

    `before` is what we wrote earlier: where that still stands, what stood there before it is remembered on.
    Raises `BadText`, `InTheWay`, and `Unsafe` when anything else would change its meaning.
    """
    check(kind, text)
    earlier = {(one.path, one.entry): one for one in before}
    written: list[Written] = []
    made: list[Path] = []
    for put in puts:
        # What is ambiguous in the file itself is told of it; anything after that is our own doing.
        value_at(kind, text, put.path, entry=put.entry)
    try:
        now = _all_put(kind, text, puts, earlier, written, made)
    except BadText as error:
        raise Unsafe from error
    written += [
        one for one in earlier.values() if value_at(kind, now, one.path, entry=one.entry) == one.value
    ]
    _verify(kind, text, now, puts)
    return Edited(now, tuple(written), tuple(made))


def _all_put(
    kind: FileKind,
    text: str,
    puts: Sequence[Put],
    earlier: dict[tuple[Path, bool], Written],
    written: list[Written],
    made: list[Path],
) -> str:
    now = text
    for put in puts:
        made += [path for path in _parents(put.path) if path not in made and _lacks(kind, now, path)]
        there = value_at(kind, now, put.path, entry=put.entry)
        known = earlier.pop((put.path, put.entry), None)
        kept = known is not None and there == known.value
        source = known.before if known is not None and kept else _source(kind, now, put)
        written.append(Written(put.path, put.value, put.entry, source))
        if there != put.value:
            now = _put(kind, now, put)
    return now


def undone(
    kind: FileKind, text: str, written: Sequence[Written], made: Iterable[Path]
) -> tuple[str, list[Path]]:
    """Take out what we wrote; returns the text, and the places that somebody changed since and that stay.

    Raises `BadText`.
    """
    check(kind, text)
    left: list[Path] = []
    for one in reversed(written):
        try:
            there = value_at(kind, text, one.path, entry=one.entry)
        except InTheWay:
            left.append(one.path)
            continue
        if isinstance(there, Missing):
            continue
        if there != one.value:
            left.append(one.path)
        elif one.before is None:
            text = _take_out(kind, text, one)
        else:
            text = _put_back(kind, text, one)
    for path in sorted(made, key=len, reverse=True):
        if kind is FileKind.JSON and jsonc.is_bare(text, path):
            text = jsonc.take_out(text, path)
        elif kind is FileKind.TOML and toml_lines.is_bare(text, path):
            text = toml_lines.take_out_table(text, path)
        elif kind is FileKind.YAML and yaml_lines.is_empty_list(text, path[0]):
            text = yaml_lines.take_out(text, path[0])
    check(kind, text)
    return text, left


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of the comparison. `sign` is `+`, `-`, a space, or `…` where lines are left out."""

    sign: str
    text: str
    old: int = 0
    new: int = 0


def diff(before: str, after: str, hide: Callable[[str], str]) -> list[DiffLine]:
    """Compare two texts by lines; `hide` makes secrets unreadable in what is shown."""
    old = [line.rstrip("\r") for line in before.split("\n")] if before else []
    new = [line.rstrip("\r") for line in after.split("\n")] if after else []
    for lines in (old, new):
        if lines and not lines[-1]:
            lines.pop()
    shown: list[DiffLine] = []
    groups = list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT))
    for number, group in enumerate(groups):
        if number or group[0][1]:
            shown.append(DiffLine("…", ""))
        for what, start, end, new_start, new_end in group:
            if what == "equal":
                shown += [
                    DiffLine(" ", hide(line), start + at + 1, new_start + at + 1)
                    for at, line in enumerate(old[start:end])
                ]
                continue
            shown += [DiffLine("-", hide(line), old=start + at + 1) for at, line in enumerate(old[start:end])]
            shown += [
                DiffLine("+", hide(line), new=new_start + at + 1)
                for at, line in enumerate(new[new_start:new_end])
            ]
    if groups and groups[-1][-1][2] < len(old):
        shown.append(DiffLine("…", ""))
    return shown


# --- inside -------------------------------------------------------------------------------------------------


def _parents(path: Path) -> list[Path]:
    return [path[:depth] for depth in range(1, len(path))]


def _lacks(kind: FileKind, text: str, path: Path) -> bool:
    match kind:
        case FileKind.JSON:
            return isinstance(jsonc.value_at(text, path), Missing)
        case FileKind.TOML:
            return isinstance(toml_lines.value_at(text, path), Missing)
        case FileKind.YAML:
            return yaml_lines.line_at(text, path[0]) is None


def _source(kind: FileKind, text: str, put: Put) -> str | None:
    match kind:
        case FileKind.JSON:
            return jsonc.source_at(text, put.path)
        case FileKind.TOML:
            return toml_lines.line_at(text, put.path)
        case FileKind.YAML:
            if not put.entry:
                return yaml_lines.line_at(text, put.path[0])
            found = yaml_lines.entry_at(text, *put.path)
            return (
                None if isinstance(found, Missing) else "\n".join([found[0].removeprefix("- "), *found[1:]])
            )


def _put(kind: FileKind, text: str, put: Put) -> str:
    match kind:
        case FileKind.JSON:
            return jsonc.put(text, put.path, put.value)
        case FileKind.TOML:
            return toml_lines.put(text, put.path, str(put.value))
        case FileKind.YAML:
            if not put.entry:
                return yaml_lines.put_text(text, put.path[0], str(put.value))
            assert isinstance(put.value, list)
            return yaml_lines.put_entry(text, put.path[0], [str(line) for line in put.value])


def _take_out(kind: FileKind, text: str, one: Written) -> str:
    match kind:
        case FileKind.JSON:
            return jsonc.take_out(text, one.path)
        case FileKind.TOML:
            return toml_lines.take_out(text, one.path)
        case FileKind.YAML:
            if one.entry:
                return yaml_lines.take_out_entry(text, *one.path)
            return yaml_lines.take_out(text, one.path[0])


def _put_back(kind: FileKind, text: str, one: Written) -> str:
    assert one.before is not None
    match kind:
        case FileKind.JSON:
            return jsonc.put_source(text, one.path, one.before)
        case FileKind.TOML:
            return toml_lines.put_line(text, one.path, one.before)
        case FileKind.YAML:
            if one.entry:
                return yaml_lines.put_entry(text, one.path[0], one.before.split("\n"))
            return yaml_lines.put_line(text, one.path[0], one.before)


def _verify(kind: FileKind, before: str, after: str, puts: Sequence[Put]) -> None:
    """Raise `Unsafe` unless `after` means what `before` means with `puts` in it."""
    try:
        check(kind, after)
        if kind is FileKind.YAML:
            _verify_lines(before, after, puts)
            return
        read = jsonc.value_at if kind is FileKind.JSON else toml_lines.value_at
        wanted = copy.deepcopy(read(before, ()))
        if isinstance(wanted, Missing):
            wanted = {}
        for put in puts:
            place = wanted
            for name in put.path[:-1]:
                assert isinstance(place, dict)
                place = place.setdefault(name, {})
            assert isinstance(place, dict)
            place[put.path[-1]] = put.value
        if read(after, ()) != wanted:
            raise Unsafe
    except BadText as error:
        raise Unsafe from error


def _verify_lines(before: str, after: str, puts: Sequence[Put]) -> None:
    """The same for YAML: our values are there, and no line is lost but those of our own names."""
    names = {put.path[0] for put in puts}
    old, new = before.split("\n"), after.split("\n")
    for what, start, end, *_ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what in {"equal", "insert"}:
            continue
        for line in old[start:end]:
            bare = line.strip().strip("\"'")
            if bare and not any(bare.startswith(name) for name in names) and not _is_entry(line, puts):
                raise Unsafe
    for put in puts:
        if value_at(FileKind.YAML, after, put.path, entry=put.entry) != put.value:
            raise Unsafe


def _is_entry(line: str, puts: Sequence[Put]) -> bool:
    """Whether a line is of an entry that is ours: indented, where we put one."""
    return line.startswith(" ") and any(put.entry for put in puts)
