"""The models, for clients that list them, in the form they understand."""

from __future__ import annotations

from aiohttp import web

from grokdesk.core.offer import Offer, offer_of
from grokdesk.dialects import anthropic, models
from grokdesk.dialects.anthropic import models as anthropic_models
from grokdesk.gateway.ports import Services


def offered(services: Services) -> Offer:
    """What the owner offers at this moment."""
    return offer_of(services.settings.now.models)


async def list_models(request: web.Request, services: Services) -> web.StreamResponse:
    """List what can be asked for. Raises `InvalidRequest` for a page that cannot be."""
    known = offered(services).models
    if anthropic.is_spoken(request.headers):
        return _json(anthropic_models.listed(known, request.query))
    return _json(models.listed(known))


async def show_model(request: web.Request, services: Services) -> web.StreamResponse:
    """Describe one model. Raises `ModelNotFound`."""
    name = request.match_info["name"]
    shown = anthropic_models.shown if anthropic.is_spoken(request.headers) else models.shown
    offer = offered(services)
    for model in offer.models:
        if model.name == name:
            return _json(shown(model))
    return _json(shown(offer.named(name)))


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
