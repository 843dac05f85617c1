"""The entries of a log file as a table: only where they begin is kept; what is in sight is read then."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QObject, Qt

from grokdesk.platform.logs import Entry, Level, Scan, entry_of, found_in, piece, scan
from grokdesk.ui.icons import icon
from grokdesk.ui.models.rows import Index
from grokdesk.ui.theme import Look

TIME, LEVEL, PART, TEXT = range(4)

_ROOT: Final = QModelIndex()
_KEPT: Final = 512
_PAGE: Final = 48
# What is read of an entry to show its line.
_LINE: Final = 2_048
_LONGEST: Final = 64 << 10
_PICTURES: Final = {
    Level.DEBUG: ("dot", "text2"),
    Level.INFO: ("info", "text2"),
    Level.WARNING: ("warning", "warn"),
    Level.ERROR: ("state-failed", "error"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are shown: from a level on, and with all of these words."""

    least: Level = Level.DEBUG
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a look brought: the new places, and which of all entries from `first` on are wanted."""

    path: Path
    wanted: Wanted
    scan: Scan
    first: int
    shown: array[int]


def looked(
    path: Path, wanted: Wanted, known: Scan | None, offsets: Sequence[int], levels: bytes, *, anew: bool
) -> Found:
    """Look at a file; `known`, `offsets` and `levels` are what is known of it. Call it in a thread.

    `anew` asks about all entries, not only about new ones. Raises `OSError`.
    """
    new = scan(path, known)
    goes_on = known is not None and known.end > 0 and (new.identity, new.begin) == (known.identity, known.end)
    if goes_on and not anew and not new.offsets and known is not None and new.end == known.end:
        return Found(path, wanted, new, len(offsets), array("l"))
    every = array("q", offsets if goes_on else ())
    every.extend(new.offsets)
    all_levels = (levels if goes_on else b"") + new.levels
    # The last entry may have got more lines, so it is asked about again.
    first = 0 if anew or not goes_on else max(0, len(offsets) - 1)
    numbers = range(first, len(every))
    if wanted.words and every:
        begin = every[first] if first < len(every) else new.end
        hits = found_in(path, wanted.words, every, begin, new.end)
        shown = array("l", (one for one in hits if one >= first and all_levels[one] >= wanted.least))
    elif wanted.least > Level.DEBUG:
        shown = array("l", (one for one in numbers if all_levels[one] >= wanted.least))
    else:
        shown = array("l", numbers)
    return Found(path, wanted, new, first, shown)


def level_word(level: Level) -> str:
    """A level as a word."""
    return {
        Level.DEBUG: _tr("Detail"),
        Level.INFO: _tr("Info"),
        Level.WARNING: _tr("Warning"),
        Level.ERROR: _tr("Error"),
    }[level]


class LogLines(QAbstractTableModel):
    """The wanted entries of one file, oldest first."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._titles = (_tr("Time"), _tr("Level"), _tr("Part"), _tr("What happened"))
        self.path: Path | None = None
        self.known: Scan | None = None
        self.wanted = Wanted()
        self.offsets: array[int] = array("q")
        self.levels = b""
        self._shown: array[int] = array("l")
        self._read: OrderedDict[int, Entry] = OrderedDict()

    # -- asking

    @property
    def total(self) -> int:
        """How many entries the file has."""
        return len(self.offsets)

    def number(self, row: int) -> int:
        """The number of the entry at a row."""
        return self._shown[row]

    def entry(self, row: int) -> Entry:
        """The entry at a row; of a long one the beginning."""
        number = self._shown[row]
        if number not in self._read:
            self._read_on(row)
        self._read.move_to_end(number)
        return self._read[number]

    def lies_at(self, row: int) -> tuple[int, int]:
        """Where the entry at a row lies in the file."""
        number = self._shown[row]
        return self.offsets[number], self._end(number)

    def _end(self, number: int) -> int:
        if number + 1 < len(self.offsets):
            return self.offsets[number + 1]
        return self.known.end if self.known is not None else 0

    def _read_on(self, row: int) -> None:
        """Read this row and those below it that lie close by: a page in sight is one look at the file."""
        first = self.offsets[self._shown[row]]
        wanted = [self._shown[row]]
        for number in self._shown[row + 1 : row + _PAGE]:
            if self._end(number) - first > _LONGEST:
                break
            wanted.append(number)
        # Some kilobytes that the scan has just read: they come from memory, not from the disk.
        end = (
            max(self._end(wanted[-1]), first) if len(wanted) > 1 else min(self._end(wanted[0]), first + _LINE)
        )
        data = b""
        if self.path is not None and self.known is not None:
            with suppress(OSError):
                data = piece(self.path, self.known.identity, first, end)
        for number in wanted:
            begin = self.offsets[number] - first
            self._read[number] = entry_of(data[begin : min(self._end(number) - first, begin + _LINE)])
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)

    # -- changing

    def take(self, found: Found) -> None:
        """Take in what a look brought; only what is new is told to the view when nothing else changed."""
        goes_on = (
            found.path == self.path
            and found.wanted == self.wanted
            and self.known is not None
            and found.scan.identity == self.known.identity
            and found.first > 0
        )
        if not goes_on:
            self.beginResetModel()
            if found.scan.begin == 0:
                self.offsets, self.levels = array("q"), b""
            self._extend(found)
            self._shown = found.shown
            self._read.clear()
            self.path, self.wanted = found.path, found.wanted
            self.endResetModel()
            return
        old_last = len(self.offsets) - 1
        grew = self.known is not None and found.scan.end > self.known.end
        self._extend(found)
        fresh = found.shown
        if fresh and self._shown and fresh[0] == self._shown[-1]:
            fresh = fresh[1:]
        if grew and old_last in self._read:
            del self._read[old_last]
            place = len(self._shown) - 1
            if self._shown and self._shown[place] == old_last:
                self.dataChanged.emit(self.index(place, 0), self.index(place, TEXT))
        if fresh:
            first = len(self._shown)
            self.beginInsertRows(_ROOT, first, first + len(fresh) - 1)
            self._shown.extend(fresh)
            self.endInsertRows()

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self.path = self.known = None
        self.offsets, self.levels, self._shown = array("q"), b"", array("l")
        self._read.clear()
        self.endResetModel()

    def _extend(self, found: Found) -> None:
        self.offsets.extend(found.scan.offsets)
        self.levels += found.scan.levels
        self.known = Scan(0, found.scan.end, found.scan.identity)

    # -- Qt's side

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - Qt's variant
        if not index.isValid():
            return None
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(self.entry(index.row()), column)
        if role == Qt.ItemDataRole.DecorationRole and column == LEVEL:
            name, token = _PICTURES[Level(self.levels[self._shown[index.row()]])]
            return icon(name, getattr(self._look.tokens, token))
        if role == Qt.ItemDataRole.ToolTipRole:
            entry = self.entry(index.row())
            return entry.time if column == TIME else entry.text if column == TEXT else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self._titles[column]}: {self._text(self.entry(index.row()), column)}"
        return None

    def _text(self, entry: Entry, column: int) -> str:
        match column:
            case 0:
                return entry.time[11:19]
            case 1:
                return level_word(entry.level)
            case 2:
                return entry.part.removeprefix("grokdesk.")
            case _:
                return f"{entry.text}  ▸" if entry.more else entry.text

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401 - Qt's variant
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None


def whole(path: Path, identity: int, spans: Sequence[tuple[int, int]]) -> str:
    """The text of entries, each in full. Call it in a thread. Raises `OSError`."""
    parts = [piece(path, identity, begin, min(end, begin + _LONGEST)) for begin, end in spans]
    return b"".join(parts).decode("utf-8", "replace").rstrip("\n")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Logs", text)
