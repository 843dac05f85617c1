"""The main window, driven by mouse and keys."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QSystemTrayIcon,
    QTabBar,
    QTableView,
    QWidget,
)

from grokdesk.core.accounts import AccountId, Status
from grokdesk.core.notices import GatewayPhase, GatewayState, Trouble
from grokdesk.core.settings import Theme
from grokdesk.engine.import_export import How
from grokdesk.ui import dialogs
from grokdesk.ui.windows.add_accounts import AddAccounts
from grokdesk.ui.windows.home import Home, snippet
from grokdesk.ui.windows.requests import RequestsPane
from tests.ui.faces import Face, Open, click, clipboard, dialog, no_dialog, press, settle
from tests.ui.stand_in import account, every_state, some_runs, token

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def home(face: Face) -> Home:
    pane = face.window.go("home")
    assert isinstance(pane, Home)
    return pane


# --- first steps
# -----------------------------------------------------------------------------------------------------


async def test_without_accounts_it_explains_and_offers_to_add_one(open_face: Open) -> None:
    """
    A new owner sees what to do first; with the first account the overview appears.
    """
    face = await open_face()
    pane = home(face)
    assert pane.first_run.isVisible()

    click(pane.first_run.add)
    await settle()
    adding = dialog(AddAccounts)
    QTest.keyClicks(adding.paste, token(1))
    await settle(0.25)
    click(adding.add)
    await settle(0.15)

    assert len(face.host.pool) == 1
    assert face.host.checks.asked == [face.host.pool.accounts()[0].id]
    assert not pane.first_run.isVisible()
    assert face.window.toasts.texts() == ["1 account added."]


def shown(adding: AddAccounts) -> list[tuple[str, str]]:
    """The list of the preview: where, and what happens."""
    model = adding.table.model()
    return [
        (str(model.index(row, 0).data()), str(model.index(row, 2).data())) for row in range(model.rowCount())
    ]


async def choose(adding: AddAccounts, how: How) -> None:
    """Choose what is to happen to accounts that are here."""
    adding.how.setCurrentIndex(adding.how.findData(how))
    await settle()


async def test_the_preview_says_what_would_happen_before_anything_is_saved(open_face: Open) -> None:
    """
    New, known, repeated and unreadable lines are told apart, and Cancel leaves everything as it was.
    """
    face = await open_face([account(1)])
    face.window.add_accounts("\n".join([token(1), token(2), token(2), "not a token at all", token(3)]))
    await settle()
    adding = dialog(AddAccounts)

    assert adding.summary() == "2 new accounts, 1 already there, 1 named twice, 1 line not understood."
    assert shown(adding) == [
        ("line 4", "Not understood: a token has no spaces"),
        ("line 2", "New"),
        ("line 5", "New"),
        ("line 1", "Already there"),
        ("line 3", "The same account as line 2"),
    ]
    assert adding.add.text() == "Add 2 accounts"
    assert len(face.host.pool) == 1
    click(adding.cancel)
    await settle()
    assert len(face.host.pool) == 1
    assert no_dialog()


async def test_what_becomes_of_known_accounts_is_asked_only_when_there_are_some(open_face: Open) -> None:
    """
    New accounts are just added; for a file, which may be meant as a whole, it is asked.
    """
    face = await open_face([account(1)])
    face.window.add_accounts(token(2))
    await settle()
    adding = dialog(AddAccounts)

    asked = [adding.how.isVisible()]
    adding.paste.setPlainText(f"{token(1)}\n{token(2)}")
    adding.read()
    asked.append(adding.how.isVisible())
    adding.take_file(token(3).encode(), "more.txt")
    asked.append(adding.how.isVisible())

    assert asked == [False, True, True]
    assert adding.chosen is How.ADD
    adding.reject()


async def test_an_update_and_a_replacement_are_shown_before_they_are_done(open_face: Open) -> None:
    """
    Each line says what changes, the button says all of it, and what was removed can be brought back.
    """
    face = await open_face([account(1), account(2, label="Studio"), account(3, user_id="u-3")])
    file = json.dumps(
        [
            {"token": token(1), "name": "Anna", "tags": ["vip"]},
            {"token": token(9), "user_id": "u-3"},
            {"token": token(4)},
        ]
    )
    face.window.add_accounts(file.encode())
    await settle()
    adding = dialog(AddAccounts)
    offered = shown(adding)

    await choose(adding, How.UPDATE)
    updating = (shown(adding), adding.add.text())
    await choose(adding, How.REPLACE)
    replacing = (shown(adding), adding.add.text(), adding.add.isDefault())
    click(adding.add)
    await settle(0.15)

    lines = [("entry 1", "Updated: name, tags"), ("entry 2", "Updated: new token"), ("entry 3", "New")]
    gone = ("–", "Removed; it is not listed here")
    assert offered[0][1].startswith("A new token of ")
    assert updating == (lines, "Add 1 account, update 2")
    assert replacing == ([gone, *lines], "Add 1 account, update 2, remove 1", False)
    assert {one.token.reveal() for one in face.host.pool.accounts()} == {token(1), token(9), token(4)}
    assert len(face.host.checks.asked) == 2
    assert face.window.toasts.texts() == ["1 account added, 2 updated, 1 removed."]
    face.shell.desk.undo()
    await settle()
    assert "Studio" in {one.label for one in face.host.pool.accounts()}


async def test_the_button_has_room_for_its_words(open_face: Open) -> None:
    """
    However many they become.
    """
    face = await open_face([account(1)])
    face.window.add_accounts()
    await settle()
    adding = dialog(AddAccounts)

    adding.take_file("\n".join(token(number) for number in range(5, 25)).encode(), "more.txt")
    await settle()
    first = (adding.add.width(), adding.add.sizeHint().width())
    await choose(adding, How.REPLACE)

    assert first[0] >= first[1]
    assert adding.add.width() >= adding.add.sizeHint().width() > first[1]
    adding.reject()


async def test_another_file_asks_anew(open_face: Open) -> None:
    """
    What was chosen for one file is not assumed for the next.
    """
    face = await open_face([account(1), account(2)])
    face.window.add_accounts(token(1).encode())
    await settle()
    adding = dialog(AddAccounts)
    await choose(adding, How.REPLACE)

    adding.take_file(token(3).encode(), "other.txt")
    after_file = (adding.chosen, adding.plan.gone)
    await choose(adding, How.REPLACE)
    adding.paste.setPlainText(token(4))
    adding.read()

    assert after_file == (adding.chosen, adding.plan.gone) == (How.ADD, ())
    adding.reject()


async def test_a_large_file_is_understood_beside_the_window(open_face: Open) -> None:
    """
    It says so, nothing can be pressed meanwhile, and closing it in the middle is fine.
    """
    face = await open_face()
    data = "\n".join(token(number) for number in range(2_000)).encode()
    face.window.add_accounts(data)
    await asyncio.sleep(0)
    adding = dialog(AddAccounts)

    busy = (adding.summary(), adding.add.isEnabled())
    await settle(0.4)
    done = (adding.add.text(), adding.table.model().rowCount())
    adding.take_file(data, "again.txt")
    adding.reject()
    await settle(0.3)

    assert busy == ("Reading…", False)
    assert done == ("Add 2000 accounts", 2_000)
    assert no_dialog()


async def test_nothing_understood_cannot_be_added(open_face: Open) -> None:
    """
    The button is off until there is something new.
    """
    face = await open_face([account(1)])
    face.window.add_accounts(token(1))
    await settle()

    assert not dialog(AddAccounts).add.isEnabled()
    dialog(AddAccounts).reject()


async def test_a_file_dropped_anywhere_opens_the_preview(open_face: Open, tmp_path: Path) -> None:
    """
    Dropping a file on the window reads it and shows what is in it.
    """
    face = await open_face()
    file = tmp_path / "tokens.txt"
    file.write_text("\n".join(token(number) for number in range(20)))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    copy = Qt.DropAction.CopyAction
    left = Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier

    enter = QDragEnterEvent(QPoint(300, 300), copy, mime, left, none)
    QApplication.sendEvent(face.window, enter)
    QApplication.sendEvent(face.window, QDropEvent(QPointF(300, 300), copy, mime, left, none))
    await settle(0.2)

    assert enter.isAccepted()
    assert dialog(AddAccounts).add.text() == "Add 20 accounts"
    dialog(AddAccounts).reject()


async def test_a_file_that_cannot_be_read_is_told(open_face: Open, tmp_path: Path) -> None:
    """
    A folder, or a file that is gone, gives a sentence and not a dialog.
    """
    face = await open_face()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "gone.txt"))])
    drop = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )

    QApplication.sendEvent(
        face.window,
        QDragEnterEvent(QPoint(300, 300), drop.possibleActions(), mime, drop.buttons(), drop.modifiers()),
    )
    QApplication.sendEvent(face.window, drop)
    await settle(0.2)

    assert no_dialog()
    assert "The file cannot be read." in face.window.toasts.texts()[0]


# --- home
# ------------------------------------------------------------------------------------------------------------


async def test_home_shows_the_real_address_and_a_shortened_key(open_face: Open) -> None:
    """
    The example can be pasted as it is: with the address of now, and the key put in when it is copied.
    """
    face = await open_face(every_state())
    face.host.gateway.set(GatewayState(GatewayPhase.RUNNING, port=5999))
    await settle()
    pane = home(face)
    key = face.host.keys.all()[-1].value.reveal()

    for tab in range(pane.tabs.count()):
        pane.tabs.setCurrentIndex(tab)
        assert "127.0.0.1:5999" in pane.code.toPlainText()
        assert key not in pane.code.toPlainText()
        click(pane.copy_snippet)
        assert key in clipboard()
        assert "127.0.0.1:5999" in clipboard()


def test_the_environment_gives_each_vendor_its_own_base() -> None:
    """
    OpenAI's variable ends in /v1, Anthropic's does not.
    """
    text = snippet("environment", "http://127.0.0.1:4765/v1", "k")

    assert "OPENAI_BASE_URL=http://127.0.0.1:4765/v1\n" in text
    assert "ANTHROPIC_BASE_URL=http://127.0.0.1:4765\n" in text


async def test_a_new_key_asks_whether_to_revoke_the_old_one(open_face: Open) -> None:
    """
    Keeping both is the safe answer and the default; Esc makes no key at all.
    """
    face = await open_face(every_state())
    pane = home(face)
    old = face.host.keys.all()

    click(pane.new_key)
    await settle()
    press(dialog(dialogs.Ask), Qt.Key.Key_Escape)
    await settle()
    assert face.host.keys.all() == old
    click(pane.new_key)
    await settle()
    asked = dialog(dialogs.Ask)
    assert asked.no.isDefault()
    press(asked, Qt.Key.Key_Return)
    await settle()
    assert len(face.host.keys.all()) == 2
    click(pane.new_key)
    await settle()
    click(dialog(dialogs.Ask).yes)
    await settle()
    assert len(face.host.keys.all()) == 1
    assert face.host.keys.all()[0] not in old


async def test_the_key_leaves_the_clipboard(open_face: Open) -> None:
    """
    Ours is cleared; something copied since stays.
    """
    face = await open_face(every_state())
    face.shell.desk.copy_key()
    face.shell.desk.forget_key()
    assert clipboard() == ""

    face.shell.desk.copy_key()
    QApplication.clipboard().setText("something else")
    face.shell.desk.forget_key()

    assert clipboard() == "something else"


# --- accounts
# --------------------------------------------------------------------------------------------------------


async def test_every_state_is_said_in_words_and_with_its_reason(open_face: Open) -> None:
    """
    Signed out and blocked are different words; the details say why and what to do.
    """
    face = await open_face(every_state())
    pane = face.accounts()
    words = {str(row.account.id): pane.rows.state(row).text for row in pane.visible_rows()}

    assert words["acc00001"] == "Ready"
    assert words["acc00003"].startswith("Out of questions")
    assert words["acc00004"].startswith("Resting")
    assert words["acc00005"] == "Signed out"
    assert words["acc00006"] == "Blocked by Grok"
    assert words["acc00007"] == "Switched off"
    pane.table.select([AccountId("acc00005")])
    assert "Grok says this sign-in has ended." in pane.details.why()
    assert "Sign in at grok.com and add the account's new token." in pane.details.why()


async def test_search_and_state_narrow_the_list_and_can_be_cleared(open_face: Open) -> None:
    """
    Nothing found says so and offers the way out.
    """
    face = await open_face(every_state())
    pane = face.accounts()

    QTest.keyClicks(pane.search, "heavy")
    await settle(0.2)
    assert [row.account.label for row in pane.visible_rows()] == ["Lab"]
    QTest.keyClicks(pane.search, "xyz")
    await settle(0.2)
    assert pane.empty.isVisible()
    click(pane.empty.button)
    assert len(pane.rows) == 9


async def test_removing_can_be_undone_from_the_toast_and_by_key(open_face: Open) -> None:
    """
    Delete removes at once; the toast and Ctrl+Z bring back.
    """
    face = await open_face(every_state())
    pane = face.accounts()
    pane.table.select([AccountId("acc00001"), AccountId("acc00002")])
    pane.table.setFocus()

    press(pane, Qt.Key.Key_Delete)
    await settle(0.15)
    assert len(face.host.pool) == len(pane.rows) == 7
    assert face.window.toasts.texts() == ["2 accounts removed from this computer."]
    undo = face.window.toasts.undo_button()
    assert undo is not None
    click(undo)
    await settle(0.15)
    assert len(face.host.pool) == len(pane.rows) == 9

    pane.table.select([AccountId("acc00004")])
    press(pane, Qt.Key.Key_Delete)
    await settle(0.15)
    assert len(pane.rows) == 8
    press(pane, Qt.Key.Key_Z, CTRL)
    await settle(0.15)
    assert len(pane.rows) == 9
    assert face.window.toasts.undo_button() is None
    assert "1 account removed from this computer." not in face.window.toasts.texts()


async def test_changes_while_hidden_are_shown_on_return(open_face: Open) -> None:
    """
    A pane out of sight does nothing, and misses nothing.
    """
    face = await open_face(every_state())
    pane = face.accounts()
    face.window.go("home")
    face.host.pool.enable([AccountId("acc00001")], on=False)
    await settle()
    place = pane.rows.place("acc00001")
    assert place is not None
    assert pane.rows.row(place).account.status is Status.ACTIVE

    face.window.go("accounts")
    await settle()

    assert pane.rows.row(place).account.status is Status.DISABLED


# --- requests
# --------------------------------------------------------------------------------------------------------


async def test_requests_come_in_as_they_happen_and_tell_every_try(open_face: Open) -> None:
    """
    Newest first, with the cause and each account that was asked.
    """
    face = await open_face(every_state(), some_runs())
    pane = face.window.go("requests")
    assert isinstance(pane, RequestsPane)
    assert pane.rows.keys() == ["run1", "run2", "run3", "run4"]

    entry = face.host.runs.begin("run5", "grok-4.20-fast", "curl/8")
    await settle()
    assert pane.rows.keys()[0] == "run5"
    entry.ended(entry.record.state.LEFT, None)
    await settle()
    pane.table.select(["run2"])

    assert len(pane.rows) == 5
    assert (
        "1. leo.with.a.long.name@mail.example.org (Direct connection): The account is out of questions."
        in pane.details.text()
    )
    assert "2. Studio (socks5h://hk-01:1080): Answered." in pane.details.text()


# --- trouble
# ---------------------------------------------------------------------------------------------------------


async def test_a_taken_port_names_the_program_and_offers_the_next(open_face: Open) -> None:
    """
    The port is never changed silently: one click changes it.
    """
    face = await open_face(every_state()[:1])
    face.host.gateway.taken = frozenset({4765})
    await face.host.gateway.stop()
    await settle()

    click(face.window.status.toggle)
    await settle()
    assert face.window.banner.text.startswith("Port 4765 is in use by ollama.")
    assert face.tray.state.phase == "failed"
    use = face.window.banner.buttons[0]
    assert isinstance(use, QAbstractButton)
    assert use.text() == "Use 4766"
    assert "--port" not in face.window.banner.text  # that is for a terminal
    click(use)
    await settle()

    assert face.host.live.now.gateway.port == 4766
    assert face.window.banner.text != ""  # the desktop of the tests has no tray
    assert "ollama" not in face.window.banner.text
    assert face.window.status.words() == "Gateway running"


async def test_the_most_serious_trouble_is_shown_until_it_is_solved(open_face: Open) -> None:
    """
    One banner: a note gives way to a fault, and returns when that is over.
    """
    face = await open_face([account(1)], notes=["The key lies in a file."])
    assert face.window.banner.text == "The key lies in a file."

    face.host.bus.publish(Trouble("storage", "The disk is full."))
    await settle()
    assert face.window.banner.text == "The disk is full."
    face.host.bus.publish(Trouble("storage", ""))
    await settle()
    assert face.window.banner.text == "The key lies in a file."
    click(face.window.banner.buttons[0])
    assert face.window.banner.text != "The key lies in a file."


async def test_no_working_account_is_said(open_face: Open) -> None:
    """
    All signed out is lasting and serious.
    """
    face = await open_face([account(1, status=Status.EXPIRED)])

    assert face.window.banner.text == "No account works: all are signed out or blocked."


async def test_the_demo_says_so_all_the_time(open_face: Open) -> None:
    """
    The strip stays whatever else there is to say.
    """
    face = await open_face(every_state(), demo=True)

    assert face.window.demo_words.isVisible()
    assert face.window.demo_words.text() == "Demo — nothing here is real"


# --- closing
# ---------------------------------------------------------------------------------------------------------


async def test_closing_without_a_tray_asks_and_hides_nothing_silently(open_face: Open) -> None:
    """
    Esc decides nothing; Quit requests the end; Keep running hides.
    """
    face = await open_face(every_state())

    press(face.window, Qt.Key.Key_W, CTRL)
    await settle()
    press(dialog(dialogs.Ask), Qt.Key.Key_Escape)
    await settle()
    assert face.window.isVisible()
    assert not face.host.shutdown.requested
    face.window.close()
    await settle()
    click(dialog(dialogs.Ask).yes)
    await settle()
    assert not face.window.isVisible()
    face.window.bring_up()
    face.window.close()
    await settle()
    click(dialog(dialogs.Ask).no)
    await settle()
    assert face.host.shutdown.requested


async def test_closing_with_a_tray_asks_once(open_face: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The first close explains; "Don't ask again" is kept.
    """
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    face = await open_face(every_state())
    face.tray.show()

    face.window.close()
    await settle()
    asked = dialog(dialogs.Ask)
    asked.remember.setFocus()
    press(asked, Qt.Key.Key_Space)
    click(asked.yes)
    await settle()
    assert not face.window.isVisible()
    face.window.bring_up()
    face.window.close()
    await settle()

    assert not face.window.isVisible()
    assert no_dialog()


