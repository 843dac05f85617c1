"""How clients of Messages hear each failure."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from grokdesk.core import errors
from grokdesk.core.accounts import Status
from grokdesk.core.errors import GrokDeskError
from grokdesk.dialects import failures
from grokdesk.dialects.anthropic.errors import failure

TABLE: list[tuple[GrokDeskError, int, str]] = [
    (errors.InvalidRequest("m"), 400, "invalid_request_error"),
    (errors.Unsupported("m"), 400, "invalid_request_error"),
    (errors.ModelNotFound("m"), 404, "not_found_error"),
    (errors.NotFound("m"), 404, "not_found_error"),
    (errors.NotReady("m"), 400, "invalid_request_error"),
    (errors.TooLarge("m"), 413, "request_too_large"),
    (errors.NotAllowed("m"), 401, "authentication_error"),
    (errors.ForbiddenOrigin("m"), 403, "permission_error"),
    (errors.NoAccount("m"), 429, "rate_limit_error"),
    (errors.StoppedByOwner("m"), 503, "api_error"),
    (errors.RateLimited("m"), 429, "rate_limit_error"),
    (errors.AccountRejected("m", status=Status.EXPIRED), 502, "api_error"),
    (errors.Challenged("m"), 529, "overloaded_error"),
    (errors.TakenForRobot("m"), 529, "overloaded_error"),
    (errors.Stopped("m"), 529, "overloaded_error"),
    (errors.SingledOut("m"), 529, "overloaded_error"),
    (errors.NoClearance("m"), 529, "overloaded_error"),
    (errors.Refused("m"), 400, "invalid_request_error"),
    (errors.Withdrawn("m"), 400, "invalid_request_error"),
    (errors.Incomplete("m", made=1, wanted=2), 502, "api_error"),
    (errors.MayBeMade(errors.Unreachable("m")), 502, "api_error"),
    (errors.Undelivered("m"), 502, "api_error"),
    (errors.Overloaded("m"), 529, "overloaded_error"),
    (errors.EmptyAnswer("m"), 502, "api_error"),
    (errors.NothingMade("m"), 502, "api_error"),
    (errors.Garbled("m"), 502, "api_error"),
    (errors.FormGone("m"), 502, "api_error"),
    (errors.Unreachable("m"), 502, "api_error"),
    (errors.NoWay("m"), 502, "api_error"),
    (errors.UpstreamTimeout("m"), 504, "timeout_error"),
    (errors.UpstreamError("m"), 502, "api_error"),
    (errors.Broken("m"), 500, "api_error"),
    (GrokDeskError("m"), 500, "api_error"),
]


def kinds(base: type[GrokDeskError]) -> Iterator[type[GrokDeskError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


@pytest.mark.parametrize(("error", "status", "kind"), TABLE)
def test_each_error_has_its_row(error: GrokDeskError, status: int, kind: str) -> None:
    """
    The table of the architecture, chapter 17, in the envelope of this format.
    """
    told = failure(error, "req_1")

    assert told.status == status
    assert orjson.loads(told.body) == {
        "type": "error",
        "error": {"type": kind, "message": failures.sentence(error)},
        "request_id": "req_1",
    }


def test_no_error_is_without_a_row() -> None:
    """
    A new kind of error is worded here too.
    """
    assert {type(error) for error, *_ in TABLE} == set(kinds(GrokDeskError))


def test_the_hint_is_told() -> None:
    """
    After the message, because the envelope has no place of its own for it.
    """
    told = failure(errors.Broken("It broke.", hint="Mend it."), "req_1")

    assert orjson.loads(told.body)["error"]["message"] == "It broke. Mend it."


def test_clients_are_told_when_to_come_back() -> None:
    """
    In the headers that the official clients of both houses read.
    """
    wait = failure(errors.NoAccount("m", retry_after=1.2), "req_1").headers
    never = failure(errors.InvalidRequest("m"), "req_1").headers

    assert (wait["Retry-After"], wait["retry-after-ms"]) == ("2", "1200")
    assert "x-should-retry" not in wait
    assert never["x-should-retry"] == "false"


def test_a_client_that_wants_a_thread_learns_to_go_on_without() -> None:
    """
    The tool runner of the official client asks for one and understands this code, and no other, as a no.
    """
    told = orjson.loads(failure(errors.Unsupported("m", param="thread"), "req_1").body)

    assert told["error"]["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }
