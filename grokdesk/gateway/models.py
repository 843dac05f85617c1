"""The models, for clients that list them."""

from __future__ import annotations

from aiohttp import web

from grokdesk.core.errors import ModelNotFound
from grokdesk.dialects import models
from grokdesk.gateway.ports import Services


async def list_models(_request: web.Request, services: Services) -> web.StreamResponse:
    """List what can be asked for."""
    return web.Response(body=models.listed(services.models()), content_type="application/json")


async def show_model(request: web.Request, services: Services) -> web.StreamResponse:
    """Describe one model. Raises `ModelNotFound`."""
    name = request.match_info["name"]
    for model in services.models():
        if model.name == name:
            return web.Response(body=models.shown(model), content_type="application/json")
    raise ModelNotFound(
        f"The model '{name}' does not exist.", param="model", hint="GET /v1/models lists the names."
    )
