"""The official client holds a conversation through the whole program, in both forms of Grok's chat."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from grokdesk.sim import Simulator, World, limited, search, text, thinking
from tests.rig import FAST, Rig, basic, running, token

LONG = "one two three four five six seven eight nine ten"


async def test_a_plain_answer_arrives_whole(rig: Rig) -> None:
    """
    Not streamed: the text, the reason it ended, and what it cost.
    """
    basic(rig.world, "a").next(text("Io, Europa and Ganymede."))
    await rig.add(token("a"))

    answer = await rig.say("Name three moons.")

    assert answer.choices[0].message.content == "Io, Europa and Ganymede."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert rig.sim.violations == []


async def test_a_stream_carries_thinking_text_sources_and_usage(rig: Rig) -> None:
    """
    Streamed: thinking apart from text, the citation in place, usage in a chunk of its own at the end.
    """
    basic(rig.world, "a").next(thinking(raw=["Let me ", "think."]) + search("It is so."))
    await rig.add(token("a"))

    stream = await rig.say(stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]

    thought = "".join(
        getattr(chunk.choices[0].delta, "reasoning_content", None) or "" for chunk in chunks if chunk.choices
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Let me think." in thought
    assert said.startswith("It is so.")
    assert "[[1]](https://" in said
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens > 0


async def test_effort_none_hides_thinking(rig: Rig) -> None:
    """
    reasoning_effort none sends no thinking at all.
    """
    basic(rig.world, "a").next(thinking(raw=["secret thoughts"]) + text("Said."))
    await rig.add(token("a"))

    answer = await rig.say(reasoning_effort="none")

    assert answer.choices[0].message.content == "Said."
    assert getattr(answer.choices[0].message, "reasoning_content", None) is None


async def test_a_stop_sequence_cuts_the_answer_and_the_upstream(rig: Rig) -> None:
    """
    Text ends before the sequence, also when it is split over pieces; upstream is left.
    """
    basic(rig.world, "a").next(text(pieces=["one tw", "o thr", "ee fo", "ur"], delay_s=0.02))
    await rig.add(token("a"))

    answer = await rig.say(stop=["three"])
    await rig.until(lambda: rig.sim.turns[-1].state != "open")

    assert answer.choices[0].message.content == "one two "
    assert answer.choices[0].finish_reason == "stop"


async def test_a_length_limit_ends_with_length(rig: Rig) -> None:
    """
    max_tokens cuts the text and says so.
    """
    basic(rig.world, "a").next(text(LONG))
    await rig.add(token("a"))

    answer = await rig.say(max_tokens=4)

    assert answer.choices[0].finish_reason == "length"
    assert LONG.startswith(answer.choices[0].message.content)
    assert 0 < len(answer.choices[0].message.content) < len(LONG)


async def test_n_answers_are_n_conversations(rig: Rig) -> None:
    """
    n=2 gives two choices, streamed and not, each with its own text.
    """
    basic(rig.world, "a").next(text("first"), text("second"), text("third"), text("fourth"))
    await rig.add(token("a"))

    plain = await rig.say(n=2)
    said: dict[int, str] = {}
    async for chunk in await rig.say(n=2, stream=True):
        for choice in chunk.choices:
            said[choice.index] = said.get(choice.index, "") + (choice.delta.content or "")

    assert {choice.index: choice.message.content for choice in plain.choices}.keys() == {0, 1}
    assert {choice.message.content for choice in plain.choices} == {"first", "second"}
    assert set(said.values()) == {"third", "fourth"}


async def test_models_are_listed_and_found(rig: Rig) -> None:
    """
    Every chat model of grok2api 2.0.4 and the current ones, by its exact name.
    """
    names = {model.id async for model in await rig.client.models.list()}
    one = await rig.client.models.retrieve("grok-4.20-0309-reasoning-super")

    assert {"grok-4.20-0309-non-reasoning", "grok-4.20-multi-agent-0309", "grok-4.3-beta", FAST} <= names
    assert {"grok-chat-fast", "grok-chat-auto", "grok-chat-expert", "grok-chat-heavy"} <= names
    assert (one.id, one.object) == ("grok-4.20-0309-reasoning-super", "model")


async def test_a_wrong_key_is_an_authentication_error(rig: Rig) -> None:
    """
    Another key is refused with 401 in the client's own words.
    """
    client = rig.client_with("gd-wrong")

    with pytest.raises(openai.AuthenticationError) as caught:
        await client.models.list()
    await client.close()

    assert caught.value.code == "invalid_api_key"


async def test_an_unknown_model_is_not_found(rig: Rig) -> None:
    """
    404 with the name that was asked.
    """
    with pytest.raises(openai.NotFoundError, match="grok-9") as caught:
        await rig.say(model="grok-9")

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


async def test_no_account_says_so(rig: Rig) -> None:
    """
    429 with Retry-After and a sentence that tells what to do.
    """
    with pytest.raises(openai.RateLimitError, match="no Grok account") as caught:
        await rig.say()

    assert int(caught.value.response.headers["retry-after"]) >= 1


async def test_all_limited_says_when(rig: Rig) -> None:
    """
    Both the request that finds out and the next one tell that questions are used up, and when to come back.
    """
    for name in "ab":
        basic(rig.world, name).always(limited(retry_after=120))
    await rig.add(token("a"), token("b"))

    with pytest.raises(openai.RateLimitError) as first:
        await rig.say()
    with pytest.raises(openai.RateLimitError, match="out of questions") as second:
        await rig.say()

    assert 1 <= int(first.value.response.headers["retry-after"]) <= 120
    assert 1 <= int(second.value.response.headers["retry-after"]) <= 120


async def test_auto_falls_back_to_the_older_form_and_remembers(
    tmp_path: Path, sim: Simulator, world: World
) -> None:
    """
    A service without the gateway is asked by REST, and the next request goes there at once.
    """
    world.gateway = False
    basic(world, "a").next(text("old but good"), text("again"))
    async with running(tmp_path, sim, world) as rig:
        await rig.add(token("a"))

        first = await rig.say()
        second = await rig.say()

    assert (first.choices[0].message.content, second.choices[0].message.content) == ("old but good", "again")
    assert [turn.form for turn in sim.turns] == ["rest", "rest"]
    assert sum(seen.path == "/ws/mgw/" for seen in sim.received) == 1
