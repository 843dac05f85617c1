"""A small program behind the face: the real pool, keys and log, on stores that live in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, cast

from grokdesk.core.accounts import (
    DEFAULT_WINDOWS,
    Account,
    AccountId,
    Mode,
    Status,
    Tier,
    TierSource,
    WindowSource,
)
from grokdesk.core.errors import Broken
from grokdesk.core.notices import Bus, GatewayChanged, GatewayPhase, GatewayState, SettingsChanged
from grokdesk.core.ports import ClientKey, Removed
from grokdesk.core.runs import RunRecord, RunState, Try
from grokdesk.core.secret import Secret
from grokdesk.core.settings import Live, Settings
from grokdesk.core.updates import Release
from grokdesk.core.visits import Visits
from grokdesk.engine.accounts import AccountPool, Brought
from grokdesk.engine.acts import Acts
from grokdesk.engine.asset_fetch import AssetFetch
from grokdesk.engine.diagnostics import Diagnostics
from grokdesk.engine.egress import EgressService
from grokdesk.engine.import_export import Plan
from grokdesk.engine.jobs import Jobs
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.library import Library
from grokdesk.engine.media_jobs import MediaJobs
from grokdesk.engine.reading import Reading, read_accounts
from grokdesk.engine.runs import RunLog
from grokdesk.engine.updates import Updates
from grokdesk.platform.autostart import Autostart
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.ids import client_key
from grokdesk.platform.link_handler import LinkHandler
from grokdesk.platform.paths import Paths
from grokdesk.platform.settings_file import SettingsFile
from grokdesk.platform.tasks import Supervisor
from tests.make import RunsInMemory

NOON = 1_786_500_000.0


class Still:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class AccountsInMemory:
    """An `AccountStore`."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.rows = {account.id: account for account in accounts}
        self.gone: dict[AccountId, Removed] = {}

    async def all(self) -> list[Account]:
        return list(self.rows.values())

    async def add(self, accounts: Sequence[Account]) -> None:
        self.rows.update((account.id, account) for account in accounts)

    def save(self, account: Account) -> None:
        self.rows[account.id] = account

    async def remove(self, ids: Iterable[AccountId], at: float) -> None:
        self.gone.update((one, Removed(self.rows.pop(one), at)) for one in list(ids))

    async def restore(self, ids: Iterable[AccountId]) -> list[Account]:
        back = [self.gone.pop(one).account for one in ids if one in self.gone]
        self.rows.update((account.id, account) for account in back)
        return back

    async def removed(self) -> list[Removed]:
        return sorted(self.gone.values(), key=lambda one: -one.at)

    async def purge(self, before: float) -> int:
        return 0


class KeysInMemory:
    """A `KeyStore`."""

    def __init__(self) -> None:
        self.rows: dict[str, ClientKey] = {}

    async def all(self) -> list[ClientKey]:
        return list(self.rows.values())

    async def add(self, key: ClientKey) -> None:
        self.rows[key.id] = key

    async def revoke(self, key_id: str, at: float) -> None:
        self.rows[key_id] = replace(self.rows[key_id], revoked_at=at)


class Door:
    """A gateway that only says it listens."""

    def __init__(self, bus: Bus, live: Live) -> None:
        self._bus = bus
        self._live = live
        self.state = GatewayState()
        self.taken: frozenset[int] = frozenset()

    async def start(self) -> None:
        port = self._live.now.gateway.port
        if port in self.taken:
            self.set(
                GatewayState(
                    GatewayPhase.FAILED,
                    port=port,
                    error=f"Port {port} is in use by ollama.",
                    hint=f"Close that program, or set gateway.port (--port) to a free one such as {port + 1}.",  # noqa: E501 - the sentence of the program
                    free_port=port + 1,
                )
            )
            raise Broken(f"Port {port} is in use by ollama.")
        self.set(GatewayState(GatewayPhase.STARTING))
        self.set(GatewayState(GatewayPhase.RUNNING, port=port))

    async def stop(self) -> None:
        self.set(GatewayState(GatewayPhase.STOPPED))

    def set(self, state: GatewayState) -> None:
        self.state = state
        self._bus.publish(GatewayChanged(state))


class Checks:
    """Remembers what was to be checked."""

    def __init__(self) -> None:
        self.asked: list[AccountId] = []
        self.running = 0

    def start(self, ids: Iterable[AccountId]) -> None:
        self.asked += ids


