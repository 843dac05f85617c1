"""The table all lists use: rows of one height, sorted by a click, named for a screen reader."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any, Final

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSignalBlocker,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from grokdesk.ui.models.rows import Rows
from grokdesk.ui.theme import ROW
from grokdesk.ui.widgets.telling import Telling

# Brings the text of cells below the text of the header.
INSET: Final = 5
_WIDEST_TITLE: Final = 130
# Qt keeps a place for each selected row while rows move; above this it is quicker to select them anew.
_MANY: Final = 64


class WholeRows(QStyledItemDelegate):
    """Paints no dotted frame around the current cell: the row and the ring of the table say where one is."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        option.state &= ~QStyle.StateFlag.State_HasFocus
        option.rect = QRect(option.rect).adjusted(INSET, 0, -INSET, 0)
        super().paint(painter, option, index)


def by_rows(table: QTableView, name: str) -> None:
    """Make a table a list of rows that is read, walked and selected row by row."""
    table.setItemDelegate(WholeRows(table))
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setCornerButtonEnabled(False)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(ROW)
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setStretchLastSection(False)


class Table(QTableView):
    """A table of `Rows`, selected by whole rows."""

    def __init__(self, rows: Rows[Any], name: str, widths: Sequence[int], stretch: int) -> None:
        super().__init__()
        self._rows = rows
        self.setModel(rows)
        self._telling = Telling(self)
        by_rows(self, name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        # With that of the table, Qt asks about each of ten thousand selected rows to paint one title: 250 ms.
        header.setSelectionModel(QItemSelectionModel(rows, header))
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setMinimumSectionSize(48)
        header.sortIndicatorChanged.connect(self._sort)
        for column, width in enumerate(widths):
            words = str(rows.headerData(column, Qt.Orientation.Horizontal))
            title = header.fontMetrics().horizontalAdvance(words) + 4 * INSET
            header.resizeSection(column, max(width, min(title, _WIDEST_TITLE)))
        header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        self._held: set[Hashable] | None = None
        rows.rearranging.connect(self._let_go)
        rows.rearranged.connect(self._take_up)

    def selected_keys(self) -> list[Hashable]:
        """The keys of the selected rows, from top to bottom."""
        places = sorted(set(self._selected_places()))
        return [self._rows.key(place) for place in places if place < len(self._rows)]

    def selected_count(self) -> int:
        """How many rows are selected."""
        return len(set(self._selected_places()))

    def _selected_places(self) -> Iterator[int]:
        selection = self.selectionModel().selection()
        for number in range(selection.count()):
            part = selection.at(number)
            yield from range(part.top(), part.bottom() + 1)

    def select(self, chosen: Collection[Hashable], *, show: bool = True) -> None:
        """Select these rows, and show the first unless told not to."""
        places = sorted(place for key in chosen if (place := self._rows.place(key)) is not None)
        selection = QItemSelection()
        last = self._rows.columnCount() - 1
        for top, bottom in _runs(places):
            selection.append(QItemSelectionRange(self._rows.index(top, 0), self._rows.index(bottom, last)))
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        if places and show:
            first = self._rows.index(self._first(chosen, places), 0)
            self.selectionModel().setCurrentIndex(first, flag.NoUpdate)
            self.scrollTo(first)

    def _first(self, chosen: Collection[Hashable], places: list[int]) -> int:
        """The place of the first of `chosen` where these have an order, else the topmost."""
        if isinstance(chosen, Sequence):
            found = next((place for key in chosen if (place := self._rows.place(key)) is not None), None)
            return places[0] if found is None else found
        return places[0]

    def _let_go(self) -> None:
        if self.selected_count() > _MANY:
            self._held = set(self.selected_keys())
            blocked = QSignalBlocker(self.selectionModel())
            self.selectionModel().clearSelection()
            blocked.unblock()

    def _take_up(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self.select(held, show=False)
            if not self.selected_count():
                self.selectionModel().selectionChanged.emit(QItemSelection(), QItemSelection())

    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        if column >= 0:
            self._rows.sort(column, order)


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Join neighbours of sorted places: 1, 2, 5 gives (1, 2) and (5, 5)."""
    begin = end = -2
    for place in places:
        if place != end + 1:
            if end >= 0:
                yield begin, end
            begin = place
        end = place
    if end >= 0:
        yield begin, end
