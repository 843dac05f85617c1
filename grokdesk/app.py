"""The composition root: builds every part once, starts them in order, stops them in reverse.

No logic, no globals.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import tempfile
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final

from grokdesk import __version__
from grokdesk.core.accounts import AccountId, Report
from grokdesk.core.completions import Keep
from grokdesk.core.egress import public_name
from grokdesk.core.errors import Broken, InvalidRequest
from grokdesk.core.media import Kept
from grokdesk.core.notices import Bus, KeysChanged, LibraryChanged, Notice, SettingsChanged, Trouble, Visited
from grokdesk.core.options import KeyChoice, Options
from grokdesk.core.ports import News, Shared
from grokdesk.core.secret import Secret
from grokdesk.core.settings import ClearanceMode, Live, LoggingSettings, Settings
from grokdesk.core.visits import Visits
from grokdesk.dialects import openai_media
from grokdesk.engine.account_commands import AccountCommands
from grokdesk.engine.accounts import AccountPool, Brought
from grokdesk.engine.acts import Acts
from grokdesk.engine.asset_fetch import AssetFetch
from grokdesk.engine.backups import Backups, Daily, set_by_owner
from grokdesk.engine.commands import Commands
from grokdesk.engine.conversations import Conversations
from grokdesk.engine.diagnostics import Diagnostics
from grokdesk.engine.egress import EgressService
from grokdesk.engine.engine import Engine
from grokdesk.engine.errands import Errands
from grokdesk.engine.house_commands import HouseCommands, Moved
from grokdesk.engine.import_export import Plan
from grokdesk.engine.jobs import Jobs
from grokdesk.engine.keys import ClientKeys
from grokdesk.engine.library import Library
from grokdesk.engine.media_commands import MediaCommands
from grokdesk.engine.media_jobs import MediaJobs
from grokdesk.engine.quota import Checks
from grokdesk.engine.reading import NewAccount, Reading, read_accounts
from grokdesk.engine.runs import RunLog
from grokdesk.engine.updates import Updates
from grokdesk.engine.upkeep import Upkeep
from grokdesk.engine.usage import UsageLog
from grokdesk.gateway.ports import Readiness, Services
from grokdesk.gateway.server import CannotListen, Gateway
from grokdesk.platform import logs, single_instance
from grokdesk.platform.autostart import autostart_of
from grokdesk.platform.client_files import ClientFiles, home_of
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.deadlines import Deadlines
from grokdesk.platform.ids import client_key, new_id
from grokdesk.platform.link_handler import link_handler_of
from grokdesk.platform.media_files import MediaFiles
from grokdesk.platform.memory import give_back
from grokdesk.platform.paths import Paths
from grokdesk.platform.program import own_command
from grokdesk.platform.secrets import (
    KeySource,
    NeedsChoice,
    Vault,
    no_keyring,
    passphrase_from_environment,
    system_keyring,
    unlock,
)
from grokdesk.platform.settings_file import SettingsFile
from grokdesk.platform.system_proxy import system_proxy
from grokdesk.platform.tasks import Supervisor, offload
from grokdesk.platform.wire import Limits, Wire
from grokdesk.providers.flaresolverr import FlareSolverr, SolverOptions
from grokdesk.providers.grok_web.provider import GrokWeb
from grokdesk.providers.grok_web.session import WebOptions
from grokdesk.providers.reach import Reach
from grokdesk.providers.update_notice import UpdateNotice

if TYPE_CHECKING:
    from grokdesk.store.stores import Stores

log = logging.getLogger(__name__)


ChooseKey = Callable[[KeySource | None], Awaitable[KeyChoice | None]]

# How often the settings file is looked at.
LOOK_S: Final = 2.0
_SETTINGS_TROUBLE: Final = "settings"

_KEY_NOTES: Final = {
    KeySource.KEYRING: "",
    KeySource.KEY_FILE: (
        "The master key lies in a file in the data folder, because there is no keyring in use."
    ),
    KeySource.PASSPHRASE: "The master key is made from your passphrase.",
}


class Shutdown:
    """The one way to end the program: request it; whoever runs the app waits for it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def request(self) -> None:
        """End the program soon."""
        self._event.set()

    @property
    def requested(self) -> bool:
        """Whether the end has been requested."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when the end has been requested."""
        await self._event.wait()


