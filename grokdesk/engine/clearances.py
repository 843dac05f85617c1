"""Passing Cloudflare's check: asked for once, shared by all who wait, renewed before it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from typing import Final

from grokdesk.core.egress import (
    NO_CHECK_S,
    ClearanceState,
    Route,
    Standing,
    check_manual,
    needs_refresh,
    rest_s,
)
from grokdesk.core.errors import NoClearance, UpstreamError
from grokdesk.core.notices import Bus, EgressChanged, Trouble
from grokdesk.core.ports import Clearance, Clock, Solver
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ClearanceMode, Live
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.tasks import Supervisor

log = logging.getLogger(__name__)

_TROUBLE: Final = "egress"
# Each is a browser of several hundred MB at the solver.
_AT_ONCE: Final = 2
# A solver that is itself at fault is not asked again so long, whatever the way out.
_PAUSE_S: Final = 30.0
_FORGOTTEN_S: Final = 86_400.0
_REFUSED_HINT: Final = (
    "Make sure that the solver leaves by the same address as GrokDesk, or use another proxy under Network."
)


class Patience:
    """How long one request may wait for clearances, in all."""

    __slots__ = ("left_s",)

    def __init__(self, left_s: float) -> None:
        self.left_s = left_s


class Verdict(Enum):
    """What a refusal means for a clearance.

    LATE: known before, and another one is on its way or there. DUE: another one is needed now. HELPLESS: the
    newest one did not help, and asking again so soon would not either.
    """

    LATE = "late"
    DUE = "due"
    HELPLESS = "helpless"


class Gate:
    """Cloudflare's check of one site on one way out (and for one account, where each has its own).

    `asked_at` is on the steady clock, `solved_at` and `used_at` are Unix seconds. `in_vain` counts
    answers of the solver since one was of use; `is_helpless` says that the last one was not.
    """

    __slots__ = (
        "asked_at",
        "clearance",
        "due",
        "in_vain",
        "is_helpless",
        "is_proven",
        "problem",
        "proxy",
        "retired",
        "route",
        "site",
        "solved_at",
        "solving",
        "used_at",
    )

    def __init__(self, route: Route, proxy: Secret, site: str, now: float) -> None:
        self.route = route
        self.proxy = proxy
        self.site = site
        self.used_at = now
        self.clearance: Clearance | None = None
        self.solved_at: float | None = None
        self.is_proven = self.is_helpless = False
        self.due = False
        self.asked_at: float | None = None
        self.in_vain = 0
        self.problem: NoClearance | None = None
        self.solving: asyncio.Task[NoClearance | None] | None = None
        self.retired = False


class Clearances:
    """All clearances there are.

    `lost` hears of a way out that needs a clearance which could not be had.
    """

    def __init__(
        self,
        live: Live,
        bus: Bus,
        clock: Clock,
        solver: Callable[[], Solver | None],
        *,
        tasks: Supervisor,
        deadlines: Deadlines,
        lost: Callable[[Gate, NoClearance], None],
    ) -> None:
        self._live = live
        self._bus = bus
        self._clock = clock
        self._solver = solver
        self._tasks = tasks
        self._deadlines = deadlines
        self._lost = lost
        self._gates: dict[Route, dict[tuple[str, str], Gate]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._asked: Solver | None = None
        self._down: tuple[NoClearance, float] | None = None
        self._troubles: dict[Gate, Trouble] = {}
        self._told = ""

    # -- for leases

    def gate(self, route: Route, identity: str, site: str) -> Gate | None:
        """The check of `site` on `route`, once there has been one; `identity` is empty unless it matters."""
        gates = self._gates.get(route)
        return gates.get((identity, site)) if gates else None

    @property
    def solver(self) -> Solver | None:
        """Who passes checks, if anybody does."""
        return self._solver()

    async def wait(self, gate: Gate, patience: Patience) -> None:
        """Wait until the clearance that is due has come, or the settings have changed.

        Raises `NoClearance` when it could not be had, or not before patience ran out; the solver then goes on
        for others.
        """
        if gate.due and self.solver is None:
            gate.due = False
            return
        task = gate.solving or self._start(gate)
        began = self._clock.monotonic()
        ended = task.done() or (patience.left_s > 0 and await self._deadlines.wait(task, patience.left_s))
        patience.left_s -= self._clock.monotonic() - began
        if not ended:
            raise self._too_slow(gate)
        if task.cancelled():
            return
        problem = task.result()
        if problem is not None:
            raise self._again(problem, gate)

    def used(self, gate: Gate) -> Clearance | None:
        """The clearance to go with, which is in use from now on."""
        now = self._clock.now()
        gate.used_at = now
        clearance = gate.clearance
        if clearance and not clearance.cookies and now - (gate.solved_at or 0) > NO_CHECK_S:
            # That there was no check is not true for ever.
            gate.clearance = clearance = None
            gate.is_proven = False
        return clearance

    def worked(self, gate: Gate, used: Clearance) -> None:
        """A call with `used` got through."""
        if used is gate.clearance and not gate.is_proven:
            gate.is_proven = True
            gate.is_helpless = False
            gate.in_vain = 0
            gate.problem = None
            self._settled(gate)
            self._bus.publish(EgressChanged())

    def refused(
        self, route: Route, identity: str, site: str, used: Clearance | None, *, vaguely: bool = False
    ) -> Verdict:
        """A call with `used` was stopped on the way: say what that means, and remember it.

        `vaguely` says that it was not Cloudflare's own page, and so may not be about the clearance at all.
        """
        gate = self._gates.setdefault(route, {}).get((identity, site))
        if gate is None:
            gate = Gate(route, route.address(identity), site, self._clock.now())
            self._gates[route][identity, site] = gate
        if gate.due or used is not gate.clearance:
            return Verdict.LATE
        doubtful = vaguely or not gate.is_proven
        if gate.clearance is not None and doubtful and self._pausing(gate):
            self._did_not_help(gate)
            return Verdict.HELPLESS
        gate.due = True
        log.warning("clearance needed egress=%s site=%s", route.name, site)
        self._bus.publish(EgressChanged())
        return Verdict.DUE

    def remark(self, gate: Gate | None, used: Clearance | None) -> str:
        """What a client should hear beside a refusal, when a fresh clearance did not prevent it."""
        if gate is None or used is None or used is not gate.clearance or gate.is_proven:
            return ""
        if not used.cookies:
            return "The solver had found no check to pass."
        return "The solver's new clearance did not help."

    # -- for the owner

    async def renew(self, gate: Gate) -> None:
        """Have a new clearance, whatever the one in use is worth. Raises `NoClearance`."""
        gate.asked_at, self._down = None, None
        task = gate.solving or self._start(gate)
        await asyncio.wait([task])
        problem = None if task.cancelled() else task.result()
        if problem is not None:
            raise self._again(problem, gate)

    def gates(self, route: Route) -> list[Gate]:
        """All checks that are known of on `route`."""
        return list(self._gates.get(route, {}).values())

    def new_gate(self, route: Route, site: str) -> Gate:
        """A check that nobody has met yet."""
        gate = Gate(route, route.address(""), site, self._clock.now())
        self._gates.setdefault(route, {})["", site] = gate
        return gate

    def sites(self, route: Route) -> list[str]:
        """The sites whose check was met on `route`."""
        return list(dict.fromkeys(gate.site for gate in self.gates(route)))

    def take_out(self, route: Route) -> dict[tuple[str, str], Gate]:
        """Forget the clearances of `route`; returns them for `put_back`. Who waits for one looks again."""
        taken = self._gates.pop(route, {})
        for gate in taken.values():
            gate.retired = True
            if gate.solving is not None:
                gate.solving.cancel()
            self._settled(gate)
        return taken

    def put_back(self, route: Route, taken: Mapping[tuple[str, str], Gate]) -> None:
        """Take back what `take_out` forgot, except where there is a newer one."""
        for gate in taken.values():
            gate.retired = False
        kept = {key: gate for key, gate in taken.items() if gate.clearance is not None}
        if kept:
            self._gates[route] = {**kept, **self._gates.get(route, {})}

    def state(self, route: Route, site: str = "") -> ClearanceState:
        """How `route` stands with Cloudflare; at one site, or at all."""
        settings = self._live.now.egress
        gates = [gate for gate in self.gates(route) if site in {"", gate.site}]
        if settings.clearance is ClearanceMode.MANUAL:
            problem = check_manual(settings.cookies, settings.user_agent) or ""
            return ClearanceState(Standing.PASTED, user_agent=settings.user_agent, problem=problem)
        if not gates:
            return ClearanceState()
        newest = max(gates, key=lambda gate: (gate.due, gate.solved_at or 0.0))
        clearance = newest.clearance
        standing = Standing.OPEN
        if newest.due:
            standing = Standing.NEEDED
        elif clearance is not None:
            standing = Standing.CLEARED if clearance.cookies else Standing.NO_CHECK
        problems = [gate.problem.message for gate in (newest, *gates) if gate.problem is not None]
        return ClearanceState(
            standing,
            solving=any(gate.solving is not None for gate in gates),
            count=sum(gate.clearance is not None and bool(gate.clearance.cookies) for gate in gates),
            solved_at=newest.solved_at,
            expires_at=clearance.expires_at if clearance else None,
            user_agent=clearance.user_agent if clearance else "",
            problem=problems[0] if problems else "",
            is_proven=newest.is_proven,
        )

    # -- upkeep

    def refresh(self) -> None:
        """Begin to renew what is in use and about to end; forget what nobody has used for a day."""
        now = self._clock.now()
        every_s = self._live.now.egress.clearance_refresh_s
        for gate in list(self._all()):
            if gate.solving is None and now - gate.used_at > _FORGOTTEN_S:
                self._drop(gate)
            elif self.solver is not None and self._is_ageing(gate, now, every_s):
                log.info("clearance is renewed before it ends egress=%s", gate.route.name)
                self._start(gate)

    def _is_ageing(self, gate: Gate, now: float, every_s: float) -> bool:
        if gate.clearance is None or gate.solved_at is None or gate.solving is not None:
            return False
        if not gate.clearance.cookies or self._pausing(gate):
            return False
        return needs_refresh(gate.solved_at, gate.clearance.expires_at, gate.used_at, now, every_s)

    def forget(self) -> None:
        """Begin anew: other settings. Who waits for the solver looks again."""
        for gate in self._all():
            gate.retired = True
            if gate.solving is not None:
                gate.solving.cancel()
        self._gates.clear()
        self._down = None
        self._troubles.clear()
        self._tell()

    def keep_only(self, routes: Collection[Route]) -> None:
        """Forget the clearances of all other ways out."""
        for route in [route for route in self._gates if route not in routes]:
            self.take_out(route)

    def tidy(self, routes: list[Route]) -> None:
        """Let the solver close the browsers of ways out that are gone."""
        if self._asked is not None:
            kept = {route.proxy for route in routes} if self.solver is self._asked else set()
            self._tasks.spawn(self._asked.keep_only(kept), name="tidy the solver")

    async def close(self) -> None:
        """End what the solver does for us, and its browsers."""
        running = [gate.solving for gate in self._all() if gate.solving is not None]
        self.forget()
        await asyncio.gather(*running, return_exceptions=True)
        if self._asked is not None:
            await self._asked.keep_only(())

    # -- solving

    def _start(self, gate: Gate) -> asyncio.Task[NoClearance | None]:
        """Ask the solver. Raises `NoClearance` when it was asked in vain a moment ago, or is none."""
        solver = self.solver
        if solver is None:
            raise NoClearance(
                "No Cloudflare solver is set up.", hint="Set one up under Network, or paste cookies there."
            )
        if self._down is not None and self._clock.monotonic() < self._down[1]:
            down = self._down[0]
            if gate.due and gate.problem is not down:
                gate.problem = down
                self._lost(gate, down)
            raise self._again(down, gate)
        if gate.problem is not None and self._pausing(gate):
            raise self._again(gate.problem, gate)
        self._asked = solver
        gate.solving = self._tasks.spawn(self._solve(gate, solver), name=f"clearance {gate.route.name}")
        self._bus.publish(EgressChanged())
        return gate.solving

    async def _solve(self, gate: Gate, solver: Solver) -> NoClearance | None:
        try:
            async with self._at_once:
                clearance = await solver.solve(gate.site, gate.proxy)
        except UpstreamError as error:
            gate.solving = None
            return self._not_solved(gate, error)
        finally:
            gate.solving = None
        if not gate.retired:
            self._solved(gate, clearance)
        return None

    def _solved(self, gate: Gate, clearance: Clearance) -> None:
        gate.clearance, gate.solved_at = clearance, self._clock.now()
        gate.asked_at = self._clock.monotonic()
        gate.due = gate.is_proven = False
        gate.in_vain += 1
        self._down = None
        if not gate.is_helpless:
            gate.problem = None
            self._settled(gate)
        log.info("clearance renewed egress=%s no_check=%s", gate.route.name, not clearance.cookies)
        self._bus.publish(EgressChanged())

    def _not_solved(self, gate: Gate, error: UpstreamError) -> NoClearance:
        problem = error if isinstance(error, NoClearance) else _as_problem(error)
        if gate.retired:
            return problem
        gate.asked_at = self._clock.monotonic()
        gate.in_vain += 1
        gate.problem = problem
        if problem.everywhere:
            self._down = (problem, self._clock.monotonic() + _PAUSE_S)
        log.warning(
            "clearance not renewed egress=%s why=%s detail=%s",
            gate.route.name,
            problem.message,
            problem.detail,
        )
        self._trouble(gate, problem.message, problem.hint)
        if gate.due:
            self._lost(gate, problem)
        self._bus.publish(EgressChanged())
        return problem

    def _did_not_help(self, gate: Gate) -> None:
        if gate.is_helpless:
            return
        gate.is_helpless = True
        found = (
            "found no check to pass" if not (gate.clearance and gate.clearance.cookies) else "passed a check"
        )
        message = (
            f"The Cloudflare solver {found} for {gate.route.name}, but requests are still stopped there."
        )
        gate.problem = NoClearance(message, hint=_REFUSED_HINT)
        log.warning("clearance did not help egress=%s why=%s", gate.route.name, message)
        self._trouble(gate, message, _REFUSED_HINT)

    def _pausing(self, gate: Gate) -> bool:
        return self._pause_left(gate) > 0

    def _pause_left(self, gate: Gate) -> float:
        if gate.asked_at is None:
            return 0.0
        return gate.asked_at + rest_s(gate.in_vain) - self._clock.monotonic()

    def _again(self, problem: NoClearance, gate: Gate) -> NoClearance:
        """The same failure for another one who waits."""
        wait_s = self._pause_left(gate)
        if self._down is not None:
            wait_s = max(wait_s, self._down[1] - self._clock.monotonic())
        return NoClearance(
            problem.message,
            hint=problem.hint,
            detail=problem.detail,
            retry_after=max(1.0, wait_s),
            everywhere=problem.everywhere,
        )

    def _too_slow(self, gate: Gate) -> NoClearance:
        wait_s = self._live.now.egress.clearance_wait_s
        slow = NoClearance(
            "Cloudflare wants to see a browser first, and the solver is slow: it has not passed the check "
            f"within {wait_s:.0f} seconds.",
            hint="Try again in a minute; if it stays so, look at the solver's own log.",
        )
        if gate.problem is None and not gate.retired:
            gate.problem = slow
            log.warning("clearance waited for in vain egress=%s why=%s", gate.route.name, slow.message)
            self._trouble(gate, slow.message, slow.hint)
            self._bus.publish(EgressChanged())
        return slow

    # -- bookkeeping

    def _all(self) -> Iterator[Gate]:
        for gates in self._gates.values():
            yield from gates.values()

    def _drop(self, gate: Gate) -> None:
        gates = self._gates[gate.route]
        for key in [key for key, one in gates.items() if one is gate]:
            del gates[key]
        if not gates:
            del self._gates[gate.route]
        self._settled(gate)

    def _trouble(self, gate: Gate, message: str, hint: str) -> None:
        self._troubles.pop(gate, None)
        self._troubles[gate] = Trouble(_TROUBLE, message, hint)
        self._tell()

    def _settled(self, gate: Gate) -> None:
        if self._troubles.pop(gate, None) is not None:
            self._tell()

    def _tell(self) -> None:
        """Publish the latest trouble that is not over, when it is another than before."""
        latest = next(reversed(self._troubles.values()), Trouble(_TROUBLE, ""))
        if latest.message != self._told:
            self._told = latest.message
            self._bus.publish(latest)


def _as_problem(error: UpstreamError) -> NoClearance:
    return NoClearance(error.message, hint=error.hint, detail=error.detail)
