"""What a Messages body means, and how a wrong one is refused."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import (
    AnswerForm,
    ChatRequest,
    Limits,
    Media,
    Message,
    Part,
    Role,
    Text,
    Thinking,
    Thought,
    ToolCall,
    ToolResult,
)
from grokdesk.core.errors import InvalidRequest, Unsupported
from grokdesk.core.tools import Must, Tool, ToolChoice
from grokdesk.dialects.anthropic.decode import decode, decode_prompt
from grokdesk.dialects.base import Asked

HI: dict[str, Any] = {"role": "user", "content": "Hi"}
PICTURE = b"\x89PNG\r\n"
PICTURE_BASE64 = base64.b64encode(PICTURE).decode()
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE_BASE64}}
READ = {"name": "read", "description": "Reads.", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def body(**changes: object) -> bytes:
    return orjson.dumps({"model": "m", "max_tokens": 9, "messages": [HI], **changes})


def asked(**changes: object) -> ChatRequest:
    return decode(body(**changes)).request


def parts(*blocks: object, role: str = "user") -> tuple[Part, ...]:
    (message,) = asked(messages=[{"role": role, "content": blocks}]).messages
    return message.parts


def refusal(raw: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        decode(raw)
    return caught.value


def test_the_smallest_body() -> None:
    """
    What is absent has one meaning: not streamed, no thinking.
    """
    assert decode(body()) == Asked(
        ChatRequest(
            "m",
            (Message(Role.USER, (Text("Hi"),)),),
            thinking=Thinking.HIDDEN,
            limits=Limits(max_tokens=9),
        )
    )


def test_null_is_the_same_as_absent() -> None:
    """
    Many clients send every field they know.
    """
    names = ["system", "stream", "stop_sequences", "thinking", "output_config", "output_format", "tools"]
    names += ["tool_choice", "metadata", "temperature", "top_p", "top_k", "mcp_servers", "thread"]

    assert decode(body(**dict.fromkeys(names))) == decode(body())


def test_what_upstream_has_no_knob_for_is_ignored() -> None:
    """
    Also what nobody knows yet.
    """
    changes = {
        "temperature": 0.3,
        "top_p": 1,
        "top_k": 40,
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "container": None,
        "cache_control": {"type": "ephemeral"},
        "context_management": {"edits": []},
        "output_config": {"effort": "high"},
        "from_the_future": [1],
    }

    assert decode(body(**changes)) == decode(body())


def test_limits_are_kept() -> None:
    """
    With a whole number written as a fraction.
    """
    limits = asked(max_tokens=100.0, stop_sequences=["END", "\n\n"]).limits

    assert limits == Limits(100, ("END", "\n\n"))


def test_a_stream_is_asked_for() -> None:
    """
    By its own member.
    """
    assert decode(body(stream=True)).stream


@pytest.mark.parametrize(
    ("thinking", "meant"),
    [
        ({"type": "enabled", "budget_tokens": 2048}, Thinking.SHOWN),
        ({"type": "adaptive"}, Thinking.SHOWN),
        ({"type": "adaptive", "display": "summarized"}, Thinking.SHOWN),
        ({"type": "between_tools"}, Thinking.SHOWN),
        ({"type": "adaptive", "display": "omitted"}, Thinking.HIDDEN),
        ({"type": "disabled"}, Thinking.HIDDEN),
    ],
)
def test_thinking_is_shown_or_hidden(thinking: object, meant: Thinking) -> None:
    """
    How much of it there is, upstream decides.
    """
    assert asked(thinking=thinking).thinking is meant


@pytest.mark.parametrize("place", ["output_config", "output_format"])
def test_the_answer_may_have_a_form(place: str) -> None:
    """
    In the current place, or where it was in the beta.
    """
    form = {"type": "json_schema", "schema": {"type": "object"}}
    given = {"output_config": {"format": form}, "output_format": form}[place]

    assert asked(**{place: given}).answer == AnswerForm(json=True, schema='{"type":"object"}')


# --- messages -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "system", ["Be brief.", [{"type": "text", "text": "Be brief.", "cache_control": {}}]]
)
def test_the_system_speaks_first(system: object) -> None:
    """
    As text or as blocks.
    """
    assert asked(system=system).messages[0] == Message(Role.SYSTEM, (Text("Be brief."),))


def test_an_empty_system_says_nothing() -> None:
    """
    As if it were absent.
    """
    assert asked(system="").messages == asked().messages


def test_a_system_message_may_stand_between_others() -> None:
    """
    It keeps its place.
    """
    said = [HI, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on"}]

    assert [message.role for message in asked(messages=said).messages] == [
        Role.USER,
        Role.SYSTEM,
        Role.USER,
    ]


def test_empty_messages_are_left_out() -> None:
    """
    Blank text and no blocks are nothing; a picture is something.
    """
    said = [HI, {"role": "assistant", "content": []}, {"role": "user", "content": " "}]
    said.append({"role": "user", "content": [IMAGE]})

    assert [len(message.parts) for message in asked(messages=said).messages] == [1, 1]


def test_text_beside_a_result_stays_where_it_is() -> None:
    """
    Agents append what the person said meanwhile.
    """
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}

    assert parts({"type": "text", "text": "a"}, result, {"type": "text", "text": "b"}) == (
        Text("a"),
        ToolResult("call_1", (Text("42"),)),
        Text("b"),
    )


def test_a_result_may_be_made_of_blocks() -> None:
    """
    Text, pictures, documents and found pages; or nothing, or a failure.
    """
    found = {
        "type": "search_result",
        "source": "https://a.example",
        "title": "A",
        "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}],
    }
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "doc"}}
    reference = {"type": "tool_reference", "tool_name": "mcp__search"}
    blocks = [{"type": "text", "text": "see"}, IMAGE, found, document, reference]

    assert parts(
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": blocks},
        {"type": "tool_result", "tool_use_id": "toolu_2"},
        {"type": "tool_result", "tool_use_id": "toolu_3", "content": "No such file.", "is_error": True},
    ) == (
        ToolResult(
            "call_1",
            (
                Text("see"),
                Media(data=PICTURE, media_type="image/png"),
                Text("A\nhttps://a.example\n\nx\ny"),
                Text("doc"),
                Text("mcp__search"),
            ),
        ),
        ToolResult("call_2", ()),
        ToolResult("call_3", (Text("No such file."),), is_error=True),
    )


def test_an_earlier_turn_comes_back_as_it_was() -> None:
    """
    Thinking with its seal, text and calls, in their order.
    """
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sealed"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "ä"}},
    ]

    assert parts(*blocks, role="assistant") == (
        Thought("Hm.", "sealed"),
        Thought("", "opaque"),
        Text("I look."),
        ToolCall("call_1", "read", '{"path":"ä"}'),
    )


@pytest.mark.parametrize("kind", ["server_tool_use", "web_search_tool_result", "mcp_tool_use", "fallback"])
def test_traces_of_other_servers_are_left_out(kind: str) -> None:
    """
    What came of them stands in the text beside them.
    """
    trace = {"type": kind, "id": "srvtoolu_1", "content": [{"type": "web_search_result"}], "input": {}}

    assert parts(trace, {"type": "text", "text": "Found."}) == (Text("Found."),)


def test_a_compacted_history_is_its_summary() -> None:
    """
    One that failed is nothing.
    """
    blocks = [{"type": "compaction", "content": "We spoke."}, {"type": "compaction", "content": None}]

    assert parts(*blocks) == (Text("We spoke."),)


def test_files_come_as_bytes_or_as_addresses() -> None:
    """
    With the kind the client says, or none where only the server knows it.
    """
    link = {"type": "image", "source": {"type": "url", "url": "https://a.example/i.png"}}
    pdf = {
        "type": "document",
        "title": "Report",
        "context": "Of 2026.",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PICTURE_BASE64[:-2] + "\n"},
    }
    remote = {"type": "document", "source": {"type": "url", "url": "http://a.example/b.pdf"}}

    assert parts(IMAGE, link, pdf, remote) == (
        Media(data=PICTURE, media_type="image/png"),
        Media(url="https://a.example/i.png"),
        Text("Of 2026."),
        Media(data=base64.b64decode(PICTURE_BASE64[:-2] + "=="), media_type="application/pdf", name="Report"),
        Media(url="http://a.example/b.pdf", media_type="application/pdf"),
    )


def test_a_document_of_text_is_read_as_text() -> None:
    """
    Under its title; one made of blocks may have pictures.
    """
    plain = {
        "type": "document",
        "title": "Notes",
        "context": "Mine.",
        "source": {"type": "text", "media_type": "text/plain", "data": "x"},
    }
    mixed = {
        "type": "document",
        "title": "Album",
        "source": {"type": "content", "content": [{"type": "text", "text": "y"}, IMAGE]},
    }
    bare = {"type": "document", "source": {"type": "content", "content": "z"}}

    assert parts(plain, mixed, bare) == (
        Text("Notes\nMine.\n\nx"),
        Text("Album"),
        Text("y"),
        Media(data=PICTURE, media_type="image/png"),
        Text("z"),
    )


# --- tools --------------------------------------------------------------------------------------------------


def test_tools_are_offered() -> None:
    """
    Their schemas as text; nothing is added.
    """
    strict = {"type": "custom", "name": "now", "input_schema": {"a": 1}, "strict": True, "cache_control": {}}

    assert asked(tools=[READ, strict]).tools == (
        Tool("read", "Reads.", '{"type":"object"}'),
        Tool("now", "", '{"a":1}', strict=True),
    )


@pytest.mark.parametrize(
    "kind", ["web_search_20260318", "web_fetch_20250910", "tool_search_tool_bm25_20251119"]
)
def test_what_grok_does_by_itself_need_not_be_offered(kind: str) -> None:
    """
    It searches and opens pages without being told how.
    """
    assert asked(tools=[{"type": kind, "name": "x"}, READ]).tools == asked(tools=[READ]).tools


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ({"type": "auto"}, ToolChoice()),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False)),
        ({"type": "any"}, ToolChoice(Must.CALL)),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(Must.CALL, parallel=False)),
        ({"type": "tool", "name": "read"}, ToolChoice(Must.CALL, ("read",))),
        (
            {"type": "tool", "name": "read", "disable_parallel_tool_use": True},
            ToolChoice(Must.CALL, ("read",), parallel=False),
        ),
        ({"type": "tool", "name": "web_search"}, ToolChoice()),
        ({"type": "none"}, ToolChoice(Must.NOT)),
    ],
)
def test_how_free_the_model_is(choice: object, meant: ToolChoice) -> None:
    """
    A tool that Grok runs by itself cannot be forced, and need not be.
    """
    assert asked(tools=[READ, SEARCH], tool_choice=choice).tool_choice == meant


def test_nothing_is_forced_when_grok_has_all_the_tools() -> None:
    """
    There is nothing that it could call.
    """
    assert asked(tools=[SEARCH], tool_choice={"type": "any"}).tool_choice == ToolChoice()


# --- what is wrong ------------------------------------------------------------------------------------------


def user(*blocks: object) -> list[dict[str, object]]:
    return [{"role": "user", "content": blocks}]


def image(**source: object) -> list[dict[str, object]]:
    return user({"type": "image", "source": source})


WRONG: list[tuple[dict[str, object], str]] = [
    ({"model": ""}, "model"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": "9"}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": " "}]}, "messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": {}}]}, "messages.0.content"),
    ({"messages": user("x")}, "messages.0.content.0"),
    ({"messages": user({"type": "text"})}, "messages.0.content.0.text"),
    ({"messages": user({"type": "tool_result"})}, "messages.0.content.0.tool_use_id"),
    (
        {"messages": user({"type": "tool_result", "tool_use_id": "x", "content": [{"type": "image"}]})},
        "messages.0.content.0.content.0.source",
    ),
    ({"messages": image()}, "messages.0.content.0.source"),
    (
        {"messages": image(type="base64", media_type="image/png", data="!")},
        "messages.0.content.0.source.data",
    ),
    ({"messages": image(type="base64", media_type="image/png", data="")}, "messages.0.content.0.source.data"),
    ({"messages": image(type="base64", data="aaaa")}, "messages.0.content.0.source.media_type"),
    ({"messages": image(type="url", url="file:///etc/passwd")}, "messages.0.content.0.source.url"),
    ({"system": [{"type": "image"}]}, "system.0.text"),
    ({"system": 1}, "system"),
    ({"stop_sequences": [""]}, "stop_sequences.0"),
    ({"stop_sequences": "x"}, "stop_sequences"),
    ({"temperature": 1.5}, "temperature"),
    ({"top_p": -1}, "top_p"),
    ({"top_k": 0.5}, "top_k"),
    ({"metadata": "x"}, "metadata"),
    ({"thinking": {"type": "maybe"}}, "thinking.type"),
    ({"output_config": {"effort": "some"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ({"tools": [{"name": "read"}]}, "tools.0.input_schema"),
    ({"tools": [{"name": "read me", "input_schema": {}}]}, "tools.0.name"),
    ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
    ({"tools": [READ, READ]}, "tools.1.name"),
    ({"tools": [READ], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"tools": [READ], "tool_choice": {"type": "tool", "name": "write"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"tool_choice": {"type": "required"}}, "tool_choice.type"),
]


@pytest.mark.parametrize(("changes", "param"), WRONG)
def test_a_wrong_member_is_named(changes: dict[str, object], param: str) -> None:
    """
    By its path, in the message too, because the envelope has no other place for it.
    """
    error = refusal(body(**changes))

    assert error.param == param
    assert f"'{param}'" in error.message or param == "messages"


UNSUPPORTED: list[tuple[dict[str, object], str]] = [
    ({"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]}, "tools.0.type"),
    ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools.0.type"),
    ({"mcp_servers": [{"type": "url"}]}, "mcp_servers"),
    ({"thread": {"id": "t"}}, "thread"),
    ({"messages": user({"type": "container_upload", "file_id": "f"})}, "messages.0.content.0.type"),
    ({"messages": user({"type": "x" * 99})}, "messages.0.content.0.type"),
    ({"messages": image(type="file", file_id="f")}, "messages.0.content.0.source.type"),
    (
        {"messages": user({"type": "document", "source": {"type": "file", "file_id": "f"}})},
        "messages.0.content.0.source.type",
    ),
]


@pytest.mark.parametrize(("changes", "param"), UNSUPPORTED)
def test_what_cannot_be_passed_on_says_so(changes: dict[str, object], param: str) -> None:
    """
    Rather than being lost.
    """
    error = refusal(body(**changes))

    assert isinstance(error, Unsupported)
    assert error.param == param


def test_json_may_hold_numbers_of_any_size_but_they_must_be_numbers() -> None:
    """
    What JSON does not have cannot be passed on.
    """
    raw = b'{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[%b]}]}'
    call = b'{"type":"tool_use","id":"c","name":"read","input":{"at":%b}}'

    (message,) = decode(raw % (call % b"36893488147419103232")).request.messages
    error = refusal(raw % (call % b"NaN"))

    assert message.parts == (ToolCall("c", "read", '{"at":36893488147419103232}'),)
    assert error.param == "messages.0.content.0.input"


def test_a_missing_length_is_asked_for() -> None:
    """
    As Anthropic does.
    """
    error = refusal(orjson.dumps({"model": "m", "messages": [HI]}))

    assert (error.param, error.message) == ("max_tokens", "'max_tokens' is required.")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b" ", "The request body is empty; it must be a JSON object."),
        (b"[]", "The request body must be a JSON object."),
        (b"{", "The request body is not valid JSON: EOF while parsing an object at line 1 column 1."),
        (body(model=None), "'model' must be a valid string."),
        (body(messages=[]), "'messages' must not be empty."),
        (
            body(messages=[{"role": "x" * 50, "content": ""}]),
            f"'messages.0.role' must be 'user', 'assistant' or 'system', not '{'x' * 40}…'.",
        ),
        (
            body(thinking={"type": None}),
            "'thinking.type' must be 'enabled', 'disabled', 'adaptive' or 'between_tools', not null.",
        ),
        (
            body(tool_choice={"type": []}),
            "'tool_choice.type' must be 'auto', 'any', 'tool' or 'none', not an array or an object.",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence(raw: bytes, told: str) -> None:
    """
    That a person can act on.
    """
    assert refusal(raw).message == told


def test_a_prompt_needs_no_length() -> None:
    """
    When its tokens are only counted.
    """
    raw = orjson.dumps({"model": "m", "messages": [HI], "tools": [READ], "system": "S"})

    prompt = decode_prompt(raw)

    assert [message.role for message in prompt.messages] == [Role.SYSTEM, Role.USER]
    assert prompt.tools == (Tool("read", "Reads.", '{"type":"object"}'),)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "source", "role", "input", "id"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(st.binary(max_size=40) | json_values.map(orjson.dumps) | json_values.map(lambda v: body(messages=v)))
def test_any_body_is_read_or_refused(raw: bytes) -> None:
    """
    Nothing else ever comes out.
    """
    with contextlib.suppress(InvalidRequest):
        decode(raw)
