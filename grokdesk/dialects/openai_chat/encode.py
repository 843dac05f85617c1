"""Events → Chat Completions chunks, and folded runs → one completion.

A stream is: a chunk that names the role, chunks of `content` and `reasoning_content`, one chunk with the
finish reason (and `annotations` and `search_sources`, when there are any) for each choice, the usage when it
was asked for, `[DONE]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import (
    Cited,
    Event,
    Finished,
    Source,
    Sourced,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Usage,
)
from grokdesk.dialects import openai_errors, sse
from grokdesk.dialects.base import Asked, Stamp

_PREFIX: Final = "chatcmpl-"
_FINISH: Final = {Stop.DONE: "stop", Stop.STOP_SEQUENCE: "stop", Stop.LENGTH: "length"}


class ChatEncoder:
    """Writes the chunks of one answer.

    Everything but the text of a piece is the same in every chunk, so it is composed once: a piece costs one
    JSON string and one concatenation.
    """

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self._include_usage = asked.include_usage
        head = {
            "id": _PREFIX + stamp.id,
            "object": "chat.completion.chunk",
            "created": stamp.created,
            "model": asked.request.model,
            "system_fingerprint": None,
        }
        self._head = b"data: " + orjson.dumps(head)[:-1]
        self._usage = b',"usage":null}\n\n' if asked.include_usage else b"}\n\n"
        self._choices = [
            _Choice(self._head + b',"choices":[{"index":%d,"delta":' % index)
            for index in range(asked.choices)
        ]
        self._after_text = b'},"logprobs":null,"finish_reason":null}]' + self._usage

    def feed(self, event: Event, choice: int = 0) -> bytes:
        """Return the chunk for the next event of answer `choice`; none for what its last chunk will carry."""
        state = self._choices[choice]
        match event:
            case TextPiece(text):
                return state.text + _quoted(text) + self._after_text
            case ThoughtPiece(text):
                return state.thinking + _quoted(text) + self._after_text
            case Started():
                return state.head + b'{"role":"assistant","content":""' + self._after_text
            case Cited():
                state.citations.append(event)
            case Sourced(source):
                state.sources.append(source)
            case _:
                state.finished = event
                return self._finish(state, event)
        return b""

    def end(self) -> bytes:
        """Return the usage of all answers together when it was asked for, and the end of the stream."""
        if not self._include_usage:
            return sse.DONE
        usage = orjson.dumps(_usage(state.finished for state in self._choices))
        return self._head + b',"choices":[],"usage":' + usage + b"}\n\n" + sse.DONE

    def fail(self, error: GrokDeskError) -> bytes:
        """Return the frame for which official clients raise `APIError`. No `[DONE]`: this is not an end."""
        return sse.frame(openai_errors.envelope(error))

    def _finish(self, state: _Choice, event: Finished) -> bytes:
        delta = {"annotations": _annotations(state.citations)} if state.citations else {}
        reason = _FINISH[event.stop].encode()
        sources = b',"search_sources":' + orjson.dumps(_sources(state.sources)) if state.sources else b""
        return (
            state.head
            + orjson.dumps(delta)
            + b',"logprobs":null,"finish_reason":"'
            + reason
            + b'"}]'
            + sources
            + self._usage
        )


class _Choice:
    """One answer of a stream, and what its last chunk will carry. `head` ends where the delta begins."""

    __slots__ = ("citations", "finished", "head", "sources", "text", "thinking")

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.text = head + b'{"content":'
        self.thinking = head + b'{"reasoning_content":'
        self.citations: list[Cited] = []
        self.sources: list[Source] = []
        self.finished: Finished | None = None


def render(asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
    """Return the completion with one choice for each folded run."""
    completion: dict[str, object] = {
        "id": _PREFIX + stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": asked.request.model,
        "system_fingerprint": None,
        "choices": [_choice(index, transcript) for index, transcript in enumerate(transcripts)],
        "usage": _usage(transcript.finished for transcript in transcripts),
    }
    sources = {source.url: source for transcript in transcripts for source in transcript.sources}
    if sources:
        completion["search_sources"] = _sources(sources.values())
    return orjson.dumps(completion)


def _choice(index: int, transcript: Transcript) -> dict[str, object]:
    stop = transcript.finished.stop if transcript.finished else Stop.DONE
    message: dict[str, object] = {
        "role": "assistant",
        "content": _sound(transcript.text),
        "refusal": None,
        "annotations": _annotations(transcript.citations),
    }
    thinking = _sound(transcript.thinking)
    if thinking:
        message["reasoning_content"] = thinking
    return {"index": index, "message": message, "logprobs": None, "finish_reason": _FINISH[stop]}


def _annotations(citations: Iterable[Cited]) -> list[dict[str, object]]:
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": cited.url,
                "title": cited.title,
                "start_index": cited.start,
                "end_index": cited.end,
            },
        }
        for cited in citations
    ]


def _sources(sources: Iterable[Source]) -> list[dict[str, str]]:
    return [{"url": source.url, "title": source.title, "type": source.kind.value} for source in sources]


def _usage(ends: Iterable[Finished | None]) -> dict[str, object]:
    """The usage of all choices: they share one prompt, so it counts once."""
    usages = [end.usage for end in ends if end is not None] or [Usage()]
    prompt = usages[0].prompt_tokens
    text = sum(usage.text_tokens for usage in usages)
    thinking = sum(usage.thinking_tokens for usage in usages)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": text + thinking,
        "total_tokens": prompt + text + thinking,
        "prompt_tokens_details": {
            "cached_tokens": 0,
            "text_tokens": prompt,
            "audio_tokens": 0,
            "image_tokens": 0,
        },
        "completion_tokens_details": {
            "text_tokens": text,
            "audio_tokens": 0,
            "reasoning_tokens": thinking,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _quoted(text: str) -> bytes:
    try:
        return orjson.dumps(text)
    except TypeError:
        return orjson.dumps(_sound(text))


def _sound(text: str) -> str:
    """`text` with halves of characters joined or replaced: alone, a surrogate cannot be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
