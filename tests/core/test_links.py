"""Links that any web page may contain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.links import AddAccounts, Link, OpenPlace, read_link

PLACES = {"home", "requests", "settings"}


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("grokdesk://open/requests", OpenPlace("requests")),
        ("grokdesk://open/Requests/", OpenPlace("requests")),
        ("GROKDESK://open/home", OpenPlace("home")),
        ("grokdesk://import", AddAccounts()),
        ("grokdesk://import/", AddAccounts()),
        ("grokdesk://open/cellar", None),
        ("grokdesk://open/", None),
        ("grokdesk://open", None),
        ("grokdesk://quit", None),
        ("grokdesk://open/requests?delete=all", None),
        ("grokdesk://open/requests#x", None),
        ("grokdesk://open/../requests", None),
        ("grokdesk://anna@open/requests", None),
        ("grokdesk://open:80/requests", None),
        ("grokdesk://open/requests\n", None),
        ("grokdesk://open/requests\x00", None),
        ("grokdesk://open/re\u202equests", None),
        ("grokdesk://open/ſettings", None),
        ("grokdesk://import?token=abc", None),
        ("grokdesk://open/" + "a" * 1_000_000, None),
        ("https://open/requests", None),
        ("", None),
    ],
)
def test_a_link_opens_a_known_place_or_nothing(text: str, link: Link | None) -> None:
    """
    Whatever else is written into it makes it no link.
    """
    assert read_link(text, PLACES) == link


@given(st.text())
def test_no_text_asks_for_anything_else(text: str) -> None:
    """
    Any text behind the scheme gives a place that is there, the dialog, or nothing.
    """
    found = read_link(f"grokdesk://{text}", PLACES)

    assert found is None or isinstance(found, AddAccounts) or found.place in PLACES
