"""Is it there, is it ready, what is it: answers for people and monitors. None of them needs a key."""

from __future__ import annotations

import orjson
from aiohttp import web

from grokdesk import __version__
from grokdesk.gateway.auth import reached_at
from grokdesk.gateway.ports import Services


async def alive(_request: web.Request, _services: Services) -> web.StreamResponse:
    """Say that the process lives."""
    return _json({"status": "ok"})


async def ready(_request: web.Request, services: Services) -> web.StreamResponse:
    """Say that requests are answered.

    How many accounts could serve one now is told beside it; without any, requests are answered with a
    failure.
    """
    readiness = services.readiness()
    return _json({"status": "ready", "accounts": readiness.accounts, "accounts_ready": readiness.ready})


async def about(request: web.Request, services: Services) -> web.StreamResponse:
    """Name the product, and the address that clients are configured with, as this client reached it."""
    return _json(
        {
            "name": "GrokDesk",
            "version": __version__,
            "base_url": f"{reached_at(request, services.settings.now.gateway)}/v1",
            "api": "OpenAI- and Anthropic-compatible; see GET /v1/models",
        }
    )


def _json(value: dict[str, object]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
