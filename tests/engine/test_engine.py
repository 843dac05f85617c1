"""One request is executed: who is asked, when the client is told, and what everybody learns."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from grokdesk.core.accounts import Mode, Status, Tier
from grokdesk.core.conversation import Limits, Thinking
from grokdesk.core.errors import (
    AccountRejected,
    Broken,
    Challenged,
    EmptyAnswer,
    ModelNotFound,
    NoAccount,
    Overloaded,
    RateLimited,
    Refused,
    StoppedByOwner,
    Unreachable,
    UpstreamError,
)
from grokdesk.core.events import Finished, Started, Stop, TextPiece, ThoughtPiece
from grokdesk.core.runs import RunState
from tests import make
from tests.engine.stage import Stage, Step, read, says, stage, until

TWO_PROXIES = {"mode": "proxies", "proxies": ["http://one:1", "http://two:2"]}


def two() -> tuple[Any, Any]:
    """Two accounts of which `a` is asked first."""
    return make.account("a", left=30), make.account("b", left=20)


async def asked(made: Stage, **more: Any) -> str:  # noqa: ANN401 - any field of a request
    async with made.engine.run(make.request(**more), client="test") as run:
        return await read(run)


def assert_untouched(made: Stage, name: str) -> None:
    """The account is as it was, and nothing is held any more."""
    account = made.account(name)
    assert (account.uses, account.failures, account.faults, account.resting_until) == (0, 0, 0, 0)
    assert account.windows == make.account(left=30).windows
    assert made.nothing_held()


# --- answers ------------------------------------------------------------------------------------------------


async def test_an_answer_costs_one_question_and_is_listed() -> None:
    """
    The text arrives after Started; one question is spent; the list says who answered and what it cost.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", [Started("", "", 0), TextPiece("Hel")], [TextPiece("lo"), Finished()])

    async with made.engine.run(make.request(), client="Editor") as run:
        batches = [list(batch) async for batch in run]

    record = made.runs.recent()[0]
    assert batches[0][0] == Started("run-1", make.FAST, int(make.NOW))
    assert [type(event) for batch in batches for event in batch].count(Started) == 1
    assert (run.transcript.text, run.transcript.finished) == ("Hello", batches[-1][-1])
    assert (made.account("a").uses, made.account("a").windows[Mode.FAST].remaining) == (1, 29)
    assert (record.state, record.client, record.account_name) == (RunState.DONE, "Editor", "a")
    assert (record.completion_tokens, record.pieces, record.stop) == (1, 2, "done")
    assert made.nothing_held()


async def test_what_the_request_says_about_its_end_and_thinking_is_obeyed() -> None:
    """
    Hidden thinking, a stop sequence and a length hold for this request; upstream is left as soon as they do.
    """
    made = await stage(make.account("a"))
    never = asyncio.Event()
    made.provider.play("a", [ThoughtPiece("hm")], [TextPiece("one two three")], never)

    stopped = await asked(made, limits=Limits(stop=("two",)), thinking=Thinking.HIDDEN)
    cut = await asked(made, limits=Limits(max_tokens=1))

    assert (stopped, cut) == ("one ", "one ")
    assert [record.stop for record in made.runs.recent()] == [Stop.LENGTH, Stop.STOP_SEQUENCE]
    assert made.nothing_held()


async def test_an_unknown_model_asks_nobody() -> None:
    """
    It is refused before anything is held or listed.
    """
    made = await stage(make.account("a"))

    with pytest.raises(ModelNotFound):
        await asked(made, model="grok-9")

    assert (made.provider.asked, made.runs.recent()) == ([], [])


async def test_a_patient_request_waits_for_a_seat_as_one_request() -> None:
    """
    Where others are told at once that all are busy, it is answered as soon as one is free, and listed once.
    """
    made = await stage(make.account("a", left=30), accounts={"max_in_flight": 1, "wait_s": 0})
    gate = asyncio.Event()
    made.provider.play("a", [TextPiece("x")], gate, [Finished()])
    made.provider.play("a", *says("patient"))

    async def patient() -> str:
        async with made.engine.run(make.request(), client="job", wait_s=60) as run:
            return await read(run)

    async with asyncio.TaskGroup() as group:
        group.create_task(asked(made))
        await until(lambda: made.provider.open_calls == 1)
        waiting = group.create_task(patient())
        with pytest.raises(NoAccount, match="busy"):
            await asked(made)
        gate.set()

    assert waiting.result() == "patient"
    assert [record.client for record in made.runs.recent()] == ["job", "test", "test"]
    assert made.nothing_held()


