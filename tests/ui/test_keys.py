"""Every key of the brief (ux.md §6) pressed on a real window, and the page where they are changed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMenu, QWidget

from grokdesk.core.settings import Settings
from grokdesk.platform.settings_file import InvalidSettings
from grokdesk.ui.actions import Act, Actions, Group
from grokdesk.ui.menu_bar import menu_bar
from grokdesk.ui.windows.add_accounts import AddAccounts
from grokdesk.ui.windows.frame_acts import PLACE_KEYS
from grokdesk.ui.windows.keys_page import KeysPage
from grokdesk.ui.windows.palette import Palette
from tests.ui.faces import Face, Open, click, clipboard, dialog, no_dialog, press, settle
from tests.ui.stand_in import account, every_state, some_runs

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier
NUMBERS = {number: getattr(Qt.Key, f"Key_{number}") for number in "1234567890"} | {"-": Qt.Key.Key_Minus}


async def front(open_face: Open, *args: object) -> Face:
    """A face whose window is in use."""
    face = await open_face(*args)
    face.window.activateWindow()
    return face


async def until(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    for _ in range(500):
        if true():
            return
        await settle(0.01)
    raise AssertionError("it never came true")


def answered(asked: list[str], name: str) -> bool:
    """What a pane does that has something to do: note it, and say yes."""
    asked.append(name)
    return True


# --- the keys of the brief
# ------------------------------------------------------------------------------------------------------


async def test_ctrl_and_a_number_show_the_panes_in_order(open_face: Open) -> None:
    """
    Ctrl+1 the first, Ctrl+2 the second, and so on; the sidebar says the same.
    """
    face = await front(open_face, every_state(), some_runs())
    order = [entry.key for entry in face.window.entries]
    shown = []
    for number, place in zip(PLACE_KEYS, order, strict=False):
        if place in {"library", "accounts", "requests", "connect", "network"}:
            continue  # their parts are missing in the small program; the whole one is in other tests
        press(face.window, NUMBERS[number], CTRL)
        await settle(0)
        shown.append((face.window.pane.key, face.window.sidebar.buttons[place].isChecked()))

    assert shown == [("home", True), ("settings", True)]
    for number, place in zip(PLACE_KEYS, order, strict=False):
        assert f"Ctrl+{number}" in [one.toString() for one in face.window.acts[f"go {place}"].shortcuts()]


async def test_ctrl_comma_shows_the_settings(open_face: Open) -> None:
    """
    Where every program has them.
    """
    face = await front(open_face)

    press(face.window, Qt.Key.Key_Comma, CTRL)

    assert face.window.pane.key == "settings"


async def test_ctrl_f_searches_here_and_esc_leaves(open_face: Open) -> None:
    """
    The first Esc empties the search, the second gives the keyboard back.
    """
    face = await front(open_face)
    pane = face.window.go("settings")
    await settle()
    face.window.status.toggle.setFocus()

    press(face.window, Qt.Key.Key_F, CTRL)
    field = face.window.focusWidget()
    assert isinstance(field, QLineEdit)
    assert field is pane.search_field()
    QTest.keyClicks(field, "port")
    press(face.window, Qt.Key.Key_Escape)
    assert (field.text(), field.hasFocus()) == ("", True)
    press(face.window, Qt.Key.Key_Escape)

    assert face.window.status.toggle.hasFocus()


async def test_ctrl_n_begins_what_the_pane_begins_or_adds_accounts(open_face: Open) -> None:
    """
    Home begins nothing of its own.
    """
    face = await front(open_face)

    press(face.window, Qt.Key.Key_N, CTRL)
    await settle()

    dialog(AddAccounts).reject()
    await settle()


async def test_ctrl_dot_and_f5_ask_the_pane_first(open_face: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A pane that stops or refreshes something is asked; otherwise the frame says so, or checks the accounts.
    """
    face = await front(open_face, [account(1)])
    pane = face.window.pane
    press(face.window, Qt.Key.Key_Period, CTRL)
    press(face.window, Qt.Key.Key_F5)
    said = face.window.toasts.texts()
    asked: list[str] = []

    for name in ("halt", "renew", "begin"):
        monkeypatch.setattr(pane, name, partial(answered, asked, name))
    press(face.window, Qt.Key.Key_Period, CTRL)
    press(face.window, Qt.Key.Key_F5)
    press(face.window, Qt.Key.Key_N, CTRL)
    await settle()

    assert said == ["Nothing is running here.", "Checking 1 account…"]
    assert face.host.checks.asked == ["acc00001"]
    assert asked == ["halt", "renew", "begin"]
    assert no_dialog()


