"""What a person does with files of the library, from the pane or from the viewer."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, QObject, QProcess, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage, QImageReader
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.errors import Broken, GrokDeskError, InvalidRequest, NotFound
from grokdesk.core.library import Change
from grokdesk.core.media import Kept, Kind, Origin
from grokdesk.core.notices import GatewayPhase
from grokdesk.engine.library_exchange import Moving, export, import_folder, name_for_people, sidecar
from grokdesk.platform import media_files
from grokdesk.platform.tasks import offload
from grokdesk.ui import dialogs, report, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import button, buttons_row, fit, quiet, section

_DIALOG: Final = 440
# A picture in the clipboard is held there decoded, by us.
_LARGEST_COPIED: Final = 100_000_000
_LONGEST_TAG: Final = 40
_NOTHING_KNOWN: Final = Origin()


@dataclass(slots=True)
class Moves:
    """Files on their way in or out. `failure` says why it ended early, `stop` ends it."""

    key: str
    title: str
    now: Moving
    stop: Callable[[], None]
    over: bool = False
    stopped: bool = False
    failure: str = ""
    hint: str = ""


class LibraryActs(QObject):
    """The acts. Each tells what came of it in a toast; long ones are told by `moving` as well."""

    moving = Signal(object)
    """`Moves`, at its start, on its way and at its end."""

    def __init__(self, desk: Desk, over: QWidget) -> None:
        super().__init__(over)
        self._desk = desk
        self._over = over
        self._numbers = 0

    def _front(self) -> QWidget:
        """Where a question belongs: over the window in which it was begun."""
        active = QApplication.activeWindow()
        return self._over.window() if active is None else active

    # -- marks

    def favourite(self, files: Sequence[Kept]) -> None:
        """Mark files as favourites; when all of them are, take the mark away."""
        on = not all(one.favourite for one in files)
        self._desk.work.start(self._favourite([one.id for one in files], on=on))

    async def _favourite(self, ids: list[str], *, on: bool) -> None:
        count = len(await self._desk.host.library.change(ids, Change(favourite=on)))
        if on:
            self._desk.say(self.tr("%n file(s) marked as favourite. Cleaning never takes them.", "", count))
        else:
            self._desk.say(self.tr("%n file(s) taken from the favourites.", "", count))

    def tag(self, files: Sequence[Kept]) -> None:
        """Ask for tags and give or take them."""
        if files:
            self._desk.work.start(self._tag(list(files)), exclusive="tag files")

    async def _tag(self, files: list[Kept]) -> None:
        dialog = TagFiles(self._front(), files)
        if await dialogs.answer(dialog) is not dialogs.Answer.YES:
            return
        change = Change(tag=dialog.added, untag=dialog.taken)
        if change != Change():
            count = len(await self._desk.host.library.change([one.id for one in files], change))
            self._desk.say(self.tr("Tags of %n file(s) changed.", "", count))

    # -- out

    def save_as(self, files: Sequence[Kept]) -> None:
        """Save one file under a name, or several into a folder."""
        if files:
            self._desk.work.start(self._save_as(list(files)), exclusive="save files")

    async def _save_as(self, files: list[Kept]) -> None:
        if len(files) > 1:
            folder = await self._folder(self.tr("Save %n file(s) in a folder", "", len(files)))
            if folder is not None:
                self._export(folder, [one.id for one in files])
            return
        kept = files[0]
        target = await self._target(name_for_people(kept), kept.suffix)
        if target is None:
            return
        with self._desk.host.library.reading(kept) as source:
            try:
                await offload(_saved, kept, source, target)
            except FileNotFoundError as error:
                raise NotFound(self.tr("This file has been deleted.")) from error
            except OSError as error:
                raise Broken(
                    self.tr("The file could not be saved."),
                    hint=self.tr("Check that the folder can be written and the disk is not full."),
                    detail=f"{type(error).__name__} errno={error.errno}",
                ) from error
        self._desk.say(self.tr("Saved as %1.").replace("%1", target.name), "ok")

    def export_all(self) -> None:
        """Copy every file into a folder, each with what is known of it."""
        self._desk.work.start(self._export_all(), exclusive="save files")

    async def _export_all(self) -> None:
        folder = await self._folder(self.tr("Export the library to a folder"))
        if folder is not None:
            self._export(folder, None)

    def _export(self, folder: Path, ids: Collection[str] | None) -> None:
        title = self.tr("Saving to %1").replace("%1", folder.name)
        self._move(title, export(self._desk.host.library, folder, ids), self._exported)

    def _exported(self, moved: Moving) -> str:
        parts = [self.tr("%n file(s) saved", "", moved.added)]
        if moved.known:
            parts.append(self.tr("%n were there already", "", moved.known))
        if moved.refused:
            parts.append(self.tr("%n are not there any more", "", moved.refused))
        return words.sentence(parts)

    def show_in_folder(self, kept: Kept) -> None:
        """Show a file in the file manager."""
        reveal(self._desk.host.library.path(kept))

    def play(self, kept: Kept) -> None:
        """Open a film in the program that the system uses for films."""
        path = self._desk.host.library.path(kept)
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self._desk.say(self.tr("No program opens films here. Save it and open it there."), "error")

    def copy(self, files: Sequence[Kept]) -> None:
        """Put files into the clipboard; a single picture also as a picture."""
        if files:
            self._desk.work.start(self._copy(list(files)), exclusive="copy files")

    async def _copy(self, files: list[Kept]) -> None:
        library = self._desk.host.library
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(library.path(one))) for one in files])
        one = files[0]
        if len(files) == 1 and one.kind is Kind.IMAGE and one.width * one.height <= _LARGEST_COPIED:
            with library.reading(one) as path:
                image = await offload(whole_picture, path)
            if not image.isNull():
                data.setImageData(image)
        QGuiApplication.clipboard().setMimeData(data)
        self._desk.say(self.tr("%n file(s) copied.", "", len(files)), "ok")

    def link(self, kept: Kept) -> str:
        """The link of a file as this computer opens it; empty while the gateway does not run."""
        state = self._desk.gateway
        running = state.phase is GatewayPhase.RUNNING
        return f"http://{state.address}{kept.path}" if running else ""

    def copy_links(self, files: Sequence[Kept]) -> None:
        """Put the links of files into the clipboard, one a line."""
        links = [self.link(one) for one in files]
        if not all(links):
            self._desk.say(self.tr("The gateway is stopped, so links open nothing. Start it first."), "error")
        elif links:
            self._desk.copy("\n".join(links), self.tr("%n link(s) copied.", "", len(links)))

    def revoke(self, files: Sequence[Kept]) -> None:
        """Give files new links, after asking: the old ones cannot come back."""
        if files:
            self._desk.work.start(self._revoke(list(files)), exclusive="revoke")

    async def _revoke(self, files: list[Kept]) -> None:
        said = await dialogs.ask(
            self._front(),
            dialogs.Question(
                self.tr("Take back the links of %n file(s)?", "", len(files)),
                self.tr("Whoever has an old link sees nothing any more. The files stay, with new links."),
                self.tr("Take back"),
                self.tr("Keep"),
                risky=True,
            ),
        )
        if said is not dialogs.Answer.YES:
            return
        count = 0
        for one in files:
            try:
                await self._desk.host.library.revoke(one.id)
            except NotFound:
                continue
            count += 1
        self._desk.say(self.tr("New links made for %n file(s).", "", count), "ok")

    # -- removing

    def remove(self, files: Sequence[Kept]) -> None:
        """Delete files, with a way back."""
        if files:
            self._desk.work.start(self._remove([one.id for one in files]))

    async def _remove(self, ids: list[str]) -> None:
        library = self._desk.host.library
        gone = await library.remove(ids)
        if not gone:
            return

        async def back() -> None:
            restored = await library.restore(gone)
            self._desk.say(self.tr("%n file(s) brought back.", "", len(restored)))

        self._desk.did(self.tr("%n file(s) deleted.", "", len(gone)), back)

    def restore(self, files: Sequence[Kept]) -> None:
        """Bring deleted files back."""
        if files:
            self._desk.work.start(self._restore([one.id for one in files]))

    async def _restore(self, ids: list[str]) -> None:
        restored = await self._desk.host.library.restore(ids)
        self._desk.say(self.tr("%n file(s) brought back.", "", len(restored)), "ok")

    # -- in

    def import_folder(self) -> None:
        """Ask for a folder and copy its pictures and films in."""
        self._desk.work.start(self._import_folder(), exclusive="import files")

    async def _import_folder(self) -> None:
        folder = await self._folder(self.tr("Import the pictures and films of a folder"))
        if folder is not None:
            self.bring([folder])

    def bring(self, paths: Sequence[Path]) -> None:
        """Copy files, and those of folders, in."""
        name = paths[0].name if len(paths) == 1 else self.tr("%n files and folders", "", len(paths))
        title = self.tr("Importing %1").replace("%1", name)
        self._move(title, self._brought(list(paths)), self._imported)

    async def _brought(self, paths: list[Path]) -> AsyncIterator[Moving]:
        """Take in single files and whole folders, as one movement."""
        library = self._desk.host.library
        done = Moving(0, len(paths))
        only_folders = True
        for number, path in enumerate(paths):
            left = len(paths) - number - 1
            if await offload(path.is_dir):
                base = done
                async for moved in import_folder(library, path):
                    done = _summed(base, moved, left)
                    yield done
                continue
            only_folders = False
            done = await self._brought_one(path, done, left)
            yield done
        if not only_folders and done.refused and not done.added and not done.known:
            raise InvalidRequest(
                self.tr("This is neither a picture nor a film."),
                hint=self.tr("PNG, JPEG, WebP, GIF, MP4, MOV and WebM can be kept here."),
            )

    async def _brought_one(self, path: Path, so_far: Moving, left: int) -> Moving:
        added = known = refused = 0
        try:
            at = (await offload(path.stat)).st_mtime
            kept = await self._desk.host.library.bring(path, _NOTHING_KNOWN, created_at=max(0.0, at))
        except (InvalidRequest, OSError):
            refused = 1
        else:
            added, known = (1, 0) if kept is not None else (0, 1)
        return _summed(so_far, Moving(1, 1, added, known, refused), left)

    def _imported(self, moved: Moving) -> str:
        parts = [self.tr("%n file(s) added", "", moved.added)]
        if moved.known:
            parts.append(self.tr("%n were here already", "", moved.known))
        if moved.refused:
            parts.append(self.tr("%n could not be read", "", moved.refused))
        return words.sentence(parts)

    # -- moving

    def _move(self, title: str, work: AsyncIterator[Moving], told: Callable[[Moving], str]) -> None:
        self._numbers += 1
        moves = Moves(f"moves {self._numbers}", title, Moving(0, 0), lambda: None)
        task = self._desk.work.start(self._moved(moves, work, told))
        if task is not None:

            def stop() -> None:
                moves.stopped = True
                task.cancel()

            moves.stop = stop

    async def _moved(self, moves: Moves, work: AsyncIterator[Moving], told: Callable[[Moving], str]) -> None:
        self.moving.emit(moves)
        try:
            async for moves.now in work:
                self.moving.emit(moves)
        except GrokDeskError as error:
            explained = report.explain(error)
            moves.failure, moves.hint = explained.message, explained.hint
        finally:
            moves.over = True
            self.moving.emit(moves)
            if moves.stopped:
                self._desk.say(self.tr("Stopped. %1").replace("%1", told(moves.now)))
        if not moves.failure:
            self._desk.say(told(moves.now), "ok")

    # -- asking for places

    async def _folder(self, title: str) -> Path | None:
        dialog = QFileDialog(self._front(), title)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        return await _chosen(dialog)

    async def _target(self, name: str, suffix: str) -> Path | None:
        dialog = QFileDialog(self._front(), self.tr("Save the file as"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix.lstrip("."))
        dialog.selectFile(name)
        return await _chosen(dialog)


class TagFiles(QDialog):
    """Asks for tags to give, and offers to take those that are there."""

    def __init__(self, parent: QWidget, files: Sequence[Kept]) -> None:
        super().__init__(parent)
        title = self.tr("Tags of %n file(s)", "", len(files))
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        shared = [tag for tag in files[0].tags if all(tag in one.tags for one in files)]
        self._before = tuple(shared)
        self.field = QLineEdit(", ".join(shared))
        self.field.setAccessibleName(self.tr("Tags, with commas between them"))
        self.field.setPlaceholderText(self.tr("holiday, for the website"))
        label = QLabel(self.tr("&Tags, with commas between them"))
        label.setBuddy(self.field)
        self.wrong = quiet()
        self.wrong.setProperty("tone", "error")
        self.wrong.hide()
        self.cancel = button(self.tr("Cancel"))
        self.apply = button(self.tr("Change tags"), kind="primary")
        self.apply.setDefault(True)
        self.cancel.clicked.connect(self.reject)
        self.apply.clicked.connect(self._check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(section(title))
        if len(files) > 1:
            layout.addWidget(quiet(self.tr("Shown are the tags that all of them have.")))
        row = QHBoxLayout()
        row.addWidget(label)
        layout.addLayout(row)
        layout.addWidget(self.field)
        layout.addWidget(self.wrong)
        layout.addLayout(buttons_row(self.cancel, self.apply))
        self.field.setFocus()
        fit(self, _DIALOG)

    @property
    def tags(self) -> tuple[str, ...]:
        """What stands in the field."""
        said = (" ".join(part.split()) for part in self.field.text().replace("，", ",").split(","))
        return tuple(dict.fromkeys(part for part in said if part))

    @property
    def added(self) -> tuple[str, ...]:
        """The tags to give."""
        return tuple(tag for tag in self.tags if tag not in self._before)

    @property
    def taken(self) -> tuple[str, ...]:
        """The tags to take."""
        return tuple(tag for tag in self._before if tag not in self.tags)

    def _check(self) -> None:
        if all(len(tag) <= _LONGEST_TAG and tag.isprintable() for tag in self.tags):
            self.accept()
            return
        self.wrong.setText(self.tr("A tag has at most %n character(s).", "", _LONGEST_TAG))
        self.wrong.show()
        fit(self, _DIALOG)


def reveal(path: Path) -> None:
    """Show a file in the file manager of the system."""
    if sys.platform == "win32":
        QProcess.startDetached("explorer.exe", [f"/select,{path}"])
    elif sys.platform == "darwin":
        QProcess.startDetached("open", ["-R", str(path)])
    else:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))


def whole_picture(path: Path) -> QImage:
    """A picture in full size, the right way up; null when it cannot be read. For a thread."""
    reader = QImageReader(str(path))
    # By its content: a file in the library has the ending of its type, which a damaged one may not have.
    reader.setDecideFormatFromContent(True)
    reader.setAutoTransform(True)
    return reader.read()


def _saved(kept: Kept, source: Path, target: Path) -> None:
    media_files.write_beside(target.with_name(f"{target.name}.json"), sidecar(kept))
    media_files.export(source, target, kept.created_at)


def _summed(base: Moving, moved: Moving, left: int) -> Moving:
    return Moving(
        base.done + moved.done,
        base.done + moved.total + left,
        base.added + moved.added,
        base.known + moved.known,
        base.refused + moved.refused,
    )


async def _chosen(dialog: QFileDialog) -> Path | None:
    chosen: list[str] = []
    dialog.fileSelected.connect(chosen.append)
    said = await dialogs.answer(dialog)
    return Path(chosen[0]) if said is dialogs.Answer.YES and chosen else None
