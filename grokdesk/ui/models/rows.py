"""A table model over a plain list, with its own order and filter.

`QSortFilterProxyModel` on a Python model calls back for every comparison: 7 s to filter and 35 s to sort
100,000 rows; a list does it in 12 and 41 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QIcon

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex

_ROOT: Final = QModelIndex()
# More new rows than this are put in by sorting once.
_ONE_BY_ONE: Final = 64
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
# Views ask for these a thousand times for one frame; looking an enum up costs more than the answer.
_DISPLAY: Final = int(Qt.ItemDataRole.DisplayRole)
_DECORATION: Final = int(Qt.ItemDataRole.DecorationRole)
_TOOL_TIP: Final = int(Qt.ItemDataRole.ToolTipRole)
_ALIGNMENT: Final = int(Qt.ItemDataRole.TextAlignmentRole)
_ACCESSIBLE: Final = int(Qt.ItemDataRole.AccessibleTextRole)


def _no_tip(_: object) -> str:
    return ""


def _no_icon(_: object) -> QIcon | None:
    return None


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column: its title, and what it makes of a row.

    `order` gives what it is sorted by. `name` is what its place and width are remembered by.
    """

    title: str
    text: Callable[[R], str]
    order: Callable[[R], Any]  # anything that compares with its like
    tip: Callable[[R], str] = _no_tip
    icon: Callable[[R], QIcon | None] = _no_icon
    right: bool = False
    name: str = ""


