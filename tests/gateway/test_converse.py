"""Conversations over real sockets with the official client; the engine follows a script."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import openai
import orjson
import pytest
from openai.types.chat import ChatCompletionChunk

from grokdesk.core.conversation import Limits, Media, Message, Role, Text, Thinking
from grokdesk.core.errors import Challenged, Garbled, GrokDeskError, NoAccount, RateLimited, UpstreamTimeout
from grokdesk.core.events import Finished, Source, Sourced, Stop, TextPiece, ThoughtPiece, Usage
from grokdesk.core.runs import LONGEST_TALK
from grokdesk.core.settings import PrivacySettings
from tests.gateway.conftest import World
from tests.gateway.fakes import CREATED, KEY, Step, finished, settle, started

ASK: dict[str, Any] = {"model": "grok-4.20-fast", "messages": [{"role": "user", "content": "Hi"}]}


async def chunks(client: openai.AsyncOpenAI, **changes: object) -> list[ChatCompletionChunk]:
    wanted: Any = {**ASK, "stream": True, **changes}
    stream = await client.chat.completions.create(**wanted)
    return [chunk async for chunk in stream]


def text(heard: list[ChatCompletionChunk], choice: int = 0) -> str:
    deltas = [one.delta for chunk in heard for one in chunk.choices if one.index == choice]
    return "".join(delta.content or "" for delta in deltas)


async def test_an_answer_is_one_completion(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Without `stream` the client receives the folded run as JSON.
    """
    completion = await client.chat.completions.create(**ASK)

    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("Hello", "stop")
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (7, 10)
    assert completion.id.startswith("chatcmpl-")
    assert completion.created == CREATED


@pytest.mark.parametrize("stream", [False, True])
async def test_the_engine_hears_how_a_request_came(
    world: World, client: openai.AsyncOpenAI, stream: bool
) -> None:
    """
    Its format, whether it is streamed, the id that its client is told; what it wrote only if that is kept.
    """
    answer = await client.chat.completions.with_raw_response.create(**ASK, stream=stream)
    now = world.settings.now
    world.settings.set(now.model_copy(update={"privacy": PrivacySettings(keep_prompts=True)}))
    await client.chat.completions.with_raw_response.create(**ASK, stream=stream)

    first, second = world.engine.callers
    assert (first.dialect, first.stream) == ("chat", stream)
    assert first.request_id == answer.headers["x-request-id"]
    assert (first.body, b'"Hi"' in second.body) == (b"", True)


