"""Tools, functions, the choice among them, and calls and results in the history."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from grokdesk.core.conversation import Media, Message, Role, Text, ToolCall, ToolResult
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from grokdesk.dialects.openai_chat.asked import ChatAsked
from grokdesk.dialects.openai_chat.decode import decode

HI: dict[str, Any] = {"role": "user", "content": "Hi"}
PNG = "data:image/png;base64,iVBORw0KGgo="


def function(name: str, **more: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def custom(name: str, **more: object) -> dict[str, Any]:
    return {"type": "custom", "custom": {"name": name, **more}}


def asked(*history: dict[str, Any], **changes: object) -> ChatAsked:
    return decode(orjson.dumps({"model": "m", "messages": history or [HI], **changes}))


def refused(**changes: object) -> InvalidRequest:
    body = orjson.dumps({"model": "m", "messages": [HI], **changes})
    with pytest.raises(InvalidRequest) as caught:
        decode(body)
    return caught.value


def test_a_function_keeps_everything() -> None:
    """
    Its schema becomes text.
    """
    parameters = {"type": "object", "properties": {"stadt": {"type": "string", "description": "größer"}}}

    (tool,) = asked(
        tools=[function("get_weather", description="The weather.", parameters=parameters, strict=True)]
    ).request.tools

    assert (tool.name, tool.description, tool.kind) == ("get_weather", "The weather.", ToolKind.FUNCTION)
    assert orjson.loads(tool.schema) == parameters
    assert "größer" in tool.schema
    assert tool.strict


def test_what_a_function_leaves_out_is_empty() -> None:
    """
    No parameters is not the same as a schema that allows none.
    """
    request = asked(
        tools=[function("a", strict=None, description=None), function("b", parameters={})]
    ).request

    assert request.tools == (Tool("a"), Tool("b", schema="{}"))
    assert request.tool_choice == ToolChoice()


def test_a_custom_tool_says_what_its_input_must_match() -> None:
    """
    A grammar goes into the description, where the model reads it.
    """
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"}}

    request = asked(
        tools=[
            custom("a"),
            custom("b", description="Runs SQL.", format={"type": "text"}),
            custom("c", description="Runs SQL.", format=grammar),
            custom("d", format=grammar),
        ]
    ).request

    assert request.tools == (
        Tool("a", kind=ToolKind.CUSTOM),
        Tool("b", "Runs SQL.", kind=ToolKind.CUSTOM),
        Tool(
            "c",
            "Runs SQL.\n\nThe input must match this lark grammar:\nstart: WORD",
            kind=ToolKind.CUSTOM,
        ),
        Tool("d", "The input must match this lark grammar:\nstart: WORD", kind=ToolKind.CUSTOM),
    )


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_preview_2025_03_11", "x_search", "live_search", "image_generation"]
)
def test_what_grok_does_by_itself_need_not_be_offered(kind: str) -> None:
    """
    Hosted search and drawing are left out, and the client's own tools stay.
    """
    assert asked(tools=[{"type": kind}, function("a")]).request.tools == (Tool("a"),)


@pytest.mark.parametrize("kind", ["code_interpreter", "file_search", "mcp", "computer_use_preview", "shell"])
def test_other_hosted_tools_are_refused(kind: str) -> None:
    """
    Without them the answer would be another one.
    """
    error = refused(tools=[function("a"), {"type": kind}])

    assert isinstance(error, Unsupported)
    assert error.param == "tools.1.type"
    assert kind in error.message


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({}, "tools.0.type"),
        ({"type": "function"}, "tools.0.function"),
        ({"type": "function", "name": "flat"}, "tools.0.function"),
        ({"type": "function", "function": {}}, "tools.0.function.name"),
        ({"type": "custom"}, "tools.0.custom"),
        (function(""), "tools.0.function.name"),
        (function("with space"), "tools.0.function.name"),
        (function("näme"), "tools.0.function.name"),
        (function("line\n"), "tools.0.function.name"),
        (function("x" * 65), "tools.0.function.name"),
        (function("a", parameters="{}"), "tools.0.function.parameters"),
        (function("a", strict="yes"), "tools.0.function.strict"),
        (custom("a.b"), "tools.0.custom.name"),
        (custom("a", format={"type": "xml"}), "tools.0.custom.format.type"),
        (custom("a", format={"type": "grammar"}), "tools.0.custom.format.grammar"),
        (
            custom("a", format={"type": "grammar", "grammar": {"syntax": "lark"}}),
            "tools.0.custom.format.grammar.definition",
        ),
    ],
)
def test_a_wrong_tool_is_named(tool: dict[str, Any], param: str) -> None:
    """
    By the path of what is wrong with it.
    """
    assert refused(tools=[tool]).param == param


def test_a_name_of_64_letters_is_allowed() -> None:
    """
    That is OpenAI's limit.
    """
    assert asked(tools=[function("x" * 64)]).request.tools == (Tool("x" * 64),)


def test_a_schema_may_hold_numbers_of_any_size_but_they_must_be_numbers() -> None:
    """
    What JSON does not have cannot be passed on.
    """
    raw = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function",%b}]}'

    (tool,) = decode(
        raw % b'"function":{"name":"a","parameters":{"maximum":36893488147419103232}}'
    ).request.tools
    with pytest.raises(InvalidRequest) as caught:
        decode(raw % b'"function":{"name":"a","parameters":{"maximum":NaN}}')

    assert tool.schema == '{"maximum":36893488147419103232}'
    assert caught.value.param == "tools.0.function.parameters"


def test_names_are_given_once() -> None:
    """
    The second of a name is refused, whatever its type.
    """
    error = refused(tools=[function("a"), custom("a")])

    assert error.param == "tools.1.custom.name"
    assert "already a tool called 'a'" in error.message


@pytest.mark.parametrize("name", ["tools", "functions"])
def test_there_may_be_128_tools(name: str) -> None:
    """
    And not one more.
    """
    one = (lambda at: function(f"f{at}")) if name == "tools" else (lambda at: {"name": f"f{at}"})

    assert len(asked(**{name: [one(at) for at in range(128)]}).request.tools) == 128
    error = refused(**{name: [one(at) for at in range(129)]})

    assert error.param == name
    assert "at most 128" in error.message


TOOLS = [function("a"), custom("c"), function("b")]


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice(Must.NOT)),
        ("required", ToolChoice(Must.CALL)),
        ({"type": "auto"}, ToolChoice()),
        (function("b"), ToolChoice(Must.CALL, ("b",))),
        (custom("c"), ToolChoice(Must.CALL, ("c",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [function("a"), custom("c")]},
            },
            ToolChoice(Must.MAY, ("a", "c")),
        ),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "required", "tools": [function("a"), function("a")]},
            },
            ToolChoice(Must.CALL, ("a",)),
        ),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "web_search"}]}},
            ToolChoice(Must.NOT),
        ),
    ],
)
def test_every_choice_has_its_meaning(choice: object, meant: ToolChoice) -> None:
    """
    Words, a tool by its name, and a part of the tools.
    """
    assert asked(tools=TOOLS, tool_choice=choice).request.tool_choice == meant


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"tool_choice": {"name": "a"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": function("nobody")}, "tool_choice.function.name"),
        ({"tool_choice": function("c")}, "tool_choice.function.name"),
        ({"tool_choice": custom("a")}, "tool_choice.custom.name"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}},
            "tool_choice.allowed_tools.tools",
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": TOOLS}}},
            "tool_choice.allowed_tools.mode",
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [function("a"), function("nobody")]},
                }
            },
            "tool_choice.allowed_tools.tools.1.function.name",
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [{"type": "web_search"}]},
                }
            },
            "tool_choice.allowed_tools.tools",
        ),
        ({"tools": None, "tool_choice": "required"}, "tool_choice"),
        ({"tools": [], "tool_choice": function("a")}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"tools": None, "functions": [{"name": "f!"}]}, "functions.0.name"),
        ({"tools": None, "functions": [{"name": "f"}, {"name": "f"}]}, "functions.1.name"),
        ({"tools": None, "functions": [{"name": "f"}], "function_call": "required"}, "function_call"),
        ({"tools": None, "functions": [{"name": "f"}], "function_call": {}}, "function_call.name"),
        ({"tools": None, "functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call.name"),
        ({"tools": None, "function_call": {"name": "g"}}, "function_call.name"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ],
)
def test_a_choice_that_cannot_be_fulfilled_is_named(changes: dict[str, Any], param: str) -> None:
    """
    The client hears it before Grok is asked.
    """
    assert refused(**{"tools": TOOLS, **changes}).param == param


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_a_choice_without_tools_is_harmless_when_it_forces_nothing(choice: str) -> None:
    """
    Clients send it always.
    """
    assert asked(tool_choice=choice).request.tools == ()


def test_calls_one_at_a_time() -> None:
    """
    Whatever else is chosen.
    """
    for choice in (None, "required"):
        assert not asked(
            tools=TOOLS, tool_choice=choice, parallel_tool_calls=False
        ).request.tool_choice.parallel


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (None, ToolChoice(parallel=False)),
        ("auto", ToolChoice(parallel=False)),
        ("none", ToolChoice(Must.NOT, parallel=False)),
        ({"name": "f"}, ToolChoice(Must.CALL, ("f",), parallel=False)),
    ],
)
def test_functions_are_the_older_form_of_tools(call: object, meant: ToolChoice) -> None:
    """
    Such a client can hear of one call, and hears of it in the older form.
    """
    heard = asked(functions=[{"name": "f", "description": "F.", "parameters": {}}], function_call=call)

    assert heard.request.tools == (Tool("f", "F.", "{}"),)
    assert heard.request.tool_choice == meant
    assert heard.as_function


# --- the history --------------------------------------------------------------------------------------------


def test_calls_follow_what_was_said_beside_them() -> None:
    """
    With their ids, and with arguments as the model wrote them.
    """
    calls = [
        {"id": "call_1", "type": "function", "function": {"name": "a", "arguments": '{"x":  1}'}},
        {"id": "toolu_2", "type": "custom", "custom": {"name": "c", "input": "SELECT 1"}},
        {"id": "call_3", "type": "function", "function": {"name": "b", "arguments": None}},
    ]

    request = asked(HI, {"role": "assistant", "content": "I look.", "tool_calls": calls}).request

    assert request.messages[1] == Message(
        Role.ASSISTANT,
        (
            Text("I look."),
            ToolCall("call_1", "a", '{"x":  1}'),
            ToolCall("toolu_2", "c", "SELECT 1"),
            ToolCall("call_3", "b", ""),
        ),
    )


@pytest.mark.parametrize("content", [None, "", " ", []])
def test_a_call_needs_no_words(content: object) -> None:
    """
    Empty text beside a call is left out, and the call is not.
    """
    call = {"id": "call_1", "type": "function", "function": {"name": "a", "arguments": "{}"}}

    request = asked(HI, {"role": "assistant", "content": content, "tool_calls": [call]}).request

    assert request.messages[1].parts == (ToolCall("call_1", "a", "{}"),)


def test_results_are_what_the_user_says() -> None:
    """
    As text or as parts, with images, and also when there is nothing in them.
    """
    parts = [{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": {"url": PNG}}]

    request = asked(
        HI,
        {"role": "tool", "tool_call_id": "call_1", "content": "12 °C"},
        {"role": "tool", "tool_call_id": "call_2", "content": parts},
        {"role": "tool", "tool_call_id": "call_3", "content": ""},
        {"role": "tool", "tool_call_id": "call_4", "content": None},
    ).request

    assert request.messages[1:] == (
        Message(Role.USER, (ToolResult("call_1", (Text("12 °C"),)),)),
        Message(
            Role.USER,
            (ToolResult("call_2", (Text("See:"), Media(b"\x89PNG\r\n\x1a\n", media_type="image/png"))),),
        ),
        Message(Role.USER, (ToolResult("call_3", (Text(""),)),)),
        Message(Role.USER, (ToolResult("call_4", ()),)),
    )


def test_results_of_the_older_form_find_their_calls() -> None:
    """
    There were no ids, so a result belongs to the last call of that function.
    """

    def call(name: str) -> dict[str, Any]:
        return {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}"}}

    def result(name: str) -> dict[str, Any]:
        return {"role": "function", "name": name, "content": f"of {name}"}

    request = asked(
        HI, call("f"), result("f"), call("g"), call("f"), result("f"), result("g"), result("h")
    ).request

    ids = [
        part.id if isinstance(part, ToolCall) else part.call_id
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolCall | ToolResult)
    ]
    assert ids == ["call_1", "call_1", "call_3", "call_4", "call_4", "call_3", "call_h"]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "tool", "content": "x"}, "messages.0.tool_call_id"),
        ({"role": "tool", "tool_call_id": "", "content": "x"}, "messages.0.tool_call_id"),
        ({"role": "function", "content": "x"}, "messages.0.name"),
        ({"role": "assistant", "tool_calls": [{}]}, "messages.0.tool_calls.0.id"),
        ({"role": "assistant", "tool_calls": [{"id": "call_1"}]}, "messages.0.tool_calls.0.function"),
        (
            {"role": "assistant", "tool_calls": [{"id": "call_1", "function": {"arguments": "{}"}}]},
            "messages.0.tool_calls.0.function.name",
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "a", "arguments": {}}}]},
            "messages.0.tool_calls.0.function.arguments",
        ),
        ({"role": "assistant", "function_call": {"arguments": "{}"}}, "messages.0.function_call.name"),
    ],
)
def test_a_wrong_call_or_result_is_named(message: dict[str, Any], param: str) -> None:
    """
    By its path.
    """
    assert refused(messages=[message]).param == param
