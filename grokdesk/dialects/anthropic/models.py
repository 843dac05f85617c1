"""The list of models in Anthropic's form, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from grokdesk.core.catalog import Model
from grokdesk.core.errors import InvalidRequest

_USUAL: Final = 20
_MOST: Final = 1000


def listed(models: Sequence[Model], query: Mapping[str, str]) -> bytes:
    """Return the page of `models` that `query` asks for, with `after_id` or `before_id` and `limit`.

    Raises `InvalidRequest` for a limit that is none and for an id that is not in the list.
    """
    limit = _limit(query.get("limit"))
    names = [model.name for model in models]
    if "before_id" in query:
        end = _place(names, query, "before_id")
        begin = max(0, end - limit)
        has_more = begin > 0
    else:
        begin = _place(names, query, "after_id") + 1 if "after_id" in query else 0
        end = min(begin + limit, len(names))
        has_more = end < len(names)
    page = names[begin:end]
    return orjson.dumps(
        {
            "data": [_entry(model) for model in models[begin:end]],
            "has_more": has_more,
            "first_id": page[0] if page else None,
            "last_id": page[-1] if page else None,
        }
    )


def shown(model: Model) -> bytes:
    """Return the body that describes one model."""
    return orjson.dumps(_entry(model))


def _entry(model: Model) -> dict[str, object]:
    created = dt.datetime.fromtimestamp(model.created, dt.UTC)
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.title,
        "created_at": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
    }


def _limit(asked: str | None) -> int:
    if asked is None:
        return _USUAL
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:9]) <= _MOST):
        raise InvalidRequest(f"'limit' must be a number from 1 to {_MOST}.", param="limit")
    return int(asked)


def _place(names: Sequence[str], query: Mapping[str, str], param: str) -> int:
    try:
        return names.index(query[param])
    except ValueError:
        raise InvalidRequest(f"'{param}' must be the id of a model in the list.", param=param) from None
