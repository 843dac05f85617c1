"""Tools, forms and refusals over real sockets with the official client; the engine follows a script."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel

from grokdesk.core.conversation import AnswerForm, Media, Message, Role, Text, ToolCall, ToolResult
from grokdesk.core.errors import Garbled, RateLimited
from grokdesk.core.events import Called, Finished, Stop, TextPiece, ThoughtPiece, Usage
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from tests.gateway.conftest import World
from tests.gateway.fakes import finished, started

ASK: dict[str, Any] = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hi"}]}
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
SQL: Any = {"type": "custom", "custom": {"name": "run_sql", "description": "Runs SQL."}}


Ask = Callable[..., Awaitable[ChatCompletion]]


class Weather(BaseModel):
    """What the answer must be."""

    city: str
    degrees: int


def call(at: int, name: str, arguments: str) -> Called:
    return Called(ToolCall(f"call_{at}", name, arguments))


def calls_end() -> Finished:
    return Finished(Stop.CALLS, Usage(7, 3, 0))


async def streamed(client: openai.AsyncOpenAI, **changes: object) -> ChatCompletion:
    """The answer that the helper of the official client makes of a stream."""
    wanted: Any = {**ASK, **changes}
    async with client.chat.completions.stream(**wanted) as stream:
        return await stream.get_final_completion()


async def whole(client: openai.AsyncOpenAI, **changes: object) -> ChatCompletion:
    wanted: Any = {**ASK, **changes}
    completion: ChatCompletion = await client.chat.completions.create(**wanted)
    return completion


async def chunks(client: openai.AsyncOpenAI, **changes: object) -> AsyncIterator[ChatCompletionChunk]:
    wanted: Any = {**ASK, "stream": True, **changes}
    async for chunk in await client.chat.completions.create(**wanted):
        yield chunk


def functions(completion: ChatCompletion) -> list[tuple[str, str, str]]:
    found = completion.choices[0].message.tool_calls or []
    return [
        (one.id, one.function.name, one.function.arguments)
        for one in found
        if isinstance(one, ChatCompletionMessageFunctionToolCall)
    ]


@pytest.mark.parametrize("answer", [streamed, whole], ids=["streamed", "whole"])
async def test_one_tool_is_called(world: World, client: openai.AsyncOpenAI, answer: Ask) -> None:
    """
    The client hears which and with what, and Grok heard what there is.
    """
    world.engine.says([started()], [call(1, "get_weather", '{"city":"Wien"}')], [calls_end()])

    completion = await answer(client, tools=[WEATHER])

    assert functions(completion) == [("call_1", "get_weather", '{"city":"Wien"}')]
    assert completion.choices[0].finish_reason == "tool_calls"
    (request,) = world.engine.requests
    assert request.tools == (
        Tool(
            "get_weather",
            "The weather in a city.",
            orjson.dumps(WEATHER["function"]["parameters"]).decode(),
            strict=True,
        ),
    )
    assert request.tool_choice == ToolChoice()


@pytest.mark.parametrize("answer", [streamed, whole], ids=["streamed", "whole"])
async def test_three_tools_are_called_beside_text(
    world: World, client: openai.AsyncOpenAI, answer: Ask
) -> None:
    """
    Neither the text nor a call is lost, wherever the pieces are divided.
    """
    world.engine.says(
        [started(), TextPiece("I ")],
        [TextPiece("look."), call(1, "get_weather", '{"city":"Wien"}')],
        [call(2, "get_weather", '{"city":"北京"}'), call(3, "get_weather", '{"city":"Łódź"}'), calls_end()],
    )

    completion = await answer(client, tools=[WEATHER], parallel_tool_calls=True)

    assert completion.choices[0].message.content == "I look."
    assert [arguments for _, _, arguments in functions(completion)] == [
        '{"city":"Wien"}',
        '{"city":"北京"}',
        '{"city":"Łódź"}',
    ]


async def test_the_helper_announces_each_call(world: World, client: openai.AsyncOpenAI) -> None:
    """
    With its arguments read, as soon as it is complete.
    """
    world.engine.says(
        [started()],
        [call(1, "get_weather", '{"city":"Wien"}'), call(2, "get_weather", '{"city":"Graz"}')],
        [calls_end()],
    )

    async with client.chat.completions.stream(**ASK, tools=[WEATHER]) as stream:
        done = [event async for event in stream if event.type == "tool_calls.function.arguments.done"]

    assert [event.parsed_arguments for event in done] == [{"city": "Wien"}, {"city": "Graz"}]


async def test_a_client_may_force_a_tool(world: World, client: openai.AsyncOpenAI) -> None:
    """
    By name, or any of some.
    """
    world.engine.says([started(), call(1, "get_weather", "{}"), calls_end()])
    allowed = {"mode": "required", "tools": [SQL]}

    for choice in (
        {"type": "function", "function": {"name": "get_weather"}},
        {"type": "allowed_tools", "allowed_tools": allowed},
        "required",
    ):
        await whole(client, tools=[WEATHER, SQL], tool_choice=choice, parallel_tool_calls=False)

    assert [request.tool_choice for request in world.engine.requests] == [
        ToolChoice(Must.CALL, ("get_weather",), parallel=False),
        ToolChoice(Must.CALL, ("run_sql",), parallel=False),
        ToolChoice(Must.CALL, (), parallel=False),
    ]


async def test_a_tool_that_is_not_there_cannot_be_forced(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Grok is not asked.
    """
    with pytest.raises(openai.BadRequestError) as caught:
        await whole(client, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "x"}})

    assert caught.value.param == "tool_choice.function.name"
    assert world.engine.requests == []


