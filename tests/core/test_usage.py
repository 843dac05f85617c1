"""Sums of hours, and what charts are made of."""

from __future__ import annotations

from random import Random

import pytest

from grokdesk.core.runs import RunRecord, RunState
from grokdesk.core.usage import HOUR_S, MEDIAN, P95, Figures, HourSum, hour_of, summed, together


def run(state: RunState = RunState.DONE, first_ms: int | None = None) -> RunRecord:
    return RunRecord(
        "r", 7_300.0, "grok-4", state=state, first_ms=first_ms, prompt_tokens=2, completion_tokens=3
    )


def test_an_hour_counts_how_each_run_ended() -> None:
    """
    Answered, failed, and those that were ended from outside, with what all of them cost.
    """
    hour = HourSum("a", hour_of(7_300.0), "grok-4", "Editor")

    for state in (RunState.DONE, RunState.DONE, RunState.FAILED, RunState.LEFT, RunState.STOPPED):
        hour = hour.with_run(run(state))

    assert hour.hour == 7_200
    assert (hour.done, hour.failed, hour.left, hour.requests) == (2, 1, 2, 5)
    assert (hour.prompt_tokens, hour.completion_tokens, hour.firsts) == (10, 15, 0)


@pytest.mark.parametrize("share", [MEDIAN, P95])
def test_median_and_percentile_are_right_to_a_few_percent(share: float) -> None:
    """
    Whatever the times are, and however they are spread over hours.
    """
    rng = Random(4)
    times = sorted(int(rng.lognormvariate(7.2, 0.8)) for _ in range(4_000))
    hours = [HourSum(str(number), number * HOUR_S, "m", "c") for number in range(9)]
    for number, time in enumerate(times):
        hours[number % 9] = hours[number % 9].with_run(run(first_ms=time))

    found = summed(hours, lambda _: "all")["all"].first_ms(share)

    assert found == pytest.approx(times[int(share * len(times))], rel=0.06)


@pytest.mark.parametrize(("ms", "least", "most"), [(0, 10, 12), (10, 10, 12), (10**9, 800_000, 10**6)])
def test_times_out_of_bounds_are_counted_at_the_bounds(ms: int, least: int, most: int) -> None:
    """
    Nothing is lost, and nothing takes more room.
    """
    whole = together(summed([HourSum("a", 0, "m", "c").with_run(run(first_ms=ms))], lambda _: 0).values())

    assert least <= (whole.first_ms(MEDIAN) or 0) <= most
    assert least <= (whole.first_ms(1.0) or 0) <= most


def test_hours_are_summed_by_whatever_is_asked_for() -> None:
    """
    By time, model or client; those that belong to no group are left out.
    """
    hours = [
        HourSum("a", 0, "m1", "c1", done=1, prompt_tokens=4),
        HourSum("b", HOUR_S, "m2", "c1", done=2, failed=2, completion_tokens=5),
        HourSum("c", 2 * HOUR_S, "m2", "c2", left=1),
    ]

    by_time = summed(hours, lambda hour: hour.hour or None)
    by_model = summed(hours, lambda hour: hour.model)
    whole = together(summed(hours, lambda hour: hour.client).values())

    assert {start: one.requests for start, one in by_time.items()} == {HOUR_S: 4, 2 * HOUR_S: 1}
    assert {name: one.requests for name, one in by_model.items()} == {"m1": 1, "m2": 5}
    assert (whole.success, whole.tokens, whole.left) == (0.6, 9, 1)


def test_nothing_has_neither_success_nor_times() -> None:
    """
    No number is made up.
    """
    assert (Figures().success, Figures().first_ms(MEDIAN)) == (None, None)
