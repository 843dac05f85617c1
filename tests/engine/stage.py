"""The real engine and everything real around it but the upstream: a small provider does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from grokdesk.core.accounts import Account, AccountId, Meter, Outcome, Report
from grokdesk.core.egress import Egress
from grokdesk.core.events import Batch, Event, Finished, TextPiece
from grokdesk.core.media import Request
from grokdesk.core.notices import Bus, Notice
from grokdesk.core.ports import Clearance, Downloads, Keeps, Lease
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.accounts import AccountPool
from grokdesk.engine.egress import EgressService
from grokdesk.engine.engine import Engine
from grokdesk.engine.run import Run
from grokdesk.engine.runs import RunLog
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.tasks import Supervisor
from tests.make import AccountsInMemory, Clock, Ids, RunsInMemory

Step = Sequence[Event] | BaseException | asyncio.Event
"""A batch to yield, an error to raise, or an event to wait for."""


def says(text: str) -> list[Step]:
    """A short answer."""
    return [[TextPiece(text)], [Finished()]]


@dataclass
class Script:
    """What one account does when it is asked: `opening` until the call is accepted, then `steps`."""

    steps: Sequence[Step] = ()
    opening: Sequence[Step] = ()


class ScriptedProvider:
    """A `Provider` that plays scripts by account name and remembers who was asked, and what is still open."""

    key = "scripted"

    def __init__(self) -> None:
        self.scripts: dict[str, list[Script]] = {}
        self.asked: list[tuple[str, str, str]] = []
        self.open_calls = 0
        self.reports: dict[str, Report | BaseException | asyncio.Event] = {}
        self.probed: list[str] = []
        self.asked_meters: list[tuple[Meter, ...]] = []
        self.probing = 0
        self.most_probing = 0

    def play(self, name: str, *steps: Step, opening: Sequence[Step] = ()) -> None:
        """The next thing `name` does; the last one is repeated."""
        self.scripts.setdefault(name, []).append(Script(steps, opening))

    @asynccontextmanager
    async def open(
        self, request: Request, lease: Lease, egress: Egress
    ) -> AsyncIterator[AsyncIterator[Batch]]:
        name = lease.account.name
        self.asked.append((name, lease.meter.value, egress.name))
        scripts = self.scripts[name]
        script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        self.open_calls += 1
        try:
            async for _ in _played(script.opening):
                raise AssertionError("an opening yields nothing")
            events = _played(script.steps)
            try:
                yield events
            finally:
                await events.aclose()
        finally:
            self.open_calls -= 1

    async def probe(self, account: Account, egress: Egress, *, meters: Collection[Meter] = ()) -> Report:
        self.probed.append(account.name)
        self.asked_meters.append(tuple(meters))
        self.probing += 1
        self.most_probing = max(self.most_probing, self.probing)
        try:
            await asyncio.sleep(0)
            match self.reports.get(account.name, Report()):
                case asyncio.Event() as gate:
                    await gate.wait()
                    return Report()
                case BaseException() as failure:
                    raise failure
                case report:
                    return report
        finally:
            self.probing -= 1


async def _played(steps: Sequence[Step]) -> AsyncGenerator[Batch, None]:
    for step in steps:
        match step:
            case asyncio.Event():
                await step.wait()
            case BaseException():
                raise step
            case batch:
                yield batch


class ScriptedSolver:
    """A `Solver` that hands out clearances in order; an error is raised, an event waited for first."""

    def __init__(self, *answers: Clearance | BaseException, gate: asyncio.Event | None = None) -> None:
        self.answers = list(answers)
        self.gate = gate
        self.asked: list[tuple[str, str]] = []
        self.kept: set[str] | None = None

    async def solve(self, url: str, proxy: Secret) -> Clearance:
        self.asked.append((url, proxy.reveal()))
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def keep_only(self, proxies: Collection[Secret]) -> None:
        self.kept = {proxy.reveal() for proxy in proxies}


@dataclass
class Stage:
    """The engine, what it works with, and what came of it."""

    live: Live
    clock: Clock
    provider: ScriptedProvider
    accounts: AccountsInMemory
    runs_store: RunsInMemory
    bus: Bus
    pool: AccountPool
    egress: EgressService
    runs: RunLog
    deadlines: Deadlines
    engine: Engine
    solver: list[ScriptedSolver] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    def account(self, name: str) -> Account:
        account = self.pool.get(AccountId(name))
        assert account is not None
        return account

    @property
    def names(self) -> list[str]:
        """Who was asked, in order."""
        return [name for name, _, _ in self.provider.asked]

    def nothing_held(self) -> bool:
        """Whether every seat, every call and every request has been given back."""
        return (self.pool.counts().in_flight, self.provider.open_calls, self.runs.in_flight) == (0, 0, 0)

    def change(self, section: str, **values: Any) -> None:  # noqa: ANN401 - values of any setting
        current = self.live.now.model_dump()
        current[section].update(values)
        self.live.set(Settings.model_validate(current))


async def read(run: Run) -> str:
    """The whole text of a run."""
    async for _ in run:
        pass
    return run.transcript.text


class Library(Keeps, Downloads, Protocol):
    """Where files are kept, and where they are fetched from."""


async def stage(*accounts: Account, library: Library | None = None, **settings: Any) -> Stage:  # noqa: ANN401 - sections of the settings
    """An engine with these accounts."""
    live, clock, bus = Live(Settings.model_validate(settings)), Clock(), Bus()
    provider, store, runs_store = ScriptedProvider(), AccountsInMemory(*accounts), RunsInMemory()
    solvers: list[ScriptedSolver] = []
    pool = AccountPool(store, live, bus, clock, new_id=Ids("new"), rng=Random(1))
    await pool.load()
    deadlines, tasks = Deadlines(clock), Supervisor()
    egress = EgressService(
        live, bus, clock, lambda: solvers[0] if solvers else None, tasks=tasks, deadlines=deadlines
    )
    runs = RunLog(runs_store, live, bus, clock)
    await runs.load()
    engine = Engine(
        provider=provider,
        pool=pool,
        egress=egress,
        runs=runs,
        live=live,
        clock=clock,
        deadlines=deadlines,
        new_id=Ids("run"),
        library=library,
        downloads=library,
    )
    made = Stage(
        live, clock, provider, store, runs_store, bus, pool, egress, runs, deadlines, engine, solvers
    )
    bus.subscribe(made.notices.append)
    return made


async def until(true: Callable[[], object]) -> None:
    """Let the loop turn until something holds."""
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came true")
