"""One request: how it went and why, every try, what to do now, and what was said in it if that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
)

from grokdesk.core.runs import RunRecord, RunState, Talk
from grokdesk.ui import dialogs, words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import told
from grokdesk.ui.models import request_words
from grokdesk.ui.models.clearances import title_of
from grokdesk.ui.models.requests import duration
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.parts import Prose, breakable, button, card, quiet, section

_LINES: Final = 7
_NARROWEST: Final = 250


class RequestDetails(QScrollArea):
    """The details of one request."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._run: RunRecord | None = None
        self._talk: Talk | None = None
        self._steps: tuple[request_words.Step, ...] = ()
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Details of the request"))
        self.setMinimumWidth(_NARROWEST)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._card, layout = card()
        self.setWidget(self._card)
        self._build(layout)
        self.show_run(None)

    @property
    def shown(self) -> str | None:
        """The id of the request that is shown."""
        return None if self._run is None else self._run.id

    def text(self) -> str:
        """Everything it says."""
        parts = (self._title, self._result, self._hint, self._text, self._tries)
        return "\n".join(part.text() for part in parts if part.text()).replace("\u200b", "")

    def show_run(self, run: RunRecord | None) -> None:
        """Show this request, or a hint."""
        is_other = (run.id if run is not None else None) != self.shown
        self._run = run
        for part in (self._shape, self._result, self._tries_title, self._tries):
            part.setVisible(run is not None)
        for one in (self.copy_id, self.copy_curl, self.show_account, self.show_way):
            one.setVisible(run is not None)
        self.stop.setVisible(run is not None and run.state is RunState.RUNNING)
        if is_other:
            self._show_talk(None)
        if run is None:
            self._title.setText(self.tr("Details"))
            self._text.setText(self.tr("Select a request to see how it went and every try."))
            self._hint.setVisible(False)
            self._show_steps(())
            return
        icon, token, result = words.run_result(run)
        dress_label(self._shape, icon, self._desk.look, token, 16)
        self._title.setText(run.model)
        sentence = self.tr("%1. %2").replace("%1", result).replace("%2", told(run.failure))
        self._result.setText(sentence if run.failure else result)
        self._hint.setText(told(run.hint))
        self._hint.setVisible(bool(run.hint))
        fact = self.tr("%1: %2")
        self._text.setText(
            "\n".join(
                fact.replace("%1", name).replace("%2", value) for name, value in self._facts(run) if value
            )
        )
        tries = [self._try_words(number, run) for number in range(len(run.tries))]
        self._tries.setText("\n".join(tries) or self.tr("No account was asked."))
        self.show_account.setVisible(bool(run.account))
        self.show_way.setVisible(bool(run.egress))
        self._show_steps(tuple(request_words.steps(run)))
        self._make_room()
        if is_other:
            self._desk.work.start(self._read_talk(run.id), exclusive="what was said")

    def stop_run(self, run_id: str) -> None:
        """End a running request."""
        if self._desk.host.runs.stop(run_id):
            self._desk.say(self.tr("Stopped. The app is told that you ended it."))

    # -- inside

    def _make_room(self) -> None:
        """Be wide enough for the widest button, however large texts are."""
        needed = self._card.minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(max(_NARROWEST, needed))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.FontChange and self._run is not None:
            self._make_room()

    def _build(self, layout: QVBoxLayout) -> None:
        look = self._desk.look
        self._title = section("")
        self._shape = QLabel()
        self._result = Prose()
        self._hint = quiet()
        self._text = quiet()
        self._tries = quiet()
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._result, 1)
        self.stop = button(self.tr("Stop this request"), look=look, icon="stop")
        self._steps_box = Flow(gap=8, line_gap=8)
        self._tries_title = section(self.tr("Tries"))
        self.show_account = button(self.tr("Account"), look=look, icon="accounts")
        self.show_way = button(self.tr("Way out"), look=look, icon="network")
        self.copy_id = button(self.tr("Copy request id"), look=look, icon="copy")
        self.copy_curl = button(self.tr("Copy as curl"), look=look, icon="copy")
        acts = Flow(gap=8, line_gap=8)
        for one in (self.show_account, self.show_way, self.copy_id, self.copy_curl):
            acts.addWidget(one)
        layout.addWidget(self._title)
        layout.addLayout(state)
        layout.addWidget(self._hint)
        layout.addWidget(self.stop, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(self._steps_box)
        layout.addWidget(self._text)
        layout.addWidget(self._tries_title)
        layout.addWidget(self._tries)
        layout.addLayout(acts)
        layout.addWidget(self._talk_part())
        layout.addStretch(1)
        self.stop.clicked.connect(self._stop)
        self.show_account.clicked.connect(self._go(lambda run: f"accounts:id:{run.account}"))
        self.show_way.clicked.connect(self._go(lambda run: f"network:{run.egress}"))
        self.copy_id.clicked.connect(self._copy_id)
        self.copy_curl.clicked.connect(self._copy_curl)

    def _talk_part(self) -> QFrame:
        self._said = QFrame()
        column = QVBoxLayout(self._said)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._prompt, self._answer = _Text(self.tr("Prompt")), _Text(self.tr("Answer"))
        self._cut = quiet(self.tr("It was too long to be kept whole; this is its beginning."))
        self.forget = button(self.tr("Delete all kept…"), look=self._desk.look, icon="remove")
        column.addWidget(section(self.tr("Prompt")))
        column.addWidget(self._prompt)
        column.addWidget(self._cut)
        column.addWidget(section(self.tr("Answer")))
        column.addWidget(self._answer)
        column.addWidget(self.forget, 0, Qt.AlignmentFlag.AlignLeft)
        self.forget.clicked.connect(
            lambda: self._desk.work.start(self._ask_to_forget(), exclusive="forget prompts")
        )
        self._show_talk(None)
        return self._said

    def _facts(self, run: RunRecord) -> list[tuple[str, str]]:
        stands_for = run.answered if run.answered != run.model else ""
        return [
            (self.tr("Time"), words.exact(run.at)),
            (self.tr("App"), run.client),
            (self.tr("Format"), request_words.dialect(run)),
            (self.tr("Streamed"), self.tr("yes") if run.stream else self.tr("no")),
            (self.tr("Model behind the name"), stands_for),
            (self.tr("Mode"), run.mode),
            (self.tr("Account"), breakable(run.account_name)),
            (self.tr("Way out"), breakable(title_of(run.egress))),
            (self.tr("First word"), words.milliseconds(run.first_ms)),
            (self.tr("Duration"), duration(run, self._desk.host.clock.now())),
            (self.tr("Pieces"), words.number(run.pieces)),
            (
                self.tr("Tokens"),
                self.tr("%1 in, %2 out")
                .replace("%1", words.number(run.prompt_tokens))
                .replace("%2", words.number(run.completion_tokens)),
            ),
            (self.tr("Request id"), breakable(run.request_id or run.id)),
        ]

    def _try_words(self, number: int, run: RunRecord) -> str:
        one = run.tries[number]
        said = self.tr("%1. %2 (%3): %4").replace("%1", str(number + 1))
        said = said.replace("%2", breakable(one.account)).replace("%3", breakable(title_of(one.egress)))
        return " ".join(
            filter(
                None,
                (
                    said.replace("%4", request_words.outcome(run, number)),
                    told(one.hint) if one.hint != run.hint else "",
                    request_words.what_next(run, number),
                ),
            )
        )

    def _show_steps(self, steps: tuple[request_words.Step, ...]) -> None:
        if steps == self._steps:
            return
        self._steps = steps
        while (item := self._steps_box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for step in steps:
            made = button(step.text, kind="primary" if step is steps[0] else "")
            made.clicked.connect(_sends(self._desk, step.where))
            self._steps_box.addWidget(made)

    def _go(self, where: Callable[[RunRecord], str]) -> Callable[[], None]:
        def go() -> None:
            if self._run is not None:
                self._desk.pane_wanted.emit(where(self._run))

        return go

    def _stop(self) -> None:
        if self._run is not None:
            self.stop_run(self._run.id)

    def _copy_id(self) -> None:
        if self._run is not None:
            self._desk.copy(self._run.request_id or self._run.id, self.tr("Request id copied."))

    def _copy_curl(self) -> None:
        if self._run is None:
            return
        state, settings = self._desk.gateway, self._desk.host.live.now.gateway
        base = urlsplit(state.base_url if state.port else f"http://{settings.host}:{settings.port}")
        body = "" if self._talk is None or self._talk.cut else self._talk.asked
        text = request_words.curl(self._run, f"{base.scheme}://{base.netloc}", body)
        self._desk.copy(text, self.tr("Copied. Put your key into the variable GROKDESK_KEY first."))

    # -- what was said

    async def _read_talk(self, run_id: str) -> None:
        talk = await self._desk.host.runs.talk(run_id)
        if self.shown == run_id:
            self._show_talk(talk)

    def _show_talk(self, talk: Talk | None) -> None:
        self._talk = talk
        self._said.setVisible(talk is not None)
        self._prompt.setPlainText("" if talk is None else talk.asked)
        self._answer.setPlainText("" if talk is None else talk.answer)
        self._cut.setVisible(talk is not None and talk.cut)

    async def _ask_to_forget(self) -> None:
        count = await self._desk.host.runs.talks_kept()
        said = await dialogs.ask(
            self.window(),
            dialogs.Question(
                self.tr("Delete the prompts and answers of %n request(s)?", "", count),
                self.tr("The list of requests stays. This cannot be undone."),
                self.tr("Delete"),
                self.tr("Keep"),
                risky=True,
            ),
        )
        if said is dialogs.Answer.YES:
            gone = await self._desk.host.runs.forget_talks()
            self._show_talk(None)
            self._desk.say(self.tr("Prompts and answers of %n request(s) deleted.", "", gone), "ok")


class _Text(QPlainTextEdit):
    """A text that can be read and copied."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + 16)


def _sends(desk: Desk, where: str) -> Callable[[], None]:
    return lambda: desk.pane_wanted.emit(where)
