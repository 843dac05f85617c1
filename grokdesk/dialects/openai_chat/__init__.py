"""OpenAI Chat Completions, as the official clients of 2026 and the editors built on them speak it.

`schema` says what a body may look like, `decode` what it means, `encode` what clients hear. `OpenAIChat` is
the three together. Beyond the official format, thinking travels as `reasoning_content` and consulted pages as
`search_sources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Transcript
from grokdesk.dialects import openai_errors, sse
from grokdesk.dialects.base import Asked, Encoder, Failure, Stamp
from grokdesk.dialects.openai_chat.decode import decode
from grokdesk.dialects.openai_chat.encode import ChatEncoder, render

# The version that OpenAI's own servers name; clients log it and nothing else.
API_VERSION: Final = "2020-10-01"


class OpenAIChat:
    """The dialect of `POST /v1/chat/completions`."""

    heartbeat = sse.HEARTBEAT

    def headers(self, request_id: str, elapsed_ms: int) -> Mapping[str, str]:
        """Return what OpenAI's servers put on every answer; clients expose the id as `_request_id`."""
        return {
            "x-request-id": request_id,
            "openai-processing-ms": str(elapsed_ms),
            "openai-version": API_VERSION,
        }

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked:
        """Read a request body. Raises `InvalidRequest`; no header matters."""
        return decode(body)

    def encoder(self, asked: Asked, stamp: Stamp) -> Encoder:
        """Return what writes a streamed answer."""
        return ChatEncoder(asked, stamp)

    def render(self, asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
        """Return the body of an answer that is not streamed."""
        return render(asked, stamp, transcripts)

    def failure(self, error: GrokDeskError, request_id: str) -> Failure:
        """Return how a client hears `error`; the request id travels in a header only."""
        return openai_errors.failure(error)
