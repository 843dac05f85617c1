"""What failures have in common in every format: the row of a table, the sentence, the headers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, TypeVar

from grokdesk.core import errors

Row = TypeVar("Row")

_TOO_MANY: Final = 429
_SERVER_SIDE: Final = 500
_TOO_LONG_S: Final = 60


def row(table: Mapping[type[errors.GrokDeskError], Row], error: errors.GrokDeskError) -> Row:
    """Return what `table` has for `error`, or for the nearest class it is a case of."""
    return next(table[kind] for kind in type(error).__mro__ if kind in table)


def sentence(error: errors.GrokDeskError) -> str:
    """Return what happened and what can be done."""
    return f"{error.message} {error.hint}" if error.hint else error.message


def headers(error: errors.GrokDeskError, status: int) -> dict[str, str]:
    """Return the headers of the JSON body that tells of `error` with `status`.

    By them official clients decide whether and when to try again. OpenAI's and Anthropic's come from one
    generator and read the same ones.
    """
    told = {"Content-Type": "application/json"}
    if type(error) is errors.NotAllowed:
        told["WWW-Authenticate"] = "Bearer"
    hopeless = isinstance(error, errors.StoppedByOwner) or (
        isinstance(error, errors.UpstreamError) and error.again is errors.Again.NEVER
    )
    if hopeless or (status < _SERVER_SIDE and status != _TOO_MANY):
        told["x-should-retry"] = "false"
    if isinstance(error, errors.NoAccount | errors.UpstreamError) and error.retry_after is not None:
        # Whole seconds, rounded up: a client that comes back too early only hears the same again.
        told["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
        told["retry-after-ms"] = str(max(1, math.ceil(error.retry_after * 1000)))
        if error.retry_after >= _TOO_LONG_S:
            # Otherwise they would sleep in silence, and their owner would hear a minute later what is wrong.
            told["x-should-retry"] = "false"
    return told
