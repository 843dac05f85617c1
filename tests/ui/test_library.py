"""The library's pane on the whole program against the simulator, driven by mouse and keys."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import aiohttp
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QAccessible, QDesktopServices, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QWidget

from grokdesk.core.accounts import AccountId, Tier
from grokdesk.core.library import Change, Sought, Used
from grokdesk.core.media import Kept, Kind, Origin, VideoRequest
from grokdesk.core.media_jobs import JobState
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import DOWNLOADS, Simulator, World, films, limited, media, pictures, stall
from grokdesk.ui import dialogs
from grokdesk.ui.models.library import Files
from grokdesk.ui.shell import Shell
from grokdesk.ui.theme import Look
from grokdesk.ui.tray import Tray, TrayState
from grokdesk.ui.widgets.thumbnails import Thumbnails, decoded
from grokdesk.ui.widgets.wall import Places
from grokdesk.ui.windows.library import LibraryPane, fits
from grokdesk.ui.windows.library_acts import TagFiles
from grokdesk.ui.windows.library_clean import Clean, Dirt
from grokdesk.ui.windows.library_strip import Results
from grokdesk.ui.windows.library_viewer import Viewer
from tests.rig import Rig, running, token
from tests.ui.conftest import application
from tests.ui.faces import click, clipboard, dialog, no_dialog, press, settle

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NOON = 1_790_000_000.0


@dataclass
class Desk:
    """The whole program with its window, the library in sight."""

    rig: Rig
    shell: Shell

    @property
    def pane(self) -> LibraryPane:
        pane = self.shell.window.go("library")
        assert isinstance(pane, LibraryPane)
        return pane

    @property
    def viewer(self) -> Viewer:
        assert self.pane.viewer is not None
        return self.pane.viewer

    def told(self) -> str:
        """What the toasts say."""
        return "\n".join(self.shell.window.toasts.texts())

    async def until(self, true: Callable[[], object]) -> None:
        await self.rig.until(true, within_s=5)

    async def has(self, *prompts: str, tags: tuple[str, ...] = (), at: float = NOON) -> list[Kept]:
        """Put a picture for each prompt into the library, the first one on top."""
        library = self.rig.app.library
        made = []
        for number, prompt in enumerate(prompts):
            origin = Origin(prompt=prompt, model="grok-imagine-image", account_name="Anna", client="curl/8")
            data = pictures.drawn(f"{prompt}{number}{at}", 60 + 20 * (number % 3), 80)
            kept = await library.add_file(data, origin, created_at=at - number)
            made.append(kept)
        if tags:
            await library.change([one.id for one in made], Change(tag=tags))
        await self.until(lambda: len(self.pane.files) >= len(prompts))
        await settle()
        return made

    async def has_film(self, prompt: str = "waves") -> Kept:
        data = films.filmed(prompt, 64, 36, 6.0)
        kept = await self.rig.app.library.add_file(data, Origin(prompt=prompt), created_at=NOON - 100)
        await self.until(lambda: self.pane.files.place(kept.id) is not None)
        return kept

    def prompts(self) -> list[str]:
        """What is shown, from top to bottom."""
        return [one.origin.prompt for one in self.pane.files.files]

    def pick(self, *places: int) -> None:
        """Click tiles, the further ones with Ctrl held."""
        wall = self.pane.wall
        for number, place in enumerate(places):
            wall.scrollTo(self.pane.files.index(place, 0))
            middle = wall.visualRect(self.pane.files.index(place, 0)).center()
            held = CTRL if number else Qt.KeyboardModifier.NoModifier
            QTest.mouseClick(wall.viewport(), Qt.MouseButton.LeftButton, held, middle)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    world = World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given
    look = Look(application())
    look.choose("light")
    async with (
        Simulator(world, port=0).started() as sim,
        running(tmp_path / "data", sim, world) as rig,
    ):
        tray = Tray(look, TrayState())
        shell = Shell(rig.app, look, tray)
        shell.window.bring_up()
        shell.window.resize(1120, 720)
        made = Desk(rig, shell)
        await made.until(lambda: made.pane.lists.currentWidget() is made.pane.empty)
        yield made
        viewer = made.pane.viewer
        await shell.leave()
        if viewer is not None:
            viewer.close()
        tray.hide()
        shell.window.deleteLater()
        await settle(0)
    await settle(0)


async def paid(desk: Desk, name: str = "a") -> AccountId:
    """Give the program an account that may have everything."""
    desk.rig.world.add(token(name), "super")
    await desk.rig.app.pool.add([NewAccount(token=Secret(token(name)), tier=Tier.SUPER)])
    return desk.rig.account(token(name)).id


async def chosen(kind: type[QFileDialog], path: Path) -> None:
    """Choose a path in the open file dialog."""
    await settle()
    box = dialog(kind)
    box.setDirectory(str(path.parent))
    box.fileSelected.emit(str(path))
    box.done(dialogs.Answer.YES)
    await settle()


# --- what is there
# -----------------------------------------------------------------------------------------------------


async def test_an_empty_library_says_what_belongs_here(desk: Desk) -> None:
    """
    With the one button that helps, and limits in words.
    """
    pane = desk.pane

    assert pane.empty.button.text() == "Import a folder…"
    assert [pair[0].text() for pair in pane._limits.values()] == [  # noqa: SLF001 - what stands over the bars
        "Pictures: 0, 0 KB of 4.0 GB",
        "Films: 0, 0 KB of 16.0 GB",
    ]
    assert pane.chosen.text() == ""
    assert not pane.delete.isEnabled()


async def test_what_an_app_has_made_appears_by_itself(desk: Desk) -> None:
    """
    A picture made through the API is on the wall a moment later, with its name for a screen reader.
    """
    await paid(desk)

    await desk.rig.client.images.generate(prompt="A lighthouse", model="grok-imagine-image")
    await desk.until(lambda: len(desk.pane.files) == 1)
    await settle()

    wall = desk.pane.wall
    spoken = str(desk.pane.files.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole))
    assert spoken.startswith("Picture. A lighthouse. ")
    assert "grok-imagine-image" in spoken
    assert wall.day_headings() == ["Today"]
    face = QAccessible.queryAccessibleInterface(wall)
    assert face is not None
    assert face.role() is QAccessible.Role.List
    assert face.childCount() == 1
    await desk.until(lambda: desk.pane.thumbnails.find(desk.pane.files.file(0)) is not None)


async def test_the_pane_is_reached_by_its_key(desk: Desk) -> None:
    """
    Ctrl and its place in the sidebar.
    """
    window = desk.shell.window
    window.go("home")

    QTest.keySequence(window, window.acts["go library"].shortcut())

    assert window.pane.key == "library"


async def test_more_is_fetched_as_one_scrolls(desk: Desk) -> None:
    """
    A page at first; at its end the next one.
    """
    library, pane = desk.rig.app.library, desk.pane
    desk.shell.window.go("home")
    tiny = [pictures.drawn(f"tiny {number}", 8, 64) for number in range(6)]
    for number in range(260):
        # What follows the end of a JPEG is no part of the picture.
        content = tiny[number % 6] + number.to_bytes(4)
        await library.add_file(content, Origin(prompt=f"number {number}"), created_at=NOON - number)

    desk.shell.window.go("library")
    await desk.until(lambda: len(pane.files) == 200)
    at_first = (len(pane.files), pane.chosen.text())
    QTest.keyClick(pane.wall, Qt.Key.Key_End)
    await desk.until(lambda: len(pane.files) == 260)

    assert at_first == (200, "200 of 260")
    assert [one.origin.prompt for one in pane.files.files] == [f"number {number}" for number in range(260)]
    await settle()
    assert pane.chosen.text() == "1 selected, " + pane.chosen.text().partition(", ")[2]


async def test_search_and_filters_find(desk: Desk) -> None:
    """
    Words, kind, favourites and tags; what matches nothing offers the way back.
    """
    pane = desk.pane
    cats = await desk.has("red cat", "屋顶上的猫", tags=("website",))
    await desk.has("dog", at=NOON - 50)
    await desk.has_film()
    await desk.rig.app.library.change([cats[1].id], Change(favourite=True))
    await settle()
    found = {}

    pane.search_field().setFocus()
    QTest.keyClicks(pane.search, "CAT")
    await desk.until(lambda: len(pane.files) == 1)
    found["words"] = desk.prompts()
    pane.search.setText("猫")
    await desk.until(lambda: desk.prompts() == ["屋顶上的猫"])
    pane.search.clear()
    pane.kind.setCurrentIndex(2)
    await desk.until(lambda: desk.prompts() == ["waves"])
    pane.kind.setCurrentIndex(0)
    click(pane.favourites)
    await desk.until(lambda: desk.prompts() == ["屋顶上的猫"])
    click(pane.favourites)
    pane.tag.setCurrentIndex(pane.tag.findData("website"))
    await desk.until(lambda: len(pane.files) == 2)
    found["tag"] = desk.prompts()
    pane.search.setText("nothing like this")
    await desk.until(lambda: pane.lists.currentWidget() is pane.empty)
    words = pane.empty.button.text()
    click(pane.empty.button)
    await desk.until(lambda: len(pane.files) == 4)

    assert found == {"words": ["red cat"], "tag": ["red cat", "屋顶上的猫"]}
    assert words == "Show all files"
    assert pane.sought() == Sought()


async def test_the_list_shows_the_same_files_and_selection(desk: Desk) -> None:
    """
    Wall and list are two views of one thing.
    """
    pane = desk.pane
    await desk.has("first", "second", "third")
    desk.pick(1)

    click(pane.as_list)

    assert pane.lists.currentWidget() is pane.table
    assert [str(pane.files.index(place, 0).data()) for place in range(3)] == ["first", "second", "third"]
    assert [one.origin.prompt for one in pane.selected()] == ["second"]
    pane.table.setFocus()
    press(pane.table, Qt.Key.Key_Down)
    assert [one.origin.prompt for one in pane.selected()] == ["third"]


async def test_a_hidden_pane_does_nothing_and_catches_up(desk: Desk) -> None:
    """
    What came while it was out of sight is there when it is looked at.
    """
    pane = desk.pane
    desk.shell.window.go("home")
    await desk.rig.app.library.add_file(pictures.drawn("x", 40, 40), Origin(prompt="unseen"), created_at=NOON)
    await settle()
    hidden = (len(pane.files), pane.thumbnails.idle)

    desk.shell.window.go("library")
    await desk.until(lambda: len(pane.files) == 1)

    assert hidden == (0, True)


async def test_a_missing_folder_is_said(desk: Desk) -> None:
    """
    In words, with where it should be; it goes when the folder is back.
    """
    folder = desk.rig.app.paths.media
    away = folder.with_name("elsewhere")

    shutil.move(folder, away)
    desk.pane.refresh()
    await desk.until(desk.pane.warning.isVisible)
    said = desk.pane.warning.text()
    shutil.move(away, folder)
    desk.pane.refresh()
    await desk.until(lambda: not desk.pane.warning.isVisible())

    assert said.startswith("The folder with your files is not there: ")
    assert str(folder) in said


# --- with what is selected
# -----------------------------------------------------------------------------------------------------


async def test_files_are_chosen_by_mouse_and_keys(desk: Desk) -> None:
    """
    Click, Ctrl+click, arrows, Shift+arrows, Ctrl+A, and a click beside them.
    """
    pane = desk.pane
    await desk.has(*(f"picture {number}" for number in range(9)))
    wall = pane.wall

    def which() -> list[int]:
        return [int(one.origin.prompt.split()[1]) for one in pane.selected()]

    desk.pick(1)
    seen = [which()]
    desk.pick(1, 3)
    seen.append(which())
    press(wall, Qt.Key.Key_Home)
    seen.append(which())
    press(wall, Qt.Key.Key_Right)
    press(wall, Qt.Key.Key_Right, SHIFT)
    press(wall, Qt.Key.Key_Right, SHIFT)
    seen.append(which())
    press(wall, Qt.Key.Key_A, CTRL)
    seen.append(which())
    wall.verticalScrollBar().setValue(0)
    QTest.mouseClick(wall.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 8))  # beside the heading
    seen.append(which())

    assert seen == [[1], [1, 3], [0], [1, 2, 3], list(range(9)), []]
    assert pane.chosen.text() == "9 files"


async def test_up_and_down_stay_in_their_column(desk: Desk) -> None:
    """
    Down and up again comes back to where it began.
    """
    await desk.has(*(f"picture {number}" for number in range(12)))
    wall = desk.pane.wall
    desk.pick(1)
    left = wall.visualRect(wall.currentIndex()).left()

    press(wall, Qt.Key.Key_Down)
    below = wall.visualRect(wall.currentIndex())
    press(wall, Qt.Key.Key_Up)

    assert below.left() == left
    assert wall.currentIndex().row() == 1


async def test_favourites_and_tags_are_given_and_taken(desk: Desk) -> None:
    """
    By buttons and by keys; a wrong tag is said at the field.
    """
    pane, library = desk.pane, desk.rig.app.library
    one, two = await desk.has("one", "two")

    desk.pick(0, 1)
    click(pane.favourite)
    await desk.until(lambda: all(kept.favourite for kept in pane.files.files))
    press(pane.wall, Qt.Key.Key_B, CTRL)
    await desk.until(lambda: not any(kept.favourite for kept in pane.files.files))
    desk.pick(0)
    press(pane.wall, Qt.Key.Key_T, CTRL)
    await settle()
    asked = dialog(TagFiles)
    asked.field.setText("x" * 41)
    click(asked.apply)
    wrong = (asked.wrong.isVisible(), asked.wrong.text())
    asked.field.setText("for the website, 猫")
    QTest.keyClick(asked.field, Qt.Key.Key_Return)
    await desk.until(lambda: pane.files.file(0).tags)

    assert wrong == (True, "A tag has at most 40 characters.")
    kept = await library.find(one.id)
    assert kept is not None
    assert kept.tags == ("for the website", "猫")
    other = await library.find(two.id)
    assert other is not None
    assert other.tags == ()
    await desk.until(lambda: pane.tag.findData("猫") > 0)


async def test_a_deletion_can_be_undone(desk: Desk) -> None:
    """
    By the toast, by Ctrl+Z, and later among the deleted files.
    """
    pane = desk.pane
    await desk.has("one", "two", "three")

    desk.pick(0, 1)
    click(pane.delete)
    await desk.until(lambda: desk.prompts() == ["three"])
    told = desk.told()
    undo = desk.shell.window.toasts.undo_button()
    assert undo is not None
    click(undo)
    await desk.until(lambda: desk.prompts() == ["one", "two", "three"])
    desk.pick(2)
    press(pane.wall, Qt.Key.Key_Delete)
    await desk.until(lambda: desk.prompts() == ["one", "two"])
    press(desk.shell.window, Qt.Key.Key_Z, CTRL)
    await desk.until(lambda: desk.prompts() == ["one", "two", "three"])
    desk.pick(1)
    press(pane.wall, Qt.Key.Key_Delete)
    await desk.until(lambda: len(pane.files) == 2)
    click(pane.deleted)
    await desk.until(lambda: desk.prompts() == ["two"])
    desk.pick(0)
    offered = (pane.restore.isVisible(), pane.delete.isVisible())
    click(pane.restore)
    await desk.until(lambda: len(pane.files) == 0)
    click(pane.deleted)
    await desk.until(lambda: desk.prompts() == ["one", "two", "three"])

    assert told == "2 files deleted."
    assert offered == (True, False)


async def test_files_are_saved_with_what_is_known_of_them(desk: Desk, tmp_path: Path) -> None:
    """
    One under a name of one's own, several in a folder, each with its sidecar.
    """
    pane, library = desk.pane, desk.rig.app.library
    one, _ = await desk.has("one", "two")
    alone, folder = tmp_path / "mine.jpg", tmp_path / "many"

    desk.pick(0)
    press(pane.wall, Qt.Key.Key_S, CTRL)
    await chosen(QFileDialog, alone)
    await desk.until(alone.exists)
    desk.pick(0, 1)
    click(pane.save)
    await chosen(QFileDialog, folder)
    await desk.until(lambda: "2 files saved." in desk.told())

    assert alone.read_bytes() == await library.read(one)
    assert json.loads((tmp_path / "mine.jpg.json").read_bytes())["prompt"] == "one"
    assert len(list(folder.glob("*.jpg"))) == len(list(folder.glob("*.jpg.json"))) == 2
    assert pane.strip.lines() == []


async def test_a_folder_that_takes_nothing_is_said(desk: Desk, tmp_path: Path) -> None:
    """
    With what to do, in the line of what was begun, until it is put away.
    """
    pane = desk.pane
    await desk.has("one", "two")
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")

    desk.pick(0, 1)
    click(pane.save)
    await chosen(QFileDialog, blocked)
    await desk.until(pane.strip.lines)
    [line] = pane.strip.lines()
    said = line.text
    click(line.dismiss)

    assert "The folder does not take the files. Check that it can be written" in said
    assert pane.strip.lines() == []


async def test_files_and_links_are_copied(desk: Desk) -> None:
    """
    A picture as a picture and as a file; a link opens until it is taken back.
    """
    pane = desk.pane
    [one] = await desk.has("one")

    desk.pick(0)
    press(pane.wall, Qt.Key.Key_C, CTRL)
    await desk.until(lambda: "1 file copied." in desk.told())
    copied = QApplication.clipboard().mimeData()
    held = (copied.hasImage(), [url.toLocalFile() for url in copied.urls()])
    click(pane.copy_link)
    link = clipboard()
    before = await status(link)
    click(pane.revoke)
    await settle()
    asked = dialog(dialogs.Ask)
    QTest.keyClick(asked, Qt.Key.Key_Return)
    await settle()
    kept = await status(link)
    click(pane.revoke)
    await settle()
    click(dialog(dialogs.Ask).yes)
    await desk.until(lambda: "New links made for 1 file." in desk.told())

    assert held == (True, [str(desk.rig.app.library.path(one))])
    assert (before, kept, await status(link)) == (200, 200, 404)


async def status(address: str) -> int:
    """What a plain client hears at a link."""
    async with aiohttp.request("GET", address) as response:
        return response.status


async def test_while_the_gateway_is_stopped_there_are_no_links(desk: Desk) -> None:
    """
    It says why, and leaves the clipboard alone.
    """
    await desk.has("one")
    QApplication.clipboard().setText("mine")
    await desk.rig.app.gateway.stop()

    desk.pick(0)
    click(desk.pane.copy_link)

    assert desk.told() == "The gateway is stopped, so links open nothing. Start it first."
    assert clipboard() == "mine"


# --- looking at one
# -----------------------------------------------------------------------------------------------------


async def test_the_viewer_goes_from_file_to_file(desk: Desk) -> None:
    """
    Space opens it, arrows move, it says what is known, keys zoom, Esc closes where one then is.
    """
    pane = desk.pane
    await desk.has("one", "two", "three", tags=("mine",))

    desk.pick(0)
    press(pane.wall, Qt.Key.Key_Space)
    await settle()
    viewer = desk.viewer
    at_start = viewer.previous.isEnabled()
    press(viewer, Qt.Key.Key_Right)
    await settle()
    shown = viewer.info_text()
    press(viewer, Qt.Key.Key_1)
    real = viewer.canvas.factor
    press(viewer, Qt.Key.Key_Plus)
    closer = viewer.canvas.factor
    press(viewer, Qt.Key.Key_0)
    fits_again = viewer.canvas.fits
    press(viewer, Qt.Key.Key_Escape)
    await settle()

    assert not at_start
    assert shown.startswith("two\nModel: grok-imagine-image\nAccount: Anna\nApp: curl/8\nMade: ")
    assert "Pixels: 80 × 80" in shown
    assert "Tags: mine" in shown
    assert (real, closer > 1, fits_again) == (1.0, True, True)
    assert pane.viewer is None
    assert pane.wall.currentIndex().row() == 1


async def test_deleting_in_the_viewer_goes_on_to_the_next(desk: Desk) -> None:
    """
    And the last one closes it; all of it can be undone.
    """
    pane = desk.pane
    await desk.has("one", "two")
    pane.look_at(0)
    await settle()
    viewer = desk.viewer

    click(viewer.delete)
    await desk.until(lambda: desk.prompts() == ["two"])
    title = viewer.windowTitle()
    click(viewer.delete)
    await desk.until(lambda: desk.prompts() == [])
    desk.shell.desk.undo()
    desk.shell.desk.undo()
    await desk.until(lambda: desk.prompts() == ["one", "two"])

    assert title == "two"
    assert pane.viewer is None


async def test_a_favourite_marked_in_the_viewer_is_shown_there(desk: Desk) -> None:
    """
    The button says what it would do now.
    """
    await desk.has("one")
    desk.pane.look_at(0)
    await settle()

    click(desk.viewer.favourite)
    await desk.until(lambda: desk.viewer.favourite.accessibleName() == "No favourite any more")

    assert desk.pane.files.file(0).favourite


async def test_a_film_opens_in_the_owners_player(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    And a file can be shown in its folder.
    """
    kept = await desk.has_film()
    path = desk.rig.app.library.path(kept)
    opened: list[str] = []

    def open_(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_)

    desk.pick(0)
    click(desk.pane.folder)
    desk.pane.look_at(0)
    await settle()
    click(desk.viewer.play)

    assert opened == [str(path.parent), str(path)]
    assert not desk.viewer.zoom_in.isEnabled()


