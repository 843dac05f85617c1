"""What is under way: films and pictures in the making, files on their way, acts at Grok. A line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.accounts import AccountId
from grokdesk.core.media import Kind
from grokdesk.core.media_jobs import JobState, MediaJob
from grokdesk.engine.jobs import Job, Result
from grokdesk.engine.jobs import JobState as ActState
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import GAP, MARGIN
from grokdesk.ui.widgets.parts import Elided, Prose, button, buttons_row, quiet, section
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.windows.library_acts import Moves

_SHOWN: Final = 4
_RECENT_S: Final = 86_400
_LISTED: Final = 50
_ACTS: Final = frozenset({"fetch_assets", "clear_assets", "list_assets", "delete_assets"})
_DIALOG: Final = (560, 360)


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: `fraction` is None once it is over. `note` says how far it is, or what went wrong."""

    key: str
    icon: str
    title: str
    note: str = ""
    fraction: float | None = None
    tone: str = ""
    cancel: Callable[[], None] | None = None
    again: Callable[[], None] | None = None
    details: Callable[[], None] | None = None


class Line(QFrame):
    """A line of the strip."""

    dismissed = Signal(str)

    def __init__(self, desk: Desk, shown: Shown) -> None:
        super().__init__()
        self._desk = desk
        self._shown = shown
        self.setProperty("kind", "card")
        self._icon = QLabel()
        self._title = Elided()
        self._note = Prose()
        self._note.setProperty("tone", "quiet")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setFixedWidth(120)
        self.percent = QLabel()
        self.percent.setMinimumWidth(self.fontMetrics().horizontalAdvance("100 %"))
        self.details = button(self.tr("Details"))
        self.again = button(self.tr("Try again"), look=desk.look, icon="refresh")
        self.cancel = button(self.tr("Cancel"))
        self.dismiss = button("", look=desk.look, icon="close", name=self.tr("Put away"))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._note)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addLayout(words, 1)
        for part in (self.bar, self.percent, self.details, self.again, self.cancel, self.dismiss):
            row.addWidget(part)
        self.cancel.clicked.connect(lambda: self._do(self._shown.cancel))
        self.again.clicked.connect(self._try_again)
        self.details.clicked.connect(lambda: self._do(self._shown.details))
        self.dismiss.clicked.connect(lambda: self.dismissed.emit(self._shown.key))
        self.show_this(shown)

    @property
    def text(self) -> str:
        """All that it says."""
        return f"{self._title.text()}\n{self._note.text()}"

    def show_this(self, shown: Shown) -> None:
        """Show how it is now."""
        self._shown = shown
        over = shown.fraction is None
        dress_label(self._icon, shown.icon, self._desk.look, shown.tone or "text2", 16)
        self._title.setText(shown.title)
        self._note.setText(shown.note)
        self._note.setVisible(bool(shown.note))
        self.bar.setVisible(not over)
        self.percent.setVisible(not over)
        if shown.fraction is not None:
            percent = round(shown.fraction * 100)
            self.bar.setValue(percent)
            self.percent.setText(self.tr("%1 %").replace("%1", str(percent)))
        self.bar.setAccessibleName(shown.title)
        self.setAccessibleName(f"{shown.title}. {shown.note}")
        for one, act in (
            (self.cancel, shown.cancel),
            (self.again, shown.again),
            (self.details, shown.details),
        ):
            one.setVisible(act is not None)
        self.dismiss.setVisible(over)

    @staticmethod
    def _do(act: Callable[[], None] | None) -> None:
        if act is not None:
            act()

    def _try_again(self) -> None:
        act, key = self._shown.again, self._shown.key
        self.dismissed.emit(key)
        self._do(act)


