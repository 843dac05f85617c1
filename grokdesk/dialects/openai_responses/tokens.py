"""How many tokens a request has, as the body that tells a client."""

from __future__ import annotations

import orjson

from grokdesk.core.conversation import ChatRequest
from grokdesk.core.prompt_size import counted


def told(request: ChatRequest) -> bytes:
    """Return the body that tells a client."""
    return orjson.dumps({"object": "response.input_tokens", "input_tokens": counted(request)})