# --- in, out, and away
# -----------------------------------------------------------------------------------------------------


async def test_dropped_files_are_added(desk: Desk, tmp_path: Path) -> None:
    """
    Files and whole folders; what is here already, and what is no picture, is said.
    """
    pane = desk.pane
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "one.jpg").write_bytes(pictures.drawn("one", 40, 40))
    (folder / "same.jpg").write_bytes(pictures.drawn("one", 40, 40))
    (folder / "two.jpg").write_bytes(pictures.drawn("two", 40, 40))
    (tmp_path / "notes.txt").write_text("no picture")
    carried = QMimeData()
    carried.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("one.jpg", "folder", "notes.txt")])

    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), copy, carried, left, none)
    QApplication.sendEvent(pane, enter)
    QApplication.sendEvent(pane, QDropEvent(QPointF(50, 50), copy, carried, left, none))
    await desk.until(lambda: len(pane.files) == 2)
    await settle()

    assert enter.isAccepted()
    assert "2 files added, 1 were here already, 1 could not be read." in desk.told()


async def test_an_import_can_be_stopped(desk: Desk, tmp_path: Path) -> None:
    """
    It says how far it is; what has been added stays.
    """
    pane = desk.pane
    folder = tmp_path / "old"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.jpg").write_bytes(pictures.drawn("same", 64, 64) + number.to_bytes(4))

    click(pane.import_)
    await chosen(QFileDialog, folder)
    await desk.until(lambda: pane.strip.lines() and " of 60" in pane.strip.lines()[0].text)
    click(pane.strip.lines()[0].cancel)
    await desk.until(lambda: "Stopped." in desk.told())
    await settle()
    count = await desk.rig.app.library.count()

    assert 0 < count < 60
    assert pane.strip.lines() == []
    assert len(pane.files) == count


