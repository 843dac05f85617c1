"""OpenAI's client and its helpers hold conversations by Chat Completions with the whole program."""

from __future__ import annotations

from typing import Any, Final

import openai
import orjson
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from grokdesk.sim import Script, text, thinking, tool_text
from tests.app.scenes import CITIES, SCENES, TOOLS, WEATHER, End, Heard, Json, Scene, agree
from tests.rig import FAST, Rig

HELLO: Final[Json] = {"model": FAST, "messages": [{"role": "user", "content": "Hello"}]}
ENDS: Final[dict[str, End]] = {"stop": "end", "length": "length", "tool_calls": "calls"}


class Moon(BaseModel):
    """A moon."""

    name: str
    radius_km: int


def function(name: str) -> Any:  # noqa: ANN401 - the client's
    description, schema = TOOLS[name]
    about = {"name": name, "description": description, "parameters": schema, "strict": True}
    return {"type": "function", "function": about}


def wanted(scene: Scene) -> Json:
    """A scene as a request."""
    asked = {**HELLO, "max_completion_tokens": scene.max_tokens}
    if scene.tools:
        asked |= {"tools": [function(name) for name in TOOLS], "parallel_tool_calls": scene.parallel}
    if scene.must:
        named = {"type": "function", "function": {"name": scene.must}}
        asked |= {"tool_choice": "required" if scene.must == "any" else named}
    return {**asked, "stop": [scene.stop]} if scene.stop else asked


def heard(completion: ChatCompletion, scene: Scene) -> Heard:
    """A completion as any client can tell it."""
    [choice] = completion.choices
    calls = [call.function for call in choice.message.tool_calls or [] if call.type == "function"]
    return Heard(
        choice.message.content or "",
        getattr(choice.message, "reasoning_content", None) or "",
        tuple((call.name, orjson.loads(call.arguments)) for call in calls),
        # This API does not tell a sequence from an ordinary end.
        "stop" if scene.stop and choice.finish_reason == "stop" else ENDS[choice.finish_reason],
    )


async def streamed(rig: Rig, **asked: Any) -> ChatCompletion:  # noqa: ANN401 - the client's
    """An answer put together by the client's helper, which checks the order of the pieces on the way."""
    async with rig.client.chat.completions.stream(**asked) as stream:
        try:
            completion: ChatCompletion = await stream.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            return cut.completion
        return completion


@pytest.mark.parametrize("name", SCENES)
async def test_whole_or_streamed_the_client_hears_the_same(rig: Rig, name: str) -> None:
    """
    Text, thinking, calls and the reason of the end are those of the scene, in either way.
    """
    scene = SCENES[name]
    await rig.grok(*scene.turns, *scene.turns)

    whole = await rig.client.chat.completions.create(**wanted(scene))
    pieced = await streamed(rig, **wanted(scene))

    agree(heard(whole, scene), scene.heard)
    agree(heard(pieced, scene), scene.heard)
    assert rig.sim.violations == []


# --- tools --------------------------------------------------------------------------------------------------


async def test_a_tool_loop_comes_to_its_answer(rig: Rig) -> None:
    """
    What the client sends back of the call and its result is in the next question, and the answer follows.
    """
    await rig.grok(tool_text(*CITIES, before="I look."), text("Sunny everywhere."))
    asked = {**HELLO, "tools": [function("weather")]}

    first = await rig.client.chat.completions.create(**asked)
    message = first.choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"sunny {at}"}
        for at, call in enumerate(message.tool_calls or [])
    ]
    history = [*HELLO["messages"], message, *results]
    second = await rig.client.chat.completions.create(**{**asked, "messages": history})

    assert second.choices[0].message.content == "Sunny everywhere."
    assert rig.told.index("Hello") < rig.told.index("sunny 0") < rig.told.index("sunny 2")
    assert all(call.id in rig.told for call in message.tool_calls or [])
    assert rig.sim.violations == []


async def test_a_tool_made_of_a_model(rig: Rig) -> None:
    """
    Comes back as that model from `.parse()`, and is told complete by the helper of the stream.
    """
    await rig.grok(*[tool_text(("Moon", {"name": "Io", "radius_km": 1821}))] * 2)
    tools = [openai.pydantic_function_tool(Moon)]

    parsed = await rig.client.chat.completions.parse(**HELLO, tools=tools)
    async with rig.client.chat.completions.stream(**HELLO, tools=tools) as stream:
        events = [event async for event in stream]

    [call] = parsed.choices[0].message.tool_calls or []
    [done] = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert call.function.parsed_arguments == done.parsed_arguments == Moon(name="Io", radius_km=1821)


async def test_arguments_that_do_not_fit_are_asked_for_again(rig: Rig) -> None:
    """
    A strict tool is called with what its schema says, at the second asking if need be.
    """
    await rig.grok(tool_text(("weather", {"town": 1})), tool_text(WEATHER))

    answer = await rig.client.chat.completions.create(**HELLO, tools=[function("weather")])

    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, orjson.loads(call.function.arguments)) == WEATHER
    assert "do not fit" in rig.prompts[1]


