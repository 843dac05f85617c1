"""What the answers of OpenAI's formats have in common."""

from __future__ import annotations

from typing import Final

from grokdesk.core.conversation import ToolCall
from grokdesk.core.events import Finished
from grokdesk.dialects.json_text import sound

# The version that OpenAI's own servers name; clients log it and nothing else.
API_VERSION: Final = "2020-10-01"

_CALL_PREFIX: Final = "call_"
# An empty refusal would look like none.
_NO_WORDS: Final = "This cannot be answered."


def headers(request_id: str, elapsed_ms: int) -> dict[str, str]:
    """Return what OpenAI's servers put on every answer; clients expose the id as `_request_id`."""
    return {
        "x-request-id": request_id,
        "openai-processing-ms": str(elapsed_ms),
        "openai-version": API_VERSION,
    }


def call_id(call: ToolCall) -> str:
    """Return the id of a call: it begins as clients expect it, and one that came from them is what it was."""
    return sound(call.id if call.id.startswith(_CALL_PREFIX) else _CALL_PREFIX + call.id)


def refusal(finished: Finished) -> str:
    """Return the words of a refusal; it always has some."""
    return sound(finished.refusal) or _NO_WORDS
