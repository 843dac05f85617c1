"""Text that is still arriving, read from front to back by generators that wait for more.

A `Reading` yields whenever it has to wait and returns what it read. Nothing is read twice except after
`rewind`, and `is_patient` says when that has been asked for too often, so that no text costs more than linear
time.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")
Reading = Generator[None, None, T]

_LONGEST_TAG: Final = 320
_TAG: Final = re.compile(
    r"<(/?)(?:[a-z]{1,16}:)?([a-z_]{1,24})((?:[=\s/][^<>]{0,256})?)>", re.IGNORECASE | re.ASCII
)
_TAG_BEGUN: Final = re.compile(r"<(?:/?(?:[a-z][a-z_:]*(?:[=\s/][^<>]*)?)?)?", re.IGNORECASE | re.ASCII)
_NAMED: Final = re.compile(
    r"(?:^=|\bname\s*=)\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'/]+))", re.IGNORECASE | re.ASCII
)
_BLANK: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: `name` in small letters and without namespace, `named` from `name="…"` or `<tag=…>`."""

    name: str
    named: str
    closes: bool
    is_empty: bool


class Source:
    """A window on the text: `text[at:]` arrived and was not read yet. Positions count from the beginning."""

    __slots__ = ("_base", "_kept", "_rewound", "at", "ended", "text")

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False
        # What was read before the window since the last mark, and where the window begins.
        self._kept: list[str] = []
        self._base = 0
        self._rewound = 0

    def feed(self, text: str) -> None:
        """Take the next piece."""
        if self.at:
            self._kept.append(self.text[: self.at])
            self._base += self.at
            self.text = self.text[self.at :]
            self.at = 0
        self.text += text

    @property
    def position(self) -> int:
        """Where reading is."""
        return self._base + self.at

    @property
    def is_patient(self) -> bool:
        """Whether going back is still cheap; depends on the text alone, not on its pieces."""
        return self._rewound <= 8 * self.position + _LONGEST_TAG

    def mark(self) -> None:
        """Promise never to go back behind this place."""
        self._kept.clear()

    def since(self, start: int) -> str:
        """What was read since `start`, which lies behind the last mark."""
        missing = self._base - start
        if missing <= 0:
            return self.text[-missing : self.at]
        pieces = [self.text[: self.at]]
        for piece in reversed(self._kept):
            pieces.append(piece[-missing:])
            missing -= len(piece)
            if missing <= 0:
                break
        return "".join(reversed(pieces))

    def rewind(self, start: int) -> None:
        """Go back to `start`, which lies behind the last mark."""
        self._rewound += self.position - start
        pieces = [self.text]
        while start < self._base:
            pieces.append(self._kept.pop())
            self._base -= len(pieces[-1])
        self.text = "".join(reversed(pieces))
        self.at = start - self._base

    def more(self) -> Reading[bool]:
        """Wait for text; False when there is none to wait for."""
        if self.ended:
            return False
        yield
        return True

    def rest(self) -> str:
        """Read all that is there."""
        rest = self.text[self.at :]
        self.at = len(self.text)
        return rest

    def next_char(self) -> Reading[str]:
        """The next character behind blanks, which are read; empty at the end."""
        while True:
            match = _BLANK.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not (yield from self.more()):
                return ""

    def skipped(self, literal: str) -> Reading[bool]:
        """Read `literal`, given in small letters, if it comes next."""
        while True:
            begun = self.text[self.at : self.at + len(literal)].lower()
            if begun == literal:
                self.at += len(literal)
                return True
            if not literal.startswith(begun) or not (yield from self.more()):
                return False

    def tag(self) -> Reading[Tag | None]:
        """Read the tag that begins here. None, and nothing read, when there is none."""
        while True:
            match = _TAG.match(self.text, self.at)
            if match:
                self.at = match.end()
                rest = match[3].rstrip()
                named = _NAMED.search(rest)
                name = next((group for group in named.groups() if group is not None), "") if named else ""
                return Tag(match[2].lower(), name, bool(match[1]), rest.endswith("/"))
            if not self._may_become_tag() or not (yield from self.more()):
                return None

    def breaks_off(self) -> bool:
        """Whether the text ends inside a tag here."""
        return self.ended and self._may_become_tag()

    def _may_become_tag(self) -> bool:
        begun = self.text[self.at : self.at + _LONGEST_TAG]
        return len(begun) < _LONGEST_TAG and _TAG_BEGUN.fullmatch(begun) is not None
