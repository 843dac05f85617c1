"""Official clients read back exactly the run that was encoded. Every dialect joins the list below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import anthropic
import httpx2
import openai
import orjson
import pytest
from anthropic.types import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStream
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from openai.types.responses.response_output_text import Annotation
from pydantic import BaseModel

from grokdesk.core.conversation import ChatRequest, ToolCall
from grokdesk.core.events import (
    Called,
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
from grokdesk.dialects.anthropic import Anthropic
from grokdesk.dialects.anthropic.ids import neutral_call_id
from grokdesk.dialects.base import Asked, Dialect, Stamp
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_responses import OpenAIResponses

MODEL = "grok-4.20-fast"
STAMP = Stamp("abc", 1_790_000_000)


@dataclass(frozen=True)
class Heard:
    """What a client knows when the answer has ended. A call is its id, its name and its arguments."""

    text: str
    thinking: str
    finish: str
    total_tokens: int
    cited: tuple[tuple[str, int, int], ...] = ()
    calls: tuple[tuple[str, str, str], ...] = ()
    refusal: str = ""


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
    calls = [call for call in message.tool_calls or () if call.type == "function"]
    return Heard(
        message.content or "",
        str(extra.get("reasoning_content", "")),
        finish,
        usage.total_tokens if usage else -1,
        tuple((one.url, one.start_index, one.end_index) for one in cited),
        tuple((call.id, call.function.name, call.function.arguments) for call in calls),
        message.refusal or "",
    )


def anthropic_client_for(content_type: str, body: bytes) -> anthropic.Anthropic:
    answer = httpx2.Response(200, headers={"Content-Type": content_type}, content=body)
    transport = httpx2.MockTransport(lambda _request: answer)
    return anthropic.Anthropic(
        base_url="http://127.0.0.1", api_key="k", http_client=httpx2.Client(transport=transport)
    )


def anthropic_streamed(body: bytes) -> Heard:
    with (
        anthropic_client_for(sse.CONTENT_TYPE, body) as client,
        client.messages.stream(model=MODEL, messages=[], max_tokens=9) as stream,
    ):
        return _heard_message(stream.get_final_message())


def anthropic_whole(body: bytes) -> Heard:
    with anthropic_client_for("application/json", body) as client:
        return _heard_message(client.messages.create(model=MODEL, messages=[], max_tokens=9))


def _heard_message(message: Message) -> Heard:
    assert message.content
    said: dict[str, list[str]] = {"text": [], "thinking": []}
    cited: list[tuple[str, int, int]] = []
    calls: list[tuple[str, str, str]] = []
    for block in message.content:
        match block.type:
            case "text":
                said["text"].append(block.text)
                cited.extend(_place(one) for one in block.citations or ())
            case "thinking":
                assert block.signature
                said["thinking"].append(block.thinking)
            case "tool_use":
                arguments = orjson.dumps(block.input).decode()
                calls.append((neutral_call_id(block.id), block.name, arguments))
    refusal = (message.stop_details.explanation or "") if message.stop_details else ""
    if refusal:
        assert said["text"].pop() == refusal, "a person sees it too"
    return Heard(
        "".join(said["text"]),
        "".join(said["thinking"]),
        message.stop_reason or "",
        message.usage.input_tokens + message.usage.output_tokens,
        tuple(cited),
        tuple(calls),
        refusal,
    )


def _place(citation: anthropic.types.TextCitation) -> tuple[str, int, int]:
    assert citation.type == "web_search_result_location"
    start, end = citation.encrypted_index.split(":")
    return citation.url, int(start), int(end)


def openai_responses_streamed(body: bytes) -> Heard:
    with (
        client_for(sse.CONTENT_TYPE, body) as client,
        client.responses.stream(model=MODEL, input="") as stream,
    ):
        events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    last = events[-1]
    assert last.type in {"response.completed", "response.incomplete"}
    response = getattr(last, "response", None)
    assert isinstance(response, Response)
    items = [event.item for event in events if event.type == "response.output_item.done"]
    # The helper itself adds what it has parsed.
    last_items = [unparsed(item.to_dict()) for item in response.output]
    assert [unparsed(item.to_dict()) for item in items] == last_items
    return _heard_response(response)


def unparsed(item: dict[str, object]) -> dict[str, object]:
    parts = item.get("content")
    if not isinstance(parts, list):
        return {name: value for name, value in item.items() if name != "parsed_arguments"}
    return {**item, "content": [{**part, "parsed": None} for part in parts]}


def openai_responses_whole(body: bytes) -> Heard:
    with client_for("application/json", body) as client:
        return _heard_response(client.responses.create(model=MODEL, input=""))


def _heard_response(response: Response) -> Heard:
    said = thought = refusal = ""
    cited: list[tuple[str, int, int]] = []
    calls: list[tuple[str, str, str]] = []
    for item in response.output:
        match item.type:
            case "reasoning":
                thought += "".join(part.text for part in item.summary)
            case "function_call":
                calls.append((item.call_id, item.name, item.arguments))
            case "message":
                for part in item.content:
                    if part.type == "refusal":
                        refusal += part.refusal
                        continue
                    cited.extend(_cited(one, len(said)) for one in part.annotations)
                    said += part.text
    reason = response.incomplete_details.reason if response.incomplete_details else ""
    return Heard(
        said,
        thought,
        reason or response.status or "",
        response.usage.total_tokens if response.usage else -1,
        tuple(cited),
        tuple(calls),
        refusal,
    )


def _cited(annotation: Annotation, before: int) -> tuple[str, int, int]:
    """What is cited, counted from the beginning of the whole answer."""
    assert annotation.type == "url_citation"
    return annotation.url, annotation.start_index + before, annotation.end_index + before


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
        {
            Stop.DONE: "stop",
            Stop.STOP_SEQUENCE: "stop",
            Stop.LENGTH: "length",
            Stop.CALLS: "tool_calls",
            Stop.REFUSED: "stop",
        },
    ),
    Case(
        "anthropic",
        Anthropic(),
        anthropic_streamed,
        anthropic_whole,
        {
            Stop.DONE: "end_turn",
            Stop.STOP_SEQUENCE: "stop_sequence",
            Stop.LENGTH: "max_tokens",
            Stop.CALLS: "tool_use",
            Stop.REFUSED: "refusal",
        },
    ),
    Case(
        "openai_responses",
        OpenAIResponses(),
        openai_responses_streamed,
        openai_responses_whole,
        {stop: "max_output_tokens" if stop is Stop.LENGTH else "completed" for stop in Stop},
    ),
]

# Everything that can be written as UTF-8, with the characters that are dangerous in frames made likely.
texts = st.text(
    st.sampled_from(' "\\\n\r\u0000\u0085\u2028\u2029:😀') | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
)
addresses = st.sampled_from(["https://a.example/", "https://b.example/?q=ü"])
offsets = st.integers(0, 99)
names = st.sampled_from(["read_file", "mcp__search-2", "x"])
arguments = st.dictionaries(texts, texts | st.integers(-9, 9) | st.lists(texts, max_size=2), max_size=3).map(
    lambda value: orjson.dumps(value).decode()
)
pieces = st.one_of(
    st.builds(TextPiece, texts),
    st.builds(ThoughtPiece, texts),
    st.builds(Cited, addresses, texts, offsets, offsets),
    st.builds(Sourced, st.builds(Source, addresses, texts)),
    st.builds(Called, st.builds(ToolCall, st.just(""), names, arguments)),
)
counts = st.integers(0, 1000)
ends = st.builds(Finished, st.sampled_from(Stop), st.builds(Usage, counts, counts, counts))


def composed(said: Sequence[Event], end: Finished, refusal: str) -> list[Event]:
    """Make a run of what was drawn: calls have ids, and before a refusal is nothing but thinking."""
    if end.stop is Stop.REFUSED:
        said = [event for event in said if isinstance(event, ThoughtPiece | Sourced)]
        end = replace(end, refusal=refusal)
    named = [
        Called(replace(event.call, id=f"call_{at}")) if isinstance(event, Called) else event
        for at, event in enumerate(said)
    ]
    return [Started("r", MODEL, STAMP.created), *named, end]


runs = st.builds(composed, st.lists(pieces, max_size=25), ends, texts)


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
        tuple((call.id, call.name, call.arguments) for call in transcript.calls),
        transcript.finished.refusal,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=150)
@given(events=runs)
def test_a_streamed_run_is_read_back(case: Case, events: list[Event]) -> None:
    """
    Text, thinking, citations, calls, end and usage of any run, in any order, survive the official client.
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


class Weather(BaseModel):
    """What an answer must be."""

    city: str


def test_the_helpers_of_openai_return_a_refusal() -> None:
    """
    Beside an answer that was to be parsed and is not there; nothing is raised.
    """
    dialect = OpenAIChat()
    asked = Asked(ChatRequest(MODEL, ()), stream=True)
    events: list[Event] = [Started("r", MODEL, STAMP.created), Finished(Stop.REFUSED, refusal="I cannot.")]
    encoder = dialect.encoder(asked, STAMP)
    frames = b"".join(encoder.feed(event) for event in events) + encoder.end()
    body = dialect.render(asked, STAMP, [folded(events)])

    with client_for("application/json", body) as client:
        parsed = client.chat.completions.parse(model=MODEL, messages=[], response_format=Weather)
    with (
        client_for(sse.CONTENT_TYPE, frames) as client,
        client.chat.completions.stream(model=MODEL, messages=[], response_format=Weather) as stream,
    ):
        streamed = stream.get_final_completion()

    for completion in (parsed, streamed):
        choice = completion.choices[0]
        assert (choice.message.parsed, choice.message.refusal) == (None, "I cannot.")
        assert choice.finish_reason == "stop"
