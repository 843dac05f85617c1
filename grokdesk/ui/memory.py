"""What the window remembers between two starts. Holds no secret."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from grokdesk.platform.paths import write_private

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """Place and habits of the window. A width of 0 means it was never placed."""

    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    maximized: bool = False
    pane: str = "home"
    keep_running: bool = False
    """Closing the window keeps the program running without asking."""
    notes_read: tuple[str, ...] = ()


class Memory:
    """`window.json` in the data folder. A broken file is like none."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "window.json"
        self.now = self._load()
        self._saved = self.now

    def change(self, **changes: Any) -> None:  # noqa: ANN401 - the fields of Remembered
        """Remember something; `save` writes it."""
        self.now = replace(self.now, **changes)

    def save(self) -> None:
        """Write what changed. Touches the disk: call it off the loop."""
        if self.now == self._saved:
            return
        try:
            write_private(self._file, (json.dumps(asdict(self.now), indent=2) + "\n").encode())
            self._saved = self.now
        except OSError as error:
            log.warning("the window's place was not saved error=%s", error)

    def _load(self) -> Remembered:
        try:
            found = json.loads(self._file.read_text("utf-8"))
            known = {one.name: type(getattr(Remembered(), one.name)) for one in fields(Remembered)}
            values = {name: value for name, value in found.items() if name in known}
            if "notes_read" in values:
                values["notes_read"] = tuple(str(note) for note in values["notes_read"])
            if all(type(value) is known[name] for name, value in values.items()):
                return Remembered(**values)
            log.warning("the window's place has a value of another type")
            return Remembered()
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.warning("the window's place cannot be read error=%s", error)
            return Remembered()
