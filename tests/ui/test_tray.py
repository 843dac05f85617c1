"""The tray: a table of states, one menu for life, and what happens where there is no tray."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields
from itertools import product
from pathlib import Path

import openai
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from grokdesk.core.accounts import Status
from grokdesk.core.notices import AccountChanged, GatewayPhase
from grokdesk.sim import text
from grokdesk.ui.dialogs import Ask
from grokdesk.ui.theme import DARK, LIGHT, TRAY, Look, resources, style_sheet
from grokdesk.ui.tray import Item, ModelLine, PlaceLine, Shape, Tray, TrayState, TrayView, view
from tests.rig import FAST, token
from tests.ui.faces import click, clipboard, dialog, no_dialog, press, settle
from tests.ui.test_parts import contrast
from tests.ui.tray_scene import Scene, by, tray_scene


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    async with tray_scene(tmp_path) as scene:
        yield scene


AWAKE = TrayState(awake=True, has_key=True, address="127.0.0.1:4765")


def state(**changes: object) -> TrayState:
    values = {name: getattr(AWAKE, name) for name in AWAKE.__slots__}
    return TrayState(**{**values, **changes})


@pytest.mark.parametrize(
    ("given", "shape", "words", "toggle", "address", "key", "opens"),
    [
        (TrayState(), Shape.BUSY, "◐ Starting…", ("Starting…", False), False, False, False),
        (
            state(phase="running"),
            Shape.RUNNING,
            "● Gateway running · 127.0.0.1:4765",
            ("Stop gateway", True),
            True,
            True,
            True,
        ),
        (
            state(phase="running", total=9, need_owner=2),
            Shape.ATTENTION,
            "● Gateway running · 127.0.0.1:4765",
            ("Stop gateway", True),
            True,
            True,
            True,
        ),
        (
            state(phase="stopped"),
            Shape.STOPPED,
            "○ Gateway stopped",
            ("Start gateway", True),
            False,
            True,
            True,
        ),
        (state(phase="stopping"), Shape.BUSY, "◐ Gateway stopping…", ("Stopping…", False), False, True, True),
        (
            state(phase="failed", error="Port 4765 is used."),
            Shape.FAILED,
            "✕ Gateway failed: Port 4765 is used.",
            ("Start gateway", True),
            False,
            True,
            True,
        ),
        (
            state(phase="running", has_key=False),
            Shape.RUNNING,
            "● Gateway running · 127.0.0.1:4765",
            ("Stop gateway", True),
            True,
            False,
            True,
        ),
        (
            state(phase="running", leaving=True),
            Shape.BUSY,
            "◐ Quitting…",
            ("Stop gateway", False),
            False,
            False,
            False,
        ),
    ],
)
def test_each_state_has_its_icon_words_and_items(
    qapp: QApplication,
    given: TrayState,
    shape: Shape,
    words: str,
    toggle: tuple[str, bool],
    address: bool,
    key: bool,
    opens: bool,
) -> None:
    """
    The table of the tray: which icon, which words, and what can be clicked.
    """
    shown = view(given)

    assert shown.shape is shape
    assert shown.status.text == words
    assert not shown.status.enabled
    assert (shown.toggle.text, shown.toggle.enabled) == toggle
    assert shown.copy_address.enabled is address
    assert shown.copy_key.enabled is key
    assert shown.open.enabled is opens
    assert shown.quit.enabled is not given.leaving


@pytest.mark.parametrize(
    ("given", "accounts", "needy", "quit_text"),
    [
        (state(phase="running"), "No accounts yet", None, "Quit"),
        (state(phase="running", total=1, ready=1), "1 of 1 accounts ready", None, "Quit"),
        (
            state(phase="running", total=312, ready=287, need_owner=7, requests=2),
            "287 of 312 accounts ready · 2 requests",
            "▲ 7 accounts need you…",
            "Quit — 2 requests are running…",
        ),
        (
            state(phase="running", total=2, need_owner=1, requests=1),
            "0 of 2 accounts ready · 1 request",
            "▲ 1 account needs you…",
            "Quit — 1 request is running…",
        ),
    ],
)
def test_accounts_and_requests_are_counted_in_words(
    qapp: QApplication, given: TrayState, accounts: str, needy: str | None, quit_text: str
) -> None:
    """
    The second line counts; the third is there only when somebody has to do something.
    """
    shown = view(given)

    assert shown.accounts.text == accounts
    assert shown.needs_you.shown is (needy is not None)
    assert needy is None or shown.needs_you.text == needy
    assert shown.quit.text == quit_text


def items(shown: TrayView) -> dict[str, Item]:
    """Return the lines of the menu by name."""
    return {one.name: item for one in fields(shown) if isinstance(item := getattr(shown, one.name), Item)}


EVERYTHING = state(
    phase="running",
    total=3,
    ready=1,
    need_owner=1,
    models=(ModelLine("one"), ModelLine("two", on=False)),
    places=(PlaceLine("home", "Home", "Ctrl+1"),),
    paused_until="14:30",
    at_login=False,
    update="1.2.3",
)
ALWAYS_GREY = {"status", "accounts", "paused"}


@pytest.mark.parametrize(
    ("changes", "grey", "hidden"),
    [
        ({}, set(), set()),
        (
            {"awake": False},
            set(items(view(EVERYTHING))) - {"quit"},
            {"accounts", "needs_you", "paused", "update"},
        ),
        ({"leaving": True}, set(items(view(EVERYTHING))), {"accounts", "needs_you", "paused", "update"}),
        ({"phase": "stopped"}, {"copy_address", "snippets"}, set()),
        ({"phase": "failed"}, {"copy_address", "snippets"}, set()),
        ({"phase": "starting"}, {"toggle", "copy_address", "snippets", "lan"}, set()),
        ({"phase": "stopping"}, {"toggle", "copy_address", "snippets", "lan"}, set()),
        ({"has_key": False}, {"copy_key", "snippets"}, set()),
        ({"models": ()}, {"model_menu"}, set()),
        ({"fixed": frozenset({"adult"})}, {"adult"}, set()),
        ({"fixed": frozenset({"lan"})}, {"lan"}, set()),
        ({"need_owner": 0}, set(), {"needs_you"}),
        ({"paused_until": ""}, set(), {"paused"}),
        ({"at_login": None}, {"at_login"}, {"at_login"}),
        ({"update": ""}, set(), {"update"}),
    ],
)
def test_each_line_is_there_and_can_be_clicked_when_it_makes_sense(
    qapp: QApplication, changes: dict[str, object], grey: set[str], hidden: set[str]
) -> None:
    """
    The table of lines: what is grey and what is out of sight in which state.
    """
    values = {name: getattr(EVERYTHING, name) for name in EVERYTHING.__slots__}

    shown = items(view(TrayState(**{**values, **changes})))

    assert {name for name, item in shown.items() if not item.enabled} == grey | ALWAYS_GREY
    assert {name for name, item in shown.items() if not item.shown} == hidden


def test_marks_say_how_things_are(qapp: QApplication) -> None:
    """
    Models, adult content, other devices, start at login and notifications have one; at most 15 models.
    """
    shown = view(state(models=tuple(ModelLine(f"m{n}", on=bool(n)) for n in range(20)), adult=True, lan=True))

    assert [item.checked for item in shown.models] == [False, *[True] * 14]
    assert (shown.adult.checked, shown.lan.checked, shown.at_login.checked) == (True, True, False)
    assert [item.checked for item in shown.pauses] == [True, None, None, None]
    assert not view(state(models=(ModelLine("m"),), fixed=frozenset({"models"}))).models[0].enabled
    assert view(EVERYTHING).paused.text == "Paused until 14:30"
    assert view(EVERYTHING).update.text == "Update to 1.2.3…"


def test_the_tooltip_names_the_demo(qapp: QApplication) -> None:
    """
    Nobody takes the demo for the real thing.
    """
    assert view(state(phase="running", demo=True)).tooltip.startswith("Demo — nothing here is real")


def test_there_is_one_menu_for_life(qapp: QApplication) -> None:
    """
    GNOME crashes on menus that are replaced, so texts change in place.
    """
    tray = Tray(Look(qapp), TrayState())
    menu, actions = tray.menu, tray.menu.actions()

    for phase, total in product(("starting", "running", "failed", "stopped"), (0, 5)):
        tray.update_state(phase=phase, total=total, ready=total, need_owner=total, awake=True)

    assert tray.menu is menu
    assert tray.menu.actions() == actions
    assert tray.toggle.text() == "Start gateway"


async def test_counts_change_at_most_once_a_second(qapp: QApplication) -> None:
    """
    A busy gateway does not repaint the menu with every request; a change of state shows at once.
    """
    tray = Tray(Look(qapp), state(phase="running", total=5, ready=5))
    changes: list[str] = []
    tray.accounts.changed.connect(lambda: changes.append(tray.accounts.text()))

    for running in range(1, 40):
        tray.update_state(requests=running)
    before = list(changes)
    await settle(1.1)

    assert before == []
    assert changes == ["5 of 5 accounts ready · 39 requests"]
    tray.update_state(phase="stopped")
    assert tray.status.text() == "○ Gateway stopped"
    tray.hide()


async def test_a_hundred_notices_change_the_menu_in_place(scene: Scene) -> None:
    """
    Lines and submenus are the same objects before and after, and while the menu is open.
    """
    tray, app = scene.tray, scene.rig.app
    menus = [tray.menu, *tray.menu.findChildren(QMenu)]
    before = [menu.actions() for menu in menus]
    tray.menu.popup(QPoint(0, 0))

    for number in range(100):
        app.bus.publish(AccountChanged(frozenset(one.id for one in app.pool.accounts())))
        if number % 25 == 0:
            await app.change({"media.allow_nsfw": number % 50 == 0})
            await settle(0.04)
    await scene.rig.until(lambda: tray.adult.isChecked() is app.live.now.media.allow_nsfw)

    assert tray.menu.isVisible()
    assert [tray.menu, *tray.menu.findChildren(QMenu)] == menus
    assert [menu.actions() for menu in menus] == before
    tray.menu.hide()


def grey(image: QImage) -> list[int]:
    small = image.convertToFormat(QImage.Format.Format_ARGB32)
    return [small.pixelColor(x, y).alpha() for y in range(small.height()) for x in range(small.width())]


@pytest.mark.parametrize("size", [16, 22, 32, 64])
@pytest.mark.parametrize("on_dark", [True, False])
@pytest.mark.parametrize("demo", [True, False])
def test_every_shape_differs_without_colour(qapp: QApplication, size: int, on_dark: bool, demo: bool) -> None:
    """
    Any two icons differ in at least a twentieth of their pixels, in one colour, at every size.
    """
    tray = Tray(Look(qapp), TrayState(demo=demo))
    pictures = {
        shape: grey(tray.icon_for(shape, on_dark=on_dark).pixmap(QSize(size, size)).toImage())
        for shape in Shape
    }

    for one, other in product(Shape, Shape):
        differing = sum(abs(a - b) > 80 for a, b in zip(pictures[one], pictures[other], strict=True))
        assert one is other or differing >= size * size / 20, (one, other, differing)


async def test_without_a_tray_it_looks_again_and_says_so(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A tray that is late at login is found after a second.
    """
    there = False
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: there)
    tray = Tray(Look(qapp), TrayState())
    heard: list[str] = []
    tray.missing.connect(lambda: heard.append("missing"))
    tray.appeared.connect(lambda: heard.append("appeared"))

    tray.show()
    seen_at_once = tray.visible
    there = True
    await settle(1.2)

    assert heard == ["missing", "appeared"]
    assert not seen_at_once
    assert tray.visible
    tray.hide()


