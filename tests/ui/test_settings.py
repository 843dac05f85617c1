"""The pane with the settings, driven by mouse and keys; what it leaves in the file and in the program."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt, QUrl, Slot
from PySide6.QtGui import QAccessible, QDesktopServices, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QPlainTextEdit, QWidget

from grokdesk import app as app_module
from grokdesk.app import App
from grokdesk.core.notices import GatewayPhase
from grokdesk.core.options import Options
from grokdesk.core.setting_fields import Kind, fields
from grokdesk.core.settings import EgressMode, Theme
from grokdesk.platform import secrets
from grokdesk.ui import dialogs, settings_words
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.widgets.setting_controls import (
    ChoiceControl,
    LinesControl,
    NumberControl,
    SecretControl,
    SwitchControl,
    TextControl,
    number_in,
)
from grokdesk.ui.widgets.setting_row import SettingRow, highlighted, searched_words
from grokdesk.ui.windows.main_window import MainWindow
from grokdesk.ui.windows.settings import SettingsPane
from tests.ui.conftest import application
from tests.ui.faces import Face, Open, click, dialog, no_dialog, press, settle
from tests.ui.stand_in import every_state

CTRL = Qt.KeyboardModifier.ControlModifier
SECRET = "cf_clearance=an-invented-cookie-k3x9"
PROXY = "socks5h://anna:invented-password@10.0.0.1:1080"


# --- the whole program and its window
# -----------------------------------------------------------------------------------------------------


@dataclass
class House:
    """The program, its window and the pane in it."""

    app: App
    shell: Shell

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    @property
    def pane(self) -> SettingsPane:
        pane = self.window.go("settings")
        assert isinstance(pane, SettingsPane)
        return pane

    @property
    def toasts(self) -> list[str]:
        return self.window.toasts.texts()

    def written(self) -> dict[str, Any]:
        """What the settings file says."""
        file = self.app.paths.config_file
        return tomllib.loads(file.read_text("utf-8")) if file.exists() else {}

    def hand_edit(self, text: str) -> None:
        """Write the file as an editor does."""
        draft = self.app.paths.config_file.with_suffix(".draft")
        draft.write_text(text, "utf-8")
        draft.replace(self.app.paths.config_file)

    async def undo(self) -> None:
        # The file is written a moment before the toast comes.
        await until(self.window.toasts.undo_button)
        button = self.window.toasts.undo_button()
        assert button is not None
        click(button)
        await settle()


Enter = Callable[..., Awaitable[House]]


async def until(true: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what an outsider sees tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture
async def enter(tmp_path: Path, qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Enter]:
    """Start the program on a folder of its own, with its window on the settings."""
    monkeypatch.setattr(app_module, "LOOK_S", 0.02)
    monkeypatch.setattr(app_module, "system_keyring", secrets.no_keyring)
    async with AsyncExitStack() as stack:

        async def start(
            *, text: str = "", environment: dict[str, str] | None = None, **overrides: object
        ) -> House:
            if text:
                (tmp_path / "config.toml").write_text(text, "utf-8")
            given = {name.replace("__", "."): value for name, value in overrides.items()}
            options = Options(
                data_dir=tmp_path,
                environment=environment or {},
                overrides={"gateway.port": 0, "accounts.check_regularly": False} | given,
            )
            app = await stack.enter_async_context(App.started(options))
            look = Look(qapp)
            look.choose("light")
            tray = Tray(look, TrayState())
            shell = Shell(app, look, tray)

            async def leave() -> None:
                await shell.leave()
                tray.hide()
                shell.window.deleteLater()
                await settle(0)

            stack.push_async_callback(leave)
            shell.window.bring_up()
            house = House(app, shell)
            assert house.pane.isVisible()
            await settle()
            shell.window.activateWindow()
            return house

        yield start


def row(pane: SettingsPane, name: str) -> SettingRow:
    """The row of a setting, in sight."""
    pane.show_setting(name)
    return pane.rows[name]


def field_of(pane: SettingsPane, name: str) -> QLineEdit:
    """The one-line field of a setting."""
    control = row(pane, name).control
    assert isinstance(control, NumberControl | TextControl)
    return control.edit


def retype(field: QLineEdit | QPlainTextEdit, text: str) -> None:
    """Replace what is in a field, as a person does."""
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_A, CTRL)
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, text)


def switch(pane: SettingsPane, name: str) -> None:
    """Click the switch of a setting."""
    control = row(pane, name).control
    assert isinstance(control, SwitchControl)
    click(control.switch)


# --- finding


async def test_every_setting_has_its_place_and_a_name(open_face: Open) -> None:
    """
    The pages together hold each setting of the model once, with title, help and a control with a name.
    """
    pane = settings_of(await open_face(every_state()))

    found: list[str] = []
    for page in settings_words.pages():
        click(pane.page_button(page.key))
        if pane.made_page is not None:
            # A page of its own; the same settings as rows are a step away.
            pane.made_page.form_wanted.emit()
        found += pane.shown()
    words = {name: [one.text() for one in pane.rows[name].findChildren(QLabel)] for name in found}
    names = [
        QAccessible.queryAccessibleInterface(pane.rows[name].control.entry()).text(QAccessible.Text.Name)
        for name in found
    ]

    assert sorted(found) == sorted(fields())
    assert all(fields()[name].title in words[name] for name in found)
    assert all(fields()[name].help in words[name] for name in found)
    assert all(names)


class Shown(QObject):
    """The widgets that were shown as windows of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.windows.append(repr(watched))
        return False


