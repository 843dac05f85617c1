"""What observers may hear about what has already happened, and the bus that tells them.

Notices inform; they never command. `Bus.publish` is synchronous, on the loop's thread, and never raises into
the publisher.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grokdesk.core.accounts import AccountId
from grokdesk.core.media_jobs import MediaJob
from grokdesk.core.runs import RunRecord
from grokdesk.core.settings import Settings
from grokdesk.core.visits import Visit

log = logging.getLogger(__name__)

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """An account was added, changed or removed; ask the pool for what it is now."""

    ids: frozenset[AccountId]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A request reached the engine."""

    record: RunRecord


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A request ended, one way or another."""

    record: RunRecord


class GatewayPhase(StrEnum):
    """Where the gateway stands."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class GatewayState:
    """Whether clients can connect, and where. `host` and `port` are the real ones while running.

    `error` says in a sentence why it failed, `hint` what to do; `free_port` is the next free one when the
    wanted port is taken, else 0.
    """

    phase: GatewayPhase = GatewayPhase.STOPPED
    host: str = "127.0.0.1"
    port: int = 0
    error: str = ""
    hint: str = ""
    free_port: int = 0

    @property
    def address(self) -> str:
        """Host and port for programs on this machine, such as `127.0.0.1:4765`."""
        # Listening on every address is no address to connect to; Windows refuses it.
        host = _EVERYWHERE.get(self.host, self.host)
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI client is configured with."""
        return f"http://{self.address}/v1"


@dataclass(frozen=True, slots=True)
class GatewayChanged:
    """The gateway started, stopped or failed."""

    state: GatewayState


@dataclass(frozen=True, slots=True)
class EgressChanged:
    """The way out changed; ask the egress service."""


@dataclass(frozen=True, slots=True)
class CleanedUp:
    """Dead accounts were put away by the owner's rule: removed, or else disabled."""

    ids: frozenset[AccountId]
    removed: bool


@dataclass(frozen=True, slots=True)
class JobChanged:
    """An act on many accounts made progress, or ended."""

    id: str


@dataclass(frozen=True, slots=True)
class LibraryChanged:
    """Files of the library were added, changed or deleted; ask it for what they are now."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class MediaJobChanged:
    """A job that makes pictures or a film made progress, or ended."""

    job: MediaJob


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """Client keys were made or revoked."""


@dataclass(frozen=True, slots=True)
class Visited:
    """A program was answered, well or not."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Settings changed from `old` to `new`."""

    old: Settings
    new: Settings


@dataclass(frozen=True, slots=True)
class UpdatesChanged:
    """What is known of new versions changed; ask the updates."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something lasting that the owner should know; an empty message takes it back.

    `key` tells troubles apart.
    """

    key: str
    message: str
    hint: str = ""


Notice = (
    AccountChanged
    | RunStarted
    | RunFinished
    | GatewayChanged
    | EgressChanged
    | CleanedUp
    | JobChanged
    | LibraryChanged
    | MediaJobChanged
    | KeysChanged
    | Visited
    | SettingsChanged
    | UpdatesChanged
    | Trouble
)
Listener = Callable[[Notice], None]


class Bus:
    """Tells listeners what happened, in the order they subscribed."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every notice from now on; the returned function ends that."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave

    def publish(self, notice: Notice) -> None:
        """Tell everybody. A listener that fails is logged and does not disturb the others."""
        for listener in tuple(self._listeners):
            try:
                listener(notice)
            except Exception:  # one of the four places: a listener's fault is not the publisher's
                log.exception("listener failed notice=%s", type(notice).__name__)