@by
async def test_the_gateway_is_stopped_and_started(scene: Scene, by: str) -> None:
    """
    The same line does both, and the first lines say where it stands.
    """
    tray, app = scene.tray, scene.rig.app
    words = [tray.status.text()]

    await scene.choose(by, tray.toggle)
    await scene.until(lambda: app.gateway.state.phase is GatewayPhase.STOPPED)
    await settle()
    words.append(tray.status.text())
    await scene.choose(by, tray.toggle)
    await scene.until(lambda: app.gateway.state.phase is GatewayPhase.RUNNING)
    await settle()

    assert words[0].startswith("● Gateway running · 127.0.0.1:")
    assert words[1] == "○ Gateway stopped"
    assert tray.status.text() == f"● Gateway running · {app.gateway.state.address}"
    assert tray.accounts.text() == "1 of 1 accounts ready"


@by
async def test_address_key_and_snippets_are_copied(scene: Scene, by: str) -> None:
    """
    Snippets hold the real address, key and a model that the accounts can serve; secrets do not stay.
    """
    tray, rig = scene.tray, scene.rig
    await scene.choose(by, tray.copy_address)
    address = clipboard()
    await scene.choose(by, tray.copy_key)
    key = clipboard()
    snippets = []
    for line in tray.snippets:
        await scene.choose(by, line, tray.snippet_menu)
        snippets.append(clipboard())
    scene.shell.desk.forget_key()

    assert address == f"{rig.url}/v1"
    assert key == rig.key
    assert [line.text() for line in tray.snippets] == ["curl", "Claude Code", "Codex", "OpenAI Python"]
    assert all(rig.key in one and rig.url in one and FAST in one for one in snippets)
    assert clipboard() == ""


