"""The older chat form: what a turn looks like, in every way it can be put on the wire."""

import json

import pytest

from grokdesk.sim import (
    Account,
    World,
    empty,
    found_image,
    heavy,
    image_card,
    moderated,
    search,
    text,
    thinking,
    tool_text,
)
from grokdesk.sim.script import Framing
from tests.sim.caller import Caller, body, frames, older, tokens


async def test_an_unscripted_turn_quotes_the_question(caller: Caller, ada: Account, world: World) -> None:
    """
    Nobody wrote a script, and the answer still belongs to the question; the quota goes down by one.
    """
    status, raw = await caller.chat(ada.token, message="[system]: Be kind.\n\n[user]: Name three moons.")

    assert status == 200
    assert "> Name three moons." in tokens(raw)
    assert "Be kind" not in tokens(raw)
    assert ada.quota["fast"].remaining == 399
    assert world.violations == []
    [turn] = world.turns
    assert (turn.state, turn.outcome, turn.status, turn.form) == ("done", "answered", 200, "rest")
    assert 20 <= turn.pieces_sent <= 90


async def test_a_turn_has_head_text_and_tail(caller: Caller, ada: Account) -> None:
    """
    The frames come in the order of the document: conversation, echo, text, soft stop, whole answer, metadata.
    """
    ada.next(text(pieces=["Io", ", Europa"]))

    _, raw = await caller.chat(ada.token)

    shown = frames(raw)
    responses = [frame["result"].get("response", {}) for frame in shown]
    assert shown[0]["result"]["conversation"]["temporary"] is True
    assert responses[1]["userResponse"]["message"] == "[user]: Name three moons of Jupiter."
    assert [one["token"] for one in responses if one.get("messageTag") == "final"] == ["Io", ", Europa"]
    order = [
        name
        for one in responses
        for name in ("isSoftStop", "modelResponse", "finalMetadata")
        if one.get(name)
    ]
    assert order == ["isSoftStop", "modelResponse", "finalMetadata"]
    assert (
        next(one for one in responses if "modelResponse" in one)["modelResponse"]["message"] == "Io, Europa"
    )


@pytest.mark.parametrize("mode", ["expert", "heavy"])
async def test_slow_modes_think_first(caller: Caller, ada: Account, mode: str) -> None:
    """
    Expert and heavy answers begin with thinking, heavy ones by several agents.
    """
    _, raw = await caller.chat(ada.token, mode=mode)

    assert "Thinking about your request" in tokens(raw, is_thinking=True)
    assert (b'"rolloutId":"Agent 2"' in raw) == (mode == "heavy")


async def test_a_question_about_news_is_searched(caller: Caller, ada: Account) -> None:
    """
    The ordinary answer to a question that mentions news brings search results and citations.
    """
    _, raw = await caller.chat(ada.token, message="[user]: Any news about tides?")

    assert b'"webSearchResults"' in raw
    assert b"render_inline_citation" in raw


async def test_content_of_every_kind(caller: Caller, ada: Account) -> None:
    """
    Thinking, search, cards, pictures and agents appear as the frames of chapter 8.
    """
    ada.next(
        thinking(header="H", summary=["- a\n", "- b\n"], raw="r") + search() + found_image() + text("Done."),
        heavy(agents=3),
        image_card(count=2, moderated=[1]),
        moderated(),
    )

    mixed, agents, pictures, withheld = [(await caller.chat(ada.token))[1] for _ in range(4)]

    assert tokens(mixed, is_thinking=True).startswith("H- a\n- b\nr")
    assert b'"xSearchResults"' in mixed
    assert mixed.index(b'\\"id\\":\\"c-0\\"') < mixed.index(b'card_id=\\"c-0\\"')
    assert b"render_searched_image" in mixed
    assert b"Agent 3" in agents
    assert b'"codeExecutionResult"' in agents
    assert b'"raw_function_result"' in agents
    assert pictures.count(b'\\"progress\\":100') == 2
    assert pictures.count(b'\\"moderated\\":true') == 1
    assert b'"streamingImageGenerationResponse"' in withheld


