"""What the schemas of all formats are made of."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field

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