async def test_ctrl_z_undoes_the_last_act(open_face: Open) -> None:
    """
    Of whatever pane it was.
    """
    face = await front(open_face, [account(1)])
    face.shell.desk.remove_accounts([face.host.pool.accounts()[0].id])
    await settle()
    assert len(face.host.pool) == 0

    press(face.window, Qt.Key.Key_Z, CTRL)
    await settle()

    assert len(face.host.pool) == 1


async def test_address_and_key_are_copied(open_face: Open) -> None:
    """
    Ctrl+Shift+C and Ctrl+Shift+K, from anywhere.
    """
    face = await front(open_face)
    press(face.window, Qt.Key.Key_C, CTRL, SHIFT)
    address = clipboard()
    press(face.window, Qt.Key.Key_K, CTRL, SHIFT)

    assert address == "http://127.0.0.1:4765/v1"
    assert clipboard().startswith("gd-")


async def test_ctrl_w_closes_and_ctrl_q_quits(open_face: Open) -> None:
    """
    Closing asks what to do; quitting with nothing to lose ends at once.
    """
    face = await front(open_face)
    closed: list[bool] = []
    face.window.close_wanted.disconnect()
    face.window.close_wanted.connect(lambda: closed.append(True))

    press(face.window, Qt.Key.Key_W, CTRL)
    press(face.window, Qt.Key.Key_Q, CTRL)

    assert closed == [True]
    assert face.host.shutdown.requested


async def test_f6_goes_round_the_regions(open_face: Open) -> None:
    """
    Sidebar, status bar, banner, pane, strip of work, and back; Shift+F6 the other way.
    """
    face = await front(open_face, every_state())
    window = face.window
    face.shell.desk.doing.long_ms = 0
    window.set_tray_hint(missing=False)
    face.host.notes.append("Something to know.")
    window.set_tray_hint(missing=False)
    doing = face.shell.desk.doing.begin("Check 3 accounts", 3, lambda: None)
    await until(lambda: window.strip.isVisible() and window.banner.isVisible())
    window.sidebar.buttons["home"].setFocus()

    def region() -> str:
        here = window.focusWidget()
        names: list[tuple[str, QWidget]] = [
            ("sidebar", window.sidebar),
            ("status", window.status),
            ("banner", window.banner),
            ("strip", window.strip),
            ("pane", window.pane),
        ]
        return next((name for name, one in names if one.isAncestorOf(here)), "?")

    forward = []
    for _ in range(5):
        press(window, Qt.Key.Key_F6)
        forward.append(region())
    back = []
    for _ in range(5):
        press(window, Qt.Key.Key_F6, SHIFT)
        back.append(region())

    assert forward == ["status", "banner", "pane", "strip", "sidebar"]
    assert back == ["strip", "pane", "banner", "status", "sidebar"]
    doing.finish()


async def test_text_grows_and_shrinks_within_its_bounds(open_face: Open) -> None:
    """
    Ctrl+= and Ctrl+- in steps of ten to 200 and 80 percent, Ctrl+Shift+0 back; kept in the settings.
    """
    face = await front(open_face, every_state())
    window = face.window
    height = window.fontMetrics().height()

    async def pressed(times: int, key: Qt.Key, *held: Qt.KeyboardModifier) -> tuple[int, int]:
        """Press keys so often; what the settings then say, and how tall a line is in the new window."""
        before = window.status
        for _ in range(times):
            press(window, key, *held)
        await until(lambda: window.status is not before)
        await until(lambda: face.host.live.now.appearance.text_scale == face.shell.desk.look.scale)
        return face.host.live.now.appearance.text_scale, window.fontMetrics().height()

    try:
        largest = await pressed(12, Qt.Key.Key_Equal, CTRL)
        smallest = await pressed(14, Qt.Key.Key_Minus, CTRL)
        usual = await pressed(1, Qt.Key.Key_0, CTRL, SHIFT)
    finally:
        face.shell.desk.look.choose_scale(100)

    assert largest[0] == 200
    assert largest[1] > 1.8 * height
    assert smallest[0] == 80
    assert smallest[1] < height
    assert usual == (100, height)


async def test_f1_lists_the_keys(open_face: Open) -> None:
    """
    Every act with its keys, and those that are always the same.
    """
    face = await front(open_face)

    press(face.window, Qt.Key.Key_F1)
    await settle()
    page = dialog(KeysPage)
    listed = dict(page.shown())

    assert listed["Find anything"] == "Ctrl+K"
    assert listed["Larger text"] == "Ctrl+= or Ctrl++"
    assert listed["Leave a search, close what lies on top"] == "Esc"
    assert {act.text() for act in face.shell.desk.actions.all()} <= listed.keys()
    press(page, Qt.Key.Key_Escape)
    await settle()
    assert no_dialog()


# --- changing them
# ------------------------------------------------------------------------------------------------------


def open_palette(face: Face) -> Palette | None:
    """The palette, while it is open."""
    return face.window.does.palette


def own(face: Face) -> tuple[str, ...]:
    """The changed keys in the settings."""
    return face.host.live.now.keys.changed


async def keys_page(face: Face) -> KeysPage:
    """The page, opened by its key."""
    press(face.window, Qt.Key.Key_F1)
    await settle()
    return dialog(KeysPage)


async def test_other_keys_are_pressed_and_work_at_once(open_face: Open) -> None:
    """
    By keyboard only: search, Enter, the keys. They are in the settings file, and Ctrl+Z takes them back.
    """
    face = await front(open_face)
    page = await keys_page(face)
    QTest.keyClicks(page.search, "find anything")
    assert page.shown() == [("Find anything", "Ctrl+K")]
    page.table.setFocus()
    press(page, Qt.Key.Key_Return)
    assert page.field.hasFocus()

    press(page, Qt.Key.Key_P, CTRL, ALT)
    await settle()

    assert page.said() == "Ctrl+Alt+P now means “Find anything”."
    assert own(face) == ("palette = Ctrl+Alt+P",)
    assert page.shown() == [("Find anything", "Ctrl+Alt+P (changed)")]
    page.accept()
    await settle()
    face.window.activateWindow()
    await settle()
    press(face.window, Qt.Key.Key_K, CTRL)
    assert not open_palette(face)
    press(face.window, Qt.Key.Key_P, CTRL, ALT)
    found = open_palette(face)
    assert found is not None
    found.dismiss()
    press(face.window, Qt.Key.Key_Z, CTRL)
    await settle()
    assert own(face) == ()
    assert face.shell.desk.actions.shown_keys("palette") == "Ctrl+K"


async def test_a_conflict_is_named_and_decided(open_face: Open) -> None:
    """
    Who has the keys is said; they go over only when asked to, and then mean one thing.
    """
    face = await front(open_face)
    page = await keys_page(face)
    page.select("renew")
    page.field.setFocus()

    press(page, Qt.Key.Key_K, CTRL)
    assert page.said() == "Ctrl+K already means “Find anything”."
    click(page.keep)
    assert face.shell.desk.actions.shown_keys("renew") == "F5"
    page.field.setFocus()
    press(page, Qt.Key.Key_K, CTRL)
    click(page.use_here)
    await settle()

    assert set(own(face)) == {"renew = Ctrl+K", "palette ="}
    shown = face.shell.desk.actions.shown_keys
    assert (shown("renew"), shown("palette")) == ("Ctrl+K", "")
    click(page.all_back)
    await settle()
    assert (shown("renew"), shown("palette")) == ("F5", "Ctrl+K")
    page.reject()
    await settle()


