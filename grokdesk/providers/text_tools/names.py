"""Which tools may be called, and which of them a written name means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from grokdesk.core.tools import Must, Tool, ToolChoice
from grokdesk.providers.text_tools.repair import unescaped

_PREFIX: Final = re.compile(r"(?:functions?|tools?|default_api)[.:/]", re.IGNORECASE)


def offered(tools: Sequence[Tool], choice: ToolChoice) -> tuple[Tool, ...]:
    """The tools that `choice` lets the model call, in the client's order."""
    if choice.must is Must.NOT:
        return ()
    return tuple(tool for tool in tools if not choice.allowed or tool.name in choice.allowed)


class Names:
    """Finds the tool that a name means.

    The exact name always wins. Otherwise blanks, quotes, entities, a `functions.` in front and the case of
    letters do not count, as long as one tool alone fits.
    """

    __slots__ = ("_alike", "_exact")

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._exact = {tool.name: tool for tool in tools}
        self._alike: dict[str, list[Tool]] = {}
        for tool in self._exact.values():
            self._alike.setdefault(tool.name.casefold(), []).append(tool)

    def meant(self, written: str) -> Tool | None:
        """The tool that `written` means, or None."""
        if written in self._exact:
            return self._exact[written]
        plain = unescaped(written).strip(" \t\r\n\"'`")
        for name in (plain, _PREFIX.sub("", plain, count=1)):
            if name in self._exact:
                return self._exact[name]
            alike = self._alike.get(name.casefold(), [])
            if len(alike) == 1:
                return alike[0]
        return None
