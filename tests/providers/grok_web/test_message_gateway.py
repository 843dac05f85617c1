"""The current form: messages of the gateway become events, and the turn knows when to speak."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokdesk.core.errors import (
    AccountRejected,
    EmptyAnswer,
    Garbled,
    Overloaded,
    RateLimited,
    Refused,
    Unreachable,
    UpstreamError,
)
from grokdesk.core.events import Event, Finished, TextPiece
from grokdesk.providers.grok_web.protocol.answer import ASSETS_URL
from grokdesk.providers.grok_web.protocol.message_gateway import GatewayDecoder
from tests.providers.grok_web.transcripts import (
    ACKNOWLEDGED,
    DONE,
    INIT,
    JSON_VALUES,
    chunk,
    decode,
    event,
    folded,
    grammatical,
    lines,
    named,
    outcome,
    words,
)

ECLIPSE = "https://sky.example.org/eclipse-2026"
POST = "https://x.com/skywatcher/status/1912000000000000042"


def turn(conversation_id: str = "", assets_url: str = ASSETS_URL) -> GatewayDecoder:
    return GatewayDecoder(event_init_id=INIT, conversation_id=conversation_id, assets_url=assets_url)


def read(*messages: bytes) -> list[Event]:
    events, failure = decode(turn(), [*ACKNOWLEDGED, *messages])
    assert failure is None, failure
    return events


def say(text: str, channel: str = "CHANNEL_ASSISTANT_RESPONSE", **metadata: object) -> bytes:
    return chunk(metadata=metadata, text={"text": text, "channel": channel})


def dialogue() -> list[list[bytes]]:
    """The server's messages of each turn in the recorded dialogue."""
    turns: list[list[bytes]] = []
    for line in lines("mgw-dialogue.ndjson"):
        entry = orjson.loads(line)
        if entry["dir"] == "note":
            turns.append([])
        if entry["dir"] == "server":
            turns[-1].append(orjson.dumps(entry["frame"]))
    return turns


# --- samples ---


def test_every_sample_is_read_by_a_test() -> None:
    """
    A new sample needs a test here.
    """
    assert named("mgw-*.ndjson") == [
        "mgw-dialogue.ndjson",
        "mgw-image-card.ndjson",
        "mgw-stream-error.ndjson",
        "mgw-thinking-search-citations.ndjson",
    ]


def test_the_first_turn_of_a_dialogue() -> None:
    """
    Acknowledgements may come in either order; the closing text is not shown twice.
    """
    decoder = turn()

    ready = []
    events: list[Event] = []
    for message in dialogue()[0]:
        events += decoder.feed(message)
        ready.append(decoder.ready)

    assert ready[:2] == [False, True]
    assert decoder.done
    assert decoder.session_id == decoder.conversation_id == "d00f7b11-205f-42f7-88c1-d781b972e776"
    assert decoder.response_id == "b338afd6-b776-4568-a9ca-4bb956e78ec7"
    read_back = folded([*events, *decoder.end()])
    assert read_back.text == "Io, Europa and Ganymede."
    assert read_back.thinking == "Thinking about your request\n"


def test_a_turn_that_continues_waits_for_its_own_acknowledgement() -> None:
    """
    Somebody else's `session.created` does not count: only after the third message may the item be sent.
    """
    decoder = GatewayDecoder(
        event_init_id="evt_init_670c1cd3-5555-4e31-84be-37c1dfe6c55b",
        conversation_id="d00f7b11-205f-42f7-88c1-d781b972e776",
    )

    ready = []
    events: list[Event] = []
    for message in dialogue()[1]:
        events += decoder.feed(message)
        ready.append(decoder.ready)

    assert ready[:3] == [False, False, True]
    assert folded([*events, *decoder.end()]).text == "It looks like Europa."


def test_thinking_search_and_citations() -> None:
    """
    Channels are told apart, citations are numbered by first use, refused addresses leave nothing.
    """
    events, failure = decode(turn(), lines("mgw-thinking-search-citations.ndjson"))

    read_back = folded(events)
    assert failure is None
    assert read_back.text == (
        f"The next one is on **12 August 2026**[[1]]({ECLIPSE}), near sunset[[2]]({POST})."
        f" Totality is short 🌘[[1]]({ECLIPSE})"
    )
    assert [(at.start, at.end) for at in read_back.citations] == [(37, 80), (93, 151), (172, 215)]
    assert [source.url for source in read_back.sources] == [ECLIPSE, "https://news.example.com/eclipse", POST]
    assert read_back.thinking == (
        "Thinking about your request\n"
        "I need an authoritative page for the date. A post could confirm the time of day.\n"
        "Looking for the eclipse date\n"
        'Searching the web: "total solar eclipse Spain August 2026"\n'
        'Searching X: "eclipse Spain"\n'
    )


