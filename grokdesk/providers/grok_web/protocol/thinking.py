"""Thinking as a person wants to read it (protocol/grok-web-chat.md §11).

Headers and summaries are lines of their own; thinking that streams word by word is passed on as it is; what a
tool does is one line. When several agents work, it is said who speaks.
"""

from __future__ import annotations

import re
from typing import Final

from grokdesk.providers.grok_web.protocol import loose
from grokdesk.providers.grok_web.protocol.loose import Json

_MAX_ARGUMENT: Final = 300
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_TOOLS: Final = {"metadata"}

# What a tool does, and the arguments that tell more, the first that is there. Names: §9.5 and §11.2.
_DOES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "web_search": ("Searching the web", ("query", "q")),
    "x_search": ("Searching X", ("query", "q")),
    "x_keyword_search": ("Searching X", ("query", "q")),
    "x_semantic_search": ("Searching X", ("query", "q")),
    "x_user_search": ("Searching for people on X", ("query", "q")),
    "x_thread_fetch": ("Reading a thread on X", ()),
    "browse_page": ("Opening", ("url",)),
    "open_page": ("Opening", ("url",)),
    "search_images": ("Searching for pictures", ("image_description", "imageDescription", "query")),
    "image_search": ("Searching for pictures", ("image_description", "imageDescription", "query")),
    "code_execution": ("Running code", ()),
    "bash": ("Running a command", ()),
    "image_gen": ("Drawing a picture", ()),
    "generate_image": ("Drawing a picture", ()),
    "edit_image": ("Changing a picture", ()),
    "pdf_search": ("Searching a document", ("query",)),
    "pdf_browse": ("Reading a document", ()),
    "wait": ("Waiting", ()),
}
_PLAIN: Final = {"browse_page", "open_page"}


class Thinking:
    """Words thinking. Every method returns what is to be shown next, or an empty text."""

    __slots__ = ("_agent", "_calls", "_last", "_line_begins", "_several")

    def __init__(self) -> None:
        self._agent = ""
        self._several = False
        self._line_begins = True
        self._last = ""
        self._calls: set[str] = set()

    def announced(self, agents: list[object]) -> None:
        """Take the list of agents that will work."""
        self._several = self._several or len(agents) > 1

    def raw(self, text: str, agent: str) -> str:
        """The next piece of a stream of words, unchanged."""
        shown = self._speaker(agent) + text
        self._last = ""
        self._line_begins = text.endswith("\n")
        return shown

    def line(self, text: str, agent: str) -> str:
        """A header or a summary, on lines of its own. What repeats the piece before is left out."""
        text = text.strip("\r\n").rstrip()
        if not text or (text == self._last and agent in {"", self._agent}):
            return ""
        self._last = text
        return self._own_line(self._speaker(agent), text)

    def tool(self, card: Json, token: str, card_id: str, agent: str) -> str:
        """What a tool does, once per call: `[Agent 1] Searching the web: "tides"`."""
        card_id = loose.text(card, "toolUsageCardId", "tool_usage_card_id", "id") or card_id
        if card_id in self._calls:
            return ""
        if card_id:
            self._calls.add(card_id)
        text = _described(card, token)
        self._hear(agent)
        if self._several and agent:
            text = f"[{agent}] {text}"
        if text == self._last:
            return ""
        self._last = text
        return self._own_line("", text)

    def _hear(self, agent: str) -> bool:
        """Note who speaks. Whether it has to be said."""
        if not agent or agent == self._agent:
            return False
        self._several = self._several or bool(self._agent)
        self._agent = agent
        return self._several

    def _speaker(self, agent: str) -> str:
        return self._own_line("", f"[{agent}]") if self._hear(agent) else ""

    def _own_line(self, before: str, text: str) -> str:
        ending = "" if self._line_begins or before else "\n"
        self._line_begins = True
        return f"{before}{ending}{text}\n"


def _described(card: Json, token: str) -> str:
    name, arguments = _tool(card, token)
    if name == "chatroom_send":
        to = loose.text(arguments, "to") or "all"
        return f"To {_short(to)}: {_short(loose.text(arguments, 'message'))}"
    does, telling = _DOES.get(name, (f"Using {_short(name)}" if name else "Using a tool", ()))
    argument = _short(loose.text(arguments, *telling))
    if argument:
        return f"{does} {argument}" if name in _PLAIN else f'{does}: "{argument}"'
    intent = _short(loose.text(card, "intent"))
    return f"{does}: {intent}" if intent else does


def _tool(card: Json, token: str) -> tuple[str, Json]:
    """The snake-case name of the tool and its arguments: from the card, else from the XML in the token."""
    named = _snake(loose.text(card, "toolName", "tool_name", "name"))
    for key, value in card.items():
        if isinstance(value, dict) and key not in _NOT_TOOLS:
            return named or _snake(key), loose.member(value, "args") or value
    written = _element(token, "xai:tool_args").removeprefix("<![CDATA[").removesuffix("]]>")
    return named or _element(token, "xai:tool_name"), loose.parsed(written) or {}


def _snake(name: str) -> str:
    return _CAMEL.sub("_", name).lower()


def _element(markup: str, name: str) -> str:
    """The text in the first element called `name`, or nothing."""
    inner, closed, _ = markup.partition(f"<{name}>")[2].partition(f"</{name}>")
    return inner.strip() if closed else ""


def _short(text: str) -> str:
    folded = " ".join(text[: 4 * _MAX_ARGUMENT].split())
    return folded if len(folded) <= _MAX_ARGUMENT else f"{folded[: _MAX_ARGUMENT - 1]}…"