async def test_quitting_asks_while_requests_run(open_face: Open) -> None:
    """
    The safe answer is to go on.
    """
    face = await open_face(every_state())
    face.host.runs.begin("run9", "grok-4.20-fast", "curl/8")
    await settle()

    press(face.window, Qt.Key.Key_Q, CTRL)
    await settle()
    asked = dialog(dialogs.Ask)
    assert asked.windowTitle() == "Quit with 1 request running?"
    assert asked.no.isDefault()
    click(asked.yes)
    await settle()

    assert face.host.shutdown.requested


async def test_a_second_start_raises_the_window(open_face: Open) -> None:
    """
    Starting the program again always shows it.
    """
    face = await open_face(every_state())
    face.window.hide()

    for raise_window in face.host.raisers:
        raise_window((), "")
    await settle()

    assert face.window.isVisible()


async def test_the_window_comes_back_where_it_was(open_face: Open) -> None:
    """
    Size and pane are kept, in a file without secrets.
    """
    first = await open_face(every_state())
    first.window.resize(1000, 640)
    first.window.go("requests")
    await settle()
    await first.shell.leave()

    second = await open_face(every_state())

    assert (second.window.width(), second.window.height()) == (1000, 640)
    assert second.window.pane.key == "requests"


# --- keys, names, looks
# ----------------------------------------------------------------------------------------------


