"""A token with which a web page or program of the owner's speaks with Grok, over LiveKit."""

from __future__ import annotations

from typing import Annotated

import orjson
from aiohttp import web
from pydantic import Field

from grokdesk.core.voice import Personality, Speaker, VoiceWish
from grokdesk.dialects.body import Body
from grokdesk.dialects.reading import read
from grokdesk.gateway.converse import read_body
from grokdesk.gateway.exchange import EXCHANGE
from grokdesk.gateway.ports import Services


class _Wanted(Body):
    """The body: members as those of the predecessor's page."""

    voice: Speaker = Speaker.ARA
    personality: Personality = Personality.ASSISTANT
    speed: float = 1.0
    instruction: Annotated[str, Field(max_length=12_000)] = ""


async def give_token(request: web.Request, services: Services) -> web.StreamResponse:
    """Give a token for one session. It is a secret for a short time. Raises `GrokDeskError`."""
    wanted = read(_Wanted, await read_body(request, services))
    wish = VoiceWish(wanted.voice, wanted.personality, wanted.speed, wanted.instruction.strip())
    given = await services.engine.voice(wish, client=request[EXCHANGE].client(request))
    told = {
        "token": given.token.reveal(),
        "url": given.url,
        "participant_name": given.participant,
        "room_name": given.room,
    }
    return web.Response(
        body=orjson.dumps(told), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
