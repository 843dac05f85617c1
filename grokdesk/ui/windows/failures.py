"""What of a piece of work failed: the list, a copy of it, and another try."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk
from grokdesk.ui.doing import Doing, copy_of
from grokdesk.ui.languages import told
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import button, buttons_row, section
from grokdesk.ui.widgets.table import WholeRows

_DIALOG: Final = (640, 420)
_NAME_WIDTH: Final = 200
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


async def show_failures(doing: Doing, desk: Desk, parent: QWidget) -> None:
    """Show what failed, and try it again when that is wanted."""
    if await dialogs.answer(Failures(parent, doing)) is dialogs.Answer.YES:
        desk.doing.retry(doing)


class Failures(QDialog):
    """What of a piece of work failed, and why."""

    def __init__(self, parent: QWidget, doing: Doing) -> None:
        super().__init__(parent)
        self.setWindowTitle(doing.title)
        self.setAccessibleName(doing.title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(*_DIALOG)
        self._failures = doing.failures
        self.table = QTableWidget(len(self._failures), 2)
        self.table.setAccessibleName(self.tr("What failed"))
        self.table.setHorizontalHeaderLabels([self.tr("What"), self.tr("Why")])
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setItemDelegate(WholeRows(self.table))
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setHighlightSections(False)
        self.table.horizontalHeader().setDefaultAlignment(_LEFT)
        self.table.horizontalHeader().resizeSection(0, _NAME_WIDTH)
        self.table.horizontalHeader().setStretchLastSection(True)
        for place, one in enumerate(self._failures):
            why = told(one.reason, one.hint)
            for column, text in enumerate((one.name, why)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(place, column, item)
        self.copy = button(self.tr("Copy the list"))
        self.retry = button(self.tr("Retry these"))
        self.close_button = button(self.tr("Close"), kind="primary")
        self.retry.setVisible(doing.can_retry)
        self.copy.clicked.connect(self._copy)
        self.retry.clicked.connect(self.accept)
        self.close_button.clicked.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(section(f"{doing.title}: {doing.result}"))
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons_row(self.copy, self.retry, self.close_button))
        self.close_button.setDefault(True)
        self.close_button.setFocus()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(copy_of(self._failures))
