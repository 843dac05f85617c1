"""What is sent to accept terms, tell a date of birth, and switch adult content."""

from __future__ import annotations

from datetime import date

import pytest

from grokdesk.providers.grok_web.protocol import adult

NAME = "616c776179735f73686f775f6e7366775f636f6e74656e74"


def test_the_messages_are_those_of_the_document() -> None:
    """
    Byte for byte (protocol/grok-web-chat.md §18).
    """
    assert adult.ACCOUNT_TERMS.hex() == "00000000021001"
    assert adult.PRODUCT_TERMS == b'{"tosVersion":5}'
    assert adult.switch(on=True).hex() == f"00000000200a021001121a0a18{NAME}"
    assert adult.switch(on=False).hex() == f"00000000200a021000121a0a18{NAME}"


@pytest.mark.parametrize(
    ("born", "told"),
    [(date(1990, 5, 7), "1990-05-07T12:00:00.000Z"), (date(2000, 2, 29), "2000-02-29T12:00:00.000Z")],
)
def test_a_date_of_birth_is_told_as_it_was_given(born: date, told: str) -> None:
    """
    At noon, which is that day everywhere.
    """
    assert adult.birth_date(born).decode() == f'{{"birthDate":"{told}"}}'
