"""The log: one file a day, written by a thread of its own, with what looks like a secret taken out.

Whoever logs never passes a secret; taking them out is the last net, for texts of other libraries and
tracebacks.
"""

from __future__ import annotations

import io
import logging
import queue
import re
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