async def test_a_tool_that_takes_plain_text(rig: Rig) -> None:
    """
    A custom tool gets its input as it was meant, without JSON around it.
    """
    await rig.grok(tool_text(("shell", {"input": 'echo "a\nb"'})))
    tool: Any = {"type": "custom", "custom": {"name": "shell", "description": "Runs a command."}}

    answer = await rig.client.chat.completions.create(**HELLO, tools=[tool])

    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("shell", 'echo "a\nb"')


# --- structured answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "turns",
    [
        [text('{"name": "Io", "radius_km": 1821}')],
        [text('Here you are:\n```json\n{"name": "Io", "radius_km": 1821,}\n```')],
        [text("Io, with some 1821 km."), text('{"name": "Io", "radius_km": 1821}')],
        [text('{"name": "Io"}'), text('{"name": "Io", "radius_km": 1821}')],
    ],
    ids=["at once", "mended", "no JSON at first", "not the schema at first"],
)
async def test_an_answer_in_a_form(rig: Rig, turns: list[Script]) -> None:
    """
    The helpers give the model back, streamed and not, also when Grok had to be asked twice.
    """
    await rig.grok(*turns, *turns)

    parsed = await rig.client.chat.completions.parse(**HELLO, response_format=Moon)
    async with rig.client.chat.completions.stream(**HELLO, response_format=Moon) as stream:
        pieced = await stream.get_final_completion()

    for completion in (parsed, pieced):
        assert completion.choices[0].message.parsed == Moon(name="Io", radius_km=1821)
    assert len(rig.sim.turns) == 2 * len(turns)
    assert rig.sim.violations == []


async def test_a_form_that_grok_does_not_keep_to_is_a_refusal(rig: Rig) -> None:
    """
    After the second asking the client hears that there is none, and why.
    """
    await rig.grok(*[text("No JSON today.")] * 4)

    whole = await rig.client.chat.completions.create(**HELLO, response_format={"type": "json_object"})
    parsed = await rig.client.chat.completions.parse(**HELLO, response_format=Moon)

    assert parsed.choices[0].message.parsed is None
    for choice in (whole.choices[0], parsed.choices[0]):
        assert (choice.finish_reason, choice.message.content) == ("stop", None)
        assert "also when asked again" in (choice.message.refusal or "")
    assert len(rig.sim.turns) == 4


# --- the rest of the API ------------------------------------------------------------------------------------


async def test_a_kept_completion_is_told_again(rig: Rig) -> None:
    """
    With `store` it can be read, listed, described and forgotten, and so can the messages it answered.
    """
    await rig.grok(text("Io."))
    stored = rig.client.chat.completions

    said = await stored.create(**HELLO, store=True, metadata={"topic": "moons"})
    again = await stored.retrieve(said.id)
    listed = [one.id async for one in stored.list(metadata={"topic": "moons"})]
    messages = [one.content async for one in stored.messages.list(said.id)]
    described = await stored.update(said.id, metadata={"topic": "stars"})
    await stored.delete(said.id)

    assert again.choices[0].message.content == "Io."
    assert listed == [said.id]
    assert messages == ["Hello"]
    assert described.metadata == {"topic": "stars"}
    with pytest.raises(openai.NotFoundError):
        await stored.retrieve(said.id)


async def test_answers_may_be_several_with_calls(rig: Rig) -> None:
    """
    With n=2 each choice has its own calls, under ids of their own.
    """
    await rig.grok(tool_text(WEATHER), tool_text(WEATHER))

    answer = await rig.client.chat.completions.create(**HELLO, n=2, tools=[function("weather")])

    calls = [call for choice in answer.choices for call in choice.message.tool_calls or []]
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert len({call.id for call in calls}) == 2


async def test_a_conversation_reaches_grok_with_everyone_in_it(rig: Rig) -> None:
    """
    Instructions first, then every turn under its role, in order.
    """
    await rig.grok(text("You said Io."))
    messages: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Io"}, {"type": "text", "text": "is a moon."}]},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "What did I say?"},
    ]

    await rig.client.chat.completions.create(model=FAST, messages=messages)

    assert rig.prompts == [
        "[system]\nBe brief.\n\n[user]\nIo\nis a moon.\n\n[assistant]\nNoted.\n\n[user]\nWhat did I say?"
    ]


async def test_thinking_can_be_hidden(rig: Rig) -> None:
    """
    `reasoning_effort` none leaves it out and keeps the calls.
    """
    await rig.grok(thinking(raw=["Hm."]) + tool_text(WEATHER))

    answer = await rig.client.chat.completions.create(
        **HELLO, tools=[function("weather")], reasoning_effort="none"
    )

    assert getattr(answer.choices[0].message, "reasoning_content", None) is None
    assert len(answer.choices[0].message.tool_calls or []) == 1