async def test_of_a_long_request_no_more_is_held_than_is_kept(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    It may have pictures in it, and an answer may take minutes.
    """
    now = world.settings.now
    world.settings.set(now.model_copy(update={"privacy": PrivacySettings(keep_prompts=True)}))
    long = "x" * (LONGEST_TALK + 5_000)

    await client.chat.completions.create(model=ASK["model"], messages=[{"role": "user", "content": long}])

    assert len(world.engine.callers[0].body) == LONGEST_TALK + 1


async def test_the_engine_hears_what_was_asked_and_by_whom(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The request arrives in neutral words, under the name of the key.
    """
    await client.chat.completions.create(**ASK, stop=["END"], max_tokens=9, reasoning_effort="low")

    (request,) = world.engine.requests
    assert request.messages == (Message(Role.USER, (Text("Hi"),)),)
    assert request.limits == Limits(9, ("END",))
    assert request.thinking is Thinking.SHOWN
    assert world.engine.clients == ["Editor"]


async def test_a_stream_arrives_piece_by_piece(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The first chunk names the role, the last the reason; the pieces between are the answer.
    """
    world.engine.says([started()], [TextPiece("Hel"), TextPiece("lo")], [finished()])

    heard = await chunks(client)

    assert heard[0].choices[0].delta.role == "assistant"
    assert text(heard) == "Hello"
    assert [chunk.choices[0].finish_reason for chunk in heard] == [None, None, None, "stop"]
    assert {chunk.created for chunk in heard} == {CREATED}
    assert len({chunk.id for chunk in heard}) == 1


async def test_thinking_is_apart_from_the_answer(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Thinking travels as `reasoning_content`, streamed or not.
    """
    world.engine.says([started(), ThoughtPiece("Hm."), TextPiece("Yes"), finished()])

    heard = await chunks(client)
    completion = await client.chat.completions.create(**ASK)

    assert [chunk.choices[0].delta.model_extra for chunk in heard][1] == {"reasoning_content": "Hm."}
    assert text(heard) == "Yes"
    assert completion.choices[0].message.model_extra == {"reasoning_content": "Hm."}


@pytest.mark.parametrize(
    ("stop", "reason"), [(Stop.DONE, "stop"), (Stop.STOP_SEQUENCE, "stop"), (Stop.LENGTH, "length")]
)
async def test_the_client_hears_why_the_answer_ended(
    world: World, client: openai.AsyncOpenAI, stop: Stop, reason: str
) -> None:
    """
    A stop sequence is a stop, the limit of tokens a length.
    """
    world.engine.says([started(), TextPiece("a"), Finished(stop)])

    heard = await chunks(client)
    completion = await client.chat.completions.create(**ASK)

    assert heard[-1].choices[0].finish_reason == reason
    assert completion.choices[0].finish_reason == reason


async def test_usage_comes_last_when_it_was_asked_for(world: World, client: openai.AsyncOpenAI) -> None:
    """
    One more chunk without choices carries it.
    """
    world.engine.says([started(), ThoughtPiece("x"), TextPiece("y"), Finished(usage=Usage(7, 3, 2))])

    heard = await chunks(client, stream_options={"include_usage": True})

    assert heard[-1].choices == []
    assert [chunk.usage for chunk in heard[:-1]] == [None] * 4
    usage = heard[-1].usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert (usage.total_tokens, usage.completion_tokens_details.reasoning_tokens) == (12, 2)


async def test_several_choices_are_several_runs(world: World, client: openai.AsyncOpenAI) -> None:
    """
    `n` asks the engine as often, and the answers stay apart.
    """
    world.engine.per_run = lambda number: ([], [[started()], [TextPiece(f"answer {number}")], [finished()]])

    heard = await chunks(client, n=2)
    completion = await client.chat.completions.create(**ASK, n=2)

    assert {text(heard, 0), text(heard, 1)} == {"answer 0", "answer 1"}
    assert {one.message.content for one in completion.choices} == {"answer 2", "answer 3"}
    assert [one.index for one in completion.choices] == [0, 1]
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (7, 6)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_choice_that_cannot_begin_is_a_status(
    world: World, client: openai.AsyncOpenAI, stream: bool
) -> None:
    """
    Nothing is promised before all choices have begun; those that had are ended.
    """
    forever = asyncio.Event()
    world.engine.per_run = lambda number: (
        ([NoAccount("No account is free.")], []) if number else ([], [[started()], forever])
    )

    with pytest.raises(openai.RateLimitError):
        await client.chat.completions.create(**ASK, n=2, stream=stream)

    await world.until_nothing_in_flight()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error", "raised", "code"),
    [
        (NoAccount("No account is free.", retry_after=1.2), openai.RateLimitError, "no_account"),
        (RateLimited("Slow down.", retry_after=1.2), openai.RateLimitError, "rate_limit_exceeded"),
    ],
)
async def test_a_client_learns_when_to_come_back(
    world: World,
    client: openai.AsyncOpenAI,
    error: GrokDeskError,
    raised: type[openai.APIStatusError],
    code: str,
    stream: bool,
) -> None:
    """
    A failure before the answer is a real status with the time to wait, also for a stream.
    """
    world.engine.before = [error]

    with pytest.raises(raised) as caught:
        await client.chat.completions.create(**ASK, stream=stream)

    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("2", "1200")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("error", "status"),
    [(Challenged("Stopped."), 503), (Garbled("Nonsense."), 502), (UpstreamTimeout("Too slow."), 504)],
)
async def test_upstream_trouble_is_a_server_error(
    world: World, client: openai.AsyncOpenAI, error: GrokDeskError, status: int
) -> None:
    """
    The official client raises its error for a broken server.
    """
    world.engine.before = [error]

    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(**ASK)

    assert caught.value.status_code == status


async def test_the_message_says_what_to_do(world: World, client: openai.AsyncOpenAI) -> None:
    """
    A hint follows the message; what is only for the log does not travel.
    """
    world.engine.before = [NoAccount("No account is free.", hint="Add an account.", detail="seats=0")]

    with pytest.raises(openai.RateLimitError) as caught:
        await client.chat.completions.create(**ASK)

    assert caught.value.body == {
        "message": "No account is free. Add an account.",
        "type": "rate_limit_error",
        "code": "no_account",
        "param": None,
    }


