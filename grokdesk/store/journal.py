"""Numbers the changes of rows that several gateways write, so that each can ask what is new.

One row counts the revisions. Whoever changes accounts or keys takes its turn there first and holds the row to
the end of its transaction, so revisions are committed in order: having seen one, a gateway has seen all
before it. Holding the turn also means that nobody else writes accounts meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sqlalchemy import delete, insert, select, update

from grokdesk.store.async_engine import AsyncConnection
from grokdesk.store.database import BATCH_ROWS
from grokdesk.store.schema import changes, counters

ACCOUNT: Final = "account"
KEY: Final = "key"

_REVISION: Final = counters.c.name == "revision"

# Lets the gateways but the named one know, when the transaction is committed, that there is something new.
Ring = Callable[[AsyncConnection, str], Awaitable[None]]


class Journal:
    """That of a store with one writer: nobody else wants to know, so it does nothing."""

    async def turn(self, connection: AsyncConnection) -> None:
        """Return when nobody else writes accounts or keys, until the transaction ends."""

    async def note(
        self, connection: AsyncConnection, kind: str, ids: Sequence[str], *, tell_all: bool = False
    ) -> None:
        """Record that rows have changed. With `tell_all` this gateway, too, wants to hear of it."""

    async def forget(self, connection: AsyncConnection, kind: str, ids: Sequence[str]) -> None:
        """Record nothing of rows that are gone for good."""


class SharedJournal(Journal):
    """That of the gateway named `gateway`."""

    def __init__(self, gateway: str, ring: Ring) -> None:
        self._gateway = gateway
        self._ring = ring

    async def turn(self, connection: AsyncConnection) -> None:
        """Return when nobody else writes accounts or keys, until the transaction ends."""
        await connection.execute(update(counters).where(_REVISION).values(value=counters.c.value + 1))

    async def note(
        self, connection: AsyncConnection, kind: str, ids: Sequence[str], *, tell_all: bool = False
    ) -> None:
        """Record that rows have changed, under the revision of this turn."""
        if not ids:
            return
        revision = await current(connection)
        ids = list(dict.fromkeys(ids))
        await self.forget(connection, kind, ids)
        gateway = "" if tell_all else self._gateway
        for start in range(0, len(ids), BATCH_ROWS):
            await connection.execute(
                insert(changes),
                [
                    {"kind": kind, "id": one, "revision": revision, "gateway": gateway}
                    for one in ids[start : start + BATCH_ROWS]
                ],
            )
        await self._ring(connection, gateway)

    async def forget(self, connection: AsyncConnection, kind: str, ids: Sequence[str]) -> None:
        """Record nothing of rows that are gone for good."""
        for start in range(0, len(ids), BATCH_ROWS):
            part = ids[start : start + BATCH_ROWS]
            await connection.execute(delete(changes).where(changes.c.kind == kind, changes.c.id.in_(part)))


async def current(connection: AsyncConnection) -> int:
    """The newest revision; in a turn, that of the turn."""
    return (await connection.scalar(select(counters.c.value).where(_REVISION))) or 0
