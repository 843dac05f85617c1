"""Starting at login: a desktop entry on Linux, a value in the registry on Windows, a launch agent on macOS.

What the system has is the truth: a file that its owner deletes, or an entry switched off in the system's own
list, is a GrokDesk that does not start at login. Everything here touches the disk: call it off the loop.
"""

from __future__ import annotations

import contextlib
import logging
import plistlib
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol
from xml.parsers.expat import ExpatError

from grokdesk.core.errors import Broken
from grokdesk.platform.program import NAME
from grokdesk.platform.registry import Registry, WindowsRegistry

log = logging.getLogger(__name__)

HIDDEN: Final = "--hidden"
"""Begin with the icon only, if there is a tray."""
AGENT: Final = "org.grokdesk.GrokDesk"

_RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
_APPROVED: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
_PART: Final = re.compile(r'"([^"]*)"|(\S+)')


class Autostart(Protocol):
    """Whether and how the system starts the program when its owner signs in."""

    def is_on(self) -> bool:
        """Whether it starts at login, with this data folder."""
        ...

    def switch(self, *, on: bool) -> None:
        """Start at login from now on, or no more. Raises `Broken`."""
        ...

    def repair(self) -> bool:
        """Have the system call the program where it is now; tells whether it was elsewhere."""
        ...


def autostart_of(
    environment: Mapping[str, str], command: Sequence[str], *, platform: str = sys.platform
) -> Autostart | None:
    """Return what this system offers; None when the environment does not say whose files to write."""
    if platform == "win32":
        return RunKey(WindowsRegistry(), command) if environment.get("APPDATA") else None
    home = environment.get("HOME", "")
    if not home:
        return None
    if platform == "darwin":
        return LaunchAgent(Path(home, "Library", "LaunchAgents"), command)
    config = environment.get("XDG_CONFIG_HOME", "")
    # A relative path is to be ignored, says the base directory specification.
    folder = Path(config) if Path(config).is_absolute() else Path(home, ".config")
    return DesktopEntry(folder / "autostart", command)


class DesktopEntry:
    """A file of the freedesktop autostart specification."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._file = folder / "grokdesk.desktop"
        self._command = (*command, HIDDEN)

    def is_on(self) -> bool:
        entry = _entry(self._file)
        started = split_exec(entry.get("Exec", ""))
        return (
            _same_arguments(started, self._command)
            and entry.get("Hidden", "").lower() != "true"
            and entry.get("X-GNOME-Autostart-enabled", "").lower() != "false"
        )

    def switch(self, *, on: bool) -> None:
        with _explained(self._file):
            if not on:
                self._file.unlink(missing_ok=True)
                return
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(
                desktop_entry(
                    Exec=join_exec(self._command),
                    Comment="Your Grok accounts for the programs on this computer",
                    Terminal="false",
                    Icon="grokdesk",
                ),
                "utf-8",
            )

    def repair(self) -> bool:
        if not self.is_on() or split_exec(_entry(self._file).get("Exec", "")) == self._command:
            return False
        self.switch(on=True)
        return True


class RunKey:
    """A value of the registry's key `Run`. Task Manager notes elsewhere that it is switched off."""

    def __init__(self, registry: Registry, command: Sequence[str]) -> None:
        self._registry = registry
        self._command = (*command, HIDDEN)

    def is_on(self) -> bool:
        noted = self._registry.read(_APPROVED, NAME)
        # The first byte is odd for an entry that is switched off; no note means on.
        off = isinstance(noted, bytes) and bool(noted) and bool(noted[0] & 1)
        return not off and _same_arguments(self._started(), self._command)

    def switch(self, *, on: bool) -> None:
        with _explained("HKEY_CURRENT_USER"):
            self._registry.remove(_APPROVED, NAME)
            if on:
                self._registry.write(_RUN, NAME, subprocess.list2cmdline(self._command))
            else:
                self._registry.remove(_RUN, NAME)

    def repair(self) -> bool:
        if not self.is_on() or self._started() == self._command:
            return False
        self.switch(on=True)
        return True

    def _started(self) -> tuple[str, ...]:
        line = self._registry.read(_RUN, NAME)
        return tuple(one or other for one, other in _PART.findall(line)) if isinstance(line, str) else ()