# --- other tries --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        RateLimited("limited"),
        AccountRejected("out", status=Status.EXPIRED),
        EmptyAnswer("empty"),
        Challenged("no"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("when", ["opening", "first event"])
async def test_a_failure_before_the_first_word_is_another_account_s_turn(
    error: UpstreamError, when: str
) -> None:
    """
    The client hears one correct answer; the failure is charged once to the one who failed.
    """
    made = await stage(*two())
    made.provider.play(
        "a", *([error] if when == "first event" else []), opening=[error] if when == "opening" else []
    )
    made.provider.play("b", *says("from b"))

    text = await asked(made)

    assert (text, made.names) == ("from b", ["a", "b"])
    assert (made.account("a").failures, made.account("a").last_failure) == (1, error.message)
    assert made.account("b").failures == 0
    assert [one.failure for one in made.runs.recent()[0].tries] == [error.message, ""]
    assert made.nothing_held()


async def test_an_overloaded_upstream_gets_a_second_chance_with_the_same_account() -> None:
    """
    Once; then the next account is asked.
    """
    made = await stage(*two())
    made.provider.play("a", Overloaded("busy"))
    made.provider.play("b", *says("from b"))

    await asked(made)

    assert made.names == ["a", "a", "b"]


async def test_a_second_chance_does_not_push_in() -> None:
    """
    When others have filled the account's places meanwhile, somebody else is asked.
    """
    made = await stage(*two(), accounts={"max_in_flight": 1})
    gate, hold = asyncio.Event(), asyncio.Event()
    made.provider.play("a", gate, Overloaded("busy"))
    made.provider.play("a", hold, *says("later"))
    made.provider.play("b", *says("from b"))
    loop = asyncio.get_running_loop()
    first = loop.create_task(asked(made))
    await until(lambda: made.names == ["a"])
    seat = made.pool._seats[made.account("a").id]  # noqa: SLF001 - nothing else can take a place in that instant
    gate.set()
    seat.in_flight += 1
    text = await first
    seat.in_flight -= 1

    assert (text, made.names) == ("from b", ["a", "b"])


async def test_a_broken_proxy_is_changed_for_the_same_account() -> None:
    """
    The account was not the problem: it is asked again by another way.
    """
    made = await stage(*two(), egress=TWO_PROXIES)
    made.provider.play("a", Unreachable("no way"))
    made.provider.play("a", *says("at last"))

    text = await asked(made)

    assert text == "at last"
    assert [(name, way) for name, _, way in made.provider.asked] == [
        ("a", "http://one:1"),
        ("a", "http://two:2"),
    ]


async def test_auto_falls_back_to_another_mode_of_the_same_account() -> None:
    """
    Used up in auto, the account answers in fast.
    """
    made = await stage(make.account("s", tier=Tier.SUPER))
    made.provider.play("s", RateLimited("limited"))
    made.provider.play("s", *says("fast"))

    with pytest.raises(RateLimited):
        await asked(made, model="grok-4.20-auto")
    text = await asked(made, model="grok-4.20-auto")

    assert text == "fast"
    assert [mode for _, mode, _ in made.provider.asked] == ["auto", "fast"]


async def test_tries_have_an_end() -> None:
    """
    So many further accounts as the settings say, then the client hears the last failure.
    """
    made = await stage(*(make.account(str(number)) for number in range(9)), retry={"more_tries": 2})
    for number in range(9):
        made.provider.play(str(number), EmptyAnswer(f"empty {number}"))

    with pytest.raises(EmptyAnswer):
        await asked(made)

    assert len(made.names) == len(set(made.names)) == 3
    assert made.runs.recent()[0].state is RunState.FAILED
    assert made.nothing_held()


async def test_a_refusal_of_the_content_is_final() -> None:
    """
    Another account would refuse it as well, and none is to blame.
    """
    made = await stage(*two())
    made.provider.play("a", Refused("not that"))

    with pytest.raises(Refused):
        await asked(made)

    assert made.names == ["a"]
    assert made.account("a").free_at(Mode.FAST) == 0


async def test_a_fault_of_ours_is_not_tried_again_and_costs_nothing() -> None:
    """
    A bug is raised as it is; the account is untouched; the list says that it was us.
    """
    made = await stage(*two())
    made.provider.play("a", ValueError("bug"))

    with pytest.raises(ValueError, match="bug"):
        await asked(made)

    record = made.runs.recent()[0]
    assert made.names == ["a"]
    assert (record.state, record.failure) == (RunState.FAILED, "GrokDesk made a mistake.")
    assert_untouched(made, "a")


async def test_when_all_are_limited_the_client_hears_when() -> None:
    """
    The request that finds out and the next one both tell how long to wait.
    """
    made = await stage(*two())
    for name in "ab":
        made.provider.play(name, RateLimited("limited", retry_after=120))

    with pytest.raises(RateLimited) as first:
        await asked(made)
    with pytest.raises(NoAccount, match="out of questions") as second:
        await asked(made)

    assert (first.value.retry_after, second.value.retry_after) == (120, 120)
    assert made.runs.recent()[0].tries == ()
    assert made.nothing_held()


async def test_a_limit_without_a_time_gets_one() -> None:
    """
    A client that is told to wait is told how long.
    """
    made = await stage(make.account("a", left=5))
    made.provider.play("a", RateLimited("limited"))

    with pytest.raises(RateLimited) as caught:
        await asked(made)

    assert caught.value.retry_after == 86_400


# --- after the first word -----------------------------------------------------------------------------------


async def test_after_the_first_word_nothing_is_retried() -> None:
    """
    The client keeps what came and hears the failure; the account is charged; nobody else is asked.
    """
    made = await stage(*two())
    made.provider.play("a", [TextPiece("half")], EmptyAnswer("cut off"))

    async with made.engine.run(make.request()) as run:
        with pytest.raises(EmptyAnswer):
            await read(run)

    assert (run.transcript.text, made.names) == ("half", ["a"])
    assert (made.account("a").faults, made.account("a").failures) == (1, 1)
    assert (made.runs.recent()[0].state, made.runs.recent()[0].failure) == (RunState.FAILED, "cut off")
    assert made.nothing_held()


@pytest.mark.parametrize("swallowed", [True, False])
async def test_a_break_is_charged_whatever_the_reader_makes_of_it(swallowed: bool) -> None:
    """
    Whether the reader deals with the failure or lets it pass: account, way out and list learn of it once.
    """
    made = await stage(*two(), egress=TWO_PROXIES)
    made.provider.play("a", [TextPiece("half")], Unreachable("broke off"))

    try:
        async with made.engine.run(make.request()) as run:
            try:
                await read(run)
            except Unreachable:
                if not swallowed:
                    raise
    except Unreachable:
        assert not swallowed
    made.provider.play("a", *says("next"))
    made.provider.scripts["a"].pop(0)
    await asked(made)

    assert made.account("a").failures == 1
    assert made.provider.asked[-1][2] == "http://two:2"
    assert [one.failure for one in made.runs.recent()[1].tries] == ["broke off"]
    assert made.runs.recent()[1].state is RunState.FAILED


async def test_an_answer_without_an_end_is_empty() -> None:
    """
    A provider that stops without Finished has failed: before the first word another account is asked, after
    it the client hears so.
    """
    made = await stage(*two())
    made.provider.play("a")
    made.provider.play("b", [TextPiece("half")])

    with pytest.raises(EmptyAnswer, match="without an end"):
        await asked(made)

    assert made.names == ["a", "b"]
    assert (made.account("a").faults, made.account("b").faults) == (1, 1)


# --- silence ------------------------------------------------------------------------------------------------


async def silent(made: Stage) -> asyncio.Event:
    """Account `a` accepts and says nothing until the event; the client is not kept waiting for it."""
    word = asyncio.Event()
    made.provider.play("a", word, [TextPiece("late")], [Finished()])
    asyncio.get_running_loop().call_soon(lambda: made.deadlines.after(0, lambda: made.clock.advance(8)))
    return word


async def test_a_silent_upstream_does_not_keep_the_client_waiting() -> None:
    """
    After `timeouts.commit_s` the run is entered, Started comes alone, and the words when they come.
    """
    made = await stage(make.account("a"))
    word = await silent(made)

    async with made.engine.run(make.request()) as run:
        first = await anext(run)
        word.set()
        text = await read(run)

    assert [type(event) for event in first] == [Started]
    assert text == "late"
    assert made.account("a").uses == 1


async def test_words_that_come_between_are_not_lost() -> None:
    """
    A whole answer that arrives after Started was given and before the reader asks again is read in full.
    """
    made = await stage(make.account("a"))
    word = asyncio.Event()
    made.provider.play("a", word, [TextPiece("all at once"), Finished()])
    asyncio.get_running_loop().call_soon(lambda: made.deadlines.after(0, lambda: made.clock.advance(8)))

    async with made.engine.run(make.request()) as run:
        await anext(run)
        word.set()
        await until(lambda: run.outcome)
        text = await read(run)

    assert text == "all at once"


async def test_a_failure_that_comes_between_is_heard() -> None:
    """
    The same for a failure: the reader hears it instead of a quiet end, and it is charged.
    """
    made = await stage(*two())
    word = asyncio.Event()
    made.provider.play("a", word, EmptyAnswer("nothing after all"))
    asyncio.get_running_loop().call_soon(lambda: made.deadlines.after(0, lambda: made.clock.advance(8)))

    async with made.engine.run(make.request()) as run:
        await anext(run)
        word.set()
        await until(lambda: run.error)
        with pytest.raises(EmptyAnswer):
            await read(run)

    assert (made.names, made.account("a").faults) == (["a"], 1)


async def test_a_failure_that_nobody_reads_is_charged() -> None:
    """
    A reader that leaves without having asked again still leaves the account its fault.
    """
    made = await stage(*two())
    word = asyncio.Event()
    made.provider.play("a", word, EmptyAnswer("nothing after all"))
    asyncio.get_running_loop().call_soon(lambda: made.deadlines.after(0, lambda: made.clock.advance(8)))

    async with made.engine.run(make.request()) as run:
        word.set()
        await until(lambda: run.error)

    assert (made.account("a").faults, made.runs.recent()[0].state) == (1, RunState.FAILED)
    assert made.nothing_held()


# --- leaving ------------------------------------------------------------------------------------------------


async def test_leaving_before_the_first_word_costs_nothing() -> None:
    """
    A request that is cancelled while upstream is silent frees everything at once.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", asyncio.Event())
    task = asyncio.get_running_loop().create_task(asked(made))
    await until(lambda: made.provider.open_calls)

    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert made.runs.recent()[0].state is RunState.LEFT
    assert_untouched(made, "a")


async def test_leaving_while_it_is_being_opened_costs_nothing() -> None:
    """
    The same while the call has not been accepted yet.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", opening=[asyncio.Event()])
    task = asyncio.get_running_loop().create_task(asked(made))
    await until(lambda: made.provider.open_calls)

    task.cancel()
    await asyncio.wait([task])

    assert_untouched(made, "a")


@pytest.mark.parametrize("how", ["cancelled", "left", "connection lost"])
async def test_leaving_in_the_middle_costs_nothing(how: str) -> None:
    """
    Cancelled while waiting for the next word, leaving the block, or losing the connection: all the same.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", [TextPiece("one")], asyncio.Event())

    reading = asyncio.Event()

    async def some() -> None:
        async with made.engine.run(make.request()) as run:
            await anext(run)
            reading.set()
            if how == "connection lost":
                raise ConnectionResetError
            if how == "cancelled":
                await anext(run)

    task = asyncio.get_running_loop().create_task(some())
    await reading.wait()
    if how == "cancelled":
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.wait([task])

    assert isinstance(task.exception() if not task.cancelled() else None, ConnectionResetError | None)
    assert made.runs.recent()[0].state is RunState.LEFT
    assert made.runs.recent()[0].pieces == 1
    assert_untouched(made, "a")


async def test_leaving_after_a_silent_start_costs_nothing() -> None:
    """
    The reader that waits for the first word of a committed run may be cancelled as well.
    """
    made = await stage(make.account("a", left=30))
    await silent(made)
    reading = asyncio.Event()

    async def some() -> None:
        async with made.engine.run(make.request()) as run:
            await anext(run)
            reading.set()
            await anext(run)

    task = asyncio.get_running_loop().create_task(some())
    await reading.wait()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert_untouched(made, "a")


async def test_a_reader_that_fails_is_our_fault_not_the_account_s() -> None:
    """
    A bug in whoever reads costs the account nothing and is listed as ours; what it explains stays explained.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", [TextPiece("one")], asyncio.Event())
    failures: list[str] = []

    async def fail(error: Exception) -> None:
        async with made.engine.run(make.request()) as run:
            await anext(run)
            raise error

    for error in (ZeroDivisionError(), Broken("The disk is full.")):
        with pytest.raises(type(error)):
            await fail(error)
        failures.append(made.runs.recent()[0].failure)

    assert failures == ["GrokDesk made a mistake.", "The disk is full."]
    assert_untouched(made, "a")


async def test_many_requests_at_once_give_everything_back() -> None:
    """
    Fifty requests with every kind of end, on few places: afterwards nothing is held and each is listed once.
    """
    made = await stage(*(make.account(name, left=30) for name in "abcde"))
    never = asyncio.Event()
    scripts: dict[str, list[Step]] = {
        "a": says("fine"),
        "b": [[TextPiece("one")], never],
        "c": [EmptyAnswer("empty")],
        "d": [Overloaded("busy")],
        "e": [[TextPiece("half")], Unreachable("broke")],
    }
    for name, steps in scripts.items():
        made.provider.play(name, *steps)
    tasks = [asyncio.get_running_loop().create_task(asked(made)) for _ in range(50)]

    await until(lambda: len([task for task in tasks if not task.done()]) <= 8)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    for task in tasks:
        if not task.cancelled():
            assert isinstance(task.exception(), UpstreamError | NoAccount | None)
    assert made.nothing_held()
    assert len({record.id for record in made.runs.recent()}) == len(made.runs.recent()) == 50
    assert all(record.state is not RunState.RUNNING for record in made.runs.recent())


# --- being stopped ------------------------------------------------------------------------------------------


async def test_the_owner_stops_a_request_before_its_first_word() -> None:
    """
    Whoever asked hears why; nobody is to blame, everything is free, and it is listed as stopped.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", asyncio.Event())
    task = asyncio.get_running_loop().create_task(asked(made))
    await until(lambda: made.provider.open_calls)
    [running] = made.runs.running()

    stopped = made.engine.stop(running.id)
    again = made.engine.stop(running.id)
    with pytest.raises(StoppedByOwner):
        await task

    record = made.runs.recent()[0]
    assert (stopped, again, made.engine.stop(running.id)) == (True, False, False)
    assert (record.state, record.cause, record.tries[0].failure) == (RunState.STOPPED, "StoppedByOwner", "")
    assert_untouched(made, "a")


async def test_the_owner_stops_a_request_in_the_middle_of_its_answer() -> None:
    """
    What came stays with whoever asked, who may go on with other work.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", [Started("", "", 0), TextPiece("one")], asyncio.Event())
    heard: list[str] = []

    async def ask() -> None:
        try:
            async with made.engine.run(make.request()) as run:
                async for _ in run:
                    heard[:] = [run.transcript.text]
        except StoppedByOwner:
            await asyncio.sleep(0)
            heard.append("stopped")

    task = asyncio.get_running_loop().create_task(ask())
    await until(lambda: heard[-1:] == ["one"])
    assert made.runs.running()[0].pieces == 1

    made.engine.stop("run-1")
    await task

    assert (heard[-1], task.cancelling()) == ("stopped", 0)
    assert (made.runs.recent()[0].state, made.runs.recent()[0].pieces) == (RunState.STOPPED, 1)
    assert_untouched(made, "a")


async def test_a_request_that_waits_for_an_account_is_stopped_too() -> None:
    """
    It never held one.
    """
    made = await stage(make.account("a", left=30), accounts={"max_in_flight": 1})
    made.provider.play("a", asyncio.Event())
    loop = asyncio.get_running_loop()
    first, second = loop.create_task(asked(made)), loop.create_task(asked(made))
    await until(lambda: made.provider.open_calls and made.runs.in_flight == 2)

    made.engine.stop("run-2")
    with pytest.raises(StoppedByOwner):
        await second
    first.cancel()
    await asyncio.wait([first])

    assert [run.state for run in made.runs.recent()] == [
        RunState.LEFT,
        RunState.STOPPED,
    ]
    assert made.nothing_held()


async def test_a_client_that_leaves_while_it_is_stopped_has_left() -> None:
    """
    Being cancelled by somebody else as well is not taken for the owner's stop.
    """
    made = await stage(make.account("a", left=30))
    made.provider.play("a", asyncio.Event())
    task = asyncio.get_running_loop().create_task(asked(made))
    await until(lambda: made.provider.open_calls)

    task.cancel()
    made.engine.stop("run-1")
    await asyncio.wait([task])

    assert task.cancelled()
    assert made.runs.recent()[0].state is RunState.LEFT
    assert_untouched(made, "a")
