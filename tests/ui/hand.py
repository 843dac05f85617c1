"""An owner's hand: the same act by mouse, or by keys alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QContextMenuEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QTabBar,
    QToolTip,
    QWidget,
)

from grokdesk.ui.shell import Shell
from tests.ui.faces import dialog, press, settle

by = pytest.mark.parametrize("by", ["mouse", "keys"])

CTRL = Qt.KeyboardModifier.ControlModifier
_LEFT = Qt.MouseButton.LeftButton
_FAR = 120
_MOMENT = 0.025


@dataclass
class Hand:
    """Does what an owner does. A widget that cannot be reached in this way fails the test."""

    shell: Shell
    mouse: bool

    async def go(self, place: str) -> None:
        """Show a place of the window."""
        window = self.shell.window
        if self.mouse:
            await self.use(window.sidebar.buttons[place])
            return
        window.activateWindow()
        number = [entry.key for entry in window.entries].index(place) + 1
        press(window, Qt.Key(Qt.Key.Key_0 + number % 10), CTRL)
        await settle(_MOMENT)

    async def use(self, widget: QWidget) -> None:
        """Press a button, or set a tick."""
        self.reach(widget)
        if self.mouse:
            QTest.mouseClick(widget, _LEFT)
        else:
            QTest.keyClick(widget, Qt.Key.Key_Space)
        await settle(_MOMENT)

    async def write(self, field: QLineEdit | QPlainTextEdit, text: str) -> None:
        """Replace what stands in a field."""
        self.reach(field)
        if self.mouse:
            QTest.mouseClick(field if isinstance(field, QLineEdit) else field.viewport(), _LEFT)
            field.selectAll()
        else:
            QTest.keyClick(field, Qt.Key.Key_A, CTRL)
        if text:
            QTest.keyClicks(field, text)
        else:
            QTest.keyClick(field, Qt.Key.Key_Delete)
        await settle(0.2)

    async def choose(self, box: QComboBox, text: str) -> None:
        """Choose a line of a box."""
        self.reach(box)
        if self.mouse:
            QTest.mouseClick(box, _LEFT)
        else:
            QTest.keyClick(box, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
        await settle(_MOMENT)
        view, place = box.view(), box.findText(text)
        assert place >= 0, [box.itemText(one) for one in range(box.count())]
        assert view.isVisible()
        if self.mouse:
            view.scrollTo(box.model().index(place, 0))
            spot = view.visualRect(box.model().index(place, 0)).center()
            QTest.mouseClick(view.viewport(), _LEFT, pos=spot)
        else:
            QTest.keyClick(view, Qt.Key.Key_Home)
            for _ in range(place):
                QTest.keyClick(view, Qt.Key.Key_Down)
            QTest.keyClick(view, Qt.Key.Key_Return)
        await settle(_MOMENT)
        assert box.currentText() == text

    async def line(self, opener: QWidget, path: str) -> None:
        """Open a menu by its button and choose a line; of a menu inside it after `>`."""
        await self.use(opener)
        await self.choose_line(path)

    async def choose_line(self, path: str) -> None:
        """Choose a line of the open menu."""
        for text in path.split(" > "):
            menu = self.menu()
            lines = {one.text().partition("\t")[0]: one for one in menu.actions()}
            assert text in lines, list(lines)
            line = lines[text]
            assert line.isEnabled(), text
            inner = line.menu() is not None
            if self.mouse:
                QTest.mouseClick(menu, _LEFT, pos=menu.actionGeometry(line).center())
            else:
                for _ in range(len(lines) + 1):
                    if menu.activeAction() is line:
                        break
                    QTest.keyClick(menu, Qt.Key.Key_Down)
                assert menu.activeAction() is line, text
                QTest.keyClick(menu, Qt.Key.Key_Right if inner else Qt.Key.Key_Return)
            await settle(_MOMENT)

    def menu(self) -> QMenu:
        """The open menu."""
        found = QApplication.activePopupWidget()
        assert isinstance(found, QMenu), found
        return found

    async def leave_menu(self) -> None:
        """Close a menu that stays open, without choosing more."""
        if self.mouse:
            QTest.mouseClick(self.menu(), _LEFT, pos=QPoint(-400, -400))
        else:
            QTest.keyClick(self.menu(), Qt.Key.Key_Escape)
        await settle(_MOMENT)

    async def menu_of(self, view: QAbstractItemView) -> None:
        """Open the menu of what is selected in a list."""
        self.reach(view)
        spot, reason = QPoint(0, 0), QContextMenuEvent.Reason.Keyboard
        if self.mouse:
            reason = QContextMenuEvent.Reason.Mouse
            spot = view.visualRect(view.selectionModel().selectedIndexes()[0]).center()
        target = view.viewport() if self.mouse else view
        QApplication.sendEvent(target, QContextMenuEvent(reason, spot, target.mapToGlobal(spot)))
        await settle(_MOMENT)

    async def pick(self, view: QAbstractItemView, *places: int) -> None:
        """Select these lines of a list, and no others."""
        self.reach(view)
        plain = Qt.KeyboardModifier.NoModifier
        if self.mouse:
            for number, place in enumerate(places):
                index = view.model().index(place, 0)
                view.scrollTo(index)
                spot = view.visualRect(index).center()
                QTest.mouseClick(view.viewport(), _LEFT, CTRL if number else plain, spot)
        else:
            self._pick_by_keys(view, places)
        await settle(_MOMENT)
        assert sorted({one.row() for one in view.selectionModel().selectedIndexes()}) == sorted(places)

    @staticmethod
    def _pick_by_keys(view: QAbstractItemView, places: tuple[int, ...]) -> None:
        assert list(places) == list(range(places[0], places[-1] + 1)), "keys select what lies together"
        table = hasattr(view, "horizontalHeader")
        plain, on, back = Qt.KeyboardModifier.NoModifier, Qt.Key.Key_Right, Qt.Key.Key_Left
        if table:
            on, back = Qt.Key.Key_Down, Qt.Key.Key_Up
        if view.model().rowCount() == 1:
            QTest.keyClick(view, Qt.Key.Key_A, CTRL)
            return
        QTest.keyClick(view, Qt.Key.Key_Home, CTRL if table else plain)
        for _ in range(places[0] or 1):
            QTest.keyClick(view, on)
        if not places[0]:
            QTest.keyClick(view, back)
        for _ in places[1:]:
            QTest.keyClick(view, on, Qt.KeyboardModifier.ShiftModifier)

    async def turn(self, tabs: QTabBar, place: int) -> None:
        """Turn to another page of a row of tabs."""
        self.reach(tabs)
        if self.mouse:
            QTest.mouseClick(tabs, _LEFT, pos=tabs.tabRect(place).center())
        else:
            way = Qt.Key.Key_Right if place > tabs.currentIndex() else Qt.Key.Key_Left
            for _ in range(abs(place - tabs.currentIndex())):
                QTest.keyClick(tabs, way)
        await settle(_MOMENT)
        assert tabs.currentIndex() == place

    async def file(self, path: Path) -> None:
        """Name a file or a folder in the open dialog."""
        await settle(_MOMENT)
        box = dialog(QFileDialog)
        field = box.findChild(QLineEdit, "fileNameEdit")
        assert isinstance(field, QLineEdit)
        field.setFocus()
        field.selectAll()
        QTest.keyClicks(field, str(path))
        if self.mouse:
            buttons = box.findChild(QDialogButtonBox)
            assert isinstance(buttons, QDialogButtonBox)
            accept = buttons.buttons()[0]
            QTest.mouseClick(accept, _LEFT)
        else:
            QTest.keyClick(field, Qt.Key.Key_Return)
        await settle(_MOMENT)

    async def tip(self, view: QAbstractItemView, index: QModelIndex) -> str:
        """What a line says under the pointer; by keys the details say it."""
        spot = view.visualRect(index).center()
        where = view.viewport().mapToGlobal(spot)
        QApplication.sendEvent(view.viewport(), QHelpEvent(QEvent.Type.ToolTip, spot, where))
        await settle(0.02)
        said = QToolTip.text()
        QToolTip.hideText()
        return said

    async def sort_by(self, header: QHeaderView, section: int) -> None:
        """Click a heading; only for the mouse."""
        spot = QPoint(header.sectionViewportPosition(section) + 10, header.height() // 2)
        QTest.mouseClick(header.viewport(), _LEFT, pos=spot)
        await settle(_MOMENT)

    async def key(self, key: Qt.Key, *held: Qt.KeyboardModifier) -> None:
        """Press a key where the keyboard is."""
        window = QApplication.activeModalWidget() or QApplication.activeWindow() or self.shell.window
        if not window.isActiveWindow():
            window.activateWindow()
            await settle(_MOMENT)
        press(window, key, *held)
        await settle(_MOMENT)

    def reach(self, widget: QWidget) -> None:
        """Be where something can be done: with the pointer over it, or with the keyboard in it."""
        window = widget.window()
        window.activateWindow()
        assert widget.isVisible(), widget.accessibleName()
        assert widget.isEnabled(), widget.accessibleName()
        if self.mouse:
            self._scroll_to(widget)
            middle = widget.mapTo(window, widget.visibleRegion().boundingRect().center())
            found = window.childAt(middle)
            inside = found is not None and (found is widget or widget.isAncestorOf(found))
            assert inside, (widget.accessibleName(), found)
            return
        for _ in range(_FAR):
            if window.focusWidget() is widget:
                return
            press(window, Qt.Key.Key_Tab)
        pytest.fail(f"Tab does not reach {widget.accessibleName()!r}")

    @staticmethod
    def _scroll_to(widget: QWidget) -> None:
        above = widget.parentWidget()
        while above is not None:
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(widget, 0, above.viewport().height() // 2)
                QApplication.sendPostedEvents()
            above = above.parentWidget()
