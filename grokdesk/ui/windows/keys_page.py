"""The page of keys: what they do, and other ones for it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from grokdesk.ui.actions import Group, group_title
from grokdesk.ui.desk import Desk
from grokdesk.ui.theme import GAP, MARGIN, NORMAL_SCALE, ROW
from grokdesk.ui.widgets.parts import Prose, button, hint, quiet, section, set_tone
from grokdesk.ui.widgets.table import by_rows

_SIZE: Final = (680, 560)
_SMALLEST: Final = (520, 420)
_OF_SCREEN: Final = 0.95
_WHAT, _WHERE, _KEYS = range(3)
_ROOM: Final = 24
_LONG_KEYS: Final = "Ctrl+Shift+K (changed)"
_NATIVE: Final = QKeySequence.SequenceFormat.NativeText
_PORTABLE: Final = QKeySequence.SequenceFormat.PortableText
_ONLY_HELD: Final = frozenset(
    {Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr}
)
_TEXT_KEYS: Final = (
    QKeySequence.StandardKey.Copy,
    QKeySequence.StandardKey.Cut,
    QKeySequence.StandardKey.Paste,
    QKeySequence.StandardKey.SelectAll,
    QKeySequence.StandardKey.Redo,
)


class KeyField(QLineEdit):
    """Takes the next combination that is pressed; Esc leaves, Backspace means none."""

    pressed = Signal(str)
    """The combination in Qt's portable spelling; empty for none."""
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setPlaceholderText(self.tr("Press the new keys"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            # Otherwise the window would do what the keys do.
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in _ONLY_HELD:
            return
        if not held and key is Qt.Key.Key_Escape:
            self.left.emit()
        elif not held and key in {Qt.Key.Key_Backspace, Qt.Key.Key_Delete}:
            self.pressed.emit("")
        else:
            self.pressed.emit(QKeySequence(event.keyCombination()).toString(_PORTABLE))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.setText("")


class KeysPage(QDialog):
    """All keys in one list, with a search, and a place to press other ones."""

    def __init__(self, desk: Desk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self._actions = desk.actions
        self._wanted = ""
        self._rows: list[str] = []
        self.setWindowTitle(self.tr("Keys"))
        self.setAccessibleName(self.tr("Keys"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumSize(*_SMALLEST)
        scale = desk.look.scale / NORMAL_SCALE
        room = self.screen().availableSize()
        wanted = QSize(round(_SIZE[0] * scale), round(_SIZE[1] * scale))
        self.resize(wanted.boundedTo(room * _OF_SCREEN))
        self._build()
        self._connect()
        self._fill()

    # -- what is shown

    def shown(self) -> list[tuple[str, str]]:
        """What is listed: what it does, and its keys."""
        return [
            (self._text(row, _WHAT), self._text(row, _KEYS))
            for row in range(self.table.rowCount())
            if not self.table.isRowHidden(row)
        ]

    def chosen(self) -> str:
        """The name of the act that is chosen; empty for none that can be changed."""
        row = self.table.currentRow()
        return self._rows[row] if 0 <= row < len(self._rows) and not self.table.isRowHidden(row) else ""

    def select(self, key: str) -> None:
        """Choose an act by its name."""
        self.table.setCurrentCell(self._rows.index(key), _WHAT)

    def apply_search(self, text: str) -> None:
        """List what has every word, in what it does or in its keys."""
        words = text.casefold().split()
        for row in range(self.table.rowCount()):
            all_of_it = " ".join(self._text(row, column) for column in range(3)).casefold()
            self.table.setRowHidden(row, not all(word in all_of_it for word in words))
        if self.table.isRowHidden(max(0, self.table.currentRow())):
            first = next((row for row in range(self.table.rowCount()) if not self.table.isRowHidden(row)), -1)
            self.table.setCurrentCell(first, _WHAT)
        self._show_chosen()

    # -- changing

    def take(self, keys: str) -> None:
        """Let these keys call what is chosen, unless they cannot; say whom they call already."""
        key = self.chosen()
        if not key:
            return
        reason = self._refusal(keys)
        if reason:
            self._say(reason, "error")
            return
        holder = self._actions.holder(keys, besides=key)
        if holder is not None:
            self._wanted = keys
            shown = QKeySequence(keys).toString(_NATIVE)
            text = self.tr("%1 already means “%2”.").replace("%1", shown).replace("%2", holder.text())
            self._say(text, "warn", asks=True)
            self.use_here.setFocus()
            return
        self._change(key, keys)

    def take_over(self) -> None:
        """Let the keys call what is chosen, and not what they called before."""
        if self._wanted and self.chosen():
            self._change(self.chosen(), self._wanted)

    def put_back(self) -> None:
        """Give what is chosen the keys it comes with."""
        if self.chosen():
            self._change(self.chosen(), None)

    def put_all_back(self) -> None:
        """Give everything the keys it comes with."""
        before = self._desk.host.live.now.keys.changed
        if before:
            self._save((), self.tr("All keys are as they come."), before)

    def _change(self, key: str, keys: str | None) -> None:
        before = self._desk.host.live.now.keys.changed
        act = self._actions.get(key)
        assert act is not None
        if keys is None:
            text = self.tr("“%1” has the keys it comes with.")
        elif keys:
            text = self.tr("%2 now means “%1”.").replace("%2", QKeySequence(keys).toString(_NATIVE))
        else:
            text = self.tr("“%1” has no keys now.")
        self._save(self._actions.changed_by(key, keys), text.replace("%1", act.text()), before)

    def _save(self, changed: tuple[str, ...], text: str, before: tuple[str, ...]) -> None:
        desk = self._desk
        self._say(text, "ok")
        self.table.setFocus()

        async def back() -> None:
            await desk.host.change({"keys.changed": before})

        async def save() -> None:
            await desk.host.change({"keys.changed": changed})
            desk.did(text, back)

        desk.work.start(save())

    def _refusal(self, keys: str) -> str:
        if not keys:
            return ""
        sequence = QKeySequence(keys)
        combination = sequence[0]  # type: ignore[index]  # the stub does not know
        held = combination.keyboardModifiers()
        shown = sequence.toString(_NATIVE)
        strong = held & ~Qt.KeyboardModifier.ShiftModifier
        function_key = Qt.Key.Key_F1 <= combination.key() <= Qt.Key.Key_F35
        if not strong and not function_key:
            return self.tr("%1 is needed for typing. Hold Ctrl or Alt, or use a function key.").replace(
                "%1", shown
            )
        if any(sequence in QKeySequence.keyBindings(one) for one in _TEXT_KEYS):
            return self.tr("%1 is needed for texts: copying, pasting, selecting.").replace("%1", shown)
        return ""

    # -- inside

    def _fill(self) -> None:
        chosen = self.chosen()
        acts = self._actions.all()
        fixed = self._fixed()
        self._rows = [act.key for act in acts]
        self.table.setRowCount(len(acts) + len(fixed))
        for row, act in enumerate(acts):
            shortcuts = self._actions.action(act.key).shortcuts()
            keys = self.tr(" or ").join(one.toString(_NATIVE) for one in shortcuts)
            if self._actions.is_changed(act.key):
                keys = self.tr("%1 (changed)").replace("%1", keys or "–")
            self._put(row, act.text(), group_title(act.group), keys or "–")
        for place, (text, keys) in enumerate(fixed, len(acts)):
            self._put(place, text, self.tr("Always"), keys)
        self.select(chosen if chosen in self._rows else self._rows[0])
        self.all_back.setEnabled(bool(self._actions.own_keys()))
        self.apply_search(self.search.text())

    def _fixed(self) -> list[tuple[str, str]]:
        """What is the same everywhere and cannot be changed."""
        return [
            (self.tr("Leave a search, close what lies on top"), self.tr("Esc")),
            (self.tr("Next control, control before"), self.tr("Tab, Shift+Tab")),
            (self.tr("Remove what is chosen, with undo"), self.tr("Delete")),
            (self.tr("Look at a picture, move in the wall"), self.tr("Space, arrow keys, Home, End")),
            (self.tr("Save changed settings"), self.tr("Ctrl+S")),
        ]

    def _put(self, row: int, *texts: str) -> None:
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            self.table.setItem(row, column, item)

    def _text(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return item.text() if item is not None else ""

    def _show_chosen(self) -> None:
        key = self.chosen()
        act = self._actions.get(key)
        self.field.setEnabled(act is not None)
        self.back.setEnabled(bool(key) and self._actions.is_changed(key))
        if act is None:
            self._label.setText(self.tr("These keys are the same everywhere."))
            self.field.setText("")
        else:
            self._label.setText(self.tr("Keys for “%1”").replace("%1", act.text()))
            self.field.setText(self._actions.shown_keys(key))
        self.field.setAccessibleName(self._label.text())
        self._say("")

    def _say(self, text: str, tone: str = "", *, asks: bool = False) -> None:
        self._said.setText(text)
        set_tone(self._said, tone)
        self.use_here.setVisible(asks)
        self.keep.setVisible(asks)
        if not asks:
            self._wanted = ""

    def said(self) -> str:
        """What the page says about the keys that were pressed."""
        return self._said.text()

    def _edit(self, *_: object) -> None:
        if self.field.isEnabled():
            self.field.setFocus()

    def _left_field(self) -> None:
        self._show_chosen()
        self.table.setFocus()

    def _build(self) -> None:
        self.search = QLineEdit()
        hint(self.search, self.tr("Find by what it does or by its keys"))
        self.search.setAccessibleName(self.tr("Find keys"))
        self.search.setClearButtonEnabled(True)
        self.table = QTableWidget(0, 3)
        by_rows(self.table, self.tr("Keys"))
        self.table.setHorizontalHeaderLabels([self.tr("What"), self.tr("Where"), self.tr("Keys")])
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.verticalHeader().setDefaultSectionSize(max(ROW, self.fontMetrics().height() + 12))
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(_WHAT, header.ResizeMode.Stretch)
        metrics = self.fontMetrics()
        where = max(metrics.horizontalAdvance(group_title(group)) for group in Group)
        header.resizeSection(_WHERE, where + _ROOM)
        header.resizeSection(_KEYS, metrics.horizontalAdvance(_LONG_KEYS) + _ROOM)
        self._label = Prose()
        self.field = KeyField()
        self.back = button(self.tr("As it comes"))
        self._said = Prose()
        self.use_here = button(self.tr("Use it here"))
        self.keep = button(self.tr("Keep it there"))
        kept = self.use_here.sizePolicy()
        # Otherwise the list would jump when a question comes up.
        kept.setRetainSizeWhenHidden(True)
        self.use_here.setSizePolicy(kept)
        self.all_back = button(self.tr("Put all back"))
        self.close_button = button(self.tr("Close"), kind="primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(section(self.tr("Keys")))
        column.addWidget(
            quiet(self.tr("Choose a line and press Enter, then the new keys. Backspace takes them away."))
        )
        column.addWidget(self.search)
        column.addWidget(self.table, 1)
        editing = QHBoxLayout()
        editing.setSpacing(8)
        editing.addWidget(self._label, 1)
        editing.addWidget(self.field)
        editing.addWidget(self.back)
        column.addLayout(editing)
        telling = QHBoxLayout()
        telling.setSpacing(8)
        telling.addWidget(self._said, 1)
        telling.addWidget(self.use_here)
        telling.addWidget(self.keep)
        column.addLayout(telling)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.all_back)
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        column.addLayout(foot)
        self.search.setFocus()

    def _connect(self) -> None:
        self.search.textChanged.connect(self.apply_search)
        self.table.currentCellChanged.connect(self._show_chosen)
        self.table.cellActivated.connect(self._edit)
        self.field.pressed.connect(self.take)
        self.field.left.connect(self._left_field)
        self.back.clicked.connect(self.put_back)
        self.use_here.clicked.connect(self.take_over)
        self.keep.clicked.connect(self._left_field)
        self.all_back.clicked.connect(self.put_all_back)
        self.close_button.clicked.connect(self.accept)
        self._actions.changed.connect(self._keys_changed)

    def _keys_changed(self) -> None:
        said, tone = self.said(), str(self._said.property("tone") or "")
        self._fill()
        self._say(said, tone)
