"""What charts of usage show: which hours, in which bars, under which names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Final

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale, QObject

from grokdesk.core.usage import HOUR_S, MEDIAN, P95, Figures, HourSum, hour_of, summed, together
from grokdesk.ui import words
from grokdesk.ui.models.rows import Column, Rows

DAYS: Final = (1, 7, 30, 90)
# Of more models or apps the rest is one bar.
_MOST_NAMES: Final = 12
# Longer times are shown day by day.
HOURS_UP_TO_DAYS: Final = 7


class By(StrEnum):
    """What a bar is."""

    HOUR = "hour"
    DAY = "day"
    MODEL = "model"
    CLIENT = "client"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its place, a short label, a full name, and the figures."""

    number: int
    label: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown: the bars, and all of them together."""

    bars: Sequence[Bar]
    whole: Figures


def span(now: float, days: int) -> tuple[int, int]:
    """The Unix seconds from which and to which hours are read."""
    if days == 1:
        return hour_of(now) - 23 * HOUR_S, hour_of(now) + HOUR_S
    return _day_before(now, days - 1), hour_of(now) + HOUR_S


def shown(hours: Sequence[HourSum], now: float, days: int, by: By) -> Shown:
    """Sum hours up into bars. It takes milliseconds for thousands of hours; call it off the loop."""
    start, end = span(now, days)
    match by:
        case By.HOUR:
            starts = list(range(start, end, HOUR_S))
            found = summed(hours, lambda hour: hour.hour if start <= hour.hour < end else None)
            bars = _of_time(starts, found, _hour_label if days == 1 else _day_label, _hour_name)
        case By.DAY:
            starts = sorted({_day_before(now, back) for back in range(days + (days == 1))})
            day_of = {hour: _day_before(hour, 0) for hour in {one.hour for one in hours}}
            found = summed(hours, lambda hour: day_of[hour.hour])
            bars = _of_time(starts, found, _day_label, _day_name)
        case By.MODEL:
            bars = _of_names(summed(hours, lambda hour: hour.model))
        case By.CLIENT:
            bars = _of_names(summed(hours, lambda hour: hour.client))
    return Shown(bars, together(bar.figures for bar in bars))


def _of_time(
    starts: Sequence[int],
    found: Mapping[int, Figures],
    label: Callable[[int], str],
    name: Callable[[int], str],
) -> list[Bar]:
    return [
        Bar(number, label(start), name(start), found.get(start) or Figures())
        for number, start in enumerate(starts)
    ]


def _of_names(groups: Mapping[str, Figures]) -> list[Bar]:
    most_first = sorted(groups.items(), key=lambda group: (-group[1].requests, group[0]))
    found = [(name or _tr("not named"), figures) for name, figures in most_first]
    if len(found) > _MOST_NAMES:
        rest = together(figures for _, figures in found[_MOST_NAMES - 1 :])
        found = [*found[: _MOST_NAMES - 1], (_tr("Others"), rest)]
    return [Bar(number, name, name, figures) for number, (name, figures) in enumerate(found)]


# --- days and hours, as they are here -----------------------------------------------------------------------


def _day_before(at: float, days: int) -> int:
    """The second in which the day began that many days before the one of `at`."""
    here = datetime.fromtimestamp(at).astimezone()
    day = here.date() - timedelta(days=days)
    return int(datetime(day.year, day.month, day.day).astimezone().timestamp())


def _hour_label(start: int) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(start), "HH")


def _hour_name(start: int) -> str:
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(start), _tr("d MMM HH:mm"))


def _day_label(start: int) -> str:
    return QLocale().toString(_date(start), _tr("d MMM"))


def _day_name(start: int) -> str:
    return QLocale().toString(_date(start), QLocale.FormatType.LongFormat)


def _date(start: int) -> QDate:
    return QDateTime.fromSecsSinceEpoch(start).date()


# --- the table ----------------------------------------------------------------------------------------------


def percent(share: float | None, digits: int = 1) -> str:
    """A share of success: `98.2 %`."""
    if share is None:
        return "–"
    return _tr("%1 %").replace("%1", QLocale().toString(100 * share, "f", digits))


class Lines(Rows[Bar]):
    """The same numbers as the charts, a line for each bar."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(
            (
                Column(_tr("Period or name"), lambda bar: bar.name, lambda bar: bar.number),
                _count(_tr("Requests"), "requests"),
                _count(_tr("Answered"), "done"),
                _count(_tr("Failed"), "failed"),
                Column(
                    _tr("Success"),
                    lambda bar: percent(bar.figures.success),
                    lambda bar: -1.0 if bar.figures.success is None else bar.figures.success,
                    right=True,
                ),
                _time(_tr("First word, median"), MEDIAN),
                _time(_tr("First word, 95 %"), P95),
                _count(_tr("Tokens in"), "prompt_tokens"),
                _count(_tr("Tokens out"), "completion_tokens"),
            ),
            key=lambda bar: bar.number,
            parent=parent,
        )


def _count(title: str, name: str) -> Column[Bar]:
    return Column(
        title,
        lambda bar: QLocale().toString(int(getattr(bar.figures, name))),
        lambda bar: int(getattr(bar.figures, name)),
        right=True,
    )


def _time(title: str, share: float) -> Column[Bar]:
    def order(bar: Bar) -> float:
        found = bar.figures.first_ms(share)
        return inf if found is None else found

    return Column(title, lambda bar: words.milliseconds(bar.figures.first_ms(share)), order, right=True)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Usage", text)
