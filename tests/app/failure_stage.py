"""Plays the cases of `tests/app/failures.py` with the whole program, and writes down what came of each.

One program serves all cases of a section, one after the other; each has accounts of its own, and ways out
that are as new. At the end the program is started again, to see what it remembers.
"""

from __future__ import annotations

import asyncio
import logging
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from email.utils import formatdate
from pathlib import Path
from random import Random
from time import time  # noqa: TID251 - the clock of the whole program
from typing import Any, Final

import openai

from grokdesk.core.accounts import Account, AccountId, Mode, Tier
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ChatForm, ClearanceMode, Settings
from grokdesk.engine.acts import Adult
from grokdesk.engine.reading import NewAccount
from grokdesk.platform.tasks import owned
from grokdesk.sim import Script, Simulator, World, text
from grokdesk.sim import world as sim_world
from tests import proxies
from tests.app.failures import IN_TWO_MINUTES, AccountAfter, Case, Form, Place, Scene, WayAfter
from tests.proxies import Proxy
from tests.rig import Rig, running, token

ADULT: Final = Adult(date(1990, 5, 17), confirmed=True)
MODEL: Final = "grok-4.20-0309-non-reasoning"
"""Asks basic accounts before super ones."""
ACTS: Final = {
    Place.CHECK,
    Place.ADULT,
    Place.FILES,
    Place.FILE,
    Place.CONVERSATIONS,
    Place.CONVERSATION,
}
FIRST: Final = "From the first."
SECOND: Final = "From the second."


@dataclass(frozen=True, slots=True)
class Heard:
    """What the client got: the words of an answer, and what it was told went wrong."""

    status: int = 200
    said: str = ""
    type: str = ""
    code: str = ""
    sentence: str = ""
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of playing a case once. `tries` are those that failed, `rescue` the one that did not."""

    heard: Heard
    tries: tuple[str, ...]
    rescue: str
    account: AccountAfter
    failure: str
    failures: int
    ways: tuple[WayAfter, WayAfter]
    warnings: tuple[str, ...]
    violations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """A case, played: with somebody else there, alone, and after the first words.

    `kept` are its accounts as they were after that, `found` the same after another start of the program.
    """

    together: Outcome
    alone: Outcome | None = None
    later: Outcome | None = None
    kept: tuple[Account, ...] = ()
    found: tuple[Account, ...] = ()


Watch = Callable[[Rig, Case, Account, Outcome], Awaitable[None]]
"""Told of each outcome while its account is still there."""
Watching = Callable[[Rig], AbstractAsyncContextManager[Watch]]
"""Lasts as long as a program on which cases are played."""


async def play(
    folder: Path, cases: Sequence[tuple[Case, Form]], watching: Watching | None = None
) -> dict[tuple[str, Form], Played]:
    """Play cases, each in the form of chat given with it."""
    world = World(time, Random(1))
    played: dict[tuple[str, Form], Played] = {}
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(world, port=0).started())
        ways = [await stack.enter_async_context(proxies.running("socks5")) for _ in range(2)]
        settings: dict[str, object] = {
            "egress__mode": "proxies",
            "egress__proxies": tuple(way.address for way in ways),
            "accounts__check_regularly": False,
        }
        async with AsyncExitStack() as house:
            rig = await house.enter_async_context(running(folder, sim, world, **settings))
            watch = None if watching is None else await house.enter_async_context(watching(rig))
            stage = _Stage(rig, ways, stack.enter_context(_listening()), rig.app.live.now, watch)
            for case, form in cases:
                played[case.name, form] = await stage.played(case, form)
        async with running(folder, sim, world, **settings) as rig:
            back = {
                one.id: one
                for one in await rig.app.pool.restore(
                    [account.id for one in played.values() for account in one.kept]
                )
            }
    return {
        key: replace(one, found=tuple(back[account.id] for account in one.kept))
        for key, one in played.items()
    }


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect the events that the program warns of, without their fields."""
    events: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            events.append(re.split(r"[\s,]+\w+=", record.getMessage(), maxsplit=1)[0])

    ours, listener = logging.getLogger("grokdesk"), Listener(logging.WARNING)
    ours.addHandler(listener)
    try:
        yield events
    finally:
        ours.removeHandler(listener)


