"""Fields of a form → the members that the same request has in JSON.

Clients write lists and objects of JSON into the names of fields: `image[]`, `image[0]`,
`input_reference[image_url]`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from grokdesk.core.conversation import Media

_NAME: Final = re.compile(r"([^\[\]]+)(?:\[([^\[\]]*)\])?(?:\[([^\[\]]+)\])?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: text, or a file."""

    name: str
    value: str | Media


def members(
    fields: Iterable[Field], *, whole: Collection[str] = (), flags: Collection[str] = ()
) -> dict[str, object]:
    """Return what the fields say.

    An empty text is the same as absent. Those called as in `whole` are numbers and those as in `flags` true
    or false, where their text is; whoever checks them tells of other texts. A name that is there twice, or
    ends in brackets that are empty or hold a number, is a list; other brackets name members of an object.
    """
    found: dict[str, object] = {}
    for field in fields:
        if field.value == "":
            continue
        match = _NAME.fullmatch(field.name)
        name, first, second = match.groups() if match else (field.name, None, None)
        value: object = field.value
        if isinstance(value, str) and first is None:
            value = _plain(name, value, whole, flags)
        if first is None:
            found[name] = [*_items(found[name]), value] if name in found else value
        elif first == "" or first.isdigit():
            found[name] = [*_items(found.get(name, [])), {second: value} if second else value]
        else:
            known = found.get(name)
            found[name] = {**(known if isinstance(known, dict) else {}), first: value}
    return found


def _plain(name: str, value: str, whole: Collection[str], flags: Collection[str]) -> object:
    if name in whole and _WHOLE.fullmatch(value):
        return int(value)
    return _FLAGS.get(value.lower(), value) if name in flags else value


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
