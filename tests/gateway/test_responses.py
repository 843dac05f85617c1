"""The Responses API over real sockets with the official client; the engine follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import openai
import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel

from grokdesk.core.conversation import (
    AnswerForm,
    Limits,
    Media,
    Message,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from grokdesk.core.errors import Garbled, GrokDeskError, NoAccount, RateLimited
from grokdesk.core.events import (
    Called,
    Cited,
    Event,
    Finished,
    Source,
    Sourced,
    Stop,
    TextPiece,
    ThoughtPiece,
    Usage,
)
from grokdesk.core.settings import GatewaySettings, PrivacySettings, Settings
from grokdesk.core.tools import Must, ToolChoice
from grokdesk.engine.conversations import Conversations
from grokdesk.gateway.server import Gateway
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.responses import SqlResponses
from grokdesk.store.sqlite_file import SqliteFile
from tests.gateway.conftest import PATIENCE_S, World
from tests.gateway.fakes import CREATED, Step, finished, settle, started

MODEL = "grok-4.20-fast"
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
SHELL: dict[str, Any] = {"type": "custom", "name": "shell", "description": "Runs a command."}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
async def idle(idle: World, supervisor: Supervisor, tmp_path: Path) -> AsyncIterator[World]:
    """A gateway that keeps responses in a database of its own."""
    vault = Vault(bytes(range(32)), KeySource.KEY_FILE)
    async with SqliteFile(Paths.under(tmp_path / "data").create(), spawn=supervisor.spawn) as database:
        conversations = Conversations(
            SqlResponses(database, vault), vault, idle.settings, idle.clock, supervisor.spawn
        )
        idle.services = replace(idle.services, conversations=conversations)
        idle.gateway = Gateway(idle.services)
        yield idle
        await supervisor.cancel_all()


def call(name: str, arguments: str = "{}", call_id: str = "call_1") -> Called:
    return Called(ToolCall(call_id, name, arguments))


async def ask(client: openai.AsyncOpenAI, said: object = "Hi", **more: object) -> Response:
    wanted: Any = {"model": MODEL, "input": said, **more}
    response: Response = await client.responses.create(**wanted)
    return response


async def events(client: openai.AsyncOpenAI, **more: object) -> list[ResponseStreamEvent]:
    wanted: Any = {"model": MODEL, "input": "Hi", **more}
    stream = await client.responses.create(**wanted, stream=True)
    return [event async for event in stream]


async def until_ended(client: openai.AsyncOpenAI, response_id: str) -> Response:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            response = await client.responses.retrieve(response_id)
            if response.status not in {"queued", "in_progress"}:
                return response


def keep(world: World, count: int) -> None:
    world.settings.set(
        Settings(gateway=GatewaySettings(port=0), privacy=PrivacySettings(keep_responses=count))
    )


# --- answers ------------------------------------------------------------------------------------------------


async def test_an_answer_is_one_response(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Without `stream` the client receives the whole answer as JSON.
    """
    response = await ask(client)

    assert (response.output_text, response.status) == ("Hello", "completed")
    assert response.id.startswith("resp_")
    assert (response.created_at, response.completed_at) == (CREATED, CREATED)
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.total_tokens) == (7, 10)
    assert response.usage.input_tokens_details.cached_tokens == 0
    assert response.usage.input_tokens_details.cache_write_tokens == 0


