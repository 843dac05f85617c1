"""What the window remembers between two starts. Holds no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from grokdesk.platform.paths import write_private

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """Places and habits of the windows."""

    spots: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By window and set of screens: x, y, width, height, and 1 for maximized. The newest is the last."""
    pane: str = "home"
    recent: tuple[str, ...] = ()
    """What was chosen in the palette, the last one first."""
    keep_running: bool = False
    """Closing the window keeps the program running without asking."""
    notes_read: tuple[str, ...] = ()
    first_step: str = ""
    """Where the first steps were left; empty when they were never begun."""
    first_done: bool = False
    """They are behind, done or skipped."""
    adult_asked: bool = False
    """Adult content was allowed before; it is not asked again."""
    paused_until: int = 0
    """Notifications are paused until then, in Unix seconds."""
    tables: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """By table: its columns, their widths, and the order of its rows."""


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
            for name, value in values.items():
                if known[name] is tuple:
                    values[name] = tuple(map(str, value))
            if all(type(value) is known[name] for name, value in values.items()) and _are_spots(
                values.get("spots", {})
            ):
                return Remembered(**values)
            log.warning("the window's place has a value of another type")
            return Remembered()
        except FileNotFoundError:
            return Remembered()
        except (OSError, ValueError, AttributeError, TypeError) as error:
            log.warning("the window's place cannot be read error=%s", error)
            return Remembered()


def _are_spots(found: Mapping[str, object]) -> bool:
    return all(isinstance(spot, list) and all(type(one) is int for one in spot) for spot in found.values())