async def test_building_a_page_takes_the_keyboard_from_nobody(open_face: Open) -> None:
    """
    No part of a page is a window of its own, not even for a moment.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    shown = Shown()
    application().installEventFilter(shown)

    for page in settings_words.pages():
        pane.show_page(page.key)

    application().removeEventFilter(shown)
    assert shown.windows == []


async def test_a_search_finds_across_pages_and_marks_the_words(open_face: Open) -> None:
    """
    By title, help and place in the file; Esc brings the page back.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    click(pane.page_button("chat"))
    before = pane.shown()

    press(face.window, Qt.Key.Key_F, CTRL)
    QTest.keyClicks(pane.search, "proxy ")
    await until(lambda: pane.shown() != before)
    by_title = pane.shown()
    marked = pane.rows["egress.proxies"].findChildren(QLabel)[0].text()
    counted = pane.counts.text()
    retype(pane.search, "timeouts.connect_s")
    await until(lambda: pane.shown() != by_title)
    by_key = pane.shown()
    press(face.window, Qt.Key.Key_Escape)

    assert {"egress.proxies", "egress.media_proxies", "egress.skip_proxy_verify"} <= set(by_title)
    assert "gateway.port" not in by_title
    assert "background-color" in marked
    assert counted == f"{len(by_title)} settings found"
    assert by_key == ["timeouts.connect_s"]
    assert pane.shown() == before


async def test_a_search_without_a_hit_says_so_and_offers_the_way_out(open_face: Open) -> None:
    """
    The button clears the search.
    """
    pane = settings_of(await open_face(every_state()))

    QTest.keyClicks(pane.search, "zebra")
    await until(pane.empty.isVisible)
    click(pane.empty.button)

    assert not pane.empty.isVisible()
    assert pane.shown()


def test_an_english_plural_finds_its_singular() -> None:
    """
    And the whole word is marked; text of the model is never taken for HTML.
    """
    assert searched_words("Proxies keys 代理") == ("prox", "key", "代理")
    assert highlighted("<b> any proxy", ("prox",), "#fff").startswith("&lt;b&gt; any <span")
    assert ">proxy</span>" in highlighted("<b> any proxy", ("prox",), "#fff")
    assert highlighted("nothing", ("prox",), "#fff") == ""


# --- changing


async def test_changes_wait_for_save_and_reach_file_and_program(enter: Enter) -> None:
    """
    A number, a switch and a choice: nothing happens before Save, everything at once after it.
    """
    house = await enter()
    pane = house.pane
    retype(field_of(pane, "gateway.heartbeat_s"), "25")
    switch(pane, "chat.memory")
    theme = row(pane, "appearance.theme").control
    assert isinstance(theme, ChoiceControl)
    theme.box.setCurrentIndex(theme.box.findData("dark"))
    before = house.app.live.now
    waiting = (pane.bar_words(), before.chat.memory, house.written())

    click(pane.save_button)
    await until(lambda: house.shell.desk.look.dark)
    await until(lambda: not pane.bar.isVisible())

    now = house.app.live.now
    assert waiting == ("3 unsaved changes", False, {})
    assert (now.gateway.heartbeat_s, now.chat.memory, now.appearance.theme) == (25, True, Theme.DARK)
    assert house.written() == {
        "gateway": {"heartbeat_s": 25.0},
        "chat": {"memory": True},
        "appearance": {"theme": "dark"},
    }
    assert house.toasts == ["3 settings saved."]


async def test_a_page_with_something_unsaved_is_marked(enter: Enter) -> None:
    """
    With a sign and, for a screen reader, in words; another sign for what cannot be saved.
    """
    house = await enter()
    pane = house.pane
    gateway, chat = pane.page_button("gateway"), pane.page_button("chat")
    switch(pane, "chat.memory")
    retype(field_of(pane, "gateway.heartbeat_s"), "9999")
    marked = (chat.text(), chat.accessibleName(), gateway.text())
    click(pane.discard_button)

    assert marked == ("Chat •", "Chat, 1 unsaved change", "Gateway !")
    assert (chat.text(), gateway.text(), chat.accessibleName()) == ("Chat", "Gateway", "Chat")


