"""What the palette finds, and in which order. Pure, and quick with ten thousand accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final

_SIGNS: Final = " -_./·:(@"
_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that can be chosen.

    `key` names it over starts of the program; `text` is its name, `kind` what it is, `words` what finds it
    besides, `place` its rank among equals: lower is earlier.
    """

    key: str
    text: str
    kind: str
    icon: str
    run: Callable[[], object]
    words: str = ""
    keys: str = ""
    place: int = 0


class Index:
    """Finds by parts of words, best first; the few by scattered letters as well, the many by parts only."""

    def __init__(self, few: Iterable[Finding], many: Iterable[Finding] = ()) -> None:
        self._few = tuple(few)
        self._few_texts = [one.text.casefold() for one in self._few]
        self._few_all = [f"{one.text}\n{one.words}".casefold() for one in self._few]
        self._many = tuple(many)
        self._many_all = [f"{one.text}\n{one.words}".casefold() for one in self._many]

    def __len__(self) -> int:
        return len(self._few) + len(self._many)

    def find(self, query: str, most: int = _MOST) -> list[Finding]:
        """The best of what has every word of `query`."""
        words = query.casefold().split()
        if not words:
            return []
        whole = " ".join(words)
        ranked: list[tuple[tuple[int, int, int], int]] = []
        for number, text in enumerate(self._few_texts):
            grade = self._grade(text, self._few_all[number], words, whole)
            if grade is not None:
                one = self._few[number]
                ranked.append(((grade, one.place, len(text)), number))
        # Heads first: with one letter, thousands of accounts have it somewhere.
        offset = len(self._few)
        hits: Sequence[int] = range(len(self._many_all))
        for word in words:
            texts = self._many_all
            hits = [number for number in hits if word in texts[number]]
        graded = (
            ((0 if self._many_all[number].startswith(whole) else 3, self._many[number].place, number), number)
            for number in hits
        )
        ranked += [(rank, offset + number) for rank, number in nsmallest(most, graded)]
        best = nsmallest(most, ranked)
        return [self._few[at] if at < offset else self._many[at - offset] for _, at in best]

    def _grade(self, text: str, all_words: str, words: Sequence[str], whole: str) -> int | None:
        if text == whole:
            return -1
        if text.startswith(whole):
            return 0
        if all(_begins_word(text, word) for word in words):
            return 1 if text.startswith(words[0]) else 2
        if all(word in text for word in words):
            return 3
        if all(word in all_words for word in words):
            return 4
        if _scattered(text, whole.replace(" ", "")):
            return 5
        return None


def _begins_word(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        if at == 0 or text[at - 1] in _SIGNS:
            return True
        at = text.find(word, at + 1)
    return False


def _scattered(text: str, letters: str) -> bool:
    """Whether the letters come in this order, the first at the begin of a word and none far from the last."""
    starts = [
        at for at, sign in enumerate(text) if sign == letters[0] and (at == 0 or text[at - 1] in _SIGNS)
    ]
    return any(_follows(text, letters, start) for start in starts)


def _follows(text: str, letters: str, start: int) -> bool:
    at = start
    for letter in letters[1:]:
        at = text.find(letter, at + 1)
        if at < 0:
            return False
    return True


def recent_first(key: str, recent: Sequence[str], most: int = 12) -> tuple[str, ...]:
    """The recent ones after `key` was chosen."""
    return (key, *(one for one in recent if one != key))[:most]
