"""The store on a PostgreSQL server. The only import of asyncpg."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Literal

import asyncpg
from sqlalchemy import ColumnElement, Double, cast, func, select, text

from grokdesk.core.secret import Secret
from grokdesk.platform.tasks import offload
from grokdesk.store.address import Address, BadAddress, Certificates, address_of, context_of
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import DatabaseTrouble, OnTrouble, Spawn
from grokdesk.store.server_store import opened_server
from grokdesk.store.sql_server import SqlServer
from grokdesk.store.stores import Timing

_PORT: Final = 5432
_CHANNEL: Final = "grokdesk"
# Any number that others are not likely to lock.
_LOCK: Final = 0x67726F6B

_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FILES: Final = ("sslrootcert", "sslcert", "sslkey")

# By the first characters of the SQLSTATE (appendix A of PostgreSQL's manual), the longer first.
_KINDS: Final = {
    "28": "login",
    "3D": "database",
    "42501": "rights",
    "40": "busy",
    "55P03": "busy",
    "57014": "busy",
    "57P": "lost",
    "08": "lost",
    "53100": "full",
    "53300": "crowded",
    "25006": "read only",
    "25P03": "lost",
    "22": "unfit",
    "54": "unfit",
}


async def _reached(
    url: Secret, team_key: Secret, *, spawn: Spawn, on_trouble: OnTrouble, timing: Timing
) -> PostgreSql:
    """Return the server at `url`, not entered yet. Raises `BadAddress`."""
    address = address_of(url, port=_PORT, socket="host")
    tls = await offload(tls_of, address)
    return PostgreSql(address, tls, team_key, spawn=spawn, on_trouble=on_trouble, timing=timing)


# An `opening.OpenServer`.
opened_postgresql: Final = partial(opened_server, _reached)


class PostgreSql(SqlServer):
    """A PostgreSQL server."""

    def __init__(
        self,
        address: Address,
        tls: ssl.SSLContext | str | Literal[False],
        team_key: Secret,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble,
        timing: Timing,
    ) -> None:
        super().__init__(
            "postgresql+asyncpg", address, team_key, spawn=spawn, on_trouble=on_trouble, timing=timing
        )
        self._tls = tls

    async def _dial(self, options: dict[str, Any]) -> Any:  # noqa: ANN401 - a connection of a driver
        address = self._address
        return await asyncpg.connect(
            host=address.socket or address.host,
            port=address.port,
            user=address.user or None,
            password=address.password.reveal() or None,
            database=address.database,
            timeout=self._timing.connect_s,
            ssl=False if address.socket else self._tls,
            server_settings={
                "application_name": "grokdesk",
                # A gateway that falls asleep in a transaction must not hold up the others.
                "idle_in_transaction_session_timeout": f"{self._timing.answer_s * 1_000:.0f}",
                "lock_timeout": f"{self._timing.answer_s * 500:.0f}",
                "timezone": "UTC",
            },
        )

    def _meaning(self, error: BaseException) -> DatabaseTrouble:
        # Not str(error) alone: that of a driver may be empty.
        detail = f"{type(error).__name__}: {error}"
        state = getattr(error, "sqlstate", None) or ""
        for start, kind in _KINDS.items():
            if state.startswith(start):
                return self._worded(kind, f"{state} {detail}")
        if isinstance(error, ssl.SSLError) or "SSL" in str(error):
            return self._worded("tls", detail)
        if isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError):
            return self._worded("away", detail)
        if isinstance(error, ValueError):
            return self._worded("unfit", detail)
        return self._worded("", f"{state} {detail}")

    async def _lock(self, connection: AsyncConnection) -> None:
        await connection.execute(text("SET LOCAL lock_timeout = 0"))
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    async def _unlock(self, connection: AsyncConnection) -> None:
        """Nothing: the end of the transaction does it."""

    def now(self) -> ColumnElement[float]:
        """Unix seconds by the clock of the server."""
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    async def ring(self, connection: AsyncConnection, gateway: str) -> None:
        """Tell all gateways but this one, when the transaction is committed, that there is something new."""
        await connection.execute(select(func.pg_notify(_CHANNEL, gateway)))

    @asynccontextmanager
    async def listening(self, hear: Callable[[str], None]) -> AsyncIterator[asyncio.Event]:
        """Call `hear` with the name of whoever rings; the event is set when the connection is lost."""
        lost = asyncio.Event()
        connection = await self._connected()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            try:
                await connection.add_listener(_CHANNEL, lambda *told: hear(told[-1]))
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                raise self._meaning(error) from error
            yield lost
        finally:
            connection.terminate()


def tls_of(address: Address) -> ssl.SSLContext | str | Literal[False]:
    """How the connection is protected, as asyncpg takes it. Raises `BadAddress`."""
    address.only(("sslmode", *_FILES))
    mode = address.options.get("sslmode", "prefer")
    root, certificate, key = (address.options.get(name, "") for name in _FILES)
    if mode not in _MODES:
        raise BadAddress(
            "The address of the shared store has an unknown sslmode.", hint=f"Known are {', '.join(_MODES)}."
        )
    if mode in {"disable", "allow", "prefer"}:
        if root or certificate or key:
            raise BadAddress(
                "The address of the shared store names certificates that would not be used.",
                hint="Add sslmode=verify-full, verify-ca or require.",
            )
        return mode if mode != "disable" else False
    # As libpq does it: with a root certificate, `require` means `verify-ca`.
    verify = mode != "require" or bool(root)
    return context_of(
        Certificates(verify, mode == "verify-full", ca_file=root, certificate=certificate, key=key)
    )
