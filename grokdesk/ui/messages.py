"""The last things that were said in passing, for whoever looked away."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Signal

from grokdesk.core.ports import Clock

_KEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Message:
    """What was said, and when, in Unix seconds. `tone` is empty, `ok`, `warn` or `error`."""

    at: float
    text: str
    tone: str = ""


class Messages(QObject):
    """The last fifty, the newest first."""

    changed = Signal()

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._all: deque[Message] = deque(maxlen=_KEPT)
        self._unread = 0

    @property
    def unread_errors(self) -> int:
        """How many failures nobody has looked at in the list."""
        return self._unread

    def all(self) -> list[Message]:
        """What was said, the newest first."""
        return list(self._all)

    def note(self, text: str, tone: str = "") -> None:
        """Keep what is being said."""
        self._all.appendleft(Message(self._clock.now(), text, tone))
        if tone == "error":
            self._unread = min(self._unread + 1, _KEPT)
        self.changed.emit()

    def were_read(self) -> None:
        """Somebody looked at the list."""
        if self._unread:
            self._unread = 0
            self.changed.emit()
