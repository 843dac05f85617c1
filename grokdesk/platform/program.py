"""How this program is started: what other programs of the system are told to call."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NAME: Final = "GrokDesk"
_COMMAND: Final = "grokdesk"


def own_command(environment: Mapping[str, str], data_dir: Path | None = None) -> tuple[str, ...]:
    """Return program and arguments that start GrokDesk as it runs now, with the same data folder."""
    where = () if data_dir is None else ("--data-dir", str(data_dir.expanduser().absolute()))
    return (*_program(environment), *where)


def _program(environment: Mapping[str, str]) -> tuple[str, ...]:
    # An AppImage is mounted at another place each time; the variable names the file itself.
    image = environment.get("APPIMAGE", "")
    if image:
        return (image,)
    if getattr(sys, "frozen", False):
        return (sys.executable,)
    # Not resolved: in a virtual environment the link is what finds the packages.
    python = Path(sys.executable).absolute()
    # On Windows the command has a console, which would stay open beside the icon.
    windowless = python.with_name("pythonw.exe")
    if windowless.is_file():
        return (str(windowless), "-m", _COMMAND)
    script = python.with_name(_COMMAND)
    return (str(script),) if script.is_file() else (str(python), "-m", _COMMAND)
