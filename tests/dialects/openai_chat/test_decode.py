"""What a Chat Completions body means, and how a wrong one is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import ChatRequest, Limits, Message, Role, Text, Thinking
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.dialects.openai_chat.asked import ChatAsked
from grokdesk.dialects.openai_chat.decode import decode

HI: dict[str, Any] = {"role": "user", "content": "Hi"}


def body(**changes: object) -> bytes:
    return orjson.dumps({"model": "m", "messages": [HI], **changes})


def messages(*said: dict[str, Any]) -> tuple[Message, ...]:
    return decode(body(messages=said)).request.messages


def test_the_smallest_body() -> None:
    """
    What is absent has one meaning: not streamed, one choice, no limits, thinking as the owner likes it.
    """
    assert decode(body()) == ChatAsked(ChatRequest("m", (Message(Role.USER, (Text("Hi"),)),)))


def test_null_is_the_same_as_absent() -> None:
    """
    Many clients send every field they know.
    """
    names = [
        "stream",
        "stream_options",
        "n",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "reasoning_effort",
    ]
    names += ["reasoning", "temperature", "top_p", "tools", "functions", "tool_choice", "function_call"]
    names += ["response_format", "modalities", "audio", "seed", "user", "store", "metadata"]
    names += ["parallel_tool_calls"]

    assert decode(body(**dict.fromkeys(names))) == decode(body())


def test_roles_become_ours() -> None:
    """
    A developer speaks for the system.
    """
    said = [{"role": role, "content": role} for role in ("developer", "system", "user", "assistant")]

    assert [(one.role, one.parts) for one in messages(*said)] == [
        (Role.SYSTEM, (Text("developer"),)),
        (Role.SYSTEM, (Text("system"),)),
        (Role.USER, (Text("user"),)),
        (Role.ASSISTANT, (Text("assistant"),)),
    ]


def test_parts_keep_their_order() -> None:
    """
    Text is text in whatever kind of part it comes.
    """
    parts = [
        {"type": "text", "text": "a"},
        {"type": "input_text", "text": "b"},
        {"type": "refusal", "refusal": "c"},
        {"type": "output_text", "text": "d", "annotations": []},
    ]

    (message,) = messages({"role": "user", "content": parts})

    assert message.parts == (Text("a"), Text("b"), Text("c"), Text("d"))


def test_an_assistant_that_said_nothing_is_left_out() -> None:
    """
    Its content may be null; a refusal is what it said.
    """
    said = messages(
        HI,
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "assistant", "content": " ", "tool_calls": []},
        {"role": "assistant", "audio": {"id": "a"}, "content": " "},
    )

    assert said[1:] == (Message(Role.ASSISTANT, (Text("No."),)),)


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({}, Thinking.DEFAULT),
        ({"reasoning_effort": "none"}, Thinking.HIDDEN),
        *[
            ({"reasoning_effort": effort}, Thinking.SHOWN)
            for effort in ("minimal", "low", "medium", "high", "xhigh", "max")
        ],
        ({"reasoning": {"effort": "none"}}, Thinking.HIDDEN),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, Thinking.SHOWN),
        ({"reasoning": {}}, Thinking.DEFAULT),
        ({"reasoning_effort": "low", "reasoning": {"effort": "none"}}, Thinking.SHOWN),
    ],
)
def test_effort_shows_or_hides_thinking(fields: dict[str, Any], thinking: Thinking) -> None:
    """
    `none` hides it, any other level shows it; the flat field wins over the nested one.
    """
    assert decode(body(**fields)).request.thinking is thinking


@pytest.mark.parametrize(
    ("fields", "limits"),
    [
        ({"stop": "END"}, Limits(stop=("END",))),
        ({"stop": ["a", "b", "c", "d"]}, Limits(stop=("a", "b", "c", "d"))),
        ({"stop": []}, Limits()),
        ({"max_tokens": 5}, Limits(max_tokens=5)),
        ({"max_tokens": 5.0}, Limits(max_tokens=5)),
        ({"max_tokens": 5, "max_completion_tokens": 9}, Limits(max_tokens=9)),
    ],
)
def test_limits_are_taken_over(fields: dict[str, Any], limits: Limits) -> None:
    """
    The newer name of the token limit wins over the older.
    """
    assert decode(body(**fields)).request.limits == limits


def test_how_the_answer_is_wanted() -> None:
    """
    Streamed, several, with usage.
    """
    asked = decode(body(stream=True, n=3, stream_options={"include_usage": True}))

    assert (asked.stream, asked.choices, asked.include_usage) == (True, 3, True)


def test_tuning_that_upstream_does_not_have_is_ignored() -> None:
    """
    So are fields nobody has heard of.
    """
    tuning = {
        "temperature": 0.5,
        "top_p": 1,
        "presence_penalty": 9,
        "seed": "x",
        "logprobs": True,
        "metadata": {"a": 1},
        "store": False,
        "logit_bias": {"1": 5},
        "verbosity": "low",
        "prediction": {"type": "content", "content": "x"},
        "web_search_options": {},
        "parallel_tool_calls": True,
        "service_tier": "auto",
        "tools": [],
        "tool_choice": "auto",
        "function_call": "auto",
        "response_format": {"type": "text"},
        "modalities": ["text"],
        "no_such_field": [{}],
    }

    assert decode(body(**tuning)) == decode(body())


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"model": ""}, "model", "must not be empty"),
        ({"model": 5}, "model", "must be a valid string"),
        ({"messages": []}, "messages", "must not be empty"),
        ({"messages": "Hi"}, "messages", "must be a valid array"),
        ({"messages": ["Hi"]}, "messages.0", "must be an object"),
        ({"messages": [HI, {"role": "wizard", "content": ""}]}, "messages.1.role", "not 'wizard'"),
        ({"messages": [{"content": "Hi"}]}, "messages.0.role", "is required"),
        ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages.0.role", "not an array or an object"),
        ({"messages": [{"role": "user"}]}, "messages.0.content", "is required"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content", "a string or an array"),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "messages.0.content.0", "must be an object"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages.0.content.0.type", "is required"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
            "is required",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "smell" * 20}]}]},
            "messages.0.content.0.type",
            "smell…'",
        ),
        ({"messages": [{"role": "user", "content": " "}]}, "messages", "every message is empty"),
        ({"stream": "yes"}, "stream", "must be a valid boolean"),
        ({"n": 0}, "n", "must be greater than or equal to 1"),
        ({"n": 9}, "n", "must be less than or equal to 8"),
        ({"n": 1.5}, "n", "must be a valid integer"),
        ({"stop": ""}, "stop", "must not be empty"),
        ({"stop": ["a", ""]}, "stop.1", "must not be empty"),
        ({"stop": list("abcde")}, "stop", "must have at most 4 items"),
        ({"stop": 5}, "stop", "up to 4 strings"),
        ({"max_tokens": 0}, "max_tokens", "must be greater than or equal to 1"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens", "must be a valid integer"),
        ({"reasoning_effort": "huge"}, "reasoning_effort", "'none', 'minimal', 'low'"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort", "not 'huge'"),
        ({"temperature": 2.1}, "temperature", "must be less than or equal to 2"),
        ({"top_p": -1}, "top_p", "must be greater than or equal to 0"),
        ({"stream_options": True}, "stream_options", "must be an object"),
        ({"response_format": {"type": "poem"}}, "response_format.type", "not 'poem'"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str, says: str) -> None:
    """
    By its path, with what was expected.
    """
    with pytest.raises(InvalidRequest) as caught:
        decode(body(**fields))

    assert caught.value.param == param
    assert says in caught.value.message


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_what_is_required_is_asked_for(missing: str) -> None:
    """
    By name.
    """
    whole = orjson.loads(body())
    del whole[missing]

    with pytest.raises(InvalidRequest, match=f"'{missing}' is required") as caught:
        decode(orjson.dumps(whole))

    assert caught.value.param == missing


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"model": }', "line 1 column 11"),
        (b'{"model": "m"', "line 1 column 13"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b"\xff\xff", "not valid JSON"),
        (b'{"model":"\\ud800"}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(raw: bytes, says: str) -> None:
    """
    With the place where reading stopped.
    """
    with pytest.raises(InvalidRequest, match=says) as caught:
        decode(raw)

    assert caught.value.param is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {"voice": "a"}}, "audio"),
        ({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "messages.0.audio"),
        *[
            ({"messages": [{"role": "user", "content": [{"type": kind}]}]}, "messages.0.content.0.type")
            for kind in ("video_url", "input_file")
        ],
    ],
)
def test_content_that_cannot_be_passed_on_is_refused(fields: dict[str, Any], param: str) -> None:
    """
    Leaving it out would answer another question than the one that was asked.
    """
    with pytest.raises(Unsupported) as caught:
        decode(body(**fields))

    assert caught.value.param == param


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        *("model", "messages", "stream", "n", "stop", "max_tokens", "reasoning", "tools", "tool_choice"),
        *("audio", "functions", "function_call", "response_format", "store", "metadata"),
    ]
)


@given(st.dictionaries(names, json_values))
def test_any_object_is_decoded_or_refused(fields: dict[str, Any]) -> None:
    """
    Nothing a client sends is a fault of ours.
    """
    with contextlib.suppress(InvalidRequest):
        decode(body(**fields))


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(raw: bytes) -> None:
    """
    Also when they are no JSON at all.
    """
    with pytest.raises(InvalidRequest):
        decode(raw)