async def test_cleaning_says_first_what_would_go(desk: Desk) -> None:
    """
    Nothing unless it is ticked; deleted pictures come back by undo, what was deleted before does not.
    """
    app, pane = desk.rig.app, desk.pane
    made = await desk.has("one", "two", "favourite", "gone")
    await desk.has_film()
    await app.library.change([made[2].id], Change(favourite=True))
    await app.library.remove([made[3].id])
    await desk.until(lambda: len(pane.files) == 4)

    click(pane.clean)
    await settle()
    asked = dialog(Clean)
    at_first = (asked.words.text().splitlines()[0], asked.clean.isEnabled())
    ticks = [box.text() for box in (*asked.boxes.values(), asked.removed)]
    QTest.keyClick(asked.boxes[Kind.IMAGE], Qt.Key.Key_Space)
    QTest.keyClick(asked.removed, Qt.Key.Key_Space)
    click(asked.clean)
    await desk.until(lambda: desk.prompts() == ["favourite", "waves"])
    left = await app.library.page(Sought(removed=True))
    undo = desk.shell.window.toasts.undo_button()
    assert undo is not None
    click(undo)
    await desk.until(lambda: desk.prompts() == ["one", "two", "favourite", "waves"])

    assert at_first == ("Pictures are within their limit: none has to go.", False)
    assert ticks == [
        "Delete 2 pictures, all but favourites",
        "Delete 1 film, all but favourites",
        "Let go of 1 deleted file for good",
    ]
    assert {kept.origin.prompt for kept in left.files} == {"one", "two"}


