"""Signed request fingerprints from an address the owner entered.

See protocol/grok-web-chat.md §5.2 and decision 13.

The signer gets the page's meta value and the path. It never gets a cookie.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson

from grokdesk.core.errors import UpstreamError
from grokdesk.core.ports import Clock
from grokdesk.platform.wire import Call, Limits, Wire
from grokdesk.providers.grok_web.protocol.headers import valid_signed

log = logging.getLogger(__name__)

_LIFE_S: Final = 3_600.0
_MOST: Final = 4_096
_PAGE_BYTES: Final = 4 << 20
_ANSWER_BYTES: Final = 4 << 10
_META: Final = re.compile(
    rb"<meta[^>]*name=[\"']grok.{1,3}site.{1,3}verification[\"'][^>]*content=[\"']([^\"']+)[\"']",
    re.IGNORECASE,
)

FetchPage = Callable[[str], Awaitable[tuple[int, bytes]]]


@dataclass(slots=True)
class _Entry:
    value: str
    made_at: float


class Signer:
    """Gets and keeps signed values, an hour each. What cannot be made is left out, never invented."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self._kept: dict[tuple[str, str, str, str], _Entry] = {}
        self._making: dict[tuple[str, str, str, str], asyncio.Future[str]] = {}

    async def value(self, base: str, signer: str, method: str, path: str, fetch_page: FetchPage) -> str:
        """The value for `method` and `path`, or nothing when none can be had."""
        if not signer:
            return ""
        key = (base, signer, method.upper(), path)
        while (running := self._making.get(key)) is not None:
            # Not `await running`: when the first asker is cancelled, only it is.
            await asyncio.wait([running])
            if not running.cancelled():
                return running.result()
        entry = self._kept.get(key)
        if entry is not None and self._clock.now() - entry.made_at < _LIFE_S:
            return entry.value
        promise: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._making[key] = promise
        try:
            fresh = await self._fresh(signer, method, path, fetch_page)
            if fresh:
                self._keep(key, fresh)
            # An old value beats none (§5.2).
            chosen = fresh or (entry.value if entry is not None else "")
            promise.set_result(chosen)
        finally:
            promise.cancel()
            del self._making[key]
        return chosen

    def knows(self, base: str, signer: str, method: str, path: str) -> bool:
        """Whether there is a value made earlier, which upstream may no longer like."""
        return (base, signer, method.upper(), path) in self._kept

    def forget(self, base: str, signer: str, method: str, path: str) -> None:
        """Drop a value that upstream refused."""
        self._kept.pop((base, signer, method.upper(), path), None)

    def _keep(self, key: tuple[str, str, str, str], value: str) -> None:
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = _Entry(value, self._clock.now())

    async def _fresh(self, signer: str, method: str, path: str, fetch_page: FetchPage) -> str:
        try:
            return await self._make(signer, method, path, fetch_page)
        except UpstreamError as error:
            log.warning("no signed fingerprint path=%s why=%s", path, error.message)
            return ""

    async def _make(self, signer: str, method: str, path: str, fetch_page: FetchPage) -> str:
        for _ in range(2):
            meta = await self._meta(fetch_page)
            value = await self._signed(signer, method, path, meta) if meta else ""
            if value:
                return value
        return ""

    async def _meta(self, fetch_page: FetchPage) -> str:
        status, page = await fetch_page("/index")
        found = _META.search(page)
        if found is None and status == 404:  # noqa: PLR2004 - the one status with another place to look
            status, page = await fetch_page("/")
            found = _META.search(page)
        if found is None or not (200 <= status < 300 or status == 404):  # noqa: PLR2004 - a page, or that 404
            log.warning("page has no verification value status=%d", status)
            return ""
        return found[1].decode("ascii", "ignore")

    async def _signed(self, signer: str, method: str, path: str, meta: str) -> str:
        wish = {"method": method.upper(), "path": path, "environment": {"metaContent": meta}}
        limits = Limits(connect_s=10, first_s=12, idle_s=12, total_s=12)
        call = Call(
            "POST", signer, (("Content-Type", "application/json"),), orjson.dumps(wish), limits=limits
        )
        async with self._wire.stream(call) as reply:
            body = await reply.body(_ANSWER_BYTES)
        try:
            answer = orjson.loads(body)
        except ValueError:
            answer = None
        value = answer.get("x-statsig-id") if isinstance(answer, dict) else None
        if not isinstance(value, str) or not valid_signed(value):
            log.warning("signer answered without a valid value status=%d", reply.status)
            return ""
        return value