async def test_a_custom_tool_gets_text(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Its input is not JSON, and its calls are of their own type.
    """
    world.engine.says([started(), call(1, "run_sql", 'SELECT "a"\n'), calls_end()])

    completion = await whole(client, tools=[SQL, WEATHER])

    (told,) = completion.choices[0].message.tool_calls or []
    assert told.type == "custom"
    assert (told.id, told.custom.name, told.custom.input) == ("call_1", "run_sql", 'SELECT "a"\n')
    assert world.engine.requests[0].tools[0] == Tool("run_sql", "Runs SQL.", kind=ToolKind.CUSTOM)


async def test_a_custom_tool_is_streamed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The types of the official client know no such chunk yet, and leave its members as they came.
    """
    world.engine.says([started(), call(1, "run_sql", "SELECT 1"), calls_end()])

    heard = [
        one async for chunk in chunks(client, tools=[SQL]) for one in chunk.choices[0].delta.tool_calls or []
    ]

    assert [one.to_dict() for one in heard] == [
        {"index": 0, "id": "call_1", "type": "custom", "custom": {"name": "run_sql", "input": ""}},
        {"index": 0, "custom": {"input": "SELECT 1"}},
    ]


async def test_the_older_form_of_functions(world: World, client: openai.AsyncOpenAI) -> None:
    """
    A client that offers `functions` hears `function_call`, streamed or not.
    """
    world.engine.says([started(), call(1, "get_weather", '{"city":"Wien"}'), calls_end()])
    offer: dict[str, Any] = {"functions": [{"name": "get_weather", "parameters": {"type": "object"}}]}

    for answer in (streamed, whole):
        completion = await answer(client, **offer)

        choice = completion.choices[0]
        assert choice.finish_reason == "function_call"
        assert choice.message.function_call is not None
        assert choice.message.function_call.name == "get_weather"
        assert choice.message.function_call.arguments == '{"city":"Wien"}'
        assert not choice.message.tool_calls


async def test_an_answer_goes_back_as_it_came(world: World, client: openai.AsyncOpenAI) -> None:
    """
    What the client heard is the next question's history: the same ids and arguments, results with images.
    """
    world.engine.says(
        [started(), TextPiece("I look."), call(1, "get_weather", '{"city": "Wien"}')], [calls_end()]
    )
    heard = (await whole(client, tools=[WEATHER])).choices[0].message
    world.engine.says([started(), TextPiece("Rain."), finished()])
    image = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    result = [{"type": "text", "text": "See:"}, {"type": "image_url", "image_url": {"url": image}}]

    await whole(
        client,
        tools=[WEATHER],
        messages=[
            *ASK["messages"],
            heard,
            {"role": "tool", "tool_call_id": "call_1", "content": result},
            {"role": "user", "content": "So?"},
        ],
    )

    assert world.engine.requests[1].messages == (
        Message(Role.USER, (Text("Hi"),)),
        Message(Role.ASSISTANT, (Text("I look."), ToolCall("call_1", "get_weather", '{"city": "Wien"}'))),
        Message(
            Role.USER, (ToolResult("call_1", (Text("See:"), Media(b"\x89PNG", media_type="image/png"))),)
        ),
        Message(Role.USER, (Text("So?"),)),
    )


async def test_the_helper_reads_an_answer_in_a_form(world: World, client: openai.AsyncOpenAI) -> None:
    """
    `.parse()` sends the schema of a model and gives the model back; so does the stream.
    """
    world.engine.says([started(), TextPiece('{"city":"Wien",'), TextPiece('"degrees":12}'), finished()])

    parsed = await client.chat.completions.parse(**ASK, response_format=Weather)
    async with client.chat.completions.stream(**ASK, response_format=Weather) as stream:
        from_stream = await stream.get_final_completion()

    for completion in (parsed, from_stream):
        assert completion.choices[0].message.parsed == Weather(city="Wien", degrees=12)
    form = world.engine.requests[0].answer
    assert (form.json, form.name) == (True, "Weather")
    assert orjson.loads(form.schema)["required"] == ["city", "degrees"]


async def test_the_helper_reads_calls_of_models(world: World, client: openai.AsyncOpenAI) -> None:
    """
    A tool made of a model gives the model back.
    """
    world.engine.says([started(), call(1, "Weather", '{"city":"Wien","degrees":12}'), calls_end()])

    completion = await client.chat.completions.parse(**ASK, tools=[openai.pydantic_function_tool(Weather)])

    (told,) = completion.choices[0].message.tool_calls or []
    assert told.function.parsed_arguments == Weather(city="Wien", degrees=12)


async def test_json_without_a_schema(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Is a form too.
    """
    await whole(client, response_format={"type": "json_object"})

    assert world.engine.requests[0].answer == AnswerForm(json=True)


async def test_a_refusal_is_not_an_answer(world: World, client: openai.AsyncOpenAI) -> None:
    """
    It stands apart from the content.
    """
    world.engine.says(
        [started(), ThoughtPiece("Hm.")], [Finished(Stop.REFUSED, Usage(7), refusal="I cannot show that.")]
    )

    completion = await whole(client)
    heard = [chunk.choices[0] async for chunk in chunks(client)]

    choice = completion.choices[0]
    assert (choice.message.content, choice.message.refusal) == (None, "I cannot show that.")
    assert choice.finish_reason == heard[-1].finish_reason == "stop"
    assert "".join(one.delta.refusal or "" for one in heard) == "I cannot show that."
    assert "".join(one.delta.content or "" for one in heard) == ""


async def test_the_helpers_return_a_refusal(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Beside an answer that was to be parsed and is not there.
    """
    world.engine.says([started()], [Finished(Stop.REFUSED, refusal="I cannot show that.")])

    parsed = (await client.chat.completions.parse(**ASK, response_format=Weather)).choices[0]
    heard = (await streamed(client)).choices[0]

    assert (parsed.message.parsed, parsed.message.refusal) == (None, "I cannot show that.")
    assert (heard.finish_reason, heard.message.refusal) == ("stop", "I cannot show that.")


async def test_a_failure_before_the_first_call_is_a_status(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Nothing has been promised yet.
    """
    world.engine.before = [RateLimited("Slow down.")]

    with pytest.raises(openai.RateLimitError):
        await anext(chunks(client, tools=[WEATHER]))


async def test_a_failure_after_a_call_ends_the_stream(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The client has heard the call, and that the answer is not complete.
    """
    world.engine.says([started(), call(1, "get_weather", "{}")], Garbled("Nonsense."))
    stream = chunks(client, tools=[WEATHER])

    heard = [await anext(stream) for _ in range(3)]
    with pytest.raises(openai.APIError, match="Nonsense"):
        await anext(stream)

    assert [one.id for chunk in heard for one in chunk.choices[0].delta.tool_calls or []] == ["call_1", None]
    assert heard[-1].choices[0].finish_reason is None
