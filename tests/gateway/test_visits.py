"""What the gateway tells of who came: enough to say whether a program is set up right, and no secret."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from grokdesk.core.client_setups import Speaks
from grokdesk.core.notices import Visited
from grokdesk.core.secret import Secret
from grokdesk.core.visits import OWN_NAME, Visit
from grokdesk.platform.gateway_trial import try_out
from tests.gateway.conftest import World
from tests.gateway.fakes import KEY

CHAT = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hello"}]}


async def visited(world: World, path: str, *, key: str = KEY, method: str = "POST", **headers: str) -> Visit:
    """Ask once; returns what was told of it."""
    before = len(visits(world))
    body: dict[str, Any] = {} if method == "GET" else {"json": CHAT}
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}", **headers}) as session,
        session.request(method, f"{world.root}{path}", **body) as answer,
    ):
        await answer.read()
    await asyncio.sleep(0)
    told = visits(world)
    assert len(told) == before + 1
    return told[-1]


def visits(world: World) -> list[Visit]:
    return [one.visit for one in world.notices if isinstance(one, Visited)]


async def test_an_answered_request_names_key_program_and_request(world: World) -> None:
    """
    And says nothing of a failure.
    """
    visit = await visited(world, "/v1/chat/completions", **{"User-Agent": "claude-cli/2.1 (x)"})

    assert (visit.path, visit.agent, visit.status) == ("/v1/chat/completions", "claude-cli/2.1 (x)", 200)
    assert visit.key_id
    assert visit.request_id.startswith("req_")
    assert (visit.failed, visit.stray) == (False, False)


async def test_a_wrong_key_is_told_with_the_sentence_the_program_got(world: World) -> None:
    """
    Without the key that was shown.
    """
    visit = await visited(world, "/v1/chat/completions", key="gd-wrong")

    assert (visit.status, visit.key_id, visit.message) == (401, "", "The API key is not valid.")
    assert visit.hint
    assert "gd-wrong" not in repr(visit)


async def test_an_address_without_v1_is_told_with_the_key_that_asked(world: World) -> None:
    """
    Nobody checked the key there, but it says whose program it is.
    """
    visit = await visited(world, "/chat/completions")

    assert (visit.status, visit.stray) == (404, True)
    assert visit.key_id
    assert "/v1" in f"{visit.message} {visit.hint}"


async def test_a_host_name_that_is_not_allowed_is_told_as_it_was_used(world: World) -> None:
    """
    So that its owner can allow it.
    """
    visit = await visited(world, "/v1/models", method="GET", Host="desk.example:8443")

    assert (visit.status, visit.host, visit.origin) == (403, "desk.example:8443", "")


async def test_names_of_programs_are_cut(world: World) -> None:
    """
    Whatever somebody sends.
    """
    visit = await visited(world, "/v1/chat/completions", **{"User-Agent": "x" * 5_000})

    assert len(visit.agent) == 60


async def test_files_and_health_are_no_visits_of_programs(world: World) -> None:
    """
    Browsers and watchers come for these.
    """
    async with aiohttp.ClientSession() as session:
        for path in ("/health", "/favicon.ico"):
            async with session.get(f"{world.root}{path}") as answer:
                await answer.read()
    await asyncio.sleep(0)

    assert visits(world) == []


@pytest.mark.parametrize("speaks", list(Speaks))
async def test_a_trial_asks_in_the_format_and_is_known_as_ours(world: World, speaks: Speaks) -> None:
    """
    Models first, then one question.
    """
    trial = await try_out(world.root, Secret(KEY), "grok-4.20-fast", speaks)

    assert trial.works, trial
    assert trial.models > 5
    assert trial.answer
    assert [one.is_own for one in visits(world)] == [True, True]
    assert world.engine.clients[-1] == OWN_NAME


async def test_a_trial_says_what_is_wrong_in_words(world: World) -> None:
    """
    A wrong key, a wrong model, and nobody there.
    """
    key = await try_out(world.root, Secret("gd-wrong"), "grok-4.20-fast", Speaks.CHAT)
    model = await try_out(world.root, Secret(KEY), "grok-0", Speaks.MESSAGES)
    root = world.root
    await world.gateway.stop()
    nobody = await try_out(root, Secret(KEY), "grok-4.20-fast", Speaks.CHAT)

    assert key.failure.startswith("The API key is not valid.")
    assert "grok-0" in model.failure
    assert nobody.failure == "The gateway cannot be reached. Start it, then try again."