class LaunchAgent:
    """A property list that launchd reads at login."""

    def __init__(self, folder: Path, command: Sequence[str]) -> None:
        self._file = folder / f"{AGENT}.plist"
        self._command = (*command, HIDDEN)

    def is_on(self) -> bool:
        agent = self._read()
        return (
            _same_arguments(_arguments(agent), self._command)
            and agent.get("RunAtLoad") is True
            and agent.get("Disabled") is not True
        )

    def switch(self, *, on: bool) -> None:
        with _explained(self._file):
            if not on:
                self._file.unlink(missing_ok=True)
                return
            self._file.parent.mkdir(parents=True, exist_ok=True)
            agent = {
                "Label": AGENT,
                "ProgramArguments": list(self._command),
                "RunAtLoad": True,
                "ProcessType": "Interactive",
                "LimitLoadToSessionType": "Aqua",
            }
            self._file.write_bytes(plistlib.dumps(agent))

    def repair(self) -> bool:
        if not self.is_on() or _arguments(self._read()) == self._command:
            return False
        self.switch(on=True)
        return True

    def _read(self) -> dict[str, object]:
        try:
            agent = plistlib.loads(self._file.read_bytes())
        except (OSError, ValueError, ExpatError):
            return {}
        return agent if isinstance(agent, dict) else {}


# --- desktop entries ----------------------------------------------------------------------------------------


def desktop_entry(**more: str) -> str:
    """Return the text of a desktop entry of this program."""
    lines = {"Type": "Application", "Name": NAME, **more}
    return "[Desktop Entry]\n" + "".join(f"{key}={value}\n" for key, value in lines.items())


def join_exec(command: Sequence[str]) -> str:
    """Write a command as the value of `Exec` (Desktop Entry Specification, "The Exec key")."""

    def quoted(part: str) -> str:
        escaped = re.sub(r'(["`$\\])', r"\\\1", part).replace("%", "%%")
        # The value is a string as well, where a backslash is written twice, and which is one line.
        return '"' + escaped.replace("\\", "\\\\").replace("\n", "\\n") + '"'

    return " ".join(part if re.fullmatch(r"[\w@:,./+-]+", part) else quoted(part) for part in command)


def split_exec(value: str) -> tuple[str, ...]:
    """Read what `join_exec` writes; field codes such as `%u` stay as they are."""
    text = value.replace("\\\\", "\\")
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text)
    return tuple(
        re.sub(r"\\(.)", r"\1", inside).replace("%%", "%") if inside else plain for inside, plain in parts
    )


def _entry(file: Path) -> Mapping[str, str]:
    """The keys of a desktop entry; nothing when there is no such file."""
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, _, value in pairs}


# --- shared -------------------------------------------------------------------------------------------------


def _same_arguments(started: Sequence[str], command: Sequence[str]) -> bool:
    """Whether `started` is this program with the same arguments, wherever the program lay."""
    if not started:
        return False
    return _after_program(started) == _after_program(command)


def _after_program(command: Sequence[str]) -> Sequence[str]:
    return command[3:] if tuple(command[1:2]) == ("-m",) else command[1:]


def _arguments(agent: Mapping[str, object]) -> tuple[str, ...]:
    said = agent.get("ProgramArguments")
    return tuple(map(str, said)) if isinstance(said, list) else ()


@contextlib.contextmanager
def _explained(place: Path | str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Broken(
            "Starting at login could not be changed.",
            hint="Check that your settings folder can be written.",
            detail=f"{place}: {error}",
        ) from error
