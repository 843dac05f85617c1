"""The programs as a list: found or not, and how each fares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractListModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from grokdesk.core.visits import Light
from grokdesk.ui.icons import icon
from grokdesk.ui.theme import Look

SECOND: Final = int(Qt.ItemDataRole.UserRole) + 1

LIGHTS: Final = {
    Light.GREY: ("state-off", "text2"),
    Light.GREEN: ("state-ready", "ok"),
    Light.RED: ("state-failed", "error"),
}


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A line: `second` is said below the name, `searched` is where a search looks."""

    id: str
    name: str
    kind: str
    second: str
    light: Light
    searched: str = ""


def light_words(light: Light) -> str:
    """What a light means."""
    return {
        Light.GREY: QCoreApplication.translate("Clients", "No request yet"),
        Light.GREEN: QCoreApplication.translate("Clients", "Works"),
        Light.RED: QCoreApplication.translate("Clients", "Last request failed"),
    }[light]


class ClientList(QAbstractListModel):
    """The rows that fit a search and a kind."""

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._all: tuple[ClientRow, ...] = ()
        self._shown: list[ClientRow] = []
        self._words: list[str] = []
        self._kind = ""

    def fill(self, rows: Sequence[ClientRow]) -> None:
        """Show these; the same programs in the same order change in place."""
        before = [row.id for row in self._shown]
        self._all = tuple(rows)
        shown = self._fitting()
        if [row.id for row in shown] == before:
            changed = [place for place, row in enumerate(shown) if row != self._shown[place]]
            self._shown = shown
            for place in changed:
                index = self.index(place)
                self.dataChanged.emit(index, index)
            return
        self._reset(shown)

    def narrow(self, search: str, kind: str) -> None:
        """Show only what has all these words, and is of this kind."""
        self._words, self._kind = search.casefold().split(), kind
        self._reset(self._fitting())

    def _reset(self, shown: list[ClientRow]) -> None:
        self.beginResetModel()
        self._shown = shown
        self.endResetModel()

    def _fitting(self) -> list[ClientRow]:
        return [
            row
            for row in self._all
            if (not self._kind or row.kind == self._kind)
            and all(word in f"{row.name} {row.second} {row.searched}".casefold() for word in self._words)
        ]

    def row(self, place: int) -> ClientRow:
        """The row at a place."""
        return self._shown[place]

    def place(self, key: str) -> int:
        """Where a program is shown; -1 when it is not."""
        return next((number for number, row in enumerate(self._shown) if row.id == key), -1)

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = 0) -> Any:  # noqa: ANN401 - Qt's variant
        if not index.isValid():
            return None
        row = self._shown[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.name
            case Qt.ItemDataRole.DecorationRole:
                name, token = LIGHTS[row.light]
                return icon(name, getattr(self._look.tokens, token))
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{row.name}, {row.second}, {light_words(row.light)}"
            case Qt.ItemDataRole.ToolTipRole:
                return f"{row.name}: {light_words(row.light)}"
        return row.second if role == SECOND else None
