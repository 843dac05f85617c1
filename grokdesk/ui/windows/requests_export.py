"""Writing requests into a file, as a table or as JSON."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from grokdesk.core.errors import Broken
from grokdesk.core.runs import Place, RunRecord, Sought
from grokdesk.engine.runs import RunLog
from grokdesk.platform.tasks import offload

_AT_ONCE: Final = 500
_COLUMNS: Final = (
    "time",
    "id",
    "request_id",
    "state",
    "dialect",
    "stream",
    "model",
    "answered",
    "mode",
    "client",
    "account_name",
    "egress",
    "failure",
    "tries",
    "first_ms",
    "total_ms",
    "pieces",
    "prompt_tokens",
    "completion_tokens",
)
# Programs for tables take a text that begins so for something to calculate.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


async def export(
    log: RunLog, sought: Sought, path: Path, progress: Callable[[int], None] = lambda _: None
) -> int:
    """Write the past requests that are sought to `path`, the newest first; returns how many.

    JSON if the name ends so, else CSV. What was at `path` is replaced when all is written, or not at all.
    Raises `Broken`.
    """
    part = path.with_name(f".{path.name}.part")
    count = 0
    try:
        file = await offload(_opened, part)
        try:
            writer = _Json(file) if path.suffix.lower() == ".json" else _Csv(file)
            async for runs in _pages(log, sought):
                await offload(writer.write, runs)
                count += len(runs)
                progress(count)
            await offload(writer.end)
        finally:
            await offload(file.close)
        await offload(os.replace, part, path)
    except OSError as error:
        raise Broken(
            "The requests could not be written to that file.",
            hint="Choose another place, or make room on the disk.",
            detail=str(error),
        ) from error
    finally:
        await offload(_clear, part)
    return count


async def _pages(log: RunLog, sought: Sought) -> AsyncIterator[Sequence[RunRecord]]:
    before: Place | None = None
    while runs := await log.page(sought, before=before, limit=_AT_ONCE):
        yield runs
        before = runs[-1].place


def _opened(path: Path) -> TextIO:
    # With the mark by which table programs know UTF-8; JSON has none.
    encoding = "utf-8" if ".json" in path.suffixes else "utf-8-sig"
    return path.open("w", encoding=encoding, errors="replace", newline="")


def _clear(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


class _Csv:
    """A table."""

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.writer(file)
        self._rows.writerow(_COLUMNS)

    def write(self, runs: Sequence[RunRecord]) -> None:
        self._rows.writerows([_cell(_member(run, name)) for name in _COLUMNS] for run in runs)

    def end(self) -> None:
        """Nothing follows the last row."""


class _Json:
    """A list of objects."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._before = "[\n"

    def write(self, runs: Sequence[RunRecord]) -> None:
        for run in runs:
            told = {name: _member(run, name) for name in _COLUMNS}
            told["tries"] = [asdict(one) for one in run.tries]
            self._file.write(self._before + json.dumps(told, ensure_ascii=False))
            self._before = ",\n"

    def end(self) -> None:
        self._file.write("[]\n" if self._before == "[\n" else "\n]\n")


def _member(run: RunRecord, name: str) -> object:
    match name:
        case "time":
            return datetime.fromtimestamp(run.at, UTC).isoformat(timespec="milliseconds")
        case "state":
            return run.state.value
        case "tries":
            return len(run.tries)
        case _:
            return getattr(run, name)


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
