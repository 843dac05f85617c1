"""One account in full: what it has left, why it is in its state, what to do, and its history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from PySide6.QtCore import QDateTime, QLocale, Qt
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.accounts import Account, AccountId, Status, Tier, TierSource
from grokdesk.core.egress import public_name
from grokdesk.core.runs import RunRecord, RunState
from grokdesk.core.secret import Secret
from grokdesk.engine.jobs import Job
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress, dress_label
from grokdesk.ui.languages import joined, told
from grokdesk.ui.models.account_advice import Step, advice, of_status
from grokdesk.ui.models.accounts import State, percent
from grokdesk.ui.theme import GAP
from grokdesk.ui.widgets.flow import Flow
from grokdesk.ui.widgets.in_place import Decision, Field, Notes
from grokdesk.ui.widgets.parts import (
    Elided,
    Prose,
    breakable,
    button,
    line,
    quiet,
    rename,
    section,
    set_tone,
    title,
)
from grokdesk.ui.windows.accounts_acts import AccountActs
from grokdesk.ui.windows.accounts_dialogs import split_tags, ways
from grokdesk.ui.windows.accounts_quota import Quota

_REQUESTS: Final = 5
_NARROW: Final = 264
_AS_TOLD: Final = "as told"
_OTHER: Final = "other"


class Details(QFrame):
    """One account in full, or what can be done with several."""

    def __init__(self, desk: Desk, acts: AccountActs) -> None:
        super().__init__()
        self._desk = desk
        self._acts = acts
        self._ids: list[AccountId] = []
        self._tested: dict[AccountId, tuple[str, bool]] = {}
        self._testing: set[AccountId] = set()
        self._step = Step.NONE
        self.test_started: Callable[[Job, Callable[[Job], None]], None] | None = None
        self.setProperty("kind", "card")
        self.setMinimumWidth(_NARROW)
        self.setAccessibleName(self.tr("Details"))
        # What is read scrolls; what can be done stays in reach.
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(16, 16, 12, 8)
        self._column.setSpacing(GAP)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inside)
        self._area.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(1, 1, 1, 1)
        whole.setSpacing(0)
        whole.addWidget(self._area, 1)
        self._rule = line()
        whole.addWidget(self._rule)
        self._buttons = QWidget()
        whole.addWidget(self._buttons)
        self._build()
        self._connect()
        self.show_account(None)

    # -- building

    def _build(self) -> None:
        look, column = self._desk.look, self._column
        self._name = section("")
        self._hint = quiet(self.tr("Select an account to see its quota and why it is in its state."))
        column.addWidget(self._name)
        column.addWidget(self._hint)
        self._one = QWidget()
        inner = QVBoxLayout(self._one)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(GAP)
        self._build_state(inner)
        inner.addWidget(_head(self.tr("Left")))
        self.quota = Quota(self._desk)
        inner.addWidget(self.quota)
        inner.addWidget(_head(self.tr("About it")))
        self._build_fields(inner)
        self.token = button(self.tr("Replace token…"), look=look, icon="key")
        self.copy = button(self.tr("Copy token"), look=look, icon="copy")
        self.adult = button(self.tr("Show adult content…"), look=look, icon="eye")
        acts = QWidget()
        further = Flow(acts, gap=8, line_gap=8)
        for one in (self.token, self.copy, self.adult):
            further.addWidget(one)
        inner.addWidget(acts)
        inner.addWidget(_head(self.tr("History")))
        self._facts = quiet()
        inner.addWidget(self._facts)
        self._requests = QVBoxLayout()
        self._requests.setSpacing(2)
        inner.addLayout(self._requests)
        self._request_lines: list[_RequestLine] = []
        column.addWidget(self._one)
        self._summary = quiet()
        column.addWidget(self._summary)
        column.addStretch(1)
        self.check = button(self.tr("Refresh"), look=look, icon="refresh")
        self.switch = button(self.tr("Switch off"), look=look, icon="state-off")
        self.remove = button(self.tr("Remove"), look=look, icon="remove")
        flow = Flow(self._buttons, gap=8, line_gap=8)
        flow.setContentsMargins(16, 12, 12, 12)
        for one in (self.check, self.switch, self.remove):
            flow.addWidget(one)

    def _build_state(self, inner: QVBoxLayout) -> None:
        self._shape = QLabel()
        self._state = Prose()
        state = QHBoxLayout()
        state.setSpacing(8)
        state.addWidget(self._shape, 0, Qt.AlignmentFlag.AlignTop)
        state.addWidget(self._state, 1)
        self._why = quiet()
        self._todo = Prose()
        self.next = button("", kind="primary")
        self.test = button(self.tr("Test"), look=self._desk.look, icon="test")
        self._verdict_shape = QLabel()
        self._verdict = Prose()
        verdict = QHBoxLayout()
        verdict.setSpacing(8)
        verdict.addWidget(self._verdict_shape, 0, Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self._verdict, 1)
        steps = QWidget()
        flow = Flow(steps, gap=8, line_gap=8)
        flow.addWidget(self.next)
        flow.addWidget(self.test)
        inner.addLayout(state)
        inner.addWidget(self._why)
        inner.addWidget(self._todo)
        inner.addWidget(steps)
        inner.addLayout(verdict)

    def _build_fields(self, inner: QVBoxLayout) -> None:
        look = self._desk.look
        self.label = Field(self.tr("Name"), self.tr("A name for it"))
        self.tags = Field(self.tr("Tags"), self.tr("Tags, parted by commas"))
        self.note = Notes(self.tr("Note"), self.tr("A note, such as when it renews"))
        self.tier = Decision(self.tr("Tier"), look)
        self.tier.addItem(self.tr("As Grok says"), _AS_TOLD)
        for one in (Tier.BASIC, Tier.SUPER, Tier.HEAVY):
            self.tier.addItem(self.tr("Always %1").replace("%1", words.tier(one)), one.value)
        self.way = Decision(self.tr("Way out"), look)
        self.way.setMinimumContentsLength(8)
        for text, field in (
            (self.tr("Name"), self.label),
            (self.tr("Tags"), self.tags),
            (self.tr("Note"), self.note),
            (self.tr("Tier"), self.tier),
            (self.tr("Way out"), self.way),
        ):
            caption = quiet(text)
            caption.setBuddy(field)
            holder = QVBoxLayout()
            holder.setSpacing(2)
            holder.addWidget(caption)
            holder.addWidget(field)
            inner.addLayout(holder)

    def _connect(self) -> None:
        self.label.settled.connect(lambda text: self._edit(label=text.strip()))
        self.tags.settled.connect(lambda text: self._edit(tags=tuple(split_tags(text))))
        self.note.settled.connect(lambda text: self._edit(note=text.strip()))
        self.tier.activated.connect(self._choose_tier)
        self.way.activated.connect(self._choose_way)
        self.test.clicked.connect(self.test_it)
        self.next.clicked.connect(self._take_step)
        self.check.clicked.connect(lambda: self._acts.check(self._ids))
        self.switch.clicked.connect(self._switch)
        self.token.clicked.connect(lambda: self._acts.replace_token(self._ids[0]))
        self.copy.clicked.connect(lambda: self._acts.copy_token(self._ids[0]))
        self.adult.clicked.connect(self._turn_adult)
        self.remove.clicked.connect(lambda: self._acts.remove(self._ids))

    # -- what it says

    def why(self) -> str:
        """The reason it gives, and what to do."""
        return f"{self._why.text()} {self._todo.text()}".strip()

    def verdict(self) -> str:
        """What came of the last test."""
        return self._verdict.text()

    def facts(self) -> str:
        """Its history in figures."""
        return self._facts.text()

    def requests(self) -> list[QPushButton]:
        """The last requests, each leading to its place in the log."""
        return [line for line in self._request_lines if not line.isHidden()]

    def foot(self) -> int:
        """How tall the acts at the lower edge are."""
        return 0 if self._buttons.isHidden() else self._buttons.height()

    def unsaved(self) -> int:
        """How many changes are typed and not kept yet."""
        return sum(field.is_changed for field in (self.label, self.tags, self.note))

    def settle(self) -> None:
        """Keep what was typed."""
        for field in (self.label, self.tags):
            if field.is_changed:
                field.editingFinished.emit()
        self.note.settle()

    def keepsake(self) -> Mapping[str, Any]:
        """Return what was typed and not kept."""
        if not (self._ids and self.unsaved()):
            return {}
        return {
            "id": self._ids[0],
            "label": self.label.text(),
            "tags": self.tags.text(),
            "note": self.note.toPlainText(),
        }

    def put_back(self, kept: Mapping[str, Any]) -> None:
        """Type again what was typed."""
        if self._ids and kept.get("id") == self._ids[0]:
            self.label.setText(str(kept.get("label", "")))
            self.tags.setText(str(kept.get("tags", "")))
            self.note.setPlainText(str(kept.get("note", "")))

    # -- showing

    def show_account(self, account: Account | None) -> None:
        """Show this one, or what to do to see one."""
        self._turn_to([] if account is None else [account.id])
        if account is None:
            self._name.setText(self.tr("Details"))
            return
        off = account.status is Status.DISABLED
        rename(self.check, self.tr("Refresh"))
        rename(self.switch, self.tr("Switch on") if off else self.tr("Switch off"))
        rename(self.remove, self.tr("Remove"))
        dress(self.switch, "state-ready" if off else "state-off", self._desk.look)
        showing = account.adult_at is not None
        rename(self.adult, self.tr("Hide adult content") if showing else self.tr("Show adult content…"))
        dress(self.adult, "eye-off" if showing else "eye", self._desk.look)
        self._show(account)

    def show_many(self, ids: list[AccountId], states: Mapping[State, int]) -> None:
        """Show how these stand. Each button says to how many it is done."""
        self._turn_to(ids)
        count, off = len(ids), states.get(State.OFF, 0)
        self._name.setText(self.tr("%n account(s) selected", "", count))
        texts = [
            self.tr("%n ready", "", states.get(State.READY, 0)),
            self.tr("%n cooling", "", states.get(State.COOLING, 0)),
            self.tr("%n signed out", "", states.get(State.SIGNED_OUT, 0)),
            self.tr("%n blocked", "", states.get(State.BLOCKED, 0)),
            self.tr("%n switched off", "", off),
        ]
        shown = [text for text, state in zip(texts, State, strict=True) if states.get(state)]
        self._summary.setText(", ".join(shown))
        rename(self.check, self.tr("Check %n account(s)", "", count))
        rename(self.remove, self.tr("Remove %n account(s)", "", count))
        if off == count:
            rename(self.switch, self.tr("Switch on %n account(s)", "", off))
        else:
            rename(self.switch, self.tr("Switch off %n account(s)", "", count - off))
        dress(self.switch, "state-ready" if off == count else "state-off", self._desk.look)

    def _turn_to(self, ids: list[AccountId]) -> None:
        if ids != self._ids:
            self.settle()
            self._ids = ids
            self._area.verticalScrollBar().setValue(0)
        one, some = len(ids) == 1, bool(ids)
        self._hint.setVisible(not some)
        self._one.setVisible(one)
        self._summary.setVisible(len(ids) > 1)
        for act in (self.check, self.switch, self.remove, self._rule, self._buttons):
            act.setVisible(some)

    def _show(self, account: Account) -> None:
        now = self._desk.host.clock.now()
        self._name.setText(breakable(account.name))
        self._show_state(account, now)
        self._show_test(account)
        self.quota.show_account(account, now)
        self.label.show_text(account.label)
        self.tags.show_text(", ".join(account.tags))
        self.note.show_text(account.note)
        self._show_choices(account)
        self._facts.setText("\n".join(self._fact_lines(account, now)))
        self._show_requests(account)

    def _show_state(self, account: Account, now: float) -> None:
        said = words.account_state(account, now)
        icon, token = words.ICON_OF[said.kind]
        dress_label(self._shape, icon, self._desk.look, token, 16)
        self._state.setText(said.text)
        why, todo = self._explained(account, said, now)
        self._why.setText(why)
        self._why.setVisible(bool(why))
        self._todo.setText(todo)
        self._todo.setVisible(bool(todo))
        step = self._step_words()
        self.next.setVisible(bool(step))
        if step:
            rename(self.next, step)

    def _explained(self, account: Account, said: words.StateWords, now: float) -> tuple[str, str]:
        """Why it is so, and what to do: about its state, else about its last failure."""
        self._step = Step.NONE
        why = told(said.why) if said.why else ""
        found = of_status(account)
        if found is None and account.rest_reason and account.resting_until > now:
            found = advice(account.rest_reason)
        if found is None and account.check_failure:
            failed = self.tr("The last check failed: %1").replace("%1", told(account.check_failure))
            why = joined(why, failed)
            found = advice(account.check_failure)
        if found is None and account.last_failure and _is_recent(account):
            when = words.ago(account.last_failure_at, now)
            failed = self.tr("The last failure, %1: %2").replace("%1", when)
            why = joined(why, failed.replace("%2", told(account.last_failure)))
            found = advice(account.last_failure)
        if found is None:
            return why, ""
        self._step = found.step
        return why, found.text

    def _step_words(self) -> str:
        match self._step:
            case Step.NEW_TOKEN:
                return self.tr("Replace token…")
            case Step.CHECK:
                return self.tr("Check again")
            case Step.SWITCH_ON:
                return self.tr("Switch on")
            case Step.TEST_WAY | Step.CLEARANCE:
                return self.tr("Test the connection")
            case Step.BIND:
                return self.tr("Choose a way out…")
            case Step.FORM:
                return self.tr("Show the setting")
            case Step.NONE:
                return ""

    def _take_step(self) -> None:
        if not self._ids:
            return
        desk, acts, one = self._desk, self._acts, self._ids[0]
        match self._step:
            case Step.NEW_TOKEN:
                acts.replace_token(one)
            case Step.CHECK:
                self.test_it()
            case Step.SWITCH_ON:
                acts.switch([one], on=True)
            case Step.TEST_WAY:
                desk.pane_wanted.emit(self._way_there("network"))
            case Step.CLEARANCE:
                desk.pane_wanted.emit(self._way_there("network:cloudflare"))
            case Step.BIND:
                acts.bind([one])
            case Step.FORM:
                desk.pane_wanted.emit("settings:grok_web.chat_form")
            case Step.NONE:
                pass

    def _way_there(self, place: str) -> str:
        """The place of the way out this account took last, or is bound to."""
        account = self._desk.host.pool.get(self._ids[0])
        if account is None:
            return place
        name = self._desk.host.egress.name_of(account.proxy.reveal()) if account.proxy else ""
        if not name:
            last = next(iter(self._runs_of(account)), None)
            name = last.egress if last is not None else ""
        return f"{place}:{name}" if name else place

    def _show_choices(self, account: Account) -> None:
        if not self.tier.view().isVisible():
            fixed = account.tier_source is TierSource.FIXED
            self.tier.setCurrentIndex(max(0, self.tier.findData(account.tier.value if fixed else _AS_TOLD)))
            now = words.aside(words.tier(account.tier), words.tier_source(account.tier_source))
            told_tier = self.tr("As Grok says: %1").replace("%1", now)
            self.tier.setItemText(0, self.tr("As Grok says") if fixed else told_tier)
        if self.way.view().isVisible():
            return
        wanted = [*ways(self._desk)]
        bound = account.proxy.reveal()
        if bound not in {way for _, way in wanted}:
            wanted.append((self._desk.host.egress.name_of(bound) or public_name(bound), bound))
        wanted.append((self.tr("Another proxy…"), _OTHER))
        have = [(self.way.itemText(place), self.way.itemData(place)) for place in range(self.way.count())]
        if have != wanted:
            self.way.clear()
            for text, way in wanted:
                self.way.addItem(text, way)
        self.way.setCurrentIndex(self.way.findData(bound))

    def _fact_lines(self, account: Account, now: float) -> Iterable[str]:
        fact = self.tr("%1: %2")
        calls = account.uses + account.failures
        rate = percent(account.uses / calls) if calls else "–"
        shown = self.tr("shown since %1")
        facts = [
            (self.tr("Token"), str(account.token)),
            (self.tr("Mail"), breakable(account.email) if account.email != account.name else ""),
            (self.tr("Answers"), words.number(account.uses)),
            (self.tr("Failures"), words.number(account.failures)),
            (self.tr("Answered"), rate),
            (self.tr("Last used"), words.ago(account.last_use_at, now)),
            (self.tr("Last checked"), words.ago(account.synced_at, now)),
            (
                self.tr("Adult content"),
                shown.replace("%1", _day(account.adult_at)) if account.adult_at is not None else "",
            ),
            (
                self.tr("Here since"),
                _day(account.created_at) if account.created_at else "",
            ),
        ]
        if account.last_failure:
            when = words.ago(account.last_failure_at, now)
            text = self.tr("%1 (%2)").replace("%2", when).replace("%1", told(account.last_failure))
            facts.append((self.tr("Last failure"), text))
        return [fact.replace("%1", name).replace("%2", value) for name, value in facts if value]

    # -- its requests

    def _runs_of(self, account: Account) -> list[RunRecord]:
        """Its last requests, also those that went on to another account."""
        found = []
        for record in self._desk.host.runs.recent():
            if record.account == account.id or any(
                attempt.account == account.name for attempt in record.tries
            ):
                found.append(record)
                if len(found) == _REQUESTS:
                    break
        return found

    def _show_requests(self, account: Account) -> None:
        records = self._runs_of(account)
        while len(self._request_lines) < len(records):
            line = _RequestLine(self._desk)
            self._request_lines.append(line)
            self._requests.addWidget(line)
        for place, line in enumerate(self._request_lines):
            line.setVisible(place < len(records))
            if place < len(records):
                line.show_run(records[place], account)

    # -- testing

    def test_it(self) -> None:
        """Ask Grok about the account, and say here how that went."""
        if len(self._ids) != 1 or self._ids[0] in self._testing:
            return
        one = self._ids[0]
        began = self._desk.host.clock.monotonic()
        self._testing.add(one)
        self._tested.pop(one, None)
        job = self._acts.check([one])
        if job is not None and self.test_started is not None:
            self.test_started(job, lambda ended: self._test_ended(ended, began))
        self._refresh_test()

    def _test_ended(self, job: Job, began: float) -> None:
        took = words.milliseconds(round((self._desk.host.clock.monotonic() - began) * 1000))
        for result in job.results:
            self._testing.discard(result.account)
            if result.ok:
                text = self.tr("It works: %1 (%2)").replace("%2", took)
                text = text.replace("%1", told(result.said))
            else:
                text = told(result.said, result.hint)
            self._tested[result.account] = (text, result.ok)
        self._refresh_test()

    def _refresh_test(self) -> None:
        account = self._desk.host.pool.get(self._ids[0]) if len(self._ids) == 1 else None
        if account is not None:
            self._show_test(account)

    def _show_test(self, account: Account) -> None:
        testing = account.id in self._testing
        self.test.setEnabled(not testing)
        text, ok = self._tested.get(account.id, ("", True))
        if testing:
            text = self.tr("Asking Grok…")
        self._verdict.setText(text)
        self._verdict.setVisible(bool(text))
        self._verdict_shape.setVisible(bool(text))
        set_tone(self._verdict, "quiet" if testing else ("ok" if ok else "error"))
        icon = "state-busy" if testing else ("check" if ok else "warning")
        token = "text2" if testing else ("ok" if ok else "error")
        dress_label(self._verdict_shape, icon, self._desk.look, token, 16)

    # -- acting

    def _edit(self, **values: object) -> None:
        if len(self._ids) == 1:
            self._acts.edit(self._ids[0], **values)

    def _switch(self) -> None:
        accounts = [one for one in map(self._desk.host.pool.get, self._ids) if one is not None]
        on = [one.id for one in accounts if one.status is not Status.DISABLED]
        self._acts.switch(on or self._ids, on=not on)

    def _turn_adult(self) -> None:
        account = self._desk.host.pool.get(self._ids[0]) if self._ids else None
        if account is not None and account.adult_at is None:
            self._acts.show_adult(self._ids)
        elif account is not None:
            self._acts.hide_adult(self._ids)

    def _choose_tier(self) -> None:
        chosen = str(self.tier.currentData())
        self._acts.set_tier(self._ids, None if chosen == _AS_TOLD else Tier(chosen))

    def _choose_way(self) -> None:
        chosen = str(self.way.currentData())
        account = self._desk.host.pool.get(self._ids[0]) if self._ids else None
        if chosen == _OTHER:
            self._acts.bind(self._ids)
            if account is not None:
                self._show_choices(account)
        elif account is not None and account.proxy.reveal() != chosen:
            self._acts.bind_to(self._ids, Secret(chosen))


class _RequestLine(QPushButton):
    """One request, in a line; a click shows all of it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._run = ""
        self.setProperty("kind", "row")
        self.setAutoDefault(False)
        self.setMinimumHeight(28)
        self._shape = QLabel()
        self._text = Elided()
        for one in (self._shape, self._text):
            one.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 2, 6, 2)
        row.setSpacing(8)
        row.addWidget(self._shape)
        row.addWidget(self._text, 1)
        self.clicked.connect(lambda: desk.pane_wanted.emit(f"requests:{self._run}"))

    def show_run(self, record: RunRecord, account: Account) -> None:
        """Show another request."""
        self._run = record.id
        icon, token, said = words.run_result(record)
        failure = next(
            (one.failure for one in record.tries if one.failure and one.account == account.name), ""
        )
        if record.account != account.id or record.state is RunState.FAILED:
            said = told(failure or record.failure) or said
        if record.account != account.id:
            icon, token = "warning", "warn"
        dress_label(self._shape, icon, self._desk.look, token, 14)
        now = self._desk.host.clock.now()
        text = f"{words.at(record.at, now)}  {record.model} · {said}"
        self._text.setText(text)
        self.setAccessibleName(text)
        self.setToolTip(text)


def _is_recent(account: Account) -> bool:
    """Whether the last failure is newer than the last answer."""
    return (account.last_failure_at or 0.0) >= (account.last_use_at or 0.0)


def _day(moment: float) -> str:
    when = QDateTime.fromSecsSinceEpoch(int(moment)).date()
    return QLocale().toString(when, QLocale.FormatType.ShortFormat)


def _head(text: str) -> Prose:
    return title(text, 1.0)
