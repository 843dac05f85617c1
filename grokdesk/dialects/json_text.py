"""JSON as text: what clients send inside their bodies, and what they are sent piece by piece."""

from __future__ import annotations

import json

import orjson

from grokdesk.core.errors import InvalidRequest


def json_text(value: object, path: str) -> str:
    """Return a JSON value of the client's as text. Raises `InvalidRequest` for numbers JSON does not have."""
    # Not orjson: it has no whole numbers above 64 bits, and writes NaN as null.
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise InvalidRequest(f"'{path}' must not contain NaN or Infinity.", param=path) from None


def json_string(text: str) -> bytes:
    """Return `text` as a JSON string."""
    try:
        return orjson.dumps(text)
    except TypeError:
        return orjson.dumps(sound(text))


def sound(text: str) -> str:
    """Return `text` with halves of characters joined or replaced: UTF-8 cannot hold them alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
