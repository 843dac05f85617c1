"""JSON as models write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.providers.text_tools import repair
from grokdesk.providers.text_tools.repair import Scan, Scanned
from tests.providers.text_tools.samples import JSON_VALUES

JSONISH = st.text("{}[]\"',:\\/*\n trueN0.-+a&lt;", max_size=40)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('\ufeff {"a": 1} ', {"a": 1}),
        ("{'it': 'it\\'s'}", {"it": "it's"}),
        ("{'a': 'it's', 'b': 2}", {"a": "it's", "b": 2}),
        ('{"a": "say "x", then", "b": 1}', {"a": 'say "x", then', "b": 1}),
        ('{"a": ["x "y" z", "w"]}', {"a": ['x "y" z', "w"]}),
        ('{"a": "b" // c\n, /* d */ e: [1, 2,],}', {"a": "b", "e": [1, 2]}),
        ('{"a": {"b": "c"', {"a": {"b": "c"}}),
        ('{"a": [1, 2}', {"a": [1, 2]}),
        ('{"a": 1}]};', {"a": 1}),
        ('{"a": True, "b": False, "c": None, "d": null,}', {"a": True, "b": False, "c": None, "d": None}),
        (
            r"""{'a': "\d\u00e9\ud83d\ude00\uzz\
"}""",
            {"a": "\\d\u00e9\U0001f600\\uzz\\\n"},
        ),
        ("[1.5, -2e3,]", [1.5, -2000.0]),
        ("{'ключ': 1, }", {"ключ": 1}),
    ],
)
def test_nearly_json_is_read(text: str, value: object) -> None:
    """
    Comments, quotes, commas, braces, literals and escapes of other languages.
    """
    assert repair.loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a": [',
        "nonsense",
        "{nothing}",
        '{"a" 1}',
        '{"a": }',
        '{"a": 1 "b": 2}',
        '{"a": word}',
        '{"a": "never ends',
        '{"a": "ends with \\',
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": 1} and more',
        "{1: 2}",
        "[" * 102 + "]" * 102,
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        "['" + "', [" * 200,
    ],
)
def test_what_has_no_single_meaning_is_refused(text: str) -> None:
    """
    Nothing is guessed.
    """
    with pytest.raises(ValueError, match=r"."):
        repair.loads(text)


@pytest.mark.parametrize("text", ['{"a": 1', '{"a": "b",', '{"a":', '{"a"', "{a", '{"a": [', '{"a": "b'])
def test_what_was_cut_off_is_not_completed(text: str) -> None:
    """
    A number may have had more digits, and more members may have followed.
    """
    with pytest.raises(ValueError, match=r"."):
        repair.loads(text, cut=True)


@pytest.mark.parametrize("text", ['{"a": "b"', '{"a": ["b"]', '{"a": true', '[{"a": {}'])
def test_only_braces_are_added_where_text_was_cut_off(text: str) -> None:
    """
    After a complete string, literal or container.
    """
    assert repair.loads(text, cut=True) == repair.loads(text)


@given(JSON_VALUES)
def test_json_is_left_alone(value: object) -> None:
    """
    Valid JSON means what it says, and comes back compact and the same.
    """
    assert repair.loads(json.dumps(value, indent=1)) == value
    assert repair.loads(repair.compact(value)) == value


@given(JSONISH | st.text())
def test_garbage_is_a_value_or_a_value_error(text: str) -> None:
    """
    Nothing else ever happens, and a value can be written again.
    """
    try:
        value = repair.loads(text)
    except ValueError:
        return

    assert repair.loads(repair.compact(value)) == value
    assert repair.compact(value).encode()


@given(
    JSON_VALUES.filter(lambda value: isinstance(value, (dict, list))), st.text("} ]x", max_size=3), st.data()
)
def test_the_end_of_a_value_is_found_in_any_pieces(value: object, more: str, data: st.DataObject) -> None:
    """
    Behind its last brace, whatever its strings hold and whatever follows.
    """
    written = json.dumps(value)
    text = written + more
    scan = Scan()
    at = end = 0
    while end < len(text):
        end = data.draw(st.integers(end + 1, len(text)))
        at = scan.advance(text[:end], at)

    assert scan.state is Scanned.CLOSED
    assert at == len(written)


@given(JSONISH, st.data())
def test_pieces_do_not_change_where_reading_stops(text: str, data: st.DataObject) -> None:
    """
    At once or in pieces: the same place and the same state.
    """
    whole = Scan()
    stopped = whole.advance(text, 0)
    scan = Scan()
    at = end = 0
    while end < len(text):
        end = data.draw(st.integers(end + 1, len(text)))
        at = scan.advance(text[:end], at)

    assert (at, scan.state) == (stopped, whole.state)


@pytest.mark.parametrize("text", ["[1 2]", '["a" b]', "{{", "[}", "[,", "[1:]]", "[a/b]", '{"a":}', "[\\"])
def test_what_is_no_json_is_seen_at_once(text: str) -> None:
    """
    At the first character that nothing allows.
    """
    scan = Scan()

    scan.advance(text, 0)

    assert scan.state is Scanned.BROKEN or text == "[1:]]"


@pytest.mark.parametrize(
    ("text", "is_escaped"),
    [
        ("a &lt; b", True),
        ("&AMP;&#39;", True),
        ("a < b &amp; c", False),
        ("a &nbsp; b &amp; c", False),
        ("a && b &amp; c", False),
        ("plain", False),
    ],
)
def test_text_is_escaped_as_a_whole_or_not(text: str, is_escaped: bool) -> None:
    """
    A bare sign of markup shows that entities are meant.
    """
    assert repair.is_escaped(text) is is_escaped


@pytest.mark.parametrize(
    ("text", "is_json"),
    [("{}", True), ("[NaN]", False), ("{'a': 1}", False), ('["\ud800"]', False), ("", False)],
)
def test_json_is_what_every_reader_takes(text: str, is_json: bool) -> None:
    """
    Without repairs, without numbers that are none, and sendable.
    """
    assert repair.is_json(text) is is_json
