"""The programs that are, or can be, connected: what is known of each, and what can be done for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from grokdesk.core.accounts import Status, Tier
from grokdesk.core.catalog import Does, Model
from grokdesk.core.client_setups import CLIENTS, Client, Values, beside, best_model, is_own_key
from grokdesk.core.offer import offer_of
from grokdesk.core.ports import ClientKey
from grokdesk.core.runs import RunRecord
from grokdesk.core.settings import GatewaySettings
from grokdesk.core.visits import OWN_NAME, Sign, Visit, ended_last, sign_of
from grokdesk.platform.client_files import Found, Plan, Undone
from grokdesk.platform.gateway_trial import Trial, try_out
from grokdesk.platform.tasks import offload
from grokdesk.ui.desk import Desk

_LATER_MS: Final = 1_000
# Lights are looked at again at most so often while requests rain.
_SOON_MS: Final = 100
_UNKNOWN: Final = Found()


@dataclass(frozen=True, slots=True)
class Address:
    """Where programs on this computer reach the gateway, now or when it runs."""

    base_url: str
    is_open: bool

    @property
    def root(self) -> str:
        """In Anthropic's form."""
        return self.base_url.removesuffix("/v1")


class Connections(QObject):
    """Says of each program what it needs and how it fares. Works only while somebody looks."""

    found = Signal()
    """What is installed and set up was looked at again."""
    changed = Signal()
    """Address, keys, models or lights changed."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._found: dict[str, Found] = {}
        self._models: tuple[Model, ...] | None = None
        self._known: tuple[Mapping[str, RunRecord], Mapping[str, str]] | None = None
        self._watched = False
        self._making = asyncio.Lock()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._tell)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATER_MS)
        self._later.timeout.connect(self._recount)
        bridge = desk.bridge
        bridge.visits.connect(self._heard)
        bridge.runs.connect(self._heard)
        bridge.keys.connect(self._tell)
        bridge.gateway.connect(self._tell)
        bridge.settings.connect(self._heard_accounts)
        bridge.accounts.connect(self._heard_accounts)

    # -- being watched

    def watch(self) -> None:
        """Somebody looks: take in what happened meanwhile."""
        self._watched = True
        self._models = self._known = None
        self.look()
        self.changed.emit()

    def rest(self) -> None:
        """Nobody looks any more."""
        self._watched = False
        self._later.stop()
        self._soon.stop()

    def look(self) -> None:
        """Look at what is installed and set up."""
        if self.desk.host.client_files is not None:
            self.desk.work.start(self._look(), exclusive=f"look at clients {id(self)}")

    async def _look(self) -> None:
        files = self.desk.host.client_files
        assert files is not None
        self._found = await offload(files.look)
        self.found.emit()

    # -- asking

    @property
    def address(self) -> Address:
        """The address, with a name by which this computer reaches itself."""
        state, gateway = self.desk.gateway, self.desk.host.live.now.gateway
        is_open = bool(state.port) and state.phase.value == "running"
        host, port = (state.host, state.port) if state.port else (gateway.host, gateway.port)
        host = _local(host)
        return Address(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1", is_open)

    def of(self, client: Client) -> Found:
        """What was found of a program."""
        return self._found.get(client.id, _UNKNOWN)

    def own_key(self, client: Client) -> ClientKey | None:
        """The key of a program of its own; the newest if there are several."""
        keys = [key for key in self.desk.host.keys.all() if key.name == client.name]
        return keys[-1] if keys else None

    def sign(self, client: Client) -> Sign:
        """How a program fares."""
        host = self.desk.host
        keys = host.keys.all()
        past, run_ids = self._runs()
        return sign_of(
            host.visits.all(),
            past.get(client.name),
            run_ids,
            own={key.id for key in keys if key.name == client.name},
            others={key.id for key in keys if is_own_key(key.name)},
            agents=client.agents,
        )

    def newest(self) -> Sign:
        """How the last request of any program fared; those of other starts count too."""
        visits = self.desk.host.visits.all()
        past, run_ids = self._runs()
        last = max(
            (run for client, run in past.items() if client != OWN_NAME), key=lambda run: run.at, default=None
        )
        return sign_of(visits, last, run_ids, own={visit.key_id for visit in visits}, others=(), agents=())

    def _runs(self) -> tuple[Mapping[str, RunRecord], Mapping[str, str]]:
        """The last run of each client, and the ids of runs by those that clients are told."""
        if self._known is None:
            runs = self.desk.host.runs.recent()
            self._known = ended_last(runs), {run.request_id: run.id for run in runs if run.request_id}
        return self._known

    def refused(self) -> Visit | None:
        """The last visitor without a valid key that was turned away, if nobody else came since."""
        visits = [one for one in self.desk.host.visits.all() if not one.key_id]
        return visits[-1] if visits and visits[-1].failed else None

    def models(self) -> tuple[Sequence[Model], Sequence[Model]]:
        """The models that converse: those that accounts can answer now, and the others."""
        if self._models is None:
            offered = offer_of(self.desk.host.live.now.models).models
            self._models = tuple(model for model in offered if model.does is Does.CHAT)
            self._tiers = _tiers(self.desk)
        able = [model for model in self._models if self._tiers.intersection(model.tiers)]
        return able, [model for model in self._models if model not in able]

    def model(self, chosen: str = "") -> str:
        """The model to use: the chosen one, or the best that can be answered."""
        able, unable = ([model.name for model in part] for part in self.models())
        return chosen if chosen in {*able, *unable} else best_model(able)

    def values(self, client: Client, model: str, key: str = "") -> Values:
        """What is filled in. Without `key` it is the program's own, hidden, for showing."""
        if not key:
            own = self.own_key(client)
            key = f"gd-…{own.value.tail}" if own is not None else "gd-…"
        able = [one.name for one in self.models()[0]]
        small, large = beside(model, able)
        return Values(self.address.base_url, key, model, small, large)

    # -- doing

    async def key_for(self, client: Client) -> ClientKey:
        """The program's own key, made now if there is none."""
        async with self._making:
            return self.own_key(client) or await self.desk.host.keys.make(client.name)

    async def plan(self, client: Client, model: str) -> Plan:
        """Say what a setup would do. Raises `GrokDeskError` with the reason to leave the file alone."""
        files = self.desk.host.client_files
        assert files is not None
        own = self.own_key(client)
        values = self.values(client, model, own.value.reveal() if own is not None else "")
        return await offload(files.plan, client, values)

    async def set_up(self, client: Client, model: str, seen: Plan) -> None:
        """Set a program up with a key of its own. Raises `GrokDeskError`."""
        files = self.desk.host.client_files
        assert files is not None
        key = await self.key_for(client)
        await offload(files.apply, client, self.values(client, model, key.value.reveal()), seen)
        await self._look()

    async def undo(self, client: Client) -> Undone:
        """Take a setup back. Raises `GrokDeskError`."""
        files = self.desk.host.client_files
        assert files is not None
        undone = await offload(files.undo, client)
        await self._look()
        return undone

    async def test(self, client: Client, model: str) -> Trial:
        """Ask something as a program would, with its key if it has one."""
        key = self.own_key(client)
        value = key.value if key is not None else self.desk.key()
        if value is None:
            value = (await self.key_for(client)).value
        return await try_out(self.address.root, value, model, client.speaks)

    # -- inside

    def _heard(self, *_: object) -> None:
        self._known = None
        if self._watched and not self._soon.isActive():
            self._soon.start()

    def _tell(self, *_: object) -> None:
        self._known = None
        if self._watched:
            self.changed.emit()

    def _heard_accounts(self, *_: object) -> None:
        if self._watched and not self._later.isActive():
            self._later.start()

    def _recount(self) -> None:
        self._models = None
        self._tell()


def all_clients() -> Sequence[Client]:
    """The programs there are words for."""
    return CLIENTS


def _local(host: str) -> str:
    """A name by which this computer reaches itself when the gateway listens on `host`."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"  # noqa: PLR2004 - of the protocol
    return host.strip("[]")


def _tiers(desk: Desk) -> frozenset[Tier]:
    """The tiers of which there is an account that may answer. One whose tier is not known counts as basic."""
    found: set[Tier] = set()
    for account in desk.host.pool.accounts():
        if account.status is Status.ACTIVE:
            found.add(Tier.BASIC if account.tier is Tier.UNKNOWN else account.tier)
            if len(found) == len(Tier) - 1:
                break
    return frozenset(found)


def listed_hosts(settings: GatewaySettings, name: str) -> tuple[str, ...]:
    """The list of allowed hosts with one more."""
    return tuple(dict.fromkeys((*settings.allowed_hosts, name)))
