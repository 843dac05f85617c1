"""What is taken out of reports, also when what is looked through was written to be hard to read."""

from __future__ import annotations

import json
import time

import pytest

from grokdesk.engine.scrubbing import Scrubber, said_in

HEAD = "2026-08-12 10:00:00,000 INFO    grokdesk.gateway: "
# Many times what it takes; read in a way that tries again at every quotation mark it takes minutes.
SOON_S = 1.0


def test_longer_texts_of_a_request_are_what_somebody_said() -> None:
    """
    Words of the format and files are not; a body that was cut is read as far as it goes.
    """
    said = 'Why is the sky "blue"?\nTell me.'
    body = json.dumps({"role": "user", "content": said, "file": "A" * 30_000})

    assert said_in(body) == {said}
    assert said_in('{"content": "the end of this was cut o') == {"the end of this was cut o"}
    assert said_in('{"content": "the end of this was cut\\') == {"the end of this was cut"}


@pytest.mark.parametrize("end", [1_000_000, 999_999, 700_001])
def test_a_long_text_full_of_quotation_marks_is_read_at_once(end: int) -> None:
    """
    Programs send whole files in one text; while it is read nobody else has their turn.
    """
    body = json.dumps({"content": 'x = "a"\n' * 120_000})[:end]
    began = time.perf_counter()

    said_in(body)

    assert time.perf_counter() - began < SOON_S


@pytest.mark.parametrize("text", ["a" * 100_000, "'" + "a b " * 25_000, '"' + "a b " * 25_000])
def test_a_long_line_of_the_log_is_read_at_once(text: str) -> None:
    """
    One word, or one quotation that has no end.
    """
    began = time.perf_counter()

    Scrubber([]).clean_log(HEAD + text)

    assert time.perf_counter() - began < SOON_S


def test_mail_addresses_and_quoted_sentences_are_taken_out_of_the_log() -> None:
    """
    Short quotations, such as names of settings, stay.
    """
    line = "told 'a b' of 'what somebody has said here' to <jo.doe+x@mail.example.org>"

    assert Scrubber([]).clean_log(HEAD + line) == f"{HEAD}told 'a b' of (left out) to <…>"
