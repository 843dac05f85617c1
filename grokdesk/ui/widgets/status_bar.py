"""The bar above every pane: where the gateway stands, and what one does with it most."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from grokdesk.core.notices import GatewayPhase, GatewayState
from grokdesk.ui.actions import tool_tip
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress, dress_label
from grokdesk.ui.theme import MARGIN, scaled
from grokdesk.ui.widgets.message_list import MessageList
from grokdesk.ui.widgets.parts import Elided, button, rename

_SPACING: Final = 8
_ADDRESS_WIDTH: Final = 190


class StatusBar(QWidget):
    """Shape and words, the address, and buttons. Where there is little room the copy buttons show icons."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._messages: MessageList | None = None
        self._compact = False
        self.setProperty("kind", "bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Gateway"))
        # A pane that is too tall for the window scrolls; the bar keeps its height.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._shape = QLabel()
        self._words = QLabel()
        self._words.setFont(scaled(self.font(), 1.0, strong=True))
        self._address = Elided()
        self._address.setProperty("tone", "quiet")
        look = desk.look
        self.copy_address = button(self.tr("Copy address"), look=look, icon="copy")
        self.copy_key = button(self.tr("Copy key"), look=look, icon="key")
        self.detach = button("", look=look, icon="detach", name=self.tr("Open in a window of its own"))
        self.bell = button("", look=look, icon="bell", name=self.tr("Messages"))
        self.toggle = button("", look=look, icon="play")
        self._named = [(self.copy_address, "copy address"), (self.copy_key, "copy key")]
        self._texts = {one: one.text() for one, _ in self._named}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 10, MARGIN, 10)
        layout.setSpacing(_SPACING)
        layout.addWidget(self._shape)
        layout.addWidget(self._words)
        layout.addWidget(self._address, 1)
        self._row: list[QPushButton] = [
            self.copy_address,
            self.copy_key,
            self.toggle,
            self.detach,
            self.bell,
        ]
        for one in self._row:
            layout.addWidget(one)
        self.copy_address.clicked.connect(desk.copy_address)
        self.copy_key.clicked.connect(desk.copy_key)
        self.toggle.clicked.connect(desk.toggle_gateway)
        self.bell.clicked.connect(self.toggle_messages)
        desk.bridge.gateway.connect(self.show_gateway)
        desk.bridge.keys.connect(self._show_key)
        desk.messages.changed.connect(self._show_bell)
        desk.actions.changed.connect(self._tell_keys)
        self.show_gateway(desk.gateway)
        self._tell_keys()
        self._show_bell()

    def words(self) -> str:
        """What it says."""
        return self._words.text()

    @property
    def messages(self) -> MessageList | None:
        """The list behind the bell, while it is open."""
        return self._messages

    def toggle_messages(self) -> None:
        """Show what was said in passing, or put the list away."""
        if self._messages is not None:
            self._messages.dismiss()
            return
        self._messages = MessageList(self._desk, self.window(), self.bell)
        self._messages.closed.connect(self._messages_closed)
        self._messages.open()

    def show_gateway(self, state: GatewayState) -> None:
        """Say where the gateway stands."""
        running = state.phase is GatewayPhase.RUNNING
        icon, token, words = gateway_words(state.phase)
        dress_label(self._shape, icon, self._desk.look, token, 16)
        self._words.setText(words)
        self._address.setText(state.base_url if running else "")
        self.copy_address.setEnabled(running)
        self._show_key()
        can_stop = state.phase in {GatewayPhase.RUNNING, GatewayPhase.STOPPING}
        rename(self.toggle, self.tr("Stop") if can_stop else self.tr("Start"))
        dress(self.toggle, "stop" if can_stop else "play", self._desk.look)
        self.toggle.setEnabled(state.phase not in {GatewayPhase.STARTING, GatewayPhase.STOPPING})
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave the copy buttons their words only where there is room for them."""
        metrics = self.fontMetrics()
        wanted = 2 * MARGIN + self._shape.sizeHint().width() + self._words.sizeHint().width()
        wanted += min(_ADDRESS_WIDTH, metrics.horizontalAdvance(self._address.text()))
        wanted += sum(one.sizeHint().width() + _SPACING for one in self._row) + 2 * _SPACING
        if self._compact:
            wanted += sum(metrics.horizontalAdvance(text) + 4 for text in self._texts.values())
        compact = wanted > self.width()
        if compact != self._compact:
            self._compact = compact
            for one, text in self._texts.items():
                one.setText("" if compact else text)

    def _show_key(self) -> None:
        self.copy_key.setEnabled(self._desk.key() is not None)

    def _show_bell(self) -> None:
        unread = self._desk.messages.unread_errors
        name = self.tr("Messages, %n unread failure(s)", "", unread) if unread else self.tr("Messages")
        dress(self.bell, "bell-dot" if unread else "bell", self._desk.look, "error" if unread else "text")
        self.bell.setAccessibleName(name)
        self.bell.setToolTip(name)

    def _tell_keys(self) -> None:
        shown = self._desk.actions.shown_keys
        for one, key in self._named:
            one.setToolTip(tool_tip(self._texts[one], shown(key)))
        self.detach.setToolTip(tool_tip(self.detach.accessibleName(), shown("detach")))

    def _messages_closed(self) -> None:
        self._messages = None


def gateway_words(phase: GatewayPhase) -> tuple[str, str, str]:
    """Shape, colour and words of a phase."""
    return {
        GatewayPhase.RUNNING: ("state-ready", "ok", _tr("Gateway running")),
        GatewayPhase.STARTING: ("state-cooling", "text2", _tr("Starting…")),
        GatewayPhase.STOPPING: ("state-cooling", "text2", _tr("Stopping…")),
        GatewayPhase.STOPPED: ("state-off", "text2", _tr("Gateway stopped")),
        GatewayPhase.FAILED: ("state-failed", "error", _tr("Gateway failed")),
    }[phase]


def _tr(text: str) -> str:
    return QCoreApplication.translate("StatusBar", text)