async def test_what_is_not_saved_outlives_the_window(enter: Enter) -> None:
    """
    Page, search and edits, as when the language changes.
    """
    house = await enter()
    pane = house.pane
    switch(pane, "chat.memory")
    other = SettingsPane(house.shell.desk)
    other.put_back(pane.keepsake())

    assert (other.page, other.draft.edits) == ("chat", {"chat.memory": True})
    other.deleteLater()


async def test_a_link_to_a_setting_of_a_page_of_its_own_leads_there(enter: Enter) -> None:
    """
    Models and the level of the log have a better place than a row; the days of the log have a row.
    """
    house = await enter()
    pane = house.pane
    house.window.go("settings:models.off")
    first = (pane.page, pane.made_page is not None)
    house.window.go("settings:logging.days")
    await settle()

    assert first == ("models", True)
    assert pane.rows["logging.days"].isVisible()
    assert pane.rows["logging.days"].control.entry().hasFocus()


async def test_saving_can_be_undone(enter: Enter) -> None:
    """
    From the toast, and the file has nothing of it any more.
    """
    house = await enter()
    switch(house.pane, "chat.memory")
    click(house.pane.save_button)
    await until(lambda: house.written().get("chat"))

    await house.undo()
    await until(lambda: not house.app.live.now.chat.memory)

    assert house.written() in ({}, {"chat": {}})


async def test_keys_alone_change_and_save_a_setting(enter: Enter) -> None:
    """
    Ctrl+comma, Ctrl+F, Tab to the field, the number, Ctrl+S.
    """
    house = await enter()
    window = house.window
    window.go("home")
    press(window, Qt.Key.Key_Comma, CTRL)
    press(window, Qt.Key.Key_F, CTRL)
    pane = house.pane
    QTest.keyClicks(pane.search, "further tries")
    await until(lambda: pane.shown() == ["retry.more_tries"])

    for _ in range(20):
        press(window, Qt.Key.Key_Tab)
        if window.focusWidget() is pane.rows["retry.more_tries"].control.entry():
            break
    press(window, Qt.Key.Key_Up)
    press(window, Qt.Key.Key_S, CTRL)
    await until(lambda: house.app.live.now.retry.more_tries == 5)

    assert house.written() == {"retry": {"more_tries": 5}}


async def test_a_wrong_value_is_said_at_the_field_and_not_saved(enter: Enter) -> None:
    """
    While typing, with the bounds; Save goes there instead of saving, and nothing else is saved either.
    """
    house = await enter()
    pane = house.pane
    switch(pane, "chat.memory")
    retype(field_of(pane, "gateway.max_body_mb"), "9999")
    during = (row(pane, "gateway.max_body_mb").problem(), pane.bar_words())
    pane.show_page("chat")
    click(pane.save_button)
    await settle()
    where = (pane.page, house.window.focusWidget())
    refused = house.written()

    retype(field_of(pane, "gateway.max_body_mb"), "99")
    click(pane.save_button)
    await until(lambda: house.app.live.now.gateway.max_body_mb == 99)

    assert during == (
        "A whole number, 1 to 1024.",
        "2 unsaved changes, and one cannot be saved. Largest request: A whole number, 1 to 1024.",
    )
    assert where == ("gateway", pane.rows["gateway.max_body_mb"].control.entry())
    assert refused == {}
    assert house.app.live.now.chat.memory
    assert row(pane, "gateway.max_body_mb").problem() == ""


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("timeouts.connect_s", "soon", "A number, 1 to 120."),
        ("retry.more_tries", "1.5", "A whole number, 0 to 20."),
        ("retry.more_tries", "", "A whole number, 0 to 20."),
        ("timeouts.connect_s", "nan", "A number, 1 to 120."),
        ("grok_web.api_url", "grok", "Must be an address such as https://grok.com."),
        ("egress.user_agent", "short", "At least 10 characters."),
    ],
)
async def test_what_is_wrong_is_a_sentence(open_face: Open, name: str, text: str, said: str) -> None:
    """
    With what would be right.
    """
    pane = settings_of(await open_face(every_state()))

    retype(field_of(pane, name), text)

    assert row(pane, name).problem() == said


async def test_a_rule_between_settings_names_them_by_their_titles(open_face: Open) -> None:
    """
    Listening for everybody without a key is refused at both.
    """
    pane = settings_of(await open_face(every_state()))

    retype(field_of(pane, "gateway.host"), "192.168.7.5")
    alone = row(pane, "gateway.host").problem()
    switch(pane, "gateway.require_key")

    said = "‘Ask for a key’ can only be off while ‘Address’ is a loopback address."
    assert alone == ""
    assert row(pane, "gateway.host").problem() == row(pane, "gateway.require_key").problem() == said


