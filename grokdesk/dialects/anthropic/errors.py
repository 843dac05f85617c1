"""How clients of Messages hear failures: one table and one envelope."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from grokdesk.core import errors
from grokdesk.dialects import failures
from grokdesk.dialects.base import Failure


class Wording(NamedTuple):
    """The status, and the `type` member."""

    status: int
    type: str


_INVALID: Final = "invalid_request_error"
_API: Final = "api_error"
_OVERLOADED: Final = Wording(529, "overloaded_error")
# By this the helpers of official clients know to go on without a thread, with the whole history each time.
_NO_THREADS: Final = {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}

ERRORS: Final[Mapping[type[errors.GrokDeskError], Wording]] = MappingProxyType(
    {
        errors.InvalidRequest: Wording(400, _INVALID),
        errors.Unsupported: Wording(400, _INVALID),
        errors.ModelNotFound: Wording(404, "not_found_error"),
        errors.NotFound: Wording(404, "not_found_error"),
        errors.TooLarge: Wording(413, "request_too_large"),
        errors.NotAllowed: Wording(401, "authentication_error"),
        errors.ForbiddenOrigin: Wording(403, "permission_error"),
        errors.NoAccount: Wording(429, "rate_limit_error"),
        errors.StoppedByOwner: Wording(503, _API),
        errors.RateLimited: Wording(429, "rate_limit_error"),
        errors.AccountRejected: Wording(502, _API),
        errors.Challenged: _OVERLOADED,
        errors.Refused: Wording(400, _INVALID),
        errors.Incomplete: Wording(502, _API),
        errors.MayBeMade: Wording(502, _API),
        errors.Undelivered: Wording(502, _API),
        errors.Overloaded: _OVERLOADED,
        errors.EmptyAnswer: Wording(502, _API),
        errors.Garbled: Wording(502, _API),
        errors.FormGone: Wording(502, _API),
        errors.Unreachable: Wording(502, _API),
        errors.UpstreamTimeout: Wording(504, "timeout_error"),
        errors.UpstreamError: Wording(502, _API),
        errors.Broken: Wording(500, _API),
        errors.GrokDeskError: Wording(500, _API),
    }
)


def wording(error: errors.GrokDeskError) -> Wording:
    """Return the row of the table for `error`, or for the nearest class it is a case of."""
    return failures.row(ERRORS, error)


def envelope(error: errors.GrokDeskError, request_id: str) -> bytes:
    """Return `{"type": "error", "error": {type, message}, "request_id"}`, the same before and in a stream."""
    told: dict[str, object] = {"type": wording(error).type, "message": failures.sentence(error)}
    if isinstance(error, errors.Unsupported) and error.param == "thread":
        told["details"] = _NO_THREADS
    return orjson.dumps({"type": "error", "error": told, "request_id": request_id})


def failure(error: errors.GrokDeskError, request_id: str) -> Failure:
    """Return status, body and the headers by which official clients decide whether and when to try again."""
    status = wording(error).status
    return Failure(status, envelope(error, request_id), failures.headers(error, status))
