"""Tokens for voice sessions (media chapter 8). The session itself is a LiveKit room: another server."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode

import orjson
from aiohttp import web

from grokdesk.sim import faults
from grokdesk.sim.checks import Want, filled, shape
from grokdesk.sim.desk import Desk, answer, as_object, json_object, owner
from grokdesk.sim.script import Json
from grokdesk.sim.world import Received

VOICES = ("ara", "eve", "leo", "rex", "sal", "gork")
PERSONALITIES = (
    "assistant",
    "therapist",
    "storyteller",
    "kids_story_time",
    "meditation",
    "unhinged",
    "sexy",
)
LIVEKIT = "wss://livekit.grok.com"

_TOKEN_S = 600
_KEY = b"nobody checks this signature here"
_SESSION: dict[str, Want] = {
    "voice": VOICES,
    "playback_speed": float,
    "enable_vision": (False,),
    "turn_detection": {"type": ("server_vad",)},
}


class Voice:
    """Hands out tokens."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._world = desk.world

    async def token(self, request: web.Request, seen: Received) -> web.StreamResponse:
        """A token for one room (§8.1, §8.2). Only paid accounts get one (§8.5)."""
        bad = self._desk.bad(seen, problems(seen.json))
        if bad:
            return bad
        account = owner(seen)
        if account.tier == "basic":
            return answer(faults.ABOVE_TIER, seen)
        name, room = f"user-{account.user_id[:8]}", f"room-{self._world.new_id()}"
        now = int(self._world.now())
        claims = {
            "iss": "grok",
            "sub": name,
            "nbf": now,
            "exp": now + _TOKEN_S,
            "video": {"room": room, "roomJoin": True, "canPublish": True, "canSubscribe": True},
        }
        return web.json_response(
            {"token": _jwt(claims), "livekitUrl": LIVEKIT, "participantName": name, "roomName": room}
        )


def problems(body: object) -> list[str]:
    """Deviations of the request for a token (§8.1): its payload is JSON within a string."""
    found = shape(
        body,
        {
            "sessionPayload": str,
            "requestAgentDispatch": (False,),
            "livekitUrl": re.compile(r"wss?://\S+"),
            "params": {"enable_markdown_transcript": ("true",)},
        },
        "body",
    )
    if found:
        return found
    inner = json_object(str(as_object(body)["sessionPayload"]))
    if inner is None:
        return ["body.sessionPayload is no JSON object within a string"]
    own: dict[str, Want] = {"personality": (None,), "instructions": filled, "is_raw_instructions": (True,)}
    preset: dict[str, Want] = {"personality": PERSONALITIES}
    return shape(inner, {**_SESSION, **(own if "instructions" in inner else preset)}, "sessionPayload")


def _jwt(claims: Json) -> str:
    head = b".".join(_packed(orjson.dumps(part)) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (head + b"." + _packed(hmac.digest(_KEY, head, hashlib.sha256))).decode()


def _packed(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
