"""The one error tree."""

from __future__ import annotations

import pytest

from grokdesk.core import errors
from grokdesk.core.accounts import Abandoned, Faulted, Limited, Noted, Outcome, Rejected, Status, Succeeded
from grokdesk.core.errors import Again, EgressOutcome, GrokDeskError, UpstreamError

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GrokDeskError)]

F, C, U = EgressOutcome.FINE, EgressOutcome.CHALLENGED, EgressOutcome.UNREACHABLE
CLOSED = EgressOutcome.CLOSED
TABLE: list[tuple[UpstreamError, Again, Outcome, EgressOutcome]] = [
    (errors.RateLimited("x", retry_after=9), Again.OTHER_ACCOUNT, Limited("x", 9), F),
    (
        errors.AccountRejected("x", status=Status.BLOCKED),
        Again.OTHER_ACCOUNT,
        Rejected(Status.BLOCKED, "x"),
        F,
    ),
    (errors.Challenged("x"), Again.OTHER_EGRESS, Noted("x"), C),
    (errors.TakenForRobot("x"), Again.OTHER_EGRESS, Noted("x"), EgressOutcome.ROBOT),
    (errors.Stopped("x"), Again.OTHER_EGRESS, Noted("x"), EgressOutcome.REFUSED),
    (errors.SingledOut("x"), Again.OTHER_ACCOUNT, Faulted("x"), F),
    (errors.NoClearance("x"), Again.OTHER_EGRESS, Abandoned(), CLOSED),
    (errors.Refused("x"), Again.NEVER, Noted("x"), F),
    (errors.Withdrawn("x"), Again.NEVER, Noted("x", unsure=True), F),
    (errors.Incomplete("x", made=1, wanted=2), Again.NEVER, Succeeded(), F),
    (errors.Undelivered("x"), Again.NEVER, Succeeded(), F),
    (errors.MayBeMade(errors.Unreachable("x")), Again.NEVER, Noted("x", unsure=True), U),
    (errors.FormGone("x"), Again.NEVER, Noted("x"), F),
    (errors.Overloaded("x"), Again.SAME, Noted("x"), F),
    (errors.EmptyAnswer("x"), Again.OTHER_ACCOUNT, Faulted("x"), F),
    (errors.NothingMade("x"), Again.NEVER, Noted("x", unsure=True), F),
    (errors.Garbled("x"), Again.OTHER_ACCOUNT, Faulted("x"), F),
    (errors.Unreachable("x"), Again.OTHER_EGRESS, Noted("x"), U),
    (errors.NoWay("x"), Again.OTHER_ACCOUNT, Abandoned(), CLOSED),
    (errors.UpstreamTimeout("x"), Again.OTHER_ACCOUNT, Noted("x"), F),
]


@pytest.mark.parametrize(
    ("error", "again", "outcome", "egress"), TABLE, ids=[type(row[0]).__name__ for row in TABLE]
)
def test_a_failure_says_what_it_means(
    error: UpstreamError, again: Again, outcome: Outcome, egress: EgressOutcome
) -> None:
    """
    The table of architecture §17: for the next try, for the account, for the way out.
    """
    assert (error.again, error.outcome, error.egress) == (again, outcome, egress)


def test_the_table_is_complete() -> None:
    """
    Every kind of upstream failure has its row.
    """
    kinds = {kind for kind in TREE if issubclass(kind, UpstreamError)} - {UpstreamError}

    assert kinds == {type(row[0]) for row in TABLE}


@pytest.mark.parametrize("kind", TREE)
def test_every_error_has_a_title_for_people(kind: type[GrokDeskError]) -> None:
    """
    A title is a few words without a full stop.
    """
    assert kind.title
    assert not kind.title.endswith(".")


def test_the_text_of_an_error_is_its_message_alone() -> None:
    """
    Detail is for the log and never part of what `str` gives a client.
    """
    error = errors.InvalidRequest("Say model.", param="model", hint="Try one.", detail="internal")
    nobody = errors.NoAccount("None.", retry_after=3)

    assert str(error) == error.message == "Say model."
    assert (error.param, error.hint, error.detail) == ("model", "Try one.", "internal")
    assert nobody.retry_after == 3
