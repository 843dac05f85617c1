"""JSON as models write it: with comments, single quotes, commas too many and braces too few.

`loads` reads it, `Scan` finds where a value ends while it is still arriving, `compact` writes it again. Only
what has one meaning is repaired: a string that never ends, a bare word or a number cut off by the end is not.
"""

from __future__ import annotations

import json
import math
import re
from enum import Enum, auto
from typing import Final

MAX_DEPTH: Final = 100


def loads(text: str, *, cut: bool = False) -> object:
    """The value that `text` means.

    `cut` says that nothing marked the end of `text`: then closing braces are added only after a complete
    string, literal or container, because a number might have gone on and a comma promised more.

    Raises `ValueError` when it means none, or more than one thing.
    """
    text = text.strip().lstrip("\ufeff")
    try:
        value = _DECODER.decode(text)
    except ValueError:
        return _Reader(text, cut=cut).whole()
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _is_deep(value):
        raise ValueError("nested too deeply")
    return value


def compact(value: object) -> str:
    """What `loads` gave as JSON on one line, without blanks; always text that can be sent as UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return json.dumps(value, separators=(",", ":")) if _HALF.search(text) else text


def is_json(text: str) -> bool:
    """Whether `text` is JSON for every reader, without any of the repairs made here."""
    try:
        json.loads(text, parse_constant=_refused)
    except ValueError:
        return False
    return _HALF.search(text) is None


def _is_deep(value: object) -> bool:
    """Whether `value` is nested deeper than code that calls itself should follow."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for holder in level
            if isinstance(holder, (dict, list))
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return False
    return True


# --- entities -----------------------------------------------------------------------------------------------


def is_escaped(text: str) -> bool:
    """Whether `text` as a whole was escaped for XML: it has entities, and nothing that escaping had changed.

    Code and pages for the web hold entities that are meant; a bare `<` or `&` (also of `&nbsp;`) shows that.
    """
    return "&" in text and "<" not in text and _BARE.search(text) is None


def unescaped(text: str) -> str:
    """`text` with XML's own entities replaced."""
    return _ENTITY.sub(lambda match: _ENTITIES[match[0].lower()], text)


def all_unescaped(value: object) -> object:
    """`value` with XML's entities replaced in every string."""
    match value:
        case str():
            return unescaped(value)
        case list():
            return [all_unescaped(item) for item in value]
        case dict():
            return {unescaped(key): all_unescaped(item) for key, item in value.items()}
        case _:
            return value


_ENTITIES: Final = {
    "&lt;": "<",
    "&gt;": ">",
    "&amp;": "&",
    "&quot;": '"',
    "&apos;": "'",
    "&#34;": '"',
    "&#x22;": '"',
    "&#38;": "&",
    "&#39;": "'",
    "&#x27;": "'",
    "&#60;": "<",
    "&#62;": ">",
}
_ENTITY: Final = re.compile("|".join(_ENTITIES), re.IGNORECASE)
_BARE: Final = re.compile(rf"&(?!(?:{'|'.join(name[1:] for name in _ENTITIES)}))", re.IGNORECASE)
_HALF: Final = re.compile("[\ud800-\udfff]")


# --- where a value ends -------------------------------------------------------------------------------------


class Scanned(Enum):
    """OPEN: it goes on. CLOSED: it ended. BROKEN: no JSON, not even a model's, goes on like this."""

    OPEN = auto()
    CLOSED = auto()
    BROKEN = auto()


