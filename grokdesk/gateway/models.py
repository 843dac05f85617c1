"""The models, for clients that list them, in the form they understand."""

from __future__ import annotations

from aiohttp import web

from grokdesk.core.errors import ModelNotFound
from grokdesk.dialects import anthropic, models
from grokdesk.dialects.anthropic import models as anthropic_models
from grokdesk.gateway.ports import Services


async def list_models(request: web.Request, services: Services) -> web.StreamResponse:
    """List what can be asked for. Raises `InvalidRequest` for a page that cannot be."""
    known = services.models()
    if anthropic.is_spoken(request.headers):
        return _json(anthropic_models.listed(known, request.query))
    return _json(models.listed(known))


async def show_model(request: web.Request, services: Services) -> web.StreamResponse:
    """Describe one model. Raises `ModelNotFound`."""
    name = request.match_info["name"]
    shown = anthropic_models.shown if anthropic.is_spoken(request.headers) else models.shown
    for model in services.models():
        if model.name == name:
            return _json(shown(model))
    raise ModelNotFound(
        f"The model '{name}' does not exist.", param="model", hint="GET /v1/models lists the names."
    )


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
