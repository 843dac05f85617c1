"""Calls are taken out of an answer while it arrives."""

from __future__ import annotations

import json
import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import ToolCall
from grokdesk.core.tools import Must, ToolChoice
from grokdesk.providers.text_tools.prompt import written
from tests.providers.grok_web.transcripts import lines
from tests.providers.text_tools.samples import (
    BLOCK,
    CUTS,
    ELEMENT,
    JSON_VALUES,
    NEARLY_CALLS,
    OSLO,
    WEATHER,
    pieces,
    sieve,
    sifted,
)

CALL = ("get_weather", OSLO)


def test_the_recorded_answer_gives_its_two_calls_and_leaks_no_markup() -> None:
    """Text before the element stays, the undeclared call and the text behind the element go
    (samples/chat/README).
    """
    frames = [
        orjson.loads(line)["result"].get("response", {}) for line in lines("rest-tool-call-text.ndjson")
    ]
    tokens = [frame["token"] for frame in frames if frame.get("messageTag") == "final"]

    assert sifted(tokens, [WEATHER]) == [
        "Let me check. ",
        ("get_weather", '{"city":"Oslo","note":"a < b"}'),
        ("get_weather", '{"city":"Bergen"}'),
    ]


@given(NEARLY_CALLS, CUTS)
def test_how_an_answer_is_cut_changes_nothing(text: str, cuts: list[int]) -> None:
    """
    The same calls and the same text, whether an answer comes at once or in pieces.
    """
    assert sifted(pieces(text, cuts)) == sifted([text])


@given(NEARLY_CALLS | st.text())
def test_an_answer_without_calls_comes_out_as_it_was(text: str) -> None:
    """
    Nothing is lost, added or moved; and every call has a JSON object for arguments.
    """
    given_items = sifted([text])

    calls = [item for item in given_items if isinstance(item, tuple)]
    assert calls or "".join(item for item in given_items if isinstance(item, str)) == text
    assert all(isinstance(json.loads(arguments), dict) for _, arguments in calls)


@given(st.text('ob<t`{[ \n"', min_size=1).filter(lambda text: "```" not in text), CUTS)
def test_text_is_held_back_only_while_it_may_become_a_call(text: str, cuts: list[int]) -> None:
    """
    Behind a first word nothing waits but the first letters of a marker.
    """
    sifting = sieve()
    fed = out = ""

    for piece in ["So: ", *pieces(text, cuts)]:
        fed += piece
        out += "".join(item for item in sifting.feed(piece) if isinstance(item, str))
        held = fed[len(out) :]

        assert fed.startswith(out)
        assert "<tool_call".startswith(held) or "```".startswith(held)


NASTY = st.sampled_from(
    [
        '"</parameters></tool_call></tool_calls>',
        "]]>",
        "<![CDATA[",
        BLOCK,
        "```",
        "&lt;",
        "&amp;amp;",
        "&quot;x&quot; && y",
        "\\",
        '\\"',
        "line\nline\r\n\ttab",
        "\U0001f600",
        "\ud800",
        "'",
        "/* // */",
        '{"a":"',
        "\u2028\x00",
    ]
)
ARGUMENTS = st.dictionaries(st.text() | NASTY, JSON_VALUES | NASTY | st.lists(NASTY).map("".join), max_size=5)


@given(st.lists(st.tuples(st.sampled_from(["get_weather", "Bash"]), ARGUMENTS), min_size=1, max_size=3), CUTS)
def test_what_is_written_in_our_form_is_read_back_exactly(
    calls: list[tuple[str, dict[str, object]]], cuts: list[int]
) -> None:
    """
    Whatever the arguments hold: markup, quotes, entities, other calls.
    """
    block = written(ToolCall("id", name, json.dumps(arguments)) for name, arguments in calls)

    text, *found = sifted(pieces(f"Well. {block}", cuts))

    assert text == "Well. "
    assert [(call[0], json.loads(call[1])) for call in found] == calls


@given(st.text() | NASTY, CUTS)
def test_free_text_of_a_custom_tool_is_read_back_exactly(text: str, cuts: list[int]) -> None:
    """
    A custom tool gets its text as `input`.
    """
    block = written([ToolCall("id", "apply_patch", json.dumps({"input": text}))])

    [call] = sifted(pieces(block, cuts))

    assert call[0] == "apply_patch"
    assert json.loads(call[1]) == {"input": text}


