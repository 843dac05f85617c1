"""Token estimates are sane, and only grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.tokens import estimate, last_word, without_pictures


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" ", 0),
        ("Hello", 1),
        ("Hello, world!", 4),
        ("internationalization", 4),
        ("the quick brown fox jumps over the lazy dog", 9),
        ("1234567", 3),
        ("你好世界", 4),
        ("a\n\n\nb", 3),
        ("    return x", 3),
        ("===", 2),
        ("Ωж", 2),
    ],
)
def test_an_estimate_is_what_a_person_would_expect(text: str, tokens: int) -> None:
    """
    Words, numbers, signs, line ends and CJK characters count as a large vocabulary counts them.
    """
    assert estimate(text) == tokens


@given(st.text(), st.text())
def test_more_text_never_costs_less(a: str, b: str) -> None:
    """
    Joining two texts costs at least either of them, and at most both and the blank between.
    """
    assert max(estimate(a), estimate(b) - 1) <= estimate(a + b) <= estimate(a) + estimate(b) + 1


@given(st.text())
def test_an_estimate_is_bounded_by_length(text: str) -> None:
    """
    No character costs more than one token.
    """
    assert 0 <= estimate(text) <= len(text)


@given(st.text(), st.text())
def test_what_lies_before_the_last_word_is_settled(a: str, b: str) -> None:
    """
    Counting may go on from the last word: whatever follows, the part before costs what it did.
    """
    at = last_word(a)

    assert estimate(a + b) == estimate(a[:at]) + estimate(a[at:] + b)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Here: ![image](data:image/png;base64,iVBORw0KGgo=) and there.", "Here: ![image]() and there."),
        ("![a](data:image/png;base64,QUJD)\n\n![b](data:image/jpeg;base64,REVG)", "![a]()\n\n![b]()"),
        ("def show(data: image) -> None:", "def show(data: image) -> None:"),
        ("begun (data:image/png;base64,QUJD", "begun (data:image/png;base64,QUJD"),
        ("", ""),
    ],
)
def test_pictures_are_nothing_that_was_said(text: str, said: str) -> None:
    """
    What is embedded in an answer is left out of its count; everything else stays.
    """
    assert without_pictures(text) == said