class Releases:
    """A `ReleaseSource` that knows one version."""

    def __init__(self) -> None:
        self.release = Release("1.0")
        self.asked: list[str] = []

    async def latest(self, url: str, proxy: str) -> Release:
        self.asked.append(url)
        return self.release

    async def no_proxy(self, url: str) -> str:
        return ""


class Asked:
    """Of the acts, only the one that asks about accounts again; it has no jobs."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    def refresh(self, ids: Iterable[AccountId]) -> None:
        self._checks.start(ids)


class Leaving:
    """The end, without a loop."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        self.requested = True

    async def wait(self) -> None:
        return None


@dataclass
class StandIn:
    """A `Host`."""

    paths: Paths
    demo: bool
    live: Live
    settings_file: SettingsFile
    bus: Bus
    clock: Still
    tasks: Supervisor
    egress: EgressService
    pool: AccountPool
    store: AccountsInMemory
    checks: Checks
    keys: ClientKeys
    runs: RunLog
    gateway: Door
    shutdown: Leaving
    jobs: Jobs
    notes: list[str]
    raisers: list[Callable[[Sequence[str], str], None]]
    releases: Releases
    updates: Updates
    client_files: None = None
    visits: Visits = field(default_factory=Visits)
    autostart: Autostart | None = None
    link_handler: LinkHandler | None = None

    @classmethod
    async def started(
        cls,
        folder: Path,
        accounts: Sequence[Account] = (),
        runs: Sequence[RunRecord] = (),
        *,
        demo: bool = False,
        notes: Sequence[str] = (),
    ) -> StandIn:
        bus, clock, live = Bus(), Still(), Live(Settings())
        paths = Paths.under(folder).create()
        live.subscribe(lambda old, new: bus.publish(SettingsChanged(old, new)))
        names = (f"id{number:05}" for number in itertools.count())
        store = AccountsInMemory(accounts)
        pool = AccountPool(store, live, bus, clock, new_id=lambda: next(names), rng=Random(1))
        keys = ClientKeys(KeysInMemory(), bus, clock, new_id=lambda: next(names), new_key=client_key)
        log = RunLog(RunsInMemory(*sorted(runs, key=lambda run: run.at)), live, bus, clock)
        await pool.load()
        await keys.load()
        await log.load()
        door, tasks, releases = Door(bus, live), Supervisor(), Releases()
        return cls(
            paths=paths,
            demo=demo,
            live=live,
            settings_file=SettingsFile(paths.config_file),
            bus=bus,
            clock=clock,
            tasks=tasks,
            egress=EgressService(live, bus, clock, lambda: None, tasks=tasks, deadlines=Deadlines(clock)),
            pool=pool,
            store=store,
            checks=Checks(),
            keys=keys,
            runs=log,
            gateway=door,
            shutdown=Leaving(),
            jobs=Jobs(pool, live, bus, clock, tasks, new_id=lambda: next(names)),
            notes=list(notes),
            raisers=[],
            releases=releases,
            updates=Updates(
                releases,
                live,
                bus,
                clock,
                version="1.0",
                file=paths.updates_file,
                proxy_for=releases.no_proxy,
            ),
        )

    @property
    def library(self) -> Library:
        raise _missing()

    @property
    def media_jobs(self) -> MediaJobs:
        raise _missing()

    @property
    def acts(self) -> Acts:
        return cast("Acts", Asked(self.checks))

    @property
    def asset_fetch(self) -> AssetFetch:
        raise _missing()

    @property
    def diagnostics(self) -> Diagnostics:
        raise _missing()

    def read_accounts(self, data: bytes | str) -> Reading:
        return read_accounts(data)

    async def import_accounts(self, plan: Plan) -> Brought:
        brought = await self.pool.bring(plan)
        self.checks.start((*brought.added, *brought.renewed))
        return brought

    async def change(self, changes: Mapping[str, Any]) -> None:  # values of any setting
        self.live.set(self.settings_file.save(changes))

    def on_raise(self, callback: Callable[[Sequence[str], str], None]) -> None:
        self.raisers.append(callback)


def _missing() -> AssertionError:
    return AssertionError("The small program has no such part; tests that need it run the whole one.")