def test_parallel_calls_come_one_by_one() -> None:
    """
    A call is given with the last character of its element, before the block ends; ids are the caller's.
    """
    sifting = sieve()
    sifting.feed("<tool_calls>" + ELEMENT[:-1])

    first = sifting.feed(">")
    second = sifting.feed(ELEMENT)

    assert first == [ToolCall("call_1", "get_weather", OSLO)]
    assert second == [ToolCall("call_2", "get_weather", OSLO)]
    assert sifting.called


def test_calls_in_a_json_list_come_one_by_one() -> None:
    """
    The first is there before the second is.
    """
    sifting = sieve()

    assert sifting.feed('{"tool_calls":[{"name":"Bash","arguments":{}}') == [ToolCall("call_1", "Bash", "{}")]


def test_only_the_first_call_counts_where_one_is_allowed() -> None:
    """
    Further calls vanish, and so does their markup.
    """
    answer = f"<tool_calls>{ELEMENT}{ELEMENT}</tool_calls>"

    assert sifted([answer], choice=ToolChoice(parallel=False)) == [CALL]


@pytest.mark.parametrize("choice", [ToolChoice(Must.NOT), ToolChoice(allowed=("Bash",))])
def test_a_call_that_is_not_allowed_is_text(choice: ToolChoice) -> None:
    """
    With no tools allowed, or for another tool than the allowed ones.
    """
    assert sifted(["", f" a {BLOCK}"], choice=choice) == [f" a {BLOCK}"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (f"{BLOCK} and so on {BLOCK}", [CALL]),
        (f"{BLOCK}\n{BLOCK}\n{ELEMENT}", [CALL, CALL, CALL]),
        (f"{BLOCK}\n" + BLOCK.replace("get_weather", "nope"), [CALL]),
        (f"\n\n{ELEMENT}\n and so on", [CALL, "\n and so on"]),
        (f"a {ELEMENT} b {ELEMENT} \n", ["a ", CALL, " b ", CALL]),
        (f"```xml\n{ELEMENT}\n{ELEMENT}\n```\nb", [CALL, CALL, "\n\nb"]),
        (f"```xml\n{BLOCK}\n```\n", [CALL]),
        (f"```python\nx\n```\n{BLOCK}", ["```python\nx\n```\n", CALL]),
        (f"```\n{ELEMENT}", [CALL]),
        (f"<tool_calls>{ELEMENT} no more", [CALL, "no more"]),
        (f"<tool_calls>{ELEMENT}<tool_call><tool_na", [CALL]),
        (f"<tool_calls>{ELEMENT}</tool_ca", [CALL]),
        (f"<tool_calls>{ELEMENT.replace('get_weather', 'nope')}{ELEMENT}</tool_calls>", [CALL]),
        ('[{"name":"get_weather","arguments":{"city":"Oslo"}}] b', [CALL, " b"]),
    ],
)
def test_text_around_calls_keeps_its_place(answer: str, expected: list[object]) -> None:
    """
    Blanks beside a call go, text stays, except behind a complete element.
    """
    for cuts in ([1], [3], [len(answer)]):
        assert sifted(pieces(answer, cuts)) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "so <",
        "so <t",
        "so <tool_calls",
        "so <tool_calls>",
        "  \n ",
        "The `<tool_call>` tag, <invoke> and <invoke name='x'> mean calls.",
        "```",
        "```json\n",
        "``` \n x",
        "```json `x`",
        '```json\n{"name":"my-package","version":"1"}\n```',
        "```xml\n<a/>\n```",
        "```xml\n<tool_c",
        "```xml\n<tool_b>",
        "<tool_calls/>",
        "<tool_calls><b></tool_calls>",
        "<tool_calls>```",
        "<tool_calls>`x",
        "<tool_call><tool_name>get_weather</tool_name><parameters>{nothing}</parameters></tool_call>",
        "<tool_call><tool_name>get_weather</tool_name><parameters>[1]</parameters></tool_call>",
        '<tool_call><tool_name>get_weather</tool_name><parameters>"x"</parameters></tool_call>',
        "<tool_call><tool_name>get_weather</tool_name><parameters><a>1</a> b</parameters></tool_call>",
        "<tool_call><tool_name>get_weather</tool_name><parameters><b></tool_call>",
        "<tool_call><tool_name>get_weather</tool_name><parameters><![CDATA[{nothing}]]></parameters></tool_call>",
        "<tool_call><tool_name>get_weather</tool_name><parameters>&lt;{</parameters></tool_call>",
        ELEMENT.replace("get_weather", "nope"),
        "<tool_call><tool_name>get_weather",
        "<tool_call><tool_name>get_weather</tool_name>",
        "<tool_call><tool_name>get_weather</tool_name><parameters>",
        '<tool_call><tool_name>get_weather</tool_name><parameters>{"city":"Os',
        '<tool_call><tool_name>get_weather</tool_name><parameters>{"town":"Oslo"',
        '<tool_call><tool_name>Bash</tool_name><parameters>{"n":1',
        '<tool_call><tool_name>Bash</tool_name><parameters>{"n":"1",',
        '<tool_call><tool_name>Bash</tool_name><parameters>{"n":',
        '<invoke name="get_weather"><parameter name="city">Os',
        '<invoke name="apply_patch"><arguments>*** Begin',
        '<invoke name="apply_patch"><arguments>{"input": broken',
        '<invoke name="apply_patch"><arguments>{"input": broken</arguments></invoke>',
        "<invoke" + " a" * 400,
        '<tool_call>{"name":"get_weather","arguments":{}',
        '<tool_calls>{"name":"get_weather","arguments":{}',
        '{"tool_calls": 1}',
        '{"tool_calls":[1]}',
        '{"tool_calls":[{"name":"Bash","arguments":[]}]}',
        '{"tool_calls":[{"arguments":{}}]}',
        '{"tool_calls":[',
        '{"tool_calls":[{"name":"Bash","argu',
        '{"name":"Bash"}',
        '{"name":"' + "B" * 200,
        '{"name":1}',
        '{"name"}',
        '{"type":"object"}',
        '{"city":"Oslo"}',
        "[1]",
        "{",
        "[",
        "{1",
    ],
)
def test_what_is_no_call_is_text(answer: str) -> None:
    """
    Broken, unknown, cut off, or only about calls: it comes out unchanged.
    """
    for cuts in ([1], [2], [len(answer)]):
        assert sifted(pieces(answer, cuts)) == [answer]


