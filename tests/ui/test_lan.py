"""Letting other devices connect: said plainly before, and taken back at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel

from grokdesk.core.settings import is_loopback
from grokdesk.platform.lan import lan_addresses
from grokdesk.ui.windows.lan import LetOthers
from tests.ui.faces import click, clipboard, dialog, no_dialog, press, settle
from tests.ui.tray_scene import Scene, by, tray_scene


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    async with tray_scene(tmp_path) as scene:
        yield scene


def words(asked: LetOthers) -> str:
    return "\n".join(label.text() for label in asked.findChildren(QLabel) if label.isVisibleTo(asked))


async def answers(port: int, host: str) -> int:
    """The status of a request without a key that names `host`."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/v1/models", headers={"Host": host}) as response,
    ):
        return response.status


@by
async def test_a_no_leaves_everything_as_it_is(scene: Scene, by: str) -> None:
    """
    The dialog says what it means and under which address; Cancel is the button that Enter presses.
    """
    tray, port = scene.tray, scene.rig.app.gateway.state.port
    await scene.choose(by, tray.lan)
    await settle(0.15)
    asked = dialog(LetOthers)

    said, marked = words(asked), tray.lan.isChecked()
    if by == "mouse":
        click(asked.no)
    else:
        press(asked, Qt.Key.Key_Return)
    await settle()

    assert "Anyone on this network who has a key can use your accounts." in said
    assert f"http://192.168.1.5:{port}/v1" in said
    assert "running request" not in said
    assert not marked
    assert no_dialog()
    assert scene.settings.gateway.host == "127.0.0.1"
    assert scene.rig.app.gateway.state.port == port


@by
async def test_a_yes_lets_them_in_until_it_is_taken_back(scene: Scene, by: str) -> None:
    """
    The gateway listens for all at once, programs here keep a loopback address; switching back asks nothing.
    """
    tray, app = scene.tray, scene.rig.app
    await app.change({"gateway.allowed_hosts": ()})
    await scene.choose(by, tray.lan)
    await settle(0.15)
    asked = dialog(LetOthers)
    if by == "mouse":
        click(asked.yes)
    else:
        press(asked, Qt.Key.Key_Tab)
        press(asked, Qt.Key.Key_Space)
    await scene.until(lambda: tray.lan.isChecked() and app.gateway.state.host == "0.0.0.0")  # noqa: S104 - read
    tray.copy_address.trigger()
    address, without_key = clipboard(), await answers(app.gateway.state.port, "127.0.0.1")
    elsewhere = await answers(app.gateway.state.port, "evil.example")

    await scene.choose(by, tray.lan)
    await scene.until(lambda: not tray.lan.isChecked() and app.gateway.state.host == "127.0.0.1")

    assert no_dialog()
    assert address == f"http://127.0.0.1:{address.rpartition(':')[2]}"
    assert (without_key, elsewhere) == (401, 403)
    assert scene.settings.gateway.host == "127.0.0.1"


async def test_without_a_key_nobody_is_let_in(scene: Scene) -> None:
    """
    It is refused with words, and the setting that stands in the way is shown.
    """
    await scene.rig.app.change({"gateway.require_key": False})
    said: list[str] = []
    wanted: list[str] = []
    scene.shell.desk.said.connect(lambda toast: said.append(toast.text))
    scene.shell.desk.pane_wanted.connect(wanted.append)

    scene.tray.lan.trigger()
    await settle(0.15)

    assert no_dialog()
    assert wanted == ["settings:gateway.require_key"]
    assert said == [
        "Other devices cannot be let in while no key is asked for. Switch on ‘Ask for a key’ first."
    ]
    assert scene.settings.gateway.host == "127.0.0.1"


async def test_a_stopped_gateway_stays_stopped(scene: Scene) -> None:
    """
    The address is kept for the next start.
    """
    app = scene.rig.app
    await app.gateway.stop()
    await settle()
    scene.tray.lan.trigger()
    await settle(0.15)

    click(dialog(LetOthers).yes)
    await scene.until(lambda: not is_loopback(scene.settings.gateway.host))
    await settle()

    assert app.gateway.state.phase.value == "stopped"


async def test_without_a_known_address_the_dialog_names_the_port(qapp: QApplication) -> None:
    """
    And it says how long running requests have.
    """
    asked = LetOthers(None, [], 4765, 2)
    asked.open()

    said = words(asked)
    asked.reject()

    assert "the address of this computer in the network, with port 4765." in said
    assert "2 running requests have five seconds" in said


def test_addresses_of_this_computer_are_no_loopback() -> None:
    """
    Whatever this machine has, others could use it.
    """
    assert all(not is_loopback(address) for address in lan_addresses())
