"""The way out: which proxy, with which clearance, and what every call teaches about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final
from urllib.parse import urlsplit

from grokdesk.core.accounts import Account
from grokdesk.core.egress import (
    DIRECT,
    FIRST_REST_S,
    CheckState,
    Egress,
    Footing,
    Health,
    Purpose,
    Route,
    SolverTested,
    Tested,
    WayState,
    answered,
    blames_account,
    check_manual,
    choose,
    failed,
    footing,
    identity,
    normal_way,
    proxy_of,
    public_name,
    route_of,
    worked,
)
from grokdesk.core.errors import (
    Challenged,
    EgressOutcome,
    InvalidRequest,
    NoClearance,
    NotFound,
    NoWay,
    SingledOut,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from grokdesk.core.notices import Bus, EgressChanged
from grokdesk.core.ports import Clearance, Clock, Solver, SolverTester, Tester
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ClearanceMode, EgressMode, Live, Settings
from grokdesk.engine.clearances import Clearances, Gate, Patience, Verdict
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.system_proxy import system_proxy
from grokdesk.platform.tasks import Supervisor, offload

log = logging.getLogger(__name__)

SHOWN_BOUND: Final = 200
_LOOK_S: Final = 15.0
_SYSTEM_READ_S: Final = 60.0
_DAY_S: Final = 86_400.0
_TESTS_AT_ONCE: Final = 10
_SINGLED_OUT_HINT: Final = (
    "Sign in at grok.com with this account to see what it is asked, or bind it to another proxy."
)
_BOUND_HINT: Final = "Check that proxy, or choose another way out for the account."

# What the owner can change without any way out becoming another one.
_HARMLESS: Final = {"clearance_wait_s", "clearance_refresh_s", "solver_timeout_s", "solver_sessions"}
# What says only which ways out there are; what is known of one goes on being true.
_LISTS: Final = {"mode", "proxies", "media_proxies"}


class _Road:
    """A route in use: how it has fared, and who is on it.

    `turn` grows with every failure that made it rest: what began before says nothing about it any more.
    """

    __slots__ = ("health", "in_use", "probe", "route", "turn", "used_at")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.health = Health()
        self.turn = 0
        self.in_use = 0
        self.used_at = 0.0
        self.probe: Way | None = None


class _Pool:
    """Roads of which one is used until it fails."""

    __slots__ = ("current", "roads")

    def __init__(self, roads: list[_Road]) -> None:
        self.roads = roads
        self.current = 0


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a lease holds: the road as it was, for whom, and with which clearance."""

    road: _Road
    turn: int
    account: Account
    identity: str
    site: str
    clearance: Clearance | None
    began: float


class Way:
    """A way out in use, for one call or for several in a row.

    `failed` says why a call on it failed, `worked` that one got through; both may be said again and again,
    and the same failure twice counts once.
    """

    __slots__ = ("_heard", "_service", "_taken", "egress", "singles_out")

    def __init__(self, service: EgressService, taken: _Taken, egress: Egress) -> None:
        self.egress = egress
        self._service = service
        self._taken = taken
        self._heard: UpstreamError | None = None
        self.singles_out = False

    def failed(self, error: UpstreamError) -> None:
        """Say why a call failed."""
        if error is not self._heard:
            self._heard = error
            self._service.learn(self, self._taken, error)

    def worked(self) -> None:
        """Say that upstream has answered."""
        self._service.learn(self, self._taken, None)

    @property
    def has_failed(self) -> bool:
        """Whether a call on it failed."""
        return self._heard is not None


@dataclass(slots=True)
class _System:
    """What the machine says about proxies, by site."""

    pools: dict[str, _Pool] = field(default_factory=dict)
    read_at: dict[str, float] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_due(self, site: str, now: float) -> bool:
        """Whether it is time to look again."""
        return site not in self.pools or now - self.read_at[site] >= _SYSTEM_READ_S


