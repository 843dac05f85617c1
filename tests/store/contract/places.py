"""Where the stores of a test are, and how it opens them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from grokdesk.core.completions import Keep
from grokdesk.core.ports import Clock
from grokdesk.core.settings import StorageSettings
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.ids import new_id
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import KeySource, Vault
from grokdesk.platform.tasks import Supervisor
from grokdesk.store.opening import opened
from grokdesk.store.stores import Stores, Timing
from tests.store.contract.servers import TEAM_KEY, Server

KINDS: Final = ("sqlite", "postgresql", "mysql", "redis")
SHARED: Final = KINDS[1:]

# Everything that takes 25 s outside takes 2 s here.
QUICK: Final = Timing(
    expire_s=2.0, beat_s=0.3, look_s=0.15, gather_s=0.02, lease_s=1.0, connect_s=2.0, answer_s=4.0
)


@dataclass
class Place:
    """A file or a server. `told` is what owners heard of troubles, of all stores that were opened here."""

    kind: str
    folder: Path
    server: Server | None
    supervisor: Supervisor
    stack: AsyncExitStack
    told: list[str] = field(default_factory=list)
    opened: dict[int, AsyncExitStack] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    keep: Keep = field(default_factory=lambda: Keep(most=100, days=30))

    @property
    def running(self) -> Server:
        assert self.server is not None, "this place is a server"
        return self.server

    def paths(self, name: str) -> Paths:
        return Paths.under(self.folder / name).create()

    def storage(self, *, team_key: str = TEAM_KEY.reveal()) -> StorageSettings:
        return StorageSettings(url=self.server.url if self.server else "", team_key=team_key)

    async def open(
        self, name: str = "a", *, storage: StorageSettings | None = None, timing: Timing = QUICK
    ) -> Stores:
        """The store as the gateway in the data folder `name` sees it."""
        stack = await self.stack.enter_async_context(AsyncExitStack())
        stores = await stack.enter_async_context(
            opened(
                storage or self.storage(),
                self.paths(name),
                vault(name),
                spawn=self.supervisor.spawn,
                on_trouble=lambda message, _hint: self.told.append(message),
                clock=self.clock,
                keep=lambda: self.keep,
                new_id=new_id,
                timing=timing,
            )
        )
        self.opened[id(stores)] = stack
        return stores

    async def close(self, stores: Stores) -> None:
        """Close one of them; the others are closed at the end of the test."""
        await self.opened.pop(id(stores)).aclose()

    async def contents(self) -> bytes:
        """Every byte that is kept."""
        if self.server is not None:
            return await self.server.contents()
        return b"".join(path.read_bytes() for path in self.folder.rglob("*") if path.is_file())


def vault(name: str) -> Vault:
    """The local vault of a gateway."""
    return Vault(name.encode().ljust(32, b"."), KeySource.KEY_FILE)


async def eventually(is_so: Callable[[], Awaitable[bool]], *, within_s: float = 10.0) -> None:
    """Return when `is_so`; for what another process does, which tells nobody here."""
    async with asyncio.timeout(within_s):
        while not await is_so():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.02)