class Abandoned(Broken):
    """The owner chose not to start."""

    title = "GrokDesk was not started"


class App:
    """Every service of the running program. `App.started` builds one."""

    def __init__(self, options: Options, paths: Paths) -> None:
        self.options = options
        self.paths = paths
        self.demo = options.demo
        self.clock = SystemClock()
        self.bus = Bus()
        self.shutdown = Shutdown()
        self.visits = Visits()
        self.client_files: ClientFiles | None = None
        self.notes: list[str] = []
        command = own_command(options.environment, options.data_dir)
        # The demo is thrown away; nothing is to start or call it later.
        self.autostart = None if options.demo else autostart_of(options.environment, command)
        self.link_handler = None if options.demo else link_handler_of(options.environment, command)
        self._raisers: list[Callable[[Sequence[str], str], None]] = []
        self._changing = asyncio.Lock()
        self._demo_url = ""
        self._troubles: dict[str, Trouble] = {}
        self.bus.subscribe(self._hear)
        # Set by `_build`, in this order.
        self.tasks: Supervisor
        self.deadlines: Deadlines
        self.vault: Vault
        self.settings_file: SettingsFile
        self.live: Live
        self.pool: AccountPool
        self.egress: EgressService
        self.provider: GrokWeb
        self.checks: Checks
        self.jobs: Jobs
        self.acts: Acts
        self.backups: Backups
        self.upkeep: Upkeep
        self.updates: Updates
        self.keys: ClientKeys
        self.conversations: Conversations
        self.runs: RunLog
        self.engine: Engine
        self.gateway: Gateway
        self.diagnostics: Diagnostics
        self.commands: Commands

    @classmethod
    @asynccontextmanager
    async def started(cls, options: Options, *, choose_key: ChooseKey | None = None) -> AsyncIterator[App]:
        """Build and start everything; leaving the block stops it in reverse.

        `choose_key` asks the owner about the master key where there is no keyring; without it a key file is
        used (decision 3c). Raises `AlreadyRunning` and other `GrokDeskError`s. A port in use does not raise:
        the gateway's state says so.
        """
        async with AsyncExitStack() as stack:
            paths = paths_of(options, stack)
            app = cls(options, paths.create())
            await app._build(stack, choose_key)
            yield app

    async def _build(self, stack: AsyncExitStack, choose_key: ChooseKey | None) -> None:
        options, paths = self.options, self.paths
        self.tasks = await stack.enter_async_context(Supervisor())
        await stack.enter_async_context(single_instance.hold(paths.data))
        writing = logs.start(paths, LoggingSettings().level.value, LoggingSettings().days)
        stack.callback(writing.stop)
        self.vault = await self._unlocked(choose_key)
        home = home_of(options.environment)
        if home is not None and not options.demo:
            self.client_files = ClientFiles(home, paths.data, self.vault, self.clock.now, options.environment)
        self.settings_file, self.live = await self._settings()
        _adjust(writing, self.live.now)
        self.live.subscribe(lambda _, new: _adjust(writing, new))
        log.info("starting version=%s demo=%s headless=%s", __version__, options.demo, options.headless)

        self.deadlines = Deadlines(self.clock)
        stack.callback(self.deadlines.close)
        from grokdesk.store.contents import StoreContents  # noqa: PLC0415 - SQLAlchemy, only after the tray icon
        from grokdesk.store.library_file import opened_library  # noqa: PLC0415 - same
        from grokdesk.store.opening import opened  # noqa: PLC0415 - same

        stores = await stack.enter_async_context(
            opened(
                self.live.now.storage,
                paths,
                self.vault,
                spawn=self.tasks.spawn,
                on_trouble=self._trouble,
                clock=self.clock,
                keep=self._keep,
                new_id=new_id,
            )
        )
        shelves = await stack.enter_async_context(
            opened_library(paths, self.vault, spawn=self.tasks.spawn, on_trouble=self._trouble)
        )
        rng = SystemRandom()
        self.pool = AccountPool(
            stores.accounts,
            self.live,
            self.bus,
            self.clock,
            new_id=new_id,
            rng=rng,
            shared=stores.shared,
        )
        await self.pool.load()
        self.keys = ClientKeys(stores.keys, self.bus, self.clock, new_id=new_id, new_key=client_key)
        await self.keys.load()
        self.conversations = Conversations(
            stores.responses, self.vault, self.live, self.clock, self.tasks.spawn
        )
        await self.conversations.load()
        self.runs = RunLog(
            stores.runs,
            self.live,
            self.bus,
            self.clock,
            usage=UsageLog(stores.hours, self.clock),
            talks=stores.talks,
        )
        await self.runs.load()
        stack.callback(self.runs.close)

        if options.demo and options.serve:
            await self._enter_demo(stack)
        wire = await stack.enter_async_context(Wire(self.deadlines))
        solver = FlareSolverr(wire, lambda: solver_options(self.live.now), new_id=new_id, clock=self.clock)
        self.egress = EgressService(
            self.live,
            self.bus,
            self.clock,
            lambda: solver if solver_options(self.live.now).address else None,
            tasks=self.tasks,
            deadlines=self.deadlines,
            tester=Reach(wire, self.clock),
            solver_tester=solver,
            environment=options.environment,
        )
        stack.push_async_callback(self.egress.close)
        self.provider = GrokWeb(
            wire,
            options=lambda: web_options(self.live.now),
            clock=self.clock,
            deadlines=self.deadlines,
            rng=rng,
            learned=self._learned,
        )
        self.library = await stack.enter_async_context(
            Library(shelves.files, MediaFiles(paths.media), self.live, self.bus, self.clock, self.deadlines)
        )
        self.engine = Engine(
            provider=self.provider,
            pool=self.pool,
            egress=self.egress,
            runs=self.runs,
            live=self.live,
            clock=self.clock,
            deadlines=self.deadlines,
            new_id=new_id,
            library=self.library,
            downloads=self.provider,
            speaks=self.provider,
        )
        self.media_jobs = await stack.enter_async_context(
            MediaJobs(
                engine=self.engine,
                store=shelves.jobs,
                library=self.library,
                calls=self.provider,
                pool=self.pool,
                egress=self.egress,
                bus=self.bus,
                clock=self.clock,
                deadlines=self.deadlines,
                tasks=self.tasks,
                new_id=new_id,
                code=lambda error: openai_media.wording(error).code,
            )
        )
        errands = await stack.enter_async_context(Errands(self.clock, self.tasks, new_id=new_id))
        self.checks = await stack.enter_async_context(
            Checks(self.provider, self.pool, self.egress, self.live, self.tasks)
        )
        self.jobs = await stack.enter_async_context(
            Jobs(self.pool, self.live, self.bus, self.clock, self.tasks, new_id=new_id)
        )
        self.acts = Acts(
            calls=self.provider,
            pool=self.pool,
            egress=self.egress,
            checks=self.checks,
            jobs=self.jobs,
            live=self.live,
            clock=self.clock,
        )
        self.asset_fetch = AssetFetch(
            lists=self.acts,
            downloads=self.provider,
            library=self.library,
            pool=self.pool,
            egress=self.egress,
            jobs=self.jobs,
            live=self.live,
            clock=self.clock,
        )
        self.backups = Backups(
            StoreContents(stores),
            self.clock,
            program=f"GrokDesk {__version__}",
            settings=lambda: set_by_owner(self.live.now),
            change=self.change,
            restored=partial(self._reload, stores),
        )
        self.upkeep = Upkeep(
            self.pool,
            self.checks,
            self.live,
            self.bus,
            self.clock,
            leads=lambda: stores.shared.leads,
        )
        self.updates = Updates(
            UpdateNotice(wire),
            self.live,
            self.bus,
            self.clock,
            version=__version__,
            file=paths.updates_file,
            proxy_for=lambda url: offload(system_proxy, url, options.environment),
        )
        self.gateway = Gateway(
            Services(
                engine=self.engine,
                keys=self.keys,
                settings=self.live,
                bus=self.bus,
                clock=self.clock,
                spawn=self.tasks.spawn,
                deadlines=self.deadlines,
                readiness=self._readiness,
                completions=stores.completions,
                library=self.library,
                media_jobs=self.media_jobs,
                conversations=self.conversations,
            )
        )
        stack.push_async_callback(self.gateway.stop)
        self.diagnostics = Diagnostics(
            pool=self.pool,
            egress=self.egress,
            runs=self.runs,
            keys=self.keys,
            library=self.library,
            live=self.live,
            settings_file=self.settings_file,
            paths=paths,
            clock=self.clock,
            gateway=lambda: self.gateway.state,
            about=self._about,
            troubles=lambda: tuple(self._troubles.values()),
            secrets=lambda: secrets_in(options.environment),
        )
        self.commands = Commands(
            pool=self.pool,
            keys=self.keys,
            runs=self.runs,
            checks=self.checks,
            gateway=lambda: self.gateway.state,
            about=self._about,
            quit_=self.shutdown.request,
            raise_window=self._raise_window,
            check_imports=lambda: options.serve and self.live.now.accounts.check_on_import,
            more={
                **AccountCommands(self.pool, self.acts, self.jobs).table(),
                **HouseCommands(
                    ways=self.egress,
                    backups=self.backups,
                    backup_folder=paths.backups,
                    move=partial(self._move, stores),
                    clock=self.clock,
                ).table(),
                **self.asset_fetch.table(),
                **self.diagnostics.table(),
                **MediaCommands(
                    library=self.library,
                    jobs=self.media_jobs,
                    errands=errands,
                    check=self.engine.check,
                    link=self._link,
                ).table(),
            },
        )
        if not options.serve:
            return
        if stores.copy_to is not None and not options.demo:
            daily = Daily(stores.copy_to, paths.backups, self.live, self.bus, self.clock)
            await stack.enter_async_context(self.tasks.during(daily.run(), name="daily backups"))
        for work, name in (
            (self._keep_house(), "housekeeping"),
            (self._follow(stores.shared), "news of other gateways"),
            (self.upkeep.run(), "upkeep of accounts"),
            (self.egress.upkeep(), "upkeep of ways out"),
            (self.library.upkeep(), "upkeep of the library"),
            (self.updates.run(), "looking for new versions"),
        ):
            await stack.enter_async_context(self.tasks.during(work, name=name))
        await stack.enter_async_context(single_instance.listen(paths.data, self.commands.do))
        # Without a face nobody could start it later.
        if self.live.now.startup.start_gateway or options.headless:
            with suppress(CannotListen):
                await self.gateway.start()
        accounts = self.live.now.accounts
        if accounts.check_on_import and not accounts.check_regularly:
            self.checks.start_unknown()
        # What is here now stays; walking it again and again would stall every stream for some 50 ms.
        gc.freeze()

    def _link(self, kept: Kept) -> str:
        """Where this machine reaches a file; empty while nothing serves it."""
        state = self.gateway.state
        return f"http://{state.address}{kept.path}" if state.port else ""

    # -- what the face calls

    def read_accounts(self, data: bytes | str) -> Reading:
        """Say what an import would find. Pure; saves nothing."""
        return read_accounts(data)

    async def import_accounts(self, plan: Plan) -> Brought:
        """Carry out an import; check new accounts and new tokens in the background."""
        brought = await self.pool.bring(plan)
        if self.live.now.accounts.check_on_import:
            self.checks.start((*brought.added, *brought.renewed))
        return brought

    async def change(self, changes: Mapping[str, Any]) -> None:
        """Change settings by dotted name and keep them. Raises `Broken` saying which value is wrong."""
        async with self._changing:
            self._set(await offload(self.settings_file.save, changes))
            if _SETTINGS_TROUBLE in self._troubles:
                # The file was corrected by hand just before, and with this save nobody looks at it again.
                self.bus.publish(Trouble(_SETTINGS_TROUBLE, ""))

    def on_raise(self, callback: Callable[[Sequence[str], str], None]) -> None:
        """Call `callback` when a second start asks for the window.

        It is given links and files to show, and what lets the window come to the front on Wayland.
        """
        self._raisers.append(callback)

    # -- building

    async def _unlocked(self, choose_key: ChooseKey | None) -> Vault:
        options = self.options
        passphrase = passphrase_from_environment(options.environment)
        backend = no_keyring if options.demo else system_keyring
        alone = options.headless or options.demo or choose_key is None
        allow_key_file = False
        while True:
            try:
                return await offload(
                    unlock,
                    self.paths,
                    headless=alone,
                    passphrase=passphrase,
                    allow_key_file=allow_key_file,
                    keyring_backend=backend,
                )
            except NeedsChoice as need:
                choice = await choose_key(need.source) if choose_key is not None else None
                if choice is None:
                    raise Abandoned("GrokDesk was not started: the master key was not unlocked.") from need
                passphrase, allow_key_file = choice.passphrase, choice.passphrase is None

    async def _settings(self) -> tuple[SettingsFile, Live]:
        file = SettingsFile(self.paths.config_file, vault=self.vault)
        settings = await offload(file.load, self.options.environment, self.options.overrides)
        self.notes += file.notes
        if not self.demo and _KEY_NOTES[self.vault.source]:
            self.notes.append(_KEY_NOTES[self.vault.source])
        live = Live(settings)
        live.subscribe(lambda old, new: self.bus.publish(SettingsChanged(old, new)))
        return file, live

    def _set(self, settings: Settings) -> None:
        """Make `settings` current. The demo talks to its own Grok whatever they say."""
        self.live.set(pointed_at(settings, self._demo_url) if self._demo_url else settings)

    async def _keep_house(self) -> None:
        """Take in what the owner writes into the settings file, and forget old requests."""
        made = asyncio.Event()
        self.bus.subscribe(lambda notice: made.set() if isinstance(notice, LibraryChanged) else None)
        while True:
            await asyncio.sleep(LOOK_S)
            async with self._changing:
                await self._reread()
            await self.runs.tidy()
            if made.is_set() and not self.runs.in_flight:
                made.clear()
                await offload(give_back)

    async def _follow(self, shared: Shared) -> None:
        """Take in what other gateways of a shared store change."""
        while True:
            news = await shared.news()
            self.pool.heard(news)
            if news.keys:
                await self.keys.load()
                self.bus.publish(KeysChanged())

    async def _reload(self, stores: Stores) -> None:
        """Take in what came into the store from outside."""
        self.pool.heard(News(accounts=tuple(await stores.accounts.all())))
        await self.keys.load()
        self.bus.publish(KeysChanged())

    async def _move(self, stores: Stores, url: str, team_key: str | None, copy_only: bool) -> Moved:  # noqa: FBT001 - said by the command line
        """Copy everything into the store at `url`, and have it used from the next start on."""
        from grokdesk.store.contents import move  # noqa: PLC0415 - SQLAlchemy, only after the tray icon
        from grokdesk.store.opening import opened  # noqa: PLC0415 - same

        present = self.live.now.storage
        address = "" if url in {"", "sqlite"} else url
        if address == present.url:
            raise InvalidRequest("That is the store in use.")
        key = present.team_key if team_key is None else team_key
        changed = present.model_copy(update={"url": address, "team_key": key})
        async with opened(
            changed,
            self.paths,
            self.vault,
            spawn=self.tasks.spawn,
            on_trouble=lambda _message, _hint: None,
            clock=self.clock,
            keep=self._keep,
            new_id=new_id,
        ) as target:
            counts = await move(stores, target, lambda _: None)
        if not copy_only:
            await self.change({"storage.url": address, "storage.team_key": key})
        return Moved(
            name=public_name(address) if address else "the file in the data folder",
            added={one.kind: one.added for one in counts if one.added},
            known={one.kind: one.known for one in counts if one.known},
            switched=not copy_only,
        )

    async def _reread(self) -> None:
        file = self.settings_file
        if not await offload(file.changed_on_disk):
            return
        try:
            settings = await offload(file.load)
        except Broken as error:
            log.warning("settings file not taken error=%s", error.message)
            self.bus.publish(Trouble(_SETTINGS_TROUBLE, error.message, error.hint))
            return
        self._set(settings)
        self.bus.publish(Trouble(_SETTINGS_TROUBLE, ""))

    async def _enter_demo(self, stack: AsyncExitStack) -> None:
        from grokdesk.sim import Simulator, seed  # noqa: PLC0415 - only the demo carries a Grok of its own

        world = seed.demo_world(self.clock.now, SystemRandom())
        simulator = await stack.enter_async_context(Simulator(world, port=0).started())
        self._demo_url = simulator.url
        self._set(self.live.now)
        await self.pool.add(
            [NewAccount(token=Secret(one.token), label=one.label) for one in seed.demo_tokens()]
        )

    # -- small answers

    def _learned(self, account_id: AccountId, report: Report) -> None:
        self.pool.learn(account_id, report.user_id, report.email)

    def _keep(self) -> Keep:
        privacy = self.live.now.privacy
        return Keep(privacy.keep_responses, privacy.keep_responses_days)

    def _readiness(self) -> Readiness:
        counts = self.pool.counts()
        return Readiness(counts.total, counts.ready)

    def _about(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "demo": self.demo,
            "data_folder": str(self.paths.data),
            "master_key": self.vault.source.value,
            "store": public_name(url) if (url := self.live.now.storage.url) else "a file in the data folder",
            "troubles": [{"message": one.message, "hint": one.hint} for one in self._troubles.values()],
        }

    def _hear(self, notice: Notice) -> None:
        if isinstance(notice, Visited):
            self.visits.add(notice.visit)
        if isinstance(notice, Trouble):
            if notice.message:
                self._troubles[notice.key] = notice
            else:
                self._troubles.pop(notice.key, None)

    def _trouble(self, message: str, hint: str) -> None:
        self.bus.publish(Trouble("storage", message, hint))

    def _raise_window(self, opens: Sequence[str], token: str) -> bool:
        """Raise the window; tells whether there is one."""
        for callback in self._raisers:
            callback(opens, token)
        return bool(self._raisers)


