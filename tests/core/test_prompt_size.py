"""How many tokens a request is said to have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.conversation import (
    AnswerForm,
    ChatRequest,
    Media,
    Message,
    Part,
    Role,
    Text,
    Thought,
    ToolCall,
    ToolResult,
)
from grokdesk.core.prompt_size import counted, glanced
from grokdesk.core.tokens import estimate
from grokdesk.core.tools import Tool


def asked(*parts: Part, **more: object) -> ChatRequest:
    return ChatRequest("m", (Message(Role.USER, parts),), **more)  # type: ignore[arg-type] # what a test names


def test_text_is_counted_with_what_is_around_it() -> None:
    """
    Two tokens set a part off from the next.
    """
    assert counted(asked(Text("Hello there"))) == estimate("Hello there") + 2


@pytest.mark.parametrize(
    "more",
    [
        asked(Text("Hi"), ToolCall("c", "read", '{"path": "a"}')),
        asked(Text("Hi"), ToolResult("c", (Text("content"),))),
        asked(Text("Hi"), Media(data=b"x", media_type="image/png")),
        asked(Text("Hi"), ToolResult("c", (Media(url="https://a.example/i.png"),))),
        asked(Text("Hi"), tools=(Tool("read", "Reads a file.", "{}"),)),
        asked(Text("Hi"), answer=AnswerForm(json=True, schema='{"type": "object"}')),
    ],
)
def test_everything_the_model_reads_counts(more: ChatRequest) -> None:
    """
    Calls, results, files, tools and the form of the answer.
    """
    assert counted(more) > counted(asked(Text("Hi")))


def test_earlier_thinking_does_not_count() -> None:
    """
    It is not read again.
    """
    assert counted(asked(Text("Hi"), Thought("long " * 100))) == counted(asked(Text("Hi")))


@given(st.integers(0, 40), st.sampled_from(["a word and 12 more. ", "汉字也算 ", "def f(x): return x\n"]))
def test_a_glance_is_near_the_count(thousands: int, text: str) -> None:
    """
    Within a fifth, whatever the length; short requests are counted.
    """
    request = asked(Text(text * 100 * thousands), Text("Hi"), Media(url="https://a.example"))

    assert abs(glanced(request) - counted(request)) <= counted(request) / 5
