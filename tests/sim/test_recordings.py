"""The media samples are played as they were recorded, to a client that says what the recorded one said."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from grokdesk.sim import Account, Recording, World, media, pictures, recording
from grokdesk.sim.recordings import Exchange
from grokdesk.sim.script import Framing
from tests.sim.caller import Caller, Json, current, frames, handshake, older
from tests.sim.media_caller import CHAT, VIDEO, draw, easel, fetch, film_current, finals, order, told
from tests.sim.media_caller import handshake as imagine_handshake

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "protocol" / "samples" / "media"

PLAYED = sorted(path.stem for path in SAMPLES.glob("*.ndjson"))
assert PLAYED, f"{SAMPLES} has nothing; the samples lie in the folder `shared` beside the checkout"


@pytest.fixture
def world(world: World) -> World:
    """Small films are drawn faster."""
    world.media.picture_scale = 0.1
    return world


def sample(name: str, **options: object) -> Recording:
    return recording(SAMPLES / f"{name}.ndjson", **options)  # type: ignore[arg-type]  # handed on as they are


def lines(name: str) -> list[Json]:
    return [json.loads(line) for line in (SAMPLES / f"{name}.ndjson").read_text().splitlines()]


def here(caller: Caller, value: object) -> object:
    """What was recorded, with this simulator in place of the files' hosts."""
    raw = json.dumps(value)
    for host in ("https://assets.grok.com", "https://imagine-public.x.ai"):
        raw = raw.replace(host, caller.sim.url)
    return json.loads(raw)


async def call(caller: Caller, account: Account, request: Json) -> tuple[int, bytes]:
    """A recorded request, with the headers that fit it."""
    asked = urlsplit(request["url"])
    if asked.path.startswith("/users/"):
        status, data, _ = await fetch(caller, account, asked.path[1:])
        return status, data
    referer = urlsplit(request["headers"]["Referer"]).path
    if asked.path == "/rest/app-chat/upload-file":
        headers, data = older(account.token), json.dumps(request["json"]).encode()
    elif "multipart" in request:
        headers = current(
            account.token,
            {"Content-Type": "multipart/form-data; boundary=x"},
            referer=referer,
            statsig=False,
            request_id=False,
        )
        data = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{part["name"]}"'.encode()
            + (b'; filename="a.png"\r\nContent-Type: image/png' if "filename" in part else b"")
            + b"\r\n\r\n"
            + part.get("text", "bytes").encode()
            + b"\r\n"
            for part in request["multipart"]
        )
        data += b"--x--\r\n"
    else:
        headers = current(account.token, referer=referer)
        data = json.dumps(request["json"]).encode() if "json" in request else b""
    url = f"{caller.sim.url}{asked.path}" + (f"?{asked.query}" if asked.query else "")
    async with caller.http.request(request["method"], url, headers=headers, data=data or None) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize("name", [name for name in PLAYED if "ws" not in name and "mgw" not in name])
async def test_every_call_is_answered_as_it_was(
    caller: Caller, ada: Account, world: World, name: str
) -> None:
    """
    Status, body and every frame of a stream; and what the client says is what the recorded one said.
    """
    story = sample(name)
    world.play(story)
    heard: list[object] = []
    expected: list[object] = []
    request: Json | None = None

    for line in lines(name):
        if line["kind"] == "http.request":
            request = line
        elif line["kind"] == "http.response":
            if request is None:
                status, body = await call_chat(caller, ada)
            else:
                status, body = await call(caller, ada, request)
            request = None
            assert status == line["status"]
            if "json" in line:
                expected.append(here(caller, line["json"]))
                heard.append(json.loads(body))
            elif "base64" not in line:
                heard += frames(body)
        elif line["kind"] == "http.chunk" and "json" in line:
            expected.append(here(caller, line["json"]))

    assert heard == expected
    assert story.is_over
    assert story.differences == []
    assert world.violations == []


async def call_chat(caller: Caller, account: Account) -> tuple[int, bytes]:
    """Any order, where the story does not say which."""
    headers = current(account.token, referer="/imagine")
    async with caller.http.post(caller.sim.url + CHAT, headers=headers, json=film_current()) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize("name", [name for name in PLAYED if "ws" in name and "refused" not in name])
async def test_every_socket_goes_as_it_went(caller: Caller, ada: Account, world: World, name: str) -> None:
    """
    Frame for frame, whoever speaks.
    """
    story = sample(name)
    world.play(story)

    async with easel(caller, ada) as socket:
        for line in lines(name):
            if line["kind"] == "ws.text" and line["dir"] == "c2s":
                await socket.socket.send_json(line["json"])
            elif line["kind"] == "ws.text":
                assert await socket.read() == here(caller, line["json"])

    await caller.sim.until(lambda: world.turns[0].outcome == "answered")
    assert (story.is_over, story.differences, world.violations) == (True, [], [])


async def test_the_gateway_goes_as_it_went(caller: Caller, ada: Account, world: World) -> None:
    """
    With the strictness of every gateway dialogue.
    """
    name = "lite-image-mgw"
    world.play(sample(name))
    heard = 0

    url = f"{caller.sim.url}/ws/mgw/?uid={ada.user_id}"
    async with caller.http.ws_connect(url, headers=handshake(ada)) as socket:
        for line in lines(name):
            if line["kind"] == "ws.text" and line["dir"] == "c2s":
                await socket.send_json(line["json"])
            elif line["kind"] == "ws.text":
                assert (await socket.receive_json(timeout=2)) == line["json"]
                heard += 1

    assert heard == 6
    assert world.turns[0].prompt == "Drawing: a paper boat on a green river"
    assert world.violations == []


