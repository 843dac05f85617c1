"""What is being done to accounts, above their table: how far it is, an end to it, and what came of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from grokdesk.engine.jobs import Job, JobState
from grokdesk.ui import dialogs
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.widgets.parts import Elided, button, quiet
from grokdesk.ui.windows.accounts_dialogs import Outcome

_SHOWN: Final = 3
# What is over sooner is told by a toast alone.
_SOON_MS: Final = 300
_MANY: Final = 500
_BAR: Final = 6
_KINDS: Final = frozenset(
    {
        "refresh",
        "adult_on",
        "adult_off",
        "clear_assets",
        "fetch_assets",
        "list_assets",
        "clear_conversations",
        "list_conversations",
    }
)


class WorkLine(QFrame):
    """One job."""

    dismissed = Signal(str)

    def __init__(self, desk: Desk, job: Job) -> None:
        super().__init__()
        self._desk = desk
        self.job = job
        self.setProperty("kind", "card")
        self._shape = QLabel()
        self.title = Elided()
        self.note = Elided()
        self.note.setProperty("tone", "quiet")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_BAR)
        self.bar.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.cancel = button(self.tr("Cancel"), look=desk.look, icon="close")
        self.details = button(self.tr("Show each account…"))
        self.retry = button(self.tr("Retry these"))
        self.dismiss = button("", kind="plain", look=desk.look, icon="close", name=self.tr("Put away"))
        words = QVBoxLayout()
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.bar)
        words.addWidget(self.note)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.setSpacing(8)
        row.addWidget(self._shape)
        row.addLayout(words, 1)
        for one in (self.cancel, self.details, self.retry, self.dismiss):
            row.addWidget(one)
        self.cancel.clicked.connect(self.stop)
        self.details.clicked.connect(self.show_outcome)
        self.retry.clicked.connect(self.again)
        self.dismiss.clicked.connect(lambda: self.dismissed.emit(job.id))
        self.refresh()

    def text(self) -> str:
        """What it says."""
        return f"{self.title.text()}\n{self.note.text()}"

    def refresh(self) -> None:
        """Show how it is now."""
        job, over = self.job, self.job.is_over
        icon, token = ("state-busy", "accent") if not over else ("state-failed", "error")
        dress_label(self._shape, icon, self._desk.look, token, 16)
        title = self._desk.doing.job_title(job)
        self.title.setText(title)
        self.bar.setVisible(not over)
        self.bar.setMaximum(max(job.total, 1))
        self.bar.setValue(job.done)
        self.note.setText(self._note())
        self.bar.setAccessibleName(title)
        self.setAccessibleName(f"{title}. {self.note.text()}")
        self.cancel.setVisible(not over)
        self.cancel.setEnabled(job.state is JobState.RUNNING)
        self.details.setVisible(over or job.failed > 0)
        self.retry.setVisible(over and job.failed > 0)
        self.dismiss.setVisible(over)

    def _note(self) -> str:
        job = self.job
        if job.is_over:
            return self._desk.doing.summary(job.ok, job.failed, job.total - job.done)
        far = self.tr("%1 of %2").replace("%1", str(job.done)).replace("%2", str(job.total))
        if job.state is JobState.CANCELLING:
            return self.tr("Stopping after the step it is at: %1 done").replace("%1", far)
        if job.failed:
            far = self.tr("%1, %n failed", "", job.failed).replace("%1", far)
        doing = next((said for said in job.doing.values() if said), "")
        return f"{far} · {told(doing)}" if doing else far

    def stop(self) -> None:
        """Hand out no more accounts."""
        self._desk.host.jobs.cancel(self.job.id)
        self.refresh()

    def again(self) -> None:
        """Begin anew with those that failed."""
        job, jobs = self.job, self._desk.host.jobs
        failed = [one.account for one in job.results if not one.ok]
        self.dismissed.emit(job.id)
        if failed:
            jobs.start(job.kind, job.title, failed, job.act)

    def show_outcome(self) -> None:
        """Show what became of each account."""
        self._desk.work.start(self._show_outcome(), exclusive="outcome")

    async def _show_outcome(self) -> None:
        dialog = Outcome(self.window(), self._desk, self.job, self._desk.doing.job_title(self.job))
        if await dialogs.answer(dialog) is dialogs.Answer.YES:
            self.again()


class WorkBar(QWidget):
    """The last jobs about accounts that run, or ended with failures. Empty, it takes no room."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._lines: dict[str, WorkLine] = {}
        self._soon: set[str] = set()
        self._away: set[str] = set()
        self._quiet: dict[str, Callable[[Job], None]] = {}
        self._adding = QFrame()
        self._adding.setProperty("kind", "card")
        self.adding_words = quiet()
        self.adding_bar = QProgressBar()
        self.adding_bar.setTextVisible(False)
        self.adding_bar.setFixedHeight(_BAR)
        adding = QHBoxLayout(self._adding)
        adding.setContentsMargins(12, 6, 12, 6)
        adding.addWidget(self.adding_words)
        adding.addWidget(self.adding_bar, 1)
        self._adding.hide()
        self._more = quiet()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self._adding)
        self._layout.addWidget(self._more)
        self.setAccessibleName(self.tr("Under way"))
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(_SOON_MS)
        self._late.timeout.connect(self._take_late)
        desk.doing.changed.connect(self.show_adding)
        self._arrange()

    def lines(self) -> list[WorkLine]:
        """The lines in sight, from top to bottom."""
        return list(self._lines.values())

    def keep_quiet(self, job: Job, ended: Callable[[Job], None]) -> None:
        """Leave it to `ended` to tell how a job went."""
        self._quiet[job.id] = ended

    def halt(self) -> bool:
        """Cancel what runs; returns whether anything did."""
        running = [line for line in self._lines.values() if not line.job.is_over]
        for line in running:
            line.stop()
        return bool(running)

    # -- being seen

    def appeared(self) -> None:
        """Take in what goes on."""
        running = {job.id for job in self._desk.host.jobs.all() if not job.is_over}
        self.heard(frozenset({*running, *self._lines, *self._soon}), aloud=False)
        self.show_adding()

    def vanished(self) -> None:
        """Let no timer run."""
        self._late.stop()

    def heard(self, ids: frozenset[str], *, aloud: bool = True) -> None:
        """Jobs went on; `aloud`: say that one has ended well."""
        for job_id in ids:
            job = self._desk.host.jobs.get(job_id)
            if job is not None and job.kind in _KINDS and job_id not in self._away:
                self._take(job, aloud=aloud)
        self._arrange()

    def _take(self, job: Job, *, aloud: bool) -> None:
        line = self._lines.get(job.id)
        if job.is_over:
            self._soon.discard(job.id)
            ended = self._quiet.pop(job.id, None)
            if ended is not None:
                self._away.add(job.id)
                ended(job)
            elif job.failed:
                self._show(job)
                return
            else:
                self._away.add(job.id)
                if aloud:
                    self._say_done(job)
            if line is not None:
                self._drop(job.id)
        elif line is not None:
            line.refresh()
        elif job.id not in self._quiet and job.id not in self._soon:
            self._soon.add(job.id)
            self._late.start()

    def _say_done(self, job: Job) -> None:
        if job.total == 1 and job.results:
            one = job.results[0]
            text = self.tr("%1: %2").replace("%1", one.name).replace("%2", told(one.said))
            self._desk.say(text, "ok")
        else:
            said = self._desk.doing.summary(job.ok, job.failed, job.total - job.done)
            title = self._desk.doing.job_title(job)
            self._desk.say(self.tr("%1: %2").replace("%1", title).replace("%2", said), "ok")

    def _take_late(self) -> None:
        soon, self._soon = self._soon, set()
        for job_id in soon:
            job = self._desk.host.jobs.get(job_id)
            if job is not None and not job.is_over:
                self._show(job)
        self._arrange()

    def _show(self, job: Job) -> None:
        line = self._lines.get(job.id)
        if line is not None:
            line.refresh()
            return
        made = self._lines[job.id] = WorkLine(self._desk, job)
        made.dismissed.connect(self._put_away)
        self._layout.insertWidget(1, made)

    def _drop(self, job_id: str) -> None:
        line = self._lines.pop(job_id, None)
        if line is not None:
            line.hide()
            line.deleteLater()

    def _put_away(self, job_id: str) -> None:
        self._away.add(job_id)
        self._drop(job_id)
        doing = self._desk.doing.of_job(job_id)
        if doing is not None:
            self._desk.doing.put_away(doing)
        self._arrange()

    def _arrange(self) -> None:
        shown = list(self._lines.values())[-_SHOWN:]
        for line in self._lines.values():
            line.setVisible(line in shown)
        left = len(self._lines) - len(shown)
        self._more.setText(self.tr("%n more", "", left))
        self._more.setVisible(left > 0)
        self.setVisible(bool(self._lines) or not self._adding.isHidden())

    def show_adding(self) -> None:
        """Show how far an import is."""
        adding = self._desk.adding
        # Fewer are there before anybody could read this.
        going_on = adding is not None and not adding.is_over and adding.total >= _MANY
        if going_on and adding is not None:
            far = self.tr("%1: %2 of %3").replace("%1", adding.title)
            far = far.replace("%2", str(adding.done)).replace("%3", str(adding.total))
            self.adding_words.setText(far)
            self.adding_bar.setMaximum(max(1, adding.total))
            self.adding_bar.setValue(adding.done)
            self.adding_bar.setAccessibleName(far)
        if going_on is self._adding.isHidden():
            self._adding.setVisible(going_on)
            self._arrange()
