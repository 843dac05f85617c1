"""The programs beside the card of the chosen one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QScrollArea,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.client_setups import BY_ID, CLIENTS, Client, Kind
from grokdesk.core.visits import Light
from grokdesk.platform.client_files import SetupState
from grokdesk.ui import client_words
from grokdesk.ui.connections import Connections
from grokdesk.ui.models.clients import SECOND, ClientList, ClientRow
from grokdesk.ui.theme import GAP, Look, scaled
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.empty import StateView
from grokdesk.ui.windows.connect_card import ClientCard
from grokdesk.ui.windows.connect_hosts import HostsCard

HOSTS: Final = "hosts"
FORBIDDEN: Final = 403
_LIST_WIDTH: Final = 232
_LINE: Final = 46
_INSET: Final = 10
_ICON: Final = 16


class ClientBrowser(QWidget):
    """A list to choose from, narrowed by kind and by words, and the cards."""

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self.connections = connections
        self._look = connections.desk.look
        self._cards: dict[str, ClientCard | HostsCard] = {}
        self._chosen: dict[str, str] = {}
        self._search = ""
        self.shown = ""
        self.rows = ClientList(self._look, self)
        self._build()
        self.kind.currentIndexChanged.connect(self._narrow)
        self.list.selectionModel().currentChanged.connect(self._go_to)
        self._looked = False
        connections.found.connect(self._heard_found)
        connections.changed.connect(self.refresh)
        self._fill()
        self.choose(CLIENTS[0].id)

    def _build(self) -> None:
        self.kind = Choice(self.tr("Kind of app"), self._look)
        self.kind.addItem(self.tr("All kinds"), "")
        for kind in Kind:
            self.kind.addItem(client_words.kind(kind), kind.value)
        self.list = _List(self.rows, self.tr("Apps"), self._look)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.kind)
        left.addWidget(self.list, 1)
        self.cards = QStackedWidget()
        self.empty = StateView(self._look)
        self.cards.addWidget(self.empty)
        body = QHBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(GAP)
        body.addLayout(left)
        body.addWidget(self.cards, 1)

    # -- remembering

    def keepsake(self) -> dict[str, Any]:
        """What is to outlive the widgets."""
        return {"client": self.shown, "kind": self.kind.currentData(), "models": dict(self._chosen)}

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Take what `keepsake` returned."""
        self._chosen.update(kept.get("models", {}))
        for key, made in self._cards.items():
            if isinstance(made, ClientCard):
                made.put_model(self._chosen.get(key, ""))
        self.kind.setCurrentIndex(max(0, self.kind.findData(kept.get("kind", ""))))
        self.choose(str(kept.get("client", CLIENTS[0].id)))

    # -- the list

    def choose(self, key: str) -> bool:
        """Show a program by its id; returns whether there is one."""
        self._looked = bool(self.shown)
        if key != HOSTS and key not in BY_ID:
            return False
        if self.rows.place(key) < 0:
            self._search = ""
            self.clear()
            self._narrow()
        index = self.rows.index(self.rows.place(key))
        self.list.setCurrentIndex(index)
        self._show(key)
        return True

    def _go_to(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self._show(self.rows.row(current.row()).id)

    def _show(self, key: str) -> None:
        self.shown = key
        if key not in self._cards:
            made = HostsCard(self.connections) if key == HOSTS else self._made(BY_ID[key])
            self._cards[key] = made
            self.cards.addWidget(_scrolling(made))
        shown = self._cards[key]
        place = next(at for at in range(self.cards.count()) if _inside(self.cards.widget(at)) is shown)
        self.cards.setCurrentIndex(place)
        shown.refresh()

    def _made(self, client: Client) -> ClientCard:
        made = ClientCard(self.connections, client, lambda name: self._chosen.update({client.id: name}))
        made.put_model(self._chosen.get(client.id, ""))
        return made

    def card(self, key: str) -> ClientCard:
        """The card of a program, in sight."""
        self.choose(key)
        found = self._cards[key]
        assert isinstance(found, ClientCard)
        return found

    def search(self, words: str) -> None:
        """Show only what has all these words."""
        self._search = words
        self._narrow()

    def clear(self) -> None:
        """Show all kinds."""
        self.kind.setCurrentIndex(0)

    @property
    def card_in_sight(self) -> QWidget | None:
        """The card of what is chosen."""
        return self._cards.get(self.shown)

    def _narrow(self, *_: object) -> None:
        self.rows.narrow(self._search, str(self.kind.currentData() or ""))
        if self.rows.rowCount() == 0:
            self.empty.show_state(
                "search",
                self.tr("No app matches"),
                self.tr("Any other app works too: it needs the address, a key and a model."),
                self.tr("Clear filters"),
            )
            self.cards.setCurrentIndex(0)
            return
        place = max(0, self.rows.place(self.shown))
        self.list.setCurrentIndex(self.rows.index(place))
        self._show(self.rows.row(place).id)

    # -- showing

    def _heard_found(self) -> None:
        self.refresh()
        if not self._looked and self.shown == CLIENTS[0].id and self.rows.rowCount():
            # Nobody has chosen yet: begin with what is on this computer.
            self.choose(self.rows.row(0).id)
        self._looked = True

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._fill()
        shown = self._cards.get(self.shown)
        if shown is not None and self.rows.rowCount():
            shown.refresh()

    def _fill(self) -> None:
        rows = [self._row(client) for client in CLIENTS]
        known = {client.id: self.connections.of(client) for client in CLIENTS}
        # What is here comes first, otherwise as the documentation has it.
        rows.sort(
            key=lambda row: known[row.id].is_here is not True and known[row.id].state is SetupState.NONE
        )
        refused = self.connections.refused()
        rows.append(
            ClientRow(
                HOSTS,
                self.tr("Containers and other names"),
                "",
                self.tr("Docker, WSL, tunnels, 403"),
                Light.RED if refused is not None and refused.status == FORBIDDEN else Light.GREY,
                "docker wsl host 403 forbidden container tunnel origin",
            )
        )
        chosen = self.shown
        self.rows.fill(rows)
        if chosen and self.rows.place(chosen) >= 0:
            self.list.setCurrentIndex(self.rows.index(self.rows.place(chosen)))

    def _row(self, client: Client) -> ClientRow:
        found = self.connections.of(client)
        root = self.connections.address.root
        if found.state is SetupState.DONE and not any(root in str(one) for one in found.values.values()):
            second = self.tr("Set up, with another address")
        elif found.state is SetupState.DONE:
            second = self.tr("Set up")
        elif found.state is not SetupState.NONE:
            second = self.tr("Set up, then changed")
        elif found.is_here:
            second = self.tr("Found %1").replace("%1", found.version).strip()
        elif found.is_here is False:
            second = self.tr("Not found here")
        else:
            second = client_words.kind(client.kind)
        light = self.connections.sign(client).light
        searched = f"{client_words.kind(client.kind)} {client.id}"
        return ClientRow(client.id, client_words.name(client), client.kind.value, second, light, searched)


class _List(QListView):
    """The programs, each on two lines."""

    def __init__(self, rows: ClientList, name: str, look: Look) -> None:
        super().__init__()
        self.setModel(rows)
        self.setAccessibleName(name)
        self.setProperty("kind", "places")
        self.setFixedWidth(_LIST_WIDTH)
        self.setUniformItemSizes(True)
        self.setItemDelegate(_TwoLines(look, self))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        look.changed.connect(self.viewport().update)


class _TwoLines(QStyledItemDelegate):
    """A light, the name, and below it what is known."""

    def __init__(self, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self._look = look

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(_LIST_WIDTH - 8, max(_LINE, 2 * QFontMetrics(option.font).lineSpacing() + _INSET))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, self._look.color("selection"))
        room = QRect(option.rect).adjusted(_INSET, 4, -_INSET, -4)
        picture = index.data(Qt.ItemDataRole.DecorationRole)
        if picture is not None:
            picture.paint(painter, QRect(room.left(), room.center().y() - _ICON // 2, _ICON, _ICON))
        room.setLeft(room.left() + _ICON + 8)
        half = room.height() // 2
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for text, top, token, font in (
            (str(index.data()), room.top(), "text", option.font),
            (str(index.data(SECOND)), room.top() + half, "text2", scaled(option.font, 0.92)),
        ):
            painter.setFont(font)
            painter.setPen(self._look.color(token))
            line = QRect(room.left(), top, room.width(), half)
            shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, flags, shown)
        painter.restore()


def _scrolling(inner: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    area.viewport().setAutoFillBackground(False)
    inner.setAutoFillBackground(False)
    return area


def _inside(shown: QWidget | None) -> QWidget | None:
    return shown.widget() if isinstance(shown, QScrollArea) else None
