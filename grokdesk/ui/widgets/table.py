"""The table all lists use: rows of one height, sorted by a click, named for a screen reader."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Final

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRect, Qt
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

# Brings the text of cells below the text of the header.
_INSET: Final = 5
_WIDEST_TITLE: Final = 130


class WholeRows(QStyledItemDelegate):
    """Paints no dotted frame around the current cell: the row and the ring of the table say where one is."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        option.state &= ~QStyle.StateFlag.State_HasFocus
        option.rect = QRect(option.rect).adjusted(_INSET, 0, -_INSET, 0)
        super().paint(painter, option, index)


class Table(QTableView):
    """A table of `Rows`, selected by whole rows."""

    def __init__(self, rows: Rows[Any], name: str, widths: Sequence[int], stretch: int) -> None:
        super().__init__()
        self._rows = rows
        self.setModel(rows)
        self.setItemDelegate(WholeRows(self))
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(True)
        header.setSortIndicatorShown(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setStretchLastSection(False)
        header.setMinimumSectionSize(48)
        header.sortIndicatorChanged.connect(self._sort)
        for column, width in enumerate(widths):
            words = str(rows.headerData(column, Qt.Orientation.Horizontal))
            title = header.fontMetrics().horizontalAdvance(words) + 4 * _INSET
            header.resizeSection(column, max(width, min(title, _WIDEST_TITLE)))
        header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)

    def selected_keys(self) -> list[Hashable]:
        """The keys of the selected rows, from top to bottom."""
        keys = self._rows.keys()
        places: set[int] = set()
        selection = self.selectionModel().selection()
        for number in range(selection.count()):
            part = selection.at(number)
            places.update(range(part.top(), part.bottom() + 1))
        return [keys[place] for place in sorted(places) if place < len(keys)]

    def select(self, chosen: Sequence[Hashable]) -> None:
        """Select these rows and show the first."""
        selection = QItemSelection()
        first: QModelIndex | None = None
        last = self._rows.columnCount() - 1
        for key in chosen:
            place = self._rows.place(key)
            if place is not None:
                index = self._rows.index(place, 0)
                selection.select(index, self._rows.index(place, last))
                first = first or index
        flag = QItemSelectionModel.SelectionFlag
        self.selectionModel().select(selection, flag.ClearAndSelect | flag.Rows)
        if first is not None:
            self.selectionModel().setCurrentIndex(first, flag.NoUpdate)
            self.scrollTo(first)

    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        if column >= 0:
            self._rows.sort(column, order)
