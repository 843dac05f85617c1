"""The keys: who has one, when it was used, making another, revoking one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from grokdesk.core.ports import ClientKey
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import button, buttons_row, quiet, title
from grokdesk.ui.widgets.table import Table

_SIZE: Final = (620, 440)
_SMALLEST: Final = (480, 360)
_WIDTHS: Final = (160, 90, 120, 120)
_LONGEST: Final = 60


class KeyRows(Rows[ClientKey]):
    """The valid keys."""

    def __init__(
        self, now: Callable[[], float], last_use: Callable[[ClientKey], float | None], parent: QObject
    ) -> None:
        tr = self.tr
        super().__init__(
            (
                Column(tr("Name"), lambda key: key.name, lambda key: key.name.casefold()),
                Column(tr("Key"), lambda key: f"gd-…{key.value.tail}", lambda key: key.value.tail),
                Column(
                    tr("Made"),
                    lambda key: words.at(key.created_at, now()),
                    lambda key: key.created_at,
                    tip=lambda key: words.exact(key.created_at),
                ),
                Column(
                    tr("Last used"),
                    lambda key: words.ago(last_use(key), now()),
                    lambda key: last_use(key) or 0.0,
                ),
            ),
            key=lambda key: key.id,
            parent=parent,
        )


class KeysDialog(QDialog):
    """A list with three acts."""

    def __init__(self, parent: QWidget | None, desk: Desk) -> None:
        super().__init__(parent)
        self._desk = desk
        self.setWindowTitle(self.tr("Keys"))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(*_SIZE)
        self.setMinimumSize(*_SMALLEST)
        self.rows = KeyRows(desk.host.clock.now, self._last_use, self)
        self.table = Table(self.rows, self.tr("Keys"), _WIDTHS, stretch=0)
        self.name = QLineEdit()
        self.name.setMaxLength(_LONGEST)
        self.name.setPlaceholderText(self.tr("Name of the new key, such as “Laptop”"))
        self.name.setAccessibleName(self.tr("Name of the new key"))
        self.make = button(self.tr("Make a key"), look=desk.look, icon="plus")
        self.copy = button(
            self.tr("Copy"), look=desk.look, icon="copy", name=self.tr("Copy the selected key")
        )
        self.revoke = button(
            self.tr("Revoke…"), look=desk.look, icon="remove", name=self.tr("Revoke the selected key")
        )
        self.shut = button(self.tr("Close"), kind="primary")
        making = QHBoxLayout()
        making.setSpacing(8)
        making.addWidget(self.name, 1)
        making.addWidget(self.make)
        acts = QHBoxLayout()
        acts.setSpacing(8)
        acts.addWidget(self.copy)
        acts.addWidget(self.revoke)
        acts.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN - 4)
        column.setSpacing(GAP)
        column.addWidget(title(self.tr("Keys"), 1.3))
        column.addWidget(
            quiet(
                self.tr(
                    "Give each app its own key: then you can revoke one without the others, and see "
                    "which app asks."
                )
            )
        )
        column.addWidget(self.table, 1)
        column.addLayout(acts)
        column.addLayout(making)
        column.addLayout(buttons_row(self.shut))
        self.make.clicked.connect(self.make_key)
        self.name.returnPressed.connect(self.make_key)
        self.copy.clicked.connect(self.copy_key)
        self.revoke.clicked.connect(lambda: desk.work.start(self._ask(), exclusive="revoke"))
        self.shut.clicked.connect(self.accept)
        self.table.selectionModel().selectionChanged.connect(self._show_acts)
        desk.bridge.keys.connect(self.refresh)
        self.refresh()
        self.table.setFocus()

    def refresh(self) -> None:
        """Show the keys as they are."""
        chosen = self.table.selected_keys()
        self.rows.fill(self._desk.host.keys.all())
        self.table.select(chosen or self.rows.keys()[:1])
        self._show_acts()

    def selected(self) -> ClientKey | None:
        """The chosen key."""
        chosen = self.table.selected_keys()
        return self.rows.find(chosen[0]) if len(chosen) == 1 else None

    def make_key(self) -> None:
        """Make a key with the name that was typed."""
        name = self.name.text().strip()
        if name:
            self._desk.work.start(self._make(name), exclusive="key")
        else:
            self.name.setFocus()

    def copy_key(self) -> None:
        """Put the chosen key into the clipboard for a minute."""
        key = self.selected()
        if key is not None:
            self._desk.copy_secret(
                key.value.reveal(), self.tr("Key copied. The clipboard is cleared in 60 s.")
            )

    async def _make(self, name: str) -> None:
        key = await self._desk.host.keys.make(name)
        self.name.clear()
        self.refresh()
        self.table.select([key.id])
        self._desk.say(self.tr("The key “%1” is made.").replace("%1", name), "ok")

    async def _ask(self) -> None:
        key = self.selected()
        if key is None:
            return
        said = await dialogs.ask(
            self,
            dialogs.Question(
                self.tr("Revoke the key “%1”?").replace("%1", key.name),
                self.tr("Apps that use it are refused at once. This cannot be undone."),
                self.tr("Revoke"),
                self.tr("Keep"),
                risky=True,
            ),
        )
        if said is dialogs.Answer.YES:
            await self._desk.host.keys.revoke(key.id)
            self._desk.say(self.tr("The key “%1” no longer works.").replace("%1", key.name))

    def _show_acts(self, *_: object) -> None:
        key = self.selected()
        self.copy.setEnabled(key is not None and bool(key.value))
        self.revoke.setEnabled(key is not None)

    def _last_use(self, key: ClientKey) -> float | None:
        host = self._desk.host
        seen = host.visits.last_use(key.id)
        logged = max((run.at for run in host.runs.recent() if run.client == key.name), default=None)
        return max((moment for moment in (seen, logged) if moment is not None), default=None)
