"""The list of requests."""

from __future__ import annotations

from typing import Any

from grokdesk.core.accounts import Mode
from grokdesk.core.errors import EmptyAnswer
from grokdesk.core.events import Finished, Stop, TextPiece, Transcript, Usage
from grokdesk.core.notices import Bus, Notice, RunFinished, RunStarted
from grokdesk.core.ports import Lease
from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.runs import RunEntry, RunLog
from tests import make
from tests.make import Clock, RunsInMemory


class World:
    def __init__(self, *known: RunRecord, keep: int = 2_000) -> None:
        self.live = Live(self.keeping(keep))
        self.clock = Clock()
        self.store = RunsInMemory(*known)
        self.told: list[Notice] = []
        bus = Bus()
        bus.subscribe(self.told.append)
        self.log = RunLog(self.store, self.live, bus, self.clock)

    @staticmethod
    def keeping(keep: int) -> Settings:
        return Settings.model_validate({"privacy": {"keep_requests": keep}})

    def one(self, name: str) -> None:
        """A request comes and ends."""
        self.log.begin(name, make.FAST, "").ended(RunState.DONE, None)

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
            tries=(Try("a", "direct", "empty"), Try("b", "http://one:1")),
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
