"""The requests as rows: running ones, then past ones, the newest first.

The newest are here; of the others only how many there are. Pages of those are asked for when they come into
sight (`wanted`) and the ones looked at last are remembered, so that 100,000 requests take no more memory than
some thousand.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from operator import attrgetter
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QIcon

from grokdesk.core.runs import EVERY, Place, RunRecord, RunState, Sought
from grokdesk.engine.runs import SHOWN
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.languages import told
from grokdesk.ui.theme import Look

TIME, MODEL, CLIENT, ACCOUNT, RESULT, TOTAL, PIECES, TOKENS = range(8)
PAGE: Final = 200

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()
_PAGES: Final = 24
_DISPLAY: Final = int(Qt.ItemDataRole.DisplayRole)
_DECORATION: Final = int(Qt.ItemDataRole.DecorationRole)
_TIP: Final = int(Qt.ItemDataRole.ToolTipRole)
_ALIGNMENT: Final = int(Qt.ItemDataRole.TextAlignmentRole)
_SPOKEN: Final = int(Qt.ItemDataRole.AccessibleTextRole)
_ROLES: Final = frozenset({_DISPLAY, _DECORATION, _TIP, _ALIGNMENT, _SPOKEN})
_PLACE: Final = attrgetter("at", "id")
# Pages that were asked for while a view flew past them.
_WAITING: Final = 3
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_NUMBERS: Final = {TOTAL, PIECES, TOKENS}


@dataclass(frozen=True, slots=True)
class Ask:
    """A page that is wanted: `number` pages of those older than `before`. `age` tells lists apart."""

    age: int
    number: int
    before: Place | None


class Requests(QAbstractTableModel):
    """The requests that are sought."""

    wanted = Signal()
    """A page is missing; `next_page` says which."""

    def __init__(self, now: Callable[[], float], look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._look = look
        self._titles = (
            _tr("Time"),
            _tr("Model"),
            _tr("App"),
            _tr("Account"),
            _tr("Result"),
            _tr("Duration"),
            _tr("Pieces"),
            _tr("Tokens"),
        )
        self.sought = EVERY
        self.before: Place | None = None
        self._head: list[RunRecord] = []
        self._running = 0
        self._tail = 0
        self._age = 0
        self._pages: OrderedDict[int, Sequence[RunRecord]] = OrderedDict()
        self._missing: list[int] = []
        self._asking = QTimer(self)
        self._asking.setSingleShot(True)
        self._asking.timeout.connect(self.wanted)

    # -- asking

    def __len__(self) -> int:
        return len(self._head) + self._tail

    @property
    def age(self) -> int:
        """Goes up with every new list."""
        return self._age

    @property
    def in_memory(self) -> int:
        """How many requests are held here."""
        return len(self._head) + sum(map(len, self._pages.values()))

    @property
    def running(self) -> int:
        """How many of them are running; these are the first rows."""
        return self._running

    def row(self, place: int) -> RunRecord | None:
        """The request at a place; None while its page is not here, which is then asked for."""
        if place < len(self._head):
            return self._head[place]
        number, rest = divmod(place - len(self._head), PAGE)
        page = self._pages.get(number)
        if page is None:
            self._ask(number)
            return None
        self._pages.move_to_end(number)
        return page[rest] if rest < len(page) else None

    def keys(self) -> list[str]:
        """The ids of the newest requests, in order."""
        return [run.id for run in self._head]

    def place(self, run_id: str) -> int | None:
        """Where a request is shown, if it is one of those that are here."""
        for number, run in enumerate(self._head):
            if run.id == run_id:
                return number
        for number, page in self._pages.items():
            for rest, run in enumerate(page):
                if run.id == run_id:
                    return len(self._head) + number * PAGE + rest
        return None

    def failed(self) -> int:
        """How many of the newest have failed."""
        return sum(run.state is RunState.FAILED for run in self._head)

    # -- the list

    def begin(self, runs: Iterable[RunRecord], sought: Sought) -> None:
        """Show those of `runs` that are sought; these are the newest requests, as the log has them."""
        newest = list(runs)
        self.beginResetModel()
        self._age += 1
        self.sought = sought
        past = [run for run in newest if run.state is not RunState.RUNNING]
        # With fewer there are no older ones.
        self.before = past[-1].place if len(past) >= SHOWN else None
        self._head = [run for run in newest if sought.fits(run)]
        self._running = sum(run.state is RunState.RUNNING for run in self._head)
        self._tail = 0
        self._forget_pages()
        self.endResetModel()

    def set_older(self, count: int) -> None:
        """There are so many older ones that are sought."""
        self._forget_pages()
        first, more = len(self), count - self._tail
        if more > 0:
            self.beginInsertRows(_ROOT, first, first + more - 1)
            self._tail = count
            self.endInsertRows()
        elif more < 0:
            self.beginRemoveRows(_ROOT, first + more, first - 1)
            self._tail = count
            self.endRemoveRows()
        self._say_changed(len(self._head), len(self) - 1)

    def next_page(self) -> Ask | None:
        """The page that is wanted most, if one is: the one that came into sight last."""
        while self._missing:
            number = self._missing.pop()
            if number not in self._pages and number < ceil(self._tail / PAGE):
                return Ask(self._age, number, self.before)
        return None

    def take(self, asked: Ask, runs: Sequence[RunRecord]) -> None:
        """Here is a page that was asked for."""
        if asked.age != self._age or asked.before != self.before:
            # The list has moved on; whoever looks at it asks again.
            self._say_changed(len(self._head), len(self) - 1)
            return
        self._pages[asked.number] = runs
        while len(self._pages) > _PAGES:
            self._pages.popitem(last=False)
        first = len(self._head) + asked.number * PAGE
        self._say_changed(first, min(first + PAGE, len(self)) - 1)

    # -- what goes on

    def heard(self, records: Iterable[RunRecord]) -> bool:
        """Take in requests that began or ended. False when one is older than the newest: count them again."""
        head = {run.id: run for run in self._head}
        is_whole = True
        for run in records:
            older = self.before is not None and run.place <= self.before
            if run.state is not RunState.RUNNING and older:
                is_whole = is_whole and not self.sought.fits(run)
                head.pop(run.id, None)
            elif self.sought.fits(run):
                head[run.id] = run
            else:
                head.pop(run.id, None)
        self._put(_in_order(head.values()))
        self._fold()
        return is_whole

    def refresh_running(self, records: Iterable[RunRecord]) -> None:
        """The time has gone on for what is running."""
        now = {run.id: run for run in records}
        for place in range(self._running):
            run = self._head[place]
            self._head[place] = now.get(run.id, run)
        self._say_changed(0, self._running - 1)

    def _put(self, order: list[RunRecord]) -> None:
        """Show this as the newest part; what is selected stays so."""
        wanted, here = {run.id for run in order}, {run.id for run in self._head}
        fresh = [run for run in order if run.id not in here]
        gone = [run for run in self._head if run.id not in wanted]
        if fresh:
            self.beginInsertRows(_ROOT, 0, len(fresh) - 1)
            self._head = [*fresh, *self._head]
            self.endInsertRows()
        arranged = [*order, *gone]
        if [run.id for run in arranged] != [run.id for run in self._head]:
            self.layoutAboutToBeChanged.emit()
            held = [one for one in self.persistentIndexList() if one.row() < len(self._head)]
            places = {run.id: place for place, run in enumerate(arranged)}
            moved = [self.index(places[self._head[one.row()].id], one.column()) for one in held]
            self._head = arranged
            self.changePersistentIndexList(held, moved)
            self.layoutChanged.emit()
        if gone:
            self.beginRemoveRows(_ROOT, len(order), len(arranged) - 1)
            self._head = order
            self.endRemoveRows()
        self._head = order
        # They come first.
        self._running = next(
            (place for place, run in enumerate(order) if run.state is not RunState.RUNNING), len(order)
        )
        self._say_changed(0, len(order) - 1)

    def _fold(self) -> None:
        """Let the oldest of the newest become a page of the others; no row changes its place by that."""
        while len(self._head) - self._running >= SHOWN + PAGE:
            page = self._head[-PAGE:]
            del self._head[-PAGE:]
            self.before = self._head[-1].place
            self._pages = OrderedDict((number + 1, runs) for number, runs in self._pages.items())
            self._pages[0] = page
            self._missing = [number + 1 for number in self._missing]
            self._tail += PAGE

    def _ask(self, number: int) -> None:
        if number in self._missing:
            return
        self._missing = [*self._missing[1 - _WAITING :], number]
        self._asking.start()

    def _forget_pages(self) -> None:
        self._pages.clear()
        self._missing.clear()

    def _say_changed(self, first: int, last: int) -> None:
        if 0 <= first <= last:
            self.dataChanged.emit(self.index(first, 0), self.index(last, TOKENS))

    # -- what Qt asks

    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self)

    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def data(self, index: Index, role: int = _DISPLAY) -> Any:  # noqa: ANN401 - Qt's variant
        # A view asks for seven roles a cell, of which most are nothing here.
        if role not in _ROLES or not index.isValid():
            return None
        column, place = index.column(), index.row()
        if role == _ALIGNMENT:
            return _RIGHT if column in _NUMBERS else _LEFT
        run = self.row(place) if place < len(self) else None
        if run is None:
            return "…" if role == _DISPLAY and column == TIME else None
        if role == _DISPLAY:
            return self.text(run, column)
        if role == _DECORATION:
            return self._icon(run) if column == RESULT else None
        if role == _TIP:
            return self._tip(run, column) or None
        return f"{self._titles[column]}: {self.text(run, column)}"

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:  # noqa: ANN401 - Qt's variant
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in _NUMBERS else _LEFT
        return None

    def text(self, run: RunRecord, column: int) -> str:
        """What stands in a cell."""
        match column:
            case 0:
                return words.at(run.at, self._now())
            case 1:
                return run.model
            case 2:
                return run.client or "–"
            case 3:
                return run.account_name or "–"
            case 4:
                return result(run)
            case 5:
                return duration(run, self._now())
            case 6:
                return words.number(run.pieces) if run.pieces else "–"
            case _:
                return words.number(tokens(run)) if tokens(run) else "–"

    def _tip(self, run: RunRecord, column: int) -> str:
        match column:
            case 0:
                return words.exact(run.at)
            case 7 if tokens(run):
                return (
                    words.tr("%1 in, %2 out")
                    .replace("%1", words.number(run.prompt_tokens))
                    .replace("%2", words.number(run.completion_tokens))
                )
            case _:
                # All of what may be cut off.
                return self.text(run, column) if column not in _NUMBERS else ""

    def _icon(self, run: RunRecord) -> QIcon:
        name, token, _ = words.run_result(run)
        return icon(name, getattr(self._look.tokens, token))


def result(run: RunRecord) -> str:
    """How a request went, in one line: `429 → other account → Answered`, or why it failed."""
    said = words.run_result(run)[2]
    if run.state is RunState.FAILED and run.failure:
        return _tr("%1: %2").replace("%1", said).replace("%2", told(run.failure))
    if run.state is RunState.DONE and len(run.tries) > 1:
        first, last = run.tries[0], run.tries[-1]
        other = _tr("other account") if last.account_id != first.account_id else _tr("other way out")
        other = _tr("again") if (last.account_id, last.egress) == (first.account_id, first.egress) else other
        what = str(first.status) if first.status else told(first.failure).rstrip(".。")
        return " → ".join((what, other, _tr("Answered")))
    return said


def duration(run: RunRecord, now: float) -> str:
    """How long it took, or takes so far."""
    if run.state is RunState.RUNNING:
        return words.span(now - run.at)
    return words.milliseconds(run.total_ms)


def tokens(run: RunRecord) -> int:
    """What the request cost, both ways."""
    return run.prompt_tokens + run.completion_tokens


def _in_order(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """Those that run, then the others, each the newest first."""
    running: list[RunRecord] = []
    past: list[RunRecord] = []
    for run in runs:
        (running if run.state is RunState.RUNNING else past).append(run)
    for part in (running, past):
        part.sort(key=_PLACE, reverse=True)
    return [*running, *past]


def _tr(text: str) -> str:
    return QCoreApplication.translate("Requests", text)
