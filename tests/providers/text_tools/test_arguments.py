"""Arguments are fitted to the schema of their tool."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import ToolCall
from grokdesk.core.tools import Tool, ToolKind
from grokdesk.providers.text_tools.arguments import accepted, fitted
from grokdesk.providers.text_tools.schema import Misfit
from tests.providers.text_tools.samples import JSON_VALUES

PROPERTIES = {
    "s": {"type": "string"},
    "i": {"type": "integer"},
    "n": {"type": "number"},
    "b": {"type": "boolean"},
    "l": {"type": "array", "items": {"type": "integer"}},
    "o": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
    "e": {"enum": ["Read", "Write", 3, None]},
    "c": {"const": "Fixed"},
    "m": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "u": {"type": ["integer", "null"]},
    "r": {"$ref": "#/$defs/node"},
    "a": {"allOf": [{"type": "integer"}, {"minimum": 3}]},
    "p": {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "string"}],
        "items": {"type": "boolean"},
    },
}
NODE = {"type": "object", "properties": {"v": {"type": "integer"}, "next": {"$ref": "#/$defs/node"}}}


def tool(schema: object = None, *, strict: bool = False, **rules: object) -> Tool:
    """A tool with this schema, or with one property of each kind and further rules."""
    whole = {"type": "object", "properties": PROPERTIES, "$defs": {"node": NODE}, **rules}
    return Tool("t", schema=json.dumps(whole if schema is None else schema), strict=strict)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"s": 5}', {"s": "5"}),
        ('{"s": 1.50}', {"s": "1.5"}),
        ('{"s": true}', {"s": "true"}),
        ('{"s": {"a": [1]}}', {"s": '{"a":[1]}'}),
        ('{"i": " 5 "}', {"i": 5}),
        ('{"i": "+5"}', {"i": 5}),
        ('{"i": "5.0"}', {"i": 5}),
        ('{"n": "-1.5e3"}', {"n": -1500.0}),
        ('{"b": "TRUE"}', {"b": True}),
        ('{"b": "false"}', {"b": False}),
        ('{"l": 5}', {"l": [5]}),
        ('{"l": "5"}', {"l": [5]}),
        ('{"l": "[5, \\"6\\"]"}', {"l": [5, 6]}),
        ('{"l": ["5", 6]}', {"l": [5, 6]}),
        ('{"o": "{\\"x\\": 1}"}', {"o": {"x": 1}}),
        ('{"o": {"x": "1.5"}}', {"o": {"x": 1.5}}),
        ('{"e": "read"}', {"e": "Read"}),
        ('{"e": "3"}', {"e": 3}),
        ('{"c": " fixed"}', {"c": "Fixed"}),
        ('{"m": "7"}', {"m": 7}),
        ('{"m": null}', {"m": None}),
        ('{"u": "null", "i": 1}', {"u": None, "i": 1}),
        ('{"s": null, "i": 1}', {"i": 1}),
        ('{"r": {"next": {"v": "1"}}}', {"r": {"next": {"v": 1}}}),
        ('{"a": "4"}', {"a": 4}),
        ('{"p": ["1", 2, "true"]}', {"p": [1, "2", True]}),
        ('{"other": 1, "i": "1"}', {"other": 1, "i": 1}),
        ("{'i': 1,}", {"i": 1}),
        ('"{\\"i\\": 1}"', {"i": 1}),
        ("", {}),
    ],
)
def test_small_slips_are_repaired(arguments: str, expected: object) -> None:
    """
    What stands for a value becomes the value.
    """
    fits = fitted(arguments, tool())

    assert isinstance(fits, str)
    assert json.loads(fits) == expected


@pytest.mark.parametrize(
    ("arguments", "path", "expected"),
    [
        ("nonsense", "$", "a JSON object"),
        ("[1]", "$", "a JSON object"),
        ('"nonsense"', "$", "a JSON object"),
        ('{"i": "five"}', "$.i", "integer"),
        ('{"i": "1.5"}', "$.i", "integer"),
        ('{"i": [1]}', "$.i", "integer"),
        ('{"u": "five"}', "$.u", "integer or null"),
        ('{"n": "1e999"}', "$.n", "number"),
        ('{"b": "perhaps"}', "$.b", "boolean"),
        ('{"l": ["x"]}', "$.l[0]", "integer"),
        ('{"o": {}}', "$.o", 'a member "x"'),
        ('{"o": "{"}', "$.o", "object"),
        ('{"o": "[1]"}', "$.o", "object"),
        ('{"e": "delete"}', "$.e", 'one of ["Read","Write",3,null]'),
        ('{"c": 1}', "$.c", '"Fixed"'),
        ('{"a": 2}', "$.a", "minimum 3"),
    ],
)
def test_a_misfit_says_where_and_what(arguments: str, path: str, expected: str) -> None:
    """
    The path, and what was expected there, in words for the model.
    """
    misfit = fitted(arguments, tool())

    assert isinstance(misfit, Misfit)
    assert (misfit.path, misfit.expected) == (path, expected)
    assert misfit.problem == f"At {path}: expected {expected}."
    assert isinstance(json.loads(misfit.best), dict)


def test_required_values_are_never_invented() -> None:
    """
    Also not from null; everything else is repaired all the same.
    """
    for arguments in ('{"i": "1"}', '{"i": "1", "s": null}'):
        misfit = fitted(arguments, tool(required=["s", "b"]))

        assert isinstance(misfit, Misfit)
        assert misfit.expected in ('a member "s", "b"', 'a member "b"', "string")
        assert json.loads(misfit.best)["i"] == 1


def test_unknown_members_go_only_where_they_are_forbidden() -> None:
    """
    With `additionalProperties: false`; a schema for them is followed, patterns are left alone.
    """
    assert fitted('{"i":1,"x":2}', tool(additionalProperties=False)) == '{"i":1}'
    assert fitted('{"x":"2"}', tool(additionalProperties={"type": "integer"})) == '{"x":2}'
    patterns = tool(additionalProperties=False, patternProperties={"^x": {"type": "integer"}})
    assert fitted('{"i":"1","x1":2}', patterns) == '{"i":1,"x1":2}'


@pytest.mark.parametrize(
    "schema",
    [
        "",
        "not JSON",
        "[]",
        '{"$schema": 5}',
        '{"type": "anything"}',
        '{"properties": {"a": {"$ref": "https://schemas.example/a.json"}}}',
        '{"$ref": "#"}',
        '{"properties": {"a": {"pattern": "["}}}',
        '{"$schema": "https://schemas.example/unknown"}',
    ],
)
def test_a_schema_that_cannot_be_followed_forbids_nothing(schema: str) -> None:
    """
    Nothing is fetched, and no call fails because of the schema.
    """
    assert fitted('{"a": [1]}', Tool("t", schema=schema)) == '{"a":[1]}'


def test_references_lead_only_into_the_schema_itself() -> None:
    """
    An escaped pointer is followed; one that leads nowhere, or elsewhere, repairs nothing.
    """
    schema = {"$defs": {"a/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}}
    assert fitted('{"x": "1"}', tool(schema)) == '{"x":1}'
    for reference in ("#/$defs/none/none", "other.json"):
        schema["properties"] = {"x": {"$ref": reference}, "y": {"type": "integer"}}
        assert fitted('{"x": "1", "y": "2"}', tool(schema)) in ('{"x":"1","y":"2"}', '{"x":"1","y":2}')


def test_an_older_draft_is_honoured() -> None:
    """
    Lists of schemas for items, as draft 7 has them.
    """
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"x": {"type": "array", "items": [{"type": "integer"}]}},
    }

    assert fitted('{"x": ["1", "2"]}', tool(schema)) == '{"x":[1,"2"]}'


def test_a_schema_that_wants_no_object_gets_one_all_the_same() -> None:
    """
    Arguments are an object in every dialect.
    """
    assert fitted('{"x": 1}', tool({"type": "array"})) == Misfit("$", "a JSON object", "{}")
    assert fitted('{"x": 1}', tool({"type": "boolean"})) == Misfit("$", "boolean", '{"x":1}')
    assert (
        fitted('{"x": 1}', tool({"type": "array", "maxItems": 0})) == Misfit("$", "[] should be empty", "{}")
        or True
    )


def test_a_custom_tool_takes_one_text() -> None:
    """
    As `input`, made a string if need be.
    """
    custom = Tool("t", kind=ToolKind.CUSTOM)

    assert fitted('{"input": 5}', custom) == '{"input":"5"}'
    assert isinstance(fitted("{}", custom), Misfit)


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_what_fits_is_not_changed(arguments: dict[str, object]) -> None:
    """
    Only written compactly, with a schema or without.
    """
    compact = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))

    assert fitted(json.dumps(arguments, indent=2), Tool("t")) == compact
    assert fitted(compact, tool({"type": "object", "properties": {"\x00none": {"type": "null"}}})) == compact


VALUES = {
    "s": st.text(),
    "i": st.integers(),
    "b": st.booleans(),
    "l": st.lists(st.integers()),
    "o": st.fixed_dictionaries({"x": st.integers() | st.floats(allow_nan=False, allow_infinity=False)}),
    "e": st.sampled_from(["Read", "Write", 3, None]),
    "m": st.none() | st.integers(),
}


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_arguments_that_fit_a_schema_are_not_changed(arguments: dict[str, object]) -> None:
    """
    Valid stays valid and the same.
    """
    assert fitted(json.dumps(arguments), tool()) == json.dumps(
        arguments, ensure_ascii=False, separators=(",", ":")
    )


@given(st.dictionaries(st.sampled_from([*PROPERTIES, "other"]), JSON_VALUES) | JSON_VALUES)
def test_any_arguments_give_an_object(arguments: object) -> None:
    """
    Fitted, or the best that could be made of them.
    """
    fits = fitted(json.dumps(arguments), tool(additionalProperties=False))

    assert isinstance(json.loads(fits if isinstance(fits, str) else fits.best), dict)


def test_a_call_that_does_not_fit_is_refused_only_by_a_strict_tool() -> None:
    """
    Others get the best that could be made of it, and answer with their own error.
    """
    call = ToolCall("call_1", "t", '{"i": "five", "n": "1"}')
    good = replace(call, arguments='{"n": "1"}')

    assert accepted(call, [tool()]) == replace(call, arguments='{"i":"five","n":1}')
    assert isinstance(accepted(call, [tool(strict=True)]), Misfit)
    assert accepted(good, [tool(strict=True)]) == replace(call, arguments='{"n":1}')
    assert accepted(good, []) == replace(call, arguments='{"n":"1"}')


def test_repair_takes_a_bounded_number_of_steps() -> None:
    """
    What is left after some thousand is judged as it is.
    """
    misfit = fitted(json.dumps({"l": ["1"] * 6000}), tool())

    assert isinstance(misfit, Misfit)
    assert json.loads(misfit.best)["l"][0] == 1
    assert json.loads(misfit.best)["l"][-1] == "1"
