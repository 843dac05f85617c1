"""OpenAI Chat Completions, as the official clients of 2026 and the editors built on them speak it.

`schema` says what a body may look like, `decode` what it means — with `history` for the messages, `media` for
what comes with them and `tools` for what may be called — and `encode` what clients hear. `asked` is what is
known of a request beyond what every format has. `OpenAIChat` is all of it together.

Beyond the official format, thinking travels as `reasoning_content` and consulted pages as `search_sources`.

Accepted, and without effect because upstream has nothing like it: `temperature` and `top_p` (checked),
`frequency_penalty`, `presence_penalty`, `seed`, `logit_bias`, `logprobs`, `top_logprobs`, `prediction`,
`verbosity`, `service_tier`, `user`, `safety_identifier`, `moderation`, `prompt_cache_…`, `detail` of images,
`name` of speakers, and `metadata` unless the answer is kept. Grok searches and draws when it sees fit, so
`web_search_options` and the hosted tools for that are ignored too. Refused by name: spoken answers (`audio`,
`modalities`), other hosted tools, files that were uploaded elsewhere (`file_id`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Transcript
from grokdesk.dialects import openai_answers, openai_errors, sse
from grokdesk.dialects.base import Asked, Encoder, Failure, Stamp
from grokdesk.dialects.openai_chat.decode import decode
from grokdesk.dialects.openai_chat.encode import ChatEncoder, render


class OpenAIChat:
    """The dialect of `POST /v1/chat/completions`."""

    heartbeat = sse.HEARTBEAT

    def headers(self, request_id: str, elapsed_ms: int) -> Mapping[str, str]:
        """Return what OpenAI's servers put on every answer; clients expose the id as `_request_id`."""
        return openai_answers.headers(request_id, elapsed_ms)

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
