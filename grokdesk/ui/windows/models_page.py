"""The page Models of Settings: what clients are offered, under which names, and who can serve it now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any, Final

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from grokdesk.core.accounts import AccountId
from grokdesk.core.catalog import MODELS
from grokdesk.core.settings import ModelsSettings
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.models import models
from grokdesk.ui.models.models import Changes, Key, ModelRow, Models, Served, Tally
from grokdesk.ui.models.ways import put_before, stepped
from grokdesk.ui.theme import GAP, Look
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.widgets.ordered import OrderedTable
from grokdesk.ui.widgets.parts import Elided, Prose, breakable, button, card, hint, quiet, rename, section
from grokdesk.ui.windows.settings_page import SettingsPage

_WIDTHS: Final = (84, 200, 112, 112, 104)
_TYPING_MS: Final = 120
# Accounts are counted anew at most so often while notices about them rain.
_COUNT_MS: Final = 500
_COUNTED_AT_ONCE: Final = 200
_LONGEST_MS: Final = 3_600_000
_DETAILS_WIDTH: Final = 272
# From these widths of the page on, the details stand beside the table, and there is room for a column.
_WIDE: Final = 620
_FOR_MAKES: Final = 780
_FOR_NEEDS: Final = 880
_FOR_MAKES_ABOVE: Final = 540
_UNBOUND: Final = 16_777_215

Make = Callable[[ModelsSettings], Changes]


class ModelsPage(SettingsPage):
    """The table in the order in which clients list the models, and the details of what is selected."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.rows = Models(desk.look, self)
        self.table = ModelsTable(self.rows, self.tr("Models"), desk.look)
        self.details = ModelDetails(desk)
        self._served: dict[str, Served] = {}
        self._tally = Tally()
        self._missed: set[AccountId] = set()
        self._counted = False
        self._changing = asyncio.Lock()
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._recount = QTimer(self)
        self._recount.setSingleShot(True)
        self._build()
        self._connect()

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        self.search = QLineEdit()
        hint(self.search, self.tr("Find a model"))
        self.search.setAccessibleName(self.tr("Find a model"))
        self.search.setClearButtonEnabled(True)
        self.more = button("", look=look, icon="more", name=self.tr("More for models"))
        self.menu = QMenu(self)
        for text, act in (
            (self.tr("Put the selected ones back to how they come"), self.reset_selected),
            (self.tr("Put all models back to how they come"), self.reset_all),
            (self.tr("Show as in the settings file"), self.form_wanted.emit),
        ):
            self.menu.addAction(text).triggered.connect(lambda _=False, act=act: act())
        self.said = quiet()
        self.empty = StateView(look)
        self._lists = QStackedWidget()
        self._lists.addWidget(self.table)
        self._lists.addWidget(self.empty)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(GAP)
        self.split.addWidget(self._lists)
        self.split.addWidget(self.details)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.search, 1)
        tools.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        column.addLayout(tools)
        column.addWidget(self.said)
        column.addWidget(self.split, 1)
        self.delete = QAction(self.tr("Remove the other name"), self)
        self.delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.delete.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.table.addAction(self.delete)

    def _connect(self) -> None:
        desk, details, table = self.desk, self.details, self.table
        self.search.textChanged.connect(lambda _: self._typing.start())
        self._typing.timeout.connect(self.apply_search)
        self.more.clicked.connect(
            lambda: self.menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height())))
        )
        self.empty.button.clicked.connect(self._clear_search)
        table.selectionModel().selectionChanged.connect(self._show_details)
        table.moved.connect(self._dropped)
        table.stepped.connect(self.step)
        table.opened.connect(self._begin_alias)
        table.toggled.connect(self.toggle)
        self.delete.triggered.connect(self.remove_selected_aliases)
        details.switch.clicked.connect(lambda: self.toggle(self.selected_keys()))
        details.up.clicked.connect(lambda: self.step(-1))
        details.down.clicked.connect(lambda: self.step(1))
        details.alias_added.connect(self.add_alias)
        details.alias_removed.connect(lambda alias: self.remove_aliases([alias]))
        details.link.clicked.connect(lambda: desk.pane_wanted.emit(details.leads_to))
        self._recount.timeout.connect(self._count)
        desk.bridge.settings.connect(self._heard)
        desk.bridge.accounts.connect(self._heard_accounts)
        desk.look.changed.connect(table.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= _WIDE
        self.split.setOrientation(Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical)
        self.details.be_wide(wide=wide)
        self.table.setColumnHidden(models.NEEDS, wide and self.width() < _FOR_NEEDS)
        self.table.setColumnHidden(models.MAKES, self.width() < (_FOR_MAKES if wide else _FOR_MAKES_ABOVE))

    # -- what Settings calls

    def search_field(self) -> QLineEdit:
        return self.search

    def regions(self) -> Sequence[QWidget]:
        return (self.search, self.table, self.details)

    def open_at(self, where: str) -> None:
        """Select the model or other name `where`."""
        self._clear_search()
        keys = [row.key for row in self._all_rows() if row.name == where]
        self.table.select(keys)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def renew(self) -> bool:
        self._counted = False
        self._count()
        return True

    def keepsake(self) -> Mapping[str, Any]:
        chosen = [(key.name, key.is_alias) for key in self.selected_keys()]
        return {"search": self.search.text(), "selected": chosen, "alias": self.details.field.text()}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.search.setText(str(kept.get("search", "")))
        self.refresh()
        self.apply_search()
        self.table.select([Key(*one) for one in kept.get("selected", ())])
        self.details.field.setText(str(kept.get("alias", "")))

    def appeared(self) -> None:
        self.refresh()
        self._count()

    def vanished(self) -> None:
        self._typing.stop()
        self._recount.stop()

    # -- following

    def _heard(self, *_: object) -> None:
        if self.isVisible():
            self._look_up()
            self.refresh()

    def _heard_accounts(self, ids: frozenset[AccountId]) -> None:
        if self._counted:
            self._missed |= ids
        if self.isVisible() and not 0 <= self._recount.remainingTime() <= _COUNT_MS:
            self._recount.start(_COUNT_MS)

    def _count(self) -> None:
        self.desk.work.start(self._count_accounts(), exclusive="count for models")

    async def _count_accounts(self) -> None:
        """Count who can serve what, a part at a time: ten thousand accounts take some 60 ms."""
        pool = self.desk.host.pool
        if self._counted:
            doubtful, self._missed = list(self._missed), set()
        else:
            self._tally, self._counted, self._missed = Tally(), True, set()
            doubtful = [account.id for account in pool.accounts()]
        tally = self._tally
        try:
            while doubtful:
                part, doubtful = doubtful[:_COUNTED_AT_ONCE], doubtful[_COUNTED_AT_ONCE:]
                now = self.desk.host.clock.now()
                for account_id in part:
                    tally.take(account_id, pool.get(account_id), now)
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self._missed.update(doubtful)
            raise
        if isValid(self):  # the window may have been built anew meanwhile
            self._look_up()
            self.refresh()

    def _look_up(self) -> None:
        if not self._counted:
            return
        host = self.desk.host
        now = host.clock.now()
        self._served = self._tally.all_served(now, fallback=host.live.now.chat.mode_fallback)
        later = self._tally.next_change(now)
        if later < inf and self.isVisible() and not self._recount.isActive():
            wait_ms = (later - now) * 1000 + 50
            self._recount.start(round(min(max(wait_ms, _COUNT_MS), _LONGEST_MS)))

    # -- showing

    def refresh(self) -> None:
        """Show everything as it is now."""
        settings = self._settings()
        chosen = self.table.selected_keys()
        rows = models.rows_of(settings, self._served)
        if self.rows.show(rows):
            self.table.select([key for key in chosen if self.rows.place(key) is not None])
        offered = sum(row.is_on for row in rows if not row.target)
        text = self.tr(
            "%1 of %2 models are offered. What you change here is saved at once; Ctrl+Z takes it back."
        )
        self.said.setText(text.replace("%1", str(offered)).replace("%2", str(len(MODELS))))
        self._show_details()

    def apply_search(self) -> None:
        """Show the lines that have every word of the search."""
        self._typing.stop()
        wanted = self.search.text().casefold().split()
        self.rows.filter(lambda row: all(word in models.haystack(row) for word in wanted))
        if len(self.rows):
            self._lists.setCurrentIndex(0)
        else:
            text = self.tr("Nothing is called “%1”.").replace("%1", self.search.text().strip())
            self.empty.show_state("search", self.tr("No model matches"), text, self.tr("Clear the search"))
            self._lists.setCurrentIndex(1)
        self._show_details()

    def _clear_search(self) -> None:
        self.search.clear()
        self.apply_search()
        self.search.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self._clear_search()
        else:
            super().keyPressEvent(event)

    def _show_details(self, *_: object) -> None:
        host = self.desk.host
        fallback, now = host.live.now.chat.mode_fallback, host.clock.now()
        self.details.show_rows(self.selected(), fallback=fallback, now=now, fixed=self._fixed())

    def _fixed(self) -> str:
        """What has decided about the models from outside, if anything has."""
        outside = self.desk.host.settings_file.outside
        return next(
            (outside[name] for name in (models.OFF, models.ALIASES, models.ORDER) if name in outside), ""
        )

    # -- asking

    def selected_keys(self) -> list[Key]:
        """The keys of the selected lines."""
        return [key for key in self.table.selected_keys() if isinstance(key, Key)]

    def selected(self) -> list[ModelRow]:
        """The selected lines."""
        places = (self.rows.place(key) for key in self.selected_keys())
        return [self.rows.row(place) for place in places if place is not None]

    def _all_rows(self) -> list[ModelRow]:
        return [self.rows.row(place) for place in range(len(self.rows))]

    def _settings(self) -> ModelsSettings:
        return self.desk.host.live.now.models

    # -- acting

    def toggle(self, keys: Sequence[Key]) -> None:
        """Switch models off, or on when all of them are off. Other names follow their model."""
        off = frozenset(self._settings().off)
        names = [key.name for key in keys if not key.is_alias]
        if not names:
            if keys:
                self.desk.say(self.tr("Another name is offered as long as its model is."))
            return
        on = all(name in off for name in names)
        changed = [name for name in names if (name in off) == on]
        if on:
            text = self.tr("%n model(s) switched on.", "", len(changed))
        else:
            text = self.tr("%n model(s) switched off: no longer listed.", "", len(changed))
        self._do(
            text,
            lambda settings: models.switched(settings, changed, on=on),
            lambda settings: models.switched(settings, changed, on=not on),
        )

    def add_alias(self, alias: str) -> None:
        """Give the selected model another name."""
        chosen = [row for row in self.selected() if row.model is not None]
        if len(chosen) != 1 or chosen[0].model is None:
            return
        fault = models.alias_fault(self._settings(), alias)
        if fault:
            self.details.show_fault(fault)
            return
        name = chosen[0].model.name
        self.details.field.setText("")
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        text = self.tr("%1 stands for %2 from now on.").replace("%1", alias).replace("%2", name)
        self._do(
            text,
            lambda settings: models.with_alias(settings, alias, name),
            lambda settings: models.without_aliases(settings, [alias]),
        )

    def remove_aliases(self, aliases: Sequence[str]) -> None:
        """Forget other names."""
        before = self._settings()
        stood = {
            alias: (name, models.alias_place(before, alias))
            for alias, name in before.renamed().items()
            if alias in aliases
        }
        if not stood:
            return

        def back(settings: ModelsSettings) -> Changes:
            made: Changes = {}
            for alias, (name, place) in stood.items():
                made = models.with_alias(settings, alias, name, place)
                settings = settings.model_copy(update={"aliases": made[models.ALIASES]})
            return made

        text = self.tr("%n other name(s) removed.", "", len(stood))
        self._do(text, lambda settings: models.without_aliases(settings, list(stood)), back)

    def remove_selected_aliases(self) -> None:
        """Forget the selected other names; models themselves are switched off instead."""
        keys = self.selected_keys()
        aliases = [key.name for key in keys if key.is_alias]
        if aliases:
            self.remove_aliases(aliases)
        elif keys:
            self.desk.say(self.tr("A model cannot be removed. Switch it off, and nobody is offered it."))

    def _begin_alias(self) -> None:
        if self.details.field.isVisible():
            self.details.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def step(self, step: int) -> None:
        """Move the selected lines up (-1) or down (1)."""
        chosen = [key.name for key in self.selected_keys()]
        self._reorder(lambda names: stepped(names, chosen, step))

    def _dropped(self, keys: Sequence[Key], before: int) -> None:
        chosen = [key.name for key in keys]
        shown = self._all_rows()
        target = shown[before].name if before < len(shown) else ""

        def order(names: Sequence[str]) -> list[str]:
            return put_before(names, chosen, names.index(target) if target in names else len(names))

        self._reorder(order)

    def _reorder(self, order: Callable[[Sequence[str]], list[str]]) -> None:
        def make(settings: ModelsSettings) -> Changes:
            return models.ordered(settings, order([row.name for row in models.rows_of(settings)]))

        before = models.present(self._settings(), [models.ORDER])
        self._do(self.tr("Listed in another order."), make, lambda _: before)

    def reset_selected(self) -> None:
        """Put the selected models back: offered, without other names, in their usual place."""
        names = {row.model.name for row in self.selected() if row.model is not None}
        if names:
            self._reset(lambda settings: models.as_it_comes(settings, names))
        else:
            self.desk.say(self.tr("Select a model first."))

    def reset_all(self) -> None:
        """Put everything back."""
        self._reset(lambda _: dict.fromkeys((models.OFF, models.ALIASES, models.ORDER), ()))

    def _reset(self, make: Make) -> None:
        before = models.present(self._settings())
        self._do(self.tr("Models are as they come."), make, lambda _: before)

    def _do(self, text: str, make: Make, unmake: Make) -> None:
        if self._fixed():
            fixed = self.tr("The models are set by %1, which comes before the file.")
            self.desk.say(fixed.replace("%1", self._fixed()), "error")
            return
        self.desk.work.start(self._change(text, make, unmake))

    async def _change(self, text: str, make: Make, unmake: Make) -> None:
        async with self._changing:
            changes = make(self._settings())
            if changes == models.present(self._settings(), changes):
                return
            await self.desk.host.change(changes)

        async def back() -> None:
            async with self._changing:
                await self.desk.host.change(unmake(self._settings()))
            self.refresh()

        self.refresh()
        self.desk.did(text, back)


class ModelsTable(OrderedTable):
    """A click on the first column, Space, or the button beside it switches a model."""

    toggled = Signal(object)
    """The keys of the lines to switch."""

    def __init__(self, rows: Models, name: str, look: Look) -> None:
        super().__init__(rows, name, _WIDTHS, stretch=models.NAME, look=look)
        self._down: Key | None = None

    def _tick_at(self, point: QPoint) -> Key | None:
        index = self.indexAt(point)
        if not index.isValid() or index.column() != models.OFFERED:
            return None
        key = self._rows.keys()[index.row()]
        return key if isinstance(key, Key) else None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        plain = event.button() is Qt.MouseButton.LeftButton and not event.modifiers()
        self._down = self._tick_at(event.position().toPoint()) if plain else None
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        down, self._down = self._down, None
        moved = self.dragging
        super().mouseReleaseEvent(event)
        if down is not None and not moved and self._tick_at(event.position().toPoint()) == down:
            self.toggled.emit([down])

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # The second click of two on a tick is a click on it, too.
        if self._tick_at(event.position().toPoint()) is None:
            super().mouseDoubleClickEvent(event)
        else:
            self.mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.modifiers():
            self.toggled.emit(self.selected_keys())
        else:
            super().keyPressEvent(event)


class AliasLine(QWidget):
    """Another name, and the button that removes it."""

    def __init__(self, alias: str, look: Look) -> None:
        super().__init__()
        text = Elided()
        text.setText(alias)
        said = self.tr("Remove the other name %1").replace("%1", alias)
        self.remove = button("", look=look, icon="remove", kind="plain", name=said)
        self.remove.setFixedWidth(32)
        self.remove.setProperty("alias", alias)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(text, 1)
        row.addWidget(self.remove)


class ModelDetails(QScrollArea):
    """One model in full, with its other names, or what can be done with several."""

    alias_added = Signal(str)
    alias_removed = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._row: ModelRow | None = None
        self.leads_to = ""
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._frame, layout = card()
        self.setWidget(self._frame)
        look = desk.look
        self._name = section("")
        self._hint = quiet(self.tr("Select a model to see where its answers go and who can serve it now."))
        self._about = quiet()
        self._shape = QLabel()
        self._state = Prose()
        self.link = button("", kind="plain")
        self.switch = button(self.tr("Switch off"))
        self.up = button(self.tr("Up"), look=look, icon="up", name=self.tr("List it earlier"))
        self.down = button(self.tr("Down"), look=look, icon="down", name=self.tr("List it later"))
        self.up.setToolTip(self.tr("List it earlier (Alt+Up)"))
        self.down.setToolTip(self.tr("List it later (Alt+Down)"))
        self._others = quiet(self.tr("Other names"))
        self._aliases = QVBoxLayout()
        self._aliases.setSpacing(2)
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("Such as gpt-4o"))
        self.field.setAccessibleName(self.tr("Another name for this model"))
        self.add = button(self.tr("Add"), name=self.tr("Add the other name"))
        self._fault = Prose()
        self._fault.setProperty("tone", "error")
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._state, 1)
        order = QHBoxLayout()
        order.setSpacing(6)
        order.addWidget(self.up, 1)
        order.addWidget(self.down, 1)
        acts = QVBoxLayout()
        acts.setSpacing(6)
        acts.addWidget(self.switch)
        acts.addLayout(order)
        entry = QHBoxLayout()
        entry.setSpacing(6)
        entry.addWidget(self.field, 1)
        entry.addWidget(self.add)
        layout.setSpacing(8)
        layout.addWidget(self._name)
        layout.addWidget(self._hint)
        layout.addLayout(state)
        layout.addWidget(self.link, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._about)
        layout.addLayout(acts)
        layout.addWidget(self._others)
        layout.addLayout(self._aliases)
        layout.addLayout(entry)
        layout.addWidget(self._fault)
        layout.addStretch(1)
        self.field.textChanged.connect(self._check)
        self.field.returnPressed.connect(self._add)
        self.add.clicked.connect(self._add)

    def be_wide(self, *, wide: bool) -> None:
        """Stand beside the table, or below it."""
        self.setMinimumWidth(_DETAILS_WIDTH if wide else 0)
        self.setMaximumWidth(_DETAILS_WIDTH + 60 if wide else _UNBOUND)
        self.setMinimumHeight(0 if wide else 96)

    def state(self) -> str:
        """Who can serve it, as it is said."""
        return self._state.text()

    def about(self) -> str:
        """What it is and where its answers go."""
        return self._about.text()

    def fault(self) -> str:
        """What is wrong with the name that is being typed."""
        return self._fault.text() if not self._fault.isHidden() else ""

    def alias_buttons(self) -> list[QPushButton]:
        """The buttons that remove other names, in their order."""
        return [one for one in self._frame.findChildren(QPushButton) if one.property("alias")]

    def show_rows(self, rows: list[ModelRow], *, fallback: bool, now: float, fixed: str) -> None:
        """Show these."""
        one = rows[0] if len(rows) == 1 else None
        own = [row for row in rows if not row.target]
        self._hint.setVisible(not rows)
        for act in (self.switch, self.up, self.down):
            act.setEnabled(not fixed)
        self.field.setEnabled(not fixed)
        self.switch.setVisible(bool(own))
        rename(self.switch, self.tr("Switch off") if any(row.is_on for row in own) else self.tr("Switch on"))
        for act in (self.up, self.down):
            act.setVisible(bool(rows))
        named = one is not None and one.model is not None
        for part in (self._others, self.field, self.add):
            part.setVisible(named)
        self._about.setVisible(one is not None)
        if one is None or self._row is None or one.key != self._row.key:
            self.field.setText("")
        if one is None:
            count = len(rows)
            self._name.setText(self.tr("%n name(s) selected", "", count) if count else self.tr("Details"))
            for gone in (self._shape, self._state, self.link, self._fault):
                gone.setVisible(False)
            self._show_aliases(())
        else:
            self._show(one, fallback=fallback, now=now)
        self._row = one
        self._check()

    def _show(self, row: ModelRow, *, fallback: bool, now: float) -> None:
        self._name.setText(breakable(row.name))
        model = row.model
        if model is None:
            text = self.tr("It stands for %1, and there is no model of that name.").replace("%1", row.target)
            self._say("warning", "warn", text, "")
            self._about.setText("")
            self._show_aliases(())
            return
        why, where = models.why_none(model, row.served, now)
        if not row.is_on:
            self._say("state-off", "text2", self.tr("Switched off: not listed, and asking for it fails."), "")
        elif why:
            self._say("state-owner", "error", why, where)
        elif row.served is not None:
            text = self.tr("%1 accounts can serve it now.").replace("%1", models.ready_words(row.served))
            if row.served.ready:
                self._say("state-ready", "ok", text, "")
            else:
                self._say("state-cooling", "warn", text, "accounts")
        else:
            self._say("state-busy", "text2", self.tr("Counting accounts…"), "")
        fact = self.tr("%1: %2")
        facts = [(self.tr("Name"), model.title)]
        if row.target:
            facts.insert(0, (self.tr("Stands for"), row.target))
        facts += [(self.tr("Makes"), models.makes(model)), (self.tr("Account"), models.needs(model))]
        lines = [fact.replace("%1", name).replace("%2", value) for name, value in facts]
        self._about.setText(
            "\n".join([*lines, models.route_of(model, fallback=fallback), models.prefers(model)])
        )
        self._show_aliases(row.aliases if not row.target else (row.name,))

    def _say(self, picture: str, token: str, text: str, leads_to: str) -> None:
        dress_label(self._shape, picture, self._desk.look, token, 16)
        self._state.setText(text)
        self._shape.setVisible(True)
        self._state.setVisible(True)
        self.leads_to = leads_to
        rename(self.link, self.tr("Show accounts"))
        self.link.setVisible(bool(leads_to))

    def _show_aliases(self, aliases: tuple[str, ...]) -> None:
        if aliases == tuple(str(one.property("alias")) for one in self.alias_buttons()):
            return
        had_keyboard = any(one.hasFocus() for one in self.alias_buttons())
        for line in self._frame.findChildren(AliasLine):
            self._aliases.removeWidget(line)
            line.setParent(None)
            line.deleteLater()
        before: QWidget = self.down
        for alias in aliases:
            line = AliasLine(alias, self._desk.look)
            line.remove.clicked.connect(lambda _=False, alias=alias: self.alias_removed.emit(alias))
            self._aliases.addWidget(line)
            QWidget.setTabOrder(before, line.remove)
            before = line.remove
        QWidget.setTabOrder(before, self.field)
        if had_keyboard:
            # Not the field, where Ctrl+Z would be about what was typed there.
            (self.alias_buttons() or [self.down])[0].setFocus()

    def show_fault(self, text: str) -> None:
        """Say what is wrong with the name."""
        self._fault.setText(text)
        self._fault.setVisible(bool(text))

    def _check(self) -> None:
        text = self.field.text().strip()
        fault = models.alias_fault(self._desk.host.live.now.models, text) if text else ""
        self.show_fault(fault if self.field.isVisibleTo(self) else "")
        self.add.setEnabled(bool(text) and not fault and self.field.isEnabled())

    def _add(self) -> None:
        text = self.field.text().strip()
        if text:
            self.alias_added.emit(text)
