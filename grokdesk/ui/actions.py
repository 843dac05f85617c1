"""Everything that can be called by keys or by name: one list for keys, palette and menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from grokdesk.core.settings import Settings

_NATIVE: Final = QKeySequence.SequenceFormat.NativeText
_PORTABLE: Final = QKeySequence.SequenceFormat.PortableText


class Group(StrEnum):
    """Where one looks for it."""

    PLACES = "places"
    HERE = "here"
    GATEWAY = "gateway"
    WINDOW = "window"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done from anywhere.

    `text` is asked anew after a change of language. `keys` are its combinations as they come, in Qt's
    portable spelling, the one that is shown first. `words` find it in the palette besides its text.
    """

    key: str
    group: Group
    text: Callable[[], str]
    run: Callable[[], object]
    keys: tuple[str, ...] = ()
    words: str = ""
    icon: str = ""


class Actions(QObject):
    """A `QAction` for each act, worn by every window. Keys are those of the settings, else as they come."""

    changed = Signal()
    """Acts, their words or their keys are others now."""

    def __init__(self) -> None:
        super().__init__()
        self._acts: dict[str, Act] = {}
        self._made: dict[str, QAction] = {}
        self._windows: list[QWidget] = []
        self._own: dict[str, str] = {}

    # -- asking

    def all(self) -> tuple[Act, ...]:
        """All acts, in the order in which they were offered."""
        return tuple(self._acts.values())

    def get(self, key: str) -> Act | None:
        """The act of this name."""
        return self._acts.get(key)

    def action(self, key: str) -> QAction:
        """The action of an act."""
        return self._made[key]

    def shown_keys(self, key: str) -> str:
        """The first combination as the system writes it; empty for none."""
        made = self._made.get(key)
        return made.shortcut().toString(_NATIVE) if made is not None else ""

    def own_keys(self) -> dict[str, str]:
        """What the owner has changed, by the name of the act."""
        return dict(self._own)

    def is_changed(self, key: str) -> bool:
        """Whether its keys are not as they come."""
        return key in self._own

    def holder(self, keys: str, besides: str = "") -> Act | None:
        """Who is called by this combination already."""
        wanted = QKeySequence(keys)
        if wanted.isEmpty():
            return None
        return next(
            (act for act in self.all() if act.key != besides and wanted in self._made[act.key].shortcuts()),
            None,
        )

    def changed_by(self, key: str, keys: str | None) -> tuple[str, ...]:
        """Return what the settings would say with these keys for an act; None means as they come.

        Whoever had the combination loses it.
        """
        own = dict(self._own)
        act = self._acts[key]
        holder = self.holder(keys, key) if keys is not None else None
        if holder is not None:
            own[holder.key] = ""
        if keys is None or QKeySequence(keys) == QKeySequence(act.keys[0] if act.keys else ""):
            own.pop(key, None)
        else:
            own[key] = keys
        return tuple(f"{name} = {keys}".rstrip() for name, keys in own.items())

    # -- changing

    def offer(self, acts: Iterable[Act]) -> None:
        """Have these acts; one of a known name takes its place."""
        for act in acts:
            self._acts[act.key] = act
            made = self._made.get(act.key)
            if made is None:
                made = self._made[act.key] = QAction(self)
                # On macOS Qt would move actions by what their texts look like.
                made.setMenuRole(QAction.MenuRole.NoRole)
                made.setAutoRepeat(False)
                made.triggered.connect(lambda _=False, key=act.key: self._acts[key].run())
                for window in self._windows:
                    window.addAction(made)
            made.setText(act.text())
        self._give_keys()
        self.changed.emit()

    def retell(self) -> None:
        """Say everything in the language of now."""
        for key, act in self._acts.items():
            self._made[key].setText(act.text())
        self.changed.emit()

    def wear(self, window: QWidget) -> None:
        """Let a window hear the keys while it is the one in use."""
        self._windows.append(window)
        window.addActions(list(self._made.values()))
        window.destroyed.connect(lambda: self._windows.remove(window))

    def follow(self, settings: Settings) -> None:
        """Have the keys that the settings say."""
        own = settings.keys.by_name()
        if own != self._own:
            self._own = own
            self._give_keys()
            self.changed.emit()

    def _give_keys(self) -> None:
        """What the owner chose comes first; nobody else is called by the same combination."""
        taken: set[str] = set()
        for chosen in (True, False):
            for key, act in self._acts.items():
                if (key in self._own) is not chosen:
                    continue
                keys = [
                    one
                    for text in ((self._own[key],) if chosen else act.keys)
                    if not (one := QKeySequence(text)).isEmpty() and one.toString(_PORTABLE) not in taken
                ]
                taken.update(one.toString(_PORTABLE) for one in keys)
                self._made[key].setShortcuts(keys)


def group_title(group: Group) -> str:
    """The heading of a group."""
    return {
        Group.PLACES: _tr("Places"),
        Group.HERE: _tr("In what is shown"),
        Group.GATEWAY: _tr("Gateway"),
        Group.WINDOW: _tr("Windows"),
        Group.PROGRAM: _tr("Program"),
    }[group]


def tool_tip(text: str, keys: str) -> str:
    """A name with its keys behind it, for the tooltip of a button."""
    return _tr("%1 (%2)").replace("%1", text).replace("%2", keys) if keys else text


def _tr(text: str) -> str:
    return QCoreApplication.translate("Actions", text)