class EgressService:
    """Leases ways out and learns from every call.

    `generation` grows whenever something changed that makes another try on the same account sensible: another
    proxy, or a clearance to be renewed.
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
        tester: Tester | None = None,
        solver_tester: SolverTester | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._live = live
        self._bus = bus
        self._clock = clock
        self._tester = tester
        self._solver_tester = solver_tester
        self._environment = environment or {}
        self._clearances = Clearances(
            live, bus, clock, solver, tasks=tasks, deadlines=deadlines, lost=self._not_cleared
        )
        self._roads: dict[Secret, _Road] = {}
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._pools: dict[Purpose, _Pool] = {}
        self._bound: dict[Secret, _Road] = {}
        self._system = _System()
        self._configured = 0
        self.generation = 0
        self._configure(live.now)
        live.subscribe(self._settings_changed)

    # -- leasing

    def patience(self) -> Patience:
        """How long one request may wait for clearances; hand it to each of its leases."""
        return Patience(self._live.now.egress.clearance_wait_s)

    @asynccontextmanager
    async def lease(
        self,
        account: Account,
        purpose: Purpose = Purpose.CHAT,
        *,
        site: str = "",
        patience: Patience | None = None,
    ) -> AsyncIterator[Way]:
        """Hold a way out for the calls of one job of `account`.

        `site` is the address that is called when it is not Grok's own: a clearance is good for one site.
        Raises `NoClearance` when Cloudflare's check could not be passed in time, `NoWay` when the way this
        account is bound to is known not to work. A failure that leaves the block is learned from, and may
        come out saying more about the way.
        """
        way, taken = await self._take(account, purpose, site, patience or self.patience())
        try:
            yield way
        except UpstreamError as error:
            way.failed(error)
            explained = self._explained(way, taken, error)
            if explained is error:
                raise
            raise explained from error
        else:
            if not way.has_failed:
                way.worked()
        finally:
            taken.road.in_use -= 1
            if taken.road.probe is way:
                taken.road.probe = None

    async def _take(
        self, account: Account, purpose: Purpose, site: str, patience: Patience
    ) -> tuple[Way, _Taken]:
        while True:
            where = site or self._live.now.grok_web.api_url
            if (
                self._live.now.egress.mode is EgressMode.SYSTEM
                and not account.proxy
                and not await self._read_system(where)
            ):
                continue
            # From here to the end of the round nothing waits, unless a round more follows.
            road = self._road(account, purpose, where)
            who = identity(account.token) if road.route.per_account else ""
            gate = self._clearances.gate(road.route, who, where)
            if gate is None or not gate.due:
                break
            await self._clearances.wait(gate, patience)
        clearance = None if gate is None else self._clearances.used(gate)
        taken = _Taken(road, road.turn, account, who, where, clearance, self._clock.monotonic())
        way = Way(self, taken, self._dressed(road.route, who, clearance, account))
        road.in_use += 1
        road.used_at = self._clock.monotonic()
        if road.probe is None and footing(road.health, self._clock.monotonic()) is not Footing.SOUND:
            road.probe = way
        return way, taken

    def _road(self, account: Account, purpose: Purpose, site: str) -> _Road:
        if account.proxy:
            return self._bound_road(account.proxy)
        pool = self._pool(purpose, site)
        if not pool.roads:
            raise NoWay(
                "GrokDesk is set to leave through proxies, and there is none.",
                hint="Add a proxy under Network, or connect directly.",
            )
        return self._picked(pool)

    def _pool(self, purpose: Purpose, site: str) -> _Pool:
        if self._live.now.egress.mode is EgressMode.SYSTEM:
            return self._system.pools[site]
        return self._pools.get(purpose) or self._pools[Purpose.CHAT]

    def _picked(self, pool: _Pool) -> _Road:
        """The road to take, making it the current one when it is a sound one."""
        now = self._clock.monotonic()
        if footing(pool.roads[pool.current].health, now) is Footing.SOUND:
            return pool.roads[pool.current]
        probed = [number for number, road in enumerate(pool.roads) if road.probe is not None]
        number = choose([road.health for road in pool.roads], probed, pool.current, now)
        road = pool.roads[number]
        if number != pool.current and footing(road.health, now) is Footing.SOUND:
            left = pool.roads[pool.current]
            log.warning(
                "egress moved from=%s to=%s why=%s",
                left.route.name,
                road.route.name,
                left.health.cause.value,
            )
            pool.current = number
            self._bus.publish(EgressChanged())
        return road

    def _bound_road(self, bound: Secret) -> _Road:
        """The road an account is bound to. For 30 s after a failure there it is not tried again."""
        road = self._bound.get(bound)
        if road is None:
            try:
                road = self._bound[bound] = self._road_for(normal_way(bound.reveal()))
            except ValueError as error:
                raise NoWay(
                    f"The proxy this account is bound to cannot be used: {error}.", hint=_BOUND_HINT
                ) from None
        health = road.health
        wait_s = min(health.resting_until, health.failed_at + FIRST_REST_S) - self._clock.monotonic()
        if health.strikes and wait_s > 0:
            raise NoWay(
                f"The proxy this account is bound to, {road.route.name}, did not work just now.",
                hint=_BOUND_HINT,
                detail=health.failure,
                retry_after=wait_s,
            )
        return road

    def _road_for(self, way: str) -> _Road:
        """The road for `way`, the same for all who take it: what one call finds out there, all know."""
        proxy = proxy_of(way)
        road = self._roads.get(proxy)
        if road is None:
            name = public_name(way)
            number = self._numbers.get(name, 0) + 1
            while (route := route_of(way, number)).name in self._names:
                number += 1
            self._numbers[name] = number
            self._names.add(route.name)
            road = self._roads[proxy] = _Road(route)
        return road

    def _dressed(
        self, route: Route, who: str, clearance: Clearance | None, account: Account | None
    ) -> Egress:
        settings = self._live.now.egress
        user_agent, cookies = settings.user_agent, account.cookies if account else Secret("")
        if clearance is not None:
            # Made for this way out and this browser, unlike what came with the account.
            user_agent = clearance.user_agent or user_agent
            cookies = clearance.cookies or cookies
        elif settings.clearance is ClearanceMode.MANUAL:
            cookies = cookies or Secret(settings.cookies)
        return Egress(
            name=route.name,
            proxy=route.address(who),
            user_agent=user_agent,
            cookies=cookies,
            verify=not settings.skip_proxy_verify,
        )

    # -- learning

    def learn(self, way: Way, taken: _Taken, error: UpstreamError | None) -> None:
        """Take in how a call on `way` went: `error`, or None for well. Ways call it; nobody else."""
        road = taken.road
        if error is None:
            self._got_through(way, taken)
            return
        match error.egress:
            case EgressOutcome.CLOSED:
                return
            case EgressOutcome.FINE:
                # Nothing within the time says nothing; any other refusal came through, so the way is open.
                if not isinstance(error, UpstreamTimeout) and taken.turn == road.turn:
                    self._opened(road, answered(road.health), way)
            case EgressOutcome.UNREACHABLE:
                if taken.turn == road.turn:
                    self._lose(road, error.egress, error.message, rests=True)
            case EgressOutcome.CHALLENGED | EgressOutcome.ROBOT | EgressOutcome.REFUSED:
                self._stopped(way, taken, error)

    def _got_through(self, way: Way, taken: _Taken) -> None:
        road, account = taken.road, taken.account.id
        if taken.turn == road.turn:
            self._opened(road, worked(road.health, account, self._clock.monotonic()), way)
        if taken.clearance is not None:
            gate = self._clearances.gate(road.route, taken.identity, taken.site)
            if gate is not None:
                self._clearances.worked(gate, taken.clearance)

    def _opened(self, road: _Road, health: Health, way: Way) -> None:
        was_sound = not road.health.strikes
        road.health = health
        if road.probe is way:
            road.probe = None
        if not was_sound:
            log.info("egress works again name=%s", road.route.name)
            self._bus.publish(EgressChanged())

    def _stopped(self, way: Way, taken: _Taken, error: UpstreamError) -> None:
        road, now = taken.road, self._clock.monotonic()
        vague = error.egress is not EgressOutcome.CHALLENGED
        # A page of Cloudflare's is the way's, unless others passed while this call was under way.
        since_s = None if vague else now - taken.began
        if blames_account(road.health, taken.account.id, now, since_s):
            log.info(
                "refused on a way that works for others account=%s egress=%s why=%s",
                taken.account.id,
                road.route.name,
                error.egress.value,
            )
            way.singles_out = True
            return
        if self._clearances.solver is None:
            if taken.turn == road.turn:
                self._lose(road, error.egress, error.message, rests=True)
            return
        verdict = self._clearances.refused(
            road.route, taken.identity, taken.site, taken.clearance, vaguely=vague
        )
        if verdict is Verdict.DUE:
            self._lose(road, error.egress, error.message, rests=False)
            self.generation += 1
        elif verdict is Verdict.HELPLESS and taken.turn == road.turn:
            self._lose(road, error.egress, error.message, rests=True)

    def _not_cleared(self, gate: Gate, problem: NoClearance) -> None:
        road = self._roads.get(gate.route.proxy)
        if road is not None:
            self._lose(road, EgressOutcome.CHALLENGED, problem.message, rests=True)

    def _lose(self, road: _Road, cause: EgressOutcome, message: str, *, rests: bool) -> None:
        """A call was lost on `road`; who needs another way finds it with the next lease."""
        now = self._clock.monotonic()
        road.health = failed(road.health, cause, message, now, rests=rests)
        if rests:
            road.turn += 1
            road.probe = None
            log.warning(
                "egress rests name=%s seconds=%.0f why=%s",
                road.route.name,
                road.health.resting_until - now,
                cause.value,
            )
            for pool in (*self._pools.values(), *self._system.pools.values()):
                if road in pool.roads and footing(self._picked(pool).health, now) is not Footing.RESTING:
                    self.generation += 1
        self._bus.publish(EgressChanged())

    def _explained(self, way: Way, taken: _Taken, error: UpstreamError) -> UpstreamError:
        """`error` with what is known beside it: the proxy's name, what became of the clearance."""
        road = taken.road
        if way.singles_out and isinstance(error, Challenged):
            return SingledOut(
                f"{error.message} Others pass on the same way at this moment.",
                hint=_SINGLED_OUT_HINT,
                detail=error.detail,
            )
        if taken.account.proxy and road.route.proxy and error.egress is EgressOutcome.UNREACHABLE:
            return Unreachable(
                f"The proxy this account is bound to, {road.route.name}, did not work: {error.message}",
                hint=_BOUND_HINT,
                detail=error.detail,
            )
        if not isinstance(error, Challenged) or error.egress is EgressOutcome.CLOSED:
            return error
        gate = self._clearances.gate(road.route, taken.identity, taken.site)
        remark = self._clearances.remark(gate, taken.clearance)
        settings = self._live.now.egress
        if not remark and settings.clearance is ClearanceMode.MANUAL:
            remark = check_manual(settings.cookies, settings.user_agent) or ""
        if not remark:
            return error
        return type(error)(f"{error.message} {remark}", hint=error.hint, detail=error.detail)

    # -- for the owner

    def states(self) -> tuple[WayState, ...]:
        """The ways out: those of the settings in their order, then those only bound accounts use.

        Of the latter at most `SHOWN_BOUND`, those in trouble first.
        """
        serving: dict[Secret, list[Purpose]] = {}
        current: dict[Secret, list[Purpose]] = {}
        for purpose in Purpose:
            for pool in self._pools_for(purpose):
                current.setdefault(pool.roads[pool.current].route.proxy, []).append(purpose)
                for road in pool.roads:
                    serving.setdefault(road.route.proxy, []).append(purpose)
        bound = [road for proxy, road in self._roads.items() if proxy not in serving]
        if len(bound) > SHOWN_BOUND:
            bound = nlargest(SHOWN_BOUND, bound, key=lambda road: (road.health.strikes, road.used_at))
        return tuple(
            self._state(
                road, tuple(serving.get(road.route.proxy, ())), tuple(current.get(road.route.proxy, ()))
            )
            for road in (*(self._roads[proxy] for proxy in serving), *bound)
        )

    def _state(self, road: _Road, purposes: tuple[Purpose, ...], current: tuple[Purpose, ...]) -> WayState:
        now, health = self._clock.monotonic(), road.health
        since = self._clock.now() - now
        stand = footing(health, now)
        return WayState(
            name=road.route.name,
            kind=road.route.kind,
            purposes=purposes,
            current=current,
            health=health.score,
            resting_until=since + health.resting_until if stand is Footing.RESTING else None,
            on_probation=stand is Footing.PROBATION,
            cause=health.cause,
            failure=health.failure,
            failed_at=since + health.failed_at if health.failure else None,
            in_use=road.in_use,
            clearance=self._clearances.state(road.route),
        )

    def name_of(self, way: str) -> str:
        """The name in `states` of the way out written `way`; empty when requests do not leave by it."""
        road = self._roads.get(proxy_of(way))
        return "" if road is None else road.route.name

    def checks(self) -> tuple[CheckState, ...]:
        """How each way out of `states` stands with Cloudflare, at each site where a check was met.

        A way without any has one line, for Grok's own site.
        """
        home = self._live.now.grok_web.api_url
        named = {road.route.name: road.route for road in self._roads.values()}
        return tuple(
            CheckState(way.name, urlsplit(site).hostname or site, self._clearances.state(route, site))
            for way in self.states()
            for route in (named[way.name],)
            for site in self._clearances.sites(route) or [home]
        )

    async def look_up_system(self) -> None:
        """Find out now which proxy this computer is set to, when that is the way to leave.

        Raises `NoWay` when its setting cannot be used.
        """
        if self._live.now.egress.mode is EgressMode.SYSTEM:
            await self._read_system(self._live.now.grok_web.api_url)

    async def test_solver(self, address: str) -> SolverTested:
        """Ask the solver at `address` how it is."""
        assert self._solver_tester is not None, "the program hands one in"
        return await self._solver_tester.look(address)

    def forget_clearances(self, name: str) -> Callable[[], None]:
        """Forget the solver's clearances for the way out `name`; returns what takes that back.

        Raises `NotFound` for a name that `states` does not list.
        """
        route = self._named_road(name).route
        taken, generation = self._clearances.take_out(route), self._configured
        self._bus.publish(EgressChanged())

        def back() -> None:
            if self._configured == generation and route.proxy in self._roads:
                self._clearances.put_back(route, taken)
                self._bus.publish(EgressChanged())

        return back

    def _named_road(self, name: str) -> _Road:
        road = next((one for one in self._roads.values() if one.route.name == name), None)
        if road is None:
            raise NotFound(f"There is no way out named {name}.", hint="See the list under Network.")
        return road

    async def solve_now(self, name: str) -> None:
        """Have a new clearance for the way out `name`, now.

        Raises `NotFound` for a name that `states` does not list, and `NoClearance`.
        """
        road = self._named_road(name)
        route, site = road.route, self._live.now.grok_web.api_url
        gates = self._clearances.gates(route)
        if not gates:
            if route.per_account:
                raise NoClearance(
                    "Every account has its own way through this proxy, and none has met a check yet.",
                    hint="There is nothing to do until Cloudflare asks.",
                )
            gates = [self._clearances.new_gate(route, site)]
        problems = await asyncio.gather(
            *(self._clearances.renew(gate) for gate in gates), return_exceptions=True
        )
        for problem in problems:
            if problem is not None:
                raise problem

    async def test(self, targets: Collection[str] = ()) -> dict[str, Tested]:
        """Test ways out by name, or any proxy by its address; nothing: all that there are.

        What comes of it is learned. Raises `InvalidRequest` for what is neither a name nor an address.
        """
        assert self._tester is not None, "the program hands one in"
        site = self._live.now.grok_web.api_url
        if self._live.now.egress.mode is EgressMode.SYSTEM:
            await self._read_system(site)
        known = {road.route.name: road for road in self._roads.values()}
        roads = [known.get(target) or self._stranger(target) for target in targets] or list(known.values())
        at_once = asyncio.Semaphore(_TESTS_AT_ONCE)
        tester = self._tester

        async def tested(road: _Road) -> Tested:
            async with at_once:
                return await self._test(tester, road, site)

        found = await asyncio.gather(*(tested(road) for road in roads))
        return dict(zip((road.route.name for road in roads), found, strict=True))

    async def _test(self, tester: Tester, road: _Road, site: str) -> Tested:
        who = identity(Secret("")) if road.route.per_account else ""
        gate = self._clearances.gate(road.route, who, site)
        turn = road.turn
        clearance = gate.clearance if gate is not None else None
        result = await tester.test(site, self._dressed(road.route, who, clearance, None))
        if turn == road.turn and result.reachable and road.health.strikes:
            road.health = answered(road.health)
            self._bus.publish(EgressChanged())
        elif turn == road.turn and not result.reachable:
            self._lose(road, EgressOutcome.UNREACHABLE, result.failure, rests=True)
        return result

    def _stranger(self, target: str) -> _Road:
        try:
            way = normal_way(target)
        except ValueError as error:
            raise InvalidRequest(f"This way out cannot be tested: {error}.") from None
        if not way:
            raise InvalidRequest("Say which way out is to be tested.")
        route = route_of(way)
        return self._roads.get(route.proxy) or _Road(route)

    # -- upkeep

    async def upkeep(self) -> None:
        """Look after the ways out as long as the program runs."""
        while True:
            if self._live.now.egress.mode is EgressMode.SYSTEM:
                with suppress(NoWay):
                    await self._read_system(self._live.now.grok_web.api_url)
            self.look_after()
            # Not one of the deadlines: while any is watched, they are looked at four times a second.
            await asyncio.sleep(_LOOK_S)

    def look_after(self) -> None:
        """Begin to renew clearances that are about to end; forget ways that no account has used for a day."""
        self._clearances.refresh()
        now = self._clock.monotonic()
        kept = {way: road for way, road in self._bound.items() if road.in_use or now - road.used_at <= _DAY_S}
        if len(kept) == len(self._bound):
            return
        self._bound = kept
        self._keep_roads()

    async def close(self) -> None:
        """End what runs for clearances, and close the solver's browsers."""
        await self._clearances.close()

    async def _read_system(self, site: str) -> bool:
        """Look up the machine's proxy for `site`, again once a minute; while one looks others go on.

        Returns False when the settings have changed meanwhile.
        """
        system = self._system
        if not (site in system.pools and system.reading.locked()):
            async with system.reading:
                if system.is_due(site, self._clock.monotonic()):
                    try:
                        address = await offload(system_proxy, site, self._environment)
                    except OSError as error:
                        raise NoWay(
                            "This computer's proxy setting cannot be read.",
                            hint="Choose another way out under Network.",
                            detail=str(error),
                        ) from error
                    if system is self._system:
                        self._take_system(site, address)
        return system is self._system

    def _take_system(self, site: str, address: str) -> None:
        system = self._system
        system.read_at[site] = self._clock.monotonic()
        try:
            road = self._road_for(normal_way(address))
        except ValueError as error:
            system.pools.pop(site, None)
            raise NoWay(
                f"This computer's proxy setting cannot be used: {error}.",
                hint="Correct it in the system's settings, or choose another way out under Network.",
            ) from None
        before = system.pools.get(site)
        if before is not None and before.roads[0] is road:
            return
        system.pools[site] = _Pool([road])
        log.info("system's way out name=%s", road.route.name)
        self.generation += 1
        self._bus.publish(EgressChanged())

    # -- settings

    def _settings_changed(self, old: Settings, new: Settings) -> None:
        if (old.egress, old.grok_web.api_url) != (new.egress, new.grok_web.api_url):
            if _essence(old) != _essence(new):
                self._configure(new, anew=_essence(old, _LISTS) != _essence(new, _LISTS))
            self._clearances.tidy([road.route for road in self._roads.values()])
            self._bus.publish(EgressChanged())

    def _configure(self, settings: Settings, *, anew: bool = True) -> None:
        """Take in which ways out there are. `anew` forgets how all of them fared, and their clearances.

        Otherwise those that are still there go on as they were. A solver that is at work for one that has
        gone works for nobody.
        """
        egress = settings.egress
        if anew:
            for kept in (self._roads, self._names, self._numbers, self._bound):
                kept.clear()
        self._pools.clear()
        self._system = _System()
        # Names become free again with their ways; for those that come now they are looked up from the start.
        self._numbers.clear()
        lists = {Purpose.CHAT: egress.proxies if egress.mode is EgressMode.PROXIES else (DIRECT,)}
        if egress.mode is EgressMode.PROXIES and egress.media_proxies:
            lists[Purpose.MEDIA] = egress.media_proxies
        wanted = {proxy_of(way) for ways in lists.values() for way in ways}
        if egress.mode is EgressMode.SYSTEM:
            lists, wanted = {}, set()
        self._keep_roads(wanted)
        for purpose, ways in lists.items():
            self._pools[purpose] = _Pool([self._road_for(way) for way in ways])
        if anew:
            self._clearances.forget()
            self._configured += 1
        else:
            self._clearances.keep_only({road.route for road in self._roads.values()})
        self.generation += 1

    def _keep_roads(self, wanted: Collection[Secret] = ()) -> None:
        """Forget roads that nobody is led to any more, and with them their names."""
        led = {
            road.route.proxy
            for pool in (*self._pools.values(), *self._system.pools.values())
            for road in pool.roads
        }
        led |= {road.route.proxy for road in self._bound.values()}
        self._roads = {proxy: road for proxy, road in self._roads.items() if proxy in led or proxy in wanted}
        self._names = {road.route.name for road in self._roads.values()}

    def _pools_for(self, purpose: Purpose) -> list[_Pool]:
        if self._live.now.egress.mode is EgressMode.SYSTEM:
            return list(self._system.pools.values())
        pool = self._pools.get(purpose) or self._pools[Purpose.CHAT]
        return [pool] if pool.roads else []


def _essence(settings: Settings, but: Collection[str] = ()) -> tuple[object, ...]:
    """What makes a way out what it is, clearance included; without the settings of `but`."""
    return settings.grok_web.api_url, settings.egress.model_dump(exclude=_HARMLESS | set(but))
