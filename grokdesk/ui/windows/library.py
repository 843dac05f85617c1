"""Library: the pictures and films that are kept here, and what accounts keep at Grok."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDropEvent,
    QFocusEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QTabBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.errors import GrokDeskError, InvalidRequest
from grokdesk.core.library import PAGE, Sought, Used
from grokdesk.core.media import Kept, Kind
from grokdesk.core.settings import MediaSettings
from grokdesk.platform.tasks import offload
from grokdesk.ui import report, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress
from grokdesk.ui.models.library import MADE, MODEL, PROMPT, SHAPE, SIZE, Files, size
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import Elided, Prose, button, hint, set_tone, title
from grokdesk.ui.widgets.table import by_rows
from grokdesk.ui.widgets.telling import Telling
from grokdesk.ui.widgets.thumbnails import Thumbnails
from grokdesk.ui.widgets.wall import Wall, selected_rows
from grokdesk.ui.windows.library_acts import LibraryActs
from grokdesk.ui.windows.library_clean import clean
from grokdesk.ui.windows.library_grok import AtGrok
from grokdesk.ui.windows.library_strip import Strip
from grokdesk.ui.windows.library_viewer import Viewer
from grokdesk.ui.windows.pane import Pane

_TYPING_MS: Final = 120
_WIDTHS: Final = {PROMPT: 220, MODEL: 150, SIZE: 80, SHAPE: 130, MADE: 110}
_NARROW: Final = 900
_MB: Final = 1 << 20
# More changes than this at once, and the list is read anew.
_ONE_BY_ONE: Final = 200
_LITTLE_ROOM: Final = 300 * _MB
_LOCAL, _GROK = range(2)


class LibraryPane(Pane):
    """Counts and limits, the wall or the list, and what can be done with what is selected."""

    key = "library"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        host = desk.host
        self.files = Files(host.clock.now, self)
        self.thumbnails = Thumbnails(host.library, desk.work)
        self.acts = LibraryActs(desk, self)
        self.wall = Wall(
            self.files, self.thumbnails, desk.look, host.clock.now, self.tr("Pictures and films")
        )
        self.table = FilesTable(self.files, self.tr("Pictures and films as a list"))
        self.table.setSelectionModel(self.wall.selectionModel())
        self.strip = Strip(desk)
        self.grok = AtGrok(desk)
        self.viewer: Viewer | None = None
        self._after = ""
        self._fetching = False
        self._turn = 0
        self._missed = True
        self._loaded = False
        self._failure: GrokDeskError | None = None
        self._tags: set[str] = set()
        self._used: dict[Kind, Used] = {}
        self._count = 0
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self._show_view(wall=True)
        self._show_selection()

    # -- the pane's life

    def search_field(self) -> QLineEdit:
        return self.grok.search if self.tabs.currentIndex() == _GROK else self.search

    def foot(self) -> int:
        return self.save.height() + GAP if self.tabs.currentIndex() == _LOCAL else 0

    def keepsake(self) -> Mapping[str, Any]:
        return {
            "search": self.search.text(),
            "kind": self.kind.currentData(),
            "tag": self.tag.currentData(),
            "favourites": self.favourites.isChecked(),
            "deleted": self.deleted.isChecked(),
            "wall": self.as_wall.isChecked(),
            "tab": self.tabs.currentIndex(),
            "grok": self.grok.keepsake(),
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        for one in (self.search, self.kind, self.tag, self.favourites, self.deleted):
            one.blockSignals(True)
        self.search.setText(str(kept.get("search", "")))
        self.kind.setCurrentIndex(max(0, self.kind.findData(kept.get("kind"))))
        tag = kept.get("tag")
        if tag:
            # The others follow with the files that have them.
            self.tag.addItem(str(tag), str(tag))
            self.tag.setCurrentIndex(self.tag.count() - 1)
            self._tags.add(str(tag))
            self.tag.setEnabled(True)
        self.favourites.setChecked(bool(kept.get("favourites")))
        self.deleted.setChecked(bool(kept.get("deleted")))
        for one in (self.search, self.kind, self.tag, self.favourites, self.deleted):
            one.blockSignals(False)
        self._show_view(wall=bool(kept.get("wall", True)))
        self.grok.put_back(kept.get("grok", {}))
        self.tabs.setCurrentIndex(int(kept.get("tab", _LOCAL)))

    def appeared(self) -> None:
        if self._missed:
            self._missed = False
            self.reload()
            self.desk.work.start(self.strip.load(), exclusive="library jobs")
        self.desk.work.start(self._look_at_disk(), exclusive="library disk")
        self.grok.appeared()

    def vanished(self) -> None:
        self._typing.stop()

    def refresh(self) -> None:
        """Read everything again."""
        self.reload()
        self.desk.work.start(self._look_at_disk(), exclusive="library disk")

    # -- which files

    def sought(self) -> Sought:
        """What search and filters ask for."""
        kind = self.kind.currentData()
        tag = self.tag.currentData()
        return Sought(
            kind=None if kind is None else Kind(kind),
            favourite=True if self.favourites.isChecked() else None,
            tag=tag or "",
            text=self.search.text().strip(),
            removed=self.deleted.isChecked(),
        )

    def reload(self) -> None:
        """Fetch from the beginning what can be seen; what is shown stays until that is here."""
        self._typing.stop()
        count = max(PAGE, len(self.files))
        self.desk.work.start(self._reload(self.sought(), count, self._next_turn()), exclusive="library page")

    def _next_turn(self) -> int:
        """Begin to fetch. Whoever began before has nothing to say any more."""
        self._turn += 1
        self._fetching = True
        return self._turn

    async def _reload(self, sought: Sought, count: int, turn: int) -> None:
        library = self.desk.host.library
        try:
            found: list[Kept] = []
            after = ""
            while True:
                page = await library.page(sought, after=after)
                found += page.files
                after = page.after
                if not after or len(found) >= count:
                    break
            self._used = await library.used()
            self._count = await library.count(sought)
        except GrokDeskError as error:
            self._failure = error
            if len(self.files):
                raise
        else:
            self._failure = None
            self._loaded = True
            self._after = after
            self._note_tags(found)
            self.files.begin(found)
        finally:
            if turn == self._turn:
                self._fetching = False
                self._show_all()

    def _more(self) -> None:
        if self._after and not self._fetching:
            turn = self._next_turn()
            self.desk.work.start(self._next_page(self.sought(), self._after, turn), exclusive="library page")

    async def _next_page(self, sought: Sought, after: str, turn: int) -> None:
        try:
            page = await self.desk.host.library.page(sought, after=after)
        except InvalidRequest:  # the file it goes on from has gone meanwhile
            self.reload()
            return
        finally:
            if turn == self._turn:
                self._fetching = False
        self._after = page.after
        self._note_tags(list(page.files))
        self.files.append(page.files)
        self._show_selection()

    def _heard(self, ids: frozenset[str]) -> None:
        if not self.isVisible():
            self._missed = True
        elif len(ids) > _ONE_BY_ONE or self._fetching:
            self.reload()
        else:
            self.desk.work.start(self._changed(ids))

    async def _changed(self, ids: frozenset[str]) -> None:
        """Take in what became of a few files."""
        library, sought = self.desk.host.library, self.sought()
        if sought.removed:
            self.reload()
            return
        fresh: list[Kept] = []
        gone: list[str] = []
        for file_id in ids:
            kept = await library.find(file_id)
            if kept is None or not fits(sought, kept):
                gone.append(file_id)
            elif self.files.place(file_id) is not None:
                self.files.change(kept)
                if self.viewer is not None:
                    self.viewer.changed(kept)
            else:
                fresh.append(kept)
        self._used = await library.used()
        self._count = await library.count(sought)
        if sought != self.sought():
            return
        self.thumbnails.forget(frozenset(kept.digest for kept in self.files.files if kept.id in ids))
        self._note_tags([*fresh, *(kept for kept in self.files.files if kept.id in ids)])
        self.files.drop(gone)
        oldest = self.files.files[-1].created_at if len(self.files) and self._after else float("-inf")
        wanted = [one for one in fresh if one.created_at >= oldest]
        if wanted:
            everything = sorted([*self.files.files, *wanted], key=lambda one: (-one.created_at, one.id))
            self.files.begin(everything)
        self._show_all()

    def _note_tags(self, files: list[Kept]) -> None:
        fresh = {tag for one in files for tag in one.tags} - self._tags
        if not fresh:
            return
        self._tags |= fresh
        chosen = self.tag.currentData()
        self.tag.blockSignals(True)
        self.tag.clear()
        self.tag.addItem(self.tr("All tags"), None)
        for tag in sorted(self._tags, key=str.casefold):
            self.tag.addItem(tag, tag)
        self.tag.setCurrentIndex(max(0, self.tag.findData(chosen)) if chosen else 0)
        self.tag.blockSignals(False)
        self.tag.setEnabled(True)

    # -- what is selected

    def selected(self) -> list[Kept]:
        """The selected files."""
        return [self.files.file(place) for place in selected_rows(self.wall.selectionModel())]

    def look_at(self, place: int) -> None:
        """Open the viewer."""
        if not 0 <= place < len(self.files):
            return
        if self.viewer is None:
            viewer = self.viewer = Viewer(
                self.desk.host.library, self.acts, self.desk.look, self.desk.work, self._beside
            )
            viewer.gone.connect(self._viewer_gone)
        self.viewer.look_at(self.files.file(place))
        self.viewer.show()
        self.viewer.raise_()
        self.viewer.activateWindow()
        self.viewer.canvas.setFocus()

    def _viewer_gone(self) -> None:
        viewer, self.viewer = self.viewer, None
        if viewer is None:
            return
        place = self.files.place(viewer.kept.id) if viewer.kept is not None else None
        if place is not None:
            self.wall.setCurrentIndex(self.files.index(place, 0))
        viewer.deleteLater()

    def _beside(self, file_id: str, step: int) -> Kept | None:
        place = self.files.place(file_id)
        if place is None:
            return None
        there = place + step
        if there >= len(self.files) - PAGE // 4:
            self._more()
        return self.files.file(there) if 0 <= there < len(self.files) else None

    # -- disk

    async def _look_at_disk(self) -> None:
        said = await offload(_disk, self.desk.host.paths.media)
        if said.missing:
            self._warn(
                self.tr(
                    "The folder with your files is not there: %1. Put it back, or connect the disk it is on."
                ).replace("%1", str(self.desk.host.paths.media)),
                "error",
            )
        elif said.free is not None and said.free < _LITTLE_ROOM:
            self._warn(
                self.tr("The disk is nearly full, %1 left. New files may not be kept.").replace(
                    "%1", size(said.free)
                ),
                "warn",
            )
        else:
            self.warning.hide()

    def _warn(self, text: str, tone: str) -> None:
        self.warning.setText(text)
        set_tone(self.warning, tone)
        self.warning.show()

    # -- showing

    def _show_all(self) -> None:
        self._show_limits()
        self._show_state()
        self._show_selection()

    def _heard_settings(self, _: object) -> None:
        if self.isVisible():
            self._show_limits()

    def _show_limits(self) -> None:
        media = self.desk.host.live.now.media
        for kind, (words_, bar) in self._limits.items():
            used = self._used.get(kind, Used())
            words_.setText(self._limit_words(kind, used, media))
            limit = _limit(media, kind)
            share = used.size / limit if limit else 0.0
            bar.setVisible(bool(limit))
            bar.setValue(min(100, round(share * 100)))
            bar.setAccessibleName(words_.text())

    def _limit_words(self, kind: Kind, used: Used, media: MediaSettings) -> str:
        count = words.number(used.files)
        name = self.tr("Pictures: %1") if kind is Kind.IMAGE else self.tr("Films: %1")
        limit = _limit(media, kind)
        text = self.tr("%1, %2 of %3") if limit else self.tr("%1, %2, no limit")
        text = text.replace("%2", size(used.size)).replace("%3", size(limit))
        return text.replace("%1", name.replace("%1", count))

    def _show_state(self) -> None:
        if len(self.files):
            self.lists.setCurrentWidget(self.wall if self.as_wall.isChecked() else self.table)
            return
        if not self._loaded and self._failure is None:
            return
        show = self.empty.show_state
        if self._failure is not None:
            show(
                "warning",
                self.tr("The library could not be read"),
                self.tr("Your files are safe. %1").replace("%1", report.explain(self._failure).text),
                self.tr("Try again"),
            )
        elif self.sought() != Sought():
            only_removed = self.sought() == Sought(removed=True)
            show(
                "search",
                self.tr("Nothing was deleted") if only_removed else self.tr("No file matches"),
                self.tr("Deleted files wait here for some days.")
                if only_removed
                else self.tr("Nothing fits the search and the filters above."),
                self.tr("Show all files"),
            )
        else:
            show(
                "library",
                self.tr("Nothing here yet"),
                self.tr(
                    "Pictures and films that apps or you make are kept here. Drop files here to add them."
                ),
                self.tr("Import a folder…"),
            )
        self.lists.setCurrentWidget(self.empty)

    def _empty_act(self) -> None:
        if self._failure is not None:
            self.reload()
        elif self.sought() != Sought():
            self.clear_filters()
        else:
            self.acts.import_folder()

    def clear_filters(self) -> None:
        """Show every file again."""
        for one in (self.search, self.kind, self.tag, self.favourites, self.deleted):
            one.blockSignals(True)
        self.search.clear()
        self.kind.setCurrentIndex(0)
        self.tag.setCurrentIndex(0)
        self.favourites.setChecked(False)
        self.deleted.setChecked(False)
        for one in (self.search, self.kind, self.tag, self.favourites, self.deleted):
            one.blockSignals(False)
        self._sought_changed()

    def _sought_changed(self, *_: object) -> None:
        self.wall.clearSelection()
        self.wall.verticalScrollBar().setValue(0)
        self.files.begin(())
        self._after = ""
        self._loaded = False
        self.reload()

    def _show_view(self, *, wall: bool) -> None:
        self.as_wall.setChecked(wall)
        self.as_list.setChecked(not wall)
        if len(self.files):
            self.lists.setCurrentWidget(self.wall if wall else self.table)

    def _show_selection(self, *_: object) -> None:
        chosen = selected_rows(self.wall.selectionModel())
        files = [self.files.file(place) for place in chosen if place < len(self.files)]
        shown = self.tr("%n of %1", "", len(self.files)).replace("%1", words.number(self._count))
        if files:
            total = size(sum(one.size for one in files))
            text = self.tr("%n selected, %1", "", len(files)).replace("%1", total)
        else:
            text = self.tr("%n file(s)", "", self._count) if len(self.files) >= self._count else shown
        self.chosen.setText(text if len(self.files) else "")
        removed = self.deleted.isChecked()
        for one in (
            self.favourite,
            self.tag_them,
            self.save,
            self.copy,
            self.copy_link,
            self.revoke,
            self.delete,
        ):
            one.setVisible(not removed)
            one.setEnabled(bool(files))
        self.folder.setVisible(not removed)
        self.folder.setEnabled(len(files) == 1)
        self.restore.setVisible(removed)
        self.restore.setEnabled(bool(files))
        starred = bool(files) and all(one.favourite for one in files)
        dress(self.favourite, "star-full" if starred else "star", self.desk.look)
        name = self.tr("Take from the favourites") if starred else self.tr("Mark as favourite")
        self.favourite.setAccessibleName(name)
        self.favourite.setToolTip(name)

    def _menu(self, at: QPoint) -> None:
        files = self.selected()
        if not files:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self.deleted.isChecked():
            menu.addAction(self.tr("Bring back")).triggered.connect(lambda: self.acts.restore(files))
        else:
            if len(files) == 1:
                place = self.files.place(files[0].id)
                look = menu.addAction(self.tr("Look at it"))
                look.triggered.connect(lambda: self.look_at(-1 if place is None else place))
                if files[0].kind is Kind.VIDEO:
                    play = menu.addAction(self.tr("Play in your player"))
                    play.triggered.connect(lambda: self.acts.play(files[0]))
                menu.addSeparator()
            for one in (self.favourite, self.tag_them, self.save, self.folder, self.copy, self.copy_link):
                if one.isEnabled():
                    menu.addAction(one.accessibleName()).triggered.connect(one.click)
            menu.addAction(self.revoke.accessibleName()).triggered.connect(self.revoke.click)
            menu.addSeparator()
            menu.addAction(self.tr("Delete")).triggered.connect(self.delete.click)
        view = self.wall if self.lists.currentWidget() is self.wall else self.table
        menu.popup(view.viewport().mapToGlobal(at))

    # -- dropping files

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = _dropped(event.mimeData().urls())
        if paths:
            event.acceptProposedAction()
            self.acts.bring(paths)

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(self._build_head())
        self.warning = Prose()
        self.warning.hide()
        column.addWidget(self.warning)
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setAccessibleName(self.tr("Where the files are"))
        self.tabs.addTab(self.tr("Local"))
        self.tabs.addTab(self.tr("At Grok"))
        column.addWidget(self.tabs)
        column.addWidget(self.strip)
        self.places = QStackedWidget()
        self.places.addWidget(self._build_local())
        self.places.addWidget(self.grok)
        column.addWidget(self.places, 1)

    def _build_head(self) -> QVBoxLayout:
        look = self.desk.look
        self.clean = button(self.tr("Clean…"), look=look, icon="broom")
        self.import_ = button(self.tr("Import…"), look=look, icon="plus")
        self.export = button(self.tr("Export…"), look=look, icon="save")
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(title(self.tr("Library")), 1)
        for one in (self.import_, self.export, self.clean):
            first.addWidget(one)
        self._limits: dict[Kind, tuple[QLabel, QProgressBar]] = {}
        second = QHBoxLayout()
        second.setSpacing(MARGIN)
        for kind in Kind:
            text = Elided()
            set_tone(text, "quiet")
            bar = QProgressBar()
            bar.setTextVisible(False)
            bar.setFixedHeight(6)
            part = QVBoxLayout()
            part.setSpacing(4)
            part.addWidget(text)
            part.addWidget(bar)
            second.addLayout(part, 1)
            self._limits[kind] = (text, bar)
        head = QVBoxLayout()
        head.setSpacing(8)
        head.addLayout(first)
        head.addLayout(second)
        return head

    def _build_local(self) -> QWidget:
        self.empty = StateView(self.desk.look)
        self.lists = QStackedWidget()
        for one in (QWidget(), self.wall, self.table, self.empty):
            self.lists.addWidget(one)
        local = QWidget()
        column = QVBoxLayout(local)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(self._build_tools())
        column.addWidget(self.lists, 1)
        column.addLayout(self._build_bar())
        return local

    def _build_tools(self) -> QHBoxLayout:
        look = self.desk.look
        self.search = QLineEdit()
        hint(self.search, self.tr("Search by prompt, model, tag or account"))
        self.search.setAccessibleName(self.tr("Search files"))
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(120)
        self.kind = Choice(self.tr("Kind"), look)
        for text, kind in (
            (self.tr("All kinds"), None),
            (self.tr("Pictures"), Kind.IMAGE),
            (self.tr("Films"), Kind.VIDEO),
        ):
            self.kind.addItem(text, None if kind is None else kind.value)
        self.tag = Choice(self.tr("Tag"), look)
        self.tag.addItem(self.tr("All tags"), None)
        self.tag.setEnabled(False)
        self.tag.setMaximumWidth(180)
        self.favourites = self._switch("star", self.tr("Only favourites"))
        self.deleted = self._switch("remove", self.tr("Deleted files"))
        self.as_wall = self._switch("wall", self.tr("As a wall"))
        self.as_list = self._switch("list", self.tr("As a list"))
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        for one in (self.kind, self.tag, self.favourites, self.deleted):
            tools.addWidget(one)
        tools.addSpacing(8)
        tools.addWidget(self.as_wall)
        tools.addWidget(self.as_list)
        return tools

    def _switch(self, icon: str, name: str) -> QPushButton:
        made = button("", look=self.desk.look, icon=icon, name=name)
        made.setProperty("kind", "switch")
        made.setCheckable(True)
        return made

    def _build_bar(self) -> QHBoxLayout:
        look = self.desk.look
        self.chosen = Elided()
        set_tone(self.chosen, "quiet")
        self.favourite = button("", look=look, icon="star", name=self.tr("Mark as favourite"))
        self.tag_them = button("", look=look, icon="tag", name=self.tr("Tags…"))
        self.folder = button("", look=look, icon="folder", name=self.tr("Show in folder"))
        self.copy = button("", look=look, icon="copy", name=self.tr("Copy"))
        self.copy_link = button("", look=look, icon="link", name=self.tr("Copy link"))
        self.revoke = button("", look=look, icon="unlink", name=self.tr("Take back the link…"))
        self.save = button(self.tr("Save as…"), look=look, icon="save")
        self.delete = button(self.tr("Delete"), look=look, icon="remove")
        self.restore = button(self.tr("Bring back"), kind="primary", look=look, icon="undo")
        bar = QHBoxLayout()
        bar.setSpacing(6)
        bar.addWidget(self.chosen, 1)
        for one in (
            self.favourite,
            self.tag_them,
            self.folder,
            self.copy,
            self.copy_link,
            self.revoke,
            self.save,
            self.delete,
            self.restore,
        ):
            bar.addWidget(one)
        return bar

    def _connect(self) -> None:
        desk, acts = self.desk, self.acts
        self.search.textChanged.connect(lambda _: self._typing.start())
        self._typing.timeout.connect(self._sought_changed)
        for choice in (self.kind, self.tag):
            choice.currentIndexChanged.connect(self._sought_changed)
        for switch in (self.favourites, self.deleted):
            switch.toggled.connect(self._sought_changed)
        self.as_wall.clicked.connect(lambda: self._show_view(wall=True))
        self.as_list.clicked.connect(lambda: self._show_view(wall=False))
        self.tabs.currentChanged.connect(self._tab)
        self.wall.near_end.connect(self._more)
        self.table.verticalScrollBar().valueChanged.connect(self._list_scrolled)
        self.wall.opened.connect(self.look_at)
        self.table.activated.connect(lambda index: self.look_at(index.row()))
        for view in (self.wall, self.table):
            view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            view.customContextMenuRequested.connect(self._menu)
        self.wall.selectionModel().selectionChanged.connect(self._show_selection)
        self.files.dataChanged.connect(self._show_selection)
        self.empty.button.clicked.connect(self._empty_act)
        for one, act in (
            (self.favourite, acts.favourite),
            (self.tag_them, acts.tag),
            (self.save, acts.save_as),
            (self.copy, acts.copy),
            (self.copy_link, acts.copy_links),
            (self.revoke, acts.revoke),
            (self.delete, acts.remove),
            (self.restore, acts.restore),
        ):
            one.clicked.connect(lambda _=False, act=act: act(self.selected()))
        self.folder.clicked.connect(lambda: acts.show_in_folder(self.selected()[0]))
        self.import_.clicked.connect(acts.import_folder)
        self.export.clicked.connect(acts.export_all)
        self.clean.clicked.connect(lambda: desk.work.start(clean(desk, self), exclusive="clean"))
        acts.moving.connect(self.strip.heard_moves)
        desk.bridge.library.connect(self._heard)
        desk.bridge.media_jobs.connect(self._heard_media)
        desk.bridge.jobs.connect(self._heard_acts)
        desk.bridge.settings.connect(self._heard_settings)
        self._shortcuts()

    def _shortcuts(self) -> None:
        # For the whole place, so that they work after a click on a button; a field takes its own first.
        local = self.places.widget(_LOCAL)
        assert local is not None
        for key, one in (
            (QKeySequence(QKeySequence.StandardKey.Delete), self.delete),
            (QKeySequence(QKeySequence.StandardKey.Copy), self.copy),
            (QKeySequence("Ctrl+S"), self.save),
            (QKeySequence("Ctrl+B"), self.favourite),
            (QKeySequence("Ctrl+T"), self.tag_them),
        ):
            made = QAction(one.accessibleName(), local)
            made.setShortcut(key)
            made.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            made.triggered.connect(lambda _=False, one=one: self._by_key(one))
            local.addAction(made)

    @staticmethod
    def _by_key(one: QPushButton) -> None:
        if one.isVisible():
            one.click()

    def _tab(self, tab: int) -> None:
        self.places.setCurrentIndex(tab)
        if tab == _GROK:
            self.grok.appeared()

    def _list_scrolled(self, value: int) -> None:
        bar = self.table.verticalScrollBar()
        if bar.maximum() - value < 2 * bar.pageStep():
            self._more()

    def _heard_media(self, jobs: tuple[object, ...]) -> None:
        if self.isVisible():
            self.strip.heard_media(jobs)  # type: ignore[arg-type]  # what the bridge carries
        else:
            self._missed = True

    def _heard_acts(self, ids: frozenset[str]) -> None:
        # Also while hidden: what was asked of Grok came for this pane, and is little.
        self.strip.heard_acts(ids)
        self.grok.heard_jobs(ids)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(SHAPE, self.width() < _NARROW)


class FilesTable(QTableView):
    """The same files as a list."""

    def __init__(self, files: Files, name: str) -> None:
        super().__init__()
        self.setModel(files)
        self._telling = Telling(self)
        by_rows(self, name)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        header = self.horizontalHeader()
        header.setMinimumSectionSize(48)
        for column, width in _WIDTHS.items():
            header.resizeSection(column, width)
        header.setSectionResizeMode(PROMPT, QHeaderView.ResizeMode.Stretch)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model().rowCount(QModelIndex()):
            self.setCurrentIndex(self.model().index(0, 0))


@dataclass(frozen=True, slots=True)
class _Disk:
    missing: bool
    free: int | None


def _disk(folder: Path) -> _Disk:
    if not folder.is_dir():
        return _Disk(missing=True, free=None)
    try:
        return _Disk(missing=False, free=shutil.disk_usage(folder).free)
    except OSError:
        return _Disk(missing=False, free=None)


def fits(sought: Sought, kept: Kept) -> bool:
    """Whether a file that is here is among what is sought."""
    told = kept.origin
    text = f"{told.prompt} {told.model} {told.account_name} {' '.join(kept.tags)}".casefold()
    return (
        (kept.removed_at is not None) == sought.removed
        and sought.kind in {None, kept.kind}
        and sought.favourite in {None, kept.favourite}
        and (not sought.tag or sought.tag in kept.tags)
        and all(word in text for word in sought.text.casefold().split())
    )


def _limit(media: MediaSettings, kind: Kind) -> int:
    return (media.images_max_mb if kind is Kind.IMAGE else media.videos_max_mb) * _MB


def _dropped(urls: list[QUrl]) -> list[Path]:
    return [Path(one.toLocalFile()) for one in urls if one.isLocalFile()]
