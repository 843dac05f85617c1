"""How OpenAI clients hear each failure."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pytest

from grokdesk.core import errors
from grokdesk.core.accounts import Status
from grokdesk.core.errors import GrokDeskError
from grokdesk.dialects import failures
from grokdesk.dialects.openai_errors import failure

TABLE: list[tuple[GrokDeskError, int, str, str]] = [
    (errors.InvalidRequest("m"), 400, "invalid_request_error", "invalid_value"),
    (errors.Unsupported("m"), 400, "invalid_request_error", "unsupported"),
    (errors.ModelNotFound("m"), 404, "invalid_request_error", "model_not_found"),
    (errors.NotFound("m"), 404, "invalid_request_error", "not_found"),
    (errors.NotReady("m"), 409, "invalid_request_error", "video_not_ready"),
    (errors.TooLarge("m"), 413, "invalid_request_error", "request_too_large"),
    (errors.NotAllowed("m"), 401, "authentication_error", "invalid_api_key"),
    (errors.ForbiddenOrigin("m"), 403, "permission_error", "forbidden_origin"),
    (errors.NoAccount("m"), 429, "rate_limit_error", "no_account"),
    (errors.StoppedByOwner("m"), 503, "api_error", "stopped_by_owner"),
    (errors.RateLimited("m"), 429, "rate_limit_error", "rate_limit_exceeded"),
    (errors.AccountRejected("m", status=Status.EXPIRED), 502, "api_error", "upstream_account_rejected"),
    (errors.Challenged("m"), 503, "api_error", "upstream_challenge"),
    (errors.TakenForRobot("m"), 503, "api_error", "upstream_challenge"),
    (errors.Stopped("m"), 503, "api_error", "upstream_challenge"),
    (errors.SingledOut("m"), 503, "api_error", "upstream_challenge"),
    (errors.NoClearance("m"), 503, "api_error", "upstream_challenge"),
    (errors.Refused("m"), 400, "invalid_request_error", "content_policy_violation"),
    (errors.Withdrawn("m"), 400, "invalid_request_error", "content_policy_violation"),
    (errors.Incomplete("m", made=1, wanted=2), 502, "api_error", "image_generation_incomplete"),
    (errors.MayBeMade(errors.Unreachable("m")), 502, "api_error", "upstream_interrupted"),
    (errors.Undelivered("m"), 502, "api_error", "upstream_undelivered"),
    (errors.Overloaded("m"), 503, "api_error", "overloaded"),
    (errors.EmptyAnswer("m"), 502, "api_error", "upstream_error"),
    (errors.NothingMade("m"), 502, "api_error", "upstream_error"),
    (errors.Garbled("m"), 502, "api_error", "upstream_error"),
    (errors.FormGone("m"), 502, "api_error", "upstream_error"),
    (errors.Unreachable("m"), 502, "api_error", "upstream_unreachable"),
    (errors.NoWay("m"), 502, "api_error", "upstream_unreachable"),
    (errors.UpstreamTimeout("m"), 504, "api_error", "timeout"),
    (errors.UpstreamError("m"), 502, "api_error", "upstream_error"),
    (errors.Broken("m"), 500, "api_error", "internal_error"),
    (GrokDeskError("m"), 500, "api_error", "internal_error"),
]


def kinds(base: type[GrokDeskError]) -> Iterator[type[GrokDeskError]]:
    yield base
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


@pytest.mark.parametrize(("error", "status", "kind", "code"), TABLE)
def test_each_error_has_its_row(error: GrokDeskError, status: int, kind: str, code: str) -> None:
    """
    The table of the architecture, chapter 17.
    """
    told = failure(error)

    assert told.status == status
    message = failures.sentence(error)
    assert message.startswith("m")
    assert orjson.loads(told.body) == {
        "error": {"message": message, "type": kind, "code": code, "param": None}
    }


def test_no_error_is_without_a_row() -> None:
    """
    A new kind of error is worded here too.
    """
    assert {type(error) for error, *_ in TABLE} == set(kinds(GrokDeskError))


def test_a_new_kind_speaks_like_its_base() -> None:
    """
    Until it has a row of its own.
    """

    class LateCase(errors.Broken):
        """A case nobody listed."""

    assert failure(LateCase("m")).status == 500


def test_the_field_is_named() -> None:
    """
    In `param`.
    """
    assert orjson.loads(failure(errors.Unsupported("m", param="tools")).body)["error"]["param"] == "tools"


@pytest.mark.parametrize(
    ("retry_after", "seconds", "milliseconds"), [(0, "1", "1"), (0.2, "1", "200"), (59.01, "60", "59010")]
)
@pytest.mark.parametrize("kind", [errors.NoAccount, errors.RateLimited, errors.Overloaded])
def test_the_time_to_wait_is_told_twice(
    kind: type[errors.NoAccount | errors.UpstreamError], retry_after: float, seconds: str, milliseconds: str
) -> None:
    """
    In whole seconds as HTTP has it, and in milliseconds as the official clients prefer it.
    """
    headers = failure(kind("m", retry_after=retry_after)).headers

    assert (headers["Retry-After"], headers["retry-after-ms"]) == (seconds, milliseconds)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (errors.InvalidRequest("m"), True),
        (errors.NotAllowed("m"), True),
        (errors.Refused("m"), True),
        (errors.StoppedByOwner("m"), True),
        (errors.NoAccount("m"), False),
        (errors.Overloaded("m"), False),
        (errors.Broken("m"), False),
    ],
)
def test_clients_are_told_when_another_try_is_pointless(error: GrokDeskError, told: bool) -> None:
    """
    The same request would be refused again.
    """
    assert (failure(error).headers.get("x-should-retry") == "false") is told


@pytest.mark.parametrize(
    ("retry_after", "told"), [(5.0, None), (59.0, None), (60.0, "false"), (7200.0, "false")]
)
def test_clients_do_not_sleep_through_a_long_wait(retry_after: float, told: str | None) -> None:
    """
    From a minute on, official clients are told not to retry, so that their owner hears the reason at once.
    """
    headers = failure(errors.RateLimited("Used up.", retry_after=retry_after)).headers

    assert headers.get("x-should-retry") == told
    assert headers["Retry-After"] == str(int(retry_after))
