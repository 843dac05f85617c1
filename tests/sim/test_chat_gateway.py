"""The current chat form: the message gateway and its state machine."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from grokdesk.sim import (
    Account,
    Script,
    World,
    empty,
    heavy,
    image_card,
    search,
    text,
    thinking,
    transcript,
    wrong_attached_id,
)
from tests.sim.caller import Caller, Json, handshake, said


async def test_an_unscripted_turn_quotes_the_question(caller: Caller, ada: Account, world: World) -> None:
    """
    A whole turn in the order of §9.6, without a complaint of the checks.
    """
    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say("[system]\nBe kind.\n\n[user]\nName three moons.")
        events = await turn.rest()

    assert world.violations == []
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["session.created", "conversation.attached"]
    assert kinds[-1] == "response.done"
    assert "> Name three moons." in said(events)
    assert next(event for event in events if event["type"] == "response.output_text.done")["text"] == said(
        events
    )
    assert ada.quota["fast"].remaining == 399
    [seen] = world.turns
    assert (seen.state, seen.outcome, seen.status, seen.form) == ("done", "answered", 101, "gateway")
    assert [event["event"]["type"] for event in map(_as_json, seen.events)] == [
        "session.create",
        "conversation.item.create",
        "response.create",
    ]


async def test_a_conversation_goes_on(caller: Caller, ada: Account, world: World) -> None:
    """
    A second connection continues the conversation with the parent of the first answer.
    """
    async with caller.gateway(ada) as first:
        await first.open()
        await first.say()
        parent = (await first.rest())[-1]["response"]["id"]

    async with caller.gateway(ada) as second:
        await second.open(conversation=first.session_id)
        await second.say(parent=parent)
        events = await second.rest()

    assert events[-1]["response"]["status"] == "completed"
    assert second.session_id == first.session_id
    assert world.turns[1].parent_response_id == parent
    assert world.violations == []


async def test_an_unknown_conversation_is_told(caller: Caller, ada: Account, world: World) -> None:
    """
    Somebody else's conversation, or none, is an error event and no violation.
    """
    async with caller.gateway(ada) as turn:
        await turn.create(conversation="c0ffee00-0000-4000-8000-000000000000")
        [event] = await turn.rest()

    assert event["error"]["kind"] == "conversation_not_found"
    assert world.violations == []


async def test_a_ping_is_answered(caller: Caller, ada: Account) -> None:
    """
    Also in the middle of a silence.
    """
    async with caller.gateway(ada) as turn:
        await turn.socket.send_json({"event": {"type": "ping", "event_id": "evt_hb_1795392000123"}})

        assert await turn.read() == {"event": {"type": "pong"}}


async def test_content_of_every_kind(caller: Caller, ada: Account) -> None:
    """
    Thinking, searches, citations and pictures appear as the chunks of §9.5.
    """
    ada.next(
        thinking(header="H", summary="S", raw="R") + search(search_events=True), image_card(), heavy(agents=2)
    )

    mixed = await caller.ask(ada)
    picture = await caller.ask(ada)
    agents = await caller.ask(ada)

    channels = {
        event["chunk"]["text"]["text"]: event["chunk"]["text"]["channel"]
        for event in mixed
        if "text" in event.get("chunk", {})
    }
    assert channels["H"] == "CHANNEL_ASSISTANT_NOTETAKER_HEADER"
    assert channels["S"] == "CHANNEL_ASSISTANT_NOTETAKER_SUMMARY"
    assert channels["R"] == "CHANNEL_ASSISTANT_REASONING"
    dumped = json.dumps(mixed)
    for part in (
        "web_search",
        "x_search",
        "webpages",
        "userhandle",
        "CITATION_KIND_X_POST",
        "response.search.result",
    ):
        assert part in dumped
    cards = [
        event["output"]["card_attachment"] for event in picture if event["type"] == "response.grok.output"
    ]
    assert [json.loads(card["jsonData"])["image_chunk"]["progress"] for card in cards] == [0, 50, 100]
    assert "Agent 2" in json.dumps(agents)


async def test_deviations_of_the_wire(caller: Caller, ada: Account) -> None:
    """
    Text by the other event, by both, only at the end; unknown events; acknowledgements in another order.
    """
    ada.next(
        text("Io moon", delivery="delta"),
        text("Io moon", delivery="both"),
        text("Io moon", delivery="done_only"),
        text("Io", unknown=True, foreign_created=True, attached_first=True),
        text("Io") + wrong_attached_id(),
        empty(),
        empty(zero_bytes=True),
    )

    delta, both, late, odd, wrong, quiet, nothing = [await caller.ask(ada) for _ in range(7)]

    assert [event["delta"] for event in delta if "delta" in event] == ["Io", " moon"]
    assert said(delta) == ""
    assert said(both) == "Io moon" == "".join(event.get("delta", "") for event in both)
    assert said(late) == ""
    assert [event["text"] for event in late if "text" in event] == ["Io moon"]
    kinds = [event["type"] for event in odd]
    assert kinds[:3] == ["session.created", "conversation.attached", "session.created"]
    assert "response.aurora.hint" in kinds
    assert wrong[1]["conversation"]["id"] != caller.sim.turns[4].conversation_id
    assert quiet[-1]["response"]["status"] == "completed"
    assert said(quiet) == ""
    assert [event["type"] for event in nothing] == ["session.created", "conversation.attached"]


async def test_messages_may_be_glued_or_binary(caller: Caller, ada: Account) -> None:
    """
    Several objects in one message, and messages that are no text.
    """
    ada.next(text("a b c d e", glue=3), text("a b", binary="noise"))

    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say()
        glued = [(await turn.socket.receive()).data for _ in range(4)]
    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say()
        await turn.rest()

    assert all(message.count('{"session_id"') == 3 for message in glued)
    assert len(turn.binary) == 2


async def test_a_transcript_is_played_as_it_is(caller: Caller, ada: Account) -> None:
    """
    Recorded frames keep their ids; echoes of the recorded client's event ids become echoes of the real ones.
    """
    session = "d00f7b11-205f-42f7-88c1-d781b972e776"
    dialogue: list[Json] = [
        {"dir": "note", "text": "turn 1"},
        _client("session.create", "evt_init_old"),
        _server(session, {"type": "conversation.attached", "conversation": {"id": session}}),
        _server(session, {"type": "session.created", "client_event_id": "evt_init_other"}),
        _server(session, {"type": "session.created", "client_event_id": "evt_init_old"}),
        _client("conversation.item.create", "evt_msg_1"),
        _client("response.create", "evt_resp_1"),
        _server(
            session, {"type": "response.created", "client_event_id": "evt_resp_1", "response": {"id": "r"}}
        ),
        _server(session, {"type": "response.chunk", "chunk": {"text": {"text": "Io", "channel": ""}}}),
        _server(session, {"type": "response.done", "response": {"id": "r", "status": "completed"}}),
    ]
    ada.next(transcript(dialogue))

    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say()
        events = await turn.rest()

    assert turn.session_id == session
    assert [event["type"] for event in events] == [
        line["frame"]["event"]["type"] for line in dialogue if _is_server(line)
    ]
    assert events[3]["client_event_id"] == "evt_resp_1795392000123"
    assert (caller.sim.turns[0].response_id, caller.sim.turns[0].pieces_sent) == ("r", 1)


async def test_events_out_of_order_are_refused(caller: Caller, ada: Account, world: World) -> None:
    """
    A message before the acknowledgements ends the turn, also in a world that is not strict.
    """
    world.strict = False
    async with caller.gateway(ada) as turn:
        await turn.create()
        await turn.say()
        events = await turn.rest()

    assert events[-1]["type"] == "error"
    assert "not the time for it" in world.violations[0]
    assert world.turns[0].outcome == "refused"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"message": ""}, "says nothing"),
        ({"files": ("f-1",)}, "was not uploaded"),
        ({"parent": "r-0"}, "parent_response_id is no response"),
    ],
)
async def test_a_wrong_message_is_refused(
    caller: Caller, ada: Account, world: World, change: dict[str, Any], complaint: str
) -> None:
    """
    What the item says is checked against files and conversation.
    """
    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say(**change)
        events = await turn.rest()

    assert events[-1]["type"] == "error"
    assert complaint in world.violations[0]


async def test_a_surplus_member_is_noticed(caller: Caller, ada: Account, world: World) -> None:
    """
    `session.create` has exactly the members of the document.
    """
    async with caller.gateway(ada) as turn:
        mine = await turn.create(use_magic=True)
        await turn.rest()

    assert mine.startswith("evt_init_")
    assert "x_grok.use_magic is not known" in world.violations[0]


async def test_an_empty_quota_is_an_error_event(caller: Caller, ada: Account, world: World) -> None:
    """
    Code 8, or a usage limit inside the stream; the script of the turn is kept for the next one.
    """
    ada.quota["expert"].remaining = 0
    ada.next(text("later"))

    async def ask(mode: str) -> list[Json]:
        async with caller.gateway(ada) as turn:
            await turn.open(mode)
            await turn.say()
            return await turn.rest()

    plain = await ask("expert")
    world.quota_refusal = "in_stream"
    limit = await ask("expert")
    later = await ask("fast")

    assert plain[-1] == {"type": "error", "error": {"code": 8, "message": "Too many requests"}}
    assert limit[-2]["output"]["stream_error"]["usageLimitReached"] == {}
    assert limit[-1]["response"]["status"] == "failed"
    assert said(later) == "later"


@pytest.mark.parametrize("status", [404, 405, 410, 426])
async def test_the_gateway_may_be_gone(caller: Caller, ada: Account, world: World, status: int) -> None:
    """
    The handshake is answered with the status of a path nobody knows.
    """
    world.gateway = False
    world.gateway_gone_status = status

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await caller.ask(ada)

    assert refused.value.status == status
    assert world.violations == []


async def test_a_handshake_may_be_refused(caller: Caller, ada: Account, world: World) -> None:
    """
    Any status in place of the 101.
    """
    world.handshake_status = 503

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await caller.ask(ada)

    assert refused.value.status == 503
    assert world.turns[0].outcome == "refused"


async def test_the_uid_belongs_to_the_token(caller: Caller, ada: Account, world: World) -> None:
    """
    Another account's uid, or one that differs from its cookie, is refused.
    """
    bob = world.add("tok-bob")

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with caller.gateway(ada, uid=bob.user_id):
            pass

    assert refused.value.status == 400
    assert any("x-userid differs" in violation for violation in world.violations)
    assert any("not the account's user id" in violation for violation in world.violations)


async def test_the_handshake_carries_no_signature(caller: Caller, ada: Account, world: World) -> None:
    """
    Statsig, request id and hints do not belong into a handshake.
    """
    url = f"{caller.sim.url}/ws/mgw/?uid={ada.user_id}"
    extra = {"x-statsig-id": "x", "x-xai-request-id": "y", "Sec-Ch-Ua": "z"}

    async with caller.http.get(url, headers=handshake(ada, **extra)) as answer:
        status = answer.status

    assert status == 400
    assert len([violation for violation in world.violations if "does not belong here" in violation]) == 3


async def test_messages_keep_their_pace(caller: Caller, ada: Account) -> None:
    """
    Twenty pieces of ten milliseconds take about two tenths of a second.
    """
    ada.next(text(pieces=20, delay_s=0.01))
    loop = asyncio.get_running_loop()

    async with caller.gateway(ada) as turn:
        await turn.open()
        await turn.say()
        times = []
        while (await turn.read())["event"]["type"] != "response.done":
            times.append(loop.time())

    assert 0.15 < times[-1] - times[0] < 0.5
    assert all(before <= after for before, after in pairwise(times))


def test_scripts_add_up() -> None:
    """
    Content follows content, and the right one's wire wins where it says something.
    """
    script = thinking(summary="s", framing="sse", chunk_bytes=3) + text("t", framing="glued")

    assert [type(step).__name__ for step in script.steps] == ["Think", "Say"]
    assert (script.wire.framing, script.wire.chunk_bytes) == ("glued", 3)
    assert Script().needs_content


def _as_json(value: object) -> Json:
    assert isinstance(value, dict)
    return value


def _client(kind: str, event_id: str) -> Json:
    return {"dir": "client", "frame": {"event": {"type": kind, "event_id": event_id}}}


def _server(session: str, event: Json) -> Json:
    return {"dir": "server", "frame": {"session_id": session, "event": event}}


def _is_server(line: Json) -> bool:
    return bool(line["dir"] == "server")
