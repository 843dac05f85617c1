"""A further turn goes on where Grok still knows the conversation, and is told in full where it does not."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from grokdesk.sim import Simulator, World, limited, text, tool_text
from tests.rig import FAST, Rig, basic, running, token


@pytest.fixture
async def rig(tmp_path: Path, sim: Simulator, world: World) -> AsyncIterator[Rig]:
    async with running(tmp_path / "data", sim, world, grok_web__chat_form="gateway") as rig:
        yield rig


async def talk(rig: Rig, *said: str) -> str:
    """Ask with a history, the owner and Grok in turns; returns the answer."""
    messages: Any = [
        {"role": "assistant" if number % 2 else "user", "content": one} for number, one in enumerate(said)
    ]
    answer = await rig.client.chat.completions.create(model=FAST, messages=messages)
    return answer.choices[0].message.content or ""


async def test_a_second_turn_goes_on_in_the_same_conversation_on_the_same_account(rig: Rig) -> None:
    """
    Among ten accounts the one that answered is asked again, and only what is new is sent.
    """
    for number in range(10):
        basic(rig.world, f"account-{number}").always(text("Four."))
    await rig.add(*(token(f"account-{number}") for number in range(10)))

    first = await talk(rig, "Two and two?")
    second = await talk(rig, "Two and two?", first, "And one more?")

    one, two = rig.sim.turns
    assert (first, second) == ("Four.", "Four.")
    assert two.account is one.account
    assert (two.conversation_id, two.parent_response_id) == (one.conversation_id, one.response_id)
    assert "Two and two?" not in two.prompt
    assert "And one more?" in two.prompt
    assert rig.sim.violations == []


async def test_a_changed_history_is_told_from_the_beginning(rig: Rig) -> None:
    """
    An edited question is another conversation.
    """
    basic(rig.world, "a").always(text("Four."))
    await rig.add(token("a"))

    first = await talk(rig, "Two and two?")
    await talk(rig, "Two and three?", first, "And one more?")

    one, two = rig.sim.turns
    assert two.conversation_id != one.conversation_id
    assert "Two and three?" in two.prompt


async def test_a_conversation_that_grok_forgot_is_told_in_full(rig: Rig) -> None:
    """
    The client notices nothing, the account is not punished, and the next turns are told in full for a while.
    """
    basic(rig.world, "a").always(text("Four."))
    [account] = await rig.add(token("a"))

    first = await talk(rig, "Two and two?")
    rig.world.conversations.clear()
    second = await talk(rig, "Two and two?", first, "And one more?")
    third = await talk(rig, "Two and two?", first, "And one more?", second, "And then?")

    assert (second, third) == ("Four.", "Four.")
    assert "Two and two?" in rig.sim.turns[-2].prompt
    assert "Two and two?" in rig.sim.turns[-1].prompt
    assert rig.account(account.token.reveal()).failures == 0


async def test_another_account_is_told_the_whole_story_when_the_first_cannot_answer(rig: Rig) -> None:
    """
    Staying with an account never stands in the way of an answer.
    """
    for name in "ab":
        basic(rig.world, name).always(text("Four."))
    await rig.add(token("a"), token("b"))

    first = await talk(rig, "Two and two?")
    rig.sim.turns[0].account.always(limited())
    second = await talk(rig, "Two and two?", first, "And one more?")

    assert second == "Four."
    assert rig.sim.turns[-1].account is not rig.sim.turns[0].account
    assert "Two and two?" in rig.sim.turns[-1].prompt


async def test_an_objection_stays_in_the_continued_conversation(rig: Rig) -> None:
    """
    A required call that did not come is asked for again where the rest of the history is known.
    """
    tool: Any = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    account = basic(rig.world, "a")
    account.next(text("Four."), text("I would rather not."), tool_text(("add", {})))
    await rig.add(token("a"))

    first = await talk(rig, "Two and two?")
    messages: Any = [
        {"role": "user", "content": "Two and two?"},
        {"role": "assistant", "content": first},
        {"role": "user", "content": "Add one."},
    ]
    answer = await rig.client.chat.completions.create(
        model=FAST, messages=messages, tools=[tool], tool_choice="required"
    )

    assert answer.choices[0].message.tool_calls
    assert len({turn.conversation_id for turn in rig.sim.turns}) == 1
    assert [turn.parent_response_id for turn in rig.sim.turns[1:]] == [
        turn.response_id for turn in rig.sim.turns[:-1]
    ]


async def test_a_limit_does_not_make_the_others_start_again(rig: Rig) -> None:
    """
    An account that is out of questions is asked once, and conversations of other accounts go on as before.
    """
    for name in "ab":
        basic(rig.world, name).always(text("Four."))
    await rig.add(token("a"), token("b"))
    first = await talk(rig, "Two and two?")
    used = rig.sim.turns[0].account
    used.always(limited())
    second = await talk(rig, "Two and two?", first, "And one more?")
    asked = [seen for seen in rig.sim.received if seen.path == "/ws/mgw/" and seen.account is used]

    await talk(rig, "Two and two?", first, "And one more?", second, "And then?")

    assert len(asked) == 2
    assert rig.sim.turns[-1].conversation_id == rig.sim.turns[-2].conversation_id
    assert "Two and two?" not in rig.sim.turns[-1].prompt


async def test_histories_that_differ_in_a_picture_are_different(rig: Rig) -> None:
    """
    The same words about another picture do not continue the conversation about the first.
    """
    basic(rig.world, "a").always(text("A moon."))
    await rig.add(token("a"))

    async def look(picture: bytes, *further: dict[str, str]) -> None:
        url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
        parts: Any = [
            {"type": "text", "text": "What is it?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        messages: Any = [{"role": "user", "content": parts}, *further]
        await rig.client.chat.completions.create(model=FAST, messages=messages)

    goes_on = ({"role": "assistant", "content": "A moon."}, {"role": "user", "content": "Which?"})
    await look(b"first")
    await look(b"second", *goes_on)
    await look(b"first", *goes_on)

    first, second, third = rig.sim.turns
    assert second.conversation_id != first.conversation_id
    assert third.conversation_id == first.conversation_id


async def test_the_older_form_is_told_everything_when_the_gateway_goes(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    In `auto`, a gateway that disappears between two turns loses nothing of the history.
    """
    basic(world, "a").always(text("Four."))
    async with running(tmp_path, sim, world) as rig:
        await rig.add(token("a"))
        first = await talk(rig, "Two and two?")
        world.gateway = False
        second = await talk(rig, "Two and two?", first, "And one more?")

    assert second == "Four."
    assert sim.turns[-1].form == "rest"
    assert "Two and two?" in sim.turns[-1].prompt


async def test_the_owner_can_have_everything_told_in_full(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    With the setting off every turn is a conversation of its own.
    """
    basic(world, "a").always(text("Four."))
    async with running(
        tmp_path, sim, world, grok_web__chat_form="gateway", chat__continue_conversations=False
    ) as rig:
        await rig.add(token("a"))
        first = await talk(rig, "Two and two?")
        await talk(rig, "Two and two?", first, "And one more?")

    assert sim.turns[0].conversation_id != sim.turns[1].conversation_id
