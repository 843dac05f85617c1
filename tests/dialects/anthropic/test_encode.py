"""What clients of Messages hear, byte by byte where it matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from grokdesk.core.conversation import ChatRequest, Message, Role, Text, ToolCall
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
from grokdesk.dialects.anthropic import Anthropic
from grokdesk.dialects.anthropic.encode import MessageEncoder, render
from grokdesk.dialects.base import Asked, Stamp

ASKED = Asked(ChatRequest("grok", (Message(Role.USER, (Text("Hello there"),)),)), stream=True)
STAMP = Stamp("abc", 1_790_000_000)
STARTED = Started("run", "grok", 1)
CALL = ToolCall("call_1", "read", '{"path": "a"}')
CITED = Cited("https://a.example", "A", 0, 4)
# What only Anthropic's servers know, and is always there.
UNKNOWN = {"cache_creation": None, "inference_geo": None, "server_tool_use": None, "service_tier": None}


def frames(heard: bytes) -> list[Any]:
    """The data of all frames; each is named after its type."""
    found = []
    for frame in heard.removesuffix(b"\n\n").split(b"\n\n"):
        name, _, data = frame.partition(b"\ndata: ")
        found.append(orjson.loads(data))
        assert name == f"event: {found[-1]['type']}".encode()
    return found


def told(*events: Event) -> list[Any]:
    writer = MessageEncoder(ASKED, STAMP)
    return frames(b"".join(writer.feed(event) for event in events) + writer.end())


def kinds(heard: Iterable[Any]) -> list[str]:
    return [frame["type"].removeprefix("content_block_") for frame in heard]


def folded(*events: Event) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    transcript = Transcript()
    for event in events:
        transcript.add(event)
    return orjson.loads(render(ASKED, STAMP, transcript))


def test_a_message_begins_with_all_its_members() -> None:
    """
    And with an estimate of what was asked, which clients show meanwhile.
    """
    (start,) = frames(MessageEncoder(ASKED, STAMP).feed(STARTED))

    assert start["message"] == {
        "id": "msg_abc",
        "type": "message",
        "role": "assistant",
        "model": "grok",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
            "output_tokens_details": {"thinking_tokens": 0},
            **UNKNOWN,
        },
    }


def test_a_piece_is_one_delta_of_the_open_block() -> None:
    """
    Whatever characters it has.
    """
    heard = told(TextPiece("a"), TextPiece('"\n\u2028😀'), Finished())

    assert kinds(heard) == ["start", "delta", "delta", "stop", "message_delta", "message_stop"]
    assert heard[0]["content_block"] == {"type": "text", "text": ""}
    assert heard[2] == {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": '"\n\u2028😀'},
    }


def test_thinking_ends_with_its_signature() -> None:
    """
    The same for the same thinking, streamed or not, and another for other thinking.
    """
    heard = told(ThoughtPiece("Hm"), ThoughtPiece("."), TextPiece("a"), Finished())
    whole = folded(ThoughtPiece("Hm."), TextPiece("a"), Finished())
    other = folded(ThoughtPiece("Ah."), TextPiece("a"), Finished())

    signed = heard[3]["delta"]
    assert kinds(heard)[:6] == ["start", "delta", "delta", "delta", "stop", "start"]
    assert signed == {"type": "signature_delta", "signature": whole["content"][0]["signature"]}
    assert signed["signature"] != other["content"][0]["signature"]


def test_a_call_is_a_block_that_closes_at_once() -> None:
    """
    A client may begin to work while the model still writes.
    """
    writer = MessageEncoder(ASKED, STAMP)
    writer.feed(TextPiece("a"))

    heard = frames(writer.feed(Called(CALL)))

    assert kinds(heard) == ["stop", "start", "delta", "stop"]
    assert [frame["index"] for frame in heard] == [0, 1, 1, 1]
    assert heard[1]["content_block"] == {
        "type": "tool_use",
        "id": "toolu_1",
        "name": "read",
        "input": {},
        "caller": {"type": "direct"},
    }
    assert heard[2]["delta"] == {"type": "input_json_delta", "partial_json": '{"path": "a"}'}


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ("", {}),
        ("{}", {}),
        ("[1]", {"input": "[1]"}),
        ("some text", {"input": "some text"}),
        ('{"broken', {"input": '{"broken'}),
        ('{"a": "\ud83d"}', {"a": "\ufffd"}),
    ],
)
def test_arguments_are_always_an_object(arguments: str, heard: object) -> None:
    """
    Nothing else can be read by clients; what is none is not lost.
    """
    call = Called(ToolCall("call_1", "read", arguments))

    streamed = told(call, Finished(Stop.CALLS))[1]["delta"]["partial_json"]
    whole = folded(call, Finished(Stop.CALLS))["content"][0]["input"]

    assert orjson.loads(streamed) == whole == heard


def test_a_citation_marks_the_text() -> None:
    """
    With the place in the answer where clients keep what they do not read.
    """
    citation = {
        "type": "web_search_result_location",
        "url": "https://a.example",
        "title": "A",
        "cited_text": "",
        "encrypted_index": "0:4",
    }

    heard = told(TextPiece("Blue"), CITED, Finished())
    whole = folded(TextPiece("Blue"), CITED, Finished())

    assert heard[2]["delta"] == {"type": "citations_delta", "citation": citation}
    assert whole["content"] == [{"type": "text", "text": "Blue", "citations": [citation]}]


def test_sources_come_with_the_end() -> None:
    """
    Beyond the official format.
    """
    source = Sourced(Source("https://x.com/a/status/1", "a", SourceKind.X_POST))
    expected = [{"url": "https://x.com/a/status/1", "title": "a", "type": "x_post"}]

    heard = told(source, TextPiece("a"), Finished())

    assert heard[-2]["delta"]["search_sources"] == expected
    assert folded(source, TextPiece("a"), Finished())["search_sources"] == expected
    assert "search_sources" not in folded(TextPiece("a"), Finished())


@pytest.mark.parametrize(
    ("end", "reason", "sequence"),
    [
        (Finished(), "end_turn", None),
        (Finished(Stop.LENGTH), "max_tokens", None),
        (Finished(Stop.STOP_SEQUENCE, stop_sequence="END"), "stop_sequence", "END"),
        (Finished(Stop.CALLS), "tool_use", None),
    ],
)
def test_the_end_says_why(end: Finished, reason: str, sequence: str | None) -> None:
    """
    With the sequence that was met.
    """
    delta = told(TextPiece("a"), end)[-2]["delta"]
    whole = folded(TextPiece("a"), end)

    assert delta == {"stop_reason": reason, "stop_sequence": sequence, "stop_details": None}
    assert {name: whole[name] for name in delta} == delta


def test_the_end_says_what_it_cost() -> None:
    """
    All of it, prompt and thinking too.
    """
    end = Finished(usage=Usage(5, 2, 1))
    expected = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 3,
        "output_tokens_details": {"thinking_tokens": 1},
    }

    assert told(TextPiece("a"), end)[-2]["usage"] == expected
    assert folded(TextPiece("a"), end)["usage"] == {**expected, **UNKNOWN}


def test_a_refusal_can_be_read() -> None:
    """
    By people as text, by programs as the reason.
    """
    end = Finished(Stop.REFUSED, refusal="No.")
    ending = {
        "stop_reason": "refusal",
        "stop_sequence": None,
        "stop_details": {"type": "refusal", "category": None, "explanation": "No."},
    }

    heard = told(ThoughtPiece("Hm"), end)
    whole = folded(ThoughtPiece("Hm"), end)

    assert kinds(heard)[4:] == ["start", "delta", "stop", "message_delta", "message_stop"]
    assert heard[5]["delta"]["text"] == whole["content"][1]["text"] == "No."
    assert heard[-2]["delta"] == ending
    assert {name: whole[name] for name in ending} == ending


def test_an_answer_is_never_without_a_block() -> None:
    """
    Clients read the first one without looking.
    """
    heard = told(STARTED, Finished(Stop.STOP_SEQUENCE, stop_sequence="x"))

    assert kinds(heard)[1:4] == ["start", "delta", "stop"]
    assert folded(STARTED, Finished())["content"] == [{"type": "text", "text": "", "citations": None}]


def test_calls_need_no_text_beside_them() -> None:
    """
    Nor does thinking.
    """
    assert [block["type"] for block in folded(Called(CALL), Finished(Stop.CALLS))["content"]] == ["tool_use"]
    assert [block["type"] for block in folded(ThoughtPiece("a"), Finished())["content"]] == ["thinking"]


def test_an_unfinished_run_can_be_rendered() -> None:
    """
    As if it had ended there.
    """
    assert folded(TextPiece("a"))["stop_reason"] == "end_turn"


def test_half_a_character_is_replaced() -> None:
    """
    A lone surrogate cannot be sent; a divided pair is joined.
    """
    heard = told(TextPiece("a\ud83d"), ThoughtPiece("\ud83d"), Finished())
    whole = folded(TextPiece("\ud83d"), TextPiece("\ude00"), Finished())

    assert [heard[at]["delta"].get("text", heard[at]["delta"].get("thinking")) for at in (1, 4)] == [
        "a\ufffd",
        "\ufffd",
    ]
    assert whole["content"][0]["text"] == "😀"


def test_a_failure_is_the_last_frame() -> None:
    """
    In the envelope, under the id of the request; what was heard is not the whole answer.
    """
    (heard,) = frames(MessageEncoder(ASKED, STAMP).fail(Garbled("Nonsense.")))

    assert heard == {
        "type": "error",
        "error": {"type": "api_error", "message": "Nonsense."},
        "request_id": "req_abc",
    }


def test_silence_is_filled_with_pings() -> None:
    """
    As Anthropic's servers do.
    """
    assert Anthropic().heartbeat == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_the_work_on_a_picture_is_not_told() -> None:
    """
    What clients hear of it has become text before.
    """
    spoken: list[Event] = [STARTED, TextPiece("a"), TextPiece("b"), Finished()]

    assert told(*spoken[:2], Progressed(0.5), *spoken[2:]) == told(*spoken)
