"""What goes wrong with the first account is not the client's problem, and the pool knows what it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from grokdesk.core.accounts import Account, Mode, Status, Tier
from grokdesk.core.secret import Secret
from grokdesk.engine.reading import NewAccount
from grokdesk.sim import (
    Script,
    Simulator,
    World,
    antibot,
    blocked,
    challenge,
    cut_after,
    empty,
    expired,
    expired_400,
    garbage,
    limited,
    overloaded,
    server_error,
    stall,
    stream_error,
    text,
)
from tests.rig import FAST, Rig, basic, running, token

SOON_S = 0.1


def resting(account: Account) -> bool:
    return account.status is Status.ACTIVE and account.resting_until > time.time()  # noqa: TID251 - real clock


def used_up(account: Account) -> bool:
    window = account.windows[Mode.FAST]
    return window.remaining == 0 and (window.reset_at or 0) > time.time()  # noqa: TID251 - real clock


def fine(account: Account) -> bool:
    return account.status is Status.ACTIVE and account.free_at(Mode.FAST) == 0


CASES: dict[str, tuple[Script, Callable[[Account], bool], str]] = {
    "limited": (limited(), used_up, "questions"),
    "dead": (expired(), lambda account: account.status is Status.EXPIRED, "sign"),
    "dead with a 400": (expired_400(), lambda account: account.status is Status.EXPIRED, "sign"),
    "blocked": (blocked(), lambda account: account.status is Status.BLOCKED, "block"),
    "challenged": (challenge(), fine, "on the way to Grok"),
    "antibot": (antibot(), fine, ""),
    "overloaded": (overloaded(), fine, ""),
    "server error": (server_error(502), fine, ""),
    "empty": (empty(), resting, ""),
    "garbage": (garbage(), lambda account: account.status is Status.ACTIVE, ""),
    "stream error first": (stream_error(8, "Too many requests"), used_up, ""),
}


@pytest.mark.parametrize("case", CASES)
async def test_the_next_account_answers_and_the_pool_remembers_why(
    tmp_path: Path, sim: Simulator, world: World, form: str, case: str
) -> None:
    """
    One correct answer for the client; the first account's state and reason are right, also after a restart.
    """
    script, state, words = CASES[case]
    world.add(token=token("first"), tier="super").always(script)
    basic(world, "second").always(text("From the second."))
    async with running(tmp_path, sim, world, grok_web__chat_form=form) as rig:
        # Best account first: super is asked before basic.
        await rig.app.pool.add([NewAccount(token=Secret(token("first")), tier=Tier.SUPER)])
        await rig.add(token("second"))

        answer = await rig.say()
        before = rig.account(token("first"))
        record = rig.app.runs.recent()[0]

    async with running(tmp_path, sim, world, grok_web__chat_form=form) as rig:
        after = rig.account(token("first"))

    assert answer.choices[0].message.content == "From the second."
    assert state(before)
    assert before.last_failure
    assert words.lower() in f"{before.reason} {before.last_failure}".lower()
    assert (after.status, after.reason, after.last_failure) == (
        before.status,
        before.reason,
        before.last_failure,
    )
    assert (after.windows, after.resting_until) == (before.windows, before.resting_until)
    assert record.tries[0].failure
    assert record.tries[-1].failure == ""


async def test_a_cut_after_the_first_piece_is_not_retried(rig: Rig) -> None:
    """
    The client keeps what came and hears an error; nobody else is asked.
    """
    basic(rig.world, "a").always(text("one two three four five") + cut_after(2))
    basic(rig.world, "b").always(text("other"))
    await rig.app.pool.add([NewAccount(token=Secret(token("a")), tier=Tier.SUPER)])
    await rig.add(token("b"))

    said = ""

    async def read() -> None:
        nonlocal said
        async for chunk in await rig.say(stream=True):
            said += chunk.choices[0].delta.content or ""

    with pytest.raises(openai.APIError) as caught:
        await read()

    assert said
    assert "other" not in said
    assert "five" not in said
    assert caught.value.message
    assert len(rig.sim.turns) == 1


async def leave(rig: Rig, *, after_pieces: int) -> None:
    """Ask, read some pieces, and hang up."""
    stream = await asyncio.wait_for(rig.say(stream=True), 5)
    seen = 0
    async for chunk in stream:
        seen += bool(chunk.choices[0].delta.content)
        if seen == after_pieces:
            break
    await stream.close()


async def assert_seen_leaving(rig: Rig, account: Account, left_at: float) -> None:
    await rig.until(lambda: rig.sim.turns[-1].aborted_at is not None)
    aborted_at = rig.sim.turns[-1].aborted_at
    assert aborted_at is not None
    assert aborted_at - left_at < SOON_S
    await rig.until(lambda: rig.app.runs.in_flight == 0)
    now = rig.account(account.token.reveal())
    assert (now.failures, now.faults, now.windows, now.status) == (0, 0, account.windows, account.status)
    assert rig.app.pool.counts().in_flight == 0
    assert rig.sim.open_connections == 0


async def test_leaving_before_the_first_byte_reaches_grok_at_once(rig: Rig) -> None:
    """
    A client that hangs up while Grok is silent costs the account nothing, and Grok sees it within 100 ms.
    """
    basic(rig.world, "a").always(stall(30))
    [account] = await rig.add(token("a"))

    request = asyncio.ensure_future(rig.say(stream=True))  # noqa: TID251 - stands for a client program
    await rig.until(lambda: rig.sim.turns and rig.sim.turns[-1].state == "open")
    await asyncio.sleep(0.05)
    left_at = time.monotonic()
    request.cancel()

    await assert_seen_leaving(rig, account, left_at)


async def test_leaving_in_the_middle_reaches_grok_at_once(rig: Rig) -> None:
    """
    The same after the first pieces.
    """
    basic(rig.world, "a").always(text("one two three four") + stall(30, after=2))
    [account] = await rig.add(token("a"))

    await leave(rig, after_pieces=1)
    left_at = time.monotonic()

    await assert_seen_leaving(rig, account, left_at)


async def test_an_overloaded_grok_gets_a_second_chance_with_the_same_account(rig: Rig) -> None:
    """
    One hiccup does not move the conversation to another account.
    """
    basic(rig.world, "a").next(overloaded(), text("Here you are."))
    await rig.add(token("a"))

    answer = await rig.say(model=FAST)

    assert answer.choices[0].message.content == "Here you are."
    assert [attempt.failure == "" for attempt in rig.app.runs.recent()[0].tries] == [False, True]
