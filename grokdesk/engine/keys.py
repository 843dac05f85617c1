"""Client keys: who may ask."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from grokdesk.core.errors import NotFound
from grokdesk.core.notices import Bus, KeysChanged
from grokdesk.core.ports import ClientKey, Clock, KeyStore
from grokdesk.core.secret import Secret

FIRST_NAME = "First key"


class ClientKeys:
    """The keys of this installation. Checking one compares digests and opens nothing."""

    def __init__(
        self,
        store: KeyStore,
        bus: Bus,
        clock: Clock,
        *,
        new_id: Callable[[], str],
        new_key: Callable[[], Secret],
    ) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._new_id = new_id
        self._new_key = new_key
        self._by_digest: dict[str, ClientKey] = {}

    async def load(self) -> None:
        """Read the keys; make the first one when there is none (decision 5)."""
        keys = await self._store.all()
        self._by_digest = {key.digest: key for key in keys if key.revoked_at is None}
        if not keys:
            await self.make(FIRST_NAME)

    def all(self) -> list[ClientKey]:
        """Valid keys, oldest first."""
        return list(self._by_digest.values())

    def check(self, presented: str) -> ClientKey | None:
        """The valid key that `presented` is, if any."""
        return self._by_digest.get(_digest(presented))

    async def make(self, name: str) -> ClientKey:
        """Make a key called `name`."""
        value = self._new_key()
        key = ClientKey(
            id=self._new_id(),
            name=name.strip() or "Key",
            value=value,
            digest=_digest(value.reveal()),
            created_at=self._clock.now(),
        )
        await self._store.add(key)
        self._by_digest[key.digest] = key
        self._bus.publish(KeysChanged())
        return key

    async def revoke(self, wanted: str) -> ClientKey:
        """Revoke the key with this id or name. Raises `NotFound`."""
        for key in self._by_digest.values():
            if wanted in {key.id, key.name}:
                await self._store.revoke(key.id, self._clock.now())
                del self._by_digest[key.digest]
                self._bus.publish(KeysChanged())
                return key
        raise NotFound(f"There is no key called '{wanted}'.", hint="`grokdesk keys list` shows them.")


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
