"""What the fields of a form say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import Media
from grokdesk.dialects.form_fields import Field, members

FILE = Media(data=b"x")
OTHER = Media(data=b"y")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([("prompt", "Hi")], {"prompt": "Hi"}),
        ([("prompt", "")], {}),
        ([("n", "3")], {"n": 3}),
        ([("n", "-3")], {"n": -3}),
        ([("n", "three")], {"n": "three"}),
        ([("n", "9" * 5000)], {"n": "9" * 5000}),
        ([("seconds", "3")], {"seconds": "3"}),
        ([("stream", "True")], {"stream": True}),
        ([("stream", "0")], {"stream": False}),
        ([("stream", "maybe")], {"stream": "maybe"}),
        ([("image", FILE)], {"image": FILE}),
        ([("image", FILE), ("image", OTHER)], {"image": [FILE, OTHER]}),
        ([("image[]", FILE)], {"image": [FILE]}),
        ([("image", FILE), ("image[]", OTHER)], {"image": [FILE, OTHER]}),
        ([("image[0]", FILE), ("image[1]", OTHER)], {"image": [FILE, OTHER]}),
        ([("a[image_url]", "u"), ("a[file_id]", "f")], {"a": {"image_url": "u", "file_id": "f"}}),
        ([("a", "x"), ("a[image_url]", "u")], {"a": {"image_url": "u"}}),
        ([("a[][image_url]", "u"), ("a[][image_url]", "v")], {"a": [{"image_url": "u"}, {"image_url": "v"}]}),
        ([("a[b][c][d]", "x")], {"a[b][c][d]": "x"}),
        ([("[]", "x")], {"[]": "x"}),
    ],
)
def test_fields_become_members(fields: list[tuple[str, str | Media]], said: dict[str, object]) -> None:
    """
    As the same request would have them in JSON.
    """
    given_fields = [Field(name, value) for name, value in fields]

    assert members(given_fields, whole={"n"}, flags={"stream"}) == said


@given(st.lists(st.tuples(st.text(alphabet="ab[]01", max_size=8), st.text(max_size=3))))
def test_no_form_is_too_strange(fields: list[tuple[str, str]]) -> None:
    """
    Whatever the names, it can be read, and nothing is invented.
    """
    said = members(Field(name, value) for name, value in fields)

    assert len(said) <= len({name for name, value in fields if value})
