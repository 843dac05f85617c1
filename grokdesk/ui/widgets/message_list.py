"""The list behind the bell: what was said in passing, with its time."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QAbstractItemView, QListWidget, QListWidgetItem, QVBoxLayout, QWidget
from shiboken6 import isValid

from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import icon
from grokdesk.ui.messages import Message
from grokdesk.ui.widgets.panel import Panel
from grokdesk.ui.widgets.parts import quiet, section

_WIDTH: Final = 460
_HEIGHT: Final = 420
_LEAST: Final = 140
_ICONS: Final = {"error": ("state-failed", "error"), "warn": ("warning", "warn"), "ok": ("check", "ok")}
_INFO: Final = ("info", "text2")
_STAND_OFF: Final = 8


class MessageList(Panel):
    """The last messages, the newest on top. Follows what is said while it is open."""

    def __init__(self, desk: Desk, over: QWidget, below: QWidget) -> None:
        super().__init__(over, self.tr("Messages"), _WIDTH)
        self._desk = desk
        self._below = below
        self.opener = below
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Messages"))
        self.list.setWordWrap(True)
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSpacing(4)
        self._none = quiet(self.tr("Nothing was said yet. What is copied, saved or goes wrong is told here."))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(section(self.tr("Messages")))
        column.addWidget(self._none)
        column.addWidget(self.list, 1)
        self._fill()
        desk.messages.changed.connect(self._fill)

    def entry(self) -> QWidget:
        return self.list if self.list.count() else self

    def texts(self) -> list[str]:
        """What is listed."""
        return [self.list.item(row).text() for row in range(self.list.count())]

    def open(self) -> None:
        super().open()
        self._desk.messages.were_read()

    def wanted_height(self, width: int) -> int:
        if not self.list.count():
            return _LEAST
        rows = sum(self.list.sizeHintForRow(row) + 8 for row in range(self.list.count()))
        return max(_LEAST, min(_HEIGHT, rows + 64))

    def place(self) -> None:
        super().place()
        over = self.over
        if not isValid(self._below):
            return
        corner = self._below.mapTo(over, self._below.rect().bottomRight())
        left = max(12, min(corner.x() - self.width(), over.width() - self.width() - 12))
        self.move(left, min(corner.y() + _STAND_OFF, over.height() - self.height() - 12))

    def _fill(self) -> None:
        messages = self._desk.messages.all()
        self._none.setVisible(not messages)
        self.list.setVisible(bool(messages))
        self.list.clear()
        for message in messages:
            self.list.addItem(self._item(message))
        if self.is_open:
            self.place()

    def _item(self, message: Message) -> QListWidgetItem:
        clock = self._desk.host.clock.now()
        text = self.tr("%1 · %2").replace("%1", words.at(message.at, clock)).replace("%2", message.text)
        item = QListWidgetItem(self._picture(message.tone), text)
        item.setToolTip(words.exact(message.at))
        if message.tone == "error":
            item.setData(Qt.ItemDataRole.AccessibleTextRole, self.tr("Failed: %1").replace("%1", text))
        return item

    def _picture(self, tone: str) -> QIcon:
        name, token = _ICONS.get(tone, _INFO)
        return icon(name, getattr(self._desk.look.tokens, token))
