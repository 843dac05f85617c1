"""Listening: start, stop, and where the gateway stands."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from aiohttp import web

from grokdesk.core.errors import Broken
from grokdesk.core.notices import GatewayChanged, GatewayPhase, GatewayState
from grokdesk.gateway.exchange import Traffic
from grokdesk.gateway.failures import headers_for, middleware
from grokdesk.gateway.holder import holder_of
from grokdesk.gateway.ports import Services
from grokdesk.gateway.responses_socket import SESSIONS, Session
from grokdesk.gateway.routes import add_routes
from grokdesk.platform.tasks import offload

log = logging.getLogger(__name__)

_BACKLOG: Final = 512
_NEAR: Final = 50
# Per step, after our own waiting is over: handlers that were cancelled need a moment, and no more.
_SHUTDOWN_S: Final = 1.0
# Every connection keeps one timer for this; qasync 0.28 keeps it armed for as long even when the connection
# closes.
_KEEP_ALIVE_S: Final = 75.0
# How long the rest of a refused body is read, so that the client hears the refusal instead of a reset.
_LINGER_S: Final = 2.0


class CannotListen(Broken):
    """The address cannot be listened on. `free_port` is the next free one when a port is taken, else 0."""

    title = "The gateway cannot start"

    def __init__(self, message: str, *, hint: str = "", free_port: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.free_port = free_port


class Gateway:
    """The HTTP server. Starting and stopping wait for each other; both may be repeated."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._state = GatewayState(
            host=services.settings.now.gateway.host, port=services.settings.now.gateway.port
        )
        self._turn = asyncio.Lock()
        self._traffic = Traffic()
        self._runner: web.AppRunner | None = None

    @property
    def state(self) -> GatewayState:
        """Where it stands."""
        return self._state

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return len(self._traffic)

    async def start(self) -> None:
        """Listen where the settings say.

        Raises `CannotListen` when that is impossible; the state then says the same. Another port is never
        taken instead, because clients are configured with this one.
        """
        async with self._turn:
            if self._runner is not None:
                return
            settings = self._services.settings.now.gateway
            self._become(GatewayState(GatewayPhase.STARTING, settings.host, settings.port))
            try:
                sockets = await _listening(settings.host, settings.port)
            except CannotListen as error:
                self._become(
                    replace(
                        self._state,
                        phase=GatewayPhase.FAILED,
                        error=error.message,
                        hint=error.hint,
                        free_port=error.free_port,
                    )
                )
                raise
            self._runner = await self._serve(sockets)
            host, port = sockets[0].getsockname()[:2]
            self._become(GatewayState(GatewayPhase.RUNNING, host, port))

    async def stop(self, grace_s: float = 5.0) -> None:
        """Accept nothing new, let what is being answered finish for up to `grace_s`, then end it."""
        async with self._turn:
            if self._runner is None:
                return
            runner, self._runner = self._runner, None
            self._become(replace(self._state, phase=GatewayPhase.STOPPING))
            try:
                await self._drain(runner, grace_s)
            finally:
                self._traffic.cancel()
                await runner.cleanup()
                self._traffic.closing = False
                self._become(replace(self._state, phase=GatewayPhase.STOPPED))

    async def _serve(self, sockets: Sequence[socket.socket]) -> web.AppRunner:
        app = web.Application(middlewares=[middleware(self._services, self._traffic)])
        sessions: set[Session] = set()
        app[SESSIONS] = sessions
        app.on_response_prepare.append(headers_for(self._services, self._traffic))
        add_routes(app, self._services)
        runner = web.AppRunner(
            app,
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_S,
            keepalive_timeout=_KEEP_ALIVE_S,
            lingering_time=_LINGER_S,
        )
        await runner.setup()
        for listener in sockets:
            await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        return runner

    async def _drain(self, runner: web.AppRunner, grace_s: float) -> None:
        for site in runner.sites:
            await site.stop()
        self._traffic.closing = True
        sessions = runner.app[SESSIONS]
        for session in sessions.copy():
            session.retire()
        if not self._traffic:
            return
        over = asyncio.Event()
        limit = self._services.deadlines.after(grace_s, over.set)
        quiet = self._services.spawn(self._until_quiet(over), name="gateway drain")
        try:
            await over.wait()
        finally:
            limit.cancel()
            quiet.cancel()

    async def _until_quiet(self, over: asyncio.Event) -> None:
        await self._traffic.quiet()
        over.set()

    def _become(self, state: GatewayState) -> None:
        self._state = state
        log.info("gateway %s address=%s", state.phase.value, state.address)
        self._services.bus.publish(GatewayChanged(state))


# --- sockets ------------------------------------------------------------------------------------------------


async def _listening(host: str, port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of `host`, all on the same port."""
    sockets: list[socket.socket] = []
    try:
        for family, address in await _addresses(host):
            wanted = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bound(family, address, wanted))
    # UnicodeError: what the idna codec says of a name that cannot be one.
    except (OSError, UnicodeError) as error:
        for opened in sockets:
            opened.close()
        raise await _explained(error, host, port) from error
    return sockets


async def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    name = host.strip("[]")
    found = await asyncio.get_running_loop().getaddrinfo(
        name, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    # IPv4 first: that is what clients are told, and some machines name an IPv6 loopback they do not have.
    addresses: list[tuple[socket.AddressFamily, str]] = sorted(
        {(family, str(where[0])) for family, _, _, _, where in found}
    )
    if name == "localhost":
        return [one for one in addresses if one[0] is socket.AF_INET] or addresses
    return addresses


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            # There SO_REUSEADDR would let two programs share the port, each getting some of the clients.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


async def _explained(error: OSError | UnicodeError, host: str, port: int) -> CannotListen:
    where = f"{host}:{port}"
    if isinstance(error, socket.gaierror | UnicodeError):
        return CannotListen(f"The address '{host}' is unknown.", hint="Change the setting gateway.host.")
    match error.errno:
        case errno.EADDRINUSE:
            return await _taken(host, port)
        case errno.EACCES:
            return CannotListen(
                f"This user may not listen on {where}.", hint="Choose a port above 1023 in gateway.port."
            )
        case errno.EADDRNOTAVAIL:
            return CannotListen(
                f"This machine does not have the address '{host}'.", hint="Change the setting gateway.host."
            )
        case _:
            return CannotListen(f"Listening on {where} failed: {error.strerror or error}.")


async def _taken(host: str, port: int) -> CannotListen:
    holder = await offload(holder_of, port)
    free = await _free_port(host, port)
    return CannotListen(
        f"Port {port} is in use by {holder or 'another program'}.",
        hint=f"Close that program, or set gateway.port (--port) to a free one such as {free}."
        if free
        else "Close that program, or set gateway.port (--port) to a free one.",
        free_port=free,
    )


async def _free_port(host: str, port: int) -> int:
    """The next port after `port` that is free now, else any free one; 0 when there is none."""
    family, address = (await _addresses(host))[0]
    near = range(port + 1, min(port + _NEAR, 65_536))
    for candidate in (*near, 0):
        try:
            with _bound(family, address, candidate) as free:
                return int(free.getsockname()[1])
        except OSError:
            continue
    return 0
