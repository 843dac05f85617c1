"""Starting and watching the processes of a benchmark."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
# An installed program has been compiled before, whatever this machine says about writing that down.
_COMPILED = tempfile.TemporaryDirectory(prefix="grokdesk-bench-")


def environment_of(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a measured process: that of this one, `more`, and a place for compiled modules."""
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**usual, "PYTHONPYCACHEPREFIX": _COMPILED.name, **(more or {})}


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def process(
    *arguments: str, environment: Mapping[str, str] | None = None, output: int = subprocess.DEVNULL
) -> Iterator[psutil.Popen]:
    """`python ARGUMENTS` in the background, ended when the block is left."""
    running = psutil.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment_of({"QT_QPA_PLATFORM": "offscreen", **(environment or {})}),
        stdout=output,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except psutil.TimeoutExpired:
            running.kill()


def wait_for(port: int, path: str = "/readyz", within_s: float = 30) -> float:
    """Wait until `path` on `port` answers 200; returns the seconds it took."""
    started = time.perf_counter()
    while time.perf_counter() - started < within_s:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1):
                return time.perf_counter() - started
        except urllib.error.HTTPError:
            return time.perf_counter() - started
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(f"nothing answers on port {port}")


def cpu_s(running: psutil.Popen) -> float:
    """Processor seconds the process has used."""
    times = running.cpu_times()
    return float(times.user + times.system)


def memory_mb(running: psutil.Popen) -> float:
    """Resident memory that is the process's own (USS where the system tells), in MB."""
    return float(running.memory_full_info().rss) / (1 << 20)