@by
async def test_a_model_is_switched_off_for_clients(scene: Scene, by: str) -> None:
    """
    It leaves /v1/models at once and answers 404 with the reason, until it is switched on again.
    """
    tray, rig = scene.tray, scene.rig
    line = next(one for one in tray.models if one.text() == FAST)
    before = (line.isChecked(), FAST in await scene.names())

    await scene.choose(by, line, tray.model_menu)
    await scene.until(lambda: FAST in scene.settings.models.off)
    await settle()
    off = (line.isChecked(), FAST in await scene.names())
    with pytest.raises(openai.NotFoundError) as refused:
        await rig.say("hi", model=FAST)
    await scene.choose(by, line, tray.model_menu)
    await scene.until(lambda: FAST not in scene.settings.models.off)
    await settle()
    rig.world.accounts[token("a")].next(text("Hello."))
    answer = await rig.say("hi", model=FAST)

    assert (before, off) == ((True, True), (False, False))
    assert "switched off" in refused.value.message
    assert "models.off" in str(refused.value.body)
    assert (line.isChecked(), FAST in await scene.names()) == (True, True)
    assert answer.choices[0].message.content == "Hello."


async def test_the_colours_of_the_icon_are_a_setting(scene: Scene) -> None:
    """
    A change shows at once.
    """
    await scene.rig.app.change({"appearance.tray_icon": "colour"})

    await scene.until(lambda: scene.tray.state.icon == "colour")


