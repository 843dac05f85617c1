"""The log: one file a day, written by a thread of its own, with what looks like a secret taken out.

Whoever logs never passes a secret; taking them out is the last net, for texts of other libraries and
tracebacks.
"""

from __future__ import annotations

import io
import logging
import os
import queue
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from logging.handlers import QueueHandler, QueueListener, TimedRotatingFileHandler
from pathlib import Path
from typing import Final

from grokdesk.core.errors import Broken
from grokdesk.platform.paths import OWNER_ONLY, Paths, restrict

FILE: Final = "grokdesk.log"
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_GONE: Final = "…"
_EVERYBODY: Final = logging.getLogger()
_OURS: Final = logging.getLogger("grokdesk")

_SECRETS: Final = (
    # Headers, as text or as a printed dict: everything up to the end of the value.
    re.compile(
        r"(?i)(?P<keep>\b(?:set-cookie|cookie|proxy-authorization|authorization|x-api-key)\b[\"']?\s*[:=]\s*[\"']?)"
        r"[^\r\n\"']+"
    ),
    re.compile(r"(?i)(?P<keep>\b(?:sso(?:-rw)?|cf_clearance|__cf_bm|_cfuvid)=)[^\s;,\"']+"),
    re.compile(r"(?i)(?P<keep>\bbearer\s+)[^\s,\"']+"),
    re.compile(r"(?P<keep>\bgd-)[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?P<keep>\bxai-)[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?P<keep>\beyJ)[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*"),
    # The password in an address.
    re.compile(r"(?P<keep>://)[^\s/@\"']+(?=@)"),
    # What somebody calls a secret, up to the end of the word or of the quotation.
    re.compile(
        r"(?i)(?P<keep>\b(?:[a-z]+_)?(?:pass(?:phrase|word|wd)|secret|api_?key|team_key|access_token)\b[\"']?"
        r"\s*[:=]\s*)(?:\"[^\"\r\n]*\"?|'[^'\r\n]*'?|[^\s\"',;]+)"
    ),
)


def redacted(text: str) -> str:
    """Return `text` without what looks like a token, cookie, key or password."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\g<keep>{_GONE}", text)
    return text


class Logs:
    """The running log. `stop` writes what is left and closes the file."""

    def __init__(self, handler: QueueHandler, listener: QueueListener) -> None:
        self._handler = handler
        self._listener = listener
        self._before = {logger: logger.level for logger in (_EVERYBODY, _OURS)}
        _EVERYBODY.addHandler(handler)
        listener.start()

    def set_level(self, level: str) -> None:
        """Write our own records of `level` (such as `info`) and above, and warnings of libraries."""
        _OURS.setLevel(level.upper())
        # aiosqlite, asyncio and others tell every step at debug, values included.
        _EVERYBODY.setLevel(max(_OURS.level, logging.WARNING))

    def keep(self, days: int) -> None:
        """Keep the files of `days` earlier days from now on."""
        for handler in self._listener.handlers:
            if isinstance(handler, TimedRotatingFileHandler):
                handler.backupCount = days

    def stop(self) -> None:
        """Write what is left and close the file."""
        _EVERYBODY.removeHandler(self._handler)
        for logger, level in self._before.items():
            logger.setLevel(level)
        self._listener.stop()
        for handler in self._listener.handlers:
            handler.close()
        self._handler.close()


def start(paths: Paths, level: str, days: int) -> Logs:
    """Log records of `level` and above to `grokdesk.log` in `paths.logs`; keep `days` files of earlier days.

    The file is turned over at midnight and readable by its owner alone. Raises `Broken` when it cannot be
    opened.
    """
    path = paths.logs / FILE
    try:
        file = _DailyFile(path, when="midnight", backupCount=days, encoding="utf-8", errors="replace")
        restrict(path)
    except OSError as error:
        raise Broken(
            "The log cannot be written.",
            hint="Check that the folder of the log can be written and the disk is not full.",
            detail=f"{path}: {error}",
        ) from error
    file.setFormatter(_Redacting(_FORMAT))
    records: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logs = Logs(QueueHandler(records), QueueListener(records, file))
    logs.set_level(level)
    return logs


# --- reading it ---------------------------------------------------------------------------------------------


class Level(IntEnum):
    """How serious an entry is."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the log. `day` is its day, such as `2026-08-12`; empty for the one being written."""

    path: Path
    day: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look into a log file found: where entries begin, how serious each is, where the whole lines end.

    `begin` is where the look began: 0 when it is another file than before, or the first look. `identity`
    tells files apart that had the same name.
    """

    begin: int
    end: int
    identity: int
    offsets: Sequence[int] = ()
    levels: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log: `text` is its first line without what stands before, `more` all further lines."""

    time: str
    level: Level
    part: str
    text: str
    more: str = ""


