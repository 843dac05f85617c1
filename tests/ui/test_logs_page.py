"""The page Logs, driven by mouse and keys, on the log that the program writes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QAccessible, QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from grokdesk.app import App
from grokdesk.core.options import Options
from grokdesk.core.settings import LogLevel
from grokdesk.ui.models import logs
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.windows.logs_page import LogsPage
from grokdesk.ui.windows.main_window import MainWindow
from grokdesk.ui.windows.settings import SettingsPane
from tests.ui.conftest import application
from tests.ui.faces import click, clipboard, press, settle
from tests.ui.test_window import describe, stops, walk

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ours = logging.getLogger("grokdesk.tests.here")


@dataclass
class Scene:
    """The page in its window, and the program that writes."""

    app: App
    shell: Shell
    pane: SettingsPane
    page: LogsPage

    @property
    def window(self) -> MainWindow:
        return self.shell.window

    @property
    def file(self) -> Path:
        return self.app.paths.logs / "grokdesk.log"

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not true():  # noqa: ASYNC110 - what an outsider sees tells nobody
                await asyncio.sleep(0.01)

    def texts(self) -> list[str]:
        return [
            str(self.page.lines.index(row, logs.TEXT).data()) for row in range(self.page.lines.rowCount())
        ]

    async def has(self, text: str) -> int:
        """Wait until a line is shown; returns its row."""

        def there() -> bool:
            self.page.look()
            return any(text in one for one in self.texts())

        await self.until(there)
        return next(row for row, one in enumerate(self.texts()) if text in one)

    def click_row(self, row: int, *held: Qt.KeyboardModifier) -> None:
        table = self.page.table
        table.scrollTo(self.page.lines.index(row, 0))
        place = QPoint(20, table.rowViewportPosition(row) + table.rowHeight(row) // 2)
        modifiers = held[0] if held else Qt.KeyboardModifier.NoModifier
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifiers, place)


@pytest.fixture
async def scene(tmp_path: Path, qapp: QApplication) -> AsyncIterator[Scene]:
    options = Options(
        data_dir=tmp_path,
        headless=True,
        environment={},
        overrides={"gateway.port": 0, "accounts.check_regularly": False},
    )
    async with App.started(options) as app:
        look = Look(application())
        look.choose("light")
        tray = Tray(look, TrayState())
        shell = Shell(app, look, tray)
        shell.window.bring_up()
        shell.window.activateWindow()
        pane = shell.window.go("settings:logs")
        assert isinstance(pane, SettingsPane)
        page = pane.made_page
        assert isinstance(page, LogsPage)
        made = Scene(app, shell, pane, page)
        await made.has("gateway running")
        yield made
        await shell.leave()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)


async def test_lines_arrive_as_they_are_written_and_only_while_they_can_be_seen(scene: Scene) -> None:
    """
    By themselves, at the end, in sight; a hidden page reads nothing and catches up when it is back.
    """
    ours.info("something came about id=1")
    await scene.until(lambda: "something came about id=1" in scene.texts())
    bar = scene.page.table.verticalScrollBar()
    at_end = bar.value() == bar.maximum()
    scene.window.go("home")
    ours.info("meanwhile id=2")
    await settle(0.2)
    timers = [one for one in scene.window.running_timers() if one.parent() is scene.page]
    unseen = "meanwhile id=2" in scene.texts()
    scene.window.go("settings")
    await scene.until(lambda: "meanwhile id=2" in scene.texts())

    assert at_end
    assert (timers, unseen) == ([], False)


async def test_follow_stays_at_the_end_only_while_the_reader_is_there(scene: Scene) -> None:
    """
    Scrolled up it leaves the reader alone; switched off it does not move at all.
    """
    for number in range(100):
        ours.info("line id=%d", number)
    await scene.has("line id=99")
    bar = scene.page.table.verticalScrollBar()
    bar.setValue(3)
    ours.info("one more")
    await scene.has("one more")
    up = bar.value()
    click(scene.page.follow)
    bar.setValue(bar.maximum())
    end = bar.value()
    ours.info("and another")
    await scene.has("and another")
    off = bar.value()
    click(scene.page.follow)

    assert (up, off) == (3, end)
    assert bar.value() == bar.maximum() > end


async def test_levels_and_words_narrow_the_lines(scene: Scene) -> None:
    """
    By keys alone; a line that comes later is judged as well, and nothing found offers the way out.
    """
    ours.info("quiet things")
    ours.warning("loud things")
    await scene.has("loud things")
    scene.page.level.setFocus()
    press(scene.window, Qt.Key.Key_Down)
    press(scene.window, Qt.Key.Key_Down)
    await scene.until(lambda: "quiet things" not in scene.texts())
    warnings = scene.texts()
    press(scene.window, Qt.Key.Key_F, CTRL)
    QTest.keyClicks(scene.page.search, "LOUD here")
    await scene.until(lambda: scene.texts() == ["loud things"])
    ours.warning("more loud things")
    ours.warning("other things")
    await scene.until(lambda: scene.texts() == ["loud things", "more loud things"])
    said = scene.page.said.text()
    QTest.keyClicks(scene.page.search, " zebra")
    await scene.until(scene.page.empty.isVisible)
    click(scene.page.empty.button)
    await scene.has("quiet things")

    assert "loud things" in warnings
    assert said.startswith("2 of ")
    assert scene.page.level.currentIndex() == 0


async def test_an_error_is_told_by_shape_and_word_and_opens_to_its_traceback(scene: Scene) -> None:
    """
    The line is one line; selecting it shows all of it below.
    """
    try:
        int("what")
    except ValueError:
        ours.exception("could not count")
    row = await scene.has("could not count")
    lines = scene.page.lines
    shapes = {
        lines.index(one, logs.LEVEL).data(Qt.ItemDataRole.DecorationRole).cacheKey() for one in (row, 0)
    }
    scene.click_row(row)
    await scene.until(scene.page.full.isVisible)

    assert lines.index(row, logs.LEVEL).data() == "Error"
    assert len(shapes) == 2
    assert scene.texts()[row] == "could not count  ▸"
    assert "Traceback (most recent call last):" in scene.page.full.toPlainText()
    assert "ValueError: invalid literal" in scene.page.full.toPlainText()


async def test_selected_lines_are_copied_by_mouse_and_by_keys(scene: Scene) -> None:
    """
    In full, as they stand in the file.
    """
    ours.info("first of two")
    ours.info("second of two")
    row = await scene.has("second of two")
    scene.click_row(row - 1)
    scene.click_row(row, SHIFT)
    click(scene.page.copy)
    await scene.until(lambda: "second of two" in clipboard())
    by_mouse = clipboard()
    QApplication.clipboard().clear()
    scene.page.table.setFocus()
    press(scene.window, Qt.Key.Key_C, CTRL)
    await scene.until(lambda: clipboard() == by_mouse)

    lines = by_mouse.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(" INFO    grokdesk.tests.here: first of two")
    assert scene.window.toasts.texts()[-1] == "2 lines copied."


async def test_the_file_is_turned_over_under_the_reader(scene: Scene) -> None:
    """
    At midnight: the new file is shown from its beginning, the old one can be chosen by its day.
    """
    ours.info("of yesterday")
    await scene.has("of yesterday")
    scene.file.rename(scene.file.with_name("grokdesk.log.2026-08-11"))
    head = "2026-08-12 00:00:01,000 INFO    grokdesk.new"
    scene.file.write_text(f"{head}: of today\n", "utf-8")
    await scene.until(lambda: scene.texts() == ["of today"])
    await scene.until(lambda: scene.page.file.count() == 2)
    names = [scene.page.file.itemText(place) for place in range(2)]
    scene.page.file.setFocus()
    press(scene.window, Qt.Key.Key_Down)
    await scene.has("of yesterday")

    assert names == ["Today", "2026-08-11"]


async def test_what_is_written_can_be_changed_here_and_taken_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    At once, with an undo; the folder opens in the system's own program.
    """
    scene.page.written.setFocus()
    press(scene.window, Qt.Key.Key_Home)
    await scene.until(lambda: scene.app.live.now.logging.level is LogLevel.DEBUG)
    ours.debug("a detail")
    await scene.has("a detail")
    press(scene.window, Qt.Key.Key_Z, CTRL)
    await scene.until(lambda: scene.app.live.now.logging.level is LogLevel.INFO)
    await scene.until(lambda: scene.page.written.currentText() == "Writes the usual")

    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    scene.page.open_folder()

    assert [Path(one) for one in opened] == [scene.app.paths.logs]


