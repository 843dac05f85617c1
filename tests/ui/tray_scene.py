"""The whole program behind a tray: what tests of tray, notifications and manners drive."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from grokdesk.core.settings import Settings
from grokdesk.platform.autostart import DesktopEntry
from grokdesk.sim import Simulator, World
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from tests.rig import Rig, running
from tests.ui.conftest import application
from tests.ui.faces import settle

by = pytest.mark.parametrize("by", ["mouse", "keys"])


@dataclass
class Scene:
    """The whole program behind a tray, with a window."""

    rig: Rig
    shell: Shell
    autostart: DesktopEntry
    folder: Path

    @property
    def tray(self) -> Tray:
        return self.shell.tray

    @property
    def settings(self) -> Settings:
        return self.rig.app.live.now

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, 5)

    async def choose(self, by: str, line: QAction, menu: QMenu | None = None) -> None:
        """Choose a line of the menu, or of a submenu, as a person does."""
        shown = [self.tray.menu] if menu is None else [self.tray.menu, menu]
        shown[0].popup(QPoint(0, 0))
        await settle(0.03)
        for one, inner in zip(shown, [*shown[1:], None], strict=True):
            target = line if inner is None else inner.menuAction()
            assert target.isVisible(), target.text()
            assert target.isEnabled(), target.text()
            if by == "mouse":
                QTest.mouseClick(one, Qt.MouseButton.LeftButton, pos=one.actionGeometry(target).center())
            else:
                for _ in range(60):
                    if one.activeAction() is target:
                        break
                    QTest.keyClick(one, Qt.Key.Key_Down)
                assert one.activeAction() is target
                QTest.keyClick(one, Qt.Key.Key_Return if inner is None else Qt.Key.Key_Right)
            await settle(0.03)
        assert not shown[0].isVisible()

    async def names(self) -> set[str]:
        return {model.id async for model in self.rig.client.models.list()}


@asynccontextmanager
async def tray_scene(tmp_path: Path, **decided: object) -> AsyncIterator[Scene]:
    """Open it: one account, and starting at login written into a folder of the test."""
    world = World(time.time, Random(1))  # noqa: TID251 - the clock the simulator is given
    folder = tmp_path / "autostart"
    async with (
        Simulator(world, port=0).started() as sim,
        running(tmp_path / "data", sim, world, **decided) as rig,
    ):
        await rig.grok()
        autostart = rig.app.autostart = DesktopEntry(folder, ("/opt/grokdesk",))
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.acts.addresses = lambda: ["192.168.1.5"]
        shell.refresh_tray()
        await shell.acts.settle_in()
        shell.window.bring_up()
        await settle()
        yield Scene(rig, shell, autostart, folder)
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)
