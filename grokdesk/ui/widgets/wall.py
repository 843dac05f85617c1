"""A wall of pictures: columns of one width, a heading for each day, painted from sizes that are known.

A `QListView`, so that screen readers get a list and its items (design/ux.md §10); what it lays out and paints
is its own. Nothing moves when pictures arrive: a tile has its place from the size of the file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView

from grokdesk.core.media import Kept, Kind
from grokdesk.ui.icons import pixmap
from grokdesk.ui.models.library import Files, day, day_of, length
from grokdesk.ui.theme import Look, scaled
from grokdesk.ui.widgets.thumbnails import CACHE_BYTES, CACHE_BYTES_DENSE, Thumbnails

_TILE: Final = 190
_GAP: Final = 8
_HEAD: Final = 40
# A tile is at most so much wider or taller than its column; the picture is cut to that.
_FLATTEST: Final = 0.45
_TALLEST: Final = 1.9
_BAND: Final = 512
# So many screens before the end the next page is asked for.
_AHEAD: Final = 2
_FRAME_MS: Final = 33
_MARK: Final = 22
_SHADE: Final = QColor(0, 0, 0, 150)
_ON_SHADE: Final = "#FFFFFF"

Index = QModelIndex | QPersistentModelIndex
_State = QAbstractItemView.State
_Flag = QItemSelectionModel.SelectionFlag
_Cursor = QAbstractItemView.CursorAction


@dataclass(frozen=True, slots=True)
class Heading:
    """The line above the files of a day."""

    y: int
    text: str


class Places:
    """Where tiles are, in pixels from the top left of the whole wall. Grows at the end without moving any."""

    def __init__(self, width: int, dated: Callable[[float], str]) -> None:
        self.columns = max(1, (width + _GAP) // (_TILE + _GAP))
        self.tile = max(1, (width - (self.columns - 1) * _GAP) // self.columns)
        self.height = 0
        self.headings: list[Heading] = []
        self._dated = dated
        self._day: object = None
        self._bottoms = [0] * self.columns
        self._tiles: list[tuple[int, int, int]] = []
        self._bands: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._tiles)

    def add(self, files: Sequence[Kept]) -> None:
        """Give places to more files."""
        bottoms, tile = self._bottoms, self.tile
        for kept in files:
            on = day_of(kept.created_at)
            if on != self._day:
                self._day = on
                top = max(bottoms)
                self.headings.append(Heading(top, self._dated(kept.created_at)))
                bottoms[:] = [top + _HEAD] * self.columns
            column = bottoms.index(min(bottoms))
            tall = round(tile * _ratio(kept))
            y = bottoms[column]
            number = len(self._tiles)
            self._tiles.append((column, y, tall))
            for band in range(y // _BAND, (y + tall) // _BAND + 1):
                self._bands.setdefault(band, []).append(number)
            bottoms[column] = y + tall + _GAP
        self.height = max(bottoms)

    def rect(self, number: int) -> QRect:
        """Where a tile is."""
        column, y, tall = self._tiles[number]
        return QRect(column * (self.tile + _GAP), y, self.tile, tall)

    def between(self, top: int, bottom: int) -> list[int]:
        """The tiles that reach into a strip, in order."""
        found: set[int] = set()
        for band in range(max(0, top) // _BAND, max(0, bottom) // _BAND + 1):
            found.update(self._bands.get(band, ()))
        tiles = self._tiles
        return sorted(
            one for one in found if tiles[one][1] <= bottom and tiles[one][1] + tiles[one][2] >= top
        )

    def headings_between(self, top: int, bottom: int) -> Sequence[Heading]:
        """The headings that reach into a strip."""
        first = bisect_right(self.headings, top - _HEAD, key=lambda one: one.y)
        last = bisect_right(self.headings, bottom, key=lambda one: one.y)
        return self.headings[first:last]

    def beside(self, number: int, step: int) -> int:
        """The tile above (-1) or below (1) another, in its column where there is one; itself at the end."""
        column, y, _ = self._tiles[number]
        place, fallback = number + step, number
        while 0 <= place < len(self._tiles):
            its_column, its_y, _ = self._tiles[place]
            if its_column == column:
                return place
            if (its_y - y) * step > 0:
                fallback = place
            if abs(place - number) > 6 * self.columns:
                break
            place += step
        return fallback


class Wall(QListView):
    """The wall. `near_end` asks for more files; `opened` names the place of one to be looked at."""

    near_end = Signal()
    opened = Signal(int)

    def __init__(
        self, files: Files, thumbnails: Thumbnails, look: Look, now: Callable[[], float], name: str
    ) -> None:
        # Before Qt can call back.
        self._files = files
        self._thumbnails = thumbnails
        self._look = look
        self._now = now
        self._places = Places(0, self._dated)
        self._anchor = -1
        super().__init__()
        self.setModel(files)
        self.setAccessibleName(name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there: a bar that comes and goes would change the width, and with it every place.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setAutoFillBackground(False)
        self.setMouseTracking(True)
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(_FRAME_MS)
        self._frame.timeout.connect(self._look_for_pictures)
        files.rowsInserted.connect(self._grown)
        for moved in (files.rowsRemoved, files.layoutChanged, files.modelReset):
            moved.connect(self._lay_out)
        thumbnails.ready.connect(self._arrived)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)
        self.activated.connect(lambda index: self.opened.emit(index.row()))
        look.changed.connect(self.viewport().update)

    def visible_places(self) -> list[int]:
        """The places of the files in sight."""
        top = self.verticalOffset()
        return self._places.between(top, top + self.viewport().height())

    def selected_places(self) -> list[int]:
        """The places of the selected files."""
        return selected_rows(self.selectionModel())

    def day_headings(self) -> list[str]:
        """The headings, from top to bottom."""
        return [one.text for one in self._places.headings]

    # -- layout

    def _dated(self, moment: float) -> str:
        return day(moment, self._now())

    def _room(self) -> int:
        return max(1, self.viewport().width() - _GAP)

    def _lay_out(self, *_: object) -> None:
        self._places = Places(self._room(), self._dated)
        self._places.add(self._files.files)
        self.updateGeometries()
        self.viewport().update()
        self._soon()

    def _grown(self, _parent: QModelIndex, first: int, last: int) -> None:
        if first != len(self._places):
            self._lay_out()
            return
        self._places.add(self._files.files[first : last + 1])
        self.updateGeometries()
        self.viewport().update()
        self._soon()

    def doItemsLayout(self) -> None:
        # Not QListView's own, which asks a delegate about every item.
        QAbstractItemView.doItemsLayout(self)

    def updateGeometries(self) -> None:
        bar = self.verticalScrollBar()
        page = self.viewport().height()
        bar.setPageStep(max(1, page - _HEAD))
        bar.setSingleStep(60)
        bar.setRange(0, max(0, self._places.height - page))

    def resizeEvent(self, event: QResizeEvent) -> None:
        QAbstractItemView.resizeEvent(self, event)
        if Places(self._room(), self._dated).tile == self._places.tile and len(self._places):
            self.updateGeometries()
            self._soon()
            return
        # What is at the top stays there.
        seen = self.visible_places()
        kept = seen[0] if seen else None
        offset = self._places.rect(kept).top() - self.verticalOffset() if kept is not None else 0
        self._lay_out()
        if kept is not None and kept < len(self._places):
            self.verticalScrollBar().setValue(self._places.rect(kept).top() - offset)

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def visualRect(self, index: Index) -> QRect:
        if not index.isValid() or index.row() >= len(self._places):
            return QRect()
        return self._places.rect(index.row()).translated(0, -self.verticalOffset())

    def indexAt(self, point: QPoint) -> QModelIndex:
        at = point + QPoint(0, self.verticalOffset())
        for place in self._places.between(at.y(), at.y()):
            if self._places.rect(place).contains(at):
                return self._files.index(place, 0)
        return QModelIndex()

    def scrollTo(
        self,
        index: Index,
        hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible,
    ) -> None:
        if not index.isValid() or index.row() >= len(self._places):
            return
        rect, top, page = self._places.rect(index.row()), self.verticalOffset(), self.viewport().height()
        if hint is QAbstractItemView.ScrollHint.PositionAtCenter:
            self.verticalScrollBar().setValue(rect.center().y() - page // 2)
        elif rect.top() < top:
            self.verticalScrollBar().setValue(rect.top() - _GAP)
        elif rect.bottom() > top + page:
            self.verticalScrollBar().setValue(min(rect.bottom() + _GAP - page, rect.top()))

    # -- keys, mouse, selection

    def moveCursor(
        self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier
    ) -> QModelIndex:
        count = len(self._places)
        if not count:
            return QModelIndex()
        current = self.currentIndex()
        ends = {_Cursor.MoveHome, _Cursor.MoveEnd}
        if not current.isValid() and action not in ends:
            return self._files.index((self.visible_places() or [0])[0], 0)
        here = max(0, current.row())
        match action:
            case _Cursor.MoveLeft | _Cursor.MovePrevious:
                there = here - 1
            case _Cursor.MoveRight | _Cursor.MoveNext:
                there = here + 1
            case _Cursor.MoveUp:
                there = self._places.beside(here, -1)
            case _Cursor.MoveDown:
                there = self._places.beside(here, 1)
            case _Cursor.MoveHome:
                there = 0
            case _Cursor.MoveEnd:
                there = count - 1
            case _Cursor.MovePageUp:
                there = self._page(here, -1)
            case _:
                there = self._page(here, 1)
        return self._files.index(min(max(there, 0), count - 1), 0)

    def _page(self, here: int, step: int) -> int:
        goal = self._places.rect(here).top() + step * self.viewport().height()
        there = here
        while True:
            further = self._places.beside(there, step)
            if further == there or (self._places.rect(further).top() - goal) * step > 0:
                return there
            there = further

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        model = self.selectionModel()
        if self.state() is _State.DragSelectingState:
            area = rect.normalized().translated(0, self.verticalOffset())
            places = [
                place
                for place in self._places.between(area.top(), area.bottom())
                if self._places.rect(place).intersects(area)
            ]
            model.select(self._selection(places), command)
            return
        current = self.currentIndex()
        if not current.isValid():
            return
        if command & _Flag.Current and 0 <= self._anchor < len(self._places):
            first, last = sorted((self._anchor, current.row()))
            model.select(self._selection(list(range(first, last + 1))), command)
            return
        self._anchor = current.row()
        model.select(QItemSelection(current, current), command)

    def _selection(self, places: Sequence[int]) -> QItemSelection:
        chosen = QItemSelection()
        last = self._files.columnCount() - 1
        for first, final in _spans(places):
            chosen.select(self._files.index(first, 0), self._files.index(final, last))
        return chosen

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        seen = set(self.visible_places())
        for number in range(selection.count()):
            part = selection.at(number)
            for place in seen.intersection(range(part.top(), part.bottom() + 1)):
                region += self.visualRect(self._files.index(place, 0))
        return region

    def selectAll(self) -> None:
        """Select every file that has been fetched."""
        count = len(self._places)
        if count:
            self.selectionModel().select(self._selection(range(count)), _Flag.ClearAndSelect)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.indexAt(event.position().toPoint()).isValid() and not event.modifiers():
            self.clearSelection()
        super().mousePressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() not in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            return
        if not self.currentIndex().isValid() and len(self._places):
            no_change = QItemSelectionModel.SelectionFlag.NoUpdate
            self.selectionModel().setCurrentIndex(self._files.index(0, 0), no_change)
        # Whoever comes by keyboard has to see where the keyboard is.
        self.scrollTo(self.currentIndex())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in {Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter} and not event.modifiers():
            if self.currentIndex().isValid():
                self.opened.emit(self.currentIndex().row())
            event.accept()
            return
        super().keyPressEvent(event)

    # -- pictures

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._frame.stop()
        self._thumbnails.want([])

    def _scrolled(self, value: int) -> None:
        page = self.viewport().height()
        if self._places.height - value - page < _AHEAD * page:
            self.near_end.emit()
        self._soon()

    def _soon(self) -> None:
        if not self._frame.isActive():
            self._frame.start()

    def _look_for_pictures(self) -> None:
        if not self.isVisible():
            return
        scale = self.devicePixelRatioF()
        self._thumbnails.limit(CACHE_BYTES if scale <= 1 else CACHE_BYTES_DENSE)
        top, page = self.verticalOffset(), self.viewport().height()
        seen = self._places.between(top, top + page)
        soon = [one for one in self._places.between(top - page // 2, top + page * 3 // 2) if one not in seen]
        self._thumbnails.want([(self._files.file(one), self._cover(one, scale)) for one in (*seen, *soon)])
        if self._places.height - top - page < _AHEAD * page:
            self.near_end.emit()

    def _cover(self, place: int, scale: float) -> QSize:
        size = self._places.rect(place).size()
        return QSize(round(size.width() * scale), round(size.height() * scale))

    def _arrived(self, digests: frozenset[str]) -> None:
        if not self.isVisible():
            return
        region = QRegion()
        for place in self.visible_places():
            if self._files.file(place).digest in digests:
                region += self.visualRect(self._files.index(place, 0))
        if not region.isEmpty():
            self.viewport().update(region)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        top = self.verticalOffset()
        area = event.rect()
        painter = QPainter(self.viewport())
        tokens = self._look.tokens
        strong = scaled(self.font(), 1.0, strong=True)
        painter.setFont(strong)
        painter.setPen(QColor(tokens.text))
        for heading in self._places.headings_between(top + area.top(), top + area.bottom()):
            line = QRect(0, heading.y - top, self._room(), _HEAD)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, heading.text)
        painter.setFont(self.font())
        chosen = self.selectionModel()
        current = self.currentIndex().row() if self.hasFocus() else -1
        ground = QColor(tokens.sunken)
        for place in self._places.between(top + area.top(), top + area.bottom()):
            rect = self._places.rect(place).translated(0, -top)
            kept = self._files.file(place)
            self._paint_picture(painter, rect, kept, ground)
            self._paint_marks(painter, rect, kept)
            is_chosen = chosen.isSelected(self._files.index(place, 0))
            if is_chosen:
                self._paint_chosen(painter, rect)
            if place == current:
                painter.setPen(QPen(QColor(tokens.text if is_chosen else tokens.accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(rect.adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_picture(self, painter: QPainter, rect: QRect, kept: Kept, ground: QColor) -> None:
        small = self._thumbnails.find(kept)
        scale = self.devicePixelRatioF()
        if small is None or small.hasAlphaChannel():
            painter.fillRect(rect, ground)
        if small is not None:
            exact = abs(small.width() - rect.width() * scale) <= 1
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not exact)
            painter.drawPixmap(rect, small)
        elif self._thumbnails.has_none(kept) or not kept.thumbnail:
            name = "film" if kept.kind is Kind.VIDEO else "library"
            mark = pixmap(f"icons/{name}", self._look.tokens.text2, 32, scale)
            painter.drawPixmap(rect.center() - QPoint(16, 16), mark)

    def _paint_marks(self, painter: QPainter, rect: QRect, kept: Kept) -> None:
        scale = self.devicePixelRatioF()
        if kept.kind is Kind.VIDEO:
            text = f"▶ {length(kept.seconds)}" if kept.seconds else "▶"
            wide = painter.fontMetrics().horizontalAdvance(text) + 12
            badge = QRect(rect.left() + 6, rect.bottom() - _MARK - 5, wide, _MARK)
            painter.fillRect(badge, _SHADE)
            painter.setPen(QColor(_ON_SHADE))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, text)
        if kept.favourite:
            badge = QRect(rect.right() - _MARK - 5, rect.bottom() - _MARK - 5, _MARK, _MARK)
            painter.fillRect(badge, _SHADE)
            painter.drawPixmap(
                badge.topLeft() + QPoint(3, 3), pixmap("icons/star-full", _ON_SHADE, 16, scale)
            )

    def _paint_chosen(self, painter: QPainter, rect: QRect) -> None:
        tokens, scale = self._look.tokens, self.devicePixelRatioF()
        painter.setPen(QPen(QColor(tokens.accent), 4))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(2, 2, -2, -2))
        badge = QRect(rect.left(), rect.top(), _MARK + 4, _MARK + 4)
        painter.fillRect(badge, QColor(tokens.accent))
        painter.drawPixmap(badge.topLeft() + QPoint(5, 5), pixmap("icons/check", tokens.on_accent, 16, scale))


def selected_rows(model: QItemSelectionModel) -> list[int]:
    """The rows of a selection, each once, from top to bottom."""
    rows: set[int] = set()
    selection = model.selection()
    for number in range(selection.count()):
        part = selection.at(number)
        rows.update(range(part.top(), part.bottom() + 1))
    return sorted(rows)


def _ratio(kept: Kept) -> float:
    if not kept.width or not kept.height:
        return 1.0
    return min(max(kept.height / kept.width, _FLATTEST), _TALLEST)


def _spans(places: Sequence[int]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for place in places:
        if spans and place == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], place)
        else:
            spans.append((place, place))
    return spans
