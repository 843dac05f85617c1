"""The Images API: pictures from words, changed pictures, variations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

import orjson
from aiohttp import web

from grokdesk.core.errors import Undelivered
from grokdesk.core.events import Event, Made, Previewed
from grokdesk.core.offer import Offer
from grokdesk.dialects import openai_images
from grokdesk.dialects.form_fields import Field
from grokdesk.dialects.openai_images import ImagesAsked, ImagesEncoder, Picture
from grokdesk.dialects.openai_media import OpenAIMedia
from grokdesk.gateway.converse import apart
from grokdesk.gateway.exchange import EXCHANGE
from grokdesk.gateway.files import USUAL_QUALITY, conversion, library_of, link, resolved, root_of
from grokdesk.gateway.form import read_asked
from grokdesk.gateway.models import offered
from grokdesk.gateway.ports import Services
from grokdesk.gateway.pump import Pump

DIALECT: Final = OpenAIMedia()


class Decode(Protocol):
    """Reads one kind of request. Raises `InvalidRequest`."""

    def __call__(self, body: bytes | Sequence[Field], *, offer: Offer) -> ImagesAsked:
        """Return what is asked for, by the names of `offer`."""
        ...


_GENERATION: Final = "image_generation"
_EDIT: Final = "image_edit"


async def generate(request: web.Request, services: Services) -> web.StreamResponse:
    """Make pictures from words. Raises `GrokDeskError`."""
    return await _answer(request, services, openai_images.generation, _GENERATION)


async def edit(request: web.Request, services: Services) -> web.StreamResponse:
    """Change pictures. Raises `GrokDeskError`."""
    return await _answer(request, services, openai_images.edit, _EDIT)


async def vary(request: web.Request, services: Services) -> web.StreamResponse:
    """Make variations of a picture. Raises `GrokDeskError`."""
    return await _answer(request, services, openai_images.variation, _EDIT)


async def _answer(request: web.Request, services: Services, decode: Decode, event: str) -> web.StreamResponse:
    library_of(services)
    asked = await read_asked(request, services, partial(decode, offer=offered(services)))
    references = await resolved(request, services, asked.sources)
    asked = replace(asked, request=replace(asked.request, references=references))
    if asked.stream:
        return await _stream(request, services, asked, event)
    exchange = request[EXCHANGE]
    client = exchange.client(request)
    caller = exchange.caller(request, services.settings.now, _prompt(asked))
    async with services.engine.run(asked.request, client=client, caller=caller) as run:
        exchange.mode = run.mode
        async for _ in run:
            pass
        made = sorted(run.transcript.made, key=lambda one: one.slot)
    pictures = [await _finished(request, services, asked, one) for one in made]
    size = sum(len(picture.data) for picture in pictures)
    body = await apart(size, openai_images.render, asked, int(services.clock.now()), pictures)
    return web.Response(body=body, content_type="application/json")


async def _stream(
    request: web.Request, services: Services, asked: ImagesAsked, event: str
) -> web.StreamResponse:
    exchange = request[EXCHANGE]
    encoder = ImagesEncoder(asked, event, int(services.clock.now()))
    heartbeat_s = services.settings.now.gateway.heartbeat_s
    client = exchange.client(request)
    caller = exchange.caller(request, services.settings.now, _prompt(asked), stream=True)
    async with (
        Pump(encoder, DIALECT.heartbeat, heartbeat_s, services.deadlines, services.spawn) as pump,
        services.engine.run(asked.request, client=client, caller=caller) as run,
    ):
        exchange.mode = run.mode
        await pump.begin(request)
        exchange.pump = pump
        async for batch in run:
            for one in batch:
                await pump.send(await _frames(request, services, asked, encoder, one))
    return pump.response


def _prompt(asked: ImagesAsked) -> bytes:
    """What was asked for without the pictures that came with it, as a request of its own would say it."""
    members = {"model": asked.request.model, "prompt": asked.request.prompt, "n": asked.request.count}
    return orjson.dumps(members)


async def _frames(
    request: web.Request, services: Services, asked: ImagesAsked, encoder: ImagesEncoder, event: Event
) -> bytes:
    match event:
        case Previewed(data, media_type, slot) if encoder.wants_preview(slot):
            if asked.format and media_type != f"image/{asked.format}":
                data = await library_of(services).converted(data, asked.format, quality=USUAL_QUALITY)
                media_type = f"image/{asked.format}"
            return await apart(len(data), encoder.preview, data, media_type, slot)
        case Made(slot=slot):
            picture = await _finished(request, services, asked, event)
            return await apart(len(picture.data), encoder.completed, picture, slot)
        case _:
            return b""


async def _finished(request: web.Request, services: Services, asked: ImagesAsked, made: Made) -> Picture:
    """A picture as the client wants it."""
    kept = made.kept
    if kept is None:
        raise Undelivered("The picture was made, and could not be kept.")
    form = conversion(kept, asked.format, asked.compression)
    data = b""
    if asked.embedded:
        library = library_of(services)
        data = made.artifact.data or await library.read(kept)
        if form is not None:
            data = await library.converted(data, form.kind, quality=form.quality)
    return Picture(
        kept.media_type if form is None else form.media_type,
        kept.width,
        kept.height,
        link(root_of(request, services), kept, form),
        data,
        made.artifact.prompt,
    )
