"""Panes in windows of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from grokdesk.core.notices import GatewayPhase
from grokdesk.ui.windows.pane_window import PaneWindow
from tests.ui.faces import Face, Open, click, no_dialog, press, settle
from tests.ui.stand_in import every_state
from tests.ui.test_keys import answered

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


async def taken_out(open_face: Open, key: str = "settings") -> tuple[Face, PaneWindow]:
    """A face with one pane in a window of its own, which is in front."""
    face = await open_face(every_state())
    window = face.window.detach(key)
    assert window is not None
    await settle()
    window.activateWindow()
    return face, window


@pytest.mark.parametrize("way", ["key", "button", "middle", "menu"])
async def test_a_pane_is_taken_out_in_four_ways(open_face: Open, way: str) -> None:
    """
    Ctrl+Shift+N, the button of the status bar, a middle click, and the menu of its entry.
    """
    face = await open_face(every_state())
    main = face.window
    pane = main.go("settings")
    main.activateWindow()
    entry = main.sidebar.buttons["settings"]

    if way == "key":
        press(main, Qt.Key.Key_N, CTRL, SHIFT)
    elif way == "button":
        click(main.status.detach)
    elif way == "middle":
        QTest.mouseClick(entry, Qt.MouseButton.MiddleButton)
    else:
        middle = entry.rect().center()
        QApplication.sendEvent(
            entry, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, middle, entry.mapToGlobal(middle))
        )
        QTest.keyClick(entry.menu_of_place, Qt.Key.Key_Down)
        QTest.keyClick(entry.menu_of_place, Qt.Key.Key_Return)
    await settle()

    window = main.windows_of_panes()["settings"]
    assert window.isVisible()
    assert pane.window() is window
    assert main.pane.key == "home"
    assert entry.accessibleDescription() == "In a window of its own"
    assert window.windowTitle() == "Settings — GrokDesk"


async def test_its_entry_and_links_raise_its_window(open_face: Open) -> None:
    """
    The main window keeps what it shows.
    """
    face, window = await taken_out(open_face)
    face.window.activateWindow()
    raised: list[str] = []

    click(face.window.sidebar.buttons["settings"])
    raised.append("entry" if QApplication.activeWindow() is window else "")
    face.window.activateWindow()
    face.shell.desk.pane_wanted.emit("settings:gateway.port")
    await settle()
    raised.append("link" if QApplication.activeWindow() is window else "")

    assert raised == ["entry", "link"]
    assert face.window.pane.key == "home"
    port = window.pane.search_field()
    assert port is not None
    assert "gateway.port" in window.pane.shown()  # type: ignore[attr-defined]
    assert window.focusWidget() is not port


async def test_ctrl_w_gives_the_pane_back(open_face: Open) -> None:
    """
    With everything in it, in sight in the main window.
    """
    face, window = await taken_out(open_face)
    pane = window.pane
    press(window, Qt.Key.Key_F, CTRL)
    QTest.keyClicks(window.focusWidget(), "port")

    press(window, Qt.Key.Key_W, CTRL)
    await settle()

    assert face.window.windows_of_panes() == {}
    assert face.window.pane is pane
    assert pane.isVisible()
    field = pane.search_field()
    assert field is not None
    assert field.text() == "port"
    assert no_dialog()
    assert face.window.sidebar.buttons["settings"].accessibleDescription() == ""


async def test_keys_mean_the_window_in_front(open_face: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    F5, Ctrl+F, F6 and the palette work where the owner is; numbers bring the main window to the front.
    """
    face, window = await taken_out(open_face)
    renewed: list[str] = []
    monkeypatch.setattr(window.pane, "renew", lambda: answered(renewed, "settings"))

    press(window, Qt.Key.Key_F5)
    press(window, Qt.Key.Key_F, CTRL)
    searching = window.focusWidget()
    press(window, Qt.Key.Key_K, CTRL)
    palette = face.window.does.palette
    assert palette is not None
    inside = palette.window()
    palette.dismiss()
    window.dock.setFocus()
    press(window, Qt.Key.Key_F6)
    region = window.focusWidget()
    press(window, Qt.Key.Key_1, CTRL)
    await settle()

    assert renewed == ["settings"]
    assert searching is window.pane.search_field()
    assert inside is window
    assert window.pane.isAncestorOf(region)
    assert QApplication.activeWindow() is face.window
    assert face.window.pane.key == "home"


async def test_what_is_said_appears_in_the_window_in_front(open_face: Open) -> None:
    """
    And only there.
    """
    face, window = await taken_out(open_face)

    face.shell.desk.say("Here.")
    face.window.activateWindow()
    await settle()
    face.shell.desk.say("There.")

    assert window.toasts.texts() == ["Here."]
    assert face.window.toasts.texts() == ["There."]


async def test_its_place_is_remembered(open_face: Open) -> None:
    """
    For each pane, over starts.
    """
    first, window = await taken_out(open_face)
    window.setGeometry(QRect(30, 40, 640, 480))
    await settle()
    await first.shell.leave()

    face, again = await taken_out(open_face)

    assert again.geometry() == QRect(QPoint(30, 40), again.size())
    assert (again.width(), again.height()) == (640, 480)
    assert face.window.windows_of_panes() == {"settings": again}


async def test_it_stays_when_the_main_window_goes_and_ends_with_the_program(open_face: Open) -> None:
    """
    Hiding the main window hides no other; leaving closes all.
    """
    face, window = await taken_out(open_face)

    face.window.hide()
    await settle()
    stayed = window.isVisible()
    face.shell.desk.say("Still here.")
    heard = window.toasts.texts()
    await face.shell.leave()
    await settle()

    assert stayed
    assert heard == ["Still here."]
    assert face.window.windows_of_panes() == {}
    assert not any(isinstance(one, PaneWindow) and one.isVisible() for one in QApplication.topLevelWidgets())


async def test_one_pane_stays(open_face: Open) -> None:
    """
    The last one cannot be taken out, and the button says so by being off.
    """
    face = await open_face(every_state())
    main = face.window
    main._places = tuple(one for one in main._places if one.key in {"home", "settings"})  # noqa: SLF001 - the others need the whole program
    main.detach("settings")
    main.activateWindow()
    can = main.status.detach.isEnabled()

    assert main.detach("home") is None

    await settle()
    assert not can
    assert main.toasts.texts() == ["One pane stays in the main window."]


async def test_unsaved_changes_in_a_window_count(open_face: Open) -> None:
    """
    Quitting asks, wherever they are.
    """
    face, window = await taken_out(open_face)
    window.pane.draft.put({"gateway.port": 4999})  # type: ignore[attr-defined]

    assert face.window.unsaved() == 1


async def test_building_anew_keeps_windows_and_what_is_in_them(
    open_face: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    As for another language: the window stays, its pane is another with the same contents.
    """
    face, window = await taken_out(open_face)
    before, box = window.pane, window.geometry()
    monkeypatch.setattr(type(before), "keepsake", lambda _: {"a": 1}, raising=False)
    got: list[Mapping[str, Any]] = []
    monkeypatch.setattr(type(before), "put_back", lambda _, kept: got.append(kept), raising=False)

    face.window.rebuild()
    await settle()

    assert window.pane is not before
    assert window.pane.isVisible()
    assert window.geometry() == box
    assert got == [{"a": 1}]
    assert face.window.sidebar.buttons["settings"].accessibleDescription() == "In a window of its own"
    click(window.dock)
    await settle()
    assert face.window.pane.key == "settings"
    assert face.host.gateway.state.phase is GatewayPhase.RUNNING