@pytest.mark.parametrize("n", [1, 2])
async def test_a_failure_in_mid_stream_is_raised_by_the_client(
    world: World, client: openai.AsyncOpenAI, n: int
) -> None:
    """
    What came before it was delivered; the stream does not look complete.
    """
    world.engine.says([started()], [TextPiece("Hel")], Garbled("Grok's answer cannot be read."))
    heard: list[ChatCompletionChunk] = []

    async def listen() -> None:
        async for chunk in await client.chat.completions.create(**ASK, n=n, stream=True):
            heard.append(chunk)  # noqa: PERF401 - what was heard before the error counts

    with pytest.raises(openai.APIError, match="cannot be read"):
        await listen()

    assert text(heard) == "Hel"
    await world.until_nothing_in_flight()


async def test_a_fault_of_ours_is_told_without_its_text(
    world: World, client: openai.AsyncOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The client gets the id to look for, the log gets the traceback, once.
    """
    world.engine.before = [ValueError("the account's cookie is abc")]

    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(**ASK)

    assert caught.value.code == "internal_error"
    assert "abc" not in caught.value.message
    assert str(caught.value.request_id) in caught.value.message
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


async def test_a_fault_of_ours_in_mid_stream_is_told_too(
    world: World, client: openai.AsyncOpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A stream never just ends.
    """
    world.engine.says([started()], ValueError("secret"))

    with pytest.raises(openai.APIError, match="GrokDesk failed"):
        await chunks(client)

    assert "secret" in caplog.text


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_before_the_first_byte_ends_the_run(
    world: World, http: aiohttp.ClientSession, stream: bool, n: int
) -> None:
    """
    Upstream is let go when the client goes, although nothing was sent yet.
    """
    world.engine.before = [asyncio.Event()]
    body = {**ASK, "stream": stream, "n": n}

    request = asyncio.get_running_loop().create_task(http.post("/v1/chat/completions", json=body))
    await world.engine.entered.wait()

    request.cancel()

    await world.until_nothing_in_flight()


@pytest.mark.parametrize("n", [1, 3])
async def test_leaving_in_mid_stream_ends_the_run(world: World, http: aiohttp.ClientSession, n: int) -> None:
    """
    Upstream is let go when the client closes a stream it has begun to read.
    """
    world.engine.says([started()], [TextPiece("Hel")], asyncio.Event())

    async with http.post("/v1/chat/completions", json={**ASK, "stream": True, "n": n}) as response:
        await response.content.readuntil(b"Hel")
        response.close()

    await world.until_nothing_in_flight()


async def test_leaving_an_answer_that_is_not_streamed_ends_the_run(
    world: World, http: aiohttp.ClientSession
) -> None:
    """
    A run that nobody waits for costs nothing more.
    """
    world.engine.says([started()], [TextPiece("Hel")], asyncio.Event())
    request = asyncio.get_running_loop().create_task(http.post("/v1/chat/completions", json=ASK))
    await world.engine.entered.wait()

    request.cancel()

    await world.until_nothing_in_flight()


async def test_silence_is_filled_with_heartbeats(world: World, http: aiohttp.ClientSession) -> None:
    """
    From the moment the run has begun, every ten silent seconds bring a comment; talk delays it.
    """
    go_on = asyncio.Event()
    world.engine.says(go_on, [started(), TextPiece("Hi")], [finished()])

    async with http.post("/v1/chat/completions", json={**ASK, "stream": True}) as response:
        world.deadlines.advance(9.9)
        world.deadlines.advance(0.2)
        first = await response.content.readuntil(b"\n\n")
        world.deadlines.advance(10.1)
        second = await response.content.readuntil(b"\n\n")
        go_on.set()
        rest = await response.content.read()

    assert first == second == b": heartbeat\n\n"
    assert b"heartbeat" not in rest
    assert rest.endswith(b"data: [DONE]\n\n")
    assert world.deadlines.armed == set()


async def test_heartbeats_do_not_disturb_the_official_client(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    Comments are skipped by every reader of server-sent events.
    """
    go_on = asyncio.Event()
    world.engine.says([started()], go_on, [TextPiece("Hi"), finished()])

    stream = await client.chat.completions.create(**ASK, stream=True)
    world.deadlines.advance(10)
    go_on.set()

    assert text([chunk async for chunk in stream]) == "Hi"


async def test_a_stream_says_what_it_is(world: World, http: aiohttp.ClientSession) -> None:
    """
    Nobody on the way may keep or collect it.
    """
    async with http.post("/v1/chat/completions", json={**ASK, "stream": True}) as response:
        body = await response.read()

    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert body.endswith(b"data: [DONE]\n\n")


async def test_the_helper_of_the_official_client_reads_the_stream(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    `stream()` adds the chunks up to the same completion.
    """
    world.engine.says([started()], [TextPiece("Hel")], [TextPiece("lo")], [finished()])

    async with client.chat.completions.stream(**ASK) as stream:
        completion = await stream.get_final_completion()

    assert completion.choices[0].message.content == "Hello"
    assert completion.choices[0].finish_reason == "stop"


async def test_two_hundred_clients_are_served_at_once(world: World, client: openai.AsyncOpenAI) -> None:
    """
    All are in flight together, and each hears its own answer.
    """
    together = 200
    go_on = asyncio.Event()

    def script(number: int) -> tuple[list[Step], list[Step]]:
        if number == together - 1:
            go_on.set()
        return [], [[started()], go_on, [TextPiece(f"<{number}>")], [finished()]]

    world.engine.per_run = script

    answers = await asyncio.gather(*(chunks(client) for _ in range(together)))

    assert {text(heard) for heard in answers} == {f"<{number}>" for number in range(together)}
    assert world.engine.in_flight == 0


async def test_an_unknown_model_is_not_found(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The engine is not troubled with it.
    """
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(**{**ASK, "model": "gpt-9"})

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert world.engine.requests == []


async def test_a_wrong_field_is_named(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The official client raises `BadRequestError` with the path of the field.
    """
    wrong: Any = [{"role": "wizard", "content": "Hi"}]

    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model="grok-4.20-fast", messages=wrong)

    assert (caught.value.param, caught.value.code) == ("messages.0.role", "invalid_value")
    assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("body", [b"", b"   ", b"{", b"[]", b"nonsense", b"\xff\xfe", b"null"])
async def test_a_body_that_is_no_json_object_is_refused(
    world: World, http: aiohttp.ClientSession, body: bytes
) -> None:
    """
    Whatever is sent, the answer is the envelope.
    """
    async with http.post("/v1/chat/completions", data=body) as response:
        told = await response.json()

    assert response.status == 400
    assert told["error"]["type"] == "invalid_request_error"
    assert told["error"]["param"] is None


async def test_a_large_body_is_read_apart_from_the_loop(world: World, client: openai.AsyncOpenAI) -> None:
    """
    More than a megabyte is decoded in a thread, with the same result.
    """
    long = "word " * 300_000

    await client.chat.completions.create(model="grok-4.20-fast", messages=[{"role": "user", "content": long}])

    assert world.engine.requests[0].messages == (Message(Role.USER, (Text(long),)),)


@pytest.mark.parametrize("said", [True, False])
async def test_a_body_over_the_limit_is_refused(
    world: World, http: aiohttp.ClientSession, said: bool
) -> None:
    """
    Whether or not its length was announced.
    """
    world.set_gateway(max_body_mb=1)
    body = b" " * (1024 * 1024 + 1)

    async def pieces() -> AsyncIterator[bytes]:
        yield body

    async with http.post("/v1/chat/completions", data=io.BytesIO(body) if said else pieces()) as response:
        told = await response.json()

    assert response.status == 413
    assert told["error"]["code"] == "request_too_large"


async def test_a_packed_body_is_unpacked(world: World, http: aiohttp.ClientSession) -> None:
    """
    `Content-Encoding: gzip` is understood, and the content type does not matter.
    """
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}

    async with http.post(
        "/v1/chat/completions", data=gzip.compress(orjson.dumps(ASK)), headers=headers
    ) as response:
        assert response.status == 200


async def test_a_body_that_cannot_be_unpacked_is_refused(world: World, http: aiohttp.ClientSession) -> None:
    """
    A wrong `Content-Encoding` is the client's mistake.
    """
    headers = {"Content-Encoding": "gzip"}

    async with http.post("/v1/chat/completions", data=b"not packed at all", headers=headers) as response:
        told = await response.json()

    assert response.status == 400
    assert "Content-Encoding" in told["error"]["message"]


async def test_a_slow_client_holds_up_the_run(world: World, http: aiohttp.ClientSession) -> None:
    """
    What the client does not read is not piled up here: the run is not asked for more.
    """
    taken = 0

    def taking() -> Iterator[Step]:
        nonlocal taken
        yield [started()]
        while True:
            taken += 1
            yield [TextPiece("x" * 100_000)]

    world.engine.steps = taking()

    async with http.post("/v1/chat/completions", json={**ASK, "stream": True}) as response:
        stalled = -1
        while stalled != taken:
            stalled = taken
            await settle()
        response.close()

    assert taken < 500
    await world.until_nothing_in_flight()


@pytest.mark.parametrize(
    ("pieces", "ending"),
    [(3, [finished()]), (1, Garbled("Nonsense."))],
    ids=["before the end", "before a failure is told"],
)
async def test_a_client_that_vanishes_while_the_answer_pours(
    world: World, pieces: int, ending: Step, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A reset that only a write notices ends the run as quietly as one that is announced.
    """
    gone = asyncio.Event()
    world.engine.says(
        [started(), TextPiece("Hel")], gone, *([TextPiece("lo")] for _ in range(pieces)), ending
    )
    vanish = await half_heard(world)

    vanish()
    gone.set()

    await world.until_nothing_in_flight()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert world.deadlines.armed == set()


async def test_a_heartbeat_to_a_client_that_vanished(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """
    Is no failure of anything.
    """
    world.engine.says([started(), TextPiece("Hel")], asyncio.Event())
    vanish = await half_heard(world)

    vanish()
    world.deadlines.advance(10)
    world.deadlines.advance(10)

    await world.until_nothing_in_flight()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def half_heard(world: World) -> Callable[[], None]:
    """Read a stream up to its first words; the returned function resets the connection at once."""
    loop = asyncio.get_running_loop()
    connection = socket.create_connection(("127.0.0.1", world.gateway.state.port))
    connection.setblocking(False)
    body = orjson.dumps({**ASK, "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nx-api-key: {KEY}\r\n"
    await loop.sock_sendall(connection, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    heard = b""
    while b"Hel" not in heard:
        heard += await loop.sock_recv(connection, 65_536)

    def vanish() -> None:
        # No lingering: the system sends a reset instead of a goodbye.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return vanish


async def test_nothing_is_written_for_what_the_last_chunk_carries(
    world: World, client: openai.AsyncOpenAI
) -> None:
    """
    A batch of nothing but sources waits for the end.
    """
    source = Source("https://a.example", "A")
    world.engine.says([started()], [Sourced(source)], [TextPiece("Hi")], [finished()])

    heard = await chunks(client)

    assert len(heard) == 3
    assert (heard[-1].model_extra or {})["search_sources"][0]["url"] == "https://a.example"


@pytest.mark.parametrize("stream", [True, False])
async def test_the_engine_can_tell_clients_where_files_are(
    world: World, client: openai.AsyncOpenAI, stream: bool
) -> None:
    """
    Under the host name that the client used.
    """
    kept = world.library.add(b"a picture")
    local = client.with_options(base_url=f"http://localhost:{world.gateway.state.port}/v1")

    await local.chat.completions.create(**ASK, stream=stream)

    (link,) = world.engine.links
    assert link is not None
    assert link(kept) == f"http://localhost:{world.gateway.state.port}/v1/files/image/{kept.id}.jpg"


async def test_links_to_our_own_pictures_are_read_here(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Nobody may fetch from this machine; what is not ours, or gone, stays an address.
    """
    kept = world.library.add(b"a picture")
    addresses = [
        f"{world.root}/v1/files/image/{kept.id}.jpg",
        f"{world.root}/v1/files/image/{'f' * 32}.jpg",
        "https://example.com/a.png",
    ]
    parts: Any = [{"type": "image_url", "image_url": {"url": address}} for address in addresses]
    said: Any = [{"role": "user", "content": "Hi"}, {"role": "user", "content": parts}]

    await client.chat.completions.create(model="grok-4.20-fast", messages=said)

    assert world.engine.requests[0].messages[1].parts == (
        Media(data=b"a picture", media_type="image/jpeg", name=f"{kept.id}.jpg"),
        Media(url=addresses[1]),
        Media(url=addresses[2]),
    )
