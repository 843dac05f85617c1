"""From the bus to Qt: collects notices and tells each kind at most once a frame."""

from __future__ import annotations

from typing import Final, assert_never

from PySide6.QtCore import QObject, QTimer, Signal

from grokdesk.core.accounts import AccountId
from grokdesk.core.media_jobs import MediaJob
from grokdesk.core.notices import (
    AccountChanged,
    Bus,
    CleanedUp,
    EgressChanged,
    GatewayChanged,
    JobChanged,
    KeysChanged,
    LibraryChanged,
    MediaJobChanged,
    Notice,
    RunFinished,
    RunStarted,
    SettingsChanged,
    Trouble,
    UpdatesChanged,
    Visited,
)
from grokdesk.core.runs import RunRecord
from grokdesk.core.visits import Visit

FRAME_MS: Final = 33


class Bridge(QObject):
    """The only subscriber to the bus on Qt's behalf. Without notices no timer runs."""

    accounts = Signal(object)
    """frozenset of `AccountId`: added, changed or removed."""
    runs = Signal(object)
    """tuple of `RunRecord`, the newest of each run."""
    gateway = Signal(object)
    """The last `GatewayState`."""
    library = Signal(object)
    """frozenset of the ids of files that were added, changed or deleted."""
    media_jobs = Signal(object)
    """tuple of `MediaJob`, the newest of each job."""
    jobs = Signal(object)
    """frozenset of the ids of acts on accounts that went on."""
    egress = Signal()
    keys = Signal()
    visits = Signal(object)
    """tuple of `Visit`, the newest of each program."""
    settings = Signal(object)
    """The current `Settings`."""
    updates = Signal()
    troubles = Signal(object)
    """tuple of `Trouble`; an empty message takes one back."""

    def __init__(self, bus: Bus) -> None:
        super().__init__()
        self._accounts: set[AccountId] = set()
        self._runs: dict[str, RunRecord] = {}
        self._troubles: dict[str, Trouble] = {}
        self._library: set[str] = set()
        self._visits: dict[tuple[str, str, bool], Visit] = {}
        self._media_jobs: dict[str, MediaJob] = {}
        self._jobs: set[str] = set()
        self._gateway: GatewayChanged | None = None
        self._settings: SettingsChanged | None = None
        self._egress = self._keys = self._updates = False
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self.flush)
        self._leave = bus.subscribe(self._hear)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be told."""
        return not self._frame.isActive()

    def close(self) -> None:
        """Hear no more."""
        self._leave()
        self._frame.stop()

    def _hear(self, notice: Notice) -> None:
        match notice:
            case AccountChanged(ids):
                self._accounts |= ids
            case RunStarted(record) | RunFinished(record):
                self._runs[record.id] = record
            case GatewayChanged():
                self._gateway = notice
            case EgressChanged():
                self._egress = True
            case KeysChanged():
                self._keys = True
            case CleanedUp(ids):
                self._accounts |= ids
            case JobChanged(job_id):
                self._jobs.add(job_id)
            case Visited(visit):
                self._visits[visit.key_id, visit.agent, visit.failed] = visit
            case LibraryChanged(files):
                self._library |= files
            case MediaJobChanged(job):
                self._media_jobs[job.id] = job
            case SettingsChanged():
                self._settings = notice
            case UpdatesChanged():
                self._updates = True
            case Trouble():
                self._troubles[notice.key] = notice
            case _:
                assert_never(notice)
        if not self._frame.isActive():
            self._frame.start()

    def flush(self) -> None:
        """Tell what has gathered."""
        accounts, self._accounts = self._accounts, set()
        runs, self._runs = self._runs, {}
        troubles, self._troubles = self._troubles, {}
        library, self._library = self._library, set()
        media_jobs, self._media_jobs = self._media_jobs, {}
        jobs, self._jobs = self._jobs, set()
        visits, self._visits = self._visits, {}
        gateway, self._gateway = self._gateway, None
        settings, self._settings = self._settings, None
        egress, self._egress = self._egress, False
        keys, self._keys = self._keys, False
        updates, self._updates = self._updates, False
        if gateway is not None:
            self.gateway.emit(gateway.state)
        if settings is not None:
            self.settings.emit(settings.new)
        if accounts:
            self.accounts.emit(frozenset(accounts))
        if runs:
            self.runs.emit(tuple(runs.values()))
        if visits:
            self.visits.emit(tuple(visits.values()))
        if library:
            self.library.emit(frozenset(library))
        if media_jobs:
            self.media_jobs.emit(tuple(media_jobs.values()))
        if jobs:
            self.jobs.emit(frozenset(jobs))
        if keys:
            self.keys.emit()
        if egress:
            self.egress.emit()
        if updates:
            self.updates.emit()
        if troubles:
            self.troubles.emit(tuple(troubles.values()))
