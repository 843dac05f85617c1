"""Opens the store that the settings name: the file in the data folder, or a server that several share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from grokdesk.core.completions import Keep
from grokdesk.core.errors import Broken
from grokdesk.core.ports import Clock
from grokdesk.core.secret import Secret
from grokdesk.core.settings import StorageSettings
from grokdesk.platform.paths import Paths
from grokdesk.platform.secrets import Vault
from grokdesk.store.database import OnTrouble, Spawn
from grokdesk.store.file_store import opened_file
from grokdesk.store.stores import Stores, Timing

_USUAL: Final = Timing()

# By the scheme of the address: its name in errors, and the extra that brings the driver.
_KINDS: Final = {
    **dict.fromkeys(("postgresql", "postgres", "pgsql"), ("PostgreSQL", "postgres")),
    **dict.fromkeys(("mysql", "mariadb"), ("MySQL or MariaDB", "mysql")),
    **dict.fromkeys(("redis", "rediss", "unix"), ("Redis", "redis")),
}


class OpenServer(Protocol):
    """Opens the store at `url`; leaving the block closes it. Raises `Broken` in words for the owner.

    `home` names this data folder: what a gateway of the same folder left behind when it was killed is cleared
    away.
    """

    def __call__(
        self,
        url: Secret,
        team_key: Secret,
        home: str,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble,
        clock: Clock,
        keep: Callable[[], Keep],
        new_id: Callable[[], str],
        timing: Timing,
    ) -> AbstractAsyncContextManager[Stores]:
        """Open it."""
        ...


@asynccontextmanager
async def opened(
    storage: StorageSettings,
    paths: Paths,
    vault: Vault,
    *,
    spawn: Spawn,
    on_trouble: OnTrouble,
    clock: Clock,
    keep: Callable[[], Keep],
    new_id: Callable[[], str],
    timing: Timing = _USUAL,
) -> AsyncIterator[Stores]:
    """Open the store; leaving the block writes what waits and closes it.

    Without `storage.url` it is the file in `paths`, sealed with `vault`. What is on a server is sealed with a
    key made from `storage.team_key`. Raises `Broken`: an address that cannot be read, a driver that is not
    installed, no team key or another one than the store was made with, a server that cannot be reached.

    Whoever owns the tasks that `spawn` starts must leave this block before it cancels them.
    """
    if not storage.url:
        async with opened_file(
            paths, vault, spawn=spawn, on_trouble=on_trouble, clock=clock, keep=keep
        ) as stores:
            yield stores
        return
    open_server = _opening(storage.url)
    if not storage.team_key:
        raise Broken(
            "A shared store needs a team key, and there is none.",
            hint="Set storage.team_key to the same passphrase on every gateway.",
        )
    async with open_server(
        Secret(storage.url),
        Secret(storage.team_key),
        vault.fingerprint("gateway"),
        spawn=spawn,
        on_trouble=on_trouble,
        clock=clock,
        keep=keep,
        new_id=new_id,
        timing=timing,
    ) as stores:
        yield stores


def _opening(url: str) -> OpenServer:
    """What opens such an address. Raises `Broken` for one nobody knows, and when its driver is not there."""
    scheme = url.partition(":")[0].strip().lower()
    if scheme not in _KINDS:
        raise Broken(
            "The address of the shared store cannot be understood.",
            hint="It starts with postgresql://, mysql://, mariadb://, redis://, rediss:// or unix://.",
            # Not the rest, and nothing of what is no address at all: it may be a password.
            detail=f"scheme {scheme[:20]!r}" if "://" in url else "no scheme",
        )
    name, extra = _KINDS[scheme]
    try:
        match extra:
            case "redis":
                from grokdesk.store.redis_store import opened_redis  # noqa: PLC0415 - only where it is used

                return opened_redis
            case "postgres":
                from grokdesk.store.postgresql import opened_postgresql  # noqa: PLC0415 - same

                return opened_postgresql
            case _:
                from grokdesk.store.mysql import opened_mysql  # noqa: PLC0415 - same

                return opened_mysql
    except ImportError as error:
        raise Broken(
            f"This installation of GrokDesk cannot speak to {name} servers.",
            hint=f"Install what is missing: pip install 'grokdesk[{extra}]'",
            detail=str(error),
        ) from error
