"""The real provider on a simulated Grok, with accounts that both know."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from grokdesk.core.accounts import Account, AccountId, Report
from grokdesk.core.egress import DEFAULT_USER_AGENT, DIRECT, Egress
from grokdesk.core.errors import UpstreamError
from grokdesk.core.events import Event, Transcript
from grokdesk.core.media import Request
from grokdesk.core.offer import EVERYTHING
from grokdesk.core.ports import Lease
from grokdesk.core.secret import Secret
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.wire import Wire
from grokdesk.providers.grok_web.provider import GrokWeb
from grokdesk.providers.grok_web.session import WebOptions
from grokdesk.sim import Simulator, World
from grokdesk.sim import world as sim_world
from tests import make
from tests.make import Clock
from tests.providers.grok_web.transcripts import folded

EGRESS = Egress(
    name=DIRECT, proxy=Secret(""), user_agent=DEFAULT_USER_AGENT, cookies=Secret("cf_clearance=abc")
)


class Stage:
    """A provider, and the world it talks to."""

    def __init__(self, sim: Simulator, world: World, wire: Wire, clock: Clock) -> None:
        self.sim = sim
        self.world = world
        self.options = WebOptions(
            api_url=sim.url, assets_url=sim.url, accounts_url=sim.url, public_images_url=sim.url
        )
        self.learned: list[tuple[AccountId, Report]] = []
        self.deadlines = Deadlines(SystemClock())
        self.provider = GrokWeb(
            wire,
            options=lambda: self.options,
            clock=clock,
            deadlines=self.deadlines,
            rng=Random(1),
            learned=lambda account, report: self.learned.append((account, report)),
        )

    def set(self, **options: Any) -> None:  # noqa: ANN401 - any option
        self.options = replace(self.options, **options)

    def account(
        self,
        there: sim_world.Tier = "basic",
        /,
        **known: Any,  # noqa: ANN401 - any field of an account
    ) -> tuple[Account, sim_world.Account]:
        """An account as the program knows it, and as Grok does."""
        return make.account("a", **known), self.world.add("invented-sso-token-of-a", there)

    async def asked(
        self, request: Request, account: Account
    ) -> tuple[Transcript, list[Event], UpstreamError | None]:
        """What `request` adds up to, its events, and the failure that ended it, if one did."""
        events: list[Event] = []
        meter = EVERYTHING.named(request.model).meter
        try:
            async with self.provider.open(request, Lease(account, meter), EGRESS) as batches:
                async for batch in batches:
                    assert batch, "a batch is never empty"
                    events += batch
        except UpstreamError as failure:
            return folded(events), events, failure
        return folded(events), events, None

    def bodies(self) -> list[Any]:
        """What the pictures and films were asked for with, in order."""
        return [turn.request for turn in self.world.turns]

    def paths(self) -> list[str]:
        """What Grok was asked, in order."""
        return [seen.path for seen in self.sim.received]
