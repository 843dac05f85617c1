"""How much memory the program has, and what of it the C library keeps for later although nobody needs it."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_STATM: Final = Path("/proc/self/statm")


def give_back() -> None:
    """Give what is free back to the system, where the C library can: after pictures and films that is a lot.

    Takes some milliseconds; call it in a thread.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


def resident_bytes() -> int:
    """How much of the machine's memory the program occupies; on macOS the most it ever did, 0 if unknown."""
    if sys.platform == "linux":
        with suppress(OSError, ValueError, IndexError):
            return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    elif sys.platform == "darwin":
        import resource  # noqa: PLC0415 - not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    elif sys.platform == "win32":
        counters = (ctypes.c_size_t * 10)()
        if ctypes.windll.psapi.GetProcessMemoryInfo(
            ctypes.c_void_p(-1), ctypes.byref(counters), ctypes.sizeof(counters)
        ):
            return int(counters[2])
    return 0


def _trim() -> Callable[[int], Any] | None:
    if sys.platform != "linux":
        return None
    # Only glibc has it; musl gives back by itself.
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