async def test_what_was_decided_at_the_start_cannot_be_switched(tmp_path: Path, qapp: QApplication) -> None:
    """
    By environment or command line: the marks say how it is, and the lines are grey.
    """
    decided = {"media__allow_nsfw": True, "gateway__host": "127.0.0.1", "models__off": (FAST,)}
    async with tray_scene(tmp_path, **decided) as scene:
        tray = scene.tray
        line = next(one for one in tray.models if one.text() == FAST)

        assert [one.isEnabled() for one in (tray.adult, tray.lan, line)] == [False, False, False]
        assert [one.isChecked() for one in (tray.adult, tray.lan, line)] == [True, False, False]


async def test_models_switched_in_one_go_are_all_switched(scene: Scene) -> None:
    """
    None of several clicks that come before the file is written is lost.
    """
    lines = scene.tray.models[:3]

    for line in lines:
        line.trigger()
    await scene.until(lambda: len(scene.settings.models.off) == 3)

    assert set(scene.settings.models.off) == {line.text() for line in lines}


@by
async def test_all_models_lead_to_their_page(scene: Scene, by: str) -> None:
    """
    There are more than fit a menu.
    """
    wanted: list[str] = []
    scene.shell.desk.pane_wanted.connect(wanted.append)
    assert sum(line.isVisible() for line in scene.tray.models) == 15

    await scene.choose(by, scene.tray.all_models, scene.tray.model_menu)

    assert wanted == ["models"]
    assert scene.shell.window.pane.key == "settings"


