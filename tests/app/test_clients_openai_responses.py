"""OpenAI's client and its helpers hold conversations by the Responses API with the whole program."""

from __future__ import annotations

from typing import Any, Final

import openai
import orjson
import pytest
from openai.lib.responses_tool_runner import AsyncRegisteredFunction, AsyncResponsesToolRunner
from openai.types.responses import Response
from pydantic import BaseModel

from grokdesk.sim import Script, search, stall, text, thinking, tool_text
from tests.app.scenes import CITIES, SCENES, TOOLS, Heard, Json, Scene, agree
from tests.rig import FAST, Rig

HELLO: Final[Json] = {"model": FAST, "input": "Hello"}
PATIENCE_S: Final = 5.0
# This API has no stop sequences.
SPOKEN: Final = {name: scene for name, scene in SCENES.items() if not scene.stop}


class Moon(BaseModel):
    """A moon."""

    name: str
    radius_km: int


def function(name: str) -> Any:  # noqa: ANN401 - the client's
    description, schema = TOOLS[name]
    return {
        "type": "function",
        "name": name,
        "description": description,
        "parameters": schema,
        "strict": True,
    }


def wanted(scene: Scene) -> Json:
    """A scene as a request."""
    asked = {**HELLO, "max_output_tokens": scene.max_tokens}
    if scene.tools:
        asked |= {"tools": [function(name) for name in TOOLS], "parallel_tool_calls": scene.parallel}
    if scene.must:
        named = {"type": "function", "name": scene.must}
        asked |= {"tool_choice": "required" if scene.must == "any" else named}
    return asked


def items(response: Response, kind: str) -> list[Any]:
    """What it consists of, one kind of it."""
    return [item for item in response.output if item.type == kind]


def heard(response: Response) -> Heard:
    """A response as any client can tell it."""
    calls = items(response, "function_call")
    thoughts = [part.text for item in items(response, "reasoning") for part in item.summary]
    if response.incomplete_details:
        assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    else:
        assert response.status == "completed"
    return Heard(
        response.output_text,
        "\n".join(thoughts),
        tuple((call.name, orjson.loads(call.arguments)) for call in calls),
        "length" if response.incomplete_details else "calls" if calls else "end",
    )


async def streamed(rig: Rig, **asked: Any) -> Response:  # noqa: ANN401 - the client's
    """A response put together by the client's helper, and the same as the last event told it."""
    async with rig.client.responses.stream(**asked) as stream:
        events = [event async for event in stream]
    last: Any = events[-1]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    response: Response = last.response
    return response


@pytest.mark.parametrize("name", SPOKEN)
async def test_whole_or_streamed_the_client_hears_the_same(rig: Rig, name: str) -> None:
    """
    Text, thinking, calls and the reason of the end are those of the scene, in either way.
    """
    scene = SPOKEN[name]
    await rig.grok(*scene.turns, *scene.turns)

    whole = await rig.client.responses.create(**wanted(scene))
    pieced = await streamed(rig, **wanted(scene))

    agree(heard(whole), scene.heard)
    agree(heard(pieced), scene.heard)
    assert rig.sim.violations == []


# --- tools --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [True, False])
async def test_a_tool_loop_comes_to_its_answer(rig: Rig, store: bool) -> None:
    """
    From the stored response or with everything sent again, Grok sees calls and results.
    """
    await rig.grok(thinking(raw=["Hm."]) + tool_text(*CITIES, before="I look."), text("Sunny everywhere."))
    asked = {**HELLO, "tools": [function("weather")], "store": store}

    first = await rig.client.responses.create(**asked)
    calls = items(first, "function_call")
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"sunny {at}"}
        for at, call in enumerate(calls)
    ]
    if store:
        more: Json = {"input": results, "previous_response_id": first.id}
    else:
        more = {"input": [{"role": "user", "content": "Hello"}, *first.output, *results]}
    second = await rig.client.responses.create(**{**asked, **more})

    assert second.output_text == "Sunny everywhere."
    assert rig.told.index("Hello") < rig.told.index("sunny 0") < rig.told.index("sunny 2")
    assert all(call.call_id in rig.told for call in calls)
    assert rig.sim.violations == []


async def test_the_tool_runner_comes_to_its_answer(rig: Rig) -> None:
    """
    The client's own loop runs the functions, streamed and not.
    """
    ran: list[Moon] = []

    async def look(moon: Moon) -> str:
        ran.append(moon)
        return "It is there."

    called = tool_text(("Moon", {"name": "Io", "radius_km": 1821}), before="I look.")
    await rig.grok(*[called, text("Found.")] * 2)
    tool = openai.pydantic_responses_function_tool(Moon)
    runner = AsyncResponsesToolRunner(functions=[AsyncRegisteredFunction.from_tool(tool, execute=look)])

    asked: Any = HELLO
    answers = [await runner.run(rig.client, asked, stream=stream) for stream in (False, True)]

    assert [answer.output_text for answer in answers] == ["Found.", "Found."]
    assert ran == [Moon(name="Io", radius_km=1821)] * 2
    assert "It is there." in rig.prompts[1]


async def test_a_tool_made_of_a_model(rig: Rig) -> None:
    """
    Comes back as that model from `.parse()`.
    """
    await rig.grok(tool_text(("Moon", {"name": "Io", "radius_km": 1821})))

    parsed = await rig.client.responses.parse(**HELLO, tools=[openai.pydantic_function_tool(Moon)])

    [call] = items(parsed, "function_call")
    assert call.parsed_arguments == Moon(name="Io", radius_km=1821)


