"""Which page of a list a client asks for, in OpenAI's words."""

from __future__ import annotations

from typing import Final, Literal

from aiohttp import web

from grokdesk.core.errors import InvalidRequest

_USUAL: Final = 20
_LARGEST: Final = 100


def page_limit(request: web.Request) -> int:
    """Return how many are wanted at most, 1 to 100. Raises `InvalidRequest`."""
    given = request.query.get("limit", str(_USUAL))
    # Ten digits are more than enough, and longer numbers would be slow to read.
    limit = int(given) if given.isascii() and given.isdigit() and len(given) <= 10 else 0  # noqa: PLR2004
    if not 1 <= limit <= _LARGEST:
        raise InvalidRequest(f"'limit' must be a number from 1 to {_LARGEST}.", param="limit")
    return limit


def newest_first(request: web.Request, *, usual: Literal["asc", "desc"]) -> bool:
    """Whether the newest come first; `usual` is the order of who does not say. Raises `InvalidRequest`."""
    order = request.query.get("order", usual)
    if order not in {"asc", "desc"}:
        raise InvalidRequest("'order' must be 'asc' or 'desc'.", param="order")
    return order == "desc"
