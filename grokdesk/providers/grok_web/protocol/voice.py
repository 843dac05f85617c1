"""The call that lets a client into a voice session (protocol/grok-web-media.md §8.1, §8.2)."""

from __future__ import annotations

from typing import Final

import orjson

from grokdesk.core.errors import Garbled
from grokdesk.core.secret import Secret
from grokdesk.core.voice import VoicePass, VoiceWish
from grokdesk.providers.grok_web.protocol import loose

PATH: Final = "/rest/livekit/tokens"


def order(wish: VoiceWish, livekit_url: str) -> bytes:
    """The body: what is wished is JSON within a string."""
    payload: dict[str, object] = {
        "voice": wish.speaker.value,
        "personality": None if wish.instructions else wish.personality.value,
        "playback_speed": wish.speed,
        "enable_vision": False,
        "turn_detection": {"type": "server_vad"},
    }
    if wish.instructions:
        payload |= {"instructions": wish.instructions, "is_raw_instructions": True}
    return orjson.dumps(
        {
            "sessionPayload": orjson.dumps(payload).decode(),
            "requestAgentDispatch": False,
            "livekitUrl": livekit_url,
            "params": {"enable_markdown_transcript": "true"},
        }
    )


def read(body: bytes, livekit_url: str) -> VoicePass:
    """What lets a client in; the address is the usual one when none is told. Raises `Garbled`."""
    answer = loose.parsed(body) or {}
    token = loose.text(answer, "token")
    if not token:
        raise Garbled(
            "Grok gave no token for a voice session.", hint="Try again.", detail="livekit tokens: no token"
        )
    return VoicePass(
        Secret(token),
        loose.text(answer, "livekitUrl") or livekit_url,
        loose.text(answer, "participantName", "participant_name", "identity"),
        loose.text(answer, "roomName", "room_name", "room"),
    )