def test_an_image_among_text() -> None:
    """
    The finished image is shown, the withheld one is not.
    """
    events, failure = decode(turn(), lines("mgw-image-card.ndjson"))

    assert failure is None
    told = folded(events)
    assert told.text == "Here is your paper boat."
    assert [made.artifact.url for made in told.made] == [
        "https://assets.grok.com/users/7b0c1f8e/generated/cf6f4db3-5497-4bda-913b-7c4fd711cad0/image.jpg"
    ]


def test_an_error_in_the_stream_ends_the_turn() -> None:
    """
    The text before it was shown; `response.done` behind it is not reached.
    """
    events, failure = decode(turn(), lines("mgw-stream-error.ndjson"))

    assert folded(events).text == "The river wakes"
    assert isinstance(failure, RateLimited)


# --- any messages ---

TYPES = words(
    """
    session.created conversation.attached response.chunk response.output_text.delta
    response.output_text.done response.search.result response.grok.output response.created
    response.error response.done error session.ended pong
    """
)
MEMBERS = words(
    """
    client_event_id conversation chunk delta text result search_result output stream_error
    card_attachment response error id url title status message code channel metadata rollout_id
    tool_usage_card tool_result render_citation ui_layout rollout_ids web_search webpages x_post posts
    userhandle post_id args query jsonData image_chunk imageUrl progress moderated status_details reason
    """
)
VALUES = JSON_VALUES | st.sampled_from(
    [INIT, "c-1", "completed", "CHANNEL_ASSISTANT_RESPONSE", "https://a.example", "reasoning"]
)
WILD = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)
EVENTS = st.builds(
    lambda kind, members: {**members, "type": kind},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(MEMBERS), WILD, max_size=4),
)
MESSAGES = st.one_of(
    EVENTS.map(lambda inner: orjson.dumps({"session_id": "c-1", "event": inner})),
    WILD.map(orjson.dumps),
    st.binary(max_size=30),
    st.sampled_from([*ACKNOWLEDGED, DONE, say("x")]),
)


@given(st.lists(MESSAGES, max_size=8))
def test_any_messages_give_events_or_an_upstream_error(messages: list[bytes]) -> None:
    """
    Messages of any shape give a valid run or a failure, never anything else.
    """
    events, kind, _ = outcome(turn(), [*ACKNOWLEDGED, *messages])

    assert grammatical(events, finished=kind is None)


@given(
    st.lists(st.sampled_from([say("a"), say("b", "X_THINKING"), event("pong"), DONE]), max_size=6),
    st.integers(0, 9),
)
def test_objects_may_share_a_message(messages: list[bytes], place: int) -> None:
    """
    Several objects in one message are read like as many messages.
    """
    apart = [*ACKNOWLEDGED, *messages]
    at = place % len(apart)

    together = [b"".join(apart[:at]), b"\n".join(apart[at:])]

    assert outcome(turn(), together) == outcome(turn(), apart)


def test_a_broken_message_does_not_swallow_the_next() -> None:
    """
    Messages are whole; what is not JSON is skipped.
    """
    assert folded(read(b'{"event":{"type":"', say("Io"), b"not json", DONE)).text == "Io"


# --- acknowledgements ---


def test_a_conversation_other_than_the_session_fails() -> None:
    """
    Nobody's else conversation is written into.
    """
    _, failure = decode(
        turn(), [ACKNOWLEDGED[0], event("conversation.attached", conversation={"id": "other"})]
    )

    assert isinstance(failure, Garbled)


def test_a_conversation_without_id_fails() -> None:
    """
    The acknowledgement must say what it acknowledges.
    """
    _, failure = decode(turn(), [event("conversation.attached", conversation={})])

    assert isinstance(failure, Garbled)


def test_another_conversation_than_the_one_continued_fails() -> None:
    """
    A continuation belongs to one conversation.
    """
    _, failure = decode(turn(conversation_id="mine"), ACKNOWLEDGED)

    assert isinstance(failure, Garbled)


def test_an_answer_before_the_question_is_ignored() -> None:
    """
    Nothing was asked yet, so it is about something else.
    """
    events, _ = decode(turn(), [say("old"), *ACKNOWLEDGED, say("new"), DONE])

    assert folded(events).text == "new"


# --- text ---


