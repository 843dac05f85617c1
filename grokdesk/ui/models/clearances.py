"""How each way out stands with Cloudflare, as rows and words."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from math import inf
from typing import Final, assert_never

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QIcon

from grokdesk.core.egress import DIRECT, CheckState, ClearanceState, Standing
from grokdesk.ui import words
from grokdesk.ui.icons import icon
from grokdesk.ui.languages import told
from grokdesk.ui.models.rows import Column, Rows
from grokdesk.ui.theme import Look
from grokdesk.ui.words import ICON_OF, Kind, StateWords

WAY, SITE, STATE, AGE, ENDS, BROWSER = range(6)

# Edge and the like call themselves Chrome as well, and Chrome calls itself Safari.
_BROWSERS: Final = (
    (re.compile(r"\bEdg(?:A|iOS)?/(\d{2,3})", re.IGNORECASE), "Edge"),
    (re.compile(r"\b(?:Firefox|FxiOS)/(\d{2,3})", re.IGNORECASE), "Firefox"),
    (re.compile(r"\b(?:Chrome|Chromium|CriOS)/(\d{2,3})", re.IGNORECASE), "Chrome"),
    (re.compile(r"\bVersion/(\d{2,3})[\d.]* .*Safari", re.IGNORECASE), "Safari"),
)
_SYSTEMS: Final = (
    ("android", "Android"),
    ("iphone", "iOS"),
    ("ipad", "iOS"),
    ("windows", "Windows"),
    ("mac os x", "macOS"),
    ("linux", "Linux"),
)


def browser_of(user_agent: str) -> str:
    """The browser that a user agent names, such as `Chrome 142, Linux`; empty when it names none."""
    for pattern, name in _BROWSERS:
        found = pattern.search(user_agent)
        if found is not None:
            lower = user_agent.lower()
            system = next((title for sign, title in _SYSTEMS if sign in lower), "")
            return f"{name} {found[1]}, {system}" if system else f"{name} {found[1]}"
    return ""


def clearance_state(clearance: ClearanceState) -> StateWords:
    """Say how a way out stands with Cloudflare, and why."""
    if clearance.solving:
        return StateWords(Kind.COOLING, _tr("Passing the check…"), _tr("The solver is at work."))
    match clearance.standing:
        case Standing.OPEN:
            why = _tr("Cloudflare has not stopped a request here.")
            return _unless(clearance, Kind.READY, _tr("No check met"), why)
        case Standing.PASTED:
            why = _tr("Cookies and user agent that you pasted are sent together.")
            return _unless(clearance, Kind.READY, _tr("Pasted cookies"), why)
        case Standing.NEEDED:
            why = _tr("Cloudflare stopped a request; the next one waits for the solver.")
            return StateWords(Kind.OWNER, _tr("Check not passed"), told(clearance.problem) or why)
        case Standing.CLEARED:
            why = (
                _tr("A request got through with it.")
                if clearance.is_proven
                else _tr("The solver passed the check; no request has tried it yet.")
            )
            return _unless(clearance, Kind.READY, _tr("Check passed"), why)
        case Standing.NO_CHECK:
            why = _tr("The solver found no check to pass.")
            return _unless(clearance, Kind.READY, _tr("No check there"), why)
    assert_never(clearance.standing)


def _unless(clearance: ClearanceState, kind: Kind, text: str, why: str) -> StateWords:
    """These words, unless there is a problem: then that."""
    if clearance.problem and clearance.is_proven:
        return StateWords(Kind.COOLING, _tr("Passed, not renewed"), told(clearance.problem))
    if clearance.problem:
        return StateWords(Kind.OWNER, _tr("Does not pass"), told(clearance.problem))
    return StateWords(kind, text, why)


def fit_of(clearance: ClearanceState) -> str:
    """The browser that goes with the clearance, and whether it fits."""
    browser = browser_of(clearance.user_agent)
    if clearance.standing not in {Standing.PASTED, Standing.CLEARED} or not clearance.user_agent:
        return "–"
    if not browser:
        return _tr("Unknown browser")
    if clearance.standing is Standing.PASTED and clearance.problem:
        return browser
    # A clearance is always sent as the browser that earned it (decision 14).
    return _tr("%1: fits").replace("%1", browser)


class ClearanceRows(Rows[CheckState]):
    """The checks of all ways out."""

    def __init__(self, now: Callable[[], float], look: Look, parent: QObject | None = None) -> None:
        self._now = now
        self._look = look
        super().__init__(
            (
                Column(_tr("Way out"), _title, _title, tip=_title),
                Column(_tr("Site"), lambda row: row.host, lambda row: row.host, tip=lambda row: row.host),
                Column(
                    _tr("State"),
                    self._state_text,
                    self._state_text,
                    tip=lambda row: clearance_state(row.clearance).why,
                    icon=self._icon,
                ),
                Column(
                    _tr("Cookie"),
                    lambda row: age_of(row.clearance, self._now()),
                    lambda row: row.clearance.solved_at or -inf,
                    tip=lambda row: words.exact(row.clearance.solved_at) if row.clearance.solved_at else "",
                    right=True,
                ),
                Column(
                    _tr("Ends"),
                    lambda row: end_of(row.clearance, self._now()),
                    lambda row: row.clearance.expires_at or inf,
                    tip=lambda row: words.exact(row.clearance.expires_at) if row.clearance.expires_at else "",
                    right=True,
                ),
                Column(
                    _tr("Browser"),
                    lambda row: fit_of(row.clearance),
                    lambda row: fit_of(row.clearance),
                    tip=lambda row: row.clearance.user_agent,
                ),
            ),
            key=lambda row: (row.way, row.host),
            parent=parent,
        )

    def show(self, rows: tuple[CheckState, ...]) -> None:
        """Show these."""
        wanted = {(row.way, row.host): row for row in rows}
        changes: dict[Hashable, CheckState | None] = {key: None for key in self._all if key not in wanted}
        changes.update((key, row) for key, row in wanted.items() if self._all.get(key) != row)
        self.apply(changes)

    def _state_text(self, row: CheckState) -> str:
        said = clearance_state(row.clearance).text
        count = row.clearance.count
        return said if count <= 1 else _tr("%1 (%2 accounts)").replace("%2", str(count)).replace("%1", said)

    def _icon(self, row: CheckState) -> QIcon:
        name, token = ICON_OF[clearance_state(row.clearance).kind]
        return icon("state-busy" if row.clearance.solving else name, getattr(self._look.tokens, token))


def title_of(way: str) -> str:
    """The name of a way out, for people."""
    return _tr("Direct connection") if way == DIRECT else way


def _title(row: CheckState) -> str:
    return title_of(row.way)


def age_of(clearance: ClearanceState, now: float) -> str:
    """How old the cookie is."""
    if clearance.standing is not Standing.CLEARED or clearance.solved_at is None:
        return "–"
    return _tr("%1 old").replace("%1", words.span(max(1.0, now - clearance.solved_at)))


def end_of(clearance: ClearanceState, now: float) -> str:
    """When the cookie ends."""
    if clearance.standing is not Standing.CLEARED:
        return "–"
    if clearance.expires_at is None:
        return _tr("not said")
    left = clearance.expires_at - now
    return _tr("in %1").replace("%1", words.span(left)) if left > 0 else _tr("ended")


def _tr(text: str) -> str:
    return QCoreApplication.translate("Clearances", text)
