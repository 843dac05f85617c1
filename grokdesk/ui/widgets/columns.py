"""Which columns a table shows, how wide, and in which order its rows stand: chosen and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from PySide6.QtCore import QEvent, QObject, QPoint, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHeaderView, QMenu

from grokdesk.ui.memory import Memory
from grokdesk.ui.models.rows import Rows
from grokdesk.ui.widgets.table import Table

_LEAST_WIDTH: Final = 40
_WIDEST: Final = 2_000


class Columns(QObject):
    """Looks after the columns of a table.

    `usual` are the names of those that are shown unless the owner chooses, what matters most first: as many
    of them as there is room for. What the owner has chosen is shown whatever room there is.
    """

    changed = Signal()

    def __init__(
        self, table: Table, rows: Rows[Any], memory: Memory, key: str, usual: Sequence[str], *, least: int
    ) -> None:
        super().__init__(table)
        self._table = table
        self._rows = rows
        self._memory = memory
        self._key = key
        self._usual = tuple(usual)
        self._least = least
        self._names = [column.name for column in rows.columns]
        self._chosen: tuple[str, ...] | None = None
        header = self._header = table.horizontalHeader()
        self._widths = {name: header.sectionSize(place) for place, name in enumerate(self._names)}
        self._first = next(
            place
            for place in range(len(self._names))
            if header.sectionResizeMode(place) is QHeaderView.ResizeMode.Stretch
        )
        self._put_back(memory.now.tables.get(key, {}))
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._open)
        header.sectionResized.connect(self._resized)
        header.sortIndicatorChanged.connect(lambda *_: self._remember())
        table.viewport().installEventFilter(self)
        self.fit()

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Resize:
            self.fit()
        return False

    # -- choosing

    def shown(self) -> tuple[str, ...]:
        """The names of the columns in sight, from left to right."""
        return tuple(name for place, name in enumerate(self._names) if not self._table.isColumnHidden(place))

    def show_column(self, name: str, *, on: bool) -> None:
        """Show a column, or leave it out, from now on."""
        now = [one for one in self.shown() if one != name]
        self._chosen = tuple(one for one in self._names if one in now or (on and one == name))
        self.fit()
        self._remember()

    def be_usual(self) -> None:
        """Forget what was chosen."""
        self._chosen = None
        self.fit()
        self._remember()

    def sort(self, name: str, *, descending: bool) -> None:
        """Order the rows by a column."""
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self._header.setSortIndicator(self._names.index(name), order)

    def fit(self) -> None:
        """Show what is to be shown in the room there is."""
        room = self._table.viewport().width() or self._table.width()
        if self._chosen is None:
            wanted: set[str] = set()
            left = room - self._least
            for name in self._usual:
                if name == self._names[self._first]:
                    wanted.add(name)
                elif left >= self._widths[name]:
                    left -= self._widths[name]
                    wanted.add(name)
                else:
                    # None that matters less takes the place of one that matters more.
                    left = 0
        else:
            wanted = {*self._chosen, self._names[self._first]}
        blocked = QSignalBlocker(self._header)
        for place, name in enumerate(self._names):
            if self._table.isColumnHidden(place) is (name in wanted):
                self._table.setColumnHidden(place, name not in wanted)
        blocked.unblock()
        others = sum(self._widths[name] for name in wanted if name != self._names[self._first])
        self._stretch(others + self._least <= room)
        self.changed.emit()

    def _stretch(self, has_room: bool) -> None:
        """Let the first column fill the room, or keep it readable and let the table scroll."""
        mode = QHeaderView.ResizeMode.Stretch if has_room else QHeaderView.ResizeMode.Interactive
        if self._header.sectionResizeMode(self._first) is not mode:
            self._header.setSectionResizeMode(self._first, mode)
        if not has_room and self._header.sectionSize(self._first) < self._least:
            self._header.resizeSection(self._first, self._least)

    # -- the menu

    def menu(self, parent: Table | None = None) -> QMenu:
        """The columns to choose from, and the orders."""
        menu = QMenu(parent or self._table)
        order = menu.addMenu(self.tr("Sort by"))
        group = QActionGroup(order)
        now, way = self._header.sortIndicatorSection(), self._header.sortIndicatorOrder()
        falling = way is Qt.SortOrder.DescendingOrder
        for place, column in enumerate(self._rows.columns):
            one = QAction(column.title, order)
            one.setCheckable(True)
            one.setChecked(place == now)
            one.triggered.connect(lambda _=False, name=column.name: self.sort(name, descending=falling))
            group.addAction(one)
            order.addAction(one)
        order.addSeparator()
        turned = QAction(self.tr("Largest first"), order)
        turned.setCheckable(True)
        turned.setChecked(falling)
        turned.setEnabled(now >= 0)
        turned.triggered.connect(lambda on: self.sort(self._names[max(now, 0)], descending=on))
        order.addAction(turned)
        menu.addSeparator()
        shown = self.shown()
        for place, column in enumerate(self._rows.columns):
            one = QAction(column.title, menu)
            one.setCheckable(True)
            one.setChecked(column.name in shown)
            one.setEnabled(place != self._first)
            one.triggered.connect(lambda on, name=column.name: self.show_column(name, on=on))
            menu.addAction(one)
        menu.addSeparator()
        usual = QAction(self.tr("Usual columns"), menu)
        usual.setEnabled(self._chosen is not None)
        usual.triggered.connect(self.be_usual)
        menu.addAction(usual)
        return menu

    def _open(self, point: QPoint) -> None:
        menu = self.menu()
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._header.mapToGlobal(point))

    # -- remembering

    def _resized(self, place: int, _: int, width: int) -> None:
        if self._header.isSectionHidden(place) or (
            self._header.sectionResizeMode(place) is QHeaderView.ResizeMode.Stretch
        ):
            return
        self._widths[self._names[place]] = width
        self._remember()

    def _remember(self) -> None:
        place = self._header.sortIndicatorSection()
        falling = self._header.sortIndicatorOrder() is Qt.SortOrder.DescendingOrder
        kept: dict[str, object] = {"widths": dict(self._widths)}
        if self._chosen is not None:
            kept["shown"] = list(self._chosen)
        if place >= 0:
            kept["sort"] = [self._names[place], falling]
        self._memory.change(tables={**self._memory.now.tables, self._key: kept})

    def _put_back(self, kept: object) -> None:
        """Take what was remembered; what makes no sense is passed over."""
        if not isinstance(kept, Mapping):
            return
        widths, shown, order = kept.get("widths"), kept.get("shown"), kept.get("sort")
        for name, width in widths.items() if isinstance(widths, Mapping) else ():
            if name in self._names and type(width) is int and _LEAST_WIDTH <= width <= _WIDEST:
                self._widths[name] = width
                self._header.resizeSection(self._names.index(name), width)
        if isinstance(shown, list):
            self._chosen = tuple(name for name in self._names if name in shown)
        match order:
            case [str(name), bool(falling)] if name in self._names:
                self.sort(name, descending=falling)
