"""The report for others who are to help: everything in it is shown before it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QSplitter,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from grokdesk.engine.diagnostics import Sheet
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.parts import Prose, button, buttons_row, quiet, section
from grokdesk.ui.widgets.tick import Tick
from grokdesk.ui.words import number

_SIZE: Final = (820, 540)
_KIB: Final = 1_024
_ROW: Final = 28
_NAME, _BYTES = range(2)


def show_diagnostics(desk: Desk, parent: QWidget) -> None:
    """Show what a report would hold, and save what is left of it."""
    desk.work.start(_shown(desk, parent), exclusive="diagnostics")


async def _shown(desk: Desk, parent: QWidget) -> None:
    sheets = await desk.host.diagnostics.sheets()
    dialog = DiagnosticsDialog(parent, desk, sheets)
    said = await dialogs.answer(dialog)
    chosen = dialog.chosen()
    if said is not dialogs.Answer.YES or not chosen:
        return
    path = await dialogs.save_file(
        parent, _tr("Save the report"), desk.host.diagnostics.file_name(), _tr("Zip files (*.zip)")
    )
    if path is not None:
        await desk.host.diagnostics.write(path, chosen)
        desk.say(_tr("The report is saved as %1.").replace("%1", path.name), "ok")


class DiagnosticsDialog(QDialog):
    """The files of the report with a switch each, and the text of the one that is looked at."""

    def __init__(self, parent: QWidget | None, desk: Desk, sheets: Sequence[Sheet]) -> None:
        super().__init__(parent)
        self._sheets = tuple(sheets)
        self._left_out: set[str] = set()
        name = self.tr("Report for others")
        self.setWindowTitle(name)
        self.setAccessibleName(name)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.tree = QTreeWidget()
        self.tree.setItemDelegate(_Lines(self.tree))
        self.tree.setAccessibleName(self.tr("Files of the report"))
        self.tree.setHeaderLabels([self.tr("File"), self.tr("Size")])
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_BYTES, QHeaderView.ResizeMode.ResizeToContents)
        for sheet in self._sheets:
            item = QTreeWidgetItem(self.tree, [sheet.name, _size(len(sheet.text.encode()))])
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(_NAME, Qt.CheckState.Checked)
            item.setSizeHint(_NAME, QSize(0, _ROW))
            item.setTextAlignment(_BYTES, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.about = Prose()
        self.inside = Tick(self.tr("In the report"), desk.look)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(code_font())
        self.text.setProperty("kind", "code")
        self.text.setAccessibleName(self.tr("Text of the file"))
        self.total = quiet()
        self.cancel = button(self.tr("Cancel"))
        self.save = button(self.tr("Save…"), kind="primary", look=desk.look, icon="save")
        self._build()
        self.tree.currentItemChanged.connect(lambda *_: self._show())
        self.tree.itemChanged.connect(self._ticked)
        self.inside.clicked.connect(self._switched)
        self.cancel.clicked.connect(self.reject)
        self.save.clicked.connect(self.accept)
        self.look_at(0)
        self.tree.setFocus()
        self._count()

    def _build(self) -> None:
        explained = quiet(
            self.tr(
                "This is all that is saved, and nothing is sent. Tokens, keys, passwords, mail addresses, "
                "names and what was said are taken out. Look through it, and leave out what others need not "
                "see."
            )
        )
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.setSpacing(GAP)
        top.addWidget(self.about, 1)
        top.addWidget(self.inside)
        column.addLayout(top)
        column.addWidget(self.text, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(GAP)
        split.addWidget(self.tree)
        split.addWidget(right)
        split.setSizes([230, 530])
        split.setStretchFactor(1, 1)
        below = QHBoxLayout()
        below.addWidget(self.total, 1)
        below.addLayout(buttons_row(self.cancel, self.save))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(section(self.tr("Report for others who are to help")))
        layout.addWidget(explained)
        layout.addWidget(split, 1)
        layout.addLayout(below)
        self.save.setDefault(True)
        self.resize(*_SIZE)

    def chosen(self) -> list[Sheet]:
        """The files that are to be saved."""
        return [sheet for sheet in self._sheets if sheet.name not in self._left_out]

    def look_at(self, place: int) -> None:
        """Show the text of a file."""
        self.tree.setCurrentIndex(self.tree.model().index(place, _NAME))

    def shown(self) -> Sheet:
        """The file that is looked at."""
        return self._sheets[max(0, self.tree.currentIndex().row())]

    def _show(self) -> None:
        sheet = self.shown()
        self.about.setText(_about(sheet))
        self.text.setPlainText(sheet.text)
        self.inside.setChecked(sheet.name not in self._left_out)
        self.inside.setAccessibleName(self.tr("%1 is in the report").replace("%1", sheet.name))

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        if column != _NAME:
            return
        name = item.text(_NAME)
        if item.checkState(_NAME) is Qt.CheckState.Checked:
            self._left_out.discard(name)
        else:
            self._left_out.add(name)
        self.inside.setChecked(self.shown().name not in self._left_out)
        self._count()

    def _switched(self) -> None:
        on = Qt.CheckState.Checked if self.inside.isChecked() else Qt.CheckState.Unchecked
        item = self.tree.currentItem()
        if item is not None:
            item.setCheckState(_NAME, on)

    def _count(self) -> None:
        chosen = self.chosen()
        size = _size(sum(len(sheet.text.encode()) for sheet in chosen))
        self.total.setText(self.tr("%n file(s), %1", "", len(chosen)).replace("%1", size))
        self.save.setEnabled(bool(chosen))


class _Lines(QStyledItemDelegate):
    """Draws no frame around the current cell: the selected line and the ring of the tree say where one is."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().initStyleOption(option, index)
        option.state &= ~QStyle.StateFlag.State_HasFocus


def _size(count: int) -> str:
    if count < _KIB:
        return _tr("%1 B").replace("%1", str(count))
    return _tr("%1 KB").replace("%1", number(round(count / _KIB)))


def _about(sheet: Sheet) -> str:
    known = {
        "about.json": _tr("The program, the system and the libraries it uses."),
        "settings.toml": _tr("All settings; of secrets only whether they are set."),
        "gateway.json": _tr("Whether apps can connect, and where."),
        "accounts.json": _tr("How many accounts there are, by state and tier."),
        "ways.json": _tr("The ways to Grok and how they fare."),
        "requests.json": _tr("The last requests, without what was said."),
        "troubles.json": _tr("What needs somebody."),
        "figures.json": _tr("Memory, and how promptly the program reacts."),
        "log.txt": _tr("The last lines of the log."),
    }
    return known.get(sheet.name, sheet.about)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Diagnostics", text)
