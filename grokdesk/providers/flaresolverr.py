"""A `Solver` that asks a FlareSolverr the owner runs (protocol/grok-web-chat.md §21.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from grokdesk.core.errors import Challenged, Unreachable, UpstreamError
from grokdesk.core.ports import Clearance
from grokdesk.core.secret import Secret
from grokdesk.platform.wire import Call, Limits, Wire

_GRACE_S: Final = 15.0
_LARGEST: Final = 2 << 20
_HINT: Final = "Check the solver's address under Network and that the solver runs."


class FlareSolverr:
    """Passes Cloudflare's check in the solver's browser.

    An answer without cookies is a valid result: no check was needed (spec/public-api.md D24).
    """

    def __init__(self, wire: Wire, address: str, timeout_s: float) -> None:
        self._wire = wire
        self._address = address.rstrip("/").removesuffix("/v1")
        self._timeout_s = timeout_s

    async def solve(self, url: str, proxy: Secret) -> Clearance:
        """See `core.ports.Solver.solve`."""
        wish: dict[str, Any] = {"cmd": "request.get", "url": url, "maxTimeout": int(self._timeout_s * 1000)}
        if proxy:
            wish["proxy"] = {"url": proxy.reveal()}
        wait_s = self._timeout_s + _GRACE_S
        call = Call(
            "POST",
            f"{self._address}/v1",
            (("Content-Type", "application/json"),),
            orjson.dumps(wish),
            limits=Limits(connect_s=10, first_s=wait_s, idle_s=wait_s, total_s=wait_s),
        )
        try:
            async with self._wire.stream(call) as reply:
                body = await reply.body(_LARGEST)
        except UpstreamError as error:
            raise Unreachable(
                "The Cloudflare solver does not answer.", hint=_HINT, detail=error.message
            ) from error
        return _clearance(body, urlsplit(url).hostname or "")


def _clearance(body: bytes, host: str) -> Clearance:
    try:
        answer = orjson.loads(body)
    except ValueError as error:
        raise Unreachable("The Cloudflare solver's answer cannot be read.", hint=_HINT) from error
    solution = answer.get("solution") if isinstance(answer, dict) else None
    if not isinstance(solution, dict) or answer.get("status") != "ok":
        text = answer.get("message") if isinstance(answer, dict) else ""
        raise Challenged(
            "The Cloudflare solver could not pass the check.",
            hint="Try another proxy, or paste cookies from your browser under Network.",
            detail=str(text)[:300],
        )
    cookies = solution.get("cookies")
    parts = [
        f"{cookie['name']}={cookie['value']}"
        for cookie in (cookies if isinstance(cookies, list) else [])
        if isinstance(cookie, dict) and _belongs(cookie, host)
    ]
    return Clearance(Secret("; ".join(parts)), str(solution.get("userAgent") or ""))


def _belongs(cookie: Mapping[str, Any], host: str) -> bool:
    domain = str(cookie.get("domain") or "").lstrip(".")
    named = isinstance(cookie.get("name"), str) and isinstance(cookie.get("value"), str)
    return named and (not domain or host == domain or host.endswith(f".{domain}"))
