"""What the model is told."""

from __future__ import annotations

import json

import pytest

from grokdesk.core.tools import Must, Tool, ToolChoice
from grokdesk.providers.text_tools.parse import parse_calls
from grokdesk.providers.text_tools.prompt import (
    json_block,
    json_repair_message,
    must_call_reminder,
    tool_block,
    written,
)
from tests.providers.text_tools.samples import BASH, PATCH, TOOLS, WEATHER


def test_the_block_has_its_parts_in_order() -> None:
    """
    Tools, form, template and when to call (§13.1).
    """
    block = tool_block([WEATHER, BASH], ToolChoice())

    parts = [
        "AVAILABLE TOOLS:\n\n",
        "Tool: get_weather\nDescription: Says how the weather is.\n",
        'Parameters: {"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}\n\n',
        'Tool: Bash\nParameters: {"type":"object","properties":{}}\n\n',
        "TOOL CALL FORMAT\n\n",
        "\n\n<tool_calls>\n  <tool_call>\n    <tool_name>TOOL_NAME</tool_name>\n",
        "Put several calls into the same <tool_calls> block",
        "\n\nWHEN TO CALL: call a tool when",
    ]
    places = [block.index(part) for part in parts]
    assert places == sorted(places)
    assert "free text" not in block


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice(Must.CALL), "you must call at least one tool now"),
        (ToolChoice(Must.CALL, ("Bash",)), "you must call the tool Bash now"),
        (ToolChoice(parallel=False), "Make at most one call"),
    ],
)
def test_the_choice_is_put_into_words(choice: ToolChoice, said: str) -> None:
    """
    Required, a named tool, one at a time.
    """
    assert said in tool_block(TOOLS, choice)


def test_only_what_may_be_called_is_offered() -> None:
    """
    No block at all when nothing may be.
    """
    assert tool_block(TOOLS, ToolChoice(Must.NOT)) == ""
    assert tool_block([], ToolChoice()) == ""
    block = tool_block(TOOLS, ToolChoice(allowed=("Bash", "apply_patch")))
    assert "get_weather" not in block
    assert "Tool: Bash" in block


def test_a_custom_tool_is_told_where_its_text_goes() -> None:
    """
    Into `input`.
    """
    block = tool_block([PATCH], ToolChoice())

    assert 'Tool: apply_patch\nParameters: free text, given as {"input": "<text>"}' in block
    assert 'For a tool with free text, <parameters> holds {"input": "<text>"}' in block


def test_long_schemas_lose_only_what_documents_them() -> None:
    """
    Titles and examples go, but not a property of that name, and no word of a description.
    """
    schema = {
        "$schema": "x",
        "title": "T",
        "type": "object",
        "properties": {"title": {"type": "string", "examples": ["a"], "enum": ["a", {"title": 1}]}},
        "anyOf": [{"title": "A"}, True],
        "$defs": None,
    }
    huge = Tool("huge", "Rules.\n\n \n" + "Words. " * 4000, json.dumps(schema, indent=4))

    block = tool_block([huge], ToolChoice())

    assert "Rules.\nWords. Words." in block
    assert block.count("Words.") == 4000
    assert (
        'Parameters: {"type":"object","properties":{"title":{"type":"string","enum":["a",{"title":1}]}},'
        '"anyOf":[{},true],"$defs":null}' in block
    )


def test_a_schema_that_is_no_json_stays_on_one_line() -> None:
    """
    As it came, without line breaks.
    """
    assert "Parameters: city: a\n\n" in tool_block([Tool("t", schema="city:\n  a")], ToolChoice())


def test_the_template_is_a_call_that_is_understood() -> None:
    """
    What we show is what we read.
    """
    block = tool_block([BASH], ToolChoice())

    assert len(parse_calls(block, [Tool("TOOL_NAME")]).calls) == 1
    assert parse_calls(block, [BASH]).calls == ()


def test_written_calls_survive_arguments_that_are_none() -> None:
    """
    Nothing becomes an empty object; what is no JSON stays, on one line.
    """
    calls = parse_calls(written(parse_calls("<invoke name='Bash'></invoke>", TOOLS).calls), TOOLS).calls

    assert [call.arguments for call in calls] == ["{}"]


def test_a_reminder_names_the_tool_that_is_due() -> None:
    """
    Or any, when several may be called.
    """
    assert "did not call the tool Bash" in must_call_reminder(ToolChoice(Must.CALL, ("Bash",)))
    assert "did not call a tool" in must_call_reminder(ToolChoice(Must.CALL))


def test_json_is_asked_for_with_and_without_a_schema() -> None:
    """
    The schema stands on one line; a repair names the problem.
    """
    assert "one JSON object" in json_block(None)
    assert '\n\n{"type":"object"}\n\n' in json_block('{"type": "object"}')
    assert "At $.a: expected integer." in json_repair_message("At $.a: expected integer.")
