"""What the tools of OpenAI's formats have in common; where their members stand differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.tools import Must, ToolKind
from grokdesk.dialects.reading import quoted

# The words of `tool_choice`, and the types of tools that clients run.
WORDS: Final[Mapping[str, Must]] = {"auto": Must.MAY, "none": Must.NOT, "required": Must.CALL}
KINDS: Final = frozenset(kind.value for kind in ToolKind)


def with_rule(description: str, syntax: str, definition: str) -> str:
    """Return a description with what a grammar asks: in words, as nothing here can hold the model to it."""
    return f"{description}\n\nThe input must match this {syntax} grammar:\n{definition}".strip()


def unsupported(kind: str, path: str) -> Unsupported:
    """Return that tools of the type `kind` cannot be offered."""
    return Unsupported(
        f"Tools of the type {quoted(kind)} are not supported: this gateway runs none itself.",
        param=path,
        hint="Tools that your program runs have the type 'function' or 'custom'.",
    )


def nothing_to_call() -> InvalidRequest:
    """Return that a choice asks for a call where no tool is offered."""
    return InvalidRequest(
        "'tool_choice' asks for a call, and 'tools' has nothing to call.", param="tool_choice"
    )


def unknown(name: str, path: str, where: str = "tools") -> InvalidRequest:
    """Return that a choice names a tool that is not in the member `where`."""
    return InvalidRequest(f"'{path}' is {quoted(name)}, and '{where}' has nothing of that name.", param=path)