def token(number: int) -> str:
    """A token that looks like one."""
    return f"eyJhbGciOiJIUzI1NiJ9.eyJzZXNzaW9uX2lkIjoi{number:08}In0.c2lnbmF0dXJlLW9mLXRlc3Rz{number:06}"


def account(number: int, tier: Tier = Tier.BASIC, **changes: Any) -> Account:  # noqa: ANN401 - fields of Account
    """An account that is ready."""
    made = Account(
        id=AccountId(f"acc{number:05}"),
        token=Secret(token(number)),
        tier=tier,
        tier_source=TierSource.PROVEN,
        windows=dict(DEFAULT_WINDOWS[tier]),
        created_at=NOON - 86_400,
        synced_at=NOON - 600,
    )
    return replace(made, **changes)


def every_state() -> list[Account]:
    """One account of each kind a person can meet."""
    super_ = account(2, Tier.SUPER, label="Studio", uses=1204, last_use_at=NOON - 130)
    fast = super_.windows[Mode.FAST]
    spent = replace(super_.windows[Mode.EXPERT], remaining=3, reset_at=NOON + 4_000, source=WindowSource.REAL)
    basic = account(3).windows[Mode.FAST]
    return [
        account(1, label="Anna", email="anna@example.com", uses=12, last_use_at=NOON - 20),
        replace(super_, windows={**super_.windows, Mode.EXPERT: spent, Mode.FAST: fast}),
        account(
            3,
            email="leo.with.a.long.name@mail.example.org",
            windows={
                Mode.FAST: replace(basic, remaining=0, reset_at=NOON + 7_400, source=WindowSource.ESTIMATED)
            },
            last_use_at=NOON - 3_700,
            failures=2,
            last_failure="The account's quota of this mode is used up.",
            last_failure_at=NOON - 3_600,
        ),
        account(
            4,
            Tier.HEAVY,
            label="Lab",
            resting_until=NOON + 500,
            rest_reason="Grok sent an empty answer.",
            faults=3,
            last_use_at=NOON - 90_000,
        ),
        account(
            5,
            label="Old laptop",
            status=Status.EXPIRED,
            reason="Grok says this sign-in has ended.",
            since=NOON - 9_000,
        ),
        account(
            6,
            Tier.SUPER,
            status=Status.BLOCKED,
            reason="Grok has suspended this account.",
            since=NOON - 19_000,
        ),
        account(7, label="Spare", status=Status.DISABLED, reason="Switched off by you.", since=NOON),
        account(8, Tier.UNKNOWN, tier_source=TierSource.UNKNOWN, synced_at=None),
        account(9, Tier.SUPER, tier_source=TierSource.GUESSED, label="Imported"),
    ]


def some_runs() -> list[RunRecord]:
    """Requests that went in every way."""
    return [
        RunRecord(
            id="run1",
            at=NOON - 10,
            model="grok-4.20-fast",
            client="claude-cli/2.1",
            mode="fast",
            account="acc00001",
            account_name="Anna",
            egress="direct",
            state=RunState.DONE,
            stop="stop",
            first_ms=820,
            total_ms=4_210,
            pieces=120,
            prompt_tokens=8_120,
            completion_tokens=812,
            tries=(Try("Anna", "direct"),),
        ),
        RunRecord(
            id="run2",
            at=NOON - 70,
            model="grok-4.20-expert",
            client="OpenAI/Python 3.54",
            mode="expert",
            account="acc00002",
            account_name="Studio",
            egress="socks5h://hk-01:1080",
            state=RunState.DONE,
            first_ms=2_400,
            total_ms=18_900,
            prompt_tokens=1_200,
            completion_tokens=2_048,
            tries=(
                Try("leo.with.a.long.name@mail.example.org", "direct", "The account is out of questions."),
                Try("Studio", "socks5h://hk-01:1080"),
            ),
        ),
        RunRecord(
            id="run3",
            at=NOON - 4_000,
            model="grok-4.20-heavy",
            client="curl/8",
            state=RunState.FAILED,
            failure="None of the accounts can serve this model: it needs a heavy account.",
            total_ms=3,
        ),
        RunRecord(
            id="run4",
            at=NOON - 90_000,
            model="grok-4.20-fast",
            client="Cursor",
            mode="fast",
            account="acc00001",
            account_name="Anna",
            egress="direct",
            state=RunState.LEFT,
            first_ms=600,
            total_ms=900,
            tries=(Try("Anna", "direct"),),
        ),
    ]