@pytest.mark.parametrize(
    "messages",
    [
        [
            say("Io"),
            event("response.output_text.delta", delta="Io"),
            say("."),
            event("response.output_text.done", text="Io."),
        ],
        [
            event("response.output_text.delta", delta="Io"),
            say("Io"),
            event("response.output_text.delta", text="."),
        ],
        [event("response.output_text.delta", delta=""), say("Io"), say(".", "")],
        [event("response.output_text.done", text="Io.")],
        [say("Io", " channel_assistant_response "), say("no", "CHANNEL_OTHER"), say("."), say("")],
    ],
)
def test_text_delivered_twice_is_shown_once(messages: list[bytes]) -> None:
    """
    The kind of delivery that comes first is followed; other channels are not text.
    """
    assert folded(read(*messages, DONE)).text == "Io."


@pytest.mark.parametrize(
    "channel", ["CHANNEL_ASSISTANT_THINKING", "CHANNEL_ASSISTANT_REASONING", "channel_assistant_analysis"]
)
def test_channels_of_words_are_thinking_as_it_comes(channel: str) -> None:
    """
    Thinking, reasoning and analysis stream word by word.
    """
    assert folded(read(say("a", channel), say(" b", channel), say("x"), DONE)).thinking == "a b"


def test_agents_are_named_when_several_work() -> None:
    """
    A line says who speaks when that changes.
    """
    thinking = "CHANNEL_ASSISTANT_THINKING"
    messages = [
        chunk(ui_layout={"rollout_ids": ["Grok", "Agent 1"]}),
        say("plan", thinking, rollout_id="Grok"),
        say("dig", thinking, rollout_id="Agent 1"),
        chunk(
            metadata={"rollout_id": "Agent 1"}, tool_usage_card={"id": "t", "web_search": {"query": "tides"}}
        ),
    ]

    assert folded(read(*messages, say("x"), DONE)).thinking == (
        '[Grok]\nplan\n[Agent 1]\ndig\n[Agent 1] Searching the web: "tides"\n'
    )


def test_a_search_result_is_a_source() -> None:
    """
    Both names that were seen for it are read.
    """
    messages = [
        event("response.search.result", result={"url": "https://a.example", "title": "A"}),
        event("response.search.result", search_result={"url": "https://b.example"}),
    ]

    sources = folded(read(*messages, say("x"), DONE)).sources

    assert [source.url for source in sources] == ["https://a.example", "https://b.example"]


# --- the end ---


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], Unreachable),
        ([say("Io")], Unreachable),
        ([event("session.ended")], UpstreamError),
        ([event("error", error={"code": 8, "message": "Too many requests"})], RateLimited),
        ([event("error", message="Session not found")], AccountRejected),
        ([event("response.done", response={"status": "failed"})], UpstreamError),
        (
            [
                event(
                    "response.done",
                    response={"status": "failed", "status_details": {"reason": "rate_limited"}},
                )
            ],
            RateLimited,
        ),
        (
            [
                event("response.error", error={"code": 14}),
                event("response.done", response={"status": "failed"}),
            ],
            Overloaded,
        ),
        ([event("response.grok.output", output={"stream_error": {"code": "rate_limited"}})], RateLimited),
        (
            [event("response.grok.output", output={"stream_error": {"kind": "x", "usagePoolExhausted": {}}})],
            RateLimited,
        ),
        ([DONE], EmptyAnswer),
        (
            [
                event(
                    "response.grok.output", output={"card_attachment": {"image_chunk": {"moderated": True}}}
                ),
                DONE,
            ],
            Refused,
        ),
    ],
)
def test_a_turn_without_an_answer_is_a_failure(messages: list[bytes], expected: type[UpstreamError]) -> None:
    """
    A broken connection, an ended session and a failed response are told apart.
    """
    _, failure = decode(turn(), [*ACKNOWLEDGED, *messages])

    assert type(failure) is expected


def test_nothing_but_garbage_is_garbled() -> None:
    """
    A socket that speaks something else is not the gateway.
    """
    _, failure = decode(turn(), [b"{hello}", b"{"])

    assert isinstance(failure, Garbled)


def test_the_text_before_a_failure_in_the_same_message_is_delivered() -> None:
    """
    The failure comes with the next call.
    """
    decoder = turn()
    decode_to_ready(decoder)

    events = decoder.feed(say("Io") + event("session.ended"))

    assert TextPiece("Io") in events
    assert decoder.done
    with pytest.raises(UpstreamError):
        decoder.feed(DONE)
    with pytest.raises(UpstreamError):
        decoder.end()


def decode_to_ready(decoder: GatewayDecoder) -> None:
    for message in ACKNOWLEDGED:
        decoder.feed(message)


def test_what_follows_the_end_is_ignored() -> None:
    """
    After `response.done` nothing changes the answer.
    """
    assert read(say("Io"), DONE, say("more"), event("session.ended"))[-1] == Finished()