@pytest.mark.parametrize(
    ("key", "held", "said"),
    [
        (Qt.Key.Key_A, (), "A is needed for typing. Hold Ctrl or Alt, or use a function key."),
        (Qt.Key.Key_C, (CTRL,), "Ctrl+C is needed for texts: copying, pasting, selecting."),
        (Qt.Key.Key_Return, (), "Return is needed for typing. Hold Ctrl or Alt, or use a function key."),
    ],
)
async def test_keys_that_are_needed_elsewhere_are_refused(
    open_face: Open, key: Qt.Key, held: tuple[Qt.KeyboardModifier, ...], said: str
) -> None:
    """
    With the reason; nothing changes.
    """
    face = await front(open_face)
    page = await keys_page(face)
    page.select("renew")
    page.field.setFocus()

    press(page, key, *held)

    assert page.said() == said
    assert own(face) == ()
    page.reject()
    await settle()


async def test_keys_are_taken_away_and_put_back(open_face: Open) -> None:
    """
    Backspace means none; one line is put back by its button.
    """
    face = await front(open_face)
    page = await keys_page(face)
    page.select("quit")
    page.field.setFocus()

    press(page, Qt.Key.Key_Backspace)
    await settle()
    assert own(face) == ("quit =",)
    assert face.shell.desk.actions.shown_keys("quit") == ""
    page.select("quit")
    click(page.back)
    await settle()

    assert own(face) == ()
    assert face.shell.desk.actions.shown_keys("quit") == "Ctrl+Q"
    page.reject()
    await settle()


def test_the_settings_file_is_checked() -> None:
    """
    Only a name and keys are understood, each name once.
    """
    for good in ("palette = Ctrl+P", "quit =", "larger = Ctrl++", "go home = F2", "find = Ctrl+Shift+="):
        assert Settings.model_validate({"keys": {"changed": [good]}}).keys.changed == (good,)
    for bad in ("Ctrl+P", "= Ctrl+P", "palette = Hyper+P", "palette = Ctrl+", "palette = Ctrl+P, X"):
        with pytest.raises(ValueError, match="is no name and keys"):
            Settings.model_validate({"keys": {"changed": [bad]}})
    with pytest.raises(ValueError, match="stands here twice"):
        Settings.model_validate({"keys": {"changed": ["quit = F2", "quit = F3"]}})


async def test_a_wrong_line_is_refused_by_name(open_face: Open) -> None:
    """
    As every other setting.
    """
    face = await open_face()

    with pytest.raises(InvalidSettings, match=r"keys\.changed"):
        await face.host.change({"keys.changed": ["what"]})


def test_no_two_acts_have_the_same_keys() -> None:
    """
    What the owner chose wins over what another one comes with, and an unknown name harms nobody.
    """
    actions = Actions()
    actions.offer(
        Act(key, Group.HERE, lambda key=key: key, lambda: None, keys)  # type: ignore[misc]
        for key, keys in (("a", ("Ctrl+A", "F2")), ("b", ("Ctrl+B",)))
    )

    actions.follow(Settings.model_validate({"keys": {"changed": ["b = F2", "nobody = Ctrl+A"]}}))

    keys = {key: [one.toString() for one in actions.action(key).shortcuts()] for key in ("a", "b")}
    assert keys == {"a": ["Ctrl+A"], "b": ["F2"]}
    assert actions.holder("F2") is actions.get("b")


def test_the_keys_as_they_come_do_not_collide(qapp: object) -> None:
    """
    Every combination of the brief calls one act, also with eleven places.
    """
    taken = [f"Ctrl+{one}" for one in PLACE_KEYS]

    assert len(set(taken)) == len(taken) == 11


async def test_the_menu_bar_of_macos_is_made_of_the_same_actions(open_face: Open) -> None:
    """
    A menu for each group, and nothing in it that is not in the list.
    """
    face = await open_face()
    actions = face.shell.desk.actions

    bar = menu_bar(actions)

    menus = {one.text(): one.menu() for one in bar.actions()}
    assert list(menus) == ["Places", "In what is shown", "Gateway", "Windows", "Program"]
    held = [one for menu in menus.values() if isinstance(menu, QMenu) for one in menu.actions()]
    assert held == [actions.action(act.key) for group in Group for act in actions.all() if act.group is group]
    bar.deleteLater()