class Strip(QWidget):
    """The lines. Empty, it takes no room."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._lines: dict[str, Line] = {}
        self._all: dict[str, Shown] = {}
        self._away: set[str] = set()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._more = quiet()
        self._layout.addWidget(self._more)
        self.setAccessibleName(self.tr("Under way"))
        self._arrange()

    def lines(self) -> list[Line]:
        """The lines in sight, from top to bottom."""
        return list(self._lines.values())

    # -- what is under way

    async def load(self) -> None:
        """Take in the jobs there are."""
        now = self._desk.host.clock.now()
        for job in await self._desk.host.media_jobs.list(limit=_LISTED):
            if not job.state.is_over or (job.ended_at or 0) > now - _RECENT_S:
                self._take_media(job)
        self.heard_acts(frozenset(job.id for job in self._desk.host.jobs.all() if not job.is_over))
        self._arrange()

    def heard_media(self, jobs: tuple[MediaJob, ...]) -> None:
        """Jobs that make pictures and films went on."""
        for job in jobs:
            self._take_media(job)
        self._arrange()

    def heard_acts(self, ids: frozenset[str]) -> None:
        """Acts on accounts went on."""
        for job_id in ids:
            job = self._desk.host.jobs.get(job_id)
            if job is not None and job.kind in _ACTS:
                self._take_act(job)
        self._arrange()

    def heard_moves(self, moves: Moves) -> None:
        """Files on their way went on."""
        if moves.over and not moves.failure:
            self._all.pop(moves.key, None)
        else:
            self._take_moves(moves)
        self._arrange()

    def _take_media(self, job: MediaJob) -> None:
        request = job.request
        kind = self.tr("Film") if job.kind is Kind.VIDEO else self.tr("Pictures")
        title = self.tr("%1: %2").replace("%1", kind).replace("%2", " ".join(request.prompt.split())[:200])
        icon = "film" if job.kind is Kind.VIDEO else "library"
        match job.state:
            case JobState.QUEUED | JobState.RUNNING:
                waiting = job.state is JobState.QUEUED
                self._all[job.id] = Shown(
                    job.id,
                    icon,
                    title,
                    self.tr("Waiting for its turn") if waiting else self.tr("Being made"),
                    job.fraction,
                    cancel=lambda: self._cancel_media(job.id),
                )
            case JobState.FAILED | JobState.INTERRUPTED:
                self._all[job.id] = Shown(
                    job.id,
                    "state-failed",
                    title,
                    told(job.failure, job.hint),
                    tone="error",
                    again=(lambda: self._again(job)) if _is_whole(job) else None,
                )
            case JobState.DONE | JobState.CANCELLED:
                self._all.pop(job.id, None)

    def _cancel_media(self, job_id: str) -> None:
        self._desk.work.start(self._cancelled(job_id))

    async def _cancelled(self, job_id: str) -> None:
        if await self._desk.host.media_jobs.cancel(job_id):
            self._desk.say(self.tr("Cancelled. Grok was told as well."))

    def _again(self, job: MediaJob) -> None:
        self._desk.work.start(self._desk.host.media_jobs.start(job.request, client=job.client))

    def _take_act(self, job: Job) -> None:
        if not job.is_over:
            doing = next((said for said in job.doing.values() if said), "")
            far = self.tr("%1 of %2 accounts").replace("%1", str(job.done)).replace("%2", str(job.total))
            if job.state is ActState.CANCELLING:
                far = self.tr("Stopping after the step it is at")
            note = f"{far}: {doing}" if doing else far
            jobs = self._desk.host.jobs
            fraction = job.done / job.total if job.total else 0.0
            self._all[job.id] = Shown(
                job.id, "cloud", told(job.title), note, fraction, cancel=lambda: jobs.cancel(job.id)
            )
        elif job.failed:
            note = self.tr("%n account(s) failed.", "", job.failed)
            title = told(job.title)
            self._all[job.id] = Shown(
                job.id, "state-failed", title, note, tone="error", details=lambda: self._show_results(job)
            )
        else:
            if job.id in self._all or job.done:
                self._say_done(job)
            self._all.pop(job.id, None)

    def _say_done(self, job: Job) -> None:
        if job.id in self._away:
            return
        self._away.add(job.id)
        said = told(job.results[0].said) if job.total == 1 and job.results else ""
        text = self.tr("%1: done.").replace("%1", told(job.title))
        self._desk.say(said or text, "ok")

    def _show_results(self, job: Job) -> None:
        self._desk.work.start(self._results(job), exclusive="results")

    async def _results(self, job: Job) -> None:
        dialog = Results(self.window(), job)
        if await dialogs.answer(dialog) is not dialogs.Answer.YES:
            return
        ids = [one.account for one in job.results if not one.ok]
        again = self._starts(job.kind)
        if again is not None and ids:
            self._all.pop(job.id, None)
            self._arrange()
            again(ids)

    def _starts(self, kind: str) -> Callable[[list[AccountId]], object] | None:
        host = self._desk.host
        starts: dict[str, Callable[[list[AccountId]], object]] = {
            "fetch_assets": host.asset_fetch.start,
            "clear_assets": host.acts.clear_assets,
            "list_assets": host.acts.list_assets,
        }
        return starts.get(kind)

    def _take_moves(self, moves: Moves) -> None:
        now = moves.now
        far = self.tr("%1 of %2").replace("%1", str(now.done)).replace("%2", str(now.total))
        if moves.over:
            note = told(moves.failure, moves.hint)
            if now.done:
                note = self.tr("After %1: %2").replace("%1", far).replace("%2", note)
            self._all[moves.key] = Shown(moves.key, "state-failed", moves.title, note, tone="error")
            return
        fraction = now.done / now.total if now.total else 0.0
        self._all[moves.key] = Shown(
            moves.key, "folder", moves.title, far if now.total else "", fraction, cancel=moves.stop
        )

    # -- showing

    def _put_away(self, key: str) -> None:
        self._away.add(key)
        self._all.pop(key, None)
        self._arrange()

    def _arrange(self) -> None:
        wanted = [shown for key, shown in self._all.items() if key not in self._away]
        first = wanted[:_SHOWN]
        keys = {one.key for one in first}
        for key in [key for key in self._lines if key not in keys]:
            gone = self._lines.pop(key)
            gone.hide()
            gone.deleteLater()
        for place, shown in enumerate(first):
            known = self._lines.get(shown.key)
            if known is None:
                made = self._lines[shown.key] = Line(self._desk, shown)
                made.dismissed.connect(self._put_away)
                self._layout.insertWidget(place, made)
            else:
                known.show_this(shown)
        left = len(wanted) - len(first)
        self._more.setText(self.tr("%n more under way", "", left))
        self._more.setVisible(left > 0)
        self.setVisible(bool(wanted))


class Results(QDialog):
    """What became of each account, the failed ones first; `Retry these` begins again with those."""

    def __init__(self, parent: QWidget, job: Job) -> None:
        super().__init__(parent)
        self.setWindowTitle(told(job.title))
        self.setAccessibleName(told(job.title))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.rows: Rows[Result] = Rows(
            (
                Column(self.tr("Account"), lambda one: one.name, lambda one: one.name.casefold()),
                Column(
                    self.tr("Result"),
                    lambda one: told(one.said, one.hint),
                    lambda one: (one.ok, one.said),
                    tip=lambda one: told(one.said, one.hint),
                ),
            ),
            key=lambda one: one.account,
            parent=self,
        )
        self.rows.fill(job.results)
        self.rows.sort(1)
        self.table = Table(self.rows, self.tr("Results"), (140, 300), stretch=1)
        self.close_ = button(self.tr("Close"))
        self.retry = button(self.tr("Retry these"), kind="primary")
        self.retry.setVisible(job.kind != "delete_assets")
        self.close_.clicked.connect(self.reject)
        self.retry.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN - 4)
        layout.setSpacing(GAP)
        layout.addWidget(section(told(job.title)))
        layout.addWidget(quiet(self.tr("%n account(s) failed.", "", job.failed)))
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons_row(self.close_, self.retry))
        self.resize(*_DIALOG)


def _is_whole(job: MediaJob) -> bool:
    """Whether a job can be begun again: the pictures it began with are not kept for long."""
    return all(one.data or one.url for one in job.request.references)
