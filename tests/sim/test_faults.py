"""What goes wrong on purpose, in both chat forms, and how soon the simulator notices who left."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import pytest

from grokdesk.sim import (
    Account,
    Script,
    Simulator,
    Turn,
    World,
    antibot,
    block_only_in_details,
    blocked,
    challenge,
    cut_after,
    expired,
    expired_400,
    garbage,
    hang_up,
    limited,
    not_found,
    out_of_credits,
    overloaded,
    plain_forbidden,
    raw,
    refused,
    safety,
    server_error,
    session_ended,
    stall,
    stream_error,
    text,
    thinking,
    transcript,
    usage_limit_reached,
)
from tests.sim.caller import AGENT, Caller, Json, frames, older, said, tokens

REFUSALS: list[tuple[Script, int, bytes]] = [
    (limited(), 429, b'"code":8'),
    (limited(retry_after=120), 429, b'"code":8'),
    (expired(), 401, b"invalid-credentials"),
    (expired_400(), 400, b"Session not found"),
    (expired_400("email-domain-rejected", status=403), 403, b"email-domain-rejected"),
    (blocked(), 403, b"WKE=unauthorized:blocked-user"),
    (blocked(string_code=True), 403, b'"unauthorized:blocked-user"'),
    (block_only_in_details(), 403, b'"details":["blocked-user"]'),
    (antibot(), 403, b"anti-bot"),
    (challenge(), 403, b"Just a moment"),
    (plain_forbidden(), 403, b"Permission denied"),
    (plain_forbidden(empty_body=True), 403, b""),
    (safety(), 403, b"SAFETY_CHECK_TYPE"),
    (out_of_credits(), 402, b"credits"),
    (overloaded(), 503, b'"code":13'),
    (server_error(520), 520, b"<html>"),
    (not_found(), 404, b"Not Found"),
    (refused(418, {"a": 1}), 418, b'{"a":1}'),
]


@pytest.mark.parametrize(("script", "status", "part"), REFUSALS)
async def test_refusals(caller: Caller, ada: Account, script: Script, status: int, part: bytes) -> None:
    """
    Every row of §15.1 answers the request in the older form, the handshake in the current one, for nothing.
    """
    ada.next(script, script)

    got, body = await caller.chat(ada.token)
    with pytest.raises(aiohttp.WSServerHandshakeError) as handshake:
        await caller.ask(ada)

    assert got == status
    assert part in body
    assert handshake.value.status == status
    assert ada.quota["fast"].remaining == 400
    assert [turn.outcome for turn in caller.sim.turns] == ["refused", "refused"]


async def test_a_connection_may_drop_in_place_of_an_answer(caller: Caller, ada: Account) -> None:
    """
    In both forms, for nothing; a handshake is tried a second time by this client.
    """
    ada.next(hang_up(), hang_up(), hang_up())

    with pytest.raises(aiohttp.ClientError):
        await caller.chat(ada.token)
    with pytest.raises(aiohttp.ClientError):
        await caller.ask(ada)

    assert {turn.outcome for turn in caller.sim.turns} == {"cut"}
    assert ada.quota["fast"].remaining == 400


async def test_headers_of_refusals(caller: Caller, ada: Account) -> None:
    """
    A limit may say when to come back; a challenge says whose it is.
    """
    ada.next(limited(retry_after=120), challenge())

    async with caller.chatting(ada.token) as answer:
        assert answer.headers["Retry-After"] == "120"
    async with caller.chatting(ada.token) as answer:
        assert answer.headers["cf-mitigated"] == "challenge"
        assert answer.headers["Server"] == "cloudflare"


@pytest.mark.parametrize("place", ["top", "response", "model_response"])
@pytest.mark.parametrize("after", [0, 2, None])
async def test_errors_in_the_stream(caller: Caller, ada: Account, place: str, after: int | None) -> None:
    """
    Every place of §15.2, before the first piece, after two, after all; nothing follows.
    """
    script = text("one two three") + stream_error(13, "broken", place=place, after=after)  # type: ignore[arg-type]  # literals
    ada.next(script, script)

    _, body = await caller.chat(ada.token)
    events = await caller.ask(ada)

    text_so_far = {0: "", 2: "one two", None: "one two three"}[after]
    assert tokens(body) == text_so_far
    assert said(events) == text_so_far
    assert b'"broken"' in body
    assert b'isSoftStop":true' not in body
    assert (len(frames(body)) == 1) == (after == 0)
    expected = {"top": "error", "response": "response.done", "model_response": "response.done"}[place]
    assert events[-1]["type"] == expected
    assert [turn.outcome for turn in caller.sim.turns] == ["failed", "failed"]


async def test_limits_in_the_stream(caller: Caller, ada: Account) -> None:
    """
    Code 8 at the top, a usage limit with its members, an overload; `session.ended` alone.
    """
    ada.next(
        limited(in_stream=True), usage_limit_reached(after=1), overloaded(in_stream=True), session_ended(1)
    )

    _, first = await caller.chat(ada.token)
    second, third, fourth = [await caller.ask(ada) for _ in range(3)]

    assert frames(first) == [{"error": {"code": 8, "message": "Too many requests", "details": []}}]
    assert second[-2]["output"]["stream_error"]["kind"] == "rate_limited"
    assert third[-2]["output"]["stream_error"]["code"] == 13
    assert fourth[-1] == {"type": "session.ended"}
    assert said(fourth) != ""


async def test_a_cut_drops_the_connection(caller: Caller, ada: Account) -> None:
    """
    After so many pieces or bytes the body stays incomplete and the socket closes without a word.
    """
    ada.next(text("a b c d") + cut_after(2), text("a b c d") + cut_after(size_bytes=700))

    for _ in range(2):
        async with caller.chatting(ada.token) as answer:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
    ada.next(text("a b c d") + cut_after(2))
    events = await caller.ask(ada)

    assert said(events) == "a b"
    assert [turn.outcome for turn in caller.sim.turns] == ["cut"] * 3
    assert [turn.pieces_sent for turn in caller.sim.turns[::2]] == [2, 2]
    assert caller.sim.turns[1].bytes_sent == 700


async def test_a_polite_cut_ends_in_good_order(caller: Caller, ada: Account) -> None:
    """
    The body is complete, and the answer is not.
    """
    script = text("a b c d") + cut_after(2, politely=True)
    ada.next(script, script)

    _, body = await caller.chat(ada.token)
    events = await caller.ask(ada)

    assert tokens(body) == "a b"
    assert b'isSoftStop":true' not in body
    assert said(events) == "a b"
    assert events[-1]["type"] == "response.chunk"


async def test_garbage(caller: Caller, ada: Account) -> None:
    """
    Alone it is everything; added to an answer it stands where it was added.
    """
    ada.next(
        garbage(), garbage("binary"), garbage("half"), text("a") + garbage() + text(" b"), raw([b"x", b"y"])
    )

    alone, binary, half, mixed, own = [(await caller.chat(ada.token))[1] for _ in range(5)]

    assert alone == b"<<< this is not JSON >>>\n"
    assert b"\xff" in binary
    assert half.startswith(b'{"result"')
    assert tokens(mixed) == "a b"
    assert b"<<<" in mixed
    assert own == b"x\ny\n"


async def test_garbage_in_the_gateway(caller: Caller, ada: Account) -> None:
    """
    A message that is no JSON, or binary, and then the end without a terminal event.
    """
    ada.next(garbage(), garbage("binary"))

    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say()
        text_message = await turn.socket.receive()
    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say()
        binary = await turn.socket.receive()
        end = await turn.socket.receive()

    assert text_message.data == "<<< this is not JSON >>>"
    assert binary.type == aiohttp.WSMsgType.BINARY
    assert end.type == aiohttp.WSMsgType.CLOSE


async def test_a_recorded_body(caller: Caller, ada: Account, world: World) -> None:
    """
    Frames go out verbatim, framed and interrupted like any other; in the wrong form they do not play.
    """
    recorded: list[Json] = [
        {"result": {"conversation": {"conversationId": "conv-1"}}},
        {"result": {"response": {"token": "a", "isThinking": False, "messageTag": "final"}}},
        {"result": {"response": {"token": "b", "isThinking": False, "messageTag": "final"}}},
    ]
    ada.next(transcript(recorded), transcript(recorded) + cut_after(1, politely=True), transcript(recorded))

    _, whole = await caller.chat(ada.token)
    _, part = await caller.chat(ada.token)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await caller.ask(ada)

    assert frames(whole) == recorded
    assert frames(part) == recorded[:2]
    assert "conv-1" in world.conversations
    assert "cannot play" in world.violations[0]


STALLS: list[tuple[str, Script, int]] = [
    ("before the status line", stall(), 0),
    ("after the status line", stall(at="acks"), 0),
    ("in mid-stream", text(pieces=50) + stall(after=2), 2),
    ("between paced pieces", text(pieces=5000, delay_s=0.002), 1),
]


@pytest.mark.parametrize(("script", "pieces"), [row[1:] for row in STALLS], ids=[row[0] for row in STALLS])
async def test_leaving_is_noticed_at_once(caller: Caller, ada: Account, script: Script, pieces: int) -> None:
    """
    A client that leaves the older form is seen leaving within 100 ms, whatever the script is doing.
    """
    ada.next(script)
    url = caller.sim.url + "/rest/app-chat/conversations/new"

    async with asyncio.TaskGroup() as group:
        request = group.create_task(_read_for_ever(caller, url, older(ada.token)))
        turn = await _until_turn(caller.sim, lambda turn: turn.pieces_sent >= pieces)
        request.cancel()
        left_at = time.monotonic()
        await asyncio.wait_for(turn.ended(), 1)

    assert (turn.state, turn.outcome) == ("aborted", "left")
    assert turn.aborted_at is not None
    assert turn.aborted_at - left_at < 0.1
    assert caller.sim.open_connections == 0


GATEWAY_STALLS: list[tuple[str, Script, int]] = [
    ("before the 101", stall(at="open"), 0),
    ("before the acknowledgements", stall(at="acks"), 0),
    ("before the first event", stall(), 0),
    ("in mid-stream", text(pieces=50) + stall(after=2), 2),
    ("between paced pieces", text(pieces=5000, delay_s=0.002), 1),
]


@pytest.mark.parametrize("politely", [True, False])
@pytest.mark.parametrize(
    ("script", "pieces"), [row[1:] for row in GATEWAY_STALLS], ids=[row[0] for row in GATEWAY_STALLS]
)
async def test_leaving_the_gateway_is_noticed_at_once(
    caller: Caller, ada: Account, script: Script, pieces: int, *, politely: bool
) -> None:
    """
    The same for the gateway, with a close frame and without.
    """
    ada.next(script)

    async with asyncio.TaskGroup() as group:
        request = group.create_task(_listen_for_ever(caller, ada, politely=politely))
        turn = await _until_turn(caller.sim, lambda turn: turn.pieces_sent >= pieces)
        await asyncio.sleep(0.02)
        request.cancel()
        left_at = time.monotonic()
        await asyncio.wait_for(turn.ended(), 1)

    assert (turn.state, turn.outcome) == ("aborted", "left")
    assert turn.aborted_at is not None
    assert turn.aborted_at - left_at < 0.1


async def test_a_client_that_has_its_answer_did_not_leave(caller: Caller, ada: Account) -> None:
    """
    Closing at the soft stop or at `response.done` is the ordinary end.
    """
    ada.next(text("a", chunk_bytes=16), text("a"))

    async with caller.chatting(ada.token) as answer:
        async for line in answer.content:
            if b'"isSoftStop":true' in line:
                break
    await caller.ask(ada)

    assert [(await turn.ended()).outcome for turn in caller.sim.turns] == ["answered", "answered"]


async def test_stopping_does_not_wait_for_silent_turns(world: World, ada: Account) -> None:
    """
    The server goes down at once, whatever its turns are doing.
    """
    ada.always(stall())
    simulator = Simulator(world)
    await simulator.start()
    async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
        caller = Caller(simulator, http)
        rest = group.create_task(
            _read_for_ever(caller, simulator.url + "/rest/app-chat/conversations/new", older(ada.token))
        )
        gateway = group.create_task(_listen_for_ever(caller, ada, politely=False))
        await simulator.until(lambda: simulator.open_connections == 2)
        before = time.monotonic()

        await simulator.stop()

        assert time.monotonic() - before < 0.5
        rest.cancel()
        gateway.cancel()
    assert {turn.outcome for turn in simulator.turns} == {"shutdown"}


async def test_a_short_silence_ends_by_itself(caller: Caller, ada: Account) -> None:
    """
    A stall lasts as long as it says, and the answer follows.
    """
    ada.next(text("a") + stall(0.05))
    before = time.monotonic()

    _, body = await caller.chat(ada.token)

    assert tokens(body) == "a"
    assert 0.045 < time.monotonic() - before < 0.4


async def test_a_challenge_lasts_until_it_is_solved(caller: Caller, ada: Account, world: World) -> None:
    """
    Without the right cookie and browser everything is the challenge page; the solver has both.
    """
    world.clearance_required = {"cookie": "demo-clearance", "user_agent": AGENT}
    status, page = await caller.chat(ada.token)

    question = {"cmd": "request.get", "url": "https://grok.com", "maxTimeout": 60000}
    _, solved = await caller.post("/v1", {"Content-Type": "application/json"}, question)
    [clearance, _] = solved["solution"]["cookies"]
    cookie = f"sso={ada.token}; sso-rw={ada.token}; {clearance['name']}={clearance['value']}"
    headers = older(ada.token, {"Cookie": cookie, "User-Agent": solved["solution"]["userAgent"]})
    passed, _ = await caller.post("/rest/rate-limits", headers, {"modelName": "fast"})

    assert (status, passed) == (403, 200)
    assert b"challenge-platform" in page
    assert clearance["domain"] == ".grok.com"
    assert world.violations == []


async def test_scripts_for_other_calls(caller: Caller, ada: Account, world: World) -> None:
    """
    One refusal for the account's next call, one for everybody's.
    """
    ada.next_on("/rest/rate-limits", antibot())
    world.next_on("/rest/rate-limits", server_error())

    statuses = [
        (await caller.post("/rest/rate-limits", older(ada.token), {"modelName": "fast"}))[0] for _ in range(3)
    ]

    assert statuses == [403, 502, 200]


async def test_scripts_take_turns(caller: Caller, ada: Account, world: World) -> None:
    """
    The account's own scripts come first, then its lasting one; the world's are for whoever has none.
    """
    bob = world.add("tok-bob")
    ada.next(text("first"))
    ada.always(text("always"))
    world.next(text("anybody"))

    answers = [tokens((await caller.chat(token))[1]) for token in (ada.token, ada.token, bob.token)]

    assert answers == ["first", "always", "anybody"]


async def test_thinking_is_a_piece_too(caller: Caller, ada: Account) -> None:
    """
    Pieces are counted over thinking and text alike.
    """
    ada.next(thinking(summary=["a", "b"]) + text("c d") + cut_after(3, politely=True))

    _, body = await caller.chat(ada.token)

    assert (tokens(body, is_thinking=True), tokens(body)) == ("ab", "c")


async def _read_for_ever(caller: Caller, url: str, headers: dict[str, str]) -> None:
    with suppress(aiohttp.ClientError):
        async with caller.chatting_raw(url, headers) as answer:
            await answer.read()


async def _listen_for_ever(caller: Caller, account: Account, *, politely: bool) -> None:
    with suppress(aiohttp.ClientError, ConnectionError):
        async with caller.gateway(account) as turn:
            try:
                await turn.open()
                await turn.say()
                await turn.rest()
            except asyncio.CancelledError:
                if not politely and (connection := turn.socket.get_extra_info("socket")):
                    connection.shutdown(socket.SHUT_RDWR)
                raise


async def _until_turn(sim: Simulator, is_ready: Callable[[Turn], bool]) -> Turn:
    await sim.until(lambda: sim.turns and is_ready(sim.turns[-1]))
    return sim.turns[-1]
