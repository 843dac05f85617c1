"""The one failure that only this format has, and the members that tell of any."""

from __future__ import annotations

import orjson

from grokdesk.core.errors import GrokDeskError, InvalidRequest
from grokdesk.dialects import openai_errors
from grokdesk.dialects.reading import quoted


class PreviousResponseNotFound(InvalidRequest):
    """The response to continue from is not kept, or not any more."""

    title = "Unknown response"

    def __init__(self, response_id: str) -> None:
        super().__init__(
            f"Previous response with id {quoted(response_id)} not found.",
            param="previous_response_id",
            hint="Send the whole conversation instead.",
        )


def envelope(error: GrokDeskError) -> dict[str, str | None]:
    """Return the members `message`, `type`, `code` and `param` that tell of `error`."""
    members: dict[str, str | None] = orjson.loads(openai_errors.envelope(error))["error"]
    if isinstance(error, PreviousResponseNotFound):
        members["code"] = "previous_response_not_found"
    return members
