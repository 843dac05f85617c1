"""Names by which the gateway may be reached besides its own: containers, tunnels, web pages."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from grokdesk.ui.connections import Connections
from grokdesk.ui.languages import told
from grokdesk.ui.theme import GAP, code_font
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.parts import Prose, breakable, button, card, quiet, section, set_tone

DOCKER: Final = "host.docker.internal"
_HOSTS: Final = "gateway.allowed_hosts"
_ORIGINS: Final = "gateway.allowed_origins"


class HostsCard(QWidget):
    """Explains 403, and puts names on the list."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections
        self._desk = connections.desk
        self._host = self._origin = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(GAP)
        column.addWidget(self._build_why())
        column.addWidget(self._build_names())
        column.addStretch(1)

    def _build_why(self) -> QWidget:
        frame, layout = card()
        layout.addWidget(section(self.tr("Containers and other names")))
        layout.addWidget(
            quiet(
                self.tr(
                    "GrokDesk answers only under names of this computer that you know of, because "
                    "any web page could make "
                    "a name point here. Under another name a program hears 403."
                )
            )
        )
        for text in (
            self.tr(
                "Docker Desktop: in the container, use %1 as the address, and allow its name below."
            ).replace("%1", breakable(self._in_docker())),
            self.tr("Docker on Linux: start the container with --network=host; nothing else changes."),
            self.tr(
                "WSL: with mirrored networking 127.0.0.1 works. Without it, the address of this "
                "computer is another one "
                "there; other devices have to be allowed to connect (Settings → Gateway)."
            ),
            self.tr("Web pages that call the gateway from the browser need their origin on the second list."),
        ):
            layout.addWidget(quiet(f"•  {text}"))
        return frame

    def _build_names(self) -> QWidget:
        look = self._desk.look
        frame, layout = card()
        self.refused = Prose()
        set_tone(self.refused, "error")
        self.allow = button("", look=look, icon="plus")
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.refused, 1)
        line.addWidget(self.allow)
        layout.addLayout(line)
        layout.addWidget(section(self.tr("Allowed host names")))
        self.names = QLabel()
        self.names.setFont(code_font())
        self.names.setWordWrap(True)
        self.names.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.names.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout.addWidget(self.names)
        self.name = QLineEdit()
        self.name.setPlaceholderText(DOCKER)
        self.name.setAccessibleName(self.tr("Host name to allow"))
        self.add = button(self.tr("Allow"), look=look, icon="plus", name=self.tr("Allow this host name"))
        self.docker = button(self.tr("Allow %1").replace("%1", DOCKER))
        self.settings = button(self.tr("Change the lists…"), look=look, icon="settings")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.name, 1)
        row.addWidget(self.add)
        layout.addLayout(row)
        more = Flow(gap=8, line_gap=8)
        more.addWidget(self.docker)
        more.addWidget(self.settings)
        layout.addLayout(more)
        self.allow.clicked.connect(self._allow_refused)
        self.add.clicked.connect(self._add)
        self.name.returnPressed.connect(self._add)
        self.docker.clicked.connect(lambda: self._put(_HOSTS, DOCKER))
        self.settings.clicked.connect(lambda: self._desk.pane_wanted.emit(f"settings:{_HOSTS}"))
        return frame

    def refresh(self) -> None:
        """Show the lists, and who was refused."""
        gateway = self._desk.host.live.now.gateway
        allowed = [*gateway.allowed_hosts, *gateway.allowed_origins]
        self.names.setText(breakable("\n".join(allowed)) or self.tr("None besides localhost and 127.0.0.1"))
        self.docker.setVisible(DOCKER not in gateway.allowed_hosts)
        refused = [one for one in self._desk.host.visits.all() if one.host or one.origin]
        last = refused[-1] if refused else None
        self._host = self._origin = ""
        if last is not None:
            if "host name" in last.message:
                self._host = last.host.rpartition(":")[0] or last.host
            else:
                self._origin = last.origin
        name = self._host or self._origin
        shown = bool(name) and name not in allowed
        self.refused.setVisible(shown)
        self.allow.setVisible(shown)
        if shown and last is not None:
            self.refused.setText(
                self.tr("%1 was refused: %2")
                .replace("%1", last.agent.partition(" ")[0] or self.tr("A program"))
                .replace("%2", told(last.message))
            )
            self.allow.setText(self.tr("Allow %1").replace("%1", name))
            self.allow.setAccessibleName(self.allow.text())

    def _in_docker(self) -> str:
        port = self._connections.address.base_url.rpartition(":")[2]
        return f"http://{DOCKER}:{port}"

    def _allow_refused(self) -> None:
        if self._host:
            self._put(_HOSTS, self._host)
        elif self._origin:
            self._put(_ORIGINS, self._origin)

    def _add(self) -> None:
        name = self.name.text().strip()
        if not name:
            self.name.setFocus()
            return
        self.name.clear()
        self._put(_HOSTS, name)

    def _put(self, setting: str, name: str) -> None:
        self._desk.work.start(self._allowed(setting, name), exclusive="allow host")

    async def _allowed(self, setting: str, name: str) -> None:
        gateway = self._desk.host.live.now.gateway
        # The button that was pressed goes away, and a field next to it would take Ctrl+Z for itself.
        self.settings.setFocus()
        before = gateway.allowed_hosts if setting == _HOSTS else gateway.allowed_origins

        async def back() -> None:
            await self._desk.host.change({setting: before})

        await self._desk.host.change({setting: tuple(dict.fromkeys((*before, name)))})
        self._desk.did(self.tr("%1 is allowed now.").replace("%1", name), back)
