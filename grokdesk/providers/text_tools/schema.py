"""JSON schemas: whether a value fits, what is wrong with it, and what little changes would make it fit.

jsonschema judges. It never fetches anything: a schema may refer only to itself. A schema that is none, or
that cannot be followed, is no reason to refuse an answer, so everything fits it. The draft is the one the
schema names, else 2020-12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from grokdesk.providers.text_tools import repair

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_Schema = Mapping[str, object]

_MOST_STEPS: Final = 5_000
_LONGEST_SAID: Final = 200
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?")
_WORDS: Final = {"true": True, "false": False}
_UNFIT: Final = object()


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value does not fit: where (`$.days[0]`), and what was expected there.

    `best` is the value as far as it could be repaired, as JSON; empty when there was none.
    """

    path: str
    expected: str
    best: str = ""

    @property
    def problem(self) -> str:
        """One sentence for a model that is to try again."""
        return f"At {self.path}: expected {self.expected}."


def fit(value: object, schema: str) -> str | Misfit:
    """`value` as compact JSON that fits `schema`, or why it cannot.

    A value that fits is not changed. Otherwise numbers, booleans and JSON in strings become what they stand
    for, numbers become strings and single values lists where the schema wants that, enums forgive the case of
    letters, and members are dropped that are null without need or that the schema forbids. What is missing
    stays missing.
    """
    rules = _rules(schema)
    if rules is None:
        return repair.compact(value)
    better, misfit = rules.judged(value)
    best = repair.compact(better)
    return Misfit(misfit[0], misfit[1], best) if misfit else best


@lru_cache(maxsize=256)
def _rules(schema: str) -> _Rules | None:
    # Imported here because it takes some 70 ms, which a start without tools should not pay.
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    try:
        loaded = repair.loads(schema)
    except ValueError:
        return None
    if not isinstance(loaded, dict) or not isinstance(loaded.get("$schema", ""), str):
        return None
    kind = validator_for(loaded, default=Draft202012Validator)
    try:
        kind.check_schema(loaded)
    except SchemaError:
        return None
    # Without a registry of its own a validator would fetch remote references.
    return _Rules(kind(loaded, registry=Registry()), loaded)