async def test_what_the_program_refuses_is_said_in_the_bar(enter: Enter) -> None:
    """
    The file was broken by hand meanwhile: nothing is written over it, and the changes stay.
    """
    house = await enter()
    switch(house.pane, "chat.memory")
    house.hand_edit("[chat\n")
    await until(house.pane.file_words)

    click(house.pane.save_button)
    await until(lambda: "Not saved." in house.pane.bar_words())

    assert "config.toml, line 1" in house.pane.bar_words()
    assert house.pane.draft.edits == {"chat.memory": True}
    assert house.app.paths.config_file.read_text() == "[chat\n"


async def test_a_value_typed_back_is_no_change(open_face: Open) -> None:
    """
    The bar goes with the last difference.
    """
    pane = settings_of(await open_face(every_state()))
    field = field_of(pane, "gateway.heartbeat_s")

    retype(field, "11")
    between = pane.bar_words()
    retype(field, "10.0")

    assert (between, pane.bar_words()) == ("1 unsaved change", "")
    assert field.text() == "10.0"


# --- back to how it was


async def test_discarding_can_be_undone(open_face: Open) -> None:
    """
    Both by the toast and by Ctrl+Z.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    retype(field_of(pane, "gateway.heartbeat_s"), "77")

    click(pane.discard_button)
    discarded = (field_of(pane, "gateway.heartbeat_s").text(), pane.bar_words())
    await settle()
    pane.page_button("chat").setFocus()
    press(face.window, Qt.Key.Key_Z, CTRL)
    await settle()

    assert discarded == ("10", "")
    assert field_of(pane, "gateway.heartbeat_s").text() == "77"
    assert pane.bar_words() == "1 unsaved change"


async def test_a_changed_setting_says_so_and_is_put_back(enter: Enter) -> None:
    """
    The row tells by word that it differs, the arrow beside it brings the default, and saving takes it out of
    the file.
    """
    house = await enter(text="[chat]\nmemory = true\n")
    line = row(house.pane, "chat.memory")
    before = (line.state(), line.reset.isVisible(), row(house.pane, "chat.temporary").reset.isVisible())

    click(line.reset)
    between = line.state()
    click(house.pane.save_button)
    await until(lambda: not house.app.live.now.chat.memory)

    assert before == ("Changed", True, False)
    assert between == "Not saved"
    assert not house.written().get("chat")
    assert line.state() == ""


async def test_a_page_or_everything_is_put_back_with_an_undo(enter: Enter) -> None:
    """
    Only what differs, only what can be changed here, and it still has to be saved.
    """
    house = await enter(text="[chat]\nmemory = true\n[retry]\nmore_tries = 1\n[media]\nform = 'older'\n")
    pane = house.pane
    pane.show_page("chat")
    pane.put_page_back()
    page = pane.draft.edits
    pane.put_all_back()
    everything = pane.draft.edits
    await house.undo()

    assert page == {"chat.memory": False}
    assert everything == {"chat.memory": False, "retry.more_tries": 4, "media.form": "auto"}
    assert pane.draft.edits == page
    assert house.app.live.now.retry.more_tries == 1


# --- where values come from


async def test_a_value_from_outside_is_shown_and_cannot_be_changed(enter: Enter) -> None:
    """
    With the name of the variable, or the command line.
    """
    house = await enter(environment={"GROKDESK__CHAT__MEMORY": "true"}, retry__more_tries=7)
    pane = house.pane

    memory, tries = row(pane, "chat.memory"), row(pane, "retry.more_tries")

    assert memory.note().startswith("Set by GROKDESK__CHAT__MEMORY, which comes before the file.")
    assert tries.note().startswith("Set by the command line")
    assert not memory.control.entry().isEnabled()
    assert not tries.reset.isVisible()
    assert (memory.state(), tries.state()) == ("Fixed", "Fixed")
    assert field_of(pane, "retry.more_tries").text() == "7"


async def test_in_the_demo_the_address_of_grok_is_fixed(open_face: Open) -> None:
    """
    What the demo decides is shown as such; everything else can be tried.
    """
    face = await open_face(every_state(), demo=True)
    web = face.host.live.now.grok_web.model_copy(update={"api_url": "http://127.0.0.1:9"})
    face.host.live.set(face.host.live.now.model_copy(update={"grok_web": web}))

    pane = settings_of(face)

    assert row(pane, "grok_web.api_url").note().startswith("Set by the demo")
    assert not row(pane, "grok_web.api_url").control.isEnabled()
    assert row(pane, "chat.memory").control.isEnabled()


async def test_a_hand_edit_appears_at_once(enter: Enter) -> None:
    """
    In the field in sight; what is being typed elsewhere stays.
    """
    house = await enter()
    pane = house.pane
    retype(field_of(pane, "gateway.heartbeat_s"), "33")
    body = field_of(pane, "gateway.max_body_mb")

    house.hand_edit("[gateway]\nmax_body_mb = 200\n")
    await until(lambda: body.text() == "200")

    assert row(pane, "gateway.max_body_mb").state() == "Changed"
    assert field_of(pane, "gateway.heartbeat_s").text() == "33"
    assert pane.bar_words() == "1 unsaved change"


async def test_a_hand_edit_under_an_unsaved_change_is_told(enter: Enter) -> None:
    """
    Neither is lost silently: the field says what the other one is.
    """
    house = await enter()
    pane = house.pane
    retype(field_of(pane, "gateway.heartbeat_s"), "33")

    house.hand_edit("[gateway]\nheartbeat_s = 44\n")
    await until(lambda: row(pane, "gateway.heartbeat_s").note())

    assert "changed to 44 elsewhere" in row(pane, "gateway.heartbeat_s").note()
    assert field_of(pane, "gateway.heartbeat_s").text() == "33"
    click(pane.discard_button)
    assert field_of(pane, "gateway.heartbeat_s").text() == "44"
    assert row(pane, "gateway.heartbeat_s").note() == ""


async def test_a_broken_file_is_explained_with_its_line(enter: Enter) -> None:
    """
    The last good settings stay in sight; corrected, the words go.
    """
    house = await enter(text="[chat]\nmemory = true\n")
    pane = house.pane

    house.hand_edit("[chat]\nmemory = perhaps\n")
    await until(pane.file_words)
    broken = (pane.file_words(), house.window.banner.text, row(pane, "chat.memory").state())
    house.hand_edit("[chat]\nmemory = false\n")
    await until(lambda: not pane.file_words())

    assert broken[0].startswith("config.toml, line 2")
    assert broken[1].startswith("config.toml, line 2")
    assert broken[2] == "Changed"
    assert row(pane, "chat.memory").state() == ""


async def test_a_save_over_a_file_corrected_meanwhile_ends_the_trouble(enter: Enter) -> None:
    """
    Nobody looks at the file again after it, so the save itself has to say that all is well.
    """
    house = await enter()
    house.hand_edit("[chat\n")
    await until(house.pane.file_words)
    # Right again, but not noticed before the save.
    async with house.app._changing:  # noqa: SLF001 - holds the next look at the file back
        house.hand_edit("[chat]\nmemory = true\n")
        switch(house.pane, "chat.temporary")
        click(house.pane.save_button)
        await settle()
    await until(lambda: not house.app.live.now.chat.temporary)
    await until(lambda: not house.pane.file_words())

    assert house.written() == {"chat": {"memory": True, "temporary": False}}
    await until(lambda: "line 1" not in house.window.banner.text)


async def test_a_key_that_is_no_setting_is_named(enter: Enter) -> None:
    """
    With its line, so that a slip of the pen is found.
    """
    house = await enter(text="[gateway]\n\nprot = 4766\n")

    assert house.pane.file_words() == "config.toml, line 3: 'gateway.prot' is not a setting and was ignored"


# --- secrets


async def test_a_secret_is_told_by_its_end_until_it_is_asked_for(enter: Enter) -> None:
    """
    Shown only while the pane is in sight; of a proxy nothing but the password is hidden.
    """
    house = await enter(text=f"[egress]\ncookies = '{SECRET}'\nproxies = ['{PROXY}']\n")
    pane = house.pane
    cookies, proxies = row(pane, "egress.cookies").control, row(pane, "egress.proxies").control
    assert isinstance(cookies, SecretControl)
    assert isinstance(proxies, SecretControl)
    hidden = (cookies.told, proxies.told, SECRET in everything_said(pane))

    click(cookies.reveal)
    shown = everything_said(pane)
    house.window.go("home")
    house.window.go("settings")

    assert hidden == ("••••••••k3x9", "socks5h://10.0.0.1:1080", False)
    assert SECRET in shown
    assert SECRET not in everything_said(pane)
    assert "invented-password" not in everything_said(pane)


async def test_a_secret_is_replaced_without_being_shown_and_lies_sealed_in_the_file(enter: Enter) -> None:
    """
    Replace opens an empty field; discarding closes it again instead of showing the old one.
    """
    house = await enter(text=f"[egress]\ncookies = '{SECRET}'\n")
    pane = house.pane
    control = row(pane, "egress.cookies").control
    assert isinstance(control, SecretControl)
    click(control.replace)
    opened = (everything_said(pane), pane.bar_words())
    QTest.keyClicks(control.entry(), "cf_clearance=another")
    click(pane.discard_button)
    after = (control.is_shown, everything_said(pane))
    click(control.replace)
    QTest.keyClicks(control.entry(), "cf_clearance=another")
    click(pane.save_button)
    await until(lambda: house.app.live.now.egress.cookies == "cf_clearance=another")

    assert SECRET not in opened[0]
    assert opened[1] == ""
    assert not after[0]
    assert SECRET not in after[1]
    assert house.written()["egress"]["cookies"].startswith("sealed:")


async def test_a_list_is_one_entry_a_line(enter: Enter) -> None:
    """
    Blank lines are none, and Tab leaves the field.
    """
    house = await enter()
    pane = house.pane
    control = row(pane, "gateway.allowed_hosts").control
    assert isinstance(control, LinesControl)
    await settle()
    control.edit.setFocus()
    QTest.keyClicks(control.edit, "desk.example")
    control.edit.insertPlainText("\n\n  办公室.example \n")
    press(house.window, Qt.Key.Key_Tab)
    left = house.window.focusWidget()
    click(pane.save_button)
    await until(lambda: house.app.live.now.gateway.allowed_hosts)

    assert left is not control.edit
    assert house.app.live.now.gateway.allowed_hosts == ("desk.example", "办公室.example")


# --- what needs a restart, and what opens the network


async def test_a_new_port_waits_for_the_gateway_and_a_click_restarts_it(open_face: Open) -> None:
    """
    Said after saving, until the gateway listens there.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    retype(field_of(pane, "gateway.port"), "4800")
    click(pane.save_button)
    await until(pane.waiting_words)
    said = (pane.waiting_words(), face.host.gateway.state.port)

    click(pane.restart)
    await until(lambda: not pane.waiting_words())

    assert said == ("Saved, and used as soon as the gateway starts again: Port.", 4765)
    assert (face.host.gateway.state.phase, face.host.gateway.state.port) == (GatewayPhase.RUNNING, 4800)


