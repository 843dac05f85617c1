"""Settings being edited: what is not saved yet, what is wrong with it, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QObject

from grokdesk.core.notices import GatewayPhase, GatewayState
from grokdesk.core.setting_fields import SettingField, Wrong, faults, fields, plain, values_of
from grokdesk.core.settings import Settings
from grokdesk.ui.bridge import Bridge
from grokdesk.ui.host import Host

_GATEWAY = "gateway"


class Draft:
    """Changes to the settings that are not saved yet.

    Values are as TOML has them, lists as tuples; one that was typed and is no number is the typed text.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = values_of(settings)
        self._edits: dict[str, object] = {}
        self._moved: set[str] = set()
        self._wrong: dict[str, Wrong] = {}

    @property
    def edits(self) -> dict[str, object]:
        """What would be saved, by dotted name."""
        return dict(self._edits)

    @property
    def wrong(self) -> Mapping[str, Wrong]:
        """What of it cannot be saved, and why."""
        return self._wrong

    def value(self, name: str) -> object:
        """The value as it would be after saving."""
        return self._edits.get(name, self._base[name])

    def saved_value(self, name: str) -> object:
        """The value in use."""
        return self._base[name]

    def is_edited(self, name: str) -> bool:
        """Whether it waits to be saved."""
        return name in self._edits

    def is_moved(self, name: str) -> bool:
        """Whether somebody else changed it since it was edited here."""
        return name in self._moved

    def is_default(self, name: str) -> bool:
        """Whether it is as it comes."""
        return self.value(name) == fields()[name].default

    def put(self, changes: Mapping[str, object]) -> None:
        """Edit settings; a value like the one in use is no change."""
        for name, value in changes.items():
            new = plain(value)
            if new == self._base[name]:
                self._edits.pop(name, None)
            else:
                self._edits[name] = new
        self._check()

    def replace(self, edits: Mapping[str, object]) -> None:
        """Have these edits instead of the present ones."""
        self._edits = {}
        self.put(edits)

    def put_back(self, names: Iterable[str]) -> list[str]:
        """Edit settings to their defaults; returns which were not."""
        changed = [name for name in names if not self.is_default(name)]
        self.put({name: fields()[name].default for name in changed})
        return changed

    def were_saved(self, changes: Mapping[str, object], settings: Settings) -> None:
        """Forget edits that are in `settings` now; what was typed meanwhile stays."""
        for name, value in changes.items():
            if self._edits.get(name) == value:
                del self._edits[name]
        self.follow(settings)

    def follow(self, settings: Settings) -> None:
        """Take in settings that were changed elsewhere. Edits stay."""
        if settings != self._settings:
            old, self._base = self._base, values_of(settings)
            self._settings = settings
            self._moved |= {name for name in self._edits if old[name] != self._base[name]}
        self.put(dict(self._edits))

    def _check(self) -> None:
        self._moved &= self._edits.keys()
        self._wrong = faults(self._settings, self._edits) if self._edits else {}


class InForce(QObject):
    """Which settings are saved but not in force before something starts again."""

    def __init__(self, host: Host, bridge: Bridge) -> None:
        super().__init__()
        self._host = host
        self._begun = self._served = values_of(host.live.now)
        bridge.gateway.connect(self._gateway_changed)

    def waiting(self) -> list[SettingField]:
        """The settings whose saved value is not in force yet."""
        now = values_of(self._host.live.now)
        running = self._host.gateway.state.phase is GatewayPhase.RUNNING
        return [
            field
            for name, field in fields().items()
            if field.needs_restart
            and (running if field.section == _GATEWAY else True)
            and now[name] != (self._served if field.section == _GATEWAY else self._begun)[name]
        ]

    def _gateway_changed(self, state: GatewayState) -> None:
        if state.phase is GatewayPhase.RUNNING:
            self._served = values_of(self._host.live.now)
