"""What a Chat Completions client wants beyond what every format has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grokdesk.dialects.base import Asked


@dataclass(frozen=True, slots=True)
class ChatAsked(Asked):
    """`as_function`: the client offered `functions`, so a call is told in the form of before `tool_calls`.

    `keep` is the metadata under which the answer is to be kept; None keeps nothing.
    """

    as_function: bool = False
    keep: Mapping[str, str] | None = None
