"""Token estimates.

Grok's web chat reports no tokens, and counting them exactly would need a vocabulary that is not public.
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = re.compile(
    r"[A-Za-z]+|[0-9]{1,3}|[^\S\n]+|\n+|[\u2E80-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF]|[^\w\s]+|\w"
)
# Each match is one token; single blanks belong to the word behind them and match nothing.
_TOKENS: Final = re.compile(
    r"[A-Za-z]{1,6}|[0-9]{1,3}|[^\S\n]{2,}|\n+|[\u2E80-\u2FFF\u3001-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF]|[^\w\s]{1,2}|\w"
)
_EMBEDDED: Final = "(data:image/"


def estimate(text: str) -> int:
    """About how many tokens `text` has.

    0 for nothing; within some 15 % of a large BPE vocabulary for prose and code.

    A word is one token per six letters, a number one per three digits, a CJK character one, a run of
    punctuation one per two signs; blanks before a word belong to it.
    """
    return len(_TOKENS.findall(text))


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
