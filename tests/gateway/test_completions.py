"""Completions that are kept, and the older Completions API, with the official client over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import openai
import orjson
import pytest
from openai.types.chat import ChatCompletion

from grokdesk.core.completions import Keep
from grokdesk.core.conversation import Limits, Message, Role, Text, Thinking, ToolCall
from grokdesk.core.errors import Garbled, NoAccount
from grokdesk.core.events import Called, Cited, Finished, Stop, TextPiece, ThoughtPiece, Usage
from grokdesk.gateway.server import Gateway
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.completions import SqlCompletions
from grokdesk.store.sqlite_file import SqliteFile
from tests.gateway.conftest import World
from tests.gateway.fakes import KEY, finished, started

MODEL = "grok-4.20-fast"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}


@dataclass
class Shelf:
    """A gateway that keeps what clients want kept, and how much it keeps."""

    world: World
    client: openai.AsyncOpenAI
    http: aiohttp.ClientSession
    limits: list[Keep]

    async def kept(self, **changes: object) -> ChatCompletion:
        wanted: Any = {**ASK, "store": True, **changes}
        completion: ChatCompletion = await self.client.chat.completions.create(**wanted)
        return completion

    async def ids(self, **wanted: Any) -> list[str]:  # noqa: ANN401 - the parameters of the official client
        return [completion.id async for completion in self.client.chat.completions.list(**wanted)]


@pytest.fixture
async def shelf(idle: World, supervisor: Supervisor, tmp_path: Path) -> AsyncIterator[Shelf]:
    limits = [Keep(most=100, days=30)]
    vault = Vault(bytes(32), KeySource.KEY_FILE)
    async with SqliteFile(Paths.under(tmp_path).create(), spawn=supervisor.spawn) as database:
        completions = SqlCompletions(database, vault, idle.clock, lambda: limits[-1])
        idle.services = replace(idle.services, completions=completions)
        idle.gateway = Gateway(idle.services)
        await idle.gateway.start()
        base_url = idle.gateway.state.base_url
        async with (
            openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client,
            aiohttp.ClientSession(idle.root, headers={"Authorization": f"Bearer {KEY}"}) as http,
        ):
            yield Shelf(idle, client, http, limits)
        await idle.gateway.stop(grace_s=0)


# --- kept completions ---------------------------------------------------------------------------------------


async def test_an_answer_is_kept_as_it_was_heard(shelf: Shelf) -> None:
    """
    With everything in it.
    """
    shelf.world.engine.says(
        [started(), ThoughtPiece("Hm."), TextPiece("Yes"), Called(ToolCall("call_1", "f", "{}"))],
        [Finished(Stop.CALLS, Usage(7, 3, 2))],
    )

    heard = await shelf.kept(metadata={"topic": "yes"})
    found = await shelf.client.chat.completions.retrieve(heard.id)

    assert found.to_dict() == heard.to_dict()
    assert found.metadata == {"topic": "yes"}


async def test_a_streamed_answer_is_kept_before_its_end_is_told(shelf: Shelf) -> None:
    """
    As the same object that it would have been without a stream.
    """
    shelf.world.engine.per_run = lambda number: ([], [[started()], [TextPiece(f"<{number}>")], [finished()]])

    stream = await shelf.client.chat.completions.create(**ASK, store=True, n=2, stream=True)
    heard = [chunk async for chunk in stream]
    found = await shelf.client.chat.completions.retrieve(heard[0].id)

    assert [(one.index, one.message.content, one.finish_reason) for one in found.choices] == [
        (0, "<0>", "stop"),
        (1, "<1>", "stop"),
    ]
    assert found.usage is not None
    assert found.metadata == {}


@pytest.mark.parametrize("stream", [True, False])
async def test_only_what_is_to_be_kept_is_kept(shelf: Shelf, stream: bool) -> None:
    """
    Not what the client did not ask for, and not half an answer.
    """
    await shelf.http.post("/v1/chat/completions", json={**ASK, "stream": stream})
    shelf.world.engine.says([started(), TextPiece("Hal")], Garbled("Nonsense."))
    await shelf.http.post("/v1/chat/completions", json={**ASK, "stream": stream, "store": True})

    assert await shelf.ids() == []


async def test_the_list_is_paged(shelf: Shelf) -> None:
    """
    Oldest first, or newest first.
    """
    ids = [(await shelf.kept()).id for _ in range(5)]

    page = await shelf.client.chat.completions.list(limit=2, order="desc", after=ids[4])

    assert [one.id for one in page.data] == [ids[3], ids[2]]
    assert page.has_more
    assert await shelf.ids(limit=2) == ids
    assert await shelf.ids(limit=2, order="desc") == ids[::-1]
    assert await shelf.ids(limit=2, after=ids[2]) == ids[3:]
    assert await shelf.ids() == ids


async def test_the_list_can_be_narrowed(shelf: Shelf) -> None:
    """
    To a model, and to what metadata says, page by page.
    """
    a = [(await shelf.kept(metadata={"of": "a", "at": str(at)})).id for at in range(3)]
    b = (await shelf.kept(metadata={"of": "b", "at": "1"}, model="grok-chat-fast")).id

    assert await shelf.ids(model="grok-chat-fast") == [b]
    assert await shelf.ids(metadata={"of": "a"}, limit=1) == a
    assert await shelf.ids(metadata={"of": "a", "at": "1"}) == [a[1]]
    assert await shelf.ids(metadata={"at": "1"}, order="desc") == [b, a[1]]
    assert await shelf.ids(metadata={"nobody": "has this"}) == []


async def test_metadata_can_be_changed(shelf: Shelf) -> None:
    """
    As a whole; the answer stays as it was.
    """
    heard = await shelf.kept(metadata={"a": "1", "b": "2"})

    changed = await shelf.client.chat.completions.update(heard.id, metadata={"c": "3"})
    emptied = await shelf.client.chat.completions.update(heard.id, metadata=None)

    assert (changed.metadata, emptied.metadata) == ({"c": "3"}, {})
    assert changed.choices == heard.choices
    assert await shelf.ids(metadata={"c": "3"}) == []


async def test_a_kept_answer_can_be_forgotten(shelf: Shelf) -> None:
    """
    Once.
    """
    heard = await shelf.kept()

    gone = await shelf.client.chat.completions.delete(heard.id)

    assert (gone.id, gone.deleted, gone.object) == (heard.id, True, "chat.completion.deleted")
    assert await shelf.ids() == []
    with pytest.raises(openai.NotFoundError):
        await shelf.client.chat.completions.delete(heard.id)


async def test_the_messages_are_kept_as_the_client_wrote_them(shelf: Shelf) -> None:
    """
    A page at a time, with ids of their own.
    """
    image = {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}}
    said: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief.", "name": "boss"},
        {"role": "user", "content": [{"type": "text", "text": "See:"}, image]},
        {"role": "user", "content": "Well?", "odd": 36893488147419103232},
    ]
    heard = await shelf.kept(messages=said)
    messages = shelf.client.chat.completions.messages

    found = [message.to_dict() async for message in messages.list(heard.id, limit=2)]
    newest = await messages.list(heard.id, limit=1, order="desc")

    assert found == [
        {**said[0], "id": f"{heard.id}-0", "content_parts": None},
        {"role": "user", "id": f"{heard.id}-1", "content": "See:", "content_parts": said[1]["content"]},
        {**said[2], "id": f"{heard.id}-2", "content_parts": None},
    ]
    assert [one.id for one in newest.data] == [f"{heard.id}-2"]
    assert newest.has_more


async def test_as_many_are_kept_as_the_owner_allows(shelf: Shelf) -> None:
    """
    The oldest go first, and none stays when none may.
    """
    ids = [(await shelf.kept()).id for _ in range(3)]
    shelf.limits.append(Keep(most=2, days=30))

    ids.append((await shelf.kept()).id)
    assert await shelf.ids() == ids[2:]
    shelf.limits.append(Keep(most=0, days=30))
    await shelf.kept()

    assert await shelf.ids() == ids[2:]


async def test_they_are_kept_for_as_long_as_the_owner_allows(shelf: Shelf) -> None:
    """
    After that nobody finds them.
    """
    heard = await shelf.kept()
    shelf.world.clock.advance(30 * 86_400)

    assert await shelf.ids() == []
    with pytest.raises(openai.NotFoundError):
        await shelf.client.chat.completions.retrieve(heard.id)
    with pytest.raises(openai.NotFoundError):
        await shelf.client.chat.completions.update(heard.id, metadata={})
    with pytest.raises(openai.NotFoundError):
        await shelf.client.chat.completions.delete(heard.id)


@pytest.mark.parametrize(
    ("query", "param", "status"),
    [
        ("limit=0", "limit", 400),
        ("limit=101", "limit", 400),
        ("limit=x", "limit", 400),
        ("limit=" + "9" * 5000, "limit", 400),
        ("order=up", "order", 400),
        ("after=nobody", None, 404),
    ],
)
async def test_a_page_that_cannot_be(shelf: Shelf, query: str, param: str | None, status: int) -> None:
    """
    Says what is wrong.
    """
    async with shelf.http.get(f"/v1/chat/completions?{query}") as response:
        told = await response.json()

    assert (response.status, told["error"]["param"]) == (status, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [(b"", None), (b"{}", "metadata"), (b'{"metadata":{"a":1}}', "metadata.a"), (b"[]", None)],
)
async def test_wrong_metadata_is_refused(shelf: Shelf, body: bytes, param: str | None) -> None:
    """
    And changes nothing.
    """
    heard = await shelf.kept(metadata={"a": "b"})

    async with shelf.http.post(f"/v1/chat/completions/{heard.id}", data=body) as response:
        told = await response.json()

    assert (response.status, told["error"]["param"]) == (400, param)
    assert (await shelf.client.chat.completions.retrieve(heard.id)).metadata == {"a": "b"}


async def test_what_is_not_kept_is_not_found(shelf: Shelf) -> None:
    """
    By any of the addresses.
    """
    messages = await shelf.http.get("/v1/chat/completions/chatcmpl-1/messages")
    one = await shelf.kept()
    after = await shelf.http.get(f"/v1/chat/completions/{one.id}/messages?after=nobody")

    assert (messages.status, after.status) == (404, 404)
    assert "'store'" in (await messages.json())["error"]["message"]


async def test_a_gateway_that_keeps_nothing_says_so(
    world: World, client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    """
    `store` is then without effect.
    """
    heard = await client.chat.completions.create(**ASK, store=True)
    listed = await client.chat.completions.list()

    assert heard.choices[0].message.content == "Hello"
    assert listed.data == []
    for method in ("GET", "DELETE"):
        async with http.request(method, f"/v1/chat/completions/{heard.id}") as response:
            assert response.status == 404
    async with http.post(f"/v1/chat/completions/{heard.id}", json={"metadata": {}}) as response:
        assert response.status == 404


# --- the older API ------------------------------------------------------------------------------------------


async def test_a_text_is_completed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The prompt is what the user says, without a limit unless the client sets one.
    """
    world.engine.says(
        [started(), ThoughtPiece("Hm."), TextPiece("world"), Cited("https://a", "A", 0, 5)], [finished()]
    )

    completion = await client.completions.create(model=MODEL, prompt="Hello, ", suffix="!", best_of=1)

    assert [(one.index, one.text, one.finish_reason) for one in completion.choices] == [(0, "world", "stop")]
    assert completion.id.startswith("cmpl-")
    assert completion.object == "text_completion"
    assert completion.usage is not None
    assert completion.usage.total_tokens == 10
    (request,) = world.engine.requests
    assert request.messages == (Message(Role.USER, (Text("Hello, "),)),)
    assert (request.limits, request.thinking) == (Limits(), Thinking.HIDDEN)


