"""Tokens for voice sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grokdesk.sim import World
from tests.sim.caller import Caller, Json, current

PRESET = {
    "voice": "ara",
    "personality": "assistant",
    "playback_speed": 1.0,
    "enable_vision": False,
    "turn_detection": {"type": "server_vad"},
}
OWN = {
    **PRESET,
    "personality": None,
    "instructions": "Answer like a lighthouse keeper.",
    "is_raw_instructions": True,
}


def order(payload: object, **more: Any) -> Json:  # noqa: ANN401 - any member of it
    """The request of protocol/grok-web-media.md §8.1."""
    return {
        "sessionPayload": payload if isinstance(payload, str) else json.dumps(payload),
        "requestAgentDispatch": False,
        "livekitUrl": "wss://livekit.grok.com",
        "params": {"enable_markdown_transcript": "true"},
        **more,
    }


async def asked(caller: Caller, world: World, tier: Any, body: Json) -> tuple[int, Json]:  # noqa: ANN401 - a tier
    account = world.add("tok-voice", tier)
    url = f"{caller.sim.url}/rest/livekit/tokens"
    async with caller.http.post(url, headers=current(account.token), json=body) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("payload", [PRESET, {**PRESET, "personality": "sexy", "playback_speed": 2}, OWN])
async def test_a_paid_account_gets_a_token_for_a_room(caller: Caller, world: World, payload: Json) -> None:
    """
    In the shape of one that LiveKit makes.
    """
    status, told = await asked(caller, world, "super", order(payload))

    assert status == 200
    assert told["token"].count(".") == 2
    assert told["livekitUrl"].startswith("wss://")
    assert told["roomName"].startswith("room-")
    assert world.violations == []


@pytest.mark.parametrize(
    "body",
    [
        {**order(PRESET), "sessionPayload": PRESET},
        order("no JSON"),
        order({**PRESET, "voice": "nobody"}),
        order({**PRESET, "personality": None}),
        order({**OWN, "personality": "assistant"}),
        order({**PRESET, "playback_speed": "1.0"}),
        order(PRESET, params={"enable_markdown_transcript": True}),
    ],
)
async def test_another_order_is_refused(caller: Caller, world: World, body: Json) -> None:
    """
    The payload is JSON within a string, and each member is what the document says.
    """
    status, _ = await asked(caller, world, "heavy", body)

    assert status == 400
    assert len(world.violations) == 1


async def test_a_free_account_gets_none(caller: Caller, world: World) -> None:
    """
    Voice is for paid accounts.
    """
    assert (await asked(caller, world, "basic", order(PRESET)))[0] == 403
