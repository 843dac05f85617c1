"""What the face needs of the running program. `grokdesk.app.App` is one; tests bring a smaller one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from grokdesk.core.accounts import AccountId
from grokdesk.core.notices import Bus, GatewayState
from grokdesk.core.ports import Clock
from grokdesk.core.settings import Live
from grokdesk.core.visits import Visits
from grokdesk.engine.accounts import AccountPool, Brought
from grokdesk.engine.acts import Acts
from grokdesk.engine.asset_fetch import AssetFetch
from grokdesk.engine.diagnostics import Diagnostics
from grokdesk.engine.egress import EgressService
from grokdesk.engine.import_export import Plan
from grokdesk.engine.jobs import Jobs
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.library import Library
from grokdesk.engine.media_jobs import MediaJobs
from grokdesk.engine.reading import Reading
from grokdesk.engine.runs import RunLog
from grokdesk.engine.updates import Updates
from grokdesk.platform.autostart import Autostart
from grokdesk.platform.client_files import ClientFiles
from grokdesk.platform.link_handler import LinkHandler
from grokdesk.platform.paths import Paths
from grokdesk.platform.settings_file import SettingsFile
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
    def settings_file(self) -> SettingsFile:
        """The file of the settings, and what was not understood in it."""
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
    def library(self) -> Library:
        """The pictures and films."""
        ...

    @property
    def media_jobs(self) -> MediaJobs:
        """What is being made."""
        ...

    @property
    def acts(self) -> Acts:
        """What is done to accounts at Grok."""
        ...

    @property
    def jobs(self) -> Jobs:
        """The acts that run, and the last that ended."""
        ...

    @property
    def asset_fetch(self) -> AssetFetch:
        """Brings what accounts keep at Grok into the library."""
        ...

    @property
    def diagnostics(self) -> Diagnostics:
        """Makes reports for others who are to help."""
        ...

    @property
    def egress(self) -> EgressService:
        """The ways out."""
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

    @property
    def client_files(self) -> ClientFiles | None:
        """The settings files of other programs; None in the demo, which is to leave them alone."""
        ...

    @property
    def visits(self) -> Visits:
        """What programs asked for last."""
        ...

    @property
    def autostart(self) -> Autostart | None:
        """Starting at login; None where that cannot be had, as in the demo."""
        ...

    @property
    def link_handler(self) -> LinkHandler | None:
        """Opening of `grokdesk://` links; None where that is not ours to say."""
        ...

    @property
    def updates(self) -> Updates:
        """What is known of new versions."""
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

    def on_raise(self, callback: Callable[[Sequence[str], str], None]) -> None:
        """Call `callback` when a second start asks for the window.

        It is given links and files to show, and what lets the window come to the front on Wayland.
        """
        ...
