"""Events → Completions chunks, and folded runs → one completion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from grokdesk.core.errors import GrokDeskError
from grokdesk.core.events import Event, Finished, Started, Stop, TextPiece, Transcript
from grokdesk.dialects import openai_errors, sse
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.json_text import json_string, sound
from grokdesk.dialects.openai_chat.encode import usage

_FINISH: Final = {Stop.LENGTH: "length", Stop.REFUSED: "content_filter"}


class TextEncoder:
    """Writes the chunks of one answer. A prompt that is to be repeated is the first of them."""

    def __init__(self, asked: Asked, stamp: Stamp) -> None:
        self._include_usage = asked.include_usage
        self._prompt = _repeated(asked)
        self._head = b"data: " + orjson.dumps(_head(asked, stamp))[:-1]
        self._tail = b',"usage":null}\n\n' if asked.include_usage else b"}\n\n"
        self._ends: list[Finished | None] = [None] * asked.choices

    def feed(self, event: Event, choice: int = 0) -> bytes:
        """Return the chunk for the next event of answer `choice`; none for what has no place here."""
        match event:
            case TextPiece(text):
                return self._chunk(choice, text)
            case Started() if self._prompt:
                return self._chunk(choice, self._prompt)
            case Finished():
                self._ends[choice] = event
                return self._chunk(choice, "", orjson.dumps(_reason(event)))
            case _:
                return b""

    def end(self) -> bytes:
        """Return the usage when it was asked for, and the end of the stream."""
        if not self._include_usage:
            return sse.DONE
        return self._head + b',"choices":[],"usage":' + orjson.dumps(usage(self._ends)) + b"}\n\n" + sse.DONE

    def fail(self, error: GrokDeskError) -> bytes:
        """Return the frame for which official clients raise `APIError`."""
        return sse.frame(openai_errors.envelope(error))

    def _chunk(self, choice: int, text: str, reason: bytes = b"null") -> bytes:
        return b'%b,"choices":[{"text":%b,"index":%d,"logprobs":null,"finish_reason":%b}]%b' % (
            self._head,
            json_string(text),
            choice,
            reason,
            self._tail,
        )


def render(asked: Asked, stamp: Stamp, transcripts: Sequence[Transcript]) -> bytes:
    """Return the completion with one choice for each folded run."""
    prompt = _repeated(asked)
    choices = [
        {
            "text": prompt + sound(transcript.text),
            "index": index,
            "logprobs": None,
            "finish_reason": _reason(transcript.finished or Finished()),
        }
        for index, transcript in enumerate(transcripts)
    ]
    ends = (transcript.finished for transcript in transcripts)
    return orjson.dumps({**_head(asked, stamp), "choices": choices, "usage": usage(ends)})


def _head(asked: Asked, stamp: Stamp) -> dict[str, object]:
    return {
        "id": f"cmpl-{stamp.id}",
        "object": "text_completion",
        "created": stamp.created,
        "model": asked.request.model,
    }


def _repeated(asked: Asked) -> str:
    prompt = asked.echo.get("prompt", "")
    return prompt if isinstance(prompt, str) else ""


def _reason(end: Finished) -> str:
    return _FINISH.get(end.stop, "stop")