async def test_an_answer_repeats_what_was_asked(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Every member of the official object is there, as it was sent or with its usual value.
    """
    response = await ask(
        client,
        instructions="Be brief.",
        metadata={"topic": "demo"},
        max_output_tokens=99,
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}},
        tools=[WEATHER],
        tool_choice={"type": "function", "name": "weather"},
        parallel_tool_calls=False,
        user="someone",
    )

    told = response.to_dict()
    assert Response.model_fields.keys() - told.keys() <= {
        "access_programs",
        "image",
        "input_transformations",
        "moderation",
        "prompt",
        "prompt_cache_diagnostics",
        "prompt_cache_options",
        "tool_usage",
    }
    assert (response.instructions, response.metadata) == ("Be brief.", {"topic": "demo"})
    assert (response.max_output_tokens, response.parallel_tool_calls, response.user) == (99, False, "someone")
    assert (told["reasoning"], told["tools"]) == ({"effort": "low", "summary": "auto"}, [WEATHER])
    assert told["text"] == {"format": {"type": "json_object"}, "verbosity": "medium"}
    assert told["tool_choice"] == {"type": "function", "name": "weather"}
    assert (told["temperature"], told["truncation"], told["store"]) == (1.0, "disabled", True)


async def test_the_engine_hears_what_was_asked(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The request arrives in neutral words, under the name of the key.
    """
    form = {"type": "json_schema", "name": "city", "schema": {"type": "object"}}

    await ask(
        client,
        instructions="Be brief.",
        max_output_tokens=9,
        reasoning={"effort": "none"},
        text={"format": form},
        tools=[WEATHER],
        tool_choice="required",
        parallel_tool_calls=False,
    )

    (request,) = world.engine.requests
    assert request.messages == (
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("Hi"),)),
    )
    assert (request.limits, request.thinking) == (Limits(9), Thinking.HIDDEN)
    assert request.answer == AnswerForm(json=True, schema='{"type":"object"}', name="city")
    assert request.tool_choice == ToolChoice(Must.CALL, parallel=False)
    assert [tool.name for tool in request.tools] == ["weather"]
    assert world.engine.clients == ["Editor"]


