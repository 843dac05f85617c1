"""Notifications of the desktop: only when something needs the owner, and only when they may be disturbed.

Whether one is shown is a pure function. What lasts is told later when it may not be told now and is still
true then; what has passed is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final

from PySide6.QtCore import QDateTime, QLocale, QObject, QTime, QTimer, Signal

from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.core.notices import GatewayPhase
from grokdesk.core.settings import NotificationSettings
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.languages import joined, told
from grokdesk.ui.tray_view import Pause

EVERY_S: Final = 300.0
LONG_S: Final = 30.0
_DAY_MIN: Final = 24 * 60
_MORNING: Final = QTime(8, 0)
_LONGEST_TIMER_S: Final = 3_600.0
# Counting ten thousand accounts takes milliseconds.
_AGAIN_MS: Final = 1_000


class Kind(StrEnum):
    """What may be told. The value is the name of its switch in the settings."""

    GATEWAY = "gateway"
    ACCOUNTS = "accounts"
    COOLING = "cooling"
    JOBS = "jobs"
    UPDATES = "updates"


@dataclass(frozen=True, slots=True)
class News:
    """Something to be told. `place` is where a click leads, as `Desk.pane_wanted` has it."""

    kind: Kind
    text: str
    place: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Whether somebody may be disturbed: the time, what they look at, and what they have said.

    `minute` is that of the day. `in_use` says that the window is in front, `in_sight` that it is on a screen.
    `quiet` are two minutes of the day, the second after midnight perhaps.
    """

    now: float
    minute: int
    in_use: bool = False
    in_sight: bool = False
    off: frozenset[Kind] = frozenset()
    quiet: tuple[int, int] | None = None
    paused_until: float = 0.0


def when(kind: Kind, moment: Moment, told_at: Mapping[Kind, float]) -> float:
    """When news of `kind` may be told: now or later, in Unix seconds, or never (`inf`).

    `told_at` says when each kind was told last. Whoever has the window in front sees there what lasts; work
    that has ended is told only while the window is out of sight.
    """
    if kind in moment.off:
        return inf
    seen = moment.in_sight if kind is Kind.JOBS else moment.in_use
    if seen:
        return inf
    now = moment.now
    last = told_at.get(kind, -inf)
    # A clock that was set back does not keep anybody silent.
    again = last + EVERY_S if last <= now else now
    later = max(now, moment.paused_until, again, now + _quiet_s(moment))
    return inf if kind is Kind.JOBS and later > now else later


def _quiet_s(moment: Moment) -> float:
    """Seconds until quiet hours end; 0 outside of them."""
    if moment.quiet is None:
        return 0.0
    start, end = moment.quiet
    since = (moment.minute - start) % _DAY_MIN
    length = (end - start) % _DAY_MIN
    return 60.0 * (length - since) if since < length else 0.0


def quiet_hours(settings: NotificationSettings) -> tuple[int, int] | None:
    """The quiet hours of the settings; None when there are none."""
    if not settings.quiet_from or not settings.quiet_to or settings.quiet_from == settings.quiet_to:
        return None
    return _minute(settings.quiet_from), _minute(settings.quiet_to)


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def pause_end(pause: Pause, now: float) -> int:
    """When a pause that begins now ends, in Unix seconds; 0 for none. Tomorrow begins at eight."""
    match pause:
        case Pause.NONE:
            return 0
        case Pause.HALF_HOUR:
            return int(now) + 30 * 60
        case Pause.HOUR:
            return int(now) + 60 * 60
        case Pause.TOMORROW:
            tomorrow = QDateTime.fromSecsSinceEpoch(int(now)).date().addDays(1)
            return QDateTime(tomorrow, _MORNING).toSecsSinceEpoch()


def pause_words(until: float, now: float) -> str:
    """The end of a pause as a time, with the day when that is another one; empty when there is none."""
    if until <= now:
        return ""
    end, locale = QDateTime.fromSecsSinceEpoch(int(until)), QLocale()
    time = locale.toString(end.time(), QLocale.FormatType.ShortFormat)
    if end.date() == QDateTime.fromSecsSinceEpoch(int(now)).date():
        return time
    return f"{locale.dayName(end.date().dayOfWeek(), QLocale.FormatType.ShortFormat)} {time}"


