"""The ways out alone, without accounts and upstreams: what the tests of egress and clearances share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from grokdesk.core import egress
from grokdesk.core.accounts import Account
from grokdesk.core.errors import UpstreamError
from grokdesk.core.notices import Bus, Notice, Trouble
from grokdesk.core.settings import Live, Settings
from grokdesk.engine.egress import EgressService, Way
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.tasks import Supervisor
from tests import make
from tests.engine.stage import ScriptedSolver
from tests.make import Clock

ONE, TWO, THREE = "http://one:1", "http://two:2", "http://three:3"
PROXIES: dict[str, Any] = {"mode": "proxies", "proxies": [ONE, TWO, THREE]}
SITE = "https://grok.com"
ACCOUNT, OTHER = make.account("a"), make.account("b")


class Watch:
    """A `Tester` that reports what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.results: dict[str, egress.Tested] = {}
        self.asked: list[tuple[str, egress.Egress]] = []

    async def test(self, url: str, way: egress.Egress) -> egress.Tested:
        self.asked.append((url, way))
        return self.results.get(way.name, egress.Tested(reachable=True, address="203.0.113.7"))


class World:
    """The service, what it told, its solver, and its clock."""

    def __init__(
        self,
        solver: ScriptedSolver | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        **settings: Any,  # noqa: ANN401 - settings
    ) -> None:
        self.live = Live(Settings.model_validate({"egress": settings}))
        self.told: list[Notice] = []
        self.clock = Clock()
        self.solver = solver
        self.tester = Watch()
        self.tasks = Supervisor()
        bus = Bus()
        bus.subscribe(self.told.append)
        self.service = EgressService(
            self.live,
            bus,
            self.clock,
            lambda: self.solver,
            tasks=self.tasks,
            deadlines=Deadlines(self.clock),
            tester=self.tester,
            environment=environment or {},
        )

    def change(self, section: str, **values: Any) -> None:  # noqa: ANN401 - settings
        current = self.live.now.model_dump()
        current[section].update(values)
        self.live.set(Settings.model_validate(current))

    async def call(
        self,
        failure: UpstreamError | None = None,
        *,
        account: Account = ACCOUNT,
        purpose: egress.Purpose = egress.Purpose.CHAT,
    ) -> str:
        """One call; returns the name of its way out and its cookies."""
        way: Way | None = None
        try:
            async with self.service.lease(account, purpose) as way:
                if failure is not None:
                    raise failure
        except UpstreamError:
            if way is None:
                raise
        return f"{way.egress.name} {way.egress.cookies.reveal()}".strip()

    async def heard(self, failure: UpstreamError, account: Account = ACCOUNT) -> UpstreamError:
        """What comes out of a call that ends with `failure`."""
        with pytest.raises(UpstreamError) as caught:
            async with self.service.lease(account):
                raise failure
        return caught.value

    def state(self, name: str) -> egress.WayState:
        return next(one for one in self.service.states() if one.name == name)

    @property
    def troubles(self) -> list[str]:
        return [notice.message for notice in self.told if isinstance(notice, Trouble)]
