"""The JSON in an answer that was to be JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grokdesk.providers.text_tools import repair
from grokdesk.providers.text_tools.repair import Scan, Scanned
from grokdesk.providers.text_tools.schema import Misfit, fit

# Prose may hold many braces; the JSON that was asked for is among the first.
_MOST_CANDIDATES: Final = 32
_FENCE: Final = re.compile(r"```\w*[ \t]*\r?\n\s*(?=[\[{])")
_START: Final = re.compile(r"[\[{]")


@dataclass(frozen=True, slots=True)
class Conformed:
    """JSON that fits. As the model wrote it if nothing had to be changed, else on one line."""

    json_text: str


def extract_json(text: str) -> str | None:
    """The JSON object or array in `text`, repaired if it has to be; None when there is none.

    Looked for in this order: the whole text, a fenced block, the first object in prose, the first array. Text
    that is JSON already comes back as it is, without what surrounds it; repaired JSON is on one line.
    """
    first = next(_candidates(text), None)
    return first.text if first else None


def conform(text: str, schema: str | None) -> Conformed | Misfit:
    """The JSON in `text` that fits `schema`, gently repaired (`schema.fit`), or what is wrong with the first.

    Without a schema any JSON object will do.
    """
    worst: Misfit | None = None
    for candidate in _candidates(text):
        fits = fit(candidate.value, schema or '{"type":"object"}')
        if isinstance(fits, str):
            as_written = fits == repair.compact(candidate.value)
            return Conformed(candidate.text if as_written else fits)
        worst = worst or fits
    return worst or Misfit("$", "JSON and nothing else")


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    value: object


def _candidates(text: str) -> Iterator[_Candidate]:
    """What may be the wanted JSON, the best first."""
    bare = text.strip().lstrip("\ufeff")
    if bare[:1] in ("{", "[") and (whole := _read(bare, cut=True)):
        yield whole
    for fence in list(_FENCE.finditer(text))[:_MOST_CANDIDATES]:
        if fenced := _container(text, fence.end())[0]:
            yield fenced
    in_prose = list(_in_prose(text))
    yield from (found for found in in_prose if isinstance(found.value, dict))
    yield from (found for found in in_prose if isinstance(found.value, list))


def _in_prose(text: str) -> Iterator[_Candidate]:
    at = 0
    for _ in range(_MOST_CANDIDATES):
        start = _START.search(text, at)
        if not start:
            return
        found, at = _container(text, start.start())
        if found:
            yield found


def _container(text: str, start: int) -> tuple[_Candidate | None, int]:
    """The container that begins at `start`, if there is one, and where to look for the next.

    That is behind it, even if it could not be read: a part of the wanted object is not the wanted object. One
    that never ends is repaired if that is unambiguous.
    """
    scan = Scan()
    end = scan.advance(text, start)
    if scan.state is Scanned.CLOSED:
        return _read(text[start:end]), end
    if scan.state is Scanned.OPEN or text.startswith("```", end):
        return _read(text[start:end], cut=True), start + 1
    return None, start + 1


def _read(text: str, *, cut: bool = False) -> _Candidate | None:
    """`text` as a candidate: as it is when it is JSON, rewritten when it nearly is, nothing otherwise."""
    try:
        value = repair.loads(text, cut=cut)
    except ValueError:
        return None
    return _Candidate(text if repair.is_json(text) else repair.compact(value), value)