async def test_restarting_the_gateway_asks_while_requests_run(open_face: Open) -> None:
    """
    The safe answer leaves it running.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    retype(field_of(pane, "gateway.port"), "4800")
    click(pane.save_button)
    await until(pane.waiting_words)
    face.host.runs.begin("run9", "grok-4.20-fast", "curl/8")

    click(pane.restart)
    await settle()
    asked = dialog(dialogs.Ask)
    default = asked.no.isDefault()
    click(asked.no)
    await settle()

    assert default
    assert face.host.gateway.state.port == 4765


async def test_what_waits_for_the_next_start_says_so(enter: Enter) -> None:
    """
    And no button pretends to help.
    """
    house = await enter()
    pane = house.pane
    control = row(pane, "storage.team_key").control
    assert isinstance(control, SecretControl)
    click(control.replace)
    QTest.keyClicks(control.entry(), "an invented passphrase")
    click(pane.save_button)
    await until(pane.waiting_words)

    assert pane.waiting_words() == "Saved, and used as soon as GrokDesk starts again: Team key."
    assert not pane.restart.isVisible()


async def test_opening_the_gateway_to_the_network_asks_first(open_face: Open) -> None:
    """
    Cancel is the default and keeps the change unsaved.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    retype(field_of(pane, "gateway.host"), "192.168.7.5")

    click(pane.save_button)
    await settle()
    asked = dialog(dialogs.Ask)
    said = (asked.windowTitle(), asked.no.isDefault(), "http://192.168.7.5:4765/v1" in text_of(asked))
    click(asked.no)
    await settle()
    kept = (face.host.live.now.gateway.host, pane.bar_words())
    click(pane.save_button)
    await settle()
    click(dialog(dialogs.Ask).yes)
    await until(lambda: face.host.live.now.gateway.host == "192.168.7.5")

    assert said == ("Let other devices connect?", True, True)
    assert kept == ("127.0.0.1", "1 unsaved change")
    assert no_dialog()


