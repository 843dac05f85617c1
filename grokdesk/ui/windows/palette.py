"""The palette: places, acts, settings, models and accounts by a few letters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.catalog import MODELS
from grokdesk.ui import settings_words
from grokdesk.ui.actions import Group, group_title
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import pixmap
from grokdesk.ui.models.palette import Finding, Index, recent_first
from grokdesk.ui.theme import Look, scaled
from grokdesk.ui.widgets.panel import Panel
from grokdesk.ui.widgets.parts import quiet

_WIDTH: Final = 620
_SHOWN: Final = 10
_PAD: Final = 10
_ICON: Final = 16
_NOT_LISTED: Final = frozenset({"palette"})
_ROOT: Final = QModelIndex()
_SMALLER: Final = 0.92
Index_ = QModelIndex | QPersistentModelIndex


class _Found(QAbstractListModel):
    """What was found, best first."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: list[Finding] = []

    def show(self, rows: list[Finding]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index_ = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index_, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: ANN401 - Qt's variant
        if not index.isValid():
            return None
        one = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return one.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (one.text, one.kind, one.keys) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return one.text
        if role == Qt.ItemDataRole.UserRole:
            return one
        return None


class _Lines(QStyledItemDelegate):
    """Draws an icon, the name, what it is, and its keys at the right."""

    def __init__(self, look: Look, parent: QObject) -> None:
        super().__init__(parent)
        self._look = look

    def sizeHint(self, option: QStyleOptionViewItem, index: Index_) -> QSize:
        return QSize(100, max(34, option.fontMetrics.height() + 16))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index_) -> None:
        one: Finding = index.data(Qt.ItemDataRole.UserRole)
        painter.save()
        box = QRect(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._look.color("selection"))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(box.adjusted(2, 1, -2, -1), 6, 6)
        scale = painter.device().devicePixelRatio()
        picture = pixmap(f"icons/{one.icon or 'dot'}", self._look.tokens.text2, _ICON, scale)
        inside = box.adjusted(_PAD, 0, -_PAD, 0)
        painter.drawPixmap(inside.left(), box.center().y() - _ICON // 2 + 1, picture)
        inside.setLeft(inside.left() + _ICON + _PAD)
        middle = Qt.AlignmentFlag.AlignVCenter
        small = scaled(option.font, _SMALLER)
        painter.setFont(small)
        painter.setPen(self._look.color("text2"))
        right = one.keys or one.kind
        width = min(painter.fontMetrics().horizontalAdvance(right), inside.width() // 2)
        painter.drawText(inside, Qt.AlignmentFlag.AlignRight | middle, right)
        painter.setFont(option.font)
        painter.setPen(self._look.color("text"))
        room = inside.width() - width - 2 * _PAD
        text = painter.fontMetrics().elidedText(one.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | middle, text)
        painter.restore()


class Palette(Panel):
    """One field and the list of what it finds. The keyboard stays in the field; the arrow keys go through."""

    def __init__(self, desk: Desk, over: QWidget) -> None:
        super().__init__(over, self.tr("Find anything"), _WIDTH)
        self._desk = desk
        few, many = list(self._few()), list(self._accounts())
        self._index = Index(few, many)
        self._by_key = {one.key: one for one in few}
        self._accounts_by_key = {one.key: one for one in many}
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Go to, do, set, or find an account"))
        self.field.setAccessibleName(self.tr("Find anything"))
        self.field.installEventFilter(self)
        self.found = _Found(self)
        self.list = QListView()
        self.list.setModel(self.found)
        self.list.setItemDelegate(_Lines(desk.look, self.list))
        self.list.setAccessibleName(self.tr("What was found"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._nothing = quiet()
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self._nothing)
        column.addWidget(self.list, 1)
        self.field.textChanged.connect(self.look_up)
        self.list.clicked.connect(self.choose)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.look_up("")

    def entry(self) -> QWidget:
        return self.field

    def texts(self) -> list[str]:
        """What is listed, from top to bottom."""
        return [one.text for one in self.found.rows]

    def look_up(self, query: str) -> None:
        """List what is found; without a query the recent ones, then the places."""
        rows = self._index.find(query) if query.strip() else self._first()
        self.found.show(rows)
        self._nothing.setVisible(not rows)
        self.list.setVisible(bool(rows))
        if rows:
            self._go_to(0)
        else:
            self._nothing.setText(self.tr("Nothing is called “%1”.").replace("%1", query.strip()))
        if self.is_open:
            self.place()

    def choose(self, index: Index_ | None = None) -> None:
        """Do what is chosen."""
        at = self.list.currentIndex() if index is None else index
        if not at.isValid():
            return
        one = self.found.rows[at.row()]
        memory = self._desk.memory
        memory.change(recent=recent_first(one.key, memory.now.recent))
        self.dismiss()
        one.run()

    def wanted_height(self, width: int) -> int:
        rows = min(len(self.found.rows), _SHOWN)
        line = self.list.sizeHintForRow(0) if rows else self._nothing.sizeHint().height()
        return self.field.sizeHint().height() + max(1, rows) * line + 2 * 10 + 8 + 4

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() is QEvent.Type.KeyPress:
            step = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: _SHOWN,
                Qt.Key.Key_PageUp: -_SHOWN,
            }.get(Qt.Key(event.key()))
            if step is not None:
                self._step(step)
                return True
            if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self.choose()
                return True
        return super().eventFilter(watched, event)

    def _step(self, step: int) -> None:
        count = len(self.found.rows)
        if not count:
            return
        here = self.list.currentIndex().row()
        wanted = here + step
        if abs(step) == 1:
            wanted %= count
        self._go_to(min(max(wanted, 0), count - 1), say=True)

    def _go_to(self, row: int, *, say: bool = False) -> None:
        index = self.found.index(row)
        self.list.setCurrentIndex(index)
        if say:
            # The keyboard stays in the field, so nobody else tells a screen reader.
            text = str(index.data(Qt.ItemDataRole.AccessibleTextRole))
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self.field, text))

    # -- what there is

    def _first(self) -> list[Finding]:
        recent = [
            one
            for key in self._desk.memory.now.recent
            if (one := self._by_key.get(key) or self._accounts_by_key.get(key)) is not None
        ]
        known = {one.key for one in recent}
        return recent + [
            one for one in self._by_key.values() if one.key.startswith("act:") and one.key not in known
        ]

    def _few(self) -> Iterator[Finding]:
        yield from self._acts()
        yield from self._settings()
        yield from self._models()

    def _acts(self) -> Iterator[Finding]:
        actions = self._desk.actions
        for act in actions.all():
            if act.key in _NOT_LISTED:
                continue
            yield Finding(
                f"act:{act.key}",
                act.text(),
                group_title(act.group),
                act.icon,
                act.run,
                act.words,
                actions.shown_keys(act.key),
                0 if act.group is Group.PLACES else 1,
            )

    def _settings(self) -> Iterator[Finding]:
        kind = self.tr("Setting")
        for page in settings_words.pages():
            for section in page.sections:
                for field in section.fields:
                    yield Finding(
                        f"setting:{field.name}",
                        settings_words.of_model(field.title),
                        f"{kind} · {page.title}",
                        "settings",
                        self._link(f"settings:{field.name}"),
                        field.name,
                        place=2,
                    )

    def _models(self) -> Iterator[Finding]:
        kind = self.tr("Model")
        for model in MODELS:
            yield Finding(
                f"model:{model.name}",
                model.title,
                kind,
                "list",
                self._link(f"models:{model.name}"),
                model.name,
                place=2,
            )

    def _accounts(self) -> Iterator[Finding]:
        kind = self.tr("Account")
        wanted = self._desk.pane_wanted.emit
        for account in self._desk.host.pool.accounts():
            tail = account.token.tail
            yield Finding(
                f"account:{account.id}",
                account.name,
                kind,
                "accounts",
                lambda account=account: wanted(f"accounts:id:{account.id}"),  # type: ignore[misc]
                f"{account.label} {account.email} {tail}",
                place=3,
            )

    def _link(self, where: str) -> Any:  # noqa: ANN401 - a call without an answer
        return lambda: self._desk.pane_wanted.emit(where)
