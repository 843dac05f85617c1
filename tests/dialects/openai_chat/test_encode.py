"""What clients of Chat Completions hear, byte by byte where it matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from grokdesk.core.conversation import ChatRequest, ToolCall
from grokdesk.core.errors import Garbled
from grokdesk.core.events import (
    Called,
    Cited,
    Event,
    Finished,
    Progressed,
    Source,
    Sourced,
    SourceKind,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
    Transcript,
    Usage,
)
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.openai_chat.asked import ChatAsked
from grokdesk.dialects.openai_chat.encode import ChatEncoder, render

ASKED = Asked(ChatRequest("grok", ()), stream=True)
STAMP = Stamp("abc", 1_790_000_000)
STARTED = Started("run", "grok", 1)


def encoder(*, choices: int = 1, include_usage: bool = False) -> ChatEncoder:
    return ChatEncoder(Asked(ASKED.request, choices=choices, include_usage=include_usage), STAMP)


def chunk(frame: bytes) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    assert frame.startswith(b"data: ")
    assert frame.endswith(b"\n\n")
    return orjson.loads(frame[len(b"data: ") :])


def folded(events: Iterable[Event]) -> Transcript:
    transcript = Transcript()
    for event in events:
        transcript.add(event)
    return transcript


def test_the_first_chunk_names_the_role() -> None:
    """
    With everything the official format has.
    """
    assert chunk(encoder().feed(STARTED)) == {
        "id": "chatcmpl-abc",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "grok",
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": ""},
                "logprobs": None,
                "finish_reason": None,
            }
        ],
    }


def test_a_piece_of_text_is_one_chunk() -> None:
    """
    Whatever characters it has.
    """
    (choice,) = chunk(encoder().feed(TextPiece('"\n\u2028😀')))["choices"]

    assert choice == {
        "index": 0,
        "delta": {"content": '"\n\u2028😀'},
        "logprobs": None,
        "finish_reason": None,
    }


def test_half_a_character_is_replaced() -> None:
    """
    A lone surrogate cannot be sent; a divided pair is joined.
    """
    (choice,) = chunk(encoder().feed(TextPiece("a\ud83d")))["choices"]
    answer = orjson.loads(render(ASKED, STAMP, [folded([TextPiece("\ud83d"), TextPiece("\ude00")])]))

    assert choice["delta"]["content"] == "a\ufffd"
    assert answer["choices"][0]["message"]["content"] == "😀"


def test_citations_and_sources_come_with_the_end() -> None:
    """
    The last chunk carries what the answer rests on.
    """
    writer = encoder()

    early = writer.feed(Cited("https://a.example", "A", 0, 4)) + writer.feed(
        Sourced(Source("https://x.com/a/status/1", "a", SourceKind.X_POST))
    )
    last = chunk(writer.feed(Finished(Stop.LENGTH)))

    assert early == b""
    assert last["choices"][0]["finish_reason"] == "length"
    assert last["choices"][0]["delta"]["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 4},
        }
    ]
    assert last["search_sources"] == [{"url": "https://x.com/a/status/1", "title": "a", "type": "x_post"}]


def test_without_them_the_last_chunk_is_bare() -> None:
    """
    An empty delta and the reason.
    """
    last = chunk(encoder().feed(Finished()))

    assert last["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    assert "search_sources" not in last


def test_usage_is_null_until_the_end() -> None:
    """
    Only for clients that asked for it.
    """
    writer = encoder(include_usage=True)

    frames = [
        writer.feed(STARTED),
        writer.feed(ThoughtPiece("a")),
        writer.feed(Finished(usage=Usage(5, 2, 1))),
    ]
    usage, done = writer.end().split(b"\n\n", 1)

    assert [chunk(frame)["usage"] for frame in frames] == [None] * 3
    assert chunk(usage + b"\n\n")["choices"] == []
    assert chunk(usage + b"\n\n")["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 0, "text_tokens": 5, "audio_tokens": 0, "image_tokens": 0},
        "completion_tokens_details": {
            "text_tokens": 2,
            "audio_tokens": 0,
            "reasoning_tokens": 1,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    assert done == b"data: [DONE]\n\n"


def test_without_usage_the_end_is_only_the_end() -> None:
    """
    As clients wait for it.
    """
    assert encoder().end() == b"data: [DONE]\n\n"


def test_choices_keep_apart() -> None:
    """
    Each has its own index, citations and end; the prompt is counted once.
    """
    writer = encoder(choices=2, include_usage=True)

    writer.feed(Cited("https://a.example", "A", 0, 1), 1)
    ends = [chunk(writer.feed(Finished(usage=Usage(5, 2, 0)), index))["choices"][0] for index in (0, 1)]
    usage = chunk(writer.end().split(b"\n\n")[0] + b"\n\n")["usage"]

    assert [end["index"] for end in ends] == [0, 1]
    assert ["annotations" in end["delta"] for end in ends] == [False, True]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (5, 4)


def test_a_failure_is_the_last_frame() -> None:
    """
    In the envelope, and without `[DONE]`: what was heard is not the whole answer.
    """
    assert chunk(encoder().fail(Garbled("Nonsense."))) == {
        "error": {"message": "Nonsense.", "type": "api_error", "code": "upstream_error", "param": None}
    }


def test_an_answer_that_is_not_streamed_has_everything_at_once() -> None:
    """
    Sources of several choices are named once.
    """
    source = Sourced(Source("https://a.example", "A"))
    run: list[Event] = [
        STARTED,
        ThoughtPiece("Hm"),
        TextPiece("Yes"),
        Cited("https://a.example", "A", 0, 3),
        source,
    ]
    plain: list[Event] = [STARTED, TextPiece("No"), source, Finished(Stop.LENGTH, Usage(5, 1, 0))]

    answer = orjson.loads(
        render(ASKED, STAMP, [folded([*run, Finished(usage=Usage(5, 2, 1))]), folded(plain)])
    )

    first, second = (choice["message"] for choice in answer["choices"])
    assert first["reasoning_content"] == "Hm"
    assert first["annotations"][0]["url_citation"]["end_index"] == 3
    assert second == {"role": "assistant", "content": "No", "refusal": None, "annotations": []}
    assert [choice["finish_reason"] for choice in answer["choices"]] == ["stop", "length"]
    assert answer["search_sources"] == [{"url": "https://a.example", "title": "A", "type": "web"}]
    assert answer["usage"]["total_tokens"] == 9
    assert answer["object"] == "chat.completion"


def deltas(frames: bytes) -> list[Any]:
    return [chunk(frame + b"\n\n")["choices"][0]["delta"] for frame in frames.split(b"\n\n")[:-1]]


def test_a_call_has_the_id_that_clients_expect() -> None:
    """
    One that begins so is left as it is, so that it can be found again in the history.
    """
    for given, told in (("call_1", "call_1"), ("7f", "call_7f")):
        first, _ = deltas(encoder().feed(Called(ToolCall(given, "f", "{}"))))

        assert first["tool_calls"][0]["id"] == told


def test_calls_are_counted_for_each_choice() -> None:
    """
    Also with text between them.
    """
    writer = encoder(choices=2)
    call = Called(ToolCall("call_1", "f", "{}"))

    heard = [
        delta["tool_calls"][0]["index"]
        for choice in (0, 1, 0)
        for delta in deltas(writer.feed(call, choice)) + deltas(writer.feed(TextPiece("x"), choice))
        if "tool_calls" in delta
    ]

    assert heard == [0, 0, 0, 0, 1, 1]


def test_the_older_form_has_room_for_one_call() -> None:
    """
    A second one, which the model should not have made, is left out, streamed or not.
    """
    asked = ChatAsked(ASKED.request, as_function=True)
    run: list[Event] = [Called(ToolCall(f"call_{at}", f"f{at}", "{}")) for at in (1, 2)]
    writer = ChatEncoder(asked, STAMP)

    heard = deltas(b"".join(writer.feed(event) for event in run))
    answer = orjson.loads(render(asked, STAMP, [folded([*run, Finished(Stop.CALLS)])]))

    assert heard == [
        {"function_call": {"name": "f1", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
    ]
    assert answer["choices"][0]["message"]["function_call"] == {"name": "f1", "arguments": "{}"}
    assert answer["choices"][0]["finish_reason"] == "function_call"


def test_half_a_character_in_a_call_is_replaced() -> None:
    """
    The rest of the arguments arrives.
    """
    _, second = deltas(encoder().feed(Called(ToolCall("call_1", "f", "a\ud83d"))))

    assert second["tool_calls"][0]["function"]["arguments"] == "a\ufffd"


def test_half_a_character_in_a_source_is_replaced() -> None:
    """
    And in a citation; the rest of the answer arrives.
    """
    run: list[Event] = [
        Cited("https://a.example/", "a\ud83d", 0, 0),
        Sourced(Source("https://a.example/", "a\ud83d")),
        Finished(),
    ]
    writer = encoder()

    heard = chunk(b"".join(writer.feed(event) for event in run))
    answer = orjson.loads(render(ASKED, STAMP, [folded(run)]))

    for told, message in ((heard, "delta"), (answer, "message")):
        (cited,) = told["choices"][0][message]["annotations"]
        (source,) = told["search_sources"]
        assert (cited["url_citation"]["title"], source["title"]) == ("a\ufffd", "a\ufffd")


def test_a_refusal_without_words_is_given_some() -> None:
    """
    An empty one would look like no refusal at all.
    """
    refused = Finished(Stop.REFUSED)

    heard = deltas(encoder().feed(refused))
    message = orjson.loads(render(ASKED, STAMP, [folded([refused])]))["choices"][0]["message"]

    assert heard == [{"content": None, "refusal": "This cannot be answered."}, {}]
    assert (message["content"], message["refusal"]) == (None, "This cannot be answered.")


def test_a_kept_answer_repeats_its_metadata() -> None:
    """
    And no other does.
    """
    kept = orjson.loads(render(ChatAsked(ASKED.request, keep={"a": "b"}), STAMP, [folded([Finished()])]))
    other = orjson.loads(render(ASKED, STAMP, [folded([Finished()])]))

    assert kept["metadata"] == {"a": "b"}
    assert "metadata" not in other


def test_the_work_on_a_picture_is_no_chunk() -> None:
    """
    What clients hear of it has become text before.
    """
    assert encoder().feed(Progressed(0.5)) == b""
