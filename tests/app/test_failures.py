"""What follows from every way in which Grok, or the way there, can fail; told as `docs/failures.md`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import pytest

from grokdesk.core.accounts import Account
from grokdesk.sim import Script
from tests.app.failure_stage import FIRST, SECOND, Heard, Outcome, Played, play
from tests.app.failures import SECTIONS, Case, Form, Meaning, Scene, Section, WayAfter
from tests.app.failures_page import PATH, page

Results = Mapping[tuple[str, Form], Played]

GRID: Final = [
    pytest.param(section, case, form, id=f"{section.title}-{case.name}-{form}")
    for section in SECTIONS
    for case in section.cases
    for form in case.forms
]


def _of(item: pytest.Function) -> tuple[Case, Form]:
    """Which case a test plays, and in which form."""
    case, form = item.callspec.params["case"], item.callspec.params["form"]
    assert isinstance(case, Case)
    return case, "gateway" if form == "gateway" else "rest"


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What came of the cases of a section, of those at least that were chosen."""
    section: Section = request.param
    chosen = {
        (case.name, form)
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_what_follows_is_what_the_table_says
        for case, form in [_of(item)]
    }
    every = [(case, form) for case in section.cases for form in case.forms]
    cases = [one for one in every if (one[0].name, one[1]) in chosen] or every
    return asyncio.run(play(tmp_path_factory.mktemp("failures"), cases))


@pytest.mark.parametrize(("played", "case", "form"), GRID, indirect=["played"])
def test_what_follows_is_what_the_table_says(played: Results, case: Case, form: Form) -> None:
    """
    For the client, the account, the ways out and the log; with somebody else to turn to, with nobody, and
    after the first words.
    """
    came = played[case.name, form]

    assert came.together == together(case)
    assert came.alone == alone(case)
    assert came.later == later(case)


@pytest.mark.parametrize("played", SECTIONS, indirect=True, ids=lambda section: section.title)
def test_it_is_all_remembered(played: Results) -> None:
    """
    After another start of the program the accounts are as they were: status, reason, questions, rest.
    """
    assert played
    for case in played.values():
        assert case.kept
        assert [remembered(one) for one in case.found] == [remembered(one) for one in case.kept]


def test_the_page_is_up_to_date() -> None:
    """
    After a change of the cases, run `make failures`.
    """
    assert PATH.read_text("utf-8") == page()


def test_every_case_has_a_name_of_its_own() -> None:
    """
    Or else one would be played in place of the other.
    """
    for section in SECTIONS:
        names = [(case.name, form) for case in section.cases for form in case.forms]
        assert len(set(names)) == len(names), section.title


# --- what is expected ---------------------------------------------------------------------------------------


def remembered(account: Account) -> Account:
    """What of an account survives a restart."""
    return account


def told(meaning: Meaning) -> Heard:
    """What the client hears when nobody else can answer."""
    return Heard(meaning.status, "", meaning.type, meaning.code, meaning.sentence, meaning.retry_after_s)


def together(case: Case) -> Outcome:
    """What has to come of a case where there is another account."""
    meaning = case.meaning
    tries, rescue, heard = meaning.tries, meaning.rescue, told(meaning)
    if case.said:
        *tries_, rescue = meaning.tries
        tries, heard = tuple(tries_), Heard(0, case.said)
    elif case.scene is Scene.LEAVES:
        heard = Heard()
    elif rescue:
        heard = Heard(said=FIRST if rescue.startswith("first") else SECOND)
    written = meaning.account.noted
    return Outcome(
        heard,
        tries,
        rescue,
        meaning.account,
        (meaning.written or meaning.message) if written else "",
        count(tries) if written else 0,
        ways(meaning, tries),
        meaning.warnings,
        (),
    )


def alone(case: Case) -> Outcome | None:
    """What has to come of it where there is none."""
    meaning = case.meaning
    if not (meaning.rescue and meaning.alone):
        return None
    return replace(
        together(case),
        heard=told(meaning),
        tries=meaning.alone,
        rescue="",
        failures=count(meaning.alone) if meaning.account.noted else 0,
        ways=ways(meaning, meaning.alone),
        warnings=meaning.warnings if meaning.alone_warnings is None else meaning.alone_warnings,
    )


def later(case: Case) -> Outcome | None:
    """What has to come of it after the first words."""
    if isinstance(case.script, Script):
        return None
    if case.scene is Scene.LEAVES:
        return replace(together(case), heard=Heard(said="one two"))
    return replace(
        together(case),
        heard=replace(told(case.meaning), status=200, said="one two", retry_after_s=None),
        tries=("first one",),
        rescue="",
        failures=1 if case.meaning.account.noted else 0,
    )


def ways(meaning: Meaning, tries: Sequence[str]) -> tuple[WayAfter, WayAfter]:
    """How both ways stand: one that was not taken in vain is as it was."""
    return meaning.way, meaning.way if any(one.endswith("two") for one in tries) else WayAfter()


def count(tries: Sequence[str]) -> int:
    """How many of the tries were the first account's."""
    return sum(one.startswith("first") for one in tries)
