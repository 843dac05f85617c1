"""The page Cloudflare: how its check is passed, and how each way out stands with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from grokdesk.core.egress import CheckState, SolverTested, Standing, Tested, check_manual
from grokdesk.core.errors import GrokDeskError
from grokdesk.core.settings import ClearanceMode, EgressSettings
from grokdesk.ui import words
from grokdesk.ui.desk import Desk
from grokdesk.ui.icons import dress_label
from grokdesk.ui.languages import joined, told
from grokdesk.ui.models import clearances as models
from grokdesk.ui.models.clearances import ClearanceRows, browser_of
from grokdesk.ui.models.ways import Trial
from grokdesk.ui.theme import GAP, code_font
from grokdesk.ui.widgets.choice import Choice
from grokdesk.ui.widgets.parts import Prose, button, card, quiet, set_tone
from grokdesk.ui.widgets.table import Table
from grokdesk.ui.widgets.tick import Tick

# Ages are in minutes; a finer tick would repaint for nothing.
_TICK_MS: Final = 1_000
# A thousand ways out take 13 ms; so many are not looked at again with every frame.
_MANY: Final = 200
_LATER_MS: Final = 300
_WIDTHS: Final = (150, 110, 170, 90, 90, 170)
_NARROW: Final = 760
_COOKIES_HIGH: Final = 64
_TABLE_HIGH: Final = 104
_TAIL: Final = 4


class CloudflarePage(QWidget):
    """The choice, what it needs, and the table of checks."""

    def __init__(self, desk: Desk, trial: Callable[[str], Trial], test: Callable[[str], object]) -> None:
        super().__init__()
        self.desk = desk
        self._trial = trial
        self._test = test
        self._problems: dict[str, str] = {}
        self.rows = ClearanceRows(desk.host.clock.now, desk.look, self)
        self.table = Table(self.rows, self.tr("Checks of Cloudflare"), _WIDTHS, stretch=models.WAY)
        self.table.setMinimumHeight(_TABLE_HIGH)
        self._build()
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATER_MS)
        self._later.timeout.connect(self.refresh)
        self._connect()
        self._fill_fields()

    # -- building

    def _build(self) -> None:
        look = self.desk.look
        self.how = Choice(self.tr("How Cloudflare's check is passed"), look)
        for text, mode in (
            (self.tr("Not needed"), ClearanceMode.NONE),
            (self.tr("With cookies I paste"), ClearanceMode.MANUAL),
            (self.tr("By a solver I run"), ClearanceMode.FLARESOLVERR),
        ):
            self.how.addItem(text, mode.value)
        asked = QLabel(self.tr("Pass the check:"))
        asked.setBuddy(self.how)
        self.meaning = quiet()
        self.pasting = self._build_pasting()
        self.solving = self._build_solving()
        self._shape = QLabel()
        self.why = Prose()
        self.renew = button(self.tr("Renew now"), look=look, icon="refresh")
        self.test = button(self.tr("Test"), look=look, icon="test")
        self.forget = button(
            self.tr("Forget"), look=look, icon="remove", name=self.tr("Forget the clearance")
        )
        how = QHBoxLayout()
        how.setSpacing(8)
        how.addWidget(asked)
        how.addWidget(self.how)
        how.addStretch(1)
        acts = QHBoxLayout()
        acts.setSpacing(8)
        acts.addWidget(self._shape)
        acts.addWidget(self.why, 1)
        acts.addWidget(self.renew, 0, Qt.AlignmentFlag.AlignTop)
        acts.addWidget(self.test, 0, Qt.AlignmentFlag.AlignTop)
        acts.addWidget(self.forget, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addLayout(how)
        column.addWidget(self.meaning)
        column.addWidget(self.pasting)
        column.addWidget(self.solving)
        column.addWidget(self.table, 1)
        column.addLayout(acts)
        self.delete = QAction(self.tr("Forget the clearance"), self)
        self.delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.delete.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self.table.addAction(self.delete)

    def _build_pasting(self) -> QFrame:
        look = self.desk.look
        frame, layout = card()
        self.cookies = QPlainTextEdit()
        self.cookies.setAccessibleName(self.tr("Cookies of grok.com"))
        self.cookies.setPlaceholderText(
            self.tr("cookie, as your browser shows it; only Cloudflare's own are sent, never your sign-in")
        )
        self.cookies.setTabChangesFocus(True)
        self.cookies.setFont(code_font())
        self.cookies.setFixedHeight(_COOKIES_HIGH)
        self.agent = QLineEdit()
        self.agent.setAccessibleName(self.tr("User agent"))
        self.agent.setPlaceholderText(self.tr("user-agent, from the same request"))
        self.agent.setFont(code_font())
        self._fits_shape = QLabel()
        self.fits = Prose()
        self.save_pasted = button(self.tr("Save"), kind="primary", look=look, icon="check")
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._fits_shape)
        said.addWidget(self.fits, 1)
        said.addWidget(self.save_pasted)
        layout.addWidget(self.cookies)
        layout.addWidget(self.agent)
        layout.addLayout(said)
        return frame

    def _build_solving(self) -> QFrame:
        look = self.desk.look
        frame, layout = card()
        self.address = QLineEdit()
        self.address.setAccessibleName(self.tr("Address of the solver"))
        self.address.setPlaceholderText("http://127.0.0.1:8191")
        self.address.setFont(code_font())
        asked = QLabel(self.tr("Solver:"))
        asked.setBuddy(self.address)
        self.test_solver = button(self.tr("Test the solver"), look=look, icon="test")
        self.save_solver = button(self.tr("Save"), kind="primary", look=look, icon="check")
        self.sessions = Tick(self.tr("Keep a browser open for each way out: faster, takes memory"), look)
        self._solver_shape = QLabel()
        self.solver_says = Prose()
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(asked)
        first.addWidget(self.address, 1)
        first.addWidget(self.test_solver)
        first.addWidget(self.save_solver)
        said = QHBoxLayout()
        said.setSpacing(8)
        said.addWidget(self._solver_shape)
        said.addWidget(self.solver_says, 1)
        layout.addLayout(first)
        layout.addWidget(self.sessions)
        layout.addLayout(said)
        return frame

    def _connect(self) -> None:
        desk = self.desk
        self.how.activated.connect(self.choose_how)
        self.cookies.textChanged.connect(self._check_pasted)
        self.agent.textChanged.connect(self._check_pasted)
        self.save_pasted.clicked.connect(self.paste)
        self.agent.returnPressed.connect(self.paste)
        self.address.textChanged.connect(self._solver_edited)
        self.address.returnPressed.connect(self.save_address)
        self.save_solver.clicked.connect(self.save_address)
        self.test_solver.clicked.connect(self.ask_solver)
        self.sessions.clicked.connect(self._keep_browsers)
        self.renew.clicked.connect(self.renew_selected)
        self.test.clicked.connect(self.test_selected)
        self.forget.clicked.connect(self.forget_selected)
        self.delete.triggered.connect(self.forget_selected)
        self.table.selectionModel().selectionChanged.connect(self._show_why)
        self._tick.timeout.connect(self._time_went_on)
        desk.bridge.egress.connect(self._heard)
        desk.bridge.settings.connect(self._heard)
        desk.look.changed.connect(self.table.viewport().update)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column in (models.SITE, models.ENDS):
            self.table.setColumnHidden(column, self.width() < _NARROW)

    # -- being seen

    def appeared(self) -> None:
        """Take in what happened meanwhile."""
        self.refresh()

    def vanished(self) -> None:
        """Let no timer run."""
        self._tick.stop()
        self._later.stop()

    def heard_trials(self) -> None:
        """A way out was tested."""
        if self.isVisible():
            self._show_why()

    def _heard(self, *_: object) -> None:
        if not self.isVisible():
            return
        if len(self.rows) <= _MANY:
            self.refresh()
        elif not self._later.isActive():
            self._later.start()

    def _time_went_on(self) -> None:
        self.rows.repaint_columns(models.AGE, models.ENDS)

    # -- asking

    @property
    def _egress(self) -> EgressSettings:
        return self.desk.host.live.now.egress

    def selected(self) -> list[CheckState]:
        """The selected checks."""
        places = (self.rows.place(key) for key in self.table.selected_keys())
        return [self.rows.row(place) for place in places if place is not None]

    def show_way(self, name: str) -> bool:
        """Select the checks of a way out; returns whether there is one."""
        self.refresh()
        found = [key for key in self.rows.keys() if isinstance(key, tuple) and key[0] == name]  # noqa: SIM118 - a method of rows
        self.table.select(found)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)
        return bool(found)

    def _ways(self) -> list[str]:
        return list(dict.fromkeys(row.way for row in self.selected()))

    # -- showing

    def refresh(self) -> None:
        """Show everything as it is now."""
        egress = self._egress
        self.rows.show(self.desk.host.egress.checks())
        if len(self.rows) and not self.table.selected_keys():
            self.table.select(self.rows.keys()[:1])
        self.how.setCurrentIndex(self.how.findData(egress.clearance.value))
        self.meaning.setText(
            {
                ClearanceMode.NONE: self.tr(
                    "Nothing is done about Cloudflare. This is right as long as no request is stopped."
                ),
                ClearanceMode.MANUAL: self.tr(
                    "Open grok.com in a browser that leaves by the same address as GrokDesk. "
                    "From one request (F12, Network), copy both cookie and user-agent."
                ),
                ClearanceMode.FLARESOLVERR: self.tr(
                    "A FlareSolverr opens the page in a real browser and brings the cookie. It is asked when "
                    "a request was stopped, and has to leave by the same address as GrokDesk."
                ),
            }[egress.clearance]
        )
        self.pasting.setVisible(egress.clearance is ClearanceMode.MANUAL)
        self.solving.setVisible(egress.clearance is ClearanceMode.FLARESOLVERR)
        self.sessions.setChecked(egress.solver_sessions)
        self._check_pasted()
        self._solver_edited()
        self._show_why()
        times = any(row.clearance.solved_at for row in self._all_rows())
        if times and self.isVisible():
            self._tick.start()
        else:
            self._tick.stop()

    def _all_rows(self) -> list[CheckState]:
        return [self.rows.row(place) for place in range(len(self.rows))]

    def _fill_fields(self) -> None:
        """Begin with what is set; cookies are never shown again."""
        egress = self._egress
        self.address.setText(egress.solver_url)
        self.agent.setText(egress.user_agent if egress.cookies else "")
        self._say_solver("", "info", "text2", "quiet")

    def typed(self) -> tuple[str, ...]:
        """What was typed and not saved: cookies, user agent, and address of the solver."""
        return self.cookies.toPlainText(), self.agent.text(), self.address.text()

    def type_again(self, typed: Sequence[str]) -> None:
        """Take what `typed` returned."""
        if len(typed) == len(self.typed()):
            self.cookies.setPlainText(typed[0])
            self.agent.setText(typed[1])
            self.address.setText(typed[2])

    def _show_why(self, *_: object) -> None:
        chosen = self.selected()
        solver = self._egress.clearance is ClearanceMode.FLARESOLVERR
        manual = self._egress.clearance is ClearanceMode.MANUAL
        self.renew.setVisible(solver)
        self.renew.setEnabled(bool(chosen) and not all(row.clearance.solving for row in chosen))
        self.test.setEnabled(bool(chosen))
        kept = any(row.clearance.standing is not Standing.OPEN for row in chosen)
        self.forget.setEnabled(bool(self._egress.cookies) if manual else kept)
        if len(chosen) != 1:
            text = (
                self.tr("%n check(s) selected", "", len(chosen))
                if chosen
                else self.tr("Select a line to see why it is so.")
            )
            self._say_why(text, "info", "text2")
            return
        row = chosen[0]
        said = models.clearance_state(row.clearance)
        icon, token = words.ICON_OF[said.kind]
        failed = self._problems.get(row.way, "")
        parts = [failed] if failed.startswith(said.why) and failed else [said.why, failed]
        text = joined(*parts, self._tested(row))
        self._say_why(text, icon, token)

    def _tested(self, row: CheckState) -> str:
        """What the last test of a way out said about Cloudflare, unless the clearance is newer."""
        trial = self._trial(row.way)
        if trial.found is None or trial.at is None or trial.at < (row.clearance.solved_at or 0.0):
            return ""
        at = words.at(trial.at, self.desk.host.clock.now())
        return self._test_words(trial.found).replace("%1", at)

    def _test_words(self, found: Tested) -> str:
        if not found.reachable:
            return self.tr("Test at %1: not reachable. %2").replace("%2", told(found.failure))
        text = (
            self.tr("Test at %1: Cloudflare wants to see a browser first (%2, %3).")
            if found.challenged
            else self.tr("Test at %1: not stopped (%2, %3).")
        )
        seen = f"{found.address} {found.country}".strip() or self.tr("address not told")
        return text.replace("%3", words.milliseconds(found.latency_ms)).replace("%2", seen)

    def _say_why(self, text: str, icon: str, token: str) -> None:
        self.why.setText(text)
        dress_label(self._shape, icon, self.desk.look, token, 16)

    # -- how

    def choose_how(self, *_: object) -> None:
        """Pass the check in another way from now on."""
        mode = ClearanceMode(self.how.currentData())
        if mode is not self._egress.clearance:
            self.desk.work.start(self._change({"egress.clearance": mode.value}, ""))

    async def _change(self, changes: dict[str, object], told: str) -> None:
        try:
            await self.desk.host.change(changes)
        finally:
            self.refresh()
        if told:
            self.desk.say(told, "ok")

    # -- pasting

    def _check_pasted(self) -> None:
        egress = self._egress
        cookies, agent = self.cookies.toPlainText(), self.agent.text()
        if not cookies.strip() and egress.cookies:
            self._say_fit(self._stored(egress), bool(check_manual(egress.cookies, egress.user_agent)))
            self.save_pasted.setEnabled(False)
            return
        if not cookies.strip() and not agent.strip():
            self._say_fit(told(check_manual("", "") or ""), None)
            self.save_pasted.setEnabled(False)
            return
        problem = check_manual(cookies, agent)
        fits = self.tr("Cookie and browser fit together: %1.").replace("%1", browser_of(agent))
        self._say_fit(told(problem) if problem else fits, problem is not None)
        self.save_pasted.setEnabled(problem is None)

    def _stored(self, egress: EgressSettings) -> str:
        problem = check_manual(egress.cookies, egress.user_agent)
        if problem:
            return told(problem)
        found = egress.cookies.partition("cf_clearance=")[2].partition(";")[0].strip()
        text = self.tr("Saved: cf_clearance …%1, %2. When it is refused, paste a new one.")
        return text.replace("%1", found[-_TAIL:]).replace("%2", browser_of(egress.user_agent))

    def _say_fit(self, text: str, wrong: bool | None) -> None:
        icon, token, tone = {
            None: ("info", "text2", "quiet"),
            True: ("warning", "error", "error"),
            False: ("check", "ok", "ok"),
        }[wrong]
        self.fits.setText(text)
        dress_label(self._fits_shape, icon, self.desk.look, token, 16)
        set_tone(self.fits, tone)

    def paste(self) -> None:
        """Send these cookies, as this browser, from now on."""
        if self.save_pasted.isEnabled():
            self.desk.work.start(self._paste(), exclusive="paste clearance")

    async def _paste(self) -> None:
        cookies, agent = " ".join(self.cookies.toPlainText().split()), self.agent.text().strip()
        await self._change(
            {"egress.cookies": cookies, "egress.user_agent": agent},
            self.tr("Saved. Test a way out to see whether Cloudflare lets it pass."),
        )
        self.cookies.clear()

    # -- the solver

    def _solver_edited(self, *_: object) -> None:
        text = self.address.text().strip()
        self.test_solver.setEnabled(bool(text))
        self.save_solver.setEnabled(text.rstrip("/") != self._egress.solver_url)
        if not text and not self._egress.solver_url and not self.solver_says.text():
            self._say_solver(
                self.tr("No solver is set: requests that are stopped stay so."), "warning", "warn", "warn"
            )

    def save_address(self) -> None:
        """Use the solver at this address from now on."""
        if self.save_solver.isEnabled():
            self.desk.work.start(self._save_address(), exclusive="solver address")

    async def _save_address(self) -> None:
        address = self.address.text().strip()
        try:
            await self._change({"egress.solver_url": address}, "")
        except GrokDeskError as error:
            self._say_solver(told(error.message), "warning", "error", "error")
            return
        self._say_solver(self.tr("Saved."), "check", "ok", "ok")

    def ask_solver(self) -> None:
        """Ask the solver at the address in the field how it is."""
        self.test_solver.setEnabled(False)
        self._say_solver(self.tr("Asking…"), "state-busy", "accent", "quiet")
        self.desk.work.start(self._ask_solver(), exclusive="test solver")

    async def _ask_solver(self) -> None:
        address = self.address.text().strip()
        try:
            found = await self.desk.host.egress.test_solver(address)
        finally:
            self.test_solver.setEnabled(bool(self.address.text().strip()))
        if not found.reachable:
            self._say_solver(told(found.failure, found.hint), "warning", "error", "error")
        else:
            self._say_solver(self._solver_words(found), "check", "ok", "ok")

    def _solver_words(self, found: SolverTested) -> str:
        answer = (
            self.tr("The solver answers: version %1, in %2.")
            if found.version
            else self.tr("The solver answers, in %2.")
        )
        answer = answer.replace("%2", words.milliseconds(found.latency_ms)).replace("%1", found.version)
        if not found.browsers:
            return joined(answer, self.tr("It keeps no browser open."))
        browsers = self.tr("%n browser(s) open, %1 for GrokDesk.", "", found.browsers)
        return joined(answer, browsers.replace("%1", str(found.ours)))

    def _say_solver(self, text: str, icon: str, token: str, tone: str) -> None:
        self.solver_says.setText(text)
        self.solver_says.setVisible(bool(text))
        self._solver_shape.setVisible(bool(text))
        dress_label(self._solver_shape, icon, self.desk.look, token, 16)
        set_tone(self.solver_says, tone)

    def _keep_browsers(self, on: bool) -> None:
        self.desk.work.start(self._change({"egress.solver_sessions": on}, ""))

    # -- on ways out

    def test_selected(self) -> None:
        """Test the selected ways out."""
        for way in self._ways():
            self._test(way)

    def renew_selected(self) -> None:
        """Have new clearances now."""
        for way in self._ways():
            self.desk.work.start(self._renew(way), exclusive=f"renew {way}")

    async def _renew(self, way: str) -> None:
        self._problems.pop(way, None)
        try:
            await self.desk.host.egress.solve_now(way)
        except GrokDeskError as error:
            self._problems[way] = told(error.message, error.hint)
            self._heard()
            return
        self._heard()
        self.desk.say(self.tr("New clearance for %1.").replace("%1", models.title_of(way)), "ok")

    def forget_selected(self) -> None:
        """Forget the clearances of the selected ways out, or the pasted one; there is an undo."""
        if not self.forget.isEnabled():
            return
        if self._egress.clearance is ClearanceMode.MANUAL:
            self.desk.work.start(self._forget_pasted(), exclusive="paste clearance")
            return
        ways = self._ways()
        backs = [self.desk.host.egress.forget_clearances(way) for way in ways]

        async def back() -> None:
            for one in backs:
                one()

        self.refresh()
        self.desk.did(self.tr("Clearance of %n way(s) out forgotten.", "", len(ways)), back)

    async def _forget_pasted(self) -> None:
        cookies = self._egress.cookies
        await self._change({"egress.cookies": ""}, "")

        async def back() -> None:
            if not self._egress.cookies:
                await self._change({"egress.cookies": cookies}, "")

        self.desk.did(self.tr("Pasted cookies forgotten."), back)