_CHUNK: Final = 1 << 20
_BEGIN: Final = re.compile(
    rb"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL)\b", re.MULTILINE
)
_HEAD: Final = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (\w+) +([^\s:]+): (.*)")
_LEVELS: Final = {
    b"DEBUG": Level.DEBUG,
    b"INFO": Level.INFO,
    b"WARNING": Level.WARNING,
    b"ERROR": Level.ERROR,
    b"CRITICAL": Level.ERROR,
}


def log_files(folder: Path) -> list[LogFile]:
    """The files of the log in `folder`, newest first. Raises `OSError`."""
    found = [
        LogFile(path, path.name.removeprefix(FILE).lstrip("."))
        for path in folder.iterdir()
        if path.name == FILE or re.fullmatch(rf"{re.escape(FILE)}\.\d{{4}}-\d\d-\d\d", path.name)
    ]
    return sorted(found, key=lambda file: file.day or "9", reverse=True)


def scan(path: Path, known: Scan | None = None) -> Scan:
    """Look at what has come into a log file since `known`; at all of it when it is another file by now.

    Lines that are still being written are left for the next time. Reads the disk. Raises `OSError`.
    """
    # Opened anew each time: on Windows a file that is held open could not be turned over at midnight.
    with path.open("rb") as file:
        identity, size = _identity(file)
        goes_on = known is not None and known.identity == identity and known.end <= size
        begin = known.end if goes_on and known is not None else 0
        offsets, levels, end = array("q"), bytearray(), begin
        for start, chunk in _whole_lines(file, begin, size):
            if not start and not _BEGIN.match(chunk):
                offsets.append(0)
                levels.append(Level.INFO)
            for one in _BEGIN.finditer(chunk):
                offsets.append(start + one.start())
                levels.append(_LEVELS[one[1]])
            end = start + len(chunk)
    return Scan(begin, end, identity, offsets, bytes(levels))


def found_in(path: Path, words: Sequence[str], offsets: Sequence[int], begin: int, end: int) -> list[int]:
    """Which entries have each of `words`, by their number in `offsets`, between two places of the file.

    Upper and lower case are the same in ASCII. Reads the disk. Raises `OSError`.
    """
    first = max(0, bisect_right(offsets, begin) - 1)
    hits = set(range(first, bisect_right(offsets, end - 1)))
    for word in words:
        wanted, has = word.encode().lower(), set[int]()
        with path.open("rb") as file:
            for start, chunk in _whole_lines(file, offsets[first] if offsets else begin, end):
                lowered, place = chunk.lower(), -1
                while (place := lowered.find(wanted, place + 1)) >= 0:
                    number = bisect_right(offsets, start + place) - 1
                    has.add(number)
                    # On to the next entry: one hit is enough.
                    if number + 1 < len(offsets):
                        place = max(place, min(offsets[number + 1] - start, len(lowered)) - 1)
        hits &= has
    return sorted(hits)


def entry_of(data: bytes) -> Entry:
    """Read one entry."""
    first, _, more = data.decode("utf-8", "replace").rstrip("\r\n").partition("\n")
    head = _HEAD.fullmatch(first.rstrip("\r"))
    if head is None:
        return Entry("", Level.INFO, "", first, more)
    time, level, part, text = head.groups()
    return Entry(time, _LEVELS.get(level.encode(), Level.INFO), part, text, more)


def piece(path: Path, identity: int, begin: int, end: int) -> bytes:
    """A part of the file that `identity` tells; nothing when it has been turned over. Raises `OSError`."""
    with path.open("rb") as file:
        if _identity(file)[0] != identity:
            return b""
        file.seek(begin)
        return file.read(end - begin)


def last_lines(path: Path, count: int) -> str:
    """The last lines of a file, at most `count`; from the start of an entry on. Raises `OSError`."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        data = b""
        while size and data.count(b"\n") <= count:
            step = min(size, _CHUNK)
            size -= step
            file.seek(size)
            data = file.read(step) + data
    text = b"\n".join(data.splitlines()[-count:])
    return text.decode("utf-8", "replace")


def _identity(file: io.BufferedReader) -> tuple[int, int]:
    stat = os.fstat(file.fileno())
    return stat.st_ino, stat.st_size


def _whole_lines(file: io.BufferedReader, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The file from `begin` to `end` in chunks of whole lines, with the place where each begins."""
    rest, place = b"", begin
    file.seek(begin)
    while True:
        most = min(_CHUNK, end - place - len(rest))
        data = file.read(most) if most > 0 else b""
        if not data:
            return
        data = rest + data
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if cut:
            yield place, data[:cut]
            place += cut


class _Redacting(logging.Formatter):
    """A formatter rather than a filter: it sees the whole line, traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


class _DailyFile(TimedRotatingFileHandler):
    def _open(self) -> io.TextIOWrapper:
        path = Path(self.baseFilename)
        # Not when it is there: its time tells at the next start whether it is of an earlier day.
        if not path.exists():
            path.touch(OWNER_ONLY)
        return super()._open()
