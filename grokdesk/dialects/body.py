"""What the schemas of all formats are made of."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

# Names of the alternatives of a member. Pydantic puts them into the path of an error, where `reading` takes
# out whatever begins with such a bracket; no member is called like this.
ONE: Final = "<one>"
MANY: Final = "<many>"
NONE: Final = "<none>"


class Body(BaseModel):
    """A JSON object of which unknown members are of no interest."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


NonEmpty = Annotated[str, Field(min_length=1)]
Count = Annotated[int, BeforeValidator(_whole)]
# Notes of OpenAI's clients.
Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]


class Recording(Body):
    """A recording in base64, as OpenAI's clients send it."""

    data: str
    format: str


def one_or_many(expected: str) -> Discriminator:
    """Return what tells the alternatives `ONE`, a string, `MANY`, a list, and `NONE`.

    Of anything else it says that it must be `expected`.
    """
    return Discriminator(_form, custom_error_type="wrong_form", custom_error_message=f"must be {expected}")


def _length_form(value: object) -> str | None:
    match value:
        case bool():
            return None
        case str():
            return ONE
        case int() | float():
            return "<number>"
        case None:
            return NONE
        case _:
            return None


# OpenAI's clients send it as text; `core.media` says which numbers are lengths.
Seconds = Annotated[
    Annotated[str, Tag(ONE)] | Annotated[float, Tag("<number>")] | Annotated[None, Tag(NONE)],
    Discriminator(
        _length_form, custom_error_type="length_form", custom_error_message="must be a number of seconds"
    ),
]


def _form(value: object) -> str | None:
    match value:
        case str():
            return ONE
        case list():
            return MANY
        case None:
            return NONE
        case _:
            return None
