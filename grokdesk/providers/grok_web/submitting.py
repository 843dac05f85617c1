"""What is true of every job for pictures and films: one time limit, and nothing made twice.

From the moment that a job has been sent it may be made, whatever becomes of the connection: a failure that is
no clear refusal is then `MayBeMade`, so that nobody repeats it (grok-web-media.md §12.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from grokdesk.core.errors import (
    AccountRejected,
    Challenged,
    FormGone,
    Garbled,
    MayBeMade,
    RateLimited,
    Refused,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Limits, NotConnected
from grokdesk.providers.grok_web.protocol.failures import NotAccepted, NotMade
from grokdesk.providers.grok_web.session import Session

# Clear answers that nothing is made, and failures from before anything was sent.
_NOTHING_MADE: Final = (
    RateLimited,
    AccountRejected,
    Challenged,
    Refused,
    NotAccepted,
    NotMade,
    FormGone,
    NotConnected,
    MayBeMade,
)
# A connection that broke says nothing about what was made.
LOST: Final = (Unreachable, UpstreamTimeout, Garbled)
_LEAST_S: Final = 0.05


@contextmanager
def sent() -> Iterator[None]:
    """Inside, a job has been sent: failures that leave open what became of it are `MayBeMade`."""
    try:
        yield
    except _NOTHING_MADE:
        raise
    except UpstreamError as error:
        raise MayBeMade(error) from error


class Patience:
    """One limit, in seconds, over all calls of a job. `setting` is what an owner can raise it by."""

    def __init__(self, deadlines: Deadlines, total_s: float, setting: str) -> None:
        self._deadlines = deadlines
        self._total_s = total_s
        self._setting = setting
        self._end = deadlines.monotonic() + total_s

    @property
    def left_s(self) -> float:
        """Seconds that are left; never negative."""
        return max(0.0, self._end - self._deadlines.monotonic())

    def require(self) -> None:
        """Raise `UpstreamTimeout` when nothing is left."""
        if self.left_s < _LEAST_S:
            raise UpstreamTimeout(
                f"Grok's work took longer than {self._total_s:.0f} seconds in all.",
                hint=f"Raise timeouts.{self._setting} if it may take that long.",
            )

    def of(self, session: Session) -> Session:
        """`session` with no more time than is left. Raises `UpstreamTimeout` when there is none."""
        self.require()
        usual, left = session.options.limits, self.left_s
        return session.within(
            Limits(usual.connect_s, min(usual.first_s, left), min(usual.idle_s, left), left, self._setting)
        )
