"""Notices of new versions: what is believed of them, and which is newer."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import Garbled
from grokdesk.core.updates import Release, is_newer, read_release


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("1.2.3", "1.2.2", True),
        ("1.10", "1.9", True),
        ("2", "1.9.9", True),
        ("1.2", "1.2.0", False),
        ("1.2.0", "1.2", False),
        ("1.2.3", "1.2.3", False),
        ("1.2.3", "1.3", False),
        ("1.2rc1", "1.2", False),
        ("1.2", "1.2rc1", True),
        ("1.2rc2", "1.2rc1", True),
        ("1.2b1", "1.2a9", True),
        ("1.2.dev1", "1.2a1", False),
        ("1.2-beta.2", "1.2-beta.1", True),
        ("tomorrow", "1.0", False),
        ("2.0", "0.0.unknown", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, than: str, newer: bool) -> None:
    """
    Ten comes after nine, and a candidate before what it is a candidate for.
    """
    assert is_newer(version, than) is newer


def test_a_notice_is_read() -> None:
    """
    Version, page and notes, the last two if they are there.
    """
    notes = {"version": "v1.2.3", "url": "https://example.org/1.2.3", "notes": " Faster.\n\nAnd calmer. "}

    assert read_release(json.dumps(notes).encode()) == Release(
        "1.2.3", "https://example.org/1.2.3", "Faster.\n\nAnd calmer."
    )
    assert read_release(b'{"version": "2"}') == Release("2")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://name:word@example.org/",
        "https://example.org/\u202egro.live",
        "https://[broken",
        "https://" + "a" * 1_000,
        7,
        None,
    ],
)
def test_only_a_plain_page_of_the_web_can_be_opened(url: object) -> None:
    """
    Anything else is left out; the version is told all the same.
    """
    assert read_release(json.dumps({"version": "2", "url": url}).encode()) == Release("2")


def test_notes_are_short_and_show_all_they_hold() -> None:
    """
    Signs that turn or hide text are taken out.
    """
    release = read_release(json.dumps({"version": "2", "notes": "a\u202eb\x00c" + "x" * 9_000}).encode())

    assert release.notes.startswith("abcx")
    assert len(release.notes) == 4_000


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>", b"[]", b"{}", b'{"version": 2}', b'{"version": "soon"}', b"\xff", b"[" * 100_000],
)
def test_what_names_no_version_is_refused(data: bytes) -> None:
    """
    A page of a hotel's network is no notice.
    """
    with pytest.raises(Garbled):
        read_release(data)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_release_or_are_refused(data: bytes) -> None:
    """
    Nothing else is raised.
    """
    with contextlib.suppress(Garbled):
        assert read_release(data).version