async def test_a_completion_is_streamed(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Piece by piece, with the prompt in front and the usage behind when the client wants them.
    """
    world.engine.says([started()], [ThoughtPiece("Hm."), TextPiece("wor"), TextPiece("ld\n")], [finished()])

    stream = await client.completions.create(
        model=MODEL, prompt=["Hello, "], echo=True, stream=True, stream_options={"include_usage": True}
    )
    heard = [chunk async for chunk in stream]

    assert [one.text for chunk in heard for one in chunk.choices] == ["Hello, ", "wor", "ld\n", ""]
    assert [one.finish_reason for chunk in heard for one in chunk.choices] == [None, None, None, "stop"]
    assert heard[-1].choices == []
    assert heard[-1].usage is not None
    assert heard[-1].usage.total_tokens == 10


async def test_a_plain_stream_has_only_text(world: World, http: aiohttp.ClientSession) -> None:
    """
    No role, no prompt, no usage.
    """
    async with http.post(
        "/v1/completions", json={"model": MODEL, "prompt": "Hi", "stream": True}
    ) as response:
        *frames, done, rest = (await response.read()).split(b"\n\n")

    assert (done, rest) == (b"data: [DONE]", b"")
    first, last = (orjson.loads(frame.removeprefix(b"data: ")) for frame in frames)
    assert first["choices"] == [{"text": "Hello", "index": 0, "logprobs": None, "finish_reason": None}]
    assert last["choices"] == [{"text": "", "index": 0, "logprobs": None, "finish_reason": "stop"}]
    assert "usage" not in first


async def test_several_completions_with_limits(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Each choice is a run, and repeats the prompt.
    """
    world.engine.per_run = lambda number: ([], [[started(), TextPiece(f"<{number}>"), Finished(Stop.LENGTH)]])

    completion = await client.completions.create(
        model=MODEL, prompt="Hi ", n=2, echo=True, stop=["END", "\n"], max_tokens=16
    )

    assert [one.text for one in completion.choices] == ["Hi <0>", "Hi <1>"]
    assert {one.finish_reason for one in completion.choices} == {"length"}
    assert {request.limits for request in world.engine.requests} == {Limits(16, ("END", "\n"))}


async def test_a_refused_completion_is_filtered(world: World, client: openai.AsyncOpenAI) -> None:
    """
    The format has no place for the reason.
    """
    world.engine.says([started(), Finished(Stop.REFUSED, refusal="No.")])

    completion = await client.completions.create(model=MODEL, prompt="Hi")

    assert (completion.choices[0].text, completion.choices[0].finish_reason) == ("", "content_filter")


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, 2]}, "prompt.0"),
        ({"prompt": [[1, 2]]}, "prompt.0"),
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"n": 9}, "n"),
        ({"stop": list("abcde")}, "stop"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
)
async def test_a_wrong_completion_is_named(
    world: World, http: aiohttp.ClientSession, changes: dict[str, Any], param: str
) -> None:
    """
    By the path of what is wrong.
    """
    async with http.post("/v1/completions", json={"model": MODEL, "prompt": "Hi", **changes}) as response:
        told = await response.json()

    assert (response.status, told["error"]["param"]) == (400, param)
    assert world.engine.requests == []


async def test_a_completion_that_fails(world: World, client: openai.AsyncOpenAI) -> None:
    """
    Is a status before the first byte, and an error in the stream after it.
    """
    world.engine.before = [NoAccount("No account is free.")]
    with pytest.raises(openai.RateLimitError):
        await client.completions.create(model=MODEL, prompt="Hi", stream=True)
    world.engine.before = []
    world.engine.says([started(), TextPiece("Hal")], Garbled("Nonsense."))

    stream = await client.completions.create(model=MODEL, prompt="Hi", stream=True)
    first = await anext(stream)

    assert first.choices[0].text == "Hal"
    with pytest.raises(openai.APIError, match="Nonsense"):
        await anext(stream)
