"""What is told of pictures and films while they are made, by whichever call."""

from __future__ import annotations

import re
from typing import Final

from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.loose import Json

PICTURE_WITHHELD: Final = "Grok withheld this picture because of its content."
FILM_WITHHELD: Final = "Grok withheld this film because of its content."

# Progress in percent at which upstream has finished.
ALL: Final = 100.0
# What is not handed on yet is never told to be finished.
ALMOST: Final = 0.99

_MARKDOWN_IMAGE: Final = re.compile(r"!\[[^\]]{0,300}\]\(([^()\s]{1,4000})\)")
_LONGEST_SIDE: Final = 1 << 20


def fraction(percent: float) -> float:
    """Progress as it is told, 0 to 0.99."""
    return min(max(percent / ALL, 0.0), ALMOST)


def pixels(source: Json, name: str) -> int:
    """The length of a side in `name`; 0 when there is none, or one that cannot be."""
    found = loose.number(source, name)
    return int(found) if found is not None and 0 < found < _LONGEST_SIDE else 0


def images_in(text: str) -> list[str]:
    """The addresses of the images in Markdown (grok-web-media.md §3.2)."""
    return _MARKDOWN_IMAGE.findall(text)
