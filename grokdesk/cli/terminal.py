"""What is written to the terminal, and how."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from grokdesk.core.errors import GrokDeskError

EXIT_FAILED: Final = 1

Json = dict[str, Any]
Report = Callable[[argparse.Namespace, Json], int]

_NEVER: Final = "never"
_BAR: Final = 24


def say(text: str) -> None:
    """Tell a person, beside what a script reads."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def out(text: str) -> None:
    """Tell what was asked for."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def out_json(value: object) -> None:
    """Tell what was asked for as one JSON document."""
    out(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def complain(error: GrokDeskError) -> None:
    """Tell a failure, and what to do."""
    say(f"{error.message} {error.hint}".strip())


def moment(seconds: float | None) -> str:
    """A time of Unix seconds, as a clock on the wall shows it."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M") if seconds else _NEVER


def one_line(text: str, most: int) -> str:
    """A text of anybody, such that it stays on its line and cannot steer the terminal."""
    plain = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


class Progress:
    """How far something is, on one line of a terminal; elsewhere nothing until it is over."""

    def of_job(self, job: Mapping[str, Any]) -> None:
        """Show an act on accounts."""
        failed = f", {job['failed']} failed" if job["failed"] else ""
        self._show(
            f"{job['title']}: {job['done']} of {job['total']}{failed}", ends=job["ended_at"] is not None
        )

    def of_media(self, job: Mapping[str, Any]) -> None:
        """Show pictures or a film in the making."""
        title = _MADE[job["kind"]].get(job["count"], f"{job['count']} pictures")
        if job["state"] == "queued":
            self._show(f"{title}: waits for its turn", ends=False)
            return
        if job["is_looked_for"]:
            self._show(f"{title}: the connection was lost; looking for it at Grok", ends=False)
            return
        words = "" if job["state"] in {"running", "done"} else f" {job['state']}"
        self._show(f"{title} {_bar(job['fraction'])}{words}", ends=job["is_over"])

    def of_errand(self, errand: Mapping[str, Any]) -> None:
        """Show an export or import."""
        total = errand["total"]
        far = f" {_bar(errand['done'] / total)} {errand['done']} of {total} files" if total else ""
        self._show(f"{errand['title']}{far}", ends=errand["ended_at"] is not None)

    def _show(self, text: str, *, ends: bool) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K" + text + ("\n" if ends else ""))
            sys.stderr.flush()


_MADE: Final[dict[str, dict[int, str]]] = {"image": {1: "A picture"}, "video": {1: "A film"}}


def _bar(fraction: float) -> str:
    filled = int(fraction * _BAR)
    return f"[{'#' * filled}{'-' * (_BAR - filled)}] {int(fraction * 100):3} %"
