"""How much was asked, hour by hour: sums that outlive the list of requests, and what charts are made of.

Times to the first piece are counted in bins, each a twelfth wider than the one before, so that a median or
95th percentile over any hours is right to some 6 %. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from grokdesk.core.runs import RunRecord, RunState

HOUR_S: Final = 3_600
_SMALLEST_MS: Final = 10.0
_FACTOR: Final = 1.12
_LOG: Final = math.log(_FACTOR)
_LAST: Final = 100
MEDIAN: Final = 0.5
P95: Final = 0.95

# How many times were in each bin: 32 bits for each, the first bin lowest, so that sums are made by adding.
Bins = int
_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class HourSum:
    """What one gateway counted in an hour for a model and a client. `hour` is its first Unix second.

    `left` are those whose client went away or whose owner ended them.
    """

    id: str
    hour: int
    model: str
    client: str
    done: int = 0
    failed: int = 0
    left: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    firsts: Bins = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.done + self.failed + self.left

    def with_run(self, run: RunRecord) -> HourSum:
        """The same and one more run that has ended."""
        return HourSum(
            self.id,
            self.hour,
            self.model,
            self.client,
            self.done + (run.state is RunState.DONE),
            self.failed + (run.state is RunState.FAILED),
            self.left + (run.state in {RunState.LEFT, RunState.STOPPED}),
            self.prompt_tokens + run.prompt_tokens,
            self.completion_tokens + run.completion_tokens,
            self.firsts + (0 if run.first_ms is None else in_bin(run.first_ms)),
        )


def hour_of(at: float) -> int:
    """The first second of the hour of a Unix time."""
    return int(at // HOUR_S) * HOUR_S


def in_bin(ms: int) -> Bins:
    """One time, in its bin."""
    which = min(_LAST, max(0, math.floor(math.log(max(ms, _SMALLEST_MS) / _SMALLEST_MS) / _LOG)))
    return 1 << _BITS * which


def _counts(firsts: Bins) -> list[int]:
    """How many are in each bin, up to the last that has any."""
    return [firsts >> _BITS * which & _MASK for which in range(-(-firsts.bit_length() // _BITS))]


def _time_at(which: float) -> int:
    """The time in milliseconds at a place among the bins."""
    return round(_SMALLEST_MS * math.pow(_FACTOR, which))


@dataclass(slots=True)
class Figures:
    """The sums of one bar of a chart, or of one line of a table."""

    done: int = 0
    failed: int = 0
    left: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    firsts: Bins = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.done + self.failed + self.left

    @property
    def tokens(self) -> int:
        """Both ways."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def success(self) -> float | None:
        """Which part of those that ended by themselves was answered, from 0 to 1."""
        ended = self.done + self.failed
        return self.done / ended if ended else None

    def first_ms(self, share: float) -> int | None:
        """The time in which `share` of those that began had their first piece; None when none began."""
        counts = _counts(self.firsts)
        total = sum(counts)
        if not total:
            return None
        wanted, passed = share * total, 0
        for which, count in enumerate(counts):
            if count and passed + count >= wanted:
                return _time_at(which + (wanted - passed) / count)
            passed += count
        return _time_at(len(counts))

    def add(self, one: HourSum | Figures) -> None:
        """Take an hour in, or other figures."""
        self.done += one.done
        self.failed += one.failed
        self.left += one.left
        self.prompt_tokens += one.prompt_tokens
        self.completion_tokens += one.completion_tokens
        self.firsts += one.firsts


Key = TypeVar("Key", int, str)


def summed(hours: Iterable[HourSum], group_of: Callable[[HourSum], Key | None]) -> dict[Key, Figures]:
    """Add hours up by what `group_of` says; those of which it says None are left out."""
    groups: dict[Key, Figures] = {}
    for one in hours:
        group = group_of(one)
        if group is None:
            continue
        figures = groups.get(group)
        if figures is None:
            figures = groups[group] = Figures()
        figures.add(one)
    return groups


def together(figures: Iterable[Figures]) -> Figures:
    """All of them as one."""
    whole = Figures()
    for one in figures:
        whole.add(one)
    return whole
