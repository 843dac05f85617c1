"""Connect apps: the addresses, the keys, and for each program what it needs and how it fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from grokdesk.ui import dialogs, words
from grokdesk.ui.connections import Connections
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.theme import GAP, MARGIN, code_font
from grokdesk.ui.widgets.parts import Prose, button, card, hint, quiet, set_tone, title
from grokdesk.ui.windows.connect_browser import FORBIDDEN, HOSTS, ClientBrowser
from grokdesk.ui.windows.connect_card import ClientCard
from grokdesk.ui.windows.connect_keys import KeysDialog
from grokdesk.ui.windows.pane import Pane


class ConnectPane(Pane):
    """The addresses above; the programs on the left, the chosen one on the right."""

    key = "connect"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.connections = Connections(desk, self)
        self.browser = ClientBrowser(self.connections)
        self._build()
        self._connect()

    # -- building

    def _build(self) -> None:
        self.search = QLineEdit()
        hint(self.search, self.tr("Search apps"))
        self.search.setAccessibleName(self.tr("Search apps"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(200)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(title(self.tr("Connect apps")), 1)
        head.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN - 4, MARGIN, MARGIN)
        column.setSpacing(GAP)
        column.addLayout(head)
        column.addWidget(self._build_top())
        column.addWidget(self.browser, 1)

    def _build_top(self) -> QFrame:
        look = self.desk.look
        frame, layout = card()
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        self.openai, self.anthropic, self.key_text = QLabel(), QLabel(), QLabel()
        self.copy_openai = button(
            self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the address in OpenAI's format")
        )
        self.copy_anthropic = button(
            self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the address in Anthropic's format")
        )
        self.copy_key = button(self.tr("Copy"), look=look, icon="copy", name=self.tr("Copy the key"))
        self.keys = button(self.tr("Keys…"), look=look, icon="key")
        grid = QGridLayout()
        grid.setHorizontalSpacing(GAP)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for number, (name, value, copy) in enumerate(
            (
                (self.tr("Address, OpenAI format"), self.openai, self.copy_openai),
                (self.tr("Address, Anthropic format"), self.anthropic, self.copy_anthropic),
                (self.tr("API key"), self.key_text, self.copy_key),
            )
        ):
            label = quiet(name)
            label.setWordWrap(False)
            value.setFont(code_font())
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            value.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            grid.addWidget(label, number, 0)
            grid.addWidget(value, number, 1)
            grid.addWidget(copy, number, 2)
        grid.addWidget(self.keys, 2, 3)
        layout.addLayout(grid)
        self._shape = QLabel()
        self.closed = Prose()
        self.start = button(self.tr("Start"), look=look, icon="play", name=self.tr("Start the gateway"))
        self.why = button(self.tr("Why?"), look=look, icon="info", name=self.tr("Show why it was refused"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._shape)
        row.addWidget(self.closed, 1)
        row.addWidget(self.start)
        row.addWidget(self.why)
        layout.addLayout(row)
        dress_label(self._shape, "warning", look, "warn", 16)
        return frame

    def _connect(self) -> None:
        desk, seen = self.desk, self.connections
        self.copy_openai.clicked.connect(lambda: desk.copy(seen.address.base_url, self.tr("Address copied.")))
        self.copy_anthropic.clicked.connect(lambda: desk.copy(seen.address.root, self.tr("Address copied.")))
        self.copy_key.clicked.connect(desk.copy_key)
        self.keys.clicked.connect(lambda: desk.work.start(self._show_keys(), exclusive="keys"))
        self.start.clicked.connect(desk.toggle_gateway)
        self.why.clicked.connect(lambda: self.choose(HOSTS))
        self.search.textChanged.connect(self.browser.search)
        self.browser.empty.button.clicked.connect(self._clear)
        seen.changed.connect(self._show_top)

    # -- being seen

    def appeared(self) -> None:
        self.connections.watch()

    def vanished(self) -> None:
        self.connections.rest()

    # -- what panes do

    def search_field(self) -> QLineEdit:
        return self.search

    def regions(self) -> Sequence[QWidget]:
        shown = self.browser.card_in_sight
        return [one for one in (self.copy_openai, self.browser.list, shown) if one is not None]

    def renew(self) -> bool:
        self.connections.look()
        return True

    def begin(self) -> bool:
        """Ctrl+N: a new key."""
        self.keys.click()
        return True

    def open_at(self, where: str) -> None:
        self._clear()
        if where == "keys":
            self.keys.click()
        else:
            self.choose(where)

    def keepsake(self) -> Mapping[str, Any]:
        return {**self.browser.keepsake(), "search": self.search.text()}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        self.search.setText(str(kept.get("search", "")))
        self.browser.put_back(kept)

    def choose(self, key: str) -> bool:
        """Show a program by its id; returns whether there is one."""
        return self.browser.choose(key)

    def card(self, key: str) -> ClientCard:
        """The card of a program, in sight."""
        return self.browser.card(key)

    def _clear(self) -> None:
        self.search.clear()
        self.browser.clear()

    # -- showing

    def _show_top(self, *_: object) -> None:
        address = self.connections.address
        self.openai.setText(address.base_url)
        self.anthropic.setText(address.root)
        self.key_text.setText(self.desk.masked_key())
        self.copy_key.setEnabled(self.desk.key() is not None)
        refused = self.connections.refused()
        self.start.setVisible(not address.is_open)
        self.why.setVisible(address.is_open and refused is not None and refused.status == FORBIDDEN)
        if not address.is_open:
            self.closed.setText(self.tr("Apps cannot connect: the gateway is stopped."))
        elif refused is not None:
            self.closed.setText(
                self.tr("“%1” was refused %2: %3")
                .replace("%1", refused.agent.partition(" ")[0] or self.tr("A program"))
                .replace("%2", words.ago(refused.at, self.desk.host.clock.now()).lower())
                .replace("%3", told(refused.message, refused.hint))
            )
        set_tone(self.closed, "warn")
        for one in (self._shape, self.closed):
            one.setVisible(not address.is_open or refused is not None)

    async def _show_keys(self) -> None:
        await dialogs.answer(KeysDialog(self.window(), self.desk))
        self._show_top()
        self.browser.refresh()
