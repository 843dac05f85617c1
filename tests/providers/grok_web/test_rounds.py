"""Tools and JSON read out of an answer's text, and the one time it is asked again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import orjson
import pytest

from grokdesk.core.conversation import AnswerForm, ChatRequest, Message, Role, Text, ToolCall
from grokdesk.core.errors import EmptyAnswer
from grokdesk.core.events import (
    Batch,
    Called,
    Cited,
    Event,
    Finished,
    Made,
    Started,
    Stop,
    TextPiece,
    ThoughtPiece,
)
from grokdesk.core.media import Artifact, Kind
from grokdesk.core.tools import Must, Tool, ToolChoice, ToolKind
from grokdesk.providers.grok_web.rounds import Asking, Rounds, block_for, messages_for, needs_rounds

WEATHER = Tool(
    "get_weather", schema='{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
)
STRICT = Tool("get_weather", schema=WEATHER.schema, strict=True)
NOTE = Tool("note", kind=ToolKind.CUSTOM)
PERSON = '{"type":"object","properties":{"age":{"type":"integer"}},"required":["age"]}'
HELLO = (Message(Role.USER, (Text("Hello"),)),)


def call(city: str) -> str:
    """A call as the model writes it."""
    arguments = orjson.dumps({"city": city}).decode()
    return (
        "<tool_calls><tool_call><tool_name>get_weather</tool_name>"
        f"<parameters>{arguments}</parameters></tool_call></tool_calls>"
    )


def request(*tools: Tool, must: Must = Must.MAY, json: bool = False, schema: str = "") -> ChatRequest:
    return ChatRequest(
        "grok-4.20-fast",
        HELLO,
        tools=tools,
        tool_choice=ToolChoice(must),
        answer=AnswerForm(json=json, schema=schema),
    )


async def answers(*said: Sequence[Event | Exception]) -> AsyncIterator[Batch]:
    for batch in said:
        for event in batch:
            if isinstance(event, Exception):
                raise event
        yield [event for event in batch if not isinstance(event, Exception)]


def text(*pieces: str) -> list[Event]:
    return [Started("", "", 0), *(TextPiece(piece) for piece in pieces), Finished()]


class Upstream:
    """Answers each asking with the next of its answers, and remembers what was asked."""

    def __init__(self, *said: Sequence[Event | Exception]) -> None:
        self._said = list(said)
        self.asked: list[Asking] = []

    async def ask(self, asking: Asking) -> AsyncIterator[Batch]:
        self.asked.append(asking)
        return answers(self._said.pop(0))


async def told(wanted: ChatRequest, *said: Sequence[Event | Exception]) -> tuple[list[Event], Upstream]:
    upstream = Upstream(*said)
    asking = Asking(wanted.messages, block_for(wanted))
    rounds = Rounds(wanted, asking, upstream.ask, await upstream.ask(asking))
    return [event for batch in [batch async for batch in rounds] for event in batch], upstream


def calls(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(one.call.name, one.call.arguments) for one in events if isinstance(one, Called)]


def said(events: Sequence[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, TextPiece))


async def test_a_call_is_taken_out_of_the_text() -> None:
    """
    Text before it stays, the markup goes, and the answer ends with calls.
    """
    events, upstream = await told(request(WEATHER), text("Let me look. ", *call("Oslo")))

    assert said(events).strip() == "Let me look."
    assert calls(events) == [("get_weather", '{"city":"Oslo"}')]
    assert events[-1] == Finished(Stop.CALLS)
    assert len(upstream.asked) == 1
    assert "AVAILABLE TOOLS:" in upstream.asked[0].text()


async def test_a_plain_answer_stays_plain() -> None:
    """
    Tools that nobody calls change nothing.
    """
    events, _ = await told(request(WEATHER), text("It ", "rains."))

    assert (said(events), calls(events), events[-1]) == ("It rains.", [], Finished())


async def test_a_required_call_is_asked_for_once_more() -> None:
    """
    Prose instead of the call is held back, told to the model, and replaced by the second answer.
    """
    events, upstream = await told(request(WEATHER, must=Must.CALL), text("It rains."), text(call("Oslo")))

    assert (said(events), calls(events)) == ("", [("get_weather", '{"city":"Oslo"}')])
    assert upstream.asked[1].messages[1] == Message(Role.ASSISTANT, (Text("It rains."),))


async def test_two_answers_without_the_required_call_are_told_honestly() -> None:
    """
    The text comes after all, with a sentence about the missing call.
    """
    events, _ = await told(request(WEATHER, must=Must.CALL), text("It rains."), text("It pours."))

    assert said(events).startswith("It pours.")
    assert "tool call was required" in said(events)
    assert events[-1] == Finished()


async def test_arguments_that_do_not_fit_a_strict_tool_are_asked_for_again() -> None:
    """
    A strict tool gets arguments that fit, or what could be repaired of the second answer.
    """
    wrong = call("x").replace('{"city":"x"}', '{"town":"Oslo"}')

    events, upstream = await told(request(STRICT), text(wrong), text(call("Oslo")))

    assert calls(events) == [("get_weather", '{"city":"Oslo"}')]
    assert "do not fit" in upstream.asked[1].text()


async def test_a_call_in_thinking_counts_when_nothing_was_said() -> None:
    """
    A model that thinks its call aloud and says nothing has called.
    """
    thought: list[Event | Exception] = [Started("", "", 0), ThoughtPiece("I shall call. " + call("Oslo"))]

    async def thinking() -> AsyncIterator[Batch]:
        yield [event for event in thought if not isinstance(event, Exception)]
        raise EmptyAnswer("nothing")

    async def never(_: Asking) -> AsyncIterator[Batch]:
        raise AssertionError("once is enough")

    wanted = request(WEATHER)
    rounds = Rounds(wanted, Asking(HELLO), never, thinking())
    events = [event for batch in [batch async for batch in rounds] for event in batch]

    assert calls(events) == [("get_weather", '{"city":"Oslo"}')]
    assert events[-1] == Finished(Stop.CALLS)


async def test_an_empty_answer_stays_an_empty_answer() -> None:
    """
    Nothing said and nothing called is a failure that another account may mend.
    """
    with pytest.raises(EmptyAnswer):
        await told(request(WEATHER), [EmptyAnswer("nothing")])


async def test_a_free_text_tool_gets_its_text() -> None:
    """
    What stands in `input` is what the tool is given.
    """
    wrapped = call("x").replace("get_weather", "note").replace('{"city":"x"}', '{"input":"buy milk"}')

    events, _ = await told(request(NOTE), text(wrapped))

    assert calls(events) == [("note", "buy milk")]


def test_past_calls_of_free_text_tools_go_back_as_the_model_wrote_them() -> None:
    """
    Text goes into `input` again; calls of other tools stay as they are.
    """
    past = Message(Role.ASSISTANT, (ToolCall("1", "note", "buy milk"), ToolCall("2", "get_weather", "{}")))
    wanted = ChatRequest("grok-4.20-fast", (past,), tools=(NOTE, WEATHER))

    [message] = messages_for(wanted)

    assert [part.arguments for part in message.parts if isinstance(part, ToolCall)] == [
        '{"input":"buy milk"}',
        "{}",
    ]


async def test_json_comes_alone_and_without_citations() -> None:
    """
    Prose and fence around the JSON go, and so do citations of a text that is not given.
    """
    marked: list[Event] = [
        Started("", "", 0),
        TextPiece("Here: ```json\n{"),
        Cited("https://a.example", "a", 0, 3),
        TextPiece('"age": 7}\n```'),
        Finished(),
    ]

    events, _ = await told(request(json=True, schema=PERSON), marked)

    assert orjson.loads(said(events)) == {"age": 7}
    assert not any(isinstance(event, Cited) for event in events)


async def test_json_that_does_not_fit_is_repaired_once() -> None:
    """
    The problem is told to the model, and its second answer is taken.
    """
    events, upstream = await told(
        request(json=True, schema=PERSON), text('{"name":"Ada"}'), text('{"age":36}')
    )

    assert said(events) == '{"age":36}'
    assert "not the JSON" in upstream.asked[1].text()


PICTURE = Made(Artifact(Kind.IMAGE, "https://assets.grok.com/users/u/generated/i/image.jpg"))


async def test_a_picture_beside_json_does_not_break_it() -> None:
    """
    Whoever asked for JSON reads all of the answer as that.
    """
    events, _ = await told(request(json=True), [TextPiece('{"a":1}'), PICTURE, Finished()])

    assert events == [TextPiece('{"a":1}'), Finished()]


async def test_a_picture_of_an_answer_that_did_not_count_is_not_shown() -> None:
    """
    Only that of the answer that is told, behind its words.
    """
    drawn: list[Event] = [TextPiece("Here."), PICTURE, Finished()]
    events, _ = await told(request(WEATHER, must=Must.CALL), drawn, text(call("Rome")))
    assert PICTURE not in events

    events, _ = await told(request(WEATHER, must=Must.CALL), drawn, drawn)
    assert [type(event) for event in events] == [TextPiece, Made, Finished]

    events, _ = await told(request(WEATHER), drawn)
    assert [type(event) for event in events] == [TextPiece, Made, Finished]


async def test_json_that_never_fits_is_a_refusal() -> None:
    """
    No invalid JSON: the answer ends as refused, with a sentence and no text.
    """
    events, _ = await told(request(json=True, schema=PERSON), text("no"), text("no again"))

    last = events[-1]
    assert isinstance(last, Finished)
    assert (said(events), last.stop) == ("", Stop.REFUSED)
    assert last.refusal


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (request(), False),
        (request(WEATHER), True),
        (request(WEATHER, must=Must.NOT), False),
        (request(json=True), True),
    ],
)
def test_only_tools_and_json_need_reading(wanted: ChatRequest, *, expected: bool) -> None:
    """
    A plain request goes straight through.
    """
    assert needs_rounds(wanted) is expected
