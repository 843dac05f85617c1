"""Anthropic's client and its helpers hold conversations by Messages with the whole program."""

from __future__ import annotations

from typing import Any, Final

import anthropic
import pytest
from anthropic import beta_async_tool
from anthropic.types import Message
from pydantic import BaseModel

from grokdesk.sim import Script, search, text, thinking, tool_text
from tests.app.scenes import CITIES, SCENES, TOOLS, WEATHER, End, Heard, Json, Scene, agree
from tests.rig import FAST, Rig

PLAIN: Final[Json] = {"model": FAST, "max_tokens": 1024, "messages": [{"role": "user", "content": "Hello"}]}
HELLO: Final[Json] = {**PLAIN, "thinking": {"type": "adaptive"}}
ENDS: Final[dict[str | None, End]] = {
    "end_turn": "end",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "calls",
}


class Moon(BaseModel):
    """A moon."""

    name: str
    radius_km: int


def tool(name: str) -> Any:  # noqa: ANN401 - the client's
    description, schema = TOOLS[name]
    return {"name": name, "description": description, "input_schema": schema, "strict": True}


def wanted(scene: Scene) -> Json:
    """A scene as a request."""
    asked = {**HELLO, "max_tokens": scene.max_tokens}
    if scene.tools:
        kind = {"": "auto", "any": "any"}.get(scene.must, "tool")
        named = {"name": scene.must} if kind == "tool" else {}
        choice = {"type": kind, "disable_parallel_tool_use": not scene.parallel, **named}
        asked |= {"tools": [tool(name) for name in TOOLS], "tool_choice": choice}
    return {**asked, "stop_sequences": [scene.stop]} if scene.stop else asked


def heard(message: Message, scene: Scene) -> Heard:
    """A message as any client can tell it."""
    calls = [block for block in message.content if block.type == "tool_use"]
    if message.stop_reason == "stop_sequence":
        assert message.stop_sequence == scene.stop
    assert len({call.id for call in calls}) == len(calls)
    return Heard(
        "".join(block.text for block in message.content if block.type == "text"),
        "\n".join(block.thinking for block in message.content if block.type == "thinking"),
        tuple((call.name, dict(call.input)) for call in calls),
        ENDS[message.stop_reason],
    )


async def streamed(rig: Rig, **asked: Any) -> Message:  # noqa: ANN401 - the client's
    """A message put together by the client's helper."""
    async with rig.claude.messages.stream(**asked) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize("name", SCENES)
async def test_whole_or_streamed_the_client_hears_the_same(rig: Rig, name: str) -> None:
    """
    Text, thinking, calls and the reason of the end are those of the scene, in either way.
    """
    scene = SCENES[name]
    await rig.grok(*scene.turns, *scene.turns)

    whole = await rig.claude.messages.create(**wanted(scene))
    pieced = await streamed(rig, **wanted(scene))

    agree(heard(whole, scene), scene.heard)
    agree(heard(pieced, scene), scene.heard)
    assert rig.sim.violations == []


async def test_blocks_follow_one_another(rig: Rig) -> None:
    """
    Thinking, text and each call have a block of their own, opened after the one before was closed.
    """
    await rig.grok(thinking(raw=["Hm."]) + tool_text(*CITIES, before="I look."))

    stream = await rig.claude.messages.create(**HELLO, tools=[tool("weather")], stream=True)
    told: list[Any] = [event async for event in stream]

    edges = [(event.type, event.index) for event in told if event.type.startswith("content_block_st")]
    assert edges == [
        (kind, index) for index in range(5) for kind in ("content_block_start", "content_block_stop")
    ]
    kinds = [event.content_block.type for event in told if event.type == "content_block_start"]
    assert kinds == ["thinking", "text", "tool_use", "tool_use", "tool_use"]
    assert [event.type for event in told[-2:]] == ["message_delta", "message_stop"]


# --- tools --------------------------------------------------------------------------------------------------


async def test_a_tool_loop_comes_to_its_answer(rig: Rig) -> None:
    """
    The whole message, its thinking included, goes back with the results and what was typed beside them.
    """
    await rig.grok(thinking(raw=["Hm."]) + tool_text(*CITIES, before="I look."), text("Sunny everywhere."))
    asked = {**HELLO, "tools": [tool("weather")]}

    first = await rig.claude.messages.create(**asked)
    calls = [block for block in first.content if block.type == "tool_use"]
    results: list[Json] = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"sunny {at}", "is_error": at == 1}
        for at, call in enumerate(calls)
    ]
    said = [*results, {"type": "text", "text": "Hurry."}]
    history = [
        *HELLO["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": said},
    ]
    second = await rig.claude.messages.create(**{**asked, "messages": history})

    assert heard(second, SCENES["text"]).text == "Sunny everywhere."
    assert rig.told.index("Hello") < rig.told.index("sunny 0") < rig.told.index("Hurry.")
    assert "Tool error" in rig.told
    assert "Hm." not in rig.told
    assert rig.sim.violations == []