async def test_the_keys_do_what_the_list_says(open_face: Open) -> None:
    """
    Panes, search, adding and copying by keyboard.
    """
    face = await open_face(every_state(), some_runs())
    window = face.window

    for pane in ("accounts", "requests", "home"):
        QTest.keySequence(window, window.acts[f"go {pane}"].shortcut())
        assert window.pane.key == pane
    press(window, Qt.Key.Key_F, CTRL)
    assert isinstance(window.focusWidget(), QLineEdit)
    press(window, Qt.Key.Key_C, CTRL, SHIFT)
    assert clipboard() == "http://127.0.0.1:4765/v1"
    press(window, Qt.Key.Key_K, CTRL, SHIFT)
    assert clipboard().startswith("gd-")
    press(window, Qt.Key.Key_N, CTRL)
    await settle()
    dialog(AddAccounts).reject()
    await settle()


def stops(window: QWidget) -> list[QWidget]:
    """The widgets Tab has to reach."""
    return [
        one
        for one in window.findChildren(QWidget)
        if one.isVisibleTo(window)
        and one.isEnabled()
        and one.focusPolicy() & Qt.FocusPolicy.TabFocus
        and one.focusProxy() is None
        and one.window() is window
    ]


def walk(window: QWidget, most: int) -> list[QWidget]:
    """Press Tab until the keyboard is back where it began."""
    start = window.focusWidget()
    assert start is not None
    seen = [start]
    for _ in range(most):
        press(window, Qt.Key.Key_Tab)
        here = window.focusWidget()
        assert here is not None
        if here is start:
            break
        seen.append(here)
    return seen


