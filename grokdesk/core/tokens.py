"""Token estimates.

Grok's web chat reports no tokens, and counting them exactly would need a vocabulary that is not public.
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = re.compile(
    r"[A-Za-z]+|[0-9]{1,3}|[^\S\n]+|\n+|[\u2E80-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF]|[^\w\s]+|\w"
)
_LETTERS_PER_TOKEN: Final = 6
_EMBEDDED: Final = "(data:image/"


def estimate(text: str) -> int:
    """About how many tokens `text` has.

    0 for nothing; within some 15 % of a large BPE vocabulary for prose and code.

    A word is one token per six letters, a number one per three digits, a CJK character one, a run of
    punctuation one per two signs; blanks before a word belong to it.
    """
    count = 0
    for match in _WORDS.finditer(text):
        piece = match[0]
        first = piece[0]
        if first.isascii() and first.isalpha():
            count += 1 + (len(piece) - 1) // _LETTERS_PER_TOKEN
        elif piece.isspace():
            count += 1 if first == "\n" or len(piece) > 1 else 0
        elif first.isalnum():
            count += 1
        else:
            count += (len(piece) + 1) // 2
    return count


def without_pictures(text: str) -> str:
    """Return Markdown without the pictures that are embedded in it.

    Nobody said them, and megabytes of base64 would take seconds to count.
    """
    parts: list[str] = []
    at = 0
    while (start := text.find(_EMBEDDED, at)) >= 0 and (end := text.find(")", start)) >= 0:
        parts.append(text[at : start + 1])
        at = end
    return "".join((*parts, text[at:]))


def last_word(text: str) -> int:
    """Where the last word, number or run of signs of `text` begins: what follows `text` may belong to it.

    The estimate of the whole is that of the part before plus that of the part from there on.
    """
    start = 0
    for match in _WORDS.finditer(text):
        start = match.start()
    return start