async def test_a_log_that_cannot_be_read_says_so(scene: Scene) -> None:
    """
    And is shown again as soon as it can.
    """
    gone = scene.file.with_name("elsewhere")
    scene.file.rename(gone)
    await scene.until(scene.page.empty.isVisible)
    gone.rename(scene.file)
    await scene.has("gateway running")
    await scene.until(scene.page.table.isVisible)


async def test_two_hundred_thousand_lines_are_fluid(scene: Scene) -> None:
    """
    Read beside the window; scrolling to any place asks for what is in sight only.
    """
    head = "2026-08-12 10:00:00,000"
    with scene.file.open("a", encoding="utf-8") as file:
        file.writelines(
            f"{head} INFO    grokdesk.engine.runs: run finished id={n} total_ms=12\n" for n in range(200_000)
        )
    lines, bar = scene.page.lines, scene.page.table.verticalScrollBar()
    await scene.until(lambda: lines.rowCount() >= 200_000)
    frames = []
    for step in range(60):
        began = time.perf_counter()
        bar.setValue(bar.maximum() * step // 60)
        scene.page.table.viewport().repaint()
        frames.append((time.perf_counter() - began) * 1000)
    scene.page.search.setText("id=199999")
    await scene.until(lambda: lines.rowCount() == 1)

    assert sorted(frames)[len(frames) * 95 // 100] < 50
    assert scene.texts() == ["run finished id=199999 total_ms=12"]


async def test_every_control_is_named_and_within_reach_of_tab(scene: Scene) -> None:
    """
    Tab passes each once, and nothing asks for more room than the smallest window has.
    """
    scene.click_row(0)
    await scene.until(scene.page.full.isVisible)
    scene.window.status.copy_key.setFocus()
    seen = walk(scene.window, 80)
    reached, wanted = {describe(one) for one in seen}, {describe(one) for one in stops(scene.window)}
    unnamed = [
        one
        for one in stops(scene.pane)
        if not QAccessible.queryAccessibleInterface(one).text(QAccessible.Text.Name)
    ]
    scene.window.resize(800, 560)
    await settle()

    assert len(seen) == len(set(seen))
    assert reached == wanted
    assert unnamed == []
    assert (scene.window.width(), scene.window.height()) == (800, 560)
    assert scene.pane.minimumSizeHint().width() <= scene.pane.width()


async def test_the_page_survives_a_new_window(scene: Scene) -> None:
    """
    Search, level and whether it follows, as when the language changes.
    """
    scene.page.search.setText("gateway")
    scene.page.apply()
    scene.page.level.setCurrentIndex(1)
    scene.page.follow.setChecked(False)
    other = SettingsPane(scene.shell.desk)
    other.put_back(scene.pane.keepsake())
    page = other.made_page
    assert isinstance(page, LogsPage)

    assert (page.search.text(), page.level.currentIndex(), page.follow.isChecked()) == ("gateway", 1, False)
    await settle()
    other.deleteLater()