@pytest.mark.parametrize("pane", ["home", "accounts", "requests", "first"])
async def test_tab_reaches_every_control_once(open_face: Open, pane: str) -> None:
    """
    No control is out of reach of the keyboard, and nothing traps it.
    """
    face = await (open_face() if pane == "first" else open_face(every_state(), some_runs()))
    window = face.window
    window.activateWindow()
    window.go("home" if pane == "first" else pane)
    if pane == "accounts":
        face.accounts().table.select([AccountId("acc00005")])
    await settle()
    window.status.copy_key.setFocus()

    seen = walk(window, 60)

    assert len(seen) == len(set(seen))
    assert {describe(one) for one in seen} == {describe(one) for one in stops(window)}


def describe(widget: QWidget) -> str:
    return f"{type(widget).__name__} {widget.accessibleName()!r}"


NAMED = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QTableView, QTabBar)


@pytest.mark.parametrize("pane", ["home", "accounts", "requests", "first", "add"])
async def test_every_control_has_a_name(open_face: Open, pane: str) -> None:
    """
    A screen reader has something to say about everything that can be used.
    """
    face = await (open_face() if pane == "first" else open_face(every_state(), some_runs()))
    place: QWidget = face.window
    if pane == "add":
        face.window.add_accounts(token(1))
        await settle()
        place = dialog(AddAccounts)
    else:
        face.window.go("home" if pane == "first" else pane)
    await settle()

    nameless = [
        one
        for one in stops(place)
        if isinstance(one, NAMED)
        and not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]

    assert nameless == []
    if isinstance(place, AddAccounts):
        place.reject()
        await settle()