async def test_a_tool_that_takes_plain_text(rig: Rig) -> None:
    """
    A custom tool gets its input as it was meant, without JSON around it, streamed and not.
    """
    await rig.grok(*[tool_text(("shell", {"input": 'echo "a\nb"'}))] * 2)
    asked = {**HELLO, "tools": [{"type": "custom", "name": "shell", "description": "Runs a command."}]}

    whole = await rig.client.responses.create(**asked)
    pieced = await streamed(rig, **asked)

    for response in (whole, pieced):
        [call] = items(response, "custom_tool_call")
        assert (call.name, call.input) == ("shell", 'echo "a\nb"')


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

    parsed = await rig.client.responses.parse(**HELLO, text_format=Moon)
    async with rig.client.responses.stream(**HELLO, text_format=Moon) as stream:
        pieced = await stream.get_final_response()

    for response in (parsed, pieced):
        assert response.output_parsed == Moon(name="Io", radius_km=1821)
    assert len(rig.sim.turns) == 2 * len(turns)


async def test_a_form_that_grok_does_not_keep_to_is_a_refusal(rig: Rig) -> None:
    """
    After the second asking the client hears that there is none, and why.
    """
    await rig.grok(*[text("No JSON today.")] * 4)

    whole = await rig.client.responses.parse(**HELLO, text_format=Moon)
    pieced = await streamed(rig, **HELLO, text_format=Moon)

    for response in (whole, pieced):
        [message] = items(response, "message")
        [part] = message.content
        assert part.type == "refusal"
        assert "also when asked again" in part.refusal
    assert whole.output_parsed is None


# --- what is kept -------------------------------------------------------------------------------------------


async def test_a_conversation_goes_on_from_its_last_response(rig: Rig) -> None:
    """
    Three turns, each naming only the one before; instructions are not carried over.
    """
    await rig.app.change({"chat.continue_conversations": False})
    await rig.grok(text("Hello Ada."), text("You are Ada."), text("Bye, Ada."))

    first = await rig.client.responses.create(model=FAST, input="I am Ada.", instructions="Be brief.")
    second = await rig.client.responses.create(model=FAST, input="Who am I?", previous_response_id=first.id)
    async with rig.client.responses.stream(
        model=FAST, input="Bye.", previous_response_id=second.id
    ) as stream:
        third = await stream.get_final_response()

    assert third.output_text == "Bye, Ada."
    assert rig.prompts[0] == "[system]\nBe brief.\n\n[user]\nI am Ada."
    assert rig.prompts[2] == (
        "[user]\nI am Ada.\n\n[assistant]\nHello Ada.\n\n"
        "[user]\nWho am I?\n\n[assistant]\nYou are Ada.\n\n[user]\nBye."
    )


async def test_a_response_is_told_again_and_forgotten(rig: Rig) -> None:
    """
    It can be read, its input listed, and after deleting it is gone.
    """
    await rig.grok(text("Io."))

    said = await rig.client.responses.create(**HELLO)
    again = await rig.client.responses.retrieve(said.id)
    items = [item async for item in rig.client.responses.input_items.list(said.id)]
    await rig.client.responses.delete(said.id)

    assert again.output_text == "Io."
    assert [item.type for item in items] == ["message"]
    with pytest.raises(openai.NotFoundError):
        await rig.client.responses.retrieve(said.id)


async def test_a_response_is_made_in_the_background(rig: Rig) -> None:
    """
    The client polls until it is there, and can continue from it.
    """
    await rig.grok(text("It took a while.", delay_s=0.01), text("Yes."))

    queued = await rig.client.responses.create(**HELLO, background=True)
    response = await ended(rig, queued.id)
    after = await rig.client.responses.create(model=FAST, input="Sure?", previous_response_id=queued.id)

    assert queued.status in {"queued", "in_progress"}
    assert (response.status, response.output_text) == ("completed", "It took a while.")
    assert after.output_text == "Yes."


async def test_a_response_in_the_background_is_called_off(rig: Rig) -> None:
    """
    Grok hears of it, and the account is free again.
    """
    await rig.grok(text("one two three") + stall(30, after=1))

    queued = await rig.client.responses.create(**HELLO, background=True)
    await rig.until(lambda: rig.sim.turns and rig.sim.turns[-1].state == "open")
    response = await rig.client.responses.cancel(queued.id)
    await rig.until(lambda: rig.sim.turns[-1].state == "aborted")

    assert response.status == "cancelled"
    assert rig.app.pool.counts().in_flight == 0


async def ended(rig: Rig, response_id: str) -> Response:
    """The response as it is when it is no longer being made."""
    for _ in range(500):
        response = await rig.client.responses.retrieve(response_id)
        if response.status not in {"queued", "in_progress"}:
            return response
    raise AssertionError("it never ended")


async def test_tokens_are_counted_without_asking_grok(rig: Rig) -> None:
    """
    The number is that of the answer's usage later on.
    """
    await rig.grok(text("Io."))

    counted = await rig.client.responses.input_tokens.count(**HELLO, tools=[function("weather")])
    answered = await rig.client.responses.create(**HELLO, tools=[function("weather")])

    assert answered.usage is not None
    assert counted.input_tokens == answered.usage.input_tokens > 50
    assert len(rig.sim.turns) == 1


async def test_sources_are_annotations(rig: Rig) -> None:
    """
    What Grok found is cited in place, and the search is an item of its own for those who ask for searches.
    """
    await rig.grok(*[search("It is so.", posts=())] * 2)
    asked = {**HELLO, "tools": [{"type": "web_search"}]}

    whole = await rig.client.responses.create(**asked)
    pieced = await streamed(rig, **asked)

    for response in (whole, pieced):
        notes = [
            note for item in items(response, "message") for part in item.content for note in part.annotations
        ]
        assert [note.type for note in notes] == ["url_citation"]
        assert items(response, "web_search_call")
