"""The one middleware: every request gets an id, an answer — also when it fails — and a line in the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from grokdesk.core.errors import Broken, GrokDeskError, Unsupported
from grokdesk.core.notices import Visited
from grokdesk.gateway import auth, routes
from grokdesk.gateway.exchange import EXCHANGE, Exchange, Traffic
from grokdesk.gateway.ports import Services

log = logging.getLogger(__name__)

# What the log says of a client that did not wait for its answer; nobody receives this status.
_LEFT: Final = 499
_SECRET_NAME: Final = re.compile(r"(?<=/)[0-9a-f]{32}")


def middleware(services: Services, traffic: Traffic) -> Middleware:
    """Return the middleware. `traffic` learns what is being answered."""

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = Exchange(services.clock, routes.spoken(request))
        request[EXCHANGE] = exchange
        task = asyncio.current_task()
        assert task is not None, "aiohttp answers every request in a task"
        traffic.enter(task)
        status = _LEFT
        try:
            response = await _answer(request, handler, exchange, services, traffic)
            status = _LEFT if _has_left(request) else response.status
            return response
        finally:
            traffic.leave(task)
            if _is_of_program(request, exchange):
                exchange.key = exchange.key or auth.known_key(request, services.keys)
                services.bus.publish(Visited(exchange.visit(request, status)))
            log.info(
                "request answered id=%s method=%s path=%s status=%d ms=%d client=%s failure=%s",
                exchange.request_id,
                request.method,
                _shown(request),
                status,
                exchange.elapsed_ms,
                exchange.client(request) or "-",
                exchange.failure or "-",
            )

    return answered


def headers_for(
    services: Services, traffic: Traffic
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return the hook that puts on every answer what every answer carries."""

    async def complete(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "GrokDesk"
        if traffic.closing:
            response.headers["Connection"] = "close"
        response.headers.update(auth.cors_headers(request, services.settings.now.gateway))
        exchange = request.get(EXCHANGE)
        if exchange is not None:
            response.headers.update(exchange.dialect.headers(exchange.request_id, exchange.elapsed_ms))
            if exchange.mode:
                response.headers["x-grokdesk-mode"] = exchange.mode

    return complete


async def _answer(
    request: web.Request, handler: Handler, exchange: Exchange, services: Services, traffic: Traffic
) -> web.StreamResponse:
    try:
        traffic.admit()
        await traffic.turn()
        settings = services.settings.now.gateway
        auth.check_host(request, settings)
        auth.check_origin(request, settings)
        if auth.is_preflight(request):
            return auth.preflight(request)
        return await handler(request)
    except GrokDeskError as error:
        return await _failed(exchange, error)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        return _refused(request, exchange, error)
    except Exception as error:
        if isinstance(error, ConnectionError) and _has_left(request):
            return exchange.pump.response if exchange.pump else web.Response(status=_LEFT)
        log.exception("request failed id=%s path=%s", exchange.request_id, _shown(request))
        return await _failed(exchange, _internal(exchange))


async def _failed(exchange: Exchange, error: GrokDeskError) -> web.StreamResponse:
    """Tell the client of `error`: as a status and a body, or inside the stream that has begun."""
    exchange.failure, exchange.told = type(error).__name__, error
    if error.detail:
        log.debug("failure explained id=%s detail=%s", exchange.request_id, error.detail)
    if exchange.pump is None:
        return _told(exchange, error)
    try:
        await exchange.pump.fail(error)
    except ConnectionError:
        log.debug("client left before it heard of the failure id=%s", exchange.request_id)
    return exchange.pump.response


def _refused(
    request: web.Request, exchange: Exchange, refusal: web.HTTPNotFound | web.HTTPMethodNotAllowed
) -> web.Response:
    """Put what aiohttp itself refuses into the envelope: addresses and methods it has no route for."""
    exchange.failure = type(refusal).__name__
    if isinstance(refusal, web.HTTPNotFound):
        exchange.told = routes.unknown(request.path)
        return _told(exchange, exchange.told, status=refusal.status)
    allowed = ", ".join(sorted(refusal.allowed_methods))
    error = Unsupported(f"{request.method} is not possible at {request.path[:100]}; use {allowed}.")
    exchange.told = error
    return _told(exchange, error, status=refusal.status, headers={"Allow": allowed})


def _told(
    exchange: Exchange, error: GrokDeskError, *, status: int = 0, headers: Mapping[str, str] | None = None
) -> web.Response:
    failure = exchange.dialect.failure(error, exchange.request_id)
    return web.Response(
        status=status or failure.status, body=failure.body, headers={**failure.headers, **(headers or {})}
    )


def _internal(exchange: Exchange) -> Broken:
    return Broken(f"GrokDesk failed to answer. Its log has the details under {exchange.request_id}.")


def _shown(request: web.Request) -> str:
    """The path for the log, without what opens a file (decision 8)."""
    return _SECRET_NAME.sub("…", request.rel_url.raw_path)


def _is_of_program(request: web.Request, exchange: Exchange) -> bool:
    """Whether this tells of a program that is set up to ask here, well or not.

    What browsers open, and what watches the health, does not; an address without /v1 that is answered by
    "did you mean" does.
    """
    if auth.is_preflight(request) or request.path == "/favicon.ico":
        return False
    return request.path.startswith("/v1/") or exchange.told is not None


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
