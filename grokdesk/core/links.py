"""`grokdesk://` links: they open a place and do nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "grokdesk:"
_LONGEST: Final = 100
# Everything else that a web page can write into a link is refused, not cleaned.
_LINK: Final = re.compile(r"grokdesk://(?:open/([a-z]{1,20})|(import))/?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OpenPlace:
    """Show a pane."""

    place: str


@dataclass(frozen=True, slots=True)
class AddAccounts:
    """Show where accounts are added."""


Link = OpenPlace | AddAccounts


def read_link(text: str, places: Collection[str]) -> Link | None:
    """What a link asks for: `grokdesk://open/<place>` or `grokdesk://import`; None for anything else.

    `places` are the panes there are. A link may come from any web page.
    """
    match = _LINK.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    if match[2]:
        return AddAccounts()
    place = match[1].lower()
    return OpenPlace(place) if place in places else None