class Rows(QAbstractTableModel, Generic[R]):
    """Rows by key. Those that pass the filter are shown, in the order of a column."""

    rearranging = Signal()
    """All rows are about to change places: whoever holds many by place should let go of them."""
    rearranged = Signal()

    def __init__(
        self, columns: Sequence[Column[R]], key: Callable[[R], Hashable], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._columns = tuple(columns)
        self._key = key
        self._all: dict[Hashable, R] = {}
        self._shown: list[R] = []
        self._place: dict[Hashable, int] = {}
        self._passes: Callable[[R], bool] = lambda _: True
        self._column = -1
        self._descending = False

    # -- asking

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def total(self) -> int:
        """How many rows there are, shown or not."""
        return len(self._all)

    def row(self, number: int) -> R:
        """The row at a place."""
        return self._shown[number]

    def key(self, number: int) -> Hashable:
        """The key of the row at a place."""
        return self._key(self._shown[number])

    def keys(self) -> list[Hashable]:
        """The keys of the shown rows, in order."""
        return [*map(self._key, self._shown)]

    def find(self, key: Hashable) -> R | None:
        """The row of `key`, shown or not."""
        return self._all.get(key)

    def everything(self) -> Iterable[R]:
        """All rows, shown or not, as they came."""
        return self._all.values()

    @property
    def columns(self) -> Sequence[Column[R]]:
        """The columns."""
        return self._columns

    def place(self, key: Hashable) -> int | None:
        """Where the row of `key` is shown, if it is."""
        return self._place.get(key)

    # -- changing

    def fill(self, rows: Iterable[R]) -> None:
        """Begin with `rows`. The only reset; later changes go through `apply`."""
        self.beginResetModel()
        self._all = {self._key(row): row for row in rows}
        self._arrange()
        self.endResetModel()

    def apply(self, changes: Mapping[Hashable, R | None]) -> None:
        """Take in new, changed and removed (None) rows."""
        doomed: list[int] = []
        touched: list[int] = []
        fresh: list[R] = []
        for key, row in changes.items():
            place = self._place.get(key)
            if row is None:
                self._all.pop(key, None)
            else:
                self._all[key] = row
            passes = row is not None and self._passes(row)
            if place is not None and passes and row is not None:
                self._shown[place] = row
                touched.append(place)
            elif place is not None:
                doomed.append(place)
            elif passes and row is not None:
                fresh.append(row)
        for first, last in _few(_runs(touched)):
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self._columns) - 1))
        if len(_runs(doomed)) > _ONE_BY_ONE:
            self._rearrange()
            return
        self._drop(doomed)
        self._insert(fresh)

    def filter(self, passes: Callable[[R], bool]) -> None:
        """Show only rows that pass. Rows that stay keep their selection."""
        self._passes = passes
        wanted = [row for row in self._all.values() if passes(row)]
        keys = set(map(self._key, wanted))
        doomed = [place for key, place in self._place.items() if key not in keys]
        if not doomed and len(wanted) == len(self._shown):
            return
        fresh = [row for row in wanted if self._key(row) not in self._place]
        if len(_runs(doomed)) + len(fresh) > _ONE_BY_ONE:
            # Moving thousands of rows one run at a time costs more than telling the view to look again.
            self._rearrange(wanted)
            return
        self._drop(doomed)
        self._insert(fresh)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by a column; the selection follows its rows."""
        self._column = column
        self._descending = order is Qt.SortOrder.DescendingOrder
        self._rearrange()

    def repaint_columns(self, first: int, last: int) -> None:
        """The texts of some columns depend on the time, which has gone on."""
        if self._shown:
            self.dataChanged.emit(self.index(0, first), self.index(len(self._shown) - 1, last))

    # -- inside

    def _arrange(self, wanted: list[R] | None = None) -> None:
        self._shown = [row for row in self._all.values() if self._passes(row)] if wanted is None else wanted
        if self._column >= 0:
            self._shown.sort(key=self._columns[self._column].order, reverse=self._descending)
        self._number()

    def _rearrange(self, wanted: list[R] | None = None) -> None:
        self.rearranging.emit()
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        keys = [self._key(self._shown[one.row()]) for one in held]
        self._arrange(wanted)
        moved = [
            self.index(place, one.column()) if (place := self._place.get(key)) is not None else QModelIndex()
            for one, key in zip(held, keys, strict=True)
        ]
        self.changePersistentIndexList(held, moved)
        self.layoutChanged.emit()
        self.rearranged.emit()

    def _number(self) -> None:
        self._place = dict(zip(map(self._key, self._shown), range(len(self._shown)), strict=True))

    def _drop(self, places: list[int]) -> None:
        for first, last in reversed(_runs(places)):
            self.beginRemoveRows(_ROOT, first, last)
            del self._shown[first : last + 1]
            self.endRemoveRows()
        if places:
            self._number()

    def _insert(self, rows: list[R]) -> None:
        if not rows:
            return
        if self._column < 0 or len(rows) > _ONE_BY_ONE:
            first = len(self._shown)
            self.beginInsertRows(_ROOT, first, first + len(rows) - 1)
            self._shown += rows
            self._number()
            self.endInsertRows()
            if self._column >= 0:
                self._rearrange()
            return
        for row in rows:
            place = self._place_for(row)
            self.beginInsertRows(_ROOT, place, place)
            self._shown.insert(place, row)
            self.endInsertRows()
        self._number()

    def _place_for(self, row: R) -> int:
        order = self._columns[self._column].order
        wanted = order(row)
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            here = order(self._shown[middle])
            if (here > wanted) if self._descending else (here <= wanted):
                low = middle + 1
            else:
                high = middle
        return low

    # -- Qt's side

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - Qt's variant
        if not index.isValid():
            return None
        column, row = self._columns[index.column()], self._shown[index.row()]
        if role == _DISPLAY:
            return column.text(row)
        if role == _DECORATION:
            return column.icon(row)
        if role == _ALIGNMENT:
            return _RIGHT if column.right else _LEFT
        if role == _TOOL_TIP:
            return column.tip(row) or None
        if role == _ACCESSIBLE:
            return f"{column.title}: {column.text(row)}"
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401 - Qt's variant
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self._columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.right else _LEFT
        return None


def _runs(places: list[int]) -> list[tuple[int, int]]:
    """Join neighbouring places: [1, 2, 5] gives [(1, 2), (5, 5)]."""
    runs: list[tuple[int, int]] = []
    for place in sorted(places):
        if runs and place == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs


def _few(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Many runs as one: looking at what is in sight again costs less than being told hundreds of times."""
    return [(runs[0][0], runs[-1][1])] if len(runs) > _ONE_BY_ONE else runs
