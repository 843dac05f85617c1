"""Ids of calls: Anthropic's begin with `toolu_`, ours mostly with `call_`.

A client sends back what it was given, so both directions need no memory: `neutral_call_id(tool_use_id(id))`
is `id`, whatever it looks like.
"""

from __future__ import annotations

from typing import Final

_THEIRS: Final = "toolu_"
_OURS: Final = "call_"
# What follows `toolu_` when our id does not begin with `call_`.
_MARK: Final = "_"


def tool_use_id(call_id: str) -> str:
    """Return what a client of Messages calls the call `call_id`."""
    rest = call_id.removeprefix(_OURS)
    if rest == call_id or rest.startswith(_MARK):
        return f"{_THEIRS}{_MARK}{call_id}"
    return _THEIRS + rest


def neutral_call_id(tool_use_id: str) -> str:
    """Return our name for the call a client means; an id that no server like this one gave stays as it is."""
    rest = tool_use_id.removeprefix(_THEIRS)
    if rest == tool_use_id:
        return tool_use_id
    return rest.removeprefix(_MARK) if rest.startswith(_MARK) else _OURS + rest
