"""Official clients read back exactly the run that was encoded. Every dialect joins the list below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStream
from openai.types.chat import ChatCompletion

from grokdesk.core.conversation import ChatRequest
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
from grokdesk.dialects import sse
from grokdesk.dialects.base import Asked, Dialect, Stamp
from grokdesk.dialects.openai_chat import OpenAIChat

MODEL = "grok-4.20-fast"
STAMP = Stamp("abc", 1_790_000_000)


@dataclass(frozen=True)
class Heard:
    """What a client knows when the answer has ended."""

    text: str
    thinking: str
    finish: str
    total_tokens: int
    cited: tuple[tuple[str, int, int], ...] = ()


def client_for(content_type: str, body: bytes) -> openai.OpenAI:
    answer = httpx2.Response(200, headers={"Content-Type": content_type}, content=body)
    transport = httpx2.MockTransport(lambda _request: answer)
    return openai.OpenAI(
        base_url="http://127.0.0.1/v1", api_key="k", http_client=httpx2.Client(transport=transport)
    )


def openai_chat_streamed(body: bytes) -> Heard:
    with (
        client_for(sse.CONTENT_TYPE, body) as client,
        client.chat.completions.stream(model=MODEL, messages=[]) as stream,
    ):
        completion = _final(stream)
    choice = completion.choices[0]
    return _heard(choice.message, choice.finish_reason, completion.usage)


def _final(stream: ChatCompletionStream[None]) -> ChatCompletion:
    try:
        return stream.get_final_completion()
    except openai.LengthFinishReasonError as error:
        return error.completion  # the helper's way to say that the answer was cut


def openai_chat_whole(body: bytes) -> Heard:
    with client_for("application/json", body) as client:
        completion = client.chat.completions.create(model=MODEL, messages=[])
    choice = completion.choices[0]
    return _heard(choice.message, choice.finish_reason, completion.usage)


def _heard(
    message: openai.types.chat.ChatCompletionMessage,
    finish: str,
    usage: openai.types.CompletionUsage | None,
) -> Heard:
    extra = message.model_extra or {}
    cited = [one.url_citation for one in message.annotations or ()]
    return Heard(
        message.content or "",
        str(extra.get("reasoning_content", "")),
        finish,
        usage.total_tokens if usage else -1,
        tuple((one.url, one.start_index, one.end_index) for one in cited),
    )


@dataclass(frozen=True)
class Case:
    """A dialect, how its official client reads an answer, and what it calls the ends."""

    name: str
    dialect: Dialect
    streamed: Callable[[bytes], Heard]
    whole: Callable[[bytes], Heard]
    ends: dict[Stop, str]


CASES = [
    Case(
        "openai_chat",
        OpenAIChat(),
        openai_chat_streamed,
        openai_chat_whole,
        {Stop.DONE: "stop", Stop.STOP_SEQUENCE: "stop", Stop.LENGTH: "length"},
    )
]

# Everything that can be written as UTF-8, with the characters that are dangerous in frames made likely.
texts = st.text(
    st.sampled_from(' "\\\n\r\u0000\u0085\u2028\u2029:😀') | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
)
addresses = st.sampled_from(["https://a.example/", "https://b.example/?q=ü"])
offsets = st.integers(0, 99)
pieces = st.one_of(
    st.builds(TextPiece, texts),
    st.builds(ThoughtPiece, texts),
    st.builds(Cited, addresses, texts, offsets, offsets),
    st.builds(Sourced, st.builds(Source, addresses, texts)),
)
counts = st.integers(0, 1000)
ends = st.builds(Finished, st.sampled_from(Stop), st.builds(Usage, counts, counts, counts))
runs = st.tuples(st.lists(pieces, max_size=25), ends).map(
    lambda run: [Started("r", MODEL, STAMP.created), *run[0], run[1]]
)


def folded(events: Sequence[Event]) -> Transcript:
    transcript = Transcript()
    for event in events:
        transcript.add(event)
    return transcript


def said(case: Case, events: Sequence[Event]) -> Heard:
    transcript = folded(events)
    assert transcript.finished is not None
    return Heard(
        transcript.text,
        transcript.thinking,
        case.ends[transcript.finished.stop],
        transcript.finished.usage.total_tokens,
        tuple((one.url, one.start, one.end) for one in transcript.citations),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=150)
@given(events=runs)
def test_a_streamed_run_is_read_back(case: Case, events: list[Event]) -> None:
    """
    Text, thinking, citations, end and usage of any run, in any order, survive the official client.
    """
    asked = Asked(ChatRequest(MODEL, ()), stream=True, include_usage=True)
    encoder = case.dialect.encoder(asked, STAMP)

    frames = [encoder.feed(event) for event in events]
    body = case.dialect.heartbeat.join(frames) + encoder.end()

    assert case.streamed(body) == said(case, events)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=150)
@given(events=runs)
def test_a_rendered_run_is_read_back(case: Case, events: list[Event]) -> None:
    """
    The same without a stream.
    """
    asked = Asked(ChatRequest(MODEL, ()))

    body = case.dialect.render(asked, STAMP, [folded(events)])

    assert case.whole(body) == said(case, events)
