"""The way out: which proxy, with which clearance, and what every call teaches about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from grokdesk.core.accounts import Account
from grokdesk.core.egress import DIRECT, Egress, Route, next_route, public_name
from grokdesk.core.errors import EgressOutcome, UpstreamError
from grokdesk.core.notices import Bus, EgressChanged
from grokdesk.core.ports import Clearance, Clock, Solver
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ClearanceMode, EgressMode, Live, Settings

log = logging.getLogger(__name__)

_DIRECT_ROUTE: Final = Route(DIRECT, Secret(""))
# How long a solver that failed, or whose clearance helped nobody, is not asked again for the same way out.
_PAUSE_S: Final = 30.0


class Way:
    """A way out in use. `failed` says why a call on it failed; it is heard once."""

    __slots__ = ("_learn", "egress", "has_failed")

    def __init__(self, egress: Egress, learn: Callable[[UpstreamError], None]) -> None:
        self.egress = egress
        self.has_failed = False
        self._learn = learn

    def failed(self, error: UpstreamError) -> None:
        """Say why the call failed."""
        if not self.has_failed:
            self.has_failed = True
            self._learn(error)


class EgressService:
    """Leases ways out and learns from every call.

    `generation` grows whenever something changed that makes another try on the same account sensible: another
    proxy, or a clearance to be renewed.
    """

    def __init__(self, live: Live, bus: Bus, clock: Clock, solver: Callable[[], Solver | None]) -> None:
        self._live = live
        self._bus = bus
        self._clock = clock
        self._solver = solver
        self._routes: list[Route] = []
        self._current = 0
        self._clearances: dict[Route, Clearance] = {}
        # Routes whose clearance has not let a call through yet, those that need another one, when a solver
        # was last asked for one, and why it had none.
        self._unproven: set[Route] = set()
        self._due: set[Route] = set()
        self._asked_at: dict[Route, float] = {}
        self._unsolved: dict[Route, UpstreamError] = {}
        self._solving: dict[Route, asyncio.Future[None]] = {}
        self.generation = 0
        self._configure(live.now)
        live.subscribe(self._settings_changed)

    @asynccontextmanager
    async def lease(self, account: Account) -> AsyncIterator[Way]:
        """Hold a way out for one call of `account`. Raises `Challenged` or `Unreachable` from the solver."""
        route = self._routes[self._current]
        if route in self._due:
            await self._solve(route)
        clearance = self._clearances.get(route)
        way = Way(
            self._dressed(route, clearance, account), lambda error: self._learn(route, clearance, error)
        )
        try:
            yield way
        except UpstreamError as error:
            way.failed(error)
            raise
        if clearance is not None and clearance is self._clearances.get(route) and not way.has_failed:
            self._unproven.discard(route)

    def _learn(self, route: Route, clearance: Clearance | None, error: UpstreamError) -> None:
        """Take in what a failure says about `route`, which was used with `clearance`."""
        if error.egress is EgressOutcome.FINE:
            return
        if error.egress is EgressOutcome.CHALLENGED and self._solver() is not None:
            if route in self._due or clearance is not self._clearances.get(route):
                return  # others found out before, and another clearance is on its way or there
            if route not in self._unproven or not self._pausing(route):
                self._due.add(route)
                self.generation += 1
                log.warning("clearance refused egress=%s", route.name)
                return
        self._move_on(route, error)

    def _move_on(self, route: Route, error: UpstreamError) -> None:
        following = next_route(self._routes, self._current, route)
        if following == self._current:
            return
        log.warning(
            "egress moved from=%s to=%s why=%s", route.name, self._routes[following].name, error.egress.value
        )
        self._current = following
        self.generation += 1
        self._bus.publish(EgressChanged())

    def _pausing(self, route: Route) -> bool:
        asked_at = self._asked_at.get(route)
        return asked_at is not None and self._clock.monotonic() - asked_at < _PAUSE_S

    def _dressed(self, route: Route, clearance: Clearance | None, account: Account) -> Egress:
        settings = self._live.now.egress
        user_agent, cookies = settings.user_agent, account.cookies
        if clearance is not None:
            # Made for this way out and this browser, unlike what came with the account.
            user_agent = clearance.user_agent or user_agent
            cookies = clearance.cookies or cookies
        elif settings.clearance is ClearanceMode.MANUAL:
            cookies = cookies or Secret(settings.cookies)
        return Egress(
            name=route.name,
            proxy=route.proxy,
            user_agent=user_agent,
            cookies=cookies,
            verify=not settings.skip_proxy_verify,
        )

    async def _solve(self, route: Route) -> None:
        """Renew the clearance of `route` once for all who wait; whoever asked first does the work."""
        while (running := self._solving.get(route)) is not None:
            # Not `await running`: when the first asker is cancelled, only it is.
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
        if route not in self._due:
            return None
        solver = self._solver()
        if solver is None:
            self._due.discard(route)
            return None
        unsolved = self._unsolved.get(route)
        if unsolved is not None and self._pausing(route):
            raise unsolved.with_traceback(None)
        promise: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._solving[route] = promise
        try:
            clearance = await solver.solve(self._live.now.grok_web.api_url, route.proxy)
            if self._solving.get(route) is promise:
                self._cleared(route, clearance)
            promise.set_result(None)
        except UpstreamError as error:
            if self._solving.get(route) is promise:
                self._asked_at[route] = self._clock.monotonic()
                self._unsolved[route] = error
                self._move_on(route, error)
            promise.set_exception(error)
            promise.exception()
            raise
        finally:
            promise.cancel()
            if self._solving.get(route) is promise:
                del self._solving[route]

    def _cleared(self, route: Route, clearance: Clearance) -> None:
        self._asked_at[route] = self._clock.monotonic()
        self._unsolved.pop(route, None)
        self._due.discard(route)
        self._clearances[route] = clearance
        self._unproven.add(route)
        self._bus.publish(EgressChanged())

    def _settings_changed(self, old: Settings, new: Settings) -> None:
        if (old.egress, old.grok_web.api_url) != (new.egress, new.grok_web.api_url):
            self._configure(new)
            self._bus.publish(EgressChanged())

    def _configure(self, settings: Settings) -> None:
        """Begin anew. A solver that is still at work works for nobody."""
        proxies = settings.egress.proxies if settings.egress.mode is EgressMode.PROXIES else ()
        self._routes = [Route(public_name(proxy), Secret(proxy)) for proxy in proxies] or [_DIRECT_ROUTE]
        self._current = 0
        for kept in (
            self._clearances,
            self._unproven,
            self._due,
            self._asked_at,
            self._unsolved,
            self._solving,
        ):
            kept.clear()
        self.generation += 1