# --- files


class Opened(QObject):
    """What the system was asked to open."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[QUrl] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.urls.append(url)


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Stands in for the programs of the desktop."""
    taken = Opened()
    QDesktopServices.setUrlHandler("file", taken, "take")  # type: ignore[arg-type] # the stub wants bytes, Qt text
    yield taken
    QDesktopServices.unsetUrlHandler("file")


async def test_the_file_is_opened_even_when_there_was_none(enter: Enter, opened: Opened) -> None:
    """
    An empty one is made, which changes nothing.
    """
    house = await enter()
    file = house.app.paths.config_file
    assert not file.exists()

    click(house.pane.open_button)
    await until(lambda: opened.urls)

    assert [url.toLocalFile() for url in opened.urls] == [str(file)]
    assert house.written() == {}


async def choose_file(path: Path) -> None:
    """Choose a file in the open dialog."""
    await until(lambda: any(isinstance(one, QFileDialog) for one in visible_windows()))
    picker = dialog(QFileDialog)
    picker.fileSelected.emit(str(path))
    picker.done(QFileDialog.DialogCode.Accepted)
    await settle()


async def test_an_export_has_no_secret_unless_asked(enter: Enter, tmp_path: Path) -> None:
    """
    With the tick it has them; another program can import both.
    """
    house = await enter(
        text=f"[egress]\nmode='proxies'\nproxies=['{PROXY}']\ncookies='{SECRET}'\n[chat]\nmemory=true\n"
    )
    without, with_them = tmp_path / "without.toml", tmp_path / "with.toml"

    for path, tick in ((without, False), (with_them, True)):
        house.pane.export()
        await until(lambda: not no_dialog())
        asked = dialog(dialogs.Ask)
        if tick:
            asked.remember.setFocus()
            press(asked, Qt.Key.Key_Space)
        click(asked.yes)
        await choose_file(path)
        await until(path.exists)

    plain, full = tomllib.loads(without.read_text()), tomllib.loads(with_them.read_text())
    # The port and the checks are set by the command line of this test.
    assert plain["egress"] == {"mode": "proxies"}
    assert plain["chat"] == {"memory": True}
    assert full["egress"] == {"mode": "proxies", "proxies": [PROXY], "cookies": SECRET}
    assert with_them.stat().st_mode & 0o077 == 0


