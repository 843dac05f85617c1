"""Charts that are painted here: stacked bars, or lines, over hours, days or names.

One bar, or point, at a time can be read: the pointer or the arrow keys choose it, and what it stands for is
said below the chart and to screen readers. The same numbers are in a table beside every chart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from grokdesk.ui.theme import RADIUS, Look, scaled

_HEIGHT: Final = 132
_GAP: Final = 4
# Keeps everything inside the ring that says where the keyboard is.
_INSET: Final = 6
_KEY: Final = 10
_LEAST_BAR: Final = 1.5
_LINES: Final = 4
_POINT: Final = 2.5


@dataclass(frozen=True, slots=True)
class Series:
    """A row of values, as many as there are places; None where there is none. `colour` is a token."""

    name: str
    values: Sequence[float | None]
    colour: str


class Chart(QWidget):
    """A chart with a title. Bars stand on one another, lines beside one another."""

    def __init__(self, title: str, look: Look, *, lines: bool = False) -> None:
        super().__init__()
        self._title = title
        self._look = look
        self._lines = lines
        self._labels: Sequence[str] = ()
        self._names: Sequence[str] = ()
        self._series: Sequence[Series] = ()
        self._say: Callable[[float], str] = str
        self._summary = ""
        self._top: float | None = None
        self.chosen: int | None = None
        """The place that is read."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(220, _HEIGHT + 56)
        self.setAccessibleName(title)
        look.changed.connect(self.update)

    def show_values(
        self,
        labels: Sequence[str],
        names: Sequence[str],
        series: Sequence[Series],
        say: Callable[[float], str],
        summary: str,
        *,
        top: float | None = None,
    ) -> None:
        """Show this instead.

        `labels` stand below the places and `names` name them in full; where they are no times they are the
        same. `say` words a value, `summary` is the whole chart in a sentence. `top` is the highest value
        there can be, where there is one.
        """
        self._top = top
        self._labels, self._names, self._series, self._say = labels, names, series, say
        self._summary = summary
        self.chosen = None
        self._describe()
        self.update()

    def reading(self) -> str:
        """What the chosen place stands for, or all of them."""
        if self.chosen is None or self.chosen >= len(self._names):
            return self._summary
        said = [
            f"{one.name} {self._say(value)}"
            for one in self._series
            if (value := one.values[self.chosen]) is not None
        ]
        return f"{self._names[self.chosen]}: {', '.join(said) or '–'}"

    def sizeHint(self) -> QSize:
        return QSize(360, _HEIGHT + 3 * self.fontMetrics().lineSpacing() + 4 * _GAP)

    # -- choosing

    def choose(self, place: int | None) -> None:
        """Read one place, or all of them."""
        if place == self.chosen:
            return
        self.chosen = place
        self._describe()
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        count = len(self._names)
        at = self.chosen
        moves: dict[int, int | None] = {
            Qt.Key.Key_Right: 0 if at is None else min(count - 1, at + 1),
            Qt.Key.Key_Left: count - 1 if at is None else max(0, at - 1),
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: count - 1,
            Qt.Key.Key_Escape: None,
        }
        if not count or event.key() not in moves or (event.key() == Qt.Key.Key_Escape and at is None):
            super().keyPressEvent(event)
            return
        self.choose(moves[event.key()])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.choose(self._place_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self.choose(None)
        super().leaveEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.choose(None)
        self.update()

    def _describe(self) -> None:
        self.setAccessibleDescription(self.reading())
        if self.hasFocus():
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.DescriptionChanged))

    # -- painting

    def paintEvent(self, _: QPaintEvent) -> None:
        tokens = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_title(painter)
        plot, most = self._plot(), self._most()
        painter.setFont(scaled(self.font(), 0.92))
        for number in range(_LINES + 1):
            top = plot.bottom() - plot.height() * number / _LINES
            painter.setPen(QPen(QColor(tokens.border), 1))
            painter.drawLine(QPointF(plot.left(), top), QPointF(plot.right(), top))
            painter.setPen(QColor(tokens.text2))
            room = QRectF(0, top - 10, plot.left() - _GAP, 20)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, right, self._say(most * number / _LINES))
        if self._names:
            if self.chosen is not None:
                painter.fillRect(self._slot(plot, self.chosen), QColor(tokens.selection))
            if self._lines:
                self._paint_lines(painter, plot, most)
            else:
                self._paint_bars(painter, plot, most)
            self._paint_labels(painter, plot)
        painter.setPen(QColor(tokens.text if self.chosen is not None else tokens.text2))
        below = QRect(_INSET, round(plot.bottom()) + self._line(), self.width() - 2 * _INSET, self._line())
        said = painter.fontMetrics().elidedText(self.reading(), Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, said)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.end()

    def _paint_title(self, painter: QPainter) -> None:
        tokens, line = self._look.tokens, self._line()
        painter.setFont(scaled(self.font(), 1.0, strong=True))
        painter.setPen(QColor(tokens.text))
        painter.drawText(QRect(_INSET, _INSET, self.width(), line), Qt.AlignmentFlag.AlignLeft, self._title)
        painter.setFont(scaled(self.font(), 0.92))
        right = self.width() - _INSET
        for one in reversed(self._series):
            width = painter.fontMetrics().horizontalAdvance(one.name)
            right -= width
            painter.setPen(QColor(tokens.text2))
            painter.drawText(QRect(right, _INSET, width + 4, line), Qt.AlignmentFlag.AlignLeft, one.name)
            right -= _KEY + _GAP
            painter.fillRect(QRectF(right, _INSET + (line - _KEY) / 2, _KEY, _KEY), self._colour(one))
            right -= 3 * _GAP

    def _paint_bars(self, painter: QPainter, plot: QRectF, most: float) -> None:
        for place in range(len(self._names)):
            slot = self._slot(plot, place)
            width = max(_LEAST_BAR, min(slot.width() * 0.72, 44))
            left, bottom = slot.center().x() - width / 2, plot.bottom()
            for one in self._series:
                value = one.values[place] or 0
                if value <= 0:
                    continue
                height = max(1.0, plot.height() * value / most)
                painter.fillRect(QRectF(left, bottom - height, width, height), self._colour(one))
                bottom -= height

    def _paint_lines(self, painter: QPainter, plot: QRectF, most: float) -> None:
        for one in self._series:
            colour = self._colour(one)
            line = QPolygonF()
            for place, value in enumerate(one.values):
                if value is None:
                    self._stroke(painter, line, colour)
                    line = QPolygonF()
                else:
                    line.append(
                        QPointF(
                            self._slot(plot, place).center().x(),
                            plot.bottom() - plot.height() * min(1.0, value / most),
                        )
                    )
            self._stroke(painter, line, colour)

    def _stroke(self, painter: QPainter, line: QPolygonF, colour: QColor) -> None:
        if self._labels is not self._names:
            # Between names there is nothing.
            painter.setPen(QPen(colour, 2))
            painter.drawPolyline(line)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for number in range(line.count()):
            painter.drawEllipse(line.at(number), _POINT, _POINT)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _paint_labels(self, painter: QPainter, plot: QRectF) -> None:
        metrics = painter.fontMetrics()
        widest = max((metrics.horizontalAdvance(label) for label in self._labels), default=0) + 3 * _GAP
        slot = plot.width() / len(self._names)
        # Names are cut to their place; times leave some places out.
        every = 1 if self._labels is self._names else max(1, ceil(widest / slot))
        painter.setPen(QColor(self._look.tokens.text2))
        for place in range(0, len(self._labels), every):
            width = slot * every - _GAP
            room = QRectF(
                self._slot(plot, place).center().x() - width / 2, plot.bottom() + 1, width, self._line()
            )
            if every > 1 and room.right() > self.width():
                continue
            text = metrics.elidedText(self._labels[place], Qt.TextElideMode.ElideRight, int(width))
            painter.drawText(room, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, text)

    # -- measures

    def _line(self) -> int:
        return self.fontMetrics().lineSpacing() + 2

    def _plot(self) -> QRectF:
        metrics = self.fontMetrics()
        widest = max(
            metrics.horizontalAdvance(self._say(self._most() * n / _LINES)) for n in range(_LINES + 1)
        )
        left, top = widest + _GAP + _INSET, self._line() + _INSET + 10
        return QRectF(
            left, top, self.width() - left - _INSET, self.height() - top - 2 * self._line() - _INSET
        )

    def _slot(self, plot: QRectF, place: int) -> QRectF:
        width = plot.width() / max(1, len(self._names))
        return QRectF(plot.left() + place * width, plot.top(), width, plot.height())

    def _place_at(self, point: QPoint) -> int | None:
        plot = self._plot()
        if not self._names or not plot.left() <= point.x() < plot.right():
            return None
        return min(len(self._names) - 1, int((point.x() - plot.left()) / plot.width() * len(self._names)))

    def _most(self) -> float:
        """The top of the chart: a round number not below any value."""
        if self._top is not None:
            return self._top
        places = range(len(self._names))
        if self._lines:
            highest = max((one.values[at] or 0 for one in self._series for at in places), default=0)
        else:
            highest = max((sum(one.values[at] or 0 for one in self._series) for at in places), default=0)
        return rounded_up(highest)

    def _colour(self, one: Series) -> QColor:
        return QColor(getattr(self._look.tokens, one.colour))


def rounded_up(value: float) -> float:
    """The next round number that the lines divide evenly, such as 4, 8, 20, 40 or 100."""
    if value <= _LINES:
        return float(_LINES)
    base = 10 ** floor(log10(value / _LINES))
    step = next(step for step in (1, 2, 2.5, 5, 10) if step * base * _LINES >= value - 1e-9)
    return float(step * base * _LINES)
