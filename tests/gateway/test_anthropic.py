"""Messages over real sockets with Anthropic's official client; the engine follows a script."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import anthropic
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import BaseModel

from grokdesk.core.catalog import MODELS
from grokdesk.core.conversation import (
    AnswerForm,
    Limits,
    Media,
    Role,
    Text,
    Thinking,
    Thought,
    ToolCall,
    ToolResult,
)
from grokdesk.core.conversation import Message as Said
from grokdesk.core.errors import (
    Challenged,
    Garbled,
    GrokDeskError,
    NoAccount,
    Overloaded,
    RateLimited,
    UpstreamTimeout,
)
from grokdesk.core.events import Called, Cited, Finished, Stop, TextPiece, ThoughtPiece, Usage
from grokdesk.core.tools import Must, Tool, ToolChoice
from tests.gateway.conftest import World
from tests.gateway.fakes import KEY, finished, settle, started

ASK: dict[str, Any] = {
    "model": "grok-4.20-fast",
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Hi"}],
}
WEATHER: Any = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
PICTURE = b"\x89PNG\r\n"


@pytest.fixture
async def client(world: World) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The official client, configured as a person would."""
    async with anthropic.AsyncAnthropic(base_url=world.root, api_key=KEY, max_retries=0) as client:
        yield client


def call(number: int, city: str) -> Called:
    return Called(ToolCall(f"call_{number}", "get_weather", f'{{"city": "{city}"}}'))


async def answers(client: anthropic.AsyncAnthropic, **changes: object) -> list[Message]:
    """The same answer, whole and streamed."""
    wanted: Any = {**ASK, **changes}
    whole = await client.messages.create(**wanted)
    async with client.messages.stream(**wanted) as stream:
        return [whole, await stream.get_final_message()]


async def events(client: anthropic.AsyncAnthropic, **changes: object) -> list[RawMessageStreamEvent]:
    wanted: Any = {**ASK, "stream": True, **changes}
    stream = await client.messages.create(**wanted)
    return [event async for event in stream]


def blocks(message: Message) -> list[tuple[str, object]]:
    """What a message is made of, without signatures."""
    members = {"text": "text", "thinking": "thinking", "tool_use": "input"}
    return [(block.type, getattr(block, members[block.type])) for block in message.content]


