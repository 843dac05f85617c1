"""A token for speaking with Grok, through the whole program."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from grokdesk.core.accounts import Tier
from grokdesk.core.runs import RunState
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from tests.rig import Rig, token


async def asked(rig: Rig, **body: Any) -> tuple[int, dict[str, Any], str]:  # noqa: ANN401 - a JSON body
    """Ask for a token; returns status, answer and how it may be kept."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {rig.key}"}) as http,
        http.post(f"{rig.url}/v1/voice/token", json=body) as answer,
    ):
        return answer.status, await answer.json(), answer.headers.get("Cache-Control", "")


async def paid(rig: Rig) -> None:
    """Give the program a super account."""
    rig.world.add(token("a"), "super")
    await rig.app.pool.add([NewAccount(token=Secret(token("a")), tier=Tier.SUPER)])


async def test_a_paid_account_lets_one_in(rig: Rig) -> None:
    """
    The answer has what LiveKit's clients need, is not to be kept, and stands in the list of requests.
    """
    await paid(rig)

    status, told, kept = await asked(rig, voice="eve", speed=1.25, instruction="Speak like a pirate.")

    assert status == 200
    assert told["token"].count(".") == 2
    assert told["url"].startswith("wss://")
    assert told["room_name"].startswith("room-")
    assert told["participant_name"]
    assert kept == "no-store"
    [run] = rig.app.runs.recent()
    assert (run.model, run.state) == ("voice", RunState.DONE)
    assert rig.world.violations == []


async def test_a_basic_account_is_told_what_it_takes(rig: Rig) -> None:
    """
    Nobody is asked; the answer says which accounts can.
    """
    rig.world.add(token("a"), "basic")
    await rig.add(token("a"))

    status, told, _ = await asked(rig)

    assert status == 429
    assert "super" in told["error"]["message"].lower()
    assert rig.app.runs.recent()[0].state is RunState.FAILED


@pytest.mark.parametrize(
    ("body", "param"),
    [({"voice": "hal"}, "voice"), ({"speed": 9}, "speed"), ({"personality": "sexy"}, "personality")],
)
async def test_what_cannot_be_is_refused_with_its_name(rig: Rig, body: dict[str, Any], param: str) -> None:
    """
    Nobody is asked for a voice there is not, a speed out of range, or what is switched off.
    """
    await paid(rig)

    status, told, _ = await asked(rig, **body)

    assert status == 400
    assert told["error"]["param"] == param
    assert rig.sim.received == []
