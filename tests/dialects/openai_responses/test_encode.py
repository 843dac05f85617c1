"""What official types say of the frames, and what the golden transcripts do not show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from grokdesk.core import errors
from grokdesk.core.conversation import ChatRequest, ToolCall
from grokdesk.core.errors import GrokDeskError
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
)
from grokdesk.dialects.base import Asked, Stamp
from grokdesk.dialects.openai_responses import OpenAIResponses, items, replay
from grokdesk.dialects.openai_responses.encode import ResponsesEncoder, frames_of, payloads_of, socket_error
from grokdesk.dialects.openai_responses.wrong import PreviousResponseNotFound
from tests.dialects.test_round_trip import runs

MODEL = "grok-4.20-fast"
STAMP = Stamp("abc", 1_790_000_000)
STARTED = Started("r", MODEL, STAMP.created)
DIALECT = OpenAIResponses()
TOOLS = [{"type": "custom", "name": "shell"}, {"type": "web_search"}]
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def asked(**echo: object) -> Asked:
    return Asked(ChatRequest(MODEL, ()), stream=True, echo=echo)


def told(written: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(payload) for payload in payloads_of(written)]


def encoded(events: Sequence[Event], **echo: object) -> tuple[list[dict[str, Any]], ResponsesEncoder]:
    encoder = DIALECT.encoder(asked(**echo), STAMP)
    return told(b"".join([encoder.feed(event) for event in events])), encoder


@given(runs)
def test_every_event_fits_the_official_types(events: list[Event]) -> None:
    """
    Strictly validated, which the client itself never does.
    """
    heard, _ = encoded(events, tools=TOOLS)

    for event in heard:
        EVENT.validate_python(event)
    Response.model_validate(heard[-1]["response"])


@given(runs)
def test_an_answer_is_well_formed(events: list[Event]) -> None:
    """
    Numbers without gaps, every item closed before the next opens, each id once, all in the last event.
    """
    heard, _ = encoded(events, tools=TOOLS)

    assert [event["sequence_number"] for event in heard] == list(range(len(heard)))
    opened = None
    done: list[dict[str, Any]] = []
    for event in heard:
        match event["type"]:
            case "response.output_item.added":
                assert opened is None
                opened = event["item"]["id"]
                assert event["output_index"] == len(done)
            case "response.output_item.done":
                assert opened == event["item"]["id"]
                opened = None
                done.append(event["item"])
            case _ if "item_id" in event:
                assert (event["item_id"], event["output_index"]) == (opened, len(done))
    assert heard[-1]["response"]["output"] == done
    assert len({item["id"] for item in done}) == len(done)


@given(runs)
def test_a_kept_answer_is_told_again_word_by_word(events: list[Event]) -> None:
    """
    From what is kept of it.
    """
    encoder = DIALECT.encoder(asked(tools=TOOLS), STAMP)
    frames = [encoder.feed(event) for event in events]

    answer = orjson.dumps(encoder.response).decode()

    assert replay.replayed(answer, replay.written(encoder.events)) == frames_of(b"".join(frames))


def test_halves_of_characters() -> None:
    """
    Two that meet are one character in the whole; one that stays alone is replaced; a replay is the same.
    """
    events: list[Event] = [STARTED, TextPiece("\ud83d"), TextPiece("\ude00"), TextPiece("\ud83d"), Finished()]

    heard, encoder = encoded(events)

    assert encoder.response["output"][0]["content"][0]["text"] == "😀\ufffd"
    again = replay.replayed(orjson.dumps(encoder.response).decode(), replay.written(encoder.events))
    assert told(b"".join(again)) == heard


def test_sources_found_on_the_way_are_searches_between_items() -> None:
    """
    For those who asked for searches; in the list for all.
    """
    events: list[Event] = [
        STARTED,
        ThoughtPiece("Hm."),
        Sourced(Source("https://a.example")),
        TextPiece("a"),
        Sourced(Source("https://b.example")),
        TextPiece("b"),
        Cited("https://a.example", "A", 0, 1),
        TextPiece("c"),
        Called(ToolCall("1", "shell", "ls")),
        Finished(Stop.CALLS),
    ]

    _, searching = encoded(events, tools=TOOLS)
    _, plain = encoded(events)

    kinds = [item["type"] for item in searching.response["output"]]
    assert kinds == ["reasoning", "web_search_call", "message", "web_search_call", "custom_tool_call"]
    assert [item["type"] for item in plain.response["output"]] == ["reasoning", "message", "function_call"]
    assert len(plain.response["search_sources"]) == 2
    assert plain.response["output"][1]["content"][0]["text"] == "abc"
    assert plain.response["output"][2]["call_id"] == "call_1"


@pytest.mark.parametrize(
    ("said", "output"),
    [
        ([], []),
        ([TextPiece("Hel"), TextPiece("lo")], [("message", "incomplete")]),
        ([ThoughtPiece("Hm"), ThoughtPiece(".")], [("reasoning", None)]),
    ],
)
def test_a_failure_keeps_what_was_said(said: list[Event], output: list[tuple[str, str | None]]) -> None:
    """
    Also when nothing had been said at all, not even that it begins.
    """
    encoder = DIALECT.encoder(asked(), STAMP)
    frames = b"".join([encoder.feed(event) for event in [STARTED, *said]]) if said else b""

    heard = told(frames + encoder.fail(errors.Garbled("Nonsense.", hint="Try again.")))

    assert [event["sequence_number"] for event in heard] == list(range(len(heard)))
    assert [event["type"] for event in heard[:2]] == ["response.created", "response.in_progress"]
    failed, error = heard[-2:]
    response = failed["response"]
    assert (failed["type"], response["status"]) == ("response.failed", "failed")
    assert response["error"] == {"code": "server_error", "message": "Nonsense. Try again."}
    assert [(item["type"], item.get("status")) for item in response["output"]] == output
    assert "".join(piece.text for piece in said if isinstance(piece, TextPiece | ThoughtPiece)) in str(
        response
    )
    assert (error["type"], error["message"]) == ("error", "Nonsense. Try again.")
    assert error["error"]["code"] == "upstream_error"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RateLimited("m"), "rate_limit_exceeded"),
        (errors.NoAccount("m"), "rate_limit_exceeded"),
        (errors.Refused("m"), "invalid_prompt"),
        (errors.Unsupported("m"), "invalid_prompt"),
        (errors.Broken("m"), "server_error"),
    ],
)
def test_a_failed_response_has_an_official_code(error: GrokDeskError, code: str) -> None:
    """
    There are few of them.
    """
    encoder = DIALECT.encoder(asked(), STAMP)

    heard = told(encoder.failed(error))

    assert heard[-1]["response"]["error"]["code"] == code
    Response.model_validate(heard[-1]["response"])


def test_the_end_is_announced_before_it_is_told() -> None:
    """
    Once, with the whole answer and the time.
    """
    ended: list[dict[str, Any]] = []
    encoder = DIALECT.encoder(
        asked(), STAMP, now=lambda: 1_790_000_009.7, ended=lambda one: ended.append(one.response)
    )

    encoder.feed(STARTED)
    encoder.feed(TextPiece("Hi"))
    assert (ended, encoder.is_over, encoder.response["output"]) == ([], False, [])
    encoder.feed(Finished())

    assert encoder.is_over
    assert [one["completed_at"] for one in ended] == [1_790_000_009]


def test_an_unknown_previous_response_has_a_code_of_its_own() -> None:
    """
    Over HTTP and in a WebSocket.
    """
    error = PreviousResponseNotFound("resp_1")

    failure = DIALECT.failure(error, "req_1")
    message = orjson.loads(socket_error(error, "main"))

    assert (failure.status, orjson.loads(failure.body)["error"]["code"]) == (
        400,
        "previous_response_not_found",
    )
    assert (message["status"], message["stream_id"]) == (400, "main")
    assert message["error"]["code"] == "previous_response_not_found"


def test_an_answer_that_ended_is_not_interrupted() -> None:
    """
    Only one that was still being made has failed.
    """
    done = '{"status":"completed"}'

    assert replay.interrupted(done) == done
    assert orjson.loads(replay.interrupted('{"status":"queued"}'))["status"] == "failed"


@pytest.mark.parametrize(
    ("reference", "response"),
    [("msg_abc_0", "resp_abc"), ("rs_abc_i12", "resp_abc"), ("msg_abc", ""), ("", ""), ("../x_1", "")],
)
def test_the_id_of_an_item_says_where_it_came_from(reference: str, response: str) -> None:
    """
    When it is one of ours.
    """
    assert items.response_of(reference) == response


def test_items_are_listed_whole() -> None:
    """
    With types, ids, statuses and text in parts; what the client wrote stays.
    """
    given = [
        {"role": "user", "content": "Hi", "note": 1},
        {"type": "message", "id": "mine", "role": "assistant", "content": "Ho", "status": "incomplete"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "mcp_call", "output": "x"},
        {"id": "msg_x_1"},
    ]

    listed = items.listed(given, "abc", {"msg_x_1": {"id": "msg_x_1", "type": "message"}})

    assert listed == [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Hi"}],
            "note": 1,
            "id": "msg_abc_i0",
            "type": "message",
            "status": "completed",
        },
        {
            "type": "message",
            "id": "mine",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Ho", "annotations": [], "logprobs": []}],
            "status": "incomplete",
        },
        {
            "type": "function_call",
            "call_id": "c",
            "name": "f",
            "arguments": "{}",
            "id": "fc_abc_i2",
            "status": "completed",
        },
        {"type": "mcp_call", "output": "x", "id": "item_abc_i3"},
        {"id": "msg_x_1", "type": "message"},
    ]
    assert items.listed(None, "abc", {}) == []


def test_a_page_behind_an_unknown_item_is_empty() -> None:
    """
    And has no ids.
    """
    page = orjson.loads(items.page([{"id": "a"}], limit=9, after="z", newest_first=False))

    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