async def test_an_import_is_looked_at_before_it_is_saved(enter: Enter, tmp_path: Path) -> None:
    """
    What differs becomes an unsaved change, what is wrong says so, and what is no setting is named.
    """
    house = await enter()
    pane = house.pane
    file = tmp_path / "from-elsewhere.toml"
    file.write_text("[egress]\nmode = 'system'\n[retry]\nmore_tries = 99\n[gateway]\nport = 5000\nprot = 1\n")

    pane.bring_in()
    await choose_file(file)
    await until(lambda: pane.draft.edits)
    seen = (pane.draft.edits, pane.file_words(), row(pane, "retry.more_tries").problem())
    retype(field_of(pane, "retry.more_tries"), "9")
    click(pane.save_button)
    await until(lambda: house.app.live.now.egress.mode is EgressMode.SYSTEM)

    # The port is decided by the command line here and stays.
    assert seen[0] == {"egress.mode": "system", "retry.more_tries": 99}
    assert "'gateway.prot' is not a setting" in seen[1]
    assert seen[2] == "A whole number, 0 to 20."
    assert house.written() == {"egress": {"mode": "system"}, "retry": {"more_tries": 9}}


async def test_a_file_that_is_no_toml_is_told(enter: Enter, tmp_path: Path) -> None:
    """
    Nothing changes.
    """
    house = await enter()
    file = tmp_path / "letter.toml"
    file.write_text("Dear Anna,\n")

    house.pane.bring_in()
    await choose_file(file)
    await until(lambda: house.toasts)

    assert "line 1" in house.toasts[0]
    assert house.pane.draft.edits == {}


# --- places, looks, names


async def test_another_part_can_lead_to_a_setting(open_face: Open) -> None:
    """
    By its dotted name, with the keyboard in its field.
    """
    face = await open_face(every_state())

    face.window.go("settings:timeouts.download_s")
    await settle()

    pane = settings_of(face)
    assert pane.page == "limits"
    assert face.window.focusWidget() is pane.rows["timeouts.download_s"].control.entry()
    assert not pane.rows["timeouts.download_s"].visibleRegion().isEmpty()


async def test_out_of_sight_it_does_nothing_and_misses_nothing(open_face: Open) -> None:
    """
    A change made while it is hidden is there on return.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    field = field_of(pane, "gateway.heartbeat_s")
    face.window.go("home")

    await face.host.change({"gateway.heartbeat_s": 50})
    await settle()
    hidden = field.text()
    face.window.go("settings")

    assert (hidden, field.text()) == ("10", "50")


async def test_quitting_with_unsaved_changes_asks(open_face: Open) -> None:
    """
    Keep running is the safe answer and the default; without changes nothing is asked.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    retype(field_of(pane, "gateway.heartbeat_s"), "77")

    press(face.window, Qt.Key.Key_Q, CTRL)
    await settle()
    asked = dialog(dialogs.Ask)
    said = (asked.windowTitle(), asked.no.isDefault(), face.host.shutdown.requested)
    click(asked.no)
    await settle()
    kept = face.host.shutdown.requested
    click(pane.discard_button)
    face.window.activateWindow()
    await settle()
    press(face.window, Qt.Key.Key_Q, CTRL)
    await settle()

    assert said == ("Quit with 1 unsaved change?", True, False)
    assert not kept
    assert face.host.shutdown.requested


