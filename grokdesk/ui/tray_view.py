"""What the tray shows: one pure function of a frozen state. Imports nothing that is slow to import."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QCoreApplication

from grokdesk.ui.languages import told

MOST_MODELS: Final = 15
MOST_PLACES: Final = 12


class Shape(StrEnum):
    """The five icons, told apart by shape and not by colour; also the names of their files."""

    STOPPED = "stopped"
    BUSY = "busy"
    RUNNING = "running"
    ATTENTION = "attention"
    FAILED = "failed"


class Pause(StrEnum):
    """For how long notifications can be paused."""

    NONE = "none"
    HALF_HOUR = "half hour"
    HOUR = "hour"
    TOMORROW = "tomorrow"


# What can be copied whole: the id of a client in `core/client_setups.py`, and its name.
SNIPPETS: Final = (
    ("curl", "curl"),
    ("claude-code", "Claude Code"),
    ("codex", "Codex"),
    ("openai", "OpenAI Python"),
)


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model in the menu, and whether clients are offered it."""

    name: str
    on: bool = True


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A pane in the menu. `keys` are in Qt's portable spelling."""

    key: str
    text: str
    keys: str = ""


@dataclass(frozen=True, slots=True)
class TrayState:
    """What the tray knows.

    `phase` is the value of a `GatewayPhase`; `awake` once there is something behind the icon. What is in
    `fixed` (`models`, `adult`, `lan`) was decided by environment or command line. `paused_until` is said as
    a time, empty when notifications are on; `at_login` is None where starting at login cannot be had.
    """

    phase: str = "starting"
    address: str = ""
    error: str = ""
    total: int = 0
    ready: int = 0
    need_owner: int = 0
    requests: int = 0
    has_key: bool = False
    demo: bool = False
    awake: bool = False
    leaving: bool = False
    models: tuple[ModelLine, ...] = ()
    adult: bool = False
    lan: bool = False
    fixed: frozenset[str] = frozenset()
    places: tuple[PlaceLine, ...] = ()
    paused_until: str = ""
    at_login: bool | None = None
    update: str = ""
    icon: str = "auto"


@dataclass(frozen=True, slots=True)
class Item:
    """How one line of the menu looks. `checked` is None for a line without a mark."""

    text: str
    enabled: bool = True
    shown: bool = True
    checked: bool | None = None


@dataclass(frozen=True, slots=True)
class TrayView:
    """Everything the tray shows. `models` and `places` are as long as what there is to show."""

    shape: Shape
    tooltip: str
    status: Item
    accounts: Item
    needs_you: Item
    toggle: Item
    copy_address: Item
    copy_key: Item
    snippets: Item
    model_menu: Item
    models: tuple[Item, ...]
    all_models: Item
    adult: Item
    lan: Item
    open: Item
    places: tuple[Item, ...]
    notifications: Item
    paused: Item
    pauses: tuple[Item, ...]
    """In the order of `Pause`."""
    at_login: Item
    update: Item
    quit: Item


