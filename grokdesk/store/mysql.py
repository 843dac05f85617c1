"""The store on a MySQL or MariaDB server. The only import of aiomysql."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import aiomysql
from sqlalchemy import ColumnElement, Connection, Double, event, func, literal_column, select, type_coerce

from grokdesk.core.secret import Secret
from grokdesk.platform.tasks import offload
from grokdesk.store.address import Address, BadAddress, Certificates, address_of, context_of
from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import DatabaseTrouble, InTheWay, OnTrouble, Spawn, Unfit
from grokdesk.store.server_store import opened_server
from grokdesk.store.sql_server import SqlServer
from grokdesk.store.stores import Timing

_PORT: Final = 3306
_MIGRATING_S: Final = 60
# What surrounds the bytes of a row in a statement, and what of them has to be written as two.
_PACKET_ROOM: Final = 1.1

_MODES: Final = ("disabled", "required", "verify-ca", "verify-identity")
_FILES: Final = ("ssl-ca", "ssl-capath", "ssl-cert", "ssl-key", "ssl-cipher")

# By the number of the error (MySQL's and MariaDB's manuals, "error codes"); 2000 and above are the driver's.
_KINDS: Final = {
    1040: "crowded",
    1203: "crowded",
    1226: "crowded",
    1044: "rights",
    1045: "login",
    1698: "login",
    1130: "login",
    1049: "database",
    1142: "rights",
    1143: "rights",
    1227: "rights",
    1021: "full",
    1114: "full",
    1205: "busy",
    1213: "busy",
    1020: "busy",
    1290: "read only",
    1792: "read only",
    1836: "read only",
    1053: "lost",
    1077: "lost",
    1079: "lost",
    1080: "lost",
    1927: "lost",
    2006: "lost",
    2013: "lost",
    2014: "lost",
    2055: "lost",
    4031: "lost",
    2002: "away",
    2003: "away",
    2005: "away",
    2026: "tls",
    3159: "tls",
    1153: "unfit",
    1264: "unfit",
    1366: "unfit",
    1367: "unfit",
    1406: "unfit",
    3854: "unfit",
}


async def _reached(
    url: Secret, team_key: Secret, *, spawn: Spawn, on_trouble: OnTrouble, timing: Timing
) -> MySql:
    """Return the server at `url`, not entered yet. Raises `BadAddress`."""
    address = address_of(url, port=_PORT, socket="unix-socket")
    tls = await offload(tls_of, address)
    return MySql(address, tls, team_key, spawn=spawn, on_trouble=on_trouble, timing=timing)


# An `opening.OpenServer`.
opened_mysql: Final = partial(opened_server, _reached)


class MySql(SqlServer):
    """A MySQL or MariaDB server."""

    def __init__(
        self,
        address: Address,
        tls: ssl.SSLContext | None,
        team_key: Secret,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble,
        timing: Timing,
    ) -> None:
        super().__init__(
            "mysql+aiomysql", address, team_key, spawn=spawn, on_trouble=on_trouble, timing=timing
        )
        self._tls = tls
        self._packet = 0
        digest = hashlib.sha256(address.database.encode()).hexdigest()[:32]
        self._lock_name = f"grokdesk.{digest}"
        event.listen(self._engine.sync_engine, "before_cursor_execute", self._measured)

    async def _dial(self, options: dict[str, Any]) -> Any:  # noqa: ANN401 - a connection of a driver
        address = self._address
        connection = await aiomysql.connect(
            host=address.host,
            port=address.port,
            unix_socket=address.socket or None,
            user=address.user or None,
            password=address.password.reveal(),
            db=address.database,
            charset="utf8mb4",
            program_name="grokdesk",
            # SQLAlchemy counts the rows that were found, not those that were changed by it.
            client_flag=options.get("client_flag", 0),
            ssl=None if address.socket else self._tls,
            init_command=(
                "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00',"
                f" innodb_lock_wait_timeout = {max(1, int(self._timing.answer_s / 2))}, wait_timeout = 600"
                # A gateway that falls asleep in a transaction must not hold up the others. Only MariaDB can.
                f" /*M!100303 , idle_transaction_timeout = {max(1, int(self._timing.answer_s))} */"
            ),
        )
        if not self._packet:
            async with connection.cursor() as cursor:
                await cursor.execute("SELECT @@max_allowed_packet")
                self._packet = int((await cursor.fetchone())[0])
        return connection

    def _measured(
        self,
        connection: Connection,
        cursor: object,
        statement: str,
        parameters: Sequence[Any] | Mapping[str, Any],
        *_context: object,
    ) -> None:
        """Refuse what the server would not take: it closes the connection, and that looks like an outage."""
        many = parameters if isinstance(parameters, list) else [parameters]
        for row in many:
            values = row.values() if isinstance(row, dict) else row or ()
            size = sum(len(value) for value in values if isinstance(value, bytes | str))
            if size * _PACKET_ROOM > self._packet:
                raise Unfit(
                    "This is larger than the shared store takes.",
                    hint="Raise max_allowed_packet of the server.",
                    detail=f"{size} bytes, max_allowed_packet={self._packet}",
                )

    def _meaning(self, error: BaseException) -> DatabaseTrouble:
        detail = f"{type(error).__name__}: {error}"
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        cause = error.__cause__
        if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
            return self._worded("tls", detail)
        if kind := _KINDS.get(number):
            return self._worded(kind, detail)
        if isinstance(error, OSError | aiomysql.InterfaceError):
            return self._worded("away", detail)
        if isinstance(error, aiomysql.DataError | ValueError):
            return self._worded("unfit", detail)
        return self._worded("", detail)

    async def _lock(self, connection: AsyncConnection) -> None:
        got = await connection.scalar(select(func.get_lock(self._lock_name, _MIGRATING_S)))
        if got != 1:
            raise InTheWay("Another gateway is setting up the shared store.", hint="Try again in a minute.")

    async def _unlock(self, connection: AsyncConnection) -> None:
        await connection.execute(select(func.release_lock(self._lock_name)))

    def now(self) -> ColumnElement[float]:
        """Unix seconds by the clock of the server."""
        return type_coerce(literal_column("(UNIX_TIMESTAMP(SYSDATE(6)) + 0e0)"), Double)

    async def ring(self, connection: AsyncConnection, gateway: str) -> None:
        """Nothing: there is no bell, the others look by themselves."""

    @asynccontextmanager
    async def listening(self, hear: Callable[[str], None]) -> AsyncIterator[asyncio.Event]:
        """Nothing is ever heard; the event is never set."""
        yield asyncio.Event()


def tls_of(address: Address) -> ssl.SSLContext | None:
    """How the connection is protected. Raises `BadAddress`."""
    address.only(("ssl-mode", "ssl-check-hostname", *_FILES))
    options = {name: value for name, value in address.options.items() if name.startswith("ssl")}
    mode = options.pop("ssl-mode", "").lower().replace("_", "-")
    if not mode and options:
        raise BadAddress(
            "The address of the shared store has options about TLS, and no ssl-mode.",
            hint="Add ssl-mode=verify_identity, verify_ca or required.",
        )
    if mode and mode not in _MODES:
        raise BadAddress(
            "The address of the shared store has an unknown ssl-mode.",
            hint="Known are disabled, required, verify_ca and verify_identity.",
        )
    if mode in {"", "disabled"}:
        return None
    name = mode == "verify-identity"
    if "ssl-check-hostname" in options:
        name = options["ssl-check-hostname"].lower() in {"1", "true", "yes", "on"}
    ca, folder, certificate, key, ciphers = (options.get(one, "") for one in _FILES)
    verify = mode != "required"
    return context_of(Certificates(verify, name and verify, ca, folder, certificate, key, ciphers))
