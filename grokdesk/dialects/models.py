"""The list of models in OpenAI's form, with a readable `name` beside the id (spec/public-api.md §2.1)."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from grokdesk.core.catalog import OWNER, Model


def listed(models: Iterable[Model]) -> bytes:
    """Return the body that lists `models` in their order."""
    return orjson.dumps({"object": "list", "data": [_entry(model) for model in models]})


def shown(model: Model) -> bytes:
    """Return the body that describes one model."""
    return orjson.dumps(_entry(model))


def _entry(model: Model) -> dict[str, object]:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": OWNER,
        "name": model.title,
    }
