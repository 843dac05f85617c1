"""What visits and past requests say of a program."""

from __future__ import annotations

from dataclasses import replace

from grokdesk.core.runs import RunRecord, RunState
from grokdesk.core.visits import Light, Sign, Visit, Visits, ended_last, sign_of

HERE = Visit(10, 11, "/v1/models", agent="claude-cli/2.1", key_id="own", request_id="req_1")
FAILED = replace(HERE, began=12, at=13, status=401, message="No.", hint="Do this.", request_id="req_2")


def sign(*visits: Visit, runs: tuple[RunRecord, ...] = (), agents: tuple[str, ...] = ()) -> Sign:
    known = Visits()
    for visit in visits:
        known.add(visit)
    past = ended_last(runs).get("Claude Code")
    run_ids = {run.request_id: run.id for run in runs}
    return sign_of(known.all(), past, run_ids, own={"own"}, others={"own", "other"}, agents=agents)


def test_without_a_visit_it_is_grey_and_the_last_one_decides() -> None:
    """
    Green after a success, red with the sentence after a failure.
    """
    assert sign().light is Light.GREY
    assert sign(HERE) == Sign(Light.GREEN, 11)
    assert sign(HERE, FAILED) == Sign(Light.RED, 13, "No.", "Do this.")
    assert sign(FAILED, replace(HERE, at=14)).light is Light.GREEN


def test_a_program_is_known_by_its_key_or_by_its_name() -> None:
    """
    But a name under another program's key is that program.
    """
    shared, other = replace(HERE, key_id="shared"), replace(HERE, key_id="other")

    assert sign(shared).light is Light.GREY
    assert sign(shared, agents=("claude-cli/",)).light is Light.GREEN
    assert sign(other, agents=("claude-cli/",)).light is Light.GREY


def test_a_failure_leads_to_its_request() -> None:
    """
    Where it got as far as the list of requests.
    """
    run = RunRecord("run7", 12.5, "m", client="Claude Code", state=RunState.FAILED, request_id="req_2")

    assert sign(FAILED, runs=(run,)).run_id == "run7"


def test_requests_of_before_the_start_count_too() -> None:
    """
    Those under its key's name; one that was left or still runs says nothing.
    """
    done = RunRecord("run1", 5, "m", client="Claude Code", state=RunState.DONE)
    failed = replace(done, id="run2", at=6, state=RunState.FAILED, failure="No.", hint="Wait.")
    left = replace(done, id="run3", at=7, state=RunState.LEFT)

    assert sign(runs=(left, done)) == Sign(Light.GREEN, 5, run_id="run1")
    assert sign(runs=(left, failed, done)) == Sign(Light.RED, 6, "No.", "Wait.", "run2")
    assert sign(runs=(replace(done, client="Cline"),)).light is Light.GREY


def test_stray_addresses_do_not_turn_a_working_program_red() -> None:
    """
    Many ask for more than there is; before the first success it may be the reason.
    """
    stray = replace(FAILED, stray=True)

    assert sign(HERE, stray).light is Light.GREEN
    assert sign(stray).light is Light.RED


def test_our_own_trials_are_no_visits() -> None:
    """
    They would turn the light green without the program.
    """
    assert sign(replace(HERE, agent="GrokDesk-test/1")).light is Light.GREY


def test_what_is_remembered_is_bounded() -> None:
    """
    Whoever calls itself something new each time pushes out only the oldest.
    """
    known = Visits()
    for number in range(1_000):
        known.add(replace(HERE, at=number, agent=f"agent/{number}"))

    assert len(known.all()) == 256
    assert known.last_use("own") == 999
    assert known.last_use("never") is None
