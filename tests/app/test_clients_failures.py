"""What clients of each API hear when Grok fails: nothing if another account can answer, or the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import anthropic
import openai
import pytest

from grokdesk.core.accounts import Status, Tier
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import (
    Script,
    expired,
    limited,
    safety,
    server_error,
    stall,
    stream_error,
    text,
    thinking,
    tool_text,
)
from tests.app.scenes import Json
from tests.rig import FAST, Rig, basic, token

Pieces = AsyncIterator[str]
Stream = Callable[[Rig], Pieces]
TOOL: Final[Json] = {"type": "object", "properties": {"city": {"type": "string"}}}


async def by_chat(rig: Rig, **more: Any) -> Pieces:  # noqa: ANN401 - the client's
    said: Any = {"model": FAST, "messages": [{"role": "user", "content": "Hello"}], "stream": True, **more}
    async for chunk in await rig.client.chat.completions.create(**said):
        for choice in chunk.choices:
            yield choice.delta.content or ""


async def by_responses(rig: Rig, **more: Any) -> Pieces:  # noqa: ANN401 - the client's
    """Errors come as `response.failed`, which the client hands over as an event."""
    said: Any = {"model": FAST, "input": "Hello", "stream": True, **more}
    async for event in await rig.client.responses.create(**said):
        if event.type == "response.output_text.delta":
            yield event.delta
        if event.type == "response.failed":
            raise openai.APIError(event.response.error.message, request=None, body=None)  # type: ignore[arg-type] # none was made


async def by_messages(rig: Rig, **more: Any) -> Pieces:  # noqa: ANN401 - the client's
    said: Any = {
        "model": FAST,
        "max_tokens": 99,
        "thinking": {"type": "adaptive"},
        "messages": [{"role": "user", "content": "Hello"}],
        **more,
    }
    async with rig.claude.messages.stream(**said) as stream:
        async for piece in stream.text_stream:
            yield piece


CLIENTS: Final[dict[str, Stream]] = {"chat": by_chat, "responses": by_responses, "messages": by_messages}
FAILURES: Final = (openai.APIError, anthropic.APIError)


async def collected(pieces: Pieces, into: list[str]) -> None:
    async for piece in pieces:
        into.append(piece)  # noqa: PERF401 - what came before a failure counts


def broken(after: int) -> Script:
    """An error so much later than the piece before it that this one has been passed on."""
    return stall(0.05, after=after) + stream_error(13, "Overloaded", after=after)


@pytest.fixture(params=CLIENTS)
def ask(request: pytest.FixtureRequest) -> Stream:
    """Each client, streaming."""
    return CLIENTS[request.param]


async def two_accounts(rig: Rig, first: Script, second: Script) -> None:
    """The better account is asked first."""
    rig.world.add(token=token("first"), tier="super").always(first)
    basic(rig.world, "second").always(second)
    await rig.app.pool.add([NewAccount(token=Secret(token("first")), tier=Tier.SUPER)])
    await rig.add(token("second"))


@pytest.mark.parametrize(
    "failure",
    [limited(), expired(), server_error(502), stream_error(8, "Too many requests")],
    ids=["limited", "expired", "server error", "error before the first piece"],
)
async def test_before_the_first_piece_the_next_account_answers(
    rig: Rig, ask: Stream, failure: Script
) -> None:
    """
    The client sees one correct stream and nothing of the failure.
    """
    await two_accounts(rig, failure, text("From the second."))
    heard: list[str] = []

    await collected(ask(rig), heard)

    assert "".join(heard) == "From the second."
    assert rig.sim.turns[-1].account.token == token("second")
    assert rig.sim.violations == []


async def test_after_the_first_piece_the_client_hears_of_it(rig: Rig, ask: Stream) -> None:
    """
    It keeps what came, an error of its own kind is raised, and nobody else is asked.
    """
    await two_accounts(rig, text("one two three four") + broken(2), text("other"))
    heard: list[str] = []

    with pytest.raises(FAILURES) as caught:
        await collected(ask(rig), heard)

    assert "".join(heard) == "one two"
    assert str(caught.value)
    assert len(rig.sim.turns) == 1


async def test_after_a_thought_the_client_hears_of_it_too(rig: Rig, ask: Stream) -> None:
    """
    Thinking has been shown, so there is no other start.
    """
    await two_accounts(rig, thinking(raw=["Hm. ", "Well. "]) + broken(2), text("other"))

    with pytest.raises(FAILURES):
        await collected(ask(rig), [])

    assert len(rig.sim.turns) == 1


async def test_when_nobody_can_answer_it_is_a_status(rig: Rig, ask: Stream) -> None:
    """
    The client's own error for 429, with the time to come back, also when it asked for a stream.
    """
    basic(rig.world, "a").always(limited(retry_after=60))
    await rig.add(token("a"))

    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)) as caught:
        await collected(ask(rig), [])

    limit: Any = caught.value
    assert 1 <= int(limit.response.headers["retry-after"]) <= 60


async def test_a_refused_prompt_is_nobodys_fault(rig: Rig, ask: Stream) -> None:
    """
    The client hears that the prompt was refused; the account stays as it was and no other is tried.
    """
    await two_accounts(rig, safety(), text("other"))

    with pytest.raises((openai.BadRequestError, anthropic.BadRequestError)):
        await collected(ask(rig), [])

    assert len(rig.sim.turns) == 1
    assert all(one.status is Status.ACTIVE and one.faults == 0 for one in rig.app.pool.accounts())


async def test_an_error_in_the_second_asking_is_told(rig: Rig) -> None:
    """
    Nothing was said yet, so it is still a status.
    """
    await rig.grok(text("No call."), *[server_error(502)] * 5)
    tools = [{"type": "function", "function": {"name": "weather", "parameters": TOOL}}]

    with pytest.raises(openai.APIStatusError):
        await collected(by_chat(rig, tools=tools, tool_choice="required"), [])


async def test_a_failure_after_a_call_is_told(rig: Rig) -> None:
    """
    The call stands, and the client hears that more was to come.
    """
    called = tool_text(("weather", {"city": "Bern"}), largest_piece=200)
    await rig.grok(called + text(pieces=[" ", " "]) + broken(2))
    tools = [{"name": "weather", "input_schema": TOOL}]

    with pytest.raises(anthropic.APIError):
        await collected(by_messages(rig, tools=tools), [])
