"""The list of requests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grokdesk.core.accounts import Mode
from grokdesk.core.errors import Broken, EmptyAnswer
from grokdesk.core.events import Finished, Stop, TextPiece, Transcript, Usage
from grokdesk.core.notices import Bus, Notice, RunFinished, RunStarted
from grokdesk.core.ports import Lease
from grokdesk.core.runs import Caller, RunRecord, RunState, Sought, Talk, Try
from grokdesk.core.settings import Live, Settings
from grokdesk.core.usage import HOUR_S, HourSum
from grokdesk.engine.runs import SHOWN, RunEntry, RunLog
from grokdesk.engine.usage import KEPT_S, UsageLog
from tests import make
from tests.make import Clock, RunsInMemory


class HoursInMemory:
    """An `HourStore`."""

    def __init__(self) -> None:
        self.kept: dict[str, HourSum] = {}
        self.writes = 0

    def save(self, hour: HourSum) -> None:
        self.writes += 1
        self.kept[hour.id] = hour

    async def between(self, start: int, end: int) -> list[HourSum]:
        return [one for one in self.kept.values() if start <= one.hour < end]

    async def trim(self, before: int) -> None:
        self.kept = {name: one for name, one in self.kept.items() if one.hour >= before}


class TalksInMemory:
    """A `TalkStore`."""

    def __init__(self) -> None:
        self.kept: dict[str, Talk] = {}
        self.away = False

    def save(self, talk: Talk) -> None:
        self.kept[talk.id] = talk

    async def get(self, run_id: str) -> Talk | None:
        return self.kept.get(run_id)

    async def count(self) -> int:
        return len(self.kept)

    async def forget(self, before: float | None = None) -> int:
        if self.away:
            raise Broken("The store is away.", detail="away")
        old = [one.id for one in self.kept.values() if before is None or one.at < before]
        for run_id in old:
            del self.kept[run_id]
        return len(old)


class World:
    def __init__(self, *known: RunRecord, keep: int = 2_000, **privacy: object) -> None:
        self.live = Live(self.keeping(keep, **privacy))
        self.clock = Clock()
        self.store = RunsInMemory(*known)
        self.hours = HoursInMemory()
        self.talks = TalksInMemory()
        self.usage = UsageLog(self.hours, self.clock, name="here")
        self.told: list[Notice] = []
        bus = Bus()
        bus.subscribe(self.told.append)
        self.log = RunLog(self.store, self.live, bus, self.clock, usage=self.usage, talks=self.talks)

    @staticmethod
    def keeping(keep: int, **privacy: object) -> Settings:
        return Settings.model_validate({"privacy": {"keep_requests": keep, **privacy}})

    def one(self, name: str, body: bytes = b"", said: str = "") -> None:
        """A request comes and ends."""
        entry = self.log.begin(name, make.FAST, "", Caller("chat", body=body))
        entry.ended(RunState.DONE, transcript(TextPiece(said)))

    def names(self) -> list[str]:
        return [record.id for record in self.log.recent()]


def transcript(*events: Any) -> Transcript:  # noqa: ANN401 - events
    made = Transcript()
    for event in events:
        made.add(event)
    return made


async def test_a_request_tells_its_story() -> None:
    """
    Who asked for what, who was tried and why they failed, when it began, how it ended and what it cost.
    """
    made = World()
    entry = made.log.begin("r", make.FAST, "Editor")
    entry.trying(Lease(make.account("a"), Mode.FAST), "direct")
    entry.try_failed(EmptyAnswer("empty"))
    entry.trying(Lease(make.account("b"), Mode.AUTO), "http://one:1")
    made.clock.advance(0.25)
    entry.first_piece()
    made.clock.advance(1)
    entry.first_piece()

    entry.ended(RunState.DONE, transcript(TextPiece("Hi"), Finished(Stop.LENGTH, Usage(7, 2, 1))))

    assert made.log.recent() == [
        RunRecord(
            id="r",
            at=make.NOW,
            model=make.FAST,
            client="Editor",
            mode="auto",
            account="b",
            account_name="b",
            egress="http://one:1",
            state=RunState.DONE,
            stop="length",
            first_ms=250,
            total_ms=1_250,
            pieces=1,
            prompt_tokens=7,
            completion_tokens=3,
            tries=(
                Try("a", "direct", "empty", "a", cause="EmptyAnswer"),
                Try("b", "http://one:1", account_id="b"),
            ),
        )
    ]


async def test_a_request_ends_once() -> None:
    """
    What is said after the end changes nothing and is told to nobody.
    """
    made = World()
    entry = made.log.begin("r", make.FAST, "")

    entry.ended(RunState.LEFT, None)
    entry.ended(RunState.FAILED, None, EmptyAnswer("late"))

    assert made.log.recent()[0].state is RunState.LEFT
    assert [type(notice) for notice in made.told] == [RunStarted, RunFinished]
    assert len(made.store.kept) == 1


async def test_a_failure_before_anybody_was_asked_is_told_at_the_end() -> None:
    """
    Without a try there is none to blame.
    """
    made = World()
    entry = made.log.begin("r", make.FAST, "")

    entry.try_failed(EmptyAnswer("nobody"))
    entry.ended(RunState.FAILED, None, EmptyAnswer("nobody"))

    assert (entry.record.tries, entry.record.failure) == ((), "nobody")


async def test_running_requests_come_first_the_newest_on_top() -> None:
    """
    Then what is over, newest first, also of earlier sessions.
    """
    made = World(make.run("old", state=RunState.DONE), make.run("older-no-newer", state=RunState.DONE))
    await made.log.load()
    running = [made.log.begin(name, make.FAST, "") for name in ("slow", "slower")]
    made.one("quick")

    assert made.names() == ["slower", "slow", "quick", "older-no-newer", "old"]
    assert made.log.in_flight == 2
    assert all(isinstance(entry, RunEntry) for entry in running)


async def test_the_list_keeps_what_the_owner_allows() -> None:
    """
    Less is shown at once and forgotten with the next tidying; with none nothing is written at all.
    """
    made = World(*(make.run(str(number)) for number in range(5)), keep=5)
    await made.log.load()

    made.live.set(World.keeping(2))
    shown = made.names()
    await made.log.tidy()
    kept = len(made.store.kept)
    made.live.set(World.keeping(0))
    made.one("unseen")
    await made.log.tidy()

    assert (shown, kept) == (["4", "3"], 2)
    assert (made.names(), made.store.kept) == ([], [])


async def test_the_list_does_not_grow_for_ever() -> None:
    """
    After some hundred requests tidying forgets the oldest; before that it leaves the store alone.
    """
    made = World(keep=10)
    await made.log.load()
    for number in range(199):
        made.one(str(number))
    await made.log.tidy()
    before = len(made.store.kept)

    made.one("last")
    await made.log.tidy()

    assert (before, len(made.store.kept)) == (199, 10)
    assert made.names()[0] == "last"


async def test_only_the_newest_are_in_memory_and_in_the_order_in_which_they_came() -> None:
    """
    A long one takes its place by when it began; one that began before all of them is only in the store.
    """
    made = World(*(replace(make.run(f"old{number}"), at=make.NOW - 5.0) for number in range(SHOWN + 50)))
    await made.log.load()
    slow = made.log.begin("slow", make.FAST, "")
    made.clock.advance(1)
    made.one("quick")
    slow.ended(RunState.DONE, None)

    assert made.names()[:3] == ["quick", "slow", f"old{SHOWN + 49}"]
    assert len(made.names()) == SHOWN
    assert (await made.log.count()).total == SHOWN + 52
    assert await made.log.find("old3") == made.store.kept[3]
    assert await made.log.find("nobody") is None
    assert len(await made.log.page(Sought(text="old"), skip=SHOWN, limit=99)) == 50


async def test_what_is_said_is_kept_only_if_the_owner_wants_that() -> None:
    """
    Also when that changes while a request runs: then its prompt is not there any more, or was never held.
    """
    made = World()
    made.one("before", b'{"x": 1}', "told")
    early = made.log.begin("early", make.FAST, "", Caller(body=b"early"))
    made.live.set(World.keeping(9, keep_prompts=True))
    early.ended(RunState.DONE, transcript(TextPiece("told")))
    made.one("while", '{"x": "甲"}'.encode(), "told")
    late = made.log.begin("late", make.FAST, "", Caller(body=b"late"))
    made.live.set(World.keeping(9))
    late.ended(RunState.DONE, transcript(TextPiece("told")))

    assert early.asked == b""
    assert set(made.talks.kept) == {"early", "while"}
    assert made.talks.kept["early"].asked == ""
    assert await made.log.talk("while") == Talk("while", make.NOW, '{"x": "甲"}', "told")


async def test_a_very_long_prompt_is_kept_as_far_as_it_is_worth_it() -> None:
    """
    It is said to be cut, so that nobody sends the half of it again.
    """
    made = World(keep_prompts=True)

    made.one("long", b"x" * 1_000_001)

    talk = made.talks.kept["long"]
    assert (len(talk.asked), talk.cut) == (1_000_000, True)


async def test_what_was_said_is_forgotten_after_the_days_the_owner_sets() -> None:
    """
    Looked after once an hour, and at once when the days change; or all of it when the owner says so.
    """
    made = World(keep_prompts=True, keep_prompts_days=2)
    made.one("old")
    await made.log.tidy()
    made.clock.advance(86_400 * 1.5)
    made.one("new")
    await made.log.tidy()
    first = set(made.talks.kept)
    made.live.set(World.keeping(9, keep_prompts=True, keep_prompts_days=1))
    await made.log.tidy()
    second = set(made.talks.kept)

    assert (first, second) == ({"old", "new"}, {"new"})
    assert (await made.log.talks_kept(), await made.log.forget_talks(), made.talks.kept) == (1, 1, {})


async def test_a_store_that_is_away_is_asked_to_forget_again_later(caplog: pytest.LogCaptureFixture) -> None:
    """
    Housekeeping goes on, hours are saved, and what is to be forgotten is forgotten in the end.
    """
    made = World(keep=9, keep_prompts=True)
    made.one("old")
    await made.log.tidy()
    made.live.set(World.keeping(0))
    made.talks.away = True
    made.usage.count(make.run("counted", state=RunState.DONE))

    await made.log.tidy()
    await made.log.tidy()
    made.talks.away = False
    early = set(made.talks.kept)
    made.clock.advance(60)
    await made.log.tidy()

    assert (early, made.talks.kept) == ({"old"}, {})
    assert sum(hour.done for hour in made.hours.kept.values()) == 2
    assert [one.levelname for one in caplog.records] == ["WARNING"]


async def test_what_was_said_goes_with_its_request() -> None:
    """
    The list forgets the oldest: what was said in them is not kept longer than they are.
    """
    made = World(keep=3, keep_prompts=True)
    for number in range(5):
        made.clock.advance(1)
        made.one(str(number))

    made.live.set(World.keeping(2, keep_prompts=True))
    await made.log.tidy()
    some = set(made.talks.kept)
    made.live.set(World.keeping(0, keep_prompts=True))
    await made.log.tidy()

    assert (some, made.talks.kept) == ({"3", "4"}, {})


async def test_requests_are_counted_by_the_hour_and_written_now_and_then() -> None:
    """
    Nothing is written while a request ends; a tidying writes what changed, once for many requests.
    """
    made = World()
    for number in range(30):
        made.one(str(number))
    while_running = made.hours.writes
    await made.log.tidy()
    await made.log.tidy()
    once = made.hours.writes
    made.clock.advance(HOUR_S)
    made.one("later")
    made.log.close()

    assert (while_running, once, made.hours.writes) == (0, 1, 2)
    assert [(one.id, one.done) for one in made.hours.kept.values()] == [("here/1", 30), ("here/2", 1)]
    assert len(await made.usage.between(0, int(make.NOW) + 2 * HOUR_S)) == 2


async def test_a_request_that_took_hours_is_counted_when_it_came() -> None:
    """
    Its hour has been put away by then; it is counted all the same.
    """
    made = World()
    slow = made.log.begin("slow", make.FAST, "")
    made.one("quick")
    await made.log.tidy()
    made.clock.advance(5 * HOUR_S)
    await made.log.tidy()
    slow.ended(RunState.FAILED, None)

    rows = await made.usage.between(int(make.NOW) - HOUR_S, int(make.NOW) + HOUR_S)

    assert [(one.done, one.failed) for one in rows] == [(1, 0), (0, 1)]


async def test_sums_are_forgotten_when_nobody_can_ask_for_them_any_more() -> None:
    """
    After more than a year; looked after once a day.
    """
    made = World()
    made.one("old")
    await made.log.tidy()
    made.clock.advance(KEPT_S + 2 * HOUR_S)

    await made.log.tidy()

    assert made.hours.kept == {}
