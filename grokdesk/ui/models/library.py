"""The files of the library as a list that grows page by page, for the wall and for the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QDate,
    QDateTime,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from grokdesk.core.media import Kept, Kind
from grokdesk.ui import words

PROMPT, MODEL, SIZE, SHAPE, MADE = range(5)

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_UNITS: Final = ("KB", "MB", "GB", "TB")
_KILO: Final = 1_024


class Files(QAbstractTableModel):
    """Files, the newest first. Column 0 is what the wall shows; screen readers hear all of a file there."""

    def __init__(self, now: Callable[[], float], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._files: list[Kept] = []
        self._places: dict[str, int] = {}
        self._titles = (_tr("Prompt"), _tr("Model"), _tr("Size"), _tr("Pixels, length"), _tr("Made"))

    # -- asking

    def __len__(self) -> int:
        return len(self._files)

    @property
    def files(self) -> Sequence[Kept]:
        """All files that have been fetched, in order."""
        return self._files

    def file(self, place: int) -> Kept:
        """The file at a place."""
        return self._files[place]

    def place(self, file_id: str) -> int | None:
        """Where a file is, if it is here."""
        return self._places.get(file_id)

    # -- changing

    def begin(self, files: Iterable[Kept]) -> None:
        """Show these instead. What is in both stays selected."""
        fresh = list(files)
        if [one.id for one in fresh[: len(self._files)]] == [one.id for one in self._files]:
            count = len(self._files)
            for kept in fresh[:count]:
                self.change(kept)
            self.append(fresh[count:])
            return
        if not self._files or not fresh:
            self.beginResetModel()
            self._files = fresh
            self._number()
            self.endResetModel()
            return
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        ids = [self._files[one.row()].id for one in held]
        self._files = fresh
        self._number()
        moved = [
            self.index(place, one.column()) if (place := self._places.get(file_id)) is not None else _ROOT
            for one, file_id in zip(held, ids, strict=True)
        ]
        self.changePersistentIndexList(held, moved)
        self.layoutChanged.emit()

    def append(self, files: Iterable[Kept]) -> None:
        """Show more at the end; what is here already is passed over."""
        fresh = [one for one in files if one.id not in self._places]
        if not fresh:
            return
        first = len(self._files)
        self.beginInsertRows(_ROOT, first, first + len(fresh) - 1)
        self._files += fresh
        self._places.update((one.id, first + number) for number, one in enumerate(fresh))
        self.endInsertRows()

    def change(self, kept: Kept) -> None:
        """A file is different now."""
        place = self._places.get(kept.id)
        if place is not None and self._files[place] != kept:
            self._files[place] = kept
            self._say_changed(place)

    def drop(self, ids: Iterable[str]) -> None:
        """These files are not shown any more."""
        places = sorted(place for one in ids if (place := self._places.get(one)) is not None)
        for first, last in reversed(_joined(places)):
            self.beginRemoveRows(_ROOT, first, last)
            del self._files[first : last + 1]
            self._number()
            self.endRemoveRows()

    def _say_changed(self, place: int) -> None:
        self.dataChanged.emit(self.index(place, 0), self.index(place, MADE))

    def _number(self) -> None:
        self._places = {one.id: place for place, one in enumerate(self._files)}

    # -- what Qt asks

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._files)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - Qt's variant
        if not index.isValid() or index.row() >= len(self._files):
            return None
        kept = self._files[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(kept, index.column())
            case Qt.ItemDataRole.ToolTipRole:
                return words.exact(kept.created_at) if index.column() == MADE else kept.origin.prompt
            case Qt.ItemDataRole.AccessibleTextRole:
                if index.column() == PROMPT:
                    return spoken(kept)
                return f"{self._titles[index.column()]}: {self._text(kept, index.column())}"
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if index.column() == SIZE else _LEFT
            case _:
                return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401 - Qt's variant
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section == SIZE else _LEFT
        return None

    def _text(self, kept: Kept, column: int) -> str:
        match column:
            case 0:
                star = "★ " if kept.favourite else ""
                return star + (" ".join(kept.origin.prompt.split())[:400] or kind_word(kept))
            case 1:
                return kept.origin.model or "–"
            case 2:
                return size(kept.size)
            case 3:
                return shape(kept) or "–"
            case _:
                return words.at(kept.created_at, self._now())


# --- words --------------------------------------------------------------------------------------------------


def kind_word(kept: Kept) -> str:
    """What a file is, in one word."""
    return _tr("Film") if kept.kind is Kind.VIDEO else _tr("Picture")


def size(count: int) -> str:
    """A number of bytes: `12 KB`, `3.1 GB`."""
    value, unit = count / _KILO, _UNITS[0]
    for unit in _UNITS:
        if value < _KILO or unit == _UNITS[-1]:
            break
        value /= _KILO
    digits = 0 if unit == _UNITS[0] else 1
    return f"{QLocale().toString(value, 'f', digits)} {unit}"


def shape(kept: Kept) -> str:
    """Pixels of a picture; of a film also its length."""
    pixels = f"{kept.width} × {kept.height}" if kept.width and kept.height else ""
    if kept.kind is Kind.VIDEO and kept.seconds:
        return ", ".join(filter(None, (pixels, length(kept.seconds))))
    return pixels


def length(seconds: float) -> str:
    """How long a film is: `0:06`."""
    whole = max(1, round(seconds))
    return f"{whole // 60}:{whole % 60:02}"


def day(moment: float, now: float) -> str:
    """The day of a file as a heading."""
    date, today = day_of(moment), day_of(now)
    if date == today:
        return _tr("Today")
    if date.addDays(1) == today:
        return _tr("Yesterday")
    form = _tr("d MMMM") if date.year() == today.year() else _tr("d MMMM yyyy")
    return QLocale().toString(date, form)


def day_of(moment: float) -> QDate:
    """The date here at a time in Unix seconds."""
    return QDateTime.fromSecsSinceEpoch(int(moment)).date()


def spoken(kept: Kept) -> str:
    """A file for a screen reader."""
    parts = [
        kind_word(kept),
        " ".join(kept.origin.prompt.split())[:200],
        shape(kept),
        kept.origin.model,
        words.exact(kept.created_at),
        _tr("favourite") if kept.favourite else "",
        ", ".join(kept.tags),
    ]
    return ". ".join(filter(None, parts))


def _joined(places: list[int]) -> list[tuple[int, int]]:
    """Join neighbouring places: [1, 2, 5] gives [(1, 2), (5, 5)]."""
    if not places:
        return []
    breaks = [number for number, (a, b) in enumerate(pairwise(places), 1) if b != a + 1]
    edges = [0, *breaks, len(places)]
    return [(places[first], places[last - 1]) for first, last in pairwise(edges)]


def _tr(text: str) -> str:
    return QCoreApplication.translate("Library", text)
