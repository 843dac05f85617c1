"""Responses bodies → requests."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import (
    AnswerForm,
    Limits,
    Media,
    Message,
    Role,
    Text,
    Thinking,
    Thought,
    ToolCall,
    ToolResult,
)
from grokdesk.core.errors import InvalidRequest, NotFound, Unsupported
from grokdesk.core.prompt_size import counted
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from grokdesk.dialects.base import Asked
from grokdesk.dialects.openai_responses import OpenAIResponses, schema
from grokdesk.dialects.openai_responses.decode import decode as decoded
from grokdesk.dialects.openai_responses.decode import read
from grokdesk.dialects.openai_responses.history import Known
from grokdesk.dialects.openai_responses.wrong import PreviousResponseNotFound

MODEL = "grok-4.20-fast"
PIXEL = b"\x89PNG\r\n\x1a\n"
FUNCTION: dict[str, Any] = {"type": "function", "name": "read"}


def decode(known: Known | None = None, /, **members: object) -> Asked:
    body = orjson.dumps({"model": MODEL, "input": "Hi", **members})
    return decoded(read(schema.Create, body), known or Known())


def said(*items: object, known: Known | None = None) -> tuple[Message, ...]:
    return decode(known, input=list(items)).request.messages


def content(*parts: object) -> tuple[Any, ...]:
    (message,) = said({"role": "user", "content": list(parts)})
    return message.parts


def refused(**members: object) -> tuple[type[InvalidRequest], str | None]:
    with pytest.raises(InvalidRequest) as caught:
        decode(**members)
    return type(caught.value), caught.value.param


# --- conversations ------------------------------------------------------------------------------------------


def test_a_string_is_what_a_person_says() -> None:
    """
    And instructions come before it.
    """
    assert decode(instructions="Be brief.").request.messages == (
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("Hi"),)),
    )


def test_messages_need_no_type() -> None:
    """
    A role is enough; text may be in parts; a message that says nothing is left out.
    """
    assert said(
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"role": "user", "content": "  "},
        {"role": "assistant", "phase": "final_answer", "content": [{"type": "refusal", "refusal": "No."}]},
    ) == (
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("Hi"),)),
        Message(Role.ASSISTANT, (Text("No."),)),
    )


def test_what_the_model_did_in_one_go_is_one_message() -> None:
    """
    Thinking, text and calls together; the next thinking begins another; results that come together too.
    """
    call = {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{}"}
    result = {"type": "function_call_output", "output": "x"}
    assert said(
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"role": "assistant", "content": "I look."},
        call,
        {**call, "call_id": "b"},
        {**result, "call_id": "a"},
        {**result, "call_id": "b"},
        {"type": "reasoning", "id": "r", "encrypted_content": "s", "summary": []},
        {"type": "reasoning", "id": "r", "content": [{"type": "reasoning_text", "text": "So."}]},
        {"role": "assistant", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": "Go on"},
        call,
    ) == (
        Message(
            Role.ASSISTANT,
            (Thought("Hm."), Text("I look."), ToolCall("a", "read", "{}"), ToolCall("b", "read", "{}")),
        ),
        Message(Role.USER, (ToolResult("a", (Text("x"),)), ToolResult("b", (Text("x"),)))),
        Message(Role.ASSISTANT, (Thought("", "s"), Thought("So."), Text("One"))),
        Message(Role.ASSISTANT, (Text("Two"),)),
        Message(Role.USER, (Text("Go on"),)),
        Message(Role.ASSISTANT, (ToolCall("a", "read", "{}"),)),
    )


def test_traces_of_hosted_tools_are_passed_over() -> None:
    """
    Whatever their members look like; a type that nobody knows is named.
    """
    hosted = [
        {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search"}},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
        {"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x"}]},
        {"type": "tool_search_call", "arguments": {"q": 1}},
    ]

    assert said(*hosted, {"role": "user", "content": "Hi"}) == (Message(Role.USER, (Text("Hi"),)),)
    assert refused(input=[{"type": "telepathy"}]) == (InvalidRequest, "input.0.type")
    assert refused(input=[{}]) == (InvalidRequest, "input.0.type")


def test_what_was_said_before_comes_first() -> None:
    """
    Behind the instructions of this request.
    """
    history = orjson.dumps([{"type": "message", "role": "user", "content": "Before"}]).decode()

    messages = decode(Known(history=(history,)), instructions="Be brief.").request.messages

    assert [message.parts[0] for message in messages] == [Text("Be brief."), Text("Before"), Text("Hi")]


def test_with_a_history_nothing_new_need_be_said() -> None:
    """
    The model continues what is there.
    """
    history = orjson.dumps([{"type": "message", "role": "user", "content": "Before"}]).decode()

    assert len(decode(Known(history=(history,)), input=None).request.messages) == 1


def test_items_are_referred_to_by_id() -> None:
    """
    The gateway has looked them up; one it did not find is named.
    """
    item = {"id": "msg_1", "type": "message", "role": "user", "content": "Before"}
    reference = {"type": "item_reference", "id": "msg_1"}

    assert said(reference, known=Known(items={"msg_1": item}))[0].parts == (Text("Before"),)
    with pytest.raises(NotFound, match="msg_1") as caught:
        said(reference)
    assert caught.value.param == "input.0.id"


def test_a_compacted_conversation_is_recalled() -> None:
    """
    Its summary is told as such, and results may belong to calls in it.
    """
    known = Known(unseal=lambda carried: "Ann is 7." if carried == "ok" else None)
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "ok"}
    result = {"type": "function_call_output", "call_id": "c", "output": None}

    recalled, results = said(compaction, result, known=known)

    assert recalled.role is Role.USER
    assert isinstance(recalled.parts[0], Text)
    assert recalled.parts[0].text.endswith("Ann is 7.")
    assert results.parts == (ToolResult("c", ()),)
    assert refused(input=[{**compaction, "encrypted_content": "no"}])[1] == "input.0.encrypted_content"


def test_a_result_belongs_to_a_call() -> None:
    """
    One whose call nobody made is refused.
    """
    orphan = {"type": "custom_tool_call_output", "call_id": "c", "output": "x"}

    assert refused(input=[orphan]) == (InvalidRequest, "input.0.call_id")


# --- files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "media"),
    [
        (
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"},
            Media(data=PIXEL, media_type="image/png"),
        ),
        (
            {"type": "input_image", "image_url": "https://a.example/a.png"},
            Media(url="https://a.example/a.png"),
        ),
        (
            {"type": "input_image", "image_url": {"url": "https://a.example/a.png"}},
            Media(url="https://a.example/a.png"),
        ),
        (
            {"type": "input_file", "file_data": "data:text/plain,Hi%20you", "filename": "a.txt"},
            Media(data=b"Hi you", media_type="text/plain", name="a.txt"),
        ),
        ({"type": "input_file", "file_data": "SGk", "filename": "a"}, Media(data=b"Hi", name="a")),
        (
            {"type": "input_file", "file_url": "https://a.example/a.pdf", "filename": "b.pdf"},
            Media(url="https://a.example/a.pdf", name="b.pdf"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "SGk=", "format": "mp3"}},
            Media(data=b"Hi", media_type="audio/mpeg"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "data:audio/x;base64,SGk=", "format": "wav"}},
            Media(data=b"Hi", media_type="audio/x"),
        ),
    ],
)
def test_files_travel_with_a_message(part: dict[str, Any], media: Media) -> None:
    """
    As bytes, or as the address they can be fetched from.
    """
    assert content({"type": "input_text", "text": "See"}, part) == (Text("See"), media)


@pytest.mark.parametrize(
    ("part", "kind", "member"),
    [
        ({"type": "input_image", "file_id": "file_1"}, Unsupported, "file_id"),
        ({"type": "input_file", "file_id": "file_1"}, Unsupported, "file_id"),
        ({"type": "input_image"}, InvalidRequest, "image_url"),
        ({"type": "input_image", "image_url": "ftp://a/b"}, InvalidRequest, "image_url"),
        ({"type": "input_image", "image_url": "http://[oops"}, InvalidRequest, "image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64"}, InvalidRequest, "image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64,%%"}, InvalidRequest, "image_url"),
        ({"type": "input_image", "image_url": "data:image/png,"}, InvalidRequest, "image_url"),
        ({"type": "input_file"}, InvalidRequest, "file_data"),
        ({"type": "input_file", "file_data": ""}, InvalidRequest, "file_data"),
        ({"type": "input_audio"}, InvalidRequest, "input_audio"),
        ({"type": "input_text"}, InvalidRequest, "text"),
        ({"type": "input_video"}, InvalidRequest, "type"),
    ],
)
def test_what_cannot_be_read_is_named(part: dict[str, Any], kind: type[InvalidRequest], member: str) -> None:
    """
    With its path.
    """
    assert refused(input=[{"role": "user", "content": [part]}]) == (kind, f"input.0.content.0.{member}")


# --- tools --------------------------------------------------------------------------------------------------


def test_tools_of_the_client() -> None:
    """
    Functions with their schema, strict unless they say otherwise, and custom tools with their rule in words;
    searching is what Grok does by itself.
    """
    tools = [
        {**FUNCTION, "description": "Reads.", "parameters": {"type": "object"}},
        {**FUNCTION, "name": "loose", "parameters": None, "strict": False},
        {"type": "custom", "name": "shell", "format": {"type": "text"}},
        {
            "type": "custom",
            "name": "patch",
            "description": "Patches.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        },
        {"type": "web_search_preview"},
        {"type": "x_search"},
    ]

    assert decode(tools=tools).request.tools == (
        Tool("read", "Reads.", '{"type":"object"}', strict=True),
        Tool("loose"),
        Tool("shell", kind=ToolKind.CUSTOM),
        Tool("patch", "Patches.\n\nThe input must match this lark grammar:\nstart: x", kind=ToolKind.CUSTOM),
    )


@pytest.mark.parametrize(
    ("tools", "choice", "expected"),
    [
        ([FUNCTION], None, ToolChoice()),
        ([FUNCTION], "auto", ToolChoice()),
        ([FUNCTION], "none", ToolChoice(Must.NOT)),
        ([FUNCTION], "required", ToolChoice(Must.CALL)),
        ([{"type": "web_search"}], "required", ToolChoice()),
        ([FUNCTION], {"type": "function", "name": "read"}, ToolChoice(Must.CALL, ("read",))),
        (
            [{"type": "custom", "name": "shell"}],
            {"type": "custom", "name": "shell"},
            ToolChoice(Must.CALL, ("shell",)),
        ),
        ([FUNCTION], {"type": "web_search_preview"}, ToolChoice()),
        (
            [FUNCTION],
            {"type": "allowed_tools", "mode": "required", "tools": [FUNCTION, {"type": "web_search"}]},
            ToolChoice(Must.CALL, ("read",)),
        ),
        (
            [FUNCTION],
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]},
            ToolChoice(Must.NOT),
        ),
    ],
)
def test_how_free_the_model_is(tools: list[Any], choice: object, expected: ToolChoice) -> None:
    """
    In every form a client may say it.
    """
    assert decode(tools=tools, tool_choice=choice).request.tool_choice == expected


def test_one_call_at_a_time() -> None:
    """
    When the client wants it so.
    """
    assert not decode(tools=[FUNCTION], parallel_tool_calls=False).request.tool_choice.parallel


@pytest.mark.parametrize(
    ("members", "kind", "param"),
    [
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, Unsupported, "tools.0.type"),
        ({"tools": [{"type": "function"}]}, InvalidRequest, "tools.0.name"),
        ({"tools": [FUNCTION, FUNCTION]}, InvalidRequest, "tools.1.name"),
        ({"tool_choice": "required"}, InvalidRequest, "tool_choice"),
        ({"tool_choice": "perhaps"}, InvalidRequest, "tool_choice"),
        ({"tool_choice": 5}, InvalidRequest, "tool_choice"),
        ({"tool_choice": {"type": "mcp"}}, Unsupported, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, InvalidRequest, "tool_choice.name"),
        ({"tool_choice": {"type": "function", "name": "x"}}, InvalidRequest, "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools"}}, InvalidRequest, "tool_choice.tools"),
        (
            {"tool_choice": {"type": "allowed_tools", "tools": [FUNCTION]}},
            InvalidRequest,
            "tool_choice.tools.0.name",
        ),
    ],
)
def test_tools_that_cannot_be(members: dict[str, Any], kind: type[InvalidRequest], param: str) -> None:
    """
    Are named.
    """
    assert refused(**members) == (kind, param)


# --- everything else ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        (None, Thinking.DEFAULT),
        ({}, Thinking.DEFAULT),
        ({"effort": "none"}, Thinking.HIDDEN),
        ({"effort": "high", "summary": "none"}, Thinking.HIDDEN),
        ({"effort": "max"}, Thinking.SHOWN),
        ({"summary": "concise"}, Thinking.SHOWN),
        ({"generate_summary": "auto"}, Thinking.SHOWN),
    ],
)
def test_whether_thinking_is_shown(reasoning: object, thinking: Thinking) -> None:
    """
    The owner's setting decides when the client does not.
    """
    assert decode(reasoning=reasoning).request.thinking is thinking


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (None, AnswerForm()),
        ({"type": "text"}, AnswerForm()),
        ({"type": "json_object"}, AnswerForm(json=True)),
        ({"type": "json_schema", "name": "n", "schema": {}}, AnswerForm(json=True, schema="{}", name="n")),
    ],
)
def test_the_wanted_form(form: object, expected: AnswerForm) -> None:
    """
    Free text, any JSON, or JSON that fits a schema.
    """
    assert decode(text={"format": form, "verbosity": "low"}).request.answer == expected


@pytest.mark.parametrize("missing", ["name", "schema"])
def test_a_form_needs_its_schema(missing: str) -> None:
    """
    And a name.
    """
    form = {"type": "json_schema", "name": "n", "schema": {}}
    del form[missing]

    assert refused(text={"format": form})[1] == f"text.format.{missing}"


def test_limits() -> None:
    """
    A whole number may be written as 9.0.
    """
    assert decode(max_output_tokens=9.0).request.limits == Limits(9)


def test_what_is_repeated_in_the_answer() -> None:
    """
    As the client wrote it; what it left out or sent as null has its usual value there.
    """
    echo = decode(
        metadata={"a": "b"},
        service_tier="auto",
        user=None,
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        tools=[FUNCTION, {"type": "custom", "name": "shell", "extra": 1}],
        reasoning={"effort": "low"},
    ).echo

    assert "user" not in echo
    assert (echo["metadata"], echo["service_tier"], echo["store"]) == ({"a": "b"}, "default", True)
    assert echo["reasoning"] == {"effort": "low", "summary": None}
    assert echo["text"] == {
        "format": {
            "type": "json_schema",
            "name": "n",
            "schema": {"type": "object"},
            "description": None,
            "strict": False,
        },
        "verbosity": "medium",
    }
    assert echo["tools"] == [
        {"type": "function", "name": "read", "description": None, "parameters": None, "strict": True},
        {"type": "custom", "name": "shell", "extra": 1},
    ]


def test_whether_it_is_stored() -> None:
    """
    Unless the client or the owner does not want it.
    """
    assert decode().echo["store"]
    assert not decode(store=False).echo["store"]
    assert not decode(Known(keeps=False)).echo["store"]


@pytest.mark.parametrize(
    ("members", "kind", "param"),
    [
        ({"input": None}, InvalidRequest, "input"),
        ({"input": ""}, InvalidRequest, "input"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": ""}]}]},
            InvalidRequest,
            "input",
        ),
        ({"input": {"role": "user"}}, InvalidRequest, "input"),
        ({"input": ["Hi"]}, InvalidRequest, "input.0"),
        ({"input": [{"role": "user"}]}, InvalidRequest, "input.0.content"),
        ({"input": [{"role": "user", "content": 5}]}, InvalidRequest, "input.0.content"),
        ({"input": [{"type": "function_call", "name": "x"}]}, InvalidRequest, "input.0.call_id"),
        ({"model": ""}, InvalidRequest, "model"),
        ({"metadata": {str(at): "x" for at in range(17)}}, InvalidRequest, "metadata"),
        ({"metadata": {"a": "x" * 513}}, InvalidRequest, "metadata.a"),
        ({"temperature": 3}, InvalidRequest, "temperature"),
        ({"truncation": "some"}, InvalidRequest, "truncation"),
        ({"conversation": "conv_1"}, Unsupported, "conversation"),
        ({"prompt": {"id": "p"}}, Unsupported, "prompt"),
        ({"background": True, "store": False}, InvalidRequest, "background"),
    ],
)
def test_a_wrong_member_is_named(members: dict[str, Any], kind: type[InvalidRequest], param: str) -> None:
    """
    By its path, in a sentence.
    """
    assert refused(**members) == (kind, param)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"[]", b"null", b"\xff", b'{"model":"m","input":"x","user":NaN}']
)
def test_a_body_that_is_no_json_object(body: bytes) -> None:
    """
    Is refused with a sentence.
    """
    with pytest.raises(InvalidRequest):
        read(schema.Create, body)


@pytest.mark.parametrize("number", [b"NaN", b"1e999"])
def test_numbers_that_json_does_not_have(number: bytes) -> None:
    """
    Are refused, wherever they stand.
    """
    tool = b'{"type":"function","name":"f","parameters":{"a":%b}}' % number

    with pytest.raises(InvalidRequest, match="not valid JSON"):
        OpenAIResponses().decode(b'{"model":"m","input":"x","tools":[%b]}' % tool, {})


def test_a_body_that_stands_alone() -> None:
    """
    Needs nobody to look anything up; any other does.
    """
    dialect = OpenAIResponses()

    assert dialect.decode(orjson.dumps({"model": MODEL, "input": "Hi", "stream": True}), {}).stream
    with pytest.raises(PreviousResponseNotFound):
        dialect.decode(orjson.dumps({"model": MODEL, "input": "Hi", "previous_response_id": "resp_1"}), {})


@given(
    st.dictionaries(
        st.sampled_from(
            ["model", "input", "tools", "tool_choice", "text", "reasoning", "metadata", "stream"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "auto", "message", "user"]),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["type", "role", "content", "name", "call_id", "output", "id", "format"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
    )
)
def test_any_body_is_understood_or_refused(body: dict[str, Any]) -> None:
    """
    Never anything else.
    """
    with suppress(InvalidRequest):
        assert OpenAIResponses().decode(orjson.dumps(body), {}).request.messages


def test_tokens_are_estimated() -> None:
    """
    Of text, calls, results, tools, the wanted form and files; thinking is not read again.
    """

    def count(**members: object) -> int:
        return counted(decode(**members).request)

    call = {"type": "function_call", "call_id": "a", "name": "read", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "a", "output": "word"}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    image = {"type": "input_image", "image_url": "https://a.example/a.png"}
    form = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}

    assert count(input="word") == 3
    assert count(input=[call, result]) == count(input=[call]) + 3
    assert count(input=[thought, call]) == count(input=[call])
    assert count(input=[{"role": "user", "content": [image]}]) == 1500
    assert count(input="word", tools=[FUNCTION]) > count(input="word")
    assert count(input="word", text={"format": form}) > count(input="word")
