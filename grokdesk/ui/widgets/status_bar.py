"""The bar above every pane: where the gateway stands, and what one does with it most."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from grokdesk.core.notices import GatewayPhase, GatewayState
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress, dress_label
from grokdesk.ui.theme import MARGIN, scaled
from grokdesk.ui.widgets.parts import Elided, button, rename


class StatusBar(QWidget):
    """Shape and words, the address, and buttons."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.setProperty("kind", "bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._shape = QLabel()
        self._words = QLabel()
        self._words.setFont(scaled(self.font(), 1.0, strong=True))
        self._address = Elided()
        self._address.setProperty("tone", "quiet")
        look = desk.look
        self.copy_address = button(self.tr("Copy address"), look=look, icon="copy")
        self.copy_key = button(self.tr("Copy key"), look=look, icon="key")
        self.toggle = button("", look=look, icon="play")
        self.copy_address.setToolTip("Ctrl+Shift+C")
        self.copy_key.setToolTip("Ctrl+Shift+K")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(MARGIN, 10, MARGIN, 10)
        layout.setSpacing(8)
        layout.addWidget(self._shape)
        layout.addWidget(self._words)
        layout.addWidget(self._address, 1)
        layout.addWidget(self.copy_address)
        layout.addWidget(self.copy_key)
        layout.addWidget(self.toggle)
        self.copy_address.clicked.connect(desk.copy_address)
        self.copy_key.clicked.connect(desk.copy_key)
        self.toggle.clicked.connect(desk.toggle_gateway)
        desk.bridge.gateway.connect(self.show_gateway)
        desk.bridge.keys.connect(lambda: self.copy_key.setEnabled(desk.key() is not None))
        self.show_gateway(desk.gateway)

    def words(self) -> str:
        """What it says."""
        return self._words.text()

    def show_gateway(self, state: GatewayState) -> None:
        """Say where the gateway stands."""
        running = state.phase is GatewayPhase.RUNNING
        icon, token, words = gateway_words(state.phase)
        dress_label(self._shape, icon, self._desk.look, token, 16)
        self._words.setText(words)
        self._address.setText(state.base_url if running else "")
        self.copy_address.setEnabled(running)
        self.copy_key.setEnabled(self._desk.key() is not None)
        can_stop = state.phase in {GatewayPhase.RUNNING, GatewayPhase.STOPPING}
        rename(self.toggle, self.tr("Stop") if can_stop else self.tr("Start"))
        dress(self.toggle, "stop" if can_stop else "play", self._desk.look)
        self.toggle.setEnabled(state.phase not in {GatewayPhase.STARTING, GatewayPhase.STOPPING})


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