async def test_four_handshakes_are_refused(caller: Caller, ada: Account, world: World) -> None:
    """
    One after another, each for its own reason; the fifth is welcome.
    """
    world.play(sample("imagine-ws-refused-handshakes"))
    refusals = []

    for _ in range(4):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await draw(caller, ada)
        assert refused.value.headers is not None
        refusals.append((refused.value.status, refused.value.headers.get("Retry-After")))

    assert refusals == [(429, "60"), (403, None), (403, None), (401, None)]
    assert finals(await draw(caller, ada))


@pytest.mark.parametrize(("case", "status"), [(1, 429), (2, 403), (4, 401)])
async def test_one_case_can_be_played_alone(
    caller: Caller, ada: Account, world: World, case: int, status: int
) -> None:
    """
    Of a file whose cases have nothing to do with each other.
    """
    story = sample("imagine-ws-refused-handshakes", case=case)
    world.play(story)

    async with caller.http.get(
        f"{caller.sim.url}/ws/imagine/listen",
        headers=imagine_handshake(ada)
        | {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        },
    ) as answer:
        assert answer.status == status

    assert story.is_over


def test_a_case_that_is_not_there() -> None:
    """
    Is a mistake of whoever asks.
    """
    with pytest.raises(ValueError, match="no number 9"):
        sample("stream-errors", case=9)


def test_a_line_nobody_knows() -> None:
    """
    Is not skipped.
    """
    with pytest.raises(ValueError, match=r"http\.reply"):
        recording([{"n": 1, "t": 0, "dir": "s2c", "kind": "http.reply"}])


@pytest.mark.parametrize("framing", ["lines", "glued", "sse", "sse_done"])
async def test_a_stream_is_played_in_every_framing(
    caller: Caller, ada: Account, world: World, framing: Framing
) -> None:
    """
    In pieces that end anywhere.
    """
    world.play(sample("video-stream-current-form", framing=framing, chunk_bytes=7))

    status, body = await call_chat(caller, ada)

    assert status == 200
    assert body.count(b'"streamingVideoGenerationResponse"') == 7
    assert (b"data: " in body) is framing.startswith("sse")
    assert (b"\n" in body) is (framing != "glued")


async def test_what_a_story_made_can_be_fetched(caller: Caller, ada: Account, world: World) -> None:
    """
    A film of the told size, its thumbnail, and both in the list; the extension's is as long as both parts.
    """
    world.play(sample("video-extension-16s"))
    for line in lines("video-extension-16s"):
        if line["kind"] == "http.request":
            await call(caller, ada, line)

    first, second = world.media.of(ada)
    assert (first.seconds, second.seconds) == (10, 16)
    assert (second.width, second.height) == (128, 72)
    status, data, _ = await fetch(caller, ada, second.path)
    assert (status, data[4:8]) == (200, b"ftyp")
    assert (await fetch(caller, ada, second.preview))[0] == 200
    assert (await fetch(caller, world.add("tok-bob"), second.path))[0] == 403


async def test_recorded_bytes_are_served(caller: Caller, ada: Account, world: World) -> None:
    """
    Where the story has them, as often as a client likes.
    """
    world.play(sample("image-edit-stream"))
    requests = [line for line in lines("image-edit-stream") if line["kind"] == "http.request"]
    for request in requests[:-1]:
        await call(caller, ada, request)

    got = [await call(caller, ada, requests[-1]) for _ in range(2)]

    assert [status for status, _ in got] == [200, 200]
    assert pictures.size_of(got[0][1]) == (1, 1)


async def test_other_calls_go_their_usual_way(caller: Caller, ada: Account, world: World) -> None:
    """
    A story answers its own calls, in its order, and leaves the rest alone.
    """
    story = sample("video-stream")
    world.play(story)

    status, answers = await order(caller, ada, film_current())

    assert status == 200
    assert told(answers, VIDEO)[-1]["videoUrl"].startswith(f"users/{ada.user_id}/")
    assert story.met == 0


async def test_what_a_client_says_otherwise_is_noted(caller: Caller, ada: Account, world: World) -> None:
    """
    By the names of the members; values are its own business.
    """
    story = sample("imagine-ws-older-two-rounds")
    world.play(story)

    async with easel(caller, ada) as socket:
        await socket.ask("something else", 3)
        await socket.batch(4)

    assert story.differences == [
        "imagine socket: item.content[0].properties.num_generations is not in the recording"
    ]


async def test_a_client_may_leave_a_story_early(caller: Caller, ada: Account, world: World) -> None:
    """
    What it heard was enough for it.
    """
    world.play(sample("imagine-ws-older-two-rounds"))

    async with easel(caller, ada) as socket:
        await socket.ask("a boat", None)
        await socket.read()
    await caller.sim.until(lambda: world.turns[0].state != "open")

    assert world.turns[0].outcome in {"left", "answered"}


async def test_a_story_goes_before_a_script(caller: Caller, ada: Account, world: World) -> None:
    """
    Which then waits for the next one.
    """
    ada.next(media(moderated="all"))
    world.play(sample("video-stream-current-form"))

    await call_chat(caller, ada)
    _, answers = await order(caller, ada, film_current())

    assert told(answers, VIDEO)[-1]["moderated"] is True


def test_an_exchange_without_a_request_fits_any_order() -> None:
    """
    And nothing else.
    """
    [exchange] = sample("image-edit-moderated").exchanges

    assert isinstance(exchange, Exchange)
    assert exchange.fits("POST", CHAT)
    assert not exchange.fits("POST", "/rest/media/post/create")
    assert not exchange.fits("GET", CHAT)