async def test_the_wheel_moves_the_page_and_no_setting(open_face: Open) -> None:
    """
    A choice that happens to be under the pointer keeps its value.
    """
    pane = settings_of(await open_face(every_state()))
    control = row(pane, "egress.mode").control
    assert isinstance(control, ChoiceControl)

    QApplication.sendEvent(control.box, wheel(control.box))

    assert control.box.currentData() == "direct"
    assert pane.bar_words() == ""


@pytest.mark.parametrize("page", [page.key for page in settings_words.pages()])
async def test_no_text_is_cut_off_even_if_it_is_longer(
    open_face: Open, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    In the smallest window, with every text of the model 40 % longer.
    """
    monkeypatch.setattr(
        settings_words, "of_model", lambda text: f"{text} {'länger ' * (len(text) // 18 + 1)}"
    )
    face = await open_face(every_state())
    face.window.resize(800, 560)
    pane = settings_of(face)

    pane.show_page(page)
    await settle()

    inside = pane.area.widget()
    assert inside is not None
    assert inside.width() <= pane.area.viewport().width()
    for label in inside.findChildren(QLabel):
        if label.isVisible() and label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width()), label.text()
        elif label.isVisible() and type(label) is QLabel and label.text():
            assert label.width() >= label.sizeHint().width(), label.text()


@pytest.mark.parametrize("page", [page.key for page in settings_words.pages()])
async def test_tab_reaches_every_control_of_a_page_in_reading_order(open_face: Open, page: str) -> None:
    """
    From top to bottom, each once, and around again.
    """
    face = await open_face(every_state())
    pane = settings_of(face)
    pane.show_page(page)
    await settle()
    wanted = [pane.rows[name].control.entry() for name in pane.shown()]
    pane.search.setFocus()

    seen: list[QWidget | None] = []
    for _ in range(80):
        press(face.window, Qt.Key.Key_Tab)
        seen.append(face.window.focusWidget())
        if seen[-1] is pane.search:
            break

    assert seen[-1] is pane.search
    assert [one for one in seen if one in wanted] == wanted
    assert len(seen) == len(set(map(id, seen)))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("5", 5),
        (" 1 000 ", 1000),
        ("2.50", 2.5),
        ("3.0", 3),
        ("-1", -1),
        ("", ""),
        ("1e400", "1e400"),
        ("nan", "nan"),
        ("0x10", "0x10"),
        ("5 s", "5 s"),
    ],
)
def test_a_number_is_what_a_person_means_by_it(typed: str, meant: object) -> None:
    """
    Blanks between digits are fine; what is no number stays the text, so that it can be refused.
    """
    found = number_in(typed)

    assert found == meant
    assert type(found) is type(meant)


def test_every_choice_has_words() -> None:
    """
    No choice is shown by its name in the file alone.
    """
    nameless = [
        (field.name, value)
        for field in fields().values()
        if field.kind is Kind.CHOICE
        for value in field.choices
        if settings_words.choice(field, value) == value
    ]

    assert nameless == []


def test_large_numbers_are_said_in_larger_units() -> None:
    """
    Where that helps: a day, two hours, four gigabytes.
    """
    days, megabytes = fields()["accounts.basic_interval_s"].unit, fields()["media.images_max_mb"].unit

    assert settings_words.in_larger_units(days, 86_400) == "= 1 d"
    assert settings_words.in_larger_units(days, 7_200) == "= 2 h"
    assert settings_words.in_larger_units(days, 90) == ""
    assert settings_words.in_larger_units(megabytes, 4_096) == "= 4 GB"
    assert settings_words.in_larger_units(megabytes, "x") == ""


def settings_of(face: Face) -> SettingsPane:
    """The pane in sight."""
    face.window.activateWindow()
    pane = face.window.go("settings")
    assert isinstance(pane, SettingsPane)
    return pane


def wheel(over: QWidget) -> QWheelEvent:
    """One notch of the wheel over a widget."""
    middle = QPointF(over.rect().center())
    none = Qt.MouseButton.NoButton
    return QWheelEvent(
        middle,
        over.mapToGlobal(middle),
        QPoint(),
        QPoint(0, -120),
        none,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )


def visible_windows() -> list[QWidget]:
    return [one for one in QApplication.topLevelWidgets() if one.isVisible()]


def everything_said(pane: QWidget) -> str:
    """All text in sight."""
    texts = [one.text() for one in pane.findChildren(QLabel)]
    texts += [one.text() for one in pane.findChildren(QLineEdit)]
    texts += [one.toPlainText() for one in pane.findChildren(QPlainTextEdit)]
    return "\n".join(texts)


def text_of(widget: QWidget) -> str:
    return " ".join(one.text() for one in widget.findChildren(QLabel))