async def test_an_answer_is_one_message(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Whole or streamed, the client has the same in the end.
    """
    whole, streamed = await answers(client)

    for message in (whole, streamed):
        assert blocks(message) == [("text", "Hello")]
        assert (message.role, message.stop_reason, message.model) == (
            "assistant",
            "end_turn",
            "grok-4.20-fast",
        )
        assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 3)
        assert message.usage.cache_read_input_tokens == 0
        assert message.id.startswith("msg_")
    assert (whole._request_id or "").startswith("req_")  # noqa: SLF001 - where the client documents it


async def test_the_engine_hears_what_was_asked(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    In neutral words, under the name of the key.
    """
    wanted = {
        **ASK,
        "system": [{"type": "text", "text": "Be brief."}],
        "stop_sequences": ["END"],
        "thinking": {"type": "disabled"},
        "tools": [WEATHER, {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    }

    await client.messages.create(**wanted)

    (request,) = world.engine.requests
    assert request.messages == (Said(Role.SYSTEM, (Text("Be brief."),)), Said(Role.USER, (Text("Hi"),)))
    assert request.limits == Limits(1024, ("END",))
    assert request.thinking is Thinking.HIDDEN
    assert request.tools == (
        Tool(
            "get_weather",
            "Tells the weather.",
            '{"type":"object","properties":{"city":{"type":"string"}}}',
        ),
    )
    assert request.tool_choice == ToolChoice(Must.CALL, parallel=False)
    assert world.engine.clients == ["Editor"]


async def test_a_stream_arrives_piece_by_piece(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Begun at once with an estimate of the prompt, ended with what it has cost.
    """
    world.engine.says([started()], [TextPiece("Hel"), TextPiece("lo")], [finished()])

    heard = await events(client)

    assert [event.type for event in heard] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert heard[0].type == "message_start"
    assert heard[0].message.usage.input_tokens > 0


async def test_thinking_comes_back_as_it_was_sent(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    A client returns the block with its signature, and the engine has both.
    """
    world.engine.says([started(), ThoughtPiece("Hm"), ThoughtPiece("."), TextPiece("Yes"), finished()])

    whole, streamed = await answers(client, thinking={"type": "adaptive"})
    await client.messages.create(
        **{**ASK, "messages": [*ASK["messages"], streamed.to_param(), {"role": "user", "content": "Why?"}]}
    )

    assert blocks(whole) == blocks(streamed) == [("thinking", "Hm."), ("text", "Yes")]
    thought, text = world.engine.requests[-1].messages[1].parts
    assert isinstance(thought, Thought)
    assert (thought.text, text) == ("Hm.", Text("Yes"))
    assert thought.seal
    assert [request.thinking for request in world.engine.requests[:2]] == [Thinking.SHOWN] * 2


async def test_one_tool(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    A call and nothing else.
    """
    world.engine.says([started()], [call(1, "Wien"), Finished(Stop.CALLS)])

    for message in await answers(client, tools=[WEATHER]):
        (block,) = message.content
        assert block.type == "tool_use"
        assert (block.id, block.name, block.input) == ("toolu_1", "get_weather", {"city": "Wien"})
        assert message.stop_reason == "tool_use"


async def test_three_tools_at_once_after_text(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Each in a block of its own, with a number of its own and its arguments.
    """
    cities = ["Wien", "北京", "São Paulo"]
    calls = [call(number, city) for number, city in enumerate(cities)]
    world.engine.says([started(), TextPiece("I look.")], calls, [Finished(Stop.CALLS)])

    heard = await events(client, tools=[WEATHER])

    for message in await answers(client, tools=[WEATHER]):
        assert blocks(message) == [("text", "I look.")] + [("tool_use", {"city": city}) for city in cities]
    opened = [event.index for event in heard if event.type == "content_block_start"]
    closed = [event.index for event in heard if event.type == "content_block_stop"]
    assert opened == closed == [0, 1, 2, 3]


async def test_a_tool_can_be_forced(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    By name.
    """
    wanted = {**ASK, "tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_weather"}}

    await client.messages.create(**wanted)

    assert world.engine.requests[0].tool_choice == ToolChoice(Must.CALL, ("get_weather",))


async def test_results_may_have_pictures(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    They name the call as the engine does, and what the person adds stays beside them.
    """
    world.engine.says([started(), call(1, "Wien"), Finished(Stop.CALLS)])
    message = await client.messages.create(**ASK, tools=[WEATHER])
    image = {
        "type": "image",
        "source": {
            "type": "base64",
            "media_type": "image/png",
            "data": base64.b64encode(PICTURE).decode(),
        },
    }
    results = [
        {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": "Sun"}, image],
        },
        {"type": "tool_result", "tool_use_id": "toolu_2", "content": "No such city.", "is_error": True},
        {"type": "text", "text": "And tomorrow?"},
    ]

    history = [*ASK["messages"], message.to_param(), {"role": "user", "content": results}]
    await client.messages.create(**{**ASK, "messages": history}, tools=[WEATHER])

    assert world.engine.requests[-1].messages[1:] == (
        Said(Role.ASSISTANT, (ToolCall("call_1", "get_weather", '{"city":"Wien"}'),)),
        Said(
            Role.USER,
            (
                ToolResult("call_1", (Text("Sun"), Media(data=PICTURE, media_type="image/png"))),
                ToolResult("call_2", (Text("No such city."),), is_error=True),
                Text("And tomorrow?"),
            ),
        ),
    )


class Place(BaseModel):
    """What a structured answer is made into."""

    city: str


async def test_an_answer_may_have_a_form(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    The client hands over a class and gets an object.
    """
    world.engine.says([started(), TextPiece('{"city":'), TextPiece(' "Wien"}'), finished()])

    message = await client.messages.parse(**ASK, output_format=Place)
    async with client.messages.stream(**ASK, output_format=Place) as stream:
        streamed = await stream.get_final_message()

    assert message.parsed_output == streamed.parsed_output == Place(city="Wien")
    form = world.engine.requests[0].answer
    assert isinstance(form, AnswerForm)
    assert form.json
    assert '"city"' in form.schema


async def test_a_refusal_has_a_reason(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    For programs and for people.
    """
    world.engine.says([started(), Finished(Stop.REFUSED, refusal="I cannot do that.")])

    for message in await answers(client):
        assert message.stop_reason == "refusal"
        assert message.stop_details is not None
        assert message.stop_details.explanation == "I cannot do that."
        assert blocks(message) == [("text", "I cannot do that.")]


@pytest.mark.parametrize(
    ("end", "reason", "sequence"),
    [
        (Finished(Stop.LENGTH), "max_tokens", None),
        (Finished(Stop.STOP_SEQUENCE, stop_sequence="END"), "stop_sequence", "END"),
    ],
)
async def test_the_client_hears_why_the_answer_ended(
    world: World, client: anthropic.AsyncAnthropic, end: Finished, reason: str, sequence: str | None
) -> None:
    """
    With the sequence that was met.
    """
    world.engine.says([started(), TextPiece("a"), end])

    for message in await answers(client):
        assert (message.stop_reason, message.stop_sequence) == (reason, sequence)


async def test_citations_belong_to_the_text(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    As results of a web search.
    """
    cited = Cited("https://a.example", "A", 0, 4)
    world.engine.says([started(), TextPiece("Blue"), cited, TextPiece("."), finished()])

    for message in await answers(client):
        (block,) = message.content
        assert block.type == "text"
        assert block.citations is not None
        (citation,) = block.citations
        assert citation.type == "web_search_result_location"
        assert citation.url == "https://a.example"
        assert citation.title == "A"


async def test_the_helper_hears_every_piece(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Its own events, as programs written against it use them.
    """
    world.engine.says(
        [started(), ThoughtPiece("Hm"), TextPiece("a"), TextPiece("b"), call(1, "Wien"), Finished(Stop.CALLS)]
    )

    async with client.messages.stream(**ASK, tools=[WEATHER]) as stream:
        heard = [event async for event in stream]

    assert [event.text for event in heard if event.type == "text"] == ["a", "b"]
    assert [event.thinking for event in heard if event.type == "thinking"] == ["Hm"]
    assert [event.snapshot for event in heard if event.type == "input_json"] == [{"city": "Wien"}]
    assert len([event for event in heard if event.type == "signature"]) == 1


# --- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (NoAccount("No account is free."), anthropic.RateLimitError, "rate_limit_error"),
        (RateLimited("Slow down."), anthropic.RateLimitError, "rate_limit_error"),
        (Overloaded("Busy."), anthropic.OverloadedError, "overloaded_error"),
        (Challenged("Stopped."), anthropic.OverloadedError, "overloaded_error"),
        (UpstreamTimeout("Too slow."), anthropic.InternalServerError, "timeout_error"),
        (Garbled("Nonsense."), anthropic.InternalServerError, "api_error"),
    ],
)
async def test_a_failure_before_the_answer_is_a_status(
    world: World,
    client: anthropic.AsyncAnthropic,
    error: GrokDeskError,
    raised: type[anthropic.APIStatusError],
    kind: str,
    stream: bool,
) -> None:
    """
    The official client raises what its documentation says, also for a stream.
    """
    world.engine.before = [error]

    with pytest.raises(raised) as caught:
        await client.messages.create(**ASK, stream=stream)

    assert caught.value.type == kind
    assert caught.value.api_message == error.message
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["request_id"] == caught.value.request_id


async def test_a_client_learns_when_to_come_back(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    In the headers it looks at before it tries again.
    """
    world.engine.before = [NoAccount("No account is free.", retry_after=1.2)]

    with pytest.raises(anthropic.RateLimitError) as caught:
        await client.messages.create(**ASK)

    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("2", "1200")


async def test_a_failure_inside_the_answer_is_raised(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    After what was said before it.
    """
    world.engine.says([started(), TextPiece("Hel")], Overloaded("Busy.", hint="Try again."))
    heard: list[str] = []

    async def listen() -> None:
        async with client.messages.stream(**ASK) as stream:
            async for text in stream.text_stream:
                heard.append(text)  # noqa: PERF401 - what was heard before the failure counts

    with pytest.raises(anthropic.APIStatusError) as caught:
        await listen()

    assert heard == ["Hel"]
    assert (caught.value.type, caught.value.api_message) == ("overloaded_error", "Busy. Try again.")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["request_id"] == caught.value.request_id


async def test_a_wrong_key_is_an_authentication_error(world: World) -> None:
    """
    In Anthropic's envelope.
    """
    async with anthropic.AsyncAnthropic(base_url=world.root, api_key="wrong") as client:
        for asking in (
            client.messages.create(**ASK),
            client.messages.count_tokens(model=ASK["model"], messages=ASK["messages"]),
            client.models.retrieve("grok-4.20-fast"),
        ):
            with pytest.raises(anthropic.AuthenticationError) as caught:
                await asking
            assert caught.value.type == "authentication_error"
            assert isinstance(caught.value.body, dict)
            assert caught.value.body["type"] == "error"


async def test_an_unknown_model_names_the_way_to_the_list(
    world: World, client: anthropic.AsyncAnthropic
) -> None:
    """
    For agents that come with the names of another house.
    """
    asked = {**ASK, "model": "claude-sonnet-5"}

    with pytest.raises(anthropic.NotFoundError, match="GET /v1/models") as caught:
        await client.messages.create(**asked)

    assert caught.value.type == "not_found_error"
    assert not world.engine.requests


async def test_a_wrong_body_is_refused(world: World, http: aiohttp.ClientSession) -> None:
    """
    With the name of the member, and the advice not to try again.
    """
    body = {"model": "grok-4.20-fast", "messages": ASK["messages"]}

    async with http.post("/v1/messages", json=body) as response:
        told = await response.json()

    assert response.status == 400
    assert told["error"] == {"type": "invalid_request_error", "message": "'max_tokens' is required."}
    assert told["request_id"] == response.headers["request-id"]
    assert response.headers["x-should-retry"] == "false"


async def test_a_body_that_is_too_large_is_refused(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Whether it is to be answered or counted.
    """
    world.set_gateway(max_body_mb=1)
    messages: Any = [{"role": "user", "content": "x" * 2_000_000}]

    with pytest.raises(anthropic.APIStatusError) as answered:
        await client.messages.create(**{**ASK, "messages": messages})
    with pytest.raises(anthropic.APIStatusError) as counted:
        await client.messages.count_tokens(model="grok-4.20-fast", messages=messages)

    for caught in (answered, counted):
        assert (caught.value.status_code, caught.value.type) == (413, "request_too_large")


async def test_silence_is_filled_with_pings(world: World, http: aiohttp.ClientSession) -> None:
    """
    Which the official client passes over.
    """
    go_on = asyncio.Event()
    world.engine.says([started()], go_on, [TextPiece("a"), finished()])

    async with http.post("/v1/messages", json={**ASK, "stream": True}) as response:
        await response.content.readuntil(b"\n\n")
        world.deadlines.advance(world.settings.now.gateway.heartbeat_s)
        await settle()
        go_on.set()
        rest = await response.text()

    assert rest.startswith('event: ping\ndata: {"type":"ping"}\n\nevent: content_block_start\n')
    assert rest.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')


# --- what else clients ask ----------------------------------------------------------------------------------


async def test_tokens_are_counted_before_anything_is_sent(
    world: World, client: anthropic.AsyncAnthropic
) -> None:
    """
    System, messages and tools; the engine hears nothing of it.
    """
    few = await client.messages.count_tokens(model="grok-4.20-fast", messages=ASK["messages"])
    more = await client.messages.count_tokens(
        model="grok-4.20-fast", messages=ASK["messages"], system="Be brief.", tools=[WEATHER]
    )

    assert 0 < few.input_tokens < more.input_tokens
    assert not world.engine.requests


async def test_a_long_prompt_is_counted_too(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Without holding up anybody.
    """
    messages: Any = [{"role": "user", "content": "word " * 100_000}]

    count = await client.messages.count_tokens(model="grok-4.20-fast", messages=messages)

    assert 90_000 < count.input_tokens < 110_000


async def test_counting_for_an_unknown_model_is_refused(
    world: World, client: anthropic.AsyncAnthropic
) -> None:
    """
    As asking it would be.
    """
    with pytest.raises(anthropic.NotFoundError):
        await client.messages.count_tokens(model="claude-haiku-4-5", messages=ASK["messages"])


async def test_models_are_listed_page_by_page(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    In the form this client understands, in both directions.
    """
    names = [model.name for model in MODELS]

    page = await client.models.list(limit=4)
    listed = [model async for model in client.models.list(limit=4)]
    before = await client.models.list(limit=3, before_id=names[4])

    assert [model.id for model in page.data] == names[:4]
    assert page.has_more
    assert [model.id for model in listed] == names
    assert [model.display_name for model in listed] == [model.title for model in MODELS]
    assert [int(model.created_at.timestamp()) for model in listed] == [model.created for model in MODELS]
    assert [model.id for model in before.data] == names[1:4]


async def test_a_model_is_described(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    By its id; an unknown one is not found.
    """
    model = await client.models.retrieve("grok-4.20-fast")

    assert (model.id, model.type, model.lifecycle) == ("grok-4.20-fast", "model", "active")
    with pytest.raises(anthropic.NotFoundError) as caught:
        await client.models.retrieve("claude-opus-4-5")
    assert caught.value.type == "not_found_error"


async def test_the_beta_client_is_answered_too(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    Whatever betas it names.
    """
    message = await client.beta.messages.create(**ASK, betas=["context-1m-2025-08-07"])

    assert [block.type for block in message.content] == ["text"]


async def test_usage_is_cumulative_in_the_end(world: World, client: anthropic.AsyncAnthropic) -> None:
    """
    With the thinking in it.
    """
    world.engine.says([started(), ThoughtPiece("x"), TextPiece("y"), Finished(usage=Usage(7, 3, 2))])

    for message in await answers(client):
        assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 5)
        assert message.usage.output_tokens_details is not None
        assert message.usage.output_tokens_details.thinking_tokens == 2
