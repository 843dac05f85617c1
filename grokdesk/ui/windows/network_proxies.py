"""The page Proxies: which way requests leave, how each way fares and why, and what to do about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.accounts import AccountId
from grokdesk.core.egress import Purpose
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.settings import EgressMode, EgressSettings
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.models import ways as models
from grokdesk.ui.models.ways import WayKey, WayRow, Ways
from grokdesk.ui.theme import GAP
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.ordered import OrderedTable
from grokdesk.ui.widgets.parts import Prose, breakable, button, card, quiet, section, set_tone
from grokdesk.ui.windows.network_add import AddWays, EditWay
from grokdesk.ui.windows.network_trials import Trials

_TICK_MS: Final = 1_000
# A thousand ways out take 13 ms; so many are not looked at again with every frame.
_MANY: Final = 200
_LATER_MS: Final = 300
# Accounts are counted again at most so often while notices about them rain.
_COUNT_MS: Final = 1_000
_WIDTHS: Final = (150, 92, 136, 116, 64, 72, 72)
_NARROW: Final = 1_040
_VERY_NARROW: Final = 780
_FIELD: Final = {Purpose.CHAT: "egress.proxies", Purpose.MEDIA: "egress.media_proxies"}


class ProxiesPage(QWidget):
    """The mode, the table in the order of use, and the details of what is selected."""

    def __init__(self, desk: Desk, trials: Trials, show_cloudflare: Callable[[str], object]) -> None:
        super().__init__()
        self.desk = desk
        self.trials = trials
        self._show_cloudflare = show_cloudflare
        self.rows = Ways(desk.host.clock.now, desk.look, self)
        self.table = OrderedTable(self.rows, self.tr("Ways out"), _WIDTHS, stretch=models.WAY, look=desk.look)
        self.details = WayDetails(desk)
        self._bound: dict[str, int] = {}
        self._problem = ""
        self._changing = asyncio.Lock()
        self._build()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATER_MS)
        self._later.timeout.connect(self.refresh)
        self._count = QTimer(self)
        self._count.setSingleShot(True)
        self._count.setInterval(_COUNT_MS)
        self._connect()

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        self.mode = Choice(self.tr("Which way requests leave"), look)
        for text, mode in (
            (self.tr("Directly"), EgressMode.DIRECT),
            (self.tr("As this computer is set"), EgressMode.SYSTEM),
            (self.tr("Through the proxies below"), EgressMode.PROXIES),
        ):
            self.mode.addItem(text, mode.value)
        asked = QLabel(self.tr("Connect:"))
        asked.setBuddy(self.mode)
        self.meaning = Prose()
        self.test_all = button(self.tr("Test all"), look=look, icon="test")
        self.add = button(self.tr("Add proxies…"), kind="primary", look=look, icon="plus")
        self.progress = quiet()
        self.progress.setWordWrap(False)
        self.stop = button(self.tr("Cancel"), look=look, icon="close", name=self.tr("Cancel the tests"))
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(asked)
        tools.addWidget(self.mode)
        tools.addStretch(1)
        tools.addWidget(self.test_all)
        tools.addWidget(self.add)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self.meaning, 1)
        said.addWidget(self.progress)
        said.addWidget(self.stop)
        self.empty = StateView(look)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.table)
        self._lists.addWidget(self.empty)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(GAP)
        self.split.addWidget(self._lists)
        self.split.addWidget(self.details)
        self.split.setStretchFactor(0, 1)
        self.split.setStretchFactor(1, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(tools)
        column.addLayout(said)
        column.addWidget(self.split, 1)
        self.delete = QAction(self.tr("Remove"), self)
        self.delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.delete.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.table.addAction(self.delete)

    def _connect(self) -> None:
        desk, details = self.desk, self.details
        self.mode.activated.connect(self.choose_mode)
        self.add.clicked.connect(self.add_ways)
        self.test_all.clicked.connect(lambda: self.test(self._all_rows()))
        self.stop.clicked.connect(self.trials.cancel)
        self.trials.changed.connect(self._heard)
        self.empty.button.clicked.connect(self._leave_empty)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.table.moved.connect(self._dropped)
        self.table.stepped.connect(self.step)
        self.table.opened.connect(self.edit)
        self.delete.triggered.connect(self.remove_selected)
        details.test.clicked.connect(lambda: self.test(self.selected()))
        details.edit.clicked.connect(self.edit)
        details.up.clicked.connect(lambda: self.step(-1))
        details.down.clicked.connect(lambda: self.step(1))
        details.remove.clicked.connect(self.remove_selected)
        details.accounts.clicked.connect(lambda: desk.pane_wanted.emit("accounts"))
        details.cloudflare.clicked.connect(self._go_to_cloudflare)
        self._tick.timeout.connect(self._time_went_on)
        self._count.timeout.connect(self._recount)
        desk.bridge.egress.connect(self._heard)
        desk.bridge.settings.connect(self._heard)
        desk.bridge.accounts.connect(self._heard_accounts)
        desk.look.changed.connect(self.table.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # A narrow window leaves to the details what they show anyway.
        for column in (models.REQUESTS, models.ACCOUNTS):
            self.table.setColumnHidden(column, self.width() < _NARROW)
        for column in (models.FOR, models.EXIT):
            self.table.setColumnHidden(column, self.width() < _VERY_NARROW)

    # -- being seen

    def appeared(self) -> None:
        """Take in what happened meanwhile."""
        self._recount()
        self._look_up_system()

    def vanished(self) -> None:
        """Let no timer run."""
        self._tick.stop()
        self._count.stop()
        self._later.stop()

    def _heard(self, *_: object) -> None:
        if not self.isVisible():
            return
        if len(self.rows) <= _MANY:
            self.refresh()
        elif not self._later.isActive():
            self._later.start()

    def _heard_accounts(self, _: frozenset[AccountId]) -> None:
        if self.isVisible() and not self._count.isActive():
            self._count.start()

    def _recount(self) -> None:
        self._bound = models.bindings(self.desk.host.pool.accounts())
        self.refresh()

    def _time_went_on(self) -> None:
        self.rows.repaint_columns(models.STATE, models.STATE)
        self._show_details()

    # -- asking

    def selected(self) -> list[WayRow]:
        """The selected rows."""
        places = (self.rows.place(key) for key in self.table.selected_keys())
        return [self.rows.row(place) for place in places if place is not None]

    def _all_rows(self) -> list[WayRow]:
        return [self.rows.row(place) for place in range(len(self.rows))]

    def named(self, name: str) -> list[WayRow]:
        """The rows of the way out with this name."""
        return [row for row in self._all_rows() if row.name == name]

    def show_way(self, name: str) -> bool:
        """Select the way out with this name; returns whether there is one."""
        self.refresh()
        found = self.named(name)
        self.table.select([row.key for row in found])
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        return bool(found)

    # -- showing

    def refresh(self) -> None:
        """Show everything as it is now."""
        host = self.desk.host
        egress = host.live.now.egress
        listed = models.rows_of(egress, host.egress.states(), host.egress.name_of, self._bound)
        rows = [
            WayRow(
                row.key,
                row.name,
                row.kind,
                row.place,
                row.state,
                row.shared,
                row.bound,
                self.trials.of(row.key),
                self.trials.is_testing(row.key),
            )
            for row in listed
        ]
        self.trials.keep_only(row.key for row in rows)
        chosen = self.table.selected_keys()
        if self.rows.show(rows):
            self.table.select([key for key in chosen if self.rows.place(key) is not None])
        self.mode.setCurrentIndex(self.mode.findData(egress.mode.value))
        self._say_meaning(egress)
        self._show_progress()
        self._show_empty(egress)
        self._show_details()
        moves = any(row.testing or (row.state is not None and row.state.resting_until) for row in rows)
        if moves and self.isVisible():
            self._tick.start()
        else:
            self._tick.stop()

    def _say_meaning(self, egress: EgressSettings) -> None:
        nothing = egress.mode is EgressMode.PROXIES and not egress.proxies
        if nothing:
            text = self.tr("The list for chat is empty, so nothing leaves. Add a proxy, or connect directly.")
        elif egress.mode is EgressMode.DIRECT:
            text = self.tr(
                "Grok sees the address of this computer. No proxy is used, whatever the system says."
            )
        elif egress.mode is EgressMode.SYSTEM:
            text = self.tr("The proxy this computer is set to, looked up every minute.")
        elif egress.media_proxies:
            text = self.tr(
                "One is used until it fails, then the next in the list. Files have a list of their own."
            )
        else:
            text = self.tr("One is used until it fails, then the next in the list. Drag a row to move it.")
        self.meaning.setText(text)
        set_tone(self.meaning, "warn" if nothing else "quiet")

    def _show_progress(self) -> None:
        running = self.trials.running
        self.progress.setVisible(running)
        self.stop.setVisible(running)
        text = self.tr("Tested %1 of %2").replace("%1", str(self.trials.done))
        self.progress.setText(text.replace("%2", str(self.trials.total)))
        self.test_all.setEnabled(len(self.rows) > 0 and not running)

    def _show_empty(self, egress: EgressSettings) -> None:
        if len(self.rows):
            self._lists.setCurrentIndex(0)
        elif egress.mode is EgressMode.SYSTEM:
            text = self._problem or self.tr("The system's setting has not been read yet.")
            self.empty.show_state(
                "network", self.tr("No way out yet"), text, self.tr("Look again") if self._problem else ""
            )
            self._lists.setCurrentIndex(1)
        else:
            self.empty.show_state(
                "network",
                self.tr("No proxies yet"),
                self.tr("Nothing leaves through an empty list. Paste addresses of proxies, one or many."),
                self.tr("Add proxies…"),
            )
            self._lists.setCurrentIndex(1)
        self.details.setVisible(len(self.rows) > 0)

    def _show_details(self, *_: object) -> None:
        self.details.show_ways(self.selected(), self.desk.host.live.now.egress)

    def _leave_empty(self) -> None:
        if self.desk.host.live.now.egress.mode is EgressMode.SYSTEM:
            self._look_up_system()
        else:
            self.add_ways()

    def _look_up_system(self) -> None:
        if self.desk.host.live.now.egress.mode is EgressMode.SYSTEM:
            self.desk.work.start(self._ask_system(), exclusive="system proxy")

    async def _ask_system(self) -> None:
        self._problem = ""
        try:
            await self.desk.host.egress.look_up_system()
        except GrokDeskError as error:
            self._problem = told(error.message, error.hint)
        self._heard()

    # -- acting

    def choose_mode(self, *_: object) -> None:
        """Leave the chosen way from now on."""
        mode = EgressMode(self.mode.currentData())
        if mode is not self.desk.host.live.now.egress.mode:
            self.desk.work.start(self._choose_mode(mode))

    async def _choose_mode(self, mode: EgressMode) -> None:
        try:
            await self.desk.host.change({"egress.mode": mode.value})
        finally:
            self.refresh()
        self._look_up_system()

    def test(self, rows: Collection[WayRow]) -> None:
        """Test these."""
        self.trials.start(rows)

    def renew(self) -> bool:
        """Test what is selected, or all; False when there is nothing."""
        rows = self.selected() or self._all_rows()
        self.test(rows)
        return bool(rows)

    def add_ways(self) -> None:
        """Ask for addresses and put them at the end of a list."""
        self.desk.work.start(self._add(), exclusive="add ways out")

    async def _add(self) -> None:
        chosen = self.selected()
        purpose = chosen[0].key.purpose if chosen else None
        dialog = AddWays(self.window(), self.desk, purpose or Purpose.CHAT)
        said = await dialogs.answer(dialog)
        new = dialog.ways
        if said is not dialogs.Answer.YES or not new:
            return
        more = {"egress.mode": EgressMode.PROXIES.value} if dialog.use.isChecked() else {}
        target = dialog.purpose
        await self._change(target, lambda ways: [*ways, *(way for way in new if way not in ways)], more)
        self._select(target, new)
        self.desk.say(self.tr("%n way(s) out added.", "", len(new)), "ok")

    def edit(self) -> None:
        """Change the selected entry."""
        chosen = [row for row in self.selected() if row.is_listed]
        if len(chosen) == 1:
            self.desk.work.start(self._edit(chosen[0]), exclusive="edit way out")

    async def _edit(self, row: WayRow) -> None:
        old, purpose = row.target, row.key.purpose
        assert purpose is not None, "only entries of a list are edited"
        dialog = EditWay(self.window(), self.desk, old, purpose)
        said = await dialogs.answer(dialog)
        new, target = dialog.way, dialog.purpose
        if said is not dialogs.Answer.YES or (new, target) == (old, purpose):
            return
        if target is purpose:
            await self._change(purpose, lambda ways: models.replaced(ways, old, new))
        else:
            async with self._changing:
                here = [way for way in self._ways(purpose) if way != old]
                there = [way for way in self._ways(target) if way != new]
                await self.desk.host.change({_FIELD[purpose]: here, _FIELD[target]: [*there, new]})
        self._select(target, [new])

    def step(self, step: int) -> None:
        """Move the selected entries up (-1) or down (1)."""
        for purpose, chosen in self._chosen().items():
            self.desk.work.start(
                self._reorder(purpose, lambda ways, chosen=chosen: models.stepped(ways, chosen, step))  # type: ignore[misc]
            )

    def _dropped(self, keys: list[WayKey], before: int) -> None:
        above = [self.rows.row(place).key.purpose for place in range(min(before, len(self.rows)))]
        for purpose in {key.purpose for key in keys} - {None}:
            assert purpose is not None
            chosen = [key.way.reveal() for key in keys if key.purpose is purpose]
            place = above.count(purpose)
            self.desk.work.start(
                self._reorder(
                    purpose,
                    lambda ways, chosen=chosen, place=place: models.put_before(ways, chosen, place),  # type: ignore[misc]
                )
            )

    async def _reorder(self, purpose: Purpose, order: Callable[[Collection[str]], list[str]]) -> None:
        await self._change(purpose, order)
        self.refresh()

    def remove_selected(self) -> None:
        """Take the selected entries out of their lists; there is an undo."""
        chosen = self._chosen()
        if chosen:
            self.desk.work.start(self._remove(chosen))

    async def _remove(self, chosen: dict[Purpose, list[str]]) -> None:
        async with self._changing:
            before = {purpose: self._ways(purpose) for purpose in chosen}
            left = {
                purpose: [way for way in before[purpose] if way not in gone]
                for purpose, gone in chosen.items()
            }
            await self.desk.host.change({_FIELD[purpose]: ways for purpose, ways in left.items()})
        self.refresh()
        count = sum(map(len, chosen.values()))
        self.desk.did(self.tr("%n way(s) out removed.", "", count), self._back(before, chosen))

    def _back(
        self, before: dict[Purpose, tuple[str, ...]], gone: dict[Purpose, list[str]]
    ) -> Callable[[], Awaitable[None]]:
        async def back() -> None:
            for purpose, removed in gone.items():
                await self._change(purpose, lambda ways: models.brought_back(ways, before[purpose], removed))  # noqa: B023 - called within the turn
            self.refresh()

        return back

    def _chosen(self) -> dict[Purpose, list[str]]:
        """The selected entries by list."""
        found: dict[Purpose, list[str]] = {}
        for row in self.selected():
            if row.is_listed and row.key.purpose is not None:
                found.setdefault(row.key.purpose, []).append(row.target)
        return found

    def _ways(self, purpose: Purpose) -> tuple[str, ...]:
        egress = self.desk.host.live.now.egress
        return egress.media_proxies if purpose is Purpose.MEDIA else egress.proxies

    async def _change(
        self,
        purpose: Purpose,
        change: Callable[[tuple[str, ...]], list[str]],
        more: dict[str, str] | None = None,
    ) -> None:
        """Change a list as it is when those who came first are done."""
        async with self._changing:
            ways = self._ways(purpose)
            new = change(ways)
            if new != list(ways) or more:
                await self.desk.host.change({_FIELD[purpose]: new, **(more or {})})

    def _select(self, purpose: Purpose, ways: Collection[str]) -> None:
        self.refresh()
        self.table.select(
            [row.key for row in self._all_rows() if row.key.purpose is purpose and row.target in ways]
        )

    def _go_to_cloudflare(self) -> None:
        chosen = self.selected()
        if chosen:
            self._show_cloudflare(chosen[0].name)


class WayDetails(QScrollArea):
    """One way out in full, or what can be done with several."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMinimumWidth(240)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        frame, layout = card()
        self.setWidget(frame)
        look = desk.look
        self._name = section("")
        self._hint = quiet(self.tr("Select a way out to see how it fares and why."))
        self._shape = QLabel()
        self._state = Prose()
        self._why = quiet()
        self._facts = quiet()
        self.cloudflare = button(self.tr("Show clearance"), look=look, icon="shield")
        self.accounts = button(self.tr("Show accounts"), look=look, icon="accounts")
        self.test = button(self.tr("Test"), look=look, icon="test")
        self.edit = button(self.tr("Change…"), look=look, icon="edit")
        self.up = button(self.tr("Up"), look=look, icon="up", name=self.tr("Move up"))
        self.down = button(self.tr("Down"), look=look, icon="down", name=self.tr("Move down"))
        self.up.setToolTip(self.tr("Try it earlier (Alt+Up)"))
        self.down.setToolTip(self.tr("Try it later (Alt+Down)"))
        self.remove = button(self.tr("Remove"), look=look, icon="remove")
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._state, 1)
        order = QHBoxLayout()
        order.setSpacing(8)
        order.addWidget(self.up, 1)
        order.addWidget(self.down, 1)
        layout.addWidget(self._name)
        layout.addWidget(self._hint)
        layout.addLayout(state)
        layout.addWidget(self._why)
        layout.addWidget(self._facts)
        layout.addStretch(1)
        acts = QVBoxLayout()
        acts.setSpacing(6)
        for act in (self.test, self.cloudflare, self.accounts, self.edit):
            acts.addWidget(act)
        acts.addLayout(order)
        acts.addWidget(self.remove)
        layout.addLayout(acts)

    def why(self) -> str:
        """The reason it gives."""
        return self._why.text()

    def facts(self) -> str:
        """What it knows, a fact on a line."""
        return self._facts.text()

    def show_ways(self, rows: list[WayRow], egress: EgressSettings) -> None:
        """Show these."""
        one = rows[0] if len(rows) == 1 else None
        listed = [row for row in rows if row.is_listed]
        self._hint.setVisible(not rows)
        for part in (self._shape, self._state, self._facts):
            part.setVisible(one is not None)
        self.test.setVisible(bool(rows))
        self.test.setEnabled(not all(row.testing for row in rows))
        self.remove.setVisible(bool(listed))
        self.edit.setVisible(one is not None and one.is_listed)
        lists = {Purpose.CHAT: egress.proxies, Purpose.MEDIA: egress.media_proxies}
        moves = any(len(lists[row.key.purpose]) > 1 for row in listed if row.key.purpose)
        for act in (self.up, self.down):
            act.setVisible(moves)
        self.accounts.setVisible(one is not None and one.bound > 0)
        self.cloudflare.setVisible(one is not None and one.state is not None)
        if one is None:
            self._why.setVisible(False)
            count = len(rows)
            self._name.setText(self.tr("%n way(s) out selected", "", count) if count else self.tr("Details"))
            return
        self._show(one)

    def _show(self, row: WayRow) -> None:
        now = self._desk.host.clock.now()
        said = models.way_state(row, now)
        self._name.setText(breakable(row.title))
        icon, token = words.ICON_OF[said.kind]
        dress_label(self._shape, "state-busy" if row.testing else icon, self._desk.look, token, 16)
        self._state.setText(said.text)
        self._why.setText(said.why)
        self._why.setVisible(bool(said.why))
        self._facts.setText("\n".join(self._fact_lines(row, now)))

    def _fact_lines(self, row: WayRow, now: float) -> list[str]:
        fact = self.tr("%1: %2")
        facts = [
            (self.tr("Kind"), models.kind_of(row)),
            (self.tr("Used for"), models.serves(row)),
        ]
        found = row.trial.found
        if found is not None and found.reachable:
            facts += [
                (self.tr("Grok sees"), models.exit_of(row) or self.tr("not told")),
                (self.tr("First answer"), models.speed_of(row)),
            ]
        if row.trial.at is not None:
            facts.append((self.tr("Tested"), words.ago(row.trial.at, now)))
        if row.state is not None:
            facts += [
                (self.tr("Health"), models.health_of(row)),
                (self.tr("Requests now"), words.number(row.state.in_use)),
            ]
        if row.bound:
            facts.append((self.tr("Bound accounts"), words.number(row.bound)))
        lines = [fact.replace("%1", name).replace("%2", value) for name, value in facts]
        failure = models.last_failure(row, now)
        return [*lines, failure] if failure else lines