@by
async def test_adult_content_is_asked_about_once(scene: Scene, by: str) -> None:
    """
    A no leaves it off and the mark away; after a yes it is a switch like any other.
    """
    tray = scene.tray
    await scene.choose(by, tray.adult)
    await settle()
    question = dialog(Ask)
    marked = tray.adult.isChecked()
    if by == "mouse":
        click(question.no)
    else:
        press(question, Qt.Key.Key_Return)
    await settle()
    refused = (scene.settings.media.allow_nsfw, tray.adult.isChecked())

    await scene.choose(by, tray.adult)
    await settle()
    question = dialog(Ask)
    if by == "mouse":
        click(question.yes)
    else:
        press(question, Qt.Key.Key_Tab)
        press(question, Qt.Key.Key_Space)
    await scene.until(lambda: scene.settings.media.allow_nsfw and tray.adult.isChecked())
    await scene.choose(by, tray.adult)
    await scene.until(lambda: not scene.settings.media.allow_nsfw and not tray.adult.isChecked())
    await scene.choose(by, tray.adult)
    await scene.until(lambda: scene.settings.media.allow_nsfw)

    assert not marked
    assert refused == (False, False)
    assert no_dialog()


@by
async def test_every_pane_can_be_opened(scene: Scene, by: str) -> None:
    """
    With its key beside its name; the window comes up.
    """
    tray, window = scene.tray, scene.shell.window
    shown = [line for line in tray.places if line.isVisible()]
    assert [line.text() for line in shown] == [entry.text for entry in window.entries]
    keys = [scene.shell.desk.actions.action(f"go {entry.key}").shortcut() for entry in window.entries]
    assert [line.shortcut() for line in shown] == keys
    assert keys[0].toString() == "Ctrl+1"

    for line, entry in zip(shown, window.entries, strict=True):
        window.hide()
        await scene.choose(by, line, tray.open)
        assert window.isVisible()
        assert window.pane.key == entry.key


@by
async def test_starting_at_login_is_what_the_system_says(scene: Scene, by: str) -> None:
    """
    Switched on, the file is there; deleted by its owner, the mark is gone when the menu is opened.
    """
    tray, file = scene.tray, scene.folder / "grokdesk.desktop"
    before = (tray.at_login.isChecked(), file.exists())

    await scene.choose(by, tray.at_login)
    await scene.until(tray.at_login.isChecked)
    on = "Exec=/opt/grokdesk --hidden" in file.read_text()
    file.unlink()
    tray.menu.popup(QPoint(0, 0))
    await scene.until(lambda: not tray.at_login.isChecked())
    tray.menu.hide()

    assert before == (False, False)
    assert on