async def test_a_stream_is_numbered_and_in_order(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Thinking is closed before the text opens, and the last event has the whole.
    """
    world.engine.says([started()], [ThoughtPiece("Hm.")], [TextPiece("Hel")], [TextPiece("lo")], [finished()])

    heard = await events(client)

    assert [event.sequence_number for event in heard] == list(range(len(heard)))
    assert [event.type.removeprefix("response.") for event in heard] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    last = heard[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "Hello"


async def test_the_helper_of_the_official_client_reads_the_stream(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    `stream()` adds the events up to the same response.
    """
    world.engine.says([started()], [ThoughtPiece("Hm.")], [TextPiece("Hel")], [TextPiece("lo")], [finished()])

    async with client.responses.stream(model=MODEL, input="Hi") as stream:
        snapshots = [event.snapshot async for event in stream if event.type == "response.output_text.delta"]
        response = await stream.get_final_response()

    assert snapshots == ["Hel", "Hello"]
    assert response.output_text == "Hello"


class City(BaseModel):
    """What the tests of parsing want."""

    name: str


async def test_a_wanted_form_is_parsed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    `parse()` asks for a schema and gets an object, streamed or not.
    """
    world.engine.says([started()], [TextPiece('{"name":')], [TextPiece('"Paris"}')], [finished()])

    parsed = await client.responses.parse(model=MODEL, input="Hi", text_format=City)
    async with client.responses.stream(model=MODEL, input="Hi", text_format=City) as stream:
        streamed = await stream.get_final_response()

    assert (parsed.output_parsed, streamed.output_parsed) == (City(name="Paris"), City(name="Paris"))
    assert world.engine.requests[0].answer.json


async def test_citations_and_searches(world: World, client: openai.AsyncOpenAI) -> None:
    """
    A citation marks the text; searches are items for those who asked for them, and a list for all.
    """
    page = "https://a.example/"
    world.engine.says(
        [started(), Sourced(Source(page, "A")), TextPiece("Sky"), Cited(page, "A", 0, 3), finished()]
    )

    plain = await ask(client)
    searched = await ask(client, tools=[{"type": "web_search"}])

    (message,) = plain.output
    assert message.type == "message"
    assert message.content[0].to_dict()["annotations"] == [
        {"type": "url_citation", "url": page, "title": "A", "start_index": 0, "end_index": 3}
    ]
    assert [item.type for item in searched.output] == ["web_search_call", "message"]
    assert (plain.model_extra or {})["search_sources"] == [{"url": page, "title": "A", "type": "web"}]


# --- tools --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        ([call("weather", '{"city":"Rome"}')], ["function_call"]),
        ([call("weather", call_id=f"call_{at}") for at in range(3)], ["function_call"] * 3),
        ([TextPiece("I look."), call("weather")], ["message", "function_call"]),
        ([call("weather"), TextPiece("Done.")], ["function_call", "message"]),
        ([call("shell", "ls -l")], ["custom_tool_call"]),
    ],
    ids=["one", "three at once", "after text", "before text", "custom"],
)
async def test_calls_are_items_beside_the_text(
    world: World, client: openai.AsyncOpenAI, said: Sequence[Event], kinds: list[str]
) -> None:
    """
    Streamed or not, read by the raw stream and by the helper.
    """
    world.engine.says([started()], *([one] for one in said), [Finished(Stop.CALLS)])
    tools: Any = [WEATHER, SHELL]

    whole = await ask(client, tools=tools)
    async with client.responses.stream(model=MODEL, input="Hi", tools=tools) as stream:
        streamed = await stream.get_final_response()

    assert [item.type for item in whole.output] == kinds
    assert [item.type for item in streamed.output] == kinds
    assert len({item.id for item in whole.output}) == len(kinds)
    calls = [one.call for one in said if isinstance(one, Called)]
    heard = [item for item in whole.output if item.type in {"function_call", "custom_tool_call"}]
    assert [
        (one.call_id, one.arguments if one.type == "function_call" else one.input)
        for one in heard
        if one.type in {"function_call", "custom_tool_call"}
    ] == [(one.id, one.arguments) for one in calls]


async def test_arguments_of_a_call_are_streamed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Under the index of the call's own item.
    """
    world.engine.says([started(), TextPiece("I look."), call("weather", '{"city":"Rome"}')], [finished()])

    heard = await events(client, tools=[WEATHER])

    deltas = [one for one in heard if one.type == "response.function_call_arguments.delta"]
    assert [(one.output_index, one.delta) for one in deltas] == [(1, '{"city":"Rome"}')]


async def test_results_of_tools_come_back(world: World, client: openai.AsyncOpenAI) -> None:
    """
    A conversation that carries its own history: text, calls and results, with an image among them.
    """
    await ask(
        client,
        [
            {"role": "user", "content": "Rome?"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "shell", "input": "date"},
            {"type": "function_call_output", "call_id": "c1", "output": "Sunny"},
            {
                "type": "custom_tool_call_output",
                "call_id": "c2",
                "output": [
                    {"type": "input_text", "text": "See:"},
                    {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
                ],
            },
        ],
    )

    _, turn, results = world.engine.requests[0].messages
    assert [type(part).__name__ for part in turn.parts] == ["Thought", "Text", "ToolCall", "ToolCall"]
    assert turn.parts[3] == ToolCall("c2", "shell", "date")
    image = Media(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")
    assert results == Message(
        Role.USER,
        (ToolResult("c1", (Text("Sunny"),)), ToolResult("c2", (Text("See:"), image))),
    )


# --- how it ends --------------------------------------------------------------------------------------------


async def test_a_refusal_is_a_part_of_its_own(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Not text, and not an error.
    """
    world.engine.says([started(), Finished(Stop.REFUSED, refusal="I cannot.")])

    response = await ask(client)
    heard = await events(client)

    (item,) = response.output
    assert item.type == "message"
    assert item.content[0].to_dict() == {"type": "refusal", "refusal": "I cannot."}
    assert response.status == "completed"
    assert "response.refusal.done" in {event.type for event in heard}


async def test_an_answer_that_was_cut_says_so(world: World, client: openai.AsyncOpenAI) -> None:
    """
    As `response.incomplete`, with the reason.
    """
    world.engine.says([started(), TextPiece("Hel")], [Finished(Stop.LENGTH, Usage(7, 3, 0))])

    response = await ask(client)
    heard = await events(client)

    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output[0].to_dict()["status"] == "incomplete"
    assert heard[-1].type == "response.incomplete"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_failure_before_the_answer_is_a_status(
    world: World, client: openai.AsyncOpenAI, stream: bool
) -> None:
    """
    With the time to wait, in the envelope of every OpenAI format.
    """
    world.engine.before = [RateLimited("Slow down.", retry_after=1.2)]

    with pytest.raises(openai.RateLimitError) as caught:
        await client.responses.create(model=MODEL, input="Hi", stream=stream)

    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.response.headers["retry-after"] == "2"


@pytest.mark.parametrize(
    ("error", "code"),
    [(Garbled("It cannot be read."), "server_error"), (RateLimited("Slow down."), "rate_limit_exceeded")],
)
async def test_a_failure_in_mid_stream_is_told_and_raised(
    world: World, client: openai.AsyncOpenAI, error: GrokDeskError, code: str
) -> None:
    """
    `response.failed` has what was said so far; then the official client raises.
    """
    world.engine.says([started()], [TextPiece("Hel")], error)
    heard: list[ResponseStreamEvent] = []

    async def listen() -> None:
        async for event in await client.responses.create(model=MODEL, input="Hi", stream=True):
            heard.append(event)  # noqa: PERF401 - what was heard before the error counts

    with pytest.raises(openai.APIError, match=error.message):
        await listen()

    last = heard[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert (last.response.status, last.response.error.code) == ("failed", code)
    assert last.response.output_text == "Hel"
    kept = await client.responses.retrieve(last.response.id)
    assert kept.status == "failed"
    await world.until_nothing_in_flight()


async def test_leaving_ends_the_run(world: World, http: aiohttp.ClientSession) -> None:
    """
    Upstream is let go when the client closes a stream it has begun to read.
    """
    world.engine.says([started()], [TextPiece("Hel")], asyncio.Event())

    async with http.post("/v1/responses", json={"model": MODEL, "input": "Hi", "stream": True}) as response:
        await response.content.readuntil(b"Hel")
        response.close()

    await world.until_nothing_in_flight()


async def test_nothing_follows_the_last_event(world: World, http: aiohttp.ClientSession) -> None:
    """
    There is no `[DONE]` in this format.
    """
    async with http.post("/v1/responses", json={"model": MODEL, "input": "Hi", "stream": True}) as response:
        body = await response.read()

    assert body.split(b"\n\n")[-2].startswith(b"event: response.completed\n")
    assert body.endswith(b"}\n\n")


# --- continuing ---------------------------------------------------------------------------------------------


async def test_a_conversation_goes_on_from_its_last_answer(world: World, client: openai.AsyncOpenAI) -> None:
    """
    All that was said comes before the new; instructions do not.
    """
    first = await ask(client, "I am Ann.", instructions="Be brief.")
    second = await ask(client, "Who am I?", previous_response_id=first.id, stream=False)
    await ask(client, "Sure?", previous_response_id=second.id, instructions="Be long.")

    assert second.previous_response_id == first.id
    assert world.engine.requests[2].messages == (
        Message(Role.SYSTEM, (Text("Be long."),)),
        Message(Role.USER, (Text("I am Ann."),)),
        Message(Role.ASSISTANT, (Text("Hello"),)),
        Message(Role.USER, (Text("Who am I?"),)),
        Message(Role.ASSISTANT, (Text("Hello"),)),
        Message(Role.USER, (Text("Sure?"),)),
    )


async def test_a_result_of_a_tool_goes_on_from_its_call(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The client sends nothing but the result.
    """
    world.engine.says([started(), call("weather", '{"city":"Rome"}', "call_9")], [Finished(Stop.CALLS)])
    first = await ask(client, "Rome?", tools=[WEATHER])

    result = {"type": "function_call_output", "call_id": "call_9", "output": "Sunny"}
    await ask(client, [result], previous_response_id=first.id, tools=[WEATHER])

    _, turn, results = world.engine.requests[1].messages
    assert turn.parts == (ToolCall("call_9", "weather", '{"city":"Rome"}'),)
    assert results.parts == (ToolResult("call_9", (Text("Sunny"),)),)


async def test_a_stream_can_be_continued_as_soon_as_it_has_ended(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    The answer is kept before its last event is sent.
    """
    async for event in await client.responses.create(model=MODEL, input="Hi", stream=True):
        if event.type == "response.completed":
            await ask(client, "More", previous_response_id=event.response.id)

    assert len(world.engine.requests[1].messages) == 3


@pytest.mark.parametrize("store", [True, False])
async def test_what_is_not_stored_cannot_be_continued(
    world: World, client: openai.AsyncOpenAI, store: bool
) -> None:
    """
    Neither an answer the client did not want stored nor one that never was.
    """
    first = await ask(client, store=False)

    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, "More", previous_response_id="resp_unknown" if store else first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)

    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_an_owner_who_keeps_nothing(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Answers say that they are not stored, and the background is refused with the reason.
    """
    keep(world, 0)

    response = await ask(client)
    with pytest.raises(openai.BadRequestError, match="keep_responses"):
        await ask(client, background=True)

    assert response.to_dict()["store"] is False
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(response.id)


async def test_a_gateway_that_has_nothing_to_keep_with(
    world: World, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    """
    Answers all the same, and knows nothing afterwards.
    """
    bare = Gateway(replace(world.services, conversations=None))
    await bare.start()
    try:
        own = client.with_options(base_url=bare.state.base_url)
        response = await ask(own)
        with pytest.raises(openai.NotFoundError):
            await own.responses.retrieve(response.id)
        with pytest.raises(openai.NotFoundError):
            await ask(own, [{"type": "item_reference", "id": response.output[0].id}])
        with pytest.raises(openai.BadRequestError):
            await ask(own, previous_response_id=response.id)
        with pytest.raises(openai.BadRequestError):
            await ask(own, background=True)
        with pytest.raises(openai.InternalServerError):
            await own.responses.compact(model=MODEL, input="Hi")
    finally:
        await bare.stop(grace_s=0)

    assert response.to_dict()["store"] is False


async def test_an_item_can_be_referred_to(world: World, client: openai.AsyncOpenAI) -> None:
    """
    By its id, whether it was said or answered; an unknown one is named.
    """
    first = await ask(client, "I am Ann.")
    asked = (await client.responses.input_items.list(first.id)).data[0]

    await ask(
        client,
        [
            {"type": "item_reference", "id": asked.id},
            {"id": first.output[0].id},
            {"role": "user", "content": "Who am I?"},
        ],
    )
    with pytest.raises(openai.NotFoundError, match="msg_nowhere_1"):
        await ask(client, [{"type": "item_reference", "id": "msg_nowhere_1"}])

    assert [message.parts[0] for message in world.engine.requests[1].messages] == [
        Text("I am Ann."),
        Text("Hello"),
        Text("Who am I?"),
    ]


async def test_a_result_without_its_call_is_refused(world: World, client: openai.AsyncOpenAI) -> None:
    """
    As OpenAI does, in its words.
    """
    with pytest.raises(openai.BadRequestError, match="No tool call found for function call output") as caught:
        await ask(client, [{"type": "function_call_output", "call_id": "c1", "output": "x"}])

    assert caught.value.param == "input.0.call_id"


# --- kept answers -------------------------------------------------------------------------------------------


async def test_a_kept_answer_is_told_again(world: World, client: openai.AsyncOpenAI) -> None:
    """
    As an object, and as the very stream that it was or would have been.
    """
    world.engine.says([started()], [ThoughtPiece("Hm.")], [TextPiece("Hel")], [TextPiece("lo")], [finished()])
    heard = await events(client)
    last = heard[-1]
    assert last.type == "response.completed"

    kept = await client.responses.retrieve(last.response.id)
    again = [event async for event in await client.responses.retrieve(last.response.id, stream=True)]
    rest = [
        event
        async for event in await client.responses.retrieve(last.response.id, stream=True, starting_after=10)
    ]

    assert kept.to_dict() == last.response.to_dict()
    assert [event.to_dict() for event in again] == [event.to_dict() for event in heard]
    assert [event.to_dict() for event in rest] == [event.to_dict() for event in heard[11:]]


async def test_a_kept_answer_can_be_forgotten(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Once.
    """
    response = await ask(client)

    await client.responses.delete(response.id)

    for gone in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
        with pytest.raises(openai.NotFoundError) as caught:
            await gone(response.id)
        assert caught.value.code == "not_found"


async def test_a_conversation_with_a_forgotten_answer_cannot_go_on(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    Rather than to go on without its beginning.
    """
    first = await ask(client)
    second = await ask(client, previous_response_id=first.id)
    await client.responses.delete(first.id)

    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, previous_response_id=second.id)

    assert caught.value.code == "previous_response_not_found"


async def test_what_an_answer_was_made_from_is_listed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The newest first unless asked otherwise, page by page, with ids and types.
    """
    first = await ask(client, "One")
    second = await ask(
        client,
        [{"role": "user", "content": "Two"}, {"role": "user", "content": "Three"}],
        previous_response_id=first.id,
    )

    oldest = await client.responses.input_items.list(second.id, order="asc", limit=3)
    every = [item async for item in client.responses.input_items.list(second.id, limit=1)]

    assert [item.to_dict()["content"][0]["text"] for item in oldest.data] == ["One", "Hello", "Two"]  # type: ignore[index]
    assert oldest.has_more
    assert [item.to_dict()["content"][0]["text"] for item in every] == ["Three", "Two", "Hello", "One"]  # type: ignore[index]
    assert {item.type for item in every} == {"message"}
    assert len({item.id for item in every}) == 4


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("input_items?limit=0", "limit"),
        ("input_items?limit=many", "limit"),
        ("input_items?order=up", "order"),
        ("?starting_after=x", "starting_after"),
    ],
)
async def test_a_wrong_question_about_a_kept_answer(
    world: World, client: openai.AsyncOpenAI, http: aiohttp.ClientSession, query: str, param: str
) -> None:
    """
    Names the member.
    """
    response = await ask(client)
    path = f"/{query}" if query.startswith("input_items") else query

    async with http.get(f"/v1/responses/{response.id}{path}") as answer:
        told = await answer.json()

    assert (answer.status, told["error"]["param"]) == (400, param)


# --- the background -----------------------------------------------------------------------------------------


async def test_an_answer_in_the_background_is_polled(world: World, client: openai.AsyncOpenAI) -> None:
    """
    It waits, works and ends without its client.
    """
    go_on = asyncio.Event()
    world.engine.says([started()], [TextPiece("Hel")], go_on, [TextPiece("lo"), finished()])

    first = await ask(client, background=True)
    await world.engine.entered.wait()
    await settle()
    during = await client.responses.retrieve(first.id)
    go_on.set()
    ended = await until_ended(client, first.id)

    assert (first.status, during.status, ended.status) == ("queued", "in_progress", "completed")
    assert (first.background, ended.output_text) == (True, "Hello")
    assert ended.to_dict() == (await client.responses.retrieve(first.id)).to_dict()


async def test_an_answer_in_the_background_is_followed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    By whoever comes and goes: nothing is lost, nothing is told twice.
    """
    go_on = asyncio.Event()
    world.engine.says([started()], [TextPiece("Hel")], go_on, [TextPiece("lo"), finished()])

    stream = await client.responses.create(model=MODEL, input="Hi", stream=True, background=True)
    heard: list[ResponseStreamEvent] = []
    async for event in stream:
        heard.append(event)
        if event.type == "response.output_text.delta":
            break
    await stream.close()
    go_on.set()
    created = heard[0]
    assert created.type == "response.created"
    rest = await client.responses.retrieve(
        created.response.id, stream=True, starting_after=heard[-1].sequence_number
    )
    heard += [event async for event in rest]
    again = [event async for event in await client.responses.retrieve(created.response.id, stream=True)]

    assert [event.type for event in heard[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    assert [event.sequence_number for event in heard] == list(range(len(heard)))
    assert heard[-1].type == "response.completed"
    assert [event.to_dict() for event in again] == [event.to_dict() for event in heard]


async def test_an_answer_in_the_background_is_cancelled(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Upstream ends, what was said is kept, and to cancel it again changes nothing.
    """
    world.engine.says([started()], [TextPiece("Hel")], asyncio.Event())
    first = await ask(client, background=True)
    await world.engine.entered.wait()
    await settle()

    cancelled = await client.responses.cancel(first.id)
    again = await client.responses.cancel(first.id)

    await world.until_nothing_in_flight()
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "Hel")
    assert again.to_dict() == cancelled.to_dict()
    heard = [event async for event in await client.responses.retrieve(first.id, stream=True)]
    assert heard[-1].to_dict()["response"] == cancelled.to_dict()


async def test_only_the_background_can_be_cancelled(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Other answers end when their client leaves.
    """
    response = await ask(client)

    with pytest.raises(openai.BadRequestError):
        await client.responses.cancel(response.id)


async def test_a_failure_in_the_background_is_kept(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Also one from before the answer began.
    """
    world.engine.before = [NoAccount("No account is free.", hint="Add an account.")]

    first = await ask(client, background=True)
    ended = await until_ended(client, first.id)

    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error.code, ended.error.message) == (
        "rate_limit_exceeded",
        "No account is free. Add an account.",
    )


async def test_a_fault_of_ours_in_the_background_ends_it_too(
    world: World, client: openai.AsyncOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Whoever waits for the answer does not wait for ever.
    """
    world.engine.says([started()], ValueError("secret"))

    first = await ask(client, background=True)
    ended = await until_ended(client, first.id)

    assert ended.status == "failed"
    assert "secret" not in ended.to_json()
    assert "secret" in caplog.text


async def test_an_answer_that_the_end_of_the_program_ends(
    world: World, client: openai.AsyncOpenAI, supervisor: Supervisor
) -> None:
    """
    Has failed: its client did not want that.
    """
    world.engine.says([started()], asyncio.Event())
    first = await ask(client, background=True)
    await world.engine.entered.wait()

    (task,) = [one for one in asyncio.all_tasks() if one.get_name() == f"response {first.id}"]
    task.cancel()

    ended = await until_ended(client, first.id)
    assert ended.status == "failed"


async def test_an_answer_that_was_interrupted_has_failed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    After a restart nobody works on it any more.
    """
    world.engine.says([started()], asyncio.Event())
    first = await ask(client, background=True)
    await world.engine.entered.wait()
    conversations = world.services.conversations
    assert conversations is not None
    kept = await conversations.get(first.id)
    assert kept is not None
    await client.responses.cancel(first.id)
    conversations.keep(kept)

    after = await client.responses.retrieve(first.id)
    heard = [event async for event in await client.responses.retrieve(first.id, stream=True)]

    assert after.status == "failed"
    assert [event.type for event in heard][-1] == "response.failed"


async def test_deleting_an_answer_in_the_making_ends_it(world: World, client: openai.AsyncOpenAI) -> None:
    """
    And nothing of it comes back.
    """
    world.engine.says([started()], asyncio.Event())
    first = await ask(client, background=True)
    await world.engine.entered.wait()

    await client.responses.delete(first.id)

    await world.until_nothing_in_flight()
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)


async def test_the_background_must_be_stored(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Nobody could come back for the answer otherwise.
    """
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, background=True, store=False)

    assert caught.value.param == "background"


# --- counting and compacting --------------------------------------------------------------------------------


async def test_tokens_are_counted_before_they_are_sent(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Tools and what was said before count too; nothing is asked of the engine.
    """
    first = await ask(client, "One two three")

    bare = await client.responses.input_tokens.count(model=MODEL, input="Hello there")
    tools: Any = [WEATHER]
    more = await client.responses.input_tokens.count(
        model=MODEL, input="Hello there", previous_response_id=first.id, tools=tools
    )

    nameless = await client.responses.input_tokens.count(input="Hello there")

    assert bare.object == "response.input_tokens"
    assert nameless.input_tokens == bare.input_tokens
    assert 0 < bare.input_tokens < more.input_tokens
    assert len(world.engine.requests) == 1


async def test_a_conversation_is_made_short(world: World, client: openai.AsyncOpenAI) -> None:
    """
    What a person said stays; the rest is a summary that only this gateway can read.
    """
    world.engine.says([started(), TextPiece("Ann launches on Tuesday.")], [finished()])
    compacted = await client.responses.compact(
        model=MODEL,
        input=[
            {"role": "user", "content": "We launch on Tuesday."},
            {"role": "assistant", "content": "Understood."},
        ],
    )
    # The official types know no messages of a person here; the official service sends them all the same.
    output = [item.to_dict(warnings=False) for item in compacted.output]

    await ask(client, [*output, {"role": "user", "content": "When?"}])

    assert [item["type"] for item in output] == ["message", "compaction"]
    assert "Tuesday" not in str(output[1])
    assert compacted.usage.total_tokens == 10
    said = [message.parts[0] for message in world.engine.requests[1].messages]
    assert said[0] == Text("We launch on Tuesday.")
    assert isinstance(said[1], Text)
    assert said[1].text.endswith("Ann launches on Tuesday.")
    assert said[2] == Text("When?")


@pytest.mark.parametrize(
    ("steps", "raised"),
    [
        ([[started(), Finished(Stop.REFUSED, refusal="I cannot.")]], openai.BadRequestError),
        ([[started(), TextPiece(" "), finished()]], openai.InternalServerError),
    ],
    ids=["refused", "empty"],
)
async def test_a_summary_that_cannot_be_made(
    world: World, client: openai.AsyncOpenAI, steps: list[Step], raised: type[openai.APIStatusError]
) -> None:
    """
    Is a failure, not an empty conversation.
    """
    world.engine.says(*steps)

    with pytest.raises(raised):
        await client.responses.compact(model=MODEL, input="Hi")


async def test_nothing_cannot_be_made_short(world: World, client: openai.AsyncOpenAI) -> None:
    """
    And nobody is asked to.
    """
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.compact(model=MODEL)

    assert (caught.value.param, world.engine.requests) == ("input", [])


async def test_a_summary_from_elsewhere_is_refused(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Whoever sends one that was changed hears so.
    """
    with pytest.raises(openai.BadRequestError, match="was not made by this gateway"):
        await ask(client, [{"type": "compaction", "encrypted_content": "AAAA"}])


# --- mistakes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": MODEL}, "input", "invalid_value"),
        ({"model": MODEL, "input": []}, "input", "invalid_value"),
        ({"input": "Hi"}, "model", "invalid_value"),
        ({"model": MODEL, "input": 5}, "input", "invalid_value"),
        ({"model": MODEL, "input": [{"role": "wizard", "content": "x"}]}, "input.0.role", "invalid_value"),
        ({"model": MODEL, "input": [{"type": "telepathy"}]}, "input.0.type", "invalid_value"),
        ({"model": MODEL, "input": "Hi", "conversation": "conv_1"}, "conversation", "unsupported"),
        ({"model": MODEL, "input": "Hi", "prompt": {"id": "p"}}, "prompt", "unsupported"),
        ({"model": MODEL, "input": "Hi", "tools": [{"type": "file_search"}]}, "tools.0.type", "unsupported"),
        ({"model": MODEL, "input": "Hi", "tool_choice": "required"}, "tool_choice", "invalid_value"),
    ],
)
async def test_a_wrong_member_is_named(
    world: World, http: aiohttp.ClientSession, body: dict[str, object], param: str, code: str
) -> None:
    """
    With its path; the engine is not troubled.
    """
    async with http.post("/v1/responses", json=body) as response:
        told = await response.json()

    assert response.status == 400
    assert (told["error"]["param"], told["error"]["code"]) == (param, code)
    assert world.engine.requests == []


async def test_an_unknown_model_is_not_found(world: World, client: openai.AsyncOpenAI) -> None:
    """
    For every call that names one.
    """
    for answer in (
        client.responses.create(model="gpt-9", input="Hi"),
        client.responses.compact(model="gpt-9", input="Hi"),
        client.responses.input_tokens.count(model="gpt-9", input="Hi"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            await answer
        assert caught.value.code == "model_not_found"


async def test_the_address_of_the_socket_says_so_over_http(world: World, http: aiohttp.ClientSession) -> None:
    """
    There is no list of responses.
    """
    async with http.get("/v1/responses") as response:
        told = orjson.loads(await response.read())

    assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert told["error"]["type"] == "invalid_request_error"