def _adjust(writing: logs.Logs, settings: Settings) -> None:
    writing.set_level(settings.logging.level.value)
    writing.keep(settings.logging.days)


def paths_of(options: Options, stack: AsyncExitStack | None = None) -> Paths:
    """Where this start keeps its files. The demo's folder is thrown away when `stack` is left."""
    if options.data_dir is not None:
        return Paths.under(options.data_dir)
    if options.demo and stack is not None:
        return Paths.under(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grokdesk-demo-"))))
    return Paths.default()


def solver_options(settings: Settings) -> SolverOptions:
    """What the settings say about the solver; without an address there is none."""
    egress = settings.egress
    is_used = egress.clearance is ClearanceMode.FLARESOLVERR
    return SolverOptions(
        egress.solver_url if is_used else "", egress.solver_timeout_s, egress.solver_sessions
    )


def web_options(settings: Settings) -> WebOptions:
    """What the settings say about Grok web."""
    web, chat, times = settings.grok_web, settings.chat, settings.timeouts
    return WebOptions(
        api_url=web.api_url,
        assets_url=web.assets_url,
        accounts_url=web.accounts_url,
        chat_form=web.chat_form,
        statsig=web.statsig,
        statsig_value=web.statsig_value,
        signer_url=web.signer_url,
        temporary=chat.temporary,
        memory=chat.memory,
        custom_instruction=chat.custom_instruction,
        fetch_private_addresses=chat.fetch_private_addresses,
        continue_conversations=chat.continue_conversations,
        limits=Limits(times.connect_s, times.first_s, times.idle_s, times.total_s),
        probe_s=times.probe_s,
        public_images_url=web.public_images_url,
        livekit_url=web.livekit_url,
        adult=settings.media.allow_nsfw,
        media_form=settings.media.form,
        image_s=times.image_s,
        video_s=times.video_s,
        download_s=times.download_s,
    )


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """Passphrases and keys that the program was started with."""
    words = ("PASS", "KEY", "SECRET", "TOKEN")
    return [
        value
        for name, value in environment.items()
        if name.startswith("GROKDESK") and value and any(word in name for word in words)
    ]


def pointed_at(settings: Settings, url: str) -> Settings:
    """The settings with every address of Grok at `url`."""
    web = settings.grok_web.model_copy(
        update={"api_url": url, "assets_url": url, "public_images_url": url, "accounts_url": url}
    )
    return settings.model_copy(update={"grok_web": web})


def shown_settings(options: Options) -> tuple[dict[str, Any], list[str]]:
    """The settings in force for `config show`, and what was odd about them.

    Of a secret it says only whether it is set.
    """
    file = SettingsFile(paths_of(options).config_file)
    settings = file.load(options.environment, options.overrides)
    written = _written(file.path)
    shown = settings.model_dump(mode="json")
    for section, values in shown.items():
        fields = type(getattr(settings, section)).model_fields
        for name in values:
            extra = fields[name].json_schema_extra
            # What is sealed in the file cannot be opened without the master key, but it is there.
            sealed = f"{section}.{name}" not in file.outside and written.get(section, {}).get(name)
            if isinstance(extra, dict) and extra.get("secret") and (values[name] or sealed):
                values[name] = "(set)"
    return shown, list(file.notes)


def _written(path: Path) -> dict[str, Any]:
    """The settings file as it stands; it has just been read and found to be in order."""
    return tomllib.loads(path.read_text("utf-8-sig")) if path.exists() else {}
