"""A database on a server that several gateways share: what PostgreSQL and MySQL have in common.

Before anything is read or written the team key is checked against what the store says about its own
(`facts`). Migrations run under a lock of the server, so gateways that start together do not collide.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, insert, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from grokdesk.core.secret import Secret
from grokdesk.platform.secrets import Vault, new_team_note, team_vault
from grokdesk.platform.tasks import offload
from grokdesk.store import migrations
from grokdesk.store.address import Address
from grokdesk.store.async_engine import AsyncConnection, create_async_engine
from grokdesk.store.database import (
    Away,
    Conflict,
    Database,
    DatabaseTrouble,
    InTheWay,
    Lost,
    OnTrouble,
    Spawn,
    Unfit,
    pending,
)
from grokdesk.store.schema import facts
from grokdesk.store.stores import Timing

log = logging.getLogger(__name__)

_CONNECTIONS: Final = 8
# Some networks cut what was silent for longer, without telling.
_RECYCLE_S: Final = 300.0
# After the server could not be reached, nobody waits for it anew so soon.
_PAUSE_S: Final = 1.0
# Rows of one kind in one transaction of the writer: others wait for their turn meanwhile.
_ROWS_AT_ONCE: Final = 500
_TEAM: Final = "team"


class SqlServer(Database):
    """The database at `address`. Entering raises `DatabaseTrouble`, and `WrongTeamKey` for another key."""

    # Opened by `team_key`; there once the database is.
    vault: Vault

    def __init__(
        self,
        dialect: str,
        address: Address,
        team_key: Secret,
        *,
        spawn: Spawn,
        on_trouble: OnTrouble,
        timing: Timing,
    ) -> None:
        engine = create_async_engine(
            f"{dialect}://",
            async_creator=self._connected,
            isolation_level="READ COMMITTED",
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=timing.answer_s,
            pool_recycle=_RECYCLE_S,
            pool_use_lifo=True,
        )
        # Of each connection that an outage has cut it would tell the whole story; ours is told once.
        logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
        super().__init__(
            engine,
            spawn=spawn,
            on_trouble=on_trouble,
            answer_s=timing.answer_s,
            rows_at_once=_ROWS_AT_ONCE,
        )
        self._address = address
        self._team_key = team_key
        self._timing = timing
        self._refused: DatabaseTrouble | None = None
        self._refused_until = 0.0

    @property
    def where(self) -> str:
        """The server as it may be shown and logged."""
        return self._address.where

    # -- what differs

    @abstractmethod
    async def _dial(self, options: dict[str, Any]) -> Any:  # noqa: ANN401 - a connection of a driver
        """Return a new connection of the driver. `options` is what SQLAlchemy wants of it."""

    @abstractmethod
    def _meaning(self, error: BaseException) -> DatabaseTrouble:
        """What an error of the driver means."""

    @abstractmethod
    async def _lock(self, connection: AsyncConnection) -> None:
        """Wait until no other gateway migrates, which lasts until `_unlock` or the end of the transaction."""

    @abstractmethod
    async def _unlock(self, connection: AsyncConnection) -> None:
        """Let the next one migrate."""

    @abstractmethod
    def now(self) -> ColumnElement[float]:
        """Unix seconds by the clock of the server, at this moment, also within a transaction."""

    @abstractmethod
    async def ring(self, connection: AsyncConnection, gateway: str) -> None:
        """Tell all gateways but this one, when the transaction is committed, that there is something new."""

    @abstractmethod
    def listening(self, hear: Callable[[str], None]) -> AbstractAsyncContextManager[asyncio.Event]:
        """Call `hear` with the name of whoever rings; the event is set when that has ended.

        Raises `DatabaseTrouble` when there is no way to listen at this moment.
        """

    # -- connecting

    async def _connected(self, *_places: object, **options: Any) -> Any:  # noqa: ANN401 - a connection of a driver
        """A new connection, or at once the last refusal while that is fresh."""
        now = asyncio.get_running_loop().time()
        if self._refused is not None and now < self._refused_until:
            raise self._refused
        try:
            async with asyncio.timeout(self._timing.connect_s):
                connection = await self._dial(options)
        except DatabaseTrouble:
            raise
        except TimeoutError as error:
            raise self._refuse(self._silent(error)) from error
        except Exception as error:
            raise self._refuse(self._meaning(error)) from error
        self._refused = None
        return connection

    def _refuse(self, trouble: DatabaseTrouble) -> DatabaseTrouble:
        if isinstance(trouble, Away):
            self._refused = trouble
            self._refused_until = asyncio.get_running_loop().time() + _PAUSE_S
        return trouble

    @contextmanager
    def _explained(self) -> Iterator[None]:
        with super()._explained():
            try:
                yield
            except TimeoutError:
                raise
            except OSError as error:
                raise self._lost(str(error)) from error

    def _explain(self, error: DBAPIError) -> DatabaseTrouble:
        trouble = self._meaning(error.orig or error)
        if error.connection_invalidated and not isinstance(trouble, Away):
            return self._lost(trouble.detail)
        return trouble

    def _silent(self, error: TimeoutError | PoolTimeout) -> DatabaseTrouble:
        return self._away(f"no answer in time: {error}")

    # -- words

    def _away(self, detail: str) -> Away:
        return Away("The shared store cannot be reached.", hint=self._check_server(), detail=detail)

    def _lost(self, detail: str) -> Lost:
        return Lost("The shared store cannot be reached.", hint=self._check_server(), detail=detail)

    def _check_server(self) -> str:
        return f"Check that the server at {self.where} is up and can be reached from here."

    def _worded(self, kind: str, detail: str) -> DatabaseTrouble:
        """The trouble of one kind: see `_WORDS`."""
        match kind:
            case "away":
                return self._away(detail)
            case "lost":
                return self._lost(detail)
            case "busy":
                return InTheWay(
                    "The shared store is busy.", hint="It is tried again by itself.", detail=detail
                )
            case "unfit":
                return Unfit("This cannot be stored.", hint="The log says more.", detail=detail)
        message, hint = _WORDS.get(kind, _UNKNOWN)
        return DatabaseTrouble(message, hint=hint.format(where=self.where), detail=detail)

    # -- opening

    async def _open(self) -> None:
        note = await self.read(lambda connection: connection.run_sync(_team_note))
        if note is not None:
            self.vault = await offload(team_vault, self._team_key, note)
        for name in await self.write(self._bring_up_to_date, bulk=True):
            log.info("migration applied name=%s", name)
        if note is None:
            self.vault = await self._first_vault()

    async def _bring_up_to_date(self, connection: AsyncConnection) -> Sequence[str]:
        await self._lock(connection)
        try:
            return await connection.run_sync(_migrate)
        finally:
            await self._unlock(connection)

    async def _first_vault(self) -> Vault:
        """The vault of a new store. Of several gateways that start together one makes its note."""
        made = await offload(new_team_note, self._team_key)
        try:
            await self.write(lambda connection: connection.execute(insert(facts), [_fact(made)]))
        except Conflict:
            log.info("another gateway has set up the store")
        note = await self.read(lambda connection: connection.run_sync(_team_note))
        return await offload(team_vault, self._team_key, note or made)


def _fact(note: str) -> dict[str, str]:
    return {"name": _TEAM, "value": note}


def _team_note(connection: Connection) -> str | None:
    """What the store says about its team key; None when it is new."""
    if not inspect(connection).has_table(facts.name):
        return None
    return connection.scalar(select(facts.c.value).where(facts.c.name == _TEAM))


def _migrate(connection: Connection) -> list[str]:
    missing = pending(migrations.applied(connection), "store")
    for migration in missing:
        migrations.apply(connection, migration)
    return [migration.__name__ for migration in missing]


_UNKNOWN: Final = ("The shared store cannot be used.", "The log says more.")
_WORDS: Final = {
    "login": (
        "The shared store refuses the name or the password.",
        "Check name, password and database in the address of {where}.",
    ),
    "database": (
        "The shared store has no such database.",
        "Create the database that the address of {where} names.",
    ),
    "rights": (
        "The shared store does not allow this.",
        "Give the user of the address the right to create and change tables in its database.",
    ),
    "full": ("The disk of the shared store is full.", "Make room on the disk of {where}."),
    "crowded": ("The shared store has no connection left.", "Raise the number of connections of {where}."),
    "read only": (
        "The shared store cannot be written.",
        "Check that {where} is the main server, and not a copy of it.",
    ),
    "tls": (
        "The shared store cannot be reached safely.",
        "Check the certificates, and the options about TLS in the address of {where}.",
    ),
}
