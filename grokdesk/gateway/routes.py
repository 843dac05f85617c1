"""The whole URL table on one screen, and what is said about addresses that are not in it."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from grokdesk.core.errors import NotFound, Unsupported
from grokdesk.dialects import anthropic
from grokdesk.dialects.anthropic import Anthropic
from grokdesk.dialects.base import Dialect
from grokdesk.dialects.openai_completions import OpenAICompletions
from grokdesk.gateway import auth, files, images, videos, voice
from grokdesk.gateway.converse import converse
from grokdesk.gateway.count_tokens import count_tokens
from grokdesk.gateway.exchange import DEFAULT_DIALECT, EXCHANGE
from grokdesk.gateway.health import about, alive, ready
from grokdesk.gateway.models import list_models, show_model
from grokdesk.gateway.ports import Services
from grokdesk.gateway.responses import DIALECT as RESPONSES
from grokdesk.gateway.responses import cancel, compact, create, delete, list_input, retrieve
from grokdesk.gateway.responses import count_tokens as count_response_tokens
from grokdesk.gateway.responses_socket import connect
from grokdesk.gateway.stored_completions import (
    complete,
    delete_completion,
    describe_completion,
    list_completions,
    list_messages,
    show_completion,
)

Answer = Callable[[web.Request, Services], Awaitable[web.StreamResponse]]

_ANTHROPIC: Final = Anthropic()
_MEDIA: Final = images.DIALECT


@dataclass(frozen=True, slots=True)
class Route:
    """One row: what is answered, in which format failures are told, and whether a key is needed.

    Without a `dialect` the format is the client's.
    """

    method: str
    path: str
    answer: Answer
    dialect: Dialect | None = DEFAULT_DIALECT
    needs_key: bool = True


ROUTES: Final = (
    Route("POST", "/v1/chat/completions", complete),
    Route("GET", "/v1/chat/completions", list_completions),
    Route("GET", "/v1/chat/completions/{id}", show_completion),
    Route("POST", "/v1/chat/completions/{id}", describe_completion),
    Route("DELETE", "/v1/chat/completions/{id}", delete_completion),
    Route("GET", "/v1/chat/completions/{id}/messages", list_messages),
    Route("POST", "/v1/completions", converse, OpenAICompletions()),
    Route("POST", "/v1/messages", converse, _ANTHROPIC),
    Route("POST", "/v1/messages/count_tokens", count_tokens, _ANTHROPIC),
    Route("POST", "/v1/responses", create, RESPONSES),
    Route("GET", "/v1/responses", connect, RESPONSES),
    Route("POST", "/v1/responses/compact", compact, RESPONSES),
    Route("POST", "/v1/responses/input_tokens", count_response_tokens, RESPONSES),
    Route("GET", "/v1/responses/{id}", retrieve, RESPONSES),
    Route("DELETE", "/v1/responses/{id}", delete, RESPONSES),
    Route("POST", "/v1/responses/{id}/cancel", cancel, RESPONSES),
    Route("GET", "/v1/responses/{id}/input_items", list_input, RESPONSES),
    Route("POST", "/v1/images/generations", images.generate, _MEDIA),
    Route("POST", "/v1/images/edits", images.edit, _MEDIA),
    Route("POST", "/v1/images/variations", images.vary, _MEDIA),
    Route("POST", "/v1/videos", videos.create, _MEDIA),
    Route("GET", "/v1/videos", videos.list_videos, _MEDIA),
    Route("POST", "/v1/videos/edits", videos.refuse, _MEDIA),
    Route("POST", "/v1/videos/extensions", videos.refuse, _MEDIA),
    Route("POST", "/v1/videos/characters", videos.refuse, _MEDIA),
    Route("GET", "/v1/videos/{id}", videos.show_video, _MEDIA),
    Route("DELETE", "/v1/videos/{id}", videos.delete_video, _MEDIA),
    Route("GET", "/v1/videos/{id}/content", videos.send_content, _MEDIA),
    Route("POST", "/v1/videos/{id}/remix", videos.remix, _MEDIA),
    Route("POST", "/v1/voice/token", voice.give_token),
    # The name may be anything: that it cannot be one is told as that there is none.
    Route("GET", "/v1/files/image", files.show_image, needs_key=False),
    Route("GET", "/v1/files/image/{name:(?s:.*)}", files.show_image, needs_key=False),
    Route("GET", "/v1/files/video", files.show_video, needs_key=False),
    Route("GET", "/v1/files/video/{name:(?s:.*)}", files.show_video, needs_key=False),
    Route("GET", "/v1/models", list_models, dialect=None),
    Route("GET", "/v1/models/{name:.+}", show_model, dialect=None),
    Route("GET", "/healthz", alive, needs_key=False),
    Route("GET", "/health", alive, needs_key=False),
    Route("GET", "/readyz", ready, needs_key=False),
    Route("GET", "/", about, needs_key=False),
)

# What clients of other services may try; they hear that it is known and not there, rather than "no such
# address".
UNSUPPORTED: Final = (
    "/v1/assistants",
    "/v1/audio",
    "/v1/batches",
    "/v1/chat/completions",
    "/v1/complete",
    "/v1/completions",
    "/v1/containers",
    "/v1/conversations",
    "/v1/embeddings",
    "/v1/evals",
    "/v1/files",
    "/v1/fine_tuning",
    "/v1/messages",
    "/v1/moderations",
    "/v1/organization",
    "/v1/realtime",
    "/v1/responses",
    "/v1/threads",
    "/v1/uploads",
    "/v1/vector_stores",
    "/v1/videos/characters",
    "/v1/videos/edits",
    "/v1/videos/extensions",
)


def add_routes(app: web.Application, services: Services) -> None:
    """Put the table into `app`."""
    app.add_routes([web.route(route.method, route.path, _guarded(route, services)) for route in ROUTES])
    app.add_routes(
        [web.head(route.path, _guarded(route, services)) for route in ROUTES if route.method == "GET"]
    )


def unknown(path: str) -> NotFound | Unsupported:
    """Return what is said about an address that is not in the table."""
    if any(path == known or path.startswith(known + "/") for known in UNSUPPORTED):
        return Unsupported(f"{path[:100]} is not supported by this version of the gateway.")
    nearest = _nearest(path)
    hint = f"Did you mean {nearest}?" if nearest else "The API is under /v1."
    return NotFound(f"There is nothing at {path[:100]}.", hint=hint)


def _nearest(path: str) -> str:
    known = [route.path for route in ROUTES if "{" not in route.path and route.path != "/"]
    # The usual slips: /v1 missing from the base address or there twice, and a stroke at the end.
    plain = "/v1/" + path.strip("/").removeprefix("v1/").removeprefix("v1/")
    if plain in known:
        return plain
    return next(iter(difflib.get_close_matches(path, known, n=1)), "")


def spoken(request: web.Request) -> Dialect:
    """The format of a client that is told something before, or without, a route of its own."""
    return _ANTHROPIC if anthropic.is_spoken(request.headers) else DEFAULT_DIALECT


def _guarded(route: Route, services: Services) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        exchange = request[EXCHANGE]
        exchange.dialect = route.dialect or spoken(request)
        if route.needs_key:
            exchange.key = auth.check_key(request, services.settings.now.gateway, services.keys)
        return await route.answer(request, services)

    return answer