class _Rules:
    """A schema, ready to judge."""

    # Any: the stubs ask for a recursive type of JSON values, which no check narrows an object to.
    def __init__(self, validator: Any, schema: _Schema) -> None:  # noqa: ANN401
        self._validator = validator
        self._schema = schema
        self._steps = 0

    def judged(self, value: object) -> tuple[object, tuple[str, str] | None]:
        """`value`, repaired if need be, and where it fails and what was expected, if it still does."""
        from jsonschema.exceptions import best_match  # noqa: PLC0415 # loaded with the rest, see _rules
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 # same

        self._steps = _MOST_STEPS
        try:
            better = self._gently(value, self._schema)
            error = best_match(self._validator.iter_errors(better))
        except (Unresolvable, RecursionError, re.error):
            return value, None
        return better, (error.json_path, _expected(error)) if error else None

    def _fits(self, value: object, schema: _Schema) -> bool:
        return bool(self._validator.evolve(schema=schema).is_valid(value))

    def _gently(self, value: object, schema: object) -> object:
        """`value`, changed as little as makes it fit; it may still not."""
        self._steps -= 1
        if self._steps < 0 or not isinstance(schema, dict) or self._fits(value, schema):
            return value
        value = self._gently(value, self._referred(schema.get("$ref")))
        for part in _items(schema.get("allOf")):
            value = self._gently(value, part)
        for branch in (*_items(schema.get("anyOf")), *_items(schema.get("oneOf"))):
            better = self._gently(value, branch)
            if isinstance(branch, dict) and self._fits(better, branch):
                value = better
                break
        value = self._typed(value, schema)
        value = _chosen(value, [schema["const"]] if "const" in schema else _items(schema.get("enum")))
        if isinstance(value, dict):
            return self._members(value, schema)
        if isinstance(value, list):
            return self._listed(value, schema)
        return value

    def _referred(self, reference: object) -> object:
        """The part of the schema that `#/…` names; None for any other reference."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        place: object = self._schema
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            place = place.get(name) if isinstance(place, dict) else None
        return place

    def _typed(self, value: object, schema: _Schema) -> object:
        wanted = schema.get("type")
        types = [wanted] if isinstance(wanted, str) else [str(name) for name in _items(wanted)]
        if any(self._validator.is_type(value, name) for name in types):
            return value
        changed = (_as(name, value) for name in types)
        return next((found for found in changed if found is not _UNFIT), value)

    def _members(self, value: Mapping[str, object], schema: _Schema) -> dict[str, object]:
        properties = _mapping(schema.get("properties"))
        required = _items(schema.get("required"))
        others = schema.get("additionalProperties", True)
        is_closed = others is False and not schema.get("patternProperties")
        kept: dict[str, object] = {}
        for name, member in value.items():
            rule = properties.get(name)
            if name not in properties:
                if not is_closed:
                    kept[name] = self._gently(member, others)
                continue
            better = self._gently(member, rule)
            if better is not None or name in required or not isinstance(rule, dict) or self._fits(None, rule):
                kept[name] = better
        return kept

    def _listed(self, value: Sequence[object], schema: _Schema) -> list[object]:
        items = schema.get("items")
        first = _items(schema.get("prefixItems")) or _items(items)
        return [self._gently(item, first[at] if at < len(first) else items) for at, item in enumerate(value)]


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _as(wanted: str, value: object) -> object:
    """`value` as a `wanted`, or `_UNFIT`."""
    match wanted, value:
        case "string", bool() | int() | float() | dict() | list():
            return repair.compact(value)
        case "integer" | "number", str():
            return _number(value.strip(), wanted)
        case "boolean", str():
            return _WORDS.get(value.strip().lower(), _UNFIT)
        case "null", str() if value.strip().lower() in ("", "null", "none"):
            return None
        case "object", str():
            return _json(value, dict)
        case "array", str():
            found = _json(value, list)
            return [value] if found is _UNFIT else found
        case "array", bool() | int() | float() | dict():
            return [value]
        case _:
            return _UNFIT


def _number(text: str, wanted: str) -> object:
    if not _NUMBER.fullmatch(text) or len(text) > _LONGEST_SAID:
        return _UNFIT
    if text.lstrip("+-").isdigit():
        return int(text)
    value = float(text)
    if value.is_integer() and wanted == "integer":
        return int(value)
    return value if wanted == "number" and abs(value) != float("inf") else _UNFIT


def _json(text: str, kind: type[dict[str, object] | list[object]]) -> object:
    try:
        value = repair.loads(text)
    except ValueError:
        return _UNFIT
    return value if isinstance(value, kind) else _UNFIT


def _chosen(value: object, choices: Sequence[object]) -> object:
    """The one of `choices` that `value` means, but for the case of letters; else `value`."""
    if not isinstance(value, str) or value in choices:
        return value
    plain = value.strip().casefold()
    alike = [
        choice
        for choice in choices
        if (choice if isinstance(choice, str) else repair.compact(choice)).casefold() == plain
    ]
    return alike[0] if len(alike) == 1 else value


def _expected(error: ValidationError) -> str:
    """What a rule wanted, in words."""
    rule: Any = error.validator_value  # the schema was checked, so each rule has its shape
    match error.validator:
        case "type":
            return " or ".join([rule] if isinstance(rule, str) else rule)
        case "required":
            given = _mapping(error.instance)
            return "a member " + ", ".join(f'"{name}"' for name in rule if name not in given)
        case "enum":
            said = f"one of {repair.compact(rule)}"
        case "const":
            said = repair.compact(rule)
        case name:
            said = f"{name} {repair.compact(rule)}"
    return said if len(said) <= _LONGEST_SAID else said[:_LONGEST_SAID] + "…"
