"""What accounts keep at Grok: how much, which files, into the library with them, or away with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from grokdesk.core.accounts import AccountId
from grokdesk.core.assets import Asset, Listing
from grokdesk.core.errors import GrokDeskError
from grokdesk.engine.jobs import Result
from grokdesk.ui import dialogs, report, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.languages import joined, told
from grokdesk.ui.models.library import size
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import GAP
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.parts import button, hint, quiet, rename
from grokdesk.ui.widgets.table import Table

_ACCOUNT_WIDTHS: Final = (120, 56, 74)
_FILE_WIDTHS: Final = (160, 96, 72, 104)
_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class Keeper:
    """An account and what it is known to keep; None until Grok has been asked."""

    id: AccountId
    name: str
    files: int | None = None
    size_bytes: int = 0
    wrong: str = ""


class AtGrok(QWidget):
    """Accounts on the left, the files of the selected one on the right. Nothing is asked unasked."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._listings: dict[AccountId, Listing[Asset]] = {}
        self._jobs: dict[str, int] = {}
        self.keepers: Rows[Keeper] = Rows(
            (
                Column(self.tr("Account"), lambda one: one.name, lambda one: one.name.casefold()),
                Column(
                    self.tr("Files"),
                    _files,
                    lambda one: one.files or 0,
                    tip=lambda one: one.wrong,
                    right=True,
                ),
                Column(
                    self.tr("Size"),
                    lambda one: size(one.size_bytes) if one.files else "–",
                    lambda one: one.size_bytes,
                    right=True,
                ),
            ),
            key=lambda one: one.id,
            parent=self,
        )
        self.assets: Rows[Asset] = Rows(
            (
                Column(
                    self.tr("Name"),
                    lambda one: one.name or one.id,
                    lambda one: (one.name or one.id).casefold(),
                ),
                Column(self.tr("Type"), lambda one: one.media_type or "–", lambda one: one.media_type),
                Column(
                    self.tr("Size"), lambda one: size(one.size_bytes), lambda one: one.size_bytes, right=True
                ),
                Column(
                    self.tr("Made"),
                    lambda one: (
                        "–" if one.created_at is None else words.at(one.created_at, desk.host.clock.now())
                    ),
                    lambda one: one.created_at or 0.0,
                    tip=lambda one: "" if one.created_at is None else words.exact(one.created_at),
                ),
            ),
            key=lambda one: one.id,
            parent=self,
        )
        self.accounts = Table(self.keepers, self.tr("Accounts"), _ACCOUNT_WIDTHS, stretch=0)
        self.files = Table(self.assets, self.tr("Files at Grok"), _FILE_WIDTHS, stretch=0)
        self._shown: AccountId | None = None
        self._build()
        self._connect()

    # -- what it shows

    def appeared(self) -> None:
        """Take in which accounts there are."""
        known = {keeper.id: keeper for keeper in self._known()}
        accounts = self._desk.host.pool.accounts()
        found = [replace(known.get(one.id) or Keeper(one.id, one.name), name=one.name) for one in accounts]
        if set(known) != {one.id for one in found}:
            self.keepers.fill(found)
            self.keepers.sort(0)
            self._search()
        self._show_state()

    def keepsake(self) -> Mapping[str, Any]:
        """What Grok was asked for and said, which is not to be asked for again."""
        return {
            "search": self.search.text(),
            "keepers": list(self.keepers.everything()),
            "listings": self._listings,
            "jobs": self._jobs,
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Take what `keepsake` returned."""
        self._listings = dict(kept.get("listings", {}))
        self._jobs = dict(kept.get("jobs", {}))
        self.keepers.fill(kept.get("keepers", ()))
        self.keepers.sort(0)
        self.search.setText(str(kept.get("search", "")))
        self.appeared()

    def heard_jobs(self, ids: frozenset[str]) -> None:
        """Acts on accounts went on: take in what they have found out."""
        for job_id in ids:
            job = self._desk.host.jobs.get(job_id)
            if job is None or job.kind not in {"list_assets", "clear_assets"}:
                continue
            done = self._jobs.get(job_id, 0)
            fresh = job.results[done:]
            self._jobs[job_id] = done + len(fresh)
            for result in fresh:
                self._take(job.kind, result)
        self._show_state()

    def _take(self, kind: str, result: Result) -> None:
        place = self.keepers.place(result.account)
        keeper = self.keepers.row(place) if place is not None else Keeper(result.account, result.name)
        if kind == "clear_assets":
            self._listings.pop(result.account, None)
            keeper = replace(keeper, files=0 if result.ok else None, size_bytes=0)
        elif result.ok:
            keeper = replace(
                keeper,
                files=result.counts.get("files", 0),
                size_bytes=result.counts.get("bytes", 0),
                wrong="",
            )
        else:
            keeper = replace(keeper, files=None, wrong=told(result.said, result.hint))
        self.keepers.apply({keeper.id: keeper})

    def _known(self) -> list[Keeper]:
        return [self.keepers.row(place) for place in range(len(self.keepers))]

    def chosen(self) -> list[AccountId]:
        """The selected accounts."""
        return [AccountId(str(key)) for key in self.accounts.selected_keys()]

    # -- acting

    def ask(self) -> None:
        """Ask Grok what the selected accounts keep, or all of them when none is selected."""
        ids = self.chosen() or [one.id for one in self._known()]
        if len(ids) == 1:
            self._desk.work.start(self._list(ids[0]), exclusive="files at Grok")
        elif ids:
            self._desk.host.acts.list_assets(ids)

    async def _list(self, account_id: AccountId) -> None:
        self.right.setCurrentWidget(self.state)
        self.state.show_state("cloud", self.tr("Asking Grok…"), "")
        place = self.keepers.place(account_id)
        keeper = self.keepers.row(place) if place is not None else None
        try:
            listing = await self._desk.host.acts.assets(account_id)
        except GrokDeskError as error:
            said = report.explain(error).text
            if keeper is not None:
                self.keepers.apply({account_id: replace(keeper, files=None, wrong=said)})
        else:
            self._listings[account_id] = listing
            total = sum(one.size_bytes for one in listing.items)
            if keeper is not None:
                found = replace(keeper, files=len(listing.items), size_bytes=total, wrong="")
                self.keepers.apply({account_id: found})
        finally:
            self._shown = None
            self._show_state()

    def fetch_all(self) -> None:
        """Bring the pictures and films of the selected accounts into the library."""
        ids = self.chosen()
        if ids:
            self._desk.host.asset_fetch.start(ids)

    def delete(self) -> None:
        """Delete the selected files at Grok; without any, all files of the selected accounts. Asks first."""
        files = [str(key) for key in self.files.selected_keys()] if self._shown is not None else []
        ids = self.chosen()
        if files and len(ids) == 1 and not self.accounts.hasFocus():
            self._desk.work.start(self._delete_files(ids[0], files), exclusive="delete at Grok")
        elif ids:
            self._desk.work.start(self._clear(ids), exclusive="delete at Grok")

    async def _clear(self, ids: list[AccountId]) -> None:
        asked = self.tr("Delete all files of %n account(s) at Grok?", "", len(ids))
        if await self._sure(asked):
            self._desk.host.acts.clear_assets(ids)

    async def _sure(self, asked: str) -> bool:
        said = await dialogs.ask(
            self.window(),
            dialogs.Question(
                asked,
                self.tr("They are gone at Grok for good. What is in the library here stays."),
                self.tr("Delete"),
                self.tr("Keep"),
                risky=True,
            ),
        )
        return said is dialogs.Answer.YES

    async def _delete_files(self, account_id: AccountId, files: list[str]) -> None:
        if not await self._sure(self.tr("Delete %n file(s) at Grok?", "", len(files))):
            return
        deleted: set[str] = set()
        failed: list[str] = []
        try:
            for one in files:
                try:
                    await self._desk.host.acts.delete_asset(account_id, one)
                except GrokDeskError as error:
                    place = self.assets.place(one)
                    name = (self.assets.row(place).name if place is not None else "") or one
                    failed.append(f"{name}: {told(error.message)}")
                    continue
                deleted.add(one)
                self.assets.apply({one: None})
        finally:
            self._forget(account_id, deleted)
        if failed:
            said = self.tr("%n file(s) could not be deleted.", "", len(failed))
            self._desk.say(joined(said, *failed[:_TOLD]), "error")
        else:
            self._desk.say(self.tr("%n file(s) deleted at Grok.", "", len(deleted)), "ok")

    def _forget(self, account_id: AccountId, deleted: set[str]) -> None:
        listing = self._listings.get(account_id)
        place = self.keepers.place(account_id)
        if listing is None or place is None:
            return
        left = tuple(one for one in listing.items if one.id not in deleted)
        self._listings[account_id] = replace(listing, items=left)
        total = sum(one.size_bytes for one in left)
        keeper = replace(self.keepers.row(place), files=len(left), size_bytes=total)
        self.keepers.apply({account_id: keeper})
        self._show_state()

    # -- building

    def _build(self) -> None:
        look = self._desk.look
        self.search = QLineEdit()
        hint(self.search, self.tr("Search accounts"))
        self.search.setAccessibleName(self.tr("Search accounts"))
        self.search.setClearButtonEnabled(True)
        self.look = button(self.tr("Ask Grok"), look=look, icon="cloud")
        self.look.setToolTip(self.tr("Asks what the selected accounts keep, or all when none is selected"))
        self.fetch = button(self.tr("Fetch into the library"), look=look, icon="save")
        self.delete_button = button(self.tr("Delete all at Grok…"), look=look, icon="remove")
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        for one in (self.look, self.fetch, self.delete_button):
            tools.addWidget(one)
        self.summary = quiet()
        self.state = StateView(look)
        self.right = QStackedWidget()
        self.right.addWidget(self.state)
        self.right.addWidget(self.files)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(GAP)
        split.addWidget(self.accounts)
        split.addWidget(self.right)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(tools)
        column.addWidget(self.summary)
        column.addWidget(split, 1)
        for table in (self.accounts, self.files):
            away = QAction(self.tr("Delete at Grok…"), table)
            away.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
            away.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            away.triggered.connect(self.delete)
            table.addAction(away)

    def _connect(self) -> None:
        self.look.clicked.connect(self.ask)
        self.fetch.clicked.connect(self.fetch_all)
        self.delete_button.clicked.connect(self.delete)
        self.state.button.clicked.connect(self._act)
        self.search.textChanged.connect(self._search)
        self.accounts.selectionModel().selectionChanged.connect(self._show_state)
        self.files.selectionModel().selectionChanged.connect(self._show_state)

    def _act(self) -> None:
        if self.keepers.total:
            self.ask()
        else:
            self._desk.add_wanted.emit("")

    def _search(self, *_: object) -> None:
        text = self.search.text().strip().casefold()
        self.keepers.filter(lambda one: text in one.name.casefold())
        self._show_state()

    def _show_state(self, *_: object) -> None:
        ids = self.chosen()
        self.look.setEnabled(len(self.keepers) > 0)
        self.fetch.setEnabled(bool(ids))
        self.delete_button.setEnabled(bool(ids))
        files = len(self.files.selected_keys()) if self._shown is not None and len(ids) == 1 else 0
        some = self.tr("Delete %n file(s) at Grok…", "", files)
        rename(self.delete_button, some if files else self.tr("Delete all at Grok…"))
        asked = [one for one in self._known() if one.files is not None]
        kept, total = sum(one.files or 0 for one in asked), sum(one.size_bytes for one in asked)
        parts = [
            self.tr("%n account(s) asked", "", len(asked)),
            self.tr("%n file(s)", "", kept),
            size(total),
        ]
        self.summary.setText(" · ".join(parts) if asked else self.tr("Grok has not been asked yet."))
        self._show_files(ids)

    def _show_files(self, ids: list[AccountId]) -> None:
        one = ids[0] if len(ids) == 1 else None
        listing = self._listings.get(one) if one is not None else None
        if one is not None and listing is not None and listing.items:
            if self._shown != one:
                self._shown = one
                self.assets.fill(listing.items)
                self.assets.sort(3, Qt.SortOrder.DescendingOrder)
            self.right.setCurrentWidget(self.files)
            return
        self._shown = None
        self.right.setCurrentWidget(self.state)
        place = self.keepers.place(one) if one is not None else None
        keeper = self.keepers.row(place) if place is not None else None
        show = self.state.show_state
        if not self.keepers.total:
            show(
                "accounts",
                self.tr("No accounts yet"),
                self.tr("Files at Grok belong to accounts. Add one to see its files."),
                self.tr("Add accounts…"),
            )
        elif keeper is None:
            show(
                "cloud",
                self.tr("Select an account"),
                self.tr("Its files at Grok are shown here."),
            )
        elif keeper.wrong:
            show("warning", self.tr("Grok did not show the files"), keeper.wrong, self.tr("Try again"))
        elif keeper.files == 0:
            show("cloud", self.tr("No files at Grok"), self.tr("This account keeps nothing there."))
        else:
            show(
                "cloud",
                self.tr("Not shown yet"),
                self.tr("Grok has not been asked for the files of this account."),
                self.tr("Show its files"),
            )


def _files(keeper: Keeper) -> str:
    if keeper.wrong:
        return "▲"
    return "–" if keeper.files is None else words.number(keeper.files)
