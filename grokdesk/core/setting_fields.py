"""Every setting as a field of a form: what kind of value it takes, its bounds, and what is wrong with one.

Read from the model of `core.settings`, so that a setting that is added there needs nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Any, Final, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from grokdesk.core.settings import Section, Settings

_LONG: Final = 1_000
_NAME: Final = re.compile(r"\b[a-z_]+\.[a-z_]+\b")


class Kind(StrEnum):
    """What a setting takes."""

    SWITCH = "switch"
    WHOLE = "whole"
    NUMBER = "number"
    CHOICE = "choice"
    TEXT = "text"
    LONG_TEXT = "long text"
    ADDRESS = "address"
    LINES = "lines"


class Unit(StrEnum):
    """What a number counts."""

    NONE = ""
    SECONDS = "seconds"
    DAYS = "days"
    MEGABYTES = "megabytes"


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting. `low` and `high` bound a number, `shortest` and `longest` a text in characters."""

    section: str
    key: str
    title: str
    help: str
    kind: Kind
    default: object
    unit: Unit = Unit.NONE
    low: float | None = None
    high: float | None = None
    shortest: int | None = None
    longest: int | None = None
    choices: tuple[str, ...] = ()
    choices_of: str = ""
    """The name of the enum that the choices are of."""
    is_secret: bool = False
    needs_restart: bool = False

    @property
    def name(self) -> str:
        """The dotted name, such as `gateway.port`."""
        return f"{self.section}.{self.key}"


@dataclass(frozen=True, slots=True)
class SettingSection:
    """A group of settings and what it is about."""

    key: str
    about: str
    fields: tuple[SettingField, ...]


class Fault(StrEnum):
    """What is wrong with a value."""

    BOUNDS = "bounds"
    """It is no number, no whole one, or out of its bounds."""
    SHORT = "short"
    LONG = "long"
    CHOICE = "choice"
    RULE = "rule"
    """A rule of the model forbids it; the message says which."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a value cannot be used. `message` is the model's own sentence."""

    fault: Fault
    message: str


@lru_cache(maxsize=1)
def sections() -> tuple[SettingSection, ...]:
    """All settings, in the order of the model."""
    return tuple(
        SettingSection(
            name,
            (model.__doc__ or "").split("\n")[0],
            tuple(_field(name, key, info) for key, info in model.model_fields.items()),
        )
        for name, model in _models()
    )


@lru_cache(maxsize=1)
def fields() -> Mapping[str, SettingField]:
    """All settings by dotted name."""
    return {field.name: field for section in sections() for field in section.fields}


def values_of(settings: Settings) -> dict[str, object]:
    """The value of every setting by dotted name, as TOML has it: choices as text, lists as tuples."""
    return {
        name: plain(getattr(getattr(settings, field.section), field.key)) for name, field in fields().items()
    }


def plain(value: object) -> object:
    """A value so that equal settings are equal: choices as text, lists as tuples."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, list | tuple):
        return tuple(plain(one) for one in value)
    return value


def faults(settings: Settings, changes: Mapping[str, object]) -> dict[str, Wrong]:
    """What is wrong with `changes` to `settings`, by dotted name.

    A rule between settings is reported at each of its settings that is changed, also while another value is
    wrong by itself.
    """
    wrong = _faults(settings, changes)
    if wrong:
        wrong |= _faults(settings, {name: value for name, value in changes.items() if name not in wrong})
    return wrong


# --- reading the model --------------------------------------------------------------------------------------


def _models() -> Iterator[tuple[str, type[Section]]]:
    for name, info in Settings.model_fields.items():
        assert isinstance(info.annotation, type)
        assert issubclass(info.annotation, Section)
        yield name, info.annotation


def _field(section: str, key: str, info: FieldInfo) -> SettingField:
    of: Any = info.annotation
    bounds = {type(rule): rule for rule in info.metadata}
    low, high = bounds.get(Ge), bounds.get(Le)
    shortest, longest = bounds.get(MinLen), bounds.get(MaxLen)
    kind = _kind(key, of, longest.max_length if longest else None)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return SettingField(
        section=section,
        key=key,
        title=info.title or key,
        help=info.description or "",
        kind=kind,
        default=plain(info.default),
        unit=_unit(key) if kind in {Kind.WHOLE, Kind.NUMBER} else Unit.NONE,
        low=low.ge if low else None,
        high=high.le if high else None,
        shortest=shortest.min_length if shortest else None,
        longest=longest.max_length if longest else None,
        choices=tuple(str(one.value) for one in of) if kind is Kind.CHOICE else (),
        choices_of=of.__name__ if kind is Kind.CHOICE else "",
        is_secret=bool(extra.get("secret")),
        needs_restart=bool(extra.get("restart")),
    )


def _kind(key: str, of: Any, longest: int | None) -> Kind:  # noqa: ANN401 - the annotation of a field
    if get_origin(of) is tuple:
        return Kind.LINES
    if issubclass(of, Enum):
        return Kind.CHOICE
    kind = {bool: Kind.SWITCH, int: Kind.WHOLE, float: Kind.NUMBER}.get(of)
    if kind is not None:
        return kind
    assert of is str
    if key == "url" or key.endswith("_url"):
        return Kind.ADDRESS
    return Kind.LONG_TEXT if longest is not None and longest > _LONG else Kind.TEXT


def _unit(key: str) -> Unit:
    ends = {"s": Unit.SECONDS, "days": Unit.DAYS, "mb": Unit.MEGABYTES}
    return ends.get(key.rpartition("_")[2], Unit.NONE)


# --- checking -----------------------------------------------------------------------------------------------


def _faults(settings: Settings, changes: Mapping[str, object]) -> dict[str, Wrong]:
    tree = settings.model_dump()
    for name, value in changes.items():
        field = fields()[name]
        tree[field.section][field.key] = value
    try:
        Settings.model_validate(tree)
    except ValidationError as error:
        found: dict[str, Wrong] = {}
        for one in error.errors(include_url=False, include_input=False, include_context=False):
            wrong = Wrong(_FAULTS.get(one["type"], Fault.RULE), one["msg"].removeprefix("Value error, "))
            name = ".".join(map(str, one["loc"][:2]))
            named = [name] if name in changes else _NAME.findall(wrong.message)
            for each in named:
                if each in changes:
                    found.setdefault(each, wrong)
        return found
    return {}


_FAULTS: Final = {
    **dict.fromkeys(
        (
            "greater_than_equal",
            "less_than_equal",
            "finite_number",
            "int_parsing",
            "int_parsing_size",
            "int_from_float",
            "int_type",
            "float_parsing",
            "float_type",
        ),
        Fault.BOUNDS,
    ),
    "string_too_short": Fault.SHORT,
    "string_too_long": Fault.LONG,
    "enum": Fault.CHOICE,
}
