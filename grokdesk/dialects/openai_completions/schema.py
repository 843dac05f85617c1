"""What a Completions body may look like."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from grokdesk.dialects.body import Count, NonEmpty
from grokdesk.dialects.openai_chat.schema import StopWords, StreamOptions
from grokdesk.dialects.wishes import Wishing


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class TextCompletion(Wishing):
    """The whole body. A prompt in tokens is wrong here: only OpenAI's models share their numbers."""

    model: NonEmpty
    prompt: Annotated[
        list[str],
        Field(min_length=1),
        BeforeValidator(_listed),
    ]
    echo: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[Count, Field(ge=1, le=8)] | None = None
    stop: StopWords = None
    max_tokens: Annotated[Count, Field(ge=1)] | None = None