def test_cleaning_says_what_is_above_the_limits(qapp: QApplication) -> None:
    """
    How many, and what that frees; Enter keeps them.
    """
    over = QWidget()
    dialog = Clean(over, Dirt({Kind.VIDEO: Used(812, 2 << 30)}, dict.fromkeys(Kind, 900), 0))

    assert dialog.words.text().splitlines() == [
        "Pictures are within their limit: none has to go.",
        "The 812 oldest films go, which frees 2.0 GB.",
    ]
    assert dialog.clean.isEnabled()
    assert dialog.keep.isDefault()


# --- what is under way
# -----------------------------------------------------------------------------------------------------


def film(prompt: str = "A boat") -> VideoRequest:
    return VideoRequest("grok-imagine-video", prompt, seconds=6)


async def test_a_film_in_the_making_is_shown_and_can_be_cancelled(desk: Desk) -> None:
    """
    With its prompt; once cancelled its line is gone, and the job says so.
    """
    await paid(desk)
    desk.rig.world.next(stall(60))
    job = await desk.rig.app.media_jobs.start(film())
    await desk.until(desk.pane.strip.lines)
    [line] = desk.pane.strip.lines()
    said = line.text

    click(line.cancel)
    await desk.until(lambda: not desk.pane.strip.lines())
    ended = await desk.rig.app.media_jobs.get(job.id)

    assert said.startswith("Film: A boat\n")
    assert ended is not None
    assert ended.state is JobState.CANCELLED