async def test_the_theme_changes_live_and_is_kept(open_face: Open) -> None:
    """
    Palette, icons and setting follow the choice at once.
    """
    face = await open_face(every_state())
    window = face.window
    before = window.status.toggle.icon().pixmap(16, 16).toImage()

    window.theme.setCurrentIndex(window.theme.findData("dark"))
    window.theme.activated.emit(window.theme.currentIndex())
    await settle()

    assert face.shell.desk.look.dark
    assert face.host.live.now.appearance.theme is Theme.DARK
    assert QApplication.palette().window().color().name() == "#17181b"
    assert window.status.toggle.icon().pixmap(16, 16).toImage() != before


async def test_a_narrow_window_keeps_everything_in_reach(open_face: Open) -> None:
    """
    At the smallest size the sidebar shows icons, and nothing asks for more room than there is.
    """
    face = await open_face(every_state(), some_runs())
    window = face.window
    window.resize(800, 560)

    for pane in ("home", "accounts", "requests"):
        window.go(pane)
        await settle()
        assert (window.width(), window.height()) == (800, 560)
        assert window.pane.minimumSizeHint().width() <= window.pane.width()
    assert window.sidebar.width() == 60


async def test_nothing_ticks_while_the_window_is_hidden(open_face: Open) -> None:
    """
    A hidden window costs nothing: no timer of it runs.
    """
    face = await open_face(every_state(), some_runs())
    for pane in ("home", "accounts", "requests", "accounts"):
        face.window.go(pane)
        await settle()
    face.window.hide()
    face.window.toasts.clear()
    await settle()

    assert face.window.running_timers() == []
    assert face.shell.bridge.idle
