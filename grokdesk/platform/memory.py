"""Memory that the C library keeps for later, although nobody needs it now."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any


def give_back() -> None:
    """Give what is free back to the system, where the C library can: after pictures and films that is a lot.

    Takes some milliseconds; call it in a thread.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


def _trim() -> Callable[[int], Any] | None:
    if sys.platform != "linux":
        return None
    # Only glibc has it; musl gives back by itself.
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
