"""A body → what its schema makes of it, or what is wrong with it, in a sentence, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from grokdesk.core.errors import InvalidRequest

Model = TypeVar("Model", bound=BaseModel)

# Steps of pydantic's paths that are no members: names of alternatives (see `body`), and the keys of objects.
_HIDDEN: Final = ("<", "[key]")
_SHOWN_CHARACTERS: Final = 40


def read(kind: type[Model], body: bytes) -> Model:
    """Return `body` as a `kind`. Raises `InvalidRequest` with the dotted path of the first wrong member."""
    if not body.strip():
        raise InvalidRequest("The request body is empty; it must be a JSON object.")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise explained(error) from None


def checked(kind: type[Model], members: Mapping[str, object]) -> Model:
    """The same for members that did not come as JSON."""
    try:
        return kind.model_validate(members)
    except ValidationError as error:
        raise explained(error) from None


def explained(error: ValidationError) -> InvalidRequest:
    """Return the first thing that is wrong."""
    detail = error.errors(include_url=False)[0]
    if detail["type"] == "json_invalid":
        reason = detail.get("ctx", {}).get("error", "it cannot be read")
        return InvalidRequest(f"The request body is not valid JSON: {reason}.")
    if not detail["loc"]:
        return InvalidRequest("The request body must be a JSON object.")
    path = ".".join(step for step in map(str, detail["loc"]) if not step.startswith(_HIDDEN))
    return InvalidRequest(f"'{path}' {_expected(detail)}.", param=path)


def required(path: str) -> InvalidRequest:
    """Return that a member is missing."""
    return InvalidRequest(f"'{path}' is required.", param=path)


def quoted(value: object) -> str:
    """Return a wrong value as it may be shown: briefly, and only when it is a plain one."""
    if not isinstance(value, str | int | float):
        return "an array or an object" if value is not None else "null"
    shown = str(value)
    return f"'{shown[:_SHOWN_CHARACTERS]}…'" if len(shown) > _SHOWN_CHARACTERS else f"'{shown}'"


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "too_long":
            return f"must have at most {context['max_length']} items"
        case "string_too_long":
            return f"must have at most {context['max_length']} characters"
        case "literal_error" | "enum":
            return f"must be {context['expected']}, not {quoted(detail['input'])}"
        case _:
            return detail["msg"].replace("Input should", "must")
