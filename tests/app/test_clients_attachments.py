"""Files that clients send, in each of the three APIs: they reach Grok as they are, from anywhere."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import anthropic
import openai
import pytest
from aiohttp import web

from grokdesk.platform.wire import Call, Reply, Wire
from grokdesk.sim import text
from tests.app.scenes import Json
from tests.rig import FAST, Rig

PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF: Final = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
NOTES: Final = "Zoë's notes: Io, Europa.\n".encode()
SOUND: Final = b"RIFF\x24\x00\x00\x00WAVEfmt "

Ask = Callable[[Rig, list[Json]], Awaitable[str]]
"""Asks with these parts beside the text, and gives back what was answered."""


async def by_chat(rig: Rig, parts: list[Json]) -> str:
    said: Any = [{"role": "user", "content": [{"type": "text", "text": "Look."}, *parts]}]
    answer = await rig.client.chat.completions.create(model=FAST, messages=said)
    return answer.choices[0].message.content or ""


async def by_responses(rig: Rig, parts: list[Json]) -> str:
    said: Any = [{"role": "user", "content": [{"type": "input_text", "text": "Look."}, *parts]}]
    return (await rig.client.responses.create(model=FAST, input=said)).output_text


async def by_messages(rig: Rig, parts: list[Json]) -> str:
    said: Any = [{"role": "user", "content": [{"type": "text", "text": "Look."}, *parts]}]
    answer = await rig.claude.messages.create(model=FAST, max_tokens=99, messages=said)
    return "".join(block.text for block in answer.content if block.type == "text")


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{packed(data)}"


def base64_source(data: bytes, kind: str) -> Json:
    return {"type": "base64", "media_type": kind, "data": packed(data)}


SENT: Final[dict[str, tuple[Ask, Json, bytes, str, str]]] = {
    "chat: picture": (
        by_chat,
        {"type": "image_url", "image_url": {"url": uri(PNG, "image/png")}},
        PNG,
        "image/png",
        ".png",
    ),
    "chat: picture of an unsaid kind": (
        by_chat,
        {"type": "image_url", "image_url": {"url": uri(PNG, "application/octet-stream"), "detail": "high"}},
        PNG,
        "image/png",
        ".png",
    ),
    "chat: PDF": (
        by_chat,
        {"type": "file", "file": {"filename": "moons.pdf", "file_data": uri(PDF, "application/pdf")}},
        PDF,
        "application/pdf",
        "moons.pdf",
    ),
    "chat: PDF as bare base64": (
        by_chat,
        {"type": "file", "file": {"filename": "moons.pdf", "file_data": packed(PDF)}},
        PDF,
        "application/pdf",
        "moons.pdf",
    ),
    "chat: text": (
        by_chat,
        {"type": "file", "file": {"filename": "notes.txt", "file_data": uri(NOTES, "text/plain")}},
        NOTES,
        "text/plain",
        "notes.txt",
    ),
    "chat: sound": (
        by_chat,
        {"type": "input_audio", "input_audio": {"data": packed(SOUND), "format": "wav"}},
        SOUND,
        "audio/wav",
        ".wav",
    ),
    "responses: picture": (
        by_responses,
        {"type": "input_image", "image_url": uri(PNG, "image/png")},
        PNG,
        "image/png",
        ".png",
    ),
    "responses: PDF": (
        by_responses,
        {"type": "input_file", "filename": "moons.pdf", "file_data": uri(PDF, "application/pdf")},
        PDF,
        "application/pdf",
        "moons.pdf",
    ),
    "responses: text": (
        by_responses,
        {"type": "input_file", "filename": "notes.txt", "file_data": uri(NOTES, "text/plain")},
        NOTES,
        "text/plain",
        "notes.txt",
    ),
    "messages: picture": (
        by_messages,
        {"type": "image", "source": base64_source(PNG, "image/png")},
        PNG,
        "image/png",
        ".png",
    ),
    "messages: PDF": (
        by_messages,
        {"type": "document", "title": "moons.pdf", "source": base64_source(PDF, "application/pdf")},
        PDF,
        "application/pdf",
        "moons.pdf",
    ),
}


@pytest.mark.parametrize("case", SENT)
async def test_a_file_in_the_request_reaches_grok(rig: Rig, case: str) -> None:
    """
    Byte by byte, under a fitting type and name, attached to the question.
    """
    ask, part, data, kind, name = SENT[case]
    await rig.grok(text("I see."))

    answer = await ask(rig, [part])

    assert answer == "I see."
    [upload] = rig.world.uploads.values()
    assert (upload.data, upload.mime) == (data, kind)
    assert upload.name.endswith(name)
    assert attached(rig) == [upload.id]
    assert rig.sim.violations == []


def attached(rig: Rig) -> list[str]:
    """The files that came with the last question, in either form."""
    turn = rig.sim.turns[-1]
    if turn.form == "gateway":
        return list(turn.attachments)
    files: Any = turn.request["fileAttachments"]
    return list(files)


async def test_a_document_that_is_text_is_read_as_text(rig: Rig) -> None:
    """
    Anthropic's plain documents need no upload.
    """
    await rig.grok(text("I see."))
    source = {"type": "text", "media_type": "text/plain", "data": NOTES.decode()}

    await by_messages(rig, [{"type": "document", "title": "Moons", "source": source}])

    assert NOTES.decode().strip() in rig.prompts[0]
    assert rig.world.uploads == {}


async def test_several_files_keep_their_order(rig: Rig) -> None:
    """
    And one that is there twice is sent once.
    """
    await rig.grok(text("I see."))
    other = PNG + b"\0"

    parts = [{"type": "input_image", "image_url": uri(data, "image/png")} for data in (PNG, other, PNG)]
    await by_responses(rig, parts)

    assert [rig.world.uploads[name].data for name in attached(rig)] == [PNG, other]


async def test_what_is_no_file_is_refused_in_words(rig: Rig) -> None:
    """
    With the place in the request, before Grok is asked.
    """
    await rig.grok()

    with pytest.raises(openai.BadRequestError, match="not valid base64") as caught:
        await by_chat(rig, [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}])

    assert (caught.value.param or "").endswith("image_url.url")
    assert rig.sim.turns == []


# --- pictures in results of tools ---------------------------------------------------------------------------

CALL_ID: Final = "call_1"
TOOL: Final[Json] = {"name": "look", "parameters": {"type": "object", "properties": {}}}


async def result_by_chat(rig: Rig) -> None:
    call = {"id": CALL_ID, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": uri(PNG, "image/png")}}
    content = [{"type": "text", "text": "Here:"}, picture]
    messages: Any = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": CALL_ID, "content": content},
    ]
    tools: Any = [{"type": "function", "function": TOOL}]
    await rig.client.chat.completions.create(model=FAST, messages=messages, tools=tools)


async def result_by_responses(rig: Rig) -> None:
    content = [
        {"type": "input_text", "text": "Here:"},
        {"type": "input_image", "image_url": uri(PNG, "image/png")},
    ]
    said: Any = [
        {"role": "user", "content": "Look."},
        {"type": "function_call", "call_id": CALL_ID, "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": CALL_ID, "output": content},
    ]
    tools: Any = [{"type": "function", "strict": False, **TOOL}]
    await rig.client.responses.create(model=FAST, input=said, tools=tools)


async def result_by_messages(rig: Rig) -> None:
    content = [
        {"type": "text", "text": "Here:"},
        {"type": "image", "source": base64_source(PNG, "image/png")},
    ]
    messages: Any = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": CALL_ID, "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": CALL_ID, "content": content}]},
    ]
    tools: Any = [{"name": "look", "input_schema": TOOL["parameters"]}]
    await rig.claude.messages.create(model=FAST, max_tokens=99, messages=messages, tools=tools)


@pytest.mark.parametrize("ask", [result_by_chat, result_by_responses, result_by_messages])
async def test_a_picture_in_the_result_of_a_tool_reaches_grok(
    rig: Rig, ask: Callable[[Rig], Awaitable[None]]
) -> None:
    """
    It is attached to the question, and the text of the result stands in it.
    """
    await rig.grok(text("I see."))

    await ask(rig)

    [upload] = rig.world.uploads.values()
    assert (upload.data, upload.mime) == (PNG, "image/png")
    assert attached(rig) == [upload.id]
    assert f"Tool result ({CALL_ID}): Here:" in rig.prompts[0]
    assert rig.sim.violations == []


# --- files named by address ---------------------------------------------------------------------------------


@dataclass
class Site:
    """A web site on this machine that hands out files, and what it was asked."""

    port: int = 0
    heard: list[web.Request] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/{path}"


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()

    async def picture(request: web.Request) -> web.Response:
        site.heard.append(request)
        return web.Response(body=PNG, content_type="image/png")

    async def away(request: web.Request) -> web.Response:
        site.heard.append(request)
        raise web.HTTPFound(site.url("io.png" if request.path == "/moved" else "round"))

    app = web.Application()
    app.router.add_get("/io.png", picture)
    app.router.add_get("/moved", away)
    app.router.add_get("/round", away)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        site.port = runner.addresses[0][1]
        yield site
    finally:
        await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


def linked(ask: Ask, url: str) -> Json:
    """A picture at an address, as each API names it."""
    if ask is by_chat:
        return {"type": "image_url", "image_url": {"url": url}}
    if ask is by_responses:
        return {"type": "input_image", "image_url": url}
    return {"type": "image", "source": {"type": "url", "url": url}}


ASKS: Final = (by_chat, by_responses, by_messages)


@pytest.mark.parametrize("ask", ASKS)
async def test_a_file_at_an_address_is_fetched_as_a_stranger_would(rig: Rig, site: Site, ask: Ask) -> None:
    """
    Through redirects, without cookie, key or trace of the account.
    """
    await rig.app.change({"chat.fetch_private_addresses": True})
    await rig.grok(text("I see."))

    await ask(rig, [linked(ask, site.url("moved"))])

    [upload] = rig.world.uploads.values()
    assert (upload.data, upload.mime, upload.name) == (PNG, "image/png", "io.png")
    assert [request.path for request in site.heard] == ["/moved", "/io.png"]
    for request in site.heard:
        assert {"Cookie", "Authorization", "X-Api-Key", "Referer", "Origin"}.isdisjoint(request.headers)
    assert rig.sim.violations == []


@pytest.mark.parametrize("ask", ASKS)
async def test_an_address_in_a_private_network_is_refused(rig: Rig, site: Site, ask: Ask) -> None:
    """
    With a sentence that says so, and nobody is asked.
    """
    await rig.grok()

    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError), match="private network"):
        await ask(rig, [linked(ask, site.url("io.png"))])

    assert site.heard == []
    assert rig.sim.turns == []


async def test_a_way_into_a_private_network_is_refused(
    rig: Rig, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A public site that sends on to this machine gets no further.
    """
    public = "93.184.216.34"
    found = socket.getaddrinfo
    stream = Wire.stream

    def named(host: str, *more: Any, **options: Any) -> Any:  # noqa: ANN401 - the library's
        return found(public if host == "moons.example" else host, *more, **options)

    def routed(wire: Wire, call: Call) -> AbstractAsyncContextManager[Reply]:
        # The public address is served from this machine, as everything in these tests is.
        return stream(wire, replace(call, resolve="127.0.0.1") if call.resolve == public else call)

    monkeypatch.setattr(socket, "getaddrinfo", named)
    monkeypatch.setattr(Wire, "stream", routed)
    await rig.grok(text("I see."))

    await by_chat(rig, [linked(by_chat, site.url("io.png", "moons.example"))])
    with pytest.raises(openai.BadRequestError, match="private network"):
        await by_chat(rig, [linked(by_chat, site.url("moved", "moons.example"))])

    assert [request.path for request in site.heard] == ["/io.png", "/moved"]
    assert len(rig.sim.turns) == 1


@pytest.mark.parametrize(
    ("path", "words"), [("gone.png", "the server answered 404"), ("round", "redirects too often")]
)
async def test_a_file_that_cannot_be_had_is_explained(rig: Rig, site: Site, path: str, words: str) -> None:
    """
    As a fault of the request, not of Grok: no account suffers for it.
    """
    await rig.app.change({"chat.fetch_private_addresses": True})
    await rig.grok()

    with pytest.raises(openai.BadRequestError, match=words):
        await by_chat(rig, [linked(by_chat, site.url(path))])

    [account] = rig.app.pool.accounts()
    assert (account.failures, account.faults) == (0, 0)
