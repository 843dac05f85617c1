"""The JSON in an answer that was to be JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.providers.text_tools.schema import Misfit
from grokdesk.providers.text_tools.structured import Conformed, conform, extract_json
from tests.providers.text_tools.samples import JSON_VALUES

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": ["integer", "null"]}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("\n [1,\n2] \n", "[1,\n2]"),
        ('Here it is:\n```json\n{"a": "```"}\n```\nBye', '{"a": "```"}'),
        ("```\n[1]\n```", "[1]"),
        ('Here: {"a": {"b": "}"}} and {"c": 1}', '{"a": {"b": "}"}}'),
        ('[1] says {"a": 1}', '{"a": 1}'),
        ("It is [1, 2].", "[1, 2]"),
        ("A set {x, y}, then [3].", "[3]"),
        ("{'a': 1,} // done", '{"a":1}'),
        ('{"a": "b"', '{"a":"b"}'),
        ('```json\n{"a": "b"\n```', '{"a":"b"}'),
        ('So: {"a": ["b"', '{"a":["b"]}'),
        ('{"a": "never', None),
        ("no JSON, {really}", None),
        ('"text"', None),
        ("[" * 50, None),
        ("", None),
    ],
)
def test_the_json_of_an_answer_is_found(text: str, expected: str | None) -> None:
    """
    Alone, fenced or in prose; as it was written, or repaired on one line.
    """
    assert extract_json(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "A", "age": 1}', '{"name": "A", "age": 1}'),
        ('{"name": "A", "age": "1", "more": 2}', '{"name":"A","age":1}'),
        ('An example is {"name": 1}. The answer: {"name": "A", "age": null}', '{"name": "A", "age": null}'),
    ],
)
def test_json_that_fits_or_nearly_fits_conforms(text: str, expected: str) -> None:
    """
    The first that does, unchanged if it can be.
    """
    assert conform(text, SCHEMA) == Conformed(expected)


def test_what_does_not_fit_has_a_problem() -> None:
    """
    The first candidate's; without any, that there is none.
    """
    missing = conform('{"name": "A"}', SCHEMA)
    nothing = conform("I cannot do that.", SCHEMA)

    assert isinstance(missing, Misfit)
    assert missing.problem == 'At $: expected a member "age".'
    assert isinstance(nothing, Misfit)
    assert nothing.problem == "At $: expected JSON and nothing else."


def test_without_a_schema_any_object_will_do() -> None:
    """
    But an object it must be.
    """
    assert conform('{"a": [1]}', None) == Conformed('{"a": [1]}')
    assert isinstance(conform("[1]", None), Misfit)


@given(
    st.dictionaries(st.text(), JSON_VALUES, min_size=1),
    st.sampled_from(["{}", "So: {}.", "```json\n{}\n```"]),
)
def test_any_object_is_found_in_what_surrounds_it(value: dict[str, object], frame: str) -> None:
    """
    Whatever its strings hold.
    """
    found = conform(frame.replace("{}", json.dumps(value)), None)

    assert isinstance(found, Conformed)
    assert json.loads(found.json_text) == value


@given(st.text("{}[]\"',: \n`x1", max_size=60) | st.text())
def test_any_text_has_json_or_not(text: str) -> None:
    """
    Never anything but valid JSON, or nothing.
    """
    found = extract_json(text)

    assert found is None or isinstance(json.loads(found), (dict, list))
    assert isinstance(conform(text, SCHEMA), (Conformed, Misfit))
