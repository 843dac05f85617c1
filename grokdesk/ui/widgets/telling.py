"""A shortened text tells all of itself under the pointer: cells and headings of tables."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QTableView, QToolTip

_SIDES: Final = 16
_ICON: Final = 24
_ARROW: Final = 16
_TIP: Final = Qt.ItemDataRole.ToolTipRole


class Telling(QObject):
    """Shows the whole text where a table shortens one, unless its model has a tooltip of its own."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self._cells = table.viewport()
        self._headings = table.horizontalHeader().viewport()
        self._cells.installEventFilter(self)
        self._headings.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is not QEvent.Type.ToolTip or not isinstance(event, QHelpEvent):
            return False
        told = self._heading(event.pos()) if watched is self._headings else self._cell(event.pos())
        if not told:
            return False
        QToolTip.showText(event.globalPos(), told, self._table)
        return True

    def _cell(self, at: QPoint) -> str:
        index = self._table.indexAt(at)
        if not index.isValid() or index.data(_TIP):
            return ""
        text = str(index.data() or "")
        room = self._table.columnWidth(index.column()) - _SIDES - self._icon(index)
        return text if self._table.fontMetrics().horizontalAdvance(text) > room else ""

    def _icon(self, index: QModelIndex) -> int:
        return 0 if index.data(Qt.ItemDataRole.DecorationRole) is None else _ICON

    def _heading(self, at: QPoint) -> str:
        header, model = self._table.horizontalHeader(), self._table.model()
        section = header.logicalIndexAt(at)
        if section < 0 or model.headerData(section, Qt.Orientation.Horizontal, _TIP):
            return ""
        text = str(model.headerData(section, Qt.Orientation.Horizontal) or "")
        room = header.sectionSize(section) - _SIDES - _ARROW
        return text if header.fontMetrics().horizontalAdvance(text) > room else ""
