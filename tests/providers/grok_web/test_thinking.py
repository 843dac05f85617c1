"""Thinking as a person reads it."""

from __future__ import annotations

import pytest

from grokdesk.providers.grok_web.protocol.thinking import Thinking

SEARCH = """
<xai:tool_usage_card>
  <xai:tool_name>web_search</xai:tool_name>
  <xai:tool_args><![CDATA[{"query":"tides"}]]></xai:tool_args>
</xai:tool_usage_card>
"""
QUERY = {"args": {"query": "tides"}}


def test_lines_are_parted_from_streaming_words() -> None:
    """
    A header after words that did not end a line begins a new one.
    """
    thinking = Thinking()

    shown = [
        thinking.raw("I", ""),
        thinking.raw(" think", ""),
        thinking.line("Header", ""),
        thinking.raw("so", ""),
    ]

    assert "".join(shown) == "I think\nHeader\nso"


def test_an_immediate_repeat_of_a_line_is_dropped() -> None:
    """
    Unless something came between, or another agent says it.
    """
    thinking = Thinking()
    thinking.announced(["Grok", "Agent 1"])

    shown = [
        thinking.line("a", "Grok"),
        thinking.line("a\n", "Grok"),
        thinking.line("a", "Agent 1"),
        thinking.raw("b\n", "Agent 1"),
        thinking.line("a", ""),
        thinking.line("\n", ""),
    ]

    assert shown == ["[Grok]\na\n", "", "[Agent 1]\na\n", "b\n", "a\n", ""]


def test_a_single_agent_is_not_named() -> None:
    """
    Names matter only when several speak.
    """
    thinking = Thinking()

    shown = [
        thinking.line("a", "Grok"),
        thinking.tool({"bash": {}}, "", "1", "Grok"),
        thinking.line("b", "Agent 1"),
        thinking.line("c", "Grok"),
    ]

    assert shown == ["a\n", "Running a command\n", "[Agent 1]\nb\n", "[Grok]\nc\n"]


def test_a_call_is_told_once() -> None:
    """
    By its id, or when the same line would follow itself.
    """
    thinking = Thinking()
    card = {"toolUsageCardId": "1", "webSearch": QUERY}

    shown = [
        thinking.tool(card, "", "", ""),
        thinking.tool({"codeExecution": {}}, "", "", ""),
        thinking.tool({"codeExecution": {}}, "", "", ""),
        thinking.tool(card, "", "", ""),
    ]

    assert shown == ['Searching the web: "tides"\n', "Running code\n", "", ""]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({"webSearch": QUERY}, 'Searching the web: "tides"'),
        ({"web_search": {"q": "tides"}}, 'Searching the web: "tides"'),
        ({"web_search": {"args": {}}}, "Searching the web"),
        ({"xKeywordSearch": QUERY}, 'Searching X: "tides"'),
        ({"xUserSearch": QUERY}, 'Searching for people on X: "tides"'),
        ({"browsePage": {"args": {"url": "https://a.example"}}}, "Opening https://a.example"),
        ({"searchImages": {"args": {"image_description": "a map"}}}, 'Searching for pictures: "a map"'),
        ({"chatroomSend": {"args": {"message": "found\n it", "to": "Grok"}}}, "To Grok: found it"),
        ({"chatroom_send": {"message": "found"}}, "To all: found"),
        ({"bash": {"args": {"command": "ls"}}, "intent": "List files"}, "Running a command: List files"),
        ({"toolName": "webSearch", "args": {"query": "tides"}}, 'Searching the web: "tides"'),
        ({"addMemory": {}}, "Using add_memory"),
        ({"metadata": {}}, "Using a tool"),
        ({"webSearch": {"args": {"query": "x" * 400}}}, f'Searching the web: "{"x" * 299}…"'),
    ],
)
def test_what_a_tool_does_is_one_line(card: dict[str, object], expected: str) -> None:
    """
    In words, with the argument that tells most.
    """
    assert Thinking().tool(card, "", "", "") == f"{expected}\n"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (SEARCH, 'Searching the web: "tides"\n'),
        ("<xai:tool_name>bash</xai:tool_name><xai:tool_args>{broken</xai:tool_args>", "Running a command\n"),
        ("<xai:tool_name>bash", "Using a tool\n"),
    ],
)
def test_a_call_without_a_card_is_read_from_its_markup(token: str, expected: str) -> None:
    """
    The markup itself is never shown.
    """
    assert Thinking().tool({}, token, "", "") == expected
