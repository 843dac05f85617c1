"""The list of models, page by page."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from grokdesk.core.accounts import Mode, Tier
from grokdesk.core.catalog import Model
from grokdesk.core.errors import InvalidRequest
from grokdesk.dialects.anthropic.models import listed, shown

MODELS = [Model(name, name.upper(), Mode.FAST, (Tier.BASIC,)) for name in "abcde"]


def page(**query: str) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    return orjson.loads(listed(MODELS, query))


def ids(told: Any) -> str:  # noqa: ANN401 - same
    return "".join(model["id"] for model in told["data"])


def test_a_model_has_a_date_and_a_name_to_show() -> None:
    """
    In the form official clients parse.
    """
    assert orjson.loads(shown(MODELS[0])) == {
        "type": "model",
        "id": "a",
        "display_name": "A",
        "created_at": "2026-04-01T00:00:00Z",
        "lifecycle": "active",
    }


@pytest.mark.parametrize(
    ("query", "expected", "has_more"),
    [
        ({}, "abcde", False),
        ({"limit": "2"}, "ab", True),
        ({"limit": "5"}, "abcde", False),
        ({"limit": "2", "after_id": "b"}, "cd", True),
        ({"limit": "2", "after_id": "c"}, "de", False),
        ({"limit": "2", "before_id": "d"}, "bc", True),
        ({"limit": "2", "before_id": "c"}, "ab", False),
    ],
)
def test_pages_follow_each_other(query: dict[str, str], expected: str, has_more: bool) -> None:
    """
    In both directions, and the client knows whether there are more that way.
    """
    told = page(**query)

    assert (ids(told), told["has_more"]) == (expected, has_more)
    assert (told["first_id"], told["last_id"]) == (expected[0], expected[-1])


def test_the_page_after_the_last_is_empty() -> None:
    """
    And names no ids.
    """
    assert page(after_id="e") == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"after_id": "x"}, "after_id"),
        ({"before_id": "x"}, "before_id"),
    ],
)
def test_a_page_that_cannot_be_is_refused(query: dict[str, str], param: str) -> None:
    """
    With the name of what is wrong.
    """
    with pytest.raises(InvalidRequest) as caught:
        page(**query)

    assert caught.value.param == param
    assert f"'{param}'" in caught.value.message
