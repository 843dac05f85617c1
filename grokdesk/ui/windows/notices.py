"""What lasts and has to be known: from the state of the program to the one banner."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from grokdesk.core.notices import GatewayPhase, Trouble
from grokdesk.ui.desk import Desk
from grokdesk.ui.languages import told
from grokdesk.ui.widgets.banner import Notice, Weight

_Acts = tuple[tuple[str, Callable[[], None]], ...]


class Notices(QObject):
    """Everything lasting that the owner should know, as of now. `changed` tells when to look again."""

    changed = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._tray_missing = False
        self._troubles: dict[str, Trouble] = {}
        desk.bridge.gateway.connect(self._changed)
        desk.bridge.accounts.connect(self._changed)
        desk.bridge.troubles.connect(self._heard)
        desk.bridge.updates.connect(self._changed)

    def set_tray_hint(self, *, missing: bool) -> None:
        """Whether this desktop shows no tray icon."""
        self._tray_missing = missing
        self.changed.emit()

    def all(self) -> list[Notice]:
        """What there is to know, in no order."""
        found: list[Notice] = [*self._gateway(), *map(self._trouble, self._troubles.values())]
        found += [*self._accounts(), *self._notes(), *self._update()]
        if self._tray_missing:
            found.append(
                Notice(
                    "tray",
                    Weight.INFO,
                    self.tr("This desktop shows no tray icon, so closing this window asks what to do."),
                )
            )
        return found

    def _gateway(self) -> list[Notice]:
        desk, state = self._desk, self._desk.gateway
        if state.phase is not GatewayPhase.FAILED:
            return []
        acts: list[tuple[str, Callable[[], None]]] = []
        if state.free_port and not desk.port_from_outside:
            port = state.free_port
            acts.append((self.tr("Use %1").replace("%1", str(port)), lambda: desk.use_port(port)))
            choose = lambda: desk.pane_wanted.emit("settings:gateway.port")  # noqa: E731 - one of two alike
            acts.append((self.tr("Choose a port…"), choose))
        else:
            acts.append((self.tr("Try again"), desk.toggle_gateway))
        return [Notice("gateway", Weight.ERROR, desk.gateway_trouble(), tuple(acts))]

    def _trouble(self, trouble: Trouble) -> Notice:
        wanted = self._desk.pane_wanted.emit
        show: _Acts = ()
        if trouble.key == "settings":
            show = ((self.tr("Show settings"), lambda: wanted("settings")),)
        elif trouble.key == "egress":
            show = ((self.tr("Show clearances"), lambda: wanted("network:cloudflare")),)
        text = told(trouble.message, trouble.hint)
        return Notice(f"trouble:{trouble.key}", Weight.ERROR, text, show)

    def _accounts(self) -> list[Notice]:
        counts = self._desk.host.pool.counts()
        if not counts.total or counts.need_owner != counts.total:
            return []
        text = self.tr("No account works: all are signed out or blocked.")
        show = (self.tr("Show them"), lambda: self._desk.pane_wanted.emit("accounts:owner"))
        return [Notice("signed out", Weight.ERROR, text, (show,))]

    def _notes(self) -> list[Notice]:
        read = self._desk.memory.now.notes_read
        understood = self.tr("Understood")
        return [
            Notice(
                f"note:{note}",
                Weight.INFO,
                told(note),
                ((understood, lambda note=note: self._read_note(note)),),  # type: ignore[misc]
            )
            for note in self._desk.host.notes
            if note not in read
        ]

    def _update(self) -> list[Notice]:
        release = self._desk.host.updates.state.release
        about = self._desk.actions.get("about")
        note = f"update {release.version}" if release is not None else ""
        if release is None or about is None or note in self._desk.memory.now.notes_read:
            return []
        acts = (
            (self.tr("What is new"), lambda: self._desk.actions.action("about").trigger()),
            (self.tr("Not now"), lambda: self._read_note(note)),
        )
        text = self.tr("GrokDesk %1 is there.").replace("%1", release.version)
        return [Notice("update", Weight.INFO, text, acts)]

    def _read_note(self, note: str) -> None:
        memory = self._desk.memory
        memory.change(notes_read=(*memory.now.notes_read, note))
        self.changed.emit()

    def _heard(self, troubles: tuple[Trouble, ...]) -> None:
        for trouble in troubles:
            if trouble.message:
                self._troubles[trouble.key] = trouble
            else:
                self._troubles.pop(trouble.key, None)
        self.changed.emit()

    def _changed(self, *_: object) -> None:
        self.changed.emit()
