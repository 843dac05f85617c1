"""How OpenAI clients hear failures: one table and one envelope, whatever they asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from grokdesk.core import errors
from grokdesk.dialects import failures
from grokdesk.dialects.base import Failure


class Wording(NamedTuple):
    """The status, and the `type` and `code` members."""

    status: int
    type: str
    code: str


_INVALID: Final = "invalid_request_error"
_API: Final = "api_error"

ERRORS: Final[Mapping[type[errors.GrokDeskError], Wording]] = MappingProxyType(
    {
        errors.InvalidRequest: Wording(400, _INVALID, "invalid_value"),
        errors.Unsupported: Wording(400, _INVALID, "unsupported"),
        errors.ModelNotFound: Wording(404, _INVALID, "model_not_found"),
        errors.NotFound: Wording(404, _INVALID, "not_found"),
        errors.NotReady: Wording(409, _INVALID, "video_not_ready"),
        errors.TooLarge: Wording(413, _INVALID, "request_too_large"),
        errors.NotAllowed: Wording(401, "authentication_error", "invalid_api_key"),
        errors.ForbiddenOrigin: Wording(403, "permission_error", "forbidden_origin"),
        errors.NoAccount: Wording(429, "rate_limit_error", "no_account"),
        errors.StoppedByOwner: Wording(503, _API, "stopped_by_owner"),
        errors.RateLimited: Wording(429, "rate_limit_error", "rate_limit_exceeded"),
        errors.AccountRejected: Wording(502, _API, "upstream_account_rejected"),
        errors.Challenged: Wording(503, _API, "upstream_challenge"),
        errors.Refused: Wording(400, _INVALID, "content_policy_violation"),
        errors.Incomplete: Wording(502, _API, "image_generation_incomplete"),
        errors.MayBeMade: Wording(502, _API, "upstream_interrupted"),
        errors.Undelivered: Wording(502, _API, "upstream_undelivered"),
        errors.Overloaded: Wording(503, _API, "overloaded"),
        errors.EmptyAnswer: Wording(502, _API, "upstream_error"),
        errors.Garbled: Wording(502, _API, "upstream_error"),
        errors.FormGone: Wording(502, _API, "upstream_error"),
        errors.Unreachable: Wording(502, _API, "upstream_unreachable"),
        errors.UpstreamTimeout: Wording(504, _API, "timeout"),
        errors.UpstreamError: Wording(502, _API, "upstream_error"),
        errors.Broken: Wording(500, _API, "internal_error"),
        errors.GrokDeskError: Wording(500, _API, "internal_error"),
    }
)


def wording(error: errors.GrokDeskError) -> Wording:
    """Return the row of the table for `error`, or for the nearest class it is a case of."""
    return failures.row(ERRORS, error)


def envelope(error: errors.GrokDeskError, worded: Wording | None = None) -> bytes:
    """Return `{"error": {message, type, code, param}}`; every member is always there.

    `worded` is for routes that have words of their own for it.
    """
    _, kind, code = worded or wording(error)
    param = error.param if isinstance(error, errors.InvalidRequest) else None
    return orjson.dumps(
        {"error": {"message": failures.sentence(error), "type": kind, "code": code, "param": param}}
    )


def failure(error: errors.GrokDeskError) -> Failure:
    """Return status, body and the headers by which official clients decide whether and when to try again."""
    status = wording(error).status
    return Failure(status, envelope(error), failures.headers(error, status))
