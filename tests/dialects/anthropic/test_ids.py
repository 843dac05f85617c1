"""The names of calls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.dialects.anthropic.ids import neutral_call_id, tool_use_id


@pytest.mark.parametrize(
    ("ours", "theirs"), [("call_a1", "toolu_a1"), ("call__a", "toolu__call__a"), ("a1", "toolu__a1")]
)
def test_clients_hear_their_own_kind_of_id(ours: str, theirs: str) -> None:
    """
    Whatever ours looks like.
    """
    assert tool_use_id(ours) == theirs
    assert neutral_call_id(theirs) == ours


def test_an_id_from_elsewhere_stays() -> None:
    """
    As in a history that another server has begun.
    """
    assert neutral_call_id("chatcmpl-tool-1") == "chatcmpl-tool-1"


@given(st.text() | st.text(alphabet="call_toolu"))
def test_every_id_comes_back(call_id: str) -> None:
    """
    Nothing has to be remembered between two requests.
    """
    assert neutral_call_id(tool_use_id(call_id)) == call_id