@pytest.mark.parametrize("stream", [False, True])
async def test_the_tool_runner_comes_to_its_answer(rig: Rig, stream: bool) -> None:
    """
    The client's own loop runs the functions and ends with the answer.
    """
    ran: list[str] = []

    @beta_async_tool
    async def weather(city: str, days: int = 1) -> str:
        """Tell the weather of a city."""
        ran.append(f"{city} {days}")
        return f"Sunny in {city}."

    await rig.grok(tool_text(*CITIES, before="I look."), tool_text(WEATHER), text("Sunny everywhere."))
    asked: Any = {**HELLO, "stream": stream}

    runner = rig.claude.beta.messages.tool_runner(**asked, tools=[weather])
    last: Any = await runner.until_done()

    assert [block.text for block in last.content] == ["Sunny everywhere."]
    assert ran == ["Bern 3", "Zürich 3", "Genève 3", "Bern 1"]
    assert "Sunny in Genève." in rig.told
    assert rig.sim.violations == []


# --- structured answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "turns",
    [
        [text('{"name": "Io", "radius_km": 1821}')],
        [text("Io, with some 1821 km."), text('{"name": "Io", "radius_km": 1821}')],
    ],
    ids=["at once", "asked again"],
)
async def test_an_answer_in_a_form(rig: Rig, turns: list[Script]) -> None:
    """
    The helpers give the model back, streamed and not, also when Grok had to be asked twice.
    """
    await rig.grok(*turns, *turns)

    parsed = await rig.claude.messages.parse(**HELLO, output_format=Moon)
    async with rig.claude.messages.stream(**HELLO, output_format=Moon) as stream:
        pieced = await stream.get_final_message()

    for message in (parsed, pieced):
        assert message.parsed_output == Moon(name="Io", radius_km=1821)
    assert len(rig.sim.turns) == 2 * len(turns)


async def test_a_form_that_grok_does_not_keep_to_is_a_refusal(rig: Rig) -> None:
    """
    After the second asking the client hears that there is none.
    """
    await rig.grok(*[text("No JSON today.")] * 4)
    form: Any = {"format": {"type": "json_schema", "schema": Moon.model_json_schema()}}

    whole = await rig.claude.messages.create(**HELLO, output_config=form)
    pieced = await streamed(rig, **HELLO, output_config=form)

    for message in (whole, pieced):
        assert message.stop_reason == "refusal"
        assert message.stop_details is not None
        assert "also when asked again" in (message.stop_details.explanation or "")


# --- the rest of the API ------------------------------------------------------------------------------------


async def test_tokens_are_counted_without_asking_grok(rig: Rig) -> None:
    """
    The number is that of the answer's usage later on.
    """
    await rig.grok(text("Io."))
    asked = {**HELLO, "system": "Be brief.", "tools": [tool("weather")]}

    counted = await rig.claude.messages.count_tokens(
        **{name: value for name, value in asked.items() if name != "max_tokens"}
    )
    answered = await rig.claude.messages.create(**asked)

    assert counted.input_tokens == answered.usage.input_tokens > 50
    assert len(rig.sim.turns) == 1


async def test_models_are_told_in_the_clients_own_form(rig: Rig) -> None:
    """
    The same names as for everybody, each with a title and a date.
    """
    models = [model async for model in rig.claude.models.list(limit=5)]
    one = await rig.claude.models.retrieve(FAST)

    assert {model.id for model in models} == {model.id async for model in await rig.client.models.list()}
    assert (one.type, one.id, one.display_name[:4], one.created_at.year) == ("model", FAST, "Grok", 2026)


async def test_sources_are_citations_of_the_text(rig: Rig) -> None:
    """
    What Grok found is cited where it was used, streamed and not.
    """
    await rig.grok(*[search("It is so.", posts=())] * 2)

    whole = await rig.claude.messages.create(**HELLO)
    pieced = await streamed(rig, **HELLO)

    for message in (whole, pieced):
        cited = [one for block in message.content if block.type == "text" for one in block.citations or []]
        assert [one.type for one in cited] == ["web_search_result_location"]


@pytest.mark.parametrize("switch", [{}, {"thinking": {"type": "disabled"}}])
async def test_thinking_is_left_out_unless_it_is_asked_for(rig: Rig, switch: Json) -> None:
    """
    `thinking` absent or disabled gives an answer without such a block.
    """
    await rig.grok(thinking(raw=["Hm."]) + text("Said."))

    message = await rig.claude.messages.create(**PLAIN, **switch)

    assert [block.type for block in message.content] == ["text"]


async def test_a_wrong_key_is_an_authentication_error(rig: Rig) -> None:
    """
    In the client's own words.
    """
    async with anthropic.AsyncAnthropic(base_url=rig.url, api_key="gd-wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.messages.create(**HELLO)
