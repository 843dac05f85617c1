"""OpenAI Responses, as the official clients of 2026 and the agents built on them speak it.

`schema` says what a body may look like, `decode` what it means (`history` its items, `tools` its tools,
`media` its files), `encode` what clients hear, `resource` the Response object, `items` what conversations are
made of; `replay` tells a kept response again, `tokens` tells the size of a request, `wrong` of failures.
`OpenAIResponses` is the dialect made of them.

A body may continue from what was said before. Then the gateway `read`s it, looks up what it refers to, and
hands that as `Known` to `decode`; `OpenAIResponses.decode` is for bodies that stand alone. Beyond the
official format, consulted pages travel as `search_sources` of the response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import orjson

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Transcript
from grokdesk.dialects import openai_answers, openai_errors, sse
from grokdesk.dialects.base import Asked, Failure, Stamp
from grokdesk.dialects.openai_responses import resource, schema
from grokdesk.dialects.openai_responses.decode import decode, read
from grokdesk.dialects.openai_responses.encode import ResponsesEncoder, told, whole
from grokdesk.dialects.openai_responses.wrong import PreviousResponseNotFound, envelope


class OpenAIResponses:
    """The dialect of `POST /v1/responses`."""

    heartbeat = sse.HEARTBEAT

    def headers(self, request_id: str, elapsed_ms: int) -> Mapping[str, str]:
        """Return what OpenAI's servers put on every answer; clients expose the id as `_request_id`."""
        return openai_answers.headers(request_id, elapsed_ms)

    def decode(self, body: bytes, headers: Mapping[str, str]) -> Asked:
        """Read a body that refers to nothing kept. Raises `InvalidRequest`; no header matters."""
        wanted = read(schema.Create, body)
        if wanted.previous:
            raise PreviousResponseNotFound(wanted.previous)
        return decode(wanted)

    def encoder(
        self,
        asked: Asked,
        stamp: Stamp,
        *,
        now: Callable[[], float] | None = None,
        ended: Callable[[ResponsesEncoder], None] | None = None,
    ) -> ResponsesEncoder:
        """Return what writes an answer, streamed or not; see there for `now` and `ended`."""
        return ResponsesEncoder(resource.blank(asked, stamp), now=now, ended=ended)

    def render(self, asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
        """Return the body of an answer that is not streamed; there is only one."""
        (transcript,) = transcripts
        return whole(self.encoder(asked, stamp), told(transcript))

    def failure(self, error: GrokDeskError, request_id: str) -> Failure:
        """Return how a client hears `error`; the request id travels in a header only."""
        return replace(openai_errors.failure(error), body=orjson.dumps({"error": envelope(error)}))
