"""How many tokens a request has, for clients of Messages that ask before they send it."""

from __future__ import annotations

from typing import Final

import orjson
from aiohttp import web

from grokdesk.core.offer import Offer
from grokdesk.core.prompt_size import counted
from grokdesk.dialects.anthropic.decode import decode_prompt
from grokdesk.gateway.converse import read_body
from grokdesk.gateway.models import offered
from grokdesk.gateway.ports import Services
from grokdesk.platform.tasks import offload

# Counting takes some 10 ms for so many bytes, which is as long as the loop may be held up.
_LONG: Final = 100_000


async def count_tokens(request: web.Request, services: Services) -> web.StreamResponse:
    """Count what the model would read. Raises `InvalidRequest`."""
    body = await read_body(request, services)
    offer = offered(services)
    count = await offload(_counted, body, offer) if len(body) > _LONG else _counted(body, offer)
    return web.Response(body=orjson.dumps({"input_tokens": count}), content_type="application/json")


def _counted(body: bytes, offer: Offer) -> int:
    prompt = decode_prompt(body)
    offer.named(prompt.model)
    return counted(prompt)
