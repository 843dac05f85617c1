"""The pages and posts that were consulted, as `search_sources`; no official format has a place for them."""

from __future__ import annotations

from collections.abc import Iterable

from grokdesk.core.events import Source
from grokdesk.dialects.json_text import sound


def told(sources: Iterable[Source]) -> list[dict[str, str]]:
    """Return the member that tells of `sources`."""
    return [
        {"url": sound(source.url), "title": sound(source.title), "type": source.kind.value}
        for source in sources
    ]
