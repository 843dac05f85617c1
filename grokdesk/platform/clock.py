"""The real time. Nothing else asks the system for it."""

from __future__ import annotations

import time


class SystemClock:
    """A `Clock` (core/ports.py) that tells the system's time."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()  # noqa: TID251 - this is the Clock everybody else is told to use

    def monotonic(self) -> float:
        """Seconds since some moment, never going back."""
        return time.monotonic()