@dataclass
class _Stage:
    """A running program with two ways out, on which cases are played one after the other."""

    rig: Rig
    ways: Sequence[Proxy]
    warned: list[str]
    usual: Settings
    watch: Watch | None = None
    number: int = 0
    kept: list[Account] = field(default_factory=list)

    async def played(self, case: Case, form: Form) -> Played:
        self.kept = []
        others = case.scene is not Scene.WAYS_DEAD and case.place not in ACTS
        together = await self._outcome(case, form, case.first, others=others)
        alone = later = None
        if together.rescue and case.meaning.alone:
            alone = await self._outcome(case, form, case.first, others=False)
        if not isinstance(case.script, Script):
            later = await self._outcome(case, form, case.script(2), others=True, stream=True)
        return Played(together, alone, later, tuple(self.kept))

    async def _outcome(
        self, case: Case, form: Form, script: Script, *, others: bool, stream: bool = False
    ) -> Outcome:
        rig, pool, world = self.rig, self.rig.app.pool, self.rig.world
        self.number += 1
        first, second = (token(f"{name}-{self.number}") for name in ("first", "second"))
        there = world.add(token=first, tier=case.tier)
        there.always(text(FIRST))
        world.add(token=second, tier="super").always(text(SECOND))
        self._set(case.scene, form)
        if case.scene is Scene.VOUCHED:
            await self._add(second, "second", Tier.SUPER)
            await rig.say(model=MODEL)
        await self._add(first, "first", Tier.BASIC)
        if others:
            await self._add(second, "second", Tier.SUPER)
        elif case.scene is Scene.VOUCHED:
            await pool.remove([rig.account(second).id])
        if case.scene is Scene.CONTINUED:
            await rig.say(model=MODEL)
        lasts = stream or not (others and case.meaning.passes)
        path = self._path(there, case, form)
        self._prepare(there, case, path, _dated(script), lasts=lasts)
        self.warned.clear()
        world.violations.clear()
        world.received.clear()

        if case.place in ACTS:
            heard = await self._acted(case, rig.account(first).id)
            failed, answered = self._asked(path, done=bool(heard.said))
        else:
            heard = await self._ask(case, stream=stream)
            failed, answered = await self._tries()
        account = rig.account(first)
        outcome = Outcome(
            heard,
            failed,
            answered,
            after(account),
            self._plain(account.last_failure),
            account.failures,
            (self._way(0), self._way(1)),
            tuple(self.warned),
            tuple(world.violations),
        )
        self.kept.append(account)
        if self.watch is not None:
            await self.watch(rig, case, account, outcome)
        world.handshake_status = None
        for way in self.ways:
            way.dead = False
        await pool.remove([one.id for one in pool.accounts()])
        return outcome

    async def _tries(self) -> tuple[tuple[str, ...], str]:
        """The tries of the last request: those that failed, and the one that did not."""
        runs = self.rig.app.runs
        await self.rig.until(lambda: not runs.in_flight)
        tries = [(f"{one.account} {self._named(one.egress)}", one.failure) for one in runs.recent()[0].tries]
        failed = tuple(name for name, failure in tries if failure)
        return failed, "".join(name for name, failure in tries if not failure)

    def _asked(self, path: str, *, done: bool) -> tuple[tuple[str, ...], str]:
        """The same of an act: how often Grok was asked, the second time on the way that was left."""
        asked = [seen.body for seen in self.rig.sim.received if seen.path == path]
        # A check asks for the counts of two modes, which is not the same question again.
        times = asked.count(asked[0])
        second = "first two" if self._way(0).rests_s else "first one"
        tries = ("first one", *[second] * (times - 1))
        return (tries[:-1], tries[-1]) if done else (tries, "")

    async def _add(self, token: str, label: str, tier: Tier) -> None:
        await self.rig.app.pool.add([NewAccount(token=Secret(token), label=label, tier=tier)])

    def _set(self, scene: Scene, form: Form) -> None:
        """Set what the scene asks for, and begin with ways out that have not failed yet."""
        usual, now = self.usual, self.rig.app.live.now
        egress: dict[str, object] = {"skip_proxy_verify": not now.egress.skip_proxy_verify}
        if scene in {Scene.SOLVER, Scene.SOLVER_FAILS, Scene.SOLVER_USELESS}:
            egress |= {"clearance": ClearanceMode.FLARESOLVERR, "solver_url": self.rig.sim.url}
        self.rig.world.solver.status = "error" if scene is Scene.SOLVER_FAILS else "ok"
        chat_form = ChatForm.AUTO if scene is Scene.AUTO else ChatForm(form)
        if scene is Scene.SOLVER_FAILS:
            egress["proxies"] = usual.egress.proxies[:1]
        short = {"first_s": 0.2, "idle_s": 0.2} if scene is Scene.IMPATIENT else {}
        self.rig.app.live.set(
            usual.model_copy(
                update={
                    "egress": usual.egress.model_copy(update=egress),
                    "grok_web": usual.grok_web.model_copy(update={"chat_form": chat_form}),
                    "timeouts": usual.timeouts.model_copy(update=short),
                }
            )
        )
        if scene in {Scene.WAY_DEAD, Scene.WAYS_DEAD}:
            self.ways[0].die()
        if scene is Scene.WAYS_DEAD:
            self.ways[1].die()

    def _path(self, there: sim_world.Account, case: Case, form: Form) -> str:
        """The path of the call that fails, unless that is the question itself."""
        world = self.rig.world
        match case.place:
            case Place.UPLOAD if form == "gateway":
                return "/http/upload-file-v2/direct"
            case Place.UPLOAD:
                return "/rest/app-chat/upload-file"
            case Place.FILE:
                kept = world.keep(there, "notes.txt", "text/plain", b"text", "json")
                return f"/rest/assets-metadata/{kept.id}"
            case Place.CONVERSATION:
                past = world.converse(there, temporary=False)
                return f"/rest/app-chat/conversations/soft/{past.id}"
            case _:
                return case.path

    def _prepare(
        self, there: sim_world.Account, case: Case, path: str, script: Script, *, lasts: bool
    ) -> None:
        if case.scene is Scene.AUTO:
            assert script.refusal is not None, "the gateway is gone for everybody"
            self.rig.world.handshake_status = script.refusal.status
        elif path and lasts:
            there.always_on(path, script)
        elif path:
            there.next_on(path, script)
        elif lasts:
            there.always(script)
        else:
            there.next(script)

    async def _acted(self, case: Case, account: AccountId) -> Heard:
        acts = self.rig.app.acts
        match case.place:
            case Place.CHECK:
                job = acts.refresh([account])
            case Place.ADULT:
                job = acts.adult_on([account], ADULT)
            case Place.FILES:
                job = acts.list_assets([account])
            case Place.FILE:
                job = acts.clear_assets([account])
            case Place.CONVERSATIONS:
                job = acts.list_conversations([account])
            case _:
                job = acts.clear_conversations([account])
        [result] = await job.ended()
        if result.ok:
            return Heard(0, said=result.said)
        return Heard(0, sentence=self._plain(f"{result.said} {result.hint}".rstrip()))

    async def _ask(self, case: Case, *, stream: bool) -> Heard:
        said: list[str] = []
        if case.scene is Scene.LEAVES:
            return await self._left(case, words="one two" if stream else "")
        if case.scene is not Scene.STOPPED:
            return await self._answered(case, said, stream=stream)
        stopping = owned(self._stopped(said, words="one two" if stream else ""), name="an owner")
        heard = await self._answered(case, said, stream=stream)
        await stopping
        return heard

    async def _answered(self, case: Case, said: list[str], *, stream: bool) -> Heard:
        try:
            await self._said(case, said, stream=stream)
        except openai.APIStatusError as error:
            body: Any = error.body
            return self._heard(error.status_code, said, body, error.response.headers.get("retry-after"))
        except openai.APIError as error:
            return self._heard(200, said, error.body, None)
        return Heard(said="".join(said))

    async def _stopped(self, said: list[str], *, words: str) -> None:
        """End the request as soon as Grok is asked, or when the words have come."""
        turns = self.rig.sim.turns
        before = len(turns)
        await self.rig.until(lambda: len(turns) > before and "".join(said) == words)
        runs = self.rig.app.runs
        assert runs.stop(runs.running()[0].id)

    async def _left(self, case: Case, *, words: str) -> Heard:
        """Hang up as soon as Grok is asked, or when the words have come."""
        said: list[str] = []
        turns = self.rig.sim.turns
        before = len(turns)
        asking = owned(self._said(case, said, stream=True), name="a client")
        await self.rig.until(lambda: len(turns) > before and "".join(said) == words)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await self.rig.until(lambda: turns[-1].aborted_at is not None)
        return Heard(said="".join(said))

    async def _said(self, case: Case, said: list[str], *, stream: bool) -> None:
        messages: list[Any] = [{"role": "user", "content": _asked(case)}]
        if case.scene is Scene.CONTINUED:
            messages = [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": FIRST},
                {"role": "user", "content": "And further?"},
            ]
        if not stream:
            answer = await self.rig.client.chat.completions.create(model=MODEL, messages=messages)
            said.append(answer.choices[0].message.content or "")
            return
        async for chunk in await self.rig.client.chat.completions.create(
            model=MODEL, messages=messages, stream=True
        ):
            said.extend(choice.delta.content or "" for choice in chunk.choices)

    def _heard(self, status: int, said: list[str], body: Any, retry_after: str | None) -> Heard:  # noqa: ANN401 - JSON
        return Heard(
            status,
            "".join(said),
            body["type"],
            body["code"],
            self._plain(body["message"]),
            None if retry_after is None else _rounded(float(retry_after)),
        )

    def _named(self, egress: str) -> str:
        return "one" if egress.endswith(f":{self.ways[0].port}") else "two"

    def _plain(self, sentence: str) -> str:
        """A sentence with the names that differ from one start to the next replaced."""
        for name, way in zip(("one", "two"), self.ways, strict=True):
            sentence = sentence.replace(f"socks5h://127.0.0.1:{way.port}", name)
        # The time allowed is cut down, so that the test need not wait for it.
        return sentence.replace("127.0.0.1", "grok.com").replace("for 0 seconds", "for 120 seconds")

    def _way(self, number: int) -> WayAfter:
        port = f":{self.ways[number].port}"
        state = next((one for one in self.rig.app.egress.states() if one.name.endswith(port)), None)
        if state is None:
            return WayAfter()
        rests_s = None if state.resting_until is None else _rounded(state.resting_until - time())
        return WayAfter(state.cause, rests_s, state.clearance.standing)


def after(account: Account) -> AccountAfter:
    """How an account stands now."""
    now, window = time(), account.windows[Mode.FAST]
    refused_until = window.refused_until or 0.0
    return AccountAfter(
        account.status,
        _rounded((window.reset_at or now) - now) if window.remaining == 0 else None,
        _rounded(refused_until - now) if refused_until > now else None,
        _rounded(account.resting_until - now) if account.resting_until > now else None,
        noted=bool(account.last_failure),
        unchecked=bool(account.check_failure),
    )


def _rounded(seconds: float) -> int:
    """Seconds without those that the test itself takes."""
    return 5 * round(seconds / 5)


def _dated(script: Script) -> Script:
    refusal = script.refusal
    if refusal is None or (refusal.headers or {}).get("Retry-After") != IN_TWO_MINUTES:
        return script
    headers = {**(refusal.headers or {}), "Retry-After": formatdate(time() + 120, usegmt=True)}
    return replace(script, refusal=replace(refusal, headers=headers))


def _asked(case: Case) -> object:
    if case.place is not Place.UPLOAD:
        return "Hello"
    return [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PICTURE}"}},
    ]


_PICTURE: Final = b64encode(b"\x89PNG\r\n\x1a\n and so on").decode()
