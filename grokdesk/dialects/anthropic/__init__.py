"""Anthropic Messages, as the official clients of 2026 and the agents built on them speak it.

`schema` says what a body may look like, `decode` what it means, `encode` what clients hear, `errors` how they
hear failures; `models` lists what can be asked for, `ids` names calls. `Anthropic` is the dialect made of
them. Beyond the official format, consulted pages travel as `search_sources`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Transcript
from grokdesk.dialects import sse
from grokdesk.dialects.anthropic import errors
from grokdesk.dialects.anthropic.decode import decode
from grokdesk.dialects.anthropic.encode import MessageEncoder, render
from grokdesk.dialects.base import Asked, Encoder, Failure, Stamp


class Anthropic:
    """The dialect of `POST /v1/messages`."""

    heartbeat = sse.frame(b'{"type":"ping"}', "ping")

    def headers(self, request_id: str, elapsed_ms: int) -> Mapping[str, str]:
        """Return what Anthropic's servers put on every answer; clients expose it as `_request_id`."""
        return {"request-id": request_id}

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked:
        """Read a request body. Raises `InvalidRequest`; no header matters, also not those that name betas."""
        return decode(body)

    def encoder(self, asked: Asked, stamp: Stamp) -> Encoder:
        """Return what writes a streamed answer."""
        return MessageEncoder(asked, stamp)

    def render(self, asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
        """Return the body of an answer that is not streamed; there is only one."""
        (transcript,) = transcripts
        return render(asked, stamp, transcript)

    def failure(self, error: GrokDeskError, request_id: str) -> Failure:
        """Return how a client hears `error` before the first byte of an answer."""
        return errors.failure(error, request_id)


def is_spoken(headers: Mapping[str, str]) -> bool:
    """Whether a client speaks this format, for addresses that do not tell: all of them name a version."""
    return "anthropic-version" in headers
