"""What the routes for pictures and films have in common: how their failures are told."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from grokdesk.core import errors
from grokdesk.core.catalog import Model
from grokdesk.core.offer import Offer
from grokdesk.dialects import failures, openai_errors
from grokdesk.dialects.base import Failure
from grokdesk.dialects.openai_chat import OpenAIChat
from grokdesk.dialects.openai_errors import ERRORS, Wording

_MODERATED: Final = "moderation_blocked"

_ERRORS: Final = MappingProxyType(
    {**ERRORS, errors.Refused: ERRORS[errors.Refused]._replace(code=_MODERATED)}
)


class NotMade(errors.UpstreamError):
    """A job has failed before; this is its failure, told again. `code` is the word for it."""

    title = "It was not made"
    again = errors.Again.NEVER

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class OpenAIMedia(OpenAIChat):
    """What clients hear on these routes. Only failures and headers: bodies are read and written apart."""

    def failure(self, error: errors.GrokDeskError, request_id: str) -> Failure:
        """Return how a client hears `error`: as on the other routes, but for moderation."""
        told = wording(error)
        headers = failures.headers(error, told.status)
        if isinstance(error, errors.Broken):
            # A full disk, for one, is found out when the picture is there. Official clients would order, and
            # spend, twice more.
            headers["x-should-retry"] = "false"
        return Failure(told.status, envelope(error), headers)


def wording(error: errors.GrokDeskError) -> Wording:
    """Return status, `type` and `code` of a failure."""
    if not isinstance(error, NotMade):
        return failures.row(_ERRORS, error)
    if error.code == _MODERATED:
        return _ERRORS[errors.Refused]
    # What is asked for now is not at fault, and asking again will not help.
    return _ERRORS[errors.NotReady]._replace(type="api_error", code=error.code)


def envelope(error: errors.GrokDeskError) -> bytes:
    """Return `{"error": {message, type, code, param}}`."""
    return openai_errors.envelope(error, wording(error))


def model_for(name: str | None, usual: str, offer: Offer) -> Model:
    """Return the model called `name`, or the usual one. Raises `ModelNotFound`, which names that."""
    try:
        return offer.named(name or usual)
    except errors.ModelNotFound as error:
        raise errors.ModelNotFound(
            error.message, param=error.param, hint=f"Use {usual}; GET /v1/models lists all names."
        ) from None


def said(prompt: str | None) -> str:
    """Return a prompt. Raises `InvalidRequest` when it says nothing."""
    if prompt is None or not prompt.strip():
        raise errors.InvalidRequest("'prompt' must say what is to be made.", param="prompt")
    return prompt
