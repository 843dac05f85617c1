"""A `Solver` that asks a FlareSolverr the owner runs (protocol/grok-web-chat.md §21.3)."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson

from grokdesk.core.egress import SolverTested
from grokdesk.core.errors import NoClearance, UpstreamError, UpstreamTimeout
from grokdesk.core.ports import Clearance, Clock
from grokdesk.core.secret import Secret
from grokdesk.platform.clock import SystemClock
from grokdesk.platform.wire import Call, Limits, Wire

log = logging.getLogger(__name__)

_GRACE_S: Final = 15.0
# A solver that is there says so at once.
_LOOK_S: Final = 15.0
_OURS: Final = "grokdesk-"
_LONGEST_VERSION: Final = 32
# The most that stopping the program waits for one of the solver's browsers.
_GOODBYE_S: Final = 5.0
_LARGEST: Final = 2 << 20
_LONGEST_AGENT: Final = 512
_MOST_SESSIONS: Final = 8
_SHOWN: Final = 300
# The Cloudflare cookies, of whatever else a browser has collected (§3.2).
_CLOUDFLARE: Final = re.compile(r"cf_clearance|__cf_bm|_cfuvid|cf_chl_.*", re.IGNORECASE)
_CLEARANCE: Final = "cf_clearance"
# A browser resolves names at a SOCKS5 proxy by itself and knows neither of curl's own schemes.
_SCHEMES: Final = {"socks5h": "socks5", "socks4a": "socks4"}
# What curl takes when an address says no port; the solver needs one said.
_PORTS: Final = {"https": 443}
_OTHER_PORT: Final = 1080

_DOWN_HINT: Final = "Check the solver's address under Network and that the solver runs."
_SLOW_HINT: Final = "Look at the solver's own log; restart it, or allow it more time under Network."
_OTHER_HINT: Final = "Check the solver's address under Network: something else may answer there."
_FAILED_HINT: Final = "Try another proxy, or paste cookies from your browser under Network."
_SOCKS_HINT: Final = "The solver's browser cannot sign in at a SOCKS proxy: use an HTTP proxy instead."


@dataclass(frozen=True, slots=True)
class SolverOptions:
    """Where the solver is, how long it may take, and whether it keeps a browser open for each way out."""

    address: str
    timeout_s: float = 60.0
    sessions: bool = False


@dataclass(slots=True)
class _Session:
    """A browser kept open at the solver, and the clearance it gave last."""

    address: str
    name: str
    last: frozenset[str] = frozenset()


class FlareSolverr:
    """Passes Cloudflare's check in the solver's browser.

    An answer without cookies is a valid result: no check was needed (spec/public-api.md D24).
    """

    def __init__(
        self,
        wire: Wire,
        options: Callable[[], SolverOptions],
        *,
        new_id: Callable[[], str],
        clock: Clock | None = None,
    ) -> None:
        self._wire = wire
        self._clock = clock or SystemClock()
        self._options = options
        self._new_id = new_id
        self._sessions: OrderedDict[Secret, _Session] = OrderedDict()

    async def solve(self, url: str, proxy: Secret) -> Clearance:
        """See `core.ports.Solver.solve`."""
        options = self._options()
        session = await self._session(options, proxy) if options.sessions else None
        clearance = await self._get(options, url, proxy, session)
        if session is not None:
            if clearance.cookies and _essence(clearance) == session.last:
                # The browser shows the cookies it has, whatever they are still worth elsewhere.
                await self._destroy(session)
                await self._create(options, proxy, session)
                clearance = await self._get(options, url, proxy, session)
            session.last = _essence(clearance)
        return clearance

    async def keep_only(self, proxies: Collection[Secret]) -> None:
        """See `core.ports.Solver.keep_only`; also ends what the settings do not allow any more."""
        options = self._options()
        for proxy, session in list(self._sessions.items()):
            if proxy not in proxies or not options.sessions or session.address != _base(options):
                del self._sessions[proxy]
                await self._destroy(session)

    async def look(self, address: str) -> SolverTested:
        """See `core.ports.SolverTester.look`.

        Its list of browsers is the cheapest thing to ask for; solvers that have none say so, and are there.
        """
        began = self._clock.monotonic()
        try:
            body = await self._ask(_base(SolverOptions(address)), {"cmd": "sessions.list"}, _LOOK_S)
            answer = _read(body)
        except NoClearance as error:
            return SolverTested(reachable=False, failure=error.message, hint=error.hint)
        found = answer.get("sessions")
        sessions = [str(name) for name in found] if isinstance(found, list) else []
        return SolverTested(
            reachable=True,
            version=str(answer.get("version") or "")[:_LONGEST_VERSION],
            latency_ms=round((self._clock.monotonic() - began) * 1000),
            browsers=len(sessions),
            ours=sum(name.startswith(_OURS) for name in sessions),
        )

    # -- browsers kept open

    async def _session(self, options: SolverOptions, proxy: Secret) -> _Session:
        session = self._sessions.get(proxy)
        if session is None or session.address != _base(options):
            session = _Session(_base(options), f"{_OURS}{self._new_id()}")
        self._sessions[proxy] = session
        self._sessions.move_to_end(proxy)
        while len(self._sessions) > _MOST_SESSIONS:
            await self._destroy(self._sessions.popitem(last=False)[1])
        # Each time: a solver that was restarted would otherwise open a new one without the proxy.
        await self._create(options, proxy, session)
        return session

    async def _create(self, options: SolverOptions, proxy: Secret, session: _Session) -> None:
        wish = {"cmd": "sessions.create", "session": session.name, **_proxy(proxy)}
        _answered(await self._ask(_base(options), wish, options.timeout_s + _GRACE_S), proxy)

    async def _destroy(self, session: _Session) -> None:
        try:
            await self._ask(session.address, {"cmd": "sessions.destroy", "session": session.name}, _GOODBYE_S)
        except UpstreamError as error:
            log.info("solver's browser not closed why=%s", error.message)

    # -- asking

    async def _get(
        self, options: SolverOptions, url: str, proxy: Secret, session: _Session | None
    ) -> Clearance:
        # A browser kept open has its proxy since it was made, and does not take another.
        by = {"session": session.name} if session is not None else _proxy(proxy)
        wish = {"cmd": "request.get", "url": url, "maxTimeout": int(options.timeout_s * 1000), **by}
        answer = _answered(await self._ask(_base(options), wish, options.timeout_s + _GRACE_S), proxy)
        return _clearance(answer, urlsplit(url).hostname or "")

    async def _ask(self, address: str, wish: Mapping[str, object], wait_s: float) -> bytes:
        call = Call(
            "POST",
            f"{address}/v1",
            (("Content-Type", "application/json"),),
            orjson.dumps(wish),
            limits=Limits(connect_s=min(10, wait_s), first_s=wait_s, idle_s=wait_s, total_s=wait_s),
        )
        try:
            async with self._wire.stream(call) as reply:
                return await reply.body(_LARGEST + 1)
        except UpstreamTimeout as error:
            raise NoClearance(
                f"The Cloudflare solver is slow: it did not answer within {wait_s:.0f} seconds.",
                hint=_SLOW_HINT,
                detail=error.message,
                everywhere=True,
            ) from error
        except UpstreamError as error:
            raise NoClearance(
                "The Cloudflare solver does not answer.",
                hint=_DOWN_HINT,
                detail=f"{error.message} {error.detail}",
                everywhere=True,
            ) from error


def _base(options: SolverOptions) -> str:
    return options.address.rstrip("/").removesuffix("/v1")


def _proxy(proxy: Secret) -> dict[str, object]:
    """The proxy as a browser wants it: name and password apart, schemes of its own, the port said."""
    if not proxy:
        return {}
    parts = urlsplit(proxy.reveal())
    host = parts.hostname or ""
    place = f"[{host}]" if ":" in host else host
    port = parts.port or _PORTS.get(parts.scheme, _OTHER_PORT)
    told = {"url": f"{_SCHEMES.get(parts.scheme, parts.scheme)}://{place}:{port}"}
    if parts.username is not None:
        # FlareSolverr signs in only when it has both.
        told |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    return {"proxy": told}


def _answered(body: bytes, proxy: Secret) -> Mapping[str, Any]:
    """The answer as an object. Raises `NoClearance` for one that says no, or cannot be read."""
    answer = _read(body)
    if answer["status"] != "ok":
        raise _unsuccessful(str(answer.get("message") or ""), proxy)
    return answer


def _read(body: bytes) -> Mapping[str, Any]:
    """What a solver says, whether yes or no. Raises `NoClearance` for what no solver says."""
    try:
        answer = orjson.loads(body) if len(body) <= _LARGEST else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        raise NoClearance(
            "The Cloudflare solver's answer cannot be read.",
            hint=_OTHER_HINT,
            detail=f"{len(body)} bytes",
            everywhere=True,
        )
    return answer


def _unsuccessful(said: str, proxy: Secret) -> NoClearance:
    parts = urlsplit(proxy.reveal())
    for secret in (parts.password, unquote(parts.password or ""), parts.username):
        said = said.replace(secret, "…") if secret else said
    detail = " ".join(said.split())[:_SHOWN]
    if "blocked this request" in said or "is banned" in said:
        message = "Cloudflare does not let this address pass at all, says the solver."
        return NoClearance(message, hint=_FAILED_HINT, detail=detail)
    signs_in = parts.scheme.startswith("socks") and parts.username is not None
    return NoClearance(
        "The Cloudflare solver could not pass the check.",
        hint=_SOCKS_HINT if signs_in else _FAILED_HINT,
        detail=detail,
    )


def _clearance(answer: Mapping[str, Any], host: str) -> Clearance:
    solution = answer.get("solution")
    if not isinstance(solution, dict):
        raise NoClearance(
            "The Cloudflare solver's answer cannot be read.",
            hint=_OTHER_HINT,
            detail="no solution in it",
            everywhere=True,
        )
    agent = solution.get("userAgent")
    if not isinstance(agent, str) or not 0 < len(agent.strip()) <= _LONGEST_AGENT:
        raise NoClearance(
            "The Cloudflare solver did not say which browser passed the check; without that it is of no use.",
            hint="Update the solver: its answer lacks the user agent.",
            everywhere=True,
        )
    cookies = solution.get("cookies")
    found = [one for one in (cookies if isinstance(cookies, list) else []) if _belongs(one, host)]
    ends = [_end(one) for one in found if one["name"].lower() == _CLEARANCE]
    text = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in found)
    return Clearance(Secret(text), agent.strip(), next(iter(ends), None))


def _essence(clearance: Clearance) -> frozenset[str]:
    """What makes a clearance another one: cookies that count visits change by themselves."""
    cookies = clearance.cookies.reveal().split("; ")
    return frozenset(cookie for cookie in cookies if cookie.lower().startswith(f"{_CLEARANCE}="))


def _end(cookie: Mapping[str, Any]) -> float | None:
    """When a cookie ends. Version 3 says `expiry`, others `expires`, with -1 for the end of the session."""
    for name in ("expires", "expiry"):
        value = cookie.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
    return None


def _belongs(cookie: object, host: str) -> bool:
    if not isinstance(cookie, dict):
        return False
    name, value = cookie.get("name"), cookie.get("value")
    if not isinstance(name, str) or not isinstance(value, str) or not _CLOUDFLARE.fullmatch(name):
        return False
    domain = str(cookie.get("domain") or "").lstrip(".")
    return not domain or host == domain or host.endswith(f".{domain}")
