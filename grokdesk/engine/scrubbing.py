"""Takes out of a text what strangers must not read: what is known to be secret, and what looks so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import quote

from grokdesk.platform.logs import redacted

GONE: Final = "…"
LEFT_OUT: Final = "(left out)"

_SHORTEST_SECRET: Final = 4
_SHORTEST_LINE: Final = 8
_SHORTEST_NAME: Final = 2
_GRAM: Final = 6
_AT_ONCE: Final = 100
_ID_SHOWN: Final = 6
# Names that nobody can guess are ids of accounts and of files, and a link to a file opens without a key.
_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
# From the beginning of a word on and without a second way to read it: a long word would take seconds.
_MAIL: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)+")
_COOKIE: Final = re.compile(r"(?i)\b(cf_clearance|__cf_bm|_cfuvid|sso|sso-rw)\b(\s*[:=]\s*)[^\s;,\"']+")
# What somebody said, under the names that programs give to it.
_SAID: Final = re.compile(
    r"(?i)(?P<keep>[\"']?\b(?:prompt|question|answer|content|messages?|input|text|body|instruction)\b[\"']?"
    r"\s*[:=]\s*).+"
)
# The name its owner gave to a key.
_CLIENT: Final = re.compile(r"\bclient=.*?(?= \w+=|$)")
_PROSE: Final = re.compile(r"'(?=[^'\n]*\s[^'\n]{12})[^'\n]*+'|\"(?=[^\"\n]*\s[^\"\n]{12})[^\"\n]*+\"")
# A text in JSON, which may be cut. There is one way to read it: with another one for each quotation mark in a
# long text it would take minutes.
_TEXT: Final = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
# A shorter one is a word of the format, such as a role; a longer one is a file.
_SHORTEST_TEXT: Final = 12
_LONGEST_TEXT: Final = 20_000

# How an entry of the log begins, and what a traceback is made of.
_ENTRY: Final = re.compile(r"(\d{4}-\d\d-\d\d [\d:]{8},\d{3} \w+ +)([^\s:]+)(: )(.*)")
_FRAME: Final = re.compile(
    r"[\s|+-]*(?:Traceback \(most recent call last\):|File \"[^\"]*\", line \d+.*|    .*"
    r"|The above exception was .*|During handling of .*|-{4,}.*|\[Previous line repeated .*\])?"
)
_RAISED: Final = re.compile(r"([\s|+-]*)((?:\w+\.)*[A-Z]\w*)(?:: .*)?")


class Scrubber:
    """Takes out `secrets` wherever they stand and `names` where they stand as words.

    Both also in the forms in which JSON, `repr` and addresses write them.
    """

    def __init__(self, secrets: Iterable[str], names: Iterable[str] = (), home: str = "") -> None:
        found: set[str] = set()
        for secret in secrets:
            parts = [secret.strip(), *secret.splitlines()]
            found |= {
                form
                for place, part in enumerate(parts)
                if len(part) >= (_SHORTEST_LINE if place else _SHORTEST_SECRET)
                for form in _forms(part)
            }
        # The longest first, so that nothing of it is left when a part of it is a secret as well.
        self._secrets = sorted(found, key=len, reverse=True)
        self._names = sorted(
            {form for name in names if len(name.strip()) >= _SHORTEST_NAME for form in _forms(name.strip())},
            key=len,
            reverse=True,
        )
        self._home = sorted(_forms(home), key=len, reverse=True) if home else []

    def clean(self, text: str) -> str:
        """Return `text` without them, and without what looks like a token, key, cookie or mail address."""
        grams = _grams(text)
        for secret in _possible(self._secrets, grams):
            text = text.replace(secret, GONE)
        lines = text.split("\n")
        # Piece by piece: one search through all of it would hold the interpreter for a quarter of a second.
        text = "\n".join(
            _without_looks("\n".join(lines[start : start + _AT_ONCE]))
            for start in range(0, len(lines), _AT_ONCE)
        )
        for name in _possible(self._names, grams):
            if name in text:
                text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", GONE, text)
        for home in self._home:
            text = text.replace(home, "~")
        return _ID.sub(lambda found: shortened(found[0]), text)

    def clean_log(self, text: str) -> str:
        """The same for lines of the log, which other libraries write as well.

        Of their exceptions only the kind is kept: what they complain about may be what somebody said.
        """
        return self.clean("\n".join(_of_log(line) for line in text.splitlines()))


def said_in(body: str) -> set[str]:
    """What a person may have said in the body of a request, which may be cut: every longer text in it."""
    found: set[str] = set()
    for one in _TEXT.findall(body):
        if _SHORTEST_TEXT <= len(one) <= _LONGEST_TEXT:
            with suppress(ValueError):
                found.add(json.loads(f'"{one}"'))
    return found


def shortened(name: str) -> str:
    """The beginning of an id: enough to tell two apart, too little to use it."""
    return f"{name[:_ID_SHOWN]}{GONE}" if len(name) > _ID_SHOWN else name


def _without_looks(text: str) -> str:
    return _MAIL.sub(GONE, _COOKIE.sub(rf"\1\2{GONE}", redacted(text)))


def _grams(text: str) -> set[str]:
    """Every piece of a few characters."""
    return {text[start : start + _GRAM] for start in range(len(text) - _GRAM + 1)}


def _possible(wanted: Iterable[str], grams: set[str]) -> list[str]:
    """Those that may stand in the text which has these pieces; looking for thousands in all of it is slow."""
    return [one for one in wanted if len(one) < _GRAM or (one[:_GRAM] in grams and one[-_GRAM:] in grams)]


def _of_log(line: str) -> str:
    entry = _ENTRY.fullmatch(line)
    if entry is not None:
        head, part, colon, text = entry.groups()
        text = _SAID.sub(rf"\g<keep>{LEFT_OUT}", _CLIENT.sub(f"client={GONE}", text))
        if not part.startswith("grokdesk"):
            text = re.sub(r"'[^']*'|\"[^\"]*\"", LEFT_OUT, text)
        return f"{head}{part}{colon}{_PROSE.sub(LEFT_OUT, text)}"
    if _FRAME.fullmatch(line):
        return line
    raised = _RAISED.fullmatch(line)
    if raised is None:
        return LEFT_OUT
    # Our own errors say only what everybody may hear.
    return line if raised[2].startswith("grokdesk.core.") else f"{raised[1]}{raised[2]}: {LEFT_OUT}"


def _forms(text: str) -> set[str]:
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        quote(text, safe=""),
    }
