"""The palette: finding, choosing by keys and mouse, and how quick it is."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from shiboken6 import isValid

from grokdesk.ui.models.palette import Finding, Index, recent_first
from grokdesk.ui.windows.palette import Palette
from tests.ui.faces import Face, Open, click, clipboard, press, settle
from tests.ui.stand_in import account, every_state

CTRL = Qt.KeyboardModifier.ControlModifier
FRAME_S = 0.016


def finding(text: str, words: str = "", place: int = 0) -> Finding:
    """A thing that does nothing."""
    return Finding(text, text, "Thing", "", lambda: None, words, place=place)


def found(index: Index, query: str) -> list[str]:
    """The names of what is found."""
    return [one.text for one in index.find(query)]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("theme", ["Theme", "Theme of the day", "Dark theme"]),
        ("the da", ["Theme of the day", "Dark theme"]),
        ("dth", ["Dark theme"]),
        ("THEME d", ["Theme of the day", "Dark theme"]),
        ("port", ["Port", "Export", "Address"]),
        ("4765", ["Address"]),
        ("xyz", []),
        ("   ", []),
    ],
)
def test_the_best_comes_first(query: str, best: list[str]) -> None:
    """
    The same name, its begin, begins of words, parts, other words, and scattered letters, in this order.
    """
    index = Index(
        [
            finding("Dark theme"),
            finding("Theme of the day"),
            finding("Theme"),
            finding("Export"),
            finding("Port"),
            finding("Address", "port 4765"),
        ]
    )

    assert found(index, query) == best


def test_places_come_before_accounts_of_the_same_name() -> None:
    """
    Among equally good ones the rank decides.
    """
    index = Index([finding("Home", place=0)], [finding("Home office", place=3), finding("At home", place=3)])

    assert found(index, "home") == ["Home", "Home office", "At home"]


def test_what_was_chosen_last_is_remembered_first() -> None:
    """
    Each once, and not too many.
    """
    assert recent_first("b", ("a", "b", "c"), most=2) == ("b", "a")


def test_a_key_takes_less_than_a_frame_with_ten_thousand_accounts() -> None:
    """
    Also the first letter, which nearly everything has.
    """
    many = [
        finding(f"Name {number}", f"name.{number}@mail.example.org {number:04x}") for number in range(10_000)
    ]
    index = Index([finding(f"Setting {number}", f"section.key_{number}") for number in range(200)], many)
    slowest = 0.0
    for query in ("e", "ex", "n", "na", "name", "name 99", "99", "mail 77", "setting", "zzz"):
        times = []
        for _ in range(3):
            start = perf_counter()
            index.find(query)
            times.append(perf_counter() - start)
        slowest = max(slowest, min(times))

    assert slowest < FRAME_S


async def opened(face: Face) -> Palette:
    """The palette, opened by its keys."""
    face.window.activateWindow()
    press(face.window, Qt.Key.Key_K, CTRL)
    await settle()
    palette = face.window.does.palette
    assert palette is not None
    return palette


async def test_a_place_is_found_and_opened_by_keyboard(open_face: Open) -> None:
    """
    Ctrl+K, a few letters, Enter.
    """
    face = await open_face(every_state())
    palette = await opened(face)
    assert palette.field.hasFocus()

    QTest.keyClicks(palette.field, "sett")
    assert palette.texts()[0] == "Settings"
    press(face.window, Qt.Key.Key_Return)
    await settle()

    assert face.window.pane.key == "settings"
    assert face.window.does.palette is None


async def test_arrows_go_through_and_the_mouse_chooses(open_face: Open) -> None:
    """
    The keyboard stays in the field; the list goes round at its ends.
    """
    face = await open_face()
    palette = await opened(face)
    QTest.keyClicks(palette.field, "copy")
    assert palette.texts()[:2] == ["Copy key", "Copy address"]

    press(face.window, Qt.Key.Key_Down)
    assert palette.list.currentIndex().row() == 1
    press(face.window, Qt.Key.Key_Up)
    press(face.window, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == len(palette.texts()) - 1
    assert palette.field.hasFocus()
    place = palette.list.visualRect(palette.found.index(1)).center()
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    await settle()

    assert clipboard() == "http://127.0.0.1:4765/v1"
    assert face.window.does.palette is None


async def test_keys_are_shown_at_the_right_and_said_to_a_screen_reader(open_face: Open) -> None:
    """
    Each line tells its name, what it is, and its keys.
    """
    face = await open_face()
    palette = await opened(face)
    QTest.keyClicks(palette.field, "undo")

    first = palette.found.index(0)

    assert first.data(Qt.ItemDataRole.AccessibleTextRole) == "Undo the last act, In what is shown, Ctrl+Z"
    for widget in (palette, palette.field, palette.list):
        assert QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


async def test_settings_models_and_accounts_are_found(open_face: Open) -> None:
    """
    A setting by title and by its place in the file, a model by its name, an account by name and token end.
    """
    face = await open_face([replace(account(1), label="安娜"), account(77, email="leo@example.org")])
    wanted: list[str] = []
    face.shell.desk.pane_wanted.disconnect()
    face.shell.desk.pane_wanted.connect(wanted.append)
    for query in ("gateway.port", "grok-4.20-0309-reasoning", "安娜", "leo@", "0077"):
        palette = await opened(face)
        palette.field.setText(query)
        press(face.window, Qt.Key.Key_Return)
        await settle()

    assert wanted == [
        "settings:gateway.port",
        "models:grok-4.20-0309-reasoning",
        "accounts:id:acc00001",
        "accounts:id:acc00077",
        "accounts:id:acc00077",
    ]


async def test_the_last_ones_are_offered_first(open_face: Open) -> None:
    """
    Without a letter: what was chosen last, then everything that can be done; kept over starts.
    """
    face = await open_face()
    for query in ("undo", "dark theme"):
        palette = await opened(face)
        palette.field.setText(query)
        press(face.window, Qt.Key.Key_Return)
        await settle()

    palette = await opened(face)

    assert palette.texts()[:3] == ["Dark theme", "Undo the last act", "Home"]
    assert face.shell.memory.now.recent == ("act:theme dark", "act:undo")
    palette.dismiss()


@pytest.mark.parametrize("way", ["escape", "again", "beside"])
async def test_it_goes_away_and_gives_the_keyboard_back(open_face: Open, way: str) -> None:
    """
    By Esc, by its keys, and by a click beside it.
    """
    face = await open_face(every_state())
    face.window.go("settings")
    await settle()
    face.window.activateWindow()
    press(face.window, Qt.Key.Key_F, CTRL)
    before = face.window.focusWidget()
    assert isinstance(before, QLineEdit)
    palette = await opened(face)

    if way == "escape":
        press(face.window, Qt.Key.Key_Escape)
    elif way == "again":
        press(face.window, Qt.Key.Key_K, CTRL)
    else:
        QTest.mouseClick(
            face.window.pane, Qt.MouseButton.LeftButton, pos=QPoint(4, face.window.pane.height() - 4)
        )
    await settle()

    assert not isValid(palette)
    assert face.window.does.palette is None
    assert face.window.focusWidget() is before


async def test_tab_stays_inside(open_face: Open) -> None:
    """
    The only stop is the field, so Tab leads nowhere else.
    """
    face = await open_face()
    palette = await opened(face)

    press(face.window, Qt.Key.Key_Tab)

    assert palette.field.hasFocus()
    palette.dismiss()


async def test_nothing_found_is_said(open_face: Open) -> None:
    """
    And Enter does nothing then.
    """
    face = await open_face()
    palette = await opened(face)

    QTest.keyClicks(palette.field, "qqqq")
    press(face.window, Qt.Key.Key_Return)

    assert palette.texts() == []
    assert palette.is_open
    palette.dismiss()


async def test_actions_outlive_a_panel(open_face: Open) -> None:
    """
    What a panel asks of the focus chain costs nobody else a wrapper (PySide6 6.11).
    """
    face = await open_face()
    press(face.window, Qt.Key.Key_F6)
    palette = await opened(face)
    press(face.window, Qt.Key.Key_Tab)
    palette.dismiss()
    await settle()

    assert all(isValid(one.open_window) for one in face.window.sidebar.buttons.values())
    click(face.window.sidebar.buttons["settings"])
    assert face.window.pane.key == "settings"