class Scan:
    """Follows an object or array through pieces of text, aware of strings and comments.

    `opened` are the containers that were opened before, for going on after an item of a list.
    """

    __slots__ = ("_inside", "_last", "_open", "state")

    def __init__(self, opened: str = "") -> None:
        self._open = list(opened)
        # The quote or comment that is open.
        self._inside = ""
        # The last significant character; `v` is a value, `w` a word that may go on.
        self._last = "v" if opened else ""
        self.state = Scanned.OPEN

    def advance(self, text: str, at: int) -> int:
        """Read `text` from `at` and return where that ended: behind the value, at the offence, at the end.

        What cannot be understood without the next character is left for the next call.
        """
        size = len(text)
        while at < size and self.state is Scanned.OPEN:
            reached = self._through(text, at) if self._inside else self._step(text, at)
            if reached == at:
                break
            at = reached
        return at

    def _through(self, text: str, at: int) -> int:
        """Go on inside a string or comment."""
        if self._inside == "/*":
            end = text.find("*/", at)
            if end < 0:
                return max(at, len(text) - text.endswith("*"))
            self._inside = ""
            return end + 2
        at = _end(_RUNS[self._inside], text, at)
        if at == len(text):
            return at
        if text[at] == "\\":
            return at + 2 if at + 1 < len(text) else at
        self._inside = ""
        return at + 1

    def _step(self, text: str, at: int) -> int:
        """Take blanks, one sign, or a run of word characters."""
        blank = _end(_BLANK, text, at)
        if blank > at:
            if self._last == "w":
                self._last = "v"
            return blank
        char = text[at]
        if char in "\"'":
            return self._enter(char, at) if self._last in _BEFORE_VALUE else self._offend(at)
        if char in "{[":
            if self._open and (
                self._last not in _BEFORE_VALUE or self._last == "{" or len(self._open) > MAX_DEPTH
            ):
                return self._offend(at)
            self._open.append(char)
            self._last = char
            return at + 1
        if char in "}]":
            return self._close(char, at)
        if char in ",:":
            if self._last not in "vw":
                return self._offend(at)
            self._last = char
            return at + 1
        if char == "/":
            if at + 1 == len(text):
                return at
            mark = text[at : at + 2]
            if mark not in _RUNS and mark != "/*":
                return self._offend(at)
            self._inside = mark
            return at + 2
        word = _end(_WORD, text, at)
        if word == at or (self._last != "w" and self._last not in _BEFORE_VALUE):
            return self._offend(at)
        self._last = "w"
        return word

    def _enter(self, quote: str, at: int) -> int:
        self._inside = quote
        self._last = "v"
        return at + 1

    def _close(self, char: str, at: int) -> int:
        if not self._open or _CLOSER[self._open[-1]] != char or self._last == ":":
            return self._offend(at)
        self._open.pop()
        self._last = "v"
        if not self._open:
            self.state = Scanned.CLOSED
        return at + 1

    def _offend(self, at: int) -> int:
        self.state = Scanned.BROKEN
        return at


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the match of `pattern` at `at` ends; for patterns that match nothing, too."""
    match = pattern.match(text, at)
    return match.end() if match else at


_BEFORE_VALUE: Final = "{[,:"
_CLOSER: Final = {"{": "}", "[": "]"}
_BLANK: Final = re.compile(r"\s*")
_WORD: Final = re.compile(r"[\w.+$-]*")
_RUNS: Final = {
    '"': re.compile(r'[^"\\]*'),
    "'": re.compile(r"[^'\\]*"),
    "//": re.compile(r"[^\n]*"),
}


# --- the tolerant reader ------------------------------------------------------------------------------------


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is out of range")
    return value


def _refused(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


# Not strict: raw line breaks in strings have only one meaning.
_DECODER: Final = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_refused)

_LITERALS: Final = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_ESCAPES: Final = {
    '"': '"',
    "'": "'",
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}
_UNICODE: Final = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_IGNORED: Final = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_KEY: Final = re.compile(r"[A-Za-z_$][\w$-]*")

# What must follow a quote for it to be the end of a string; any other is a quote that was not escaped.
_CLOSES: Final = {
    "key": re.compile(r"\s*:"),
    "member": re.compile(
        r"\s*(?:\Z|//|/\*|[}\]]\s*(?:\Z|[,}\]]|//|/\*)|,\s*(?:\Z|[\"'}\]]|//|/\*|[A-Za-z_$][\w$-]*\s*:))"
    ),
    "item": re.compile(r"\s*(?:\Z|//|/\*|,|[}\]]\s*(?:\Z|[,}\]]|//|/\*))"),
}


class _Reader:
    """Reads one value, leniently; every method leaves `_at` behind what it read."""

    def __init__(self, text: str, *, cut: bool) -> None:
        self._text = text
        self._at = 0
        self._cut = cut
        # Whether what was read last could not have gone on.
        self._firm = False

    def whole(self) -> object:
        """The value; behind it nothing but closing braces too many."""
        value = self._value("item", 0)
        self._skip()
        if self._text[self._at :].strip("}]; \t\r\n"):
            raise self._wrong("text after the value")
        return value

    def _value(self, place: str, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise self._wrong("nested too deeply")
        self._skip()
        char = self._peek()
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._array(depth)
        if char in ('"', "'"):
            return self._string(place)
        return self._word()

    def _object(self, depth: int) -> dict[str, object]:
        self._at += 1
        members: dict[str, object] = {}
        while not self._closed("}", is_new=not members):
            key = self._string("key") if self._peek() in ('"', "'") else self._bare_key()
            self._skip()
            self._take(":")
            members[key] = self._value("member", depth + 1)
            self._separated("}")
        return members

    def _array(self, depth: int) -> list[object]:
        self._at += 1
        items: list[object] = []
        while not self._closed("]", is_new=not items):
            items.append(self._value("item", depth + 1))
            self._separated("]")
        return items

    def _closed(self, closer: str, *, is_new: bool) -> bool:
        """Whether the container ends here; also at the end, and at the end of the container around it."""
        self._skip()
        char = self._peek()
        if not char:
            if is_new or (self._cut and not self._firm):
                raise self._wrong("may go on")
            return True
        if char in "}]":
            # The other closer ends the container around this one.
            self._at += char == closer
            self._firm = True
            return True
        return False

    def _separated(self, closer: str) -> None:
        self._skip()
        char = self._peek()
        if char == ",":
            self._at += 1
            self._firm = False
        elif char and char not in "}]":
            raise self._wrong(f"neither a comma nor {closer}")

    def _string(self, place: str) -> str:
        quote = self._text[self._at]
        self._at += 1
        out: list[str] = []
        while True:
            start = self._at
            self._at = _end(_RUNS[quote], self._text, start)
            out.append(self._text[start : self._at])
            char = self._peek()
            if not char:
                raise self._wrong("a string without end")
            if char == "\\":
                out.append(self._escape())
            elif _CLOSES[place].match(self._text, self._at + 1):
                self._at += 1
                self._firm = place != "key"
                return "".join(out)
            else:
                out.append(char)
                self._at += 1

    def _escape(self) -> str:
        r"""What an escape means; one that JSON does not have means itself, as in `\d` or `C:\Work`."""
        unicode = _UNICODE.match(self._text, self._at)
        if unicode:
            self._at = unicode.end()
            return str(json.loads(f'"{unicode[0]}"'))
        char = self._text[self._at + 1 : self._at + 2]
        self._at += 1 + len(char)
        return _ESCAPES.get(char, "\\" + char)

    def _bare_key(self) -> str:
        match = _KEY.match(self._text, self._at)
        if not match:
            raise self._wrong("not a name")
        self._at = match.end()
        self._firm = False
        return match[0]

    def _word(self) -> object:
        start = self._at
        self._at = _end(_WORD, self._text, start)
        word = self._text[start : self._at]
        if word in _LITERALS:
            self._firm = True
            return _LITERALS[word]
        self._firm = False
        value = _DECODER.decode(word)
        assert isinstance(value, (int, float)), "a word without quotes and braces is a number"
        return value

    def _take(self, char: str) -> None:
        if self._peek() != char:
            raise self._wrong(f"not {char}")
        self._at += 1

    def _skip(self) -> None:
        self._at = _end(_IGNORED, self._text, self._at)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _wrong(self, what: str) -> ValueError:
        return ValueError(f"{what} at {self._at}")
