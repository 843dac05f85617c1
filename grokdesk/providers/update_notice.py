"""Fetches the notice of new versions from the address that the owner gave."""

from __future__ import annotations

from typing import Final

from grokdesk.core.errors import Unreachable
from grokdesk.core.updates import MOST_BYTES, Release, read_release
from grokdesk.platform.wire import Call, Limits, Wire

_OK: Final = 200
_LIMITS: Final = Limits(connect_s=15, first_s=15, idle_s=15, total_s=30)


class UpdateNotice:
    """A `ReleaseSource`. Nothing is told to the other side: no version, no system, no cookie."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def latest(self, url: str, proxy: str) -> Release:
        """See `core.ports.ReleaseSource.latest`."""
        call = Call("GET", url, [("Accept", "application/json")], proxy=proxy, limits=_LIMITS)
        async with self._wire.stream(call) as reply:
            if reply.status != _OK:
                raise Unreachable(f"{call.host} answered with status {reply.status}.")
            return read_release(await reply.body(MOST_BYTES))
