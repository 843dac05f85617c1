"""What the face needs of the running program. `grokdesk.app.App` is one; tests bring a smaller one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from grokdesk.core.accounts import AccountId
from grokdesk.core.notices import Bus, GatewayState
from grokdesk.core.ports import Clock
from grokdesk.core.settings import Live
from grokdesk.engine.accounts import AccountPool, Brought
from grokdesk.engine.import_export import Plan
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.reading import Reading
from grokdesk.engine.runs import RunLog
from grokdesk.platform.paths import Paths
from grokdesk.platform.tasks import Supervisor


class Door(Protocol):
    """The gateway, as seen from inside the program."""

    @property
    def state(self) -> GatewayState:
        """Where it stands."""
        ...

    async def start(self) -> None:
        """Listen. Raises `GrokDeskError`, and its state says so too."""
        ...

    async def stop(self) -> None:
        """Stop listening."""
        ...


class Checker(Protocol):
    """Asks Grok about accounts in the background."""

    @property
    def running(self) -> int:
        """How many accounts wait for their check."""
        ...

    def start(self, ids: Iterable[AccountId]) -> object:
        """Check accounts soon."""
        ...


class Leaving(Protocol):
    """The one way to end the program."""

    @property
    def requested(self) -> bool:
        """Whether the end has been requested."""
        ...

    def request(self) -> None:
        """End the program soon."""
        ...

    async def wait(self) -> None:
        """Return when the end has been requested."""
        ...


class Host(Protocol):
    """The running program."""

    @property
    def paths(self) -> Paths:
        """Where files are."""
        ...

    @property
    def demo(self) -> bool:
        """Whether nothing here is real."""
        ...

    @property
    def live(self) -> Live:
        """The settings."""
        ...

    @property
    def bus(self) -> Bus:
        """Notices."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def tasks(self) -> Supervisor:
        """Owner of work that outlives a window."""
        ...

    @property
    def pool(self) -> AccountPool:
        """The accounts."""
        ...

    @property
    def checks(self) -> Checker:
        """Account checks."""
        ...

    @property
    def keys(self) -> ClientKeys:
        """The client keys."""
        ...

    @property
    def runs(self) -> RunLog:
        """The requests."""
        ...

    @property
    def gateway(self) -> Door:
        """The gateway."""
        ...

    @property
    def shutdown(self) -> Leaving:
        """The end."""
        ...

    @property
    def notes(self) -> list[str]:
        """Lasting hints of the start."""
        ...

    def read_accounts(self, data: bytes | str) -> Reading:
        """Say what an import would find; saves nothing."""
        ...

    async def import_accounts(self, plan: Plan) -> Brought:
        """Carry out an import."""
        ...

    async def change(self, changes: Mapping[str, Any]) -> None:  # values of any setting
        """Change settings by dotted name."""
        ...

    def on_raise(self, callback: Callable[[], None]) -> None:
        """Call `callback` when a second start asks for the window."""
        ...
