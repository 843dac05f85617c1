"""What is written to a terminal."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from grokdesk.cli.terminal import Progress, one_line


class Terminal(io.StringIO):
    """Says that somebody is looking."""

    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Have somebody look from now on; pytest puts its own standard error in place before each test."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def job(state: str, fraction: float, **more: object) -> dict[str, Any]:
    return {
        "kind": "image",
        "count": 4,
        "state": state,
        "fraction": fraction,
        "is_over": state in {"done", "cancelled"},
        "is_looked_for": False,
        **more,
    }


def test_progress_stays_on_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Each state takes the place of the one before; the end of the line comes with the end of the job.
    """
    seen, progress = watched(monkeypatch), Progress()

    for now in (job("queued", 0), job("running", 0.5), job("done", 1.0)):
        progress.of_media(now)

    lines = seen.getvalue().split("\r\x1b[K")[1:]
    assert lines == [
        "4 pictures: waits for its turn",
        f"4 pictures [{'#' * 12}{'-' * 12}]  50 %",
        f"4 pictures [{'#' * 24}] 100 %\n",
    ]


def test_an_end_without_success_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A bar that stops short says why it goes no further.
    """
    seen = watched(monkeypatch)

    Progress().of_media(job("cancelled", 0.25, kind="video", count=1))

    assert seen.getvalue().endswith(f"A film [{'#' * 6}{'-' * 18}]  25 % cancelled\n")


def test_an_errand_counts_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nothing is said of how many before that is known.
    """
    seen, progress = watched(monkeypatch), Progress()

    progress.of_errand({"title": "Export", "total": 0, "done": 0, "ended_at": None})
    progress.of_errand({"title": "Export", "total": 4, "done": 1, "ended_at": None})

    assert seen.getvalue().split("\r\x1b[K")[1:] == [
        "Export",
        f"Export [{'#' * 6}{'-' * 18}]  25 % 1 of 4 files",
    ]


def test_nobody_looking_hears_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """
    A log or a pipe is spared the line.
    """
    Progress().of_media(job("running", 0.5))

    assert capsys.readouterr().err == ""


def test_a_prompt_cannot_steer_the_terminal() -> None:
    """
    Anybody with a key can write one: it stays on its line, in words, and is not endless.
    """
    assert one_line("a\x1b[2Jcat\non\ta\r roof", 40) == "a [2Jcat on a roof"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"