async def test_tool_calls_come_in_crumbs(caller: Caller, ada: Account) -> None:
    """
    Tool calls are text, cut anywhere, and complete when put together.
    """
    ada.next(tool_text(("get_weather", {"city": "Oslo"}), before="Let me check. ", after=" (waiting)"))

    _, raw = await caller.chat(ada.token)

    whole = tokens(raw)
    assert whole.startswith(
        "Let me check. <tool_calls>\n  <tool_call>\n    <tool_name>get_weather</tool_name>"
    )
    assert '<parameters>{"city":"Oslo"}</parameters>' in whole
    assert whole.endswith("</tool_calls> (waiting)")
    pieces = [frame["result"].get("response", {}).get("token", "") for frame in frames(raw)]
    assert not any("<tool_calls>" in piece for piece in pieces)


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("json", '{"tool_calls":[{"name":"f","arguments":{}}]}'),
        ("array", '[{"name":"f","arguments":{}}]'),
        ("function_call", "<function_call><name>f</name><arguments>{}</arguments></function_call>"),
        ("invoke", '<invoke name="f">{}</invoke>'),
    ],
)
async def test_other_forms_of_tool_calls(caller: Caller, ada: Account, form: str, start: str) -> None:
    """
    The other forms a model may fall into.
    """
    ada.next(tool_text(("f", {}), form=form))  # type: ignore[arg-type]  # parametrised over the literal

    _, raw = await caller.chat(ada.token)

    assert tokens(raw) == start


async def test_framings(caller: Caller, ada: Account) -> None:
    """
    The same frames line by line, without separators, as events, and as events with an end mark.
    """
    framings: tuple[Framing, ...] = ("lines", "glued", "sse", "sse_done")
    ada.next(*(text("Io é", framing=framing) for framing in framings))

    lines, glued, sse, done = [(await caller.chat(ada.token))[1] for _ in range(4)]

    assert all(json.loads(line) for line in lines.splitlines())
    assert b"\n" not in glued
    assert b"}{" in glued
    assert sse.startswith(b'data: {"result"')
    assert b"[DONE]" not in sse
    assert done.startswith(b"event: message\ndata: {")
    assert done.endswith(b"data: [DONE]\n\n")


async def test_a_body_can_be_cut_anywhere(caller: Caller, ada: Account) -> None:
    """
    Writes of seven bytes, also inside a letter, give the same answer.
    """
    ada.next(text("Naïve 🌘 moons", chunk_bytes=7))

    _, raw = await caller.chat(ada.token)

    assert tokens(raw) == "Naïve 🌘 moons"


async def test_deviations_of_the_wire(caller: Caller, ada: Account) -> None:
    """
    Every switch of the older form does what it says.
    """
    ada.next(
        text("Io", soft_stop="last", message_tag=False),
        text("Io", soft_stop="missing", final_metadata=False, model_response="missing"),
        text("Io Europa", late_thinking="late", late_tool=True, unknown=True),
        text("Io", model_response="extends"),
        text("Io", model_response="contradicts"),
        search("Io", card_after_tag=True),
    )

    last, bare, late, longer, other, card = [(await caller.chat(ada.token))[1] for _ in range(6)]

    assert last.index(b"finalMetadata") < last.index(b'"isSoftStop":true')
    assert b"messageTag" not in last
    assert b'isSoftStop":true' not in bare
    assert b"finalMetadata" not in bare
    assert b"modelResponse" not in bare
    assert (
        late.index(b'"Io"') < late.index(b'"late"') < late.index(b"Done, thanks.") < late.index(b'" Europa"')
    )
    assert b"xNovelty" in late
    assert b"Io (and a last word)" in longer
    assert b"Something else" in other
    assert card.index(b'card_id=\\"c-0\\"') < card.index(b'\\"id\\":\\"c-0\\"')


async def test_empty_answers(caller: Caller, ada: Account) -> None:
    """
    A stream may say nothing in good order, or be no stream at all.
    """
    ada.next(empty(), empty(zero_bytes=True))

    quiet, nothing = [(await caller.chat(ada.token))[1] for _ in range(2)]

    assert tokens(quiet) == ""
    assert b"finalMetadata" in quiet
    assert nothing == b""


async def test_a_conversation_goes_on(caller: Caller, ada: Account, world: World) -> None:
    """
    The follow-up path continues a conversation of the same account, and no other.
    """
    await caller.chat(ada.token, temporary=False)
    [conversation] = world.conversations.values()
    parent = world.turns[0].response_id

    path = f"/rest/app-chat/conversations/{conversation.id}/responses"
    status, _ = await caller.post(path, older(ada.token), body(parentResponseId=parent))
    lost, _ = await caller.post(path.replace(conversation.id, "nowhere"), older(ada.token), body())

    assert (status, lost) == (200, 404)
    assert len(conversation.response_ids) == 2
    assert world.turns[1].parent_response_id == parent