def view(state: TrayState) -> TrayView:
    """Return what the tray shows in `state`."""
    running = state.phase == "running"
    usable = state.awake and not state.leaving
    paused = bool(state.paused_until)
    words, accounts = _status_words(state), _account_words(state)
    lines = [f"GrokDesk: {words}", *([accounts] if state.total else [])]
    if state.demo:
        lines.insert(0, _tr("Demo — nothing here is real"))
    return TrayView(
        shape=_shape(state),
        tooltip="\n".join(lines),
        status=Item(f"{_mark(state)} {words}", enabled=False),
        accounts=Item(accounts, enabled=False, shown=usable),
        needs_you=Item(f"▲ {_needs_you(state)}", enabled=usable, shown=usable and state.need_owner > 0),
        toggle=Item(_toggle_text(state), enabled=usable and state.phase in {"stopped", "failed", "running"}),
        copy_address=Item(_tr("Copy address"), enabled=usable and running),
        copy_key=Item(_tr("Copy API key"), enabled=usable and state.has_key),
        snippets=Item(_tr("Copy snippet"), enabled=usable and running and state.has_key),
        model_menu=Item(_tr("Models"), enabled=usable and bool(state.models)),
        models=tuple(
            Item(one.name, enabled=usable and "models" not in state.fixed, checked=one.on)
            for one in state.models[:MOST_MODELS]
        ),
        all_models=Item(_tr("All models…"), enabled=usable),
        adult=Item(
            _tr("Allow adult content"),
            enabled=usable and "adult" not in state.fixed,
            checked=state.adult,
        ),
        lan=Item(
            _tr("Let other devices connect"),
            enabled=usable and "lan" not in state.fixed and state.phase not in {"starting", "stopping"},
            checked=state.lan,
        ),
        open=Item(_tr("Open"), enabled=usable),
        places=tuple(Item(one.text, enabled=usable) for one in state.places[:MOST_PLACES]),
        notifications=Item(_tr("Notifications"), enabled=usable),
        paused=Item(
            _tr("Paused until %1").replace("%1", state.paused_until),
            enabled=False,
            shown=usable and paused,
        ),
        pauses=(
            Item(_tr("On"), enabled=usable, checked=not paused),
            Item(_tr("Pause 30 min"), enabled=usable),
            Item(_tr("Pause 1 hour"), enabled=usable),
            Item(_tr("Pause until tomorrow"), enabled=usable),
        ),
        at_login=Item(
            _tr("Start at login"),
            enabled=usable and state.at_login is not None,
            shown=state.at_login is not None,
            checked=bool(state.at_login),
        ),
        update=Item(
            _tr("Update to %1…").replace("%1", state.update),
            enabled=usable,
            shown=usable and bool(state.update),
        ),
        quit=Item(_quit_text(state), enabled=not state.leaving),
    )


def _shape(state: TrayState) -> Shape:
    if state.leaving:
        return Shape.BUSY
    match state.phase:
        case "failed":
            return Shape.FAILED
        case "starting" | "stopping":
            return Shape.BUSY
        case "running":
            return Shape.ATTENTION if state.need_owner else Shape.RUNNING
        case _:
            return Shape.STOPPED


def _mark(state: TrayState) -> str:
    if state.leaving:
        return "◐"
    return {"running": "●", "starting": "◐", "stopping": "◐", "failed": "✕"}.get(state.phase, "○")


def _status_words(state: TrayState) -> str:
    if state.leaving:
        return _tr("Quitting…")
    match state.phase:
        case "starting":
            return _tr("Starting…")
        case "stopping":
            return _tr("Gateway stopping…")
        case "running":
            return _tr("Gateway running · %1").replace("%1", state.address)
        case "failed":
            return _tr("Gateway failed: %1").replace("%1", told(state.error))
        case _:
            return _tr("Gateway stopped")


def _account_words(state: TrayState) -> str:
    if not state.total:
        return _tr("No accounts yet")
    words = _tr("%1 of %2 accounts ready").replace("%1", str(state.ready)).replace("%2", str(state.total))
    if state.requests:
        words += " · " + _tr("%n request(s)", state.requests)
    return words


def _needs_you(state: TrayState) -> str:
    if state.need_owner == 1:
        return _tr("1 account needs you…")
    return _tr("%n accounts need you…", state.need_owner)


def _quit_text(state: TrayState) -> str:
    if state.leaving:
        return _tr("Quitting…")
    if not state.requests:
        return _tr("Quit")
    if state.requests == 1:
        return _tr("Quit — 1 request is running…")
    return _tr("Quit — %n requests are running…", state.requests)


def _toggle_text(state: TrayState) -> str:
    match state.phase:
        case "running":
            return _tr("Stop gateway")
        case "starting":
            return _tr("Starting…")
        case "stopping":
            return _tr("Stopping…")
        case _:
            return _tr("Start gateway")


def _tr(text: str, count: int = -1) -> str:
    return QCoreApplication.translate("Tray", text, "", count)
