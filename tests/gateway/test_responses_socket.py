"""The Responses API in a WebSocket: what the public Open Responses compliance tests do, and more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from grokdesk.core.conversation import Message, Role, Text
from grokdesk.core.errors import Garbled, GrokDeskError, NoAccount
from grokdesk.core.events import TextPiece
from grokdesk.core.notices import GatewayPhase
from tests.gateway.conftest import PATIENCE_S, World
from tests.gateway.fakes import Step, finished, settle, started
from tests.gateway.test_responses import MODEL, idle

__all__ = ["idle"]

ENDS = {"response.completed", "response.incomplete", "response.failed", "error"}


@pytest.fixture
async def socket(world: World, http: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with http.ws_connect("/v1/responses") as socket:
        yield socket


async def say(socket: aiohttp.ClientWebSocketResponse, said: object = "Hi", **more: object) -> None:
    message = {"type": "response.create", "model": MODEL, "store": False, "input": said, **more}
    await socket.send_json(message)


async def hear(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    """Return the events of one turn."""
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE_S):
        while not heard or heard[-1]["type"] not in ENDS:
            heard.append(await socket.receive_json())
    return heard


async def turn(
    socket: aiohttp.ClientWebSocketResponse, said: object = "Hi", **more: object
) -> dict[str, Any]:
    """Return the last event of a turn: its response, or the error."""
    await say(socket, said, **more)
    last = (await hear(socket))[-1]
    answer: dict[str, Any] = last.get("response", last)
    return answer


async def test_a_turn_is_told_one_event_a_message(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    The same events as in a stream, in the same order.
    """
    await say(socket)
    heard = await hear(socket)

    assert [event["sequence_number"] for event in heard] == list(range(len(heard)))
    assert (heard[0]["type"], heard[-1]["type"]) == ("response.created", "response.completed")
    assert heard[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"
    assert world.engine.clients == ["Editor"]


async def test_turns_follow_each_other(world: World, socket: aiohttp.ClientWebSocketResponse) -> None:
    """
    On one connection, also when the second is sent before the first has ended.
    """
    world.engine.per_run = lambda number: ([], [[started()], [TextPiece(f"answer {number}")], [finished()]])

    await say(socket, "first")
    await say(socket, "second")
    heard = [(await hear(socket))[-1]["response"]["output"][0]["content"][0]["text"] for _ in range(2)]

    assert heard == ["answer 0", "answer 1"]


async def test_a_turn_continues_what_is_not_stored(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    The connection remembers, turn after turn.
    """
    first = await turn(socket, "The word is cobalt.")
    second = await turn(socket, "Which word?", previous_response_id=first["id"])
    await turn(socket, "Sure?", previous_response_id=second["id"])

    assert [message.parts[0] for message in world.engine.requests[2].messages] == [
        Text("The word is cobalt."),
        Text("Hello"),
        Text("Which word?"),
        Text("Hello"),
        Text("Sure?"),
    ]


async def test_a_connection_remembers_the_last_answers(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    Sixteen of them.
    """
    first = await turn(socket)
    for _ in range(15):
        await turn(socket)
    still = await turn(socket, previous_response_id=first["id"])
    gone = await turn(socket, previous_response_id=first["id"])

    assert still["status"] == "completed"
    assert gone["error"]["code"] == "previous_response_not_found"


async def test_an_answer_that_failed_is_not_remembered(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    Nobody can continue from it.
    """
    world.engine.says([started()], Garbled("Nonsense."))
    failed = await turn(socket)

    after = await turn(socket, previous_response_id=failed["id"])

    assert after["error"]["code"] == "previous_response_not_found"


async def test_another_connection_knows_nothing_of_it(
    world: World, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    It says which answer it misses, and goes on with a new conversation.
    """
    first = await turn(socket)

    async with http.ws_connect("/v1/responses") as other:
        missed = await turn(other, previous_response_id=first["id"])
        recovered = await turn(other)

    assert (missed["type"], missed["status"]) == ("error", 400)
    assert missed["error"]["code"] == "previous_response_not_found"
    assert recovered["status"] == "completed"


async def test_what_is_stored_continues_anywhere(
    world: World, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    Also what goes on from an answer that only the connection knew.
    """
    first = await turn(socket, "The word is cobalt.")
    second = await turn(socket, "Which word?", previous_response_id=first["id"], store=True)

    body = {"model": MODEL, "input": "Sure?", "previous_response_id": second["id"]}
    async with http.post("/v1/responses", json=body) as answer:
        assert answer.status == 200

    assert len(world.engine.requests[2].messages) == 5
    assert world.engine.requests[2].messages[0] == Message(Role.USER, (Text("The word is cobalt."),))


async def test_a_turn_that_fails_forgets_what_it_continued(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    The client starts again with all of it.
    """
    first = await turn(socket)
    orphan = [{"type": "function_call_output", "call_id": "call_missing", "output": "x"}]

    failed = await turn(socket, orphan, previous_response_id=first["id"])
    again = await turn(socket, previous_response_id=first["id"])

    assert (failed["type"], failed["error"]["param"]) == ("error", "input.0.call_id")
    assert again["error"]["code"] == "previous_response_not_found"


async def test_a_turn_may_only_announce_what_will_be_talked_about(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    `generate: false` asks nothing of upstream; its answer is empty and can be continued.
    """
    warm = await turn(socket, [{"role": "developer", "content": "Be brief."}], generate=False)
    empty = await turn(socket, [], generate=False)
    await turn(socket, previous_response_id=warm["id"])

    assert (warm["status"], warm["output"], empty["status"]) == ("completed", [], "completed")
    (request,) = world.engine.requests
    assert [message.role for message in request.messages] == [Role.SYSTEM, Role.USER]


async def test_a_compacted_conversation_begins_a_new_one(
    world: World, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    What `compact` returned is the beginning, as it is.
    """
    body = {"model": MODEL, "input": [{"role": "user", "content": "The word is slate."}]}
    async with http.post("/v1/responses/compact", json=body) as answer:
        compacted = await answer.json()

    response = await turn(socket, [*compacted["output"], {"role": "user", "content": "Go on."}], tools=[])

    assert response["status"] == "completed"


async def test_streams_of_one_connection_do_not_wait_for_each_other(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    Every event names its stream.
    """
    go_on = asyncio.Event()
    world.engine.per_run = lambda number: (
        [],
        [[started()], *([] if number else [go_on]), [TextPiece("x")], [finished()]],
    )

    await say(socket, stream_id="slow")
    await say(socket, stream_id="fast")
    heard = await hear(socket)
    go_on.set()
    later = await hear(socket)

    assert heard[-1]["stream_id"] == "fast"
    assert {event["stream_id"] for event in later} == {"slow"}


@pytest.mark.parametrize(
    ("begin", "steps", "kind"),
    [
        (NoAccount("None is free."), [], "error"),
        (None, [[started()], Garbled("Nonsense.")], "response.failed"),
    ],
    ids=["before the answer", "in the middle"],
)
async def test_a_failure_ends_the_turn_and_not_the_connection(
    world: World,
    socket: aiohttp.ClientWebSocketResponse,
    begin: GrokDeskError | None,
    steps: list[Step],
    kind: str,
) -> None:
    """
    One event tells of it, and the next turn is answered.
    """
    world.engine.per_run = lambda number: (
        ([], [[started()], [finished()]]) if number else ([begin] if begin else [], steps)
    )

    await say(socket)
    failed = (await hear(socket))[-1]
    after = await turn(socket)

    assert failed["type"] == kind
    assert after["status"] == "completed"


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[]",
        '{"type":"response.delete"}',
        '{"type":"response.create","input":"Hi"}',
        '{"type":"response.create","model":"grok-4.20-fast","input":"Hi","background":true}',
        '{"type":"response.create","model":"grok-4.20-fast","input":"Hi","stream_id":5}',
    ],
)
async def test_a_message_that_cannot_be_understood(
    world: World, socket: aiohttp.ClientWebSocketResponse, message: str
) -> None:
    """
    Is answered, and the connection stays.
    """
    await socket.ping()
    await socket.send_str(message)
    error = (await hear(socket))[-1]
    after = await turn(socket)

    assert (error["type"], error["status"]) == ("error", 400)
    assert error["error"]["type"] == "invalid_request_error"
    assert after["status"] == "completed"


async def test_an_answer_cannot_be_steered(world: World, socket: aiohttp.ClientWebSocketResponse) -> None:
    """
    The client hears so in the form it knows.
    """
    await socket.send_json({"type": "response.steer", "input": "No!", "previous_response_id": "resp_1"})

    told = await socket.receive_json()

    assert (told["type"], told["error"]["code"]) == ("response.steer.failed", "steering_not_supported")


async def test_too_many_streams_or_turns(world: World, socket: aiohttp.ClientWebSocketResponse) -> None:
    """
    Are refused rather than piled up.
    """
    world.engine.says([started()], asyncio.Event())

    for at in range(17):
        await say(socket, stream_id=f"s{at}")
    refused = [
        event for event in [await socket.receive_json() for _ in range(33)] if event["type"] == "error"
    ]
    for _ in range(33):
        await say(socket, stream_id="s0")
    full = await socket.receive_json()

    assert [event["error"]["param"] for event in (*refused, full)] == ["stream_id", "stream_id"]


async def test_leaving_ends_what_is_being_answered(
    world: World, socket: aiohttp.ClientWebSocketResponse, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Upstream is let go, quietly.
    """
    world.engine.says([started()], [TextPiece("Hel")], asyncio.Event())
    await say(socket)
    await world.engine.entered.wait()

    await socket.close()

    await world.until_nothing_in_flight()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_fault_of_ours_is_told_without_its_text(
    world: World, socket: aiohttp.ClientWebSocketResponse, caplog: pytest.LogCaptureFixture
) -> None:
    """
    And ends the connection.
    """
    world.engine.says([started()], ValueError("secret"))

    await say(socket)
    error = (await hear(socket))[-1]
    closed = await socket.receive()

    assert (error["type"], error["error"]["code"]) == ("error", "internal_error")
    assert "secret" not in str(error)
    assert "secret" in caplog.text
    assert closed.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING}


async def test_an_idle_connection_does_not_hold_up_the_end(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    It is closed with a word.
    """
    await turn(socket)
    stopping = asyncio.get_running_loop().create_task(world.gateway.stop(grace_s=60))

    closed = await socket.receive()
    await stopping

    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
    assert world.gateway.state.phase is GatewayPhase.STOPPED


async def test_a_turn_may_end_before_the_gateway_does(
    world: World, socket: aiohttp.ClientWebSocketResponse
) -> None:
    """
    Within the time that stopping gives it.
    """
    go_on = asyncio.Event()
    world.engine.says([started()], go_on, [TextPiece("Hello"), finished()])
    await say(socket)
    await world.engine.entered.wait()
    stopping = asyncio.get_running_loop().create_task(world.gateway.stop(grace_s=60))
    await settle()

    go_on.set()
    heard = await hear(socket)
    closed = await socket.receive()
    await stopping

    assert heard[-1]["type"] == "response.completed"
    assert closed.type is aiohttp.WSMsgType.CLOSE


async def test_the_connection_needs_a_key(world: World) -> None:
    """
    Before it is opened.
    """
    async with aiohttp.ClientSession(world.root) as stranger:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await stranger.ws_connect("/v1/responses")

    assert caught.value.status == 401
