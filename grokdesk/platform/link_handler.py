"""Who opens `grokdesk://` links on this system. macOS reads that from the packaged program instead.

The link is the last argument, behind `--link`: whatever a web page writes into it, it is never an option
(`cli/opening.py`). Everything here touches the disk: call it off the loop.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from grokdesk.core.errors import Broken
from grokdesk.platform.autostart import desktop_entry, join_exec
from grokdesk.platform.registry import Registry, WindowsRegistry

log = logging.getLogger(__name__)

SCHEME: Final = "grokdesk"
LINK: Final = "--link"
_CLASS: Final = rf"Software\Classes\{SCHEME}"
_INDEX_S: Final = 10


class LinkHandler(Protocol):
    """Has the system hand links to this program, or not."""

    def switch(self, *, on: bool) -> None:
        """Open links from now on, or no more; doing it again is fine. Raises `Broken`."""
        ...


def link_handler_of(
    environment: Mapping[str, str], command: Sequence[str], *, platform: str = sys.platform
) -> LinkHandler | None:
    """Return what this system offers; None where a packaged program says it, or nothing is known."""
    if platform == "win32":
        return LinkKey(WindowsRegistry(), command) if environment.get("APPDATA") else None
    home = environment.get("HOME", "")
    if platform == "darwin" or not home:
        return None
    data = environment.get("XDG_DATA_HOME", "")
    folder = Path(data) if Path(data).is_absolute() else Path(home, ".local", "share")
    return LinkEntry(folder / "applications", command, renew_index)


class LinkEntry:
    """A desktop entry that says it opens the scheme. It is in no menu."""

    def __init__(self, folder: Path, command: Sequence[str], renew: Callable[[Path], None]) -> None:
        self._file = folder / "grokdesk-links.desktop"
        self._command = command
        self._renew = renew

    def switch(self, *, on: bool) -> None:
        wanted = (
            desktop_entry(
                Exec=f"{join_exec((*self._command, LINK))} %u",
                NoDisplay="true",
                Terminal="false",
                MimeType=f"x-scheme-handler/{SCHEME};",
            )
            if on
            else ""
        )
        try:
            present = self._file.read_text("utf-8") if self._file.exists() else ""
            if present == wanted:
                return
            if on:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                self._file.write_text(wanted, "utf-8")
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            raise _broken(f"{self._file}: {error}") from error
        self._renew(self._file.parent)


class LinkKey:
    """A class of the registry."""

    def __init__(self, registry: Registry, command: Sequence[str]) -> None:
        self._registry = registry
        self._line = f'{subprocess.list2cmdline((*command, LINK))} "%1"'

    def switch(self, *, on: bool) -> None:
        registry, command = self._registry, rf"{_CLASS}\shell\open\command"
        try:
            if on and registry.read(command, "") != self._line:
                registry.write(_CLASS, "", "GrokDesk link")
                registry.write(_CLASS, "URL Protocol", "")
                registry.write(command, "", self._line)
            elif not on:
                for key in (command, rf"{_CLASS}\shell\open", rf"{_CLASS}\shell", _CLASS):
                    registry.remove_key(key)
        except OSError as error:
            raise _broken(str(error)) from error


def renew_index(folder: Path) -> None:
    """Have desktops find a new entry, where the tool for that is installed; others look by themselves."""
    tool = shutil.which("update-desktop-database")
    if tool is None:
        return
    try:
        subprocess.run([tool, str(folder)], check=False, timeout=_INDEX_S, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.info("index of desktop entries not renewed error=%s", error)


def _broken(detail: str) -> Broken:
    return Broken(
        "Opening grokdesk links could not be changed.",
        hint="Check that your settings folder can be written.",
        detail=detail,
    )
