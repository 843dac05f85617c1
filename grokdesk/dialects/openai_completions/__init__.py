"""OpenAI's older Completions: a text instead of messages. Editors use it to complete code.

`schema` says what a body may look like, `decode` what it means, `encode` what clients hear. Upstream only
converses, so the prompt is said to it as it is and the answer is the completion. `suffix`, `best_of`,
`logprobs` and tuning have no effect; thinking, citations and sources are left out, because the format has no
place for them. Without `max_tokens` there is no limit: OpenAI's own default of 16 only ever cut answers off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grokdesk.core.events import Transcript
from grokdesk.dialects.base import Asked, Encoder, Stamp
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_completions.decode import decode
from grokdesk.dialects.openai_completions.encode import TextEncoder, render


class OpenAICompletions(OpenAIChat):
    """The dialect of `POST /v1/completions`. Headers, heartbeat and failures are those of Chat."""

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked:
        """Read a request body. Raises `InvalidRequest`; no header matters."""
        return decode(body)

    def encoder(self, asked: Asked, stamp: Stamp) -> Encoder:
        """Return what writes a streamed answer."""
        return TextEncoder(asked, stamp)

    def render(self, asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
        """Return the body of an answer that is not streamed."""
        return render(asked, stamp, transcripts)
