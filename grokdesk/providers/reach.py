"""Finds out what a way out is worth: whether it leads to Grok, by which address, and past whom.

Cloudflare answers `/cdn-cgi/trace` on every site it fronts, with lines such as `ip=203.0.113.7` and `loc=DE`,
and without a check. No cookie of an account is sent.
"""

from __future__ import annotations

from typing import Final

from grokdesk.core.egress import Egress, Tested
from grokdesk.core.errors import Challenged, UpstreamError
from grokdesk.core.ports import Clock
from grokdesk.platform.wire import IMPERSONATIONS, Call, Limits, Reply, Wire
from grokdesk.providers.grok_web.protocol import headers
from grokdesk.providers.grok_web.protocol.failures import http_failure

_LIMITS: Final = Limits(connect_s=15, first_s=15, idle_s=15, total_s=20)
_TRACE_BYTES: Final = 4 << 10
_PAGE_BYTES: Final = 64 << 10
_OK: Final = 200
_LANGUAGE: Final = "en;q=0.9"
_ACCEPT: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Reach:
    """A `Tester` for sites behind Cloudflare."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock

    async def test(self, url: str, egress: Egress) -> Tested:
        """See `core.ports.Tester.test`."""
        base = url.rstrip("/")
        began = self._clock.monotonic()
        try:
            async with self._wire.stream(_call(f"{base}/cdn-cgi/trace", egress, accept="*/*")) as reply:
                latency_ms = round((self._clock.monotonic() - began) * 1000)
                told = _lines(await reply.body(_TRACE_BYTES)) if reply.status == _OK else {}
            async with self._wire.stream(_call(f"{base}/", egress, accept=_ACCEPT)) as reply:
                challenged = await self._is_challenged(reply)
        except UpstreamError as error:
            return Tested(reachable=False, failure=error.message, hint=error.hint)
        return Tested(
            reachable=True,
            address=told.get("ip", ""),
            country=told.get("loc", ""),
            latency_ms=latency_ms,
            challenged=challenged,
        )

    async def _is_challenged(self, reply: Reply) -> bool:
        if reply.status == _OK:
            return False
        body = await reply.body(_PAGE_BYTES)
        now = self._clock.now()
        failure = http_failure(reply.status, reply.headers, body, call=headers.Call.SESSION, now=now)
        return isinstance(failure, Challenged)


def _call(url: str, egress: Egress, *, accept: str) -> Call:
    """A browser that opens an address for the first time (protocol/grok-web-chat.md §6)."""
    agent = headers.clean_value(egress.user_agent)
    cookies = headers.clean_cloudflare_cookies(egress.cookies.reveal())
    sent = [
        *headers.client_hints(agent),
        ("Upgrade-Insecure-Requests", "1"),
        ("User-Agent", agent),
        ("Accept", accept),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Mode", "navigate"),
        ("Sec-Fetch-Dest", "document"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Accept-Language", _LANGUAGE),
    ]
    return Call(
        "GET",
        url,
        [*sent, ("Cookie", cookies)] if cookies else sent,
        impersonate=headers.impersonation(agent, IMPERSONATIONS),
        proxy=egress.proxy.reveal(),
        verify_proxy=egress.verify,
        limits=_LIMITS,
    )


def _lines(body: bytes) -> dict[str, str]:
    """Read `name=value` lines."""
    text = body.decode("ascii", "ignore")
    return {name: value[:64] for name, _, value in (line.partition("=") for line in text.splitlines())}