async def test_a_failed_film_says_why_and_can_be_tried_again(desk: Desk) -> None:
    """
    The second attempt ends in the library.
    """
    await paid(desk)
    desk.rig.world.next(media(moderated="all"))
    await desk.rig.app.media_jobs.start(film())
    await desk.until(lambda: desk.pane.strip.lines() and desk.pane.strip.lines()[0].again.isVisible())
    [line] = desk.pane.strip.lines()
    why = line.text

    click(line.again)
    await desk.until(lambda: len(desk.pane.files) == 1)
    await settle()

    assert "withheld" in why
    assert desk.pane.files.file(0).kind is Kind.VIDEO
    assert desk.pane.strip.lines() == []


# --- at Grok
# -----------------------------------------------------------------------------------------------------


async def keeps(desk: Desk, *names: str) -> AccountId:
    """An account that keeps pictures at Grok."""
    account = await paid(desk)
    owner = desk.rig.world.accounts[token("a")]
    for name in names:
        desk.rig.world.media.picture(owner, name, (40, 40))
    return account


async def test_files_at_grok_are_asked_for_fetched_and_deleted(desk: Desk) -> None:
    """
    Nothing is asked unasked; deleting asks first, and Enter keeps.
    """
    pane, grok = desk.pane, desk.pane.grok
    account = await keeps(
        desk, "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    )
    world = desk.rig.world
    calls = len(world.received)
    pane.tabs.setCurrentIndex(1)
    await settle()
    unasked = len(world.received) - calls

    grok.accounts.select([account])
    click(grok.state.button)
    await desk.until(lambda: len(grok.assets) == 2)
    summary = grok.summary.text()
    click(grok.fetch)
    await desk.until(lambda: len(pane.files) == 2)
    grok.files.setFocus()
    grok.files.select([grok.assets.row(0).id])
    press(grok.files, Qt.Key.Key_Delete)
    await settle()
    QTest.keyClick(dialog(dialogs.Ask), Qt.Key.Key_Return)
    await settle()
    kept = len(grok.assets)
    desk.shell.window.activateWindow()
    await settle()
    press(grok.files, Qt.Key.Key_Delete)
    await settle()
    click(dialog(dialogs.Ask).yes)
    await desk.until(lambda: len(grok.assets) == 1)
    await settle()
    grok.accounts.setFocus()
    click(grok.delete_button)
    await settle()
    asked = dialog(dialogs.Ask)
    title = asked.windowTitle()
    click(asked.yes)
    await desk.until(lambda: grok.keepers.row(0).files == 0)

    assert unasked == 0
    assert summary.startswith("1 account asked · 2 files · ")
    assert kept == 2
    assert title == "Delete all files of 1 account at Grok?"
    assert list(world.media.of(world.accounts[token("a")])) == []
    assert len(pane.files) == 2


async def test_an_account_that_cannot_be_asked_says_why(desk: Desk) -> None:
    """
    Beside the account, and with the reason of each in the results.
    """
    await keeps(desk, "11111111-1111-4111-8111-111111111111")
    await paid(desk, "b")
    desk.rig.world.accounts[token("b")].always_on("/rest/assets", limited())
    grok = desk.pane.grok
    desk.pane.tabs.setCurrentIndex(1)
    await settle()

    click(grok.look)
    await desk.until(lambda: desk.pane.strip.lines() and desk.pane.strip.lines()[0].details.isVisible())
    [line] = desk.pane.strip.lines()
    said = line.text
    click(line.details)
    await settle()
    results = dialog(Results)
    reasons = [
        row.said for row in (results.rows.row(place) for place in range(len(results.rows))) if not row.ok
    ]
    results.reject()
    await settle()
    wrong = [one for one in (grok.keepers.row(0), grok.keepers.row(1)) if one.wrong]

    assert said.endswith("1 account failed.")
    assert len(reasons) == len(wrong) == 1
    assert wrong[0].wrong.startswith(reasons[0])
    assert no_dialog()


# --- how it is made
# -----------------------------------------------------------------------------------------------------


def some(count: int) -> list[Kept]:
    """Files of many shapes over many days."""
    rng = Random(4)
    return [
        Kept(
            id=f"{number:032x}",
            kind=Kind.IMAGE,
            digest=f"{number:064x}",
            media_type="image/jpeg",
            size=1,
            created_at=NOON - number * 9_000,
            width=rng.choice((0, 40, 300, 3_000)),
            height=rng.choice((0, 40, 300, 3_000)),
        )
        for number in range(count)
    ]


def test_tiles_never_overlap_and_never_move() -> None:
    """
    What is added at the end leaves every place as it was.
    """
    files = some(400)
    places = Places(900, str)
    places.add(files[:200])
    before = [places.rect(number) for number in range(200)]

    places.add(files[200:])
    rects = [places.rect(number) for number in range(400)]

    assert rects[:200] == before
    for number, rect in enumerate(rects):
        assert rect.left() >= 0
        assert rect.right() < 900
        near = places.between(rect.top(), rect.bottom())
        assert number in near
        assert not [other for other in near if other != number and rects[other].intersects(rect)]


@pytest.mark.parametrize("width", [1, 120, 650, 3_000])
def test_a_wall_of_any_width_has_a_place_for_everything(width: int) -> None:
    """
    Also where hardly a column fits.
    """
    places = Places(width, str)
    places.add(some(50))

    assert len(places) == 50
    assert all(places.rect(number).bottom() < places.height for number in range(50))


def test_new_files_keep_the_selection_and_what_is_in_both(qapp: QApplication) -> None:
    """
    Rows move as a layout change, so that what points at a file still does.
    """
    files = some(5)
    model = Files(lambda: NOON)
    model.begin(files[2:])
    from PySide6.QtCore import QPersistentModelIndex  # noqa: PLC0415 - once

    held = QPersistentModelIndex(model.index(1, 0))

    model.begin(files)
    model.drop([files[0].id])
    model.change(replace(files[3], favourite=True))

    assert held.row() == 2
    assert model.file(2).favourite
    assert [one.id for one in model.files] == [one.id for one in files[1:]]


def test_the_filter_here_agrees_with_the_store_about_one_file() -> None:
    """
    What has just changed is shown or not as the next page would.
    """
    one = replace(some(1)[0], origin=Origin(prompt="Red Cat", model="m"), tags=("Web",), favourite=True)

    assert fits(Sought(text="cat red web"), one)
    assert fits(Sought(kind=Kind.IMAGE, favourite=True, tag="Web"), one)
    for wrong in (Sought(text="dog"), Sought(kind=Kind.VIDEO), Sought(tag="Other"), Sought(removed=True)):
        assert not fits(wrong, one)


async def test_the_cache_keeps_to_its_bytes_and_forgets_what_scrolled_away(desk: Desk) -> None:
    """
    The longest unseen goes first; what is no longer wanted is not read.
    """
    made = await desk.has(*(f"picture {number}" for number in range(6)))
    cache = Thumbnails(desk.rig.app.library, desk.shell.desk.work, most=2 * 60 * 60 * 4)

    cache.want([(one, QSize(60, 60)) for one in made])
    cache.want([(one, QSize(60, 60)) for one in made[:2]])
    await desk.until(lambda: cache.idle)

    assert cache.size_bytes <= 2 * 60 * 60 * 4
    assert cache.find(made[5]) is None
    assert cache.find(made[1]) is not None


def test_a_small_picture_is_cut_to_its_tile() -> None:
    """
    Never stretched, never larger than it is.
    """
    wide = pictures.drawn("x", 400, 100)

    cut = decoded(wide, QSize(50, 50))

    assert (cut.width(), cut.height()) == (50, 50)
    assert decoded(b"no picture", QSize(50, 50)) == QImage()


async def test_everything_has_a_name(desk: Desk) -> None:
    """
    Each button and field of the pane and of the viewer says what it is.
    """
    await desk.has("one")
    desk.pane.look_at(0)
    await settle()

    buttons = [*desk.pane.findChildren(QAbstractButton), *desk.viewer.findChildren(QAbstractButton)]
    nameless = [
        one
        for one in buttons
        if not one.accessibleName() and one.focusPolicy() is not Qt.FocusPolicy.NoFocus and one.isVisible()
    ]
    assert nameless == []
    assert all(
        one.accessibleName()
        for one in (desk.pane.wall, desk.pane.table, desk.pane.search, desk.pane.tabs, desk.viewer.canvas)
    )


async def test_a_narrow_window_has_room_for_all_of_it(desk: Desk) -> None:
    """
    At the smallest size nothing asks for more than there is.
    """
    await desk.has("one")
    window = desk.shell.window
    window.resize(800, 560)
    await settle()

    for tab in (0, 1):
        desk.pane.tabs.setCurrentIndex(tab)
        await settle()
        assert desk.pane.minimumSizeHint().width() <= desk.pane.width()
    assert (window.width(), window.height()) == (800, 560)


async def test_a_download_that_fails_leaves_the_reason(desk: Desk) -> None:
    """
    Of what was fetched and what was not, in the results of the act.
    """
    account = await keeps(desk, "11111111-1111-4111-8111-111111111111")
    desk.rig.world.accounts[token("a")].always_on(DOWNLOADS, limited())
    desk.pane.tabs.setCurrentIndex(1)
    await settle()

    desk.pane.grok.accounts.select([account])
    click(desk.pane.grok.fetch)
    await desk.until(lambda: desk.pane.strip.lines() and desk.pane.strip.lines()[0].details.isVisible())
    [line] = desk.pane.strip.lines()

    assert line.text.startswith("Fetch the files of 1 account\n1 account failed.")
    assert len(desk.pane.files) == 0