class Notifier(QObject):
    """Hears what happens, and tells through `tell` what is to be told: text, and whether it could be shown.

    `sight` says whether the window is in front, and whether it is on a screen.
    """

    place_wanted = Signal(str)
    changed = Signal()
    """A pause began or ended."""

    def __init__(
        self, desk: Desk, tell: Callable[[str], bool], sight: Callable[[], tuple[bool, bool]]
    ) -> None:
        super().__init__()
        self._desk = desk
        self._tell = tell
        self._sight = sight
        self._told: dict[Kind, float] = {}
        self._waiting: dict[Kind, float] = {}
        self._place = ""
        counts = desk.host.pool.counts()
        self._needy = counts.need_owner
        self._empty = _is_empty(counts.ready, counts.cooling)
        self._failed = ""
        self._version = ""
        self._ended: set[str] = set()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.look_again)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self._look_if_stale)
        self._stale = False
        bridge = desk.bridge
        self._hearing = [
            bridge.gateway.connect(self._look_at_gateway),
            bridge.accounts.connect(self._accounts_changed),
            bridge.media_jobs.connect(self._hear_media),
            bridge.jobs.connect(self._hear_jobs),
            bridge.updates.connect(self._look_at_updates),
        ]
        self._set_timer()

    def begin(self) -> None:
        """Look at how things are after the start."""
        self._look_at_gateway()
        self._look_at_updates()

    def close(self) -> None:
        """Tell no more."""
        for one in self._hearing:
            QObject.disconnect(one)
        self._hearing.clear()
        self._later.stop()
        self._again.stop()

    # -- pause

    @property
    def paused_until(self) -> int:
        """When the pause ends, in Unix seconds; 0 when there is none."""
        until = self._desk.memory.now.paused_until
        return until if until > self._now else 0

    def pause(self, pause: Pause) -> None:
        """Tell nothing for some time, or tell again."""
        self._desk.memory.change(paused_until=pause_end(pause, self._now))
        self.look_again()

    def clicked(self) -> None:
        """Lead to the place of what was told last."""
        if self._place:
            self.place_wanted.emit(self._place)

    # -- what happens

    def _look_at_gateway(self, *_: object) -> None:
        state = self._desk.gateway
        failed = state.error if state.phase is GatewayPhase.FAILED else ""
        if failed and failed != self._failed:
            self._want(Kind.GATEWAY)
        elif not failed:
            self._waiting.pop(Kind.GATEWAY, None)
        self._failed = failed

    def _accounts_changed(self, *_: object) -> None:
        """Look now, and then at most once a second."""
        if self._again.isActive():
            self._stale = True
        else:
            self._again.start()
            self._look_at_accounts()

    def _look_if_stale(self) -> None:
        if self._stale:
            self._accounts_changed()

    def _look_at_accounts(self) -> None:
        self._stale = False
        counts = self._desk.host.pool.counts()
        more, self._needy = counts.need_owner > self._needy, counts.need_owner
        if more:
            self._want(Kind.ACCOUNTS)
        elif not counts.need_owner:
            self._waiting.pop(Kind.ACCOUNTS, None)
        empty = _is_empty(counts.ready, counts.cooling)
        came, self._empty = empty and not self._empty, empty
        if came:
            self._want(Kind.COOLING)
        elif not empty:
            self._waiting.pop(Kind.COOLING, None)

    def _look_at_updates(self) -> None:
        release = self._desk.host.updates.state.release
        version = release.version if release is not None else ""
        if version and version != self._version:
            self._want(Kind.UPDATES)
        elif not version:
            self._waiting.pop(Kind.UPDATES, None)
        self._version = version

    def _hear_media(self, jobs: tuple[MediaJob, ...]) -> None:
        for job in jobs:
            if job.state in {JobState.DONE, JobState.FAILED, JobState.INTERRUPTED}:
                text = (
                    self.tr("A picture or film is finished.")
                    if job.state is JobState.DONE
                    else self.tr("A picture or film was not made: %1").replace("%1", told(job.failure))
                )
                self._job_ended(job.id, job.created_at, job.ended_at, text, "library")

    def _hear_jobs(self, ids: frozenset[str]) -> None:
        for one in ids:
            job = self._desk.host.jobs.get(one)
            if job is None or not job.is_over:
                continue
            text = self.tr("Work on %n account(s) has ended.", "", job.done)
            if job.failed:
                text = joined(text, self.tr("It failed for %n.", "", job.failed))
            self._job_ended(job.id, job.started_at, job.ended_at, text, "accounts")

    def _job_ended(self, job_id: str, began: float, ended: float | None, text: str, place: str) -> None:
        if ended is None or ended - began < LONG_S or job_id in self._ended:
            return
        self._ended.add(job_id)
        if when(Kind.JOBS, self._moment(), self._told) <= self._now:
            self._show(News(Kind.JOBS, text, place))

    # -- telling

    def _want(self, kind: Kind) -> None:
        """Tell of what lasts: now, or when that is allowed."""
        at = when(kind, self._moment(), self._told)
        self._waiting.pop(kind, None)
        if at <= self._now:
            news = self._news(kind)
            if news is not None:
                self._show(news)
        elif at < inf:
            self._waiting[kind] = at
            self._set_timer()

    def look_again(self) -> None:
        """Tell what may be told by now."""
        self._look_at_accounts()
        for kind, at in list(self._waiting.items()):
            if at <= self._now or not self.paused_until:
                self._want(kind)
        self.changed.emit()
        self._set_timer()

    def _set_timer(self) -> None:
        """Wake up when something may be told, or the pause is over."""
        times = [*self._waiting.values(), *([self.paused_until] if self.paused_until else [])]
        if times:
            wait_s = min(_LONGEST_TIMER_S, max(0.05, min(times) - self._now))
            self._later.start(round(wait_s * 1000))
        else:
            self._later.stop()

    def _show(self, news: News) -> None:
        if self._tell(news.text):
            self._told[news.kind] = self._now
            self._place = news.place

    def _news(self, kind: Kind) -> News | None:
        """What there is to tell now; None when it is not true any more."""
        host = self._desk.host
        match kind:
            case Kind.GATEWAY:
                state = self._desk.gateway
                if state.phase is not GatewayPhase.FAILED:
                    return None
                text = self.tr("Apps cannot connect: %1").replace("%1", told(state.error))
                return News(kind, text, "home")
            case Kind.ACCOUNTS:
                needy = host.pool.counts().need_owner
                if not needy:
                    return None
                return News(kind, self._needy_words(needy), "accounts:owner")
            case Kind.COOLING:
                counts = host.pool.counts()
                if not _is_empty(counts.ready, counts.cooling):
                    return None
                return News(kind, self._cooling_words(), "accounts:cooling")
            case Kind.UPDATES:
                release = host.updates.state.release
                if release is None:
                    return None
                text = self.tr("GrokDesk %1 is there.").replace("%1", release.version)
                return News(kind, text, "update")
            case Kind.JOBS:
                return None

    def _needy_words(self, needy: int) -> str:
        if needy == 1:
            return self.tr("1 account needs you: it is signed out or blocked.")
        return self.tr("%n accounts need you: they are signed out or blocked.", "", needy)

    def _cooling_words(self) -> str:
        accounts = self._desk.host.pool.accounts()
        free = min((one.free_at(mode) for one in accounts for mode in one.windows), default=inf)
        if free == inf or free <= self._now:
            return self.tr("All accounts are resting.")
        return self.tr("All accounts are resting. The first is back at %1.").replace(
            "%1", words.due(free, self._now)
        )

    # -- now

    @property
    def _now(self) -> float:
        return self._desk.host.clock.now()

    def _moment(self) -> Moment:
        settings = self._desk.host.live.now.notifications
        time = QDateTime.fromSecsSinceEpoch(int(self._now)).time()
        in_use, in_sight = self._sight()
        return Moment(
            now=self._now,
            minute=time.hour() * 60 + time.minute(),
            in_use=in_use,
            in_sight=in_sight,
            off=frozenset(kind for kind in Kind if not getattr(settings, kind.value)),
            quiet=quiet_hours(settings),
            paused_until=float(self.paused_until),
        )


def _is_empty(ready: int, cooling: int) -> bool:
    return not ready and cooling > 0
