"""What follows from every way in which Grok, or the way there, can fail; told as `docs/failures.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from grokdesk.core.accounts import Account
from grokdesk.sim import Script
from tests.app.failure_stage import FIRST, SECOND, Heard, Outcome, play
from tests.app.failures import SECTIONS, Case, Meaning, Place, Scene, Section, WayAfter
from tests.app.failures_page import PATH, page


@pytest.mark.timeout(120)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
async def test_what_follows_is_what_the_table_says(section: Section, tmp_path: Path) -> None:
    """
    For the client, the account, the ways out and the log; with somebody else to turn to, with nobody, and
    after the first words. After another start of the program the accounts are as they were.
    """
    played = await play(tmp_path, [(case, form) for case in section.cases for form in case.forms])

    for case in section.cases:
        for form in case.forms:
            came = played[case.name, form]
            assert (case.name, form, came.together) == (case.name, form, together(case))
            assert (case.name, form, came.alone) == (case.name, form, alone(case))
            assert (case.name, form, came.later) == (case.name, form, later(case))
            found = [remembered(one) for one in came.found]
            assert (case.name, form, found) == (case.name, form, [remembered(one) for one in came.kept])


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
    elif case.scene is Scene.STOPPED:
        heard = told(meaning)
    elif rescue:
        heard = Heard(said=FIRST if rescue.startswith("first") else SECOND)
    written = meaning.account.noted
    return Outcome(
        heard,
        tries,
        rescue,
        meaning.account,
        (meaning.written or meaning.message) if written else "",
        # A check is no call: it says nothing of how often an account answers.
        count(tries) if written and case.place is not Place.CHECK else 0,
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
    if case.scene is Scene.STOPPED:
        return replace(together(case), heard=replace(told(case.meaning), status=200, said="one two"))
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
