"""The models that an owner offers, as clients find them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import openai
import pytest

from grokdesk.sim import Simulator, World, text
from tests.rig import FAST, Rig, running, token


@pytest.fixture
async def world() -> World:
    return World(time.time, Random(1), picture_scale=0.1)  # noqa: TID251 - the clock the simulator is given


@pytest.fixture
async def rig(tmp_path: Path, sim: Simulator, world: World) -> AsyncIterator[Rig]:
    async with running(tmp_path / "data", sim, world) as rig:
        await rig.grok()
        yield rig


async def names(rig: Rig) -> list[str]:
    return [model.id async for model in rig.client.models.list()]


async def test_a_model_that_is_switched_off_is_gone_at_once(rig: Rig) -> None:
    """
    It is not listed, and asking for it says that it is switched off, in every format.
    """
    assert FAST in await names(rig)
    await rig.app.change({"models.off": (FAST, "grok-imagine-image")})

    assert FAST not in await names(rig)
    for ask in (
        rig.say("hi", model=FAST),
        rig.client.responses.create(model=FAST, input="hi"),
        rig.client.images.generate(prompt="An apple"),
        rig.client.models.retrieve(FAST),
    ):
        with pytest.raises(openai.NotFoundError, match="switched off"):
            await ask
    assert rig.sim.turns == []


async def test_another_name_stands_for_a_model(rig: Rig) -> None:
    """
    For conversations and for pictures; the answer carries the name that was asked for.
    """
    aliases = (f"gpt-4o = {FAST}", "dall-e-3 = grok-imagine-image")
    await rig.app.change({"models.aliases": aliases})
    rig.world.accounts[token("a")].next(text("Hello."))

    answer = await rig.say("hi", model="gpt-4o")
    pictures = await rig.client.images.generate(model="dall-e-3", prompt="An apple")

    assert (answer.model, answer.choices[0].message.content) == ("gpt-4o", "Hello.")
    assert pictures.data is not None
    assert len(pictures.data) == 1
    assert {"gpt-4o", "dall-e-3"} <= set(await names(rig))


async def test_the_owner_says_what_is_listed_first(rig: Rig) -> None:
    """
    Clients take the first one, more often than not.
    """
    await rig.app.change({"models.order": ("grok-chat-fast",)})

    assert (await names(rig))[0] == "grok-chat-fast"
