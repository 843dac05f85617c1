"""How accounts, requests and times are said: plain words, the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf
from typing import Final, assert_never

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale

from grokdesk.core.accounts import Account, Mode, Status, Tier, TierSource, WindowSource
from grokdesk.core.runs import RunRecord, RunState
from grokdesk.ui.languages import told

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_SHORTEN_ABOVE: Final = 10_000
_MILLION: Final = 1_000_000


def tr(text: str, count: int = -1) -> str:
    """Translate a text that no widget owns."""
    return QCoreApplication.translate("Words", text, "", count)


class Kind(StrEnum):
    """What an account can do now; also chooses its shape."""

    READY = "ready"
    COOLING = "cooling"
    OWNER = "owner"
    OFF = "off"


ICON_OF: Final = {
    Kind.READY: ("state-ready", "ok"),
    Kind.COOLING: ("state-cooling", "warn"),
    Kind.OWNER: ("state-owner", "error"),
    Kind.OFF: ("state-off", "text2"),
}


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state as shape, short words, and the reason as a sentence."""

    kind: Kind
    text: str
    why: str = ""


def account_state(account: Account, now: float) -> StateWords:
    """Say whether an account can be used at `now`, and why not."""
    match account.status:
        case Status.DISABLED:
            return StateWords(Kind.OFF, tr("Switched off"), told(account.reason))
        case Status.EXPIRED:
            why = told(account.reason) or tr("Grok no longer accepts its sign-in.")
            return StateWords(Kind.OWNER, tr("Signed out"), why)
        case Status.BLOCKED:
            why = told(account.reason) or tr("Grok has blocked this account.")
            return StateWords(Kind.OWNER, tr("Blocked by Grok"), why)
        case Status.ACTIVE:
            pass
        case _:
            assert_never(account.status)
    if account.resting_until > now:
        text = tr("Resting, %1").replace("%1", span(account.resting_until - now))
        return StateWords(Kind.COOLING, text, told(account.rest_reason))
    free = min((account.free_at(mode) for mode in account.windows), default=inf)
    if free > now:
        if free == inf:
            return StateWords(Kind.COOLING, tr("Out of questions"), "")
        text = tr("Out of questions, %1").replace("%1", span(free - now))
        why = tr("The next question is free at %1.").replace("%1", due(free, now))
        return StateWords(Kind.COOLING, text, why)
    return StateWords(Kind.READY, tr("Ready"), "")


def tier(one: Tier) -> str:
    """The name of a tier."""
    return {
        Tier.BASIC: tr("Basic"),
        Tier.SUPER: tr("Super"),
        Tier.HEAVY: tr("Heavy"),
        Tier.UNKNOWN: tr("Not known yet"),
    }[one]


def tier_source(source: TierSource) -> str:
    """How the tier is known."""
    return {
        TierSource.UNKNOWN: tr("not checked"),
        TierSource.GUESSED: tr("guessed"),
        TierSource.PROVEN: tr("confirmed by Grok"),
        TierSource.FIXED: tr("set by you"),
    }[source]


def mode(one: Mode) -> str:
    """The name of a mode."""
    return {
        Mode.AUTO: tr("Auto"),
        Mode.FAST: tr("Fast"),
        Mode.EXPERT: tr("Expert"),
        Mode.HEAVY: tr("Heavy"),
        Mode.GROK_4_3: tr("Grok 4.3"),
    }[one]


def window_source(source: WindowSource) -> str:
    """Where the numbers of a quota come from."""
    return {
        WindowSource.DEFAULT: tr("assumed"),
        WindowSource.REAL: tr("told by Grok"),
        WindowSource.ESTIMATED: tr("counted here"),
    }[source]


def run_result(record: RunRecord) -> tuple[str, str, str]:
    """How a request went: shape, colour and words."""
    match record.state:
        case RunState.RUNNING:
            return "state-busy", "accent", tr("Running")
        case RunState.DONE:
            tries = len(record.tries)
            words = tr("Answered, %n tries", tries) if tries > 1 else tr("Answered")
            return "state-ready", "ok", words
        case RunState.FAILED:
            return "state-failed", "error", tr("Failed")
        case RunState.LEFT:
            return "state-off", "text2", tr("The app left")
        case RunState.STOPPED:
            return "stop", "text2", tr("Stopped by you")
    assert_never(record.state)


# --- times and numbers
# -----------------------------------------------------------------------------------------------


def span(seconds: float) -> str:
    """A length of time, roughly: `45 s`, `12 min`, `3 h`, `2 d`."""
    if seconds < 0.95 * _MINUTE:
        return tr("%1 s").replace("%1", str(max(1, ceil(seconds))))
    if seconds < _HOUR:
        return tr("%1 min").replace("%1", str(ceil(seconds / _MINUTE)))
    if seconds < _DAY:
        return tr("%1 h").replace("%1", str(round(seconds / _HOUR)))
    return tr("%1 d").replace("%1", str(round(seconds / _DAY)))


def ago(moment: float | None, now: float) -> str:
    """How long ago something was."""
    if moment is None:
        return tr("Never")
    if now - moment < _MINUTE:
        return tr("Just now")
    return tr("%1 ago").replace("%1", span(now - moment))


def at(moment: float, now: float | None = None) -> str:
    """The time of day; given `now`, with seconds, and with the date when that is another day."""
    stamp, locale = QDateTime.fromSecsSinceEpoch(int(moment)), QLocale()
    if now is None:
        return locale.toString(stamp.time(), QLocale.FormatType.ShortFormat)
    today = QDateTime.fromSecsSinceEpoch(int(now)).date()
    return locale.toString(stamp, "HH:mm:ss" if stamp.date() == today else tr("d MMM HH:mm"))


def due(moment: float, now: float) -> str:
    """When something comes back: the time of day, with the date when that is not today."""
    is_today = (
        QDateTime.fromSecsSinceEpoch(int(moment)).date() == QDateTime.fromSecsSinceEpoch(int(now)).date()
    )
    return at(moment) if is_today else at(moment, now)


def exact(moment: float) -> str:
    """Date and time, for a tooltip."""
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(moment)), QLocale.FormatType.LongFormat)


def milliseconds(value: int | None) -> str:
    """A short time: `820 ms`, `1.4 s`."""
    if value is None:
        return "–"
    if value < 1_000:  # noqa: PLR2004 - a second
        return tr("%1 ms").replace("%1", str(value))
    return tr("%1 s").replace("%1", QLocale().toString(value / 1000, "f", 1))


def number(value: int) -> str:
    """A count; above ten thousand as `12.3k`, above a million as `1.2M`."""
    if value >= _MILLION:
        return QLocale().toString(value / _MILLION, "f", 1) + "M"
    if value >= _SHORTEN_ABOVE:
        return QLocale().toString(value / 1000, "f", 1) + "k"
    return QLocale().toString(value)


def listed(parts: Iterable[str]) -> str:
    """Several things, one after another."""
    return tr(", ").join(parts)


def sentence(parts: Iterable[str]) -> str:
    """Several things as a sentence."""
    return tr("%1.").replace("%1", listed(parts))


def aside(text: str, more: str) -> str:
    """A text with something in brackets."""
    return tr("%1 (%2)").replace("%2", more).replace("%1", text)
