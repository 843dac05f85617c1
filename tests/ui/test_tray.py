"""The tray: a table of states, one menu for life, and what happens where there is no tray."""

from __future__ import annotations

from itertools import product

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Shape, Tray, TrayState, view
from tests.ui.faces import Open, click, clipboard, settle
from tests.ui.stand_in import every_state

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
            "● Quitting…",
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
            "▲ 7 accounts waiting for you…",
            "Quit — 2 requests running…",
        ),
        (
            state(phase="running", total=2, need_owner=1, requests=1),
            "0 of 2 accounts ready · 1 request",
            "▲ 1 account waiting for you…",
            "Quit — 1 request running…",
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


async def test_the_tray_does_what_it_says(open_face: Open) -> None:
    """
    Every item of the menu acts on the program.
    """
    face = await open_face(every_state())
    tray = face.tray

    tray.copy_address.trigger()
    assert clipboard() == "http://127.0.0.1:4765/v1"
    tray.copy_key.trigger()
    assert face.host.keys.check(clipboard()) is not None
    tray.toggle.trigger()
    await settle()
    assert tray.status.text() == "○ Gateway stopped"
    tray.toggle.trigger()
    await settle()
    assert tray.status.text() == "● Gateway running · 127.0.0.1:4765"
    face.window.hide()
    tray.needs_you.trigger()
    await settle()
    assert face.window.isVisible()
    assert {row.account.id for row in face.accounts().visible_rows()} == {"acc00005", "acc00006"}
    click(face.accounts().add)
    await settle()
    assert face.window.adding is not None
    face.window.adding.reject()
    tray.quit.trigger()
    assert face.host.shutdown.requested