LONG = {
    "prose": "The quick brown fox, if (a < b) jumps. ",
    "calls": ELEMENT,
    "markers": "<tool_calls><tool_call>",
    "open strings": '<tool_call><tool_name>Bash</tool_name><parameters>{"a":"</parameters></tool_call>',
    "mixed quotes": "<tool_call><parameters>{\"</parameters><tool_call><parameters>{'</parameters>",
    "fences": "```json\n",
    "fenced calls": '```json\n{"name":"Bash","arguments":{"a":"',
    "JSON": '{"tool_calls":[{"name":"Bash","arguments":"',
    "blanks in CDATA": f'<invoke name="Bash"><args><![CDATA[{" " * 10_000}x]]></args></invoke>',
    "arguments": '<tool_call><tool_name>Bash</tool_name><parameters>{"a":"x',
}


@pytest.mark.parametrize("name", LONG)
def test_long_answers_take_linear_time(name: str) -> None:
    """
    Also where every beginning looks like a call: eight times the text takes far less than 64 times the time.
    """

    def seconds(size: int) -> float:
        sifting = sieve()
        text = pieces(LONG[name] * (size // len(LONG[name])), [16])
        began = time.process_time()
        for piece in text:
            sifting.feed(piece)
        sifting.end()
        return time.process_time() - began

    assert seconds(240_000) < 24 * max(min(seconds(30_000) for _ in range(3)), 0.005)


def test_a_huge_call_and_huge_prose_arrive_whole() -> None:
    """
    A megabyte each, in small pieces.
    """
    arguments = json.dumps({"content": "x < y\n" * 150_000}, separators=(",", ":"))
    prose = "if (a < b) { return `t`; } " * 40_000

    found = sifted(pieces(prose + written([ToolCall("id", "Bash", arguments)]), [16]))

    assert found == [prose, ("Bash", arguments)]
