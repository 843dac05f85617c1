"""The one handler for conversations, whatever the dialect.

Whether streamed or not, a run is entered before anything is promised to the client, so that what fails early
is a status of its own. Leaving the run's block — done, failed, or cancelled because the client left — ends
the upstream call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

from grokdesk.core.errors import InvalidRequest, TooLarge
from grokdesk.core.events import Transcript
from grokdesk.core.runs import Caller
from grokdesk.dialects.base import Asked, Encoder, Stamp
from grokdesk.gateway.exchange import EXCHANGE, Exchange
from grokdesk.gateway.files import links_for, with_own_pictures
from grokdesk.gateway.models import offered
from grokdesk.gateway.ports import Services
from grokdesk.gateway.pump import Pump
from grokdesk.platform.tasks import offload

P = ParamSpec("P")
T = TypeVar("T")

_MEGABYTE: Final = 1024 * 1024


async def converse(request: web.Request, services: Services) -> web.StreamResponse:
    """Answer a conversation in the dialect of the route. Raises `GrokDeskError`."""
    exchange = request[EXCHANGE]
    body = await read_body(request, services)
    asked = await _decoded(exchange, body, request)
    caller = exchange.caller(request, services.settings.now, body, stream=asked.stream)
    # It may have megabytes, and an answer may take minutes.
    del body
    offered(services).named(asked.request.model)
    asked = replace(asked, request=await with_own_pictures(services, asked.request))
    stamp = Stamp(exchange.id, int(services.clock.now()))
    if asked.stream:
        return await streamed(request, services, asked, exchange.dialect.encoder(asked, stamp), caller)
    return await _folded(request, exchange, services, asked, stamp, caller)


async def streamed(
    request: web.Request, services: Services, asked: Asked, encoder: Encoder, caller: Caller
) -> web.StreamResponse:
    """Answer with a stream that `encoder` writes; `caller` is how it came. Raises `GrokDeskError`."""
    exchange = request[EXCHANGE]
    client, link = exchange.client(request), links_for(request, services)
    heartbeat_s = services.settings.now.gateway.heartbeat_s
    async with Pump(
        encoder, exchange.dialect.heartbeat, heartbeat_s, services.deadlines, services.spawn
    ) as pump:

        async def begin() -> None:
            await pump.begin(request)
            exchange.pump = pump

        start = _Start(asked.choices, begin)

        async def tell(choice: int) -> None:
            async with services.engine.run(asked.request, client=client, link=link, caller=caller) as run:
                exchange.mode = run.mode
                await start.ready()
                async for batch in run:
                    await pump.send(b"".join([encoder.feed(event, choice) for event in batch]))

        await _together(asked.choices, tell)
        await pump.send(encoder.end())
    return pump.response


async def _folded(
    request: web.Request, exchange: Exchange, services: Services, asked: Asked, stamp: Stamp, caller: Caller
) -> web.StreamResponse:
    client, link = exchange.client(request), links_for(request, services)

    async def fold(_choice: int) -> Transcript:
        async with services.engine.run(asked.request, client=client, link=link, caller=caller) as run:
            exchange.mode = run.mode
            async for _ in run:
                pass
            return run.transcript

    transcripts = await _together(asked.choices, fold)
    # With pictures in it an answer may have megabytes.
    size = sum(len(transcript.text) for transcript in transcripts)
    answer = await apart(size, exchange.dialect.render, asked, stamp, transcripts)
    return web.Response(body=answer, content_type="application/json")


class _Start:
    """Lets several runs answer only when all have begun, so that one that cannot begin is still a status."""

    def __init__(self, runs: int, begin: Callable[[], Awaitable[None]]) -> None:
        self._awaited = runs
        self._begin = begin
        self._begun = asyncio.Event()

    async def ready(self) -> None:
        """Return when every run is ready and the client has the headers; the last one to come sends them."""
        self._awaited -= 1
        if self._awaited:
            await self._begun.wait()
            return
        await self._begin()
        self._begun.set()


async def _together(choices: int, work: Callable[[int], Awaitable[T]]) -> list[T]:
    """Do `work` for every choice at once. The first failure ends the others and is raised as it is."""
    if choices == 1:
        return [await work(0)]

    async def one(choice: int) -> T:
        return await work(choice)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(choice)) for choice in range(choices)]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def apart(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` makes of `size` bytes; many of them do not hold up the loop."""
    if size > _MEGABYTE:
        return await offload(work, *args, **kwargs)
    return work(*args, **kwargs)


async def _decoded(exchange: Exchange, body: bytes, request: web.Request) -> Asked:
    return await apart(len(body), exchange.dialect.decode, body, request.headers)


async def read_body(request: web.Request, services: Services) -> bytes:
    """Read the body, after unpacking at most as large as the owner allows. Raises `InvalidRequest`."""
    limit = body_limit(request, services)
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.content.iter_any():
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            pieces.append(piece)
    except web.RequestPayloadError as error:
        raise InvalidRequest(
            "The request body cannot be read; check Content-Encoding and Transfer-Encoding.",
            detail=str(error),
        ) from error
    return b"".join(pieces)


def body_limit(request: web.Request, services: Services) -> int:
    """Return how many bytes the owner allows. Raises `TooLarge` for a request that says it has more."""
    limit = services.settings.now.gateway.max_body_mb * _MEGABYTE
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    return limit


def too_large(limit: int) -> TooLarge:
    """Return that a body has more than `limit` bytes."""
    return TooLarge(
        f"The request body is larger than {limit // _MEGABYTE} MB.",
        hint="The limit is the setting gateway.max_body_mb.",
    )