@by
async def test_notifications_are_paused_and_come_back(scene: Scene, by: str) -> None:
    """
    The menu says until when; On ends the pause.
    """
    tray, now = scene.tray, scene.rig.app.clock.now()

    ends = []
    for line in tray.pauses[1:]:
        await scene.choose(by, line, tray.notifications)
        ends.append(scene.shell.notifier.paused_until - now)
        assert tray.paused.isVisible()
        assert tray.paused.text().startswith("Paused until ")
        assert not tray.pauses[0].isChecked()
    await scene.choose(by, tray.pauses[0], tray.notifications)

    assert ends[:2] == [pytest.approx(1_800, abs=60), pytest.approx(3_600, abs=60)]
    assert 8 * 3_600 <= ends[2] <= 32 * 3_600
    assert not tray.paused.isVisible()
    assert tray.pauses[0].isChecked()


@by
async def test_accounts_that_need_their_owner_are_a_click_away(scene: Scene, by: str) -> None:
    """
    The line is there only while some do, and leads to them.
    """
    tray, pool = scene.tray, scene.rig.app.pool
    wanted: list[str] = []
    scene.shell.desk.pane_wanted.connect(wanted.append)
    before = tray.needs_you.isVisible()
    [account] = pool.accounts()
    pool.edit([account.id], lambda one: one.with_status(Status.EXPIRED, "It has ended.", 1.0))
    await scene.until(tray.needs_you.isVisible)

    await scene.choose(by, tray.needs_you)

    assert not before
    assert tray.needs_you.text() == "▲ 1 account needs you…"
    assert wanted == ["accounts:owner"]


@by
async def test_quitting_asks_while_a_request_runs(scene: Scene, by: str) -> None:
    """
    The line says so; Keep running goes on, and without requests it just ends.
    """
    tray, rig = scene.tray, scene.rig
    rig.world.accounts[token("a")].next(text(pieces=200, delay_s=0.05))
    stream = await rig.say("hi", stream=True)
    await scene.until(lambda: tray.quit.text() == "Quit — 1 request is running…")

    await scene.choose(by, tray.quit)
    await settle()
    question = dialog(Ask)
    click(question.no)
    await settle()
    asked = rig.app.shutdown.requested
    await stream.close()
    await scene.until(lambda: tray.quit.text() == "Quit")
    await scene.choose(by, tray.quit)

    assert not asked
    assert rig.app.shutdown.requested


def test_marks_in_menus_and_boxes_are_drawn_in_the_colours_of_the_theme(qapp: QApplication) -> None:
    """
    Style sheets take pictures from files, which must not forget a change of the tokens.
    """
    for tone, tokens in (("light", LIGHT), ("dark", DARK)):
        for name in ("tick", "box"):
            picture = (resources() / "menu" / f"{name}-{tone}.svg").read_text("utf-8")
            assert f'stroke="{tokens.text}"' in picture
            assert f"/menu/{name}-{tone}.svg" in style_sheet(tokens)
        mark = (resources() / "menu" / f"mark-{tone}.svg").read_text("utf-8")
        assert f'stroke="{tokens.on_accent}"' in mark
        assert f"/menu/mark-{tone}.svg" in style_sheet(tokens)


def test_icons_in_colour_stand_out_on_any_panel(qapp: QApplication) -> None:
    """
    Each colour has a contrast of 3 or more with light and dark, and the settings choose how it is drawn.
    """
    for colour in TRAY.values():
        for ground in (LIGHT.bg, LIGHT.surface, DARK.bg, DARK.surface):
            assert contrast(colour, ground) >= 3, (colour, ground)
    tray = Tray(Look(qapp), TrayState())

    drawn = {}
    for choice, on_dark in product(("auto", "light", "dark", "colour"), (True, False)):
        tray.update_state(icon=choice)
        picture = tray.icon_for(Shape.RUNNING, on_dark=on_dark).pixmap(QSize(32, 32)).toImage()
        drawn[choice, on_dark] = picture.pixelColor(14, 14).name().upper()

    assert drawn["auto", True] == drawn["light", True] == drawn["light", False] == DARK.text
    assert drawn["auto", False] == drawn["dark", True] == drawn["dark", False] == LIGHT.text
    assert drawn["colour", True] == drawn["colour", False] == TRAY["running"]
    tray.hide()
